//! What is done with bad intent: messages of others repeated, changed and cut, a request that asks too much, codes guessed.

use crate::cast::{self, BANKS, IDENTITY, INCOME, PID, SERVICE, WALLETS};
use crate::network::Protocol;
use crate::observer::{Checked, KEPT, broken};
use crate::world::{Event, Link, World};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::jwe::DecryptionKey;
use credentials::protocol::{self, issuance};
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::request::{self, Request};
use credentials::schema::Path;
use credentials::service::Registration;
use credentials::{SigningKey, jws, random};
use serde_json::{Map, json};

/// A code that is none.
const WRONG: &str = "0000-0000-0000-0000";

impl World {
    /// Somebody sends what another sent before.
    pub(crate) fn replay(&mut self) -> Checked {
        let Some(captured) = self.dice.pick(&self.captured).cloned() else {
            return Ok(());
        };
        self.count("messages replayed by a stranger");
        self.note("a stranger replays");
        self.answered(captured.to, "stranger", captured.protocol, &captured.body)?;
        Ok(())
    }

    /// Somebody asks for another's delivery to keys of his own. Who has an activation code is its holder, so one that was not
    /// used yet is left out.
    pub(crate) fn other_keys(&mut self) -> Checked {
        let requests: Vec<(usize, issuance::Request)> = self
            .captured
            .iter()
            .filter(|captured| captured.protocol == Protocol::Issue)
            .filter_map(|captured| match protocol::decode(&captured.body, issuance::LIMIT) {
                Ok(issuance::Ask::Request(request)) if self.observer.is_proven_otherwise(&request) => {
                    Some((captured.to, *request))
                }
                _ => None,
            })
            .collect();
        let Some((to, mut request)) = self.dice.pick(&requests).cloned() else {
            return Ok(());
        };
        let payload = json!({
            "aud": self.cast.did(to),
            "nonce": request.nonce,
            "transaction": BASE64_URL_SAFE_NO_PAD.encode(&request.transaction),
        });
        let mut fill = |bytes: &mut [u8]| self.dice.fill(bytes);
        for proof in &mut request.proofs {
            let key = SigningKey::generate(&mut fill);
            let header = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_jwk())]);
            if let Ok(signed) = jws::sign(issuance::KEY_PROOF_TYP, None, header, &payload, &key) {
                *proof = signed;
            }
        }
        self.count("deliveries asked to other keys");
        self.note("a stranger asks for a delivery");
        if let Ok(body) = protocol::encode(&issuance::Ask::Request(Box::new(request))) {
            self.answered(to, "stranger", Protocol::Issue, &body)?;
        }
        Ok(())
    }

    /// Bytes that are nearly a message.
    pub(crate) fn garbage(&mut self) -> Checked {
        let Some(mut captured) = self.dice.pick(&self.captured).cloned() else {
            return Ok(());
        };
        let place = self.dice.index(captured.body.len());
        if self.dice.chance(50) {
            captured.body.truncate(place);
        } else if let Some(byte) = captured.body.get_mut(place) {
            *byte ^= 1 << self.dice.below(8);
        }
        self.count("messages garbled");
        self.answered(captured.to, "stranger", captured.protocol, &captured.body)?;
        Ok(())
    }

    /// A bank's node was taken over: it signs and serves a request beyond the registration.
    pub(crate) fn forge(&mut self) -> Checked {
        let (bank, who) = (self.any(&BANKS), self.any(&WALLETS));
        let now = self.now;
        let mut fill = |bytes: &mut [u8]| self.dice.fill(bytes);
        let key = DecryptionKey::generate(&mut fill);
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>(&mut fill));
        let session = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>(&mut fill));
        let (vct, path, seconds, too_much) = match self.dice.below(3) {
            0 => (
                INCOME,
                Path::of(&["oppgaveInntektsmottaker"]),
                600,
                "oppgaveInntektsmottaker",
            ),
            1 => (PID, Path::of(&["personal_administrative_number"]), 600, "under S01"),
            _ => (INCOME, Path::of(&["fraOgMed"]), 9 * 86_400, "time"),
        };
        let claims = vec![ClaimQuery {
            path,
            values: Vec::new(),
        }];
        let forged = Request {
            asker: self.cast.did(bank).clone(),
            nonce,
            session: session.clone(),
            issued: now,
            expires: now.plus(seconds),
            query: Query {
                credentials: vec![CredentialQuery {
                    id: "q".to_owned(),
                    vct: vct.to_owned(),
                    claims,
                }],
            },
            encryption: key.public_jwk(),
            origins: vec![cast::peer(bank)],
            service: SERVICE.to_owned(),
            stated: Registration::known(SERVICE).expect("built in").statement(),
            case: "L-0".to_owned(),
            issue: None,
            grant: None,
            reach: false,
        };
        let signed = forged
            .sign(&self.cast.kid(bank), &cast::key(bank))
            .or_else(|problem| broken(KEPT, problem))?;
        let link = credentials::link::Link::Request {
            asker: self.cast.did(bank).clone(),
            session: session.clone(),
            hash: request::hash(&signed).to_vec(),
            expires: now.plus(seconds),
        };
        let text = link.to_text().or_else(|problem| broken(KEPT, problem))?;
        self.forged.insert(session, signed);
        self.count("requests beyond the registration");
        let link = self.keep_link(Link {
            text,
            code: None,
            too_much: Some(too_much.to_owned()),
        });
        self.hand(who, link, None);
        Ok(())
    }

    /// Somebody who found a letter's link guesses its code, and then finds the code too.
    pub(crate) fn guess(&mut self) -> Checked {
        let who = self.any(&WALLETS);
        let before = self.links.len();
        self.invite(IDENTITY, PID, who)?;
        let Some(link) = self.links.get(before).cloned() else {
            return Ok(());
        };
        self.count("codes guessed");
        for time in 0..6 {
            let code = Some(WRONG.to_owned());
            self.after(
                16 + 35 * time,
                Event::Link {
                    who,
                    link: before,
                    code,
                },
            );
        }
        self.after(
            250,
            Event::Link {
                who,
                link: before,
                code: link.code,
            },
        );
        Ok(())
    }
}
