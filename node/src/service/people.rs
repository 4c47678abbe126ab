//! Accounts of those who work at an organisation's pages, and how somebody shows who they are.
//!
//! An account is made by the command line only: whoever may use that has the home's files and its passphrase already. Its handle stands
//! in the log of who did what for good, so a handle that was taken away is never given to somebody else.
//!
//! Attempts are counted durably before anything is computed, as those at activation codes are. Five wrong ones in a row lock the
//! account for a minute; each further one doubles that, up to an hour. A handle that nobody has behaves in all of this like one
//! that somebody has, and takes as long: nobody learns by trying which accounts there are.

mod allowed;
mod attempts;

use super::record::{About, Act, Actor};
use super::{Service, lock};
use crate::clock;
use crate::error::Failure;
use attempts::Whose;
use credentials::{Code, Problem, Random, Timestamp, random};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use store::{Passphrase, PassphraseProof, Store, Table};
use zeroize::Zeroizing;

/// Table of accounts, by handle.
const TABLE: &str = "people";
/// Longest handle, in characters.
pub const HANDLE_MAX: usize = 32;
/// Longest shown name, in characters.
pub const NAME_MAX: usize = 80;
/// Most accounts, those that were taken away among them: more than an organisation has people at this.
const PEOPLE_MAX: usize = 1_000;
/// Shortest passphrase of an account, in characters. It can be tried by whoever reaches the page, at the pace that the lock allows.
pub const PASSPHRASE_MIN: usize = 12;
/// Longest passphrase, in bytes.
pub const PASSPHRASE_MAX: usize = 1_024;
/// Rows in which attempts at handles that nobody has are counted: as many as can be locked at a time without growing.
const STRANGERS: u16 = 1_024;
/// Handles that mean something else in the log.
const RESERVED: &[&str] = &["cli", "node", "api", "unknown", crate::http::door::HOLDER];

/// A face of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Face {
    /// The bank's: asking and verdicts.
    Desk,
    /// The agency's: registers, issuing, revoking, keys, health.
    Console,
}

/// Somebody who works at the pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Short name, in the log for good.
    pub handle: String,
    /// Name as it is shown.
    pub name: String,
    /// Which pages.
    pub faces: BTreeSet<Face>,
    /// When the account was made.
    pub added_at: Timestamp,
    /// When it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Row {
    person: Person,
    #[serde(with = "serde_bytes")]
    proof: Vec<u8>,
}

/// Something said in confidence, on its way through a command. It is wiped when dropped and printed by nothing.
#[derive(Clone)]
pub struct Confided(Zeroizing<String>);

impl Confided {
    /// Takes it as it was typed.
    pub fn new(text: impl Into<String>) -> Confided {
        Confided(Zeroizing::new(text.into()))
    }

    /// What was said.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Confided {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Confided {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Confided, D::Error> {
        String::deserialize(deserializer).map(Confided::new)
    }
}

/// Who may come in, and how often somebody tried.
pub(super) struct People {
    store: Store,
    /// Held while an attempt is counted and computed: one at a time, whoever tries.
    trying: Mutex<()>,
    waiting: AtomicUsize,
}

fn is_handle(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=HANDLE_MAX).contains(&text.len()) && text.bytes().all(is_of_it) && !RESERVED.contains(&text)
}

fn require_passphrase(passphrase: &Confided) -> Result<Passphrase, Problem> {
    let text = passphrase.as_str();
    if text.chars().count() < PASSPHRASE_MIN || text.len() > PASSPHRASE_MAX || text.chars().any(char::is_control) {
        return Err(Problem::new(Code::Malformed, "person passphrase"));
    }
    Ok(Passphrase::new(text))
}

fn damaged(error: impl std::fmt::Display) -> Failure {
    Failure::because(Code::Damaged, error)
}

impl People {
    pub(super) fn open(store: &Store) -> People {
        People {
            store: store.clone(),
            trying: Mutex::new(()),
            waiting: AtomicUsize::new(0),
        }
    }

    fn table(&self) -> Table {
        self.store.table(TABLE)
    }

    fn row(&self, handle: &str) -> Result<Option<Row>, Failure> {
        // What cannot be a handle is none: a page gives whatever was typed.
        if !is_handle(handle) {
            return Ok(None);
        }
        let bytes = self.table().get(handle)?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(damaged))
            .transpose()
    }

    /// An account that is there and was not taken away.
    fn active(&self, handle: &str) -> Result<Option<Row>, Failure> {
        Ok(self.row(handle)?.filter(|row| row.person.removed_at.is_none()))
    }

    fn all(&self) -> Result<Vec<Person>, Failure> {
        let rows = self.table().group(b"")?;
        let read = |(_, bytes): (Vec<u8>, Vec<u8>)| serde_json::from_slice::<Row>(&bytes).map_err(damaged);
        rows.into_iter().map(|row| read(row).map(|row| row.person)).collect()
    }

    fn prove(&self, passphrase: &Passphrase) -> Result<PassphraseProof, Failure> {
        let salt = random::bytes(&mut clock::System);
        // As costly as the home's own.
        Ok(PassphraseProof::make(passphrase, self.store.params()?, salt)?)
    }

    /// Whose attempts those at a handle are.
    fn whose(&self, handle: &str) -> Result<Whose, Failure> {
        if self.row(handle)?.is_some() {
            return Ok(Whose::Account(handle.to_owned()));
        }
        let [a, b, ..] = self.store.keyed_hash("people.stranger", handle.as_bytes());
        Ok(Whose::Stranger(u16::from_be_bytes([a, b]) % STRANGERS))
    }
}

