//! Whole batches of copies are replaced while a day passes among real processes: at a time that was drawn when they came, however many
//! were shown, and later when the issuer is off.

use crate::clocks::Passing;
use crate::network::{BANK, IDENTITY, LOANS, Network, argument, collect, import, share, text, until};
use crate::process::Home;
use node::population::{CITIZEN, STRANGER};
use serde_json::{Value, json};

/// Least and most time from collecting a student-loan balance until it is replaced, in seconds.
const WAIT: [i64; 2] = [21_600, 21_600 + 43_200];

struct Thread {
    network: Network,
    time: Passing,
    _identity: Home,
    loans: Home,
    bank: Home,
    /// One who shows copies, and one who never does.
    wallets: [Home; 2],
}

impl Thread {
    fn new() -> Thread {
        let network = Network::new();
        let time = Passing::begin(network.folder());
        let timed = |mut home: Home| {
            home.set_environment(time.environment());
            home
        };
        let [mut identity, mut loans, mut bank] = [IDENTITY, LOANS, BANK].map(|one| timed(network.init(&one, &[])));
        let wallets = ["citizen", "stranger"].map(|name| timed(network.wallet(name, &[])));
        network.begin(
            &mut [(&IDENTITY, &mut identity), (&LOANS, &mut loans), (&BANK, &mut bank)],
            &[&wallets[0], &wallets[1]],
            &[],
        );
        let registers = network.population(40, 12);
        import(&identity, "C01", &registers);
        import(&loans, "C04", &registers);
        for (wallet, number) in wallets.iter().zip([CITIZEN, STRANGER]) {
            network.identify(&identity, wallet, number);
            collect(wallet, &loans, "C04");
        }
        Thread {
            network,
            time,
            _identity: identity,
            loans,
            bank,
            wallets,
        }
    }

    /// The copies of the student-loan balance: text, and whether it was shown.
    fn copies(&self, wallet: &Home) -> Vec<(String, bool)> {
        let file = self.network.folder().join("export.json");
        wallet.ok(&["wallet", "export", argument(&file)]);
        let exported: Value = serde_json::from_slice(&std::fs::read(&file).expect("reads")).expect("JSON");
        std::fs::remove_file(&file).expect("removes");
        let held = exported["credentials"].as_array().expect("a list");
        let mut loans = held
            .iter()
            .filter(|one| one["type"] == "urn:bevis:StudentLoanBalance:1");
        let (Some(one), None) = (loans.next(), loans.next()) else {
            panic!("not one: {exported}");
        };
        let copies = one["copies"].as_array().expect("a list").iter();
        copies
            .map(|copy| (text(&copy["credential"]), !copy["shown_to_request"].is_null()))
            .collect()
    }

    fn all_copies(&self) -> [Vec<(String, bool)>; 2] {
        [&self.wallets[0], &self.wallets[1]].map(|wallet| self.copies(wallet))
    }

    fn resume(&self) -> [Value; 2] {
        [&self.wallets[0], &self.wallets[1]].map(|wallet| wallet.run(&["wallet", "resume"]).json())
    }

    /// What the issuer has of a person's deliveries, but for names and times.
    fn known(&self, number: &str) -> Vec<(Value, Value)> {
        let status = self.loans.ok(&["issuer", "status", "--subject", number]);
        let issued = status["issued"].as_array().expect("a list").iter();
        issued.map(|one| (one["state"].clone(), one["type"].clone())).collect()
    }
}

fn shown(copies: &[(String, bool)]) -> usize {
    copies.iter().filter(|(_, is_shown)| *is_shown).count()
}

/// Whether not one copy is as it was, none was shown, and there are as many.
fn is_whole(before: &[(String, bool)], after: &[(String, bool)]) -> bool {
    let is_new = |(text, _): &(String, bool)| before.iter().all(|(old, _)| old != text);
    after.len() == before.len() && after.iter().all(is_new) && shown(after) == 0
}

#[test]
fn whole_batches_are_replaced_alike_whether_copies_were_shown_or_not_and_later_when_the_issuer_is_off() {
    let mut thread = Thread::new();
    // All but one copy are shown; the other wallet shows none.
    let count = thread.copies(&thread.wallets[0]).len();
    for case in 1..count {
        let case = format!("NETTBANK-{case}");
        share(&thread.bank, &thread.wallets[0], "S15", &case, CITIZEN, &["C04"]);
    }
    let before = thread.all_copies();
    assert_eq!(before.each_ref().map(|copies| shown(copies)), [count - 1, 0]);
    assert_eq!(thread.known(CITIZEN), thread.known(STRANGER));

    // That it runs low brings nothing nearer: neither wallet says a word before the least time is over.
    let quiet = json!([]);
    for at in [0, WAIT[0] - 600] {
        thread.time.pass(at);
        for resumed in thread.resume() {
            assert_eq!(resumed["results"], quiet, "nothing is sent after {at} s");
        }
        assert_eq!(thread.all_copies(), before);
    }

    // The issuer is off when the time of both has come: what there is stays, and is asked for again.
    assert_eq!(thread.loans.terminate(), 0);
    thread.time.pass(WAIT[1] + 60);
    for _ in 0..2 {
        for resumed in thread.resume() {
            assert_eq!(resumed["results"][0]["code"], "unreachable", "{resumed}");
        }
        assert_eq!(thread.all_copies(), before);
    }
    thread.loans.serve(&[]);
    let mut after = thread.all_copies();
    until("both batches are replaced", || {
        thread.resume();
        after = thread.all_copies();
        after.iter().zip(&before).all(|(after, before)| is_whole(before, after))
    });
    assert_eq!(
        thread.known(CITIZEN),
        thread.known(STRANGER),
        "the issuer has seen no more of the one than of the other"
    );
    // Once: the next batch rests as long as the first did.
    for resumed in thread.resume() {
        assert_eq!(resumed["results"], quiet);
    }
    assert_eq!(thread.all_copies(), after);
    // And a new copy is taken.
    until("the bank knows of the new copies", || {
        let check = thread.bank.run_with(&["verifier", "check", "-"], &after[0][0].0);
        check.exit == 0
    });
    share(
        &thread.bank,
        &thread.wallets[0],
        "S15",
        "NETTBANK-99",
        CITIZEN,
        &["C04"],
    );
    assert_eq!(shown(&thread.copies(&thread.wallets[0])), 1);
}
