//! Lists with periods, and lists that speak of others beside the holder: AAP, disability benefit, tax claims.

use super::*;

const ENK: &str = "216039483";
const OWNER: &str = "24818446027";

fn known(id: &str) -> Arc<CredentialType> {
    Arc::clone(Types::builtin().find(id).expect(id))
}

fn example(id: &str) -> Value {
    read(match id {
        "C08" => include_str!("../examples/AapDecision.json"),
        "C09" => include_str!("../examples/DisabilityBenefitDecision.json"),
        _ => include_str!("../examples/TaxClaimsAndPayments.json"),
    })
}

fn row(id: &str, change: impl FnOnce(&mut Value)) -> Result<Row, RowError> {
    let mut value = example(id);
    change(&mut value);
    known(id).row(value)
}

fn refused(id: &str, path: &str, reason: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(row(id, change), Err(RowError::new(path, reason)), "{id} {path}");
}

fn claims(id: &str, change: impl FnOnce(&mut Value)) -> Value {
    let row = row(id, change).expect("a row");
    known(id).claims(&row).value().clone()
}

fn ids<'v>(claims: &'v Value, list: &str, name: &str) -> Vec<&'v Value> {
    let list = claims.pointer(list).and_then(Value::as_array).expect("a list");
    list.iter().map(|element| &element[name]).collect()
}

const DECISIONS: &str = "/vedtak/vedtaksliste";

#[test]
fn decisions_are_issued_in_the_order_of_their_days_whatever_their_numbers() {
    // The register has the later decision first, with the greater number; the one that goes on has no last day.
    let shown = claims("C08", |_| ());
    assert_eq!(ids(&shown, DECISIONS, "vedtakId"), [&json!(34566990), &json!(34567001)]);
    // Numbers that rise against the days make no difference.
    let shown = claims("C08", |v| v["vedtak"]["vedtaksliste"][1]["vedtakId"] = json!(99999999));
    assert_eq!(ids(&shown, DECISIONS, "vedtakId"), [&json!(99999999), &json!(34567001)]);
}

#[test]
fn a_decision_that_ends_the_day_before_it_begins_was_taken_back_and_is_not_issued() {
    let ends = |day: &str| {
        let day = day.to_owned();
        move |v: &mut Value| v["vedtak"]["vedtaksliste"][0]["virkningsperiode"]["tilDato"] = json!(day)
    };
    let shown = claims("C08", ends("2026-01-11"));
    assert_eq!(ids(&shown, DECISIONS, "vedtakId"), [&json!(34566990)]);
    // A single day is a decision; an end before that is a mistake of the register.
    let shown = claims("C08", ends("2026-01-12"));
    assert_eq!(ids(&shown, DECISIONS, "vedtakId").len(), 2);
    let place = "vedtak.vedtaksliste[0].virkningsperiode.tilDato";
    refused("C08", place, "period", ends("2026-01-10"));
    // Decisions may run beside one another.
    assert!(row("C08", ends("2027-12-31")).is_ok());
}

#[test]
fn report_cards_and_periods_that_share_a_day_are_refused() {
    let list = |v: &mut Value, index: usize| v["meldekort"]["meldekortliste"][index]["periode"].take();
    refused("C08", "meldekort.meldekortliste[1]", "period_overlap", |v| {
        let _ = list(v, 1);
        v["meldekort"]["meldekortliste"][1]["periode"] = json!({"fraDato": "2026-08-16", "tilDato": "2026-08-30"});
    });
    refused("C08", "meldekort.meldekortliste[0]", "period_overlap", |v| {
        v["meldekort"]["meldekortliste"][0]["periode"] = json!({"fraDato": "2026-08-20", "tilDato": "2026-08-21"});
    });
    refused("C09", "beregningsperioder[1]", "period_overlap", |v| {
        v["beregningsperioder"][0]["tom"] = Value::Null;
    });
    refused("C09", "beregningsperioder[0].tom", "period", |v| {
        v["beregningsperioder"][0]["tom"] = json!("2026-02-27");
    });
    // Turned round, they are the same periods.
    let shown = claims("C09", |v| {
        let list = v["beregningsperioder"].as_array_mut().expect("a list");
        list.reverse();
    });
    assert_eq!(
        ids(&shown, "/beregningsperioder", "fom"),
        [&json!("2026-03-01"), &json!("2026-05-01")]
    );
}

#[test]
fn health_data_has_its_form_and_all_of_it_is_set_apart() {
    assert_eq!(claims("C09", |_| ())["uforestatus"], "LOPENDE");
    assert_eq!(
        claims("C08", |_| ())["meldekort"]["meldekortliste"][1]["antallTimerArbeidet"],
        "22.5"
    );
    refused("C09", "uforestatus", "schema", |v| v["status"] = json!("INNVILGET"));
    refused("C09", "beregningsperioder[0].uforegrad", "schema", |v| {
        v["beregningsperioder"][0]["uforegrad"] = json!(101);
    });
    refused("C08", "vedtak.vedtaksliste[0].vedtakstype", "schema", |v| {
        v["vedtak"]["vedtaksliste"][0]["vedtakstype"] = json!({"termnavn": "Stans"});
    });
    for id in ["C08", "C09"] {
        let declared = known(id);
        let plain: Vec<String> = declared
            .fields
            .iter()
            .filter(|field| !declared.is_sensitive(&field.path, &Value::Null))
            .map(|field| field.path.to_string())
            .collect();
        assert_eq!(
            plain,
            ["personidentifikator", "ajourholdstidspunkt", "skjermet"],
            "{id}"
        );
    }
}

