//! Standing grants, at every door: what is released was granted, decided and deposited before, logged, and not taken back; and
//! whatever was acknowledged of it is known after every end of a process.

use super::holding::{ANSWER_MAX, is_decided, is_signed, keys_of, members};
use super::{CONSENT, COPY, Checked, GRANTED, KEPT, LOGGED, ONCE, ORDER, OWNER, Observer, broken, ensure};
use crate::cast::{self, TAX, Who};
use crate::machine::{Machine, Role, access, durable_export, durable_store};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Receipt;
use credentials::grant::{Deposit, Erasure, OpenedGrant, RELEASE_MAX, RELEASE_TYP, Release, Withdrawn};
use credentials::jwe::DecryptionKey;
use credentials::jws::Jws;
use credentials::protocol::consent::{Ask, Reply};
use credentials::verify::Verdict;
use credentials::{Code, Timestamp, protocol};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::Store;
use wallet::{GrantState, Wallet};

/// What is known of grants.
#[derive(Default)]
pub(crate) struct Books {
    /// By name.
    pub(crate) given: BTreeMap<String, Given>,
    /// Which grant an answer to an asker holds.
    answers: BTreeMap<String, String>,
    /// Nonces of releases that banks took.
    taken: BTreeSet<String>,
    /// What wallets showed, by wallet and their own names.
    held: BTreeMap<(Who, String), Held>,
}

/// A grant that left a wallet.
pub(crate) struct Given {
    pub(crate) owner: Who,
    pub(crate) asker: Option<Who>,
    pub(crate) text: String,
    /// Hash of the asker's request.
    pub(crate) request: String,
    /// Who the person is, as it was shown to the issuer.
    answer: String,
    /// The issuer said that it keeps it.
    pub(crate) is_deposited: bool,
    /// Number of the newest release that left the issuer.
    pub(crate) released: u32,
    /// Releases before the withdrawal that the issuer acknowledged.
    pub(crate) withdrawn: Option<u32>,
    /// Releases before the withdrawal that stands in the issuer's books.
    recorded: Option<u32>,
    /// The issuer was told of the withdrawal before the deposit, and remembers.
    pub(crate) is_early: bool,
    /// The bank gave a receipt for it.
    pub(crate) is_taken: bool,
    /// Releases that the bank took.
    used: u32,
    /// The bank signed that it erased.
    is_erased: bool,
    /// Nothing may be read at the bank until the next release.
    is_logged_out: bool,
}

#[derive(Clone, Copy, Default)]
struct Held {
    is_active: bool,
    is_withdrawn: bool,
    is_issuer_told: bool,
    is_asker_told: bool,
    uses: usize,
}

/// What an observer reads of the issuer's record.
#[derive(Deserialize)]
pub(crate) struct Record {
    deposit: Option<String>,
    pub(crate) uses: u32,
    withdrawn: Option<Taken>,
}
#[derive(Deserialize)]
struct Taken {
    withdrawn: String,
}

/// The issuer's record of a grant.
pub(crate) fn record(store: &Store, name: &str) -> Result<Option<Record>, String> {
    let id = credentials::grant::hash_of(name).map_err(|problem| problem.to_string())?;
    let row = store
        .table("issuer.grants")
        .get(id.as_slice())
        .map_err(|error| error.to_string())?;
    let read = row.map(|row| protocol::decode(&row, 1 << 20));
    read.transpose().map_err(|problem| problem.to_string())
}

fn durable(machine: &Machine) -> Result<Store, super::Violation> {
    durable_store(machine).or_else(|error| {
        let seen = format!("{} would not open again: {}", cast::name(machine.who), error.0);
        broken(KEPT, seen)
    })
}

fn durable_record(machine: &Machine, name: &str) -> Result<Record, super::Violation> {
    match record(&durable(machine)?, name) {
        Ok(Some(record)) => Ok(record),
        Ok(None) => broken(KEPT, "a grant is acknowledged and not durable"),
        Err(error) => broken(KEPT, error),
    }
}

