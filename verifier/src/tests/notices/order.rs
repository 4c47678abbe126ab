//! Out of order, twice, with gaps, and any mixture of these.

use super::*;
use crate::{Gossip, Pull};
use credentials::protocol::notice::{Ask, Digest, RANGE_MAX, Reply};
use proptest::prelude::*;

#[test]
fn a_notice_twice_acts_once() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(DEBTOR);
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(1)));
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Known));
    bank.reopen();
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Known));
    assert_eq!(bank.events(), [event(DEBTOR, Effect::Block, 1)]);
}

#[test]
fn signed_anew_by_the_same_keys_it_is_the_same_notice() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(DEBTOR);
    let again = Publisher::sign(&Publisher::bare(&register.texts[0]), noon().plus(60));
    assert_ne!(again, register.texts[0]);
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(1)));
    assert_eq!(bank.take(&again), Ok(Taken::Known));
}

#[test]
fn what_comes_after_a_gap_acts_only_when_the_gap_is_filled() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    let opened = register.open(DEBTOR);
    register.open(OTHER);
    register.say(&subject("sletting", DEBTOR, Some(&opened)));
    // The undoing arrives before what it undoes: it acts on nothing, not even on itself.
    assert_eq!(bank.take(&register.texts[2]), Ok(Taken::Waiting(1, 2)));
    assert_eq!(bank.take(&register.texts[2]), Ok(Taken::Known));
    assert_eq!(bank.take(&register.texts[1]), Ok(Taken::Waiting(1, 1)));
    assert_eq!(bank.outcome(), (Vec::new(), Vec::new(), Vec::new()));
    bank.reopen();
    assert_eq!(bank.verifier().notices_missing(REGISTER), Some((1, 1)));
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(3)));
    let expected = [
        event(DEBTOR, Effect::Block, 1),
        event(OTHER, Effect::Block, 2),
        event(DEBTOR, Effect::Reopen, 3),
    ];
    assert_eq!(bank.events(), expected);
    assert_eq!(bank.verifier().notices_missing(REGISTER), None);
}

#[test]
fn an_undoing_that_names_no_opening_or_another_debtors_takes_its_number_and_acts_on_nothing() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    let opened = register.open(DEBTOR);
    register.say(&subject(
        "sletting",
        DEBTOR,
        Some("0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10"),
    ));
    register.say(&subject("sletting", OTHER, Some(&opened)));
    register.say(&subject("oppheving", DEBTOR, Some(&opened)));
    register.say(&subject("sletting", DEBTOR, Some(&opened)));
    for text in &register.texts {
        bank.take(text).unwrap();
    }
    let (log, matches, events) = bank.outcome();
    let notes: Vec<Option<Code>> = log.into_iter().map(|(_, _, note)| note).collect();
    let invalid = Some(Code::NoticeInvalid);
    assert_eq!(
        notes,
        [None, invalid, invalid, None, invalid],
        "the last one undoes what stands no more"
    );
    assert_eq!(matches, [state(DEBTOR, MatchState::BankDecides)]);
    assert_eq!(
        events,
        [event(DEBTOR, Effect::Block, 1), event(DEBTOR, Effect::Decide, 4)]
    );
}

#[test]
fn a_kind_of_a_later_version_holds_nothing_up_and_acts_on_nothing() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    let opening = register.at(1, NOTHING, &subject("aapning", DEBTOR, None));
    let mut later: Value = serde_json::from_str(opening.text()).unwrap();
    later.as_object_mut().unwrap().remove("proof");
    later["credentialSubject"]["type"] = "gjenaapning".into();
    let later = Publisher::sign(&Proposal::parse(&later.to_string()).unwrap(), noon());
    register.push(&Proposal::parse(&later).unwrap());
    register.open(DEBTOR);
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(1)));
    assert_eq!(bank.take(&register.texts[1]), Ok(Taken::Acted(1)));
    let (log, _, events) = bank.outcome();
    assert_eq!(log[0].2, Some(Code::Unsupported));
    assert_eq!(events, [event(DEBTOR, Effect::Block, 2)]);
}

