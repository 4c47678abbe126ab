//! Import: idempotent, resumable, and exact about what it does not take.

use std::collections::BTreeMap;

use credentials::Code;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::*;
use crate::{Error, ImportReport, Issuer, Rejected, Stage};

const TABLES: [&str; 6] = [
    "issuer.register",
    "issuer.holders",
    "issuer.pending",
    "issuer.prepared",
    "issuer.counts",
    "issuer.import-seen",
];

type Contents = BTreeMap<(&'static str, Vec<u8>, Vec<u8>), Vec<u8>>;

fn contents(issuer: &Issuer) -> Contents {
    let mut contents = Contents::new();
    for table in TABLES {
        issuer
            .store
            .table(table)
            .scan(&mut |group, id, value| {
                contents.insert((table, group.to_vec(), id.to_vec()), value.to_vec());
                true
            })
            .unwrap();
    }
    contents
}

fn people() -> Vec<Value> {
    [
        ROLIG,
        MUNTER,
        DRIFTIG,
        "22824141278",
        "09897540565",
        "01873841164",
        "17836641051",
    ]
    .map(person)
    .to_vec()
}

fn feed(agency: &mut Agency, lines: &[(u64, String)], batch: usize) -> (ImportReport, Vec<Rejected>) {
    let file = digest(lines);
    let start = agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
    let mut rejected = Vec::new();
    for lines in lines.chunks(batch) {
        rejected.extend(
            agency
                .issuer()
                .import_lines(noon(), &start.job, lines)
                .unwrap()
                .rejected,
        );
    }
    (agency.issuer().import_finish(noon(), &start.job).unwrap(), rejected)
}

fn identity() -> Agency {
    Agency::new("identity.example", &[PID])
}

fn code<T>(result: Result<T, Error>) -> Code {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => error.code(),
    }
}

#[test]
fn the_same_file_again_changes_nothing() {
    let mut agency = identity();
    let lines = numbered(&people());
    let (first, _) = feed(&mut agency, &lines, 3);
    assert_eq!((first.rows, first.new, first.unchanged), (7, 7, 0));
    agency.issuer().prepare(noon(), PID, 4).unwrap();
    let before = contents(agency.issuer());
    let (again, _) = feed(&mut agency, &lines, 2);
    assert_eq!((again.rows, again.new, again.unchanged, again.changed), (7, 0, 7, 0));
    assert_eq!(contents(agency.issuer()), before);
}

#[test]
fn an_older_file_imported_again_brings_the_old_content_back() {
    let mut agency = identity();
    let (old, mut new) = (people(), people());
    new[0]["given_name"] = json!("Roligere");
    feed(&mut agency, &numbered(&old), 100);
    let before = contents(agency.issuer());
    let (report, _) = feed(&mut agency, &numbered(&new), 100);
    assert_eq!((report.changed, report.unchanged), (1, 6));
    assert_ne!(contents(agency.issuer()), before);
    let (report, _) = feed(&mut agency, &numbered(&old), 100);
    assert_eq!((report.changed, report.unchanged), (1, 6));
    assert_eq!(contents(agency.issuer()), before);
}

#[test]
fn order_of_names_and_white_space_are_no_change() {
    let mut agency = identity();
    feed(&mut agency, &numbered(&[person(ROLIG)]), 1);
    let Value::Object(members) = person(ROLIG) else {
        panic!("no object");
    };
    let mut turned: Vec<String> = members
        .iter()
        .rev()
        .map(|(name, value)| format!("{:?} : {value}", name))
        .collect();
    turned.sort_by(|one, other| other.cmp(one));
    let line = format!("  {{ {} }}\r", turned.join(" , "));
    let (report, rejected) = feed(&mut agency, &[(1, line)], 1);
    assert_eq!((report.unchanged, report.changed), (1, 0), "{rejected:?}");
}

#[test]
fn an_import_cut_off_at_any_batch_goes_on_to_the_same_tables() {
    let lines = numbered(&people());
    let mut whole = identity();
    let (expected, _) = feed(&mut whole, &lines, 2);
    let wanted = contents(whole.issuer()).len();
    for cut in 0..=4 {
        let mut agency = identity();
        let file = digest(&lines);
        let start = agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
        for batch in lines.chunks(2).take(cut) {
            agency.issuer().import_lines(noon(), &start.job, batch).unwrap();
        }
        agency.reopen();
        let lost = agency.issuer().import_lines(noon(), &start.job, &lines);
        assert_eq!(code(lost), Code::UnknownSession, "a restart needs a start");
        let resumed = agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
        assert_eq!(resumed.job, start.job);
        assert_eq!(resumed.resume_after, (cut as u64 * 2).min(7));
        // The caller may feed everything again: what was dealt with is passed over.
        for batch in lines.chunks(2) {
            agency.issuer().import_lines(noon(), &start.job, batch).unwrap();
        }
        let report = agency.issuer().import_finish(noon(), &start.job).unwrap();
        assert_eq!(report, expected, "cut after batch {cut}");
        assert_eq!(agency.issuer().import_finish(noon(), &start.job).unwrap(), expected);
        assert_eq!(
            contents(agency.issuer()),
            contents(whole.issuer()),
            "cut after batch {cut}"
        );
        assert_eq!(contents(agency.issuer()).len(), wanted);
    }
}