impl Observer {
    /// A message about a grant leaves a wallet.
    pub(super) fn consent_leaves(&mut self, machine: &Machine, to: Who, ask: &Ask) -> Checked {
        match ask {
            Ask::Deposit {
                nonce, grant, answer, ..
            } => self.deposit_leaves(machine, to, nonce, grant, answer),
            Ask::Withdraw { grant, .. } => self.withdrawal_leaves(machine, grant),
            _ => Ok(()),
        }
    }

    fn deposit_leaves(&mut self, machine: &Machine, to: Who, nonce: &str, grant: &str, answer: &str) -> Checked {
        let who = machine.who;
        let opened = OpenedGrant::open(grant).or_else(|problem| broken(GRANTED, problem))?;
        let of = opened.grant();
        ensure(to == TAX, CONSENT, || format!("a grant leaves for {}", cast::name(to)))?;
        ensure(self.yes.contains(&(who, of.request.clone())), CONSENT, || {
            format!("{} granted what its person said no yes to", cast::name(who))
        })?;
        let asker = self.requests.get(&of.request).map(|asked| asked.asker);
        ensure(asker == self.cast.who(&of.asker), CONSENT, || {
            "granted to another than who asked".to_owned()
        })?;
        let hash = self.nonces.get(nonce).cloned().unwrap_or_default();
        let keys = self
            .requests
            .get(&hash)
            .and_then(|asked| keys_of(answer, &hash, &asked.key));
        let Some(keys) = keys else {
            return broken(CONSENT, "an identification that its issuer cannot read");
        };
        for key in &keys {
            let first = self.shown.entry(*key).or_insert_with(|| hash.clone());
            ensure(*first == hash, COPY, || {
                format!("{} showed a copy to two requests", cast::name(who))
            })?;
        }
        let key = opened.key().to_bytes();
        let owner = *self.keys.entry(key).or_insert(who);
        ensure(owner == who, COPY, || "two wallets have one key".to_owned())?;
        let name = opened.name();
        let given = self.grants.given.entry(name.clone()).or_insert_with(|| Given {
            owner: who,
            asker,
            text: grant.to_owned(),
            request: of.request.clone(),
            answer: answer.to_owned(),
            is_deposited: false,
            released: 0,
            withdrawn: None,
            recorded: None,
            is_early: false,
            is_taken: false,
            used: 0,
            is_erased: false,
            is_logged_out: false,
        });
        ensure(given.answer == answer, COPY, || {
            "a second deposit has other bytes".to_owned()
        })?;
        if !self.proven.insert((who, machine.life, name)) {
            return Ok(());
        }
        match durable_export(machine, &self.cast) {
            Ok(export) => {
                is_decided(&export, &hash, &keys)?;
                is_signed(&export, &of.request, &[key])
            }
            Err(error) => broken(KEPT, format!("{} would not open again: {}", cast::name(who), error.0)),
        }
    }

    fn withdrawal_leaves(&mut self, machine: &Machine, grant: &str) -> Checked {
        let who = machine.who;
        let opened = OpenedGrant::open(grant).or_else(|problem| broken(GRANTED, problem))?;
        let name = opened.name();
        // One that was taken back before its deposit left is told of too.
        let owner = self.grants.given.get(&name).map_or(who, |given| given.owner);
        ensure(owner == who, OWNER, || {
            format!("{} takes back what is another's", cast::name(who))
        })?;
        if !self.proven.insert((who, machine.life, format!("the end of {name}"))) {
            return Ok(());
        }
        let export = match durable_export(machine, &self.cast) {
            Ok(export) => export,
            Err(error) => return broken(KEPT, format!("{} would not open again: {}", cast::name(who), error.0)),
        };
        let request = opened.grant().request.as_str();
        let says = |event: &Value, member: &str, text: &str| event.get(member).and_then(Value::as_str) == Some(text);
        let is_durable = members(&export, "history")
            .any(|event| says(event, "what", "withdrawn") && says(event, "request", request));
        ensure(is_durable, KEPT, || "a withdrawal leaves and is not durable".to_owned())
    }

