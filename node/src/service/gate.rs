//! After a restore nothing is given out until the trust list is known to be the newest: the copy may be older than what the home
//! knew, and whoever restored it may have chosen which copy.
//!
//! Heads of three different organisations are taken, or of all that are listed beside us where there are fewer. What was done
//! is remembered, so that a restart need not begin again. The home of an anchor that is no node's hears from nobody: there the
//! bundle that its person brings after the restore takes the place of the heads.
//!
//! | goes on all the time | waits |
//! |---|---|
//! | answers about the trust list, which is public and signed | requests, presentations, verdicts |
//! | what is written here alone: imports, revocations, a customer list | issuing, offers, delivering |
//! | taking what others signed | answers and gossip about status, Bitstring lists, endings that are published |
//! | | answers about notices, evaluations, drafts, signatures and publishing of notices |
//! | | what an anchor signs: roots, lists, heads |

use super::{Command, Consent, Notice, Service, System, keys, lock};
use crate::error::Failure;
use crate::network::Protocol;
use credentials::trust::Trust;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Mutex;
use store::Store;

/// Organisations whose heads are taken.
const WITNESSES: usize = 3;
/// Row of the node's table.
const ROW: &str = "caught-up";

/// How far a new epoch is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    epoch: u32,
    /// Whose heads were taken in this epoch.
    witnesses: BTreeSet<Did>,
    is_done: bool,
}

/// Whether this home may give anything out.
pub(super) struct Gate {
    store: Store,
    progress: Mutex<Progress>,
}

/// How many of how many heads were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    pub(super) taken: usize,
    pub(super) needed: usize,
}

impl Gate {
    /// A home in its first epoch has nothing to catch up with.
    pub(super) fn load(store: &Store) -> Result<Gate, Failure> {
        let epoch = store.epoch();
        let kept: Option<Progress> = match store.table(keys::TABLE).get(ROW)? {
            Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?),
            None => None,
        };
        let progress = kept.filter(|progress| progress.epoch == epoch).unwrap_or(Progress {
            epoch,
            witnesses: BTreeSet::new(),
            is_done: epoch == 0,
        });
        let (store, progress) = (store.clone(), Mutex::new(progress));
        Ok(Gate { store, progress })
    }

    /// What is still awaited; none when everything may be given out. `own` is not asked for its own head.
    pub(super) fn awaited(&self, trust: Option<&Trust>, own: Option<&Did>) -> Result<Option<Awaited>, Problem> {
        let progress = lock(&self.progress)?;
        if progress.is_done {
            return Ok(None);
        }
        let others = trust.map_or(0, |trust| {
            let all = trust.document().organisations.iter();
            all.filter(|o| !o.nodes.is_empty() && Some(&o.did) != own).count()
        });
        let awaited = Awaited {
            taken: progress.witnesses.len(),
            // Without a list nobody is there to be asked, and nothing can be given out anyway.
            needed: if trust.is_some() {
                WITNESSES.min(others)
            } else {
                WITNESSES
            },
        };
        Ok((awaited.taken < awaited.needed).then_some(awaited))
    }

    /// Whether a failure came in the midst of a change.
    pub(super) fn is_poisoned(&self) -> bool {
        self.progress.is_poisoned()
    }

    /// Whether this organisation's head was taken.
    pub(super) fn has(&self, witness: &Did) -> bool {
        lock(&self.progress).is_ok_and(|progress| progress.is_done || progress.witnesses.contains(witness))
    }

    /// Notes that a head was taken from a listed organisation; durable before it counts. True when that was the last one.
    pub(super) fn took(&self, witness: &Did, trust: &Trust, own: Option<&Did>) -> Result<bool, Failure> {
        // Held until it is durable: of two that come at once none is lost.
        let mut progress = lock(&self.progress)?;
        let mut next = progress.clone();
        let is_listed = trust.organisation(witness).is_some() && Some(witness) != own;
        if next.is_done || !is_listed || !next.witnesses.insert(witness.clone()) {
            return Ok(false);
        }
        let others = trust.document().organisations.iter();
        let others = others.filter(|o| !o.nodes.is_empty() && Some(&o.did) != own).count();
        next.is_done = next.witnesses.len() >= WITNESSES.min(others);
        let is_done = next.is_done;
        self.keep(&mut progress, next)?;
        Ok(is_done)
    }

    /// Notes that a person brought what is newest.
    pub(super) fn brought(&self) -> Result<(), Failure> {
        let mut progress = lock(&self.progress)?;
        if progress.is_done {
            return Ok(());
        }
        let next = Progress {
            is_done: true,
            ..progress.clone()
        };
        self.keep(&mut progress, next)
    }

    fn keep(&self, progress: &mut Progress, next: Progress) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(&next).map_err(|e| Failure::because(Code::Internal, e))?;
        let mut transaction = self.store.transaction();
        transaction.put(&self.store.table(keys::TABLE), ROW, &bytes);
        transaction.commit()?;
        *progress = next;
        Ok(())
    }
}

