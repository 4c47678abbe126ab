//! The volume of the access log is full: no log, no data, and what was asked of the source meanwhile is not lost.

use crate::mailboxes::Thread;
use crate::network::{LOANS, text, until};
use crate::process::Home;
use crate::refusals::line;
use crate::volume::{fill, is_within, mount};
use node::population::CITIZEN;
use serde_json::Value;

pub(super) const FULL: &str = "without_room_for_the_log_nothing_is_released_and_a_withdrawal_waits";

/// What a refresh said, asked of the source whatever the bank knows.
fn refresh(bank: &Home, name: &str) -> Result<Value, String> {
    let said = bank.run(&["verifier", "grants", "refresh", name, "--even-so"]);
    match said.exit {
        0 => Ok(said.json()["release"].clone()),
        _ => {
            let problem: Value = serde_json::from_str(&said.stderr).expect("JSON");
            Err(text(&problem["code"]))
        }
    }
}

#[test]
fn without_room_for_the_log_nothing_is_released_and_a_withdrawal_waits() {
    if !is_within(module_path!(), FULL) {
        return;
    }
    let line = line("a refresh that cannot be logged");
    let mut thread = Thread::prepared(|network| mount(&network.folder().join(LOANS.home), "size=16m,mode=0700"));
    let disk = thread.loans.path().to_owned();
    let (id, name) = thread.granted();
    until("both have said where they are reached", || {
        thread.fetched();
        refresh(&thread.bank, &name).expect("released");
        thread.grant(&id)["uses"].as_array().is_some_and(|uses| uses.len() >= 2)
    });
    let mut last = refresh(&thread.bank, &name).expect("released")["number"].clone();
    let filler = fill(&disk);
    // What is left of a page that the journal has already takes a few; each that came counts.
    let refused = (0..8).find_map(|_| match refresh(&thread.bank, &name) {
        Ok(release) => {
            last = release["number"].clone();
            None
        }
        Err(code) => Some(code),
    });
    assert_eq!(refused.as_deref(), Some(line.code.as_str()));
    let said = thread.bank.run(&["verifier", "grants", "refresh", &name]);
    line.expect_json(said);
    assert_eq!(
        thread.bank.ok(&["verifier", "grants", "show", &name])["grant"]["uses"],
        last,
        "nothing came"
    );
    std::fs::remove_file(filler).expect("removes");
    let next = refresh(&thread.bank, &name).expect("there is room again");
    assert_eq!(
        next["number"].as_u64(),
        last.as_u64().map(|last| last + 1),
        "none was counted"
    );

    // A withdrawal comes by way of the mailbox to a source that has no room for it, and counts before anything else.
    assert_eq!(thread.loans.terminate(), 0);
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(withdrawn["issuer_told"], false);
    for post in &mut thread.posts {
        assert_eq!(post.terminate(), 0);
    }
    thread.loans.serve(&["--log", "debug"]);
    let filler = fill(&disk);
    // Nothing shorter than a withdrawal is left of a page either.
    let offering = ["issuer", "offer", "--type", "C04", "--subject", CITIZEN];
    let is_full = (0..200).any(|_| thread.loans.run(&offering).exit != 0);
    assert!(is_full, "the disk is full");
    assert_eq!(refresh(&thread.bank, &name), Err("catching_up".to_owned()));
    for post in &mut thread.posts {
        post.serve(&[]);
    }
    until("the source finds a letter that it cannot keep", || {
        assert_eq!(refresh(&thread.bank, &name), Err("catching_up".to_owned()));
        std::fs::read_to_string(thread.loans.log()).is_ok_and(|log| log.contains("a letter waits"))
    });
    std::fs::remove_file(filler).expect("removes");
    let first = refresh(&thread.bank, &name);
    assert_eq!(
        first,
        Err("withdrawn".to_owned()),
        "the letter that waited counts first"
    );
}
