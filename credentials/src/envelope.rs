//! Sealed envelopes: what waits in a mailbox for somebody who is offline. Whoever keeps it sees who put it, into which queue and
//! when, and one of four lengths.
//!
//! **Sealing** is HPKE (RFC 9180) in base mode, one context an envelope, with the suite MLKEM768-X25519 ("X-Wing", KEM 0x647a),
//! HKDF-SHA256, ChaCha20-Poly1305:
//! - an envelope lies at its operator for up to 30 days, and who copied it may wait for a quantum computer: ML-KEM-768 stands beside
//!   X25519, and the seal holds as long as one of the two does. `hpke` is the maintained crate that carries both as one KEM. Neither it
//!   nor the `x-wing` under it was audited by a third party; by its construction X-Wing is then still X25519;
//! - ChaCha20-Poly1305, because it takes the same time on a phone without AES instructions, and is in the build already.
//!
//! There is one suite and nothing to negotiate. `info` is the label `bevis/envelope/1` and the id of the queue, so that an envelope
//! opens in its queue only.
//!
//! **Body**: the encapsulated key (1,120 bytes), then the sealed part, whose length is that of a [`CLASSES`] to the byte: the plaintext
//! and its 16-byte tag. The plaintext is the length of the signed item (4 bytes, big-endian), the length of the content (4 bytes), the
//! item, the content, and zeros. [`seal`] takes the smallest class that holds it.
//!
//! **Inside**, the sender's item is signed (`bevis-envelope+jwt`) and covers the recipient's key, the queue, a number, the kind of
//! content and the content's hash. Nobody can put it into another envelope: neither the operator, who cannot read it, nor the
//! recipient, who would have to sign for another key. HPKE's own authenticated mode would not outlive the opening; this signature is
//! checked against the trust list and can be shown later.
//!
//! An operator may still drop, delay, repeat or reorder envelopes: numbers let the recipient notice. A number is the sender's, and the
//! same in every copy of one message, however many operators it went through.

use crate::jws::Jws;
use crate::key::Signer;
use crate::record::{self, Record, Vouched};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Random, Timestamp, VerifyingKey, random};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Label of an item.
pub const ENVELOPE_TYP: &str = "bevis-envelope+jwt";
/// Lengths of the sealed part, in bytes, its tag included.
pub const CLASSES: [usize; 4] = [1 << 10, 4 << 10, 16 << 10, 64 << 10];
/// Longest body, in bytes.
pub const BODY_MAX: usize = ENCAPSULATED + (64 << 10);
/// Longest content, in bytes, that fits beside an item of any length.
pub const CONTENT_MAX: usize = 61 << 10;
/// Length of a recipient's public key, in bytes: ML-KEM-768, then X25519.
pub const RECIPIENT_BYTES: usize = 1216;

/// Length of the encapsulated key, in bytes.
const ENCAPSULATED: usize = 1120;
/// Length of the tag, in bytes.
const TAG: usize = 16;
/// Length of the two lengths, in bytes.
const LENGTHS: usize = 8;
/// First part of `info`.
const LABEL: &[u8] = b"bevis/envelope/1";
/// Longest word for a kind of content, in bytes.
const KIND_MAX: usize = 32;
/// Largest number, the largest integer that every JSON reader holds.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Whether a body of this length may be an envelope: the only thing about it that an operator can check.
pub fn is_body(length: usize) -> bool {
    CLASSES
        .iter()
        .any(|class| length == ENCAPSULATED.saturating_add(*class))
}

/// The name of an envelope: SHA-256 of its body. Two envelopes of the same message differ.
pub fn id(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// A recipient's private key, made for one relation. Zeroized when dropped; `Debug` prints nothing.
pub struct RecipientKey {
    seed: Zeroizing<[u8; 32]>,
    public: Recipient,
}

impl RecipientKey {
    /// A fresh one.
    pub fn generate(random: &mut dyn Random) -> RecipientKey {
        let seed = Zeroizing::new(random::bytes::<32>(random));
        RecipientKey::from_bytes(&seed)
    }

    /// From sealed storage.
    pub fn from_bytes(seed: &[u8; 32]) -> RecipientKey {
        RecipientKey {
            seed: Zeroizing::new(*seed),
            public: Recipient(XWing::sk_to_pk(&private(seed)).to_bytes().to_vec()),
        }
    }

    /// The seed, for sealed storage.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }

    /// The public half.
    pub fn recipient(&self) -> &Recipient {
        &self.public
    }
}

impl std::fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecipientKey(..)")
    }
}

fn private(seed: &[u8; 32]) -> <XWing as Kem>::PrivateKey {
    <XWing as Kem>::PrivateKey::from_bytes(seed).expect("any 32 bytes are a seed of X-Wing")
}

