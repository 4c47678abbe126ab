//! What the swarm of one identity shares with its connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, watch};

use super::peers::{Peers, lock};
use super::{Address, Greeter, Inbound, PeerName, Settings, relay};

/// Shared by all identities of the process.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) greeter: Arc<dyn Greeter>,
    pub(super) peers: Peers,
    /// Units of [`super::frame::STEP_BYTES`] that inbound bodies may hold together.
    pub(super) budget: Arc<Semaphore>,
}

/// One identity.
pub(super) struct Context {
    pub(super) own: PeerName,
    pub(super) shared: Arc<Shared>,
    /// Whether requests of peers are taken at all; an identity that only dials takes none.
    pub(super) serves: bool,
    /// Where they go, until the network stops.
    inbox: Mutex<Option<mpsc::Sender<Inbound>>>,
    /// What came of relays.
    pub(super) relaying: relay::Counts,
    /// The addresses that the system gave us.
    pub(super) addresses: Mutex<Vec<Address>>,
    stopping: AtomicBool,
    answering: watch::Sender<usize>,
}

impl Context {
    pub(super) fn new(own: PeerName, shared: Arc<Shared>, inbox: Option<mpsc::Sender<Inbound>>) -> Self {
        Self {
            own,
            shared,
            serves: inbox.is_some(),
            inbox: Mutex::new(inbox),
            relaying: relay::Counts::default(),
            addresses: Mutex::default(),
            stopping: AtomicBool::new(false),
            answering: watch::Sender::new(0),
        }
    }

    /// From now on no request of a peer is taken, and the inbox ends.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        lock(&self.inbox).take();
    }

    /// Gives a request to the service; it comes back when the service is behind or gone.
    pub(super) fn deliver(&self, inbound: Inbound) -> Option<Inbound> {
        match &*lock(&self.inbox) {
            Some(inbox) => inbox.try_send(inbound).err().map(TrySendError::into_inner),
            None => Some(inbound),
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.answering.send_modify(|count| *count += 1);
        Answering(Arc::clone(self))
    }

    /// The number of requests that are being answered.
    pub(super) fn answers(&self) -> watch::Receiver<usize> {
        self.answering.subscribe()
    }
}

/// See [`Context::answering`].
pub(super) struct Answering(Arc<Context>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.send_modify(|count| *count = count.saturating_sub(1));
    }
}
