//! A mirror on disk, so that a node that starts while it is cut off still has what it had.

use super::Mirror;
use super::issuer::Issuer;
use crate::status::{Digest, Head, LISTS_MAX, States};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};

/// What was mirrored of one issuer. All of it is verified again when it is read: the head and the digests by their signatures, the
/// states by their hash in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Whose.
    pub issuer: Did,
    /// The newest head.
    pub head: String,
    /// Digests that are not older, in order.
    pub digests: Vec<String>,
    /// Lists whose newest content is held.
    pub lists: Vec<CachedList>,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedList {
    /// Which.
    pub uri: String,
    /// [`States::pack`].
    pub states: Vec<u8>,
}

impl Mirror {
    /// A content of an issuer that was not packed yet, with its hash: packing takes milliseconds, which nobody who decides by a list
    /// is to wait for. [`Mirror::keep_packed`] takes the result.
    pub fn unpacked(&self, did: &Did) -> Option<(String, States)> {
        let mut held = self
            .issuers
            .get(did)?
            .all()
            .filter_map(|(_, listed)| listed.held.as_ref());
        let unpacked = held.find(|held| held.packed.get().is_none())?;
        Some((unpacked.hash.clone(), unpacked.states.clone()))
    }

    /// Keeps the packed form ([`States::pack`]) of the content with this hash, for whoever asks for it.
    pub fn keep_packed(&self, hash: &str, packed: Vec<u8>) {
        for held in self
            .issuers
            .values()
            .flat_map(Issuer::all)
            .filter_map(|(_, listed)| listed.held.as_ref())
        {
            if held.hash == hash {
                held.packed.get_or_init(|| packed.clone());
            }
        }
    }

    /// What is to be kept of an issuer; none when it has no head yet. Lists whose newest content is not held are left out: their last
    /// good state is lost with the process.
    pub fn cached(&self, did: &Did) -> Option<Cached> {
        let issuer = self.issuers.get(did)?;
        let (head, digests) = issuer.texts()?;
        let mut lists: Vec<CachedList> = issuer
            .all()
            .filter_map(|(uri, listed)| {
                let held = listed.held.as_ref().filter(|held| held.hash == listed.named.states)?;
                Some(CachedList {
                    uri: uri.clone(),
                    states: match held.packed.get() {
                        Some(packed) => packed.clone(),
                        None => held.states.pack().ok()?,
                    },
                })
            })
            .collect();
        lists.sort_by(|one, other| one.uri.cmp(&other.uri));
        Some(Cached {
            issuer: did.clone(),
            head: head.to_owned(),
            digests,
            lists,
        })
    }

    /// Takes back what was kept of an issuer of which nothing is mirrored yet. Heads and digests count although they have expired:
    /// they make nothing younger than it is.
    ///
    /// Errors: those of [`Head::open`] but for `expired`, `not_yet_valid` for what was signed in the future, `unexpected_message` when
    /// something of the issuer is mirrored, when the head is another's, or states are not those that were named: then nothing
    /// changes.
    pub fn restore(&mut self, cached: &Cached, trust: &Trust, now: Timestamp) -> Result<(), Problem> {
        if self.issuers.contains_key(&cached.issuer) || cached.lists.len() > LISTS_MAX {
            return Err(Code::UnexpectedMessage.into());
        }
        let held: usize = self.issuers.values().map(super::Issuer::held).sum();
        if held.saturating_add(cached.lists.len()) > super::HELD_MAX {
            return Err(super::full());
        }
        let mut read = Mirror::default();
        let (head, kid) = Head::opened(&cached.head, trust, None)?;
        let is_early = |issued: Timestamp| issued > now.plus(crate::status::CLOCK_SKEW);
        if is_early(head.issued) {
            return Err(Code::NotYetValid.into());
        }
        read.take_head(head, kid, &cached.head, now)?;
        for text in &cached.digests {
            let (digest, kid) = Digest::opened(text, trust, None)?;
            if is_early(digest.issued) {
                return Err(Code::NotYetValid.into());
            }
            read.take_digest(&digest, kid, text, now)?;
        }
        let [(did, issuer)] = read
            .issuers
            .iter_mut()
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| Code::UnexpectedMessage)?;
        if *did != cached.issuer {
            return Err(Code::UnexpectedMessage.into());
        }
        for list in &cached.lists {
            if !issuer.put_back(&list.uri, &States::unpack(&list.states)?) {
                return Err(Code::UnexpectedMessage.into());
            }
        }
        self.issuers.append(&mut read.issuers);
        Ok(())
    }
}
