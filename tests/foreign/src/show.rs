//! §11: the answer to a request: which copy, which claims, the key binding, the encryption.

use crate::credential::Credential;
use crate::jose::{decode_32, encode, hash, sign};
use crate::json::{self, Path};
use crate::jwe;
use crate::problem::{Outcome, Problem, require};
use crate::request::{Query, Request};
use crate::state::State;
use crate::status;
use serde_json::{Map, Value, json};

/// Longest answer.
const BYTES_MAX: usize = 256 * 1024;

/// A copy that can answer a query.
pub(crate) struct Chosen {
    held: usize,
    copy: usize,
    secret: [u8; 32],
    credential: Credential,
}

/// A claim whose value is altered before it is shown: `name` and `value`.
pub(crate) type Altered<'a> = Option<(&'a str, &'a str)>;

/// Chooses an unused copy that is not known to have ended, for each query. Nothing less than all is ever shown.
pub(crate) fn choose(state: &State, request: &Request<'_>) -> Outcome<Vec<Chosen>> {
    request
        .asked
        .queries
        .iter()
        .map(|query| choose_one(state, query))
        .collect()
}

fn choose_one(state: &State, query: &Query) -> Outcome<Chosen> {
    // The newest is the last.
    for (at, held) in state
        .kept
        .held
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, held)| held.vct == query.vct)
    {
        for (copy_at, copy) in held.copies.iter().enumerate().filter(|(_, copy)| !copy.is_used) {
            let credential = Credential::read(&copy.credential)?;
            let claims = credential.claims();
            let has_values = query.values.iter().all(|(path, values)| {
                let found = json::at(&claims, path);
                !found.is_empty() && found.iter().all(|value| values.contains(value))
            });
            let ended = status::state_of(&state.kept, &held.issuer, &credential)?.is_some_and(|state| state != "valid");
            let has_all = query.paths.iter().all(|path| !json::at(&claims, path).is_empty());
            if !ended && has_values && has_all {
                return Ok(Chosen {
                    held: at,
                    copy: copy_at,
                    secret: decode_32(&copy.secret)?,
                    credential,
                });
            }
        }
    }
    Err(Problem::new(
        "not_presented",
        "no unused copy that counts has what is asked",
    ))
}

impl Chosen {
    /// Claims of the credential.
    pub(crate) fn claims(&self) -> Value {
        self.credential.claims()
    }
}

/// What a person reads of one path.
pub(crate) fn values(request: &Request<'_>, chosen: &[Chosen], query: &Query, path: &Path) -> String {
    let at = request.asked.queries.iter().position(|one| one.id == query.id);
    let claims = at.and_then(|at| chosen.get(at)).map(Chosen::claims).unwrap_or_default();
    let values: Vec<String> = json::at(&claims, path).iter().map(|value| value.to_string()).collect();
    values.join(", ")
}

/// Makes the answer and marks the copies as used. `covered` are the claims of the key binding that an identification adds.
pub(crate) fn answer(
    state: &mut State,
    request: &Request<'_>,
    chosen: &[Chosen],
    covered: &Map<String, Value>,
    altered: Altered<'_>,
    now: u64,
) -> Outcome<String> {
    let mut presentations = Map::new();
    for (query, chosen) in request.asked.queries.iter().zip(chosen) {
        let mut shown = chosen.credential.select(&query.paths);
        if let Some((name, value)) = altered {
            shown = crate::credential::alter(&shown, name, value)?;
        }
        let mut binding = covered.clone();
        for (name, value) in [
            ("aud", json!(request.client_id())),
            ("nonce", json!(request.asked.nonce)),
            ("iat", json!(now)),
            ("sd_hash", json!(hash(&shown))),
            ("bevis_request", json!(hash(&request.text))),
        ] {
            binding.insert(name.to_owned(), value);
        }
        let header = json!({"alg": "EdDSA", "typ": "kb+jwt"});
        let binding = sign(&header, &Value::Object(binding), &chosen.secret);
        presentations.insert(query.id.clone(), json!([format!("{shown}{binding}")]));
        let held = state.kept.held.get_mut(chosen.held);
        if let Some(copy) = held.and_then(|held| held.copies.get_mut(chosen.copy)) {
            copy.is_used = true;
        }
    }
    let plaintext = json!({"vp_token": presentations}).to_string();
    let answer = jwe::encrypt(&plaintext, &request.text, &request.asked.key, &request.asked.kid)?;
    require(answer.len() <= BYTES_MAX, "too_large", "the answer is too long")?;
    Ok(answer)
}

/// What an identification's key binding covers (§5).
pub(crate) fn covered(transaction: &[u8], keys: &[u8; 32]) -> Map<String, Value> {
    let mut covered = Map::new();
    covered.insert("bevis_transaction".to_owned(), json!(encode(transaction)));
    covered.insert("bevis_keys".to_owned(), json!(encode(keys)));
    covered
}
