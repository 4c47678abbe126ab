//! What bad input gets: one line for each kind of it, one test for each line.
//!
//! Each test brings the input through the real door (bytes over libp2p to a running node, a file, or a command), beside the
//! acceptance that it guards, and asserts code, exit code and the sentence that a person reads. The lines stand in
//! [`KINDS`]; the modules below say which test of theirs shows which of them.

mod answers;
mod grants;
mod homes;
mod issuing;
mod network;
mod peers;
mod queues;
mod requests;
pub(crate) mod stage;

use crate::process::Said;
use credentials::Code;
use node::text::Catalogue;
use std::collections::BTreeSet;
use std::path::Path;

/// Every kind of bad input that has to have a test.
const KINDS: &[&str] = &[
    // --- an answer at the verifier's door ---
    "altered disclosure",
    "removed disclosure",
    "added disclosure",
    "reordered disclosure",
    "duplicate JSON keys",
    "floats where money is",
    "unknown issuer",
    "right issuer, wrong type",
    "key outside its window",
    "key with a compromise date",
    "expired",
    "not yet valid",
    "revoked",
    "suspended",
    "superseded",
    "wrong audience",
    "wrong nonce",
    "nonce used before a restart",
    "wrong sd_hash",
    "answer to another request",
    "no holder key",
    "two persons' credentials in one answer",
    "another person's wallet answering",
    "a peer that answers twice",
    // --- a request at the wallet's door ---
    "over-asking by claim",
    "over-asking by type",
    "over-asking by purpose",
    "over-asking by time",
    "over-asking by keeping",
    "a request that leaves out its purpose",
    "a request with two purposes",
    "unsigned request",
    "a listed bank forwarding another bank's genuine request",
    "request from a PeerId not in it",
    "expired request",
    "cut link",
    "cut QR text",
    // --- collecting at the issuer's door ---
    "activation code wrong five times",
    "activation code wrong five times, and after a restart",
    "a relayed PID presentation",
    "a relayed PID presentation, to other keys",
    "redelivery to other keys",
    "asking for another person's data",
    "company opened by a person without a role",
    "company opened by a person whose role ended",
    // --- a standing grant at its source's door, and at its asker's ---
    "a grant altered",
    "a grant widened",
    "a grant replayed after its withdrawal",
    "a grant for another asker",
    "a grant past its end",
    "a grant signed by another person",
    "a grant taken back before it came",
    "a withdrawal forged",
    "a withdrawal replayed",
    "a withdrawal of another grant",
    "a withdrawal before its grant",
    "a withdrawal of a grant unknown",
    "a refresh after the withdrawal",
    "a refresh too often",
    "a refresh beyond its claims",
    "a refresh that cannot be logged",
    // --- a mailbox at its operator's door ---
    "an envelope too large",
    "an envelope of no class",
    "an envelope to a full queue",
    "an envelope to no queue",
    "a queue emptied with another's key",
    // --- at the door of whoever a mailbox is for ---
    "an envelope opened with another's key",
    "an envelope twice",
    // --- any peer at any node's door ---
    "oversize message",
    "garbage message",
    "deep nesting",
    "compression bomb",
    "a peer that stalls",
    "a peer that disconnects half-way",
    "a peer that opens a thousand streams",
    "an organisation without a certificate that holds",
    "an organisation with an earlier certificate",
    // --- what anchors, issuers and registers say to everybody ---
    "an older trust document in a file",
    "trust documents in a file that do not belong together",
    "a trust document in a file with too few signatures",
    "a trust document in a file that one key signed twice",
    "a trust document in a file by an unknown key",
    "an expired trust document in a file",
    "a list in a file that its head does not name",
    "an oversize trust document in a file",
    "an older trust document from a peer",
    "trust documents from a peer that do not belong together",
    "a trust document from a peer with too few signatures",
    "a trust document from a peer that one key signed twice",
    "a trust document from a peer by an unknown key",
    "an expired trust document from a peer",
    "a list from a peer that its head does not name",
    "an oversize trust document from a peer",
    "a credential beyond the end of its list",
    "a status head signed by the wrong key",
    "a status head that another organisation signed",
    "a status head of another issuer",
    "states of too few entries",
    "a digest of content that nobody has",
    "a trust list that nobody confirms any more",
    "a root that a peer offers to a home without one",
    "a notice before the one that it follows",
    "a notice by one key",
    "two notices under one number",
    // --- the home and the machine ---
    "wrong passphrase",
    "home of a newer version",
    "home copied back",
    "home restored and behind",
    "second process",
    "clock a day ahead",
    "clock a day behind",
    "disk full",
    "read-only disk",
];

/// One kind of bad input and the test that shows what it gets.
pub(crate) struct Line {
    /// The kind, as in [`KINDS`].
    pub(crate) kind: &'static str,
    /// The code of the one table that it is answered with, on the wire, in `--json`, in text and in the log.
    pub(crate) code: Code,
    /// The name of the test function in the module that has this line.
    pub(crate) test: &'static str,
}

