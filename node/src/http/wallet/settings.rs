//! What the pages are called, everything as a file, a sealed backup, and the passphrase.

use super::asked::Asked;
use super::{file, is_of_field, of_holder};
use crate::error::Failure;
use crate::http::entrance::require_person;
use crate::http::form::Form;
use crate::http::page::{self, hidden};
use crate::http::problem;
use crate::http::visit::Visit;
use crate::service::{Command, Confided, PASSPHRASE_MAX, PASSPHRASE_MIN};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use credentials::Code;
use maud::{Markup, html};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// How much of a backup is sent at a time, in bytes.
const PIECE: usize = 64 << 10;

/// The form that something is wrong about, and the sentence about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Export(Code),
    Backup(Code),
    Old(Code),
    New(&'static str),
}

/// The page.
pub(super) async fn show(visit: Visit, asked: Asked) -> Response {
    settings(&visit, StatusCode::OK, None, asked.has("changed"))
}

fn settings(visit: &Visit, status: StatusCode, wrong: Option<Wrong>, is_changed: bool) -> Response {
    let words = &visit.words;
    let (app, colour) = (&visit.app, visit.app.colour());
    let colour = match colour {
        "green" => "wallet-colour-green",
        "purple" => "wallet-colour-purple",
        "orange" => "wallet-colour-orange",
        "grey" => "wallet-colour-grey",
        _ => "wallet-colour-blue",
    };
    let least = PASSPHRASE_MIN.to_string();
    let of = |code: Code| super::passphrase_wrong(visit, code);
    let (export, backup, old, new) = match wrong {
        Some(Wrong::Export(code)) => (Some(of(code)), None, None, None),
        Some(Wrong::Backup(code)) => (None, Some(of(code)), None, None),
        Some(Wrong::Old(code)) => (None, None, Some(of(code)), None),
        Some(Wrong::New(key)) => {
            let told = html! { (words.fill(key, &[("count", &least)])) " " (words.t("wallet-nothing-done")) };
            (None, None, None, Some(told))
        }
        None => (None, None, None, None),
    };
    let body = html! {
        h1 { (words.t("wallet-settings-title")) }
        @if is_changed { div.alert.good role="status" { p { (words.t("wallet-passphrase-changed")) } } }
        @if wrong.is_some() { div.alert.danger role="alert" { p { (words.t("page-problem-title")) "." } p { (words.t("wallet-settings-see-field")) } } }
        section.card {
            h2 { (words.t("wallet-settings-look")) }
            dl.facts {
                dt { (words.t("wallet-settings-name")) } dd { (app.name()) }
                dt { (words.t("wallet-settings-colour")) } dd { (words.t(colour)) }
                dt { (words.t("wallet-settings-whose")) }
                dd { (words.t(of_holder(visit, "wallet-settings-person", "wallet-settings-company"))) }
            }
            p.fine { (words.t("wallet-settings-look-how")) }
            p.fine { (words.t("wallet-settings-languages")) }
        }
        (asked(visit, "export", "wallet-export-title", "wallet-export-what", "wallet-export-do", export))
        (asked(visit, "backup", "wallet-backup-title", "wallet-backup-what", "wallet-backup-do", backup))
        section.card {
            h2 { (words.t("wallet-restore-title")) }
            p { (words.t("wallet-restore-what")) }
        }
        section.card {
            h2 { (words.t("wallet-passphrase-title")) }
            form method="post" action="/wallet/settings/passphrase" {
                (hidden(visit))
                (field(visit, "old", "passphrase", "wallet-passphrase-old", "current-password", old))
                p.hint { (words.fill("wallet-passphrase-rule", &[("count", &least)])) }
                (field(visit, "new", "new", "wallet-passphrase-new", "new-password", new))
                (field(visit, "again", "again", "wallet-passphrase-again", "new-password", None))
                button type="submit" { (words.t("wallet-passphrase-do")) }
            }
        }
    };
    page::of_visit(visit, status, &words.plain("wallet-settings-title"), body)
}