    /// An answer to an asker leaves a wallet: where it holds a grant, its issuer keeps that already.
    pub(super) fn grant_leaves(&mut self, who: Who, hash: &str, answer: &str) -> Checked {
        let Some(asked) = self.requests.get(hash) else {
            return Ok(());
        };
        let plain = BASE64_URL_SAFE_NO_PAD.decode(hash).ok().and_then(|hash| {
            DecryptionKey::from_bytes(&asked.key)
                .open(answer, &hash, ANSWER_MAX)
                .ok()
        });
        let body: Option<Value> = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        let Some(grant) = body.as_ref().and_then(|body| body.get("grant")?.as_str()) else {
            return Ok(());
        };
        let opened = OpenedGrant::open(grant).or_else(|problem| broken(GRANTED, problem))?;
        let name = opened.name();
        let is_deposited = self
            .grants
            .given
            .get(&name)
            .is_some_and(|given| given.owner == who && given.is_deposited && given.request == hash);
        ensure(is_deposited, GRANTED, || {
            "an asker is given a grant that nobody keeps".to_owned()
        })?;
        self.grants.answers.insert(answer.to_owned(), name);
        Ok(())
    }

    /// A bank gave a receipt for an answer.
    pub(super) fn grant_taken(&mut self, bank: Who, answer: &str, receipt: &str) -> Checked {
        let Some(name) = self.grants.answers.get(answer) else {
            return Ok(());
        };
        let receipt = Receipt::open(receipt, &self.cast.trust).or_else(|problem| broken(KEPT, problem))?;
        if receipt.verdict != Verdict::Valid {
            return Ok(());
        }
        let Some(given) = self.grants.given.get_mut(name) else {
            return Ok(());
        };
        given.is_taken = true;
        let subject = self
            .requests
            .get(&given.request)
            .and_then(|asked| asked.subject.as_deref());
        ensure(
            given.asker == Some(bank) && subject == Some(cast::number(given.owner)),
            super::TRUTH,
            || "a bank took a grant that is not its customer's".to_owned(),
        )
    }

