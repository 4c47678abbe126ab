//! `bevis demo consent`: the story of a standing consent, step by step with what each must say, and that it leaves nothing behind.

use crate::telling::{Demo, Ended};
use serde_json::{Value, json};

const STORY: &[&str] = &[
    "1 anchor anchor",
    "1 anchor-bank anchor",
    "1 anchor-other anchor",
    "1 anchor founded",
    "1 identity ready",
    "1 identity listed",
    "1 loans ready",
    "1 loans listed",
    "1 bank ready",
    "1 bank listed",
    "1 insurer ready",
    "1 insurer listed",
    "1 pension ready",
    "1 pension listed",
    "1 anchor signed",
    "1 identity imported C01",
    "1 loans imported C04",
    "1 citizen collected C01",
    "2 citizen consent-granted",
    "2 citizen consent-closed",
    "2 bank consent-used",
    "2 bank consent-used",
    "2 bank consent-used",
    "2 citizen consent-seen",
    "2 citizen consent-use",
    "2 citizen consent-use",
    "2 citizen consent-use",
    "2 citizen consent-withdrawn",
    "2 loans consent-refused",
    "2 bank consent-erased",
    "3 citizen consent-granted",
    "3 citizen consent-closed",
    "3 bank consent-used",
    "3 bank consent-used",
    "3 bank consent-used",
    "3 bank consent-off",
    "3 citizen consent-withdrawn",
    "3 citizen consent-closed",
    "3 loans consent-refused",
    "3 bank consent-heard",
    "3 bank consent-erased",
    "3 citizen consent-receipt",
    "4 citizen consent-granted",
    "4 citizen consent-closed",
    "4 bank consent-used",
    "4 bank consent-used",
    "4 bank consent-used",
    "4 loans consent-off",
    "4 citizen consent-withdrawn",
    "4 citizen consent-closed",
    "4 bank consent-erased",
    "4 loans consent-refused",
    "4 loans consent-heard",
    "4 citizen consent-receipt",
    "4 demo end",
];

/// Longest time in which whoever was off has heard of it, in milliseconds.
const HEARD_MS: u64 = 60_000;

/// What was told of one event, each time that it was.
fn all<'a>(told: &'a Ended, step: u32, event: &str) -> Vec<&'a Value> {
    let is_it = |one: &&Value| one["step"] == step && one["event"] == event;
    told.told.iter().filter(is_it).collect()
}

/// A time that was told.
fn ms(event: &Value) -> u64 {
    event["run"]["ms"]
        .as_u64()
        .unwrap_or_else(|| panic!("no time: {event}"))
}

#[test]
fn the_demo_of_consent_tells_each_step_and_leaves_nothing_behind() {
    // That nothing is left, `end` asserts.
    let told = Demo::consent(&[]).end().expect(0);
    assert_eq!(told.keys(), STORY);
    assert_eq!(told.stderr, "", "nothing to complain about");
    for (step, [issuer_told, asker_told]) in [(2, [true, true]), (3, [true, false]), (4, [false, true])] {
        ms(all(&told, step, "consent-granted")[0]);
        // The bank fetches three times while the wallet is closed, and gets the balance.
        let used = all(&told, step, "consent-used");
        for (number, one) in (1..).zip(&used) {
            assert_eq!(one["facts"]["number"], number, "{one}");
            assert!(one["facts"]["claims"]["TotalAmount"]["amount"].is_string(), "{one}");
            ms(one);
        }
        // One action, and whoever is at work knows.
        let withdrawn = all(&told, step, "consent-withdrawn")[0];
        let facts = json!({ "issuer_told": issuer_told, "asker_told": asker_told });
        assert_eq!(withdrawn["facts"], facts);
        ms(withdrawn);
        let refused = &all(&told, step, "consent-refused")[0]["facts"];
        assert_eq!(refused["code"], "withdrawn");
        assert_eq!(refused["sentence"], "The consent was taken back.");
        // What the bank signed: three releases erased, and the record of the consent itself kept.
        let erased = &all(&told, step, "consent-erased")[0]["facts"];
        assert_eq!(*erased, json!({ "erased": 3, "kept": 1, "ground": "consent_record" }));
    }
    let seen = all(&told, 2, "consent-seen")[0];
    assert_eq!(seen["facts"]["count"], 3);
    ms(seen);
    for (number, one) in (1..).zip(all(&told, 2, "consent-use")) {
        assert_eq!(one["facts"]["number"], number);
        assert!(one["run"]["at"].is_string(), "{one}");
    }
    for (step, who) in [(3, "bank"), (4, "loans")] {
        let heard = all(&told, step, "consent-heard")[0];
        assert!(heard["node"] == who && ms(heard) <= HEARD_MS, "{heard}");
        assert_eq!(all(&told, step, "consent-receipt")[0]["facts"]["by"], who);
    }
    assert!(told.find("4 demo end")["run"]["total_ms"].is_u64());
}

#[test]
fn an_interrupted_story_of_consent_leaves_nothing_behind() {
    let mut demo = Demo::consent(&["--tcp"]);
    demo.until("2 bank consent-used");
    demo.interrupt();
    let told = demo.end().expect(6);
    assert_eq!(told.told.last().expect("told")["event"], "stopped");
}
