//! The journal: the only thing that is believed. Append-only segments in a folder of their own.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::keys::Keys;
use crate::record::Hash;
use crate::segment::{self, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::walk::{Fault, Position, Visit, Walk};
use crate::{Error, SEGMENT_BYTES, disk};

/// Read-ahead of a walk: large enough that reading is one pass over the disk.
const READ_BYTES: usize = 256 << 10;

/// The journal of an open store, positioned at its end.
pub(crate) struct Journal {
    dir: PathBuf,
    path: PathBuf,
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

fn generation_dir(root: &Path, generation: u64) -> PathBuf {
    root.join(format!("journal-{generation:06}"))
}

/// The complete journal folders of a home, ascending, and the unfinished ones.
fn generations(root: &Path) -> Result<(Vec<u64>, Vec<PathBuf>), Error> {
    let failed = |e| Error::io("list", root, e);
    let (mut complete, mut unfinished) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|n| n.strip_prefix("journal-")) else {
            continue;
        };
        match rest.parse::<u64>() {
            Ok(generation) => complete.push(generation),
            Err(_) => unfinished.push(entry.path()),
        }
    }
    complete.sort_unstable();
    Ok((complete, unfinished))
}

/// A new journal being written beside the current one, unseen until [`Draft::publish`].
pub(crate) struct Draft {
    root: PathBuf,
    generation: u64,
    pub(crate) journal: Journal,
}

impl Draft {
    /// Starts the generation after the current one, following `after`.
    pub(crate) fn new(root: &Path, keys: &Keys, first_segment: u64, after: Position) -> Result<Self, Error> {
        let (complete, unfinished) = generations(root)?;
        for path in unfinished {
            fs::remove_dir_all(&path).map_err(|e| Error::io("remove", &path, e))?;
        }
        let generation = complete.last().map_or(1, |last| last.saturating_add(1));
        let dir = generation_dir(root, generation).with_extension("part");
        disk::make_folder(&dir)?;
        let journal = Journal::start(&dir, keys, first_segment, after)?;
        Ok(Self {
            root: root.to_path_buf(),
            generation,
            journal,
        })
    }

    /// Makes the new journal the one that counts, atomically and durably, and removes the earlier ones.
    ///
    /// `syncs` is what the count of syncs goes on from.
    pub(crate) fn publish(mut self, syncs: u64) -> Result<Journal, Error> {
        let dir = generation_dir(&self.root, self.generation);
        disk::sync_folder(&self.journal.dir)?;
        disk::rename(&self.journal.dir, &dir)?;
        self.journal.path = segment::path(&dir, self.journal.segment);
        self.journal.dir = dir;
        self.journal.syncs = self.journal.syncs.saturating_add(syncs);
        // Superseded files that cannot be removed now are removed when the store is next opened.
        remove_superseded(&self.root).ok();
        Ok(self.journal)
    }

    /// Removes what was written; what cannot be removed is when the next draft begins.
    pub(crate) fn discard(self) {
        fs::remove_dir_all(&self.journal.dir).ok();
    }
}

