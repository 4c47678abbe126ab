//! What is granted at an issuer, by whatever wallet: seen and taken back by the person who shows who they are. For whoever has lost the
//! wallet that gave it.
//!
//! asked for -> (the issuer's terms) -> read and decided (by a person) -> shown; and the same again with the names of what is taken back,
//! which the key binding covers. The issuer tells the askers.

use super::Wait;
use crate::history::What;
use crate::issuance::asks_only;
use crate::presentation::request_row;
use crate::tables::{Kind, RequestRow, RequestStage, ReviewRow};
use crate::{Error, Outcome, Settings, Step, Thread, Wallet, done, name_of};
use credentials::grant::{OpenedGrant, Withdrawn, hash_of, standing_covers};
use credentials::protocol::consent::{Ask, LISTED_MAX, NEXT_MAX, Standing as Listed};
use credentials::request;
use credentials::schema::{CredentialType, HolderProof, Path};
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::{Code, Did, Problem, Timestamp, time::DAY};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long what an issuer showed is remembered, so that a grant can be taken back by its name, in seconds.
const REMEMBERED: i64 = DAY;

/// Most grants that an issuer shows of one type: four times what ours keeps of a person.
const FOUND_MAX: usize = 1_024;

/// What stands behind a request to see what is granted.
pub(crate) struct Review {
    pub(crate) credential_type: Arc<CredentialType>,
    /// What is taken back: for whom, and until when it would have stood.
    pub(crate) ends: Vec<(String, Timestamp)>,
    nonce: String,
    names: Vec<[u8; 32]>,
}

impl Review {
    /// What the key binding covers: nothing but the names of what is taken back.
    pub(crate) fn covers(&self, settings: &Settings) -> Result<Covers, Error> {
        let (transaction, covered) = standing_covers(&self.nonce, &self.names);
        Ok(Covers {
            transaction,
            keys_hash: keys_hash(&[]),
            organisation: settings.organisation.clone(),
            grant: Some(covered),
        })
    }
}

/// A grant that an issuer showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name everywhere.
    pub name: String,
    /// Who may fetch.
    pub asker: Did,
    /// Its registered name.
    pub asker_name: String,
    /// From whom.
    pub issuer: Did,
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
    /// Releases so far.
    pub uses: u32,
    /// When it was taken back.
    pub withdrawn: Option<Timestamp>,
    /// Its name in this wallet, where this wallet gave it.
    pub id: Option<String>,
}

impl Wallet {
    /// Asks an issuer what the person has granted there of a type, and takes back what is named in `end` (names as [`Found::name`] of an
    /// earlier look): `unknown_grant` for a type of which nobody can grant anything. A request for the person's identification comes to wait for the person's yes; with it the issuer answers.
    pub fn review(&mut self, now: Timestamp, issuer: &Did, vct: &str, end: &[String]) -> (Thread, Vec<Step>) {
        self.command(|wallet, thread| wallet.begin_review(thread, now, issuer, vct, end))
    }

    fn begin_review(
        &mut self,
        thread: Thread,
        now: Timestamp,
        issuer: &Did,
        vct: &str,
        end: &[String],
    ) -> Result<Step, Error> {
        let trust = self.current_trust(now)?;
        let listed = trust.organisation(issuer).ok_or(Code::UnknownIssuer)?;
        if !listed.issues.iter().any(|issued| issued == vct) {
            return Err(Problem::new(Code::TypeNotAllowed, vct).into());
        }
        // Whoever cannot show who they are by a credential cannot have granted anything of the type.
        if matches!(self.known_type(vct)?.holder.proof, HolderProof::ActivationCode) {
            return Err(Problem::new(Code::UnknownGrant, vct).into());
        }
        if end.len() > LISTED_MAX {
            return Err(Code::TooLarge.into());
        }
        for name in end {
            // The person decides about grants that were seen, not about names.
            if self
                .tables
                .get::<FoundRow>(name)?
                .is_none_or(|found| found.0.issuer != *issuer)
            {
                return Err(Problem::new(Code::UnknownGrant, name.as_str()).into());
            }
        }
        let row = ReviewRow {
            issuer: issuer.clone(),
            vct: vct.to_owned(),
            end: end.to_vec(),
            nonce: None,
            until: now.plus(REMEMBERED),
            found: Vec::new(),
            from: None,
        };
        let name = self.short_name();
        let mut change = self.tables.change();
        change.add(&name, &row)?;
        change.commit()?;
        let ask = Ask::Begin {
            vct: row.vct,
            asker: None,
            organisation: self.settings.organisation.clone(),
        };
        self.send_consent(thread, row.issuer, &name, ask, Wait::ReviewTerms)
    }

