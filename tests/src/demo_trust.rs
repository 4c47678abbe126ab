//! `bevis demo trust` in a small size: every change reaches every node, every bank answers by it, and nothing is left behind,
//! with and without nodes that lie.

use crate::telling::{Demo, Ended};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SMALL: &[&str] = &["--anchors", "3", "--agencies", "4", "--banks", "8"];

const STORY: &[&str] = &[
    "1 anchor root",
    "1 demo homes",
    "1 demo processes",
    "1 anchor list",
    "1 demo trusted",
    "1 demo collected",
    "1 demo collected",
    "1 demo memory",
    "1 demo memory",
    "2 demo answers before_admission",
    "2 demo rest",
    "2 demo spread admitted",
    "2 demo collected",
    "2 demo answers admitted",
    "3 demo answers before_rotation",
    "3 demo rest",
    "3 demo spread rotated",
    "3 demo collected",
    "3 demo answers old_key",
    "3 demo answers new_key",
    "4 demo answers before_delisting",
    "4 demo rest",
    "4 demo spread delisted",
    "4 demo answers delisted",
    "5 demo answers before_revocation",
    "5 demo rest",
    "5 demo spread revoked",
    "5 demo answers revoked",
    "6 demo rest",
    "6 demo spread bankrupt",
    "6 demo matched",
    "7 demo memory",
    "7 demo memory",
    "7 demo end",
];

/// Who got each change: of the twelve nodes, all but the one that is admitted, which is given it by hand; then all; after the rogue was thrown out, all but it; of revocations, the banks.
fn all_reached(told: &Ended) {
    let reached: BTreeMap<&str, u64> = ["admitted", "rotated", "delisted", "revoked", "bankrupt"]
        .into_iter()
        .zip([11, 12, 11, 8, 8])
        .collect();
    for event in told.told.iter().filter(|event| event["event"] == "spread") {
        let what = event["facts"]["what"].as_str().expect("text");
        let run = &event["run"];
        assert_eq!(
            (run["nodes"].as_u64(), run["seen"].as_u64()),
            (Some(reached[what]), Some(reached[what])),
            "{event}"
        );
        let times: Vec<u64> = ["p50_ms", "p95_ms", "p99_ms", "p100_ms"]
            .iter()
            .map(|share| run[*share].as_u64().expect("a time"))
            .collect();
        assert!(times.is_sorted() && times[3] <= 60_000, "{event}");
    }
}

#[test]
fn every_change_reaches_every_node_and_every_bank_answers_by_it() {
    let told = Demo::trust(SMALL).end().expect(0);
    assert_eq!(told.keys(), STORY);
    assert_eq!(told.stderr, "", "nothing to complain about");
    all_reached(&told);
    for (what, answer) in [
        ("2 demo answers admitted", "valid"),
        ("3 demo answers old_key", "valid"),
        ("3 demo answers new_key", "valid"),
        ("4 demo answers before_delisting", "valid"),
        ("4 demo answers delisted", "unknown_issuer"),
        ("5 demo answers before_revocation", "valid"),
        ("5 demo answers revoked", "revoked"),
    ] {
        let facts = &told.find(what)["facts"];
        assert_eq!(
            (&facts["answer"], &facts["banks"]),
            (&json!(answer), &json!(8)),
            "{what}"
        );
    }
    for memory in told.told.iter().filter(|event| event["event"] == "memory") {
        assert!(memory["run"]["resident_kib"].as_u64() > Some(1_000), "{memory}");
    }
}

#[test]
fn a_fifth_of_the_nodes_that_lie_or_are_silent_keep_nothing_from_the_others() {
    // Three of fifteen, over the transport that the other story does not take: one of each kind that answers, and a silent one.
    let told = Demo::trust(&[SMALL, &["--liars", "3", "--tcp"]].concat())
        .end()
        .expect(0);
    assert_eq!(told.find("1 demo liars")["facts"]["count"], 3);
    all_reached(&told);
    assert_eq!(told.find("5 demo answers revoked")["facts"]["answer"], "revoked");
}

#[test]
fn an_interrupted_story_of_trust_leaves_nothing_behind() {
    for moment in ["1 demo processes", "2 demo spread admitted"] {
        let mut demo = Demo::trust(SMALL);
        demo.until(moment);
        demo.interrupt();
        let ended = demo.end();
        assert!(ended.exit > 0, "{moment}");
        let last = ended.told.last().expect("told");
        assert_eq!(
            (&last["event"], &last["facts"]["code"]),
            (&json!("stopped"), &json!("not_confirmed")),
            "{moment}"
        );
    }
}

#[test]
fn it_ends_where_a_bank_is_killed() {
    let mut demo = Demo::trust(SMALL);
    demo.until("1 demo trusted");
    crate::telling::signal(demo.pid("bank-003"), "KILL");
    let ended = demo.end();
    assert!(ended.exit > 0);
    let last: &Value = ended.told.last().expect("told");
    assert_eq!(
        (&last["event"], &last["facts"]["code"]),
        (&json!("stopped"), &json!("unreachable")),
        "{last}"
    );
}