    /// A reply about grants leaves an issuer or a bank. `logged` is how long the access log was before the message.
    pub(crate) fn leaves_consent(&mut self, machine: &Machine, ask: &Ask, reply: &Reply, logged: u64) -> Checked {
        if let Reply::Terms { nonce, request } = reply {
            return self.learn_terms(machine, nonce, request);
        }
        let (Ask::Deposit { grant, .. } | Ask::Refresh { grant, .. } | Ask::Withdraw { grant, .. }) = ask else {
            return Ok(());
        };
        let Ok(opened) = OpenedGrant::open(grant) else {
            return match reply {
                Reply::Problem(_) => Ok(()),
                _ => broken(GRANTED, "a grant that is none is answered"),
            };
        };
        let name = opened.name();
        let Some(given) = self.grants.given.get_mut(&name) else {
            return match reply {
                Reply::Problem(_) => Ok(()),
                _ => broken(GRANTED, "a grant that left no wallet is answered"),
            };
        };
        let number = cast::number(given.owner);
        let trust = &self.cast.trust;
        match (ask, reply) {
            (Ask::Deposit { .. }, Reply::Deposited { deposit }) => {
                let said = Deposit::open(deposit, &opened, trust).or_else(|problem| broken(GRANTED, problem))?;
                ensure(said.subject.is(number), OWNER, || {
                    "a deposit about another person".to_owned()
                })?;
                ensure(!given.is_early && given.withdrawn.is_none(), ORDER, || {
                    "a grant is taken in that was taken back".to_owned()
                })?;
                given.is_deposited = true;
                let is_durable = durable_record(machine, &name)?.deposit.is_some();
                ensure(is_durable, KEPT, || {
                    "a deposit is acknowledged and not durable".to_owned()
                })
            }
            (Ask::Refresh { nonce, .. }, Reply::Released { release }) => {
                ensure(given.is_deposited, GRANTED, || "a release without a deposit".to_owned())?;
                let is_over = given.is_early || given.withdrawn.is_some() || given.recorded.is_some();
                ensure(!is_over, ORDER, || "a release after the withdrawal".to_owned())?;
                let signed =
                    Jws::parse(release, RELEASE_TYP, RELEASE_MAX).or_else(|problem| broken(GRANTED, problem))?;
                let read: Result<Release, _> = serde_json::from_value(Value::Object(signed.payload.clone()));
                let said = read.or_else(|error| broken(GRANTED, error))?;
                let is_theirs = said.claims.get("personidentifikator").and_then(Value::as_str) == Some(number);
                ensure(is_theirs && said.nonce == *nonce && said.grant == name, OWNER, || {
                    "a release of another's data, or for another question".to_owned()
                })?;
                ensure(said.number > given.released, KEPT, || {
                    format!("release {} after release {}", said.number, given.released)
                })?;
                given.released = said.number;
                let store = durable(machine)?;
                let entries = access(&store).or_else(|error| broken(KEPT, error))?;
                ensure(entries > logged, LOGGED, || {
                    format!("{entries} durable entries after a release, {logged} before")
                })?;
                let kept = record(&store, &name).or_else(|error| broken(KEPT, error))?;
                let counted = kept.is_some_and(|kept| kept.uses >= said.number && kept.withdrawn.is_none());
                ensure(counted, ORDER, || {
                    "a release leaves that is not durably counted".to_owned()
                })
            }
            (Ask::Withdraw { .. }, Reply::Withdrawn { withdrawn }) => {
                let said = Withdrawn::open(withdrawn, &opened, trust).or_else(|problem| broken(KEPT, problem))?;
                ensure(said.uses >= given.released, ORDER, || {
                    format!(
                        "{} uses before the withdrawal, and {} were seen",
                        said.uses, given.released
                    )
                })?;
                let first = *given.withdrawn.get_or_insert(said.uses);
                ensure(first == said.uses, ORDER, || "two ends of one grant".to_owned())?;
                let is_durable = durable_record(machine, &name)?.withdrawn.is_some();
                ensure(is_durable, KEPT, || {
                    "a withdrawal is acknowledged and not durable".to_owned()
                })
            }
            (Ask::Withdraw { .. }, Reply::Erased { erasure }) => {
                Erasure::open(erasure, &opened, trust).or_else(|problem| broken(KEPT, problem))?;
                given.is_erased = true;
                let row = durable(machine)?.table("verifier.grants").get(name.as_str());
                let row = row.or_else(|error| broken(KEPT, error))?;
                let row: Value = row
                    .and_then(|row| serde_json::from_slice(&row).ok())
                    .unwrap_or_default();
                let is_durable = row.get("state").and_then(Value::as_str) == Some("withdrawn");
                ensure(is_durable, KEPT, || {
                    "an erasure is acknowledged and not durable".to_owned()
                })
            }
            (Ask::Withdraw { .. }, Reply::Problem(problem))
                if problem.code == Code::UnknownGrant && machine.who == TAX =>
            {
                given.is_early = true;
                ensure(!given.is_deposited, KEPT, || "a deposit is forgotten".to_owned())?;
                let is_durable = durable_record(machine, &name)?.withdrawn.is_some();
                ensure(is_durable, KEPT, || "an early withdrawal is not durable".to_owned())
            }
            (_, Reply::Problem(_)) => Ok(()),
            _ => broken(GRANTED, "an answer of another kind"),
        }
    }

    /// What a machine knows of grants now, beside what it acknowledged.
    pub(crate) fn check_grants(&mut self, machine: &Machine, now: Timestamp) -> Checked {
        let Some(running) = &machine.running else { return Ok(()) };
        match &running.role {
            Role::Issuer(_) if machine.who == TAX => self.grants.check_kept(&running.store),
            Role::Verifier(verifier) => self.grants.check_desk(machine.who, verifier, now),
            _ => Ok(()),
        }
    }
}

impl Books {
    fn check_kept(&mut self, store: &Store) -> Checked {
        for (name, given) in &mut self.given {
            let kept = record(store, name).or_else(|error| broken(KEPT, error))?;
            let is_deposited = kept.as_ref().is_some_and(|kept| kept.deposit.is_some());
            ensure(!given.is_deposited || is_deposited, KEPT, || {
                "a deposit is lost".to_owned()
            })?;
            let uses = kept.as_ref().map_or(0, |kept| kept.uses);
            ensure(uses >= given.released, KEPT, || {
                format!("{uses} uses are known of {}", given.released)
            })?;
            let is_ended = kept
                .and_then(|kept| kept.withdrawn)
                .is_some_and(|taken| !taken.withdrawn.is_empty());
            let must_be = given.withdrawn.is_some() || given.is_early;
            ensure(is_ended || !must_be, KEPT, || "a withdrawal is lost".to_owned())?;
            let before = given.withdrawn.or(given.recorded).filter(|_| is_ended);
            ensure(before.is_none_or(|before| before == uses), ORDER, || {
                format!("{uses} uses after the withdrawal, {before:?} before it")
            })?;
            given.recorded = is_ended.then_some(uses);
        }
        Ok(())
    }

