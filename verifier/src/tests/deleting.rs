//! The holder's decision with an answer, the receipt that both hold, and what becomes of a request for deletion.

use super::world::*;
use crate::READING_SECONDS;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::{self, Decision, Deletion, Papers, Statement};
use credentials::grant::hash_of;
use credentials::protocol::presentation::{Ask, Reply};
use credentials::sd_jwt::{self, Bind, SdJwt};
use credentials::trust::Draft;
use credentials::verify::{Verdict, VpToken};
use credentials::{Code, SigningKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds that S01 may keep what it was shown.
const KEEP: i64 = 94_608_000;

/// A holder's answer with its decision.
struct Given {
    session: String,
    decision: Decision,
    text: String,
    key: SigningKey,
    token: VpToken,
    answer: Answer,
}

impl Given {
    /// To a request of the bank's under a service, each copy bound to the decision.
    fn to(world: &mut World, service: &str, copies: &[&Copy], bend: impl FnOnce(&mut Decision)) -> Given {
        let types: &[&str] = if service == "S01" { &["C02"] } else { &[] };
        let session = world.try_ask(service, CUSTOMER, types, &[], None).unwrap();
        let opened = world.fetch(&session);
        let query = &opened.request.query;
        let paths = query
            .credentials
            .iter()
            .map(|asked| (asked.id.clone(), query.paths(&asked.id)));
        let keep = opened.request.stated.keep_seconds;
        let mut decision = Decision {
            request: BASE64_URL_SAFE_NO_PAD.encode(opened.hash),
            recipient: bank(),
            service: service.to_owned(),
            purpose: opened.registration.purpose.code.clone(),
            text: BASE64_URL_SAFE_NO_PAD.encode([9; 32]),
            language: "nb".to_owned(),
            claims: paths.collect(),
            outcome: "shared".to_owned(),
            ground: opened.registration.ground.code.clone(),
            until: (keep > 0).then(|| world.now.plus(keep)),
            at: world.now,
        };
        bend(&mut decision);
        let key = SigningKey::generate(random().as_mut());
        let text = decision.sign(&key).unwrap();
        let answer = Answer::to(&opened, world.now);
        let hash = hash_of(&decision::hash(&text)).unwrap();
        let bound = |id: &str, copy: &Copy| {
            let held = SdJwt::parse(&copy.text).unwrap();
            let selected = held.select(&answer.paths[id]).unwrap();
            let bind = Bind {
                audience: &answer.audience,
                nonce: &answer.nonce,
                issued: answer.issued,
                request_hash: answer.request_hash,
                covers: None,
            };
            sd_jwt::bind_decided(&selected, &bind, &hash, &copy.key).unwrap()
        };
        let token = query.credentials.iter().map(|asked| {
            let copy = copies.iter().find(|copy| copy.vct == asked.vct).unwrap();
            (asked.id.clone(), vec![bound(&asked.id, copy)])
        });
        Given {
            session,
            token: token.collect(),
            decision,
            text,
            key,
            answer,
        }
    }

    fn sealed(&self) -> String {
        self.answer
            .seal_json(&json!({ "vp_token": self.token, "decision": self.text }))
    }

    fn deletion(&self) -> Deletion {
        Deletion {
            asker: bank(),
            request: self.decision.request.clone(),
            decision: decision::hash(&self.text),
            at: now(),
        }
    }

    fn ask(&self, key: &SigningKey) -> Ask {
        Ask::Erase {
            session: self.session.clone(),
            deletion: self.deletion().sign(key).unwrap(),
        }
    }
}

fn income(world: &mut World) -> Given {
    let copy = world.income(CUSTOMER);
    let given = Given::to(world, "S01", &[&copy], |_| {});
    assert_eq!(world.receipt(&given.session, &given.sealed()).verdict, Verdict::Valid);
    given
}

fn loan(world: &mut World) -> Given {
    let copy = world.loan(CUSTOMER);
    let given = Given::to(world, "S15", &[&copy], |_| {});
    assert_eq!(world.receipt(&given.session, &given.sealed()).verdict, Verdict::Valid);
    given
}

fn statement(world: &World, reply: &Reply) -> Statement {
    match reply {
        Reply::Erased { statement } => Statement::open(statement, &world.trust).unwrap(),
        other => panic!("nothing said: {other:?}"),
    }
}

fn code(reply: Reply) -> Code {
    match reply {
        Reply::Problem(problem) => problem.code,
        other => panic!("not refused: {other:?}"),
    }
}

/// The bank's service erases when a person asks.
fn erasing(draft: &mut Draft) {
    for service in &mut draft.organisations[1].services {
        if service.id == "S01" {
            let mut changed = (**service).clone();
            changed.erased_on_request = true;
            *service = Arc::new(changed);
        }
    }
}

#[test]
fn the_receipt_names_the_holders_decision_and_both_write_the_same_document() {
    let mut world = World::new();
    let copy = world.income(CUSTOMER);
    let given = Given::to(&mut world, "S01", &[&copy], |_| {});
    let receipt = world.receipt(&given.session, &given.sealed());
    assert_eq!(receipt.decision, Some(decision::hash(&given.text)));
    assert_eq!(receipt.until, given.decision.until);
    let mut world = world.reopen();
    let detail = world.detail(&given.session);
    assert_eq!(detail.decision.as_deref(), Some(given.text.as_str()));
    let theirs = Papers {
        given: &given.text,
        receipt: detail.receipt.as_deref(),
        ..Papers::default()
    };
    let holders = decision::json_ld(&theirs, world.now).unwrap();
    world.pass(60);
    let askers = world.verifier.receipt_document(world.now, &given.session);
    assert_eq!(askers, Ok(holders.clone()));
    let copys = SdJwt::parse(&copy.text).unwrap().holder_key().unwrap().to_jwk();
    assert!(
        !holders.contains(copys["x"].as_str().unwrap()),
        "the copy's key is not in it"
    );
    assert!(!holders.contains(CUSTOMER));
    let nobody = world.verifier.receipt_document(world.now, "nobody");
    assert_eq!(nobody.map_err(|problem| problem.code), Err(Code::NotFound));
}

#[test]
fn a_decision_that_does_not_fit_the_request_refuses_the_answer_and_the_session_stays_open() {
    type Bend = fn(&mut Decision);
    let bends: [(&str, Bend); 9] = [
        ("another request", |it| {
            it.request = BASE64_URL_SAFE_NO_PAD.encode([1; 32])
        }),
        ("another recipient", |it| it.recipient = etat()),
        ("another service", |it| it.service = "S15".to_owned()),
        ("another purpose", |it| it.purpose = "marketing".to_owned()),
        ("another ground", |it| it.ground = "interest".to_owned()),
        ("a refusal", |it| {
            it.outcome = "refused".to_owned();
            it.until = None;
        }),
        ("fewer claims", |it| it.claims = BTreeMap::new()),
        ("a longer time", |it| it.until = it.until.map(|until| until.plus(1))),
        ("an older yes", |it| {
            it.at = it.at.plus(-301);
            it.until = Some(it.at.plus(KEEP));
        }),
    ];
    let mut world = World::new();
    let copy = world.income(CUSTOMER);
    for (name, bend) in bends {
        let given = Given::to(&mut world, "S01", &[&copy], bend);
        assert_eq!(
            world.refusal(&given.session, &given.sealed()),
            Code::WrongRequest,
            "{name}"
        );
        assert!(world.state(&given.session).is_open(), "{name}");
    }
    let given = Given::to(&mut world, "S01", &[&copy], |_| {});
    // Left out, exchanged, or put beside copies that were not bound to it.
    let without = given.answer.seal(&given.token);
    assert_eq!(world.refusal(&given.session, &without), Code::WrongRequest);
    let other = given.decision.sign(&SigningKey::generate(random().as_mut())).unwrap();
    let exchanged = given
        .answer
        .seal_json(&json!({ "vp_token": given.token, "decision": other }));
    assert_eq!(world.refusal(&given.session, &exchanged), Code::WrongRequest);
    let plain: Value = json!({ "vp_token": given.token, "decision": 1 });
    assert_eq!(
        world.refusal(&given.session, &given.answer.seal_json(&plain)),
        Code::Malformed
    );
    let opened = world.fetch(&given.session);
    let unbound = token(&opened, &given.answer, &[&copy]);
    let beside = given
        .answer
        .seal_json(&json!({ "vp_token": unbound, "decision": given.text }));
    assert_eq!(world.refusal(&given.session, &beside), Code::WrongRequest);
    // The acceptance, in the same session; and a wallet of another make, which sends none.
    assert_eq!(world.receipt(&given.session, &given.sealed()).verdict, Verdict::Valid);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&copy]);
    assert_eq!(world.receipt(&session, &answer).decision, None);
    let document = world.verifier.receipt_document(world.now, &session);
    assert_eq!(
        document.map_err(|problem| problem.code),
        Err(Code::HolderBindingMissing)
    );
}

