//! §16: the two credential types that this wallet can hold, as the document's own table rows, and the check by them.

use crate::json::{self, Path};
use crate::problem::{Outcome, refuse, require};
use crate::time::{is_month, parse_date, parse_instant};
use serde_json::Value;

/// A credential type.
pub(crate) struct Type {
    pub(crate) vct: &'static str,
    /// Where the holder's number stands.
    pub(crate) number: &'static str,
    /// The type and the claim that are shown to collect it; none where an activation code is the proof.
    pub(crate) proof: Option<(&'static str, &'static str)>,
    /// Rows of the document's table.
    pub(crate) rows: &'static str,
}

/// The types, in the document's order.
pub(crate) const ALL: &[Type] = &[
    Type {
        vct: "urn:eudi:pid:1",
        number: "personal_administrative_number",
        proof: None,
        rows: C01,
    },
    Type {
        vct: "urn:bevis:MonthlyIncome:1",
        number: "personidentifikator",
        proof: Some(("urn:eudi:pid:1", "personal_administrative_number")),
        rows: C02,
    },
];

/// A type by its name.
pub(crate) fn find(vct: &str) -> Outcome<&'static Type> {
    match ALL.iter().find(|known| known.vct == vct) {
        Some(known) => Ok(known),
        None => refuse("unknown_type", "this wallet does not know the credential type"),
    }
}

/// One row of the table.
struct Row {
    path: Path,
    class: &'static str,
    form: &'static str,
    is_always_there: bool,
}

impl Type {
    fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.lines().filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let path = cells.next()?.trim_matches('`').split('.').flat_map(|segment| {
                let name = segment.strip_suffix("[]");
                let every = name.map(|_| None);
                std::iter::once(Some(name.unwrap_or(segment).to_owned())).chain(every)
            });
            Some(Row {
                path: path.collect(),
                class: cells.next()?,
                form: cells.next()?,
                is_always_there: cells.next()? == "yes",
            })
        })
    }

    /// Whether a wallet may show the path: it is in the type and not of class X (§10, step 7).
    pub(crate) fn may_show(&self, path: &Path) -> bool {
        let mut nearest = self
            .rows()
            .filter(|row| path.starts_with(&row.path))
            .collect::<Vec<_>>();
        nearest.sort_by_key(|row| row.path.len());
        nearest.last().is_some_and(|row| row.class != "X")
    }

    /// Refuses with `schema_invalid` claims that are not of the form of the type. All of them are shown.
    pub(crate) fn check(&self, claims: &Value) -> Outcome<()> {
        for row in self.rows() {
            let wrong = |what: &str| refuse("schema_invalid", format!("{} {what}", json::shown(&row.path)));
            let values = json::at(claims, &row.path);
            if row.class == "X" && !values.is_empty() {
                return wrong("must never leave the issuer");
            }
            if !values.iter().all(|value| is_of_form(value, row.form)) {
                return wrong("has not the form of its type");
            }
            let Some((Some(name), above)) = row.path.split_last() else {
                continue;
            };
            if row.is_always_there && !json::at(claims, above).iter().all(|object| object.get(name).is_some()) {
                return wrong("is missing");
            }
        }
        Ok(())
    }

    /// The holder's number.
    pub(crate) fn number_of<'a>(&self, claims: &'a Value) -> Outcome<&'a str> {
        let number = claims.get(self.number).and_then(Value::as_str).unwrap_or_default();
        require(!number.is_empty(), "schema_invalid", "the holder's number is not there")?;
        Ok(number)
    }
}

