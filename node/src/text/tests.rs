//! The catalogues against each other, against the enums that make keys, and against the code that uses them.

use super::*;
use credentials::Code;
use credentials::verify::{Check, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Words a text may have on average in a sentence (Språkrådet's advice for texts to the public).
const WORDS_MAX: usize = 18;

/// Keys that are made at run time, by their beginnings.
const MADE: &[&str] = &[
    "problem-", "remedy-", "check-", "verdict-", "held-", "event-", "doctor-", "demo-",
];
const SESSION_STATES: &[verifier::State] = &[
    verifier::State::Active,
    verifier::State::Fetched,
    verifier::State::Completed,
    verifier::State::Expired,
    verifier::State::Failed,
];
const VERDICTS: &[Verdict] = &[Verdict::Valid, Verdict::Invalid, Verdict::Undecided];
const HELD: &[wallet::HeldState] = &[
    wallet::HeldState::Valid,
    wallet::HeldState::ExpiresSoon,
    wallet::HeldState::Expired,
    wallet::HeldState::Revoked,
    wallet::HeldState::Suspended,
    wallet::HeldState::Superseded,
    wallet::HeldState::UsedUp,
    wallet::HeldState::CopiesVoid,
    wallet::HeldState::Unknown,
];
const EVENTS: &[wallet::What] = &[
    wallet::What::Collected,
    wallet::What::Shared,
    wallet::What::Identified,
    wallet::What::Authorised,
    wallet::What::Refused,
    wallet::What::Failed,
    wallet::What::StatusChanged,
    wallet::What::Deleted,
    wallet::What::CopiesVoid,
];

/// A state that the lists above do not have must not compile here.
#[allow(dead_code)]
fn lists_are_whole(state: verifier::State, verdict: Verdict, held: wallet::HeldState, what: wallet::What) {
    use verifier::State;
    use wallet::{HeldState, What};
    match state {
        State::Active | State::Fetched | State::Completed | State::Expired | State::Failed => {}
    }
    match verdict {
        Verdict::Valid | Verdict::Invalid | Verdict::Undecided => {}
    }
    match held {
        HeldState::Valid | HeldState::ExpiresSoon | HeldState::Expired | HeldState::Revoked => {}
        HeldState::Suspended | HeldState::Superseded | HeldState::UsedUp => {}
        HeldState::CopiesVoid | HeldState::Unknown => {}
    }
    match what {
        What::Collected | What::Shared | What::Identified | What::Authorised => {}
        What::Refused | What::Failed | What::StatusChanged | What::Deleted | What::CopiesVoid => {}
    }
}

fn source(language: &str) -> &'static str {
    match language {
        "nn" => NN,
        "en" => EN,
        _ => NB,
    }
}

/// Every key with its text as it stands in the file.
fn entries(language: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in source(language).lines() {
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            let (key, text) = line.split_once('=').expect("a key line has `=`");
            all.extend(open.replace((key.trim().to_owned(), text.to_owned())));
        } else if line.starts_with(' ')
            && let Some((_, text)) = &mut open
        {
            text.push('\n');
            text.push_str(line);
        }
    }
    all.extend(open);
    all
}

fn arguments(text: &str) -> BTreeSet<String> {
    let name = |part: &str| {
        part.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    text.split('$').skip(1).map(name).collect()
}

/// Names in `[ ]`: what a selector tells apart.
fn variants(text: &str) -> BTreeSet<String> {
    let named = |line: &str| {
        line.trim()
            .strip_prefix('[')
            .and_then(|l| l.split_once(']'))
            .map(|(name, _)| name.to_owned())
    };
    text.lines().filter_map(named).collect()
}

fn name<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .unwrap()
        .as_str()
        .expect("a unit variant")
        .to_owned()
}

/// Every Rust file below a folder of `node/src`, without tests.
fn code(folder: &str) -> String {
    fn add(path: &Path, all: &mut String) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|n| n != "tests.rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    add(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder),
        &mut all,
    );
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

fn require(key: &str) {
    for language in LANGUAGES {
        assert!(Catalogue::new(language).has(key), "{language} lacks {key}");
    }
}

#[test]
fn every_catalogue_is_well_formed_and_gives_no_key_twice() {
    for language in LANGUAGES {
        if let Err((_, errors)) = FluentResource::try_new(source(language).to_owned()) {
            panic!("{language}: {errors:?}");
        }
        let keys = keys(language);
        let once: BTreeSet<_> = keys.iter().collect();
        assert_eq!(keys.len(), once.len(), "{language} has a key twice");
    }
    assert!(FluentResource::try_new("Not a catalogue".to_owned()).is_err());
}

