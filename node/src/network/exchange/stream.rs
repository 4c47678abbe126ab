//! The life of one stream, as futures that a connection drives.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use crate::network::context::{Answering, Context};
use crate::network::frame::{self, Answer, Held};
use crate::network::peers::Peer;
use crate::network::{Error, Protocol};

use super::Outgoing;

/// How long the other end may take to read an answer or to notice that we hang up.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The protocols offered or wanted on a stream.
#[derive(Clone, Copy, Debug)]
pub(in crate::network) struct Names(pub(super) &'static [Protocol]);

impl Names {
    /// Exactly one protocol.
    pub(super) fn only(protocol: Protocol) -> Self {
        Self(match protocol {
            Protocol::Hello => &[Protocol::Hello],
            Protocol::Trust => &[Protocol::Trust],
            Protocol::Issue => &[Protocol::Issue],
            Protocol::Present => &[Protocol::Present],
            Protocol::Status => &[Protocol::Status],
            Protocol::Notice => &[Protocol::Notice],
            Protocol::Consent => &[Protocol::Consent],
            Protocol::Mailbox => &[Protocol::Mailbox],
        })
    }
}

impl UpgradeInfo for Names {
    type Info = Protocol;
    type InfoIter = std::iter::Copied<std::slice::Iter<'static, Protocol>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.iter().copied()
    }
}

impl InboundUpgrade<Stream> for Names {
    type Output = (Stream, Protocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: Protocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Names {
    type Output = (Stream, Protocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: Protocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

/// What a stream came to.
pub(super) enum Done {
    /// The answer to our hello.
    Greeted(Result<Answer, Error>),
    /// A request has arrived whole.
    Arrived {
        stream: Stream,
        protocol: Protocol,
        held: Held,
        until: Instant,
    },
    /// A request could not be read.
    Unreadable {
        stream: Stream,
        protocol: Protocol,
        error: frame::Error,
    },
    /// A peer that broke the limits has been told.
    Told,
    /// A request for which there was no place has been turned away.
    TurnedAway,
    /// A request of the peer is answered, refused or dropped.
    Answered,
    /// A request of ours is answered or failed.
    Finished,
}

/// Reads a request of the peer.
pub(super) async fn arrive(mut stream: Stream, protocol: Protocol, context: Arc<Context>) -> Done {
    let until = Instant::now() + protocol.timeout();
    let budget = &context.shared.budget;
    let read = frame::read_body(&mut stream, protocol.bytes_max(), Some(budget));
    match timeout_at(until, read).await {
        Ok(Ok(held)) => Done::Arrived {
            stream,
            protocol,
            held,
            until,
        },
        Ok(Err(error)) => Done::Unreadable {
            stream,
            protocol,
            error,
        },
        Err(_) => Done::Unreadable {
            stream,
            protocol,
            error: frame::Error::Io(std::io::ErrorKind::TimedOut.into()),
        },
    }
}

/// Refuses without looking at what follows: there is no telling where the next request would begin, or nobody waits for it.
pub(super) async fn tell(mut stream: Stream, protocol: Protocol, body: Vec<u8>, peer: Arc<Peer>, done: Done) -> Done {
    let answer = Answer::Refusal(body);
    peer.answer_out(protocol, answer.len());
    let all = async {
        if frame::write_answer(&mut stream, &answer).await.is_ok() {
            // A connection that is closed with bytes unread is reset, and the reset overtakes the refusal.
            futures::io::copy(&mut stream, &mut futures::io::sink()).await.ok();
        }
    };
    drop(timeout(LINGER, all).await);
    done
}

/// Refuses a request unread: what the peer still sends is thrown away.
pub(super) async fn refuse(mut stream: Stream, protocol: Protocol, body: Vec<u8>, peer: Arc<Peer>) -> Done {
    let all = async {
        if frame::skip_body(&mut stream, protocol.bytes_max()).await.is_ok() {
            let answer = Answer::Refusal(body);
            peer.answer_out(protocol, answer.len());
            if frame::write_answer(&mut stream, &answer).await.is_ok() {
                arrived(&mut stream).await;
            }
        }
    };
    drop(timeout(protocol.timeout(), all).await);
    Done::Answered
}

/// Waits for the service and writes its answer.
pub(super) async fn answer(
    mut stream: Stream,
    protocol: Protocol,
    until: Instant,
    reply: oneshot::Receiver<Answer>,
    peer: Arc<Peer>,
    answering: Answering,
) -> Done {
    let all = async {
        // A service that drops the request wants the stream closed without a word.
        let Ok(answer) = reply.await else { return };
        // Counted before it is written: what may have left is never under-reported.
        peer.answer_out(protocol, answer.len());
        match frame::write_answer(&mut stream, &answer).await {
            Ok(()) => arrived(&mut stream).await,
            Err(error) => {
                tracing::debug!(peer = %peer.name(), %protocol, %error, "answer not sent");
            }
        }
    };
    drop(timeout_at(until, all).await);
    drop(answering);
    Done::Answered
}

/// Waits until the asker has hung up, which it does when it has read the answer. A
/// connection that is closed earlier loses what is still on its way.
async fn arrived<T: AsyncRead + Unpin>(stream: &mut T) {
    drop(timeout(LINGER, stream.read(&mut [0; 1])).await);
}

/// Tells the other end that its answer has been read.
async fn hang_up<T: AsyncWrite + Unpin>(stream: &mut T) {
    drop(timeout(LINGER, stream.close()).await);
}

/// Writes our hello and reads what comes back.
pub(super) async fn greet(mut stream: Stream, body: Vec<u8>, peer: Arc<Peer>) -> Done {
    peer.request_out(Protocol::Hello, body.len());
    let answer = exchange(&mut stream, Protocol::Hello, &body, &peer).await;
    hang_up(&mut stream).await;
    Done::Greeted(answer)
}

/// Writes a request, reads the answer and gives it to the caller.
pub(super) async fn ask(mut stream: Stream, out: Outgoing, peer: Arc<Peer>) -> Done {
    let Outgoing { protocol, body, reply } = out;
    peer.request_out(protocol, body.len());
    let result = exchange(&mut stream, protocol, &body, &peer).await;
    let result = result.and_then(|answer| match answer {
        Answer::Body(body) => Ok(body),
        Answer::Refusal(body) => Err(Error::Refused(body)),
    });
    if let Err(error) = &result {
        tracing::debug!(peer = %peer.name(), %protocol, %error, "request failed");
    }
    // The caller may have gone; that is its right.
    drop(reply.send(result));
    hang_up(&mut stream).await;
    Done::Finished
}

async fn exchange<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    protocol: Protocol,
    body: &[u8],
    peer: &Peer,
) -> Result<Answer, Error> {
    let all = async {
        // A peer that refuses may have stopped reading; its answer counts, not our write.
        let written = frame::write_body(stream, body).await;
        let answer = frame::read_answer(stream, protocol.bytes_max()).await;
        match (answer, written) {
            (Err(frame::Error::Io(_)), Err(error)) => Err(frame::Error::Io(error)),
            (answer, _) => answer,
        }
    };
    let answer = match timeout(protocol.timeout(), all).await {
        Err(_) => return Err(Error::Timeout),
        Ok(Ok(answer)) => answer,
        Ok(Err(frame::Error::TooLarge { limit, got })) => {
            return Err(Error::TooLarge { limit, got });
        }
        Ok(Err(frame::Error::Malformed)) => return Err(Error::Malformed),
        Ok(Err(frame::Error::Io(_) | frame::Error::Full)) => return Err(Error::Closed),
    };
    peer.answer_in(protocol, answer.len());
    Ok(answer)
}
