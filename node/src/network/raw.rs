//! A peer that obeys nothing but the transport: it opens the streams it likes and writes their bytes by hand. Tests attack
//! nodes with it and answer them falsely; no part of the product uses it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::poll_fn;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{Boxed, DialOpts, ListenerId, PortUse, TransportEvent};
use libp2p::core::upgrade::Version;
use libp2p::core::{Endpoint, Transport as _};
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::{PeerId, noise, quic, tcp, yamux};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::{Address, Error, PeerName, Secret32};

/// Streams that a raw connection may have: more than any node allows.
const STREAMS_MAX: usize = 4_096;
/// Longest time for what the transport itself does: a handshake, the opening of a stream.
const PATIENCE: Duration = Duration::from_secs(20);
/// First line of multistream-select 1.0.
const MULTISTREAM: &str = "/multistream/1.0.0";
/// Longest line of multistream-select that is read, in bytes.
const LINE_MAX: usize = 127;

type Connections = Boxed<(PeerId, StreamMuxerBox)>;

fn io(error: impl std::fmt::Display) -> Error {
    Error::Io(std::io::Error::other(error.to_string()))
}

fn transport(identity: &Secret32, is_quic: bool) -> Result<Connections, Error> {
    let keypair = identity.keypair();
    if is_quic {
        let config = quic::Config::new(&keypair);
        return Ok(quic::tokio::Transport::new(config)
            .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
            .boxed());
    }
    let mut streams = yamux::Config::default();
    streams.set_max_num_streams(STREAMS_MAX);
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&keypair).map_err(io)?)
        .multiplex(streams)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .boxed())
}

/// A connection without hello, limits or manners. Dropping it hangs up.
#[derive(Debug)]
pub struct Raw {
    peer: PeerName,
    opens: mpsc::Sender<oneshot::Sender<SubstreamBox>>,
    accepted: mpsc::Receiver<RawStream>,
    ended: watch::Receiver<bool>,
}

impl Raw {
    /// Connects to an address as `identity`, whoever listens there.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::BadAddress`], or [`Error::Io`] with the transport's own words.
    pub async fn dial(address: &Address, identity: &Secret32) -> Result<Raw, Error> {
        let mut transport = transport(identity, address.is_quic())?;
        let options = DialOpts {
            role: Endpoint::Dialer,
            port_use: PortUse::New,
        };
        let dial = transport
            .dial(address.multiaddr(), options)
            .map_err(|_| Error::BadAddress)?;
        let connected = async {
            tokio::select! {
                connected = dial => connected.map_err(io),
                // A transport makes progress only while somebody asks it.
                () = forever(&mut transport) => Err(Error::Closed),
            }
        };
        let (peer, muxer) = timeout(PATIENCE, connected).await.map_err(|_| Error::Timeout)??;
        Self::over(peer, muxer, transport)
    }

