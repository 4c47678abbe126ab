//! Tags of persons: what a notice bears in the place of a person's number (RFC 9497, VOPRF of ristretto255-SHA512).
//!
//! The register holds a key for each year. A tag is the function of that key on a person's number; nobody computes it without
//! the register, and the register computes it without seeing the number: a bank blinds its customer's number, the register
//! multiplies and proves that it used the key it published, the bank unblinds. So a bank has the tags of the numbers it asked
//! for, and a notice tells it something only if one of them is the notice's.
//!
//! What bounds this is the register's count of evaluations, not mathematics: eleven digits can be tried one by one, and a bank
//! that may evaluate as many numbers as there are people can learn who is meant. The holder of the key can always.
//!
//! The one module that uses `voprf`. Its feature `danger` (blinds of the caller's choice) stays off; the published vectors are
//! reproduced in the tests through a random source that plays them.

use super::vouched::{self, Document, Of, PROOFS, exact_instant};
use super::{Did, VCT};
use crate::identifier::PersonNumber;
use crate::protocol::notice::EVALUATE_MAX;
use crate::trust::Trust;
use crate::{Code, Problem, Random, Timestamp, random};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use voprf::{BlindedElement, EvaluationElement, Group, Proof, Ristretto255, VoprfClient, VoprfServer};
use zeroize::Zeroizing;

/// The suite's name in RFC 9497 §4.1.
const SUITE: &str = "ristretto255-SHA512";
/// Domain of the function's inputs: what this key is used for, and nothing else.
const INPUT: &[u8] = b"bevis/notice/person/1";
/// Domain of the hash that shortens an output to a tag.
const TAG: &[u8] = b"bevis/notice/tag/1";
/// Label under which a key is derived from its seed (RFC 9497 §3.2.1).
const KEY: &[u8] = b"bevis/notice/key/1";

pub(super) const STATEMENT: &str = "NoticeTagKey";
/// Longest statement, in bytes.
const STATEMENT_MAX: usize = 4 * 1024;

/// A tag: the name of the key, and 32 bytes in base64url.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Name of the key, `2026`.
    #[serde(rename = "noekkel")]
    pub key: String,
    /// base64url of 32 bytes.
    #[serde(rename = "verdi")]
    pub value: String,
}

impl Tag {
    pub(super) fn of(value: &Value) -> Option<Tag> {
        let tag: Tag = serde_json::from_value(value.clone()).ok()?;
        tag.is_well_formed().then_some(tag)
    }

    pub(super) fn is_well_formed(&self) -> bool {
        let value = BASE64_URL_SAFE_NO_PAD.decode(&self.value);
        is_key_name(&self.key) && value.is_ok_and(|bytes| bytes.len() == 32)
    }
}

/// Whether a text can name a key: 1 to 32 of `a-z`, `0-9` and `-`.
pub fn is_key_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// The register's secret key of a year. Zeroized when dropped; `Debug` prints nothing of it.
pub struct TagKey {
    name: String,
    seed: Zeroizing<[u8; 32]>,
    server: VoprfServer<Ristretto255>,
}

impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TagKey({})", self.name)
    }
}

/// What the register answers: evaluated elements, and the proof that its published key was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// In the order asked.
    pub elements: Vec<[u8; 32]>,
    /// 64 bytes.
    pub proof: Vec<u8>,
}

