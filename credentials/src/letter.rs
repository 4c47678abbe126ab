//! What goes through mailboxes between a wallet and an organisation when one of them is off, and where each is reached.
//!
//! A wallet makes a [`Reach`] for each relation: a key to seal to, and a queue at each of up to two operators that it chose. It gives
//! it away inside the encrypted answer to a request that asks for one, so that what it is given for is shown to be the holder's by
//! the presentation beside it. The organisation answers with a reach of its own, as a [`Letter`], at the same operators.
//!
//! A letter says what would otherwise have been said on a stream; what it is about proves itself as it does there. It travels as
//! the content of an envelope ([`crate::envelope`]) of the kind [`KIND`], in CBOR. Each has one effect however often it comes.

use crate::envelope::{CONTENT_MAX, RECIPIENT_BYTES, Recipient};
use crate::grant::GRANT_MAX;
use crate::protocol;
use crate::record;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The kind of content that an envelope with a letter names.
pub const KIND: &str = "letter";
/// Most operators of one relation.
pub const PLACES_MAX: usize = 2;
/// Most uses that one letter tells of.
pub const USES_MAX: usize = protocol::consent::USES_MAX;

/// A queue of an operator, and what it takes to put into it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Who keeps it.
    pub operator: Did,
    /// Id of the queue: 16 bytes, base64url.
    pub queue: String,
    /// The token: 32 bytes, base64url.
    pub token: String,
}

impl std::fmt::Debug for Place {
    /// Not the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({})", self.operator)
    }
}

/// Where somebody is reached, made for one relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Public key that envelopes are sealed to: 1,216 bytes, base64url.
    pub key: String,
    /// Of a wallet: the public key that signs its letters, 32 bytes in base64url. An organisation signs with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// One or two queues, at different operators.
    pub places: Vec<Place>,
}

impl Reach {
    /// The form of every member: `malformed` with its name.
    pub fn check(&self) -> Result<(), Problem> {
        let operators: BTreeSet<&Did> = self.places.iter().map(|place| &place.operator).collect();
        let is_place = |place: &Place| {
            matches!(place.operator, Did::Web(_))
                && record::is_bytes::<16>(&place.queue)
                && record::is_bytes::<32>(&place.token)
        };
        record::rules(&[
            ("key", self.recipient().is_ok()),
            ("writer", self.writer.is_none() || self.writer().is_some()),
            (
                "places",
                (1..=PLACES_MAX).contains(&self.places.len())
                    && operators.len() == self.places.len()
                    && self.places.iter().all(is_place),
            ),
        ])
    }

    /// The key to seal to.
    pub fn recipient(&self) -> Result<Recipient, Problem> {
        let is_long_enough = self.key.len() == RECIPIENT_BYTES.saturating_mul(4).div_ceil(3);
        let bytes = is_long_enough.then(|| BASE64_URL_SAFE_NO_PAD.decode(&self.key).ok());
        let recipient = bytes.flatten().and_then(|bytes| Recipient::from_bytes(&bytes));
        recipient.ok_or_else(|| Problem::new(Code::Malformed, "key"))
    }

    /// The key that signs a wallet's letters.
    pub fn writer(&self) -> Option<VerifyingKey> {
        let bytes = bytes::<32>(self.writer.as_deref()?)?;
        VerifyingKey::from_bytes(&bytes)
    }
}

impl Place {
    /// Id of the queue.
    pub fn queue(&self) -> Option<[u8; 16]> {
        bytes(&self.queue)
    }

    /// The token.
    pub fn token(&self) -> Option<[u8; 32]> {
        bytes(&self.token)
    }
}

/// Of a letter that was written before it said when.
fn never() -> Timestamp {
    Timestamp::from_unix(0)
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    record::is_bytes::<N>(text).then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok())?
}

