//! The digest: what an issuer tells everybody at once when lists changed.

use super::Changes;
use super::head::{self, ListVersion, check_signed, malformed, time};
use crate::jws::Jws;
use crate::trust::Trust;
use crate::{Did, Problem, Timestamp, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Label of a digest.
pub const DIGEST_TYP: &str = "bevis-status-digest+jwt";
/// Longest signed digest, in bytes: what one message of gossip carries.
pub const DIGEST_MAX: usize = 4 * 1024;

/// What a digest says of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The list as it now is.
    pub list: ListVersion,
    /// Hash of the states before, that the changes start from.
    pub from: String,
    /// All that changed since then; none when it did not fit.
    pub changes: Option<Changes>,
}

/// A digest (`bevis-status-digest+jwt`): lists of one issuer that changed, at most [`DIGEST_MAX`] bytes.
///
/// Its members are `iss`, `iat`, `exp` and `lists`: [{`uri`, `version`, `hash`, `size`, `states`, `from`, `changes`}], where `changes`
/// is base64url of [`Changes`]. What it says of a list counts as what a head of that instant would say: its `iat` becomes the as-of
/// time of these lists, and of no others. Without any list it says no more than that there is a newer head to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Issuer.
    pub issuer: Did,
    /// Signed at.
    pub issued: Timestamp,
    /// Not passed on after.
    pub expires: Timestamp,
    /// Lists, each once.
    pub lists: Vec<News>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    uri: String,
    version: u64,
    hash: String,
    size: u32,
    states: String,
    from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<String>,
}

impl Digest {
    /// Signs. Errors: `malformed` with the member that has not its form; `too_large` when it does not fit: leave out changes, then
    /// lists.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        let lists: Vec<Wire> = self
            .lists
            .iter()
            .map(|news| Wire {
                uri: news.list.uri.clone(),
                version: news.list.version,
                hash: news.list.hash.clone(),
                size: news.list.size,
                states: news.list.states.clone(),
                from: news.from.clone(),
                changes: news
                    .changes
                    .as_ref()
                    .map(|changes| BASE64_URL_SAFE_NO_PAD.encode(changes.to_bytes())),
            })
            .collect();
        let payload = json!({ "iss": self.issuer, "iat": self.issued, "exp": self.expires, "lists": lists });
        head::sign((DIGEST_TYP, DIGEST_MAX), (&self.issuer, kid), &payload, signer)
    }

    /// Bounded parse and check against the trust document, as [`super::Head::open`].
    pub fn open(text: &str, trust: &Trust, now: Timestamp) -> Result<Digest, Problem> {
        Digest::opened(text, trust, Some(now)).map(|(digest, _)| digest)
    }

    /// With the name of the key; without `now`, times are not compared with a clock.
    pub(super) fn opened(text: &str, trust: &Trust, now: Option<Timestamp>) -> Result<(Digest, String), Problem> {
        let signed = Jws::parse(text, DIGEST_TYP, DIGEST_MAX)?;
        let (issuer, issued, kid) = check_signed(&signed, trust, now)?;
        let lists = signed.payload.get("lists").and_then(Value::as_array);
        let lists = lists
            .ok_or_else(|| malformed("lists"))?
            .iter()
            .map(read)
            .collect::<Option<Vec<News>>>()
            .ok_or_else(|| malformed("lists"))?;
        let digest = Digest {
            issuer,
            issued,
            expires: time(&signed, "exp")?,
            lists,
        };
        digest.check()?;
        Ok((digest, kid))
    }

    fn check(&self) -> Result<(), Problem> {
        head::check_said(self.issued, self.expires, self.lists.iter().map(|news| &news.list))?;
        let is_news = self.lists.iter().all(|news| head::is_hash(&news.from));
        is_news.then_some(()).ok_or_else(|| malformed("lists"))
    }
}

fn read(value: &Value) -> Option<News> {
    let wire: Wire = serde_json::from_value(value.clone()).ok()?;
    let changes = match wire.changes {
        Some(text) => Some(Changes::parse(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?),
        None => None,
    };
    Some(News {
        list: ListVersion {
            uri: wire.uri,
            version: wire.version,
            hash: wire.hash,
            size: wire.size,
            states: wire.states,
        },
        from: wire.from,
        changes,
    })
}
