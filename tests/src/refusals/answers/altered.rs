//! Genuine credentials in answers that were bent on their way, or sent before.

use crate::network::BANK;
use crate::process::Home;
use crate::refusals::stage::{Door, INCOME, Stage, expect_logged, income, mark};
use crate::refusals::{Line, line};
use crate::stranger::{Bend, Heard, Holder, Played, Window, name_of, seal};
use credentials::Code;
use credentials::verify::Verdict;
use node::population::CITIZEN;

/// A listed issuer of monthly income, played.
fn issuer(stage: &Stage) -> Played {
    Played::start(
        &stage.world,
        "did:web:etat.example",
        "960885406",
        "FREMMED ETAT",
        &[Window::Now],
    )
}

/// A bank that trusts that issuer.
fn bank(stage: &Stage, issuer: &Played) -> Home {
    let mut bank = stage.network.init(&BANK, &[]);
    stage.begin(&mut [(&BANK, &mut bank)], &mut [], vec![issuer.entry(&[INCOME], &[])]);
    bank
}

/// JWT, disclosures, and the key binding or nothing.
fn parts(text: &str) -> Vec<&str> {
    text.split('~').collect()
}

/// Another value in the first disclosure of a name, the rest of the text as it was.
fn altered(text: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let change = |part: &str| match name_of(part).as_deref() {
        Some("beloep") => {
            let plain = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            let plain = String::from_utf8(plain).expect("UTF-8");
            let richer = plain.replace("48500.00", "98500.00");
            URL_SAFE_NO_PAD.encode(richer)
        }
        _ => part.to_owned(),
    };
    let changed = parts(text).into_iter().map(change).collect::<Vec<_>>().join("~");
    assert_ne!(changed, text);
    changed
}

/// Without one of its amounts.
fn removed(text: &str) -> String {
    let mut parts = parts(text);
    let amount = parts.iter().position(|part| name_of(part).as_deref() == Some("beloep"));
    parts.remove(amount.expect("disclosed"));
    parts.join("~")
}

/// With a claim that the issuer never made.
fn added(text: &str) -> String {
    use base64::Engine;
    let claim =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode("[\"c2FsdHNhbHRzYWx0c2FsdA\",\"bonus\",\"1.00\"]");
    let mut parts = parts(text);
    parts.insert(1, &claim);
    parts.join("~")
}

/// The first two disclosures the other way round.
fn reordered(text: &str) -> String {
    let mut parts = parts(text);
    parts.swap(1, 2);
    parts.join("~")
}

