//! What is carried on a stick, imported and served: the roots, the list and the head that belong together.

use super::anchor::Role;
use super::{BUNDLE_MAX, HEAD_MAX, ROOT_MAX, ROOTS_MAX, SIGNATURES_MAX, TRUST_MAX};
use crate::{Code, Problem, json};
use serde::{Deserialize, Serialize};

/// Schema of a bundle's JSON.
pub const BUNDLE_SCHEMA: &str = "trust-bundle/v1";

/// Signed texts, byte for byte; nothing in them is checked here but their size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Roots in their order. In a file: from the first one on; between nodes those that the other lacks suffice.
    pub roots: Vec<String>,
    /// The list; may be left out when the receiver holds the one that the head names.
    pub list: Option<String>,
    /// The head: one compact JWS for each signer. None for a bundle that only brings roots.
    pub head: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    roots: Vec<String>,
    list: Option<String>,
    head: Vec<String>,
}

impl Bundle {
    /// Puts parts together. Errors as [`Bundle::check`].
    pub fn assemble(roots: Vec<String>, list: Option<String>, head: Vec<String>) -> Result<Bundle, Problem> {
        let bundle = Bundle { roots, list, head };
        bundle.check()?;
        Ok(bundle)
    }

    /// Whether every part is within its limit: `too_large` with the role.
    pub fn check(&self) -> Result<(), Problem> {
        let too_large = |role: Role| Err(Problem::new(Code::TooLarge, role.as_str()));
        if self.roots.len() > ROOTS_MAX || self.roots.iter().any(|root| root.len() > ROOT_MAX) {
            return too_large(Role::Root);
        }
        if self.list.as_ref().is_some_and(|list| list.len() > TRUST_MAX) {
            return too_large(Role::List);
        }
        if self.head.len() > SIGNATURES_MAX || self.head.iter().map(String::len).sum::<usize>() > HEAD_MAX {
            return too_large(Role::Head);
        }
        Ok(())
    }

    /// Reads a file of at most [`BUNDLE_MAX`] bytes. Errors: `too_large`, `duplicate_key`, `malformed`, `unsupported` for another
    /// schema.
    pub fn parse(text: &[u8]) -> Result<Bundle, Problem> {
        let value = json::parse(text, BUNDLE_MAX)?;
        if value.get("schema").and_then(serde_json::Value::as_str) != Some(BUNDLE_SCHEMA) {
            return Err(Problem::new(Code::Unsupported, "schema"));
        }
        let file = File::deserialize(&value).map_err(|_| Problem::new(Code::Malformed, "bundle"))?;
        Bundle::assemble(file.roots, file.list, file.head)
    }

    /// The file: JSON, indented.
    pub fn to_text(&self) -> Result<String, Problem> {
        let file = File {
            schema: BUNDLE_SCHEMA.to_owned(),
            roots: self.roots.clone(),
            list: self.list.clone(),
            head: self.head.clone(),
        };
        serde_json::to_string_pretty(&file).map_err(|_| Code::Internal.into())
    }
}
