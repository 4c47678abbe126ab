//! What two banks that put their records together would try.
//!
//! A record is everything of one presentation except what names the person. From it the joiner takes *marks* (every text
//! and number in it, by its place and regardless of its place) and *measures* (every number, and every length). A mark that
//! few records have links the records that share it; a measure links each record to the nearest of the other bank.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A mark that more records than this have tells too little to be a link of its own.
const RARE: usize = 50;

/// One presentation as a bank keeps it, the person's number taken away.
pub(super) struct Record {
    marks: BTreeSet<String>,
    measures: BTreeMap<String, f64>,
}

fn decode(part: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

impl Record {
    /// Of a presentation and the PeerId it came from; `personal` are the values to take away.
    pub(super) fn new(sender: &str, presentation: &str, personal: &[&str]) -> Record {
        let mut record = Record {
            marks: BTreeSet::from([format!("sender {sender}")]),
            measures: BTreeMap::new(),
        };
        record.measure("length", presentation.len() as f64);
        let mut parts = presentation.split('~');
        for (name, token) in [
            ("credential", parts.next().expect("a credential")),
            ("binding", parts.next_back().expect("a key binding")),
        ] {
            record.measure(&format!("{name} length"), token.len() as f64);
            let mut segments = token.split('.');
            for part in ["header", "payload"] {
                let value = decode(segments.next().expect("three segments"));
                record.value(&format!("{name} {part}"), &value);
            }
            record
                .marks
                .insert(format!("signature {}", segments.next().expect("a signature")));
        }
        for (place, disclosure) in parts.enumerate() {
            let opened = decode(disclosure);
            let salt = opened[0].as_str().expect("a salt").to_owned();
            record.marks.insert(format!("salt {salt}"));
            if !personal.iter().any(|text| opened.to_string().contains(text)) {
                record.measure(&format!("disclosure {place} length"), disclosure.len() as f64);
                record.marks.insert(format!("disclosure {disclosure}"));
                record.value("disclosed", &opened[opened.as_array().map_or(0, Vec::len) - 1]);
            }
        }
        record
    }

    /// Everything that came of one person, in JSON: each text and number in it, and what is inside of what is signed.
    pub(super) fn of_everything(sender: &str, everything: &Value, personal: &[&str]) -> Record {
        let mut record = Record {
            marks: BTreeSet::from([format!("sender {sender}")]),
            measures: BTreeMap::new(),
        };
        record.opened("", everything, personal);
        record
    }

    fn opened(&mut self, place: &str, value: &Value, personal: &[&str]) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.opened(&format!("{place} {name}"), member, personal);
                }
            }
            Value::Array(items) => {
                self.measure(&format!("{place} items"), items.len() as f64);
                for (at, item) in items.iter().enumerate() {
                    self.opened(&format!("{place} {at}"), item, personal);
                }
            }
            Value::String(text) if personal.iter().any(|number| text.contains(number)) => {}
            Value::String(text) if text.starts_with("eyJ") => self.signed(place, text, personal),
            Value::String(text) => {
                self.measure(&format!("{place} length"), text.len() as f64);
                self.value(place, value);
            }
            other => self.value(place, other),
        }
    }

    /// Header, payload and signature of each token of a text, and what is disclosed between them.
    fn signed(&mut self, place: &str, text: &str, personal: &[&str]) {
        self.measure(&format!("{place} length"), text.len() as f64);
        for (at, part) in text.split('~').filter(|part| !part.is_empty()).enumerate() {
            let mut segments = part.split('.');
            for name in ["header", "payload"] {
                if let Some(segment) = segments.next() {
                    self.opened(&format!("{place} {at} {name}"), &decode(segment), personal);
                }
            }
            self.marks
                .extend(segments.next().map(|signature| format!("signature {signature}")));
        }
    }

    /// Something else that the bank came to know of it, such as the day on which its status changed.
    pub(super) fn learns(&mut self, name: &str, value: f64) {
        self.measure(name, value);
    }

    fn measure(&mut self, name: &str, value: f64) {
        self.measures.insert(name.to_owned(), value);
        self.marks.insert(format!("{name} {value}"));
    }

    fn value(&mut self, place: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.value(&format!("{place} {name}"), member);
                }
            }
            Value::Array(items) => {
                self.measure(&format!("{place} items"), items.len() as f64);
                for (at, item) in items.iter().enumerate() {
                    self.value(&format!("{place} {at}"), item);
                }
            }
            Value::Number(number) => {
                if let Some(number) = number.as_f64() {
                    self.measure(place, number);
                }
            }
            other => {
                self.marks.insert(format!("{place} {other}"));
                self.marks.insert(other.to_string());
            }
        }
    }
}

/// How many records of `a` each way of joining links to the right record of `b` (the one of the same position).
pub(super) fn right(a: &[Record], b: &[Record]) -> BTreeMap<String, usize> {
    let mut random = ChaCha20Rng::seed_from_u64(7);
    let mut found = BTreeMap::from([("marks".to_owned(), by_marks(a, b, &mut random))]);
    let names: BTreeSet<&String> = a.iter().flat_map(|record| record.measures.keys()).collect();
    for name in names {
        found.insert(format!("nearest {name}"), by_measure(name, a, b, &mut random));
    }
    found
}

/// The best of them.
pub(super) fn best(found: &BTreeMap<String, usize>) -> (usize, &str) {
    let best = found.iter().max_by_key(|(_, right)| **right).expect("ways");
    (*best.1, best.0)
}

/// Links each record to the one with which it shares the most telling marks.
fn by_marks(a: &[Record], b: &[Record], random: &mut ChaCha20Rng) -> usize {
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, record) in b.iter().enumerate() {
        for mark in &record.marks {
            holders.entry(mark).or_default().push(at);
        }
    }
    holders.retain(|_, at| at.len() <= RARE);
    let pick = |(at, record): (usize, &Record)| {
        let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
        for mark in &record.marks {
            let with = holders.get(mark.as_str()).map_or(&[][..], Vec::as_slice);
            for other in with {
                *scores.entry(*other).or_default() += (b.len() as f64 / with.len() as f64).ln();
            }
        }
        let top = scores.values().copied().fold(0.0, f64::max);
        let candidates: Vec<usize> = match scores.is_empty() {
            true => (0..b.len()).collect(),
            false => scores.into_iter().filter(|(_, s)| *s >= top).map(|(o, _)| o).collect(),
        };
        candidates[random.next_u32() as usize % candidates.len()] == at
    };
    a.iter().enumerate().map(pick).filter(|is_right| *is_right).count()
}

/// Links each record to one whose measure is nearest.
fn by_measure(name: &str, a: &[Record], b: &[Record], random: &mut ChaCha20Rng) -> usize {
    let column = |records: &[Record]| -> Vec<f64> {
        let values = records.iter().map(|record| record.measures.get(name));
        values.map(|value| value.copied().unwrap_or(f64::INFINITY)).collect()
    };
    let theirs = column(b);
    let pick = |(at, own): (usize, f64)| {
        let distance = |value: &f64| (value - own).abs();
        let least = theirs.iter().map(distance).fold(f64::INFINITY, f64::min);
        let candidates: Vec<usize> = (0..theirs.len())
            .filter(|other| distance(&theirs[*other]) <= least)
            .collect();
        own.is_finite() && candidates[random.next_u32() as usize % candidates.len()] == at
    };
    column(a)
        .into_iter()
        .enumerate()
        .map(pick)
        .filter(|is_right| *is_right)
        .count()
}
