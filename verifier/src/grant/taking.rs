//! The answer to a request for a grant.

use super::{GRANTS_MAX, GrantState, is_as_asked, tables::GrantRow};
use crate::error::{Error, Refusal};
use crate::outbox::of_grant;
use crate::presentation::Manner;
use crate::session::{Session, State};
use crate::verdict::Record;
use crate::{Verifier, tables};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Receipt;
use credentials::grant::{Deposit, GrantAsked, OpenedGrant};
use credentials::protocol::presentation::Reply;
use credentials::query::Query;
use credentials::trust::Trust;
use credentials::verify::{Check, Line, Outcome, Report};
use credentials::{Code, Problem, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// An answer as it was decrypted.
struct Given {
    grant: OpenedGrant,
    deposit: Deposit,
    deposit_text: String,
}

impl Verifier {
    /// Takes the answer to a request for a grant: `{"grant":…,"deposit":…}`. One that is another person's is discarded (`wrong_subject`)
    /// and the session stays open; any other ends it with a verdict.
    pub(crate) fn take_grant(
        &mut self,
        now: Timestamp,
        session: Session,
        asked: &GrantAsked,
        body: Value,
        (answer, manner): (&str, Manner),
    ) -> Result<Reply, Refusal> {
        let (grant, deposit) = texts(body).ok_or(Code::Malformed)?;
        let subject = self.tables.customer(&session.id)?.ok_or(Error::Row {
            table: "verifier.customers",
        })?;
        let query = session.query()?;
        let judged = self.judge_grant(now, &session, asked, &query, &grant, deposit);
        if let Ok(given) = &judged
            && !given.deposit.subject.is(&subject)
        {
            return Err(Code::WrongSubject.into());
        }
        let (report, given) = match judged {
            Ok(given) => (report(None, self.trust.as_deref()), Some(given)),
            Err(problem) => (report(Some(problem), self.trust.as_deref()), None),
        };
        let (verdict, code) = (report.verdict(), report.problem().map(|problem| problem.code));
        manner.require_decided(now, &session, verdict, code)?;
        let receipt = Receipt {
            request: BASE64_URL_SAFE_NO_PAD.encode(session.request_hash),
            answer: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(answer.as_bytes())),
            decision: given.as_ref().map(|given| given.grant.name()),
            asker: self.settings.did.clone(),
            verdict,
            code,
            kept: BTreeMap::new(),
            until: None,
            ground: session.terms.ground.code.clone(),
            at: now,
        }
        .sign(&self.settings.kid, self.signer.as_ref())?;
        let text = given.as_ref().map(|given| given.grant.text().to_owned());
        let record = Record::of_grant(report, receipt.clone(), now).with(text);
        let mut after = session.clone();
        after.end(now, State::Completed, code);
        after.verdict = Some(verdict);
        let mut tx = self.tables.begin();
        self.tables.put_verdict(&mut tx, &after, &record)?;
        self.tables.delete_secrets(&mut tx, &after.id);
        let mut made = None;
        let mut happened = Vec::new();
        if let Some(given) = given {
            let of = given.grant.grant();
            let row = GrantRow {
                name: given.grant.name(),
                text: given.grant.text().to_owned(),
                deposit: given.deposit_text,
                session: session.id.clone(),
                case: session.case.clone(),
                since: now,
                until: of.exp,
                state: GrantState::Active,
                ended: None,
                uses: 0,
                used: None,
                held: Vec::new(),
                erased: Vec::new(),
                withdrawal: None,
                erasure: None,
                receipt: Some(receipt.clone()),
                deletion: None,
            };
            self.grants.tables.put_new(&mut tx, &row, &subject)?;
            happened.extend(of_grant(None, &row));
            made = Some(row);
        }
        let committed = self.commit_telling(now, tx, (&session, Some(&after)), happened);
        committed.map_err(|error| match error {
            Error::Store(error) => tables::spent_twice(error),
            other => other.into(),
        })?;
        if let Some(row) = made {
            self.grants.add(&row);
        }
        self.judged = Some((verdict, code));
        Ok(Reply::Receipt { receipt })
    }

    /// Every check but whose it is.
    fn judge_grant(
        &self,
        now: Timestamp,
        session: &Session,
        asked: &GrantAsked,
        query: &Query,
        grant: &str,
        deposit_text: String,
    ) -> Result<Given, Problem> {
        let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
        trust.current(now)?;
        let grant = OpenedGrant::open(grant)?;
        if !is_as_asked(&grant, asked, &session.request_hash, &self.settings.did) {
            return Err(Code::WrongRequest.into());
        }
        let of = grant.grant();
        let [wanted] = query.credentials.as_slice() else {
            return Err(Code::Internal.into());
        };
        let mut claims: Vec<_> = wanted.claims.iter().map(|claim| &claim.path).collect();
        let mut granted: Vec<_> = of.claims.iter().collect();
        claims.sort_unstable();
        granted.sort_unstable();
        if of.vct != wanted.vct || of.service != session.service || claims != granted {
            return Err(Code::WrongRequest.into());
        }
        grant.check_registered(trust)?;
        grant.check_time(now)?;
        if self.grants.early.contains(&grant.name()) {
            return Err(Code::Withdrawn.into());
        }
        let deposit = Deposit::open(&deposit_text, &grant, trust)?;
        let count = self.grants.tables.count().map_err(|error| error.problem())?;
        if usize::try_from(count).is_ok_and(|count| count >= GRANTS_MAX) {
            return Err(Problem::new(Code::TooLarge, "grants"));
        }
        Ok(Given {
            grant,
            deposit,
            deposit_text,
        })
    }
}

/// One line for each thing that was looked at.
fn report(problem: Option<Problem>, trust: Option<&Trust>) -> Report {
    let place = problem.as_ref().map(|problem| match problem.code {
        Code::TrustMissing | Code::TrustStale | Code::ClockSuspect => Check::Trust,
        Code::UnknownIssuer => Check::Issuer,
        Code::TypeNotAllowed => Check::Type,
        Code::UnknownKey | Code::KeyOutsideWindow | Code::KeyCompromised => Check::Key,
        Code::SignatureInvalid => Check::Signature,
        Code::NotYetValid | Code::Expired => Check::Validity,
        Code::WrongRequest | Code::OverAsk => Check::Query,
        _ => Check::Form,
    });
    let checks = [
        Check::Trust,
        Check::Form,
        Check::Issuer,
        Check::Type,
        Check::Key,
        Check::Signature,
        Check::Validity,
        Check::Query,
        Check::Subject,
    ];
    let lines = checks.into_iter().map(|check| Line {
        credential: None,
        check,
        outcome: match (&problem, place) {
            (None, _) => Outcome::Ok,
            (Some(problem), Some(place)) if place == check => match check {
                Check::Trust => Outcome::Undecided {
                    problem: problem.clone(),
                },
                _ => Outcome::Failed {
                    problem: problem.clone(),
                },
            },
            // What was not refused was not looked at to its end either.
            _ => Outcome::NotReached,
        },
    });
    let mut report = Report {
        lines: lines.collect(),
        ..Report::default()
    };
    report.trust_at = trust.map(Trust::head_issued);
    report
}

/// Exactly `{"grant": text, "deposit": text}`.
fn texts(body: Value) -> Option<(String, String)> {
    let Value::Object(mut body) = body else { return None };
    let mut text = |name: &str| match body.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let texts = (text("grant")?, text("deposit")?);
    body.is_empty().then_some(texts)
}