#[test]
fn a_row_that_stood_before_the_cut_is_still_a_second_one_after_it() {
    let mut agency = identity();
    let lines = numbered(&[person(ROLIG), person(MUNTER), person(ROLIG)]);
    let file = digest(&lines);
    let start = agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
    agency.issuer().import_lines(noon(), &start.job, &lines[..2]).unwrap();
    agency.reopen();
    agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
    let progress = agency.issuer().import_lines(noon(), &start.job, &lines).unwrap();
    assert_eq!(progress.accepted, 0);
    assert_eq!(
        progress.rejected,
        [Rejected {
            line: 3,
            path: "personal_administrative_number".to_owned(),
            reason: "duplicate_row".to_owned(),
        }]
    );
}

#[test]
fn csv_and_json_lines_give_the_same_register() {
    let header = "personal_administrative_number,family_name,given_name,birth_date,birth_place,nationality.0,issuing_authority,issuing_country,expiry_date";
    let record = |number: &str| {
        format!(
            "{number},\"Fiskebåt\",Rolig,1988-05-14,NO,NO,\"Digitaliseringsdirektoratet (syntetisk)\",NO,2031-08-31"
        )
    };
    let numbers = [ROLIG, MUNTER, DRIFTIG];
    let mut json_lines = identity();
    // As if both were one file: a row names the import that brought it.
    let start = json_lines
        .issuer()
        .import_start(noon(), PID, [1; 32], None, false)
        .unwrap();
    let lines = numbered(&numbers.map(person));
    json_lines.issuer().import_lines(noon(), &start.job, &lines).unwrap();
    json_lines.issuer().import_finish(noon(), &start.job).unwrap();
    for (header, separator) in [(header.to_owned(), ','), (header.replace(',', ";"), ';')] {
        let mut csv = identity();
        let start = csv
            .issuer()
            .import_start(noon(), PID, [1; 32], Some(&header), false)
            .unwrap();
        let records: Vec<(u64, String)> = (2..)
            .zip(numbers.map(|number| record(number).replace(',', &separator.to_string())))
            .collect();
        let progress = csv.issuer().import_lines(noon(), &start.job, &records).unwrap();
        assert_eq!(progress.rejected, []);
        csv.issuer().import_finish(noon(), &start.job).unwrap();
        assert_eq!(contents(csv.issuer()), contents(json_lines.issuer()));
    }
    let issuer = json_lines.issuer();
    for wrong in ["", "a,a", "a,,b", "\"a"] {
        let begun = issuer.import_start(noon(), PID, [2; 32], Some(wrong), false);
        assert_eq!(code(begun), Code::Malformed, "{wrong}");
    }
}

