//! Commands of the wallet.

use super::Command;
use super::answer::{outcome, value, wallet_failure};
use super::consenting::entry_failure;
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::service::{Service, lock};
use credentials::link::Link;
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::time::Duration;

/// Most lines of the history that one command gives.
const ENTRIES_MAX: usize = 200;
/// How long the command that says no waits for the time at which that may leave.
const REFUSAL_WAIT: Duration = Duration::from_secs(15);
/// What is left of the second in which it may, at most.
const SECOND_PART: Duration = Duration::from_millis(50);

/// Whom a `bevis:` text is from.
pub(super) fn counterpart(link: &str) -> Option<Did> {
    match Link::parse(link).ok()? {
        Link::Offer { issuer, .. } => Some(issuer),
        Link::Request { asker, .. } => Some(asker),
        Link::Authorise(_) | Link::Authorised { .. } => None,
    }
}

impl Service {
    /// Runs a command of the wallet.
    pub(super) async fn hold(&self, command: Command) -> Result<Value, Failure> {
        match command {
            Command::WalletReceive { link, code } => {
                let counterpart = counterpart(&link);
                let link = Link::parse(&link)?;
                if counterpart.is_some() {
                    self.confirm_trust(counterpart.as_ref()).await?;
                }
                let result = self
                    .drive(|w| w.receive_link(clock::now(), &link, code.as_deref()))
                    .await;
                // Its issuer knows that somebody is here; whether what came counts is known a moment later.
                if let (Ok(_), Link::Offer { issuer, .. }) = (&result, &link) {
                    self.learn_status(issuer).await;
                }
                if let Ok(wallet::Outcome::Waiting { id }) = &result {
                    self.prepare_reach(id).await;
                }
                outcome(result?)
            }
            Command::WalletPresent { id, language, shown } => {
                // The same yes twice at once is one yes: the second waits and finds it done.
                let _alone = self.deciding.lock().await;
                self.same_text(&id, &language, shown.as_deref())?;
                let waiting = self.with_wallet(|w| w.pending(clock::now()))?.map_err(wallet_failure)?;
                let asker = waiting
                    .into_iter()
                    .find(|request| request.id == id)
                    .map(|request| request.asker);
                self.confirm_trust(asker.as_ref()).await?;
                // Nothing is fetched because of it: an issuer must not see when its credentials are shown.
                outcome(self.drive(|w| w.present(clock::now(), &id, &language)).await?)
            }
            Command::WalletRefuse { id } => {
                let refused = outcome(self.drive(|w| w.refuse(clock::now(), &id)).await?)?;
                self.tell_refusals(REFUSAL_WAIT).await?;
                Ok(refused)
            }
            Command::WalletDecline { id } => outcome(self.drive(|w| w.refuse(clock::now(), &id)).await?),
            Command::WalletResume => self.resume().await,
            Command::WalletText { id, language } => {
                let reading = self
                    .with_wallet(|w| w.read(clock::now(), &id, &language))?
                    .map_err(wallet_failure)?;
                let shown = crate::output::hex(&crate::output::sha256(reading.text.as_bytes()));
                let mut answer = value(reading)?;
                answer.put("schema", json!("request-text/v1"));
                answer.put("id", json!(id));
                answer.put("language", json!(language));
                answer.put("shown", json!(shown));
                Ok(answer)
            }
            Command::WalletList => {
                let mirror = lock(&self.mirror)?;
                let held = self
                    .with_wallet(|w| w.credentials(clock::now(), &*mirror))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "credentials/v1", "credentials": value(held)? }))
            }
            Command::WalletShow { id, language } => {
                let mirror = lock(&self.mirror)?;
                let detail = self
                    .with_wallet(|w| w.credential(clock::now(), &*mirror, &id, &language))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "credential/v1", "credential": value(detail)? }))
            }
            Command::WalletRequests => {
                let pending = self.with_wallet(|w| w.pending(clock::now()))?.map_err(wallet_failure)?;
                let reminders = self
                    .with_wallet(|w| w.reminders(clock::now()))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "requests/v1", "requests": value(pending)?, "reminders": value(reminders)? }))
            }
            Command::WalletHistory => {
                let events = self.with_wallet(|w| w.history())?.map_err(wallet_failure)?;
                let mut events = value(events)?;
                self.put_said_each(&mut events, "erasure");
                Ok(json!({ "schema": "history/v1", "events": events }))
            }
            Command::WalletEntries { before, count } => {
                let count = count.min(ENTRIES_MAX);
                let events = self
                    .with_wallet(|w| w.entries(before, count))?
                    .map_err(wallet_failure)?;
                let mut events = value(events)?;
                self.put_said_each(&mut events, "erasure");
                Ok(json!({ "schema": "history/v1", "events": events }))
            }
            Command::WalletForget { entry } => {
                self.with_wallet(|w| w.forget(clock::now(), entry))?
                    .map_err(entry_failure)?;
                Ok(json!({ "schema": "forgotten/v1", "entry": entry }))
            }
            Command::WalletReported { entry } => {
                let reported = self.with_wallet(|w| w.reported(entry))?.map_err(entry_failure)?;
                Ok(json!({ "schema": "report/v1", "entry": entry, "signed": reported.signed, "text": reported.text }))
            }
            Command::WalletUnfinished => {
                let unfinished = self.with_wallet(|w| w.unfinished())?.map_err(wallet_failure)?;
                Ok(json!({ "schema": "unfinished/v1", "unfinished": value(unfinished)? }))
            }
            Command::WalletCarry { id } => outcome(self.with_wallet(|w| w.carry(&id))?.map_err(wallet_failure)?),
            Command::WalletFound => {
                let found = self.with_wallet(|w| w.found(clock::now()))?.map_err(wallet_failure)?;
                Ok(json!({ "schema": "grants-found/v1", "grants": value(found)? }))
            }
            Command::WalletDecided { id } => {
                let event = self.with_wallet(|w| w.decided(&id))?.map_err(wallet_failure)?;
                let mut event = value(event.ok_or(Code::NotFound)?)?;
                self.put_said(&mut event, "erasure");
                Ok(json!({ "schema": "decided/v1", "event": event }))
            }
            Command::WalletDelete { id } => {
                self.with_wallet(|w| w.delete(clock::now(), &id))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "deleted/v1", "id": id }))
            }
            Command::WalletExport => self.with_wallet(|w| w.export())?.map_err(wallet_failure),
            _ => Err(Code::Internal.into()),
        }
    }

    /// Refuses when the person was shown another text than the one that would be signed for (invariant: the decision's
    /// hash equals what was shown).
    fn same_text(&self, id: &str, language: &str, shown: Option<&str>) -> Result<(), Failure> {
        let Some(shown) = shown else { return Ok(()) };
        let text = self
            .with_wallet(|w| w.text(clock::now(), id, language))?
            .map_err(wallet_failure)?;
        if crate::output::hex(&crate::output::sha256(text.as_bytes())) == shown {
            Ok(())
        } else {
            Err(Problem::new(Code::WrongRequest, "the text has changed since it was shown").into())
        }
    }

    /// Tells askers of refusals whose time comes soon.
    pub(super) async fn tell_refusals_soon(&self) {
        if let Err(failure) = self.tell_refusals(REFUSAL_WAIT).await {
            tracing::debug!(%failure, "a refusal is told later");
        }
    }

    /// Tells askers of refusals whose time comes within `most`; what leaves later is told by a node that runs, or by `wallet resume`.
    pub(in crate::service) async fn tell_refusals(&self, most: Duration) -> Result<(), Failure> {
        let next = self.with_wallet(|w| w.next_refusal())?.map_err(wallet_failure)?;
        let Some(at) = next else { return Ok(()) };
        let seconds = u64::try_from(at.since(clock::now())).unwrap_or(0);
        let wait = Duration::from_secs(seconds);
        if wait > most {
            return Ok(());
        }
        tokio::time::sleep(wait).await;
        while clock::now() < at {
            tokio::time::sleep(SECOND_PART).await;
        }
        if self.require_caught_up().is_ok() {
            self.resume().await?;
        }
        Ok(())
    }

    async fn resume(&self) -> Result<Value, Failure> {
        let begun = self.with_wallet(|w| w.resume(clock::now()))?;
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
