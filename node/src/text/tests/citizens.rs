//! What citizens read: short sentences, and none of the words that are not theirs.

use super::entries;
use crate::text::LANGUAGES;

/// Words a text may have on average in a sentence (Språkrådet's advice for texts to the public).
const WORDS_MAX: usize = 18;

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
    let beginnings = [
        "problem-", "remedy-", "outcome-", "event-", "held-", "delete-", "wallet-", "setup-",
    ];
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

/// Buttons of a wallet's pages.
const BUTTONS: &[&str] = &[
    "wallet-request-yes",
    "wallet-request-no",
    "wallet-request-yes-grant",
    "wallet-request-no-grant",
    "wallet-request-yes-identify",
    "wallet-request-no-identify",
    "wallet-request-choose",
    "wallet-request-read-again",
    "wallet-read-request",
    "wallet-receive-go",
    "wallet-picture-read",
    "wallet-open-go",
    "wallet-open-stop",
    "wallet-withdraw",
    "wallet-undo-erase",
    "wallet-papers-receipt",
    "wallet-papers-report",
    "wallet-report-write",
    "wallet-report-download",
    "wallet-history-download",
    "wallet-forget-yes",
    "wallet-forget-no",
    "wallet-delete-yes",
    "wallet-delete-no",
    "wallet-lost-ask",
    "wallet-export-do",
    "wallet-backup-do",
    "wallet-passphrase-do",
    "setup-restore",
];

/// Verbs that they begin with.
const VERBS: &[&str] = &[
    "Be", "Bytt", "Byt", "Gå", "Hent", "Lag", "Last", "Les", "Meld", "Slett", "Spør", "Trekk", "Velg", "Vel", "Ask",
    "Bring", "Change", "Choose", "Delete", "Download", "Go", "Read", "Report", "Withdraw", "Write",
];

#[test]
fn buttons_begin_with_yes_no_or_a_verb() {
    for language in LANGUAGES {
        let texts = entries(language);
        for key in BUTTONS {
            let text = texts[*key].trim();
            let first = text.split(' ').next().unwrap();
            let answers = ["Ja,", "Nei,", "Yes,", "No,"].contains(&first);
            assert!(answers || VERBS.contains(&first), "{language}: {key}: {text}");
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