    /// Puts the issuer's own request before the person: for no more than who the person is.
    pub(super) fn take_review_terms(
        &mut self,
        thread: Thread,
        now: Timestamp,
        peer: &str,
        name: &str,
        nonce: String,
        text: &str,
    ) -> Result<Step, Error> {
        let row = self.tables.get::<ReviewRow>(name)?.ok_or(Error::NotFound)?;
        let opened = request::open(text, &*self.current_trust(now)?, Some(peer), now)?;
        let issue = opened.request.issue.as_ref();
        let standing = issue.and_then(|issue| issue.standing.as_ref());
        let rules = [
            ("client_id", opened.request.asker == row.issuer),
            ("nonce", opened.request.nonce == nonce),
            ("vct", issue.is_some_and(|issue| issue.vct == row.vct)),
            ("standing", standing.is_some_and(|standing| standing.asker.is_none())),
            (
                "organisation",
                issue.is_some_and(|issue| {
                    issue.organisation.is_none() || issue.organisation == self.settings.organisation
                }),
            ),
        ];
        if let Some((what, _)) = rules.iter().find(|(_, holds)| !holds) {
            return Err(Problem::new(Code::WrongRequest, *what).into());
        }
        match &self.known_type(&row.vct)?.holder.proof {
            HolderProof::Credential { vct, path } | HolderProof::Role { vct, path, .. } => {
                asks_only(&opened, vct, path)?
            }
            HolderProof::ActivationCode => return Err(Code::WrongRequest.into()),
        }
        let id = self.short_name();
        let request = RequestRow {
            transaction: Some(name.to_owned()),
            ..request_row(&opened, Kind::Review)
        };
        let row = ReviewRow {
            nonce: Some(nonce),
            ..row
        };
        let mut change = self.tables.change();
        change.add(&id, &request)?;
        change.put(name, &row)?;
        change.commit()?;
        Ok(done(thread, Ok(Outcome::Waiting { id })))
    }

    /// What a request that waits is to see and to end.
    pub(crate) fn review_of(&self, row: &RequestRow) -> Result<Option<Review>, Error> {
        if row.kind != Kind::Review {
            return Ok(None);
        }
        let name = row.transaction.as_deref().ok_or(Error::NotFound)?;
        let review = self.tables.get::<ReviewRow>(name)?.ok_or(Error::NotFound)?;
        let mut ends = Vec::new();
        for name in &review.end {
            let found = self.tables.get::<FoundRow>(name)?.ok_or(Error::NotFound)?.0;
            ends.push((found.asker_name, found.until));
        }
        Ok(Some(Review {
            credential_type: self.known_type(&review.vct)?,
            ends,
            nonce: review.nonce.ok_or(Code::UnexpectedMessage)?,
            names: review.end.iter().map(|name| hash_of(name)).collect::<Result<_, _>>()?,
        }))
    }

    /// Shows the issuer who the person is.
    pub(crate) fn send_review(&mut self, thread: Thread, name: &str, answer: String) -> Result<Step, Error> {
        let row = self.tables.get::<ReviewRow>(name)?.ok_or(Error::NotFound)?;
        let ask = Ask::Standing {
            nonce: row.nonce.ok_or(Code::UnexpectedMessage)?,
            answer,
            end: row.end,
            from: row.from,
        };
        self.send_consent(thread, row.issuer, name, ask, Wait::Standing)
    }

