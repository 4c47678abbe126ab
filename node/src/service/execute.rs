//! Every command that needs an open home. The command line sends them over the local socket to the running node, or runs
//! them here when no node runs: one code path for both.

mod answer;
mod bulk;
mod command;
mod consenting;
mod desk;
mod holding;
mod importing;
mod issuing;
mod noticing;
mod saying;
mod system;
mod verifying;

pub use command::{Command, Consent, Target};
pub use noticing::Notice;
pub(crate) use system::news;
pub use system::{System, Systems, SystemsGrant};

pub(super) use answer::wallet_failure;
pub(super) use bulk::about as about_bulk;

use super::record::{About, Act, Actor};
use super::{Service, clocks};
use crate::clock;
use crate::error::Failure;
use answer::write_instants;
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::sync::Arc;

impl Service {
    /// Runs one command for whoever has the command line.
    pub async fn execute(self: &Arc<Service>, command: Command) -> Result<Value, Failure> {
        self.execute_as(command, Actor::Cli).await
    }

    /// Runs one command for somebody. Its answer is the `--json` contract: instants in it are RFC 3339 in UTC, but for the card of
    /// `whoami`, which is a file format of its own. What changes something stands in the log of who did what, before it is done.
    ///
    /// Errors, beside those of the command: `not_permitted` for what an account may not do.
    pub async fn execute_as(self: &Arc<Service>, command: Command, actor: Actor) -> Result<Value, Failure> {
        self.require_allowed(&actor, &command)?;
        let (command, actor) = match command {
            Command::As {
                handle,
                passphrase,
                what,
            } => {
                let actor = tokio::task::block_in_place(|| self.named_person(&handle, &passphrase))?;
                // Not one within the other: whoever speaks for somebody is no third one.
                self.require_allowed(&actor, &what)?;
                (*what, actor)
            }
            command => (command, actor),
        };
        let is_card = matches!(command, Command::Whoami);
        // A message may be out of date by the clock of either side. Whose, shows only when they greet: the counterpart of a text
        // that was brought is greeted for that, as it would have been for the text itself.
        let counterpart = match &command {
            Command::WalletReceive { link, .. } => holding::counterpart(link),
            _ => None,
        };
        let mut answer = match self.carry_out(command, &actor).await {
            Ok(answer) => answer,
            Err(failure) => {
                let failure = self.explain(failure, counterpart).await;
                tracing::debug!(code = %failure.problem.code, "command refused");
                return Err(failure);
            }
        };
        if !is_card {
            write_instants(&mut answer);
        }
        Ok(answer)
    }

    /// Refuses to sign with a time that the anchor's signature or most other organisations speak against.
    fn require_clock(&self, now: credentials::Timestamp) -> Result<(), Problem> {
        if let Some(trust) = self.trust()
            && let Err(problem) = trust.current(now)
            && problem.code == Code::ClockSuspect
        {
            return Err(problem);
        }
        self.clocks.require(now, clock::since_boot())
    }

    /// A failure that has to do with time, told as what it comes of where our own clock is the likely reason.
    async fn explain(&self, failure: Failure, counterpart: Option<Did>) -> Failure {
        let code = failure.problem.code;
        if let Some(did) = counterpart.filter(|_| clocks::is_of_time(code)) {
            let greeted = self.ping(&did).await;
            tracing::debug!(%did, is_greeted = greeted.is_ok(), "greeted for its time");
        }
        match self.clocks.explain(code, clock::now(), clock::since_boot()) {
            Some(problem) => Failure::because(problem, failure.problem),
            None => failure,
        }
    }

