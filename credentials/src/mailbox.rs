//! The owner's word about a mailbox queue.
//!
//! A queue belongs to whoever has the key that was made for it, and to nobody else by name: the operator knows the key, and not
//! whose it is. Each thing that the owner does is signed with that key, for one operator, one act and now.

use crate::key::Signer;
use crate::record::{self, Record};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

/// Label of a proof.
pub const PROOF_TYP: &str = "bevis-mailbox-proof+jwt";
/// How far an owner's clock may be from the operator's, in seconds.
pub const PROOF_SKEW: i64 = 300;

/// What an owner does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<'a> {
    /// Begins a queue, or gives the one of this key a new token.
    Create,
    /// Reads what waits.
    Fetch(&'a [u8; 16]),
    /// Has kept everything up to an envelope.
    Acknowledge {
        /// The queue.
        queue: &'a [u8; 16],
        /// Number of the last one.
        number: u64,
        /// Its [`crate::envelope::id`].
        id: &'a [u8; 32],
    },
    /// Ends the queue.
    Delete(&'a [u8; 16]),
}

/// An [`Act`] as it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    operator: Did,
    act: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    at: Timestamp,
}

impl Record for Claims {
    const TYP: &'static str = PROOF_TYP;
    const MAX: usize = 2 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("operator", matches!(self.operator, Did::Web(_))),
            ("queue", self.queue.as_deref().is_none_or(record::is_bytes::<16>)),
            ("id", self.id.as_deref().is_none_or(record::is_hash)),
        ])
    }
}

impl Claims {
    fn of(act: Act<'_>, operator: &Did, at: Timestamp) -> Claims {
        let (word, queue, last) = match act {
            Act::Create => ("create", None, None),
            Act::Fetch(queue) => ("fetch", Some(queue), None),
            Act::Acknowledge { queue, number, id } => ("acknowledge", Some(queue), Some((number, id))),
            Act::Delete(queue) => ("delete", Some(queue), None),
        };
        Claims {
            operator: operator.clone(),
            act: word.to_owned(),
            queue: queue.map(|queue| BASE64_URL_SAFE_NO_PAD.encode(queue)),
            number: last.map(|(number, _)| number),
            id: last.map(|(_, id)| BASE64_URL_SAFE_NO_PAD.encode(id)),
            at,
        }
    }
}

/// Signs an act with the queue's key. Errors: `malformed` (`operator`) for an operator that is no `did:web`.
pub fn prove(act: Act<'_>, operator: &Did, at: Timestamp, key: &dyn Signer) -> Result<String, Problem> {
    record::sign_as_holder(&Claims::of(act, operator, at), key)
}

/// Checks at the operator that somebody does this now, and gives the key that says so; whether it is the queue's is for the caller.
///
/// Errors: `too_large`, `malformed`, `signature_invalid`; `wrong_recipient` for another operator; `wrong_request` for another act,
/// queue or envelope; `stale` when it was made more than [`PROOF_SKEW`] seconds from `now`. Within that time a proof may be repeated,
/// and each act twice is the same as once.
pub fn check(text: &str, act: Act<'_>, operator: &Did, now: Timestamp) -> Result<VerifyingKey, Problem> {
    let (claims, key): (Claims, _) = record::open_of_holder(text)?;
    if claims.operator != *operator {
        return Err(Code::WrongRecipient.into());
    }
    if claims != Claims::of(act, operator, claims.at) {
        return Err(Code::WrongRequest.into());
    }
    match (-PROOF_SKEW..=PROOF_SKEW).contains(&now.since(claims.at)) {
        true => Ok(key),
        false => Err(Code::Stale.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SigningKey, trust::cast};

    const QUEUE: [u8; 16] = [1; 16];
    const ID: [u8; 32] = [2; 32];

    fn operator() -> Did {
        cast::did("postkasse.example")
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[9; 32])
    }

    fn acts() -> [Act<'static>; 4] {
        let acknowledge = Act::Acknowledge {
            queue: &QUEUE,
            number: 3,
            id: &ID,
        };
        [Act::Create, Act::Fetch(&QUEUE), acknowledge, Act::Delete(&QUEUE)]
    }

    fn code(text: &str, act: Act<'_>, operator: &Did, now: Timestamp) -> Option<Code> {
        check(text, act, operator, now).err().map(|problem| problem.code)
    }

    #[test]
    fn a_proof_is_for_its_act_and_no_other() {
        for signed in acts() {
            let text = prove(signed, &operator(), cast::now(), &key()).expect("signs");
            for act in acts() {
                match act == signed {
                    true => assert_eq!(
                        check(&text, act, &operator(), cast::now()),
                        Ok(key().verifying_key()),
                        "{act:?}"
                    ),
                    false => assert_eq!(
                        code(&text, act, &operator(), cast::now()),
                        Some(Code::WrongRequest),
                        "{signed:?} as {act:?}"
                    ),
                }
            }
        }
    }

    #[test]
    fn a_proof_is_for_its_queue_its_envelope_its_operator_and_its_time() {
        let now = cast::now();
        let [_, fetch, acknowledge, _] = acts();
        let fetched = prove(fetch, &operator(), now, &key()).expect("signs");
        let acknowledged = prove(acknowledge, &operator(), now, &key()).expect("signs");
        assert_eq!(
            code(&fetched, Act::Fetch(&[7; 16]), &operator(), now),
            Some(Code::WrongRequest)
        );
        for (number, id) in [(4, &ID), (3, &[7; 32])] {
            let other = Act::Acknowledge {
                queue: &QUEUE,
                number,
                id,
            };
            assert_eq!(code(&acknowledged, other, &operator(), now), Some(Code::WrongRequest));
        }
        let another = cast::did("annen.example");
        assert_eq!(code(&fetched, fetch, &another, now), Some(Code::WrongRecipient));
        for (later, expected) in [
            (-PROOF_SKEW, None),
            (PROOF_SKEW, None),
            (-PROOF_SKEW - 1, Some(Code::Stale)),
            (PROOF_SKEW + 1, Some(Code::Stale)),
        ] {
            assert_eq!(code(&fetched, fetch, &operator(), now.plus(later)), expected, "{later}");
        }
    }

    #[test]
    fn an_altered_proof_is_refused_and_an_operator_is_an_organisation() {
        let now = cast::now();
        let text = prove(Act::Create, &operator(), now, &key()).expect("signs");
        let (head, signature) = text.rsplit_once('.').expect("parts");
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        let altered = format!("{head}.{flipped}{}", &signature[1..]);
        assert_eq!(
            code(&altered, Act::Create, &operator(), now),
            Some(Code::SignatureInvalid)
        );
        let nobody = Did::Key(key().verifying_key());
        let refused = prove(Act::Create, &nobody, now, &key()).map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::Malformed));
        let long = "A".repeat(2 * 1024 + 1);
        assert_eq!(code(&long, Act::Create, &operator(), now), Some(Code::TooLarge));
    }
}
