//! The demo whose pages people try: accounts, links that work once, and a browser where there is one.

use super::nodes::TYPED;
use super::story::{Story, interrupted};
use crate::clock;
use crate::error::Failure;
use crate::home;
use serde_json::json;
use std::process::{Command, Stdio};

/// Nodes with pages: node, what its pages are called, their colour.
const PAGES: &[(&str, &str, &str)] = &[
    ("citizen", "Min lommebok", "blue"),
    ("company", "Firmaets lommebok", "orange"),
    ("bank", "Sparebanken", "green"),
    ("tax", "Skatteetaten", "purple"),
];

/// Who works at the organisations' pages: node, account, name, face. Two at the issuer: what is done in bulk takes two.
const PEOPLE: &[(&str, &str, &str, &str)] = &[
    ("bank", "kari", "Kari Saksbehandler", "desk"),
    ("tax", "per", "Per Utsteder", "console"),
    ("tax", "anne", "Anne Utsteder", "console"),
];

/// The three that a person needs for the loan's story: node, account.
const LINKS: &[(&str, Option<&str>)] = &[("citizen", None), ("bank", Some("kari")), ("tax", Some("per"))];

/// Settings of wallets whose pages people watch: a wallet asks for status by the clock, and here somebody waits for what it hears.
pub(super) const WATCHED: &[(&str, &str)] = &[("BEVIS_STATUS_EVERY_SECONDS", "1")];

/// What a node's pages are called, and their colour.
pub(super) fn of(node: &str) -> Option<(&'static str, &'static str)> {
    let found = PAGES.iter().find(|(name, ..)| *name == node)?;
    Some((found.1, found.2))
}

impl Story<'_> {
    /// Makes the accounts, prints a link each, and leaves the network running until it is interrupted.
    pub(super) async fn open(&mut self) -> Result<(), Failure> {
        let secret = self.nodes.secrets().join("person");
        home::write(&secret, TYPED.as_bytes())?;
        let secret = secret.display().to_string();
        for (node, handle, name, face) in PEOPLE {
            let arguments = ["person", "add", handle, "--name", name, "--face", face];
            let file = ["--person-passphrase-file", secret.as_str()];
            self.nodes.run(node, &[&arguments[..], &file[..]].concat()).await?;
        }
        let mut links = Vec::new();
        for (node, person) in LINKS {
            let mut arguments = vec!["login"];
            if let Some(handle) = person {
                arguments.extend(["--person", *handle]);
            }
            let link = self.nodes.run(node, &arguments).await?.text("link");
            self.teller.tell("link", node, json!({}), json!({ "link": link }));
            links.push(link);
        }
        self.teller
            .tell("opened", "demo", json!({ "passphrase": TYPED }), json!({}));
        for link in &links {
            show(link);
        }
        interrupted().await;
        Ok(())
    }
}

/// Opens a link in the person's browser, where they have a screen and a program that knows which it is.
fn show(link: &str) {
    if clock::environment("DISPLAY").is_none() && clock::environment("WAYLAND_DISPLAY").is_none() {
        return;
    }
    let mut opener = Command::new("xdg-open");
    opener
        .arg(link)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Err(error) = opener.spawn() {
        // The links are printed; a person opens them by hand.
        tracing::debug!(%error, "no browser was opened");
    }
}
