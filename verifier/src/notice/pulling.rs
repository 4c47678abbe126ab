//! What to ask for, and what comes back: every register's stream has a pull twin of its gossip.

use super::Desk;
use super::stream::Taken;
use super::unsound::Unsound;
use crate::Verifier;
use crate::error::Refusal;
use credentials::notice::{Checkpoint, Proposal, VCT};
use credentials::protocol::notice::{Ask, CHUNK, DIGEST_MAX, Digest, RANGE_MAX, Reply};
use credentials::{Code, Did, Problem, Timestamp, protocol};
use std::collections::BTreeMap;

/// How often the newest notice is asked for, in seconds, when nothing is known to be missing.
const NEWEST_SECONDS: i64 = 300;
/// How often the register's keys for tags are asked for, in seconds.
const KEYS_SECONDS: i64 = 3_600;
/// How soon a range is asked for again when the last answer brought nothing, in seconds.
const AGAIN_SECONDS: i64 = 2;
/// A new receiver begins at a checkpoint where it spares pulling more than this.
const CHECKPOINT_WORTH: u64 = 256;

/// Something to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The register that it is about.
    pub register: Did,
    /// What to ask.
    pub ask: Ask,
    /// Whether only the register itself answers; else any organisation that receives notices does.
    pub is_for_register: bool,
}

/// What gossip is told of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gossip {
    /// Right: hand it on.
    Accept,
    /// Neither right nor wrong here: do not hand it on.
    Ignore,
    /// Wrong: whoever sent it should have known.
    Reject,
}

impl Gossip {
    /// What gossip is told of a notice that was refused with this problem.
    pub fn of(problem: &Problem) -> Gossip {
        match problem.code {
            // Our own list may be behind the sender's, or before it; a conflict is evidence that others should see.
            Code::TrustMissing
            | Code::TrustStale
            | Code::ClockSuspect
            | Code::UnknownIssuer
            | Code::UnknownKey
            | Code::TypeNotAllowed
            | Code::KeyOutsideWindow
            | Code::KeyCompromised
            | Code::NotYetValid => Gossip::Ignore,
            Code::NoticeConflict if problem.detail.as_deref() != Some("rejected") => Gossip::Accept,
            Code::NoticeConflict => Gossip::Ignore,
            _ => Gossip::Reject,
        }
    }
}

/// What is being asked of a register's stream.
#[derive(Default)]
pub(super) struct State {
    newest: Option<Timestamp>,
    range: Option<Timestamp>,
    keys: Option<Timestamp>,
    /// A number that somebody announced, without proof.
    hint: u64,
    checkpoint: Option<Fetch>,
    /// Notices that a key signed which was compromised since.
    pub(super) unsound: Unsound,
}

/// A checkpoint whose list of openings is being fetched.
struct Fetch {
    checkpoint: Checkpoint,
    state: Vec<u8>,
    asked: Option<Timestamp>,
}

impl Verifier {
    /// What to ask now, about every register in the trust list. Call it every second or so, and at once after an answer that brought
    /// something: while a gap is open it names the next range each time.
    ///
    /// Errors: what our store says.
    pub fn notices_due(&mut self, now: Timestamp) -> Result<Vec<Pull>, Problem> {
        self.due(now).map_err(|refusal| refusal.told_at_home("notices"))
    }

    fn due(&mut self, now: Timestamp) -> Result<Vec<Pull>, Refusal> {
        let Some(trust) = self.trust.clone() else {
            return Ok(Vec::new());
        };
        let mut pulls = Vec::new();
        let has_customers = !self.notices.tables.customers.table.is_empty()?;
        for organisation in &trust.document().organisations {
            let register = &organisation.did;
            if !organisation.issues.iter().any(|vct| vct == VCT) || *register == self.settings.did {
                continue;
            }
            let name = register.to_string();
            if let Some(ask) = self.notices.ask(now, &name) {
                pulls.push(Pull {
                    register: register.clone(),
                    ask,
                    is_for_register: false,
                });
            }
            if !has_customers {
                continue;
            }
            let state = self.notices.pulls.entry(name.clone()).or_default();
            if state.keys.is_none_or(|at| now.since(at) >= KEYS_SECONDS) {
                state.keys = Some(now);
                pulls.push(Pull {
                    register: register.clone(),
                    ask: Ask::Keys { register: name },
                    is_for_register: true,
                });
            }
            pulls.extend(self.evaluation_due(now, register)?);
        }
        Ok(pulls)
    }

    /// The numbers, first and last, that are missing of a register's stream before what is known of it.
    pub fn notices_missing(&self, register: &str) -> Option<(u64, u64)> {
        self.notices.missing(register)
    }

    /// Takes the answer to a [`Pull`]. Returns what came of each notice in it.
    ///
    /// Errors: of the first notice or paper that is refused (those before it are kept); the peer's own problem; `unexpected_message`
    /// for an answer to something else.
    pub fn take_notices(&mut self, now: Timestamp, pull: &Pull, reply: Reply) -> Result<Vec<Taken>, Problem> {
        self.take_reply(now, pull, reply)
            .map_err(|refusal| refusal.problem("notices"))
    }

