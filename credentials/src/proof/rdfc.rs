//! RDF dataset canonicalization RDFC-1.0 with SHA-256 (W3C Recommendation, 21 May 2024), with bounded work.
//!
//! Graphs exist whose canonical form takes longer than anybody waits ("poison", §7.1 of the standard). Every step is
//! counted here and the count is limited, which a canonicalizer without such a counter cannot offer.

use crate::{Code, Problem};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Most statements in one dataset.
pub const QUADS_MAX: usize = 8192;

/// Most steps of the expensive part (hashing a related node, trying an order of nodes), each one or two microseconds, so
/// that a hostile graph costs a tenth of a second. The worst of the standard's own test graphs needs about 10,000.
const STEPS_MAX: usize = 50_000;

/// How many statements or names that are looked at or copied make one step.
const ITEMS_PER_STEP: usize = 32;

/// Deepest recursion from one unnamed node to the next.
const DEPTH_MAX: usize = 64;

const XSD_STRING: &str = "http://www.w3.org/2001/XMLSchema#string";

/// A node or value of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// A node with a name.
    Iri(String),
    /// A node without one; the label (without `_:`) holds in its dataset only.
    Blank(String),
    /// A value.
    Literal {
        /// Its text, unescaped.
        value: String,
        /// The IRI of its type.
        datatype: String,
        /// Its language tag, where it has one.
        language: Option<String>,
    },
}

/// A statement, in the default graph or a named one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quad {
    /// IRI or blank node.
    pub subject: Term,
    /// An IRI.
    pub predicate: String,
    /// Anything.
    pub object: Term,
    /// IRI or blank node; `None` is the default graph.
    pub graph: Option<Term>,
}

/// A canonical dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// Canonical N-Quads: sorted, each once, each with a line feed.
    pub nquads: String,
    /// The canonical label (`c14n0` …) of every blank node, by its label in the input.
    pub labels: BTreeMap<String, String>,
}

/// Canonicalizes. Errors with `too_large` for more than [`QUADS_MAX`] statements or too much work.
pub fn canonicalize(quads: &[Quad]) -> Result<Canonical, Problem> {
    if quads.len() > QUADS_MAX {
        return Err(Problem::new(Code::TooLarge, "RDF statements"));
    }
    let quads: Vec<&Quad> = quads.iter().collect::<BTreeSet<_>>().into_iter().collect();
    let labels: Vec<&str> = quads
        .iter()
        .flat_map(|quad| blanks(quad))
        .map(|(_, label)| label)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut state = State::new(&quads, &labels);
    state.name_all()?;
    let name = |label: &str| {
        state
            .node(label)
            .and_then(|node| state.canonical.name(node))
            .unwrap_or_default()
    };
    let lines: BTreeSet<String> = quads.iter().map(|quad| line(quad, &name)).collect();
    Ok(Canonical {
        nquads: lines.into_iter().collect(),
        labels: labels.iter().map(|label| ((*label).to_owned(), name(label))).collect(),
    })
}

/// Where a blank node stands in a statement, as RDFC-1.0 §4.7.3 writes it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Subject,
    Object,
    Graph,
}

/// The blank nodes of a statement with their positions.
fn blanks(quad: &Quad) -> impl Iterator<Item = (Position, &str)> {
    let terms = [
        (Position::Subject, Some(&quad.subject)),
        (Position::Object, Some(&quad.object)),
        (Position::Graph, quad.graph.as_ref()),
    ];
    terms.into_iter().filter_map(|(position, term)| match term {
        Some(Term::Blank(label)) => Some((position, label.as_str())),
        _ => None,
    })
}

/// Names given to nodes, in the order given (§4.5).
#[derive(Clone)]
struct Issuer {
    prefix: &'static str,
    order: Vec<usize>,
    numbers: BTreeMap<usize, usize>,
}

impl Issuer {
    fn new(prefix: &'static str) -> Issuer {
        Issuer {
            prefix,
            order: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    fn name(&self, node: usize) -> Option<String> {
        self.numbers.get(&node).map(|number| format!("{}{number}", self.prefix))
    }

    fn issue(&mut self, node: usize) -> String {
        let next = self.order.len();
        let number = *self.numbers.entry(node).or_insert(next);
        if number == next {
            self.order.push(node);
        }
        format!("{}{number}", self.prefix)
    }
}

/// The canonicalization state (§4.3); a node is its place among the sorted labels.
struct State<'q> {
    quads: &'q [&'q Quad],
    labels: &'q [&'q str],
    /// The statements that mention a node.
    mentions: Vec<Vec<usize>>,
    /// The first-degree hash of a node, computed once.
    first: Vec<String>,
    canonical: Issuer,
    steps: usize,
}

