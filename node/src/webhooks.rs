//! Where events are sent: addresses of a bank's own systems, a queue for each, and what could not be delivered.
//!
//! A machine without clock, randomness or network, as the roles are; [`sender`] alone speaks HTTP. An event waits in the store from the
//! moment it is taken out of the verifier's outbox until its receiver has said 2xx, so that a stop in between, at whatever instant,
//! sends it again and never loses it: at least once, with the same `webhook-id` each time. Events of one session or grant go out in
//! their order; one that nobody takes holds up only those of the same session or grant.
//!
//! [`rows`] is what is stored, [`schedule`] when it is tried again, [`signature`] how it is signed (Standard Webhooks), [`address`] where it
//! may go.

pub mod address;
pub mod rows;
pub mod schedule;
pub mod sender;
pub mod signature;

use crate::error::Failure;
use credentials::{Code, Problem, Random, Timestamp};
use rows::{Delivery, Endpoint, Standing, Tables};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use store::Store;
use verifier::{NewsPage, Place, What};
use zeroize::Zeroizing;

/// Most addresses.
pub const ENDPOINTS_MAX: usize = 16;
/// Most events that wait for one address; the next stay in the outbox, and what leaves that before its turn is told as a gap.
pub const QUEUE_MAX: usize = 1_000;
/// Most events that are kept of those which could not be delivered to one address; the oldest make room.
pub const DEAD_MAX: usize = 1_000;
/// Events on their way to one address at one time.
pub const AT_ONCE: usize = 4;
/// Events that are taken out of the outbox in one transaction.
const FILL: usize = 100;

/// Which delivery: of which address, in the order of its events.
type Which = (String, Vec<u8>);

/// One event that is to be sent now.
pub struct Job {
    which: Which,
    /// Where to.
    pub url: String,
    /// What signs it.
    pub secret: Zeroizing<Vec<u8>>,
    /// Its name, the same each time.
    pub delivery: String,
    /// Its body.
    pub body: String,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took it (2xx): the status.
    Taken(u16),
    /// It wants nothing more (410).
    Gone,
    /// Another status; after how many seconds it wants to be asked again, if it says so.
    Refused(u16, Option<u64>),
    /// There was none: why, in a word.
    None(&'static str),
}

impl Answer {
    fn told(&self) -> String {
        match self {
            Answer::Taken(status) | Answer::Refused(status, _) => status.to_string(),
            Answer::Gone => "410".to_owned(),
            Answer::None(why) => (*why).to_owned(),
        }
    }
}

/// The addresses and their queues.
pub struct Hooks {
    tables: Tables,
    endpoints: BTreeMap<String, Endpoint>,
    secrets: BTreeMap<String, Zeroizing<Vec<u8>>>,
    waiting: BTreeMap<Which, Delivery>,
    dead: BTreeMap<Which, Delivery>,
    /// On their way now; a restart forgets it, and they are sent again.
    sent: BTreeSet<Which>,
}

impl Hooks {
    /// Reads everything.
    pub fn open(store: &Store) -> Result<Hooks, Failure> {
        let tables = Tables::new(store);
        let endpoints = tables.endpoints()?;
        let mut secrets = BTreeMap::new();
        for id in endpoints.keys() {
            secrets.insert(id.clone(), tables.secret(id)?);
        }
        Ok(Hooks {
            waiting: tables.deliveries(false)?,
            dead: tables.deliveries(true)?,
            tables,
            endpoints,
            secrets,
            sent: BTreeSet::new(),
        })
    }

    /// Whether there is an address at all.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Events that wait, and those that were given up, of all addresses.
    pub fn counts(&self) -> (usize, usize) {
        (self.waiting.len(), self.dead.len())
    }

