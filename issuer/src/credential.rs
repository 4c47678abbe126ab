//! Issued credentials: finding them, and changing their state.

use credentials::identifier::PersonNumber;
use credentials::schema::{CredentialType, HolderKind};
use credentials::status::State;
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use crate::tables::{Credential, CredentialId, pair};
use crate::{Error, Issuer};

/// Longest reason for a change of state, in bytes.
const REASON_MAX: usize = 200;
/// Credentials that one transaction changes, of at most 64 copies each.
const CHANGED_TOGETHER: usize = 1_000;

/// Which credentials are meant.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// All of one row of the register.
    Row {
        /// Type.
        vct: String,
        /// Row key.
        key: String,
    },
    /// All of one holder: a person who lost a device, or a company.
    Subject {
        /// The person's or the company's number.
        number: String,
    },
    /// One.
    Credential {
        /// Its name, as [`Issued::id`] has it.
        id: String,
    },
}

impl std::fmt::Debug for Target {
    /// Rows and subjects are personal: only the kind is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Row { vct, .. } => write!(f, "Row({vct})"),
            Target::Subject { .. } => write!(f, "Subject"),
            Target::Credential { id } => write!(f, "Credential({id})"),
        }
    }
}

/// What a change of state reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Credentials.
    pub credentials: u64,
    /// Their copies.
    pub copies: u64,
}

impl Changed {
    /// One credential more.
    pub(crate) fn count(&mut self, credential: &Credential) {
        self.credentials = self.credentials.saturating_add(1);
        self.copies = self.copies.saturating_add(copies(credential));
    }
}

/// An issued credential as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issued {
    /// Its name, 32 hexadecimal digits.
    pub id: String,
    /// Type.
    pub vct: String,
    /// The row's key; where that is personal, `~` and 64 bits of a keyed hash of it.
    pub row: String,
    /// State of all its copies.
    pub state: State,
    /// How many copies it has.
    pub copies: u64,
    /// When it was delivered.
    pub issued: Timestamp,
    /// Last instant of its validity.
    pub expires: Timestamp,
    /// When the wallet said that it has it.
    pub acknowledged: Option<Timestamp>,
    /// Why its state was last changed by a person.
    pub reason: Option<String>,
}

/// Whether a credential may go from one state to another. Revoked is final; superseded can only become revoked.
fn may_become(from: State, to: State) -> bool {
    match (from, to) {
        (State::Valid, State::Suspended)
        | (State::Suspended, State::Valid)
        | (State::Valid | State::Suspended, State::Superseded)
        | (State::Valid | State::Suspended | State::Superseded, State::Revoked) => true,
        (
            State::Valid | State::Suspended | State::Superseded | State::Revoked,
            State::Valid | State::Suspended | State::Superseded | State::Revoked,
        ) => false,
    }
}

/// Whether a credential that has ended is to be suspended. Its end stays what it is; but whoever suspends wants it to be relied on
/// by nobody from now on, so that it waits for no day.
fn is_ended_for(from: State, to: State) -> bool {
    matches!(from, State::Superseded | State::Revoked) && to == State::Suspended
}

/// Refuses a reason that is too long, and one with a person's number in it.
pub(crate) fn require_reason(reason: &str) -> Result<(), Error> {
    if reason.len() > REASON_MAX || reason.chars().any(char::is_control) || has_person_number(reason) {
        return Err(Problem::new(Code::Malformed, "reason").into());
    }
    Ok(())
}

/// The code for a credential that cannot change any more.
pub(crate) fn refusal(state: State) -> Option<Code> {
    match state {
        State::Revoked => Some(Code::Revoked),
        State::Superseded => Some(Code::Superseded),
        State::Valid | State::Suspended => None,
    }
}

impl Issuer {
    /// Revokes, suspends, reinstates (`valid`, from suspended only) or marks as superseded. The change is durable when this
    /// returns, and the next digest and the next status head that anybody asks for have it. Suspending publishes an ending that waits
    /// for the day's publication at once; such a credential stays superseded or revoked.
    ///
    /// `no_data` when the target names nothing; `revoked` or `superseded` when the state of everything it names is final;
    /// a credential that is in the state already is no error and not counted.
    pub fn set_state(&mut self, now: Timestamp, target: Target, state: State, reason: &str) -> Result<Changed, Error> {
        let matching = self.matching(&target, state, reason)?;
        let mut changed = Changed::default();
        for part in matching.chunks(CHANGED_TOGETHER) {
            let mut staged = self.stage();
            for (id, credential) in part {
                let mut credential = credential.clone();
                credential.reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
                let to = if is_ended_for(credential.state, state) {
                    credential.state
                } else {
                    state
                };
                staged.set_state(now, &self.tables, id, &mut credential, to)?;
                changed.count(&credential);
            }
            self.commit(staged)?;
        }
        Ok(changed)
    }

    /// What [`Issuer::set_state`] would change if it were called now, with the same refusals: so that whoever keeps a log can write
    /// down how many before it happens.
    pub fn reach(&self, target: &Target, state: State, reason: &str) -> Result<Changed, Error> {
        let mut changed = Changed::default();
        for (_, credential) in self.matching(target, state, reason)? {
            changed.count(&credential);
        }
        Ok(changed)
    }

    /// The credentials of a target that a change reaches; none when all are in that state already.
    fn matching(&self, target: &Target, state: State, reason: &str) -> Result<Vec<(CredentialId, Credential)>, Error> {
        require_reason(reason)?;
        let named = self.named(target)?;
        if named.is_empty() {
            return Err(Code::NoData.into());
        }
        let (matching, others): (Vec<_>, Vec<_>) = named
            .into_iter()
            .partition(|(_, credential)| self.would_change(credential, state));
        if matching.is_empty() {
            let is_so_already = others.iter().any(|(_, other)| other.state == state);
            let refusal = others.iter().find_map(|(_, other)| refusal(other.state));
            if let Some(code) = refusal.filter(|_| !is_so_already) {
                return Err(code.into());
            }
        }
        Ok(matching)
    }