impl<'q> State<'q> {
    fn new(quads: &'q [&'q Quad], labels: &'q [&'q str]) -> State<'q> {
        let mut state = State {
            quads,
            labels,
            mentions: vec![Vec::new(); labels.len()],
            first: Vec::new(),
            canonical: Issuer::new("c14n"),
            steps: 0,
        };
        for (index, quad) in quads.iter().enumerate() {
            for (_, label) in blanks(quad) {
                let mentions = state.node(label).and_then(|node| state.mentions.get_mut(node));
                if let Some(mentions) = mentions
                    && mentions.last() != Some(&index)
                {
                    mentions.push(index);
                }
            }
        }
        state.first = labels
            .iter()
            .zip(&state.mentions)
            .map(|(label, mentions)| first_degree(quads, label, mentions))
            .collect();
        state
    }

    fn node(&self, label: &str) -> Option<usize> {
        self.labels.binary_search(&label).ok()
    }

    /// §4.4.3 steps 3 to 5.
    fn name_all(&mut self) -> Result<(), Problem> {
        let mut by_hash: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (node, hash) in self.first.iter().enumerate() {
            by_hash.entry(hash.clone()).or_default().push(node);
        }
        for nodes in by_hash.values() {
            if let [node] = nodes.as_slice() {
                self.canonical.issue(*node);
            }
        }
        for nodes in by_hash.into_values().filter(|nodes| nodes.len() > 1) {
            let mut paths = Vec::new();
            for node in nodes {
                if self.canonical.numbers.contains_key(&node) {
                    continue;
                }
                let mut issuer = Issuer::new("b");
                issuer.issue(node);
                paths.push(self.n_degree(node, issuer, 0)?);
            }
            paths.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (_, issuer) in paths {
                for node in issuer.order {
                    self.canonical.issue(node);
                }
            }
        }
        Ok(())
    }

    /// Counts a step that looks at or copies so many items.
    fn step(&mut self, items: usize) -> Result<(), Problem> {
        self.steps = self.steps.saturating_add(1 + items / ITEMS_PER_STEP);
        if self.steps > STEPS_MAX {
            Err(Problem::new(Code::TooLarge, "RDF blank nodes"))
        } else {
            Ok(())
        }
    }

    /// Hash N-Degree Quads, §4.8.3.
    fn n_degree(&mut self, node: usize, issuer: Issuer, depth: usize) -> Result<(String, Issuer), Problem> {
        if depth > DEPTH_MAX {
            return Err(Problem::new(Code::TooLarge, "RDF blank nodes"));
        }
        let mut issuer = issuer;
        let mut related: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let quads = self.quads;
        let mentions = self.mentions.get(node).cloned().unwrap_or_default();
        self.step(mentions.len() + issuer.order.len())?;
        for index in mentions {
            let Some(quad) = quads.get(index) else { continue };
            for (position, label) in blanks(quad) {
                let Some(other) = self.node(label).filter(|other| *other != node) else {
                    continue;
                };
                self.step(0)?;
                let hash = self.related_hash(other, quad, &issuer, position);
                related.entry(hash).or_default().push(other);
            }
        }
        let mut data = String::new();
        for (hash, mut nodes) in related {
            data.push_str(&hash);
            // Equal neighbours in the list make equal permutations; starting sorted, each is tried once.
            nodes.sort_unstable();
            let mut chosen: Option<(String, Issuer)> = None;
            loop {
                let best = chosen.as_ref().map(|(path, _)| path.as_str());
                if let Some(found) = self.path(&nodes, &issuer, best, depth)? {
                    chosen = Some(found);
                }
                if !next_permutation(&mut nodes) {
                    break;
                }
            }
            if let Some((path, next)) = chosen {
                data.push_str(&path);
                issuer = next;
            }
        }
        Ok((hash(&data), issuer))
    }

    /// The path through related nodes in one order (§4.8.3 step 5.4), or `None` where it is not less than the best so far.
    fn path(
        &mut self,
        nodes: &[usize],
        issuer: &Issuer,
        best: Option<&str>,
        depth: usize,
    ) -> Result<Option<(String, Issuer)>, Problem> {
        let is_worse = |path: &str| best.is_some_and(|best| path.len() >= best.len() && path > best);
        self.step(issuer.order.len())?;
        let mut issuer = issuer.clone();
        let mut path = String::new();
        let mut recursion = Vec::new();
        for node in nodes {
            self.step(0)?;
            let name = self.canonical.name(*node).unwrap_or_else(|| {
                if !issuer.numbers.contains_key(node) {
                    recursion.push(*node);
                }
                issuer.issue(*node)
            });
            path.push_str("_:");
            path.push_str(&name);
            if is_worse(&path) {
                return Ok(None);
            }
        }
        for node in recursion {
            let (hash, next) = self.n_degree(node, issuer.clone(), depth + 1)?;
            path.push_str(&format!("_:{}<{hash}>", issuer.issue(node)));
            issuer = next;
            if is_worse(&path) {
                return Ok(None);
            }
        }
        Ok(best.is_none_or(|best| path.as_str() < best).then_some((path, issuer)))
    }

    /// Hash Related Blank Node, §4.7.3.
    fn related_hash(&self, node: usize, quad: &Quad, issuer: &Issuer, position: Position) -> String {
        let mut input = match position {
            Position::Subject => format!("s<{}>", quad.predicate),
            Position::Object => format!("o<{}>", quad.predicate),
            Position::Graph => "g".to_owned(),
        };
        match self.canonical.name(node).or_else(|| issuer.name(node)) {
            Some(name) => {
                input.push_str("_:");
                input.push_str(&name);
            }
            None => input.push_str(self.first.get(node).map(String::as_str).unwrap_or_default()),
        }
        hash(&input)
    }
}

