//! Every key of `bevis.toml`, declared once: its form, where else it may come from, and what it means. What is refused as unknown,
//! what the environment may give, `config schema` and the reference in `docs/` all come from here.

/// What a key may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text that the meaning allows. It may name somebody.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A log level, or a filter of the crate `tracing`.
    Level,
    /// A list of texts, which may name somebody.
    Texts,
    /// A whole number, both ends included.
    Whole(u32, u32),
    /// `true` or `false`.
    Flag,
    /// Clients of the API: a list of tables with `name`, `dns` or `fingerprint`, and `scopes`.
    Clients,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.name`
    pub name: &'static str,
    /// What it may hold.
    pub form: Form,
    /// What holds where the key may be left out and [`super::defaults`] has no value for it.
    pub unset: Option<&'static str>,
    /// Variable of the environment that gives it too.
    pub environment: Option<&'static str>,
    /// What it means, in English, without a final stop.
    pub meaning: &'static str,
}

/// One section: a part of the node, or a role that it has.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Name.
    pub name: &'static str,
    /// Whether every node has it; the others are roles, there where the section is.
    pub is_always: bool,
    /// What it is about.
    pub meaning: &'static str,
}

/// Words of `node.transport`.
const TRANSPORTS: &[&str] = &["both", "quic", "tcp"];
/// Words of `node.language`.
const LANGUAGES: &[&str] = crate::text::LANGUAGES;
/// Words of `log.format`.
const FORMATS: &[&str] = &["text", "json"];
/// Words of `log.level` that are no filter.
pub const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
/// Words of `wallet.holder`.
const HOLDERS: &[&str] = &["person", "company"];

/// Words of `http.colour`.
const COLOURS: &[&str] = &["blue", "green", "purple", "orange", "grey"];

const fn key(name: &'static str, form: Form, meaning: &'static str) -> Key {
    Key {
        name,
        form,
        unset: None,
        environment: None,
        meaning,
    }
}

impl Key {
    const fn also_by(mut self, variable: &'static str) -> Key {
        self.environment = Some(variable);
        self
    }

    const fn or_else(mut self, unset: &'static str) -> Key {
        self.unset = Some(unset);
        self
    }

    /// Section and name within it.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or((self.name, ""))
    }
}

/// Every section, in the order of the file.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "node",
        is_always: true,
        meaning: "where the node listens and how it talks",
    },
    Section {
        name: "status",
        is_always: true,
        meaning: "how status lists are fetched",
    },
    Section {
        name: "log",
        is_always: true,
        meaning: "what is logged, on standard error",
    },
    Section {
        name: "organisation",
        is_always: false,
        meaning: "who this organisation is; a wallet has none",
    },
    Section {
        name: "wallet",
        is_always: false,
        meaning: "this home is a wallet and nothing else",
    },
    Section {
        name: "issuer",
        is_always: false,
        meaning: "this organisation issues",
    },
    Section {
        name: "verifier",
        is_always: false,
        meaning: "this organisation asks; it has no keys",
    },
    Section {
        name: "relay",
        is_always: false,
        meaning: "this organisation's node is a relay for others of the trust list; it has no keys",
    },
    Section {
        name: "mailbox",
        is_always: false,
        meaning: "this node keeps mailboxes for others; it has no keys",
    },
    Section {
        name: "admin",
        is_always: false,
        meaning: "health and figures for whoever runs the machine",
    },
    Section {
        name: "http",
        is_always: false,
        meaning: "pages for people, and the API for an organisation's own systems",
    },
    Section {
        name: "api",
        is_always: false,
        meaning: "more ways to the API, which is served with the pages in any case",
    },
    Section {
        name: "anchor",
        is_always: false,
        meaning: "this home is an anchor's and nothing else; it has no keys",
    },
];

/// Every key, in the order of the file.
pub const KEYS: &[Key] = &[
    key(
        "node.listen",
        Form::Texts,
        "where an organisation's node listens, each `ip:port`, for QUIC and TCP; port 0 means that the system picks once",
    )
    .also_by("BEVIS_NODE_LISTEN"),
    key(
        "node.transport",
        Form::Choice(TRANSPORTS),
        "how the node talks; `both` is QUIC first and TCP with Noise second",
    )
    .also_by("BEVIS_NODE_TRANSPORT"),
    key(
        "node.language",
        Form::Choice(LANGUAGES),
        "language of people who use this home: bokmål, nynorsk, English",
    )
    .also_by("BEVIS_LANG"),
    key(
        "node.relays",
        Form::Texts,
        "relays at which an organisation's node keeps a place, because it cannot be dialled where it is; at most 8 multiaddresses, \
         each with the relay's PeerId",
    ),
    key(
        "node.through_relays",
        Form::Flag,
        "whether nodes are dialled through relays where the trust list names no other way",
    ),
    key(
        "status.every_seconds",
        Form::Whole(1, super::STATUS_EVERY_MAX),
        "how often issuers are asked for status, besides gossip; with less, everybody is asked more often and nobody who hears \
         gossip learns sooner",
    )
    .also_by("BEVIS_STATUS_EVERY_SECONDS"),
    key(
        "log.level",
        Form::Level,
        "a level, or a filter of `tracing` such as `warn,node=debug`; SIGHUP takes a new one while the node runs",
    )
    .also_by("BEVIS_LOG_LEVEL"),
    key("log.format", Form::Choice(FORMATS), "text for people, or one JSON object a line")
        .also_by("BEVIS_LOG_FORMAT"),
    key("organisation.did", Form::Text, "`did:web:<domain>`, as the trust list names it"),
    key("organisation.number", Form::Text, "organisasjonsnummer"),
    key("organisation.name", Form::Text, "registered name, at most 200 bytes"),
    key(
        "wallet.holder",
        Form::Choice(HOLDERS),
        "whose wallet it is; who exactly lies sealed in the store",
    )
    .or_else("person"),
    key(
        "wallet.mailboxes",
        Form::Texts,
        "who keeps this wallet's mailboxes: at most two organisations of the trust list that do that, by their DIDs",
    )
    .or_else("two by chance for each counterpart"),
    key(
        "issuer.issues",
        Form::Texts,
        "what this node issues: ids (`C02`), names or `vct`s of credential types; `C10` for notices of bankruptcy",
    ),
    key(
        "issuer.evaluations_per_day",
        Form::Whole(1, super::EVALUATIONS_MAX),
        "of a register: numbers that one bank may have evaluated in a day (UTC)",
    )
    .or_else("50000"),
    key(
        "issuer.evaluations_per_key",
        Form::Whole(1, super::EVALUATIONS_MAX),
        "the same for one key, in all",
    )
    .or_else("1500000"),
    key(
        "issuer.two_persons",
        Form::Flag,
        "whether a new signing key needs two persons; what is done in bulk always does",
    )
    .or_else("false"),
    key(
        "admin.listen",
        Form::Text,
        "where `/livez`, `/readyz` and `/metrics` are served: `ip:port` of the machine itself; port 0 means that the system picks",
    ),
    key(
        "http.listen",
        Form::Text,
        "where pages are served: an address of loopback as `ip:port`; port 0 means that the system picks at each start",
    )
    .or_else("127.0.0.1:0"),
    key(
        "http.name",
        Form::Text,
        "what the pages are called, 1 to 40 characters: several wallets on one machine are told apart by it",
    )
    .or_else("Bevis"),
    key("http.colour", Form::Choice(COLOURS), "the other sign by which they are told apart").or_else("blue"),
    key("http.idle_minutes", Form::Whole(1, 240), "minutes without use after which pages lock").or_else("15"),
    key(
        "http.wallet",
        Form::Text,
        "where the pages of a wallet on this machine are, as `http://ip:port` of loopback: the desk links to it",
    )
    .or_else("no such link"),
    key(
        "api.tls",
        Form::Text,
        "where the API listens with TLS, `ip:port`, for clients that show a certificate; it needs the four keys below",
    )
    .or_else("nowhere"),
    key("api.certificate", Form::Text, "file with the node's certificate chain (PEM)").or_else("none"),
    key(
        "api.key",
        Form::Text,
        "file with its private key (PEM), which nobody but its owner may read",
    )
    .or_else("none"),
    key("api.client_ca", Form::Text, "file with the authorities that certify clients (PEM)").or_else("none"),
    key(
        "api.clients",
        Form::Clients,
        "clients that show a certificate, each a table: `name`; `dns`, a name that its certificate has, or `fingerprint`, its SHA-256; \
         and `scopes`",
    )
    .or_else("none"),
    key(
        "api.private_webhooks",
        Form::Flag,
        "whether webhooks may go to private addresses, those of a bank's own network",
    )
    .or_else("false"),
    key(
        "api.webhook_ca",
        Form::Text,
        "file with the authorities that certify receivers of webhooks (PEM)",
    )
    .or_else("those of the system"),
];

