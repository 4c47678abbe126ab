//! What was typed after `bevis api` and `bevis verifier webhook`.

use crate::tokens::{DAYS, Scope};
use clap::Subcommand;

/// `api`
#[derive(Subcommand)]
pub enum Api {
    /// Tokens by which systems show who they are
    #[command(subcommand)]
    Token(ApiToken),
}

/// `api token`
#[derive(Subcommand)]
pub enum ApiToken {
    /// Make one; it is shown once, and its hash alone is kept
    Add {
        /// What you call it: lower-case letters, digits and hyphens
        name: String,
        /// What it may do; several with commas between them
        #[arg(long, value_delimiter = ',', required = true, value_enum)]
        scope: Vec<Scope>,
        /// Days until it runs out
        #[arg(long, value_name = "DAYS", default_value_t = DAYS)]
        expires: u32,
    },
    /// Every token: name, scopes, and until when
    List,
    /// Take one away; it counts no more from now on
    Remove {
        /// Name
        name: String,
    },
}

/// `verifier webhook`
#[derive(Subcommand)]
pub enum Webhook {
    /// Send events to this address; the secret that signs them is shown once
    Add {
        /// Address that is sent to: https:// anywhere, or http:// on this machine
        url: String,
        /// Only these kinds; several with commas between them [default: all]
        #[arg(long, value_delimiter = ',', value_name = "EVENT")]
        events: Vec<String>,
    },
    /// Every address, and how it fares
    List,
    /// Send nothing there any more
    Remove {
        /// Its name
        id: String,
    },
    /// Send a test event now, and tell what was answered
    Test {
        /// Its name
        id: String,
    },
    /// Send again what could not be delivered: one event, or all
    Replay {
        /// Name of the address
        id: String,
        /// Name of the event's delivery (msg_…), as `dead` lists it
        delivery: Option<String>,
    },
    /// What could not be delivered in three days
    Dead {
        /// Only of this address
        id: Option<String>,
    },
}