#[test]
fn what_a_law_has_kept_is_kept_and_said_with_its_ground_and_time() {
    let mut world = World::new();
    let given = income(&mut world);
    world.pass(60);
    let reply = world.send(given.ask(&given.key));
    let said = statement(&world, &reply);
    assert!(said.erased.is_empty());
    let claims = said.kept.iter().find(|kept| kept.what == "claims").unwrap();
    assert_eq!(claims.ground, "creditworthiness_duty");
    assert_eq!(Some(claims.until), given.decision.until);
    assert!(said.kept.iter().any(|kept| kept.what == "session"));
    let detail = world.detail(&given.session);
    assert!(!detail.claims.is_empty());
    assert_eq!(detail.deletion.as_ref().map(|noted| noted.at), Some(world.now));
    // Said again, also to the next process, it is answered the same.
    let mut world = world.reopen();
    world.pass(3_600);
    assert_eq!(world.send(given.ask(&given.key)), reply);
    let noted = world.detail(&given.session).deletion.unwrap();
    assert_eq!(noted, detail.deletion.unwrap());
}

#[test]
fn what_no_law_has_kept_is_erased_at_once_and_that_is_signed() {
    let mut world = World::new();
    let given = income(&mut world);
    world.set_trust(trust(world.now, erasing));
    world.pass(60);
    let reply = world.send(given.ask(&given.key));
    let said = statement(&world, &reply);
    assert_eq!(said.erased, given.decision.claims);
    assert_eq!(said.erased_at, world.now);
    let detail = world.detail(&given.session);
    assert!(detail.claims.is_empty());
    assert_eq!(detail.erased_at, Some(world.now));
    assert!(world.verifier.tables.claims(&given.session).unwrap().is_none());
    let mut world = world.reopen();
    world.pass(3_600);
    assert_eq!(world.send(given.ask(&given.key)), reply);
    assert!(
        world
            .verifier
            .receipt_document(world.now, &given.session)
            .unwrap()
            .contains("bevis-deletion+jwt")
    );
}

