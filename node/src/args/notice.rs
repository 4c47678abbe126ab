//! What was typed after `bevis issuer notice`, `bevis verifier customers` and `bevis verifier notices`.

use clap::Subcommand;
use std::path::PathBuf;

/// `issuer notice`
#[derive(Subcommand)]
pub enum Publishing {
    /// Draft the next notice; two keys have to sign it
    Draft {
        /// What it says: JSON of C10 without number and hash (- = stdin)
        subject: PathBuf,
        /// Where to write the draft
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read a draft and sign it with this home's key; the signature is added to the file
    Sign {
        /// Draft
        file: PathBuf,
    },
    /// Publish what two keys have signed
    Publish {
        /// Signed draft
        file: PathBuf,
    },
    /// Give up the open draft
    Discard,
    /// What was published, and the open draft
    List {
        /// From this number on
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
    /// Write a checkpoint at the newest notice, for receivers who begin later; two keys sign it like a notice
    Checkpoint {
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make the key of a year, by which notices about persons are matched; two keys sign its statement like a notice
    Key {
        /// Its name: the year
        name: String,
        /// Days that it is valid, from today on
        #[arg(long, default_value_t = 400)]
        days: u32,
        /// Where to write the statement
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Destroy a key of persons' tags that no standing notice needs
    DestroyKey {
        /// Its name
        name: String,
    },
}

/// `verifier customers`
#[derive(Subcommand)]
pub enum Customers {
    /// Add customers: one number of a company or person on each line (- = stdin)
    Import {
        /// File
        file: PathBuf,
    },
    /// Remove customers, and what was matched for them
    Remove {
        /// File
        file: PathBuf,
    },
}

/// `verifier notices`
#[derive(Subcommand)]
pub enum Received {
    /// How far each register's notices are, and which customers they concern
    List,
    /// The notices of a register
    Of {
        /// did:web
        register: String,
        /// From this number on
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
    /// What is to be done for customers, in order
    Events {
        /// After the event with this number
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// Events up to this one are dealt with and are not shown again
        #[arg(long)]
        done: Option<u64>,
    },
    /// Decide between two notices that contradict each other, after asking the register by another way
    Decide {
        /// did:web
        register: String,
        /// The first number of ours that is wrong; without it ours is right
        #[arg(long)]
        wrong_from: Option<u64>,
    },
}
