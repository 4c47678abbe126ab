//! What an anchor's home does in a ceremony: catches up with what a proposal rests on, signs with the keys that it takes, and makes
//! bundles of what enough have signed. It never signs two documents of one number unless it is told to.

use super::{FIRST, HEAD_SECONDS, show};
use crate::ceremony::proposal::{After, Base, Kind, Opened, PROPOSAL_MAX, PROPOSAL_SCHEMA, Proposal, next};
use crate::clock;
use crate::error::Failure;
use crate::output::{At, hex, sha256};
use crate::service::{AnchorName, Service, keys, lock};
use credentials::trust::{Bundle, Draft, Fingerprint, Head, List, Role, Root, Version};
use credentials::{Code, Problem, SigningKey, VerifyingKey, canonical};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Row with what this home has signed.
const SIGNED: &str = "trust-signed";
/// Where a bundle came from that a ceremony rests on.
const CEREMONY: &str = "ceremony";

/// A document that this home has signed: its number, and the hash of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Signed {
    kind: Kind,
    /// Version of the newest root under which it was signed.
    root: u64,
    version: u64,
    hash: String,
}

/// A proposal as this home sees it.
struct Examined {
    proposal: Proposal,
    opened: Opened,
    /// Keys of this home that have to sign.
    signers: Vec<Arc<SigningKey>>,
    signed: Signed,
    /// Whether this home has signed another of the same number.
    is_second: bool,
}

impl Service {
    fn anchor(&self) -> Result<&keys::AnchorKeys, Failure> {
        let anchor = self.keys.anchor();
        anchor.ok_or_else(|| Problem::new(Code::WrongRole, "anchor").into())
    }

    /// Makes this organisation's home an anchor's too: a head key and nothing else.
    pub(in crate::service) fn become_anchor(&self, name: AnchorName) -> Result<Value, Failure> {
        if self.keys.organisation().is_none() {
            return Err(Problem::new(Code::WrongRole, "organisation").into());
        }
        let anchor = self.keys.become_anchor(&self.store, name)?;
        value(anchor.card())
    }

    /// The anchor's card, with a new key of a role where that is asked.
    pub(in crate::service) fn anchor_card(&self, new_key: Option<Role>) -> Result<Value, Failure> {
        let anchor = self.anchor()?;
        if let Some(role) = new_key {
            anchor.renew(&self.store, role)?;
        }
        value(anchor.card())
    }

    /// What a proposal of this home rests on: everything it holds, and the newest list where no root in force vouches for one.
    pub(in crate::service) fn trust_base(&self) -> Result<Value, Failure> {
        let bundle = self.bundle().ok_or(Code::AnchorMissing)?;
        let content = match &bundle.list {
            Some(_) => None,
            None => self.newest_list()?,
        };
        Ok(json!({ "schema": "trust-base/v1", "bundle": bundle.to_text()?, "content": content }))
    }

    /// Checks a proposal as the anchor that is to sign it: what it rests on is the newest that this home has seen, every signature
    /// holds, and there is something for this home to sign.
    fn examine(&self, text: &str) -> Result<Examined, Failure> {
        let anchor = self.anchor()?;
        let proposal = Proposal::parse(text.as_bytes())?;
        let (fingerprint, is_settled) = {
            let keeper = lock(&self.keeper)?;
            (keeper.fingerprint(), keeper.known.is_some())
        };
        let opened = match &proposal.before {
            // Somebody who vouches for a network does not found another in the same home.
            None if is_settled => return Err(Problem::new(Code::TrustRollback, Role::Root.as_str()).into()),
            None => proposal.open(None)?,
            Some(before) => {
                let opened = proposal.open(fingerprint.as_ref())?;
                if let Some(base) = &opened.base {
                    self.rest_on(before, base, &opened)?;
                }
                opened
            }
        };
        let now = clock::now();
        if opened.issued() > now.plus(credentials::trust::CLOCK_SKEW) {
            return Err(Problem::new(Code::ClockSuspect, opened.issued().to_string()).into());
        }
        if opened.expires() <= now {
            return Err(Problem::new(Code::TrustStale, proposal.kind.role().as_str()).into());
        }
        let role = proposal.kind.role();
        let may = |key: &VerifyingKey| opened.judges().iter().any(|root| root.has(role, key));
        let ours: Vec<_> = anchor
            .of(role)
            .into_iter()
            .filter(|key| may(&key.verifying_key()))
            .collect();
        if ours.is_empty() {
            return Err(Problem::new(Code::UnknownKey, role.as_str()).into());
        }
        let mut signers = ours;
        signers.retain(|key| !opened.signed.contains(&key.verifying_key()));
        if signers.is_empty() {
            return Err(Problem::new(
                Code::TrustThreshold,
                format!("{role}: signed by {} already", anchor.name().id),
            )
            .into());
        }
        let signed = Signed {
            kind: proposal.kind,
            root: opened.base.as_ref().map_or(0, |base| base.newest().root().version),
            version: opened.version(),
            hash: content_hash(&opened.after)?,
        };
        // Where a root took the list keys away, numbers are counted anew from there.
        let since = match proposal.kind {
            Kind::Root => 0,
            Kind::List => opened.base.as_ref().map_or(0, counted_from),
        };
        let is_rival = |before: &Signed| {
            (before.kind, before.version) == (signed.kind, signed.version)
                && before.hash != signed.hash
                && before.root >= since
        };
        let is_second = self.signed()?.iter().any(is_rival);
        Ok(Examined {
            proposal,
            opened,
            signers,
            signed,
            is_second,
        })
    }

