//! A network by hand: the homes of anchors, organisations and wallets, each step by the command that its operator or its
//! holder types.

use crate::process::{Home, Said, folder};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

/// An organisation of the tests.
pub(crate) struct Organisation {
    /// Name of its home.
    pub(crate) home: &'static str,
    /// organisasjonsnummer.
    pub(crate) number: &'static str,
    /// Registered name.
    pub(crate) name: &'static str,
    /// did:web.
    pub(crate) did: &'static str,
    /// Types it issues.
    pub(crate) issues: &'static [&'static str],
    /// Services it asks under, of the built-in ones.
    pub(crate) services: &'static [&'static str],
}

impl Organisation {
    /// An issuer that identifies people by their person-identification credential.
    pub(crate) const fn issuer(
        home: &'static str,
        number: &'static str,
        name: &'static str,
        did: &'static str,
        issues: &'static [&'static str],
    ) -> Organisation {
        Organisation {
            home,
            number,
            name,
            did,
            issues,
            services: &["K02"],
        }
    }
}

/// Issues C01.
pub(crate) const IDENTITY: Organisation = Organisation {
    home: "identity",
    number: "991825827",
    name: "Digitaliseringsdirektoratet",
    did: "did:web:digdir.example",
    issues: &["C01"],
    services: &[],
};
/// Issues C02 and C03.
pub(crate) const TAX: Organisation = Organisation {
    home: "tax",
    number: "974761076",
    name: "Skatteetaten",
    did: "did:web:skatteetaten.example",
    issues: &["C02", "C03"],
    services: &["K02"],
};
/// Issues C04.
pub(crate) const LOANS: Organisation = Organisation {
    home: "loans",
    number: "960885406",
    name: "Lånekassen",
    did: "did:web:lanekassen.example",
    issues: &["C04"],
    services: &["K02"],
};
/// Issues C05.
pub(crate) const GUARANTOR: Organisation = Organisation {
    home: "guarantor",
    number: "315902738",
    name: "SOLID GARANTI ASA",
    did: "did:web:solidgaranti.example",
    issues: &["C05"],
    services: &["K02"],
};
/// Issues C06.
pub(crate) const REGISTRY: Organisation = Organisation {
    home: "registry",
    number: "974760673",
    name: "Brønnøysundregistrene",
    did: "did:web:brreg.example",
    issues: &["C06"],
    services: &["K02"],
};
/// Asks under S01, S15 and K01.
pub(crate) const BANK: Organisation = Organisation {
    home: "bank",
    number: "213579045",
    name: "SYNTETISK SPAREBANK",
    did: "did:web:sparebank.example",
    issues: &[],
    services: &["S01", "S15", "K01"],
};
/// Asks under S09.
pub(crate) const ROADS: Organisation = Organisation {
    home: "roads",
    number: "971032081",
    name: "Statens vegvesen",
    did: "did:web:vegvesen.example",
    issues: &[],
    services: &["S09"],
};

/// Register files: type and file.
pub(crate) const REGISTERS: &[(&str, &str)] = &[
    ("C01", "pid.jsonl"),
    ("C02", "income.jsonl"),
    ("C03", "tax.jsonl"),
    ("C04", "loan.jsonl"),
    ("C05", "guarantee.jsonl"),
    ("C06", "company.jsonl"),
];

/// Polls of a running node before a test gives up: each is a process of its own, some ten milliseconds.
const POLLS: usize = 3_000;

/// The text of a JSON value that must be one.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Who vouches in the tests: home, name, class. Two of the three have to sign.
pub(crate) const ANCHORS: [(&str, &str, &str); 3] = [
    ("anchor", "Tilsynet for testnett", "agency"),
    ("anchor-bank", "Bankenes testforening", "bank"),
    ("anchor-other", "Forbrukernes testutvalg", "other"),
];
/// Anchors that sign.
const SIGNERS: usize = 2;

