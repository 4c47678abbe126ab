//! What is other in the text of a list than in the version before: a change of one organisation travels in a message of gossip.

use super::TRUST_MAX;
use super::layout::Layout;
use super::list::List;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Most edits of one step.
pub const EDITS_MAX: usize = 4_096;

/// Bytes of the text before that give way to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// From this byte of the text before.
    pub at: u32,
    /// So many bytes are left out.
    pub gone: u32,
    /// These stand there instead.
    #[serde(with = "serde_bytes")]
    pub put: Vec<u8>,
}

/// From one list to the next: what was taken last, for whoever still has the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// SHA-256 of the text before.
    pub from: [u8; 32],
    /// SHA-256 of the text after.
    pub to: [u8; 32],
    /// In ascending order, not overlapping.
    pub edits: Vec<Edit>,
}

impl Step {
    /// From `before` to `after`; `None` where a text has no canonical form to compare by, or too much is other.
    pub(super) fn between(before: &List, after: &List) -> Option<Step> {
        let (old, new) = (before.text(), after.text());
        let was = before.layout()?;
        let is = Layout::of(new, Some((old, was)))?;
        let mut anchors = vec![suffix(old, &was.scheme, new, &is.scheme)?];
        for (entity, kept) in is.entities.iter().zip(&is.kept) {
            if let Some(place) = kept {
                anchors.push((was.entities.get(*place)?.clone(), entity.clone()));
            }
        }
        anchors.push((old.len()..old.len(), new.len()..new.len()));
        let (mut edits, mut done) = (Vec::new(), (0, 0));
        for (was, is) in anchors {
            edits.extend(edit(old, done.0..was.start, new, done.1..is.start)?);
            done = (was.end, is.end);
        }
        (edits.len() <= EDITS_MAX).then_some(Step {
            from: before.text_hash(),
            to: after.text_hash(),
            edits,
        })
    }

    /// Bytes that are put in, all edits together.
    pub fn size(&self) -> usize {
        self.edits.iter().map(|edit| edit.put.len()).sum()
    }
}

/// The same last bytes of two parts.
fn suffix(old: &str, was: &Range<usize>, new: &str, is: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let (a, b) = (old.as_bytes().get(was.clone())?, new.as_bytes().get(is.clone())?);
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    Some((was.end.checked_sub(same)?..was.end, is.end.checked_sub(same)?..is.end))
}

/// The edit of one gap between what stays, without the bytes at its ends that are the same; none where nothing is other.
fn edit(old: &str, was: Range<usize>, new: &str, is: Range<usize>) -> Option<Option<Edit>> {
    let (gone, put) = (old.as_bytes().get(was.clone())?, new.as_bytes().get(is)?);
    if gone == put {
        return Some(None);
    }
    let first = gone.iter().zip(put).take_while(|(a, b)| a == b).count();
    let (gone, put) = (gone.get(first..)?, put.get(first..)?);
    let last = gone
        .iter()
        .rev()
        .zip(put.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    Some(Some(Edit {
        at: u32::try_from(was.start.checked_add(first)?).ok()?,
        gone: u32::try_from(gone.len().checked_sub(last)?).ok()?,
        put: put.get(..put.len().checked_sub(last)?)?.to_vec(),
    }))
}

/// The text after `edits`. `None` for edits that do not fit, and for a text over [`TRUST_MAX`]. That it is the right one is for
/// its hash to say.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    if edits.len() > EDITS_MAX {
        return None;
    }
    let (bytes, mut out, mut done) = (text.as_bytes(), Vec::with_capacity(text.len()), 0_usize);
    for edit in edits {
        let at = usize::try_from(edit.at).ok()?;
        out.extend_from_slice(bytes.get(done..at)?);
        out.extend_from_slice(&edit.put);
        done = at.checked_add(usize::try_from(edit.gone).ok()?)?;
        if out.len() > TRUST_MAX {
            return None;
        }
    }
    out.extend_from_slice(bytes.get(done..)?);
    if out.len() > TRUST_MAX {
        return None;
    }
    String::from_utf8(out).ok()
}
