//! The demo's load without its order: everybody imports, offers, collects, asks, shows, suspends and revokes at once, each
//! command given again until it is answered.

use super::Dice;
use super::kept::{Kept, text};
use super::nodes::Nodes;
use crate::network::REGISTERS;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use node::population::{CARRIER, CITIZEN};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kinds of work that go on beside each other.
pub(super) const LANES: usize = 4;
/// Rows of one import, and of one command of it.
const ROWS: usize = 12;
const ROWS_A_COMMAND: usize = 3;
/// Times that work is begun anew because a node that has just started lacks the status lists of others.
const ANEW: u32 = 400;
/// Fewest copies with which something is shown; with fewer, the type is collected first.
const COPIES_MIN: u64 = 3;

/// Issuer, type, its full name.
const ISSUES: [(&str, &str, &str); 6] = [
    ("identity", "C01", "urn:eudi:pid:1"),
    ("tax", "C02", "urn:bevis:MonthlyIncome:1"),
    ("tax", "C03", "urn:bevis:TaxAssessmentSummary:1"),
    ("loans", "C04", "urn:bevis:StudentLoanBalance:1"),
    ("guarantor", "C05", "urn:bevis:TransportLicenceGuarantee:1"),
    ("registry", "C06", "urn:bevis:CompanyRegistration:1"),
];
/// Asker, wallet, service, type that is shown, the customer.
type Asks = (&'static str, &'static str, &'static str, &'static str, &'static str);
const ASKS: [Asks; 4] = [
    ("bank", "citizen", "S01", "C02", CITIZEN),
    ("bank", "citizen", "S15", "C04", CITIZEN),
    ("bank", "company", "K01", "C06", CARRIER),
    ("roads", "company", "S09", "C05", CARRIER),
];

/// Refusals that pass by themselves: a node that has just started lacks the lists of others for some moments, and a
/// request that was begun before a kill may have come to its end without us.
const PASSING: [&str; 5] = [
    "status_missing",
    "status_stale",
    "unknown_session",
    "not_found",
    "copies_spent",
];

/// A register, its rows in the order of its file; those of the cast first.
pub(super) struct Register {
    issuer: &'static str,
    credential_type: &'static str,
    rows: Vec<String>,
    cast: usize,
}

impl Register {
    pub(super) fn read(folder: &Path) -> Vec<Register> {
        let read = |(issuer, credential_type, _): &(&'static str, &'static str, &str)| {
            let (_, file) = REGISTERS
                .iter()
                .find(|(id, _)| id == credential_type)
                .expect("a register");
            let file = std::fs::read_to_string(folder.join(file)).expect("reads");
            let is_cast = |row: &String| row.contains(CITIZEN) || row.contains(CARRIER);
            let (mut rows, others): (Vec<String>, Vec<String>) = file.lines().map(str::to_owned).partition(is_cast);
            let cast = rows.len();
            assert!(cast > 0, "the cast is in {credential_type}");
            rows.extend(others);
            Register {
                issuer,
                credential_type,
                rows,
                cast,
            }
        };
        ISSUES.iter().map(read).collect()
    }
}

fn issuer_of(credential_type: &str) -> &'static str {
    ISSUES
        .iter()
        .find(|(_, id, _)| *id == credential_type)
        .expect("a type")
        .0
}

fn full_name(credential_type: &str) -> &'static str {
    ISSUES
        .iter()
        .find(|(_, id, _)| *id == credential_type)
        .expect("a type")
        .2
}

/// All of it, with what was acknowledged.
pub(super) struct Load<'a> {
    nodes: &'a Nodes,
    registers: &'a [Register],
    kept: Mutex<Kept>,
    /// How far each register was imported.
    imported: Mutex<BTreeMap<&'static str, usize>>,
    number: Mutex<u64>,
}

