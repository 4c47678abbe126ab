//! A restored or copied home is a new epoch: noticed when it is opened, recorded once, and told to whoever runs it.

use super::{Service, keys};
use crate::clock;
use crate::error::Failure;
use credentials::time::DAY;
use credentials::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Store;

/// How long `doctor` warns of a new epoch, in seconds: longer than a holiday.
const WARN: i64 = 30 * DAY;

/// When the present epoch began, and why.
#[derive(Serialize, Deserialize)]
struct Began {
    epoch: u32,
    at: Timestamp,
    is_copied: bool,
}

/// Begins a new epoch in a home that lies elsewhere than where it was made, and notes every new epoch with its time. Whether
/// the copy was noticed now.
///
/// The epoch is durable before it is noted: a crash between the two leaves a home that is no copy any more, in an epoch that
/// is noted at the next start. A home that lost its whole mark of acknowledged work counts as a copy too, because nothing says
/// where it was made; one damaged slot of two does not.
pub(super) fn settle(store: &Store) -> Result<bool, Failure> {
    let health = store.health();
    let is_copied = health.is_copied || health.mark_lost;
    if is_copied {
        let epoch = store.begin_epoch()?;
        tracing::warn!(epoch, "this home was copied here: a new epoch begins");
    }
    let epoch = store.epoch();
    if epoch == 0 || began(store)?.is_some_and(|began| began.epoch == epoch) {
        return Ok(is_copied);
    }
    let began = Began {
        epoch,
        at: clock::now(),
        is_copied,
    };
    let bytes = serde_json::to_vec(&began).map_err(|e| Failure::because(Code::Internal, e))?;
    let mut transaction = store.transaction();
    transaction.put(&store.table(keys::TABLE), "epoch", &bytes);
    transaction.commit()?;
    Ok(is_copied)
}

fn began(store: &Store) -> Result<Option<Began>, Failure> {
    let Some(bytes) = store.table(keys::TABLE).get("epoch")? else {
        return Ok(None);
    };
    let began = serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?;
    Ok(Some(began))
}

impl Service {
    /// Whether this opening noticed that the home was copied here.
    pub fn is_copied(&self) -> bool {
        self.is_copied
    }

    /// The epoch for `doctor`: state and detail. `None` where there was never a second one.
    pub(super) fn epoch_found(&self, now: Timestamp) -> Result<Option<(&'static str, String)>, Failure> {
        let Some(began) = began(&self.store)? else {
            return Ok(None);
        };
        let state = if now.since(began.at) < WARN { "warn" } else { "ok" };
        Ok(Some((state, format!("{}, {}", began.epoch, began.at))))
    }

    /// The epoch for `node status`.
    pub(super) fn epoch_status(&self) -> Result<Value, Failure> {
        Ok(match began(&self.store)? {
            None => json!({ "number": self.store.epoch() }),
            Some(began) => json!({
                "number": began.epoch, "since": began.at.to_string(), "copied": began.is_copied,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Bytes of one slot of the high-water file: nonce, sequence, hash, device and inode, tag.
    const SLOT: usize = 24 + 56 + 16;

    fn passphrase() -> store::Passphrase {
        store::Passphrase::new("a synthetic passphrase")
    }

    fn open(dir: &Path) -> Store {
        Store::open(dir, &passphrase(), crate::service::entropy()).expect("opens")
    }

    /// A home in which something was acknowledged, closed.
    fn made() -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        let store = Store::create(
            home.path(),
            &passphrase(),
            store::Params::quick(),
            crate::service::entropy(),
        );
        let store = store.expect("made");
        assert!(!settle(&store).expect("settled"), "a new home is no copy");
        for _ in 0..3 {
            let mut transaction = store.transaction();
            transaction.put(&store.table(keys::TABLE), "row", b"value");
            transaction.commit().expect("committed");
        }
        home
    }

    fn alter(home: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let path = home.join("high-water");
        let mut bytes = std::fs::read(&path).expect("reads");
        assert_eq!(bytes.len(), 2 * SLOT);
        change(&mut bytes);
        std::fs::write(&path, bytes).expect("writes");
    }

    #[test]
    fn one_damaged_slot_of_the_mark_keeps_the_epoch() {
        let changes: [fn(&mut Vec<u8>); 4] = [
            |bytes| bytes[SLOT / 2] ^= 1,
            |bytes| bytes[SLOT + 4] ^= 1,
            |bytes| bytes.truncate(150),
            |bytes| bytes.truncate(SLOT),
        ];
        for change in changes {
            let home = made();
            alter(home.path(), change);
            for is_first in [true, false] {
                let store = open(home.path());
                assert!(!store.health().mark_lost && (is_first || !store.health().mark_renewed));
                assert!(!settle(&store).expect("settled"));
                assert_eq!(store.epoch(), 0);
                assert!(began(&store).expect("reads").is_none(), "nothing is told");
            }
        }
    }

    #[test]
    fn a_home_that_lost_its_whole_mark_begins_one_new_epoch() {
        let changes: [fn(&mut Vec<u8>); 3] = [
            |bytes| {
                bytes[SLOT / 2] ^= 1;
                bytes[SLOT + 4] ^= 1;
            },
            |bytes| bytes.truncate(50),
            Vec::clear,
        ];
        for change in changes {
            let home = made();
            alter(home.path(), change);
            begins_one_epoch(home.path());
        }
        let home = made();
        std::fs::remove_file(home.path().join("high-water")).expect("removed");
        begins_one_epoch(home.path());
    }

    fn begins_one_epoch(home: &Path) {
        let store = open(home);
        assert!(settle(&store).expect("settled"));
        drop(store);
        let store = open(home);
        assert!(!settle(&store).expect("settled"), "noticed once");
        assert_eq!(store.epoch(), 1);
        assert!(began(&store).expect("reads").is_some_and(|began| began.is_copied));
    }
}
