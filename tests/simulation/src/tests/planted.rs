//! Bugs planted one at a time are each found. They are planted in a copy of the sources, all at once and asleep, so that one
//! build serves them all; the product holds no switch. A bug whose text is no longer in the sources fails the test.

use super::bugs::{BUGS, Edit, SWITCH, SWITCHED};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the simulation is built of, with the folders that make it.
const MEMBERS: [&str; 6] = [
    "credentials",
    "store",
    "wallet",
    "issuer",
    "verifier",
    "tests/simulation",
];
/// Seeds in which a bug must be found.
const SEEDS: u64 = 1000;
/// The bug that shows itself in few seeds, by its number, and from where on it is looked for: from the first, most of the time of
/// this test would go into seeds in which it does not.
const RARE: (u32, u64) = (11, 400);
/// Seeds in which the copy with every bug asleep must find nothing.
const SEEDS_ASLEEP: u64 = 40;
/// The test of the copy that is run.
const RUN: &str = "tests::seeds::no_seed_breaks_an_invariant_and_every_fault_occurs";

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the workspace is above").to_owned()
}

/// Every file of a folder of the workspace that makes its crate, by its path from the root.
fn collect(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() {
            collect(root, &path, into);
        } else {
            let name = path.strip_prefix(root).expect("below").to_owned();
            into.insert(name, fs::read(&path).expect("reads"));
        }
    }
}

fn plant(files: &mut BTreeMap<PathBuf, Vec<u8>>, edit: &Edit) {
    let file = files
        .get_mut(Path::new(edit.file))
        .unwrap_or_else(|| panic!("{} is gone", edit.file));
    let text = String::from_utf8(std::mem::take(file)).expect("UTF-8");
    let times = text.matches(edit.find).count();
    assert_eq!(
        times, 1,
        "{}: this text is there {times} times:\n{}",
        edit.file, edit.find
    );
    *file = text.replace(edit.find, edit.become_).into_bytes();
}

/// The workspace with every bug in it.
fn copy() -> BTreeMap<PathBuf, Vec<u8>> {
    let root = root();
    let mut files = BTreeMap::new();
    for member in MEMBERS {
        collect(&root, &root.join(member), &mut files);
    }
    for name in ["Cargo.toml", "Cargo.lock"] {
        files.insert(name.into(), fs::read(root.join(name)).expect("reads"));
    }
    let manifest = String::from_utf8(files[Path::new("Cargo.toml")].clone()).expect("UTF-8");
    let members = manifest
        .lines()
        .find(|line| line.starts_with("members = "))
        .expect("members");
    let ours = format!("members = {MEMBERS:?}");
    files.insert("Cargo.toml".into(), manifest.replace(members, &ours).into_bytes());
    for (name, before) in SWITCHED {
        files.insert(format!("{name}/src/planted.rs").into(), SWITCH.as_bytes().to_vec());
        let file = Path::new(name).join("src/lib.rs");
        let text = String::from_utf8(files[&file].clone()).expect("UTF-8");
        assert!(text.contains(before), "{name} has no {before}");
        files.insert(
            file,
            text.replacen(before, &format!("mod planted;\n{before}"), 1)
                .into_bytes(),
        );
    }
    for bug in BUGS {
        for edit in bug.edits {
            plant(&mut files, edit);
        }
    }
    files
}

/// Writes the copy, and leaves a file alone that is so already: then cargo builds only what changed.
fn write(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let mut there = BTreeMap::new();
    if folder.exists() {
        collect(folder, folder, &mut there);
    }
    for name in there.keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(folder.join(name)).expect("removes");
    }
    for (name, content) in files {
        if there.get(name) != Some(content) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("makes");
            fs::write(path, content).expect("writes");
        }
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test of its own package would reach build scripts that watch it, and everything above them would
    // be compiled anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Builds the copy's tests with the target folder of this build, so that no dependency is built again.
fn build(folder: &Path, target: &Path) -> PathBuf {
    let built = cargo()
        .args([
            "test",
            "--release",
            "--offline",
            "-p",
            "simulation",
            "--lib",
            "--no-run",
        ])
        .arg("--message-format=json")
        .arg("--target-dir")
        .arg(target)
        .current_dir(folder)
        .output()
        .expect("cargo runs");
    let stderr = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "the copy builds: {stderr}");
    let stdout = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    let path = stdout.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "simulation").then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    path.expect("cargo names the executable")
}

/// Runs the seeds with a bug awake; what the first seed that finds it says.
fn seeds(program: &Path, bug: u32, count: u64) -> Result<(), String> {
    let from = if bug == RARE.0 { RARE.1 } else { 1 };
    let output = Command::new(program)
        .args(["--exact", RUN, "--nocapture"])
        .env("BEVIS_SEED", from.to_string())
        .env("BEVIS_PLANTED", bug.to_string())
        .env("BEVIS_SEEDS", count.to_string())
        .env("BEVIS_STOP", "1")
        .output()
        .expect("runs");
    if output.status.success() {
        return Ok(());
    }
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = stdout.lines().find(|line| line.starts_with("seed "));
    Err(found
        .map(str::to_owned)
        .unwrap_or(format!("{stdout}{}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn each_planted_bug_is_found_and_without_one_nothing_is() {
    let program = std::env::current_exe().expect("has a path");
    let target = program.ancestors().nth(3).expect("target/release/deps").to_owned();
    let folder = target.join("planted");
    write(&folder, &copy());
    let program = build(&folder, &target);
    let asleep = seeds(&program, 0, SEEDS_ASLEEP);
    assert_eq!(asleep, Ok(()), "with every bug asleep");
    let mut missed = Vec::new();
    for bug in BUGS {
        match seeds(&program, bug.number, SEEDS) {
            Err(found) if found.starts_with("seed ") => println!("{:>2} {}\n   {found}", bug.number, bug.is),
            Err(failed) => missed.push(format!("{}: {failed}", bug.is)),
            Ok(()) => missed.push(bug.is.to_owned()),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
