//! Texts for people, from Project Fluent catalogues in bokmål, nynorsk and English.
//!
//! A language is a folder under `ui/text/`; its files are one catalogue. North Sámi has a folder with its own name in it and
//! nothing else yet: its texts need a translator, and until then each falls back to bokmål and is marked as such.

mod too_much;

use credentials::Timestamp;
use fluent_templates::fluent_bundle::FluentValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;
use unic_langid::LanguageIdentifier;

fluent_templates::static_loader! {
    static LOCALES = {
        locales: "./ui/text",
        fallback_language: "nb",
        // Isolation marks would stand in transcripts and in texts whose hash is signed.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// The languages that have every text. A text that is missing in one falls back to bokmål.
pub const LANGUAGES: &[&str] = &["nb", "nn", "en"];

/// One language's texts.
#[derive(Clone)]
pub struct Catalogue {
    language: &'static str,
    id: LanguageIdentifier,
}

/// A text in the language in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text.
    pub text: String,
    /// Its language, where that is another than the one asked for.
    pub other: Option<&'static str>,
}

fn id(language: &str) -> LanguageIdentifier {
    language.parse().unwrap_or_default()
}

impl Catalogue {
    /// The catalogue of a language; an unknown one gives bokmål.
    pub fn new(language: &str) -> Catalogue {
        let language = match language {
            "nn" => "nn",
            "en" => "en",
            "se" => "se",
            _ => "nb",
        };
        Catalogue {
            language,
            id: id(language),
        }
    }

    /// Its language.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// A text. A key that no catalogue has gives the key itself, so that a gap is seen and not silent.
    pub fn text(&self, key: &str, arguments: &[(&str, &str)]) -> String {
        self.find(key, arguments).text
    }

    /// A text, and in which language it is: whoever writes a page marks what is in another than the rest.
    pub fn find(&self, key: &str, arguments: &[(&str, &str)]) -> Found {
        let values: Values<'_> = arguments
            .iter()
            .map(|(name, value)| (Cow::Owned((*name).to_owned()), FluentValue::from(*value)))
            .collect();
        if let Some(text) = lookup(&self.id, key, &values) {
            return Found { text, other: None };
        }
        match lookup(&id("nb"), key, &values) {
            Some(text) => Found {
                text,
                other: (self.language != "nb").then_some("nb"),
            },
            None => Found {
                text: key.to_owned(),
                other: None,
            },
        }
    }

    /// An instant as people write it, in Norway's time zone.
    pub fn moment(&self, at: Timestamp) -> String {
        at.oslo().replace("kl.", &self.text("clock", &[]))
    }

    /// Whether this language itself has the key.
    pub fn has(&self, key: &str) -> bool {
        lookup(&self.id, key, &HashMap::new()).is_some()
    }
}

/// The text in one language. What a text names and nobody gave stands empty.
fn lookup(language: &LanguageIdentifier, key: &str, values: &Values<'_>) -> Option<String> {
    if let Ok(text) = LOCALES.lookup_single_language(language, key, Some(values)) {
        return Some(text);
    }
    let mut values = values.clone();
    for name in named() {
        values
            .entry(Cow::Borrowed(name.as_str()))
            .or_insert_with(|| FluentValue::from(""));
    }
    LOCALES.lookup_single_language(language, key, Some(&values)).ok()
}

type Values<'a> = HashMap<Cow<'static, str>, FluentValue<'a>>;

/// The catalogues as they stand in their files.
#[derive(rust_embed::Embed)]
#[folder = "ui/text"]
struct Files;

/// Every name that a text of any catalogue has a place for.
fn named() -> &'static [String] {
    static NAMED: OnceLock<Vec<String>> = OnceLock::new();
    NAMED.get_or_init(|| {
        let mut names: Vec<String> = Vec::new();
        for language in LANGUAGES {
            for part in source(language).split('$').skip(1) {
                let is_of_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                names.push(part.chars().take_while(is_of_name).collect());
            }
        }
        names.sort();
        names.dedup();
        names
    })
}

/// A language's files, one after the other.
pub fn source(language: &str) -> String {
    let mut text = String::new();
    let folder = format!("{language}/");
    for path in Files::iter().filter(|path| path.starts_with(&folder)) {
        if let Some(file) = Files::get(&path) {
            text.push_str(&String::from_utf8_lossy(&file.data));
            text.push('\n');
        }
    }
    text
}

/// Keys of a catalogue's text, in order.
pub fn keys(language: &str) -> Vec<String> {
    source(language)
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
