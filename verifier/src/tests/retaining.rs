//! What is kept, for how long, and that it is gone afterwards.

use super::world::*;
use crate::{READING_SECONDS, RECORD_SECONDS, State};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::{KeptRecord, Statement};
use credentials::key::Signer;
use credentials::protocol::presentation::{Ask, Reply};
use credentials::verify::Verdict;
use credentials::{Code, Problem, SigningKey, Timestamp, VerifyingKey};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Seconds that S01 may keep what it was shown.
const KEEP: i64 = 94_608_000;

/// A completed session with the customer's income.
fn income_session(world: &mut World) -> String {
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    session
}

/// A completed session with the customer's student loan, which may not be kept.
fn loan_session(world: &mut World) -> String {
    loan_session_under(world, "S15")
}

fn loan_session_under(world: &mut World, service: &str) -> String {
    let loan = world.loan(CUSTOMER);
    let session = world.ask(service, CUSTOMER);
    let answer = world.answer(&session, &[&loan]);
    let receipt = world.receipt(&session, &answer);
    assert_eq!((receipt.verdict, receipt.until), (Verdict::Valid, None));
    assert_eq!(receipt.ground, "session_only");
    assert!(!receipt.kept.is_empty());
    session
}

fn at(world: &World, seconds: i64) -> Timestamp {
    world.now.plus(seconds)
}

#[test]
fn the_key_and_the_customers_number_go_when_the_session_ends() {
    let mut world = World::new();
    let open = world.ask("S01", CUSTOMER);
    assert!(world.verifier.tables.key(&open).unwrap().is_some());
    assert_eq!(
        world.verifier.tables.customer(&open).unwrap().unwrap().as_str(),
        CUSTOMER
    );
    let session = income_session(&mut world);
    let world = world.reopen();
    assert!(world.verifier.tables.key(&session).unwrap().is_none());
    assert!(world.verifier.tables.customer(&session).unwrap().is_none());
    assert!(world.verifier.tables.key(&open).unwrap().is_some());
}

#[test]
fn kept_claims_are_erased_when_due_and_the_record_later() {
    let mut world = World::new();
    let session = income_session(&mut world);
    let detail = world.detail(&session);
    assert_eq!(detail.keep_until, Some(at(&world, KEEP)));
    assert_eq!(detail.keep_ground, "creditworthiness_duty");

    world.pass(KEEP - 1);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [""; 0]);
    let mut world = world.reopen();
    assert_eq!(world.detail(&session).claims, detail.claims);
    assert!(world.verifier.tables.claims(&session).unwrap().is_some());
    world.pass(1);
    // Due is not shown, even before the tick.
    assert!(world.detail(&session).claims.is_empty());
    assert_eq!(world.verifier.tick(world.now).unwrap(), [&*session]);
    assert!(world.verifier.tables.claims(&session).unwrap().is_none());
    let mut world = world.reopen();
    let erased = world.detail(&session);
    assert!(erased.claims.is_empty());
    assert_eq!(erased.erased_at, Some(world.now));
    assert_eq!(erased.checks, detail.checks);
    assert_eq!(erased.view, detail.view);

    world.pass(RECORD_SECONDS - 1);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [""; 0]);
    world.pass(1);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [&*session]);
    assert_eq!(world.verifier.session(world.now, &session).unwrap(), None);
    assert_eq!(world.verifier.sessions(world.now).unwrap(), []);
    let fetch = Ask::Fetch {
        session: session.clone(),
    };
    let gone = Reply::Problem(credentials::Code::UnknownSession.into());
    assert_eq!(world.send(fetch), gone);
    let tables = &world.verifier.tables;
    assert!(tables.request(&session).unwrap().is_none());
    assert!(tables.verdict(&session).unwrap().is_none());
    assert_eq!(tables.rows().unwrap(), 0, "not a row is left of it");
}

#[test]
fn what_may_not_be_kept_is_never_in_the_store_and_gone_with_the_process() {
    let mut world = World::new();
    let session = loan_session(&mut world);
    let detail = world.detail(&session);
    assert_eq!(
        shown(&detail, "StudentLoanBalance", "TotalAmount.amount"),
        [json!("313654.00")]
    );
    assert_eq!(detail.keep_until, None);
    assert!(world.verifier.tables.claims(&session).unwrap().is_none());
    let world = world.reopen();
    let after = world.detail(&session);
    assert!(after.claims.is_empty());
    assert_eq!(after.view, detail.view);
    assert_eq!(after.checks, detail.checks);
}

