//! `bevis demo`: the whole network at work on one machine, told as it happens.
//!
//! The driver has no role code: every line it tells it read from a node through the public commands, and it answers for
//! people by `bevis wallet present ID`. What breaks rules is a process of its own ([`hostile`]).
//!
//! `bevis demo consent` ([`consent`]) tells of a standing consent from its yes to its end.
//!
//! `bevis demo sandbox` (`sandbox`) is for developers: a bank's node with its API, and test persons for every outcome.
//!
//! `bevis demo trust` ([`trust`]) is the other story: a list that everybody holds, and how fast changes reach everybody.

mod cast;
mod consent;
mod failures;
mod hostile;
mod liars;
mod nodes;
mod pages;
mod sandbox;
mod story;
mod teller;
mod trust;

pub use consent::run as consent;
pub use hostile::run as hostile;
pub use liars::run as liars;
pub use sandbox::run as sandbox;
pub use story::run as story;
pub use trust::run as trust;
