//! `bevis verifier`: ask a customer, watch for the verdict, check a text.

use super::session::{Session, read_input};
use crate::args::Verifier;
use crate::clock::Stopwatch;
use crate::error::{Failure, exit};
use crate::output::At;
use crate::service::Command;
use credentials::schema::Path;
use credentials::{Code, Problem};
use serde_json::{Value, json};

/// Largest text to check, in bytes.
const CHECK_MAX: u64 = 256 * 1024;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, verifier: Verifier) -> Result<u8, Failure> {
    match verifier {
        Verifier::Request {
            ref subject, ref case, ..
        } if subject != "-" && !is_number(subject) || case.trim().is_empty() => {
            let what = if case.trim().is_empty() { "--case" } else { "--subject" };
            Err(Problem::new(Code::Usage, what).into())
        }
        Verifier::Request {
            service,
            case,
            subject,
            types,
            claims,
            seconds,
            qr,
            pair,
            mailbox,
        } => {
            let subject = session.or_stdin(subject)?;
            let claims = claims.iter().map(|text| path(text)).collect();
            let command = Command::VerifierRequest {
                service,
                case,
                subject,
                types,
                claims,
                valid_seconds: seconds,
                pair,
                by_mailbox: mailbox,
            };
            let asked = session.execute(command).await?;
            if session.output.json {
                session.output.object(&asked);
                return Ok(0);
            }
            let link = asked.at("link").as_str().unwrap_or_default();
            session.output.data(link);
            if qr {
                session.output.talk(&code(link)?);
            }
            let id = asked.at("session").as_str().unwrap_or_default();
            let key = if mailbox { "verifier-posted" } else { "verifier-asked" };
            session.output.say(key, &[("session", id)]);
            Ok(0)
        }
        Verifier::Customers(customers) => super::notice::customers(session, customers).await,
        Verifier::Notices(received) => super::notice::received(session, received).await,
        Verifier::Webhook(webhook) => super::api::webhook(session, webhook).await,
        Verifier::Grants(grants) => super::grants::asker(session, grants).await,
        Verifier::Receipt { name, grant } => {
            super::grants::receipted(session, name, grant).await?;
            Ok(0)
        }
        Verifier::Watch { session: id, seconds } => watch(session, id, seconds).await,
        Verifier::Sessions { session: Some(id) } => {
            let found = session.execute(Command::VerifierSession { id }).await?;
            tell(session, &found);
            Ok(0)
        }
        Verifier::Sessions { session: None } => {
            let list = session.execute(Command::VerifierSessions).await?;
            if session.output.json {
                session.output.object(&list);
                return Ok(0);
            }
            for item in list.at("sessions").as_array().into_iter().flatten() {
                let text = |key: &str| item[key].as_str().unwrap_or_default();
                let state = session
                    .output
                    .catalogue
                    .text(&format!("session-{}", text("state")), &[]);
                let verdict = match item.at("verdict").as_str() {
                    Some(verdict) => session.output.catalogue.text(&format!("verdict-{verdict}"), &[]),
                    None => String::new(),
                };
                session.output.data(&format!(
                    "{}  {}  {}  {state}  {verdict}",
                    text("id"),
                    text("service"),
                    text("case")
                ));
            }
            Ok(0)
        }
        Verifier::Check { file } => {
            let text = String::from_utf8(read_input(&file, CHECK_MAX)?)
                .map_err(|e| Failure::because(Problem::new(Code::Malformed, "text"), e))?;
            let text = text.trim().to_owned();
            let report = session.execute(Command::VerifierCheck { text }).await?;
            if session.output.json {
                session.output.object(&report);
            } else {
                verdict(session, report.at("verdict"), report.at("code"));
                checks(session, report.at("checks"));
                ages(session, &report);
                reach(session, report.at("reach"));
            }
            Ok(exit_of(report.at("verdict"), report.at("code")))
        }
    }
}

/// Whether this is the number of a person or an organisation.
fn is_number(text: &str) -> bool {
    use credentials::identifier::{OrganisationNumber, PersonNumber};
    PersonNumber::parse(text).is_some() || OrganisationNumber::parse(text).is_some()
}

/// `a.b[].c` as a claims path.
pub(crate) fn path(text: &str) -> Path {
    let mut segments = Vec::new();
    for part in text.split('.') {
        let mut name = part;
        let mut fans = 0;
        while let Some(rest) = name.strip_suffix("[]") {
            name = rest;
            fans += 1;
        }
        if !name.is_empty() {
            segments.push(Some(name.to_owned()));
        }
        segments.extend(std::iter::repeat_n(None, fans));
    }
    Path(segments)
}

fn code(link: &str) -> Result<String, Failure> {
    let code = qrcode::QrCode::new(link.as_bytes()).map_err(|e| Failure::because(Code::TooLarge, e))?;
    Ok(code.render::<qrcode::render::unicode::Dense1x2>().build())
}

async fn watch(session: &mut Session, id: String, seconds: u64) -> Result<u8, Failure> {
    let started = Stopwatch::start();
    loop {
        let found = session.execute(Command::VerifierSession { id: id.clone() }).await?;
        let state = found.at("session").at("state").as_str().unwrap_or_default();
        if !["active", "fetched"].contains(&state) {
            tell(session, &found);
            let detail = &found.at("session");
            return Ok(match state {
                "expired" => 5,
                _ => exit_of(detail.at("verdict"), detail.at("code")),
            });
        }
        if started.milliseconds() >= seconds.saturating_mul(1000) {
            return Err(Problem::new(Code::Unreachable, "no answer yet").into());
        }
        let since = found.at("revision").as_u64().unwrap_or(0);
        session.execute(Command::VerifierWatch { since }).await?;
    }
}

