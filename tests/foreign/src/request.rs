//! §10: the signed request, steps 1 to 6 of what a wallet checks.

use crate::jose::{jwk_key, read};
use crate::json::{self, Path, list, member, only, text, uint};
use crate::problem::{Outcome, refuse, require};
use crate::time::LEEWAY;
use crate::trust::{Organisation, Trust};
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest request.
const BYTES_MAX: usize = 32 * 1024;

/// A request that passed steps 1 to 6.
pub(crate) struct Request<'a> {
    pub(crate) text: String,
    pub(crate) signer: &'a Organisation,
    pub(crate) asked: Asked,
    operator: String,
}

/// What a request says.
pub(crate) struct Asked {
    pub(crate) nonce: String,
    pub(crate) state: String,
    pub(crate) service: String,
    pub(crate) queries: Vec<Query>,
    pub(crate) key: [u8; 32],
    pub(crate) kid: String,
    /// Type that is to be collected, and the company it is for; only for identifications.
    pub(crate) issue: Option<(String, Option<String>)>,
    pub(crate) exp: u64,
    case: String,
}

/// One credential that is asked for.
pub(crate) struct Query {
    pub(crate) id: String,
    pub(crate) vct: String,
    pub(crate) paths: Vec<Path>,
    /// Claims that must have one of some values.
    pub(crate) values: Vec<(Path, Vec<Value>)>,
}

const MEMBERS: &[&str] = &[
    "client_id",
    "response_type",
    "response_mode",
    "aud",
    "nonce",
    "state",
    "iat",
    "exp",
    "dcql_query",
    "client_metadata",
    "expected_origins",
    "bevis",
];

const BEVIS: &[&str] = &[
    "service",
    "purpose",
    "ground",
    "keep_seconds",
    "status_age_max",
    "case",
    "issue",
    "reach",
];

