//! The person's yes, the deposit, and the answer to the asker.

use super::Wait;
use crate::history::What;
use crate::presentation::{Draft, LastShown};
use crate::tables::{CopyRow, DecisionRow, GrantRow, GrantStage, Kind, RequestRow, RequestStage, text};
use crate::{Error, Step, Thread, Wallet};
use credentials::decision::Decision;
use credentials::grant::{Deposit, Grant, OpenedGrant, Proof};
use credentials::protocol::consent::Ask;
use credentials::request;
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::{Code, SigningKey, Timestamp, jwe, random};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a grant is under in a decision.
const QUERY: &str = "claims";

impl Wallet {
    /// The yes to a request for a grant: grant, key, both decisions and the used copy are durable before the deposit leaves.
    pub(crate) fn grant(
        &mut self,
        thread: Thread,
        now: Timestamp,
        id: &str,
        row: RequestRow,
        draft: &Draft,
        shown: &LastShown,
    ) -> Result<Step, Error> {
        let name = row.transaction.clone().ok_or(Error::NotFound)?;
        let grant_row = self.grant_row(&name)?;
        let standing = draft.standing.as_ref().ok_or(Code::WrongRequest)?;
        let asked = draft.opened.request.grant.as_ref().ok_or(Code::WrongRequest)?;
        let chosen = draft.chosen()?;
        let [query] = draft.opened.request.query.credentials.as_slice() else {
            return Err(Code::Malformed.into());
        };
        let terms = draft.opened.registration.grant.as_ref().ok_or(Code::OverAsk)?;
        let key = SigningKey::generate(&mut *self.random);
        let transaction = random::bytes::<16>(&mut *self.random);
        let grant = Grant {
            id: text(&transaction),
            issuer: asked.issuer.clone(),
            asker: draft.opened.request.asker.clone(),
            service: draft.opened.request.service.clone(),
            purpose: draft.opened.registration.purpose.code.clone(),
            kind: terms.kind,
            vct: query.vct.clone(),
            claims: query.claims.iter().map(|claim| claim.path.clone()).collect(),
            nbf: now,
            exp: asked.until,
            uses_per_day: asked.uses_per_day,
            request: text(&draft.opened.hash),
            text: text(&shown.1),
            language: shown.0.to_owned(),
        };
        let signed = grant.sign(&key)?;
        let opened = OpenedGrant::open(&signed)?;
        opened.check_registered(&*self.trust()?)?;
        let covers = Covers {
            transaction,
            keys_hash: keys_hash(&[key.verifying_key()]),
            organisation: self.settings.organisation.clone(),
            grant: Some(*opened.hash()),
        };
        let keys = draft.keys(&self.tables)?;
        let answer = self.seal(now, &standing.identification, chosen, &keys, Some(&covers), None)?;
        let paths = BTreeMap::from([(QUERY.to_owned(), grant.claims.clone())]);
        let decision = Decision {
            request: grant.request.clone(),
            recipient: grant.asker.clone(),
            service: grant.service.clone(),
            purpose: grant.purpose.clone(),
            text: grant.text.clone(),
            language: grant.language.clone(),
            claims: paths,
            outcome: "granted".to_owned(),
            ground: draft.opened.registration.ground.code.clone(),
            until: Some(grant.exp),
            at: now,
        };
        let granted = DecisionRow {
            kind: Kind::Grant,
            signed: vec![decision.sign(&key)?],
            // What the asker has is the grant itself.
            given: Some(signed.clone()),
            session: row.session.clone(),
            asked: row.request.clone(),
            decision,
        };
        let identified = crate::presentation::decision(now, &standing.identification, chosen, shown.0, &shown.1);
        let identified = DecisionRow {
            kind: Kind::Identify,
            signed: keys.iter().map(|key| identified.sign(key)).collect::<Result<_, _>>()?,
            decision: identified,
            given: None,
            session: standing.identification.request.session.clone(),
            asked: standing.identification.jws.clone(),
        };
        let mut event = self.event(now, What::Granted, &grant.asker);
        event.service = Some(grant.service.clone());
        event.request = Some(row.hash.clone());
        event.types.push(grant.vct.clone());
        let names = grant.claims.iter().map(ToString::to_string).collect();
        event.claims.insert(QUERY.to_owned(), names);
        // The issuer is shown who grants it: that is told by a line of its own.
        let mut shown_to_issuer = self.event(now, What::Identified, &grant.issuer);
        shown_to_issuer.service = Some(standing.identification.request.service.clone());
        shown_to_issuer.request = Some(text(&standing.identification.hash));
        for chosen in chosen {
            chosen.note(&mut shown_to_issuer);
        }
        let reach = self.reach_for(&draft.opened.request).cloned();
        let mut change = self.tables.change();
        change.add(&row.hash, &granted)?;
        change.add(&text(&standing.identification.hash), &identified)?;
        for chosen in chosen {
            let used = CopyRow {
                used: Some(text(&standing.identification.hash)),
                ..chosen.copy.clone()
            };
            change.put_copy(&chosen.choice.credential, chosen.choice.copy, &used)?;
        }
        change.put_key(&key);
        let row = RequestRow {
            stage: RequestStage::Granting,
            ..row
        };
        change.put(id, &row)?;
        let subject = crate::presentation::subject(chosen);
        let grant_row = GrantRow {
            grant: Some(signed),
            stage: GrantStage::Depositing { answer, subject },
            reach,
            ..grant_row
        };
        change.put(&name, &grant_row)?;
        change.event(&shown_to_issuer)?;
        change.decided(id, &event)?;
        change.commit()?;
        self.resend_grant(thread, now, &name)
    }

