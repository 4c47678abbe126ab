//! Reading what lies in a home: the journal to its end, and the index brought up to it.

use crate::Error;
use crate::files::Home;
use crate::high_water::Mark;
use crate::index::Index;
use crate::journal::{Found, Journal, Known};
use crate::keys::Keys;
use crate::rebuild::Filler;
use crate::store::Entropy;

/// A journal that was read to its end, and the index as far as it is of use.
pub(crate) struct Read {
    pub(crate) journal: Journal,
    pub(crate) found: Found,
    /// At the journal's end; absent when it must be rebuilt.
    pub(crate) index: Option<Index>,
    /// Sequence the index was at before.
    pub(crate) indexed: u64,
}

/// Why a journal could not be read to its end, and the index as far as it got.
pub(crate) struct Unread {
    pub(crate) error: Error,
    pub(crate) index: Option<Index>,
}

impl Read {
    pub(crate) fn new(
        home: &Home,
        keys: &Keys,
        entropy: &mut Entropy,
        mark: Option<Mark>,
        accept_loss: bool,
    ) -> Result<Self, Box<Unread>> {
        let index = match &home.index {
            Some(dir) => Index::open(dir, keys).ok(),
            None => Some(Index::in_memory()),
        };
        let indexed = index.as_ref().map_or(0, |i| i.state.sequence);
        let known = Known {
            acknowledged: mark.map_or(0, |m| m.sequence).max(indexed),
            accept_loss,
        };
        let mut filler = index.map(|index| Filler::new(index, keys, entropy));
        let mut diverged = None;
        let mut agrees = true;
        let read = Journal::open(home, keys, &known, indexed, &mut |position, body| {
            if mark.is_some_and(|m| m.sequence == position.sequence && m.hash != position.hash) {
                diverged = Some(position.sequence);
            }
            if agrees && let Some(filler) = &mut filler {
                agrees = filler.record(position, body).is_ok();
            }
            Ok(())
        });
        // Of a damaged journal the last record may differ because it is damaged.
        let read = match diverged.filter(|_| !accept_loss && read.is_ok()) {
            Some(sequence) => Err(Error::Diverged { sequence }),
            None => read,
        };
        match read {
            Ok((journal, found)) => Ok(Self {
                // One that disagrees is closed here, before its files are moved.
                index: filler
                    .filter(|_| agrees)
                    .and_then(|filler| filler.finish().ok())
                    .filter(|index| index.state.position() == journal.position()),
                journal,
                found,
                indexed,
            }),
            // Of a damaged journal the index takes no more than it holds: a repair decides what follows.
            Err(error) => Err(Box::new(Unread {
                error,
                index: filler.map(Filler::into_index),
            })),
        }
    }
}
