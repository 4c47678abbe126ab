//! The holder asks for what was shown to be erased (GDPR Art. 17).

use super::RECORD_MAX;
use crate::key::Signer;
use crate::record::{self, Record, is_hash};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Label of a request for deletion.
pub const DELETION_TYP: &str = "bevis-deletion+jwt";

/// A request for deletion, signed with the key of the decision or of the grant that the asker keeps: whoever showed the claims asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// Who is asked.
    pub asker: Did,
    /// Hash of the asker's own request, base64url, as in decision, grant and receipt.
    pub request: String,
    /// [`super::hash`] of the signed decision or grant.
    pub decision: String,
    /// When.
    pub at: Timestamp,
}

impl Record for Deletion {
    const TYP: &'static str = DELETION_TYP;
    const MAX: usize = RECORD_MAX;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("request", is_hash(&self.request)),
            ("decision", is_hash(&self.decision)),
        ])
    }
}

impl Deletion {
    /// Signs with the key of the decision or grant. Errors: `malformed` with the member that has not its form.
    pub fn sign(&self, key: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_holder(self, key)
    }

    /// Reads it at the asker that keeps `decision` (its text) by `key`, given to the request of that hash.
    ///
    /// Errors: `signature_invalid` when another key signed it, `wrong_request` when it is of another decision or for another asker,
    /// `malformed`, `too_large`. It is not bound to a time: said again it is answered the same.
    pub fn open(
        text: &str,
        asker: &Did,
        request: &str,
        decision: &str,
        key: &VerifyingKey,
    ) -> Result<Deletion, Problem> {
        let (deletion, signer): (Deletion, _) = record::open_of_holder(text)?;
        if signer != *key {
            return Err(Code::SignatureInvalid.into());
        }
        let is_of =
            deletion.asker == *asker && deletion.request == request && deletion.decision == super::hash(decision);
        if is_of {
            Ok(deletion)
        } else {
            Err(Code::WrongRequest.into())
        }
    }
}