/// What became of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// There is a newer one to collect: the register says something else now.
    Renewed,
    /// It does not count any more.
    Revoked,
    /// It does not count for now.
    Suspended,
    /// It counts again.
    Reinstated,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// Where an organisation is reached; or a wallet, when that is elsewhere than it said before.
    Reach(Reach),
    /// From an asker to a wallet that it knows: its signed request. Valid for at most seven days.
    Request {
        /// JWS of [`crate::request::Request`].
        request: String,
    },
    /// From an asker: what came of an answer ([`crate::decision::Receipt`]).
    Receipt {
        /// JWS.
        receipt: String,
    },
    /// From an issuer: releases under a grant, in order, at most [`USES_MAX`].
    Uses {
        /// Name of the grant.
        grant: String,
        /// Signed [`crate::grant::Usage`]s.
        uses: Vec<String>,
    },
    /// From an issuer: it releases nothing any more.
    Withdrawn {
        /// Name of the grant.
        grant: String,
        /// Signed [`crate::grant::Withdrawn`].
        withdrawn: String,
    },
    /// From an asker: what it did with what had come.
    Erased {
        /// Name of the grant.
        grant: String,
        /// Signed [`crate::grant::Erasure`].
        erasure: String,
    },
    /// From an issuer: a credential of this type that it gave is not what it was. What it is now, the status list says.
    Changed {
        /// Type.
        vct: String,
        /// What.
        change: Change,
        /// When: what happens twice is told twice.
        #[serde(default = "never")]
        at: Timestamp,
    },
    /// From an organisation: what a wallet left is refused, and will be.
    Refused {
        /// The session of an answer, or the name of a grant that was taken back.
        about: String,
        /// Why.
        problem: Problem,
    },
    /// From a wallet: its answer to a request ([`protocol::presentation::Ask::Answer`]).
    Answer {
        /// The session.
        session: String,
        /// Compact JWE.
        answer: String,
    },
    /// From a wallet: a grant is taken back ([`protocol::consent::Ask::Withdraw`]).
    Withdrawal {
        /// Signed grant.
        grant: String,
        /// Signed withdrawal.
        withdrawal: String,
    },
}

impl std::fmt::Debug for Letter {
    /// Its kind alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Letter::Reach(_) => "Reach",
            Letter::Request { .. } => "Request",
            Letter::Receipt { .. } => "Receipt",
            Letter::Uses { .. } => "Uses",
            Letter::Withdrawn { .. } => "Withdrawn",
            Letter::Erased { .. } => "Erased",
            Letter::Changed { .. } => "Changed",
            Letter::Refused { .. } => "Refused",
            Letter::Answer { .. } => "Answer",
            Letter::Withdrawal { .. } => "Withdrawal",
        })
    }
}

impl Letter {
    /// Its CBOR. `too_large` beyond what fits into an envelope.
    pub fn encode(&self) -> Result<Vec<u8>, Problem> {
        let bytes = protocol::encode(self)?;
        match bytes.len() <= CONTENT_MAX {
            true => Ok(bytes),
            false => Err(Code::TooLarge.into()),
        }
    }

