//! A signed list: a [`Draft`] with the proofs of list keys.

use super::anchor::Role;
use super::root::Root;
use super::{Draft, TRUST_MAX, signatures};
use crate::{Code, Problem, Timestamp, VerifyingKey, key::Signer, proof};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A list whose signatures were checked against a root. Says nothing about whether it is the newest: a head does.
#[derive(Clone, Debug)]
pub struct List {
    draft: Draft,
    text: String,
    text_hash: [u8; 32],
    hash: [u8; 32],
}

impl List {
    /// Adds one signature to a list's text (with or without earlier ones; [`Draft::to_value`] begins it), which is returned
    /// without white space. The signer must be a list key of `root`.
    ///
    /// Errors: `unknown_key`, `trust_threshold` when this key has signed it already, `malformed`, `too_large` and `unsupported`
    /// as [`Draft::from_value`].
    pub fn sign(text: &str, root: &Root, now: Timestamp, signer: &dyn Signer) -> Result<String, Problem> {
        let document = signatures::parse(text, TRUST_MAX, Role::List)?;
        let value = Value::Object(document);
        let draft = Draft::from_value(&value).map_err(|problem| signatures::at(Role::List, problem))?;
        check_keys(&draft, root)?;
        if !root.has(Role::List, &signer.verifying_key()) {
            return Err(Problem::new(Code::UnknownKey, Role::List.as_str()));
        }
        let Value::Object(document) = value else {
            return Err(Code::Internal.into());
        };
        signatures::text(
            &signatures::add(document, Role::List, now, signer)?,
            TRUST_MAX,
            Role::List,
        )
    }

    /// The keys that have validly signed this text so far, enough or not.
    pub fn signers(text: &str, root: &Root) -> Result<Vec<VerifyingKey>, Problem> {
        let document = signatures::parse(text, TRUST_MAX, Role::List)?;
        match document.contains_key("proof") {
            true => signatures::check(&document, Role::List, &|key| root.has(Role::List, key)),
            false => Ok(Vec::new()),
        }
    }

    /// Checks text and signatures: the threshold of list keys of `root`, by distinct anchors of two classes. Compares no time.
    ///
    /// Errors name the role `list`: `malformed`, `too_large`, `unsupported`, `duplicate_key`, `unknown_key`,
    /// `signature_invalid`, `trust_threshold`.
    pub fn open(text: &str, root: &Root) -> Result<List, Problem> {
        let document = signatures::parse(text, TRUST_MAX, Role::List)?;
        let keys = signatures::check(&document, Role::List, &|key| root.has(Role::List, key))?;
        if !root.tally(Role::List, &keys).is_enough() {
            return Err(Problem::new(Code::TrustThreshold, Role::List.as_str()));
        }
        let hash = proof::content_hash(&document, None)?;
        let draft =
            Draft::from_value(&Value::Object(document)).map_err(|problem| signatures::at(Role::List, problem))?;
        check_keys(&draft, root)?;
        Ok(List {
            draft,
            text: text.to_owned(),
            text_hash: text_hash(text),
            hash,
        })
    }

    /// The content.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The signed text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the signed text, byte for byte: what a head names and what is asked for by hash.
    pub fn text_hash(&self) -> [u8; 32] {
        self.text_hash
    }

    /// SHA-256 of the canonical document without proofs: equal for two texts that say the same and are signed by others.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

/// SHA-256 of a list's text.
pub fn text_hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// No key of an anchor is a key of an organisation too: a key signs under one name and for one purpose.
fn check_keys(draft: &Draft, root: &Root) -> Result<(), Problem> {
    let mut keys = draft.organisations.iter().flat_map(|organisation| &organisation.keys);
    match keys.any(|listed| root.anchor_of(&listed.key).is_some()) {
        true => Err(Problem::new(Code::Malformed, "list: key of an anchor")),
        false => Ok(()),
    }
}
