//! Commands of bulk changes. Who proposes and who agrees are accounts, or the command line for the first of the two.

use super::Command;
use super::answer::{issuer_failure, value};
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::service::record::{About, Act, Actor, Scope};
use crate::service::{Service, lock};
use credentials::{Code, Problem};
use issuer::{Bulk, BulkOrder, Issuer, Names, Whole};
use serde_json::{Value, json};
use std::sync::MutexGuard;

/// Credentials that are added at once: peers are answered in between.
const ADD: usize = 1_000;

/// What the log says of a bulk change.
pub(in crate::service) fn about(bulk: &Bulk) -> About {
    About {
        job: Some(bulk.bulk.clone()),
        state: Some(bulk.state),
        scope: Some(match (bulk.names, &bulk.import) {
            (Names::Whole, Some(_)) => Scope::Import,
            (Names::Whole, None) => Scope::Type,
            _ => Scope::File,
        }),
        credential_type: bulk.vct.clone(),
        file: bulk.file.clone(),
        rows: Some(bulk.lines).filter(|_| bulk.names != Names::Whole),
        rejected: Some(bulk.rejected).filter(|_| bulk.names != Names::Whole),
        credentials: Some(bulk.named.credentials),
        copies: Some(bulk.named.copies),
        ..About::default()
    }
}

fn shown(bulk: Bulk) -> Result<Value, Failure> {
    let mut shown = value(bulk)?;
    shown.put("schema", json!("bulk/v1"));
    Ok(shown)
}

