//! The changes that a proposal can make to a root: who the anchors are, with which keys, and how many must sign.

use crate::error::Failure;
use crate::service::AnchorCard;
use credentials::trust::{ANCHOR_KEYS_MAX, Anchor, AnchorKeys, Role, Root, Thresholds};
use credentials::{Code, Problem};

/// Thresholds of a network that is founded without saying which.
pub const THRESHOLDS: Thresholds = Thresholds {
    root: 2,
    list: 2,
    head: 1,
};

/// What is to change.
#[derive(Debug, Default)]
pub struct Edit {
    /// Anchors' cards, in their order.
    pub cards: Vec<AnchorCard>,
    /// Who leaves.
    pub without: Vec<String>,
    /// Anchors that must sign a root.
    pub root: Option<u8>,
    /// Anchors that must sign a list.
    pub list: Option<u8>,
    /// Anchors that must sign a head.
    pub head: Option<u8>,
}

/// Changes a root that nobody has signed. A card admits an anchor, or gives a listed one its new keys: of every role that the card
/// has a key for, and of no other. Errors: `not_found` for an anchor that is to leave and is none; `unsupported`, also for more than
/// one signature under a head; `malformed`; as [`Root::check`].
pub fn apply(root: &mut Root, edit: &Edit) -> Result<(), Failure> {
    for id in &edit.without {
        if !root.anchors.iter().any(|anchor| anchor.id == *id) {
            return Err(Problem::new(Code::NotFound, id).into());
        }
        root.anchors.retain(|anchor| anchor.id != *id);
    }
    for card in &edit.cards {
        take(root, card)?;
    }
    root.anchors.sort_by(|a, b| a.id.cmp(&b.id));
    root.thresholds = Thresholds {
        root: edit.root.unwrap_or(root.thresholds.root),
        list: edit.list.unwrap_or(root.thresholds.list),
        head: edit.head.unwrap_or(root.thresholds.head),
    };
    // Each running anchor signs the head anew by itself: where two had to, every head would end after a day unless people met.
    if root.thresholds.head != 1 {
        let why = "--head-threshold: one signature must be enough, because each running anchor signs heads by itself";
        return Err(Problem::new(Code::Unsupported, why).into());
    }
    root.check()?;
    Ok(())
}

fn take(root: &mut Root, card: &AnchorCard) -> Result<(), Problem> {
    if card.schema != AnchorCard::SCHEMA {
        return Err(Problem::new(Code::Unsupported, "anchor card"));
    }
    let known = root.anchors.iter_mut().find(|anchor| anchor.id == card.id);
    let anchor = match known {
        Some(anchor) => {
            anchor.name.clone_from(&card.name);
            anchor.class = card.class;
            anchor.number.clone_from(&card.number);
            anchor
        }
        None => {
            root.anchors.push(Anchor {
                id: card.id.clone(),
                name: card.name.clone(),
                class: card.class,
                number: card.number.clone(),
                keys: AnchorKeys::default(),
            });
            root.anchors.last_mut().ok_or(Code::Internal)?
        }
    };
    for (role, dids) in [
        (Role::Root, &card.keys.root),
        (Role::List, &card.keys.list),
        (Role::Head, &card.keys.head),
    ] {
        if dids.len() > ANCHOR_KEYS_MAX {
            return Err(Problem::new(Code::TooLarge, "anchor card: keys"));
        }
        if dids.is_empty() {
            continue;
        }
        let keys = dids.iter().map(|did| {
            did.key()
                .ok_or_else(|| Problem::new(Code::Malformed, "anchor card: keys"))
        });
        *anchor.keys.of_mut(role) = keys.collect::<Result<_, _>>()?;
    }
    Ok(())
}