impl<'a> Load<'a> {
    pub(super) fn new(nodes: &'a Nodes, registers: &'a [Register]) -> Load<'a> {
        Load {
            nodes,
            registers,
            kept: Mutex::default(),
            imported: Mutex::default(),
            number: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_kept(self) -> Kept {
        let mut kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        (kept.again, kept.longest_ms) = self.nodes.repeated();
        kept
    }

    fn unique(&self) -> u64 {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        *number
    }

    /// The registers with the cast, and what the cast holds in the story.
    pub(super) fn begin(&self) {
        for register in self.registers {
            self.import(register, register.cast);
        }
        self.collect("citizen", "C01");
        for credential_type in ["C02", "C03", "C04"] {
            self.collect("citizen", credential_type);
        }
        self.collect("company", "C06");
        self.collect("company", "C05");
    }

    /// One kind of work until the load ends; what concerns the node `focus` comes first.
    pub(super) fn lane(&self, lane: usize, focus: &str, mut dice: Dice) {
        match lane {
            0 => {
                let types = ["C02", "C03", "C04"];
                let chosen = types[dice.roll(3) as usize];
                match focus {
                    "identity" => self.collect("citizen", "C01"),
                    "loans" => self.collect("citizen", "C04"),
                    "tax" => self.collect("citizen", types[dice.roll(2) as usize]),
                    _ => self.collect("citizen", chosen),
                }
                self.asks(|dice| dice.roll(2) as usize, &mut dice);
            }
            1 => {
                match focus {
                    "guarantor" => self.collect("company", "C05"),
                    "registry" => self.collect("company", "C06"),
                    _ => {}
                }
                let only = ASKS
                    .iter()
                    .position(|(asker, ..)| *asker == focus)
                    .filter(|at| *at >= 2);
                self.asks(|dice| only.unwrap_or(2 + dice.roll(2) as usize), &mut dice);
            }
            2 => {
                let all = self.registers.len();
                let of_focus: Vec<usize> = (0..all).filter(|at| self.registers[*at].issuer == focus).collect();
                while !self.nodes.is_ending() {
                    let any = dice.roll(all as u64) as usize;
                    let at = match of_focus.len() {
                        0 => any,
                        count if dice.roll(2) == 0 => of_focus[dice.roll(count as u64) as usize],
                        _ => any,
                    };
                    self.import(&self.registers[at], ROWS);
                }
            }
            _ => {
                while !self.nodes.is_ending() {
                    match dice.roll(3) {
                        0 => self.change_state(dice.roll(3)),
                        1 => self.offer(&mut dice),
                        _ => {
                            // Nobody answers these; they must be there as long as they may be answered.
                            self.request(&ASKS[dice.roll(4) as usize]);
                        }
                    }
                }
            }
        }
    }

    fn asks(&self, mut which: impl FnMut(&mut Dice) -> usize, dice: &mut Dice) {
        while !self.nodes.is_ending() {
            let asks = &ASKS[which(dice)];
            let (_, wallet, _, credential_type, _) = *asks;
            if self.copies_left(wallet, credential_type) < COPIES_MIN {
                self.collect(wallet, credential_type);
            }
            self.show(asks);
        }
    }

    // --- issuers ---

    /// Imports the next rows of a register as a file of its own, a few with each command.
    fn import(&self, register: &Register, rows: usize) {
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

    fn import_lines(&self, register: &Register, lines: &[usize]) -> Value {
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

    fn link(&self, issuer: &'static str, credential_type: &str, subject: Option<&str>) -> Value {
        let command = json!({ "command": "offer", "credential_type": credential_type, "subject": subject });
        let offer = self.nodes.ask(issuer, &[], &command);
        offer.unwrap_or_else(|code| panic!("{issuer} offers nothing: {code}"))
    }

    /// A personal offer to one of the others: one to the citizen would close the one that is being collected.
    fn offer(&self, dice: &mut Dice) {
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

    fn issued(&self, issuer: &'static str, credential_type: &str, subject: &str) -> Vec<Value> {
        let command = json!({
            "command": "issued", "credential_type": credential_type, "target": { "subject": { "number": subject } },
        });
        let issued = self.nodes.ask(issuer, &[], &command);
        let issued = issued.unwrap_or_else(|code| panic!("{issuer} does not say what it issued: {code}"));
        issued["issued"].as_array().expect("a list").clone()
    }

    /// Suspends, reinstates or revokes a credential of the type that nobody asks for.
    fn change_state(&self, which: u64) {
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

    // --- wallets ---

    fn held(&self, wallet: &'static str) -> Vec<Value> {
        let list = self.nodes.ask(wallet, &[], &json!({ "command": "wallet_list" }));
        let list = list.unwrap_or_else(|code| panic!("{wallet} lists nothing: {code}"));
        list["credentials"].as_array().expect("a list").clone()
    }

    fn copies_left(&self, wallet: &'static str, credential_type: &str) -> u64 {
        let name = full_name(credential_type);
        let of_type = |held: &&Value| held["type"] == name;
        self.held(wallet)
            .iter()
            .filter(of_type)
            .filter_map(|held| held["copies_left"].as_u64())
            .sum()
    }

    /// Collects a type; begun anew when it ends for a reason that passes.
    fn collect(&self, wallet: &'static str, credential_type: &'static str) {
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

    fn passes(&self, code: String, what: &str) {
        assert!(PASSING.contains(&code.as_str()), "{what}: {code}");
        self.kept().refused(code);
        self.nodes.pass(std::time::Duration::from_millis(50));
    }

    fn receive(
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

    fn yes(&self, wallet: &'static str, with: &[&'static str], id: &Value) -> Result<Value, String> {
        let command = json!({ "command": "wallet_present", "id": id, "language": "nb", "shown": null });
        self.nodes.ask(wallet, with, &command)
    }

    fn collect_by_code(&self, wallet: &'static str) -> Result<Value, String> {
        let offer = self.link("identity", "C01", Some(CITIZEN));
        self.receive(wallet, &["identity"], &offer["link"], &offer["code"])
    }

    fn collect_by_credential(&self, wallet: &'static str, credential_type: &'static str) -> Result<Value, String> {
        let issuer = issuer_of(credential_type);
        let offer = self.link(issuer, credential_type, None);
        let waiting = self.receive(wallet, &[issuer], &offer["link"], &Value::Null)?;
        if waiting["outcome"] == "collected" {
            // The decision was taken before a kill: what was left to do is done now.
            return Ok(waiting);
        }
        self.yes(wallet, &[issuer], &waiting["id"])
    }

    fn collect_for_company(&self) -> Result<Value, String> {
        let offer = self.link("registry", "C06", None);
        let carry = self.receive("company", &["registry"], &offer["link"], &Value::Null)?;
        if carry["outcome"] == "collected" {
            return Ok(carry);
        }
        let waiting = self.receive("citizen", &[], &carry["text"], &Value::Null)?;
        let back = self.yes("citizen", &[], &waiting["id"])?;
        self.receive("company", &["registry"], &back["text"], &Value::Null)
    }

    // --- askers ---

    fn request(&self, (asker, _, service, credential_type, subject): &Asks) -> (String, Value) {
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
    fn show(&self, asks: &Asks) {
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

    fn session(&self, asker: &'static str, id: &str) -> Value {
        let answer = self
            .nodes
            .ask(asker, &[], &json!({ "command": "verifier_session", "id": id }));
        answer.unwrap_or_else(|code| panic!("{asker} has lost the session {id}: {code}"))["session"].clone()
    }

    // --- what must still be there ---

    /// Looks at everything that a node acknowledged.
    pub(super) fn check(&self, node: &'static str) {
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

    fn check_issuer(&self, node: &'static str) {
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
    pub(super) fn finish(&self) {
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
        for node in super::NAMES {
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
    fn nothing_is_twice(&self) {
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
