//! Wallets, banks and agencies that are off: what they would have said to each other waits with operators that the holder chose.

mod fixation;
mod hostile;
mod mending;
pub(crate) mod operator;

use crate::network::{
    BANK, IDENTITY, LOANS, Network, Organisation, TAX, argument, collect, import, receive, text, until,
};
use crate::process::{Home, Said, finish};
use node::population::CITIZEN;
use serde_json::Value;

/// Who keeps mailboxes.
pub(crate) const POSTS: [Organisation; 2] = [
    Organisation {
        home: "post-a",
        number: "314768205",
        name: "SYNTETISK LIV OG SKADE AS",
        did: "did:web:livogskade.example",
        issues: &[],
        services: &["K03"],
    },
    Organisation {
        home: "post-b",
        number: "218405177",
        name: "SYNTETISK PENSJON AS",
        did: "did:web:pensjon.example",
        issues: &[],
        services: &["K03"],
    },
];

pub(crate) struct Thread {
    pub(crate) network: Network,
    identity: Home,
    tax: Home,
    pub(crate) loans: Home,
    pub(crate) bank: Home,
    pub(crate) posts: Vec<Home>,
    pub(crate) citizen: Home,
}

impl Thread {
    fn new() -> Thread {
        Thread::with(Network::new(), &POSTS)
    }

    /// The same, with something made of the network's folder before anybody is in it.
    pub(crate) fn prepared(before: impl FnOnce(&Network)) -> Thread {
        let network = Network::new();
        before(&network);
        Thread::with(network, &POSTS)
    }

    /// With these operators, beside whoever is to be listed already.
    pub(crate) fn with(network: Network, operators: &[Organisation]) -> Thread {
        let [mut identity, mut tax, mut loans, mut bank] =
            [IDENTITY, TAX, LOANS, BANK].map(|one| network.init(&one, &[]));
        // What it discards it says in its log alone.
        bank.set_environment(vec![("BEVIS_LOG_LEVEL", "debug".to_owned())]);
        let mut posts: Vec<Home> = operators
            .iter()
            .map(|one| network.init(one, &["--role", "mailbox"]))
            .collect();
        let citizen = network.wallet("citizen", &[]);
        let mut all = vec![
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&LOANS, &mut loans),
            (&BANK, &mut bank),
        ];
        all.extend(operators.iter().zip(&mut posts));
        network.begin(&mut all, &[&citizen], &[]);
        let registers = network.population(40, 12);
        import(&identity, "C01", &registers);
        import(&tax, "C02", &registers);
        import(&loans, "C04", &registers);
        network.identify(&identity, &citizen, CITIZEN);
        collect(&citizen, &tax, "C02");
        until_answered(&tax, &citizen);
        Thread {
            network,
            identity,
            tax,
            loans,
            bank,
            posts,
            citizen,
        }
    }

    /// One more person with a wallet and an income.
    pub(crate) fn joined(&self, name: &str, number: &str) -> Home {
        let wallet = self.network.wallet(name, &[]);
        let document = self.network.folder().join("trust.json");
        wallet.ok(&["trust", "import", argument(&document)]);
        self.network.identify(&self.identity, &wallet, number);
        collect(&wallet, &self.tax, "C02");
        until_answered(&self.tax, &wallet);
        wallet
    }

    /// What the bank's node says of a session.
    fn session(&self, id: &str) -> Value {
        self.bank.ok(&["verifier", "sessions", id])["session"].clone()
    }

    /// The citizen shows the bank who they are, and where their wallet is reached.
    pub(crate) fn paired(&self) {
        pair(&self.bank, &self.citizen, "NETTBANK", CITIZEN);
    }

    pub(crate) fn fetched(&self) -> u64 {
        fetched(&self.citizen)
    }

    pub(crate) fn granted(&self) -> (String, String) {
        let asked = self.bank.ok(&[
            "verifier",
            "grants",
            "request",
            "--service",
            "S15",
            "--case",
            "LAN",
            "--subject",
            CITIZEN,
        ]);
        let id = receive(&self.citizen, asked["link"].as_str().expect("text"));
        let granted = self.citizen.ok(&["--yes", "wallet", "present", &id]);
        let given = self.bank.ok(&["verifier", "grants", "list"]);
        let mut given = given["grants"].as_array().expect("a list").iter();
        let one = given.find(|grant| grant["state"] == "active").expect("given");
        (text(&granted["grant"]), text(&one["name"]))
    }

    /// A consent is used until both have said where they are reached.
    fn used(&self, id: &str, name: &str) {
        until("both have said where they are reached", || {
            self.fetched();
            // A source that was off a moment ago is dialled again when it is its turn.
            self.bank.run(&["verifier", "grants", "refresh", name]);
            self.grant(id)["uses"].as_array().is_some_and(|uses| uses.len() >= 2)
        });
    }

    /// The source releases nothing from its first answer on, and says why: the bank asks although it knows.
    fn refused(&self, name: &str) {
        until("the source refuses", || {
            let said = self.bank.run(&["verifier", "grants", "refresh", name, "--even-so"]);
            assert_ne!(said.exit, 0, "{}", said.stdout);
            let code = said.json()["code"].clone();
            assert!(code == "withdrawn" || code == "unreachable", "{code}");
            code == "withdrawn"
        });
    }

    fn waiting(&self) -> Vec<String> {
        waiting(&self.citizen)
    }

    pub(crate) fn grant(&self, id: &str) -> Value {
        let list = self.citizen.ok(&["wallet", "grants"]);
        let grants = list["grants"].as_array().expect("a list");
        grants.iter().find(|grant| grant["id"] == id).expect("given").clone()
    }
}