    /// Reads the content of an envelope. Errors: `too_large`, `malformed` (with the member of a reach that has not its form, `uses`).
    pub fn decode(content: &[u8]) -> Result<Letter, Problem> {
        let letter: Letter = protocol::decode(content, CONTENT_MAX)?;
        match &letter {
            Letter::Reach(reach) => reach.check()?,
            Letter::Uses { uses, .. } if uses.len() > USES_MAX => return Err(Problem::new(Code::Malformed, "uses")),
            Letter::Withdrawal { grant, .. } if grant.len() > GRANT_MAX => return Err(Code::TooLarge.into()),
            _ => {}
        }
        Ok(letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;
    use crate::envelope::RecipientKey;
    use crate::trust::cast;

    fn place(operator: &str) -> Place {
        Place {
            operator: cast::did(operator),
            queue: BASE64_URL_SAFE_NO_PAD.encode([1; 16]),
            token: BASE64_URL_SAFE_NO_PAD.encode([2; 32]),
        }
    }

    fn reach() -> Reach {
        let key = RecipientKey::from_bytes(&[7; 32]);
        let writer = SigningKey::from_bytes(&[8; 32]).verifying_key();
        Reach {
            key: BASE64_URL_SAFE_NO_PAD.encode(key.recipient().as_bytes()),
            writer: Some(BASE64_URL_SAFE_NO_PAD.encode(writer.to_bytes())),
            places: vec![place("en.example"), place("to.example")],
        }
    }

    #[test]
    fn a_reach_says_whom_to_seal_to_and_where_to_put() {
        let reach = reach();
        reach.check().expect("whole");
        assert_eq!(
            reach.recipient().expect("a key").hash(),
            RecipientKey::from_bytes(&[7; 32]).recipient().hash()
        );
        assert_eq!(reach.writer(), Some(SigningKey::from_bytes(&[8; 32]).verifying_key()));
        assert_eq!(
            (reach.places[0].queue(), reach.places[0].token()),
            (Some([1; 16]), Some([2; 32]))
        );
        let letter = Letter::Reach(reach);
        assert_eq!(Letter::decode(&letter.encode().expect("fits")), Ok(letter));
    }

    #[test]
    fn a_reach_that_has_not_its_form_is_refused_by_name() {
        type Bend = fn(&mut Reach);
        let cases: [(&str, Bend); 8] = [
            ("key", |reach| reach.key.truncate(100)),
            ("key", |reach| reach.key.push('A')),
            ("writer", |reach| reach.writer = Some("AAAA".to_owned())),
            ("places", |reach| reach.places.clear()),
            ("places", |reach| reach.places.push(place("tre.example"))),
            ("places", |reach| {
                reach.places = vec![place("en.example"), place("en.example")]
            }),
            ("places", |reach| reach.places[0].token.truncate(10)),
            ("places", |reach| reach.places[1].queue.push('A')),
        ];
        for (member, bend) in cases {
            let mut bent = reach();
            bend(&mut bent);
            assert_eq!(bent.check(), Err(Problem::new(Code::Malformed, member)));
            let content = Letter::Reach(bent).encode().expect("fits");
            assert_eq!(Letter::decode(&content), Err(Problem::new(Code::Malformed, member)));
        }
    }

    #[test]
    fn a_letter_is_bounded_and_whole() {
        let uses = |count| Letter::Uses {
            grant: "g".to_owned(),
            uses: vec![String::new(); count],
        };
        assert!(Letter::decode(&uses(USES_MAX).encode().expect("fits")).is_ok());
        let over = Letter::decode(&uses(USES_MAX + 1).encode().expect("fits"));
        assert_eq!(over, Err(Problem::new(Code::Malformed, "uses")));
        let changed = |at| Letter::Changed {
            vct: "urn:bevis:one:1".to_owned(),
            change: Change::Renewed,
            at: Timestamp::from_unix(at),
        };
        let (first, second) = (changed(1).encode().expect("fits"), changed(2).encode().expect("fits"));
        assert_ne!(first, second, "what happens twice is two letters");
        assert_eq!(Letter::decode(&second), Ok(changed(2)));
        let long = Letter::Request {
            request: "A".repeat(CONTENT_MAX),
        };
        assert_eq!(long.encode().map_err(|problem| problem.code), Err(Code::TooLarge));
        let grant = Letter::Withdrawal {
            grant: "A".repeat(GRANT_MAX + 1),
            withdrawal: String::new(),
        };
        assert_eq!(
            Letter::decode(&grant.encode().expect("fits")).map_err(|p| p.code),
            Err(Code::TooLarge)
        );
        let mut content = uses(1).encode().expect("fits");
        content.pop();
        assert_eq!(
            Letter::decode(&content).map_err(|problem| problem.code),
            Err(Code::Malformed)
        );
    }
}
