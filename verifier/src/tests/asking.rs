//! What may be asked, and what a session is before an answer.

use super::world::*;
use crate::session::{New, Session};
use crate::{OPEN_MAX, State, Verifier};
use credentials::link::Link;
use credentials::protocol::presentation::{Ask, Reply};
use credentials::schema::Types;
use credentials::{Code, Timestamp, request};
use std::sync::Arc;
use store::{Params, Store};

#[test]
fn the_link_names_the_signed_request_and_fetching_gives_the_same_bytes_each_time() {
    let mut world = World::new();
    let new = crate::NewRequest {
        service: "S01",
        case: "L-2026-17",
        subject: CUSTOMER,
        types: &[],
        claims: &[],
        valid_seconds: None,
        pair: false,
    };
    let before = world.verifier.changes();
    let asked = world.verifier.request(now(), &new).unwrap();
    assert!(world.verifier.changes() > before);
    assert_eq!(asked.expires, now().plus(120));
    assert_eq!(
        asked.link,
        Link::Request {
            asker: bank(),
            session: asked.session.clone(),
            hash: request::hash(&asked.request).to_vec(),
            expires: asked.expires,
        }
    );
    assert_eq!(world.state(&asked.session), State::Active);
    let fetch = Ask::Fetch {
        session: asked.session.clone(),
    };
    let given = Reply::Request {
        request: asked.request.clone(),
    };
    assert_eq!(world.send(fetch.clone()), given);
    assert_eq!(world.state(&asked.session), State::Fetched);
    let mut world = world.reopen();
    assert_eq!(world.send(fetch), given);
    assert_eq!(world.state(&asked.session), State::Fetched);

    let opened = request::open(&asked.request, &world.trust, Some(PEER), now()).unwrap();
    assert_eq!(opened.request.case, "L-2026-17");
    assert!(!asked.request.contains(CUSTOMER));
    assert!(opened.request.nonce.len() >= 22 && asked.session.len() >= 22);
    let another = world.ask("S01", CUSTOMER);
    assert_ne!(another, asked.session);
    assert_ne!(world.fetch(&another).request.nonce, opened.request.nonce);
}

#[test]
fn no_session_is_called_what_a_command_line_would_read_as_a_flag() {
    let mut world = World::new();
    for _ in 0..256 {
        assert!(!world.ask("S01", CUSTOMER).starts_with('-'));
    }
}

/// What a request asks, as `Type: path path …`.
fn query(world: &mut World, service: &str, types: &[&str], claims: &[&str]) -> Vec<String> {
    let subject = match service {
        "K01" | "S09" => COMPANY,
        _ => CUSTOMER,
    };
    let session = world.try_ask(service, subject, types, claims, None).unwrap();
    let opened = world.fetch(&session);
    let credentials = &opened.request.query.credentials;
    credentials
        .iter()
        .map(|credential| {
            let paths: Vec<String> = credential.claims.iter().map(|c| c.path.to_string()).collect();
            format!("{}: {}", credential.id, paths.join(" "))
        })
        .collect()
}

#[test]
fn nothing_named_asks_the_registered_claims_that_every_credential_has() {
    let mut world = World::new();
    assert_eq!(
        query(&mut world, "S01", &[], &[]),
        [
            "MonthlyIncome: personidentifikator fraOgMed tilOgMed ajourholdstidspunkt \
             oppgaveInntektsmottaker[].opplysningspliktigId oppgaveInntektsmottaker[].kalendermaaned \
             oppgaveInntektsmottaker[].inntekt[].fordel oppgaveInntektsmottaker[].inntekt[].beloep",
            "TaxAssessmentSummary: personidentifikator inntektsaar stadie ajourholdstidspunkt \
             grunnlag[].tekniskNavn grunnlag[].beloep",
        ]
    );
    assert_eq!(
        query(&mut world, "K01", &[], &[]),
        ["CompanyRegistration: organisasjonsnummer navn organisasjonsform"]
    );
}

