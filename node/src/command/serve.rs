//! `bevis serve`: the node at work until it is told to stop.

mod running;

use super::session::Session;
use crate::admin::Admin;
use crate::args::Serve;
use crate::clock::Stopwatch;
use crate::config::Http;
use crate::control::{Client, Server};
use crate::error::Failure;
use crate::output::At;
use crate::service::{Command, Service};
use crate::telemetry;
use credentials::{Code, Problem};
use running::Signals;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use store::Passphrase;

/// Serves.
pub(super) async fn serve(session: &mut Session, serve: &Serve) -> Result<u8, Failure> {
    let started = Stopwatch::start();
    let mut flags: Vec<(&str, String)> = match serve.transport {
        Some(transport) => {
            let text = serde_json::to_value(transport).map_err(|e| Failure::because(Code::Internal, e))?;
            vec![("node.transport", text.as_str().unwrap_or_default().to_owned())]
        }
        None => Vec::new(),
    };
    flags.extend(serve.wallet_pages.clone().map(|url| ("http.wallet", url)));
    let pages_at = serve.pages.as_deref().map(loopback).transpose()?;
    let restored = match pages_at {
        Some(address) if !session.home()?.exists() => Some(brought_back(session, address).await?),
        _ => None,
    };
    let mut loaded = session.load(&flags)?;
    if let Some(address) = pages_at {
        let listen = address.to_string();
        let http = loaded.config.http.get_or_insert_with(|| Http::at(&listen));
        http.listen = listen;
    }
    telemetry::start(&loaded.config.log)?;
    let home = session.home()?;
    if Client::connect(&home).await?.is_some() {
        return Err(Problem::new(Code::HomeLocked, home.path().display().to_string()).into());
    }
    if loaded.config.anchor.is_some() && loaded.config.organisation.is_none() {
        return Err(Problem::new(Code::WrongRole, "anchor").into());
    }
    let signals = Signals::take()?;
    let passphrase = match restored {
        Some(passphrase) => passphrase,
        None => session.passphrase(false)?,
    };
    let service = Service::open(&home, loaded, &passphrase)?;
    drop(passphrase);
    if service.is_copied() {
        session.output.show(&session.output.catalogue.text("home-copied", &[]));
    }
    // Before the network is joined: whoever asks meanwhile hears that it is not ready yet.
    let admin = match &service.config().admin {
        Some(section) => Some(Admin::start(section, service.clone()).await?),
        None => None,
    };
    let admin_address = admin.as_ref().map(|admin| admin.address().to_string());
    service.join(true).await?;
    let server = Arc::new(Server::listen(&home)?);
    service.work();
    let serving = {
        let (server, service) = (server.clone(), service.clone());
        tokio::spawn(async move { server.serve(service).await })
    };
    let pages = match service.config().http.clone() {
        Some(settings) => Some(crate::http::Server::start(&service, settings)?),
        None => None,
    };
    let link = match &pages {
        // Organisations have accounts; a link is made for one of them by name.
        Some(_) if service.config().wallet.is_some() => {
            let login = service.execute(Command::Login { person: None }).await?;
            login.at("link").as_str().map(ToOwned::to_owned)
        }
        _ => None,
    };
    let status = service.execute(Command::Status).await?;
    if session.output.json {
        let ready = json!({
            "schema": "ready/v1", "home": home.path().display().to_string(), "addresses": status.at("addresses"),
            "admin": admin_address, "ms": started.milliseconds(), "pages": pages.as_ref().map(|pages| format!("http://{}", pages.address())),
            "api_tls": pages.as_ref().and_then(|pages| pages.tls_address()).map(|at| format!("https://{at}")), "login": link,
        });
        session.output.object(&ready);
    } else {
        session
            .output
            .print("serve-ready", &[("ms", &started.milliseconds().to_string())]);
        for address in status.at("addresses").as_array().into_iter().flatten() {
            session
                .output
                .data(&format!("  {}", address.as_str().unwrap_or_default()));
        }
        if let Some(pages) = &pages {
            let address = format!("http://{}", pages.address());
            session.output.print("serve-pages", &[("address", &address)]);
        }
        if let Some(link) = &link {
            session.output.print("login-link", &[("link", link)]);
        }
        if let Some(address) = &admin_address {
            session.output.print("serve-admin", &[("address", address)]);
        }
    }
    running::until_told(session, &service, &flags, signals, parent_gone(serve.with_parent)).await;
    if let Some(pages) = &pages {
        pages.stop();
    }
    running::end(session, &server, &service).await;
    serving.abort();
    // The socket goes with the last who serves it, which an abort alone does not wait for.
    drop(serving.await);
    if let Some(admin) = admin {
        admin.stop().await;
    }
    drop(server);
    Ok(0)
}

/// A link to the pages of the running node.
pub(super) async fn login(session: &mut Session, person: Option<String>) -> Result<u8, Failure> {
    if Client::connect(&session.home()?).await?.is_none() {
        return Err(Problem::new(Code::Unreachable, "the running node").into());
    }
    let login = session.execute(Command::Login { person }).await?;
    if session.output.json {
        session.output.object(&login);
    } else {
        session.output.data(login.at("link").as_str().unwrap_or_default());
        let minutes = login.at("minutes").to_string();
        session.output.say("login-once", &[("minutes", &minutes)]);
    }
    Ok(0)
}

/// Ends when standard input does; never when nobody asked for it.
async fn parent_gone(asked: bool) {
    if !asked {
        return std::future::pending().await;
    }
    // A thread of its own: reading a terminal or pipe cannot be called off, and must not hold up the end.
    let (gone, closed) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let copied = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        tracing::debug!(ok = copied.is_ok(), "standard input closed");
        drop(gone);
    });
    // The sender is only ever dropped.
    drop(closed.await);
}

/// The address of `--pages`.
fn loopback(text: &str) -> Result<SocketAddr, Failure> {
    let address: Option<SocketAddr> = text.parse().ok();
    let address = address.filter(|address| address.ip().is_loopback());
    address.ok_or_else(|| Problem::new(Code::Usage, "--pages").into())
}

/// Waits at a page until a home is brought back from a backup: the passphrase that opens it.
async fn brought_back(session: &Session, address: SocketAddr) -> Result<Passphrase, Failure> {
    let tell = |link: &str| match session.output.json {
        true => session.output.object(&json!({ "schema": "setup/v1", "link": link })),
        false => session.output.print("setup-link", &[("link", link)]),
    };
    crate::http::setup::wait(address, &session.home()?, tell).await
}