    /// Adds an address; gives its name and the secret as the receiver needs it.
    ///
    /// # Errors
    /// `malformed` when it may not be sent to (`url`) or a kind is none (`events`); `too_large` beyond [`ENDPOINTS_MAX`].
    pub fn add(
        &mut self,
        now: Timestamp,
        random: &mut dyn Random,
        (url, events): (&str, &[String]),
        is_private_allowed: bool,
        newest: Option<Place>,
    ) -> Result<(String, Zeroizing<String>), Failure> {
        address::check(url, is_private_allowed)?;
        let mut kinds = Vec::new();
        for event in events {
            let kind = What::parse(event).ok_or_else(|| Problem::new(Code::Malformed, "events"))?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        if self.endpoints.len() >= ENDPOINTS_MAX {
            return Err(Problem::new(Code::TooLarge, "webhooks").into());
        }
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let id = format!("wh_{}", crate::output::hex(&bytes));
        let secret = signature::new_secret(random);
        let endpoint = Endpoint {
            id: id.clone(),
            url: url.to_owned(),
            events: kinds,
            created: now,
            standing: Standing::Active,
            seen: newest,
        };
        self.tables.put_new(&endpoint, &secret)?;
        let text = signature::secret_text(&secret);
        self.secrets.insert(id.clone(), secret);
        self.endpoints.insert(id.clone(), endpoint);
        Ok((id, text))
    }

    /// Takes an address away, with all that waits for it.
    ///
    /// # Errors
    /// `not_found`.
    pub fn remove(&mut self, id: &str) -> Result<(), Failure> {
        self.endpoint(id)?;
        let of = |which: &&Which| which.0 == id;
        let waiting: Vec<Which> = self.waiting.keys().filter(of).cloned().collect();
        let dead: Vec<Which> = self.dead.keys().filter(of).cloned().collect();
        self.tables.remove(id, &waiting, &dead)?;
        for which in &waiting {
            self.waiting.remove(which);
        }
        for which in &dead {
            self.dead.remove(which);
        }
        self.secrets.remove(id);
        self.endpoints.remove(id);
        Ok(())
    }

    fn endpoint(&self, id: &str) -> Result<&Endpoint, Problem> {
        self.endpoints
            .get(id)
            .ok_or_else(|| Problem::new(Code::NotFound, "webhook"))
    }

    /// One address as it is shown.
    ///
    /// # Errors
    /// `not_found`.
    pub fn show(&self, id: &str) -> Result<Value, Problem> {
        let endpoint = self.endpoint(id)?;
        let count = |rows: &BTreeMap<Which, Delivery>| rows.keys().filter(|which| which.0 == id).count();
        let events: Vec<&str> = endpoint.events.iter().map(|kind| kind.as_str()).collect();
        Ok(json!({
            "id": endpoint.id, "url": endpoint.url, "events": events, "created": endpoint.created.to_string(),
            "state": endpoint.standing, "waiting": count(&self.waiting), "dead": count(&self.dead),
        }))
    }

    /// Every address.
    pub fn list(&self) -> Vec<Value> {
        self.endpoints.keys().filter_map(|id| self.show(id).ok()).collect()
    }

    /// What could not be delivered, of one address or of all.
    ///
    /// # Errors
    /// `not_found`.
    pub fn dead(&self, id: Option<&str>) -> Result<Vec<Value>, Problem> {
        if let Some(id) = id {
            self.endpoint(id)?;
        }
        let wanted = self.dead.iter().filter(|((of, _), _)| id.is_none_or(|id| id == of));
        let shown = wanted.map(|((of, _), delivery)| {
            json!({
                "webhook": of, "delivery": delivery.id, "type": delivery.kind, "at": delivery.at.to_string(),
                "attempts": delivery.attempts, "last": delivery.last,
                "event": serde_json::from_str::<Value>(&delivery.body).unwrap_or_default(),
            })
        });
        Ok(shown.collect())
    }

    /// Puts back what could not be delivered: one, or all of an address; how many. One that wanted nothing more is asked again.
    ///
    /// # Errors
    /// `not_found`.
    pub fn replay(&mut self, now: Timestamp, id: &str, delivery: Option<&str>) -> Result<usize, Failure> {
        let mut endpoint = self.endpoint(id)?.clone();
        let wanted = |(which, row): &(&Which, &Delivery)| which.0 == id && delivery.is_none_or(|one| row.id == one);
        let again: Vec<(Which, Delivery)> = self
            .dead
            .iter()
            .filter(wanted)
            .map(|(which, row)| (which.clone(), row.clone()))
            .collect();
        if delivery.is_some() && again.is_empty() {
            return Err(Problem::new(Code::NotFound, "delivery").into());
        }
        endpoint.standing = Standing::Active;
        let again: Vec<(Which, Delivery)> = again
            .into_iter()
            .map(|(which, row)| {
                let row = Delivery {
                    attempts: 0,
                    due: now,
                    ..row
                };
                (which, row)
            })
            .collect();
        self.tables.revive(&endpoint, &again)?;
        let count = again.len();
        for (which, row) in again {
            self.dead.remove(&which);
            self.waiting.insert(which, row);
        }
        self.endpoints.insert(endpoint.id.clone(), endpoint);
        Ok(count)
    }

    /// Takes new events out of the outbox, for every address that has room. `page` gives some after a place. Whether there may be more.
    pub fn fill(&mut self, now: Timestamp, page: &dyn Fn(Option<Place>, usize) -> NewsPage) -> Result<bool, Failure> {
        let mut is_more = false;
        let ids: Vec<String> = self.endpoints.keys().cloned().collect();
        for id in ids {
            let Some(endpoint) = self.endpoints.get(&id) else {
                continue;
            };
            if endpoint.standing != Standing::Active {
                continue;
            }
            let held = self.waiting.keys().filter(|which| which.0 == id).count();
            // One place stays free for the word that there is a gap.
            let room = QUEUE_MAX.saturating_sub(held.saturating_add(1)).min(FILL);
            if room == 0 {
                continue;
            }
            let found = page(endpoint.seen, room);
            if endpoint.seen == Some(found.last) {
                continue;
            }
            let mut endpoint = endpoint.clone();
            let mut rows = Vec::new();
            if found.is_gap {
                rows.push(self.gap(&id, found.last, now));
            }
            for news in &found.news {
                if endpoint.events.is_empty() || endpoint.events.contains(&news.happened.what) {
                    rows.push(self.row(&id, news, now));
                }
            }
            endpoint.seen = Some(found.last);
            self.tables.put_all(&endpoint, &rows)?;
            is_more |= found.news.len() >= room;
            self.waiting.extend(rows);
            self.endpoints.insert(id, endpoint);
        }
        Ok(is_more)
    }

    fn row(&self, id: &str, news: &verifier::News, now: Timestamp) -> (Which, Delivery) {
        let told = crate::service::news(news);
        let kind = news.happened.what.as_str();
        let about = news.happened.grant.clone().or_else(|| news.happened.session.clone());
        let mut data = told;
        let mut timestamp = Value::Null;
        if let Some(members) = data.as_object_mut() {
            members.remove("type");
            timestamp = members.remove("at").unwrap_or_default();
        }
        let body = json!({ "type": kind, "timestamp": timestamp, "data": data });
        let delivery = Delivery {
            id: self.tables.delivery_name(id, news.place, kind),
            kind: kind.to_owned(),
            about,
            body: body.to_string(),
            at: news.at,
            attempts: 0,
            due: now,
            last: String::new(),
        };
        (rows::which(id, news.place, true), delivery)
    }

    fn gap(&self, id: &str, place: Place, now: Timestamp) -> (Which, Delivery) {
        let body = json!({ "type": "gap", "timestamp": now.to_string(), "data": { "id": place.to_string() } });
        let delivery = Delivery {
            id: self.tables.delivery_name(id, place, "gap"),
            kind: "gap".to_owned(),
            about: None,
            body: body.to_string(),
            at: now,
            attempts: 0,
            due: now,
            last: String::new(),
        };
        (rows::which(id, place, false), delivery)
    }

    /// What is to be sent now. Each is on its way until [`Hooks::settle`].
    pub fn due(&mut self, now: Timestamp) -> Vec<Job> {
        let mut jobs = Vec::new();
        for (id, endpoint) in &self.endpoints {
            let Some(secret) = self.secrets.get(id) else { continue };
            if endpoint.standing != Standing::Active {
                continue;
            }
            let mut under_way = self.sent.iter().filter(|which| which.0 == *id).count();
            // Sessions and grants of which an earlier event is not delivered yet.
            let mut held_up: BTreeSet<&str> = BTreeSet::new();
            let first = (id.clone(), Vec::new());
            for (which, row) in self.waiting.range(first..).take_while(|((of, _), _)| of == id) {
                if under_way >= AT_ONCE {
                    break;
                }
                let is_free = row.about.as_deref().is_none_or(|about| held_up.insert(about));
                if !is_free || row.due > now || self.sent.contains(which) {
                    continue;
                }
                under_way = under_way.saturating_add(1);
                jobs.push(Job {
                    which: which.clone(),
                    url: endpoint.url.clone(),
                    secret: secret.clone(),
                    delivery: row.id.clone(),
                    body: row.body.clone(),
                });
            }
        }
        self.sent.extend(jobs.iter().map(|job| job.which.clone()));
        jobs
    }

    /// What came of a delivery.
    pub fn settle(
        &mut self,
        now: Timestamp,
        random: &mut dyn Random,
        job: &Job,
        answer: &Answer,
    ) -> Result<(), Failure> {
        self.sent.remove(&job.which);
        // The address was taken away meanwhile.
        let Some(row) = self.waiting.get(&job.which).cloned() else {
            return Ok(());
        };
        let id = job.which.0.clone();
        match answer {
            Answer::Taken(_) => {
                self.tables.done(&job.which)?;
                self.waiting.remove(&job.which);
                Ok(())
            }
            Answer::Gone => self.stop(&id),
            Answer::Refused(..) | Answer::None(_) => {
                let mut row = Delivery {
                    attempts: row.attempts.saturating_add(1),
                    last: answer.told(),
                    ..row
                };
                let asked_for = match answer {
                    Answer::Refused(_, seconds) => *seconds,
                    _ => None,
                };
                match schedule::next(row.attempts, asked_for, random) {
                    Some(seconds) => {
                        row.due = now.plus(seconds);
                        self.tables.put_waiting(&job.which, &row)?;
                        self.waiting.insert(job.which.clone(), row);
                    }
                    None => self.give_up(vec![(job.which.clone(), row)], None)?,
                }
                Ok(())
            }
        }
    }

    /// A receiver wants nothing more: nothing is sent there, and what waits is kept with what could not be delivered.
    fn stop(&mut self, id: &str) -> Result<(), Failure> {
        let Some(endpoint) = self.endpoints.get(id).cloned() else {
            return Ok(());
        };
        let endpoint = Endpoint {
            standing: Standing::Gone,
            ..endpoint
        };
        let of = self.waiting.iter().filter(|(which, _)| which.0 == id);
        let all = of.map(|(which, row)| {
            let row = Delivery {
                last: Answer::Gone.told(),
                ..row.clone()
            };
            (which.clone(), row)
        });
        let all: Vec<(Which, Delivery)> = all.collect();
        self.give_up(all, Some(&endpoint))?;
        self.endpoints.insert(id.to_owned(), endpoint);
        Ok(())
    }

    fn give_up(&mut self, all: Vec<(Which, Delivery)>, endpoint: Option<&Endpoint>) -> Result<(), Failure> {
        let Some(id) = all
            .first()
            .map(|(which, _)| which.0.clone())
            .or(endpoint.map(|one| one.id.clone()))
        else {
            return Ok(());
        };
        let kept: VecDeque<Which> = self.dead.keys().filter(|which| which.0 == id).cloned().collect();
        let over = kept.len().saturating_add(all.len()).saturating_sub(DEAD_MAX);
        let out: Vec<Which> = kept.into_iter().take(over).collect();
        self.tables.give_up(endpoint, &all, &out)?;
        for which in &out {
            self.dead.remove(which);
        }
        for (which, row) in all {
            tracing::warn!(webhook = %which.0, delivery = %row.id, last = %row.last, "a webhook was given up");
            self.waiting.remove(&which);
            self.dead.insert(which, row);
        }
        Ok(())
    }

    /// Address and secret for a test event that is sent at once and not kept.
    ///
    /// # Errors
    /// `not_found`.
    pub fn test(&self, now: Timestamp, random: &mut dyn Random, id: &str) -> Result<Job, Problem> {
        let endpoint = self.endpoint(id)?;
        let secret = self.secrets.get(id).ok_or(Code::Internal)?;
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        let body = json!({ "type": "test", "timestamp": now.to_string(), "data": {} });
        Ok(Job {
            which: (id.to_owned(), Vec::new()),
            url: endpoint.url.clone(),
            secret: secret.clone(),
            delivery: format!("msg_{}", crate::output::hex(&bytes)),
            body: body.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
