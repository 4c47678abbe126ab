//! The quick start of the guide to the API: its very lines, run in a shell, end in a verdict; and every test person of the sandbox comes
//! to what the guide says.

use crate::papers::read;
use crate::process::{bevis, folder};
use node::clock::Stopwatch;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const GUIDE: &str = "docs/guide-bank-api.md";
/// Lines that a newcomer types, at most.
const LINES_MAX: usize = 20;
/// Time that it may take, at most: ten minutes.
const MILLISECONDS_MAX: u64 = 600_000;

/// The lines after a mark, up to the end of their block.
fn block(guide: &str, mark: &str) -> Vec<String> {
    let rest = guide
        .split(&format!("<!-- {mark} -->\n"))
        .nth(1)
        .expect("the mark is there");
    let lines = rest.lines().skip_while(|line| !line.starts_with("```")).skip(1);
    lines
        .take_while(|line| !line.starts_with("```"))
        .map(ToOwned::to_owned)
        .collect()
}

fn shell(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    let program = bevis().parent().expect("a folder").display().to_string();
    command
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{program}:/usr/local/bin:/usr/bin:/bin"))
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

/// A process group that is ended with the test, however that ends.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-TERM", "--", &group]).status());
        drop(self.0.wait());
    }
}

/// Reads what a process says until this line; what was said before it.
fn until(group: &mut Group, end: impl Fn(&str) -> bool) -> String {
    let mut said = String::new();
    let output = group.0.stdout.take().expect("piped");
    for line in BufReader::new(output).lines() {
        let line = line.expect("text");
        if end(&line) {
            return said;
        }
        said.push_str(&line);
        said.push('\n');
    }
    panic!("it ended before: {said}");
}

#[test]
fn the_quick_start_comes_to_a_verdict_in_its_very_lines() {
    let lines = block(&read(GUIDE), "quick start");
    assert!((5..=LINES_MAX).contains(&lines.len()), "{} lines", lines.len());
    let folder = folder();
    let script = format!("{}\necho\necho ENDED\nwait", lines.join("\n"));
    let watch = Stopwatch::start();
    // A group of its own, so that the sandbox that the lines leave running ends with it.
    let mut command = shell(folder.path(), &script);
    let mut group = Group(command.stdout(Stdio::piped()).process_group(0).spawn().expect("starts"));
    let said = until(&mut group, |line| line == "ENDED");
    assert!(watch.milliseconds() < MILLISECONDS_MAX, "{} ms", watch.milliseconds());
    drop(group);
    // The last that the lines print is the session.
    let from = said.rfind("{\"session\":\"").expect("a session");
    let shown: Value = serde_json::from_str(said[from..].trim()).expect("JSON");
    assert_eq!(
        (&shown["state"], &shown["verdict"]),
        (&json!("completed"), &json!("valid")),
        "{said}"
    );
    assert!(
        shown["checks"]
            .as_array()
            .is_some_and(|checks| checks.iter().all(|check| check["outcome"] == "ok"))
    );
    assert!(shown["claims"]["MonthlyIncome"].is_object() && shown["keep"]["ground"].is_string());
}

/// One call by `curl`: status and body.
fn curl(folder: &Path, arguments: &str) -> (u16, Value) {
    let script = format!(". sandbox/env\ncurl -s -w '\\n%{{http_code}}' {arguments}");
    let done = shell(folder, &script).output().expect("runs");
    let text = String::from_utf8(done.stdout).expect("text");
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (
        status.parse().expect("a status"),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

#[test]
fn every_test_person_comes_to_what_the_guide_says() {
    let folder = folder();
    let at = folder.path();
    let mut command = shell(at, "exec bevis --json demo sandbox sandbox");
    let mut group = Group(command.stdout(Stdio::piped()).process_group(0).spawn().expect("starts"));
    until(&mut group, |line| line.contains("sandbox/v1"));
    let guide = read(GUIDE);
    let rows: Vec<Vec<String>> = guide
        .split("<!-- persons -->\n")
        .nth(1)
        .expect("a table")
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect();
    assert!(rows.len() >= 8);
    let (_, listed) = curl(at, "\"$PHONES\"");
    assert_eq!(listed["persons"].as_array().map(Vec::len), Some(rows.len()));
    let bearer = "-H \"Authorization: Bearer $TOKEN\"";
    for (row, person) in rows.iter().zip(listed["persons"].as_array().expect("a list")) {
        let (phone, number) = (&row[0], &row[1]);
        assert_eq!(
            (&person["phone"].to_string(), &person["number"]),
            (phone, &json!(number))
        );
        let body = json!({ "service": "S01", "case": format!("SAK-{phone}"), "subject": number, "types": ["C02"] });
        let (status, asked) = curl(
            at,
            &format!("\"$API/requests\" {bearer} -H 'Content-Type: application/json' -d '{body}'"),
        );
        assert_eq!(status, 201, "{asked}");
        let link = asked["link"].as_str().expect("a link");
        let (status, did) = curl(at, &format!("\"$PHONES/{phone}\" -d '{link}'"));
        assert_eq!(status, 200, "{did}");
        let session = asked["session"].as_str().expect("a name");
        let (_, shown) = curl(at, &format!("\"$API/requests/{session}\" {bearer}"));
        for name in ["state", "verdict", "code"] {
            assert_eq!(shown[name], person[name], "person {phone}: {shown}");
        }
        let told = [&shown["state"], &shown["verdict"], &shown["code"]];
        let comes_to = told
            .into_iter()
            .filter_map(Value::as_str)
            .all(|word| row[3].contains(word));
        assert!(
            comes_to,
            "person {phone}: the guide says {:?}, and it is {told:?}",
            row[3]
        );
        let is_valid = shown["verdict"] == "valid";
        assert_eq!(
            shown["claims"].as_object().is_some_and(|claims| !claims.is_empty()),
            is_valid,
            "person {phone}"
        );
    }
}
