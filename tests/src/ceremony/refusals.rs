//! What a home takes no bundle for, and what an anchor's home does not sign.

use super::{changes, file, read, try_propose, try_publish, try_sign, write};
use crate::network::{BANK, Network, TAX, argument};
use crate::process::{Home, finish, folder};
use crate::spread::{counted, found};
use serde_json::json;
use std::path::Path;

fn import(home: &Home, bundle: &Path, more: &[&str]) -> crate::process::Said {
    home.run(&[&["trust", "import", argument(bundle)], more].concat())
}

#[test]
fn a_bundle_is_taken_from_the_first_root_of_the_home_only_and_never_an_older_one() {
    let (network, other) = (Network::new(), Network::new());
    let mut bank = network.init(&BANK, &[]);
    bank.serve(&[]);
    for network in [&network, &other] {
        network.list(&bank, &[], BANK.services);
    }
    let (first, foreign) = (network.sign(), other.sign());
    bank.run(&["trust", "show"]).expect_problem(4, "trust_missing");
    import(&bank, &foreign, &[]).expect_problem(3, "trust_mismatch");
    import(&bank, &foreign, &["--root", other.fingerprint()]).expect_problem(3, "trust_mismatch");

    let text = std::fs::read_to_string(&first).expect("reads");
    let altered = file(&network, "altered.json");
    let head = text.find("\"head\"").expect("a head");
    let signature = text.rfind('"').expect("ends with the head");
    for (what, code) in [
        // A list that is not the one that the head names.
        (
            text.replacen("SYNTETISK SPAREBANK", "SYNTETISK SPAREBANC", 1),
            "trust_mismatch",
        ),
        (text.replacen("127.0.0.1", "127.0.0.2", 1), "trust_mismatch"),
        // Another root under the number of ours.
        (
            text.replacen("Tilsynet for testnett", "Tilsynet for testnetz", 1),
            "signature_invalid",
        ),
        // The signature of the head, cut by a letter.
        (format!("{}{}", &text[..signature - 1], &text[signature..]), "malformed"),
        (text[..head].to_owned(), "malformed"),
    ] {
        assert_ne!(what, text);
        std::fs::write(&altered, what).expect("writes");
        let said = import(&bank, &altered, &[]).expect(3);
        assert_eq!(said.json()["code"], code, "{said:?}");
    }
    bank.run(&["trust", "show"]).expect_problem(4, "trust_missing");

    let older = file(&network, "older.json");
    std::fs::write(&older, &text).expect("writes");
    assert_eq!(import(&bank, &older, &[]).expect(0).json()["sequence"], 1);
    assert_eq!(
        import(&bank, &older, &[]).expect(0).json()["sequence"],
        1,
        "the same again is no other"
    );
    let second = network.sign();
    let (second_kept, older_file) = (file(&network, "second.json"), older.clone());
    std::fs::copy(&second, &second_kept).expect("copies");
    assert_eq!(import(&bank, &second, &[]).expect(0).json()["sequence"], 2);
    import(&bank, &older, &[]).expect_problem(3, "trust_rollback");
    assert_eq!(bank.ok(&["trust", "show"])["sequence"], 2);

    // Both sides are kept, and somebody is to look at it.
    let finding = found(&bank, "older-list").expect("a finding");
    assert_eq!(
        (&finding["state"], &finding["code"]),
        (&json!("warn"), &json!("trust_rollback"))
    );
    assert_eq!(counted(&bank, "bevis_alarms{code=\"trust_rollback\"}"), 1);
    assert_eq!(counted(&bank, "bevis_alarms_lost_total"), 0);
    let alarms = bank.ok(&["node", "alarms"])["alarms"].clone();
    let id = crate::network::text(&alarms[0]["id"]);
    assert_eq!(
        (alarms.as_array().map(Vec::len), &alarms[0]["from"]),
        (Some(1), &json!("import"))
    );
    let sides = |bundle: &Path| read(bundle)["head"][0].clone();
    let shown = bank.ok(&["node", "alarms", &id])["alarms"][0]["evidence"].clone();
    assert_eq!(shown, json!([sides(&second_kept), sides(&older_file)]));

    // What it knows stands across a restart.
    bank.stop();
    assert_eq!(bank.ok(&["trust", "show"])["sequence"], 2);
    assert_eq!(bank.ok(&["node", "alarms", &id])["alarms"][0]["evidence"], shown);
    bank.ok(&["node", "alarms", &id, "--dismiss"]);
    assert_eq!(found(&bank, "older-list"), None);
    assert_eq!(counted(&bank, "bevis_alarms{code=\"any\"}"), 0);
    assert_eq!(
        bank.ok(&["node", "alarms", &id])["alarms"][0]["evidence"],
        shown,
        "it is kept"
    );
    import(&bank, &older, &[]).expect_problem(3, "trust_rollback");
}