#[test]
fn a_name_of_a_notice_used_again_replaces_no_opening() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    let opened = register.open(DEBTOR);
    let place = Place {
        register: &super::register(),
        uuid: &opened,
        number: 2,
        previous: register.hash,
        registered: noon(),
    };
    let again = Proposal::write(&place, &subject("aapning", OTHER, None)).unwrap();
    register.push(&Proposal::parse(&Publisher::sign(&again, noon())).unwrap());
    for text in &register.texts {
        bank.take(text).unwrap();
    }
    let (log, matches, _) = bank.outcome();
    assert_eq!(log[1].2, Some(Code::NoticeInvalid));
    assert_eq!(matches, [state(DEBTOR, MatchState::Blocked)]);
}

#[test]
fn time_does_not_run_backwards_along_the_chain() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(OTHER);
    register.now = noon().plus(-60);
    register.open(DEBTOR);
    for text in &register.texts {
        bank.take(text).unwrap();
    }
    let (log, matches, _) = bank.outcome();
    assert_eq!((log[1].2, matches), (Some(Code::NoticeInvalid), Vec::new()));
}

#[test]
fn a_number_far_ahead_is_remembered_and_not_kept() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    let far = register.at(5_000, [7; 32], &subject("aapning", DEBTOR, None));
    assert_eq!(bank.take(far.text()), Ok(Taken::Waiting(1, 4_999)));
    assert_eq!(bank.verifier().notices_missing(REGISTER), Some((1, 5_000)));
    register.open(DEBTOR);
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(1)));
    // A jump forged by others than the register has no signatures.
    let mut forged: Value = serde_json::from_str(&register.texts[0]).unwrap();
    forged["credentialSubject"]["sekvens"] = 9_000.into();
    assert_eq!(bank.take(&forged.to_string()), Err(Code::SignatureInvalid));
    assert_eq!(bank.verifier().notices_missing(REGISTER), Some((2, 5_000)));
}

#[test]
fn what_waited_counts_by_the_list_in_force_when_it_acts() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(OTHER);
    register.open(DEBTOR);
    let by_third = Publisher::sign_by(&Publisher::bare(&register.texts[1]), noon(), (3, 74));
    assert_eq!(bank.take(&by_third), Ok(Taken::Waiting(1, 1)));
    bank.trusts(|draft| draft.organisations[0].keys[2].compromised = Some(noon()));
    assert_eq!(
        bank.take(&register.texts[0]),
        Ok(Taken::Acted(1)),
        "not the one that waited"
    );
    assert_eq!(
        bank.verifier().notices_missing(REGISTER),
        Some((2, 2)),
        "it is asked for again"
    );
    assert_eq!(bank.take(&by_third), Err(Code::KeyCompromised));
    assert_eq!(
        bank.take(&register.texts[1]),
        Ok(Taken::Acted(1)),
        "as two sound keys signed it"
    );
}

fn newest(register: &Publisher) -> Reply {
    Reply::Newest {
        notice: register.texts.last().cloned(),
        checkpoint: None,
    }
}

/// Asks on until nothing is due, each time answered by `answer`; how many questions that took.
pub(super) fn pull(bank: &mut Bank, answer: &mut dyn FnMut(&Ask) -> Reply) -> usize {
    let mut count = 0;
    loop {
        let now = bank.now;
        let pulls: Vec<Pull> = bank.verifier().notices_due(now).unwrap();
        if pulls.is_empty() {
            return count;
        }
        for due in pulls {
            count += 1;
            let reply = answer(&due.ask);
            bank.verifier().take_notices(now, &due, reply).ok();
        }
        assert!(count < 1_000, "it ends");
    }
}

