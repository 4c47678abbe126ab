//! The members of the request object: written, read, and the form of each.

use super::{IssuePurpose, Request, is_case};
use crate::grant::{GrantAsked, USES_PER_DAY_MAX};
use crate::identifier::OrganisationNumber;
use crate::query::Query;
use crate::service::Statement;
use crate::{Code, Did, Problem, Timestamp, json};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const RESPONSE_TYPE: &str = "vp_token";
const RESPONSE_MODE: &str = "bevis.libp2p.jwe";
/// Audience of a request to a wallet that is found without discovery (OpenID4VP 1.0 §5.8).
const AUDIENCE: &str = "https://self-issued.me/v2";
const ORIGIN_PREFIX: &str = "libp2p:";
const ENCRYPTION: &str = "A256GCM";
/// Most PeerIds of one asker under a request.
const ORIGINS_MAX: usize = 8;
/// Shortest nonce and session name: 128 bits in base64url.
const UNGUESSABLE_MIN: usize = 22;
/// Longest nonce, session name, service id, PeerId and type, in bytes.
const TEXT_MAX: usize = 256;

const MEMBERS: [&str; 12] = [
    "aud",
    "bevis",
    "client_id",
    "client_metadata",
    "dcql_query",
    "exp",
    "expected_origins",
    "iat",
    "nonce",
    "response_mode",
    "response_type",
    "state",
];

impl Request {
    /// The form of every member that has one.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let rules = [
            ("nonce", is_unguessable(&self.nonce)),
            ("state", is_unguessable(&self.session)),
            ("exp", self.expires > self.issued),
            ("client_metadata", is_encryption_key(&self.encryption)),
            (
                "expected_origins",
                (1..=ORIGINS_MAX).contains(&self.origins.len()) && self.origins.iter().all(|origin| is_text(origin)),
            ),
            ("service", is_text(&self.service)),
            ("bevis", self.stated.is_formed()),
            ("case", is_case(&self.case)),
            (
                "issue",
                self.issue.as_ref().is_none_or(|issue| {
                    is_text(&issue.vct)
                        && issue
                            .organisation
                            .as_deref()
                            .is_none_or(|number| OrganisationNumber::parse(number).is_some())
                }),
            ),
            (
                "grant",
                self.grant.as_ref().is_none_or(|grant| self.is_grantable(grant)),
            ),
        ];
        match rules.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(malformed(name)),
            None => Ok(()),
        }
    }

    /// A grant is of one type, of whole claims, of somebody else, and nothing is collected with it.
    fn is_grantable(&self, grant: &GrantAsked) -> bool {
        let [asked] = self.query.credentials.as_slice() else {
            return false;
        };
        self.issue.is_none()
            && grant.issuer != self.asker
            && grant.until > self.expires
            && (1..=USES_PER_DAY_MAX).contains(&grant.uses_per_day)
            && asked.claims.iter().all(|claim| claim.values.is_empty())
    }

    pub(super) fn to_value(&self) -> Value {
        let origins: Vec<String> = self
            .origins
            .iter()
            .map(|peer| format!("{ORIGIN_PREFIX}{peer}"))
            .collect();
        let Statement {
            purpose,
            ground,
            keep_seconds,
            status_age_max,
        } = &self.stated;
        let mut bevis = json!({
            "service": self.service,
            "purpose": purpose,
            "ground": ground,
            "keep_seconds": keep_seconds,
            "status_age_max": status_age_max,
            "case": self.case,
        });
        if let (Some(issue), Some(members)) = (&self.issue, bevis.as_object_mut()) {
            members.insert("issue".to_owned(), json!(issue));
        }
        if let (Some(grant), Some(members)) = (&self.grant, bevis.as_object_mut()) {
            members.insert("grant".to_owned(), json!(grant));
        }
        if let (true, Some(members)) = (self.reach, bevis.as_object_mut()) {
            members.insert("reach".to_owned(), Value::Bool(true));
        }
        json!({
            "client_id": self.client_id(),
            "response_type": RESPONSE_TYPE,
            "response_mode": RESPONSE_MODE,
            "aud": AUDIENCE,
            "nonce": self.nonce,
            "iat": self.issued,
            "exp": self.expires,
            "state": self.session,
            "dcql_query": self.query.to_value(),
            "client_metadata": {
                "jwks": { "keys": [self.encryption] },
                "encrypted_response_enc_values_supported": [ENCRYPTION],
                "vp_formats_supported": {
                    "dc+sd-jwt": { "sd-jwt_alg_values": ["EdDSA"], "kb-jwt_alg_values": ["EdDSA"] },
                },
            },
            "expected_origins": origins,
            "bevis": bevis,
        })
    }
}

