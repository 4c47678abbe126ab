//! Two signed notices that cannot both stand.

use super::order::{answers, pull};
use super::*;
use crate::Decision;

/// A register whose second notice exists twice: the log, and another number 2 with what follows it.
fn forked() -> (Publisher, Publisher) {
    let mut one = Publisher::new();
    one.open(OTHER);
    let mut two = Publisher::new();
    two.push(&Proposal::parse(&one.texts[0]).unwrap());
    one.open(DEBTOR);
    two.open(LINKED);
    one.open(OTHER);
    two.open(OTHER);
    (one, two)
}

fn decide(bank: &mut Bank, decision: Decision) -> Result<(), Code> {
    let now = bank.now;
    bank.verifier()
        .notice_decide(now, REGISTER, decision)
        .map_err(|problem| problem.code)
}

fn frozen_at(bank: &mut Bank) -> Option<u64> {
    let streams = bank.verifier().notice_streams();
    streams[0].frozen.as_ref().map(|frozen| frozen.number)
}

#[test]
fn another_notice_under_a_used_number_stops_everything_and_both_are_kept() {
    let (one, two) = forked();
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    bank.take(&one.texts[0]).unwrap();
    bank.take(&one.texts[1]).unwrap();
    assert_eq!(bank.take(&two.texts[1]), Err(Code::NoticeConflict));
    assert_eq!(frozen_at(&mut bank), Some(2));
    bank.reopen();
    assert_eq!(
        bank.take(&one.texts[2]),
        Ok(Taken::Frozen),
        "nothing acts, not even what would be right"
    );
    assert_eq!((bank.next(), frozen_at(&mut bank)), (3, Some(2)));
    assert_eq!(bank.events(), [event(DEBTOR, Effect::Block, 2)]);
    let mut evidence = bank.verifier().notice_evidence(REGISTER).unwrap();
    let mut both = vec![one.texts[1].clone(), two.texts[1].clone()];
    evidence.sort();
    both.sort();
    assert_eq!(evidence, both);
    let now = bank.now.plus(600);
    let due = bank.verifier().notices_due(now).unwrap();
    let is_range = |pull: &crate::Pull| matches!(pull.ask, credentials::protocol::notice::Ask::Range { .. });
    assert!(!due.iter().any(is_range), "nothing is pulled to act on");
}

#[test]
fn an_operator_who_keeps_ours_refuses_the_other_for_good() {
    let (one, two) = forked();
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    assert_eq!(
        decide(&mut bank, Decision::Keep),
        Err(Code::NotFound),
        "there is nothing to decide"
    );
    bank.take(&one.texts[0]).unwrap();
    bank.take(&one.texts[1]).unwrap();
    bank.take(&two.texts[1]).unwrap_err();
    decide(&mut bank, Decision::Keep).unwrap();
    bank.reopen();
    assert_eq!(bank.take(&two.texts[1]), Err(Code::NoticeConflict));
    assert_eq!(frozen_at(&mut bank), None, "what was decided does not freeze again");
    assert_eq!(bank.take(&one.texts[2]), Ok(Taken::Acted(1)));
    assert_eq!(bank.matches(), [state(DEBTOR, MatchState::Blocked)]);
}

#[test]
fn an_operator_who_replaces_ours_has_its_effects_taken_back_and_pulls_the_other() {
    let (one, two) = forked();
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    bank.take(&one.texts[0]).unwrap();
    bank.take(&one.texts[1]).unwrap();
    bank.take(&one.texts[2]).unwrap();
    bank.take(&two.texts[1]).unwrap_err();
    assert_eq!(decide(&mut bank, Decision::Replace { from: 9 }), Err(Code::Malformed));
    assert_eq!(decide(&mut bank, Decision::Replace { from: 0 }), Err(Code::Malformed));
    decide(&mut bank, Decision::Replace { from: 2 }).unwrap();
    assert_eq!(bank.matches(), []);
    assert_eq!(
        bank.events(),
        [event(DEBTOR, Effect::Block, 2), event(DEBTOR, Effect::Reopen, 2)]
    );
    bank.reopen();
    pull(&mut bank, &mut |ask| answers(&two, ask));
    assert_eq!((bank.next(), frozen_at(&mut bank)), (4, None));
    assert_eq!(bank.matches(), [state(LINKED, MatchState::Blocked)]);
    assert_eq!(
        bank.take(&one.texts[1]),
        Err(Code::NoticeConflict),
        "what was taken back stays out"
    );
    assert_eq!(frozen_at(&mut bank), None);
}

#[test]
fn a_hash_that_does_not_follow_is_a_fork_and_stops_everything() {
    let (one, two) = forked();
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    bank.take(&one.texts[0]).unwrap();
    bank.take(&one.texts[1]).unwrap();
    assert_eq!(
        bank.take(&two.texts[2]),
        Err(Code::NoticeConflict),
        "it follows another number 2"
    );
    assert_eq!((bank.next(), frozen_at(&mut bank)), (3, Some(2)));
    decide(&mut bank, Decision::Replace { from: 2 }).unwrap();
    pull(&mut bank, &mut |ask| answers(&two, ask));
    assert_eq!(bank.next(), 4);
    let mut fresh = Bank::with(&[DEBTOR]);
    let wrong = one.at(1, [7; 32], &subject("aapning", DEBTOR, None));
    assert_eq!(
        fresh.take(wrong.text()),
        Err(Code::NoticeConflict),
        "the first follows nothing"
    );
    assert_eq!(fresh.events(), []);
}

#[test]
fn two_that_wait_under_one_number_stop_the_stream_before_either_acts() {
    let (one, two) = forked();
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    assert_eq!(bank.take(&one.texts[1]), Ok(Taken::Waiting(1, 1)));
    assert_eq!(bank.take(&two.texts[1]), Err(Code::NoticeConflict));
    assert_eq!(bank.take(&one.texts[0]), Ok(Taken::Frozen));
    assert_eq!((bank.next(), bank.events()), (1, Vec::new()));
    assert_eq!(bank.verifier().notice_evidence(REGISTER).unwrap().len(), 2);
    decide(&mut bank, Decision::Keep).unwrap();
    assert_eq!(bank.take(&one.texts[0]), Ok(Taken::Acted(2)));
    assert_eq!(bank.events(), [event(DEBTOR, Effect::Block, 2)]);
}
