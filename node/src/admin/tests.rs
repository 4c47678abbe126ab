//! What the routes answer, without a socket.

mod refused;

use super::*;
use crate::config::{self, Config};
use crate::home::Home;
use crate::service::{Command, FIGURES, READINESS_CODES, create_keys, entropy};
use crate::text::{Catalogue, LANGUAGES};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use credentials::Did;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft};
use serde_json::Value;
use std::collections::BTreeSet;
use store::{Params, Passphrase, Store};
use tower::ServiceExt;

/// A synthetic person (month + 80) whose number must stand nowhere.
const PERSON: &str = "14858834016";

struct World {
    service: Arc<Service>,
    _folder: tempfile::TempDir,
}

impl World {
    /// A home of an organisation that issues and asks.
    fn new(change: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let mut config = config::defaults();
        config.organisation = Some(config::Organisation {
            did: Did::parse("did:web:skatteetaten.example").expect("a DID"),
            number: "974761076".to_owned(),
            name: "Skatteetaten".to_owned(),
        });
        config.node.language = "en".to_owned();
        config.verifier = Some(config::Section::default());
        config.issuer = Some(config::Issuer {
            issues: vec!["C02".to_owned()],
            ..config::Issuer::default()
        });
        change(&mut config);
        let passphrase = Passphrase::new("a synthetic passphrase");
        let store = Store::create(&home.store(), &passphrase, Params::quick(), entropy()).expect("made");
        create_keys(&store, &config, None).expect("keys");
        drop(store);
        crate::home::write(&home.config(), config::text(&config).expect("text").as_bytes()).expect("writes");
        let loaded = config::load(&home, &[]).expect("loads");
        let service = Service::open(&home, loaded, &passphrase).expect("opens");
        World {
            service,
            _folder: folder,
        }
    }

    /// Takes a list that names the home.
    async fn listed(&self) {
        let now = crate::clock::now();
        let whoami = self.service.execute(Command::Whoami).await.expect("told");
        let card: crate::service::Card = serde_json::from_value(whoami["card"].clone()).expect("a card");
        let draft = Draft {
            sequence: 1,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(300 * DAY),
            organisations: vec![card.entry().expect("a card with keys")],
        };
        let mut anchors = Ceremony::of_three(&mut crate::clock::System, now).expect("founded");
        let bundle = anchors.publish(&draft, now).expect("signed");
        let text = bundle.to_text().expect("JSON");
        let root = Some(anchors.fingerprint().expect("founded"));
        self.service
            .execute(Command::TrustImport { text, root })
            .await
            .expect("taken");
        self.service
            .execute(Command::Certificate { renew: true })
            .await
            .expect("a certificate");
    }

    async fn ask(&self, request: Request<Body>) -> Response {
        router(self.service.clone()).oneshot(request).await.expect("answers")
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.ask(request(path)).await;
        let status = response.status();
        (status, serde_json::from_str(&body(response).await).expect("JSON"))
    }
}

fn request(path: &str) -> Request<Body> {
    let request = Request::get(path).header("host", "127.0.0.1:9464");
    request.body(Body::empty()).expect("a request")
}

async fn body(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().expect("ASCII"))
}

fn codes(readiness: &Value) -> BTreeSet<String> {
    let reasons = readiness["reasons"].as_array().expect("reasons");
    let code = |reason: &Value| reason["code"].as_str().expect("a code").to_owned();
    reasons.iter().map(code).collect()
}

