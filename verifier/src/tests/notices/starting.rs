//! Where a receiver begins: at the register's first number, or at a checkpoint that two keys signed; and after a restore.

use super::order::{answers, pull};
use super::*;
use credentials::notice::{At, Checkpoint, Debtor, Opening, Paper};
use credentials::protocol::notice::{Ask, CHUNK, Reply};

const STANDING: &str = "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10";

/// A register that published 300 notices before this log begins, with a checkpoint at that number.
struct Old {
    register: Publisher,
    checkpoint: String,
    state: Vec<u8>,
    base: [u8; 32],
}

fn checkpoint(number: u64, hash: &[u8; 32], state: &[u8]) -> String {
    let at = At {
        register: &register(),
        number,
        hash,
        registered: noon(),
    };
    let paper = Paper::parse(&Checkpoint::write(&at, state, noon())).unwrap();
    let once = paper.sign(&format!("{REGISTER}#key-1"), &key(71), noon()).unwrap();
    let twice = once.sign(&format!("{REGISTER}#key-2"), &key(72), noon()).unwrap();
    twice.text().to_owned()
}

fn old(openings: usize) -> Old {
    let mut standing = vec![Opening {
        uuid: STANDING.to_owned(),
        number: 7,
        debtor: Debtor::Company(DEBTOR.to_owned()),
    }];
    standing.extend((1..openings as u64).map(|number| Opening {
        uuid: format!("00000000-0000-4000-8000-{number:012x}"),
        number: number % 300 + 1,
        debtor: Debtor::Company(OTHER.to_owned()),
    }));
    let state = Checkpoint::state(&standing).unwrap();
    let base = [5; 32];
    Old {
        register: Publisher {
            hash: base,
            ..Publisher::new()
        },
        checkpoint: checkpoint(300, &base, &state),
        state,
        base,
    }
}

impl Old {
    fn answer(&self, ask: &Ask) -> Reply {
        match ask {
            Ask::Newest { .. } => Reply::Newest {
                notice: self.register.texts.last().cloned(),
                checkpoint: Some(self.checkpoint.clone()),
            },
            Ask::State { offset, .. } => Reply::State {
                total: self.state.len() as u32,
                bytes: self.state.iter().skip(*offset as usize).take(CHUNK).copied().collect(),
            },
            // What the register published before this log begins.
            Ask::Range { from: ..=300, .. } => Reply::Range { notices: Vec::new() },
            Ask::Range { from, count, .. } => Reply::Range {
                notices: self
                    .register
                    .texts
                    .iter()
                    .skip(usize::try_from(from - 301).unwrap())
                    .take(usize::from(*count))
                    .cloned()
                    .collect(),
            },
            other => answers(&self.register, other),
        }
    }

    /// The next notice after the checkpoint.
    fn say(&mut self, subject: &Map<String, Value>) {
        let number = 301 + self.register.texts.len() as u64;
        let proposal = self.register.at(number, self.register.hash, subject);
        self.register.push(&proposal);
    }
}

#[test]
fn a_new_bank_begins_at_the_checkpoint_with_the_openings_that_stand() {
    let mut old = old(1);
    old.say(&subject("aapning", OTHER, None));
    old.say(&subject("sletting", DEBTOR, Some(STANDING)));
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    pull(&mut bank, &mut |ask| old.answer(ask));
    assert_eq!(bank.next(), 303);
    let expected = [
        event(DEBTOR, Effect::Block, 7),
        event(OTHER, Effect::Block, 301),
        event(DEBTOR, Effect::Reopen, 302),
    ];
    assert_eq!(bank.events(), expected);
    bank.reopen();
    assert_eq!(bank.verifier().notice_streams()[0].base, 300);
    // It hands on what it began with.
    let Reply::Newest { checkpoint, .. } = bank.verifier().answer_notice(&Ask::Newest {
        register: REGISTER.to_owned(),
    }) else {
        panic!("newest")
    };
    assert_eq!(checkpoint, Some(old.checkpoint.clone()));
    let other = old.register.at(300, [1; 32], &subject("aapning", DEBTOR, None));
    assert_eq!(
        bank.take(other.text()),
        Err(Code::NoticeConflict),
        "another notice of the checkpoint's number"
    );
}

