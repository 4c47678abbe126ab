//! The shim itself: exactly what was synced is there after a cut.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use super::*;

/// Writes, syncs and names files in every way that the store and sled use, in a folder that holds `old` and `keys`.
fn write(root: &Path) {
    let sync = |path: &Path| File::open(path).unwrap().sync_all().unwrap();
    let old = OpenOptions::new().write(true).open(root.join("old")).unwrap();
    old.write_all_at(b"SYNCED", 1_000).unwrap();
    old.sync_data().unwrap();
    old.write_all_at(b"LOST", 2_000).unwrap();
    old.set_len(2_500).unwrap();

    let shorter = OpenOptions::new().write(true).open(root.join("shorter")).unwrap();
    shorter.sync_data().unwrap();
    shorter.set_len(10).unwrap();
    shorter.set_len(20).unwrap();
    shorter.write_all_at(b"end", 25).unwrap();
    shorter.sync_data().unwrap();

    std::fs::write(root.join("keys.part"), "new keys").unwrap();
    sync(&root.join("keys.part"));
    std::fs::rename(root.join("keys.part"), root.join("keys")).unwrap();

    let folder = root.join("named");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("whole"), "bytes and name").unwrap();
    sync(&folder.join("whole"));
    std::fs::write(folder.join("empty"), "name only").unwrap();
    sync(&folder);
    std::fs::write(folder.join("nameless"), "bytes only").unwrap();
    sync(&folder.join("nameless"));
    if std::env::var("BEVIS_STORE_POWER_ROOT").is_ok() {
        sync(root);
    }
    std::fs::rename(&folder, root.join("renamed")).unwrap();
    std::fs::remove_dir_all(root.join("removed")).unwrap();
    std::fs::copy(root.join("old"), root.join("copy")).unwrap();
}

fn content(machine: &Machine) -> BTreeMap<String, Vec<u8>> {
    let root = machine.live();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    files_under(&root)
        .iter()
        .map(|path| (name(path), std::fs::read(path).unwrap()))
        .collect()
}

fn after_a_cut(loss: Loss, sync_root: bool) -> BTreeMap<String, Vec<u8>> {
    let machine = Machine::new();
    let root = machine.live();
    std::fs::write(root.join("old"), vec![b'.'; 3_000]).unwrap();
    std::fs::write(root.join("shorter"), vec![b'.'; 30]).unwrap();
    std::fs::write(root.join("keys"), "old keys").unwrap();
    std::fs::create_dir(root.join("removed")).unwrap();
    std::fs::write(root.join("removed/file"), "still there").unwrap();
    machine.settle();
    let mut settings = vec![(CHILD, String::new())];
    if sync_root {
        settings.push(("BEVIS_STORE_POWER_ROOT", String::new()));
    }
    let test = "tests::power::shim::after_a_cut_there_is_what_was_synced_and_nothing_else";
    machine.start(test, &settings).end();
    machine.cut(&mut Dice(1), loss);
    content(&machine)
}

#[test]
fn after_a_cut_there_is_what_was_synced_and_nothing_else() {
    if child().is_some() {
        write(Path::new(&std::env::var(LIVE).unwrap()));
        return;
    }
    let mut old = vec![b'.'; 3_000];
    old[1_000..1_006].copy_from_slice(b"SYNCED");
    let mut shorter = vec![0; 28];
    shorter[..10].fill(b'.');
    shorter[25..].copy_from_slice(b"end");
    let mut expected: BTreeMap<String, Vec<u8>> = [
        ("old", old),
        ("shorter", shorter),
        ("keys", b"old keys".to_vec()),
        ("removed/file", b"still there".to_vec()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into();
    assert_eq!(after_a_cut(Loss::All, false), expected);
    // With the folder synced the names are there, those of the folder within as far as it was synced itself.
    expected.insert("keys".to_owned(), b"new keys".to_vec());
    expected.insert("named/whole".to_owned(), b"bytes and name".to_vec());
    expected.insert("named/empty".to_owned(), Vec::new());
    assert_eq!(after_a_cut(Loss::All, true), expected);
}
