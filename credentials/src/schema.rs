//! Credential types as data: JSON Schema, disclosure class per field, labels, validity, who may hold it.
//!
//! A type is one JSON file (`credentials/types/*.json`, or a file dropped into a node's `types/` folder). Nothing in this
//! workspace names a single type in code.

mod csv;
mod declaration;
mod ending;
mod notice;
mod others;
mod path;
mod period;
mod row;
mod threshold;
mod tree;
mod types;

#[cfg(test)]
mod tests;

pub(crate) use declaration::is_vct;
pub use notice::NoticeType;
pub use others::OfOthers;
pub(crate) use path::any_at;
pub use path::{Path, only, values_at};
pub use period::Periods;
pub use row::{Claims, Row, RowError};
pub use threshold::Thresholds;
pub use types::Types;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Largest register row, in bytes of JSON.
pub const ROW_MAX: usize = 64 * 1024;
/// Largest declaration of a type.
pub const DECLARATION_MAX: usize = 256 * 1024;

/// Disclosure class of a field (domain §0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// Always shown.
    A,
    /// Shown selectively.
    S,
    /// Only as a derived answer; in this version it is shown selectively like S when a type declares it.
    D,
    /// Never leaves the issuer through a wallet.
    X,
}

/// A text in the three languages; `nb` and `en` always there, `nn` falls back to `nb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Bokmål
    pub nb: String,
    /// Nynorsk
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nn: Option<String>,
    /// English
    pub en: String,
}
impl Text {
    /// The text in a language (`nb`, `nn`, `en`; anything else gives `nb`).
    pub fn get(&self, language: &str) -> &str {
        match language {
            "en" => &self.en,
            "nn" => self.nn.as_deref().unwrap_or(&self.nb),
            _ => &self.nb,
        }
    }
}

/// Who can hold credentials of a type, and how the holder proves who they are when collecting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Person or company.
    pub kind: HolderKind,
    /// Where the holder's number (fødselsnummer or organisasjonsnummer) stands in a register row.
    pub number: Path,
    /// How the holder proves who they are.
    pub proof: HolderProof,
}
/// Person or company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HolderKind {
    /// A natural person.
    Person,
    /// A legal person.
    Company,
}
/// How a holder proves who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HolderProof {
    /// With an activation code delivered outside the network.
    ActivationCode,
    /// By presenting a credential whose claim at `path` equals the holder's number.
    Credential {
        /// Its type.
        vct: String,
        /// The claim that carries the number.
        path: Path,
    },
    /// For a company: a person presents `vct`, and the number at `path` must have one of `roles` in the row:
    /// an entry of the row's list `entries` whose `person_number` (class X) equals it, whose `role` is one of `roles` and which is `active`.
    Role {
        /// Type of the person's credential.
        vct: String,
        /// Claim with the person number.
        path: Path,
        /// Where the person numbers of role holders stand in the row (class X), for example `rollegrupper[].roller[].person.fodselsnummer`.
        person: Path,
        /// Where the role code stands, relative to the same list element: `rollegrupper[].roller[].type.kode`.
        role: Path,
        /// Boolean path that must not be true: `rollegrupper[].roller[].avregistrert`.
        ended: Path,
        /// Boolean path that must not be true, where the register says whether the person has died:
        /// `rollegrupper[].roller[].person.erDoed`.
        #[serde(default)]
        deceased: Option<Path>,
        /// Allowed role codes.
        roles: Vec<String>,
    },
}

/// How long a credential of this type is valid, from the day it is issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// So many days.
    Days(u16),
    /// To the end of the next day (UTC).
    EndOfNextDay,
    /// To the end of the 10th of the next month (UTC).
    TenthOfNextMonth,
}

/// When the copies of a type are replaced: each time at an instant that the wallet draws when it gets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// Not before so many seconds have passed.
    pub after_seconds: u32,
    /// And within so many more, each instant as likely as any other.
    pub within_seconds: u32,
    /// Days after which somebody has to prove who they are again.
    pub chain_days: u16,
}

/// What a register row's own content does to the credential (domain S09).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// All these paths must have these string values; `*` is any value, as long as there is one.
    pub when: Vec<(Path, String)>,
    /// What then happens.
    pub effect: Effect,
}
/// What an [`Ending`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Issued credentials of the row are revoked at once and none is issued any more.
    Revoke,
    /// The credential stays valid until the date at `ends`, is marked `terminated_pending` in verdicts, and the row is
    /// refused when `ends` is earlier than `months` months after the date at `notice`.
    Notice {
        /// Date of notice.
        notice: Path,
        /// Last day.
        ends: Path,
        /// Least months between.
        months: u8,
    },
    /// What is shown says that notice was given, but not how it runs: the credential's own `exp` ends it, and verdicts are
    /// marked `terminated_pending`. A row is not concerned.
    Pending,
    /// The row itself is refused: this may not be.
    Refuse,
}

/// One field of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Where.
    pub path: Path,
    /// How it may be shown.
    pub class: Class,
    /// What people call it.
    pub label: Text,
    /// Special category (health by inference): the screen sets it apart.
    #[serde(default)]
    pub sensitive: bool,
    /// Texts at this path that make what they stand beside a special category (the disability line of a tax assessment).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive_values: Vec<String>,
}

