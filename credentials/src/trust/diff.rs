//! What changes between two lists or two roots, item by item, so that whoever signs can be told in words.

use super::anchor::{Anchor, Class, Role};
use super::root::Root;
use super::{Draft, Organisation, OrganisationKey};
use crate::service::Registration;
use crate::{Did, Timestamp, VerifyingKey};
use serde::Serialize;
use std::collections::BTreeSet;

/// One change. In JSON: an object whose `change` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The name of the operator.
    Operator {
        /// Before.
        before: String,
        /// After.
        after: String,
    },
    /// The time until which the document counts.
    Until {
        /// Before.
        before: Timestamp,
        /// After.
        after: Timestamp,
    },
    /// An organisation comes into the list, with everything it has named by further changes.
    OrganisationAdmitted {
        /// DID.
        did: Did,
        /// Registered name.
        name: String,
        /// organisasjonsnummer
        number: String,
    },
    /// An organisation goes out of the list, with everything it had.
    OrganisationRemoved {
        /// DID.
        did: Did,
        /// Registered name.
        name: String,
        /// organisasjonsnummer
        number: String,
    },
    /// Name or number of an organisation.
    OrganisationRenamed {
        /// DID.
        did: Did,
        /// Name and number before.
        before: (String, String),
        /// Name and number after.
        after: (String, String),
    },
    /// A key is added.
    KeyAdded {
        /// DID.
        did: Did,
        /// Its id.
        key: String,
        /// Valid from.
        from: Timestamp,
        /// Valid until.
        until: Timestamp,
    },
    /// A key is gone: what it signed is no longer valid.
    KeyRemoved {
        /// DID.
        did: Did,
        /// Its id.
        key: String,
    },
    /// Another key stands under the same id.
    KeyReplaced {
        /// DID.
        did: Did,
        /// Its id.
        key: String,
    },
    /// The window of a key.
    KeyWindow {
        /// DID.
        did: Did,
        /// Its id.
        key: String,
        /// From and until, before.
        before: (Timestamp, Timestamp),
        /// From and until, after.
        after: (Timestamp, Timestamp),
    },
    /// A key counts as compromised: nothing it ever signed counts.
    KeyCompromised {
        /// DID.
        did: Did,
        /// Its id.
        key: String,
        /// As of.
        at: Timestamp,
    },
    /// A key that counted as compromised counts again.
    KeyCleared {
        /// DID.
        did: Did,
        /// Its id.
        key: String,
    },
    /// A node is added.
    NodeAdded {
        /// DID.
        did: Did,
        /// PeerId.
        peer: String,
        /// Addresses.
        addresses: Vec<String>,
    },
    /// A node is gone.
    NodeRemoved {
        /// DID.
        did: Did,
        /// PeerId.
        peer: String,
    },
    /// A node has other addresses.
    NodeMoved {
        /// DID.
        did: Did,
        /// PeerId.
        peer: String,
        /// Addresses before.
        before: Vec<String>,
        /// Addresses after.
        after: Vec<String>,
    },
    /// It may issue a type.
    TypeGained {
        /// DID.
        did: Did,
        /// `vct`.
        vct: String,
    },
    /// It may no longer issue a type.
    TypeLost {
        /// DID.
        did: Did,
        /// `vct`.
        vct: String,
    },
    /// It may ask under a service, for everything named by further changes.
    ServiceGained {
        /// DID.
        did: Did,
        /// Id of the service.
        service: String,
    },
    /// It may no longer ask under a service.
    ServiceLost {
        /// DID.
        did: Did,
        /// Id of the service.
        service: String,
    },
    /// It may ask for a claim.
    ClaimGained {
        /// DID.
        did: Did,
        /// Id of the service.
        service: String,
        /// Type.
        vct: String,
        /// Path of the claim.
        claim: String,
    },
    /// It may no longer ask for a claim.
    ClaimLost {
        /// DID.
        did: Did,
        /// Id of the service.
        service: String,
        /// Type.
        vct: String,
        /// Path of the claim.
        claim: String,
    },
    /// Another term of a service: purpose, ground, times. The member is named as in the registration.
    ServiceTerm {
        /// DID.
        did: Did,
        /// Id of the service.
        service: String,
        /// Which member.
        member: &'static str,
        /// As JSON, before.
        before: String,
        /// As JSON, after.
        after: String,
    },
    /// An anchor comes in, with its keys named by further changes.
    AnchorAdmitted {
        /// Id.
        anchor: String,
        /// Name.
        name: String,
        /// Class.
        class: Class,
    },
    /// An anchor goes out, with all its keys.
    AnchorRemoved {
        /// Id.
        anchor: String,
        /// Name.
        name: String,
        /// Class.
        class: Class,
    },
    /// Name, class or number of an anchor.
    AnchorRenamed {
        /// Id.
        anchor: String,
        /// Name, class and number before.
        before: (String, Class, Option<String>),
        /// Name, class and number after.
        after: (String, Class, Option<String>),
    },
    /// An anchor has one key more.
    AnchorKeyAdded {
        /// Id.
        anchor: String,
        /// Role of the key.
        role: Role,
        /// `did:key`.
        key: Did,
    },
    /// An anchor has one key less.
    AnchorKeyRemoved {
        /// Id.
        anchor: String,
        /// Role of the key.
        role: Role,
        /// `did:key`.
        key: Did,
    },
    /// How many anchors must sign.
    Threshold {
        /// What.
        role: Role,
        /// Before.
        before: u8,
        /// After.
        after: u8,
    },
    /// So many keys go that they could have signed by themselves: clients start counting anew.
    CounterReset {
        /// Of lists or of heads.
        role: Role,
    },
}

