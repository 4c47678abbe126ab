//! Importing registers: what is rejected and how it is told, and what a second import does.

use crate::network::{IDENTITY, Network, TAX, argument, import};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::path::Path;

fn counts(report: &Value, keys: &[&str]) -> Vec<u64> {
    keys.iter()
        .map(|key| report[*key].as_u64().unwrap_or_else(|| panic!("no {key}: {report}")))
        .collect()
}

/// A row as cells under dotted column names.
fn cells(value: &Value, column: &str, into: &mut Vec<(String, String)>) {
    let below = |name: &str| {
        if column.is_empty() {
            name.to_owned()
        } else {
            format!("{column}.{name}")
        }
    };
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| cells(value, &below(name), into)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, value)| cells(value, &below(&at.to_string()), into));
        }
        Value::String(text) => into.push((column.to_owned(), format!("\"{}\"", text.replace('"', "\"\"")))),
        other => into.push((column.to_owned(), other.to_string())),
    }
}

/// A register file as CSV: every row has the columns of the first.
fn write_csv(rows: &Path, csv: &Path) {
    let mut lines: Vec<String> = Vec::new();
    for line in std::fs::read_to_string(rows).expect("reads").lines() {
        let mut row = Vec::new();
        cells(&serde_json::from_str(line).expect("JSON"), "", &mut row);
        let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
        if lines.is_empty() {
            lines.push(columns.join(","));
        }
        assert_eq!(lines[0], columns.join(","), "rows of one form");
        lines.push(values.join(","));
    }
    std::fs::write(csv, lines.join("\r\n")).expect("writes");
}

#[test]
fn csv_and_json_lines_bring_the_same_rows_and_a_second_import_changes_nothing() {
    let network = Network::new();
    let [identity, tax] = [IDENTITY, TAX].map(|organisation| network.init(&organisation, &[]));
    let registers = network.population(40, 12);
    let keys = ["rows", "new", "changed", "unchanged", "rejected", "vanished"];
    for (issuer, id, name) in [(&identity, "C01", "pid"), (&tax, "C02", "income")] {
        assert_eq!(counts(&import(issuer, id, &registers), &keys), [40, 40, 0, 0, 0, 0]);
        let status = issuer.ok(&["issuer", "status"]);
        assert_eq!(counts(&import(issuer, id, &registers), &keys), [40, 0, 0, 40, 0, 0]);
        let csv = registers.join(format!("{name}.csv"));
        write_csv(&registers.join(format!("{name}.jsonl")), &csv);
        let report = issuer.ok(&["issuer", "import", "--type", id, argument(&csv)])["report"].clone();
        assert_eq!(counts(&report, &keys), [40, 0, 0, 40, 0, 0], "{id}");
        assert_eq!(issuer.ok(&["issuer", "status"])["types"], status["types"]);
    }
    // The other way round: what CSV brought is what JSON Lines would have.
    let fresh = Network::new();
    let identity = fresh.init(&IDENTITY, &[]);
    let report = identity.ok(&[
        "issuer",
        "import",
        "--type",
        "C01",
        argument(&registers.join("pid.csv")),
    ])["report"]
        .clone();
    assert_eq!(counts(&report, &keys), [40, 40, 0, 0, 0, 0]);
    assert_eq!(
        counts(&import(&identity, "C01", &registers), &keys),
        [40, 0, 0, 40, 0, 0]
    );
    // One changed row counts as one, so that "nothing changed" above says something.
    let file = registers.join("pid.jsonl");
    let rows = std::fs::read_to_string(&file).expect("reads");
    std::fs::write(&file, rows.replacen("Fiskebåt", "Fiskebaat", 1)).expect("writes");
    assert_eq!(
        counts(&import(&identity, "C01", &registers), &keys),
        [40, 0, 1, 39, 0, 0]
    );
}

/// Imports rows of which some are bad; gives what the command said and the file of what was rejected.
fn import_bad(tax: &Home, file: &Path, more: &[&str]) -> (Value, String) {
    let arguments = [&["issuer", "import", "--type", "C02", argument(file)], more].concat();
    let said = tax.run(&arguments).expect(8).json();
    let path = said["rejected_file"].as_str().expect("a file").to_owned();
    let rejected = std::fs::read_to_string(&path).expect("written");
    std::fs::remove_file(path).expect("there");
    (said["report"].clone(), rejected)
}

#[test]
fn bad_rows_are_told_by_line_field_and_reason_and_never_by_value() {
    let network = Network::new();
    let tax = network.init(&TAX, &[]);
    let registers = network.population(40, 12);
    let rows = std::fs::read_to_string(registers.join("income.jsonl")).expect("reads");
    let good: Vec<&str> = rows.lines().collect();
    let wrong = |from: &str, to: &str| {
        let row = good[0].replacen(from, to, 1);
        assert_ne!(row, good[0], "{from}");
        row
    };
    // One digit of the person's number is another, so that its check digits do not hold.
    let last = if CITIZEN.ends_with('6') { "7" } else { "6" };
    let number = format!("{}{last}", CITIZEN.get(..10).expect("eleven digits"));
    let lines = [
        good[1].to_owned(),
        wrong(
            &format!("\"personidentifikator\":\"{CITIZEN}\",\"tilOgMed\""),
            &format!("\"personidentifikator\":\"{number}\",\"tilOgMed\""),
        ),
        wrong("kontantytelse", "hemmelig ytelse"),
        wrong("\"beloep\":\"", "\"beloep\":\"kr "),
        wrong("{", "{\"hemmelig\":\"felt\","),
        "{\"personidentifikator\": ".to_owned(),
        good[1].to_owned(),
        good[2].to_owned(),
    ];
    let file = network.folder().join("bad.jsonl");
    std::fs::write(&file, lines.join("\n")).expect("writes");
    let keys = ["rows", "new", "rejected"];
    let (report, dry) = import_bad(&tax, &file, &["--dry-run"]);
    assert_eq!(counts(&report, &keys), [8, 2, 6]);
    assert_eq!(
        tax.ok(&["issuer", "status"])["types"][0]["rows"],
        0,
        "a dry run writes nothing"
    );
    let (report, rejected) = import_bad(&tax, &file, &[]);
    assert_eq!(counts(&report, &keys), [8, 2, 6]);
    assert_eq!(rejected, dry);
    let rejected: Vec<&str> = rejected.lines().collect();
    assert_eq!(
        rejected,
        [
            "line,field,reason",
            "2,personidentifikator,check_digit",
            "3,oppgaveInntektsmottaker[0].inntekt[0].fordel,schema",
            "4,oppgaveInntektsmottaker[0].inntekt[0].beloep,decimal",
            "5,,schema",
            "6,,malformed",
            "7,personidentifikator,duplicate_row",
        ]
    );
    for value in [CITIZEN, &number, "hemmelig", "kr "] {
        assert!(!rejected.concat().contains(value), "{value}");
    }
    assert_eq!(tax.ok(&["issuer", "status"])["types"][0]["rows"], 2);
    // A type that this organisation does not issue, and a file that is not there.
    tax.run(&["issuer", "import", "--type", "C04", argument(&file)])
        .expect_problem(3, "type_not_allowed");
    tax.run(&["issuer", "import", "--type", "C02", "/nowhere/income.jsonl"])
        .expect_problem(1, "file_failed");
    assert_eq!(
        tax.ok(&["issuer", "jobs"])["jobs"]
            .as_array()
            .map(|jobs| jobs[0]["stage"].clone()),
        Some(json!("finished"))
    );
}
