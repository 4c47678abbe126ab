//! After a restore: which numbers are used, and which evaluations were counted.

use super::*;

/// Loses the first home after a backup and two more notices, and restores it.
fn restored() -> (Register, Vec<String>) {
    restored_after(|_| (), |_| ())
}

/// The same with something done before the backup, and after it.
pub(super) fn restored_after(
    before: impl FnOnce(&mut Register),
    after: impl FnOnce(&mut Register),
) -> (Register, Vec<String>) {
    let mut register = Register::new();
    register.say(&subject("aapning", DEBTOR, None));
    before(&mut register);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    register.issuers[0] = None;
    open_store(&register.homes[0].path().join("store"))
        .backup(&file, None)
        .unwrap();
    register.reopen(0);
    register.say(&subject("aapning", OTHER, None));
    after(&mut register);
    register.draft(&subject("aapning", DEBTOR, None)).unwrap();
    let texts = (1..=register.home(0).notice_state().unwrap().newest)
        .map(|number| register.home(0).notice(number).unwrap().unwrap())
        .collect();
    register.issuers[0] = None;
    register.homes[0] = tempfile::tempdir().unwrap();
    let entropy = Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).unwrap());
    let dir = register.homes[0].path().join("store");
    drop(Store::restore(&file, &dir, &Passphrase::new("synthetic"), entropy).unwrap());
    register.reopen(0);
    (register, texts)
}

pub(super) fn seen(name: &str, newest: Option<&String>) -> Seen {
    Seen {
        organisation: did(name),
        newest: newest.cloned(),
    }
}

#[test]
fn a_restored_register_gives_no_number_before_two_others_told_the_newest() {
    let (mut register, texts) = restored();
    assert!(!register.home(0).is_notice_settled());
    let draft = subject("aapning", OTHER, None);
    assert_eq!(register.draft(&draft).unwrap_err(), Code::NumberUnsettled);
    assert_eq!(register.publish(&texts[1]), Err(Code::NumberUnsettled));
    assert_eq!(register.sign(0, &texts[1]), Err(Code::NumberUnsettled));
    let now = register.now;
    let settle = |register: &mut Register, seen: &[Seen]| register.home(0).notice_settle(now, seen).unwrap();
    // One, the same one twice, ourselves, somebody unregistered, an answer that does not verify: none is a second witness.
    let newest = Some(&texts[1]);
    let forged = texts[1].replace(OTHER, DEBTOR);
    for others in [
        vec![seen("bank.example", newest)],
        vec![seen("bank.example", newest), seen("bank.example", None)],
        vec![seen("bank.example", newest), seen("konkurs.example", newest)],
        vec![seen("bank.example", newest), seen("uten.example", newest)],
        vec![seen("bank.example", newest), seen("annen.example", Some(&forged))],
    ] {
        assert_eq!(settle(&mut register, &others), Settling::Ask(1));
        assert_eq!(register.draft(&draft).unwrap_err(), Code::NumberUnsettled);
    }
    assert_eq!(settle(&mut register, &[]), Settling::Ask(2));
    // The second knows less; the highest counts, and what is missing is fetched first.
    let two = [seen("annen.example", Some(&texts[0])), seen("bank.example", newest)];
    let fetch = Settling::Fetch {
        from: 2,
        to: 2,
        of: vec![did("bank.example")],
    };
    assert_eq!(settle(&mut register, &two), fetch);
    assert_eq!(register.draft(&draft).unwrap_err(), Code::NumberUnsettled);
    assert_eq!(register.home(0).notice_recover(now, &texts).unwrap(), 2);
    assert_eq!(settle(&mut register, &two), Settling::Done);
    register.reopen(0);
    assert_eq!(
        register.draft(&draft).unwrap().number(),
        3,
        "also after a restart, and the old draft is gone"
    );
}

#[test]
fn a_restored_register_that_others_contradict_stays_closed() {
    let (mut register, texts) = restored();
    let now = register.now;
    // Somebody published another number 1 with both keys.
    let place = credentials::notice::Place {
        register: &super::register(),
        uuid: "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10",
        number: 1,
        previous: credentials::notice::NOTHING,
        registered: now,
    };
    let other = Proposal::write(&place, &subject("aapning", OTHER, None)).unwrap();
    let other = other.sign(&kid(1), register.keys[0].as_ref(), now).unwrap();
    let other = other.sign(&kid(2), register.keys[1].as_ref(), now).unwrap();
    let two = [
        seen("annen.example", Some(&other.text().to_owned())),
        seen("bank.example", Some(&texts[0])),
    ];
    let refused = register.home(0).notice_settle(now, &two).unwrap_err();
    assert_eq!(refused.code(), Code::NoticeConflict);
    assert!(!register.home(0).is_notice_settled());
    let gap = register
        .home(0)
        .notice_recover(now, &[texts[1].clone(), other.text().to_owned()])
        .unwrap_err();
    assert_eq!(gap.code(), Code::NoticeConflict);
}

/// The same register, after both its keys of then were found compromised and it made two new ones.
fn with_new_keys(register: &mut Register) {
    let fresh = || Arc::new(SigningKey::generate(random().as_mut()));
    register.keys.extend([fresh(), fresh()]);
    register.compromised = vec![0, 1];
    register.trusts(0, |_| ());
    register.trusts(1, |_| ());
}