/// What changes from one list to the next, in the order of the later one; what is gone comes last. Against no list, everything
/// is new.
pub fn lists(before: Option<&Draft>, after: &Draft) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(before) = before {
        if before.operator != after.operator {
            changes.push(Change::Operator {
                before: before.operator.clone(),
                after: after.operator.clone(),
            });
        }
        if before.next_update != after.next_update {
            changes.push(Change::Until {
                before: before.next_update,
                after: after.next_update,
            });
        }
    }
    let old = before.map(|before| before.organisations.as_slice()).unwrap_or_default();
    for organisation in &after.organisations {
        match old.iter().find(|old| old.did == organisation.did) {
            Some(old) => organisations(old, organisation, &mut changes),
            None => {
                changes.push(Change::OrganisationAdmitted {
                    did: organisation.did.clone(),
                    name: organisation.name.clone(),
                    number: organisation.number.clone(),
                });
                let nothing = Organisation {
                    keys: Vec::new(),
                    nodes: Vec::new(),
                    issues: Vec::new(),
                    services: Vec::new(),
                    ..organisation.clone()
                };
                organisations(&nothing, organisation, &mut changes);
            }
        }
    }
    let is_gone = |old: &&Organisation| {
        !after
            .organisations
            .iter()
            .any(|organisation| organisation.did == old.did)
    };
    changes.extend(old.iter().filter(is_gone).map(|gone| Change::OrganisationRemoved {
        did: gone.did.clone(),
        name: gone.name.clone(),
        number: gone.number.clone(),
    }));
    changes
}

fn organisations(before: &Organisation, after: &Organisation, changes: &mut Vec<Change>) {
    let did = || after.did.clone();
    let named = |organisation: &Organisation| (organisation.name.clone(), organisation.number.clone());
    if named(before) != named(after) {
        changes.push(Change::OrganisationRenamed {
            did: did(),
            before: named(before),
            after: named(after),
        });
    }
    keys(before, after, changes);
    for node in &after.nodes {
        match before.nodes.iter().find(|old| old.peer == node.peer) {
            None => changes.push(Change::NodeAdded {
                did: did(),
                peer: node.peer.clone(),
                addresses: node.addresses.clone(),
            }),
            Some(old) if old.addresses != node.addresses => changes.push(Change::NodeMoved {
                did: did(),
                peer: node.peer.clone(),
                before: old.addresses.clone(),
                after: node.addresses.clone(),
            }),
            Some(_) => {}
        }
    }
    for gone in before
        .nodes
        .iter()
        .filter(|old| !after.nodes.iter().any(|node| node.peer == old.peer))
    {
        changes.push(Change::NodeRemoved {
            did: did(),
            peer: gone.peer.clone(),
        });
    }
    let types = |of: &Organisation| of.issues.iter().cloned().collect::<BTreeSet<_>>();
    let (old, new) = (types(before), types(after));
    changes.extend(new.difference(&old).map(|vct| Change::TypeGained {
        did: did(),
        vct: vct.clone(),
    }));
    changes.extend(old.difference(&new).map(|vct| Change::TypeLost {
        did: did(),
        vct: vct.clone(),
    }));
    for service in &after.services {
        let old = before.service(&service.id);
        if old.is_none() {
            changes.push(Change::ServiceGained {
                did: did(),
                service: service.id.clone(),
            });
        }
        services(&after.did, old, service, changes);
    }
    for gone in before.services.iter().filter(|old| after.service(&old.id).is_none()) {
        changes.push(Change::ServiceLost {
            did: did(),
            service: gone.id.clone(),
        });
    }
}

fn keys(before: &Organisation, after: &Organisation, changes: &mut Vec<Change>) {
    let did = || after.did.clone();
    let window = |key: &OrganisationKey| (key.valid_from, key.valid_until);
    for key in &after.keys {
        let id = || key.id.clone();
        let old = before.keys.iter().find(|old| old.id == key.id);
        match old {
            None => changes.push(Change::KeyAdded {
                did: did(),
                key: id(),
                from: key.valid_from,
                until: key.valid_until,
            }),
            Some(old) => {
                if old.key != key.key {
                    changes.push(Change::KeyReplaced { did: did(), key: id() });
                }
                if window(old) != window(key) {
                    changes.push(Change::KeyWindow {
                        did: did(),
                        key: id(),
                        before: window(old),
                        after: window(key),
                    });
                }
            }
        }
        match (old.and_then(|old| old.compromised), key.compromised) {
            (was, Some(at)) if was != Some(at) => changes.push(Change::KeyCompromised {
                did: did(),
                key: id(),
                at,
            }),
            (Some(_), None) => changes.push(Change::KeyCleared { did: did(), key: id() }),
            _ => {}
        }
    }
    for gone in before
        .keys
        .iter()
        .filter(|old| !after.keys.iter().any(|key| key.id == old.id))
    {
        changes.push(Change::KeyRemoved {
            did: did(),
            key: gone.id.clone(),
        });
    }
}

