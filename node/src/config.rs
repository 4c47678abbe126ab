//! What a node is and how it behaves: `bevis.toml`, environment, flags and defaults, in one place.
//!
//! Precedence: flag, then environment (`BEVIS_…`), then file, then default. Unknown keys are errors that name the nearest
//! known one. Nothing secret stands here: keys and passphrases live in the sealed store or come in by a file.

use crate::clock;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::network::Address;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Largest configuration file, in bytes.
const CONFIG_MAX: u64 = 64 * 1024;

/// Most relays at which one node keeps places: as many addresses as the trust list takes of one node.
const RELAYS_MAX: usize = 8;
/// Longest time between two askings for status heads, in seconds: what gossip did not bring is here five minutes later.
const STATUS_EVERY_MAX: u32 = 300;
/// Most numbers of customers that a register may let a bank have evaluated: more than people there are.
const EVALUATIONS_MAX: u32 = 10_000_000;

/// How the node talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// QUIC first, TCP with Noise and Yamux second.
    Both,
    /// QUIC only.
    Quic,
    /// TCP with Noise and Yamux only.
    Tcp,
}

/// `[node]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Where an organisation's node listens: `ip:port`, port 0 = the system picks.
    pub listen: Vec<String>,
    /// Transport.
    pub transport: Transport,
    /// Language of people who use this home: nb, nn, en.
    pub language: String,
    /// Relays at which an organisation's node keeps a place, because it cannot be dialled where it is: each a multiaddress
    /// with the relay's PeerId, `/ip4/…/udp/…/quic-v1/p2p/12D3Koo…`. Its card then names the addresses that lead through them.
    #[serde(default)]
    pub relays: Vec<String>,
    /// Whether nodes are dialled through relays where the trust list names no other way.
    #[serde(default = "yes")]
    pub through_relays: bool,
}

fn yes() -> bool {
    true
}

impl Node {
    /// The addresses under which this node can be dialled through its relays; nothing when one of them is none.
    pub fn relayed(&self) -> Option<Vec<Address>> {
        let through = |relay: &String| Address::parse(&format!("{relay}/p2p-circuit")).ok();
        self.relays.iter().map(through).collect()
    }
}

/// `[status]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// How often status heads are fetched, in seconds (1 to 300); never because a presentation arrived.
    pub every_seconds: u32,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// error, warn, info, debug, trace, or a tracing filter.
    pub level: String,
    /// text or json.
    pub format: String,
}

/// `[organisation]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// `did:web:<domain>`
    pub did: Did,
    /// organisasjonsnummer
    pub number: String,
    /// Registered name.
    pub name: String,
}

/// `[wallet]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wallet {
    /// Whose wallet it is. Who exactly lies sealed in the store, not here.
    #[serde(default)]
    pub holder: Holder,
    /// Who keeps this wallet's mailboxes: at most two organisations of the trust list that do that. Not given = two of them by chance,
    /// for each counterpart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailboxes: Vec<Did>,
}

/// Kinds of holders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A person.
    #[default]
    Person,
    /// A company.
    Company,
}

/// `[issuer]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// What this node issues: ids (`C02`), names or `vct`s of credential types.
    pub issues: Vec<String>,
    /// Of a register: numbers that one bank may have evaluated in a day (UTC); 1 to 10,000,000, not given = 50,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations_per_day: Option<u32>,
    /// The same for one key, in all; not given = 1,500,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations_per_key: Option<u32>,
}

/// A role that needs no settings of its own yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {}

/// The whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[status]`
    pub status: Status,
    /// `[log]`
    pub log: Log,
    /// `[organisation]`: issuers and verifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Organisation>,
    /// `[wallet]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Wallet>,
    /// `[issuer]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// `[verifier]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<Section>,
    /// `[relay]`: this organisation's node is a relay for others of the trust list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Section>,
    /// `[mailbox]`: this node keeps mailboxes for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<Section>,
    /// `[anchor]`: this home is an anchor's and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Section>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Built in.
    Default,
    /// `bevis.toml`
    File,
    /// Environment.
    Environment,
    /// Command line.
    Flag,
}

/// A configuration with the origin of each value.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Key → origin.
    pub origins: BTreeMap<String, Origin>,
}

/// Settings that the environment may give, as `BEVIS_<KEY>` with `_` for the point.
const FROM_ENVIRONMENT: &[(&str, &str)] = &[
    ("node.listen", "BEVIS_NODE_LISTEN"),
    ("node.transport", "BEVIS_NODE_TRANSPORT"),
    ("node.language", "BEVIS_LANG"),
    ("status.every_seconds", "BEVIS_STATUS_EVERY_SECONDS"),
    ("log.level", "BEVIS_LOG_LEVEL"),
    ("log.format", "BEVIS_LOG_FORMAT"),
];

