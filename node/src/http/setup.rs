//! The page of a home that is not there yet: a wallet is brought back from a sealed backup.
//!
//! It is served by `bevis serve --pages` where there is no home, to whoever has the link that the command prints. The home appears
//! whole or not at all: it is put together beside its place and takes it by one rename.

use super::guard;
use super::visit::spoken;
use super::words::Words;
use super::{assets, form, server};
use crate::config;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::output::{hex, sha256};
use crate::service::{Confided, PASSPHRASE_MAX, entropy, stored_config};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum_server::Handle;
use credentials::{Code, Problem, Random};
use maud::{DOCTYPE, Markup, html};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{Passphrase, Store};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex, mpsc};

/// Largest backup that is taken, in bytes. A wallet that is used daily for ten years fills some tens of MiB.
pub const BACKUP_MAX: usize = 1 << 30;
/// How long the last page may take to be sent.
const GRACE: Duration = Duration::from_secs(5);

/// A home to be, and who may make it.
pub struct Setup {
    home: Home,
    port: u16,
    /// Hash of what the link holds.
    secret: [u8; 32],
    /// One backup is unpacked at a time.
    alone: Mutex<()>,
    restored: mpsc::Sender<Passphrase>,
}

impl Setup {
    /// The setup of a home, the secret of its link, and what is heard when it is there: the passphrase that opens it.
    pub fn new(home: Home, port: u16) -> (Arc<Setup>, String, mpsc::Receiver<Passphrase>) {
        let mut bytes = [0; 32];
        crate::clock::System.fill(&mut bytes);
        let secret = hex(&bytes);
        let (restored, heard) = mpsc::channel(1);
        let setup = Setup {
            home,
            port,
            secret: sha256(secret.as_bytes()),
            alone: Mutex::new(()),
            restored,
        };
        (Arc::new(setup), secret, heard)
    }

    /// Its pages.
    pub fn router(self: &Arc<Setup>) -> Router {
        Router::new()
            .route("/setup/{secret}", get(show).post(restore))
            .route("/assets/{*path}", get(assets::asset))
            .route("/favicon.ico", get(assets::favicon))
            .fallback(nowhere)
            .layer(DefaultBodyLimit::max(BACKUP_MAX.saturating_add(form::FORM_MAX)))
            .layer(middleware::from_fn_with_state(self.clone(), turn_away))
            .with_state(self.clone())
    }

    fn is_secret(&self, secret: &str) -> bool {
        sha256(secret.as_bytes()) == self.secret
    }
}

/// Serves the page until the home is there. `tell` is given the link.
///
/// # Errors
/// `config_invalid` when it cannot listen there.
pub async fn wait(address: SocketAddr, home: &Home, tell: impl FnOnce(&str)) -> Result<Passphrase, Failure> {
    let wrong = |e: std::io::Error| Failure::because(Problem::new(Code::ConfigInvalid, "http.listen"), e);
    let listener = TcpListener::bind(address).map_err(wrong)?;
    listener.set_nonblocking(true).map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    let (setup, secret, mut heard) = Setup::new(home.clone(), address.port());
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener).map_err(wrong)?.handle(handle.clone());
    server::bound(&mut server);
    let router = setup.router();
    let serving = tokio::spawn(async move { server.serve(router.into_make_service()).await });
    tell(&format!("http://{address}/setup/{secret}"));
    let passphrase = heard.recv().await.ok_or(Code::Internal)?;
    handle.graceful_shutdown(Some(GRACE));
    if let Err(error) = serving.await.map_err(std::io::Error::other).and_then(|served| served) {
        tracing::warn!(%error, "the page of the new home ended badly");
    }
    Ok(passphrase)
}

async fn turn_away(State(setup): State<Arc<Setup>>, request: Request, next: Next) -> Response {
    let is_asset = request.uri().path().starts_with("/assets/");
    let mut response = match guard::refuse(request.headers(), request.method(), request.uri(), setup.port) {
        Some((status, code)) => told(&words(request.headers()), status, code),
        None => next.run(request).await,
    };
    guard::protect(response.headers_mut(), is_asset);
    response
}

