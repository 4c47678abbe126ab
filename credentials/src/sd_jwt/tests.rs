//! Copies of every type: issued, selected from, read back.

mod bindings;
mod forms;

use super::*;
use crate::schema::{CredentialType, Types, values_at};
use crate::trust::cast::{self, TAX, did, kid, now, seeded};
use crate::{jws, random};
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// Every type with a row of its register.
const ROWS: [(&str, &str); 9] = [
    ("C01", include_str!("../schema/examples/PersonIdentification.json")),
    ("C02", include_str!("../schema/examples/MonthlyIncome.json")),
    ("C03", include_str!("../schema/examples/TaxAssessmentSummary.json")),
    ("C04", include_str!("../schema/examples/StudentLoanBalance.json")),
    ("C05", include_str!("../schema/examples/TransportLicenceGuarantee.json")),
    ("C06", include_str!("../schema/examples/CompanyRegistration.json")),
    ("C08", include_str!("../schema/examples/AapDecision.json")),
    ("C09", include_str!("../schema/examples/DisabilityBenefitDecision.json")),
    ("C13", include_str!("../schema/examples/TaxClaimsAndPayments.json")),
];

fn row(id: &str) -> Value {
    let (_, row) = ROWS.iter().find(|(name, _)| *name == id).expect("a type");
    let mut row: Value = serde_json::from_str(row).expect("JSON");
    // A path that is a value in one element and an object in the next is no path of a subset.
    if let Some(phase) = row.pointer_mut("/vedtak/vedtaksliste/1/aktivitetsfase") {
        *phase = json!({ "kode": "UA", "termnavn": "Under arbeidsavklaring" });
    }
    row
}

fn credential_type(id: &str) -> std::sync::Arc<CredentialType> {
    Types::builtin().find(id).expect("a type").clone()
}

fn issued(id: &str, row: Value, seed: &str) -> Result<String, Problem> {
    let credential_type = credential_type(id);
    let row = credential_type.row(row).expect("a valid row");
    issue(
        &Issue {
            credential_type: &credential_type,
            claims: &credential_type.claims(&row),
            issuer: &did(TAX),
            kid: &kid(TAX),
            holder: &holder().verifying_key(),
            status: status(),
            issued: now().day(),
            expires: now().day().plus(864_000),
        },
        &mut seeded(seed),
        &cast::key(1),
    )
}

fn holder() -> crate::SigningKey {
    cast::key(77)
}

fn status() -> StatusRef {
    StatusRef {
        uri: "https://skatteetaten.example/status/1".to_owned(),
        index: 1_048_575,
    }
}

fn full(id: &str) -> String {
    issued(id, row(id), "full").expect("issues")
}

fn parsed(text: &str) -> SdJwt {
    SdJwt::parse(text).unwrap_or_else(|problem| panic!("{problem}"))
}

fn refusal(text: &str) -> Option<Code> {
    SdJwt::parse(text).err().map(|problem| problem.code)
}

/// A credential with this payload and these disclosures, rightly signed whatever they say.
fn raw(members: Value, disclosures: &[Value]) -> String {
    let mut payload = json!({ "iss": "did:web:skatteetaten.example", "vct": "urn:bevis:Test:1" });
    payload
        .as_object_mut()
        .expect("an object")
        .extend(members.as_object().expect("an object").clone());
    let mut text = jws::sign(TYP, Some("k"), Map::new(), &payload, &cast::key(1)).expect("signs");
    text.push('~');
    for disclosure in disclosures {
        text.push_str(&encoded(disclosure));
        text.push('~');
    }
    text
}

fn encoded(disclosure: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(disclosure.to_string())
}

fn digest_of(disclosure: &Value) -> String {
    digest(&encoded(disclosure))
}

/// Whether `shown` is `whole` with members left out.
fn is_part(shown: &Value, whole: &Value) -> bool {
    match (shown, whole) {
        (Value::Object(shown), Value::Object(whole)) => shown
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole))),
        (Value::Array(shown), Value::Array(whole)) => {
            shown.len() == whole.len() && shown.iter().zip(whole).all(|(shown, whole)| is_part(shown, whole))
        }
        _ => shown == whole,
    }
}

