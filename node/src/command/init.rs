//! `bevis init`: a home with keys, sealed store and commented configuration. A second run changes nothing.

use super::session::Session;
use crate::args::{Init, Profile, Role};
use crate::config::{self, Config};
use crate::error::Failure;
use crate::home;
use crate::service;
use credentials::identifier::OrganisationNumber;
use credentials::schema::Types;
use credentials::{Code, Did, Problem};
use serde_json::json;
use store::{Params, Store};

/// Makes a home.
pub(super) fn init(session: &mut Session, init: &Init) -> Result<u8, Failure> {
    let config = wanted(session, init)?;
    let company = match &init.organisation {
        None => None,
        Some(number) => {
            let number = OrganisationNumber::parse(number);
            Some(number.ok_or_else(|| Problem::new(Code::ConfigInvalid, "--organisation"))?)
        }
    };
    create(session, &config, company.as_ref(), init.profile)?;
    let home = session.home()?;
    let path = home.path().display().to_string();
    if session.output.json {
        session.output.object(&json!({ "schema": "init/v1", "home": path }));
    } else {
        session.output.print("init-done", &[("home", &path)]);
        let anchors: Vec<String> = config.trust.anchors.iter().map(ToString::to_string).collect();
        if anchors.is_empty() {
            session.output.say("init-no-anchor", &[]);
        } else {
            session.output.say("init-anchor", &[("anchor", &anchors.join(", "))]);
        }
    }
    Ok(0)
}

/// Makes the home of this configuration, for a company's wallet with the company's number; refuses where one is.
pub(super) fn create(
    session: &mut Session,
    config: &Config,
    company: Option<&OrganisationNumber>,
    profile: Profile,
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
    service::create_keys(&store, config, company)?;
    // The configuration comes last: a home without it is one that `init` did not finish, and says so.
    home::write(&home.config(), text.as_bytes())
}

fn wanted(session: &Session, init: &Init) -> Result<Config, Failure> {
    let usage = |what: &str| Failure::from(Problem::new(Code::Usage, what));
    let mut config = config::defaults();
    let has = |role| init.role.contains(&role);
    if has(Role::Anchor) {
        return Err(usage("--role anchor: use `bevis trust new`"));
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
    for anchor in &init.anchor {
        let did = Did::parse(anchor)
            .filter(|did| did.key().is_some())
            .ok_or_else(|| usage("--anchor"))?;
        config.trust.anchors.push(did);
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
            .find(|n| known.find(n).is_none() && !n.starts_with("urn:"))
        {
            return Err(usage(&format!("--issues {unknown}")));
        }
        if has(Role::Issuer) {
            config.issuer = Some(config::Issuer {
                issues: init.issues.clone(),
            });
        }
        if has(Role::Verifier) {
            config.verifier = Some(config::Section::default());
        }
    }
    // What we write must be what we read.
    config::parse(&config::text(&config)?)?;
    Ok(config)
}
