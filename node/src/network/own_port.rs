//! TCP that dials from a port of its own. A listening port used again for dialling collides with the connection before, which the
//! system still remembers, and two nodes that dial each other from their listening ports would meet as dialler and dialler. QUIC has
//! neither trouble and dials from its listening socket: a socket for each connection has a buffer of megabytes.

use std::pin::Pin;
use std::task;

use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::{Multiaddr, Transport};

/// A transport that never dials from a port on which it listens.
pub(super) struct OwnPort<T>(pub(super) T);

impl<T: Transport + Unpin> Transport for OwnPort<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.0.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<T::Dial, TransportError<T::Error>> {
        // Two that dial each other at one time meet by QUIC alone.
        if options.role.is_listener() {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        let options = DialOpts {
            port_use: PortUse::New,
            ..options
        };
        self.0.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<TransportEvent<T::ListenerUpgrade, T::Error>> {
        Pin::new(&mut self.0).poll(context)
    }
}
