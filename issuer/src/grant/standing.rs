//! A person who shows who they are sees what they have granted, and takes it back: for whoever has lost the wallet that made it.

use credentials::grant::{OpenedGrant, Withdrawal, hash_of, hash_text, standing_covers};
use credentials::protocol::consent::{LIMIT, LISTED_MAX, Reply, Standing};
use credentials::status::Source;
use credentials::{Code, Problem, Timestamp};

use super::{FRAME, GrantId, GrantRecord, WithdrawnRecord};
use crate::issuance::Given;
use crate::staged::Due;
use crate::{Error, Issuer};

/// Bytes of one entry around the texts in it.
const FRAME_OF_ONE: usize = 64;

/// What a person asks.
pub(super) struct Look<'a> {
    pub(super) nonce: &'a str,
    pub(super) answer: &'a str,
    /// What is taken back.
    pub(super) end: &'a [String],
    /// Where an earlier answer ended.
    pub(super) from: Option<&'a str>,
}

/// The place of a grant in the order in which they are shown: those that stand first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_withdrawn: bool,
    id: GrantId,
}

impl Place {
    fn of(id: GrantId, record: &GrantRecord) -> Place {
        Place {
            is_withdrawn: record.withdrawn.is_some(),
            id,
        }
    }

    /// As it is told.
    fn text(&self) -> String {
        let class = if self.is_withdrawn { 'w' } else { 'a' };
        format!("{class}{}", hash_text(&self.id))
    }

    fn parse(text: &str) -> Result<Place, Problem> {
        let (is_withdrawn, name) = match (text.strip_prefix('a'), text.strip_prefix('w')) {
            (Some(name), _) => (false, name),
            (_, Some(name)) => (true, name),
            _ => return Err(Problem::new(Code::Malformed, "from")),
        };
        let id = hash_of(name).map_err(|_| Problem::new(Code::Malformed, "from"))?;
        Ok(Place { is_withdrawn, id })
    }
}

impl Issuer {
    /// Shows a person what they have granted of a type, as much as goes into a message, and ends what they name. Until everything was
    /// shown the same answer counts again, for what comes behind.
    pub(super) fn standing(&mut self, now: Timestamp, status: &dyn Source, look: &Look<'_>) -> Result<Reply, Error> {
        let (terms, standing) = self.standing_terms(now, look.nonce)?;
        if standing.asker.is_some() {
            return Err(Code::WrongRequest.into());
        }
        if look.end.len() > LISTED_MAX {
            return Err(Problem::new(Code::TooLarge, "end").into());
        }
        let names: Vec<GrantId> = look.end.iter().map(|name| hash_of(name)).collect::<Result<_, _>>()?;
        let from = look.from.map(Place::parse).transpose()?;
        let credential_type = self.wire_type(&terms.vct)?;
        let asked = terms.identification.as_ref().ok_or(Code::Internal)?;
        let (transaction, covered) = standing_covers(look.nonce, &names);
        let identified = self.identify_by_presentation(
            now,
            status,
            &credential_type,
            &Given {
                terms: &terms,
                asked,
                nonce: look.nonce,
                transaction,
                keys: &[],
                grant: Some(covered),
                answer: look.answer,
            },
        )?;
        // A company's grants are seen and ended by a person who may act for it.
        if identified.person.is_some() {
            self.rows_of_identified(now, &credential_type, &identified)?;
        }
        let mut staged = self.stage();
        let mut ended = Vec::new();
        let mut shown = Vec::new();
        for (id, _) in self.tables.grants_of.table.group(identified.holder.as_bytes())? {
            let id: GrantId = id.try_into().map_err(|_| Error::Unreadable {
                table: "issuer.grants-of-holder",
            })?;
            let Some(mut record) = self.grant_record(&id)? else {
                continue;
            };
            let grant = OpenedGrant::open(&record.text)?;
            if grant.grant().vct != terms.vct {
                continue;
            }
            if names.contains(&id) && record.withdrawn.is_none() {
                let withdrawal = Withdrawal {
                    grant: hash_text(&id),
                    issuer: self.settings.did.clone(),
                    at: now,
                };
                let withdrawal = withdrawal
                    .sign_as_issuer(&self.settings.kid, self.signer.as_ref())
                    .map_err(Error::Signing)?;
                let withdrawn = self.end_by(now, &mut staged, &grant, record.clone(), &withdrawal)?;
                record.withdrawn = Some(WithdrawnRecord {
                    at: now,
                    withdrawal,
                    withdrawn,
                    erasure: None,
                });
                ended.push((grant.grant().asker.clone(), id));
            }
            shown.push((Place::of(id, &record), record));
        }
        shown.retain(|(place, _)| from.is_none_or(|from| *place > from));
        shown.sort_unstable_by_key(|(place, _)| *place);
        let (grants, next) = page(shown);
        if next.is_none() {
            self.end_terms(&mut staged, look.nonce);
            staged.done.push((terms.expires, Due::Terms(look.nonce.to_owned())));
        }
        self.commit(staged)?;
        if next.is_none() {
            self.terms.retain(|open| open.nonce != look.nonce);
        }
        for (asker, id) in ended {
            self.untold.insert(asker, id);
        }
        Ok(Reply::Standing { grants, next })
    }
}

/// As many as go into a message, and the place of the last where there are more.
fn page(shown: Vec<(Place, GrantRecord)>) -> (Vec<Standing>, Option<String>) {
    let mut room = LIMIT.saturating_sub(FRAME);
    let mut grants: Vec<Standing> = Vec::new();
    let mut last: Option<Place> = None;
    for (place, record) in shown {
        let withdrawn = record.withdrawn.map(|withdrawn| withdrawn.withdrawn);
        let texts = record
            .text
            .len()
            .saturating_add(withdrawn.as_ref().map_or(0, String::len));
        let left = room.checked_sub(texts.saturating_add(FRAME_OF_ONE));
        // The longest grant and its end are less than a message: no page is empty.
        let (Some(left), true) = (left, grants.len() < LISTED_MAX) else {
            return (grants, last.map(|last| last.text()));
        };
        room = left;
        last = Some(place);
        grants.push(Standing {
            grant: record.text,
            uses: record.uses,
            withdrawn,
        });
    }
    (grants, None)
}
