//! A process that is killed while claims are held in memory alone has erased them.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

use super::world::*;
use credentials::decision::Statement;
use credentials::schema::Types;
use credentials::verify::Verdict;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use store::Store;

const CHILD: &str = "BEVIS_VERIFIER_KILLED_CHILD";
const READY: &str = "holds the claims of ";

/// Takes a student loan's answer, reads it, and waits to be killed.
fn hold_claims(folder: &Path) -> ! {
    let mut world = World::made_in(tempfile::tempdir_in(folder).unwrap());
    let loan = world.loan(CUSTOMER);
    let session = world.ask("S15", CUSTOMER);
    let answer = world.answer(&session, &[&loan]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    let detail = world.detail(&session);
    let total = shown(&detail, "StudentLoanBalance", "TotalAmount.amount");
    assert_eq!(total, [json!("313654.00")]);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{READY}{session}").unwrap();
    out.flush().unwrap();
    loop {
        std::thread::park();
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_under(&path)),
            false => files.push(path),
        }
    }
    files
}

#[test]
fn claims_held_in_memory_are_gone_with_a_killed_process_and_nothing_of_them_is_in_its_home() {
    if let Ok(folder) = std::env::var(CHILD) {
        hold_claims(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("tests::killed::claims_held_in_memory_are_gone_with_a_killed_process_and_nothing_of_them_is_in_its_home")
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let session = lines
        .map(|line| line.unwrap())
        .find_map(|line| line.split(READY).nth(1).map(str::to_owned))
        .expect("the child says when it holds them");
    process.kill().unwrap();
    process.wait().unwrap();

    let home = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let files = files_under(&home);
    assert!(files.len() > 4);
    let words = ["313654.00", "312450.00", CUSTOMER];
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for word in words {
            let found = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!found, "{word} stands in {}", file.display());
        }
    }
    // Nor does whoever has the passphrase read it.
    let store = Store::open(&home.join("store"), &passphrase(), entropy()).unwrap();
    let trust = trust(now(), |_| {});
    let mut verifier = open(store, &Types::builtin(), &trust);
    for value in verifier.tables.values() {
        for word in words {
            assert!(
                !value.windows(word.len()).any(|w| w == word.as_bytes()),
                "{word} is in a row"
            );
        }
    }
    let detail = verifier.session(now(), &session).unwrap().unwrap();
    assert_eq!(detail.view.verdict, Some(Verdict::Valid), "that it was shown stays");
    assert!(detail.claims.is_empty());
    let later = now().plus(1);
    assert_eq!(verifier.tick(later).unwrap(), [&*session]);
    let stated = verifier.session(later, &session).unwrap().unwrap().erasure.unwrap();
    let stated = Statement::open(&stated, &trust).unwrap();
    assert!(stated.erased.contains_key("StudentLoanBalance"));
}
