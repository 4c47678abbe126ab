//! Threads of a child process that write until it is ended, and what must be there of it afterwards.

use std::io::Write;

use super::*;

/// How far each thread came: the number of its last commit.
pub(super) type Told = Vec<Option<u64>>;

/// Who writes, and what.
pub(super) struct Writers {
    pub(super) threads: u64,
    /// Rows that each thread keeps; older ones it deletes.
    pub(super) kept: u64,
    /// No value is as long as this, in bytes.
    pub(super) values_below: u64,
    /// The first thread compacts the store after so many commits of its own.
    pub(super) compacts_after: u64,
    /// Every other row can be erased, and then is when it is deleted.
    pub(super) erases: bool,
}

/// What a thread does with the commit of a number.
pub(super) enum Step {
    /// It was there when the thread began.
    Found,
    Begins,
    Acknowledged,
}

impl Writers {
    /// As far as nobody came yet.
    pub(super) fn nothing(&self) -> Told {
        vec![None; self.threads as usize]
    }

    pub(super) fn value(&self, thread: u64, n: u64) -> Vec<u8> {
        vec![(thread * 50 + n) as u8; (n * 131 % self.values_below) as usize]
    }

    /// Writes for ever and says each step of each thread.
    pub(super) fn write(&self, store: &Store, say: &(dyn Fn(Step, u64, u64) + Sync)) -> ! {
        std::thread::scope(|scope| {
            for thread in 0..self.threads {
                let store = store.clone();
                scope.spawn(move || {
                    let (people, nonces) = (store.table("people"), store.table("nonces"));
                    let last = people.get(&thread.to_be_bytes()).unwrap().map(|last| number(&last));
                    if let Some(last) = last {
                        say(Step::Found, thread, last);
                    }
                    for n in last.map_or(0, |last| last + 1).. {
                        let mut transaction = store.transaction();
                        transaction.require_absent(&nonces, &id(thread, n));
                        let (key, value) = (id(thread, n), self.value(thread, n));
                        match self.erases && n % 2 == 1 {
                            true => transaction.put_erasable(&nonces, &key, &value),
                            false => transaction.put(&nonces, &key, &value),
                        }
                        .put(&people, &thread.to_be_bytes(), &n.to_be_bytes());
                        if n >= self.kept {
                            transaction.delete(&nonces, &id(thread, n - self.kept));
                        }
                        say(Step::Begins, thread, n);
                        transaction.commit().unwrap();
                        say(Step::Acknowledged, thread, n);
                        if (n + 1) % self.compacts_after == 0 && thread == 0 {
                            store.compact().unwrap();
                        }
                    }
                });
            }
        });
        unreachable!("the threads write until the process is ended")
    }

    /// How far each thread came, from which the whole state follows.
    pub(super) fn look(&self, store: &Store) -> Told {
        let (people, nonces) = (store.table("people"), store.table("nonces"));
        let mut expected = Rows::new();
        let mut reached = self.nothing();
        for thread in 0..self.threads {
            let last = people.get(&thread.to_be_bytes()).unwrap().map(|last| number(&last));
            reached[thread as usize] = last;
            let Some(last) = last else { continue };
            for n in last.saturating_sub(self.kept - 1)..=last {
                expected.insert((vec![], id(thread, n)), self.value(thread, n));
            }
        }
        assert!(rows(&nonces) == expected, "torn or wrong rows");
        let health = store.health();
        assert_eq!((health.erased_at_open, health.erasures_pending), (0, 0));
        let erasable = expected
            .keys()
            .filter(|(_, id)| self.erases && id.last().is_some_and(|n| n % 2 == 1));
        assert_eq!(health.erasable_rows, erasable.count() as u64);
        reached
    }
}

/// Commits of a thread that came this far.
pub(super) fn commits(last: Option<u64>) -> u64 {
    last.map_or(0, |n| n + 1)
}

/// Tells the parent that a commit was acknowledged.
pub(super) fn say(thread: u64, n: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged {thread} {n}").unwrap();
    out.flush().unwrap();
}

/// Takes such a line; 1 when it was one.
pub(super) fn hear(line: &str, told: &mut Told) -> u64 {
    let Some(rest) = line.split("acknowledged ").nth(1) else {
        return 0;
    };
    let (thread, n) = rest.split_once(' ').unwrap();
    let (thread, n): (usize, u64) = (thread.parse().unwrap(), n.parse().unwrap());
    told[thread] = told[thread].max(Some(n));
    1
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

fn id(thread: u64, n: u64) -> Vec<u8> {
    [thread.to_be_bytes(), n.to_be_bytes()].concat()
}
