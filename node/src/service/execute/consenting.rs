//! Commands about standing grants: of those who ask for them and use them, and of their holder.

use super::answer::{damaged, outcome, value, wallet_failure};
use super::command::Consent;
use crate::clock;
use crate::error::Failure;
use crate::network::Protocol;
use crate::service::{Service, lock};
use credentials::protocol::{self, consent};
use credentials::{Code, Problem, time::DAY};
use serde_json::{Value, json};
use std::sync::Mutex;
use verifier::Verifier;

/// Detail of `not_found` for an entry of the history.
const ENTRY: &str = "entry";

/// Why nothing comes of an entry of the history.
pub(super) fn entry_failure(error: wallet::Error) -> Failure {
    match error {
        wallet::Error::NotFound => Problem::new(Code::NotFound, ENTRY).into(),
        other => wallet_failure(other),
    }
}

impl Service {
    pub(super) async fn consent(&self, what: Consent) -> Result<Value, Failure> {
        match what {
            Consent::Grants => {
                let grants = self.with_wallet(|w| w.grants(clock::now()))?.map_err(wallet_failure)?;
                let mut grants = value(grants)?;
                self.put_said_each(&mut grants, "erasure");
                Ok(json!({ "schema": "grants/v1", "grants": grants }))
            }
            Consent::Withdraw { id } => self.withdraw(&id).await,
            Consent::Post => self.post_views(),
            Consent::Collect => self.exchange_letters().await,
            Consent::Uses => {
                let begun = self.with_wallet(|w| w.ask_uses(clock::now()))?;
                self.finish_all(begun).await
            }
            Consent::Refresh { name, claims, even_so } => self.refresh_grant(&name, &claims, even_so).await,
            Consent::Review {
                issuer,
                credential_type,
                end,
            } => {
                let vct = self.vct(&credential_type)?;
                self.confirm_trust(Some(&issuer)).await?;
                let begun = self.drive(|w| w.review(clock::now(), &issuer, &vct, &end)).await;
                outcome(begun?)
            }
            Consent::Receipt { entry } => {
                let document = self.with_wallet(|w| w.receipt_document(clock::now(), entry))?;
                let document = document.map_err(entry_failure)?;
                Ok(json!({ "schema": "receipt/v1", "document": document }))
            }
            Consent::Erase { entry } => self.ask_deletion(entry).await,
            Consent::Report {
                entry,
                complaint,
                language,
            } => {
                let written = self.with_wallet(|w| w.report(clock::now(), entry, &complaint, &language))?;
                let written = written.map_err(entry_failure)?;
                Ok(json!({
                    "schema": "report/v1", "entry": written.entry, "signed": written.signed, "text": written.text,
                }))
            }
            other => tokio::task::block_in_place(|| self.grant_of(other)),
        }
    }

