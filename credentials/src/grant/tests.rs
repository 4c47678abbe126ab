//! Grants and what goes with them: signed, read back, refused when bent.

mod releases;

use super::*;
use crate::trust::cast::{self, BANK, TAX, did, kid, now};
use crate::{jws, time::DAY};
use serde_json::{Map, json};
use std::sync::Arc;

const LOANS: &str = "lanekassen.example";
const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
/// The organisation's key of [`LOANS`] in [`trust`].
const LOANS_KEY: u8 = 5;
const CITIZEN: &str = "14858834016";

fn trust() -> Arc<Trust> {
    let mut draft = cast::draft();
    let loans = cast::organisation(LOANS, "960885406", LOANS_KEY, &[LOAN]);
    draft.organisations.push(loans);
    cast::listed(&draft)
}

fn claims() -> Vec<Path> {
    [&["TotalAmount"][..], &["personidentifikator"], &["ajourholdstidspunkt"]]
        .map(Path::of)
        .to_vec()
}

fn grant() -> Grant {
    Grant {
        id: BASE64_URL_SAFE_NO_PAD.encode([7; 16]),
        issuer: did(LOANS),
        asker: did(BANK),
        service: "S15".to_owned(),
        purpose: "student_loan_overview".to_owned(),
        kind: Kind::Login,
        vct: LOAN.to_owned(),
        claims: claims(),
        nbf: now(),
        exp: now().plus(300 * DAY),
        uses_per_day: 24,
        request: hash_text(&[1; 32]),
        text: hash_text(&[2; 32]),
        language: "nb".to_owned(),
    }
}

/// The key that was made for [`grant`].
fn holder() -> crate::SigningKey {
    cast::key(77)
}

fn opened() -> OpenedGrant {
    OpenedGrant::open(&grant().sign(&holder()).expect("signs")).expect("opens")
}

fn code<T>(result: Result<T, Problem>) -> (Code, String) {
    let problem = result.err().expect("refused");
    (problem.code, problem.detail.unwrap_or_default())
}

#[test]
fn a_grant_is_opened_as_it_was_signed_with_the_key_that_signed_it() {
    let text = grant().sign(&holder()).expect("signs");
    let opened = OpenedGrant::open(&text).expect("opens");
    assert_eq!((opened.grant(), opened.text()), (&grant(), text.as_str()));
    assert_eq!(*opened.key(), holder().verifying_key());
    assert_eq!(hash_of(&opened.name()), Ok(*opened.hash()));
    let other = Grant {
        id: BASE64_URL_SAFE_NO_PAD.encode([8; 16]),
        ..grant()
    };
    let other = OpenedGrant::open(&other.sign(&holder()).expect("signs")).expect("opens");
    assert_ne!(other.name(), opened.name(), "two of the same content are two");
}

