//! A running `bevis demo`, read line by line as it tells: what it told, and that it leaves nothing behind.

use crate::process::{bevis, folder};
use node::clock::Stopwatch;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Seek};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A population that is quick to import; the cast is always in it.
pub(crate) const SMALL: &[&str] = &["--persons", "60", "--companies", "12"];

/// How long a killed process may take to leave the process table, in milliseconds.
const GONE_MS: u64 = 10_000;

/// A demo at work, read line by line as it tells.
pub(crate) struct Demo {
    /// Of each line it tells.
    schema: &'static str,
    /// Processes that must have been seen at work in the end.
    least: usize,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stderr: fs::File,
    /// Everything told so far.
    pub(crate) told: Vec<Value>,
    seen: BTreeSet<(u32, String)>,
    /// Its temporary files lie here and nowhere else.
    temporary: TempDir,
}

/// A demo that has ended.
pub(crate) struct Ended {
    /// Everything it told.
    pub(crate) told: Vec<Value>,
    /// Exit code; -1 for a signal.
    pub(crate) exit: i32,
    /// What it said on standard error.
    pub(crate) stderr: String,
}

impl Demo {
    /// Starts it with a small population.
    pub(crate) fn start(arguments: &[&str]) -> Demo {
        Demo::tell("demo/v1", NODES.len(), &[&["demo"], SMALL, arguments].concat())
    }

    /// Starts the story of trust.
    pub(crate) fn trust(arguments: &[&str]) -> Demo {
        Demo::tell("demo-trust/v1", NODES.len(), &[&["demo", "trust"], arguments].concat())
    }

    /// Starts the story of a standing consent: five nodes, and a wallet that is open while a command of its person runs.
    pub(crate) fn consent(arguments: &[&str]) -> Demo {
        let small = ["demo", "consent", "--persons", "60"];
        Demo::tell("demo/v1", 5, &[&small[..], arguments].concat())
    }

