//! What is kept, on `store`: credentials, copies and their keys, what is under way, decisions, receipts, history.
//!
//! Every row is JSON; byte strings in it are base64url. Only [`Tables::key`] reads a private key.

use crate::Error;
use crate::Settings;
use crate::history::Event;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Decision;
use credentials::letter::Reach;
use credentials::link::Authorise;
use credentials::status::State;
use credentials::{Code, Did, SigningKey, Timestamp, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Key, Store, Table, Transaction};
use zeroize::Zeroizing;

/// A held credential, without its copies. Group: none; id: its name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CredentialRow {
    pub(crate) vct: String,
    pub(crate) issuer: Did,
    pub(crate) collected: Timestamp,
    /// A newer credential of the same register row came, with other content.
    pub(crate) is_replaced: bool,
    pub(crate) copies: u32,
}

/// One once-only copy. Group: the credential's name; id: its number, big-endian.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CopyRow {
    /// The SD-JWT with all its disclosures.
    pub(crate) text: String,
    /// Hash of the request it was shown to.
    pub(crate) used: Option<String>,
    /// What the status list last said that is not `valid`.
    pub(crate) state: Option<State>,
    /// It counts as used: the home it was collected into was restored or copied, and the copy may have been shown elsewhere.
    #[serde(default)]
    pub(crate) is_void: bool,
}
impl CopyRow {
    /// Whether it may still be shown to somebody, as far as this wallet knows.
    pub(crate) fn is_unused(&self) -> bool {
        self.used.is_none() && !self.is_void
    }
}

/// The epoch of the store for which everything was settled. Id: [`EpochRow::ID`].
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct EpochRow {
    pub(crate) epoch: u32,
    /// Credentials whose copies were made void, and whose holder has no line of history about it yet.
    pub(crate) untold: Vec<String>,
}
impl EpochRow {
    pub(crate) const ID: &'static str = "settled";
}

/// Copies that are replaced together. Id: the transaction in which they came, base64url.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) issuer: Did,
    pub(crate) vct: String,
    /// Names of the credentials, as they were delivered.
    pub(crate) credentials: Vec<String>,
    /// The public refresh key.
    pub(crate) key: String,
    pub(crate) stage: BatchStage,
}
/// How far replacing got.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BatchStage {
    /// Until an instant that was drawn when the copies came.
    Resting { until: Timestamp },
    /// The order may have been sent, with these new keys, the next refresh key last.
    Asked {
        transaction: String,
        keys: Vec<String>,
        since: Timestamp,
    },
}

/// Collecting a credential. Id: the transaction, base64url.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct IssuingRow {
    pub(crate) issuer: Did,
    pub(crate) vct: String,
    pub(crate) offer: Option<String>,
    pub(crate) code: Option<ActivationCode>,
    pub(crate) started: Timestamp,
    /// From the terms, once there are any.
    pub(crate) terms: Option<TermsRow>,
    /// Number of the person or company that proved who they are; what is delivered must be theirs.
    pub(crate) subject: Option<String>,
    pub(crate) stage: Stage,
}
/// What the issuer's terms said, and the keys made for them.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TermsRow {
    pub(crate) nonce: String,
    pub(crate) copies: u16,
    pub(crate) rows: u16,
    pub(crate) request: Option<String>,
    /// Until when the request can be answered.
    pub(crate) until: Option<Timestamp>,
    /// The new public keys in order.
    pub(crate) keys: Vec<String>,
}
/// How far collecting got.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// The terms were asked for.
    Begun,
    /// A person of this wallet must decide about the identification of this name.
    Identify { pending: String },
    /// A text was given out for the person's wallet; its answer is to come back.
    Authorise,
    /// The request may have been sent; with the identification, where one is needed.
    Requested { answer: Option<String> },
    /// The credentials are held; the issuer is to be told.
    Delivered { credentials: Vec<String> },
}

/// An activation code as typed. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct ActivationCode(pub(crate) Zeroizing<String>);
impl Serialize for ActivationCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for ActivationCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|code| ActivationCode(Zeroizing::new(code)))
    }
}

