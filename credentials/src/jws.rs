//! Compact JWS (RFC 7515) with EdDSA (RFC 8037). The protected header's `typ` is the label that says what the signature is for.

use crate::{Code, Problem, VerifyingKey, json, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

/// Header members that this module sets or refuses; nobody else may add them.
const OURS: [&str; 5] = ["alg", "typ", "kid", "crit", "b64"];

/// A parsed, **unverified** compact JWS. `Debug` prints no payload.
///
/// A key in the header (`jwk`) or an address of one (`jku`, `x5u`) is only text here: nothing is fetched, and whoever calls
/// [`Jws::verify`] decides which key is trusted.
#[derive(Clone)]
pub struct Jws {
    /// Protected header; `alg` is `EdDSA` (or `Ed25519`), no `crit`, checked when parsed.
    pub header: Map<String, Value>,
    /// Payload, an object.
    pub payload: Map<String, Value>,
    signing_input: String,
    signature: [u8; 64],
}

impl Jws {
    /// Parses at most `limit` bytes; `typ` must equal `label`, else `malformed`.
    ///
    /// Further errors: `too_large`, `duplicate_key` (header or payload), `unsupported` (another `alg`; `crit` or `b64` present).
    pub fn parse(text: &str, label: &str, limit: usize) -> Result<Jws, Problem> {
        Parts::parse(text, label, limit).map(|parts| Jws {
            header: parts.header,
            payload: parts.payload,
            signing_input: parts.signing_input.to_owned(),
            signature: parts.signature,
        })
    }

    /// The `kid` of the header.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Checks the signature with a key.
    pub fn verify(&self, key: &VerifyingKey) -> bool {
        key.verify(self.signing_input.as_bytes(), &self.signature)
    }
}

/// A [`Jws`] whose text is held by somebody else.
pub(crate) struct Parts<'t> {
    pub(crate) header: Map<String, Value>,
    pub(crate) payload: Map<String, Value>,
    pub(crate) signing_input: &'t str,
    pub(crate) signature: [u8; 64],
}

impl<'t> Parts<'t> {
    /// As [`Jws::parse`].
    pub(crate) fn parse(text: &'t str, label: &str, limit: usize) -> Result<Parts<'t>, Problem> {
        if text.len() > limit {
            return Err(Code::TooLarge.into());
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(Code::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Code::Malformed)?;
        let header = object(header, limit)?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Problem::new(Code::Unsupported, "crit"));
        }
        if !matches!(header.get("alg").and_then(Value::as_str), Some("EdDSA" | "Ed25519")) {
            return Err(Problem::new(Code::Unsupported, "alg"));
        }
        if header.get("typ").and_then(Value::as_str) != Some(label) {
            return Err(Problem::new(Code::Malformed, "typ"));
        }
        Ok(Parts {
            header,
            payload: object(payload, limit)?,
            signing_input,
            signature: signature_bytes(signature).ok_or(Code::Malformed)?,
        })
    }
}

impl std::fmt::Debug for Jws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let label = self.header.get("typ").and_then(Value::as_str).unwrap_or_default();
        write!(f, "Jws({label}, ..)")
    }
}

/// Signs `payload` under `label` (header `typ`), with `kid` where given and further header members (for example `jwk`).
///
/// Errors: `malformed` for a payload that is no object or a further member named `alg`, `typ`, `kid`, `crit` or `b64`;
/// `internal` when the signer fails.
pub fn sign(
    label: &str,
    kid: Option<&str>,
    more: Map<String, Value>,
    payload: &Value,
    signer: &dyn Signer,
) -> Result<String, Problem> {
    if !payload.is_object() || OURS.iter().any(|name| more.contains_key(*name)) {
        return Err(Code::Malformed.into());
    }
    let mut header = more;
    header.insert("alg".into(), "EdDSA".into());
    header.insert("typ".into(), label.into());
    if let Some(kid) = kid {
        header.insert("kid".into(), kid.into());
    }
    let mut text = String::with_capacity(1024);
    encode(&header, &mut text)?;
    text.push('.');
    encode(payload, &mut text)?;
    let signature = signer.sign(text.as_bytes())?;
    text.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(text)
}

fn encode(value: &impl serde::Serialize, text: &mut String) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(value).map_err(|_| Code::Internal)?;
    BASE64_URL_SAFE_NO_PAD.encode_string(bytes, text);
    Ok(())
}

/// Exactly 64 bytes.
fn signature_bytes(text: &str) -> Option<[u8; 64]> {
    // 86 characters hold 64 bytes; anything longer is not decoded at all.
    if text.len() != 86 {
        return None;
    }
    let mut bytes = [0; 72];
    let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..length)?.try_into().ok()
}

/// A part that most texts fit into once decoded: it needs no memory of its own then.
const PART_USUAL: usize = 4096;

