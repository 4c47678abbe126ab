//! The issuer's end of `/bevis/consent/1`: grants are deposited, used and taken back.
//!
//! A grant is honoured when it is deposited by the person whose data it is about, in this epoch of the store, and not taken back.
//! Each release is written into the access log, counted and durable before it is given out; a withdrawal is durable before it is
//! acknowledged, and after it nothing is released: both go through this one machine, so that its journal has them in order.
//!
//! In a restored or copied home withdrawals may be missing. There a grant rests (`catching_up`) until its holder has asked about it
//! and said, with the grant's key, that it still stands.

mod deposit;
mod giver;
mod refresh;
mod standing;
mod untold;
mod withdraw;

pub(crate) use untold::Untold;

use credentials::grant::{OpenedGrant, Proof};
use credentials::letter::Reach;
use credentials::protocol::consent::{Ask, LIMIT, Reply, USES_MAX};
use credentials::status::Source;
use credentials::{Code, Did, Problem, Timestamp, time::DAY};
use serde::{Deserialize, Serialize};
use store::Key;

use crate::staged::{Due, Staged};
use crate::tables::Tables;
use crate::{Error, Issuer};

/// How long a grant is remembered after its end, in seconds: its holder may still ask how it was used.
const REMEMBERED: i64 = 30 * DAY;

/// Bytes of a reply around what it lists: names, and the lengths of its texts.
const FRAME: usize = 1_024;

/// Name of a grant.
pub(crate) type GrantId = [u8; 32];

/// A grant as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GrantRecord {
    /// The signed grant.
    pub(crate) text: String,
    /// The holder's number; none where a withdrawal came before the deposit.
    pub(crate) holder: Option<String>,
    /// The signed deposit.
    pub(crate) deposit: Option<String>,
    /// When it was deposited or, without a deposit, taken back.
    pub(crate) at: Timestamp,
    /// Epoch of the store in which its holder last said that it stands.
    pub(crate) epoch: u32,
    /// Releases so far.
    pub(crate) uses: u32,
    /// The day (UTC) of the newest release, and releases on it.
    pub(crate) day: Timestamp,
    pub(crate) today: u16,
    pub(crate) withdrawn: Option<WithdrawnRecord>,
    /// Keyed hash of the number of the person who gave it for a company, where that is known.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub(crate) giver: Option<[u8; 32]>,
    /// Where the wallet that made it is reached, if it said so: there its withdrawal may wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reach: Option<Reach>,
    /// Numbers, from and to, of uses that this home has forgotten and their holder knows of: one entry for each time that it was
    /// restored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) forgotten: Vec<(u32, u32)>,
}

/// That it was taken back.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WithdrawnRecord {
    pub(crate) at: Timestamp,
    /// The signed withdrawal.
    pub(crate) withdrawal: String,
    /// Our signed acknowledgement.
    pub(crate) withdrawn: String,
    /// The asker's signed receipt, once it has answered.
    pub(crate) erasure: Option<String>,
}

/// One release.
#[derive(Serialize, Deserialize)]
pub(crate) struct UseRecord {
    /// What the holder is told, signed when it happened.
    pub(crate) usage: String,
}

/// As many uses as a grant can have had by now: one day more than there were, for clocks.
fn uses_at_most(record: &GrantRecord, grant: &OpenedGrant, now: Timestamp) -> u32 {
    let of = grant.grant();
    let days = now.day().max(record.day).since(of.nbf.day()) / DAY;
    let most = days.max(0).saturating_add(2).saturating_mul(i64::from(of.uses_per_day));
    u32::try_from(most).unwrap_or(u32::MAX).max(record.uses)
}

/// Those of which an asker is still to be told, and how many were taken back before they came.
pub(crate) fn kept(tables: &Tables) -> Result<(Untold, usize), Error> {
    let (mut untold, mut early) = (Untold::default(), 0_usize);
    for (id, record) in tables.grants.all::<GrantRecord>()? {
        let id = id
            .try_into()
            .map_err(|_| Error::Unreadable { table: "issuer.grants" })?;
        if record.deposit.is_none() {
            early = early.saturating_add(1);
        }
        if withdraw::is_untold(&record) {
            untold.insert(OpenedGrant::open(&record.text)?.grant().asker.clone(), id);
        }
    }
    Ok((untold, early))
}

