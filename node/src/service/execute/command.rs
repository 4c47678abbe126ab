//! The commands for an open home, as they cross the local socket.

use super::{Notice, System};
use crate::service::{AnchorName, Confided, Effect, Face, Hook};
use credentials::schema::Path;
use credentials::status::State;
use credentials::trust::{Fingerprint, Role};
use credentials::{Did, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A command for an open home. It has no `Debug`: activation codes and person numbers pass through it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Who this node is.
    Whoami,
    /// A link to the pages that lets somebody in once.
    Login {
        /// Account, at an organisation's node.
        person: Option<String>,
    },
    /// State of the node: addresses, trust, mirrored lists.
    Status,
    /// Peers and what crossed, by protocol.
    Peers,
    /// Checks with a remedy each.
    Doctor,
    /// Greets an organisation's node.
    Ping {
        /// Whom.
        did: Did,
    },
    /// Figures in Prometheus' text format.
    Metrics,
    /// What should never happen and did.
    Alarms {
        /// One, with its evidence.
        id: Option<String>,
        /// Somebody has looked at it.
        dismiss: bool,
    },
    /// Waits until something is in effect here.
    Seen {
        /// What.
        effect: Effect,
        /// Longest time, in seconds; at most [`crate::service::WAIT_MAX`].
        wait_seconds: u32,
    },
    /// Another command, as the person whose account this is.
    As {
        /// Handle.
        handle: String,
        /// Passphrase of the account.
        passphrase: Confided,
        /// What they have done.
        what: Box<Command>,
    },
    /// Makes an account.
    PersonAdd {
        /// Handle.
        handle: String,
        /// Name as it is shown.
        name: String,
        /// Which pages.
        faces: BTreeSet<Face>,
        /// Passphrase.
        passphrase: Confided,
    },
    /// Every account.
    People,
    /// Takes an account away.
    PersonRemove {
        /// Handle.
        handle: String,
    },
    /// Gives an account a new passphrase.
    PersonPassphrase {
        /// Handle.
        handle: String,
        /// Passphrase.
        passphrase: Confided,
    },
    /// Who did what, some entries at a time.
    Record {
        /// From this number on; the newest, or with `forward` the oldest, when none is given.
        from: Option<u64>,
        /// At most so many; [`crate::service::RECORD_PAGE_MAX`] at most.
        limit: u32,
        /// The oldest first.
        #[serde(default)]
        forward: bool,
    },
    /// Whether that log is whole.
    RecordVerify,
    /// Takes a bundle.
    TrustImport {
        /// Its text.
        text: String,
        /// Fingerprint of the first root, for a home that has none.
        root: Option<Fingerprint>,
    },
    /// What this home goes by.
    TrustShow,
    /// The same as a bundle, for a home without a network.
    TrustExport,
    /// Fingerprint of the first root.
    TrustRoot,
    /// What a proposal of this home rests on.
    TrustBase,
    /// Versions that were taken, some at a time.
    TrustHistory {
        /// From this number on; the first is 1.
        from: u64,
        /// With their documents.
        export: bool,
    },
    /// Makes an organisation's home an anchor's too.
    TrustAnchor {
        /// Who it is.
        name: AnchorName,
    },
    /// The anchor's card.
    TrustCard {
        /// A new key of this role first.
        new_key: Option<Role>,
    },
    /// What a proposal changes.
    TrustExamine {
        /// Proposal.
        proposal: String,
    },
    /// Signs a proposal.
    TrustSign {
        /// Proposal.
        proposal: String,
        /// Hash of its content, as it was shown.
        hash: String,
        /// Although another of the same number is signed.
        instead: bool,
    },
    /// Makes a bundle.
    TrustPublish {
        /// Proposals, or a bundle.
        files: Vec<String>,
        /// Hours that the head is valid.
        hours: u32,
    },
    /// The organisation's signing keys.
    Keys,
    /// Makes the next signing key.
    KeysRotate {
        /// When it becomes valid.
        from: Option<Timestamp>,
    },
    /// The second person's yes to a signing key that was proposed.
    KeysApprove {
        /// Proposal.
        proposal: String,
    },
    /// Calls that off.
    KeysCancel {
        /// Proposal.
        proposal: String,
    },
    /// The node certificate.
    Certificate {
        /// A new one first.
        renew: bool,
    },
    /// Begins or resumes an import.
    ImportStart {
        /// Type.
        credential_type: String,
        /// SHA-256 of the file.
        file: [u8; 32],
        /// Header line of a CSV file.
        header: Option<String>,
        /// Validate only.
        dry_run: bool,
    },
    /// Rows of an import.
    ImportLines {
        /// Job.
        job: String,
        /// Line number and text.
        lines: Vec<(u64, String)>,
    },
    /// Ends an import.
    ImportFinish {
        /// Job.
        job: String,
    },
    /// Imports so far.
    Jobs,
    /// One import, with how fast it goes.
    Job {
        /// Job.
        id: String,
    },
    /// Lines of an import or a bulk change that were not taken, with their text.
    JobRejected {
        /// Import or bulk change.
        id: String,
        /// From this line number on.
        from: u64,
        /// At most so many.
        limit: usize,
    },
    /// Stops an import for a while, whoever feeds it.
    ImportPause {
        /// Job.
        job: String,
    },
    /// Goes on with one that was stopped.
    ImportResume {
        /// Job.
        job: String,
    },
    /// Begins to take a file into the sealed store.
    UploadStart,
    /// The next part of it.
    UploadPart {
        /// File.
        upload: String,
        /// Number of the part, from 0.
        number: u64,
        /// Bytes; at most [`issuer::UPLOAD_PART_MAX`].
        bytes: Vec<u8>,
    },
    /// Ends a file.
    UploadFinish {
        /// File.
        upload: String,
    },
    /// Files that were taken whole and wait for a yes or a no.
    Uploads,
    /// Erases a file that is not wanted any more.
    UploadDiscard {
        /// File.
        upload: String,
    },
    /// Begins the import of a file that was taken whole; it goes on by itself.
    ImportUpload {
        /// File.
        upload: String,
        /// Type.
        credential_type: String,
        /// It is CSV, with a header; else JSON Lines.
        csv: bool,
        /// Validate only; the file stays for the import.
        dry_run: bool,
    },
    /// Begins a bulk change.
    BulkStart {
        /// To which state.
        state: State,
        /// Why; kept with each credential.
        reason: String,
        /// What its lines name.
        names: issuer::Names,
        /// Type, where they name rows.
        credential_type: Option<String>,
        /// Header line of a CSV file.
        header: Option<String>,
    },
    /// Lines of its file.
    BulkLines {
        /// Bulk change.
        bulk: String,
        /// Line number and text.
        lines: Vec<(u64, String)>,
    },
    /// Begins a bulk change of all that one import brought, or of all of a type, and proposes it.
    BulkSelect {
        /// To which state.
        state: State,
        /// Why.
        reason: String,
        /// Type.
        credential_type: String,
        /// The import; none = all of the type.
        import: Option<String>,
    },
    /// Proposes a bulk change whose file was looked at.
    BulkPropose {
        /// Bulk change.
        bulk: String,
    },
    /// Every bulk change that is remembered.
    Bulks,
    /// One of them.
    Bulk {
        /// Bulk change.
        bulk: String,
    },
    /// The second person's yes.
    BulkApprove {
        /// Bulk change.
        bulk: String,
    },
    /// Calls one off.
    BulkCancel {
        /// Bulk change.
        bulk: String,
    },
    /// Stops one for a while.
    BulkPause {
        /// Bulk change.
        bulk: String,
    },
    /// Goes on with one that was stopped.
    BulkResume {
        /// Bulk change.
        bulk: String,
    },
    /// Prepares rows for delivery.
    Prepare {
        /// Type.
        credential_type: String,
        /// At most so many.
        limit: usize,
    },
    /// An invitation to collect.
    Offer {
        /// Type.
        credential_type: String,
        /// Person number, for a personal offer.
        subject: Option<String>,
    },
    /// Revokes, suspends or reinstates.
    SetState {
        /// What.
        target: Target,
        /// To which state.
        state: State,
        /// Why; kept in the issuer's log.
        reason: String,
    },
    /// What was issued.
    Issued {
        /// Type.
        credential_type: Option<String>,
        /// Of one row, person or credential.
        target: Option<Target>,
    },
    /// The issuer's counts and lists, and the endings that wait.
    IssuerStatus,
    /// Publishes the endings that wait for the day's publication now.
    PublishEndings,
    /// A status list as Bitstring list.
    Bitstring {
        /// URI of the list.
        list: String,
        /// The suspensions instead of the revocations.
        suspension: bool,
    },
    /// Standing grants.
    Consent {
        /// What.
        what: Consent,
    },
    /// What a bank's own systems ask.
    System {
        /// What.
        what: System,
    },
    /// Where events are sent.
    Hook {
        /// What.
        what: Hook,
    },
    /// What a register publishes and a bank receives.
    Notice {
        /// What.
        what: Notice,
    },
    /// Takes a `bevis:` text.
    WalletReceive {
        /// Text.
        link: String,
        /// Activation code.
        code: Option<String>,
    },
    /// The person's yes.
    WalletPresent {
        /// Pending request.
        id: String,
        /// Language of the text that was shown.
        language: String,
        /// SHA-256 of the text that was shown, hex: the wallet refuses when its text is another.
        shown: Option<String>,
    },
    /// The person's no.
    WalletRefuse {
        /// Pending request.
        id: String,
    },
    /// The same in a node that runs: answered when it is recorded, told to the asker when its time comes.
    WalletDecline {
        /// Pending request.
        id: String,
    },
    /// The text of a pending request.
    WalletText {
        /// Pending request.
        id: String,
        /// Language.
        language: String,
    },
    /// What is held.
    WalletList,
    /// One credential, with its claims.
    WalletShow {
        /// Credential.
        id: String,
        /// Language.
        language: String,
    },
    /// What waits for the person.
    WalletRequests,
    /// What happened.
    WalletHistory,
    /// The history newest first, some at a time.
    WalletEntries {
        /// Only lines before this number.
        before: Option<u64>,
        /// At most so many.
        count: usize,
    },
    /// Takes a line out of the history.
    WalletForget {
        /// Its number.
        entry: u64,
    },
    /// A report that was written.
    WalletReported {
        /// Number of its line in the history.
        entry: u64,
    },
    /// Collecting that has not come to its end.
    WalletUnfinished,
    /// The text that is to be carried to the other wallet.
    WalletCarry {
        /// The collecting, or the request that was answered.
        id: String,
    },
    /// What issuers showed of grants within the last day.
    WalletFound,
    /// The line of the history that tells how a request was decided.
    WalletDecided {
        /// The request's name while it waited.
        id: String,
    },
    /// Changes the passphrase of the home.
    Passphrase {
        /// The one that opens it now.
        old: Confided,
        /// The one that is to.
        new: Confided,
    },
    /// Deletes a credential.
    WalletDelete {
        /// Credential.
        id: String,
    },
    /// Everything that is the person's.
    WalletExport,
    /// Goes on with what was begun before a restart.
    WalletResume,
    /// Asks a customer.
    VerifierRequest {
        /// Service.
        service: String,
        /// Case.
        case: String,
        /// The customer's number.
        subject: String,
        /// Types; empty = all of the service.
        types: Vec<String>,
        /// Claims; empty = all registered.
        claims: Vec<Path>,
        /// Lifetime in seconds.
        valid_seconds: Option<i64>,
        /// Whether the wallet is asked to say where it can be written to.
        #[serde(default)]
        pair: bool,
        /// To be left in the customer's mailbox.
        #[serde(default)]
        by_mailbox: bool,
    },
    /// Sessions.
    VerifierSessions,
    /// One session.
    VerifierSession {
        /// Name.
        id: String,
    },
    /// The services that the trust list registers for this organisation.
    VerifierServices,
    /// Some of the sessions, newest first.
    VerifierPage {
        /// Which.
        wanted: verifier::Wanted,
        /// After so many.
        from: usize,
        /// At most so many.
        limit: usize,
    },
    /// The newest session of a case.
    VerifierFind {
        /// Case.
        case: String,
    },
    /// Ends an open session, or forgets what is held of one for reading only.
    VerifierClose {
        /// Name.
        id: String,
    },
    /// Some of the grants that were given to us, newest first.
    VerifierGrants {
        /// How they stand; all where it is left out.
        state: Option<verifier::GrantState>,
        /// After so many.
        from: usize,
        /// At most so many.
        limit: usize,
    },
    /// Asks a customer, for an answer or a grant, unless the same is being asked already for the same case, service and customer.
    VerifierOnce {
        /// [`Command::VerifierRequest`], or [`Consent::Request`].
        request: Box<Command>,
    },
    /// Waits for a change of sessions after a revision.
    VerifierWatch {
        /// Revision seen.
        since: u64,
    },
    /// Checks a credential's text.
    VerifierCheck {
        /// Text.
        text: String,
    },
    /// A sealed backup.
    Backup {
        /// Path of the new file, absolute.
        path: std::path::PathBuf,
    },
}

