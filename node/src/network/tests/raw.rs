//! The raw peer of this module, as the tests here use it: every step in time, and what must succeed succeeds.

use crate::network::raw;

use super::*;

pub(super) struct Raw(raw::Raw);

pub(super) struct RawStream(raw::RawStream);

impl Raw {
    /// By QUIC.
    pub(super) async fn dial(to: &Handle, seed: u16) -> Self {
        Self::dial_over(to, seed, true).await
    }

    pub(super) async fn dial_over(to: &Handle, seed: u16, is_quic: bool) -> Self {
        let address = to.addresses().into_iter().find(|address| address.is_quic() == is_quic);
        let address = address.expect("listens");
        Self(within(raw::Raw::dial(&address, &secret(seed))).await.expect("connects"))
    }

    /// Connects if it is let in.
    pub(super) async fn try_dial(to: &Handle, seed: u16, is_quic: bool) -> Option<Self> {
        let address = to.addresses().into_iter().find(|address| address.is_quic() == is_quic);
        let dialled = within(raw::Raw::dial(&address.expect("listens"), &secret(seed))).await;
        dialled.ok().map(Self)
    }

    pub(super) async fn open(&mut self, protocol: Protocol) -> RawStream {
        RawStream(within(self.0.agree(protocol.as_str())).await.expect("agreed"))
    }

    /// Sends a body of any length on a stream of its own and returns what comes back.
    pub(super) async fn ask(&mut self, protocol: Protocol, body: &[u8]) -> Vec<u8> {
        within(self.0.ask(protocol.as_str(), body)).await.expect("agreed")
    }

    /// The same, where the connection may have been closed already.
    pub(super) async fn try_ask(&mut self, protocol: Protocol, body: &[u8]) -> Option<Vec<u8>> {
        within(self.0.ask(protocol.as_str(), body)).await.ok()
    }

    /// Waits until the other end has closed the connection.
    pub(super) async fn closed(&mut self) {
        within(self.0.closed()).await;
    }
}

impl RawStream {
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        within(self.0.write(bytes)).await.expect("written");
    }

    /// All bytes until the stream ends or breaks.
    pub(super) async fn rest(mut self) -> Vec<u8> {
        within(self.0.rest()).await
    }
}
