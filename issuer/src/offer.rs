//! Offers: invitations to collect, personal ones with an activation code that is delivered outside the network.

use credentials::link::Link;
use credentials::schema::HolderProof;
use credentials::{Code, Random, Timestamp, random, time::DAY};
use store::Key;
use zeroize::Zeroizing;

use crate::staged::{Due, Staged};
use crate::tables::{Offer, pair};
use crate::{Error, Issuer};

/// How long an offer is open, in seconds: a letter's way and two weekends.
const OFFER_LIFETIME: i64 = 14 * DAY;
/// How long a closed or expired offer is remembered, in seconds, so that a late wallet is told why.
const OFFER_MEMORY: i64 = 30 * DAY;
/// Codes that may be tried: 5 of 2^80.
pub(crate) const ATTEMPTS_MAX: u8 = 5;
/// Characters of a code: 80 bits at 5 bits each.
const CODE_CHARACTERS: usize = 16;
/// Longest code as typed that is looked at, with room for separators.
const TYPED_MAX: usize = 64;
/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Name of an offer.
pub(crate) type OfferId = [u8; 16];

/// A new offer. The code is shown once: only a keyed hash of it is kept.
pub struct NewOffer {
    /// The link to hand to the holder.
    pub link: Link,
    /// The activation code, `XXXX-XXXX-XXXX-XXXX`, to be delivered on another way than the link.
    pub code: Option<String>,
}

impl std::fmt::Debug for NewOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewOffer(..)")
    }
}

/// When an offer is forgotten.
pub(crate) fn forgotten(expires: Timestamp) -> Timestamp {
    expires.plus(OFFER_MEMORY)
}

/// 80 random bits in Crockford's base 32.
fn new_code(random: &mut dyn Random) -> Zeroizing<String> {
    let bytes = Zeroizing::new(random::bytes::<10>(random));
    let mut code = Zeroizing::new(String::with_capacity(CODE_CHARACTERS));
    let (mut bits, mut held): (u32, u32) = (0, 0);
    for byte in bytes.iter() {
        bits = (bits << 8) | u32::from(*byte);
        held = held.saturating_add(8);
        while held >= 5 {
            held = held.saturating_sub(5);
            let digit = (bits >> held) & 31;
            code.push(char::from(ALPHABET.get(digit as usize).copied().unwrap_or(b'0')));
        }
        bits &= (1 << held) - 1;
    }
    code
}

/// The code in groups of four.
fn grouped(code: &str) -> String {
    let mut text = String::with_capacity(CODE_CHARACTERS + 3);
    for (index, character) in code.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push('-');
        }
        text.push(character);
    }
    text
}

/// A code as typed, without separators and with the letters that look like digits read as these; `None` when it cannot be one.
fn normalise(typed: &str) -> Option<Zeroizing<String>> {
    if typed.len() > TYPED_MAX {
        return None;
    }
    let mut code = Zeroizing::new(String::with_capacity(TYPED_MAX));
    for character in typed.chars() {
        match character.to_ascii_uppercase() {
            '-' | ' ' | '\u{a0}' | '\u{2013}' | '\t' | '\n' | '\r' => {}
            'O' => code.push('0'),
            'I' | 'L' => code.push('1'),
            other if ALPHABET.iter().any(|letter| char::from(*letter) == other) => code.push(other),
            _ => return None,
        }
    }
    (code.len() == CODE_CHARACTERS).then_some(code)
}

/// Compares without telling by its time how much is equal.
fn is_equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let difference = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(difference) == 0
}

impl Issuer {
    /// Makes an offer. A type that is collected with an activation code needs the number of a subject with a row in the
    /// register (`no_data`), and withdraws earlier open offers to the same subject; every other type gets an open
    /// invitation, which names nobody.
    pub fn offer(&mut self, now: Timestamp, vct: &str, subject: Option<&str>) -> Result<NewOffer, Error> {
        let credential_type = self.issued_type(vct)?;
        let issuer = self.settings.did.clone();
        let vct = credential_type.vct.clone();
        if credential_type.holder.proof != HolderProof::ActivationCode {
            // An invitation that names nobody must not look as if it were for somebody.
            if subject.is_some() {
                return Err(Code::WrongRecipient.into());
            }
            let link = Link::Offer {
                issuer,
                vct,
                offer: None,
                expires: None,
            };
            return Ok(NewOffer { link, code: None });
        }
        let subject = subject.ok_or(Code::NoData)?;
        if self.collectable(now, &credential_type, subject)?.is_empty() {
            return Err(Code::NoData.into());
        }
        let id: OfferId = random::bytes(self.random.as_mut());
        let code = new_code(self.random.as_mut());
        let offer = Offer {
            vct: vct.clone(),
            subject: subject.to_owned(),
            mac: self.code_mac(&id, &code),
            attempts: 0,
            expires: now.plus(OFFER_LIFETIME),
            closed: false,
        };
        let expires = offer.expires;
        let mut staged = self.stage();
        let group = pair(&vct, subject);
        for (other, _) in self.tables.offers_of.table.group(&group)? {
            if let Ok(other) = OfferId::try_from(other)
                && let Some(mut withdrawn) = self.read_offer(&other)?
                && !withdrawn.closed
            {
                withdrawn.closed = true;
                self.put_offer(&mut staged, &other, &withdrawn)?;
            }
        }
        self.put_offer(&mut staged, &id, &offer)?;
        staged
            .transaction
            .put(&self.tables.offers_of.table, Key::in_group(&group, &id), &[]);
        staged.due.push((forgotten(expires), Due::Offer(id)));
        self.commit(staged)?;
        Ok(NewOffer {
            link: Link::Offer {
                issuer,
                vct,
                offer: Some(id.to_vec()),
                expires: Some(expires),
            },
            code: Some(grouped(&code)),
        })
    }

