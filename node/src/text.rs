//! Texts for people, from Project Fluent catalogues in bokmål, nynorsk and English.

mod too_much;

use credentials::Timestamp;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

const NB: &str = include_str!("../ui/text/nb.ftl");
const NN: &str = include_str!("../ui/text/nn.ftl");
const EN: &str = include_str!("../ui/text/en.ftl");

/// The languages, in the order in which a missing text falls back: nynorsk to bokmål, English to bokmål.
pub const LANGUAGES: &[&str] = &["nb", "nn", "en"];

/// One language's texts.
pub struct Catalogue {
    language: &'static str,
    bundle: FluentBundle<FluentResource>,
    fallback: FluentBundle<FluentResource>,
}

fn bundle(language: &str, text: &str) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = language.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Isolation marks would stand in transcripts and in texts whose hash is signed.
    bundle.set_use_isolating(false);
    let resource = match FluentResource::try_new(text.to_owned()) {
        Ok(resource) => resource,
        Err((resource, errors)) => {
            tracing::error!(language, count = errors.len(), "catalogue has errors");
            resource
        }
    };
    if let Err(errors) = bundle.add_resource(resource) {
        tracing::error!(language, count = errors.len(), "catalogue has the same key twice");
    }
    bundle
}

impl Catalogue {
    /// The catalogue of a language; an unknown one gives bokmål.
    pub fn new(language: &str) -> Catalogue {
        let (language, text) = match language {
            "nn" => ("nn", NN),
            "en" => ("en", EN),
            _ => ("nb", NB),
        };
        Catalogue {
            language,
            bundle: bundle(language, text),
            fallback: bundle("nb", NB),
        }
    }

    /// Its language.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// A text. A key that no catalogue has gives the key itself, so that a gap is seen and not silent.
    pub fn text(&self, key: &str, arguments: &[(&str, &str)]) -> String {
        let mut values = FluentArgs::new();
        for (name, value) in arguments {
            values.set(*name, *value);
        }
        for bundle in [&self.bundle, &self.fallback] {
            if let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) {
                let mut errors = Vec::new();
                return bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned();
            }
        }
        key.to_owned()
    }

    /// An instant as people write it, in Norway's time zone.
    pub fn moment(&self, at: Timestamp) -> String {
        at.oslo().replace("kl.", &self.text("clock", &[]))
    }

    /// Whether this language itself has the key.
    pub fn has(&self, key: &str) -> bool {
        self.bundle.has_message(key)
    }
}

/// Keys of a catalogue's text, in order.
pub fn keys(language: &str) -> Vec<&'static str> {
    let text = match language {
        "nn" => NN,
        "en" => EN,
        _ => NB,
    };
    text.lines()
        .filter(|line| line.chars().next().is_some_and(|c| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim()))
        .collect()
}

#[cfg(test)]
mod tests;