impl Service {
    fn require_people(&self) -> Result<(), Problem> {
        match self.wallet {
            Some(_) => Err(Problem::new(Code::WrongRole, "person")),
            None => Ok(()),
        }
    }

    /// Makes an account. Errors: `malformed` (`handle`, `name`, `faces`, `person passphrase`), `home_exists` when somebody has or had the
    /// handle, `too_large`, `wrong_role` in a wallet.
    pub(super) fn add_person(
        &self,
        actor: &Actor,
        handle: &str,
        name: &str,
        faces: BTreeSet<Face>,
        passphrase: &Confided,
    ) -> Result<Value, Failure> {
        self.require_people()?;
        if !is_handle(handle) {
            return Err(Problem::new(Code::Malformed, "handle").into());
        }
        let name = name.trim();
        if !(1..=NAME_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(Problem::new(Code::Malformed, "name").into());
        }
        if faces.is_empty() {
            return Err(Problem::new(Code::Malformed, "face").into());
        }
        let proof = self.people.prove(&require_passphrase(passphrase)?)?;
        let _alone = lock(&self.people.trying)?;
        if self.people.row(handle)?.is_some() {
            return Err(Problem::new(Code::NotPermitted, "handle").into());
        }
        if self.people.table().len()? >= PEOPLE_MAX as u64 {
            return Err(Problem::new(Code::TooLarge, "people").into());
        }
        let person = Person {
            handle: handle.to_owned(),
            name: name.to_owned(),
            faces,
            added_at: clock::now(),
            removed_at: None,
        };
        self.keep_person(actor, Act::PersonAdded, &person, &proof)?;
        Ok(shown("person-added/v1", &person))
    }

    /// Takes an account away: its pages end, its handle stays taken. Errors: `not_found`.
    pub(super) fn remove_person(&self, actor: &Actor, handle: &str) -> Result<Value, Failure> {
        self.require_people()?;
        let _alone = lock(&self.people.trying)?;
        let row = self.people.active(handle)?.ok_or(Code::NotFound)?;
        let person = Person {
            removed_at: Some(clock::now()),
            ..row.person
        };
        // What is random opens to nobody.
        let mut forgotten = vec![0; 32];
        clock::System.fill(&mut forgotten);
        let forgotten = Passphrase::new(crate::output::hex(&forgotten));
        let proof = self.people.prove(&forgotten)?;
        self.keep_person(actor, Act::PersonRemoved, &person, &proof)?;
        self.door().remove(handle);
        Ok(shown("person-removed/v1", &person))
    }

    /// Gives an account a new passphrase and forgets its wrong attempts. Errors: `not_found`, `malformed`.
    pub(super) fn change_person_passphrase(
        &self,
        actor: &Actor,
        handle: &str,
        passphrase: &Confided,
    ) -> Result<Value, Failure> {
        self.require_people()?;
        let proof = self.people.prove(&require_passphrase(passphrase)?)?;
        let _alone = lock(&self.people.trying)?;
        let row = self.people.active(handle)?.ok_or(Code::NotFound)?;
        self.keep_person(actor, Act::PassphraseChanged, &row.person, &proof)?;
        self.people.put_attempts(&Whose::Account(handle.to_owned()), None)?;
        Ok(shown("person-passphrase/v1", &row.person))
    }

    /// Account and entry in one step.
    fn keep_person(&self, actor: &Actor, act: Act, person: &Person, proof: &PassphraseProof) -> Result<(), Failure> {
        let row = Row {
            person: person.clone(),
            proof: proof.to_bytes(),
        };
        let bytes = Zeroizing::new(serde_json::to_vec(&row).map_err(|e| Failure::because(Code::Internal, e))?);
        let about = About {
            person: Some(person.handle.clone()),
            ..About::default()
        };
        let table = self.people.table();
        let put = |transaction: &mut store::Transaction| {
            transaction.put(&table, person.handle.as_str(), &bytes);
        };
        self.record.note_with(actor, act, about, put)?;
        Ok(())
    }

    /// Everybody there is or was.
    pub(super) fn list_people(&self) -> Result<Value, Failure> {
        self.require_people()?;
        let people: Result<Vec<Value>, Failure> = self
            .people
            .all()?
            .iter()
            .map(|person| serde_json::to_value(person).map_err(damaged))
            .collect();
        Ok(json!({ "schema": "people/v1", "people": people? }))
    }

    /// An account that is there and was not taken away: a page asks for it with each request.
    pub fn person(&self, handle: &str) -> Result<Option<Person>, Problem> {
        let row = self.people.active(handle).map_err(|failure| failure.problem)?;
        Ok(row.map(|row| row.person))
    }