#[test]
fn an_answer_bent_on_its_way_is_refused_and_its_twin_taken() {
    let stage = Stage::new();
    let issuer = issuer(&stage);
    let bank = bank(&stage, &issuer);
    let holder = Holder::new(&stage.world);
    let copy = issuer.issue(INCOME, income(CITIZEN));
    let door = Door {
        bank: &bank,
        holder: &holder,
        types: &["C02"],
    };
    door.until_known(&copy);
    let copies = &[&copy];
    let none = Bend::NONE;
    door.accepts(copies, &none);
    // The order of disclosures says nothing (RFC 9901 §4.2.7); what the holder bound is what counts.
    door.accepts(
        copies,
        &Bend {
            before: &reordered,
            ..none
        },
    );

    for (kind, check, bend) in [
        ("altered disclosure", "form", &altered as &dyn Fn(&str) -> String),
        ("removed disclosure", "sd_hash", &removed),
        ("added disclosure", "form", &added),
        ("reordered disclosure", "sd_hash", &reordered),
    ] {
        door.refuses(line(kind), check, copies, &Bend { after: bend, ..none });
    }
    // What the holder bound may be less or more than was asked: neither is an answer. Nor is one that nobody bound.
    let unbound = |text: &str| format!("{}~", text.rsplit_once('~').expect("bound").0);
    let whole = |_: &str| copy.text.clone();
    let less = Bend {
        before: &removed,
        ..none
    };
    let more = Bend { before: &whole, ..none };
    let nobodys = Bend {
        after: &unbound,
        ..none
    };
    for (code, check, bend) in [
        (Code::ClaimsMissing, "query", less),
        (Code::ClaimsUnrequested, "query", more),
        (Code::HolderBindingMissing, "holder_binding", nobodys),
    ] {
        let line = Line {
            kind: "bound otherwise",
            code,
            test: "",
        };
        door.refuses(&line, check, copies, &bend);
    }
    // A holder who binds the altered text gets no further, nor one who adds a claim of their own making.
    for (kind, bend) in [
        ("altered disclosure", &altered as &dyn Fn(&str) -> String),
        ("added disclosure", &added),
    ] {
        door.refuses(line(kind), "form", copies, &Bend { before: bend, ..none });
    }
    let bank_did = BANK.did;
    door.refuses(
        line("wrong audience"),
        "audience",
        copies,
        &Bend {
            binding: &|says| says.audience = says.audience.replace(bank_did, "did:web:annen.example"),
            ..none
        },
    );
    door.refuses(
        line("wrong nonce"),
        "nonce",
        copies,
        &Bend {
            binding: &|says| says.nonce = "a-nonce-that-nobody-gave-out-ever".to_owned(),
            ..none
        },
    );
    // The holder binds one selection and sends another: less than was bound, and a claim less than was asked.
    let (session, fetched) = door.ask();
    let since = mark(&bank);
    let bound = holder.token(&fetched, copies, &none);
    let mut shorter = holder.token(
        &fetched,
        copies,
        &Bend {
            before: &removed,
            ..none
        },
    );
    for (id, texts) in &mut shorter {
        let binding = bound[id][0].rsplit_once('~').expect("bound").1;
        let sent = texts[0].rsplit_once('~').expect("bound").0;
        texts[0] = format!("{sent}~{binding}");
    }
    let heard = holder.answer(&fetched, &shorter);
    let sd_hash = line("wrong sd_hash");
    assert_eq!(heard, Heard::Receipt(Verdict::Invalid, Some(sd_hash.code)));
    door.shows(sd_hash, "sd_hash", &session, since);
    // Of two open requests of one bank, an answer that names the other one.
    let (_, other) = door.ask();
    let hash = other.opened.hash;
    door.refuses(
        line("answer to another request"),
        "request",
        copies,
        &Bend {
            binding: &|says| says.request_hash = hash,
            ..none
        },
    );
    door.accepts(copies, &none);
}

#[test]
fn a_nonce_is_spent_also_after_a_restart() {
    let stage = Stage::new();
    let issuer = issuer(&stage);
    let mut bank = bank(&stage, &issuer);
    let holder = Holder::new(&stage.world);
    let copies = [(); 2].map(|()| issuer.issue(INCOME, income(CITIZEN)));
    let twice = line("a peer that answers twice");
    let (session, fetched, answer) = {
        let door = Door {
            bank: &bank,
            holder: &holder,
            types: &["C02"],
        };
        door.until_known(&copies[0]);
        let (session, fetched) = door.ask();
        let answer = seal(&fetched.opened, &holder.token(&fetched, &[&copies[0]], &Bend::NONE));
        assert_eq!(
            holder.send_answer(&fetched, &answer),
            Heard::Receipt(Verdict::Valid, None)
        );
        (session, fetched, answer)
    };
    let verdict = |bank: &Home| bank.ok(&["verifier", "watch", &session])["session"].clone();
    let first = verdict(&bank);
    assert_eq!(first["verdict"], "valid");
    // The same bytes again, and another answer to the same request: neither is taken, and the first verdict stands.
    let other = seal(&fetched.opened, &holder.token(&fetched, &[&copies[1]], &Bend::NONE));
    for again in [&answer, &other] {
        let since = mark(&bank);
        assert_eq!(holder.send_answer(&fetched, again), Heard::Problem(twice.code));
        expect_logged(&bank, since, twice);
        assert_eq!(verdict(&bank)["receipt"], first["receipt"]);
    }

    bank.kill();
    bank.serve(&["--log", "debug"]);
    // Whoever answers now comes by a new connection, and is another peer.
    let holder = Holder::new(&stage.world);
    let since = mark(&bank);
    assert_eq!(holder.send_answer(&fetched, &answer), Heard::Problem(twice.code));
    expect_logged(&bank, since, twice);
    assert_eq!(verdict(&bank)["receipt"], first["receipt"]);
    // Another session, whose answer bears the nonce of before.
    let door = Door {
        bank: &bank,
        holder: &holder,
        types: &["C02"],
    };
    door.until_known(&copies[0]);
    let nonce = &fetched.opened.request.nonce;
    let bend = Bend {
        binding: &|says| says.nonce.clone_from(nonce),
        ..Bend::NONE
    };
    door.refuses(line("nonce used before a restart"), "nonce", &[&copies[1]], &bend);
    door.accepts(&[&copies[1]], &Bend::NONE);
}
