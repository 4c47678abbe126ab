//! The gate of a refresh.

use super::*;
use crate::schema::{CredentialType, Types};
use crate::sd_jwt::SdJwt;
use serde_json::Value;

const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn loan_type() -> Arc<CredentialType> {
    Arc::clone(Types::builtin().get(LOAN).expect("built in"))
}

fn release() -> Release {
    let claims = json!({
        "personidentifikator": CITIZEN,
        "TotalAmount": { "currency": "NOK", "amount": "313654.00" },
        "ajourholdstidspunkt": "2026-07-10T00:00:00Z",
    });
    let Value::Object(claims) = claims else { unreachable!() };
    Release {
        iss: did(LOANS),
        aud: did(BANK),
        vct: LOAN.to_owned(),
        grant: opened().name(),
        nonce: NONCE.to_owned(),
        number: 1,
        iat: now(),
        exp: now().plus(300),
        claims,
    }
}

fn text(release: &Release) -> String {
    release.sign(&kid(LOANS), &cast::key(LOANS_KEY)).expect("signs")
}

fn open_at(text: &str, now: Timestamp) -> Result<VerifiedRelease, Problem> {
    let asked = Asked {
        grant: &opened(),
        nonce: NONCE,
        claims: &claims(),
        number: CITIZEN,
    };
    VerifiedRelease::open(text, &asked, &loan_type(), &trust(), now)
}

#[test]
fn a_release_is_opened_as_it_was_signed_and_by_no_other_gate() {
    let text = text(&release());
    assert_eq!(open_at(&text, now()).expect("opens").release(), &release());
    assert!(SdJwt::parse(&text).is_err(), "the gate of credentials");
    assert!(crate::jws::Jws::parse(&text, crate::request::TYP, RELEASE_MAX).is_err());
    let shown = format!("{:?}", open_at(&text, now()).expect("opens"));
    assert!(!shown.contains("313654") && !shown.contains(CITIZEN), "{shown}");
}

#[test]
fn a_release_is_good_for_minutes() {
    let text = text(&release());
    for (seconds, expected) in [
        (-CLOCK_SKEW - 1, Some(Code::ClockSuspect)),
        (-CLOCK_SKEW, None),
        (299, None),
        (300, Some(Code::Expired)),
    ] {
        let opened = open_at(&text, now().plus(seconds));
        assert_eq!(opened.err().map(|problem| problem.code), expected, "{seconds}");
    }
    let later = Release {
        iat: now().plus(CLOCK_SKEW + 1),
        exp: now().plus(CLOCK_SKEW + 60),
        ..release()
    };
    assert_eq!(code(open_at(&self::text(&later), now())).0, Code::NotYetValid);
    for seconds in [0, RELEASE_SECONDS_MAX + 1] {
        let long = Release {
            exp: now().plus(seconds),
            ..release()
        };
        let signed = long.sign(&kid(LOANS), &cast::key(LOANS_KEY));
        assert_eq!(code(signed), (Code::Malformed, "exp".to_owned()));
    }
}

#[test]
fn every_bend_of_a_release_has_its_code() {
    type Bend = fn(&mut Release);
    let bends: [(Code, &str, Bend); 11] = [
        (Code::WrongAudience, "", |release| release.aud = did(TAX)),
        (Code::WrongRequest, "", |release| release.grant = hash_text(&[9; 32])),
        (Code::WrongNonce, "", |release| release.nonce.push('A')),
        (Code::TypeNotAllowed, "", |release| {
            release.vct = "urn:bevis:MonthlyIncome:1".to_owned()
        }),
        (Code::WrongSubject, "", |release| {
            release
                .claims
                .insert("personidentifikator".to_owned(), json!("24818446027"));
        }),
        (Code::WrongSubject, "", |release| {
            release.claims.remove("personidentifikator");
        }),
        (Code::ClaimsUnrequested, "formaal", |release| {
            release.claims.insert("formaal".to_owned(), json!("visning-i-nettbank"));
        }),
        (Code::ClaimsUnrequested, "Accounts", |release| {
            release.claims.insert("Accounts".to_owned(), json!([]));
        }),
        (Code::ClaimsMissing, "TotalAmount", |release| {
            release.claims.remove("TotalAmount");
        }),
        (Code::SchemaInvalid, "", |release| {
            release
                .claims
                .insert("TotalAmount".to_owned(), json!({ "currency": "NOK", "amount": 1 }));
        }),
        (Code::SchemaInvalid, "", |release| {
            release
                .claims
                .insert("ajourholdstidspunkt".to_owned(), json!("yesterday"));
        }),
    ];
    for (expected, what, bend) in bends {
        let mut bent = release();
        bend(&mut bent);
        let (code, detail) = code(open_at(&text(&bent), now()));
        assert_eq!(code, expected, "{detail}");
        assert!(what.is_empty() || detail == what, "{detail}");
    }
    let forged = release().sign(&kid(LOANS), &cast::key(9)).expect("signs");
    assert_eq!(code(open_at(&forged, now())).0, Code::SignatureInvalid);
    let others = Release {
        iss: did(TAX),
        ..release()
    };
    let others = others.sign(&kid(TAX), &cast::key(1)).expect("signs");
    assert_eq!(
        code(open_at(&others, now())).0,
        Code::UnknownIssuer,
        "whom the grant does not name"
    );
    let long = Release {
        nonce: "A".repeat(RELEASE_MAX),
        ..release()
    };
    assert_eq!(code(long.sign(&kid(LOANS), &cast::key(LOANS_KEY))).0, Code::TooLarge);
    assert_eq!(code(open_at(&"A".repeat(RELEASE_MAX + 1), now())).0, Code::TooLarge);
}
