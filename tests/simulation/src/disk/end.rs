//! How a process ends, and what is left on the disk then.

use super::{Node, SimDisk, State, Write, name_change};

/// How a machine ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process: what it wrote stays, synced or not.
    Process,
    /// The power: of what was not synced, any part may be there.
    Power,
}

impl SimDisk {
    /// The process is gone; the next one finds what the end left.
    pub(crate) fn end(&self, end: End) {
        let state = &mut *self.state();
        state.life = state.life.saturating_add(1);
        state.locked.clear();
        state.left = None;
        state.dead = false;
        state.fails_to_sync = false;
        state.troubled = false;
        (state.lost, state.torn) = (0, 0);
        if end == End::Process {
            return;
        }
        let State {
            nodes,
            dice,
            lost,
            torn,
            ..
        } = state;
        for node in nodes.values_mut() {
            match node {
                Node::File {
                    read,
                    durable,
                    unsynced,
                } => {
                    let written = unsynced.len();
                    let kept: Vec<Write> = unsynced.drain(..).filter(|_| dice.chance(50)).collect();
                    *lost = lost.saturating_add(written.saturating_sub(kept.len()) as u64);
                    let last = kept.len();
                    for (place, write) in (1..).zip(kept) {
                        match write {
                            // The last one may be torn.
                            Write::At(offset, mut bytes) if place == last && dice.chance(50) => {
                                bytes.truncate(dice.index(bytes.len()));
                                *torn = torn.saturating_add(1);
                                Write::At(offset, bytes).to(durable);
                            }
                            write => write.to(durable),
                        }
                    }
                    read.clone_from(durable);
                }
                Node::Folder {
                    read,
                    durable,
                    unsynced,
                } => {
                    let kept = dice.index(unsynced.len().saturating_add(1));
                    for change in unsynced.drain(..).take(kept) {
                        name_change(durable, &change);
                    }
                    read.clone_from(durable);
                }
            }
        }
    }
}
