//! What pages need of an open home beside its commands: where they are, who is let in, and whether something is new.

use super::{Confided, Service};
use crate::error::Failure;
use crate::home::Home;
use crate::http::door::{Door, Face, Guest, HOLDER};
use credentials::schema::{Text, Types};
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::path::Path;
use store::Passphrase;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// What has changed when any of it has: the last transaction of the store, mirrored lists, trust, sessions, steps of work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateOfThings([u64; 5]);

impl Service {
    /// Links and sessions.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The home's folder.
    pub fn home_path(&self) -> &Path {
        self.home.path()
    }

    /// The types of credential that this home knows.
    pub fn known_types(&self) -> &credentials::schema::Types {
        &self.types
    }

    /// Notes where the pages are.
    pub fn pages_are_at(&self, base: &str) {
        if self.pages.set(base.to_owned()).is_err() {
            tracing::warn!("pages are served twice");
        }
    }

    /// Rises when something about sessions or grants may have changed.
    pub fn session_changes(&self) -> watch::Receiver<u64> {
        self.sessions.subscribe()
    }

    /// Compared with one from before it says whether something is new.
    pub fn state_of_things(&self) -> StateOfThings {
        let (mirrored, trusted) = (*self.mirrored.borrow(), *self.trusted.borrow());
        let (sessions, steps) = (*self.sessions.borrow(), *self.watch_jobs().borrow());
        StateOfThings([self.store.sequence(), mirrored, trusted, sessions, steps])
    }

    /// Whether the passphrase is that of the account, or of the home for a wallet's holder.
    ///
    /// # Errors
    /// `wrong_passphrase`; `rate_limited` while too many were wrong.
    pub fn recognise(&self, handle: &str, passphrase: &Zeroizing<String>) -> Result<(), Failure> {
        let typed = Confided::new(passphrase.as_str());
        match self.wallet {
            Some(_) => self.unlocks(&typed)?,
            None => drop(self.identify(handle, &typed)?),
        }
        Ok(())
    }

    /// Puts the home under another passphrase. Backups that were made before keep theirs.
    ///
    /// # Errors
    /// `wrong_passphrase` when `old` is not the one that opens it.
    pub(super) fn change_passphrase(&self, old: &Confided, new: &Confided) -> Result<Value, Failure> {
        let parameters = self.store.params()?;
        self.store.change_passphrase(
            &Passphrase::new(old.as_str()),
            &Passphrase::new(new.as_str()),
            parameters,
        )?;
        Ok(json!({ "schema": "passphrase-changed/v1" }))
    }

    /// The types of credentials that are known here.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// The listed issuers of a type, with their registered names.
    pub fn issuers_of(&self, vct: &str) -> Vec<(Did, String)> {
        let trust = self.trust();
        let listed = trust.iter().flat_map(|trust| &trust.document().organisations);
        listed
            .filter(|organisation| organisation.issues.iter().any(|issued| issued == vct))
            .map(|organisation| (organisation.did.clone(), organisation.name.clone()))
            .collect()
    }

    /// The registered name of an organisation; none of one that is not listed.
    pub fn listed_name(&self, did: &Did) -> Option<String> {
        Some(self.trust()?.organisation(did)?.name.clone())
    }

    /// What people call a service of an organisation, as it is registered now.
    pub fn service_name(&self, asker: &Did, service: &str) -> Option<Text> {
        let trust = self.trust()?;
        Some(trust.organisation(asker)?.service(service)?.name.clone())
    }

    /// Whether this is the wallet of a person or company, whose holder acts on its pages as at the command line.
    pub fn is_wallet(&self) -> bool {
        self.wallet.is_some()
    }

    /// A link that lets somebody in once.
    pub(super) fn login(&self, person: Option<&str>) -> Result<Value, Failure> {
        let base = self
            .pages
            .get()
            .ok_or_else(|| Problem::new(Code::ConfigInvalid, "http"))?;
        let guest = match (&self.wallet, person) {
            (Some(_), None) => Guest {
                handle: HOLDER.to_owned(),
                name: self
                    .config()
                    .http
                    .as_ref()
                    .map_or(String::new(), |http| http.name.clone()),
                faces: vec![Face::Wallet],
            },
            (None, Some(handle)) => {
                let person = self
                    .person(handle)?
                    .ok_or_else(|| Problem::new(Code::NotFound, "person"))?;
                let face = |face: &super::people::Face| match face {
                    super::people::Face::Desk => Face::Desk,
                    super::people::Face::Console => Face::Console,
                };
                Guest {
                    faces: person.faces.iter().map(face).collect(),
                    handle: person.handle,
                    name: person.name,
                }
            }
            (Some(_), Some(_)) | (None, None) => return Err(Problem::new(Code::Usage, "--person").into()),
        };
        let link = format!("{base}/login/{}", self.door.ticket(guest));
        Ok(json!({ "schema": "login/v1", "link": link, "minutes": crate::http::door::TICKET_SECONDS / 60 }))
    }
}
