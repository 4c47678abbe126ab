//! Every command that needs an open home. The command line sends them over the local socket to the running node, or runs
//! them here when no node runs: one code path for both.

mod answer;
mod command;
mod consenting;
mod holding;
mod issuing;
mod noticing;
mod saying;
mod verifying;

pub use command::{Command, Consent, Target};
pub use noticing::Notice;

pub(super) use answer::wallet_failure;

use super::{Service, clocks};
use crate::clock;
use crate::error::Failure;
use answer::write_instants;
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::sync::Arc;

impl Service {
    /// Runs one command. Its answer is the `--json` contract: instants in it are RFC 3339 in UTC, but for the card of
    /// `whoami`, which is a file format of its own.
    pub async fn execute(self: &Arc<Service>, command: Command) -> Result<Value, Failure> {
        let is_card = matches!(command, Command::Whoami);
        // A message may be out of date by the clock of either side. Whose, shows only when they greet: the counterpart of a text
        // that was brought is greeted for that, as it would have been for the text itself.
        let counterpart = match &command {
            Command::WalletReceive { link, .. } => holding::counterpart(link),
            _ => None,
        };
        let mut answer = match self.carry_out(command).await {
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

    async fn carry_out(self: &Arc<Service>, command: Command) -> Result<Value, Failure> {
        self.require_caught_up_for(&command).await?;
        match command {
            Command::Whoami => self.whoami(),
            Command::Status => self.status(),
            Command::Peers => self.peers(),
            Command::Doctor => self.doctor(),
            Command::Ping { did } => self.ping(&did).await,
            Command::Alarms { id, dismiss } => self.list_alarms(id.as_deref(), dismiss),
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
            | Command::Certificate { .. } => tokio::task::block_in_place(|| self.vouch(command)),
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
                let answer = tokio::task::block_in_place(|| self.issue(command));
                if is_change && answer.is_ok() && self.require_caught_up().is_ok() {
                    self.hand_over_news().await;
                }
                answer
            }
            Command::Notice { what } => {
                let is_change = matches!(what, Notice::Publish { .. });
                let answer = tokio::task::block_in_place(|| self.notice(what));
                if is_change && answer.is_ok() {
                    self.hand_over_news().await;
                }
                self.wake_notices.notify_one();
                answer
            }
            Command::Consent { what } => self.consent(what).await,
            Command::VerifierWatch { since } => self.watch(since).await,
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
            | Command::WalletDelete { .. }
            | Command::WalletExport => self.hold(command).await,
            Command::Backup { path } => tokio::task::block_in_place(|| self.backup(&path)),
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
    fn vouch(&self, command: Command) -> Result<Value, Failure> {
        match command {
            Command::TrustImport { text, root } => self.import_trust(&text, root),
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
            } => self.sign_proposal(&proposal, &hash, instead),
            Command::TrustPublish { files, hours } => self.publish(&files, hours),
            Command::Keys => self.show_keys(),
            Command::KeysRotate { from } => self.rotate_key(from),
            Command::Certificate { renew: false } => self.show_certificate(clock::now()),
            Command::Certificate { renew: true } => self.renew_certificate(clock::now()),
            _ => Err(Code::Internal.into()),
        }
    }
}
