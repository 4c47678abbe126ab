//! `bevis demo sandbox`: a bank's own node with its API, and ten test persons with phones that do as each of them does, so that a
//! developer sees every outcome without a network of agencies.
//!
//! The bank's node is the real one, a process of its own: it signs requests, mirrors status lists over the network and checks
//! every answer as it does elsewhere. What is played, in this process, is the others: two issuers that the trust list names
//! ([`source`]), and the phones ([`phones`]). Nothing in the node knows that it stands in a sandbox.

mod persons;
mod phones;
mod source;

use crate::args::SandboxDemo;
use crate::clock;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::output::{At, Output};
use crate::service::Card;
use crate::tokens::{Scope, Tokens};
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Trust};
use credentials::{Code, Did, Problem, random};
use persons::PERSONS;
use serde_json::{Value, json};
use source::Source;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The bank.
const BANK: (&str, &str, &str) = ("did:web:sparebank.example", "213579045", "SYNTETISK SPAREBANK");
/// Services under which it may ask.
const SERVICES: &[&str] = &["S01"];
/// How long the bank's node may take to be ready.
const READY: Duration = Duration::from_secs(60);
/// How often it is looked whether it has the status lists.
const LOOK: Duration = Duration::from_millis(100);
/// How often the head of the trust list is signed anew: it counts for a day.
const HEAD: Duration = Duration::from_secs(6 * 3_600);
/// Days that the token counts.
const TOKEN_DAYS: u32 = 1;

/// Where the trust list is kept that all of the sandbox goes by.
pub(super) type Trusted = Arc<RwLock<Option<Arc<Trust>>>>;

/// The bank's node, its folder, and who vouches for it.
struct Sandbox {
    exe: PathBuf,
    folder: PathBuf,
    anchors: Ceremony,
    trust: Trusted,
}

/// Runs until it is interrupted.
pub async fn run(output: &Output, demo: &SandboxDemo) -> Result<u8, Failure> {
    let folder = std::path::absolute(&demo.folder).map_err(|e| Failure::file(&demo.folder, &e))?;
    let is_empty = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        return Err(Problem::new(Code::HomeExists, folder.display().to_string()).into());
    }
    Home::at(&folder)?.create()?;
    let anchors = Ceremony::of_three(&mut clock::System, clock::now())?;
    let mut sandbox = Sandbox {
        exe: std::env::current_exe().map_err(|e| Failure::because(Code::Internal, e))?,
        folder,
        anchors,
        trust: Trusted::default(),
    };
    tokio::select! {
        done = sandbox.play(output) => done,
        () = super::story::interrupted() => Ok(()),
    }?;
    Ok(0)
}

