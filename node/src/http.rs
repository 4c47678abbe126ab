//! Pages for people and an API for a bank's own systems, on loopback.
//!
//! What every page shares is here: [`door`] is who is let in, [`guard`] what a request must be like before a handler sees it,
//! [`form`] what was typed, [`page`] how a page looks, [`problem`] how a failure is told, [`events`] how an open page hears of
//! what is new. A face of its own folder has the pages of one kind of user.
//!
//! A page has no way of its own to the roles: it carries out the same [`Command`](crate::service::Command)s as the command line.

pub mod api;
pub mod assets;
pub mod console;
pub mod desk;
pub mod door;
pub mod entrance;
pub mod events;
pub mod form;
pub mod guard;
pub mod page;
pub mod problem;
mod server;
pub mod setup;
pub mod visit;
pub mod wallet;
pub mod words;

use server::bound;
pub use server::{App, COLOURS, Server};
pub use visit::Visit;

#[cfg(test)]
pub(crate) mod tests;
