//! §12: the trust document, and what §10 and §14 ask of it. Registrations are in `registration`.

use crate::jose::{Jws, jwk_key, sha256, verify};
use crate::json::{self, canonical, list, member, only, text, uint};
use crate::problem::{Outcome, Problem, refuse, require};
use crate::registration::Registration;
use crate::time::{DAY, LEEWAY, parse_instant};
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest document.
const BYTES_MAX: usize = 1_048_576;

/// A document whose proof was checked with the anchor's key.
pub(crate) struct Trust {
    pub(crate) sequence: u64,
    pub(crate) operator: String,
    issued: u64,
    next_update: u64,
    organisations: Vec<Organisation>,
}

/// An organisation that the document lists.
pub(crate) struct Organisation {
    pub(crate) did: String,
    pub(crate) name: String,
    pub(crate) number: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) issues: Vec<String>,
    pub(crate) registrations: Vec<Registration>,
    keys: Vec<Key>,
}

/// One of its nodes.
pub(crate) struct Node {
    pub(crate) peer: String,
    pub(crate) addresses: Vec<String>,
}

struct Key {
    kid: String,
    public: [u8; 32],
    from: u64,
    to: u64,
    is_compromised: bool,
}

fn malformed(what: &str) -> Problem {
    Problem::new(
        "malformed",
        format!("the trust document: {what} is not of the form that §12 says"),
    )
}

/// The only item of a list of one.
fn one(value: &Value) -> Outcome<&Value> {
    match value.as_array().map(Vec::as_slice) {
        Some([item]) => Ok(item),
        _ => Err(malformed("a list of one")),
    }
}

/// The value of a list of one `{"lang", "value"}`, 1 to 200 characters.
fn name(value: &Value) -> Outcome<String> {
    let item = one(value)?;
    only(item, &["lang", "value"], "malformed")?;
    text(item, "lang")?;
    let name = text(item, "value")?;
    require(
        (1..=200).contains(&name.chars().count()),
        "malformed",
        "a name has no or too many characters",
    )?;
    Ok(name.to_owned())
}

impl Trust {
    /// Reads and checks a document against the anchor, a `did:key`.
    pub(crate) fn read(document: &str, anchor: &str) -> Outcome<Trust> {
        require(
            document.len() <= BYTES_MAX,
            "too_large",
            "the trust document is too long",
        )?;
        let document = json::parse(document.as_bytes())?;
        only(&document, &["LoTE", "proof"], "malformed")?;
        check_proof(&document, anchor)?;
        let lote = member(&document, "LoTE")?;
        only(lote, &["ListAndSchemeInformation", "TrustedEntitiesList"], "malformed")?;
        let scheme = member(lote, "ListAndSchemeInformation")?;
        let known = uint(scheme, "LoTEVersionIdentifier")? == 1
            && text(scheme, "LoTEType")? == "https://bevis.example/LoTEType/OrganisationsList";
        require(known, "unsupported", "the trust document is of another kind or version")?;
        text(scheme, "SchemeTerritory")?;
        let entities = list(lote, "TrustedEntitiesList")?;
        require(
            entities.len() <= 1_000,
            "malformed",
            "the trust document lists too many",
        )?;
        let organisations: Vec<Organisation> = entities.iter().map(organisation).collect::<Outcome<_>>()?;
        each_once(&organisations)?;
        Ok(Trust {
            sequence: uint(scheme, "LoTESequenceNumber")?,
            operator: name(member(scheme, "SchemeOperatorName")?)?,
            issued: parse_instant(text(scheme, "ListIssueDateTime")?)?,
            next_update: parse_instant(text(scheme, "NextUpdate")?)?,
            organisations,
        })
    }

    /// Refuses to decide by a document that is not current.
    pub(crate) fn require_current(&self, now: u64) -> Outcome<()> {
        let current = now.saturating_add(LEEWAY) >= self.issued && now <= self.next_update;
        require(current, "trust_stale", "the trust document is not current")
    }

    /// A listed organisation.
    pub(crate) fn organisation(&self, did: &str, otherwise: &str) -> Outcome<&Organisation> {
        let found = self.organisations.iter().find(|organisation| organisation.did == did);
        found.ok_or_else(|| Problem::new(otherwise, "the organisation is not in the trust document"))
    }

