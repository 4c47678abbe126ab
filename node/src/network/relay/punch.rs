//! A direct connection beside one through a relay, where both ends can be made to let the other in (libp2p's DCUtR).
//!
//! Both ends tell each other, through the relay, where others see them, and dial each other there at one time. Who only dials
//! takes no connection in: what it dials arrives, as an inbound connection like any other, because what the other end sends
//! to it has opened that end's door; the dial that opened it comes to nothing. That address is the one
//! thing here that a peer says and no list confirms, so that libp2p's behaviour gets a guard: only by QUIC, only at public
//! addresses, few, and few at a time. TCP is left out, since it would have to be dialled from the listening port
//! ([`crate::network::own_port`]).

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::task::Poll;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NewExternalAddrCandidate, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, dcutr};
use tokio::time::Instant;

use crate::network::context::Context;
use crate::network::pace::{Bucket, Rate};

/// Addresses that are sent to for one peer, and most of ours that we tell: one of IPv4, one of IPv6, and those at which we
/// were before our provider gave us others.
const ADDRESSES_MAX: usize = 8;
/// Tries under way at one time; each ends after the time of a handshake.
const UNDER_WAY_MAX: usize = 8;
/// Connections that came about so. They count as dialled ones, of which most are for our own requests.
const OPEN_MAX: usize = 16;
/// Tries over all peers.
const TRIES: Rate = Rate {
    burst: 16,
    per_second: 1,
};
/// Tries in the life of a swarm. libp2p's behaviour forgets none of them and keeps some hundred bytes of each.
const TRIES_MAX: u32 = 100_000;

/// Why there was no try.
#[derive(Debug, thiserror::Error)]
enum Denied {
    #[error("an address that is not public, or not of QUIC, or too many")]
    Address,
    #[error("too many tries for direct connections")]
    Tries,
    #[error("too many connections that were tried for")]
    Open,
}

/// libp2p's behaviour and its guard.
pub(in crate::network) struct Behaviour {
    inner: dcutr::Behaviour,
    context: Arc<Context>,
    /// Where others saw us, as far as it is told.
    own: HashSet<Multiaddr>,
    asked: HashSet<ConnectionId>,
    open: HashSet<ConnectionId>,
    /// Connections with peers, through relays and not.
    relayed: HashMap<PeerId, usize>,
    direct: HashMap<PeerId, usize>,
    pace: Bucket,
    tries_left: u32,
}

fn more(connections: &mut HashMap<PeerId, usize>, peer: PeerId) {
    let count = connections.entry(peer).or_default();
    *count = count.saturating_add(1);
}

fn less(connections: &mut HashMap<PeerId, usize>, peer: &PeerId) {
    let Some(count) = connections.get_mut(peer) else { return };
    *count = count.saturating_sub(1);
    if *count == 0 {
        connections.remove(peer);
    }
}

impl Behaviour {
    pub(in crate::network) fn new(own: PeerId, context: Arc<Context>) -> Self {
        Self {
            inner: dcutr::Behaviour::new(own),
            context,
            own: HashSet::new(),
            asked: HashSet::new(),
            open: HashSet::new(),
            relayed: HashMap::new(),
            direct: HashMap::new(),
            pace: Bucket::full(TRIES, Instant::now()),
            tries_left: TRIES_MAX,
        }
    }

    /// Whether an address at which somebody saw us is told to who talks with us through a relay.
    fn is_told(&mut self, address: &Multiaddr) -> bool {
        if !is_public_quic(address) {
            return false;
        }
        if self.own.len() < ADDRESSES_MAX {
            self.own.insert(address.clone());
        }
        self.own.contains(address)
    }

    fn judge(&mut self, addresses: &[Multiaddr]) -> Result<(), Denied> {
        if addresses.is_empty() || addresses.len() > ADDRESSES_MAX || !addresses.iter().all(is_public_quic) {
            return Err(Denied::Address);
        }
        if self.asked.len() > UNDER_WAY_MAX || self.tries_left == 0 || !self.pace.take(TRIES, Instant::now()) {
            return Err(Denied::Tries);
        }
        self.tries_left = self.tries_left.saturating_sub(1);
        Ok(())
    }
}

/// Whether it is an address at which a stranger may have us send: of the public internet, by QUIC.
fn is_public_quic(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Part::Ip4(ip)) => IpAddr::V4(ip),
        Some(Part::Ip6(ip)) => IpAddr::V6(ip),
        _ => return false,
    };
    let is_quic = matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (Some(Part::Udp(port)), Some(Part::QuicV1), None | Some(Part::P2p(_)), None) if port != 0
    );
    is_quic && is_public(ip)
}

