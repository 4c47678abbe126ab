//! Notices about persons: matched by tags, which the bank has evaluated blindly for its own customers.

use super::*;
use crate::Pull;
use credentials::Problem;
use credentials::identifier::PersonNumber;
use credentials::notice::tag::TagKey;
use credentials::notice::{KeyStatement, Paper, Tag};
use credentials::protocol::notice::{Ask, EVALUATE_MAX, Reply};
use serde_bytes::ByteBuf;

const ROLIG: &str = "14858834016";
const MUNTER: &str = "03919043163";

/// The register's key of a year, and its statement.
struct Year {
    key: TagKey,
    statement: String,
}

impl Year {
    fn new(name: &str) -> Year {
        let key = TagKey::generate(name, random().as_mut()).unwrap();
        let text = KeyStatement::write(&register(), &key, noon(), noon().plus(400 * DAY), noon());
        let once = Paper::parse(&text)
            .unwrap()
            .sign(&format!("{REGISTER}#key-1"), &key_of(71), noon())
            .unwrap();
        let twice = once.sign(&format!("{REGISTER}#key-2"), &key_of(72), noon()).unwrap();
        Year {
            key,
            statement: twice.text().to_owned(),
        }
    }

    fn tag(&self, person: &str) -> Tag {
        self.key
            .tag(&register(), &PersonNumber::parse(person).unwrap())
            .unwrap()
    }

    fn evaluate(&self, elements: &[ByteBuf]) -> Reply {
        let elements: Vec<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
        let evaluated = self.key.evaluate(&elements, random().as_mut()).unwrap();
        Reply::Evaluated {
            elements: evaluated
                .elements
                .iter()
                .map(|element| ByteBuf::from(element.to_vec()))
                .collect(),
            proof: ByteBuf::from(evaluated.proof),
        }
    }
}

fn key_of(seed: u8) -> SigningKey {
    super::key(seed)
}

fn about_person(kind: &str, tags: &[Tag], about: Option<&str>) -> Map<String, Value> {
    let subject = json!({"type": kind, "debitor": {"merker": tags}, "gjelderVarsel": about});
    subject.as_object().unwrap().clone()
}

fn answer(years: &[&Year], ask: &Ask) -> Reply {
    match ask {
        Ask::Newest { .. } => Reply::Newest {
            notice: None,
            checkpoint: None,
        },
        Ask::Keys { .. } => Reply::Keys {
            statements: years.iter().map(|year| year.statement.clone()).collect(),
        },
        Ask::Evaluate { key, elements } => {
            let year = years.iter().find(|year| year.key.name() == key).unwrap();
            year.evaluate(elements)
        }
        other => panic!("{other:?}"),
    }
}

/// Asks on until nothing is due; the questions.
fn ask_all(bank: &mut Bank, years: &[&Year]) -> Vec<Ask> {
    let mut asked = Vec::new();
    loop {
        let now = bank.now;
        let pulls = bank.verifier().notices_due(now).unwrap();
        if pulls.is_empty() {
            return asked;
        }
        for pull in pulls {
            let reply = answer(years, &pull.ask);
            bank.verifier().take_notices(now, &pull, reply).unwrap();
            asked.push(pull.ask);
        }
    }
}

#[test]
fn a_notice_about_a_person_finds_the_customer_by_tag_and_nobody_else() {
    let year = Year::new("2026");
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[ROLIG, DEBTOR]);
    let mut stranger = Bank::with(&[MUNTER]);
    for bank in [&mut bank, &mut stranger] {
        let asked = ask_all(bank, &[&year]);
        for ask in &asked {
            let bytes = credentials::protocol::encode(ask).unwrap();
            for number in [ROLIG, MUNTER, DEBTOR] {
                let is_inside = bytes.windows(number.len()).any(|window| window == number.as_bytes());
                assert!(!is_inside, "no number leaves the bank");
            }
        }
        assert_eq!(bank.verifier().customers_untagged().unwrap(), 0);
    }
    let opened = register.say(&about_person("aapning", &[year.tag(ROLIG)], None));
    register.say(&about_person("sletting", &[year.tag(ROLIG)], Some(&opened)));
    for text in &register.texts {
        assert!(!text.contains(ROLIG));
        bank.take(text).unwrap();
        stranger.take(text).unwrap();
    }
    assert_eq!(
        bank.events(),
        [event(ROLIG, Effect::Block, 1), event(ROLIG, Effect::Reopen, 2)]
    );
    assert_eq!(stranger.events(), []);
    bank.reopen();
    assert_eq!(
        ask_all(&mut bank, &[&year]).len(),
        2,
        "tags are kept: newest and keys only"
    );
}

