//! A signed list: a [`Draft`] with the proofs of list keys.

use super::anchor::Role;
use super::head::Head;
use super::layout::Layout;
use super::root::Root;
use super::{Draft, TRUST_MAX, document, signatures};
use crate::service::Registration;
use crate::{Code, Problem, Timestamp, VerifyingKey, canonical, key::Signer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A list whose signatures were checked against a root. Says nothing about whether it is the newest: a head does.
#[derive(Clone, Debug)]
pub struct List {
    draft: Draft,
    text: String,
    text_hash: [u8; 32],
    hash: [u8; 32],
    /// Each registration once, as the organisations share them.
    registrations: Vec<Arc<Registration>>,
    /// Of a text that is its own canonical form.
    layout: Option<Layout>,
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
        let plain = canonical::canonicalize_signed(&document, "proof", None)?;
        let hash = Sha256::digest(&plain).into();
        check_signatures(&document, root, hash)?;
        let is_canonical = is_canonical(text, &plain, &document)?;
        let (draft, registrations) = document::read(&Value::Object(document))
            .and_then(|(draft, registrations)| draft.check().map(|()| (draft, registrations)))
            .map_err(|problem| signatures::at(Role::List, problem))?;
        check_keys(&draft, root)?;
        Ok(List {
            draft,
            text: text.to_owned(),
            text_hash: text_hash(text),
            hash,
            registrations,
            layout: is_canonical.then(|| Layout::of(text, None)).flatten(),
        })
    }

    /// As [`List::open`], reading of a list that is mostly `before` only what is other. The result is the same.
    pub fn open_after(text: &str, root: &Root, before: &List) -> Result<List, Problem> {
        match List::open_news(text, root, before) {
            Some(list) => Ok(list),
            None => List::open(text, root),
        }
    }

    /// `None` for whatever is not known to be good by this way.
    pub(super) fn open_news(text: &str, root: &Root, before: &List) -> Option<List> {
        if text.len() > TRUST_MAX {
            return None;
        }
        let layout = Layout::of(text, Some((&before.text, before.layout.as_ref()?)))?;
        // What is new, as a list of its own: read, and compared with its canonical form, by the same rules as any.
        let news = layout.news(text)?;
        let document = signatures::parse(&news, TRUST_MAX, Role::List).ok()?;
        let plain = canonical::canonicalize_signed(&document, "proof", None).ok()?;
        if !is_canonical(&news, &plain, &document).ok()? {
            return None;
        }
        // The parts that stay were canonical in a canonical list, and so is the whole.
        let unsigned = layout.unsigned(text)?;
        let begun = Sha256::new().chain_update(unsigned);
        let hash = begun.clone().chain_update(b"}").finalize().into();
        let rest = text.get(unsigned.len()..)?;
        check_signatures(&document, root, hash).ok()?;
        let (read, registrations) = document::read(&Value::Object(document)).ok()?;
        // What organisations may ask is said by the place of a registration in this table.
        if registrations != before.registrations {
            return None;
        }
        let shared = |registration: Arc<Registration>| {
            let known = before.registrations.iter().find(|known| **known == registration);
            known.map_or(registration, Arc::clone)
        };
        let mut new = read.organisations.into_iter().map(|mut new| {
            new.services = new.services.into_iter().map(shared).collect();
            new
        });
        let organisations = layout.kept.iter().map(|kept| match kept {
            Some(place) => before.draft.organisations.get(*place).cloned(),
            None => new.next(),
        });
        let draft = Draft {
            organisations: organisations.collect::<Option<_>>()?,
            ..read
        };
        draft.check().ok()?;
        check_keys(&draft, root).ok()?;
        Some(List {
            draft,
            text: text.to_owned(),
            text_hash: begun.chain_update(rest).finalize().into(),
            hash,
            registrations: before.registrations.clone(),
            layout: Some(layout),
        })
    }

    pub(super) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
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

    /// Whether a head names exactly this text.
    pub(super) fn is_named(&self, head: &Head) -> bool {
        u32::try_from(self.text.len()).is_ok_and(|size| size == head.list_size) && self.text_hash == head.list_hash
    }

    /// SHA-256 of the canonical document without proofs: equal for two texts that say the same and are signed by others.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

fn check_signatures(document: &Map<String, Value>, root: &Root, hash: [u8; 32]) -> Result<(), Problem> {
    let keys = signatures::check_hashed(document, Role::List, &|key| root.has(Role::List, key), hash)?;
    match root.tally(Role::List, &keys).is_enough() {
        true => Ok(()),
        false => Err(Problem::new(Code::TrustThreshold, Role::List.as_str())),
    }
}

/// Whether a text is the canonical form of its document; `plain` is that of the document without its proof.
fn is_canonical(text: &str, plain: &[u8], document: &Map<String, Value>) -> Result<bool, Problem> {
    let (Some(proof), Some((b'}', plain))) = (document.get("proof"), plain.split_last()) else {
        return Ok(false);
    };
    let proof = canonical::canonicalize(proof)?;
    let parts = [plain, br#","proof":"#, &proof, b"}"];
    Ok(text.len() == parts.iter().map(|part| part.len()).sum::<usize>() && text.as_bytes() == parts.concat())
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
