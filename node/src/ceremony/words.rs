//! The ceremony in words: what a proposal changes, what a bundle says, so that a person can hear it read aloud and decide.

use crate::output::At;
use crate::text::Catalogue;
use credentials::trust::Fingerprint;
use serde_json::Value;
use std::fmt::Write;

/// Marks what takes protection away.
const DANGER: &str = "!";
/// Marks everything else.
const PLAIN: &str = "-";

/// A fingerprint on two lines of eight groups, as people compare it.
pub fn fingerprint(fingerprint: &Fingerprint) -> String {
    grouped(&fingerprint.to_string())
}

fn grouped(text: &str) -> String {
    let groups: Vec<&str> = text.split(' ').collect();
    let lines: Vec<String> = groups.chunks(8).map(|line| format!("  {}", line.join(" "))).collect();
    lines.join("\n")
}

fn text(value: &Value, name: &str) -> String {
    match value.at(name) {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.at(name).as_array().map(Vec::as_slice).unwrap_or_default()
}

fn day(instant: &str) -> &str {
    instant.split('T').next().unwrap_or(instant)
}

/// A proposal: what it is, every change, until when it counts, and who has signed.
pub fn proposal(catalogue: &Catalogue, shown: &Value) -> String {
    let version = text(shown, "version");
    let (before, expires) = (text(shown, "before"), text(shown, "expires"));
    let heading = match (text(shown, "kind").as_str(), before.is_empty()) {
        ("root", true) => catalogue.text("trust-proposal-first-root", &[]),
        ("root", false) => catalogue.text("trust-proposal-root", &[("version", &version), ("before", &before)]),
        (_, true) => catalogue.text("trust-proposal-first-list", &[]),
        (_, false) => catalogue.text("trust-proposal-list", &[("version", &version), ("before", &before)]),
    };
    let mut lines = vec![heading];
    if let (true, Some(print)) = (before.is_empty(), shown.at("content").at("fingerprint").as_str()) {
        lines.push(catalogue.text("trust-fingerprint", &[]));
        lines.push(grouped(print));
    }
    if shown.at("begins_anew") == &Value::Bool(true) {
        lines.push(format!("{DANGER} {}", catalogue.text("change-begins-anew", &[])));
    }
    lines.push(changes(catalogue, shown.at("changes")));
    lines.push(catalogue.text("trust-proposal-until", &[("until", day(&expires))]));
    lines.push(signatures(catalogue, shown));
    lines.join("\n")
}

/// Who has signed, root by root, and how many it takes.
pub fn signatures(catalogue: &Catalogue, shown: &Value) -> String {
    let counts = items(shown, "signatures");
    let line = |count: &Value| {
        let anchors = text(count, "anchors");
        let have = items(count, "anchors").len().to_string();
        let who = if anchors.is_empty() { "–".to_owned() } else { anchors };
        let arguments = [
            ("root", text(count, "root")),
            ("have", have),
            ("needed", text(count, "needed")),
            ("anchors", who),
        ];
        let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        catalogue.text("trust-signatures", &arguments)
    };
    let mut lines: Vec<String> = counts.iter().map(line).collect();
    if shown.at("enough") == &Value::Bool(true) {
        lines.push(catalogue.text("trust-enough", &[]));
    } else if counts
        .iter()
        .all(|count| items(count, "anchors").len() >= count.at("needed").as_u64().unwrap_or(0) as usize)
    {
        lines.push(catalogue.text("trust-one-class", &[]));
    }
    lines.join("\n")
}

/// Every change, a line each; claims of one service and type stand in one line.
pub fn changes(catalogue: &Catalogue, changes: &Value) -> String {
    // Every version ends some time after the one before; by the day is what a person has to know.
    let is_said = |change: &&Value| {
        let [before, after] = ["before", "after"].map(|side| text(change, side));
        text(change, "change") != "until" || day(&before) != day(&after)
    };
    let changes = changes.as_array().map(Vec::as_slice).unwrap_or_default();
    let changes: Vec<Value> = changes.iter().filter(is_said).cloned().collect();
    if changes.is_empty() {
        return catalogue.text("change-none", &[]);
    }
    let mut lines = Vec::new();
    let mut rest = changes.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let name = text(first, "change");
        let mut together = 1;
        let mut claims = text(first, "claim");
        if name == "claim_gained" || name == "claim_lost" {
            let key = |change: &Value| ["change", "did", "service", "vct", "dangerous"].map(|name| text(change, name));
            for more in after.iter().take_while(|more| key(more) == key(first)) {
                // Writing to a String cannot fail.
                let _ignored = write!(claims, ", {}", text(more, "claim"));
                together += 1;
            }
        }
        lines.push(line(catalogue, first, &claims));
        rest = rest.get(together..).unwrap_or_default();
    }
    if changes
        .iter()
        .any(|change| change.at("dangerous") == &Value::Bool(true))
    {
        lines.push(catalogue.text("change-dangerous", &[]));
    }
    lines.join("\n")
}

