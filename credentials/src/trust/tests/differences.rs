//! What changes between two documents is named item by item, and nothing else is.

use super::play::{Play, TWO};
use crate::Did;
use crate::schema::Path;
use crate::trust::cast::{self, BANK, TAX, did, kid, now, seeded};
use crate::trust::diff::{self, Change};
use crate::trust::{Class, Draft, Hand, NodeEntry, OrganisationKey, Role, Root, Thresholds};
use std::sync::Arc;

fn changes(bend: impl Fn(&mut Draft)) -> Vec<Change> {
    let mut after = cast::draft();
    bend(&mut after);
    diff::lists(Some(&cast::draft()), &after)
}

#[test]
fn the_same_list_changes_nothing_and_a_first_list_everything() {
    assert_eq!(changes(|draft| draft.sequence += 1), []);
    let all = diff::lists(None, &cast::draft());
    let admitted = all
        .iter()
        .filter(|change| matches!(change, Change::OrganisationAdmitted { .. }));
    assert_eq!(admitted.count(), 4);
    let keys = all.iter().filter(|change| matches!(change, Change::KeyAdded { .. }));
    assert_eq!(keys.count(), 4, "each with its key");
    assert!(
        all.iter()
            .any(|change| matches!(change, Change::ClaimGained { service, .. } if service == "S01"))
    );
}

#[test]
fn what_an_organisation_gains_and_loses_is_named() {
    let tax = || did(TAX);
    let key = || cast::draft().organisations[0].keys[0].clone();
    let second = || OrganisationKey {
        id: format!("{}#key-2", tax()),
        key: cast::key(50).verifying_key(),
        ..key()
    };
    type Case = (fn(&mut Draft), Vec<Change>);
    let cases: Vec<Case> = vec![
        (
            |draft| draft.operator = "Ny".to_owned(),
            vec![Change::Operator {
                before: cast::draft().operator,
                after: "Ny".to_owned(),
            }],
        ),
        (
            |draft| draft.next_update = draft.next_update.plus(1),
            vec![Change::Until {
                before: cast::draft().next_update,
                after: cast::draft().next_update.plus(1),
            }],
        ),
        (
            |draft| draft.organisations[0].name = "SKATT".to_owned(),
            vec![Change::OrganisationRenamed {
                did: tax(),
                before: (TAX.to_uppercase(), "974761076".to_owned()),
                after: ("SKATT".to_owned(), "974761076".to_owned()),
            }],
        ),
        (
            |draft| {
                let second = OrganisationKey {
                    id: format!("{}#key-2", did(TAX)),
                    key: cast::key(50).verifying_key(),
                    ..draft.organisations[0].keys[0].clone()
                };
                draft.organisations[0].keys.push(second);
            },
            vec![Change::KeyAdded {
                did: tax(),
                key: second().id,
                from: second().valid_from,
                until: second().valid_until,
            }],
        ),
        (
            |draft| draft.organisations[0].keys.clear(),
            vec![Change::KeyRemoved {
                did: tax(),
                key: kid(TAX),
            }],
        ),
        (
            |draft| draft.organisations[0].keys[0].key = cast::key(50).verifying_key(),
            vec![Change::KeyReplaced {
                did: tax(),
                key: kid(TAX),
            }],
        ),
        (
            |draft| draft.organisations[0].keys[0].valid_until = now(),
            vec![Change::KeyWindow {
                did: tax(),
                key: kid(TAX),
                before: (key().valid_from, key().valid_until),
                after: (key().valid_from, now()),
            }],
        ),
        (
            |draft| draft.organisations[0].keys[0].compromised = Some(now()),
            vec![Change::KeyCompromised {
                did: tax(),
                key: kid(TAX),
                at: now(),
            }],
        ),
        (
            |draft| draft.organisations[0].nodes[0].addresses.clear(),
            vec![Change::NodeMoved {
                did: tax(),
                peer: cast::peer(1),
                before: cast::draft().organisations[0].nodes[0].addresses.clone(),
                after: Vec::new(),
            }],
        ),
        (
            |draft| {
                draft.organisations[0].nodes = vec![NodeEntry {
                    peer: cast::peer(60),
                    addresses: Vec::new(),
                }];
            },
            vec![
                Change::NodeAdded {
                    did: tax(),
                    peer: cast::peer(60),
                    addresses: Vec::new(),
                },
                Change::NodeRemoved {
                    did: tax(),
                    peer: cast::peer(1),
                },
            ],
        ),
        (
            |draft| {
                draft.organisations[0].issues =
                    vec!["urn:bevis:MonthlyIncome:1".to_owned(), "urn:eudi:pid:1".to_owned()]
            },
            vec![
                Change::TypeGained {
                    did: tax(),
                    vct: "urn:eudi:pid:1".to_owned(),
                },
                Change::TypeLost {
                    did: tax(),
                    vct: "urn:bevis:TaxAssessmentSummary:1".to_owned(),
                },
            ],
        ),
        (
            |draft| drop(draft.organisations.remove(0)),
            vec![Change::OrganisationRemoved {
                did: tax(),
                name: TAX.to_uppercase(),
                number: "974761076".to_owned(),
            }],
        ),
    ];
    for (bend, expected) in cases {
        assert_eq!(changes(bend), expected);
    }
    let mut compromised = cast::draft();
    compromised.organisations[0].keys[0].compromised = Some(now());
    let cleared = Change::KeyCleared {
        did: tax(),
        key: kid(TAX),
    };
    assert_eq!(diff::lists(Some(&compromised), &cast::draft()), [cleared]);
}