/// Base64url without padding of a JSON object; other characters, and trailing bits that are not zero, are refused.
fn object(part: &str, limit: usize) -> Result<Map<String, Value>, Problem> {
    let mut usual = [0; PART_USUAL];
    let mut longer = Vec::new();
    let bytes = if part.len() <= PART_USUAL {
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(part, &mut usual);
        usual.get(..length.map_err(|_| Code::Malformed)?).unwrap_or_default()
    } else {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode_vec(part, &mut longer);
        decoded.map_err(|_| Code::Malformed)?;
        longer.as_slice()
    };
    match json::parse(bytes, limit)? {
        Value::Object(members) => Ok(members),
        _ => Err(Code::Malformed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;
    use serde_json::json;

    const LABEL: &str = "bevis-test+jwt";

    fn secret() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn signed() -> String {
        let more = Map::from_iter([("jwk".to_owned(), secret().verifying_key().to_jwk())]);
        sign(
            LABEL,
            Some("key-1"),
            more,
            &json!({"sum": 1, "name": "Rolig"}),
            &secret(),
        )
        .expect("signs")
    }

    /// A JWS with this header and payload text, rightly signed whatever they say.
    fn raw(header: &str, payload: &str) -> String {
        let input = format!(
            "{}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(header),
            BASE64_URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = Signer::sign(&secret(), input.as_bytes()).expect("signs");
        format!("{input}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    fn code(text: &str) -> Result<(), Code> {
        Jws::parse(text, LABEL, 4096)
            .map(|_| ())
            .map_err(|problem| problem.code)
    }

    #[test]
    fn what_was_signed_is_parsed_and_verifies_with_its_key_only() {
        let jws = Jws::parse(&signed(), LABEL, 4096).expect("parses");
        assert_eq!(jws.kid(), Some("key-1"));
        assert_eq!(jws.payload.get("sum"), Some(&json!(1)));
        assert_eq!(jws.header.get("jwk"), Some(&secret().verifying_key().to_jwk()));
        assert!(jws.verify(&secret().verifying_key()));
        assert!(!jws.verify(&SigningKey::from_bytes(&[8; 32]).verifying_key()));
        assert_eq!(format!("{jws:?}"), "Jws(bevis-test+jwt, ..)");
    }

    #[test]
    fn rfc_8037_a_4_vector_verifies() {
        // The example's payload is no object and has no `typ`, so only the key module sees it.
        let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let key = VerifyingKey::from_jwk(
            &json!({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        )
        .expect("key");
        let signature = signature_bytes(signature).expect("64 bytes in base64url");
        assert!(key.verify(input.as_bytes(), &signature));
    }

    #[test]
    fn every_altered_character_is_refused_or_does_not_verify() {
        let text = signed();
        for position in 0..text.len() {
            for replacement in ['A', 'B', '.', '=', '+', ' '] {
                let mut altered = text.clone();
                altered.replace_range(position..=position, &replacement.to_string());
                if altered == text {
                    continue;
                }
                let accepted = Jws::parse(&altered, LABEL, 4096).is_ok_and(|jws| jws.verify(&secret().verifying_key()));
                assert!(!accepted, "position {position}: {replacement}");
            }
        }
    }

    #[test]
    fn another_label_is_refused() {
        assert_eq!(
            Jws::parse(&signed(), "other+jwt", 4096)
                .map_err(|problem| problem.code)
                .err(),
            Some(Code::Malformed)
        );
        assert_eq!(code(&raw(r#"{"alg":"EdDSA"}"#, "{}")), Err(Code::Malformed));
        assert_eq!(code(&raw(r#"{"alg":"EdDSA","typ":"bevis-test+jwt"}"#, "{}")), Ok(()));
    }

    #[test]
    fn other_algorithms_and_critical_headers_are_unsupported() {
        assert_eq!(code(&raw(r#"{"alg":"Ed25519","typ":"bevis-test+jwt"}"#, "{}")), Ok(()));
        for header in [
            r#"{"alg":"none","typ":"bevis-test+jwt"}"#,
            r#"{"alg":"HS256","typ":"bevis-test+jwt"}"#,
            r#"{"typ":"bevis-test+jwt"}"#,
            r#"{"alg":"EdDSA","typ":"bevis-test+jwt","crit":["b64"],"b64":false}"#,
            r#"{"alg":"EdDSA","typ":"bevis-test+jwt","b64":true}"#,
        ] {
            assert_eq!(code(&raw(header, "{}")), Err(Code::Unsupported), "{header}");
        }
    }

    #[test]
    fn ill_formed_parts_are_refused() {
        let good = raw(r#"{"alg":"EdDSA","typ":"bevis-test+jwt"}"#, r#"{"a":1}"#);
        assert_eq!(code(&good), Ok(()));
        for wrong in [
            "",
            ".",
            "..",
            "a.b",
            &format!("{good}."),
            &format!("{good}.x"),
            &format!("{good}="),
            &good[..good.len() - 1],
        ] {
            assert_eq!(code(wrong), Err(Code::Malformed), "{wrong}");
        }
        let header = r#"{"alg":"EdDSA","typ":"bevis-test+jwt"}"#;
        assert_eq!(code(&raw(header, "[]")), Err(Code::Malformed));
        assert_eq!(code(&raw(header, r#"{"a":1,"a":2}"#)), Err(Code::DuplicateKey));
        assert_eq!(
            code(&raw(r#"{"alg":"EdDSA","typ":"bevis-test+jwt","alg":"none"}"#, "{}")),
            Err(Code::DuplicateKey)
        );
        assert_eq!(
            Jws::parse(&good, LABEL, good.len() - 1)
                .map_err(|problem| problem.code)
                .err(),
            Some(Code::TooLarge)
        );
    }

    #[test]
    fn a_signer_cannot_be_talked_into_another_header() {
        for name in OURS {
            let more = Map::from_iter([(name.to_owned(), json!("none"))]);
            assert!(sign(LABEL, None, more, &json!({}), &secret()).is_err(), "{name}");
        }
        assert!(sign(LABEL, None, Map::new(), &json!([]), &secret()).is_err());
        assert!(sign(LABEL, None, Map::new(), &json!({}), &secret()).is_ok());
    }
}