#[test]
fn types_and_claims_narrow_the_request_and_the_customers_number_is_always_asked() {
    let mut world = World::new();
    for name in [INCOME, "C02", "MonthlyIncome"] {
        let asked = query(&mut world, "S01", &[name], &["tilOgMed"]);
        assert_eq!(asked, ["MonthlyIncome: tilOgMed personidentifikator"]);
    }
    // A type that has none of the claims is left out; one that has it too is asked too.
    assert_eq!(
        query(&mut world, "S01", &[], &["grunnlag[].beloep"]),
        ["TaxAssessmentSummary: grunnlag[].beloep personidentifikator"]
    );
    assert_eq!(
        query(&mut world, "S01", &["C02", "C02", "C03"], &["skjermet"]),
        [
            "MonthlyIncome: skjermet personidentifikator",
            "TaxAssessmentSummary: skjermet personidentifikator"
        ]
    );
    // Where the number is shown anyway, it is not asked.
    assert_eq!(query(&mut world, "K01", &[], &["navn"]), ["CompanyRegistration: navn"]);
    assert_eq!(
        query(&mut world, "S09", &[], &["oppsigelse"]),
        ["TransportLicenceGuarantee: oppsigelse"]
    );
}

#[test]
fn a_rung_is_asked_as_reached_alone_of_its_ladder_and_not_beside_amounts() {
    let mut world = World::new();
    let rung = "inntektPerMaanedMinst.kr40000";
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[rung], None).unwrap();
    let opened = world.fetch(&session);
    let asked: Vec<(String, Vec<serde_json::Value>)> = opened.request.query.credentials[0]
        .claims
        .iter()
        .map(|claim| (claim.path.to_string(), claim.values.clone()))
        .collect();
    assert_eq!(
        asked,
        [
            (rung.to_owned(), vec![serde_json::Value::Bool(true)]),
            ("personidentifikator".to_owned(), Vec::new()),
        ]
    );
    // All types of the service: only the one that has the ladder is asked.
    assert_eq!(
        query(&mut world, "S01", &[], &[rung]),
        [format!("MonthlyIncome: {rung} personidentifikator")]
    );
    let mut refused = |claims: &[&str], about: &str| {
        let problem = world.try_ask("S01", CUSTOMER, &["C02"], claims, None).unwrap_err();
        assert_eq!(
            (problem.code, problem.detail.as_deref()),
            (Code::OverAsk, Some(about)),
            "{claims:?}"
        );
    };
    refused(
        &[rung, "inntektPerMaanedMinst.kr50000"],
        "inntektPerMaanedMinst.kr50000",
    );
    refused(&[rung, "derived.sumKontantytelse"], "derived.sumKontantytelse");
    refused(&["inntektPerMaanedMinst.kr40001"], "inntektPerMaanedMinst.kr40001");
    refused(&["inntektPerMaanedMinst"], "inntektPerMaanedMinst");
}

#[test]
fn beyond_the_registration_nothing_is_signed_and_the_refusal_names_what() {
    let mut world = World::new();
    let mut check = |service: &str, types: &[&str], claims: &[&str], code: Code, about: &str| {
        let before = world.verifier.changes();
        let problem = world.try_ask(service, CUSTOMER, types, claims, None).unwrap_err();
        assert_eq!(problem.code, code, "{service} {types:?} {claims:?}");
        let detail = problem.detail.unwrap_or_default();
        assert!(detail.contains(about), "{detail} does not name {about}");
        assert_eq!(world.verifier.sessions(now()).unwrap(), []);
        assert_eq!(world.verifier.changes(), before);
    };
    check("S01", &["C04"], &[], Code::OverAsk, "StudentLoanBalance");
    check("S01", &["C02", "C04"], &[], Code::OverAsk, "S01");
    check("S01", &["C01"], &[], Code::OverAsk, "");
    check(
        "S01",
        &["C03"],
        &["grunnlag[].spesifisering"],
        Code::OverAsk,
        "grunnlag[].spesifisering",
    );
    check(
        "S01",
        &["C02"],
        &["oppgaveInntektsmottaker"],
        Code::OverAsk,
        "oppgaveInntektsmottaker",
    );
    check("S01", &[], &["ingenting"], Code::OverAsk, "ingenting");
    check("S01", &["C99"], &[], Code::UnknownType, "C99");
    check("S07", &[], &[], Code::NotLicensed, "S07");
    check("K02", &[], &[], Code::NotLicensed, "K02");
    assert!(world.try_ask("S01", CUSTOMER, &["C02"], &[], None).is_ok());
}

