//! What a person reads before deciding: who asks for what and why, each claim with its value, what is held back, how long
//! it is kept. The text is a pure function of the request, what would be shared, and the language; its hash goes into the decision.

use crate::disclosure::{Leaf, leaves};
use crate::grant::{Review, Standing};
use crate::selection::Lack;
use crate::tables::Kind;
use crate::text::{Catalogue, plain};
use credentials::Did;
use credentials::grant::Kind as GrantKind;
use credentials::request::OpenedRequest;
use credentials::schema::{Class, CredentialType, Path};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// The member under which a type keeps answers that are signed beside the data they are derived from (domain C02).
const DERIVED: &str = "derived";

/// The key of a line that is empty.
const EMPTY: &str = "";

/// One credential of the answer, as it would leave.
pub(crate) struct Part {
    pub(crate) credential_type: Arc<CredentialType>,
    pub(crate) issuer_name: String,
    /// All its claims.
    pub(crate) held: Value,
    /// What would be shown.
    pub(crate) shown: Value,
}

/// One credential of the request that cannot be answered.
pub(crate) struct Gap {
    pub(crate) credential_type: Arc<CredentialType>,
    pub(crate) lack: Lack,
    pub(crate) asked: Vec<Path>,
    /// The listed issuers of the type, and their names.
    pub(crate) issuers: Vec<(Did, String)>,
}

/// What is being collected, when the request is an issuer's.
pub(crate) struct Collecting {
    pub(crate) credential_type: Arc<CredentialType>,
    /// Number of the company whose wallet is opened or filled.
    pub(crate) organisation: Option<String>,
    /// The words that both screens show.
    pub(crate) words: Option<String>,
}

/// Everything the text is made of.
pub(crate) struct Consent<'a> {
    pub(crate) kind: Kind,
    pub(crate) opened: &'a OpenedRequest,
    /// Who keeps the trust list.
    pub(crate) operator: &'a str,
    pub(crate) collecting: Option<&'a Collecting>,
    /// When a standing grant is asked for; `parts` are shown to its issuer then.
    pub(crate) standing: Option<&'a Standing>,
    /// When what was granted is looked at or ended.
    pub(crate) review: Option<&'a Review>,
    pub(crate) parts: &'a [&'a Part],
    pub(crate) gaps: &'a [Gap],
    /// Names of those who can write to this wallet after a yes.
    pub(crate) writers: &'a [String],
}

/// A line of what a person reads before deciding. All of them, each behind the indentation of its level, are the text whose hash is
/// signed (`text_of`): whoever sets them on a page leaves none out and adds nothing between them.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it says: the key of its text; empty for a line that is empty.
    pub key: &'static str,
    /// How deep it stands below the lines before it.
    pub level: usize,
    /// The line itself.
    pub text: String,
}
// Holds claims: only what it says is printed.
impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.key)
    }
}

/// The text that lines make: two spaces for each level, a line break after each line.
pub(crate) fn text_of(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        out.extend(std::iter::repeat_n("  ", line.level));
        out.push_str(&line.text);
        out.push('\n');
    }
    out
}

