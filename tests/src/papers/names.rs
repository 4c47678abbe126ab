//! What documents name: tests that exist, words in three languages, exceptions of the published vectors.

use super::read;
use crate::architecture::{Tests, named_tests};
use node::text::{Catalogue, LANGUAGES};
use std::collections::BTreeSet;

/// Texts of the screens with a term of the glossary that must be in them, in each language.
const ON_SCREEN: &[(&str, &str)] = &[
    ("verdict-valid", "valid"),
    ("verdict-invalid", "invalid"),
    ("verdict-undecided", "could not decide"),
    ("problem-wrong_passphrase", "passphrase"),
    ("problem-trust_missing", "trust list"),
    ("problem-anchor_missing", "root"),
    ("problem-notice_gap", "notice"),
    ("problem-certificate_superseded", "node certificate"),
    ("problem-status_missing", "status list"),
    ("problem-unknown_issuer", "issuer"),
    ("problem-no_legal_ground", "legal ground"),
    ("remedy-wrong_code", "offer"),
    ("problem-wrong_code", "activation code"),
    ("ask-code", "activation code"),
    ("offer-code", "link"),
    ("outcome-carry", "check words"),
    ("outcome-carry", "wallet"),
    ("outcome-waiting", "request"),
    ("outcome-collected", "credential"),
    ("outcome-collected", "wallet"),
    ("backup-created", "backup"),
    ("backup-created", "passphrase"),
];

/// Other words for the same things, which no screen uses.
const NOT_ON_SCREEN: &[(&str, &[&str])] = &[
    ("nb", &["kredensial", "sertifikat", "verifikator", "utferd"]),
    (
        "nn",
        &["kredensial", "sertifikat", "verifikator", "utferd", "utstederen"],
    ),
    ("en", &["certificate", "attestation", "password"]),
];

/// Of these, the words for what a node has.
const NODES_OWN: &[&str] = &["sertifikat", "certificate"];

/// Exceptions to the published vectors.
const EXCEPTIONS: &[&str] = &[
    "#test075c",
    "#test075m",
    "signedProofChain1.json",
    "signedProofChain2.json",
    "eddsa-rdfc-2022/employ",
    "Ed25519Signature2020",
];

#[test]
fn the_threat_model_names_tests_that_exist() {
    let document = read("docs/threat-model.md");
    let tests = Tests::read();
    let mut named = 0;
    for word in named_tests(&document) {
        assert!(tests.has(word), "no test is called {word}");
        named += 1;
    }
    assert!(named >= 30, "the threat model names its tests: {named}");
    // Every row of what attackers try says what shows it. The first two lines of a table are its head.
    let section = document.split("\n## Attackers\n").nth(1).expect("the attackers");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut rows = 0;
    for table in section.split("\n\n").filter(|part| part.starts_with('|')) {
        let (head, body) = table.split_once("|---|---|---|\n").expect("three columns under a head");
        assert_eq!(head.lines().count(), 1, "one line of head: {head}");
        for row in body.lines() {
            let shown = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
            assert!(named_tests(shown).next().is_some(), "no test: {row}");
            rows += 1;
        }
    }
    let lines = section.lines().filter(|line| line.starts_with("| ")).count();
    let tables = section.matches("|---|---|---|\n").count();
    assert_eq!(rows + tables, lines, "every row stands in a table of its own lines");
    assert!(rows >= 20, "{rows} rows");
}

/// English, bokmål, nynorsk of each row.
fn glossary() -> Vec<[String; 3]> {
    let document = read("docs/glossary.md");
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| English"));
    rows.map(|row| {
        let cells: Vec<_> = row
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        let [english, bokmal, nynorsk, meaning] = <[String; 4]>::try_from(cells).expect(row);
        assert!(
            [&english, &bokmal, &nynorsk, &meaning]
                .iter()
                .all(|cell| !cell.is_empty()),
            "{row}"
        );
        [english, bokmal, nynorsk]
    })
    .collect()
}

#[test]
fn the_glossary_has_each_term_once_in_three_languages() {
    let rows = glossary();
    assert!(rows.len() >= 60, "{} terms", rows.len());
    let english: Vec<String> = rows.iter().map(|[english, ..]| english.to_lowercase()).collect();
    assert!(english.is_sorted(), "the terms stand in the order of the alphabet");
    let terms: Vec<&str> = english.iter().flat_map(|cell| cell.split(", ")).collect();
    let once: BTreeSet<&str> = terms.iter().copied().collect();
    assert_eq!(once.len(), terms.len(), "no term twice");
}

#[test]
fn the_screens_use_the_words_of_the_glossary() {
    let rows = glossary();
    for (key, term) in ON_SCREEN {
        let row = rows
            .iter()
            .find(|[english, ..]| english.split(", ").any(|one| one == *term));
        let [english, bokmal, nynorsk] = row.unwrap_or_else(|| panic!("{term} is not in the glossary"));
        for (language, cell) in [("en", english), ("nb", bokmal), ("nn", nynorsk)] {
            let text = Catalogue::new(language)
                .text(key, &[("words", "x"), ("path", "x")])
                .to_lowercase();
            // Each word of the term, whatever ending it has in the sentence.
            let is_said = |term: &str| {
                term.split_whitespace().all(|word| {
                    let stem: String = word
                        .chars()
                        .take(word.chars().count().saturating_sub(1).max(2))
                        .collect();
                    text.contains(&stem)
                })
            };
            assert!(
                cell.split(", ").any(is_said),
                "{language}, {key}: {cell:?} is not in {text:?}"
            );
        }
    }
    for (language, words) in NOT_ON_SCREEN {
        assert!(LANGUAGES.contains(language));
        let pages = node::text::source(language);
        let wallet = read(&format!("wallet/text/{language}.ftl"));
        for (name, text) in [("node/ui/text", pages), ("wallet/text", wallet)] {
            for line in text.lines() {
                let text = line.split_once(" = ").map_or(line, |(_, text)| text).to_lowercase();
                // Commands are the same in every language.
                let said = text.replace("bevis wallet ", "").replace("`wallet ", "");
                // A node has a certificate; a person or company has a credential.
                let is_a_nodes = line.split(" = ").next().is_some_and(|key| key.contains("certificate"));
                let mut banned = words.iter().filter(|word| !(is_a_nodes && NODES_OWN.contains(word)));
                let found = banned.find(|word| said.contains(**word));
                assert!(found.is_none(), "{name}, {language}: {found:?} in {line}");
            }
        }
    }
}

#[test]
fn every_exception_to_the_published_vectors_stands_in_a_document() {
    let (document, test) = (read("docs/conformance.md"), read("tests/src/conformance.rs"));
    for exception in EXCEPTIONS {
        assert!(
            document.contains(exception),
            "docs/conformance.md does not name {exception}"
        );
        assert!(test.contains(exception), "the test makes no exception for {exception}");
    }
}
