//! Figures of the home itself: whether it can work, its disk, what it issued, and what waits.

use super::text::Text;
use super::{figures, whole};
use crate::service::readiness::{self, Room};
use crate::service::{Service, lock, views};
use credentials::Timestamp;

impl Service {
    /// Every reason is always told, so that a rule can ask about one that has never been.
    pub(super) fn readiness_figures(&self, text: &mut Text, now: Timestamp) {
        let readiness = self.readiness(now);
        text.one(&figures::READY, i128::from(readiness.is_ready()));
        let reasons = readiness::CODES.iter().map(|code| {
            let is_so = readiness.reasons.iter().any(|reason| reason.code == *code);
            ([code.as_str()], i128::from(is_so))
        });
        text.add(&figures::NOT_READY, reasons);
        let stopped = self.stopped().into_iter().map(|role| ([role], 1));
        text.add(&figures::STOPPED, stopped);
    }

    pub(super) fn home_figures(&self, text: &mut Text) {
        if let Some(kib) = views::resident() {
            text.one(&figures::RESIDENT, i128::from(kib).saturating_mul(1024));
        }
        let health = self.store.health();
        text.one(&figures::STORE_BYTES, health.journal_bytes);
        text.one(&figures::STORE_EPOCH, self.store.epoch());
        text.one(&figures::STORE_COMMITS, health.commits);
        let (bounds, count, sum) = self.syncs.read();
        text.histogram(&figures::STORE_SYNC, &bounds, count, sum);
        if let Ok(Room { free, .. }) = Room::of(self.home.path()) {
            text.one(&figures::DISK_FREE, free);
        }
    }

    /// What this issuer issued, by type. A type is named by its id, which its declaration has.
    pub(super) fn issuer_figures(&self, text: &mut Text, now: Timestamp) {
        let Some(issuer) = &self.issuer else { return };
        let Ok(issuer) = lock(issuer) else { return };
        let (counts, endings) = (issuer.counts().unwrap_or_default(), issuer.endings());
        drop(issuer);
        let named: Vec<(&str, &issuer::TypeCount)> = counts
            .iter()
            .map(|count| {
                let declared = self.types.get(&count.vct);
                (
                    declared.map_or(count.vct.as_str(), |declared| declared.id.as_str()),
                    count,
                )
            })
            .collect();
        let of = |value: fn(&issuer::TypeCount) -> u64| {
            named.iter().map(move |(name, count)| ([*name], whole(value(count))))
        };
        text.add(&figures::REGISTER_ROWS, of(|count| count.rows));
        text.add(&figures::ISSUED, of(|count| count.issued));
        text.add(&figures::REVOKED, of(|count| count.revoked));
        let by_state = named.iter().flat_map(|(name, count)| {
            let ended = [count.revoked, count.suspended, count.superseded];
            let valid = ended
                .iter()
                .fold(count.issued, |left, ended| left.saturating_sub(*ended));
            [
                ("valid", valid),
                ("revoked", count.revoked),
                ("suspended", count.suspended),
                ("superseded", count.superseded),
            ]
            .map(|(state, number)| ([*name, state], whole(number)))
        });
        text.add(&figures::CREDENTIALS, by_state);
        text.one(&figures::ENDINGS_WAITING, endings.waiting);
        if let Some(next) = endings.next {
            text.one(&figures::ENDINGS_DUE, next.since(now));
        }
    }

    /// Letters that this home has on their way.
    pub(super) fn letter_figures(&self, text: &mut Text) {
        match self.letters_on_their_way() {
            Ok((counterparts, letters)) => {
                text.one(&figures::LETTERS_WAITING, whole(letters));
                text.one(&figures::LETTERS_COUNTERPARTS, whole(counterparts));
            }
            Err(failure) => tracing::warn!(%failure, "letters not counted"),
        }
    }

    /// What lies in the mailboxes that this node runs for others, where it runs any.
    pub(super) fn mailbox_figures(&self, text: &mut Text) {
        let Some(Ok(holding)) = self.desk.as_ref().map(|desk| desk.holding()) else {
            return;
        };
        text.one(&figures::MAILBOX_QUEUES, whole(holding.queues));
        text.one(&figures::MAILBOX_ITEMS, whole(holding.items));
        text.one(&figures::MAILBOX_BYTES, whole(holding.bytes));
    }
}