    fn take_reply(&mut self, now: Timestamp, pull: &Pull, reply: Reply) -> Result<Vec<Taken>, Refusal> {
        let register = pull.register.to_string();
        match (&pull.ask, reply) {
            (Ask::Newest { .. }, Reply::Newest { notice, checkpoint }) => {
                self.take_newest(now, &register, notice, checkpoint)
            }
            (Ask::Range { from, .. }, Reply::Range { notices }) => {
                let mut taken = Vec::new();
                for text in notices.iter().take(usize::from(RANGE_MAX)) {
                    taken.push(self.take_pulled(now, text)?);
                }
                let is_acted = self.notices.stream(&register).next > *from;
                let state = self.notices.pulls.entry(register).or_default();
                let is_moved = is_acted || state.unsound.holds(*from);
                if is_moved {
                    state.range = None;
                } else if notices.is_empty() {
                    // Nobody is bound by an announcement without proof.
                    state.hint = 0;
                }
                Ok(taken)
            }
            (Ask::State { .. }, Reply::State { total, bytes }) => {
                self.take_state(now, &register, total, &bytes)?;
                Ok(Vec::new())
            }
            (Ask::Keys { .. }, Reply::Keys { statements }) => {
                self.take_keys(now, &register, &statements)?;
                Ok(Vec::new())
            }
            (Ask::Evaluate { .. }, Reply::Evaluated { elements, proof }) => {
                self.take_evaluated(now, &register, &elements, &proof)?;
                Ok(Vec::new())
            }
            (ask, Reply::Problem(problem)) => {
                if matches!(ask, Ask::Evaluate { .. }) {
                    self.evaluations_refused(now, &register, problem.code);
                }
                if matches!(ask, Ask::State { .. })
                    && let Some(state) = self.notices.pulls.get_mut(&register)
                {
                    state.checkpoint = None;
                }
                Err(problem.into())
            }
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    fn take_newest(
        &mut self,
        now: Timestamp,
        register: &str,
        notice: Option<String>,
        checkpoint: Option<String>,
    ) -> Result<Vec<Taken>, Refusal> {
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        let checkpoint = match checkpoint.map(|text| Checkpoint::open(&text, &trust, now)) {
            // The newest notice may be sound all the same.
            Some(Err(problem)) if problem.code == Code::KeyCompromised => None,
            other => other.transpose()?,
        };
        let mut taken = Vec::new();
        if let Some(checkpoint) = checkpoint {
            if checkpoint.register.to_string() != register {
                return Err(Code::WrongRecipient.into());
            }
            taken.extend(self.vouched_by(now, &checkpoint)?);
            let stream = self.notices.stream(register);
            // Only who has acted on nothing yet begins there: a log that has begun is followed notice by notice.
            if stream.next == 1 && stream.frozen.is_none() && checkpoint.number >= CHECKPOINT_WORTH {
                let state = self.notices.pulls.entry(register.to_owned()).or_default();
                let is_newer = state
                    .checkpoint
                    .as_ref()
                    .is_none_or(|fetch| fetch.checkpoint.number < checkpoint.number);
                if is_newer {
                    state.checkpoint = Some(Fetch {
                        checkpoint,
                        state: Vec::new(),
                        asked: None,
                    });
                }
            }
        }
        if let Some(text) = notice {
            if Proposal::parse(&text)?.register().to_string() != register {
                return Err(Code::WrongRecipient.into());
            }
            let notice = self.take_pulled(now, &text)?;
            if notice == Taken::Unsound {
                // What is missing before it is asked for, as after an announcement.
                let state = self.notices.pulls.entry(register.to_owned()).or_default();
                state.hint = state.hint.max(Proposal::parse(&text)?.number());
            }
            taken.push(notice);
        }
        Ok(taken)
    }

    /// A piece of a checkpoint's list of openings; with the last one the log begins there.
    fn take_state(&mut self, now: Timestamp, register: &str, total: u32, bytes: &[u8]) -> Result<(), Refusal> {
        let state = self.notices.pulls.entry(register.to_owned()).or_default();
        let fetch = state.checkpoint.as_mut().ok_or(Code::UnexpectedMessage)?;
        let size = fetch.checkpoint.state_size as usize;
        fetch.asked = None;
        let is_right = total == fetch.checkpoint.state_size
            && (1..=CHUNK).contains(&bytes.len())
            && bytes.len() <= size.saturating_sub(fetch.state.len());
        if !is_right {
            state.checkpoint = None;
            return Err(Problem::new(Code::Malformed, "total").into());
        }
        fetch.state.extend_from_slice(bytes);
        if fetch.state.len() < size {
            return Ok(());
        }
        let Some(fetch) = state.checkpoint.take() else {
            return Ok(());
        };
        // Notices may have acted while it was fetched.
        if self.notices.stream(register).next > 1 {
            return Ok(());
        }
        let mut changes = self.tables.begin();
        let (stream, next_event) = self
            .notices
            .begin_at(&mut changes, now, &fetch.checkpoint, &fetch.state)?;
        changes.commit()?;
        self.notices.next_event = next_event;
        self.notices.streams.insert(register.to_owned(), stream);
        self.changed();
        Ok(())
    }

    /// Takes what gossip brought; `origin` is the organisation whose node published it.
    ///
    /// An announcement counts only from the register itself, and only as a reason to pull.
    pub fn take_notice_gossip(&mut self, now: Timestamp, origin: &Did, data: &[u8]) -> Gossip {
        let text = match protocol::decode::<Digest>(data, DIGEST_MAX) {
            Err(_) => return Gossip::Reject,
            Ok(Digest::Announce { register, number, .. }) => {
                if register != origin.to_string() || number > credentials::notice::NUMBER_MAX {
                    return Gossip::Reject;
                }
                let state = self.notices.pulls.entry(register).or_default();
                state.hint = state.hint.max(number);
                return Gossip::Accept;
            }
            Ok(Digest::Notice { text }) => text,
        };
        match self.take_notice(now, &text) {
            Ok(Taken::Acted(_) | Taken::Waiting(..) | Taken::Frozen) => Gossip::Accept,
            Ok(Taken::Unsound) => Gossip::Ignore,
            // Pulled before its gossip came: others may still wait for it. Older ones are somebody's repetition.
            Ok(Taken::Known) if self.is_newest(&text) => Gossip::Accept,
            Ok(Taken::Known) => Gossip::Ignore,
            Err(Refusal::Ours(error)) => {
                Refusal::Ours(error).problem("notice");
                Gossip::Ignore
            }
            Err(Refusal::Told(problem)) => Gossip::of(&problem),
        }
    }

    fn is_newest(&self, text: &str) -> bool {
        Proposal::parse(text).is_ok_and(|proposal| {
            let stream = self.notices.stream(&proposal.register().to_string());
            proposal.number().saturating_add(1) >= stream.next
        })
    }

    /// Asks every register's stream anew at the next [`Verifier::notices_due`]: after a connection came back.
    pub fn notices_refresh(&mut self) {
        for state in self.notices.pulls.values_mut() {
            state.newest = None;
            state.range = None;
        }
    }
}

impl Desk {
    /// The highest number that anything says there is.
    fn highest(&self, register: &str) -> u64 {
        let told = self
            .pulls
            .get(register)
            .map_or(0, |state| state.hint.max(state.unsound.vouched_to()));
        self.stream(register).seen.max(told)
    }

    fn missing(&self, register: &str) -> Option<(u64, u64)> {
        let next = self.stream(register).next;
        let highest = self.highest(register);
        // The numbers that wait before the first that does not are missing nothing but the gap before them.
        let waiting = self
            .waiting
            .get(register)
            .and_then(|numbers| numbers.range(next..).next());
        let last = waiting.map_or(highest, |first| first.saturating_sub(1).min(highest));
        (last >= next).then_some((next, last))
    }

    /// As [`Desk::missing`], without what came already and waits for somebody to vouch for it.
    fn unasked(&self, register: &str) -> Option<(u64, u64)> {
        let (from, to) = self.missing(register)?;
        let from = self.pulls.get(register).map_or(from, |state| state.unsound.after(from));
        (from <= to).then_some((from, to))
    }

    /// The next question about a register's stream.
    fn ask(&mut self, now: Timestamp, register: &str) -> Option<Ask> {
        let is_frozen = self.stream(register).frozen.is_some();
        let missing = self.unasked(register);
        let state = self.pulls.entry(register.to_owned()).or_default();
        let is_due = |at: Option<Timestamp>, seconds: i64| at.is_none_or(|at| now.since(at) >= seconds);
        if let Some(fetch) = &mut state.checkpoint {
            if !is_due(fetch.asked, AGAIN_SECONDS) {
                return None;
            }
            fetch.asked = Some(now);
            return Some(Ask::State {
                register: register.to_owned(),
                hash: fetch.checkpoint.state_name(),
                offset: u32::try_from(fetch.state.len()).unwrap_or(u32::MAX),
            });
        }
        if is_due(state.newest, NEWEST_SECONDS) {
            state.newest = Some(now);
            return Some(Ask::Newest {
                register: register.to_owned(),
            });
        }
        let (from, to) = missing.filter(|_| !is_frozen && is_due(state.range, AGAIN_SECONDS))?;
        state.range = Some(now);
        let count = to.saturating_sub(from).saturating_add(1).min(u64::from(RANGE_MAX));
        Some(Ask::Range {
            register: register.to_owned(),
            from,
            count: u16::try_from(count).unwrap_or(RANGE_MAX),
        })
    }
}

/// By register.
pub(super) type Pulls = BTreeMap<String, State>;