fn words(headers: &HeaderMap) -> Words {
    Words::new(spoken(headers).unwrap_or("nb"))
}

fn page(words: &Words, status: StatusCode, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang=(words.language()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (words.plain("setup-title")) " – Bevis" }
                link rel="stylesheet" href="/assets/bevis.css";
                link rel="icon" type="image/svg+xml" href="/assets/icon-blue.svg";
            }
            body.colour-blue {
                a.skip href="#main" { (words.t("page-skip")) }
                main #main tabindex="-1" { (body) }
                footer.bottom { p.fine { (words.t("page-test-network")) } }
            }
        }
    };
    let mut response = (status, page.into_string()).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn told(words: &Words, status: StatusCode, code: Code) -> Response {
    let body = html! {
        div.alert.danger role="alert" {
            h1 { (words.t("page-problem-title")) }
            p { (words.fill(&format!("problem-{code}"), &[("detail", "")])) }
            p.fine { (words.t("page-problem-code")) " " code { (code.as_str()) } }
        }
    };
    page(words, status, &body)
}

async fn nowhere(headers: HeaderMap) -> Response {
    told(&words(&headers), StatusCode::NOT_FOUND, Code::NotFound)
}

/// What is wrong about what was sent: the key of its sentence.
type Wrong = &'static str;

async fn show(State(setup): State<Arc<Setup>>, headers: HeaderMap, Path(secret): Path<String>) -> Response {
    let words = words(&headers);
    match setup.is_secret(&secret) {
        true => form_page(&words, StatusCode::OK, &secret, None),
        false => told(&words, StatusCode::GONE, Code::LinkSpent),
    }
}

fn form_page(words: &Words, status: StatusCode, secret: &str, wrong: Option<Wrong>) -> Response {
    let body = html! {
        h1 { (words.t("setup-title")) }
        @if let Some(key) = wrong {
            div.alert.danger role="alert" { p { (words.t(key)) } p { (words.t("setup-nothing-done")) } }
        }
        p { (words.t("setup-what")) }
        form.card method="post" enctype="multipart/form-data" action=(format!("/setup/{secret}")) {
            label for="copy" { (words.t("setup-copy")) }
            input #copy type="file" name="copy" required;
            label for="passphrase" { (words.t("setup-passphrase")) }
            span.hint #passphrase-hint { (words.t("setup-passphrase-hint")) }
            input #passphrase type="password" name="passphrase" autocomplete="current-password" required
                aria-describedby="passphrase-hint";
            button type="submit" { (words.t("setup-restore")) }
        }
        p.fine { (words.t("setup-new")) }
    };
    page(words, status, &body)
}

/// What was sent, on its way to the disk.
#[derive(Default)]
struct Sent {
    has_copy: bool,
    passphrase: Option<Confided>,
}