#[test]
fn a_home_without_a_first_root_takes_the_one_whose_fingerprint_a_person_types_and_then_no_other() {
    let (network, other) = (Network::new(), Network::new());
    let (bundle, foreign) = (network.sign(), other.sign());
    let folder = folder();
    let wallet = Home::new(folder.path(), "wallet");
    let made = wallet.ok(&["init", "--role", "wallet", "--profile", "test"]);
    assert!(made["root"].is_null());
    import(&wallet, &bundle, &[]).expect_problem(9, "anchor_missing");
    import(&wallet, &bundle, &["--root", "1234"]).expect_problem(2, "usage");
    import(&wallet, &foreign, &["--root", network.fingerprint()]).expect_problem(3, "trust_mismatch");
    import(&wallet, &bundle, &[]).expect_problem(9, "anchor_missing");
    // Typed from paper: without spaces, in capitals.
    let typed = network.fingerprint().replace(' ', "").to_uppercase();
    import(&wallet, &bundle, &["--root", &typed]).expect(0);
    import(&wallet, &foreign, &["--root", other.fingerprint()]).expect_problem(3, "trust_mismatch");
    import(&wallet, &foreign, &[]).expect_problem(3, "trust_mismatch");
    let verified = wallet.ok(&["trust", "verify", argument(&bundle)]);
    assert_eq!((&verified["what"], &verified["list"]), (&json!("bundle"), &json!(1)));

    // `init` shows the fingerprint of the root that it starts from.
    let other = Home::new(folder.path(), "other");
    let made = other.ok(&[
        "init",
        "--role",
        "wallet",
        "--profile",
        "test",
        "--root",
        argument(&bundle),
    ]);
    assert_eq!(made["root"], network.fingerprint());
    import(&other, &bundle, &[]).expect(0);
}

#[test]
fn an_anchor_signs_once_in_its_own_role_and_only_the_next_version_of_the_newest_list() {
    let network = Network::new();
    let [agency, bank, third] = network.anchors();
    let first = network.sign();
    let old = file(&network, "old-base.json");
    std::fs::copy(&first, &old).expect("copies");

    // Once, and only after a yes to what was shown.
    let proposal = file(&network, "next.proposal");
    try_propose(agency, &proposal, &["--operator", "Testnettet"]).expect(0);
    agency
        .run(&["trust", "sign", argument(&proposal)])
        .expect_problem(6, "not_confirmed");
    let typed = finish(
        agency.typed(&["--lang", "en", "trust", "sign", argument(&proposal)]),
        "",
    );
    assert!(
        typed.stderr.contains("The network is now run by Testnettet"),
        "{typed:?}"
    );
    assert_eq!(typed.exit, 6, "nobody said yes");
    let signed = try_sign(agency, &proposal).expect(0).json();
    assert_eq!((&signed["enough"], &signed["by"]), (&json!(false), &json!("anchor")));
    try_sign(agency, &proposal).expect_problem(3, "trust_threshold");

    // One is too few.
    let bundle = file(&network, "next.json");
    let said = try_publish(agency, &[&proposal], &bundle).expect_problem(3, "trust_threshold");
    assert_eq!(said.json()["detail"], "list: 1 of 2");
    // What was changed after somebody signed is nobody's.
    let altered = file(&network, "altered.proposal");
    let mut content = read(&proposal);
    let text = content["document"].to_string().replace("Testnettet", "Tastnettet");
    content["document"] = serde_json::from_str(&text).expect("JSON");
    write(&altered, &content);
    try_sign(bank, &altered).expect_problem(3, "signature_invalid");

    // Another document under the same number: only where the person says that the first is never used.
    let rival = file(&network, "rival.proposal");
    try_propose(agency, &rival, &["--operator", "Et annet nett"]).expect(0);
    try_sign(agency, &rival).expect_problem(3, "trust_conflict");
    let instead = ["--yes", "trust", "sign", argument(&rival), "--instead"];
    agency.run(&instead).expect(0);

    // Without a head key a list is not published.
    try_sign(bank, &proposal).expect(0);
    let said = try_publish(bank, &[&proposal], &bundle).expect_problem(3, "unknown_key");
    assert_eq!(said.json()["detail"], "head");
    try_publish(agency, &[&proposal], &bundle).expect(0);

    // Every anchor remembers what it has signed itself; who has signed neither may sign either.
    try_sign(bank, &rival).expect_problem(3, "trust_conflict");
    import(third, &old, &["--root", network.fingerprint()]).expect(0);
    try_sign(third, &proposal).expect(0);

    // The rival is based on a list that is no longer the newest; so is one that names an older bundle.
    import(bank, &bundle, &[]).expect(0);
    bank.run(&instead).expect_problem(3, "trust_rollback");
    let late = file(&network, "late.proposal");
    try_propose(agency, &late, &["--base", argument(&old)]).expect(0);
    let said = try_sign(agency, &late).expect_problem(3, "trust_rollback");
    assert_eq!(said.json()["detail"], "list");
    try_sign(bank, &late).expect_problem(3, "trust_rollback");

    // A number out of turn.
    let far = file(&network, "far.proposal");
    try_propose(agency, &far, &[]).expect(0);
    let mut content = read(&far);
    content["document"]["LoTE"]["ListAndSchemeInformation"]["LoTESequenceNumber"] = json!(9_007_199_254_740_991_u64);
    write(&far, &content);
    try_sign(agency, &far).expect_problem(3, "trust_mismatch");
}