#[test]
fn the_digest_is_that_of_rfc_9901_section_4_2_3() {
    assert_eq!(
        digest("WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"),
        "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    );
}

#[test]
fn a_copy_with_all_disclosures_has_all_claims_of_its_row_but_class_x() {
    for (id, _) in ROWS {
        let credential_type = credential_type(id);
        let row = credential_type.row(row(id)).expect("a valid row");
        let sd_jwt = parsed(&full(id));
        assert_eq!(sd_jwt.claims(), credential_type.claims(&row).value(), "{id}");
        assert_eq!(sd_jwt.vct(), credential_type.vct);
        assert_eq!(*sd_jwt.issuer(), did(TAX));
        assert_eq!(sd_jwt.kid(), kid(TAX));
        assert_eq!(sd_jwt.holder_key(), Some(holder().verifying_key()));
        assert_eq!(sd_jwt.status(), Some(status()));
        let day = Some(now().day());
        assert_eq!(sd_jwt.times(), (day, day, Some(now().day().plus(864_000))));
        assert!(sd_jwt.key_binding().is_none());
        assert!(sd_jwt.verify_issuer(&cast::key(1).verifying_key()), "{id}");
        assert!(!sd_jwt.verify_issuer(&cast::key(2).verifying_key()), "{id}");
    }
}

#[test]
fn with_nothing_selected_only_class_a_is_shown() {
    for (id, _) in ROWS {
        let credential_type = credential_type(id);
        let none = parsed(&parsed(&full(id)).select(&[]).expect("selects"));
        assert!(none.disclosed_paths().is_empty(), "{id}");
        for path in parsed(&full(id)).disclosed_paths() {
            assert!(values_at(none.claims(), &path).is_empty(), "{id} {path}");
            assert_ne!(credential_type.class(&path), crate::schema::Class::A, "{id} {path}");
        }
    }
    let income = parsed(&parsed(&full("C02")).select(&[]).expect("selects"));
    assert_eq!(
        *income.claims(),
        json!({ "ajourholdstidspunkt": "2026-07-10T00:00:00Z", "fraOgMed": "2026-05", "tilOgMed": "2026-06" })
    );
}

#[test]
fn any_subset_that_is_selected_is_exactly_what_is_shown() {
    let mut random = seeded("subsets");
    for (id, _) in ROWS {
        let whole = parsed(&full(id));
        let paths = whole.disclosed_paths();
        assert!(!paths.is_empty(), "{id}");
        for round in 0..60 {
            let subset: Vec<Path> = paths
                .iter()
                .filter(|_| random::bytes::<1>(&mut random)[0] % 60 < round)
                .cloned()
                .collect();
            let shown = parsed(&whole.select(&subset).expect("selects"));
            assert_eq!(shown.disclosed_paths(), subset, "{id}");
            assert!(is_part(shown.claims(), whole.claims()), "{id}");
            assert!(shown.verify_issuer(&cast::key(1).verifying_key()));
            for path in &paths {
                let values = values_at(shown.claims(), path);
                if subset.contains(path) {
                    assert_eq!(values, values_at(whole.claims(), path), "{id} {path}");
                }
            }
            let again = parsed(&shown.select(&subset).expect("selects"));
            assert_eq!(again.claims(), shown.claims(), "{id}: a selection of a selection");
        }
    }
}

#[test]
fn a_path_selects_what_lies_below_it_and_keeps_what_lies_above_it() {
    let whole = parsed(&full("C02"));
    let income = Path(vec![
        Some("oppgaveInntektsmottaker".to_owned()),
        None,
        Some("inntekt".to_owned()),
    ]);
    let below = parsed(&whole.select(std::slice::from_ref(&income)).expect("selects"));
    assert_eq!(values_at(below.claims(), &income), values_at(whole.claims(), &income));
    assert!(values_at(below.claims(), &Path::of(&["personidentifikator"])).is_empty());

    let amount = Path([income.0.clone(), vec![None, Some("beloep".to_owned())]].concat());
    let above = parsed(&whole.select(std::slice::from_ref(&amount)).expect("selects"));
    assert_eq!(
        above.claims()["oppgaveInntektsmottaker"][0],
        json!({ "kalendermaaned": "2026-05", "inntekt": [{ "beloep": "48500.00" }, { "beloep": "3120.00" }] })
    );
    assert_eq!(above.disclosed_paths(), [amount]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_shares_nothing_but_the_issuer() {
    let text = full("C02");
    assert_eq!(issued("C02", row("C02"), "full").expect("issues"), text);
    let other = issued("C02", row("C02"), "other").expect("issues");
    let disclosures = |text: &str| -> BTreeSet<String> {
        text.split('~')
            .skip(1)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(disclosures(&text).len(), disclosures(&other).len());
    assert!(disclosures(&text).is_disjoint(&disclosures(&other)));
}

#[test]
fn the_place_of_a_disclosure_or_digest_tells_nothing() {
    let text = full("C02");
    let digests: Vec<String> = text
        .split('~')
        .skip(1)
        .filter(|part| !part.is_empty())
        .map(digest)
        .collect();
    assert!(digests.len() > 20);
    assert!(digests.is_sorted());
    let issued = text.split('~').next().expect("the issuer's JWT");
    let payload = &crate::jws::Jws::parse(issued, TYP, SD_JWT_MAX).expect("parses").payload;
    let top = payload["_sd"].as_array().expect("digests");
    assert!(top.len() >= 2 && top.iter().map(Value::as_str).is_sorted());
}

#[test]
fn a_list_of_plain_values_is_one_disclosure() {
    let nationality = Path::of(&["nationality"]);
    let whole = parsed(&full("C01"));
    assert!(whole.disclosed_paths().contains(&nationality));
    let shown = parsed(&whole.select(std::slice::from_ref(&nationality)).expect("selects"));
    assert_eq!(shown.claims()["nationality"], json!(["NO"]));
    assert_eq!(shown.disclosures.len(), 1);
}

#[test]
fn what_may_not_be_signed_is_refused() {
    let credential_type = credential_type("C02");
    let row = credential_type.row(row("C02")).expect("a valid row");
    let claims = credential_type.claims(&row);
    let attempt = |bend: &dyn Fn(&mut Issue<'_>)| {
        let holder = holder().verifying_key();
        let (issuer, kid) = (did(TAX), kid(TAX));
        let mut copy = Issue {
            credential_type: &credential_type,
            claims: &claims,
            issuer: &issuer,
            kid: &kid,
            holder: &holder,
            status: status(),
            issued: now().day(),
            expires: now(),
        };
        bend(&mut copy);
        issue(&copy, &mut seeded(""), &cast::key(1))
            .map(|_| ())
            .map_err(|p| p.code)
    };
    assert_eq!(attempt(&|_| {}), Ok(()));
    assert_eq!(
        attempt(&|copy| copy.kid = "did:web:bank.example#key-1"),
        Err(Code::Malformed)
    );
    assert_eq!(
        attempt(&|copy| copy.kid = "did:web:skatteetaten.example"),
        Err(Code::Malformed)
    );
    assert_eq!(attempt(&|copy| copy.expires = copy.issued), Err(Code::Malformed));
    assert_eq!(attempt(&|copy| copy.status.uri = String::new()), Err(Code::Malformed));
    assert_eq!(
        attempt(&|copy| copy.status.uri = "x".repeat(STATUS_URI_MAX + 1)),
        Err(Code::Malformed)
    );
}

/// How many digests each object of a presentation has, by its place.
fn digests(
    value: &Value,
    place: &str,
    found: &mut std::collections::BTreeMap<String, std::collections::BTreeSet<usize>>,
) {
    match value {
        Value::Object(members) => {
            let count = members.get("_sd").and_then(Value::as_array).map_or(0, Vec::len);
            found.entry(place.to_owned()).or_default().insert(count);
            for (name, member) in members {
                digests(member, &format!("{place}.{name}"), found);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| digests(item, &format!("{place}[]"), found)),
        _ => {}
    }
}

#[test]
fn the_number_of_digests_tells_nothing_of_what_a_row_has_or_lacks() {
    let count = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut row = row(id);
        change(&mut row);
        let text = issued(id, row, "decoys").expect("signs");
        let payload =
            crate::jws::Jws::parse(text.split('~').next().expect("a token"), super::TYP, 1 << 16).expect("parses");
        let mut found = std::collections::BTreeMap::new();
        digests(&Value::Object(payload.payload), "", &mut found);
        found.remove(".cnf").expect("a key");
        found
    };
    let whole = count("C03", &|_| ());
    let less = count("C03", &|row| {
        row.as_object_mut().expect("members").remove("grunnlag").expect("there");
        row["grunnlag"] = json!([]);
    });
    assert_eq!(whole[""], less[""], "an assessment with and without items");
    let company = count("C06", &|_| ());
    let bare = count("C06", &|row| {
        let members = row.as_object_mut().expect("members");
        for optional in [
            "antallAnsatte",
            "hjemmeside",
            "postadresse",
            "kapital",
            "naeringskode2",
            "slettedato",
        ] {
            members.remove(optional);
        }
    });
    assert_eq!(company[""], bare[""], "a company that has little on record");
    // Every element of a list has as many as the next, whatever it has.
    for (id, _) in ROWS {
        for (place, counts) in count(id, &|_| ()) {
            assert_eq!(counts.len(), 1, "{id} {place}: {counts:?}");
        }
    }
}
