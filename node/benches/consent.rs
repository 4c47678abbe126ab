//! Standing grants between real processes over loopback: `cargo bench -p node --bench consent [-- GRANTS]`. Asserts no figure.
//!
//! Each grant is asked for by the bank, given by one of four wallets, refreshed, and taken back. A *refresh* is one `verifier grants
//! refresh` as the command line sends it, from the write to the bank's local socket until its answer: the bank's checks, the way to the
//! source on a connection that stands, the source's whole order of checks with access log, counter and commit, the way back, the
//! bank's gate and its commit. A *withdrawal* is one `wallet withdraw` from the write to the wallet's socket until it says that source and
//! bank have both acknowledged: the source refuses from before its acknowledgement left, so that this is an upper bound.
//!
//! After each refresh the same number of durable writes of as many bytes is made in the same folder, as in the bench `present`.
//!
//! *Healed*: every packet to and from the source is dropped for a while, and all processes run on; the person takes a grant back; the
//! packets go through again, and the time runs from there until the wallet has its acknowledgement, by itself. For that the bench runs
//! in a network namespace of its own. Where there is none (`unshare -Urn`, `ip`, `nft`), it says so and leaves that line out.
//!
//! Output, one figure a line, separated by tabs: name, value, unit, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measuring is what this is for"
)]

mod town;

use node::service::{Command, Consent};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use town::{Anchors, Node, text, yes};

const WALLETS: usize = 4;
/// Grants, and withdrawals.
const GRANTS: usize = 200;
/// Refreshes of each.
const REFRESHES: usize = 4;
/// Grants that a PID's copies are enough for.
const PID_COPIES: usize = 16;
/// Time that an exchange takes at least: the network lets one peer make 16 requests a second for long.
const PACE: Duration = Duration::from_millis(75);
/// How long the source is not reached, in seconds: less than a connection waits for a sign of life, and much more.
const PARTED: [u64; 4] = [5, 20, 45, 120];
/// Set where the network is the bench's own.
const INSIDE: &str = "CONSENT_INSIDE";

fn main() {
    if std::env::var_os(INSIDE).is_none() && is_own_network() {
        let again = ["-Urn", "sh", "-ec", "ip link set lo up; exec \"$@\"", "sh"];
        let status = std::process::Command::new("unshare")
            .args(again)
            .arg(std::env::current_exe().unwrap())
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .status()
            .unwrap();
        std::process::exit(status.code().unwrap_or(1));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let grants = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(GRANTS);
    let folder = tempfile::Builder::new()
        .prefix("consent-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let mut town = Town::begin(folder.path()).await;
    let mut samples = Samples::default();
    // The first finds everything new and does not count.
    town.once(0, &mut Samples::default()).await;
    for number in 1..=grants {
        town.once(number, &mut samples).await;
    }
    if std::env::var_os(INSIDE).is_some() {
        for seconds in PARTED {
            let healed = town.healed(Duration::from_secs(seconds)).await;
            samples.healed.push(healed);
        }
    } else {
        eprintln!("no network namespace with nftables here: what heals is not measured");
    }
    samples.print();
}

#[derive(Default)]
struct Samples {
    refresh: Vec<Duration>,
    writes: Vec<Duration>,
    commits: u64,
    withdrawal: Vec<Duration>,
    healed: Vec<Duration>,
}

impl Samples {
    fn print(&self) {
        for (what, samples) in [
            ("refresh on a warm connection", &self.refresh),
            ("refresh: as many durable writes", &self.writes),
            ("withdrawal to acknowledged by both", &self.withdrawal),
        ] {
            let mut sorted = samples.clone();
            sorted.sort_unstable();
            for (percentile, place) in [("p50", 50), ("p99", 99)] {
                let at = sorted[(sorted.len() * place / 100).min(sorted.len() - 1)];
                println!(
                    "{what}, {percentile}\t{:.2}\tms\t{}",
                    at.as_secs_f64() * 1_000.0,
                    sorted.len()
                );
            }
        }
        let each = self.commits as f64 / self.refresh.len() as f64;
        println!("refresh: commits\t{each:.2}\t-\t{}", self.refresh.len());
        if let Some(last) = self.healed.iter().max() {
            println!(
                "healed to the source refuses, p100\t{}\tms\t{}",
                last.as_millis(),
                self.healed.len()
            );
        }
    }
}

/// Whether a network of its own, whose packets can be dropped, may be made here.
fn is_own_network() -> bool {
    let trial = "ip link set lo up; nft add table inet trial";
    let tried = std::process::Command::new("unshare")
        .args(["-Urn", "sh", "-ec", trial])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// Nothing reaches a node or leaves it, until this is dropped.
struct Cut;

impl Cut {
    fn around(node: &Node) -> Cut {
        let card = node.run(&["whoami"])["card"].clone();
        let addresses = card["addresses"].as_array().unwrap().iter();
        let ports = addresses.map(|address| text(address).split('/').nth(4).unwrap().to_owned());
        let ports: Vec<String> = ports.collect();
        let ports = ports.join(", ");
        rules(&format!(
            "table inet cut {{\nchain input {{\ntype filter hook input priority 0;
                meta l4proto {{ tcp, udp }} th dport {{ {ports} }} drop
                meta l4proto {{ tcp, udp }} th sport {{ {ports} }} drop
            }}\n}}"
        ));
        Cut
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        rules("delete table inet cut");
    }
}

