//! Bringing a home to the format of this version: what would be done, a sealed copy, and each step.
//!
//! One number says which program wrote a home: [`store::FORMAT`], in each segment of its journal. Whoever changes what the store
//! writes, or the form of a role's rows so that an older program cannot read it, raises that number and adds a [`Step`]; the last
//! step always writes the journal anew, so that older programs refuse the home from then on.

use super::{contents, entropy, keys};
use crate::clock;
use crate::error::Failure;
use crate::home::{self, Home};
use credentials::Code;
use std::path::PathBuf;
use store::{Formats, Passphrase, Store};

/// Row with the configuration as the last backup kept it.
pub(super) const CONFIG: &str = "config";

/// Something that has to be done to an older home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The journal is written anew: format 2 has rows that can be erased.
    RewriteJournal,
}

impl Step {
    /// Every step, in the order in which they are done, with the format that needs none of it.
    const ALL: &'static [(Step, u32)] = &[(Step::RewriteJournal, 2)];

    /// Its word in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::RewriteJournal => "rewrite_journal",
        }
    }
}

/// What is there and what has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The formats found.
    pub formats: Formats,
    /// In order; none where the home is of this version.
    pub steps: Vec<Step>,
}

/// What would be done to a home, which may be open. Errors: `newer_format`, `damaged`, `home_missing`.
pub fn plan(home: &Home) -> Result<Plan, Failure> {
    let formats = Store::formats(&home.store()).map_err(|error| match error {
        store::Error::Missing { .. } => Failure::because(Code::HomeMissing, error),
        other => other.into(),
    })?;
    let due = Step::ALL.iter().filter(|(_, done_in)| formats.oldest < *done_in);
    let steps = due.map(|(step, _)| *step).collect();
    Ok(Plan { formats, steps })
}

/// Does what is planned, after a sealed copy of the home as it is; where that is. A current home is not opened, and nothing changes.
///
/// Each step takes effect whole or not at all, so that a home in which this was broken off is migrated by doing it again.
///
/// Errors: `home_locked` while a node runs, `wrong_passphrase`, `newer_format`, `damaged`, `disk_full`: before the copy is whole
/// nothing has changed.
pub fn migrate(home: &Home, plan: &Plan, passphrase: &Passphrase) -> Result<Option<PathBuf>, Failure> {
    if plan.steps.is_empty() {
        return Ok(None);
    }
    let store = Store::open(&home.store(), passphrase, entropy())?;
    let copy = copy(home, &store)?;
    for step in &plan.steps {
        match step {
            Step::RewriteJournal => store.compact()?,
        }
    }
    if !self::plan(home)?.steps.is_empty() {
        return Err(Failure::because(
            Code::Internal,
            "the home is still of the older format",
        ));
    }
    Ok(Some(copy))
}

/// A sealed copy under the home's own passphrase, in a folder of the home.
fn copy(home: &Home, store: &Store) -> Result<PathBuf, Failure> {
    keep_config(home, store)?;
    contents::note(store, clock::now())?;
    let folder = home.copies();
    home::private_folder(&folder)?;
    // To the second: two migrations of one home do not happen in one.
    let name: String = clock::now()
        .to_string()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let path = folder.join(format!("before-migration-{name}.backup"));
    store.backup(&path, None)?;
    Ok(path)
}