/// Every name that the file may hold: keys and sections.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    let keys = KEYS.iter().map(|key| key.name);
    keys.chain(SECTIONS.iter().map(|section| section.name))
}

/// Keys that the environment may give, with their variables.
pub fn from_environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().filter_map(|key| Some((key.name, key.environment?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Config};
    use std::collections::BTreeSet;
    use toml::{Table, Value};

    /// A configuration that has every key there is. It is none that would be accepted: nobody has every role.
    fn full() -> Config {
        let mut config = config::defaults();
        config.organisation = Some(config::Organisation {
            did: credentials::Did::parse("did:web:a.example").expect("a DID"),
            number: "974761076".to_owned(),
            name: "A".to_owned(),
        });
        config.wallet = Some(config::Wallet {
            holder: config::Holder::Person,
            mailboxes: vec![credentials::Did::parse("did:web:b.example").expect("a DID")],
        });
        config.issuer = Some(config::Issuer {
            issues: vec!["C02".to_owned()],
            evaluations_per_day: Some(1),
            evaluations_per_key: Some(1),
            two_persons: true,
        });
        config.admin = Some(config::Admin {
            listen: "127.0.0.1:0".to_owned(),
        });
        let mut http = config::Http::at("127.0.0.1:0");
        http.wallet = Some("http://127.0.0.1:1".to_owned());
        config.http = Some(http);
        config.api = Some(config::Api {
            tls: Some("127.0.0.1:0".to_owned()),
            certificate: Some("c.pem".into()),
            key: Some("k.pem".into()),
            client_ca: Some("a.pem".into()),
            clients: vec![config::ApiClient {
                name: "core".to_owned(),
                dns: Some("core.bank.example".to_owned()),
                fingerprint: None,
                scopes: vec![crate::tokens::Scope::RequestsRead],
            }],
            private_webhooks: true,
            webhook_ca: Some("w.pem".into()),
        });
        config.verifier = Some(config::Section::default());
        config.relay = Some(config::Section::default());
        config.mailbox = Some(config::Section::default());
        config.anchor = Some(config::Section::default());
        config
    }

    /// A literal of the struct: a new section does not compile without a word here, and then not without one in [`SECTIONS`].
    fn sections(config: &Config) -> usize {
        let Config {
            node: _,
            status: _,
            log: _,
            organisation: _,
            wallet: _,
            issuer: _,
            verifier: _,
            relay: _,
            mailbox: _,
            admin: _,
            http: _,
            api: _,
            anchor: _,
        } = config;
        13
    }

    fn table(config: &Config) -> Table {
        Table::try_from(config).expect("writes")
    }

    #[test]
    fn the_keys_declared_are_those_of_the_structs() {
        let config = full();
        assert_eq!(SECTIONS.len(), sections(&config));
        let table = table(&config);
        let mut held = BTreeSet::new();
        for (section, values) in &table {
            held.insert(section.clone());
            let values = values.as_table().expect("a section");
            held.extend(values.keys().map(|name| format!("{section}.{name}")));
        }
        let declared: BTreeSet<String> = names().map(str::to_owned).collect();
        assert_eq!(declared, held);
        assert_eq!(names().count(), declared.len(), "none stands twice");
    }

    #[test]
    fn every_key_has_a_default_or_is_a_roles_own_and_its_form_is_that_of_its_value() {
        let (defaults, full) = (table(&config::defaults()), table(&full()));
        let at = |table: &Table, key: &Key| {
            let (section, name) = key.parts();
            table.get(section).and_then(|s| s.get(name)).cloned()
        };
        for key in KEYS {
            let is_always = SECTIONS.iter().any(|s| s.name == key.parts().0 && s.is_always);
            assert_eq!(at(&defaults, key).is_some(), is_always, "{}", key.name);
            assert!(!(is_always && key.unset.is_some()), "{} has two defaults", key.name);
            let value = at(&full, key).expect("every key is there");
            let fits = match (key.form, &value) {
                (Form::Text | Form::Level, Value::String(_)) | (Form::Flag, Value::Boolean(_)) => true,
                (Form::Choice(words), Value::String(word)) => words.contains(&word.as_str()),
                (Form::Texts | Form::Clients, Value::Array(_)) => true,
                (Form::Whole(least, most), Value::Integer(n)) => (i64::from(least)..=i64::from(most)).contains(n),
                _ => false,
            };
            assert!(fits, "{} is {value}", key.name);
            assert!(!key.meaning.ends_with('.') && !key.meaning.is_empty(), "{}", key.name);
        }
    }

    #[test]
    fn every_word_of_a_choice_is_taken_and_no_other() {
        for key in KEYS {
            let Form::Choice(words) = key.form else { continue };
            let (section, name) = key.parts();
            let taken = |word: &str| config::parse(&format!("[{section}]\n{name} = \"{word}\"\n")).is_ok();
            for word in words {
                assert!(taken(word), "{} = {word}", key.name);
            }
            assert!(!taken("something-else"), "{}", key.name);
        }
    }

    #[test]
    fn what_the_environment_may_give_has_a_default_to_take_the_place_of() {
        assert!(from_environment().count() >= 6);
        let defaults = table(&config::defaults());
        for (key, variable) in from_environment() {
            let (section, name) = key.split_once('.').expect("two parts");
            assert!(defaults.get(section).and_then(|s| s.get(name)).is_some(), "{key}");
            assert!(variable.starts_with("BEVIS_"), "{variable}");
        }
    }
}