fn rules(text: &str) {
    let mut nft = std::process::Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "{text}");
}

/// Two issuers, a bank and wallets.
struct Town {
    identity: Node,
    loans: Node,
    bank: Node,
    wallets: Vec<Node>,
    numbers: Vec<String>,
    writes: File,
}

impl Town {
    async fn begin(folder: &Path) -> Town {
        std::fs::write(folder.join("passphrase"), "korrekt hest batteri\n").unwrap();
        let anchors = Anchors::found(folder);
        let root = anchors.root.to_str().unwrap();
        let organisation = |name: &str, number: &str, more: &[&str]| {
            let node = Node::at(folder, name);
            let own = format!("did:web:{name}.example");
            let who = ["--did", &own, "--number", number, "--name", name];
            node.run(&[&["init", "--profile", "test", "--root", root], &who[..], more].concat());
            node
        };
        let mut identity = organisation("identity", "991825827", &["--role", "issuer", "--issues", "C01"]);
        let mut loans = organisation("loans", "960885406", &["--role", "issuer", "--issues", "C04"]);
        let mut bank = organisation("bank", "213579045", &["--role", "verifier"]);
        for (node, more) in [
            (&mut identity, &["--issues", "C01"][..]),
            (&mut loans, &["--issues", "C04", "--service", "K02"]),
            (&mut bank, &["--service", "S15"]),
        ] {
            node.serve();
            let card = folder.join("card.json");
            std::fs::write(&card, node.run(&["whoami"]).to_string()).unwrap();
            let mut arguments = vec!["--admit", card.to_str().unwrap()];
            arguments.extend(more);
            anchors.propose(&arguments);
        }
        let document = anchors.publish("list.proposal", "trust.json");
        let document = document.to_str().unwrap();
        let registers = folder.join("registers");
        let out = registers.to_str().unwrap();
        let population = [
            "demo",
            "population",
            "--persons",
            "40",
            "--companies",
            "12",
            "--out",
            out,
        ];
        anchors.homes[0].run(&population);
        let mut wallets = Vec::new();
        for number in 0..WALLETS {
            let wallet = Node::at(folder, &format!("wallet-{number}"));
            wallet.run(&["init", "--profile", "test", "--root", root, "--role", "wallet"]);
            wallets.push(wallet);
        }
        for node in [&identity, &loans, &bank].into_iter().chain(&wallets) {
            node.run(&["trust", "import", document]);
        }
        for (node, what, file) in [(&identity, "C01", "pid.jsonl"), (&loans, "C04", "loan.jsonl")] {
            let file = registers.join(file);
            node.run(&["issuer", "import", "--type", what, file.to_str().unwrap()]);
        }
        let borrowers = std::fs::read_to_string(registers.join("loan.jsonl")).unwrap();
        let numbers = borrowers.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["personidentifikator"].as_str().unwrap().to_owned()
        });
        let mut town = Town {
            identity,
            loans,
            bank,
            numbers: numbers.take(WALLETS).collect(),
            wallets,
            writes: File::create(folder.join("writes")).unwrap(),
        };
        town.loans.mirrored(1).await;
        for wallet in &mut town.wallets {
            wallet.serve();
        }
        town
    }

    /// Copies enough of who the person is, for the next grants of this wallet.
    async fn identify(&self, wallet: usize) {
        let offer = Command::Offer {
            credential_type: "C01".to_owned(),
            subject: Some(self.numbers[wallet].clone()),
        };
        let offer = self.identity.ask(&offer).await;
        let taken = Command::WalletReceive {
            link: text(&offer["link"]),
            code: Some(text(&offer["code"])),
        };
        assert_eq!(self.wallets[wallet].ask(&taken).await["outcome"], "collected");
    }

    /// A grant: its name in the wallet, and at the bank.
    async fn granted(&self, number: usize) -> (usize, String, String) {
        let wallet = number % WALLETS;
        if (number / WALLETS).is_multiple_of(PID_COPIES) {
            self.identify(wallet).await;
        }
        let case = format!("NETTBANK-{number}");
        let asked = Consent::Request {
            service: "S15".to_owned(),
            case: case.clone(),
            subject: self.numbers[wallet].clone(),
            types: Vec::new(),
            claims: Vec::new(),
            valid_seconds: None,
            issuer: None,
            seconds: None,
            uses_per_day: None,
        };
        let asked = self.bank.ask(&Command::Consent { what: asked }).await;
        let link = text(&asked["link"]);
        let received = self.wallets[wallet]
            .ask(&Command::WalletReceive { link, code: None })
            .await;
        let granted = self.wallets[wallet].ask(&yes(&text(&received["id"]), None)).await;
        assert_eq!(granted["outcome"], "granted", "{granted}");
        let given = self.bank.ask(&Command::Consent { what: Consent::Given }).await;
        let given = given["grants"]
            .as_array()
            .unwrap()
            .iter()
            .find(|grant| grant["case"] == case.as_str());
        (wallet, text(&granted["grant"]), text(&given.unwrap()["name"]))
    }

    async fn once(&mut self, number: usize, samples: &mut Samples) {
        let (wallet, id, name) = self.granted(number).await;
        let mut bank = self.bank.connect().await;
        for count in 0..REFRESHES {
            let next = tokio::time::Instant::now() + PACE;
            let before = self.journals().await;
            let refresh = Consent::Refresh {
                name: name.clone(),
                claims: Vec::new(),
                even_so: false,
            };
            let refresh = Command::Consent { what: refresh };
            let began = Instant::now();
            let released = bank.execute(&refresh).await.map_err(|failure| failure.problem).unwrap();
            let took = began.elapsed();
            assert_eq!(released["release"]["number"], count as u64 + 1, "{released}");
            let after = self.journals().await;
            samples.refresh.push(took);
            let began = Instant::now();
            for (before, after) in before.iter().zip(after) {
                let commits = after.0 - before.0;
                samples.commits += commits;
                let each = (after.1 - before.1).checked_div(commits).unwrap_or(0);
                for _ in 0..commits {
                    self.writes.write_all(&vec![0x5a; each as usize]).unwrap();
                    self.writes.sync_data().unwrap();
                }
            }
            samples.writes.push(began.elapsed());
            tokio::time::sleep_until(next).await;
        }
        let mut holder = self.wallets[wallet].connect().await;
        let withdraw = Command::Consent {
            what: Consent::Withdraw { id },
        };
        let began = Instant::now();
        let withdrawn = holder
            .execute(&withdraw)
            .await
            .map_err(|failure| failure.problem)
            .unwrap();
        samples.withdrawal.push(began.elapsed());
        let is_told = |who: &str| withdrawn["grant"][who] == true;
        assert!(is_told("issuer_told") && is_told("asker_told"), "{withdrawn}");
    }

    /// From when the source is reached again until the wallet has its acknowledgement.
    async fn healed(&mut self, parted: Duration) -> Duration {
        let (wallet, id, _) = self.granted(0).await;
        let cut = Cut::around(&self.loans);
        let healing = tokio::time::Instant::now() + parted;
        let mut holder = self.wallets[wallet].connect().await;
        let withdraw = Consent::Withdraw { id: id.clone() };
        let withdrawing = tokio::spawn(async move {
            let withdraw = Command::Consent { what: withdraw };
            holder
                .execute(&withdraw)
                .await
                .map_err(|failure| failure.problem)
                .unwrap()
        });
        tokio::time::sleep_until(healing).await;
        drop(cut);
        let began = Instant::now();
        loop {
            let list = self.wallets[wallet]
                .ask(&Command::Consent { what: Consent::Grants })
                .await;
            let own = list["grants"]
                .as_array()
                .unwrap()
                .iter()
                .find(|grant| grant["id"] == id.as_str());
            if own.unwrap()["issuer_told"] == true {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = began.elapsed();
        withdrawing.await.unwrap();
        took
    }

    /// Commits and bytes of the journals of source and bank.
    async fn journals(&self) -> [(u64, u64); 2] {
        let mut journals = [(0, 0); 2];
        for (journal, node) in journals.iter_mut().zip([&self.loans, &self.bank]) {
            let store = node.ask(&Command::Status).await["store"].clone();
            *journal = (store["sequence"].as_u64().unwrap(), store["bytes"].as_u64().unwrap());
        }
        journals
    }
}
