//! `bevis trust propose`: a proposal is made, or changed while nobody has signed it.

use super::{Session, answer, read, text_of};
use crate::args::{Base, Propose, ProposeList, ProposeRoot};
use crate::ceremony::proposal::{After, Kind, Proposal, next};
use crate::ceremony::{anchors, edit, words};
use crate::clock;
use crate::command::card;
use crate::command::session::read_input;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{self, AnchorCard, Command};
use credentials::schema::Types;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Bundle, Draft, Fingerprint, LIST_DAYS, LIST_DAYS_MAX, ROOT_DAYS_MAX, Root, SignedRoot};
use credentials::{Code, Did, Problem, Timestamp};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Largest card or registration file, in bytes.
const FILE_MAX: u64 = 64 * 1024;
/// How long a root counts that does not say otherwise, in days.
const ROOT_DAYS: u32 = 366;
/// Who runs a network that does not say.
const OPERATOR: &str = "Bevis testnett";

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, propose: Propose) -> Result<(), Failure> {
    match propose {
        Propose::Root(arguments) => root(session, arguments).await,
        Propose::List(arguments) => list(session, arguments).await,
    }
}

/// A proposal that is there already, if nobody has signed it.
fn begun(file: &Path, kind: Kind) -> Result<Option<Proposal>, Failure> {
    if !file.exists() {
        return Ok(None);
    }
    let proposal = Proposal::parse(read(file)?.as_bytes())?;
    if proposal.kind != kind {
        return Err(Problem::new(Code::Usage, "a proposal of another kind stands there").into());
    }
    if proposal.is_signed() {
        return Err(Problem::new(Code::TrustConflict, "signed already: name another file").into());
    }
    Ok(Some(proposal))
}

/// What the next version is based on: a bundle that was named, or what this home holds; and the list to go on from.
async fn base(session: &mut Session, base: &Base, content: Option<&Path>) -> Result<(Bundle, Option<String>), Failure> {
    let content = match content {
        None => None,
        Some(path) => Bundle::parse(read(path)?.as_bytes())?.list,
    };
    if let Some(path) = &base.base {
        let text = read(path)?;
        let bundle = match Bundle::parse(text.as_bytes()) {
            Ok(bundle) => bundle,
            Err(problem) if problem.code == Code::Unsupported => Bundle {
                roots: vec![text],
                ..Bundle::default()
            },
            Err(problem) => return Err(problem.into()),
        };
        return Ok((bundle, content));
    }
    let held = session.execute(Command::TrustBase).await?;
    let bundle = Bundle::parse(held.at("bundle").as_str().unwrap_or_default().as_bytes())?;
    Ok((bundle, content.or(held.at("content").as_str().map(ToOwned::to_owned))))
}

/// The fingerprint of a bundle's own first root: for making a proposal, which anybody may; whoever signs checks from their own.
fn own_root(bundle: &Bundle) -> Result<Fingerprint, Failure> {
    let first = bundle
        .roots
        .first()
        .ok_or_else(|| Problem::new(Code::Malformed, "root"))?;
    Ok(Fingerprint(SignedRoot::of_itself(first)?.hash()))
}

fn days(asked: Option<u32>, usual: i64, most: i64) -> Result<i64, Problem> {
    let days = asked.map_or(usual, i64::from);
    if (1..=most).contains(&days) {
        Ok(days.saturating_mul(DAY))
    } else {
        Err(Problem::new(Code::Usage, "--days"))
    }
}

