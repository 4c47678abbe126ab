//! A new signing key by two persons, where the configuration wants two (`issuer.two_persons`): one proposes, another one agrees within a day, and only
//! then there is a key.

use super::record::{About, Act, Actor};
use super::{Service, keys, lock};
use crate::clock;
use crate::error::Failure;
use crate::output::hex;
use credentials::{Code, Problem, Timestamp, random};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Row of the node's table.
const ROW: &str = "key-proposed";

/// A key that waits for a second person.
#[derive(Serialize, Deserialize)]
struct Proposed {
    proposal: String,
    by: String,
    at: Timestamp,
    from: Option<Timestamp>,
    epoch: u32,
}

impl Proposed {
    fn until(&self) -> Timestamp {
        self.at.plus(issuer::PROPOSAL_SECONDS)
    }

    fn shown(&self) -> Value {
        json!({
            "proposal": self.proposal, "proposed_by": self.by, "proposed_at": self.at.to_string(),
            "until": self.until().to_string(), "from": self.from.map(|from| from.to_string()),
        })
    }
}

impl Service {
    fn needs_two(&self) -> bool {
        self.config().issuer.as_ref().is_some_and(|issuer| issuer.two_persons)
    }

    /// The key that waits; none when its day is over, or the home was restored since.
    fn proposed_key(&self) -> Result<Option<Proposed>, Failure> {
        let Some(bytes) = self.store.table(keys::TABLE).get(ROW)? else {
            return Ok(None);
        };
        let proposed: Proposed = serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?;
        let is_open = clock::now() < proposed.until() && proposed.epoch == self.store.epoch();
        Ok(Some(proposed).filter(|_| is_open))
    }

    /// The same for `keys list`.
    pub(super) fn shown_proposed_key(&self) -> Result<Value, Failure> {
        Ok(self.proposed_key()?.map_or(Value::Null, |proposed| proposed.shown()))
    }

    /// Makes the next key, or proposes it where two persons are wanted. Errors: `wrong_role`; `not_permitted` (`key`) when one waits already.
    pub(super) fn propose_or_rotate(&self, actor: &Actor, from: Option<Timestamp>) -> Result<Value, Failure> {
        if self.keys.organisation().is_none() {
            return Err(Problem::new(Code::WrongRole, "organisation").into());
        }
        if !self.needs_two() {
            return self
                .record
                .act(actor, Act::KeyRotated, About::default(), || self.rotate_key(from));
        }
        let _alone = lock(&self.jobs.deciding)?;
        if self.proposed_key()?.is_some() {
            return Err(Problem::new(Code::NotPermitted, "key").into());
        }
        let proposed = Proposed {
            proposal: hex(&random::bytes::<8>(&mut clock::System)),
            by: actor.to_string(),
            at: clock::now(),
            from,
            epoch: self.store.epoch(),
        };
        let bytes = serde_json::to_vec(&proposed).map_err(|e| Failure::because(Code::Internal, e))?;
        let table = self.store.table(keys::TABLE);
        self.record
            .note_with(actor, Act::KeyProposed, about(&proposed), |transaction| {
                transaction.put(&table, ROW, &bytes);
            })?;
        Ok(json!({ "schema": "key-proposed/v1", "proposed": proposed.shown() }))
    }

    fn proposed_as(&self, proposal: &str) -> Result<Proposed, Failure> {
        let proposed = self.proposed_key()?.filter(|proposed| proposed.proposal == proposal);
        proposed.ok_or_else(|| Problem::new(Code::NotFound, "key").into())
    }

    /// The second person's yes: the key is made. Errors: `not_found` (`key`), `second_person_missing`.
    pub(super) fn approve_key(&self, actor: &Actor, proposal: &str) -> Result<Value, Failure> {
        let _alone = lock(&self.jobs.deciding)?;
        let proposed = self.proposed_as(proposal)?;
        let is_second = matches!(actor, Actor::Person(handle) if *handle != proposed.by);
        if !is_second {
            return Err(Problem::new(Code::SecondPersonMissing, "key").into());
        }
        let table = self.store.table(keys::TABLE);
        // The proposal goes with the entry: it makes one key.
        let number = self
            .record
            .note_with(actor, Act::KeyRotated, about(&proposed), |transaction| {
                transaction.delete(&table, ROW);
            })?;
        let made = self.rotate_key(proposed.from);
        if let Err(failure) = &made {
            self.record.note_failed(actor, number, failure);
        }
        made
    }

    /// Calls it off. Errors: `not_found` (`key`).
    pub(super) fn cancel_key(&self, actor: &Actor, proposal: &str) -> Result<Value, Failure> {
        let _alone = lock(&self.jobs.deciding)?;
        let proposed = self.proposed_as(proposal)?;
        let table = self.store.table(keys::TABLE);
        self.record
            .note_with(actor, Act::KeyCancelled, about(&proposed), |transaction| {
                transaction.delete(&table, ROW);
            })?;
        Ok(json!({ "schema": "key-cancelled/v1", "proposal": proposal }))
    }
}

fn about(proposed: &Proposed) -> About {
    About {
        job: Some(proposed.proposal.clone()),
        ..About::default()
    }
}