#[test]
fn a_registration_that_widens_names_the_claim() {
    let bank = || did(BANK);
    let at = |draft: &Draft, id: &str| {
        let services = &draft.organisations[3].services;
        services
            .iter()
            .position(|service| service.id == id)
            .expect("registered")
    };
    let widened = changes(|draft| {
        let place = at(draft, "S01");
        Arc::make_mut(&mut draft.organisations[3].services[place]).may_ask[0]
            .claims
            .push(Path::of(&["helt_nytt"]));
    });
    let vct = cast::draft().organisations[3].services[at(&cast::draft(), "S01")].may_ask[0]
        .vct
        .clone();
    let expected = Change::ClaimGained {
        did: bank(),
        service: "S01".to_owned(),
        vct,
        claim: "helt_nytt".to_owned(),
    };
    assert_eq!(widened, std::slice::from_ref(&expected));
    assert_eq!(
        serde_json::to_value(&expected).expect("JSON")["change"],
        "claim_gained",
        "each change names itself in JSON"
    );
    let longer = changes(|draft| {
        let place = at(draft, "S01");
        Arc::make_mut(&mut draft.organisations[3].services[place]).request_seconds_max += 1;
    });
    assert!(
        matches!(
            longer.as_slice(),
            [Change::ServiceTerm {
                member: "request_seconds_max",
                ..
            }]
        ),
        "{longer:?}"
    );
    let lost = changes(|draft| {
        let place = at(draft, "S01");
        drop(draft.organisations[3].services.remove(place));
    });
    let expected = Change::ServiceLost {
        did: bank(),
        service: "S01".to_owned(),
    };
    assert_eq!(lost, [expected]);
}

#[test]
fn what_changes_between_roots_is_named_a_reset_of_the_counters_too() {
    let play = Play::new();
    let before = play.ceremony.newest().expect("a root").root().clone();
    let with = |hands: Vec<Hand>, thresholds: Thresholds| Root {
        version: 2,
        anchors: hands.into_iter().map(|hand| hand.anchor).collect(),
        thresholds,
        ..before.clone()
    };
    let hands = || play.ceremony.hands().to_vec();
    assert_eq!(diff::roots(Some(&before), &with(hands(), TWO)), []);
    let mut more = hands();
    more.push(Hand::new("fourth", "Fjerde", Class::Other, &mut seeded("fourth")));
    let changes = diff::roots(Some(&before), &with(more, Thresholds { root: 3, ..TWO }));
    assert_eq!(changes.len(), 5, "an anchor, three keys, a threshold: {changes:?}");
    assert!(changes.contains(&Change::Threshold {
        role: Role::Root,
        before: 2,
        after: 3,
    }));
    let mut replaced = hands();
    let old = replaced[0].anchor.keys.head[0];
    replaced[0].replace(Role::Head, &mut seeded("new"));
    let new = replaced[0].anchor.keys.head[0];
    let changes = diff::roots(Some(&before), &with(replaced, TWO));
    let anchor = || "agency".to_owned();
    let role = Role::Head;
    assert_eq!(
        changes,
        [
            Change::AnchorKeyAdded {
                anchor: anchor(),
                role,
                key: Did::Key(new)
            },
            Change::AnchorKeyRemoved {
                anchor: anchor(),
                role,
                key: Did::Key(old)
            },
            Change::CounterReset { role },
        ]
    );
    let mut fewer = hands();
    fewer.truncate(2);
    fewer[1].anchor.class = Class::Other;
    let changes = diff::roots(Some(&before), &with(fewer, TWO));
    assert!(
        matches!(
            changes.as_slice(),
            [
                Change::AnchorRenamed { .. },
                Change::AnchorRemoved { .. },
                Change::CounterReset { role: Role::Head }
            ]
        ),
        "{changes:?}"
    );
    assert_eq!(
        diff::roots(None, &before).len(),
        12,
        "three anchors with three keys each"
    );
}
