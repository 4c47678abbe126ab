//! The listener on loopback, and what all pages of one node share.

use super::api::auth::Gate;
use super::api::tls::Tls;
use super::door::Door;
use super::{api, assets, entrance, events, guard};
use crate::config::Http;
use crate::error::Failure;
use crate::output::{hex, sha256};
use crate::service::Service;
use crate::tokens::Tokens;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, AddExtension};
use axum::routing::{get, post};
use axum::{Extension, Router};
use axum_server::Handle;
use axum_server::accept::{Accept, DefaultAcceptor};
use credentials::{Code, Problem};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::Layer;
use tower_http::timeout::TimeoutBody;
use zeroize::Zeroizing;

/// Colours by which several wallets on one machine are told apart, as the icon has them; the stylesheet has the rest.
pub const COLOURS: &[(&str, &str)] = &[
    ("blue", "#1d4ed8"),
    ("green", "#15703f"),
    ("purple", "#7029a8"),
    ("orange", "#a8430c"),
    ("grey", "#454c57"),
];
/// Connections at one time, of pages and API together with TLS each: every open page has one, and every program some.
pub(super) const CONNECTIONS_MAX: usize = 256;
/// How long a body may stand still while it comes.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// How long requests under way may take when the node is told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes: cookies of other programs on the same host come along.
const HEAD_MAX: usize = 64 * 1024;
/// Largest body of a route that does not set its own limit, in bytes.
const BODY_MAX: usize = super::form::FORM_MAX;

/// What all pages of one node share.
pub struct App {
    service: Arc<Service>,
    settings: Http,
    language: String,
    port: u16,
    cookie: String,
    revisions: watch::Sender<u64>,
    api: Gate,
}

impl App {
    /// The pages of an open home that listen on a port.
    pub fn new(service: Arc<Service>, settings: Http, port: u16) -> Arc<App> {
        let home = service.home_path().as_os_str().as_encoded_bytes().to_vec();
        let mut name = hex(&sha256(&home));
        name.truncate(12);
        Arc::new(App {
            api: Gate::new(Tokens::of(service.home())),
            language: service.config().node.language.clone(),
            // Cookies ignore ports: each home has a name of its own.
            cookie: format!("bevis-{name}"),
            service,
            settings,
            port,
            revisions: watch::Sender::new(1),
        })
    }

    /// The open home.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Who may use the API.
    pub fn api(&self) -> &Gate {
        &self.api
    }

    /// Links and sessions.
    pub fn door(&self) -> &Door {
        self.service.door()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the pages are called.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Their colour.
    pub fn colour(&self) -> &str {
        &self.settings.colour
    }

    /// The language of whoever has not chosen one.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Settings of the pages.
    pub fn settings(&self) -> &Http {
        &self.settings
    }

    /// Name of the session's cookie.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The number of the last change.
    pub fn revision(&self) -> u64 {
        *self.revisions.borrow()
    }

    /// The numbers of changes as they come.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revisions.subscribe()
    }

    /// Whether the passphrase is that of the account. Wrong ones are counted, durably.
    ///
    /// # Errors
    /// `wrong_passphrase`; `rate_limited` while too many were wrong.
    pub async fn recognise(&self, handle: &str, passphrase: Zeroizing<String>) -> Result<(), Failure> {
        let (service, handle) = (self.service.clone(), handle.to_owned());
        let done = tokio::task::spawn_blocking(move || service.recognise(&handle, &passphrase)).await;
        done.map_err(|e| Failure::because(Code::Internal, e))?
    }

    /// All pages.
    pub fn router(self: &Arc<App>) -> Router {
        Router::new()
            .route("/", get(entrance::front))
            .route("/login/{ticket}", get(entrance::enter))
            .route("/unlock", post(entrance::unlock))
            .route("/lock", post(entrance::lock))
            .route("/leave", post(entrance::leave))
            .route("/language", post(entrance::language))
            .route("/events", get(events::stream))
            .route("/assets/{*path}", get(assets::asset))
            .route("/favicon.ico", get(assets::favicon))
            .merge(super::wallet::router())
            .merge(super::console::router())
            .merge(super::desk::router())
            .merge(api::router(self))
            .fallback(entrance::nowhere)
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .layer(middleware::map_request(without_waiting))
            .layer(middleware::from_fn_with_state(self.clone(), guard::guard))
            .with_state(self.clone())
    }

    /// Counts what changes: anything durable, mirrored lists, trust.
    async fn watch(self: Arc<App>) {
        let mut last = self.service.state_of_things();
        let mut look = tokio::time::interval(events::LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let now = self.service.state_of_things();
            if now != last {
                last = now;
                self.revisions
                    .send_modify(|revision| *revision = revision.saturating_add(1));
            }
        }
    }
}

/// Gives up a body of which nothing comes.
pub(super) async fn without_waiting(request: Request) -> Request {
    moving(request, BODY_IDLE)
}

/// The same, for a body that may stand still so long.
pub(super) fn moving(request: Request, idle: Duration) -> Request {
    request.map(|body| Body::new(TimeoutBody::new(idle, body)))
}

/// Takes connections while there are places. One that finds none is closed at once, so that those who are served go on being served.
#[derive(Clone)]
pub(super) struct Places<A> {
    inner: A,
    free: Arc<Semaphore>,
}

/// A place, held as long as its connection is.
type Place = Arc<OwnedSemaphorePermit>;

impl<A> Places<A> {
    pub(super) fn new(inner: A) -> Places<A> {
        Places {
            inner,
            free: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        }
    }
}

impl<A, S> Accept<TcpStream, S> for Places<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
    A::Service: Send + 'static,
    A::Stream: Send + 'static,
{
    type Stream = A::Stream;
    type Service = AddExtension<A::Service, Place>;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = self.free.clone().try_acquire_owned() else {
            return Box::pin(std::future::ready(Err(std::io::ErrorKind::ConnectionRefused.into())));
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((stream, Extension(Arc::new(place)).layer(service)))
        })
    }
}

/// Bounds what a client may send before a handler sees it, and how long it may take for that.
pub(super) fn bound<A: axum_server::Address, C>(server: &mut axum_server::Server<A, C>) {
    let mut builder = server.http_builder().http1();
    builder
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_MAX);
}

/// A listening server.
pub struct Server {
    handle: Handle<SocketAddr>,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Server {
    /// Listens and serves until it is stopped.
    pub fn start(service: &Arc<Service>, settings: Http) -> Result<Server, Failure> {
        let wrong = |e: std::io::Error| Failure::because(Problem::new(Code::ConfigInvalid, "http.listen"), e);
        let listener = TcpListener::bind(settings.address()).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let app = App::new(service.clone(), settings, address.port());
        service.pages_are_at(&format!("http://{address}"));
        let handle = Handle::new();
        let server = axum_server::from_tcp(listener).map_err(wrong)?;
        let mut server = server
            .acceptor(Places::new(DefaultAcceptor::new()))
            .handle(handle.clone());
        bound(&mut server);
        let tls = match &service.config().api {
            Some(settings) => Tls::start(&app, settings)?,
            None => None,
        };
        let router = app.router();
        tokio::spawn(app.watch());
        tokio::spawn(async move {
            if let Err(error) = server.serve(router.into_make_service()).await {
                tracing::error!(%error, "pages are not served any more");
            }
        });
        Ok(Server { handle, address, tls })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the API listens with TLS, if it does.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(Tls::address)
    }

    /// Takes nothing new, and lets what is under way come to its end.
    pub fn stop(&self) {
        self.handle.graceful_shutdown(Some(GRACE));
        if let Some(tls) = &self.tls {
            tls.stop();
        }
    }
}
