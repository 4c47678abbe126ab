//! The anchors' work: each step by its command, each result a file that the next one carries to its own home.

use super::cast::Part;
use super::crowd::Crowd;
use super::spread::Made;
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::service::{Command, Effect};
use serde_json::{Value, json};
use std::path::Path;

/// A change of the list: arguments of one `bevis trust propose list`.
pub(super) type Edit = Vec<String>;

/// An argument list of texts.
pub(super) fn texts(words: &[&str]) -> Edit {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Crowd<'_> {
    /// How many anchors sign: more than half.
    fn threshold(&self) -> usize {
        self.demo.anchors / 2 + 1
    }

    /// Has the first anchors, as many as are needed, sign a proposal, and the first one make a bundle of it.
    async fn sign_and_publish(&self, proposal: &str, bundle: &str) -> Result<Value, Failure> {
        let anchors = self.homes(Part::Anchor);
        for anchor in anchors.iter().take(self.threshold()) {
            self.nodes.run(anchor, &["--yes", "trust", "sign", proposal]).await?;
        }
        let first = self.member(Part::Anchor)?;
        let said = self
            .nodes
            .run(&first.home, &["trust", "publish", proposal, "--out", bundle])
            .await?;
        Ok(said.value)
    }

    /// The first root: every anchor makes its keys and gives its public card, and most of them sign.
    pub(super) async fn first_root(&mut self) -> Result<(), Failure> {
        let proposal = self.file("root.json").display().to_string();
        let threshold = self.threshold().to_string();
        let mut arguments = texts(&["trust", "propose", "root", &proposal]);
        for (flag, value) in [
            ("--root-threshold", threshold.as_str()),
            ("--list-threshold", &threshold),
            ("--head-threshold", "1"),
        ] {
            arguments.extend(texts(&[flag, value]));
        }
        for anchor in self.members.iter().filter(|member| member.part == Part::Anchor) {
            let card = self.file(&format!("{}.card", anchor.home)).display().to_string();
            let init = [
                "trust",
                "init",
                "--name",
                &anchor.name,
                "--class",
                anchor.class,
                "--number",
                &anchor.number,
            ];
            let more = ["--id", &anchor.home, "--head", "--profile", "test", "--out", &card];
            self.nodes.run(&anchor.home, &[&init[..], &more[..]].concat()).await?;
            arguments.extend(texts(&["--anchor", &card]));
        }
        let first = self.member(Part::Anchor)?.home.clone();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.nodes.run(&first, &words).await?;
        self.bundle = self.file("bundle-0.json");
        let bundle = self.bundle.display().to_string();
        self.sign_and_publish(&proposal, &bundle).await?;
        let facts = json!({ "anchors": self.demo.anchors, "threshold": self.threshold() });
        self.teller.tell("root", "anchor", facts, json!({}));
        Ok(())
    }

    /// A new list: proposed, signed by as many anchors as are needed, published. It is in the bundle then and nowhere else.
    pub(super) async fn new_list(&mut self, name: &str, edits: &[Edit]) -> Result<(), Failure> {
        let proposal = self.file(&format!("{name}.json")).display().to_string();
        let base = self.bundle.display().to_string();
        let first = self.member(Part::Anchor)?.home.clone();
        for edit in edits {
            let mut arguments = vec!["trust", "propose", "list", &proposal, "--base", &base];
            arguments.extend(edit.iter().map(String::as_str));
            self.nodes.run(&first, &arguments).await?;
        }
        let bundle = self.file(&format!("{name}.bundle.json"));
        self.sign_and_publish(&proposal, &bundle.display().to_string()).await?;
        self.bundle = bundle;
        Ok(())
    }

    /// Gives the bundle in force to a home.
    pub(super) async fn import(&self, home: &str) -> Result<Value, Failure> {
        let bundle = self.bundle.display().to_string();
        Ok(self.nodes.run(home, &["trust", "import", &bundle]).await?.value)
    }

    /// Gives the new list to one node, and measures how it reaches all the others by themselves.
    pub(super) async fn let_spread(&mut self, what: &'static str, at: &str) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.bundle).map_err(|e| Failure::file(&self.bundle, &e))?;
        self.rest().await;
        let began = clock::milliseconds();
        let taken = self.ask(at, &Command::TrustImport { text, root: None }).await?;
        let made = Made {
            began,
            acknowledged: clock::milliseconds(),
        };
        let version = serde_json::from_value(taken.at("version").clone())
            .map_err(|e| Failure::because(credentials::Code::Internal, e))?;
        let effect = Effect::Trust { version };
        let counted = self.counted.clone();
        let spread = self.spread(&[effect], &counted, made).await?;
        self.spread_told(what, spread)
    }

    /// Size of a file in bytes.
    pub(super) fn size(path: &Path) -> u64 {
        std::fs::metadata(path).map_or(0, |data| data.len())
    }
}
