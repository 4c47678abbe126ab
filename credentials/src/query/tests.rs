//! Queries: what is supported parses, everything else is refused by name.

use super::*;
use proptest::prelude::*;

fn plain() -> Value {
    json!({"credentials": [
        {"id": "income", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:bevis:MonthlyIncome:1"]},
         "claims": [{"path": ["personidentifikator"]},
                    {"path": ["oppgaveInntektsmottaker", null, "inntekt", null, "beloep"], "values": ["48500.00", 7, true]}]},
        {"id": "tax", "format": "dc+sd-jwt", "meta": {"vct_values": ["urn:bevis:TaxAssessmentSummary:1"]},
         "claims": [{"path": ["inntektsaar"]}]}
    ]})
}

/// The plain query, changed, as it is parsed or refused.
fn check(change: impl FnOnce(&mut Value), expected: Result<(), (Code, &str)>) {
    let mut value = plain();
    change(&mut value);
    let found = Query::parse(&value)
        .map(|_| ())
        .map_err(|p| (p.code, p.detail.unwrap_or_default()));
    assert_eq!(
        found,
        expected.map_err(|(code, detail)| (code, detail.to_owned())),
        "{value}"
    );
}

#[test]
fn a_query_is_read_as_it_was_written() {
    let query = Query::parse(&plain()).expect("query");
    assert_eq!(query.to_value(), plain());
    let paths: Vec<String> = query.paths("income").iter().map(Path::to_string).collect();
    assert_eq!(
        paths,
        ["personidentifikator", "oppgaveInntektsmottaker[].inntekt[].beloep"]
    );
    assert!(query.paths("other").is_empty());
}

#[test]
fn every_member_we_do_not_support_is_refused_by_its_name() {
    check(|_| (), Ok(()));
    let name = |name: &'static str| Err((Code::UnsupportedQuery, name));
    check(|v| v["credential_sets"] = json!([]), name("credential_sets"));
    check(
        |v| v["credentials"][0]["claim_sets"] = json!([["a"]]),
        name("claim_sets"),
    );
    check(
        |v| v["credentials"][0]["trusted_authorities"] = json!([]),
        name("trusted_authorities"),
    );
    check(|v| v["credentials"][0]["multiple"] = json!(true), name("multiple"));
    check(|v| v["credentials"][0]["multiple"] = json!("no"), name("multiple"));
    check(
        |v| v["credentials"][0]["require_cryptographic_holder_binding"] = json!(false),
        name("require_cryptographic_holder_binding"),
    );
    check(|v| v["credentials"][0]["format"] = json!("mso_mdoc"), name("format"));
    check(|v| v["credentials"][0]["format"] = json!("vc+sd-jwt"), name("format"));
    check(
        |v| v["credentials"][0]["meta"]["doctype_value"] = json!("x"),
        name("doctype_value"),
    );
    check(
        |v| v["credentials"][0]["meta"]["vct_values"] = json!(["a", "b"]),
        name("vct_values"),
    );
    check(|v| v["credentials"][0]["claims"][0]["id"] = json!("a"), name("id"));
    check(
        |v| v["credentials"][0]["claims"][0]["intent_to_retain"] = json!(true),
        name("intent_to_retain"),
    );
    check(
        |v| v["credentials"][0]["claims"][1]["path"][1] = json!(0),
        name("path index"),
    );
    check(
        |v| {
            v["credentials"][1].as_object_mut().expect("object").remove("claims");
        },
        name("claims"),
    );
    check(|v| v["credentials"][0]["14858834016 x"] = json!(1), name("credentials"));
    // The defaults of the standard may be spelt out.
    check(|v| v["credentials"][0]["multiple"] = json!(false), Ok(()));
    check(
        |v| v["credentials"][0]["require_cryptographic_holder_binding"] = json!(true),
        Ok(()),
    );
}

#[test]
fn what_is_not_dcql_is_malformed() {
    let malformed = |what: &'static str| Err((Code::Malformed, what));
    check(|v| *v = json!([]), malformed("dcql_query"));
    check(|v| *v = json!({}), malformed("credentials"));
    check(|v| v["credentials"] = json!([]), malformed("credentials"));
    check(|v| v["credentials"][0] = json!("income"), malformed("credentials"));
    check(
        |v| v["credentials"][1]["id"] = json!("income"),
        malformed("credentials.id"),
    );
    for id in [json!(""), json!("a b"), json!("a".repeat(33)), json!(1), json!("æ")] {
        check(|v| v["credentials"][0]["id"] = id, malformed("id"));
    }
    check(
        |v| {
            v["credentials"][0].as_object_mut().expect("object").remove("meta");
        },
        malformed("meta"),
    );
    check(
        |v| v["credentials"][0]["meta"]["vct_values"] = json!([]),
        malformed("vct_values"),
    );
    check(
        |v| v["credentials"][0]["meta"]["vct_values"] = json!("urn:x"),
        malformed("vct_values"),
    );
    check(
        |v| v["credentials"][0]["meta"]["vct_values"] = json!(["a b"]),
        malformed("vct_values"),
    );
    check(|v| v["credentials"][0]["claims"] = json!([]), malformed("claims"));
    check(
        |v| v["credentials"][0]["claims"][1] = json!({"path": ["personidentifikator"]}),
        malformed("personidentifikator"),
    );
    for path in [
        json!([]),
        json!("a"),
        json!([null]),
        json!([""]),
        json!([true]),
        json!(["a".repeat(65)]),
    ] {
        check(|v| v["credentials"][0]["claims"][0]["path"] = path, malformed("path"));
    }
    for values in [
        json!([]),
        json!("a"),
        json!([null]),
        json!([1.5]),
        json!([["a"]]),
        json!([{"a": 1}]),
    ] {
        check(
            |v| v["credentials"][0]["claims"][0]["values"] = values,
            malformed("values"),
        );
    }
}

