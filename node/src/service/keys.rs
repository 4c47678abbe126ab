//! A node's own keys, in the sealed store: the organisation's signing key and the transport key, made once at `init`.

use crate::clock;
use crate::config::{Config, Holder, Wallet};
use crate::error::Failure;
use crate::network::{Address, ListenOn, PeerName, Secret32, peer_name};
use credentials::identifier::OrganisationNumber;
use credentials::time::DAY;
use credentials::{Code, Did, SigningKey, Timestamp, random};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use store::Store;
use zeroize::Zeroizing;

/// Table of the node's own records.
pub(super) const TABLE: &str = "node";
/// Validity of an organisation's first key: a year, in seconds.
const KEY_SECONDS: i64 = 366 * DAY;

/// An organisation's key with its names.
pub(super) struct OrganisationKey {
    pub(super) did: Did,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) signer: Arc<SigningKey>,
    pub(super) peer: PeerName,
    pub(super) valid_from: Timestamp,
    pub(super) valid_until: Timestamp,
}

impl OrganisationKey {
    pub(super) fn kid(&self) -> String {
        format!("{}#key-1", self.did)
    }

    /// Under which URIs this organisation's status lists are known: names, not places to fetch from.
    pub(super) fn status_base(&self) -> String {
        match &self.did {
            Did::Web(domain) => format!("https://{domain}/status/"),
            other => format!("urn:bevis:status:{other}:"),
        }
    }
}

/// The keys of a home.
pub(super) struct Keys {
    organisation: Option<OrganisationKey>,
    anchor: Option<SigningKey>,
    company: Option<String>,
    transport: Zeroizing<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

/// What an organisation's node tells the anchor about itself: public, carried as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// `card/v1`
    pub schema: String,
    /// DID.
    pub did: Did,
    /// organisasjonsnummer
    pub number: String,
    /// Registered name.
    pub name: String,
    /// Name of the signing key.
    pub kid: String,
    /// The signing key as `did:key`.
    pub key: Did,
    /// The key's window.
    pub valid_from: Timestamp,
    /// The key's window.
    pub valid_until: Timestamp,
    /// PeerId.
    pub peer: String,
    /// Where it listens; empty while it does not run.
    pub addresses: Vec<String>,
}

impl Keys {
    /// Makes the keys of a new home. Whose wallet it is, is nobody's to read either, so it lies with them.
    pub(super) fn create(store: &Store, config: &Config, company: Option<&OrganisationNumber>) -> Result<(), Failure> {
        let table = store.table(TABLE);
        let mut transaction = store.transaction();
        let transport = Zeroizing::new(random::bytes::<32>(&mut clock::System));
        transaction.put(&table, "transport-key", &*transport);
        if config.organisation.is_some() {
            let key = SigningKey::generate(&mut clock::System);
            let from = clock::now().day();
            let window = Window {
                from,
                until: from.plus(KEY_SECONDS),
            };
            let window = serde_json::to_vec(&window).map_err(|e| Failure::because(Code::Internal, e))?;
            transaction.put(&table, "organisation-key", &*key.to_bytes());
            transaction.put(&table, "organisation-key-window", &window);
        }
        if config.anchor.is_some() {
            transaction.put(
                &table,
                "anchor-key",
                &*SigningKey::generate(&mut clock::System).to_bytes(),
            );
        }
        if let Some(company) = company {
            transaction.put(&table, "company", company.as_str().as_bytes());
        }
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn load(store: &Store, config: &Config) -> Result<Keys, Failure> {
        let table = store.table(TABLE);
        let secret = |name: &'static str| -> Result<Option<Zeroizing<[u8; 32]>>, Failure> {
            let Some(bytes) = table.get(name)?.map(Zeroizing::new) else {
                return Ok(None);
            };
            let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Failure::because(Code::Damaged, name))?;
            Ok(Some(Zeroizing::new(bytes)))
        };
        let missing = |name| Failure::because(Code::Damaged, format!("{name} is missing"));
        let transport = secret("transport-key")?.ok_or_else(|| missing("transport-key"))?;
        let organisation = match &config.organisation {
            None => None,
            Some(organisation) => {
                let key = secret("organisation-key")?.ok_or_else(|| missing("organisation-key"))?;
                let window = table
                    .get("organisation-key-window")?
                    .ok_or_else(|| missing("organisation-key-window"))?;
                let window: Window = serde_json::from_slice(&window).map_err(|_| missing("organisation-key-window"))?;
                Some(OrganisationKey {
                    did: organisation.did.clone(),
                    number: organisation.number.clone(),
                    name: organisation.name.clone(),
                    signer: Arc::new(SigningKey::from_bytes(&key)),
                    peer: peer_name(&Secret32::new(*transport)),
                    valid_from: window.from,
                    valid_until: window.until,
                })
            }
        };
        let anchor = match &config.anchor {
            None => None,
            Some(_) => Some(SigningKey::from_bytes(
                &*secret("anchor-key")?.ok_or_else(|| missing("anchor-key"))?,
            )),
        };
        let company = match &config.wallet {
            Some(Wallet {
                holder: Holder::Company,
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

    pub(super) fn organisation(&self) -> Option<&OrganisationKey> {
        self.organisation.as_ref()
    }

    /// organisasjonsnummer of the company whose wallet this is.
    pub(super) fn company(&self) -> Option<&str> {
        self.company.as_deref()
    }

    pub(super) fn anchor(&self) -> Option<&SigningKey> {
        self.anchor.as_ref()
    }

    pub(super) fn transport(&self) -> Secret32 {
        Secret32::new(*self.transport)
    }

    /// The ports to try: those of last time where the configuration leaves them open, so that the addresses in the trust
    /// document stay true over a restart.
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