/// Every key there is, for suggestions.
const KNOWN: &[&str] = &[
    "node.listen",
    "node.transport",
    "node.language",
    "node.relays",
    "node.through_relays",
    "status.every_seconds",
    "log.level",
    "log.format",
    "organisation.did",
    "organisation.number",
    "organisation.name",
    "wallet.holder",
    "wallet.mailboxes",
    "issuer.issues",
    "issuer.evaluations_per_day",
    "issuer.evaluations_per_key",
    "node",
    "status",
    "log",
    "organisation",
    "wallet",
    "issuer",
    "verifier",
    "relay",
    "mailbox",
    "anchor",
];

/// The values that hold when nobody says otherwise.
pub fn defaults() -> Config {
    Config {
        node: Node {
            listen: vec!["127.0.0.1:0".to_owned()],
            transport: Transport::Both,
            language: "nb".to_owned(),
            relays: Vec::new(),
            through_relays: true,
        },
        status: Status { every_seconds: 300 },
        log: Log {
            level: "info".to_owned(),
            format: "text".to_owned(),
        },
        organisation: None,
        wallet: None,
        issuer: None,
        verifier: None,
        relay: None,
        mailbox: None,
        anchor: None,
    }
}

/// Reads the home's configuration, with flags on top (key, value).
pub fn load(home: &Home, flags: &[(&str, String)]) -> Result<Loaded, Failure> {
    let text = home::read(&home.config(), CONFIG_MAX)?;
    let text = String::from_utf8(text).map_err(|e| Failure::because(Code::ConfigInvalid, e))?;
    resolve(&text, flags)
}

/// Reads a configuration's text alone, without environment or flags of its own.
pub fn parse(text: &str) -> Result<Config, Failure> {
    resolve(text, &[]).map(|loaded| loaded.config)
}

fn resolve(text: &str, flags: &[(&str, String)]) -> Result<Loaded, Failure> {
    let mut merged = Table::try_from(defaults()).map_err(|e| Failure::because(Code::Internal, e))?;
    let mut origins = BTreeMap::new();
    mark(&merged, "", Origin::Default, &mut origins);
    let file: Table = text
        .parse()
        .map_err(|e: toml::de::Error| Failure::because(Code::ConfigInvalid, e.message()))?;
    known(&file, "")?;
    mark(&file, "", Origin::File, &mut origins);
    merge(&mut merged, file);
    for (key, variable) in FROM_ENVIRONMENT {
        if let Some(value) = clock::environment(variable) {
            set(&mut merged, key, &value)?;
            origins.insert((*key).to_owned(), Origin::Environment);
        }
    }
    for (key, value) in flags {
        set(&mut merged, key, value)?;
        origins.insert((*key).to_owned(), Origin::Flag);
    }
    let config: Config = merged
        .try_into()
        .map_err(|e: toml::de::Error| Failure::because(Problem::new(Code::ConfigInvalid, e.message()), &e))?;
    check(&config)?;
    Ok(Loaded { config, origins })
}

/// A commented file for a new home.
pub fn text(config: &Config) -> Result<String, Failure> {
    let body = toml::to_string_pretty(config).map_err(|e| Failure::because(Code::Internal, e))?;
    Ok(format!(
        "# Bevis. Every key: `bevis config show --origin`. Unknown keys are refused.\n\
         # Precedence: flag, environment (BEVIS_…), this file, default. No secret belongs here.\n\n{body}"
    ))
}

fn invalid(key: &str) -> Failure {
    Problem::new(Code::ConfigInvalid, key).into()
}

fn check(config: &Config) -> Result<(), Failure> {
    if !(1..=STATUS_EVERY_MAX).contains(&config.status.every_seconds) {
        return Err(invalid("status.every_seconds"));
    }
    if !["nb", "nn", "en"].contains(&config.node.language.as_str()) {
        return Err(invalid("node.language"));
    }
    if !["text", "json"].contains(&config.log.format.as_str()) {
        return Err(invalid("log.format"));
    }
    if config
        .node
        .listen
        .iter()
        .any(|address| address.parse::<std::net::SocketAddr>().is_err())
    {
        return Err(invalid("node.listen"));
    }
    if config.node.relays.len() > RELAYS_MAX || config.node.relayed().is_none() {
        return Err(invalid("node.relays"));
    }
    if let Some(organisation) = &config.organisation {
        if !matches!(organisation.did, Did::Web(_)) {
            return Err(invalid("organisation.did"));
        }
        if credentials::identifier::OrganisationNumber::parse(&organisation.number).is_none() {
            return Err(invalid("organisation.number"));
        }
        if organisation.name.trim().is_empty() || organisation.name.len() > 200 {
            return Err(invalid("organisation.name"));
        }
    }
    if let Some(issuer) = &config.issuer {
        for (key, set) in [
            ("issuer.evaluations_per_day", issuer.evaluations_per_day),
            ("issuer.evaluations_per_key", issuer.evaluations_per_key),
        ] {
            if set.is_some_and(|set| !(1..=EVALUATIONS_MAX).contains(&set)) {
                return Err(invalid(key));
            }
        }
    }
    if let Some(wallet) = &config.wallet
        && wallet.mailboxes.len() > credentials::letter::PLACES_MAX
    {
        return Err(invalid("wallet.mailboxes"));
    }
    let serves =
        config.issuer.is_some() || config.verifier.is_some() || config.relay.is_some() || config.mailbox.is_some();
    if serves && config.organisation.is_none() {
        return Err(invalid("organisation"));
    }
    // A wallet tells nobody who it is; a home that is both would be linked by its own listening PeerId.
    if config.wallet.is_some() && (serves || config.anchor.is_some()) {
        return Err(invalid("wallet"));
    }
    Ok(())
}

