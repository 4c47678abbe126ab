//! The API over TLS: who shows which certificate, and what each may do.

use super::bench::{Bench, CUSTOMER};
use crate::config::{Api, ApiClient};
use crate::http::api::tls::Tls;
use crate::output::{hex, sha256};
use crate::tokens::Scope;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use reqwest::{Client, Identity, StatusCode};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// An authority.
struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

/// A certificate with its key.
struct Shown {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).expect("signed");
        Authority { certificate, key }
    }

    fn certify(&self, name: &str, bend: impl FnOnce(&mut CertificateParams)) -> Shown {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        bend(&mut params);
        let certificate = params.signed_by(&key, &self.certificate, &self.key).expect("signed");
        Shown { certificate, key }
    }
}

impl Shown {
    fn fingerprint(&self) -> String {
        hex(&sha256(self.certificate.der()))
    }
}

/// A listener with its authority.
struct Secured {
    bench: Bench,
    folder: tempfile::TempDir,
    authority: Authority,
    server: Authority,
    clients: Vec<ApiClient>,
}

fn client(name: &str, dns: Option<&str>, fingerprint: Option<String>, scopes: &[Scope]) -> ApiClient {
    ApiClient {
        name: name.to_owned(),
        dns: dns.map(ToOwned::to_owned),
        fingerprint,
        scopes: scopes.to_vec(),
    }
}

