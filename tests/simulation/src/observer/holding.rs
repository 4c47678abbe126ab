//! At a wallet's door: what leaves was decided, durably and by a person, and what was collected or shared stays known.

use super::{Answered, CONSENT, COPY, Checked, KEPT, Key, Observer, broken, ensure};
use crate::cast::{self, Cast, Who};
use crate::machine::{Machine, durable_export};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Decision;
use credentials::jwe::DecryptionKey;
use credentials::jws::Jws;
use credentials::protocol::issuance::{Ask as Issue, Identification, KEY_PROOF_TYP, Request};
use credentials::protocol::presentation::Ask as Present;
use credentials::sd_jwt::SdJwt;
use credentials::{Timestamp, VerifyingKey, request};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wallet::{Event, Outcome, Outgoing, Wallet};

/// Longest plaintext of an answer that is read.
pub(super) const ANSWER_MAX: usize = 1 << 20;

/// What a wallet has told its person.
#[derive(Default)]
pub(crate) struct Holder {
    history: Vec<Event>,
    collected: BTreeSet<String>,
    /// Verdicts of receipts, by request.
    receipts: BTreeMap<String, Value>,
}

/// The keys that a request for credentials proves, in order.
pub(super) fn proven_keys(request: &Request) -> Vec<Key> {
    request
        .proofs
        .iter()
        .filter_map(|proof| Jws::parse(proof, KEY_PROOF_TYP, 1 << 16).ok())
        .filter_map(|proof| VerifyingKey::from_jwk(proof.header.get("jwk")?))
        .map(|key| key.to_bytes())
        .collect()
}

impl Observer {
    /// A person is about to say yes to the request with this case reference, which is what the person reads.
    pub(crate) fn person_says_yes(&mut self, who: Who, case: &str) {
        if let Some(hash) = self.cases.get(case) {
            self.yes.insert((who, hash.clone()));
        }
    }

    /// Remembers the case reference of a signed request.
    pub(super) fn learn_case(&mut self, text: &str, hash: &str) {
        let signed = Jws::parse(text, request::TYP, request::REQUEST_MAX).ok();
        let case = signed
            .as_ref()
            .and_then(|signed| signed.payload.get("bevis")?.get("case")?.as_str());
        self.cases.insert(case.unwrap_or_default().to_owned(), hash.to_owned());
    }

