//! Letters to and from those who are off ([`credentials::letter`]): one relation with each counterpart, its queues at the operators
//! that the holder chose, letters on their way out, and what has come.
//!
//! This is the machine alone: no network and no clock. A wallet names a relation by the organisation it is with, an organisation by
//! the key that the wallet made for it: whose that is, the role knows.
//!
//! - **Durable, then sent.** A letter is written before it is put anywhere, keeps its number in every queue, and is put again until
//!   each operator has kept it, or one has and the other has no such queue any more, for at most [`LETTER_SECONDS`].
//! - **Taken once.** What has come is acknowledged at its operator only after its effect and its number are durable. A number that
//!   was taken is a repetition, from whichever operator it comes; what is put again with the same content is one letter.
//! - **Nothing is held up.** A letter that cannot have its effect yet is set aside, up to [`ASIDE_MAX`] of a relation, and tried again.
//! - **Nobody else writes.** A wallet takes letters of the organisation that the relation is with, an organisation those that are
//!   signed with the key which came with the wallet's presentation.

mod aside;
mod mending;
mod rows;

pub use aside::ASIDE_MAX;
pub use mending::{LEFT_MAX, MADE_SECONDS};

use crate::error::Failure;
use crate::network::Secret32;
use credentials::envelope::{self, Author, Message, RecipientKey, Sender};
use credentials::letter::{KIND, Letter, PLACES_MAX, Place, Reach};
use credentials::mailbox::{self, Act};
use credentials::protocol::mailbox::Ask;
use credentials::time::DAY;
use credentials::trust::Trust;
use credentials::{Code, Did, Problem, Random, SigningKey, Timestamp, random};
use rows::{AHEAD_MAX, LetterRow, Own, RelationRow, Secret, Tables};
use serde_bytes::ByteArray;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use store::Store;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

/// How long a letter is put again, in seconds: as long as an operator would keep it.
pub const LETTER_SECONDS: i64 = 30 * DAY;
/// Most letters of one relation that are on their way; beyond it the oldest gives way.
pub const LETTERS_MAX: usize = 200;

/// Numbers of letters that each epoch of a store has to itself: a restored home does not know which it gave out since the backup, and
/// whoever took one of those would take another under its number for a repetition.
const NUMBERS: u64 = 1 << 20;

/// Name of a relation.
pub type Id = [u8; 32];

/// A wallet's relation with an organisation.
pub fn with_organisation(did: &Did) -> Id {
    let mut hash = Sha256::new_with_prefix(b"bevis/relation/1 ");
    hash.update(did.to_string());
    hash.finalize().into()
}

/// An organisation's relation with a wallet. Errors: `malformed` (`key`).
pub fn with_wallet(reach: &Reach) -> Result<Id, Problem> {
    Ok(reach.recipient()?.hash())
}

/// Something to ask an operator, and the throw-away PeerId that a wallet does it under: one for each queue.
pub struct Errand {
    /// Whom.
    pub operator: Did,
    /// As whom, for a wallet.
    pub peer: Secret32,
    /// What.
    pub ask: Ask,
}

/// A letter to be put at one operator.
pub struct Delivery {
    /// Number of the letter.
    pub number: u64,
    /// Where and what.
    pub errand: Errand,
}

/// What an envelope was.
#[derive(Debug)]
pub enum Arrived {
    /// A letter that was not taken before.
    New(u64, Letter),
    /// One that was.
    Again,
}

/// Who we are.
#[derive(Clone, Copy)]
pub enum Me<'a> {
    /// A wallet, which signs with a key that the relation has.
    Wallet,
    /// An organisation, which signs with its own.
    Organisation(Sender<'a>),
}

/// All relations.
pub struct Post {
    tables: Tables,
    /// Every relation; whether it is known to have letters on their way.
    known: BTreeSet<Id>,
    pending: BTreeSet<Id>,
    /// Those in which letters were set aside.
    aside: BTreeSet<Id>,
}

impl Post {
    /// Reads which relations there are, and which have letters on their way.
    pub fn open(store: &Store) -> Result<Post, Failure> {
        let tables = Tables::of(store);
        let (known, untold) = tables.relations()?;
        let mut pending = tables.pending()?;
        pending.extend(untold);
        let aside = tables.with_aside()?;
        Ok(Post {
            tables,
            known,
            pending,
            aside,
        })
    }

    /// Every relation.
    pub fn relations(&self) -> Vec<Id> {
        self.known.iter().copied().collect()
    }

    /// Whether there is this one.
    pub fn knows(&self, id: &Id) -> bool {
        self.known.contains(id)
    }

    /// Of an organisation: there is a wallet that is still to be told where we are reached.
    pub fn expects_answer(&mut self, id: &Id) {
        self.pending.insert(*id);
    }

