//! Rows of registers, each with numbers and amounts of its own.

use credentials::Did;
use credentials::schema::Path;
use serde_json::{Value, json};

/// Numbers with right check digits: weights 3 2 7 6 5 4 3 2, modulo 11.
pub(super) fn organisation_number(number: usize) -> String {
    let mut valid = (0_usize..).filter_map(|at| {
        let digits = format!("{:08}", 20_000_000 + at);
        let check = check_digit(&digits, &[3, 2, 7, 6, 5, 4, 3, 2])?;
        Some(format!("{digits}{check}"))
    });
    valid.nth(number).unwrap()
}

/// Synthetic person numbers (month + 80).
pub(super) fn person_number(at: usize) -> String {
    let mut valid = (0_usize..).filter_map(|next| {
        let nine = format!("{:02}8575{:03}", 1 + next % 28, (at * 2 + next / 28) % 1_000);
        let ten = format!("{nine}{}", check_digit(&nine, &[3, 7, 6, 1, 8, 9, 4, 5, 2])?);
        let last = check_digit(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])?;
        Some(format!("{ten}{last}"))
    });
    valid.nth(at % 20).unwrap()
}

pub(super) fn check_digit(digits: &str, weights: &[u32]) -> Option<u32> {
    let pairs = digits.bytes().zip(weights);
    let sum: u32 = pairs.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    match (11 - sum % 11) % 11 {
        10 => None,
        digit => Some(digit),
    }
}

pub(super) fn payment(amount: usize, what: &str) -> Value {
    json!({
        "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
        "beloep": format!("{amount}.00"), "loennsinntekt": { "beskrivelse": what },
    })
}

pub(super) fn income(at: usize, statements: Value) -> Value {
    json!({
        "personidentifikator": person_number(at), "fraOgMed": "2026-05", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z", "oppgaveInntektsmottaker": statements,
    })
}

/// Two months with three payments.
pub(super) fn incomes(at: usize) -> Value {
    let statement = |month: &str, payments: Value| json!({ "opplysningspliktigId": "312045877", "kalendermaaned": month, "inntekt": payments });
    let may = json!([
        payment(40_000 + at, "fastloenn"),
        payment(3_120, "overtidsgodtgjoerelse")
    ]);
    let june = json!([payment(61_200 + at, "feriepenger")]);
    income(at, json!([statement("2026-05", may), statement("2026-06", june)]))
}

/// One month with one payment: 12 disclosures in all.
pub(super) fn one_payment(at: usize) -> Value {
    let mut paid = payment(40_000 + at, "overtidsgodtgjoerelse");
    paid["loennsinntekt"]["antall"] = json!("8");
    income(
        at,
        json!([{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-05", "inntekt": [paid],
        }]),
    )
}

pub(super) fn persons(at: usize) -> Value {
    json!({
        "family_name": format!("Fiskebåt {at}"), "given_name": "Rolig", "family_name_birth": "Bølge", "birth_date": "1975-05-14",
        "birth_place": "NO", "nationality": ["NO"], "personal_administrative_number": person_number(at), "age_over_18": true,
        "resident_street": "Kaiveien", "resident_house_number": format!("{}", at % 90), "resident_postal_code": "0150",
        "resident_city": "Oslo", "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO",
        "expiry_date": "2031-08-31",
    })
}

pub(super) fn all_of_person() -> Vec<Path> {
    let row = persons(0);
    row.as_object().unwrap().keys().map(|name| Path::of(&[name])).collect()
}

/// About 870 bytes before it is signed.
pub(super) fn document(at: usize, issuer: &Did) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "id": format!("urn:uuid:00000000-0000-4000-8000-{at:012}"),
        "type": ["VerifiableCredential", "CompanyRegistration"],
        "issuer": issuer,
        "validFrom": "2026-07-14T00:00:00Z",
        "validUntil": "2027-07-14T00:00:00Z",
        "credentialSubject": {
            "organisasjonsnummer": organisation_number(at % 50), "navn": format!("FORNUFTIG FISKEBÅT {at} AS"),
            "organisasjonsform": { "kode": "AS", "beskrivelse": "Aksjeselskap" },
            "registreringsdato": "1997-03-12", "stiftelsesdato": "1997-01-20", "konkurs": false, "underAvvikling": false,
            "forretningsadresse": {
                "adresse": ["Kaiveien 1"], "postnummer": "0150", "poststed": "OSLO", "kommune": "OSLO", "kommunenummer": "0301",
                "land": "Norge", "landkode": "NO",
            },
            "naeringskode": { "kode": "03.111", "beskrivelse": "Hav- og kystfiske" },
            "antallAnsatte": 12 + at % 40, "kapital": { "beloep": "1000000.00", "valuta": "NOK" },
        },
    })
}
