//! The issuer against a real store, real keys and real proofs.

mod epochs;
mod fixture;
mod importing;
mod issuing;
mod offers;
mod states;