#[test]
fn a_sole_proprietors_own_claims_are_not_in_what_the_business_holds() {
    const CLAIMS: &str = "/aapentKravMedGjenstaaendeBeloep";
    let whole = row("C13", |_| ()).expect("a row");
    assert!(whole.value().to_string().contains(OWNER), "the register mixes them");
    let shown = claims("C13", |_| ());
    assert_eq!(ids(&shown, CLAIMS, "partIdentifikator"), [&json!(ENK)]);
    assert!(!shown.to_string().contains(OWNER) && !shown.to_string().contains("RESTSKATT"));
    // The totals have the owner's tax in them.
    assert_eq!(shown.get("totalOversikt"), None);
    let payment = |party: &str| {
        let party = party.to_owned();
        move |v: &mut Value| {
            v["aapentKravMedGjenstaaendeBeloep"]
                .as_array_mut()
                .expect("a list")
                .pop();
            v["innbetalingMedUplassertBeloep"] =
                json!([{"partIdentifikator": party, "innbetalingsIdentifikator": "1", "uplassertBeloep": 100}]);
        }
    };
    let shown = claims("C13", payment(OWNER));
    assert_eq!(shown["innbetalingMedUplassertBeloep"], json!([]));
    assert_eq!(shown.get("totalOversikt"), None);
    // Where all is the business's, the totals are shown too.
    let shown = claims("C13", payment(ENK));
    assert_eq!(shown["innbetalingMedUplassertBeloep"][0]["uplassertBeloep"], "100");
    assert_eq!(shown["totalOversikt"]["saldo"], "-40300");
    assert_eq!(known("C13").shown(&shown), Ok(()));
}

#[test]
fn a_payment_can_only_be_made_by_what_checks_and_payers_accounts_are_masked() {
    const DUE: &str = "aapentKravMedGjenstaaendeBeloep[0].kravforfall[0]";
    let check = |path: &str, reason: &str, change: &dyn Fn(&mut Value)| {
        refused("C13", &format!("{DUE}.{path}"), reason, |v| {
            change(&mut v["aapentKravMedGjenstaaendeBeloep"][0]["kravforfall"][0]);
        });
    };
    check("betalingsinformasjon.kid", "check_digit", &|due| {
        due["betalingsinformasjon"]["kid"] = json!("3102045870020267");
    });
    check("betalingsinformasjon.konto.kontonummer", "check_digit", &|due| {
        due["betalingsinformasjon"]["konto"]["kontonummer"] = json!("12341203871");
    });
    check("betalingsinformasjon.konto.iban", "check_digit", &|due| {
        due["betalingsinformasjon"]["konto"]["iban"] = json!("NO4712341203870");
    });
    check("plassertInnbetaling[0].innbetaltFra", "schema", &|due| {
        due["plassertInnbetaling"][0]["innbetaltFra"] = json!("12341278901");
    });
    let by_eleven = |v: &mut Value| {
        v["aapentKravMedGjenstaaendeBeloep"][0]["kravforfall"][0]["betalingsinformasjon"]["kid"] = json!("1012-");
    };
    assert!(row("C13", by_eleven).is_ok(), "a reference may end in a hyphen");
    refused("C13", "partIdentifikator", "check_digit", |v| {
        v["partIdentifikator"] = json!("216039484")
    });
    refused("C13", "aapentKravMedGjenstaaendeBeloep", "schema", |v| {
        v["skjermet"] = json!(true)
    });
}

#[test]
fn a_declaration_of_lists_that_are_none_is_refused() {
    let bent = |member: &str, change: &dyn Fn(&mut Value)| {
        let id = if member == "periods" { "C09" } else { "C13" };
        let text = match id {
            "C09" => include_str!("../../../types/DisabilityBenefitDecision.json"),
            _ => include_str!("../../../types/TaxClaimsAndPayments.json"),
        };
        let mut declared = read(text);
        change(&mut declared);
        let found = CredentialType::parse(declared.to_string().as_bytes()).map(|_| ());
        assert_eq!(found, Err(Problem::new(Code::Malformed, member)), "{member}");
    };
    bent("periods", &|d| d["periods"][0]["list"] = json!(["uforestatus"]));
    bent("periods", &|d| d["periods"][0]["from"] = json!(["uforegrad"]));
    bent("periods", &|d| d["periods"][0]["to"] = json!(["mangler"]));
    bent("of_others", &|d| d["of_others"]["lists"] = json!([]));
    bent("of_others", &|d| d["of_others"]["lists"][0] = json!(["totalOversikt"]));
    bent("of_others", &|d| d["of_others"]["number"] = json!(["mangler"]));
    bent("of_others", &|d| d["of_others"]["sums"] = json!([["mangler"]]));
}
