//! Repairing a damaged journal from the index, when the index provably holds what the damage took.
//!
//! The index says, under a seal, up to which journal record it holds everything, and opening has compared its rows with
//! a keyed sum. Damage at or before that record has therefore cost nothing: the records after it are still read from the
//! journal, each following the one before by its hash, and then the live rows are written from the index into a new
//! journal, which takes the damaged one's place as in a compaction. The sequence goes on counting and the epoch stays.
//!
//! What is *not* repaired here, but named:
//!
//! - damage behind what the index holds: what it took is nowhere else;
//! - a journal whose end is missing, unless the high-water mark names the index's very record as the last one: else
//!   something later may have been acknowledged;
//! - a journal or mark that tells another history than the index;
//! - anything while a row of the index does not open: then both are damaged.
//!
//! Whenever it ends half-way the damaged journal is still in place and the repair begins anew, or the new journal is in
//! place and is opened like any other: opening again is how every repair ends.

use crate::Error;
use crate::draft::{Draft, Random};
use crate::files::Home;
use crate::high_water::Mark;
use crate::index::Index;
use crate::keys::Keys;
use crate::rebuild::Filler;
use crate::row::open_any;
use crate::salvage::{Damage, Piece, pieces};
use crate::segment::SEGMENT_HEADER_BYTES;
use crate::transaction::Operation;
use crate::walk::Position;

/// What a repair did.
#[derive(Default)]
pub(crate) struct Repaired {
    /// What was damaged.
    pub(crate) damage: Vec<Damage>,
    /// Something acknowledged may be missing, and that was accepted.
    pub(crate) lost: bool,
}

/// What a person asked for, and what is known beside the journal.
pub(crate) struct Terms {
    pub(crate) mark: Option<Mark>,
    /// A missing end is accepted, in a new epoch.
    pub(crate) accept_loss: bool,
}

/// Whether damage of this kind can be repaired from the index at all.
pub(crate) fn may_help(error: &Error) -> bool {
    matches!(
        error,
        Error::Damaged { .. } | Error::SegmentDamaged { .. } | Error::LostTail { .. }
    )
}

/// Writes a new journal from the index and what the damaged one still holds. `None` when that would not be the truth.
pub(crate) fn from_index(
    home: &Home,
    keys: &Keys,
    random: &mut Random<'_>,
    index: Index,
    terms: &Terms,
) -> Result<Option<Repaired>, Error> {
    let Some((index, survey)) = survey(home, keys, random, index, terms)? else {
        return Ok(None);
    };
    let mut after = index.state.position();
    if survey.lost {
        // In the same rename as the rows: a loss that was accepted must never look like no loss.
        after.epoch = after.epoch.saturating_add(1);
    }
    let repaired = Repaired {
        damage: survey.damage,
        lost: survey.lost,
    };
    let mut draft = Draft::new(home, keys, random, survey.last_segment.saturating_add(1), after)?;
    match rewrite(keys, &index, &mut draft) {
        Ok(true) => draft.publish(0).map(|_| Some(repaired)),
        Ok(false) => {
            draft.discard();
            Ok(None)
        }
        Err(error) => {
            draft.discard();
            Err(error)
        }
    }
}

struct Survey {
    damage: Vec<Damage>,
    last_segment: u64,
    lost: bool,
}

/// Brings the index up to the end of the journal across the damage; `None` when something is missing in between.
fn survey(
    home: &Home,
    keys: &Keys,
    random: &mut Random<'_>,
    index: Index,
    terms: &Terms,
) -> Result<Option<(Index, Survey)>, Error> {
    let held = index.state.position();
    let mut filler = Filler::new(index, keys, random);
    let mut tip = held;
    // The last record that is really there, and what was damaged behind it.
    let mut last: Option<Position> = None;
    let mut stops = (0, SEGMENT_HEADER_BYTES as u64);
    let mut behind: Vec<Damage> = Vec::new();
    let mut damage: Vec<Damage> = Vec::new();
    let mut whole = true;
    let mut diverged = None;
    let last_segment = pieces(home, keys, &mut |piece| {
        let (at, previous, position, body) = match piece {
            Piece::Damage(found) => {
                behind.push(found);
                return Ok(());
            }
            Piece::Record {
                segment,
                end,
                previous,
                position,
                body,
            } => ((segment, end), previous, position, body),
        };
        damage.append(&mut behind);
        last = Some(position);
        stops = at;
        if terms
            .mark
            .is_some_and(|m| m.sequence == position.sequence && m.hash != position.hash)
        {
            diverged = Some(position.sequence);
        }
        if position.sequence <= held.sequence {
            whole &= position.sequence < held.sequence || position.hash == held.hash;
        } else if tip.sequence.checked_add(1) == Some(position.sequence)
            && previous == tip.hash
            && position.epoch >= tip.epoch
        {
            whole &= filler.record(&position, Some(&body)).is_ok();
            tip = position;
        } else {
            whole = false;
        }
        Ok(())
    })?;
    if let Some(sequence) = diverged {
        return Err(Error::Diverged { sequence });
    }
    // Behind the last record lies what was never acknowledged, or what the index holds, or a loss.
    let is_last = |p: Position| p.sequence == tip.sequence && p.hash == tip.hash;
    let ends = last.is_some_and(is_last);
    let named = terms
        .mark
        .is_some_and(|m| m.sequence == tip.sequence && m.hash == tip.hash);
    let lost = terms.mark.is_some_and(|m| m.sequence > tip.sequence) || !(ends || named);
    if !whole || lost && !terms.accept_loss {
        return Ok(None);
    }
    if !ends {
        if behind.is_empty() {
            // Cut off between two records: nothing is wrong but that it ends.
            let begun = if stops.0 == last_segment {
                stops.1
            } else {
                SEGMENT_HEADER_BYTES as u64
            };
            behind.push(Damage {
                segment: last_segment,
                offset: begun,
                bytes: 0,
            });
        }
        damage.append(&mut behind);
    }
    let Ok(index) = filler.finish() else {
        return Ok(None);
    };
    let survey = Survey {
        damage,
        last_segment,
        lost,
    };
    Ok(Some((index, survey)))
}

/// Writes every row of the index and reads the result back. False when the index does not hold what it says.
fn rewrite(keys: &Keys, index: &Index, draft: &mut Draft<'_>) -> Result<bool, Error> {
    let mut written = 0u64;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let Ok(page) = index.rows_after(after.as_deref()) else {
            return Ok(false);
        };
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, sealed) in &page {
            let Ok((table, row, opened)) = open_any(keys, key, sealed) else {
                return Ok(false);
            };
            written = written.saturating_add(1);
            let value = Some(opened.stored().to_content());
            draft.row(Operation {
                table,
                group: opened.group,
                id: opened.id,
                row,
                value,
            })?;
        }
    }
    let mut read = 0u64;
    draft.finish()?.replay(keys, &mut |_, body| {
        let entries = body.and_then(crate::record::Body::entries).unwrap_or_default();
        read = read.saturating_add(entries.len() as u64);
        Ok(())
    })?;
    Ok(written == index.state.rows && read == written)
}
