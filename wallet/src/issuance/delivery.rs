//! What an issuer delivers: checked whole, then stored whole, or refused whole.

use super::{damaged, new_keys};
use crate::history::{Event, What};
use crate::tables::{BatchRow, CopyRow, CredentialRow, IssuingRow, RequestRow, Stage};
use crate::{Error, Wallet};
use credentials::schema::{CredentialType, values_at};
use credentials::sd_jwt::SdJwt;
use credentials::time::DAY;
use credentials::verify::{self, VerifiedCredential};
use credentials::{Code, Did, Problem, Timestamp, VerifyingKey, status};
use serde_json::Value;
use std::collections::BTreeSet;

/// Status of what is being delivered: its issuer, whose signature is checked beside it, vouches for it by delivering it now. What
/// its lists say later is looked up whenever the credential is listed or shown.
struct JustDelivered(Timestamp);
impl status::Source for JustDelivered {
    fn state(&self, _: &Did, _: &str, _: u32) -> Option<(status::State, Timestamp)> {
        Some((status::State::Valid, self.0))
    }
}

/// Whose credentials of which type are expected.
pub(super) struct Wanted<'a> {
    pub(super) issuer: &'a Did,
    pub(super) vct: &'a str,
}

impl Wallet {
    /// Checks a delivery whole, and stores it whole.
    pub(super) fn take_delivery(
        &mut self,
        now: Timestamp,
        transaction: &str,
        delivered: &[Vec<String>],
    ) -> Result<(), Error> {
        let row = self.tables.get::<IssuingRow>(transaction)?;
        let row = row.ok_or(Code::UnexpectedMessage)?;
        match &row.stage {
            Stage::Requested { .. } => {}
            // The same delivery came twice.
            Stage::Delivered { .. } => return Ok(()),
            _ => return Err(Code::UnexpectedMessage.into()),
        }
        let credential_type = self.known_type(&row.vct)?;
        let terms = row.terms.as_ref().ok_or(damaged())?;
        let keys = new_keys(&row)?;
        let copies = usize::from(terms.copies).saturating_mul(terms.rows.into());
        // The last is the refresh key, and no copy's.
        let refresh_key = keys.get(copies).copied();
        let mut unclaimed: BTreeSet<VerifyingKey> = keys.into_iter().take(copies).collect();
        let wanted = Wanted {
            issuer: &row.issuer,
            vct: &row.vct,
        };
        if delivered.is_empty()
            || delivered.len() > usize::from(terms.rows)
            || delivered.iter().any(|copies| copies.len() != usize::from(terms.copies))
        {
            return Err(Problem::new(Code::Malformed, "credentials").into());
        }
        let number = self.settings.organisation.as_ref().or(row.subject.as_ref());
        let held = self.holdings()?;
        let mut replaced = Vec::new();
        for copies in delivered {
            let claims = &self.check_copies(now, &wanted, copies, &mut unclaimed)?;
            let theirs = values_at(claims, &credential_type.holder.number);
            if let Some(number) = number
                && !matches!(theirs.as_slice(), [one] if one.as_str() == Some(number.as_str()))
            {
                return Err(Code::WrongSubject.into());
            }
            // Another content of the same register row takes the place of the older one.
            let key = row_key(&credential_type, claims);
            replaced.extend(
                held.iter()
                    .filter(|held| held.row.issuer == row.issuer && held.row.vct == row.vct)
                    .filter(|held| key.is_some() && row_key(&credential_type, &held.claims) == key)
                    .filter(|held| held.claims != *claims)
                    .map(|held| (held.id.clone(), held.row.clone())),
            );
        }
        let names: Vec<String> = delivered.iter().map(|_| self.short_name()).collect();
        let batch = refresh_key
            .and_then(|key| BatchRow::resting(now, &credential_type, &row.issuer, &names, &key, &mut *self.random));
        let pending = self.identification(transaction)?;
        let event = Event {
            types: vec![row.vct.clone()],
            credentials: names.clone(),
            ..self.event(now, What::Collected, &row.issuer)
        };
        let mut change = self.tables.change();
        for (name, copies) in names.iter().zip(delivered) {
            let credential = CredentialRow {
                vct: row.vct.clone(),
                issuer: row.issuer.clone(),
                collected: now,
                is_replaced: false,
                copies: u32::from(terms.copies),
            };
            change.add(name, &credential)?;
            for (number, copy) in (0..).zip(copies) {
                let copy = CopyRow {
                    text: copy.clone(),
                    used: None,
                    state: None,
                    is_void: false,
                };
                change.put_copy(name, number, &copy)?;
            }
        }
        for (id, old) in replaced {
            let old = CredentialRow {
                is_replaced: true,
                ..old
            };
            change.put(&id, &old)?;
        }
        for key in &unclaimed {
            change.delete_key(key);
        }
        match (&batch, &refresh_key) {
            (Some(batch), _) => change.put(transaction, batch)?,
            (None, Some(key)) => change.delete_key(key),
            (None, None) => {}
        }
        for id in &pending {
            change.delete::<RequestRow>(id);
        }
        let delivered = IssuingRow {
            code: None,
            stage: Stage::Delivered { credentials: names },
            ..row
        };
        change.put(transaction, &delivered)?;
        change.event(&event)?;
        change.commit()
    }

    /// All copies of one credential, each to a key of its own: their claims.
    pub(super) fn check_copies(
        &self,
        now: Timestamp,
        wanted: &Wanted<'_>,
        copies: &[String],
        unclaimed: &mut BTreeSet<VerifyingKey>,
    ) -> Result<Value, Error> {
        let mut first: Option<VerifiedCredential> = None;
        for copy in copies {
            let verified = self.check_copy(now, wanted, copy)?;
            let key = SdJwt::parse(copy)?.holder_key();
            if !key.is_some_and(|key| unclaimed.remove(&key)) {
                return Err(Code::HolderBindingInvalid.into());
            }
            match &first {
                Some(first) if first.claims() != verified.claims() => {
                    return Err(Problem::new(Code::SchemaInvalid, "copies").into());
                }
                Some(_) => {}
                None => first = Some(verified),
            }
        }
        Ok(first.map_or(Value::Null, |first| first.claims().clone()))
    }

    /// One copy through the gate: by the issuer that was asked, of the type that was asked.
    fn check_copy(&self, now: Timestamp, wanted: &Wanted<'_>, copy: &str) -> Result<VerifiedCredential, Error> {
        let trust = self.trust()?;
        let context = verify::Context {
            now,
            trust: Some(&trust),
            status: &JustDelivered(now),
            types: &self.types,
            status_age_max: DAY,
        };
        let (report, verified) = verify::credential(copy, &context);
        let verified = verified.ok_or_else(|| {
            let problem = report.problem().cloned();
            Error::from(problem.unwrap_or_else(|| Code::Internal.into()))
        })?;
        if *verified.issuer() != *wanted.issuer {
            return Err(Code::UnknownIssuer.into());
        }
        if verified.vct() != wanted.vct {
            return Err(Problem::new(Code::TypeNotAllowed, verified.vct()).into());
        }
        Ok(verified)
    }
}

/// What names the register row that a credential is about, as far as its claims tell.
pub(super) fn row_key(credential_type: &CredentialType, claims: &Value) -> Option<Vec<Value>> {
    let parts = credential_type
        .row_key
        .iter()
        .map(|path| match values_at(claims, path).as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        });
    parts.collect()
}