/// A bank asks a customer about their income.
pub(crate) fn request(bank: &Home, case: &str, number: &str, more: &[&str]) -> Said {
    let what = ["verifier", "request", "--service", "S01", "--type", "C02"];
    bank.run(&[&what[..], &["--case", case, "--subject", number], more].concat())
}

/// A customer shows the bank, in its own session, who they are and where their wallet is reached; the bank answers with where it is.
pub(crate) fn pair(bank: &Home, wallet: &Home, case: &str, number: &str) {
    let asked = request(bank, case, number, &["--pair"]).expect(0).json();
    let id = receive(wallet, &text(&asked["link"]));
    let shared = wallet.ok(&["--yes", "wallet", "present", &id]);
    assert_eq!(shared["receipt"]["verdict"], "valid");
    until_answered(bank, wallet);
}

/// Until an organisation that a wallet has told where it is reached has told it the same.
fn until_answered(organisation: &Home, wallet: &Home) {
    until("it has said where it is reached", || {
        fetched(wallet);
        is_answered(organisation, wallet)
    });
}

/// Whether an organisation has told a wallet where it is reached.
fn is_answered(organisation: &Home, wallet: &Home) -> bool {
    let with = organisation.ok(&["whoami"])["card"]["did"].clone();
    let post = wallet.ok(&["wallet", "post"]);
    let mut relations = post["relations"].as_array().expect("a list").iter();
    relations.any(|one| one["with"] == with && one["is_answered"] == true)
}

/// How many letters were new to a wallet.
pub(crate) fn fetched(wallet: &Home) -> u64 {
    wallet.ok(&["wallet", "fetch"])["new"].as_u64().expect("a count")
}

/// Somebody says yes while the bank is off, which then comes back.
fn leave_yes(bank: &mut Home, wallet: &Home, id: &str) {
    assert_eq!(bank.terminate(), 0);
    let posted = wallet.ok(&["--yes", "wallet", "present", id]);
    assert_eq!(posted["outcome"], "posted", "{posted}");
    bank.serve(&[]);
}

/// What a wallet logs while it fetches.
pub(crate) fn fetch_log(wallet: &Home) -> String {
    let mut command = wallet.command(&["wallet", "fetch"]);
    command.env("BEVIS_LOG_LEVEL", "debug");
    finish(command, "").stderr
}

/// Receipts of valid answers that a wallet has.
fn receipts(wallet: &Home) -> usize {
    let history = wallet.ok(&["wallet", "history"]);
    let events = history["events"].as_array().expect("a list").iter();
    events.filter(|event| event["receipt"]["verdict"] == "valid").count()
}

/// Names of the requests that wait for a wallet's person.
pub(crate) fn waiting(wallet: &Home) -> Vec<String> {
    let list = wallet.ok(&["wallet", "requests"]);
    let all = list["requests"].as_array().expect("a list");
    all.iter().map(|request| text(&request["id"])).collect()
}

#[test]
fn a_request_waits_for_a_wallet_that_is_off_and_its_answer_for_a_bank_that_is_off() {
    let mut thread = Thread::new();
    let ask = |thread: &Thread, case: &str| request(&thread.bank, case, CITIZEN, &["--mailbox"]);
    let refused = ask(&thread, "FOR-TIDLIG");
    let problem: Value = serde_json::from_str(&refused.stderr).expect("JSON");
    assert_eq!(problem["code"], "not_paired");
    thread.paired();

    // No process of the wallet's runs. One of the two operators is off too.
    assert_eq!(thread.posts[1].terminate(), 0);
    let asked = ask(&thread, "SENERE");
    assert_eq!(asked.exit, 0, "{}", asked.stderr);
    let asked: Value = serde_json::from_str(&asked.stdout).expect("JSON");
    until("the request is there", || {
        thread.fetched();
        !thread.waiting().is_empty()
    });
    let [id] = thread.waiting().try_into().expect("one request");

    // Now the bank is off, and the yes waits for it.
    assert_eq!(thread.bank.terminate(), 0);
    let posted = thread.citizen.ok(&["--yes", "wallet", "present", &id]);
    assert_eq!(posted["outcome"], "posted", "{posted}");
    thread.bank.serve(&[]);
    let session = text(&asked["session"]);
    until("the bank has read the answer", || {
        let found = thread.bank.ok(&["verifier", "sessions", &session]);
        found["session"]["verdict"] == "valid"
    });
    // Its receipt comes the same way.
    until("the receipt is there", || {
        thread.fetched();
        receipts(&thread.citizen) == 2
    });
    assert!(thread.waiting().is_empty());
}