    /// A message leaves a wallet.
    pub(crate) fn leaves_wallet(&mut self, machine: &Machine, to: Who, now: Timestamp, message: &Outgoing) -> Checked {
        match message {
            Outgoing::Consent(ask) => self.consent_leaves(machine, to, ask),
            Outgoing::Present(Present::Answer { session, answer }) => {
                let Some(hash) = self.sessions.get(&(to, session.clone())).cloned() else {
                    return broken(
                        CONSENT,
                        format!("an answer to a session that {} never made", cast::name(to)),
                    );
                };
                self.grant_leaves(machine.who, &hash, answer)?;
                self.answer_leaves(machine, to, &hash, now, answer)
            }
            Outgoing::Issue(Issue::Request(request)) => {
                let offer = match &request.identification {
                    Identification::Code { offer, .. } => Some(offer.clone()),
                    Identification::Presentation { answer } => {
                        let Some(hash) = self.nonces.get(&request.nonce).cloned() else {
                            return broken(CONSENT, "an identification for terms that were never given");
                        };
                        self.answer_leaves(machine, to, &hash, now, answer)?;
                        None
                    }
                };
                for key in proven_keys(request) {
                    let owner = *self.keys.entry(key).or_insert(machine.who);
                    ensure(owner == machine.who, COPY, || "two wallets have one key".to_owned())?;
                }
                self.transactions
                    .insert(request.transaction.clone(), (machine.who, offer));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn answer_leaves(&mut self, machine: &Machine, to: Who, hash: &str, now: Timestamp, answer: &str) -> Checked {
        let who = machine.who;
        let Some(asked) = self.requests.get(hash) else {
            return broken(CONSENT, "an answer to a request that nobody made");
        };
        ensure(asked.asker == to, CONSENT, || {
            format!("an answer leaves for {}", cast::name(to))
        })?;
        ensure(self.yes.contains(&(who, hash.to_owned())), CONSENT, || {
            format!("{} answered what its person said no yes to", cast::name(who))
        })?;
        let keys = match keys_of(answer, hash, &asked.key) {
            Some(keys) => keys,
            None => return broken(CONSENT, "an answer that its asker cannot read"),
        };
        if asked.subject.is_some() {
            // A clock is set back now and then; the wallet's own clock at the time counts.
            ensure(now < asked.expires, super::TIME, || {
                format!("{} sent an answer {} s late", cast::name(who), now.since(asked.expires))
            })?;
        }
        match self.answers.get(&(who, hash.to_owned())) {
            Some(before) => ensure(before.text == answer, COPY, || {
                "a second answer to one request has other bytes".to_owned()
            })?,
            None => {
                let answered = Answered {
                    text: answer.to_owned(),
                    keys: keys.clone(),
                };
                self.answers.insert((who, hash.to_owned()), answered);
            }
        }
        for key in &keys {
            let first = self.shown.entry(*key).or_insert_with(|| hash.to_owned());
            ensure(first == hash, COPY, || {
                format!("{} showed a copy to two requests", cast::name(who))
            })?;
        }
        // The same process that sends the same again has shown already that it may.
        if !self.proven.insert((who, machine.life, hash.to_owned())) {
            return Ok(());
        }
        match durable_export(machine, &self.cast) {
            Ok(export) => is_decided(&export, hash, &keys),
            Err(error) => broken(KEPT, format!("{} would not open again: {}", cast::name(who), error.0)),
        }
    }

    /// A command of a wallet came to its end.
    pub(crate) fn wallet_says(&mut self, who: Who, outcome: &Outcome) {
        let holder = self.holders.entry(who).or_default();
        match outcome {
            Outcome::Collected { credentials } => holder.collected.extend(credentials.iter().cloned()),
            Outcome::Shared { receipt } | Outcome::Granted { receipt, .. } => {
                let verdict = serde_json::to_value(receipt.verdict).unwrap_or_default();
                holder.receipts.insert(receipt.request.clone(), verdict);
            }
            _ => {}
        }
    }

    /// What a wallet tells its person now, beside what it told before.
    pub(crate) fn check_wallet(&mut self, who: Who, wallet: &Wallet, is_begun: bool) -> Checked {
        let cast: &Cast = &self.cast;
        let holder = self.holders.entry(who).or_default();
        let history = wallet.history().or_else(|error| broken(KEPT, error))?;
        // What others answer comes to a line later, and stays then.
        let own = |event: &Event| Event {
            receipt: None,
            erasure: None,
            ..event.clone()
        };
        let is_kept = |(old, new): (&Event, &Event)| {
            let is_receipt_kept = old.receipt.is_none() || old.receipt == new.receipt;
            let is_erasure_kept = old.erasure.is_none() || old.erasure == new.erasure;
            is_receipt_kept && is_erasure_kept && own(old) == own(new)
        };
        let is_longer = history.len() >= holder.history.len();
        ensure(
            is_longer && holder.history.iter().zip(&history).all(is_kept),
            KEPT,
            || format!("the history of {} changed", cast::name(who)),
        )?;
        for (request, verdict) in &holder.receipts {
            let known = history
                .iter()
                .find(|event| event.request.as_ref() == Some(request) && event.receipt.is_some())
                .and_then(|event| event.receipt.as_ref());
            let known = known.and_then(|receipt| serde_json::to_value(receipt.verdict).ok());
            ensure(known.as_ref() == Some(verdict), KEPT, || {
                format!("{} lost a receipt", cast::name(who))
            })?;
        }
        let is_grown = history.len() > holder.history.len();
        holder.history = history;
        if is_begun || is_grown {
            self.grants.check_held(who, wallet)?;
        }
        // What is held is read when it may have changed: every change of it has a line in the history.
        if is_begun || is_grown {
            let export = wallet.export().or_else(|error| broken(KEPT, error))?;
            let held: BTreeSet<&str> = members(&export, "credentials")
                .filter_map(|it| it.get("id")?.as_str())
                .collect();
            for name in &holder.collected {
                ensure(held.contains(name.as_str()), KEPT, || {
                    format!("{} lost the credential {name}", cast::name(who))
                })?;
            }
            for held in members(&export, "credentials") {
                for copy in members(held, "copies") {
                    let text = copy.get("credential").and_then(Value::as_str).unwrap_or_default();
                    let key = SdJwt::parse(text).ok().and_then(|copy| copy.holder_key());
                    let Some(key) = key.map(|key| key.to_bytes()) else {
                        return broken(KEPT, "a held copy cannot be read");
                    };
                    let to = copy.get("shown_to_request").and_then(Value::as_str);
                    let is_marked = self.shown.get(&key).is_none_or(|hash| to == Some(hash));
                    ensure(is_marked, COPY, || "a copy that was shown counts as new".to_owned())?;
                    let is_genuine = self
                        .copies
                        .get(&key)
                        .is_some_and(|copy| copy.number == cast::number(who) && cast.who(&copy.issuer).is_some());
                    ensure(is_genuine, KEPT, || "a held copy is none that was given out".to_owned())?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Reads an answer as its asker would, and gives the holder keys of the copies in it.
pub(super) fn keys_of(answer: &str, hash: &str, key: &[u8; 32]) -> Option<Vec<Key>> {
    let hash = BASE64_URL_SAFE_NO_PAD.decode(hash).ok()?;
    let plain = DecryptionKey::from_bytes(key).open(answer, &hash, ANSWER_MAX).ok()?;
    let body: Value = serde_json::from_slice(&plain).ok()?;
    if body.get("grant").is_some() {
        return Some(Vec::new());
    }
    let mut keys = Vec::new();
    for presentations in body.get("vp_token")?.as_object()?.values() {
        for text in presentations.as_array()? {
            keys.push(SdJwt::parse(text.as_str()?).ok()?.holder_key()?.to_bytes());
        }
    }
    Some(keys)
}

/// Among what would be there after a power cut is a yes to this request, signed with each of these keys.
pub(super) fn is_signed(export: &Value, hash: &str, keys: &[Key]) -> Checked {
    let of_request =
        members(export, "decisions").find(|it| it.pointer("/decision/request").and_then(Value::as_str) == Some(hash));
    let Some(decision) = of_request else {
        return broken(CONSENT, "no decision is durable when the answer leaves");
    };
    let signers: BTreeSet<Key> = members(decision, "signed")
        .filter_map(|signed| Decision::open(signed.as_str()?).ok())
        .filter(|(decision, _)| decision.request == hash && matches!(decision.outcome.as_str(), "shared" | "granted"))
        .map(|(_, key)| key.to_bytes())
        .collect();
    ensure(keys.iter().all(|key| signers.contains(key)), CONSENT, || {
        "the decision is not signed with each key".to_owned()
    })
}

/// The same with the keys of the copies that leave, which count as shown.
pub(super) fn is_decided(export: &Value, hash: &str, keys: &[Key]) -> Checked {
    is_signed(export, hash, keys)?;
    let marked: BTreeSet<&str> = members(export, "credentials")
        .flat_map(|held| members(held, "copies"))
        .filter(|copy| copy.get("shown_to_request").and_then(Value::as_str) == Some(hash))
        .filter_map(|copy| copy.get("credential")?.as_str())
        .collect();
    ensure(marked.len() == keys.len(), COPY, || {
        format!("{} copies leave and {} are durably marked", keys.len(), marked.len())
    })
}
