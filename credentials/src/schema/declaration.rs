//! Reading a type's declaration, and the formats that its schema may name.

use super::{
    Class, CredentialType, DECLARATION_MAX, Effect, Ending, Field, Holder, HolderProof, OfOthers, Path, Periods,
    Refresh, Text, Thresholds, Validity, ending, tree,
};
use crate::identifier::{AccountNumber, Iban, Kid, OrganisationNumber, PersonNumber};
use crate::protocol::issuance::COPIES_MAX;
use crate::{Code, Problem, Timestamp, json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a declaration says it is.
const SCHEMA: &str = "credential-type/v1";
/// Most rows of one holder delivered at once.
const ROWS_MAX: u16 = 8;
/// Most fields with a label.
const FIELDS_MAX: usize = 256;
/// Most endings.
const ENDINGS_MAX: usize = 32;
/// Most lists with periods, and most lists of others.
const LISTS_MAX: usize = 8;
/// Longest validity in days: ten years.
const DAYS_MAX: u16 = 3653;
/// Longest label, in characters.
const LABEL_MAX: usize = 200;
/// Longest compiled pattern, in bytes: a declaration dropped into a folder must not fill memory.
const PATTERN_MAX: usize = 256 * 1024;
/// Claims with a meaning of their own in SD-JWT VC and RFC 9901; no claim of ours has such a name.
const RESERVED: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "nbf",
    "iat",
    "exp",
    "jti",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
    "_sd",
    "_sd_alg",
    "...",
];
/// Keywords that reach outside the declaration, or change what its parts mean.
const FOREIGN: [&str; 7] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$vocabulary",
    "patternProperties",
];

type Check = fn(&str) -> bool;

/// A check digit format, or one of the forms of text that have one meaning only.
const FORMATS: [(&str, Check); 10] = [
    ("fodselsnummer", |text| PersonNumber::parse(text).is_some()),
    ("organisasjonsnummer", |text| OrganisationNumber::parse(text).is_some()),
    ("norsk_identifikator", |text| {
        PersonNumber::parse(text).is_some() || OrganisationNumber::parse(text).is_some()
    }),
    ("kontonummer", |text| AccountNumber::parse(text).is_some()),
    ("iban", |text| Iban::parse(text).is_some()),
    ("kid", |text| Kid::parse(text).is_some()),
    ("decimal", is_decimal),
    ("date", |text| ending::date_of(text).is_some()),
    ("month", is_month),
    ("instant", is_instant),
];

/// The declaration as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    schema: String,
    id: String,
    name: String,
    vct: String,
    label: Text,
    holder: Holder,
    row_key: Vec<Path>,
    #[serde(default = "one")]
    rows: u16,
    validity: Validity,
    copies: u16,
    #[serde(default)]
    refresh: Option<Refresh>,
    #[serde(default)]
    as_of: Option<Path>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    fields: Vec<Field>,
    #[serde(default)]
    endings: Vec<Ending>,
    #[serde(default)]
    periods: Vec<Periods>,
    #[serde(default)]
    of_others: Option<OfOthers>,
    #[serde(default)]
    thresholds: Option<Thresholds>,
    claims: Value,
}

fn one() -> u16 {
    1
}

impl CredentialType {
    /// Reads a declaration of at most 256 KiB and checks that it is whole: schema compiles (no remote references), paths exist
    /// in it, row key and number are there, copies in bounds. `malformed` names the member that is wrong.
    pub fn parse(text: &[u8]) -> Result<CredentialType, Problem> {
        let value = json::parse(text, DECLARATION_MAX)?;
        let declared: Declaration =
            serde_json::from_value(value).map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
        if declared.schema != SCHEMA {
            return Err(Problem::new(Code::Unsupported, "schema"));
        }
        if has_foreign_reference(&declared.claims) {
            return Err(wrong("claims"));
        }
        let read = CredentialType {
            validator: compile(&declared.claims)?,
            shown: compile(&tree::relax(&declared.claims))?,
            id: declared.id,
            name: declared.name,
            vct: declared.vct,
            label: declared.label,
            holder: declared.holder,
            row_key: declared.row_key,
            rows: declared.rows,
            validity: declared.validity,
            copies: declared.copies,
            refresh: declared.refresh,
            as_of: declared.as_of,
            names: declared.names,
            fields: declared.fields,
            endings: declared.endings,
            periods: declared.periods,
            of_others: declared.of_others,
            thresholds: declared.thresholds,
            schema: declared.claims,
        };
        read.check_scalars()?;
        read.check_names()?;
        read.check_fields()?;
        read.check_keys()?;
        read.check_proof()?;
        read.check_ending_paths()?;
        read.check_lists()?;
        Ok(read)
    }

