//! Whether somebody still stands behind a company's grant, by what the issuer itself keeps of companies.
//!
//! A source that keeps no register of companies learns of the end of a role or of a company by the holder's or the register's word
//! alone; one that does asks its own rows before each release.

use credentials::schema::{CredentialType, HolderProof, values_at};
use credentials::sd_jwt::StatusRef;
use credentials::{Code, Problem};
use serde_json::Value;
use std::sync::Arc;

use crate::issuance::Identified;
use crate::register::{from_json, is_revoking};
use crate::tables::{Credential, pair};
use crate::{Error, Issuer, status};

/// A row that says so of itself is of a company of which somebody else disposes now.
const BANKRUPT: &str = "konkurs";

impl Issuer {
    /// The type in whose rows this issuer may keep the companies that a type is about.
    fn register_of_companies(&self, credential_type: &Arc<CredentialType>) -> Option<Arc<CredentialType>> {
        let found = match &credential_type.holder.proof {
            HolderProof::Role { .. } => Some(credential_type.clone()),
            HolderProof::Credential { vct, .. } => self.types.get(vct).cloned(),
            HolderProof::ActivationCode => None,
        };
        found.filter(|found| matches!(found.holder.proof, HolderProof::Role { .. }))
    }

    /// Who gives a company's grant, as a keyed hash: who opened the wallet now, or collected what it shows, where that is known here.
    pub(super) fn giver(
        &self,
        credential_type: &Arc<CredentialType>,
        identified: &Identified,
    ) -> Result<Option<[u8; 32]>, Error> {
        if let Some(person) = &identified.person {
            return Ok(Some(self.person(person)));
        }
        let (Some(register), Some(shown)) = (self.register_of_companies(credential_type), &identified.shown) else {
            return Ok(None);
        };
        for key in self.rows_of(&register.vct, &identified.holder)? {
            for (id, _) in self.tables.by_row.table.group(&pair(&register.vct, &key))? {
                let (_, credential) = self.credential(&id)?;
                if self.is_of(&credential, shown) {
                    return Ok(credential.opened_by);
                }
            }
        }
        Ok(None)
    }

    fn is_of(&self, credential: &Credential, shown: &StatusRef) -> bool {
        credential
            .positions
            .iter()
            .any(|position| position.index == shown.index && status::uri(&self.settings, position.list) == shown.uri)
    }

    /// Refuses with `role_missing`: where the register says that the company is struck off or bankrupt (`konkurs`), and where whoever
    /// gave the grant has lost the role.
    pub(super) fn require_giver(
        &self,
        credential_type: &Arc<CredentialType>,
        holder: &str,
        giver: Option<&[u8; 32]>,
    ) -> Result<(), Error> {
        let Some(register) = self.register_of_companies(credential_type) else {
            return Ok(());
        };
        let HolderProof::Role { person, .. } = &register.holder.proof else {
            return Ok(());
        };
        for key in self.rows_of(&register.vct, holder)? {
            let Some(record) = self.register_row(&register.vct, &key)? else {
                continue;
            };
            let row = from_json(&record.row)?;
            if is_revoking(&register, &row) || row.value().get(BANKRUPT).and_then(Value::as_bool) == Some(true) {
                return Err(Problem::new(Code::RoleMissing, BANKRUPT).into());
            }
            let is_giver = |number: &str, giver: &[u8; 32]| self.person(number) == *giver;
            let has_role = giver.is_none_or(|giver| {
                values_at(row.value(), person)
                    .into_iter()
                    .filter_map(Value::as_str)
                    .any(|number| is_giver(number, giver) && register.has_role(&row, number))
            });
            if !has_role {
                return Err(Code::RoleMissing.into());
            }
        }
        Ok(())
    }
}
