//! The trust document in a node: taken from a file, remembered, never an older one; and the anchor's draft.

use super::{Card, Service, keys, lock};
use crate::clock;
use crate::error::Failure;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};

/// Longest time until the next update that an anchor may promise, in days.
const DAYS_MAX: u32 = 366;

impl Service {
    /// The document of last time, checked again.
    pub(super) fn stored_trust(&self) -> Result<Option<Arc<Trust>>, Failure> {
        let Some(bytes) = self.store.table(keys::TABLE).get("trust")? else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes).map_err(|e| Failure::because(Code::Damaged, e))?;
        match Trust::verify(&text, &self.anchors()?) {
            Ok(trust) => Ok(Some(Arc::new(trust))),
            Err(problem) => {
                // An anchor taken out of the configuration takes its list with it: the node goes on without one.
                tracing::warn!(code = %problem.code, "the stored trust document is not trusted any more");
                Ok(None)
            }
        }
    }

    pub(super) fn use_trust(&self, trust: Arc<Trust>) -> Result<(), Failure> {
        if let Some(wallet) = &self.wallet {
            lock(wallet)?.set_trust(trust.clone());
        }
        if let Some(issuer) = &self.issuer {
            lock(issuer)?.set_trust(trust.clone());
        }
        if let Some(verifier) = &self.verifier {
            lock(verifier)?.set_trust(trust.clone());
        }
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Some(trust);
        self.wake_mirror.notify_one();
        Ok(())
    }

    /// Takes a document: signed by an anchor of ours, not older than what we have, and made durable before it counts.
    pub(super) fn import_trust(&self, text: &str, anchor: Option<Did>) -> Result<Value, Failure> {
        let mut anchors = self.anchors()?;
        let added = match anchor {
            None => None,
            Some(did) => {
                let key = did.key().ok_or_else(|| Problem::new(Code::ConfigInvalid, "anchor"))?;
                if !anchors.is_empty() && !anchors.contains(&key) {
                    return Err(Problem::new(Code::UnknownKey, "another anchor is configured").into());
                }
                anchors = vec![key];
                Some(did)
            }
        };
        if anchors.is_empty() {
            return Err(Code::AnchorMissing.into());
        }
        let trust = Trust::verify(text, &anchors)?;
        trust.current(clock::now())?;
        if let Some(old) = self.trust() {
            let same = old.sequence() == trust.sequence() && old.hash() == trust.hash();
            if trust.sequence() <= old.sequence() && !same {
                return Err(Problem::new(Code::TrustRollback, format!("{}", trust.sequence())).into());
            }
        }
        let table = self.store.table(keys::TABLE);
        let mut transaction = self.store.transaction();
        transaction.put(&table, "trust", trust.text().as_bytes());
        if let Some(did) = added {
            let accepted = serde_json::to_vec(&[did]).map_err(|e| Failure::because(Code::Internal, e))?;
            transaction.put(&table, "anchors", &accepted);
        }
        transaction.commit()?;
        let summary = summary(&trust);
        self.use_trust(Arc::new(trust))?;
        Ok(summary)
    }

    pub(super) fn show_trust(&self) -> Result<Value, Failure> {
        if self.keys.anchor().is_some() {
            let draft = self.draft()?;
            return Ok(json!({ "schema": "trust-draft/v1", "draft": draft.to_value() }));
        }
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        Ok(summary(&trust))
    }

    fn draft(&self) -> Result<Draft, Failure> {
        if self.keys.anchor().is_none() {
            return Err(Problem::new(Code::WrongRole, "anchor").into());
        }
        match self.store.table(keys::TABLE).get("draft")? {
            Some(bytes) => {
                let value = serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?;
                Ok(Draft::from_value(&value)?)
            }
            None => {
                let now = clock::now();
                let operator = "Bevis testnett".to_owned();
                let next_update = now.plus(DAY);
                Ok(Draft {
                    sequence: 0,
                    operator,
                    issued: now,
                    next_update,
                    organisations: Vec::new(),
                })
            }
        }
    }

    fn keep_draft(&self, draft: &Draft) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(&draft.to_value()).map_err(|e| Failure::because(Code::Internal, e))?;
        let mut transaction = self.store.transaction();
        transaction.put(&self.store.table(keys::TABLE), "draft", &bytes);
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn add_to_draft(
        &self,
        card: &Card,
        issues: &[String],
        services: Vec<Registration>,
    ) -> Result<Value, Failure> {
        let mut draft = self.draft()?;
        if card.schema != "card/v1" {
            return Err(Problem::new(Code::Unsupported, "card").into());
        }
        let key = card
            .key
            .key()
            .ok_or_else(|| Problem::new(Code::Malformed, "card.key"))?;
        let issues = issues.iter().map(|name| self.vct_or_literal(name)).collect();
        let organisation = Organisation {
            did: card.did.clone(),
            number: card.number.clone(),
            name: card.name.clone(),
            keys: vec![OrganisationKey {
                id: card.kid.clone(),
                key,
                valid_from: card.valid_from,
                valid_until: card.valid_until,
                compromised: None,
            }],
            nodes: vec![NodeEntry {
                peer: card.peer.clone(),
                addresses: card.addresses.clone(),
            }],
            issues,
            services,
        };
        draft.organisations.retain(|o| o.did != organisation.did);
        draft.organisations.push(organisation);
        draft.organisations.sort_by(|a, b| a.did.cmp(&b.did));
        // Reads back what will be signed, so that a card out of bounds is refused here and not by everybody else.
        let draft = Draft::from_value(&draft.to_value())?;
        self.keep_draft(&draft)?;
        let names: Vec<&str> = draft.organisations.iter().map(|o| o.name.as_str()).collect();
        Ok(json!({ "schema": "trust-draft-changed/v1", "added": card.name, "organisations": names }))
    }

    pub(super) fn sign_draft(&self, days: u32) -> Result<Value, Failure> {
        let mut draft = self.draft()?;
        let anchor = self.keys.anchor().ok_or(Code::WrongRole)?;
        if days == 0 || days > DAYS_MAX {
            return Err(Problem::new(Code::Usage, "days").into());
        }
        let now = clock::now();
        draft.sequence = draft.sequence.saturating_add(1);
        draft.issued = now;
        draft.next_update = now.plus(i64::from(days).saturating_mul(DAY));
        let text = draft.sign(now, anchor)?;
        let checked = Trust::verify(&text, &[anchor.verifying_key()])?;
        // The number is used up before the document leaves: two versions never share one.
        self.keep_draft(&draft)?;
        Ok(json!({ "schema": "trust-signed/v1", "sequence": checked.sequence(), "text": text }))
    }

    /// A type that this build does not know may still be allowed to somebody: then its `vct` is written out.
    fn vct_or_literal(&self, name: &str) -> String {
        self.types
            .find(name)
            .map_or_else(|| name.to_owned(), |found| found.vct.clone())
    }
}

fn summary(trust: &Trust) -> Value {
    let document = trust.document();
    let organisations: Vec<Value> = document
        .organisations
        .iter()
        .map(|o| {
            json!({
                "did": o.did, "number": o.number, "name": o.name, "issues": o.issues,
                "services": o.services.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(),
                "nodes": o.nodes.iter().map(|n| json!({"peer": n.peer, "addresses": n.addresses})).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "schema": "trust/v1", "sequence": trust.sequence(), "hash": crate::output::hex(&trust.hash()),
        "operator": document.operator, "issued": document.issued.to_string(),
        "next_update": document.next_update.to_string(), "organisations": organisations,
    })
}
