//! What must still be there, and be there once.

use super::{ISSUES, Load};
use crate::kills::kept::text;
use crate::telling::NODES;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use node::population::{CARRIER, CITIZEN};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Load<'_> {
    /// Looks at everything that a node acknowledged.
    pub(in crate::kills) fn check(&self, node: &'static str) {
        match node {
            "citizen" | "company" => {
                let export = self
                    .nodes
                    .ask(node, &[], &json!({ "command": "wallet_export" }))
                    .expect("exports");
                self.kept().look_at_wallet(node, &export);
            }
            "bank" | "roads" => {
                let sessions: Vec<String> = self
                    .kept()
                    .sessions
                    .keys()
                    .filter(|(of, _)| *of == node)
                    .map(|(_, id)| id.clone())
                    .collect();
                for id in sessions {
                    let detail = self.session(node, &id);
                    self.kept().look_at_session(node, &id, &detail);
                }
            }
            _ => self.check_issuer(node),
        }
    }

    pub(super) fn check_issuer(&self, node: &'static str) {
        let status = self
            .nodes
            .ask(node, &[], &json!({ "command": "issuer_status" }))
            .expect("a status");
        for (_, credential_type, name) in ISSUES.iter().filter(|(issuer, ..)| *issuer == node) {
            let count = status["types"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|count| count["vct"] == *name);
            let rows = count.and_then(|count| count["rows"].as_u64()).unwrap_or(0);
            let known = self
                .kept()
                .lines
                .get(&(node, *credential_type))
                .map_or(0, BTreeSet::len) as u64;
            assert!(
                rows >= known,
                "{node} has {rows} rows of {credential_type} and told of {known}"
            );
        }
        if node == "tax" {
            let issued = self.issued("tax", "C03", CITIZEN);
            let mut kept = self.kept();
            for (id, (state, reason)) in &kept.states {
                let found = issued.iter().find(|one| one["id"] == **id);
                let found = found.unwrap_or_else(|| panic!("tax has lost the credential {id}"));
                assert_eq!(
                    (&found["state"], &found["reason"]),
                    (&json!(state), &json!(reason)),
                    "{id}"
                );
            }
            kept.checks += issued.len() as u64;
        }
    }

    /// The whole of it, when nobody is killed any more.
    pub(in crate::kills) fn finish(&self) {
        for wallet in ["citizen", "company"] {
            let everybody = ["identity", "tax", "loans", "guarantor", "registry", "bank", "roads"];
            let resumed = self
                .nodes
                .ask(wallet, &everybody, &json!({ "command": "wallet_resume" }))
                .expect("resumes");
            for result in resumed["results"].as_array().expect("a list") {
                assert!(result["code"].is_null(), "{wallet} cannot end what it began: {result}");
            }
        }
        for node in NODES {
            self.check(node);
        }
        for register in self.registers {
            let place = (register.issuer, register.credential_type);
            let lines: Vec<usize> = self.kept().lines[&place].iter().copied().collect();
            let report = self.import_lines(register, &lines);
            assert_eq!(
                report["unchanged"],
                lines.len(),
                "rows of {place:?} are as they were sent: {report}"
            );
        }
        self.nothing_is_twice();
    }

    /// No status entry and no holder key belongs to two copies, no copy was shown to two requests, and every delivery that
    /// an issuer knows of is with its wallet once.
    pub(super) fn nothing_is_twice(&self) {
        let mut kept = self.kept();
        let (mut entries, mut keys, mut requests) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut held: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for ((wallet, name), copy) in &kept.copies {
            let payload = copy.split(['.', '~']).nth(1).expect("a JWS");
            let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
            let payload: Value = serde_json::from_slice(&payload).expect("JSON");
            let entry = &payload["status"]["status_list"];
            assert!(
                entry["idx"].is_u64() && payload["cnf"]["jwk"]["x"].is_string(),
                "{name}: status and key"
            );
            assert!(
                entries.insert(entry.to_string()),
                "two copies share the status entry {entry}"
            );
            assert!(
                keys.insert(payload["cnf"]["jwk"]["x"].to_string()),
                "two copies share a key"
            );
            let credential = name.split(' ').next().unwrap_or_default();
            held.entry(text(&payload["vct"]))
                .or_default()
                .insert(format!("{wallet} {credential}"));
        }
        for ((_, name), request) in &kept.shown {
            let credential = name.split(' ').next().unwrap_or_default();
            assert!(
                requests.insert((credential, request)),
                "one request was shown two copies of {credential}"
            );
        }
        kept.checks += (entries.len() + keys.len() + requests.len()) as u64;
        drop(kept);
        for (issuer, credential_type, name) in ISSUES {
            let subject = if ["C05", "C06"].contains(&credential_type) {
                CARRIER
            } else {
                CITIZEN
            };
            let issued = self.issued(issuer, credential_type, subject);
            let acknowledged = issued.iter().filter(|one| !one["acknowledged"].is_null()).count();
            let held = held.get(name).map_or(0, BTreeSet::len);
            assert_eq!(
                acknowledged, held,
                "{issuer} and the wallet count their {credential_type} alike"
            );
            assert_eq!(
                issued.len(),
                acknowledged,
                "{issuer} delivered a {credential_type} that nobody has"
            );
        }
    }
}
