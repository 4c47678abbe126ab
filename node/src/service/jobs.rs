//! Long work that goes on by itself, step by step: imports that read their file from the store, and bulk changes that were agreed to. Between two
//! steps peers are answered. After a restart both go on where they were.

use super::execute::about_bulk;
use super::record::{Act, Actor};
use super::{Service, lock};
use crate::clock::{self, Stopwatch};
use credentials::Problem;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often somebody looks whether there is work, when nobody says so: after a disk was full, say.
const LOOK: Duration = Duration::from_secs(10);
/// Pause between two steps: who waits for the issuer gets it.
const BREATH: Duration = Duration::from_millis(2);

/// What is known of work under way.
pub(super) struct Jobs {
    wake: Notify,
    /// Whether this process goes on with work by itself.
    is_working: AtomicBool,
    /// Imports: since when, and how many rows since.
    rates: Mutex<BTreeMap<String, (Stopwatch, u64)>>,
    /// Held while a proposed key is decided: of two who agree at the same moment, one makes a key.
    pub(super) deciding: Mutex<()>,
    /// Rises with each step.
    steps: watch::Sender<u64>,
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs {
            wake: Notify::new(),
            is_working: AtomicBool::new(false),
            rates: Mutex::default(),
            deciding: Mutex::default(),
            steps: watch::Sender::new(0),
        }
    }
}

impl Jobs {
    /// Rows a second of an import that goes on by itself.
    pub(super) fn rate(&self, job: &str) -> Option<u64> {
        let rates = lock(&self.rates).ok()?;
        let (since, rows) = rates.get(job)?;
        rows.saturating_mul(1_000).checked_div(since.milliseconds())
    }

    fn count(&self, job: &str, rows: u64) {
        if let Ok(mut rates) = lock(&self.rates) {
            let entry = rates.entry(job.to_owned()).or_insert_with(|| (Stopwatch::start(), 0));
            entry.1 = entry.1.saturating_add(rows);
        }
    }

    fn forget(&self, job: &str) {
        if let Ok(mut rates) = lock(&self.rates) {
            rates.remove(job);
        }
    }
}

/// Goes on with what there is to do, for as long as the service is there.
pub(super) async fn run(service: Arc<Service>) {
    service.jobs.is_working.store(true, Ordering::Release);
    loop {
        while service.step().await {
            tokio::time::sleep(BREATH).await;
        }
        tokio::select! {
            () = service.jobs.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl Service {
    /// Rises with each step of an import or a bulk change: for pages that show them live.
    pub fn watch_jobs(&self) -> watch::Receiver<u64> {
        self.jobs.steps.subscribe()
    }

    /// Has work go on: by the task for it, or here when this process has none.
    pub(super) async fn go_on(&self) {
        if self.jobs.is_working.load(Ordering::Acquire) {
            self.jobs.wake.notify_one();
        } else {
            while self.step().await {}
        }
    }

    /// One step of everything that is under way. False when there is nothing, or nothing can be done now.
    async fn step(&self) -> bool {
        let done = tokio::task::block_in_place(|| -> Result<(bool, bool), Problem> {
            let imported = self.step_imports()?;
            let (changed, is_told) = self.step_bulks()?;
            Ok((imported || changed, is_told))
        });
        match done {
            Ok((is_more, is_told)) => {
                if is_more || is_told {
                    self.jobs.steps.send_modify(|steps| *steps = steps.saturating_add(1));
                }
                if is_told && self.require_caught_up().is_ok() {
                    self.hand_over_news().await;
                }
                is_more
            }
            Err(problem) => {
                tracing::warn!(%problem, "work under way stands still");
                false
            }
        }
    }

    fn step_imports(&self) -> Result<bool, Problem> {
        let Some(issuer) = &self.issuer else { return Ok(false) };
        let running = lock(issuer)?.running_imports().map_err(|error| error.problem())?;
        let mut is_more = false;
        for job in running {
            let mut issuer = lock(issuer)?;
            let step = match issuer.import_step(clock::now(), &job) {
                Ok(step) => step,
                // It is tried again when somebody looks next; others go on.
                Err(error) => {
                    tracing::warn!(job, %error, "an import stands still");
                    continue;
                }
            };
            self.jobs.count(&job, step.rows);
            if !step.is_over {
                is_more = true;
                continue;
            }
            self.jobs.forget(&job);
            let ended = issuer.job(&job).map_err(|error| error.problem())?;
            if ended.stage == issuer::Stage::Finished && !ended.dry_run {
                self.note_finished(&Actor::Node, &ended, ended.report);
            }
        }
        Ok(is_more)
    }

    /// Whether there is more to do, and whether the lists have something to tell.
    fn step_bulks(&self) -> Result<(bool, bool), Problem> {
        let Some(issuer) = &self.issuer else {
            return Ok((false, false));
        };
        let running = lock(issuer)?.running_bulks().map_err(|error| error.problem())?;
        let (mut is_more, mut is_told) = (false, false);
        for name in running {
            let mut issuer = lock(issuer)?;
            let bulk = match issuer.bulk_step(clock::now(), &name) {
                Ok(bulk) => bulk,
                Err(error) => {
                    tracing::warn!(bulk = name, %error, "a bulk change stands still");
                    continue;
                }
            };
            if bulk.stage == issuer::BulkStage::Running {
                is_more = true;
                continue;
            }
            is_told = true;
            let about = super::record::About {
                credentials: Some(bulk.changed.credentials),
                copies: Some(bulk.changed.copies),
                ..about_bulk(&bulk)
            };
            // What was agreed to stands there already: its end must not be undone because the disk is full.
            if let Err(failure) = self.note(&Actor::Node, Act::BulkFinished, about) {
                tracing::warn!(%failure, "the end of a bulk change is not in the log of who did what");
            }
        }
        Ok((is_more, is_told))
    }
}
