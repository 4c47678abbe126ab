//! How the story is told: lines for people, or NDJSON.

use crate::clock::Stopwatch;
use crate::output::Output;
use serde_json::{Value, json};
use std::cell::Cell;

/// Tells what happens.
///
/// In NDJSON everything that differs from run to run (times, ports, keys, ids) stands under `run`; the rest is the same for
/// the same seed.
pub(super) struct Teller<'a> {
    pub(super) output: &'a Output,
    /// Begins every key of the catalogue but those of nodes, and names the story in NDJSON.
    story: &'static str,
    started: Stopwatch,
    step: Cell<u32>,
}

impl<'a> Teller<'a> {
    /// A teller of the story whose texts begin so in the catalogue.
    pub(super) fn new(output: &'a Output, story: &'static str) -> Teller<'a> {
        Teller {
            output,
            story,
            started: Stopwatch::start(),
            step: Cell::new(0),
        }
    }

    /// Begins a step of the story.
    pub(super) fn begin(&self, step: u32) {
        self.begin_as(step, &format!("step-{step}"));
    }

    /// The same, with another heading.
    pub(super) fn begin_as(&self, step: u32, heading: &str) {
        self.step.set(step);
        if !self.output.json {
            self.output.data("");
            self.output.print(&format!("{}-{heading}", self.story), &[]);
        }
    }

    /// Tells an event. `facts` are the same in every run with one seed; `run` is not.
    pub(super) fn tell(&self, event: &str, node: &str, facts: Value, mut run: Value) {
        let ms = self.started.milliseconds();
        if self.output.json {
            if let Some(run) = run.as_object_mut() {
                run.insert("at_ms".to_owned(), json!(ms));
            }
            let line = json!({
                "schema": format!("{}/v1", self.story), "step": self.step.get(), "event": event, "node": node, "facts": facts, "run": run,
            });
            self.output.object(&line);
            return;
        }
        let mut arguments: Vec<(String, String)> = Vec::new();
        for object in [&facts, &run] {
            for (key, value) in object.as_object().into_iter().flatten() {
                arguments.push((key.clone(), plain(value)));
            }
        }
        arguments.push((
            "node".to_owned(),
            self.output.catalogue.text(&format!("demo-node-{node}"), &[]),
        ));
        let arguments: Vec<(&str, &str)> = arguments.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let text = self
            .output
            .catalogue
            .text(&format!("{}-{}", self.story, event.replace('_', "-")), &arguments);
        self.output
            .data(&format!("{:>3}.{:03} s  {text}", ms / 1000, ms % 1000));
    }

    /// A text that a node printed for a person, set in.
    pub(super) fn quote(&self, text: &str) {
        if !self.output.json {
            for line in text.lines() {
                self.output.data(&format!("           | {line}"));
            }
        }
    }

    /// A sentence for a code, from the same catalogue as the nodes'.
    pub(super) fn sentence(&self, code: &str) -> String {
        self.output
            .catalogue
            .text(&format!("problem-{code}"), &[("detail", "")])
    }

    /// Milliseconds since the story began.
    pub(super) fn milliseconds(&self) -> u64 {
        self.started.milliseconds()
    }
}

/// A value as it stands in a line for people: names of a list side by side, `none` for an empty one.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