#[test]
fn an_altered_member_is_noticed_and_none_may_be_missing_added_or_of_another_form() {
    let text = grant().sign(&holder()).expect("signs");
    let (signed, signature) = text.rsplit_once('.').expect("three parts");
    let (header, payload) = signed.split_once('.').expect("three parts");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let members: Map<String, serde_json::Value> = serde_json::from_slice(&payload).expect("JSON");
    for (name, value) in &members {
        let mut bent = members.clone();
        let other = match value {
            serde_json::Value::Number(_) => json!(1_900_000_000),
            serde_json::Value::Array(_) => json!([["TotalAmount"]]),
            _ => json!("case"),
        };
        bent.insert(name.clone(), other);
        let bent = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&bent).expect("JSON"));
        let bent = OpenedGrant::open(&format!("{header}.{bent}.{signature}"));
        assert_eq!(code(bent).0, Code::SignatureInvalid, "{name}");
        // The same by whoever has the key.
        let by_hand = |document: &Map<String, serde_json::Value>| {
            let jwk = Map::from_iter([("jwk".to_owned(), holder().verifying_key().to_jwk())]);
            let text = jws::sign(GRANT_TYP, None, jwk, &json!(document), &holder()).expect("signs");
            OpenedGrant::open(&text)
        };
        let mut lacking = members.clone();
        lacking.remove(name);
        assert_eq!(code(by_hand(&lacking)).0, Code::Malformed, "without {name}");
        let mut more = members.clone();
        more.insert(format!("{name}x"), json!(1));
        assert_eq!(code(by_hand(&more)).0, Code::Malformed, "with {name}x");
    }
    type Bend = fn(&mut Grant);
    let bends: [(&str, Bend); 13] = [
        ("id", |grant| grant.id.push('A')),
        ("issuer", |grant| grant.issuer = Did::Key(holder().verifying_key())),
        ("asker", |grant| grant.asker = grant.issuer.clone()),
        ("service", |grant| grant.service.clear()),
        ("purpose", |grant| grant.purpose = "to show".to_owned()),
        ("vct", |grant| grant.vct.clear()),
        ("claims", |grant| grant.claims.clear()),
        ("claims", |grant| grant.claims.push(Path::of(&["TotalAmount"]))),
        ("exp", |grant| grant.exp = grant.nbf),
        ("uses_per_day", |grant| grant.uses_per_day = 0),
        ("request", |grant| grant.request = "AAAA".to_owned()),
        ("text", |grant| grant.text.clear()),
        ("language", |grant| grant.language = "sv".to_owned()),
    ];
    for (name, bend) in bends {
        let mut bent = grant();
        bend(&mut bent);
        assert_eq!(code(bent.sign(&holder())), (Code::Malformed, name.to_owned()));
    }
    let long = format!("{text}{}", "A".repeat(GRANT_MAX));
    assert_eq!(code(OpenedGrant::open(&long)).0, Code::TooLarge);
}

#[test]
fn a_grant_beyond_its_registration_is_refused_with_what_is_beyond() {
    type Bend = fn(&mut Grant);
    let bends: [(&str, Bend); 7] = [
        ("S01", |grant| grant.service = "S01".to_owned()),
        ("purpose", |grant| grant.purpose = "loan_application".to_owned()),
        ("kind", |grant| grant.kind = Kind::Case),
        ("Accounts[].Bban", |grant| {
            let part = |name: &str| Some(name.to_owned());
            grant.claims.push(Path(vec![part("Accounts"), None, part("Bban")]));
        }),
        ("time", |grant| grant.exp = grant.nbf.plus(365 * DAY - 3_659)),
        ("uses_per_day", |grant| grant.uses_per_day = 25),
        ("S99", |grant| grant.service = "S99".to_owned()),
    ];
    for (what, bend) in bends {
        let mut bent = grant();
        bend(&mut bent);
        let bent = OpenedGrant::open(&bent.sign(&holder()).expect("signs")).expect("opens");
        let (code, detail) = code(bent.check_registered(&trust()));
        // A service that is registered without grants allows none.
        let detail = if what == "S01" { "S01".to_owned() } else { detail };
        assert_eq!((code, detail.as_str()), (Code::OverAsk, what));
    }
    assert_eq!(opened().check_registered(&trust()), Ok(()));
    let longest = Grant {
        exp: now().plus(365 * DAY - 3_660),
        ..grant()
    };
    let longest = OpenedGrant::open(&longest.sign(&holder()).expect("signs")).expect("opens");
    assert_eq!(
        longest.check_registered(&trust()),
        Ok(()),
        "a year less the change of the clock"
    );
    for (domains, expected) in [
        ((BANK, TAX), Code::UnknownVerifier),
        ((TAX, LOANS), Code::TypeNotAllowed),
        (("annen.example", BANK), Code::UnknownIssuer),
    ] {
        let (issuer, asker) = match expected {
            Code::UnknownVerifier => (did(LOANS), did("annen.example")),
            _ => (did(domains.0), did(domains.1)),
        };
        let other = Grant {
            issuer,
            asker,
            ..grant()
        };
        let other = OpenedGrant::open(&other.sign(&holder()).expect("signs")).expect("opens");
        assert_eq!(code(other.check_registered(&trust())).0, expected);
    }
}

