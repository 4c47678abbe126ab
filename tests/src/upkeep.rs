//! What whoever runs a machine does with the program, on the real binary: pages and completions, a service manager, signals,
//! `doctor --fix`, a report and a migration.

use crate::network::argument;
use crate::process::{Home, finish, folder};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longest wait for something that the node says by itself.
const SOON: Duration = Duration::from_secs(30);

fn wallet(folder: &Path) -> Home {
    let home = Home::new(folder, "wallet");
    home.ok(&["init", "--role", "wallet", "--profile", "test"]);
    home
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn a_reader_that_goes_away_ends_no_page_and_no_completion_badly() {
    let folder = folder();
    let home = Home::new(folder.path(), "none");
    for arguments in [
        &["man"][..],
        &["completion", "bash"],
        &["completion", "zsh"],
        &["completion", "fish"],
        &["completion", "powershell"],
        &["config", "schema"],
        &["--json", "config", "schema"],
    ] {
        let whole = {
            let mut command = home.bare();
            command.args(arguments);
            finish(command, "").expect(0)
        };
        assert!(whole.stdout.len() > 2_000 && whole.stderr.is_empty(), "{arguments:?}");
        let mut command = home.bare();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        drop(child.stdout.take());
        let said = child.wait_with_output().expect("ends");
        assert_eq!(said.status.code(), Some(0), "{arguments:?}");
        assert!(
            said.stderr.is_empty(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
    }
    assert!(!home.path().exists(), "none of it needs a home or makes one");
}

#[test]
fn pages_are_written_into_a_folder_that_is_made() {
    let folder = folder();
    let home = Home::new(folder.path(), "none");
    let pages = folder.path().join("share/man1");
    let written = home.ok(&["man", argument(&pages)]);
    let files: Vec<_> = fs::read_dir(&pages).expect("made").collect();
    assert_eq!(written["pages"], files.len());
    let overview = fs::read_to_string(pages.join("bevis.1")).expect("reads");
    assert!(overview.contains("EXIT STATUS") && overview.contains("\\fB143\\fR"));
    assert!(pages.join("bevis-wallet-present.1").exists());
}

/// Everything that the service manager was told until one of the lines is this.
fn told_until(manager: &UnixDatagram, line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut message = [0; 4096];
    loop {
        let length = manager
            .recv(&mut message)
            .unwrap_or_else(|e| panic!("no {line}: {e}; {all:?}"));
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        all.extend(text.lines().map(str::to_owned));
        if all.iter().any(|told| told == line) {
            return all;
        }
    }
}

#[test]
fn a_service_manager_hears_that_the_node_is_ready_alive_reloading_and_stopping() {
    let folder = folder();
    let mut home = wallet(folder.path());
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("bound");
    manager.set_read_timeout(Some(SOON)).expect("set");
    home.set_environment(vec![
        ("NOTIFY_SOCKET", argument(&socket).to_owned()),
        ("WATCHDOG_USEC", "600000".to_owned()),
    ]);
    home.serve(&[]);
    let told = told_until(&manager, "READY=1");
    assert!(told.iter().any(|line| line.starts_with("STATUS=")), "{told:?}");
    for _ in 0..2 {
        told_until(&manager, "WATCHDOG=1");
    }
    let config = home.path().join("bevis.toml");
    let text = fs::read_to_string(&config).expect("reads");
    let changed = text
        .replace("level = \"info\"", "level = \"debug\"")
        .replace("transport = \"both\"", "transport = \"tcp\"");
    assert_ne!(changed, text);
    fs::write(&config, changed).expect("writes");
    hang_up(&home);
    let told = told_until(&manager, "READY=1");
    assert!(told.iter().any(|line| line == "RELOADING=1"), "{told:?}");
    let log = fs::read_to_string(home.log()).expect("reads");
    assert!(
        log.contains("the log level has changed") && log.contains("level=debug"),
        "{log}"
    );
    assert!(
        log.contains("node.transport") && log.contains("at the next start only"),
        "{log}"
    );
    // A file that is not valid changes nothing, and the node goes on.
    fs::write(&config, "[node]\ntransprt = \"tcp\"\n").expect("writes");
    hang_up(&home);
    told_until(&manager, "READY=1");
    let log = fs::read_to_string(home.log()).expect("reads");
    assert!(log.contains("nothing has changed"), "{log}");
    fs::write(&config, text).expect("writes");
    told_until(&manager, "WATCHDOG=1");
    assert_eq!(home.terminate(), 0);
    told_until(&manager, "STOPPING=1");
}

fn hang_up(home: &Home) {
    let told = Command::new("kill").args(["-HUP", &home.pid().to_string()]).status();
    assert!(told.expect("kill runs").success());
}

#[test]
fn doctor_fix_closes_what_others_may_open_and_says_what() {
    let folder = folder();
    let home = wallet(folder.path());
    let keys = home.path().join("store/keys");
    for (path, wrong) in [
        (home.path(), 0o755),
        (&home.path().join("bevis.toml"), 0o644),
        (&keys, 0o640),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(wrong)).expect("ours");
    }
    let state = |report: &Value, check: &str| {
        let findings = report["findings"].as_array().expect("findings").clone();
        findings.into_iter().find(|found| found["check"] == check).expect(check)["state"].clone()
    };
    let report = home.run(&["doctor"]).expect(1).json();
    assert_eq!(
        (state(&report, "home"), state(&report, "permissions")),
        (json!("fail"), json!("warn"))
    );
    assert_eq!(mode(home.path()), 0o755, "looking changes nothing");
    let report = home.run(&["doctor", "--fix"]).json();
    assert_eq!(report["fixed"], json!([".", "bevis.toml", "store/keys"]));
    assert_eq!(
        (state(&report, "home"), state(&report, "permissions")),
        (json!("ok"), json!("ok"))
    );
    assert_eq!((mode(home.path()), mode(&keys)), (0o700, 0o600));
}

#[test]
fn doctor_without_the_passphrase_says_what_it_could_not_look_at() {
    let folder = folder();
    let home = wallet(folder.path());
    let mut command = home.bare();
    command.args(["--json", "--no-input", "doctor"]);
    let report = finish(command, "").expect(4).json();
    assert_eq!(report["state"], "unknown", "{report}");
}

#[test]
fn a_report_is_written_with_the_passphrase_and_without_it_and_never_over_a_file() {
    let folder = folder();
    let home = wallet(folder.path());
    let read = |path: &Path| fs::read_to_string(path).expect("reads");
    let whole = folder.path().join("whole.json");
    assert_eq!(home.ok(&["bugreport", argument(&whole)])["left_out"], json!([]));
    assert_eq!(mode(&whole), 0o600);
    let sealed = folder.path().join("sealed.json");
    let mut command = home.bare();
    command.args(["--json", "--no-input", "bugreport", argument(&sealed)]);
    let said = finish(command, "").expect(0).json();
    assert_eq!(said["left_out"], json!(["doctor", "status", "metrics"]));
    for path in [&whole, &sealed] {
        let text = read(path);
        assert!(
            !text.contains(argument(home.path())) && text.contains("bugreport/v1"),
            "{text}"
        );
    }
    let before = read(&whole);
    home.run(&["bugreport", argument(&whole)])
        .expect_problem(9, "home_exists");
    assert_eq!(read(&whole), before);
}

#[test]
fn a_home_of_this_version_has_nothing_to_migrate_and_one_of_a_newer_is_refused() {
    let folder = folder();
    let home = wallet(folder.path());
    for arguments in [&["migrate", "--dry-run"][..], &["migrate"]] {
        let told = home.ok(arguments);
        assert_eq!((&told["steps"], &told["copy"]), (&json!([]), &Value::Null));
    }
    assert!(!home.path().join("copies").exists());
    let segment = home.path().join("store/journal-000001/0000000001.segment");
    let mut bytes = fs::read(&segment).expect("reads");
    bytes[8..12].copy_from_slice(&(store::FORMAT + 1).to_be_bytes());
    fs::write(&segment, bytes).expect("writes");
    for arguments in [&["migrate", "--dry-run"][..], &["migrate"]] {
        home.run(arguments).expect_problem(9, "newer_format");
    }
}
