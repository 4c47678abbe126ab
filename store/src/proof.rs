//! Proof of a passphrase that opens nothing: somebody other than the store's owner shows that they are who they were.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::bytes::Reader;
use crate::{Error, Params, Passphrase};

/// What the stretched passphrase vouches for, so that it can stand for nothing else.
const LABEL: &[u8] = b"bevis/store/1/passphrase proof";
/// Three numbers of 4 bytes, salt 16, tag 32.
const BYTES: usize = 12 + 16 + 32;

/// What is kept of a passphrase so that it can be recognised: parameters, salt, and a tag under the stretched passphrase (Argon2id,
/// RFC 9106). It belongs into a sealed row all the same: whoever has it can guess.
#[derive(Clone)]
pub struct PassphraseProof {
    params: Params,
    salt: [u8; 16],
    tag: [u8; 32],
}

impl fmt::Debug for PassphraseProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PassphraseProof({:?}, ..)", self.params)
    }
}

impl PassphraseProof {
    /// Stretches a passphrase. `salt` is random, and its own for each passphrase.
    ///
    /// # Errors
    /// [`Error::Params`] when a number is out of bounds.
    pub fn make(passphrase: &Passphrase, params: Params, salt: [u8; 16]) -> Result<Self, Error> {
        let tag = mac(passphrase, params, &salt)?.finalize().into_bytes().into();
        Ok(Self { params, salt, tag })
    }

    /// Whether it is of this passphrase. The work is the same for a right and a wrong one, and so is the time of comparing.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn is_of(&self, passphrase: &Passphrase) -> Result<bool, Error> {
        Ok(mac(passphrase, self.params, &self.salt)?
            .verify_slice(&self.tag)
            .is_ok())
    }

    /// Its bytes, for a sealed row.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        for number in [self.params.memory_kib, self.params.passes, self.params.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.tag);
        bytes
    }

    /// From its bytes; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        let params = Params {
            memory_kib: r.u32()?,
            passes: r.u32()?,
            lanes: r.u32()?,
        };
        let proof = Self {
            params,
            salt: r.array()?,
            tag: r.array()?,
        };
        r.rest().is_empty().then_some(proof)
    }
}

fn mac(passphrase: &Passphrase, params: Params, salt: &[u8; 16]) -> Result<Hmac<Sha256>, Error> {
    use hmac::KeyInit;
    let key = params.derive(passphrase, salt)?;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length");
    mac.update(LABEL);
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_its_passphrase_and_of_no_other_also_when_it_was_written_down() {
        let passphrase = Passphrase::new("a synthetic passphrase");
        let proof = PassphraseProof::make(&passphrase, Params::quick(), [7; 16]).unwrap();
        let read = PassphraseProof::from_bytes(&proof.to_bytes()).unwrap();
        for proof in [&proof, &read] {
            assert!(proof.is_of(&passphrase).unwrap());
            assert!(!proof.is_of(&Passphrase::new("a synthetic passphrasf")).unwrap());
            assert!(!proof.is_of(&Passphrase::new("")).unwrap());
        }
        let salted = PassphraseProof::make(&passphrase, Params::quick(), [8; 16]).unwrap();
        assert_ne!(salted.tag, proof.tag, "another salt, another tag");
        assert!(!format!("{proof:?}").contains("tag"));
    }

    #[test]
    fn what_is_no_proof_is_not_read_and_numbers_out_of_bounds_cost_nothing() {
        let passphrase = Passphrase::new("a synthetic passphrase");
        let bytes = PassphraseProof::make(&passphrase, Params::quick(), [7; 16])
            .unwrap()
            .to_bytes();
        for wrong in [
            &bytes[1..],
            &bytes[..BYTES - 1],
            &[bytes.as_slice(), &[0]].concat(),
            &[],
        ] {
            assert!(PassphraseProof::from_bytes(wrong).is_none(), "{} bytes", wrong.len());
        }
        let mut greedy = bytes;
        greedy[..4].fill(0xff);
        let greedy = PassphraseProof::from_bytes(&greedy).unwrap();
        assert!(matches!(greedy.is_of(&passphrase), Err(Error::Params)));
    }
}
