//! Listed nodes that lie, say nothing or flood, on a plot of the field: `bevis demo liars`, as the demo has them.

use super::ground::Ground;
use crate::process::bevis;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Their process.
pub(crate) struct Liars {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Liars {
    /// Starts so many on a plot; the first four differ in what they do, unless all flood.
    pub(crate) fn start(ground: &Ground, plot: usize, count: usize, is_flooding: bool) -> Liars {
        let mut command = Command::new(bevis());
        command.args([
            "demo",
            "liars",
            "--count",
            &count.to_string(),
            "--ip",
            &ground.address(plot),
        ]);
        if is_flooding {
            command.arg("--flood");
        }
        let mut child = ground
            .enter(plot, &command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        Liars {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    #[track_caller]
    fn ask(&mut self, order: &Value) -> Value {
        writeln!(self.input.as_mut().expect("open"), "{order}").expect("writes");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("reads");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{order}: {line}"))
    }

    /// What each says of itself, for the list.
    #[track_caller]
    pub(crate) fn cards(&mut self) -> Vec<Value> {
        self.ask(&json!({ "do": "cards" }))["cards"]
            .as_array()
            .expect("cards")
            .clone()
    }

    /// Gives them the list, and has them begin.
    #[track_caller]
    pub(crate) fn begin(&mut self, bundle: &Path) {
        assert_eq!(
            self.ask(&json!({ "do": "begin", "path": bundle })),
            json!({ "done": true })
        );
    }

    /// How many messages they have gossiped, and how many requests they have made.
    #[track_caller]
    pub(crate) fn done(&mut self) -> (u64, u64) {
        let done = self.ask(&json!({ "do": "count" }));
        let count = |name: &str| done[name].as_u64().unwrap_or_else(|| panic!("{done}"));
        (count("gossiped"), count("asked"))
    }
}

impl Drop for Liars {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.input.take());
        drop(self.child.wait());
    }
}