    fn code_mac(&self, id: &OfferId, code: &str) -> [u8; 32] {
        let mut data = Zeroizing::new(id.to_vec());
        data.extend_from_slice(code.as_bytes());
        self.store.keyed_hash("issuer.activation-code", &data)
    }

    pub(crate) fn read_offer(&self, id: &OfferId) -> Result<Option<Offer>, Error> {
        self.tables.offers.read(id)
    }

    pub(crate) fn put_offer(&self, staged: &mut Staged, id: &OfferId, offer: &Offer) -> Result<(), Error> {
        let bytes = self.tables.offers.encode(offer)?;
        staged.transaction.put(&self.tables.offers.table, id, &bytes);
        Ok(())
    }

    /// An offer of a type that can still be used: `unknown_offer`, `offer_closed`, `expired`, `attempts_exhausted`.
    pub(crate) fn open_offer(&self, now: Timestamp, vct: &str, id: &OfferId) -> Result<Offer, Error> {
        let offer = self
            .read_offer(id)?
            .filter(|offer| offer.vct == vct)
            .ok_or(Code::UnknownOffer)?;
        if offer.closed {
            return Err(Code::OfferClosed.into());
        }
        if now >= offer.expires {
            return Err(Code::Expired.into());
        }
        if offer.attempts >= ATTEMPTS_MAX {
            return Err(Code::AttemptsExhausted.into());
        }
        Ok(offer)
    }

    /// Tries a code. The attempt is durable before anything is computed, so that no crash gives it back.
    pub(crate) fn try_code(&mut self, now: Timestamp, vct: &str, id: &OfferId, typed: &str) -> Result<Offer, Error> {
        let mut offer = self.open_offer(now, vct, id)?;
        offer.attempts = offer.attempts.saturating_add(1);
        let mut staged = self.stage();
        self.put_offer(&mut staged, id, &offer)?;
        self.commit(staged)?;
        let is_right = normalise(typed).is_some_and(|code| is_equal(&self.code_mac(id, &code), &offer.mac));
        if is_right {
            Ok(offer)
        } else {
            Err(Code::WrongCode.into())
        }
    }

    /// Forgets an offer.
    pub(crate) fn end_offer(&self, staged: &mut Staged, id: &OfferId) -> Result<(), Error> {
        if let Some(offer) = self.read_offer(id)? {
            let group = pair(&offer.vct, &offer.subject);
            staged
                .transaction
                .delete(&self.tables.offers.table, id)
                .delete(&self.tables.offers_of.table, Key::in_group(&group, id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_holds_80_bits_and_reads_back_as_people_type_it() {
        let mut ones = |bytes: &mut [u8]| bytes.fill(0xff);
        assert_eq!(*new_code(&mut ones), "Z".repeat(16));
        let mut counting = |bytes: &mut [u8]| {
            for (byte, n) in bytes.iter_mut().zip(1..) {
                *byte = n;
            }
        };
        let code = new_code(&mut counting);
        assert_eq!(
            *code, "041061050R3GG28A",
            "RFC 4648 base32 of 01..0A with Crockford's letters"
        );
        let text = grouped(&code);
        assert_eq!(text, "0410-6105-0R3G-G28A");
        for typed in [
            text.clone(),
            text.to_lowercase(),
            "o4io 6lO5 or3g g28a".to_owned(),
            "041061050r3gg28a".to_owned(),
        ] {
            assert_eq!(normalise(&typed), Some(code.clone()), "{typed}");
        }
        for wrong in ["", "0410-6105-0R3G-G28", "0410-6105-0R3G-G28AA", "0410-6105-0R3G-G28U"] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
        assert_eq!(normalise(&"-".repeat(TYPED_MAX + 1)), None);
    }
}
