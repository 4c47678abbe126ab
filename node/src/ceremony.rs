//! The anchors' ceremony: proposals that are carried from hand to hand, what they change, and how that is told to people.
//!
//! Nothing here has keys, a home or a clock: [`crate::service`] signs and remembers, [`crate::command`] asks.

pub mod anchors;
pub mod change;
pub mod edit;
pub mod proposal;
pub mod words;
