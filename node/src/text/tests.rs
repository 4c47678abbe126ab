//! The catalogues against each other and against the enums that make keys.

mod citizens;
mod code;

use super::*;
use credentials::Code;
use credentials::verify::{Check, Verdict};
use fluent_bundle::FluentResource;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Every variant of an enum: one that is not named here does not compile.
macro_rules! every {
    ($name:ident: $of:ty = $($variant:ident),+ $(,)?) => {
        const $name: &[$of] = &[$(<$of>::$variant),+];
        const _: fn(&$of) = |one| match one {
            $(<$of>::$variant)|+ => {}
        };
    };
}

every!(SESSION_STATES: verifier::State = Active, Fetched, Completed, Expired, Failed);
every!(VERDICTS: Verdict = Valid, Invalid, Undecided);
every!(
    HELD: wallet::HeldState =
        Valid, ExpiresSoon, Expired, Revoked, Suspended, Superseded, UsedUp, CopiesVoid, Unknown
);
every!(PENDING: wallet::PendingState = Waiting, Answered, Refused);
every!(GRANT_STATES: wallet::GrantState = UnderWay, Active, Withdrawn, Expired);
every!(
    EVENTS: wallet::What =
        Collected, Shared, Identified, Authorised, Refused, Failed, StatusChanged, Deleted, CopiesVoid, Renewed, Granted,
        Used, Withdrawn, GrantExpired, Reminded, DeletionRequested, DeletionAnswered, Reported, Reviewed
);

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

fn require(key: &str) {
    for language in LANGUAGES {
        assert!(Catalogue::new(language).has(key), "{language} lacks {key}");
    }
}

#[test]
fn every_catalogue_is_well_formed_and_gives_no_key_twice() {
    for language in LANGUAGES {
        if let Err((_, errors)) = FluentResource::try_new(source(language)) {
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
                let filled: Values<'_> = names
                    .iter()
                    .map(|name| (Cow::Owned(name.clone()), FluentValue::from(value.as_str())))
                    .collect();
                let line = LOCALES.lookup_single_language(&catalogue.id, &key, Some(&filled));
                let line = line.unwrap_or_else(|error| panic!("{language}: {key}: {error}"));
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
        assert!(known(&key), "{key} is of no code");
    }
}

#[test]
fn every_check_verdict_state_and_event_has_its_text() {
    let mut made: BTreeSet<String> = BTreeSet::new();
    made.extend(Check::ALL.iter().map(|check| format!("check-{}", name(check))));
    made.extend(VERDICTS.iter().map(|verdict| format!("verdict-{}", name(verdict))));
    made.extend(HELD.iter().map(|state| format!("held-{}", name(state))));
    made.extend(EVENTS.iter().map(|what| format!("event-{}", name(what))));
    made.extend(GRANT_STATES.iter().map(|state| format!("grant-state-{}", name(state))));
    for key in &made {
        require(key);
    }
    for state in PENDING {
        require(&format!("request-state-{}", name(state)));
    }
    for ended in [wallet::GrantState::Withdrawn, wallet::GrantState::Expired] {
        require(&format!("grant-given-{}", name(&ended)));
    }
    for said in [
        "said-claims",
        "said-session",
        "said-consent",
        "ground-accountability",
        "ground-consent_record",
    ] {
        require(said);
    }
    for state in SESSION_STATES {
        require(&format!("session-{}", name(state)));
    }
    let beginnings = ["check-", "verdict-", "held-", "event-"];
    for key in keys("nb")
        .into_iter()
        .filter(|key| beginnings.iter().any(|b| key.starts_with(b)))
    {
        assert!(made.contains(&key), "{key} is of nothing");
    }
}

#[test]
fn what_was_too_much_is_said_in_words() {
    let said = |language: &str, detail: &str| Catalogue::new(language).too_much(detail);
    for (detail, nb, en) in [
        (
            "StudentLoanBalance under S01",
            "beviset «Studielån», som ikke hører til Samtykkebasert lånesøknad",
            "the credential “Student loan”, which does not belong to Consent-based loan application",
        ),
        (
            "personidentifikator",
            "opplysningen «Fødselsnummer eller d-nummer»",
            "the piece of information “National identity number”",
        ),
        (
            "grant until 364",
            "samtykket varer lenger enn tjenesten tillater; `--days` kan være høyst 364",
            "the consent lasts longer than the service allows; `--days` may be at most 364",
        ),
        (
            "grant uses_per_day 24",
            "flere hentinger om dagen enn tjenesten tillater; `--uses` kan være høyst 24",
            "more fetches a day than the service allows; `--uses` may be at most 24",
        ),
        (
            "keep_seconds",
            "opplysningene blir lagret lenger enn tjenesten tillater",
            "the information is kept longer than the service allows",
        ),
    ] {
        assert_eq!((said("nb", detail).as_str(), said("en", detail).as_str()), (nb, en));
    }
    assert!(said("nn", "S15").starts_with("heile tenesta «Saldo på studielån»"));
    let members = [
        "time",
        "purpose",
        "ground",
        "keep_seconds",
        "status_age_max",
        "rung",
        "grant",
        "grant until",
        "grant uses_per_day",
        "uses_per_day",
    ];
    for what in members {
        for language in LANGUAGES {
            let words = said(language, what);
            assert!(
                words.contains(' ') && words != what && (words != said("en", "time") || what == "time"),
                "{words}"
            );
        }
    }
    // A claim of a type that comes from elsewhere.
    assert_eq!(said("nb", "baat.lengde"), "baat.lengde");
}

#[test]
fn a_detail_that_changes_what_is_so_changes_sentence_and_remedy() {
    for (code, details) in [
        (Code::CatchingUp, ["grant", "mailbox"].as_slice()),
        (Code::Damaged, &["erasure-keys"]),
        (Code::NotFound, &["entry"]),
        (Code::OverAsk, &["rung"]),
        (Code::RateLimited, &["login"]),
        (Code::WrongPassphrase, &["person"]),
        (Code::StateFinal, &["bulk", "import"]),
    ] {
        for language in LANGUAGES {
            let catalogue = Catalogue::new(language);
            let of = |key: &str, detail: &str| catalogue.text(&format!("{key}-{code}"), &[("detail", detail)]);
            for detail in details {
                assert_ne!(of("problem", detail), of("problem", ""), "{language}: {code} {detail}");
                assert_eq!(
                    of("problem", "3/4"),
                    of("problem", ""),
                    "{language}: any other detail changes nothing"
                );
                assert_ne!(of("remedy", detail), of("remedy", ""), "{language}: {code} {detail}");
            }
        }
    }
}

#[test]
fn a_time_is_said_in_the_language_that_is_read() {
    let at = Timestamp::from_unix(1_783_900_800);
    assert_eq!(Catalogue::new("nb").moment(at), at.oslo());
    assert_eq!(Catalogue::new("en").moment(at), at.oslo().replace("kl.", "at"));
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
