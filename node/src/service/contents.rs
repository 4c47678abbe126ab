//! What is in a backup: told by rows that the backup itself holds.

use super::{keys, migration};
use crate::config;
use crate::error::Failure;
use crate::output::hex;
use credentials::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::Path;
use store::{Passphrase, Store};

/// Row with when the newest backup was begun, so that it stands in the backup.
const BEGUN: &str = "backup-begun";

/// When a backup was begun, and by which program.
#[derive(Serialize, Deserialize)]
struct Begun {
    at: Timestamp,
    version: String,
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// When it was begun; backups of version 0.1.0 and before do not say.
    #[serde(serialize_with = "instant")]
    pub made: Option<Timestamp>,
    /// By which version of the program.
    pub version: Option<String>,
    /// Roles of the home, by its configuration.
    pub roles: Vec<String>,
    /// The store's own name, in hexadecimal. Backups of one home have the same.
    pub store: String,
    /// Rows of all tables.
    pub rows: u64,
    /// Transactions so far.
    pub sequence: u64,
    /// Times that the home had been restored or copied.
    pub epoch: u32,
    /// Size of the file.
    pub bytes: u64,
}

fn instant<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

/// Notes that a backup is begun now, for the backup to hold.
pub(super) fn note(store: &Store, now: Timestamp) -> Result<(), Failure> {
    let begun = Begun {
        at: now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let bytes = serde_json::to_vec(&begun).map_err(|e| Failure::because(Code::Internal, e))?;
    let mut transaction = store.transaction();
    transaction.put(&store.table(keys::TABLE), BEGUN, &bytes);
    transaction.commit()?;
    Ok(())
}

impl Contents {
    /// Checks a whole backup and says what is in it. Errors: `damaged`, `wrong_passphrase`, `newer_format`.
    pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Contents, Failure> {
        let (begun, config) = ((keys::TABLE, BEGUN), (keys::TABLE, migration::CONFIG));
        let found = Store::inspect_backup(path, passphrase, &[begun, config])?;
        let begun: Option<Begun> = found
            .values
            .get(&begun)
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        // What an older program wrote may have keys that are no longer there; its roles can be told all the same.
        let config = found
            .values
            .get(&config)
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        let config = config
            .and_then(|text| text.parse::<toml::Table>().ok())
            .unwrap_or_default();
        let roles = config::ROLES.iter().filter(|role| config.contains_key(**role));
        Ok(Contents {
            made: begun.as_ref().map(|begun| begun.at),
            version: begun.map(|begun| begun.version),
            roles: roles.map(|role| (*role).to_owned()).collect(),
            store: hex(&found.store_id),
            rows: found.rows,
            sequence: found.info.sequence,
            epoch: found.info.epoch,
            bytes: found.info.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::{self, Home};
    use crate::service::{create_keys, entropy};
    use store::Params;

    #[test]
    fn a_backup_says_when_it_was_made_of_what_and_of_which_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let mut config = config::defaults();
        config.wallet = Some(config::Wallet {
            holder: config::Holder::Person,
            mailboxes: Vec::new(),
        });
        home::write(&home.config(), config::text(&config).expect("text").as_bytes()).expect("written");
        let passphrase = Passphrase::new("a synthetic passphrase");
        let store = Store::create(&home.store(), &passphrase, Params::quick(), entropy()).expect("made");
        create_keys(&store, &config, None).expect("keys");
        let path = folder.path().join("backup");
        store.backup(&path, None).expect("written");
        let old = Contents::read(&path, &passphrase).expect("whole");
        assert_eq!(
            (old.made, old.version.as_deref(), old.roles.len()),
            (None, None, 0),
            "nothing said so yet"
        );
        migration::keep_config(&home, &store).expect("kept");
        let now = Timestamp::from_unix(1_783_900_800);
        note(&store, now).expect("noted");
        store.backup(&path, None).expect("written");
        let contents = Contents::read(&path, &passphrase).expect("whole");
        assert_eq!(
            (contents.made, contents.roles.as_slice()),
            (Some(now), &["wallet".to_owned()][..])
        );
        assert_eq!(contents.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!((contents.rows, contents.epoch), (store.health().rows, 0));
        assert_eq!(contents.store, old.store);
        let wrong = Contents::read(&path, &Passphrase::new("another")).expect_err("refused");
        assert_eq!(wrong.problem.code, Code::WrongPassphrase);
    }
}
