//! From the holder's yes to the bank's verdict, over loopback, between real processes: `cargo bench -p node --bench present`.
//! Asserts no figure.
//!
//! One yes is one `wallet present` as the command line sends it: this program writes it to the wallet's local socket, and takes the
//! time from that write until the bank's own socket says that a session has changed. Both ends of the time are read here, on one
//! clock. The wallet checks that the text is still the one that was read, selects, decides, signs and commits; the answer goes
//! over QUIC; the bank decrypts it, runs the whole gate, signs the receipt and commits. Every presentation is of another copy to
//! another request.
//!
//! *Warm*: on the connection by which the request was fetched. *Cold*: the wallet's process was started anew between reading and
//! the yes, so that the connection is made, greeted and used within the time.
//!
//! After each presentation the same number of durable writes of as many bytes is made in the same folder, as the store makes
//! them: appended, then fdatasync. How many and how long is what both stores say of their journals. The wallet's second commit,
//! of the receipt, comes after the verdict and counts for nothing; commits of a wallet are taken to be of equal length.
//!
//! Output, one figure a line, separated by tabs: name, value, unit, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measuring is what this is for"
)]

mod town;

use node::service::Command;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use town::{Anchors, Node, text, yes};

/// Wallets: the network lets one peer make 16 requests a second for long.
const WALLETS: usize = 4;
/// Time that a presentation takes at least, the untimed rest of it included: two requests each, four wallets in turns.
const PACE: Duration = Duration::from_millis(35);
/// The same where each wallet starts anew: a bank lets one peer greet it once a second for long.
const COLD_PACE: Duration = Duration::from_millis(275);
/// Credentials that each wallet collects, one after the other, of 8 copies each.
const WARM_BATCHES: usize = 7;
const COLD_BATCHES: usize = 3;
const COPIES: usize = 8;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::Builder::new()
        .prefix("present-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let mut town = Town::begin(folder.path()).await;
    // The first presentations find everything new, on disk and in memory, and do not count.
    for wallet in 0..WALLETS {
        town.collect(wallet).await;
        for _ in 0..COPIES {
            town.present(wallet, false, &mut Samples::default()).await;
        }
    }
    let [mut warm, mut cold] = [Samples::default(), Samples::default()];
    for (batches, is_cold, samples) in [(WARM_BATCHES, false, &mut warm), (COLD_BATCHES, true, &mut cold)] {
        for _ in 0..batches {
            for wallet in 0..WALLETS {
                town.collect(wallet).await;
            }
            for _ in 0..COPIES {
                for wallet in 0..WALLETS {
                    let next = tokio::time::Instant::now() + if is_cold { COLD_PACE } else { PACE };
                    town.present(wallet, is_cold, samples).await;
                    tokio::time::sleep_until(next).await;
                }
            }
        }
    }
    warm.print("warm");
    cold.print("cold");
    for (name, node) in town.all() {
        let status = node.ask(&Command::Status).await;
        println!("resident, {name} after the load\t{}\tKiB\t1", status["rss_kib"]);
    }
}

#[derive(Default)]
struct Samples {
    /// Yes to verdict.
    verdict: Vec<Duration>,
    /// Yes to the receipt in the wallet.
    receipt: Vec<Duration>,
    /// As many durable writes.
    writes: Vec<Duration>,
    commits: u64,
    bytes: u64,
}

impl Samples {
    fn print(&self, name: &str) {
        let count = self.verdict.len();
        let line = |what: &str, value: f64, unit: &str| println!("{name}: {what}\t{value:.2}\t{unit}\t{count}");
        for (what, samples) in [
            ("yes to verdict", &self.verdict),
            ("yes to receipt", &self.receipt),
            ("as many durable writes", &self.writes),
        ] {
            for (percentile, place) in [("p50", 50), ("p95", 95)] {
                let mut sorted = samples.clone();
                sorted.sort_unstable();
                let at = sorted[(sorted.len() * place / 100).min(sorted.len() - 1)];
                line(&format!("{what}, {percentile}"), at.as_secs_f64() * 1_000.0, "ms");
            }
        }
        line("commits before the verdict", self.commits as f64 / count as f64, "-");
        line("bytes in them", self.bytes as f64 / count as f64, "B");
    }
}

