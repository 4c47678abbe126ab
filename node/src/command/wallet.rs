//! `bevis wallet`: what a person or company does with credentials. Nothing is ever answered for them.

use super::session::{Session, read_input, read_secret};
use crate::args::Wallet;
use crate::error::Failure;
use crate::home;
use crate::output::{At, hex, sha256};
use crate::service::{Command, Consent};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::path::Path;

/// Longest text from standard input, in bytes: the longest link, and as much again for the breaks in it.
const TEXT_MAX: u64 = 2 * credentials::link::LINK_MAX as u64 + 2;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, wallet: Wallet) -> Result<u8, Failure> {
    session.load(&[]).ok();
    let language = session.output.catalogue.language().to_owned();
    match wallet {
        Wallet::Receive { link, code_file } => {
            let link = text(session, link)?;
            let code = code_file
                .map(|path| read_secret(&path))
                .transpose()?
                .map(|code| code.to_string());
            let code = match code {
                None if asks_for_code(&link) => ask_code(session)?,
                code => code,
            };
            let outcome = session.execute(Command::WalletReceive { link, code }).await?;
            tell(session, &outcome);
        }
        Wallet::Present { id } => {
            let text = session
                .execute(Command::WalletText {
                    id: id.clone(),
                    language: language.clone(),
                })
                .await?;
            let text = text.at("text").as_str().unwrap_or_default().to_owned();
            // What the person reads is talk; what is to be carried on is data, and stands alone on stdout.
            session.output.show(&text);
            session.confirm("present-confirm")?;
            let shown = Some(hex(&sha256(text.as_bytes())));
            let outcome = session.execute(Command::WalletPresent { id, language, shown }).await?;
            tell(session, &outcome);
        }
        Wallet::Refuse { id } => {
            let outcome = session.execute(Command::WalletRefuse { id }).await?;
            tell(session, &outcome);
        }
        Wallet::Resume => {
            let resumed = session.execute(Command::WalletResume).await?;
            let results = || resumed.at("results").as_array().into_iter().flatten();
            let problem = results().find_map(|r| r.at("code").as_str().and_then(Code::parse));
            if session.output.json {
                session.output.object(&resumed);
            } else {
                for outcome in results().filter(|r| r.at("code").is_null()) {
                    tell(session, outcome);
                }
            }
            if let Some(code) = problem {
                return Err(code.into());
            }
        }
        Wallet::List => {
            let list = session.execute(Command::WalletList).await?;
            lines(session, &list, "credentials", "wallet-empty", |session, c| {
                let text = |key: &str| c[key].as_str().unwrap_or_default();
                let state = session.output.catalogue.text(&format!("held-{}", text("state")), &[]);
                let label = c.at("label")[session.output.catalogue.language()]
                    .as_str()
                    .or(c.at("label").at("nb").as_str());
                let label = label.unwrap_or_default();
                format!(
                    "{}  {label}  {}  {state}  ({})",
                    text("id"),
                    text("issuer_name"),
                    c.at("copies_left")
                )
            });
        }
        Wallet::Show { id } => {
            let shown = session.execute(Command::WalletShow { id, language }).await?;
            if session.output.json {
                session.output.object(&shown);
            } else {
                show(session, shown.at("credential"));
            }
        }
        Wallet::Requests => {
            let list = session.execute(Command::WalletRequests).await?;
            lines(session, &list, "requests", "requests-empty", |session, r| {
                let text = |key: &str| r[key].as_str().unwrap_or_default();
                let service = r.at("service_name")[session.output.catalogue.language()].as_str();
                let service = service
                    .or(r.at("service_name").at("nb").as_str())
                    .unwrap_or(text("service"));
                let state = format!("request-state-{}", text("state"));
                let state = session.output.catalogue.text(&state, &[]);
                format!(
                    "{}  {}  {service}  {}  {state}",
                    text("id"),
                    text("asker_name"),
                    text("case")
                )
            });
            if !session.output.json {
                for grant in list.at("reminders").as_array().into_iter().flatten() {
                    super::grants::remind(session, grant);
                }
            }
        }
        Wallet::History { what: Some(entry) } => super::grants::entry(session, entry).await?,
        Wallet::History { what: None } => {
            let list = session.execute(Command::WalletHistory).await?;
            lines(session, &list, "events", "history-empty", event);
        }
        Wallet::Post => {
            let what = Consent::Post;
            let post = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&post);
            } else {
                for relation in post.at("relations").as_array().into_iter().flatten() {
                    let text = |key: &str| relation[key].as_str().unwrap_or_default();
                    let operators = relation.at("operators").as_array().into_iter().flatten();
                    let operators: Vec<&str> = operators.filter_map(Value::as_str).collect();
                    let arguments = [
                        ("name", text("name")),
                        ("operators", &operators.join(", ")),
                        ("count", &relation.at("on_their_way").to_string()),
                    ];
                    session.output.print("post-relation", &arguments);
                }
            }
        }
        Wallet::Fetch => {
            let what = Consent::Collect;
            let fetched = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&fetched);
            } else {
                session
                    .output
                    .print("letters-new", &[("count", &fetched.at("new").to_string())]);
                for name in fetched.at("unanswered").as_array().into_iter().flatten() {
                    let name = name.as_str().unwrap_or_default();
                    session.output.print("letters-unanswered", &[("name", name)]);
                }
            }
        }
        Wallet::Grants {
            from: Some(from),
            type_name,
            end,
            ..
        } => {
            let waiting = super::grants::review(session, from, type_name.unwrap_or_default(), end).await?;
            tell(session, &waiting);
        }
        Wallet::Grants { ask, .. } => super::grants::given(session, ask).await?,
        Wallet::Withdraw { id } => super::grants::withdraw(session, id).await?,
        Wallet::Delete { id } => {
            session.output.say("delete-consequence", &[]);
            session.confirm("delete-confirm")?;
            let deleted = session.execute(Command::WalletDelete { id }).await?;
            if session.output.json {
                session.output.object(&deleted)
            } else {
                session.output.print("deleted", &[])
            }
        }
        Wallet::Export { file } => {
            if file.exists() {
                return Err(Problem::new(Code::HomeExists, file.display().to_string()).into());
            }
            let export = session.execute(Command::WalletExport).await?;
            home::write(&file, format!("{export:#}\n").as_bytes())?;
            let path = file.display().to_string();
            if session.output.json {
                session.output.object(&json!({"schema": "exported/v1", "path": path}));
            } else {
                session.output.print("exported", &[("path", &path)]);
            }
        }
        Wallet::Backup { file } => return super::home::create_backup(session, &file).await,
        Wallet::Restore { file } => return super::home::restore(session, &file, false),
    }
    Ok(0)
}

