//! Strangers who speak of standing grants and of mailboxes, as a holder or as an organisation.

use super::holder::{Bend, present};
use super::{Copy, Holder, Played, seal};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::grant::{Grant, OpenedGrant, Proof};
use credentials::protocol::consent::{self, Ask, Reply};
use credentials::protocol::{self, mailbox};
use credentials::sd_jwt::{self, Covers};
use credentials::{Did, SigningKey, request};
use node::clock;
use node::network::Protocol;

impl Holder {
    /// Says something about a grant.
    pub(crate) fn consent(&self, to: &Did, ask: &Ask) -> Reply {
        let body = protocol::encode(ask).expect("CBOR");
        protocol::decode(&self.send(to, Protocol::Consent, body).1, consent::LIMIT).expect("a reply")
    }

    /// Asks an operator of mailboxes.
    pub(crate) fn mailbox(&self, to: &Did, ask: &mailbox::Ask) -> mailbox::Reply {
        let body = protocol::encode(ask).expect("CBOR");
        protocol::decode(&self.send(to, Protocol::Mailbox, body).1, mailbox::LIMIT).expect("a reply")
    }

    /// What deposits a grant as an honest wallet does: its key has made the proof, and a PID is shown for it.
    pub(crate) fn deposit(&self, grant: &Grant, key: &SigningKey, pid: &Copy) -> Ask {
        let opened = OpenedGrant::open(&grant.sign(key).expect("signs")).expect("opens");
        let begin = Ask::Begin {
            vct: grant.vct.clone(),
            asker: Some(grant.asker.to_string()),
            organisation: None,
        };
        let (nonce, asked) = match self.consent(&grant.issuer, &begin) {
            Reply::Terms { nonce, request } => (nonce, request),
            other => panic!("no terms: {other:?}"),
        };
        let asked = request::open(&asked, &self.world.trust(), None, clock::now()).expect("opens");
        let id = URL_SAFE_NO_PAD.decode(&grant.id).expect("base64url");
        let covers = Covers {
            transaction: id.try_into().expect("16 bytes"),
            keys_hash: sd_jwt::keys_hash(&[key.verifying_key()]),
            organisation: None,
            grant: Some(*opened.hash()),
        };
        let token = present(&asked, &[pid], &Bend::NONE, Some(&covers));
        Ask::Deposit {
            nonce,
            grant: opened.text().to_owned(),
            proof: proof(&opened, key),
            answer: seal(&asked, &token),
        }
    }
}

/// That whoever has this key asks about this grant.
pub(crate) fn proof(grant: &OpenedGrant, key: &SigningKey) -> String {
    let proof = Proof {
        grant: grant.name(),
        issuer: grant.grant().issuer.clone(),
        at: clock::now(),
        stands: true,
    };
    proof.sign(key).expect("signs")
}

impl Played {
    /// Asks about a grant.
    pub(crate) fn consent(&self, to: &Did, ask: &Ask) -> Reply {
        let body = protocol::encode(ask).expect("CBOR");
        protocol::decode(&self.send(to, Protocol::Consent, body), consent::LIMIT).expect("a reply")
    }

    /// Asks an operator of mailboxes.
    pub(crate) fn mailbox(&self, to: &Did, ask: &mailbox::Ask) -> mailbox::Reply {
        let body = protocol::encode(ask).expect("CBOR");
        protocol::decode(&self.send(to, Protocol::Mailbox, body), mailbox::LIMIT).expect("a reply")
    }
}
