//! §0 and §5: what the wallet keeps, in one JSON file that anybody can read. **This is a test wallet**: holder keys stand in
//! the clear, which no wallet of a person may do.

use crate::jose::{decode_32, encode, random};
use crate::problem::{Outcome, Problem, refuse};
use crate::trust::Trust;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file and what is in it.
pub(crate) struct State {
    path: PathBuf,
    /// What is in it.
    pub(crate) kept: Kept,
}

/// Everything that is kept. Keys and bytes are base64url.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Fingerprint of the first root, and the newest bundle.
    pub(crate) root: Option<String>,
    pub(crate) trust: Option<String>,
    /// Secret of the PeerId that is used with an organisation, by its DID.
    peers: BTreeMap<String, String>,
    pub(crate) held: Vec<Held>,
    /// What left and is not answered yet.
    pub(crate) waiting: Option<Waiting>,
    /// Receipts as they came.
    pub(crate) receipts: Vec<String>,
    /// Newest head and lists of an issuer, by its DID.
    pub(crate) mirrors: BTreeMap<String, Mirror>,
}

/// One credential in several copies.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) issuer: String,
    pub(crate) vct: String,
    pub(crate) copies: Vec<Copy>,
}

/// A copy with its own key. It is shown once.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Copy {
    pub(crate) secret: String,
    pub(crate) credential: String,
    pub(crate) is_used: bool,
}

/// A message that was sent, or is about to be. It is sent again byte for byte.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Waiting {
    /// A `Request` of §5.
    Collecting {
        issuer: String,
        vct: String,
        transaction: String,
        secrets: Vec<String>,
        copies: usize,
        rows: usize,
        /// The number that was shown, when one was.
        number: Option<String>,
        message: String,
        is_delivered: bool,
    },
    /// An `Answer` of §6.
    Sharing {
        asker: String,
        request: String,
        answer: String,
        message: String,
    },
}

/// Lists of an issuer as its newest head named them.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Mirror {
    pub(crate) iat: u64,
    /// By URI.
    pub(crate) lists: BTreeMap<String, Listed>,
}

/// One list.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) version: u64,
    pub(crate) hash: String,
    pub(crate) text: String,
}

fn failed(path: &Path, error: &impl std::fmt::Display) -> Problem {
    Problem::new("file_failed", format!("{}: {error}", path.display()))
}

impl State {
    /// Opens the file; one that is not there yet is empty.
    pub(crate) fn open(path: &Path) -> Outcome<State> {
        let kept = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(path, &error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(failed(path, &error)),
        };
        Ok(State {
            path: path.to_owned(),
            kept,
        })
    }

    /// Makes it durable; what relies on it leaves afterwards.
    pub(crate) fn save(&self) -> Outcome<()> {
        let beside = self.path.with_extension("new");
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(serde_json::to_string_pretty(&self.kept)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                Some(folder) => File::open(folder)?.sync_all(),
                None => File::open(".")?.sync_all(),
            }
        };
        write().map_err(|error| failed(&self.path, &error))
    }

    /// Takes a newer bundle (§12). The first one comes with the fingerprint of the first root.
    pub(crate) fn take_trust(&mut self, bundle: String, root: Option<&str>) -> Outcome<Trust> {
        let root = match (&self.kept.root, root) {
            (Some(kept), Some(named)) if kept != named => {
                return refuse("trust_mismatch", "this wallet began with another root");
            }
            (Some(kept), _) => kept.clone(),
            (None, Some(named)) => named.to_owned(),
            (None, None) => return refuse("anchor_missing", "name the fingerprint with the first bundle"),
        };
        let trust = Trust::read(&bundle, &root)?;
        if let Some(held) = &self.kept.trust
            && trust.version < Trust::read(held, &root)?.version
        {
            return refuse("trust_rollback", "the bundle is an earlier one than we have");
        }
        self.kept.root = Some(root);
        self.kept.trust = Some(bundle);
        self.save()?;
        Ok(trust)
    }

    /// The trust list held, current.
    pub(crate) fn trust(&self, now: u64) -> Outcome<Trust> {
        let (Some(root), Some(bundle)) = (&self.kept.root, &self.kept.trust) else {
            return refuse("trust_missing", "there is no trust list yet");
        };
        let trust = Trust::read(bundle, root)?;
        trust.require_current(now)?;
        Ok(trust)
    }

    /// Secret of the PeerId that is used with this organisation only (§1).
    pub(crate) fn peer(&mut self, did: &str) -> Outcome<[u8; 32]> {
        if let Some(secret) = self.kept.peers.get(did) {
            return decode_32(secret);
        }
        let secret = random()?;
        self.kept.peers.insert(did.to_owned(), encode(&secret));
        self.save()?;
        Ok(secret)
    }

    /// Refuses to begin something while the answer to something else is open.
    pub(crate) fn require_idle(&self) -> Outcome<()> {
        match self.kept.waiting {
            Some(_) => refuse("usage", "a message is not answered yet: send it again first"),
            None => Ok(()),
        }
    }

    /// Forgets what was sent when its refusal stays (§4).
    pub(crate) fn settle<T>(&mut self, outcome: Outcome<T>) -> Outcome<T> {
        if outcome.as_ref().is_err_and(|problem| !problem.passes()) {
            self.kept.waiting = None;
            self.save()?;
        }
        outcome
    }
}
