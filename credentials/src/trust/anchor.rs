//! Anchors: who signs what everybody goes by, with which keys in which role.

use crate::VerifyingKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What kind of organisation an anchor is. Root and list need signatures of at least two classes, so that no one side of the
/// market can change them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A public agency.
    Agency,
    /// A bank or insurer.
    Bank,
    /// Anybody else.
    Other,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 3] = [Class::Agency, Class::Bank, Class::Other];

    /// As it is written: `agency`, `bank`, `other`.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Agency => "agency",
            Class::Bank => "bank",
            Class::Other => "other",
        }
    }

    /// From [`Class::as_str`].
    pub fn parse(text: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a key of an anchor signs. A key has one role; a head key signs nothing but heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Roots; offline.
    Root,
    /// Lists; offline.
    List,
    /// Heads; online.
    Head,
}

impl Role {
    /// All of them, in the order in which they vouch for one another.
    pub const ALL: [Role; 3] = [Role::Root, Role::List, Role::Head];

    /// As it is written, and as the detail of a refusal begins: `root`, `list`, `head`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::List => "list",
            Role::Head => "head",
        }
    }

    /// From [`Role::as_str`].
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The keys of an anchor, at most [`super::ANCHOR_KEYS_MAX`] in each role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnchorKeys {
    /// Sign roots.
    pub root: Vec<VerifyingKey>,
    /// Sign lists.
    pub list: Vec<VerifyingKey>,
    /// Sign heads.
    pub head: Vec<VerifyingKey>,
}

impl AnchorKeys {
    /// Those of a role.
    pub fn of(&self, role: Role) -> &[VerifyingKey] {
        match role {
            Role::Root => &self.root,
            Role::List => &self.list,
            Role::Head => &self.head,
        }
    }

    /// Those of a role, to change them.
    pub fn of_mut(&mut self, role: Role) -> &mut Vec<VerifyingKey> {
        match role {
            Role::Root => &mut self.root,
            Role::List => &mut self.list,
            Role::Head => &mut self.head,
        }
    }
}

/// An organisation that signs for the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Short word (`a`–`z`, digits, `-`; at most 32), one of a kind in a root.
    pub id: String,
    /// Registered name.
    pub name: String,
    /// Class.
    pub class: Class,
    /// organisasjonsnummer, where it has one.
    pub number: Option<String>,
    /// Keys.
    pub keys: AnchorKeys,
}

/// How many distinct anchors must sign. Root and list: at least 2, of at least two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Of roots.
    pub root: u8,
    /// Of lists.
    pub list: u8,
    /// Of heads.
    pub head: u8,
}

impl Thresholds {
    /// That of a role.
    pub fn of(&self, role: Role) -> u8 {
        match role {
            Role::Root => self.root,
            Role::List => self.list,
            Role::Head => self.head,
        }
    }
}

/// Whose signatures of a role were counted: two keys of one anchor count once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Ids of the distinct anchors.
    pub anchors: BTreeSet<String>,
    /// Their classes.
    pub classes: BTreeSet<Class>,
    /// How many anchors it takes.
    pub anchors_needed: u8,
    /// How many classes it takes.
    pub classes_needed: u8,
}

impl Tally {
    pub(super) fn of(anchors: &[Anchor], thresholds: &Thresholds, role: Role, keys: &[VerifyingKey]) -> Tally {
        let signed = |anchor: &&Anchor| anchor.keys.of(role).iter().any(|key| keys.contains(key));
        let signers = anchors.iter().filter(signed);
        Tally {
            anchors: signers.clone().map(|anchor| anchor.id.clone()).collect(),
            classes: signers.map(|anchor| anchor.class).collect(),
            anchors_needed: thresholds.of(role),
            classes_needed: if role == Role::Head { 1 } else { 2 },
        }
    }

    /// Whether it is enough.
    pub fn is_enough(&self) -> bool {
        self.anchors.len() >= usize::from(self.anchors_needed) && self.classes.len() >= usize::from(self.classes_needed)
    }
}
