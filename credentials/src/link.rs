//! `bevis:` texts: what is carried as a link, a QR code or a file between two programs. `bevis:<kind>/<base64url of CBOR>.<check>`;
//! the check (first 6 bytes of SHA-256 over kind and body, base64url) finds a cut or altered text (`link_invalid`). No personal data in an offer or request link.
//!
//! The CBOR is an array of the parts in the order in which they are declared here, without names, so that a QR code stays small.

use crate::identifier::OrganisationNumber;
use crate::schema::is_vct;
use crate::{Code, Did, Problem, Timestamp, protocol};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

/// Longest text.
pub const LINK_MAX: usize = 64 * 1024;

/// What every text begins with.
const SCHEME: &str = "bevis:";
/// Label of the words that two screens compare.
const WORDS_LABEL: &[u8] = b"bevis-authorise-words/1";
/// Bytes of the check.
const CHECK: usize = 6;

/// What a text carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// An issuer's invitation to collect.
    Offer {
        /// Issuer.
        issuer: Did,
        /// Type.
        vct: String,
        /// Unguessable id of a personal offer; none for an open invitation.
        #[serde(with = "serde_bytes", default)]
        offer: Option<Vec<u8>>,
        /// Not after.
        expires: Option<Timestamp>,
    },
    /// An asker's request.
    Request {
        /// Asker.
        asker: Did,
        /// Session name.
        session: String,
        /// SHA-256 of the signed request.
        #[serde(with = "serde_bytes")]
        hash: Vec<u8>,
        /// Not after.
        expires: Timestamp,
    },
    /// From a company's wallet to a person's wallet: prove who you are to `issuer`, to open this company's wallet.
    Authorise(Authorise),
    /// The answer back: the identification, encrypted to the issuer.
    Authorised {
        /// Same transaction.
        #[serde(with = "serde_bytes")]
        transaction: Vec<u8>,
        /// JWE for the issuer.
        answer: String,
    },
}
/// See [`Link::Authorise`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorise {
    /// The issuer's signed request.
    pub request: String,
    /// Idempotency key.
    #[serde(with = "serde_bytes")]
    pub transaction: Vec<u8>,
    /// Hash of the company wallet's new keys.
    #[serde(with = "serde_bytes")]
    pub keys_hash: Vec<u8>,
    /// Company number.
    pub organisation: String,
}
impl Authorise {
    /// Words that both screens show: 64 bits of SHA-256 over issuer (as the whole signed request, which names it), transaction,
    /// keys hash and company number as four pronounceable words (proquints), so that a swapped text is seen.
    pub fn words(&self) -> String {
        let mut hash = Sha256::new();
        for part in [
            WORDS_LABEL,
            self.request.as_bytes(),
            &self.transaction,
            &self.keys_hash,
            self.organisation.as_bytes(),
        ] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let words: Vec<String> = digest
            .chunks_exact(2)
            .take(4)
            .map(|pair| {
                let bits = pair.iter().fold(0_u16, |bits, byte| bits << 8 | u16::from(*byte));
                proquint(bits)
            })
            .collect();
        words.join(" ")
    }
}

impl Link {
    /// As text. `malformed` when a part is not of its form, `too_large` beyond [`LINK_MAX`].
    pub fn to_text(&self) -> Result<String, Problem> {
        self.check(Code::Malformed)?;
        let (kind, body) = match self {
            Link::Offer {
                issuer,
                vct,
                offer,
                expires,
            } => (
                "offer",
                protocol::encode(&(issuer, vct, offer.as_deref().map(serde_bytes::Bytes::new), expires))?,
            ),
            Link::Request {
                asker,
                session,
                hash,
                expires,
            } => (
                "request",
                protocol::encode(&(asker, session, serde_bytes::Bytes::new(hash), expires))?,
            ),
            Link::Authorise(authorise) => (
                "authorise",
                protocol::encode(&(
                    &authorise.request,
                    serde_bytes::Bytes::new(&authorise.transaction),
                    serde_bytes::Bytes::new(&authorise.keys_hash),
                    &authorise.organisation,
                ))?,
            ),
            Link::Authorised { transaction, answer } => (
                "authorised",
                protocol::encode(&(serde_bytes::Bytes::new(transaction), answer))?,
            ),
        };
        let checked = format!("{kind}/{}", URL_SAFE_NO_PAD.encode(body));
        let text = format!("{SCHEME}{checked}.{}", check_of(&checked));
        if text.len() > LINK_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(text)
    }

