//! One connection: hello first, then requests and answers within the limits.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::Stream;
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::stream::{self, Done, Names};
use super::{Failure, Outgoing};
use crate::network::context::Context;
use crate::network::frame::{self, Answer, Held};
use crate::network::pace::Verdict;
use crate::network::peers::Peer;
use crate::network::{Error, Inbound, PeerName, Protocol, Refusal, Standing};
use std::time::Duration;

/// How often a listed peer's hello is judged again.
const AGAIN: Duration = Duration::from_secs(2);

/// What a connection tells its behaviour.
#[derive(Debug)]
pub(in crate::network) enum Report {
    /// Hello succeeded; requests may flow.
    Ready,
    /// Hello failed; the connection must go.
    HelloFailed(Failure),
    /// The peer misbehaved; the connection must go.
    Close(&'static str),
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Our hello, as the side that dialled, is yet to be sent.
    Greeting,
    /// The hello of the other end, or its answer to ours, is awaited.
    Awaiting,
    Ready,
    /// Being closed; nothing is served.
    Ending,
}

/// The hello of a listed peer, which may count no more one day.
struct Heard {
    body: Vec<u8>,
    /// When it is judged again.
    again: Pin<Box<Sleep>>,
    /// Whether it counted no more the last time; what is under way then has until the next.
    is_over: bool,
}

/// Why a stream of ours was opened.
#[derive(Debug)]
pub(in crate::network) enum Purpose {
    Hello,
    Request(Outgoing),
}

/// How a connection came about.
pub(super) struct Path {
    /// Whether we dialled it.
    pub(super) dialled: bool,
    /// Whether it leads through a relay.
    pub(super) relayed: bool,
    /// Where the other end counts as being.
    pub(super) origin: IpAddr,
}

/// The handler of one connection.
pub(in crate::network) struct Handler {
    context: Arc<Context>,
    peer: Arc<Peer>,
    dialled: bool,
    origin: IpAddr,
    state: State,
    standing: Standing,
    heard: Option<Heard>,
    /// End of the greeting, or of lingering after a refusal.
    deadline: Option<Pin<Box<Sleep>>>,
    failure: Failure,
    /// Requests that overtook the answer to our hello.
    parked: Vec<(Stream, Protocol)>,
    waiting: VecDeque<Outgoing>,
    inbound: usize,
    /// Requests over the limit of [`crate::network::Limits::streams`] that are being told so.
    turned_away: usize,
    outbound: usize,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    reports: VecDeque<Report>,
}

impl Handler {
    pub(super) fn new(context: Arc<Context>, peer: Arc<Peer>, path: &Path) -> Self {
        let Path {
            dialled,
            relayed,
            origin,
        } = *path;
        peer.connected(dialled, relayed);
        let until = Instant::now() + Protocol::Hello.timeout();
        Self {
            context,
            peer,
            dialled,
            origin,
            state: if dialled { State::Greeting } else { State::Awaiting },
            standing: Standing::Full,
            heard: None,
            deadline: Some(Box::pin(sleep_until(until))),
            failure: Failure::Timeout,
            parked: Vec::new(),
            waiting: VecDeque::new(),
            inbound: 0,
            turned_away: 0,
            outbound: 0,
            work: FuturesUnordered::new(),
            reports: VecDeque::new(),
        }
    }

    fn name(&self) -> &PeerName {
        self.peer.name()
    }

    fn fail(&mut self, failure: Failure) {
        self.state = State::Ending;
        self.deadline = None;
        self.parked.clear();
        self.reports.push_back(Report::HelloFailed(failure));
    }

    fn close(&mut self, reason: &'static str) {
        self.state = State::Ending;
        self.parked.clear();
        self.reports.push_back(Report::Close(reason));
    }

    fn ready(&mut self, standing: Standing, hello: &[u8]) {
        if self.context.shared.greeter.is_listed(self.name()) {
            self.heard = Some(Heard {
                body: hello.to_vec(),
                again: Box::pin(sleep_until(Instant::now() + AGAIN)),
                is_over: false,
            });
        }
        self.standing = standing;
        if self.state == State::Ready {
            return;
        }
        self.state = State::Ready;
        self.deadline = None;
        self.reports.push_back(Report::Ready);
        for (stream, protocol) in std::mem::take(&mut self.parked) {
            self.serve(stream, protocol);
        }
    }

