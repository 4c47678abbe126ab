//! Validly signed documents that should not exist are alarms, kept with both sides so that anybody can show what was done.

use super::Service;
use credentials::trust::{Evidence, Role};
use credentials::{Code, Problem};

impl Service {
    /// Keeps both sides of what cannot both be right, once. A head that is older than ours and speaks of the very root and list that
    /// we hold was only late, and is no alarm.
    pub(super) fn keep_evidence(&self, evidence: &Evidence, from: &str) {
        let (held, offered) = (evidence.held_version, evidence.offered_version);
        if evidence.code == Code::TrustRollback
            && evidence.role == Role::Head
            && (held.root, held.list) == (offered.root, offered.list)
        {
            return;
        }
        let about = format!("{}: {held}, {offered}", evidence.role);
        let sides = [evidence.held.clone(), evidence.offered.clone()];
        self.alarms.raise(&Problem::new(evidence.code, about), from, &sides);
    }
}
