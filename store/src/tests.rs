//! The store's promises, each tried on real files.

mod backups;
mod campaign;
mod crash;
mod damage;
mod disk_trouble;
mod erasing;
mod erasing_trouble;
mod kills;
mod loss;
mod memory_disk;
mod model;
mod opening;
mod other_disk;
mod power;
mod reading;
mod repair;
mod secrecy;
mod together;
mod writers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Entropy, Error, Params, Passphrase, Store, Table};

const TABLES: [&str; 3] = ["people", "nonces", "offers"];

type Rows = BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>;

fn entropy() -> Entropy {
    Box::new(|bytes| getrandom::fill(bytes).unwrap())
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple")
}

fn create(dir: &Path) -> Store {
    Store::create(dir, &passphrase(), Params::quick(), entropy()).unwrap()
}

fn open(dir: &Path) -> Result<Store, Error> {
    Store::open(dir, &passphrase(), entropy())
}

fn rows(table: &Table) -> Rows {
    let mut rows = Rows::new();
    table
        .scan(&mut |group, id, value| {
            let old = rows.insert((group.to_vec(), id.to_vec()), value.to_vec());
            assert!(old.is_none(), "a scan gives each row once");
            true
        })
        .unwrap();
    rows
}

fn all(store: &Store) -> Vec<Rows> {
    TABLES.iter().map(|name| rows(&store.table(name))).collect()
}

/// A store with some history in three tables: values of many sizes, overwritten and deleted rows.
fn fill(store: &Store, transactions: u32) {
    let tables = TABLES.map(|name| store.table(name));
    for n in 0..transactions {
        let mut transaction = store.transaction();
        for (m, table) in tables.iter().enumerate() {
            let group = format!("group {}", n % 5);
            let id = format!("row {}", n % 40);
            let value = vec![n as u8; (n as usize * 37 + m * 11) % 900];
            let key = crate::Key::in_group(group.as_bytes(), id.as_bytes());
            transaction.put(table, key, &value);
            if n % 7 == 3 {
                let id = format!("row {}", (n + 11) % 40);
                transaction.delete(table, crate::Key::in_group(group.as_bytes(), id.as_bytes()));
            }
        }
        transaction.commit().unwrap();
    }
}

/// A store with such a history, closed; gives what is in it.
fn filled(dir: &Path, transactions: u32) -> Vec<Rows> {
    let store = create(dir);
    fill(&store, transactions);
    all(&store)
}

fn files_under(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy_home(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in files_under(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, target).unwrap();
    }
}

fn segment(dir: &Path) -> PathBuf {
    files_under(dir)
        .into_iter()
        .rfind(|path| path.extension().is_some_and(|e| e == "segment"))
        .unwrap()
}

fn flip(path: &Path, offset: u64, bit: u8) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset as usize] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
}

/// Small, seeded, and the same everywhere: which bit to flip, when to kill.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}