#[test]
fn a_grant_holds_for_its_time_and_its_claims() {
    let grant = opened();
    assert_eq!(code(grant.check_time(now().plus(-CLOCK_SKEW - 1))).0, Code::NotYetValid);
    assert_eq!(grant.check_time(now().plus(-CLOCK_SKEW)), Ok(()));
    assert_eq!(grant.check_time(now().plus(300 * DAY - 1)), Ok(()));
    assert_eq!(code(grant.check_time(now().plus(300 * DAY))).0, Code::Expired);
    let below = Path::of(&["TotalAmount", "amount"]);
    assert_eq!(grant.allows(&[below, Path::of(&["personidentifikator"])]), Ok(()));
    let beyond = grant.allows(&[Path::of(&["TotalAmount"]), Path::of(&["formaal"])]);
    assert_eq!(code(beyond), (Code::OverAsk, "formaal".to_owned()));
}

#[test]
fn a_deposit_says_whose_grant_it_is_to_whoever_knows_the_number() {
    let grant = opened();
    let deposit = Deposit {
        grant: grant.name(),
        issuer: did(LOANS),
        asker: did(BANK),
        subject: Subject::of(CITIZEN, [4; 16]),
        at: now(),
    };
    let text = deposit.sign(&kid(LOANS), &cast::key(LOANS_KEY)).expect("signs");
    assert_eq!(Deposit::open(&text, &grant, &trust()), Ok(deposit.clone()));
    assert!(deposit.subject.is(CITIZEN));
    assert!(!deposit.subject.is("24818446027"));
    assert_ne!(
        deposit.subject,
        Subject::of(CITIZEN, [5; 16]),
        "the salt hides that it is the same"
    );
    assert!(!text.contains(CITIZEN));
    for (bend, expected) in [
        (
            Deposit {
                grant: hash_text(&[9; 32]),
                ..deposit.clone()
            },
            Code::WrongRequest,
        ),
        (
            Deposit {
                asker: did(TAX),
                ..deposit.clone()
            },
            Code::WrongRequest,
        ),
        (
            Deposit {
                at: now().plus(400 * DAY),
                ..deposit.clone()
            },
            Code::KeyOutsideWindow,
        ),
    ] {
        let text = bend.sign(&kid(LOANS), &cast::key(LOANS_KEY)).expect("signs");
        assert_eq!(code(Deposit::open(&text, &grant, &trust())).0, expected);
    }
    let forged = deposit.sign(&kid(LOANS), &cast::key(9)).expect("signs");
    assert_eq!(code(Deposit::open(&forged, &grant, &trust())).0, Code::SignatureInvalid);
    let others = Deposit {
        issuer: did(TAX),
        ..deposit
    };
    let others = others.sign(&kid(TAX), &cast::key(1)).expect("signs");
    assert_eq!(
        code(Deposit::open(&others, &grant, &trust())).0,
        Code::WrongRequest,
        "another issuer's word"
    );
}

#[test]
fn a_withdrawal_is_the_holders_or_the_issuers_and_of_one_grant() {
    let grant = opened();
    let withdrawal = Withdrawal {
        grant: grant.name(),
        issuer: did(LOANS),
        at: now(),
    };
    let open = |text: &str| Withdrawal::open(text, &grant, &trust());
    let own = withdrawal.sign(&holder()).expect("signs");
    assert_eq!(open(&own), Ok(withdrawal.clone()));
    let issuers = withdrawal
        .sign_as_issuer(&kid(LOANS), &cast::key(LOANS_KEY))
        .expect("signs");
    assert_eq!(open(&issuers), Ok(withdrawal.clone()));
    let strangers = withdrawal.sign(&cast::key(78)).expect("signs");
    assert_eq!(code(open(&strangers)).0, Code::SignatureInvalid, "another person's key");
    let of_another = Withdrawal {
        grant: hash_text(&[9; 32]),
        ..withdrawal.clone()
    };
    assert_eq!(
        code(open(&of_another.sign(&holder()).expect("signs"))).0,
        Code::WrongRequest
    );
    let of_another_issuer = Withdrawal {
        issuer: did(TAX),
        ..withdrawal
    };
    let text = of_another_issuer
        .sign_as_issuer(&kid(TAX), &cast::key(1))
        .expect("signs");
    assert_eq!(
        code(open(&text)).0,
        Code::WrongRequest,
        "any listed issuer could stop any grant"
    );
    // What the holder signed for another purpose ends nothing.
    let proof = Proof {
        grant: grant.name(),
        issuer: did(LOANS),
        at: now(),
        stands: true,
    };
    assert_eq!(
        code(open(&proof.sign(&holder()).expect("signs"))),
        (Code::Malformed, "typ".to_owned())
    );
}

