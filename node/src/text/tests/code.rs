//! The catalogues against the code that uses them.

use super::{SESSION_STATES, arguments, entries, name, require, variants};
use crate::text::keys;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Keys that are made at run time, by their beginnings.
const MADE: &[&str] = &[
    "problem-",
    "remedy-",
    "check-",
    "verdict-",
    "held-",
    "event-",
    "doctor-",
    "demo-",
    "change-",
    "grant-state-",
    "ground-",
    "request-state-",
    "page-to-",
    "said-",
    "sandbox-person-",
    "webhook-state-",
    "ready-",
    "admin-",
    "wallet-remedy-",
];

/// Every Rust file below a folder of `node/src`, without tests.
fn code(folder: &str) -> String {
    code_of(folder, &|_| true)
}

/// The same of those whose path in the folder is one of these.
fn code_of(folder: &str, is_of: &dyn Fn(&Path) -> bool) -> String {
    fn add(root: &Path, path: &Path, is_of: &dyn Fn(&Path) -> bool, all: &mut String) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                add(root, &path, is_of, all);
            } else if path.extension().is_some_and(|e| e == "rs") && is_of(path.strip_prefix(root).unwrap()) {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut all = String::new();
    add(&root, &root, is_of, &mut all);
    assert!(!all.is_empty(), "no code in {folder}");
    joined(&all)
}

/// The same code with each list of arguments on one line, however it was formatted.
fn joined(code: &str) -> String {
    let mut all = String::with_capacity(code.len());
    for line in code.lines() {
        match all.chars().last() {
            Some('(' | '[') => {}
            Some('{' | ',') => all.push(' '),
            _ => {
                all.push('\n');
                all.push_str(line.trim_end());
                continue;
            }
        }
        all.push_str(line.trim());
    }
    all
}

/// What stands between `before` and the next quotation mark, and the code after it, wherever `before` stands.
fn literals<'a>(code: &'a str, before: &str) -> Vec<(&'a str, &'a str)> {
    code.split(before)
        .skip(1)
        .map(|rest| {
            let at = rest.find('"').expect("a literal ends");
            // `split` cuts at the next hit; what follows the literal may reach beyond it.
            let start = rest.as_ptr() as usize - code.as_ptr() as usize;
            (&rest[..at], &code[start + at + 1..])
        })
        .collect()
}

/// The names in `&[("name", value), …]` that the code begins with; none when it does not begin so.
fn passed(code: &str) -> Option<BTreeSet<String>> {
    let list = code.strip_prefix(", &[")?;
    let mut depth = 1_usize;
    let end = list.find(|c| {
        depth = match c {
            '[' => depth + 1,
            ']' => depth - 1,
            _ => depth,
        };
        depth == 0
    })?;
    Some(
        literals(&list[..end], "(\"")
            .into_iter()
            .map(|(name, _)| name.to_owned())
            .collect(),
    )
}

fn is_key(text: &str) -> bool {
    text.split('-').count() > 1
        && text
            .split('-')
            .all(|w| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase()))
}

#[test]
fn every_finding_of_the_doctor_has_a_name_and_a_remedy() {
    let code = code("service");
    let checks: BTreeSet<&str> = literals(&code, "finding(\"")
        .into_iter()
        .map(|(check, _)| check)
        .collect();
    assert!(checks.len() >= 8, "{checks:?}");
    for check in &checks {
        require(&format!("doctor-{check}"));
        require(&format!("doctor-{check}-remedy"));
    }
    for key in keys("nb") {
        let Some(key) = key.strip_prefix("doctor-") else {
            continue;
        };
        assert!(
            checks.contains(key.trim_end_matches("-remedy")),
            "doctor-{key} is of no check"
        );
    }
}

#[test]
fn every_key_that_the_code_names_is_there_with_no_argument_that_the_code_does_not_give() {
    let (all, texts) = (code(""), entries("nb"));
    let mut found = 0;
    for before in ["catalogue.text(\"", ".say(\"", ".print(\"", ".confirm(\"", " ask(\""] {
        for (key, rest) in literals(&all, before) {
            require(key);
            found += 1;
            if let Some(passed) = passed(rest) {
                let wanted = arguments(&texts[key]);
                assert!(wanted.is_subset(&passed), "{key}: wants {wanted:?}, gets {passed:?}");
            }
        }
    }
    assert!(found >= 30, "the scan found {found} keys only");
    // Commands name no other thing in the form of a key.
    let commands = code("command");
    for part in commands.split('"').filter(|part| is_key(part)) {
        require(part);
    }
}

