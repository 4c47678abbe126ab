//! Signed notices (C10, service S11): numbered, hash-chained, signed by two keys of a register, received by everybody.
//!
//! A false notice closes a company's accounts, so one key alone publishes nothing. A [`Proposal`] is what is written, carried
//! to the second key and signed there; a [`Notice`] is one that two keys vouch for, and exists by [`Notice::open`] only. Its
//! number and the hash of the notice before it are under both signatures: whoever holds a register's notices 1 to *n* knows that
//! nothing is missing between them, and two notices under one number prove by themselves that something is wrong.
//!
//! What a notice says is apart from its place: a content that a receiver does not understand ([`Proposal::content`] is an
//! error) still takes its number, so that the ones after it are not held up; it acts on nothing.
//!
//! A receiver begins at number 1 or at a [`Checkpoint`], which names the last number before it and the openings that still
//! stand. Companies are named by number. A person is never named: the notice bears a [`Tag`] that only whoever had the
//! register evaluate that very number can compute ([`tag`], RFC 9497).

mod checkpoint;
mod paper;
pub mod tag;
mod vouched;

pub use checkpoint::{At, Checkpoint, OPENINGS_MAX, Opening, STATE_MAX};
pub use paper::Paper;
pub use tag::{KeyStatement, Tag};

use crate::identifier::OrganisationNumber;
use crate::key::Signer;
use crate::protocol;
use crate::protocol::notice::{DIGEST_MAX, Digest};
use crate::schema::NoticeType;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vouched::{Document, Of, PROOFS, exact_instant, hash_from, hash_text};

/// The type that the trust list names for a register of notices.
pub const VCT: &str = "urn:bevis:BankruptcyNotice:1";
/// The registration under which notices are received.
pub const SERVICE: &str = "S11";
/// Longest notice, in bytes: C10 with the longest names is a third of it.
pub const NOTICE_MAX: usize = 16 * 1024;
/// Largest number: numbers are JSON integers that every implementation reads alike.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;
/// What the first notice of a register names as the hash of the one before.
pub const NOTHING: [u8; 32] = [0; 32];

/// The second `type` of the document.
const TYPE: &str = "BankruptcyNotice";

/// What a notice tells the receiver to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Bankruptcy was opened: block the accounts.
    Aapning,
    /// The opening was wrong: open them again.
    Sletting,
    /// The order was set aside: the bank decides.
    Oppheving,
    /// The estate is closed: information.
    Avslutning,
}

impl Kind {
    /// The value of `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Aapning => "aapning",
            Kind::Sletting => "sletting",
            Kind::Oppheving => "oppheving",
            Kind::Avslutning => "avslutning",
        }
    }
}

/// Whom a notice is about: a company by its public number, a person by tags. Names decide nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Debtor {
    /// organisasjonsnummer
    Company(String),
    /// One tag for each key of the register that is in use.
    Person(Vec<Tag>),
}

impl Debtor {
    /// Whether two notices mean the same debtor: the same number, or a tag in common.
    pub fn is(&self, other: &Debtor) -> bool {
        match (self, other) {
            (Debtor::Company(one), Debtor::Company(two)) => one == two,
            (Debtor::Person(one), Debtor::Person(two)) => one.iter().any(|tag| two.contains(tag)),
            _ => false,
        }
    }

    /// From the member `debitor`.
    fn of(value: &Value) -> Option<Debtor> {
        if let Some(number) = value.get("organisasjonsnummer") {
            let number = OrganisationNumber::parse(number.as_str()?)?;
            return Some(Debtor::Company(number.to_string()));
        }
        let tags = value.get("merker")?.as_array()?;
        let tags: Option<Vec<Tag>> = tags.iter().map(Tag::of).collect();
        Some(Debtor::Person(tags?))
    }
}

/// What of a notice acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What to do.
    pub kind: Kind,
    /// Whom it is about.
    pub debtor: Debtor,
    /// The opening it is about, by `uuid`; always there in `sletting` and `oppheving`.
    pub about: Option<String>,
    /// Companies that the register names beside the debtor. For information: nothing of theirs is blocked.
    pub linked: Vec<String>,
}

/// A notice of the right form; of its signatures nothing is said.
#[derive(Clone)]
pub struct Proposal {
    register: Did,
    uuid: String,
    number: u64,
    previous: [u8; 32],
    registered: Timestamp,
    hash: [u8; 32],
    subject: Map<String, Value>,
    content: Result<Content, Problem>,
    text: String,
}

impl std::fmt::Debug for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proposal({} {})", self.register, self.number)
    }
}

/// The place that a new notice gets.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// Who publishes it.
    pub register: &'a Did,
    /// Name of the notice.
    pub uuid: &'a str,
    /// The number after the last one.
    pub number: u64,
    /// Hash of that one, or [`NOTHING`].
    pub previous: [u8; 32],
    /// When it was registered, not before the one before it.
    pub registered: Timestamp,
}