impl Command {
    /// Whether it does nothing but wait for something to happen.
    pub fn only_waits(&self) -> bool {
        matches!(self, Command::VerifierWatch { .. } | Command::Seen { .. })
    }
}

/// Which issued credentials a command means.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All of one row of a register.
    Row {
        /// Type.
        credential_type: String,
        /// Row key.
        key: String,
    },
    /// All of one holder.
    Subject {
        /// Their number.
        number: String,
    },
    /// One.
    Credential {
        /// Its name.
        id: String,
    },
}

/// What is done about standing grants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Asks a customer for one.
    Request {
        /// Service.
        service: String,
        /// Our reference.
        case: String,
        /// Customer number.
        subject: String,
        /// The one type; empty where the service has one.
        types: Vec<String>,
        /// A part of the registered claims.
        claims: Vec<Path>,
        /// How long an answer is waited for.
        valid_seconds: Option<i64>,
        /// Who is to release.
        issuer: Option<Did>,
        /// For how long.
        seconds: Option<i64>,
        /// How often a day.
        uses_per_day: Option<u16>,
    },
    /// Those that were given to us.
    Given,
    /// One of them, with what may still be read.
    Read {
        /// Its name.
        name: String,
    },
    /// Fetches what is granted.
    Refresh {
        /// Its name.
        name: String,
        /// A part of the claims.
        claims: Vec<Path>,
        /// Also when we know that it has ended.
        even_so: bool,
    },
    /// The person has logged out.
    Logout {
        /// Its name.
        name: String,
    },
    /// Those that this wallet's holder has given.
    Grants,
    /// Takes one back.
    Withdraw {
        /// Its name in this wallet.
        id: String,
    },
    /// Asks issuers how they were used.
    Uses,
    /// Fetches what was left in mailboxes.
    Collect,
    /// With whom there are mailboxes.
    Post,
    /// Asks an issuer what the holder has granted there, and takes back what is named.
    Review {
        /// Whom.
        issuer: Did,
        /// Type.
        credential_type: String,
        /// Names of those that are taken back.
        end: Vec<String>,
    },
    /// The receipt of an entry of the history.
    Receipt {
        /// Number of the entry.
        entry: u64,
    },
    /// Asks for deletion.
    Erase {
        /// Number of the entry.
        entry: u64,
    },
    /// Writes a report.
    Report {
        /// Number of the entry.
        entry: u64,
        /// What the person has to say.
        complaint: String,
        /// Language of the text.
        language: String,
    },
    /// The receipt as the asker has it.
    Receipted {
        /// Session, or grant.
        name: String,
        /// It is a grant's.
        is_grant: bool,
    },
}
