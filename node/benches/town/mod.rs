//! Real processes for benches: three anchors, and homes that are served and asked by their local sockets.
#![allow(dead_code, reason = "each bench uses a part of it")]

use node::control::Client;
use node::home::Home;
use node::service::Command;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Three anchors, two of whom sign.
pub(crate) struct Anchors {
    folder: PathBuf,
    pub(crate) homes: [Node; 3],
    pub(crate) root: PathBuf,
}

impl Anchors {
    pub(crate) fn found(folder: &Path) -> Anchors {
        let names = ["agency", "bank-anchor", "other"];
        let homes = names.map(|name| Node::at(folder, name));
        let cards = names.map(|name| folder.join(format!("{name}.card")));
        for ((home, card), class) in homes.iter().zip(&cards).zip(["agency", "bank", "other"]) {
            let card = card.to_str().unwrap();
            let mut arguments = vec!["trust", "init", "--profile", "test", "--name", class, "--class", class];
            arguments.extend(["--out", card]);
            if class == "agency" {
                arguments.push("--head");
            }
            home.run(&arguments);
        }
        let proposal = folder.join("root.proposal");
        let mut arguments = vec!["trust", "propose", "root", proposal.to_str().unwrap()];
        for card in &cards {
            arguments.extend(["--anchor", card.to_str().unwrap()]);
        }
        homes[0].run(&arguments);
        let mut anchors = Anchors {
            folder: folder.to_owned(),
            homes,
            root: folder.join("root.json"),
        };
        anchors.root = anchors.publish("root.proposal", "root.json");
        anchors
    }

    pub(crate) fn propose(&self, changes: &[&str]) {
        let proposal = self.folder.join("list.proposal");
        let begin = ["trust", "propose", "list", proposal.to_str().unwrap()];
        self.homes[0].run(&[&begin[..], changes].concat());
    }

    pub(crate) fn publish(&self, proposal: &str, bundle: &str) -> PathBuf {
        let (proposal, bundle) = (self.folder.join(proposal), self.folder.join(bundle));
        let path = proposal.to_str().unwrap();
        for home in &self.homes[..2] {
            home.run(&["--yes", "trust", "sign", path]);
        }
        self.homes[0].run(&["trust", "publish", path, "--out", bundle.to_str().unwrap()]);
        bundle
    }
}

pub(crate) fn yes(id: &str, shown: Option<String>) -> Command {
    Command::WalletPresent {
        id: id.to_owned(),
        language: "nb".to_owned(),
        shown,
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A home, and the process that serves it.
pub(crate) struct Node {
    pub(crate) home: Home,
    passphrase: PathBuf,
    running: Option<Child>,
}

impl Node {
    pub(crate) fn at(folder: &Path, name: &str) -> Node {
        Node {
            home: Home::at(&folder.join(name)).unwrap(),
            passphrase: folder.join("passphrase"),
            running: None,
        }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bevis"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BEVIS_") {
                command.env_remove(name);
            }
        }
        command
            .arg("--home")
            .arg(self.home.path())
            .args(["--json", "--no-input"]);
        command.arg("--passphrase-file").arg(&self.passphrase).args(arguments);
        command
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{told}");
        let last = said.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        last.unwrap_or(Value::Null)
    }

    pub(crate) fn serve(&mut self) {
        let mut command = self.command(&["serve", "--with-parent"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        self.running = Some(child);
        assert!(line.contains("ready/v1"), "{}: {line}", self.home.path().display());
    }

    pub(crate) fn stop(&mut self) {
        let mut child = self.running.take().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    pub(crate) async fn connect(&self) -> Client {
        let client = Client::connect(&self.home)
            .await
            .map_err(|failure| failure.problem.code);
        client.unwrap().expect("a node runs here")
    }

    pub(crate) async fn ask(&self, command: &Command) -> Value {
        let answer = self.connect().await.execute(command).await;
        answer.unwrap_or_else(|failure| json!({ "refused": failure.problem.code, "cause": failure.cause }))
    }

    /// Waits until the status lists of so many issuers are there.
    pub(crate) async fn mirrored(&self, issuers: usize) {
        while self.ask(&Command::Status).await["mirrored"]
            .as_array()
            .is_none_or(|all| all.len() < issuers)
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
