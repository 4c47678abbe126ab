//! The changes that a proposal can make to a list: what was asked for, checked against what is there.

use crate::error::Failure;
use crate::service::Card;
use credentials::service::Registration;
use credentials::trust::{Draft, Organisation, OrganisationKey};
use credentials::{Code, Did, Problem, Timestamp};
use std::sync::Arc;

/// What an organisation may do.
#[derive(Debug, Default)]
pub struct Rights {
    /// `vct`s it may issue; `None` = as before.
    pub issues: Option<Vec<String>>,
    /// What it may ask; `None` = as before.
    pub services: Option<Vec<Arc<Registration>>>,
}

/// One change of a list.
#[derive(Debug)]
pub enum Edit {
    /// A new organisation.
    Admit(Box<Card>, Rights),
    /// A listed one: its new card, if there is one, and its new rights.
    Update(Did, Option<Box<Card>>, Rights),
    /// Removes an organisation.
    Remove(Did),
    /// Ends a key.
    End(String, Timestamp),
    /// A key was in wrong hands from an instant on.
    Compromised(String, Timestamp),
    /// Names the operator.
    Operator(String),
}

/// Changes a list that nobody has signed. Errors: `not_found` for whoever is not listed, `usage` for an admission of somebody who
/// is, `unknown_key` for a key that is not listed or that a card shows as another; else what the list's own rules say.
pub fn apply(draft: &mut Draft, edits: Vec<Edit>) -> Result<(), Failure> {
    for edit in edits {
        match edit {
            Edit::Admit(card, rights) => admit(draft, *card, rights)?,
            Edit::Update(did, card, rights) => update(draft, &did, card.map(|card| *card), rights)?,
            Edit::Remove(did) => {
                organisation(draft, &did)?;
                draft.organisations.retain(|listed| listed.did != did);
            }
            Edit::End(kid, at) => {
                let key = key(draft, &kid)?;
                if at <= key.valid_from {
                    return Err(Problem::new(Code::Usage, "--at: before the key became valid").into());
                }
                key.valid_until = key.valid_until.min(at);
            }
            Edit::Compromised(kid, at) => {
                let key = key(draft, &kid)?;
                // An earlier date stands: what is known of a theft does not become less.
                key.compromised = Some(key.compromised.map_or(at, |before| before.min(at)));
            }
            Edit::Operator(name) => draft.operator = name,
        }
    }
    draft.organisations.sort_by(|a, b| a.did.cmp(&b.did));
    // Reads back what will be signed, so that a card out of bounds is refused here and not by everybody else.
    *draft = Draft::from_value(&draft.to_value())?;
    Ok(())
}

fn organisation<'d>(draft: &'d mut Draft, did: &Did) -> Result<&'d mut Organisation, Failure> {
    let listed = draft.organisations.iter_mut().find(|listed| listed.did == *did);
    listed.ok_or_else(|| Problem::new(Code::NotFound, did.to_string()).into())
}

fn key<'d>(draft: &'d mut Draft, kid: &str) -> Result<&'d mut OrganisationKey, Failure> {
    let mut keys = draft.organisations.iter_mut().flat_map(|listed| &mut listed.keys);
    keys.find(|key| key.id == kid)
        .ok_or_else(|| Problem::new(Code::UnknownKey, kid).into())
}

fn admit(draft: &mut Draft, card: Card, rights: Rights) -> Result<(), Failure> {
    if draft.organisations.iter().any(|listed| listed.did == card.did) {
        return Err(Problem::new(Code::Usage, "--admit: listed already, use --update").into());
    }
    draft.organisations.push(Organisation {
        issues: rights.issues.unwrap_or_default(),
        services: rights.services.unwrap_or_default(),
        ..card.entry()?
    });
    Ok(())
}

fn update(draft: &mut Draft, did: &Did, card: Option<Card>, rights: Rights) -> Result<(), Failure> {
    let listed = organisation(draft, did)?;
    if let Some(card) = card {
        if card.number != listed.number {
            return Err(Problem::new(Code::WrongRecipient, "card.number").into());
        }
        let entry = card.entry()?;
        for new in entry.keys {
            match listed.keys.iter().find(|key| key.id == new.id) {
                None => listed.keys.push(new),
                // What the list says of a key stands: its end and its compromise are not the organisation's to take back.
                Some(key) if key.key == new.key => {}
                Some(_) => return Err(Problem::new(Code::UnknownKey, new.id).into()),
            }
        }
        listed.name = entry.name;
        for node in entry.nodes {
            match listed.nodes.iter_mut().find(|known| known.peer == node.peer) {
                Some(known) => *known = node,
                None => listed.nodes = vec![node],
            }
        }
    }
    if let Some(issues) = rights.issues {
        listed.issues = issues;
    }
    if let Some(services) = rights.services {
        listed.services = services;
    }
    Ok(())
}
