//! The socket: how many may come in, how long each may stay and how much each may send.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Connections at once: a service manager, a collector or two, and somebody who looks.
pub(super) const CONNECTIONS_MAX: usize = 16;
/// Longest that a connection lasts, from being taken to the last byte of its answer. Each is for one question.
pub(super) const STAY_MAX: Duration = Duration::from_secs(15);
/// Most bytes that are read of a connection. The guard refuses a head of half of it with an answer; beyond this it is closed.
pub(super) const READ_MAX: usize = 16 * 1024;
/// Pause after the system would not give a connection, as when this process has no file handles left.
const AGAIN: Duration = Duration::from_millis(200);

/// A listening socket with places.
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    stay: Duration,
}

impl Door {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Door> {
        Ok(Door {
            listener: TcpListener::bind(address).await?,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            stay: STAY_MAX,
        })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The same with less patience.
    #[cfg(test)]
    pub(super) fn staying(self, stay: Duration) -> Door {
        Door { stay, ..self }
    }
}

impl axum::serve::Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        loop {
            // Who comes when all places are taken waits in the system's queue, which is bounded too.
            let Ok(place) = self.places.clone().acquire_owned().await else {
                std::future::pending::<()>().await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    let visit = Visit {
                        stream,
                        until: Box::pin(tokio::time::sleep(self.stay)),
                        left: READ_MAX,
                        _place: place,
                    };
                    return (visit, from);
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection for health and figures was not taken");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
pub(super) struct Visit {
    stream: TcpStream,
    until: Pin<Box<Sleep>>,
    left: usize,
    _place: OwnedSemaphorePermit,
}

impl Visit {
    /// Fails when its time is over; wakes the task then.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.until.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Visit {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let visit = self.get_mut();
        visit.in_time(context)?;
        let before = bytes.filled().len();
        ready!(Pin::new(&mut visit.stream).poll_read(context, bytes))?;
        let came = bytes.filled().len().saturating_sub(before);
        match visit.left.checked_sub(came) {
            Some(left) => {
                visit.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
    }
}

impl AsyncWrite for Visit {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let visit = self.get_mut();
        visit.in_time(context)?;
        Pin::new(&mut visit.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let visit = self.get_mut();
        visit.in_time(context)?;
        Pin::new(&mut visit.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