#[test]
fn a_customer_who_gets_the_tag_after_the_notice_is_matched_then() {
    let year = Year::new("2026");
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[ROLIG]);
    register.say(&about_person("aapning", &[year.tag(ROLIG)], None));
    bank.take(&register.texts[0]).unwrap();
    assert_eq!(bank.events(), []);
    ask_all(&mut bank, &[&year]);
    assert_eq!(bank.events(), [event(ROLIG, Effect::Block, 1)]);
}

#[test]
fn years_overlap_and_one_person_is_matched_once() {
    let (old, new) = (Year::new("2026"), Year::new("2027"));
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[ROLIG]);
    ask_all(&mut bank, &[&old, &new]);
    let opened = register.say(&about_person("aapning", &[old.tag(ROLIG), new.tag(ROLIG)], None));
    register.say(&about_person("sletting", &[new.tag(ROLIG)], Some(&opened)));
    register.say(&about_person("aapning", &[new.tag(ROLIG)], None));
    for text in &register.texts {
        bank.take(text).unwrap();
    }
    let expected = [
        event(ROLIG, Effect::Block, 1),
        event(ROLIG, Effect::Reopen, 2),
        event(ROLIG, Effect::Block, 3),
    ];
    assert_eq!(bank.events(), expected);
}

fn first_evaluation(bank: &mut Bank, year: &Year) -> Pull {
    let now = bank.now;
    for pull in bank.verifier().notices_due(now).unwrap() {
        let reply = answer(&[year], &pull.ask);
        bank.verifier().take_notices(now, &pull, reply).unwrap();
    }
    let pulls = bank.verifier().notices_due(now).unwrap();
    let pull = pulls
        .into_iter()
        .find(|pull| matches!(pull.ask, Ask::Evaluate { .. }))
        .unwrap();
    assert!(pull.is_for_register, "nobody else evaluates");
    pull
}

#[test]
fn an_answer_by_another_key_gives_no_tag() {
    let (year, other) = (Year::new("2026"), Year::new("2026"));
    let mut bank = Bank::with(&[ROLIG]);
    let pull = first_evaluation(&mut bank, &year);
    let Ask::Evaluate { elements, .. } = &pull.ask else {
        panic!("evaluate")
    };
    let now = bank.now;
    let refused = bank
        .verifier()
        .take_notices(now, &pull, other.evaluate(elements))
        .unwrap_err();
    assert_eq!(refused.code, Code::EvaluationInvalid);
    assert_eq!(bank.verifier().customers_untagged().unwrap(), 1);
    assert!(
        bank.verifier().notices_due(now.plus(30)).unwrap().is_empty(),
        "not asked again at once"
    );
    bank.now = now.plus(90);
    ask_all(&mut bank, &[&year]);
    assert_eq!(bank.verifier().customers_untagged().unwrap(), 0);
}