    fn check_scalars(&self) -> Result<(), Problem> {
        let word = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        require(word(&self.id, 32), "id")?;
        require(word(&self.name, 64), "name")?;
        require(is_vct(&self.vct), "vct")?;
        require(is_label(&self.label), "label")?;
        require((1..=ROWS_MAX).contains(&self.rows), "rows")?;
        let keys = usize::from(self.copies).saturating_mul(self.rows.into());
        require((1..=COPIES_MAX).contains(&keys), "copies")?;
        let days = match self.validity {
            Validity::Days(days) => days,
            Validity::EndOfNextDay | Validity::TenthOfNextMonth => 1,
        };
        require((1..=DAYS_MAX).contains(&days), "validity")?;
        let seconds = i64::from(DAYS_MAX) * crate::time::DAY;
        let fine = |refresh: &Refresh| {
            i64::from(refresh.after_seconds) + i64::from(refresh.within_seconds) <= seconds
                && refresh.within_seconds > 0
                && (1..=DAYS_MAX).contains(&refresh.chain_days)
        };
        require(self.refresh.as_ref().is_none_or(fine), "refresh")
    }

    fn check_names(&self) -> Result<(), Problem> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let properties = properties.ok_or_else(|| wrong("claims"))?;
        let taken = RESERVED.iter().find(|name| properties.contains_key(**name));
        require(taken.is_none(), "claims")?;
        let renamed = self
            .names
            .iter()
            .all(|(register, credential)| RESERVED.contains(&register.as_str()) && properties.contains_key(credential));
        require(renamed, "names")
    }

    fn check_fields(&self) -> Result<(), Problem> {
        require(self.fields.len() <= FIELDS_MAX, "fields")?;
        let mut seen = BTreeSet::new();
        for field in &self.fields {
            let fine = seen.insert(&field.path)
                && self.has_path(&field.path)
                && is_label(&field.label)
                && field.sensitive_values.len() <= FIELDS_MAX;
            if !fine {
                return Err(Problem::new(Code::Malformed, format!("fields: {}", field.path)));
            }
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), Problem> {
        let single = |path: &Path| path.is_single() && self.has_path(path);
        require((1..=4).contains(&self.row_key.len()), "row_key")?;
        require(self.row_key.iter().all(single), "row_key")?;
        require(single(&self.holder.number), "holder.number")?;
        require(
            self.as_of
                .as_ref()
                .is_none_or(|path| single(path) && self.is_of(path, "instant") && self.class(path) != Class::X),
            "as_of",
        )
    }

    fn check_proof(&self) -> Result<(), Problem> {
        match &self.holder.proof {
            HolderProof::ActivationCode => Ok(()),
            HolderProof::Credential { vct, path } => require(is_vct(vct) && path.is_single(), "holder.proof"),
            HolderProof::Role {
                vct,
                path,
                person,
                role,
                ended,
                deceased,
                roles,
            } => {
                let (element, _) = person.split_at_last_element();
                let beside = |other: &Path| {
                    self.has_path(other) && element.covers(other) && other.split_at_last_element().0 == element
                };
                require(is_vct(vct) && path.is_single(), "holder.proof")?;
                require(
                    self.has_path(person) && self.class(person) == Class::X,
                    "holder.proof.role.person",
                )?;
                let is_beside = beside(role) && beside(ended) && deceased.as_ref().is_none_or(beside);
                require(is_beside, "holder.proof.role")?;
                require((1..=16).contains(&roles.len()), "holder.proof.role.roles")
            }
        }
    }

    fn check_ending_paths(&self) -> Result<(), Problem> {
        require(self.endings.len() <= ENDINGS_MAX, "endings")?;
        for ending in &self.endings {
            let known = ending.when.iter().all(|(path, _)| self.has_path(path));
            require(known && !ending.when.is_empty(), "endings")?;
            if let Effect::Notice { notice, ends, months } = &ending.effect {
                let dates = [notice, ends]
                    .into_iter()
                    .all(|path| path.is_single() && self.is_of(path, "date"));
                require(dates && *months <= 120, "endings")?;
            }
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), Problem> {
        let is_list = |path: &Path| path.is_single() && tree::allows(&tree::at(&self.schema, path), "array");
        let inside = |list: &Path, path: &Path| Path([list.0.as_slice(), &[None], &path.0].concat());
        require(self.periods.len() <= LISTS_MAX, "periods")?;
        for periods in &self.periods {
            let dates = [&periods.from, &periods.to]
                .into_iter()
                .all(|path| path.is_single() && self.is_of(&inside(&periods.list, path), "date"));
            require(is_list(&periods.list) && dates, "periods")?;
        }
        if let Some(ladder) = &self.thresholds {
            let rung = |rung: &u32| tree::allows(&tree::at(&self.schema, &ladder.rung(*rung)), "boolean");
            let fine = ladder.is_formed()
                && ladder.rungs.iter().all(rung)
                && self.is_of(&ladder.amounts, "decimal")
                && self.has_path(&ladder.per)
                && ladder.only.as_ref().is_none_or(|(path, _)| self.has_path(path));
            require(fine, "thresholds")?;
        }
        let Some(others) = &self.of_others else { return Ok(()) };
        let named = |list: &Path| is_list(list) && self.has_path(&inside(list, &others.number));
        let lists = (1..=LISTS_MAX).contains(&others.lists.len()) && others.lists.iter().all(named);
        let sums =
            others.sums.len() <= LISTS_MAX && others.sums.iter().all(|sum| sum.is_single() && self.has_path(sum));
        require(lists && sums && others.number.is_single(), "of_others")
    }

    fn is_of(&self, path: &Path, format: &str) -> bool {
        tree::has_format(&tree::at(&self.schema, path), format)
    }
}

fn wrong(member: &str) -> Problem {
    Problem::new(Code::Malformed, member)
}

fn require(holds: bool, member: &str) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(wrong(member)) }
}

