//! From a passphrase to the key that wraps the store's key (RFC 9106, Argon2id).

use std::fmt;

use argon2::{Algorithm, Argon2, Version};
use zeroize::Zeroizing;

use crate::Error;

/// Most memory a key file may ask for, in KiB: 1 GiB. The file is read before anything in it is
/// authenticated, so a changed number must not be able to exhaust the machine.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// Most passes a key file may ask for; with [`MEMORY_KIB_MAX`] about a minute, an annoyance and no more.
const PASSES_MAX: u32 = 16;
/// Most lanes a key file may ask for.
const LANES_MAX: u32 = 16;

/// What a person types to open the store. Wiped from memory when dropped; `Debug` prints nothing of it.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the passphrase as typed; the exact bytes count.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// How costly a guess at the passphrase is made (Argon2id). Stored in the key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Memory per guess, in KiB; 8 per lane to 1,048,576.
    pub memory_kib: u32,
    /// Passes over that memory, 1 to 16.
    pub passes: u32,
    /// Lanes, 1 to 16.
    pub lanes: u32,
}

impl Default for Params {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106 section 4.
    fn default() -> Self {
        Self {
            memory_kib: 65_536,
            passes: 3,
            lanes: 4,
        }
    }
}

impl Params {
    /// Nearly free, and nearly worthless against guessing: for tests only.
    pub fn quick() -> Self {
        Self {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
        }
    }

    /// Derives the key-encryption key.
    ///
    /// # Errors
    /// [`Error::Params`] when a number is out of bounds.
    pub(crate) fn derive(self, passphrase: &Passphrase, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, Error> {
        if self.memory_kib > MEMORY_KIB_MAX
            || !(1..=PASSES_MAX).contains(&self.passes)
            || !(1..=LANES_MAX).contains(&self.lanes)
        {
            return Err(Error::Params);
        }
        let params =
            argon2::Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| Error::Params)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.0.as_bytes(), salt, key.as_mut())
            .map_err(|_| Error::Params)?;
        Ok(key)
    }
}