#[test]
fn a_notice_that_does_not_follow_the_checkpoint_stops_the_stream() {
    let mut old = old(1);
    let mut bank = Bank::with(&[DEBTOR]);
    pull(&mut bank, &mut |ask| old.answer(ask));
    old.register.hash = [6; 32];
    old.say(&subject("aapning", OTHER, None));
    assert_eq!(bank.take(&old.register.texts[0]), Err(Code::NoticeConflict));
    assert_ne!(old.base, [6; 32]);
    assert_eq!(bank.next(), 301);
}

#[test]
fn a_long_list_of_openings_comes_in_pieces_and_a_false_one_is_not_begun_with() {
    let mut old = old(2_000);
    assert!(old.state.len() > CHUNK);
    let mut bank = Bank::with(&[DEBTOR]);
    pull(&mut bank, &mut |ask| old.answer(ask));
    assert_eq!((bank.next(), bank.matches().len()), (301, 1));
    let mut other = Bank::with(&[DEBTOR]);
    let at = old.state.len() - 5;
    old.state[at] ^= 1;
    let mut asked = 0;
    let mut answer = |ask: &Ask| {
        asked += 1;
        if asked > 8 {
            Reply::Problem(Code::NotFound.into())
        } else {
            old.answer(ask)
        }
    };
    pull(&mut other, &mut answer);
    assert_eq!((other.next(), other.matches()), (1, Vec::new()));
}

#[test]
fn a_checkpoint_that_one_key_signed_is_refused_and_one_after_the_beginning_not_used() {
    let mut old = old(1);
    let mut value: Value = serde_json::from_str(&old.checkpoint).unwrap();
    value["proof"].as_array_mut().unwrap().pop();
    let now = noon();
    let mut bank = Bank::with(&[DEBTOR]);
    let pulls = bank.verifier().notices_due(now).unwrap();
    let reply = Reply::Newest {
        notice: None,
        checkpoint: Some(value.to_string()),
    };
    let refused = bank.verifier().take_notices(now, &pulls[0], reply).unwrap_err();
    assert_eq!(refused.code, Code::SecondKeyMissing);
    // A bank whose log has begun follows notice by notice.
    let mut register = Publisher::new();
    register.open(OTHER);
    let mut begun = Bank::with(&[DEBTOR]);
    begun.take(&register.texts[0]).unwrap();
    old.say(&subject("aapning", OTHER, None));
    let pulls = begun.verifier().notices_due(now).unwrap();
    let reply = old.answer(&pulls[0].ask);
    begun.verifier().take_notices(now, &pulls[0], reply).unwrap();
    assert_eq!((begun.next(), begun.matches()), (2, Vec::new()));
    assert_eq!(begun.verifier().notices_missing(REGISTER), Some((2, 300)));
}

#[test]
fn a_restored_bank_pulls_from_its_last_number() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    register.open(OTHER);
    bank.take(&register.texts[0]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    bank.verifier = None;
    bank.store().backup(&file, None).unwrap();
    bank.reopen();
    register.open(DEBTOR);
    bank.take(&register.texts[1]).unwrap();
    bank.verifier = None;
    bank.home = tempfile::tempdir().unwrap();
    let dir = bank.home.path().join("store");
    drop(Store::restore(&file, &dir, &Bank::passphrase(), Bank::entropy()).unwrap());
    bank.reopen();
    assert_eq!(bank.next(), 2);
    pull(&mut bank, &mut |ask| answers(&register, ask));
    let expected = [event(OTHER, Effect::Block, 1), event(DEBTOR, Effect::Block, 2)];
    assert_eq!(bank.events(), expected, "the same effects under the same numbers");
}