    /// Judges again what the peer said when it greeted. A connection that is at work has until the next time to end it.
    fn judge_again(&mut self) {
        let Some(heard) = &mut self.heard else { return };
        heard.again.as_mut().reset(Instant::now() + AGAIN);
        let greeter = &self.context.shared.greeter;
        match greeter.check_again(self.peer.name(), &heard.body, self.dialled) {
            Some(standing) => {
                heard.is_over = false;
                self.standing = standing;
            }
            None if !heard.is_over && self.inbound + self.outbound > 0 => heard.is_over = true,
            None => {
                self.heard = None;
                self.close("its certificate counts no more");
            }
        }
    }

    /// A stream that the peer opened.
    fn opened(&mut self, stream: Stream, protocol: Protocol) {
        if self.context.is_stopping() {
            return;
        }
        if self.inbound + self.parked.len() >= self.context.shared.settings.limits.streams {
            self.turn_away(stream, protocol);
            return;
        }
        match (self.state, protocol) {
            (State::Ending, _) => {}
            // Only the side that dialled says hello first.
            (_, Protocol::Hello) if self.dialled => self.close("hello from the side dialled"),
            (State::Ready, _) | (State::Awaiting, Protocol::Hello) => self.serve(stream, protocol),
            (State::Greeting | State::Awaiting, _) if self.dialled => {
                self.parked.push((stream, protocol));
            }
            (State::Greeting | State::Awaiting, _) => self.close("request before hello"),
        }
    }

    /// Refuses a request for which there is no place on this connection. As many as are served are told; a peer that goes
    /// on regardless is disconnected.
    fn turn_away(&mut self, stream: Stream, protocol: Protocol) {
        if self.state != State::Ready || self.turned_away >= self.context.shared.settings.limits.streams {
            tracing::debug!(peer = %self.name(), %protocol, "stream dropped");
            return;
        }
        if self.peer.refuse() == Verdict::Disconnect {
            self.close("over the streams of a connection again and again");
            return;
        }
        self.turned_away += 1;
        let body = self.refusal(protocol, Refusal::Busy);
        let peer = Arc::clone(&self.peer);
        self.work
            .push(Box::pin(stream::tell(stream, protocol, body, peer, Done::TurnedAway)));
    }

    fn serve(&mut self, stream: Stream, protocol: Protocol) {
        match self.peer.take(protocol) {
            Verdict::Serve if self.standing == Standing::TrustOnly && !is_of_trust(protocol) => {
                self.inbound += 1;
                let body = self.refusal(protocol, Refusal::Unproven);
                let peer = Arc::clone(&self.peer);
                self.work.push(Box::pin(stream::refuse(stream, protocol, body, peer)));
            }
            Verdict::Serve => {
                self.inbound += 1;
                let context = Arc::clone(&self.context);
                self.work.push(Box::pin(stream::arrive(stream, protocol, context)));
            }
            Verdict::Refuse => {
                self.inbound += 1;
                let body = self.refusal(protocol, Refusal::Busy);
                let peer = Arc::clone(&self.peer);
                self.work.push(Box::pin(stream::refuse(stream, protocol, body, peer)));
            }
            Verdict::Disconnect => self.close("over the rate again and again"),
        }
    }

    fn refusal(&self, protocol: Protocol, why: Refusal) -> Vec<u8> {
        let mut body = self.context.shared.greeter.refusal(self.name(), protocol, why);
        body.truncate(frame::REFUSAL_BYTES_MAX);
        body
    }

    /// A request that has been read whole.
    fn arrived(&mut self, stream: Stream, protocol: Protocol, held: Held, until: Instant) {
        self.peer.request_in(protocol, held.body.len());
        let (reply, answer) = oneshot::channel();
        if protocol == Protocol::Hello {
            drop(reply.send(self.greeted_by(&held.body)));
        } else if self.state == State::Ready {
            self.hand_over(protocol, held, reply);
        }
        self.work.push(Box::pin(stream::answer(
            stream,
            protocol,
            until,
            answer,
            Arc::clone(&self.peer),
            self.context.answering(),
        )));
    }