impl Issuer {
    /// Answers a holder or an asker. `asker` is the organisation that the connection belongs to, by its certificate; none for a
    /// wallet. Otherwise as [`Issuer::receive_issue`].
    pub fn receive_consent(
        &mut self,
        now: Timestamp,
        status: &dyn Source,
        peer: &str,
        asker: Option<&Did>,
        ask: Ask,
    ) -> Reply {
        let reply = match ask {
            Ask::Begin {
                vct,
                asker,
                organisation,
            } => self.begin_standing(now, peer, &vct, asker.as_deref(), organisation),
            Ask::Deposit {
                nonce,
                grant,
                proof,
                answer,
            } => self.deposit(
                now,
                status,
                &deposit::Deposited {
                    nonce: &nonce,
                    grant: &grant,
                    proof: &proof,
                    answer: &answer,
                },
            ),
            Ask::Refresh { grant, nonce, claims } => self.refresh(
                now,
                &refresh::Question {
                    asker,
                    grant: &grant,
                    nonce: &nonce,
                    claims: &claims,
                },
            ),
            Ask::Withdraw { grant, withdrawal } => self.withdraw(now, &grant, &withdrawal),
            Ask::Uses { grant, proof, after } => self.uses(now, &grant, &proof, after),
            Ask::Standing {
                nonce,
                answer,
                end,
                from,
            } => self.standing(
                now,
                status,
                &standing::Look {
                    nonce: &nonce,
                    answer: &answer,
                    end: &end,
                    from: from.as_deref(),
                },
            ),
            // An asker's to answer: a source keeps what the law has it keep.
            Ask::Erase { .. } => Err(Code::UnexpectedMessage.into()),
        };
        reply.unwrap_or_else(|error| Reply::Problem(self.failed(error)))
    }

    /// A grant of ours: `wrong_recipient` when another issuer is to release under it.
    fn own_grant(&self, text: &str) -> Result<OpenedGrant, Error> {
        let grant = OpenedGrant::open(text)?;
        match grant.grant().issuer == self.settings.did {
            true => Ok(grant),
            false => Err(Problem::new(Code::WrongRecipient, "issuer").into()),
        }
    }

    pub(crate) fn grant_record(&self, id: &GrantId) -> Result<Option<GrantRecord>, Error> {
        self.tables.grants.read(id)
    }

    fn put_grant(&self, staged: &mut Staged, id: &GrantId, record: &GrantRecord) -> Result<(), Error> {
        let bytes = self.tables.grants.encode(record)?;
        staged.transaction.put(&self.tables.grants.table, id, &bytes);
        Ok(())
    }

    /// Tells the holder of the uses after a number, as many as go into a message, and hears from the holder whether the grant stands.
    fn uses(&mut self, now: Timestamp, grant: &str, proof: &str, after: u32) -> Result<Reply, Error> {
        let id = credentials::grant::hash_of(grant)?;
        let Some(mut record) = self.grant_record(&id)?.filter(|record| record.deposit.is_some()) else {
            return Err(Code::UnknownGrant.into());
        };
        let opened = OpenedGrant::open(&record.text)?;
        let said = Proof::check(proof, &opened, now)?;
        if said.stands && record.epoch != self.store.epoch() {
            record.epoch = self.store.epoch();
            // What this home has forgotten is not counted a second time: the holder knows of so many, if there can have been so many.
            let known = after.min(uses_at_most(&record, &opened, now));
            if known > record.uses {
                record.forgotten.push((record.uses.saturating_add(1), known));
                record.uses = known;
            }
            let mut staged = self.stage();
            self.put_grant(&mut staged, &id, &record)?;
            self.commit(staged)?;
        }
        let withdrawn = record.withdrawn.as_ref().map(|withdrawn| withdrawn.withdrawn.clone());
        let mut room = LIMIT
            .saturating_sub(FRAME)
            .saturating_sub(withdrawn.as_ref().map_or(0, String::len));
        let mut uses = Vec::new();
        let mut more = false;
        let mut number = after;
        while number < record.uses {
            number = number.saturating_add(1);
            if let Some((_, to)) = record
                .forgotten
                .iter()
                .find(|(from, to)| (*from..=*to).contains(&number))
            {
                number = *to;
                continue;
            }
            let place = number.to_be_bytes();
            let key = Key::in_group(&id, &place);
            let Some(UseRecord { usage }) = self.tables.grant_uses.read(key)? else {
                continue;
            };
            let left = room.checked_sub(usage.len());
            let (Some(left), true) = (left, uses.len() < USES_MAX) else {
                more = true;
                break;
            };
            room = left;
            uses.push(usage);
        }
        Ok(Reply::Uses { uses, withdrawn, more })
    }

    /// Forgets a grant that has ended, with its uses; the access log keeps its entries for their own time.
    pub(crate) fn end_grant(&mut self, staged: &mut Staged, id: &GrantId) -> Result<(), Error> {
        let Some(record) = self.grant_record(id)? else {
            return Ok(());
        };
        for (number, _) in self.tables.grant_uses.table.group(id)? {
            staged
                .transaction
                .delete(&self.tables.grant_uses.table, Key::in_group(id, &number));
        }
        if let Some(holder) = &record.holder {
            let key = Key::in_group(holder.as_bytes(), id);
            staged.transaction.delete(&self.tables.grants_of.table, key);
        }
        staged.transaction.delete(&self.tables.grants.table, id);
        if record.deposit.is_none() {
            self.early = self.early.saturating_sub(1);
        }
        self.untold.remove(id);
        Ok(())
    }

    /// When a grant is forgotten.
    pub(crate) fn grant_due(id: &GrantId, record: &GrantRecord) -> Result<(Timestamp, Due), Error> {
        let end = match record.deposit {
            Some(_) => OpenedGrant::open(&record.text)?.grant().exp.plus(REMEMBERED),
            // A deposit that was on its way comes within the life of its terms.
            None => record.at.plus(withdraw::EARLY_LIFETIME),
        };
        Ok((end, Due::Grant(*id)))
    }
}
