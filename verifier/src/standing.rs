//! How what was shown stands now: a credential that was valid when the bank decided may be taken back a minute later.
//!
//! Where the status of each copy stands is kept in the very row of its claims, under that row's own key, and is erased with them; of
//! claims that are only held in memory it is held there. It is compared with the lists that are mirrored anyway: nothing is
//! fetched because of it, and no issuer learns that somebody looked. The verdict stays what it was when the answer was checked.
//!
//! *Superseded* is no news about what was shown: a wallet gets new copies by itself, and its old ones are superseded whether anything
//! has changed or not. It is told as such, and neither noted nor counted as taken back.

use crate::session::State as SessionState;
use crate::{Error, Verifier, session};
use credentials::status::{Source, State};
use credentials::verify::VerifiedPresentation;
use credentials::{Did, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is kept or held of a valid answer, both by query id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holding {
    /// The claims that were asked for.
    pub(crate) claims: BTreeMap<String, Value>,
    /// Where the status of each copy stands.
    pub(crate) copies: BTreeMap<String, Copy>,
}

/// Where the status of a copy stands, and what was last seen there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Copy {
    issuer: Did,
    uri: String,
    index: u32,
    expires: Option<Timestamp>,
    /// That it was taken back after the answer, or stands again, and when that was first seen here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<(State, Timestamp)>,
}

impl Holding {
    /// Claims alone.
    pub(crate) fn of_claims(claims: BTreeMap<String, Value>) -> Holding {
        Holding {
            claims,
            copies: BTreeMap::new(),
        }
    }

    /// From a row. One that was written before copies were noted is the claims themselves.
    pub(crate) fn read(row: &[u8]) -> Option<Holding> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Row {
            Now(Holding),
            Before(BTreeMap<String, Value>),
        }
        match serde_json::from_slice(row).ok()? {
            Row::Now(holding) => Some(holding),
            Row::Before(claims) => Some(Holding::of_claims(claims)),
        }
    }
}

/// Where the status of each copy of an answer stands.
pub(crate) fn copies(answer: &VerifiedPresentation) -> BTreeMap<String, Copy> {
    let copy = |id: &String, credential: &credentials::verify::VerifiedCredential| {
        let status = credential.status()?;
        let copy = Copy {
            issuer: credential.issuer().clone(),
            uri: status.uri.clone(),
            index: status.index,
            expires: credential.expires(),
            seen: None,
        };
        Some((id.clone(), copy))
    };
    let all = answer.credentials().iter();
    all.filter_map(|(id, credential)| copy(id, credential)).collect()
}

/// How one credential of a valid answer stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Query id.
    pub credential: String,
    /// What its issuer last said; none when no list of it is here.
    pub state: Option<State>,
    /// When the issuer said so.
    #[serde(serialize_with = "crate::verdict::rfc3339_option")]
    pub said_at: Option<Timestamp>,
    /// When it was first seen here that it is another than when the answer was checked.
    #[serde(serialize_with = "crate::verdict::rfc3339_option")]
    pub seen_at: Option<Timestamp>,
    /// When it runs out by itself.
    #[serde(serialize_with = "crate::verdict::rfc3339_option")]
    pub expires: Option<Timestamp>,
    /// Whether it has run out since.
    pub is_expired: bool,
}

impl Verifier {
    /// How the credentials of a valid answer stand now, as long as what they showed may be read; empty for any other session. What
    /// is seen here for the first time is noted with its time.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn standing(&mut self, now: Timestamp, status: &dyn Source, id: &str) -> Result<Vec<Standing>, Error> {
        if !session::is_name(id) {
            return Ok(Vec::new());
        }
        let Some(session) = self
            .tables
            .session(id)?
            .filter(|it| it.state == SessionState::Completed)
        else {
            return Ok(Vec::new());
        };
        let (kept, is_kept) = match session.keep_until {
            Some(until) if now < until => (self.tables.claims(id)?, true),
            Some(_) => (None, true),
            None => (self.reading.holding(id, now), false),
        };
        let mut holding = kept.unwrap_or_default();
        let mut is_news = false;
        let mut all = Vec::with_capacity(holding.copies.len());
        for (credential, copy) in &mut holding.copies {
            let word = status.state(&copy.issuer, &copy.uri, copy.index);
            if let Some((state, _)) = word
                && state != State::Superseded
                && state != copy.seen.map_or(State::Valid, |(seen, _)| seen)
            {
                copy.seen = Some((state, now));
                is_news = true;
            }
            all.push(Standing {
                credential: credential.clone(),
                state: word.map(|(state, _)| state),
                said_at: word.map(|(_, at)| at),
                seen_at: copy.seen.map(|(_, at)| at),
                expires: copy.expires,
                is_expired: copy.expires.is_some_and(|expires| now >= expires),
            });
        }
        if is_news {
            self.note_seen(id, &holding, is_kept);
        }
        Ok(all)
    }

    /// Notes what was seen. Where that fails it is seen anew the next time: whoever looks is not refused for it.
    fn note_seen(&mut self, id: &str, holding: &Holding, is_kept: bool) {
        if !is_kept {
            self.reading.renew(id, holding);
            return;
        }
        let mut tx = self.tables.begin();
        let written = self.tables.put_claims(&mut tx, id, holding);
        let written = written.and_then(|()| Ok(crate::tables::commit(tx)?));
        if let Err(error) = written {
            tracing::warn!(session = id, %error, "a change of status is not noted");
        }
    }

    /// What became of the first that its issuer has taken back, of a session whose claims may be read.
    pub(crate) fn fallen(
        &self,
        now: Timestamp,
        status: &dyn Source,
        session: &session::Session,
    ) -> Result<Option<State>, Error> {
        let holding = match session.keep_until {
            Some(until) if now < until => self.tables.claims(&session.id)?,
            Some(_) => None,
            None => self.reading.holding(&session.id, now),
        };
        let copies = holding.map(|holding| holding.copies).unwrap_or_default();
        let mut words = copies
            .values()
            .filter_map(|copy| status.state(&copy.issuer, &copy.uri, copy.index));
        let is_taken_back = |(state, _): &(State, Timestamp)| [State::Revoked, State::Suspended].contains(state);
        Ok(words.find(is_taken_back).map(|(state, _)| state))
    }
}
