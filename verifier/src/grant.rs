//! Standing grants at the asker: asked for, used, and at their end erased with a signed receipt.
//!
//! A session may ask for a grant in place of a presentation. What comes back is the grant, signed by the holder, and the issuer's word
//! that it is deposited and whose it is; it must be exactly what was asked, and our customer's. From then on [`Verifier::grant_refresh`]
//! asks the issuer, as often as was granted, and [`Verifier::grant_released`] takes what it releases through the gate of
//! [`credentials::grant::VerifiedRelease`]. What must be gone when the person logs out is held in memory alone.
//!
//! `taking` (the answer to the request), `refreshing`, `ending` (withdrawal, end, erasure), `receipt` (what is said of that).

mod ending;
mod receipt;
mod refreshing;
mod tables;
mod taking;

pub(crate) use tables::{GrantRow, GrantTables};

use credentials::grant::{GrantAsked, OpenedGrant};
use credentials::schema::Path;
use credentials::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use crate::{Asked, Error, NewRequest, Verifier, error};

/// Most grants that are kept, ended ones included: 150,000 stand at all banks together today.
pub const GRANTS_MAX: usize = 1_000_000;

/// Most withdrawals that are remembered without their grant: anybody can make both.
const EARLY_MAX: usize = 1_024;

/// A grant to be asked for.
#[derive(Clone, Copy)]
pub struct NewGrant<'a> {
    /// For which service and customer, and which claims: of one type.
    pub request: NewRequest<'a>,
    /// Who is to release; `None` = the one organisation that issues the type.
    pub issuer: Option<&'a Did>,
    /// For how long, in seconds; `None` = as long as is registered.
    pub seconds: Option<i64>,
    /// How often a day; `None` = as often as is registered.
    pub uses_per_day: Option<u16>,
}

/// How a grant stands. Taken back, run out and never given are different things (E25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// It may be used.
    Active,
    /// The holder took it back.
    Withdrawn,
    /// Its time ran out.
    Expired,
}

/// A grant, without a claim and without the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantView {
    /// Its name.
    pub name: String,
    /// The session that it came of.
    pub session: String,
    /// Our own reference.
    pub case: String,
    /// Registered service.
    pub service: String,
    /// Who releases.
    pub issuer: Did,
    /// Type.
    pub vct: String,
    /// Which claims.
    pub claims: Vec<Path>,
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How often a day.
    pub uses_per_day: u16,
    /// How it stands.
    pub state: GrantState,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How often it was used.
    pub uses: u32,
    /// When last.
    pub used: Option<Timestamp>,
    /// What we stated last (JWS): what is erased and what is kept.
    pub erasure: Option<String>,
    /// That the holder asked for deletion (JWS).
    pub deletion: Option<String>,
}

/// Claims that a release brought. `Debug` prints none.
#[derive(Clone, PartialEq, Serialize)]
pub struct Released {
    /// Which release, from 1.
    pub number: u32,
    /// When it was released, by the issuer's clock.
    pub at: Timestamp,
    /// The claims.
    pub claims: Map<String, Value>,
    /// Until when they are kept; none = in memory until the person logs out.
    pub keep_until: Option<Timestamp>,
    /// Whether they may not be used to assess credit (E45).
    pub is_not_for_credit: bool,
}

impl std::fmt::Debug for Released {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Released({}, ..)", self.number)
    }
}

/// What was asked of an issuer and not answered yet.
pub(crate) struct Pending {
    pub(crate) nonce: String,
    claims: Vec<Path>,
    asked: Timestamp,
}

/// The grants in memory.
pub(crate) struct Grants {
    pub(crate) tables: GrantTables,
    /// Questions under way, by name of the grant: one at a time.
    pub(crate) pending: BTreeMap<String, Pending>,
    /// When which one runs out or is forgotten.
    pub(crate) due: std::collections::BTreeSet<(Timestamp, String)>,
    /// All of them by when they were given: how those ended that have, and when each runs out.
    order: BTreeMap<(Timestamp, String), (Option<GrantState>, Timestamp)>,
    /// Names of the newest that were taken back before they came: they are not taken in. One that a restart forgets ends with its
    /// first use, which its issuer refuses.
    early: std::collections::VecDeque<String>,
}

impl Grants {
    pub(crate) fn open(store: &store::Store) -> Result<Grants, Error> {
        let tables = GrantTables::new(store);
        let rows = tables.all()?;
        let mut grants = Grants {
            tables,
            pending: BTreeMap::new(),
            due: std::collections::BTreeSet::new(),
            order: BTreeMap::new(),
            early: std::collections::VecDeque::new(),
        };
        for row in rows {
            // What the process before held in memory is gone with it: due at once.
            let lost = row.in_memory_since().map(|since| (since, row.name.clone()));
            grants.due.extend(lost);
            grants.add(&row);
        }
        Ok(grants)
    }

