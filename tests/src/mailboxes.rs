//! Wallets, banks and agencies that are off: what they would have said to each other waits with operators that the holder chose.

use crate::network::{BANK, IDENTITY, LOANS, Network, Organisation, TAX, collect, import, receive, text, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::Value;

const POSTS: [Organisation; 2] = [
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

struct Thread {
    /// Goes on as long as the thread.
    _network: Network,
    _identity: Home,
    _tax: Home,
    loans: Home,
    bank: Home,
    posts: [Home; 2],
    citizen: Home,
}

impl Thread {
    fn new() -> Thread {
        let network = Network::new();
        let [mut identity, mut tax, mut loans, mut bank] =
            [IDENTITY, TAX, LOANS, BANK].map(|one| network.init(&one, &[]));
        let [mut first, mut second] = POSTS.map(|one| network.init(&one, &["--role", "mailbox"]));
        let citizen = network.wallet("citizen", &[]);
        let [a, b] = &POSTS;
        network.begin(
            &mut [
                (&IDENTITY, &mut identity),
                (&TAX, &mut tax),
                (&LOANS, &mut loans),
                (&BANK, &mut bank),
                (a, &mut first),
                (b, &mut second),
            ],
            &[&citizen],
            &[],
        );
        let registers = network.population(40, 12);
        import(&identity, "C01", &registers);
        import(&tax, "C02", &registers);
        import(&loans, "C04", &registers);
        network.identify(&identity, &citizen, CITIZEN);
        collect(&citizen, &tax, "C02");
        Thread {
            _network: network,
            _identity: identity,
            _tax: tax,
            loans,
            bank,
            posts: [first, second],
            citizen,
        }
    }

    /// The citizen shows the bank who they are, and where their wallet is reached.
    fn paired(&self) {
        let asked = self.bank.ok(&[
            "verifier",
            "request",
            "--service",
            "S01",
            "--type",
            "C02",
            "--case",
            "NETTBANK",
            "--subject",
            CITIZEN,
            "--pair",
        ]);
        let id = receive(&self.citizen, asked["link"].as_str().expect("text"));
        let page = self.citizen.run(&["wallet", "requests"]);
        assert_eq!(page.exit, 0);
        let shared = self.citizen.ok(&["--yes", "wallet", "present", &id]);
        assert_eq!(shared["receipt"]["verdict"], "valid");
        // The bank answers with where it is reached itself.
        until("the bank has said where it is reached", || self.fetched() > 0);
    }

    fn fetched(&self) -> u64 {
        self.citizen.ok(&["wallet", "fetch"])["new"].as_u64().expect("a count")
    }

    fn granted(&self) -> (String, String) {
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
        (text(&granted["grant"]), text(&given["grants"][0]["name"]))
    }

    fn waiting(&self) -> Vec<String> {
        let list = self.citizen.ok(&["wallet", "requests"]);
        let all = list["requests"].as_array().expect("a list");
        all.iter().map(|request| text(&request["id"])).collect()
    }

    fn grant(&self, id: &str) -> Value {
        let list = self.citizen.ok(&["wallet", "grants"]);
        let grants = list["grants"].as_array().expect("a list");
        grants.iter().find(|grant| grant["id"] == id).expect("given").clone()
    }
}

fn code(home: &Home, arguments: &[&str]) -> String {
    let said = home.run(arguments);
    assert_ne!(said.exit, 0, "{}", said.stdout);
    let problem: Value = serde_json::from_str(&said.stderr).expect("JSON");
    text(&problem["code"])
}

#[test]
fn a_request_waits_for_a_wallet_that_is_off_and_its_answer_for_a_bank_that_is_off() {
    let mut thread = Thread::new();
    let ask = |thread: &Thread, case: &str| {
        let arguments = [
            "verifier",
            "request",
            "--service",
            "S01",
            "--type",
            "C02",
            "--case",
            case,
            "--subject",
            CITIZEN,
            "--mailbox",
        ];
        thread.bank.run(&arguments)
    };
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
        let history = thread.citizen.ok(&["wallet", "history"]);
        let events = history["events"].as_array().expect("a list").clone();
        events
            .iter()
            .filter(|event| event["receipt"]["verdict"] == "valid")
            .count()
            == 2
    });
    assert!(thread.waiting().is_empty());
}

#[test]
fn uses_and_erasures_wait_for_the_wallet_and_a_withdrawal_for_the_source() {
    let mut thread = Thread::new();
    let (id, name) = thread.granted();
    until("both have said where they are reached", || {
        thread.fetched();
        thread.bank.ok(&["verifier", "grants", "refresh", &name]);
        thread.grant(&id)["uses"].as_array().is_some_and(|uses| uses.len() >= 2)
    });

    // The source is off when the person takes it back; the bank erases at once.
    assert_eq!(thread.loans.terminate(), 0);
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(
        (&withdrawn["issuer_told"], &withdrawn["asker_told"]),
        (&false.into(), &true.into())
    );
    // The wallet stays off. The source empties its mailbox when it starts, before it answers anybody.
    thread.loans.serve(&[]);
    assert_eq!(
        code(&thread.bank, &["verifier", "grants", "refresh", &name]),
        "withdrawn"
    );
    until("the source's word is there", || {
        thread.fetched();
        thread.grant(&id)["issuer_told"] == true
    });
}
