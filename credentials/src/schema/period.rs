//! Periods of the elements of a list: in order, apart from one another, and none of what was declared void.
//!
//! Registers number their decisions in no order of time, and take one back by letting it end the day before it begins (domain S10).

use super::row::{Row, RowError};
use super::{CredentialType, Path, ending, values_at};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Elements of a list that have a first and a last day.
///
/// One that ends the day before it begins was declared void: it stays with the issuer. One that ends earlier still is refused
/// (`period`). What is issued has them in the order of their first days, whatever order and numbers they have in the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Periods {
    /// The list; names only.
    pub list: Path,
    /// First day, in an element.
    pub from: Path,
    /// Last day, in an element; without one, or with `null`, it goes on.
    pub to: Path,
    /// Whether no two may share a day (`period_overlap`).
    #[serde(default)]
    pub apart: bool,
}

/// First and last day of an element.
type Span = (Date, Option<Date>);

impl Periods {
    /// Days of an element; `None` where the first is no day.
    fn span(&self, element: &Value) -> Option<Span> {
        let day = |path: &Path| ending::date_of(values_at(element, path).first()?.as_str()?);
        Some((day(&self.from)?, day(&self.to)))
    }

    fn is_void(&self, element: &Value) -> bool {
        self.span(element)
            .is_some_and(|(from, to)| to.is_some_and(|to| to < from))
    }

    /// Takes away what is void, and puts the others in the order of their days.
    pub(super) fn settle(&self, elements: &mut Vec<Value>) {
        elements.retain(|element| !self.is_void(element));
        elements.sort_by_key(|element| self.span(element).map(|(from, to)| (from, to.is_none(), to)));
    }

    fn check(&self, row: &Value) -> Result<(), RowError> {
        let place = |index: usize, path: &Path| RowError::new(format!("{}[{index}].{path}", self.list), "period");
        let Some(Value::Array(elements)) = values_at(row, &self.list).first().copied() else {
            return Ok(());
        };
        let mut spans = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let (from, to) = self.span(element).ok_or_else(|| place(index, &self.from))?;
            match to {
                Some(to) if to < from => {
                    if from.yesterday().ok() != Some(to) {
                        return Err(place(index, &self.to));
                    }
                }
                _ => spans.push((from, to, index)),
            }
        }
        spans.sort_unstable();
        let beside = |pair: &[(Date, Option<Date>, usize)]| match pair {
            [(_, to, _), (from, _, index)] if to.is_none_or(|to| *from <= to) => Some(*index),
            _ => None,
        };
        match spans.windows(2).find_map(beside) {
            Some(index) if self.apart => Err(RowError::new(format!("{}[{index}]", self.list), "period_overlap")),
            _ => Ok(()),
        }
    }
}

impl CredentialType {
    /// Refuses a row in which an element ends before it begins, or shares a day with another where that may not be.
    pub(super) fn check_periods(&self, row: &Row) -> Result<(), RowError> {
        self.periods.iter().try_for_each(|periods| periods.check(row.value()))
    }
}