fn is_of_form(value: &Value, form: &str) -> bool {
    let text = value.as_str();
    let is = |check: fn(&str) -> bool| text.is_some_and(check);
    match form {
        "string" => text.is_some(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "string or object" => text.is_some() || value.is_object(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "decimal" => is(is_decimal),
        "date" => is(|text| parse_date(text).is_some()),
        "month" => is(is_month),
        "instant" => is(|text| parse_instant(text).is_ok()),
        "fodselsnummer" => is(is_person),
        "organisasjonsnummer" => is(is_organisation),
        "norsk_identifikator" => is(|text| is_person(text) || is_organisation(text)),
        listed => text.is_some_and(|text| listed.split_whitespace().any(|one| one.trim_matches('`') == text)),
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    text.len() <= 20 && digits(whole) && digits(part) && part.len() <= 2
}

/// What digits times weights leave on division by 11; nothing where a character is no digit.
fn remainder(text: &str, weights: &[u32]) -> Option<u32> {
    let digits = text
        .chars()
        .map(|digit| digit.to_digit(10))
        .collect::<Option<Vec<_>>>()?;
    let products = digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit.saturating_mul(*weight));
    Some(products.fold(0, u32::saturating_add) % 11)
}

/// Whether a text is a person's number.
pub(crate) fn is_person(text: &str) -> bool {
    let pair = |from: usize| text.get(from..from.checked_add(2)?)?.parse::<u32>().ok();
    let day = pair(0).map(|day| if day > 40 { day.saturating_sub(40) } else { day });
    let month = pair(2).map(|month| if month > 80 { month.saturating_sub(80) } else { month });
    // A leap year, because the century is not in the number.
    let date = day
        .zip(month)
        .and_then(|(day, month)| parse_date(&format!("2000-{month:02}-{day:02}")));
    text.len() == 11
        && date.is_some()
        && remainder(text, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1, 0]).is_some_and(|left| left <= 3)
        && remainder(text, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) == Some(0)
}

fn is_organisation(text: &str) -> bool {
    text.len() == 9 && remainder(text, &[3, 2, 7, 6, 5, 4, 3, 2, 1]) == Some(0)
}

const C01: &str = "\
| `family_name` | S | string | yes |
| `given_name` | S | string | yes |
| `family_name_birth` | S | string |  |
| `given_name_birth` | S | string |  |
| `birth_date` | S | date | yes |
| `birth_place` | S | string or object | yes |
| `birth_place.country` | S | string |  |
| `birth_place.region` | S | string |  |
| `birth_place.locality` | S | string |  |
| `nationality` | S | array | yes |
| `personal_administrative_number` | S | fodselsnummer | yes |
| `age_over_18` | S | boolean |  |
| `sex` | S | `0` `1` `2` `3` `4` `5` `6` `9` |  |
| `resident_address` | S | string |  |
| `resident_street` | S | string |  |
| `resident_house_number` | S | string |  |
| `resident_postal_code` | S | string |  |
| `resident_city` | S | string |  |
| `resident_state` | S | string |  |
| `resident_country` | S | string |  |
| `email_address` | S | string |  |
| `mobile_phone_number` | S | string |  |
| `issuing_authority` | A | string | yes |
| `issuing_country` | A | string | yes |
| `expiry_date` | A | date | yes |";

const C02: &str = "\
| `personidentifikator` | S | fodselsnummer | yes |
| `fraOgMed` | A | month | yes |
| `tilOgMed` | A | month | yes |
| `ajourholdstidspunkt` | A | instant | yes |
| `skjermet` | A | boolean |  |
| `oppgaveInntektsmottaker` | S | array | yes |
| `oppgaveInntektsmottaker[].opplysningspliktigId` | S | norsk_identifikator | yes |
| `oppgaveInntektsmottaker[].virksomhetId` | S | organisasjonsnummer |  |
| `oppgaveInntektsmottaker[].kalendermaaned` | A | month | yes |
| `oppgaveInntektsmottaker[].inntektsmottaker` | S | object |  |
| `oppgaveInntektsmottaker[].inntektsmottaker.personidentifikator` | S | fodselsnummer | yes |
| `oppgaveInntektsmottaker[].inntekt` | S | array | yes |
| `oppgaveInntektsmottaker[].inntekt[].fordel` | S | `kontantytelse` `naturalytelse` `utgiftsgodtgjoerelse` | yes |
| `oppgaveInntektsmottaker[].inntekt[].beloep` | S | decimal | yes |
| `oppgaveInntektsmottaker[].inntekt[].utloeserArbeidsgiveravgift` | S | boolean |  |
| `oppgaveInntektsmottaker[].inntekt[].inngaarIGrunnlagForTrekk` | S | boolean |  |
| `oppgaveInntektsmottaker[].inntekt[].loennsinntekt` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].loennsinntekt.beskrivelse` | S | string | yes |
| `oppgaveInntektsmottaker[].inntekt[].loennsinntekt.antall` | S | decimal |  |
| `oppgaveInntektsmottaker[].inntekt[].loennsinntekt.spesifikasjon` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].loennsinntekt.tilleggsinformasjon` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].ytelseFraOffentlige` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].ytelseFraOffentlige.beskrivelse` | S | string | yes |
| `oppgaveInntektsmottaker[].inntekt[].ytelseFraOffentlige.tilleggsinformasjon` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].pensjonEllerTrygd` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].pensjonEllerTrygd.beskrivelse` | S | string | yes |
| `oppgaveInntektsmottaker[].inntekt[].pensjonEllerTrygd.tilleggsinformasjon` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].naeringsinntekt` | S | object |  |
| `oppgaveInntektsmottaker[].inntekt[].naeringsinntekt.beskrivelse` | S | string | yes |
| `oppgaveInntektsmottaker[].inntekt[].naeringsinntekt.tilleggsinformasjon` | S | object |  |
| `derived` | S | object |  |
| `derived.monthsWithStatement` | S | integer |  |
| `derived.sumKontantytelse` | S | decimal |  |
| `derived.comment` | X | string |  |
| `inntektPerMaanedMinst` | D | object |  |
| `inntektPerMaanedMinst.kr20000` | D | boolean |  |
| `inntektPerMaanedMinst.kr25000` | D | boolean |  |
| `inntektPerMaanedMinst.kr30000` | D | boolean |  |
| `inntektPerMaanedMinst.kr35000` | D | boolean |  |
| `inntektPerMaanedMinst.kr40000` | D | boolean |  |
| `inntektPerMaanedMinst.kr45000` | D | boolean |  |
| `inntektPerMaanedMinst.kr50000` | D | boolean |  |
| `inntektPerMaanedMinst.kr60000` | D | boolean |  |
| `inntektPerMaanedMinst.kr70000` | D | boolean |  |
| `inntektPerMaanedMinst.kr80000` | D | boolean |  |
| `inntektPerMaanedMinst.kr100000` | D | boolean |  |
| `inntektPerMaanedMinst.kr120000` | D | boolean |  |";