/// A form that asks for the passphrase and gives a file.
fn asked(visit: &Visit, what: &str, title: &str, why: &str, go: &str, wrong: Option<Markup>) -> Markup {
    let words = &visit.words;
    html! {
        section.card {
            h2 { (words.t(title)) }
            p { (words.t(why)) }
            form method="post" action=(format!("/wallet/settings/{what}")) {
                (hidden(visit))
                (field(visit, what, "passphrase", "wallet-passphrase-now", "current-password", wrong))
                button type="submit" { (words.t(go)) }
            }
        }
    }
}

fn field(visit: &Visit, id: &str, name: &str, label: &str, kind: &str, wrong: Option<Markup>) -> Markup {
    let is_wrong = wrong.is_some();
    html! {
        label for=(id) { (visit.words.t(label)) }
        @if let Some(wrong) = wrong { p.alert.danger id=(format!("{id}-wrong")) { (wrong) } }
        input id=(id) type="password" name=(name) autocomplete=(kind) required aria-invalid=[is_wrong.then_some("true")]
            aria-describedby=[is_wrong.then(|| format!("{id}-wrong"))];
    }
}

/// The page again, with what was wrong.
fn again(visit: &Visit, failure: &Failure, wrong: impl FnOnce(Code) -> Wrong) -> Response {
    let code = failure.problem.code;
    match is_of_field(code) {
        true => settings(visit, problem::status(code), Some(wrong(code)), false),
        false => visit.failure(failure),
    }
}

/// Everything that is the holder's, as a file. It is not sealed.
pub(super) async fn export(form: Form) -> Response {
    let visit = &form.visit;
    if let Err(failure) = require_person(&form).await {
        return again(visit, &failure, Wrong::Export);
    }
    match visit.execute(Command::WalletExport).await {
        Ok(export) => file("bevis-export.json", "application/json", format!("{export:#}\n")),
        Err(failure) => visit.failure(&failure),
    }
}

/// A folder in the home that is gone when this is.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "what was left of a backup could not be removed");
        }
    }
}

/// A sealed copy of the whole wallet. It lies in the home while it is sent, and is removed however the sending ends.
pub(super) async fn backup(form: Form) -> Response {
    let visit = &form.visit;
    if let Err(failure) = require_person(&form).await {
        return again(visit, &failure, Wrong::Backup);
    }
    match sealed(visit).await {
        Ok(response) => response,
        Err(failure) => visit.failure(&failure),
    }
}

async fn sealed(visit: &Visit) -> Result<Response, Failure> {
    let folder = visit
        .service()
        .home_path()
        .join(format!("backup-{}", crate::http::door::form_name()));
    crate::home::Home::at(&folder)?.create()?;
    let passing = Passing(folder.clone());
    let path = folder.join("wallet.bevis");
    visit.execute(Command::Backup { path: path.clone() }).await?;
    let file = tokio::fs::File::open(&path)
        .await
        .map_err(|e| Failure::file(&path, &e))?;
    let length = file.metadata().await.map_err(|e| Failure::file(&path, &e))?.len();
    let pieces = futures::stream::unfold((file, passing), |(mut file, passing)| async move {
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(Bytes::from(piece)), (file, passing)))
            }
            Err(error) => Some((Err(error), (file, passing))),
        }
    });
    let mut response = super::file(
        "bevis-backup.bevis",
        "application/octet-stream",
        Body::from_stream(pieces),
    );
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Another passphrase.
pub(super) async fn passphrase(form: Form) -> Response {
    let visit = form.visit.clone();
    if let Err(failure) = require_person(&form).await {
        return again(&visit, &failure, Wrong::Old);
    }
    let wrong = |key| settings(&visit, problem::status(Code::Malformed), Some(Wrong::New(key)), false);
    match form.text("new", PASSPHRASE_MAX) {
        Err(_) => return wrong("wallet-passphrase-too-long"),
        Ok(new) if new.chars().count() < PASSPHRASE_MIN => return wrong("wallet-passphrase-too-short"),
        Ok(new) if form.text("again", PASSPHRASE_MAX) != Ok(new) => return wrong("wallet-passphrase-differ"),
        Ok(_) => {}
    }
    let done = form.once(async move |form: Arc<Form>| {
        let old = Confided::new(form.required("passphrase", PASSPHRASE_MAX)?);
        let new = Confided::new(form.required("new", PASSPHRASE_MAX)?);
        form.visit.execute(Command::Passphrase { old, new }).await?;
        Ok("/wallet/settings?changed=1".to_owned())
    });
    done.await
}