    /// Takes what a proposal rests on where that is newer than what this home has seen; refuses what is older, or says other things
    /// under the same numbers.
    fn rest_on(&self, before: &Bundle, base: &Base, opened: &Opened) -> Result<(), Failure> {
        let root = base.newest().root().version;
        let list = base.list().map(|list| list.draft().sequence);
        let seen = {
            let keeper = lock(&self.keeper)?;
            keeper.known.as_ref().map(|known| (known.version(), known.bundle()))
        };
        if let Some((seen, held)) = &seen {
            if root < seen.root {
                return Err(Problem::new(Code::TrustRollback, Role::Root.as_str()).into());
            }
            // Under a root that no list has been signed for yet there is none to be based on; the number counts on all the same.
            let is_older = held.list.is_some() && list.unwrap_or(0) < seen.list;
            let is_spent = matches!(&opened.after, After::List(draft) if draft.sequence <= seen.list);
            if root == seen.root && (is_older || is_spent) {
                return Err(Problem::new(Code::TrustRollback, Role::List.as_str()).into());
            }
            // Heads come and go while a stick is carried: the same root and list are the same base.
            if root == seen.root
                && list == Some(seen.list)
                && let (Some(held), Some(new)) = (&held.list, base.list())
                && List::open(held, base.newest().root())?.hash() == new.hash()
            {
                return Ok(());
            }
        }
        self.take_late(before, CEREMONY)?;
        Ok(())
    }

    /// What a proposal changes, who has signed it, and what signing it here would add.
    pub(in crate::service) fn examine_proposal(&self, text: &str) -> Result<Value, Failure> {
        let examined = self.examine(text)?;
        let mut shown = show::proposal(&examined.proposal, &examined.opened)?;
        let by = self.anchor()?.name();
        shown.put("by", json!(by.id));
        shown.put("hash", json!(examined.signed.hash));
        shown.put("second", json!(examined.is_second));
        Ok(shown)
    }

    /// Signs the proposal whose content has this hash, with every key of this home that its root or the root before asks for. What
    /// was signed is durable before the signature leaves.
    ///
    /// Errors: `wrong_request` when the content is another than was shown; `trust_conflict` when this home has signed another of
    /// the same number, unless `instead`.
    pub(in crate::service) fn sign_proposal(&self, text: &str, hash: &str, instead: bool) -> Result<Value, Failure> {
        let Examined {
            mut proposal,
            opened,
            signers,
            signed,
            is_second,
        } = self.examine(text)?;
        if signed.hash != hash {
            return Err(Problem::new(Code::WrongRequest, "the proposal has changed since it was shown").into());
        }
        if is_second && !instead {
            let what = format!("{}: another {} is signed", signed.kind.role(), signed.version);
            return Err(Problem::new(Code::TrustConflict, what).into());
        }
        let now = clock::now();
        self.note_signed(&signed, &opened)?;
        let before = opened.base.as_ref().map(|base| base.newest().root());
        for signer in signers {
            proposal.document = match (&opened.after, before) {
                (After::Root(_), before) => Root::sign(&proposal.document, before, now, &*signer)?,
                (After::List(_), Some(root)) => List::sign(&proposal.document, root, now, &*signer)?,
                (After::List(_), None) => return Err(Code::Internal.into()),
            };
        }
        let signed = proposal.open(lock(&self.keeper)?.fingerprint().as_ref())?;
        let mut answer = show::proposal(&proposal, &signed)?;
        answer.put("schema", json!("trust-signed/v1"));
        answer.put("proposal", json!(proposal.to_text()?));
        Ok(answer)
    }

