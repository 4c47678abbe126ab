//! The story, step by step, through the public commands.

use super::cast::{ANCHORS, CAST, CHECKS, LENDER_DID, LENDER_NAME, LENDER_NUMBER, Part, REGISTERS, Role};
use super::failures;
use super::hostile::Stranger;
use super::nodes::{Nodes, Said, TYPED};
use super::pages;
use super::teller::Teller;
use crate::args::Demo;
use crate::clock::{self, Stopwatch};
use crate::error::Failure;
use crate::output::{At, Output};
use crate::{home, population};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Folders under `secrets` that hold what is personal and not sealed; they go when the story ends, kept homes or not.
pub(super) const REGISTERS_AND_CODES: &[&str] = &["registers", "codes"];

/// Anchors that sign, of the three: as many as the root asks for.
pub(super) const SIGNERS: usize = 2;

/// A running story.
pub(super) struct Story<'a> {
    pub(super) nodes: Nodes,
    pub(super) teller: Teller<'a>,
    pub(super) demo: &'a Demo,
}

/// Tells the story. Exit 0 when everything in it went as it must.
pub async fn run(output: &Output, demo: &Demo) -> Result<u8, Failure> {
    population::check(demo.persons, demo.companies)?;
    let names = CAST.iter().map(|role| role.name);
    let nodes = Nodes::new(demo.keep.as_deref(), demo.isolate, output.catalogue.language(), names)?;
    if demo.open {
        nodes.set_passphrase(TYPED)?;
    }
    let mut story = Story {
        nodes,
        teller: Teller::new(output, "demo"),
        demo,
    };
    let mut stranger = None;
    let told = tokio::select! {
        told = story.tell(&mut stranger) => told,
        () = interrupted() => Err(Failure::because(Code::NotConfirmed, "interrupted")),
    };
    let told = match told {
        Ok(()) if demo.open => story.open().await,
        Ok(()) if demo.stay => story.stay().await,
        told => told,
    };
    if let Some(stranger) = stranger.take() {
        stranger.end().await;
    }
    story.nodes.stop().await;
    match told {
        Ok(()) => {
            let run = json!({ "total_ms": story.teller.milliseconds() });
            story.teller.tell("end", "demo", json!({}), run);
            Ok(0)
        }
        Err(failure) => {
            let facts = json!({ "code": failure.problem.code, "detail": failure.problem.detail });
            story.teller.tell("stopped", "demo", facts, json!({}));
            Err(failure)
        }
    }
}

/// Waits until somebody ends the story from outside.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

