//! Files that come by a page: sealed, read step by step, stopped, gone on with, and erased.

use credentials::Code;
use serde_json::Value;

use super::fixture::*;
use crate::{Error, Issuer, Stage, UPLOADS_MAX};

const PEOPLE: [&str; 7] = [
    ROLIG,
    MUNTER,
    DRIFTIG,
    "22824141278",
    "09897540565",
    "01873841164",
    "17836641051",
];

fn code<T>(result: Result<T, Error>) -> Code {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => error.code(),
    }
}

/// As many rows as asked for, over and over the same seven people but with a name of their own, and a line that is none.
fn file(rows: usize) -> String {
    let mut text = String::new();
    for (number, person_number) in PEOPLE.iter().cycle().take(rows).enumerate() {
        let mut row = person(person_number);
        row["given_name"] = Value::String(format!("Rolig{number}"));
        text.push_str(&row.to_string());
        text.push('\n');
        if number == 2 {
            text.push_str("dette er ingen rad\n\n");
        }
    }
    text
}

fn brought(issuer: &mut Issuer, text: &str, part: usize) -> String {
    let upload = issuer.upload_start(noon()).unwrap();
    for (number, bytes) in (0..).zip(text.as_bytes().chunks(part)) {
        issuer.upload_part(&upload, number, bytes).unwrap();
        issuer.upload_part(&upload, number, bytes).unwrap();
    }
    let taken = issuer.upload_finish(&upload).unwrap();
    assert_eq!(taken.bytes, text.len() as u64, "a part that came twice counts once");
    assert_eq!(issuer.upload_finish(&upload).unwrap(), taken);
    upload
}

fn run(issuer: &mut Issuer, job: &str) -> u64 {
    let mut steps = 0;
    while !issuer.import_step(noon(), job).unwrap().is_over {
        steps += 1;
    }
    steps
}

fn is_erased(issuer: &Issuer) -> bool {
    issuer.store.table("issuer.upload-parts").is_empty().unwrap()
        && issuer.store.table("issuer.uploads").is_empty().unwrap()
}

fn identity() -> Agency {
    Agency::new("identity.example", &[PID])
}

#[test]
fn a_file_is_imported_from_the_store_as_if_its_lines_had_come_and_then_erased() {
    let text = file(7);
    for part in [1_000, 70_000, 1 << 20] {
        let mut agency = identity();
        let issuer = agency.issuer();
        let upload = brought(issuer, &text, part);
        let start = issuer.import_upload(noon(), PID, &upload, false, false).unwrap();
        assert_eq!(issuer.job(&start.job).unwrap().total, Some(9));
        assert_eq!(issuer.running_imports().unwrap(), std::slice::from_ref(&start.job));
        assert_eq!(code(issuer.upload_discard(&upload)), Code::NotPermitted, "it is read");
        run(issuer, &start.job);
        let job = issuer.job(&start.job).unwrap();
        assert_eq!(
            (job.stage, job.report.new, job.report.rejected),
            (Stage::Finished, 7, 1)
        );
        assert_eq!(job.ended, Some(noon()));
        assert!(is_erased(issuer));
        assert!(issuer.running_imports().unwrap().is_empty());
        let register = &issuer.registers().unwrap()[0];
        assert_eq!((register.rows, register.as_of), (7, Some(noon())));
        assert_eq!(register.job, Some(start.job.clone()));
        let rejected = issuer.rejected(&start.job, 0, 10).unwrap();
        assert_eq!(rejected.lines.len(), 1);
        assert_eq!(rejected.lines[0].text, "dette er ingen rad");
        assert_eq!(
            (rejected.lines[0].line, rejected.lines[0].reason.as_str()),
            (4, "malformed")
        );
    }
}

