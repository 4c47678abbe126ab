//! Where the tests of presentations play: real homes that trust an anchor of the test's own, and listed strangers beside them.

use super::Line;
use crate::network::{Network, Organisation, argument, ask, text, until};
use crate::process::{Home, finish};
use crate::stranger::{Bend, Copy, Fetched, Heard, Holder, World, registrations};
use credentials::trust;
use credentials::verify::Verdict;
use node::population::{CITIZEN, STRANGER};
use node::service::Card;
use serde_json::Value;
use std::sync::Arc;

/// Types by their `vct`.
pub(super) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
/// C03.
pub(super) const TAX_RETURN: &str = "urn:bevis:TaxAssessmentSummary:1";

/// What may stand in no log: person numbers, and amounts of the rows below.
const CLAIMS: [&str; 5] = [CITIZEN, STRANGER, "48500", "112820", "621400"];

/// A network whose anchor's key the test holds.
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) network: Network,
}

impl Stage {
    /// Nobody is listed yet.
    pub(super) fn new() -> Stage {
        let world = World::new();
        let network = Network::trusting(&world.root());
        Stage { world, network }
    }

    /// Starts organisations, with a log of everything, lists them and the strangers, and has everybody import the document.
    pub(super) fn begin(
        &self,
        organisations: &mut [(&Organisation, &mut Home)],
        wallets: &mut [&mut Home],
        strangers: Vec<trust::Organisation>,
    ) {
        let mut listed = strangers;
        for (organisation, home) in organisations.iter_mut() {
            home.serve(&["--log", "debug"]);
            listed.push(entry(organisation, home));
        }
        let file = self.network.folder().join("trust.json");
        std::fs::write(&file, self.world.sign(1, listed)).expect("writes");
        for home in organisations.iter().map(|(_, home)| &**home) {
            home.ok(&["trust", "import", argument(&file)]);
        }
        for home in wallets {
            home.serve(&["--log", "debug"]);
            home.ok(&["trust", "import", argument(&file)]);
        }
    }
}

/// The entry of a running home, as its own card says.
pub(crate) fn entry(organisation: &Organisation, home: &Home) -> trust::Organisation {
    let card: Card = serde_json::from_value(home.ok(&["whoami"])["card"].clone()).expect("a card");
    let types = credentials::schema::Types::builtin();
    let vct = |id: &&str| types.find(id).expect("a type").vct.clone();
    trust::Organisation {
        issues: organisation.issues.iter().map(vct).collect(),
        services: registrations(organisation.services),
        ..card.entry().expect("a card with keys")
    }
}

/// A row of the register of monthly income.
pub(super) fn income(number: &str) -> Value {
    row(
        include_str!("../../../credentials/src/schema/examples/MonthlyIncome.json"),
        number,
    )
}

/// A row of the register of tax returns.
pub(super) fn tax_return(number: &str) -> Value {
    row(
        include_str!("../../../credentials/src/schema/examples/TaxAssessmentSummary.json"),
        number,
    )
}

fn row(example: &str, number: &str) -> Value {
    serde_json::from_str(&example.replace(CITIZEN, number)).expect("JSON")
}

/// How long a log is, to look later at what came after.
pub(super) fn mark(home: &Home) -> usize {
    logged(home).len()
}

fn logged(home: &Home) -> String {
    std::fs::read_to_string(home.log()).expect("reads")
}

/// Asserts that the log names a line's code since a mark, and that no claim stands in it.
#[track_caller]
pub(super) fn expect_logged(home: &Home, since: usize, line: &Line) {
    let wanted = format!("code={}", line.code);
    let says = |log: &str| {
        log.get(since..)
            .is_some_and(|new| new.split_whitespace().any(|word| word == wanted))
    };
    // The log is written after the answer leaves.
    until(&wanted, || says(&logged(home)));
    let log = logged(home);
    for claim in CLAIMS {
        assert!(!log.contains(claim), "a claim stands in the log of {:?}", home.path());
    }
}

/// The verifier's door: a bank, and somebody who answers it.
pub(super) struct Door<'a> {
    pub(super) bank: &'a Home,
    pub(super) holder: &'a Holder,
    /// Types asked, as a case-worker names them.
    pub(super) types: &'a [&'a str],
}

impl Door<'_> {
    /// A session with the citizen's case, and its request as the holder fetched it.
    pub(super) fn ask(&self) -> (String, Fetched) {
        let (link, session) = ask(self.bank, "S01", "LAN-1", CITIZEN, self.types);
        let fetched = self.holder.fetch(&link);
        (session, fetched)
    }

    /// Waits until the bank has the status of a copy's issuer.
    pub(super) fn until_known(&self, copy: &Copy) {
        let check = || self.bank.run_with(&["verifier", "check", "-"], &copy.text);
        until("status at the bank", || check().exit == 0);
    }

    /// The acceptance: what comes of this answer is *valid*, on the wire and at the bank.
    #[track_caller]
    pub(super) fn accepts(&self, copies: &[&Copy], bend: &Bend<'_>) {
        let (session, fetched) = self.ask();
        let heard = self.holder.answer(&fetched, &self.holder.token(&fetched, copies, bend));
        assert_eq!(heard, Heard::Receipt(Verdict::Valid, None));
        let watched = self.bank.ok(&["verifier", "watch", &session, "--seconds", "5"]);
        assert_eq!(watched["session"]["verdict"], "valid");
        assert_ne!(watched["session"]["claims"], serde_json::json!({}));
    }

    /// The rejection: this answer is *invalid* because of `check`, with the line's code everywhere.
    #[track_caller]
    pub(super) fn refuses(&self, line: &Line, check: &str, copies: &[&Copy], bend: &Bend<'_>) {
        let since = mark(self.bank);
        let (session, fetched) = self.ask();
        let heard = self.holder.answer(&fetched, &self.holder.token(&fetched, copies, bend));
        assert_eq!(
            heard,
            Heard::Receipt(Verdict::Invalid, Some(line.code)),
            "{}",
            line.kind
        );
        self.shows(line, check, &session, since);
    }

    /// What a session shows after an *invalid* answer: `--json`, text in both languages, exit code and log.
    #[track_caller]
    pub(super) fn shows(&self, line: &Line, check: &str, session: &str, since: usize) {
        let watch = ["verifier", "watch", session, "--seconds", "5"];
        let shown = self.bank.run(&watch).expect(line.exit()).json()["session"].clone();
        assert_eq!(
            (&shown["verdict"], &shown["code"]),
            (&"invalid".into(), &line.code.as_str().into())
        );
        assert_eq!(
            shown["claims"],
            serde_json::json!({}),
            "of what is not valid nothing is shown"
        );
        let failed = shown["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .find(|one| one["outcome"] == "failed" && one["problem"]["code"] == line.code.as_str());
        assert_eq!(text(&failed.expect("the failed check")["check"]), check, "{shown}");
        for language in ["nb", "en"] {
            let typed = self.bank.typed(&[&["--lang", language], &watch[..]].concat());
            line.expect_text(finish(typed, ""), language);
        }
        expect_logged(self.bank, since, line);
    }
}
