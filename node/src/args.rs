//! What was typed: clap types, no logic.

mod api;
mod demo;
mod grant;
mod notice;
mod people;
mod trust;

pub use api::{Api, ApiToken, Webhook};
pub use demo::{ConsentDemo, Demo, DemoPart, Hostile, Liars, Population, SandboxDemo, TrustDemo};
pub use grant::Grants;
pub use notice::{Customers, Publishing, Received};
pub use people::{AsPerson, Bulk, Change, Named, Person, Record};
pub use trust::{AnchorClass, AnchorRole, Base, Propose, ProposeList, ProposeRoot, Trust, TrustCard, TrustInit};

use crate::config::Transport;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Verifiable credentials from wallet to verifier, peer to peer.
#[derive(Parser)]
#[command(name = "bevis", version, propagate_version = true, max_term_width = 110)]
pub struct Bevis {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// Flags of every command.
#[derive(Args, Clone)]
pub struct Global {
    /// Home folder of the node or wallet [default: the user's data folder]
    #[arg(long, global = true, env = "BEVIS_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Language of texts for people: nb, nn or en [default: the home's]
    #[arg(long, global = true, value_name = "LANG", value_parser = ["nb", "nn", "en"])]
    pub lang: Option<String>,
    /// One JSON object per command on stdout (a versioned contract)
    #[arg(long, global = true)]
    pub json: bool,
    /// No talk on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Never ask; what would be asked must come by flags or files
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Answer yes to what a person would be asked; the text is printed all the same
    #[arg(long, global = true)]
    pub yes: bool,
    /// File whose first line is the passphrase ($CREDENTIALS_DIRECTORY/passphrase is read too)
    #[arg(long, global = true, env = "BEVIS_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Log level or filter (error, warn, info, debug, trace)
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<String>,
}

/// What to do.
#[derive(Subcommand)]
pub enum Action {
    /// Show the whole network at work: nine processes, one story
    Demo(Demo),
    /// Make a home: keys, sealed store, commented configuration
    Init(Init),
    /// Run the node of this home until it is stopped
    Serve(Serve),
    /// A link that opens the pages of the running node; it works once
    Login {
        /// Account of the person, at an organisation's node
        #[arg(long, value_name = "HANDLE")]
        person: Option<String>,
    },
    /// Who this node is: the card by which anchors list it
    Whoami,
    /// Check the node; a remedy on every line that is not well
    Doctor(Doctor),
    /// The running node
    #[command(subcommand)]
    Node(Node),
    /// Who vouches for whom: the root, the list and its head
    #[command(subcommand)]
    Trust(Trust),
    /// The signing keys of this organisation
    #[command(subcommand)]
    Keys(Keys),
    /// An agency's work: registers, offers, revocation
    #[command(subcommand)]
    Issuer(Issuer),
    /// A person's or company's credentials
    #[command(subcommand)]
    Wallet(Wallet),
    /// A bank's work: ask, watch, check
    #[command(subcommand)]
    Verifier(Verifier),
    /// The API for a bank's own systems: who may use it
    #[command(subcommand)]
    Api(Api),
    /// The description of the API (OpenAPI 3.1)
    Openapi,
    /// Accounts of those who work at an organisation's pages
    #[command(subcommand)]
    Person(Person),
    /// Who did what in this home
    #[command(subcommand)]
    Record(Record),
    /// Sealed copies of a home
    #[command(subcommand)]
    Backup(Backup),
    /// The configuration
    #[command(subcommand)]
    Config(Config),
    /// Bring the home's data to the format of this version; a sealed copy is made first
    Migrate(Migrate),
    /// Write what helps whoever looks for a fault, without names, numbers, keys and claims
    Bugreport {
        /// New file (- = stdout)
        file: PathBuf,
    },
    /// Print the completion of a shell
    Completion {
        /// Shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command
    Man {
        /// Folder, made where it is missing; without it the overview goes to stdout
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// `migrate`
#[derive(Args)]
pub struct Migrate {
    /// Only say what would be done; needs no passphrase, also while the node runs
    #[arg(long)]
    pub dry_run: bool,
}

/// Roles.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Holds credentials.
    Wallet,
    /// Issues credentials.
    Issuer,
    /// Asks for presentations.
    Verifier,
    /// Keeps mailboxes for wallets and organisations that are off.
    Mailbox,
    /// Vouches for others (use `trust init`).
    Anchor,
}

/// How hard the passphrase is stretched.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Argon2id with 64 MiB and three passes.
    Prod,
    /// Quick, for tests only.
    Test,
}

/// `init`
#[derive(Args)]
pub struct Init {
    /// Role; may be given more than once for an organisation that both issues and asks
    #[arg(long, value_enum, required_unless_present = "second_key")]
    pub role: Vec<Role>,
    /// Make the home of one more key of this organisation (its card), which signs notices second; it is no node
    #[arg(
        long,
        value_name = "CARD",
        conflicts_with_all = ["role", "did", "number", "name", "issues", "organisation", "listen", "transport"]
    )]
    pub second_key: Option<PathBuf>,
    /// did:web of the organisation
    #[arg(long)]
    pub did: Option<String>,
    /// organisasjonsnummer of the organisation
    #[arg(long)]
    pub number: Option<String>,
    /// Registered name of the organisation
    #[arg(long)]
    pub name: Option<String>,
    /// Credential type that is issued (C02, MonthlyIncome or its vct); may be repeated
    #[arg(long)]
    pub issues: Vec<String>,
    /// For a company's wallet: its organisasjonsnummer
    #[arg(long)]
    pub organisation: Option<String>,
    /// Where the node listens, ip:port; port 0 = the system picks once
    #[arg(long)]
    pub listen: Vec<String>,
    /// Transport
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
    /// The first root of the network (a root, or a bundle that begins with it) [default: share/bevis/root.json of the package]
    #[arg(long, env = "BEVIS_ROOT", value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// Serve pages (and an organisation's API) here; ip:port of loopback, port 0 = the system picks at each start
    #[arg(long, value_name = "ADDR", conflicts_with = "second_key")]
    pub pages: Option<String>,
    /// What the pages are called: several wallets on one machine are told apart by it
    #[arg(long, value_name = "NAME", requires = "pages")]
    pub pages_name: Option<String>,
    /// Colour of the pages: blue, green, purple, orange or grey
    #[arg(long, value_name = "COLOUR", requires = "pages")]
    pub pages_colour: Option<String>,
    /// How hard the passphrase is stretched
    #[arg(long, value_enum, default_value = "prod")]
    pub profile: Profile,
}