/// A line of the history: under it why something failed, or what the other side said of what it erased and keeps.
fn event(session: &Session, event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    let what = session.output.catalogue.text(&format!("event-{}", text("what")), &[]);
    let (id, at) = (event.at("id"), super::grants::moment(session, event.at("at")));
    let mut lines = vec![format!(
        "{id:>4}  {at}  {what}  {}  {}",
        text("with_name"),
        text("service")
    )];
    if let Some(code) = event.at("code").as_str() {
        let sentence = session
            .output
            .catalogue
            .text(&format!("problem-{code}"), &[("detail", text("detail"))]);
        lines.push(format!("      {sentence}  [{code}]"));
    }
    let said = super::said::lines(&session.output.catalogue, event.at("said"));
    lines.extend(said.into_iter().map(|line| format!("    {line}")));
    lines.join("\n")
}

/// A `bevis:` text as it was given, or from standard input: a line of a terminal, or all that a scanner or a mail program hands
/// on, which may have broken it into lines.
fn text(session: &Session, given: String) -> Result<String, Failure> {
    use std::io::IsTerminal;
    if given != "-" || std::io::stdin().is_terminal() {
        return session.or_stdin(given);
    }
    let bytes = read_input(Path::new("-"), TEXT_MAX)?;
    let text = String::from_utf8(bytes).map_err(|e| Failure::because(Code::LinkInvalid, e))?;
    Ok(text.trim().to_owned())
}

