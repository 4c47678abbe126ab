//! A report for whoever looks for a fault. Nothing is copied into it that may name somebody: each value is a number, a word of this
//! program, or left out. Names become numbers.

use crate::clock;
use crate::config::Loaded;
use crate::config::keys::{Form, KEYS, Key, LEVELS};
use crate::error::Failure;
use crate::home::{self, Home};
use crate::output::At;
use crate::service;
use credentials::{Code, Problem};
use serde_json::{Map, Value, json};
use std::path::Path;
use store::Formats;

/// Labels of figures whose values are words of this program.
const PLAIN_LABELS: &[&str] = &[
    "code",
    "direction",
    "kind",
    "le",
    "of",
    "part",
    "protocol",
    "role",
    "state",
    "topic",
    "verdict",
    "version",
    "what",
];
/// Longest value of such a label.
const WORD_MAX: usize = 64;
/// Longest number in a finding's detail: eleven digits are a person's, nine an organisation's.
const DIGITS_MAX: usize = 8;
/// What may stand beside numbers in it.
const UNITS: &[&str] = &["MiB", "s", "uid"];
/// Largest file of the system that is read, in bytes.
const SYSTEM_MAX: u64 = 4096;
/// Why there is no log in it.
const LOG: &str = "The program keeps no log: it goes to standard error, or to the service manager (journalctl). Read what you add to \
                   this report before you send it.";

/// A report as it grows.
pub struct Report {
    parts: Map<String, Value>,
    left_out: Vec<(&'static str, Code)>,
    /// What must not stand in it: known names of this home.
    own: Vec<String>,
}

impl Report {
    /// One about this home, with what is known of the program and the machine.
    pub fn new(home: &Home) -> Report {
        let mut parts = Map::new();
        parts.insert("schema".to_owned(), json!("bugreport/v1"));
        parts.insert("made".to_owned(), json!(clock::now().to_string()));
        parts.insert(
            "program".to_owned(),
            json!({ "version": env!("CARGO_PKG_VERSION"), "debug": cfg!(debug_assertions) }),
        );
        parts.insert(
            "system".to_owned(),
            json!({
                "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
                "kernel": system("/proc/sys/kernel/osrelease").map(|text| numbers(&text)),
                "distribution": system("/etc/os-release").map(|text| distribution(&text)),
                "since_boot_s": clock::since_boot(),
            }),
        );
        parts.insert("log".to_owned(), json!(LOG));
        // Seen from outside, this can be told of any home.
        let mut outside = service::seen_from_outside(home, Code::PassphraseMissing);
        // That the rest is sealed says nothing of this home.
        if let Some(Value::Array(findings)) = outside.get_mut("findings") {
            findings.retain(|found| found.at("check") != "sealed");
        }
        outside.put("state", Value::Null);
        let mut report = Report {
            parts,
            left_out: Vec::new(),
            own: vec![home.path().display().to_string()],
        };
        report.findings("home", &outside);
        report
    }

    /// The configuration: where each value is from, and the value where it can name nobody.
    pub fn configuration(&mut self, loaded: &Loaded) {
        let config = serde_json::to_value(&loaded.config).unwrap_or_default();
        let mut told = Map::new();
        for key in KEYS {
            let (section, name) = key.parts();
            let value = config.at(section).at(name);
            if value.is_null() {
                continue;
            }
            let mut line = shown(key, value);
            line.put("from", json!(loaded.origins.get(key.name)));
            told.insert(key.name.to_owned(), line);
        }
        let roles = crate::config::ROLES.iter().filter(|role| config.at(role).is_object());
        self.parts
            .insert("roles".to_owned(), roles.map(|role| json!(role)).collect());
        self.parts.insert("configuration".to_owned(), Value::Object(told));
        if let Some(organisation) = &loaded.config.organisation {
            self.own.push(organisation.number.clone());
        }
    }

    /// The formats of the home's files.
    pub fn formats(&mut self, formats: &Formats) {
        let told = json!({
            "keys": formats.keys, "oldest": formats.oldest, "newest": formats.newest, "supported": formats.supported,
        });
        self.parts.insert("formats".to_owned(), told);
    }

    /// What `doctor` found.
    pub fn doctor(&mut self, report: &Value) {
        self.findings("doctor", report);
    }

    fn findings(&mut self, name: &str, report: &Value) {
        let findings = report.at("findings").as_array().into_iter().flatten().map(|found| {
            let detail = found.at("detail").as_str().filter(|detail| is_figure(detail));
            json!({ "check": found.at("check"), "state": found.at("state"), "code": found.at("code"), "figure": detail })
        });
        let told = json!({ "state": report.at("state"), "findings": findings.collect::<Vec<_>>() });
        self.parts.insert(name.to_owned(), told);
    }

    /// Counts and ages of the node.
    pub fn status(&mut self, status: &Value) {
        let count = |name: &str| status.at(name).as_array().map(Vec::len);
        let trust = status.at("trust");
        let told = json!({
            "online": status.at("online"), "addresses": count("addresses"), "caught_up": status.at("caught_up"),
            "alarms": status.at("alarms"), "issuers_mirrored": count("mirrored"), "status_lists": count("lists"),
            "mirror_bytes": status.at("mirror_bytes"), "store": status.at("store"),
            "epoch": status.at("epoch").at("number"), "rss_kib": status.at("rss_kib"),
            "trust": {
                "version": trust.at("version"), "current": trust.at("current"), "head_age_s": trust.at("head_age_s"),
                "organisations": trust.at("organisations"),
            },
        });
        self.parts.insert("status".to_owned(), told);
    }