    fn signed(&self) -> Result<Vec<Signed>, Failure> {
        match self.store.table(keys::TABLE).get(SIGNED)? {
            None => Ok(Vec::new()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e)),
        }
    }

    /// Who signs the first root of all has chosen whom to trust.
    fn note_signed(&self, signed: &Signed, opened: &Opened) -> Result<(), Failure> {
        /// Most that are remembered: thirty years of weekly lists.
        const SIGNED_MAX: usize = 2_000;
        let mut all = self.signed()?;
        if !all.contains(signed) {
            all.push(signed.clone());
        }
        if all.len() > SIGNED_MAX {
            all.remove(0);
        }
        let bytes = serde_json::to_vec(&all).map_err(|e| Failure::because(Code::Internal, e))?;
        let table = self.store.table(keys::TABLE);
        let mut transaction = self.store.transaction();
        transaction.put(&table, SIGNED, &bytes);
        let mut keeper = lock(&self.keeper)?;
        if let (After::Root(root), None) = (&opened.after, &opened.base) {
            let first = root.fingerprint()?;
            transaction.put(&table, FIRST, first.to_string().as_bytes());
            keeper.first = Some(first);
        }
        transaction.commit()?;
        Ok(())
    }

    /// Makes a bundle: of proposals that enough have signed, of a bundle whose head lacks signatures, or, of nothing, with a new
    /// head for the list in force. The head is signed here; the result is taken by this home before it is given out.
    ///
    /// Errors: `trust_threshold` with who is missing; `unknown_key` when there is a list and no head key here; as taking a bundle.
    pub(in crate::service) fn publish(&self, files: &[String], hours: u32) -> Result<Value, Failure> {
        let anchor = self.anchor()?;
        let parts = self.parts(files)?;
        let newest = parts.base.newest();
        let mut heads = Vec::new();
        if let Some(list) = &parts.list {
            let signers = anchor.of(Role::Head);
            let signer = signers
                .iter()
                .find(|key| newest.root().has(Role::Head, &key.verifying_key()));
            let signer = signer.ok_or_else(|| Problem::new(Code::UnknownKey, Role::Head.as_str()))?;
            let head = match Head::read(&parts.head) {
                Ok(head) if !parts.head.is_empty() => {
                    heads.clone_from(&parts.head);
                    head
                }
                _ => self.next_head(&parts.base, list, hours)?,
            };
            heads.push(head.sign(newest.root(), &**signer)?);
        }
        let roots = parts.base.roots().iter().map(|root| root.text().to_owned());
        let bundle = Bundle::assemble(
            roots.collect(),
            parts.list.as_ref().map(|list| list.text().to_owned()),
            heads,
        )?;
        let needed = usize::from(newest.root().thresholds.head);
        let is_whole = parts.list.is_none() || bundle.head.len() >= needed;
        if is_whole {
            self.take_bundle(&bundle, CEREMONY)?;
        }
        let head = (!bundle.head.is_empty())
            .then(|| Head::read(&bundle.head))
            .transpose()?;
        Ok(json!({
            "schema": "trust-published/v1", "root": newest.root().version,
            "fingerprint": Fingerprint(parts.base.roots().first().map_or([0; 32], |first| first.hash())),
            "list": parts.list.as_ref().map(|list| list.draft().sequence), "head": head.as_ref().map(|head| head.version),
            "head_expires": head.map(|head| head.expires.to_string()), "head_signatures": bundle.head.len(),
            "head_needed": needed, "whole": is_whole, "list_missing": parts.is_list_missing, "bundle": bundle.to_text()?,
        }))
    }

    fn next_head(&self, base: &Base, list: &List, hours: u32) -> Result<Head, Failure> {
        let now = clock::now();
        let seen = self.head_version().unwrap_or_default();
        let is_same = (seen.root, seen.list) == (base.newest().root().version, list.draft().sequence);
        let seconds = i64::from(hours).saturating_mul(3_600).min(HEAD_SECONDS);
        Ok(Head {
            root: base.newest().root().version,
            root_hash: base.newest().hash(),
            list: list.draft().sequence,
            list_hash: list.text_hash(),
            list_size: u32::try_from(list.text().len()).map_err(|_| Code::TooLarge)?,
            version: if is_same { next(seen.head)? } else { 1 },
            issued: now,
            expires: now.plus(seconds),
        })
    }

    /// What a bundle is to be made of: the longest chain of roots among the files, a proposed root at its end, the proposed list or
    /// else the one before where the newest root vouches for it.
    fn parts(&self, files: &[String]) -> Result<Parts, Failure> {
        let fingerprint = lock(&self.keeper)?.fingerprint();
        let mut chain = self.bundle().unwrap_or_default();
        let (mut root, mut list, mut head) = (None, None, Vec::new());
        for file in files {
            let Some(proposal) = proposal_of(file)? else {
                let bundle = Bundle::parse(file.as_bytes())?;
                head.clone_from(&bundle.head);
                chain = longer(chain, bundle);
                continue;
            };
            let opened = proposal.open(fingerprint.as_ref())?;
            if let Some(count) = opened.counts().into_iter().find(|count| !count.enough) {
                let role = proposal.kind.role();
                let detail = format!("{role}: {} of {}", count.anchors.len(), count.needed);
                return Err(Problem::new(Code::TrustThreshold, detail).into());
            }
            if let Some(before) = proposal.before {
                chain = longer(chain, before);
            }
            match opened.after {
                After::Root(proposed) => root = Some((proposal.document, proposed)),
                After::List(_) => list = Some(proposal.document),
            }
        }
        if let Some((text, proposed)) = root {
            let place = usize::try_from(proposed.version)
                .unwrap_or(usize::MAX)
                .saturating_sub(1);
            match chain.roots.get(place) {
                // Published before, maybe with other signatures.
                Some(known) if Root::read(known)? == proposed => {}
                Some(_) => return Err(Problem::new(Code::TrustConflict, Role::Root.as_str()).into()),
                None if place == chain.roots.len() => chain.roots.push(text),
                None => return Err(Problem::new(Code::TrustMismatch, "root: version").into()),
            }
        }
        let before = chain.list.take();
        let first = fingerprint.ok_or(Code::AnchorMissing)?;
        let base = Base::open(&chain, None, &first)?;
        let newest = base.newest().root();
        let (list, is_list_missing) = match (list, before) {
            (Some(proposed), _) => (Some(List::open(&proposed, newest)?), false),
            // A root that took the right to sign from those who signed the list leaves none: another is to be signed first.
            (None, Some(before)) => match List::open(&before, newest) {
                Ok(list) => (Some(list), false),
                Err(_) => (None, true),
            },
            (None, None) => (None, false),
        };
        Ok(Parts {
            base,
            list,
            head,
            is_list_missing,
        })
    }
}