/// The register's answers, as its own end gives them.
pub(super) fn answers(register: &Publisher, ask: &Ask) -> Reply {
    match ask {
        Ask::Newest { .. } => newest(register),
        Ask::Range { from, count, .. } => {
            let first = usize::try_from(*from).unwrap() - 1;
            let texts = register
                .texts
                .iter()
                .skip(first)
                .take(usize::from(*count.min(&RANGE_MAX)));
            Reply::Range {
                notices: texts.cloned().collect(),
            }
        }
        Ask::Keys { .. } => Reply::Keys { statements: Vec::new() },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bank_that_begins_or_slept_pulls_everything_in_ranges() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    for _ in 0..70 {
        register.open(OTHER);
    }
    register.open(DEBTOR);
    let asked = pull(&mut bank, &mut |ask| answers(&register, ask));
    assert_eq!(bank.next(), 72);
    assert!(asked <= 6, "newest, keys, three ranges: {asked}");
    assert_eq!(bank.events(), [event(DEBTOR, Effect::Block, 71)]);
    let now = bank.now;
    assert!(bank.verifier().notices_due(now.plus(299)).unwrap().is_empty());
    let again = bank.verifier().notices_due(now.plus(300)).unwrap();
    assert!(
        matches!(again[0].ask, Ask::Newest { .. }),
        "the pull twin, every five minutes"
    );
    bank.verifier().notices_refresh();
    let healed = bank.verifier().notices_due(now.plus(301)).unwrap();
    assert!(
        matches!(healed[0].ask, Ask::Newest { .. }),
        "and at once when a connection came back"
    );
}

#[test]
fn a_bank_answers_others_from_what_it_holds() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    for _ in 0..40 {
        register.open(OTHER);
    }
    pull(&mut bank, &mut |ask| answers(&register, ask));
    register.open(DEBTOR);
    register.open(DEBTOR);
    // Number 41 is missing here; who asks which numbers are used still learns of 42.
    bank.take(&register.texts[41]).unwrap();
    let name = REGISTER.to_owned();
    let Reply::Newest { notice, .. } = bank.verifier().answer_notice(&Ask::Newest { register: name.clone() }) else {
        panic!("newest")
    };
    assert_eq!(Proposal::parse(&notice.unwrap()).unwrap().number(), 42);
    let range = Ask::Range {
        register: name.clone(),
        from: 10,
        count: u16::MAX,
    };
    let Reply::Range { notices } = bank.verifier().answer_notice(&range) else {
        panic!("range")
    };
    assert!(notices.len() <= usize::from(RANGE_MAX) && notices[0] == register.texts[9]);
    let mut other = Bank::with(&[DEBTOR]);
    let mut between = |ask: &Ask| match ask {
        Ask::Keys { .. } => Reply::Keys { statements: Vec::new() },
        ask => bank.verifier().answer_notice(ask),
    };
    pull(&mut other, &mut between);
    assert_eq!(other.next(), 41, "as far as that bank holds it");
    let unknown = Ask::Newest {
        register: "did:web:ukjent.example".to_owned(),
    };
    assert!(
        matches!(bank.verifier().answer_notice(&unknown), Reply::Problem(problem) if problem.code == Code::NotFound)
    );
    let blind = Ask::Evaluate {
        key: "2026".to_owned(),
        elements: Vec::new(),
    };
    assert!(
        matches!(bank.verifier().answer_notice(&blind), Reply::Problem(problem) if problem.code == Code::WrongRole)
    );
}

