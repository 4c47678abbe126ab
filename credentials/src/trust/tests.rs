//! The trust document: what is signed reads back, and every bend of it is refused.

mod certificates;
mod differences;
mod heads;
mod histories;
mod lists;
mod news;
mod order;
mod play;
mod recovery;
mod roots;

use super::cast::{self, BANK, TAX, did, kid, now, peer};
use super::*;
use crate::key::Signer;
use serde_json::Value;
use serde_json::json;

/// What a case is called, and how it is bent.
type Bend = (&'static str, fn(&mut Draft));

/// The root whose list keys count.
fn root() -> Root {
    cast::ceremony().newest().expect("a root").root().clone()
}

fn open(text: &str) -> Result<List, Code> {
    List::open(text, &root()).map_err(|problem| problem.code)
}

/// Signs what `bend` makes of the document; the proofs are right whatever the document says.
fn bent(bend: impl Fn(&mut Value)) -> String {
    let mut document = cast::draft().to_value();
    bend(&mut document);
    let ceremony = cast::ceremony();
    let keys = ceremony.hands().iter().filter_map(|hand| hand.key(Role::List));
    let keys: Vec<&dyn Signer> = keys.map(|key| key as &dyn Signer).collect();
    play::signed(&document, &keys)
}

fn bent_draft(bend: impl Fn(&mut Draft)) -> Result<(), Code> {
    let mut draft = cast::draft();
    bend(&mut draft);
    draft.check().map_err(|problem| problem.code)
}

#[test]
fn a_signed_list_is_read_back_as_it_was_built() {
    let mut draft = cast::draft();
    draft.organisations[0].keys[0].compromised = Some(now());
    let trust = cast::listed(&draft);
    assert_eq!(*trust.document(), draft);
    assert_eq!(trust.sequence(), 7);
    assert_eq!(Draft::from_value(&draft.to_value()).expect("reads"), draft);
    let signed = serde_json::from_str(trust.text()).expect("JSON");
    assert_eq!(Draft::from_value(&signed).expect("reads"), draft, "signed");
}

#[test]
fn a_list_has_the_members_of_the_etsi_model() {
    let document = cast::draft().to_value();
    for (pointer, expected) in [
        ("/LoTE/ListAndSchemeInformation/LoTEVersionIdentifier", json!(1)),
        ("/LoTE/ListAndSchemeInformation/LoTESequenceNumber", json!(7)),
        (
            "/LoTE/ListAndSchemeInformation/NextUpdate",
            json!("2026-08-01T00:00:00Z"),
        ),
        (
            "/LoTE/TrustedEntitiesList/0/TrustedEntityInformation/TETradeName/0/value",
            json!("NTRNO-974761076"),
        ),
        (
            "/LoTE/TrustedEntitiesList/0/TrustedEntityServices/0/ServiceInformation/ServiceDigitalIdentity/PublicKeyValues/0/kid",
            json!("did:web:skatteetaten.example#key-1"),
        ),
        (
            "/LoTE/TrustedEntitiesList/0/TrustedEntityServices/1/ServiceInformation/ServiceInformationExtensions/0/BevisExtension/vct",
            json!("urn:bevis:MonthlyIncome:1"),
        ),
    ] {
        assert_eq!(document.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn unknown_members_are_refused_where_they_could_change_what_an_entry_means() {
    let entity = "/LoTE/TrustedEntitiesList/0";
    let put = |pointer: String, name: &'static str| {
        bent(move |document| {
            document.pointer_mut(&pointer).expect("a place")[name] = json!("withdrawn");
        })
    };
    let service = format!("{entity}/TrustedEntityServices/1/ServiceInformation");
    let extension = format!("{entity}/TrustedEntityInformation/TEInformationExtensions/0");
    assert!(open(&bent(|_| {})).is_ok());
    for (pointer, name) in [
        (String::new(), "more"),
        ("/LoTE".to_owned(), "more"),
        (service.clone(), "ServiceStatus"),
        (format!("{service}/ServiceInformationExtensions/0"), "Other"),
        (
            format!("{service}/ServiceInformationExtensions/0/BevisExtension"),
            "until",
        ),
        (format!("{extension}/BevisExtension"), "role"),
        (
            format!("{entity}/TrustedEntityServices/0/ServiceInformation/ServiceDigitalIdentity/PublicKeyValues/0"),
            "d",
        ),
    ] {
        assert_eq!(
            open(&put(pointer.clone(), name)).err(),
            Some(Code::Malformed),
            "{pointer} {name}"
        );
    }
    for pointer in [
        "/LoTE/ListAndSchemeInformation",
        "/LoTE/TrustedEntitiesList/0/TrustedEntityInformation",
    ] {
        assert!(open(&put(pointer.to_owned(), "More")).is_ok(), "{pointer}");
    }
}

#[test]
fn other_versions_and_kinds_of_list_and_service_are_unsupported() {
    for pointer in [
        "/LoTE/ListAndSchemeInformation/LoTEVersionIdentifier",
        "/LoTE/ListAndSchemeInformation/LoTEType",
        "/LoTE/TrustedEntitiesList/0/TrustedEntityServices/1/ServiceInformation/ServiceTypeIdentifier",
    ] {
        let text = bent(|document| {
            let member = document.pointer_mut(pointer).expect("a place");
            *member = match member {
                Value::String(_) => json!("https://bevis.example/other"),
                _ => json!(2),
            };
        });
        assert_eq!(open(&text).err(), Some(Code::Unsupported), "{pointer}");
    }
}

#[test]
fn what_names_one_organisation_names_no_other() {
    assert_eq!(bent_draft(|_| {}), Ok(()));
    let doubled: [Bend; 5] = [
        ("DID", |draft| {
            draft.organisations[1].did = did(TAX);
            draft.organisations[1].keys[0].id = "did:web:skatteetaten.example#key-2".to_owned();
        }),
        ("number", |draft| {
            draft.organisations[1].number = draft.organisations[0].number.clone();
        }),
        ("PeerId", |draft| {
            draft.organisations[1].nodes[0].peer = draft.organisations[0].nodes[0].peer.clone();
        }),
        ("key", |draft| {
            draft.organisations[1].keys[0].key = draft.organisations[0].keys[0].key;
        }),
        ("key id", |draft| {
            let mut second = draft.organisations[0].keys[0].clone();
            second.key = cast::key(50).verifying_key();
            draft.organisations[0].keys.push(second);
        }),
    ];
    for (what, bend) in doubled {
        assert_eq!(bent_draft(bend), Err(Code::Malformed), "{what}");
    }
}

#[test]
fn parts_that_have_not_their_form_are_refused() {
    let bends: [Bend; 12] = [
        ("next update", |draft| draft.next_update = draft.issued),
        ("operator", |draft| draft.operator = String::new()),
        ("method", |draft| {
            draft.organisations[0].did = Did::Key(cast::key(9).verifying_key());
        }),
        ("number", |draft| {
            draft.organisations[0].number = "112233445".to_owned();
        }),
        ("name", |draft| draft.organisations[0].name = "a\nb".to_owned()),
        ("another's key", |draft| {
            draft.organisations[0].keys[0].id = kid(BANK);
        }),
        ("key without a name", |draft| {
            draft.organisations[0].keys[0].id = "did:web:skatteetaten.example#".to_owned();
        }),
        ("window", |draft| {
            draft.organisations[0].keys[0].valid_until = draft.organisations[0].keys[0].valid_from;
        }),
        ("short PeerId", |draft| {
            draft.organisations[0].nodes[0].peer = "12D3".to_owned();
        }),
        ("PeerId", |draft| {
            draft.organisations[0].nodes[0].peer = format!("{}0", peer(1));
        }),
        ("address", |draft| {
            draft.organisations[0].nodes[0].addresses = vec!["127.0.0.1:4001".to_owned()];
        }),
        ("registration", |draft| {
            Arc::make_mut(&mut draft.organisations[3].services[0]).request_seconds_max = -1;
        }),
    ];
    for (what, bend) in bends {
        assert_eq!(bent_draft(bend), Err(Code::Malformed), "{what}");
    }
}

#[test]
fn every_list_in_the_list_has_its_limit() {
    fn keys(count: u8) -> impl Fn(&mut Draft) {
        move |draft| {
            draft.organisations[0].keys = (0..count)
                .map(|number| OrganisationKey {
                    id: format!("did:web:skatteetaten.example#key-{number}"),
                    key: cast::key(100 + number).verifying_key(),
                    ..cast::draft().organisations[0].keys[0].clone()
                })
                .collect();
        }
    }
    fn nodes(count: u8) -> impl Fn(&mut Draft) {
        move |draft| {
            draft.organisations[0].nodes = (0..count)
                .map(|number| NodeEntry {
                    peer: peer(100 + number),
                    addresses: Vec::new(),
                })
                .collect();
        }
    }
    fn types(count: u8) -> impl Fn(&mut Draft) {
        move |draft| {
            draft.organisations[0].issues = (0..count).map(|n| format!("urn:bevis:T{n}:1")).collect();
        }
    }
    assert_eq!(bent_draft(keys(16)), Ok(()));
    assert_eq!(bent_draft(keys(17)), Err(Code::TooLarge));
    assert_eq!(bent_draft(nodes(8)), Ok(()));
    assert_eq!(bent_draft(nodes(9)), Err(Code::TooLarge));
    assert_eq!(bent_draft(types(64)), Ok(()));
    assert_eq!(bent_draft(types(65)), Err(Code::TooLarge));
    let many = |draft: &mut Draft| {
        draft.organisations = vec![draft.organisations[0].clone(); 1_001];
    };
    assert_eq!(bent_draft(many), Err(Code::TooLarge));
    assert_eq!(open(&" ".repeat(TRUST_MAX + 1)).err(), Some(Code::TooLarge));
}

#[test]
fn organisations_are_found_by_did_and_by_node_and_not_otherwise() {
    let trust = cast::listed(&cast::draft());
    let found = trust.organisation(&did(TAX)).expect("listed");
    assert_eq!(found.number, "974761076");
    assert_eq!(trust.organisation_of_peer(&peer(1)), Some(found));
    assert_eq!(trust.organisation(&did("annen.example")), None);
    assert_eq!(trust.organisation_of_peer(&peer(99)), None);
    assert!(
        trust
            .organisation(&did(BANK))
            .is_some_and(|bank| bank.service("S01").is_some())
    );
    assert!(found.service("S01").is_none());
}

#[test]
fn a_list_counts_until_its_next_update_however_new_its_head_is() {
    let mut draft = cast::draft();
    draft.next_update = now().plus(60);
    let trust = cast::listed(&draft);
    let current = |seconds: i64| trust.current(now().plus(seconds)).map_err(|problem| problem.code);
    assert_eq!(current(0), Ok(()));
    assert_eq!(current(60), Ok(()));
    assert_eq!(current(61), Err(Code::TrustStale));
    assert_eq!(current(-300), Ok(()), "clock skew");
    assert_eq!(current(-301), Err(Code::ClockSuspect));
}

#[test]
fn a_registration_stands_once_however_many_have_it() {
    let mut draft = cast::draft();
    let mut services: Vec<Arc<Registration>> = Registration::builtin().into_iter().map(Arc::new).collect();
    Arc::make_mut(&mut services[0]).request_seconds_max += 1;
    for organisation in &mut draft.organisations[..2] {
        organisation.services = services.clone();
    }
    let document = draft.to_value();
    let place = "/LoTE/ListAndSchemeInformation/SchemeExtensions/0/BevisExtension/registrations";
    let registrations = document.pointer(place).and_then(Value::as_array).expect("a table");
    assert_eq!(registrations.len(), Registration::builtin().len() + 1, "one is another");
    assert_eq!(Draft::from_value(&document).as_ref(), Ok(&draft));
    let code = |bend: &dyn Fn(&mut Value)| {
        let mut bent = document.clone();
        bend(bent.pointer_mut(place).expect("a table"));
        Draft::from_value(&bent).map_err(|problem| problem.code).err()
    };
    assert_eq!(code(&|_| {}), None);
    assert_eq!(
        code(&|table| drop(table.as_array_mut().map(Vec::pop))),
        Some(Code::Malformed),
        "one is missing"
    );
    assert_eq!(
        code(&|table| {
            let first = table[0].clone();
            table.as_array_mut().expect("a table").push(first);
        }),
        Some(Code::Malformed),
        "one stands twice"
    );
}

#[test]
fn a_short_list_stands_for_no_more_registrations_than_it_holds() {
    let mut draft = cast::draft();
    let services: Vec<Arc<Registration>> = Registration::builtin().into_iter().map(Arc::new).collect();
    for organisation in &mut draft.organisations {
        organisation.services = services.clone();
    }
    let read = Draft::from_value(&draft.to_value()).expect("reads");
    let first = &read.organisations[0].services;
    assert_eq!(first, &services);
    for organisation in &read.organisations {
        let mut pairs = first.iter().zip(&organisation.services);
        assert!(
            pairs.all(|(one, other)| Arc::ptr_eq(one, other)),
            "one in memory for all"
        );
    }
}

#[test]
fn a_key_counts_in_its_window_and_never_once_compromised() {
    let mut organisation = cast::draft().organisations[0].clone();
    organisation.keys[0].valid_from = now();
    let at = |organisation: &Organisation, signed: Timestamp| {
        organisation
            .key_at(&kid(TAX), signed)
            .map(|_| ())
            .map_err(|problem| problem.code)
    };
    assert_eq!(at(&organisation, now()), Ok(()));
    assert_eq!(at(&organisation, now().plus(-1)), Err(Code::KeyOutsideWindow));
    let until = organisation.keys[0].valid_until;
    assert_eq!(at(&organisation, until), Ok(()));
    assert_eq!(at(&organisation, until.plus(1)), Err(Code::KeyOutsideWindow));
    assert_eq!(
        organisation
            .key_at("did:web:skatteetaten.example#key-9", now())
            .map_err(|p| p.code),
        Err(Code::UnknownKey)
    );
    assert!(
        organisation.key_on_day(&kid(TAX), now().day()).is_ok(),
        "a time rounded to the day a key became valid is inside its window"
    );
    assert!(organisation.key_on_day(&kid(TAX), now().day().plus(-1)).is_err());
    organisation.keys[0].compromised = Some(now().plus(1_000_000));
    assert_eq!(at(&organisation, now()), Err(Code::KeyCompromised));
}