/// To whom is sealed: a public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(Vec<u8>);

impl Recipient {
    /// From [`RECIPIENT_BYTES`] bytes that are a key; `None` for any other.
    pub fn from_bytes(bytes: &[u8]) -> Option<Recipient> {
        <XWing as Kem>::PublicKey::from_bytes(bytes).ok()?;
        Some(Recipient(bytes.to_vec()))
    }

    /// Its [`RECIPIENT_BYTES`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of its bytes: what items name it by.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({})", BASE64_URL_SAFE_NO_PAD.encode(self.hash()))
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub struct Message<'m> {
    /// Id of the queue that the envelope is put into.
    pub queue: &'m [u8; 16],
    /// Which message of this sender to this recipient, from 1; at most 2^53 − 1.
    pub number: u64,
    /// When, by the sender's clock.
    pub at: Timestamp,
    /// A word for what the content is: lower-case letters, digits, `-`; at most 32.
    pub kind: &'m str,
    /// At most [`CONTENT_MAX`] bytes.
    pub content: &'m [u8],
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({}, ..)", self.number)
    }
}

/// Who signs.
#[derive(Clone, Copy)]
pub enum Sender<'s> {
    /// An organisation of the trust list.
    Organisation {
        /// Its key's name.
        kid: &'s str,
        /// That key.
        signer: &'s dyn Signer,
    },
    /// A holder, with a key that the recipient knows from somewhere else.
    Holder(&'s dyn Signer),
}

/// What the sender signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    /// An organisation, or the `did:key` of the holder's key.
    from: Did,
    /// SHA-256 of the recipient's key, base64url.
    to: String,
    /// Id of the queue, base64url.
    queue: String,
    number: u64,
    at: Timestamp,
    kind: String,
    /// SHA-256 of the content, base64url.
    content: String,
}

impl Record for Item {
    const TYP: &'static str = ENVELOPE_TYP;
    const MAX: usize = 2 * 1024;

    fn check(&self) -> Result<(), Problem> {
        let is_kind = (1..=KIND_MAX).contains(&self.kind.len())
            && self
                .kind
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        record::rules(&[
            ("to", record::is_hash(&self.to)),
            ("queue", record::is_bytes::<16>(&self.queue)),
            ("number", (1..=NUMBER_MAX).contains(&self.number)),
            ("kind", is_kind),
            ("content", record::is_hash(&self.content)),
        ])
    }
}

impl Vouched for Item {
    const UNLISTED: Code = Code::NotListed;

    fn by(&self) -> &Did {
        &self.from
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Item {
    fn of(message: &Message<'_>, from: Did, to: &Recipient) -> Item {
        Item {
            from,
            to: hash_text(&to.hash()),
            queue: BASE64_URL_SAFE_NO_PAD.encode(message.queue),
            number: message.number,
            at: message.at,
            kind: message.kind.to_owned(),
            content: hash_text(&id(message.content)),
        }
    }
}

/// Signs and seals. The same message sealed twice gives two bodies.
///
/// Errors: `too_large` for content beyond [`CONTENT_MAX`]; `malformed` with the member that has not its form (`kid`, `number`, `kind`);
/// `internal` when the signer fails.
pub fn seal(
    message: &Message<'_>,
    sender: Sender<'_>,
    to: &Recipient,
    random: &mut dyn Random,
) -> Result<Vec<u8>, Problem> {
    if message.content.len() > CONTENT_MAX {
        return Err(Code::TooLarge.into());
    }
    let item = match sender {
        Sender::Organisation { kid, signer } => {
            let (from, _) = Did::parse_url(kid).ok_or_else(|| Problem::new(Code::Malformed, "kid"))?;
            record::sign_as_organisation(&Item::of(message, from, to), kid, signer)?
        }
        Sender::Holder(signer) => {
            record::sign_as_holder(&Item::of(message, Did::Key(signer.verifying_key()), to), signer)?
        }
    };
    let plaintext = padded(item.as_bytes(), message.content).ok_or(Code::TooLarge)?;
    seal_bytes(&plaintext, message.queue, to, random)
}

/// The plaintext of the smallest class that holds it.
fn padded(item: &[u8], content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let length = LENGTHS.checked_add(item.len())?.checked_add(content.len())?;
    let mut rooms = CLASSES.iter().map(|class| class.saturating_sub(TAG));
    let size = rooms.find(|room| length <= *room)?;
    // Made as long as it gets at once: growing would leave copies behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(size));
    for part in [item, content] {
        plaintext.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
    }
    plaintext.extend_from_slice(item);
    plaintext.extend_from_slice(content);
    plaintext.resize(size, 0);
    Some(plaintext)
}

fn seal_bytes(plaintext: &[u8], queue: &[u8; 16], to: &Recipient, random: &mut dyn Random) -> Result<Vec<u8>, Problem> {
    let public = <XWing as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| Code::Malformed)?;
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        &info(queue),
        plaintext,
        &[],
        &mut Source(random),
    )
    .map_err(|_| Code::Malformed)?;
    let mut body = encapsulated.to_bytes().to_vec();
    body.extend_from_slice(&sealed);
    Ok(body)
}

