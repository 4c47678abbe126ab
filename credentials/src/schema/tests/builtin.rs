//! The nine declarations of this crate, with the examples of domain §2.

use super::*;

const EXAMPLES: [(&str, &str); 9] = [
    ("C01", include_str!("../examples/PersonIdentification.json")),
    ("C02", include_str!("../examples/MonthlyIncome.json")),
    ("C03", include_str!("../examples/TaxAssessmentSummary.json")),
    ("C04", include_str!("../examples/StudentLoanBalance.json")),
    ("C05", include_str!("../examples/TransportLicenceGuarantee.json")),
    ("C06", include_str!("../examples/CompanyRegistration.json")),
    ("C08", include_str!("../examples/AapDecision.json")),
    ("C09", include_str!("../examples/DisabilityBenefitDecision.json")),
    ("C13", include_str!("../examples/TaxClaimsAndPayments.json")),
];

fn known(id: &str) -> Arc<CredentialType> {
    Arc::clone(Types::builtin().find(id).expect(id))
}

fn example(id: &str) -> Value {
    let (_, text) = EXAMPLES.iter().find(|(name, _)| *name == id).expect(id);
    read(text)
}

/// The example of a type, changed, as a row or the refusal.
fn row(id: &str, change: impl FnOnce(&mut Value)) -> Result<Row, RowError> {
    let mut value = example(id);
    change(&mut value);
    known(id).row(value)
}

fn refused(id: &str, path: &str, reason: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(row(id, change), Err(RowError::new(path, reason)), "{id} {path}");
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect(text)
}

#[test]
fn every_example_of_the_domain_is_a_row_and_its_claims_are_in_order() {
    for (id, _) in EXAMPLES {
        let declared = known(id);
        let row = row(id, |_| ()).expect(id);
        assert_eq!(declared.shown(declared.claims(&row).value()), Ok(()), "{id}");
        assert!(!json::has_float(row.value()), "{id}");
        assert!(
            declared.row_key(&row).is_some() && declared.holder_number(&row).is_some(),
            "{id}"
        );
    }
}

#[test]
fn every_leaf_of_the_schemas_has_a_label_in_three_languages() {
    fn leaves(declared: &CredentialType, path: Path, found: &mut Vec<Path>) {
        let schemas = tree::at(&declared.schema, &path);
        if !tree::element(&declared.schema, &schemas).is_empty() {
            let mut inner = path.clone();
            inner.0.push(None);
            return leaves(declared, inner, found);
        }
        let names: Vec<String> = schemas
            .iter()
            .filter_map(|schema| schema.get("properties")?.as_object())
            .flat_map(|members| members.keys().cloned())
            .collect();
        if names.is_empty() {
            found.push(path.clone());
        }
        for name in names {
            let mut inner = path.clone();
            inner.0.push(Some(name));
            leaves(declared, inner, found);
        }
    }
    for declared in Types::builtin().all() {
        let mut found = Vec::new();
        for name in declared.schema["properties"].as_object().expect("object").keys() {
            leaves(declared, Path::of(&[name]), &mut found);
        }
        assert!(found.len() > 8, "{}", declared.id);
        for path in found {
            let mut named = path.clone();
            while named.0.last() == Some(&None) {
                named.0.pop();
            }
            let field = declared.fields.iter().find(|field| field.path == named);
            let field = field.unwrap_or_else(|| panic!("{} {path} has no label", declared.id));
            assert!(field.label.nn.is_some(), "{} {path} in Nynorsk", declared.id);
        }
    }
}

#[test]
fn amounts_that_the_source_prints_as_numbers_become_decimal_text() {
    let tax = row("C03", |_| ()).expect("row");
    assert_eq!(tax.value()["grunnlag"][0]["beloep"], "621400");
    assert_eq!(
        tax.value()["grunnlag"][2]["spesifisering"][0]["opptjenteRenter"],
        "3870"
    );
    let company = row("C06", |_| ()).expect("row");
    assert_eq!(company.value()["kapital"]["belop"], "30000.0");
    assert_eq!(company.value()["kapital"]["antallAksjer"], json!(300));
    refused("C02", "oppgaveInntektsmottaker[0].inntekt[1].beloep", "decimal", |v| {
        v["oppgaveInntektsmottaker"][0]["inntekt"][1]["beloep"] = read("4.85e4");
    });
}