impl Proposal {
    /// Writes a notice: `subject` is C10 without the members that its place gives (`uuid`, `registreringstidspunkt`, `sekvens`,
    /// `forrigeSekvensHash`, `ressurs`).
    ///
    /// Errors: `malformed` when it has one of these, `unsupported` (`type`), `schema_invalid` with the member, `too_large`.
    pub fn write(place: &Place<'_>, subject: &Map<String, Value>) -> Result<Proposal, Problem> {
        let mut whole = subject.clone();
        for (name, value) in [
            ("uuid", Value::from(place.uuid)),
            ("registreringstidspunkt", place.registered.to_string().into()),
            ("sekvens", place.number.into()),
            ("forrigeSekvensHash", hash_text(&place.previous).into()),
            ("ressurs", format!("urn:uuid:{}", place.uuid).into()),
        ] {
            if whole.insert(name.to_owned(), value).is_some() {
                return Err(Problem::new(Code::Malformed, name));
            }
        }
        whole.entry("gjelderVarsel").or_insert(Value::Null);
        let id = format!("urn:uuid:{}", place.uuid);
        let text = vouched::write(TYPE, &id, place.register, place.registered, whole).to_string();
        let proposal = Proposal::parse(&text)?;
        proposal.content.clone()?;
        Ok(proposal)
    }

    /// Reads a notice with or without signatures, of at most [`NOTICE_MAX`] bytes (`too_large`, `malformed` with the member).
    pub fn parse(text: &str) -> Result<Proposal, Problem> {
        Proposal::of(&Document::parse(text, TYPE, NOTICE_MAX)?)
    }

    fn of(document: &Document) -> Result<Proposal, Problem> {
        let malformed = |member: &str| Problem::new(Code::Malformed, member);
        let member = |name: &str| {
            let text = document.subject.get(name).and_then(Value::as_str);
            text.ok_or_else(|| malformed(name))
        };
        let uuid = member("uuid")?;
        if !is_uuid(uuid) || document.id != format!("urn:uuid:{uuid}") {
            return Err(malformed("uuid"));
        }
        let registered = exact_instant(member("registreringstidspunkt")?);
        if registered != Some(document.valid_from) {
            return Err(malformed("registreringstidspunkt"));
        }
        let number = document.subject.get("sekvens").and_then(Value::as_u64);
        Ok(Proposal {
            register: document.register.clone(),
            uuid: uuid.to_owned(),
            number: number
                .filter(|number| (1..=NUMBER_MAX).contains(number))
                .ok_or_else(|| malformed("sekvens"))?,
            previous: hash_from(member("forrigeSekvensHash")?).ok_or_else(|| malformed("forrigeSekvensHash"))?,
            registered: document.valid_from,
            hash: document.hash,
            content: content_of(&document.subject),
            subject: document.subject.clone(),
            text: document.text(),
        })
    }

    /// Who publishes it.
    pub fn register(&self) -> &Did {
        &self.register
    }
    /// Name of the notice.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }
    /// `sekvens`, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }
    /// Hash of the notice before; [`NOTHING`] in the first.
    pub fn previous(&self) -> &[u8; 32] {
        &self.previous
    }
    /// `registreringstidspunkt`
    pub fn registered(&self) -> Timestamp {
        self.registered
    }
    /// SHA-256 of the canonical document without its proofs: what the next one names.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
    /// As [`Proposal::hash`], `sha-256:…`.
    pub fn hash_text(&self) -> String {
        hash_text(&self.hash)
    }
    /// The whole `credentialSubject`.
    pub fn subject(&self) -> &Map<String, Value> {
        &self.subject
    }
    /// What of it acts, or why this version cannot act by it: `unsupported` (`type`) or `schema_invalid`.
    pub fn content(&self) -> Result<&Content, &Problem> {
        self.content.as_ref()
    }
    /// The compact JSON text, proofs included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds the proof of one more key of the register; `second_key_missing` when that key has signed it already.
    pub fn sign(&self, kid: &str, signer: &dyn Signer, now: Timestamp) -> Result<Proposal, Problem> {
        let document = Document::parse(&self.text, TYPE, NOTICE_MAX)?;
        Proposal::parse(&document.sign(kid, signer, now)?)
    }
}

/// What people see of a notice, in a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// `sekvens`
    pub number: u64,
    /// Name.
    pub uuid: String,
    /// What it says to do; none where this version cannot read it.
    pub kind: Option<Kind>,
    /// The company's number; none for a person.
    pub company: Option<String>,
    /// The opening it is about.
    pub about: Option<String>,
    /// When it was registered.
    pub registered: Timestamp,
}

