//! A listed issuer in the middle: it has people identify themselves to it, and carries what they say to another issuer.

use crate::impostor::Impostor;
use crate::intruder::{Collecting, INCOME, Intruder, sealed};
use crate::network::TAX;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::jwe::DecryptionKey;
use credentials::protocol::issuance::{Identification, Reply};
use credentials::request::{IssuePurpose, Request};
use credentials::verify::VpToken;
use credentials::{Code, random, request};
use node::clock;
use serde_json::Value;

/// A listed issuer that wants the person's income: it asks who somebody is, as it may, with the tax agency's nonce in its
/// request, and carries the answer to the tax agency with keys of its own.
pub(crate) struct Relay {
    thief: Intruder,
    key: DecryptionKey,
    /// What the tax agency said of each attempt.
    pub(crate) said: Vec<Code>,
    taken: Option<Collecting>,
    asked: Option<String>,
}

impl Relay {
    pub(crate) fn new(thief: Intruder) -> Relay {
        Relay {
            thief,
            key: DecryptionKey::generate(&mut clock::System),
            said: Vec::new(),
            taken: None,
            asked: None,
        }
    }

    pub(crate) fn begin(&mut self, impostor: &Impostor) -> Reply {
        let collecting = self.thief.begin(TAX.did, INCOME, None, None).expect("terms");
        let opened = self.thief.opened(&collecting);
        let request = Request {
            asker: impostor.did.clone(),
            nonce: collecting.terms.nonce.clone(),
            session: BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>(&mut clock::System)),
            issued: clock::now(),
            expires: opened.request.expires,
            query: opened.request.query.clone(),
            encryption: self.key.public_jwk(),
            origins: vec![impostor.card.peer.clone()],
            service: "K02".to_owned(),
            stated: opened.request.stated.clone(),
            case: "C02-00000001".to_owned(),
            issue: Some(IssuePurpose {
                vct: INCOME.to_owned(),
                organisation: None,
                standing: None,
            }),
            grant: None,
            reach: false,
        };
        let signed = request.sign(impostor.kid(), &*impostor.key).expect("signs");
        let mut terms = collecting.terms.clone();
        terms.request = Some(signed.clone());
        self.asked = Some(signed);
        self.taken = Some(collecting);
        Reply::Terms(terms)
    }

    pub(crate) fn relay(&mut self, identification: &Identification) -> Reply {
        let Identification::Presentation { answer } = identification else {
            panic!("an identification by credential");
        };
        let asked = self.asked.as_deref().expect("asked before");
        let plain = self.key.open(answer, &request::hash(asked), 1 << 20).expect("for us");
        let plain: Value = serde_json::from_slice(&plain).expect("JSON");
        let token: VpToken = serde_json::from_value(plain["vp_token"].clone()).expect("a token");
        let genuine = token.values().flatten().next().expect("a presentation");
        let collecting = self.taken.take().expect("begun before");
        let opened = self.thief.opened(&collecting);
        let refused = self.thief.collect(&collecting, sealed(&opened, genuine));
        let code = refused.expect_err("nobody's income goes to a relay");
        self.said.push(code);
        Reply::Problem(code.into())
    }
}