    /// Takes what the issuer shows: remembered for a day, so that it can be taken back by name. What was taken back by this stands in the
    /// history, and a grant of this wallet's own is taken back here too.
    pub(super) fn take_standing(
        &mut self,
        thread: Thread,
        now: Timestamp,
        name: &str,
        listed: &[Listed],
        next: Option<String>,
    ) -> Result<Step, Error> {
        let row = self.tables.get::<ReviewRow>(name)?.ok_or(Error::NotFound)?;
        let trust = self.trust()?;
        let is_over = row.found.len().saturating_add(listed.len()) > FOUND_MAX;
        if listed.len() > LISTED_MAX || is_over || next.as_ref().is_some_and(|next| next.len() > NEXT_MAX) {
            return Err(Code::TooLarge.into());
        }
        if listed.is_empty() && next.is_some() {
            return Err(Problem::new(Code::Malformed, "next").into());
        }
        let own = self.own_grants()?;
        let (mut found, mut events, mut rows) = (row.found.clone(), Vec::new(), Vec::new());
        for one in listed {
            let opened = OpenedGrant::open(&one.grant)?;
            let grant = opened.grant();
            if grant.issuer != row.issuer || grant.vct != row.vct {
                return Err(Code::WrongRequest.into());
            }
            let withdrawn = one.withdrawn.as_deref();
            let withdrawn = withdrawn
                .map(|text| Withdrawn::open(text, &opened, &trust))
                .transpose()?;
            let mine = own.iter().find(|(_, name, _)| *name == opened.name());
            if let (Some((id, _, kept)), Some(withdrawn), Some(text)) = (mine, &withdrawn, &one.withdrawn)
                && kept.withdrawn.is_none()
            {
                let mut kept = kept.clone();
                kept.stage = crate::tables::GrantStage::Withdrawn;
                kept.withdrawn_at = kept.withdrawn_at.or(Some(withdrawn.at));
                kept.withdrawn = Some(text.clone());
                // The issuer tells the asker.
                kept.erasure = kept.erasure.or(Some(String::new()));
                rows.push((id.clone(), kept));
            }
            if row.end.contains(&opened.name()) && withdrawn.is_some() {
                let mut event = self.event(now, What::Withdrawn, &grant.asker);
                event.service = Some(grant.service.clone());
                event.types.push(grant.vct.clone());
                event.request = Some(grant.request.clone());
                events.push(event);
            }
            // One that was taken back meanwhile comes a second time.
            found.retain(|one| one.name != opened.name());
            found.push(Found {
                name: opened.name(),
                asker_name: name_of(Some(&trust), &grant.asker),
                asker: grant.asker.clone(),
                issuer: grant.issuer.clone(),
                service: grant.service.clone(),
                vct: grant.vct.clone(),
                claims: grant.claims.clone(),
                from: grant.nbf,
                until: grant.exp,
                uses: one.uses,
                withdrawn: withdrawn.map(|withdrawn| withdrawn.at),
                id: mine.map(|(id, ..)| id.clone()),
            });
        }
        let mut ends = row.end.iter();
        let is_ended = |name: &&String| found.iter().any(|one| one.name == **name && one.withdrawn.is_some());
        if next.is_none()
            && let Some(name) = ends.find(|name| !is_ended(name))
        {
            return Err(Problem::new(Code::UnknownGrant, name.as_str()).into());
        }
        found.sort_by(|one, other| (other.from, &other.name).cmp(&(one.from, &one.name)));
        let requests = self.tables.named::<RequestRow>()?;
        let waiting = requests
            .into_iter()
            .find(|(_, request)| request.kind == Kind::Review && request.transaction.as_deref() == Some(name));
        let mut change = self.tables.change();
        match &next {
            None => {
                change.delete::<ReviewRow>(name);
                if let Some((id, _)) = &waiting {
                    change.delete::<RequestRow>(id);
                }
            }
            Some(_) => {
                let row = ReviewRow {
                    found: found.clone(),
                    from: next.clone(),
                    ..row
                };
                change.put(name, &row)?;
            }
        }
        for (id, row) in &rows {
            change.put(id, row)?;
        }
        for one in &found {
            change.put(&one.name, &FoundRow(one.clone(), now.plus(REMEMBERED)))?;
        }
        for event in &events {
            change.event(event)?;
        }
        change.commit()?;
        match (next, waiting) {
            (None, _) => Ok(done(thread, Ok(Outcome::Standing { grants: found }))),
            // The same answer counts until all of it was shown.
            (Some(_), Some((_, request))) => match request.stage {
                RequestStage::Answered { answer } => self.send_review(thread, name, answer),
                _ => Err(Error::NotFound),
            },
            (Some(_), None) => Err(Error::NotFound),
        }
    }

    /// A look that the issuer refused for a reason that stays is at its end.
    pub(super) fn review_dropped(&mut self, name: &str, result: Result<Step, Error>) -> Result<Step, Error> {
        if let Err(Error::Refused(problem)) = &result
            && !problem.code.is_passing()
        {
            let requests = self.tables.named::<RequestRow>()?;
            let mut change = self.tables.change();
            change.delete::<ReviewRow>(name);
            for (id, _) in requests
                .iter()
                .filter(|(_, request)| request.kind == Kind::Review && request.transaction.as_deref() == Some(name))
            {
                change.delete::<RequestRow>(id);
            }
            change.commit()?;
        }
        result
    }

    /// Forgets what was looked at, and looks that came to no end.
    pub(crate) fn sweep_reviews(&mut self, now: Timestamp) -> Result<(), Error> {
        let reviews = self.tables.named::<ReviewRow>()?;
        let found = self.tables.named::<FoundRow>()?;
        let mut change = self.tables.change();
        let mut is_any = false;
        for (name, _) in reviews.iter().filter(|(_, row)| now >= row.until) {
            change.delete::<ReviewRow>(name);
            is_any = true;
        }
        for (name, _) in found.iter().filter(|(_, row)| now >= row.1) {
            change.delete::<FoundRow>(name);
            is_any = true;
        }
        match is_any {
            true => change.commit(),
            false => Ok(()),
        }
    }

    /// What issuers showed within the last day, newest first.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn found(&self, now: Timestamp) -> Result<Vec<Found>, Error> {
        let rows = self.tables.named::<FoundRow>()?.into_iter();
        let mut found: Vec<Found> = rows.filter(|(_, row)| now < row.1).map(|(_, row)| row.0).collect();
        found.sort_by(|one, other| (other.from, &other.name).cmp(&(one.from, &one.name)));
        Ok(found)
    }

    /// Grants of this wallet: id, name everywhere, row.
    fn own_grants(&self) -> Result<Vec<(String, String, crate::tables::GrantRow)>, Error> {
        let mut own = Vec::new();
        for (id, row) in self.tables.named::<crate::tables::GrantRow>()? {
            if let Ok(opened) = Wallet::opened_grant(&row) {
                own.push((id, opened.name(), row));
            }
        }
        Ok(own)
    }
}

/// A grant that an issuer showed, and until when that is remembered. Id: its name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FoundRow(pub(crate) Found, pub(crate) Timestamp);

impl crate::tables::Row for FoundRow {
    const TABLE: &'static str = "wallet-found-grants";
}
