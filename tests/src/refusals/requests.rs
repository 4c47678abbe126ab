//! Requests at the wallet's door.

use super::Line;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[];
