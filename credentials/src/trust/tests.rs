//! The trust document: what is signed reads back, and every bend of it is refused.

use super::cast::{self, BANK, TAX, did, kid, now, peer};
use super::*;
use serde_json::json;

/// What a case is called, and how it is bent.
type Bend = (&'static str, fn(&mut Draft));

fn verify(text: &str) -> Result<Trust, Code> {
    Trust::verify(text, &[cast::anchor().verifying_key()]).map_err(|problem| problem.code)
}

/// Signs what `bend` makes of the document; the proof is right whatever the document says.
fn bent(bend: impl Fn(&mut Value)) -> String {
    let mut document = cast::draft().to_value();
    bend(&mut document);
    let signed = proof::sign(
        proof::Suite::Jcs,
        &document,
        &method_of(cast::anchor().verifying_key()),
        proof::Purpose::Assertion,
        now(),
        None,
        &cast::anchor(),
    )
    .expect("signs");
    signed.to_string()
}

fn bent_draft(bend: impl Fn(&mut Draft)) -> Result<(), Code> {
    let mut draft = cast::draft();
    bend(&mut draft);
    draft
        .sign(now(), &cast::anchor())
        .map(|_| ())
        .map_err(|problem| problem.code)
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
fn only_an_anchor_signs_a_list() {
    let text = cast::draft().sign(now(), &cast::anchor()).expect("signs");
    assert!(verify(&text).is_ok());
    let stranger = cast::draft().sign(now(), &cast::key(99)).expect("signs");
    assert_eq!(verify(&stranger).err(), Some(Code::UnknownKey));
    let altered = text.replace("974761076", "974760673");
    assert_eq!(verify(&altered).err(), Some(Code::SignatureInvalid));
    let unsigned = cast::draft().to_value().to_string();
    assert_eq!(verify(&unsigned).err(), Some(Code::SignatureInvalid));
    let mut twice: Value = serde_json::from_str(&text).expect("JSON");
    let ours = twice["proof"].clone();
    let mut theirs = ours.clone();
    theirs["verificationMethod"] = json!(method_of(cast::key(99).verifying_key()));
    twice["proof"] = json!([ours, theirs]);
    assert_eq!(
        verify(&twice.to_string()).err(),
        Some(Code::UnknownKey),
        "a second proof is not passed over"
    );
    let mut other = serde_json::from_str::<Value>(&text).expect("JSON");
    other["proof"]["cryptosuite"] = json!("eddsa-rdfc-2022");
    assert_eq!(verify(&other.to_string()).err(), Some(Code::Unsupported));
    assert!(Trust::verify(&text, &[]).is_err(), "no anchors, no trust");
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
    assert!(verify(&bent(|_| {})).is_ok());
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
            verify(&put(pointer.clone(), name)).err(),
            Some(Code::Malformed),
            "{pointer} {name}"
        );
    }
    for pointer in [
        "/LoTE/ListAndSchemeInformation",
        "/LoTE/TrustedEntitiesList/0/TrustedEntityInformation",
    ] {
        assert!(verify(&put(pointer.to_owned(), "More")).is_ok(), "{pointer}");
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
        assert_eq!(verify(&text).err(), Some(Code::Unsupported), "{pointer}");
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
            draft.organisations[3].services[0].request_seconds_max = -1;
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
    assert_eq!(verify(&" ".repeat(TRUST_MAX + 1)).err(), Some(Code::TooLarge));
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
fn a_list_counts_from_its_issue_to_its_next_update() {
    let trust = cast::listed(&cast::draft());
    let current = |text: &str| {
        let now = Timestamp::parse(text).expect("an instant");
        trust.current(now).map_err(|problem| problem.code)
    };
    assert_eq!(current("2026-06-30T23:54:59Z"), Err(Code::ClockSuspect));
    assert_eq!(current("2026-06-30T23:55:00Z"), Ok(()), "clock skew");
    assert_eq!(current("2026-08-01T00:00:00Z"), Ok(()));
    assert_eq!(current("2026-08-01T00:00:01Z"), Err(Code::TrustStale));
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
