//! Who plays in the story of trust: anchors, agencies and banks that do not exist, each with a synthetic number.

use credentials::identifier::OrganisationNumber;
use credentials::{Code, Did, Problem};

/// Most of each kind: beyond it a list would not fit the program's limits for a list.
const COUNT_MAX: usize = 200;
/// Fewest anchors: a signature needs two of two classes, and one of three may be away.
const ANCHORS_MIN: usize = 3;
/// Fewest agencies: one that identifies people, the register of bankruptcies, a rogue, and one that is admitted.
const AGENCIES_MIN: usize = 4;
/// Fewest banks: half a percentile table of one says nothing.
const BANKS_MIN: usize = 2;
/// First eight digits from which numbers are counted.
const NUMBERS_FROM: u32 = 31_400_000;

/// The same for those that lie.
const LIARS_FROM: u32 = 32_400_000;

/// Adjectives and nouns of the synthetic people of the public sector's own test data.
const FIRST: &[&str] = &["stille", "munter", "rolig", "trygg", "blid", "kvikk", "klok", "rask"];
const SECOND: &[&str] = &[
    "granskog",
    "havbris",
    "eikelund",
    "fjelltopp",
    "elvebredd",
    "bregne",
    "kystlinje",
    "kvist",
    "lyngbakke",
    "furumo",
    "bjerkeli",
    "strandeng",
    "vardefjell",
    "sundbru",
    "moseberg",
    "hasselnes",
];

/// What an organisation does in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Signs the list; has no node of its own.
    Anchor,
    /// Identifies people (C01).
    Identity,
    /// Registers companies and publishes bankruptcies (C06, C10).
    Register,
    /// Identifies people too, until it turns out to be a fraud.
    Rogue,
    /// Is admitted while the network runs.
    Newcomer,
    /// Any other agency.
    Agency,
    /// Mirrors every list and answers for its customers.
    Bank,
}

/// A class of anchors, as `bevis trust init --class` has it.
pub(super) const CLASSES: &[&str] = &["agency", "bank", "other"];

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Name of its home.
    pub(super) home: String,
    /// What it does.
    pub(super) part: Part,
    /// organisasjonsnummer.
    pub(super) number: String,
    /// Registered name.
    pub(super) name: String,
    /// did:web.
    pub(super) did: String,
    /// Class of an anchor.
    pub(super) class: &'static str,
    /// Types it issues.
    pub(super) issues: &'static [&'static str],
    /// Services it asks under.
    pub(super) services: &'static [&'static str],
}

/// How many of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) anchors: usize,
    pub(super) agencies: usize,
    pub(super) banks: usize,
}

impl Sizes {
    /// Refuses what the story cannot be told with, naming the flag.
    pub(super) fn check(self) -> Result<(), Problem> {
        for (flag, count, least) in [
            ("--anchors", self.anchors, ANCHORS_MIN),
            ("--agencies", self.agencies, AGENCIES_MIN),
            ("--banks", self.banks, BANKS_MIN),
        ] {
            if !(least..=COUNT_MAX).contains(&count) {
                return Err(Problem::new(Code::Usage, format!("{flag} {least}..{COUNT_MAX}")));
            }
        }
        Ok(())
    }
}

fn part(index: usize) -> Part {
    match index {
        0 => Part::Identity,
        1 => Part::Register,
        2 => Part::Rogue,
        3 => Part::Newcomer,
        _ => Part::Agency,
    }
}

/// Types of the agencies that have no part of their own, in turn.
const ISSUED: &[&[&str]] = &[&["C02"], &["C03"], &["C04"]];

/// Services of a bank: between them they may ask for every type but the register's, so that it mirrors the lists of all other
/// agencies; and it receives notices.
const ASKED: &[&str] = &["S01", "S11", "S15", "K02"];

fn issued(part: Part, index: usize) -> &'static [&'static str] {
    match part {
        Part::Identity | Part::Rogue | Part::Newcomer => &["C01"],
        Part::Register => &["C06"],
        Part::Agency => ISSUED.get(index % ISSUED.len()).copied().unwrap_or(&["C02"]),
        Part::Anchor | Part::Bank => &[],
    }
}