    fn tell(schema: &'static str, least: usize, arguments: &[&str]) -> Demo {
        let temporary = folder();
        let stderr = tempfile::tempfile().expect("a file");
        let mut command = Command::new(bevis());
        command.args(["--json", "--lang", "en"]).args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BEVIS_") {
                command.env_remove(name);
            }
        }
        command
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command
            .stderr(stderr.try_clone().expect("a handle"))
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Demo {
            schema,
            least,
            child,
            lines,
            stderr,
            told: Vec::new(),
            seen: BTreeSet::new(),
            temporary,
        }
    }

    /// The next thing it tells; nothing when it has ended.
    fn next(&mut self) -> Option<Value> {
        let line = self.lines.next()?.expect("reads");
        let event: Value = serde_json::from_str(&line).expect("each line is an object");
        assert_eq!(event["schema"], self.schema);
        // Whatever works for it at this moment has to be gone in the end.
        self.seen.extend(children(self.child.id()));
        self.told.push(event.clone());
        Some(event)
    }

    /// Reads on until it tells of this, given as [`key`] writes it.
    pub(crate) fn until(&mut self, wanted: &str) -> Value {
        while let Some(event) = self.next() {
            if key(&event) == wanted {
                return event;
            }
        }
        panic!("it ended before {wanted:?}: {}\n{}", self.keys(), self.talk());
    }

    /// The process id of a node.
    pub(crate) fn pid(&self, node: &str) -> u32 {
        let processes = self
            .told
            .iter()
            .find(|event| event["event"] == "processes")
            .expect("told");
        u32::try_from(processes["run"]["pids"][node].as_u64().expect("a process id")).expect("fits")
    }

    /// The folder it works in.
    pub(crate) fn root(&self) -> PathBuf {
        let processes = self
            .told
            .iter()
            .find(|event| event["event"] == "processes")
            .expect("told");
        processes["run"]["root"].as_str().expect("a path").into()
    }

    /// Interrupts it as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        signal(self.child.id(), "INT");
    }

    fn keys(&self) -> String {
        self.told.iter().map(key).collect::<Vec<_>>().join("\n")
    }

    fn talk(&mut self) -> String {
        let mut text = String::new();
        self.stderr.rewind().expect("a file");
        self.stderr.read_to_string(&mut text).expect("UTF-8");
        text
    }

    /// Lets it go on to its end, and asserts that nothing of it is left: no process, no file.
    pub(crate) fn end(mut self) -> Ended {
        while self.next().is_some() {}
        let exit = self.child.wait().expect("ends").code().unwrap_or(-1);
        assert!(self.seen.len() >= self.least, "they were seen at work: {:?}", self.seen);
        let watch = Stopwatch::start();
        for process in &self.seen {
            while started(process.0).as_ref() == Some(&process.1) {
                assert!(watch.milliseconds() < GONE_MS, "process {} is left", process.0);
                std::thread::yield_now();
            }
        }
        let left: Vec<_> = fs::read_dir(self.temporary.path())
            .expect("reads")
            .flatten()
            .map(|e| e.path())
            .collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "{}", self.talk());
        let stderr = self.talk();
        Ended {
            told: std::mem::take(&mut self.told),
            exit,
            stderr,
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After a failed assertion; its nodes end with it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// Asserts the exit code, with all that was told in the message.
    #[track_caller]
    pub(crate) fn expect(self, exit: i32) -> Ended {
        assert_eq!(self.exit, exit, "{}\n{}", self.keys().join("\n"), self.stderr);
        self
    }

    /// The story in lines, as [`key`] writes them.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.told.iter().map(key).collect()
    }

    /// What was told, without what differs from run to run.
    pub(crate) fn facts(&self) -> Vec<Value> {
        let without_run = |event: &Value| {
            let mut event = event.clone();
            event
                .as_object_mut()
                .expect("an object")
                .remove("run")
                .expect("each event has it");
            event
        };
        self.told.iter().map(without_run).collect()
    }

    /// What was told under a key, the first time.
    pub(crate) fn find(&self, wanted: &str) -> &Value {
        self.told
            .iter()
            .find(|event| key(event) == wanted)
            .unwrap_or_else(|| panic!("{wanted:?} was not told"))
    }
}

/// An event in one line: step, node, event, and what tells it from others of its kind.
pub(crate) fn key(event: &Value) -> String {
    let facts = &event["facts"];
    let text = |name: &str| facts[name].as_str();
    let more = match event["event"].as_str().expect("a name") {
        "imported" => text("type"),
        "collected" => text("type"),
        "asked" | "verdict" => text("service"),
        "refused" | "accepted" | "spread" | "answers" => text("what"),
        _ => None,
    };
    let (node, name) = (
        event["node"].as_str().expect("a name"),
        event["event"].as_str().expect("a name"),
    );
    let mut key = format!("{} {node} {name}", event["step"]);
    if let Some(more) = more {
        key.push(' ');
        key.push_str(more);
    }
    key
}

/// Sends a signal to exactly this process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name])
        .arg(pid.to_string())
        .status();
    assert!(sent.expect("sh runs").success(), "signal {name} to {pid}");
}

/// When a process that runs was started, in ticks of the machine: with its id this names it for good.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields count from behind the name, which stands in brackets: 3 is the state, 22 the start.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (!["Z", "X"].contains(&fields[0])).then(|| fields[19].to_owned())
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("Linux").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let of = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1).map(str::to_owned));
        if of == Some(parent.to_string()) {
            found.extend(started(pid).map(|at| (pid, at)));
        }
    }
    found
}

/// The nine.
pub(crate) const NODES: [&str; 9] = [
    "identity",
    "tax",
    "loans",
    "guarantor",
    "registry",
    "bank",
    "roads",
    "citizen",
    "company",
];

/// One telling with the first seed, for the tests that look at it and those that compare with it.
pub(crate) fn first() -> &'static Ended {
    static FIRST: OnceLock<Ended> = OnceLock::new();
    FIRST.get_or_init(|| Demo::start(&[]).end().expect(0))
}
