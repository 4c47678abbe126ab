//! The types a node knows.

use super::CredentialType;
use crate::{Code, Problem};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The declarations that come with this crate.
const BUILTIN: [&[u8]; 9] = [
    include_bytes!("../../types/PersonIdentification.json"),
    include_bytes!("../../types/MonthlyIncome.json"),
    include_bytes!("../../types/TaxAssessmentSummary.json"),
    include_bytes!("../../types/StudentLoanBalance.json"),
    include_bytes!("../../types/TransportLicenceGuarantee.json"),
    include_bytes!("../../types/CompanyRegistration.json"),
    include_bytes!("../../types/AapDecision.json"),
    include_bytes!("../../types/DisabilityBenefitDecision.json"),
    include_bytes!("../../types/TaxClaimsAndPayments.json"),
];

/// Most types a node knows.
const TYPES_MAX: usize = 256;

/// The types a node knows.
#[derive(Clone, Debug, Default)]
pub struct Types {
    by_vct: BTreeMap<String, Arc<CredentialType>>,
}

impl Types {
    /// C01–C06, C08, C09 and C13, from the files of this crate.
    pub fn builtin() -> Types {
        static TYPES: OnceLock<Types> = OnceLock::new();
        let read = || {
            let mut types = Types::default();
            for text in BUILTIN {
                types.add(text).expect("the declarations above are part of this source");
            }
            types
        };
        TYPES.get_or_init(read).clone()
    }

    /// Adds a declaration; the same vct, id or name twice is refused.
    pub fn add(&mut self, text: &[u8]) -> Result<Arc<CredentialType>, Problem> {
        let added = Arc::new(CredentialType::parse(text)?);
        if self.by_vct.len() >= TYPES_MAX {
            return Err(Problem::new(Code::TooLarge, "types"));
        }
        let taken = |known: &Arc<CredentialType>| {
            if known.vct == added.vct {
                Some("vct")
            } else if known.id == added.id {
                Some("id")
            } else if known.name == added.name {
                Some("name")
            } else {
                None
            }
        };
        if let Some(member) = self.by_vct.values().find_map(taken) {
            return Err(Problem::new(Code::DuplicateKey, member));
        }
        self.by_vct.insert(added.vct.clone(), Arc::clone(&added));
        Ok(added)
    }

    /// By `vct`.
    pub fn get(&self, vct: &str) -> Option<&Arc<CredentialType>> {
        self.by_vct.get(vct)
    }

    /// By vct, id (`C02`) or name (`MonthlyIncome`), as a person types it.
    pub fn find(&self, name: &str) -> Option<&Arc<CredentialType>> {
        self.get(name).or_else(|| {
            self.by_vct
                .values()
                .find(|known| known.id.eq_ignore_ascii_case(name) || known.name.eq_ignore_ascii_case(name))
        })
    }

    /// All, sorted by vct.
    pub fn all(&self) -> impl Iterator<Item = &Arc<CredentialType>> {
        self.by_vct.values()
    }
}
