//! `bevis trust`: the anchors' ceremony, file by file, and a node's import.

mod propose;

use super::init;
use super::session::{Session, read_input};
use crate::args::{AnchorClass, AnchorRole, Trust, TrustCard, TrustInit};
use crate::ceremony::proposal::{PROPOSAL_MAX, Proposal};
use crate::ceremony::words;
use crate::config;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{self, AnchorName, Command};
use credentials::identifier::OrganisationNumber;
use credentials::trust::{BUNDLE_MAX, Bundle, Class, Fingerprint, Role, history};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::path::Path;

/// Largest exported history: some hundred lists.
const HISTORY_MAX: u64 = 256 * 1024 * 1024;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, trust: Trust) -> Result<u8, Failure> {
    // Most of a ceremony is files, but its words are in the home's language.
    if session.home().is_ok_and(|home| home.config().exists()) {
        session.load(&[])?;
    }
    match trust {
        Trust::Init(init) => make(session, init).await?,
        Trust::Card(TrustCard { new_key, out }) => {
            let card = session
                .execute(Command::TrustCard {
                    new_key: new_key.map(role),
                })
                .await?;
            if new_key.is_some() {
                session.output.say("trust-key-made", &[]);
            }
            put_card(session, &card, out.as_deref())?;
        }
        Trust::Propose(propose) => propose::run(session, propose).await?,
        Trust::Sign { file, instead } => sign(session, &file, instead).await?,
        Trust::Publish { files, out, hours } => return publish(session, &files, &out, hours).await,
        Trust::Show { file } => show(session, file.as_deref()).await?,
        Trust::Diff { before, after } => diff(session, &before, after.as_deref()).await?,
        Trust::Verify { file, root } => verify(session, &file, root.as_deref()).await?,
        Trust::History { export } => list_history(session, export.as_deref()).await?,
        Trust::Export { file } => {
            let bundle = session.execute(Command::TrustExport).await?;
            home::write(&file, bundle.at("text").as_str().unwrap_or_default().as_bytes())?;
            let path = file.display().to_string();
            let written = json!({ "schema": "trust-exported/v1", "path": path });
            answer(session, &written, |session, _| session.output.data(&path));
        }
        Trust::Import { file, root } => {
            let text = text_of(read_input(&file, BUNDLE_MAX as u64)?)?;
            let root = root.as_deref().map(fingerprint).transpose()?;
            let taken = session.execute(Command::TrustImport { text, root }).await?;
            answer(session, &taken, |session, value| {
                if value.at("sequence").is_null() {
                    let root = value.at("root").at("version").to_string();
                    session.output.print("trust-root-imported", &[("root", &root)]);
                    return;
                }
                let count = value.at("organisations").as_array().map_or(0, Vec::len).to_string();
                let sequence = value.at("sequence").to_string();
                session
                    .output
                    .print("trust-imported", &[("sequence", &sequence), ("count", &count)]);
            });
        }
    }
    Ok(0)
}

fn answer(session: &Session, value: &Value, human: impl FnOnce(&Session, &Value)) {
    if session.output.json {
        session.output.object(value)
    } else {
        human(session, value)
    }
}

