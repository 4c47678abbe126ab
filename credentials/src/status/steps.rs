//! How a list came from earlier contents to the one it has, kept by its issuer and by whoever mirrors it.

use super::Changes;
use std::collections::VecDeque;

/// Most changes of one list that are kept so that others can be given what changed: 64 KiB.
const STEPS_CHANGES_MAX: usize = 8_192;
/// Most steps of one list that are kept: a quarter of an hour at the rate of digests that an issuer has.
const STEPS_MAX: usize = 128;

/// The last contents of one list, each with what changed until the next.
///
/// At most 128 steps and 8,192 changes; what goes beyond drops the oldest. Contents are named by their hash.
#[derive(Clone, Debug, Default)]
pub struct Steps(VecDeque<Step>);

/// From one content to the next.
#[derive(Clone, Debug)]
struct Step {
    from: String,
    to: String,
    changes: Changes,
}

impl Steps {
    /// Adds a step. One that does not begin where the last ended takes the place of all before it.
    pub fn push(&mut self, from: String, to: String, changes: Changes) {
        if self.last().is_some_and(|last| last != from) {
            self.0.clear();
        }
        self.0.push_back(Step { from, to, changes });
        let mut count: usize = self.0.iter().map(|step| step.changes.len()).sum();
        while self.0.len() > STEPS_MAX || count > STEPS_CHANGES_MAX {
            let Some(oldest) = self.0.pop_front() else { break };
            count = count.saturating_sub(oldest.changes.len());
        }
    }

    /// The content that the newest step leads to.
    pub fn last(&self) -> Option<&str> {
        self.0.back().map(|step| step.to.as_str())
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// All that changed between two contents. None when not every step between them is kept, or when they have more changes
    /// than [`super::CHANGES_MAX`].
    pub fn between(&self, from: &str, to: &str) -> Option<Changes> {
        let begin = self.0.iter().rposition(|step| step.from == from)?;
        let rest = || self.0.iter().skip(begin);
        let end = rest().position(|step| step.to == to)?;
        Changes::new(rest().take(end.saturating_add(1)).flat_map(|step| step.changes.iter()))
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let step = |step: &Step| {
            std::mem::size_of::<Step>() + step.changes.len() * 8 + step.from.capacity() + step.to.capacity()
        };
        self.0.iter().map(step).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CHANGES_MAX, State};
    use super::*;

    fn changes(range: std::ops::Range<u32>) -> Changes {
        Changes::new(range.map(|index| (index, State::Revoked))).unwrap()
    }

    fn push(steps: &mut Steps, from: usize, range: std::ops::Range<u32>) {
        steps.push(from.to_string(), (from + 1).to_string(), changes(range));
    }

    #[test]
    fn what_changed_over_several_steps_is_given_in_one_and_the_last_word_counts() {
        let mut steps = Steps::default();
        push(&mut steps, 0, 0..2);
        steps.push("1".into(), "2".into(), Changes::new([(1, State::Suspended)]).unwrap());
        push(&mut steps, 2, 5..6);
        let given = steps.between("0", "2").unwrap();
        assert_eq!(
            given.iter().collect::<Vec<_>>(),
            [(0, State::Revoked), (1, State::Suspended)]
        );
        assert_eq!(steps.between("2", "3"), Some(changes(5..6)));
        assert_eq!(steps.between("3", "2"), None, "no way back");
        assert_eq!(steps.between("0", "9"), None);
        assert_eq!(steps.between("9", "3"), None);
    }

    #[test]
    fn a_content_that_comes_again_is_left_by_its_newest_step() {
        let mut steps = Steps::default();
        steps.push("a".into(), "b".into(), changes(0..1));
        steps.push("b".into(), "a".into(), Changes::new([(0, State::Valid)]).unwrap());
        steps.push("a".into(), "c".into(), changes(7..8));
        assert_eq!(steps.between("a", "c"), Some(changes(7..8)));
    }

    #[test]
    fn a_step_from_elsewhere_begins_anew() {
        let mut steps = Steps::default();
        push(&mut steps, 0, 0..1);
        push(&mut steps, 5, 1..2);
        assert_eq!(steps.between("0", "1"), None);
        assert_eq!(steps.between("5", "6"), Some(changes(1..2)));
    }

    #[test]
    fn the_oldest_steps_go_first_by_count_and_by_changes() {
        let mut steps = Steps::default();
        for at in 0..=STEPS_MAX {
            push(&mut steps, at, 0..1);
        }
        let newest = (STEPS_MAX + 1).to_string();
        assert_eq!(steps.between("0", &newest), None);
        assert!(steps.between("1", &newest).is_some());
        let most = u32::try_from(STEPS_CHANGES_MAX).unwrap();
        push(&mut steps, STEPS_MAX + 1, 0..most - 1);
        assert!(steps.between(&STEPS_MAX.to_string(), steps.last().unwrap()).is_some());
        push(&mut steps, STEPS_MAX + 2, 0..1);
        assert_eq!(steps.between(&STEPS_MAX.to_string(), steps.last().unwrap()), None);
        push(&mut steps, STEPS_MAX + 3, 0..u32::try_from(CHANGES_MAX).unwrap());
        assert_eq!(steps.last(), None, "a step larger than all together is not kept");
        assert_eq!(steps.bytes(), 0);
    }
}
