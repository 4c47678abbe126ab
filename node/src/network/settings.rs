//! What the configuration decides.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Address, Rate, Rates};

/// Which transports are listened on and dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Both; QUIC addresses are tried before TCP ones.
    #[default]
    QuicThenTcp,
    /// TCP with Noise and Yamux only.
    TcpOnly,
    /// QUIC v1 only.
    QuicOnly,
}

impl Transport {
    /// The addresses that can be dialled, in the order in which they are tried: a way through a relay comes last.
    pub(super) fn usable(self, addresses: &[Address]) -> Vec<Address> {
        let is_usable = |address: &&Address| match self {
            Self::QuicThenTcp => true,
            Self::TcpOnly => !address.is_quic(),
            Self::QuicOnly => address.is_quic(),
        };
        let mut usable: Vec<_> = addresses.iter().filter(is_usable).cloned().collect();
        usable.sort_by_key(|address| (address.relay().is_some(), !address.is_quic()));
        usable
    }
}

/// One network interface to listen on. A port of 0 lets the system pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOn {
    /// The interface's address.
    pub ip: IpAddr,
    /// UDP port of QUIC.
    pub quic: u16,
    /// TCP port.
    pub tcp: u16,
}

impl ListenOn {
    /// Loopback with ports that the system picks.
    pub const LOOPBACK: Self = Self {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        quic: 0,
        tcp: 0,
    };
}

/// What peers may make us hold. The defaults serve an organisation on one machine.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Inbound connections that are agreeing on keys. A handshake is the costliest thing
    /// a stranger can ask for, and one that never goes on costs the stranger nothing: as many
    /// as eight addresses may have ([`Limits::pending_per_address`]).
    pub pending_in: u32,
    /// Dials under way.
    pub pending_out: u32,
    /// Inbound connections. Each may hold about 1 MiB of unread bytes.
    pub established_in: u32,
    /// Connections that we dialled. Counted apart, so that inbound ones cannot crowd out
    /// those that we need.
    pub established_out: u32,
    /// Connections with one peer: one each way, and those of a process that was killed and came back, which count until
    /// they have been silent for [`Settings::idle`].
    pub per_peer: u32,
    /// Inbound connections from one IPv4 address or one IPv6 network (/64), of peers that the trust document does not name.
    /// Many wallets stand behind one address of a mobile operator; one address must not take every place.
    pub per_address: u32,
    /// The same for connections that are agreeing on keys, whoever they are: that is not known yet.
    pub pending_per_address: u32,
    /// Places of [`Limits::established_in`] that only peers get that the trust document names.
    pub reserved_in: u32,
    /// Resident memory of the process in bytes above which no connection is made.
    pub memory_bytes: usize,
    /// Bytes of request bodies that all peers together may have us hold; a request that
    /// does not fit is refused as over the rate.
    pub inbound_bytes: usize,
    /// Requests of one connection that are read or answered at one time, and as many of
    /// ours.
    pub streams: usize,
    /// Requests that wait for the service; the next is refused.
    pub inbox: usize,
    /// Identities that dial at one time, each with its own swarm and socket.
    pub identities: usize,
    /// Requests that one peer may make per time.
    pub rates: Rates,
    /// Listed peers that we keep connected for gossip, of [`Limits::established_out`]; others keep as many to us.
    pub neighbours: usize,
    /// Messages that one origin may gossip in a minute, over all topics, and at once. More are ignored.
    pub gossip_per_minute: u32,
    /// Gossiped messages that wait for the service or for its verdict; the next is ignored.
    pub gossip_inbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending_in: 256,
            pending_out: 32,
            established_in: 256,
            established_out: 64,
            per_peer: 16,
            per_address: 64,
            pending_per_address: 32,
            reserved_in: 32,
            memory_bytes: 2 * 1024 * 1024 * 1024,
            inbound_bytes: 64 * 1024 * 1024,
            streams: 16,
            inbox: 64,
            identities: 64,
            rates: Rates::default(),
            neighbours: 8,
            gossip_per_minute: 10,
            gossip_inbox: 256,
        }
    }
}

/// What a relay gives to others at most. The defaults serve the organisations of a whole trust list that stand behind
/// address translation, and cost a node some ten megabytes.
#[derive(Clone, Debug)]
pub struct RelayLimits {
    /// Places kept for organisations, over all. Only listed ones get any.
    pub reservations: usize,
    /// Places of one organisation's node: one, and that of a process that was killed and came back.
    pub reservations_per_peer: usize,
    /// How long a place is kept unless it is asked for anew. The asker does so after three quarters of it.
    pub reservation: Duration,
    /// Circuits at one time. Each holds two buffers of 8 KiB and a stream on either side.
    pub circuits: usize,
    /// Circuits of one peer at one time: a wallet needs one for each organisation that it talks with.
    pub circuits_per_peer: usize,
    /// Circuits that may be asked for from one IPv4 address or one IPv6 network (/64).
    pub circuits_per_address: Rate,
    /// Longest life of a circuit.
    pub circuit: Duration,
    /// Most bytes that one circuit carries, both ways together: a batch of credentials takes two of the eight megabytes.
    pub circuit_bytes: u64,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            reservations: 256,
            reservations_per_peer: 2,
            reservation: Duration::from_secs(60 * 60),
            circuits: 256,
            circuits_per_peer: 8,
            circuits_per_address: Rate {
                burst: 64,
                per_second: 8,
            },
            circuit: Duration::from_secs(2 * 60),
            circuit_bytes: 8 * 1024 * 1024,
        }
    }
}

/// How the network behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The transports in use.
    pub transport: Transport,
    /// Where to listen; without an identity nothing is listened on.
    pub listen: Vec<ListenOn>,
    /// What peers may make us hold.
    pub limits: Limits,
    /// Time without a request after which a connection is closed, and the swarm of an
    /// identity that only dials is dropped.
    pub idle: Duration,
    /// First time that a peer is left alone after a failed hello; it doubles up to 1 h.
    pub backoff_min: Duration,
    /// Whether addresses that lead through a relay are dialled.
    pub through_relays: bool,
    /// Where the listening identity keeps a place, each an address that leads through a relay: for a node that cannot be
    /// dialled where it is.
    pub relays: Vec<Address>,
    /// What the listening identity relays for others; nothing by default.
    pub relay: Option<RelayLimits>,
}

impl Settings {
    /// The addresses that can be dialled, in the order in which they are tried.
    pub(super) fn usable(&self, addresses: &[Address]) -> Vec<Address> {
        let mut usable = self.transport.usable(addresses);
        usable.retain(|address| self.through_relays || address.relay().is_none());
        usable
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: Transport::default(),
            listen: vec![ListenOn::LOOPBACK],
            limits: Limits::default(),
            idle: Duration::from_secs(60),
            backoff_min: Duration::from_secs(60),
            through_relays: true,
            relays: Vec::new(),
            relay: None,
        }
    }
}