/// Why a request is before the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody asks to see credentials.
    Present,
    /// An issuer asks who the holder is, before a credential is collected into this wallet.
    Identify,
    /// An issuer asks who a person is, before a company's wallet is opened.
    Authorise,
    /// Somebody asks for a standing grant.
    Grant,
    /// An issuer asks who the holder is, before it shows or ends what was granted there.
    Review,
}

/// A request before the person. Id: its name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RequestRow {
    pub(crate) kind: Kind,
    /// The signed request.
    pub(crate) request: String,
    /// Its hash, base64url.
    pub(crate) hash: String,
    pub(crate) asker: Did,
    pub(crate) session: String,
    pub(crate) expires: Timestamp,
    pub(crate) service: String,
    pub(crate) case: String,
    /// The issuing it identifies for, or the grant it asks for.
    pub(crate) transaction: Option<String>,
    /// The text of the company's wallet.
    pub(crate) authorise: Option<Authorise>,
    pub(crate) stage: RequestStage,
    /// When a refusal leaves; none = at once.
    #[serde(default)]
    pub(crate) tell_at: Option<Timestamp>,
}
/// How far answering got.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestStage {
    /// Waits for the person.
    Open,
    /// The person said yes; exactly this answer may have been sent.
    Answered { answer: String },
    /// The person said no; the asker is to be told.
    Declined,
    /// The person said yes to a grant, which is on its way to the issuer.
    Granting,
}

/// A standing grant, or one that is asked for. Id: its short name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GrantRow {
    pub(crate) issuer: Did,
    pub(crate) asker: Did,
    pub(crate) vct: String,
    /// Name of the request, while it waits.
    pub(crate) request: String,
    pub(crate) terms: Option<GrantTerms>,
    /// The signed grant, once the person said yes.
    pub(crate) grant: Option<String>,
    /// The issuer's signed deposit.
    pub(crate) deposit: Option<String>,
    pub(crate) stage: GrantStage,
    pub(crate) withdrawn_at: Option<Timestamp>,
    /// The signed withdrawal.
    pub(crate) withdrawal: Option<String>,
    /// The issuer's acknowledgement; empty when it never had the grant.
    pub(crate) withdrawn: Option<String>,
    /// The asker's receipt; empty when it never had the grant, or somebody else told it.
    pub(crate) erasure: Option<String>,
    /// Number of the newest use that was told.
    pub(crate) uses_seen: u32,
    /// Whether the history says that it ran out.
    pub(crate) is_expiry_told: bool,
    /// Whether the issuer was asked since then, and has nothing more to tell.
    #[serde(default)]
    pub(crate) is_all_told: bool,
    /// Where the asker may write to, as the person read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reach: Option<Reach>,
    /// When the holder was last reminded that it stands.
    #[serde(default)]
    pub(crate) reminded_at: Option<Timestamp>,
}
/// What the issuer wants to see.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GrantTerms {
    pub(crate) nonce: String,
    /// The issuer's signed request.
    pub(crate) request: String,
}
/// How far a grant got.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantStage {
    /// The issuer is asked what it takes.
    Begun,
    /// The request waits for the person.
    Waiting,
    /// The person said yes; exactly this may have been sent to the issuer. The number that it shows.
    Depositing { answer: String, subject: Option<String> },
    /// The issuer keeps it; the asker is given it.
    Answering,
    /// Both have it.
    Active,
    /// Taken back.
    Withdrawn,
}

/// A use that the issuer told. Group: the grant's name; id: its number, big-endian.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UseRow {
    pub(crate) number: u32,
    pub(crate) at: Timestamp,
    pub(crate) claims: Vec<credentials::schema::Path>,
    /// As the issuer signed it.
    pub(crate) signed: String,
}

/// A decision. Id: hash of the request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct DecisionRow {
    pub(crate) kind: Kind,
    pub(crate) decision: Decision,
    /// The decision signed with the key of each copy that was shown; none when refused.
    pub(crate) signed: Vec<String>,
    /// The decision as the asker has it: signed with a key made for it. Also of a refusal, which the asker does not get.
    #[serde(default)]
    pub(crate) given: Option<String>,
    /// The asker's session.
    #[serde(default)]
    pub(crate) session: String,
    /// What was decided on: the signed request.
    #[serde(default)]
    pub(crate) asked: String,
}

