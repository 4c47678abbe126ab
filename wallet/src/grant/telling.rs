//! What the issuer tells: terms, deposits, uses, and that a grant was taken back elsewhere.

use super::{Talk, Wait};
use crate::history::What;
use crate::tables::{GrantRow, GrantStage, UseRow};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::grant::{PROOF_SKEW, Proof, Usage, Withdrawn};
use credentials::protocol::consent::{Ask, Reply, USES_MAX};
use credentials::{Code, Timestamp};

impl Wallet {
    /// Asks every issuer how its grants were used since the last time. To be called by the clock, at times that say nothing.
    pub fn ask_uses(&mut self, now: Timestamp) -> Vec<(Thread, Vec<Step>)> {
        let rows = match self.tables.named::<GrantRow>() {
            Ok(rows) => rows,
            Err(error) => {
                crate::log(&error);
                return Vec::new();
            }
        };
        let names = rows
            .into_iter()
            .filter(|(name, row)| self.has_more_to_tell(row).unwrap_or(true) && !self.is_asking_uses(name));
        let names: Vec<String> = names.map(|(name, _)| name).collect();
        names
            .into_iter()
            .map(|name| self.command(|wallet, thread| wallet.ask_uses_of(thread, now, &name)))
            .collect()
    }

    fn is_asking_uses(&self, name: &str) -> bool {
        self.is_talking(name, Wait::Uses) || self.is_talking(name, Wait::LastUses)
    }

    /// Whether the issuer may know of uses that were not told: up to the end of a grant, and once after it.
    fn has_more_to_tell(&self, row: &GrantRow) -> Result<bool, Error> {
        if row.deposit.is_none() || row.is_all_told {
            return Ok(false);
        }
        match (&row.stage, row.withdrawn.as_deref()) {
            // One that the issuer never had was not used.
            (GrantStage::Withdrawn, Some("")) => Ok(false),
            (GrantStage::Withdrawn, Some(text)) => {
                let withdrawn = Withdrawn::open(text, &Wallet::opened_grant(row)?, &*self.trust()?)?;
                Ok(withdrawn.uses > row.uses_seen)
            }
            _ => Ok(true),
        }
    }

