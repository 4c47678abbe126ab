//! `bevis init`: a home with keys, sealed store and commented configuration. A second run changes nothing.

use super::card;
use super::session::Session;
use crate::args::{Init, Profile, Role};
use crate::ceremony::words;
use crate::config::{self, Config};
use crate::error::Failure;
use crate::home;
use crate::service::{self, Card};
use credentials::identifier::OrganisationNumber;
use credentials::schema::Types;
use credentials::trust::{BUNDLE_MAX, Bundle, Fingerprint, SignedRoot};
use credentials::{Code, Did, Problem};
use serde_json::json;
use std::path::Path;
use store::{Params, Store};

/// Largest file with a first root: a root or a bundle that begins with it.
const ROOT_FILE_MAX: u64 = BUNDLE_MAX as u64;
/// Where a package puts the network's first root, seen from the folder of the program.
const PACKAGED: &str = "../share/bevis/root.json";

/// Makes a home.
pub(super) fn init(session: &mut Session, init: &Init) -> Result<u8, Failure> {
    let card = init.second_key.as_deref().map(card::read).transpose()?;
    let config = match &card {
        Some(card) => second(session, card)?,
        None => wanted(session, init)?,
    };
    let company = match &init.organisation {
        None => None,
        Some(number) => {
            let number = OrganisationNumber::parse(number);
            Some(number.ok_or_else(|| Problem::new(Code::ConfigInvalid, "--organisation"))?)
        }
    };
    let root = first_root(init.root.as_deref())?;
    let make = |store: &Store| {
        match &card {
            Some(card) => service::create_second_key(store, &config, card)?,
            None => service::create_keys(store, &config, company.as_ref())?,
        }
        match &root {
            Some(root) => service::trust_first(store, root),
            None => Ok(()),
        }
    };
    create(session, &config, init.profile, make)?;
    let home = session.home()?;
    let path = home.path().display().to_string();
    let fingerprint = root.as_ref().map(|root| Fingerprint(root.hash()));
    if session.output.json {
        let object = json!({ "schema": "init/v1", "home": path, "root": fingerprint });
        session.output.object(&object);
    } else {
        session.output.print("init-done", &[("home", &path)]);
        if let Some(card) = &card {
            let number = card.next_number()?.to_string();
            let key = format!("{}#key-{number}", card.did);
            session
                .output
                .say("init-second-key", &[("kid", &key), ("name", &card.name)]);
        }
        match fingerprint {
            None => session.output.say("init-no-root", &[]),
            Some(fingerprint) => {
                session.output.say("init-root", &[]);
                session.output.show(&words::fingerprint(&fingerprint));
                session.output.say("init-root-compare", &[]);
            }
        }
    }
    Ok(0)
}

/// The network's first root: of the file that was named, else the one that came with the package, if there is one. It is never
/// taken from a peer.
fn first_root(named: Option<&Path>) -> Result<Option<SignedRoot>, Failure> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let program = std::env::current_exe().map_err(|e| Failure::because(Code::Internal, e))?;
            let packaged = program.parent().map(|folder| folder.join(PACKAGED));
            match packaged.filter(|path| path.exists()) {
                Some(path) => path,
                None => return Ok(None),
            }
        }
    };
    let bytes = home::read(&path, ROOT_FILE_MAX)?;
    let text = match Bundle::parse(&bytes) {
        Ok(bundle) => bundle.roots.into_iter().next(),
        Err(problem) if problem.code == Code::Unsupported => String::from_utf8(bytes).ok(),
        Err(problem) => return Err(problem.into()),
    };
    let text = text.ok_or_else(|| Problem::new(Code::Malformed, "root"))?;
    let root = SignedRoot::of_itself(&text)?;
    if root.root().version != 1 {
        return Err(Problem::new(Code::TrustMismatch, "root: version").into());
    }
    Ok(Some(root))
}

