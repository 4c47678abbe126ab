//! Readers of what the published suites are written in: N-Quads (W3C RDF 1.1) and base58.

use credentials::proof::rdfc::{Quad, Term};

/// Parses N-Quads; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<Vec<Quad>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(quad).collect()
}

fn quad(line: &str) -> Option<Quad> {
    let mut rest = line;
    let subject = term(&mut rest)?;
    let Term::Iri(predicate) = term(&mut rest)? else {
        return None;
    };
    let object = term(&mut rest)?;
    let graph = if rest.trim_start().starts_with('.') {
        None
    } else {
        Some(term(&mut rest)?)
    };
    rest.trim_start().starts_with('.').then_some(Quad {
        subject,
        predicate,
        object,
        graph,
    })
}

fn term(rest: &mut &str) -> Option<Term> {
    let text = rest.trim_start();
    if let Some(text) = text.strip_prefix("_:") {
        let end = text
            .find(|char: char| char.is_whitespace() || char == '<')
            .unwrap_or(text.len());
        let (label, after) = text.split_at(end);
        *rest = after;
        return Some(Term::Blank(label.to_owned()));
    }
    if text.starts_with('<') {
        *rest = text;
        return iri(rest).map(Term::Iri);
    }
    let text = text.strip_prefix('"')?;
    let end = closing_quote(text)?;
    let value = unescape(&text[..end])?;
    let after = &text[end + 1..];
    if let Some(tagged) = after.strip_prefix('@') {
        let end = tagged
            .find(|char: char| !char.is_ascii_alphanumeric() && char != '-')
            .unwrap_or(tagged.len());
        *rest = &tagged[end..];
        let datatype = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString".to_owned();
        return Some(Term::Literal {
            value,
            datatype,
            language: Some(tagged[..end].to_owned()),
        });
    }
    let datatype = match after.strip_prefix("^^") {
        Some(typed) => {
            *rest = typed;
            iri(rest)?
        }
        None => {
            *rest = after;
            "http://www.w3.org/2001/XMLSchema#string".to_owned()
        }
    };
    Some(Term::Literal {
        value,
        datatype,
        language: None,
    })
}

fn iri(rest: &mut &str) -> Option<String> {
    let (iri, after) = rest.strip_prefix('<')?.split_once('>')?;
    *rest = after;
    unescape(iri)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, char)| {
        let closes = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        out.push(match chars.next()? {
            't' => '\t',
            'b' => '\u{8}',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            plain @ ('"' | '\'' | '\\') => plain,
            kind @ ('u' | 'U') => {
                let digits: String = chars.by_ref().take(if kind == 'u' { 4 } else { 8 }).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            _ => return None,
        });
    }
    Some(out)
}

/// Base58 in Bitcoin's alphabet, of texts that do not begin with `1`.
pub(super) fn base58(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes: Vec<u8> = Vec::new();
    for char in text.chars() {
        let mut carry = ALPHABET.find(char).expect("base58");
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.insert(0, carry as u8);
        }
    }
    bytes
}
