//! What a register's answer says of somebody else than the holder: it stays with the issuer.
//!
//! A sole proprietor's claims and the proprietor's own are one answer of the register under two numbers (domain S06). Who works for
//! the business sees what the business shows, so the other's must not be in it, and no sum that they are part of.

use super::Path;
use serde::{Deserialize, Serialize};

/// Lists whose elements each say whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfOthers {
    /// The lists; names only.
    pub lists: Vec<Path>,
    /// Where, in an element, the number of whom it is about stands. Only elements with the holder's number are issued.
    pub number: Path,
    /// Sums over all elements: they are not issued when an element is not.
    pub sums: Vec<Path>,
}
