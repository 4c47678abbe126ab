//! The configuration, the problem codes and the figures, as documents.

use super::pages;
use crate::config::keys::SECTIONS;
use crate::config::schema;
use crate::error::{EXITS, exit, http_status};
use crate::text::Catalogue;
use credentials::Code;

/// The keys of `bevis.toml`, section by section, and the variables of the environment, in Markdown.
pub fn configuration() -> String {
    let mut text = String::new();
    let rows = schema::rows();
    for section in SECTIONS {
        let optional = if section.is_always { "" } else { " (optional)" };
        text.push_str(&format!(
            "## `[{}]`{optional}\n\n{}.\n\n",
            section.name,
            capital(section.meaning)
        ));
        let mut keys = rows
            .iter()
            .filter(|row| row.key.split_once('.').is_some_and(|(name, _)| name == section.name))
            .peekable();
        if keys.peek().is_none() {
            continue;
        }
        text.push_str("| key | form | default | environment | meaning |\n|---|---|---|---|---|\n");
        for row in keys {
            text.push_str(&format!(
                "| `{}` | {} | {} | {} | {} |\n",
                row.key,
                row.form,
                row.default
                    .as_ref()
                    .map_or_else(|| "must be given".to_owned(), |default| format!("`{default}`")),
                row.environment.map(|name| format!("`{name}`")).unwrap_or_default(),
                row.meaning,
            ));
        }
        text.push('\n');
    }
    text.push_str("## Environment\n\n| variable | meaning |\n|---|---|\n");
    for (name, meaning) in pages::variables() {
        text.push_str(&format!("| `{name}` | {meaning} |\n"));
    }
    text
}

/// Every exit code, then every problem code with what `of` says about where it occurs, its HTTP status and exit code, and what a
/// person reads, in Markdown.
pub fn codes(of: &dyn Fn(Code) -> String) -> String {
    let catalogue = Catalogue::new("en");
    let said = |key: &str, code: Code| {
        let text = catalogue.text(&format!("{key}-{code}"), &[("detail", "")]);
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('|', "\\|")
    };
    let mut text = String::from("## Exit codes\n\n| exit | meaning |\n|---|---|\n");
    for (code, meaning) in EXITS {
        text.push_str(&format!("| {code} | {meaning} |\n"));
    }
    text.push_str(
        "\n## Problem codes\n\n| code | where it occurs | HTTP | exit | what a person reads | what to do |\n|---|---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        text.push_str(&format!(
            "| `{code}` | {} | {} | {} | {} | {} |\n",
            of(*code),
            http_status(*code),
            exit(*code),
            said("problem", *code),
            said("remedy", *code),
        ));
    }
    text
}

/// Every figure of `/metrics`, in Markdown.
pub fn metrics() -> String {
    let mut text = String::from("| figure | type | labels | meaning |\n|---|---|---|---|\n");
    for figure in crate::service::FIGURES {
        let labels: Vec<String> = figure.labels.iter().map(|label| format!("`{label}`")).collect();
        text.push_str(&format!(
            "| `bevis_{}` | {} | {} | {} |\n",
            figure.name,
            figure.kind.as_str(),
            labels.join(", "),
            figure.help
        ));
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_every_key_has_its_row() {
        let codes = codes(&|code| format!("about {code}"));
        for code in Code::ALL {
            assert!(codes.contains(&format!("| `{code}` | about {code} | ")), "{code}");
        }
        let configuration = configuration();
        for row in schema::rows() {
            assert!(configuration.contains(&format!("| `{}` |", row.key)), "{}", row.key);
        }
        for line in codes.lines().filter(|line| line.starts_with("| `")) {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 7, "{line}");
        }
    }
}
