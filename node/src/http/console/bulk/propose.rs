//! Proposing a bulk change: by a file that is looked at line by line, or by naming a whole.

use crate::error::Failure;
use crate::http::console::credentials::{reason_field, state_of_form, wrong_reason};
use crate::http::console::shown::{
    Wrong, alert, back, beside, heading, id_of, instant, invalid, issued, label, list, refused, text,
};
use crate::http::console::upload::{self, Begun, Fields, Refused, Taker};
use crate::http::form::Upload;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::body::Bytes;
use axum::response::Response;
use credentials::{Code, Problem};
use issuer::Names;
use maud::{Markup, html};
use serde_json::Value;

/// Lines that are looked at together: about 50 ms of work, between which peers are answered.
const TOGETHER: usize = 250;
/// Bytes of a line that are kept: one that is longer names nothing, and is rejected with its number.
const LINE_MAX: usize = 2 * 1024;
/// Imports that can be chosen as a whole.
const IMPORTS: usize = 20;

/// `GET /console/credentials/bulk/new`.
pub(in crate::http::console) async fn ask(visit: Visit) -> Response {
    visit.answer(ask_page(&visit, None).await)
}

async fn ask_page(visit: &Visit, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let jobs = visit.execute(Command::Jobs).await?;
    let (is_invalid, described) = invalid(wrong, "file");
    let described = described.map_or_else(|| "file-hint".to_owned(), |wrong| format!("file-hint {wrong}"));
    let body = html! {
        (heading(visit, "console-bulk-new"))
        (alert(visit, wrong))
        p { (visit.words.t("console-bulk-about")) }
        form.card method="post" action="/console/credentials/bulk/new" enctype="multipart/form-data" {
            (hidden(visit))
            (change_field(visit))
            (reason_field(visit, wrong))
            label for="names" { (visit.words.t("console-bulk-names")) }
            select #names name="names" {
                option value="credential" { (visit.words.t("console-bulk-names-credential")) }
                option value="subject" { (visit.words.t("console-bulk-names-subject")) }
                @for kind in issued(visit) {
                    option value=(format!("row {}", kind.id)) {
                        (visit.words.plain_fill("console-find-by-row", &[("type", kind.label.get(visit.words.language()))]))
                    }
                }
                @for kind in issued(visit) {
                    option value=(format!("type {}", kind.id)) {
                        (visit.words.plain_fill("console-bulk-whole-type", &[("type", kind.label.get(visit.words.language()))]))
                    }
                }
                @for job in imports(&jobs) {
                    option value=(format!("import {} {}", id_of(visit, text(job, "vct")), text(job, "job"))) {
                        (visit.words.plain_fill("console-bulk-whole-import", &[
                            ("type", label(visit, text(job, "vct"))), ("at", &plain_moment(visit, job.at("started"))),
                        ]))
                    }
                }
            }
            label for="file" { (visit.words.t("console-file")) }
            span.hint #file-hint { (visit.words.t("console-bulk-file-hint")) }
            (beside(visit, wrong, "file"))
            input #file type="file" name="file" accept=".csv,.txt,text/csv,text/plain"
                aria-describedby=(described) aria-invalid=[is_invalid];
            button.primary type="submit" { (visit.words.t("console-bulk-propose")) }
        }
        (back(visit, "/console/credentials/bulk", "console-to-bulk"))
    };
    let title = visit.words.plain("console-bulk-new");
    Ok(match wrong {
        None => visit.page(&title, body),
        Some(_) => refused(visit, &title, body),
    })
}

fn change_field(visit: &Visit) -> Markup {
    html! {
        label for="change" { (visit.words.t("console-bulk-change")) }
        select #change name="change" {
            option value="revoke" { (visit.words.t("console-bulk-revoke")) }
            option value="suspend" { (visit.words.t("console-bulk-suspend")) }
            option value="reinstate" { (visit.words.t("console-bulk-reinstate")) }
        }
    }
}

/// Imports that can be meant as a whole.
fn imports(jobs: &Value) -> impl Iterator<Item = &Value> {
    let is_done = |job: &&Value| text(job, "stage") == "finished" && job.at("dry_run").as_bool() != Some(true);
    list(jobs, "jobs").iter().filter(is_done).take(IMPORTS)
}

/// An instant within a text that takes no markup.
fn plain_moment(visit: &Visit, value: &Value) -> String {
    instant(value).map_or_else(String::new, |at| visit.words.catalogue().moment(at))
}

/// `POST /console/credentials/bulk/new`.
pub(in crate::http::console) async fn propose(upload: Upload) -> Response {
    let Upload { visit, mut parts } = upload;
    let mut taker = ForBulk::new(&visit);
    let taken = upload::take(&mut parts, &mut taker, upload::FILE_MAX).await;
    match upload::led(taken) {
        Ok(response) => response,
        Err(Refused::Wrong(wrong)) => {
            drop(taker);
            visit.answer(ask_page(&visit, Some(wrong)).await)
        }
        Err(Refused::Failure(failure)) => visit.failure(&failure),
        Err(Refused::Elsewhere(_)) => visit.failure(&Code::Internal.into()),
    }
}

/// What the lines of a file name, by the form.
fn names(text: &str) -> Result<(Names, Option<String>), Problem> {
    match text.split_once(' ') {
        None if text == "credential" => Ok((Names::Credential, None)),
        None if text == "subject" => Ok((Names::Subject, None)),
        Some(("row", kind)) => Ok((Names::Row, Some(kind.to_owned()))),
        _ => Err(Problem::new(Code::Malformed, "names")),
    }
}