#[test]
fn rejected_lines_are_named_with_place_and_reason_and_the_rest_is_taken() {
    let mut agency = identity();
    let mut wrong_digit = person(ROLIG);
    wrong_digit["personal_administrative_number"] = json!("14858834017");
    let mut unknown = person(ROLIG);
    unknown["favourite_colour"] = json!("blue");
    let mut lines = vec![
        (1, person(MUNTER).to_string()),
        (2, wrong_digit.to_string()),
        (3, unknown.to_string()),
        (4, "{".to_owned()),
        (5, r#"{"a":1,"a":2}"#.to_owned()),
        (6, "[]".to_owned()),
        (7, "   ".to_owned()),
        (8, person(MUNTER).to_string()),
        (9, format!("{}{}", " ".repeat(10), person(ROLIG))),
    ];
    lines.push((10, format!("\"{}\"", "x".repeat(200_000))));
    let (report, rejected) = feed(&mut agency, &lines, 4);
    let reasons: Vec<(u64, &str)> = rejected.iter().map(|line| (line.line, line.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (2, "check_digit"),
            (3, "schema"),
            (4, "malformed"),
            (5, "duplicate_key"),
            (6, "not_an_object"),
            (8, "duplicate_row"),
            (10, "too_large"),
        ]
    );
    assert_eq!(rejected[0].path, "personal_administrative_number");
    assert!(!format!("{rejected:?}").contains("1485883"), "no value is told");
    assert_eq!((report.rows, report.new, report.rejected), (9, 2, 7));
}

#[test]
fn notice_shorter_than_two_months_and_ends_by_others_are_rejected() {
    let mut agency = Agency::new("agency.example", &[GUARANTEE]);
    let notice =
        |by: &str, ends: &str| Some(json!({ "oppsagtAv": by, "varselDato": "2026-07-01", "opphoersdato": ends }));
    let rows = [
        guarantee("SG-1", "oppsagt", notice("garantist", "2026-08-31")),
        guarantee("SG-2", "oppsagt", notice("garantist", "2026-09-01")),
        guarantee("SG-3", "oppsagt", notice("statens vegvesen", "2026-12-01")),
        guarantee("SG-4", "oppsagt", notice("loeyvehaver", "2026-07-01")),
    ];
    let lines = numbered(&rows);
    let start = agency
        .issuer()
        .import_start(noon(), GUARANTEE, digest(&lines), None, false)
        .unwrap();
    let progress = agency.issuer().import_lines(noon(), &start.job, &lines).unwrap();
    let reasons: Vec<(u64, &str)> = progress
        .rejected
        .iter()
        .map(|line| (line.line, line.reason.as_str()))
        .collect();
    assert_eq!(reasons, [(1, "notice_too_short"), (3, "ending_not_allowed")]);
    // The carrier's own end is a row of the register, but nothing to prepare.
    assert_eq!(progress.accepted, 2);
    assert_eq!(agency.issuer().prepare(noon(), GUARANTEE, 10).unwrap(), 1);
}

#[test]
fn rows_of_the_types_that_grants_run_on_are_taken_or_named() {
    let example = |name: &str| -> Value {
        let text = match name {
            "aap" => include_str!("../../../credentials/src/schema/examples/AapDecision.json"),
            "disability" => include_str!("../../../credentials/src/schema/examples/DisabilityBenefitDecision.json"),
            _ => include_str!("../../../credentials/src/schema/examples/TaxClaimsAndPayments.json"),
        };
        serde_json::from_str(text).unwrap()
    };
    let mut agency = Agency::new("agency.example", &[AAP, DISABILITY, CLAIMS]);
    let mut check = |vct: &str, name: &str, at: &str, bad: Value, expected: (&str, &str)| {
        let mut wrong = example(name);
        *wrong.pointer_mut(at).unwrap() = bad;
        let lines = numbered(&[wrong, example(name)]);
        let start = agency
            .issuer()
            .import_start(noon(), vct, digest(&lines), None, false)
            .unwrap();
        let progress = agency.issuer().import_lines(noon(), &start.job, &lines).unwrap();
        let found: Vec<(u64, &str, &str)> = progress
            .rejected
            .iter()
            .map(|r| (r.line, r.path.as_str(), r.reason.as_str()))
            .collect();
        assert_eq!(found, [(1, expected.0, expected.1)], "{vct}");
        assert_eq!(progress.accepted, 1);
        agency.issuer().import_finish(noon(), &start.job).unwrap();
    };
    let (period, overlap) = (
        "vedtak.vedtaksliste[0].virkningsperiode.tilDato",
        "meldekort.meldekortliste[1]",
    );
    check(
        AAP,
        "aap",
        "/vedtak/vedtaksliste/0/virkningsperiode/tilDato",
        json!("2025-01-01"),
        (period, "period"),
    );
    let card = "/meldekort/meldekortliste/1/periode/fraDato";
    check(AAP, "aap", card, json!("2026-08-16"), (overlap, "period_overlap"));
    let degree = "beregningsperioder[0].uforegrad";
    check(
        DISABILITY,
        "disability",
        "/beregningsperioder/0/uforegrad",
        json!(101),
        (degree, "schema"),
    );
    let kid = "aapentKravMedGjenstaaendeBeloep[0].kravforfall[0].betalingsinformasjon.kid";
    check(
        CLAIMS,
        "claims",
        "/aapentKravMedGjenstaaendeBeloep/0/kravforfall/0/betalingsinformasjon/kid",
        json!("3102045870020267"),
        (kid, "check_digit"),
    );
}

#[test]
fn vanished_rows_are_reported_and_kept() {
    let mut agency = identity();
    feed(&mut agency, &numbered(&people()), 100);
    let (report, _) = feed(&mut agency, &numbered(&people()[..5]), 100);
    assert_eq!((report.vanished, report.unchanged), (2, 5));
    assert_eq!(agency.issuer().counts().unwrap()[0].rows, 7);
}

#[test]
fn a_dry_run_says_what_would_be_and_writes_nothing() {
    let mut agency = identity();
    feed(&mut agency, &numbered(&people()[..4]), 100);
    let before = contents(agency.issuer());
    let mut rows = people()[2..].to_vec();
    rows[0]["given_name"] = json!("Roligere");
    let lines = numbered(&rows);
    let start = agency
        .issuer()
        .import_start(noon(), PID, digest(&lines), None, true)
        .unwrap();
    let sequence = agency.issuer().store.sequence();
    agency.issuer().import_lines(noon(), &start.job, &lines).unwrap();
    let report = agency.issuer().import_finish(noon(), &start.job).unwrap();
    assert_eq!(
        (report.new, report.changed, report.unchanged, report.vanished),
        (3, 1, 1, 2)
    );
    assert_eq!(contents(agency.issuer()), before);
    assert_eq!(agency.issuer().store.sequence(), sequence);
    let (wet, _) = feed(&mut agency, &lines, 100);
    assert_eq!(wet, report);
}

#[test]
fn another_file_of_the_type_abandons_an_unfinished_import() {
    let mut agency = identity();
    let (one, other) = (numbered(&people()), numbered(&people()[..3]));
    let first = agency
        .issuer()
        .import_start(noon(), PID, digest(&one), None, false)
        .unwrap();
    agency.issuer().import_lines(noon(), &first.job, &one[..2]).unwrap();
    let second = agency
        .issuer()
        .import_start(noon().plus(1), PID, digest(&other), None, false)
        .unwrap();
    assert_eq!(
        code(agency.issuer().import_lines(noon(), &first.job, &one)),
        Code::UnknownSession
    );
    assert_eq!(
        code(agency.issuer().import_finish(noon(), &first.job)),
        Code::UnknownSession
    );
    agency.issuer().import_lines(noon(), &second.job, &other).unwrap();
    agency.issuer().import_finish(noon(), &second.job).unwrap();
    let jobs = agency.issuer().jobs().unwrap();
    let stages: Vec<(Stage, u64)> = jobs.iter().map(|job| (job.stage, job.line)).collect();
    assert_eq!(stages, [(Stage::Finished, 3), (Stage::Abandoned, 2)]);
    assert_eq!(
        code(agency.issuer().import_start(noon(), INCOME, [0; 32], None, false)),
        Code::TypeNotAllowed
    );
}

#[test]
fn prepared_rows_are_prepared_again_when_they_change_and_keep_unused_entries() {
    let mut agency = identity();
    feed(&mut agency, &numbered(&people()), 100);
    let issuer = agency.issuer();
    assert_eq!(issuer.prepare(noon(), PID, 5).unwrap(), 5);
    assert_eq!(issuer.prepare(noon(), PID, 5).unwrap(), 2);
    assert_eq!(issuer.prepare(noon(), PID, 5).unwrap(), 0);
    assert_eq!(issuer.counts().unwrap()[0].prepared, 7);
    let used = |issuer: &Issuer| -> u32 { issuer.lists().iter().map(|list| list.used).sum() };
    assert_eq!(used(issuer), 7 * 16);
    let mut rows = people();
    rows[0]["given_name"] = json!("Roligere");
    feed(&mut agency, &numbered(&rows), 100);
    let issuer = agency.issuer();
    assert_eq!(issuer.counts().unwrap()[0].prepared, 6);
    assert_eq!(issuer.prepare(noon(), PID, 5).unwrap(), 1);
    assert_eq!(issuer.counts().unwrap()[0].prepared, 7);
    assert_eq!(used(issuer), 7 * 16, "entries that nobody has are not thrown away");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the batches and wherever it is cut, the register ends the same.
    #[test]
    fn batches_and_cuts_make_no_difference(
        batch in 1usize..5,
        cuts in proptest::collection::vec(any::<bool>(), 8),
        second in any::<bool>(),
    ) {
        let mut rows = people();
        if second {
            rows.push(person(ROLIG));
        }
        let lines = numbered(&rows);
        let mut whole = identity();
        let (expected, _) = feed(&mut whole, &lines, 100);
        let mut agency = identity();
        let file = digest(&lines);
        let mut start = agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
        for (lines, cut) in lines.chunks(batch).zip(cuts.iter().cycle()) {
            agency.issuer().import_lines(noon(), &start.job, lines).unwrap();
            if *cut {
                agency.reopen();
                start = agency.issuer().import_start(noon(), PID, file, None, false).unwrap();
            }
        }
        let report = agency.issuer().import_finish(noon(), &start.job).unwrap();
        prop_assert_eq!(report, expected);
        prop_assert_eq!(contents(agency.issuer()), contents(whole.issuer()));
    }

    /// No line makes the issuer panic or takes the import down.
    #[test]
    fn any_line_is_taken_or_rejected(line in "\\PC{0,200}", header in "[a-z.,;\"0-9]{0,40}") {
        let mut agency = identity();
        for header in [None, Some(header.as_str())] {
            let Ok(start) = agency.issuer().import_start(noon(), PID, [3; 32], header, true) else {
                continue;
            };
            let progress = agency
                .issuer()
                .import_lines(noon(), &start.job, &[(1, line.clone())])
                .unwrap();
            prop_assert!(progress.accepted == 0);
        }
    }
}