impl<'a> Request<'a> {
    /// Checks a request that came from this peer.
    pub(crate) fn check(request: &str, trust: &'a Trust, now: u64, peer: &str) -> Outcome<Request<'a>> {
        require(request.len() <= BYTES_MAX, "too_large", "the request is too long")?;
        require(is_signed(request), "unsigned_request", "the request is not signed")?;
        let jws = read(request, "oauth-authz-req+jwt", BYTES_MAX)?;
        let payload = &jws.payload;
        let asked = form(payload)?;
        trust.require_current(now)?;
        let (iat, exp) = (uint(payload, "iat")?, uint(payload, "exp")?);
        let signer = trust.verify(&jws, iat, false, "unknown_verifier")?;
        let own = text(payload, "client_id")? == client_id(&signer.did);
        require(own, "malformed", "`client_id` is not the signer's")?;
        require(
            iat <= now.saturating_add(LEEWAY),
            "not_yet_valid",
            "the request is from the future",
        )?;
        require(now < exp, "expired", "the request has run out")?;

        let origins = list(payload, "expected_origins")?;
        let origin = format!("libp2p:{peer}");
        let from =
            origins.iter().any(|named| named == origin.as_str()) && signer.nodes.iter().any(|node| node.peer == peer);
        require(
            from,
            "wrong_origin",
            "the request came from a peer that its signer does not name",
        )?;

        let registered = signer.registrations.iter().find(|one| one.id == asked.service);
        let Some(registered) = registered else {
            return refuse("over_ask", format!("{} is not registered for the asker", asked.service));
        };
        for query in &asked.queries {
            for path in &query.paths {
                registered.require_claim(&query.vct, path)?;
            }
        }
        registered.require_life(exp.saturating_sub(iat))?;
        registered.require_stated(member(payload, "bevis")?)?;
        Ok(Request {
            text: request.to_owned(),
            signer,
            asked,
            operator: trust.operator.clone(),
        })
    }

    /// `client_id` of the signer, which the key binding repeats as `aud`.
    pub(crate) fn client_id(&self) -> String {
        client_id(&self.signer.did)
    }

    /// What a person reads before they decide. `values` gives what would be shown.
    pub(crate) fn words(&self, values: &dyn Fn(&Query, &Path) -> String) -> String {
        let mut words = format!(
            "{} ({}), listed by {}, asks.\nCase: {}\n",
            self.signer.name, self.signer.number, self.operator, self.asked.case
        );
        let mut line = |what: &str, text: &str| {
            if !text.is_empty() {
                let text = text.replace("{asker}", &self.signer.name);
                words.push_str(&format!("{what}: {text}\n"));
            }
        };
        if let Some(registered) = self
            .signer
            .registrations
            .iter()
            .find(|one| one.id == self.asked.service)
        {
            line("Service", &registered.name);
            line("Purpose", &registered.purpose);
            line("Legal ground", &registered.ground);
            line("Consent", &registered.consent);
            line(
                "Kept for (days)",
                &registered.keep_seconds.div_ceil(crate::time::DAY).to_string(),
            );
            line("Kept because", &registered.keep_ground);
        }
        for query in &self.asked.queries {
            for path in &query.paths {
                line(&json::shown(path), &values(query, path));
            }
        }
        line("Nothing else is shown. Answer until", &self.asked.exp.to_string());
        words
    }
}

fn client_id(did: &str) -> String {
    format!("decentralized_identifier:{did}")
}

/// A bare object, `alg` none and a missing signature are unsigned.
fn is_signed(request: &str) -> bool {
    let Some((signed, signature)) = request.rsplit_once('.') else {
        return false;
    };
    let header = signed.split('.').next().map(crate::jose::decode);
    let header = header.and_then(Result::ok).and_then(|header| json::parse(&header).ok());
    let none = header.is_some_and(|header| header.get("alg").and_then(Value::as_str) == Some("none"));
    !none && !signature.is_empty() && signed.contains('.')
}

fn is_unguessable(text: &str) -> bool {
    (22..=256).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn form(payload: &Value) -> Outcome<Asked> {
    only(payload, MEMBERS, "unsupported")?;
    for (name, value) in [
        ("response_type", "vp_token"),
        ("response_mode", "bevis.libp2p.jwe"),
        ("aud", "https://self-issued.me/v2"),
    ] {
        require(
            text(payload, name)? == value,
            "unsupported",
            "the request is of another kind",
        )?;
    }
    let (nonce, state) = (text(payload, "nonce")?, text(payload, "state")?);
    let random = is_unguessable(nonce) && is_unguessable(state);
    require(
        random,
        "malformed",
        "`nonce` or `state` is not of the form that §10 says",
    )?;
    let origins = list(payload, "expected_origins")?.len();
    require(
        (1..=8).contains(&origins),
        "malformed",
        "`expected_origins` has none or too many",
    )?;

    let metadata = member(payload, "client_metadata")?;
    let keys = list(member(metadata, "jwks")?, "keys")?;
    let [jwk] = keys.as_slice() else {
        return refuse("malformed", "there is not exactly one key to encrypt to");
    };
    let encryptions = list(metadata, "encrypted_response_enc_values_supported")?;
    require(
        encryptions.iter().any(|enc| enc == "A256GCM"),
        "unsupported",
        "the asker cannot read A256GCM",
    )?;

    let bevis = member(payload, "bevis")?;
    only(bevis, BEVIS, "unsupported")?;
    for code in ["purpose", "ground"] {
        let code = text(bevis, code)?;
        let is_code = (1..=64).contains(&code.len())
            && code
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        require(
            is_code,
            "malformed",
            "a purpose or ground is not of the form that §10 says",
        )?;
    }
    uint(bevis, "keep_seconds")?;
    require(
        uint(bevis, "status_age_max")? > 0,
        "malformed",
        "no status is fresh enough",
    )?;
    let case = text(bevis, "case")?;
    let printable = case.chars().count() <= 64 && !case.chars().any(char::is_control);
    require(
        printable && !names_a_person(case),
        "malformed",
        "`case` is not of the form that §10 says",
    )?;
    let issue = match bevis.get("issue") {
        None => None,
        Some(issue) => {
            only(issue, &["vct", "organisation"], "unsupported")?;
            let organisation = issue.get("organisation").map(|_| text(issue, "organisation"));
            Some((
                text(issue, "vct")?.to_owned(),
                organisation.transpose()?.map(str::to_owned),
            ))
        }
    };
    Ok(Asked {
        nonce: nonce.to_owned(),
        state: state.to_owned(),
        service: text(bevis, "service")?.to_owned(),
        case: case.to_owned(),
        exp: uint(payload, "exp")?,
        queries: queries(member(payload, "dcql_query")?)?,
        key: jwk_key(jwk, "X25519")?,
        kid: text(jwk, "kid")?.to_owned(),
        issue,
    })
}

/// Whether eleven digits in a row are somebody's number.
fn names_a_person(case: &str) -> bool {
    let runs = case.split(|c: char| !c.is_ascii_digit());
    let mut windows = runs.flat_map(|run| (0..run.len()).filter_map(|at| run.get(at..at.checked_add(11)?)));
    windows.any(crate::types::is_person)
}

/// DCQL, of which this is all that is taken.
fn queries(dcql: &Value) -> Outcome<Vec<Query>> {
    only(dcql, &["credentials"], "unsupported_query")?;
    let asked = list(dcql, "credentials")?;
    require(
        (1..=8).contains(&asked.len()),
        "malformed",
        "no credential is asked for, or too many",
    )?;
    let queries: Vec<Query> = asked.iter().map(query).collect::<Outcome<_>>()?;
    let ids: BTreeSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
    let claims: usize = queries.iter().map(|query| query.paths.len()).sum();
    require(
        ids.len() == queries.len() && claims <= 64,
        "malformed",
        "the query is over its limits",
    )?;
    Ok(queries)
}

fn query(value: &Value) -> Outcome<Query> {
    only(value, &["id", "format", "meta", "claims"], "unsupported_query")?;
    require(
        text(value, "format")? == "dc+sd-jwt",
        "unsupported_query",
        "another format is asked for",
    )?;
    let id = text(value, "id")?;
    let named = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    require(named, "malformed", "a query's id is not of the form that §10 says")?;
    let meta = member(value, "meta")?;
    only(meta, &["vct_values"], "unsupported_query")?;
    let [vct] = list(meta, "vct_values")?.as_slice() else {
        return refuse("unsupported_query", "vct_values");
    };
    let mut query = Query {
        id: id.to_owned(),
        vct: vct.as_str().unwrap_or_default().to_owned(),
        paths: Vec::new(),
        values: Vec::new(),
    };
    for claim in list(value, "claims")? {
        only(claim, &["path", "values"], "unsupported_query")?;
        let segments = list(claim, "path")?;
        let numbered = segments.iter().any(Value::is_number);
        require(!numbered, "unsupported_query", "index numbers in a path")?;
        let path = json::path(member(claim, "path")?)?;
        require(!query.paths.contains(&path), "malformed", "a path stands twice")?;
        if claim.get("values").is_some() {
            let values = list(claim, "values")?;
            let plain = |value: &Value| match value {
                Value::String(text) => text.len() <= 256,
                other => other.is_i64() || other.is_u64() || other.is_boolean(),
            };
            let within = (1..=16).contains(&values.len()) && values.iter().all(plain);
            require(
                within,
                "malformed",
                "the values of a claim are not of the form that §10 says",
            )?;
            query.values.push((path.clone(), values.clone()));
        }
        query.paths.push(path);
    }
    require(!query.paths.is_empty(), "malformed", "no claim is asked for")?;
    Ok(query)
}
