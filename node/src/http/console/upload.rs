//! Files that a browser sends: read piece by piece, looked at as they come, and never laid down outside the sealed store.
//!
//! A form with a file is taken once, as every other form is. When the browser goes away in the middle, what came of the file is erased.

mod register;

pub(super) use register::{ForRegister, check};

use super::shown::Wrong;
use crate::error::Failure;
use crate::http::door::Sent;
use crate::http::form;
use crate::http::visit::Visit;
use crate::service::Command;
use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::response::{IntoResponse, Redirect, Response};
use credentials::{Code, Problem};
use std::collections::BTreeMap;
use std::future::Future;

/// Largest file, in bytes: what the issuer takes of one. All of it lies sealed in the store until somebody has said yes or no.
pub(super) const FILE_MAX: usize = issuer::UPLOAD_BYTES_MAX as usize;
/// Largest body, in bytes. A browser shows the answer only when all that it sends was read, so what is somewhat too large is read to its
/// end, thrown away, and answered by a page.
pub(super) const BODY_MAX: usize = 2 * FILE_MAX;
/// Bytes by which a file is told to be CSV, JSON Lines or no text.
const HEAD: usize = 1024;
/// Most fields beside the file.
const FIELDS_MAX: usize = 16;
/// Longest of these, in bytes.
const FIELD_MAX: usize = 4 * 1024;

/// No file was chosen.
const MISSING: Wrong = wrong("console-file-missing");
/// There is nothing in it.
const EMPTY: Wrong = wrong("console-file-empty");
/// It is larger than [`FILE_MAX`].
const TOO_LARGE: Wrong = wrong("console-file-too-large");
/// It is no text: a spreadsheet, a picture, an archive.
const NOT_TEXT: Wrong = wrong("console-file-not-text");
/// It is one JSON array and not a row on each line.
const NOT_LINES: Wrong = wrong("console-file-not-lines");
/// Its first line is no header.
const HEADER: Wrong = wrong("console-file-header");
/// As many files as may wait for a yes or a no.
const TOO_MANY: Wrong = wrong("console-file-too-many");
/// It came to an end before its end.
const BROKEN_OFF: Wrong = wrong("console-file-broken-off");

const fn wrong(key: &'static str) -> Wrong {
    Wrong { field: "file", key }
}

/// Why a form with a file was not done.
pub(super) enum Refused {
    /// Something that whoever sent it can mend.
    Wrong(Wrong),
    /// Something else.
    Failure(Failure),
    /// It was sent before; what came of it is shown there.
    Elsewhere(String),
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Refused {
        Refused::Wrong(wrong)
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failure(failure)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused::Failure(problem.into())
    }
}

/// What stands before the file in a form.
pub(super) type Fields = BTreeMap<String, String>;

/// What becomes of a file.
pub(super) trait Taker: Send {
    /// Called once, before the first piece, with what stood before the file.
    fn begin(&mut self, fields: &Fields) -> impl Future<Output = Result<(), Refused>> + Send;
    /// The next bytes.
    fn piece(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Refused>> + Send;
    /// The file is whole: the path of the page that shows what came of it.
    fn end(&mut self) -> impl Future<Output = Result<String, Refused>> + Send;
    /// No file was chosen: the same path where none is needed, `None` where one is.
    fn none(&mut self, fields: &Fields) -> impl Future<Output = Result<Option<String>, Refused>> + Send;
}

fn broken(error: &MultipartError) -> Wrong {
    match error.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE,
        _ => BROKEN_OFF,
    }
}

/// Reads a form to its end. The token was taken already; the file comes last, and has at most so many bytes.
pub(super) async fn take(parts: &mut Multipart, taker: &mut impl Taker, bytes_max: usize) -> Result<String, Refused> {
    let taken = read(parts, taker, bytes_max).await;
    // The rest is read and thrown away: else the browser sees a connection that broke off instead of the answer.
    while let Ok(Some(_)) = parts.next_field().await {}
    taken
}

async fn read(parts: &mut Multipart, taker: &mut impl Taker, bytes_max: usize) -> Result<String, Refused> {
    let mut fields = Fields::new();
    while let Some(mut field) = parts.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            if fields.len() >= FIELDS_MAX {
                return Err(Problem::new(Code::TooLarge, "form").into());
            }
            let value = form::small(&mut field, FIELD_MAX).await?;
            fields.insert(name, value.trim().to_owned());
            continue;
        }
        let is_named = field.file_name().is_some_and(|name| !name.is_empty());
        let mut bytes = 0_usize;
        while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
            if piece.is_empty() {
                continue;
            }
            if bytes == 0 {
                taker.begin(&fields).await?;
            }
            bytes = bytes.saturating_add(piece.len());
            if bytes > bytes_max {
                return Err(TOO_LARGE.into());
            }
            taker.piece(piece).await?;
        }
        return match (bytes, is_named) {
            (0, false) => taker.none(&fields).await?.ok_or(Refused::Wrong(MISSING)),
            (0, true) => Err(EMPTY.into()),
            _ => taker.end().await,
        };
    }
    taker.none(&fields).await?.ok_or(Refused::Wrong(MISSING))
}

/// The answer to a form with a file that was done; what it says otherwise is the caller's.
pub(super) fn led(taken: Result<String, Refused>) -> Result<Response, Refused> {
    match taken {
        Ok(path) | Err(Refused::Elsewhere(path)) => Ok(Redirect::to(&path).into_response()),
        Err(refused) => Err(refused),
    }
}