/// `serve`
#[derive(Args)]
pub struct Serve {
    /// End when standard input closes (the process that started this one is gone)
    #[arg(long, hide = true)]
    pub with_parent: bool,
    /// Transport, over the configuration's
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
    /// Where the pages of a wallet on this machine are, over the configuration's
    #[arg(long, value_name = "URL")]
    pub wallet_pages: Option<String>,
    /// Serve pages at this loopback address, over the configuration's. Where there is no home, a page brings one back from a backup
    #[arg(long, value_name = "ADDRESS")]
    pub pages: Option<String>,
}

/// `doctor`
#[derive(Args)]
pub struct Doctor {
    /// Warnings count as failures
    #[arg(long)]
    pub strict: bool,
    /// Put right first what is safe to: who may open the home's files
    #[arg(long)]
    pub fix: bool,
}

/// `keys`
#[derive(Subcommand)]
pub enum Keys {
    /// Every key with its window, and which one signs
    List,
    /// Make the next key; it signs once the trust list names it
    Rotate {
        /// When it becomes valid (RFC 3339, UTC) [default: now]
        #[arg(long, value_name = "INSTANT")]
        from: Option<String>,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Agree to a key that somebody else proposed, where `issuer.two_persons` is set
    Approve {
        /// Proposal, as `keys list` shows it
        proposal: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Call off a key that was proposed
    Cancel {
        /// Proposal
        proposal: String,
        /// Who
        #[command(flatten)]
        person: AsPerson,
    },
    /// Add this home's keys to the organisation's card, for the anchors: the home of a second key has no node of its own
    Join {
        /// Card of the organisation's node; the keys are added to the file
        card: PathBuf,
    },
}

/// `node`
#[derive(Subcommand)]
pub enum Node {
    /// The same as `serve`
    Run(Serve),
    /// Addresses, trust, mirrored status lists
    Status,
    /// Peers, and bytes by protocol
    Peers,
    /// Greet an organisation's node
    Ping {
        /// did:web
        did: String,
    },
    /// Figures for Prometheus, in its text format
    Metrics,
    /// What should never happen and did, such as two trust lists of one version
    Alarms {
        /// One of them, with its evidence
        id: Option<String>,
        /// Note that you have looked at it: doctor is silent about it, and its evidence is kept
        #[arg(long, requires = "id")]
        dismiss: bool,
    },
    /// Wait until a version is in effect here, and tell when it took effect
    ///
    /// For measuring. --kind trust takes --id ROOT.LIST.HEAD, status takes URI@VERSION, notice takes DID@NUMBER. The answer is
    /// the instant in milliseconds since 1970 at which that version or a later one took effect in the running node.
    #[command(hide = true)]
    Seen {
        /// trust, status or notice
        #[arg(long)]
        kind: String,
        /// Which
        #[arg(long)]
        id: String,
        /// Longest time to wait, in seconds (at most 120)
        #[arg(long, default_value_t = 60)]
        wait: u32,
    },
    /// The certificate that ties this node to its organisation
    Certificate {
        /// Make a new one now
        #[arg(long)]
        renew: bool,
    },
}

/// What revocation is about.
#[derive(Args)]
pub struct Subject {
    /// Credential id, as `issuer status` prints it
    pub id: Option<String>,
    /// All credentials of a person or company (lost device); - reads the number from stdin
    #[arg(long, conflicts_with = "id")]
    pub subject: Option<String>,
    /// Row of a register, with --type
    #[arg(long, conflicts_with_all = ["id", "subject"], requires = "type")]
    pub row: Option<String>,
    /// Type of the row
    #[arg(long)]
    pub r#type: Option<String>,
    /// Why; kept in the issuer's log
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// `issuer`
#[derive(Subcommand)]
pub enum Issuer {
    /// Import a register: JSON Lines, or CSV with a header
    Import {
        /// Type of its rows
        #[arg(long = "type")]
        credential_type: String,
        /// File; .csv or .jsonl
        file: PathBuf,
        /// Validate only
        #[arg(long)]
        dry_run: bool,
    },
    /// Prepare deliveries of a type ahead
    Prepare {
        /// Type
        #[arg(long = "type")]
        credential_type: String,
    },
    /// An invitation to collect; with an activation code where the type wants one
    Offer {
        /// Type
        #[arg(long = "type")]
        credential_type: String,
        /// Person number for a personal offer; - reads it from stdin
        #[arg(long)]
        subject: Option<String>,
    },
    /// Revoke for good
    Revoke(Subject),
    /// Suspend until reinstated
    Suspend(Subject),
    /// End a suspension
    Reinstate(Subject),
    /// Many at once, by two persons
    #[command(subcommand)]
    Bulk(Bulk),
    /// Publish the endings that wait for today's publication now
    Publish,
    /// Counts and status lists, or what was issued of a type, person or row
    Status(Subject),
    /// Write a status list as W3C Bitstring status list credential
    Bitstring {
        /// URI of the list, as `issuer status` names it
        list: String,
        /// The suspensions instead of the revocations
        #[arg(long)]
        suspension: bool,
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Bankruptcy notices: numbered, signed by two keys, told to everybody
    #[command(subcommand)]
    Notice(Publishing),
    /// Imports
    Jobs,
    /// Credential types this build and home know
    Types,
}

/// `wallet`
#[derive(Subcommand)]
pub enum Wallet {
    /// Take a bevis: text: an offer, a request, or one from another wallet (- = stdin)
    Receive {
        /// Text
        link: String,
        /// File with the activation code
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
    },
    /// What is held
    List,
    /// One credential with its claims
    Show {
        /// Id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// What waits for your decision
    Requests,
    /// Show a request and say yes
    Present {
        /// Request
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Say no
    Refuse {
        /// Request
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Standing consents that you have given, and each use of them
    Grants {
        /// Ask their sources first how they were used
        #[arg(long)]
        ask: bool,
        /// Ask this source (DID) what you have granted there, also with a wallet that is lost: you show it who you are
        #[arg(long, value_name = "DID", requires = "type_name", conflicts_with = "ask")]
        from: Option<String>,
        /// Type that was granted (C04)
        #[arg(long = "type", id = "type_name", requires = "from")]
        type_name: Option<String>,
        /// Take back this one of those it showed, by its name; may be repeated
        #[arg(long, value_name = "NAME", requires = "from", allow_hyphen_values = true)]
        end: Vec<String>,
    },
    /// With whom this wallet has mailboxes, who keeps them, and what is on its way
    Post,
    /// Fetch what was left in this wallet's mailboxes (a running wallet does so by itself)
    Fetch,
    /// Take a standing consent back; it counts at once
    Withdraw {
        /// Id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// What happened; and from each entry: its receipt, a request for deletion, a report
    History {
        /// What to do with an entry
        #[command(subcommand)]
        what: Option<Entry>,
    },
    /// Delete a credential
    Delete {
        /// Id
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Everything that is yours, as one JSON document (no private keys)
    Export {
        /// File
        file: PathBuf,
    },
    /// Go on with what was begun before a restart
    Resume,
    /// A sealed copy of this wallet
    Backup {
        /// New file
        file: PathBuf,
    },
    /// A wallet from a sealed copy, into an empty home
    Restore {
        /// File
        file: PathBuf,
    },
}

/// `wallet history`
#[derive(Subcommand)]
pub enum Entry {
    /// The receipt that both sides hold, as JSON-LD (ISO/IEC TS 27560, W3C DPV)
    Export {
        /// Number of the entry
        entry: u64,
        /// Form
        #[arg(long, default_value = "json-ld", value_parser = ["json-ld"])]
        format: String,
    },
    /// Ask whoever was shown it to erase it; a standing consent is taken back by this
    DeleteRequest {
        /// Number of the entry
        entry: u64,
    },
    /// Write a report to the supervisory authority, with all papers in it
    Report {
        /// Number of the entry
        entry: u64,
        /// New file for the signed report; what it says stands beside it, in FILE.txt
        file: PathBuf,
        /// What you want to say (- = stdin)
        #[arg(long, default_value = "")]
        complaint: String,
    },
}

/// `verifier`
#[derive(Subcommand)]
pub enum Verifier {
    /// Ask a customer under a registered service
    Request {
        /// Service (S01)
        #[arg(long)]
        service: String,
        /// Your case
        #[arg(long)]
        case: String,
        /// The customer's number; - reads it from stdin
        #[arg(long)]
        subject: String,
        /// Only this type; may be repeated
        #[arg(long = "type")]
        types: Vec<String>,
        /// Only this claim path (a.b[].c); may be repeated
        #[arg(long = "claim")]
        claims: Vec<String>,
        /// Seconds the request lives
        #[arg(long)]
        seconds: Option<i64>,
        /// Show a QR code too
        #[arg(long)]
        qr: bool,
        /// Ask the wallet to say where it can be written to later, also when it is off
        #[arg(long)]
        pair: bool,
        /// Leave the request in the customer's mailbox; it lives as long as the service allows, at most seven days
        #[arg(long, conflicts_with = "pair")]
        mailbox: bool,
    },
    /// Wait for the verdict of a session
    Watch {
        /// Session
        #[arg(allow_hyphen_values = true)]
        session: String,
        /// Give up after so many seconds
        #[arg(long, default_value_t = 120)]
        seconds: u64,
    },
    /// Check a credential's text on its own (- = stdin)
    Check {
        /// File
        file: PathBuf,
    },
    /// Sessions, or one with all its checks
    Sessions {
        /// Session
        #[arg(allow_hyphen_values = true)]
        session: Option<String>,
    },
    /// The receipt that both sides hold, of a session or (--grant) of a grant, as JSON-LD (ISO/IEC TS 27560, W3C DPV)
    Receipt {
        /// Session, or name of a grant
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// It is the name of a grant
        #[arg(long)]
        grant: bool,
    },
    /// Whose bankruptcy notices concern you
    #[command(subcommand)]
    Customers(Customers),
    /// Bankruptcy notices that were received, and which customers they concern
    #[command(subcommand)]
    Notices(Received),
    /// Standing grants: ask for them, fetch under them
    #[command(subcommand)]
    Grants(Grants),
    /// Where events are sent, signed as Standard Webhooks has it
    #[command(subcommand)]
    Webhook(Webhook),
}

/// `backup`
#[derive(Subcommand)]
pub enum Backup {
    /// Write one
    Create {
        /// New file
        file: PathBuf,
    },
    /// Check one
    Verify {
        /// File
        file: PathBuf,
    },
    /// Restore one into an empty home
    Restore {
        /// File
        file: PathBuf,
        /// In the place of damaged data, which is kept beside it
        #[arg(long)]
        set_aside: bool,
    },
}

/// `config`
#[derive(Subcommand)]
pub enum Config {
    /// Values in force
    Show {
        /// Where each comes from
        #[arg(long)]
        origin: bool,
    },
    /// Whether the file is valid
    Check,
    /// Where the file is
    Path,
    /// Every key with its form, default and meaning; with --json as JSON Schema too
    Schema,
}
