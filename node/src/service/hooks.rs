//! Webhooks at work: events go from the outbox to their queues, and from there to their receivers.

use super::{Service, lock};
use crate::clock;
use crate::error::Failure;
use crate::home;
use crate::webhooks::sender::Sender;
use crate::webhooks::{Answer, Hooks, Job};
use credentials::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How often it is looked whether something is due that nobody announced.
const LOOK: Duration = Duration::from_secs(1);
/// Events on their way at one time, to all receivers together.
const AT_ONCE: usize = 32;
/// Largest file with authorities for webhooks, in bytes.
const AUTHORITIES_MAX: u64 = 256 * 1024;

/// What is done about webhooks.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// A new address.
    Add {
        /// Address.
        url: String,
        /// Kinds of events; empty = all.
        events: Vec<String>,
    },
    /// Every address.
    List,
    /// One.
    Show {
        /// Name.
        id: String,
    },
    /// Takes one away.
    Remove {
        /// Name.
        id: String,
    },
    /// Sends a test event now.
    Test {
        /// Name.
        id: String,
    },
    /// Puts back what could not be delivered.
    Replay {
        /// Name.
        id: String,
        /// One delivery; none = all.
        delivery: Option<String>,
    },
    /// What could not be delivered.
    Dead {
        /// Of one address; none = of all.
        id: Option<String>,
    },
}

impl Service {
    fn hooks(&self) -> Result<&Mutex<Hooks>, Problem> {
        let hooks = self.hooks.as_ref();
        hooks.ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))
    }

    fn may_hook_privately(&self) -> bool {
        self.config().api.as_ref().is_some_and(|api| api.private_webhooks)
    }

    fn sender(&self) -> Result<Sender, Failure> {
        if let Some(sender) = self.sender.get() {
            return Ok(sender.clone());
        }
        let file = self.config().api.as_ref().and_then(|api| api.webhook_ca.clone());
        let pem = file.map(|file| home::read(&file, AUTHORITIES_MAX)).transpose()?;
        let sender = Sender::new(pem.as_deref(), self.may_hook_privately())?;
        Ok(self.sender.get_or_init(|| sender).clone())
    }

    pub(super) async fn hook(&self, what: Hook) -> Result<Value, Failure> {
        match what {
            Hook::Test { id } => {
                let job = lock(self.hooks()?)?.test(clock::now(), &mut clock::System, &id)?;
                let watch = clock::Stopwatch::start();
                let answer = self.sender()?.send(clock::now(), &job).await;
                let (status, error) = match answer {
                    Answer::Taken(status) | Answer::Refused(status, _) => (Some(status), None),
                    Answer::Gone => (Some(410), None),
                    Answer::None(why) => (None, Some(why)),
                };
                Ok(json!({
                    "schema": "webhook-tested/v1", "id": id, "delivered": matches!(answer, Answer::Taken(_)),
                    "status": status, "error": error, "ms": watch.milliseconds(),
                }))
            }
            other => {
                let answer = tokio::task::block_in_place(|| self.change_hooks(other));
                self.wake_hooks.notify_one();
                answer
            }
        }
    }

    fn change_hooks(&self, what: Hook) -> Result<Value, Failure> {
        let now = clock::now();
        let hooks = self.hooks()?;
        match what {
            Hook::Add { url, events } => {
                let verifier = self.verifier.as_ref().ok_or(Code::Internal)?;
                let newest = lock(verifier)?.newest_news();
                let is_private = self.may_hook_privately();
                let mut hooks = lock(hooks)?;
                let added = hooks.add(now, &mut clock::System, (&url, &events), is_private, newest);
                let (id, secret) = added?;
                let shown = hooks.show(&id)?;
                Ok(json!({ "schema": "webhook-added/v1", "webhook": shown, "secret": secret.as_str() }))
            }
            Hook::List => Ok(json!({ "schema": "webhooks/v1", "webhooks": lock(hooks)?.list() })),
            Hook::Show { id } => Ok(json!({ "schema": "webhook/v1", "webhook": lock(hooks)?.show(&id)? })),
            Hook::Remove { id } => {
                lock(hooks)?.remove(&id)?;
                Ok(json!({ "schema": "webhook-removed/v1", "id": id }))
            }
            Hook::Replay { id, delivery } => {
                let count = lock(hooks)?.replay(now, &id, delivery.as_deref())?;
                Ok(json!({ "schema": "webhook-replayed/v1", "id": id, "replayed": count }))
            }
            Hook::Dead { id } => {
                let dead = lock(hooks)?.dead(id.as_deref())?;
                Ok(json!({ "schema": "webhooks-dead/v1", "dead": dead }))
            }
            Hook::Test { .. } => Err(Code::Internal.into()),
        }
    }

    /// Takes what is new out of the outbox, and gives what is to be sent now.
    fn hooks_due(&self) -> Result<Vec<Job>, Failure> {
        let (Some(hooks), Some(verifier)) = (&self.hooks, &self.verifier) else {
            return Ok(Vec::new());
        };
        let now = clock::now();
        let mut hooks = lock(hooks)?;
        if hooks.is_empty() {
            return Ok(Vec::new());
        }
        let verifier = lock(verifier)?;
        while hooks.fill(now, &|after, most| verifier.news(after, most, &|_| true))? {}
        drop(verifier);
        Ok(hooks.due(now))
    }

    fn settle_hook(&self, job: &Job, answer: &Answer) {
        let settled = self
            .hooks()
            .and_then(lock)
            .map_err(Failure::from)
            .and_then(|mut hooks| hooks.settle(clock::now(), &mut clock::System, job, answer));
        if let Err(failure) = settled {
            // It is sent again then: its receiver knows it by its name.
            tracing::warn!(%failure, "what came of a webhook is not noted");
        }
        self.wake_hooks.notify_one();
    }
}

/// Sends events as long as the node runs.
pub(super) async fn run(service: Arc<Service>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut changes = service.sessions.subscribe();
    loop {
        let due = tokio::task::block_in_place(|| service.hooks_due());
        match due {
            Err(failure) => tracing::warn!(%failure, "webhooks"),
            Ok(jobs) if jobs.is_empty() => {}
            Ok(jobs) => match service.sender() {
                Err(failure) => {
                    tracing::warn!(%failure, "webhooks cannot be sent");
                    for job in &jobs {
                        service.settle_hook(job, &Answer::None("no sender"));
                    }
                }
                Ok(sender) => {
                    for job in jobs {
                        let Ok(place) = places.clone().acquire_owned().await else {
                            return;
                        };
                        let (service, sender) = (service.clone(), sender.clone());
                        tokio::spawn(async move {
                            let answer = sender.send(clock::now(), &job).await;
                            tokio::task::block_in_place(|| service.settle_hook(&job, &answer));
                            drop(place);
                        });
                    }
                }
            },
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = service.wake_hooks.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
