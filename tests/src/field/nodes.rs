//! A network on the ground: one agency that identifies people, banks, and one person whose identification every bank can check.

use super::ground::Ground;
use super::liars::Liars;
use crate::clocks::Passing;
use crate::network::{IDENTITY, Network, Organisation, argument, import, text, until};
use crate::process::Home;
use node::clock;
use node::population::CITIZEN;
use serde_json::Value;
use std::path::PathBuf;

const fn bank(home: &'static str, number: &'static str, name: &'static str, did: &'static str) -> Organisation {
    Organisation {
        home,
        number,
        name,
        did,
        issues: &[],
        services: &["K02"],
    }
}

/// The banks, of which a test takes the first few.
pub(crate) const BANKS: &[Organisation] = &[
    bank(
        "bank-1",
        "330000015",
        "STILLE GRANSKOG SPAREBANK",
        "did:web:stille-granskog.example",
    ),
    bank(
        "bank-2",
        "330000023",
        "MUNTER HAVBRIS SPAREBANK",
        "did:web:munter-havbris.example",
    ),
    bank(
        "bank-3",
        "330000031",
        "ROLIG EIKELUND SPAREBANK",
        "did:web:rolig-eikelund.example",
    ),
    bank(
        "bank-4",
        "330000058",
        "TRYGG FJELLTOPP SPAREBANK",
        "did:web:trygg-fjelltopp.example",
    ),
    bank(
        "bank-5",
        "330000066",
        "BLID ELVEBREDD SPAREBANK",
        "did:web:blid-elvebredd.example",
    ),
    bank(
        "bank-6",
        "330000074",
        "KVIKK BREGNE SPAREBANK",
        "did:web:kvikk-bregne.example",
    ),
    bank(
        "bank-7",
        "330000082",
        "KLOK KYSTLINJE SPAREBANK",
        "did:web:klok-kystlinje.example",
    ),
    bank(
        "bank-8",
        "330000090",
        "RASK KVIST SPAREBANK",
        "did:web:rask-kvist.example",
    ),
];

/// Longest wait for what must come by itself, in seconds.
const PATIENCE: &str = "120";

/// Nodes at work, each on a plot of its own: the agency on the first, banks on those after it, and free plots behind them.
pub(crate) struct Field {
    pub(crate) ground: Ground,
    pub(crate) network: Network,
    pub(crate) identity: Home,
    pub(crate) banks: Vec<Home>,
    /// The person's; it runs no node, and asks from the outside.
    pub(crate) wallet: Home,
    /// Listed nodes that do not keep the rules.
    pub(crate) liars: Option<Liars>,
    /// What time it is for every node, where a test lets it pass.
    pub(crate) time: Option<Passing>,
    /// The text of a credential of the agency's, as any bank may see it.
    credential: PathBuf,
}

/// What a field is to have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Banks, each on a plot of its own.
    pub(crate) banks: usize,
    /// Listed nodes that lie or say nothing, all on one plot.
    pub(crate) liars: usize,
    /// Whether they flood, too.
    pub(crate) is_flooded: bool,
    /// Plots with no node.
    pub(crate) free: usize,
    /// Whether time can be made to pass.
    pub(crate) is_timed: bool,
}

/// A version of something, as `bevis node seen` names it.
pub(crate) struct Made {
    kind: &'static str,
    id: String,
    /// When it was acknowledged where it was made, in milliseconds since 1970.
    pub(crate) at_ms: u64,
}