/// Makes a home of this configuration, with what `make` puts into its store; refuses where one is.
pub(super) fn create(
    session: &mut Session,
    config: &Config,
    profile: Profile,
    make: impl FnOnce(&Store) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let home = session.home()?;
    if home.exists() {
        return Err(Problem::new(Code::HomeExists, home.path().display().to_string()).into());
    }
    let text = config::text(config)?;
    let passphrase = session.passphrase(true)?;
    let parameters = match profile {
        Profile::Prod => Params::default(),
        Profile::Test => Params::quick(),
    };
    home.create()?;
    let store = Store::create(&home.store(), &passphrase, parameters, service::entropy())?;
    make(&store)?;
    // The configuration comes last: a home without it is one that `init` did not finish, and says so.
    home::write(&home.config(), text.as_bytes())
}

/// The home of one more key of an organisation: it signs what the organisation's node drafts, and is no node itself.
fn second(session: &Session, card: &Card) -> Result<Config, Failure> {
    let mut config = config::defaults();
    if let Some(language) = &session.global.lang {
        config.node.language.clone_from(language);
    }
    config.organisation = Some(config::Organisation {
        did: card.did.clone(),
        number: card.number.clone(),
        name: card.name.clone(),
    });
    config.issuer = Some(config::Issuer {
        issues: vec![service::NOTICES.to_owned()],
        ..config::Issuer::default()
    });
    config::parse(&config::text(&config)?)?;
    Ok(config)
}

fn wanted(session: &Session, init: &Init) -> Result<Config, Failure> {
    let usage = |what: &str| Failure::from(Problem::new(Code::Usage, what));
    let mut config = config::defaults();
    let has = |role| init.role.contains(&role);
    if has(Role::Anchor) {
        return Err(usage("--role anchor: use `bevis trust init`"));
    }
    if let Some(language) = &session.global.lang {
        config.node.language.clone_from(language);
    }
    if !init.listen.is_empty() {
        config.node.listen.clone_from(&init.listen);
    }
    if let Some(transport) = init.transport {
        config.node.transport = transport;
    }
    if has(Role::Wallet) {
        if init.role.len() > 1 {
            return Err(usage("--role: a wallet is a wallet only"));
        }
        config.wallet = Some(config::Wallet {
            holder: match init.organisation {
                Some(_) => config::Holder::Company,
                None => config::Holder::Person,
            },
            mailboxes: Vec::new(),
        });
    } else {
        let did = init
            .did
            .as_deref()
            .and_then(Did::parse)
            .filter(|did| matches!(did, Did::Web(_)));
        let number = init.number.as_deref().and_then(OrganisationNumber::parse);
        config.organisation = Some(config::Organisation {
            did: did.ok_or_else(|| usage("--did"))?,
            number: number.ok_or_else(|| usage("--number"))?.as_str().to_owned(),
            name: init.name.clone().ok_or_else(|| usage("--name"))?,
        });
        if config
            .organisation
            .as_ref()
            .is_some_and(|o| o.name.chars().any(char::is_control))
        {
            return Err(usage("--name"));
        }
        // A type that is dropped into the home later is named by its `vct`.
        let known = Types::builtin();
        if let Some(unknown) = init
            .issues
            .iter()
            .find(|n| known.find(n).is_none() && !n.starts_with("urn:") && n.as_str() != service::NOTICES)
        {
            return Err(usage(&format!("--issues {unknown}")));
        }
        if has(Role::Issuer) {
            config.issuer = Some(config::Issuer {
                issues: init.issues.clone(),
                ..config::Issuer::default()
            });
        }
        if has(Role::Verifier) {
            config.verifier = Some(config::Section::default());
        }
        if has(Role::Mailbox) {
            config.mailbox = Some(config::Section::default());
        }
    }
    if let Some(listen) = &init.pages {
        let mut pages = config::Http::at(listen);
        if let Some(name) = &init.pages_name {
            pages.name.clone_from(name);
        }
        if let Some(colour) = &init.pages_colour {
            pages.colour.clone_from(colour);
        }
        config.http = Some(pages);
    }
    // What we write must be what we read.
    config::parse(&config::text(&config)?)?;
    Ok(config)
}