fn services(did: &Did, before: Option<&Registration>, after: &Registration, changes: &mut Vec<Change>) {
    let asked = |registration: &Registration| {
        let of_type = |asked: &crate::service::MayAsk| {
            let claim = |path: &crate::schema::Path| (asked.vct.clone(), path.to_string());
            asked.claims.iter().map(claim).collect::<Vec<_>>()
        };
        registration.may_ask.iter().flat_map(of_type).collect::<BTreeSet<_>>()
    };
    let (old, new) = (before.map(asked).unwrap_or_default(), asked(after));
    for (vct, claim) in new.difference(&old) {
        changes.push(Change::ClaimGained {
            did: did.clone(),
            service: after.id.clone(),
            vct: vct.clone(),
            claim: claim.clone(),
        });
    }
    for (vct, claim) in old.difference(&new) {
        changes.push(Change::ClaimLost {
            did: did.clone(),
            service: after.id.clone(),
            vct: vct.clone(),
            claim: claim.clone(),
        });
    }
    let Some(before) = before else { return };
    for ((member, old), (_, new)) in terms(before).into_iter().zip(terms(after)) {
        if old != new {
            changes.push(Change::ServiceTerm {
                did: did.clone(),
                service: after.id.clone(),
                member,
                before: old,
                after: new,
            });
        }
    }
}

/// Everything of a registration but its id and what it may ask.
fn terms(registration: &Registration) -> Vec<(&'static str, String)> {
    let Ok(serde_json::Value::Object(members)) = serde_json::to_value(registration) else {
        return Vec::new();
    };
    const TERMS: [&str; 10] = [
        "name",
        "purpose",
        "ground",
        "consent_text",
        "never",
        "request_seconds_max",
        "keep_seconds",
        "keep_ground",
        "status_age_max",
        "privacy",
    ];
    let text = |name: &str| members.get(name).map(ToString::to_string).unwrap_or_default();
    TERMS.into_iter().map(|name| (name, text(name))).collect()
}

/// What changes from one root to the next; against none, everything is new.
pub fn roots(before: Option<&Root>, after: &Root) -> Vec<Change> {
    let mut changes = Vec::new();
    let old = before.map(|before| before.anchors.as_slice()).unwrap_or_default();
    for anchor in &after.anchors {
        match old.iter().find(|old| old.id == anchor.id) {
            Some(old) => anchors(Some(old), anchor, &mut changes),
            None => {
                changes.push(Change::AnchorAdmitted {
                    anchor: anchor.id.clone(),
                    name: anchor.name.clone(),
                    class: anchor.class,
                });
                anchors(None, anchor, &mut changes);
            }
        }
    }
    for gone in old
        .iter()
        .filter(|old| !after.anchors.iter().any(|anchor| anchor.id == old.id))
    {
        changes.push(Change::AnchorRemoved {
            anchor: gone.id.clone(),
            name: gone.name.clone(),
            class: gone.class,
        });
    }
    let Some(before) = before else { return changes };
    if before.expires != after.expires {
        changes.push(Change::Until {
            before: before.expires,
            after: after.expires,
        });
    }
    for role in Role::ALL {
        let (old, new) = (before.thresholds.of(role), after.thresholds.of(role));
        if old != new {
            changes.push(Change::Threshold {
                role,
                before: old,
                after: new,
            });
        }
    }
    for role in [Role::List, Role::Head] {
        if after.takes_threshold_from(before, role) {
            changes.push(Change::CounterReset { role });
        }
    }
    changes
}

fn anchors(before: Option<&Anchor>, after: &Anchor, changes: &mut Vec<Change>) {
    let named = |anchor: &Anchor| (anchor.name.clone(), anchor.class, anchor.number.clone());
    if let Some(before) = before
        && named(before) != named(after)
    {
        changes.push(Change::AnchorRenamed {
            anchor: after.id.clone(),
            before: named(before),
            after: named(after),
        });
    }
    for role in Role::ALL {
        let old: &[VerifyingKey] = before.map(|before| before.keys.of(role)).unwrap_or_default();
        let new = after.keys.of(role);
        for key in new.iter().filter(|key| !old.contains(key)) {
            changes.push(Change::AnchorKeyAdded {
                anchor: after.id.clone(),
                role,
                key: Did::Key(*key),
            });
        }
        for key in old.iter().filter(|key| !new.contains(key)) {
            changes.push(Change::AnchorKeyRemoved {
                anchor: after.id.clone(),
                role,
                key: Did::Key(*key),
            });
        }
    }
}