    pub(crate) fn ask_uses_of(&mut self, thread: Thread, now: Timestamp, name: &str) -> Result<Step, Error> {
        let row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row)?;
        let proof = Proof {
            grant: opened.name(),
            issuer: row.issuer.clone(),
            at: now,
            stands: !matches!(row.stage, GrantStage::Withdrawn),
        };
        let wait = match row.withdrawn {
            Some(_) => Wait::LastUses,
            None => Wait::Uses,
        };
        let ask = Ask::Uses {
            grant: opened.name(),
            proof: proof.sign(&self.tables.key(opened.key())?)?,
            after: row.uses_seen,
        };
        self.send_consent(thread, row.issuer, name, ask, wait)
    }

    pub(crate) fn receive_consent(
        &mut self,
        thread: Thread,
        now: Timestamp,
        peer: &str,
        talk: Talk,
        reply: Reply,
    ) -> Result<Step, Error> {
        let name = talk.name;
        match (talk.wait, reply) {
            (Wait::Terms, Reply::Terms { nonce, request }) => {
                let result = self.take_grant_terms(now, peer, &name, nonce, request);
                let id = self.dropped(now, &name, result)?;
                Ok(done(thread, Ok(Outcome::Waiting { id })))
            }
            (Wait::Deposited, Reply::Deposited { deposit }) => {
                let result = self.take_deposit(thread, now, &name, &deposit);
                self.ended(now, &name, result)
            }
            (Wait::Terms | Wait::Deposited, Reply::Problem(problem)) => self.dropped(now, &name, Err(problem.into())),
            (Wait::ReviewTerms, Reply::Terms { nonce, request }) => {
                let result = self.take_review_terms(thread, now, peer, &name, nonce, &request);
                self.review_dropped(&name, result)
            }
            (Wait::Standing, Reply::Standing { grants, next }) => self.take_standing(thread, now, &name, &grants, next),
            (Wait::ReviewTerms | Wait::Standing, Reply::Problem(problem)) => {
                self.review_dropped(&name, Err(problem.into()))
            }
            (Wait::Deleted, reply) => self.take_grant_statement(thread, now, &name, reply),
            (Wait::LastUses, Reply::Uses { withdrawn: None, .. }) => self.tell_forgotten(thread, now, &name),
            (Wait::Uses | Wait::LastUses, Reply::Uses { uses, withdrawn, more }) => {
                let (step, is_new) = self.take_uses(thread, now, &name, &uses, withdrawn.as_deref())?;
                let end = Wallet::opened_grant(&self.grant_row(&name)?)?.grant().exp;
                // The issuer's clock, which ends it, may be behind ours by twice what a clock may be wrong.
                if now >= end.plus(2 * PROOF_SKEW) && !more {
                    self.end_telling(&name)?;
                }
                match more && is_new {
                    true => self.ask_uses_of(thread, now, &name),
                    false => Ok(step),
                }
            }
            (Wait::Uses | Wait::LastUses, Reply::Problem(problem)) => {
                if problem.code == Code::UnknownGrant {
                    self.end_telling(&name)?;
                }
                Err(problem.into())
            }
            (wait @ (Wait::Withdrawn | Wait::Erased), reply) => self.take_acknowledgement(thread, &name, wait, reply),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    fn dropped<T>(&mut self, now: Timestamp, name: &str, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Refused(problem)) = &result {
            let problem = problem.clone();
            self.drop_grant(now, name, &problem)?;
        }
        result
    }

    /// Ends a grant that the issuer says it keeps and that cannot be gone on with: it must not stand there.
    fn ended<T>(&mut self, now: Timestamp, name: &str, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Refused(problem)) = &result
            && !problem.code.is_passing()
            && matches!(self.grant_row(name)?.stage, GrantStage::Depositing { .. })
        {
            self.end_grant(now, name)?;
        }
        result
    }

    /// The issuer has nothing more to tell of a grant that is over.
    fn end_telling(&mut self, name: &str) -> Result<(), Error> {
        let mut row = self.grant_row(name)?;
        row.is_all_told = true;
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.commit()
    }

    /// Keeps what the issuer tells of uses, each once and in order; a line of history for each. Whether there was any that is new.
    pub(crate) fn take_uses(
        &mut self,
        thread: Thread,
        now: Timestamp,
        name: &str,
        uses: &[String],
        withdrawn: Option<&str>,
    ) -> Result<(Step, bool), Error> {
        let mut row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row)?;
        let trust = self.trust()?;
        if uses.len() > USES_MAX {
            return Err(Code::TooLarge.into());
        }
        let mut in_order = Vec::new();
        for text in uses {
            in_order.push((Usage::open(text, &opened, &trust)?, text));
        }
        in_order.sort_by_key(|(usage, _)| usage.number);
        let mut told = Vec::new();
        for (usage, text) in in_order {
            if usage.number <= row.uses_seen {
                continue;
            }
            row.uses_seen = usage.number;
            told.push(UseRow {
                number: usage.number,
                at: usage.at,
                claims: usage.claims,
                signed: text.clone(),
            });
        }
        let is_elsewhere = match withdrawn {
            Some(text) if !matches!(row.stage, GrantStage::Withdrawn) => {
                let withdrawn = Withdrawn::open(text, &opened, &trust)?;
                row.stage = GrantStage::Withdrawn;
                row.withdrawn_at = Some(withdrawn.at);
                row.withdrawn = Some(text.to_owned());
                // Who took it back has told the asker, or the issuer does.
                row.erasure = Some(String::new());
                true
            }
            _ => false,
        };
        let mut events = Vec::new();
        let line = |wallet: &Wallet, at, what| {
            let mut event = wallet.event(at, what, &row.asker);
            event.service = Some(opened.grant().service.clone());
            event.types.push(row.vct.clone());
            event.request = Some(opened.grant().request.clone());
            event
        };
        for used in &told {
            let mut event = line(self, used.at, What::Used);
            let names = used.claims.iter().map(ToString::to_string).collect();
            event.claims.insert("claims".to_owned(), names);
            events.push(event);
        }
        if is_elsewhere {
            events.push(line(self, now, What::Withdrawn));
        }
        let mut change = self.tables.change();
        change.put(name, &row)?;
        for used in &told {
            change.put_use(name, used)?;
        }
        for event in &events {
            change.event(event)?;
        }
        change.commit()?;
        let count = u32::try_from(told.len()).unwrap_or(u32::MAX);
        let outcome = Outcome::Told {
            grant: name.to_owned(),
            uses: count,
        };
        Ok((done(thread, Ok(outcome)), count > 0))
    }
}
