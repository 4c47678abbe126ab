//! The wallet: collects credentials, keeps them, and shows what its holder decides to show.
//!
//! A [`Wallet`] is a machine without network, clock or randomness of its own. A command or a message goes in, [`Step`]s come
//! out: what to send, or what came of it. Whatever justifies a message is durable before the step that sends it is returned.
//!
//! A newcomer reads in this order: [`Wallet::receive_link`] (a `bevis:` text comes in), [`Wallet::text`] and
//! [`Wallet::present`] (a person reads and decides), then the modules `issuance` and `presentation` (the holder's ends of the two
//! protocols), `selection` (which copy answers), `disclosure` (the least that leaves), `consent` (what the person reads) and
//! `tables` (what is kept).
//!
//! Rules that the tests hold:
//! - every presentation, identification included, has an earlier durable decision, signed with each shown copy's key over the hash
//!   of the exact text in its language;
//! - a copy answers one request only; sending again sends the same bytes; in a restored or copied home none answers any more;
//! - no decision comes from a peer: a request waits until a person says yes or no;
//! - a refusal is the same message whatever is held.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod consent;
mod deletion;
mod disclosure;
mod epoch;
mod error;
mod grant;
mod history;
mod holding;
mod issuance;
mod letters;
mod paper;
mod presentation;
mod selection;
mod tables;
mod text;
mod view;

#[cfg(test)]
mod tests;

pub use consent::Line;
pub use error::Error;
pub use grant::{Found, GrantState, GrantView, UseView};
pub use history::{Event, ReceiptSummary, What};
pub use paper::{AUTHORITY, Reported};
pub use tables::Kind;
pub use view::{
    CopyStates, Held, HeldClaim, HeldDetail, HeldState, Lacking, Pending, PendingState, Reading, Unfinished,
};

use credentials::decision::Receipt;
use credentials::identifier::OrganisationNumber;
use credentials::letter::Reach;
use credentials::link::Link;
use credentials::protocol::{consent as consent_messages, issuance as issue, presentation as present};
use credentials::random;
use credentials::schema::{HolderKind, Types};
use credentials::trust::{Organisation, Trust};
use credentials::{Code, Did, Problem, Random, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::Store;
use tables::Tables;
use zeroize::Zeroizing;

/// Who the wallet is for. Fixed when the wallet is first opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// A person or a company.
    pub kind: HolderKind,
    /// The company's organisasjonsnummer; none for a person.
    pub organisation: Option<String>,
}

/// Names one command and the messages that belong to it. Lives as long as the process.
pub type Thread = u64;

/// What the node must do, or what came of a command.
pub enum Step {
    /// Send this and hand exactly one reply to [`Wallet::receive`], or a failure to [`Wallet::failed`].
    Send {
        /// The command.
        thread: Thread,
        /// An organisation of the trust list.
        to: Did,
        /// Secret of the throw-away PeerId for this counterpart.
        relation: Zeroizing<[u8; 32]>,
        /// What to send.
        message: Outgoing,
    },
    /// The command is at its end.
    Done {
        /// The command.
        thread: Thread,
        /// What came of it.
        result: Result<Outcome, Problem>,
    },
}

/// A message to a counterpart.
#[derive(Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// Over `/bevis/issue/1`.
    Issue(issue::Ask),
    /// Over `/bevis/present/1`.
    Present(present::Ask),
    /// Over `/bevis/consent/1`.
    Consent(consent_messages::Ask),
}

/// A reply of a counterpart.
#[derive(Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Over `/bevis/issue/1`.
    Issue(issue::Reply),
    /// Over `/bevis/present/1`.
    Present(present::Reply),
    /// Over `/bevis/consent/1`.
    Consent(consent_messages::Reply),
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A request waits for the person's decision; [`Wallet::text`] is to be read first.
    Waiting {
        /// Its name in [`Wallet::pending`].
        id: String,
    },
    /// Credentials were collected.
    Collected {
        /// Their names in [`Wallet::credentials`].
        credentials: Vec<String>,
    },
    /// Claims were shared.
    Shared {
        /// What the asker confirms.
        receipt: Receipt,
    },
    /// A standing grant was given: issuer and asker have it.
    Granted {
        /// Its name in [`Wallet::grants`].
        grant: String,
        /// What the asker confirms.
        receipt: Receipt,
    },
    /// A grant was taken back, and one of the two acknowledged that.
    Withdrawn {
        /// Its name.
        grant: String,
        /// Whether the issuer has.
        issuer_told: bool,
        /// Whether the asker has.
        asker_told: bool,
    },
    /// The issuer told how a grant was used.
    Told {
        /// Its name.
        grant: String,
        /// Uses that were new.
        uses: u32,
    },
    /// It is in the counterpart's mailbox: the counterpart is off.
    Posted,
    /// A letter was taken note of.
    Noted,
    /// An asker said what it erased of what it was shown, and what it keeps.
    Erased {
        /// Hash of its request.
        request: String,
        /// What it says (JWS).
        statement: String,
    },
    /// An issuer showed what is granted there.
    Standing {
        /// Each, newest first.
        grants: Vec<Found>,
    },
    /// The person's no was recorded; where anybody is to be told, [`Wallet::resume`] tells it at a time that says nothing.
    Refused,
    /// A text to carry to the other wallet.
    Carry {
        /// The `bevis:` text.
        text: String,
        /// Words that both wallets show.
        words: String,
    },
}

