//! Decentralised identifiers: `did:key` and `did:jwk` to and from a key; `did:web` only names an organisation of the trust list.

use crate::{VerifyingKey, json};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

/// Longest DID we read, in bytes.
const LENGTH_MAX: usize = 256;

/// Longest domain name (RFC 1035 §2.3.4), in bytes.
const DOMAIN_MAX: usize = 253;

/// A DID that we know how to read. At most 256 bytes.
///
/// Each has one text only: what [`Did::parse`] takes is what `Display` writes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Did {
    /// `did:key:z…` of an Ed25519 key.
    Key(VerifyingKey),
    /// `did:jwk:…` of an Ed25519 key, its members `crv`, `kty`, `x` in this order and no others.
    Jwk(VerifyingKey),
    /// `did:web:<domain>`: no port, no path; lower case. The trust list alone says which keys it has.
    Web(String),
}

impl Did {
    /// Parses; anything else than the three methods, or a key of another kind, is `None`.
    pub fn parse(text: &str) -> Option<Did> {
        if text.len() > LENGTH_MAX {
            return None;
        }
        let (method, id) = text.strip_prefix("did:")?.split_once(':')?;
        match method {
            // Bytes have one text in base58 each.
            "key" => VerifyingKey::from_multibase(id).map(Did::Key),
            "jwk" => {
                let jwk = BASE64_URL_SAFE_NO_PAD.decode(id).ok()?;
                let did = Did::Jwk(VerifyingKey::from_jwk(&json::parse(&jwk, LENGTH_MAX).ok()?)?);
                // A key has many spellings as a JWK; with more than one, two texts that are compared would not be equal for one DID.
                (did.to_string() == text).then_some(did)
            }
            "web" => is_domain(id).then(|| Did::Web(id.to_owned())),
            _ => None,
        }
    }

    /// The key inside, for `did:key` and `did:jwk`.
    pub fn key(&self) -> Option<VerifyingKey> {
        match self {
            Did::Key(key) | Did::Jwk(key) => Some(*key),
            Did::Web(_) => None,
        }
    }

    /// The DID URL of the one verification method of a `did:key` (`#z…`) or `did:jwk` (`#0`); a `did:web` has those that the
    /// trust list names.
    pub fn verification_method(&self) -> Option<String> {
        match self {
            Did::Key(key) => Some(format!("{self}#{}", key.to_multibase())),
            Did::Jwk(_) => Some(format!("{self}#0")),
            Did::Web(_) => None,
        }
    }

    /// Splits a DID URL `did#fragment` with a fragment that is not empty; a path or query is refused.
    pub fn parse_url(text: &str) -> Option<(Did, &str)> {
        let (did, fragment) = text.split_once('#')?;
        let is_plain = fragment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        (!fragment.is_empty() && fragment.len() <= LENGTH_MAX && is_plain).then_some((Did::parse(did)?, fragment))
    }

    /// The key that a verification method of a `did:key` or `did:jwk` names by itself; `None` for every other text.
    pub fn key_of_method(text: &str) -> Option<VerifyingKey> {
        let (did, fragment) = Did::parse_url(text)?;
        let is_method = match &did {
            // The fragment repeats what follows `did:key:`.
            Did::Key(_) => text.strip_prefix("did:key:")?.split_once('#')?.0 == fragment,
            Did::Jwk(_) => fragment == "0",
            Did::Web(_) => false,
        };
        is_method.then(|| did.key())?
    }
}

/// Lower-case LDH labels (RFC 5890), at least two of them; an IPv4 address is no name.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= DOMAIN_MAX
        && text.contains('.')
        && text.split('.').all(is_label)
        && !top.bytes().all(|byte| byte.is_ascii_digit())
}

impl std::fmt::Display for Did {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Did::Key(key) => write!(f, "did:key:{}", key.to_multibase()),
            Did::Jwk(key) => write!(f, "did:jwk:{}", BASE64_URL_SAFE_NO_PAD.encode(key.to_jwk_text())),
            Did::Web(domain) => write!(f, "did:web:{domain}"),
        }
    }
}