#[test]
fn killed_after_any_step_an_import_goes_on_by_itself_and_nothing_is_lost_or_done_twice() {
    // Rows of which all but seven say what an earlier row said, so that they are many.
    let text = file(510);
    let mut whole = identity();
    let upload = brought(whole.issuer(), &text, 1 << 20);
    let start = whole
        .issuer()
        .import_upload(noon(), PID, &upload, false, false)
        .unwrap();
    let steps = run(whole.issuer(), &start.job);
    assert_eq!(steps, 3);
    let wanted = whole.issuer().job(&start.job).unwrap();
    assert_eq!((wanted.report.rows, wanted.report.new), (511, 7));
    for killed_after in 0..=steps {
        let mut agency = identity();
        let upload = brought(agency.issuer(), &text, 1 << 20);
        let start = agency
            .issuer()
            .import_upload(noon(), PID, &upload, false, false)
            .unwrap();
        for _ in 0..killed_after {
            agency.issuer().import_step(noon(), &start.job).unwrap();
        }
        agency.reopen();
        assert_eq!(
            agency.issuer().running_imports().unwrap(),
            std::slice::from_ref(&start.job)
        );
        run(agency.issuer(), &start.job);
        assert_eq!(agency.issuer().job(&start.job).unwrap(), wanted, "after {killed_after}");
        let rejected = agency.issuer().rejected(&start.job, 0, 1_000).unwrap();
        assert_eq!(rejected.lines.len(), 504);
        assert_eq!(rejected, whole.issuer().rejected(&start.job, 0, 1_000).unwrap());
        assert!(is_erased(agency.issuer()));
    }
}

#[test]
fn a_stopped_import_takes_nothing_more_and_goes_on_where_it_was_also_after_a_restart() {
    let mut agency = identity();
    let text = file(600);
    let upload = brought(agency.issuer(), &text, 1 << 20);
    let start = agency
        .issuer()
        .import_upload(noon(), PID, &upload, false, false)
        .unwrap();
    agency.issuer().import_step(noon(), &start.job).unwrap();
    let paused = agency.issuer().import_pause(&start.job).unwrap();
    assert_eq!(paused.stage, Stage::Paused);
    assert!(agency.issuer().import_step(noon(), &start.job).unwrap().is_over);
    agency.reopen();
    let issuer = agency.issuer();
    assert_eq!(issuer.job(&start.job).unwrap().line, paused.line);
    assert!(issuer.running_imports().unwrap().is_empty());
    assert!(issuer.import_step(noon(), &start.job).unwrap().is_over);
    assert_eq!(issuer.import_resume(&start.job).unwrap().stage, Stage::Running);
    run(issuer, &start.job);
    assert_eq!(issuer.job(&start.job).unwrap().report.rows, 601);
    assert_eq!(code(issuer.import_pause(&start.job)), Code::StateFinal);
    assert_eq!(code(issuer.import_pause("0000000000000000")), Code::NotFound);
}

#[test]
fn an_import_that_is_fed_lines_is_stopped_too_and_begun_again_with_its_file() {
    let mut agency = identity();
    let lines = numbered(&PEOPLE.map(person));
    let issuer = agency.issuer();
    let start = issuer.import_start(noon(), PID, digest(&lines), None, false).unwrap();
    issuer.import_lines(noon(), &start.job, &lines[..3]).unwrap();
    issuer.import_pause(&start.job).unwrap();
    let refused = issuer.import_lines(noon(), &start.job, &lines[3..]).unwrap();
    assert!(refused.paused && refused.accepted == 0);
    let again = issuer.import_start(noon(), PID, digest(&lines), None, false).unwrap();
    assert_eq!(again.resume_after, 3);
    issuer.import_lines(noon(), &start.job, &lines).unwrap();
    assert_eq!(issuer.import_finish(noon(), &start.job).unwrap().new, 7);
}

#[test]
fn a_dry_run_writes_nothing_keeps_what_it_found_and_leaves_the_file_for_the_import() {
    let mut agency = identity();
    let issuer = agency.issuer();
    let upload = brought(issuer, &file(7), 1 << 20);
    let dry = issuer.import_upload(noon(), PID, &upload, false, true).unwrap();
    run(issuer, &dry.job);
    let job = issuer.job(&dry.job).unwrap();
    assert!(job.dry_run && job.stage == Stage::Finished);
    assert_eq!((job.report.new, job.report.rejected), (7, 1));
    assert_eq!(issuer.rejected(&dry.job, 0, 10).unwrap().lines[0].line, 4);
    assert_eq!(issuer.registers().unwrap()[0].rows, 0);
    let start = issuer.import_upload(noon(), PID, &upload, false, false).unwrap();
    run(issuer, &start.job);
    assert_eq!(issuer.registers().unwrap()[0].rows, 7);
    assert!(is_erased(issuer));
}

