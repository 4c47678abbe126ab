//! Commands of the issuer.

use super::answer::{issuer_failure, value};
use super::{Command, Target};
use crate::clock;
use crate::error::Failure;
use crate::output::hex;
use crate::service::record::{About, Act, Actor, Scope};
use crate::service::{Service, lock};
use credentials::protocol::status::Purpose;
use credentials::status::State;
use credentials::{Code, Problem};
use serde_json::{Value, json};

impl Service {
    fn target(&self, target: Target) -> Result<issuer::Target, Problem> {
        Ok(match target {
            Target::Row { credential_type, key } => issuer::Target::Row {
                vct: self.vct(&credential_type)?,
                key,
            },
            Target::Subject { number } => issuer::Target::Subject { number },
            Target::Credential { id } => issuer::Target::Credential { id },
        })
    }

    pub(super) fn vct(&self, name: &str) -> Result<String, Problem> {
        let found = self
            .types
            .find(name)
            .ok_or_else(|| Problem::new(Code::UnknownType, name))?;
        Ok(found.vct.clone())
    }

    pub(super) fn issue(&self, command: Command, actor: &Actor) -> Result<Value, Failure> {
        let now = clock::now();
        let issuer = self
            .issuer
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "issuer"))?;
        let mut issuer = lock(issuer)?;
        match command {
            Command::ImportStart {
                credential_type,
                file,
                header,
                dry_run,
            } => {
                let vct = self.vct(&credential_type)?;
                let start = issuer.import_start(now, &vct, file, header.as_deref(), dry_run);
                let start = start.map_err(issuer_failure)?;
                if !dry_run {
                    // Nothing was imported yet: without its entry nothing will be.
                    let about = About {
                        credential_type: Some(vct),
                        job: Some(start.job.clone()),
                        file: Some(hex(&file)),
                        ..About::default()
                    };
                    self.note(actor, Act::ImportStarted, about)?;
                }
                value(start)
            }
            Command::ImportLines { job, lines } => {
                value(issuer.import_lines(now, &job, &lines).map_err(issuer_failure)?)
            }
            Command::ImportFinish { job } => {
                let known = issuer.job(&job).ok();
                let report = issuer.import_finish(now, &job).map_err(issuer_failure)?;
                if let Some(known) = known.filter(|known| known.stage.is_open() && !known.dry_run) {
                    self.note_finished(actor, &known, report);
                }
                Ok(json!({ "schema": "import/v1", "job": job, "report": value(report)? }))
            }
            Command::Jobs => Ok(json!({ "schema": "jobs/v1", "jobs": value(issuer.jobs().map_err(issuer_failure)?)? })),
            Command::Prepare { credential_type, limit } => {
                let prepared = issuer
                    .prepare(now, &self.vct(&credential_type)?, limit)
                    .map_err(issuer_failure)?;
                Ok(json!({ "schema": "prepared/v1", "prepared": prepared }))
            }
            Command::Offer {
                credential_type,
                subject,
            } => {
                self.require_clock(now)?;
                let vct = self.vct(&credential_type)?;
                let offer = issuer.offer(now, &vct, subject.as_deref());
                let offer = offer.map_err(issuer_failure)?;
                // It is worth nothing to anybody before it is told.
                let about = About {
                    scope: subject.map(|_| Scope::Person),
                    credential_type: Some(vct),
                    ..About::default()
                };
                self.note(actor, Act::Offered, about)?;
                Ok(json!({ "schema": "offer/v1", "link": offer.link.to_text()?, "code": offer.code }))
            }
            Command::SetState { target, state, reason } => {
                let target = self.target(target)?;
                // How many it is stands in the log before it happens: nothing changes in between, because the issuer is held.
                let reached = issuer.reach(&target, state, &reason).map_err(issuer_failure)?;
                let about = About {
                    credentials: Some(reached.credentials),
                    copies: Some(reached.copies),
                    ..about_target(&target)
                };
                let mut change = || {
                    issuer
                        .set_state(now, target.clone(), state, &reason)
                        .map_err(issuer_failure)
                };
                let changed = match reached.credentials {
                    0 => change()?,
                    _ => self.record.act(actor, act_of(state)?, about, change)?,
                };
                Ok(json!({ "schema": "state/v1", "state": value(state)?, "changed": value(changed)? }))
            }
            Command::Issued {
                credential_type,
                target,
            } => {
                let target = target.map(|target| self.target(target)).transpose()?;
                let vct = credential_type.map(|name| self.vct(&name)).transpose()?;
                let issued = issuer.issued(vct.as_deref(), target.as_ref()).map_err(issuer_failure)?;
                Ok(json!({ "schema": "issued/v1", "issued": value(issued)? }))
            }
            Command::PublishEndings => {
                let publish = || value(issuer.publish_endings(now).map_err(issuer_failure)?);
                let endings = self
                    .record
                    .act(actor, Act::EndingsPublished, About::default(), publish)?;
                Ok(json!({ "schema": "endings/v1", "endings": endings }))
            }
            Command::Bitstring { list, suspension } => {
                let purpose = match suspension {
                    true => Purpose::Suspension,
                    false => Purpose::Revocation,
                };
                let credential = issuer.bitstring(now, &list, purpose).map_err(issuer_failure)?;
                Ok(json!({ "schema": "bitstring/v1", "credential": credential }))
            }
            Command::IssuerStatus => {
                let counts = value(issuer.counts().map_err(issuer_failure)?)?;
                let endings = value(issuer.endings())?;
                let lists = value(issuer.lists())?;
                let registers = value(issuer.registers().map_err(issuer_failure)?)?;
                Ok(json!({
                    "schema": "issuer-status/v1", "types": counts, "lists": lists, "endings": endings,
                    "registers": registers,
                }))
            }
            _ => Err(Code::Internal.into()),
        }
    }
}

/// The act that brings credentials to a state.
pub(super) fn act_of(state: State) -> Result<Act, Problem> {
    match state {
        State::Revoked => Ok(Act::Revoked),
        State::Suspended => Ok(Act::Suspended),
        State::Valid => Ok(Act::Reinstated),
        State::Superseded => Err(Problem::new(Code::Malformed, "state")),
    }
}

/// What the log says of a target: neither whose it is nor which row.
fn about_target(target: &issuer::Target) -> About {
    match target {
        issuer::Target::Row { vct, .. } => About {
            scope: Some(Scope::Row),
            credential_type: Some(vct.clone()),
            ..About::default()
        },
        issuer::Target::Subject { .. } => About {
            scope: Some(Scope::Person),
            ..About::default()
        },
        issuer::Target::Credential { id } => About {
            scope: Some(Scope::One),
            credential: Some(id.to_ascii_lowercase()),
            ..About::default()
        },
    }
}
