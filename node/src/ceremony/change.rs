//! Changes as JSON, for `--json` and for words: with names of organisations, instants in RFC 3339, and a mark on what is dangerous.

use credentials::service::Registration;
use credentials::trust::diff::{self, Change};
use credentials::trust::{Draft, Root};
use credentials::{Did, Timestamp};
use serde_json::{Value, json};

/// What changes from one root to the next.
pub fn roots(before: Option<&Root>, after: &Root) -> Vec<Value> {
    let changes = diff::roots(before, after);
    let write = |change: &Change| {
        let mut value = plain(change);
        // A new key of an anchor that was there takes the place of one that people know.
        let is_dangerous = is_dangerous(change) || is_key_of_known(before, change);
        mark(&mut value, is_dangerous, None);
        value
    };
    changes.iter().map(write).collect()
}

/// What changes from one list to the next.
pub fn lists(before: Option<&Draft>, after: &Draft) -> Vec<Value> {
    let changes = diff::lists(before, after);
    let listed = |did: &Did| before.and_then(|before| before.organisations.iter().find(|listed| listed.did == *did));
    let write = |change: &Change| {
        let did = did(change);
        let was_listed = did.is_some_and(|did| listed(did).is_some());
        let name = did.and_then(|did| {
            let now = after.organisations.iter().find(|organisation| organisation.did == *did);
            now.or_else(|| listed(did))
                .map(|organisation| organisation.name.clone())
        });
        let is_dangerous = match change {
            // What comes with an admission is no widening; the admission itself is what is to be decided.
            Change::TypeGained { .. } | Change::ServiceGained { .. } | Change::ClaimGained { .. } => was_listed,
            Change::ServiceTerm {
                did, service, member, ..
            } => {
                let of = |draft: Option<&Draft>| -> Option<Registration> {
                    let organisation = draft?.organisations.iter().find(|listed| listed.did == *did)?;
                    organisation.service(service).cloned()
                };
                of(before)
                    .zip(of(Some(after)))
                    .is_none_or(|(old, new)| widens(member, &old, &new))
            }
            _ => is_dangerous(change),
        };
        let mut value = plain(change);
        mark(&mut value, is_dangerous, name);
        value
    };
    changes.iter().map(write).collect()
}

/// Whether a change of one member lets an asker do more. Texts that people read and legal grounds have no order: any change of
/// them is to be looked at.
fn widens(member: &str, old: &Registration, new: &Registration) -> bool {
    match member {
        "request_seconds_max" => new.request_seconds_max > old.request_seconds_max,
        "keep_seconds" => new.keep_seconds > old.keep_seconds,
        "status_age_max" => new.status_age_max > old.status_age_max,
        _ => true,
    }
}

fn is_key_of_known(before: Option<&Root>, change: &Change) -> bool {
    let (Change::AnchorKeyAdded { anchor, .. }, Some(before)) = (change, before) else {
        return false;
    };
    before.anchors.iter().any(|known| known.id == *anchor)
}

/// Changes that take protection away, whatever else there is.
fn is_dangerous(change: &Change) -> bool {
    match change {
        Change::Threshold { before, after, .. } => after < before,
        // A window that grows lets a key sign for longer, or what it signed before count.
        Change::KeyWindow { before, after, .. } => after.0 < before.0 || after.1 > before.1,
        Change::OrganisationRemoved { .. }
        | Change::OrganisationRenamed { .. }
        | Change::KeyReplaced { .. }
        | Change::KeyRemoved { .. }
        | Change::KeyCleared { .. }
        | Change::KeyCompromised { .. }
        | Change::AnchorRemoved { .. }
        | Change::AnchorRenamed { .. }
        | Change::AnchorKeyRemoved { .. }
        | Change::CounterReset { .. } => true,
        _ => false,
    }
}

fn did(change: &Change) -> Option<&Did> {
    match change {
        Change::OrganisationAdmitted { did, .. }
        | Change::OrganisationRemoved { did, .. }
        | Change::OrganisationRenamed { did, .. }
        | Change::KeyAdded { did, .. }
        | Change::KeyRemoved { did, .. }
        | Change::KeyReplaced { did, .. }
        | Change::KeyWindow { did, .. }
        | Change::KeyCompromised { did, .. }
        | Change::KeyCleared { did, .. }
        | Change::NodeAdded { did, .. }
        | Change::NodeRemoved { did, .. }
        | Change::NodeMoved { did, .. }
        | Change::TypeGained { did, .. }
        | Change::TypeLost { did, .. }
        | Change::ServiceGained { did, .. }
        | Change::ServiceLost { did, .. }
        | Change::ClaimGained { did, .. }
        | Change::ClaimLost { did, .. }
        | Change::ServiceTerm { did, .. } => Some(did),
        _ => None,
    }
}

fn plain(change: &Change) -> Value {
    let mut value = serde_json::to_value(change).unwrap_or_default();
    let window =
        |(from, until): &(Timestamp, Timestamp)| json!({ "from": from.to_string(), "until": until.to_string() });
    let instants: Vec<(&str, Value)> = match change {
        Change::Until { before, after } => vec![
            ("before", json!(before.to_string())),
            ("after", json!(after.to_string())),
        ],
        Change::KeyAdded { from, until, .. } => {
            vec![("from", json!(from.to_string())), ("until", json!(until.to_string()))]
        }
        Change::KeyWindow { before, after, .. } => vec![("before", window(before)), ("after", window(after))],
        Change::KeyCompromised { at, .. } => vec![("at", json!(at.to_string()))],
        Change::OrganisationRenamed { before, after, .. } => vec![
            ("before", json!({ "name": before.0, "number": before.1 })),
            ("after", json!({ "name": after.0, "number": after.1 })),
        ],
        Change::AnchorRenamed { before, after, .. } => vec![
            (
                "before",
                json!({ "name": before.0, "class": before.1, "number": before.2 }),
            ),
            ("after", json!({ "name": after.0, "class": after.1, "number": after.2 })),
        ],
        _ => Vec::new(),
    };
    if let Some(members) = value.as_object_mut() {
        for (name, member) in instants {
            members.insert(name.to_owned(), member);
        }
    }
    value
}

fn mark(value: &mut Value, is_dangerous: bool, name: Option<String>) {
    if let Some(members) = value.as_object_mut() {
        members.insert("dangerous".to_owned(), json!(is_dangerous));
        if let Some(name) = name {
            members.insert("organisation".to_owned(), json!(name));
        }
    }
}
