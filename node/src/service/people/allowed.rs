//! What an account may have done: one table of all commands.

use super::Face;
use crate::error::Failure;
use crate::service::record::Actor;
use crate::service::{Command, Consent, Notice, Service};
use credentials::{Code, Problem};

impl Service {
    /// Refuses what an account may not do: with `not_permitted`, naming the face that it lacks.
    pub(in crate::service) fn require_allowed(&self, actor: &Actor, command: &Command) -> Result<(), Failure> {
        let allowed = allowed(command);
        let refused = |what: &str| Err(Problem::new(Code::NotPermitted, what).into());
        match (actor, allowed) {
            (Actor::Cli | Actor::Node, _) => Ok(()),
            (_, Allowed::CommandLine) => refused("command line"),
            (Actor::Api(_), _) => Ok(()),
            (_, Allowed::Systems) => refused("command line"),
            (Actor::Person(handle), allowed) => {
                let Some(person) = self.person(handle)? else {
                    return refused("account");
                };
                let (desk, console) = (
                    person.faces.contains(&Face::Desk),
                    person.faces.contains(&Face::Console),
                );
                match allowed {
                    Allowed::Desk if !desk => refused("desk"),
                    Allowed::Console if !console => refused("console"),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// By whom a command may be given, beside the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// Whoever has an account.
    Anybody,
    /// At the bank's desk.
    Desk,
    /// At the agency's console.
    Console,
    /// By a system of the organisation's own, which has scopes of its own; by no account.
    Systems,
    /// By nobody else: accounts, anchors' work, files of the machine, and a wallet's own affairs.
    CommandLine,
}

/// A new command does not compile without an answer.
fn allowed(command: &Command) -> Allowed {
    match command {
        Command::Whoami
        | Command::Status
        | Command::Peers
        | Command::Doctor
        | Command::Ping { .. }
        | Command::Metrics
        | Command::Seen { .. }
        | Command::TrustShow
        | Command::TrustRoot
        | Command::TrustHistory { .. }
        | Command::Keys
        | Command::Alarms { dismiss: false, .. }
        | Command::Certificate { renew: false } => Allowed::Anybody,
        Command::VerifierRequest { .. }
        | Command::VerifierSessions
        | Command::VerifierSession { .. }
        | Command::VerifierServices
        | Command::VerifierPage { .. }
        | Command::VerifierFind { .. }
        | Command::VerifierClose { .. }
        | Command::VerifierGrants { .. }
        | Command::VerifierOnce { .. }
        | Command::VerifierWatch { .. }
        | Command::VerifierCheck { .. } => Allowed::Desk,
        Command::System { .. } | Command::Hook { .. } => Allowed::Systems,
        Command::Consent { what } => match what {
            Consent::Request { .. }
            | Consent::Given
            | Consent::Read { .. }
            | Consent::Refresh { .. }
            | Consent::Logout { .. }
            | Consent::Receipted { .. } => Allowed::Desk,
            Consent::Grants
            | Consent::Withdraw { .. }
            | Consent::Uses
            | Consent::Collect
            | Consent::Post
            | Consent::Review { .. }
            | Consent::Receipt { .. }
            | Consent::Erase { .. }
            | Consent::Report { .. } => Allowed::CommandLine,
        },
        Command::Notice { what } => match what {
            Notice::Customers { .. }
            | Notice::Received
            | Notice::Of { .. }
            | Notice::Events { .. }
            | Notice::Decide { .. } => Allowed::Desk,
            Notice::Draft { .. }
            | Notice::Sign { .. }
            | Notice::Publish { .. }
            | Notice::Checkpoint
            | Notice::Key { .. }
            | Notice::Discard
            | Notice::Log { .. }
            | Notice::KeyDestroy { .. } => Allowed::Console,
        },
        Command::Alarms { dismiss: true, .. }
        | Command::Certificate { renew: true }
        | Command::KeysRotate { .. }
        | Command::KeysApprove { .. }
        | Command::KeysCancel { .. }
        | Command::ImportStart { .. }
        | Command::ImportLines { .. }
        | Command::ImportFinish { .. }
        | Command::ImportUpload { .. }
        | Command::ImportPause { .. }
        | Command::ImportResume { .. }
        | Command::UploadStart
        | Command::UploadPart { .. }
        | Command::UploadFinish { .. }
        | Command::UploadDiscard { .. }
        | Command::Uploads
        | Command::Jobs
        | Command::Job { .. }
        | Command::JobRejected { .. }
        | Command::Prepare { .. }
        | Command::Offer { .. }
        | Command::SetState { .. }
        | Command::Issued { .. }
        | Command::IssuerStatus
        | Command::PublishEndings
        | Command::Bitstring { .. }
        | Command::BulkStart { .. }
        | Command::BulkLines { .. }
        | Command::BulkSelect { .. }
        | Command::BulkPropose { .. }
        | Command::Bulks
        | Command::Bulk { .. }
        | Command::BulkApprove { .. }
        | Command::BulkCancel { .. }
        | Command::BulkPause { .. }
        | Command::BulkResume { .. }
        | Command::Record { .. }
        | Command::RecordVerify
        | Command::People => Allowed::Console,
        Command::As { .. }
        | Command::Login { .. }
        | Command::PersonAdd { .. }
        | Command::PersonRemove { .. }
        | Command::PersonPassphrase { .. }
        | Command::TrustImport { .. }
        | Command::TrustExport
        | Command::TrustBase
        | Command::TrustAnchor { .. }
        | Command::TrustCard { .. }
        | Command::TrustExamine { .. }
        | Command::TrustSign { .. }
        | Command::TrustPublish { .. }
        | Command::WalletReceive { .. }
        | Command::WalletPresent { .. }
        | Command::WalletRefuse { .. }
        | Command::WalletDecline { .. }
        | Command::WalletText { .. }
        | Command::WalletList
        | Command::WalletShow { .. }
        | Command::WalletRequests
        | Command::WalletHistory
        | Command::WalletEntries { .. }
        | Command::WalletForget { .. }
        | Command::WalletDecided { .. }
        | Command::WalletReported { .. }
        | Command::WalletUnfinished
        | Command::WalletCarry { .. }
        | Command::WalletFound
        | Command::Passphrase { .. }
        | Command::WalletDelete { .. }
        | Command::WalletExport
        | Command::WalletResume
        | Command::Backup { .. } => Allowed::CommandLine,
    }
}
