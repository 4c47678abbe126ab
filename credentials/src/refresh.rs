//! The holder's word that a whole batch of once-only copies is to be replaced.
//!
//! When a batch is collected, the wallet makes one key more than it needs: the *refresh key*, covered by the same key binding as the
//! copies' keys and proven like them. At a time that it drew then, whatever it has shown since, it sends an [`Order`] signed with that
//! key, which names the batch and covers the new keys, the next refresh key among them. So the issuer sees when a wallet renews, and
//! nothing of when it shows; and nobody without the key gets anything.

use crate::key::Signer;
use crate::record::{self, Record};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

/// Label of an order.
pub const ORDER_TYP: &str = "bevis-refresh+jwt";
/// How far the clocks of wallet and issuer may be apart, in seconds.
pub const ORDER_SKEW: i64 = 300;

/// A batch is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Who is asked.
    pub issuer: Did,
    /// The transaction in which the batch was delivered, 16 bytes in base64url.
    pub batch: String,
    /// Idempotency key of the replacement, 16 bytes in base64url.
    pub transaction: String,
    /// [`crate::sd_jwt::keys_hash`] of the new keys, the next refresh key last, in base64url.
    pub keys: String,
    /// When.
    pub at: Timestamp,
}

impl Record for Order {
    const TYP: &'static str = ORDER_TYP;
    const MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("batch", record::is_bytes::<16>(&self.batch)),
            ("transaction", record::is_bytes::<16>(&self.transaction)),
            ("keys", record::is_hash(&self.keys)),
        ])
    }
}

impl Order {
    /// For these keys.
    pub fn new(issuer: &Did, batch: &[u8; 16], transaction: &[u8; 16], keys_hash: &[u8; 32], at: Timestamp) -> Order {
        Order {
            issuer: issuer.clone(),
            batch: BASE64_URL_SAFE_NO_PAD.encode(batch),
            transaction: BASE64_URL_SAFE_NO_PAD.encode(transaction),
            keys: BASE64_URL_SAFE_NO_PAD.encode(keys_hash),
            at,
        }
    }

    /// Signs with the batch's refresh key.
    pub fn sign(&self, key: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_holder(self, key)
    }

    /// Checks it at the issuer, in this order: `too_large`, `malformed`, `signature_invalid`; signed with the key that was committed
    /// (`possession_invalid`); for this issuer (`wrong_audience`), batch and transaction (`wrong_request`) and these keys
    /// (`keys_changed`); of now (`stale`).
    pub fn check(text: &str, key: &VerifyingKey, expected: &Order) -> Result<(), Problem> {
        let (order, by): (Order, _) = record::open_of_holder(text)?;
        if by != *key {
            return Err(Code::PossessionInvalid.into());
        }
        if order.issuer != expected.issuer {
            return Err(Code::WrongAudience.into());
        }
        if (&order.batch, &order.transaction) != (&expected.batch, &expected.transaction) {
            return Err(Code::WrongRequest.into());
        }
        if order.keys != expected.keys {
            return Err(Code::KeysChanged.into());
        }
        match (-ORDER_SKEW..=ORDER_SKEW).contains(&expected.at.since(order.at)) {
            true => Ok(()),
            false => Err(Code::Stale.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;
    use crate::trust::cast::{did, key, now};

    fn order() -> Order {
        Order::new(&did("tax.example"), &[1; 16], &[2; 16], &[3; 32], now())
    }

    #[test]
    fn an_order_counts_by_the_committed_key_for_this_issuer_batch_and_keys_and_now() {
        let own: SigningKey = key(9);
        let check = |order: Order, signer: &SigningKey| {
            let text = order.sign(signer).expect("signs");
            Order::check(&text, &own.verifying_key(), &self::order()).map_err(|problem| problem.code)
        };
        assert_eq!(check(order(), &own), Ok(()));
        assert_eq!(check(order(), &key(8)), Err(Code::PossessionInvalid));
        let bent = |bend: &dyn Fn(&mut Order)| {
            let mut order = order();
            bend(&mut order);
            check(order, &own)
        };
        assert_eq!(bent(&|o| o.issuer = did("other.example")), Err(Code::WrongAudience));
        let other = Order::new(&did("tax.example"), &[7; 16], &[8; 16], &[9; 32], now());
        assert_eq!(bent(&|o| o.batch = other.batch.clone()), Err(Code::WrongRequest));
        assert_eq!(
            bent(&|o| o.transaction = other.transaction.clone()),
            Err(Code::WrongRequest)
        );
        assert_eq!(bent(&|o| o.keys = other.keys.clone()), Err(Code::KeysChanged));
        for (seconds, expected) in [
            (300, Ok(())),
            (301, Err(Code::Stale)),
            (-300, Ok(())),
            (-301, Err(Code::Stale)),
        ] {
            assert_eq!(bent(&|o| o.at = now().plus(seconds)), expected, "{seconds}");
        }
        let mut text = order().sign(&own).expect("signs");
        text.pop();
        text.push('_');
        assert!(
            Order::check(&text, &own.verifying_key(), &order()).is_err(),
            "an altered signature"
        );
    }

    #[test]
    fn an_order_of_another_form_is_not_signed() {
        for bend in [
            |o: &mut Order| o.batch.push('A'),
            |o: &mut Order| o.transaction.clear(),
            |o: &mut Order| o.keys = "x".to_owned(),
        ] {
            let mut order = order();
            bend(&mut order);
            assert_eq!(
                order.sign(&key(9)).map_err(|problem| problem.code),
                Err(Code::Malformed)
            );
        }
    }
}
