//! The journal: the only thing that is believed. Append-only segments in a folder of their own.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::disk::Access;
use crate::files::{File, Files, Home};
use crate::keys::Keys;
use crate::segment::{self, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::walk::{Fault, Position, Visit, Walk};
use crate::{Error, SEGMENT_BYTES};

/// Read-ahead of a walk: large enough that reading is one pass over the disk.
const READ_BYTES: usize = 256 << 10;

/// The journal of an open store, positioned at its end.
pub(crate) struct Journal {
    files: Files,
    dir: PathBuf,
    file: File,
    first_segment: u64,
    segment: u64,
    length: u64,
    /// Bytes of the segments before the current one.
    earlier: u64,
    position: Position,
    syncs: u64,
    /// Something behind `length` may be left of a write that failed; nothing is appended before it is cut off.
    unclean: bool,
    /// Whether all that was read when it was opened is durable.
    settled: bool,
    writable: bool,
}

/// What was known of the journal before it was read.
pub(crate) struct Known {
    /// Highest sequence anything says was acknowledged.
    pub(crate) acknowledged: u64,
    /// Whether a journal that ends before it is opened all the same.
    pub(crate) accept_loss: bool,
}

/// What opening found.
#[derive(Default)]
pub(crate) struct Found {
    /// Bytes of a last record that was never acknowledged, and was cut off.
    pub(crate) torn_bytes: u64,
    /// A lost tail was accepted.
    pub(crate) lost: bool,
}

pub(crate) fn generation_dir(root: &Path, generation: u64) -> PathBuf {
    root.join(format!("journal-{generation:06}"))
}

/// The complete journal folders of a home, ascending, and the unfinished ones.
pub(crate) fn generations(files: &Files, root: &Path) -> Result<(Vec<u64>, Vec<PathBuf>), Error> {
    let (mut complete, mut unfinished) = (Vec::new(), Vec::new());
    for name in files.list(root)? {
        let Some(rest) = name.to_str().and_then(|n| n.strip_prefix("journal-")) else {
            continue;
        };
        match rest.parse::<u64>() {
            Ok(generation) => complete.push(generation),
            Err(_) => unfinished.push(root.join(&name)),
        }
    }
    complete.sort_unstable();
    Ok((complete, unfinished))
}

/// Makes the journal of an empty home from segments that `fill` writes and syncs in the folder it is given.
pub(crate) fn import(home: &Home, fill: &mut dyn FnMut(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let dir = generation_dir(&home.dir, 1);
    let part = dir.with_extension("part");
    home.files.make_folder(&part)?;
    fill(&part)?;
    home.files.sync_folder(&part)?;
    home.files.rename(&part, &dir)
}

/// Removes every journal but the newest complete one.
pub(crate) fn remove_superseded(files: &Files, root: &Path) -> Result<(), Error> {
    let (mut complete, mut old) = generations(files, root)?;
    complete.pop();
    old.extend(complete.into_iter().map(|g| generation_dir(root, g)));
    for path in old {
        files.remove_folder(&path)?;
    }
    Ok(())
}

impl Journal {
    /// Makes the first segment of a journal in `dir`.
    pub(crate) fn start(files: &Files, dir: &Path, keys: &Keys, number: u64, after: Position) -> Result<Self, Error> {
        let file = make_segment(files, dir, keys, true, number, &after)?;
        Ok(Self {
            files: files.clone(),
            dir: dir.to_path_buf(),
            file,
            first_segment: number,
            segment: number,
            length: SEGMENT_HEADER_BYTES as u64,
            earlier: 0,
            position: after,
            syncs: 0,
            unclean: false,
            settled: true,
            writable: true,
        })
    }

    /// Its folder was renamed, and `syncs` were counted before.
    pub(crate) fn moved_to(&mut self, dir: PathBuf, syncs: u64) {
        self.file.moved_to(segment::path(&dir, self.segment));
        self.dir = dir;
        self.syncs = self.syncs.saturating_add(syncs);
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads the whole journal. Records after `open_after` are opened for the visitor.
    pub(crate) fn open(
        home: &Home,
        keys: &Keys,
        known: &Known,
        open_after: u64,
        visit: &mut Visit<'_>,
    ) -> Result<(Self, Found), Error> {
        let Home { files, dir: root, .. } = home;
        let (complete, _) = generations(files, root)?;
        let Some(newest) = complete.last() else {
            return Err(Error::SegmentDamaged { segment: 1 });
        };
        let dir = generation_dir(root, *newest);
        let numbers = segment::list(files, &dir)?;
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Err(Error::SegmentDamaged { segment: 1 });
        };
        let (mut earlier, mut length) = (0u64, 0u64);
        let mut found = Found::default();
        let mut walk = Walk::new(keys, open_after, visit);
        let mut unclean = false;
        for number in &numbers {
            let path = segment::path(&dir, *number);
            let file = files.open(&path, Access::Read)?;
            length = file.length()?;
            let walked = walk_file(&mut walk, *number, length, &file)
                .and_then(|()| if number == last { walk.check_held() } else { Ok(()) });
            match walked {
                Ok(()) => {}
                Err(fault) if number == last => {
                    let cut = tail(fault, keys, known, &file, *number)?;
                    found.torn_bytes = length.saturating_sub(cut);
                    length = cut;
                    unclean = true;
                }
                Err(fault) => return Err(fault.into()),
            }
            if number != last {
                earlier = earlier.saturating_add(length);
            }
        }
        let position = walk.position();
        if position.sequence < known.acknowledged {
            if !known.accept_loss {
                return Err(Error::LostTail {
                    known: known.acknowledged,
                    found: position.sequence,
                });
            }
            found.lost = true;
        }
        let path = segment::path(&dir, *last);
        let (file, writable) = files.open_writable(&path, Access::Write)?;
        let mut this = Self {
            files: files.clone(),
            first_segment: *first,
            segment: *last,
            dir,
            file,
            length,
            earlier,
            position,
            syncs: 0,
            unclean,
            settled: false,
            writable,
        };
        if writable {
            let ready = this.settle().and_then(|()| this.clean());
            match ready.and_then(|()| remove_superseded(files, root)) {
                // Cutting is tried again before anything is appended.
                Ok(()) | Err(Error::Full { .. } | Error::ReadOnly { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((this, found))
    }

    /// Makes durable what was read. A process that was killed between writing and syncing leaves records, and names of
    /// segments, that the next one reads although a power cut could still take them back: whoever acts on them must not
    /// be the first to lose them. Where the disk is full this waits for the next append.
    fn settle(&mut self) -> Result<(), Error> {
        if !self.settled {
            self.sync()?;
            self.files.sync_folder(&self.dir)?;
            self.files.sync_entry(&self.dir)?;
            self.settled = true;
        }
        Ok(())
    }

    /// Reads every record again, opened.
    pub(crate) fn replay(&self, keys: &Keys, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut walk = Walk::new(keys, 0, visit);
        for (number, path, length) in self.segments()? {
            let file = self.files.open(&path, Access::Read)?;
            walk_file(&mut walk, number, length, &file)?;
        }
        if walk.position() == self.position {
            Ok(())
        } else {
            Err(Error::LostTail {
                known: self.position.sequence,
                found: walk.position().sequence,
            })
        }
    }

    /// Number, path and length of every segment, ascending.
    pub(crate) fn segments(&self) -> Result<Vec<(u64, PathBuf, u64)>, Error> {
        (self.first_segment..=self.segment)
            .map(|number| {
                let path = segment::path(&self.dir, number);
                let length = if number == self.segment {
                    self.length
                } else {
                    self.files.open(&path, Access::Read)?.length()?
                };
                Ok((number, path, length))
            })
            .collect()
    }

    /// Where the journal ends.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// How often data was synced since opening.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Number of segment files.
    pub(crate) fn segment_count(&self) -> u64 {
        self.segment.saturating_sub(self.first_segment).saturating_add(1)
    }

    /// Number the next segment would get.
    pub(crate) fn next_segment(&self) -> u64 {
        self.segment.saturating_add(1)
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.earlier.saturating_add(self.length)
    }

    /// Appends whole records and syncs them. On failure nothing of them is kept.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::ReadOnly`] or [`Error::Io`]. Only when the disk also refuses to cut the
    /// records off again may they be found after a crash.
    pub(crate) fn append(&mut self, keys: &Keys, records: &[u8], end: Position) -> Result<(), Error> {
        self.clean()?;
        self.settle()?;
        let after = self.length.saturating_add(records.len() as u64);
        if after > SEGMENT_BYTES && self.length > SEGMENT_HEADER_BYTES as u64 {
            self.turn_over(keys)?;
        }
        let written = self.file.write_at(records, self.length).and_then(|()| self.sync());
        match written {
            Ok(()) => {
                self.length = self.length.saturating_add(records.len() as u64);
                self.position = end;
                Ok(())
            }
            Err(error) => {
                self.unclean = true;
                // A failure here is met again, and named, before the next append.
                self.clean().ok();
                Err(error)
            }
        }
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.syncs = self.syncs.saturating_add(1);
        self.file.sync_data()
    }

    /// Cuts off what a failed write left.
    fn clean(&mut self) -> Result<(), Error> {
        if !self.writable {
            let path = self.file.path().to_path_buf();
            (self.file, self.writable) = self.files.open_writable(&path, Access::Write)?;
            if !self.writable {
                return Err(Error::ReadOnly { path });
            }
        }
        if self.unclean {
            self.file.set_len(self.length)?;
            self.file.sync_all()?;
            self.unclean = false;
        }
        Ok(())
    }

    fn turn_over(&mut self, keys: &Keys) -> Result<(), Error> {
        let number = self.next_segment();
        let file = make_segment(&self.files, &self.dir, keys, false, number, &self.position)?;
        self.earlier = self.earlier.saturating_add(self.length);
        self.file = file;
        self.segment = number;
        self.length = SEGMENT_HEADER_BYTES as u64;
        Ok(())
    }
}

/// A segment appears under its name only when its header is whole and durable.
fn make_segment(
    files: &Files,
    dir: &Path,
    keys: &Keys,
    base: bool,
    number: u64,
    after: &Position,
) -> Result<File, Error> {
    let path = segment::path(dir, number);
    let header = SegmentHeader::new(base, number, after).encode(keys);
    files.replace_file(&path, &header)?;
    files.open(&path, Access::Write)
}

fn walk_file(walk: &mut Walk<'_>, number: u64, length: u64, file: &File) -> Result<(), Fault> {
    let mut reader = BufReader::with_capacity(READ_BYTES, file.cursor(0));
    walk.segment(number, length, &mut reader, file.path())
}

/// Decides about a fault in the last segment: torn and never acknowledged (the offset to cut at), lost, or damaged.
fn tail(fault: Fault, keys: &Keys, known: &Known, file: &File, last: u64) -> Result<u64, Error> {
    let Fault::Record {
        segment,
        offset,
        sequence,
        cut_short,
    } = fault
    else {
        return Err(fault.into());
    };
    if segment != last {
        return Err(fault.into());
    }
    if sequence <= known.acknowledged {
        if !cut_short {
            return Err(fault.into());
        }
        if !known.accept_loss {
            return Err(Error::LostTail {
                known: known.acknowledged,
                found: sequence.saturating_sub(1),
            });
        }
        return Ok(offset);
    }
    let mut rest = Vec::new();
    file.cursor(offset.saturating_add(1))
        .read_to_end(&mut rest)
        .map_err(|e| Error::io("read", file.path(), e))?;
    if segment::proves_acknowledged(keys, &rest, sequence) {
        return Err(fault.into());
    }
    Ok(offset)
}

/// The hash a journal starts from: nothing came before.
pub(crate) const ORIGIN: Position = Position {
    sequence: 0,
    hash: [0; 32],
    epoch: 0,
};
