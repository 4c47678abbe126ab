//! One rung of a ladder for one asker in one case, however often it asks: two rungs would be an interval, and many the amount.

use crate::tables::{Change, RungRow, text};
use crate::{Error, Wallet};
use credentials::request::OpenedRequest;
use credentials::schema::Path;
use credentials::{Code, Problem};
use sha2::{Digest, Sha256};

/// The ladder of a type for an asker in a case.
fn rung_id(opened: &OpenedRequest, vct: &str) -> String {
    let mut hasher = Sha256::new_with_prefix(b"bevis-rung/1");
    for part in [&opened.request.asker.to_string(), &opened.request.case, vct] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    text(&hasher.finalize())
}

/// Detail of `over_ask` for a second rung.
const RUNG: &str = "rung";

impl Wallet {
    /// Refuses with `over_ask` (`rung`) another rung than the one that this asker was shown in this case. What it was shown is kept for good:
    /// an asker that waits learns no second one.
    pub(crate) fn check_rungs(&self, opened: &OpenedRequest) -> Result<(), Error> {
        for (vct, path) in opened.request.query.rungs(&self.types) {
            let shown = self.tables.get::<RungRow>(&rung_id(opened, vct))?;
            if shown.is_some_and(|shown| shown.path != *path) {
                return Err(Problem::new(Code::OverAsk, RUNG).into());
            }
        }
        Ok(())
    }

    /// The rungs that a yes to a request shows, as they are kept.
    pub(crate) fn rungs_of(&self, opened: &OpenedRequest) -> Vec<(String, RungRow)> {
        let row = |path: &Path| RungRow {
            path: path.clone(),
            request: text(&opened.hash),
        };
        let rungs = opened.request.query.rungs(&self.types);
        rungs.map(|(vct, path)| (rung_id(opened, vct), row(path))).collect()
    }
}

impl Change<'_> {
    /// Keeps them.
    pub(crate) fn put_rungs(&mut self, rungs: &[(String, RungRow)]) -> Result<(), Error> {
        rungs.iter().try_for_each(|(id, row)| self.put(id, row))
    }
}
