//! The nine as processes, the commands that are under way at them, and a client of their local sockets.

use crate::process::Home;
use node::clock::Stopwatch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest time in which a command must end well once every node is there again: above the time limits of all protocols
/// and the first waiting time after a failed greeting.
const ENDS_WELL_MS: u64 = 150_000;
/// How long we wait before the same command is given again.
const AGAIN: Duration = Duration::from_millis(20);
/// Longest time until work comes that concerns a node.
const WORK_MS: u64 = 20_000;

/// What came of one command.
enum Answer {
    Done(Value),
    Refused(String),
    /// The node ended before it answered: it may have done it or not.
    Lost,
}

#[derive(Default)]
struct State {
    /// Commands under way: the nodes that each concerns.
    work: BTreeMap<u64, Vec<&'static str>>,
    next: u64,
    down: Option<&'static str>,
    /// The load is to end what it has begun and begin nothing more.
    ending: bool,
    /// How often a command was given again.
    again: u64,
    longest_ms: u64,
}

/// The nine.
pub(super) struct Nodes {
    homes: BTreeMap<&'static str, Mutex<Home>>,
    state: Mutex<State>,
    changed: Condvar,
    /// Arguments of `bevis serve`.
    serve: &'static [&'static str],
}

impl Nodes {
    pub(super) fn new(homes: BTreeMap<&'static str, Home>, serve: &'static [&'static str]) -> Nodes {
        let homes = homes.into_iter().map(|(name, home)| (name, Mutex::new(home))).collect();
        Nodes {
            homes,
            state: Mutex::default(),
            changed: Condvar::new(),
            serve,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn home(&self, name: &str) -> MutexGuard<'_, Home> {
        self.homes[name].lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- the load ---

    pub(super) fn begin(&self) {
        self.state().ending = false;
    }

    pub(super) fn end(&self) {
        self.state().ending = true;
    }

    pub(super) fn is_ending(&self) -> bool {
        self.state().ending
    }

    /// How often a command was given again, and the longest time that one took to end well.
    pub(super) fn repeated(&self) -> (u64, u64) {
        let state = self.state();
        (state.again, state.longest_ms)
    }

    /// Lets time pass, during which the load goes on.
    pub(super) fn pass(&self, time: Duration) {
        let watch = Stopwatch::start();
        let mut state = self.state();
        while u128::from(watch.milliseconds()) < time.as_millis() {
            (state, _) = self
                .changed
                .wait_timeout(state, Duration::from_millis(1))
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    // --- kills ---

    pub(super) fn is_at_work(&self, name: &str) -> bool {
        self.state().work.values().flatten().any(|concerned| *concerned == name)
    }

    /// Waits until a command is under way that concerns a node.
    pub(super) fn wait_for_work(&self, name: &str) {
        let watch = Stopwatch::start();
        while !self.is_at_work(name) && watch.milliseconds() < WORK_MS {
            self.pass(Duration::from_millis(1));
        }
    }

    /// Kills a node; true when a command that concerns it was under way.
    pub(super) fn kill(&self, name: &'static str) -> bool {
        let mut home = self.home(name);
        let mut state = self.state();
        let is_at_work = state.work.values().flatten().any(|concerned| *concerned == name);
        state.down = Some(name);
        home.kill();
        is_at_work
    }

    pub(super) fn start(&self, name: &'static str) {
        self.home(name).serve(self.serve);
        self.state().down = None;
        self.changed.notify_all();
    }

    // --- commands ---

    /// Gives a command to a node again and again until it is answered. Other nodes that it reaches are `with`.
    ///
    /// # Errors
    /// The code of a refusal, unless it is that some node could not be reached.
    pub(super) fn ask(&self, to: &'static str, with: &[&'static str], command: &Value) -> Result<Value, String> {
        self.ask_counted(to, with, command).0
    }

    /// The same, with whether an earlier try may have been carried out.
    pub(super) fn ask_counted(
        &self,
        to: &'static str,
        with: &[&'static str],
        command: &Value,
    ) -> (Result<Value, String>, bool) {
        let watch = Stopwatch::start();
        let concerned: Vec<&'static str> = [&[to], with].concat();
        let mut tries = 0;
        loop {
            let ticket = {
                let mut state = self.state();
                while state.down.is_some_and(|down| concerned.contains(&down)) {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                state.next += 1;
                let ticket = state.next;
                state.work.insert(ticket, concerned.clone());
                ticket
            };
            self.changed.notify_all();
            let answer = self.try_ask(to, command);
            self.state().work.remove(&ticket);
            self.changed.notify_all();
            let ended = match answer {
                Answer::Done(value) => Some(Ok(value)),
                Answer::Refused(code) if code != "unreachable" => Some(Err(code)),
                Answer::Refused(_) | Answer::Lost => None,
            };
            if let Some(ended) = ended {
                let mut state = self.state();
                state.again += tries;
                state.longest_ms = state.longest_ms.max(watch.milliseconds());
                return (ended, tries > 0);
            }
            tries += 1;
            assert!(
                watch.milliseconds() < ENDS_WELL_MS,
                "{to} with {with:?} does not end well: {}",
                command["command"]
            );
            self.pass(AGAIN);
        }
    }

    fn try_ask(&self, to: &str, command: &Value) -> Answer {
        let socket = self.home(to).path().join("control.sock");
        match converse(&socket, command) {
            Ok(mut answer) => match answer["failed"]["problem"]["code"].as_str() {
                Some(code) => Answer::Refused(code.to_owned()),
                None => Answer::Done(answer["done"].take()),
            },
            Err(_) => Answer::Lost,
        }
    }
}

/// One command over the local socket: a length of four bytes and JSON, both ways.
fn converse(socket: &std::path::Path, command: &Value) -> std::io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    let bytes = command.to_string().into_bytes();
    let length = u32::try_from(bytes.len()).expect("commands are short");
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&bytes)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes).expect("a whole answer is JSON"))
}
