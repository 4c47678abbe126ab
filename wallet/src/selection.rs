//! Which held credentials answer a query: a pure function of what is held and the time.

use credentials::query::{self, CredentialQuery, Query};
use credentials::status::State;
use credentials::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A held credential, as far as selection looks at it.
pub(crate) struct Candidate<'a> {
    /// Its name in the wallet.
    pub(crate) id: &'a str,
    /// Type.
    pub(crate) vct: &'a str,
    /// All its claims.
    pub(crate) claims: &'a Value,
    /// The person's or company's number, where the type says it stands.
    pub(crate) number: Option<&'a str>,
    /// Not before.
    pub(crate) valid_from: Timestamp,
    /// Not after.
    pub(crate) expires: Timestamp,
    /// A newer credential of the same register row is held.
    pub(crate) is_replaced: bool,
    /// Copies that were never shown, with what the status list last said of each.
    pub(crate) unused: Vec<(u32, Option<State>)>,
}

/// The copy that answers one credential query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Name of the credential.
    pub(crate) credential: String,
    /// Number of its copy.
    pub(crate) copy: u32,
}

/// Why nothing answers a credential query; of several held credentials, the one that came nearest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lack {
    /// None of the type is held.
    Missing,
    /// Held, but without a claim or value that is asked.
    Unfitting,
    /// Expired.
    Expired,
    /// Not valid yet.
    NotYetValid,
    /// A newer one replaced it.
    Superseded,
    /// Revoked.
    Revoked,
    /// Suspended.
    Suspended,
    /// All its copies have been shown.
    Spent,
    /// What is held belongs to different persons.
    OtherPerson,
}

/// Chooses one unused, valid copy for each credential query, all of one person, and of several that fit the one that
/// expires first. Otherwise says for every query that cannot be answered why.
pub(crate) fn select(
    query: &Query,
    held: &[Candidate<'_>],
    now: Timestamp,
) -> Result<BTreeMap<String, Choice>, Vec<(String, Lack)>> {
    let lacks: Vec<_> = query
        .credentials
        .iter()
        .filter_map(|asked| {
            let nearest = held
                .iter()
                .map(|candidate| usable(asked, candidate, now))
                .reduce(|a, b| match (a, b) {
                    (Err(a), Err(b)) => Err(a.max(b)),
                    _ => Ok(()),
                })
                .unwrap_or(Err(Lack::Missing));
            nearest.err().map(|lack| (asked.id.clone(), lack))
        })
        .collect();
    if !lacks.is_empty() {
        return Err(lacks);
    }
    if query.credentials.len() == 1 {
        return assign(query, held.iter().collect(), now);
    }
    // Several credentials in one answer are of one person only if each says so; what has no number can only be shown alone.
    let numbers: BTreeSet<&str> = held.iter().filter_map(|c| c.number).collect();
    let mut nearest = Err(query
        .credentials
        .iter()
        .map(|asked| (asked.id.clone(), Lack::OtherPerson))
        .collect());
    for number in numbers {
        let of_one = held.iter().filter(|c| c.number == Some(number)).collect();
        match assign(query, of_one, now) {
            Ok(choices) => return Ok(choices),
            // One person holds every type that is asked, so the reason is that person's.
            Err(lacks) if lacks.iter().all(|(_, lack)| *lack > Lack::Missing) => {
                nearest = Err(lacks);
            }
            Err(_) => {}
        }
    }
    nearest
}

/// Gives each query a copy of its own, the queries with the fewest credentials to choose from first.
fn assign(
    query: &Query,
    held: Vec<&Candidate<'_>>,
    now: Timestamp,
) -> Result<BTreeMap<String, Choice>, Vec<(String, Lack)>> {
    let mut open: Vec<(&CredentialQuery, Vec<&Candidate<'_>>)> = query
        .credentials
        .iter()
        .map(|asked| {
            let mut fitting: Vec<_> = held
                .iter()
                .copied()
                .filter(|candidate| usable(asked, candidate, now).is_ok())
                .collect();
            fitting.sort_by_key(|candidate| (candidate.expires, candidate.id));
            (asked, fitting)
        })
        .collect();
    open.sort_by_key(|(_, fitting)| fitting.len());
    let mut taken: BTreeSet<(&str, u32)> = BTreeSet::new();
    let mut choices = BTreeMap::new();
    let mut lacks = Vec::new();
    for (asked, fitting) in open {
        let choice = fitting.iter().find_map(|candidate| {
            let copy = free(candidate).find(|copy| !taken.contains(&(candidate.id, *copy)))?;
            Some((candidate.id, copy))
        });
        match choice {
            Some((credential, copy)) => {
                taken.insert((credential, copy));
                choices.insert(
                    asked.id.clone(),
                    Choice {
                        credential: credential.to_owned(),
                        copy,
                    },
                );
            }
            None if fitting.is_empty() => lacks.push((asked.id.clone(), Lack::Missing)),
            None => lacks.push((asked.id.clone(), Lack::Spent)),
        }
    }
    if lacks.is_empty() { Ok(choices) } else { Err(lacks) }
}

/// Whether a held credential answers a query now.
fn usable(asked: &CredentialQuery, held: &Candidate<'_>, now: Timestamp) -> Result<(), Lack> {
    if held.vct != asked.vct {
        return Err(Lack::Missing);
    }
    query::matches(asked, held.claims).map_err(|_| Lack::Unfitting)?;
    if now >= held.expires {
        return Err(Lack::Expired);
    }
    if now < held.valid_from {
        return Err(Lack::NotYetValid);
    }
    if held.is_replaced {
        return Err(Lack::Superseded);
    }
    if free(held).next().is_some() {
        return Ok(());
    }
    let said = |wanted: State| held.unused.iter().any(|(_, said)| *said == Some(wanted));
    Err(if said(State::Revoked) {
        Lack::Revoked
    } else if said(State::Superseded) {
        Lack::Superseded
    } else if said(State::Suspended) {
        Lack::Suspended
    } else {
        Lack::Spent
    })
}

/// Copies that may be shown. What the list has not said anything about yet may be: the asker looks for itself.
fn free(held: &Candidate<'_>) -> impl Iterator<Item = u32> {
    held.unused
        .iter()
        .filter(|(_, said)| matches!(said, None | Some(State::Valid)))
        .map(|(copy, _)| *copy)
}
