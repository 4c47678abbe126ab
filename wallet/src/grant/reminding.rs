//! A grant that stands long is brought to mind (E56).

use super::{GrantState, GrantView};
use crate::history::What;
use crate::tables::GrantRow;
use crate::{Error, Wallet};
use credentials::Timestamp;
use credentials::grant::OpenedGrant;
use credentials::time::DAY;

/// How often, where the asker is not listed any more: half a year, in seconds.
const REMIND_SECONDS: i64 = 182 * DAY;
/// How long a reminder stands among what waits for the person, in seconds.
const SHOWN_SECONDS: i64 = 30 * DAY;

impl Wallet {
    /// Grants that the person was reminded of within the last month: they still stand, and can be taken back.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn reminders(&self, now: Timestamp) -> Result<Vec<GrantView>, Error> {
        let mut grants = self.grants(now)?;
        grants.retain(|grant| {
            grant.state == GrantState::Active && grant.reminded.is_some_and(|at| now < at.plus(SHOWN_SECONDS))
        });
        Ok(grants)
    }

    /// Writes a reminder into the history when one is due: once in each period that the service registered, however long the wallet
    /// was off.
    pub(super) fn remind(
        &mut self,
        now: Timestamp,
        name: &str,
        row: GrantRow,
        opened: &OpenedGrant,
    ) -> Result<(), Error> {
        let grant = opened.grant();
        let trust = self.trust.as_ref();
        let registered = trust
            .and_then(|trust| trust.organisation(&grant.asker))
            .and_then(|asker| asker.service(&grant.service))
            .and_then(|registration| registration.grant.as_ref());
        let period = registered.map_or(REMIND_SECONDS, |terms| terms.remind_seconds).max(1);
        let last = row.reminded_at.unwrap_or(grant.nbf);
        if now.since(last) < period {
            return Ok(());
        }
        let mut event = self.event(now, What::Reminded, &row.asker);
        event.service = Some(grant.service.clone());
        event.types.push(row.vct.clone());
        event.request = Some(grant.request.clone());
        let row = GrantRow {
            reminded_at: Some(now),
            ..row
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.event(&event)?;
        change.commit()
    }
}
