//! A network in which nobody signs heads any more, or somebody keeps the new ones from us: a day later nothing is decided.

use crate::clocks::Passing;
use crate::network::{BANK, IDENTITY, Network, TAX, argument, ask, collect, import, receive, text, until};
use crate::process::{Home, finish};
use crate::refusals::line;
use crate::refusals::stage::entry;
use crate::spread::found;
use crate::stranger::World;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation};
use node::clock;
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Longer than a head lasts, and well within what everything else does.
const FROZEN: i64 = 25 * 3_600;

/// A list for a month, and a head of so many seconds from now.
fn publish(network: &Network, anchors: &mut Ceremony, listed: Vec<Organisation>) -> PathBuf {
    let now = clock::now();
    let draft = Draft {
        sequence: 1,
        operator: "Testnett".to_owned(),
        issued: now,
        next_update: now.plus(30 * DAY),
        organisations: listed,
    };
    let bundle = anchors.publish(&draft, now).expect("signs");
    let file = network.folder().join("trust.json");
    std::fs::write(&file, bundle.to_text().expect("JSON")).expect("writes");
    file
}

fn take(file: &Path, homes: [&Home; 4]) {
    for home in homes {
        home.ok(&["trust", "import", argument(file)]);
    }
}

/// State and copies left of what a wallet holds.
fn held(wallet: &Home) -> Vec<Value> {
    let list = wallet.ok(&["wallet", "list"])["credentials"].clone();
    let list = list.as_array().expect("a list").iter();
    list.map(|held| json!([held["state"], held["copies_left"]])).collect()
}

#[test]
fn without_a_fresh_head_nothing_is_decided_shown_or_asked_until_one_comes() {
    let line = line("a trust list that nobody confirms any more");
    let world = World::new();
    let mut anchors = world.anchors();
    let network = Network::trusting(&world.root());
    let time = Passing::begin(network.folder());
    let timed = |mut home: Home| {
        home.set_environment(time.environment());
        home
    };
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|one| timed(network.init(&one, &[])));
    let citizen = timed(network.wallet("citizen", &[]));
    let mut listed = Vec::new();
    for (organisation, home) in [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)] {
        home.serve(&[]);
        listed.push(entry(organisation, home));
    }
    let file = publish(&network, &mut anchors, listed);
    take(&file, [&identity, &tax, &bank, &citizen]);
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    until("the tax office knows the status of what identifies", || {
        tax.ok(&["node", "status"])["mirrored"]
            .to_string()
            .contains(IDENTITY.did)
    });
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");
    let file = network.folder().join("export.json");
    citizen.ok(&["wallet", "export", argument(&file)]);
    let export: Value = serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    let credentials = export["credentials"].as_array().expect("credentials");
    let income = credentials
        .iter()
        .find(|held| text(&held["type"]).contains("MonthlyIncome"));
    let income = text(&income.expect("is held")["copies"][0]["credential"]);
    let check = |bank: &Home| bank.run_with(&["verifier", "check", "-"], &income);
    until("valid at the bank", || check(&bank).exit == 0);

    // A request that outlives the freeze, taken before it.
    let long = [
        "verifier",
        "request",
        "--service",
        "S01",
        "--case",
        "LAN-1",
        "--type",
        "C02",
        "--seconds",
        "172800",
    ];
    let asked = bank.run_with(&[&long[..], &["--subject", "-"]].concat(), &format!("{CITIZEN}\n"));
    let asked = asked.expect(0).json();
    let waiting = receive(&citizen, &text(&asked["link"]));
    let before = held(&citizen);
    assert_eq!(found(&bank, "trust").expect("looked at")["state"], "ok");

    time.pass(FROZEN);
    let said = check(&bank);
    assert_eq!(said.json()["verdict"], "undecided", "{said:?}");
    line.expect_json(said);
    for language in node::text::LANGUAGES {
        let typed = bank.typed(&["--lang", language, "verifier", "check", "-"]);
        line.expect_text(finish(typed, &income), language);
    }
    let present = ["--yes", "wallet", "present", &waiting];
    line.expect_json(citizen.run(&present));
    for language in node::text::LANGUAGES {
        let typed = [&["--lang", language], &present[..]].concat();
        line.expect_text(finish(citizen.typed(&typed), ""), language);
    }
    let session = text(&asked["session"]);
    let sessions = bank.ok(&["verifier", "sessions"])["sessions"].clone();
    let session = sessions
        .as_array()
        .expect("sessions")
        .iter()
        .find(|it| it["id"] == session)
        .cloned();
    assert_eq!(session.expect("is open")["state"], "fetched", "nothing was shown");
    let try_ask = || crate::network::try_ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    line.expect_json(try_ask());
    for home in [&bank, &citizen] {
        let finding = found(home, "trust").expect("looked at");
        assert_eq!(finding["state"], "fail", "{finding}");
        assert!(text(&finding["detail"]).starts_with(line.code.as_str()), "{finding}");
    }

    // An anchor signs again, of the same list: everything goes on, and the copies that were not shown are there.
    let bundle = anchors.renew(clock::now().plus(FROZEN)).expect("a head");
    std::fs::write(&file, bundle.to_text().expect("JSON")).expect("writes");
    take(&file, [&identity, &tax, &bank, &citizen]);
    until("valid at the bank again", || check(&bank).exit == 0);
    assert_eq!(found(&bank, "trust").expect("looked at")["state"], "ok");
    assert_eq!(held(&citizen), before);
    let shared = citizen.ok(&present);
    assert_eq!(shared["receipt"]["verdict"], "valid", "{shared}");
    ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
}
