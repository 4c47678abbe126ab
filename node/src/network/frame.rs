//! Bodies on a stream: a length, checked before anything is held for it, then the bytes.

use std::io;
use std::sync::Arc;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Unit in which the budget for inbound bodies is counted, and the first step of a read.
/// A peer that announces much and sends nothing holds this much and no more.
pub(super) const STEP_BYTES: usize = 4 * 1024;

/// Longest body of a refusal: a problem code and a sentence.
pub(super) const REFUSAL_BYTES_MAX: usize = 4 * 1024;

/// What stands before an answer's body: its kind and its length.
const HEAD_BYTES: usize = 5;
const ANSWER: u8 = 0;
const REFUSAL: u8 = 1;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The peer announced more than the protocol allows.
    #[error("body of {got} bytes is over the limit of {limit}")]
    TooLarge { limit: usize, got: usize },
    /// The bodies of all peers together have used up what we hold at one time.
    #[error("bodies of all peers fill what may be held")]
    Full,
    /// The bytes are not of the form above.
    #[error("bytes are not of the protocol's form")]
    Malformed,
    /// The stream ended or broke.
    #[error("stream: {0}")]
    Io(#[from] io::Error),
}

/// What comes back on a stream.
pub(super) enum Answer {
    /// The body of the other end's answer.
    Body(Vec<u8>),
    /// The other end refused, for the reason in the body.
    Refusal(Vec<u8>),
}

impl Answer {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Body(body) | Self::Refusal(body) => body.len(),
        }
    }
}

/// A body and the share of the budget that it holds until it is dropped.
pub(super) struct Held {
    pub(super) body: Vec<u8>,
    pub(super) share: Option<OwnedSemaphorePermit>,
}

async fn read_length<T: AsyncRead + Unpin>(io: &mut T, limit: usize) -> Result<usize, Error> {
    let mut head = [0; 4];
    io.read_exact(&mut head).await?;
    // A length that does not fit a usize is over every limit.
    let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(Error::TooLarge { limit, got: length });
    }
    Ok(length)
}

/// Reads a body of at most `limit` bytes, growing with what really arrives. Each step is
/// taken from `budget` first.
pub(super) async fn read_body<T: AsyncRead + Unpin>(
    io: &mut T,
    limit: usize,
    budget: Option<&Arc<Semaphore>>,
) -> Result<Held, Error> {
    let length = read_length(io, limit).await?;
    let mut body = Vec::new();
    let mut share: Option<OwnedSemaphorePermit> = None;
    while body.len() < length {
        let start = body.len();
        // Doubling keeps copying linear and what is held within twice what arrived.
        let step = (length - start).min(start.max(STEP_BYTES));
        if let Some(budget) = budget {
            let units = u32::try_from(step.div_ceil(STEP_BYTES)).map_err(|_| Error::Full)?;
            let more = Arc::clone(budget)
                .try_acquire_many_owned(units)
                .map_err(|_| Error::Full)?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
        }
        body.resize(start + step, 0);
        let room = body.get_mut(start..).ok_or(Error::Malformed)?;
        io.read_exact(room).await?;
    }
    Ok(Held { body, share })
}