/// Where the history tells how a request was decided. Id: name of the request while it waited.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct DecidedRow {
    /// Number of the line.
    pub(crate) entry: u64,
}

/// Number of the next line of history, from when the newest was last forgotten: no later line takes its number. Id: [`NextRow::ID`].
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct NextRow {
    pub(crate) next: u64,
}
impl NextRow {
    pub(crate) const ID: &'static str = "next";
}

/// That an asker is to erase what it was shown. Id: hash of the request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct DeletionRow {
    pub(crate) asker: Did,
    /// The asker's session; none of a grant.
    pub(crate) session: Option<String>,
    /// The grant's name in this wallet.
    pub(crate) grant: Option<String>,
    /// As the holder signed it.
    pub(crate) signed: String,
    pub(crate) at: Timestamp,
    /// What the asker says, signed.
    pub(crate) answer: Option<String>,
    /// Why the asker will not answer.
    pub(crate) refused: Option<Code>,
}
impl DeletionRow {
    pub(crate) fn is_open(&self) -> bool {
        self.answer.is_none() && self.refused.is_none()
    }
}

/// What is granted at an issuer, looked at by showing it who the person is. Id: a short name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ReviewRow {
    pub(crate) issuer: Did,
    pub(crate) vct: String,
    /// Names of the grants that are taken back.
    pub(crate) end: Vec<String>,
    /// Nonce of the issuer's terms, once it has said them.
    pub(crate) nonce: Option<String>,
    /// Until when it may come to its end.
    pub(crate) until: Timestamp,
    /// What was shown so far, and where the rest begins.
    #[serde(default)]
    pub(crate) found: Vec<crate::Found>,
    #[serde(default)]
    pub(crate) from: Option<String>,
}

/// The rung of a ladder that an asker was shown in a case. Group: none; id: [`crate::presentation::rung_id`].
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RungRow {
    pub(crate) path: credentials::schema::Path,
    /// Hash of the request.
    pub(crate) request: String,
}

/// A receipt. Id: hash of the request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ReceiptRow {
    pub(crate) receipt: credentials::decision::Receipt,
    pub(crate) signed: String,
}

/// A kind of row: its table and what it holds.
pub(crate) trait Row: Serialize + DeserializeOwned {
    const TABLE: &'static str;
}
impl Row for CredentialRow {
    const TABLE: &'static str = "wallet-credentials";
}
impl Row for CopyRow {
    const TABLE: &'static str = "wallet-copies";
}
impl Row for IssuingRow {
    const TABLE: &'static str = "wallet-issuings";
}
impl Row for BatchRow {
    const TABLE: &'static str = "wallet-batches";
}
impl Row for RequestRow {
    const TABLE: &'static str = "wallet-requests";
}
impl Row for DecisionRow {
    const TABLE: &'static str = "wallet-decisions";
}
impl Row for DecidedRow {
    const TABLE: &'static str = "wallet-decided";
}
impl Row for NextRow {
    const TABLE: &'static str = "wallet-history-next";
}
impl Row for RungRow {
    const TABLE: &'static str = "wallet-rungs";
}
impl Row for ReceiptRow {
    const TABLE: &'static str = "wallet-receipts";
}
impl Row for DeletionRow {
    const TABLE: &'static str = "wallet-deletions";
}
impl Row for ReviewRow {
    const TABLE: &'static str = "wallet-reviews";
}
impl Row for GrantRow {
    const TABLE: &'static str = "wallet-grants";
}
impl Row for UseRow {
    const TABLE: &'static str = "wallet-grant-uses";
}
impl Row for EpochRow {
    const TABLE: &'static str = "wallet-epoch";
}
impl Row for Event {
    const TABLE: &'static str = "wallet-history";
}
impl Row for Settings {
    const TABLE: &'static str = "wallet-holder";
}

/// Private keys of copies, by their public keys.
const KEYS: &str = "wallet-keys";
/// Secret of the throw-away PeerId for each counterpart.
const RELATIONS: &str = "wallet-relations";

