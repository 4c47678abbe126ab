//! The test persons: what each has, and what each does when asked. All are made up; their numbers are of the synthetic series
//! (month + 80).

use credentials::Timestamp;
use credentials::status::State;
use credentials::time::DAY;
use serde_json::{Value, json};

/// What a person's phone does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Shows what is asked, with a credential that is in order but for this.
    Shows(Flaw),
    /// Says no.
    Declines,
    /// Does nothing.
    Ignores,
}

/// What is wrong with what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Nothing.
    None,
    /// Its issuer has set this state.
    State(State),
    /// It ran out a month ago.
    Expired,
    /// It is shown by a phone that has not its key.
    WrongHolder,
    /// Its issuer stands in no trust list.
    UnknownIssuer,
    /// Its issuer has said nothing of its state for three days.
    StaleStatus,
    /// It is somebody else's.
    WrongPerson,
}

/// A test person.
pub(super) struct Person {
    /// Number of the phone.
    pub(super) phone: usize,
    /// The person's number.
    pub(super) number: &'static str,
    /// What is particular about them, as texts name it.
    pub(super) name: &'static str,
    /// What comes of a request: state, verdict, code.
    pub(super) outcome: (&'static str, Option<&'static str>, Option<&'static str>),
    /// What the phone does.
    pub(super) does: Does,
}

const fn person(
    phone: usize,
    number: &'static str,
    name: &'static str,
    does: Does,
    outcome: (&'static str, Option<&'static str>, Option<&'static str>),
) -> Person {
    Person {
        phone,
        number,
        name,
        outcome,
        does,
    }
}

const INVALID: Option<&str> = Some("invalid");

/// Every test person. Their order and numbers do not change.
pub(super) const PERSONS: &[Person] = &[
    person(
        1,
        "14858834016",
        "valid",
        Does::Shows(Flaw::None),
        ("completed", Some("valid"), None),
    ),
    person(
        2,
        "01817110076",
        "revoked",
        Does::Shows(Flaw::State(State::Revoked)),
        ("completed", INVALID, Some("revoked")),
    ),
    person(
        3,
        "02827210288",
        "suspended",
        Does::Shows(Flaw::State(State::Suspended)),
        ("completed", INVALID, Some("suspended")),
    ),
    person(
        4,
        "03837310309",
        "expired",
        Does::Shows(Flaw::Expired),
        ("completed", INVALID, Some("expired")),
    ),
    person(
        5,
        "04847410510",
        "wrong-holder",
        Does::Shows(Flaw::WrongHolder),
        ("completed", INVALID, Some("holder_binding_invalid")),
    ),
    person(
        6,
        "05857510641",
        "unknown-issuer",
        Does::Shows(Flaw::UnknownIssuer),
        ("completed", INVALID, Some("unknown_issuer")),
    ),
    person(
        7,
        "06867610772",
        "stale-status",
        Does::Shows(Flaw::StaleStatus),
        ("completed", Some("undecided"), Some("status_stale")),
    ),
    person(
        8,
        "07877710984",
        "refused",
        Does::Declines,
        ("failed", None, Some("not_presented")),
    ),
    person(9, "08887811041", "no-answer", Does::Ignores, ("active", None, None)),
    person(
        10,
        "09897911172",
        "wrong-person",
        Does::Shows(Flaw::WrongPerson),
        ("fetched", None, None),
    ),
];

impl Person {
    /// Whose credential is shown.
    pub(super) fn shown_number(&self) -> &'static str {
        match self.does {
            Does::Shows(Flaw::WrongPerson) => PERSONS.first().map_or(self.number, |person| person.number),
            _ => self.number,
        }
    }

    /// As it is told to programs.
    pub(super) fn shown(&self) -> Value {
        let (state, verdict, code) = self.outcome;
        json!({
            "phone": self.phone, "number": self.number, "name": self.name, "state": state, "verdict": verdict, "code": code,
        })
    }
}

/// The register's row of a type for a person; none where the sandbox has none.
pub(super) fn row(vct: &str, number: &str, now: Timestamp) -> Option<Value> {
    let date = |at: Timestamp| at.to_string().get(..10).map(ToOwned::to_owned);
    let (today, before) = (date(now)?, date(now.plus(-31 * DAY))?);
    let month = before.get(..7)?.to_owned();
    let year = before.get(..4)?.parse::<u32>().ok()?.checked_sub(1)?;
    match vct {
        "urn:bevis:MonthlyIncome:1" => Some(json!({
            "personidentifikator": number,
            "fraOgMed": month, "tilOgMed": month, "ajourholdstidspunkt": format!("{today}T05:00:00Z"), "skjermet": false,
            "oppgaveInntektsmottaker": [{
                "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": month,
                "inntektsmottaker": { "personidentifikator": number },
                "inntekt": [{
                    "fordel": "kontantytelse", "beloep": "48500.00", "utloeserArbeidsgiveravgift": true,
                    "inngaarIGrunnlagForTrekk": true, "loennsinntekt": { "beskrivelse": "fastloenn" },
                }],
            }],
            "derived": { "monthsWithStatement": 1, "sumKontantytelse": "48500.00" },
        })),
        "urn:bevis:TaxAssessmentSummary:1" => Some(json!({
            "personidentifikator": number, "inntektsaar": year.to_string(), "stadie": "oppgjoer",
            "skatteoppgjoersdato": before, "ajourholdstidspunkt": format!("{before}T06:12:30Z"), "skjermet": false,
            "grunnlag": [
                { "tekniskNavn": "samletLoennsinntektMedTrygdeavgiftspliktOgMedTrekkplikt", "beloep": "621400", "kategori": "inntekt" },
                { "tekniskNavn": "minstefradragIInntekt", "beloep": "92000", "kategori": "inntektsfradrag" },
            ],
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use credentials::identifier::PersonNumber;
    use credentials::schema::Types;
    use std::collections::BTreeSet;

    #[test]
    fn test_persons_are_synthetic_fixed_and_each_their_own() {
        let numbers: BTreeSet<&str> = PERSONS.iter().map(|person| person.number).collect();
        assert_eq!(numbers.len(), PERSONS.len());
        for (index, person) in PERSONS.iter().enumerate() {
            assert_eq!(person.phone, index + 1);
            assert!(PersonNumber::parse(person.number).is_some(), "{}", person.number);
            let month: u32 = person.number[2..4].parse().expect("digits");
            assert!((81..=92).contains(&month), "{}", person.number);
        }
        let codes = PERSONS.iter().filter_map(|person| person.outcome.2);
        for code in codes {
            assert!(credentials::Code::parse(code).is_some(), "{code}");
        }
    }

    #[test]
    fn their_rows_follow_the_schema_of_their_types() {
        let types = Types::builtin();
        let now = crate::clock::now();
        for vct in ["urn:bevis:MonthlyIncome:1", "urn:bevis:TaxAssessmentSummary:1"] {
            let row = row(vct, PERSONS[0].number, now).expect("a row");
            let checked = types.get(vct).expect("a type").row(row);
            assert!(checked.is_ok(), "{vct}: {:?}", checked.err());
        }
        assert_eq!(row("urn:bevis:StudentLoanBalance:1", PERSONS[0].number, now), None);
    }
}