    /// Notes when something is due for a grant, and how it stands.
    pub(crate) fn add(&mut self, row: &GrantRow) {
        self.due.insert((row.due(), row.name.clone()));
        let standing = (row.ended.map(|_| row.state), row.until);
        self.order.insert((row.since, row.name.clone()), standing);
    }

    /// Forgets one that is gone.
    pub(crate) fn remove(&mut self, row: &GrantRow) {
        self.order.remove(&(row.since, row.name.clone()));
    }

    /// All names, newest first, each with how it stands at `now`.
    pub(crate) fn newest(&self, now: Timestamp) -> impl Iterator<Item = (&str, GrantState)> {
        self.order.iter().rev().map(move |((_, name), (ended, until))| {
            let state = match ended {
                Some(state) => *state,
                None if now >= *until => GrantState::Expired,
                None => GrantState::Active,
            };
            (name.as_str(), state)
        })
    }
}

impl Grants {
    /// A grant was taken back that has not come yet.
    fn withdrawn_early(&mut self, name: String) {
        if self.early.contains(&name) {
            return;
        }
        if self.early.len() >= EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(name);
    }
}

impl Verifier {
    /// Makes a session that asks for a standing grant, as [`Verifier::request`]. Refuses further: `over_ask` (`grant`, `grant until`,
    /// `grant uses_per_day`, or more than one type), `unknown_issuer` when nobody or more than one issues the type and none is named.
    pub fn request_grant(&mut self, now: Timestamp, new: &NewGrant<'_>) -> Result<Asked, Problem> {
        self.make(now, &new.request, Some(new), None)
            .map_err(|refusal: error::Refusal| refusal.told_at_home("request"))
    }

    /// The terms of a grant that is asked for.
    pub(crate) fn grant_asked(&self, now: Timestamp, new: &NewGrant<'_>, vct: &str) -> Result<GrantAsked, Problem> {
        let registration = self.registration(new.request.service)?;
        let terms = registration.grant.as_ref();
        let terms = terms.ok_or_else(|| Problem::new(Code::OverAsk, "grant"))?;
        let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
        let issuer = match new.issuer {
            Some(issuer) => issuer.clone(),
            None => {
                let organisations = &trust.document().organisations;
                let mut issuers = organisations
                    .iter()
                    .filter(|one| one.issues.iter().any(|issued| issued == vct));
                match (issuers.next(), issuers.next()) {
                    (Some(one), None) => one.did.clone(),
                    _ => return Err(Problem::new(Code::UnknownIssuer, vct)),
                }
            }
        };
        let asked = GrantAsked {
            issuer,
            until: now.plus(new.seconds.unwrap_or(terms.seconds_max)),
            uses_per_day: new.uses_per_day.unwrap_or(terms.uses_per_day),
        };
        registration.allows_grant(&asked, now)?;
        Ok(asked)
    }

    /// Every grant, newest first. No claims.
    pub fn grants(&self, now: Timestamp) -> Result<Vec<GrantView>, Error> {
        let mut rows = self.grants.tables.all()?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.since, row.name.clone())));
        rows.into_iter().map(|row| view(row, now)).collect()
    }

    /// One of them.
    pub fn grant(&self, now: Timestamp, name: &str) -> Result<Option<GrantView>, Error> {
        match self.grants.tables.read(name)? {
            Some(row) => view(row, now).map(Some),
            None => Ok(None),
        }
    }
}

fn view(row: GrantRow, now: Timestamp) -> Result<GrantView, Error> {
    let opened = row.opened()?;
    let grant = opened.grant();
    let has_run_out = row.ended.is_none() && now >= grant.exp;
    Ok(GrantView {
        session: row.session,
        case: row.case,
        service: grant.service.clone(),
        issuer: grant.issuer.clone(),
        vct: grant.vct.clone(),
        claims: grant.claims.clone(),
        since: row.since,
        until: grant.exp,
        uses_per_day: grant.uses_per_day,
        state: match row.ended {
            None if has_run_out => GrantState::Expired,
            None => GrantState::Active,
            Some(_) => row.state,
        },
        ended: row.ended.or(has_run_out.then_some(grant.exp)),
        uses: row.uses,
        used: row.used,
        erasure: row.erasure,
        deletion: row.deletion,
        name: row.name,
    })
}

/// Whether what came back is what was asked: from whom, of what, until when and how often, under this very request.
pub(crate) fn is_as_asked(grant: &OpenedGrant, asked: &GrantAsked, request: &[u8; 32], us: &Did) -> bool {
    let of = grant.grant();
    of.asker == *us
        && of.issuer == asked.issuer
        && of.request == credentials::grant::hash_text(request)
        && of.exp <= asked.until
        && of.uses_per_day <= asked.uses_per_day
}
