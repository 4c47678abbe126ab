//! Notices that a key signed which was found compromised since.

use super::order::{answers, pull};
use super::*;
use crate::Gossip;
use credentials::notice::{At, Checkpoint, Paper};
use credentials::protocol::notice::{Ask, Digest, Reply};

/// The second key of the register is found compromised; the first and the third are sound.
fn compromise(bank: &mut Bank) {
    bank.trusts(|draft| draft.organisations[0].keys[1].compromised = Some(noon()));
}

/// The last notice signed by sound keys instead.
fn sound(register: &mut Publisher) {
    let last = register.texts.last_mut().unwrap();
    *last = Publisher::sign_by(&Publisher::bare(last), noon(), (3, 74));
}

/// A checkpoint of the first and another key at the register's newest notice.
fn checkpoint(register: &Publisher, (place, seed): (u8, u8)) -> String {
    let at = At {
        register: &super::register(),
        number: register.texts.len() as u64,
        hash: &register.hash,
        registered: noon(),
    };
    let state = Checkpoint::state(&[]).unwrap();
    let paper = Paper::parse(&Checkpoint::write(&at, &state, noon())).unwrap();
    let once = paper.sign(&format!("{REGISTER}#key-1"), &key(71), noon()).unwrap();
    let twice = once
        .sign(&format!("{REGISTER}#key-{place}"), &key(seed), noon())
        .unwrap();
    twice.text().to_owned()
}

/// Answers with this checkpoint too.
fn with_checkpoint(register: &Publisher, checkpoint: &str, ask: &Ask) -> Reply {
    match answers(register, ask) {
        Reply::Newest { notice, .. } => Reply::Newest {
            notice,
            checkpoint: Some(checkpoint.to_owned()),
        },
        other => other,
    }
}

#[test]
fn what_a_compromised_key_signed_acts_when_a_later_notice_by_sound_keys_names_it() {
    let mut register = Publisher::new();
    let wrong = register.open(DEBTOR);
    register.say(&subject("sletting", DEBTOR, Some(&wrong)));
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    compromise(&mut bank);
    pull(&mut bank, &mut |ask| answers(&register, ask));
    assert_eq!(bank.next(), 1, "nothing vouches for it yet");
    assert_eq!(bank.verifier().notices_missing(REGISTER), Some((1, 2)));
    register.open(OTHER);
    sound(&mut register);
    assert_eq!(bank.take(&register.texts[2]), Ok(Taken::Acted(3)));
    let expected = [
        event(DEBTOR, Effect::Block, 1),
        event(DEBTOR, Effect::Reopen, 2),
        event(OTHER, Effect::Block, 3),
    ];
    assert_eq!(bank.events(), expected);
    // The other way round: the sound one is there first.
    let mut late = Bank::with(&[DEBTOR, OTHER]);
    compromise(&mut late);
    assert_eq!(late.take(&register.texts[2]), Ok(Taken::Waiting(1, 2)));
    assert_eq!(late.take(&register.texts[0]), Err(Code::KeyCompromised));
    pull(&mut late, &mut |ask| answers(&register, ask));
    assert_eq!(late.outcome(), bank.outcome());
}

#[test]
fn the_newest_one_acts_when_a_checkpoint_by_sound_keys_names_it() {
    let mut register = Publisher::new();
    register.open(OTHER);
    let mut bank = Bank::with(&[DEBTOR]);
    bank.take(&register.texts[0]).unwrap();
    register.open(DEBTOR);
    compromise(&mut bank);
    // One by the compromised key vouches for nothing, and does not keep the rest of the answer from being read.
    let theirs = checkpoint(&register, (2, 72));
    pull(&mut bank, &mut |ask| with_checkpoint(&register, &theirs, ask));
    assert_eq!((bank.next(), bank.events()), (2, Vec::new()));
    let ours = checkpoint(&register, (3, 74));
    bank.now = noon().plus(400);
    pull(&mut bank, &mut |ask| with_checkpoint(&register, &ours, ask));
    assert_eq!((bank.next(), bank.events()), (3, vec![event(DEBTOR, Effect::Block, 2)]));
    bank.reopen();
    assert_eq!(bank.next(), 3);
}

