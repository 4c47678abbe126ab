//! Fetching what is granted.

use super::{GrantState, Pending, Released};
use crate::grant::tables::HeldRow;
use crate::outbox::of_grant;
use crate::retention::NOT_FOR_CREDIT;
use crate::standing::Holding;
use crate::{ERASE_AT_END, Error, Verifier};
use credentials::grant::{Asked, VerifiedRelease};
use credentials::protocol::consent::{Ask, Reply};
use credentials::schema::Path;
use credentials::{Code, Did, Problem, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How long an answer is waited for, in seconds, before the same grant may be asked for again: longer than any question takes on
/// the network. Nobody waits so long for one that is known to have failed ([`Verifier::grant_unanswered`]).
const UNDER_WAY_SECONDS: i64 = 60;
/// Name under which claims of a grant are held for reading.
const CLAIMS: &str = "claims";

impl Verifier {
    /// Asks for what is granted, all of it or these claims: to be sent to the issuer, and its answer given to
    /// [`Verifier::grant_released`]; where none comes, [`Verifier::grant_unanswered`].
    ///
    /// Refuses: `unknown_grant`, `withdrawn`, `expired`, `not_yet_valid`, `over_ask`, and what our registration of now does not allow;
    /// `rate_limited` (`refresh`) while one is under way, which goes on undisturbed.
    pub fn grant_refresh(&mut self, now: Timestamp, name: &str, claims: &[Path]) -> Result<(Did, Ask), Problem> {
        let row = self.grants.tables.read(name).map_err(|error| error.problem())?;
        let row = row.ok_or(Code::UnknownGrant)?;
        match row.state {
            GrantState::Active => self.grant_refresh_even_so(now, name, claims),
            GrantState::Withdrawn => Err(Code::Withdrawn.into()),
            GrantState::Expired => Err(Code::Expired.into()),
        }
    }

    /// The same also of a grant that has ended here: to see that its source refuses. Errors: as [`Verifier::grant_refresh`].
    pub fn grant_refresh_even_so(
        &mut self,
        now: Timestamp,
        name: &str,
        claims: &[Path],
    ) -> Result<(Did, Ask), Problem> {
        let row = self.grants.tables.read(name).map_err(|error| error.problem())?;
        let row = row.ok_or(Code::UnknownGrant)?;
        let grant = row.opened().map_err(|error| error.problem())?;
        grant.check_time(now)?;
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        trust.current(now)?;
        grant.check_registered(&trust)?;
        let claims = match claims {
            [] => grant.grant().claims.clone(),
            some => {
                grant.allows(some)?;
                some.to_vec()
            }
        };
        let is_under_way = |one: &Pending| (one.asked..one.asked.plus(UNDER_WAY_SECONDS)).contains(&now);
        if self.grants.pending.get(name).is_some_and(is_under_way) {
            return Err(Problem::new(Code::RateLimited, "refresh"));
        }
        let nonce = self.name::<16>();
        let ask = Ask::Refresh {
            grant: row.text.clone(),
            nonce: nonce.clone(),
            claims: claims.clone(),
        };
        let asked = now;
        let pending = Pending { nonce, claims, asked };
        self.grants.pending.insert(name.to_owned(), pending);
        Ok((grant.grant().issuer.clone(), ask))
    }

    /// No answer will come to the question with that nonce: the next may be asked.
    pub fn grant_unanswered(&mut self, name: &str, nonce: &str) {
        self.take_pending(name, nonce);
    }

    /// The question with that nonce, if it is still waited for. Any other stays.
    fn take_pending(&mut self, name: &str, nonce: &str) -> Option<Pending> {
        let is_it = self.grants.pending.get(name).is_some_and(|one| one.nonce == nonce);
        is_it.then(|| self.grants.pending.remove(name)).flatten()
    }

    /// Takes the issuer's answer to the question with that nonce. Nothing of one that does not pass the gate is looked at.
    ///
    /// That it was taken back counts at once, whoever says so: `withdrawn` of the issuer ends the grant here too.
    pub fn grant_released(
        &mut self,
        now: Timestamp,
        name: &str,
        nonce: &str,
        reply: Reply,
    ) -> Result<Released, Problem> {
        let pending = self.take_pending(name, nonce);
        let release = match reply {
            Reply::Released { release } => release,
            Reply::Problem(problem) => {
                let row = self.grants.tables.read(name).map_err(|error| error.problem())?;
                let is_active = row.is_some_and(|row| row.state == GrantState::Active);
                if problem.code == Code::Withdrawn && is_active {
                    self.grant_ended(now, name, GrantState::Withdrawn, None)
                        .map_err(|error| error.problem())?;
                }
                return Err(problem);
            }
            _ => return Err(Code::UnexpectedMessage.into()),
        };
        let pending = pending.ok_or(Code::UnexpectedMessage)?;
        let ours = |error: Error| error.problem();
        let row = self.grants.tables.read(name).map_err(ours)?.ok_or(Code::UnknownGrant)?;
        if row.state != GrantState::Active {
            // It was taken back while the answer was on its way, or its issuer has not heard of that: who asks is to see the difference.
            return Err(Problem::new(Code::Withdrawn, "released"));
        }
        let grant = row.opened().map_err(ours)?;
        let number = self.grants.tables.customer(name).map_err(ours)?.ok_or(Code::Internal)?;
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        let credential_type = self.types.get(&grant.grant().vct).ok_or(Code::UnknownType)?;
        let asked = Asked {
            grant: &grant,
            nonce: &pending.nonce,
            claims: &pending.claims,
            number: &number,
        };
        let verified = VerifiedRelease::open(&release, &asked, credential_type, &trust, now)?;
        let release = verified.release();
        let says = |member: &str| release.claims.get(member).and_then(Value::as_bool) == Some(true);
        let registration = self.registration(&grant.grant().service)?;
        let keep_seconds = match says(ERASE_AT_END) {
            true => 0,
            false => registration.keep_seconds.max(0),
        };
        let keep_until = (keep_seconds > 0).then(|| now.plus(keep_seconds));
        let held = HeldRow {
            number: row.uses.saturating_add(1),
            claims: pending.claims.clone(),
            received: now,
            until: keep_until,
            ground: registration.keep_ground.code.clone(),
        };
        let released = Released {
            number: release.number,
            at: release.iat,
            claims: release.claims.clone(),
            keep_until,
            is_not_for_credit: says(NOT_FOR_CREDIT),
        };
        self.note_released(now, row, held, &released).map_err(ours)?;
        Ok(released)
    }

    fn note_released(
        &mut self,
        now: Timestamp,
        before: super::GrantRow,
        held: HeldRow,
        released: &Released,
    ) -> Result<(), Error> {
        let mut row = before.clone();
        row.uses = row.uses.saturating_add(1);
        row.used = Some(now);
        let mut tx = self.tables.begin();
        if held.until.is_some() {
            self.grants
                .tables
                .put_claims(&mut tx, &row.name, held.number, &released.claims)?;
        } else {
            // What the person saw before makes room for what they see now.
            super::ending::erase_memory(&mut row, now);
        }
        let is_memory = held.until.is_none();
        row.held.push(held);
        self.grants.tables.put(&mut tx, &row)?;
        let news = self.outbox.write(&mut tx, now, of_grant(Some(&before), &row))?;
        tx.commit()?;
        self.outbox.told(news);
        self.reschedule(&before, &row);
        if is_memory {
            let claims = BTreeMap::from([(CLAIMS.to_owned(), Value::Object(released.claims.clone()))]);
            self.reading.hold(&row.name, &Holding::of_claims(claims), now);
        }
        Ok(())
    }

    /// The claims of the newest release that may still be read.
    pub fn grant_claims(&self, now: Timestamp, name: &str) -> Result<Option<Map<String, Value>>, Error> {
        let held = self.reading.holding(name, now);
        if let Some(Value::Object(claims)) = held.and_then(|mut held| held.claims.remove(CLAIMS)) {
            return Ok(Some(claims));
        }
        let Some(row) = self.grants.tables.read(name)? else {
            return Ok(None);
        };
        let newest = row
            .held
            .iter()
            .rfind(|held| held.until.is_some_and(|until| now < until));
        match newest {
            Some(held) => self.grants.tables.claims(name, held.number),
            None => Ok(None),
        }
    }

    /// The person logged out: what was held for that session only is gone, and that is stated. Whether there was any.
    pub fn grant_logout(&mut self, now: Timestamp, name: &str) -> Result<bool, Error> {
        let is_forgotten = self.reading.forget(name);
        let Some(before) = self.grants.tables.read(name)? else {
            return Ok(is_forgotten);
        };
        let mut row = before.clone();
        if super::ending::erase_memory(&mut row, now) {
            let mut tx = self.tables.begin();
            self.grants.tables.put(&mut tx, &row)?;
            let news = self.outbox.write(&mut tx, now, of_grant(Some(&before), &row))?;
            tx.commit()?;
            self.outbox.told(news);
            self.reschedule(&before, &row);
            if let Err(error) = self.state_grant_erasure(now, row) {
                tracing::warn!(grant = %name, %error, "erasure not stated yet");
            }
        }
        self.changed();
        Ok(is_forgotten)
    }
}