/// Addresses that lead to another machine on the internet: not to this one, to its neighbours, to many at once, or nowhere.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public_4(ip),
            None => is_public_6(ip),
        },
    }
}

fn is_public_4(ip: Ipv4Addr) -> bool {
    // RFC 6598: between a provider and its subscribers.
    let [first, second, ..] = ip.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_reserved = first == 0 || first >= 240;
    !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || is_shared || is_reserved)
}

fn is_public_6(ip: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3, and of it nothing that is IPv4 in disguise (RFC 3056, RFC 4380).
    let [first, second, ..] = ip.segments();
    let is_global = first & 0xe000 == 0x2000;
    let is_tunnel = first == 0x2002 || (first, second) == (0x2001, 0);
    is_global && !is_tunnel
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = <dcutr::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = dcutr::Event;

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if self.asked.contains(&id) {
            self.judge(addresses).map_err(ConnectionDenied::new)?;
        }
        Ok(Vec::new())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.asked.contains(&id) && self.open.len() >= OPEN_MAX {
            return Err(ConnectionDenied::new(Denied::Open));
        }
        self.inner
            .handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match &event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let is_met = endpoint.is_listener() && self.relayed.contains_key(peer_id);
                if endpoint.is_relayed() {
                    more(&mut self.relayed, *peer_id);
                } else {
                    more(&mut self.direct, *peer_id);
                    if is_met {
                        self.context.relaying.punched();
                    }
                }
                if self.asked.remove(connection_id) {
                    self.open.insert(*connection_id);
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let is_relayed = endpoint.is_relayed();
                less(
                    if is_relayed {
                        &mut self.relayed
                    } else {
                        &mut self.direct
                    },
                    peer_id,
                );
                self.open.remove(connection_id);
            }
            FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr }) if !self.is_told(addr) => return,
            FromSwarm::DialFailure(DialFailure {
                peer_id,
                connection_id,
                error,
            }) if self.asked.remove(connection_id) => {
                tracing::debug!(own = %self.context.own, %error, "not reached directly");
                // It has reached us meanwhile: no other try.
                if peer_id.is_some_and(|peer| self.direct.contains_key(&peer)) {
                    return;
                }
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        let event = self.inner.poll(cx);
        if let Poll::Ready(ToSwarm::Dial { opts }) = &event {
            self.asked.insert(opts.connection_id());
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_us_send_to_public_addresses_by_quic_alone() {
        let is_sent_to = |text: &str| is_public_quic(&text.parse().expect("an address"));
        for public in [
            "/ip4/203.0.113.7/udp/4001/quic-v1",
            "/ip6/2001:db8::1/udp/4001/quic-v1",
            "/ip4/203.0.113.7/udp/4001/quic-v1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
        ] {
            assert!(is_sent_to(public), "{public}");
        }
        for other in [
            "/ip4/203.0.113.7/tcp/4001",
            "/ip4/203.0.113.7/udp/4001",
            "/ip4/203.0.113.7/udp/0/quic-v1",
            "/ip4/203.0.113.7/udp/4001/quic-v1/p2p-circuit",
            "/ip4/127.0.0.1/udp/4001/quic-v1",
            "/ip4/10.1.2.3/udp/4001/quic-v1",
            "/ip4/192.168.1.1/udp/4001/quic-v1",
            "/ip4/169.254.169.254/udp/4001/quic-v1",
            "/ip4/100.64.0.1/udp/4001/quic-v1",
            "/ip4/224.0.0.1/udp/4001/quic-v1",
            "/ip4/255.255.255.255/udp/4001/quic-v1",
            "/ip4/0.0.0.0/udp/4001/quic-v1",
            "/ip6/::1/udp/4001/quic-v1",
            "/ip6/fe80::1/udp/4001/quic-v1",
            "/ip6/fd00::1/udp/4001/quic-v1",
            "/ip6/ff02::1/udp/4001/quic-v1",
            "/ip6/::ffff:10.0.0.1/udp/4001/quic-v1",
            "/ip6/2002:a00:1::1/udp/4001/quic-v1",
            "/ip6/2001:0:a00:1::1/udp/4001/quic-v1",
            "/dns4/bank.example/udp/4001/quic-v1",
        ] {
            assert!(!is_sent_to(other), "{other}");
        }
    }
}