#[test]
fn keys_of_another_role_or_of_nobody_sign_nothing() {
    let network = Network::new();
    let mut tax = network.init(&TAX, &[]);
    network.list(&tax, TAX.issues, TAX.services);
    let bundle = network.sign();
    import(&tax, &bundle, &[]).expect(0);
    let proposal = file(&network, "next.proposal");
    try_propose(network.anchor(), &proposal, &[]).expect(0);

    // A home that is no anchor's, one whose keys no root names, and one that has a head key only.
    try_sign(&tax, &proposal).expect_problem(9, "wrong_role");
    let stranger = Home::new(network.folder(), "stranger");
    let init = [
        "trust",
        "init",
        "--profile",
        "test",
        "--name",
        "Fremmed",
        "--class",
        "other",
    ];
    stranger.ok(&init);
    import(&stranger, &bundle, &["--root", network.fingerprint()]).expect(0);
    let said = try_sign(&stranger, &proposal).expect_problem(3, "unknown_key");
    assert_eq!(said.json()["detail"], "list");
    tax.run(&["trust", "init", "--name", "Skatt", "--class", "agency"])
        .expect_problem(2, "usage");
    let card = tax.ok(&["trust", "init", "--name", "Skatt", "--class", "agency", "--head"]);
    assert_eq!(card["id"], "skatt");
    assert!(
        card["keys"]["root"].is_null() && card["keys"]["head"][0].is_string(),
        "{card}"
    );
    try_sign(&tax, &proposal).expect_problem(3, "unknown_key");
    tax.run(&["trust", "init", "--name", "Skatt", "--class", "agency", "--head"])
        .expect_problem(9, "home_exists");
    tax.serve(&[]);
    assert_eq!(tax.ok(&["whoami"])["anchor"]["id"], "skatt");

    // An anchor's card and an organisation's are not taken for each other.
    let cards = [file(&network, "anchor.card"), file(&network, "card.json")];
    try_propose(network.anchor(), &proposal, &["--admit", argument(&cards[0])]).expect_problem(3, "unsupported");
    let root = file(&network, "root-2.proposal");
    network
        .anchor()
        .run(&[
            "trust",
            "propose",
            "root",
            argument(&root),
            "--anchor",
            argument(&cards[1]),
        ])
        .expect(3);
}

#[test]
fn a_root_that_its_anchors_could_not_reach_or_that_one_class_could_sign_is_not_proposed() {
    let network = Network::new();
    let proposal = file(&network, "root-2.proposal");
    let propose = |more: &[&str]| {
        let begin = ["trust", "propose", "root", argument(&proposal)];
        network.anchor().run(&[&begin[..], more].concat())
    };
    for more in [
        &["--root-threshold", "4"][..],
        &["--list-threshold", "1"],
        &["--head-threshold", "2"],
        &["--without", "anchor-bank", "--without", "anchor-other"],
    ] {
        propose(more).expect(3);
        assert!(!proposal.exists(), "{more:?}");
    }
    // Heads are signed by running anchors, each by itself: one signature is enough, or the network would stand still after a day.
    let said = propose(&["--head-threshold", "2"]).expect_problem(3, "unsupported");
    assert!(
        said.json()["detail"]
            .as_str()
            .is_some_and(|why| why.contains("--head-threshold"))
    );
    propose(&["--without", "nobody"]).expect_problem(10, "not_found");
    let shown = propose(&["--root-threshold", "3"]).expect(0).json();
    assert_eq!(changes(&shown), ["threshold"]);
    let shown = propose(&["--root-threshold", "2"]).expect(0).json();
    assert_eq!(changes(&shown), [""; 0], "nobody has signed yet, so it is changed");
    try_sign(network.anchor(), &proposal).expect(0);
    propose(&["--root-threshold", "3"]).expect_problem(3, "trust_conflict");
}