#[test]
fn a_request_lives_as_long_as_asked_and_never_longer_than_registered() {
    let mut world = World::new();
    let check = |world: &mut World, seconds| world.try_ask("S15", CUSTOMER, &[], &[], seconds);
    for (seconds, lives) in [(None, 120), (Some(1), 1), (Some(3_600), 3_600)] {
        let session = check(&mut world, seconds).unwrap();
        assert_eq!(world.detail(&session).view.expires, now().plus(lives));
    }
    let problem = check(&mut world, Some(3_601)).unwrap_err();
    assert_eq!((problem.code, problem.detail.as_deref()), (Code::OverAsk, Some("time")));
    for seconds in [0, -1, i64::MIN] {
        let problem = check(&mut world, Some(seconds)).unwrap_err();
        assert_eq!(problem.code, Code::Malformed);
    }
}

#[test]
fn a_customer_is_a_number_of_the_right_kind_and_no_case_holds_one() {
    let mut world = World::new();
    for (service, subject) in [("S01", COMPANY), ("K01", CUSTOMER), ("S01", "14858834017"), ("S01", "")] {
        let problem = world.try_ask(service, subject, &[], &[], None).unwrap_err();
        assert_eq!(
            (problem.code, problem.detail.as_deref()),
            (Code::Malformed, Some("subject"))
        );
    }
    let mut case = |case: &str| {
        let new = crate::NewRequest {
            service: "S01",
            case,
            subject: CUSTOMER,
            types: &[],
            claims: &[],
            valid_seconds: None,
            pair: false,
        };
        world.verifier.request(now(), &new).map(|_| ())
    };
    assert_eq!(case("L-2026-17"), Ok(()));
    for wrong in [format!("lån {CUSTOMER}"), "x".repeat(65), "a\nb".to_owned()] {
        let problem = case(&wrong).unwrap_err();
        assert_eq!(problem.code, Code::Malformed);
        assert!(!problem.to_string().contains(CUSTOMER));
    }
}

#[test]
fn without_a_current_trust_document_that_lists_our_key_nothing_is_asked() {
    let mut world = World::new();
    let ask = |world: &mut World| world.try_ask("S01", CUSTOMER, &[], &[], None);
    assert!(ask(&mut world).is_ok());
    world.now = now().plus(86_401);
    assert_eq!(ask(&mut world).unwrap_err().code, Code::TrustStale);
    world.now = now();
    let check = |world: &mut World, code, bend: &dyn Fn(&mut credentials::trust::Organisation)| {
        let bent = trust(now(), |draft| bend(&mut draft.organisations[1]));
        world.set_trust(bent);
        assert_eq!(ask(world).unwrap_err().code, code);
    };
    check(&mut world, Code::UnknownKey, &|us| {
        us.keys[0].id = "did:web:bank.example#key-2".to_owned()
    });
    check(&mut world, Code::UnknownKey, &|us| {
        us.keys[0].key = credentials::SigningKey::from_bytes(&[9; 32]).verifying_key();
    });
    check(&mut world, Code::KeyOutsideWindow, &|us| {
        us.keys[0].valid_until = now().plus(-1)
    });
    check(&mut world, Code::KeyCompromised, &|us| {
        us.keys[0].compromised = Some(now())
    });
    check(&mut world, Code::NotLicensed, &|us| us.services.clear());
    world.set_trust(trust(now(), |draft| {
        draft.organisations.pop();
    }));
    assert_eq!(ask(&mut world).unwrap_err().code, Code::NotLicensed);

    let home = world.dir.path().join("other");
    let store = Store::create(&home, &passphrase(), Params::quick(), entropy()).unwrap();
    let signer = Arc::new(credentials::SigningKey::from_bytes(&[2; 32]));
    let mut untrusting = Verifier::open(store, Types::builtin(), settings(), signer, random()).unwrap();
    let new = crate::NewRequest {
        service: "S01",
        case: "",
        subject: CUSTOMER,
        types: &[],
        claims: &[],
        valid_seconds: None,
        pair: false,
    };
    assert_eq!(untrusting.request(now(), &new).unwrap_err().code, Code::TrustMissing);
}