/// A folder with three anchors who founded a network.
pub(crate) struct Network {
    folder: TempDir,
    anchors: [Home; 3],
    root: PathBuf,
    fingerprint: String,
    /// DIDs that a proposal has admitted.
    listed: Mutex<BTreeSet<String>>,
}

impl Network {
    /// The anchors' ceremony: their keys and cards, a first root, signed by two.
    pub(crate) fn new() -> Network {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        let anchors = ANCHORS.map(|(home, name, class)| {
            let anchor = Home::new(folder.path(), home);
            let card = path(&format!("{home}.card"));
            let mut arguments = vec!["trust", "init", "--profile", "test", "--id", home, "--name", name];
            arguments.extend(["--class", class, "--out", argument(&card)]);
            if home == "anchor" {
                arguments.push("--head");
            }
            anchor.ok(&arguments);
            anchor
        });
        let proposal = path("root.proposal");
        let cards = ANCHORS.map(|(home, ..)| path(&format!("{home}.card")));
        let mut arguments = vec!["trust", "propose", "root", argument(&proposal)];
        for card in &cards {
            arguments.extend(["--anchor", argument(card)]);
        }
        anchors[0].ok(&arguments);
        let root = path("root.json");
        let published = publish(&anchors, &proposal, &root);
        let fingerprint = text(&published["fingerprint"]);
        Network {
            root,
            fingerprint,
            anchors,
            listed: Mutex::default(),
            folder,
        }
    }

    /// One whose homes start from another first root: a test that holds its keys signs the trust list itself.
    pub(crate) fn trusting(root: &str) -> Network {
        let network = Network::new();
        let path = network.folder().join("other-root.json");
        std::fs::write(&path, root).expect("writes");
        Network { root: path, ..network }
    }

    /// The folder of all homes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first anchor's home, which has the head key.
    pub(crate) fn anchor(&self) -> &Home {
        &self.anchors[0]
    }

    /// Every anchor's home.
    pub(crate) fn anchors(&self) -> &[Home; 3] {
        &self.anchors
    }

    /// The file with the first root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The fingerprint of the first root that the anchors made.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// `bevis init` of an organisation, for the roles that it has.
    pub(crate) fn init(&self, organisation: &Organisation, more: &[&str]) -> Home {
        let mut arguments = vec![
            "--did",
            organisation.did,
            "--number",
            organisation.number,
            "--name",
            organisation.name,
        ];
        arguments.extend([
            "--role",
            if organisation.issues.is_empty() {
                "verifier"
            } else {
                "issuer"
            },
        ]);
        for name in organisation.issues {
            arguments.extend(["--issues", name]);
        }
        arguments.extend(more);
        self.make(organisation.home, &arguments)
    }

    /// `bevis init` of a wallet.
    pub(crate) fn wallet(&self, name: &str, more: &[&str]) -> Home {
        let mut arguments = vec!["--role", "wallet"];
        arguments.extend(more);
        self.make(name, &arguments)
    }

    fn make(&self, name: &str, more: &[&str]) -> Home {
        let home = Home::new(self.folder(), name);
        let mut arguments = vec!["init", "--profile", "test", "--root", argument(&self.root)];
        arguments.extend(more);
        home.ok(&arguments);
        // Status is mirrored every second: a test that waits for a wallet to see a revocation need not wait five minutes.
        let config = home.path().join("bevis.toml");
        let before = std::fs::read_to_string(&config).expect("reads");
        let after = before.replace("every_seconds = 300", "every_seconds = 1");
        assert_ne!(before, after, "the key stands in a new configuration");
        std::fs::write(&config, after).expect("writes");
        home
    }

    /// `bevis whoami` at the organisation, then its admission, or its new card, in the proposal of the next list.
    pub(crate) fn list(&self, home: &Home, issues: &[&str], services: &[&str]) {
        let card = self.folder().join("card.json");
        std::fs::write(&card, home.ok(&["whoami"]).to_string()).expect("writes");
        self.list_card(&card, issues, services);
    }

