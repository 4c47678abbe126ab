//! §7: mirroring the issuers of what is held, and the state of a credential by its entry.

use crate::cbor::{self, message};
use crate::connection::{Connection, STATUS, dial};
use crate::credential::Credential;
use crate::jose::{Jws, decode, encode, read, sha256};
use crate::json::{list, member, text, uint};
use crate::problem::{Outcome, Problem, refuse, require};
use crate::state::{Kept, Listed, Mirror, State};
use crate::time::LEEWAY;
use crate::trust::Trust;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;

const HEAD_MAX: usize = 256 * 1024;
const LIST_MAX: usize = 1_048_576;
/// Length of an inflated list: 2^20 entries of 2 bits.
const INFLATED: usize = 262_144;

/// Mirrors every issuer of what is held, and says what counts.
pub(crate) async fn mirror_all(state: &mut State, now: u64) -> Outcome<Value> {
    let trust = state.trust(now)?;
    let issuers: BTreeSet<String> = state.kept.held.iter().map(|held| held.issuer.clone()).collect();
    for did in issuers {
        let secret = state.peer(&did)?;
        let mut connection = dial(trust.organisation(&did, "unknown_issuer")?, secret).await?;
        let mirrored = mirror(&mut connection, &trust, &did, state.kept.mirrors.get(&did), now).await;
        connection.close().await;
        state.kept.mirrors.insert(did, mirrored?);
        state.save()?;
    }
    listed(&state.kept)
}

/// What is held, with the states of its copies.
pub(crate) fn listed(kept: &Kept) -> Outcome<Value> {
    let mut all = Vec::new();
    for held in &kept.held {
        let mut states = BTreeSet::new();
        let mut claims = Value::Null;
        for copy in &held.copies {
            let credential = Credential::read(&copy.credential)?;
            states.insert(state_of(kept, &held.issuer, &credential)?.unwrap_or("unknown"));
            claims = credential.claims();
        }
        let unused = held.copies.iter().filter(|copy| !copy.is_used).count();
        all.push(json!({
            "issuer": held.issuer, "vct": held.vct, "states": states,
            "copies": held.copies.len(), "unused": unused, "claims": claims,
        }));
    }
    Ok(json!({"held": all, "receipts": kept.receipts.len()}))
}

/// Asks for the head, and then for the lists that are new: whole, and all of them, so that the issuer does not learn which
/// one matters to us.
async fn mirror(
    connection: &mut Connection,
    trust: &Trust,
    did: &str,
    before: Option<&Mirror>,
    now: u64,
) -> Outcome<Mirror> {
    let reply = cbor::expect(connection.ask(STATUS, &"Head".into()).await?, "Head")?;
    let head = read(reply.text("head")?, "bevis-status-head+jwt", HEAD_MAX)?;
    check(trust, &head, did, now)?;
    require(
        text(&head.payload, "iss")? == did,
        "unknown_issuer",
        "the head is another issuer's",
    )?;
    let mut mirror = Mirror {
        iat: uint(&head.payload, "iat")?,
        ..Mirror::default()
    };
    let older = before.is_some_and(|before| mirror.iat < before.iat);
    require(!older, "stale", "the head is older than one that we have seen")?;
    let lists = list(&head.payload, "lists")?;
    require(lists.len() <= 256, "too_large", "the head names too many lists")?;
    for named in lists {
        let (uri, hash, version) = (text(named, "uri")?, text(named, "hash")?, uint(named, "version")?);
        let seen = before.and_then(|before| before.lists.get(uri));
        let lower = seen.is_some_and(|seen| version < seen.version);
        require(!lower, "stale", "a list is older than one that we have seen")?;
        let listed = match seen.filter(|seen| seen.hash == hash) {
            Some(seen) => Listed {
                version,
                ..seen.clone()
            },
            None => {
                let size = usize::try_from(uint(named, "size")?).unwrap_or(usize::MAX);
                let text = fetch(connection, hash, size).await?;
                Listed {
                    version,
                    hash: hash.to_owned(),
                    text,
                }
            }
        };
        let signed = read(&listed.text, "statuslist+jwt", LIST_MAX)?;
        check(trust, &signed, did, now)?;
        let same = text(&signed.payload, "sub")? == uri;
        require(same, "malformed", "a list has another name than the head says")?;
        inflate(&signed)?;
        mirror.lists.insert(uri.to_owned(), listed);
    }
    Ok(mirror)
}

