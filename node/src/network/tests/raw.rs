//! A peer that obeys nothing but QUIC: it writes the bytes of its streams by hand.

use std::future::poll_fn;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::muxing::StreamMuxerExt;
use libp2p::core::transport::{DialOpts, PortUse};
use libp2p::core::{Endpoint, Transport as _};
use libp2p::quic;

use super::*;

pub(super) struct Raw {
    connection: quic::Connection,
    /// Keeps the socket.
    _transport: quic::tokio::Transport,
}

pub(super) struct RawStream(quic::Stream);

impl Raw {
    pub(super) async fn dial(to: &Handle, seed: u16) -> Self {
        let config = quic::Config::new(&secret(seed).keypair());
        let mut transport = quic::tokio::Transport::new(config);
        let address = to.addresses().into_iter().find(Address::is_quic);
        let dial = transport.dial(
            address.expect("listens on QUIC").multiaddr(),
            DialOpts {
                role: Endpoint::Dialer,
                port_use: PortUse::New,
            },
        );
        let dial = within(dial.expect("dials"));
        let (_, connection) = dial.await.expect("QUIC handshake");
        Self {
            connection,
            _transport: transport,
        }
    }

    /// Opens a stream and agrees on the protocol as multistream-select 1.0 has it.
    pub(super) async fn open(&mut self, protocol: Protocol) -> RawStream {
        let opened = poll_fn(|cx| self.connection.poll_outbound_unpin(cx));
        let mut stream = within(opened).await.expect("stream opens");
        let mut wanted = Vec::new();
        for line in ["/multistream/1.0.0", protocol.as_str()] {
            wanted.push(u8::try_from(line.len() + 1).expect("short"));
            wanted.extend_from_slice(line.as_bytes());
            wanted.push(b'\n');
        }
        within(stream.write_all(&wanted)).await.expect("written");
        let mut agreed = vec![0; wanted.len()];
        within(stream.read_exact(&mut agreed)).await.expect("agreed");
        assert_eq!(agreed, wanted);
        RawStream(stream)
    }

    /// Sends a body of any length on a stream of its own and returns what comes back.
    pub(super) async fn ask(&mut self, protocol: Protocol, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).expect("short");
        let mut stream = self.open(protocol).await;
        let sent = async {
            stream.0.write_all(&length.to_be_bytes()).await?;
            stream.0.write_all(body).await
        };
        // A peer that hangs up at once may be quicker than our bytes.
        within(sent).await.ok();
        stream.rest().await
    }

    /// Waits until the other end has closed the connection.
    pub(super) async fn closed(&mut self) {
        let closed = async {
            // Streams of the other end are let go; the error is the end.
            while poll_fn(|cx| self.connection.poll_inbound_unpin(cx)).await.is_ok() {}
        };
        within(closed).await;
    }
}

impl RawStream {
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        within(self.0.write_all(bytes)).await.expect("written");
    }

    /// All bytes until the stream ends or breaks.
    pub(super) async fn rest(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What came before a break counts.
        within(self.0.read_to_end(&mut bytes)).await.ok();
        bytes
    }
}