impl Consent<'_> {
    /// The text, line by line.
    pub(crate) fn lines(&self, texts: &Catalogue) -> Vec<Line> {
        let mut page = Page {
            texts,
            lines: Vec::new(),
            level: 0,
        };
        self.who_and_why(&mut page);
        self.granted(&mut page);
        self.reviewed(&mut page);
        if self.gaps.is_empty() {
            self.shared(&mut page);
        } else {
            self.unanswerable(&mut page);
        }
        self.terms(&mut page);
        page.lines
    }

    fn asker(&self) -> &str {
        &self.opened.asker.name
    }

    fn who_and_why(&self, page: &mut Page<'_>) {
        let language = page.texts.language();
        let registration = &self.opened.registration;
        let name = [("name", self.asker())];
        match self.kind {
            Kind::Present => page.line("title-present", &name),
            Kind::Identify => page.line("title-identify", &name),
            Kind::Authorise => page.line("title-authorise", &name),
            Kind::Grant => page.line("title-grant", &name),
            Kind::Review => page.line("title-review", &name),
        }
        page.gap();
        page.line(
            "asker",
            &[("name", self.asker()), ("number", &self.opened.asker.number)],
        );
        page.line("vouched", &[("name", self.asker()), ("operator", self.operator)]);
        page.line("service", &[("service", registration.name.get(language))]);
        page.line("purpose", &[("purpose", registration.purpose.text.get(language))]);
        page.line("ground", &[("ground", registration.ground.text.get(language))]);
        if let Some(text) = &registration.consent_text {
            // Filled in a single pass, so that a name cannot bring places of its own.
            let text = text.get(language).split("{asker}").collect::<Vec<_>>();
            page.line("source-text", &[("text", &text.join(self.asker()))]);
        }
        match &registration.privacy {
            Some(link) => page.line("privacy", &[("link", link)]),
            None => page.line("privacy-missing", &name),
        }
        if let Some(collecting) = self.collecting {
            page.gap();
            let label = collecting.credential_type.label.get(language);
            let what = [("type", label), ("name", self.asker())];
            match self.kind {
                Kind::Authorise => page.line("collect-company", &what),
                Kind::Present | Kind::Identify | Kind::Grant | Kind::Review => page.line("collect", &what),
            }
            match &collecting.organisation {
                Some(number) => page.line("collect-for", &[("organisation", number)]),
                None => page.line("collect-for-you", &[]),
            }
            if let Some(words) = &collecting.words {
                page.line("words", &[("words", words)]);
                page.line("words-compare", &[]);
            }
        }
    }

    /// What is granted, until when, how often, and that it can be taken back.
    fn granted(&self, page: &mut Page<'_>) {
        let (Some(standing), Some(asked)) = (self.standing, &self.opened.request.grant) else {
            return;
        };
        let Some(terms) = &self.opened.registration.grant else {
            return;
        };
        let language = page.texts.language();
        let (asker, source) = (self.asker(), standing.identification.asker.name.as_str());
        let queries = &self.opened.request.query.credentials;
        let claims = queries.iter().flat_map(|asked| &asked.claims).map(|claim| &claim.path);
        let (sensitive, ordinary): (Vec<&Path>, Vec<&Path>) =
            claims.partition(|path| standing.credential_type.may_be_sensitive(path));
        let title = standing.credential_type.label.get(language);
        page.gap();
        page.line("grant-title", &[("name", asker), ("issuer", source)]);
        for (paths, is_apart) in [(&ordinary, false), (&sensitive, true)] {
            let mut labels: Vec<String> = Vec::new();
            for path in paths {
                let label = standing.credential_type.label(path, language);
                if !labels.contains(&label) {
                    labels.push(label);
                }
            }
            if labels.is_empty() {
                continue;
            }
            if is_apart {
                page.gap();
                page.line("grant-sensitive", &[("name", asker)]);
            }
            page.level = 1;
            page.line(
                "grant-claims",
                &[("type", title), ("labels", &list(&labels, page.texts))],
            );
        }
        if !sensitive.is_empty() {
            page.line("grant-sensitive-yes", &[]);
            page.gap();
        }
        let uses = asked.uses_per_day.to_string();
        page.line("grant-uses", &[("name", asker), ("count", &uses)]);
        let until = page.texts.moment(asked.until);
        page.line("grant-until", &[("time", &until)]);
        match terms.kind {
            GrantKind::Login => page.line("grant-login", &[("name", asker)]),
            GrantKind::Case => page.line("grant-case", &[("name", asker)]),
            GrantKind::Business => page.line("grant-business", &[("name", asker)]),
        }
        match terms.keeps_after_end {
            true => page.line("grant-keeps", &[("name", asker)]),
            false => page.line("grant-erases", &[("name", asker)]),
        }
        page.line("grant-told", &[("issuer", source)]);
        page.line("grant-withdraw", &[]);
    }

    /// What is looked at, and what is taken back.
    fn reviewed(&self, page: &mut Page<'_>) {
        let Some(review) = self.review else { return };
        let label = review.credential_type.label.get(page.texts.language());
        page.gap();
        page.line("review-see", &[("name", self.asker()), ("type", label)]);
        for (asker, until) in &review.ends {
            let until = page.texts.moment(*until);
            page.line("review-end", &[("asker", asker), ("time", &until)]);
        }
        if !review.ends.is_empty() {
            page.line("review-told", &[("name", self.asker())]);
        }
    }

    fn shared(&self, page: &mut Page<'_>) {
        let language = page.texts.language();
        page.gap();
        match self.standing {
            Some(standing) => page.line("grant-shows", &[("issuer", &standing.identification.asker.name)]),
            None => page.line("share-title", &[]),
        }
        for part in self.parts {
            page.credential(part);
            page.claims(part, Manner::Shared);
        }
        let is_some = |wanted: Manner| self.parts.iter().any(|part| part.has(wanted));
        if is_some(Manner::Learned) {
            page.gap();
            page.line("learned-title", &[("name", self.asker())]);
            page.apart(self.parts, Manner::Learned);
            let rungs = self.parts.iter().filter(|part| part.has_rung());
            for part in rungs {
                let label = part.credential_type.label.get(language);
                page.line("at-least", &[("name", self.asker()), ("type", label)]);
            }
        }
        if is_some(Manner::Sensitive) {
            page.gap();
            page.line("sensitive-title", &[]);
            page.apart(self.parts, Manner::Sensitive);
        }
        page.gap();
        let mut labels: Vec<String> = Vec::new();
        for part in self.parts {
            for label in part.withheld(language) {
                if !labels.contains(&label) {
                    labels.push(label);
                }
            }
        }
        if labels.is_empty() {
            page.line("withheld-none", &[]);
        } else {
            let labels = list(&labels, page.texts);
            page.line("withheld", &[("labels", &labels)]);
        }
    }

    fn unanswerable(&self, page: &mut Page<'_>) {
        let language = page.texts.language();
        page.gap();
        page.line("cannot-title", &[]);
        for gap in self.gaps {
            let label = gap.credential_type.label.get(language);
            let key = match gap.lack {
                Lack::Missing => "lack-missing",
                Lack::Unfitting => "lack-unfitting",
                Lack::Expired => "lack-expired",
                Lack::NotYetValid => "lack-not-yet-valid",
                Lack::Superseded => "lack-superseded",
                Lack::Revoked => "lack-revoked",
                Lack::Suspended => "lack-suspended",
                Lack::Spent => "lack-spent",
                Lack::Void => "lack-void",
                Lack::OtherPerson => "lack-other-person",
            };
            page.line(key, &[("type", label)]);
            if matches!(gap.lack, Lack::Spent | Lack::Void) {
                page.line("spent-means", &[]);
            }
            let mut labels: Vec<String> = Vec::new();
            for path in &gap.asked {
                let label = gap.credential_type.label(path, language);
                if !labels.contains(&label) {
                    labels.push(label);
                }
            }
            page.line("asked", &[("labels", &list(&labels, page.texts))]);
            if gap.issuers.is_empty() {
                page.line("source-none", &[]);
            } else {
                let names: Vec<String> = gap.issuers.iter().map(|(_, name)| name.clone()).collect();
                page.line("source-of", &[("issuers", &list(&names, page.texts))]);
            }
        }
    }

    fn terms(&self, page: &mut Page<'_>) {
        let language = page.texts.language();
        let registration = &self.opened.registration;
        let name = self.asker();
        page.gap();
        if self.standing.is_none() {
            page.line("once", &[("name", name)]);
        }
        let ground = registration.keep_ground.text.get(language);
        let keep_seconds = self.opened.request.stated.keep_seconds;
        if keep_seconds <= 0 {
            page.line("keep-none", &[("name", name)]);
        } else {
            let time = duration(keep_seconds, page.texts);
            page.line("keep", &[("name", name), ("time", &time)]);
        }
        page.line("keep-ground", &[("ground", ground)]);
        if !self.writers.is_empty() && self.gaps.is_empty() {
            page.line("writers", &[("names", &list(self.writers, page.texts))]);
        }
        page.line("case", &[("case", &self.opened.request.case)]);
        let expires = page.texts.moment(self.opened.request.expires);
        page.line("expires", &[("time", &expires)]);
        match self.kind {
            Kind::Present | Kind::Grant => page.line("refuse", &[("name", name)]),
            Kind::Identify | Kind::Authorise => page.line("refuse-collecting", &[("name", name)]),
            Kind::Review => page.line("refuse-review", &[("name", name)]),
        }
    }
}

