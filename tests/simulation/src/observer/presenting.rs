//! At a verifier's desk: which sessions there are, how far they came, and whether each verdict is the truth.

use super::{Asked, Checked, KEPT, ONCE, Observer, TIME, TRUTH, broken, ensure};
use crate::cast::{self, Who};
use crate::machine::Machine;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::protocol::presentation::{Ask, Reply};
use credentials::status::{Source, State};
use credentials::verify::{Check, Verdict};
use credentials::{Code, Timestamp};
use std::collections::BTreeMap;
use verifier::SessionView;

/// What a verifier has told its case-worker.
#[derive(Default)]
pub(crate) struct Desk {
    sessions: BTreeMap<String, SessionView>,
}

impl Observer {
    /// A bank made a request.
    pub(crate) fn asked(&mut self, machine: &Machine, asked: &verifier::Asked, subject: &str) -> Checked {
        let Some(running) = &machine.running else { return Ok(()) };
        let key = running.store.table("verifier.keys").get(&asked.session);
        let key = key.or_else(|error| broken(KEPT, error))?;
        let Some(key) = key.and_then(|key| key.try_into().ok()) else {
            return broken(KEPT, "a request was given out whose answer could not be read");
        };
        let hash = BASE64_URL_SAFE_NO_PAD.encode(credentials::request::hash(&asked.request));
        self.sessions.insert((machine.who, asked.session.clone()), hash.clone());
        self.learn_case(&asked.request, &hash);
        self.requests.insert(
            hash,
            Asked {
                asker: machine.who,
                expires: asked.expires,
                subject: Some(subject.to_owned()),
                key,
            },
        );
        Ok(())
    }

    /// A reply leaves a verifier.
    pub(crate) fn leaves_verifier(&mut self, who: Who, ask: &Ask, reply: &Reply) -> Checked {
        match (ask, reply) {
            (Ask::Answer { session, answer }, Reply::Receipt { receipt }) => {
                self.grant_taken(who, answer, receipt)?;
                let first = self.receipts.insert((who, session.clone()), receipt.clone());
                ensure(first.is_none(), ONCE, || {
                    format!("{} took a second answer to one session", cast::name(who))
                })
            }
            (_, Reply::Receipt { .. }) => broken(ONCE, "a receipt for what is no answer"),
            _ => Ok(()),
        }
    }

    /// What the desk shows now, beside what it showed before; `message` is what the machine just took, if anything.
    pub(crate) fn check_verifier(&mut self, machine: &Machine, now: Timestamp, message: Option<&Ask>) -> Checked {
        let who = machine.who;
        let Some(crate::machine::Role::Verifier(verifier)) = machine.running.as_ref().map(|running| &running.role)
        else {
            return Ok(());
        };
        // Views tell a request that ran out from the clock alone; here it is what is written that counts.
        let views = verifier.sessions(now).or_else(|error| broken(KEPT, error))?;
        let mut desk = Desk::default();
        let before = self.desks.remove(&who).unwrap_or_default();
        for view in views {
            desk.sessions.insert(view.id.clone(), view);
        }
        for (id, old) in &before.sessions {
            let Some(new) = desk.sessions.get(id) else {
                return broken(KEPT, format!("{} lost a session", cast::name(who)));
            };
            let is_end = |state| matches!(state, verifier::State::Completed | verifier::State::Failed);
            let same = (old.state, old.verdict, old.code) == (new.state, new.verdict, new.code);
            ensure(!is_end(old.state) || same, KEPT, || {
                format!(
                    "an ended session of {} changed: {:?} {:?}",
                    cast::name(who),
                    old.state,
                    new.state
                )
            })?;
        }
        for (asker, id) in self.sessions.keys() {
            ensure(*asker != who || desk.sessions.contains_key(id), KEPT, || {
                format!("{} does not know a request that it gave out", cast::name(who))
            })?;
        }
        for ((desk_of, id), receipt) in &self.receipts {
            if *desk_of != who {
                continue;
            }
            let view = desk.sessions.get(id);
            let verdict = view.and_then(|view| view.verdict);
            ensure(verdict.is_some(), KEPT, || {
                format!("{} gave a receipt and has no verdict", cast::name(who))
            })?;
            let is_new = before.sessions.get(id).is_none_or(|old| old.verdict.is_none());
            if is_new {
                let detail = verifier.session(now, id).or_else(|error| broken(KEPT, error))?;
                let known = detail.and_then(|detail| detail.receipt);
                ensure(known.as_ref() == Some(receipt), KEPT, || {
                    "another receipt is kept".to_owned()
                })?;
            }
        }
        for (id, view) in &desk.sessions {
            let was = before.sessions.get(id).and_then(|old| old.verdict);
            if let (Some(verdict), None) = (view.verdict, was) {
                self.judge(machine, verifier, now, id, verdict, message)?;
            }
        }
        self.desks.insert(who, desk);
        Ok(())
    }

