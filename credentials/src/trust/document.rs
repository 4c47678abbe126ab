//! The trust document as JSON: the members of ETSI TS 119 602 that we use, and our extensions.

use super::{Draft, NodeEntry, ORGANISATIONS_MAX, Organisation, OrganisationKey};
use crate::service::Registration;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const LIST_TYPE: &str = "https://bevis.example/LoTEType/OrganisationsList";
const IDENTITY: &str = "https://bevis.example/SvcType/Identity";
const ISSUANCE: &str = "https://bevis.example/SvcType/Issuance";
const PRESENTATION: &str = "https://bevis.example/SvcType/Presentation";
/// Identifier scheme of an organisasjonsnummer: ETSI EN 319 412-1 §5.1.4.
const NUMBER_SCHEME: &str = "NTRNO-";
const EXTENSION: &str = "BevisExtension";
/// Reason of RFC 5280 that we write and read under `revoked`.
const COMPROMISED: &str = "compromised";

/// Most different registrations of a list.
const REGISTRATIONS_MAX: usize = 1_000;

// --- the model of ETSI TS 119 602 ---

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "LoTE")]
    list: List,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    list_and_scheme_information: Scheme,
    trusted_entities_list: Vec<Entity>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scheme {
    #[serde(rename = "LoTEVersionIdentifier")]
    version: u64,
    #[serde(rename = "LoTESequenceNumber")]
    sequence: u64,
    #[serde(rename = "LoTEType")]
    list_type: String,
    scheme_operator_name: Vec<Name>,
    scheme_territory: String,
    list_issue_date_time: String,
    next_update: String,
    scheme_extensions: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    lang: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entity {
    trusted_entity_information: Information,
    trusted_entity_services: Vec<Service>,
}

#[derive(Serialize, Deserialize)]
struct Information {
    #[serde(rename = "TEName")]
    name: Vec<Name>,
    #[serde(rename = "TETradeName")]
    trade_name: Vec<Name>,
    #[serde(rename = "TEInformationExtensions")]
    extensions: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Service {
    service_information: ServiceInformation,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ServiceInformation {
    service_type_identifier: String,
    service_name: Vec<Name>,
    service_digital_identity: DigitalIdentity,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    service_information_extensions: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DigitalIdentity {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key_values: Option<Vec<Map<String, Value>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_ids: Option<Vec<String>>,
}

// --- our extensions ---

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityExtension {
    did: Did,
    nodes: Vec<Node>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    peer: String,
    addresses: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuanceExtension {
    vct: String,
}

/// Each registration once: most banks have the same ones, and the whole list travels to everybody.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemeExtension {
    registrations: Vec<Arc<Registration>>,
}

/// The place of the registration in [`SchemeExtension`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresentationExtension {
    registration: usize,
}

/// What stands in a JWK of `PublicKeyValues` beside the key itself; windows as in OpenID Federation 1.0 §8.7.2.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    kid: String,
    kty: String,
    crv: String,
    x: String,
    nbf: Timestamp,
    exp: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<Revoked>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    revoked_at: Timestamp,
    reason: String,
}

// --- writing ---

pub(super) fn write(draft: &Draft) -> Value {
    let mut registrations: Vec<Arc<Registration>> = Vec::new();
    for registration in draft
        .organisations
        .iter()
        .flat_map(|organisation| &organisation.services)
    {
        if !registrations.contains(registration) {
            registrations.push(registration.clone());
        }
    }
    let entities = draft.organisations.iter();
    let entities = entities
        .map(|organisation| write_entity(organisation, &registrations))
        .collect();
    let document = Document {
        list: List {
            list_and_scheme_information: Scheme {
                version: 1,
                sequence: draft.sequence,
                list_type: LIST_TYPE.to_owned(),
                scheme_operator_name: name(&draft.operator),
                scheme_territory: "NO".to_owned(),
                list_issue_date_time: draft.issued.to_string(),
                next_update: draft.next_update.to_string(),
                scheme_extensions: vec![json!({ EXTENSION: SchemeExtension { registrations } })],
            },
            trusted_entities_list: entities,
        },
        proof: None,
    };
    json!(document)
}

fn write_entity(organisation: &Organisation, registrations: &[Arc<Registration>]) -> Entity {
    let other_ids = || DigitalIdentity {
        public_key_values: None,
        other_ids: Some(vec![organisation.did.to_string()]),
    };
    let mut services = vec![service(
        IDENTITY,
        &organisation.name,
        DigitalIdentity {
            public_key_values: Some(organisation.keys.iter().map(write_key).collect()),
            other_ids: None,
        },
        None,
    )];
    services.extend(organisation.issues.iter().map(|vct| {
        let extension = IssuanceExtension { vct: vct.clone() };
        service(ISSUANCE, vct, other_ids(), Some(json!(extension)))
    }));
    services.extend(organisation.services.iter().map(|registration| {
        let place = registrations.iter().position(|known| known == registration);
        let extension = PresentationExtension {
            registration: place.unwrap_or(registrations.len()),
        };
        service(PRESENTATION, &registration.name.nb, other_ids(), Some(json!(extension)))
    }));
    let extension = EntityExtension {
        did: organisation.did.clone(),
        nodes: organisation
            .nodes
            .iter()
            .map(|node| Node {
                peer: node.peer.clone(),
                addresses: node.addresses.clone(),
            })
            .collect(),
    };
    Entity {
        trusted_entity_information: Information {
            name: name(&organisation.name),
            trade_name: name(&format!("{NUMBER_SCHEME}{}", organisation.number)),
            extensions: vec![json!({ EXTENSION: extension })],
        },
        trusted_entity_services: services,
    }
}

fn service(kind: &str, called: &str, identity: DigitalIdentity, extension: Option<Value>) -> Service {
    Service {
        service_information: ServiceInformation {
            service_type_identifier: kind.to_owned(),
            service_name: name(called),
            service_digital_identity: identity,
            service_information_extensions: extension
                .map(|extension| json!({ EXTENSION: extension }))
                .into_iter()
                .collect(),
        },
    }
}

fn write_key(key: &OrganisationKey) -> Map<String, Value> {
    let mut jwk = match key.key.to_jwk() {
        Value::Object(jwk) => jwk,
        _ => Map::new(),
    };
    jwk.insert("kid".to_owned(), json!(key.id));
    jwk.insert("nbf".to_owned(), json!(key.valid_from));
    jwk.insert("exp".to_owned(), json!(key.valid_until));
    if let Some(at) = key.compromised {
        let revoked = Revoked {
            revoked_at: at,
            reason: COMPROMISED.to_owned(),
        };
        jwk.insert("revoked".to_owned(), json!(revoked));
    }
    jwk
}

fn name(text: &str) -> Vec<Name> {
    vec![Name {
        lang: "nb".to_owned(),
        value: text.to_owned(),
    }]
}

// --- reading ---

/// The content, and each registration once.
pub(super) fn read(value: &Value) -> Result<(Draft, Vec<Arc<Registration>>), Problem> {
    let document: Document = parse(value, "LoTE")?;
    let scheme = document.list.list_and_scheme_information;
    if scheme.version != 1 {
        return Err(Problem::new(Code::Unsupported, "LoTEVersionIdentifier"));
    }
    if scheme.list_type != LIST_TYPE {
        return Err(Problem::new(Code::Unsupported, "LoTEType"));
    }
    let entities = document.list.trusted_entities_list;
    if entities.len() > ORGANISATIONS_MAX {
        return Err(Problem::new(Code::TooLarge, "TrustedEntitiesList"));
    }
    let extension: SchemeExtension = read_extension(&scheme.scheme_extensions, "SchemeExtensions")?;
    let registrations = once(extension)?;
    let draft = Draft {
        sequence: scheme.sequence,
        operator: one_name(&scheme.scheme_operator_name, "SchemeOperatorName")?,
        issued: time(&scheme.list_issue_date_time, "ListIssueDateTime")?,
        next_update: time(&scheme.next_update, "NextUpdate")?,
        organisations: entities
            .into_iter()
            .map(|entity| read_entity(entity, &registrations))
            .collect::<Result<_, _>>()?,
    };
    Ok((draft, registrations))
}

/// The registrations of a list, each once: all organisations that have one share it, so that a short list stands for no more than
/// it holds.
fn once(extension: SchemeExtension) -> Result<Vec<Arc<Registration>>, Problem> {
    let mut each: Vec<Arc<Registration>> = Vec::new();
    for registration in extension.registrations {
        if each.len() >= REGISTRATIONS_MAX {
            return Err(Problem::new(Code::TooLarge, "SchemeExtensions"));
        }
        if each.contains(&registration) {
            return Err(malformed("registration twice"));
        }
        each.push(registration);
    }
    Ok(each)
}

fn read_entity(entity: Entity, registrations: &[Arc<Registration>]) -> Result<Organisation, Problem> {
    let information = entity.trusted_entity_information;
    let extension: EntityExtension = read_extension(&information.extensions, "TEInformationExtensions")?;
    let trade_name = one_name(&information.trade_name, "TETradeName")?;
    let mut organisation = Organisation {
        did: extension.did,
        number: trade_name
            .strip_prefix(NUMBER_SCHEME)
            .ok_or_else(|| malformed("TETradeName"))?
            .to_owned(),
        name: one_name(&information.name, "TEName")?,
        keys: Vec::new(),
        nodes: extension
            .nodes
            .into_iter()
            .map(|node| NodeEntry {
                peer: node.peer,
                addresses: node.addresses,
            })
            .collect(),
        issues: Vec::new(),
        services: Vec::new(),
    };
    let mut services = entity
        .trusted_entity_services
        .into_iter()
        .map(|service| service.service_information);
    let identity = services
        .next()
        .filter(|service| service.service_type_identifier == IDENTITY)
        .ok_or_else(|| malformed("TrustedEntityServices"))?;
    if !identity.service_information_extensions.is_empty() || identity.service_digital_identity.other_ids.is_some() {
        return Err(malformed("ServiceDigitalIdentity"));
    }
    for jwk in identity.service_digital_identity.public_key_values.unwrap_or_default() {
        organisation.keys.push(read_key(jwk)?);
    }
    for service in services {
        let identity = &service.service_digital_identity;
        if identity.public_key_values.is_some()
            || identity.other_ids.as_deref() != Some(&[organisation.did.to_string()])
        {
            return Err(malformed("ServiceDigitalIdentity"));
        }
        let extensions = &service.service_information_extensions;
        let place = "ServiceInformationExtensions";
        match service.service_type_identifier.as_str() {
            ISSUANCE => {
                let extension: IssuanceExtension = read_extension(extensions, place)?;
                organisation.issues.push(extension.vct);
            }
            PRESENTATION => {
                let extension: PresentationExtension = read_extension(extensions, place)?;
                let registration = registrations.get(extension.registration);
                let registration = registration.ok_or_else(|| malformed("registration"))?;
                organisation.services.push(Arc::clone(registration));
            }
            _ => return Err(Problem::new(Code::Unsupported, "ServiceTypeIdentifier")),
        }
    }
    Ok(organisation)
}

fn read_key(jwk: Map<String, Value>) -> Result<OrganisationKey, Problem> {
    let jwk = Value::Object(jwk);
    let key = VerifyingKey::from_jwk(&jwk).ok_or_else(|| malformed("PublicKeyValues"))?;
    let entry: KeyEntry = parse(&jwk, "PublicKeyValues")?;
    Ok(OrganisationKey {
        id: entry.kid,
        key,
        valid_from: entry.nbf,
        valid_until: entry.exp,
        compromised: entry
            .revoked
            .map(|revoked| match revoked.reason.as_str() {
                COMPROMISED => Ok(revoked.revoked_at),
                _ => Err(Problem::new(Code::Unsupported, "revoked")),
            })
            .transpose()?,
    })
}

/// The one extension, which must be ours: one that we do not know could narrow what the entry allows.
fn read_extension<T: DeserializeOwned>(extensions: &[Value], place: &'static str) -> Result<T, Problem> {
    let [Value::Object(extension)] = extensions else {
        return Err(malformed(place));
    };
    match extension.get(EXTENSION) {
        Some(value) if extension.len() == 1 => parse(value, place),
        _ => Err(malformed(place)),
    }
}

fn parse<T: DeserializeOwned>(value: &Value, place: &'static str) -> Result<T, Problem> {
    // The library's message could repeat a value of the document.
    serde_json::from_value(value.clone()).map_err(|_| malformed(place))
}

fn one_name(names: &[Name], place: &'static str) -> Result<String, Problem> {
    match names {
        [name] => Ok(name.value.clone()),
        _ => Err(malformed(place)),
    }
}

fn time(text: &str, place: &'static str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).ok_or_else(|| malformed(place))
}

fn malformed(place: &'static str) -> Problem {
    Problem::new(Code::Malformed, place)
}
