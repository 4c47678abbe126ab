//! What it costs to put and to erase values that can be erased, beside other rows: `cargo bench -p store --bench erasing`.
//! Asserts no figure.
//!
//! One thread, one row of 2 KiB a transaction (an income answer), on the disk of the folder `BEVIS_BENCH_DIR`, else the one for
//! temporary files; then [`ROWS`] such rows at one time: size of the file of keys, and opening with the keys and the index as
//! they were left. Time on the wall, which the disk's fdatasync is most of.
//!
//! Output, one figure a line, separated by tabs: name, value, unit, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measuring is what this is for"
)]

use std::path::Path;
use std::time::Instant;
use store::{Entropy, Params, Passphrase, Store};

const SAMPLES: usize = 400;
const ROWS: u32 = 100_000;
const VALUE: [u8; 2048] = [7; 2048];

fn entropy() -> Entropy {
    Box::new(|bytes| getrandom::fill(bytes).unwrap())
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &Passphrase::new("synthetic"), entropy()).unwrap()
}

fn say(name: &str, value: f64, unit: &str, samples: usize) {
    println!("{name}\t{value:.2}\t{unit}\t{samples}");
}

/// Median and 99th percentile, in milliseconds.
fn each(name: &str, count: usize, mut what: impl FnMut(usize)) {
    let mut times: Vec<f64> = (0..count)
        .map(|n| {
            let begun = Instant::now();
            what(n);
            begun.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    say(&format!("{name} p50"), times[count / 2], "ms", count);
    say(&format!("{name} p99"), times[count * 99 / 100], "ms", count);
}

fn main() {
    let folder = std::env::var("BEVIS_BENCH_DIR").map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in);
    let folder = folder.unwrap();
    let home = folder.path().join("store");
    let store = Store::create(&home, &Passphrase::new("synthetic"), Params::quick(), entropy()).unwrap();
    let table = store.table("rows");
    let commit = |change: &dyn Fn(&mut store::Transaction)| {
        let mut transaction = store.transaction();
        change(&mut transaction);
        transaction.commit().unwrap();
    };
    each("put", SAMPLES, |n| {
        commit(&|tx| {
            tx.put(&table, &(n as u32).to_be_bytes(), &VALUE);
        });
    });
    each("put erasable", SAMPLES, |n| {
        commit(&|tx| {
            tx.put_erasable(&table, &(ROWS + n as u32).to_be_bytes(), &VALUE);
        });
    });
    each("delete", SAMPLES, |n| {
        commit(&|tx| {
            tx.delete(&table, &(n as u32).to_be_bytes());
        });
    });
    each("erase", SAMPLES, |n| {
        commit(&|tx| {
            tx.delete(&table, &(ROWS + n as u32).to_be_bytes());
        });
    });
    for begin in (0..ROWS).step_by(1_000) {
        commit(&|tx| {
            for n in begin..begin + 1_000 {
                tx.put_erasable(&table, &n.to_be_bytes(), &VALUE);
            }
        });
    }
    each("read erasable of 100,000", SAMPLES, |n| {
        assert_eq!(table.get(&(n as u32 * 200).to_be_bytes()).unwrap().unwrap(), VALUE);
    });
    each("erase of 100,000", SAMPLES, |n| {
        commit(&|tx| {
            tx.delete(&table, &(n as u32 * 7).to_be_bytes());
        });
    });
    each("erase 256 spread over 100,000", 20, |round| {
        commit(&|tx| {
            for n in 0..256 {
                tx.delete(&table, &(20_000 + round as u32 + n * 300).to_be_bytes());
            }
        });
    });
    drop((table, store));
    let bytes = std::fs::metadata(home.join("erasure-keys")).unwrap().len();
    say("file of keys", bytes as f64 / f64::from(1 << 20), "MiB", 1);
    for what in ["open", "open again"] {
        let begun = Instant::now();
        let store = open(&home);
        say(what, begun.elapsed().as_secs_f64() * 1_000.0, "ms", 1);
        say("rows", store.health().erasable_rows as f64, "rows", 1);
        drop(store);
    }
}