impl Service {
    fn bulk_issuer(&self) -> Result<MutexGuard<'_, Issuer>, Failure> {
        let issuer = self
            .issuer
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "issuer"))?;
        Ok(lock(issuer)?)
    }

    /// Runs a command about a bulk change.
    pub(super) fn change_many(&self, command: Command, actor: &Actor) -> Result<Value, Failure> {
        let now = clock::now();
        match command {
            Command::BulkStart {
                state,
                reason,
                names,
                credential_type,
                header,
            } => {
                let vct = credential_type.map(|name| self.vct(&name)).transpose()?;
                if names == Names::Whole {
                    return Err(Problem::new(Code::Malformed, "names").into());
                }
                let order = BulkOrder {
                    state,
                    reason,
                    names,
                    vct,
                    import: None,
                    header,
                    by: actor.to_string(),
                };
                let bulk = self.bulk_issuer()?.bulk_start(now, order).map_err(issuer_failure)?;
                Ok(json!({ "schema": "bulk-started/v1", "bulk": bulk }))
            }
            Command::BulkLines { bulk, lines } => {
                let mut issuer = self.bulk_issuer()?;
                self.require_own(&issuer, actor, &bulk, false)?;
                let mut progress = value(issuer.bulk_lines(now, &bulk, &lines).map_err(issuer_failure)?)?;
                progress.put("schema", json!("bulk-lines/v1"));
                Ok(progress)
            }
            Command::BulkSelect {
                state,
                reason,
                credential_type,
                import,
            } => {
                let bulk = self.select(actor, (state, reason), &credential_type, import)?;
                self.propose(actor, &bulk)
            }
            Command::BulkPropose { bulk } => self.propose(actor, &bulk),
            Command::Bulks => {
                let all = self.bulk_issuer()?.bulk_changes().map_err(issuer_failure)?;
                Ok(json!({ "schema": "bulks/v1", "bulks": value(all)? }))
            }
            Command::Bulk { bulk } => shown(self.bulk_issuer()?.bulk(&bulk).map_err(issuer_failure)?),
            Command::BulkApprove { bulk } => {
                // An account, always: whoever has the command line would else be both.
                let Actor::Person(by) = actor else {
                    return Err(Problem::new(Code::SecondPersonMissing, "account").into());
                };
                let mut issuer = self.bulk_issuer()?;
                let waiting = issuer.bulk_approvable(now, &bulk, by).map_err(issuer_failure)?;
                let approve = || issuer.bulk_approve(now, &bulk, by).map_err(issuer_failure);
                shown(self.record.act(actor, Act::BulkApproved, about(&waiting), approve)?)
            }
            Command::BulkCancel { bulk } => {
                let mut issuer = self.bulk_issuer()?;
                let open = issuer.bulk_cancellable(&bulk).map_err(issuer_failure)?;
                let cancel = || issuer.bulk_cancel(now, &bulk).map_err(issuer_failure);
                shown(self.record.act(actor, Act::BulkCancelled, about(&open), cancel)?)
            }
            Command::BulkPause { bulk } => {
                let mut issuer = self.bulk_issuer()?;
                let known = issuer.bulk(&bulk).map_err(issuer_failure)?;
                let stopped = issuer.bulk_pause(now, &bulk).map_err(issuer_failure)?;
                if known.stage != stopped.stage {
                    self.note(actor, Act::BulkPaused, about(&stopped))?;
                }
                shown(stopped)
            }
            Command::BulkResume { bulk } => {
                let mut issuer = self.bulk_issuer()?;
                let known = issuer.bulk(&bulk).map_err(issuer_failure)?;
                let mut resume = || issuer.bulk_resume(now, &bulk).map_err(issuer_failure);
                shown(match known.stage {
                    issuer::BulkStage::Paused => self.record.act(actor, Act::BulkResumed, about(&known), resume)?,
                    _ => resume()?,
                })
            }
            _ => Err(Code::Internal.into()),
        }
    }

    /// What is proposed is what its proposer brought: nobody adds to another's file. The command line brings the lines for whoever it
    /// speaks for; proposing is that person's own.
    fn require_own(&self, issuer: &Issuer, actor: &Actor, bulk: &str, is_proposal: bool) -> Result<(), Failure> {
        let known = issuer.bulk(bulk).map_err(issuer_failure)?;
        let is_own = known.proposed_by == actor.to_string();
        match is_own || (*actor == Actor::Cli && !is_proposal) {
            true => Ok(()),
            false => Err(Problem::new(Code::NotPermitted, "bulk").into()),
        }
    }

    fn propose(&self, actor: &Actor, bulk: &str) -> Result<Value, Failure> {
        let mut issuer = self.bulk_issuer()?;
        self.require_own(&issuer, actor, bulk, true)?;
        let is_new = issuer.bulk(bulk).map_err(issuer_failure)?.stage == issuer::BulkStage::Checking;
        let proposed = issuer.bulk_propose(clock::now(), bulk).map_err(issuer_failure)?;
        if is_new && let Err(failure) = self.note(actor, Act::BulkProposed, about(&proposed)) {
            // What is not in the log waits for nobody.
            issuer.bulk_cancel(clock::now(), bulk).map_err(issuer_failure)?;
            return Err(failure);
        }
        shown(proposed)
    }

    /// Begins a bulk change with all that is meant as a whole. Looking through it holds up nobody.
    fn select(
        &self,
        actor: &Actor,
        (state, reason): (credentials::status::State, String),
        credential_type: &str,
        import: Option<String>,
    ) -> Result<String, Failure> {
        let vct = self.vct(credential_type)?;
        let (selection, bulk) = {
            let mut issuer = self.bulk_issuer()?;
            let selection = issuer.selection();
            if let Some(job) = &import
                && !selection.knows_import(&vct, job).map_err(issuer_failure)?
            {
                return Err(Problem::new(Code::NotFound, "import").into());
            }
            let order = BulkOrder {
                state,
                reason,
                names: Names::Whole,
                vct: Some(vct.clone()),
                import: import.clone(),
                header: None,
                by: actor.to_string(),
            };
            let bulk = issuer.bulk_start(clock::now(), order).map_err(issuer_failure)?;
            (selection, bulk)
        };
        let whole = match import {
            Some(job) => Whole::Import { vct, job },
            None => Whole::Type(vct),
        };
        let found = selection.credentials(&whole).map_err(issuer_failure)?;
        for ids in found.chunks(ADD) {
            let mut issuer = self.bulk_issuer()?;
            issuer.bulk_add(clock::now(), &bulk, ids).map_err(issuer_failure)?;
        }
        Ok(bulk)
    }
}
