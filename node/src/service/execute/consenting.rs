//! Commands about standing grants: of those who ask for them and use them, and of their holder.

use super::answer::{damaged, outcome, value, wallet_failure};
use super::command::Consent;
use crate::clock;
use crate::error::Failure;
use crate::network::Protocol;
use crate::service::{Service, lock};
use credentials::protocol::{self, consent};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::sync::Mutex;
use verifier::Verifier;

impl Service {
    pub(super) async fn consent(&self, what: Consent) -> Result<Value, Failure> {
        match what {
            Consent::Grants => {
                let grants = self.with_wallet(|w| w.grants(clock::now()))?.map_err(wallet_failure)?;
                Ok(json!({ "schema": "grants/v1", "grants": value(grants)? }))
            }
            Consent::Withdraw { id } => self.withdraw(&id).await,
            Consent::Post => self.post_views(),
            Consent::Collect => Ok(json!({ "schema": "letters/v1", "new": self.exchange_letters().await? })),
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
                let document = document.map_err(wallet_failure)?;
                Ok(json!({ "schema": "receipt/v1", "document": document }))
            }
            Consent::Erase { entry } => self.ask_deletion(entry).await,
            Consent::Report {
                entry,
                complaint,
                language,
            } => {
                let written = self.with_wallet(|w| w.report(clock::now(), entry, &complaint, &language))?;
                let written = written.map_err(wallet_failure)?;
                Ok(json!({ "schema": "report/v1", "signed": written.signed, "text": written.text }))
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
                let asked = lock(verifier)?.request_grant(now, &new)?;
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
                Ok(json!({ "schema": "grant-given/v1", "grant": value(grant)?, "receipt": receipt, "claims": claims }))
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
        let watch = clock::Stopwatch::start();
        let body = protocol::encode(&ask)?;
        let (_, answer) = self.ask(&issuer, None, Protocol::Consent, body).await?;
        let reply = protocol::decode(&answer, consent::LIMIT)?;
        let ms = watch.milliseconds();
        let released = tokio::task::block_in_place(|| lock(self.asker()?)?.grant_released(clock::now(), name, reply));
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
                Ok(json!({ "schema": "withdrawn/v1", "grant": value(grant)? }))
            }
            (_, Some(problem)) => Err(problem.into()),
            (_, None) => Err(Code::NotFound.into()),
        }
    }

    /// Asks for deletion: durable when this answers, whoever could be reached. For a grant, its end is told first.
    async fn ask_deletion(&self, entry: u64) -> Result<Value, Failure> {
        let begun = self.with_wallet(|w| w.request_deletion(clock::now(), entry))?;
        let mut refused = None;
        for (thread, steps) in begun {
            match self.finish(thread, steps).await {
                Ok(erased @ wallet::Outcome::Erased { .. }) => return outcome(erased),
                Ok(_) => {}
                Err(problem) => refused = Some(problem),
            }
        }
        // An asker that knows now that the grant has ended is asked what it still keeps.
        for (thread, steps) in self.with_wallet(|w| w.request_deletion(clock::now(), entry))? {
            match self.finish(thread, steps).await {
                Ok(erased @ wallet::Outcome::Erased { .. }) => return outcome(erased),
                Ok(_) => {}
                Err(problem) => refused = refused.or(Some(problem)),
            }
        }
        Err(refused.unwrap_or_else(|| Code::Unreachable.into()).into())
    }

    async fn finish_all(&self, begun: Vec<(wallet::Thread, Vec<wallet::Step>)>) -> Result<Value, Failure> {
        let mut results = Vec::new();
        for (thread, steps) in begun {
            results.push(match self.finish(thread, steps).await {
                Ok(done) => outcome(done)?,
                Err(problem) => value(problem)?,
            });
        }
        Ok(json!({ "schema": "resumed/v1", "results": results }))
    }
}
