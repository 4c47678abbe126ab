//! Where `bevis demo` stops when something is missing, and that it leaves nothing behind then either.

use crate::network::{Network, argument};
use crate::telling::{Demo, NODES, first, signal};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn it_ends_where_a_node_is_killed() {
    // Node, when it is killed, and the step that can then not be finished.
    let kills = [
        ("identity", "1 demo processes", 1),
        ("tax", "2 citizen collected C01", 2),
        ("loans", "2 citizen collected C02", 2),
        ("guarantor", "2 company words", 2),
        ("registry", "3 bank asked S01", 3),
        ("bank", "3 bank verdict S01", 3),
        ("company", "3 bank verdict S15", 3),
        ("citizen", "4 bank refused over_ask_own", 4),
        ("roads", "4 stranger stranger_collected", 4),
    ];
    let killed: BTreeSet<&str> = kills.iter().map(|(node, ..)| *node).collect();
    assert_eq!(killed, NODES.iter().copied().collect(), "each of the nine");
    let check = |(node, moment, step): (&str, &str, u64)| {
        let mut demo = Demo::start(&[]);
        demo.until(moment);
        signal(demo.pid(node), "KILL");
        let ended = demo.end();
        assert!(ended.exit > 0, "{node}: ended with {}", ended.exit);
        let last = ended.told.last().expect("told");
        assert_eq!(last["event"], "stopped", "{node}: {last}");
        assert_eq!(last["step"], step, "{node}: {last}\n{}", ended.stderr);
        assert_eq!(last["facts"]["code"], "unreachable", "{node}: {last}\n{}", ended.stderr);
    };
    // Two at a time: a story is mostly waiting.
    std::thread::scope(|scope| {
        for half in [&kills[..5], &kills[5..]] {
            scope.spawn(move || half.iter().copied().for_each(check));
        }
    });
}

#[test]
fn another_root_stops_it_at_the_trust_list() {
    // The whole story, in which the nodes start from the root of those who sign, stands beside it.
    assert!(first().keys().contains(&"1 demo trusted".to_owned()));
    let other = Network::new();
    let ended = Demo::start(&["--root", argument(other.root())]).end();
    assert!(ended.exit > 0);
    let keys = ended.keys();
    let [.., before, last] = keys.as_slice() else {
        panic!("{keys:?}")
    };
    assert_eq!(
        (before.as_str(), last.as_str()),
        ("1 anchor signed", "1 demo stopped"),
        "at the first import"
    );
    let stopped = &ended.told.last().expect("told")["facts"];
    assert_eq!(stopped["code"], "trust_mismatch", "{stopped}");
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    for moment in [
        "1 demo processes",
        "1 lender listed",
        "2 citizen collected C01",
        "3 bank asked S15",
    ] {
        let mut demo = Demo::start(&[]);
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