/// Two issuers, a bank and wallets.
struct Town {
    identity: Node,
    tax: Node,
    bank: Node,
    wallets: Vec<Node>,
    numbers: Vec<String>,
    asked: usize,
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
        let mut tax = organisation("tax", "974761076", &["--role", "issuer", "--issues", "C02"]);
        let mut bank = organisation("bank", "213579045", &["--role", "verifier"]);
        for (node, more) in [
            (&mut identity, ["--issues", "C01"]),
            (&mut tax, ["--issues", "C02"]),
            (&mut bank, ["--service", "S01"]),
        ] {
            node.serve();
            let card = folder.join("card.json");
            std::fs::write(&card, node.run(&["whoami"]).to_string()).unwrap();
            let mut arguments = vec!["--admit", card.to_str().unwrap()];
            arguments.extend(more);
            if node.home.path().ends_with("tax") {
                arguments.extend(["--service", "K02"]);
            }
            anchors.propose(&arguments);
        }
        let document = anchors.publish("list.proposal", "trust.json");
        let document = document.to_str().unwrap();
        let registers = folder.join("registers");
        let out = registers.to_str().unwrap();
        anchors.homes[0].run(&[
            "demo",
            "population",
            "--persons",
            "40",
            "--companies",
            "12",
            "--out",
            out,
        ]);
        let mut wallets = Vec::new();
        for number in 0..WALLETS {
            let wallet = Node::at(folder, &format!("wallet-{number}"));
            wallet.run(&["init", "--profile", "test", "--root", root, "--role", "wallet"]);
            wallets.push(wallet);
        }
        for node in [&identity, &tax, &bank].into_iter().chain(&wallets) {
            node.run(&["trust", "import", document]);
        }
        for (node, what, file) in [(&identity, "C01", "pid.jsonl"), (&tax, "C02", "income.jsonl")] {
            node.run(&[
                "issuer",
                "import",
                "--type",
                what,
                registers.join(file).to_str().unwrap(),
            ]);
        }
        let incomes = std::fs::read_to_string(registers.join("income.jsonl")).unwrap();
        let numbers = incomes.lines().filter_map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            let has_income = row["oppgaveInntektsmottaker"][0]["inntekt"][0].is_object();
            has_income.then(|| row["personidentifikator"].as_str().unwrap().to_owned())
        });
        let mut town = Town {
            identity,
            tax,
            bank,
            numbers: numbers.take(WALLETS).collect(),
            wallets,
            asked: 0,
            writes: File::create(folder.join("writes")).unwrap(),
        };
        town.bank.mirrored(1).await;
        for number in 0..WALLETS {
            town.wallets[number].serve();
            let offer = Command::Offer {
                credential_type: "C01".to_owned(),
                subject: Some(town.numbers[number].clone()),
            };
            let offer = town.identity.ask(&offer).await;
            let taken = Command::WalletReceive {
                link: text(&offer["link"]),
                code: Some(text(&offer["code"])),
            };
            assert_eq!(town.wallets[number].ask(&taken).await["outcome"], "collected");
        }
        town
    }

    fn all(&self) -> Vec<(String, &Node)> {
        let wallets = self.wallets.iter().take(1).map(|wallet| ("wallet".to_owned(), wallet));
        [("issuer", &self.tax), ("bank", &self.bank)]
            .into_iter()
            .map(|(name, node)| (name.to_owned(), node))
            .chain(wallets)
            .collect()
    }

    /// A new income credential of as many copies.
    async fn collect(&mut self, wallet: usize) {
        let offer = Command::Offer {
            credential_type: "C02".to_owned(),
            subject: None,
        };
        let link = text(&self.tax.ask(&offer).await["link"]);
        let wallet = &self.wallets[wallet];
        let id = text(&wallet.ask(&Command::WalletReceive { link, code: None }).await["id"]);
        let collected = wallet.ask(&yes(&id, None)).await;
        assert_eq!(collected["outcome"], "collected", "{collected}");
    }

    async fn present(&mut self, wallet: usize, is_cold: bool, samples: &mut Samples) {
        self.asked += 1;
        let claim = |names: &[&str]| {
            let names = names.iter().map(|name| (*name != "[]").then(|| (*name).to_owned()));
            credentials::schema::Path(names.collect())
        };
        let list = "oppgaveInntektsmottaker";
        let asked = Command::VerifierRequest {
            service: "S01".to_owned(),
            case: format!("LAN-{}", self.asked),
            subject: self.numbers[wallet].clone(),
            types: vec!["C02".to_owned()],
            claims: vec![
                claim(&["personidentifikator"]),
                claim(&[list, "[]", "kalendermaaned"]),
                claim(&[list, "[]", "inntekt", "[]", "fordel"]),
                claim(&[list, "[]", "inntekt", "[]", "beloep"]),
            ],
            valid_seconds: None,
            pair: false,
            by_mailbox: false,
        };
        let asked = self.bank.ask(&asked).await;
        let session = text(&asked["session"]);
        let link = text(&asked["link"]);
        let received = self.wallets[wallet]
            .ask(&Command::WalletReceive { link, code: None })
            .await;
        let id = text(&received["id"]);
        let read = Command::WalletText {
            id: id.clone(),
            language: "nb".to_owned(),
        };
        let read = text(&self.wallets[wallet].ask(&read).await["text"]);
        let shown = node::output::hex(&node::output::sha256(read.as_bytes()));
        if is_cold {
            self.wallets[wallet].stop();
            self.wallets[wallet].serve();
            // What a start does by itself is over when the lists are there; the bank has no connection yet.
            self.wallets[wallet].mirrored(2).await;
        }

        let before = self.journals(wallet).await;
        let look = Command::VerifierSession { id: session };
        let since = self.bank.ask(&look).await["revision"].as_u64().unwrap();
        let mut watcher = self.bank.connect().await;
        let watching = tokio::spawn(async move {
            let watch = Command::VerifierWatch { since };
            let seen = watcher
                .execute(&watch)
                .await
                .map_err(|failure| failure.problem.code)
                .unwrap();
            let at = Instant::now();
            assert!(seen["revision"].as_u64().unwrap() > since);
            at
        });
        let mut holder = self.wallets[wallet].connect().await;
        let begun = Instant::now();
        let shared = holder.execute(&yes(&id, Some(shown))).await;
        let receipt = begun.elapsed();
        let shared = shared.map_err(|failure| failure.problem.code).unwrap();
        let verdict = watching.await.unwrap().duration_since(begun);
        assert_eq!(shared["receipt"]["verdict"], "valid", "{shared}");
        assert_eq!(self.bank.ask(&look).await["session"]["verdict"], "valid");

        let after = self.journals(wallet).await;
        let commits = [after[0].0 - before[0].0, after[1].0 - before[1].0];
        let bytes = [after[0].1 - before[0].1, after[1].1 - before[1].1];
        assert!(commits[0] >= 2 && commits[1] >= 1, "{commits:?}");
        let each = bytes[0] / commits[0];
        let needed = [
            vec![each; commits[0] as usize - 1],
            vec![bytes[1] / commits[1]; commits[1] as usize],
        ]
        .concat();
        let began = Instant::now();
        for bytes in &needed {
            self.writes.write_all(&vec![0x5a; *bytes as usize]).unwrap();
            self.writes.sync_data().unwrap();
        }
        samples.writes.push(began.elapsed());
        samples.commits += needed.len() as u64;
        samples.bytes += needed.iter().sum::<u64>();
        samples.verdict.push(verdict);
        samples.receipt.push(receipt);
    }

    /// Commits and bytes of the journals of a wallet and of the bank.
    async fn journals(&self, wallet: usize) -> [(u64, u64); 2] {
        let mut journals = [(0, 0); 2];
        for (journal, node) in journals.iter_mut().zip([&self.wallets[wallet], &self.bank]) {
            let store = node.ask(&Command::Status).await["store"].clone();
            *journal = (store["sequence"].as_u64().unwrap(), store["bytes"].as_u64().unwrap());
        }
        journals
    }
}
