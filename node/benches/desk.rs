//! How fast a desk with 10,000 requests and a console with 10,000 rows answer: `cargo bench -p node --bench desk`. Asserts no figure.
//!
//! The rows are imported and prepared by the commands of the command line. The requests are made by the same command as ever, each signed and committed; pages are asked of the router, with everything that
//! a page does but the socket. Output, one figure a line, separated by tabs: page, percentile, milliseconds, bytes, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measuring is what this is for"
)]

mod town;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft};
use credentials::{Did, Timestamp};
use node::config::{self, Http};
use node::home::Home;
use node::http::App;
use node::http::door::{Face, Guest};
use node::service::{self, Card, Command, Confided, Service};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::{Params, Passphrase, Store};
use tower::ServiceExt;
use town::Node;

/// Requests in the store.
const REQUESTS: usize = 10_000;
/// Times that each page is asked for.
const TIMES: usize = 400;
const PORT: u16 = 8471;
/// A synthetic customer.
const CUSTOMER: &str = "14858834016";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::Builder::new()
        .prefix("desk-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let service = bank(&Home::at(&folder.path().join("home")).unwrap()).await;
    let mut newest = String::new();
    for number in 0..REQUESTS {
        let request = Command::VerifierRequest {
            service: "S01".to_owned(),
            case: format!("L-{number}"),
            subject: CUSTOMER.to_owned(),
            types: Vec::new(),
            claims: Vec::new(),
            valid_seconds: Some(DAY),
            pair: false,
            by_mailbox: false,
        };
        let asked = service.execute(request).await.unwrap();
        newest = asked["session"].as_str().unwrap().to_owned();
    }
    let shown = |path: &str| path.replace(&newest, "{id}");
    let paths = [
        "/desk".to_owned(),
        format!("/desk?from={}", REQUESTS - 50),
        "/desk?state=waiting&service=S01".to_owned(),
        format!("/desk?like={newest}"),
        format!("/desk/sessions/{newest}"),
        "/desk/new".to_owned(),
        "/desk/new/S01".to_owned(),
        "/desk/grants".to_owned(),
    ];
    ask_often(&service, Face::Desk, &paths, shown).await;
    drop(service);

    let service = agency(folder.path());
    let paths = [
        "/console",
        "/console/registers",
        "/console/registers/C02",
        "/console/credentials",
        "/console/credentials/bulk",
        "/console/lists",
        "/console/record",
        "/console/health",
    ];
    ask_often(&service, Face::Console, &paths.map(str::to_owned), str::to_owned).await;
}

/// Asks for each page as somebody who works there.
async fn ask_often(service: &Arc<Service>, face: Face, paths: &[String], shown: impl Fn(&str) -> String) {
    let account = Command::PersonAdd {
        handle: "kari".to_owned(),
        name: "Kari Test".to_owned(),
        faces: [service::Face::Desk, service::Face::Console].into(),
        passphrase: Confided::new("another synthetic passphrase"),
    };
    service.execute(account).await.unwrap();
    let app = App::new(service.clone(), Http::at("127.0.0.1:0"), PORT);
    let router = app.router();
    let session = app.door().begin(Guest {
        handle: "kari".to_owned(),
        name: "Kari Test".to_owned(),
        faces: vec![face],
    });
    let cookie = format!("{}={session}", app.cookie());
    for path in paths {
        let mut samples = Vec::new();
        let mut bytes = 0;
        for _ in 0..TIMES {
            let begun = Instant::now();
            bytes = get(&router, path, &cookie).await;
            samples.push(begun.elapsed());
        }
        samples.sort_unstable();
        for (percentile, place) in [("p50", 50), ("p95", 95)] {
            let at = samples[(samples.len() * place / 100).min(samples.len() - 1)];
            println!(
                "{}\t{percentile}\t{:.2}\tms\t{bytes}\t{TIMES}",
                shown(path),
                at.as_secs_f64() * 1_000.0
            );
        }
    }
}

async fn get(router: &Router, path: &str, cookie: &str) -> usize {
    let request = Request::builder()
        .uri(path)
        .header("host", format!("127.0.0.1:{PORT}"))
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap().len()
}

/// A bank that may ask, as a list says that was signed a moment ago.
async fn bank(home: &Home) -> Arc<Service> {
    home.create().unwrap();
    let mut config = config::defaults();
    config.organisation = Some(config::Organisation {
        did: Did::parse("did:web:sparebank.example").unwrap(),
        number: "213579045".to_owned(),
        name: "SYNTETISK SPAREBANK".to_owned(),
    });
    config.verifier = Some(config::Section::default());
    config.http = Some(Http::at("127.0.0.1:0"));
    let passphrase = Passphrase::new("a synthetic passphrase");
    let store = Store::create(&home.store(), &passphrase, Params::quick(), node::service::entropy()).unwrap();
    node::service::create_keys(&store, &config, None).unwrap();
    drop(store);
    node::home::write(&home.config(), config::text(&config).unwrap().as_bytes()).unwrap();
    let service = Service::open(home, config::load(home, &[]).unwrap(), &passphrase).unwrap();
    let whoami = service.execute(Command::Whoami).await.unwrap();
    let card: Card = serde_json::from_value(whoami["card"].clone()).unwrap();
    let mut own = card.entry().unwrap();
    own.services = Registration::builtin().into_iter().map(Arc::new).collect();
    own.services
        .retain(|service| ["S01", "S09", "S15", "K01"].contains(&service.id.as_str()));
    let now: Timestamp = node::clock::now();
    let draft = Draft {
        sequence: 1,
        operator: "Testnett".to_owned(),
        issued: now,
        next_update: now.plus(300 * DAY),
        organisations: vec![own],
    };
    let mut anchors = Ceremony::of_three(&mut node::clock::System, now).unwrap();
    let bundle = anchors.publish(&draft, now).unwrap();
    let import = Command::TrustImport {
        text: bundle.to_text().unwrap(),
        root: Some(anchors.fingerprint().unwrap()),
    };
    service.execute(import).await.unwrap();
    service
}

/// An agency with as many persons in its register, each of whom has a credential that waits for them.
fn agency(folder: &Path) -> Arc<Service> {
    let passphrase = "a synthetic passphrase";
    std::fs::write(folder.join("passphrase"), passphrase).unwrap();
    let node = Node::at(folder, "agency");
    let registers = folder.join("registers");
    let count = REQUESTS.to_string();
    let out = registers.to_str().unwrap();
    let population = [
        "demo",
        "population",
        "--persons",
        &count,
        "--companies",
        "12",
        "--out",
        out,
    ];
    node.run(&population);
    let init = ["init", "--profile", "test", "--role", "issuer", "--issues", "C02"];
    let who = [
        "--did",
        "did:web:skatteetaten.example",
        "--number",
        "974761076",
        "--name",
        "SKATTEETATEN",
    ];
    node.run(&[&init[..], &who].concat());
    let rows = registers.join("income.jsonl");
    node.run(&["issuer", "import", "--type", "C02", rows.to_str().unwrap()]);
    assert_eq!(node.run(&["issuer", "prepare", "--type", "C02"])["prepared"], REQUESTS);
    let mut loaded = config::load(&node.home, &[]).unwrap();
    loaded.config.http = Some(Http::at("127.0.0.1:0"));
    Service::open(&node.home, loaded, &Passphrase::new(passphrase)).unwrap()
}
