//! What is remembered as bytes, for a store.

use super::{Counters, Held, Known};
use crate::trust::head::Head;
use crate::trust::history::Tip;
use crate::trust::list::List;
use crate::trust::root::SignedRoot;
use crate::trust::{Fingerprint, STATE_MAX};
use crate::{Code, Problem, protocol};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u8,
    first: Fingerprint,
    roots: Vec<String>,
    list_counter: u64,
    head_counter: u64,
    /// The list's text, or its hash where that is kept elsewhere.
    list: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_hash: Option<serde_bytes::ByteArray<32>>,
    head: Vec<String>,
    tip: Tip,
}

impl Known {
    /// For a store: CBOR, at most [`STATE_MAX`] bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        self.write(true)
    }

    /// The same without the text of the list, for whoever keeps the history: it stands there.
    pub fn to_bytes_without_list(&self) -> Result<Vec<u8>, Problem> {
        self.write(false)
    }

    fn write(&self, is_whole: bool) -> Result<Vec<u8>, Problem> {
        let list = self.held.as_ref().map(|held| &held.list);
        let state = State {
            version: 1,
            first: self.first,
            roots: self.roots.iter().map(|root| root.text().to_owned()).collect(),
            list_counter: self.counters.list,
            head_counter: self.counters.head,
            list: list.filter(|_| is_whole).map(|list| list.text().to_owned()),
            list_hash: list
                .filter(|_| !is_whole)
                .map(|list| serde_bytes::ByteArray::new(list.text_hash())),
            head: self.held.as_ref().map(|held| held.texts.clone()).unwrap_or_default(),
            tip: self.tip,
        };
        let mut bytes = Vec::new();
        ciborium::into_writer(&state, &mut bytes).map_err(|_| Code::Internal)?;
        Ok(bytes)
    }

    /// Reads [`Known::to_bytes`] and checks every signature again, from the root of first use; compares no time. Errors:
    /// `newer_format`, `damaged` with what does not hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Known, Problem> {
        Known::from_bytes_with(bytes, |_| None)
    }

    /// Reads [`Known::to_bytes_without_list`]; `find` gives the text of the list with this hash.
    pub fn from_bytes_with(bytes: &[u8], find: impl FnOnce(&[u8; 32]) -> Option<String>) -> Result<Known, Problem> {
        let damaged = |name: &str| Problem::new(Code::Damaged, format!("trust: {name}"));
        if bytes.len() > STATE_MAX {
            return Err(damaged("size"));
        }
        let state: State =
            ciborium::de::from_reader_with_recursion_limit(bytes, protocol::DEPTH_MAX).map_err(|_| damaged("form"))?;
        if state.version != 1 {
            return Err(Code::NewerFormat.into());
        }
        let mut texts = state.roots.iter();
        let first = texts.next().ok_or_else(|| damaged("root"))?;
        let first = SignedRoot::first(first, &state.first).map_err(|_| damaged("root"))?;
        let mut known = Known {
            first: state.first,
            roots: vec![Arc::new(first)],
            counters: Counters {
                list: state.list_counter,
                head: state.head_counter,
            },
            held: None,
            trust: None,
            tip: state.tip,
            step: None,
        };
        for text in texts {
            let next = known.newest().next(text).map_err(|_| damaged("root"))?;
            known.roots.push(Arc::new(next));
        }
        let list = match (state.list, &state.list_hash) {
            (None, Some(hash)) => Some(find(hash).ok_or_else(|| damaged("list"))?),
            (list, _) => list,
        };
        if let Some(text) = &list {
            let head = Head::read(&state.head).map_err(|_| damaged("head"))?;
            let root = known.root_of(head.root).ok_or_else(|| damaged("root"))?;
            let head = Head::open(&state.head, root.root()).map_err(|_| damaged("head"))?;
            let list = List::open(text, root.root()).map_err(|_| damaged("list"))?;
            let is_one = head.root_hash == root.hash() && head.list_hash == list.text_hash() && {
                let reached = Counters {
                    list: head.list,
                    head: head.version,
                };
                // A root taken since may have set the counters back below the head that is still held.
                head.root < known.root().version || reached == known.counters
            };
            if !is_one {
                return Err(damaged("head"));
            }
            known.held = Some(Held {
                list: Arc::new(list),
                head,
                texts: state.head,
            });
        }
        known.trust = known.view();
        Ok(known)
    }
}
