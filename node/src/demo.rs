//! `bevis demo`: the whole network at work on one machine, told as it happens.
//!
//! The driver has no role code: every line it tells it read from a node through the public commands, and it answers for
//! people by `bevis wallet present ID`. What breaks rules is a process of its own ([`hostile`]).

mod cast;
mod failures;
mod hostile;
mod nodes;
mod story;
mod teller;

pub use hostile::run as hostile;
pub use story::run as story;