async fn root(session: &mut Session, arguments: ProposeRoot) -> Result<(), Failure> {
    let lasts = days(arguments.base.days, i64::from(ROOT_DAYS), ROOT_DAYS_MAX)?;
    let small = |count: Option<u32>, name: &str| match count.map(u8::try_from) {
        None => Ok(None),
        Some(Ok(count)) => Ok(Some(count)),
        Some(Err(_)) => Err(Problem::new(Code::Usage, name)),
    };
    let edit = anchors::Edit {
        cards: arguments
            .anchor
            .iter()
            .map(|path| anchor_card(path))
            .collect::<Result<_, _>>()?,
        without: arguments.without,
        root: small(arguments.root_threshold, "--root-threshold")?,
        list: small(arguments.list_threshold, "--list-threshold")?,
        head: small(arguments.head_threshold, "--head-threshold")?,
    };
    let now = clock::now();
    let (before, mut root) = match begun(&arguments.base.file, Kind::Root)? {
        Some(proposal) => {
            let root = Root::read(&proposal.document)?;
            (proposal.before, root)
        }
        // The first root of all is made of cards alone: this home knows none, or one is not asked.
        None if arguments.base.base.is_none() && !knows_root(session).await? => {
            let first = Root {
                version: 1,
                issued: now,
                expires: now.plus(lasts),
                anchors: Vec::new(),
                thresholds: anchors::THRESHOLDS,
            };
            (None, first)
        }
        None => {
            let (bundle, _) = base(session, &arguments.base, None).await?;
            let newest = bundle
                .roots
                .last()
                .ok_or_else(|| Problem::new(Code::Malformed, "root"))?;
            let newest = Root::read(newest)?;
            let next = Root {
                version: next(newest.version)?,
                ..newest
            };
            (Some(bundle), next)
        }
    };
    anchors::apply(&mut root, &edit)?;
    root.issued = now;
    root.expires = now.plus(lasts);
    write(session, &arguments.base.file, &Proposal::root(before, &root)?)
}

/// Whether this home knows a first root. A home that is none knows none.
async fn knows_root(session: &mut Session) -> Result<bool, Failure> {
    if !session.home()?.exists() {
        return Ok(false);
    }
    match session.execute(Command::TrustBase).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.problem.code == Code::AnchorMissing => Ok(false),
        Err(failure) => Err(failure),
    }
}

async fn list(session: &mut Session, arguments: ProposeList) -> Result<(), Failure> {
    let lasts = days(arguments.base.days, LIST_DAYS, LIST_DAYS_MAX)?;
    let now = clock::now();
    let edits = edits(session, &arguments, now)?;
    let (before, content, mut draft) = match begun(&arguments.base.file, Kind::List)? {
        Some(proposal) => {
            let value = serde_json::from_str(&proposal.document).map_err(|e| Failure::because(Code::Internal, e))?;
            let before = proposal
                .before
                .ok_or_else(|| Problem::new(Code::Malformed, "proposal: before"))?;
            (before, proposal.content, Draft::from_value(&value)?)
        }
        None => {
            let (bundle, content) = base(session, &arguments.base, arguments.content.as_deref()).await?;
            // Read through the same door as whoever signs it will.
            let checked = crate::ceremony::proposal::Base::open(&bundle, content.as_deref(), &own_root(&bundle)?)?;
            let draft = match checked.content() {
                Some(list) => Draft {
                    sequence: next(list.draft().sequence)?,
                    ..list.draft().clone()
                },
                None => Draft {
                    sequence: 1,
                    operator: OPERATOR.to_owned(),
                    issued: now,
                    next_update: now.plus(lasts),
                    organisations: Vec::new(),
                },
            };
            let content = content.filter(|_| checked.begins_anew());
            (bundle, content, draft)
        }
    };
    draft.issued = now;
    draft.next_update = now.plus(lasts);
    edit::apply(&mut draft, edits)?;
    write(session, &arguments.base.file, &Proposal::list(before, content, &draft)?)
}

