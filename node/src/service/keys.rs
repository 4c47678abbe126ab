//! A home's own keys, in the sealed store: an organisation's signing keys and its transport key, an anchor's keys.

mod anchor;
mod organisation;

pub use anchor::{AnchorCard, AnchorName};
pub use organisation::{Card, CardKey};

pub(super) use anchor::AnchorKeys;
pub(super) use organisation::{Organisation, OwnKey};

use crate::clock;
use crate::config::{Config, Holder, Wallet};
use crate::error::Failure;
use crate::network::{Address, ListenOn, Secret32, peer_name};
use credentials::identifier::OrganisationNumber;
use credentials::{Code, random};
use std::net::SocketAddr;
use std::sync::OnceLock;
use store::{Store, Table};
use zeroize::Zeroizing;

/// Table of the node's own records.
pub(super) const TABLE: &str = "node";

/// The keys of a home.
pub(super) struct Keys {
    organisation: Option<Organisation>,
    anchor: OnceLock<AnchorKeys>,
    company: Option<String>,
    transport: Zeroizing<[u8; 32]>,
}

/// A secret of the table.
fn secret(table: &Table, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>, Failure> {
    let Some(bytes) = table.get(name)?.map(Zeroizing::new) else {
        return Ok(None);
    };
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Failure::because(Code::Damaged, name))?;
    Ok(Some(Zeroizing::new(bytes)))
}

fn missing(name: impl std::fmt::Display) -> Failure {
    Failure::because(Code::Damaged, format!("{name} is missing"))
}

impl Keys {
    /// Makes the keys of a new home; an organisation's bears this number. Whose wallet it is, is nobody's to read either, so it lies with them. An anchor's keys are
    /// made by [`AnchorKeys::create`].
    pub(super) fn create(
        store: &Store,
        config: &Config,
        company: Option<&OrganisationNumber>,
        number: u32,
    ) -> Result<(), Failure> {
        let table = store.table(TABLE);
        let mut transaction = store.transaction();
        let transport = Zeroizing::new(random::bytes::<32>(&mut clock::System));
        transaction.put(&table, "transport-key", &*transport);
        if config.organisation.is_some() {
            organisation::first(&table, &mut transaction, number, clock::now())?;
        }
        if let Some(company) = company {
            transaction.put(&table, "company", company.as_str().as_bytes());
        }
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn load(store: &Store, config: &Config) -> Result<Keys, Failure> {
        let table = store.table(TABLE);
        let transport = secret(&table, "transport-key")?.ok_or_else(|| missing("transport-key"))?;
        let organisation = match &config.organisation {
            None => None,
            Some(named) => Some(Organisation::load(
                &table,
                named,
                peer_name(&Secret32::new(*transport)),
            )?),
        };
        let anchor = match AnchorKeys::load(&table)? {
            Some(keys) => OnceLock::from(keys),
            None if config.anchor.is_some() => return Err(missing("anchor")),
            None => OnceLock::new(),
        };
        let company = match &config.wallet {
            Some(Wallet {
                holder: Holder::Company,
                ..
            }) => {
                let number = table.get("company")?.and_then(|bytes| String::from_utf8(bytes).ok());
                Some(number.ok_or_else(|| missing("company"))?)
            }
            _ => None,
        };
        Ok(Keys {
            organisation,
            anchor,
            company,
            transport,
        })
    }

    pub(super) fn organisation(&self) -> Option<&Organisation> {
        self.organisation.as_ref()
    }

    /// organisasjonsnummer of the company whose wallet this is.
    pub(super) fn company(&self) -> Option<&str> {
        self.company.as_deref()
    }

    pub(super) fn anchor(&self) -> Option<&AnchorKeys> {
        self.anchor.get()
    }

    /// Makes this organisation's home an anchor's too, with a head key.
    pub(super) fn become_anchor(&self, store: &Store, name: AnchorName) -> Result<&AnchorKeys, Failure> {
        let keys = AnchorKeys::create(store, name, &[credentials::trust::Role::Head])?;
        if self.anchor.set(keys).is_err() {
            return Err(Failure::because(Code::Internal, "made twice at once"));
        }
        self.anchor.get().ok_or_else(|| missing("anchor"))
    }

    pub(super) fn transport(&self) -> Secret32 {
        Secret32::new(*self.transport)
    }

    /// The ports to try: those of last time where the configuration leaves them open, so that the addresses in the trust
    /// list stay true over a restart.
    pub(super) fn ports(&self, store: &Store, listen: &[String]) -> Result<Vec<ListenOn>, Failure> {
        let remembered: Vec<(u16, u16)> = match store.table(TABLE).get("ports")? {
            Some(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            None => Vec::new(),
        };
        let mut wanted = Vec::new();
        for (index, address) in listen.iter().filter_map(|a| a.parse::<SocketAddr>().ok()).enumerate() {
            let (quic, tcp) = match (address.port(), remembered.get(index)) {
                (0, Some(ports)) => *ports,
                (port, _) => (port, port),
            };
            wanted.push(ListenOn {
                ip: address.ip(),
                quic,
                tcp,
            });
        }
        Ok(wanted)
    }

    /// Keeps the ports that the system picked.
    pub(super) fn remember_ports(&self, store: &Store, addresses: &[Address]) -> Result<(), Failure> {
        let port = |kind: &str| -> Vec<u16> {
            addresses
                .iter()
                .map(ToString::to_string)
                .filter_map(|text| {
                    let rest = text.split_once(&format!("/{kind}/"))?.1;
                    rest.split('/').next()?.parse().ok()
                })
                .collect()
        };
        let (quic, tcp) = (port("udp"), port("tcp"));
        let count = quic.len().max(tcp.len());
        let at = |ports: &[u16], i: usize| ports.get(i).copied().unwrap_or(0);
        let ports: Vec<(u16, u16)> = (0..count).map(|i| (at(&quic, i), at(&tcp, i))).collect();
        let bytes = serde_json::to_vec(&ports).map_err(|e| Failure::because(Code::Internal, e))?;
        let table = store.table(TABLE);
        if table.get("ports")?.as_deref() == Some(&bytes) {
            return Ok(());
        }
        let mut transaction = store.transaction();
        transaction.put(&table, "ports", &bytes);
        transaction.commit()?;
        Ok(())
    }
}