    async fn carry_out(self: &Arc<Service>, command: Command, actor: &Actor) -> Result<Value, Failure> {
        self.require_caught_up_for(&command).await?;
        match command {
            Command::Whoami => self.whoami(),
            Command::Login { person } => self.login(person.as_deref()),
            Command::Status => self.status(),
            Command::Peers => self.peers(),
            Command::Doctor => self.look_at_all().await,
            Command::Ping { did } => self.ping(&did).await,
            Command::Alarms { id, dismiss } => match dismiss {
                false => self.list_alarms(id.as_deref(), false),
                true => {
                    let act = || self.list_alarms(id.as_deref(), true);
                    self.record.act(actor, Act::AlarmDismissed, About::default(), act)
                }
            },
            Command::As { .. } => Err(Code::NotPermitted.into()),
            Command::PersonAdd {
                handle,
                name,
                faces,
                passphrase,
            } => tokio::task::block_in_place(|| self.add_person(actor, &handle, &name, faces, &passphrase)),
            Command::People => self.list_people(),
            Command::PersonRemove { handle } => tokio::task::block_in_place(|| self.remove_person(actor, &handle)),
            Command::PersonPassphrase { handle, passphrase } => {
                tokio::task::block_in_place(|| self.change_person_passphrase(actor, &handle, &passphrase))
            }
            Command::Record { from, limit, forward } => {
                tokio::task::block_in_place(|| self.record.page(from, limit, forward))
            }
            Command::RecordVerify => tokio::task::block_in_place(|| self.record.verify()),
            Command::Metrics => self.metrics(),
            Command::Seen { effect, wait_seconds } => self.seen(&effect, wait_seconds).await,
            Command::TrustImport { .. }
            | Command::TrustShow
            | Command::TrustExport
            | Command::TrustRoot
            | Command::TrustBase
            | Command::TrustHistory { .. }
            | Command::TrustAnchor { .. }
            | Command::TrustCard { .. }
            | Command::TrustExamine { .. }
            | Command::TrustSign { .. }
            | Command::TrustPublish { .. }
            | Command::Keys
            | Command::KeysRotate { .. }
            | Command::KeysApprove { .. }
            | Command::KeysCancel { .. }
            | Command::Certificate { .. } => tokio::task::block_in_place(|| self.vouch(command, actor)),
            Command::ImportStart { .. }
            | Command::ImportLines { .. }
            | Command::ImportFinish { .. }
            | Command::Jobs
            | Command::Prepare { .. }
            | Command::Offer { .. }
            | Command::SetState { .. }
            | Command::Issued { .. }
            | Command::PublishEndings
            | Command::Bitstring { .. }
            | Command::IssuerStatus => {
                let is_change = matches!(command, Command::SetState { .. } | Command::PublishEndings);
                let answer = tokio::task::block_in_place(|| self.issue(command, actor));
                if is_change && answer.is_ok() && self.require_caught_up().is_ok() {
                    self.hand_over_news().await;
                }
                answer
            }
            Command::Job { .. }
            | Command::JobRejected { .. }
            | Command::ImportPause { .. }
            | Command::ImportResume { .. }
            | Command::UploadStart
            | Command::UploadPart { .. }
            | Command::UploadFinish { .. }
            | Command::UploadDiscard { .. }
            | Command::Uploads
            | Command::ImportUpload { .. } => {
                let is_begun = matches!(command, Command::ImportUpload { .. } | Command::ImportResume { .. });
                let answer = tokio::task::block_in_place(|| self.bring(command, actor));
                if is_begun && answer.is_ok() {
                    self.go_on().await;
                }
                answer
            }
            Command::BulkStart { .. }
            | Command::BulkLines { .. }
            | Command::BulkSelect { .. }
            | Command::BulkPropose { .. }
            | Command::Bulks
            | Command::Bulk { .. }
            | Command::BulkApprove { .. }
            | Command::BulkCancel { .. }
            | Command::BulkPause { .. }
            | Command::BulkResume { .. } => {
                let is_end = matches!(command, Command::BulkPause { .. } | Command::BulkCancel { .. });
                let is_begun = matches!(command, Command::BulkApprove { .. } | Command::BulkResume { .. });
                let answer = tokio::task::block_in_place(|| self.change_many(command, actor));
                if is_end && answer.is_ok() && self.require_caught_up().is_ok() {
                    self.hand_over_news().await;
                }
                if is_begun && answer.is_ok() {
                    self.go_on().await;
                }
                answer
            }
            Command::Notice { what } => {
                let is_change = matches!(what, Notice::Publish { .. });
                let answer = tokio::task::block_in_place(|| match is_change {
                    true => self
                        .record
                        .act(actor, Act::NoticePublished, About::default(), || self.notice(what)),
                    false => self.notice(what),
                });
                if is_change && answer.is_ok() {
                    self.hand_over_news().await;
                }
                self.wake_notices.notify_one();
                answer
            }
            Command::Consent { what } => self.consent(what).await,
            Command::System { what } => self.serve_system(what).await,
            Command::Hook { what } => self.hook(what).await,
            Command::VerifierWatch { since } => self.watch(since).await,
            Command::VerifierOnce { request } => self.ask_unless_asked(*request, actor).await,
            Command::VerifierServices
            | Command::VerifierPage { .. }
            | Command::VerifierFind { .. }
            | Command::VerifierClose { .. }
            | Command::VerifierGrants { .. } => tokio::task::block_in_place(|| self.at_desk(command)),
            Command::VerifierRequest { .. }
            | Command::VerifierSessions
            | Command::VerifierSession { .. }
            | Command::VerifierCheck { .. } => tokio::task::block_in_place(|| self.verify(command)),
            Command::WalletReceive { .. }
            | Command::WalletPresent { .. }
            | Command::WalletRefuse { .. }
            | Command::WalletResume
            | Command::WalletText { .. }
            | Command::WalletList
            | Command::WalletShow { .. }
            | Command::WalletRequests
            | Command::WalletHistory
            | Command::WalletEntries { .. }
            | Command::WalletForget { .. }
            | Command::WalletDecided { .. }
            | Command::WalletReported { .. }
            | Command::WalletUnfinished
            | Command::WalletCarry { .. }
            | Command::WalletFound
            | Command::WalletDelete { .. }
            | Command::WalletExport => self.hold(command).await,
            Command::WalletDecline { id } => {
                let refused = self.hold(Command::WalletDecline { id }).await?;
                let service = self.clone();
                tokio::spawn(async move { service.tell_refusals_soon().await });
                Ok(refused)
            }
            Command::Passphrase { old, new } => tokio::task::block_in_place(|| self.change_passphrase(&old, &new)),
            Command::Backup { path } => tokio::task::block_in_place(|| {
                let made = self.backup(&path)?;
                // A backup is worth more than its entry: it is made on a full disk too.
                if let Err(failure) = self.note(actor, Act::BackupMade, About::default()) {
                    tracing::warn!(%failure, "a backup is not in the log of who did what");
                }
                Ok(made)
            }),
        }
    }