// What goes out and comes in may hold claims, codes and credentials: only its kind is printed.
impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Send {
                thread, to, message, ..
            } => write!(f, "Send({thread}, {to}, {message:?})"),
            Step::Done { thread, result } => match result {
                Ok(outcome) => write!(f, "Done({thread}, {outcome:?})"),
                Err(problem) => write!(f, "Done({thread}, {problem})"),
            },
        }
    }
}
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Outgoing::Issue(issue::Ask::Begin { .. }) => "Begin",
            Outgoing::Issue(issue::Ask::Request(_)) => "Request",
            Outgoing::Issue(issue::Ask::Refresh(_)) => "Refresh",
            Outgoing::Issue(issue::Ask::Acknowledge { .. }) => "Acknowledge",
            Outgoing::Present(present::Ask::Fetch { .. }) => "Fetch",
            Outgoing::Present(present::Ask::Answer { .. }) => "Answer",
            Outgoing::Present(present::Ask::Decline { .. }) => "Decline",
            Outgoing::Present(present::Ask::Erase { .. }) => "Erase",
            Outgoing::Consent(_) => "Consent",
        })
    }
}
impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Incoming::Issue(_) => "Issue(..)",
            Incoming::Present(_) => "Present(..)",
            Incoming::Consent(_) => "Consent(..)",
        })
    }
}
impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Waiting { id } => write!(f, "Waiting({id})"),
            Outcome::Collected { credentials } => write!(f, "Collected({credentials:?})"),
            Outcome::Shared { receipt } => write!(f, "Shared({:?})", receipt.verdict),
            Outcome::Granted { grant, receipt } => write!(f, "Granted({grant}, {:?})", receipt.verdict),
            Outcome::Withdrawn { grant, .. } => write!(f, "Withdrawn({grant})"),
            Outcome::Told { grant, uses } => write!(f, "Told({grant}, {uses})"),
            Outcome::Posted => f.write_str("Posted"),
            Outcome::Noted => f.write_str("Noted"),
            Outcome::Erased { request, .. } => write!(f, "Erased({request})"),
            Outcome::Standing { grants } => write!(f, "Standing({})", grants.len()),
            Outcome::Refused => f.write_str("Refused"),
            Outcome::Carry { .. } => f.write_str("Carry(..)"),
        }
    }
}

/// What a thread waits for.
enum Talk {
    Issue(issuance::Talk),
    Present(presentation::Talk),
    Consent(grant::Talk),
}

impl Talk {
    fn to(&self) -> &Did {
        match self {
            Talk::Issue(talk) => &talk.to,
            Talk::Present(talk) => &talk.to,
            Talk::Consent(talk) => &talk.to,
        }
    }
}

