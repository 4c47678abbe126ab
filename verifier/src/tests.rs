//! The verifier against real signatures, real encryption and a real store.

mod asking;
mod deleting;
mod earlier;
mod grants;
mod hostile;
mod killed;
mod listing;
mod notices;
mod presenting;
mod retaining;
mod standing;
mod telling;
mod world;