#[test]
fn an_altered_number_is_refused_where_it_stands() {
    let fnr = "14858834017";
    refused("C01", "personal_administrative_number", "check_digit", |v| {
        v["personal_administrative_number"] = json!(fnr);
    });
    refused("C02", "oppgaveInntektsmottaker[1].virksomhetId", "check_digit", |v| {
        v["oppgaveInntektsmottaker"][1]["virksomhetId"] = json!("112233445");
    });
    refused("C03", "grunnlag[2].spesifisering[0].kontonummer", "check_digit", |v| {
        v["grunnlag"][2]["spesifisering"][0]["kontonummer"] = json!("12340456717");
    });
    refused("C04", "Accounts[0].Bban", "check_digit", |v| {
        v["Accounts"][0]["Bban"] = json!(fnr)
    });
    refused("C05", "garantist.organisasjonsnummer", "check_digit", |v| {
        v["garantist"]["organisasjonsnummer"] = json!("112233445");
    });
    refused(
        "C06",
        "rollegrupper[0].roller[0].person.fodselsnummer",
        "check_digit",
        |v| {
            v["rollegrupper"][0]["roller"][0]["person"]["fodselsnummer"] = json!(fnr);
        },
    );
}

#[test]
fn numbers_of_role_holders_and_account_numbers_stay_with_the_issuer() {
    for (id, member, path) in [
        (
            "C06",
            "/rollegrupper/0/roller/0/person",
            r#"["rollegrupper",null,"roller",null,"person","fodselsnummer"]"#,
        ),
        ("C04", "/Accounts/0", r#"["Accounts",null,"Bban"]"#),
    ] {
        let declared = known(id);
        let path: Path = serde_json::from_str(path).expect("path");
        let row = row(id, |v| {
            let name = path.0.last().cloned().flatten().expect("name");
            v.pointer_mut(member).expect("member")[name] = json!("19908240378");
        })
        .expect("row");
        assert_eq!(values_at(row.value(), &path), [&json!("19908240378")], "{id}");
        let claims = declared.claims(&row);
        assert!(values_at(claims.value(), &path).is_empty(), "{id}");
        assert!(!claims.value().to_string().contains("19908240378"), "{id}");
        assert_eq!(
            declared.shown(row.value()),
            Err(RowError::new(path.to_string(), "schema"))
        );
    }
}

#[test]
fn a_shielded_person_has_no_amounts() {
    let grunnlag = example("C03")["grunnlag"].clone();
    refused("C03", "grunnlag", "schema", |v| v["skjermet"] = json!(true));
    assert!(
        row("C03", |v| {
            v["skjermet"] = json!(true);
            v["grunnlag"] = json!([]);
        })
        .is_ok()
    );
    assert!(row("C03", |v| v["grunnlag"] = grunnlag).is_ok());
    refused("C02", "oppgaveInntektsmottaker", "schema", |v| {
        v["skjermet"] = json!(true);
        v.as_object_mut().expect("object").remove("derived");
    });
}

#[test]
fn special_categories_are_set_apart() {
    let income = known("C02");
    let amount: Path =
        serde_json::from_str(r#"["oppgaveInntektsmottaker",null,"inntekt",null,"pensjonEllerTrygd","beskrivelse"]"#)
            .expect("path");
    assert!(income.is_sensitive(&amount, &json!("ufoerepensjon")));
    let tax = known("C03");
    let item: Path = serde_json::from_str(r#"["grunnlag",null,"tekniskNavn"]"#).expect("path");
    assert!(tax.is_sensitive(
        &item,
        &json!("samletUfoeretrygdFraFolketrygdenEksklusiveEktefelletillegg")
    ));
    assert!(!tax.is_sensitive(&item, &json!("samletGjeld")));
}

#[test]
fn a_guarantee_ends_by_who_ended_it() {
    let effect = |change: &dyn Fn(&mut Value)| {
        let row = row("C05", change).expect("row");
        known("C05").ending(row.value()).map(|ending| ending.effect.clone())
    };
    let running = |v: &mut Value| {
        v["status"] = json!("aktiv");
        v.as_object_mut().expect("object").remove("oppsigelse");
    };
    assert_eq!(effect(&running), None);
    assert!(matches!(effect(&|_| ()), Some(Effect::Notice { months: 2, .. })));
    assert_eq!(
        effect(&|v| v["oppsigelse"]["oppsagtAv"] = json!("loeyvehaver")),
        Some(Effect::Revoke)
    );
    assert_eq!(effect(&|v| v["status"] = json!("opphoert")), Some(Effect::Revoke));
    for ended in ["opphoert", "erstattet"] {
        assert_eq!(
            effect(&|v| {
                running(v);
                v["status"] = json!(ended);
            }),
            Some(Effect::Revoke),
            "{ended}"
        );
    }
    for status in ["oppsagt", "opphoert", "aktiv"] {
        refused("C05", "oppsigelse.oppsagtAv", "ending_not_allowed", |v| {
            v["oppsigelse"]["oppsagtAv"] = json!("loeyvemyndighet");
            v["status"] = json!(status);
        });
    }
    refused("C05", "", "schema", |v| {
        running(v);
        v["status"] = json!("oppsagt");
    });
}

#[test]
fn a_guarantor_gives_two_calendar_months_of_notice() {
    for (given, last, fine) in [
        ("2026-07-01", "2026-09-01", true),
        ("2026-07-01", "2026-08-31", false),
        ("2026-12-31", "2027-02-28", true),
        ("2026-12-31", "2027-02-27", false),
        ("2027-12-31", "2028-02-28", false),
        ("2027-12-31", "2028-02-29", true),
    ] {
        for status in ["oppsagt", "opphoert"] {
            let found = row("C05", |v| {
                v["status"] = json!(status);
                v["oppsigelse"]["varselDato"] = json!(given);
                v["oppsigelse"]["opphoersdato"] = json!(last);
            });
            let expected = if fine {
                Ok(())
            } else {
                Err(RowError::new("oppsigelse.opphoersdato", "notice_too_short"))
            };
            assert_eq!(found.map(|_| ()), expected, "{given} {last} {status}");
        }
    }
    refused("C05", "oppsigelse.opphoersdato", "notice_too_short", |v| {
        v["oppsigelse"].as_object_mut().expect("object").remove("opphoersdato");
    });
    let at_once = |v: &mut Value| {
        v["oppsigelse"]["oppsagtAv"] = json!("loeyvehaver");
        v["oppsigelse"]["opphoersdato"] = json!("2026-07-01");
    };
    assert!(row("C05", at_once).is_ok(), "the licence holder may end it at once");
}

#[test]
fn an_ending_is_seen_in_claims_that_show_it_and_in_no_others() {
    let declared = known("C05");
    let shown = json!({"oppsigelse": {"oppsagtAv": "garantist"}});
    assert!(matches!(
        declared.ending(&shown).map(|e| &e.effect),
        Some(Effect::Notice { .. })
    ));
    assert!(declared.ending(&json!({"antallLoeyver": 3})).is_none());
    assert!(declared.ending(&json!({"garantistatus": "aktiv"})).is_none());
}

#[test]
fn a_deleted_company_is_not_shown_as_registered() {
    let row = row("C06", |v| v["slettedato"] = json!("2026-08-01")).expect("row");
    let effect = known("C06").ending(row.value()).map(|ending| ending.effect.clone());
    assert_eq!(effect, Some(Effect::Revoke));
}

#[test]
fn each_type_is_valid_as_long_as_the_domain_says() {
    for (id, issued, until) in [
        ("C01", "2026-08-31T10:00:00Z", "2031-08-30T23:59:59Z"),
        ("C02", "2026-07-10T04:00:00Z", "2026-08-10T23:59:59Z"),
        ("C02", "2026-01-31T23:59:59Z", "2026-02-10T23:59:59Z"),
        ("C02", "2026-12-31T10:00:00Z", "2027-01-10T23:59:59Z"),
        ("C03", "2026-08-31T10:00:00Z", "2027-08-31T23:59:59Z"),
        ("C04", "2026-02-28T23:59:59Z", "2026-03-01T23:59:59Z"),
        ("C06", "2026-08-31T00:00:00Z", "2026-09-01T23:59:59Z"),
        ("C05", "2026-07-02T10:00:00Z", "2026-09-01T23:59:59Z"),
        ("C08", "2026-09-01T10:00:00Z", "2026-10-01T23:59:59Z"),
        ("C09", "2026-09-01T10:00:00Z", "2026-10-01T23:59:59Z"),
        ("C13", "2026-09-01T10:00:00Z", "2026-09-02T23:59:59Z"),
    ] {
        let row = row(id, |_| ()).expect(id);
        assert_eq!(known(id).valid_until(at(issued), &row), at(until), "{id} {issued}");
    }
    let far = row("C05", |v| v["oppsigelse"]["opphoersdato"] = json!("2030-01-01")).expect("row");
    assert_eq!(
        known("C05").valid_until(at("2026-07-02T10:00:00Z"), &far),
        at("2027-07-02T23:59:59Z")
    );
}

/// The example company with numbers of its role holders: general manager, chair, two members.
fn company(change: impl FnOnce(&mut Value)) -> Row {
    row("C06", |v| {
        for (place, number) in [
            ("/rollegrupper/0/roller/0/person", "19908240378"),
            ("/rollegrupper/1/roller/0/person", "05867140222"),
            ("/rollegrupper/1/roller/1/person", "30887940025"),
            ("/rollegrupper/1/roller/2/person", "19908240378"),
        ] {
            v.pointer_mut(place).expect("person")["fodselsnummer"] = json!(number);
        }
        change(v);
    })
    .expect("row")
}

#[test]
fn a_company_is_opened_by_an_active_role_of_the_same_entry_only() {
    let declared = known("C06");
    let whole = company(|_| ());
    assert!(declared.has_role(&whole, "19908240378"), "general manager");
    assert!(declared.has_role(&whole, "05867140222"), "chair");
    assert!(!declared.has_role(&whole, "30887940025"), "member");
    assert!(!declared.has_role(&whole, "14858834016"), "no role");
    assert!(!declared.has_role(&whole, ""), "nobody");
    let ended = company(|v| v["rollegrupper"][0]["roller"][0]["avregistrert"] = json!(true));
    assert!(
        !declared.has_role(&ended, "19908240378"),
        "still a member, no longer manager"
    );
    assert!(declared.has_role(&ended, "05867140222"));
    let dead = company(|v| v["rollegrupper"][0]["roller"][0]["person"]["erDoed"] = json!(true));
    assert!(
        !declared.has_role(&dead, "19908240378"),
        "nobody acts for a manager who has died"
    );
    assert!(declared.has_role(&dead, "05867140222"));
    let unsaid = company(|v| {
        v["rollegrupper"][0]["roller"][0]
            .as_object_mut()
            .expect("role")
            .remove("avregistrert");
    });
    assert!(declared.has_role(&unsaid, "19908240378"));
    let none = row("C06", |_| ()).expect("row");
    assert!(!declared.has_role(&none, "19908240378"), "no numbers in the register");
    let income = row("C02", |_| ()).expect("row");
    assert!(!known("C02").has_role(&income, "14858834016"), "another proof");
}

#[test]
fn an_element_without_what_each_has_is_seen() {
    let declared = known("C02");
    let whole = example("C02");
    let path = |last: &str| {
        let path = ["oppgaveInntektsmottaker", "", "inntekt", "", last];
        Path(
            path.iter()
                .map(|name| (!name.is_empty()).then(|| (*name).to_owned()))
                .collect(),
        )
    };
    assert!(!declared.lacks(&whole, &path("beloep")));
    let without = |pointer: &str, name: &str| {
        let mut cut = whole.clone();
        let place = cut.pointer_mut(pointer).and_then(Value::as_object_mut);
        place.expect("an object").remove(name).expect("there");
        cut
    };
    // One amount of three, or all of one month's.
    let one = without("/oppgaveInntektsmottaker/0/inntekt/1", "beloep");
    let month = without("/oppgaveInntektsmottaker/1", "inntekt");
    assert!(declared.lacks(&one, &path("beloep")) && declared.lacks(&month, &path("beloep")));
    assert!(!declared.lacks(&one, &path("fordel")), "another path is not touched");
    // What a row may lack is not missed.
    let wages = without("/oppgaveInntektsmottaker/0/inntekt/1", "loennsinntekt");
    assert!(!declared.lacks(&wages, &path("loennsinntekt")));
}

#[test]
fn what_is_always_shown_of_companies_is_the_number_only() {
    for (id, number) in [
        ("C05", Path::of(&["loeyvehaver", "organisasjonsnummer"])),
        ("C06", Path::of(&["organisasjonsnummer"])),
    ] {
        let declared = known(id);
        assert_eq!(declared.class(&number), Class::A, "{id}");
        let always: Vec<&Field> = declared.fields.iter().filter(|field| field.class == Class::A).collect();
        for field in always {
            let as_of = declared.as_of.as_ref() == Some(&field.path);
            assert!(as_of || field.path.covers(&number), "{id} {}", field.path);
        }
    }
}
