//! What was acknowledged, as the test remembers it, and what was seen besides.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a command acknowledged.
#[derive(Default)]
pub(super) struct Kept {
    /// Lines of registers that were taken, by issuer and type.
    pub(super) lines: BTreeMap<(&'static str, &'static str), BTreeSet<usize>>,
    /// The same of networks that are gone.
    rows: usize,
    /// Credentials that a wallet said it has collected: wallet, name.
    pub(super) collected: BTreeSet<(&'static str, String)>,
    /// Copies that a wallet has shown: wallet, credential and number of the copy → request that it was shown to.
    pub(super) shown: BTreeMap<(&'static str, String), String>,
    /// Every copy that a wallet ever held: wallet, credential and number → its text.
    pub(super) copies: BTreeMap<(&'static str, String), String>,
    /// Decisions of a wallet, by their signed text.
    pub(super) decisions: BTreeSet<(&'static str, String)>,
    /// Sessions that an asker has begun, and their verdict and receipt once one was told.
    pub(super) sessions: BTreeMap<(&'static str, String), Option<(String, String)>>,
    /// States of credentials that an issuer has set: credential → state, reason.
    pub(super) states: BTreeMap<String, (String, String)>,
    /// Codes with which work ended that was begun anew, and how often.
    pub(super) refusals: BTreeMap<String, u64>,
    /// Work done: what, how often.
    pub(super) done: BTreeMap<&'static str, u64>,
    /// Commands that had to be given again, and the longest time until one ended well.
    pub(super) again: u64,
    pub(super) longest_ms: u64,
    /// What was looked at after kills and found as it was.
    pub(super) checks: u64,
}

impl Kept {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    pub(super) fn refused(&mut self, code: String) {
        *self.refusals.entry(code).or_default() += 1;
    }

    /// Takes up what one network acknowledged, for the counts. Names are random, so that none meets another.
    pub(super) fn add(&mut self, other: Kept) {
        self.rows += other.lines.values().map(BTreeSet::len).sum::<usize>();
        self.collected.extend(other.collected);
        self.shown.extend(other.shown);
        self.copies.extend(other.copies);
        self.decisions.extend(other.decisions);
        self.sessions.extend(other.sessions);
        self.states.extend(other.states);
        for (code, count) in other.refusals {
            *self.refusals.entry(code).or_default() += count;
        }
        for (what, count) in other.done {
            *self.done.entry(what).or_default() += count;
        }
        self.again += other.again;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        self.checks += other.checks;
    }

    pub(super) fn print(&self) {
        let verdicts = self.sessions.values().flatten().count();
        println!(
            "acknowledged and found again: {} register rows, {} credentials of {} copies, {} shown copies, {} \
             decisions, {} sessions, {verdicts} verdicts, {} states set; {} checks",
            self.rows,
            self.collected.len(),
            self.copies.len(),
            self.shown.len(),
            self.decisions.len(),
            self.sessions.len(),
            self.states.len(),
            self.checks,
        );
        println!("work: {:?}", self.done);
        println!(
            "commands given again: {}; longest until one ended well: {} ms; begun anew after: {:?}",
            self.again, self.longest_ms, self.refusals
        );
    }

    /// Compares a wallet's export with every one before: what was collected is there, a copy's bytes never change, and a
    /// copy that was shown stays shown to that request.
    pub(super) fn look_at_wallet(&mut self, wallet: &'static str, export: &Value) {
        let mut held = BTreeMap::new();
        let mut names = BTreeSet::new();
        for credential in export["credentials"].as_array().expect("a list") {
            let name = text(&credential["id"]);
            for copy in credential["copies"].as_array().expect("a list") {
                held.insert(format!("{name} {}", copy["number"]), copy.clone());
            }
            names.insert(name);
        }
        for (_, name) in self.collected.iter().filter(|(of, _)| *of == wallet) {
            assert!(names.contains(name), "{wallet} has lost the credential {name}");
        }
        let before = |of: &(&'static str, String)| of.0 == wallet;
        for ((_, name), bytes) in self.copies.iter().filter(|(of, _)| before(of)) {
            let copy = held
                .get(name)
                .unwrap_or_else(|| panic!("{wallet} has lost the copy {name}"));
            assert_eq!(
                &text(&copy["credential"]),
                bytes,
                "the copy {name} was delivered again with other bytes"
            );
        }
        for ((_, name), request) in self.shown.iter().filter(|(of, _)| before(of)) {
            let shown = held[name]["shown_to_request"].as_str();
            assert_eq!(
                shown,
                Some(request.as_str()),
                "{wallet} forgot to whom it showed the copy {name}"
            );
        }
        let decisions: BTreeSet<String> = export["decisions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| row["signed"].to_string())
            .collect();
        for (_, decision) in self.decisions.iter().filter(|(of, _)| *of == wallet) {
            assert!(decisions.contains(decision), "{wallet} has lost a decision");
        }
        self.checks += (self.collected.len() + self.copies.len() + self.shown.len() + self.decisions.len()) as u64;
        self.decisions
            .extend(decisions.into_iter().map(|decision| (wallet, decision)));
        for (name, copy) in held {
            if let Some(request) = copy["shown_to_request"].as_str() {
                self.shown.insert((wallet, name.clone()), request.to_owned());
            }
            self.copies.insert((wallet, name), text(&copy["credential"]));
        }
    }

    /// Compares an asker's session with what it told before: one verdict, and the same for ever.
    pub(super) fn look_at_session(&mut self, asker: &'static str, id: &str, detail: &Value) {
        let verdict = detail["verdict"].as_str().map(str::to_owned);
        let receipt = detail["receipt"].as_str().unwrap_or_default().to_owned();
        let known = self.sessions.entry((asker, id.to_owned())).or_default();
        match (known, verdict) {
            (Some(known), now) => {
                let now = now.map(|verdict| (verdict, receipt));
                assert_eq!(
                    Some(&*known),
                    now.as_ref(),
                    "{asker} has another verdict for the session {id}"
                );
            }
            (known @ None, Some(verdict)) => *known = Some((verdict, receipt)),
            (None, None) => {}
        }
        self.checks += 1;
    }
}

#[track_caller]
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
