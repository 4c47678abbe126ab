//! The only way out: one POST, bounded in time and bytes, to where [`super::address`] lets it go, and nowhere else.

use super::{Answer, Job, address, signature};
use crate::error::Failure;
use credentials::{Code, Problem, Timestamp};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, header, redirect};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest time of one attempt, from the name to the end of the answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read before the connection is given up; nothing in them is looked at.
pub const ANSWER_MAX: usize = 64 * 1024;

/// A sender.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    is_private_allowed: bool,
}

/// Resolves names, and keeps to itself what may not be connected to: a name is checked when it is used, not when it was typed.
struct Names {
    is_private_allowed: bool,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let is_private_allowed = self.is_private_allowed;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|at| address::is_allowed(&host, at.ip(), is_private_allowed))
                .collect();
            if allowed.is_empty() {
                return Err("no address that may be connected to".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Sender {
    /// A sender that trusts these authorities (PEM), or those of the system.
    ///
    /// # Errors
    /// `config_invalid` when they cannot be used.
    pub fn new(authorities: Option<&[u8]>, is_private_allowed: bool) -> Result<Sender, Failure> {
        let wrong = |e: reqwest::Error| Failure::because(Problem::new(Code::ConfigInvalid, "api.webhook_ca"), e);
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("bevis/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Names { is_private_allowed }));
        if let Some(pem) = authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(wrong)?;
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(wrong)?;
        Ok(Sender {
            client,
            is_private_allowed,
        })
    }

    /// Sends one event.
    pub async fn send(&self, now: Timestamp, job: &Job) -> Answer {
        // The configuration may have changed since the address was added.
        let Ok(url) = address::check(&job.url, self.is_private_allowed) else {
            return Answer::None("not allowed");
        };
        let signature = signature::sign(&job.secret, &job.delivery, now, &job.body);
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &job.delivery)
            .header("webhook-timestamp", now.unix().to_string())
            .header("webhook-signature", signature)
            .body(job.body.clone());
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Answer::None("timeout"),
            Err(error) if error.is_connect() => return Answer::None("no connection"),
            Err(_) => return Answer::None("broke off"),
        };
        let status = response.status();
        let wait = response.headers().get(header::RETRY_AFTER);
        let wait = wait
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.trim().parse().ok());
        let mut read: usize = 0;
        // Read to its end a connection can be used again; what is longer is not worth that.
        while let Ok(Some(piece)) = response.chunk().await {
            read = read.saturating_add(piece.len());
            if read > ANSWER_MAX {
                break;
            }
        }
        match status.as_u16() {
            200..=299 => Answer::Taken(status.as_u16()),
            410 => Answer::Gone,
            other => Answer::Refused(other, wait),
        }
    }
}
