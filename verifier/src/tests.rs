//! The verifier against real signatures, real encryption and a real store.

mod asking;
mod hostile;
mod notices;
mod presenting;
mod retaining;
mod world;