/// Everybody, anchors first, then agencies, then banks. The same sizes give the same cast.
pub(super) fn cast(sizes: Sizes) -> Vec<Member> {
    let mut numbers = (NUMBERS_FROM..).filter_map(OrganisationNumber::synthetic);
    let mut member = |part, home: String, name: String, index: usize| Member {
        did: format!("did:web:{}.example", name.to_lowercase().replace(' ', "-")),
        number: numbers
            .next()
            .map(|number| number.as_str().to_owned())
            .unwrap_or_default(),
        class: CLASSES.get(index % CLASSES.len()).copied().unwrap_or("other"),
        issues: issued(part, index),
        services: match part {
            Part::Bank => ASKED,
            Part::Identity | Part::Rogue | Part::Newcomer | Part::Anchor => &[],
            Part::Register | Part::Agency => &["K02"],
        },
        home,
        part,
        name,
    };
    let mut all = Vec::new();
    for index in 0..sizes.anchors {
        all.push(member(
            Part::Anchor,
            format!("anchor-{}", index + 1),
            format!("Anker {}", index + 1),
            index,
        ));
    }
    for index in 0..sizes.agencies {
        let name = format!("{} tilsyn", words(index));
        all.push(member(
            part(index),
            format!("agency-{:02}", index + 1),
            capital(&name),
            index,
        ));
    }
    for index in 0..sizes.banks {
        let name = format!("{} sparebank", words(index));
        all.push(member(
            Part::Bank,
            format!("bank-{:03}", index + 1),
            name.to_uppercase(),
            index,
        ));
    }
    all
}

/// The n-th of those that lie: DID, organisasjonsnummer, name.
pub(in crate::demo) fn liar(place: usize) -> Option<(Did, String, String)> {
    let number = (LIARS_FROM..).filter_map(OrganisationNumber::synthetic).nth(place)?;
    let did = Did::parse(&format!("did:web:tvilsom-{}.example", place.saturating_add(1)))?;
    Some((
        did,
        number.as_str().to_owned(),
        format!("Tvilsom {}", place.saturating_add(1)),
    ))
}

/// The n-th pair of words; a number tells later rounds apart.
fn words(index: usize) -> String {
    let first = FIRST.get(index % FIRST.len()).copied().unwrap_or_default();
    let second = SECOND
        .get(index / FIRST.len() % SECOND.len())
        .copied()
        .unwrap_or_default();
    match index / (FIRST.len() * SECOND.len()) {
        0 => format!("{first} {second}"),
        round => format!("{first} {second} {}", round + 1),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const FULL: Sizes = Sizes {
        anchors: 5,
        agencies: 30,
        banks: 114,
    };

    #[test]
    fn all_have_numbers_names_and_dids_of_their_own_and_every_number_is_synthetic_and_valid() {
        let largest = Sizes {
            anchors: COUNT_MAX,
            agencies: COUNT_MAX,
            banks: COUNT_MAX,
        };
        for sizes in [FULL, largest] {
            let all = cast(sizes);
            assert_eq!(all.len(), sizes.anchors + sizes.agencies + sizes.banks);
            for texts in [
                all.iter().map(|m| m.number.as_str()).collect::<BTreeSet<_>>(),
                all.iter().map(|m| m.name.as_str()).collect(),
                all.iter().map(|m| m.did.as_str()).collect(),
                all.iter().map(|m| m.home.as_str()).collect(),
            ] {
                assert_eq!(texts.len(), all.len());
            }
            let liars: Vec<_> = (0..COUNT_MAX).filter_map(liar).collect();
            assert_eq!(liars.len(), COUNT_MAX);
            assert!(
                liars
                    .iter()
                    .all(|(_, number, _)| all.iter().all(|member| member.number != *number))
            );
            for member in &all {
                let number = OrganisationNumber::parse(&member.number).expect("valid");
                assert!(number.is_synthetic(), "{member:?}");
                assert!(matches!(Did::parse(&member.did), Some(Did::Web(_))), "{member:?}");
            }
        }
    }

    #[test]
    fn the_smallest_cast_has_every_part_and_anchors_of_three_classes() {
        let sizes = Sizes {
            anchors: ANCHORS_MIN,
            agencies: AGENCIES_MIN,
            banks: BANKS_MIN,
        };
        assert_eq!(sizes.check(), Ok(()));
        let all = cast(sizes);
        for part in [
            Part::Anchor,
            Part::Identity,
            Part::Register,
            Part::Rogue,
            Part::Newcomer,
            Part::Bank,
        ] {
            assert!(all.iter().any(|member| member.part == part), "{part:?}");
        }
        let classes: BTreeSet<_> = all.iter().filter(|m| m.part == Part::Anchor).map(|m| m.class).collect();
        assert_eq!(classes.len(), 3);
        for fewer in [
            Sizes { anchors: 2, ..sizes },
            Sizes { agencies: 3, ..sizes },
            Sizes { banks: 1, ..sizes },
            Sizes { banks: 201, ..sizes },
        ] {
            assert_eq!(fewer.check().map_err(|p| p.code), Err(Code::Usage), "{fewer:?}");
        }
    }
}
