//! What was typed after `bevis demo`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `demo`
#[derive(Args)]
pub struct Demo {
    /// Other things than the story
    #[command(subcommand)]
    pub part: Option<DemoPart>,
    /// TCP with Noise instead of QUIC
    #[arg(long)]
    pub tcp: bool,
    /// Keep the nine homes here (made, must be empty)
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Leave the nodes running when the story is told; Ctrl-C ends them
    #[arg(long)]
    pub stay: bool,
    /// Stop when everybody has what they need, and print a link each to the pages of the wallet, the desk and the console;
    /// Ctrl-C ends it
    #[arg(long)]
    pub open: bool,
    /// Seed of people and order; never of keys
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Persons in the registers
    #[arg(long, default_value_t = 10_000)]
    pub persons: u32,
    /// Companies in the registers
    #[arg(long, default_value_t = 1_000)]
    pub companies: u32,
    /// First root that the nodes trust instead of the demo's own; the story then stops where the trust list is refused
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// Each process in a mount namespace without the other homes (Linux, needs user namespaces)
    #[arg(long)]
    pub isolate: bool,
}

/// Parts of `demo`
#[derive(Subcommand)]
pub enum DemoPart {
    /// Write synthetic registers
    Population(Population),
    /// Tell how a lasting consent is given, used, seen and taken back, also while the bank or the source is off
    Consent(ConsentDemo),
    /// Show how a change of trust, a revocation and a bankruptcy reach every bank, with times
    Trust(TrustDemo),
    /// A bank's node with its API, and test persons for every outcome, until it is stopped
    Sandbox(SandboxDemo),
    /// A peer that does not keep the rules; the demo starts it
    #[command(hide = true)]
    Hostile(Hostile),
    /// Listed nodes that lie or are silent; `demo trust` starts them
    #[command(hide = true)]
    Liars(Liars),
}

/// `demo sandbox`
#[derive(Args)]
pub struct SandboxDemo {
    /// Folder for the bank's home and the file `env` with addresses and token (made, must be empty)
    pub folder: PathBuf,
}

/// `demo liars`: reads commands as JSON lines on stdin, answers on stdout.
#[derive(Args)]
pub struct Liars {
    /// How many
    #[arg(long)]
    pub count: usize,
    /// TCP only
    #[arg(long)]
    pub tcp: bool,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub ip: std::net::IpAddr,
    /// All of them flood: with gossip, with requests, and with answers that are false or never come
    #[arg(long)]
    pub flood: bool,
}

/// `demo consent`
#[derive(Args)]
pub struct ConsentDemo {
    /// Persons in the registers
    #[arg(long, default_value_t = 200)]
    pub persons: u32,
    /// TCP with Noise instead of QUIC
    #[arg(long)]
    pub tcp: bool,
    /// Keep the homes here (made, must be empty)
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `demo trust`
#[derive(Args)]
pub struct TrustDemo {
    /// Anchors, 3 or more
    #[arg(long, default_value_t = 5)]
    pub anchors: usize,
    /// Agencies, 4 or more; one of them is admitted in the story and one thrown out
    #[arg(long, default_value_t = 30)]
    pub agencies: usize,
    /// Banks, 2 or more
    #[arg(long, default_value_t = 114)]
    pub banks: usize,
    /// As many listed nodes more that lie or are silent; not counted in the times
    #[arg(long, default_value_t = 0)]
    pub liars: usize,
    /// TCP with Noise instead of QUIC
    #[arg(long)]
    pub tcp: bool,
    /// Keep the homes here (made, must be empty)
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `demo population`
#[derive(Args)]
pub struct Population {
    /// Persons
    #[arg(long, default_value_t = 10_000)]
    pub persons: u32,
    /// Companies
    #[arg(long, default_value_t = 1_000)]
    pub companies: u32,
    /// Seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder for the register files
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub out: PathBuf,
}

/// `demo hostile`: reads commands as JSON lines on stdin, answers on stdout.
#[derive(Args)]
pub struct Hostile {
    /// did:web of the lender it is
    #[arg(long)]
    pub did: String,
    /// Its organisasjonsnummer
    #[arg(long)]
    pub number: String,
    /// Its name
    #[arg(long)]
    pub name: String,
    /// TCP only
    #[arg(long)]
    pub tcp: bool,
}
