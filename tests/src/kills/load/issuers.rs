//! What issuers do in it: import, offer, suspend, reinstate and revoke.

use super::{Load, ROWS_A_COMMAND, Register};
use crate::kills::Dice;
use crate::kills::kept::text;
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::sync::PoisonError;

impl Load<'_> {
    /// Imports the next rows of a register as a file of its own, a few with each command.
    pub(super) fn import(&self, register: &Register, rows: usize) {
        let from = {
            let mut imported = self.imported.lock().unwrap_or_else(PoisonError::into_inner);
            let next = imported.entry(register.credential_type).or_default();
            let from = *next % register.rows.len();
            *next = (from + rows).min(register.rows.len());
            from
        };
        let lines: Vec<usize> = (from..(from + rows).min(register.rows.len())).collect();
        self.import_lines(register, &lines);
        self.kept().count("import");
    }

    pub(super) fn import_lines(&self, register: &Register, lines: &[usize]) -> Value {
        let issuer = register.issuer;
        let mut file = [0u8; 32];
        file[..8].copy_from_slice(&self.unique().to_be_bytes());
        let start = json!({
            "command": "import_start", "credential_type": register.credential_type, "file": file, "header": null,
            "dry_run": false,
        });
        let must = |command: &Value| {
            let (answer, again) = self.nodes.ask_counted(issuer, &[], command);
            (
                answer.unwrap_or_else(|code| panic!("{issuer} refuses an import: {code}")),
                again,
            )
        };
        let mut acknowledged = 0;
        'file: loop {
            let (begun, _) = must(&start);
            let job = text(&begun["job"]);
            let after = begun["resume_after"].as_u64().expect("a number") as usize;
            assert!(
                (acknowledged..=lines.len()).contains(&after),
                "{issuer} goes on after line {after}, but told that it has {acknowledged}"
            );
            let mut at = after;
            while at < lines.len() {
                let next = (at + ROWS_A_COMMAND).min(lines.len());
                let batch: Vec<Value> = (at..next)
                    .map(|line| json!([line + 1, register.rows[lines[line]]]))
                    .collect();
                let command = json!({ "command": "import_lines", "job": job, "lines": batch });
                match self.nodes.ask_counted(issuer, &[], &command) {
                    (Ok(done), false) => {
                        assert_eq!(done["rejected"], json!([]), "{issuer}: {done}");
                        at = next;
                        acknowledged = next;
                        self.kept()
                            .lines
                            .entry((issuer, register.credential_type))
                            .or_default()
                            .extend(&lines[..next]);
                    }
                    // A node that was started again must be told first which file it is.
                    (_, true) => continue 'file,
                    (Err(code), false) => {
                        assert_eq!(code, "unknown_session", "{issuer} refuses lines");
                        continue 'file;
                    }
                }
            }
            let finish = json!({ "command": "import_finish", "job": job });
            match self.nodes.ask_counted(issuer, &[], &finish) {
                (Ok(done), _) => {
                    let report = done["report"].clone();
                    let count = |name: &str| report[name].as_u64().expect("a count");
                    let all = count("new") + count("changed") + count("unchanged");
                    assert!(
                        all == lines.len() as u64 && count("rejected") == 0,
                        "{issuer}: {report}"
                    );
                    return report;
                }
                // It may be finished already; then it is another import of the same rows.
                (Err(_), true) => acknowledged = 0,
                (Err(code), false) => assert_eq!(code, "unknown_session", "{issuer} does not end an import"),
            }
        }
    }

    pub(super) fn link(&self, issuer: &'static str, credential_type: &str, subject: Option<&str>) -> Value {
        let command = json!({ "command": "offer", "credential_type": credential_type, "subject": subject });
        let offer = self.nodes.ask(issuer, &[], &command);
        offer.unwrap_or_else(|code| panic!("{issuer} offers nothing: {code}"))
    }

    /// A personal offer to one of the others: one to the citizen would close the one that is being collected.
    pub(super) fn offer(&self, dice: &mut Dice) {
        let register = &self.registers[0];
        let line = register.cast as u64 + dice.roll(register.rows.len() as u64 - register.cast as u64);
        let known = self.kept().lines[&("identity", "C01")].contains(&(line as usize));
        if !known {
            return;
        }
        let row = &register.rows[line as usize];
        let is_number = |text: &&str| text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = row.split('"').find(is_number).expect("a person's number");
        let offer = self.link("identity", "C01", Some(number));
        assert!(offer["code"].is_string(), "an activation code");
        self.kept().count("offer");
    }

    pub(super) fn issued(&self, issuer: &'static str, credential_type: &str, subject: &str) -> Vec<Value> {
        let command = json!({
            "command": "issued", "credential_type": credential_type, "target": { "subject": { "number": subject } },
        });
        let issued = self.nodes.ask(issuer, &[], &command);
        let issued = issued.unwrap_or_else(|code| panic!("{issuer} does not say what it issued: {code}"));
        issued["issued"].as_array().expect("a list").clone()
    }

    /// Suspends, reinstates or revokes a credential of the type that nobody asks for.
    pub(super) fn change_state(&self, which: u64) {
        let (wanted, from) = [("suspended", "valid"), ("valid", "suspended"), ("revoked", "suspended")][which as usize];
        let issued = self.issued("tax", "C03", CITIZEN);
        // One that is not with its wallet yet could not be delivered again once it is revoked.
        let is_there = |one: &&Value| one["state"] == from && !one["acknowledged"].is_null();
        let Some(found) = issued.iter().find(is_there) else {
            return;
        };
        let id = text(&found["id"]);
        let reason = format!("sak {}", self.unique());
        let command = json!({
            "command": "set_state", "target": { "credential": { "id": id } }, "state": wanted, "reason": reason,
        });
        let done = self.nodes.ask("tax", &[], &command);
        done.unwrap_or_else(|code| panic!("tax does not set {wanted}: {code}"));
        let mut kept = self.kept();
        kept.states.insert(id, (wanted.to_owned(), reason));
        kept.count(wanted);
    }
}
