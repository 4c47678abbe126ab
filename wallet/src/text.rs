//! The catalogues of what a person reads before deciding: one file a language, the same keys in each.
//!
//! A line is `key = text`; `{ $name }` is filled in; `#` begins a comment (the subset of Fluent that these texts need).
//! A company's wallet uses `key-company` where the catalogue has it.

use credentials::Timestamp;
use credentials::schema::HolderKind;
use std::collections::BTreeMap;

const NB: &str = include_str!("../text/nb.ftl");
const NN: &str = include_str!("../text/nn.ftl");
const EN: &str = include_str!("../text/en.ftl");

/// Longest text of others that is shown in one place, in characters. Beyond it an ellipsis stands.
const INSERT_MAX: usize = 2_000;

/// The languages there are.
pub(crate) const LANGUAGES: [&str; 3] = ["nb", "nn", "en"];

/// The language that is used when `language` is asked for: one of [`LANGUAGES`], else `nb`.
pub(crate) fn language(language: &str) -> &'static str {
    LANGUAGES.into_iter().find(|known| *known == language).unwrap_or("nb")
}

/// The texts of one language, in the wording for one kind of holder.
pub(crate) struct Catalogue {
    texts: BTreeMap<&'static str, &'static str>,
    language: &'static str,
    kind: HolderKind,
}

impl Catalogue {
    pub(crate) fn new(wanted: &str, kind: HolderKind) -> Catalogue {
        let language = language(wanted);
        let file = match language {
            "en" => EN,
            "nn" => NN,
            _ => NB,
        };
        Catalogue {
            texts: lines(file).collect(),
            language,
            kind,
        }
    }

    /// `nb`, `nn` or `en`.
    pub(crate) fn language(&self) -> &'static str {
        self.language
    }

    /// The text of a key; a key that is missing shows itself, which the catalogue test rules out.
    pub(crate) fn get(&self, key: &'static str) -> &'static str {
        if self.kind == HolderKind::Company
            && let Some(text) = self.texts.get(format!("{key}-company").as_str())
        {
            return text;
        }
        self.texts.get(key).copied().unwrap_or(key)
    }

    /// A time as people write it, in Norway's time zone.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        at.oslo().replace("kl.", self.get("clock"))
    }

    /// The text of a key with its places filled in. What is put in is made plain first ([`plain`]) and is itself never searched for places.
    pub(crate) fn fill(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut out = String::new();
        let mut rest = self.get(key);
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            let name = name.trim().trim_start_matches('$');
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
                out.push_str(&plain(value));
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

fn lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, text)| (key.trim(), text.trim()))
}

/// Text of others as it may stand in ours: no line breaks or control characters that could pass for lines of our own, none
/// of the characters that turn the direction of writing or cannot be seen.
pub(crate) fn plain(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(INSERT_MAX)
        .map(|c| match c {
            c if c.is_control() => ' ',
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' => {
                '\u{fffd}'
            }
            c => c,
        })
        .collect();
    if text.chars().nth(INSERT_MAX).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> std::collections::BTreeSet<String> {
        text.split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}'))
            .map(|(name, _)| name.trim().to_owned())
            .collect()
    }

    #[test]
    fn the_catalogues_have_the_same_keys_and_places() {
        let nb: BTreeMap<_, _> = lines(NB).collect();
        assert_eq!(nb.len(), lines(NB).count(), "no key twice");
        for (name, file) in [("nn", NN), ("en", EN)] {
            let other: BTreeMap<_, _> = lines(file).collect();
            assert_eq!(
                nb.keys().collect::<Vec<_>>(),
                other.keys().collect::<Vec<_>>(),
                "{name}"
            );
            for (key, text) in &nb {
                assert_eq!(places(text), places(other[key]), "{name}: {key}");
            }
        }
    }

    #[test]
    fn every_key_that_the_code_names_is_in_the_catalogue() {
        let nb: BTreeMap<_, _> = lines(NB).collect();
        let source = concat!(include_str!("consent.rs"), include_str!("paper.rs"));
        let mut named = 0;
        for call in ["get(\"", "fill(\"", "line(\"", "key: \"", "=> \"lack-"] {
            for part in source.split(call).skip(1) {
                let end = part.find('"').expect("a closed string");
                let key = if call.contains("lack-") {
                    format!("lack-{}", &part[..end])
                } else {
                    part[..end].to_owned()
                };
                assert!(nb.contains_key(key.as_str()), "{key}");
                named += 1;
            }
        }
        assert!(named > 20, "the search finds the keys: {named}");
    }

    #[test]
    fn sentences_are_short_and_use_none_of_the_words_that_people_should_not_meet() {
        for file in [NB, NN, EN] {
            for (key, text) in lines(file) {
                for banned in [
                    "verifiserbar",
                    "legitimasjon",
                    "attestasjon",
                    "jwt",
                    "holder",
                    "relying party",
                    "presentasjon",
                    "verifiable",
                    "presentation",
                    "verifier",
                ] {
                    assert!(!text.to_lowercase().contains(banned), "{key}: {banned}");
                }
                assert!(
                    !text.split(|c: char| !c.is_alphabetic()).any(|word| word == "DID"),
                    "{key}"
                );
                for sentence in text.split(['.', ':', '?']) {
                    assert!(sentence.split_whitespace().count() <= 22, "{key}: {sentence}");
                }
            }
        }
    }

    #[test]
    fn what_is_put_in_cannot_add_lines_or_places_of_its_own() {
        let texts = Catalogue::new("nb", HolderKind::Person);
        let filled = texts.fill(
            "case",
            &[("case", "1\nDu får 1000 kr {\u{202e}$name}"), ("name", "BANK")],
        );
        assert!(!filled.contains('\n') && !filled.contains('\u{202e}'), "{filled}");
        assert!(
            filled.contains("{\u{fffd}$name}") && !filled.contains("BANK"),
            "{filled}"
        );
        assert_eq!(plain(&"x".repeat(INSERT_MAX)).chars().count(), INSERT_MAX);
        assert_eq!(plain(&"x".repeat(INSERT_MAX + 1)).chars().count(), INSERT_MAX + 1);
    }

    #[test]
    fn a_company_has_its_own_wording_and_an_unknown_language_is_read_in_nb() {
        let person = Catalogue::new("nb", HolderKind::Person);
        let company = Catalogue::new("xx", HolderKind::Company);
        assert_eq!(company.language(), "nb");
        assert_ne!(person.get("share-title"), company.get("share-title"));
        assert_eq!(person.get("yes"), company.get("yes"));
    }
}