    fn greeted_by(&mut self, body: &[u8]) -> Answer {
        let greeter = Arc::clone(&self.context.shared.greeter);
        match greeter.check(self.name(), body, false) {
            Ok(standing) => {
                self.ready(standing, body);
                Answer::Body(greeter.hello(Some(self.name())))
            }
            Err(mut refusal) => {
                refusal.truncate(frame::REFUSAL_BYTES_MAX);
                // The refusal must leave before the connection does.
                self.state = State::Ending;
                self.failure = Failure::NotAccepted(Vec::new());
                self.deadline = Some(Box::pin(sleep_until(Instant::now() + stream::LINGER)));
                Answer::Refusal(refusal)
            }
        }
    }

    /// Gives a request to the service, or refuses it at once when the service is behind.
    fn hand_over(&self, protocol: Protocol, held: Held, reply: oneshot::Sender<Answer>) {
        let inbound = Inbound {
            peer: self.name().clone(),
            protocol,
            body: held.body,
            origin: self.origin,
            share: held.share,
            reply,
        };
        if let Some(inbound) = self.context.deliver(inbound) {
            inbound.refuse(self.refusal(protocol, Refusal::Busy));
        }
    }

    /// A request that could not be read: the peer is told why where it still listens.
    fn unreadable(&mut self, stream: Stream, protocol: Protocol, error: &frame::Error) {
        tracing::debug!(peer = %self.name(), %protocol, %error, "request not readable");
        let why = reason(error);
        // A peer that ignores the limits or the form gets no second request in.
        let is_last = matches!(why, Refusal::TooLarge | Refusal::Malformed);
        let done = if is_last { Done::Told } else { Done::Answered };
        if is_last {
            self.state = State::Ending;
            self.deadline = None;
            self.parked.clear();
        }
        let body = self.refusal(protocol, why);
        let peer = Arc::clone(&self.peer);
        self.work
            .push(Box::pin(stream::tell(stream, protocol, body, peer, done)));
    }

    /// The answer to our hello.
    fn greeted(&mut self, answer: Result<Answer, Error>) {
        if self.state != State::Awaiting {
            return;
        }
        match answer {
            Ok(Answer::Body(body)) => match self.context.shared.greeter.check(self.peer.name(), &body, true) {
                Ok(standing) => self.ready(standing, &body),
                Err(refusal) => self.fail(Failure::NotAccepted(refusal)),
            },
            Ok(Answer::Refusal(body)) => self.fail(Failure::Refused(body)),
            Err(Error::Timeout) => self.fail(Failure::Timeout),
            Err(Error::Closed) => self.fail(Failure::Closed),
            Err(_) => self.fail(Failure::Malformed),
        }
    }

    fn finished(&mut self, done: Done) {
        match done {
            Done::Greeted(answer) => {
                self.outbound -= 1;
                self.greeted(answer);
            }
            Done::Arrived {
                stream,
                protocol,
                held,
                until,
            } => self.arrived(stream, protocol, held, until),
            Done::Unreadable {
                stream,
                protocol,
                error,
            } => self.unreadable(stream, protocol, &error),
            Done::Told => {
                self.inbound -= 1;
                self.close("over the limit of the protocol");
            }
            Done::TurnedAway => self.turned_away -= 1,
            Done::Answered => self.inbound -= 1,
            Done::Finished => self.outbound -= 1,
        }
    }