#[test]
fn all_languages_have_the_same_keys_with_the_same_arguments_and_variants() {
    let bokmaal = entries("nb");
    assert!(bokmaal.len() > 200);
    for language in ["nn", "en"] {
        let other = entries(language);
        let only = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| -> Vec<String> {
            a.keys().filter(|key| !b.contains_key(*key)).cloned().collect()
        };
        assert_eq!(only(&bokmaal, &other), [""; 0], "only in nb, not in {language}");
        assert_eq!(only(&other, &bokmaal), [""; 0], "only in {language}");
        for (key, text) in &bokmaal {
            assert_eq!(arguments(text), arguments(&other[key]), "{language}: {key}");
            assert_eq!(variants(text), variants(&other[key]), "{language}: {key}");
        }
    }
}

#[test]
fn every_text_and_every_variant_of_it_can_be_filled_in() {
    for language in LANGUAGES {
        let catalogue = Catalogue::new(language);
        for (key, text) in entries(language) {
            let names = arguments(&text);
            let mut values = variants(&text);
            values.insert("anything".to_owned());
            for value in &values {
                let mut filled = FluentArgs::new();
                for name in &names {
                    filled.set(name.as_str(), value.as_str());
                }
                let message = catalogue
                    .bundle
                    .get_message(&key)
                    .and_then(|m| m.value())
                    .expect("a message has a text");
                let mut errors = Vec::new();
                let line = catalogue.bundle.format_pattern(message, Some(&filled), &mut errors);
                assert!(errors.is_empty(), "{language}: {key}: {errors:?}");
                assert!(
                    !line.trim().is_empty() && !line.contains(['{', '}', '$']),
                    "{language}: {key}: {line}"
                );
            }
        }
    }
}

#[test]
fn every_problem_has_a_sentence_and_a_remedy() {
    for code in Code::ALL {
        require(&format!("problem-{code}"));
        require(&format!("remedy-{code}"));
    }
    let known = |key: &str| key.split_once('-').is_some_and(|(_, code)| Code::parse(code).is_some());
    for key in keys("nb")
        .into_iter()
        .filter(|k| k.starts_with("problem-") || k.starts_with("remedy-"))
    {
        assert!(known(key), "{key} is of no code");
    }
}