/// Whether a command gives something out, or tells what would be decided by. A new one does not compile without an answer.
fn gives_out(command: &Command) -> bool {
    match command {
        Command::VerifierRequest { .. }
        | Command::VerifierOnce { .. }
        | Command::VerifierCheck { .. }
        | Command::Offer { .. }
        | Command::Bitstring { .. }
        | Command::PublishEndings
        | Command::TrustSign { .. }
        | Command::TrustPublish { .. }
        | Command::WalletResume => true,
        Command::Notice { what } => match what {
            Notice::Draft { .. }
            | Notice::Sign { .. }
            | Notice::Publish { .. }
            | Notice::Checkpoint
            | Notice::Key { .. } => true,
            Notice::Discard
            | Notice::Log { .. }
            | Notice::KeyDestroy { .. }
            | Notice::Customers { .. }
            | Notice::Received
            | Notice::Of { .. }
            | Notice::Events { .. }
            | Notice::Decide { .. } => false,
        },
        Command::Consent { what } => match what {
            Consent::Request { .. } | Consent::Refresh { .. } | Consent::Uses | Consent::Review { .. } => true,
            // Stopping gives nothing out.
            Consent::Given
            | Consent::Read { .. }
            | Consent::Logout { .. }
            | Consent::Grants
            | Consent::Collect
            | Consent::Post
            | Consent::Withdraw { .. }
            | Consent::Receipt { .. }
            | Consent::Receipted { .. }
            | Consent::Erase { .. }
            | Consent::Report { .. } => false,
        },
        Command::System { what } => match what {
            System::Request { .. } => true,
            System::Close { .. }
            | System::Await { .. }
            | System::Sessions { .. }
            | System::Grants { .. }
            | System::News { .. }
            | System::Newest
            | System::Organisation { .. }
            | System::Services => false,
        },
        // Events name nothing that would be decided by.
        Command::Hook { .. } => false,
        // These ask for the heads themselves before they do anything, and are refused where they do not get them.
        Command::WalletReceive { .. } | Command::WalletPresent { .. } => false,
        // A person's no shows nothing.
        Command::WalletRefuse { .. } | Command::WalletDecline { .. } => false,
        // What has ended must be written at once; it is told when the heads were taken.
        Command::SetState { .. } | Command::BulkApprove { .. } | Command::BulkResume { .. } => false,
        // Asked of the command itself when its turn comes.
        Command::As { .. } => false,
        Command::Whoami
        | Command::Login { .. }
        | Command::Status
        | Command::Peers
        | Command::Doctor
        | Command::Ping { .. }
        | Command::Metrics
        | Command::Alarms { .. }
        | Command::Seen { .. }
        | Command::TrustImport { .. }
        | Command::TrustShow
        | Command::TrustRoot
        | Command::TrustBase
        | Command::TrustExport
        | Command::TrustHistory { .. }
        | Command::TrustAnchor { .. }
        | Command::TrustCard { .. }
        | Command::TrustExamine { .. }
        | Command::Keys
        | Command::KeysRotate { .. }
        | Command::KeysApprove { .. }
        | Command::KeysCancel { .. }
        | Command::Certificate { .. }
        | Command::PersonAdd { .. }
        | Command::People
        | Command::PersonRemove { .. }
        | Command::PersonPassphrase { .. }
        | Command::Record { .. }
        | Command::RecordVerify
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
        | Command::BulkStart { .. }
        | Command::BulkLines { .. }
        | Command::BulkSelect { .. }
        | Command::BulkPropose { .. }
        | Command::Bulks
        | Command::Bulk { .. }
        | Command::BulkCancel { .. }
        | Command::BulkPause { .. }
        | Command::Prepare { .. }
        | Command::Issued { .. }
        | Command::IssuerStatus
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
        | Command::WalletDelete { .. }
        | Command::WalletExport
        | Command::VerifierServices
        | Command::VerifierPage { .. }
        | Command::VerifierFind { .. }
        | Command::VerifierClose { .. }
        | Command::VerifierGrants { .. }
        | Command::VerifierSessions
        | Command::VerifierSession { .. }
        | Command::VerifierWatch { .. }
        | Command::Passphrase { .. }
        | Command::Backup { .. } => false,
    }
}

/// Whether the answers of a protocol give something out.
fn answers_give_out(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Issue | Protocol::Present | Protocol::Status | Protocol::Notice | Protocol::Consent => true,
        // What is kept for others is theirs; a copy shows again what was acknowledged since.
        Protocol::Mailbox => false,
        // Who greets says only who it is, and by which list; what others are told of the list is signed by its anchors.
        Protocol::Hello | Protocol::Trust => false,
    }
}