    /// Those with letters on their way.
    pub fn pending(&self) -> Vec<Id> {
        self.pending.iter().copied().collect()
    }

    /// With whom a wallet has this relation.
    pub fn with(&self, id: &Id) -> Result<Option<Did>, Failure> {
        Ok(self.row(id)?.with)
    }

    /// Begins a relation, or goes on with the one there is. `with` is whom a wallet has it with; `theirs` where a wallet is reached as
    /// far as is known: [`Post::set_theirs`] when it has just said so.
    pub fn begin(
        &mut self,
        id: &Id,
        with: Option<&Did>,
        theirs: Option<&Reach>,
        random: &mut dyn Random,
    ) -> Result<(), Failure> {
        if self.tables.relation(id)?.is_some() {
            return Ok(());
        }
        let row = RelationRow {
            with: with.cloned(),
            seed: Secret(random::bytes(random)),
            writer: Secret(random::bytes(random)),
            own: Vec::new(),
            theirs: theirs.cloned(),
            next: 1,
            taken: 0,
            ahead: BTreeSet::new(),
            is_told: false,
        };
        self.tables.put(id, &row)?;
        self.known.insert(*id);
        Ok(())
    }

    /// The queues of ours that are still to be made at these operators; their keys are durable first, so that making one twice is
    /// making it once.
    pub fn to_create(
        &mut self,
        id: &Id,
        operators: &[Did],
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<Vec<Errand>, Failure> {
        let mut row = self.row(id)?;
        let mut is_changed = false;
        for operator in operators {
            let is_known = row.own.iter().any(|own| own.operator == *operator);
            let named = row.own.iter().filter(|own| own.left.is_none()).count();
            if !is_known && named < PLACES_MAX {
                row.own.push(Own {
                    operator: operator.clone(),
                    owner: Secret(random::bytes(random)),
                    peer: Secret(random::bytes(random)),
                    place: None,
                    made: None,
                    left: None,
                });
                is_changed = true;
            }
        }
        if is_changed {
            self.tables.put(id, &row)?;
        }
        let missing = row.own.iter().filter(|own| own.place.is_none());
        missing
            .map(|own| {
                let proof = mailbox::prove(Act::Create, &own.operator, now, &own.owner())?;
                Ok(own.errand(Ask::Create { proof }))
            })
            .collect()
    }

    /// Gives up an operator that makes no queue, so that another can take its place.
    pub fn not_created(&mut self, id: &Id, operator: &Did) -> Result<(), Failure> {
        let mut row = self.row(id)?;
        row.own.retain(|own| own.place.is_some() || own.operator != *operator);
        self.tables.put(id, &row)
    }

    /// Notes a queue of ours.
    pub fn created(
        &mut self,
        id: &Id,
        operator: &Did,
        (queue, token): ([u8; 16], [u8; 32]),
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut row = self.row(id)?;
        if let Some(own) = row.own.iter_mut().find(|own| own.operator == *operator) {
            own.place = Some((ByteArray::new(queue), Secret(token)));
            own.made = Some(now);
        }
        row.is_told = false;
        self.tables.put(id, &row)
    }

    /// Where we are reached in this relation, once there is a queue.
    pub fn reach(&self, id: &Id) -> Result<Option<Reach>, Failure> {
        let Some(row) = self.tables.relation(id)? else {
            return Ok(None);
        };
        let places = row.named();
        Ok((!places.is_empty()).then(|| row.reach(places)))
    }

    /// Where the other is reached.
    pub fn theirs(&self, id: &Id) -> Result<Option<Reach>, Failure> {
        Ok(self.tables.relation(id)?.and_then(|row| row.theirs))
    }

    /// Of an organisation: where the wallet is reached, while it is to be told where we are.
    pub fn to_answer(&self, id: &Id) -> Result<Option<Reach>, Failure> {
        let row = self.row(id)?;
        Ok(row.theirs.filter(|_| row.with.is_none() && !row.is_told))
    }

    /// Writes the letter that says where we are reached. False while there is no queue of ours.
    pub fn tell_reach(&mut self, id: &Id, now: Timestamp) -> Result<bool, Failure> {
        let Some(reach) = self.reach(id)? else {
            return Ok(false);
        };
        self.write(id, &Letter::Reach(reach), now)?;
        let mut row = self.row(id)?;
        row.is_told = true;
        self.tables.put(id, &row)?;
        Ok(true)
    }

    /// Writes a letter. The same content again, while the first is remembered, is the same letter.
    pub fn write(&mut self, id: &Id, letter: &Letter, now: Timestamp) -> Result<(), Failure> {
        let content = letter.encode()?;
        let name: [u8; 32] = Sha256::digest(&content).into();
        let mut row = self.row(id)?;
        let letters = self.tables.letters(id)?;
        let is_over = |at: Timestamp| at.plus(LETTER_SECONDS) <= now;
        if letters
            .iter()
            .any(|(_, known)| known.name == name && !is_over(known.at))
        {
            return Ok(());
        }
        let mut gone: Vec<u64> = letters
            .iter()
            .filter(|(_, known)| is_over(known.at))
            .map(|(number, _)| *number)
            .collect();
        let staying = letters.len().saturating_sub(gone.len());
        if staying >= LETTERS_MAX {
            let oldest = letters.iter().find(|(number, _)| !gone.contains(number));
            gone.extend(oldest.map(|(number, _)| *number));
        }
        let number = row
            .next
            .max(self.tables.epoch().saturating_mul(NUMBERS).saturating_add(1));
        row.next = number.saturating_add(1);
        let letter = LetterRow {
            at: now,
            name,
            content: Some(serde_bytes::ByteBuf::from(content)),
            done: BTreeSet::new(),
        };
        self.tables.add_letter(id, &row, number, &letter, &gone)?;
        self.pending.insert(*id);
        Ok(())
    }

    /// What is to be put for a relation now: each letter in order, at each operator that has not kept it.
    pub fn deliveries(
        &mut self,
        id: &Id,
        me: Me<'_>,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<Vec<Delivery>, Failure> {
        let row = self.row(id)?;
        let Some(theirs) = &row.theirs else {
            return Ok(Vec::new());
        };
        let (recipient, writer) = (theirs.recipient()?, SigningKey::from_bytes(&row.writer.0));
        let sender = match me {
            Me::Wallet => Sender::Holder(&writer),
            Me::Organisation(sender) => sender,
        };
        let mut deliveries = Vec::new();
        let mut is_open = false;
        for (number, letter) in self.tables.letters(id)? {
            let Some(content) = &letter.content else { continue };
            if letter.at.plus(LETTER_SECONDS) <= now {
                continue;
            }
            is_open = true;
            for place in &theirs.places {
                let (Some(queue), Some(token)) = (place.queue(), place.token()) else {
                    continue;
                };
                if letter.done.contains(&place.operator) {
                    continue;
                }
                let message = Message {
                    queue: &queue,
                    number,
                    at: now,
                    kind: KIND,
                    content,
                };
                let envelope = envelope::seal(&message, sender, &recipient, random)?;
                let peer = Sha256::new_with_prefix(&row.seed.0)
                    .chain_update(queue)
                    .finalize()
                    .into();
                deliveries.push(Delivery {
                    number,
                    errand: Errand {
                        operator: place.operator.clone(),
                        peer: Secret32::new(peer),
                        ask: Ask::Put { queue, token, envelope },
                    },
                });
            }
        }
        if !is_open && (row.is_told || row.with.is_some()) {
            self.pending.remove(id);
        }
        Ok(deliveries)
    }

    /// An operator has kept a letter.
    pub fn delivered(&mut self, id: &Id, number: u64, operator: &Did) -> Result<(), Failure> {
        let places = self.row(id)?.theirs.map(|theirs| theirs.places).unwrap_or_default();
        let Some(mut letter) = self.tables.letter(id, number)? else {
            return Ok(());
        };
        letter.done.insert(operator.clone());
        if places.iter().all(|place| letter.done.contains(&place.operator)) {
            letter.content = None;
        }
        self.tables.put_letter(id, number, &letter)?;
        Ok(())
    }

    /// Who keeps a queue of ours.
    pub fn keepers(&self, id: &Id) -> Result<Vec<Did>, Failure> {
        let row = self.row(id)?;
        let made = row.own.into_iter().filter(|own| own.place.is_some());
        Ok(made.map(|own| own.operator).collect())
    }

    /// Asks for what waits in our queue at an operator, where there is one.
    pub fn fetch(&self, id: &Id, operator: &Did, now: Timestamp) -> Result<Option<Errand>, Failure> {
        let row = self.row(id)?;
        let Some(own) = row.own.iter().find(|own| own.operator == *operator) else {
            return Ok(None);
        };
        let Some((queue, _)) = &own.place else { return Ok(None) };
        let proof = mailbox::prove(Act::Fetch(queue), operator, now, &own.owner())?;
        Ok(Some(own.errand(Ask::Fetch { queue: **queue, proof })))
    }

    /// Opens an envelope that was fetched from an operator.
    ///
    /// Errors: those of [`envelope::open`] and [`Letter::decode`]; `wrong_origin` when somebody else signed it. It is then dropped.
    pub fn read(&self, id: &Id, operator: &Did, envelope: &[u8], trust: &Trust) -> Result<Arrived, Failure> {
        let row = self.row(id)?;
        let own = row.own.iter().find(|own| own.operator == *operator);
        let queue = own.and_then(|own| own.place.as_ref().map(|(queue, _)| **queue));
        let queue = queue.ok_or(Code::NotFound)?;
        let opened = envelope::open(envelope, &RecipientKey::from_bytes(&row.seed.0), &queue, trust)?;
        let is_theirs = match (&opened.author, &row.with) {
            (Author::Organisation(did), Some(with)) => did == with,
            (Author::Holder(key), None) => row.theirs.as_ref().and_then(Reach::writer) == Some(*key),
            _ => false,
        };
        if !is_theirs {
            return Err(Code::WrongOrigin.into());
        }
        if opened.kind != KIND {
            return Err(Problem::new(Code::Unsupported, "kind").into());
        }
        if opened.number <= row.taken || row.ahead.contains(&opened.number) {
            return Ok(Arrived::Again);
        }
        Ok(Arrived::New(opened.number, Letter::decode(&opened.content)?))
    }

    /// A letter had its effect.
    pub fn taken(&mut self, id: &Id, number: u64) -> Result<(), Failure> {
        let mut row = self.row(id)?;
        row.take(number);
        self.tables.put(id, &row)
    }

    /// Lets an operator drop everything up to an envelope.
    pub fn acknowledge(
        &self,
        id: &Id,
        operator: &Did,
        last: (u64, &[u8; 32]),
        now: Timestamp,
    ) -> Result<Option<Errand>, Failure> {
        let row = self.row(id)?;
        let Some(own) = row.own.iter().find(|own| own.operator == *operator) else {
            return Ok(None);
        };
        let Some((queue, _)) = &own.place else { return Ok(None) };
        let (number, name) = last;
        let act = Act::Acknowledge {
            queue,
            number,
            id: name,
        };
        let proof = mailbox::prove(act, operator, now, &own.owner())?;
        Ok(Some(own.errand(Ask::Acknowledge {
            queue: **queue,
            number,
            id: *name,
            proof,
        })))
    }

    /// How many letters of each relation are on their way, for whoever looks for a fault.
    pub fn waiting(&self) -> Result<BTreeMap<Id, usize>, Failure> {
        self.pending.iter().map(|id| Ok((*id, self.waiting_of(id)?))).collect()
    }

    /// How many letters of a relation are on their way.
    pub fn waiting_of(&self, id: &Id) -> Result<usize, Failure> {
        let letters = self.tables.letters(id)?;
        Ok(letters.iter().filter(|(_, letter)| letter.content.is_some()).count())
    }

    fn row(&self, id: &Id) -> Result<RelationRow, Failure> {
        self.tables.relation(id)?.ok_or_else(|| Code::NotFound.into())
    }
}

impl RelationRow {
    /// Notes that a letter was taken.
    fn take(&mut self, number: u64) {
        self.ahead.insert(number);
        self.close_up();
        // What was missing for so long does not come any more.
        while self.ahead.len() > AHEAD_MAX
            && let Some(first) = self.ahead.pop_first()
        {
            self.taken = first;
            self.close_up();
        }
    }