/// Puts the configuration's text into the store, so that a copy of the store has it.
pub(super) fn keep_config(home: &Home, store: &Store) -> Result<(), Failure> {
    let config = home::read(&home.config(), u64::from(u16::MAX))?;
    let table = store.table(keys::TABLE);
    if table.get(CONFIG)?.as_deref() != Some(&config) {
        let mut transaction = store.transaction();
        transaction.put(&table, CONFIG, &config);
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::service::create_keys;
    use std::collections::BTreeMap;
    use std::path::Path;
    use store::Params;

    /// Where a segment says its format.
    const FORMAT_AT: std::ops::Range<usize> = 8..12;

    fn passphrase() -> Passphrase {
        Passphrase::new("a synthetic passphrase")
    }

    fn made() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let store = Store::create(&home.store(), &passphrase(), Params::quick(), entropy()).expect("made");
        let config = config::defaults();
        create_keys(&store, &config, None).expect("keys");
        drop(store);
        home::write(&home.config(), config::text(&config).expect("text").as_bytes()).expect("written");
        (folder, home)
    }

    /// A home whose store was written by a program of the first format.
    fn older() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/homes/format-1");
        let journal = "journal-000001";
        home::private_folder(&home.store().join(journal)).expect("made");
        for name in ["keys", "keys-spare", "journal-000001/0000000001.segment"] {
            std::fs::copy(from.join(name), home.store().join(name)).expect("copied");
        }
        home::write(
            &home.config(),
            config::text(&config::defaults()).expect("text").as_bytes(),
        )
        .expect("written");
        (folder, home)
    }

    /// Every file of a home with its bytes.
    fn bytes(home: &Home) -> BTreeMap<PathBuf, Vec<u8>> {
        fn add(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).expect("reads") {
                let path = entry.expect("reads").path();
                if path.is_dir() {
                    add(&path, all);
                } else {
                    all.insert(path.clone(), std::fs::read(path).expect("reads"));
                }
            }
        }
        let mut all = BTreeMap::new();
        add(home.path(), &mut all);
        all
    }

    #[test]
    fn a_home_of_this_version_is_left_as_it_is() {
        let (_folder, home) = made();
        let before = bytes(&home);
        let plan = plan(&home).expect("looked at");
        assert_eq!(plan.steps, []);
        assert_eq!(migrate(&home, &plan, &passphrase()).expect("nothing to do"), None);
        assert_eq!(bytes(&home), before);
    }

    #[test]
    fn a_home_of_the_first_format_is_copied_and_then_of_this_one() {
        let (folder, home) = older();
        let plan = plan(&home).expect("looked at");
        assert_eq!(
            (plan.formats.oldest, plan.steps.as_slice()),
            (1, &[Step::RewriteJournal][..])
        );
        let wrong = migrate(&home, &plan, &Passphrase::new("another")).expect_err("refused");
        assert_eq!(wrong.problem.code, Code::WrongPassphrase);
        assert!(!home.copies().exists(), "nothing was done");
        let copy = migrate(&home, &plan, &passphrase()).expect("migrated").expect("a copy");
        assert_eq!(self::plan(&home).expect("looked at").steps, []);
        let store = Store::open(&home.store(), &passphrase(), entropy()).expect("opens");
        let row = store.table("rows").get("one").expect("reads");
        assert_eq!(row.as_deref(), Some(&b"written by the first format"[..]));
        let old = Store::restore(&copy, &folder.path().join("old"), &passphrase(), entropy()).expect("restored");
        assert_eq!(old.table("rows").get("one").expect("reads"), row);
        assert!(
            old.table(keys::TABLE).get(CONFIG).expect("reads").is_some(),
            "the copy makes a home"
        );
    }

    #[test]
    fn a_home_of_a_newer_format_is_refused_and_left_as_it_is() {
        let (_folder, home) = made();
        let path = home.store().join("journal-000001/0000000001.segment");
        let mut segment = std::fs::read(&path).expect("reads");
        segment[FORMAT_AT].copy_from_slice(&(store::FORMAT + 1).to_be_bytes());
        std::fs::write(&path, segment).expect("writes");
        let before = bytes(&home);
        let refused = plan(&home).expect_err("refused");
        assert_eq!((refused.problem.code, refused.exit()), (Code::NewerFormat, 9));
        assert_eq!(bytes(&home), before);
    }

    #[test]
    fn a_home_that_is_open_is_planned_for_and_not_migrated() {
        let (_folder, home) = older();
        let _open = Store::open(&home.store(), &passphrase(), entropy()).expect("opens");
        let plan = plan(&home).expect("looked at");
        assert_eq!(plan.steps, [Step::RewriteJournal]);
        let refused = migrate(&home, &plan, &passphrase()).expect_err("refused");
        assert_eq!(refused.problem.code, Code::HomeLocked);
    }
}
