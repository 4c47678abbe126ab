//! Where customers' wallets are reached when they are off: said inside an answer that was found valid, and about this customer.

use credentials::letter::Reach;
use credentials::verify::Verdict;
use credentials::{Code, Problem, Timestamp, time::DAY};
use serde_json::Value;

use crate::error::Refusal;
use crate::tables::{self, ReachRow};
use crate::{Error, Verifier};

/// How long it is kept where a customer is reached who says nothing more, in seconds: an operator drops a queue that nobody has emptied
/// for as long, so that no letter would come to anybody.
pub const REACH_SECONDS: i64 = 400 * DAY;

/// Most that one tick forgets.
const TICK_MAX: usize = 512;

/// Takes `reach` out of an answer. Errors: `malformed`.
pub(crate) fn taken_from(body: &mut Value) -> Result<Option<Reach>, Problem> {
    let Some(reach) = body.as_object_mut().and_then(|body| body.remove("reach")) else {
        return Ok(None);
    };
    let reach: Reach = serde_json::from_value(reach).map_err(|_| Problem::new(Code::Malformed, "reach"))?;
    reach.check()?;
    Ok(Some(reach))
}

impl Verifier {
    /// Keeps where a customer is reached, once what came with it was found valid: for [`REACH_SECONDS`] after its last word, and until
    /// `end` and that long after it, if that came with a grant.
    pub(crate) fn keep_reach(
        &mut self,
        now: Timestamp,
        end: Timestamp,
        subject: Option<&str>,
        reach: Option<Reach>,
    ) -> Result<(), Refusal> {
        let (Some(subject), Some(reach)) = (subject, reach) else {
            return Ok(());
        };
        if !matches!(self.judged, Some((Verdict::Valid, _))) {
            return Ok(());
        }
        let id = self.tables.reach_id(subject);
        let before = self.tables.reach(&id)?.map(|row| row.until);
        let until = end.max(now).plus(REACH_SECONDS).max(before.unwrap_or(now));
        let row = ReachRow {
            reach,
            until,
            is_fresh: true,
        };
        let mut tx = self.tables.begin();
        self.tables.put_reach(&mut tx, &id, &row)?;
        tables::commit(tx).map_err(Error::from)?;
        self.reaches_due.extend([(until, id)]);
        if let Some(before) = before.filter(|before| *before != until) {
            self.reaches_due.remove(&(before, id));
        }
        self.fresh.push((id, row.reach));
        Ok(())
    }

    /// Forgets where customers were reached of whom nothing was heard for long.
    pub(crate) fn tick_reaches(&mut self, now: Timestamp) -> Result<(), Error> {
        let due = self.reaches_due.iter().take_while(|(until, _)| *until <= now);
        let due: Vec<_> = due.take(TICK_MAX).copied().collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.tables.begin();
        for (_, id) in &due {
            self.tables.delete_reach(&mut tx, id);
        }
        tables::commit(tx)?;
        for one in &due {
            self.reaches_due.remove(one);
        }
        Ok(())
    }

    fn reach_of(&self, subject: &str) -> Result<Option<Reach>, Error> {
        let row = self.tables.reach(&self.tables.reach_id(subject))?;
        Ok(row.map(|row| row.reach))
    }

    /// Where wallets said that they are reached who have not been answered yet: an organisation answers with its own reach.
    /// [`Verifier::reaches_taken`] when that is durable elsewhere.
    pub fn fresh_reaches(&self) -> Vec<([u8; 32], Reach)> {
        self.fresh.clone()
    }

    /// These were taken over.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn reaches_taken(&mut self, taken: &[([u8; 32], Reach)]) -> Result<(), Error> {
        let mut tx = self.tables.begin();
        for (id, reach) in taken {
            let row = self.tables.reach(id)?;
            if let Some(row) = row.filter(|row| row.is_fresh && row.reach == *reach) {
                self.tables
                    .put_reach(&mut tx, id, &ReachRow { is_fresh: false, ..row })?;
            }
        }
        tables::commit(tx)?;
        self.fresh.retain(|one| !taken.contains(one));
        Ok(())
    }

    /// Where answers that are still awaited may have been left: of the customers of those open sessions which `is_due` picks by their
    /// names and the times at which they were made. Every open session is named to it.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn awaited(&self, is_due: &mut dyn FnMut(&str, Timestamp) -> bool) -> Result<Vec<Reach>, Error> {
        let mut reaches = Vec::new();
        for (session, made) in self.agenda.open() {
            if !is_due(session, *made) {
                continue;
            }
            let Some(subject) = self.tables.customer(session)? else {
                continue;
            };
            reaches.extend(self.reach_of(&subject)?);
        }
        Ok(reaches)
    }

    /// Where a customer's wallet is reached; none while it has not said so.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn reach(&self, subject: &str) -> Result<Option<Reach>, Error> {
        self.reach_of(subject)
    }

    /// The same for the customer who gave a grant.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn reach_of_grant(&self, name: &str) -> Result<Option<Reach>, Error> {
        match self.grants.tables.customer(name)? {
            Some(subject) => self.reach_of(&subject),
            None => Ok(None),
        }
    }
}
