//! What an asker said that it erased and what it keeps, in lines for people.

use super::session::Session;
use crate::output::At;
use crate::text::Catalogue;
use credentials::Timestamp;
use serde_json::Value;

/// Prints it, where something was said.
pub(super) fn tell(session: &Session, said: &Value) {
    for line in lines(&session.output.catalogue, said) {
        session.output.data(&line);
    }
}

/// The lines: what is erased, what of it together; what is kept, on which ground, until when.
pub(crate) fn lines(catalogue: &Catalogue, said: &Value) -> Vec<String> {
    let moment = |value: &Value| {
        let at = value.as_str().and_then(Timestamp::parse);
        at.map(|at| catalogue.moment(at)).unwrap_or_default()
    };
    let mut all = Vec::new();
    if said.is_null() {
        return all;
    }
    // Each release is erased by itself; to a person ten of the same are one thing, erased when the last of them was.
    let mut erased: Vec<(String, u32, &Value)> = Vec::new();
    for one in list(said, "erased") {
        let what = what(catalogue, one);
        let at = one.at("at");
        match erased.iter_mut().find(|(known, ..)| *known == what) {
            Some((_, count, last)) => {
                *count = count.saturating_add(1);
                if last.as_str() < at.as_str() {
                    *last = at;
                }
            }
            None => erased.push((what, 1, at)),
        }
    }
    for (what, count, at) in &erased {
        let (at, count) = (moment(at), count.to_string());
        let (key, places) = match count.as_str() {
            "1" => ("said-erased", vec![("at", at.as_str()), ("what", what)]),
            often => (
                "said-erased-often",
                vec![("at", at.as_str()), ("what", what), ("count", often)],
            ),
        };
        all.push(catalogue.text(key, &places));
    }
    if erased.is_empty() {
        all.push(catalogue.text("said-erased-nothing", &[]));
    }
    for one in list(said, "kept") {
        let (what, until, ground) = (what(catalogue, one), moment(one.at("until")), ground(catalogue, one));
        let places = [("what", what.as_str()), ("until", &until), ("ground", &ground)];
        all.push(catalogue.text("said-kept", &places));
    }
    all
}

fn list<'a>(said: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    said.at(name).as_array().into_iter().flatten()
}

/// Claims by their names, or what else it is.
fn what(catalogue: &Catalogue, one: &Value) -> String {
    if let Some(what) = one.at("what").as_str() {
        return catalogue.text(&format!("said-{what}"), &[]);
    }
    let labels = one
        .at("labels")
        .at(catalogue.language())
        .as_array()
        .into_iter()
        .flatten();
    let labels: Vec<&str> = labels.filter_map(Value::as_str).collect();
    labels.join(", ")
}

/// The ground in words; one that nobody has registered words for, by its code.
fn ground(catalogue: &Catalogue, kept: &Value) -> String {
    let code = kept.at("ground").as_str().unwrap_or_default();
    let text = kept.at("ground_text");
    let text = text.at(catalogue.language()).as_str().or(text.at("nb").as_str());
    let key = format!("ground-{code}");
    match text {
        Some(text) => text.to_owned(),
        None if catalogue.has(&key) => catalogue.text(&key, &[]),
        None => code.to_owned(),
    }
}