    fn close_up(&mut self) {
        while self.ahead.remove(&self.taken.saturating_add(1)) {
            self.taken = self.taken.saturating_add(1);
        }
    }

    /// The queues of ours that the other may know.
    fn named(&self) -> Vec<Place> {
        let named = self.own.iter().filter(|own| own.left.is_none());
        named.filter_map(Own::place).collect()
    }

    fn reach(&self, places: Vec<Place>) -> Reach {
        let key = RecipientKey::from_bytes(&self.seed.0);
        let writer = SigningKey::from_bytes(&self.writer.0).verifying_key();
        Reach {
            key: BASE64_URL_SAFE_NO_PAD.encode(key.recipient().as_bytes()),
            writer: self
                .with
                .as_ref()
                .map(|_| BASE64_URL_SAFE_NO_PAD.encode(writer.to_bytes())),
            places,
        }
    }
}

impl Own {
    fn owner(&self) -> SigningKey {
        SigningKey::from_bytes(&self.owner.0)
    }

    fn errand(&self, ask: Ask) -> Errand {
        Errand {
            operator: self.operator.clone(),
            peer: Secret32::new(self.peer.0),
            ask,
        }
    }

    fn place(&self) -> Option<Place> {
        let (queue, token) = self.place.as_ref()?;
        Some(Place {
            operator: self.operator.clone(),
            queue: BASE64_URL_SAFE_NO_PAD.encode(**queue),
            token: BASE64_URL_SAFE_NO_PAD.encode(token.0),
        })
    }
}

#[cfg(test)]
mod tests;