#[test]
fn what_may_not_be_kept_is_forgotten_after_ten_minutes_or_when_the_session_is_closed() {
    let mut world = World::new();
    let session = loan_session(&mut world);
    world.pass(READING_SECONDS - 1);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [""; 0]);
    assert_eq!(world.detail(&session).claims.len(), 1);
    world.pass(1);
    assert!(world.detail(&session).claims.is_empty());
    assert_eq!(world.verifier.tick(world.now).unwrap(), [&*session]);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [""; 0]);

    let mut world = World::new();
    let session = loan_session(&mut world);
    let changes = world.verifier.changes();
    assert!(world.verifier.close(world.now, &session).unwrap());
    assert!(world.verifier.changes() > changes);
    assert!(world.detail(&session).claims.is_empty());
    assert_eq!(world.state(&session), State::Completed);
    assert!(!world.verifier.close(world.now, &session).unwrap());
    assert!(!world.verifier.close(world.now, "no-such").unwrap());
}

#[test]
fn closing_touches_nothing_that_is_kept_on_a_ground() {
    let mut world = World::new();
    let session = income_session(&mut world);
    let detail = world.detail(&session);
    assert!(!world.verifier.close(world.now, &session).unwrap());
    assert_eq!(world.detail(&session), detail);
}

#[test]
fn a_credential_that_forbids_credit_assessment_is_flagged() {
    let mut world = World::new();
    let session = loan_session(&mut world);
    assert_eq!(world.detail(&session).not_for_credit, ["StudentLoanBalance"]);
    let session = income_session(&mut world);
    assert_eq!(world.detail(&session).not_for_credit, [""; 0]);
}

#[test]
fn a_credential_that_must_be_erased_is_not_kept_whatever_the_registration_allows() {
    let mut world = World::new();
    world.set_trust(trust(now(), |draft| {
        let services = &mut draft.organisations[1].services;
        let overview = services.iter().find(|s| s.id == "S15").unwrap();
        let mut overview = credentials::service::Registration::clone(overview);
        // A service without a maximum of its own, which may show the same and keep it.
        (overview.id, overview.keep_seconds, overview.grant) = ("S16".to_owned(), 86_400, None);
        services.push(std::sync::Arc::new(overview));
    }));
    let session = loan_session_under(&mut world, "S16");
    assert!(world.verifier.tables.claims(&session).unwrap().is_none());
    assert_eq!(world.detail(&session).claims.len(), 1);
}

#[test]
fn a_registration_that_changed_under_a_session_can_shorten_keeping_and_never_lengthen_it() {
    for (seconds, kept) in [(3_600, 3_600), (KEEP * 2, KEEP)] {
        let mut world = World::new();
        let income = world.income(CUSTOMER);
        let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
        let answer = world.answer(&session, &[&income]);
        world.set_trust(trust(now(), |draft| {
            let services = &mut draft.organisations[1].services;
            let service = services.iter_mut().find(|s| s.id == "S01").unwrap();
            std::sync::Arc::make_mut(service).keep_seconds = seconds;
        }));
        let receipt = world.receipt(&session, &answer);
        assert_eq!(receipt.until, Some(at(&world, kept)));
        assert_eq!(world.detail(&session).keep_until, receipt.until);
    }
}

#[test]
fn an_answer_that_is_not_valid_leaves_no_claim_anywhere() {
    let mut world = World::new();
    world.status.at = None;
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    let receipt = world.receipt(&session, &answer);
    assert_eq!(receipt.verdict, Verdict::Undecided);
    assert!(world.verifier.tables.claims(&session).unwrap().is_none());
    assert!(world.detail(&session).claims.is_empty());
}

/// Our signed statement, read as anybody can who has the trust document.
fn statement(world: &World, session: &str) -> Option<Statement> {
    let detail = world.detail(session);
    let text = detail.erasure?;
    let statement = Statement::open(&text, &world.trust).unwrap();
    assert_eq!(Some(statement.erased_at), detail.erased_at);
    Some(statement)
}

#[test]
fn when_kept_claims_are_erased_their_key_is_destroyed_and_a_signed_statement_takes_their_place() {
    let mut world = World::new();
    let session = income_session(&mut world);
    let receipt = world.detail(&session).receipt.unwrap();
    let receipt = credentials::decision::Receipt::open(&receipt, &world.trust).unwrap();
    assert_eq!(
        world.verifier.tables.health().erasable_rows,
        1,
        "claims; key and customer went at the end"
    );
    assert_eq!(
        world.verifier.tables.erasures_pending(),
        2,
        "nobody waited for their keys to go"
    );
    world.verifier.tick(world.now).unwrap();
    assert_eq!(world.verifier.tables.erasures_pending(), 0);
    world.pass(KEEP - 1);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(statement(&world, &session), None);
    world.pass(1);
    world.verifier.tick(world.now).unwrap();
    let health = world.verifier.tables.health();
    assert_eq!((health.erasable_rows, health.erasures_pending), (0, 0));
    let expected = Statement {
        request: receipt.request,
        asker: bank(),
        erased: receipt.kept,
        received: receipt.at,
        ground: "creditworthiness_duty".to_owned(),
        erased_at: world.now,
        kept: vec![KeptRecord {
            what: "session".to_owned(),
            ground: "accountability".to_owned(),
            until: at(&world, RECORD_SECONDS),
        }],
        at: world.now,
    };
    assert!(!expected.erased.is_empty());
    assert_eq!(statement(&world, &session), Some(expected.clone()));
    let mut world = world.reopen();
    assert_eq!(statement(&world, &session), Some(expected));
    world.pass(RECORD_SECONDS);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(
        world.verifier.tables.rows().unwrap(),
        0,
        "the statement goes with the record it says is kept"
    );
}