/// `iat` and `exp`.
pub(super) fn times(payload: &Map<String, Value>) -> Result<(Timestamp, Timestamp), Problem> {
    let time = |name: &'static str| {
        payload
            .get(name)
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .ok_or_else(|| malformed(name))
    };
    Ok((time("iat")?, time("exp")?))
}

/// Whether a JWS header in base64url names `alg` none.
pub(super) fn has_algorithm_none(header: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|bytes| json::parse(&bytes, super::REQUEST_MAX).ok())
        .and_then(|header| header.get("alg")?.as_str().map(str::to_ascii_lowercase))
        .is_some_and(|algorithm| algorithm == "none")
}

/// What a request says apart from who signed it and when; its query is still unread.
pub(super) struct Parts {
    nonce: String,
    session: String,
    query: Value,
    encryption: Value,
    pub(super) origins: Vec<String>,
    pub(super) service: String,
    stated: Statement,
    case: String,
    issue: Option<IssuePurpose>,
    grant: Option<GrantAsked>,
    reach: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bevis {
    service: String,
    purpose: String,
    ground: String,
    keep_seconds: i64,
    status_age_max: i64,
    case: String,
    #[serde(default)]
    issue: Option<IssuePurpose>,
    #[serde(default)]
    grant: Option<GrantAsked>,
    #[serde(default)]
    reach: bool,
}

impl Parts {
    pub(super) fn read(payload: &Map<String, Value>) -> Result<Parts, Problem> {
        if let Some(name) = payload.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Problem::new(Code::Unsupported, name.as_str()));
        }
        for (name, expected) in [
            ("response_type", RESPONSE_TYPE),
            ("response_mode", RESPONSE_MODE),
            ("aud", AUDIENCE),
        ] {
            if payload.get(name).and_then(Value::as_str) != Some(expected) {
                return Err(malformed(name));
            }
        }
        let text = |name: &'static str| {
            payload
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| malformed(name))
        };
        let bevis: Bevis = payload
            .get("bevis")
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .ok_or_else(|| malformed("bevis"))?;
        Ok(Parts {
            nonce: text("nonce")?,
            session: text("state")?,
            query: payload
                .get("dcql_query")
                .cloned()
                .ok_or_else(|| malformed("dcql_query"))?,
            encryption: payload
                .get("client_metadata")
                .and_then(encryption)
                .ok_or_else(|| malformed("client_metadata"))?,
            origins: payload
                .get("expected_origins")
                .and_then(origins)
                .ok_or_else(|| malformed("expected_origins"))?,
            service: bevis.service,
            stated: Statement {
                purpose: bevis.purpose,
                ground: bevis.ground,
                keep_seconds: bevis.keep_seconds,
                status_age_max: bevis.status_age_max,
            },
            case: bevis.case,
            issue: bevis.issue,
            grant: bevis.grant,
            reach: bevis.reach,
        })
    }

    pub(super) fn into_request(self, asker: Did, issued: Timestamp, expires: Timestamp) -> Result<Request, Problem> {
        Ok(Request {
            asker,
            nonce: self.nonce,
            session: self.session,
            issued,
            expires,
            query: Query::parse(&self.query)?,
            encryption: self.encryption,
            origins: self.origins,
            service: self.service,
            stated: self.stated,
            case: self.case,
            issue: self.issue,
            grant: self.grant,
            reach: self.reach,
        })
    }
}

/// The one key of the metadata, when the one content encryption we know is among those offered.
fn encryption(metadata: &Value) -> Option<Value> {
    let keys = metadata.get("jwks")?.get("keys")?.as_array()?;
    let [key] = keys.as_slice() else {
        return None;
    };
    metadata
        .get("encrypted_response_enc_values_supported")?
        .as_array()?
        .iter()
        .any(|name| name == ENCRYPTION)
        .then(|| key.clone())
}

fn origins(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?;
    if items.len() > ORIGINS_MAX {
        return None;
    }
    items
        .iter()
        .map(|item| Some(item.as_str()?.strip_prefix(ORIGIN_PREFIX)?.to_owned()))
        .collect()
}

/// A public X25519 JWK (RFC 8037) without a private part.
fn is_encryption_key(jwk: &Value) -> bool {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    member("kty") == Some("OKP")
        && member("crv") == Some("X25519")
        && jwk.get("d").is_none()
        && member("x").is_some_and(|x| crate::key::key_bytes(x).is_some())
}

fn is_unguessable(text: &str) -> bool {
    (UNGUESSABLE_MIN..=TEXT_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn malformed(name: &str) -> Problem {
    Problem::new(Code::Malformed, name)
}
