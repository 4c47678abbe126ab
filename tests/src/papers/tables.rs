//! Tables that are made from the code: messages, types, codes, limits, refusals.

use super::page;
use super::read;
use credentials::protocol::{encode, hello, issuance, presentation, status};
use credentials::schema::{CredentialType, HolderProof, Path, Types, Validity};
use credentials::{Code, Problem};
use node::network::Protocol;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// Every message that the worked exchange does not show, short, with its bytes.
pub(super) fn messages() -> String {
    let mut lines = String::from("```text\n");
    let mut add = |what: &str, bytes: Vec<u8>| {
        writeln!(lines, "{what}\n  {}\n  {}", page::diagnostic(&bytes), page::hex(&bytes))
            .expect("a text takes what is written");
    };
    fn body(message: &impl Serialize) -> Vec<u8> {
        encode(message).expect("encodes")
    }
    let problem = || Problem::new(Code::NoData, "x");
    add("/bevis/hello/1, refusal", body(&hello::Reply::Problem(problem())));
    add(
        "any protocol, refusal of the frame (kind 1)",
        body(&hello::Reply::Problem(Code::RateLimited.into())),
    );
    let begin = issuance::Ask::Begin {
        vct: "urn:bevis:CompanyRegistration:1".to_owned(),
        offer: None,
        organisation: Some("219840365".to_owned()),
    };
    add("/bevis/issue/1, a company's wallet begins", body(&begin));
    add(
        "/bevis/issue/1, refusal",
        body(&issuance::Reply::Problem(Code::NoData.into())),
    );
    let decline = presentation::Ask::Decline {
        session: "s".to_owned(),
    };
    add("/bevis/present/1, decline", body(&decline));
    add(
        "/bevis/present/1, decline taken note of",
        body(&presentation::Reply::Closed),
    );
    add(
        "/bevis/present/1, refusal",
        body(&presentation::Reply::Problem(problem())),
    );
    let chunk = status::Ask::Chunk {
        hash: "h".to_owned(),
        offset: 262_144,
    };
    add("/bevis/status/1, a later piece", body(&chunk));
    add(
        "/bevis/status/1, refusal",
        body(&status::Reply::Problem(Code::StatusMissing.into())),
    );
    lines + "```\n"
}

/// The limits of each protocol.
pub(super) fn limits() -> String {
    let mut table = String::from("| protocol | longest body, both ways (bytes) | whole exchange |\n|---|---|---|\n");
    for protocol in Protocol::ALL {
        writeln!(
            table,
            "| `{protocol}` | {} | {} s |",
            thousands(protocol.bytes_max()),
            protocol.timeout().as_secs()
        )
        .expect("a text takes what is written");
    }
    table
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The fields of every built-in type.
pub(super) fn types() -> String {
    let mut out = String::new();
    let types = Types::builtin();
    let mut all: Vec<_> = types.all().collect();
    all.sort_by_key(|credential_type| credential_type.id.clone());
    for credential_type in all {
        writeln!(
            out,
            "**{} `{}`** ({}), holder's number at `{}`, {}, {} copies × {} rows, {}.\n",
            credential_type.id,
            credential_type.vct,
            credential_type.label.en,
            credential_type.holder.number,
            proof_of(credential_type),
            credential_type.copies,
            credential_type.rows,
            validity_of(credential_type),
        )
        .expect("a text takes what is written");
        out.push_str("| path | class | form | always in a row |\n|---|---|---|---|\n");
        for field in &credential_type.fields {
            let place = at(&credential_type.schema, &field.path);
            writeln!(
                out,
                "| `{}` | {:?} | {} | {} |",
                field.path,
                field.class,
                place.as_ref().map_or_else(|| "as declared".to_owned(), |it| form(it)),
                if is_required(&credential_type.schema, &field.path) {
                    "yes"
                } else {
                    ""
                },
            )
            .expect("a text takes what is written");
        }
        out.push('\n');
    }
    out
}

fn proof_of(credential_type: &CredentialType) -> String {
    match &credential_type.holder.proof {
        HolderProof::ActivationCode => "proof: activation code".to_owned(),
        HolderProof::Credential { vct, path } => format!("proof: `{vct}` at `{path}`"),
        HolderProof::Role { vct, path, roles, .. } => {
            format!(
                "proof: role {} of the person with `{vct}` at `{path}`",
                roles.join(", ")
            )
        }
    }
}

fn validity_of(credential_type: &CredentialType) -> String {
    match credential_type.validity {
        Validity::Days(days) => format!("valid {days} days"),
        Validity::EndOfNextDay => "valid to the end of the next day".to_owned(),
        Validity::TenthOfNextMonth => "valid to the end of the 10th of the next month".to_owned(),
    }
}

/// The schema at a path, references followed.
fn at<'s>(root: &'s Value, path: &Path) -> Option<&'s Value> {
    path.0
        .iter()
        .try_fold(root, |schema, segment| {
            let schema = resolved(root, schema);
            let inner = |schema: &'s Value| match segment {
                Some(name) => schema.get("properties")?.get(name),
                None => schema.get("items"),
            };
            let alternatives = ["anyOf", "oneOf", "allOf"]
                .iter()
                .filter_map(|name| schema.get(*name)?.as_array());
            inner(schema).or_else(|| alternatives.flatten().find_map(|one| inner(resolved(root, one))))
        })
        .map(|schema| resolved(root, schema))
}

fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|target| root.pointer(target.strip_prefix('#')?))
        .unwrap_or(schema)
}

fn is_required(root: &Value, path: &Path) -> bool {
    let Some((last, above)) = path.0.split_last() else {
        return false;
    };
    let (Some(name), Some(above)) = (last, at(root, &Path(above.to_vec()))) else {
        return false;
    };
    let required = above.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
}

/// A schema in a few words.
fn form(schema: &Value) -> String {
    let word = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|name| schema.get(*name)?.as_array());
    let kind = match (schema.get("type"), alternatives) {
        (Some(Value::String(kind)), _) => kind.clone(),
        (Some(Value::Array(kinds)), _) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        (_, Some(all)) => all.iter().map(form).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    match (word("format"), schema.get("enum").and_then(Value::as_array)) {
        (Some(format), _) => format,
        (None, Some(values)) if values.len() <= 8 => values
            .iter()
            .map(|value| format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(" "),
        _ => kind,
    }
}

/// Every code with its meaning, as the source says it.
pub(super) fn codes() -> String {
    let source = read("credentials/src/problem.rs");
    let mut table = String::from("| code | meaning |\n|---|---|\n");
    let mut meaning = String::new();
    let mut count = 0;
    for line in source.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// ") {
            meaning = words.trim_end_matches('.').to_owned();
        } else if let Some((_, code)) = line.split_once(" = \"") {
            let code = code.trim_end_matches("\",");
            if Code::parse(code).is_some() {
                writeln!(table, "| `{code}` | {meaning} |").expect("a text takes what is written");
                count += 1;
            }
        }
    }
    assert_eq!(count, Code::ALL.len(), "every code has its line in the source");
    table
}

/// The codes of errors that pass by themselves, in the order of the table.
pub(super) fn passing() -> String {
    let mut lines = String::new();
    for code in Code::ALL.iter().filter(|code| code.is_passing()) {
        writeln!(lines, "- `{code}`").expect("a text takes what is written");
    }
    lines
}

/// What bad input gets, line by line.
pub(super) fn refusals() -> String {
    let mut table = String::from(
        "| bad input | code | exit | what the screen says (bokmål) | what the screen says (English) | test |\n|---|---|---|---|---|---|\n",
    );
    for (module, line) in crate::refusals::lines() {
        writeln!(
            table,
            "| {} | `{}` | {} | {} | {} | `refusals::{module}::{}` |",
            line.kind,
            line.code,
            line.exit(),
            line.sentence("nb"),
            line.sentence("en"),
            line.test,
        )
        .expect("a text takes what is written");
    }
    table
}
