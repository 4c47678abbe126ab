//! The signed request object (OpenID4VP 1.0 §5 shape, own `response_mode`), for presentations and for identification when collecting.
//!
//! Claims: `client_id` = `decentralized_identifier:<did>`, `response_type` = `vp_token`, `response_mode` = `bevis.libp2p.jwe`,
//! `aud` = `https://self-issued.me/v2`, `nonce`, `iat`, `exp`, `state` = the session's name, `dcql_query`,
//! `client_metadata.jwks.keys` = one X25519 key, `client_metadata.encrypted_response_enc_values_supported` = `["A256GCM"]`,
//! `expected_origins` = `libp2p:<PeerId>` of the asker, and `bevis` {service, purpose, ground, keep_seconds, status_age_max, case, issue?, grant?}. Header `typ` = `oauth-authz-req+jwt`, `kid` = `<did>#<key>`.
//!
//! A member that is not named here is refused (`unsupported`): the holder's screen would not show what it asks.

mod object;

use crate::grant::GrantAsked;
use crate::identifier::PersonNumber;
use crate::jws::{self, Jws};
use crate::query::Query;
use crate::service::{Registration, Statement};
use crate::trust::{Organisation, Trust};
use crate::{Code, Did, Problem, Timestamp, key::Signer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Label of a request.
pub const TYP: &str = "oauth-authz-req+jwt";
/// Largest request.
pub const REQUEST_MAX: usize = 32 * 1024;
/// How far an asker's clock may be ahead of ours, in seconds. It does not lengthen a request's life.
pub const CLOCK_SKEW: i64 = 300;
/// Longest case reference, in characters.
pub const CASE_MAX: usize = 64;
/// Prefix of a `client_id` (OpenID4VP 1.0 §5.9.3).
pub const CLIENT_ID_PREFIX: &str = "decentralized_identifier:";

/// What an asker asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The asker.
    pub asker: Did,
    /// 128 random bits or more, base64url.
    pub nonce: String,
    /// The session's unguessable name, base64url.
    pub session: String,
    /// Signed at.
    pub issued: Timestamp,
    /// No answer after.
    pub expires: Timestamp,
    /// What.
    pub query: Query,
    /// One-time X25519 public JWK for the answer.
    pub encryption: Value,
    /// The asker's PeerIds.
    pub origins: Vec<String>,
    /// Registered service id.
    pub service: String,
    /// Purpose, ground and retention.
    pub stated: Statement,
    /// The asker's own case reference, shown to the holder; at most 64 characters; no person number (checked when built and opened).
    pub case: String,
    /// When the request is for collecting a credential: which.
    pub issue: Option<IssuePurpose>,
    /// When a standing grant is asked for and not a presentation: by whom it is released, until when and how often. The query then has
    /// one type and no values.
    pub grant: Option<GrantAsked>,
    /// That the asker wants to be able to write to this wallet later: the answer may hold a [`crate::letter::Reach`].
    pub reach: bool,
}
/// Why an issuer asks who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuePurpose {
    /// Type to be issued.
    pub vct: String,
    /// Number of the company whose wallet is opened, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// When nothing is collected, but a standing grant of claims of this type deposited, or those that stand looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<StandingPurpose>,
}
/// Which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingPurpose {
    /// To whom the grant is; none to see and take back what stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<Did>,
}

impl Request {
    /// `client_id`, which the key binding's `aud` must equal whole.
    pub fn client_id(&self) -> String {
        format!("{CLIENT_ID_PREFIX}{}", self.asker)
    }
    /// Signs with the organisation's key. Errors: `malformed` with the member that does not keep its form, `too_large`.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        if Did::parse_url(kid).is_none_or(|(did, _)| did != self.asker) {
            return Err(Problem::new(Code::Malformed, "kid"));
        }
        let text = jws::sign(TYP, Some(kid), Map::new(), &self.to_value(), signer)?;
        if text.len() > REQUEST_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(text)
    }
}
/// SHA-256 of the compact JWS text.
pub fn hash(jws: &str) -> [u8; 32] {
    Sha256::digest(jws.as_bytes()).into()
}

/// A request that passed every check a holder's side makes: signature by a listed asker with a key in its window, not expired,
/// within its registration, origin. There is no other way to this type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedRequest {
    /// The request.
    pub request: Request,
    /// The asker as the trust list has it.
    pub asker: Organisation,
    /// The registration it asks under.
    pub registration: Registration,
    /// SHA-256 of the signed text.
    pub hash: [u8; 32],
    /// The signed text.
    pub jws: String,
}

