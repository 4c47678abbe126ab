//! Standing grants: asked for -> (terms of the issuer) -> decided (by a person) -> deposited at the issuer -> given to the asker ->
//! used, told of, and taken back.
//!
//! One yes decides all of it: what the asker may fetch, and that the issuer is shown who grants it. The grant's key is made with the
//! yes and is durable before anything leaves. What was begun goes on after a restart with the same bytes. A withdrawal stops this
//! wallet's side at once; issuer and asker are told until both have acknowledged.

mod asking;
mod deciding;
mod ending;
mod reminding;
mod reviewing;
mod telling;

pub(crate) use asking::Standing;
pub use reviewing::Found;
pub(crate) use reviewing::Review;

use crate::tables::{GrantRow, GrantStage};
use crate::{Error, Outgoing, Step, Thread, Wallet, name_of};
use credentials::grant::OpenedGrant;
use credentials::protocol::consent::Ask;
use credentials::schema::Path;
use credentials::{Code, Did, Timestamp};
use serde::Serialize;

/// What a thread of this protocol waits for.
pub(crate) struct Talk {
    pub(crate) to: Did,
    /// The grant's name in this wallet.
    pub(crate) name: String,
    pub(crate) wait: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// What depositing takes.
    Terms,
    /// That the issuer keeps it.
    Deposited,
    /// How it was used.
    Uses,
    /// The same of one that its issuer has acknowledged to be taken back: it says so again, or has forgotten it.
    LastUses,
    /// That the issuer knows it is taken back.
    Withdrawn,
    /// That the asker does.
    Erased,
    /// What showing what is granted takes.
    ReviewTerms,
    /// What is granted.
    Standing,
    /// What an asker erased because the holder asked.
    Deleted,
}

/// How a grant stands. Taken back, run out and never given are different things (E25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// The person said yes; issuer and asker do not both have it yet.
    UnderWay,
    /// It may be used.
    Active,
    /// The person took it back.
    Withdrawn,
    /// Its time ran out.
    Expired,
}

/// A standing grant, for its holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantView {
    /// Its name in this wallet.
    pub id: String,
    /// How it stands.
    pub state: GrantState,
    /// Who may fetch.
    pub asker: Did,
    /// Its registered name.
    pub asker_name: String,
    /// From whom.
    pub issuer: Did,
    /// Its registered name.
    pub issuer_name: String,
    /// Registered service.
    pub service: String,
    /// Type.
    pub vct: String,
    /// Which claims.
    pub claims: Vec<Path>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How often a day.
    pub uses_per_day: u16,
    /// What the issuer has told of uses.
    pub uses: Vec<UseView>,
    /// When it was taken back.
    pub withdrawn: Option<Timestamp>,
    /// Whether the issuer has acknowledged that.
    pub issuer_told: bool,
    /// Whether the asker has.
    pub asker_told: bool,
    /// The asker's receipt of what it erased and what it keeps (JWS).
    pub erasure: Option<String>,
    /// When the holder was last reminded that it stands.
    pub reminded: Option<Timestamp>,
}

/// One use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UseView {
    /// Which, from 1.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Which claims.
    pub claims: Vec<Path>,
}

impl Wallet {
    /// Every grant that a person of this wallet said yes to, newest first.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn grants(&self, now: Timestamp) -> Result<Vec<GrantView>, Error> {
        let mut views = Vec::new();
        for (id, row) in self.tables.named::<GrantRow>()? {
            if let Some(view) = self.grant_view(now, id, row)? {
                views.push(view);
            }
        }
        views.sort_by(|one, other| (other.from, &other.id).cmp(&(one.from, &one.id)));
        Ok(views)
    }

    fn grant_view(&self, now: Timestamp, id: String, row: GrantRow) -> Result<Option<GrantView>, Error> {
        let Some(text) = &row.grant else { return Ok(None) };
        let opened = OpenedGrant::open(text)?;
        let grant = opened.grant();
        let name = |did: &Did| name_of(self.trust.as_deref(), did);
        let state = match row.stage {
            GrantStage::Withdrawn => GrantState::Withdrawn,
            _ if now >= grant.exp => GrantState::Expired,
            GrantStage::Active => GrantState::Active,
            _ => GrantState::UnderWay,
        };
        let uses = self.tables.uses(&id)?.into_iter().map(|used| UseView {
            number: used.number,
            at: used.at,
            claims: used.claims,
        });
        Ok(Some(GrantView {
            state,
            asker: grant.asker.clone(),
            asker_name: name(&grant.asker),
            issuer: grant.issuer.clone(),
            issuer_name: name(&grant.issuer),
            service: grant.service.clone(),
            vct: grant.vct.clone(),
            claims: grant.claims.clone(),
            from: grant.nbf,
            until: grant.exp,
            uses_per_day: grant.uses_per_day,
            uses: uses.collect(),
            withdrawn: row.withdrawn_at,
            issuer_told: row.withdrawn.is_some(),
            asker_told: row.erasure.is_some(),
            erasure: row.erasure.filter(|text| !text.is_empty()),
            reminded: row.reminded_at,
            id,
        }))
    }

    pub(crate) fn grant_row(&self, name: &str) -> Result<GrantRow, Error> {
        self.tables.get::<GrantRow>(name)?.ok_or(Error::NotFound)
    }

    pub(crate) fn opened_grant(row: &GrantRow) -> Result<OpenedGrant, Error> {
        let text = row.grant.as_ref().ok_or(Code::UnexpectedMessage)?;
        Ok(OpenedGrant::open(text)?)
    }

    pub(crate) fn send_consent(
        &mut self,
        thread: Thread,
        to: Did,
        name: &str,
        ask: Ask,
        wait: Wait,
    ) -> Result<Step, Error> {
        let talk = crate::Talk::Consent(Talk {
            to,
            name: name.to_owned(),
            wait,
        });
        self.send(thread, Outgoing::Consent(ask), talk)
    }

    /// Whether a message of this kind is on its way.
    pub(crate) fn is_talking(&self, name: &str, wait: Wait) -> bool {
        self.talks.values().any(|talk| match talk {
            crate::Talk::Consent(talk) => talk.name == name && talk.wait == wait,
            _ => false,
        })
    }
}
