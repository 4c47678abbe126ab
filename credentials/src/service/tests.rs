//! Registrations: what may be asked, and the first thing beyond it.

use super::*;
use crate::schema::{Class, NoticeType, Types};
use crate::time::DAY;
use serde_json::{Value, json};

fn registration(id: &str) -> Registration {
    let found = Registration::builtin().into_iter().find(|known| known.id == id);
    found.expect(id)
}

fn query(vct: &str, paths: &[&str]) -> Query {
    let path = |text: &&str| {
        let segments: Vec<Value> = text
            .split('.')
            .flat_map(|part| match part.strip_suffix("[]") {
                Some(name) => vec![json!(name), Value::Null],
                None => vec![json!(part)],
            })
            .collect();
        json!({ "path": segments })
    };
    let claims: Vec<Value> = paths.iter().map(path).collect();
    Query::parse(
        &json!({"credentials": [{"id": "q", "format": "dc+sd-jwt", "meta": {"vct_values": [vct]}, "claims": claims}]}),
    )
    .expect("query")
}

fn check(service: &str, vct: &str, paths: &[&str], expected: Result<(), &str>) {
    let found = registration(service).allows(&query(vct, paths));
    assert_eq!(
        found,
        expected.map_err(|detail| Problem::new(Code::OverAsk, detail)),
        "{service} {vct}"
    );
}

const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const TAX: &str = "urn:bevis:TaxAssessmentSummary:1";
const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
const GUARANTEE: &str = "urn:bevis:TransportLicenceGuarantee:1";
const COMPANY: &str = "urn:bevis:CompanyRegistration:1";

#[test]
fn registered_claims_and_what_lies_below_them_may_be_asked() {
    check(
        "S01",
        INCOME,
        &["personidentifikator", "oppgaveInntektsmottaker[].inntekt[].beloep"],
        Ok(()),
    );
    check(
        "S01",
        TAX,
        &["inntektsaar", "grunnlag[].tekniskNavn", "grunnlag[].beloep"],
        Ok(()),
    );
    check(
        "S15",
        LOAN,
        &["TotalAmount.amount", "Accounts[].Balances[].BalanceAmount.currency"],
        Ok(()),
    );
    check(
        "S09",
        GUARANTEE,
        &["loeyvehaver.navn", "garantistatus", "oppsigelse.opphoersdato"],
        Ok(()),
    );
    check(
        "K01",
        COMPANY,
        &["navn", "rollegrupper[].roller[].person.navn.etternavn"],
        Ok(()),
    );
    check("K02", COMPANY, &["organisasjonsnummer"], Ok(()));
    check("K02", "urn:eudi:pid:1", &["personal_administrative_number"], Ok(()));
}

#[test]
fn the_first_claim_beyond_the_registration_is_named() {
    check(
        "S01",
        TAX,
        &["inntektsaar", "grunnlag[].spesifisering", "grunnlag"],
        Err("grunnlag[].spesifisering"),
    );
    check("S01", TAX, &["grunnlag"], Err("grunnlag"));
    check(
        "S01",
        INCOME,
        &["oppgaveInntektsmottaker[].inntekt[].ytelseFraOffentlige"],
        Err("oppgaveInntektsmottaker[].inntekt[].ytelseFraOffentlige"),
    );
    check("S15", LOAN, &["Accounts[].Bban"], Err("Accounts[].Bban"));
    check(
        "K01",
        COMPANY,
        &["rollegrupper[].roller[].person"],
        Err("rollegrupper[].roller[].person"),
    );
    check("K02", COMPANY, &["navn"], Err("navn"));
    check("K02", "urn:eudi:pid:1", &["family_name"], Err("family_name"));
}

#[test]
fn a_type_beyond_the_registration_is_named_with_the_service() {
    check("S01", LOAN, &["TotalAmount"], Err("StudentLoanBalance under S01"));
    check("S15", INCOME, &["personidentifikator"], Err("MonthlyIncome under S15"));
    check("S09", "urn:eudi:pid:1", &["family_name"], Err("pid under S09"));
    check("K02", "urn:test:BoatLicence:12", &["a"], Err("BoatLicence under K02"));
    let reason = registration("S01");
    let reason = reason.never(LOAN).expect("reason");
    assert!(reason.nb.contains("S15") && reason.en.contains("S15"));
    assert_eq!(registration("S01").never(INCOME), None);
}

#[test]
fn one_credential_beyond_makes_the_whole_query_too_much() {
    let mut both = query(INCOME, &["fraOgMed"]);
    both.credentials.extend(query(LOAN, &["TotalAmount"]).credentials);
    let problem = registration("S01").allows(&both).expect_err("loan");
    assert_eq!(problem, Problem::new(Code::OverAsk, "StudentLoanBalance under S01"));
}

