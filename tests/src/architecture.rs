//! House rules that a machine can check.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace is above")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

const CRATES: &[&str] = &[
    "credentials",
    "store",
    "wallet",
    "issuer",
    "verifier",
    "node",
    "tests",
    "tests/simulation",
    "tests/foreign",
];

/// Every Rust file of a crate's `src`, with its path from the root.
fn sources(name: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("reads") {
            let path = entry.expect("reads").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(name).join("src"), &mut paths);
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).expect("below").display().to_string();
    paths.iter().map(|path| (name(path), read(path))).collect()
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests")
}

/// Names under `[dependencies]` of a crate.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = read(&root().join(name).join("Cargo.toml"));
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|l| l.split(['.', '=', ' ']).next())
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let members: Vec<_> = CRATES.to_vec();
    for (name, allowed) in [
        ("credentials", &[][..]),
        ("store", &[][..]),
        ("wallet", &["credentials", "store"][..]),
        ("issuer", &["credentials", "store"][..]),
        ("verifier", &["credentials", "store"][..]),
        ("node", &["credentials", "store", "wallet", "issuer", "verifier"][..]),
        (
            "tests/simulation",
            &["credentials", "store", "wallet", "issuer", "verifier"][..],
        ),
        // It proves that docs/protocol.md is enough, so it knows nothing of ours.
        ("tests/foreign", &[][..]),
    ] {
        for dependency in dependencies(name) {
            let own = members.contains(&dependency.as_str());
            assert!(
                !own || allowed.contains(&dependency.as_str()),
                "{name} must not know {dependency}"
            );
        }
    }
}

#[test]
fn one_library_is_used_in_one_place() {
    for (library, place) in [
        ("ssi", "credentials/src/proof/statements.rs"),
        ("sled", "store/src/sled_tree.rs"),
        ("ed25519_dalek", "credentials/src/key"),
        ("aws_lc_rs", "credentials/src/key"),
        ("libp2p", "node/src/network"),
        ("x25519_dalek", "credentials/src/jwe"),
        ("jsonschema", "credentials/src/schema"),
        ("voprf", "credentials/src/notice/tag"),
        ("hpke", "credentials/src/envelope"),
        ("clap", "node/src/"),
    ] {
        let needle = format!("{library}::");
        for name in CRATES {
            for (path, text) in sources(name) {
                // The foreign wallet is another team's: it brings its own everything.
                if path.starts_with(place) || is_test(&path) {
                    continue;
                }
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    let named = line.match_indices(&needle).any(|(at, _)| {
                        !line
                            .get(..at)
                            .unwrap_or_default()
                            .ends_with(|c: char| c.is_alphanumeric() || c == '_')
                    });
                    assert!(!named, "{path} uses {library}, which belongs to {place}: {line}");
                }
            }
        }
    }
}

#[test]
fn formats_and_roles_read_no_clock_no_environment_and_no_randomness() {
    for name in ["credentials", "wallet", "issuer", "verifier"] {
        for (path, text) in sources(name) {
            if is_test(&path) {
                continue;
            }
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for word in [
                "SystemTime",
                "Instant::now",
                "std::env",
                "getrandom",
                "OsRng",
                "thread_rng",
                "std::net",
                "tokio",
            ] {
                let used = code
                    .lines()
                    .any(|l| !l.trim_start().starts_with("//") && l.contains(word));
                assert!(!used, "{path} names {word}");
            }
        }
    }
}

#[test]
fn every_dependency_says_which_need_it_serves() {
    let manifest = read(&root().join("Cargo.toml"));
    let section = manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .and_then(|s| s.split("\n[").next())
        .expect("there");
    for line in section.lines().filter(|l| l.contains(" = ") && !l.contains("path = ")) {
        assert!(line.contains(" # "), "no reason: {line}");
    }
}

#[test]
fn every_file_says_what_it_is_about() {
    for name in CRATES {
        for (path, text) in sources(name) {
            assert!(
                text.starts_with("//!"),
                "{path} has no first line that says what it is about"
            );
        }
    }
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    for name in CRATES {
        for (path, text) in sources(name) {
            if path == "tests/src/architecture.rs" {
                continue;
            }
            for word in ["TODO", "FIXME", "todo!(", "unimplemented!(", "#[ignore"] {
                assert!(!text.contains(word), "{path} has {word}");
            }
        }
    }
}