    /// Whether a change to this state would do something: it may be, or an ending of it that waits for the day's publication is
    /// published at once when somebody asks for it, or asks that it be relied on no more.
    pub(crate) fn would_change(&self, credential: &Credential, state: State) -> bool {
        let waits = || {
            let mut positions = credential.positions.iter();
            positions.any(|position| self.lists.is_waiting(*position))
        };
        let is_asked_for = || credential.state == state || is_ended_for(credential.state, state);
        may_become(credential.state, state) || (is_asked_for() && waits())
    }

    /// Issued credentials, of one type or of all, the newest first.
    pub fn issued(&self, vct: Option<&str>, target: Option<&Target>) -> Result<Vec<Issued>, Error> {
        let vct = match vct {
            Some(name) => Some(self.issued_type(name)?.vct.clone()),
            None => None,
        };
        let named = match target {
            Some(target) => self.named(target)?,
            None => self
                .tables
                .credentials
                .all::<Credential>()?
                .into_iter()
                .filter_map(|(id, credential)| Some((id.try_into().ok()?, credential)))
                .collect(),
        };
        let mut issued: Vec<Issued> = named
            .into_iter()
            .filter(|(_, credential)| vct.as_ref().is_none_or(|vct| *vct == credential.vct))
            .map(|(id, credential)| Issued {
                id: name(&id),
                row: self.row_name(&credential),
                state: credential.state,
                copies: copies(&credential),
                issued: credential.at,
                expires: credential.expires,
                acknowledged: credential.acknowledged,
                reason: credential.reason.clone(),
                vct: credential.vct,
            })
            .collect();
        issued.sort_by(|one, other| (other.issued, &other.id).cmp(&(one.issued, &one.id)));
        Ok(issued)
    }

    /// The credentials that a target names.
    pub(crate) fn named(&self, target: &Target) -> Result<Vec<(CredentialId, Credential)>, Error> {
        let ids = match target {
            Target::Row { vct, key } => {
                let vct = &self.issued_type(vct)?.vct;
                self.tables.by_row.table.group(&pair(vct, key))?
            }
            Target::Subject { number } => self.tables.by_holder.table.group(number.as_bytes())?,
            Target::Credential { id } => {
                let Some(id) = parse_name(id) else {
                    return Ok(Vec::new());
                };
                let found = self.tables.credentials.read(&id)?;
                return Ok(found.into_iter().map(|credential| (id, credential)).collect());
            }
        };
        ids.into_iter().map(|(id, _)| self.credential(&id)).collect()
    }

    /// A credential that an index names.
    pub(crate) fn credential(&self, id: &[u8]) -> Result<(CredentialId, Credential), Error> {
        let unreadable = Error::Unreadable {
            table: "issuer.credentials",
        };
        let Ok(id) = CredentialId::try_from(id) else {
            return Err(unreadable);
        };
        match self.tables.credentials.read(&id)? {
            Some(credential) => Ok((id, credential)),
            None => Err(unreadable),
        }
    }

    /// How a row is named to an operator.
    fn row_name(&self, credential: &Credential) -> String {
        let is_of_person = self
            .types
            .get(&credential.vct)
            .is_none_or(|t: &std::sync::Arc<CredentialType>| t.holder.kind == HolderKind::Person);
        if is_of_person || has_person_number(&credential.row_key) {
            let row = pair(&credential.vct, &credential.row_key);
            let [a, b, c, d, e, f, g, h, ..] = self.store.keyed_hash("issuer.row", &row);
            format!("~{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
        } else {
            credential.row_key.clone()
        }
    }
}

fn copies(credential: &Credential) -> u64 {
    u64::try_from(credential.positions.len()).unwrap_or(u64::MAX)
}

/// A credential's name as text.
pub(crate) fn name(id: &CredentialId) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

pub(crate) fn parse_name(text: &str) -> Option<CredentialId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

/// Whether any eleven digits in a row are a person's number.
fn has_person_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(11).any(|window| {
        window.iter().all(u8::is_ascii_digit)
            && std::str::from_utf8(window).is_ok_and(|digits| PersonNumber::parse(digits).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoked_is_final_and_only_suspended_is_reinstated() {
        use State::{Revoked, Superseded, Suspended, Valid};
        let all = [Valid, Revoked, Suspended, Superseded];
        let allowed: Vec<(State, State)> = all
            .iter()
            .flat_map(|from| all.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| may_become(*from, *to))
            .collect();
        assert_eq!(
            allowed,
            [
                (Valid, Revoked),
                (Valid, Suspended),
                (Valid, Superseded),
                (Suspended, Valid),
                (Suspended, Revoked),
                (Suspended, Superseded),
                (Superseded, Revoked),
            ]
        );
    }

    #[test]
    fn a_name_reads_back_and_nothing_else_is_one() {
        let id = [0x0f; 16];
        assert_eq!(parse_name(&name(&id)), Some(id));
        for wrong in ["", "0f", "+f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", &"g".repeat(32)] {
            assert_eq!(parse_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_person_number_is_found_among_other_text() {
        assert!(has_person_number("sak 14858834016, mistet telefon"));
        assert!(!has_person_number("sak 14858834017, mistet telefon"));
        assert!(!has_person_number("mistet telefon"));
    }
}
