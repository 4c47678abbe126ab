//! What one node learns, all others learn: trust lists and status; and what is held on to when nobody answers. Real
//! processes on loopback.

mod alarms;
mod heads;
mod lists;
mod notices;
mod status;

use crate::network::text;
use crate::process::Home;
use serde_json::Value;

/// Waits until something is in effect in a node, a minute at most: milliseconds since 1970.
#[track_caller]
fn seen(home: &Home, kind: &str, id: &str) -> u64 {
    let seen = home.ok(&["node", "seen", "--kind", kind, "--id", id, "--wait", "60"]);
    seen["at_ms"].as_u64().unwrap_or_else(|| panic!("{id}: {seen}"))
}

/// The version of the trust list that a node goes by.
fn version(home: &Home) -> String {
    text(&home.ok(&["node", "status"])["trust"]["version"])
}

/// What the node counts under a name with these labels, in Prometheus' format.
pub(crate) fn counted(home: &Home, sample: &str) -> u64 {
    let metrics = text(&home.ok(&["node", "metrics"])["text"]);
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {sample}: {metrics}"))
}

/// A finding of `doctor`.
pub(crate) fn found(home: &Home, check: &str) -> Option<Value> {
    let report = home.run(&["doctor"]).json();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    findings.into_iter().find(|finding| finding["check"] == check)
}
