//! The key hierarchy below the store key, and sealing with it.
//!
//! Every use has its own key, derived with HKDF-SHA256 (RFC 5869) under a label that names the use,
//! so that bytes sealed for one purpose can never be taken for another.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::row::RowKey;

/// Bytes of an XChaCha20 nonce: long enough to be drawn at random for the life of a key.
pub(crate) const NONCE_BYTES: usize = 24;
/// Bytes that sealing adds: the Poly1305 tag.
pub(crate) const TAG_BYTES: usize = 16;

/// A 24-byte random nonce.
pub(crate) type Nonce = [u8; NONCE_BYTES];

/// XChaCha20-Poly1305 under one derived key. The cipher wipes its key when dropped.
#[derive(Clone)]
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Seals `plain`, binding `context`. `None` only for texts beyond the cipher's 256 GiB.
    pub(crate) fn seal(&self, nonce: &Nonce, context: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: plain,
            aad: context,
        };
        self.0.encrypt(&XNonce::from(*nonce), payload).ok()
    }

    /// Opens what [`Self::seal`] made of the same nonce and context; `None` for anything else.
    pub(crate) fn open(&self, nonce: &Nonce, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload {
            msg: sealed,
            aad: context,
        };
        self.0.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}

/// HMAC-SHA256 under one derived key.
#[derive(Clone)]
pub(crate) struct Keyed(Hmac<Sha256>);

impl Keyed {
    fn new(key: &[u8; 32]) -> Self {
        Self(<Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// Hashes the parts, each preceded by its length so that no two lists give the same input.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// A hash to be fed piece by piece.
    pub(crate) fn stream(&self) -> Hmac<Sha256> {
        self.0.clone()
    }

    /// Compares in constant time.
    pub(crate) fn check(&self, parts: &[&[u8]], expected: &[u8; 32]) -> bool {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.verify_slice(expected).is_ok()
    }
}

/// What one table needs: the key that seals its index rows, and where they lie in the index.
pub(crate) struct TableKeys {
    pub(crate) name: Box<str>,
    pub(crate) sealer: Sealer,
    pub(crate) prefix: [u8; 8],
    names: Keyed,
}

impl TableKeys {
    /// First 24 bytes of the index keys of a group.
    pub(crate) fn group_prefix(&self, group: &[u8]) -> [u8; 24] {
        let hash = self.names.hash(&[b"group", self.name.as_bytes(), group]);
        let mut prefix = [0; 24];
        for (to, from) in prefix.iter_mut().zip(self.prefix.iter().chain(&hash)) {
            *to = *from;
        }
        prefix
    }

    /// The index key of a row: table, keyed hash of the group, keyed hash of the whole key.
    pub(crate) fn row_key(&self, group: &[u8], id: &[u8]) -> RowKey {
        let hash = self.names.hash(&[b"row", self.name.as_bytes(), group, id]);
        let mut key = [0; 40];
        let parts = self.group_prefix(group).into_iter().chain(hash);
        for (to, from) in key.iter_mut().zip(parts) {
            *to = from;
        }
        key
    }
}

/// Every key of an open store. Wiped when dropped.
pub(crate) struct Keys {
    root: Zeroizing<[u8; 32]>,
    pub(crate) store_id: [u8; 16],
    /// Bodies of journal records.
    pub(crate) journal: Sealer,
    /// What a record says about its tables and keys.
    pub(crate) commitment: Keyed,
    /// Headers of journal segments.
    pub(crate) segment: Keyed,
    /// The index's own record of how far it got.
    pub(crate) index_state: Sealer,
    /// The sum over the index's rows.
    pub(crate) index_sum: Keyed,
    /// The high-water file.
    pub(crate) high_water: Sealer,
    /// The root of the keys that can be destroyed.
    pub(crate) erasure: Sealer,
    /// The end mark of backups.
    pub(crate) backup: Keyed,
    names: Keyed,
    tables: RwLock<HashMap<Box<str>, Arc<TableKeys>>>,
}

impl Keys {
    pub(crate) fn new(root: Zeroizing<[u8; 32]>, store_id: [u8; 16]) -> Self {
        let sealer = |label| Sealer::new(&derive(&root, &store_id, label, b""));
        let keyed = |label| Keyed::new(&derive(&root, &store_id, label, b""));
        Self {
            journal: sealer("journal record"),
            commitment: keyed("journal commitment"),
            segment: keyed("segment header"),
            index_state: sealer("index state"),
            index_sum: keyed("index sum"),
            high_water: sealer("high water"),
            erasure: sealer("erasure keys"),
            backup: keyed("backup"),
            names: keyed("index name"),
            tables: RwLock::default(),
            store_id,
            root,
        }
    }

    /// The root key, to be wrapped in a key file.
    pub(crate) fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// The keys of a table, derived once.
    pub(crate) fn table(&self, name: &str) -> Arc<TableKeys> {
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(name) {
            return Arc::clone(keys);
        }
        drop(known);
        let hash = self.names.hash(&[b"table", name.as_bytes()]);
        let mut prefix = [0; 8];
        for (to, from) in prefix.iter_mut().zip(hash) {
            *to = from;
        }
        let keys = Arc::new(TableKeys {
            name: name.into(),
            sealer: self.row_sealer(&prefix),
            prefix,
            names: self.names.clone(),
        });
        self.tables
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), Arc::clone(&keys));
        keys
    }

    /// What seals the rows of the table with this prefix. It follows from the prefix alone, so that the index can be read
    /// without the journal, which knows the tables' names.
    pub(crate) fn row_sealer(&self, prefix: &[u8; 8]) -> Sealer {
        Sealer::new(&derive(&self.root, &self.store_id, "index rows", prefix))
    }

    /// A keyed hash for a caller's own purpose, under a key of its own.
    pub(crate) fn purpose(&self, label: &str, data: &[u8]) -> [u8; 32] {
        Keyed::new(&derive(&self.root, &self.store_id, "purpose", label.as_bytes())).hash(&[data])
    }
}

fn derive(root: &[u8; 32], store_id: &[u8; 16], label: &str, name: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(store_id), root)
        .expand_multi_info(&[b"bevis/store/1/", label.as_bytes(), b"/", name], key.as_mut())
        .expect("32 bytes are within what HKDF-SHA256 gives");
    key
}