/// How a claim is set on the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Among the others.
    Shared,
    /// As an answer that is learned instead of what it is derived from.
    Learned,
    /// Apart, as a special category.
    Sensitive,
}

impl Part {
    fn has(&self, wanted: Manner) -> bool {
        self.leaves().iter().any(|(_, manner)| *manner == wanted)
    }

    /// Whether an answer "at least so much" is shown, and not how much.
    fn has_rung(&self) -> bool {
        let leaves = leaves(&self.shown, &self.credential_type);
        leaves
            .iter()
            .any(|leaf| self.credential_type.ladder(&leaf.path).is_some())
    }

    /// What is shown, and how each claim of it is set.
    fn leaves(&self) -> Vec<(Leaf<'_>, Manner)> {
        let leaves = leaves(&self.shown, &self.credential_type);
        let is_sensitive = |leaf: &Leaf<'_>| self.credential_type.is_sensitive(&leaf.path, leaf.value);
        // A value that is telling by itself makes what stands beside it in the same list element sensitive too.
        let telling: Vec<_> = leaves
            .iter()
            .filter(|leaf| is_sensitive(leaf))
            .filter_map(|leaf| elements(leaf).pop())
            .collect();
        leaves
            .into_iter()
            .map(|leaf| {
                let manner = if is_sensitive(&leaf) || elements(&leaf).iter().any(|element| telling.contains(element)) {
                    Manner::Sensitive
                } else if self.credential_type.class(&leaf.path) == Class::D || Path::of(&[DERIVED]).covers(&leaf.path)
                {
                    Manner::Learned
                } else {
                    Manner::Shared
                };
                (leaf, manner)
            })
            .collect()
    }

