//! Credentials that their issuer has suspended, replaced or revoked, shown by a holder who does not care.

use crate::network::{BANK, IDENTITY, Network, TAX, argument, import, offer, text, until};
use crate::process::Home;
use crate::refusals::line;
use crate::refusals::stage::{Door, Stage};
use crate::stranger::{Bend, Copy, Holder};
use node::population::CITIZEN;
use std::path::Path;

/// Gives a person's pay in the register of monthly income one krone more.
fn raise(registers: &Path) {
    let file = registers.join("income.jsonl");
    let before = std::fs::read_to_string(&file).expect("reads");
    let change = |line: &str| match line.contains(CITIZEN) {
        true => line.replace(".00\"", ".50\""),
        false => line.to_owned(),
    };
    let after: String = before.lines().map(|line| change(line) + "\n").collect();
    assert_ne!(before, after, "the row has amounts");
    std::fs::write(file, after).expect("writes");
}

/// Collects the person-identification credential without a wallet.
fn identify(network: &Network, identity: &Home, holder: &Holder) -> Vec<Copy> {
    let (link, code) = network.personal_offer(identity, CITIZEN);
    let code = std::fs::read_to_string(code).expect("reads");
    holder.collect(&link, Some(&code), None)
}

#[test]
fn what_its_issuer_has_ended_is_refused() {
    let stage = Stage::new();
    let network = &stage.network;
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let organisations = &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)];
    stage.begin(organisations, &mut [], Vec::new());
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    let holder = Holder::new(&stage.world);
    let persons = identify(network, &identity, &holder);
    let collect = |shown: &Copy| holder.collect(&offer(&tax, "C02"), None, Some(shown));
    // The tax office has to know the status of what identifies, before it takes it.
    until("status at the tax office", || {
        tax.ok(&["node", "status"])["mirrored"]
            .to_string()
            .contains(IDENTITY.did)
    });
    let first = collect(&persons[0]);
    let door = Door {
        bank: &bank,
        holder: &holder,
        types: &["C02"],
    };
    door.until_known(&first[0]);
    door.accepts(&[&first[0]], &Bend::NONE);
    let issued = || {
        let status = tax.ok(&["issuer", "status", "--type", "C02"]);
        let issued = status["issued"].as_array().expect("a list").clone();
        issued
            .iter()
            .find(|one| one["state"] == "valid" || one["state"] == "suspended")
            .map(|one| text(&one["id"]))
    };
    // Copies have entries of their own in the lists; the bank knows of one when it knows of each.
    let until_code = |copy: &Copy, code: &str| {
        let check = || bank.run_with(&["verifier", "check", "-"], &copy.text).json();
        until(code, || check()["code"] == code);
    };

    let id = issued().expect("issued");
    tax.ok(&["issuer", "suspend", &id, "--reason", "under review"]);
    until_code(&first[1], "suspended");
    door.refuses(line("suspended"), "status", &[&first[1]], &Bend::NONE);
    tax.ok(&["issuer", "reinstate", &id]);
    door.until_known(&first[1]);
    door.accepts(&[&first[1]], &Bend::NONE);

    // The register says something else now: what was issued from the old row is replaced, which comes out with the endings of the
    // day, and the new one is taken.
    raise(&registers);
    let file = registers.join("income.jsonl");
    tax.ok(&["issuer", "import", "--type", "C02", argument(&file)]);
    let second = collect(&persons[1]);
    door.until_known(&second[0]);
    door.accepts(&[&second[0]], &Bend::NONE);
    tax.ok(&["issuer", "publish"]);
    until_code(&first[2], "superseded");
    door.refuses(line("superseded"), "status", &[&first[2]], &Bend::NONE);

    let id = issued().expect("issued");
    tax.ok(&["issuer", "revoke", &id, "--reason", "wrong row"]);
    until_code(&second[1], "revoked");
    door.refuses(line("revoked"), "status", &[&second[1]], &Bend::NONE);
}
