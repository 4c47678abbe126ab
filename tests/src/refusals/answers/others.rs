//! Answers that are about somebody else than the customer, in whole or in part.

use crate::network::{BANK, IDENTITY, TAX, ask, collect, import, receive};
use crate::process::finish;
use crate::refusals::line;
use crate::refusals::stage::{Door, INCOME, Stage, TAX_RETURN, expect_logged, income, mark, tax_return};
use crate::stranger::{Bend, Holder, Played, Window};
use node::population::{CITIZEN, STRANGER};
use serde_json::{Value, json};

#[test]
fn credentials_of_two_persons_are_no_answer() {
    let stage = Stage::new();
    let issuer = Played::start(
        &stage.world,
        "did:web:etat.example",
        "960885406",
        "FREMMED ETAT",
        &[Window::Now],
    );
    let mut bank = stage.network.init(&BANK, &[]);
    let listed = vec![issuer.entry(&[INCOME, TAX_RETURN], &[])];
    stage.begin(&mut [(&BANK, &mut bank)], &mut [], listed);
    let holder = Holder::new(&stage.world);
    let pay = issuer.issue(INCOME, income(CITIZEN));
    let [own, other] = [CITIZEN, STRANGER].map(|number| issuer.issue(TAX_RETURN, tax_return(number)));
    let door = Door {
        bank: &bank,
        holder: &holder,
        types: &["C02", "C03"],
    };
    door.until_known(&pay);
    door.accepts(&[&pay, &own], &Bend::NONE);
    let line = line("two persons' credentials in one answer");
    door.refuses(line, "same_person", &[&pay, &other], &Bend::NONE);
}

#[test]
fn of_another_persons_answer_the_session_shows_nothing() {
    let stage = Stage::new();
    let network = &stage.network;
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let [mut citizen, mut other] = ["citizen", "other"].map(|name| network.wallet(name, &[]));
    stage.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)],
        &mut [&mut citizen, &mut other],
        Vec::new(),
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    for (wallet, number) in [(&citizen, CITIZEN), (&other, STRANGER)] {
        network.identify(&identity, wallet, number);
        collect(wallet, &tax, "C02");
    }
    let line = line("another person's wallet answering");
    let session = |id: &str| -> Value { bank.ok(&["verifier", "sessions", id])["session"].clone() };

    // In --json, and as two people read it. Each answers the link to the citizen's case.
    for language in [None, Some("nb"), Some("en")] {
        let (link, id) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
        let pending = receive(&other, &link);
        let before = session(&id);
        let since = [mark(&bank), mark(&other)];
        let present = ["--yes", "wallet", "present", &pending];
        match language {
            None => {
                line.expect_json(other.run(&present));
            }
            Some(language) => {
                let typed = other.typed(&[&["--lang", language], &present[..]].concat());
                line.expect_text(finish(typed, ""), language);
            }
        }
        expect_logged(&bank, since[0], line);
        expect_logged(&other, since[1], line);
        // As if nobody had answered: open, without a verdict, a check or a claim, byte by byte what it was.
        assert_eq!(session(&id), before);
        assert_eq!(
            (&before["verdict"], &before["checks"], &before["claims"]),
            (&Value::Null, &json!([]), &json!({}))
        );
        for language in ["nb", "en"] {
            let typed = bank.typed(&["--lang", language, "verifier", "sessions", &id]);
            let read = finish(typed, "").expect(0);
            assert!(
                !read.stdout.contains(STRANGER) && !read.stdout.contains(line.code.as_str()),
                "{read:?}"
            );
        }
        // And still the customer's own: the twin is taken.
        let own = receive(&citizen, &link);
        assert_eq!(
            citizen.ok(&["--yes", "wallet", "present", &own])["receipt"]["verdict"],
            "valid"
        );
        assert_eq!(session(&id)["verdict"], "valid");
    }
}
