//! A network's life, with real processes: founded, an agency admitted, its key rotated with overlap, a key compromised, a rogue
//! delisted, an anchor replaced, and the recovery from version numbers that somebody drove to the end.

use super::{changes, file, read, try_propose, try_publish, try_sign};
use crate::network::{self, IDENTITY, Network, Organisation, argument, import, text, until};
use crate::process::Home;
use crate::stranger::World;
use node::population::{CITIZEN, STRANGER};
use serde_json::{Value, json};
use std::path::Path;

/// A bank that may ask people who they are: it mirrors the lists of whoever issues that.
const BANK: Organisation = Organisation {
    services: &["S01", "K02"],
    ..network::BANK
};

/// A network whose homes take every list at once.
struct Life {
    network: Network,
    identity: Home,
    bank: Home,
}

impl Life {
    fn new() -> Life {
        let network = Network::new();
        let (mut identity, mut bank) = (network.init(&IDENTITY, &[]), network.init(&BANK, &[]));
        network.begin(&mut [(&IDENTITY, &mut identity), (&BANK, &mut bank)], &[], &[]);
        import(&identity, "C01", &network.population(40, 12));
        Life {
            network,
            identity,
            bank,
        }
    }

    /// The next list, signed, confirmed and taken by both.
    fn publish(&self) {
        let bundle = self.network.sign();
        self.take(&bundle);
    }

    fn take(&self, bundle: &Path) {
        for home in [&self.identity, &self.bank] {
            home.ok(&["trust", "import", argument(bundle)]);
        }
    }

    /// Collects the person-identification credential: its text.
    fn collect(&self, name: &str, number: &str) -> String {
        let wallet = self.network.wallet(name, &[]);
        let bundle = self.network.folder().join("trust.json");
        wallet.ok(&["trust", "import", argument(&bundle)]);
        self.network.identify(&self.identity, &wallet, number);
        let export = file(&self.network, &format!("{name}-export.json"));
        wallet.ok(&["wallet", "export", argument(&export)]);
        text(&read(&export)["credentials"][0]["copies"][0]["credential"])
    }

    /// What the bank makes of a credential: verdict and code.
    fn check(&self, credential: &str) -> (String, Value) {
        let said = self.bank.run_with(&["verifier", "check", "-"], credential).json();
        (text(&said["verdict"]), said["code"].clone())
    }

    /// Waits until the bank has the status of a credential's issuer, and finds it valid.
    fn until_valid(&self, credential: &str) {
        until("the credential is valid", || self.check(credential).0 == "valid");
    }

    /// The name of the key that signs at the issuer.
    fn signs(&self) -> String {
        let keys = self.identity.ok(&["keys", "list"]);
        let signing = keys["keys"]
            .as_array()
            .expect("keys")
            .iter()
            .find(|key| key["signs"] == true);
        text(&signing.expect("one signs")["kid"])
    }

    fn certificate(&self) -> Value {
        self.identity.ok(&["node", "certificate"])
    }
}

/// The name of the key that signed a credential.
fn kid(credential: &str) -> String {
    use base64::Engine;
    let header = credential.split('.').next().expect("a header");
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(header)
        .expect("base64url");
    text(&serde_json::from_slice::<Value>(&bytes).expect("JSON")["kid"])
}