fn exit_of(verdict: &Value, code: &Value) -> u8 {
    match (verdict.as_str(), code.as_str().and_then(Code::parse)) {
        (Some("valid"), _) => 0,
        (Some("undecided"), _) => 4,
        (_, Some(Code::NotPresented)) => exit(Code::NotPresented),
        _ => 3,
    }
}

fn tell(session: &Session, found: &Value) {
    if session.output.json {
        session.output.object(found);
        return;
    }
    let detail = &found.at("session");
    let text = |key: &str| detail[key].as_str().unwrap_or_default();
    session
        .output
        .print("session-line", &[("service", text("service")), ("case", text("case"))]);
    if detail.at("verdict").is_null() {
        let state = session
            .output
            .catalogue
            .text(&format!("session-{}", text("state")), &[]);
        session.output.data(&state);
    } else {
        verdict(session, detail.at("verdict"), detail.at("code"));
    }
    for note in detail
        .at("notes")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        session.output.data(&format!(
            "  ! {}",
            session
                .output
                .catalogue
                .text(&format!("problem-{note}"), &[("detail", "")])
        ));
    }
    checks(session, detail.at("checks"));
    for (name, claims) in detail.at("claims").as_object().into_iter().flatten() {
        session.output.data(&format!("  {name}: {claims}"));
    }
    ages(session, detail);
    reach(session, found.at("reach"));
    let instant = |name: &str| {
        let at = super::grants::moment(session, detail.at(name));
        (!at.is_empty()).then_some(at)
    };
    let deletion = detail.at("deletion");
    if !deletion.is_null() {
        let at = super::grants::moment(session, deletion.at("at"));
        session.output.print("session-deletion", &[("at", &at)]);
        super::said::tell(session, deletion.at("said"));
    }
    if let Some(at) = instant("erased_at") {
        let signed = text("erasure");
        let signed = if signed.is_empty() { "-" } else { signed };
        session
            .output
            .print("session-erased", &[("at", &at), ("signed", signed)]);
        super::said::tell(session, detail.at("said"));
        return;
    }
    let language = session.output.catalogue.language();
    let ground = detail.at("keep_ground_text");
    let ground = ground.at(language).as_str().or(ground.at("nb").as_str());
    if let (Some(ground), "valid") = (ground, text("verdict")) {
        let until = instant("keep_until").unwrap_or_else(|| session.output.catalogue.text("until-session-end", &[]));
        session
            .output
            .print("session-keep", &[("until", &until), ("ground", ground)]);
    }
}

/// How old what the verdict rests on was.
fn ages(session: &Session, checked: &Value) {
    let age = |name: &str| checked.at(name).as_i64().map(|seconds| seconds.to_string());
    if let (Some(status), Some(trust)) = (age("status_age_s"), age("trust_age_s")) {
        let ages = [("status", status.as_str()), ("trust", trust.as_str())];
        session.output.print("session-ages", &ages);
    }
}

/// Who cannot be reached now, if anybody.
fn reach(session: &Session, reach: &Value) {
    let issuers = reach.at("unreached").as_array().into_iter().flatten();
    let issuers: Vec<&str> = issuers.filter_map(Value::as_str).collect();
    if reach.at("neighbours") == &Value::from(0) {
        session.output.print("reach-none", &[]);
    } else if !issuers.is_empty() {
        session.output.print("reach-some", &[("issuers", &issuers.join(", "))]);
    }
}

fn verdict(session: &Session, verdict: &Value, code: &Value) {
    let verdict = verdict.as_str().unwrap_or_default();
    let sign = match verdict {
        "valid" => "✓",
        "undecided" => "?",
        _ => "✗",
    };
    let mut line = format!(
        "{sign} {}",
        session.output.catalogue.text(&format!("verdict-{verdict}"), &[])
    );
    if let Some(code) = code.as_str() {
        let text = |key: &str| session.output.catalogue.text(key, &[("detail", "")]);
        let (sentence, remedy) = (text(&format!("problem-{code}")), text(&format!("remedy-{code}")));
        line.push_str(&format!(": {sentence}  [{code}]\n  {}: {remedy}", text("remedy")));
    }
    session.output.data(&line);
}

fn checks(session: &Session, checks: &Value) {
    for line in checks.as_array().into_iter().flatten() {
        let text = |key: &str| line[key].as_str().unwrap_or_default();
        let name = session.output.catalogue.text(&format!("check-{}", text("check")), &[]);
        let sign = match text("outcome") {
            "ok" => "✓",
            "failed" => "✗",
            "undecided" => "?",
            _ => "·",
        };
        let problem = &line.at("problem");
        let reason = match problem.at("code").as_str() {
            Some(code) => format!("  {}", json!(code).as_str().unwrap_or_default()),
            None => String::new(),
        };
        let credential = line.at("credential").as_str().unwrap_or("");
        session.output.data(&format!("  {sign} {name}  {credential}{reason}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claim_paths_are_typed_as_they_are_printed() {
        for text in ["navn", "oppgaveInntektsmottaker[].inntekt[].beloep", "a[]"] {
            assert_eq!(path(text).to_string(), text);
        }
    }
}