/// Whether a text can name a type: 1 to 128 visible ASCII characters.
pub(crate) fn is_vct(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_label(label: &Text) -> bool {
    let fine =
        |text: &str| !text.is_empty() && text.chars().count() <= LABEL_MAX && !text.chars().any(char::is_control);
    fine(&label.nb) && fine(&label.en) && label.nn.as_deref().is_none_or(fine)
}

pub(super) fn compile(schema: &Value) -> Result<jsonschema::Validator, Problem> {
    let mut options = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(
            jsonschema::PatternOptions::regex()
                .size_limit(PATTERN_MAX)
                .dfa_size_limit(PATTERN_MAX),
        )
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .offline();
    for (name, check) in FORMATS {
        options = options.with_format(name, check);
    }
    options
        .build(schema)
        .map_err(|error| Problem::new(Code::Malformed, format!("claims: {}", error.masked())))
}

/// References leave the declaration only by these keywords; only those into the declaration itself are followed.
fn has_foreign_reference(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, value)| {
            FOREIGN.contains(&name.as_str())
                || (name == "$ref" && value.as_str().is_none_or(|to| !to.starts_with("#/$defs/")))
                || (name == "$schema" && value.as_str() != Some("https://json-schema.org/draft/2020-12/schema"))
                || has_foreign_reference(value)
        }),
        Value::Array(elements) => elements.iter().any(has_foreign_reference),
        _ => false,
    }
}

/// The reason that a value of the wrong form is refused with.
pub(super) fn reason_of(format: &str) -> &'static str {
    match format {
        "fodselsnummer" | "organisasjonsnummer" | "norsk_identifikator" | "kontonummer" | "iban" | "kid" => {
            "check_digit"
        }
        "decimal" => "decimal",
        _ => "schema",
    }
}

/// `-?\d+(\.\d{1,2})?`, at most 20 bytes.
pub(super) fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let fine = match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && fraction.len() <= 2,
        None => digits(unsigned),
    };
    fine && text.len() <= 20
}

/// `YYYY-MM`.
fn is_month(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, month)| {
        year.len() == 4
            && year.bytes().all(|byte| byte.is_ascii_digit())
            && month.len() == 2
            && month.bytes().all(|byte| byte.is_ascii_digit())
            && ("01"..="12").contains(&month)
    })
}

/// RFC 3339 with seconds, `T` and an offset; the parser itself would take more.
fn is_instant(text: &str) -> bool {
    let seconds = text.get(17..19);
    let shape = text.get(..10).is_some_and(|date| ending::date_of(date).is_some())
        && text.get(10..11) == Some("T")
        && text.get(13..14) == Some(":")
        && text.get(16..17) == Some(":")
        && seconds.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let rest = text.get(19..).unwrap_or_default();
    let zone = rest.strip_prefix('.').map_or(rest, |fraction| {
        fraction.trim_start_matches(|character: char| character.is_ascii_digit())
    });
    let zoned = zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']) && zone.get(3..4) == Some(":"));
    shape && zoned && Timestamp::parse(text).is_some()
}
