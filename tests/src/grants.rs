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
