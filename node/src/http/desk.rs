//! The bank's desk: a case-worker asks a customer for a case, watches the answer come, and reads one verdict with its reasons.
//!
//! `new` makes a request, `session` follows it to its verdict and shows how what was shown stands now, `cases` lists them,
//! `receipt` is for paper, `grants` are the standing ones, `notices` what bankruptcy registers sent. What they have in common
//! is in `shown`, `found` and `code`. The customer's number goes in by a form and comes out nowhere: no address, title or list has it.

mod cases;
mod code;
mod found;
mod grants;
mod new;
mod notices;
mod receipt;
mod session;
mod shown;

#[cfg(test)]
mod tests;

use super::server::App;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// Rows of one page of a list.
const ROWS: usize = 50;

/// The pages.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/desk", get(cases::list))
        .route("/desk/find", post(cases::find))
        .route("/desk/new", get(new::choose))
        .route("/desk/new/{service}", get(new::fill).post(new::send))
        .route("/desk/sessions/{id}", get(session::show))
        .route("/desk/sessions/{id}/close", post(session::close))
        .route("/desk/sessions/{id}/receipt", get(receipt::show))
        .route("/desk/sessions/{id}/receipt.jsonld", get(receipt::of_session))
        .route("/desk/grants", get(grants::list))
        .route("/desk/grants/{name}", get(grants::show))
        .route("/desk/grants/{name}/refresh", post(grants::refresh))
        .route("/desk/grants/{name}/logout", post(grants::logout))
        .route("/desk/grants/{name}/receipt.jsonld", get(receipt::of_grant))
        .route("/desk/notices", get(notices::list))
}