#[test]
fn a_register_with_room_for_fewer_than_are_asked_for_is_asked_for_fewer_and_then_not_before_the_next_day() {
    let year = Year::new("2026");
    let mut bank = Bank::with(&[ROLIG, MUNTER]);
    let mut left = 1;
    // Whoever asks for more than there is room for gets nothing, as the register counts.
    let ask_until_nothing_is_due = |bank: &mut Bank, left: &mut usize| {
        let mut asked_for = Vec::new();
        loop {
            let now = bank.now;
            let pulls = bank.verifier().notices_due(now).unwrap();
            if pulls.is_empty() {
                return asked_for;
            }
            for pull in pulls {
                let reply = match &pull.ask {
                    Ask::Evaluate { elements, .. } if elements.len() > *left => {
                        asked_for.push(elements.len());
                        Reply::Problem(Problem::new(Code::RateLimited, "day"))
                    }
                    Ask::Evaluate { elements, .. } => {
                        asked_for.push(elements.len());
                        *left -= elements.len();
                        answer(&[&year], &pull.ask)
                    }
                    other => answer(&[&year], other),
                };
                // Refusals come back to whoever tells of them.
                drop(bank.verifier().take_notices(now, &pull, reply));
            }
        }
    };
    assert_eq!(ask_until_nothing_is_due(&mut bank, &mut left), [2, 1, 1]);
    assert_eq!(
        (
            bank.verifier().customers_tagged().unwrap(),
            bank.verifier().customers_untagged().unwrap()
        ),
        (1, 1)
    );
    bank.now = bank.now.day().plus(DAY - 1);
    assert_eq!(ask_until_nothing_is_due(&mut bank, &mut left), [] as [usize; 0]);
    bank.now = bank.now.plus(1);
    bank.trusts(|_| ());
    left = 1;
    assert_eq!(ask_until_nothing_is_due(&mut bank, &mut left), [1]);
    assert_eq!(bank.verifier().customers_untagged().unwrap(), 0);
}

#[test]
fn a_second_key_of_one_name_is_refused_and_the_first_kept() {
    let (year, other) = (Year::new("2026"), Year::new("2026"));
    let mut bank = Bank::with(&[ROLIG]);
    ask_all(&mut bank, &[&year]);
    bank.now = bank.now.plus(3_600);
    let now = bank.now;
    bank.trusts(|_| ());
    let pulls = bank.verifier().notices_due(now).unwrap();
    let pull = pulls.iter().find(|pull| matches!(pull.ask, Ask::Keys { .. })).unwrap();
    let refused = bank
        .verifier()
        .take_notices(now, pull, answer(&[&other], &pull.ask))
        .unwrap_err();
    assert_eq!(refused.code, Code::NoticeConflict);
}

#[test]
fn batches_are_bounded_and_a_used_up_day_is_waited_out() {
    let year = Year::new("2026");
    let mut bank = Bank::new();
    let now = bank.now;
    let persons: Vec<String> = (0..1_000)
        .filter_map(|individual| PersonNumber::synthetic(14, 5, 1988, individual))
        .take(EVALUATE_MAX + 10)
        .map(|person| person.as_str().to_owned())
        .collect();
    let lines: Vec<&str> = persons.iter().map(String::as_str).collect();
    bank.verifier().customers_import(now, 1, &lines).unwrap();
    let pull = first_evaluation(&mut bank, &year);
    let is_evaluation = |pull: &Pull| matches!(pull.ask, Ask::Evaluate { .. });
    let (mut sizes, mut next) = (Vec::new(), Some(pull));
    while let Some(pull) = next {
        let Ask::Evaluate { elements, .. } = &pull.ask else {
            panic!("evaluate")
        };
        sizes.push(elements.len());
        let limited = Reply::Problem(Problem::new(Code::RateLimited, "day"));
        let refused = bank.verifier().take_notices(now, &pull, limited).unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        next = bank
            .verifier()
            .notices_due(now)
            .unwrap()
            .into_iter()
            .find(is_evaluation);
    }
    let halved: Vec<usize> = (0..9).map(|times| EVALUATE_MAX >> times).collect();
    assert_eq!(sizes, halved, "down to one");
    let late = now.day().plus(DAY - 1);
    assert!(!bank.verifier().notices_due(late).unwrap().iter().any(is_evaluation));
    assert!(
        bank.verifier()
            .notices_due(now.day().plus(DAY))
            .unwrap()
            .iter()
            .any(is_evaluation)
    );
}
