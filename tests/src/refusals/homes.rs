//! The home and the machine below it.

use super::Line;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[];
