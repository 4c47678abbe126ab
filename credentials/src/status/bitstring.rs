//! W3C Bitstring Status List v1.0, derived from a list of two-bit states.

use super::{BITS, PER_BYTE, Signing, State, States};
use crate::proof::{self, Purpose as ProofPurpose, Suite};
use crate::protocol::status::Purpose;
use crate::{Code, Problem};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::Write as _;

/// `ttl` of a Bitstring list, in milliseconds: how long others may keep it before they ask again.
const TTL_MS: i64 = 300_000;

impl States {
    /// The two W3C Bitstring lists (`revocation` incl. superseded, `suspension`) as `encodedList` values (multibase u, gzip).
    pub fn bitstrings(&self) -> Result<(String, String), Problem> {
        Ok((
            self.bitstring(Purpose::Revocation)?,
            self.bitstring(Purpose::Suspension)?,
        ))
    }

    /// One of them as `encodedList` (Bitstring Status List §2.2, §3.3): 2^20 bits, the first entry in the highest bit of the first
    /// byte, under gzip, as multibase base64url (`u`). A list of ours has eight times the 131,072 bits that the standard wants at
    /// least.
    pub fn bitstring(&self, purpose: Purpose) -> Result<String, Problem> {
        let is_set = |state: State| match purpose {
            Purpose::Revocation => matches!(state, State::Revoked | State::Superseded),
            Purpose::Suspension => state == State::Suspended,
        };
        // Two bytes of four entries each make one byte of eight bits.
        let bits: Vec<u8> = self
            .as_bytes()
            .chunks(2)
            .map(|pair| {
                pair.iter()
                    .flat_map(|byte| (0..PER_BYTE).map(move |entry| byte >> (entry * BITS)))
                    .fold(0, |bits, entry| (bits << 1) | u8::from(is_set(State::of(entry))))
            })
            .collect();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = encoder
            .write_all(&bits)
            .and_then(|()| encoder.finish())
            .map_err(|_| Code::Internal)?;
        Ok(format!("u{}", BASE64_URL_SAFE_NO_PAD.encode(compressed)))
    }

    /// One of them as `BitstringStatusListCredential` (Bitstring Status List §2.2; VCDM 2.0 with an `eddsa-jcs-2022` proof), as JSON.
    /// Its `id` is the list's URI and the purpose, `<uri>/revocation`. Errors: `malformed` with the member that has not its form.
    pub fn sign_bitstring(&self, purpose: Purpose, uri: &str, signing: &Signing<'_>) -> Result<String, Problem> {
        signing.check(uri, ("id", "validUntil"))?;
        let id = format!("{uri}/{}", purpose.as_str());
        let document = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": id,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": signing.issuer,
            "validFrom": signing.now.to_string(),
            "validUntil": signing.until().to_string(),
            "credentialSubject": {
                "id": format!("{id}#list"),
                "type": "BitstringStatusList",
                "statusPurpose": purpose.as_str(),
                "ttl": TTL_MS.min(signing.lifetime.saturating_mul(1_000)),
                "encodedList": self.bitstring(purpose)?,
            },
        });
        let signed = proof::sign(
            Suite::Jcs,
            &document,
            signing.kid,
            ProofPurpose::Assertion,
            signing.now,
            None,
            signing.signer,
        )?;
        serde_json::to_string(&signed).map_err(|_| Code::Internal.into())
    }
}
