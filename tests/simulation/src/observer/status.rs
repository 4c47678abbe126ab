//! What the issuers' lists say, beside what the issuers were told to say.

use super::{Checked, MIRROR, Observer, broken, ensure};
use crate::cast::{self, Who};
use credentials::status::{Head, Mirror, Source, State};
use credentials::{Did, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// States that an entry may have, as numbers: several while it is not known whether a change was written.
type May = BTreeSet<u8>;

/// Every state.
const ANY: [State; 4] = [State::Valid, State::Revoked, State::Suspended, State::Superseded];

#[derive(Default)]
pub(crate) struct Books {
    entries: BTreeMap<(String, u32), Entry>,
    /// What each version of a list may say, and the hash of its text.
    published: BTreeMap<(String, u64), Published>,
    /// Times and versions that a process mirrored: machine, process, issuer.
    mirrored: BTreeMap<(Who, u64, Did), Seen>,
}

/// Time of a head, and the version of each list in it.
type Seen = (Timestamp, BTreeMap<String, u64>);

struct Entry {
    issuer: Who,
    may: May,
}

struct Published {
    hash: String,
    entries: BTreeMap<u32, May>,
}

impl Books {
    /// An entry was given out.
    pub(super) fn learn(&mut self, uri: &str, index: u32, issuer: Who, is_unseen: bool) {
        // A delivery that was written before its process died may have been changed since, unseen.
        let may: &[State] = if is_unseen { &ANY } else { &[State::Valid] };
        let entry = Entry {
            issuer,
            may: may.iter().map(|state| *state as u8).collect(),
        };
        self.entries.insert((uri.to_owned(), index), entry);
    }
}

/// Whether a credential in one state can come into another. Revoked is final; superseded can only become revoked.
fn becomes(from: u8, to: u8) -> bool {
    let [valid, revoked, suspended, superseded] = ANY.map(|state| state as u8);
    let ways = [
        (valid, suspended),
        (valid, superseded),
        (valid, revoked),
        (suspended, valid),
        (suspended, superseded),
        (suspended, revoked),
        (superseded, revoked),
    ];
    ways.contains(&(from, to))
}

impl Observer {
    /// The state of a holder's credentials of an issuer was changed, or may have been.
    pub(crate) fn state_changed(&mut self, issuer: Who, number: &str, to: State, is_certain: bool) {
        let to = to as u8;
        let theirs: BTreeSet<(String, u32)> = self
            .copies
            .values()
            .filter(|copy| copy.number == number)
            .map(|copy| (copy.uri.clone(), copy.index))
            .collect();
        for (position, entry) in &mut self.status.entries {
            if entry.issuer != issuer || !theirs.contains(position) {
                continue;
            }
            let after: May = entry
                .may
                .iter()
                .map(|from| if becomes(*from, to) { to } else { *from })
                .collect();
            if is_certain {
                entry.may = after;
            } else {
                entry.may.extend(after);
            }
        }
    }

    /// A head leaves its issuer.
    pub(crate) fn head_leaves(&mut self, issuer: Who, head: &Head) -> Checked {
        for list in &head.lists {
            let named = (list.uri.clone(), list.version);
            if let Some(known) = self.status.published.get(&named) {
                ensure(known.hash == list.hash, MIRROR, || {
                    format!(
                        "two texts of version {} of a list of {}",
                        list.version,
                        cast::name(issuer)
                    )
                })?;
                continue;
            }
            let entries = self
                .status
                .entries
                .iter()
                .filter(|((uri, _), _)| *uri == list.uri)
                .map(|((_, index), entry)| (*index, entry.may.clone()))
                .collect();
            let published = Published {
                hash: list.hash.clone(),
                entries,
            };
            self.status.published.insert(named, published);
        }
        Ok(())
    }

    /// A machine took a head or a list into its mirror.
    pub(crate) fn mirrored(&mut self, who: Who, life: u64, mirror: &Mirror) -> Checked {
        for head in mirror.heads() {
            let versions: BTreeMap<String, u64> = head.lists.iter().map(|l| (l.uri.clone(), l.version)).collect();
            let key = (who, life, head.issuer.clone());
            if let Some((at, before)) = self.status.mirrored.get(&key) {
                let is_lower = |(uri, version): (&String, &u64)| versions.get(uri).is_some_and(|now| now < version);
                ensure(head.issued >= *at && !before.iter().any(is_lower), MIRROR, || {
                    format!("{} went back to an earlier head", cast::name(who))
                })?;
            }
            self.status.mirrored.insert(key, (head.issued, versions));
            for list in mirror.lists().into_iter().filter(|list| list.issuer == head.issuer) {
                // While the newest is not there, the last good one is held.
                let Some(version) = list.version else { continue };
                let Some(published) = self.status.published.get(&(list.uri.clone(), version)) else {
                    return broken(MIRROR, "a list that its issuer never published");
                };
                for (index, may) in &published.entries {
                    let Some((state, _)) = mirror.state(&head.issuer, &list.uri, *index) else {
                        continue;
                    };
                    ensure(may.contains(&(state as u8)), super::KEPT, || {
                        format!("entry {index} of {} is {state:?}, and was told to be {may:?}", list.uri)
                    })?;
                }
            }
        }
        Ok(())
    }
}
