//! What a node is and how it behaves: `bevis.toml`, environment, flags and defaults, in one place.
//!
//! Precedence: flag, then environment (`BEVIS_…`), then file, then default. Unknown keys are errors that name the nearest
//! known one. Nothing secret stands here: keys and passphrases live in the sealed store or come in by a file.

pub mod keys;
pub mod schema;

use crate::clock;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::network::Address;
use crate::telemetry;
use crate::tokens::Scope;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
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
    /// Whether a new signing key needs two persons. Bulk changes always do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub two_persons: bool,
}

/// `[http]`: pages for people, and the API for a bank's own systems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens: a loopback address with a port; port 0 = the system picks.
    #[serde(default = "standard_listen")]
    pub listen: String,
    /// What the pages are called: several wallets on one machine are told apart by it (1 to 40 characters).
    #[serde(default = "standard_name")]
    pub name: String,
    /// blue, green, purple, orange or grey; the other sign by which they are told apart.
    #[serde(default = "standard_colour")]
    pub colour: String,
    /// Minutes without use after which pages lock (1 to 240).
    #[serde(default = "standard_idle")]
    pub idle_minutes: u32,
    /// Where the pages of a wallet on this machine are, for the link "open in the wallet on this machine"; not given = no such link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<String>,
}

fn standard_listen() -> String {
    "127.0.0.1:0".to_owned()
}

fn standard_name() -> String {
    "Bevis".to_owned()
}

fn standard_colour() -> String {
    "blue".to_owned()
}

fn standard_idle() -> u32 {
    15
}

impl Http {
    /// Pages at an address, with all else as it is when nobody says otherwise.
    pub fn at(listen: &str) -> Http {
        Http {
            listen: listen.to_owned(),
            name: standard_name(),
            colour: standard_colour(),
            idle_minutes: standard_idle(),
            wallet: None,
        }
    }

    /// Where it listens; the system's choice on loopback when the text is none, which [`load`] refuses.
    pub fn address(&self) -> std::net::SocketAddr {
        let standard = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        self.listen.parse().unwrap_or(standard)
    }

    /// The first key that is not valid.
    fn amiss(&self) -> Option<&'static str> {
        let is_loopback = |text: &str| text.parse().is_ok_and(|a: std::net::SocketAddr| a.ip().is_loopback());
        if !is_loopback(&self.listen) {
            return Some("http.listen");
        }
        let length = self.name.trim().chars().count();
        if !(1..=40).contains(&length) || self.name.chars().any(char::is_control) {
            return Some("http.name");
        }
        let colours = crate::http::COLOURS;
        if !colours.iter().any(|(name, _)| *name == self.colour) {
            return Some("http.colour");
        }
        if !(1..=240).contains(&self.idle_minutes) {
            return Some("http.idle_minutes");
        }
        let is_own = |text: &str| text.strip_prefix("http://").is_some_and(is_loopback);
        (!self.wallet.as_deref().is_none_or(is_own)).then_some("http.wallet")
    }
}

/// `[api]`: more ways to the API of a bank's own systems, which is served with the pages (`[http]`) in any case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Where it listens with TLS, ip:port, for clients that show a certificate; not given = nowhere. Any address: nobody gets past the
    /// handshake whom an authority of `client_ca` has not certified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// The node's certificate chain (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM), which nobody but its owner may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The authorities that certify clients (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Clients, and what each may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ApiClient>,
    /// Whether webhooks may go to private addresses: those of a bank's own network.
    #[serde(default)]
    pub private_webhooks: bool,
    /// The authorities that certify the receivers of webhooks (PEM); not given = those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_ca: Option<PathBuf>,
}

/// A client that shows a certificate: known by a name in it, or by the certificate itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiClient {
    /// What you call it.
    pub name: String,
    /// A DNS name that its certificate has as subject alternative name; it may be renewed without a change here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
    /// SHA-256 of its certificate, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// Most clients: as many as there are tokens.
const API_CLIENTS_MAX: usize = 64;

impl Api {
    /// The first key that is not valid.
    fn amiss(&self) -> Option<&'static str> {
        let Some(listen) = &self.tls else {
            // What only the listener uses would be silently of no use.
            let is_meant = self.certificate.is_some() || self.key.is_some() || self.client_ca.is_some();
            return (is_meant || !self.clients.is_empty()).then_some("api.tls");
        };
        if listen.parse::<std::net::SocketAddr>().is_err() {
            return Some("api.tls");
        }
        for (key, file) in [
            ("api.certificate", &self.certificate),
            ("api.key", &self.key),
            ("api.client_ca", &self.client_ca),
        ] {
            if file.is_none() {
                return Some(key);
            }
        }
        let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_formed = |client: &ApiClient| {
            crate::tokens::is_name(&client.name)
                && !client.scopes.is_empty()
                && match (&client.dns, &client.fingerprint) {
                    (Some(dns), None) => rustls::pki_types::DnsName::try_from(dns.as_str()).is_ok(),
                    (None, Some(hash)) => is_hash(hash),
                    _ => false,
                }
        };
        let names: std::collections::BTreeSet<&str> = self.clients.iter().map(|one| one.name.as_str()).collect();
        let is_right = (1..=API_CLIENTS_MAX).contains(&self.clients.len())
            && self.clients.iter().all(is_formed)
            && names.len() == self.clients.len();
        (!is_right).then_some("api.clients")
    }
}