#[test]
fn credentials_claims_values_and_segments_are_bounded() {
    let credentials = |count: usize| {
        let one = |number| {
            let mut one = plain()["credentials"][1].clone();
            one["id"] = json!(format!("c{number}"));
            one
        };
        Value::Array((0..count).map(one).collect())
    };
    let claims = |count: usize| {
        Value::Array(
            (0..count)
                .map(|number| json!({"path": [format!("a{number}")]}))
                .collect(),
        )
    };
    let large = |what: &'static str| Err((Code::TooLarge, what));
    check(|v| v["credentials"] = credentials(8), Ok(()));
    check(|v| v["credentials"] = credentials(9), large("credentials"));
    check(|v| v["credentials"][0]["claims"] = claims(63), Ok(()));
    check(|v| v["credentials"][0]["claims"] = claims(64), large("claims"));
    check(|v| v["credentials"][0]["claims"] = claims(65), large("claims"));
    check(
        |v| v["credentials"][0]["claims"][0]["values"] = json!(vec![1; 16]),
        Ok(()),
    );
    check(
        |v| v["credentials"][0]["claims"][0]["values"] = json!(vec![1; 17]),
        large("values"),
    );
    check(
        |v| v["credentials"][0]["claims"][0]["values"] = json!(["a".repeat(257)]),
        large("values"),
    );
    check(
        |v| v["credentials"][0]["claims"][0]["path"] = json!(vec!["a"; 8]),
        Ok(()),
    );
    check(
        |v| v["credentials"][0]["claims"][0]["path"] = json!(vec!["a"; 9]),
        large("path"),
    );
}

#[test]
fn claims_match_when_every_path_is_there_with_a_value_that_was_named() {
    let query = Query::parse(&plain()).expect("query");
    let query = query.credentials.first().expect("credential");
    let with = |amounts: Value| json!({"personidentifikator": "14858834016", "oppgaveInntektsmottaker": [{"inntekt": amounts}]});
    let missing = |path: &str| Err(Problem::new(Code::ClaimsMissing, path));
    let path = "oppgaveInntektsmottaker[].inntekt[].beloep";
    assert_eq!(
        matches(query, &with(json!([{"beloep": "1.00"}, {"beloep": "48500.00"}]))),
        Ok(())
    );
    assert_eq!(matches(query, &with(json!([{"beloep": 7}]))), Ok(()));
    assert_eq!(matches(query, &with(json!([{"beloep": "7"}]))), missing(path));
    assert_eq!(matches(query, &with(json!([{"beloep": "48500.0"}]))), missing(path));
    assert_eq!(matches(query, &with(json!([{}]))), missing(path));
    assert_eq!(matches(query, &with(json!([]))), missing(path));
    assert_eq!(matches(query, &json!({})), missing("personidentifikator"));
}

#[test]
fn a_query_fits_when_its_types_and_paths_exist_and_none_is_withheld() {
    let check = |vct: &str, path: Value, expected: Result<(), (Code, &str)>| {
        let query = Query::parse(&json!({"credentials": [{"id": "q", "format": "dc+sd-jwt",
            "meta": {"vct_values": [vct]}, "claims": [{"path": path}]}]}))
        .expect("query");
        let expected = expected.map_err(|(code, detail)| Problem::new(code, detail));
        assert_eq!(query.fits(&Types::builtin()), expected);
    };
    let loan = "urn:bevis:StudentLoanBalance:1";
    check(loan, json!(["Accounts", null, "Name"]), Ok(()));
    check(
        loan,
        json!(["Accounts", null, "Bban"]),
        Err((Code::OverAsk, "Accounts[].Bban")),
    );
    check(
        loan,
        json!(["Accounts", null, "Iban"]),
        Err((Code::OverAsk, "Accounts[].Iban")),
    );
    check("urn:x:Y:1", json!(["a"]), Err((Code::UnknownType, "urn:x:Y:1")));
}

fn any_query() -> impl Strategy<Value = Query> {
    let segment = prop_oneof![3 => "[a-zA-Z]{1,12}".prop_map(Some), 1 => Just(None)];
    let path = ("[a-z]{1,8}", prop::collection::vec(segment, 0..7))
        .prop_map(|(first, rest)| Path(std::iter::once(Some(first)).chain(rest).collect()));
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let claims = prop::collection::btree_map(path, prop::collection::vec(value, 0..5), 1..8).prop_map(|claims| {
        claims
            .into_iter()
            .map(|(path, values)| ClaimQuery { path, values })
            .collect::<Vec<_>>()
    });
    let credential = ("urn:[a-z:]{1,20}", claims);
    prop::collection::btree_map("[A-Za-z0-9_-]{1,32}", credential, 1..=8).prop_map(|credentials| Query {
        credentials: credentials
            .into_iter()
            .map(|(id, (vct, claims))| CredentialQuery { id, vct, claims })
            .collect(),
    })
}

proptest! {
    #[test]
    fn every_query_is_the_same_again_after_writing_and_reading(query in any_query()) {
        let text = query.to_value().to_string();
        let value = crate::json::parse(text.as_bytes(), 1 << 20).expect("JSON");
        prop_assert_eq!(Query::parse(&value), Ok(query));
    }
}