#[test]
fn a_key_is_rotated_with_overlap_compromised_and_its_owner_delisted_without_anybody_standing_still() {
    let life = Life::new();
    let (first, second) = ("did:web:digdir.example#key-1", "did:web:digdir.example#key-2");
    let old = life.collect("citizen", CITIZEN);
    assert_eq!((kid(&old).as_str(), life.signs().as_str()), (first, first));
    life.until_valid(&old);
    let certificate = life.certificate();
    assert_eq!(certificate["kid"], json!(first));
    // Ninety days less what has passed of the first.
    let days = certificate["days"].as_i64();
    assert!(days.is_some_and(|days| (89..=90).contains(&days)), "{days:?}");

    // A second key: made while the node runs, unused until the list names it.
    let made = life.identity.ok(&["keys", "rotate"]);
    assert_eq!(made["made"], second);
    assert_eq!(life.signs(), first);
    life.network.list(&life.identity, &[], &[]);
    let proposal = file(&life.network, "list.proposal");
    let shown = life.network.anchor().ok(&["trust", "diff", argument(&proposal)]);
    assert_eq!(changes(&shown), ["key_added"]);
    life.publish();
    assert_eq!(life.signs(), second, "from the list on, without a restart");
    let renewed = life.certificate();
    assert_eq!(renewed["kid"], second, "the certificate follows");
    assert!(renewed["serial"].as_u64() > certificate["serial"].as_u64());
    let new = life.collect("owner", STRANGER);
    assert_eq!(kid(&new), second);
    life.until_valid(&new);
    assert_eq!(life.check(&old).0, "valid", "what the key before signed stands");

    // The first key falls into wrong hands: nothing it signed counts, whatever its date.
    life.network
        .propose(&["--compromised", first, "--at", "2026-01-02T00:00:00Z"]);
    let shown = life.network.anchor().ok(&["trust", "diff", argument(&proposal)]);
    assert_eq!(changes(&shown), ["!key_compromised"]);
    life.publish();
    assert_eq!(life.check(&old), ("invalid".to_owned(), json!("key_compromised")));
    life.until_valid(&new);

    // The organisation goes bad: it leaves the list, and what it issued with it.
    life.network.propose(&["--remove", IDENTITY.did]);
    let shown = life.network.anchor().ok(&["trust", "diff", argument(&proposal)]);
    assert_eq!(changes(&shown), ["!organisation_removed"]);
    life.publish();
    assert_eq!(life.check(&new), ("invalid".to_owned(), json!("unknown_issuer")));
    let report = life.identity.run(&["doctor"]).expect(1).json();
    let listed = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|f| f["check"] == "listed");
    assert_eq!(listed.expect("a line")["state"], "fail");

    // Everything that happened stands in the history, which anybody can check from the first root.
    let export = file(&life.network, "history.jsonl");
    let history = life.bank.ok(&["trust", "history", "--export", argument(&export)]);
    let kinds: Vec<&str> = history["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|e| e["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["root", "list", "list", "list", "list"]);
    let wallet = Home::new(life.network.folder(), "nobody");
    let verify = [
        "trust",
        "verify",
        argument(&export),
        "--root",
        life.network.fingerprint(),
    ];
    assert_eq!(wallet.ok(&verify)["list"], 4, "without a home");
    let text = std::fs::read_to_string(&export).expect("reads");
    let cut: String = text
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 2)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    std::fs::write(&export, cut).expect("writes");
    wallet.run(&verify).expect_problem(3, "trust_mismatch");
}

#[test]
fn an_anchor_is_replaced_and_a_new_list_is_signed_before_anybody_goes_by_the_new_root() {
    let life = Life::new();
    let network = &life.network;
    let [agency, gone, _] = network.anchors();
    let new = Home::new(network.folder(), "anchor-new");
    let card = file(network, "anchor-new.card");
    let mut init = vec![
        "trust",
        "init",
        "--profile",
        "test",
        "--id",
        "anchor-new",
        "--name",
        "Ny bank",
    ];
    init.extend(["--class", "bank", "--out", argument(&card)]);
    new.ok(&init);
    new.ok(&[
        "trust",
        "import",
        argument(&file(network, "trust.json")),
        "--root",
        network.fingerprint(),
    ]);

    // The root: by two of the old anchors, who stay, and so by two of the new ones.
    let root = file(network, "root-2.proposal");
    let mut propose = vec!["trust", "propose", "root", argument(&root), "--without", "anchor-bank"];
    propose.extend(["--anchor", argument(&card)]);
    let shown = agency.ok(&propose);
    let expected = [
        "anchor_admitted",
        "anchor_key_added",
        "anchor_key_added",
        "!anchor_removed",
    ];
    assert_eq!(changes(&shown), expected);
    try_sign(&new, &root).expect(0);
    try_sign(agency, &root).expect(0);
    let roots = file(network, "root-2.json");
    let said = try_publish(agency, &[&root], &roots)
        .expect_problem(3, "trust_threshold")
        .json();
    assert_eq!(
        said["detail"], "root: 1 of 2",
        "the new one has no say among the old ones"
    );
    try_sign(gone, &root).expect(0);
    let published = try_publish(agency, &[&root], &roots).expect(0).json();
    assert_eq!(
        (&published["root"], &published["list"], &published["list_missing"]),
        (&json!(2), &Value::Null, &json!(true)),
        "the list was signed by the one that is gone"
    );

    // The list anew, by those who have a say now.
    let list = file(network, "list-2.proposal");
    try_propose(agency, &list, &[]).expect(0);
    assert_eq!(
        read(&list)["document"]["LoTE"]["ListAndSchemeInformation"]["LoTESequenceNumber"],
        2
    );
    try_sign(gone, &list).expect_problem(3, "unknown_key");
    try_sign(agency, &list).expect(0);
    try_sign(&new, &list).expect(0);
    let bundle = file(network, "trust-2.json");
    try_publish(agency, &[&list], &bundle).expect(0);
    life.take(&bundle);
    let shown = life.bank.ok(&["trust", "show"]);
    assert_eq!(
        (&shown["version"]["root"], &shown["version"]["list"]),
        (&json!(2), &json!(2))
    );
    let ids: Vec<&str> = shown["root"]["anchors"]
        .as_array()
        .expect("anchors")
        .iter()
        .filter_map(|a| a["id"].as_str())
        .collect();
    assert_eq!(ids, ["anchor", "anchor-new", "anchor-other"]);
    life.bank
        .run(&["trust", "import", argument(&file(network, "trust.json"))])
        .expect_problem(3, "trust_rollback");
}