impl From<&Proposal> for Summary {
    fn from(proposal: &Proposal) -> Summary {
        let content = proposal.content().ok();
        Summary {
            number: proposal.number,
            uuid: proposal.uuid.clone(),
            kind: content.map(|content| content.kind),
            company: content.and_then(|content| match &content.debtor {
                Debtor::Company(number) => Some(number.clone()),
                Debtor::Person(_) => None,
            }),
            about: content.and_then(|content| content.about.clone()),
            registered: proposal.registered,
        }
    }
}

/// A notice that two different keys of its register signed.
#[derive(Clone, Debug)]
pub struct Notice {
    proposal: Proposal,
    signed: Timestamp,
    keys: Vec<String>,
}

impl Notice {
    /// Bounded parse, and the check of both signatures against the trust list in force at `now`.
    ///
    /// Errors: `too_large`, `malformed` (member), `trust_stale`, `unknown_issuer`, `type_not_allowed`, `second_key_missing` (one
    /// signature, or two of one key), `unknown_key`, `key_outside_window` and `key_compromised` (by when the signature says it was
    /// made), `not_yet_valid`, `notice_invalid` (`created`: signed long before it was registered), `signature_invalid`.
    pub fn open(text: &str, trust: &Trust, now: Timestamp) -> Result<Notice, Problem> {
        Notice::by(Of::SoundKeys, text, trust, now)
    }

    /// As [`Notice::open`], but a key that was found compromised later counts too. **Such a notice may be forged under any date**:
    /// it acts only when a later notice, or a checkpoint, by sound keys names its hash, directly or along the chain.
    pub fn open_unsound(text: &str, trust: &Trust, now: Timestamp) -> Result<Notice, Problem> {
        Notice::by(Of::AnyKeys, text, trust, now)
    }

    fn by(of: Of, text: &str, trust: &Trust, now: Timestamp) -> Result<Notice, Problem> {
        let document = Document::parse(text, TYPE, NOTICE_MAX)?;
        let vouched = document.vouched(trust, now, PROOFS, of)?;
        Ok(Notice {
            proposal: Proposal::of(&document)?,
            signed: vouched.signed,
            keys: vouched.keys,
        })
    }

    /// What was signed.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }
    /// When the later of the two keys signed.
    pub fn signed(&self) -> Timestamp {
        self.signed
    }
    /// The two keys, by name.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// What goes out by gossip: the notice itself where it fits 4 KiB, else that there is one.
    pub fn digest(&self) -> Result<Vec<u8>, Problem> {
        let whole = protocol::encode(&Digest::Notice {
            text: self.proposal.text.clone(),
        })?;
        if whole.len() <= DIGEST_MAX {
            return Ok(whole);
        }
        protocol::encode(&Digest::Announce {
            register: self.proposal.register.to_string(),
            number: self.proposal.number,
            hash: self.proposal.hash_text(),
        })
    }
}

/// Checks what a compensating notice says against the opening that it names: of the same debtor.
///
/// Errors: `notice_invalid` (`gjelderVarsel` when it names nothing, `debitor` when it names another debtor's opening).
pub fn check_about(content: &Content, opening: Option<&Debtor>) -> Result<(), Problem> {
    let needs = matches!(content.kind, Kind::Sletting | Kind::Oppheving) || content.about.is_some();
    match opening {
        _ if !needs => Ok(()),
        None => Err(Problem::new(Code::NoticeInvalid, "gjelderVarsel")),
        Some(debtor) if debtor.is(&content.debtor) => Ok(()),
        Some(_) => Err(Problem::new(Code::NoticeInvalid, "debitor")),
    }
}

fn content_of(subject: &Map<String, Value>) -> Result<Content, Problem> {
    NoticeType::bankruptcy().check(&Value::Object(subject.clone()))?;
    let invalid = |member: &str| Problem::new(Code::SchemaInvalid, format!("/{member}"));
    let kind = subject.get("type").cloned().unwrap_or_default();
    let debtor = subject.get("debitor").and_then(Debtor::of);
    let linked = subject.get("tilknyttedeEnheter").and_then(Value::as_array);
    let number = |unit: &Value| unit.get("organisasjonsnummer")?.as_str().map(str::to_owned);
    Ok(Content {
        kind: serde_json::from_value(kind).map_err(|_| invalid("type"))?,
        debtor: debtor.ok_or_else(|| invalid("debitor"))?,
        about: subject.get("gjelderVarsel").and_then(Value::as_str).map(str::to_owned),
        linked: linked.into_iter().flatten().filter_map(number).collect(),
    })
}

/// A hash as notices write it: `sha-256:` and 64 hexadecimal digits.
pub fn hash_name(hash: &[u8; 32]) -> String {
    hash_text(hash)
}

/// Lower-case hexadecimal in the groups of RFC 9562.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// A random name of a notice (UUID version 4, RFC 9562 §5.4) from 16 random bytes.
pub fn uuid(mut random: [u8; 16]) -> String {
    use std::fmt::Write as _;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut random;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let mut text = String::new();
    for (at, byte) in random.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

#[cfg(test)]
mod tests;
