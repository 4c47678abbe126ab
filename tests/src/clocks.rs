//! Clocks that tests set: a library that answers for the system, compiled from the text in the folder beside this file and put
//! before a process by its environment.

use crate::network::argument;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles it into a folder, where it is not there yet.
fn library(folder: &Path) -> (&'static str, String) {
    let library = folder.join("clock.so");
    if !library.exists() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/clocks/clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .status()
            .expect("cc runs");
        assert!(compiled.success(), "the library is compiled");
    }
    ("LD_PRELOAD", argument(&library).to_owned())
}

/// What makes a process see another time: a clock that is wrong by so many seconds.
pub(crate) fn apart(folder: &Path, seconds: i64) -> Vec<(&'static str, String)> {
    vec![library(folder), ("CLOCK_APART", seconds.to_string())]
}

/// Time that can be made to pass for several processes at once.
pub(crate) struct Passing {
    file: PathBuf,
    library: (&'static str, String),
}

impl Passing {
    /// No time has passed yet.
    pub(crate) fn begin(folder: &Path) -> Passing {
        let passing = Passing {
            file: folder.join("passed"),
            library: library(folder),
        };
        passing.pass(0);
        passing
    }

    /// What a process that goes by it finds in its environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![self.library.clone(), ("CLOCK_PASSED", argument(&self.file).to_owned())]
    }

    /// So many seconds more than in truth have passed since the beginning, for all of them and from now on.
    pub(crate) fn pass(&self, seconds: i64) {
        // In place: they look at the file itself.
        let mut file = std::fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.file)
            .expect("opens");
        std::io::Write::write_all(&mut file, &seconds.to_ne_bytes()).expect("writes");
    }
}
