//! Inbound connections by where they come from: one address cannot take every place, and some places are kept for
//! organisations that the trust document names.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::task::Poll;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{PeerId, core::ConnectedPoint};

use super::PeerName;
use super::context::Context;

/// Bits of an IPv6 address that name the network of one subscriber (RFC 6177): whoever has one address has them all.
const IPV6_NETWORK: u128 = !0 << 64;

/// Why a connection was not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Denied {
    /// Its address has as many connections as one may have.
    #[error("too many connections from one address")]
    Address,
    /// The places that are left are for organisations.
    #[error("the places left are kept for listed organisations")]
    Reserved,
}

/// The place of an address in the count.
pub(super) fn network_of(address: &Multiaddr) -> IpAddr {
    match address.iter().next() {
        Some(Part::Ip4(ip)) => IpAddr::V4(ip),
        Some(Part::Ip6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => IpAddr::V4(ip),
            None => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & IPV6_NETWORK)),
        },
        // Through relays nobody has an address: all who come so share one count, so that they cannot take every place.
        _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Counts inbound connections and refuses those that are too many.
pub(super) struct Behaviour {
    context: Arc<Context>,
    /// Connections that are agreeing on keys.
    pending: HashMap<ConnectionId, IpAddr>,
    /// Connections of peers that no trust document names.
    strangers: HashMap<ConnectionId, IpAddr>,
}

impl Behaviour {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            pending: HashMap::new(),
            strangers: HashMap::new(),
        }
    }

    fn is_listed(&self, peer: &PeerId) -> bool {
        PeerName::of(*peer).is_ok_and(|name| self.context.shared.greeter.is_listed(&name))
    }
}

/// How many connections an address has.
fn count(connections: &HashMap<ConnectionId, IpAddr>, from: IpAddr) -> u32 {
    let count = connections.values().filter(|ip| **ip == from).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let from = network_of(from);
        if count(&self.pending, from) >= self.context.shared.settings.limits.pending_per_address {
            return Err(ConnectionDenied::new(Denied::Address));
        }
        self.pending.insert(id, from);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&id);
        if self.is_listed(&peer) {
            return Ok(dummy::ConnectionHandler);
        }
        let limits = &self.context.shared.settings.limits;
        if count(&self.strangers, network_of(from)) >= limits.per_address {
            return Err(ConnectionDenied::new(Denied::Address));
        }
        let strangers = u32::try_from(self.strangers.len()).unwrap_or(u32::MAX);
        if strangers >= limits.established_in.saturating_sub(limits.reserved_in) {
            return Err(ConnectionDenied::new(Denied::Reserved));
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                connection_id,
                peer_id,
                endpoint: ConnectedPoint::Listener { send_back_addr, .. },
                ..
            }) if !self.is_listed(&peer_id) => {
                self.strangers.insert(connection_id, network_of(send_back_addr));
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.strangers.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.pending.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut std::task::Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_a_mapped_one_as_its_ipv4() {
        let network = |text: &str| network_of(&text.parse().expect("an address"));
        let one = network("/ip6/2001:db8:1:2::1/udp/9/quic-v1");
        assert_eq!(one, network("/ip6/2001:db8:1:2:ffff::9/tcp/9"));
        assert_ne!(one, network("/ip6/2001:db8:1:3::1/tcp/9"));
        let four = network("/ip4/192.0.2.1/tcp/9");
        assert_eq!(four, network("/ip6/::ffff:192.0.2.1/tcp/9"));
        assert_ne!(four, network("/ip4/192.0.2.2/tcp/9"));
    }
}