/// Refuses what begins as no text does.
pub(super) fn is_text(head: &[u8]) -> Result<(), Wrong> {
    let is_of_text = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    match head.iter().take(HEAD).all(is_of_text) {
        true => Ok(()),
        false => Err(NOT_TEXT),
    }
}

/// Whether a file that begins so is CSV; else it is JSON Lines. Nothing that is no text.
pub(super) fn is_csv(head: &[u8]) -> Result<bool, Wrong> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    is_text(text)?;
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(EMPTY),
        Some(b'[') => Err(NOT_LINES),
        Some(first) => Ok(*first != b'{'),
    }
}

/// A form that is being done: unless it is said to be done, it may be sent again, and what was begun is taken back.
pub(super) struct Begun {
    visit: Visit,
    form: String,
    undo: Option<Command>,
    shown_at: Option<String>,
}

impl Begun {
    /// Takes a form, unless it was sent before.
    pub(super) fn take(visit: &Visit, fields: &Fields) -> Result<Begun, Refused> {
        let form = fields.get("form").cloned().unwrap_or_default();
        if form.is_empty() {
            return Err(Problem::from(Code::PageExpired).into());
        }
        match visit.app.door().take(&visit.session, &form) {
            Some(Sent::UnderWay) => Err(Problem::from(Code::UnderWay).into()),
            Some(Sent::Done(path)) => Err(Refused::Elsewhere(path)),
            None => Ok(Begun {
                visit: visit.clone(),
                form,
                undo: None,
                shown_at: None,
            }),
        }
    }

    /// What takes back what was begun, unless it comes to its end.
    pub(super) fn undo_by(&mut self, command: Command) {
        self.undo = Some(command);
    }

    /// It is done; what came of it is shown there.
    pub(super) fn done(&mut self, path: &str) {
        self.undo = None;
        self.shown_at = Some(path.to_owned());
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let door = self.visit.app.door();
        door.came_of(&self.visit.session, &self.form, self.shown_at.as_deref());
        let (Some(undo), Ok(runtime)) = (self.undo.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let visit = self.visit.clone();
        runtime.spawn(async move {
            if let Err(failure) = visit.execute(undo).await {
                tracing::debug!(code = %failure.problem.code, "what was begun with a file was not taken back");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::extract::{FromRequest, Request};

    /// Counts what it is given.
    #[derive(Default)]
    struct Counting {
        begun: usize,
        bytes: usize,
    }

    impl Taker for Counting {
        async fn begin(&mut self, _fields: &Fields) -> Result<(), Refused> {
            self.begun += 1;
            Ok(())
        }

        async fn piece(&mut self, bytes: Bytes) -> Result<(), Refused> {
            self.bytes += bytes.len();
            Ok(())
        }

        async fn end(&mut self) -> Result<String, Refused> {
            Ok("/done".to_owned())
        }

        async fn none(&mut self, _fields: &Fields) -> Result<Option<String>, Refused> {
            Ok(None)
        }
    }

    async fn sent(bytes: usize, bytes_max: usize) -> (Result<String, &'static str>, Counting) {
        let head = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let request = Request::builder()
            .method("POST")
            .header("content-type", "multipart/form-data; boundary=b");
        let body = format!("{head}{}\r\n--b--\r\n", "x".repeat(bytes));
        let request = request.body(Body::from(body)).expect("a request");
        let mut parts = Multipart::from_request(request, &()).await.expect("a form");
        let mut counting = Counting::default();
        let taken = take(&mut parts, &mut counting, bytes_max)
            .await
            .map_err(|refused| match refused {
                Refused::Wrong(wrong) => wrong.key,
                _ => "another",
            });
        (taken, counting)
    }

    #[tokio::test]
    async fn a_file_is_taken_up_to_its_limit_and_told_to_be_too_large_beyond() {
        let (taken, counting) = sent(10_000, 10_000).await;
        assert_eq!(taken, Ok("/done".to_owned()));
        assert_eq!((counting.begun, counting.bytes), (1, 10_000));
        let (taken, counting) = sent(10_001, 10_000).await;
        assert_eq!(taken, Err("console-file-too-large"));
        assert!(counting.bytes <= 10_000, "{} bytes were handed on", counting.bytes);
        assert_eq!(sent(0, 10_000).await.0, Err("console-file-empty"));
    }

    #[test]
    fn a_file_is_told_by_its_first_bytes() {
        let told = |head: &[u8]| is_csv(head).map_err(|wrong| wrong.key);
        assert_eq!(told(b"{\"a\":1}\n{"), Ok(false));
        assert_eq!(told(b"\xef\xbb\xbf \n{\"a\""), Ok(false));
        assert_eq!(told(b"personidentifikator;navn\n"), Ok(true));
        assert_eq!(told("\u{feff}bel\u{f8}p,navn".as_bytes()), Ok(true));
        assert_eq!(
            told(b"bel\xf8p;navn"),
            Ok(true),
            "a row in another encoding is refused by its own line"
        );
        assert_eq!(told(b"PK\x03\x04sheet"), Err("console-file-not-text"));
        assert_eq!(told(b"\x89PNG\r\n\x1a\n"), Err("console-file-not-text"));
        assert_eq!(told(b" [ {\"a\":1} ]"), Err("console-file-not-lines"));
        assert_eq!(told(b" \r\n"), Err("console-file-empty"));
    }
}
