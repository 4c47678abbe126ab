//! The dashboard, the alert rules and the pages for operators, held against the figures and commands that there are.

use super::{FIGURES, Kind};
use crate::args::Bevis;
use crate::service::READINESS_CODES;
use clap::Parser;
use std::collections::BTreeSet;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every name that a text asks for, without the beginning that all have.
fn asked(text: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split("bevis_")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| is_of_name(*c)).collect())
        .collect()
}

/// The names under which figures are asked for.
fn known() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for figure in FIGURES {
        let endings: &[&str] = match figure.kind {
            Kind::Histogram => &["_bucket", "_sum", "_count"],
            Kind::Gauge | Kind::Counter | Kind::Info => &[""],
        };
        names.extend(endings.iter().map(|ending| format!("{}{ending}", figure.name)));
    }
    names
}

/// The name of a section in a link, as the usual readers of Markdown make it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
        .collect()
}

fn sections() -> BTreeSet<String> {
    let page = read("docs/operating.md");
    let headings = page.lines().filter(|line| line.starts_with("##"));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn the_dashboard_and_the_rules_ask_for_figures_that_there_are() {
    for name in ["packaging/grafana/bevis.json", "packaging/prometheus/bevis.rules.yml"] {
        let asked = asked(&read(name));
        assert!(asked.len() > 20, "{name} asks for little: {asked:?}");
        let known = known();
        let missing: Vec<_> = asked.difference(&known).collect();
        assert!(missing.is_empty(), "{name} asks for what there is not: {missing:?}");
    }
}

#[test]
fn the_operators_page_explains_every_figure_and_no_other() {
    let page = read("docs/operating.md");
    let told = asked(&page);
    let names: BTreeSet<String> = FIGURES.iter().map(|figure| figure.name.to_owned()).collect();
    let untold: Vec<_> = names.difference(&told).collect();
    assert!(untold.is_empty(), "docs/operating.md is silent about {untold:?}");
    let other: Vec<_> = told.difference(&names).filter(|name| !name.is_empty()).collect();
    assert!(other.is_empty(), "docs/operating.md names what there is not: {other:?}");
}

#[test]
fn every_alert_says_what_to_do_and_names_a_section_that_there_is() {
    let rules = read("packaging/prometheus/bevis.rules.yml");
    let sections = sections();
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > READINESS_CODES.len());
    for alert in alerts {
        let name = alert.lines().next().unwrap_or_default();
        for member in ["summary: \"", "description: \"", "remedy: \"", "labels: {severity: "] {
            assert!(alert.contains(member), "{name} has no {member}");
        }
        let link = alert
            .split("operating.md#")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let link = link.unwrap_or_else(|| panic!("{name} names no section"));
        assert!(
            sections.contains(link),
            "{name}: there is no section {link} among {sections:?}"
        );
    }
    for code in READINESS_CODES {
        let asked = format!("bevis_not_ready{{code=\"{code}\"}} == 1");
        assert!(rules.contains(&asked), "nobody is told of {code}");
    }
}

#[test]
fn every_alert_has_a_test_that_raises_it_and_one_that_does_not() {
    let rules = read("packaging/prometheus/bevis.rules.yml");
    let tests = read("packaging/prometheus/bevis.rules.test.yml");
    for alert in rules.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap_or_default();
        for test in [format!("- name: {name}\n"), format!("- name: not {name}\n")] {
            assert!(tests.contains(&test), "{name} lacks a test: {test}");
        }
    }
}

#[test]
fn the_commands_of_the_runbooks_are_commands() {
    let page = read("docs/operating.md");
    let runbooks = page.split("\n## Runbooks\n").nth(1).expect("runbooks");
    let blocks = runbooks.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
    let ours: Vec<&str> = lines.filter(|line| line.starts_with("bevis ")).collect();
    assert!(ours.len() > 20, "{ours:?}");
    for line in ours {
        let command = line
            .split(" > ")
            .next()
            .unwrap_or_default()
            .replace("\"wrong batch\"", "wrong");
        let words = command.replace("\"was right\"", "right");
        let parsed = Bevis::try_parse_from(words.split(' '));
        if let Err(error) = parsed {
            panic!("{line}: {error}");
        }
    }
    assert!(Bevis::try_parse_from(["bevis", "issuer", "unissue"]).is_err());
}

#[test]
fn the_two_units_differ_in_names_alone() {
    let unit = read("packaging/systemd/bevis.service");
    let template = read("packaging/systemd/bevis@.service");
    let of_one = template
        .replace("(%i)", "")
        .replace("/var/lib/bevis-%i", "/var/lib/bevis")
        .replace("StateDirectory=bevis-%i", "StateDirectory=bevis")
        .replace("passphrase-%i.cred", "passphrase.cred");
    let settings = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    assert_eq!(settings(&of_one), settings(&unit));
    assert!(!of_one.contains("%i"));
}

#[test]
fn the_example_of_a_configuration_is_taken_and_has_the_listener() {
    let config = crate::config::parse(&read("packaging/examples/bevis.toml")).expect("taken");
    assert_eq!(config.admin.expect("given").listen, "127.0.0.1:9464");
}
