//! §13: `bevis:` texts of offers and requests.

use crate::cbor;
use crate::jose::{decode, encode, sha256};
use crate::problem::{Outcome, Problem, refuse, require};
use ciborium::Value;

/// Longest text that is read.
const BYTES_MAX: usize = 64 * 1024;

/// An invitation to collect.
pub(crate) struct Offer {
    pub(crate) issuer: String,
    pub(crate) vct: String,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) expiry: Option<u64>,
}

/// An invitation to show.
pub(crate) struct Request {
    pub(crate) asker: String,
    pub(crate) session: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) expiry: u64,
}

fn invalid() -> Problem {
    Problem::new("link_invalid", "the link is cut, altered or of another form")
}

/// The CBOR array of a text of this kind.
fn fields<const N: usize>(text: &str, kind: &str) -> Outcome<[Value; N]> {
    require(text.len() <= BYTES_MAX, "link_invalid", "the link is too long")?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let (covered, check) = text
        .strip_prefix("bevis:")
        .and_then(|rest| rest.split_once('.'))
        .ok_or_else(invalid)?;
    let first = sha256(covered.as_bytes());
    let first = first.first_chunk::<6>().map(|six| encode(six));
    require(
        first.as_deref() == Some(check),
        "link_invalid",
        "the link is cut or altered",
    )?;
    let body = covered.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'));
    let bytes = decode(body.ok_or_else(invalid)?).map_err(|_| invalid())?;
    let Ok(Value::Array(fields)) = cbor::read(&bytes) else {
        return refuse("link_invalid", "the link holds no list");
    };
    fields.try_into().map_err(|_| invalid())
}

fn text(value: &Value) -> Outcome<String> {
    value.as_text().map(str::to_owned).ok_or_else(invalid)
}

fn time(value: &Value) -> Outcome<u64> {
    let time = value.as_integer().and_then(|time| u64::try_from(time).ok());
    time.ok_or_else(invalid)
}

impl Offer {
    /// Reads `bevis:offer/…`.
    pub(crate) fn read(link: &str) -> Outcome<Offer> {
        let [issuer, vct, id, expiry] = fields(link, "offer")?;
        let id = match id {
            Value::Null => None,
            Value::Bytes(id) if (16..=32).contains(&id.len()) => Some(id),
            _ => return Err(invalid()),
        };
        Ok(Offer {
            issuer: text(&issuer)?,
            vct: text(&vct)?,
            id,
            expiry: (!expiry.is_null()).then(|| time(&expiry)).transpose()?,
        })
    }
}

impl Request {
    /// Reads `bevis:request/…`.
    pub(crate) fn read(link: &str) -> Outcome<Request> {
        let [asker, session, hash, expiry] = fields(link, "request")?;
        let hash = hash.as_bytes().filter(|hash| hash.len() == 32).ok_or_else(invalid)?;
        Ok(Request {
            asker: text(&asker)?,
            session: text(&session)?,
            hash: hash.clone(),
            expiry: time(&expiry)?,
        })
    }
}
