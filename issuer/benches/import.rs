//! Import and prepare 10,000 rows on a real store, and deliver nothing: `cargo bench -p issuer`. Prints figures, asserts none.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![allow(
    clippy::disallowed_methods,
    reason = "measuring is what this is for, and the node's stopwatch is not for a role"
)]

use std::sync::Arc;
use std::time::Instant;

use credentials::schema::Types;
use credentials::{Did, SigningKey, Timestamp};
use issuer::{Issuer, Settings};
use serde_json::json;
use store::{Params, Passphrase, Store};

const ROWS: usize = 10_000;
/// As a node feeds them: other work goes on in between.
const BATCH: usize = 500;
const PID: &str = "urn:eudi:pid:1";
const INCOME: &str = "urn:bevis:MonthlyIncome:1";

/// Synthetic numbers (month + 80) with right check digits.
fn numbers() -> Vec<String> {
    let mut numbers = Vec::with_capacity(ROWS);
    for individual in 0..1_000u32 {
        for day in 1..29u32 {
            let digits = format!("{day:02}8575{individual:03}");
            if let Some(number) = with_check_digits(&digits) {
                numbers.push(number);
                if numbers.len() == ROWS {
                    return numbers;
                }
            }
        }
    }
    numbers
}

fn with_check_digits(nine: &str) -> Option<String> {
    let digit = |digits: &str, weights: &[u32]| {
        let sum: u32 = digits
            .bytes()
            .zip(weights)
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        match (11 - sum % 11) % 11 {
            10 => None,
            digit => Some(format!("{digits}{digit}")),
        }
    };
    let ten = digit(nine, &[3, 7, 6, 1, 8, 9, 4, 5, 2])?;
    digit(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])
}

fn person(number: &str) -> String {
    json!({
        "family_name": "Fiskebåt",
        "given_name": "Rolig",
        "birth_date": "1975-05-14",
        "birth_place": "NO",
        "nationality": ["NO"],
        "personal_administrative_number": number,
        "age_over_18": true,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)",
        "issuing_country": "NO",
        "expiry_date": "2031-08-31"
    })
    .to_string()
}

/// Two months of two payments each, as a wage earner has them.
fn income(number: &str, amount: usize) -> String {
    let statement = |month: &str| {
        let paid = |description: &str, amount: usize| {
            json!({
                "fordel": "kontantytelse",
                "utloeserArbeidsgiveravgift": true,
                "inngaarIGrunnlagForTrekk": true,
                "beloep": format!("{amount}.00"),
                "loennsinntekt": { "beskrivelse": description }
            })
        };
        json!({
            "opplysningspliktigId": "312045877",
            "virksomhetId": "312045877",
            "kalendermaaned": month,
            "inntektsmottaker": { "personidentifikator": number },
            "inntekt": [paid("fastloenn", amount), paid("overtidsgodtgjoerelse", 3_120)]
        })
    };
    json!({
        "personidentifikator": number,
        "fraOgMed": "2026-05",
        "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [statement("2026-05"), statement("2026-06")]
    })
    .to_string()
}

fn import(issuer: &mut Issuer, now: Timestamp, vct: &str, file: u8, rows: &[String], what: &str) {
    let lines: Vec<(u64, String)> = (1..).zip(rows.iter().cloned()).collect();
    let begun = Instant::now();
    let job = issuer.import_start(now, vct, [file; 32], None, false).unwrap().job;
    let mut longest = std::time::Duration::ZERO;
    for batch in lines.chunks(BATCH) {
        let begun = Instant::now();
        let progress = issuer.import_lines(now, &job, batch).unwrap();
        assert!(progress.rejected.is_empty(), "{:?}", progress.rejected);
        longest = longest.max(begun.elapsed());
    }
    let report = issuer.import_finish(now, &job).unwrap();
    println!(
        "{what}: {} rows ({} new, {} changed, {} unchanged) in {:.2?}, longest batch of {BATCH} {longest:.0?}",
        report.rows,
        report.new,
        report.changed,
        report.unchanged,
        begun.elapsed()
    );
}

fn prepare(issuer: &mut Issuer, now: Timestamp, vct: &str, limit: usize, what: &str) {
    let begun = Instant::now();
    let mut prepared = 0;
    loop {
        match issuer.prepare(now, vct, limit).unwrap() {
            0 => break,
            some => prepared += some,
        }
    }
    let batches = if limit == usize::MAX {
        "at once".to_owned()
    } else {
        format!("{limit} at a time")
    };
    println!("{what}: {prepared} rows, {batches}, in {:.2?}", begun.elapsed());
}

fn main() {
    let home = tempfile::tempdir().unwrap();
    let entropy = || -> store::Entropy { Box::new(|bytes| getrandom::fill(bytes).unwrap()) };
    let passphrase = Passphrase::new("synthetic");
    let store = Store::create(&home.path().join("store"), &passphrase, Params::quick(), entropy()).unwrap();
    let did = Did::parse("did:web:agency.example").unwrap();
    let settings = Settings {
        kid: format!("{did}#key-1"),
        did,
        issues: vec![PID.to_owned(), INCOME.to_owned()],
        status_base: "https://agency.example/status/".to_owned(),
        peers: vec!["12D3KooWSynthetic".to_owned()],
    };
    let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
    let key = Arc::new(SigningKey::generate(&mut random));
    let mut issuer = Issuer::open(store, Types::builtin(), settings, key, Box::new(random)).unwrap();
    let now = Timestamp::parse("2026-07-14T12:00:00Z").unwrap();

    let numbers = numbers();
    let persons: Vec<String> = numbers.iter().map(|number| person(number)).collect();
    let incomes = |more: usize| -> Vec<String> {
        (40_000 + more..)
            .zip(&numbers)
            .map(|(amount, number)| income(number, amount))
            .collect()
    };
    import(&mut issuer, now, PID, 1, &persons, "import persons");
    import(&mut issuer, now, INCOME, 2, &incomes(0), "import incomes");
    prepare(&mut issuer, now, INCOME, usize::MAX, "prepare incomes");
    prepare(&mut issuer, now, PID, BATCH, "prepare persons");
    import(&mut issuer, now, INCOME, 2, &incomes(0), "the same incomes again");
    import(&mut issuer, now, INCOME, 3, &incomes(1), "changed incomes");
    prepare(&mut issuer, now, INCOME, BATCH, "prepare changed incomes");
}