    /// Reads a text (surrounding white space and line breaks inside are tolerated). `link_invalid` for anything cut, altered
    /// or not of its form; `too_large` beyond [`LINK_MAX`].
    pub fn parse(text: &str) -> Result<Link, Problem> {
        // A text broken into lines of 64 grows by a thirtieth; twice the limit bounds the work.
        if text.len() > LINK_MAX.saturating_mul(2) {
            return Err(Code::TooLarge.into());
        }
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if text.len() > LINK_MAX {
            return Err(Code::TooLarge.into());
        }
        let invalid = || Problem::from(Code::LinkInvalid);
        let (checked, check) = text
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.rsplit_once('.'))
            .ok_or_else(invalid)?;
        if check != check_of(checked) {
            return Err(invalid());
        }
        let (kind, body) = checked.split_once('/').ok_or_else(invalid)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| invalid())?;
        let link = match kind {
            "offer" => {
                let (issuer, vct, offer, expires): (_, _, Option<ByteBuf>, _) = read(&body)?;
                Link::Offer {
                    issuer,
                    vct,
                    offer: offer.map(ByteBuf::into_vec),
                    expires,
                }
            }
            "request" => {
                let (asker, session, hash, expires): (_, _, ByteBuf, _) = read(&body)?;
                Link::Request {
                    asker,
                    session,
                    hash: hash.into_vec(),
                    expires,
                }
            }
            "authorise" => {
                let (request, transaction, keys_hash, organisation): (_, ByteBuf, ByteBuf, _) = read(&body)?;
                Link::Authorise(Authorise {
                    request,
                    transaction: transaction.into_vec(),
                    keys_hash: keys_hash.into_vec(),
                    organisation,
                })
            }
            "authorised" => {
                let (transaction, answer): (ByteBuf, _) = read(&body)?;
                Link::Authorised {
                    transaction: transaction.into_vec(),
                    answer,
                }
            }
            _ => return Err(invalid()),
        };
        link.check(Code::LinkInvalid)?;
        Ok(link)
    }

    /// Whether the parts are of their form: lengths of ids and hashes, names that cannot be taken for something else.
    fn check(&self, refusal: Code) -> Result<(), Problem> {
        let (part, fine) = match self {
            Link::Offer { vct, offer, .. } => (
                "offer",
                is_vct(vct) && offer.as_ref().is_none_or(|id| (16..=32).contains(&id.len())),
            ),
            Link::Request { session, hash, .. } => ("request", is_base64url(session, 64) && hash.len() == 32),
            Link::Authorise(authorise) => (
                "authorise",
                authorise.transaction.len() == 16
                    && authorise.keys_hash.len() == 32
                    && OrganisationNumber::parse(&authorise.organisation).is_some()
                    && is_compact(&authorise.request),
            ),
            Link::Authorised { transaction, answer } => ("authorised", transaction.len() == 16 && is_compact(answer)),
        };
        if fine { Ok(()) } else { Err(Problem::new(refusal, part)) }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    protocol::decode(body, LINK_MAX).map_err(|_| Code::LinkInvalid.into())
}

fn check_of(checked: &str) -> String {
    let digest = Sha256::digest(checked.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.get(..CHECK).unwrap_or_default())
}

fn is_base64url(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Base64url parts between dots: a compact JWS or JWE.
fn is_compact(text: &str) -> bool {
    !text.is_empty()
        && text
            .split('.')
            .all(|part| part.is_empty() || is_base64url(part, LINK_MAX))
}

/// Sixteen bits as a pronounceable word of five letters (Wilkerson, "A Proposal for Proquints", 2009).
fn proquint(bits: u16) -> String {
    const CONSONANTS: [char; 16] = [
        'b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z',
    ];
    const VOWELS: [char; 4] = ['a', 'i', 'o', 'u'];
    let letter = |letters: &[char], shift: u16| {
        let place = usize::from(bits >> shift) % letters.len().max(1);
        letters.get(place).copied().unwrap_or_default()
    };
    [
        letter(&CONSONANTS, 12),
        letter(&VOWELS, 10),
        letter(&CONSONANTS, 6),
        letter(&VOWELS, 4),
        letter(&CONSONANTS, 0),
    ]
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests;