impl Secured {
    async fn new() -> Secured {
        Secured {
            bench: Bench::new().await,
            folder: tempfile::tempdir().expect("a folder"),
            authority: Authority::new("Bankens klienter"),
            server: Authority::new("Bankens tjenere"),
            clients: Vec::new(),
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("writes");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("sets");
        path
    }

    fn settings(&self) -> Api {
        let own = self.server.certify("127.0.0.1", |_| {});
        Api {
            tls: Some("127.0.0.1:0".to_owned()),
            certificate: Some(self.write("server.pem", &own.certificate.pem())),
            key: Some(self.write("server.key", &own.key.serialize_pem())),
            client_ca: Some(self.write("clients.pem", &self.authority.certificate.pem())),
            clients: self.clients.clone(),
            ..Api::default()
        }
    }

    fn start(&self) -> Tls {
        let started = Tls::start(&self.bench.world.app, &self.settings());
        started.expect("starts").expect("is configured")
    }

    fn client(&self, shown: Option<&Shown>) -> Client {
        let server = reqwest::Certificate::from_pem(self.server.certificate.pem().as_bytes()).expect("a certificate");
        let mut builder = Client::builder().no_proxy().tls_certs_only([server]);
        if let Some(shown) = shown {
            let pem = format!("{}{}", shown.certificate.pem(), shown.key.serialize_pem());
            builder = builder.identity(Identity::from_pem(pem.as_bytes()).expect("an identity"));
        }
        builder.build().expect("a client")
    }
}

async fn get(client: &Client, tls: &Tls, path: &str) -> Result<(StatusCode, Value), reqwest::Error> {
    let answer = client.get(format!("https://{}{path}", tls.address())).send().await?;
    let status = answer.status();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_known_by_its_certificate_and_may_do_what_is_configured() {
    let mut secured = Secured::new().await;
    let (core, portal) = (
        secured.authority.certify("core.bank.example", |_| {}),
        secured.authority.certify("portal.bank.example", |_| {}),
    );
    secured.clients = vec![
        client(
            "core",
            Some("core.bank.example"),
            None,
            &[Scope::RequestsRead, Scope::RequestsWrite],
        ),
        client("portal", None, Some(portal.fingerprint()), &[Scope::TrustRead]),
    ];
    let tls = secured.start();
    let by_name = secured.client(Some(&core));
    let body = json!({ "service": "S01", "case": "LAN-1", "subject": CUSTOMER }).to_string();
    let made = by_name
        .post(format!("https://{}/api/v1/requests", tls.address()))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let (status, problem) = get(&by_name, &tls, "/api/v1/trust").await.expect("an answer");
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("no_access")));
    let by_hash = secured.client(Some(&portal));
    assert_eq!(
        get(&by_hash, &tls, "/api/v1/trust").await.expect("an answer").0,
        StatusCode::OK
    );
    // Renewed: the name is the same, the certificate is another.
    let renewed = secured.client(Some(&secured.authority.certify("core.bank.example", |_| {})));
    assert_eq!(
        get(&renewed, &tls, "/api/v1/requests").await.expect("an answer").0,
        StatusCode::OK
    );
    let other = secured.client(Some(&secured.authority.certify("portal.bank.example", |_| {})));
    assert_eq!(
        get(&other, &tls, "/api/v1/trust").await.expect("an answer").0,
        StatusCode::UNAUTHORIZED
    );
    // Certified, and nobody whom the configuration names; a token does not help.
    let unknown = secured.client(Some(&secured.authority.certify("other.bank.example", |_| {})));
    let (status, problem) = get(&unknown, &tls, "/api/v1/trust").await.expect("an answer");
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::UNAUTHORIZED, &json!("token_invalid"))
    );
    let token = secured.bench.any();
    let with_token = unknown
        .get(format!("https://{}/api/v1/trust", tls.address()))
        .bearer_auth(&token);
    assert_eq!(
        with_token.send().await.expect("an answer").status(),
        StatusCode::UNAUTHORIZED
    );
    // Pages are not served here, and browsers are turned away.
    assert_eq!(
        get(&by_name, &tls, "/desk").await.expect("an answer").0,
        StatusCode::NOT_FOUND
    );
    let browser = by_name
        .get(format!("https://{}/api/v1/requests", tls.address()))
        .header("origin", "https://evil.example");
    assert_eq!(browser.send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
    tls.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_past_the_handshake_without_a_certificate_that_counts() {
    let mut secured = Secured::new().await;
    let good = secured.authority.certify("core.bank.example", |_| {});
    secured.clients = vec![client("core", Some("core.bank.example"), None, &[Scope::TrustRead])];
    let tls = secured.start();
    assert_eq!(
        get(&secured.client(Some(&good)), &tls, "/api/v1/trust")
            .await
            .expect("an answer")
            .0,
        StatusCode::OK
    );
    let elsewhere = Authority::new("Bankens klienter").certify("core.bank.example", |_| {});
    let run_out = secured.authority.certify("core.bank.example", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = secured.authority.certify("core.bank.example", |params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    for (shown, why) in [
        (None, "none"),
        (Some(&elsewhere), "another authority"),
        (Some(&run_out), "run out"),
        (Some(&early), "not yet"),
    ] {
        assert!(
            get(&secured.client(shown), &tls, "/api/v1/openapi.json").await.is_err(),
            "{why}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_cannot_be_kept_safe_is_not_started() {
    let mut secured = Secured::new().await;
    secured.clients = vec![client("core", Some("core.bank.example"), None, &[Scope::TrustRead])];
    let start = |settings: &Api| Tls::start(&secured.bench.world.app, settings).map(|tls| tls.is_some());
    let good = secured.settings();
    assert_eq!(start(&good).ok(), Some(true));
    assert_eq!(start(&Api::default()).ok(), Some(false));
    let refused = |settings: Api, key: &str| {
        let failure = start(&settings).expect_err(key);
        assert_eq!(failure.problem.detail.as_deref(), Some(key));
    };
    let nothing = secured.write("nothing.pem", "");
    for key in ["api.certificate", "api.key", "api.client_ca"] {
        let mut settings = good.clone();
        let place = match key {
            "api.certificate" => &mut settings.certificate,
            "api.key" => &mut settings.key,
            _ => &mut settings.client_ca,
        };
        *place = Some(nothing.clone());
        refused(settings, key);
    }
    let readable = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("sets");
    readable(good.key.as_deref().expect("given"));
    refused(good, "api.key");
}