#[test]
fn gossip_acts_and_says_whether_to_hand_on() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(OTHER);
    register.open(DEBTOR);
    let now = bank.now;
    let (us, stranger) = (super::register(), Did::parse("did:web:bank.example").unwrap());
    let digest = |text: &str| credentials::protocol::encode(&Digest::Notice { text: text.to_owned() }).unwrap();
    let mut gossip = |origin: &Did, data: &[u8]| bank.verifier().take_notice_gossip(now, origin, data);
    assert_eq!(
        gossip(&stranger, &digest(&register.texts[1])),
        Gossip::Accept,
        "whoever hands it on"
    );
    assert_eq!(gossip(&us, &digest(&register.texts[0])), Gossip::Accept);
    assert_eq!(
        gossip(&us, &digest(&register.texts[1])),
        Gossip::Accept,
        "the newest, pulled before"
    );
    assert_eq!(
        gossip(&us, &digest(&register.texts[0])),
        Gossip::Ignore,
        "an old one again"
    );
    assert_eq!(gossip(&us, b"nonsense"), Gossip::Reject);
    assert_eq!(
        gossip(
            &us,
            &digest(&register.texts[0].replace(DEBTOR, OTHER).replace("aapning", "sletting"))
        ),
        Gossip::Reject
    );
    let announce = |number: u64| {
        let announce = Digest::Announce {
            register: REGISTER.to_owned(),
            number,
            hash: String::new(),
        };
        credentials::protocol::encode(&announce).unwrap()
    };
    assert_eq!(
        gossip(&stranger, &announce(9)),
        Gossip::Reject,
        "only the register announces"
    );
    assert_eq!(gossip(&us, &announce(3)), Gossip::Accept);
    assert_eq!(bank.verifier().notices_missing(REGISTER), Some((3, 3)));
    // Nobody has it: an announcement binds nobody.
    bank.now = now.plus(10);
    pull(&mut bank, &mut |ask| answers(&register, ask));
    assert_eq!(bank.verifier().notices_missing(REGISTER), None);
    assert_eq!(bank.events(), [event(DEBTOR, Effect::Block, 2)]);
}

#[test]
fn a_bank_without_the_registers_key_yet_neither_accepts_nor_blames() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(DEBTOR);
    bank.trusts(|draft| {
        draft.organisations[0].keys.truncate(1);
    });
    let digest = Digest::Notice {
        text: register.texts[0].clone(),
    };
    let digest = credentials::protocol::encode(&digest).unwrap();
    let now = bank.now;
    let verdict = bank.verifier().take_notice_gossip(now, &super::register(), &digest);
    assert_eq!((verdict, bank.next()), (Gossip::Ignore, 1));
}

#[test]
fn an_answer_to_something_else_changes_nothing() {
    let mut bank = Bank::with(&[DEBTOR]);
    let now = bank.now;
    let pulls = bank.verifier().notices_due(now).unwrap();
    for reply in [
        Reply::Range { notices: Vec::new() },
        Reply::State {
            total: 1,
            bytes: vec![0],
        },
        Reply::Evaluated {
            elements: Vec::new(),
            proof: serde_bytes::ByteBuf::new(),
        },
    ] {
        let refused = bank.verifier().take_notices(now, &pulls[0], reply).unwrap_err();
        assert_eq!(refused.code, Code::UnexpectedMessage);
    }
    assert_eq!(bank.outcome(), (Vec::new(), Vec::new(), Vec::new()));
}

/// A register's year in small: openings and what undoes them, of three debtors.
fn stream() -> Publisher {
    let mut register = Publisher::new();
    let first = register.open(DEBTOR);
    register.open(OTHER);
    register.say(&subject("sletting", DEBTOR, Some(&first)));
    let again = register.open(DEBTOR);
    register.say(&subject("avslutning", DEBTOR, Some(&again)));
    register.say(&subject("oppheving", DEBTOR, Some(&again)));
    register.say(&subject("sletting", DEBTOR, Some(&first)));
    register.open(LINKED);
    register
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_permutation_with_repetitions_and_losses_comes_to_the_same(
        arrivals in prop::collection::vec(0_usize..8, 0..24),
        restarts in prop::collection::vec(any::<bool>(), 24),
    ) {
        let register = stream();
        let mut orderly = Bank::with(&[DEBTOR, OTHER]);
        for text in &register.texts {
            orderly.take(text).unwrap();
        }
        let mut bank = Bank::with(&[DEBTOR, OTHER]);
        for (arrival, is_restart) in arrivals.iter().zip(&restarts) {
            bank.take(&register.texts[*arrival]).unwrap();
            // Nothing acts before all that comes before it.
            let next = bank.next();
            prop_assert!(bank.events().iter().all(|(_, _, number)| *number < next));
            if *is_restart {
                bank.reopen();
            }
        }
        pull(&mut bank, &mut |ask| answers(&register, ask));
        prop_assert_eq!(bank.outcome(), orderly.outcome());
    }
}