fn line(catalogue: &Catalogue, change: &Value, claims: &str) -> String {
    let side = |name: &str| match change.at(name) {
        // Windows, names and the like have members.
        Value::Object(members) => {
            let texts: Vec<String> = members.values().filter(|value| !value.is_null()).map(plain).collect();
            texts.join(" – ")
        }
        _ => text(change, name),
    };
    let (before, after) = (side("before"), side("after"));
    // A claim may be many words: what a person has to compare stands whole, whatever its length.
    let named = |name: &str| text(change, name);
    let arguments = [
        ("organisation", named("organisation")),
        ("name", named("name")),
        ("number", named("number")),
        ("did", named("did")),
        ("key", named("key")),
        ("from", named("from")),
        ("until", named("until")),
        ("at", named("at")),
        ("peer", named("peer")),
        ("addresses", named("addresses")),
        ("vct", named("vct")),
        ("service", named("service")),
        ("member", named("member")),
        ("anchor", named("anchor")),
        ("class", named("class")),
        ("role", named("role")),
        ("claims", claims.to_owned()),
        ("before", before),
        ("after", after),
    ];
    let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let key = format!("change-{}", text(change, "change").replace('_', "-"));
    let mark = match change.at("dangerous") {
        Value::Bool(true) => DANGER,
        _ => PLAIN,
    };
    format!("{mark} {}", catalogue.text(&key, &arguments))
}

/// Root, list and head as they stand.
pub fn trust(catalogue: &Catalogue, shown: &Value) -> String {
    let mut lines = Vec::new();
    let (sequence, operator, next) = (
        text(shown, "sequence"),
        text(shown, "operator"),
        text(shown, "next_update"),
    );
    if !sequence.is_empty() {
        let arguments = [
            ("sequence", sequence.as_str()),
            ("operator", &operator),
            ("next", &next),
        ];
        lines.push(catalogue.text("trust-shown", &arguments));
    }
    let head = shown.at("head");
    if !head.is_null() {
        let (version, expires) = (text(head, "version"), text(head, "expires"));
        lines.push(catalogue.text("trust-shown-head", &[("version", &version), ("expires", &expires)]));
    }
    let root = shown.at("root");
    let thresholds = root.at("thresholds");
    let arguments = [
        ("version", text(root, "version")),
        ("expires", text(root, "expires")),
        ("roots", text(thresholds, "root")),
        ("lists", text(thresholds, "list")),
        ("heads", text(thresholds, "head")),
    ];
    let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
    lines.push(catalogue.text("trust-shown-root", &arguments));
    for anchor in items(root, "anchors") {
        let arguments = [
            ("id", text(anchor, "id")),
            ("name", text(anchor, "name")),
            ("class", text(anchor, "class")),
        ];
        let arguments: Vec<(&str, &str)> = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        lines.push(catalogue.text("trust-anchor", &arguments));
    }
    lines.push(catalogue.text("trust-first-root", &[]));
    lines.push(grouped(&text(shown, "first")));
    for organisation in items(shown, "organisations") {
        let [number, name, did] = ["number", "name", "did"].map(|member| text(organisation, member));
        lines.push(format!("{number}  {name}  {did}"));
        let list = |member: &str| {
            items(organisation, member)
                .iter()
                .map(plain)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (types, services) = (list("issues"), list("services"));
        if !types.is_empty() {
            lines.push(catalogue.text("trust-issues", &[("types", &types)]));
        }
        if !services.is_empty() {
            lines.push(catalogue.text("trust-services", &[("services", &services)]));
        }
    }
    lines.join("\n")
}

/// What a new bundle holds.
pub fn published(catalogue: &Catalogue, published: &Value) -> String {
    let root = text(published, "root");
    let mut lines = vec![catalogue.text("trust-published-root", &[("root", &root)])];
    if published.at("list").is_null() {
        lines.push(catalogue.text("trust-fingerprint", &[]));
        lines.push(grouped(&text(published, "fingerprint")));
        let is_missing = published.at("list_missing") == &Value::Bool(true);
        lines.push(catalogue.text(
            if is_missing {
                "trust-list-missing"
            } else {
                "trust-list-next"
            },
            &[],
        ));
        return lines.join("\n");
    }
    let (list, until) = (text(published, "list"), text(published, "head_expires"));
    lines.push(catalogue.text("trust-published-list", &[("list", &list), ("until", &until)]));
    if published.at("whole") != &Value::Bool(true) {
        let (have, needed) = (text(published, "head_signatures"), text(published, "head_needed"));
        lines.push(catalogue.text("trust-head-missing", &[("have", &have), ("needed", &needed)]));
    }
    lines.join("\n")
}

/// What was checked and held.
pub fn verified(catalogue: &Catalogue, verified: &Value) -> String {
    let [root, list, entries] = ["root", "list", "entries"].map(|name| text(verified, name));
    let newest = if list.is_empty() { "–" } else { &list };
    match text(verified, "what").as_str() {
        "history" => catalogue.text(
            "trust-verified-history",
            &[("entries", &entries), ("root", &root), ("list", newest)],
        ),
        "bundle" if list.is_empty() => catalogue.text("trust-verified-roots", &[("root", &root)]),
        "bundle" => {
            let until = text(verified, "head_expires");
            catalogue.text(
                "trust-verified-bundle",
                &[("root", &root), ("list", &list), ("until", &until)],
            )
        }
        _ if verified.at("enough") == &Value::Bool(true) => catalogue.text("trust-verified-proposal", &[]),
        _ => catalogue.text("trust-verified-unsigned", &[]),
    }
}

/// Every version that was taken, a line each.
pub fn history(catalogue: &Catalogue, entries: &Value) -> String {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let line = |entry: &Value| {
        let key = if entry.at("kind") == "root" {
            "trust-taken-root"
        } else {
            "trust-taken-list"
        };
        let [number, version, taken] = ["number", "version", "taken"].map(|name| text(entry, name));
        catalogue.text(key, &[("number", &number), ("version", &version), ("taken", &taken)])
    };
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}