#[test]
fn a_key_of_another_organisation_is_no_setting() {
    let world = World::new();
    let home = world.dir.path().join("other");
    let store = Store::create(&home, &passphrase(), Params::quick(), entropy()).unwrap();
    let signer = || Arc::new(credentials::SigningKey::from_bytes(&[2; 32]));
    let settings = crate::Settings {
        kid: "did:web:bank.example.evil#key-1".to_owned(),
        ..settings()
    };
    let opened = Verifier::open(store, Types::builtin(), settings, signer(), random());
    assert!(matches!(opened, Err(crate::Error::Setting { name: "kid" })));
}

#[test]
fn only_so_many_sessions_are_open_and_ended_ones_make_room() {
    let mut world = World::new();
    let opened = world.fetch_query();
    let fill = |world: &mut World, number: u64| {
        let session = Session::new(New {
            id: format!("filler-{number}"),
            number,
            epoch: 0,
            case: "",
            service: "S01",
            created: now(),
            expires: now().plus(600),
            nonce: String::new(),
            request_hash: [0; 32],
            query: &opened,
            grant: None,
            repeat: None,
            terms: crate::retention::Terms::of(&credentials::service::Registration::builtin()[0]),
        });
        world.verifier.agenda.add(&session);
    };
    for number in 1..OPEN_MAX as u64 {
        fill(&mut world, number);
    }
    let problem = world.try_ask("S01", CUSTOMER, &[], &[], None).unwrap_err();
    assert_eq!(
        (problem.code, problem.detail.as_deref()),
        (Code::TooLarge, Some("open sessions"))
    );
    let first = world.verifier.sessions(now()).unwrap()[0].id.clone();
    assert!(world.verifier.close(now(), &first).unwrap());
    assert!(world.try_ask("S01", CUSTOMER, &[], &[], None).is_ok());
}

impl World {
    /// Some query, of a session that is left open.
    fn fetch_query(&mut self) -> credentials::query::Query {
        let session = self.ask("S01", CUSTOMER);
        self.fetch(&session).request.query
    }
}

#[test]
fn sessions_are_listed_newest_first_also_after_a_restart() {
    let mut world = World::new();
    let made: Vec<String> = (0..5).map(|_| world.ask("S01", CUSTOMER)).collect();
    let listed = |world: &World| -> Vec<String> {
        let sessions = world.verifier.sessions(world.now).unwrap();
        sessions.into_iter().rev().map(|view| view.id).collect()
    };
    assert_eq!(listed(&world), made);
    let mut world = world.reopen();
    let last = world.ask("S01", CUSTOMER);
    assert_eq!(listed(&world).last(), Some(&last));
    assert_eq!(listed(&world)[..5], made);
    assert_eq!(world.verifier.session(now(), "no-such").unwrap(), None);
    assert_eq!(world.verifier.session(now(), &"x".repeat(2_000)).unwrap(), None);
}