    async fn ping(&self, did: &Did) -> Result<Value, Failure> {
        let watch = clock::Stopwatch::start();
        let ask = credentials::protocol::trust::Ask::Version;
        let body = credentials::protocol::encode(&ask)?;
        let identity = match self.wallet {
            None => None,
            Some(_) => {
                let secret = self
                    .with_wallet(|wallet| wallet.relation(did))?
                    .map_err(wallet_failure)?;
                Some(crate::network::Secret32::new(secret))
            }
        };
        let (peer, _) = self.ask(did, identity, crate::network::Protocol::Trust, body).await?;
        Ok(json!({ "schema": "ping/v1", "did": did, "peer": peer.as_str(), "ms": watch.milliseconds() }))
    }

    /// Whom this home trusts, and what it vouches for itself.
    fn vouch(&self, command: Command, actor: &Actor) -> Result<Value, Failure> {
        let noted =
            |act, done: &dyn Fn() -> Result<Value, Failure>| self.record.act(actor, act, About::default(), done);
        match command {
            Command::TrustImport { text, root } => noted(Act::TrustTaken, &|| self.import_trust(&text, root)),
            Command::TrustShow => self.show_trust(),
            Command::TrustExport => {
                let bundle = self.bundle().ok_or(Code::TrustMissing)?;
                Ok(json!({ "schema": "trust-exported/v1", "text": bundle.to_text()? }))
            }
            Command::TrustRoot => self.first_root(),
            Command::TrustBase => self.trust_base(),
            Command::TrustHistory { from, export } => self.show_history(from, export),
            Command::TrustAnchor { name } => self.become_anchor(name),
            Command::TrustCard { new_key } => self.anchor_card(new_key),
            Command::TrustExamine { proposal } => self.examine_proposal(&proposal),
            Command::TrustSign {
                proposal,
                hash,
                instead,
            } => noted(Act::TrustSigned, &|| self.sign_proposal(&proposal, &hash, instead)),
            Command::TrustPublish { files, hours } => self.publish(&files, hours),
            Command::Keys => self.show_keys(),
            Command::KeysRotate { from } => self.propose_or_rotate(actor, from),
            Command::KeysApprove { proposal } => self.approve_key(actor, &proposal),
            Command::KeysCancel { proposal } => self.cancel_key(actor, &proposal),
            Command::Certificate { renew: false } => self.show_certificate(clock::now()),
            Command::Certificate { renew: true } => {
                noted(Act::CertificateRenewed, &|| self.renew_certificate(clock::now()))
            }
            _ => Err(Code::Internal.into()),
        }
    }
}