async fn restore(
    State(setup): State<Arc<Setup>>,
    headers: HeaderMap,
    Path(secret): Path<String>,
    parts: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Response {
    let words = words(&headers);
    if !setup.is_secret(&secret) {
        return told(&words, StatusCode::GONE, Code::LinkSpent);
    }
    let _alone = setup.alone.lock().await;
    // Sent twice: the home is there already.
    if setup.home.exists() {
        return done(&words);
    }
    let unfit = |key| form_page(&words, StatusCode::UNPROCESSABLE_ENTITY, &secret, Some(key));
    let Ok(parts) = parts else { return unfit("setup-broken") };
    let beside = match Beside::make(&setup.home) {
        Ok(beside) => beside,
        Err(failure) => return told(&words, StatusCode::INTERNAL_SERVER_ERROR, failure.problem.code),
    };
    let passphrase = match take(parts, &beside).await {
        Err(key) => return unfit(key),
        Ok(Sent { has_copy: false, .. }) => return unfit("setup-copy-missing"),
        Ok(Sent { passphrase: None, .. }) => return unfit("setup-passphrase-missing"),
        Ok(Sent {
            passphrase: Some(passphrase),
            ..
        }) => passphrase,
    };
    let home = setup.home.clone();
    let made = tokio::task::spawn_blocking(move || beside.unpack(&home, &passphrase).map(|()| passphrase)).await;
    let made = made.unwrap_or_else(|e| Err(Failure::because(Code::Internal, e)));
    match made {
        Ok(passphrase) => {
            // Whoever waits for it has room for one.
            if setup.restored.try_send(Passphrase::new(passphrase.as_str())).is_err() {
                tracing::warn!("nobody waited for the home");
            }
            done(&words)
        }
        Err(failure) => match failure.problem.code {
            Code::WrongPassphrase => unfit("setup-passphrase-wrong"),
            Code::Damaged | Code::NewerFormat | Code::ConfigInvalid => unfit("setup-copy-wrong"),
            code => told(&words, super::problem::status(code), code),
        },
    }
}

fn done(words: &Words) -> Response {
    let body = html! {
        div.alert.good role="status" { h1 { (words.t("setup-done-title")) } p { (words.t("setup-done")) } }
        p { (words.t("setup-done-copies")) }
    };
    page(words, StatusCode::OK, &body)
}

async fn take(mut parts: Multipart, beside: &Beside) -> Result<Sent, Wrong> {
    let mut sent = Sent::default();
    loop {
        let part = parts.next_field().await.map_err(|_| "setup-broken")?;
        let Some(mut part) = part else { return Ok(sent) };
        match part.name() {
            Some("copy") => {
                let file = tokio::fs::File::create(beside.copy()).await;
                let mut file = file.map_err(|_| "setup-disk")?;
                let mut bytes = 0_usize;
                while let Some(piece) = part.chunk().await.map_err(|_| "setup-broken")? {
                    bytes = bytes.saturating_add(piece.len());
                    if bytes > BACKUP_MAX {
                        return Err("setup-copy-too-large");
                    }
                    file.write_all(&piece).await.map_err(|_| "setup-disk")?;
                }
                file.flush().await.map_err(|_| "setup-disk")?;
                sent.has_copy = bytes > 0;
            }
            Some("passphrase") => {
                let typed = form::small(&mut part, PASSPHRASE_MAX).await;
                let typed = typed.map_err(|_| "setup-passphrase-too-long")?;
                sent.passphrase = (!typed.is_empty()).then(|| Confided::new(typed));
            }
            _ => drop(
                form::small(&mut part, form::LINE_MAX)
                    .await
                    .map_err(|_| "setup-broken")?,
            ),
        }
    }
}

/// A folder beside the home's place, in which the home is put together. It is gone when this is.
struct Beside(PathBuf);

impl Beside {
    fn make(home: &Home) -> Result<Beside, Failure> {
        let mut name = home.path().file_name().unwrap_or_default().to_owned();
        name.push(".restoring");
        let folder = home.path().with_file_name(name);
        // What an attempt left that was stopped in the middle.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|e| Failure::file(&folder, &e))?;
        }
        Home::at(&folder)?.create()?;
        Ok(Beside(folder))
    }

    fn copy(&self) -> PathBuf {
        self.0.join("copy.bevis")
    }

    /// Unpacks the copy, and gives what came of it the home's place.
    fn unpack(&self, home: &Home, passphrase: &Confided) -> Result<(), Failure> {
        let made = Home::at(&self.0.join("home"))?;
        made.create()?;
        let passphrase = Passphrase::new(passphrase.as_str());
        let store = Store::restore(&self.copy(), &made.store(), &passphrase, entropy())?;
        let text = stored_config(&store)?;
        let config = config::parse(&text)?;
        if config.wallet.is_none() {
            return Err(Problem::new(Code::ConfigInvalid, "wallet").into());
        }
        drop(store);
        home::write(&made.config(), text.as_bytes())?;
        let path = home.path();
        std::fs::rename(made.path(), path).map_err(|e| Failure::file(path, &e))?;
        let parent = path.parent().unwrap_or(path);
        std::fs::File::open(parent)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| Failure::file(parent, &e))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "what was left beside the home could not be removed");
        }
    }
}

#[cfg(test)]
mod tests;