/// Every test function of the workspace.
pub(crate) struct Tests(BTreeSet<String>);

impl Tests {
    pub(crate) fn read() -> Tests {
        let mut found = BTreeSet::new();
        for name in CRATES {
            let member = name.rsplit('/').next().expect("a last part");
            for (path, text) in sources(name) {
                let file = path.strip_prefix(&format!("{name}/src/")).expect("below");
                let file = file.strip_suffix(".rs").expect("Rust").replace('/', "::");
                found.extend(tests_of(member, &file, &text));
            }
        }
        Tests(found)
    }

    /// Whether a test has this name: all of its modules that are named are those of a test, from the last one on.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|test| test == name || test.ends_with(&format!("::{name}")))
    }
}

/// The tests in a file, each by crate, file and name, with the module `tests` between where they stand in one.
fn tests_of(member: &str, file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut is_marked, mut is_inside) = (false, false);
    for line in text.lines() {
        is_inside |= line == "mod tests {";
        let line = line.trim_start();
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_marked = true;
        } else if let Some(rest) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if is_marked {
                let module = if is_inside { "tests::" } else { "" };
                found.push(format!("{member}::{file}::{module}{name}"));
            }
            is_marked = false;
        }
    }
    found
}

/// What a text names between backticks as a test: by a path, or by itself in four words or more.
pub(crate) fn named_tests(text: &str) -> impl Iterator<Item = &str> {
    let is_lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split('`').skip(1).step_by(2);
    words.filter(move |word| {
        let parts: Vec<&str> = word.split("::").collect();
        let is_name = parts.iter().all(|part| !part.is_empty() && part.chars().all(is_lower));
        is_name && (parts.len() > 1 || word.split('_').count() >= 4)
    })
}

#[test]
fn a_function_without_the_mark_or_in_another_file_is_no_test_of_that_name() {
    let text = "fn no() {}\n#[test]\n/// Why.\nfn yes() {\n}\nmod tests {\n    #[tokio::test(start_paused = true)]\n    \
        async fn within() {\n    }\n    fn helper() {}\n}\n";
    let tests = Tests(tests_of("node", "network::frame", text).into_iter().collect());
    for name in [
        "yes",
        "frame::yes",
        "node::network::frame::yes",
        "frame::tests::within",
        "network::frame::tests::within",
    ] {
        assert!(tests.has(name), "{name}");
    }
    for name in [
        "no",
        "helper",
        "es",
        "hello::yes",
        "tests::yes",
        "frame::within",
        "rame::yes",
        "wallet::network::frame::yes",
    ] {
        assert!(!tests.has(name), "{name}");
    }
    let named = "`a::b`, `one_two_three_four`, `wrong_nonce`, `Code::Expired`, `bevis trust add`";
    assert_eq!(named_tests(named).collect::<Vec<_>>(), ["a::b", "one_two_three_four"]);
}

#[test]
fn invariants_name_tests_that_exist() {
    let document = read(&root().join("ARCHITECTURE.md"));
    let section = document
        .split("## Invariants")
        .nth(1)
        .expect("ARCHITECTURE.md lists the invariants");
    let section = section.split("\n## ").next().unwrap_or_default();
    let tests = Tests::read();
    let mut named = 0;
    for word in named_tests(section) {
        assert!(tests.has(word), "no test is called {word}");
        named += 1;
    }
    let invariants = section
        .lines()
        .filter(|l| l.starts_with(|c: char| c.is_ascii_digit()))
        .count();
    assert!(invariants >= 12, "the invariants are listed");
    assert!(named >= invariants, "each invariant names a test");
}

#[test]
fn documents_name_no_machine_and_no_registry_host() {
    let mut documents: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"]
        .map(|name| root().join(name))
        .into();
    for folder in ["docs", "docs/reference"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder") {
            documents.push(entry.expect("reads").path());
        }
    }
    for path in documents.iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        let text = read(path);
        for word in [
            "/root/",
            "/work/",
            "/home/",
            "crates.io/api",
            "static.crates.io",
            "index.crates.io",
        ] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}