    fn check_desk(&mut self, bank: Who, verifier: &verifier::Verifier, now: Timestamp) -> Checked {
        let theirs = |given: &Given| given.asker == Some(bank) && given.is_taken;
        if !self.given.values().any(theirs) {
            return Ok(());
        }
        let views = verifier.grants(now).or_else(|error| broken(KEPT, error))?;
        for (name, given) in self.given.iter().filter(|(_, given)| theirs(given)) {
            let Some(view) = views.iter().find(|view| view.name == *name) else {
                return broken(KEPT, format!("{} lost a grant", cast::name(bank)));
            };
            ensure(view.uses >= given.used, KEPT, || {
                format!("{} knows of {} uses of {}", cast::name(bank), view.uses, given.used)
            })?;
            let is_ended = view.state == verifier::GrantState::Withdrawn && view.erasure.is_some();
            ensure(!given.is_erased || is_ended, KEPT, || {
                format!("{} forgot that it erased: {:?}", cast::name(bank), view.state)
            })?;
            if given.is_erased || given.is_logged_out {
                let read = verifier.grant_claims(now, name).or_else(|error| broken(KEPT, error))?;
                ensure(read.is_none(), KEPT, || "what was erased can be read".to_owned())?;
            }
        }
        Ok(())
    }

    /// A bank took a release; `nonce` is none where it was given an old one.
    pub(crate) fn release_taken(&mut self, bank: Who, name: &str, nonce: Option<&str>) -> Checked {
        let is_new = nonce.is_some_and(|nonce| self.taken.insert(nonce.to_owned()));
        ensure(is_new, ONCE, || format!("{} took a release twice", cast::name(bank)))?;
        let Some(given) = self.given.get_mut(name).filter(|given| given.is_taken) else {
            return broken(GRANTED, "a release under a grant that the bank has not");
        };
        given.used = given.used.saturating_add(1);
        given.is_logged_out = false;
        ensure(!given.is_erased, ORDER, || {
            "a release is taken after the erasure receipt".to_owned()
        })
    }

    /// The customer left.
    pub(crate) fn logged_out(&mut self, bank: Who, name: &str) {
        if let Some(given) = self.given.get_mut(name).filter(|given| given.asker == Some(bank)) {
            given.is_logged_out = true;
        }
    }

    /// What a wallet shows of its grants, beside what it showed.
    pub(super) fn check_held(&mut self, who: Who, wallet: &Wallet) -> Checked {
        // At a time at which none has run out, so that the clock changes nothing.
        let views = wallet.grants(cast::begin()).or_else(|error| broken(KEPT, error))?;
        for ((_, id), before) in self.held.iter().filter(|((of, _), _)| *of == who) {
            let is_there = views.iter().any(|view| view.id == *id);
            let may_go = !before.is_active && !before.is_withdrawn;
            ensure(is_there || may_go, KEPT, || format!("{} lost a grant", cast::name(who)))?;
        }
        for view in views {
            let now = Held {
                is_active: view.state == GrantState::Active,
                is_withdrawn: view.state == GrantState::Withdrawn,
                is_issuer_told: view.issuer_told,
                is_asker_told: view.asker_told,
                uses: view.uses.len(),
            };
            let before = self.held.insert((who, view.id.clone()), now).unwrap_or_default();
            let is_kept = (!before.is_withdrawn || now.is_withdrawn)
                && (!before.is_active || now.is_active || now.is_withdrawn)
                && before.is_issuer_told <= now.is_issuer_told
                && before.is_asker_told <= now.is_asker_told
                && before.uses <= now.uses;
            ensure(is_kept, KEPT, || {
                format!("{} went back with a grant: {:?}", cast::name(who), view.state)
            })?;
        }
        Ok(())
    }
}
