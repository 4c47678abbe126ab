//! The API over TLS, for clients that show a certificate: nobody gets past the handshake without one, and what each may do stands in
//! the configuration.
//!
//! Pages are not served here: a browser that holds a certificate would show it to whatever site asks. For the same reason whoever
//! comes with an origin is turned away.

use super::auth::{Certified, OverTls};
use super::refusal::Told;
use crate::config::{Api, ApiClient};
use crate::error::Failure;
use crate::home;
use crate::http::App;
use crate::http::server::{Places, without_waiting};
use crate::http::words::Words;
use crate::output::{hex, sha256};
use axum::Extension;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, AddExtension, Next};
use axum::response::Response;
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use credentials::{Code, Problem};
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs as signing;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tower::Layer;

/// Largest file of certificates or keys, in bytes.
const PEM_MAX: u64 = 256 * 1024;
/// Longest time of a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long calls under way may take when the node is told to stop.
const GRACE: Duration = Duration::from_secs(5);

fn wrong(key: &str, cause: impl std::fmt::Display) -> Failure {
    Failure::because(Problem::new(Code::ConfigInvalid, key), cause)
}

fn file(path: Option<&PathBuf>, key: &str) -> Result<Vec<u8>, Failure> {
    let path = path.ok_or_else(|| wrong(key, "not given"))?;
    home::read(path, PEM_MAX)
}

fn certificates(bytes: &[u8], key: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let all = all.map_err(|e| wrong(key, e))?;
    match all.is_empty() {
        true => Err(wrong(key, "no certificate in it")),
        false => Ok(all),
    }
}

/// Refuses a key that others may read.
fn require_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?;
    match file.mode() & 0o077 {
        0 => Ok(()),
        _ => Err(wrong("api.key", "others than its owner may read it; chmod 600")),
    }
}

/// How the listener speaks TLS: 1.2 or 1.3, a client's certificate required.
fn speak(settings: &Api) -> Result<ServerConfig, Failure> {
    let provider = Arc::new(signing::default_provider());
    let mut authorities = RootCertStore::empty();
    for one in certificates(&file(settings.client_ca.as_ref(), "api.client_ca")?, "api.client_ca")? {
        authorities.add(one).map_err(|e| wrong("api.client_ca", e))?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider.clone()).build();
    let clients = clients.map_err(|e| wrong("api.client_ca", e))?;
    let chain = certificates(
        &file(settings.certificate.as_ref(), "api.certificate")?,
        "api.certificate",
    )?;
    if let Some(path) = &settings.key {
        require_private(path)?;
    }
    let bytes = zeroize::Zeroizing::new(file(settings.key.as_ref(), "api.key")?);
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| wrong("api.key", e))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong("api.tls", e))?;
    let mut config = builder
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|e| wrong("api.certificate", e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The client whose certificate this is, as the configuration has it.
fn client_of(clients: &[ApiClient], certificate: &CertificateDer<'_>) -> Option<Certified> {
    let hash = hex(&sha256(certificate));
    let parsed = ParsedCertificate::try_from(certificate).ok();
    let is_it = |client: &&ApiClient| match (&client.dns, &client.fingerprint) {
        (_, Some(fingerprint)) => fingerprint.eq_ignore_ascii_case(&hash),
        (Some(dns), None) => parsed.as_ref().is_some_and(|parsed| {
            let name = ServerName::try_from(dns.as_str());
            name.is_ok_and(|name| verify_server_name(parsed, &name).is_ok())
        }),
        (None, None) => false,
    };
    let found = clients.iter().find(is_it)?;
    Some(Certified {
        name: found.name.clone(),
        scopes: found.scopes.clone(),
    })
}

/// Takes connections, and notes whose certificate each showed.
#[derive(Clone)]
struct Acceptor {
    inner: RustlsAcceptor,
    clients: Arc<Vec<ApiClient>>,
}

type Accepted<S> = (
    <RustlsAcceptor as Accept<TcpStream, S>>::Stream,
    AddExtension<S, OverTls>,
);

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = <RustlsAcceptor as Accept<TcpStream, S>>::Stream;
    type Service = AddExtension<S, OverTls>;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Accepted<S>>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (inner, clients) = (self.inner.clone(), self.clients.clone());
        Box::pin(async move {
            let (stream, service) = inner.accept(stream, service).await?;
            let shown = stream.get_ref().1.peer_certificates();
            let client = shown
                .and_then(|chain| chain.first())
                .and_then(|own| client_of(&clients, own));
            Ok((stream, Extension(OverTls(client)).layer(service)))
        })
    }
}

/// Turns browsers away, and tells every caller to keep nothing.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let mut response = match headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        true => Told::from(Code::ForeignOrigin).answer(&Words::new(app.language())),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn nowhere(State(app): State<Arc<App>>) -> Response {
    Told::from(Code::NotFound).answer(&Words::new(app.language()))
}

/// A listener.
pub struct Tls {
    handle: Handle<SocketAddr>,
    address: SocketAddr,
}

impl Tls {
    /// Listens and serves until it is stopped.
    ///
    /// # Errors
    /// `config_invalid` with the key that cannot be used; what a file says.
    pub fn start(app: &Arc<App>, settings: &Api) -> Result<Option<Tls>, Failure> {
        let Some(listen) = &settings.tls else { return Ok(None) };
        let config = speak(settings)?;
        let unheard = |e: std::io::Error| wrong("api.tls", e);
        let listener = TcpListener::bind(listen).map_err(unheard)?;
        listener.set_nonblocking(true).map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let acceptor = Acceptor {
            inner: RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(config))).handshake_timeout(HANDSHAKE),
            clients: Arc::new(settings.clients.clone()),
        };
        let handle = Handle::new();
        let server = axum_server::from_tcp(listener).map_err(unheard)?;
        let mut server = server.acceptor(Places::new(acceptor)).handle(handle.clone());
        crate::http::bound(&mut server);
        let router: Router = super::router(app)
            .fallback(nowhere)
            .layer(middleware::map_request(without_waiting))
            .layer(middleware::from_fn_with_state(app.clone(), guard))
            .with_state(app.clone());
        tokio::spawn(async move {
            if let Err(error) = server.serve(router.into_make_service()).await {
                tracing::error!(%error, "the API is not served over TLS any more");
            }
        });
        Ok(Some(Tls { handle, address }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes nothing new, and lets what is under way come to its end.
    pub fn stop(&self) {
        self.handle.graceful_shutdown(Some(GRACE));
    }
}
