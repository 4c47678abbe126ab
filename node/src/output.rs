//! Data on stdout, talk on stderr. A reader that goes away early changes nothing.

use crate::error::Failure;
use crate::text::Catalogue;
use credentials::Code;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// How a command speaks.
pub struct Output {
    /// `--json`: one object per command, the contract; else text for people.
    pub json: bool,
    /// `--quiet`: no talk.
    pub quiet: bool,
    /// Texts.
    pub catalogue: Catalogue,
}

impl Output {
    /// One line of data.
    pub fn data(&self, line: &str) {
        put(&mut std::io::stdout().lock(), line);
    }

    /// A whole text as it is, such as a page or a script.
    pub fn bytes(&self, text: &[u8]) {
        let mut out = std::io::stdout().lock();
        note(out.write_all(text).and_then(|()| out.flush()));
    }

    /// One JSON object on a line of its own.
    pub fn object(&self, value: &Value) {
        self.data(&value.to_string());
    }

    /// Talk: progress, hints, questions.
    pub fn talk(&self, line: &str) {
        if !self.quiet {
            put(&mut std::io::stderr().lock(), line);
        }
    }

    /// Talk that a person must see before they decide, quiet or not.
    pub fn show(&self, text: &str) {
        put(&mut std::io::stderr().lock(), text);
    }

    /// A text of the catalogue as talk.
    pub fn say(&self, key: &str, arguments: &[(&str, &str)]) {
        self.talk(&self.catalogue.text(key, arguments));
    }

    /// A text of the catalogue as data.
    pub fn print(&self, key: &str, arguments: &[(&str, &str)]) {
        self.data(&self.catalogue.text(key, arguments));
    }

    /// Why a command failed: with `--json` an RFC 9457 object on stderr, else sentence, cause and remedy.
    pub fn failure(&self, failure: &Failure) {
        let code = failure.problem.code.as_str();
        let detail = failure.problem.detail.as_deref().unwrap_or("");
        let sentence = self.catalogue.text(&format!("problem-{code}"), &[("detail", detail)]);
        let remedy = self.catalogue.text(&format!("remedy-{code}"), &[("detail", detail)]);
        if self.json {
            let object = json!({
                "schema": "problem/v1", "type": format!("urn:bevis:problem:{code}"), "title": sentence, "code": code,
                "detail": failure.problem.detail, "cause": failure.cause, "remedy": remedy, "exit": failure.exit(),
            });
            put(&mut std::io::stderr().lock(), &object.to_string());
            return;
        }
        let error = self.catalogue.text("error", &[]);
        let mut lines = format!("{error}: {sentence}");
        // A sentence that its detail has changed says it already, and the line below says what of a request is too much.
        let plain = self.catalogue.text(&format!("problem-{code}"), &[("detail", "")]);
        let is_term = failure.problem.code == Code::OverAsk && self.catalogue.term(detail).is_some();
        if !detail.is_empty() && !sentence.contains(detail) && sentence == plain && !is_term {
            lines.push_str(&format!(" ({detail})"));
        }
        if failure.problem.code == Code::OverAsk && !detail.is_empty() {
            let (what, named) = (self.catalogue.text("too-much", &[]), self.catalogue.too_much(detail));
            lines.push_str(&format!("\n  {what}: {named}"));
        }
        if let Some(cause) = &failure.cause {
            lines.push_str(&format!("\n  {}: {cause}", self.catalogue.text("cause", &[])));
        }
        lines.push_str(&format!(
            "\n  {}: {remedy}  [{code}]",
            self.catalogue.text("remedy", &[])
        ));
        put(&mut std::io::stderr().lock(), &lines);
    }
}

/// Looks into JSON whose form we know but do not control: what is not there is null, as serde_json's own indexing has it,
/// without the look of something that may panic.
pub trait At {
    /// The member of this name, or null.
    fn at(&self, name: &str) -> &Value;
    /// Sets the member of this name; nothing happens where there is no object.
    fn put(&mut self, name: &str, value: Value);
}

impl At for Value {
    fn at(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }

    fn put(&mut self, name: &str, value: Value) {
        if let Some(object) = self.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    }
}

/// Whether something could not be written: the disk behind stdout is full, say.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes a line. When nobody reads any more (`bevis … | head`), the command goes on quietly and ends with its own exit code:
/// what it does and what it answers do not hang on who listens.
fn put(to: &mut dyn Write, line: &str) {
    note(writeln!(to, "{line}").and_then(|()| to.flush()));
}

/// Remembers that something could not be written, unless nobody reads any more.
fn note(written: std::io::Result<()>) {
    if written.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether a line of data or talk was lost other than by a reader that went away.
pub fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Whether a person sits at the terminal: questions are asked only then.
pub fn person_present() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ignored = write!(text, "{byte:02x}");
            text
        })
}

/// SHA-256, of texts and files.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