    /// The same for a card in a file.
    pub(crate) fn list_card(&self, card: &Path, issues: &[&str], services: &[&str]) {
        let content: Value = serde_json::from_slice(&std::fs::read(card).expect("reads")).expect("JSON");
        let did = content["card"]["did"]
            .as_str()
            .or(content["did"].as_str())
            .expect("a card");
        let is_new = self.listed.lock().expect("held by one").insert(did.to_owned());
        let mut arguments = vec![if is_new { "--admit" } else { "--update" }, argument(card)];
        for name in issues {
            arguments.extend(["--issues", name]);
        }
        for service in services {
            arguments.extend(["--service", service]);
        }
        self.propose(&arguments);
    }

    /// `bevis trust propose list`: the next list is begun, or changed further.
    pub(crate) fn propose(&self, changes: &[&str]) {
        let proposal = self.folder().join("list.proposal");
        let mut arguments = vec!["trust", "propose", "list", argument(&proposal)];
        arguments.extend(changes);
        self.anchor().ok(&arguments);
    }

    /// Two anchors sign the next list (the same one again, when nothing was proposed), and the first one confirms it: the file with
    /// the bundle.
    pub(crate) fn sign(&self) -> PathBuf {
        let (proposal, bundle) = (self.folder().join("list.proposal"), self.folder().join("trust.json"));
        if !proposal.exists() {
            self.propose(&[]);
        }
        publish(&self.anchors, &proposal, &bundle);
        std::fs::remove_file(&proposal).expect("is there");
        bundle
    }

    /// Starts organisations, lists them, signs the document and has everybody import it.
    pub(crate) fn begin(&self, organisations: &mut [(&Organisation, &mut Home)], wallets: &[&Home], serve: &[&str]) {
        for (organisation, home) in organisations.iter_mut() {
            home.serve(serve);
            self.list(home, organisation.issues, organisation.services);
        }
        let document = self.sign();
        for home in organisations
            .iter()
            .map(|(_, home)| &**home)
            .chain(wallets.iter().copied())
        {
            home.ok(&["trust", "import", argument(&document)]);
        }
        // Whoever asks must know how what is shown to them stands: each has mirrored every issuer of what it may ask for.
        let identifies = organisations
            .iter()
            .find(|(organisation, _)| organisation.issues.contains(&"C01"));
        let identity = identifies.map(|(organisation, _)| organisation.did);
        for (organisation, home) in organisations.iter() {
            let asks = identity.filter(|did| organisation.services.contains(&"K02") && organisation.did != *did);
            if let Some(issuer) = asks {
                until("the identity issuer's lists are mirrored", || {
                    let status = home.ok(&["node", "status"]);
                    let mut heads = status["mirrored"].as_array().into_iter().flatten();
                    heads.any(|head| head["issuer"] == issuer)
                });
            }
        }
    }

    /// `bevis demo population`: the folder with the registers.
    pub(crate) fn population(&self, persons: u32, companies: u32) -> PathBuf {
        let folder = self.folder().join("registers");
        let (persons, companies) = (persons.to_string(), companies.to_string());
        let sizes = ["--persons", &persons, "--companies", &companies];
        self.anchor()
            .ok(&[&["demo", "population", "--out", argument(&folder)], &sizes[..]].concat());
        folder
    }

    /// A personal offer with its activation code, which comes by a file.
    pub(crate) fn personal_offer(&self, identity: &Home, number: &str) -> (String, PathBuf) {
        let offer = identity.run_with(
            &["issuer", "offer", "--type", "C01", "--subject", "-"],
            &format!("{number}\n"),
        );
        let offer = offer.expect(0).json();
        let code = self.folder().join("code");
        std::fs::write(&code, text(&offer["code"])).expect("writes");
        (text(&offer["link"]), code)
    }

    /// Collects the person-identification credential with its activation code.
    pub(crate) fn identify(&self, identity: &Home, wallet: &Home, number: &str) {
        let (link, code) = self.personal_offer(identity, number);
        let collected = wallet.ok(&["wallet", "receive", &link, "--code-file", argument(&code)]);
        assert_eq!(collected["outcome"], "collected");
    }
}