/// Reads a body away without holding it, so that a refusal can follow in order.
pub(super) async fn skip_body<T: AsyncRead + Unpin>(io: &mut T, limit: usize) -> Result<(), Error> {
    let length = u64::try_from(read_length(io, limit).await?).unwrap_or(u64::MAX);
    let skipped = futures::io::copy(io.take(length), &mut futures::io::sink()).await?;
    if skipped == length {
        Ok(())
    } else {
        Err(Error::Io(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// Writes a body and flushes. The caller has checked its length.
pub(super) async fn write_body<T: AsyncWrite + Unpin>(io: &mut T, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(body).await?;
    io.flush().await
}

/// Reads an answer whose body has at most `limit` bytes.
pub(super) async fn read_answer<T: AsyncRead + Unpin>(io: &mut T, limit: usize) -> Result<Answer, Error> {
    let mut kind = [0; 1];
    io.read_exact(&mut kind).await?;
    match kind {
        [ANSWER] => Ok(Answer::Body(read_body(io, limit, None).await?.body)),
        [REFUSAL] => {
            let limit = limit.min(REFUSAL_BYTES_MAX);
            Ok(Answer::Refusal(read_body(io, limit, None).await?.body))
        }
        _ => Err(Error::Malformed),
    }
}

/// Writes an answer, in one piece, and ends our side of the stream.
pub(super) async fn write_answer<T: AsyncWrite + Unpin>(io: &mut T, answer: &Answer) -> io::Result<()> {
    let (kind, body) = match answer {
        Answer::Body(body) => (ANSWER, body),
        Answer::Refusal(body) => (REFUSAL, body),
    };
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // One write: a connection that ends early cuts no short refusal in two.
    let mut whole = Vec::with_capacity(answer.len().saturating_add(HEAD_BYTES));
    whole.push(kind);
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(body);
    io.write_all(&whole).await?;
    io.flush().await?;
    io.close().await
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures::io::Cursor;

    use super::*;

    /// Gives a head, then the same byte for ever, and counts what is read.
    struct Endless {
        head: Vec<u8>,
        read: usize,
    }

    impl AsyncRead for Endless {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
            for byte in &mut *room {
                *byte = self.head.get(self.read).copied().unwrap_or(7);
                self.read += 1;
            }
            Poll::Ready(Ok(room.len()))
        }
    }

    fn endless(length: u32) -> Endless {
        Endless {
            head: length.to_be_bytes().to_vec(),
            read: 0,
        }
    }

    #[tokio::test]
    async fn an_announced_length_over_the_limit_is_refused_unread() {
        let mut io = endless(1_048_577);
        let error = read_body(&mut io, 1_048_576, None).await.err();
        assert!(matches!(error, Some(Error::TooLarge { got: 1_048_577, .. })));
        assert_eq!(io.read, 4, "nothing after the length is read");

        let mut io = endless(1_048_576);
        let held = read_body(&mut io, 1_048_576, None).await.expect("at the limit");
        assert_eq!(held.body.len(), 1_048_576);
        assert_eq!(io.read, 4 + 1_048_576, "nothing after the body is read");
    }

    #[tokio::test]
    async fn a_peer_that_announces_and_sends_nothing_holds_one_step() {
        let budget = Arc::new(Semaphore::new(256));
        let mut head = Cursor::new(1_048_576_u32.to_be_bytes());
        let mut silent = futures::io::AsyncReadExt::chain(&mut head, Never);
        let read = read_body(&mut silent, 1_048_576, Some(&budget));
        tokio::pin!(read);
        assert!(futures::poll!(&mut read).is_pending());
        assert_eq!(budget.available_permits(), 255);
    }

    /// Never gives a byte.
    struct Never;

    impl AsyncRead for Never {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn bodies_share_one_budget_and_give_it_back() {
        let budget = Arc::new(Semaphore::new(3));
        let limit = 4 * STEP_BYTES;
        let two_steps = u32::try_from(2 * STEP_BYTES).expect("small");
        let first = read_body(&mut endless(two_steps), limit, Some(&budget)).await;
        let first = first.expect("two of three units");
        let second = read_body(&mut endless(two_steps), limit, Some(&budget)).await;
        assert!(matches!(second.err(), Some(Error::Full)));
        drop(first);
        let third = read_body(&mut endless(two_steps), limit, Some(&budget)).await;
        assert!(third.is_ok());
        drop(third);
        assert_eq!(budget.available_permits(), 3);
    }

    #[tokio::test]
    async fn answers_and_refusals_come_back_as_such() {
        let mut io = Cursor::new(Vec::new());
        write_answer(&mut io, &Answer::Body(vec![1, 2])).await.expect("written");
        write_answer(&mut io, &Answer::Refusal(vec![3])).await.expect("written");
        assert_eq!(io.get_ref().as_slice(), [0, 0, 0, 0, 2, 1, 2, 1, 0, 0, 0, 1, 3]);
        io.set_position(0);
        let first = read_answer(&mut io, 10).await.expect("read");
        assert!(matches!(first, Answer::Body(body) if body == [1, 2]));
        let second = read_answer(&mut io, 10).await.expect("read");
        assert!(matches!(second, Answer::Refusal(body) if body == [3]));
        let third = read_answer(&mut Cursor::new([2, 0, 0, 0, 0]), 10).await;
        assert!(matches!(third.err(), Some(Error::Malformed)), "no third kind");
        let cut = read_answer(&mut Cursor::new([0, 0, 0, 0, 2, 1]), 10).await;
        assert!(matches!(cut.err(), Some(Error::Io(_))), "a cut body is no body");
    }
}