    /// Labels of what is held and not shown, in the order of the type's fields. Where nothing of a group is shown, the group is named
    /// and not each field in it.
    fn withheld(&self, language: &str) -> Vec<String> {
        let fields = &self.credential_type.fields;
        let paths = |claims| -> Vec<Path> {
            let leaves = leaves(claims, &self.credential_type);
            leaves.into_iter().map(|leaf| leaf.path).collect()
        };
        let shown = paths(&self.shown);
        let mut groups: Vec<(usize, String)> = Vec::new();
        for path in paths(&self.held) {
            if shown.contains(&path) {
                continue;
            }
            let group = fields
                .iter()
                .enumerate()
                .filter(|(_, field)| field.path.covers(&path))
                .filter(|(_, field)| !shown.iter().any(|shown| field.path.covers(shown)))
                .min_by_key(|(_, field)| field.path.0.len());
            let group = match group {
                Some((order, field)) => (order, field.label.get(language).to_owned()),
                None => (usize::MAX, self.credential_type.label(&path, language)),
            };
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups.sort_by_key(|(order, _)| *order);
        groups.into_iter().map(|(_, label)| label).collect()
    }
}

/// The text as it grows.
struct Page<'a> {
    texts: &'a Catalogue,
    lines: Vec<Line>,
    /// Of the next line; those after it stand at none again.
    level: usize,
}