/// The wallet's tables.
pub(crate) struct Tables {
    store: Store,
    /// Number of the next line of history.
    next_event: u64,
}

impl Tables {
    pub(crate) fn new(store: Store) -> Result<Tables, Error> {
        let mut tables = Tables { store, next_event: 0 };
        tables.next_event = tables
            .rows::<Event>(b"")?
            .last()
            .and_then(|(id, _)| id.as_slice().try_into().ok().map(u64::from_be_bytes))
            .map_or(0, |last| last.saturating_add(1));
        let forgotten = tables.get::<NextRow>(NextRow::ID)?.map_or(0, |row| row.next);
        tables.next_event = tables.next_event.max(forgotten);
        Ok(tables)
    }

    pub(crate) fn get<T: Row>(&self, id: &str) -> Result<Option<T>, Error> {
        self.get_in(b"", id.as_bytes())
    }

    pub(crate) fn get_in<T: Row>(&self, group: &[u8], id: &[u8]) -> Result<Option<T>, Error> {
        let value = self.table::<T>().get(Key::in_group(group, id))?;
        value.map(Zeroizing::new).map(|value| read(&value)).transpose()
    }

    /// Every row of a group, sorted by id.
    pub(crate) fn rows<T: Row>(&self, group: &[u8]) -> Result<Vec<(Vec<u8>, T)>, Error> {
        self.table::<T>()
            .group(group)?
            .into_iter()
            .map(|(id, value)| Ok((id, read(&Zeroizing::new(value))?)))
            .collect()
    }

    /// The same, for rows that are named by text.
    pub(crate) fn named<T: Row>(&self) -> Result<Vec<(String, T)>, Error> {
        self.rows::<T>(b"")?
            .into_iter()
            .map(|(id, row)| {
                let name = String::from_utf8(id).map_err(|_| Error::Row { table: T::TABLE })?;
                Ok((name, row))
            })
            .collect()
    }

    /// Number of the line of history that comes next, counted from 0.
    pub(crate) fn next_event(&self) -> u64 {
        self.next_event
    }

    /// The copies of a credential, by number.
    pub(crate) fn copies(&self, credential: &str) -> Result<Vec<(u32, CopyRow)>, Error> {
        self.rows::<CopyRow>(credential.as_bytes())?
            .into_iter()
            .map(|(id, row)| {
                let number = id.as_slice().try_into().map(u32::from_be_bytes);
                Ok((number.map_err(|_| Error::Row { table: CopyRow::TABLE })?, row))
            })
            .collect()
    }

    /// What was told of a grant's uses, in order.
    pub(crate) fn uses(&self, grant: &str) -> Result<Vec<UseRow>, Error> {
        let rows = self.rows::<UseRow>(grant.as_bytes())?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// The private half of a copy's key.
    pub(crate) fn key(&self, public: &VerifyingKey) -> Result<SigningKey, Error> {
        let id = public.to_bytes();
        let secret = self.store.table(KEYS).get(&id)?.map(Zeroizing::new);
        let secret: Option<Zeroizing<[u8; 32]>> =
            secret.and_then(|secret| secret.as_slice().try_into().ok().map(Zeroizing::new));
        let secret = secret.ok_or(Error::Row { table: KEYS })?;
        Ok(SigningKey::from_bytes(&secret))
    }

    /// The secret for a counterpart, if there is one.
    pub(crate) fn relation(&self, with: &str) -> Result<Option<Zeroizing<[u8; 32]>>, Error> {
        let Some(secret) = self.store.table(RELATIONS).get(with)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let secret: [u8; 32] = secret
            .as_slice()
            .try_into()
            .map_err(|_| Error::Row { table: RELATIONS })?;
        Ok(Some(Zeroizing::new(secret)))
    }

    /// How often the store was restored or copied back.
    pub(crate) fn epoch(&self) -> u32 {
        self.store.epoch()
    }

    /// Changes that take effect together.
    pub(crate) fn change(&mut self) -> Change<'_> {
        Change {
            transaction: self.store.transaction(),
            next_event: self.next_event,
            tables: self,
        }
    }

