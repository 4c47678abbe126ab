//! Standing grants among real processes: given once, used while the wallet is off, seen, taken back; with whoever is off meanwhile.

use crate::network::{BANK, IDENTITY, LOANS, Network, import, receive, text, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::Value;

struct Thread {
    /// Goes on as long as the thread.
    _network: Network,
    _identity: Home,
    loans: Home,
    bank: Home,
    citizen: Home,
}

impl Thread {
    fn new() -> Thread {
        let network = Network::new();
        let [mut identity, mut loans, mut bank] = [IDENTITY, LOANS, BANK].map(|one| network.init(&one, &[]));
        let citizen = network.wallet("citizen", &[]);
        network.begin(
            &mut [(&IDENTITY, &mut identity), (&LOANS, &mut loans), (&BANK, &mut bank)],
            &[&citizen],
            &[],
        );
        let registers = network.population(40, 12);
        import(&identity, "C01", &registers);
        import(&loans, "C04", &registers);
        network.identify(&identity, &citizen, CITIZEN);
        Thread {
            _network: network,
            _identity: identity,
            loans,
            bank,
            citizen,
        }
    }

    /// The citizen says yes to a request of the bank's; the grant's names at both.
    fn granted(&self, case: &str) -> (String, String) {
        let asked = self.bank.ok(&[
            "verifier",
            "grants",
            "request",
            "--service",
            "S15",
            "--case",
            case,
            "--subject",
            CITIZEN,
        ]);
        let id = receive(&self.citizen, asked["link"].as_str().expect("text"));
        let granted = self.citizen.ok(&["--yes", "wallet", "present", &id]);
        assert_eq!(granted["outcome"], "granted", "{granted}");
        assert_eq!(granted["receipt"]["verdict"], "valid");
        let given = self.bank.ok(&["verifier", "grants", "list"]);
        let given = given["grants"].as_array().expect("a list");
        let one = given.iter().find(|grant| grant["case"] == case).expect("given");
        (text(&granted["grant"]), text(&one["name"]))
    }

    fn refresh(&self, name: &str) -> Value {
        self.bank.ok(&["verifier", "grants", "refresh", name])["release"].clone()
    }

    fn held(&self, id: &str) -> Value {
        let list = self.citizen.ok(&["wallet", "grants", "--ask"]);
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
fn a_grant_is_given_once_used_while_the_wallet_is_off_seen_and_taken_back() {
    let thread = Thread::new();
    let (id, name) = thread.granted("NETTBANK-1");
    for number in 1..=3 {
        let release = thread.refresh(&name);
        assert_eq!(release["number"], number);
        assert_eq!(release["claims"]["personidentifikator"], CITIZEN);
        assert!(release["keep_until"].is_null(), "gone when the person logs out");
    }
    let read = thread.bank.ok(&["verifier", "grants", "show", &name]);
    assert!(read["claims"]["TotalAmount"].is_object());
    thread.bank.ok(&["verifier", "grants", "logout", &name]);
    assert!(thread.bank.ok(&["verifier", "grants", "show", &name])["claims"].is_null());

    let held = thread.held(&id);
    assert_eq!(held["state"], "active");
    assert_eq!(held["uses"].as_array().map(Vec::len), Some(3), "{held}");

    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(
        (&withdrawn["issuer_told"], &withdrawn["asker_told"]),
        (&true.into(), &true.into())
    );
    assert!(withdrawn["erasure"].is_string());
    assert_eq!(
        code(&thread.bank, &["verifier", "grants", "refresh", &name]),
        "withdrawn"
    );
    let history = thread.citizen.ok(&["wallet", "history"]);
    let events = history["events"].as_array().expect("a list").iter();
    let what: Vec<String> = events.map(|event| text(&event["what"])).collect();
    assert_eq!(what[what.len() - 5..], ["granted", "used", "used", "used", "withdrawn"]);
}

#[test]
fn a_withdrawal_stops_the_source_although_the_bank_is_off_and_the_bank_hears_of_it_later() {
    let mut thread = Thread::new();
    let (id, name) = thread.granted("NETTBANK-2");
    thread.refresh(&name);
    assert_eq!(thread.bank.terminate(), 0);
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(
        (&withdrawn["issuer_told"], &withdrawn["asker_told"]),
        (&true.into(), &false.into())
    );
    thread.bank.serve(&[]);
    // The source tells the bank, also when the wallet is off; and nothing is left there to fetch with.
    until("the bank has heard", || {
        let given = thread.bank.ok(&["verifier", "grants", "list"]);
        given["grants"][0]["state"] == "withdrawn"
    });
    assert_eq!(
        code(&thread.bank, &["verifier", "grants", "refresh", &name]),
        "withdrawn"
    );
}

#[test]
fn a_withdrawal_while_the_source_is_off_reaches_it_when_it_is_back() {
    let mut thread = Thread::new();
    let (id, name) = thread.granted("NETTBANK-3");
    assert_eq!(thread.loans.terminate(), 0);
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(
        (&withdrawn["issuer_told"], &withdrawn["asker_told"]),
        (&false.into(), &true.into())
    );
    assert_eq!(
        code(&thread.bank, &["verifier", "grants", "refresh", &name]),
        "withdrawn",
        "the bank knows"
    );
    thread.loans.serve(&[]);
    until("the source has heard", || {
        thread.citizen.run(&["wallet", "resume"]);
        let list = thread.citizen.ok(&["wallet", "grants"]);
        list["grants"][0]["issuer_told"] == true
    });
}

/// What a person does for one thing: the commands, and the questions that they are asked in them.
struct Steps {
    commands: usize,
    questions: usize,
}

impl Steps {
    fn new() -> Steps {
        Steps {
            commands: 0,
            questions: 0,
        }
    }

    /// Types a command. Where it asks something before it does anything, the person says yes.
    fn take(&mut self, home: &Home, arguments: &[&str]) -> Value {
        self.commands += 1;
        // Nobody is there to be asked: a command that has a question does nothing.
        let said = home.run(arguments);
        if said.exit == 0 {
            return said.json();
        }
        said.expect_problem(6, "not_confirmed");
        self.questions += 1;
        home.ok(&[&["--yes"][..], arguments].concat())
    }

    fn all(&self) -> usize {
        self.commands + self.questions
    }
}

#[test]
fn taking_a_grant_back_takes_no_more_steps_than_giving_it() {
    let thread = Thread::new();
    let (citizen, bank) = (&thread.citizen, &thread.bank);
    let what = [
        "verifier",
        "grants",
        "request",
        "--service",
        "S15",
        "--case",
        "NETTBANK-4",
    ];
    let asked = bank.ok(&[&what[..], &["--subject", CITIZEN]].concat());
    let mut giving = Steps::new();
    let link = text(&asked["link"]);
    let id = text(&giving.take(citizen, &["wallet", "receive", &link])["id"]);
    let granted = giving.take(citizen, &["wallet", "present", &id]);
    assert_eq!(granted["outcome"], "granted", "{granted}");
    assert_eq!(
        (giving.commands, giving.questions),
        (2, 1),
        "the link, and a yes to what is read"
    );

    let mut taking_back = Steps::new();
    let withdrawn = taking_back.take(citizen, &["wallet", "withdraw", &text(&granted["grant"])]);
    assert_eq!(withdrawn["grant"]["state"], "withdrawn", "{withdrawn}");
    assert_eq!((taking_back.commands, taking_back.questions), (1, 0));
    assert!(taking_back.all() <= giving.all());

    // Nor does it for a wallet that did not give it, once the person has seen there what stands.
    let asked = bank.ok(&[&what[..6], &["NETTBANK-5", "--subject", CITIZEN]].concat());
    let id = receive(citizen, &text(&asked["link"]));
    citizen.ok(&["--yes", "wallet", "present", &id]);
    let from = ["wallet", "grants", "--from", LOANS.did, "--type", "C04"];
    let id = text(&citizen.ok(&from)["id"]);
    let shown = citizen.ok(&["--yes", "wallet", "present", &id]);
    let grants = shown["grants"].as_array().expect("a list");
    let stands = grants
        .iter()
        .find(|one| one["withdrawn"].is_null())
        .expect("one stands");
    let name = text(&stands["name"]);
    let mut taking_back = Steps::new();
    let id = text(&taking_back.take(citizen, &[&from[..], &["--end", name.as_str()]].concat())["id"]);
    let ended = taking_back.take(citizen, &["wallet", "present", &id]);
    let is_ended = |one: &Value| one["name"] == name && one["withdrawn"].is_string();
    assert!(
        ended["grants"].as_array().expect("a list").iter().any(is_ended),
        "{ended}"
    );
    assert!(taking_back.all() <= giving.all());
}
