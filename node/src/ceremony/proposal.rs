//! A proposal: a root or list that is to come, with the bundle before it and the signatures so far. One file.
//!
//! ```json
//! {"schema": "trust-proposal/v1", "kind": "list", "before": {"schema": "trust-bundle/v1", …}, "content": null,
//!  "document": {"LoTE": …, "proof": […]}}
//! ```
//!
//! `before` is missing for the first root of all. `content` is a list text that the new one goes on from where `before` has none
//! that its root vouches for: after anchors were replaced.

use credentials::trust::{
    BUNDLE_MAX, Bundle, Draft, Fingerprint, List, Role, Root, SignedRoot, TRUST_MAX, Tally, VERSION_MAX,
};
use credentials::{Code, Problem, Timestamp, VerifyingKey, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Schema of a proposal's JSON.
pub const PROPOSAL_SCHEMA: &str = "trust-proposal/v1";
/// Largest proposal: a bundle, a list to go on from and a list.
pub const PROPOSAL_MAX: usize = BUNDLE_MAX + 2 * TRUST_MAX;

/// What is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A root.
    Root,
    /// A list.
    List,
}

impl Kind {
    /// The role whose keys sign it.
    pub fn role(self) -> Role {
        match self {
            Kind::Root => Role::Root,
            Kind::List => Role::List,
        }
    }
}

/// A proposal as it is carried; nothing in it is checked but its form and size.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What it is.
    pub kind: Kind,
    /// What it is based on.
    pub before: Option<Bundle>,
    /// The list it goes on from, where `before` has none.
    pub content: Option<String>,
    /// The root or list, with its signatures so far.
    pub document: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    kind: Kind,
    #[serde(default)]
    before: Option<Value>,
    #[serde(default)]
    content: Option<String>,
    document: Value,
}

impl Proposal {
    /// Reads a file of at most [`PROPOSAL_MAX`] bytes. Errors: `too_large`, `duplicate_key`, `malformed`, `unsupported` for another
    /// schema.
    pub fn parse(text: &[u8]) -> Result<Proposal, Problem> {
        let value = json::parse(text, PROPOSAL_MAX)?;
        if value.get("schema").and_then(Value::as_str) != Some(PROPOSAL_SCHEMA) {
            return Err(Problem::new(Code::Unsupported, "schema"));
        }
        let file = File::deserialize(&value).map_err(|_| Problem::new(Code::Malformed, "proposal"))?;
        let before = match file.before {
            None | Some(Value::Null) => None,
            Some(bundle) => Some(Bundle::parse(bundle.to_string().as_bytes())?),
        };
        Ok(Proposal {
            kind: file.kind,
            before,
            content: file.content,
            document: written(file.kind, &file.document)?,
        })
    }

    /// The file: JSON, indented.
    pub fn to_text(&self) -> Result<String, Problem> {
        let internal = |_| Problem::from(Code::Internal);
        let before = self.before.as_ref().map(Bundle::to_text).transpose()?;
        let file = File {
            schema: PROPOSAL_SCHEMA.to_owned(),
            kind: self.kind,
            before: before
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(internal)?,
            content: self.content.clone(),
            document: serde_json::from_str(&self.document).map_err(internal)?,
        };
        serde_json::to_string_pretty(&file).map_err(internal)
    }

    /// A new root that nobody has signed.
    pub fn root(before: Option<Bundle>, root: &Root) -> Result<Proposal, Problem> {
        root.check()?;
        Ok(Proposal {
            kind: Kind::Root,
            before,
            content: None,
            document: written(Kind::Root, &root.to_value())?,
        })
    }

    /// A new list that nobody has signed.
    pub fn list(before: Bundle, content: Option<String>, draft: &Draft) -> Result<Proposal, Problem> {
        draft.check()?;
        Ok(Proposal {
            kind: Kind::List,
            before: Some(before),
            content,
            document: written(Kind::List, &draft.to_value())?,
        })
    }

    /// Whether somebody has signed it: then it can only be signed by others, or made anew.
    pub fn is_signed(&self) -> bool {
        serde_json::from_str::<Value>(&self.document).is_ok_and(|document| document.get("proof").is_some())
    }

    /// Checks every signature from the first root on, which must have this fingerprint, and that the proposal is the very next
    /// version. Without a fingerprint only the first root of all can be read.
    ///
    /// Errors: as those of the documents; `anchor_missing` when there is no fingerprint to check from; `trust_mismatch` when the
    /// version is not the next one.
    pub fn open(&self, fingerprint: Option<&Fingerprint>) -> Result<Opened, Problem> {
        let base = match (&self.before, fingerprint) {
            (None, _) => None,
            (Some(_), None) => return Err(Code::AnchorMissing.into()),
            (Some(bundle), Some(fingerprint)) => Some(Base::open(bundle, self.content.as_deref(), fingerprint)?),
        };
        let document = serde_json::from_str(&self.document).map_err(|_| Problem::from(Code::Internal))?;
        let out_of_turn = || Problem::new(Code::TrustMismatch, format!("{}: version", self.kind.role()));
        let (after, signed) = match (self.kind, &base) {
            (Kind::Root, base) => {
                let root = Root::from_value(&document)?;
                let before = base.as_ref().map(|base| base.newest().root());
                let next = before.map_or(Some(1), |before| before.version.checked_add(1));
                if Some(root.version) != next {
                    return Err(out_of_turn());
                }
                let signed = Root::signers(&self.document, before)?;
                (After::Root(root), signed)
            }
            (Kind::List, None) => return Err(Problem::new(Code::Malformed, "proposal: before")),
            (Kind::List, Some(base)) => {
                let draft = Draft::from_value(&document)?;
                let next = base.content().map_or(1, |list| list.draft().sequence.saturating_add(1));
                if draft.sequence != next {
                    return Err(out_of_turn());
                }
                let signed = List::signers(&self.document, base.newest().root())?;
                (After::List(draft), signed)
            }
        };
        Ok(Opened { base, after, signed })
    }
}

