//! A client of the synthetic network, and ways to sign what no rule allows.

use crate::trust::cast;
use crate::trust::{
    Bundle, Ceremony, Draft, Evidence, Hand, Head, Known, Role, Root, Taken, Thresholds, signatures, text_hash,
};
use crate::{Code, SigningKey, Timestamp, key::Signer};
use serde_json::Value;

/// Two of three sign root and list, one the head.
pub(super) const TWO: Thresholds = Thresholds {
    root: 2,
    list: 2,
    head: 1,
};

pub(super) struct Play {
    pub(super) ceremony: Ceremony,
    pub(super) known: Known,
}

impl Play {
    /// Root 1 and list 7 with head 1 are taken.
    pub(super) fn new() -> Play {
        let mut ceremony = cast::ceremony();
        let bundle = ceremony.publish(&cast::draft(), cast::now()).expect("publishes");
        let known = ceremony.client(&bundle, cast::now()).expect("takes");
        Play { ceremony, known }
    }

    /// As [`Known::take`]; a refusal changes nothing.
    pub(super) fn take(&mut self, bundle: &Bundle) -> Result<Taken, (Code, String)> {
        self.take_at(bundle, cast::now())
    }

    pub(super) fn take_at(&mut self, bundle: &Bundle, now: Timestamp) -> Result<Taken, (Code, String)> {
        self.tried(bundle, now).map_err(|(code, detail, _)| (code, detail))
    }

    /// The evidence of a refusal.
    pub(super) fn evidence(&mut self, bundle: &Bundle) -> (Code, Option<Evidence>) {
        let (code, _, evidence) = self.tried(bundle, cast::now()).expect_err("refused");
        (code, evidence.map(|evidence| *evidence))
    }

    fn tried(&mut self, bundle: &Bundle, now: Timestamp) -> Result<Taken, (Code, String, Option<Box<Evidence>>)> {
        let before = (self.known.version(), self.known.to_bytes().expect("writes"));
        let result = self.known.take(bundle, now);
        let after = (self.known.version(), self.known.to_bytes().expect("writes"));
        match result {
            Ok(taken) => {
                assert_eq!((taken.before, taken.version), (before.0, after.0));
                assert!(after.0 >= before.0, "the version never falls");
                assert_eq!(
                    taken.is_changed,
                    before.1 != after.1,
                    "what is remembered changes when it says so"
                );
                Ok(taken)
            }
            Err(refused) => {
                assert_eq!(before, after, "a refusal changes nothing");
                let problem = refused.problem;
                Err((problem.code, problem.detail.unwrap_or_default(), refused.evidence))
            }
        }
    }

    pub(super) fn hand(&self, at: usize) -> &Hand {
        &self.ceremony.hands()[at]
    }

    pub(super) fn key(&self, at: usize, role: Role) -> &SigningKey {
        self.hand(at).key(role).expect("a key")
    }

    /// The root that would come next, with nothing changed but its version.
    pub(super) fn next_root(&self) -> Root {
        let newest = self.ceremony.newest().expect("a root").root();
        Root {
            version: newest.version + 1,
            ..newest.clone()
        }
    }

    /// The next head for the list that this text is, unsigned.
    pub(super) fn next_head(&self, list: &str, sequence: u64) -> Head {
        let root = self.ceremony.newest().expect("a root");
        let version = self.known.version();
        Head {
            root: root.root().version,
            root_hash: root.hash(),
            list: sequence,
            list_hash: text_hash(list),
            list_size: list.len() as u32,
            version: version.head + 1,
            issued: cast::now(),
            expires: cast::now().plus(86_400),
        }
    }

    /// A list and a head for it that is right in all but what is asked.
    pub(super) fn with_list(&self, list: String, sequence: u64) -> Bundle {
        let head = self.next_head(&list, sequence);
        let root = self.ceremony.newest().expect("a root").root();
        Bundle {
            roots: Vec::new(),
            head: vec![head.sign(root, self.key(0, Role::Head)).expect("signs")],
            list: Some(list),
        }
    }
}

/// The cast's list with another sequence.
pub(super) fn draft(sequence: u64) -> Draft {
    Draft {
        sequence,
        ..cast::draft()
    }
}

/// Signs whatever the document says, with keys of any role or none.
pub(super) fn signed(document: &Value, keys: &[&dyn Signer]) -> String {
    let mut members = document.as_object().expect("an object").clone();
    for key in keys {
        members = signatures::add(members, Role::Root, cast::now(), *key).expect("signs");
    }
    Value::Object(members).to_string()
}

/// A bundle of roots only.
pub(super) fn roots(texts: &[&str]) -> Bundle {
    Bundle {
        roots: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..Bundle::default()
    }
}

pub(super) fn refused<T>(code: Code, detail: &str) -> Result<T, (Code, String)> {
    Err((code, detail.to_owned()))
}
