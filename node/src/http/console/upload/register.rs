//! A register's file: taken into the store, and looked at.

use super::{Begun, Fields, HEAD, HEADER, Refused, TOO_MANY, Taker, is_csv};
use crate::http::console::shown::text;
use crate::http::visit::Visit;
use crate::service::Command;
use axum::body::Bytes;
use credentials::Code;

/// Bytes that are handed over together.
const PART: usize = 1024 * 1024;

/// Takes a register's file into the store, and has it looked at.
pub(in crate::http::console) struct ForRegister {
    visit: Visit,
    kind: String,
    begun: Option<Begun>,
    file: String,
    parts: u64,
    buffer: Vec<u8>,
    is_csv: Option<bool>,
}

impl ForRegister {
    /// For a type, by its id.
    pub(in crate::http::console) fn new(visit: &Visit, kind: &str) -> ForRegister {
        ForRegister {
            visit: visit.clone(),
            kind: kind.to_owned(),
            begun: None,
            file: String::new(),
            parts: 0,
            buffer: Vec::new(),
            is_csv: None,
        }
    }

    async fn hand_over(&mut self) -> Result<(), Refused> {
        let command = Command::UploadPart {
            upload: self.file.clone(),
            number: self.parts,
            bytes: std::mem::take(&mut self.buffer),
        };
        self.visit.execute(command).await?;
        self.parts = self.parts.saturating_add(1);
        Ok(())
    }
}

impl Taker for ForRegister {
    async fn begin(&mut self, fields: &Fields) -> Result<(), Refused> {
        let mut begun = Begun::take(&self.visit, fields)?;
        let started = match self.visit.execute(Command::UploadStart).await {
            Err(failure) if failure.problem.code == Code::TooLarge => return Err(TOO_MANY.into()),
            started => started?,
        };
        self.file = text(&started, "upload").to_owned();
        begun.undo_by(Command::UploadDiscard {
            upload: self.file.clone(),
        });
        self.begun = Some(begun);
        Ok(())
    }

    async fn piece(&mut self, bytes: Bytes) -> Result<(), Refused> {
        self.buffer.extend_from_slice(&bytes);
        if self.is_csv.is_none() && self.buffer.len() >= HEAD {
            self.is_csv = Some(is_csv(self.buffer.get(..HEAD).unwrap_or_default())?);
        }
        if self.buffer.len() >= PART {
            self.hand_over().await?;
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<String, Refused> {
        let is_csv = match self.is_csv {
            Some(is_csv) => is_csv,
            None => is_csv(&self.buffer)?,
        };
        if !self.buffer.is_empty() {
            self.hand_over().await?;
        }
        let finish = Command::UploadFinish {
            upload: self.file.clone(),
        };
        self.visit.execute(finish).await?;
        let path = check(&self.visit, &self.kind, &self.file, is_csv).await?;
        if let Some(begun) = &mut self.begun {
            begun.done(&path);
        }
        Ok(path)
    }

    async fn none(&mut self, _fields: &Fields) -> Result<Option<String>, Refused> {
        Ok(None)
    }
}

/// Has a file in the store looked at without importing it: the path of the page that shows what was found.
pub(in crate::http::console) async fn check(
    visit: &Visit,
    kind: &str,
    file: &str,
    is_csv: bool,
) -> Result<String, Refused> {
    let command = Command::ImportUpload {
        credential_type: kind.to_owned(),
        upload: file.to_owned(),
        csv: is_csv,
        dry_run: true,
    };
    match visit.execute(command).await {
        Ok(begun) => {
            let form = if is_csv { "csv" } else { "lines" };
            Ok(format!(
                "/console/registers/{kind}/check/{file}-{form}/{}",
                text(&begun, "job")
            ))
        }
        Err(failure) if failure.problem.code == Code::Malformed => Err(HEADER.into()),
        Err(failure) => Err(failure.into()),
    }
}
