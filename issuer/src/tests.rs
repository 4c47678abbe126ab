//! The issuer against a real store, real keys and real proofs.

mod bulk_changes;
mod daily;
mod epochs;
mod fixture;
mod granted_types;
mod grants;
mod importing;
mod issuing;
mod notices;
mod offers;
mod refreshing;
mod states;
mod uploads;
