//! A town on the streets: two agencies and a relay where everybody can reach them, banks and people behind doors.

use super::streets::{Door, Streets};
use crate::field::nodes::BANKS;
use crate::network::{IDENTITY, Network, Organisation, ROADS, TAX, collect, import, share, text, until};
use crate::process::Home;
use node::clock::Stopwatch;
use node::population::CITIZEN;
use serde_json::Value;

/// What a bank asks about.
const SERVICE: &str = "S01";
/// Houses before those of banks: the two agencies' and the relay's.
const PUBLIC: usize = 3;

/// Who lives where.
pub(crate) struct Plan<'a> {
    /// The banks' doors, and whether each keeps a place at the relay.
    pub(crate) banks: &'a [(Door, bool)],
    /// The people's.
    pub(crate) wallets: &'a [Door],
}

/// Nodes at work. Every wallet is the same person's.
pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) identity: Home,
    pub(crate) tax: Home,
    pub(crate) relay: Home,
    pub(crate) banks: Vec<Home>,
    pub(crate) wallets: Vec<Home>,
    /// Kept for as long as the town stands.
    _streets: Streets,
    cases: std::cell::Cell<u32>,
}

/// Changes a line of a home's configuration.
fn configure(home: &Home, from: &str, to: &str) {
    let path = home.path().join("bevis.toml");
    let before = std::fs::read_to_string(&path).expect("reads");
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after, "{from} stands in a new configuration");
    std::fs::write(&path, after).expect("writes");
}

impl Town {
    /// Founds it: everybody is listed, every bank that is to have one has a place at the relay, every wallet holds an income.
    pub(crate) fn found(plan: &Plan<'_>) -> Town {
        let mut doors = vec![Door::None; PUBLIC];
        doors.extend(plan.banks.iter().map(|(door, _)| *door));
        doors.extend(plan.wallets);
        let streets = Streets::lay(&doors);
        let network = Network::new();
        let home = |house: usize, organisation: &Organisation| {
            let listen = format!("{}:0", streets.address(house));
            let mut home = network.init(organisation, &["--listen", &listen]);
            home.set_plot(streets.holder(house));
            home
        };
        let (mut identity, mut tax, mut relay) = (home(0, &IDENTITY), home(1, &TAX), home(2, &ROADS));
        configure(&relay, "[verifier]", "[relay]\n\n[verifier]");
        relay.serve(&[]);
        network.list(&relay, ROADS.issues, ROADS.services);
        let card = relay.ok(&["whoami"])["card"].clone();
        let peer = text(&card["peer"]);
        let places = card["addresses"].as_array().expect("addresses").iter();
        let places: Vec<String> = places
            .map(|address| format!("\"{}/p2p/{peer}\"", text(address)))
            .collect();
        let places = format!("relays = [{}]", places.join(", "));
        let organisations: Vec<Organisation> = BANKS[..plan.banks.len()]
            .iter()
            .map(|bank| Organisation {
                services: &[SERVICE],
                ..*bank
            })
            .collect();
        let mut banks: Vec<Home> = Vec::new();
        for (at, (organisation, (_, is_relayed))) in organisations.iter().zip(plan.banks).enumerate() {
            let bank = home(PUBLIC + at, organisation);
            if *is_relayed {
                configure(&bank, "relays = []", &places);
            }
            banks.push(bank);
        }
        let wallets: Vec<Home> = (0..plan.wallets.len())
            .map(|at| {
                let mut wallet = network.wallet(&format!("citizen-{at}"), &[]);
                wallet.set_plot(streets.holder(PUBLIC + plan.banks.len() + at));
                wallet
            })
            .collect();
        let registers = network.population(20, 12);
        let mut all = vec![(&IDENTITY, &mut identity), (&TAX, &mut tax)];
        all.extend(organisations.iter().zip(&mut banks));
        let asking: Vec<&Home> = wallets.iter().chain([&relay]).collect();
        network.begin(&mut all, &asking, &[]);
        import(&identity, "C01", &registers);
        import(&tax, "C02", &registers);
        let mut town = Town {
            _streets: streets,
            network,
            identity,
            tax,
            relay,
            banks,
            wallets,
            cases: std::cell::Cell::new(0),
        };
        for wallet in &mut town.wallets {
            // What it does it does where it lives.
            wallet.serve(&[]);
            town.network.identify(&town.identity, wallet, CITIZEN);
            collect(wallet, &town.tax, "C02");
        }
        for (bank, (_, is_relayed)) in town.banks.iter().zip(plan.banks) {
            if *is_relayed {
                until("the bank has a place at the relay", || has_place(bank));
            }
        }
        town
    }

    /// A case that no other request names.
    pub(crate) fn case(&self) -> String {
        self.cases.set(self.cases.get() + 1);
        format!("LAN-{}", self.cases.get())
    }

    /// A bank asks a person, who says yes: how many milliseconds it took, the person's commands and the bank's among them.
    pub(crate) fn share(&self, bank: &Home, wallet: &Home) -> u128 {
        let watch = Stopwatch::start();
        let detail = share(bank, wallet, SERVICE, &self.case(), CITIZEN, &["C02"]);
        let took = watch.milliseconds();
        assert_eq!(detail["claims"]["MonthlyIncome"]["personidentifikator"], CITIZEN);
        took.into()
    }

    /// Circuits that the relay has carried.
    pub(crate) fn carried(&self) -> u64 {
        figure(&self.relay, "relay_total{what=\"circuit_carried\"}")
    }
}

/// Whether a bank has a place at its relay.
pub(crate) fn has_place(bank: &Home) -> bool {
    figure(bank, "relay_places{what=\"held\"}") > 0
}

/// A figure of a running node; 0 where it is not told.
pub(crate) fn figure(home: &Home, name: &str) -> u64 {
    let metrics = text(&home.ok(&["node", "metrics"])["text"]);
    let name = format!("bevis_{name} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |value| value.parse().expect("a number"))
}

/// Whether the newest connection of a wallet with a bank leads through a relay.
pub(crate) fn is_relayed(wallet: &Home, bank: &Home) -> bool {
    let peer = bank.ok(&["whoami"])["card"]["peer"].clone();
    let peers = wallet.ok(&["node", "peers"]);
    let rows = peers["peers"].as_array().expect("rows").iter();
    let with: Vec<&Value> = rows.filter(|row| row["peer"] == peer).collect();
    let last = with.last().expect("they have talked");
    last["relayed"].as_bool().expect("told")
}
