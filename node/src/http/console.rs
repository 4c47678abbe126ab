//! The agency's console: registers and what is issued from them, status lists, trust and keys, who did what, health.
//!
//! Every page acts as the account that is logged in, so that the log of who did what names them, and so that a proposal that needs a second
//! person knows whether this is one. A person's number or a row's key is typed into a form and never stands in an address.

mod bulk;
mod credentials;
mod health;
mod home;
mod import;
mod lists;
mod offers;
mod record;
mod registers;
mod rejected;
mod shown;
mod trust;
mod upload;

#[cfg(test)]
mod tests;

use super::server::App;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};
use std::sync::Arc;

/// Rows of a list that one page shows: with 50, each of a line of the longest, a page stays within 60 kB.
const PAGE_ROWS: usize = 50;

/// Its pages.
pub fn router() -> Router<Arc<App>> {
    let file = || DefaultBodyLimit::max(upload::BODY_MAX);
    Router::new()
        .route("/console", get(home::show))
        .route("/console/registers", get(registers::all))
        .route("/console/registers/{kind}", get(registers::one))
        .route("/console/registers/{kind}/prepare", post(registers::prepare))
        .route("/console/registers/{kind}/file", post(import::upload).layer(file()))
        .route("/console/registers/{kind}/check/{file}/{job}", get(import::checked))
        .route("/console/registers/{kind}/again", post(import::check_again))
        .route("/console/registers/{kind}/import", post(import::begin))
        .route("/console/registers/{kind}/discard", post(import::discard))
        .route("/console/registers/imports/{job}", get(import::show))
        .route("/console/registers/imports/{job}/pause", post(import::pause))
        .route("/console/registers/imports/{job}/resume", post(import::resume))
        .route("/console/registers/rejected/{job}", get(rejected::show))
        .route("/console/registers/rejected/{job}/file", get(rejected::file))
        .route("/console/credentials", get(credentials::search))
        .route(
            "/console/credentials/find",
            get(credentials::leave).post(credentials::find),
        )
        .route(
            "/console/credentials/all",
            get(credentials::leave).post(credentials::change_all),
        )
        .route("/console/credentials/{id}", get(credentials::show))
        .route(
            "/console/credentials/{id}/{step}",
            get(credentials::ask).post(credentials::change),
        )
        .route("/console/credentials/offers/new", get(offers::ask).post(offers::make))
        .route("/console/credentials/offers/{name}", get(offers::show))
        .route("/console/credentials/offers/{name}/close", post(offers::close))
        .route("/console/credentials/bulk", get(bulk::all))
        .route(
            "/console/credentials/bulk/new",
            get(bulk::ask).post(bulk::propose).layer(file()),
        )
        .route("/console/credentials/bulk/{name}", get(bulk::show))
        .route("/console/credentials/bulk/{name}/approve", post(bulk::approve))
        .route("/console/credentials/bulk/{name}/{turn}", post(bulk::turn))
        .route("/console/lists", get(lists::show))
        .route("/console/lists/publish", get(lists::ask).post(lists::publish))
        .route("/console/trust", get(trust::show))
        .route("/console/trust/rotate", get(trust::ask).post(trust::rotate))
        .route("/console/trust/keys/{turn}", post(trust::turn))
        .route("/console/trust/alarms/{id}", get(trust::alarm).post(trust::dismiss))
        .route("/console/record", get(record::show))
        .route("/console/record/file", get(record::file))
        .route("/console/health", get(health::show))
        .layer(Extension(Arc::new(offers::Shown::default())))
}