    /// Who this is. It takes as long as opening the home does, also for a handle that nobody has; call it where blocking is
    /// allowed. Both outcomes are in the log of who did what.
    ///
    /// Errors: `wrong_passphrase` (`person`) for a wrong passphrase and for an unknown handle alike; `rate_limited` (`login`) after five
    /// wrong attempts in a row, until [`Service::locked_until`].
    pub fn identify(&self, handle: &str, passphrase: &Confided) -> Result<Person, Problem> {
        self.identify_by(handle, passphrase, true)
            .map_err(|failure| failure.problem)
    }

    /// `is_login`: it is an act of its own, and not a part of another one that is noted.
    fn identify_by(&self, handle: &str, passphrase: &Confided, is_login: bool) -> Result<Person, Failure> {
        self.require_people()?;
        let whose = self.people.whose(handle)?;
        let typed = passphrase.as_str();
        let is_short = typed.len() <= PASSPHRASE_MAX;
        // What is longer than any passphrase is wrong, and costs the same.
        let typed = Passphrase::new(if is_short { typed } else { "" });
        let row = self.people.active(handle)?;
        let kept = match &row {
            Some(row) => PassphraseProof::from_bytes(&row.proof).ok_or_else(|| damaged("people"))?,
            None => self.nobody()?,
        };
        let is_right = self.people.attempt(&whose, clock::now(), || Ok(kept.is_of(&typed)?))?;
        let who = match &whose {
            Whose::Account(handle) => Actor::Person(handle.clone()),
            // Not what was typed: that may be a passphrase in the wrong field.
            Whose::Stranger(_) | Whose::Home => Actor::Person("unknown".to_owned()),
        };
        match row.filter(|_| is_right && is_short) {
            Some(row) => {
                if is_login {
                    self.record.note(&who, Act::Login, About::default())?;
                }
                Ok(row.person)
            }
            None => {
                let about = About {
                    code: Some(Code::WrongPassphrase),
                    ..About::default()
                };
                self.record.note_refusal(&who, about)?;
                Err(Problem::new(Code::WrongPassphrase, "person").into())
            }
        }
    }

    /// What a handle that nobody has is compared with: as costly as an account, and right for nothing but chance.
    fn nobody(&self) -> Result<PassphraseProof, Failure> {
        let mut bytes = Vec::new();
        let params = self.store.params()?;
        for number in [params.memory_kib, params.passes, params.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.store.keyed_hash("people.nobody", b""));
        bytes.extend_from_slice(&[0; 16]);
        PassphraseProof::from_bytes(&bytes).ok_or_else(|| damaged("people"))
    }

    /// Until when no attempt at this handle is taken; the same for one that nobody has.
    pub fn locked_until(&self, handle: &str) -> Result<Option<Timestamp>, Problem> {
        let attempts = self.people.whose(handle).and_then(|whose| self.people.attempts(&whose));
        Ok(attempts.map_err(|failure| failure.problem)?.locked(clock::now()))
    }

    /// Whether this is the home's own passphrase, for a page of a home that has no accounts: the open store is asked, and stays open.
    /// Attempts are counted and locked as those at an account. Call it where blocking is allowed.
    ///
    /// Errors: `wrong_passphrase`, `rate_limited` (`login`).
    pub fn unlocks(&self, passphrase: &Confided) -> Result<(), Problem> {
        let unlocks = || -> Result<(), Failure> {
            let typed = passphrase.as_str();
            let is_short = typed.len() <= PASSPHRASE_MAX.saturating_mul(4);
            let typed = Passphrase::new(if is_short { typed } else { "" });
            let is_right = || Ok(self.store.is_passphrase(&typed)?);
            let is_right = self.people.attempt(&Whose::Home, clock::now(), is_right)?;
            match is_right && is_short {
                true => self.note(&Actor::Cli, Act::Login, About::default()),
                false => {
                    let about = About {
                        code: Some(Code::WrongPassphrase),
                        ..About::default()
                    };
                    self.record.note_refusal(&Actor::Cli, about)?;
                    Err(Code::WrongPassphrase.into())
                }
            }
        };
        unlocks().map_err(|failure| failure.problem)
    }

    /// Until when no attempt at the home's own passphrase is taken.
    pub fn home_locked_until(&self) -> Result<Option<Timestamp>, Problem> {
        let attempts = self.people.attempts(&Whose::Home).map_err(|failure| failure.problem)?;
        Ok(attempts.locked(clock::now()))
    }

    /// As whom a command is carried out whose sender says who they are. Errors: as [`Service::identify`].
    pub(super) fn named_person(&self, handle: &str, passphrase: &Confided) -> Result<Actor, Failure> {
        let person = self.identify_by(handle, passphrase, false)?;
        Ok(Actor::Person(person.handle))
    }
}

fn shown(schema: &str, person: &Person) -> Value {
    json!({ "schema": schema, "handle": person.handle, "name": person.name, "faces": person.faces })
}
