//! Which askers are still to be told of which withdrawals: each asker in its own turn, so that one that never answers holds up nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use credentials::Did;

use super::GrantId;

/// Withdrawals that askers have not acknowledged.
#[derive(Default)]
pub(crate) struct Untold {
    askers: BTreeMap<Did, Turn>,
}

/// Those of one asker.
#[derive(Default)]
struct Turn {
    waiting: BTreeSet<GrantId>,
    /// The one that was its turn last.
    last: Option<GrantId>,
}

impl Untold {
    pub(super) fn insert(&mut self, asker: Did, id: GrantId) {
        self.askers.entry(asker).or_default().waiting.insert(id);
    }

    pub(super) fn remove(&mut self, id: &GrantId) {
        self.askers.retain(|_, turn| {
            turn.waiting.remove(id);
            !turn.waiting.is_empty()
        });
    }

    /// The next in turn of each asker that `is_free` picks.
    pub(super) fn next(&mut self, is_free: &mut dyn FnMut(&Did) -> bool) -> Vec<(Did, GrantId)> {
        let mut next = Vec::new();
        for (asker, turn) in self.askers.iter_mut().filter(|(asker, _)| is_free(asker)) {
            let after = turn.last.map_or(Unbounded, Excluded);
            let mut behind = turn.waiting.range((after, Unbounded));
            let id = behind.next().or_else(|| turn.waiting.first()).copied();
            turn.last = id;
            next.extend(id.map(|id| (asker.clone(), id)));
        }
        next
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn did(name: &str) -> Did {
        Did::parse(&format!("did:web:{name}.example")).unwrap()
    }

    fn id(number: u8) -> GrantId {
        [number; 32]
    }

    #[test]
    fn an_asker_that_never_answers_keeps_no_other_from_being_told() {
        let mut untold = Untold::default();
        for number in 0..200 {
            untold.insert(did("dead"), id(number));
        }
        untold.insert(did("bank"), id(255));
        let told = untold.next(&mut |_| true);
        assert_eq!(told, [(did("bank"), id(255)), (did("dead"), id(0))]);
        // Its own come in turn, also behind one that it never acknowledges.
        let mut only_dead = |asker: &Did| *asker == did("dead");
        for number in (1..200).chain(0..3) {
            assert_eq!(untold.next(&mut only_dead), [(did("dead"), id(number))]);
        }
        untold.remove(&id(255));
        assert_eq!(untold.next(&mut |asker| *asker == did("bank")), []);
    }
}