fn asks_for_code(link: &str) -> bool {
    use credentials::link::Link;
    matches!(Link::parse(link), Ok(Link::Offer { offer: Some(_), .. }))
}

fn ask_code(session: &Session) -> Result<Option<String>, Failure> {
    if session.global.no_input || !crate::output::person_present() {
        return Ok(None);
    }
    let prompt = format!("{}: ", session.output.catalogue.text("ask-code", &[]));
    let code = rpassword::prompt_password(prompt);
    code.map(Some)
        .map_err(|e| Failure::because(credentials::Code::WrongCode, e))
}

fn lines(session: &Session, value: &Value, list: &str, empty: &str, line: impl Fn(&Session, &Value) -> String) {
    if session.output.json {
        session.output.object(value);
        return;
    }
    let items = value[list].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        session.output.say(empty, &[]);
    }
    for item in items {
        session.output.data(&line(session, item));
    }
}

/// What came of a step, for a person: and what to do next.
fn tell(session: &Session, outcome: &Value) {
    if session.output.json {
        session.output.object(outcome);
        return;
    }
    let text = |key: &str| outcome[key].as_str().unwrap_or_default();
    match text("outcome") {
        "waiting" => session.output.print("outcome-waiting", &[("id", text("id"))]),
        "collected" => {
            for id in outcome.at("credentials").as_array().into_iter().flatten() {
                session
                    .output
                    .print("outcome-collected", &[("id", id.as_str().unwrap_or_default())]);
            }
        }
        "shared" => {
            let receipt = &outcome.at("receipt");
            let verdict = receipt.at("verdict").as_str().unwrap_or_default();
            let verdict = session.output.catalogue.text(&format!("verdict-{verdict}"), &[]);
            session.output.print("outcome-shared", &[("verdict", &verdict)]);
            if let Some(code) = receipt.at("code").as_str() {
                let text = |key: &str| session.output.catalogue.text(key, &[("detail", "")]);
                let (sentence, remedy) = (text(&format!("problem-{code}")), text(&format!("remedy-{code}")));
                session.output.data(&format!("  {sentence}  [{code}]"));
                session.output.data(&format!("  {}: {remedy}", text("remedy")));
            }
        }
        "granted" => session.output.print("outcome-granted", &[("id", text("grant"))]),
        "withdrawn" => session.output.print("grant-withdrawn", &[]),
        "told" => session
            .output
            .print("outcome-told", &[("count", &outcome.at("uses").to_string())]),
        "posted" => session.output.print("outcome-posted", &[]),
        "erased" => {
            session.output.print("outcome-erased", &[]);
            super::said::tell(session, outcome.at("said"));
        }
        "standing" => super::grants::found(session, outcome),
        "refused" => session.output.print("outcome-refused", &[]),
        "carry" => {
            session.output.say("outcome-carry", &[("words", text("words"))]);
            session.output.data(text("text"));
        }
        _ => session.output.data(&outcome.to_string()),
    }
}

fn show(session: &Session, credential: &Value) {
    let text = |key: &str| credential[key].as_str().unwrap_or_default();
    let label = credential.at("label")[session.output.catalogue.language()].as_str();
    let label = label.or(credential.at("label").at("nb").as_str()).unwrap_or_default();
    session.output.data(&format!("{label}  {}", text("issuer_name")));
    for claim in credential.at("claims").as_array().into_iter().flatten() {
        let value = &claim.at("value");
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        session.output.data(&format!(
            "  {}: {value}",
            claim.at("label").as_str().unwrap_or_default()
        ));
    }
}
