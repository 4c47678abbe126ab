//! The activation code that the first collecting rests on.

use super::{NUMBERS, begin};
use crate::intruder::{Intruder, expect_log};
use crate::network::{IDENTITY, Network, argument};
use crate::process::{Home, finish};
use crate::refusals::{Line, line};
use credentials::Code;
use node::population::{CITIZEN, STRANGER};
use std::path::Path;

/// A file with an activation code.
fn code_file(network: &Network, name: &str, code: &str) -> std::path::PathBuf {
    let file = network.folder().join(name);
    std::fs::write(&file, code).expect("writes");
    file
}

/// A code of the right form that is not this one.
fn another(code: &str) -> String {
    let mut other: Vec<char> = code.trim().chars().collect();
    other[0] = if other[0] == 'A' { 'B' } else { 'A' };
    other.into_iter().collect()
}

/// What an offer says to a person who has the right code, in JSON and in two languages.
fn expect_offer_refused(line: &Line, wallet: &Home, link: &str, code: &Path) {
    let arguments = ["wallet", "receive", link, "--code-file", argument(code)];
    line.expect_json(wallet.run(&arguments));
    for language in ["nb", "en"] {
        let typed = [&["--lang", language][..], &arguments].concat();
        line.expect_text(finish(wallet.typed(&typed), ""), language);
    }
}

#[test]
fn an_activation_code_is_wrong_at_most_five_times() {
    let line = line("activation code wrong five times");
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let (citizen, stranger) = (network.wallet("citizen", &[]), network.wallet("stranger", &[]));
    let begun = begin(&network, &mut [(&IDENTITY, &mut identity)], &[&citizen, &stranger]);
    let pid = identity.pid();
    let guesser = Intruder::new(&begun.trust);

    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let right = std::fs::read_to_string(&code).expect("reads");
    let collecting = guesser.begin_offer(&link).expect("terms");
    let wrong = another(&right);
    let tries: Vec<Code> = (0..5)
        .filter_map(|_| guesser.collect(&collecting, collecting.by_code(&wrong)).err())
        .collect();
    assert_eq!(tries, [Code::WrongCode; 5]);
    let sixth = guesser.collect(&collecting, collecting.by_code(&right));
    assert_eq!(sixth.err(), Some(line.code), "the right one comes too late");
    assert_eq!(guesser.begin_offer(&link).err().map(|p| p.code), Some(line.code));
    expect_offer_refused(line, &citizen, &link, &code);
    expect_log(
        &identity,
        line.code,
        &[&NUMBERS[..], &[right.as_str(), wrong.as_str()]].concat(),
    );
    expect_log(&identity, Code::WrongCode, &[]);

    // Four wrong ones leave a fifth, and another's offer is not touched.
    let (link, code) = network.personal_offer(&identity, STRANGER);
    let right = std::fs::read_to_string(&code).expect("reads");
    let file = code_file(&network, "wrong", &another(&right));
    for _ in 0..4 {
        let said = stranger.run(&["wallet", "receive", &link, "--code-file", argument(&file)]);
        said.expect_problem(7, "wrong_code");
    }
    let collected = stranger.ok(&["wallet", "receive", &link, "--code-file", argument(&code)]);
    assert_eq!(collected["outcome"], "collected");
    // And a new offer to the first person opens with its own code.
    network.identify(&identity, &citizen, CITIZEN);
    assert_eq!(identity.pid(), pid, "the same process");
}

#[test]
fn wrong_activation_codes_are_counted_across_a_kill() {
    let line = line("activation code wrong five times, and after a restart");
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let citizen = network.wallet("citizen", &[]);
    let begun = begin(&network, &mut [(&IDENTITY, &mut identity)], &[&citizen]);

    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let right = std::fs::read_to_string(&code).expect("reads");
    let wrong = another(&right);
    let guess = |times: usize| {
        let guesser = Intruder::new(&begun.trust);
        let collecting = guesser.begin_offer(&link).expect("terms");
        for _ in 0..times {
            let refused = guesser.collect(&collecting, collecting.by_code(&wrong)).err();
            assert_eq!(refused, Some(Code::WrongCode));
        }
        (guesser, collecting)
    };
    guess(2);
    identity.kill();
    identity.serve(&["--log", "debug"]);
    let (guesser, collecting) = guess(3);
    let sixth = guesser.collect(&collecting, collecting.by_code(&right));
    assert_eq!(sixth.err(), Some(line.code));
    expect_offer_refused(line, &citizen, &link, &code);
    expect_log(
        &identity,
        line.code,
        &[&NUMBERS[..], &[right.as_str(), wrong.as_str()]].concat(),
    );

    // With one fewer on the way the right one is taken.
    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let right = std::fs::read_to_string(&code).expect("reads");
    let wrong = another(&right);
    for times in [2, 2] {
        let guesser = Intruder::new(&begun.trust);
        let collecting = guesser.begin_offer(&link).expect("terms");
        for _ in 0..times {
            let refused = guesser.collect(&collecting, collecting.by_code(&wrong)).err();
            assert_eq!(refused, Some(Code::WrongCode));
        }
        identity.kill();
        identity.serve(&["--log", "debug"]);
    }
    let collected = citizen.ok(&["wallet", "receive", &link, "--code-file", argument(&code)]);
    assert_eq!(collected["outcome"], "collected");
}
