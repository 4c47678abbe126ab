//! Figures for Prometheus, in its text format and as OpenMetrics. No name but DIDs of listed organisations stands in them: no
//! PeerId, no address, nothing of a person or a case.

mod counts;
mod figures;
mod home;
mod network;
#[cfg(test)]
mod shipped;
mod text;

pub use figures::{FIGURES, Figure, Kind, LABELS};
pub use text::Format;

pub(super) use counts::{OlderTrust, Refusals, Verdicts};

use super::{Service, keys, lock};
use crate::clock;
use crate::error::Failure;
use credentials::{Code, Did, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use text::Text;

/// Row with the time of the newest backup that was made of this home.
const BACKUP: &str = "backup-made";

/// A count as a sample's number.
fn whole(count: impl TryInto<i128>) -> i128 {
    count.try_into().unwrap_or(i128::MAX)
}

impl Service {
    /// `{"schema": "metrics/v1", "text": …}`, in Prometheus's text format.
    pub(super) fn metrics(&self) -> Result<Value, Failure> {
        let text = self.figures(Format::Prometheus)?;
        Ok(json!({ "schema": "metrics/v1", "text": text }))
    }

    /// Every figure there is something to say of. It waits for whoever works with a role at the moment. A role that stopped after a
    /// failure has no figures but that.
    pub fn figures(&self, format: Format) -> Result<String, Failure> {
        let now = clock::now();
        let mut text = Text::default();
        text.add(&figures::BUILD, [([env!("CARGO_PKG_VERSION")], 1)]);
        self.readiness_figures(&mut text, now);
        self.home_figures(&mut text);
        self.trust_figures(&mut text, now);
        for (figure, ends) in [
            (&figures::CERTIFICATE_LEFT, self.certificate_ends()),
            (&figures::KEY_LEFT, self.key_ends()),
        ] {
            if let Some(ends) = ends {
                text.one(figure, ends.since(now));
            }
        }
        let is_caught_up = self.awaited().is_ok_and(|awaited| awaited.is_none());
        text.one(&figures::CAUGHT_UP, i128::from(is_caught_up));
        self.status_figures(&mut text, now);
        self.issuer_figures(&mut text, now);
        let verdicts = self.verdicts.all().into_iter();
        let verdicts = verdicts.map(|((verdict, code), count)| ([verdict, code], count.into()));
        text.add(&figures::VERDICTS, verdicts);
        self.notice_figures(&mut text);
        self.letter_figures(&mut text);
        self.mailbox_figures(&mut text);
        self.network_figures(&mut text);
        let refusals = self.refusals.all().into_iter();
        let refusals = refusals.map(|((of, code), count)| ([of, code.as_str()], count.into()));
        text.add(&figures::REFUSALS, refusals);
        self.alarm_figures(&mut text)?;
        if let Some(made) = self.backup_made()? {
            text.one(&figures::BACKUP_AGE, now.since(made));
        }
        Ok(text.render(format))
    }

    /// Notes that a backup of this home was made.
    pub(super) fn note_backup(&self, now: Timestamp) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        let table = self.store.table(keys::TABLE);
        transaction.put(&table, BACKUP, now.unix().to_string().as_bytes());
        transaction.commit()?;
        Ok(())
    }

    /// When the newest backup of this home was made; nothing when none was.
    pub(super) fn backup_made(&self) -> Result<Option<Timestamp>, Failure> {
        let bytes = self.store.table(keys::TABLE).get(BACKUP)?;
        let text = bytes.map(String::from_utf8).transpose();
        let text = text.map_err(|error| Failure::because(Code::Damaged, error))?;
        let made = text.map(|text| text.parse().map(Timestamp::from_unix)).transpose();
        made.map_err(|error| Failure::because(Code::Damaged, error))
    }

    fn alarm_figures(&self, text: &mut Text) -> Result<(), Failure> {
        let mut alarms: BTreeMap<&str, i128> = BTreeMap::new();
        let all = self.alarms.all()?;
        for (_, alarm) in all.iter().filter(|(_, alarm)| !alarm.is_dismissed) {
            let count = alarms.entry(alarm.code.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        let mut samples = vec![(["any"], alarms.values().sum())];
        samples.extend(alarms.iter().map(|(code, count)| ([*code], *count)));
        text.add(&figures::ALARMS, samples);
        text.one(&figures::ALARMS_LOST, i128::from(self.alarms.lost()));
        Ok(())
    }

    fn trust_figures(&self, text: &mut Text, now: Timestamp) {
        let older = self.older_trust.all().into_iter();
        text.add(&figures::TRUST_OLDER, older.map(|(role, count)| ([role], count.into())));
        let trust = self.trust();
        let is_current = trust.as_ref().is_some_and(|trust| trust.current(now).is_ok());
        text.one(&figures::TRUST_CURRENT, i128::from(is_current));
        let Some(trust) = trust else { return };
        let version = trust.version();
        let parts = [("root", version.root), ("list", version.list), ("head", version.head)];
        text.add(
            &figures::TRUST_VERSION,
            parts.map(|(part, number)| ([part], number.into())),
        );
        text.one(&figures::TRUST_HEAD_AGE, now.since(trust.head_issued()));
        text.one(&figures::TRUST_HEAD_LEFT, trust.head_expires().since(now));
        let ends = [("root", trust.root_expires()), ("list", trust.document().next_update)];
        text.add(
            &figures::TRUST_LEFT,
            ends.map(|(part, ends)| ([part], ends.since(now).into())),
        );
        text.one(
            &figures::TRUST_ORGANISATIONS,
            whole(trust.document().organisations.len()),
        );
    }

    fn status_figures(&self, text: &mut Text, now: Timestamp) {
        text.one(&figures::STATUS_ACCEPTED, self.status_age_accepted());
        let Ok(mirror) = lock(&self.mirror) else { return };
        let heads: Vec<(String, i64, usize)> = mirror
            .heads()
            .iter()
            .map(|head| (head.issuer.to_string(), now.since(head.issued), head.lists.len()))
            .collect();
        drop(mirror);
        let ages = heads.iter().map(|(issuer, age, _)| ([issuer.as_str()], (*age).into()));
        text.add(&figures::STATUS_AGE, ages);
        let lists = heads
            .iter()
            .map(|(issuer, _, lists)| ([issuer.as_str()], whole(*lists)));
        text.add(&figures::STATUS_LISTS, lists);
        let unmirrored: Vec<(Did, Code)> = match lock(&self.unmirrored) {
            Ok(unmirrored) => unmirrored.clone().into_iter().collect(),
            Err(_) => return,
        };
        let failing = unmirrored.iter();
        let failing = failing.map(|(issuer, code)| ([issuer.to_string(), code.to_string()], 1));
        text.add(&figures::STATUS_FAILING, failing);
    }
}
