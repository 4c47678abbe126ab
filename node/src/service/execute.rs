//! Every command that needs an open home. The command line sends them over the local socket to the running node, or runs
//! them here when no node runs: one code path for both.

use super::{Card, Service, clocks, lock};
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use credentials::link::Link;
use credentials::schema::Path;
use credentials::service::Registration;
use credentials::status::State;
use credentials::{Code, Did, Problem, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Longest time that a watching command waits before it answers "nothing new".
const WATCH: Duration = Duration::from_secs(20);

/// A command for an open home. It has no `Debug`: activation codes and person numbers pass through it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Who this node is.
    Whoami,
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
    /// Takes a signed trust document.
    TrustImport {
        /// Its text.
        text: String,
        /// An anchor to trust from now on, when the configuration names none.
        anchor: Option<Did>,
    },
    /// The trust document in use, or the anchor's draft.
    TrustShow,
    /// Adds or replaces an organisation in the anchor's draft.
    TrustAdd {
        /// What its node says of itself.
        card: Box<Card>,
        /// Types it may issue.
        issues: Vec<String>,
        /// What it may ask.
        services: Vec<Registration>,
    },
    /// Signs the draft.
    TrustSign {
        /// Days until the next update is due.
        days: u32,
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
    /// The issuer's counts and lists.
    IssuerStatus,
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
    },
    /// Sessions.
    VerifierSessions,
    /// One session.
    VerifierSession {
        /// Name.
        id: String,
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

fn value(view: impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(view).map_err(|e| Failure::because(Code::Internal, e))
}

/// Members of answers that are instants.
const INSTANTS: &[&str] = &[
    "at",
    "valid_until",
    "collected",
    "expires",
    "issued",
    "acknowledged",
    "published",
    "status_at",
    "since",
    "started",
    "until",
];

/// Turns the instants of an answer from numbers into RFC 3339. Claims are not looked into: they stand as the register wrote them.
fn write_instants(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(write_instants),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member.as_i64() {
                    Some(seconds) if INSTANTS.contains(&name.as_str()) => {
                        *member = json!(credentials::Timestamp::from_unix(seconds).to_string());
                    }
                    // Under `types` an issuer counts: how many were issued is no instant.
                    _ if ["claims", "draft", "types"].contains(&name.as_str()) => {}
                    _ => write_instants(member),
                }
            }
        }
        _ => {}
    }
}

/// What came of a step of the wallet, with `outcome` naming which.
fn outcome(outcome: wallet::Outcome) -> Result<Value, Failure> {
    let mut object = match value(outcome)? {
        Value::String(name) => json!({ "outcome": name }),
        Value::Object(tagged) => match tagged.into_iter().next() {
            Some((name, Value::Object(mut inner))) => {
                inner.insert("outcome".to_owned(), json!(name));
                Value::Object(inner)
            }
            _ => return Err(Code::Internal.into()),
        },
        _ => return Err(Code::Internal.into()),
    };
    object.put("schema", json!("outcome/v1"));
    Ok(object)
}

/// Whom a `bevis:` text is from.
fn counterpart(link: &str) -> Option<Did> {
    match Link::parse(link).ok()? {
        Link::Offer { issuer, .. } => Some(issuer),
        Link::Request { asker, .. } => Some(asker),
        Link::Authorise(_) | Link::Authorised { .. } => None,
    }
}

fn damaged(error: impl std::fmt::Display) -> Failure {
    Failure::because(Code::Damaged, error)
}

impl Service {
    /// Runs one command. Its answer is the `--json` contract: instants in it are RFC 3339 in UTC, but for the card of
    /// `whoami`, which is a file format of its own.
    pub async fn execute(self: &Arc<Service>, command: Command) -> Result<Value, Failure> {
        let is_card = matches!(command, Command::Whoami);
        // A message may be out of date by the clock of either side. Whose, shows only when they greet: the counterpart of a text
        // that was brought is greeted for that, as it would have been for the text itself.
        let counterpart = match &command {
            Command::WalletReceive { link, .. } => counterpart(link),
            _ => None,
        };
        let mut answer = match self.carry_out(command).await {
            Ok(answer) => answer,
            Err(failure) => {
                let failure = self.explain(failure, counterpart).await;
                tracing::debug!(code = %failure.problem.code, "command refused");
                return Err(failure);
            }
        };
        if !is_card {
            write_instants(&mut answer);
        }
        Ok(answer)
    }