impl Service {
    /// What a restored home still waits for.
    pub(super) fn awaited(&self) -> Result<Option<Awaited>, Problem> {
        let own = self.keys.organisation().map(|key| &key.did);
        self.gate.awaited(self.trust().as_deref(), own)
    }

    /// Refuses a command that gives something out while a restored home has not taken heads of enough organisations; a wallet, which
    /// hears from others only when it asks, asks first.
    pub(super) async fn require_caught_up_for(&self, command: &Command) -> Result<(), Failure> {
        if !gives_out(command) || self.awaited()?.is_none() {
            return Ok(());
        }
        if self.wallet.is_some() {
            self.confirm_trust(None).await?;
        }
        Ok(self.require_caught_up()?)
    }

    /// The same of an answer.
    pub(super) fn require_caught_up_to_answer(&self, protocol: Protocol) -> Result<(), Problem> {
        match answers_give_out(protocol) {
            true => self.require_caught_up(),
            false => Ok(()),
        }
    }

    /// Refuses with `catching_up` while a restored home has not taken heads of enough organisations.
    pub(super) fn require_caught_up(&self) -> Result<(), Problem> {
        match self.awaited()? {
            None => Ok(()),
            Some(Awaited { taken, needed }) => Err(Problem::new(Code::CatchingUp, format!("{taken}/{needed}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use credentials::time::DAY;
    use credentials::trust::{Ceremony, NodeEntry, Organisation};
    use std::sync::Barrier;

    /// A store in its second epoch.
    fn restored(home: &std::path::Path) -> Store {
        let passphrase = store::Passphrase::new("a synthetic passphrase");
        let store = Store::create(home, &passphrase, store::Params::quick(), crate::service::entropy()).expect("made");
        store.begin_epoch().expect("begun");
        store
    }

    fn did(number: usize) -> Did {
        Did::parse(&format!("did:web:bank-{number}.example")).expect("a DID")
    }

    /// A list of so many organisations.
    fn listing(count: usize) -> std::sync::Arc<Trust> {
        let now = crate::clock::now();
        let organisations = (0..count).map(|number| Organisation {
            did: did(number),
            number: crate::service::trust::tests::organisation_number(number),
            name: "Bank".to_owned(),
            keys: Vec::new(),
            nodes: vec![NodeEntry {
                peer: crate::network::peer_name(&crate::network::Secret32::new(
                    [u8::try_from(number).expect("few"); 32],
                ))
                .to_string(),
                addresses: Vec::new(),
            }],
            issues: Vec::new(),
            services: Vec::new(),
        });
        let draft = credentials::trust::Draft {
            sequence: 1,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(DAY),
            organisations: organisations.collect(),
        };
        let mut anchors = Ceremony::of_three(&mut crate::clock::System, now).expect("founded");
        let bundle = anchors.publish(&draft, now).expect("signed");
        anchors.client(&bundle, now).expect("taken").trust().expect("in force")
    }

    #[test]
    fn heads_that_come_at_once_are_all_counted_and_remembered() {
        let home = tempfile::tempdir().expect("a folder");
        let store = restored(home.path());
        let gate = Gate::load(&store).expect("loads");
        let trust = listing(5);
        let own = did(4);
        let at_once = Barrier::new(2);
        std::thread::scope(|scope| {
            for number in 0..2 {
                let (gate, trust, own, at_once) = (&gate, &trust, &own, &at_once);
                scope.spawn(move || {
                    at_once.wait();
                    gate.took(&did(number), trust, Some(own)).expect("noted");
                });
            }
        });
        let awaited = |gate: &Gate| gate.awaited(Some(&trust), Some(&own)).expect("asked");
        assert_eq!(awaited(&gate), Some(Awaited { taken: 2, needed: 3 }));
        assert_eq!(
            awaited(&Gate::load(&store).expect("loads")),
            Some(Awaited { taken: 2, needed: 3 })
        );
        // Our own, one that is not listed, and one twice add nothing.
        for number in [4, 7, 1] {
            assert!(!gate.took(&did(number), &trust, Some(&own)).expect("asked"));
        }
        assert!(gate.took(&did(2), &trust, Some(&own)).expect("noted"));
        assert_eq!(awaited(&gate), None);
        assert_eq!(awaited(&Gate::load(&store).expect("loads")), None);
        // The next restore begins anew; where two others are listed, both are needed.
        store.begin_epoch().expect("begun");
        let gate = Gate::load(&store).expect("loads");
        assert_eq!(awaited(&gate), Some(Awaited { taken: 0, needed: 3 }));
        let few = listing(3);
        let awaited = gate.awaited(Some(&few), Some(&did(0))).expect("asked");
        assert_eq!(awaited, Some(Awaited { taken: 0, needed: 2 }));
        assert!(!gate.took(&did(1), &few, Some(&did(0))).expect("noted"));
        assert!(gate.took(&did(2), &few, Some(&did(0))).expect("noted"));
    }
}