impl TagKey {
    /// A fresh key. Errors: `malformed` for a name that is none.
    pub fn generate(name: &str, random: &mut dyn Random) -> Result<TagKey, Problem> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut());
        TagKey::from_seed(name, &seed)
    }

    /// From the 32 secret bytes of [`TagKey::seed`] (`DeriveKeyPair` of RFC 9497 §3.2.1).
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<TagKey, Problem> {
        if !is_key_name(name) {
            return Err(Problem::new(Code::Malformed, "noekkel"));
        }
        Ok(TagKey {
            name: name.to_owned(),
            seed: Zeroizing::new(*seed),
            server: VoprfServer::new_from_seed(seed, KEY).map_err(|_| Code::Internal)?,
        })
    }

    /// Its name, `2026`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret bytes, for sealed storage only.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public key, as the statement commits to it.
    pub fn public(&self) -> [u8; 32] {
        Ristretto255::serialize_elem(self.server.get_public_key()).into()
    }

    /// The tag of a person, for a notice about them.
    pub fn tag(&self, register: &Did, person: &PersonNumber) -> Result<Tag, Problem> {
        let input = input(register, &self.name, person);
        let output = self.server.evaluate(&input).map_err(|_| Code::Internal)?;
        Ok(shorten(&self.name, &output))
    }

    /// Evaluates 1 to [`EVALUATE_MAX`] blinded elements, with one proof for all.
    ///
    /// Errors: `too_large`; `malformed` for an element that is not the one encoding of a point other than the neutral one.
    pub fn evaluate(&self, elements: &[&[u8]], random: &mut dyn Random) -> Result<Evaluated, Problem> {
        if elements.len() > EVALUATE_MAX {
            return Err(Problem::new(Code::TooLarge, "elements"));
        }
        let malformed = || Problem::new(Code::Malformed, "elements");
        let blinded: Option<Vec<BlindedElement<Ristretto255>>> = elements
            .iter()
            .map(|bytes| <&[u8; 32]>::try_from(*bytes).ok())
            .map(|bytes| BlindedElement::deserialize(bytes?).ok())
            .collect();
        let blinded = blinded.filter(|all| !all.is_empty()).ok_or_else(malformed)?;
        let result = self
            .server
            .batch_blind_evaluate(&mut Source(random), &blinded)
            .map_err(|_| Code::Internal)?;
        Ok(Evaluated {
            elements: result
                .messages
                .iter()
                .map(|element| element.serialize().into())
                .collect(),
            proof: result.proof.serialize().to_vec(),
        })
    }
}

/// What a bank keeps in memory between asking and the answer: inputs and blinds, zeroized when dropped. No `Debug`.
pub struct Blinding {
    key: String,
    inputs: Vec<Zeroizing<Vec<u8>>>,
    clients: Vec<VoprfClient<Ristretto255>>,
}

impl Blinding {
    /// Blinds the numbers of 1 to [`EVALUATE_MAX`] persons and gives what is sent (`too_large`, `malformed`).
    pub fn begin<'p>(
        register: &Did,
        key: &str,
        persons: impl IntoIterator<Item = &'p PersonNumber>,
        random: &mut dyn Random,
    ) -> Result<(Blinding, Vec<[u8; 32]>), Problem> {
        let inputs: Vec<_> = persons.into_iter().map(|person| input(register, key, person)).collect();
        Blinding::of(key, inputs, random)
    }

    fn of(
        key: &str,
        inputs: Vec<Zeroizing<Vec<u8>>>,
        random: &mut dyn Random,
    ) -> Result<(Blinding, Vec<[u8; 32]>), Problem> {
        if inputs.is_empty() || !is_key_name(key) {
            return Err(Code::Malformed.into());
        }
        if inputs.len() > EVALUATE_MAX {
            return Err(Problem::new(Code::TooLarge, "elements"));
        }
        let mut source = Source(random);
        let mut clients = Vec::with_capacity(inputs.len());
        let mut elements = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let blind = VoprfClient::<Ristretto255>::blind(input, &mut source).map_err(|_| Code::Internal)?;
            elements.push(blind.message.serialize().into());
            clients.push(blind.state);
        }
        let blinding = Blinding {
            key: key.to_owned(),
            inputs,
            clients,
        };
        Ok((blinding, elements))
    }

    /// Checks the proof against the published key and unblinds: tags in the order of the persons.
    ///
    /// Errors: `evaluation_invalid` for another number of elements, a malformed element or proof, another key.
    pub fn finish(self, public: &[u8; 32], elements: &[&[u8]], proof: &[u8]) -> Result<Vec<Tag>, Problem> {
        let outputs = self.outputs(public, elements, proof)?;
        Ok(outputs.iter().map(|output| shorten(&self.key, output)).collect())
    }

    fn outputs(&self, public: &[u8; 32], elements: &[&[u8]], proof: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, Problem> {
        let invalid = || Problem::from(Code::EvaluationInvalid);
        if elements.len() != self.clients.len() || proof.len() != 64 {
            return Err(invalid());
        }
        let elements: Option<Vec<EvaluationElement<Ristretto255>>> = elements
            .iter()
            .map(|bytes| <&[u8; 32]>::try_from(*bytes).ok())
            .map(|bytes| EvaluationElement::deserialize(bytes?).ok())
            .collect();
        let elements = elements.ok_or_else(invalid)?;
        let proof = Proof::deserialize(proof).map_err(|_| invalid())?;
        let public = Ristretto255::deserialize_elem(public).map_err(|_| invalid())?;
        let inputs: Vec<&[u8]> = self.inputs.iter().map(|input| input.as_slice()).collect();
        let outputs = VoprfClient::batch_finalize(&inputs, &self.clients, &elements, &proof, public);
        outputs
            .map_err(|_| invalid())?
            .map(|output| {
                output
                    .map(|bytes| Zeroizing::new(bytes.to_vec()))
                    .map_err(|_| invalid())
            })
            .collect()
    }
}

