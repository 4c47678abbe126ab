//! Tests across crates, and against the real binary.
//!
//! Which kind to write when: what one function answers is tested beside it; what two machines say to each other, in the
//! roles' own tests; what a person, a peer or a power cut does to real processes, here. `process` starts them.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod ceremony;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod demo_consent;
#[cfg(test)]
mod demo_stops;
#[cfg(test)]
mod demo_trust;
#[cfg(test)]
mod field;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod forgotten;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod homes;
#[cfg(test)]
mod impostor;
#[cfg(test)]
mod intruder;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod lost_phone;
#[cfg(test)]
mod mailboxes;
#[cfg(test)]
mod nat;
#[cfg(test)]
mod network;
#[cfg(test)]
mod papers;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod process;
#[cfg(test)]
mod quick_start;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod registers;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod replacing;
#[cfg(test)]
mod scanner;
#[cfg(test)]
mod seventh_type;
#[cfg(test)]
mod spread;
#[cfg(test)]
mod stranger;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod transports;
#[cfg(test)]
mod unasked;
#[cfg(test)]
mod unlinkable;
#[cfg(test)]
mod upkeep;
#[cfg(test)]
mod volume;
#[cfg(test)]
mod vouched;