/// A credential type. Built from JSON by [`CredentialType::parse`] only, so that what is in it has been checked.
pub struct CredentialType {
    /// `C02`.
    pub id: String,
    /// `MonthlyIncome`.
    pub name: String,
    /// `urn:bevis:MonthlyIncome:1`, or `urn:eudi:pid:1`.
    pub vct: String,
    /// For people.
    pub label: Text,
    /// Who holds it.
    pub holder: Holder,
    /// Paths that together name one row of the register (one credential each).
    pub row_key: Vec<Path>,
    /// How many rows of one holder are delivered at once: 1 to 8.
    pub rows: u16,
    /// How long it is valid.
    pub validity: Validity,
    /// How many once-only copies a wallet gets: 1 to 64, and at most 64 with all rows counted.
    pub copies: u16,
    /// When a wallet has its copies replaced; never, where there is none.
    pub refresh: Option<Refresh>,
    /// Where the as-of time stands, if the type has one (`ajourholdstidspunkt`); rounded to the day in copies.
    pub as_of: Option<Path>,
    /// Name in the register → name in the credential, for members of the row that SD-JWT VC reserves (`status`).
    /// Every path, query and label uses the name in the credential.
    pub names: BTreeMap<String, String>,
    /// Fields with class and label. A path not listed has the class of the nearest listed path above it, else S.
    pub fields: Vec<Field>,
    /// Endings, tried in order; the first that matches counts.
    pub endings: Vec<Ending>,
    /// Lists whose elements have a first and a last day.
    pub periods: Vec<Periods>,
    /// Lists of which only the holder's own elements are issued.
    pub of_others: Option<OfOthers>,
    /// Answers "at least so much" that the issuer works out.
    pub thresholds: Option<Thresholds>,
    /// The JSON Schema of a register row (class X fields included, names as in the credential).
    pub schema: Value,
    validator: jsonschema::Validator,
    shown: jsonschema::Validator,
}

impl std::fmt::Debug for CredentialType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialType({})", self.vct)
    }
}

impl CredentialType {
    /// Class of a path.
    pub fn class(&self, path: &Path) -> Class {
        self.nearest(path).map_or(Class::S, |field| field.class)
    }

    /// Label of a path, or its last name when none is declared.
    pub fn label(&self, path: &Path, language: &str) -> String {
        let mut names = path.0.as_slice();
        while let Some((None, above)) = names.split_last() {
            names = above;
        }
        let declared = |field: &&Field| field.path.0 == path.0 || field.path.0 == names;
        match self.fields.iter().find(declared) {
            Some(field) => field.label.get(language).to_owned(),
            None => names.last().cloned().flatten().unwrap_or_default(),
        }
    }

    /// Whether the type has this path at all.
    pub fn has_path(&self, path: &Path) -> bool {
        !path.0.is_empty() && !tree::at(&self.schema, path).is_empty()
    }

    /// How many members of an object at a path can be concealed: as many digests every such object has, with decoys.
    pub(crate) fn concealable(&self, path: &Path) -> usize {
        let schemas = tree::at(&self.schema, path);
        let members = schemas
            .iter()
            .filter_map(|schema| schema.get("properties")?.as_object());
        let names: BTreeSet<&String> = members.flat_map(|members| members.keys()).collect();
        let is_concealed = |name: &&&String| {
            let mut inner = path.clone();
            inner.0.push(Some((**name).clone()));
            match self.fields.iter().find(|field| field.path == inner) {
                Some(field) => matches!(field.class, Class::S | Class::D),
                // What is not listed stays as a frame where it has members, and is what is above it where it has none.
                None => {
                    let schemas = tree::at(&self.schema, &inner);
                    let is_frame = tree::allows(&schemas, "object") || tree::allows(&schemas, "array");
                    !is_frame && matches!(self.class(&inner), Class::S | Class::D)
                }
            }
        };
        names.iter().filter(is_concealed).count()
    }

    /// Whether a value at a path is of a special category (health by inference): by its field, or by what it says.
    pub fn is_sensitive(&self, path: &Path, value: &Value) -> bool {
        self.fields.iter().any(|field| {
            (field.sensitive && field.path.covers(path))
                || (field.path == *path
                    && value
                        .as_str()
                        .is_some_and(|text| field.sensitive_values.iter().any(|listed| listed == text)))
        })
    }

    /// Whether a claim that is not known yet may be of a special category: by its field, by one below it, or by what it may say.
    pub fn may_be_sensitive(&self, path: &Path) -> bool {
        self.fields.iter().any(|field| {
            let is_telling = field.sensitive || !field.sensitive_values.is_empty();
            is_telling && (field.path.covers(path) || path.covers(&field.path))
        })
    }

    /// Whether a person with `number` has a role that opens the company's wallet ([`HolderProof::Role`]).
    pub fn has_role(&self, row: &Row, number: &str) -> bool {
        let HolderProof::Role {
            person,
            role,
            ended,
            deceased,
            roles,
            ..
        } = &self.holder.proof
        else {
            return false;
        };
        let (element, person) = person.split_at_last_element();
        let inside = |path: &Path| Path(path.0.iter().skip(element.0.len()).cloned().collect());
        let role = inside(role);
        let voids: Vec<Path> = std::iter::once(ended).chain(deceased).map(inside).collect();
        values_at(row.value(), &element).into_iter().any(|entry| {
            let is = |path: &Path, text: &str| values_at(entry, path).iter().any(|value| value.as_str() == Some(text));
            is(&person, number)
                && roles.iter().any(|code| is(&role, code))
                && !voids
                    .iter()
                    .flat_map(|path| values_at(entry, path))
                    .any(|value| *value != Value::Bool(false))
        })
    }

    fn nearest(&self, path: &Path) -> Option<&Field> {
        self.fields
            .iter()
            .filter(|field| field.path.covers(path))
            .max_by_key(|field| field.path.0.len())
    }
}
