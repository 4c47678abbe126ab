//! The wallet against an issuer and an asker made of `credentials`: real signatures, a real store, no mocks.

mod collecting;
mod company;
mod epochs;
mod keeping;
mod presenting;
mod refusing;
mod world;
