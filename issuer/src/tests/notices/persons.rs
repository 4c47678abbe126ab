//! Notices about persons: tags, keys for them, evaluations.

use super::restoring::restored_after;
use super::*;

#[test]
fn a_notice_about_a_person_is_drafted_from_a_number_and_leaves_with_tags_only() {
    let mut register = Register::new();
    assert_eq!(
        register.draft(&person("aapning", None)).unwrap_err(),
        Code::NotFound,
        "no key yet"
    );
    register.key("2026");
    let draft = register.draft(&person("aapning", None)).unwrap();
    assert!(!draft.text().contains(PERSON));
    let Debtor::Person(tags) = &draft.content().unwrap().debtor else {
        panic!("a person")
    };
    assert_eq!(tags.iter().map(|tag| tag.key.as_str()).collect::<Vec<_>>(), ["2026"]);
    let signed = register.both(draft.text());
    register.publish(&signed).unwrap();
    // A year later the keys overlap: the undoing bears the old key's tag too, so that receivers see whom it is about.
    register.pass(380 * DAY);
    register.key("2027");
    let undoing = register.draft(&person("sletting", Some(draft.uuid()))).unwrap();
    let Debtor::Person(both) = &undoing.content().unwrap().debtor else {
        panic!("a person")
    };
    assert_eq!(
        both.iter().map(|tag| tag.key.as_str()).collect::<Vec<_>>(),
        ["2026", "2027"]
    );
    assert_eq!(both[0], tags[0]);
    register.home(0).notice_discard().unwrap();
    let mut wrong = person("sletting", Some(draft.uuid()));
    wrong.insert("debitor".to_owned(), json!({"fodselsnummer": "03919043163"}));
    assert_eq!(
        register.draft(&wrong).unwrap_err(),
        Code::NoticeInvalid,
        "another person"
    );
    wrong.insert("debitor".to_owned(), json!({"fodselsnummer": "14858834017"}));
    let problem = register
        .home(0)
        .notice_draft(noon().plus(380 * DAY), &wrong)
        .unwrap_err()
        .problem();
    assert_eq!(problem.code, Code::SchemaInvalid);
    assert!(!problem.to_string().contains("14858834017"));
}

fn blinded(count: usize) -> (Blinding, Vec<ByteBuf>) {
    let persons = vec![PersonNumber::parse(PERSON).unwrap(); count];
    let (blinding, elements) = Blinding::begin(&register(), "2026", &persons, random().as_mut()).unwrap();
    (
        blinding,
        elements.iter().map(|element| ByteBuf::from(element.to_vec())).collect(),
    )
}