/// Every line, with the file of the module that shows it.
pub(crate) fn lines() -> Vec<(&'static str, &'static Line)> {
    let modules: [(&str, &[Line]); 8] = [
        ("answers", answers::LINES),
        ("requests", requests::LINES),
        ("issuing", issuing::LINES),
        ("grants", grants::LINES),
        ("queues", queues::LINES),
        ("peers", peers::LINES),
        ("network", network::LINES),
        ("homes", homes::LINES),
    ];
    modules
        .into_iter()
        .flat_map(|(module, lines)| lines.iter().map(move |line| (module, line)))
        .collect()
}

/// The line of a kind, for a test to compare with what it saw.
#[track_caller]
pub(crate) fn line(kind: &str) -> &'static Line {
    let lines = lines();
    let found = lines.iter().find(|(_, line)| line.kind == kind);
    found.unwrap_or_else(|| panic!("no line for {kind:?}")).1
}

impl Line {
    /// A line, in the order of its table.
    pub(crate) const fn new(kind: &'static str, code: Code, test: &'static str) -> Line {
        Line { kind, code, test }
    }

    /// The exit code of a command that ends with this code.
    pub(crate) fn exit(&self) -> i32 {
        i32::from(node::error::exit(self.code))
    }

    /// The sentence of this code in a language.
    pub(crate) fn sentence(&self, language: &str) -> String {
        Catalogue::new(language).text(&format!("problem-{}", self.code), &[])
    }

    /// Asserts that a command with `--json` ended with this line's code and exit code.
    #[track_caller]
    pub(crate) fn expect_json(&self, said: Said) -> Said {
        said.expect_problem(self.exit(), self.code.as_str())
    }

    /// Asserts that a command as a person types it ended with this line's exit code, its sentence and the remedy.
    #[track_caller]
    pub(crate) fn expect_text(&self, said: Said, language: &str) -> Said {
        let said = said.expect(self.exit());
        let remedy = Catalogue::new(language).text(&format!("remedy-{}", self.code), &[]);
        for wanted in [self.sentence(language), remedy] {
            // What is printed wraps nowhere; only the start can be inside a longer line. A verdict is data, a failure is talk.
            let wanted = wanted.trim_end_matches('.');
            assert!(
                said.stderr.contains(wanted) || said.stdout.contains(wanted),
                "{wanted:?} is not in: {said:?}"
            );
        }
        said
    }
}

/// The text of a module with that of the modules inside it.
fn source(root: &Path, module: &str) -> String {
    let read = |path: &Path| std::fs::read_to_string(path).expect("reads");
    let inside = std::fs::read_dir(root.join(module)).into_iter().flatten().flatten();
    let inside: String = inside.map(|entry| read(&entry.path())).collect();
    read(&root.join(format!("{module}.rs"))) + &inside
}

/// What a test function of a module has to itself and shares with no other test: its own text and, for kinds that it takes
/// from a table, what stands there outside [`Line`]s and other tests.
fn own(source: &str, test: &str) -> Option<String> {
    let (before, after) = source.split_once("const LINES: &[Line] = &[")?;
    let (_, after) = after.split_once("\n];\n")?;
    let outside = format!("{before}{after}");
    let mut parts = outside.split("#[test]\nfn ");
    let mut text = parts.next()?.to_owned();
    let mut is_there = false;
    for part in parts {
        let (function, rest) = part.split_once("\n}\n")?;
        if function.strip_prefix(test).is_some_and(|rest| rest.starts_with('(')) {
            is_there = true;
            text.push_str(function);
        }
        text.push_str(rest);
    }
    is_there.then_some(text)
}

#[test]
fn a_kind_that_only_another_test_names_is_not_shown() {
    let source = "const LINES: &[Line] = &[\n  \"a\", \"b\",\n];\nconst TABLE: &str = \"c\";\n\
        #[test]\nfn one() {\n    line(\"a\");\n}\n\n#[test]\nfn two() {\n    line(\"b\");\n}\n";
    let one = own(source, "one").expect("there");
    assert!(one.contains("\"a\"") && one.contains("\"c\"") && !one.contains("\"b\""));
    let two = own(source, "two").expect("there");
    assert!(!two.contains("\"a\"") && two.contains("\"c\"") && two.contains("\"b\""));
    assert_eq!(own(source, "tw"), None);
    assert_eq!(own(source, "three"), None);
}

#[test]
fn every_kind_of_bad_input_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/refusals");
    let mut shown = BTreeSet::new();
    for (module, line) in lines() {
        assert!(
            KINDS.contains(&line.kind),
            "{module}: {:?} is no kind of the table",
            line.kind
        );
        shown.insert(line.kind);
        let text = own(&source(&root, module), line.test);
        let text = text.unwrap_or_else(|| panic!("{module}: no test is called {}", line.test));
        assert!(
            text.contains(&format!("\"{}\"", line.kind)),
            "{module}: {} does not show {:?}",
            line.test,
            line.kind
        );
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !shown.contains(*kind)).collect();
    assert!(missing.is_empty(), "kinds without a test: {missing:?}");
}

#[test]
fn every_code_has_a_sentence_and_a_remedy_in_each_language() {
    for language in node::text::LANGUAGES {
        let catalogue = Catalogue::new(language);
        for code in Code::ALL {
            for key in [format!("problem-{code}"), format!("remedy-{code}")] {
                assert!(catalogue.has(&key), "{language}: {key}");
            }
        }
    }
}
