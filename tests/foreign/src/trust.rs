//! §12: the trust list, and what §10 and §14 ask of it. Who signs it is in `anchors`, registrations are in `registration`.

use crate::anchors::Root;
use crate::jose::{Jws, jwk_key};
use crate::json::{self, list, member, only, text, uint};
use crate::problem::{Outcome, Problem, refuse, require};
use crate::registration::Registration;
use crate::time::{DAY, LEEWAY, parse_instant};
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest list, and longest bundle.
const BYTES_MAX: usize = 1_048_576;
const BUNDLE_MAX: usize = 8_388_608;

/// A list whose signatures were checked from the first root on, with the head that names it.
pub(crate) struct Trust {
    /// Root, list, head.
    pub(crate) version: (u64, u64, u64),
    pub(crate) sequence: u64,
    pub(crate) operator: String,
    issued: u64,
    /// The first end of head, list and root.
    ends: u64,
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
    /// Reads and checks a bundle from the root with this fingerprint on.
    pub(crate) fn read(bundle: &str, fingerprint: &str) -> Outcome<Trust> {
        require(bundle.len() <= BUNDLE_MAX, "too_large", "the bundle is too long")?;
        let bundle = json::parse(bundle.as_bytes())?;
        only(&bundle, &["schema", "roots", "list", "head"], "malformed")?;
        let known = text(&bundle, "schema")? == "trust-bundle/v1";
        require(known, "unsupported", "the bundle is of another schema")?;
        let root = Root::chain(list(&bundle, "roots")?, fingerprint)?;
        let head = root.head(list(&bundle, "head")?)?;
        let document = text(&bundle, "list")?;
        require(document.len() <= BYTES_MAX, "too_large", "the trust list is too long")?;
        head.require_names(document)?;
        let document = json::parse(document.as_bytes())?;
        only(&document, &["LoTE", "proof"], "malformed")?;
        root.check_list(&document)?;
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
        let extension = one(member(scheme, "SchemeExtensions")?)?;
        only(extension, &["BevisExtension"], "malformed")?;
        let ours = member(extension, "BevisExtension")?;
        only(ours, &["registrations"], "malformed")?;
        let registrations = list(ours, "registrations")?;
        let entities = entities.iter().map(|entity| organisation(entity, registrations));
        let organisations: Vec<Organisation> = entities.collect::<Outcome<_>>()?;
        each_once(&organisations)?;
        let sequence = uint(scheme, "LoTESequenceNumber")?;
        require(sequence == head.list, "trust_mismatch", "the head names another list")?;
        let next_update = parse_instant(text(scheme, "NextUpdate")?)?;
        Ok(Trust {
            version: (root.version, sequence, head.version),
            sequence,
            operator: name(member(scheme, "SchemeOperatorName")?)?,
            issued: parse_instant(text(scheme, "ListIssueDateTime")?)?.max(head.issued),
            ends: next_update.min(head.expires).min(root.expires),
            organisations,
        })
    }

    /// Refuses to decide by a document that is not current.
    pub(crate) fn require_current(&self, now: u64) -> Outcome<()> {
        let current = now.saturating_add(LEEWAY) >= self.issued && now <= self.ends;
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

fn organisation(entity: &Value, registrations: &[Value]) -> Outcome<Organisation> {
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
        organisation.take_service(service, registrations)?;
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

    fn take_service(&mut self, value: &Value, registrations: &[Value]) -> Outcome<()> {
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
                let place = usize::try_from(uint(ours, "registration")?).ok();
                let registration = place.and_then(|place| registrations.get(place));
                let registration = registration.ok_or_else(|| malformed("registration"))?;
                self.registrations.push(Registration::read(registration)?);
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
