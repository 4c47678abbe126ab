//! A town on the streets: two agencies, a relay and operators of mailboxes where everybody can reach them, banks and people behind
//! doors.

use super::streets::{Door, Streets};
use crate::field::nodes::BANKS;
use crate::mailboxes::{POSTS, pair, request};
use crate::network::{IDENTITY, Network, Organisation, ROADS, TAX, collect, import, share, text, until};
use crate::process::Home;
use node::clock::Stopwatch;
use node::population::{CITIZEN, STRANGER};
use serde_json::Value;

/// What a bank asks about.
const SERVICE: &str = "S01";
/// Houses before those of banks: the two agencies', the relay's, and those of the operators of mailboxes.
const PUBLIC: usize = 3 + POSTS.len();
/// Whose wallets they are, one after the other.
const PEOPLE: [&str; 3] = [CITIZEN, STRANGER, "22824141278"];

/// Who lives where.
pub(crate) struct Plan<'a> {
    /// The banks' doors, and whether each keeps a place at the relay.
    pub(crate) banks: &'a [(Door, bool)],
    /// The people's.
    pub(crate) wallets: &'a [Door],
}

/// Nodes at work.
pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) identity: Home,
    pub(crate) tax: Home,
    pub(crate) relay: Home,
    /// They go on for as long as the town stands.
    _posts: [Home; POSTS.len()],
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
        assert!(plan.wallets.len() <= PEOPLE.len(), "too many people");
        let (mut identity, mut tax, mut relay) = (home(0, &IDENTITY), home(1, &TAX), home(2, &ROADS));
        let mut posts = [home(3, &POSTS[0]), home(4, &POSTS[1])];
        for post in &posts {
            configure(post, "[verifier]", "[mailbox]\n\n[verifier]");
        }
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
        all.extend(POSTS.iter().zip(&mut posts));
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
            _posts: posts,
            banks,
            wallets,
            cases: std::cell::Cell::new(0),
        };
        for (wallet, number) in town.wallets.iter_mut().zip(PEOPLE) {
            // What it does it does where it lives.
            wallet.serve(&[]);
            town.network.identify(&town.identity, wallet, number);
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
        let number = self.person_of(wallet);
        let watch = Stopwatch::start();
        let detail = share(bank, wallet, SERVICE, &self.case(), number, &["C02"]);
        let took = watch.milliseconds();
        assert_eq!(detail["claims"]["MonthlyIncome"]["personidentifikator"], number);
        took.into()
    }

    /// Whose wallet it is.
    pub(crate) fn person_of(&self, wallet: &Home) -> &'static str {
        let at = self.wallets.iter().position(|one| one.path() == wallet.path());
        PEOPLE[at.expect("of this town")]
    }

    /// A bank and a wallet tell each other where their mailboxes are.
    pub(crate) fn pair(&self, bank: &Home, wallet: &Home) {
        pair(bank, wallet, &self.case(), self.person_of(wallet));
    }

    /// A bank leaves a request in a wallet's mailbox, and the wallet finds it: session and name of the request.
    pub(crate) fn leave_request(&self, bank: &Home, wallet: &Home) -> (String, String) {
        let asked = request(bank, &self.case(), self.person_of(wallet), &["--mailbox"])
            .expect(0)
            .json();
        let mut waiting = Vec::new();
        until("the request is in the wallet's mailbox", || {
            wallet.ok(&["wallet", "fetch"]);
            let list = wallet.ok(&["wallet", "requests"]);
            waiting = list["requests"].as_array().expect("a list").clone();
            !waiting.is_empty()
        });
        assert_eq!(waiting.len(), 1, "nothing else waits: {waiting:?}");
        (text(&asked["session"]), text(&waiting[0]["id"]))
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