#[test]
fn two_list_keys_are_replaced_and_the_list_goes_on_from_an_older_one() {
    let life = Life::new();
    let network = &life.network;
    let [agency, bank, _] = network.anchors();
    let good = file(network, "good.json");
    std::fs::copy(file(network, "trust.json"), &good).expect("copies");
    // Lists that should not have been: somebody had two list keys.
    for _ in 0..3 {
        life.publish();
    }
    assert_eq!(life.bank.ok(&["trust", "show"])["sequence"], 4);
    // Going back by itself is refused, by whoever is to sign and by everybody else.
    let back = file(network, "back.proposal");
    try_propose(agency, &back, &["--base", argument(&good)]).expect(0);
    try_sign(agency, &back).expect_problem(3, "trust_rollback");

    let root = file(network, "root-2.proposal");
    let mut propose = vec![
        "trust".to_owned(),
        "propose".to_owned(),
        "root".to_owned(),
        argument(&root).to_owned(),
    ];
    for (home, name) in [(agency, "a.card"), (bank, "b.card")] {
        let card = file(network, name);
        home.ok(&["trust", "card", "--new-key", "list", "--out", argument(&card)]);
        propose.extend(["--anchor".to_owned(), argument(&card).to_owned()]);
    }
    let shown = agency.ok(&propose.iter().map(String::as_str).collect::<Vec<_>>());
    let both = ["!anchor_key_added", "!anchor_key_removed"];
    assert_eq!(changes(&shown), [&both[..], &both, &["!counter_reset"]].concat());
    try_sign(agency, &root).expect(0);
    try_sign(bank, &root).expect(0);
    let roots = file(network, "root-2.json");
    assert_eq!(
        try_publish(agency, &[&root], &roots).expect(0).json()["list_missing"],
        true
    );

    let list = file(network, "list-2.proposal");
    let changed = ["--base", argument(&roots), "--content", argument(&good)];
    let shown = try_propose(agency, &list, &changed).expect(0).json();
    assert_eq!((&shown["version"], &shown["begins_anew"]), (&json!(2), &json!(true)));
    try_sign(agency, &list).expect(0);
    try_sign(bank, &list).expect(0);
    let bundle = file(network, "trust-2.json");
    try_publish(agency, &[&list], &bundle).expect(0);
    life.take(&bundle);
    let shown = life.bank.ok(&["trust", "show"]);
    assert_eq!(
        (&shown["version"]["root"], &shown["sequence"]),
        (&json!(2), &json!(2)),
        "lower, and taken"
    );
}

#[test]
fn homes_that_were_driven_to_the_highest_number_there_is_come_back_by_a_root_that_takes_the_keys_away() {
    let world = World::new();
    let network = Network::trusting(&world.root());
    let mut bank = network.init(&BANK, &[]);
    bank.serve(&[]);
    let bundle = file(&network, "world.json");
    let sign = |sequence: u64| std::fs::write(&bundle, world.sign(sequence, Vec::new())).expect("writes");
    let take = || bank.run(&["trust", "import", argument(&bundle)]);
    sign(3);
    take().expect(0);
    // Whoever holds two list keys and a head key signs the last number.
    sign(9_007_199_254_740_991);
    take().expect(0);
    sign(4);
    take().expect_problem(3, "trust_rollback");
    // A root that takes two list keys away; list 4 is signed by the new ones.
    world.replace_list_keys(2);
    sign(4);
    take().expect(0);
    let shown = bank.ok(&["trust", "show"]);
    assert_eq!((&shown["version"]["root"], &shown["sequence"]), (&json!(2), &json!(4)));
    bank.stop();
    assert_eq!(bank.ok(&["trust", "show"])["sequence"], 4, "also after a restart");
}