fn mark(table: &Table, prefix: &str, origin: Origin, origins: &mut BTreeMap<String, Origin>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => mark(inner, &format!("{path}."), origin, origins),
            _ => {
                origins.insert(path, origin);
            }
        }
    }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(more)) => merge(inner, more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn set(table: &mut Table, key: &str, text: &str) -> Result<(), Failure> {
    let Some((section, name)) = key.split_once('.') else {
        return Err(invalid(key));
    };
    let Some(Value::Table(section)) = table.get_mut(section) else {
        return Err(invalid(key));
    };
    let value = match section.get(name) {
        Some(Value::Array(_)) => Value::Array(
            text.split(',')
                .map(|part| Value::String(part.trim().to_owned()))
                .collect(),
        ),
        Some(Value::Integer(_)) => Value::Integer(text.parse().map_err(|_| invalid(key))?),
        _ => Value::String(text.to_owned()),
    };
    section.insert(name.to_owned(), value);
    Ok(())
}

fn known(table: &Table, prefix: &str) -> Result<(), Failure> {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        if !KNOWN.contains(&path.as_str()) {
            let nearest = KNOWN
                .iter()
                .min_by_key(|k| distance(k, &path))
                .filter(|k| distance(k, &path) <= 3);
            let cause = nearest.map_or_else(
                || "no such key".to_owned(),
                |k| format!("no such key; did you mean {k}?"),
            );
            return Err(Failure::because(Problem::new(Code::ConfigInvalid, path), cause));
        }
        if let Value::Table(inner) = value {
            known(inner, &format!("{path}."))?;
        }
    }
    Ok(())
}

/// Levenshtein distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.chars().enumerate() {
            let diagonal = row.get(j).copied().unwrap_or(usize::MAX - 1) + usize::from(x != y);
            let up = row.get(j + 1).copied().unwrap_or(usize::MAX - 1) + 1;
            let left = next.get(j).copied().unwrap_or(usize::MAX - 1) + 1;
            next.push(diagonal.min(up).min(left));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_we_read_back() {
        let text = text(&defaults()).expect("writes");
        assert_eq!(resolve(&text, &[]).expect("reads").config, defaults());
    }

    #[test]
    fn unknown_keys_are_refused_and_the_nearest_is_named() {
        let failure = resolve("[node]\ntransprt = \"tcp\"\n", &[]).expect_err("refused");
        assert_eq!(failure.problem, Problem::new(Code::ConfigInvalid, "node.transprt"));
        assert!(failure.cause.is_some_and(|c| c.contains("node.transport")));
        assert_eq!(failure.problem.code.as_str(), "config_invalid");
    }

    #[test]
    fn flags_win_over_the_file_and_origins_say_so() {
        let loaded = resolve(
            "[node]\ntransport = \"tcp\"\n[log]\nlevel = \"debug\"\n",
            &[("node.transport", "quic".to_owned())],
        )
        .expect("reads");
        assert_eq!(loaded.config.node.transport, Transport::Quic);
        assert_eq!(loaded.origins.get("node.transport"), Some(&Origin::Flag));
        assert_eq!(loaded.origins.get("log.level"), Some(&Origin::File));
        assert_eq!(loaded.origins.get("node.language"), Some(&Origin::Default));
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (text, key) in [
            ("[status]\nevery_seconds = 0\n", "status.every_seconds"),
            ("[status]\nevery_seconds = 301\n", "status.every_seconds"),
            ("[node]\nlanguage = \"de\"\n", "node.language"),
            ("[node]\nlisten = [\"localhost\"]\n", "node.listen"),
            ("[node]\nrelays = [\"/ip4/192.0.2.1/udp/1/quic-v1\"]\n", "node.relays"),
            ("[relay]\n", "organisation"),
            ("[issuer]\nissues = [\"C02\"]\n", "organisation"),
            (
                "[issuer]\nissues = []\nevaluations_per_day = 0\n",
                "issuer.evaluations_per_day",
            ),
            (
                "[issuer]\nissues = []\nevaluations_per_key = 10000001\n",
                "issuer.evaluations_per_key",
            ),
            (
                "[organisation]\ndid = \"did:web:a.example\"\nnumber = \"112233445\"\nname = \"A\"\n",
                "organisation.number",
            ),
        ] {
            assert_eq!(
                resolve(text, &[]).expect_err(text).problem,
                Problem::new(Code::ConfigInvalid, key),
                "{text}"
            );
        }
    }
}