    fn want(&mut self, protocol: Protocol, purpose: Purpose) -> ConnectionHandlerEvent<Names, Purpose, Report> {
        self.outbound += 1;
        ConnectionHandlerEvent::OutboundSubstreamRequest {
            protocol: SubstreamProtocol::new(Names::only(protocol), purpose).with_timeout(protocol.timeout()),
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Outgoing;
    type ToBehaviour = Report;
    type InboundProtocol = Names;
    type OutboundProtocol = Names;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Purpose;

    fn listen_protocol(&self) -> SubstreamProtocol<Names> {
        // An identity that only dials serves nothing and says so.
        let names: &'static [Protocol] = if self.context.serves { &Protocol::ALL } else { &[] };
        SubstreamProtocol::new(Names(names), ()).with_timeout(Protocol::Hello.timeout())
    }

    fn connection_keep_alive(&self) -> bool {
        !self.work.is_empty() || !self.waiting.is_empty() || self.deadline.is_some()
    }

    fn on_behaviour_event(&mut self, out: Outgoing) {
        if self.waiting.len() >= super::WAITING_PER_PEER_MAX {
            out.finish(Err(Error::Busy));
        } else {
            self.waiting.push_back(out);
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Names, Names, (), Purpose>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol),
                ..
            }) => self.opened(stream, protocol),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: (stream, _),
                info,
            }) => {
                let peer = Arc::clone(&self.peer);
                match info {
                    Purpose::Hello => {
                        let body = self.context.shared.greeter.hello(Some(self.name()));
                        self.work.push(Box::pin(stream::greet(stream, body, peer)));
                    }
                    Purpose::Request(out) => {
                        self.work.push(Box::pin(stream::ask(stream, out, peer)));
                    }
                }
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                self.outbound -= 1;
                let error = match error {
                    StreamUpgradeError::Timeout => Error::Timeout,
                    StreamUpgradeError::NegotiationFailed => Error::Unsupported,
                    StreamUpgradeError::Apply(never) => match never {},
                    StreamUpgradeError::Io(_) => Error::Closed,
                };
                match info {
                    Purpose::Hello => self.greeted(Err(error)),
                    Purpose::Request(out) => out.finish(Err(error)),
                }
            }
            _ => {}
        }
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<ConnectionHandlerEvent<Names, Purpose, Report>> {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
            }
            if self.state == State::Greeting {
                self.state = State::Awaiting;
                return Poll::Ready(self.want(Protocol::Hello, Purpose::Hello));
            }
            if let Some(deadline) = &mut self.deadline
                && deadline.as_mut().poll(cx).is_ready()
            {
                self.fail(self.failure.clone());
                continue;
            }
            match self.work.poll_next_unpin(cx) {
                Poll::Ready(Some(done)) => {
                    self.finished(done);
                    continue;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            if self.state == State::Ready
                && let Some(heard) = &mut self.heard
                && heard.again.as_mut().poll(cx).is_ready()
            {
                self.judge_again();
                continue;
            }
            let is_free = self.outbound < self.context.shared.settings.limits.streams;
            if self.state == State::Ready
                && is_free
                && let Some(out) = self.waiting.pop_front()
            {
                if self.standing == Standing::TrustOnly && !is_of_trust(out.protocol) {
                    let why = self.refusal(out.protocol, Refusal::Unproven);
                    out.finish(Err(Error::NotAccepted(why)));
                    continue;
                }
                return Poll::Ready(self.want(out.protocol, Purpose::Request(out)));
            }
            return Poll::Pending;
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.peer.disconnected();
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("peer", self.name())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Whether a protocol is about the trust list alone.
fn is_of_trust(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Hello | Protocol::Trust)
}

/// What a peer is told whose request could not be read.
fn reason(error: &frame::Error) -> Refusal {
    match error {
        frame::Error::TooLarge { .. } => Refusal::TooLarge,
        frame::Error::Malformed => Refusal::Malformed,
        frame::Error::Full => Refusal::Busy,
        frame::Error::Io(_) => Refusal::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_in_which_a_request_cannot_be_read_is_told_as_itself() {
        let (limit, got) = (1, 2);
        assert_eq!(reason(&frame::Error::TooLarge { limit, got }), Refusal::TooLarge);
        assert_eq!(reason(&frame::Error::Malformed), Refusal::Malformed);
        assert_eq!(reason(&frame::Error::Full), Refusal::Busy);
        let cut = std::io::ErrorKind::UnexpectedEof.into();
        assert_eq!(reason(&frame::Error::Io(cut)), Refusal::Incomplete);
    }
}