    fn table<T: Row>(&self) -> Table {
        self.store.table(T::TABLE)
    }
}

/// A transaction on the wallet's tables. Nothing happens before [`Change::commit`].
#[must_use = "nothing is written before commit"]
pub(crate) struct Change<'a> {
    tables: &'a mut Tables,
    transaction: Transaction,
    next_event: u64,
}

impl Change<'_> {
    pub(crate) fn put<T: Row>(&mut self, id: &str, row: &T) -> Result<(), Error> {
        self.put_in(b"", id.as_bytes(), row)
    }

    fn put_in<T: Row>(&mut self, group: &[u8], id: &[u8], row: &T) -> Result<(), Error> {
        let value = write(row)?;
        self.transaction
            .put(&self.tables.table::<T>(), Key::in_group(group, id), &value);
        Ok(())
    }

    /// Puts a row that must be new.
    pub(crate) fn add<T: Row>(&mut self, id: &str, row: &T) -> Result<(), Error> {
        self.transaction.require_absent(&self.tables.table::<T>(), id);
        self.put(id, row)
    }

    pub(crate) fn put_copy(&mut self, credential: &str, number: u32, row: &CopyRow) -> Result<(), Error> {
        self.put_in(credential.as_bytes(), &number.to_be_bytes(), row)
    }

    pub(crate) fn put_use(&mut self, grant: &str, row: &UseRow) -> Result<(), Error> {
        self.put_in(grant.as_bytes(), &row.number.to_be_bytes(), row)
    }

    pub(crate) fn delete<T: Row>(&mut self, id: &str) {
        self.transaction.delete(&self.tables.table::<T>(), id);
    }

    pub(crate) fn delete_copy(&mut self, credential: &str, number: u32) {
        self.transaction.delete(
            &self.tables.table::<CopyRow>(),
            Key::in_group(credential.as_bytes(), &number.to_be_bytes()),
        );
    }

    pub(crate) fn put_key(&mut self, key: &SigningKey) {
        let id = key.verifying_key().to_bytes();
        self.transaction
            .put(&self.tables.store.table(KEYS), &id, key.to_bytes().as_slice());
    }

    pub(crate) fn delete_key(&mut self, public: &VerifyingKey) {
        self.transaction
            .delete(&self.tables.store.table(KEYS), &public.to_bytes());
    }

    pub(crate) fn put_relation(&mut self, with: &str, secret: &[u8; 32]) {
        self.transaction.put(&self.tables.store.table(RELATIONS), with, secret);
    }

    /// Adds the line of history that tells how a request was decided.
    pub(crate) fn decided(&mut self, request: &str, event: &Event) -> Result<(), Error> {
        let entry = self.next_event.saturating_add(1);
        self.put(request, &DecidedRow { entry })?;
        self.event(event)
    }

    /// Takes a line of history away. Its number stays its own.
    pub(crate) fn forget(&mut self, number: u64) -> Result<(), Error> {
        let id = number.saturating_sub(1).to_be_bytes();
        self.transaction.delete(&self.tables.table::<Event>(), &id);
        let next = self.next_event;
        self.put(NextRow::ID, &NextRow { next })
    }

    /// Adds a line of history.
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), Error> {
        let id = self.next_event.to_be_bytes();
        self.next_event = self.next_event.saturating_add(1);
        let value = write(event)?;
        let table = self.tables.table::<Event>();
        self.transaction.require_absent(&table, &id).put(&table, &id, &value);
        Ok(())
    }

    /// Writes everything, durably.
    pub(crate) fn commit(self) -> Result<(), Error> {
        self.transaction.commit()?;
        self.tables.next_event = self.next_event;
        Ok(())
    }
}

fn read<T: Row>(value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|_| Error::Row { table: T::TABLE })
}

fn write<T: Row>(row: &T) -> Result<Zeroizing<Vec<u8>>, Error> {
    serde_json::to_vec(row)
        .map(Zeroizing::new)
        .map_err(|_| Error::Row { table: T::TABLE })
}

/// Bytes as they stand in rows.
pub(crate) fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of a row.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// A public key of a row.
pub(crate) fn public_key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes(text)?)
}
