//! At an issuer's door: what is given out goes to its holder's keys, has a durable line in the access log, and shares no
//! status index with anything else.

use super::{ATTEMPTS, Asked, Checked, Copy, INDEX, KEPT, LOGGED, OWNER, Observer, broken, ensure};
use crate::cast::{self, Who};
use crate::machine::{Machine, durable_access};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::protocol::issuance::{Ask, Identification, Reply};
use credentials::protocol::{self};
use credentials::sd_jwt::SdJwt;
use credentials::{Code, Timestamp, request};
use issuer::Issuer;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What an issuer has told others.
#[derive(Default)]
pub(crate) struct Books {
    /// Highest version, by list.
    lists: BTreeMap<String, u64>,
    delivered: BTreeSet<Vec<u8>>,
}

/// The part of the issuer's record of terms that an observer reads: the one-time key of the identification.
#[derive(Deserialize)]
struct Terms {
    identification: Option<Identify>,
}
#[derive(Deserialize)]
struct Identify {
    key: serde_bytes::ByteArray<32>,
}

impl Observer {
    /// An issuer died at a request for credentials: whether it delivered is not known.
    pub(crate) fn died_at(&mut self, ask: &Ask) {
        if let Ask::Request(request) = ask {
            self.attempted.insert(request.transaction.clone());
        }
    }

    /// Whether more than a code that is still good stands between a request and other keys.
    pub(crate) fn is_proven_otherwise(&self, request: &protocol::issuance::Request) -> bool {
        let is_shown = matches!(request.identification, Identification::Presentation { .. });
        is_shown || self.deliveries.contains_key(&request.transaction)
    }

    /// A reply leaves an issuer. `logged` is how long its access log was before the message.
    pub(crate) fn leaves_issuer(&mut self, machine: &Machine, ask: &Ask, reply: &Reply, logged: u64) -> Checked {
        match (ask, reply) {
            (_, Reply::Terms(terms)) => match &terms.request {
                Some(text) => self.learn_terms(machine, &terms.nonce, text),
                None => Ok(()),
            },
            (
                Ask::Request(request),
                Reply::Delivery {
                    transaction,
                    credentials,
                },
            ) => {
                ensure(request.transaction == *transaction, OWNER, || {
                    "another transaction".to_owned()
                })?;
                self.delivery_leaves(machine, request, credentials, logged)
            }
            (Ask::Request(request), Reply::Problem(problem)) if problem.code == Code::WrongCode => {
                let Identification::Code { offer, .. } = &request.identification else {
                    return Ok(());
                };
                let wrong = self.wrong_codes.entry(offer.clone()).or_insert(0);
                *wrong = wrong.saturating_add(1);
                ensure(*wrong <= 5, ATTEMPTS, || format!("{wrong} wrong codes were looked at"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn learn_terms(&mut self, machine: &Machine, nonce: &str, text: &str) -> Checked {
        let Some(running) = &machine.running else { return Ok(()) };
        let record = running.store.table("issuer.terms").get(nonce);
        let record = record.or_else(|error| broken(KEPT, error))?;
        let terms: Option<Terms> = record.and_then(|record| protocol::decode(&record, 1 << 20).ok());
        let Some(asked) = terms.and_then(|terms| terms.identification) else {
            return broken(KEPT, "terms were given that the issuer does not know");
        };
        let hash = BASE64_URL_SAFE_NO_PAD.encode(request::hash(text));
        self.nonces.insert(nonce.to_owned(), hash.clone());
        self.learn_case(text, &hash);
        self.requests.entry(hash).or_insert(Asked {
            asker: machine.who,
            expires: Timestamp::from_unix(i64::MAX),
            subject: None,
            key: asked.key.into_array(),
        });
        Ok(())
    }

    fn delivery_leaves(
        &mut self,
        machine: &Machine,
        request: &protocol::issuance::Request,
        credentials: &[Vec<String>],
        logged: u64,
    ) -> Checked {
        match durable_access(machine) {
            Ok(durable) => ensure(durable > logged, LOGGED, || {
                format!("{durable} durable entries after a delivery, {logged} before")
            })?,
            Err(error) => {
                return broken(
                    KEPT,
                    format!("{} would not open again: {}", cast::name(machine.who), error.0),
                );
            }
        }
        let transaction = &request.transaction;
        if let Some((_, Some(offer))) = self.transactions.get(transaction) {
            let wrong = self.wrong_codes.get(offer).copied().unwrap_or(0);
            ensure(wrong < 5 || self.deliveries.contains_key(transaction), ATTEMPTS, || {
                "a code was taken after five wrong ones".to_owned()
            })?;
        }
        let proven: BTreeSet<_> = super::holding::proven_keys(request).into_iter().collect();
        for text in credentials.iter().flatten() {
            let parsed = SdJwt::parse(text).or_else(|problem| broken(OWNER, problem.code))?;
            let (Some(key), Some(status)) = (parsed.holder_key(), parsed.status()) else {
                return broken(OWNER, "a credential without holder key or status");
            };
            let key = key.to_bytes();
            let Some(owner) = self.keys.get(&key).copied().filter(|_| proven.contains(&key)) else {
                return broken(OWNER, "a delivery to keys that no wallet proved");
            };
            let credential_type = self.cast.types.get(parsed.vct());
            let number = credential_type
                .map(|known| credentials::schema::values_at(parsed.claims(), &known.holder.number))
                .and_then(|values| values.first().and_then(|value| value.as_str()).map(str::to_owned))
                .unwrap_or_default();
            ensure(number == cast::number(owner), OWNER, || {
                format!("{} was given what is another's", cast::name(owner))
            })?;
            let position = (status.uri.clone(), status.index);
            let first = *self.positions.entry(position).or_insert(key);
            ensure(first == key, INDEX, || {
                format!("entry {} of {} twice", status.index, status.uri)
            })?;
            let is_new = !self.copies.contains_key(&key);
            if is_new {
                let is_unseen = self.attempted.contains(transaction);
                self.status.learn(&status.uri, status.index, machine.who, is_unseen);
            }
            self.copies.entry(key).or_insert(Copy {
                issuer: parsed.issuer().clone(),
                number,
                uri: status.uri,
                index: status.index,
            });
        }
        let first = self
            .deliveries
            .entry(transaction.clone())
            .or_insert_with(|| credentials.to_vec());
        ensure(first == credentials, OWNER, || {
            "a second delivery has other bytes".to_owned()
        })?;
        let books = self.issuers.entry(machine.who).or_default();
        books.delivered.insert(transaction.clone());
        Ok(())
    }

    /// What an issuer says of itself now, beside what it said before.
    pub(crate) fn check_issuer(&mut self, who: Who, issuer: &Issuer) -> Checked {
        let books = self.issuers.entry(who).or_default();
        let seen: BTreeMap<String, u64> = issuer
            .lists()
            .into_iter()
            .map(|list| (list.uri, list.version))
            .collect();
        for (uri, version) in &books.lists {
            let now = seen.get(uri).copied().unwrap_or(0);
            ensure(now >= *version, super::MIRROR, || {
                format!("{uri} went from version {version} to {now}")
            })?;
        }
        books.lists = seen;
        let counts = issuer.counts().or_else(|error| broken(KEPT, error))?;
        let issued: u64 = counts.iter().map(|count| count.issued).sum();
        let delivered = books.delivered.len() as u64;
        ensure(issued >= delivered, KEPT, || {
            format!("{} delivered {delivered} and knows of {issued}", cast::name(who))
        })
    }
}