#[test]
fn a_newest_notice_by_keys_compromised_since_counts_as_used_when_two_organisations_hold_the_same() {
    let say_more = |register: &mut Register| {
        register.say(&subject("aapning", DEBTOR, None));
    };
    let (mut register, texts) = restored_after(|_| (), say_more);
    with_new_keys(&mut register);
    let now = register.now;
    let settle = |register: &mut Register, seen: &[Seen]| register.home(0).notice_settle(now, seen).unwrap();
    let newest = seen("bank.example", texts.last());
    // One alone may have it from whoever stole the keys; and it is not passed over either.
    let apart = [newest.clone(), seen("annen.example", texts.first())];
    assert_eq!(settle(&mut register, &apart), Settling::Ask(1));
    let draft = subject("aapning", OTHER, None);
    assert_eq!(register.draft(&draft).unwrap_err(), Code::NumberUnsettled);
    let two = [newest, seen("annen.example", texts.last())];
    let of = vec![did("bank.example"), did("annen.example")];
    let fetch = Settling::Fetch { from: 2, to: 3, of };
    assert_eq!(settle(&mut register, &two), fetch);
    // What comes is written when the hashes lead to the one that both showed, and not before.
    let recover = |register: &mut Register, texts: &[String]| {
        register
            .home(0)
            .notice_recover(now, texts)
            .map_err(|error| error.code())
    };
    let newest = |register: &mut Register| register.home(0).notice_state().unwrap().newest;
    assert_eq!(recover(&mut register, &texts[1..2]), Ok(2));
    assert_eq!(newest(&mut register), 1);
    assert_eq!(recover(&mut register, &texts[1..]), Ok(3));
    assert_eq!(newest(&mut register), 3);
    assert_eq!(settle(&mut register, &two), Settling::Done);
    assert_eq!(register.draft(&draft).unwrap().number(), 4);
}

#[test]
fn another_chain_by_stolen_keys_is_not_recovered() {
    let (mut register, texts) = restored_after(
        |_| (),
        |register| {
            register.say(&subject("aapning", DEBTOR, None));
        },
    );
    let now = register.now;
    let first = Proposal::parse(&texts[0]).unwrap();
    let place = credentials::notice::Place {
        register: &super::register(),
        uuid: "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10",
        number: 2,
        previous: *first.hash(),
        registered: now,
    };
    let forged = Proposal::write(&place, &subject("aapning", OTHER, None)).unwrap();
    let forged = forged.sign(&kid(1), register.keys[0].as_ref(), now).unwrap();
    let forged = forged.sign(&kid(2), register.keys[1].as_ref(), now).unwrap();
    with_new_keys(&mut register);
    let two = [seen("bank.example", texts.last()), seen("annen.example", texts.last())];
    register.home(0).notice_settle(now, &two).unwrap();
    let lied = [forged.text().to_owned(), texts[2].clone()];
    let refused = register.home(0).notice_recover(now, &lied).unwrap_err();
    assert_eq!(refused.code(), Code::NoticeConflict);
    assert_eq!(
        register.home(0).notice_state().unwrap().newest,
        1,
        "nothing of it stays"
    );
    assert_eq!(register.home(0).notice_recover(now, &texts).unwrap(), 3);
    // Without anybody's word for a newest one nothing by such keys is taken at all.
    let (mut register, texts) = restored();
    with_new_keys(&mut register);
    let refused = register.home(0).notice_recover(now, &texts).unwrap_err();
    assert_eq!(refused.code(), Code::KeyCompromised);
}

#[test]
fn counts_of_evaluations_do_not_begin_anew_in_a_restored_home() {
    use super::persons::evaluate;
    let bank = Some("bank.example");
    let limits = NoticeLimits {
        per_day: 10,
        per_key: 100,
    };
    let (mut register, texts) = restored_after(
        |register| {
            register.key("2026");
            register.home(0).set_notice_limits(limits);
            assert_eq!(evaluate(register, bank, 4), Ok(()));
        },
        |register| {
            register.home(0).set_notice_limits(limits);
            assert_eq!(evaluate(register, bank, 6), Ok(()));
            register.pass(2 * DAY);
            assert_eq!(evaluate(register, bank, 10), Ok(()));
        },
    );
    let now = register.now;
    let others = [seen("bank.example", texts.last()), seen("annen.example", texts.last())];
    register.home(0).set_notice_limits(limits);
    register.home(0).notice_settle(now, &others).unwrap();
    register.home(0).notice_recover(now, &texts).unwrap();
    assert_eq!(register.home(0).notice_settle(now, &others).unwrap(), Settling::Done);
    // The day of the restore is used up, whoever asks; the next one is not.
    assert_eq!(evaluate(&mut register, bank, 1), Err(Code::RateLimited));
    assert_eq!(
        evaluate(&mut register, Some("annen.example"), 1),
        Err(Code::RateLimited)
    );
    register.reopen(0);
    register.home(0).set_notice_limits(limits);
    assert_eq!(
        evaluate(&mut register, bank, 1),
        Err(Code::RateLimited),
        "also after a restart"
    );
    register.pass(DAY);
    assert_eq!(evaluate(&mut register, bank, 10), Ok(()));
    assert_eq!(evaluate(&mut register, bank, 1), Err(Code::RateLimited));
    // Of the key: 4 in the backup, as many as three days allow, and today's.
    let count = |register: &mut Register, of: &str| {
        let counts = register.home(0).notice_evaluations().unwrap();
        let found = counts
            .into_iter()
            .find(|(did, what, _)| did.ends_with(of) && what == "key 2026");
        found.map(|(.., count)| count)
    };
    assert_eq!(count(&mut register, "bank.example"), Some(4 + 3 * 10 + 10));
    register.pass(DAY);
    assert_eq!(evaluate(&mut register, bank, 1), Ok(()));
    assert_eq!(count(&mut register, "bank.example"), Some(45), "once for a restore");
    assert_eq!(evaluate(&mut register, Some("annen.example"), 1), Ok(()));
    assert_eq!(
        count(&mut register, "annen.example"),
        Some(31),
        "nor for whom the backup does not name"
    );
}
