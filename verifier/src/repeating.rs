//! A system that is not sure whether its request arrived sends it again, and the customer is asked once.
//!
//! The system names its request; the name and what was asked are kept as keyed hashes beside the session, written with it and
//! gone with it.

use crate::error::Refusal;
use crate::{Asked, Error, NewGrant, NewRequest, Verifier};
use credentials::link::Link;
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// Label under which names of requests are hashed.
const NAME: &str = "bevis/verifier/repeat/1";
/// Label under which what was asked is hashed: a customer's number is in it.
const CONTENT: &str = "bevis/verifier/repeat-content/1";

/// A request that a system may send more than once.
#[derive(Clone, Copy)]
pub struct Once<'a> {
    /// The system's own name for it.
    pub key: &'a str,
    /// All that is asked, in a form in which equal requests are equal bytes.
    pub content: &'a [u8],
}

/// The hashes of one.
pub(crate) struct Repeat {
    pub(crate) name: [u8; 32],
    pub(crate) content: [u8; 32],
}

/// The row of one.
#[derive(Serialize, Deserialize)]
pub(crate) struct Repeated {
    pub(crate) session: String,
    pub(crate) content: [u8; 32],
}

impl Verifier {
    /// Makes a session as [`Verifier::request`], or [`Verifier::request_grant`] where `grant` says so; under a key that was used
    /// before, gives the session of the first time, whatever has become of it, and `true`.
    ///
    /// Refuses further: `idempotency_conflict` when something else was asked under that key.
    pub fn request_once(
        &mut self,
        now: Timestamp,
        once: &Once<'_>,
        new: &NewRequest<'_>,
        grant: Option<&NewGrant<'_>>,
    ) -> Result<(Asked, bool), Problem> {
        let repeat = Repeat {
            name: self.tables.keyed_hash(NAME, once.key.as_bytes()),
            content: self.tables.keyed_hash(CONTENT, once.content),
        };
        if let Some(asked) = self
            .asked_before(&repeat)
            .map_err(|error| error.told_at_home("request"))?
        {
            return Ok((asked, true));
        }
        let made = self.make(now, new, grant, Some(&repeat));
        let asked = made.map_err(|refusal| refusal.told_at_home("request"))?;
        Ok((asked, false))
    }

    fn asked_before(&self, repeat: &Repeat) -> Result<Option<Asked>, Refusal> {
        let Some(before) = self.tables.repeat(&repeat.name)? else {
            return Ok(None);
        };
        if before.content != repeat.content {
            return Err(Code::IdempotencyConflict.into());
        }
        let unreadable = || Error::Row {
            table: "verifier.repeats",
        };
        let session = self.tables.session(&before.session)?.ok_or_else(unreadable)?;
        let request = self.tables.request(&before.session)?.ok_or_else(unreadable)?;
        let link = Link::Request {
            asker: self.settings.did.clone(),
            session: session.id.clone(),
            hash: session.request_hash.to_vec(),
            expires: session.expires,
        };
        Ok(Some(Asked {
            session: session.id,
            link,
            request,
            expires: session.expires,
        }))
    }
}
