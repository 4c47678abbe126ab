//! A volume of its own for a home, in a mount namespace: one without room, and one that can only be read.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in the process of a test that was started again in a mount namespace of its own.
const WITHIN: &str = "TEST_IN_A_NAMESPACE";

/// Whether this process may mount: it was started again in namespaces of its own. Else starts it, and says how it went. `module` is
/// the test's `module_path!()`.
pub(crate) fn is_within(module: &str, test: &str) -> bool {
    if node::clock::environment(WITHIN).is_some() {
        return true;
    }
    // Built here, where building belongs.
    crate::process::bevis();
    let tried = Command::new("unshare").args(["-Urm", "true"]).output();
    assert!(
        tried.as_ref().is_ok_and(|tried| tried.status.success()),
        "this test needs a machine that lets its user make user and mount namespaces (`unshare -Urm true`): {tried:?}"
    );
    let name = format!("{}::{test}", module.split_once("::").expect("a module of the crate").1);
    let ended = Command::new("unshare")
        .args(["-Urm", "--kill-child"])
        .arg(std::env::current_exe().expect("runs"))
        .args([&name, "--exact", "--nocapture"])
        .env(WITHIN, "1")
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{name}: {said}");
    false
}

/// A disk of some bytes in memory, at a folder that is made for it.
pub(crate) fn mount(at: &Path, options: &str) {
    std::fs::create_dir_all(at).expect("makes");
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
    assert!(
        command.status().expect("mount runs").success(),
        "{} is mounted",
        at.display()
    );
}

pub(crate) fn remount(at: &Path, how: &str) {
    let done = Command::new("mount")
        .args(["-o", &format!("remount,{how}")])
        .arg(at)
        .status();
    assert!(done.expect("mount runs").success(), "{} is {how}", at.display());
}

/// Takes all room that is left, and gives the file that does.
pub(crate) fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .expect("opens");
    let page = [0; 4096];
    let full = std::iter::repeat_with(|| file.write_all(&page)).find_map(Result::err);
    let full = full.expect("a disk ends");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    path
}