fn info(queue: &[u8; 16]) -> Vec<u8> {
    [LABEL, queue].concat()
}

/// Who an opened envelope is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// An organisation of the trust list.
    Organisation(Did),
    /// Whoever has this key: to be compared with the one that the recipient knows.
    Holder(VerifyingKey),
}

/// An opened envelope: its signature holds, and it is for this recipient and this queue.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Who signed.
    pub author: Author,
    /// Which message of this author to this recipient. One that was taken before is a repetition and has no second effect.
    pub number: u64,
    /// When, by the author's clock.
    pub at: Timestamp,
    /// What the content is.
    pub kind: String,
    /// The content, wiped when dropped.
    pub content: Zeroizing<Vec<u8>>,
    /// The signed item, which proves with the content who sent it.
    pub item: String,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}, ..)", self.number)
    }
}

/// Opens what was fetched from a queue.
///
/// Errors: `too_large` beyond [`BODY_MAX`]; `malformed` for a length of no class, and for whatever does not open: altered, sealed for
/// another queue or to another key, which the seal does not tell apart; `wrong_recipient` (`to`, `queue`) when what was signed for
/// another key or queue was sealed to this one; `signature_invalid` for a signature or content that does not fit; `not_listed`,
/// `unknown_key`, `key_outside_window`, `key_compromised` of an organisation.
pub fn open(body: &[u8], key: &RecipientKey, queue: &[u8; 16], trust: &Trust) -> Result<Opened, Problem> {
    if body.len() > BODY_MAX {
        return Err(Code::TooLarge.into());
    }
    let plaintext = open_bytes(body, key, queue).ok_or(Code::Malformed)?;
    let (text, content) = parts(&plaintext).ok_or(Code::Malformed)?;
    let (item, author) = read(text, trust)?;
    if item.to != hash_text(&key.public.hash()) {
        return Err(Problem::new(Code::WrongRecipient, "to"));
    }
    if item.queue != BASE64_URL_SAFE_NO_PAD.encode(queue) {
        return Err(Problem::new(Code::WrongRecipient, "queue"));
    }
    if item.content != hash_text(&id(content)) {
        return Err(Problem::new(Code::SignatureInvalid, "content"));
    }
    Ok(Opened {
        author,
        number: item.number,
        at: item.at,
        kind: item.kind,
        content: Zeroizing::new(content.to_vec()),
        item: text.to_owned(),
    })
}

fn open_bytes(body: &[u8], key: &RecipientKey, queue: &[u8; 16]) -> Option<Zeroizing<Vec<u8>>> {
    if !is_body(body.len()) {
        return None;
    }
    let (encapsulated, sealed) = body.split_at_checked(ENCAPSULATED)?;
    let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &private(&key.seed),
        &encapsulated,
        &info(queue),
        sealed,
        &[],
    )
    .ok()
    .map(Zeroizing::new)
}

/// Item and content; the rest must be zeros.
fn parts(plaintext: &[u8]) -> Option<(&str, &[u8])> {
    let (item, rest) = plaintext.split_first_chunk::<4>()?;
    let (content, rest) = rest.split_first_chunk::<4>()?;
    let [item, content] = [item, content].map(|length| u32::from_be_bytes(*length) as usize);
    let (item, rest) = rest.split_at_checked(item)?;
    let (content, rest) = rest.split_at_checked(content)?;
    let is_padding = rest.iter().all(|byte| *byte == 0);
    is_padding.then_some((std::str::from_utf8(item).ok()?, content))
}

/// Checks the signature by the key that its header names: an organisation's by `kid`, a holder's by `jwk`.
fn read(text: &str, trust: &Trust) -> Result<(Item, Author), Problem> {
    if Jws::parse(text, Item::TYP, Item::MAX)?.kid().is_some() {
        let item: Item = record::open_of_organisation(text, trust)?;
        let author = Author::Organisation(item.from.clone());
        return Ok((item, author));
    }
    let (item, key): (Item, _) = record::open_of_holder(text)?;
    match item.from == Did::Key(key) {
        true => Ok((item, Author::Holder(key))),
        false => Err(Problem::new(Code::Malformed, "from")),
    }
}

fn hash_text(hash: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

/// Our random source as `hpke` wants one.
struct Source<'a>(&'a mut dyn Random);

impl hpke::rand_core::TryRng for Source<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(random::bytes(self.0)))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(random::bytes(self.0)))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl hpke::rand_core::TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests;