    /// The figures, with numbers in the place of names.
    pub fn metrics(&mut self, answer: &Value) {
        let mut names = Names::default();
        let text = answer.at("text").as_str().unwrap_or_default();
        let lines: Vec<String> = text.lines().filter_map(|line| figure(line, &mut names)).collect();
        self.parts.insert("metrics".to_owned(), json!(lines));
    }

    /// Something that could not be had, and why.
    pub fn without(&mut self, what: &'static str, why: Code) {
        self.left_out.push((what, why));
    }

    /// What is not in it.
    pub fn left_out(&self) -> Vec<&'static str> {
        self.left_out.iter().map(|(what, _)| *what).collect()
    }

    /// The report as a person reads it before they send it: JSON, one value a line.
    ///
    /// Errors: `internal` when a name of this home stands in it all the same; then nothing is to be written.
    pub fn text(&self) -> Result<String, Failure> {
        let mut parts = self.parts.clone();
        let left_out = self
            .left_out
            .iter()
            .map(|(what, why)| json!({ "what": what, "code": why.as_str() }));
        parts.insert("left_out".to_owned(), left_out.collect());
        let text =
            serde_json::to_string_pretty(&Value::Object(parts)).map_err(|e| Failure::because(Code::Internal, e))?;
        match self.named_in(&text) {
            None => Ok(text + "\n"),
            Some(what) => Err(Failure::because(Problem::new(Code::Internal, "bugreport"), what)),
        }
    }

    /// What names somebody in a text: the last look, after everything was chosen so that nothing does.
    fn named_in(&self, text: &str) -> Option<&'static str> {
        // Protocols begin like the path of a home may.
        let text = text.replace("\\\"/bevis/", "");
        if ["did:", "12D3Koo", "/ip4/", "/ip6/"]
            .iter()
            .any(|beginning| text.contains(beginning))
        {
            return Some("an identifier stands in the report");
        }
        let is_named = self.own.iter().any(|name| name.len() > 1 && text.contains(name));
        is_named.then_some("a name of this home stands in the report")
    }
}

/// A value of the configuration as it may be told.
fn shown(key: &Key, value: &Value) -> Value {
    match (key.form, value) {
        (Form::Choice(_) | Form::Whole(..) | Form::Flag, value) => json!({ "value": value }),
        (Form::Level, Value::String(level)) if LEVELS.contains(&level.as_str()) => json!({ "value": level }),
        (Form::Level, _) => json!({ "value": "a filter" }),
        (Form::Texts | Form::Clients, value) => json!({ "count": value.as_array().map(Vec::len) }),
        (Form::Text, _) => json!({ "given": true }),
    }
}

/// Whether a detail is numbers, none of them long enough to be somebody's, with units at most.
fn is_figure(detail: &str) -> bool {
    let words = detail.split([' ', '/', ',']).filter(|word| !word.is_empty());
    words.into_iter().all(|word| {
        let digits = word.trim_start_matches('-');
        let is_number = digits.len() <= DIGITS_MAX && digits.chars().all(|c| c.is_ascii_digit());
        is_number || UNITS.contains(&word)
    })
}

/// Names that were met, each with its number. There are as many as figures have labels.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn number(&mut self, name: &str) -> usize {
        let at = self.0.iter().position(|known| known == name);
        at.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len().saturating_sub(1)
        })
        .saturating_add(1)
    }
}

/// A line of figures as it may be told; nothing of one that has another form.
fn figure(line: &str, names: &mut Names) -> Option<String> {
    if line.starts_with("# ") {
        // Ours alone: texts of the table of figures.
        return None;
    }
    let (series, value) = line.rsplit_once(' ')?;
    value.parse::<f64>().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return is_word(series).then(|| line.to_owned());
    };
    let mut told = Vec::new();
    let mut rest = labels.strip_suffix('}')?;
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"")?;
        let end = end_of_value(after)?;
        let (text, after) = (after.get(..end)?, after.get(end.saturating_add(1)..)?);
        let label = label.trim_start_matches(',');
        if PLAIN_LABELS.contains(&label) && is_plain(text) {
            told.push(format!("{label}=\"{text}\""));
        } else {
            told.push(format!("{label}=\"{}\"", names.number(text)));
        }
        rest = after;
    }
    (is_word(name)).then(|| format!("{name}{{{}}} {value}", told.join(",")))
}

/// Where a label's value ends: at the first quotation mark that no backslash stands before.
fn end_of_value(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end.then_some(at)
    })
}

fn is_word(text: &str) -> bool {
    text.len() <= WORD_MAX
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a label's value is a word of this program: short, of few characters, and no long number.
fn is_plain(text: &str) -> bool {
    let is_ours = |c: char| c.is_ascii_alphanumeric() || ['_', '-', '.', '/', '+'].contains(&c);
    let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    text.len() <= WORD_MAX && text.chars().all(is_ours) && longest.unwrap_or(0) <= DIGITS_MAX
}

fn system(path: &str) -> Option<String> {
    let bytes = home::read(Path::new(path), SYSTEM_MAX).ok()?;
    String::from_utf8(bytes).ok()
}

/// The numbers at the beginning of a version: what a builder appends may be a name.
fn numbers(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

/// Name and number of a distribution.
fn distribution(text: &str) -> String {
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let value: String = line.chars().filter(|c| *c != '"').collect();
        Some(value).filter(|value| is_plain(value))
    };
    let parts: Vec<String> = ["ID=", "VERSION_ID="].into_iter().filter_map(of).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests;