pub(super) fn evaluate(register: &mut Register, asker: Option<&str>, count: usize) -> Result<(), Code> {
    let (_, elements) = blinded(count);
    let key = "2026".to_owned();
    match register.ask(asker, Ask::Evaluate { key, elements }) {
        Reply::Evaluated { elements, .. } => {
            assert_eq!(elements.len(), count);
            Ok(())
        }
        Reply::Problem(problem) => Err(problem.code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bank_that_is_registered_gets_evaluations_that_the_statement_proves() {
    let mut register = Register::new();
    register.key("2026");
    let keys = Ask::Keys {
        register: register_name(),
    };
    let Reply::Keys { statements } = register.ask(None, keys) else {
        panic!("keys")
    };
    let trust = register.trust(|_| ());
    let statement = KeyStatement::open(&statements[0], &trust, register.now).unwrap();
    let (blinding, elements) = blinded(1);
    let key = "2026".to_owned();
    let reply = register.ask(Some("bank.example"), Ask::Evaluate { key, elements });
    let Reply::Evaluated { elements, proof } = reply else {
        panic!("{reply:?}")
    };
    let tags = blinding.finish(&statement.public, &[&elements[0]], &proof).unwrap();
    let draft = register.draft(&person("aapning", None)).unwrap();
    assert_eq!(draft.content().unwrap().debtor, Debtor::Person(tags));
    for (asker, code) in [
        (None, Code::NotLicensed),
        (Some("uten.example"), Code::NotLicensed),
        (Some("ukjent.example"), Code::NotLicensed),
    ] {
        assert_eq!(evaluate(&mut register, asker, 1), Err(code));
    }
    let unknown = Ask::Evaluate {
        key: "2031".to_owned(),
        elements: blinded(1).1,
    };
    assert!(
        matches!(register.ask(Some("bank.example"), unknown), Reply::Problem(problem) if problem.code == Code::NotFound)
    );
}

#[test]
fn evaluations_are_counted_durably_by_bank_day_and_key() {
    let mut register = Register::new();
    register.key("2026");
    let limits = NoticeLimits {
        per_day: 10,
        per_key: 14,
    };
    let bank = Some("bank.example");
    register.home(0).set_notice_limits(limits);
    assert_eq!(evaluate(&mut register, bank, 8), Ok(()));
    assert_eq!(evaluate(&mut register, bank, 3), Err(Code::RateLimited));
    assert_eq!(
        evaluate(&mut register, Some("annen.example"), 10),
        Ok(()),
        "each bank has its own"
    );
    register.reopen(0);
    register.home(0).set_notice_limits(limits);
    assert_eq!(
        evaluate(&mut register, bank, 3),
        Err(Code::RateLimited),
        "also after a restart"
    );
    assert_eq!(evaluate(&mut register, bank, 2), Ok(()));
    register.now = register.now.plus(-DAY);
    register.trusts(0, |_| ());
    assert_eq!(
        evaluate(&mut register, bank, 1),
        Err(Code::RateLimited),
        "nor by a clock set back"
    );
    register.pass(2 * DAY);
    assert_eq!(
        evaluate(&mut register, bank, 5),
        Err(Code::RateLimited),
        "the key's count goes on"
    );
    assert_eq!(evaluate(&mut register, bank, 4), Ok(()));
    // What was no group element was counted too: trying is not free.
    let (_, mut wrong) = blinded(1);
    wrong[0] = ByteBuf::from(vec![0; 32]);
    register.home(0).set_notice_limits(NoticeLimits {
        per_day: 20,
        per_key: 20,
    });
    let ask = Ask::Evaluate {
        key: "2026".to_owned(),
        elements: wrong,
    };
    assert!(matches!(register.ask(bank, ask), Reply::Problem(problem) if problem.code == Code::Malformed));
    let counts = register.home(0).notice_evaluations().unwrap();
    assert!(counts.contains(&("did:web:bank.example".to_owned(), "key 2026".to_owned(), 15)));
    let many = Ask::Evaluate {
        key: "2026".to_owned(),
        elements: vec![ByteBuf::from(vec![0; 32]); EVALUATE_MAX + 1],
    };
    assert!(matches!(register.ask(bank, many), Reply::Problem(problem) if problem.code == Code::TooLarge));
}

#[test]
fn a_restored_register_evaluates_nothing_before_it_is_settled() {
    let (mut register, _) = restored_after(|_| (), |_| ());
    assert_eq!(
        evaluate(&mut register, Some("bank.example"), 1),
        Err(Code::NumberUnsettled)
    );
}

#[test]
fn a_published_key_stays_and_is_destroyed_only_when_nothing_stands_on_it() {
    let mut register = Register::new();
    register.key("2026");
    let now = register.now;
    let window = (now, now.plus(400 * DAY));
    let again = register.home(0).notice_key(now, "2026", window).unwrap_err();
    assert_eq!(again.code(), Code::StateFinal);
    let opened = register.say(&person("aapning", None));
    register.pass(401 * DAY);
    let now = register.now;
    let refused = register.home(0).notice_key_destroy(now, "2026").unwrap_err();
    assert_eq!(refused.code(), Code::StateFinal, "an opening bears its tag");
    register.key("2027");
    register.say(&person("sletting", Some(&opened)));
    register.home(0).notice_key_destroy(now, "2026").unwrap();
    let refused = register.home(0).notice_key_destroy(now, "2027").unwrap_err();
    assert_eq!(refused.code(), Code::StateFinal, "it is in use");
    let keys = Ask::Keys {
        register: register_name(),
    };
    let Reply::Keys { statements } = register.ask(None, keys) else {
        panic!("keys")
    };
    assert_eq!(statements.len(), 1);
    assert!(matches!(Paper::parse(&statements[0]).unwrap(), Paper::Key(statement) if statement.name == "2027"));
}

#[test]
fn a_statement_whose_key_was_compromised_is_signed_anew_and_stays_the_same() {
    let mut register = Register::new();
    register.key("2026");
    let fresh = Arc::new(SigningKey::generate(random().as_mut()));
    let now = register.now;
    let window = (now, now.plus(400 * DAY));
    let keys = Ask::Keys {
        register: register_name(),
    };
    let published = |register: &mut Register| match register.ask(None, keys.clone()) {
        Reply::Keys { statements } => statements[0].clone(),
        other => panic!("{other:?}"),
    };
    let before = published(&mut register);
    register.keys.push(fresh.clone());
    register.compromised = vec![1];
    register.trusts(0, |_| ());
    register.trusts(1, |_| ());
    let trust = register.trust(|_| ());
    let refused = KeyStatement::open(&before, &trust, now).unwrap_err();
    assert_eq!(refused.code, Code::KeyCompromised);
    let bare = register.home(0).notice_key(now, "2026", window).unwrap();
    let once = register.sign(0, &bare).unwrap();
    let twice = Paper::parse(&once).unwrap().sign(&kid(3), fresh.as_ref(), now).unwrap();
    assert_eq!(register.publish(twice.text()), Ok(Published::Key("2026".to_owned())));
    let after = published(&mut register);
    let opened = KeyStatement::open(&after, &trust, now).unwrap();
    assert_eq!(opened.public, KeyStatement::parse(&before).unwrap().public);
    let again = register.home(0).notice_key(now, "2026", window).unwrap_err();
    assert_eq!(again.code(), Code::StateFinal);
}