#[test]
fn every_registered_claim_exists_in_its_type_and_none_is_withheld() {
    let types = Types::builtin();
    let ids: Vec<String> = Registration::builtin().into_iter().map(|known| known.id).collect();
    assert_eq!(ids, ["S01", "S06", "S09", "S10", "S11", "S15", "K01", "K02", "K03"]);
    for service in Registration::builtin() {
        for may in &service.may_ask {
            let notice = NoticeType::bankruptcy();
            if may.vct == notice.vct {
                assert_eq!(service.id, notice.service);
                assert!(may.claims.iter().all(|path| notice.has_path(path)));
                continue;
            }
            let declared = types.get(&may.vct).expect("type");
            for path in &may.claims {
                assert!(declared.has_path(path), "{} {path}", service.id);
                assert_ne!(declared.class(path), Class::X, "{} {path}", service.id);
                let withheld = declared
                    .fields
                    .iter()
                    .find(|field| field.class == Class::X && path.covers(&field.path));
                assert!(withheld.is_none(), "{} {path} lies above a withheld claim", service.id);
                let sensitive = declared
                    .fields
                    .iter()
                    .any(|field| field.sensitive && path.covers(&field.path));
                assert!(
                    !sensitive || service.ground.code == "explicit_consent",
                    "{} {path} is of a special category",
                    service.id
                );
            }
        }
        for never in &service.never {
            assert!(types.get(&never.vct).is_some(), "{}", never.vct);
        }
    }
}

#[test]
fn a_registration_asks_no_longer_than_the_law_or_the_source_lets_its_service() {
    let with = |id: &str, vct: &str, seconds: i64| {
        let mut bent = registration("S01");
        bent.id = id.to_owned();
        bent.may_ask.truncate(1);
        bent.may_ask[0].vct = vct.to_owned();
        bent.keep_seconds = 0;
        bent.request_seconds_max = seconds;
        bent.check()
    };
    let (hour, debt) = (3_600, "urn:bevis:UnsecuredDebt:1");
    let debts_half_year = 181 * DAY - hour - 60;
    for (id, vct, longest) in [
        ("S01", INCOME, 9 * DAY + 22 * hour + 59 * 60),
        ("S06", INCOME, 89 * DAY + 22 * hour + 59 * 60),
        ("S08", INCOME, 89 * DAY + 22 * hour + 59 * 60),
        ("S10", INCOME, 1_094 * DAY + 22 * hour + 59 * 60),
        ("S15", INCOME, 364 * DAY + 22 * hour + 59 * 60),
        // A service that nobody has set a maximum for has the shortest that there is.
        ("S99", INCOME, 9 * DAY + 22 * hour + 59 * 60),
        // The debt register's own maximum holds for whoever asks it, and lengthens no other.
        ("S10", debt, debts_half_year),
        ("S15", debt, debts_half_year),
        ("S01", debt, 9 * DAY + 22 * hour + 59 * 60),
    ] {
        assert_eq!(with(id, vct, longest), Ok(()), "{id}");
        let detail = format!("{id} request_seconds_max: {} is over {longest}", longest + 1);
        assert_eq!(
            with(id, vct, longest + 1),
            Err(Problem::new(Code::Malformed, detail)),
            "{id}"
        );
    }
}

#[test]
fn health_data_is_asked_on_explicit_consent_and_on_no_other_ground() {
    let case = registration("S10");
    assert_eq!(case.check(), Ok(()));
    for other in ["consent", "contract", "hvitvaskingsloven"] {
        let mut bent = case.clone();
        bent.ground.code = other.to_owned();
        assert_eq!(bent.check(), Err(Problem::new(Code::Malformed, "ground")), "{other}");
    }
    let mut mixed = registration("S01");
    mixed.may_ask.push(case.may_ask[1].clone());
    assert_eq!(mixed.check(), Err(Problem::new(Code::Malformed, "ground")));
}

#[test]
fn business_overviews_are_granted_for_ninety_days_and_cases_for_three_years() {
    use crate::grant::Kind;
    for (id, kind, days, keeps) in [("S06", Kind::Business, 90, false), ("S10", Kind::Case, 1_095, true)] {
        let terms = registration(id).grant.expect("granted");
        assert_eq!((terms.kind, terms.keeps_after_end), (kind, keeps), "{id}");
        assert_eq!(terms.seconds_max, days * DAY - CLOCK_CHANGE_MARGIN, "{id}");
        let mut bent = registration(id);
        bent.grant.as_mut().expect("granted").seconds_max += 1;
        assert!(bent.check().is_err(), "{id}");
    }
}

#[test]
fn what_its_source_has_erased_at_the_end_is_registered_for_no_longer() {
    let mut bent = registration("S15");
    assert_eq!(bent.check(), Ok(()));
    bent.keep_seconds = 1;
    let detail = "S15 keep_seconds: 1 is over 0";
    assert_eq!(bent.check(), Err(Problem::new(Code::Malformed, detail)));
}

