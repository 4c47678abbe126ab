//! Session fixation: somebody begins a genuine session at the bank, as the customer they are, and gives the link to another person,
//! who says yes. Nothing is wrong with the bank, the request or the wallet, and no time limit helps. What helps is that an answer has
//! an effect only on the session of the customer that it is about.

use super::{Thread, fetched, is_answered, leave_yes, pair, receipts, request, until_answered, waiting};
use crate::intruder::expect_log;
use crate::network::{receive, text, until};
use crate::process::Home;
use credentials::Code;
use node::population::{CITIZEN, STRANGER};
use serde_json::Value;

/// The attacker's number, whose session it is, and the victim's.
const ATTACKER: &str = CITIZEN;
const VICTIM: &str = STRANGER;

/// Session and link of a request to the attacker, for something shown once or for a standing consent.
fn begin(bank: &Home, case: &str, is_standing: bool) -> (String, String) {
    let asked = match is_standing {
        true => {
            let what = ["verifier", "grants", "request", "--service", "S15"];
            bank.ok(&[&what[..], &["--case", case, "--subject", ATTACKER]].concat())
        }
        false => request(bank, case, ATTACKER, &["--pair"]).expect(0).json(),
    };
    (text(&asked["session"]), text(&asked["link"]))
}

/// Of somebody's number the bank's log says nothing, and neither does the session.
#[track_caller]
fn expect_nothing_of(bank: &Home, session: &Value) {
    expect_log(bank, Code::WrongSubject, &[VICTIM, ATTACKER]);
    assert!(!session.to_string().contains(VICTIM));
    assert_eq!(
        (&session["verdict"], &session["checks"], &session["claims"]),
        (&Value::Null, &serde_json::json!([]), &serde_json::json!({}))
    );
}

/// How often somebody was told that their answer is about another person than the bank's customer.
fn refusals(wallet: &Home) -> usize {
    let history = wallet.ok(&["wallet", "history"]);
    let lines = history["events"].as_array().expect("a list").iter();
    lines.filter(|line| line["code"] == "wrong_subject").count()
}

/// The bank knows no mailbox of this customer's.
#[track_caller]
fn expect_unpaired(bank: &Home, number: &str) {
    request(bank, "ETTERPA", number, &["--mailbox"]).expect_problem(3, "not_paired");
}

/// The victim sees what they said yes to, and its source takes it back: nobody can fetch anything under it from then on.
#[track_caller]
fn take_back(victim: &Home) {
    let list = victim.ok(&["wallet", "grants"]);
    let [grant] = list["grants"].as_array().expect("a list").as_slice() else {
        panic!("one: {list}");
    };
    assert_ne!(grant["state"], "active", "nobody has taken it: {grant}");
    let gone = victim.ok(&["wallet", "withdraw", &text(&grant["id"])])["grant"].clone();
    assert_eq!(
        (&gone["state"], &gone["issuer_told"]),
        (&"withdrawn".into(), &true.into())
    );
}