#[test]
fn a_new_bank_without_a_checkpoint_to_begin_at_passes_old_notices_by_compromised_keys() {
    let mut register = Publisher::new();
    for _ in 0..70 {
        register.open(OTHER);
    }
    register.open(DEBTOR);
    sound(&mut register);
    register.open(OTHER);
    let mut bank = Bank::with(&[DEBTOR]);
    compromise(&mut bank);
    pull(&mut bank, &mut |ask| answers(&register, ask));
    assert_eq!(
        (bank.next(), bank.events()),
        (72, vec![event(DEBTOR, Effect::Block, 71)])
    );
    let ours = checkpoint(&register, (3, 74));
    bank.now = noon().plus(400);
    pull(&mut bank, &mut |ask| with_checkpoint(&register, &ours, ask));
    assert_eq!(bank.next(), 73);
}

#[test]
fn a_forged_one_is_dropped_and_the_right_one_pulled_from_another() {
    let mut register = Publisher::new();
    register.open(OTHER);
    register.open(DEBTOR);
    let mut thief = Publisher::new();
    thief.push(&Proposal::parse(&register.texts[0]).unwrap());
    thief.open(LINKED);
    register.open(OTHER);
    sound(&mut register);
    let mut lied = Publisher::new();
    lied.texts = vec![
        thief.texts[0].clone(),
        thief.texts[1].clone(),
        register.texts[2].clone(),
    ];
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    compromise(&mut bank);
    pull(&mut bank, &mut |ask| answers(&lied, ask));
    assert_eq!(
        (bank.next(), bank.events()),
        (1, Vec::new()),
        "the hash does not lead to it"
    );
    bank.now = noon().plus(5);
    pull(&mut bank, &mut |ask| answers(&register, ask));
    assert_eq!((bank.next(), bank.events()), (4, vec![event(DEBTOR, Effect::Block, 2)]));
}

#[test]
fn whoever_stole_a_key_stops_no_stream_and_fills_no_memory() {
    let mut register = Publisher::new();
    register.open(DEBTOR);
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    bank.take(&register.texts[0]).unwrap();
    compromise(&mut bank);
    // Another number 1 by the stolen keys: sound keys would freeze the stream by it.
    let forged = register.at(1, NOTHING, &subject("aapning", OTHER, None));
    let reply = Reply::Newest {
        notice: Some(forged.text().to_owned()),
        checkpoint: None,
    };
    let now = bank.now;
    let pulls = bank.verifier().notices_due(now).unwrap();
    let refused = bank.verifier().take_notices(now, &pulls[0], reply).unwrap_err();
    assert_eq!(refused.code, Code::KeyCompromised);
    assert!(bank.verifier().notice_streams()[0].frozen.is_none());
    // A later one by gossip is passed over, and whoever handed it on is not blamed: its list may not say so yet.
    let later = register.at(2, register.hash, &subject("aapning", OTHER, None));
    let gossip = Digest::Notice {
        text: later.text().to_owned(),
    };
    let gossip = credentials::protocol::encode(&gossip).unwrap();
    let heard = bank.verifier().take_notice_gossip(now, &super::register(), &gossip);
    assert_eq!(heard, Gossip::Ignore);
    assert_eq!(bank.verifier().notices_missing(REGISTER), None);
    // The same one again is known, whoever signed it.
    let again = Reply::Newest {
        notice: Some(register.texts[0].clone()),
        checkpoint: None,
    };
    assert_eq!(
        bank.verifier().take_notices(now, &pulls[0], again).unwrap(),
        [Taken::Known]
    );
}

#[test]
fn one_that_waited_is_vouched_for_when_its_key_is_compromised_meanwhile() {
    let mut register = Publisher::new();
    register.open(OTHER);
    register.open(DEBTOR);
    register.open(OTHER);
    sound(&mut register);
    let mut bank = Bank::with(&[DEBTOR]);
    assert_eq!(bank.take(&register.texts[1]), Ok(Taken::Waiting(1, 1)));
    compromise(&mut bank);
    pull(&mut bank, &mut |ask| answers(&register, ask));
    assert_eq!((bank.next(), bank.events()), (4, vec![event(DEBTOR, Effect::Block, 2)]));
}
