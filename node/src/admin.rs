//! Where a machine asks how the node fares: `/livez`, `/readyz` and `/metrics` on an address of the machine itself.
//!
//! Nobody is asked who they are, so nothing of a person, a case or a peer stands in what is said, nothing can be changed, and the
//! configuration takes no other address than loopback. What a browser is made to send, by a foreign page or a name that was
//! pointed here, is refused (`guard`); what anybody on the machine may make grow is bounded (`door`).
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 while the process answers and no role has stopped after a failure, else 503: restart it |
//! | `/readyz` | 200 when it can do its work, else 503; each reason with code, sentence and remedy |
//! | `/metrics` | figures as OpenMetrics 1.0 |

mod answers;
mod door;
mod guard;

use crate::config;
use crate::error::Failure;
use crate::service::Service;
use answers::Asked;
use axum::Router;
use axum::routing::get;
use credentials::{Code, Problem};
use door::Door;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// The listener at work.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Admin {
    /// Listens. Errors: `config_invalid` (`admin.listen`) for an address that is not of the machine itself or that is taken.
    pub async fn start(section: &config::Admin, service: Arc<Service>) -> Result<Admin, Failure> {
        let invalid = || Problem::new(Code::ConfigInvalid, "admin.listen");
        let address = section.address().ok_or_else(invalid)?;
        let door = Door::open(address)
            .await
            .map_err(|error| Failure::because(invalid(), format!("{address}: {error}")))?;
        let address = door.address().map_err(|error| Failure::because(invalid(), error))?;
        let router = router(service);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(door, router).await {
                tracing::error!(%error, "health and figures are not served any more");
            }
        });
        Ok(Admin { address, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub async fn stop(self) {
        self.serving.abort();
        // An abort is no failure.
        drop(self.serving.await);
    }
}

/// The routes, without a socket.
fn router(service: Arc<Service>) -> Router {
    let asked = Asked::of(service);
    Router::new()
        .route("/livez", get(answers::livez))
        .route("/readyz", get(answers::readyz))
        .route("/metrics", get(answers::metrics))
        .method_not_allowed_fallback(answers::wrong_method)
        .fallback(answers::unknown)
        .layer(axum::middleware::from_fn_with_state(asked.clone(), guard::guard))
        .with_state(asked)
}

#[cfg(test)]
mod tests;
