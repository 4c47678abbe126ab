//! Letters: what an organisation left in a mailbox while this wallet was off, and where organisations are told to leave it.
//!
//! The node carries envelopes; here is what they say. Each letter has the effect that the same words would have on a stream, and
//! once: what it is about is known by its signature, and said before it changes nothing.

use crate::grant::Wait;
use crate::history::What;
use crate::tables::{CredentialRow, GrantRow, GrantStage, Kind, RequestRow, RequestStage, text};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::decision::Receipt;
use credentials::grant::OpenedGrant;
use credentials::letter::{Change, Letter, Reach};
use credentials::protocol::consent::Reply;
use credentials::verify::Verdict;
use credentials::{Code, Did, Problem, Timestamp, request};
use sha2::{Digest, Sha256};

impl Wallet {
    /// Where an organisation may write to: told to it with the next yes to a request of its that asks for that.
    pub fn set_reach(&mut self, did: &Did, reach: Option<Reach>) {
        match reach {
            Some(reach) => self.reaches.insert(did.clone(), reach),
            None => self.reaches.remove(did),
        };
    }

    /// Organisations that want to write to this wallet, by a request that waits.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`]; [`Error::NotFound`]; a refusal where the request no longer holds.
    pub fn reach_wanted(&self, now: Timestamp, id: &str) -> Result<Vec<Did>, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        let opened = request::reopen(&row.request, &*self.current_trust(now)?, now)?;
        let mut wanted = Vec::new();
        if opened.request.reach {
            wanted.push(opened.request.asker);
        }
        if let Some(standing) = self.standing(now, &row)?
            && standing.identification.request.reach
        {
            wanted.push(standing.identification.request.asker);
        }
        Ok(wanted)
    }

    /// What is told to whoever asks: nothing to who did not.
    pub(crate) fn reach_for(&self, request: &request::Request) -> Option<&Reach> {
        self.reaches.get(&request.asker).filter(|_| request.reach)
    }

    /// A [`Step::Send`] could not be said to its counterpart, and is in its mailbox instead.
    pub fn posted(&mut self, thread: Thread) -> Vec<Step> {
        self.talks.remove(&thread);
        vec![done(thread, Ok(Outcome::Posted))]
    }

    /// Takes a letter that `from` signed. A failure that passes (its code says so) is to be tried again; any other is final.
    pub fn receive_letter(&mut self, now: Timestamp, from: &Did, letter: Letter) -> (Thread, Vec<Step>) {
        self.command(|wallet, thread| match letter {
            Letter::Request { request } => wallet.take_posted(thread, now, from, &request),
            Letter::Receipt { receipt } => wallet.take_posted_receipt(thread, now, from, &receipt),
            Letter::Uses { grant, uses } => wallet.take_posted_uses(thread, now, from, &grant, &uses),
            Letter::Withdrawn { grant, withdrawn } => {
                let (name, row) = wallet.grant_named(&grant)?.ok_or(Code::UnknownGrant)?;
                wallet.require_author(from, &row.issuer)?;
                match row.stage {
                    GrantStage::Withdrawn => {
                        let reply = Reply::Withdrawn { withdrawn };
                        wallet.take_acknowledgement(thread, &name, Wait::Withdrawn, reply)
                    }
                    _ => Ok(wallet.take_uses(thread, now, &name, &[], Some(&withdrawn))?.0),
                }
            }
            Letter::Erased { grant, erasure } => {
                let (name, row) = wallet.grant_named(&grant)?.ok_or(Code::UnknownGrant)?;
                wallet.require_author(from, &row.asker)?;
                wallet.take_acknowledgement(thread, &name, Wait::Erased, Reply::Erased { erasure })
            }
            // The time alone makes it another letter than the one before.
            Letter::Changed { vct, change, at: _ } => wallet.take_change(thread, now, from, &vct, change),
            Letter::Refused { about, problem } => wallet.take_refusal(thread, now, from, &about, problem),
            Letter::Reach(_) | Letter::Answer { .. } | Letter::Withdrawal { .. } => Err(Code::UnexpectedMessage.into()),
        })
    }

    fn require_author(&self, from: &Did, expected: &Did) -> Result<(), Error> {
        match from == expected {
            true => Ok(()),
            false => Err(Code::WrongOrigin.into()),
        }
    }

    /// A request that was left: its asker signed the envelope too.
    fn take_posted(&mut self, thread: Thread, now: Timestamp, from: &Did, jws: &str) -> Result<Step, Error> {
        let opened = request::open(jws, &*self.current_trust(now)?, None, now)?;
        self.require_author(from, &opened.request.asker)?;
        let result = self.put_before_person(thread, now, &opened);
        if let Err(Error::Refused(problem)) = &result
            && problem.code != Code::Replay
            && !problem.code.is_passing()
        {
            self.record_failure(now, from, problem)?;
        }
        result
    }

    /// The receipt for an answer that was left.
    fn take_posted_receipt(&mut self, thread: Thread, now: Timestamp, from: &Did, jws: &str) -> Result<Step, Error> {
        let receipt = Receipt::open(jws, &*self.trust()?)?;
        let rows = self.tables.named::<RequestRow>()?;
        let answered = rows.into_iter().find_map(|(id, row)| match row.stage {
            RequestStage::Answered { answer } if row.hash == receipt.request && row.asker == *from => {
                Some((id, row.kind, row.transaction, text(&Sha256::digest(&answer))))
            }
            _ => None,
        });
        let Some((id, kind, transaction, answer)) = answered else {
            return Err(Code::UnknownSession.into());
        };
        let receipt = self.take_receipt(from, &id, &receipt.request, &answer, jws)?;
        let (Kind::Grant, Some(grant)) = (kind, transaction) else {
            return Ok(done(thread, Ok(Outcome::Shared { receipt })));
        };
        self.grant_answered(now, &grant, receipt.verdict == Verdict::Valid)?;
        Ok(done(thread, Ok(Outcome::Granted { grant, receipt })))
    }

    /// What was left for an organisation is refused: an answer, or that a grant is taken back.
    fn take_refusal(
        &mut self,
        thread: Thread,
        now: Timestamp,
        from: &Did,
        about: &str,
        problem: Problem,
    ) -> Result<Step, Error> {
        // What passes is tried again by whoever has it.
        if problem.code.is_passing() {
            return Err(Code::UnexpectedMessage.into());
        }
        if let Some((name, row)) = self.grant_named(about)? {
            let wait = match row.stage {
                GrantStage::Withdrawn if *from == row.asker && row.erasure.is_none() => Wait::Erased,
                GrantStage::Withdrawn if *from == row.issuer && row.withdrawn.is_none() => Wait::Withdrawn,
                _ => return Err(Code::UnexpectedMessage.into()),
            };
            if problem.code != Code::UnknownGrant {
                self.record_failure(now, from, &problem)?;
            }
            return self.take_acknowledgement(thread, &name, wait, Reply::Problem(problem));
        }
        let rows = self.tables.named::<RequestRow>()?;
        let answered = rows.into_iter().find(|(_, row)| {
            row.session == about && row.asker == *from && matches!(row.stage, RequestStage::Answered { .. })
        });
        let (id, row) = answered.ok_or(Code::UnknownSession)?;
        self.answer_refused(now, from, &id, row.hash, &problem)?;
        Ok(done(thread, Ok(Outcome::Noted)))
    }

    /// Uses of a grant. Where one before them is missing, the issuer is asked for all.
    fn take_posted_uses(
        &mut self,
        thread: Thread,
        now: Timestamp,
        from: &Did,
        grant: &str,
        uses: &[String],
    ) -> Result<Step, Error> {
        let (name, row) = self.grant_named(grant)?.ok_or(Code::UnknownGrant)?;
        self.require_author(from, &row.issuer)?;
        let opened = OpenedGrant::open(row.grant.as_deref().ok_or(Code::UnknownGrant)?)?;
        let first = match uses.first() {
            Some(first) => credentials::grant::Usage::open(first, &opened, &*self.trust()?)?,
            None => return Err(Problem::new(Code::Malformed, "uses").into()),
        };
        match first.number > row.uses_seen.saturating_add(1) {
            true => self.ask_uses_of(thread, now, &name),
            false => Ok(self.take_uses(thread, now, &name, uses, None)?.0),
        }
    }

    /// What became of a credential is noted, once; how its copies stand the issuer's status list says, which is fetched.
    fn take_change(
        &mut self,
        thread: Thread,
        now: Timestamp,
        from: &Did,
        vct: &str,
        change: Change,
    ) -> Result<Step, Error> {
        let held = self.tables.named::<CredentialRow>()?;
        let held: Vec<String> = held
            .into_iter()
            .filter(|(_, row)| row.vct == vct && row.issuer == *from)
            .map(|(id, _)| id)
            .collect();
        if held.is_empty() {
            return Err(Code::NotFound.into());
        }
        let (what, code) = match change {
            Change::Renewed => (What::Renewed, None),
            Change::Revoked => (What::StatusChanged, Some(Code::Revoked)),
            Change::Suspended => (What::StatusChanged, Some(Code::Suspended)),
            Change::Reinstated => (What::StatusChanged, None),
        };
        if what == What::StatusChanged && self.is_noted(&held, code)? {
            return Ok(done(thread, Ok(Outcome::Noted)));
        }
        let mut event = self.event(now, what, from);
        event.types.push(vct.to_owned());
        event.credentials = held;
        event.code = code;
        let mut changes = self.tables.change();
        changes.event(&event)?;
        changes.commit()?;
        Ok(done(thread, Ok(Outcome::Noted)))
    }

    /// A grant by the hash of its text.
    fn grant_named(&self, hash: &str) -> Result<Option<(String, GrantRow)>, Error> {
        for (name, row) in self.tables.named::<GrantRow>()? {
            let Some(text) = &row.grant else { continue };
            if OpenedGrant::open(text)?.name() == hash {
                return Ok(Some((name, row)));
            }
        }
        Ok(None)
    }
}