/// Hash First Degree Quads, §4.6.3.
fn first_degree(quads: &[&Quad], label: &str, mentions: &[usize]) -> String {
    let name = |other: &str| if other == label { "a" } else { "z" }.to_owned();
    let mut lines: Vec<String> = mentions
        .iter()
        .filter_map(|index| quads.get(*index))
        .map(|quad| line(quad, &name))
        .collect();
    lines.sort_unstable();
    hash(&lines.concat())
}

/// SHA-256 in lower-case hexadecimal.
fn hash(data: &str) -> String {
    Sha256::digest(data.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The next order of a list, counted lexicographically from sorted; false after the last.
fn next_permutation(items: &mut [usize]) -> bool {
    let Some(pivot) = items.windows(2).rposition(|pair| matches!(pair, [a, b] if a < b)) else {
        return false;
    };
    let Some(last) = items
        .get(pivot)
        .and_then(|low| items.iter().rposition(|item| item > low))
    else {
        return false;
    };
    items.swap(pivot, last);
    if let Some(tail) = items.get_mut(pivot + 1..) {
        tail.reverse();
    }
    true
}

/// One line of canonical N-Quads (RDFC-1.0 §5), blank nodes by the names given.
fn line(quad: &Quad, name: &impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    write_term(&quad.subject, name, &mut out);
    out.push_str(" <");
    out.push_str(&quad.predicate);
    out.push_str("> ");
    write_term(&quad.object, name, &mut out);
    out.push(' ');
    if let Some(graph) = &quad.graph {
        write_term(graph, name, &mut out);
        out.push(' ');
    }
    out.push_str(".\n");
    out
}

fn write_term(term: &Term, name: &impl Fn(&str) -> String, out: &mut String) {
    match term {
        Term::Iri(iri) => out.extend(["<", iri, ">"]),
        Term::Blank(label) => out.extend(["_:", &name(label)]),
        Term::Literal {
            value,
            datatype,
            language,
        } => {
            out.push('"');
            for char in value.chars() {
                match char {
                    '\u{8}' => out.push_str("\\b"),
                    '\t' => out.push_str("\\t"),
                    '\n' => out.push_str("\\n"),
                    '\u{c}' => out.push_str("\\f"),
                    '\r' => out.push_str("\\r"),
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\u{:04X}", u32::from(char))),
                    _ => out.push(char),
                }
            }
            out.push('"');
            match language {
                Some(language) => out.extend(["@", language]),
                None if datatype != XSD_STRING => out.extend(["^^<", datatype, ">"]),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