impl Page<'_> {
    fn line(&mut self, key: &'static str, values: &[(&str, &str)]) {
        self.lines.push(Line {
            key,
            level: std::mem::take(&mut self.level),
            text: self.texts.fill(key, values),
        });
    }

    fn gap(&mut self) {
        self.lines.push(Line {
            key: EMPTY,
            level: 0,
            text: String::new(),
        });
    }

    fn credential(&mut self, part: &Part) {
        let label = part.credential_type.label.get(self.texts.language());
        self.level = 1;
        self.line("credential", &[("type", label), ("issuer", &part.issuer_name)]);
    }

    /// The credentials that have claims of a manner, and these claims.
    fn apart(&mut self, parts: &[&Part], wanted: Manner) {
        for part in parts.iter().filter(|part| part.has(wanted)) {
            self.credential(part);
            self.claims(part, wanted);
        }
    }

    /// The claims of a manner. Elements of a list are numbered where there are
    /// several, so that it is seen which values belong together.
    fn claims(&mut self, part: &Part, wanted: Manner) {
        let language = self.texts.language();
        let mut above: Vec<(Path, Vec<usize>)> = Vec::new();
        for (leaf, manner) in part.leaves() {
            if manner != wanted {
                continue;
            }
            // `a[0].b[1].c` stands under the numbered headings of `a[0]` and `a[0].b[1]`.
            let headings = elements(&leaf);
            let common = headings
                .iter()
                .zip(&above)
                .take_while(|(heading, above)| heading == above)
                .count();
            for (level, (path, numbers)) in headings.iter().enumerate().skip(common) {
                let label = part.credential_type.label(path, language);
                let number = numbers.last().map_or(1, |number| number.saturating_add(1));
                self.level = level.saturating_add(2);
                self.line("element", &[("label", &label), ("number", &number.to_string())]);
            }
            let label = part.credential_type.label(&leaf.path, language);
            self.level = headings.len().saturating_add(2);
            let value = self.value(leaf.value);
            self.line("claim", &[("label", &label), ("value", &value)]);
            above = headings;
        }
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Bool(true) => self.texts.get("yes").to_owned(),
            Value::Bool(false) => self.texts.get("no").to_owned(),
            Value::String(text) if text.is_empty() => self.texts.get("empty").to_owned(),
            Value::String(text) => plain(text),
            Value::Null => self.texts.get("empty").to_owned(),
            other => other.to_string(),
        }
    }
}

/// The list elements above a leaf: path of the list, and the elements' numbers down to it. A leaf that is itself an
/// element (`adresse[0]`) has no heading of its own.
fn elements(leaf: &Leaf<'_>) -> Vec<(Path, Vec<usize>)> {
    let lists = leaf
        .path
        .0
        .iter()
        .enumerate()
        .filter(|(_, segment)| segment.is_none())
        .map(|(index, _)| index);
    lists
        .enumerate()
        .filter(|(_, index)| index.saturating_add(1) < leaf.path.0.len())
        .map(|(level, index)| {
            (
                Path(leaf.path.0.iter().take(index).cloned().collect()),
                leaf.numbers.iter().take(level.saturating_add(1)).copied().collect(),
            )
        })
        .collect()
}

/// `a, b og c`.
fn list(items: &[String], texts: &Catalogue) -> String {
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {} {last}", others.join(", "), texts.get("and")),
    }
}

/// A span as people say it: whole years, else whole days, else hours, rounded up so that no shorter time is promised than is registered.
fn duration(seconds: i64, texts: &Catalogue) -> String {
    let days = seconds / credentials::time::DAY;
    let whole = seconds % credentials::time::DAY == 0;
    let (count, one, many) = if whole && days >= 365 && days % 365 < 3 {
        (days / 365, texts.get("year"), texts.get("years"))
    } else if whole {
        (days, texts.get("day"), texts.get("days"))
    } else {
        let hours = seconds.saturating_add(3_599) / 3_600;
        (hours, texts.get("hour"), texts.get("hours"))
    };
    format!("{count} {}", if count == 1 { one } else { many })
}