fn edits(session: &Session, arguments: &ProposeList, now: Timestamp) -> Result<Vec<edit::Edit>, Failure> {
    let usage = |what: &str| Failure::from(Problem::new(Code::Usage, what));
    let at = match &arguments.at {
        None => now,
        Some(text) => Timestamp::parse(text).ok_or_else(|| usage("--at"))?,
    };
    let did = |text: &str, flag: &str| Did::parse(text).ok_or_else(|| usage(flag));
    let mut edits = Vec::new();
    if let Some(operator) = &arguments.operator {
        edits.push(edit::Edit::Operator(operator.clone()));
    }
    if arguments.admit.is_some() || arguments.update.is_some() {
        let types = session
            .home()
            .and_then(|home| service::types(&home))
            .unwrap_or_else(|_| Types::builtin());
        // A type that this build does not know may still be allowed to somebody: then its `vct` is written out.
        let vct = |name: &String| match types.find(name) {
            Some(found) => found.vct.clone(),
            None if name == service::NOTICES => credentials::notice::VCT.to_owned(),
            None => name.clone(),
        };
        let services = arguments
            .service
            .iter()
            .map(|name| registration(name).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let is_some = |listed: bool, none: bool| listed || none;
        let rights = edit::Rights {
            issues: is_some(!arguments.issues.is_empty(), arguments.no_issues)
                .then(|| arguments.issues.iter().map(vct).collect()),
            services: is_some(!services.is_empty(), arguments.no_services).then_some(services),
        };
        edits.push(match (&arguments.admit, &arguments.update) {
            (Some(path), _) => edit::Edit::Admit(Box::new(card::read(path)?), rights),
            (None, Some(what)) => match Did::parse(what) {
                Some(did) => edit::Edit::Update(did, None, rights),
                None => {
                    let card = card::read(Path::new(what))?;
                    edit::Edit::Update(card.did.clone(), Some(Box::new(card)), rights)
                }
            },
            (None, None) => return Err(Code::Internal.into()),
        });
    }
    for text in &arguments.remove {
        edits.push(edit::Edit::Remove(did(text, "--remove")?));
    }
    edits.extend(arguments.end_key.iter().map(|kid| edit::Edit::End(kid.clone(), at)));
    edits.extend(
        arguments
            .compromised
            .iter()
            .map(|kid| edit::Edit::Compromised(kid.clone(), at)),
    );
    Ok(edits)
}

fn write(session: &Session, path: &Path, proposal: &Proposal) -> Result<(), Failure> {
    home::write(path, format!("{}\n", proposal.to_text()?).as_bytes())?;
    let first = proposal.before.as_ref().map(own_root).transpose()?;
    let opened = proposal.open(first.as_ref())?;
    let mut shown = service::shown_proposal(proposal, &opened)?;
    shown.put("schema", json!("trust-proposed/v1"));
    shown.put("path", json!(path.display().to_string()));
    answer(session, &shown, |session, value| {
        session
            .output
            .print("trust-proposed", &[("path", &path.display().to_string())]);
        let fingerprint = match &opened.after {
            After::Root(root) if root.version == 1 => root.fingerprint().ok(),
            _ => None,
        };
        if let Some(fingerprint) = fingerprint {
            session.output.print("trust-fingerprint", &[]);
            session.output.data(&words::fingerprint(&fingerprint));
        }
        session
            .output
            .data(&words::changes(&session.output.catalogue, value.at("changes")));
    });
    Ok(())
}

/// A card by itself, or within the output of `whoami --json`.
fn anchor_card(path: &Path) -> Result<AnchorCard, Failure> {
    let malformed = |e: serde_json::Error| Failure::because(Problem::new(Code::Malformed, "anchor card"), e);
    let text = text_of(read_input(path, FILE_MAX)?)?;
    let value: Value = serde_json::from_str(&text).map_err(malformed)?;
    let card = match value.at("schema").as_str() {
        Some("whoami/v1") => value.at("anchor").clone(),
        _ => value,
    };
    serde_json::from_value(card).map_err(malformed)
}

/// A built-in registration by id, or one from a file.
fn registration(name: &str) -> Result<Registration, Failure> {
    if let Some(found) = Registration::builtin().into_iter().find(|r| r.id == name) {
        return Ok(found);
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err(Problem::new(Code::NotFound, name).into());
    }
    Ok(Registration::parse(&home::read(path, FILE_MAX)?)?)
}