#[test]
fn what_was_held_in_memory_alone_is_stated_erased_when_it_is_forgotten_closed_or_its_process_ended() {
    let mut world = World::new();
    let (forgotten, closed, ended) = (
        loan_session(&mut world),
        loan_session(&mut world),
        loan_session(&mut world),
    );
    assert_eq!(statement(&world, &closed), None);
    assert!(world.verifier.close(world.now, &closed).unwrap());
    let stated = statement(&world, &closed).unwrap();
    assert_eq!((stated.erased_at, stated.ground.as_str()), (world.now, "session_only"));
    world.pass(READING_SECONDS);
    assert_eq!(world.detail(&ended).erasure, None);
    let mut expired = world.verifier.tick(world.now).unwrap();
    let mut both = [forgotten.clone(), ended];
    expired.sort();
    both.sort();
    assert_eq!(expired, both);
    assert_eq!(statement(&world, &forgotten).unwrap().erased_at, world.now);

    let last = loan_session(&mut world);
    let mut world = world.reopen();
    world.pass(1);
    assert_eq!(statement(&world, &last), None);
    assert_eq!(
        world.verifier.tick(world.now).unwrap(),
        [&*last],
        "without waiting for the ten minutes"
    );
    assert_eq!(statement(&world, &last).unwrap().erased_at, world.now);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [""; 0]);
}

/// A key in a device that may be away.
struct Device {
    key: SigningKey,
    is_away: AtomicBool,
}

impl Signer for Device {
    fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Problem> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(Code::Internal.into()),
            false => self.key.sign(message),
        }
    }
}

#[test]
fn a_signing_key_that_is_away_stops_no_erasure_and_the_statement_follows() {
    let mut world = World::new();
    let session = income_session(&mut world);
    let device = Arc::new(Device {
        key: SigningKey::from_bytes(&[2; 32]),
        is_away: AtomicBool::new(true),
    });
    let signer = Arc::clone(&device);
    world.verifier.set_signer("did:web:bank.example#key-1", signer).unwrap();
    world.pass(KEEP);
    let erased_at = world.now;
    world.verifier.tick(world.now).unwrap();
    assert_eq!(world.verifier.tables.health().erasable_rows, 0);
    assert_eq!(world.detail(&session).erased_at, Some(erased_at));
    assert_eq!(statement(&world, &session), None);
    world.pass(59);
    assert_eq!(world.verifier.tick(world.now).unwrap(), [""; 0], "not at every tick");
    device.is_away.store(false, Ordering::Relaxed);
    world.pass(1);
    world.verifier.tick(world.now).unwrap();
    let stated = statement(&world, &session).unwrap();
    assert_eq!((stated.erased_at, stated.at), (erased_at, world.now));
}

#[test]
fn of_a_shown_copy_no_holder_key_salt_or_signature_is_ever_kept_and_its_status_entry_goes_with_the_claims() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    let mut parts = income.text.split('~');
    let signature = parts.next().unwrap().rsplit('.').next().unwrap().to_owned();
    let salts = parts.filter(|part| !part.is_empty()).map(|part| {
        let disclosure = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let disclosure: Value = serde_json::from_slice(&disclosure).unwrap();
        disclosure[0].as_str().unwrap().to_owned()
    });
    let mut words: Vec<String> = salts.collect();
    assert!(words.len() > 5);
    let jwk = income.key.verifying_key().to_jwk();
    words.extend([signature, jwk["x"].as_str().unwrap().to_owned()]);
    let entry = "etat.example/status";
    let holds = |world: &World, word: &str| {
        let values = world.verifier.tables.values();
        values
            .iter()
            .any(|value| value.windows(word.len()).any(|w| w == word.as_bytes()))
    };
    assert!(holds(&world, "48500.00"), "the claims that were asked for are there");
    assert!(holds(&world, entry), "and where the status of the copy stands");
    for word in &words {
        assert!(!holds(&world, word), "{word} is kept");
    }
    world.pass(KEEP);
    world.verifier.tick(world.now).unwrap();
    assert!(!holds(&world, "48500.00") && !holds(&world, entry));
    assert!(
        holds(&world, "creditworthiness_duty"),
        "what is left says on which ground it was there"
    );
}
