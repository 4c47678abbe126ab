//! The operator's desk: what peers ask of mailboxes is answered in batches, so that many share one commit.

use super::Service;
use crate::clock;
use crate::error::Failure;
use crate::mailbox::{Holding, Limits, Mailbox, Peer};
use credentials::protocol::mailbox::{Ask, Reply};
use credentials::{Code, Problem};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Questions that are taken together.
const TOGETHER: usize = 128;
/// Questions that wait for the batch before theirs.
const WAITING: usize = 256;
/// How often it is looked whether something ends.
const LOOK: Duration = Duration::from_secs(5);

/// A question with the way back.
struct Question {
    /// Where a stranger comes from; none for a listed organisation.
    stranger: Option<IpAddr>,
    ask: Ask,
    reply: oneshot::Sender<Reply>,
}

/// Where questions go.
pub(super) struct Desk {
    questions: mpsc::Sender<Question>,
    /// Until the desk is at work.
    opened: std::sync::Mutex<Option<(Mailbox, mpsc::Receiver<Question>)>>,
    /// How much there was after the last batch.
    holding: std::sync::Mutex<Holding>,
}

impl Desk {
    /// Reads the queues.
    pub(super) fn open(store: &store::Store, operator: credentials::Did) -> Result<Desk, Failure> {
        let mailbox = Mailbox::open(store, operator, Limits::default())?;
        let (questions, waiting) = mpsc::channel(WAITING);
        let holding = std::sync::Mutex::new(mailbox.holding());
        let opened = std::sync::Mutex::new(Some((mailbox, waiting)));
        Ok(Desk {
            questions,
            opened,
            holding,
        })
    }

    /// How much there is.
    pub(super) fn holding(&self) -> Result<Holding, Problem> {
        Ok(*super::lock(&self.holding)?)
    }

    /// Whether a failure came in the midst of a change.
    pub(super) fn is_poisoned(&self) -> bool {
        self.opened.is_poisoned() || self.holding.is_poisoned()
    }

    fn note(&self, mailbox: &Mailbox) {
        if let Ok(mut holding) = super::lock(&self.holding) {
            *holding = mailbox.holding();
        }
    }
}

/// Answers until the service ends.
pub(super) async fn run(service: Arc<Service>) {
    let Some(desk) = &service.desk else { return };
    let opened = super::lock(&desk.opened).ok().and_then(|mut opened| opened.take());
    let Some((mut mailbox, mut waiting)) = opened else {
        return;
    };
    let mut look = tokio::time::interval(LOOK);
    loop {
        let first = tokio::select! {
            question = waiting.recv() => question,
            _ = look.tick() => {
                tick(&mut mailbox);
                desk.note(&mailbox);
                continue;
            }
        };
        let Some(first) = first else { return };
        let mut batch = vec![first];
        while batch.len() < TOGETHER
            && let Ok(question) = waiting.try_recv()
        {
            batch.push(question);
        }
        tokio::task::block_in_place(|| answer(&mut mailbox, batch));
        desk.note(&mailbox);
    }
}

fn answer(mailbox: &mut Mailbox, batch: Vec<Question>) {
    let mut asks = Vec::with_capacity(batch.len());
    let mut ways = Vec::with_capacity(batch.len());
    for question in batch {
        let octets = question.stranger.map(|from| match from {
            IpAddr::V4(from) => from.octets().to_vec(),
            IpAddr::V6(from) => from.octets().to_vec(),
        });
        asks.push((octets, question.ask));
        ways.push(question.reply);
    }
    let asks: Vec<(Peer<'_>, Ask)> = asks
        .iter()
        .map(|(octets, ask)| match octets {
            Some(octets) => (Peer::Stranger(octets), ask.clone()),
            None => (Peer::Listed, ask.clone()),
        })
        .collect();
    let answers = mailbox.answer(&asks, clock::now(), &mut clock::System);
    if let Some(failure) = answers.failed {
        tracing::error!(%failure, cause = failure.cause, "mailboxes failed on our side");
    }
    for (way, reply) in ways.into_iter().zip(answers.replies) {
        // Who went away asks again.
        drop(way.send(reply));
    }
}

fn tick(mailbox: &mut Mailbox) {
    let now = clock::now();
    if mailbox.wake().is_none_or(|when| when > now) {
        return;
    }
    match tokio::task::block_in_place(|| mailbox.tick(now)) {
        Ok(ticked) => tracing::debug!(dropped = ticked.dropped, ended = ticked.ended, "mailboxes"),
        Err(failure) => tracing::error!(%failure, cause = failure.cause, "what is over could not be dropped"),
    }
}

impl Service {
    /// Answers a question about mailboxes.
    pub(super) async fn answer_mailbox(&self, peer: &str, origin: IpAddr, ask: Ask) -> Result<Reply, Problem> {
        let desk = self.desk.as_ref().ok_or(Code::UnexpectedMessage)?;
        let is_listed = self
            .trust()
            .is_some_and(|trust| trust.organisation_of_peer(peer).is_some());
        let (reply, answer) = oneshot::channel();
        let question = Question {
            stranger: (!is_listed).then_some(origin),
            ask,
            reply,
        };
        desk.questions.try_send(question).map_err(|_| Code::RateLimited)?;
        answer.await.map_err(|_| Code::Internal.into())
    }
}
