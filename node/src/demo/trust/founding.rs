//! How the network begins: anchors and their root, a home and a process for everybody, the first list, and what people hold.

use super::cast::{Member, Part};
use super::ceremony::{Edit, texts};
use super::crowd::Crowd;
use crate::clock::Stopwatch;
use crate::demo::hostile::Stranger;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::population;
use crate::service::Command;
use credentials::{Code, Problem};
use futures::future::try_join_all;
use serde_json::{Value, json};
use std::time::Duration;

/// Processes that are started at once: each stretches a passphrase and opens a store.
const STARTED_AT_ONCE: usize = 4;
/// People in the registers: the story needs two.
const PERSONS: u32 = 20;
/// Companies in the registers.
const COMPANIES: u32 = 12;
/// Longest wait until every bank has the lists of an issuer that is new to it.
const MIRRORED: Duration = Duration::from_secs(120);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(250);

impl Crowd<'_> {
    /// Step 1.
    pub(super) async fn found(&mut self) -> Result<(), Failure> {
        self.first_root().await?;
        let watch = Stopwatch::start();
        let organisations: Vec<Member> = self
            .members
            .iter()
            .filter(|member| member.part != Part::Anchor)
            .cloned()
            .collect();
        for some in organisations.chunks(STARTED_AT_ONCE) {
            try_join_all(some.iter().map(|member| self.init(member))).await?;
        }
        let run = json!({ "ms": watch.milliseconds() });
        self.teller
            .tell("homes", "demo", json!({ "count": organisations.len() }), run);
        let watch = Stopwatch::start();
        for some in organisations.chunks(STARTED_AT_ONCE) {
            try_join_all(some.iter().map(|member| self.nodes.serve(&member.home))).await?;
        }
        let run =
            json!({ "ms": watch.milliseconds(), "root": self.nodes.root().display().to_string(), "pids": self.pids() });
        self.teller
            .tell("processes", "demo", json!({ "count": organisations.len() }), run);
        self.first_list(&organisations).await?;
        self.people().await
    }

    fn pids(&self) -> Value {
        self.nodes
            .pids()
            .into_iter()
            .map(|(home, pid)| (home, json!(pid)))
            .collect()
    }

    async fn init(&self, member: &Member) -> Result<(), Failure> {
        let root = self.bundle.display().to_string();
        let mut arguments = vec!["init", "--root", &root, "--profile", "test", "--did", &member.did];
        arguments.extend(["--number", &member.number, "--name", &member.name]);
        arguments.extend(["--role", if member.issues.is_empty() { "verifier" } else { "issuer" }]);
        for name in member.issues {
            arguments.extend(["--issues", *name]);
        }
        if self.demo.tcp {
            arguments.extend(["--transport", "tcp"]);
        }
        self.nodes.run(&member.home, &arguments).await.map(drop)
    }

    /// What its node says of itself, as a file for the anchors.
    pub(super) async fn card(&self, member: &Member) -> Result<String, Failure> {
        let said = self.ask(&member.home, &Command::Whoami).await?;
        let path = self.file(&format!("{}.card", member.home));
        home::write(&path, said.to_string().as_bytes())?;
        if member.part == Part::Register {
            self.second_key(&path).await?;
        }
        Ok(path.display().to_string())
    }

    /// The change that puts an organisation on the list with what it may do.
    pub(super) async fn admission(&self, member: &Member) -> Result<Edit, Failure> {
        let mut edit = texts(&["--admit", &self.card(member).await?]);
        for name in member.issues {
            edit.extend(texts(&["--issues", name]));
        }
        if member.part == Part::Register {
            edit.extend(texts(&["--issues", credentials::notice::VCT]));
        }
        for service in member.services {
            edit.extend(texts(&["--service", service]));
        }
        Ok(edit)
    }

    /// All but the newcomer are listed, and everybody is given the list.
    async fn first_list(&mut self, organisations: &[Member]) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        let mut edits = Vec::new();
        for member in organisations.iter().filter(|member| member.part != Part::Newcomer) {
            edits.push(self.admission(member).await?);
        }
        edits.extend(self.liars().await?);
        self.new_list("first", &edits).await?;
        let run = json!({ "ms": watch.milliseconds(), "bytes": Self::size(&self.bundle) });
        self.teller.tell("list", "anchor", json!({ "count": edits.len() }), run);
        let watch = Stopwatch::start();
        for some in organisations.chunks(STARTED_AT_ONCE) {
            try_join_all(some.iter().map(|member| self.import(&member.home))).await?;
        }
        if let Some(liars) = &mut self.liars {
            let said = liars
                .ask(json!({ "do": "begin", "path": self.bundle.display().to_string() }))
                .await?;
            if said.at("done") != &json!(true) {
                return Err(Failure::because(Code::Internal, said));
            }
            self.teller
                .tell("liars", "demo", json!({ "count": self.demo.liars }), json!({}));
        }
        self.counted = organisations.iter().map(|member| member.home.clone()).collect();
        let run = json!({ "ms": watch.milliseconds() });
        self.teller
            .tell("trusted", "demo", json!({ "count": self.counted.len() }), run);
        Ok(())
    }

    /// Starts those that lie: they are admitted as issuers, like any other.
    async fn liars(&mut self) -> Result<Vec<Edit>, Failure> {
        if self.demo.liars == 0 {
            return Ok(Vec::new());
        }
        let count = self.demo.liars.to_string();
        let mut arguments = vec!["demo", "liars", "--count", &count];
        if self.demo.tcp {
            arguments.push("--tcp");
        }
        let liars = self.liars.insert(Stranger::spawn(&self.nodes, &arguments)?);
        let said = liars.ask(json!({ "do": "cards" })).await?;
        let mut edits = Vec::new();
        for (place, card) in said.at("cards").as_array().into_iter().flatten().enumerate() {
            let path = self.file(&format!("liar-{place}.card"));
            home::write(&path, card.to_string().as_bytes())?;
            edits.push(texts(&["--admit", &path.display().to_string(), "--issues", "C02"]));
        }
        Ok(edits)
    }

    /// A register of people at those who identify them, and two people who hold a credential each: one of the honest agency,
    /// one of the rogue.
    async fn people(&mut self) -> Result<(), Failure> {
        let folder = self.nodes.secrets().join("registers");
        population::write(&folder, PERSONS, COMPANIES, 1, crate::clock::now())?;
        let register = folder.join("pid.jsonl").display().to_string();
        for part in [Part::Identity, Part::Rogue, Part::Newcomer] {
            let home = self.member(part)?.home.clone();
            self.nodes
                .run(&home, &["issuer", "import", "--type", "C01", &register])
                .await?;
        }
        self.collect("citizen", Part::Identity, population::CITIZEN).await?;
        self.collect("neighbour", Part::Rogue, population::STRANGER).await?;
        Ok(())
    }

    /// Makes a wallet and collects a person's identification in it: the text of one copy, as any bank may see it.
    pub(super) async fn collect(&self, wallet: &str, from: Part, person: &str) -> Result<String, Failure> {
        let issuer = self.member(from)?;
        let bundle = self.bundle.display().to_string();
        let init = ["init", "--root", &bundle, "--profile", "test", "--role", "wallet"];
        self.nodes.run(wallet, &init).await?;
        self.import(wallet).await?;
        let offer = ["issuer", "offer", "--type", "C01", "--subject", "-"];
        let offer = self
            .nodes
            .run_with(&issuer.home, &offer, Some(&format!("{person}\n")))
            .await?;
        let codes = self.nodes.secrets().join("codes");
        home::Home::at(&codes)?.create()?;
        let code = codes.join(wallet);
        home::write(&code, offer.text("code").as_bytes())?;
        let code = code.display().to_string();
        self.nodes
            .run(
                wallet,
                &["wallet", "receive", &offer.text("link"), "--code-file", &code],
            )
            .await?;
        let text = self.copy(wallet).await?;
        let facts = json!({ "wallet": wallet, "issuer": issuer.name });
        self.teller.tell("collected", "demo", facts, json!({}));
        Ok(text)
    }

    /// The text of a copy that a wallet holds.
    pub(super) async fn copy(&self, wallet: &str) -> Result<String, Failure> {
        let path = self.nodes.secrets().join("codes").join(format!("{wallet}.export"));
        if path.exists() {
            std::fs::remove_file(&path).map_err(|e| Failure::file(&path, &e))?;
        }
        self.nodes
            .run(wallet, &["wallet", "export", &path.display().to_string()])
            .await?;
        let export = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, &e))?;
        let export: Value = serde_json::from_str(&export).map_err(|e| Failure::because(Code::Internal, e))?;
        let credentials = export.at("credentials").as_array().into_iter().flatten();
        let mut copies = credentials.flat_map(|held| held.at("copies").as_array().into_iter().flatten());
        let text = copies.find_map(|copy| copy.at("credential").as_str());
        Ok(text.ok_or_else(|| Problem::new(Code::NotFound, wallet))?.to_owned())
    }

    /// Waits until every bank has what it needs to find a credential valid.
    pub(super) async fn until_valid(&self, what: &str, text: &str) -> Result<(), Failure> {
        let banks = self.homes(Part::Bank).len();
        let all = async {
            while self.answers(text).await?.get("valid") != Some(&banks) {
                tokio::time::sleep(LOOK).await;
            }
            Ok::<_, Failure>(())
        };
        // In vain: what they say then is told.
        if let Ok(done) = tokio::time::timeout(MIRRORED, all).await {
            done?;
        }
        self.all_answer(what, text, "valid").await
    }
}