#[test]
fn the_holder_asks_with_the_grants_key_and_now() {
    let grant = opened();
    let proof = Proof {
        grant: grant.name(),
        issuer: did(LOANS),
        at: now(),
        stands: true,
    };
    let text = proof.sign(&holder()).expect("signs");
    for (seconds, expected) in [
        (-301, Some(Code::Stale)),
        (-300, None),
        (300, None),
        (301, Some(Code::Stale)),
    ] {
        let checked = Proof::check(&text, &grant, now().plus(seconds));
        assert_eq!(checked.err().map(|problem| problem.code), expected, "{seconds}");
    }
    let strangers = proof.sign(&cast::key(78)).expect("signs");
    assert_eq!(code(Proof::check(&strangers, &grant, now())).0, Code::SignatureInvalid);
    let elsewhere = Proof {
        issuer: did(TAX),
        ..proof
    };
    let elsewhere = elsewhere.sign(&holder()).expect("signs");
    assert_eq!(
        code(Proof::check(&elsewhere, &grant, now())).0,
        Code::WrongRequest,
        "shown to another issuer"
    );
}

#[test]
fn what_is_told_of_a_grant_is_signed_by_who_did_it_and_is_of_that_grant() {
    let grant = opened();
    let usage = Usage {
        grant: grant.name(),
        issuer: did(LOANS),
        asker: did(BANK),
        number: 3,
        claims: claims(),
        at: now(),
    };
    let text = usage.sign(&kid(LOANS), &cast::key(LOANS_KEY)).expect("signs");
    assert_eq!(Usage::open(&text, &grant, &trust()), Ok(usage.clone()));
    assert!(
        usage.sign(&kid(BANK), &cast::key(4)).is_err(),
        "the asker does not say what was released"
    );
    let to_another = Usage {
        asker: did(TAX),
        ..usage
    };
    let to_another = to_another.sign(&kid(LOANS), &cast::key(LOANS_KEY)).expect("signs");
    assert_eq!(code(Usage::open(&to_another, &grant, &trust())).0, Code::WrongRequest);

    let withdrawn = Withdrawn {
        grant: grant.name(),
        issuer: did(LOANS),
        at: now(),
        uses: 3,
    };
    let text = withdrawn.sign(&kid(LOANS), &cast::key(LOANS_KEY)).expect("signs");
    assert_eq!(Withdrawn::open(&text, &grant, &trust()), Ok(withdrawn));

    let erasure = Erasure {
        grant: grant.name(),
        asker: did(BANK),
        erased: vec![Erased {
            claims: claims(),
            received: now(),
            at: now().plus(60),
        }],
        kept: vec![Kept {
            claims: vec![Path::of(&["personidentifikator"])],
            received: now(),
            ground: "bookkeeping".to_owned(),
            until: now().plus(5 * 366 * DAY),
        }],
        at: now().plus(60),
    };
    let text = erasure.sign(&kid(BANK), &cast::key(4)).expect("signs");
    assert_eq!(Erasure::open(&text, &grant, &trust()), Ok(erasure.clone()));
    let anothers = Erasure {
        asker: did(TAX),
        ..erasure
    };
    let anothers = anothers.sign(&kid(TAX), &cast::key(1)).expect("signs");
    assert_eq!(code(Erasure::open(&anothers, &grant, &trust())).0, Code::WrongRequest);
}
