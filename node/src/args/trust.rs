//! What was typed after `bevis trust`.

use super::Profile;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `trust`
#[derive(Subcommand)]
pub enum Trust {
    /// Make the keys of an anchor: a home of its own, or a head key in an organisation's home
    Init(TrustInit),
    /// The anchor's public card, for whoever proposes a root
    Card(TrustCard),
    /// Write a proposal, or change one that nobody has signed
    #[command(subcommand)]
    Propose(Propose),
    /// Read what a proposal changes, and sign it
    Sign {
        /// Proposal; the signature is added to it
        file: PathBuf,
        /// Although this home has signed another of the same number, which must never be published
        #[arg(long)]
        instead: bool,
    },
    /// Make a bundle of signed proposals, with a new head where this home has a head key
    Publish {
        /// Signed proposals: a root, a list, or both; none = a new head for the list in use
        files: Vec<PathBuf>,
        /// Where to write the bundle
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Hours that the head is valid, 1 to 24
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=24))]
        hours: u32,
    },
    /// What is in use, or what a bundle or proposal says
    Show {
        /// Bundle or proposal [default: what this home uses]
        file: Option<PathBuf>,
    },
    /// What changes from one bundle to another, or by a proposal
    Diff {
        /// Bundle, or a proposal alone
        before: PathBuf,
        /// Bundle or proposal
        after: Option<PathBuf>,
    },
    /// Check every signature of a bundle, proposal or exported history from the first root on
    Verify {
        /// File
        file: PathBuf,
        /// Fingerprint of the first root [default: the one of this home]
        #[arg(long, value_name = "FINGERPRINT")]
        root: Option<String>,
    },
    /// Every version that this home has taken
    History {
        /// Write it with all documents, so that anyone can check it
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// Write the bundle that this home goes by, for a home without a network
    Export {
        /// Where to write it
        file: PathBuf,
    },
    /// Take a bundle into this home
    Import {
        /// Bundle (- = stdin)
        file: PathBuf,
        /// Fingerprint of the first root, for a home that has none; compare it with what was published
        #[arg(long, value_name = "FINGERPRINT")]
        root: Option<String>,
    },
}

/// Classes of anchors.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnchorClass {
    /// Public agency.
    Agency,
    /// Bank or insurer.
    Bank,
    /// Anybody else.
    Other,
}

/// Roles of an anchor's keys.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnchorRole {
    /// Signs roots.
    Root,
    /// Signs lists.
    List,
    /// Signs heads.
    Head,
}

/// `trust init`
#[derive(Args)]
pub struct TrustInit {
    /// Name of the anchor
    #[arg(long)]
    pub name: String,
    /// Class: signatures of two classes are needed for a root or list
    #[arg(long, value_enum)]
    pub class: AnchorClass,
    /// organisasjonsnummer
    #[arg(long)]
    pub number: Option<String>,
    /// Short word by which the root names it [default: made of the name]
    #[arg(long)]
    pub id: Option<String>,
    /// A head key too; in an organisation's home nothing else
    #[arg(long)]
    pub head: bool,
    /// Where to write the card [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How hard the passphrase is stretched
    #[arg(long, value_enum, default_value = "prod")]
    pub profile: Profile,
}

/// `trust card`
#[derive(Args)]
pub struct TrustCard {
    /// Make a new key of this role first; the old one signs until a root names the new one
    #[arg(long, value_enum, value_name = "ROLE")]
    pub new_key: Option<AnchorRole>,
    /// Where to write the card [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `trust propose`
#[derive(Subcommand)]
pub enum Propose {
    /// Who the anchors are, and how many must sign what
    Root(ProposeRoot),
    /// Who is listed, with which keys, nodes, types and services
    List(ProposeList),
}

/// What every proposal is based on.
#[derive(Args)]
pub struct Base {
    /// Proposal: made when it is not there, changed when nobody has signed it
    pub file: PathBuf,
    /// Bundle that it changes [default: what this home uses]; of a founding network the first root
    #[arg(long, value_name = "BUNDLE")]
    pub base: Option<PathBuf>,
    /// Days until it ends [default: root 366, list 90]
    #[arg(long)]
    pub days: Option<u32>,
}

/// `trust propose root`
#[derive(Args)]
pub struct ProposeRoot {
    /// What it is based on
    #[command(flatten)]
    pub base: Base,
    /// Anchor's card: admits it, or takes its new keys; may be repeated
    #[arg(long, value_name = "CARD")]
    pub anchor: Vec<PathBuf>,
    /// Anchor that leaves, by its short word; may be repeated
    #[arg(long, value_name = "ID")]
    pub without: Vec<String>,
    /// Anchors that must sign a root [default: as before; 2]
    #[arg(long, value_name = "COUNT")]
    pub root_threshold: Option<u32>,
    /// Anchors that must sign a list [default: as before; 2]
    #[arg(long, value_name = "COUNT")]
    pub list_threshold: Option<u32>,
    /// Anchors that must sign a head [default: as before; 1]
    #[arg(long, value_name = "COUNT")]
    pub head_threshold: Option<u32>,
}

/// `trust propose list`
#[derive(Args)]
#[command(group = ArgGroup::new("whose").args(["admit", "update"]))]
pub struct ProposeList {
    /// What it is based on
    #[command(flatten)]
    pub base: Base,
    /// Bundle whose list the new one goes on from, where the base has none: after anchors were replaced
    #[arg(long, value_name = "BUNDLE")]
    pub content: Option<PathBuf>,
    /// Name of the network's operator, as the list has it
    #[arg(long)]
    pub operator: Option<String>,
    /// Admit an organisation by its card (output of `bevis whoami --json`)
    #[arg(long, value_name = "CARD")]
    pub admit: Option<PathBuf>,
    /// Change a listed organisation: its new card, or its DID
    #[arg(long, value_name = "CARD|DID")]
    pub update: Option<String>,
    /// Type it may issue; may be repeated; with --update these instead of those before
    #[arg(long, requires = "whose")]
    pub issues: Vec<String>,
    /// Service it may ask under: id of a built-in one (S01) or a file; may be repeated; with --update these instead of those before
    #[arg(long, requires = "whose")]
    pub service: Vec<String>,
    /// With --update: it may issue nothing any more
    #[arg(long, requires = "update", conflicts_with = "issues")]
    pub no_issues: bool,
    /// With --update: it may ask under no service any more
    #[arg(long, requires = "update", conflicts_with = "service")]
    pub no_services: bool,
    /// Remove an organisation; may be repeated
    #[arg(long, value_name = "DID")]
    pub remove: Vec<String>,
    /// End a key at an instant (--at) [default: now]; may be repeated
    #[arg(long, value_name = "KID")]
    pub end_key: Vec<String>,
    /// A key was in wrong hands since an instant (--at) [default: now]: nothing signed by it counts; may be repeated
    #[arg(long, value_name = "KID")]
    pub compromised: Vec<String>,
    /// Instant for --end-key and --compromised (RFC 3339, UTC)
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
}