    /// Checks who signed and when: the signer is listed (`otherwise`), its key counts at `at`, the signature is the key's.
    /// `a_day` says that the time is a credential's, which is the start of a day.
    pub(crate) fn verify(&self, jws: &Jws, at: u64, a_day: bool, otherwise: &str) -> Outcome<&Organisation> {
        let (kid, did) = jws.kid()?;
        let signer = self.organisation(did, otherwise)?;
        let key = signer.keys.iter().find(|key| key.kid == kid);
        let key = key.ok_or_else(|| Problem::new("unknown_key", "no key of this name belongs to the organisation"))?;
        require(
            !key.is_compromised,
            "key_compromised",
            "the key is marked as compromised",
        )?;
        let from = if a_day { key.from / DAY * DAY } else { key.from };
        require(
            (from..=key.to).contains(&at),
            "key_outside_window",
            "the key does not count at that time",
        )?;
        jws.verify(&key.public)?;
        Ok(signer)
    }
}

/// The `eddsa-jcs-2022` proof by the anchor.
fn check_proof(document: &Value, anchor: &str) -> Outcome<()> {
    let unsigned = || Problem::new("signature_invalid", "the trust document has no proof that verifies");
    let mut unproved = document.clone();
    let proof = unproved.as_object_mut().and_then(|document| document.remove("proof"));
    let mut proof = proof.ok_or_else(unsigned)?;
    for (name, value) in [
        ("type", "DataIntegrityProof"),
        ("cryptosuite", "eddsa-jcs-2022"),
        ("proofPurpose", "assertionMethod"),
    ] {
        require(
            text(&proof, name)? == value,
            "unsupported",
            "the proof is of another kind",
        )?;
    }
    parse_instant(text(&proof, "created")?)?;
    let key = anchor.strip_prefix("did:key:").unwrap_or_default();
    let named = text(&proof, "verificationMethod")? == format!("{anchor}#{key}");
    require(
        named,
        "unknown_key",
        "the trust document is signed by another than the anchor",
    )?;
    let public = match multibase(key)?.as_slice() {
        [0xed, 0x01, public @ ..] => <[u8; 32]>::try_from(public).map_err(|_| malformed("the anchor"))?,
        _ => return Err(malformed("the anchor")),
    };
    let value = proof.as_object_mut().and_then(|proof| proof.remove("proofValue"));
    let value = value.as_ref().and_then(Value::as_str).ok_or_else(unsigned)?;
    let signature = <[u8; 64]>::try_from(multibase(value)?).map_err(|_| unsigned())?;
    let mut signed = sha256(canonical(&proof)?.as_bytes()).to_vec();
    signed.extend(sha256(canonical(&unproved)?.as_bytes()));
    verify(&public, &signed, &signature)
}

/// Multibase, base58btc.
fn multibase(text: &str) -> Outcome<Vec<u8>> {
    let digits = text.strip_prefix('z').filter(|digits| digits.len() <= 200);
    let bytes = digits.and_then(|digits| bs58::decode(digits).into_vec().ok());
    bytes.ok_or_else(|| malformed("a base58 text"))
}

fn organisation(entity: &Value) -> Outcome<Organisation> {
    only(
        entity,
        &["TrustedEntityInformation", "TrustedEntityServices"],
        "malformed",
    )?;
    let about = member(entity, "TrustedEntityInformation")?;
    let extension = one(member(about, "TEInformationExtensions")?)?;
    only(extension, &["BevisExtension"], "malformed")?;
    let ours = member(extension, "BevisExtension")?;
    only(ours, &["did", "nodes"], "malformed")?;
    let number = name(member(about, "TETradeName")?)?;
    let number = number.strip_prefix("NTRNO-").ok_or_else(|| malformed("TETradeName"))?;
    let nodes = list(ours, "nodes")?;
    let services = list(entity, "TrustedEntityServices")?;
    let (first, rest) = services
        .split_first()
        .ok_or_else(|| malformed("TrustedEntityServices"))?;
    let mut organisation = Organisation {
        did: text(ours, "did")?.to_owned(),
        name: name(member(about, "TEName")?)?,
        number: number.to_owned(),
        nodes: nodes.iter().map(node).collect::<Outcome<_>>()?,
        issues: Vec::new(),
        registrations: Vec::new(),
        keys: Vec::new(),
    };
    organisation.take_keys(first)?;
    for service in rest {
        organisation.take_service(service)?;
    }
    let within = organisation.nodes.len() <= 8
        && organisation.keys.len() <= 16
        && organisation.issues.len() <= 64
        && organisation.registrations.len() <= 64;
    require(
        within,
        "malformed",
        "an organisation has too many nodes, keys, types or registrations",
    )?;
    Ok(organisation)
}