/// `[admin]`: health and figures for whoever runs the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Where `/livez`, `/readyz` and `/metrics` are served: `ip:port` of the machine itself (127.0.0.0/8 or ::1), port 0 = the
    /// system picks. Nobody is asked who they are there, so another address is refused.
    pub listen: String,
}

impl Admin {
    /// Where to listen; nothing when that is no loopback address.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        let address: std::net::SocketAddr = self.listen.parse().ok()?;
        address.ip().is_loopback().then_some(address)
    }
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
    /// `[admin]`: off where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,
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
    /// `[http]`: pages and API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// `[api]`: more ways to the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// `[anchor]`: this home is an anchor's and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Section>,
}

/// Sections that are roles of a home.
pub const ROLES: &[&str] = &["wallet", "issuer", "verifier", "relay", "mailbox", "anchor"];

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
        admin: None,
        organisation: None,
        wallet: None,
        issuer: None,
        verifier: None,
        relay: None,
        mailbox: None,
        http: None,
        api: None,
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
    for (key, variable) in keys::from_environment() {
        if let Some(value) = clock::environment(variable) {
            set(&mut merged, key, &value)?;
            origins.insert(key.to_owned(), Origin::Environment);
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
        "# Bevis. Every key: `bevis config schema`; values in force: `bevis config show --origin`. Unknown keys are refused.\n\
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
    telemetry::filter(&config.log.level)?;
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
    if config.admin.as_ref().is_some_and(|admin| admin.address().is_none()) {
        return Err(invalid("admin.listen"));
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
    if let Some(key) = config.http.as_ref().and_then(Http::amiss) {
        return Err(invalid(key));
    }
    if let Some(key) = config.api.as_ref().and_then(Api::amiss) {
        return Err(invalid(key));
    }
    if config.api.is_some() && config.verifier.is_none() {
        return Err(invalid("api"));
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
        if !keys::names().any(|known| known == path) {
            let nearest = keys::names()
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
    fn health_and_figures_are_served_on_an_address_of_the_machine_itself_or_not_at_all() {
        assert_eq!(parse("").expect("reads").admin, None);
        for listen in ["127.0.0.1:9464", "127.3.2.1:0", "[::1]:9464"] {
            let config = parse(&format!("[admin]\nlisten = \"{listen}\"\n")).expect(listen);
            let admin = config.admin.clone().expect("given");
            assert_eq!(admin.address().expect("an address").to_string(), listen);
            assert_eq!(parse(&text(&config).expect("writes")).expect("reads"), config);
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (text, key) in [
            ("[status]\nevery_seconds = 0\n", "status.every_seconds"),
            ("[status]\nevery_seconds = 301\n", "status.every_seconds"),
            ("[node]\nlanguage = \"de\"\n", "node.language"),
            ("[node]\nlisten = [\"localhost\"]\n", "node.listen"),
            ("[log]\nlevel = \"node=loudest\"\n", "log.level"),
            ("[node]\nrelays = [\"/ip4/192.0.2.1/udp/1/quic-v1\"]\n", "node.relays"),
            ("[admin]\nlisten = \"0.0.0.0:9464\"\n", "admin.listen"),
            ("[admin]\nlisten = \"192.0.2.1:9464\"\n", "admin.listen"),
            ("[admin]\nlisten = \"localhost:9464\"\n", "admin.listen"),
            ("[admin]\nlisten = \"[::ffff:127.0.0.1]:9464\"\n", "admin.listen"),
            ("[relay]\n", "organisation"),
            ("[http]\nlisten = \"0.0.0.0:8080\"\n", "http.listen"),
            ("[http]\nlisten = \"127.0.0.1:0\"\nname = \" \"\n", "http.name"),
            ("[http]\nlisten = \"127.0.0.1:0\"\ncolour = \"pink\"\n", "http.colour"),
            (
                "[http]\nlisten = \"127.0.0.1:0\"\nidle_minutes = 0\n",
                "http.idle_minutes",
            ),
            (
                "[http]\nlisten = \"127.0.0.1:0\"\nwallet = \"https://bank.example\"\n",
                "http.wallet",
            ),
            ("[issuer]\nissues = [\"C02\"]\n", "organisation"),
            ("[api]\ntls = \"nowhere\"\n", "api.tls"),
            ("[api]\nkey = \"k.pem\"\n", "api.tls"),
            ("[api]\ntls = \"127.0.0.1:0\"\n", "api.certificate"),
            ("[api]\n", "api"),
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
