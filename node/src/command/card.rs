//! An organisation's card, as it is carried in a file.

use super::session::read_input;
use crate::error::Failure;
use crate::output::At;
use crate::service::Card;
use credentials::{Code, Problem};
use serde_json::Value;
use std::path::Path;

/// Largest card, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// Reads what `bevis whoami --json` wrote, or the card in it (`malformed`, `unsupported`).
pub(super) fn read(path: &Path) -> Result<Card, Failure> {
    let malformed = |e: serde_json::Error| Failure::because(Problem::new(Code::Malformed, "card"), e);
    let value: Value = serde_json::from_slice(&read_input(path, FILE_MAX)?).map_err(malformed)?;
    let card = match value.at("schema").as_str() {
        Some("whoami/v1") => value.at("card").clone(),
        _ => value,
    };
    if card.at("schema") != Card::SCHEMA {
        return Err(Problem::new(Code::Unsupported, "card").into());
    }
    serde_json::from_value(card).map_err(malformed)
}