#[test]
fn a_victim_who_answers_the_attackers_session_shows_nothing_there_and_is_paired_with_nobody() {
    let thread = Thread::new();
    let (bank, attacker) = (&thread.bank, &thread.citizen);
    let victim = thread.joined("victim", VICTIM);
    for (case, is_standing) in [("NETTBANK", false), ("INNLOGGING", true)] {
        let (session, link) = begin(bank, case, is_standing);
        let id = receive(&victim, &link);
        let before = thread.session(&session);
        victim
            .run(&["--yes", "wallet", "present", &id])
            .expect_problem(3, "wrong_subject");
        assert_eq!(thread.session(&session), before, "as if nobody had answered");
        expect_nothing_of(bank, &before);
        expect_unpaired(bank, ATTACKER);
        expect_unpaired(bank, VICTIM);
        let grants = bank.ok(&["verifier", "grants", "list"]);
        assert_eq!(grants["grants"], serde_json::json!([]));
        fetched(&victim);
        assert!(!is_answered(bank, &victim), "{case}");
        assert_eq!(receipts(&victim), 0, "{case}");
        if is_standing {
            take_back(&victim);
        }
    }
    // Both are open still for whose they are.
    for (number, (case, is_standing)) in (1..).zip([("LAN", false), ("LAN-2", true)]) {
        let (session, link) = begin(bank, case, is_standing);
        let id = receive(&victim, &link);
        let refused = victim.run(&["--yes", "wallet", "present", &id]);
        refused.expect_problem(3, "wrong_subject");
        let id = receive(attacker, &link);
        let own = attacker.ok(&["--yes", "wallet", "present", &id]);
        assert_eq!(own["receipt"]["verdict"], "valid", "{own}");
        assert_eq!(thread.session(&session)["verdict"], "valid");
        assert_eq!(receipts(attacker), number);
    }
    // What is left for this customer from now on comes to their own wallet.
    until_answered(bank, attacker);
    request(bank, "SENERE", ATTACKER, &["--mailbox"]).expect(0);
    until("the request is there", || {
        fetched(attacker);
        !waiting(attacker).is_empty()
    });
    fetched(&victim);
    let theirs = victim.ok(&["wallet", "requests"])["requests"].to_string();
    assert!(!theirs.contains("SENERE"), "{theirs}");
    expect_unpaired(bank, VICTIM);
}

#[test]
fn a_victims_answer_to_the_attackers_session_is_discarded_from_the_mailbox_too() {
    let mut thread = Thread::new();
    let victim = thread.joined("victim", VICTIM);
    // Each in a session of their own; the victim can be written to, and can write.
    thread.paired();
    pair(&thread.bank, &victim, "NETTBANK", VICTIM);
    for (number, (case, is_standing)) in (1..).zip([("LAN", false), ("INNLOGGING", true)]) {
        let (session, link) = begin(&thread.bank, case, is_standing);
        let id = receive(&victim, &link);
        let before = thread.session(&session);
        leave_yes(&mut thread.bank, &victim, &id);
        until("the bank has discarded it", || {
            thread.bank.ok(&["node", "status"]);
            let log = std::fs::read_to_string(thread.bank.log()).expect("reads");
            let mut lines = log.lines().filter(|line| line.contains("a letter without effect"));
            lines
                .by_ref()
                .filter(|line| line.contains("code=wrong_subject"))
                .count()
                == number
        });
        assert_eq!(thread.session(&session), before, "as if nobody had answered");
        expect_nothing_of(&thread.bank, &before);
        let grants = thread.bank.ok(&["verifier", "grants", "list"]);
        assert_eq!(grants["grants"], serde_json::json!([]));

        // The attacker's own answer, by the same way.
        let id = receive(&thread.citizen, &link);
        leave_yes(&mut thread.bank, &thread.citizen, &id);
        until("the bank has read it", || {
            thread.session(&session)["verdict"] == "valid"
        });
        let seen = thread.session(&session).to_string();
        assert!(!seen.contains(VICTIM), "{seen}");
        until("its receipt is there", || {
            fetched(&thread.citizen);
            receipts(&thread.citizen) == number + 1
        });
        until("the victim is told that nothing came of it", || {
            fetched(&victim);
            refusals(&victim) == number
        });
        // Of what was discarded there is none: the one receipt is that of the pairing.
        if is_standing {
            until_answered(&thread.loans, &victim);
            take_back(&victim);
        }
        assert_eq!((fetched(&victim), receipts(&victim)), (0, 1));
        if is_standing {
            let grants = thread.bank.ok(&["verifier", "grants", "list"]);
            assert_eq!(grants["grants"].as_array().map(Vec::len), Some(1));
        }
    }
    // What the bank leaves for the attacker never comes to the victim.
    request(&thread.bank, "SENERE", ATTACKER, &["--mailbox"]).expect(0);
    until("the request is there", || {
        fetched(&thread.citizen);
        !waiting(&thread.citizen).is_empty()
    });
    fetched(&victim);
    let theirs = victim.ok(&["wallet", "requests"])["requests"].to_string();
    assert!(!theirs.contains("SENERE"), "{theirs}");
}
