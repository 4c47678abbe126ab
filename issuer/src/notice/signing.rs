//! Signing: a home of a register drafts and signs first, or signs second; and the second key signs one paper for a number.

use credentials::notice::{Paper, Proposal};
use credentials::{Code, Problem, Timestamp};

use super::tables::{DRAFT, SIDE, Side};
use crate::{Error, Issuer};

impl Issuer {
    /// Signs a paper with our own key: the first signature where it was drafted, or the second one in another home.
    ///
    /// A home does one of the two with notices, from the first one on: two homes that did both could sign two notices for one
    /// number, each with both keys, without either having signed twice. The other one is refused (`wrong_role`).
    ///
    /// Before a second signature leaves, it is durable that this key signed this paper for its number; another one is refused.
    ///
    /// Errors: as [`Issuer::notice_draft`], and `not_found` (unsigned, and not drafted here), `second_key_missing` (our key has
    /// signed it already), `notice_conflict` (our key signed another one for this number), `wrong_recipient` (another register's);
    /// what [`Paper::check_first_key`] says of the first signature; `unknown_key`, `key_outside_window`, `key_compromised` of ours.
    pub fn notice_sign(&mut self, now: Timestamp, text: &str) -> Result<Paper, Error> {
        let trust = self.publisher(now)?;
        let paper = Paper::parse(text)?;
        if *paper.register() != self.settings.did {
            return Err(Code::WrongRecipient.into());
        }
        let listed = trust.organisation(&self.settings.did).ok_or(Code::NotListed)?;
        if *listed.key_at(&self.settings.kid, now)? != self.signer.verifying_key() {
            return Err(Code::UnknownKey.into());
        }
        if paper.signers()?.is_empty() {
            self.is_drafted_here(&paper)?;
            self.take_side(&paper, Side::First)?;
        } else {
            // Of our own signature a second one of ours makes nothing: said before the guard below is set.
            if paper.signers()?.contains(&self.settings.kid) {
                return Err(Code::SecondKeyMissing.into());
            }
            paper.check_first_key(&trust, now)?;
            self.take_side(&paper, Side::Second)?;
            self.promise(&paper)?;
        }
        let signed = paper.sign(&self.settings.kid, self.signer.as_ref(), now)?;
        Ok(signed)
    }

    /// Whether an unsigned paper is one that this home wrote.
    fn is_drafted_here(&self, paper: &Paper) -> Result<(), Error> {
        let tables = &self.notices.tables;
        let is_ours = match paper {
            Paper::Notice(proposal) => match tables.state.read::<String>(DRAFT)? {
                Some(draft) => Proposal::parse(&draft)?.hash() == proposal.hash(),
                None => false,
            },
            Paper::Checkpoint(checkpoint) => tables.lists.table.contains(&checkpoint.state_hash)?,
            Paper::Key(statement) => self
                .tag_key(&statement.name)?
                .is_some_and(|key| key.public() == statement.public),
        };
        if is_ours { Ok(()) } else { Err(Code::NotFound.into()) }
    }

    /// Makes durable on which side of notices this home signs.
    fn take_side(&self, paper: &Paper, side: Side) -> Result<(), Error> {
        if !matches!(paper, Paper::Notice(_)) {
            return Ok(());
        }
        let state = &self.notices.tables.state;
        match state.read::<Side>(SIDE)? {
            Some(known) if known == side => Ok(()),
            Some(_) => Err(Problem::new(Code::WrongRole, "second-key").into()),
            None => {
                let mut changes = self.store.transaction();
                changes.put(&state.table, SIDE, &state.encode(&side)?);
                changes.commit()?;
                Ok(())
            }
        }
    }

    /// Makes durable that our key is the second one of this paper and of no other with its number.
    fn promise(&self, paper: &Paper) -> Result<(), Error> {
        let Some(place) = paper.place() else { return Ok(()) };
        let promised = &self.notices.tables.promised;
        let hash = paper.hash()?;
        match promised.table.get(&place)? {
            Some(known) if known == hash => Ok(()),
            Some(_) => Err(Problem::new(Code::NoticeConflict, place).into()),
            None => {
                let mut changes = self.store.transaction();
                changes.require_absent(&promised.table, &place);
                changes.put(&promised.table, &place, &hash);
                changes.commit()?;
                Ok(())
            }
        }
    }
}
