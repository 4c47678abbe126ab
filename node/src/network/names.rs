//! The names that cross this module's border: checked text around libp2p's types.

use std::fmt;
use std::str::FromStr;

use libp2p::identity::Keypair;
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Error;

/// Longest text of a [`PeerName`] that is looked at, in bytes; real ones have 52.
const PEER_NAME_BYTES_MAX: usize = 64;

/// Longest text of an [`Address`] that is looked at, in bytes.
const ADDRESS_BYTES_MAX: usize = 256;

/// The multihash code `identity` and the length of a protobuf-framed Ed25519 key:
/// a name that holds the whole key, so that no second name exists for it.
const ED25519_NAME: (u64, usize) = (0x00, 36);

/// An Ed25519 secret that makes a transport identity. Wiped on drop, silent in `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret32([u8; 32]);

impl Secret32 {
    /// Takes the 32 secret bytes of RFC 8032 section 5.1.5.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn keypair(&self) -> Keypair {
        // libp2p wipes the copy.
        let copy = &mut self.0.clone();
        Keypair::ed25519_from_bytes(copy).expect("any 32 bytes are an Ed25519 secret")
    }
}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret32")
    }
}

/// The name of the transport identity that `secret` makes.
#[must_use]
pub fn peer_name(secret: &Secret32) -> PeerName {
    PeerName::new(secret.keypair().public().to_peer_id())
}

/// A libp2p peer id of an Ed25519 key in its one base58 text form (`12D3KooW…`).
///
/// It names a transport key, never an organisation or a person (design section 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName {
    text: String,
    id: libp2p::PeerId,
}

impl PeerName {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::BadName`] when it is no Ed25519 peer id in its canonical form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > PEER_NAME_BYTES_MAX {
            return Err(Error::BadName);
        }
        let id = libp2p::PeerId::from_str(text).map_err(|_| Error::BadName)?;
        let name = Self::of(id)?;
        if name.text == text {
            Ok(name)
        } else {
            Err(Error::BadName)
        }
    }

    pub(super) fn of(id: libp2p::PeerId) -> Result<Self, Error> {
        let hash = id.as_ref();
        if (hash.code(), hash.digest().len()) != ED25519_NAME {
            return Err(Error::BadName);
        }
        Ok(Self::new(id))
    }

    fn new(id: libp2p::PeerId) -> Self {
        Self {
            text: id.to_base58(),
            id,
        }
    }

    pub(super) fn id(&self) -> libp2p::PeerId {
        self.id
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PeerName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Where a node can be dialled: `/ip4/…/udp/…/quic-v1` or `/ip4/…/tcp/…` (`ip6` too), or one of these followed by
/// `/p2p/<relay>/p2p-circuit`: through the relay that listens there.
///
/// Domain names, relays that are not named, relays of relays and other transports are refused: addresses come from the
/// trust list, which holds plain ones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    inner: Multiaddr,
    is_quic: bool,
    relay: Option<PeerName>,
}

impl Address {
    /// Reads the multiaddr text form.
    ///
    /// # Errors
    /// [`Error::BadAddress`] when it is not one of the two forms.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(Error::BadAddress);
        }
        Self::of(text.parse().map_err(|_| Error::BadAddress)?)
    }

    pub(super) fn of(inner: Multiaddr) -> Result<Self, Error> {
        let parts: Vec<Part<'_>> = inner.iter().collect();
        let (is_quic, rest) = match parts.as_slice() {
            [Part::Ip4(_) | Part::Ip6(_), Part::Udp(_), Part::QuicV1, rest @ ..] => (true, rest),
            [Part::Ip4(_) | Part::Ip6(_), Part::Tcp(_), rest @ ..] => (false, rest),
            _ => return Err(Error::BadAddress),
        };
        let relay = match rest {
            [] => None,
            [Part::P2p(relay), Part::P2pCircuit] => Some(PeerName::of(*relay).map_err(|_| Error::BadAddress)?),
            _ => return Err(Error::BadAddress),
        };
        Ok(Self {
            text: inner.to_string(),
            is_quic,
            relay,
            inner,
        })
    }

    /// The address of whoever has a place at the relay of this name that listens here.
    ///
    /// # Errors
    /// [`Error::BadAddress`] when it leads through a relay already.
    pub fn through(&self, relay: &PeerName) -> Result<Self, Error> {
        if self.relay.is_some() {
            return Err(Error::BadAddress);
        }
        Self::of(self.multiaddr().with(Part::P2p(relay.id())).with(Part::P2pCircuit))
    }

    /// The relay that it leads through, if it does.
    #[must_use]
    pub fn relay(&self) -> Option<&PeerName> {
        self.relay.as_ref()
    }

    pub(super) fn multiaddr(&self) -> Multiaddr {
        self.inner.clone()
    }

    /// Whether it, or the relay, is reached by QUIC; else by TCP.
    #[must_use]
    pub fn is_quic(&self) -> bool {
        self.is_quic
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}