#[test]
fn no_key_is_without_use() {
    let all = code("");
    for key in keys("nb") {
        let is_state = SESSION_STATES
            .iter()
            .any(|state| key == format!("session-{}", name(state)));
        let is_made = is_state || MADE.iter().any(|beginning| key.starts_with(beginning));
        assert!(is_made || all.contains(&format!("\"{key}\"")), "{key} is used nowhere");
    }
}

/// The keys of the events that a story tells, each of which must be in the catalogues and want nothing that the code does not
/// give.
fn told(story: &str, all: &str, steps: u32) -> BTreeSet<String> {
    let texts = entries("nb");
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for (event, rest) in literals(all, ".tell(\"") {
        // The arguments stand in the function that tells, or are made elsewhere and come to it as a value.
        let at = rest.as_ptr() as usize - all.as_ptr() as usize;
        let begin = all[..at].rfind("fn ").expect("within a function");
        let end = rest.find("fn ").map_or(all.len(), |end| at + end);
        let is_elsewhere = ["run: Value", ".to_value()"].iter().any(|made| {
            all[begin..at].contains(made) || rest.split(';').next().is_some_and(|told| told.contains(made))
        });
        let function = if is_elsewhere { all } else { &all[begin..end] };
        let key = format!("{story}-{}", event.replace('_', "-"));
        given.entry(key).or_default().push_str(function);
    }
    for (key, code) in &given {
        require(key);
        for argument in arguments(&texts[key]).into_iter().filter(|argument| argument != "node") {
            assert!(
                code.contains(&format!("\"{argument}\":")),
                "{key}: nobody gives {argument}"
            );
        }
    }
    let mut told: BTreeSet<String> = given.into_keys().collect();
    for step in 1..=steps {
        assert!(
            all.contains(&format!("teller.begin({step})")),
            "{story} has no step {step}"
        );
        told.insert(format!("{story}-step-{step}"));
        require(&format!("{story}-step-{step}"));
    }
    told
}

#[test]
fn the_demo_tells_every_event_with_what_the_code_gives() {
    // Two stories, each with keys of its own; the names of nodes are of both.
    let is_trust = |path: &Path| path.starts_with("trust") || path == Path::new("trust.rs");
    let (trust, all) = (code_of("demo", &is_trust), code_of("demo", &|path| !is_trust(path)));
    let mut known = told("demo", &all, 4);
    assert!(known.len() >= 24, "{known:?}");
    let of_trust = told("demo-trust", &trust, 7);
    assert!(of_trust.len() >= 18, "{of_trust:?}");
    known.extend(of_trust);
    // The story of a consent has its own headings.
    for step in 1..=4 {
        let heading = format!("consent-step-{step}");
        assert!(all.contains(&format!("begin_as({step}, \"{heading}\")")), "{heading}");
        require(&format!("demo-{heading}"));
        known.insert(format!("demo-{heading}"));
    }
    for key in keys("nb") {
        // The table at the end: each word is named where its row or column is made.
        if let Some(word) = key.strip_prefix("demo-trust-table-") {
            assert!(trust.contains(&format!("\"{word}\"")), "{key} is never told");
            known.insert(key.to_owned());
        }
    }
    let mut nodes: BTreeSet<&str> = ["anchor", "anchor-bank", "anchor-other", "demo", "stranger", "lender"].into();
    for before in ["organisation(\"", "Role { name: \""] {
        nodes.extend(literals(&all, before).into_iter().map(|(node, _)| node));
    }
    assert!(nodes.contains("identity") && nodes.contains("citizen"), "{nodes:?}");
    for node in nodes {
        known.insert(format!("demo-node-{node}"));
        require(&format!("demo-node-{node}"));
    }
    for key in keys("nb").into_iter().filter(|key| key.starts_with("demo-")) {
        assert!(known.contains(&key), "{key} is never told");
    }
}

#[test]
fn the_demo_says_in_words_what_was_tried() {
    let (all, texts) = (code("demo"), entries("nb"));
    for (call, key) in [(".refused(\"", "demo-refused"), (".accepted(\"", "demo-accepted")] {
        let tried: BTreeSet<&str> = literals(&all, call)
            .into_iter()
            .filter_map(|(_, rest)| rest.strip_prefix(", \"")?.split('"').next())
            .collect();
        assert!(tried.len() >= 3, "{call}: {tried:?}");
        let words = variants(&texts[key]);
        for what in tried {
            assert!(words.contains(what), "{key} has no words for {what}");
        }
    }
    let words = variants(&texts["demo-refused"]);
    assert!(words.contains("digit") && words.contains("stolen"));
}
