//! What a person tells the supervisory authority about one entry of the history.

use crate::key::Signer;
use crate::record::{self, Record, is_hash};
use crate::{Did, Problem, Timestamp, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Label of a report.
pub const REPORT_TYP: &str = "bevis-report+jwt";
/// Longest complaint, in characters.
pub const COMPLAINT_MAX: usize = 4_000;
/// Most papers of one report.
const PAPERS_MAX: usize = 64;
/// Longest name of an authority, in characters.
const NAME_MAX: usize = 256;

/// A report, signed with the key of the decision or grant it is about. It stands by itself: the papers in it are the signed request,
/// decision or grant, receipt, withdrawal, request for deletion and statements, each with its own label and signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// To whom.
    pub authority: String,
    /// About whom.
    pub asker: Did,
    /// Service asked under.
    pub service: String,
    /// Hash of the asker's request, base64url.
    pub request: String,
    /// What happened, by the word of the history.
    pub what: String,
    /// When it did.
    pub happened: Timestamp,
    /// What the person has to say.
    pub complaint: String,
    /// The signed papers.
    pub papers: Vec<String>,
    /// When the report was made.
    pub at: Timestamp,
}

impl Record for Report {
    const TYP: &'static str = REPORT_TYP;
    const MAX: usize = 1 << 20;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("request", is_hash(&self.request)),
            ("authority", (1..=NAME_MAX).contains(&self.authority.chars().count())),
            ("complaint", self.complaint.chars().count() <= COMPLAINT_MAX),
            ("papers", self.papers.len() <= PAPERS_MAX),
        ])
    }
}

impl Report {
    /// Signs with the key of the decision or grant. Errors: `malformed` with the member that has not its form, `too_large`.
    pub fn sign(&self, key: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_holder(self, key)
    }

    /// Reads it; the key that signed it. Errors: `malformed`, `signature_invalid`, `too_large`.
    pub fn open(text: &str) -> Result<(Report, VerifyingKey), Problem> {
        record::open_of_holder(text)
    }
}
