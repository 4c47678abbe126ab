//! One connection: gossip is offered to listed peers, and runs when the behaviour says so.
//!
//! A stream that the peer opens before that waits unread. The crate's own handler would speak at once, before `hello`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Poll, Waker};

use futures::future::Either;
use libp2p::core::upgrade::{InboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, NetworkBehaviour, SubstreamProtocol};
use libp2p::{Stream, gossipsub};

/// The crate's handler and what it speaks; it names them only so.
pub(super) type Inner = <gossipsub::Behaviour as NetworkBehaviour>::ConnectionHandler;
pub(super) type InnerIn = <Inner as ConnectionHandler>::FromBehaviour;
pub(super) type InnerOut = <Inner as ConnectionHandler>::ToBehaviour;
pub(super) type Spoken = <Inner as ConnectionHandler>::OutboundProtocol;
type Opened = <Spoken as InboundUpgrade<Stream>>::Output;

/// What the behaviour tells a connection.
pub(in crate::network) enum Order {
    /// Gossip runs from now on, as the run of this number.
    Start(u64, Box<Inner>),
    /// It runs no longer. Streams of it are dropped.
    Stop,
    /// Whether the peer may open streams.
    Offer(bool),
    /// For the run of this number.
    Inner(u64, InnerIn),
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start(..) => "Start",
            Self::Stop => "Stop",
            Self::Offer(_) => "Offer",
            Self::Inner(..) => "Inner",
        })
    }
}

/// What a connection tells the behaviour.
#[derive(Debug)]
pub(in crate::network) enum Report {
    /// The peer opened a stream, which waits.
    Opened,
    /// The peer does not take our streams, or wore out its own; the run of this number cannot go on.
    Worn(u64),
    /// Of the run of this number.
    Inner(u64, InnerOut),
}

/// What the peer may open streams of: gossip, or nothing.
pub(in crate::network) struct Offered {
    spoken: Arc<Spoken>,
    is_offered: bool,
}

impl UpgradeInfo for Offered {
    type Info = <Spoken as UpgradeInfo>::Info;
    type InfoIter = Vec<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        if self.is_offered {
            self.spoken.protocol_info()
        } else {
            Vec::new()
        }
    }
}

impl InboundUpgrade<Stream> for Offered {
    type Output = Opened;
    type Error = Infallible;
    type Future = <Spoken as InboundUpgrade<Stream>>::Future;

    fn upgrade_inbound(self, stream: Stream, info: Self::Info) -> Self::Future {
        Spoken::clone(&self.spoken).upgrade_inbound(stream, info)
    }
}

/// The handler of one connection.
pub(in crate::network) struct Handler {
    spoken: Arc<Spoken>,
    is_offered: bool,
    /// A stream of the peer that waits for a run.
    parked: Option<Opened>,
    run: Option<(u64, Box<Inner>)>,
    reports: VecDeque<Report>,
    waker: Option<Waker>,
}

impl Handler {
    pub(super) fn new(spoken: Arc<Spoken>, is_offered: bool) -> Self {
        Self {
            spoken,
            is_offered,
            parked: None,
            run: None,
            reports: VecDeque::new(),
            waker: None,
        }
    }

    fn opened(&mut self, stream: Opened) {
        if !self.is_offered {
            return;
        }
        match &mut self.run {
            Some((_, inner)) => feed(inner, stream),
            None => {
                // One waits; who opens another has given up the one before.
                self.parked = Some(stream);
                self.reports.push_back(Report::Opened);
            }
        }
        self.notice_wear();
    }

    /// The crate's handler gives up on a connection by no longer offering its protocol, and tells nobody.
    fn notice_wear(&mut self) {
        let Some((number, inner)) = &self.run else {
            return;
        };
        let offers = inner.listen_protocol().upgrade().as_ref().left().is_some();
        if !offers {
            self.reports.push_back(Report::Worn(*number));
            self.run = None;
        }
    }

    /// The run of a number, unless it is over.
    fn run(&mut self, number: u64) -> Option<&mut Inner> {
        let run = self.run.as_mut().filter(|(running, _)| *running == number);
        run.map(|(_, inner)| &mut **inner)
    }
}

fn feed(inner: &mut Inner, stream: Opened) {
    inner.on_connection_event(ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
        protocol: Either::Left(stream),
        info: (),
    }));
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Report;
    type InboundProtocol = Offered;
    type OutboundProtocol = Spoken;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = u64;

    fn listen_protocol(&self) -> SubstreamProtocol<Offered> {
        let offered = Offered {
            spoken: Arc::clone(&self.spoken),
            is_offered: self.is_offered,
        };
        SubstreamProtocol::new(offered, ())
    }

    /// A run keeps its connection. It ends by the behaviour's word or with the other end's.
    fn connection_keep_alive(&self) -> bool {
        self.run.is_some()
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Start(number, mut inner) => {
                if let Some(stream) = self.parked.take() {
                    feed(&mut inner, stream);
                }
                self.run = Some((number, inner));
            }
            Order::Stop => {
                self.run = None;
                self.parked = None;
            }
            Order::Offer(is_offered) => {
                self.is_offered = is_offered;
                if !is_offered {
                    self.parked = None;
                }
            }
            Order::Inner(number, event) => {
                if let Some(inner) = self.run(number) {
                    inner.on_behaviour_event(event);
                }
            }
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offered, Spoken, (), u64>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => self.opened(protocol),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                // A stream that was asked for by a run before is not for this one, which asks for its own.
                if let Some(inner) = self.run(info) {
                    inner.on_connection_event(ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                        protocol,
                        info: (),
                    }));
                }
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                if let Some(inner) = self.run(info) {
                    inner.on_connection_event(ConnectionEvent::DialUpgradeError(DialUpgradeError { info: (), error }));
                }
                self.notice_wear();
            }
            _ => {}
        }
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<ConnectionHandlerEvent<Spoken, u64, Report>> {
        if let Some(report) = self.reports.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
        }
        while let Some((number, inner)) = &mut self.run {
            let number = *number;
            match inner.poll(cx) {
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol }) => {
                    let protocol = protocol.map_info(|()| number);
                    return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
                }
                Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event)) => {
                    return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Report::Inner(number, event)));
                }
                // What it learns of the peer's protocols is for nobody here.
                Poll::Ready(_) => {}
                Poll::Pending => break,
            }
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("gossip::Handler")
            .field("is_offered", &self.is_offered)
            .field("runs", &self.run.is_some())
            .finish_non_exhaustive()
    }
}
