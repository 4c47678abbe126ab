//! How answers of the roles become the `--json` contract, and their errors failures of the command line.

use crate::error::Failure;
use crate::output::At;
use credentials::Code;
use serde::Serialize;
use serde_json::{Value, json};

pub(super) fn value(view: impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(view).map_err(|e| Failure::because(Code::Internal, e))
}

/// Members of answers that are instants.
const INSTANTS: &[&str] = &[
    "at",
    "valid_until",
    "collected",
    "expires",
    "issued",
    "acknowledged",
    "published",
    "registered",
    "status_at",
    "since",
    "started",
    "until",
    "reminded",
    "withdrawn",
    "ended",
    "received",
    "as_of",
    "added_at",
    "removed_at",
    "proposed_at",
];

/// Turns the instants of an answer from numbers into RFC 3339. Claims are not looked into: they stand as the register wrote them.
pub(super) fn write_instants(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(write_instants),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member.as_i64() {
                    Some(seconds) if INSTANTS.contains(&name.as_str()) => {
                        *member = json!(credentials::Timestamp::from_unix(seconds).to_string());
                    }
                    // Under `types` and `gossip` there are counts: how many were issued or published is no instant.
                    _ if ["claims", "content", "types", "gossip"].contains(&name.as_str()) => {}
                    // The next of endings is an instant; other nexts are numbers.
                    _ if name == "endings" => {
                        if let Some(seconds) = member.at("next").as_i64() {
                            member.put("next", json!(credentials::Timestamp::from_unix(seconds).to_string()));
                        }
                    }
                    _ => write_instants(member),
                }
            }
        }
        _ => {}
    }
}

/// What came of a step of the wallet, with `outcome` naming which.
pub(super) fn outcome(outcome: wallet::Outcome) -> Result<Value, Failure> {
    let mut object = match value(outcome)? {
        Value::String(name) => json!({ "outcome": name }),
        Value::Object(tagged) => match tagged.into_iter().next() {
            Some((name, Value::Object(mut inner))) => {
                inner.insert("outcome".to_owned(), json!(name));
                Value::Object(inner)
            }
            _ => return Err(Code::Internal.into()),
        },
        _ => return Err(Code::Internal.into()),
    };
    object.put("schema", json!("outcome/v1"));
    Ok(object)
}

pub(super) fn damaged(error: impl std::fmt::Display) -> Failure {
    Failure::because(Code::Damaged, error)
}

pub(in crate::service) fn wallet_failure(error: wallet::Error) -> Failure {
    if matches!(error, wallet::Error::NotFound) {
        return Code::NotFound.into();
    }
    let problem = error.problem();
    Failure::because(problem, error)
}

pub(super) fn issuer_failure(error: issuer::Error) -> Failure {
    let problem = error.problem();
    Failure::because(problem, error)
}
