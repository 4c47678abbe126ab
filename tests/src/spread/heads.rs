//! Whose word counts for which trust list is the newest.

use super::{found, version};
use crate::clocks::Passing;
use crate::impostor::{Act, Impostor};
use crate::network::{BANK, IDENTITY, Network, TAX, argument, receive, text, until};
use crate::process::Home;
use credentials::protocol::{self, trust as messages};
use credentials::trust::{Bundle, Head};
use node::network::Protocol;
use node::population::CITIZEN;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn head(bundle: &Path) -> Vec<String> {
    let bytes = std::fs::read(bundle).expect("reads");
    Bundle::parse(&bytes).expect("a bundle").head
}

/// Has the impostor show a head to whoever asks for it, and claim its version; how often it has shown it.
fn shows(impostor: &Impostor, head: &[String]) -> Arc<AtomicUsize> {
    let shown = Arc::new(AtomicUsize::new(0));
    let (counted, head) = (Arc::clone(&shown), head.to_vec());
    let version = Head::read(&head).expect("a head").number();
    impostor.behave(move |name, body| {
        if name != Protocol::Trust.as_str() {
            return Act::Bytes(Vec::new());
        }
        let reply = match protocol::decode(&body, messages::LIMIT).expect("a question") {
            messages::Ask::Version => messages::Reply::Version(version),
            messages::Ask::Head => {
                counted.fetch_add(1, Ordering::Relaxed);
                messages::Reply::Head { head: head.clone() }
            }
            _ => return Act::Bytes(Vec::new()),
        };
        Act::Answer(protocol::encode(&reply).expect("encodes"))
    });
    shown
}

#[test]
fn a_head_before_the_one_that_a_restored_home_holds_opens_no_gate() {
    let network = Network::new();
    let mut bank = network.init(&BANK, &[]);
    let impostor = Impostor::start("did:web:lure.example", "315902738", "LOKKE MIDDEL AS");
    impostor.list(&network, &[]);
    network.begin(&mut [(&BANK, &mut bank)], &[], &[]);
    let older = head(&network.folder().join("trust.json"));
    let second = network.sign();
    bank.ok(&["trust", "import", argument(&second)]);
    let newest = head(&second);
    let copy = network.folder().join("bank.copy");
    bank.ok(&["backup", "create", argument(&copy)]);
    bank.kill();

    let shown = shows(&impostor, &older);
    let mut bank = Home::new(network.folder(), "bank-back");
    bank.ok(&["backup", "restore", argument(&copy)]);
    bank.serve(&[]);
    let awaits = || found(&bank, "caught-up").map(|finding| text(&finding["detail"]));
    until("an older head was shown again and again", || {
        assert_eq!(awaits().as_deref(), Some("0/1"));
        shown.load(Ordering::Relaxed) >= 3
    });
    assert_eq!(awaits().as_deref(), Some("0/1"));
    shows(&impostor, &newest);
    until("the newest head opens the gate", || awaits().is_none());
}

#[test]
fn a_wallet_hears_of_a_new_list_from_others_by_its_own_clock_and_at_the_door_when_it_was_off() {
    let network = Network::new();
    let time = Passing::begin(network.folder());
    let timed = |mut home: Home| {
        home.set_environment(time.environment());
        home
    };
    let [mut identity, mut tax, mut bank] =
        [IDENTITY, TAX, BANK].map(|organisation| timed(network.init(&organisation, &[])));
    let [mut runs, rests] = ["citizen", "owner"].map(|name| timed(network.wallet(name, &[])));
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)],
        &[&runs, &rests],
        &[],
    );
    runs.serve(&[]);
    let day = ["--seconds", "86400", "--subject", CITIZEN, "--type", "C02"];
    let asked = bank.ok(&[
        &["verifier", "request", "--service", "S01", "--case", "LAN-1"],
        &day[..],
    ]
    .concat());
    let waiting = [&runs, &rests].map(|wallet| receive(wallet, &text(&asked["link"])));
    let held = version(&runs);

    // The bank is struck off. Nobody tells wallets, and neither asks again within the hour.
    network.propose(&["--remove", BANK.did]);
    let next = network.sign();
    for home in [&identity, &tax] {
        home.ok(&["trust", "import", argument(&next)]);
    }
    assert_eq!(version(&runs), held);
    time.pass(3_700);
    until("the wallet that runs has asked by itself", || version(&runs) != held);
    for (wallet, id) in [&runs, &rests].into_iter().zip(&waiting) {
        let said = wallet.run(&["--yes", "wallet", "present", id]).expect(3).json();
        assert_eq!(said["code"], json!("unknown_verifier"), "{said}");
    }
}
