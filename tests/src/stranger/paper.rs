//! A credential taken apart and signed again: whatever its payload and disclosures say then, the signature is right.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::SigningKey;
use credentials::key::Signer;
use node::output::sha256;
use serde_json::{Map, Value, json};

/// An SD-JWT before it is signed.
pub(crate) struct Paper {
    /// The payload's text, so that it may say what no JSON library writes.
    pub(crate) payload: String,
    /// The disclosures as they are sent.
    pub(crate) disclosures: Vec<String>,
}

impl Paper {
    /// Changes the payload's members.
    pub(crate) fn members(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut members: Map<String, Value> = serde_json::from_str(&self.payload).expect("an object");
        change(&mut members);
        self.payload = Value::Object(members).to_string();
    }

    /// Has the first disclosure of a name say another value, given as JSON text, and everything around it bear its digest.
    pub(crate) fn say(&mut self, name: &str, value: &str) {
        let is_named = |text: &String| name_of(text).as_deref() == Some(name);
        let at = self.disclosures.iter().position(is_named).expect("disclosed");
        self.put(at, &format!("[\"c2FsdHNhbHRzYWx0c2FsdA\",\"{name}\",{value}]"));
    }

    /// Puts another disclosure in a place. Its digest stands in the payload, or in the disclosure around it, which changes too.
    fn put(&mut self, at: usize, plain: &str) {
        let new = URL_SAFE_NO_PAD.encode(plain);
        let (old, new_digest) = (digest(&self.disclosures[at]), digest(&new));
        self.disclosures[at] = new;
        if self.payload.contains(&old) {
            self.payload = self.payload.replace(&old, &new_digest);
            return;
        }
        let around = self.disclosures.iter().map(|text| plain_of(text));
        let around: Vec<String> = around.collect();
        let outer = around
            .iter()
            .position(|text| text.contains(&old))
            .expect("a digest of it");
        self.put(outer, &around[outer].replace(&old, &new_digest));
    }
}

/// What a disclosure says.
fn plain_of(disclosure: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(disclosure).expect("base64url");
    String::from_utf8(bytes).expect("UTF-8")
}

/// The same SD-JWT as somebody with a signing key makes it: `edit` has its way, and the signature is right.
pub(crate) fn reissue(text: &str, kid: &str, key: &SigningKey, edit: impl FnOnce(&mut Paper)) -> String {
    let mut parts = text.trim_end_matches('~').split('~').map(ToOwned::to_owned);
    let jwt = parts.next().expect("a JWT");
    let payload = jwt.split('.').nth(1).expect("a payload");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let mut paper = Paper {
        payload: String::from_utf8(payload).expect("UTF-8"),
        disclosures: parts.collect(),
    };
    edit(&mut paper);
    let header = json!({ "alg": "EdDSA", "typ": "dc+sd-jwt", "kid": kid }).to_string();
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(&paper.payload)
    );
    let signature = key.sign(input.as_bytes()).expect("signs");
    let mut text = format!("{input}.{}~", URL_SAFE_NO_PAD.encode(signature));
    for disclosure in &paper.disclosures {
        text.push_str(disclosure);
        text.push('~');
    }
    text
}

/// The digest under which a disclosure stands.
fn digest(disclosure: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(disclosure.as_bytes()))
}

/// The claim that a disclosure names.
pub(crate) fn name_of(disclosure: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(disclosure).ok()?;
    let items: Vec<Value> = serde_json::from_slice(&bytes).ok()?;
    Some(items.get(1)?.as_str()?.to_owned())
}
