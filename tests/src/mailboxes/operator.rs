//! An operator of mailboxes that does as it pleases with what it keeps. It is listed in good faith, and its books are kept by the
//! product's own machine: what it says of them is another matter.

use crate::impostor::{Act, Impostor};
use crate::network::Network;
use credentials::Code;
use credentials::protocol;
use credentials::protocol::mailbox::{Ask, FETCH_BYTES, FETCH_MAX, LIMIT, Reply, Waiting};
use node::clock;
use node::mailbox::{Limits, Mailbox, Peer};
use node::network::Protocol;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Params, Passphrase, Store};
use tempfile::TempDir;

/// What it does with envelopes. It says of everything that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// What it should.
    Honest,
    /// Keeps none.
    Drops,
    /// Keeps them to itself.
    Withholds,
    /// Gives them newest first.
    Reorders,
    /// Gives everything that it ever had, again and again, and says that there is more.
    Replays,
    /// Gives what was put into other queues.
    Swaps,
    /// Gives them with a bit turned.
    Alters,
    /// Says that there is no such queue.
    Denies,
    /// Takes what it is asked and says nothing, for as long as one waits.
    Stalls,
}

/// What it has.
struct Books {
    manner: Manner,
    mailbox: Mailbox,
    /// Every envelope that was ever put, by queue.
    seen: BTreeMap<[u8; 16], Vec<Vec<u8>>>,
    _home: TempDir,
}

/// The operator.
pub(crate) struct Operator {
    _impostor: Impostor,
    books: Arc<Mutex<Books>>,
}

impl Operator {
    /// Starts it, honest, and has it listed.
    pub(crate) fn start(network: &Network) -> Operator {
        let impostor = Impostor::start("did:web:lokkepost.example", "315902738", "LOKKE POST AS");
        let card = network.folder().join("operator.json");
        std::fs::write(&card, serde_json::to_string(&impostor.card).expect("JSON")).expect("writes");
        network.list_card(&card, &[], &["K03"]);
        let home = tempfile::tempdir().expect("a folder");
        let passphrase = Passphrase::new("for tests only");
        let path = home.path().join("store");
        let store = Store::create(&path, &passphrase, Params::quick(), node::service::entropy()).expect("a store");
        let books = Arc::new(Mutex::new(Books {
            manner: Manner::Honest,
            mailbox: Mailbox::open(&store, impostor.did.clone(), Limits::default()).expect("opens"),
            seen: BTreeMap::new(),
            _home: home,
        }));
        let own = Arc::clone(&books);
        impostor.behave(move |name, body| match name == Protocol::Mailbox.as_str() {
            true => own.lock().expect("no panic").act(&body),
            false => Act::Bytes(Vec::new()),
        });
        Operator {
            _impostor: impostor,
            books,
        }
    }

    /// From now on it does this.
    pub(crate) fn behave(&self, manner: Manner) {
        self.books.lock().expect("no panic").manner = manner;
    }

    /// Every envelope that it has had in its hands.
    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        let books = self.books.lock().expect("no panic");
        books.seen.values().flatten().cloned().collect()
    }
}

impl Books {
    fn act(&mut self, body: &[u8]) -> Act {
        let ask: Ask = protocol::decode(body, LIMIT).expect("the product asks what can be read");
        if let Ask::Put { queue, envelope, .. } = &ask {
            self.seen.entry(*queue).or_default().push(envelope.clone());
        }
        let reply = match (self.manner, &ask) {
            (Manner::Stalls, _) => return Act::Stall(Vec::new()),
            (Manner::Denies, _) => Reply::Problem(Code::NotFound.into()),
            (Manner::Drops, Ask::Put { .. }) => Reply::Kept,
            (Manner::Withholds, Ask::Fetch { .. }) => given(Vec::new(), 0),
            (Manner::Reorders, Ask::Fetch { queue, .. }) => given(self.of(queue), 0),
            (Manner::Replays, Ask::Fetch { queue, .. }) => given(self.of(queue), 1_000),
            (Manner::Swaps, Ask::Fetch { queue, .. }) => {
                let others = self.seen.iter().filter(|(other, _)| *other != queue);
                given(others.flat_map(|(_, all)| all.iter().rev()).cloned().collect(), 0)
            }
            (Manner::Alters, Ask::Fetch { queue, .. }) => {
                let mut all = self.of(queue);
                for envelope in &mut all {
                    let middle = envelope.len() / 2;
                    envelope[middle] ^= 1;
                }
                given(all, 0)
            }
            // What it gave was not what its books have: they stay as they are.
            (manner, Ask::Acknowledge { .. }) if manner != Manner::Honest => Reply::Acknowledged,
            _ => self.honest(ask),
        };
        Act::Answer(protocol::encode(&reply).expect("encodes"))
    }

    /// Everything that was ever put into a queue, newest first.
    fn of(&self, queue: &[u8; 16]) -> Vec<Vec<u8>> {
        let all = self.seen.get(queue).into_iter().flatten();
        all.rev().cloned().collect()
    }

    fn honest(&mut self, ask: Ask) -> Reply {
        let asks = [(Peer::Stranger(b"somebody"), ask)];
        let answers = self.mailbox.answer(&asks, clock::now(), &mut clock::System);
        answers.replies.into_iter().next().expect("one")
    }
}

/// As many of them as a reply may hold, the first ones.
fn given(all: Vec<Vec<u8>>, more: u32) -> Reply {
    let mut bytes = 0;
    let fitting = all.into_iter().take(FETCH_MAX).take_while(|envelope| {
        bytes += envelope.len();
        bytes <= FETCH_BYTES
    });
    let envelopes = fitting.zip(1..).map(|(envelope, number)| Waiting { number, envelope });
    Reply::Waiting {
        envelopes: envelopes.collect(),
        more,
    }
}