/// Whether a file's first line names columns.
fn is_header(line: &str, names: Names) -> bool {
    let column = match names {
        Names::Credential => "credential",
        Names::Row => "row",
        Names::Subject | Names::Whole => "subject",
    };
    let mut cells = line.trim_start_matches('\u{feff}').split([',', ';']);
    cells.any(|cell| cell.trim().trim_matches('"').eq_ignore_ascii_case(column))
}

/// Has a file looked at line by line, and proposes what it names.
struct ForBulk {
    visit: Visit,
    begun: Option<Begun>,
    fields: Fields,
    bulk: String,
    line: Vec<u8>,
    number: u64,
    lines: Vec<(u64, String)>,
    is_first_piece: bool,
}

impl ForBulk {
    fn new(visit: &Visit) -> ForBulk {
        ForBulk {
            visit: visit.clone(),
            begun: None,
            fields: Fields::new(),
            bulk: String::new(),
            line: Vec::new(),
            number: 0,
            lines: Vec::new(),
            is_first_piece: true,
        }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The line that was read is whole.
    async fn end_line(&mut self) -> Result<(), Refused> {
        let line = std::mem::take(&mut self.line);
        self.number = self.number.saturating_add(1);
        // What is no text names nothing.
        let text = String::from_utf8(line).unwrap_or_else(|_| "\u{fffd}".to_owned());
        let text = text.trim_end_matches('\r').to_owned();
        if self.bulk.is_empty() {
            let (names, kind) = names(self.field("names"))?;
            let header = is_header(&text, names).then(|| text.clone());
            let is_header = header.is_some();
            let command = Command::BulkStart {
                state: state_of_form(self.field("change"))?,
                reason: self.field("reason").to_owned(),
                names,
                credential_type: kind,
                header,
            };
            let started = self.visit.execute(command).await?;
            self.bulk = self::text(&started, "bulk").to_owned();
            if let Some(begun) = &mut self.begun {
                begun.undo_by(Command::BulkCancel {
                    bulk: self.bulk.clone(),
                });
            }
            if is_header {
                return Ok(());
            }
        }
        self.lines.push((self.number, text));
        if self.lines.len() >= TOGETHER {
            self.hand_over().await?;
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<(), Refused> {
        let command = Command::BulkLines {
            bulk: self.bulk.clone(),
            lines: std::mem::take(&mut self.lines),
        };
        self.visit.execute(command).await?;
        Ok(())
    }

    fn done(&mut self) -> String {
        let path = format!("/console/credentials/bulk/{}", self.bulk);
        if let Some(begun) = &mut self.begun {
            begun.done(&path);
        }
        path
    }
}

impl Taker for ForBulk {
    async fn begin(&mut self, fields: &Fields) -> Result<(), Refused> {
        if let Some(wrong) = wrong_reason(fields.get("reason").map_or("", String::as_str)) {
            return Err(wrong.into());
        }
        self.fields = fields.clone();
        state_of_form(self.field("change"))?;
        self.begun = Some(Begun::take(&self.visit, fields)?);
        Ok(())
    }

    async fn piece(&mut self, bytes: Bytes) -> Result<(), Refused> {
        if std::mem::take(&mut self.is_first_piece) {
            upload::is_text(&bytes)?;
        }
        let mut rest = bytes.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, more) = rest.split_at(end);
            let room = LINE_MAX.saturating_sub(self.line.len());
            self.line.extend(line.iter().take(room));
            self.end_line().await?;
            rest = more.get(1..).unwrap_or_default();
        }
        let room = LINE_MAX.saturating_sub(self.line.len());
        self.line.extend(rest.iter().take(room));
        Ok(())
    }

    async fn end(&mut self) -> Result<String, Refused> {
        if !self.line.is_empty() {
            self.end_line().await?;
        }
        if !self.lines.is_empty() {
            self.hand_over().await?;
        }
        let propose = Command::BulkPropose {
            bulk: self.bulk.clone(),
        };
        match self.visit.execute(propose).await {
            Ok(_) => Ok(self.done()),
            // Its own page says which lines named nothing: it is called off, and nothing was changed.
            Err(failure) if failure.problem.code == Code::NoData => Ok(self.done()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// No file was chosen: all of a type, or all that an import brought, is meant.
    async fn none(&mut self, fields: &Fields) -> Result<Option<String>, Refused> {
        let meant = fields.get("names").cloned().unwrap_or_default();
        let (kind, import) = match meant.split(' ').collect::<Vec<_>>().as_slice() {
            ["type", kind] => ((*kind).to_owned(), None),
            ["import", kind, job] => ((*kind).to_owned(), Some((*job).to_owned())),
            _ => return Ok(None),
        };
        self.begin(fields).await?;
        let command = Command::BulkSelect {
            state: state_of_form(self.field("change"))?,
            reason: self.field("reason").to_owned(),
            credential_type: kind,
            import,
        };
        let proposed = self.visit.execute(command).await?;
        self.bulk = text(&proposed, "bulk").to_owned();
        Ok(Some(self.done()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_is_a_header_when_it_names_the_column() {
        assert!(is_header("credential", Names::Credential));
        assert!(is_header("\u{feff}Nr;\"Subject\"", Names::Subject));
        assert!(!is_header("14858834016", Names::Subject));
        assert!(!is_header("subject", Names::Row));
    }

    #[test]
    fn a_form_says_what_lines_name() {
        assert_eq!(names("credential"), Ok((Names::Credential, None)));
        assert_eq!(names("row C02"), Ok((Names::Row, Some("C02".to_owned()))));
        assert!(names("type C02").is_err(), "a whole is no file");
        assert!(names("").is_err());
    }
}
