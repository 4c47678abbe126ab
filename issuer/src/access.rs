//! The access log: who was given what, on which ground, when. Without an entry nothing is given out.

use credentials::{Did, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::staged::Staged;
use crate::{Error, Issuer};

/// Why data was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The holder asked for their own data and gave the activation code that was sent to them.
    ActivationCode,
    /// The holder asked for their own data and showed who they are.
    OwnRequest,
    /// A person with a role in the company asked for the company's data.
    Role,
    /// The holder's wallet had its copies replaced, by the key that was committed when they were collected.
    Refresh,
    /// An asker fetched what the holder has granted it.
    Grant,
}

/// One entry: categories, never values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Type.
    pub vct: String,
    /// To whom: a keyed hash of the holder's number.
    #[serde(with = "serde_bytes")]
    pub holder: Vec<u8>,
    /// Names of the top-level claims.
    pub categories: Vec<String>,
    /// On which ground.
    pub ground: Ground,
    /// Names of the credentials.
    pub credentials: Vec<serde_bytes::ByteBuf>,
    /// Whether the same had been given out before.
    pub again: bool,
    /// To whom, when not to the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Did>,
    /// Name of the grant under which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

impl Issuer {
    /// Adds an entry to a step. Two entries never share a number: the commit fails instead.
    pub(crate) fn log(&self, staged: &mut Staged, entry: &Entry) -> Result<(), Error> {
        let number = self.access_next.saturating_add(staged.logged).to_be_bytes();
        let record = self.tables.access.encode(entry)?;
        staged
            .transaction
            .require_absent(&self.tables.access.table, &number)
            .put(&self.tables.access.table, &number, &record);
        staged.logged = staged.logged.saturating_add(1);
        Ok(())
    }

    /// Keyed hash of a holder's number, as the log and credentials have it.
    pub(crate) fn person(&self, number: &str) -> [u8; 32] {
        self.store.keyed_hash("issuer.person", number.as_bytes())
    }

    /// The access log of one holder, oldest first; of all when no number is given.
    pub fn access_log(&self, subject: Option<&str>) -> Result<Vec<Entry>, Error> {
        let holder = subject.map(|number| self.person(number));
        let mut entries: Vec<(Vec<u8>, Entry)> = self.tables.access.all()?;
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries
            .into_iter()
            .map(|(_, entry)| entry)
            .filter(|entry| holder.is_none_or(|holder| entry.holder == holder))
            .collect())
    }
}

/// Names of the top-level claims of a value.
pub(crate) fn categories(claims: &Value) -> Vec<String> {
    claims
        .as_object()
        .map(|members| members.keys().cloned().collect())
        .unwrap_or_default()
}