/// Two anchors sign a proposal, and the first one makes the bundle: what it said.
fn publish(anchors: &[Home; 3], proposal: &Path, bundle: &Path) -> Value {
    for anchor in anchors.iter().take(SIGNERS) {
        anchor.ok(&["--yes", "trust", "sign", argument(proposal)]);
    }
    anchors[0].ok(&["trust", "publish", argument(proposal), "--out", argument(bundle)])
}

/// `bevis issuer import` of one of the registers in a folder: the report.
pub(crate) fn import(issuer: &Home, credential_type: &str, registers: &Path) -> Value {
    let (_, file) = REGISTERS
        .iter()
        .find(|(id, _)| *id == credential_type)
        .expect("a register of the population");
    let file = registers.join(file);
    issuer.ok(&["issuer", "import", "--type", credential_type, argument(&file)])["report"].clone()
}

/// `bevis issuer offer`: an open invitation.
pub(crate) fn offer(issuer: &Home, credential_type: &str) -> String {
    text(&issuer.ok(&["issuer", "offer", "--type", credential_type])["link"])
}

/// Collects a type for which another credential is shown first: the invitation, the request for it, the holder's yes. Gives
/// the name of what was collected.
pub(crate) fn collect(wallet: &Home, issuer: &Home, credential_type: &str) -> String {
    let id = receive(wallet, &offer(issuer, credential_type));
    let collected = wallet.ok(&["--yes", "wallet", "present", &id]);
    assert_eq!(collected["outcome"], "collected");
    text(&collected["credentials"][0])
}

/// `bevis wallet receive` of something that the holder has to decide about: its name.
pub(crate) fn receive(wallet: &Home, link: &str) -> String {
    let waiting = wallet
        .run_with(&["wallet", "receive", "-"], &format!("{link}\n"))
        .expect(0)
        .json();
    assert_eq!(waiting["outcome"], "waiting");
    text(&waiting["id"])
}

/// `bevis verifier request`: link and session.
pub(crate) fn ask(asker: &Home, service: &str, case: &str, subject: &str, types: &[&str]) -> (String, String) {
    let asked = try_ask(asker, service, case, subject, types).expect(0).json();
    (text(&asked["link"]), text(&asked["session"]))
}

/// The same, whatever comes of it.
pub(crate) fn try_ask(asker: &Home, service: &str, case: &str, subject: &str, types: &[&str]) -> Said {
    let mut arguments = vec![
        "verifier",
        "request",
        "--service",
        service,
        "--case",
        case,
        "--subject",
        "-",
    ];
    for name in types {
        arguments.extend(["--type", name]);
    }
    asker.run_with(&arguments, &format!("{subject}\n"))
}

/// Asks, says yes, and gives what the asker's node says of the session: it must be valid.
pub(crate) fn share(asker: &Home, wallet: &Home, service: &str, case: &str, subject: &str, types: &[&str]) -> Value {
    let (link, session) = ask(asker, service, case, subject, types);
    let id = receive(wallet, &link);
    let shared = wallet.ok(&["--yes", "wallet", "present", &id]);
    assert_eq!(shared["outcome"], "shared");
    assert_eq!(shared["receipt"]["verdict"], "valid");
    let detail = asker.ok(&["verifier", "watch", &session, "--seconds", "30"])["session"].clone();
    assert_eq!(detail["verdict"], "valid", "{detail}");
    assert!(detail["checks"].as_array().is_some_and(|checks| checks.len() > 10));
    detail
}

/// What the wallet's list says of a credential.
pub(crate) fn state_of(wallet: &Home, id: &str) -> String {
    let list = wallet.ok(&["wallet", "list"]);
    let held = list["credentials"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|held| held["id"] == id);
    text(&held.unwrap_or_else(|| panic!("{id} is not held"))["state"])
}

/// Asks again and again until the answer is as wanted. What is waited for happens by itself within some seconds.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    assert!((0..POLLS).any(|_| is_so()), "in vain: {what}");
}
