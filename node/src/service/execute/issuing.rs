//! Commands of the issuer.

use super::answer::{issuer_failure, value};
use super::{Command, Target};
use crate::clock;
use crate::error::Failure;
use crate::service::{Service, lock};
use credentials::protocol::status::Purpose;
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

    pub(super) fn issue(&self, command: Command) -> Result<Value, Failure> {
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
                value(start.map_err(issuer_failure)?)
            }
            Command::ImportLines { job, lines } => {
                value(issuer.import_lines(now, &job, &lines).map_err(issuer_failure)?)
            }
            Command::ImportFinish { job } => {
                let report = issuer.import_finish(now, &job).map_err(issuer_failure)?;
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
                let offer = issuer.offer(now, &self.vct(&credential_type)?, subject.as_deref());
                let offer = offer.map_err(issuer_failure)?;
                Ok(json!({ "schema": "offer/v1", "link": offer.link.to_text()?, "code": offer.code }))
            }
            Command::SetState { target, state, reason } => {
                let target = self.target(target)?;
                let changed = issuer.set_state(now, target, state, &reason).map_err(issuer_failure)?;
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
                let endings = value(issuer.publish_endings(now).map_err(issuer_failure)?)?;
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
                Ok(json!({ "schema": "issuer-status/v1", "types": counts, "lists": lists, "endings": endings }))
            }
            _ => Err(Code::Internal.into()),
        }
    }
}