/// Makes the journal of an empty home from segments that `fill` writes and syncs in the folder it is given.
pub(crate) fn import(root: &Path, fill: &mut dyn FnMut(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let dir = generation_dir(root, 1);
    let part = dir.with_extension("part");
    disk::make_folder(&part)?;
    fill(&part)?;
    disk::sync_folder(&part)?;
    disk::rename(&part, &dir)
}

/// Removes every journal but the newest complete one.
fn remove_superseded(root: &Path) -> Result<(), Error> {
    let (mut complete, mut old) = generations(root)?;
    complete.pop();
    old.extend(complete.into_iter().map(|g| generation_dir(root, g)));
    for path in old {
        fs::remove_dir_all(&path).map_err(|e| Error::io("remove", &path, e))?;
    }
    Ok(())
}

impl Journal {
    /// Makes the first segment of a journal in `dir`.
    fn start(dir: &Path, keys: &Keys, number: u64, after: Position) -> Result<Self, Error> {
        let (path, file) = make_segment(dir, keys, true, number, &after)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            path,
            file,
            first_segment: number,
            segment: number,
            length: SEGMENT_HEADER_BYTES as u64,
            earlier: 0,
            position: after,
            syncs: 0,
            unclean: false,
            writable: true,
        })
    }

    /// Reads the whole journal. Records after `open_after` are opened for the visitor.
    pub(crate) fn open(
        root: &Path,
        keys: &Keys,
        known: &Known,
        open_after: u64,
        visit: &mut Visit<'_>,
    ) -> Result<(Self, Found), Error> {
        let (complete, _) = generations(root)?;
        let Some(newest) = complete.last() else {
            return Err(Error::SegmentDamaged { segment: 1 });
        };
        let dir = generation_dir(root, *newest);
        let numbers = segment::list(&dir)?;
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Err(Error::SegmentDamaged { segment: 1 });
        };
        let (mut earlier, mut length) = (0u64, 0u64);
        let mut found = Found::default();
        let mut walk = Walk::new(keys, open_after, visit);
        let mut unclean = false;
        for number in &numbers {
            let path = segment::path(&dir, *number);
            let mut file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
            length = file.metadata().map_err(|e| Error::io("examine", &path, e))?.len();
            let walked = walk_file(&mut walk, *number, length, &mut file, &path)
                .and_then(|()| if number == last { walk.check_held() } else { Ok(()) });
            match walked {
                Ok(()) => {}
                Err(fault) if number == last => {
                    let cut = tail(fault, keys, known, &mut file, &path, *number)?;
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
        let (file, writable) = open_for_appending(&path)?;
        let mut this = Self {
            first_segment: *first,
            segment: *last,
            dir,
            path,
            file,
            length,
            earlier,
            position,
            syncs: 0,
            unclean,
            writable,
        };
        if writable {
            match this.settle(root).and_then(|()| remove_superseded(root)) {
                // Cutting is tried again before anything is appended.
                Ok(()) | Err(Error::Full { .. } | Error::ReadOnly { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((this, found))
    }

    /// Reads every record again, opened.
    pub(crate) fn replay(&self, keys: &Keys, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut walk = Walk::new(keys, 0, visit);
        for (number, path, length) in self.segments()? {
            let mut file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
            walk_file(&mut walk, number, length, &mut file, &path)?;
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
                    fs::metadata(&path).map_err(|e| Error::io("examine", &path, e))?.len()
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
        let after = self.length.saturating_add(records.len() as u64);
        if after > SEGMENT_BYTES && self.length > SEGMENT_HEADER_BYTES as u64 {
            self.turn_over(keys)?;
        }
        let written = self
            .file
            .write_all_at(records, self.length)
            .map_err(|e| Error::io("write", &self.path, e))
            .and_then(|()| self.sync());
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
        self.file.sync_data().map_err(|e| Error::io("sync", &self.path, e))
    }

    /// Makes durable what was read: a process that was killed may have written and named what it did not live to sync.
    /// Readers act on it from now on, and the high-water mark and the index will name it.
    fn settle(&mut self, root: &Path) -> Result<(), Error> {
        self.clean()?;
        self.sync()?;
        disk::sync_folder(&self.dir)?;
        disk::sync_folder(root)
    }

    /// Cuts off what a failed write left.
    fn clean(&mut self) -> Result<(), Error> {
        if !self.writable {
            (self.file, self.writable) = open_for_appending(&self.path)?;
            if !self.writable {
                return Err(Error::ReadOnly {
                    path: self.path.clone(),
                });
            }
        }
        if self.unclean {
            self.file
                .set_len(self.length)
                .and_then(|()| self.file.sync_all())
                .map_err(|e| Error::io("truncate", &self.path, e))?;
            self.unclean = false;
        }
        Ok(())
    }

    fn turn_over(&mut self, keys: &Keys) -> Result<(), Error> {
        let number = self.next_segment();
        let (path, file) = make_segment(&self.dir, keys, false, number, &self.position)?;
        self.earlier = self.earlier.saturating_add(self.length);
        self.path = path;
        self.file = file;
        self.segment = number;
        self.length = SEGMENT_HEADER_BYTES as u64;
        Ok(())
    }
}

/// A segment appears under its name only when its header is whole and durable.
fn make_segment(dir: &Path, keys: &Keys, base: bool, number: u64, after: &Position) -> Result<(PathBuf, File), Error> {
    let path = segment::path(dir, number);
    let header = SegmentHeader::new(base, number, after).encode(keys);
    disk::replace_file(&path, &header)?;
    let (file, _) = open_for_appending(&path)?;
    Ok((path, file))
}

fn open_for_appending(path: &Path) -> Result<(File, bool), Error> {
    let opened = File::options().read(true).write(true).open(path);
    match opened.map_err(|e| Error::io("open", path, e)) {
        Ok(file) => Ok((file, true)),
        Err(Error::ReadOnly { .. }) => File::open(path)
            .map(|file| (file, false))
            .map_err(|e| Error::io("open", path, e)),
        Err(error) => Err(error),
    }
}

fn walk_file(walk: &mut Walk<'_>, number: u64, length: u64, file: &mut File, path: &Path) -> Result<(), Fault> {
    let mut reader = BufReader::with_capacity(READ_BYTES, file);
    walk.segment(number, length, &mut reader, path)
}

/// Decides about a fault in the last segment: torn and never acknowledged (the offset to cut at), lost, or damaged.
fn tail(fault: Fault, keys: &Keys, known: &Known, file: &mut File, path: &Path, last: u64) -> Result<u64, Error> {
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
    file.seek(SeekFrom::Start(offset.saturating_add(1)))
        .and_then(|_| file.read_to_end(&mut rest))
        .map_err(|e| Error::io("read", path, e))?;
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

/// Whether two ends of a journal are the same record.
pub(crate) fn same(sequence: u64, hash: &Hash, position: &Position) -> bool {
    position.sequence == sequence && position.hash == *hash
}