impl Story<'_> {
    async fn tell(&mut self, stranger: &mut Option<Stranger>) -> Result<(), Failure> {
        self.teller.begin(1);
        let stranger = self.begin(stranger).await?;
        self.import().await?;
        self.nodes.all_alive()?;
        self.mirror().await?;
        self.nodes.all_alive()?;
        self.teller.begin(2);
        self.collect().await?;
        self.nodes.all_alive()?;
        if self.demo.open {
            return Ok(());
        }
        self.teller.begin(3);
        self.present().await?;
        self.nodes.all_alive()?;
        self.teller.begin(4);
        failures::tell(self, stranger).await?;
        self.nodes.all_alive()
    }

    // --- step 1: nodes, trust, registers ---

    /// Whoever is started here is kept in `stranger` at once, so that it is ended however the story ends.
    async fn begin<'s>(&mut self, stranger: &'s mut Option<Stranger>) -> Result<&'s mut Stranger, Failure> {
        let papers = self.nodes.secrets().join("papers");
        home::Home::at(&papers)?.create()?;
        let (root, fingerprint) = self.found(&papers).await?;
        let trusted = self
            .demo
            .root
            .as_ref()
            .map_or(root.clone(), |path| path.display().to_string());
        let transport = self.demo.tcp.then_some("tcp");
        for role in CAST {
            let pages = pages::of(role.name).filter(|_| self.demo.open);
            self.nodes.init(role, &trusted, transport, pages).await?;
        }
        let mut order: Vec<&Role> = CAST.iter().collect();
        if self.demo.open {
            // Wallets first, so that the desk can name the citizen's pages.
            order.sort_by_key(|role| !matches!(role.part, Part::Wallet { .. }));
        }
        let mut wallet = String::new();
        for role in order {
            let flags: &[&str] = match role.name {
                "bank" if !wallet.is_empty() => &["--wallet-pages", &wallet],
                _ => &[],
            };
            let environment = match role.part {
                Part::Wallet { .. } if self.demo.open => pages::WATCHED,
                _ => &[],
            };
            let ready = self.nodes.serve_in(role.name, flags, environment).await?;
            if role.name == "citizen" {
                wallet = ready.at("pages").as_str().unwrap_or_default().to_owned();
            }
            self.teller.tell(
                "ready",
                role.name,
                json!({}),
                json!({ "ms": ready.at("ms"), "addresses": ready.at("addresses") }),
            );
        }
        let pids: serde_json::Map<String, Value> = self
            .nodes
            .pids()
            .into_iter()
            .map(|(name, pid)| (name, json!(pid)))
            .collect();
        let facts = json!({ "count": CAST.len() });
        self.teller.tell(
            "processes",
            "demo",
            facts,
            json!({ "pids": pids, "root": self.nodes.root().display().to_string() }),
        );
        let list = papers.join("list.proposal").display().to_string();
        for role in CAST {
            let Part::Organisation { issues, services, .. } = &role.part else {
                continue;
            };
            let whoami = self.nodes.run(role.name, &["whoami"]).await?;
            self.admit(&root, &list, role.name, &whoami.value, issues, services)
                .await?;
        }
        // The lender is on the list like any other: what it may not do, its registration says.
        let started = Stranger::start(&self.nodes, self.demo.tcp, LENDER_DID, LENDER_NUMBER, LENDER_NAME)?;
        let stranger = stranger.insert(started);
        let card = stranger.ask(json!({ "do": "card" })).await?;
        self.admit(&root, &list, "lender", &card, &[], &["S01"]).await?;
        for (anchor, ..) in ANCHORS.iter().take(SIGNERS) {
            self.sign(anchor, &list).await?;
        }
        let path = papers.join("trust.json").display().to_string();
        let published = self
            .nodes
            .run("anchor", &["trust", "publish", &list, "--out", &path])
            .await?;
        let facts = json!({ "sequence": published.value.at("list"), "signers": SIGNERS });
        self.teller.tell("signed", "anchor", facts, json!({}));
        for role in CAST {
            self.nodes.run(role.name, &["trust", "import", &path]).await?;
        }
        stranger
            .ask(json!({ "do": "trust", "path": path, "root": fingerprint }))
            .await?;
        self.teller
            .tell("trusted", "demo", json!({ "count": CAST.len() }), json!({}));
        Ok(stranger)
    }

    /// The anchors found the network: a home and a card each, a first root of the three cards, signed by two. Gives the path of the
    /// root, and its fingerprint.
    pub(super) async fn found(&self, papers: &Path) -> Result<(String, Value), Failure> {
        let file = |name: &str| papers.join(name).display().to_string();
        let proposal = file("root.proposal");
        let mut cards = Vec::new();
        for (home, name, class) in ANCHORS {
            let card = file(home);
            let mut arguments = vec![
                "trust", "init", "--id", home, "--name", name, "--class", class, "--out", &card,
            ];
            if *home == "anchor" {
                arguments.push("--head");
            }
            self.nodes.run(home, &arguments).await?;
            self.teller.tell("anchor", home, json!({ "class": class }), json!({}));
            cards.push(card);
        }
        let mut arguments = vec!["trust", "propose", "root", &proposal];
        for card in &cards {
            arguments.extend(["--anchor", card.as_str()]);
        }
        self.nodes.run("anchor", &arguments).await?;
        for (home, ..) in ANCHORS.iter().take(SIGNERS) {
            self.sign(home, &proposal).await?;
        }
        let root = file("root.json");
        let published = self
            .nodes
            .run("anchor", &["trust", "publish", &proposal, "--out", &root])
            .await?;
        let fingerprint = published.value.at("fingerprint").clone();
        let facts = json!({ "count": ANCHORS.len(), "signers": SIGNERS });
        self.teller
            .tell("founded", "anchor", facts, json!({ "root": fingerprint }));
        Ok((root, fingerprint))
    }

    pub(super) async fn sign(&self, anchor: &str, proposal: &str) -> Result<(), Failure> {
        self.nodes
            .run(anchor, &["--yes", "trust", "sign", proposal])
            .await
            .map(drop)
    }

    pub(super) async fn admit(
        &self,
        root: &str,
        proposal: &str,
        name: &str,
        card: &Value,
        issues: &[&str],
        services: &[&str],
    ) -> Result<(), Failure> {
        let path = Path::new(proposal).with_file_name(format!("{name}.json"));
        home::write(&path, card.to_string().as_bytes())?;
        let path = path.display().to_string();
        let mut arguments = vec![
            "trust",
            "propose",
            "list",
            proposal,
            "--base",
            root,
            "--admit",
            path.as_str(),
        ];
        for name in issues {
            arguments.extend(["--issues", *name]);
        }
        for service in services {
            arguments.extend(["--service", *service]);
        }
        self.nodes.run("anchor", &arguments).await?;
        self.teller.tell(
            "listed",
            name,
            json!({ "issues": issues, "services": services }),
            json!({}),
        );
        Ok(())
    }

    pub(super) fn registers(&self) -> PathBuf {
        self.nodes.secrets().join("registers")
    }

    async fn import(&self) -> Result<(), Failure> {
        let folder = self.registers();
        population::write(
            &folder,
            self.demo.persons,
            self.demo.companies,
            self.demo.seed,
            clock::now(),
        )?;
        let facts = json!({ "persons": self.demo.persons, "companies": self.demo.companies, "seed": self.demo.seed });
        self.teller.tell("population", "demo", facts, json!({}));
        for (node, credential_type, file) in REGISTERS {
            let watch = Stopwatch::start();
            let path = folder.join(file).display().to_string();
            let arguments = ["issuer", "import", "--type", credential_type, &path];
            let said = self
                .nodes
                .run_watched(node, &arguments, !self.teller.output.json)
                .await?;
            let report = &said.value.at("report");
            let facts =
                json!({ "type": credential_type, "rows": report.at("rows"), "rejected": report.at("rejected") });
            self.teller
                .tell("imported", node, facts, json!({ "ms": watch.milliseconds() }));
        }
        Ok(())
    }

    /// Waits until every node that will check credentials has the lists of those it checks: a verdict before that is
    /// *could not decide*, as it must be.
    async fn mirror(&self) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        for (asker, issuers) in CHECKS {
            for issuer in *issuers {
                failures::mirrored(self, issuer, asker).await?;
            }
        }
        self.teller.tell(
            "lists",
            "demo",
            json!({ "count": CHECKS.len() }),
            json!({ "ms": watch.milliseconds() }),
        );
        Ok(())
    }

    // --- step 2: collecting ---

    /// An invitation of an issuer to collect a type.
    pub(super) async fn offer(&self, node: &str, credential_type: &str) -> Result<String, Failure> {
        Ok(self
            .nodes
            .run(node, &["issuer", "offer", "--type", credential_type])
            .await?
            .text("link"))
    }

    /// A personal offer with its activation code, which reaches the person outside the network.
    pub(super) async fn personal_offer(&self, number: &str) -> Result<(String, String), Failure> {
        let arguments = ["issuer", "offer", "--type", "C01", "--subject", "-"];
        let said = self
            .nodes
            .run_with("identity", &arguments, Some(&format!("{number}\n")))
            .await?;
        Ok((said.text("link"), said.text("code")))
    }

    /// Says yes for the person, by the public command, and shows what they were shown.
    async fn yes(&self, wallet: &str, id: &str) -> Result<Said, Failure> {
        let said = self.nodes.run(wallet, &["--yes", "wallet", "present", id]).await?;
        Ok(said)
    }

    async fn collect(&self) -> Result<(), Failure> {
        self.collect_identity().await?;
        for (node, credential_type) in [("tax", "C02"), ("tax", "C03"), ("loans", "C04")] {
            self.collect_by_identification("citizen", node, credential_type).await?;
        }
        self.open_company_wallet().await?;
        self.collect_by_identification("company", "guarantor", "C05").await
    }

    /// The citizen's proof of who they are, by an activation code.
    pub(super) async fn collect_identity(&self) -> Result<(), Failure> {
        let (link, code) = self.personal_offer(population::CITIZEN).await?;
        let codes = self.nodes.secrets().join("codes");
        home::Home::at(&codes)?.create()?;
        let file = codes.join("citizen");
        home::write(&file, code.as_bytes())?;
        let path = file.display().to_string();
        let watch = Stopwatch::start();
        self.nodes
            .run("citizen", &["wallet", "receive", &link, "--code-file", &path])
            .await?;
        self.collected("citizen", "identity", "C01", watch);
        Ok(())
    }

    fn collected(&self, wallet: &str, issuer: &str, credential_type: &str, watch: Stopwatch) {
        let facts = json!({ "issuer": issuer, "type": credential_type });
        self.teller
            .tell("collected", wallet, facts, json!({ "ms": watch.milliseconds() }));
    }

    /// Collects a type for which the holder shows another credential first, and decides so.
    pub(super) async fn collect_by_identification(
        &self,
        wallet: &str,
        node: &str,
        credential_type: &str,
    ) -> Result<(), Failure> {
        let link = self.offer(node, credential_type).await?;
        let watch = Stopwatch::start();
        let waiting = self.nodes.run(wallet, &["wallet", "receive", &link]).await?;
        let id = expect(&waiting, "waiting", "id", wallet)?;
        let said = self.yes(wallet, &id).await?;
        expect(&said, "collected", "credentials", wallet)?;
        self.collected(wallet, node, credential_type, watch);
        Ok(())
    }

    /// The company's wallet is opened by its general manager: texts are carried between the two wallets, and both screens
    /// show the same words.
    async fn open_company_wallet(&self) -> Result<(), Failure> {
        let link = self.offer("registry", "C06").await?;
        let watch = Stopwatch::start();
        let carry = self.nodes.run("company", &["wallet", "receive", &link]).await?;
        let text = expect(&carry, "carry", "text", "company")?;
        let words = carry.text("words");
        let waiting = self
            .nodes
            .run_with("citizen", &["wallet", "receive", "-"], Some(&format!("{text}\n")))
            .await?;
        let id = expect(&waiting, "waiting", "id", "citizen")?;
        let answer = self.yes("citizen", &id).await?;
        // The person compares the words on the two screens before they say yes; here the text they saw must hold them.
        if !answer.talk.contains(&words) {
            return Err(Failure::because(
                Problem::new(Code::KeysNotCovered, "citizen"),
                "the words differ",
            ));
        }
        self.teller
            .tell("words", "company", json!({}), json!({ "words": words }));
        let text = expect(&answer, "carry", "text", "citizen")?;
        let said = self
            .nodes
            .run_with("company", &["wallet", "receive", "-"], Some(&format!("{text}\n")))
            .await?;
        expect(&said, "collected", "credentials", "company")?;
        self.collected("company", "registry", "C06", watch);
        Ok(())
    }

    // --- step 3: presenting ---

    /// One presentation, from the asker's request to the asker's verdict.
    pub(super) async fn ask(&self, asker: &Ask<'_>) -> Result<Value, Failure> {
        let (link, session) = self.request(asker).await?;
        let watch = Stopwatch::start();
        let waiting = self.nodes.run(asker.wallet, &["wallet", "receive", &link]).await?;
        let id = expect(&waiting, "waiting", "id", asker.wallet)?;
        let facts = json!({ "service": asker.service, "wallet": asker.wallet });
        self.teller
            .tell("asked", asker.node, facts, json!({ "session": session }));
        let yes = Stopwatch::start();
        let said = self.yes(asker.wallet, &id).await?;
        expect(&said, "shared", "receipt", asker.wallet)?;
        self.teller.quote(&person(&said.talk));
        let detail = self.verdict(asker.node, &session).await?;
        self.tell_verdict(
            asker.node,
            asker.service,
            &detail,
            json!({ "ms": yes.milliseconds(), "all_ms": watch.milliseconds() }),
        );
        Ok(detail)
    }

    /// A request of an asker; gives link and session.
    pub(super) async fn request(&self, asker: &Ask<'_>) -> Result<(String, String), Failure> {
        let mut arguments = vec![
            "verifier",
            "request",
            "--service",
            asker.service,
            "--case",
            asker.case,
            "--subject",
            "-",
        ];
        for name in asker.types {
            arguments.extend(["--type", *name]);
        }
        let said = self
            .nodes
            .run_with(asker.node, &arguments, Some(&format!("{}\n", asker.subject)))
            .await?;
        Ok((said.text("link"), said.text("session")))
    }

    /// What the asker's node says of a session once it is decided.
    pub(super) async fn verdict(&self, node: &str, session: &str) -> Result<Value, Failure> {
        let said = self
            .nodes
            .try_run(node, &["verifier", "watch", session, "--seconds", "30"], None)
            .await?;
        match said.value.get("session") {
            Some(detail) => Ok(detail.clone()),
            None => Err(said.failure(node, "verifier watch")),
        }
    }

    pub(super) fn tell_verdict(&self, node: &str, service: &str, detail: &Value, run: Value) {
        let checks: Vec<Value> = detail
            .at("checks")
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| json!([line.at("credential"), line.at("check"), line.at("outcome")]))
            .collect();
        let facts = json!({
            "service": service, "verdict": detail.at("verdict"), "code": detail.at("code"), "checks": checks,
            "claims": detail.at("claims"), "notes": detail.at("notes"), "keep_ground": detail.at("keep_ground"),
        });
        if self.teller.output.json {
            self.teller.tell("verdict", node, facts, run);
            return;
        }
        let text = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
        let verdict = self
            .teller
            .output
            .catalogue
            .text(&format!("verdict-{}", text("verdict")), &[]);
        let all = checks.len();
        let ok = checks.iter().filter(|c| c[2] == "ok").count();
        let facts = json!({ "service": service, "verdict": verdict, "ok": ok, "all": all });
        self.teller.tell("verdict", node, facts, run);
        if !text("code").is_empty() {
            self.teller
                .quote(&format!("{}: {}", text("code"), self.teller.sentence(&text("code"))));
        }
        for (name, claims) in detail.at("claims").as_object().into_iter().flatten() {
            self.teller.quote(&format!("{name}: {claims}"));
        }
    }

    async fn present(&self) -> Result<(), Failure> {
        for asker in [
            Ask {
                node: "bank",
                wallet: "citizen",
                service: "S01",
                case: "LAN-2026-1",
                subject: population::CITIZEN,
                types: &[],
            },
            Ask {
                node: "bank",
                wallet: "citizen",
                service: "S15",
                case: "NETTBANK-1",
                subject: population::CITIZEN,
                types: &[],
            },
            Ask {
                node: "bank",
                wallet: "company",
                service: "K01",
                case: "KUNDE-2026-7",
                subject: population::CARRIER,
                types: &[],
            },
            Ask {
                node: "roads",
                wallet: "company",
                service: "S09",
                case: "LOYVE-2026-3",
                subject: population::CARRIER,
                types: &[],
            },
        ] {
            let detail = self.ask(&asker).await?;
            if detail.at("verdict") != "valid" {
                let code = detail
                    .at("code")
                    .as_str()
                    .and_then(Code::parse)
                    .unwrap_or(Code::Internal);
                return Err(Problem::new(code, asker.service).into());
            }
        }
        Ok(())
    }

    /// Leaves the network running until it is interrupted.
    async fn stay(&mut self) -> Result<(), Failure> {
        for Role { name, .. } in CAST {
            let path = self.nodes.home(name).display().to_string();
            let passphrase = self.nodes.secrets().join("passphrase").display().to_string();
            self.teller.tell(
                "reach",
                name,
                json!({}),
                json!({ "home": path, "passphrase_file": passphrase }),
            );
        }
        interrupted().await;
        Ok(())
    }
}

/// Who asks whom for what.
pub(super) struct Ask<'a> {
    pub(super) node: &'a str,
    pub(super) wallet: &'a str,
    pub(super) service: &'a str,
    pub(super) case: &'a str,
    pub(super) subject: &'a str,
    pub(super) types: &'a [&'a str],
}

/// What a wallet must have said, and the text at a key of it.
pub(super) fn expect(said: &Said, outcome: &str, key: &str, node: &str) -> Result<String, Failure> {
    if said.value.at("outcome") == outcome {
        return Ok(said.text(key));
    }
    let got = said.value.at("outcome").as_str().unwrap_or("nothing");
    Err(Failure::because(
        Problem::new(Code::UnexpectedMessage, node),
        format!("{got} instead of {outcome}"),
    ))
}

/// The text for the person out of what a command told on stderr: without log lines.
pub(super) fn person(talk: &str) -> String {
    talk.lines()
        .filter(|line| !line.starts_with('{'))
        .collect::<Vec<_>>()
        .join("\n")
}