fn set(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_once_it_has_a_list_a_place_in_it_and_the_network() {
    let world = World::new(|_| {});
    let (status, told) = world.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told["schema"], "readiness/v1");
    assert_eq!(told["ready"], false);
    assert_eq!(codes(&told), set(&["trust_missing", "unreachable"]));
    for reason in told["reasons"].as_array().expect("reasons") {
        let text = |member: &str| reason[member].as_str().expect("text").to_owned();
        assert!(
            text("sentence").ends_with('.') && text("remedy").contains(' '),
            "{reason}"
        );
    }
    world.listed().await;
    let (_, told) = world.get("/readyz").await;
    assert_eq!(codes(&told), set(&["unreachable"]), "the network was not joined yet");
    world.service.join(true).await.expect("joins");
    let (status, told) = world.get("/readyz").await;
    assert_eq!((status, &told["ready"]), (StatusCode::OK, &Value::Bool(true)), "{told}");
    world.service.stop().await;
    let (status, told) = world.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "it is leaving");
    assert_eq!(codes(&told), set(&["unreachable"]));
    assert_eq!(
        world.get("/livez").await.0,
        StatusCode::OK,
        "nothing that a restart mends"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_list_and_an_unlisted_node_are_told_apart() {
    let world = World::new(|_| {});
    world.listed().await;
    let readiness = world.service.readiness(crate::clock::now().plus(2 * DAY));
    let told: Vec<&str> = readiness.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert!(
        told.contains(&"trust_stale") && !told.contains(&"not_listed"),
        "{told:?}"
    );
    let readiness = world.service.readiness(crate::clock::now().plus(400 * DAY));
    let told: Vec<&str> = readiness.reasons.iter().map(|reason| reason.code.as_str()).collect();
    for code in ["trust_stale", "key_outside_window", "certificate_invalid"] {
        assert!(told.contains(&code), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_stopped_makes_it_neither_alive_nor_ready_and_figures_go_on() {
    let world = World::new(|_| {});
    let (status, told) = world.get("/livez").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        told,
        serde_json::json!({ "schema": "liveness/v1", "live": true, "stopped": [] })
    );
    world.service.stop_verifier();
    let (status, told) = world.get("/livez").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told["stopped"], serde_json::json!(["verifier"]));
    let (_, told) = world.get("/readyz").await;
    assert!(codes(&told).contains("internal"), "{told}");
    let text = body(world.ask(request("/metrics")).await).await;
    assert!(text.contains("bevis_role_stopped{role=\"verifier\"} 1\n"), "{text}");
    assert!(text.contains("bevis_not_ready{code=\"internal\"} 1\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_openmetrics_of_the_table_and_every_reason_is_told_even_where_it_is_not_so() {
    let world = World::new(|_| {});
    world.listed().await;
    let response = world.ask(request("/metrics")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        header(&response, "content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = body(response).await;
    assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
    for code in READINESS_CODES {
        assert!(
            text.contains(&format!("\nbevis_not_ready{{code=\"{code}\"}} ")),
            "{code}"
        );
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let name = name.strip_prefix("bevis_").expect("ours");
        let is_of = |figure: &crate::service::Figure| {
            let endings = ["", "_bucket", "_sum", "_count"].into_iter();
            let mut names = endings.map(|ending| format!("{}{ending}", figure.name));
            names.any(|known| known == name)
        };
        assert!(FIGURES.iter().any(is_of), "{line}");
        let value = line.rsplit(' ').next().expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    for name in [
        "issued_total{type=\"C02\"} 0",
        "letters_waiting 0",
        "store_sync_seconds_count ",
    ] {
        assert!(text.contains(&format!("\nbevis_{name}")), "{name}: {text}");
    }
    let same = world.service.execute(Command::Metrics).await.expect("told");
    let same = same["text"].as_str().expect("text").to_owned();
    assert!(same.contains("\n# TYPE bevis_issued_total counter\n") && !same.contains("# EOF"));
}

/// A row, an offer and a case with a person's number and name go through the roles; the text must have neither.
#[tokio::test(flavor = "multi_thread")]
async fn no_label_value_comes_from_a_person_or_a_case() {
    let world = World::new(|_| {});
    world.listed().await;
    let row = serde_json::json!({
        "personidentifikator": PERSON, "fraOgMed": "2026-05", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-05",
            "inntektsmottaker": { "personidentifikator": PERSON },
            "inntekt": [{
                "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                "beloep": "48120.00", "loennsinntekt": { "beskrivelse": "fastloenn" },
            }],
        }],
    });
    let started = world.service.execute(Command::ImportStart {
        credential_type: "C02".to_owned(),
        file: [7; 32],
        header: None,
        dry_run: false,
    });
    let job = started.await.expect("begun")["job"].as_str().expect("a job").to_owned();
    for command in [
        Command::ImportLines {
            job: job.clone(),
            lines: vec![(1, row.to_string())],
        },
        Command::ImportFinish { job },
        Command::Offer {
            credential_type: "C02".to_owned(),
            subject: Some(PERSON.to_owned()),
        },
        Command::VerifierRequest {
            service: "S01".to_owned(),
            case: format!("Kari-{PERSON}"),
            subject: PERSON.to_owned(),
            types: Vec::new(),
            claims: Vec::new(),
            valid_seconds: None,
            pair: false,
            by_mailbox: false,
        },
    ] {
        // Whether it is refused or not, it may leave no trace of the person.
        drop(world.service.execute(command).await);
    }
    let text = body(world.ask(request("/metrics")).await).await;
    let listed = ["did:web:skatteetaten.example"];
    let words = [
        "listed", "other", "any", "none", "root", "list", "head", "in", "out", "C02",
    ];
    let states = ["valid", "revoked", "suspended", "superseded", "invalid", "undecided"];
    let version = env!("CARGO_PKG_VERSION");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, labels)) = line.split_once('{') else {
            continue;
        };
        let labels = labels.rsplit_once('}').expect("closed").0;
        for label in labels.split("\",") {
            let (name, value) = label.split_once("=\"").expect("a label");
            let value = value.trim_end_matches('"');
            let is_number = name == "le" && (value == "+Inf" || value.parse::<f64>().is_ok());
            let is_code =
                name == "code" && (credentials::Code::parse(value).is_some() || value == "any" || value == "none");
            let is_word = [&listed[..], &words[..], &states[..], &[version]]
                .concat()
                .contains(&value);
            assert!(is_number || is_code || is_word, "{line}");
        }
    }
    assert!(
        text.contains("\nbevis_register_rows{type=\"C02\"} 1\n"),
        "the person is in the register: {text}"
    );
    for trace in [PERSON, "Kari", "312045877", "48120"] {
        assert!(!text.contains(trace), "{text}");
    }
    for reasons in [world.get("/readyz").await.1, world.get("/livez").await.1] {
        assert!(!reasons.to_string().contains(PERSON));
    }
}

#[test]
fn every_reason_and_refusal_has_its_sentence_in_every_language() {
    for language in LANGUAGES {
        let catalogue = Catalogue::new(language);
        for code in READINESS_CODES {
            for key in [format!("ready-{code}"), format!("ready-{code}-remedy")] {
                assert!(catalogue.has(&key), "{language} lacks {key}");
            }
        }
        for status in [403, 404, 405, 413, 421, 431, 503] {
            assert!(catalogue.has(&format!("admin-{status}")), "{language} lacks {status}");
        }
    }
}
