//! The RDF statements that a JSON-LD document means. The one file that names `ssi`: expansion and the contexts that come with it.
//!
//! A signature over statements covers nothing that makes no statement, and JSON-LD drops much in silence. What would be
//! dropped is refused here, so that a verified document says no more than was signed. Contexts are named, never given in
//! the document: the text of a context is not under the signature (W3C Data Integrity §2.4.1). Nothing is fetched.

use super::rdfc::{Quad, Term};
use crate::canonical::{canonicalize, significant_digits};
use crate::json::has_float;
use crate::{Code, Problem};
use serde_json::Value;
use ssi::json_ld::rdf_types::{self, Id, LiteralType};
use ssi::json_ld::syntax::{Parse as _, Value as LdValue};
use ssi::json_ld::{CompactJsonLd, Expandable as _, ExpandedDocument, StaticLoader, object};
use ssi::rdf::{AnyLdEnvironment as _, LdEnvironment};
use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Longest document in canonical JSON, in bytes. A usual credential expands in a millisecond; a hostile document of this size
/// (a thousand nodes, each with contexts of its own) takes a fifth of a second.
pub const DOCUMENT_MAX: usize = 64 * 1024;

/// Most names of contexts in one document, inner documents included: each is processed anew.
pub const CONTEXTS_MAX: usize = 16;

/// The contexts that are built in. Others that `ssi` bundles define hundreds of terms that nobody here uses.
pub const CONTEXTS: [&str; 8] = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/2018/credentials/v1",
    "https://www.w3.org/ns/credentials/examples/v2",
    "https://www.w3.org/2018/credentials/examples/v1",
    "https://w3id.org/security/data-integrity/v1",
    "https://w3id.org/security/data-integrity/v2",
    "https://w3id.org/security/multikey/v1",
    "https://www.w3.org/ns/did/v1",
];

/// JSON-LD keywords that are read. `@index`, `@direction` and others change no statement.
const KEYWORDS: [&str; 7] = ["@context", "@id", "@type", "@value", "@language", "@list", "@set"];

/// Largest number that JSON-LD and our expansion both write as an integer.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// Digits that every implementation prints alike in an `xsd:double`.
const DIGITS_MAX: usize = 15;

/// The statements of a document.
///
/// Errors: `unsupported` for a context that is not built in or a keyword that is not read; `malformed` for a term that no
/// context defines, an identifier that is no IRI, and whatever would be dropped (null, an empty or nested array, the same
/// value twice in an array, a number beyond 15 digits); `too_large` beyond [`DOCUMENT_MAX`] or [`CONTEXTS_MAX`].
pub fn of(document: &Value) -> Result<Vec<Quad>, Problem> {
    let mut contexts = 0;
    check(document, &mut contexts)?;
    let text = String::from_utf8(canonicalize(document)?).map_err(|_| Code::Internal)?;
    if text.len() > DOCUMENT_MAX {
        return Err(Code::TooLarge.into());
    }
    let (json, _) = LdValue::parse_str(&text).map_err(|_| Code::Malformed)?;
    let document = CompactJsonLd(json);
    let mut environment = LdEnvironment::default();
    let expanded = {
        let mut future = pin!(document.expand_with(&mut environment, &StaticLoader));
        // Contexts are in memory, so that the first poll always finishes.
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(expanded) => expanded.map_err(|_| Problem::new(Code::Malformed, "JSON-LD term"))?,
            Poll::Pending => return Err(Code::Internal.into()),
        }
    };
    if !is_complete(&expanded) {
        return Err(Problem::new(Code::Malformed, "JSON-LD identifier"));
    }
    let quads = environment
        .quads_of(&expanded)
        .map_err(|_| Problem::new(Code::Malformed, "RDF"))?;
    Ok(quads.into_iter().map(quad).collect())
}

fn check(value: &Value, contexts: &mut usize) -> Result<(), Problem> {
    let refuse = |what: &str| Err(Problem::new(Code::Malformed, what));
    match value {
        Value::Null => refuse("null in JSON-LD"),
        Value::Number(number) => {
            let is_small = number.as_f64().is_some_and(|double| double.abs() <= INTEGER_MAX);
            let is_plain =
                !has_float(value) || significant_digits(&number.to_string()).is_some_and(|digits| digits <= DIGITS_MAX);
            if is_small && is_plain {
                Ok(())
            } else {
                refuse("number in JSON-LD")
            }
        }
        Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Array(items) => {
            let scalars: Vec<String> = items
                .iter()
                .filter(|item| !item.is_object())
                .map(Value::to_string)
                .collect();
            let is_set = scalars.iter().collect::<BTreeSet<_>>().len() == scalars.len();
            if items.is_empty() || items.iter().any(Value::is_array) || !is_set {
                return refuse("array in JSON-LD");
            }
            items.iter().try_for_each(|item| check(item, contexts))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.starts_with('@') && !KEYWORDS.contains(&name.as_str()) {
                return Err(Problem::new(Code::Unsupported, "JSON-LD keyword"));
            }
            if name == "@context" {
                check_context(value, contexts)
            } else {
                check(value, contexts)
            }
        }),
    }
}

fn check_context(context: &Value, contexts: &mut usize) -> Result<(), Problem> {
    let names = match context {
        Value::Array(names) => names.as_slice(),
        single => std::slice::from_ref(single),
    };
    *contexts = contexts.saturating_add(names.len());
    if *contexts > CONTEXTS_MAX {
        return Err(Problem::new(Code::TooLarge, "@context"));
    }
    let is_known = |name: &Value| name.as_str().is_some_and(|name| CONTEXTS.contains(&name));
    if names.iter().all(is_known) {
        Ok(())
    } else {
        Err(Problem::new(Code::Unsupported, "@context"))
    }
}

/// Whether every identifier and every language tag of the expanded document can stand in RDF; those that cannot would be
/// left out or replaced by a blank node.
fn is_complete(expanded: &ExpandedDocument) -> bool {
    use object::FragmentRef;
    expanded.traverse().all(|fragment| {
        let is_tagged = |object: &object::Object| match object {
            object::Object::Value(object::Value::LangString(text)) => {
                text.language().is_none_or(|tag| tag.as_well_formed().is_some())
            }
            _ => true,
        };
        let is_valid = match &fragment {
            FragmentRef::Object(object) => is_tagged(object),
            FragmentRef::IndexedObject(object) => object.index().is_none() && is_tagged(object.inner()),
            _ => true,
        };
        is_valid && !matches!(fragment.into_id(), Some(ssi::json_ld::Id::Invalid(_)))
    })
}

fn quad(quad: rdf_types::LexicalQuad) -> Quad {
    let rdf_types::Quad(subject, predicate, object, graph) = quad;
    Quad {
        subject: node(subject),
        predicate: predicate.into_string(),
        object: match object {
            rdf_types::Term::Id(id) => node(id),
            rdf_types::Term::Literal(literal) => {
                let (datatype, language) = match literal.type_ {
                    LiteralType::Any(datatype) => (datatype.into_string(), None),
                    LiteralType::LangString(tag) => (
                        "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString".to_owned(),
                        Some(tag.to_string()),
                    ),
                };
                Term::Literal {
                    value: literal.value,
                    datatype,
                    language,
                }
            }
        },
        graph: graph.map(node),
    }
}

fn node(id: Id) -> Term {
    match id {
        Id::Iri(iri) => Term::Iri(iri.into_string()),
        Id::Blank(blank) => Term::Blank(blank.suffix().to_owned()),
    }
}

#[cfg(test)]
mod tests;
