//! The head: which root and which list are in force, said anew at least once a day by the anchors' online keys.

use super::anchor::Role;
use super::root::Root;
use super::signatures::{at, method_of};
use super::{HEAD_MAX, HEAD_SECONDS_MAX, SIGNATURES_MAX, TRUST_MAX, VERSION_MAX, Version};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, jws, jws::Jws, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};

/// Label of a head.
pub const HEAD_TYP: &str = "bevis-trust-head+jwt";

/// Members of the payload, all of them needed.
const MEMBERS: [&str; 8] = [
    "root",
    "root_hash",
    "list",
    "list_hash",
    "list_size",
    "version",
    "iat",
    "exp",
];

/// What a head says. One JWS for each signer, all with the same payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Version of the root.
    pub root: u64,
    /// [`super::SignedRoot::hash`] of it.
    pub root_hash: [u8; 32],
    /// Sequence of the list.
    pub list: u64,
    /// [`super::List::text_hash`] of it.
    pub list_hash: [u8; 32],
    /// Its length in bytes.
    pub list_size: u32,
    /// Rises with each head of one list.
    pub version: u64,
    /// Signed at.
    pub issued: Timestamp,
    /// Not to be relied on after; at most [`HEAD_SECONDS_MAX`] later.
    pub expires: Timestamp,
}

impl Head {
    /// Root, list and head in one.
    pub fn number(&self) -> Version {
        Version {
            root: self.root,
            list: self.list,
            head: self.version,
        }
    }

    /// Signs with a head key of `root`. Errors: `unknown_key` for any other key, `malformed` with the member that is out of
    /// bounds.
    pub fn sign(&self, root: &Root, signer: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        let key = signer.verifying_key();
        if !root.has(Role::Head, &key) {
            return Err(Problem::new(Code::UnknownKey, Role::Head.as_str()));
        }
        let payload = json!({
            "root": self.root,
            "root_hash": BASE64_URL_SAFE_NO_PAD.encode(self.root_hash),
            "list": self.list,
            "list_hash": BASE64_URL_SAFE_NO_PAD.encode(self.list_hash),
            "list_size": self.list_size,
            "version": self.version,
            "iat": self.issued,
            "exp": self.expires,
        });
        jws::sign(HEAD_TYP, Some(&method_of(key)), Map::new(), &payload, signer)
    }

    /// Reads the head without looking at its signatures, to know which root it belongs to. All texts must say the same
    /// (`trust_mismatch`). Errors name the role `head`: `trust_threshold` for none, `malformed`, `too_large`, `unsupported`,
    /// `duplicate_key`.
    pub fn read(texts: &[String]) -> Result<Head, Problem> {
        parse(texts).map(|(head, _)| head)
    }

    /// Reads it and checks the signatures: the threshold of head keys of `root`, by distinct anchors. Compares no time and no
    /// hash. Errors as [`Head::read`], `unknown_key`, `signature_invalid`, and `trust_threshold` for too few or one key twice.
    pub fn open(texts: &[String], root: &Root) -> Result<Head, Problem> {
        let (head, signed) = parse(texts)?;
        let mut keys: Vec<VerifyingKey> = Vec::with_capacity(signed.len());
        for jws in &signed {
            let key = jws.kid().and_then(Did::key_of_method);
            let key = key.filter(|key| root.has(Role::Head, key));
            let key = key.ok_or_else(|| Problem::new(Code::UnknownKey, Role::Head.as_str()))?;
            if keys.contains(&key) {
                return Err(Problem::new(Code::TrustThreshold, "head: one key twice"));
            }
            if !jws.verify(&key) {
                return Err(Problem::new(Code::SignatureInvalid, Role::Head.as_str()));
            }
            keys.push(key);
        }
        if !root.tally(Role::Head, &keys).is_enough() {
            return Err(Problem::new(Code::TrustThreshold, Role::Head.as_str()));
        }
        Ok(head)
    }

    fn of(payload: &Map<String, Value>) -> Result<Head, Problem> {
        if payload.len() != MEMBERS.len() || !MEMBERS.iter().all(|name| payload.contains_key(*name)) {
            return Err(malformed("member"));
        }
        let number = |name| payload.get(name).and_then(Value::as_u64).ok_or_else(|| malformed(name));
        let time = |name| payload.get(name).and_then(Timestamp::of).ok_or_else(|| malformed(name));
        let hash = |name| {
            let text = payload.get(name).and_then(Value::as_str);
            text.and_then(crate::key::key_bytes).ok_or_else(|| malformed(name))
        };
        let head = Head {
            root: number("root")?,
            root_hash: hash("root_hash")?,
            list: number("list")?,
            list_hash: hash("list_hash")?,
            list_size: u32::try_from(number("list_size")?).map_err(|_| malformed("list_size"))?,
            version: number("version")?,
            issued: time("iat")?,
            expires: time("exp")?,
        };
        head.check()?;
        Ok(head)
    }

    fn check(&self) -> Result<(), Problem> {
        for (name, number) in [("root", self.root), ("list", self.list), ("version", self.version)] {
            if !(1..=VERSION_MAX).contains(&number) {
                return Err(malformed(name));
            }
        }
        if usize::try_from(self.list_size).is_ok_and(|size| size > TRUST_MAX) {
            return Err(Problem::new(Code::TooLarge, "head: list_size"));
        }
        let lasts = self.expires.since(self.issued);
        if lasts <= 0 || lasts > HEAD_SECONDS_MAX {
            return Err(malformed("exp"));
        }
        Ok(())
    }
}

fn parse(texts: &[String]) -> Result<(Head, Vec<Jws>), Problem> {
    // The count first: with ten thousand empty texts nothing else is looked at.
    if texts.len() > SIGNATURES_MAX || texts.iter().map(String::len).sum::<usize>() > HEAD_MAX {
        return Err(Problem::new(Code::TooLarge, Role::Head.as_str()));
    }
    let mut signed = Vec::with_capacity(texts.len());
    let mut found: Option<Head> = None;
    for text in texts {
        let jws = Jws::parse(text, HEAD_TYP, HEAD_MAX).map_err(|problem| at(Role::Head, problem))?;
        if jws.header.len() != 3 || jws.kid().is_none() {
            return Err(malformed("header"));
        }
        let head = Head::of(&jws.payload)?;
        if found.get_or_insert_with(|| head.clone()) != &head {
            return Err(Problem::new(Code::TrustMismatch, "head: texts differ"));
        }
        signed.push(jws);
    }
    let head = found.ok_or_else(|| Problem::new(Code::TrustThreshold, Role::Head.as_str()))?;
    Ok((head, signed))
}

fn malformed(name: &str) -> Problem {
    Problem::new(Code::Malformed, format!("head: {name}"))
}
