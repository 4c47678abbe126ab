//! Validly signed documents that should not exist are alarms, kept with both sides so that anybody can show what was done.

use super::Service;
use credentials::trust::{Evidence, Role};
use credentials::{Code, Problem};

impl Service {
    /// Keeps both sides of what cannot both be right, once. A lower head of the very root and list that we hold holds nobody back:
    /// of that the evidence is kept, and nobody is called.
    pub(in crate::service) fn keep_evidence(&self, evidence: &Evidence, from: &str) {
        let (held, offered) = (evidence.held_version, evidence.offered_version);
        let is_of_our_list = evidence.code == Code::TrustRollback
            && evidence.role == Role::Head
            && (held.root, held.list) == (offered.root, offered.list);
        if evidence.code == Code::TrustRollback {
            self.older_trust.count(evidence.role);
        }
        let problem = Problem::new(evidence.code, format!("{}: {held}, {offered}", evidence.role));
        let sides = [evidence.held.clone(), evidence.offered.clone()];
        match is_of_our_list {
            true => self.alarms.note(&problem, from, &sides),
            false => self.alarms.raise(&problem, from, &sides),
        }
    }
}
