//! Commands of the verifier.

use super::Command;
use super::answer::{damaged, value};
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::service::{Service, lock};
use credentials::letter::Letter;
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest time that a watching command waits before it answers "nothing new".
const WATCH: Duration = Duration::from_secs(20);

/// Longest time that a request waits in a mailbox for its answer, in seconds.
const MAILBOX_SECONDS: i64 = 7 * credentials::time::DAY;

impl Service {
    pub(super) async fn watch(&self, since: u64) -> Result<Value, Failure> {
        let mut revisions = self.sessions.subscribe();
        let waited = tokio::time::timeout(WATCH, revisions.wait_for(|revision| *revision > since)).await;
        let revision = match waited {
            Ok(Ok(revision)) => *revision,
            _ => since,
        };
        Ok(json!({ "schema": "watch/v1", "revision": revision }))
    }

    /// How many listed nodes are connected now, and which issuers did not answer when they were asked last: whoever reads a verdict is
    /// to know whether newer word could have come.
    fn reach(&self) -> Result<Value, Problem> {
        let unreached: Vec<String> = lock(&self.unmirrored)?.keys().map(ToString::to_string).collect();
        Ok(json!({ "neighbours": self.connected_nodes().len(), "unreached": unreached }))
    }

    /// How long a request may live that is left in a mailbox, in seconds.
    pub(super) fn longest_request(&self, service: &str) -> Option<i64> {
        let own = self.keys.organisation()?;
        let trust = self.trust()?;
        let registered = trust.organisation(&own.did)?.service(service)?;
        Some(registered.request_seconds_max.min(MAILBOX_SECONDS))
    }

    pub(super) fn verify(&self, command: Command) -> Result<Value, Failure> {
        let now = clock::now();
        let verifier = self
            .verifier
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))?;
        match command {
            Command::VerifierRequest {
                service,
                case,
                subject,
                types,
                claims,
                valid_seconds,
                pair,
                by_mailbox,
            } => {
                self.require_clock(now)?;
                let types = types.iter().map(|name| self.vct(name)).collect::<Result<Vec<_>, _>>()?;
                let new = verifier::NewRequest {
                    service: &service,
                    case: &case,
                    subject: &subject,
                    types: &types,
                    claims: &claims,
                    valid_seconds: match by_mailbox {
                        true => valid_seconds.or(self.longest_request(&service)),
                        false => valid_seconds,
                    },
                    pair,
                };
                let reach = match by_mailbox {
                    true => {
                        let reach = lock(verifier)?.reach(&subject).map_err(damaged)?;
                        Some(reach.ok_or(Code::NotPaired)?)
                    }
                    false => None,
                };
                let asked = lock(verifier)?.request(now, &new)?;
                if let Some(reach) = reach {
                    let letter = Letter::Request {
                        request: asked.request.clone(),
                    };
                    self.write_letter(&reach, &letter)?;
                }
                self.announce_sessions();
                Ok(json!({
                    "schema": "asked/v1", "session": asked.session, "link": asked.link.to_text()?,
                    "expires": asked.expires.to_string(),
                }))
            }
            Command::VerifierSessions => {
                let sessions = lock(verifier)?.sessions(now).map_err(damaged)?;
                Ok(json!({ "schema": "sessions/v1", "sessions": value(sessions)? }))
            }
            Command::VerifierSession { id } => {
                let revision = *self.sessions.borrow();
                let standing = {
                    let mirror = lock(&self.mirror)?;
                    lock(verifier)?.standing(now, &*mirror, &id).map_err(damaged)?
                };
                let session = lock(verifier)?.session(now, &id).map_err(damaged)?;
                let mut session = value(session.ok_or(Code::UnknownSession)?)?;
                session.put("now", value(standing)?);
                self.put_labels(&mut session);
                self.put_said(&mut session, "erasure");
                if let Some(deletion) = session.get_mut("deletion") {
                    self.put_said(deletion, "answer");
                }
                Ok(json!({ "schema": "session/v1", "revision": revision, "session": session, "reach": self.reach()? }))
            }
            Command::VerifierCheck { text } => {
                let report = {
                    let mirror = lock(&self.mirror)?;
                    lock(verifier)?.check(now, &*mirror, &text)
                };
                self.verdicts
                    .count(report.verdict(), report.problem().map(|problem| problem.code));
                Ok(json!({
                    "schema": "check/v1", "verdict": value(report.verdict())?,
                    "code": report.problem().map(|p| p.code), "checks": value(&report.lines)?,
                    "status_age_s": report.status_at.map(|at| now.since(at)),
                    "trust_age_s": report.trust_at.map(|at| now.since(at)), "checked_at": now.to_string(),
                    "reach": self.reach()?,
                }))
            }
            _ => Err(Code::Internal.into()),
        }
    }
}
