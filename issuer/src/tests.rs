//! The issuer against a real store, real keys and real proofs.

mod daily;
mod epochs;
mod fixture;
mod importing;
mod issuing;
mod notices;
mod offers;
mod states;