    /// Whether a verdict that was just reached is the truth.
    fn judge(
        &self,
        machine: &Machine,
        verifier: &verifier::Verifier,
        now: Timestamp,
        id: &str,
        verdict: Verdict,
        message: Option<&Ask>,
    ) -> Checked {
        let who = machine.who;
        let detail = verifier.session(now, id).or_else(|error| broken(KEPT, error))?;
        let Some(detail) = detail else {
            return broken(KEPT, "a session without detail");
        };
        let Some(hash) = self.sessions.get(&(who, id.to_owned())) else {
            return broken(TRUTH, "a verdict on a request that was never given out");
        };
        let Some(asked) = self.requests.get(hash) else {
            return broken(TRUTH, "a verdict on a request that nobody made");
        };
        let checked = detail.checked_at.unwrap_or(now);
        ensure(checked < asked.expires, TIME, || {
            format!(
                "{} took an answer {} s late",
                cast::name(who),
                checked.since(asked.expires)
            )
        })?;
        ensure(!detail.checks.is_empty(), TRUTH, || {
            "a verdict without checks".to_owned()
        })?;
        if verdict != Verdict::Valid {
            return ensure(detail.view.code.is_some(), super::CODES, || {
                "not valid, and no code says why".to_owned()
            });
        }
        // After a crash it is not known whose message it was; then the customer's own answer is the only one that may be valid.
        let text = match message {
            Some(Ask::Answer { session, answer }) if session == id => Some(answer),
            _ => None,
        };
        let customer = asked.subject.as_deref();
        let mut answers = self.answers.iter().filter(|((wallet, of), answered)| match text {
            Some(text) => of == hash && answered.text == *text,
            None => of == hash && customer == Some(cast::number(*wallet)),
        });
        let Some((_, answered)) = answers.next() else {
            return broken(TRUTH, "valid, and no wallet gave this answer");
        };
        for key in &answered.keys {
            let Some(copy) = self.copies.get(key) else {
                return broken(TRUTH, "valid, and nobody issued the credential");
            };
            ensure(asked.subject.as_deref() == Some(&copy.number), TRUTH, || {
                "valid, and it is another person's".to_owned()
            })?;
            ensure(
                detail.checks.iter().any(|line| line.check == Check::Status),
                TRUTH,
                || "valid, and no status was looked up".to_owned(),
            )?;
            let Some(age) = detail.status_age_s else {
                return broken(TRUTH, "valid, and the age of the status is not told");
            };
            // A process that died after the verdict took its mirror with it; then only what is written can be read.
            let mirrored = message.and(machine.running.as_ref()).map(|running| &running.mirror);
            if let Some(mirror) = mirrored {
                let Some((state, at)) = mirror.state(&copy.issuer, &copy.uri, copy.index) else {
                    return broken(TRUTH, "valid, and there is no status of it");
                };
                ensure(state == State::Valid, TRUTH, || {
                    format!("valid, and its status was known to be {state:?}")
                })?;
                ensure(age == checked.since(at).max(0), TRUTH, || {
                    format!("the status is {} s old and is told to be {age} s", checked.since(at))
                })?;
            }
            ensure(age <= self.cast.status_age_max(), TRUTH, || {
                format!("valid by a status of {age} s ago")
            })?;
        }
        Ok(())
    }

    /// A refusal says why, and `internal` is said by nobody whose disk works.
    pub(crate) fn refusal(&self, who: Who, code: Code, is_disk_in_trouble: bool) -> Checked {
        let is_named = Code::ALL.contains(&code);
        let is_ours = matches!(code, Code::Internal | Code::TraceUnavailable);
        ensure(is_named && (!is_ours || is_disk_in_trouble), super::CODES, || {
            format!("{} said {code} and its disk works", cast::name(who))
        })
    }
}
