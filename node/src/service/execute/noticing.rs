//! Commands about notices: the register's log, and what a bank received.

use super::answer::{damaged, issuer_failure, value};
use crate::clock;
use crate::error::Failure;
use crate::service::{Service, lock};
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use verifier::Decision;

/// Most notices of one answer.
const PAGE: usize = 1_000;

/// What is to be done. It has no `Debug`: numbers of customers pass through it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// Drafts the next notice.
    Draft {
        /// C10 without what the register adds itself.
        subject: Map<String, Value>,
    },
    /// Signs a paper with this home's key.
    Sign {
        /// Its text.
        text: String,
    },
    /// Publishes what two keys signed.
    Publish {
        /// Its text.
        text: String,
    },
    /// Gives up the draft.
    Discard,
    /// What was published.
    Log {
        /// From this number on.
        from: u64,
    },
    /// Writes a checkpoint, to be signed.
    Checkpoint,
    /// Makes a key for tags of persons; its statement is to be signed.
    Key {
        /// Name: the year.
        name: String,
        /// Valid from.
        from: Timestamp,
        /// Valid until.
        until: Timestamp,
    },
    /// Forgets a key for tags.
    KeyDestroy {
        /// Name.
        name: String,
    },
    /// Adds or removes customers.
    Customers {
        /// Number of the first line.
        first: u64,
        /// Numbers.
        lines: Vec<String>,
        /// Removes them.
        remove: bool,
    },
    /// Registers' streams, and which customers are concerned.
    Received,
    /// Notices of a register.
    Of {
        /// Its DID.
        register: String,
        /// From this number on.
        from: u64,
    },
    /// What is to be done for customers.
    Events {
        /// After this one.
        after: u64,
        /// Those up to this one are done first.
        done: Option<u64>,
    },
    /// Decides a conflict.
    Decide {
        /// Register.
        register: String,
        /// The first wrong number of ours; none: ours is right.
        wrong_from: Option<u64>,
    },
}

impl Service {
    /// Carries out a command about notices.
    pub(super) fn notice(&self, what: Notice) -> Result<Value, Failure> {
        match what {
            Notice::Customers { .. }
            | Notice::Received
            | Notice::Of { .. }
            | Notice::Events { .. }
            | Notice::Decide { .. } => self.received(what),
            _ => self.published(what),
        }
    }

    /// At the register.
    fn published(&self, what: Notice) -> Result<Value, Failure> {
        let now = clock::now();
        let issuer = self
            .issuer
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "issuer"))?;
        let mut issuer = lock(issuer)?;
        let paper = |text: &str| json!({ "schema": "notice-paper/v1", "text": text });
        match what {
            Notice::Draft { subject } => {
                self.require_clock(now)?;
                self.require_caught_up()?;
                Ok(paper(
                    issuer.notice_draft(now, &subject).map_err(issuer_failure)?.text(),
                ))
            }
            Notice::Sign { text } => {
                self.require_clock(now)?;
                Ok(paper(issuer.notice_sign(now, &text).map_err(issuer_failure)?.text()))
            }
            Notice::Publish { text } => {
                self.require_caught_up()?;
                let published = issuer.notice_publish(now, &text).map_err(issuer_failure)?;
                Ok(json!({ "schema": "notice-published/v1", "published": value(published)? }))
            }
            Notice::Discard => {
                issuer.notice_discard().map_err(issuer_failure)?;
                Ok(json!({ "schema": "notice-discarded/v1" }))
            }
            Notice::Log { from } => {
                let state = value(issuer.notice_state().map_err(issuer_failure)?)?;
                let notices = value(issuer.notices(from, PAGE).map_err(issuer_failure)?)?;
                Ok(json!({ "schema": "notice-log/v1", "state": state, "notices": notices }))
            }
            Notice::Checkpoint => Ok(paper(&issuer.notice_checkpoint(now).map_err(issuer_failure)?)),
            Notice::Key { name, from, until } => {
                let statement = issuer.notice_key(now, &name, (from, until));
                Ok(paper(&statement.map_err(issuer_failure)?))
            }
            Notice::KeyDestroy { name } => {
                issuer.notice_key_destroy(now, &name).map_err(issuer_failure)?;
                Ok(json!({ "schema": "notice-key-destroyed/v1", "key": name }))
            }
            _ => Err(Code::Internal.into()),
        }
    }

    /// At whoever receives.
    fn received(&self, what: Notice) -> Result<Value, Failure> {
        let now = clock::now();
        let verifier = self
            .verifier
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))?;
        let mut verifier = lock(verifier)?;
        match what {
            Notice::Customers { first, lines, remove } => {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                let report = match remove {
                    true => verifier.customers_remove(first, &lines)?,
                    false => verifier.customers_import(now, first, &lines)?,
                };
                let count = verifier.customers_count().map_err(damaged)?;
                Ok(json!({ "schema": "customers/v1", "report": value(report)?, "customers": count }))
            }
            Notice::Received => {
                let streams = value(verifier.notice_streams())?;
                let matches = value(verifier.notice_matches().map_err(damaged)?)?;
                let count = verifier.customers_count().map_err(damaged)?;
                let tagged = verifier.customers_tagged().map_err(damaged)?;
                let untagged = verifier.customers_untagged().map_err(damaged)?;
                Ok(json!({
                    "schema": "notices-received/v1", "streams": streams, "matches": matches, "customers": count,
                    "tagged": tagged, "untagged": untagged,
                }))
            }
            Notice::Of { register, from } => {
                let notices = verifier.notices(&register, from, PAGE).map_err(damaged)?;
                Ok(json!({ "schema": "notices/v1", "register": register, "notices": value(notices)? }))
            }
            Notice::Events { after, done } => {
                if let Some(done) = done {
                    verifier.notice_events_done(done).map_err(damaged)?;
                }
                let events = verifier.notice_events(after).map_err(damaged)?;
                Ok(json!({ "schema": "notice-events/v1", "events": value(events)? }))
            }
            Notice::Decide { register, wrong_from } => {
                let decision = match wrong_from {
                    None => Decision::Keep,
                    Some(from) => Decision::Replace { from },
                };
                verifier.notice_decide(now, &register, decision)?;
                Ok(json!({ "schema": "notice-decided/v1", "register": register }))
            }
            _ => Err(Code::Internal.into()),
        }
    }
}