#[test]
fn a_session_in_json_has_stable_names_and_times_that_people_and_machines_read() {
    let mut world = World::new();
    let session = world.ask("S01", CUSTOMER);
    let view = &world.verifier.sessions(now()).unwrap()[0];
    assert_eq!(
        serde_json::to_value(view).unwrap(),
        serde_json::json!({
            "id": session, "case": "L-2026-17", "service": "S01", "state": "active",
            "created": "2026-08-05T10:00:00Z", "expires": "2026-08-05T10:10:00Z",
            "verdict": null, "code": null,
        })
    );
    let detail = serde_json::to_value(world.detail(&session)).unwrap();
    let names: Vec<&str> = detail.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec![
        "id",
        "case",
        "service",
        "state",
        "created",
        "expires",
        "verdict",
        "code",
        "checks",
        "notes",
        "claims",
        "types",
        "issuers",
        "not_for_credit",
        "status_age_s",
        "trust_age_s",
        "keep_until",
        "keep_ground",
        "keep_ground_text",
        "decision",
        "deletion",
        "erased_at",
        "erasure",
        "checked_at",
        "receipt",
        "asked",
        "grant",
        "link",
    ];
    expected.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn a_request_that_ran_out_is_expired_everywhere_and_its_secrets_are_gone() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let tax = world.tax(CUSTOMER);
    let session = world.ask("S01", CUSTOMER);
    let answer = world.answer(&session, &[&income, &tax]);
    world.pass(599);
    assert_eq!(world.state(&session), State::Fetched);
    world.pass(1);
    assert_eq!(world.state(&session), State::Expired);
    let asks = [
        Ask::Fetch {
            session: session.clone(),
        },
        Ask::Decline {
            session: session.clone(),
        },
        Ask::Answer {
            session: session.clone(),
            answer,
        },
    ];
    for ask in asks {
        for _ in 0..2 {
            assert_eq!(world.send(ask.clone()), Reply::Problem(Code::Expired.into()));
        }
        let _ = world.verifier.tick(world.now).unwrap();
    }
    assert_eq!(world.outcome(&session), (State::Expired, None, None));
    assert!(world.verifier.tables.key(&session).unwrap().is_none());
    assert!(world.verifier.tables.customer(&session).unwrap().is_none());
}

#[test]
fn a_tick_names_what_changed_once_and_touches_nothing_that_is_not_due() {
    let mut world = World::new();
    let short = world.try_ask("S01", CUSTOMER, &[], &[], Some(10)).unwrap();
    let long = world.ask("S01", CUSTOMER);
    let changes = world.verifier.changes();
    assert_eq!(world.verifier.tick(now().plus(9)).unwrap(), [""; 0]);
    assert_eq!(world.verifier.changes(), changes);
    assert_eq!(world.verifier.tick(now().plus(10)).unwrap(), [&*short]);
    assert!(world.verifier.changes() > changes);
    assert_eq!(world.verifier.tick(now().plus(11)).unwrap(), [""; 0]);
    world.now = now().plus(11);
    assert_eq!(world.state(&short), State::Expired);
    assert_eq!(world.state(&long), State::Active);
}

#[test]
fn a_restored_store_voids_the_requests_that_were_out() {
    let mut world = World::new();
    let session = world.ask("S01", CUSTOMER);
    let world = world.reopen();
    assert_eq!(world.state(&session), State::Active);
    let mut world = world.reopen_after(|store| {
        store.begin_epoch().unwrap();
    });
    assert_eq!(world.state(&session), State::Expired);
    assert!(world.verifier.tables.key(&session).unwrap().is_none());
    let fetch = Ask::Fetch { session };
    assert_eq!(world.send(fetch), Reply::Problem(Code::Expired.into()));
    let new = world.ask("S01", CUSTOMER);
    assert_eq!(world.reopen().state(&new), State::Active);
}

#[test]
fn a_long_stop_is_caught_up_with_in_one_tick() {
    let mut world = World::new();
    let session = world.ask("S01", CUSTOMER);
    let later = Timestamp::from_unix(now().unix() + 600 + crate::RECORD_SECONDS);
    assert_eq!(world.verifier.tick(later).unwrap(), [&*session]);
    assert_eq!(world.verifier.session(later, &session).unwrap(), None);
    assert_eq!(world.verifier.tick(later).unwrap(), [""; 0]);
}
