//! The wallet against an issuer and an asker made of `credentials`: real signatures, a real store, no mocks.

mod collecting;
mod company;
mod deleting;
mod earlier;
mod epochs;
mod granting;
mod grants;
mod keeping;
mod letters;
mod papers;
mod presenting;
mod reading;
mod refreshing;
mod refusing;
mod thresholds;
mod world;