#[test]
fn what_is_read_from_memory_is_gone_when_the_person_asks_and_later_ones_hear_that_it_is() {
    let mut world = World::new();
    let given = loan(&mut world);
    assert_eq!(world.detail(&given.session).claims.len(), 1);
    let reply = world.send(given.ask(&given.key));
    assert_eq!(statement(&world, &reply).erased, given.decision.claims);
    assert!(world.detail(&given.session).claims.is_empty());
    assert_eq!(world.send(given.ask(&given.key)), reply);
    // One that was forgotten by the clock.
    let given = loan(&mut world);
    world.pass(READING_SECONDS);
    world.verifier.tick(world.now).unwrap();
    let reply = world.send(given.ask(&given.key));
    assert_eq!(statement(&world, &reply).erased, given.decision.claims);
}

#[test]
fn only_whoever_answered_can_ask_and_nothing_happens_for_anybody_else() {
    let mut world = World::new();
    world.set_trust(trust(world.now, erasing));
    let (given, other) = (income(&mut world), income(&mut world));
    let stranger = SigningKey::generate(random().as_mut());
    assert_eq!(code(world.send(given.ask(&stranger))), Code::SignatureInvalid);
    assert_eq!(code(world.send(given.ask(&other.key))), Code::SignatureInvalid);
    let bent = |bend: fn(&mut Deletion)| {
        let mut deletion = given.deletion();
        bend(&mut deletion);
        Ask::Erase {
            session: given.session.clone(),
            deletion: deletion.sign(&given.key).unwrap(),
        }
    };
    for bend in [
        (|it| it.asker = etat()) as fn(&mut Deletion),
        |it| it.request = BASE64_URL_SAFE_NO_PAD.encode([3; 32]),
        |it| it.decision = BASE64_URL_SAFE_NO_PAD.encode([3; 32]),
    ] {
        assert_eq!(code(world.send(bent(bend))), Code::WrongRequest);
    }
    let to = |session: &str, deletion: String| Ask::Erase {
        session: session.to_owned(),
        deletion,
    };
    let signed = given.deletion().sign(&given.key).unwrap();
    for session in ["", "nobody", "../etc", &"x".repeat(1_000)] {
        assert_eq!(
            code(world.send(to(session, signed.clone()))),
            Code::UnknownSession,
            "{session}"
        );
    }
    assert_eq!(
        code(world.send(to(&other.session, signed.clone()))),
        Code::SignatureInvalid
    );
    for junk in ["", "a.b.c", &given.text, &"x".repeat(100_000)] {
        let code = code(world.send(to(&given.session, junk.to_owned())));
        assert!(matches!(code, Code::Malformed | Code::TooLarge), "{code:?}");
    }
    // A session without an answer, and one whose wallet gave no decision.
    let open = world.ask("S01", CUSTOMER);
    assert_eq!(code(world.send(to(&open, signed.clone()))), Code::UnknownSession);
    let copy = world.loan(CUSTOMER);
    let bare = world.ask("S15", CUSTOMER);
    let answer = world.answer(&bare, &[&copy]);
    world.receipt(&bare, &answer);
    assert_eq!(code(world.send(to(&bare, signed))), Code::HolderBindingMissing);
    for session in [&given.session, &other.session] {
        assert!(!world.detail(session).claims.is_empty(), "nothing was erased");
        assert!(world.detail(session).deletion.is_none());
    }
    let reply = world.send(given.ask(&given.key));
    assert_eq!(statement(&world, &reply).erased, given.decision.claims);
}
