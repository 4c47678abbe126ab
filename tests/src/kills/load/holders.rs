//! What wallets and askers do in it: collect, ask and show.

use super::{ANEW, Asks, COPIES_MIN, Load, PASSING, full_name, issuer_of};
use crate::kills::kept::text;
use node::population::CITIZEN;
use serde_json::{Value, json};

impl Load<'_> {
    pub(super) fn held(&self, wallet: &'static str) -> Vec<Value> {
        let list = self.nodes.ask(wallet, &[], &json!({ "command": "wallet_list" }));
        let list = list.unwrap_or_else(|code| panic!("{wallet} lists nothing: {code}"));
        list["credentials"].as_array().expect("a list").clone()
    }

    pub(super) fn copies_left(&self, wallet: &'static str, credential_type: &str) -> u64 {
        let name = full_name(credential_type);
        let of_type = |held: &&Value| held["type"] == name;
        self.held(wallet)
            .iter()
            .filter(of_type)
            .filter_map(|held| held["copies_left"].as_u64())
            .sum()
    }

    /// Collects a type; begun anew when it ends for a reason that passes.
    pub(super) fn collect(&self, wallet: &'static str, credential_type: &'static str) {
        let shown = match credential_type {
            "C01" => None,
            "C05" => Some((wallet, "C06")),
            _ => Some(("citizen", "C01")),
        };
        if let Some((wallet, shown)) = shown
            && self.copies_left(wallet, shown) < COPIES_MIN
        {
            self.collect(wallet, shown);
        }
        for _ in 0..ANEW {
            let collected = match credential_type {
                "C01" => self.collect_by_code(wallet),
                "C06" => self.collect_for_company(),
                _ => self.collect_by_credential(wallet, credential_type),
            };
            match collected {
                Ok(outcome) => {
                    assert_eq!(
                        outcome["outcome"], "collected",
                        "{wallet}, {credential_type}: {outcome}"
                    );
                    let mut kept = self.kept();
                    for name in outcome["credentials"].as_array().expect("a list") {
                        kept.collected.insert((wallet, text(name)));
                    }
                    kept.count("collect");
                    return;
                }
                Err(code) => self.passes(code, &format!("{wallet} collects {credential_type}")),
            }
        }
        panic!("{wallet} cannot collect {credential_type}");
    }

    pub(super) fn passes(&self, code: String, what: &str) {
        assert!(PASSING.contains(&code.as_str()), "{what}: {code}");
        self.kept().refused(code);
        self.nodes.pass(std::time::Duration::from_millis(50));
    }

    pub(super) fn receive(
        &self,
        wallet: &'static str,
        with: &[&'static str],
        link: &Value,
        code: &Value,
    ) -> Result<Value, String> {
        self.nodes.ask(
            wallet,
            with,
            &json!({ "command": "wallet_receive", "link": link, "code": code }),
        )
    }

    pub(super) fn yes(&self, wallet: &'static str, with: &[&'static str], id: &Value) -> Result<Value, String> {
        let command = json!({ "command": "wallet_present", "id": id, "language": "nb", "shown": null });
        self.nodes.ask(wallet, with, &command)
    }

    pub(super) fn collect_by_code(&self, wallet: &'static str) -> Result<Value, String> {
        let offer = self.link("identity", "C01", Some(CITIZEN));
        self.receive(wallet, &["identity"], &offer["link"], &offer["code"])
    }

    pub(super) fn collect_by_credential(
        &self,
        wallet: &'static str,
        credential_type: &'static str,
    ) -> Result<Value, String> {
        let issuer = issuer_of(credential_type);
        let offer = self.link(issuer, credential_type, None);
        let waiting = self.receive(wallet, &[issuer], &offer["link"], &Value::Null)?;
        if waiting["outcome"] == "collected" {
            // The decision was taken before a kill: what was left to do is done now.
            return Ok(waiting);
        }
        self.yes(wallet, &[issuer], &waiting["id"])
    }

    pub(super) fn collect_for_company(&self) -> Result<Value, String> {
        let offer = self.link("registry", "C06", None);
        let carry = self.receive("company", &["registry"], &offer["link"], &Value::Null)?;
        if carry["outcome"] == "collected" {
            return Ok(carry);
        }
        let waiting = self.receive("citizen", &[], &carry["text"], &Value::Null)?;
        let back = self.yes("citizen", &[], &waiting["id"])?;
        self.receive("company", &["registry"], &back["text"], &Value::Null)
    }

    pub(super) fn request(&self, (asker, _, service, credential_type, subject): &Asks) -> (String, Value) {
        let command = json!({
            "command": "verifier_request", "service": service, "case": format!("SAK-{}", self.unique()),
            "subject": subject, "types": [credential_type], "claims": [], "valid_seconds": null,
        });
        let asked = self.nodes.ask(asker, &[], &command);
        let asked = asked.unwrap_or_else(|code| panic!("{asker} does not ask: {code}"));
        let session = text(&asked["session"]);
        self.kept().sessions.insert((asker, session.clone()), None);
        self.kept().count("request");
        (session, asked["link"].clone())
    }

    /// Asks and shows until there is a valid verdict; begun anew when the asker could not decide.
    pub(super) fn show(&self, asks: &Asks) {
        let (asker, wallet, service, ..) = *asks;
        for _ in 0..ANEW {
            let (session, link) = self.request(asks);
            let shown = self
                .receive(wallet, &[asker], &link, &Value::Null)
                .and_then(|waiting| self.yes(wallet, &[asker], &waiting["id"]));
            let shown = match shown {
                Ok(shown) => shown,
                // The answer had arrived before a kill took its receipt away: sent again it is a replay, and not counted.
                Err(code) if code == "replay" => {
                    let detail = self.session(asker, &session);
                    assert!(
                        detail["verdict"].is_string(),
                        "{asker} knows the answer and has no verdict"
                    );
                    self.kept().look_at_session(asker, &session, &detail);
                    self.kept().count("show, receipt lost");
                    return;
                }
                Err(code) => {
                    self.passes(code, &format!("{wallet} shows {asker} for {service}"));
                    continue;
                }
            };
            let verdict = text(&shown["receipt"]["verdict"]);
            let detail = self.session(asker, &session);
            assert_eq!(
                detail["verdict"], verdict,
                "{wallet} was told another verdict than {asker} has"
            );
            self.kept().look_at_session(asker, &session, &detail);
            if verdict == "valid" {
                self.kept().count("show");
                return;
            }
            let code = text(&detail["code"]);
            assert_ne!(verdict, "invalid", "{asker}, {service}: {code}");
            self.passes(code, &format!("{asker} decides on {service}"));
        }
        panic!("{wallet} cannot show {asker} anything for {service}");
    }

    pub(super) fn session(&self, asker: &'static str, id: &str) -> Value {
        let answer = self
            .nodes
            .ask(asker, &[], &json!({ "command": "verifier_session", "id": id }));
        answer.unwrap_or_else(|code| panic!("{asker} has lost the session {id}: {code}"))["session"].clone()
    }
}