#[test]
fn what_a_request_says_of_itself_is_within_the_registration_or_named() {
    let loan = registration("S01");
    let check = |bend: &dyn Fn(&mut Statement), expected: Option<&str>| {
        let mut stated = loan.statement();
        bend(&mut stated);
        let expected = expected.map_or(Ok(()), |what| Err(Problem::new(Code::OverAsk, what)));
        assert_eq!(loan.allows_statement(&stated), expected);
    };
    check(&|_| {}, None);
    check(&|stated| stated.keep_seconds = 0, None);
    check(&|stated| stated.status_age_max = 60, None);
    check(&|stated| stated.purpose = "marketing".to_owned(), Some("purpose"));
    check(&|stated| stated.ground = "contract".to_owned(), Some("ground"));
    check(&|stated| stated.keep_seconds += 1, Some("keep_seconds"));
    check(&|stated| stated.status_age_max += 1, Some("status_age_max"));
}

#[test]
fn the_sources_own_consent_text_names_the_asker_and_nobody_is_no_asker() {
    let loan = registration("S01");
    assert_eq!(
        loan.consent("nb", "SYNTETISK SPAREBANK").as_deref(),
        Some(
            "Ved å samtykke, gir du Skatteetaten rett til å utlevere opplysninger om deg direkte til SYNTETISK SPAREBANK. Banken får opplysningene for å behandle søknad om finansiering."
        )
    );
    assert_eq!(
        loan.consent("nn", "B"),
        loan.consent("nb", "B"),
        "the source has no Nynorsk text"
    );
    assert_eq!(loan.consent("nb", " "), None);
    assert_eq!(registration("K01").consent("nb", "B"), None);
    let student = registration("S15").consent("nb", "B").expect("text");
    assert!(student.starts_with("Ditt samtykke fritar Lånekassen fra sin taushetsplikt overfor B og gir"));
    assert!(!student.contains(ASKER));
}

#[test]
fn the_student_loan_is_kept_no_longer_than_the_session() {
    assert_eq!(registration("S15").keep_seconds, 0);
    assert!(
        Registration::builtin()
            .iter()
            .all(|known| known.request_seconds_max <= 7 * crate::time::DAY)
    );
}

#[test]
fn a_registration_out_of_bounds_is_refused_by_its_member() {
    let refused = |member: &str, change: &dyn Fn(&mut Value)| {
        let mut value = serde_json::to_value(registration("S01")).expect("JSON");
        change(&mut value);
        let found = Registration::parse(value.to_string().as_bytes()).map(|_| ());
        assert_eq!(found, Err(Problem::new(Code::Malformed, member)), "{member}");
    };
    let whole = serde_json::to_string(&registration("S01")).expect("JSON");
    assert_eq!(Registration::parse(whole.as_bytes()), Ok(registration("S01")));
    refused("id", &|v| v["id"] = json!("S 01"));
    refused("name", &|v| v["name"]["nb"] = json!(" "));
    refused("purpose", &|v| v["purpose"]["code"] = json!(""));
    refused("ground", &|v| v["ground"]["text"]["en"] = json!("a\u{1b}[0m"));
    refused("keep_ground", &|v| {
        v["keep_ground"]["text"]["nb"] = json!("a".repeat(4001))
    });
    refused("consent_text", &|v| v["consent_text"]["en"] = json!("to the bank"));
    refused("may_ask", &|v| v["may_ask"] = json!([]));
    refused("may_ask", &|v| v["may_ask"][1] = v["may_ask"][0].clone());
    refused("may_ask", &|v| v["may_ask"][0]["claims"] = json!([]));
    refused("never", &|v| v["never"][0]["vct"] = json!(INCOME));
    refused("request_seconds_max", &|v| v["request_seconds_max"] = json!(0));
    refused("keep_seconds", &|v| v["keep_seconds"] = json!(-1));
    refused("status_age_max", &|v| v["status_age_max"] = json!(0));
    let mut without = serde_json::to_value(registration("S01")).expect("JSON");
    without.as_object_mut().expect("members").remove("status_age_max");
    let read = Registration::parse(without.to_string().as_bytes()).expect("may be left out");
    assert_eq!(read.status_age_max, 86_400);
    refused("privacy", &|v| v["privacy"] = json!("http://bank.example"));
    for unknown in ["/x", "/may_ask/0/x", "/never/0/x", "/purpose/x"] {
        let mut value = serde_json::to_value(registration("S01")).expect("JSON");
        let (above, name) = unknown.rsplit_once('/').expect("path");
        value.pointer_mut(above).expect("member")[name] = json!(1);
        assert!(Registration::parse(value.to_string().as_bytes()).is_err(), "{unknown}");
    }
    let padded = format!("{whole}{}", " ".repeat(REGISTRATION_MAX));
    assert_eq!(Registration::parse(padded.as_bytes()), Err(Code::TooLarge.into()));
}
