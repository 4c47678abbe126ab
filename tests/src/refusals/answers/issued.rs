//! What an issuer signed, rightly by its key: the gate takes its word only for what it may say.

use crate::network::BANK;
use crate::refusals::line;
use crate::refusals::stage::{Door, INCOME, Stage, TAX_RETURN, income, tax_return};
use crate::stranger::{Bend, Holder, Paper, Played, Window, reissue};
use credentials::SigningKey;
use credentials::time::DAY;
use node::clock;
use node::population::CITIZEN;
use serde_json::json;

/// What is signed in place of the honest paper: the kind, the check that fails, and the edit.
type Case<'a> = (&'a str, &'a str, &'a dyn Fn(&mut Paper));

#[test]
fn what_an_issuer_may_not_say_is_refused_and_its_twin_taken() {
    let stage = Stage::new();
    let windows = [Window::Now, Window::Past, Window::Compromised];
    let issuer = Played::start(
        &stage.world,
        "did:web:etat.example",
        "960885406",
        "FREMMED ETAT",
        &windows,
    );
    let unlisted = "did:web:ingen.example";
    let mut bank = stage.network.init(&BANK, &[]);
    let listed = vec![issuer.entry(&[INCOME], &[])];
    stage.begin(&mut [(&BANK, &mut bank)], &mut [], listed);
    let holder = Holder::new(&stage.world);
    let copy = issuer.issue(INCOME, income(CITIZEN));
    let door = Door {
        bank: &bank,
        holder: &holder,
        types: &["C02"],
    };
    door.until_known(&copy);
    let sign = |text: &str, kid: &str, key: &SigningKey, edit: &dyn Fn(&mut Paper)| reissue(text, kid, key, edit);
    let (kid, key) = issuer.key(0);
    let edited = |edit: &dyn Fn(&mut Paper), check: Option<(&str, &str)>| {
        let before = |text: &str| sign(text, kid, key, edit);
        let bend = Bend {
            before: &before,
            ..Bend::NONE
        };
        match check {
            None => door.accepts(&[&copy], &bend),
            Some((kind, check)) => door.refuses(line(kind), check, &[&copy], &bend),
        }
    };

    // Signed anew without an edit, and with another honest amount, it is taken: what follows is refused for what it says.
    edited(&|_| {}, None);
    edited(
        &|paper| paper.say("personidentifikator", &format!("\"{CITIZEN}\"")),
        None,
    );
    let (today, number) = (clock::now().day(), CITIZEN);
    let cases: [Case<'_>; 7] = [
        ("duplicate JSON keys", "form", &|paper| {
            paper.say(
                "personidentifikator",
                &format!("{{\"a\":\"{number}\",\"a\":\"{number}\"}}"),
            );
        }),
        ("duplicate JSON keys", "form", &|paper| {
            paper.payload = paper.payload.replacen('{', "{\"iat\":1,", 1);
        }),
        ("floats where money is", "schema", &|paper| {
            paper.say("beloep", "50000.5");
        }),
        ("expired", "validity", &|paper| {
            paper.members(|payload| {
                payload["iat"] = json!(today.plus(-40 * DAY));
                payload["nbf"] = json!(today.plus(-40 * DAY));
                payload["exp"] = json!(today);
            });
        }),
        ("not yet valid", "validity", &|paper| {
            paper.members(|payload| payload["nbf"] = json!(today.plus(2 * DAY)));
        }),
        ("no holder key", "holder_binding", &|paper| {
            paper.members(|payload| drop(payload.remove("cnf")));
        }),
        ("unknown issuer", "issuer", &|paper| {
            paper.members(|payload| payload["iss"] = json!(unlisted));
        }),
    ];
    for (kind, check, edit) in cases {
        edited(edit, Some((kind, check)));
    }
    // By a key of the issuer's own that does not count; the same paper by the first key was taken above.
    for (index, kind) in [(1, "key outside its window"), (2, "key with a compromise date")] {
        let (kid, key) = issuer.key(index);
        let before = |text: &str| sign(text, kid, key, &|_| {});
        let bend = Bend {
            before: &before,
            ..Bend::NONE
        };
        door.refuses(line(kind), "key", &[&copy], &bend);
    }
    // Dated back into the window, the signature of a compromised key still counts for nothing.
    let (kid, key) = issuer.key(2);
    let early = |text: &str| {
        sign(text, kid, key, &|paper| {
            paper.members(|payload| payload["iat"] = json!(today.plus(-20 * DAY)));
        })
    };
    let bend = Bend {
        before: &early,
        ..Bend::NONE
    };
    door.refuses(line("key with a compromise date"), "key", &[&copy], &bend);
    // The ended key signed rightly in its time.
    let (kid, key) = issuer.key(1);
    let in_time = |text: &str| {
        sign(text, kid, key, &|paper| {
            paper.members(|payload| payload["iat"] = json!(today.plus(-20 * DAY)));
        })
    };
    let bend = Bend {
        before: &in_time,
        ..Bend::NONE
    };
    door.accepts(&[&copy], &bend);

    // Right in every respect, but of a type that the document does not let this issuer sign.
    let tax_return = issuer.issue(TAX_RETURN, tax_return(CITIZEN));
    let door = Door {
        types: &["C03"],
        ..door
    };
    door.refuses(line("right issuer, wrong type"), "type", &[&tax_return], &Bend::NONE);
}