    fn over(peer: PeerId, muxer: StreamMuxerBox, transport: impl Send + 'static) -> Result<Raw, Error> {
        let (opens, to_open) = mpsc::channel(STREAMS_MAX);
        let (accepting, accepted) = mpsc::channel(STREAMS_MAX);
        let (ending, ended) = watch::channel(false);
        tokio::spawn(async move {
            drive(muxer, to_open, accepting).await;
            // The socket lives as long as the connection.
            drop(transport);
            ending.send_replace(true);
        });
        Ok(Raw {
            peer: PeerName::of(peer)?,
            opens,
            accepted,
            ended,
        })
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &PeerName {
        &self.peer
    }

    /// Opens a stream on which nothing is agreed yet.
    ///
    /// # Errors
    /// [`Error::Closed`] when the connection has ended, [`Error::Timeout`] when the other end allows no more streams.
    pub async fn open(&self) -> Result<RawStream, Error> {
        let (opened, stream) = oneshot::channel();
        self.opens.send(opened).await.map_err(|_| Error::Closed)?;
        let stream = timeout(PATIENCE, stream).await.map_err(|_| Error::Timeout)?;
        Ok(RawStream(stream.map_err(|_| Error::Closed)?))
    }

    /// Opens a stream and agrees on a protocol as multistream-select 1.0 has it.
    ///
    /// # Errors
    /// Those of [`Raw::open`]; [`Error::Unsupported`] when the other end does not speak it.
    pub async fn agree(&self, protocol: &str) -> Result<RawStream, Error> {
        let mut stream = self.open().await?;
        let agreed = async {
            stream.write_line(MULTISTREAM).await?;
            stream.write_line(protocol).await?;
            if stream.read_line().await? != MULTISTREAM {
                return Err(Error::Malformed);
            }
            if stream.read_line().await? != protocol {
                return Err(Error::Unsupported);
            }
            Ok(())
        };
        timeout(PATIENCE, agreed).await.map_err(|_| Error::Timeout)??;
        Ok(stream)
    }

    /// Sends a body on a stream of its own and gives the bytes that come back.
    ///
    /// # Errors
    /// Those of [`Raw::agree`].
    pub async fn ask(&self, protocol: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut stream = self.agree(protocol).await?;
        // A peer that hangs up at once may be quicker than our bytes.
        stream.write_body(body).await.ok();
        Ok(stream.rest().await)
    }

    /// The next stream that the other end opens; `None` when the connection has ended.
    pub async fn accept(&mut self) -> Option<RawStream> {
        self.accepted.recv().await
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        // An error says that it has.
        self.ended.clone().wait_for(|ended| *ended).await.ok();
    }
}

/// Lets a transport make progress, for ever.
async fn forever(transport: &mut Connections) {
    loop {
        drop(poll_fn(|cx| std::pin::Pin::new(&mut *transport).poll(cx)).await);
    }
}

/// Owns the connection: opens what is wanted, hands on what the other end opens, until one side has had enough.
async fn drive(
    mut muxer: StreamMuxerBox,
    mut opens: mpsc::Receiver<oneshot::Sender<SubstreamBox>>,
    accepting: mpsc::Sender<RawStream>,
) {
    let mut wanted: Option<oneshot::Sender<SubstreamBox>> = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(Err(_)) = muxer.poll_unpin(cx) {
                return Poll::Ready(());
            }
            match muxer.poll_inbound_unpin(cx) {
                Poll::Ready(Ok(stream)) => {
                    // What nobody accepts is dropped.
                    accepting.try_send(RawStream(stream)).ok();
                    continue;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if wanted.is_none() {
                match opens.poll_recv(cx) {
                    Poll::Ready(Some(opened)) => wanted = Some(opened),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            match muxer.poll_outbound_unpin(cx) {
                Poll::Ready(Ok(stream)) => {
                    if let Some(opened) = wanted.take() {
                        // Whoever wanted it may have gone.
                        opened.send(stream).ok();
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    // Says good-bye where the transport has a word for it.
    timeout(Duration::from_secs(1), muxer.close()).await.ok();
}

/// A stream of bytes. Dropping it resets or closes it, as the transport does.
pub struct RawStream(SubstreamBox);

impl std::fmt::Debug for RawStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawStream")
    }
}

impl RawStream {
    /// Writes bytes and flushes them.
    ///
    /// # Errors
    /// [`Error::Closed`] when the other end no longer takes them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        written.await.map_err(|_| Error::Closed)
    }

    /// Writes the length of a body and the body.
    ///
    /// # Errors
    /// As [`RawStream::write`]; [`Error::TooLarge`] when four bytes cannot hold the length.
    pub async fn write_body(&mut self, body: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(body.len()).map_err(|_| Error::TooLarge {
            limit: u32::MAX as usize,
            got: body.len(),
        })?;
        self.write(&length.to_be_bytes()).await?;
        self.write(body).await
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    /// [`Error::Closed`] when fewer come.
    pub async fn read(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.map_err(|_| Error::Closed)?;
        Ok(bytes)
    }

    /// All bytes until the stream ends or breaks: what came before a break counts.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).await.ok();
        bytes
    }

    /// Ends our side.
    pub async fn close(&mut self) {
        self.0.close().await.ok();
    }

    /// Agrees, as the side that was dialled, on the first protocol that `speaks` takes.
    ///
    /// # Errors
    /// [`Error::Closed`] when the other end gives up, [`Error::Malformed`] when it speaks no multistream-select.
    pub async fn respond(&mut self, speaks: impl Fn(&str) -> bool) -> Result<String, Error> {
        if self.read_line().await? != MULTISTREAM {
            return Err(Error::Malformed);
        }
        self.write_line(MULTISTREAM).await?;
        loop {
            let wanted = self.read_line().await?;
            if speaks(&wanted) {
                self.write_line(&wanted).await?;
                return Ok(wanted);
            }
            self.write_line("na").await?;
        }
    }

    async fn write_line(&mut self, text: &str) -> Result<(), Error> {
        let length = u8::try_from(text.len() + 1).map_err(|_| Error::Malformed)?;
        let mut line = vec![length];
        line.extend_from_slice(text.as_bytes());
        line.push(b'\n');
        self.write(&line).await
    }

    async fn read_line(&mut self) -> Result<String, Error> {
        let length = usize::from(self.read(1).await?.first().copied().unwrap_or_default());
        if length == 0 || length > LINE_MAX {
            return Err(Error::Malformed);
        }
        let line = String::from_utf8(self.read(length).await?).map_err(|_| Error::Malformed)?;
        line.strip_suffix('\n').map(ToOwned::to_owned).ok_or(Error::Malformed)
    }
}

/// Listens on loopback, by QUIC and by TCP, and hands out every connection as it comes.
#[derive(Debug)]
pub struct RawListener {
    addresses: Vec<Address>,
    connections: mpsc::Receiver<Raw>,
}

impl RawListener {
    /// Listens as `identity`, on ports that the system picks.
    ///
    /// # Errors
    /// [`Error::Io`] when loopback cannot be listened on.
    pub async fn start(identity: &Secret32) -> Result<RawListener, Error> {
        let (arrived, connections) = mpsc::channel(STREAMS_MAX);
        let mut addresses = Vec::new();
        for is_quic in [true, false] {
            let mut transport = transport(identity, is_quic)?;
            let host = Multiaddr::empty().with(Part::Ip4(Ipv4Addr::LOCALHOST));
            let address = if is_quic {
                host.with(Part::Udp(0)).with(Part::QuicV1)
            } else {
                host.with(Part::Tcp(0))
            };
            transport.listen_on(ListenerId::next(), address).map_err(io)?;
            let (found, listening) = oneshot::channel();
            tokio::spawn(listen(transport, found, arrived.clone()));
            let address = timeout(PATIENCE, listening).await.map_err(|_| Error::Timeout)?;
            addresses.push(Address::of(address.map_err(|_| Error::Closed)?)?);
        }
        Ok(RawListener { addresses, connections })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The next connection.
    pub async fn accept(&mut self) -> Option<Raw> {
        self.connections.recv().await
    }
}

async fn listen(mut transport: Connections, found: oneshot::Sender<Multiaddr>, arrived: mpsc::Sender<Raw>) {
    let mut found = Some(found);
    // The transport is kept alive by its listener alone; the connections need no more of it.
    let keep = Arc::new(());
    while !arrived.is_closed() {
        let event = tokio::select! {
            event = poll_fn(|cx| std::pin::Pin::new(&mut transport).poll(cx)) => event,
            () = arrived.closed() => return,
        };
        match event {
            TransportEvent::NewAddress { listen_addr, .. } => {
                if let Some(found) = found.take() {
                    found.send(listen_addr).ok();
                }
            }
            TransportEvent::Incoming { upgrade, .. } => {
                let (arrived, keep) = (arrived.clone(), Arc::clone(&keep));
                tokio::spawn(async move {
                    if let Ok((peer, muxer)) = upgrade.await
                        && let Ok(raw) = Raw::over(peer, muxer, keep)
                    {
                        arrived.send(raw).await.ok();
                    }
                });
            }
            _ => {}
        }
    }
}
