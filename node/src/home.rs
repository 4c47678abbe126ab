//! The home folder: configuration, sealed store, local socket, dropped-in credential types.

pub mod rights;

use crate::error::Failure;
use credentials::{Code, Problem};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A home folder, existing or not.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// At a path, made absolute so that a change of working directory does not move it.
    pub fn at(path: &Path) -> Result<Home, Failure> {
        std::path::absolute(path).map(Home).map_err(|e| Failure::file(path, &e))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `bevis.toml`.
    pub fn config(&self) -> PathBuf {
        self.0.join("bevis.toml")
    }

    /// The sealed store's folder.
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The socket by which commands reach the running node.
    pub fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Credential types that the operator added: public data.
    pub fn types(&self) -> PathBuf {
        self.0.join("types")
    }

    /// Copies of status lists for the next start: public data.
    pub fn status_cache(&self) -> PathBuf {
        self.0.join("cache/status")
    }

    /// Sealed copies that the program made before it changed the home's format.
    pub fn copies(&self) -> PathBuf {
        self.0.join("copies")
    }

    /// Whether somebody has run `init` here.
    pub fn exists(&self) -> bool {
        self.config().exists() || store::Store::exists(&self.store())
    }

    /// Refuses when nothing is here.
    pub fn require(&self) -> Result<(), Failure> {
        if self.exists() {
            Ok(())
        } else {
            Err(Problem::new(Code::HomeMissing, self.0.display().to_string()).into())
        }
    }

    /// Makes the folder with mode 0700 where it is missing.
    pub fn create(&self) -> Result<(), Failure> {
        private_folder(&self.0)
    }
}

/// Makes a folder with mode 0700 where it is missing, with those above it.
pub fn private_folder(path: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| Failure::file(path, &e))
}

/// Writes a file of mode 0600 so that a crash leaves the old or the new one, never half.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = Growing::begin(path)?;
    file.put(bytes)?;
    file.end()
}

/// A file that is written piece by piece: the old one stays until the end.
pub struct Growing {
    path: PathBuf,
    temporary: PathBuf,
    file: std::io::BufWriter<fs::File>,
}

impl Growing {
    /// Begins one of mode 0600.
    pub fn begin(path: &Path) -> Result<Growing, Failure> {
        let temporary = path.with_extension("new");
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary);
        let file = std::io::BufWriter::new(file.map_err(|e| Failure::file(path, &e))?);
        let path = path.to_owned();
        Ok(Growing { path, temporary, file })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        use std::io::Write;
        self.file.write_all(bytes).map_err(|e| Failure::file(&self.path, &e))
    }

    /// One more line.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.put(line.as_bytes())?;
        self.put(b"\n")
    }

    /// What was written takes the old one's place, durably.
    pub fn end(self) -> Result<(), Failure> {
        let Growing { path, temporary, file } = self;
        let result = (|| {
            let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
                _ => Ok(()),
            }
        })();
        result.map_err(|e| Failure::file(&path, &e))
    }
}

/// Reads at most `limit` bytes of a file; a larger one is `too_large`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|e| Failure::file(path, &e))?;
    if bytes.len() as u64 > limit {
        return Err(Problem::new(Code::TooLarge, path.display().to_string()).into());
    }
    Ok(bytes)
}