impl serde::Serialize for Did {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Did {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Did::parse(&text).ok_or_else(|| serde::de::Error::custom("not a DID we read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    const KEY: &str = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";

    fn key() -> VerifyingKey {
        SigningKey::from_bytes(&[7; 32]).verifying_key()
    }

    #[test]
    fn every_did_round_trips_as_text_and_as_json() {
        let web = Did::Web("skatteetaten.example.no".into());
        for did in [Did::Key(key()), Did::Jwk(key()), web] {
            let text = did.to_string();
            assert_eq!(Did::parse(&text).as_ref(), Some(&did), "{text}");
            let json = serde_json::to_string(&did).expect("text");
            assert_eq!(serde_json::from_str::<Did>(&json).expect("DID"), did);
        }
        assert_eq!(Did::parse(KEY).expect("W3C's").to_string(), KEY);
        assert!(serde_json::from_str::<Did>("\"did:example:1\"").is_err());
    }

    #[test]
    fn another_spelling_of_the_same_jwk_is_refused() {
        let x = key().to_jwk()["x"].as_str().expect("x").to_owned();
        let did = |jwk: String| Did::parse(&format!("did:jwk:{}", BASE64_URL_SAFE_NO_PAD.encode(jwk)));
        assert_eq!(
            did(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)),
            Some(Did::Jwk(key()))
        );
        for other in [
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#),
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}","d":"{x}"}}"#),
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}","x":"{x}"}}"#),
            format!(r#"{{"crv":"Ed25519","kty":"OKP", "x":"{x}"}}"#),
            "{}".into(),
        ] {
            assert_eq!(did(other.clone()), None, "{other}");
        }
    }

    #[test]
    fn domains_are_lower_case_names_and_nothing_more() {
        for good in [
            "did:web:a.no",
            "did:web:xn--sknne-tua.no",
            "did:web:1.2.no",
            "did:web:nav.no",
        ] {
            assert!(Did::parse(good).is_some(), "{good}");
        }
        let long = format!("did:web:{}.no", "a".repeat(64));
        let longest = format!("did:web:{}no", "abcdefg.".repeat(31));
        for wrong in [
            "did:web:",
            "did:web:no",
            "did:web:.no",
            "did:web:a..no",
            "did:web:a.no.",
            "did:web:A.no",
            "did:web:-a.no",
            "did:web:a-.no",
            "did:web:a.no:8443",
            "did:web:a.no%3A8443",
            "did:web:a.no:path",
            "did:web:a.no/path",
            "did:web:a.no#key",
            "did:web:a.no?x",
            "did:web:127.0.0.1",
            "did:web:æ.no",
            "did:web:a_b.no",
            "did:web: a.no",
            &long,
            &longest,
        ] {
            assert_eq!(Did::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_methods_and_kinds_of_key_are_refused() {
        for wrong in [
            "",
            "did:",
            "did:key",
            "did:key:",
            "DID:key:z6Mk",
            "did:example:abc",
            "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
            "did:jwk:",
            "did:jwk:e30",
            "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2#x",
        ] {
            assert_eq!(Did::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Did::parse(&format!("did:key:z{}", "1".repeat(300))), None);
    }

    #[test]
    fn a_method_names_its_own_key_and_no_other() {
        for did in [Did::Key(key()), Did::Jwk(key())] {
            let method = did.verification_method().expect("has one");
            assert_eq!(Did::key_of_method(&method), Some(key()));
            assert_eq!(Did::key_of_method(&format!("{method}x")), None);
            assert_eq!(Did::key_of_method(&did.to_string()), None);
        }
        let multibase = KEY.strip_prefix("did:key:").expect("prefix");
        assert_eq!(Did::key_of_method(&format!("{}#{multibase}", Did::Key(key()))), None);
        assert_eq!(Did::key_of_method("did:web:a.no#key-1"), None);
        assert_eq!(
            Did::parse_url("did:web:a.no#key-1"),
            Some((Did::Web("a.no".into()), "key-1"))
        );
        for wrong in [
            "did:web:a.no#",
            "did:web:a.no",
            "did:web:a.no/x#y",
            "did:web:a.no#a#b",
            "did:web:a.no#a b",
        ] {
            assert_eq!(Did::parse_url(wrong), None, "{wrong}");
        }
    }
}