    /// Refuses to sign with a time that the anchor's signature or most other organisations speak against.
    fn require_clock(&self, now: credentials::Timestamp) -> Result<(), Problem> {
        if let Some(trust) = self.trust()
            && let Err(problem) = trust.current(now)
            && problem.code == Code::ClockSuspect
        {
            return Err(problem);
        }
        self.clocks.require(now, clock::since_boot())
    }

    /// A failure that has to do with time, told as what it comes of where our own clock is the likely reason.
    async fn explain(&self, failure: Failure, counterpart: Option<Did>) -> Failure {
        let code = failure.problem.code;
        if let Some(did) = counterpart.filter(|_| clocks::is_of_time(code)) {
            let greeted = self.ping(&did).await;
            tracing::debug!(%did, is_greeted = greeted.is_ok(), "greeted for its time");
        }
        match self.clocks.explain(code, clock::now(), clock::since_boot()) {
            Some(problem) => Failure::because(problem, failure.problem),
            None => failure,
        }
    }

    async fn carry_out(self: &Arc<Service>, command: Command) -> Result<Value, Failure> {
        match command {
            Command::Whoami => self.whoami(),
            Command::Status => self.status(),
            Command::Peers => self.peers(),
            Command::Doctor => self.doctor(),
            Command::Ping { did } => self.ping(&did).await,
            Command::TrustImport { text, anchor } => self.import_trust(&text, anchor),
            Command::TrustShow => self.show_trust(),
            Command::TrustAdd { card, issues, services } => self.add_to_draft(&card, &issues, services),
            Command::TrustSign { days } => self.sign_draft(days),
            Command::ImportStart { .. }
            | Command::ImportLines { .. }
            | Command::ImportFinish { .. }
            | Command::Jobs
            | Command::Prepare { .. }
            | Command::Offer { .. }
            | Command::SetState { .. }
            | Command::Issued { .. }
            | Command::IssuerStatus => tokio::task::block_in_place(|| self.issue(command)),
            Command::VerifierWatch { since } => self.watch(since).await,
            Command::VerifierRequest { .. }
            | Command::VerifierSessions
            | Command::VerifierSession { .. }
            | Command::VerifierCheck { .. } => tokio::task::block_in_place(|| self.verify(command)),
            Command::WalletReceive { link, code } => {
                let link = Link::parse(&link)?;
                let result = self
                    .drive(|w| w.receive_link(clock::now(), &link, code.as_deref()))
                    .await;
                self.wake_mirror.notify_one();
                outcome(result?)
            }
            Command::WalletPresent { id, language, shown } => {
                // The same yes twice at once is one yes: the second waits and finds it done.
                let _alone = self.deciding.lock().await;
                self.same_text(&id, &language, shown.as_deref())?;
                let result = self.drive(|w| w.present(clock::now(), &id, &language)).await;
                self.wake_mirror.notify_one();
                outcome(result?)
            }
            Command::WalletRefuse { id } => outcome(self.drive(|w| w.refuse(clock::now(), &id)).await?),
            Command::WalletResume => self.resume().await,
            Command::WalletText { id, language } => {
                let text = self
                    .with_wallet(|w| w.text(clock::now(), &id, &language))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "request-text/v1", "id": id, "language": language, "text": text }))
            }
            Command::WalletList => {
                let mirror = lock(&self.mirror)?;
                let held = self
                    .with_wallet(|w| w.credentials(clock::now(), &*mirror))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "credentials/v1", "credentials": value(held)? }))
            }
            Command::WalletShow { id, language } => {
                let mirror = lock(&self.mirror)?;
                let detail = self
                    .with_wallet(|w| w.credential(clock::now(), &*mirror, &id, &language))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "credential/v1", "credential": value(detail)? }))
            }
            Command::WalletRequests => {
                let pending = self.with_wallet(|w| w.pending(clock::now()))?.map_err(wallet_failure)?;
                Ok(json!({ "schema": "requests/v1", "requests": value(pending)? }))
            }
            Command::WalletHistory => {
                let events = self.with_wallet(|w| w.history())?.map_err(wallet_failure)?;
                Ok(json!({ "schema": "history/v1", "events": value(events)? }))
            }
            Command::WalletDelete { id } => {
                self.with_wallet(|w| w.delete(clock::now(), &id))?
                    .map_err(wallet_failure)?;
                Ok(json!({ "schema": "deleted/v1", "id": id }))
            }
            Command::WalletExport => self.with_wallet(|w| w.export())?.map_err(wallet_failure),
            Command::Backup { path } => tokio::task::block_in_place(|| self.backup(&path)),
        }
    }

    /// Refuses when the person was shown another text than the one that would be signed for (invariant: the decision's
    /// hash equals what was shown).
    fn same_text(&self, id: &str, language: &str, shown: Option<&str>) -> Result<(), Failure> {
        let Some(shown) = shown else { return Ok(()) };
        let text = self
            .with_wallet(|w| w.text(clock::now(), id, language))?
            .map_err(wallet_failure)?;
        if crate::output::hex(&crate::output::sha256(text.as_bytes())) == shown {
            Ok(())
        } else {
            Err(Problem::new(Code::WrongRequest, "the text has changed since it was shown").into())
        }
    }

    async fn resume(&self) -> Result<Value, Failure> {
        let begun = self.with_wallet(|w| w.resume(clock::now()))?;
        let mut results = Vec::new();
        for (thread, steps) in begun {
            results.push(match self.finish(thread, steps).await {
                Ok(done) => outcome(done)?,
                Err(problem) => value(problem)?,
            });
        }
        Ok(json!({ "schema": "resumed/v1", "results": results }))
    }

    async fn watch(&self, since: u64) -> Result<Value, Failure> {
        let mut revisions = self.sessions.subscribe();
        let waited = tokio::time::timeout(WATCH, revisions.wait_for(|revision| *revision > since)).await;
        let revision = match waited {
            Ok(Ok(revision)) => *revision,
            _ => since,
        };
        Ok(json!({ "schema": "watch/v1", "revision": revision }))
    }

    async fn ping(&self, did: &Did) -> Result<Value, Failure> {
        let watch = clock::Stopwatch::start();
        let ask = credentials::protocol::status::Ask::Head;
        let body = credentials::protocol::encode(&ask)?;
        let identity = match self.wallet {
            None => None,
            Some(_) => {
                let secret = self
                    .with_wallet(|wallet| wallet.relation(did))?
                    .map_err(wallet_failure)?;
                Some(crate::network::Secret32::new(secret))
            }
        };
        let (peer, _) = self.ask(did, identity, crate::network::Protocol::Status, body).await?;
        Ok(json!({ "schema": "ping/v1", "did": did, "peer": peer.as_str(), "ms": watch.milliseconds() }))
    }

    fn target(&self, target: Target) -> Result<issuer::Target, Problem> {
        Ok(match target {
            Target::Row { credential_type, key } => issuer::Target::Row {
                vct: self.vct(&credential_type)?,
                key,
            },
            Target::Subject { number } => issuer::Target::Subject { number },
            Target::Credential { id } => issuer::Target::Credential { id },
        })
    }

    fn vct(&self, name: &str) -> Result<String, Problem> {
        let found = self
            .types
            .find(name)
            .ok_or_else(|| Problem::new(Code::UnknownType, name))?;
        Ok(found.vct.clone())
    }

    fn issue(&self, command: Command) -> Result<Value, Failure> {
        let now = clock::now();
        let issuer = self
            .issuer
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "issuer"))?;
        let mut issuer = lock(issuer)?;
        match command {
            Command::ImportStart {
                credential_type,
                file,
                header,
                dry_run,
            } => {
                let vct = self.vct(&credential_type)?;
                let start = issuer.import_start(now, &vct, file, header.as_deref(), dry_run);
                value(start.map_err(issuer_failure)?)
            }
            Command::ImportLines { job, lines } => {
                value(issuer.import_lines(now, &job, &lines).map_err(issuer_failure)?)
            }
            Command::ImportFinish { job } => {
                let report = issuer.import_finish(now, &job).map_err(issuer_failure)?;
                Ok(json!({ "schema": "import/v1", "job": job, "report": value(report)? }))
            }
            Command::Jobs => Ok(json!({ "schema": "jobs/v1", "jobs": value(issuer.jobs().map_err(issuer_failure)?)? })),
            Command::Prepare { credential_type, limit } => {
                let prepared = issuer
                    .prepare(now, &self.vct(&credential_type)?, limit)
                    .map_err(issuer_failure)?;
                Ok(json!({ "schema": "prepared/v1", "prepared": prepared }))
            }
            Command::Offer {
                credential_type,
                subject,
            } => {
                self.require_clock(now)?;
                let offer = issuer.offer(now, &self.vct(&credential_type)?, subject.as_deref());
                let offer = offer.map_err(issuer_failure)?;
                Ok(json!({ "schema": "offer/v1", "link": offer.link.to_text()?, "code": offer.code }))
            }
            Command::SetState { target, state, reason } => {
                let target = self.target(target)?;
                let changed = issuer.set_state(now, target, state, &reason).map_err(issuer_failure)?;
                Ok(json!({ "schema": "state/v1", "state": value(state)?, "changed": value(changed)? }))
            }
            Command::Issued {
                credential_type,
                target,
            } => {
                let target = target.map(|target| self.target(target)).transpose()?;
                let vct = credential_type.map(|name| self.vct(&name)).transpose()?;
                let issued = issuer.issued(vct.as_deref(), target.as_ref()).map_err(issuer_failure)?;
                Ok(json!({ "schema": "issued/v1", "issued": value(issued)? }))
            }
            Command::IssuerStatus => {
                let counts = value(issuer.counts().map_err(issuer_failure)?)?;
                Ok(json!({ "schema": "issuer-status/v1", "types": counts, "lists": value(issuer.lists())? }))
            }
            _ => Err(Code::Internal.into()),
        }
    }

    fn verify(&self, command: Command) -> Result<Value, Failure> {
        let now = clock::now();
        let verifier = self
            .verifier
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))?;
        match command {
            Command::VerifierRequest {
                service,
                case,
                subject,
                types,
                claims,
                valid_seconds,
            } => {
                self.require_clock(now)?;
                let types = types.iter().map(|name| self.vct(name)).collect::<Result<Vec<_>, _>>()?;
                let new = verifier::NewRequest {
                    service: &service,
                    case: &case,
                    subject: &subject,
                    types: &types,
                    claims: &claims,
                    valid_seconds,
                };
                let asked = lock(verifier)?.request(now, &new)?;
                self.announce_sessions();
                Ok(json!({
                    "schema": "asked/v1", "session": asked.session, "link": asked.link.to_text()?,
                    "expires": asked.expires.to_string(),
                }))
            }
            Command::VerifierSessions => {
                let sessions = lock(verifier)?.sessions(now).map_err(damaged)?;
                Ok(json!({ "schema": "sessions/v1", "sessions": value(sessions)? }))
            }
            Command::VerifierSession { id } => {
                let revision = *self.sessions.borrow();
                let session = lock(verifier)?.session(now, &id).map_err(damaged)?;
                let session = session.ok_or(Code::UnknownSession)?;
                Ok(json!({ "schema": "session/v1", "revision": revision, "session": value(session)? }))
            }
            Command::VerifierCheck { text } => {
                let mirror = lock(&self.mirror)?;
                let report = lock(verifier)?.check(now, &*mirror, &text);
                Ok(json!({
                    "schema": "check/v1", "verdict": value(report.verdict())?,
                    "code": report.problem().map(|p| p.code), "checks": value(&report.lines)?,
                    "status_age_s": report.status_at.map(|at| now.since(at)),
                    "trust_age_s": report.trust_at.map(|at| now.since(at)), "checked_at": now.to_string(),
                }))
            }
            _ => Err(Code::Internal.into()),
        }
    }

    /// Anchors that count: those of the configuration, and those accepted with an import.
    pub(super) fn anchors(&self) -> Result<Vec<VerifyingKey>, Failure> {
        let mut anchors = self.config().trust.anchors.clone();
        if let Some(bytes) = self.store.table(super::keys::TABLE).get("anchors")? {
            let accepted: Vec<Did> = serde_json::from_slice(&bytes).map_err(damaged)?;
            anchors.extend(accepted);
        }
        Ok(anchors.iter().filter_map(Did::key).collect())
    }
}

pub(super) fn wallet_failure(error: wallet::Error) -> Failure {
    if matches!(error, wallet::Error::NotFound) {
        return Code::NotFound.into();
    }
    let problem = error.problem();
    Failure::because(problem, error)
}

pub(super) fn issuer_failure(error: issuer::Error) -> Failure {
    let problem = error.problem();
    Failure::because(problem, error)
}