    /// The next message of a grant that is under way: for the first time, or the same again.
    pub(crate) fn resend_grant(&mut self, thread: Thread, now: Timestamp, name: &str) -> Result<Step, Error> {
        let row = self.grant_row(name)?;
        match &row.stage {
            GrantStage::Begun => self.ask_terms(thread, name, &row),
            GrantStage::Depositing { answer, .. } => {
                let opened = Wallet::opened_grant(&row)?;
                let terms = row.terms.as_ref().ok_or(Error::NotFound)?;
                let proof = Proof {
                    grant: opened.name(),
                    issuer: row.issuer.clone(),
                    at: now,
                    stands: true,
                };
                let ask = Ask::Deposit {
                    nonce: terms.nonce.clone(),
                    grant: opened.text().to_owned(),
                    proof: proof.sign(&self.tables.key(opened.key())?)?,
                    answer: answer.clone(),
                };
                self.send_consent(thread, row.issuer.clone(), name, ask, Wait::Deposited)
            }
            _ => Err(Error::NotFound),
        }
    }

    /// The issuer keeps the grant: it is given to the asker.
    pub(super) fn take_deposit(
        &mut self,
        thread: Thread,
        now: Timestamp,
        name: &str,
        deposit: &str,
    ) -> Result<Step, Error> {
        let row = self.grant_row(name)?;
        let GrantStage::Depositing { subject, .. } = &row.stage else {
            return self.resend_request(thread, now, &row.request);
        };
        let opened = Wallet::opened_grant(&row)?;
        let checked = Deposit::open(deposit, &opened, &*self.trust()?)?;
        // What the issuer has taken in must be about this wallet's holder.
        if !subject.as_deref().is_some_and(|number| checked.subject.is(number)) {
            return Err(Code::WrongSubject.into());
        }
        let id = row.request.clone();
        let request = self.tables.get::<RequestRow>(&id)?.ok_or(Error::NotFound)?;
        let asker = request::reopen(&request.request, &*self.current_trust(now)?, now)?;
        let mut plain = serde_json::json!({ "grant": opened.text(), "deposit": deposit });
        if let (Some(reach), Some(members)) = (&row.reach, plain.as_object_mut()) {
            members.insert("reach".to_owned(), serde_json::json!(reach));
        }
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| Code::Internal)?);
        let answer = jwe::seal(&asker.request.encryption, b"", &asker.hash, &plain, &mut *self.random)?;
        let row = GrantRow {
            deposit: Some(deposit.to_owned()),
            stage: GrantStage::Answering,
            ..row
        };
        let request = RequestRow {
            stage: RequestStage::Answered { answer },
            ..request
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.put(&id, &request)?;
        change.commit()?;
        self.resend_request(thread, now, &id)
    }
}
