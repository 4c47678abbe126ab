//! The console's pages and forms, over a real issuer's home.

mod changes;
mod files;
mod issued;
mod pages;

use crate::http::tests::world::{Browser, text};
use serde_json::{Value, json};

const ROLIG: &str = "14858834016";
const MUNTER: &str = "03919043163";
const EMPLOYER: &str = "312045877";

/// A row of the register of monthly incomes.
fn income(number: &str, amount: &str) -> Value {
    json!({
        "personidentifikator": number,
        "fraOgMed": "2026-05",
        "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": EMPLOYER,
            "virksomhetId": EMPLOYER,
            "kalendermaaned": "2026-05",
            "inntektsmottaker": { "personidentifikator": number },
            "inntekt": [{
                "fordel": "kontantytelse",
                "utloeserArbeidsgiveravgift": true,
                "inngaarIGrunnlagForTrekk": true,
                "beloep": amount,
                "loennsinntekt": { "beskrivelse": "fastloenn" }
            }]
        }]
    })
}

/// A row of the register of persons.
fn person(number: &str) -> Value {
    let mut row: Value = serde_json::from_str(include_str!(
        "../../../../credentials/src/schema/examples/PersonIdentification.json"
    ))
    .expect("an example");
    row["personal_administrative_number"] = number.into();
    row
}

/// Rows as a file.
fn lines(rows: &[Value]) -> Vec<u8> {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    (lines.join("\n") + "\n").into_bytes()
}

/// Imports rows by the pages.
async fn import(kari: &Browser<'_>, kind: &str, rows: &[Value]) {
    let register = format!("/console/registers/{kind}");
    let file = lines(rows);
    let check = kari
        .send_file(&kari.sending(&format!("{register}/file"), &[], Some(("a.jsonl", &file))))
        .await;
    let check = Browser::led(&check);
    let named = check.split('/').nth(5).expect("a file").to_owned();
    let yes = kari.form(&format!("{register}/import"), &[("file", &named)]);
    let page = text(kari.get(&Browser::led(&kari.submit(&yes).await)).await).await;
    assert!(page.contains("Importen er ferdig"), "{page}");
}
