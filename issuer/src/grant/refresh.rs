//! A release under a grant: checked in the order of E11, logged, counted, durable, and only then given out.

use credentials::grant::{Release, Usage};
use credentials::letter::Letter;
use credentials::protocol::consent::Reply;
use credentials::query::CLAIMS_MAX;
use credentials::schema::{Path, only};
use credentials::{Code, Did, Problem, Timestamp};
use serde_json::Value;
use store::Key;

use super::{GrantRecord, UseRecord};
use crate::access::{Entry, Ground, categories};
use crate::{Error, Issuer};

/// How long a release is good for, in seconds.
const RELEASE_SECONDS: i64 = 300;
/// Shortest and longest nonce: 128 bits and more in base64url.
const NONCE: std::ops::RangeInclusive<usize> = 22..=128;
/// A row that says so of itself is withheld whoever asks.
const SHIELDED: &str = "skjermet";

/// What an asker asks.
pub(super) struct Question<'a> {
    /// Whose connection it came over.
    pub(super) asker: Option<&'a Did>,
    pub(super) grant: &'a str,
    pub(super) nonce: &'a str,
    pub(super) claims: &'a [Path],
}

impl Issuer {
    /// Releases what is granted. In this order (E11): the grant's signature, its asker is who asks (`wrong_recipient`), it is deposited
    /// here (`unknown_grant`), within its registration of now and what was granted (`over_ask`), in its time (`not_yet_valid`,
    /// `expired`), not taken back (`withdrawn`), not too often (`over_ask`, `uses_per_day`), the holder's word for it in this epoch
    /// (`catching_up`), the company and its giver's role by the register that is kept here (`role_missing`), not shielded (`shielded`), data there (`no_data`), no more than a release holds (`too_large`, `claims`), the access log (`trace_unavailable`).
    pub(super) fn refresh(&mut self, now: Timestamp, question: &Question<'_>) -> Result<Reply, Error> {
        let grant = self.own_grant(question.grant)?;
        let of = grant.grant();
        if question.asker != Some(&of.asker) {
            return Err(Problem::new(Code::WrongRecipient, "asker").into());
        }
        let is_nonce = NONCE.contains(&question.nonce.len())
            && question
                .nonce
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_nonce || !(1..=CLAIMS_MAX).contains(&question.claims.len()) {
            return Err(Problem::new(Code::Malformed, if is_nonce { "claims" } else { "nonce" }).into());
        }
        let record = self.grant_record(grant.hash())?.ok_or(Code::UnknownGrant)?;
        // One that was never deposited and is taken back is known to nobody else.
        let holder = record.holder.clone().ok_or(Code::UnknownGrant)?;
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        trust.current(now)?;
        grant.check_registered(&trust)?;
        grant.allows(question.claims)?;
        grant.check_time(now)?;
        let (day, today) = counted(&record, now);
        if record.withdrawn.is_some() {
            return Err(Code::Withdrawn.into());
        }
        if today >= of.uses_per_day {
            return Err(Problem::new(Code::OverAsk, "uses_per_day").into());
        }
        if record.epoch != self.store.epoch() {
            return Err(Problem::new(Code::CatchingUp, "grant").into());
        }
        let credential_type = self.wire_type(&of.vct)?;
        self.require_giver(&credential_type, &holder, record.giver.as_ref())?;
        let rows = self.collectable(now, &credential_type, &holder)?;
        let row = rows.first().ok_or(Code::NoData)?;
        let claims = credential_type.claims(&row.row);
        if claims.value().get(SHIELDED).and_then(Value::as_bool) == Some(true) {
            return Err(Code::Shielded.into());
        }
        let Value::Object(released) = only(claims.value(), question.claims) else {
            return Err(Code::Internal.into());
        };
        let number = record.uses.checked_add(1).ok_or(Code::Internal)?;
        let usage = Usage {
            grant: grant.name(),
            issuer: self.settings.did.clone(),
            asker: of.asker.clone(),
            number,
            claims: question.claims.to_vec(),
            at: now,
        };
        let entry = Entry {
            at: now,
            vct: of.vct.clone(),
            holder: self.person(&holder).to_vec(),
            categories: categories(&Value::Object(released.clone())),
            ground: Ground::Grant,
            credentials: Vec::new(),
            again: false,
            recipient: Some(of.asker.clone()),
            grant: Some(grant.name()),
        };
        let release = Release {
            iss: self.settings.did.clone(),
            aud: of.asker.clone(),
            vct: of.vct.clone(),
            grant: grant.name(),
            nonce: question.nonce.to_owned(),
            number,
            iat: now,
            exp: now.plus(RELEASE_SECONDS),
            claims: released,
        };
        let (kid, signer) = (&self.settings.kid, self.signer.as_ref());
        let release = release.sign(kid, signer).map_err(too_large)?;
        let usage = usage.sign(kid, signer).map_err(too_large)?;
        let record = GrantRecord {
            uses: number,
            day,
            today: today.saturating_add(1),
            ..record
        };
        let mut staged = self.stage();
        self.put_grant(&mut staged, grant.hash(), &record)?;
        let place = number.to_be_bytes();
        let key = Key::in_group(grant.hash(), &place);
        let used = self.tables.grant_uses.encode(&UseRecord { usage: usage.clone() })?;
        staged.transaction.put(&self.tables.grant_uses.table, key, &used);
        let told = Letter::Uses {
            grant: grant.name(),
            uses: vec![usage],
        };
        staged.letters.push((holder, Some(told)));
        self.log(&mut staged, &entry)?;
        self.commit_or_withhold(staged)?;
        Ok(Reply::Released { release })
    }
}

/// More than one release holds: whoever asks for fewer claims gets them.
fn too_large(problem: Problem) -> Error {
    match problem.code {
        Code::TooLarge => Problem::new(Code::TooLarge, "claims").into(),
        _ => Error::Signing(problem),
    }
}

/// The day that counts and the releases on it. A clock that was set back begins no new day.
fn counted(record: &GrantRecord, now: Timestamp) -> (Timestamp, u16) {
    let today = now.day();
    match today > record.day {
        true => (today, 0),
        false => (record.day, record.today),
    }
}