/// What a bundle is made of.
struct Parts {
    base: Base,
    list: Option<List>,
    /// Signatures that a head has already.
    head: Vec<String>,
    is_list_missing: bool,
}

/// A file as a proposal, or `None` when it is something else.
fn proposal_of(text: &str) -> Result<Option<Proposal>, Problem> {
    let value = credentials::json::parse(text.as_bytes(), PROPOSAL_MAX)?;
    if value.get("schema").and_then(Value::as_str) == Some(PROPOSAL_SCHEMA) {
        Proposal::parse(text.as_bytes()).map(Some)
    } else {
        Ok(None)
    }
}

/// The one that goes further: more roots, then a newer list.
fn longer(ours: Bundle, theirs: Bundle) -> Bundle {
    let reach = |bundle: &Bundle| {
        (
            bundle.roots.len(),
            Head::read(&bundle.head).map_or(Version::default(), |h| h.number()),
        )
    };
    if reach(&theirs) > reach(&ours) { theirs } else { ours }
}

/// Version of the last root that set the numbers of lists back; 0 when none did.
fn counted_from(base: &Base) -> u64 {
    let pairs = base.roots().iter().zip(base.roots().iter().skip(1));
    let resets = pairs.filter(|(before, root)| root.root().takes_threshold_from(before.root(), Role::List));
    resets.map(|(_, root)| root.root().version).max().unwrap_or(0)
}

/// SHA-256 of what a document says, whoever has signed it; hex.
fn content_hash(after: &After) -> Result<String, Problem> {
    let document = match after {
        After::Root(root) => root.to_value(),
        After::List(draft) => Draft::to_value(draft),
    };
    Ok(hex(&sha256(&canonical::canonicalize(&document)?)))
}

fn value(view: impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(view).map_err(|e| Failure::because(Code::Internal, e))
}
