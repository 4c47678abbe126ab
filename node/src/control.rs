//! The local socket by which the command line reaches the running node: mode 0600, same user only, bounded frames.
//!
//! A frame is a length of 4 bytes (big-endian) and JSON. A connection carries one command after the other.

use crate::error::Failure;
use crate::home::Home;
use crate::service::{Command, Service};
use credentials::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

/// Largest frame: a batch of import rows, or a trust document with its quotes escaped.
const FRAME_MAX: usize = 8 * 1024 * 1024;
/// Commands that are served at once.
const CONNECTIONS_MAX: usize = 32;
/// Longest path that a socket address takes on Linux.
const SOCKET_PATH_MAX: usize = 107;
/// How long a client may take to send a frame it has begun.
const FRAME_TIME: Duration = Duration::from_secs(30);

/// What came of a command.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(Value),
    Failed { problem: Problem, cause: Option<String> },
}

/// A listening socket. The file is taken away when this is dropped.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// A conversation under way holds one of these.
    places: Arc<Semaphore>,
    /// Whether no new command is taken.
    ending: watch::Sender<bool>,
}

/// The socket's path, by way of the open folder when the path itself is too long for an address.
fn address(home: &Home) -> Result<(PathBuf, Option<fs::File>), Failure> {
    let path = home.socket();
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok((path, None));
    }
    let folder = fs::File::open(home.path()).map_err(|e| Failure::file(home.path(), &e))?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/control.sock", folder.as_raw_fd()));
    Ok((short, Some(folder)))
}

impl Server {
    /// Listens. The caller holds the store's lock, so a socket file that is there already is a dead one.
    pub fn listen(home: &Home) -> Result<Server, Failure> {
        let path = home.socket();
        if path.exists() {
            fs::remove_file(&path).map_err(|e| Failure::file(&path, &e))?;
        }
        let (at, _folder) = address(home)?;
        let listener = UnixListener::bind(at).map_err(|e| Failure::file(&path, &e))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(|e| Failure::file(&path, &e))?;
        Ok(Server {
            listener,
            path,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            ending: watch::Sender::new(false),
        })
    }

    /// Takes no new command, and waits at most `time` for those under way. Whether all of them have ended.
    pub async fn drain(&self, time: Duration) -> bool {
        self.ending.send_replace(true);
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        matches!(
            tokio::time::timeout(time, self.places.acquire_many(all)).await,
            Ok(Ok(_))
        )
    }

    /// Serves until dropped or drained.
    pub async fn serve(&self, service: Arc<Service>) {
        let mut ending = self.ending.subscribe();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = ending.wait_for(|is_ending| *is_ending) => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file handles, most likely: commands must get through again when some are free.
                    tracing::warn!(%error, "local socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let own = rustix::process::getuid().as_raw();
            if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
                tracing::warn!("a command of another user was turned away");
                continue;
            }
            let Ok(place) = self.places.clone().acquire_owned().await else {
                return;
            };
            let (service, ending) = (service.clone(), self.ending.subscribe());
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = converse(stream, &service, ending).await {
                    tracing::debug!(%error, "local command broke off");
                }
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "socket file");
        }
    }
}

async fn converse(
    mut stream: UnixStream,
    service: &Arc<Service>,
    mut ending: watch::Receiver<bool>,
) -> std::io::Result<()> {
    loop {
        let frame = tokio::select! {
            // First what ends: a client that sends one command after the other must not keep the node from it.
            biased;
            _ = ending.wait_for(|is_ending| *is_ending) => return Ok(()),
            frame = read(&mut stream) => frame?,
        };
        let Some(frame) = frame else { return Ok(()) };
        let answer = match serde_json::from_slice::<Command>(&frame) {
            Err(error) => {
                let problem = Problem::new(Code::Unsupported, "the running node is of another version");
                Answer::Failed {
                    problem,
                    cause: Some(error.classify_text()),
                }
            }
            Ok(command) => {
                let only_waits = command.only_waits();
                let done = tokio::select! {
                    done = service.execute(command) => done,
                    // Waiting is no work that has to be finished.
                    _ = ending.wait_for(|is_ending| *is_ending), if only_waits => {
                        Err(Problem::new(Code::Unreachable, "the running node").into())
                    }
                };
                match done {
                    Ok(value) => Answer::Done(value),
                    Err(failure) => Answer::Failed {
                        problem: failure.problem,
                        cause: failure.cause,
                    },
                }
            }
        };
        let bytes = serde_json::to_vec(&answer).map_err(std::io::Error::other)?;
        write(&mut stream, &bytes).await?;
    }
}

/// What went wrong, without the text that was being read.
trait ClassifyText {
    fn classify_text(&self) -> String;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> String {
        format!("{:?} error in a command", self.classify())
    }
}

async fn read(stream: &mut UnixStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_MAX {
        return Err(std::io::Error::other("frame over the limit"));
    }
    let mut bytes = Vec::new();
    let mut limited = stream.take(length as u64);
    tokio::time::timeout(FRAME_TIME, limited.read_to_end(&mut bytes))
        .await
        .map_err(std::io::Error::other)??;
    if bytes.len() < length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}

async fn write(stream: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= FRAME_MAX);
    let length = length.ok_or_else(|| std::io::Error::other("answer over the limit"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// A connection to a running node.
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects when a node runs in this home; `None` when none does.
    pub async fn connect(home: &Home) -> Result<Option<Client>, Failure> {
        let (at, _folder) = address(home)?;
        match UnixStream::connect(&at).await {
            Ok(stream) => Ok(Some(Client { stream })),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => Ok(None),
                // It ended while we knocked.
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => Err(Failure::because(
                    Problem::new(Code::Unreachable, "the running node"),
                    error,
                )),
                _ => Err(Failure::file(&home.socket(), &error)),
            },
        }
    }

    /// Sends a command and waits for what comes of it.
    pub async fn execute(&mut self, command: &Command) -> Result<Value, Failure> {
        let bytes = serde_json::to_vec(command).map_err(|e| Failure::because(Code::Internal, e))?;
        if bytes.len() > FRAME_MAX {
            return Err(Problem::new(Code::TooLarge, "command").into());
        }
        let gone = |e: std::io::Error| Failure::because(Problem::new(Code::Unreachable, "the running node"), e);
        write(&mut self.stream, &bytes).await.map_err(gone)?;
        let answer = read(&mut self.stream).await.map_err(gone)?;
        let answer = answer.ok_or_else(|| Failure::from(Problem::new(Code::Unreachable, "the running node")))?;
        match serde_json::from_slice(&answer).map_err(|e| Failure::because(Code::Internal, e))? {
            Answer::Done(value) => Ok(value),
            Answer::Failed { problem, cause } => Err(Failure { problem, cause }),
        }
    }
}
