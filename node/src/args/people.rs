//! `person`, `record` and `issuer bulk`: who works at the pages, who did what, and what two do together.

use crate::service::Face;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// As whom a command is carried out.
#[derive(Args, Clone, Default)]
pub struct AsPerson {
    /// Do it as this person: the handle of an account
    #[arg(long = "as", id = "as_person", value_name = "HANDLE")]
    pub handle: Option<String>,
    /// File whose first line is the passphrase of that account [default: it is asked for]
    #[arg(long, value_name = "FILE", requires = "as_person")]
    pub person_passphrase_file: Option<PathBuf>,
}

/// `person`
#[derive(Subcommand)]
pub enum Person {
    /// Make an account for somebody who works at the pages
    Add {
        /// Short name that stands in the log for good: a–z, 0–9 and -, at most 32
        handle: String,
        /// Name as the pages show it
        #[arg(long)]
        name: String,
        /// Which pages; may be given twice
        #[arg(long = "face", value_enum, required = true)]
        faces: Vec<Face>,
        /// File whose first line is the passphrase of the account [default: it is asked for]
        #[arg(long, value_name = "FILE")]
        person_passphrase_file: Option<PathBuf>,
    },
    /// Every account, those that were taken away among them
    List,
    /// Take an account away; its handle is never given to somebody else
    Remove {
        /// Handle
        handle: String,
    },
    /// Give an account a new passphrase
    Passphrase {
        /// Handle
        handle: String,
        /// File whose first line is the new passphrase [default: it is asked for]
        #[arg(long, value_name = "FILE")]
        person_passphrase_file: Option<PathBuf>,
    },
}

/// `record`
#[derive(Subcommand)]
pub enum Record {
    /// The newest entries
    List {
        /// From this number backwards [default: the newest]
        #[arg(long)]
        from: Option<u64>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Walk the whole chain of hashes; exit code 3 and the number when it breaks
    Verify,
    /// Write all of it, the oldest entry first, as JSON Lines
    Export {
        /// New file
        file: PathBuf,
    },
}

/// What is done to credentials.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Change {
    /// For good.
    Revoke,
    /// Until reinstated.
    Suspend,
    /// Ends a suspension.
    Reinstate,
}

/// What the lines of a file name.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// Credential ids, as `issuer status` prints them.
    Credential,
    /// Row keys of a type.
    Row,
    /// Numbers of persons or companies.
    Subject,
}

/// `issuer bulk`
#[derive(Subcommand)]
pub enum Bulk {
    /// Propose to change everything that a file names; another person has a day to agree
    Propose {
        /// What
        #[arg(value_enum)]
        change: Change,
        /// File: one a line, or .csv with a column of that name
        #[arg(long, value_name = "FILE", required_unless_present_any = ["import", "all"])]
        from: Option<PathBuf>,
        /// What its lines name
        #[arg(long = "by", value_enum, default_value = "credential")]
        named: Named,
        /// Type of the rows, of the import, or of which all is meant
        #[arg(long = "type")]
        credential_type: Option<String>,
        /// All that this import brought (see `issuer jobs`)
        #[arg(long, value_name = "JOB", conflicts_with_all = ["from", "all"], requires = "credential_type")]
        import: Option<String>,
        /// All of the type
        #[arg(long, conflicts_with = "from", requires = "credential_type")]
        all: bool,
        /// Why; kept with each credential
        #[arg(long, default_value = "")]
        reason: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Every proposal and what became of it
    List {
        /// One of them
        bulk: Option<String>,
    },
    /// Agree to what somebody else proposed; it begins at once
    Approve {
        /// Proposal
        bulk: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Call it off; what was done stays done
    Cancel {
        /// Proposal
        bulk: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Stop it for a while
    Pause {
        /// Proposal
        bulk: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Go on with it
    Resume {
        /// Proposal
        bulk: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
}