impl Sandbox {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command in the bank's home.
    fn bevis(&self) -> Command {
        let mut command = Command::new(&self.exe);
        command
            .arg("--home")
            .arg(self.path("bank"))
            .arg("--passphrase-file")
            .arg(self.path("passphrase"))
            .args(["--json", "--no-input"]);
        // A setting of whoever runs the sandbox must not reach into its node.
        for name in ["BEVIS_HOME", "BEVIS_PASSPHRASE_FILE", "BEVIS_NODE_LISTEN", "BEVIS_ROOT"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs one that has to succeed, and gives what it said.
    async fn said(&self, arguments: &[&str]) -> Result<Value, Failure> {
        let done = self.bevis().args(arguments).output().await;
        let done = done.map_err(|e| Failure::file(&self.exe, &e))?;
        let last = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines()
                .rev()
                .find_map(|line| serde_json::from_str::<Value>(line).ok())
        };
        match done.status.success() {
            true => Ok(last(&done.stdout).unwrap_or_default()),
            false => {
                let said = last(&done.stderr).unwrap_or_default();
                let code = said.at("code").as_str().and_then(Code::parse).unwrap_or(Code::Internal);
                let words = arguments.first().copied().unwrap_or_default();
                Err(Failure::because(
                    Problem::new(code, "bank"),
                    format!("`bevis {words}`: {said}"),
                ))
            }
        }
    }

    /// Starts the bank's node: what it says when it is ready, and the process, which ends with this one.
    async fn serve(&self) -> Result<(Value, Child), Failure> {
        let log = std::fs::File::create(self.path("bank.log")).map_err(|e| Failure::file(&self.folder, &e))?;
        let mut command = self.bevis();
        command
            .args(["serve", "--with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log));
        let mut child = command.spawn().map_err(|e| Failure::file(&self.exe, &e))?;
        let gone = || Failure::from(Problem::new(Code::Unreachable, "bank"));
        let stdout = child.stdout.take().ok_or_else(gone)?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(READY, lines.next_line())
            .await
            .map_err(|_| gone())?;
        let ready = ready.ok().flatten().and_then(|line| serde_json::from_str(&line).ok());
        Ok((ready.ok_or_else(gone)?, child))
    }

    async fn play(&mut self, output: &Output) -> Result<(), Failure> {
        output.say("sandbox-begins", &[]);
        let secret = crate::output::hex(&random::bytes::<16>(&mut clock::System));
        home::write(&self.path("passphrase"), secret.as_bytes())?;
        let root = self.path("root.json");
        home::write(&root, self.anchors.first()?.text().as_bytes())?;
        let root = root.display().to_string();
        let (did, number, name) = BANK;
        let who = ["--did", did, "--number", number, "--name", name, "--root", &root];
        let how = [
            "init",
            "--role",
            "verifier",
            "--profile",
            "test",
            "--pages",
            "127.0.0.1:0",
        ];
        self.said(&[&how[..], &who[..]].concat()).await?;
        let (ready, mut bank) = self.serve().await?;
        let fresh = Source::start("did:web:sandkassen.example", 29_990_000, "SANDKASSEN", 0, &self.trust).await?;
        let late = Source::start(
            "did:web:treg.example",
            29_990_001,
            "TREG SANDKASSE",
            3 * DAY,
            &self.trust,
        )
        .await?;
        self.list(&[&fresh, &late]).await?;
        self.mirrored(&[&fresh.did, &late.did]).await?;
        let (token, _) = Tokens::of(&Home::at(&self.path("bank"))?).add("sandbox", &Scope::ALL, TOKEN_DAYS)?;
        let phones = phones::start(self.trust.clone(), fresh, late).await?;
        let api = format!("{}/api/v1", ready.at("pages").as_str().unwrap_or_default());
        let text = format!("API={api}\nTOKEN={}\nPHONES={phones}\n", token.as_str());
        home::write(&self.path("env"), text.as_bytes())?;
        self.tell(output, &api, &phones);
        self.stay(&mut bank).await
    }

    /// A trust list with the bank and the issuers, which the bank's node takes in.
    async fn list(&mut self, sources: &[&Source]) -> Result<(), Failure> {
        let whoami = self.said(&["whoami"]).await?;
        let card: Card =
            serde_json::from_value(whoami.at("card").clone()).map_err(|e| Failure::because(Code::Internal, e))?;
        let mut bank = card.entry()?;
        bank.services = Registration::builtin().into_iter().map(Arc::new).collect();
        bank.services.retain(|service| SERVICES.contains(&service.id.as_str()));
        let now = clock::now();
        let mut organisations = vec![bank];
        organisations.extend(sources.iter().map(|source| source.entry()));
        let draft = Draft {
            sequence: 1,
            operator: "Sandkassen".to_owned(),
            issued: now,
            next_update: now.plus(300 * DAY),
            organisations,
        };
        let bundle = self.anchors.publish(&draft, now)?;
        self.take(&bundle.to_text()?).await
    }

    /// Hands a bundle to all of the sandbox.
    async fn take(&self, text: &str) -> Result<(), Failure> {
        let path = self.path("trust.json");
        home::write(&path, text.as_bytes())?;
        self.said(&["trust", "import", &path.display().to_string()]).await?;
        let bundle = credentials::trust::Bundle::parse(text.as_bytes())?;
        let now = clock::now();
        let known = self.anchors.client(&bundle, now)?;
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = known.trust();
        Ok(())
    }

    /// Waits until the bank's node has the status lists: a verdict before that is *could not decide*, as it must be.
    async fn mirrored(&self, issuers: &[&Did]) -> Result<(), Failure> {
        let wait = async {
            loop {
                let status = self.said(&["node", "status"]).await?;
                let lists = status.at("lists").as_array().cloned().unwrap_or_default();
                let has = |issuer: &&Did| {
                    let uri = source::list_uri(issuer);
                    lists
                        .iter()
                        .any(|list| list.at("uri") == &json!(uri) && !list.at("age_s").is_null())
                };
                if issuers.iter().all(has) {
                    return Ok::<(), Failure>(());
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(READY, wait).await {
            Ok(done) => done,
            Err(_) => Err(Problem::new(Code::StatusMissing, "bank").into()),
        }
    }

    fn tell(&self, output: &Output, api: &str, phones: &str) {
        let env = self.path("env").display().to_string();
        if output.json {
            let persons: Vec<Value> = PERSONS.iter().map(persons::Person::shown).collect();
            output.object(&json!({
                "schema": "sandbox/v1", "api": api, "phones": phones, "env": env, "bank": self.path("bank").display().to_string(),
                "persons": persons,
            }));
            return;
        }
        output.print("sandbox-ready", &[("api", api), ("phones", phones), ("env", &env)]);
        for person in PERSONS {
            let what = output.catalogue.text(&format!("sandbox-person-{}", person.name), &[]);
            output.data(&format!("  {:>2}  {}  {what}", person.phone, person.number));
        }
    }

    /// Keeps the trust list fresh until the bank's node ends.
    async fn stay(&mut self, bank: &mut Child) -> Result<(), Failure> {
        // Waiting for a process closes its input, and the node takes that for our end.
        let _tie = bank.stdin.take();
        loop {
            tokio::select! {
                ended = bank.wait() => {
                    let cause = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
                    return Err(Failure::because(Problem::new(Code::Unreachable, "bank"), cause));
                }
                () = tokio::time::sleep(HEAD) => {
                    let bundle = self.anchors.renew(clock::now())?;
                    self.take(&bundle.to_text()?).await?;
                }
            }
        }
    }
}