    fn asker(&self) -> Result<&Mutex<Verifier>, Problem> {
        self.verifier
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))
    }

    /// What needs no network.
    fn grant_of(&self, what: Consent) -> Result<Value, Failure> {
        let now = clock::now();
        let verifier = self.asker()?;
        match what {
            Consent::Request {
                service,
                case,
                subject,
                types,
                claims,
                valid_seconds,
                issuer,
                seconds,
                uses_per_day,
            } => {
                self.require_clock(now)?;
                let types = types.iter().map(|name| self.vct(name)).collect::<Result<Vec<_>, _>>()?;
                let new = verifier::NewGrant {
                    request: verifier::NewRequest {
                        service: &service,
                        case: &case,
                        subject: &subject,
                        types: &types,
                        claims: &claims,
                        valid_seconds,
                        pair: true,
                    },
                    issuer: issuer.as_ref(),
                    seconds,
                    uses_per_day,
                };
                let asked = lock(verifier)?.request_grant(now, &new);
                let asked = asked.map_err(|problem| self.with_most(problem, &service))?;
                self.announce_sessions();
                Ok(json!({
                    "schema": "asked/v1", "session": asked.session, "link": asked.link.to_text()?,
                    "expires": asked.expires.to_string(),
                }))
            }
            Consent::Given => {
                let grants = lock(verifier)?.grants(now).map_err(damaged)?;
                Ok(json!({ "schema": "grants-given/v1", "grants": value(grants)? }))
            }
            Consent::Read { name } => {
                let (grant, claims) = {
                    let verifier = lock(verifier)?;
                    let grant = verifier.grant(now, &name).map_err(damaged)?;
                    (grant, verifier.grant_claims(now, &name).map_err(damaged)?)
                };
                let grant = grant.ok_or(Code::UnknownGrant)?;
                let receipt = lock(verifier)?.grant_erasure(&name).map_err(damaged)?;
                let receipt = value(receipt)?;
                let labels = claims
                    .as_ref()
                    .map(|claims| self.claim_labels(&grant.vct, &json!(claims)));
                let said = grant.erasure.as_deref().and_then(|signed| self.said(signed));
                let mut grant = value(grant)?;
                self.put_names(&mut grant);
                Ok(json!({
                    "schema": "grant-given/v1", "grant": grant, "receipt": receipt, "said": said, "claims": claims,
                    "labels": labels,
                }))
            }
            Consent::Receipted { name, is_grant } => {
                let verifier = lock(verifier)?;
                let document = match is_grant {
                    true => verifier.grant_receipt_document(now, &name)?,
                    false => verifier.receipt_document(now, &name)?,
                };
                Ok(json!({ "schema": "receipt/v1", "document": document }))
            }
            Consent::Logout { name } => {
                let erased = lock(verifier)?.grant_logout(now, &name).map_err(damaged)?;
                self.announce_sessions();
                Ok(json!({ "schema": "grant-logout/v1", "name": name, "erased": erased }))
            }
            Consent::Grants
            | Consent::Collect
            | Consent::Post
            | Consent::Withdraw { .. }
            | Consent::Uses
            | Consent::Refresh { .. }
            | Consent::Review { .. }
            | Consent::Receipt { .. }
            | Consent::Erase { .. }
            | Consent::Report { .. } => Err(Code::Internal.into()),
        }
    }

    /// A refusal of a grant's terms with the most that our registration allows: whole days, fetches a day.
    pub(super) fn with_most(&self, problem: Problem, service: &str) -> Problem {
        let own = self.keys.organisation();
        let trust = self.trust();
        let listed = own
            .zip(trust.as_ref())
            .and_then(|(own, trust)| trust.organisation(&own.did));
        let terms = listed.and_then(|listed| listed.service(service)?.grant.as_ref());
        let (Some(terms), Code::OverAsk) = (terms, problem.code) else {
            return problem;
        };
        let most = match problem.detail.as_deref() {
            Some("grant until") => terms.seconds_max.checked_div(DAY).unwrap_or_default().to_string(),
            Some("grant uses_per_day") => terms.uses_per_day.to_string(),
            _ => return problem,
        };
        let detail = problem.detail.unwrap_or_default();
        Problem::new(Code::OverAsk, format!("{detail} {most}"))
    }

    /// Fetches what is granted, from its issuer and from nobody else.
    async fn refresh_grant(
        &self,
        name: &str,
        claims: &[credentials::schema::Path],
        even_so: bool,
    ) -> Result<Value, Failure> {
        let now = clock::now();
        let (issuer, ask) = {
            let mut verifier = lock(self.asker()?)?;
            match even_so {
                true => verifier.grant_refresh_even_so(now, name, claims)?,
                false => verifier.grant_refresh(now, name, claims)?,
            }
        };
        let consent::Ask::Refresh { nonce, .. } = &ask else {
            return Err(Code::Internal.into());
        };
        let watch = clock::Stopwatch::start();
        let answered = async {
            let body = protocol::encode(&ask)?;
            let (_, answer) = self.ask(&issuer, None, Protocol::Consent, body).await?;
            protocol::decode(&answer, consent::LIMIT)
        };
        let reply = match answered.await {
            Ok(reply) => reply,
            Err(problem) => {
                lock(self.asker()?)?.grant_unanswered(name, nonce);
                return Err(problem.into());
            }
        };
        let ms = watch.milliseconds();
        let released =
            tokio::task::block_in_place(|| lock(self.asker()?)?.grant_released(clock::now(), name, nonce, reply));
        self.announce_sessions();
        Ok(json!({ "schema": "released/v1", "name": name, "release": value(released?)?, "ms": ms }))
    }

    /// Takes a grant back: it counts when this answers, whoever could be reached.
    async fn withdraw(&self, id: &str) -> Result<Value, Failure> {
        let begun = self.with_wallet(|w| w.withdraw(clock::now(), id))?;
        let told = begun.into_iter().map(|(thread, steps)| self.finish(thread, steps));
        let mut refused = None;
        for result in futures::future::join_all(told).await {
            if let Err(problem) = result {
                refused = Some(problem);
            }
        }
        let grants = self.with_wallet(|w| w.grants(clock::now()))?.map_err(wallet_failure)?;
        let grant = grants.into_iter().find(|grant| grant.id == id);
        match (grant, refused) {
            (Some(grant), _) if grant.state == wallet::GrantState::Withdrawn => {
                let mut grant = value(grant)?;
                self.put_said(&mut grant, "erasure");
                Ok(json!({ "schema": "withdrawn/v1", "grant": grant }))
            }
            (_, Some(problem)) => Err(problem.into()),
            (_, None) => Err(Code::UnknownGrant.into()),
        }
    }

    /// Asks for deletion: durable when this answers, whoever could be reached. For a grant, its end is told first.
    async fn ask_deletion(&self, entry: u64) -> Result<Value, Failure> {
        let begun = self.with_wallet(|w| w.request_deletion(clock::now(), entry))?;
        let mut refused = None;
        for (thread, steps) in begun {
            match self.finish(thread, steps).await {
                Ok(erased @ wallet::Outcome::Erased { .. }) => return self.told(erased),
                Ok(_) => {}
                Err(problem) => refused = Some(problem),
            }
        }
        // An asker that knows now that the grant has ended is asked what it still keeps.
        for (thread, steps) in self.with_wallet(|w| w.request_deletion(clock::now(), entry))? {
            match self.finish(thread, steps).await {
                Ok(erased @ wallet::Outcome::Erased { .. }) => return self.told(erased),
                Ok(_) => {}
                Err(problem) => refused = refused.or(Some(problem)),
            }
        }
        let refused = refused.unwrap_or_else(|| Code::Unreachable.into());
        match refused.code {
            Code::NotFound => Err(Problem::new(Code::NotFound, ENTRY).into()),
            _ => Err(refused.into()),
        }
    }

    /// What came of a step; with what an asker erased and keeps, where it said that.
    pub(super) fn told(&self, done: wallet::Outcome) -> Result<Value, Failure> {
        let mut object = outcome(done)?;
        self.put_said(&mut object, "statement");
        Ok(object)
    }

    async fn finish_all(&self, begun: Vec<(wallet::Thread, Vec<wallet::Step>)>) -> Result<Value, Failure> {
        let mut results = Vec::new();
        for (thread, steps) in begun {
            results.push(match self.finish(thread, steps).await {
                Ok(done) => self.told(done)?,
                Err(problem) => value(problem)?,
            });
        }
        Ok(json!({ "schema": "resumed/v1", "results": results }))
    }
}