#[test]
fn every_check_verdict_state_and_event_has_its_text() {
    let mut made: BTreeSet<String> = BTreeSet::new();
    made.extend(Check::ALL.iter().map(|check| format!("check-{}", name(check))));
    made.extend(VERDICTS.iter().map(|verdict| format!("verdict-{}", name(verdict))));
    made.extend(HELD.iter().map(|state| format!("held-{}", name(state))));
    made.extend(EVENTS.iter().map(|what| format!("event-{}", name(what))));
    for key in &made {
        require(key);
    }
    for state in SESSION_STATES {
        require(&format!("session-{}", name(state)));
    }
    let beginnings = ["check-", "verdict-", "held-", "event-"];
    for key in keys("nb")
        .into_iter()
        .filter(|key| beginnings.iter().any(|b| key.starts_with(b)))
    {
        assert!(made.contains(key), "{key} is of nothing");
    }
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
    for key in keys("nb").into_iter().filter_map(|key| key.strip_prefix("doctor-")) {
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

#[test]
fn the_demo_tells_every_event_with_what_the_code_gives() {
    let (all, texts) = (code("demo"), entries("nb"));
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for (event, rest) in literals(&all, ".tell(\"") {
        // The arguments stand in the function that tells, or come to it as `run`.
        let at = rest.as_ptr() as usize - all.as_ptr() as usize;
        let begin = all[..at].rfind("fn ").expect("within a function");
        let end = rest.find("fn ").map_or(all.len(), |end| at + end);
        let function = if all[begin..at].contains("run: Value") {
            &all[..]
        } else {
            &all[begin..end]
        };
        let key = format!("demo-{}", event.replace('_', "-"));
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
    assert!(told.len() >= 20, "{told:?}");
    for step in 1..=4 {
        told.insert(format!("demo-step-{step}"));
        require(&format!("demo-step-{step}"));
    }
    let mut nodes: BTreeSet<&str> = ["anchor", "demo", "stranger", "lender"].into();
    for before in ["organisation(\"", "Role { name: \""] {
        nodes.extend(literals(&all, before).into_iter().map(|(node, _)| node));
    }
    assert!(nodes.contains("identity") && nodes.contains("citizen"), "{nodes:?}");
    for node in nodes {
        told.insert(format!("demo-node-{node}"));
        require(&format!("demo-node-{node}"));
    }
    for key in keys("nb").into_iter().filter(|key| key.starts_with("demo-")) {
        assert!(told.contains(key), "{key} is never told");
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

#[test]
fn a_text_is_in_the_language_asked_for_and_filled_in() {
    let line = |language: &str| Catalogue::new(language).text("outcome-shared", &[("verdict", "X")]);
    assert_eq!(line("nb"), "Du har delt opplysningene. Mottakeren sier: X.");
    assert_eq!(line("nn"), "Du har delt opplysningane. Mottakaren seier: X.");
    assert_eq!(line("en"), "You have shared the information. The recipient says: X.");
    assert_eq!(line("se"), line("nb"));
    assert_eq!(Catalogue::new("en").text("no-such-key", &[]), "no-such-key");
}

fn is_for_citizens(key: &str) -> bool {
    let keys = [
        "present-confirm",
        "deleted",
        "exported",
        "ask-code",
        "wallet-empty",
        "requests-empty",
        "history-empty",
    ];
    let beginnings = ["problem-", "remedy-", "outcome-", "event-", "held-", "delete-"];
    keys.contains(&key) || beginnings.iter().any(|beginning| key.starts_with(beginning))
}

/// The forbidden word in a text, if it has one.
fn forbidden(text: &str) -> Option<&str> {
    let phrases = ["verifiserbar legitimasjon", "relying party", "verifiable credential"];
    let plain = text.to_lowercase();
    if let Some(phrase) = phrases.into_iter().find(|phrase| plain.contains(phrase)) {
        return Some(phrase);
    }
    text.split(|c: char| !c.is_alphanumeric()).find(|word| {
        let lower = word.to_lowercase();
        // DID only as written: "did" is English.
        ["DID", "JWT"].contains(word)
            || lower == "holder"
            || ["attestasjon", "presentasjon", "jwt"]
                .iter()
                .any(|stem| lower.starts_with(stem))
    })
}

fn words_in_a_sentence(text: &str) -> usize {
    let words = |sentence: &str| {
        sentence
            .split_whitespace()
            .filter(|w| w.contains(char::is_alphanumeric))
            .count()
    };
    let ends = |c: char| ['.', '!', '?', ':', '\n'].contains(&c);
    // A stop within a word (bevis:, 1.2) ends nothing: only one before a space does.
    let spaced = text
        .replace(". ", ".\n")
        .replace(": ", ":\n")
        .replace("? ", "?\n")
        .replace("! ", "!\n");
    let counts: Vec<usize> = spaced
        .lines()
        .map(|line| words(line.trim_end_matches(ends)))
        .filter(|n| *n > 0)
        .collect();
    counts.iter().sum::<usize>().div_ceil(counts.len().max(1))
}

#[test]
fn citizens_read_short_sentences() {
    let long =
        "dette er en setning som bare fortsetter og fortsetter uten å ta slutt slik at ingen kan huske begynnelsen";
    assert!(words_in_a_sentence(long) > WORDS_MAX);
    for language in LANGUAGES {
        for (key, text) in entries(language).into_iter().filter(|(key, _)| is_for_citizens(key)) {
            let count = words_in_a_sentence(&text);
            assert!(
                (1..=WORDS_MAX).contains(&count),
                "{language}: {key} has {count} words in a sentence"
            );
        }
    }
}

#[test]
fn citizens_meet_none_of_the_forbidden_words() {
    for text in [
        "Du er holder.",
        "En Attestasjon til",
        "presentasjonen",
        "a JWT",
        "din DID",
        "en relying party",
    ] {
        assert!(forbidden(text).is_some(), "{text}");
    }
    assert_eq!(forbidden("You did not confirm. Du beholder beviset."), None);
    for language in LANGUAGES {
        for (key, text) in entries(language).into_iter().filter(|(key, _)| is_for_citizens(key)) {
            assert_eq!(forbidden(&text), None, "{language}: {key}");
        }
    }
    for language in LANGUAGES {
        for key in ["present-confirm", "delete-confirm"] {
            let text = entries(language)[key].to_lowercase();
            assert!(
                !text.contains("samtykk") && !text.contains("consent"),
                "{language}: {key}"
            );
        }
    }
}
