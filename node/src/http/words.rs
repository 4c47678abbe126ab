//! The words of one page, in one language.

use crate::output::At;
use crate::text::{Catalogue, Found};
use credentials::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

/// Languages that a page can be read in, with their own names.
pub const SPOKEN: &[(&str, &str)] = &[
    ("nb", "Bokmål"),
    ("nn", "Nynorsk"),
    ("en", "English"),
    ("se", "Davvisámegiella"),
];

/// The words of one page.
#[derive(Clone)]
pub struct Words(Catalogue);

impl Words {
    /// The words of a language; bokmål where there is no such.
    pub fn new(language: &str) -> Words {
        Words(Catalogue::new(language))
    }

    /// The language.
    pub fn language(&self) -> &'static str {
        self.0.language()
    }

    /// The catalogue behind it.
    pub fn catalogue(&self) -> &Catalogue {
        &self.0
    }

    /// A text for the body of the page; one that is in another language than the page says so (WCAG 3.1.2).
    pub fn t(&self, key: &str) -> Markup {
        self.fill(key, &[])
    }

    /// A text with values in it, for the body of the page.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> Markup {
        let Found { text, other } = self.0.find(key, values);
        match other {
            None => html! { (text) },
            Some(language) => html! { span lang=(language) { (text) } },
        }
    }

    /// A text as plain characters, for a title or an attribute.
    pub fn plain(&self, key: &str) -> String {
        self.0.text(key, &[])
    }

    /// A plain text with values in it.
    pub fn plain_fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.0.text(key, values)
    }

    /// An instant of an answer (RFC 3339) as people write it, with the machine's form beside it; nothing for what is no instant.
    pub fn moment(&self, instant: &Value) -> Markup {
        let at = instant.as_str().and_then(Timestamp::parse);
        match (at, instant.as_str()) {
            (Some(at), Some(text)) => html! { time datetime=(text) { (self.0.moment(at)) } },
            _ => html! {},
        }
    }

    /// A text that an answer brings in three languages, in this one; bokmål where it has it not.
    pub fn of<'a>(&self, texts: &'a Value) -> &'a str {
        let own = texts.at(self.language()).as_str();
        own.or_else(|| texts.at("nb").as_str()).unwrap_or_default()
    }
}