/// The function's input: bound to the register, the key and the purpose, so that no other use of the key has the same.
fn input(register: &Did, key: &str, person: &PersonNumber) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::new());
    for part in [
        INPUT,
        register.to_string().as_bytes(),
        key.as_bytes(),
        person.as_str().as_bytes(),
    ] {
        // DIDs are at most 256 bytes, and the other parts shorter.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn shorten(key: &str, output: &[u8]) -> Tag {
    let digest = Sha256::new().chain_update(TAG).chain_update(output).finalize();
    Tag {
        key: key.to_owned(),
        value: BASE64_URL_SAFE_NO_PAD.encode(digest),
    }
}

/// Our random source as `voprf` wants one.
struct Source<'a>(&'a mut dyn Random);

impl RngCore for Source<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(random::bytes(self.0))
    }
    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(random::bytes(self.0))
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Source<'_> {}

/// The register's commitment to the public key of a year, signed by two of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatement {
    /// The register.
    pub register: Did,
    /// Name of the key, `2026`.
    pub name: String,
    /// Public key.
    pub public: [u8; 32],
    /// Notices bear its tags from then on.
    pub valid_from: Timestamp,
    /// Notices bear them until then; it is evaluated for as long as an opening with its tags stands.
    pub valid_until: Timestamp,
    /// The signed text.
    pub text: String,
}

impl KeyStatement {
    /// Writes an unsigned statement.
    pub fn write(
        register: &Did,
        key: &TagKey,
        valid_from: Timestamp,
        valid_until: Timestamp,
        now: Timestamp,
    ) -> String {
        let mut subject = Map::new();
        for (name, value) in [
            ("vct", json!(VCT)),
            ("noekkel", json!(key.name)),
            ("suite", json!(SUITE)),
            ("offentligNoekkel", json!(BASE64_URL_SAFE_NO_PAD.encode(key.public()))),
            ("gyldigFra", json!(valid_from.to_string())),
            ("gyldigTil", json!(valid_until.to_string())),
        ] {
            subject.insert(name.to_owned(), value);
        }
        let id = format!("urn:bevis:tag-key:{}", key.name);
        vouched::write(STATEMENT, &id, register, now, subject).to_string()
    }

    /// Bounded parse and check of both signatures. Errors as [`super::Notice::open`].
    pub fn open(text: &str, trust: &Trust, now: Timestamp) -> Result<KeyStatement, Problem> {
        let document = Document::parse(text, STATEMENT, STATEMENT_MAX)?;
        document.vouched(trust, now, PROOFS, Of::SoundKeys)?;
        KeyStatement::of(&document)
    }

    /// Reads one with fewer signatures, to be signed. Nothing about its signatures is checked.
    pub fn parse(text: &str) -> Result<KeyStatement, Problem> {
        KeyStatement::of(&Document::parse(text, STATEMENT, STATEMENT_MAX)?)
    }

    fn of(document: &Document) -> Result<KeyStatement, Problem> {
        let malformed = |name: &str| Problem::new(Code::Malformed, name);
        let member = |name: &str| {
            let text = document.subject.get(name).and_then(Value::as_str);
            text.ok_or_else(|| malformed(name))
        };
        let instant = |name: &str| exact_instant(member(name)?).ok_or_else(|| malformed(name));
        if member("vct")? != VCT || document.subject.len() != 6 {
            return Err(malformed("credentialSubject"));
        }
        if member("suite")? != SUITE {
            return Err(Problem::new(Code::Unsupported, "suite"));
        }
        let name = member("noekkel")?;
        let public = BASE64_URL_SAFE_NO_PAD.decode(member("offentligNoekkel")?).ok();
        let public = public.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let public = public.filter(|bytes| Ristretto255::deserialize_elem(bytes).is_ok());
        let (valid_from, valid_until) = (instant("gyldigFra")?, instant("gyldigTil")?);
        if !is_key_name(name) || valid_until <= valid_from {
            return Err(malformed("noekkel"));
        }
        Ok(KeyStatement {
            register: document.register.clone(),
            name: name.to_owned(),
            public: public.ok_or_else(|| malformed("offentligNoekkel"))?,
            valid_from,
            valid_until,
            text: document.text(),
        })
    }
}

#[cfg(test)]
mod tests;