fn node(value: &Value) -> Outcome<Node> {
    only(value, &["peer", "addresses"], "malformed")?;
    let addresses = list(value, "addresses")?.iter();
    let addresses: Option<Vec<String>> = addresses.map(|address| address.as_str().map(str::to_owned)).collect();
    Ok(Node {
        peer: text(value, "peer")?.to_owned(),
        addresses: addresses
            .filter(|all| all.len() <= 8)
            .ok_or_else(|| malformed("addresses"))?,
    })
}

const SERVICE: &[&str] = &[
    "ServiceTypeIdentifier",
    "ServiceName",
    "ServiceDigitalIdentity",
    "ServiceInformationExtensions",
];

/// What is in a service, when it is of the type that ends so.
fn service(value: &Value) -> Outcome<(&str, &Value)> {
    only(value, &["ServiceInformation"], "malformed")?;
    let service = member(value, "ServiceInformation")?;
    only(service, SERVICE, "malformed")?;
    name(member(service, "ServiceName")?)?;
    let kind = text(service, "ServiceTypeIdentifier")?.strip_prefix("https://bevis.example/SvcType/");
    Ok((kind.unwrap_or_default(), service))
}

impl Organisation {
    fn take_keys(&mut self, value: &Value) -> Outcome<()> {
        let (kind, service) = service(value)?;
        require(
            kind == "Identity",
            "unsupported",
            "the first service is not the identity",
        )?;
        let identity = member(service, "ServiceDigitalIdentity")?;
        only(identity, &["PublicKeyValues"], "malformed")?;
        for jwk in list(identity, "PublicKeyValues")? {
            only(jwk, &["kty", "crv", "x", "kid", "nbf", "exp", "revoked"], "malformed")?;
            let kid = text(jwk, "kid")?;
            let own = kid.strip_prefix(&self.did).is_some_and(|rest| rest.starts_with('#'));
            require(own, "malformed", "a key is not of the DID that lists it")?;
            if let Some(revoked) = jwk.get("revoked") {
                only(revoked, &["revoked_at", "reason"], "malformed")?;
                require(
                    text(revoked, "reason")? == "compromised",
                    "malformed",
                    "a key's revocation has another reason",
                )?;
            }
            self.keys.push(Key {
                kid: kid.to_owned(),
                public: jwk_key(jwk, "Ed25519")?,
                from: uint(jwk, "nbf")?,
                to: uint(jwk, "exp")?,
                is_compromised: jwk.get("revoked").is_some(),
            });
        }
        Ok(())
    }

    fn take_service(&mut self, value: &Value) -> Outcome<()> {
        let (kind, service) = service(value)?;
        let identity = member(service, "ServiceDigitalIdentity")?;
        only(identity, &["OtherIds"], "malformed")?;
        let bearer = one(member(identity, "OtherIds")?)?.as_str();
        require(
            bearer == Some(self.did.as_str()),
            "malformed",
            "a service names another bearer",
        )?;
        let extension = one(member(service, "ServiceInformationExtensions")?)?;
        only(extension, &["BevisExtension"], "malformed")?;
        let ours = member(extension, "BevisExtension")?;
        match kind {
            "Issuance" => {
                only(ours, &["vct"], "malformed")?;
                self.issues.push(text(ours, "vct")?.to_owned());
            }
            "Presentation" => {
                only(ours, &["registration"], "malformed")?;
                self.registrations
                    .push(Registration::read(member(ours, "registration")?)?);
            }
            _ => return refuse("unsupported", "a service is of a type that we do not know"),
        }
        Ok(())
    }
}

/// Every DID, number, PeerId, key and key id stands once.
fn each_once(organisations: &[Organisation]) -> Outcome<()> {
    let mut seen = BTreeSet::new();
    let mut once = |kind: &str, what: &str| {
        let new = seen.insert(format!("{kind} {what}"));
        require(
            new,
            "malformed",
            "a DID, number, PeerId or key stands twice in the trust document",
        )
    };
    for organisation in organisations {
        once("did", &organisation.did)?;
        once("number", &organisation.number)?;
        for node in &organisation.nodes {
            once("peer", &node.peer)?;
        }
        for key in &organisation.keys {
            once("kid", &key.kid)?;
            once("key", &crate::jose::encode(&key.public))?;
        }
    }
    Ok(())
}
