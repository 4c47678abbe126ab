//! Threshold claims: a ladder of answers "at least so much", each with a salt of its own, worked out by the issuer from the amounts.
//!
//! A holder opens one rung and the asker learns that much and no more. A rung is asked as *true*: one that is not reached is no answer,
//! and looks like having none.

use super::row::{Row, RowError};
use super::{CredentialType, Path, values_at};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most rungs of a ladder.
const RUNGS_MAX: usize = 32;

/// A ladder over amounts in a list: whether their sum, shared out over the different values of `per`, is at least each rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The claim, one name. Its members are the rungs, named `kr` and the amount.
    pub path: Path,
    /// The amounts, in elements of a list.
    pub amounts: Path,
    /// Only amounts of elements with this text there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<(Path, String)>,
    /// Over how many the sum is shared out: the different values here. Where there is none, there is no ladder.
    pub per: Path,
    /// Whole kroner, rising.
    pub rungs: Vec<u32>,
}

impl Thresholds {
    /// The claim of a rung.
    pub fn rung(&self, rung: u32) -> Path {
        let mut path = self.path.clone();
        path.0.push(Some(name(rung)));
        path
    }

    /// Whether a claim is a rung of this ladder.
    pub fn is_rung(&self, path: &Path) -> bool {
        self.rungs.iter().any(|rung| self.rung(*rung) == *path)
    }

    /// Whether the declaration can be worked out; the paths are checked by the caller.
    pub(super) fn is_formed(&self) -> bool {
        let rises = self
            .rungs
            .windows(2)
            .all(|pair| matches!(pair, [low, high] if low < high));
        let beside = |other: &Path| other.split_at_last_element().0 == self.amounts.split_at_last_element().0;
        (1..=RUNGS_MAX).contains(&self.rungs.len())
            && rises
            && self.path.0.len() == 1
            && !self.amounts.is_single()
            && self.only.as_ref().is_none_or(|(path, _)| beside(path))
    }

    /// The ladder of a row; none where there is nothing to share the sum out over.
    fn of(&self, row: &Value) -> Option<Value> {
        let (list, amount) = self.amounts.split_at_last_element();
        let mut sum: i128 = 0;
        for element in values_at(row, &list) {
            let is_meant = self.only.as_ref().is_none_or(|(path, wanted)| {
                let found = values_at(element, &path.split_at_last_element().1);
                found.first().and_then(|value| value.as_str()) == Some(wanted)
            });
            if is_meant {
                for value in values_at(element, &amount) {
                    sum = sum.checked_add(hundredths(value.as_str()?)?)?;
                }
            }
        }
        let mut counted: Vec<&str> = values_at(row, &self.per)
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        counted.sort_unstable();
        counted.dedup();
        let count = i128::try_from(counted.len()).ok().filter(|count| *count > 0)?;
        let mut ladder = Map::new();
        for rung in &self.rungs {
            let least = i128::from(*rung).checked_mul(100)?.checked_mul(count)?;
            ladder.insert(name(*rung), Value::Bool(sum >= least));
        }
        Some(Value::Object(ladder))
    }
}

fn name(rung: u32) -> String {
    format!("kr{rung}")
}

/// A decimal text of at most two places, in hundredths, exactly.
fn hundredths(text: &str) -> Option<i128> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i128 = whole.parse().ok()?;
    let cents: i128 = match fraction.len() {
        0 => 0,
        1 => fraction.parse::<i128>().ok()?.checked_mul(10)?,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    whole.checked_mul(100)?.checked_add(cents)?.checked_mul(sign)
}

impl CredentialType {
    /// The ladder that a claim is a rung of.
    pub fn ladder(&self, path: &Path) -> Option<&Thresholds> {
        self.thresholds.as_ref().filter(|ladder| ladder.is_rung(path))
    }

    /// Refuses a row that says of itself what the issuer works out.
    pub(super) fn check_no_ladder(&self, row: &Row) -> Result<(), RowError> {
        match &self.thresholds {
            Some(ladder) if !values_at(row.value(), &ladder.path).is_empty() => {
                Err(RowError::new(ladder.path.to_string(), "schema"))
            }
            _ => Ok(()),
        }
    }

