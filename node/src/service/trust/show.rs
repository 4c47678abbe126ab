//! Root, list and head as JSON, for `--json` and for words: of what is in force, of a bundle, of a proposal; and the history.

use super::{Keeper, history as kept};
use crate::ceremony::change;
use crate::ceremony::proposal::{After, Base, Opened, Proposal};
use crate::error::Failure;
use crate::output::hex;
use crate::service::{Service, lock};
use credentials::trust::history::Entry;
use credentials::trust::{Bundle, Draft, Fingerprint, Head, Role, Root, SignedRoot};
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};

/// Most entries of one answer.
const PAGE_ENTRIES: usize = 1_000;
/// Bytes of documents after which an answer takes no more: with a line of the longest, quoted once more, well within a frame.
const PAGE_BYTES: usize = 512 * 1024;

impl Service {
    /// What this home goes by. Errors: `trust_missing`.
    pub(in crate::service) fn show_trust(&self) -> Result<Value, Failure> {
        let trust = self.trust();
        let (bundle, first) = {
            let keeper = lock(&self.keeper)?;
            let known = keeper.known.as_ref().ok_or(Code::TrustMissing)?;
            (known.bundle(), known.fingerprint())
        };
        // A home that knows a root alone shows it; what others need is a list, so they are told that there is none.
        if trust.is_none() && self.keys.anchor().is_none() {
            return Err(Code::TrustMissing.into());
        }
        self::bundle(&bundle, &first)
    }

    /// Takes a bundle that a person brought, with the fingerprint of the first root where this home has none yet. An anchor's home
    /// that is no node's may be off for weeks: heads that have ended since are no reason to refuse what comes after them.
    pub(in crate::service) fn import_trust(&self, text: &str, root: Option<Fingerprint>) -> Result<Value, Failure> {
        let bundle = Bundle::parse(text.as_bytes())?;
        {
            let mut keeper = lock(&self.keeper)?;
            match (keeper.fingerprint(), root) {
                (None, None) => return Err(Code::AnchorMissing.into()),
                (Some(known), Some(named)) if known != named => {
                    return Err(Problem::new(Code::TrustMismatch, "root: fingerprint").into());
                }
                (Some(_), _) => {}
                (None, named) => keeper.first = named,
            }
        }
        let is_no_node = self.keys.organisation().is_none() && self.keys.anchor().is_some();
        let taken = match is_no_node {
            true => self.take_late(&bundle, "import"),
            false => self.take_bundle(&bundle, "import"),
        };
        if taken.is_err() {
            self.forget_first()?;
        }
        taken.map_err(|why| self.of_another_network(&bundle, why))?;
        if is_no_node && !bundle.head.is_empty() {
            self.gate.brought()?;
        }
        let keeper = lock(&self.keeper)?;
        let known = keeper.known.as_ref().ok_or(Code::Internal)?;
        self::bundle(&known.bundle(), &known.fingerprint())
    }

    /// A bundle of another network is named as that: not too few of our anchors have signed its first root, but none.
    fn of_another_network(&self, bundle: &Bundle, why: Failure) -> Failure {
        let is_other = || {
            let first = SignedRoot::of_itself(bundle.roots.first()?).ok()?;
            let own = lock(&self.keeper).ok()?.fingerprint()?;
            Some(first.root().version == 1 && first.root().fingerprint().ok()? != own)
        };
        if why.problem.code == Code::TrustThreshold && is_other() == Some(true) {
            return Problem::new(Code::TrustMismatch, "root: fingerprint").into();
        }
        why
    }

    /// A fingerprint that was only named, and brought nothing, was not accepted.
    fn forget_first(&self) -> Result<(), Failure> {
        let stored = Keeper::load(&self.store)?.first;
        let mut keeper = lock(&self.keeper)?;
        if keeper.known.is_none() {
            keeper.first = stored;
        }
        Ok(())
    }

