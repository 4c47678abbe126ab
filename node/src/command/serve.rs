//! `bevis serve`: the node at work until it is told to stop.

use super::session::Session;
use crate::args::Serve;
use crate::clock::Stopwatch;
use crate::control::{Client, Server};
use crate::error::Failure;
use crate::output::At;
use crate::service::{Command, Service};
use crate::telemetry;
use credentials::{Code, Problem};
use serde_json::json;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Serves.
pub(super) async fn serve(session: &mut Session, serve: &Serve) -> Result<u8, Failure> {
    let started = Stopwatch::start();
    let flags: Vec<(&str, String)> = match serve.transport {
        Some(transport) => {
            let text = serde_json::to_value(transport).map_err(|e| Failure::because(Code::Internal, e))?;
            vec![("node.transport", text.as_str().unwrap_or_default().to_owned())]
        }
        None => Vec::new(),
    };
    let loaded = session.load(&flags)?;
    telemetry::start(&loaded.config.log)?;
    let home = session.home()?;
    if Client::connect(&home).await?.is_some() {
        return Err(Problem::new(Code::HomeLocked, home.path().display().to_string()).into());
    }
    if loaded.config.anchor.is_some() && loaded.config.organisation.is_none() {
        return Err(Problem::new(Code::WrongRole, "anchor").into());
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| Failure::because(Code::Internal, e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| Failure::because(Code::Internal, e))?;
    let passphrase = session.passphrase(false)?;
    let service = Service::open(&home, loaded, &passphrase)?;
    drop(passphrase);
    if service.is_copied() {
        session.output.show(&session.output.catalogue.text("home-copied", &[]));
    }
    service.join(true).await?;
    let server = Arc::new(Server::listen(&home)?);
    service.work();
    let serving = {
        let (server, service) = (server.clone(), service.clone());
        tokio::spawn(async move { server.serve(service).await })
    };
    let status = service.execute(Command::Status).await?;
    if session.output.json {
        let ready = json!({
            "schema": "ready/v1", "home": home.path().display().to_string(), "addresses": status.at("addresses"),
            "ms": started.milliseconds(),
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
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = parent_gone(serve.with_parent) => {}
    }
    tracing::info!("stopping");
    serving.abort();
    // The socket goes with the last who serves it, which an abort alone does not wait for.
    drop(serving.await);
    service.stop().await;
    drop(server);
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