    /// Puts the ladder beside the claims.
    pub(super) fn add_ladder(&self, row: &Row, claims: &mut Value) {
        if let Some(ladder) = &self.thresholds
            && let Some(Some(name)) = ladder.path.0.first()
            && let Some(rungs) = ladder.of(row.value())
            && let Value::Object(members) = claims
        {
            members.insert(name.clone(), rungs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Types;
    use serde_json::json;

    fn income() -> std::sync::Arc<CredentialType> {
        std::sync::Arc::clone(Types::builtin().find("C02").expect("built in"))
    }

    fn example() -> Value {
        serde_json::from_str(include_str!("examples/MonthlyIncome.json")).expect("JSON")
    }

    fn reached(row: Value) -> Vec<u32> {
        let income = income();
        let row = income.row(row).expect("a row");
        let claims = income.claims(&row);
        let ladder = income.thresholds.as_ref().expect("a ladder");
        let is_true = |rung: &&u32| values_at(claims.value(), &ladder.rung(**rung)) == [&json!(true)];
        ladder.rungs.iter().filter(is_true).copied().collect()
    }

    #[test]
    fn a_ladder_is_the_exact_sum_over_the_months_that_have_a_statement() {
        // 48,500 + 3,120 in May and 61,200 in June are 56,410 a month.
        assert_eq!(reached(example()).last(), Some(&50_000));
        let with = |amount: &str| {
            let mut row = example();
            row["oppgaveInntektsmottaker"][1]["inntekt"][0]["beloep"] = json!(amount);
            reached(row).last().copied()
        };
        // Sixty thousand a month is reached with the last øre.
        assert_eq!(with("68380.00"), Some(60_000));
        assert_eq!(with("68379.99"), Some(50_000));
        assert_eq!(with("68379.9"), Some(50_000));
        assert_eq!(with("-51620"), None, "what was paid back counts against it");
        let mut kind = example();
        kind["oppgaveInntektsmottaker"][1]["inntekt"][0]["fordel"] = json!("utgiftsgodtgjoerelse");
        assert_eq!(reached(kind).last(), Some(&25_000), "expenses are no income");
    }

    #[test]
    fn a_month_without_a_statement_is_absent_and_nothing_has_no_ladder() {
        let mut one = example();
        one["oppgaveInntektsmottaker"].as_array_mut().expect("a list").pop();
        assert_eq!(reached(one).last(), Some(&50_000), "51,620 in the one month");
        let mut none = example();
        none["oppgaveInntektsmottaker"] = json!([]);
        none.as_object_mut().expect("members").remove("derived");
        let income = income();
        let row = income.row(none).expect("a row");
        let ladder = income.thresholds.as_ref().expect("a ladder");
        assert!(values_at(income.claims(&row).value(), &ladder.path).is_empty());
    }

    #[test]
    fn a_register_row_does_not_say_what_is_worked_out() {
        let mut row = example();
        row["inntektPerMaanedMinst"] = json!({ "kr50000": true });
        let refused = income().row(row).map(|_| ());
        assert_eq!(refused, Err(RowError::new("inntektPerMaanedMinst", "schema")));
    }

    #[test]
    fn hundredths_are_exact() {
        for (text, expected) in [
            ("1", 100),
            ("-1.5", -150),
            ("0.01", 1),
            ("-0.99", -99),
            ("123456789012345.67", 12_345_678_901_234_567),
        ] {
            assert_eq!(hundredths(text), Some(expected), "{text}");
        }
        for text in ["", "1.234", "x", "1,5"] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }

    #[test]
    fn a_ladder_that_cannot_be_worked_out_is_refused() {
        let check = |change: &dyn Fn(&mut Value)| {
            let mut declared: Value =
                serde_json::from_str(include_str!("../../types/MonthlyIncome.json")).expect("JSON");
            change(&mut declared);
            CredentialType::parse(declared.to_string().as_bytes())
                .map(|_| ())
                .map_err(|problem| problem.detail)
        };
        assert_eq!(check(&|_| ()), Ok(()));
        let refused = Err(Some("thresholds".to_owned()));
        assert_eq!(check(&|d| d["thresholds"]["rungs"] = json!([])), refused);
        assert_eq!(check(&|d| d["thresholds"]["rungs"] = json!([30_000, 20_000])), refused);
        assert_eq!(
            check(&|d| d["thresholds"]["rungs"] = json!([20_000, 21_000])),
            refused,
            "no such claim"
        );
        assert_eq!(check(&|d| d["thresholds"]["path"] = json!(["derived"])), refused);
        assert_eq!(
            check(&|d| d["thresholds"]["amounts"] = json!(["personidentifikator"])),
            refused
        );
        assert_eq!(check(&|d| d["thresholds"]["per"] = json!(["mangler"])), refused);
        assert_eq!(check(&|d| d["thresholds"]["only"][0] = json!(["fraOgMed"])), refused);
    }
}
