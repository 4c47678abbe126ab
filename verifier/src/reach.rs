//! Where customers' wallets are reached when they are off: said inside an answer that was found valid, and about this customer.

use credentials::letter::Reach;
use credentials::verify::Verdict;
use credentials::{Code, Problem, Timestamp};
use serde_json::Value;

use crate::error::Refusal;
use crate::{Error, Verifier};

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
    /// Keeps where a customer is reached, once what came with it was found valid.
    pub(crate) fn keep_reach(&mut self, subject: Option<&str>, reach: Option<Reach>) -> Result<(), Refusal> {
        let (Some(subject), Some(reach)) = (subject, reach) else {
            return Ok(());
        };
        if !matches!(self.judged, Some((Verdict::Valid, _))) {
            return Ok(());
        }
        let mut tx = self.tables.begin();
        self.tables.put_reach(&mut tx, subject, &reach)?;
        tx.commit().map_err(Error::from)?;
        self.fresh.push(reach);
        Ok(())
    }

    /// Where wallets said since the last call that they are reached: an organisation answers with its own reach.
    pub fn fresh_reaches(&mut self) -> Vec<Reach> {
        std::mem::take(&mut self.fresh)
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
            reaches.extend(self.tables.reach(&subject)?);
        }
        Ok(reaches)
    }

    /// Where a customer's wallet is reached; none while it has not said so.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn reach(&self, subject: &str) -> Result<Option<Reach>, Error> {
        self.tables.reach(subject)
    }

    /// The same for the customer who gave a grant.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn reach_of_grant(&self, name: &str) -> Result<Option<Reach>, Error> {
        match self.grants.tables.customer(name)? {
            Some(subject) => self.tables.reach(&subject),
            None => Ok(None),
        }
    }
}