/// What head and list have in common.
pub(crate) fn check(trust: &Trust, signed: &Jws, did: &str, now: u64) -> Outcome<()> {
    let (iat, exp) = (uint(&signed.payload, "iat")?, uint(&signed.payload, "exp")?);
    let signer = trust.verify(signed, iat, false, "unknown_issuer")?;
    require(
        signer.did == did,
        "unknown_issuer",
        "another organisation signed the status",
    )?;
    require(
        iat <= now.saturating_add(LEEWAY),
        "not_yet_valid",
        "the status is from the future",
    )?;
    require(now < exp, "expired", "the status has run out")
}

/// The text of a list, in pieces.
async fn fetch(connection: &mut Connection, hash: &str, size: usize) -> Outcome<String> {
    require(size <= LIST_MAX, "too_large", "a list is over its limit")?;
    let mut bytes = Vec::new();
    while bytes.len() < size {
        let offset = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let ask = message("Chunk", [("hash", hash.into()), ("offset", offset.into())]);
        let chunk = cbor::expect(connection.ask(STATUS, &ask).await?, "Chunk")?;
        let piece = chunk.bytes("bytes")?;
        let fits = usize::try_from(chunk.uint("total")?).is_ok_and(|total| total == size)
            && !piece.is_empty()
            && bytes.len().saturating_add(piece.len()) <= size;
        require(fits, "malformed", "a piece of a list does not fit")?;
        bytes.extend(piece);
    }
    let whole = encode(&sha256(&bytes)) == hash;
    require(whole, "malformed", "a list is not the one that the head names")?;
    String::from_utf8(bytes).map_err(|_| Problem::new("malformed", "a list is no text"))
}

/// The entries of a list.
pub(crate) fn inflate(signed: &Jws) -> Outcome<Vec<u8>> {
    let list = member(&signed.payload, "status_list")?;
    require(
        uint(list, "bits")? == 2,
        "unsupported",
        "a list has entries of another size",
    )?;
    let deflated = decode(text(list, "lst")?)?;
    let mut entries = Vec::new();
    // One byte more than there may be, so that a longer one is noticed.
    let limit = u64::try_from(INFLATED).unwrap_or(u64::MAX).saturating_add(1);
    let read = flate2::read::ZlibDecoder::new(deflated.as_slice())
        .take(limit)
        .read_to_end(&mut entries);
    let whole = read.is_ok_and(|length| length == INFLATED);
    require(whole, "malformed", "a list does not inflate to its size")?;
    Ok(entries)
}

/// State of a credential by what is mirrored; none when its list is not.
pub(crate) fn state_of(kept: &Kept, issuer: &str, credential: &Credential) -> Outcome<Option<&'static str>> {
    let (uri, index) = credential.status()?;
    let Some(listed) = kept.mirrors.get(issuer).and_then(|mirror| mirror.lists.get(uri)) else {
        return Ok(None);
    };
    let entries = inflate(&read(&listed.text, "statuslist+jwt", LIST_MAX)?)?;
    let byte = usize::try_from(index / 4).ok().and_then(|at| entries.get(at));
    let Some(byte) = byte else {
        return refuse("malformed", "a credential's status entry is beyond its list");
    };
    Ok(Some(match byte >> (index % 4 * 2) & 3 {
        0 => "valid",
        1 => "revoked",
        2 => "suspended",
        _ => "superseded",
    }))
}