    /// Fingerprint of the first root. Errors: `anchor_missing`.
    pub(in crate::service) fn first_root(&self) -> Result<Value, Failure> {
        let first = lock(&self.keeper)?.fingerprint().ok_or(Code::AnchorMissing)?;
        Ok(json!({ "schema": "trust-root/v1", "fingerprint": first }))
    }

    /// Versions that were taken, from a number on, with their documents as lines of an export where that is asked: as many as go
    /// into one answer, and as `next` the number to go on with, if there are more.
    pub(in crate::service) fn show_history(&self, from: u64, with_documents: bool) -> Result<Value, Failure> {
        let newest = self.newest_entry()?;
        let (mut shown, mut lines, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        let mut next = None;
        for number in from.max(1)..=newest {
            if shown.len() >= PAGE_ENTRIES || bytes >= PAGE_BYTES {
                next = Some(number);
                break;
            }
            let (entry, line) = self.entry(number)?;
            shown.push(json!({
                "number": entry.number, "taken": entry.taken.to_string(), "kind": entry.kind, "version": entry.version,
                "document": hex(&entry.document), "hash": hex(&entry.hash()),
            }));
            if with_documents {
                bytes = bytes.saturating_add(line.len());
                lines.push(line);
            }
        }
        Ok(json!({
            "schema": "trust-history/v1", "entries": shown, "next": next, "lines": with_documents.then_some(lines),
        }))
    }

    /// Number of the newest entry; 0 before the first.
    fn newest_entry(&self) -> Result<u64, Failure> {
        Ok(lock(&self.keeper)?.known.as_ref().map_or(0, |known| known.tip().number))
    }

    /// One entry, and its line.
    fn entry(&self, number: u64) -> Result<(Entry, String), Failure> {
        let entry = kept::entry(&self.store, number)?;
        let entry = entry.ok_or_else(|| Failure::because(Code::Damaged, format!("entry {number} of the history")))?;
        let line = entry.to_line()?;
        Ok((entry, line))
    }

    /// The newest list of the history.
    pub(super) fn newest_list(&self) -> Result<Option<String>, Failure> {
        for number in (1..=self.newest_entry()?).rev() {
            let (entry, _) = self.entry(number)?;
            if entry.kind == Role::List {
                return Ok(Some(entry.text));
            }
        }
        Ok(None)
    }
}

/// Everything of a bundle whose signatures are checked from the root with this fingerprint on.
pub fn bundle(bundle: &Bundle, first: &Fingerprint) -> Result<Value, Failure> {
    let base = Base::open(bundle, None, first)?;
    let newest = base.newest();
    let head = match (bundle.head.is_empty(), base.list()) {
        (true, _) => None,
        (false, None) => Some(Head::open(&bundle.head, newest.root())?),
        (false, Some(list)) => {
            let head = Head::open(&bundle.head, newest.root())?;
            let names = (head.root, head.root_hash, head.list, head.list_hash);
            if names
                != (
                    newest.root().version,
                    newest.hash(),
                    list.draft().sequence,
                    list.text_hash(),
                )
            {
                return Err(Problem::new(Code::TrustMismatch, "head").into());
            }
            Some(head)
        }
    };
    let mut shown = json!({
        "schema": "trust/v1", "first": first, "root": root(newest.root())?,
        "version": head.as_ref().map(|head| json!({ "root": head.root, "list": head.list, "head": head.version })),
        "head": head.as_ref().map(|head| json!({
            "version": head.version, "issued": head.issued.to_string(), "expires": head.expires.to_string(),
        })),
    });
    if let (Some(members), Some(list)) = (shown.as_object_mut(), base.list()) {
        members.insert("hash".to_owned(), json!(hex(&list.hash())));
        if let Value::Object(more) = self::list(list.draft()) {
            members.extend(more);
        }
    }
    Ok(shown)
}

fn list(draft: &Draft) -> Value {
    let organisations: Vec<Value> = draft
        .organisations
        .iter()
        .map(|o| {
            json!({
                "did": o.did, "number": o.number, "name": o.name, "issues": o.issues,
                "services": o.services.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(),
                "nodes": o.nodes.iter().map(|n| json!({"peer": n.peer, "addresses": n.addresses})).collect::<Vec<_>>(),
                "keys": o.keys.iter().map(|k| json!({
                    "kid": k.id, "from": k.valid_from.to_string(), "until": k.valid_until.to_string(),
                    "compromised": k.compromised.map(|at| at.to_string()),
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "sequence": draft.sequence, "operator": draft.operator, "issued": draft.issued.to_string(),
        "next_update": draft.next_update.to_string(), "organisations": organisations,
    })
}

fn root(root: &Root) -> Result<Value, Problem> {
    let anchors: Vec<Value> = root
        .anchors
        .iter()
        .map(|anchor| {
            let keys = |role: Role| {
                anchor
                    .keys
                    .of(role)
                    .iter()
                    .map(|key| Did::Key(*key))
                    .collect::<Vec<_>>()
            };
            json!({
                "id": anchor.id, "name": anchor.name, "class": anchor.class, "number": anchor.number,
                "keys": { "root": keys(Role::Root), "list": keys(Role::List), "head": keys(Role::Head) },
            })
        })
        .collect();
    Ok(json!({
        "version": root.version, "fingerprint": root.fingerprint()?, "issued": root.issued.to_string(),
        "expires": root.expires.to_string(), "thresholds": root.thresholds, "anchors": anchors,
    }))
}

/// What a proposal says, what it changes, and who has signed it.
pub fn proposal(proposal: &Proposal, opened: &Opened) -> Result<Value, Failure> {
    let base = opened.base.as_ref();
    let (changes, content) = match &opened.after {
        After::Root(after) => (
            change::roots(base.map(|base| base.newest().root()), after),
            root(after)?,
        ),
        After::List(after) => (
            change::lists(base.and_then(Base::content).map(|list| list.draft()), after),
            list(after),
        ),
    };
    let before = match (&opened.after, base) {
        (_, None) => None,
        (After::Root(_), Some(base)) => Some(base.newest().root().version),
        (After::List(_), Some(base)) => base.content().map(|list| list.draft().sequence),
    };
    Ok(json!({
        "schema": "trust-proposal-shown/v1", "kind": proposal.kind, "version": opened.version(), "before": before,
        "base_root": base.map(|base| base.newest().root().version), "begins_anew": base.is_some_and(Base::begins_anew),
        "issued": opened.issued().to_string(), "expires": opened.expires().to_string(), "content": content, "changes": changes,
        "signatures": opened.counts(), "enough": opened.is_enough(),
    }))
}

/// What changes from a bundle to another bundle or to what a proposal says: first the roots, then the lists.
pub fn changes(before: &str, after: &str, first: &Fingerprint) -> Result<Value, Failure> {
    let open = |text: &str| -> Result<(Root, Option<Draft>), Failure> {
        match Proposal::parse(text.as_bytes()) {
            Ok(proposal) => {
                let opened = proposal.open(Some(first))?;
                let base = opened
                    .base
                    .ok_or_else(|| Problem::new(Code::Usage, "diff: the first root of all"))?;
                Ok(match opened.after {
                    After::Root(root) => (root, base.list().map(|list| list.draft().clone())),
                    After::List(draft) => (base.newest().root().clone(), Some(draft)),
                })
            }
            Err(_) => {
                let base = Base::open(&Bundle::parse(text.as_bytes())?, None, first)?;
                Ok((
                    base.newest().root().clone(),
                    base.list().map(|list| list.draft().clone()),
                ))
            }
        }
    };
    let ((old_root, old_list), (new_root, new_list)) = (open(before)?, open(after)?);
    let mut changes = change::roots(Some(&old_root), &new_root);
    if let Some(new) = &new_list {
        changes.extend(change::lists(old_list.as_ref(), new));
    }
    Ok(json!({ "schema": "trust-diff/v1", "changes": changes }))
}