#[test]
fn csv_has_its_header_and_cells_over_several_lines_also_after_a_restart() {
    let rows: Vec<Value> = PEOPLE.iter().map(|number| person(number)).collect();
    let columns: Vec<&str> = ["family_name", "given_name", "birth_date", "birth_place", "nationality"]
        .into_iter()
        .chain([
            "personal_administrative_number",
            "issuing_authority",
            "issuing_country",
            "expiry_date",
        ])
        .collect();
    let mut text = format!("{}\n", columns.join(";"));
    for row in &rows {
        let cell = |name: &&str| match &row[*name] {
            Value::String(text) => format!("\"{text}\""),
            other => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
        };
        text.push_str(&columns.iter().map(cell).collect::<Vec<_>>().join(";"));
        text.push('\n');
    }
    text.push_str("\"over\nto linjer\"\n");
    let mut agency = identity();
    let upload = brought(agency.issuer(), &text, 100_000);
    let start = agency
        .issuer()
        .import_upload(noon(), PID, &upload, true, false)
        .unwrap();
    agency.reopen();
    run(agency.issuer(), &start.job);
    let job = agency.issuer().job(&start.job).unwrap();
    let rejected = agency.issuer().rejected(&start.job, 0, 20).unwrap();
    assert_eq!(
        (job.report.rows, rejected.lines.last().map(|l| l.line)),
        (8, Some(9)),
        "{rejected:?}"
    );
    assert_eq!(rejected.lines.last().unwrap().text, "\"over\nto linjer\"");
}

#[test]
fn a_file_is_taken_in_order_within_its_limits_or_not_at_all() {
    let mut agency = identity();
    let issuer = agency.issuer();
    let upload = issuer.upload_start(noon()).unwrap();
    assert_eq!(
        code(issuer.upload_part(&upload, 1, b"x")),
        Code::Malformed,
        "the first comes first"
    );
    let large = vec![b'x'; crate::UPLOAD_PART_MAX + 1];
    assert_eq!(code(issuer.upload_part(&upload, 0, &large)), Code::Malformed);
    assert_eq!(
        code(issuer.import_upload(noon(), PID, &upload, false, false)),
        Code::NotFound,
        "not whole"
    );
    assert_eq!(code(issuer.upload_finish(&upload)), Code::Malformed, "empty");
    assert_eq!(code(issuer.upload_finish(&upload)), Code::UnknownSession);
    assert_eq!(code(issuer.upload_part("nothing", 0, b"x")), Code::UnknownSession);
    for _ in 0..UPLOADS_MAX {
        issuer.upload_start(noon()).unwrap();
    }
    assert_eq!(code(issuer.upload_start(noon())), Code::TooLarge);
    // What was not whole when the process ended is gone.
    agency.reopen();
    assert!(is_erased(agency.issuer()));
}

#[test]
fn a_file_that_no_import_reads_is_erased_after_a_day_and_a_stopped_imports_when_another_begins() {
    let mut agency = identity();
    brought(agency.issuer(), "x\n", 10);
    agency.issuer().tick(noon().plus(86_399)).unwrap();
    assert!(!is_erased(agency.issuer()));
    agency.reopen();
    agency.issuer().tick(noon().plus(86_400)).unwrap();
    assert!(is_erased(agency.issuer()));
    let issuer = agency.issuer();
    let upload = brought(issuer, &file(7), 1 << 20);
    let start = issuer.import_upload(noon(), PID, &upload, false, false).unwrap();
    issuer.import_pause(&start.job).unwrap();
    issuer.tick(noon().plus(86_500)).unwrap();
    assert!(!is_erased(issuer), "it is needed");
    agency.import(noon(), PID, &[person(ROLIG)]);
    assert_eq!(agency.issuer().job(&start.job).unwrap().stage, Stage::Abandoned);
    assert!(is_erased(agency.issuer()));
}
