//! How much strangers begin and put in a day. Counted in memory, by no name: a restart forgets it.

use super::Limits;
use credentials::Timestamp;
use store::Store;

/// Counters of all strangers together. Two that fall on the same one share it; with as many as these, an abuser troubles one in four
/// thousand, and another one at another operator.
const COUNTERS: usize = 4096;

/// What the strangers of one counter did on a day.
#[derive(Clone, Copy, Default)]
struct Counter {
    created: u32,
    put: u64,
}

/// All counters, of one day.
pub(super) struct Pace {
    /// Under its key names become places that nobody outside can choose.
    store: Store,
    day: Timestamp,
    counters: Vec<Counter>,
}

impl Pace {
    pub(super) fn new(store: Store) -> Pace {
        Pace {
            store,
            day: Timestamp::from_unix(0),
            counters: vec![Counter::default(); COUNTERS],
        }
    }

    /// Whether a stranger may begin one more queue today; counts it then.
    pub(super) fn creates(&mut self, name: &[u8], limits: &Limits, now: Timestamp) -> bool {
        let counter = self.counter(name, now);
        let may = counter.created < limits.created_per_day;
        counter.created = counter.created.saturating_add(u32::from(may));
        may
    }

    /// Whether a stranger may put so many bytes more today; counts them then.
    pub(super) fn puts(&mut self, name: &[u8], bytes: u32, limits: &Limits, now: Timestamp) -> bool {
        let counter = self.counter(name, now);
        let put = counter.put.saturating_add(bytes.into());
        let may = put <= limits.put_per_day;
        if may {
            counter.put = put;
        }
        may
    }

    fn counter(&mut self, name: &[u8], now: Timestamp) -> &mut Counter {
        if now.day() != self.day {
            self.day = now.day();
            self.counters.fill(Counter::default());
        }
        let [first, second, ..] = self.store.keyed_hash("mailbox peers", name);
        let place = usize::from(u16::from_be_bytes([first, second])) % COUNTERS;
        self.counters.get_mut(place).expect("a remainder is a place")
    }
}