/// A document's text: a list without spaces, because everybody's node fetches it; a root as people read it.
fn written(kind: Kind, document: &Value) -> Result<String, Problem> {
    match kind {
        Kind::List => serde_json::to_string(document),
        Kind::Root => serde_json::to_string_pretty(document),
    }
    .map_err(|_| Code::Internal.into())
}

/// What a proposal or bundle rests on, with every signature checked.
#[derive(Debug)]
pub struct Base {
    roots: Vec<SignedRoot>,
    list: Option<List>,
    content: Option<List>,
}

impl Base {
    /// Checks the roots from the one with this fingerprint on, and that the newest of them vouches for the list. `content` may be
    /// signed by the keys of any of the roots.
    pub fn open(bundle: &Bundle, content: Option<&str>, fingerprint: &Fingerprint) -> Result<Base, Problem> {
        bundle.check()?;
        let mut texts = bundle.roots.iter();
        let first = texts.next().ok_or_else(|| Problem::new(Code::Malformed, "root"))?;
        let mut roots = vec![SignedRoot::first(first, fingerprint)?];
        for text in texts {
            let next = roots.last().ok_or(Code::Internal)?.next(text)?;
            roots.push(next);
        }
        let newest = roots.last().ok_or(Code::Internal)?.root();
        let list = bundle
            .list
            .as_deref()
            .map(|text| List::open(text, newest))
            .transpose()?;
        let content = content.map(|text| vouched(&roots, text)).transpose()?;
        Ok(Base { roots, list, content })
    }

    /// The newest root.
    pub fn newest(&self) -> &SignedRoot {
        self.roots
            .last()
            .expect("`open` is the only maker, and puts the first root in")
    }

    /// Every root, the first one first.
    pub fn roots(&self) -> &[SignedRoot] {
        &self.roots
    }

    /// The list in force.
    pub fn list(&self) -> Option<&List> {
        self.list.as_ref()
    }

    /// The list that the next one goes on from: the one in force, else the one that was named for that.
    pub fn content(&self) -> Option<&List> {
        self.list.as_ref().or(self.content.as_ref())
    }

    /// Whether the next list goes on from one that the newest root does not vouch for.
    pub fn begins_anew(&self) -> bool {
        self.list.is_none() && self.content.is_some()
    }
}

/// A list by the keys of whichever root vouches for it, the newest first; else what the newest says against it.
pub fn vouched(roots: &[SignedRoot], text: &str) -> Result<List, Problem> {
    let mut refused = None;
    for root in roots.iter().rev() {
        match List::open(text, root.root()) {
            Ok(list) => return Ok(list),
            Err(problem) => refused = refused.or(Some(problem)),
        }
    }
    Err(refused.unwrap_or_else(|| Code::AnchorMissing.into()))
}

/// The document of a proposal.
#[derive(Debug)]
pub enum After {
    /// A root.
    Root(Root),
    /// A list.
    List(Draft),
}

/// A proposal whose signatures were checked, those so far.
#[derive(Debug)]
pub struct Opened {
    /// What it rests on; `None` for the first root of all.
    pub base: Option<Base>,
    /// What it says.
    pub after: After,
    /// Keys that have signed it.
    pub signed: Vec<VerifyingKey>,
}

/// Who has signed, by one root's anchors.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// Version of the root whose anchors these are; of the proposed one where it is a root itself.
    pub root: u64,
    /// Their short words.
    pub anchors: Vec<String>,
    /// How many it takes.
    pub needed: u8,
    /// Whether they are enough, and of enough classes.
    pub enough: bool,
}

impl Opened {
    /// Version number of the document.
    pub fn version(&self) -> u64 {
        match &self.after {
            After::Root(root) => root.version,
            After::List(draft) => draft.sequence,
        }
    }

    /// When it begins to count.
    pub fn issued(&self) -> Timestamp {
        match &self.after {
            After::Root(root) => root.issued,
            After::List(draft) => draft.issued,
        }
    }

    /// When it ends.
    pub fn expires(&self) -> Timestamp {
        match &self.after {
            After::Root(root) => root.expires,
            After::List(draft) => draft.next_update,
        }
    }

    /// The roots whose anchors have to sign: of a root the one before and itself, of a list the newest.
    pub fn judges(&self) -> Vec<&Root> {
        let before = self.base.as_ref().map(|base| base.newest().root());
        match &self.after {
            After::Root(root) => before.into_iter().chain([root]).collect(),
            After::List(_) => before.into_iter().collect(),
        }
    }

    /// Who has signed so far, root by root.
    pub fn counts(&self) -> Vec<Count> {
        let role = match &self.after {
            After::Root(_) => Role::Root,
            After::List(_) => Role::List,
        };
        let count = |root: &&Root| {
            let Tally {
                anchors,
                anchors_needed,
                ..
            } = root.tally(role, &self.signed);
            Count {
                root: root.version,
                anchors: anchors.into_iter().collect(),
                needed: anchors_needed,
                enough: root.tally(role, &self.signed).is_enough(),
            }
        };
        self.judges().iter().map(count).collect()
    }

    /// Whether enough have signed.
    pub fn is_enough(&self) -> bool {
        self.counts().iter().all(|count| count.enough)
    }
}

/// The next version number of a root or list. Errors: `too_large` at the end of all numbers.
pub fn next(version: u64) -> Result<u64, Problem> {
    let next = version.checked_add(1).filter(|next| *next <= VERSION_MAX);
    next.ok_or_else(|| Problem::new(Code::TooLarge, "version"))
}
