//! Standing grants at the asker: asked for, taken, used, taken back; and whatever is not in order.

mod deleting;
mod dying;
mod listing;
mod stating;

use super::world::*;
use crate::{GrantState, NewGrant, NewRequest, RECORD_SECONDS, Released, State};
use credentials::grant::{
    Deposit, Erasure, Grant, Kind, OpenedGrant, RELEASE_TYP, Release, Subject, Usage, Withdrawal, Withdrawn, hash_text,
};
use credentials::protocol::consent::{Ask, Reply};
use credentials::protocol::presentation;
use credentials::request::OpenedRequest;
use credentials::schema::Path;
use credentials::service::Registration;
use credentials::trust::Draft;
use credentials::verify::Verdict;
use credentials::{Code, Did, Problem, SigningKey, Timestamp, jws, time::DAY};
use serde_json::{Value, json};
use std::sync::Arc;

const LIFE: i64 = 30 * DAY;
const KID: &str = "did:web:etat.example#key-1";

fn claims() -> Vec<Path> {
    vec![path("personidentifikator"), path("TotalAmount")]
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A service like S15 under which what comes is kept.
const KEEPING: &str = "S99";

fn keeping(seconds: i64, keeps_after_end: bool) -> impl FnOnce(&mut Draft) {
    move |draft| {
        let mut registration = Registration::known("S15").unwrap();
        registration.id = KEEPING.to_owned();
        registration.keep_seconds = seconds;
        let terms = registration.grant.as_mut().unwrap();
        terms.seconds_max = 9 * DAY;
        terms.keeps_after_end = keeps_after_end;
        draft.organisations[1].services.push(Arc::new(registration));
    }
}

/// A session that asks for a grant, and the grant that answers it exactly.
struct Asked {
    session: String,
    opened: OpenedRequest,
    grant: Grant,
    key: SigningKey,
}

impl Asked {
    fn signed(&self) -> OpenedGrant {
        OpenedGrant::open(&self.grant.sign(&self.key).unwrap()).unwrap()
    }

    fn name(&self) -> String {
        self.signed().name()
    }

    /// What the issuer says of a grant.
    fn deposit(&self, grant: &OpenedGrant, number: &str, at: Timestamp) -> Deposit {
        Deposit {
            grant: grant.name(),
            issuer: etat(),
            asker: grant.grant().asker.clone(),
            subject: Subject::of(number, [7; 16]),
            at,
        }
    }

    fn sealed(&self, body: &Value, at: Timestamp) -> String {
        Answer::to(&self.opened, at).seal_json(body)
    }

    /// The honest answer about this customer.
    fn answer(&self, number: &str, at: Timestamp) -> String {
        let grant = self.signed();
        let deposit = self.deposit(&grant, number, at).sign(KID, &etat_key()).unwrap();
        self.sealed(&json!({ "grant": grant.text(), "deposit": deposit }), at)
    }

    fn withdrawal(&self, at: Timestamp) -> Withdrawal {
        Withdrawal {
            grant: self.name(),
            issuer: etat(),
            at,
        }
    }

    fn withdraw_with(&self, key: &SigningKey, at: Timestamp) -> Ask {
        Ask::Withdraw {
            grant: self.signed().text().to_owned(),
            withdrawal: self.withdrawal(at).sign(key).unwrap(),
        }
    }
}

fn asked(world: &mut World) -> Asked {
    asked_under(world, "S15")
}

fn asked_under(world: &mut World, service: &str) -> Asked {
    static KEYS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(100);
    let types = strings(&[LOAN]);
    let claims = claims();
    let life = if service == KEEPING { 9 * DAY } else { LIFE };
    let new = NewGrant {
        request: NewRequest {
            service,
            case: "NETTBANK-1",
            subject: CUSTOMER,
            types: &types,
            claims: &claims,
            valid_seconds: Some(600),
            pair: false,
        },
        issuer: None,
        seconds: Some(life),
        uses_per_day: Some(3),
    };
    let session = world.verifier.request_grant(world.now, &new).unwrap().session;
    let opened = world.fetch(&session);
    let seed = KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let grant = Grant {
        id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        issuer: etat(),
        asker: bank(),
        service: service.to_owned(),
        purpose: "student_loan_overview".to_owned(),
        kind: Kind::Login,
        vct: LOAN.to_owned(),
        claims,
        nbf: world.now,
        exp: world.now.plus(life),
        uses_per_day: 3,
        request: hash_text(&opened.hash),
        text: hash_text(&[2; 32]),
        language: "nb".to_owned(),
    };
    Asked {
        session,
        opened,
        grant,
        key: key(seed),
    }
}

/// A grant that the bank has.
fn granted(world: &mut World) -> Asked {
    granted_under(world, "S15")
}

fn granted_under(world: &mut World, service: &str) -> Asked {
    let asked = asked_under(world, service);
    let answer = asked.answer(CUSTOMER, world.now);
    assert_eq!(world.receipt(&asked.session, &answer).verdict, Verdict::Valid);
    asked
}

fn code(reply: Reply) -> (Code, String) {
    match reply {
        Reply::Problem(problem) => (problem.code, problem.detail.unwrap_or_default()),
        other => panic!("not refused: {other:?}"),
    }
}

fn consent(world: &mut World, ask: Ask) -> Reply {
    world.verifier.receive_consent(world.now, WALLET, ask)
}

fn erased(world: &mut World, grant: &Asked, ask: Ask) -> (String, Erasure) {
    match consent(world, ask) {
        Reply::Erased { erasure } => {
            let opened = Erasure::open(&erasure, &grant.signed(), &world.trust).unwrap();
            (erasure, opened)
        }
        other => panic!("not erased: {other:?}"),
    }
}

/// Asks for all that is granted, and what the issuer would release.
fn question(world: &mut World, grant: &Asked, number: u32) -> Release {
    let (issuer, ask) = world.verifier.grant_refresh(world.now, &grant.name(), &[]).unwrap();
    assert_eq!(issuer, etat());
    let Ask::Refresh {
        grant: text,
        nonce,
        claims: wanted,
    } = ask
    else {
        panic!("no refresh")
    };
    assert_eq!((text.as_str(), wanted), (grant.signed().text(), claims()));
    Release {
        iss: etat(),
        aud: bank(),
        vct: LOAN.to_owned(),
        grant: grant.name(),
        nonce,
        number,
        iat: world.now,
        exp: world.now.plus(300),
        claims: json!({ "personidentifikator": CUSTOMER, "TotalAmount": { "currency": "NOK", "amount": "313654.00" } })
            .as_object()
            .unwrap()
            .clone(),
    }
}

/// The nonce of the question that is under way.
fn under_way(world: &World, grant: &Asked) -> String {
    let pending = world.verifier.grants.pending.get(&grant.name());
    pending.map(|pending| pending.nonce.clone()).unwrap_or_default()
}

fn take(world: &mut World, grant: &Asked, release: String) -> Result<Released, Problem> {
    let nonce = under_way(world, grant);
    world
        .verifier
        .grant_released(world.now, &grant.name(), &nonce, Reply::Released { release })
}

fn refreshed(world: &mut World, grant: &Asked, number: u32) -> Released {
    let release = question(world, grant, number).sign(KID, &etat_key()).unwrap();
    take(world, grant, release).unwrap()
}

fn read(world: &World, grant: &Asked) -> Option<Value> {
    world
        .verifier
        .grant_claims(world.now, &grant.name())
        .unwrap()
        .map(Value::Object)
}

fn refresh_code(world: &mut World, grant: &Asked) -> Code {
    world
        .verifier
        .grant_refresh(world.now, &grant.name(), &[])
        .unwrap_err()
        .code
}

#[test]
fn a_grant_is_taken_used_held_in_memory_and_its_withdrawal_answered_with_a_signed_erasure() {
    let mut world = World::new();
    let grant = granted(&mut world);
    assert_eq!(world.state(&grant.session), State::Completed);
    let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
    assert_eq!(
        (view.state, view.uses, view.case.as_str()),
        (GrantState::Active, 0, "NETTBANK-1")
    );
    assert!(
        !serde_json::to_string(&view).unwrap().contains(CUSTOMER),
        "no view names the customer"
    );

    let release = refreshed(&mut world, &grant, 1);
    assert_eq!((release.number, release.keep_until), (1, None));
    assert_eq!(read(&world, &grant).unwrap()["TotalAmount"]["amount"], "313654.00");
    // What is for the session only is gone with the process, and when the person leaves.
    let mut world = world.reopen();
    assert_eq!(read(&world, &grant), None);
    refreshed(&mut world, &grant, 2);
    assert!(world.verifier.grant_logout(world.now, &grant.name()).unwrap());
    assert_eq!(read(&world, &grant), None);
    refreshed(&mut world, &grant, 3);

    let withdraw = grant.withdraw_with(&grant.key, world.now);
    let (text, receipt) = erased(&mut world, &grant, withdraw.clone());
    let kept: Vec<&str> = receipt.kept.iter().map(|kept| kept.ground.as_str()).collect();
    assert_eq!(kept, ["consent_record"], "and no claim");
    assert!(receipt.kept[0].claims.is_empty());
    assert_eq!(receipt.erased.len(), 3, "one line for each release");
    assert_eq!(read(&world, &grant), None);
    assert_eq!(refresh_code(&mut world, &grant), Code::Withdrawn);
    let mut world = world.reopen();
    world.pass(60);
    assert_eq!(
        erased(&mut world, &grant, withdraw).0,
        text,
        "said again, answered the same"
    );
    assert_eq!(refresh_code(&mut world, &grant), Code::Withdrawn);
    assert_eq!(world.verifier.grant(world.now, &grant.name()).unwrap().unwrap().uses, 3);
}

#[test]
fn only_exactly_what_was_asked_is_taken_and_the_rest_ends_the_session_with_its_reason() {
    let mut world = World::new();
    type Bend = fn(&mut Grant);
    let bends: [(&str, Code, Bend); 12] = [
        ("claims more than asked", Code::WrongRequest, |grant| {
            grant.claims.push(path("formaal"))
        }),
        ("claims fewer than asked", Code::WrongRequest, |grant| {
            grant.claims.truncate(1)
        }),
        ("until later", Code::WrongRequest, |grant| grant.exp = grant.exp.plus(1)),
        ("more often", Code::WrongRequest, |grant| grant.uses_per_day = 4),
        ("for another asker", Code::WrongRequest, |grant| {
            grant.asker = Did::parse("did:web:other.example").unwrap()
        }),
        ("of another issuer", Code::WrongRequest, |grant| {
            grant.issuer = Did::parse("did:web:other.example").unwrap()
        }),
        ("under another request", Code::WrongRequest, |grant| {
            grant.request = hash_text(&[9; 32])
        }),
        ("for another service", Code::WrongRequest, |grant| {
            grant.service = "S01".to_owned()
        }),
        ("of another type", Code::WrongRequest, |grant| {
            grant.vct = INCOME.to_owned()
        }),
        ("for another purpose", Code::OverAsk, |grant| {
            grant.purpose = "loan_application".to_owned()
        }),
        ("of another kind", Code::OverAsk, |grant| grant.kind = Kind::Business),
        ("past its end", Code::Expired, |grant| {
            grant.nbf = grant.nbf.plus(-2 * LIFE);
            grant.exp = grant.nbf.plus(LIFE);
        }),
    ];
    for (what, expected, bend) in bends {
        let mut asked = asked(&mut world);
        bend(&mut asked.grant);
        let answer = asked.answer(CUSTOMER, world.now);
        let receipt = world.receipt(&asked.session, &answer);
        assert_eq!(
            (receipt.verdict, receipt.code),
            (Verdict::Invalid, Some(expected)),
            "{what}"
        );
        assert_eq!(world.verifier.grant(world.now, &asked.name()).unwrap(), None, "{what}");
        assert_eq!(
            world.refusal(&asked.session, &answer),
            Code::Replay,
            "{what}: the session is over"
        );
    }
    assert!(world.verifier.grants(world.now).unwrap().is_empty());
    granted(&mut world);
    assert_eq!(world.verifier.grants(world.now).unwrap().len(), 1, "the right one goes");
}

#[test]
fn a_grant_without_its_issuers_word_or_altered_is_not_taken() {
    let mut world = World::new();
    type Bend = fn(&Asked, OpenedGrant, Timestamp) -> Value;
    let signed = |deposit: Deposit, key: &SigningKey| deposit.sign(KID, key).unwrap();
    fn altered(text: &str) -> String {
        let at = text.len() - 4;
        format!("{}AAAA", &text[..at])
    }
    let bends: [(&str, Code, Bend); 8] = [
        ("altered", Code::SignatureInvalid, |asked, grant, at| {
            let deposit = asked.deposit(&grant, CUSTOMER, at).sign(KID, &etat_key()).unwrap();
            json!({ "grant": altered(grant.text()), "deposit": deposit })
        }),
        (
            "a deposit by another key",
            Code::SignatureInvalid,
            |asked, grant, at| {
                let deposit = asked.deposit(&grant, CUSTOMER, at).sign(KID, &key(9)).unwrap();
                json!({ "grant": grant.text(), "deposit": deposit })
            },
        ),
        ("a deposit altered", Code::SignatureInvalid, |asked, grant, at| {
            let deposit = asked.deposit(&grant, CUSTOMER, at).sign(KID, &etat_key()).unwrap();
            json!({ "grant": grant.text(), "deposit": altered(&deposit) })
        }),
        ("a deposit of another grant", Code::WrongRequest, |asked, grant, at| {
            let other = Deposit {
                grant: hash_text(&[5; 32]),
                ..asked.deposit(&grant, CUSTOMER, at)
            };
            json!({ "grant": grant.text(), "deposit": other.sign(KID, &etat_key()).unwrap() })
        }),
        ("a deposit for another asker", Code::WrongRequest, |asked, grant, at| {
            let other = Deposit {
                asker: Did::parse("did:web:other.example").unwrap(),
                ..asked.deposit(&grant, CUSTOMER, at)
            };
            json!({ "grant": grant.text(), "deposit": other.sign(KID, &etat_key()).unwrap() })
        }),
        (
            "a deposit by an organisation that is not listed",
            Code::UnknownIssuer,
            |asked, grant, at| {
                let nobody = Did::parse("did:web:other.example").unwrap();
                let other = Deposit {
                    issuer: nobody,
                    ..asked.deposit(&grant, CUSTOMER, at)
                };
                json!({ "grant": grant.text(), "deposit": other.sign("did:web:other.example#key-1", &key(9)).unwrap() })
            },
        ),
        (
            "an acknowledged withdrawal in place of a deposit",
            Code::Malformed,
            |_, grant, at| {
                let other = Withdrawn {
                    grant: grant.name(),
                    issuer: etat(),
                    at,
                    uses: 0,
                };
                json!({ "grant": grant.text(), "deposit": other.sign(KID, &etat_key()).unwrap() })
            },
        ),
        (
            "a grant in place of a deposit",
            Code::Malformed,
            |_, grant, _| json!({ "grant": grant.text(), "deposit": grant.text() }),
        ),
    ];
    for (what, expected, bend) in bends {
        let asked = asked(&mut world);
        let body = bend(&asked, asked.signed(), world.now);
        let answer = asked.sealed(&body, world.now);
        let receipt = world.receipt(&asked.session, &answer);
        assert_eq!(
            (receipt.verdict, receipt.code),
            (Verdict::Invalid, Some(expected)),
            "{what}"
        );
    }
    // A presentation where a grant was asked for, and more than a grant, are no answers at all.
    let asked = asked(&mut world);
    let deposit = signed(asked.deposit(&asked.signed(), CUSTOMER, world.now), &etat_key());
    for body in [
        json!({ "vp_token": {} }),
        json!({ "grant": asked.signed().text() }),
        json!({ "grant": asked.signed().text(), "deposit": deposit, "more": 1 }),
    ] {
        let answer = asked.sealed(&body, world.now);
        let refused = world.send_answer(&asked.session, &answer);
        assert!(!matches!(&refused, presentation::Reply::Receipt { .. }), "{refused:?}");
    }
    assert!(world.verifier.grants(world.now).unwrap().is_empty());
}

#[test]
fn another_persons_grant_is_discarded_unread_and_the_customers_own_still_taken_once() {
    let mut world = World::new();
    let asked = asked(&mut world);
    let others = asked.answer(OTHER, world.now);
    assert_eq!(world.refusal(&asked.session, &others), Code::WrongSubject);
    assert_eq!(
        world.outcome(&asked.session),
        (State::Fetched, None, None),
        "the session shows nothing"
    );
    let own = asked.answer(CUSTOMER, world.now);
    assert_eq!(world.receipt(&asked.session, &own).verdict, Verdict::Valid);
    assert_eq!(world.refusal(&asked.session, &own), Code::Replay);
    let mut world = world.reopen();
    assert_eq!(world.refusal(&asked.session, &own), Code::Replay);
    assert_eq!(world.verifier.grants(world.now).unwrap().len(), 1);
}

#[test]
fn a_withdrawal_is_the_holders_or_the_issuers_and_of_that_grant() {
    let mut world = World::new();
    let (grant, other) = (granted(&mut world), granted(&mut world));
    refreshed(&mut world, &grant, 1);
    let now = world.now;
    let forged = grant.withdraw_with(&other.key, now);
    assert_eq!(code(consent(&mut world, forged)).0, Code::SignatureInvalid);
    let mixed = Ask::Withdraw {
        grant: grant.signed().text().to_owned(),
        withdrawal: other.withdrawal(now).sign(&grant.key).unwrap(),
    };
    assert_eq!(
        code(consent(&mut world, mixed)).0,
        Code::WrongRequest,
        "of another grant"
    );
    let by_us = grant
        .withdrawal(now)
        .sign_as_issuer("did:web:etat.example#key-1", &key(2))
        .unwrap();
    let by_us = Ask::Withdraw {
        grant: grant.signed().text().to_owned(),
        withdrawal: by_us,
    };
    assert_eq!(
        code(consent(&mut world, by_us)).0,
        Code::SignatureInvalid,
        "not by the issuer's key"
    );
    let elsewhere = Grant {
        asker: Did::parse("did:web:other.example").unwrap(),
        ..grant.grant.clone()
    };
    let elsewhere = Ask::Withdraw {
        grant: elsewhere.sign(&grant.key).unwrap(),
        withdrawal: grant.withdrawal(now).sign(&grant.key).unwrap(),
    };
    assert_eq!(
        code(consent(&mut world, elsewhere)),
        (Code::WrongRecipient, "asker".to_owned())
    );
    let garbage = Ask::Withdraw {
        grant: "A".repeat(20_000),
        withdrawal: String::new(),
    };
    assert_eq!(code(consent(&mut world, garbage)).0, Code::TooLarge);
    for ask in [
        Ask::Uses {
            grant: grant.name(),
            proof: String::new(),
            after: 0,
        },
        Ask::Refresh {
            grant: grant.signed().text().to_owned(),
            nonce: "A".repeat(22),
            claims: claims(),
        },
    ] {
        assert_eq!(
            code(consent(&mut world, ask)).0,
            Code::UnexpectedMessage,
            "this is no issuer"
        );
    }
    // Nothing of that ended anything.
    assert!(read(&world, &grant).is_some());
    refreshed(&mut world, &grant, 2);

    // The issuer's word for a person who lost the wallet counts as the holder's.
    let issuers = grant.withdrawal(now).sign_as_issuer(KID, &etat_key()).unwrap();
    let issuers = Ask::Withdraw {
        grant: grant.signed().text().to_owned(),
        withdrawal: issuers,
    };
    erased(&mut world, &grant, issuers);
    assert_eq!(refresh_code(&mut world, &grant), Code::Withdrawn);
    refreshed(&mut world, &other, 1);
}

#[test]
fn a_grant_that_was_taken_back_before_it_came_is_not_taken() {
    let mut world = World::new();
    let (early, other) = (asked(&mut world), asked(&mut world));
    for _ in 0..2 {
        let ask = early.withdraw_with(&early.key, world.now);
        assert_eq!(code(consent(&mut world, ask)).0, Code::UnknownGrant);
    }
    let answer = early.answer(CUSTOMER, world.now);
    let receipt = world.receipt(&early.session, &answer);
    assert_eq!(
        (receipt.verdict, receipt.code),
        (Verdict::Invalid, Some(Code::Withdrawn))
    );
    let answer = other.answer(CUSTOMER, world.now);
    assert_eq!(world.receipt(&other.session, &answer).verdict, Verdict::Valid);
}

#[test]
fn a_release_passes_one_gate_or_nothing_of_it_is_looked_at() {
    let mut world = World::new();
    let (grant, other) = (granted(&mut world), granted(&mut world));
    type Bend = fn(&mut Release, &Asked);
    let bends: [(&str, Code, Bend); 12] = [
        ("another question", Code::WrongNonce, |release, _| {
            release.nonce = "A".repeat(22)
        }),
        ("another asker", Code::WrongAudience, |release, _| {
            release.aud = Did::parse("did:web:other.example").unwrap();
        }),
        ("another grant", Code::WrongRequest, |release, other| {
            release.grant = other.name()
        }),
        ("another type", Code::TypeNotAllowed, |release, _| {
            release.vct = INCOME.to_owned()
        }),
        ("of the future", Code::NotYetValid, |release, _| {
            release.iat = release.iat.plus(301);
            release.exp = release.iat.plus(300);
        }),
        ("expired", Code::Expired, |release, _| {
            release.iat = release.iat.plus(-300);
            release.exp = release.iat.plus(300);
        }),
        ("another person", Code::WrongSubject, |release, _| {
            release.claims.insert("personidentifikator".to_owned(), OTHER.into());
        }),
        ("nobody named", Code::WrongSubject, |release, _| {
            release.claims.remove("personidentifikator");
        }),
        ("more than was asked", Code::ClaimsUnrequested, |release, _| {
            release.claims.insert("formaal".to_owned(), "visning-i-nettbank".into());
        }),
        ("less than was asked", Code::ClaimsMissing, |release, _| {
            release.claims.remove("TotalAmount");
        }),
        ("another form", Code::SchemaInvalid, |release, _| {
            release
                .claims
                .insert("TotalAmount".to_owned(), json!({ "currency": "NOK", "amount": "much" }));
        }),
        ("another's key", Code::SignatureInvalid, |_, _| {}),
    ];
    for (what, expected, bend) in bends {
        let mut release = question(&mut world, &grant, 1);
        bend(&mut release, &other);
        let key = if expected == Code::SignatureInvalid {
            key(9)
        } else {
            etat_key()
        };
        let signed = release.sign(KID, &key).unwrap();
        assert_eq!(take(&mut world, &grant, signed).unwrap_err().code, expected, "{what}");
        assert_eq!(read(&world, &grant), None, "{what}");
        let good = release.sign(KID, &etat_key()).unwrap();
        let again = take(&mut world, &grant, good).unwrap_err().code;
        assert_eq!(again, Code::UnexpectedMessage, "{what}: one answer to one question");
    }
    let altered = question(&mut world, &grant, 1).sign(KID, &etat_key()).unwrap();
    let altered = format!("{}AAAA", &altered[..altered.len() - 4]);
    assert_eq!(
        take(&mut world, &grant, altered).unwrap_err().code,
        Code::SignatureInvalid
    );
    question(&mut world, &grant, 1);
    assert_eq!(
        take(&mut world, &grant, "A".repeat(40_000)).unwrap_err().code,
        Code::TooLarge
    );
    assert_eq!(world.verifier.grant(world.now, &grant.name()).unwrap().unwrap().uses, 0);

    let release = question(&mut world, &grant, 1).sign(KID, &etat_key()).unwrap();
    take(&mut world, &grant, release.clone()).unwrap();
    assert_eq!(
        take(&mut world, &grant, release.clone()).unwrap_err().code,
        Code::UnexpectedMessage,
        "replayed"
    );
    question(&mut world, &grant, 1);
    assert_eq!(
        take(&mut world, &grant, release).unwrap_err().code,
        Code::WrongNonce,
        "to the next question"
    );
    assert_eq!(world.verifier.grant(world.now, &grant.name()).unwrap().unwrap().uses, 1);
}

#[test]
fn each_label_passes_its_own_gate_only() {
    let mut world = World::new();
    let grant = granted(&mut world);
    // What an issuer signs for other gates, in the place of a release.
    let now = world.now;
    let usage = Usage {
        grant: grant.name(),
        issuer: etat(),
        asker: bank(),
        number: 1,
        claims: claims(),
        at: now,
    };
    let release = question(&mut world, &grant, 1);
    world.verifier.grant_unanswered(&grant.name(), &release.nonce);
    let payload = serde_json::to_value(&release).unwrap();
    let labelled = |typ: &str| jws::sign(typ, Some(KID), serde_json::Map::new(), &payload, &etat_key()).unwrap();
    for other in [
        usage.sign(KID, &etat_key()).unwrap(),
        grant
            .deposit(&grant.signed(), CUSTOMER, now)
            .sign(KID, &etat_key())
            .unwrap(),
        labelled("dc+sd-jwt"),
        labelled("bevis-deposit+jwt"),
        labelled("JWT"),
    ] {
        question(&mut world, &grant, 1);
        assert_eq!(
            take(&mut world, &grant, other).unwrap_err(),
            Problem::new(Code::Malformed, "typ")
        );
    }
    // And a release is none of the others.
    let release = question(&mut world, &grant, 1).sign(KID, &etat_key()).unwrap();
    assert!(jws::Jws::parse(&release, RELEASE_TYP, 30 * 1024).is_ok());
    let refused = |code: Option<Code>| assert_eq!(code, Some(Code::Malformed));
    refused(
        Deposit::open(&release, &grant.signed(), &world.trust)
            .err()
            .map(|problem| problem.code),
    );
    refused(
        Withdrawn::open(&release, &grant.signed(), &world.trust)
            .err()
            .map(|problem| problem.code),
    );
    refused(
        Usage::open(&release, &grant.signed(), &world.trust)
            .err()
            .map(|problem| problem.code),
    );
    refused(OpenedGrant::open(&release).err().map(|problem| problem.code));
    let report = world.verifier.check(now, &world.status, &release);
    assert_ne!(report.verdict(), Verdict::Valid, "no gate of credentials takes it");
    // A customer's session that asks for an income takes no release either.
    let session = world.ask("S01", CUSTOMER);
    let opened = world.fetch(&session);
    let answer = Answer::to(&opened, now);
    let token = opened
        .request
        .query
        .credentials
        .iter()
        .map(|query| (query.id.clone(), vec![release.clone()]));
    let answer = answer.seal(&token.collect());
    if let presentation::Reply::Receipt { .. } = world.send_answer(&session, &answer) {
        assert_ne!(world.outcome(&session).1, Some(Verdict::Valid));
    }
    take(&mut world, &grant, release).unwrap();
}

#[test]
fn a_refresh_is_asked_only_of_what_is_granted_and_registered_now() {
    let mut world = World::new();
    let grant = granted(&mut world);
    let refresh = |world: &mut World, name: &str, claims: &[Path]| {
        let asked = world.verifier.grant_refresh(world.now, name, claims);
        asked
            .map(|(_, ask)| match ask {
                Ask::Refresh { nonce, .. } => world.verifier.grant_unanswered(name, &nonce),
                other => panic!("no refresh: {other:?}"),
            })
            .map_err(|problem| (problem.code, problem.detail.unwrap_or_default()))
    };
    let name = grant.name();
    assert_eq!(
        refresh(&mut world, &hash_text(&[3; 32]), &[]).unwrap_err().0,
        Code::UnknownGrant
    );
    assert_eq!(refresh(&mut world, "no name", &[]).unwrap_err().0, Code::UnknownGrant);
    let beyond = refresh(&mut world, &name, &[path("formaal")]);
    assert_eq!(beyond, Err((Code::OverAsk, "formaal".to_owned())));
    assert_eq!(
        refresh(&mut world, &name, &[path("TotalAmount.amount")]),
        Ok(()),
        "a part of it goes"
    );
    // The registration ends, and comes back.
    let without = trust(world.now, |draft| {
        draft.organisations[1].services.retain(|service| service.id != "S15")
    });
    let with = Arc::clone(&world.trust);
    world.set_trust(without);
    assert_eq!(refresh(&mut world, &name, &[]), Err((Code::OverAsk, "S15".to_owned())));
    world.set_trust(with);
    assert_eq!(refresh(&mut world, &name, &[]), Ok(()));
    // Its last second, and its end.
    let last = trust(world.now.plus(LIFE - 60), |_| {});
    world.pass(LIFE - 1);
    world.set_trust(last);
    assert_eq!(refresh(&mut world, &name, &[]), Ok(()));
    world.pass(1);
    assert_eq!(refresh(&mut world, &name, &[]).unwrap_err().0, Code::Expired);
}

#[test]
fn a_refresh_while_one_is_under_way_is_refused_and_spoils_nothing() {
    let mut world = World::new();
    let (grant, other) = (granted(&mut world), granted(&mut world));
    let first = question(&mut world, &grant, 1).sign(KID, &etat_key()).unwrap();
    let nonce = under_way(&world, &grant);
    let again = |world: &mut World| world.verifier.grant_refresh(world.now, &grant.name(), &[]);
    let refused = Problem::new(Code::RateLimited, "refresh");
    assert_eq!(again(&mut world).unwrap_err(), refused);
    refreshed(&mut world, &other, 1);
    // What belongs to no question of now changes nothing either.
    world.verifier.grant_unanswered(&grant.name(), "another");
    let reply = Reply::Released { release: first.clone() };
    let stray = world
        .verifier
        .grant_released(world.now, &grant.name(), "another", reply);
    assert_eq!(stray.unwrap_err().code, Code::UnexpectedMessage);
    assert_eq!(again(&mut world).unwrap_err(), refused);
    assert_eq!(take(&mut world, &grant, first.clone()).unwrap().number, 1);
    assert!(read(&world, &grant).is_some());
    let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
    assert_eq!(view.uses, 1);

    // The next goes when the last is answered, known to have failed, or long overdue. An answer that comes later still spoils nothing.
    question(&mut world, &grant, 2);
    let failed = under_way(&world, &grant);
    world.verifier.grant_unanswered(&grant.name(), &failed);
    let late = question(&mut world, &grant, 3).sign(KID, &etat_key()).unwrap();
    let lost = under_way(&world, &grant);
    world.pass(59);
    assert_eq!(again(&mut world).unwrap_err(), refused);
    world.pass(1);
    let release = question(&mut world, &grant, 4).sign(KID, &etat_key()).unwrap();
    assert_ne!(under_way(&world, &grant), lost);
    let reply = Reply::Released { release: late };
    let overdue = world.verifier.grant_released(world.now, &grant.name(), &lost, reply);
    assert_eq!(overdue.unwrap_err().code, Code::UnexpectedMessage);
    assert_eq!(take(&mut world, &grant, release).unwrap().number, 4);
    let reply = Reply::Released { release: first };
    let replayed = world.verifier.grant_released(world.now, &grant.name(), &nonce, reply);
    assert_eq!(replayed.unwrap_err().code, Code::UnexpectedMessage);
    // A clock that is set back holds nothing up.
    question(&mut world, &grant, 5);
    world.now = world.now.plus(-1);
    refreshed(&mut world, &grant, 6);
}

#[test]
fn what_the_issuer_or_a_withdrawal_says_while_an_answer_is_on_its_way_counts_at_once() {
    let mut world = World::new();
    let (first, second) = (granted(&mut world), granted(&mut world));
    refreshed(&mut world, &first, 1);
    question(&mut world, &first, 2);
    let refused = Reply::Problem(Code::Withdrawn.into());
    let now = world.now;
    let nonce = under_way(&world, &first);
    let told = world
        .verifier
        .grant_released(now, &first.name(), &nonce, refused)
        .unwrap_err();
    assert_eq!(told.code, Code::Withdrawn);
    assert_eq!(read(&world, &first), None, "what there was is erased");
    assert_eq!(
        world.verifier.grant(now, &first.name()).unwrap().unwrap().state,
        GrantState::Withdrawn
    );
    // The holder's own word comes later, and is answered.
    let ask = first.withdraw_with(&first.key, now);
    erased(&mut world, &first, ask);

    let release = question(&mut world, &second, 1).sign(KID, &etat_key()).unwrap();
    let ask = second.withdraw_with(&second.key, now);
    erased(&mut world, &second, ask);
    let late = take(&mut world, &second, release).unwrap_err().code;
    assert!(matches!(late, Code::Withdrawn | Code::UnexpectedMessage), "{late}");
    assert_eq!(read(&world, &second), None);
    // Another refusal ends nothing.
    let third = granted(&mut world);
    for code in [
        Code::OverAsk,
        Code::TraceUnavailable,
        Code::CatchingUp,
        Code::UnknownGrant,
        Code::Shielded,
    ] {
        question(&mut world, &third, 1);
        let reply = Reply::Problem(code.into());
        let nonce = under_way(&world, &third);
        let told = world
            .verifier
            .grant_released(now, &third.name(), &nonce, reply)
            .unwrap_err();
        assert_eq!(told.code, code);
    }
    refreshed(&mut world, &third, 1);
}

#[test]
fn what_is_kept_goes_at_its_own_time_also_when_the_issuer_begins_to_count_anew() {
    let mut world = World::new();
    let with = trust(world.now, keeping(1_000, false));
    world.set_trust(with);
    let grant = granted_under(&mut world, KEEPING);
    let first = refreshed(&mut world, &grant, 5);
    assert_eq!(first.keep_until, Some(world.now.plus(1_000)));
    world.pass(500);
    // The issuer's home was restored: its number falls, and what was kept before is not overwritten or erased with it.
    refreshed(&mut world, &grant, 1);
    refreshed(&mut world, &grant, 5);
    let mut world = world.reopen();
    assert!(read(&world, &grant).is_some(), "it is on disk");
    world.pass(500);
    world.verifier.tick(world.now).unwrap();
    assert!(read(&world, &grant).is_some(), "the later ones are kept");
    world.pass(500);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(read(&world, &grant), None);
    assert_eq!(
        world.verifier.grant(world.now, &grant.name()).unwrap().unwrap().state,
        GrantState::Active
    );
    refreshed(&mut world, &grant, 6);
    let ask = grant.withdraw_with(&grant.key, world.now);
    let (_, receipt) = erased(&mut world, &grant, ask);
    assert_eq!(
        (receipt.erased.len(), receipt.kept.len()),
        (4, 1),
        "its end erases all of it but the record"
    );
    assert_eq!(read(&world, &grant), None);
}

#[test]
fn what_is_kept_beyond_the_end_is_named_with_ground_and_time_and_goes_then() {
    let mut world = World::new();
    let keep = RECORD_SECONDS + 10 * DAY;
    let with = trust(world.now, keeping(keep, true));
    world.set_trust(with);
    let grant = granted_under(&mut world, KEEPING);
    refreshed(&mut world, &grant, 1);
    let until = world.now.plus(keep);
    let ask = grant.withdraw_with(&grant.key, world.now);
    let (_, receipt) = erased(&mut world, &grant, ask);
    assert!(receipt.erased.is_empty());
    assert_eq!((receipt.kept.len(), receipt.kept[1].until), (2, until));
    assert_eq!(
        (receipt.kept[1].claims.clone(), receipt.kept[1].ground.as_str()),
        (claims(), "session_only")
    );
    // The record outlives its own time while something is kept, and what is erased then is signed.
    world.pass(RECORD_SECONDS + 1);
    world.verifier.tick(world.now).unwrap();
    assert!(read(&world, &grant).is_some());
    world.pass(10 * DAY - 1);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(read(&world, &grant), None);
    let said = world.verifier.grant_erasure(&grant.name()).unwrap().unwrap();
    assert_eq!((said.erased.len(), said.kept.len()), (1, 1));
    assert_eq!(said.kept[0].until, world.now.plus(RECORD_SECONDS));
    world.pass(RECORD_SECONDS);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(
        world.verifier.grant(world.now, &grant.name()).unwrap(),
        None,
        "nothing is left of it"
    );
}

#[test]
fn a_grant_that_ran_out_is_erased_and_is_another_state_than_one_taken_back() {
    let mut world = World::new();
    let (ran_out, taken_back) = (granted(&mut world), granted(&mut world));
    refreshed(&mut world, &ran_out, 1);
    let ask = taken_back.withdraw_with(&taken_back.key, world.now);
    erased(&mut world, &taken_back, ask);
    world.pass(LIFE);
    let state = |world: &World, grant: &Asked| {
        let view = world.verifier.grant(world.now, &grant.name()).unwrap();
        view.map(|view| (view.state, view.erasure.is_some()))
    };
    assert_eq!(
        state(&world, &ran_out),
        Some((GrantState::Expired, false)),
        "before the tick has written so"
    );
    world.verifier.tick(world.now).unwrap();
    let mut world = world.reopen();
    assert_eq!(state(&world, &ran_out), Some((GrantState::Expired, true)));
    assert_eq!(state(&world, &taken_back), Some((GrantState::Withdrawn, true)));
    assert_eq!(refresh_code(&mut world, &ran_out), Code::Expired);
    assert_eq!(refresh_code(&mut world, &taken_back), Code::Withdrawn);
    world.pass(RECORD_SECONDS);
    world.verifier.tick(world.now).unwrap();
    assert_eq!((state(&world, &ran_out), state(&world, &taken_back)), (None, None));
}

#[test]
fn what_becomes_of_a_grant_is_told_by_its_name() {
    let mut world = World::new();
    let grant = granted(&mut world);
    let told = |world: &World| -> Vec<String> {
        let page = world.verifier.news(None, 100, &|news| news.happened.grant.is_some());
        assert!(
            page.news
                .iter()
                .all(|news| news.happened.grant.as_deref() == Some(&*grant.name()))
        );
        page.news
            .iter()
            .map(|news| news.happened.what.as_str().to_owned())
            .collect()
    };
    assert_eq!(told(&world), ["grant.given"]);
    refreshed(&mut world, &grant, 1);
    assert_eq!(told(&world), ["grant.given", "grant.refreshed"]);
    let ask = grant.withdraw_with(&grant.key, world.now);
    erased(&mut world, &grant, ask);
    assert_eq!(
        told(&world),
        ["grant.given", "grant.refreshed", "grant.withdrawn", "erased"]
    );
    let ask = grant.withdraw_with(&grant.key, world.now);
    erased(&mut world, &grant, ask);
    assert_eq!(told(&world).len(), 4, "said again it is not told again");
    let other = granted(&mut world);
    let told_of = |world: &World, name: &str| -> Vec<&str> {
        let page = world
            .verifier
            .news(None, 100, &|news| news.happened.grant.as_deref() == Some(name));
        page.news.iter().map(|news| news.happened.what.as_str()).collect()
    };
    assert_eq!(told_of(&world, &other.name()), ["grant.given"]);
    world.pass(LIFE + DAY);
    world.verifier.tick(world.now).unwrap();
    // That it was given is longer ago than events are kept.
    assert_eq!(told_of(&world, &other.name()), ["grant.expired"]);
    let (page, next) = world.verifier.grants_after(world.now, None, None, 1).unwrap();
    let (rest, end) = world
        .verifier
        .grants_after(world.now, None, next.as_deref(), 1)
        .unwrap();
    let mut names = [grant.name(), other.name()];
    names.sort_unstable();
    assert_eq!([&page[0].name, &rest[0].name], [&names[0], &names[1]]);
    assert_eq!(end, None);
    let (active, _) = world
        .verifier
        .grants_after(world.now, Some(GrantState::Active), None, 9)
        .unwrap();
    assert_eq!(active, []);
}
