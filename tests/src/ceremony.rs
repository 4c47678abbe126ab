//! The anchors' ceremony by the real command: what is taken and what is refused, and a network's life from its founding on.

mod life;
mod refusals;
mod registrations;

use crate::network::{Network, argument};
use crate::process::{Home, Said};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file of the ceremony.
fn file(network: &Network, name: &str) -> PathBuf {
    network.folder().join(name)
}

/// `bevis trust propose list`, whatever comes of it.
fn try_propose(home: &Home, proposal: &Path, changes: &[&str]) -> Said {
    home.run(&[&["trust", "propose", "list", argument(proposal)], changes].concat())
}

/// `bevis trust sign`, with a yes.
fn try_sign(home: &Home, proposal: &Path) -> Said {
    home.run(&["--yes", "trust", "sign", argument(proposal)])
}

/// `bevis trust publish`.
fn try_publish(home: &Home, proposals: &[&Path], bundle: &Path) -> Said {
    let mut arguments = vec!["trust", "publish", "--out", argument(bundle)];
    arguments.extend(proposals.iter().map(|path| argument(path)));
    home.run(&arguments)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("reads")).expect("JSON")
}

fn write(path: &Path, value: &Value) {
    std::fs::write(path, value.to_string()).expect("writes");
}

/// Names of changes but that of the time until which the document counts; those that are dangerous with a `!`.
fn changes(shown: &Value) -> Vec<String> {
    let changes = shown["changes"].as_array().expect("changes");
    let name = |change: &Value| {
        let mark = if change["dangerous"] == true { "!" } else { "" };
        format!("{mark}{}", change["change"].as_str().expect("a name"))
    };
    let said = changes.iter().filter(|change| change["change"] != "until");
    said.map(name).collect()
}