#[test]
fn uses_and_erasures_wait_for_the_wallet_and_a_withdrawal_for_the_source() {
    let mut thread = Thread::new();
    let (id, name) = thread.granted();
    thread.used(&id, &name);

    // The source is off when the person takes it back; the bank erases at once.
    assert_eq!(thread.loans.terminate(), 0);
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(
        (&withdrawn["issuer_told"], &withdrawn["asker_told"]),
        (&false.into(), &true.into())
    );
    // The wallet stays off. The source empties its mailbox when it starts, before it answers anybody.
    thread.loans.serve(&[]);
    thread.refused(&name);
    until("the source's word is there", || {
        thread.fetched();
        thread.grant(&id)["issuer_told"] == true
    });
}

#[test]
fn a_source_that_starts_releases_nothing_before_it_has_emptied_its_mailbox() {
    let mut thread = Thread::new();
    let (taken_back, name) = thread.granted();
    let (stays, other) = {
        let before = name.clone();
        let (id, _) = thread.granted();
        let given = thread.bank.ok(&["verifier", "grants", "list"]);
        let given = given["grants"].as_array().expect("a list").clone();
        let other = given.iter().find(|grant| grant["name"] != before.as_str());
        (id, text(&other.expect("two")["name"]))
    };
    until("all have said where they are reached", || {
        thread.fetched();
        let releases = [&name, &other].map(|name| thread.bank.ok(&["verifier", "grants", "refresh", name]));
        assert!(releases.iter().all(|one| one["release"]["claims"].is_object()));
        let told = |id: &str| thread.grant(id)["uses"].as_array().map_or(0, Vec::len);
        told(&taken_back) >= 2 && told(&stays) >= 2
    });
    let uses = |thread: &Thread| {
        let given = thread.bank.ok(&["verifier", "grants", "list"]);
        let given = given["grants"].as_array().expect("a list").iter();
        let mut uses: Vec<(String, u64, String)> = given
            .map(|one| {
                (
                    text(&one["name"]),
                    one["uses"].as_u64().expect("a count"),
                    text(&one["state"]),
                )
            })
            .collect();
        uses.sort_unstable();
        uses
    };

    // Source and bank are off when the person takes one back: the withdrawals wait with the operators.
    assert_eq!((thread.loans.terminate(), thread.bank.terminate()), (0, 0));
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &taken_back])["grant"].clone();
    assert_eq!(
        (&withdrawn["issuer_told"], &withdrawn["asker_told"]),
        (&false.into(), &false.into())
    );
    until("the letters have left", || {
        let post = thread.citizen.ok(&["wallet", "post"]);
        let relations = post["relations"].as_array().expect("a list").clone();
        thread.fetched();
        relations.iter().all(|one| one["on_their_way"] == 0)
    });
    for post in &mut thread.posts {
        assert_eq!(post.terminate(), 0);
    }
    thread.bank.serve(&[]);
    thread.loans.serve(&[]);

    // No operator answers: the source does not know what waits for it, and the bank has heard of nothing.
    let before = uses(&thread);
    assert!(before.iter().all(|(_, _, state)| state == "active"), "{before:?}");
    for name in [&name, &other] {
        let said = thread.bank.run(&["verifier", "grants", "refresh", name]);
        let problem: Value = serde_json::from_str(&said.stderr).expect("JSON");
        assert_eq!(
            (text(&problem["code"]), text(&problem["detail"])),
            ("catching_up".to_owned(), "mailbox".to_owned())
        );
    }
    assert_eq!(uses(&thread), before, "nothing was released");

    // One operator is back. The source's first answer about the one is its end, and about the other a release.
    thread.posts[0].serve(&[]);
    let first = |name: &str| {
        let mut said = Vec::new();
        until("the source has emptied its mailbox", || {
            let one = thread.bank.run(&["verifier", "grants", "refresh", name, "--even-so"]);
            said.push(match one.exit {
                0 => "released".to_owned(),
                _ => text(&serde_json::from_str::<Value>(&one.stderr).expect("JSON")["code"]),
            });
            said.last().is_some_and(|last| last != "catching_up")
        });
        said.pop().expect("an answer")
    };
    assert_eq!(first(&name), "withdrawn");
    assert_eq!(first(&other), "released");
}
