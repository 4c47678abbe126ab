//! Looking at what a bulk change is to reach, before anybody is asked to agree to it.

use credentials::identifier::{OrganisationNumber, PersonNumber};
use credentials::{Code, Problem};
use sha2::Digest;
use store::Key;

use super::{BulkProgress, Names, Open};
use crate::credential::{parse_name, refusal};
use crate::import::cells;
use crate::rejected::RejectedLine;
use crate::tables::CredentialId;
use crate::{Error, Issuer, Rejected, Target};

/// Most lines of a file.
const LINES_MAX: u64 = 500_000;
/// Most credentials of one bulk change: their names are in memory while a file is looked at, 16 bytes each and as much again.
const CREDENTIALS_MAX: u64 = 500_000;
/// Credentials of a chunk, of at most 64 copies each: some 50 ms of work, between which peers are answered.
const CHUNK: usize = 250;
/// Longest line, in bytes: a credential's name, or a row's key.
const LINE_MAX: usize = 1_024;
/// What a line is that names what an earlier one named.
const AGAIN: &str = "again";

impl Issuer {
    pub(super) fn look_at(
        &mut self,
        name: &str,
        open: &mut Open,
        lines: &[(u64, String)],
    ) -> Result<BulkProgress, Error> {
        let mut progress = BulkProgress::default();
        let mut refused = Vec::new();
        let mut found = Vec::new();
        for (line, text) in lines {
            if *line <= open.record.line {
                continue;
            }
            open.record.line = *line;
            open.hash.update(text.as_bytes());
            open.hash.update(b"\n");
            if text.trim().is_empty() {
                continue;
            }
            open.record.lines = open.record.lines.saturating_add(1);
            if open.record.lines > LINES_MAX {
                return Err(Problem::new(Code::TooLarge, "lines").into());
            }
            match self.look_at_line(open, text) {
                Ok(ids) => {
                    progress.accepted = progress.accepted.saturating_add(1);
                    found.extend(ids);
                    if open.named.len() as u64 > CREDENTIALS_MAX {
                        return Err(Problem::new(Code::TooLarge, "credentials").into());
                    }
                }
                Err(Error::Refused(problem)) => {
                    open.record.rejected = open.record.rejected.saturating_add(1);
                    let rejected = Rejected {
                        line: *line,
                        path: open.record.names.column().to_owned(),
                        reason: match problem.detail.as_deref() {
                            Some(AGAIN) => "duplicate_row".to_owned(),
                            _ => problem.code.as_str().to_owned(),
                        },
                    };
                    refused.push(RejectedLine {
                        line: *line,
                        path: rejected.path.clone(),
                        reason: rejected.reason.clone(),
                        text: text.clone(),
                    });
                    progress.rejected.push(rejected);
                }
                Err(error) => return Err(error),
            }
        }
        self.write_down(name, open, &found, refused)?;
        Ok(progress)
    }

    /// The credentials that a line names and that will change.
    fn look_at_line(&self, open: &mut Open, text: &str) -> Result<Vec<CredentialId>, Error> {
        let malformed = || Error::from(Code::Malformed);
        if text.len() > LINE_MAX {
            return Err(malformed());
        }
        let cell = match &open.column {
            None => text.trim().to_owned(),
            Some((column, header)) => {
                let cells = cells(text, header.delimiter).filter(|cells| cells.len() == header.columns.len());
                cells
                    .and_then(|cells| cells.into_iter().nth(*column))
                    .ok_or_else(malformed)?
            }
        };
        let cell = cell.trim();
        let target = match open.record.names {
            Names::Credential => Target::Credential {
                id: parse_name(cell)
                    .map(|id| crate::credential::name(&id))
                    .ok_or_else(malformed)?,
            },
            Names::Row => Target::Row {
                vct: open.record.vct.clone().ok_or_else(malformed)?,
                key: Some(cell.to_owned())
                    .filter(|key| !key.is_empty())
                    .ok_or_else(malformed)?,
            },
            Names::Subject => {
                let is_number = PersonNumber::parse(cell).is_some() || OrganisationNumber::parse(cell).is_some();
                Target::Subject {
                    number: Some(cell.to_owned()).filter(|_| is_number).ok_or_else(malformed)?,
                }
            }
            Names::Whole => return Err(malformed()),
        };
        let mut seen = [0; 16];
        let hash = self.store.keyed_hash("issuer.bulk", cell.as_bytes());
        seen.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        if !open.seen.insert(seen) {
            return Err(Problem::new(Code::Malformed, AGAIN).into());
        }
        let mut named = self.named(&target)?;
        if open.record.names == Names::Subject
            && let Some(vct) = &open.record.vct
        {
            named.retain(|(_, credential)| credential.vct == *vct);
        }
        if named.is_empty() {
            return Err(Code::NoData.into());
        }
        let state = open.record.state;
        let (reached, others): (Vec<_>, Vec<_>) = named
            .into_iter()
            .partition(|(_, credential)| self.would_change(credential, state));
        let is_so = others.iter().filter(|(_, other)| other.state == state).count();
        if reached.is_empty() && is_so == 0 {
            let code = others.iter().find_map(|(_, other)| refusal(other.state));
            return Err(code.unwrap_or(Code::StateFinal).into());
        }
        open.record.unchanged = open.record.unchanged.saturating_add(is_so as u64);
        let mut ids = Vec::with_capacity(reached.len());
        for (id, credential) in reached {
            if open.named.insert(id) {
                open.record.named.count(&credential);
                ids.push(id);
            }
        }
        Ok(ids)
    }

    pub(super) fn add(&mut self, name: &str, open: &mut Open, ids: &[CredentialId]) -> Result<(), Error> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let (id, credential) = self.credential(id)?;
            if self.would_change(&credential, open.record.state) {
                if open.named.insert(id) {
                    open.record.named.count(&credential);
                    found.push(id);
                }
            } else if credential.state == open.record.state {
                open.record.unchanged = open.record.unchanged.saturating_add(1);
            }
        }
        if open.named.len() as u64 > CREDENTIALS_MAX {
            return Err(Problem::new(Code::TooLarge, "credentials").into());
        }
        self.write_down(name, open, &found, Vec::new())
    }

    /// Makes durable what was found, with how far the file was looked at.
    fn write_down(
        &mut self,
        name: &str,
        open: &mut Open,
        found: &[CredentialId],
        refused: Vec<RejectedLine>,
    ) -> Result<(), Error> {
        let mut staged = self.stage();
        for chunk in found.chunks(CHUNK) {
            let number = open.record.chunks.to_be_bytes();
            let key = Key::in_group(name.as_bytes(), &number);
            staged
                .transaction
                .put(&self.tables.bulk_chunks.table, key, &chunk.concat());
            open.record.chunks = open.record.chunks.saturating_add(1);
        }
        self.put_rejected(&mut staged, name, open.record.started, &mut open.record.kept, refused)?;
        self.put_bulk(&mut staged, name, &open.record)?;
        self.commit(staged)
    }
}