fn role(role: AnchorRole) -> Role {
    match role {
        AnchorRole::Root => Role::Root,
        AnchorRole::List => Role::List,
        AnchorRole::Head => Role::Head,
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, Problem> {
    Fingerprint::parse(text).ok_or_else(|| Problem::new(Code::Usage, "--root"))
}

fn text_of(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|e| Failure::because(Problem::new(Code::Malformed, "UTF-8"), e))
}

fn read(path: &Path) -> Result<String, Failure> {
    text_of(read_input(path, PROPOSAL_MAX as u64)?)
}

// --- init and card ---

async fn make(session: &mut Session, init: TrustInit) -> Result<(), Failure> {
    let usage = |what: &str| Failure::from(Problem::new(Code::Usage, what));
    let is_name = (1..=200).contains(&init.name.chars().count()) && !init.name.chars().any(char::is_control);
    if !is_name {
        return Err(usage("--name"));
    }
    let number = match &init.number {
        None => None,
        Some(number) => {
            let number = OrganisationNumber::parse(number).ok_or_else(|| usage("--number"))?;
            Some(number.as_str().to_owned())
        }
    };
    let id = init.id.clone().unwrap_or_else(|| word(&init.name));
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(1..=32).contains(&id.len()) || !id.chars().all(is_word) {
        return Err(usage("--id"));
    }
    let name = AnchorName {
        id,
        name: init.name,
        class: match init.class {
            AnchorClass::Agency => Class::Agency,
            AnchorClass::Bank => Class::Bank,
            AnchorClass::Other => Class::Other,
        },
        number,
    };
    let is_organisation = session.home()?.exists() && session.load(&[])?.config.organisation.is_some();
    let card = if is_organisation {
        if !init.head {
            return Err(usage("--head: an organisation's home takes a head key and no other"));
        }
        session.execute(Command::TrustAnchor { name }).await?
    } else {
        let mut config = config::defaults();
        config.anchor = Some(config::Section::default());
        if let Some(language) = &session.global.lang {
            config.node.language.clone_from(language);
        }
        init::create(session, &config, init.profile, |store| {
            service::create_anchor(store, &config, name, init.head)
        })?;
        session.execute(Command::TrustCard { new_key: None }).await?
    };
    session.output.say(
        "trust-anchor-made",
        &[("id", card.at("id").as_str().unwrap_or_default())],
    );
    put_card(session, &card, init.out.as_deref())
}

/// A short word of a name: letters and digits, the rest as single strokes.
fn word(name: &str) -> String {
    let mut word = String::new();
    for letter in name.to_lowercase().chars() {
        let plain = match letter {
            'æ' => "ae",
            'ø' => "o",
            'å' => "a",
            _ if letter.is_ascii_alphanumeric() => {
                word.push(letter);
                continue;
            }
            _ => "-",
        };
        if plain != "-" || !(word.is_empty() || word.ends_with('-')) {
            word.push_str(plain);
        }
    }
    word.chars()
        .take(32)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}

fn put_card(session: &Session, card: &Value, out: Option<&Path>) -> Result<(), Failure> {
    match out {
        None => answer(session, card, |session, card| session.output.data(&format!("{card:#}"))),
        Some(path) => {
            home::write(path, format!("{card:#}\n").as_bytes())?;
            answer(session, card, |session, _| {
                session
                    .output
                    .print("trust-card-written", &[("path", &path.display().to_string())]);
            });
        }
    }
    Ok(())
}

// --- sign and publish ---

async fn sign(session: &mut Session, file: &Path, instead: bool) -> Result<(), Failure> {
    let proposal = read(file)?;
    let examined = session
        .execute(Command::TrustExamine {
            proposal: proposal.clone(),
        })
        .await?;
    // What is asked about is shown in any case: on stderr, where the question stands.
    session
        .output
        .show(&words::proposal(&session.output.catalogue, &examined));
    if examined.at("second") == &json!(true) {
        session
            .output
            .say("trust-second", &[("version", &examined.at("version").to_string())]);
    }
    session.confirm("trust-confirm")?;
    let hash = examined.at("hash").as_str().unwrap_or_default().to_owned();
    let mut signed = session
        .execute(Command::TrustSign {
            proposal,
            hash,
            instead,
        })
        .await?;
    let text = signed.at("proposal").as_str().unwrap_or_default().to_owned();
    home::write(file, format!("{text}\n").as_bytes())?;
    let path = file.display().to_string();
    if let Some(members) = signed.as_object_mut() {
        members.remove("proposal");
        members.insert("path".to_owned(), json!(path));
        members.insert("by".to_owned(), examined.at("by").clone());
    }
    answer(session, &signed, |session, value| {
        session.output.print("trust-signed", &[("path", &path)]);
        session
            .output
            .data(&words::signatures(&session.output.catalogue, value));
    });
    Ok(())
}

async fn publish(session: &mut Session, files: &[std::path::PathBuf], out: &Path, hours: u32) -> Result<u8, Failure> {
    let files = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let mut published = session.execute(Command::TrustPublish { files, hours }).await?;
    let text = published.at("bundle").as_str().unwrap_or_default().to_owned();
    home::write(out, format!("{text}\n").as_bytes())?;
    let path = out.display().to_string();
    if let Some(members) = published.as_object_mut() {
        members.remove("bundle");
        members.insert("path".to_owned(), json!(path));
    }
    let is_whole = published.at("whole") == &json!(true);
    answer(session, &published, |session, value| {
        session.output.print("trust-published", &[("path", &path)]);
        session.output.data(&words::published(&session.output.catalogue, value));
    });
    Ok(if is_whole { 0 } else { 8 })
}

// --- show, diff, verify, history ---

/// What is checked from: the fingerprint that was typed, else that of this home.
async fn first_root(session: &mut Session, named: Option<&str>) -> Result<Fingerprint, Failure> {
    if let Some(text) = named {
        return Ok(fingerprint(text)?);
    }
    let root = session.execute(Command::TrustRoot).await?;
    let text = root.at("fingerprint").as_str().unwrap_or_default();
    Fingerprint::parse(text).ok_or_else(|| Code::Internal.into())
}

/// A file of the ceremony, checked: as JSON.
async fn checked(session: &mut Session, text: &str, root: Option<&str>) -> Result<Value, Failure> {
    match Proposal::parse(text.as_bytes()) {
        Ok(proposal) => {
            let first = match (&proposal.before, root) {
                (None, _) => None,
                (Some(_), root) => Some(first_root(session, root).await?),
            };
            service::shown_proposal(&proposal, &proposal.open(first.as_ref())?)
        }
        Err(problem) if problem.code == Code::Unsupported => {
            let bundle = Bundle::parse(text.as_bytes())?;
            let first = first_root(session, root).await?;
            service::shown_bundle(&bundle, &first)
        }
        Err(problem) => Err(problem.into()),
    }
}

fn print_checked(session: &Session, value: &Value) {
    let catalogue = &session.output.catalogue;
    if value.at("schema") == "trust/v1" {
        session.output.data(&words::trust(catalogue, value));
    } else {
        session.output.data(&words::proposal(catalogue, value));
    }
}

async fn show(session: &mut Session, file: Option<&Path>) -> Result<(), Failure> {
    let shown = match file {
        None => session.execute(Command::TrustShow).await?,
        Some(file) => {
            let text = read(file)?;
            checked(session, &text, None).await?
        }
    };
    answer(session, &shown, print_checked);
    Ok(())
}

async fn diff(session: &mut Session, before: &Path, after: Option<&Path>) -> Result<(), Failure> {
    let text = read(before)?;
    let Some(after) = after else {
        // A proposal carries what it changes.
        let proposal = Proposal::parse(text.as_bytes())
            .map_err(|_| Problem::new(Code::Usage, "diff: two bundles or a proposal"))?;
        let first = match &proposal.before {
            None => None,
            Some(_) => Some(first_root(session, None).await?),
        };
        let shown = service::shown_proposal(&proposal, &proposal.open(first.as_ref())?)?;
        let changes = json!({ "schema": "trust-diff/v1", "changes": shown.at("changes") });
        answer(session, &changes, |session, value| {
            session
                .output
                .data(&words::changes(&session.output.catalogue, value.at("changes")));
        });
        return Ok(());
    };
    let first = first_root(session, None).await?;
    let after = read(after)?;
    let changes = service::shown_changes(&text, &after, &first)?;
    answer(session, &changes, |session, value| {
        session
            .output
            .data(&words::changes(&session.output.catalogue, value.at("changes")));
    });
    Ok(())
}

async fn verify(session: &mut Session, file: &Path, root: Option<&str>) -> Result<(), Failure> {
    let text = text_of(read_input(file, HISTORY_MAX)?)?;
    // An export has one object a line, the first of which is the first entry.
    let is_history = text
        .lines()
        .next()
        .is_some_and(|line| line.contains("\"document\"") && line.ends_with('}'));
    let shown = if is_history {
        let first = first_root(session, root).await?;
        let verified = history::verify(text.lines(), &first)?;
        json!({
            "schema": "trust-verified/v1", "what": "history", "entries": verified.tip.number, "root": verified.root,
            "list": verified.list, "hash": crate::output::hex(&verified.tip.hash),
        })
    } else {
        let shown = checked(session, &text, root).await?;
        let is_bundle = shown.at("schema") == "trust/v1";
        json!({
            "schema": "trust-verified/v1", "what": if is_bundle { "bundle" } else { "proposal" },
            "root": if is_bundle { shown.at("root").at("version") } else { shown.at("base_root") },
            "list": shown.at("sequence"), "enough": shown.at("enough"),
            "head_expires": shown.at("head").at("expires"),
        })
    };
    answer(session, &shown, |session, value| {
        session.output.data(&words::verified(&session.output.catalogue, value));
    });
    Ok(())
}

async fn list_history(session: &mut Session, export: Option<&Path>) -> Result<(), Failure> {
    let mut file = export.map(home::Growing::begin).transpose()?;
    let mut entries = Vec::new();
    let mut from = Some(1);
    while let Some(number) = from {
        let command = Command::TrustHistory {
            from: number,
            export: file.is_some(),
        };
        let page = session.execute(command).await?;
        entries.extend(page.at("entries").as_array().cloned().unwrap_or_default());
        if let Some(file) = &mut file {
            for line in page.at("lines").as_array().into_iter().flatten() {
                file.line(line.as_str().unwrap_or_default())?;
            }
        }
        // A page that goes back would go on for ever.
        from = page.at("next").as_u64().filter(|next| *next > number);
    }
    if let Some(file) = file {
        file.end()?;
    }
    let mut shown = json!({ "schema": "trust-history/v1", "entries": entries });
    let path = export.map(|path| path.display().to_string());
    if let Some(members) = shown.as_object_mut() {
        members.insert("path".to_owned(), json!(path));
    }
    answer(session, &shown, |session, value| {
        session
            .output
            .data(&words::history(&session.output.catalogue, value.at("entries")));
        if let Some(path) = path {
            session.output.print("trust-exported", &[("path", &path)]);
        }
    });
    Ok(())
}
