//! Files of the simulated disk: read at once, durable when they were synced, written in part when the process dies.

use super::{Node, SimDisk, State, Write, gone};
use std::io;
use std::sync::MutexGuard;
use store::disk::{DiskFile, Identity};

/// A file as one process has it open.
pub(super) struct Handle {
    pub(super) disk: SimDisk,
    pub(super) file: u64,
    pub(super) life: u64,
}

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.disk.state();
        state.alive()?;
        if state.life == self.life {
            Ok(state)
        } else {
            Err(gone())
        }
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.state()?;
        state.change()?;
        let fails = std::mem::take(&mut state.fails_to_sync);
        state.troubled |= fails;
        match state.nodes.get_mut(&self.file) {
            // What was to be durable is not, and waits for the next sync or is lost with the power.
            Some(Node::File { .. }) if fails => Err(io::Error::other("cannot be synced")),
            Some(Node::File { durable, unsynced, .. }) => {
                for write in unsynced.drain(..) {
                    write.to(durable);
                }
                Ok(())
            }
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

impl DiskFile for Handle {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state()?;
        let Some(Node::File { read, .. }) = state.nodes.get(&self.file) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let rest = read.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let state = &mut *self.state()?;
        let grows = offset.saturating_add(bytes.len() as u64) > state.length(self.file)?;
        let stopped = state.change().and_then(|()| if grows { state.room() } else { Ok(()) });
        match stopped {
            Ok(()) => state.write(self.file, Write::At(offset, bytes.to_vec())),
            Err(error) => {
                let part = state.dice.index(bytes.len());
                let part = bytes.get(..part).unwrap_or_default().to_vec();
                if !part.is_empty() {
                    state.write(self.file, Write::At(offset, part))?;
                }
                Err(error)
            }
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let state = &mut *self.state()?;
        state.change()?;
        if length > state.length(self.file)? {
            state.room()?;
        }
        state.write(self.file, Write::Length(length))
    }

    fn length(&self) -> io::Result<u64> {
        self.state()?.length(self.file)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn identity(&self) -> io::Result<Identity> {
        Ok(Identity {
            device: 1,
            inode: self.file,
        })
    }
}
