//! Which held credentials answer a query: a pure function of what is held and the time.

use credentials::Timestamp;
use credentials::query::{self, CredentialQuery, Query};
use credentials::status::State;
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
    /// Copies count as used because the wallet was restored or copied.
    pub(crate) has_void: bool,
    /// Copies that may be shown, with what the status list last said of each.
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
    /// Its copies count as used, because the wallet was restored or copied.
    Void,
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
    } else if held.has_void {
        Lack::Void
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

#[cfg(test)]
mod tests {
    use super::*;
    use credentials::query::ClaimQuery;
    use credentials::schema::Path;
    use serde_json::json;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_unix(day * 86_400)
    }

    fn asking(queries: &[(&str, &str)]) -> Query {
        Query {
            credentials: queries
                .iter()
                .map(|(id, vct)| CredentialQuery {
                    id: (*id).to_owned(),
                    vct: (*vct).to_owned(),
                    claims: vec![ClaimQuery {
                        path: Path::of(&["a"]),
                        values: Vec::new(),
                    }],
                })
                .collect(),
        }
    }

    fn held<'a>(id: &'a str, vct: &'a str, claims: &'a Value, number: &'a str) -> Candidate<'a> {
        Candidate {
            id,
            vct,
            claims,
            number: Some(number),
            valid_from: at(1),
            expires: at(100),
            is_replaced: false,
            has_void: false,
            unused: vec![(0, None), (1, Some(State::Valid))],
        }
    }

    fn choice(credential: &str, copy: u32) -> Choice {
        Choice {
            credential: credential.to_owned(),
            copy,
        }
    }

    #[test]
    fn of_several_that_fit_the_one_that_expires_first_is_shown() {
        let claims = json!({ "a": "1" });
        let later = held("x", "t", &claims, "p");
        let sooner = Candidate {
            expires: at(50),
            ..held("y", "t", &claims, "p")
        };
        let query = asking(&[("q", "t")]);
        let chosen = select(&query, &[later, sooner], at(10)).expect("fits");
        assert_eq!(chosen["q"], choice("y", 0));
    }

    #[test]
    fn two_queries_never_get_the_same_copy() {
        let claims = json!({ "a": "1" });
        let query = asking(&[("q", "t"), ("r", "t")]);
        let one = [held("x", "t", &claims, "p")];
        let chosen = select(&query, &one, at(10)).expect("fits");
        assert_eq!((&chosen["q"], &chosen["r"]), (&choice("x", 0), &choice("x", 1)));
        let single = [Candidate {
            unused: vec![(4, None)],
            ..held("x", "t", &claims, "p")
        }];
        let lacks = select(&query, &single, at(10)).expect_err("one copy, two queries");
        assert_eq!(lacks, [("r".to_owned(), Lack::Spent)]);
    }

    #[test]
    fn a_suspended_copy_is_passed_over_while_another_is_free() {
        let claims = json!({ "a": "1" });
        let one = [Candidate {
            unused: vec![(0, Some(State::Suspended)), (1, None)],
            ..held("x", "t", &claims, "p")
        }];
        let chosen = select(&asking(&[("q", "t")]), &one, at(10)).expect("fits");
        assert_eq!(chosen["q"], choice("x", 1));
    }

    #[test]
    fn what_has_no_number_is_shown_alone_only() {
        let claims = json!({ "a": "1" });
        let both = [
            Candidate {
                number: None,
                ..held("x", "t", &claims, "")
            },
            Candidate {
                number: None,
                ..held("y", "u", &claims, "")
            },
        ];
        assert!(select(&asking(&[("q", "t")]), &both, at(10)).is_ok());
        let lacks = select(&asking(&[("q", "t"), ("r", "u")]), &both, at(10));
        let lacks = lacks.expect_err("nobody says they are one person's");
        assert!(lacks.iter().all(|(_, lack)| *lack == Lack::OtherPerson));
    }

    #[test]
    fn each_reason_is_told_apart_and_the_nearest_counts() {
        let claims = json!({ "a": "1" });
        let other = json!({ "b": "1" });
        let fits = || held("x", "t", &claims, "p");
        let out = |unused| Candidate { unused, ..fits() };
        let query = asking(&[("q", "t")]);
        let check = |all: Vec<Candidate<'_>>, expected: Lack| {
            let lacks = select(&query, &all, at(10)).expect_err("nothing fits");
            assert_eq!(lacks, [("q".to_owned(), expected)]);
        };
        check(vec![], Lack::Missing);
        check(vec![held("x", "u", &claims, "p")], Lack::Missing);
        check(vec![held("x", "t", &other, "p")], Lack::Unfitting);
        let expired = || Candidate {
            expires: at(10),
            ..fits()
        };
        check(vec![expired()], Lack::Expired);
        check(
            vec![Candidate {
                valid_from: at(11),
                ..fits()
            }],
            Lack::NotYetValid,
        );
        check(
            vec![Candidate {
                is_replaced: true,
                ..fits()
            }],
            Lack::Superseded,
        );
        check(vec![out(vec![(0, Some(State::Revoked))])], Lack::Revoked);
        check(vec![out(vec![(0, Some(State::Suspended))])], Lack::Suspended);
        check(vec![out(vec![(0, Some(State::Superseded))])], Lack::Superseded);
        check(vec![out(vec![])], Lack::Spent);
        let void = |unused| Candidate {
            has_void: true,
            ..out(unused)
        };
        check(vec![void(vec![])], Lack::Void);
        check(vec![void(vec![(0, Some(State::Revoked))])], Lack::Revoked);
        check(vec![expired(), out(vec![])], Lack::Spent);
        assert!(select(&query, &[expired(), fits()], at(10)).is_ok());
    }
}