/// Opens a signed request. `channel` is the PeerId it came from: it must be among `expected_origins` *and* be a node of the signer
/// (`wrong_origin`); `None` when it was carried as text (then the signature alone counts).
/// In this order: size, form (`unsigned_request` for alg none or a bare object), trust document current (`trust_stale`), asker listed
/// (`unknown_verifier`), key and window, signature, client_id equals signer, times (`expired` from `exp` on, `not_yet_valid` with a clock
/// skew of 300 s), origin, service registered (`over_ask` with the service's id), query parsed, registration allows (`over_ask` with the
/// type or path), lifetime ≤ registered (`over_ask` `time`), purpose, ground, retention and age of status within the registered (`over_ask`
/// with `purpose`, `ground`, `keep_seconds`, `status_age_max`), and of a grant: grants registered, its end and number of uses within the
/// registered (`over_ask` with `grant`, `grant until`, `grant uses_per_day`), its issuer listed (`unknown_issuer`) and for that type
/// (`type_not_allowed`). The registration is the trust list's: a request brings none.
pub fn open(jws: &str, trust: &Trust, channel: Option<&str>, now: Timestamp) -> Result<OpenedRequest, Problem> {
    if jws.len() > REQUEST_MAX {
        return Err(Code::TooLarge.into());
    }
    if is_unsigned(jws) {
        return Err(Code::UnsignedRequest.into());
    }
    let signed = Jws::parse(jws, TYP, REQUEST_MAX)?;
    trust.current(now)?;
    let (signer, _) = signed
        .kid()
        .and_then(Did::parse_url)
        .ok_or_else(|| Problem::new(Code::Malformed, "kid"))?;
    let asker = trust.organisation(&signer).ok_or(Code::UnknownVerifier)?;
    let (issued, expires) = object::times(&signed.payload)?;
    let key = asker.key_at(signed.kid().unwrap_or_default(), issued)?;
    if !signed.verify(key) {
        return Err(Code::SignatureInvalid.into());
    }
    let client_id = signed.payload.get("client_id").and_then(Value::as_str);
    if client_id != Some(format!("{CLIENT_ID_PREFIX}{signer}").as_str()) {
        return Err(Problem::new(Code::Malformed, "client_id"));
    }
    if issued > now.plus(CLOCK_SKEW) {
        return Err(Code::NotYetValid.into());
    }
    if now >= expires {
        return Err(Code::Expired.into());
    }
    let parts = object::Parts::read(&signed.payload)?;
    if let Some(peer) = channel {
        let is_node = asker.nodes.iter().any(|node| node.peer == peer);
        if !is_node || !parts.origins.iter().any(|origin| origin == peer) {
            return Err(Code::WrongOrigin.into());
        }
    }
    let registration = asker
        .service(&parts.service)
        .ok_or_else(|| Problem::new(Code::OverAsk, parts.service.as_str()))?
        .clone();
    let request = parts.into_request(signer, issued, expires)?;
    request.check()?;
    registration.allows(&request.query)?;
    if expires.since(issued) > registration.request_seconds_max {
        return Err(Problem::new(Code::OverAsk, "time"));
    }
    registration.allows_statement(&request.stated)?;
    if let Some(grant) = &request.grant {
        registration.allows_grant(grant, issued)?;
        let source = trust.organisation(&grant.issuer).ok_or(Code::UnknownIssuer)?;
        if !request
            .query
            .credentials
            .iter()
            .all(|asked| source.issues.contains(&asked.vct))
        {
            return Err(Code::TypeNotAllowed.into());
        }
    }
    Ok(OpenedRequest {
        request,
        asker: asker.clone(),
        registration,
        hash: hash(jws),
        jws: jws.to_owned(),
    })
}
/// Opens again what this wallet opened before and stored (after a restart); the same checks but the channel's.
pub fn reopen(jws: &str, trust: &Trust, now: Timestamp) -> Result<OpenedRequest, Problem> {
    open(jws, trust, None, now)
}

/// Whether `text` is a request that nobody signed: a bare JSON object, or a JWS with `alg` none or without a signature.
fn is_unsigned(text: &str) -> bool {
    if text.trim_start().starts_with('{') {
        return true;
    }
    let mut parts = text.split('.');
    let (Some(header), Some(_), signature, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    signature.is_none_or(str::is_empty) || object::has_algorithm_none(header)
}

/// Whether `case` may be shown as a case reference: at most [`CASE_MAX`] printable characters, none of them a control or an
/// invisible format character, and no eleven digits among them that make a valid person number, also when they are
/// grouped by single spaces, points or hyphens.
pub fn is_case(case: &str) -> bool {
    if case.chars().count() > CASE_MAX || !case.chars().all(is_printable) {
        return false;
    }
    let plain = digit_runs(case, |_| false);
    let grouped = digit_runs(case, |character| matches!(character, ' ' | '\u{a0}' | '.' | '-'));
    plain.iter().chain(&grouped).all(|run| !has_person_number(run))
}

/// Runs of digits; one character that `joins` between two digits does not end a run.
fn digit_runs(text: &str, joins: impl Fn(char) -> bool) -> Vec<String> {
    let mut runs = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_joined = joins(character) && characters.peek().is_some_and(char::is_ascii_digit);
        match runs.last_mut() {
            Some(run) if character.is_ascii_digit() => run.push(character),
            Some(run) if !run.is_empty() && !is_joined => runs.push(String::new()),
            _ => {}
        }
    }
    runs
}

fn has_person_number(digits: &str) -> bool {
    digits
        .as_bytes()
        .windows(11)
        .filter_map(|window| std::str::from_utf8(window).ok())
        .any(|window| PersonNumber::parse(window).is_some())
}

fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests;