impl Field {
    /// Founds it, and waits until every bank finds the credential valid.
    pub(crate) fn found(plan: Plan) -> Field {
        let nodes = 1 + plan.banks;
        let ground = Ground::lay(nodes + usize::from(plan.liars > 0) + plan.free);
        let network = Network::new();
        let time = plan.is_timed.then(|| Passing::begin(network.folder()));
        let home = |plot: usize, organisation: &Organisation| {
            let listen = format!("{}:0", ground.address(plot));
            let mut home = network.init(organisation, &["--listen", &listen]);
            home.set_plot(ground.holder(plot));
            if let Some(time) = &time {
                home.set_environment(time.environment());
            }
            home
        };
        let mut identity = home(0, &IDENTITY);
        let organisations = &BANKS[..plan.banks];
        let mut banks: Vec<Home> = organisations
            .iter()
            .enumerate()
            .map(|(at, bank)| home(at + 1, bank))
            .collect();
        let mut liars = (plan.liars > 0).then(|| Liars::start(&ground, nodes, plan.liars, plan.is_flooded));
        for card in liars.iter_mut().flat_map(Liars::cards) {
            let path = network.folder().join("liar.json");
            std::fs::write(&path, card.to_string()).expect("writes");
            network.list_card(&path, &["C02"], &[]);
        }
        let wallet = network.wallet("citizen", &[]);
        let registers = network.population(20, 12);
        let mut all = vec![(&IDENTITY, &mut identity)];
        all.extend(organisations.iter().zip(&mut banks));
        network.begin(&mut all, &[&wallet], &[]);
        if let Some(liars) = &mut liars {
            liars.begin(&network.folder().join("trust.json"));
        }
        import(&identity, "C01", &registers);
        network.identify(&identity, &wallet, CITIZEN);
        let export = network.folder().join("export.json");
        wallet.ok(&["wallet", "export", argument(&export)]);
        let export: Value = serde_json::from_slice(&std::fs::read(&export).expect("reads")).expect("JSON");
        let credential = network.folder().join("credential");
        std::fs::write(&credential, text(&export["credentials"][0]["copies"][0]["credential"])).expect("writes");
        let field = Field {
            ground,
            network,
            identity,
            banks,
            wallet,
            liars,
            time,
            credential,
        };
        for bank in &field.banks {
            until("a bank finds the credential valid", || {
                field.answer(bank)["verdict"] == "valid"
            });
        }
        field
    }

    /// What a bank says of the credential.
    pub(crate) fn answer(&self, bank: &Home) -> Value {
        bank.run(&["verifier", "check", argument(&self.credential)]).json()
    }

    /// Asserts what these banks say of the credential: `valid`, or a code.
    #[track_caller]
    pub(crate) fn all_answer(&self, banks: &[Home], wanted: &str) {
        for bank in banks {
            let answer = self.answer(bank);
            let said = answer["code"].as_str().or(answer["verdict"].as_str());
            assert_eq!(said, Some(wanted), "{answer}");
        }
    }

    /// Revokes everything of the person, and gives the versions in which that stands.
    pub(crate) fn revoke(&self) -> Vec<Made> {
        let revoke = ["issuer", "revoke", "--subject", "-", "--reason", "lost device"];
        self.identity.run_with(&revoke, &format!("{CITIZEN}\n")).expect(0);
        let at_ms = clock::milliseconds();
        let status = self.identity.ok(&["issuer", "status"]);
        let lists = status["lists"].as_array().expect("lists");
        lists
            .iter()
            .map(|list| Made {
                kind: "status",
                id: format!("{}@{}", text(&list["uri"]), list["version"]),
                at_ms,
            })
            .collect()
    }

    /// Publishes a new list of trust, and gives it to one node.
    pub(crate) fn publish(&self, at: &Home) -> Made {
        let bundle = self.network.sign();
        let taken = at.ok(&["trust", "import", argument(&bundle)]);
        let version = &taken["version"];
        Made {
            kind: "trust",
            id: format!("{}.{}.{}", version["root"], version["list"], version["head"]),
            at_ms: clock::milliseconds(),
        }
    }
}

impl Made {
    /// Waits until it is in effect in a node, and gives when it took effect there, in milliseconds since 1970; nothing when it
    /// did not in a long time.
    pub(crate) fn seen_by(&self, home: &Home) -> Option<u64> {
        self.seen_within(home, PATIENCE)
    }

    /// The same within so many seconds.
    pub(crate) fn seen_within(&self, home: &Home, seconds: &str) -> Option<u64> {
        let seen = home.run(&["node", "seen", "--kind", self.kind, "--id", &self.id, "--wait", seconds]);
        seen.json()["at_ms"].as_u64()
    }

    /// What it is, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.id
    }
}

/// Asserts that all of it is in effect at all of them at most so many milliseconds after an instant: how many after
/// it the last was.
#[track_caller]
pub(crate) fn all_see(made: &[Made], homes: &[Home], since_ms: u64, within_ms: u64) -> u64 {
    let mut last = 0;
    for made in made {
        for home in homes {
            let at = made.seen_by(home);
            let at = at.unwrap_or_else(|| panic!("{} never came to {}", made.name(), home.path().display()));
            last = last.max(at.saturating_sub(since_ms));
        }
    }
    println!(
        "field: the last of {} had all {} after {last} ms",
        homes.len(),
        made.len()
    );
    assert!(last <= within_ms, "{last} ms");
    last
}