/// Language and hash of the text that was last shown.
type Shown = (&'static str, [u8; 32]);

/// The wallet of one person or one company. See the crate's first page.
pub struct Wallet {
    tables: Tables,
    types: Types,
    settings: Settings,
    random: Box<dyn Random>,
    trust: Option<Arc<Trust>>,
    talks: BTreeMap<Thread, Talk>,
    last_thread: Thread,
    /// What this process showed of each waiting request, so that a yes is to what was read.
    shown: Mutex<BTreeMap<String, Shown>>,
    /// Where organisations may write to.
    reaches: BTreeMap<Did, Reach>,
}

impl Wallet {
    /// Opens the wallet in `store`; a new one becomes the wallet of `settings`' holder for good. In a store that was restored or
    /// copied since it was last opened, all unused copies count as used and what was under way is void: [`Wallet::tell_void`].
    ///
    /// # Errors
    /// [`Error::Settings`] when a company has no valid number or a person has one, [`Error::OtherHolder`] when the store holds
    /// another holder's wallet, [`Error::Store`], [`Error::Row`].
    pub fn open(store: Store, types: Types, settings: Settings, random: Box<dyn Random>) -> Result<Wallet, Error> {
        match (settings.kind, &settings.organisation) {
            (HolderKind::Person, None) => {}
            (HolderKind::Company, Some(number)) if OrganisationNumber::parse(number).is_some() => {}
            _ => return Err(Error::Settings),
        }
        let mut tables = Tables::new(store)?;
        match tables.get::<Settings>("holder")? {
            Some(known) if known == settings => {}
            Some(_) => return Err(Error::OtherHolder),
            None => {
                let mut change = tables.change();
                change.add("holder", &settings)?;
                change.commit()?;
            }
        }
        epoch::settle(&mut tables)?;
        Ok(Wallet {
            tables,
            types,
            settings,
            random,
            trust: None,
            talks: BTreeMap::new(),
            last_thread: 0,
            shown: Mutex::new(BTreeMap::new()),
            reaches: BTreeMap::new(),
        })
    }

    /// The trust document to decide by. Without one, nothing is received or presented.
    pub fn set_trust(&mut self, trust: Arc<Trust>) {
        self.trust = Some(trust);
    }

    /// The credential types that are known.
    pub fn set_types(&mut self, types: Types) {
        self.types = types;
    }

    /// Takes a `bevis:` text that the person brought: an invitation to collect (with the activation code where the type needs one),
    /// a request, or one of the two texts between a company's and a person's wallet. The same text again goes on where it stopped.
    pub fn receive_link(&mut self, now: Timestamp, link: &Link, code: Option<&str>) -> (Thread, Vec<Step>) {
        self.command(|wallet, thread| match link {
            Link::Offer {
                issuer,
                vct,
                offer,
                expires,
            } => {
                let offer = issuance::Offer {
                    issuer,
                    vct,
                    offer: offer.as_deref(),
                    expires: *expires,
                };
                wallet.receive_offer(thread, now, &offer, code)
            }
            Link::Request {
                asker,
                session,
                hash,
                expires,
            } => wallet.receive_request(thread, now, asker, session, hash, *expires),
            Link::Authorise(authorise) => wallet.receive_authorise(thread, now, authorise),
            Link::Authorised { transaction, answer } => wallet.receive_authorised(thread, now, transaction, answer),
        })
    }

    /// The person's yes to a waiting request, in the language the text was read in (`nb`, `nn`, `en`). Again: sends the same bytes again.
    ///
    /// Refused with `stale` when what would be shared is no longer what [`Wallet::text`] last showed; with `not_presented` or
    /// `copies_spent` when the request cannot be answered, and then the asker is not contacted.
    pub fn present(&mut self, now: Timestamp, id: &str, language: &str) -> (Thread, Vec<Step>) {
        self.command(|wallet, thread| wallet.decide_yes(thread, now, id, language))
    }

    /// The person's no to a waiting request. An asker of claims gets the one message that says neither why nor what is held, at the
    /// next of the times that its request has for that ([`Wallet::next_refusal`]); an issuer gets nothing.
    pub fn refuse(&mut self, now: Timestamp, id: &str) -> (Thread, Vec<Step>) {
        self.command(|wallet, thread| wallet.decide_no(thread, now, id))
    }

    /// Goes on with what was decided or requested but not finished, and drops what has expired. To be called after a start and
    /// from time to time; what is on its way already is left alone.
    pub fn resume(&mut self, now: Timestamp) -> Vec<(Thread, Vec<Step>)> {
        let mut threads = Vec::new();
        for swept in [
            self.sweep_grants(now),
            self.sweep_requests(now),
            self.sweep_issuings(now),
            self.sweep_reviews(now),
        ] {
            if let Err(error) = swept {
                log(&error);
            }
        }
        for id in self.unsent_requests(now).unwrap_or_else(|error| none(&error)) {
            threads.push(self.command(|wallet, thread| wallet.resend_request(thread, now, &id)));
        }
        for transaction in self.unsent_issuings().unwrap_or_else(|error| none(&error)) {
            threads.push(self.command(|wallet, thread| wallet.resend_issuing(thread, &transaction)));
        }
        for batch in self.due_batches(now).unwrap_or_else(|error| none(&error)) {
            threads.push(self.command(|wallet, thread| wallet.send_refresh(thread, now, &batch)));
        }
        for more in [self.resume_grants(now), self.resume_deletions(now)] {
            match more {
                Ok(more) => threads.extend(more),
                Err(error) => log(&error),
            }
        }
        threads
    }

    /// Takes the reply to a [`Step::Send`]; `peer` is the PeerId it came from.
    pub fn receive(&mut self, now: Timestamp, thread: Thread, peer: &str, message: Incoming) -> Vec<Step> {
        let Some(talk) = self.talks.remove(&thread) else {
            return vec![done(thread, Err(Code::UnexpectedMessage.into()))];
        };
        let result = self.check_peer(talk.to(), peer).and_then(|()| match (talk, message) {
            (Talk::Issue(talk), Incoming::Issue(reply)) => self.receive_issue(thread, now, peer, talk, reply),
            (Talk::Present(talk), Incoming::Present(reply)) => self.receive_present(thread, now, peer, talk, reply),
            (Talk::Consent(talk), Incoming::Consent(reply)) => self.receive_consent(thread, now, peer, talk, reply),
            _ => Err(Code::UnexpectedMessage.into()),
        });
        settle(thread, result)
    }

    /// Takes the news that a [`Step::Send`] got no reply. What was decided or requested stays and goes on with [`Wallet::resume`],
    /// or with the same command again.
    pub fn failed(&mut self, _now: Timestamp, thread: Thread, problem: Problem) -> Vec<Step> {
        let result = match self.talks.remove(&thread) {
            // The credentials are held already; only the issuer does not know yet.
            Some(Talk::Issue(talk)) => talk.collected().ok_or(problem),
            _ => Err(problem),
        };
        vec![done(thread, result)]
    }

    /// Secret of the throw-away PeerId for this counterpart: made on first use, durable.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn relation(&mut self, did: &Did) -> Result<[u8; 32], Error> {
        self.relation_secret(did).map(|secret| *secret)
    }

    fn relation_secret(&mut self, did: &Did) -> Result<Zeroizing<[u8; 32]>, Error> {
        let with = did.to_string();
        if let Some(secret) = self.tables.relation(&with)? {
            return Ok(secret);
        }
        let secret = Zeroizing::new(random::bytes::<32>(&mut *self.random));
        let mut change = self.tables.change();
        change.put_relation(&with, &secret);
        change.commit()?;
        Ok(secret)
    }

    /// Runs a command under a new thread.
    fn command(&mut self, run: impl FnOnce(&mut Wallet, Thread) -> Result<Step, Error>) -> (Thread, Vec<Step>) {
        self.last_thread = self.last_thread.wrapping_add(1);
        let thread = self.last_thread;
        let result = run(self, thread);
        (thread, settle(thread, result))
    }

    /// The step that sends `message`, with `talk` to tell what its reply is for.
    fn send(&mut self, thread: Thread, message: Outgoing, talk: Talk) -> Result<Step, Error> {
        let to = talk.to().clone();
        let relation = self.relation_secret(&to)?;
        self.talks.insert(thread, talk);
        Ok(Step::Send {
            thread,
            to,
            relation,
            message,
        })
    }

    fn trust(&self) -> Result<Arc<Trust>, Error> {
        self.trust.clone().ok_or_else(|| Code::TrustMissing.into())
    }

    /// The trust document, if decisions may be made by it now.
    fn current_trust(&self, now: Timestamp) -> Result<Arc<Trust>, Error> {
        let trust = self.trust()?;
        trust.current(now)?;
        Ok(trust)
    }

    /// A reply counts only from a node of the organisation that was asked.
    fn check_peer(&self, asked: &Did, peer: &str) -> Result<(), Error> {
        let trust = self.trust()?;
        let is_theirs = trust
            .organisation_of_peer(peer)
            .is_some_and(|organisation| organisation.did == *asked);
        if is_theirs {
            Ok(())
        } else {
            Err(Code::WrongOrigin.into())
        }
    }

    /// An unused short name, easy to type: 10 characters without `l`, `o`, `0` and `1`.
    fn short_name(&mut self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        random::bytes::<10>(&mut *self.random)
            .into_iter()
            .filter_map(|byte| LETTERS.get(usize::from(byte & 31)))
            .map(|letter| char::from(*letter))
            .collect()
    }
}

/// The registered name of an organisation, or its domain when it is not (or no longer) listed.
fn name_of(trust: Option<&Trust>, did: &Did) -> String {
    let listed: Option<&Organisation> = trust.and_then(|trust| trust.organisation(did));
    match (listed, did) {
        (Some(organisation), _) => organisation.name.clone(),
        (None, Did::Web(domain)) => domain.clone(),
        (None, did) => did.to_string(),
    }
}

fn done(thread: Thread, result: Result<Outcome, Problem>) -> Step {
    Step::Done { thread, result }
}

fn settle(thread: Thread, result: Result<Step, Error>) -> Vec<Step> {
    vec![result.unwrap_or_else(|error| {
        log(&error);
        done(thread, Err(error.problem()))
    })]
}

/// The log gets the cause of what only "internal" tells.
fn log(error: &Error) {
    match error {
        Error::Refused(problem) => tracing::debug!(code = %problem.code, "refused"),
        Error::Store(cause) => tracing::error!(%cause, "the wallet's store failed"),
        other => tracing::error!(cause = %other, "the wallet failed"),
    }
}

fn none(error: &Error) -> Vec<String> {
    log(error);
    Vec::new()
}
