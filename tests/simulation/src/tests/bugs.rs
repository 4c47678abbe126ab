//! Bugs that somebody could make, as changes of the roles' and the store's text. In the copy that is built with all of them,
//! each sleeps until its number stands in the environment.

/// A change of a file: this text, which must be there once, becomes that one.
pub(super) struct Edit {
    /// From the root of the workspace.
    pub(super) file: &'static str,
    pub(super) find: &'static str,
    pub(super) become_: &'static str,
}

const fn edit(file: &'static str, find: &'static str, become_: &'static str) -> Edit {
    Edit { file, find, become_ }
}

/// A bug, by its number in the texts below.
pub(super) struct Bug {
    pub(super) number: u32,
    pub(super) is: &'static str,
    pub(super) edits: &'static [Edit],
}

/// In the crates that have bugs: which one is awake.
pub(super) const SWITCH: &str = r#"//! Which planted bug is awake.

pub(crate) fn is(number: u32) -> bool {
    static AWAKE: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let awake = || std::env::var("BEVIS_PLANTED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    *AWAKE.get_or_init(awake) == number
}
"#;

/// Crates that get the switch, with the line of their `lib.rs` that its module is put before.
pub(super) const SWITCHED: [(&str, &str); 4] = [
    ("wallet", "mod presentation;\n"),
    ("issuer", "mod register;\n"),
    ("verifier", "mod policy;\n"),
    ("store", "mod record;\n"),
];

pub(super) const BUGS: &[Bug] = &[
    Bug {
        number: 1,
        is: "the verifier remembers used nonces in memory only",
        edits: &[
            edit(
                "verifier/src/lib.rs",
                "    fresh: Vec<tables::Fresh>,\n    changes: u64,\n}",
                "    fresh: Vec<tables::Fresh>,\n    changes: u64,\n    used: BTreeSet<String>,\n}",
            ),
            edit(
                "verifier/src/lib.rs",
                "            changes: 0,\n        };",
                "            changes: 0,\n            used: BTreeSet::new(),\n        };",
            ),
            edit(
                "verifier/src/presentation.rs",
                "            State::Completed => return Err(Code::Replay.into()),",
                "            State::Completed if !crate::planted::is(1) || self.used.contains(id) => return Err(Code::Replay.into()),
            State::Completed => {}",
            ),
            edit(
                "verifier/src/presentation.rs",
                "        self.tables.delete_secrets(&mut tx, &after.id);\n        if kept",
                "        if crate::planted::is(1) {
            self.used.insert(after.id.clone());
        } else {
            self.tables.delete_secrets(&mut tx, &after.id);
        }
        if kept",
            ),
            edit(
                "verifier/src/tables.rs",
                "        tx.require_absent(&self.spent, &nonce).put(&self.spent, &nonce, &[]);",
                "        if !crate::planted::is(1) {
            tx.require_absent(&self.spent, &nonce).put(&self.spent, &nonce, &[]);
        }",
            ),
        ],
    },
    Bug {
        number: 2,
        is: "the receipt is sent whether or not the verdict could be written",
        edits: &[edit(
            "verifier/src/presentation.rs",
            "        self.commit(now, tx, &before, Some(&after))
            .map_err(|error| match error {
                Error::Store(error) => tables::spent_twice(error),
                other => other.into(),
            })?;",
            "        let written = self.commit(now, tx, &before, Some(&after)).map_err(|error| match error {
            Error::Store(error) => tables::spent_twice(error),
            other => other.into(),
        });
        if !crate::planted::is(2) {
            written?;
        }",
        )],
    },
    Bug {
        number: 3,
        is: "the decision is recorded after the answer was sent",
        edits: &[
            edit(
                "wallet/src/lib.rs",
                "    talks: BTreeMap<Thread, Talk>,\n    last_thread: Thread,\n",
                "    talks: BTreeMap<Thread, Talk>,\n    late: Vec<(String, tables::DecisionRow)>,\n    last_thread: Thread,\n",
            ),
            edit(
                "wallet/src/lib.rs",
                "            last_thread: 0,\n",
                "            late: Vec::new(),\n            last_thread: 0,\n",
            ),
            edit(
                "wallet/src/lib.rs",
                "        let thread = self.last_thread;\n        let result = run(self, thread);",
                "        let thread = self.last_thread;
        for (hash, row) in std::mem::take(&mut self.late) {
            let mut change = self.tables.change();
            if change.add(&hash, &row).is_ok() {
                drop(change.commit());
            }
        }
        let result = run(self, thread);",
            ),
            edit(
                "wallet/src/presentation/decision.rs",
                "        change.add(&row.hash, &row_of_decision)?;",
                "        if crate::planted::is(3) {
            self.late.push((row.hash.clone(), row_of_decision));
        } else {
            change.add(&row.hash, &row_of_decision)?;
        }",
            ),
        ],
    },
    Bug {
        number: 4,
        is: "a copy that was shown is not marked",
        edits: &[edit(
            "wallet/src/presentation/decision.rs",
            "            change.put_copy(&chosen.choice.credential, chosen.choice.copy, &used)?;",
            "            if !crate::planted::is(4) {
                change.put_copy(&chosen.choice.credential, chosen.choice.copy, &used)?;
            }",
        )],
    },
    Bug {
        number: 5,
        is: "the verifier takes everything for unrevoked as of now",
        edits: &[edit(
            "verifier/src/presentation.rs",
            "        let context = Context {
            now,
            trust: self.trust.as_deref(),
            status,
",
            "        struct Good(Timestamp);
        impl status::Source for Good {
            fn state(&self, _: &credentials::Did, _: &str, _: u32) -> Option<(status::State, Timestamp)> {
                Some((status::State::Valid, self.0))
            }
        }
        let good = Good(now);
        let status: &dyn status::Source = if crate::planted::is(5) { &good } else { status };
        let context = Context {
            now,
            trust: self.trust.as_deref(),
            status,
",
        )],
    },
    Bug {
        number: 6,
        is: "the verifier does not compare the person with its customer",
        edits: &[edit(
            "verifier/src/presentation.rs",
            "            subject: Some(&subject),",
            "            subject: (!crate::planted::is(6)).then_some(subject.as_str()),",
        )],
    },
    Bug {
        number: 7,
        is: "a delivery is repeated to other keys",
        edits: &[edit(
            "issuer/src/issuance/delivery.rs",
            "        if named != before || !rest.is_empty() {",
            "        if !crate::planted::is(7) && (named != before || !rest.is_empty()) {",
        )],
    },
    Bug {
        number: 8,
        is: "the access log is written after the delivery",
        edits: &[
            edit(
                "issuer/src/lib.rs",
                "    letters: letters::Letters,\n    failure: Option<Error>,\n}",
                "    letters: letters::Letters,\n    later: Vec<(Timestamp, Delivery, String, Vec<String>)>,\n    failure: Option<Error>,\n}",
            ),
            edit(
                "issuer/src/lib.rs",
                "            letters,\n            failure: None,",
                "            letters,\n            later: Vec::new(),\n            failure: None,",
            ),
            edit(
                "issuer/src/lib.rs",
                "    pub fn tick(&mut self, now: Timestamp) -> Result<(), Error> {\n",
                "    pub fn tick(&mut self, now: Timestamp) -> Result<(), Error> {
        for (at, delivery, holder, logged) in std::mem::take(&mut self.later) {
            let mut staged = self.stage();
            self.log_delivery(at, &mut staged, &delivery, &holder, logged, false)?;
            self.commit(staged)?;
        }
",
            ),
            edit(
                "issuer/src/issuance/delivery.rs",
                "    pub(super) fn log_delivery(\n",
                "    pub(crate) fn log_delivery(\n",
            ),
            edit(
                "issuer/src/issuance/delivery.rs",
                "        self.log_delivery(now, &mut staged, &delivery, &identified.holder, signed.logged, false)?;
        self.commit_or_withhold(staged)?;",
                "        if crate::planted::is(8) {
            self.commit_or_withhold(staged)?;
            self.later.push((now, delivery, identified.holder.clone(), signed.logged));
        } else {
            self.log_delivery(now, &mut staged, &delivery, &identified.holder, signed.logged, false)?;
            self.commit_or_withhold(staged)?;
        }",
            ),
        ],
    },
    Bug {
        number: 9,
        is: "which status entries were given out is forgotten at a restart",
        edits: &[edit(
            "issuer/src/staged.rs",
            "                let mut record = record.clone();\n",
            "                let mut record = record.clone();
                if crate::planted::is(9) {
                    record.next = 0;
                }
",
        )],
    },
    Bug {
        number: 10,
        is: "the journal is written and not synced",
        edits: &[edit(
            "store/src/journal.rs",
            "self.file.write_at(records, self.length).and_then(|()| self.sync());",
            "self.file.write_at(records, self.length).and_then(|()| {
            if crate::planted::is(10) { Ok(()) } else { self.sync() }
        });",
        )],
    },
    Bug {
        number: 11,
        is: "an answer to an expired request is taken",
        edits: &[edit(
            "verifier/src/session.rs",
            "    match state.is_open() && now >= expires {",
            "    match state.is_open() && now >= expires && !crate::planted::is(11) {",
        )],
    },
    Bug {
        number: 12,
        is: "attempts at an activation code are not written",
        edits: &[edit(
            "issuer/src/offer.rs",
            "        self.put_offer(&mut staged, id, &offer)?;
        self.commit(staged)?;
        let is_right",
            "        self.put_offer(&mut staged, id, &offer)?;
        if !crate::planted::is(12) {
            self.commit(staged)?;
        }
        let is_right",
        )],
    },
    Bug {
        number: 13,
        is: "a revocation is kept in memory only",
        edits: &[edit(
            "issuer/src/staged.rs",
            "            let key = Key::in_group(&list, &index);\n            match state {",
            "            let key = Key::in_group(&list, &index);
            if crate::planted::is(13) {
                continue;
            }
            match state {",
        )],
    },
    Bug {
        number: 14,
        is: "what a killed process left is believed before it is durable",
        edits: &[edit(
            "store/src/journal.rs",
            "        if !self.settled {",
            "        if !self.settled && !crate::planted::is(14) {",
        )],
    },
    Bug {
        number: 15,
        is: "an issuer releases after the withdrawal",
        edits: &[
            edit(
                "issuer/src/grant/refresh.rs",
                "        if record.withdrawn.is_some() {",
                "        if record.withdrawn.is_some() && !crate::planted::is(15) {",
            ),
        ],
    },
    Bug {
        number: 16,
        is: "a withdrawal is acknowledged and not written",
        edits: &[
            edit(
                "issuer/src/grant/withdraw.rs",
                "        let withdrawn = self.end_by(now, &mut staged, &grant, record, withdrawal)?;\n        self.commit(staged)?;",
                "        let withdrawn = self.end_by(now, &mut staged, &grant, record, withdrawal)?;\n        if !crate::planted::is(16) {\n            self.commit(staged)?;\n        }",
            ),
        ],
    },
    Bug {
        number: 17,
        is: "a restart forgets whom to tell of a withdrawal",
        edits: &[
            edit(
                "wallet/src/grant/ending.rs",
                "                GrantStage::Withdrawn => threads.extend(self.tell_withdrawal(now, &name)),",
                "                GrantStage::Withdrawn if !crate::planted::is(17) => threads.extend(self.tell_withdrawal(now, &name)),",
            ),
        ],
    },
    Bug {
        number: 18,
        is: "a release has no line in the access log",
        edits: &[
            edit(
                "issuer/src/grant/refresh.rs",
                "        self.log(&mut staged, &entry)?;",
                "        if !crate::planted::is(18) {\n            self.log(&mut staged, &entry)?;\n        }",
            ),
        ],
    },
    Bug {
        number: 19,
        is: "a deposit is acknowledged before it is written",
        edits: &[
            edit(
                "issuer/src/grant/deposit.rs",
                "        self.commit(staged)?;\n        self.terms.retain(",
                "        if !crate::planted::is(19) {\n            self.commit(staged)?;\n        }\n        self.terms.retain(",
            ),
        ],
    },
    Bug {
        number: 20,
        is: "a grant leaves without a decision",
        edits: &[
            edit(
                "wallet/src/grant/deciding.rs",
                "        change.add(&row.hash, &granted)?;",
                "        if !crate::planted::is(20) {\n            change.add(&row.hash, &granted)?;\n        }",
            ),
        ],
    },
    Bug {
        number: 21,
        is: "a bank takes a release twice",
        edits: &[
            edit(
                "verifier/src/grant/refreshing.rs",
                "        let pending = pending.ok_or(Code::UnexpectedMessage)?;",
                "        let pending = pending.ok_or(Code::UnexpectedMessage)?;\n        if crate::planted::is(21) {\n            let again = Pending {\n                nonce: pending.nonce.clone(),\n                claims: pending.claims.clone(),\n                asked: pending.asked,\n            };\n            self.grants.pending.insert(name.to_owned(), again);\n        }",
            ),
        ],
    },
    Bug {
        number: 22,
        is: "a withdrawal before its grant is not remembered",
        edits: &[
            edit(
                "issuer/src/grant/withdraw.rs",
                "        let mut staged = self.stage();\n        let withdrawn = self.end_by(now, &mut staged, &grant, record, withdrawal)?;",
                "        if !is_deposited && crate::planted::is(22) {\n            return Err(Code::UnknownGrant.into());\n        }\n        let mut staged = self.stage();\n        let withdrawn = self.end_by(now, &mut staged, &grant, record, withdrawal)?;",
            ),
        ],
    },
    Bug {
        number: 23,
        is: "a bank signs that it erased and goes on",
        edits: &[
            edit(
                "verifier/src/grant/ending.rs",
                "        row.state = state;\n",
                "        if !crate::planted::is(23) {\n            row.state = state;\n        }\n",
            ),
        ],
    },
];
