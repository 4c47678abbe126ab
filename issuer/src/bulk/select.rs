//! Which credentials a whole import or a whole type has: found beside the issuer, so that peers are answered meanwhile.

use credentials::status::State;
use store::Key;

use crate::tables::{Credential, CredentialId, RegisterRow, Span, Tables, pair};
use crate::{Error, Issuer};

/// What is meant as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Every credential of a type, by `vct`.
    Type(String),
    /// Every credential that was issued from rows as this import brought them.
    Import {
        /// Type.
        vct: String,
        /// Import.
        job: String,
    },
}

/// Reads the issuer's tables without holding up the issuer.
pub struct Selection {
    tables: Tables,
}

impl std::fmt::Debug for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Selection")
    }
}

impl Issuer {
    /// For looking through everything that was issued.
    pub fn selection(&self) -> Selection {
        Selection {
            tables: Tables::new(&self.store),
        }
    }
}

impl Selection {
    /// The names of the credentials that are meant, revoked ones left out. What is issued while this looks may be among them or not.
    pub fn credentials(&self, whole: &Whole) -> Result<Vec<CredentialId>, Error> {
        match whole {
            Whole::Type(vct) => self.of_type(vct),
            Whole::Import { vct, job } => self.of_import(vct, job),
        }
    }

    fn of_type(&self, vct: &str) -> Result<Vec<CredentialId>, Error> {
        let mut found = Vec::new();
        let mut failed = None;
        self.tables.credentials.table.scan(&mut |_, id, bytes| {
            match (
                CredentialId::try_from(id),
                self.tables.credentials.decode::<Credential>(bytes),
            ) {
                (Ok(id), Ok(credential)) => {
                    if credential.vct == vct && credential.state != State::Revoked {
                        found.push(id);
                    }
                }
                (_, Err(error)) => failed = Some(error),
                (Err(_), _) => {
                    failed = Some(Error::Unreadable {
                        table: "issuer.credentials",
                    });
                }
            }
            failed.is_none()
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(found),
        }
    }

    fn of_import(&self, vct: &str, job: &str) -> Result<Vec<CredentialId>, Error> {
        let Some(import) = crate::import::job_number(job) else {
            return Ok(Vec::new());
        };
        let mut rows = Vec::new();
        let mut failed = None;
        self.tables.register.table.scan(&mut |group, id, bytes| {
            if group == vct.as_bytes() {
                match self.tables.register.decode::<RegisterRow>(bytes) {
                    Ok(row) if row.import == Some(import) => rows.push((id.to_vec(), row.changed)),
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            }
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut found = Vec::new();
        for (key, changed) in rows {
            let key = String::from_utf8(key).map_err(|_| Error::Unreadable {
                table: "issuer.register",
            })?;
            for (id, span) in self.tables.by_row.table.group(&pair(vct, &key))? {
                let span: Span = self.tables.by_row.decode(&span)?;
                // One from before was issued from what the row said then.
                if span.at >= changed {
                    let id = CredentialId::try_from(id).map_err(|_| Error::Unreadable {
                        table: "issuer.credentials-of-row",
                    })?;
                    found.push(id);
                }
            }
        }
        Ok(found)
    }

    /// Whether this type has any row that this import brought as it is.
    pub fn knows_import(&self, vct: &str, job: &str) -> Result<bool, Error> {
        let record: Option<crate::tables::JobRecord> = self.tables.jobs.read(Key::from(job))?;
        Ok(record.is_some_and(|record| record.vct == vct))
    }
}
