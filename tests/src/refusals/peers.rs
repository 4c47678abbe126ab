//! Any peer at any node's door, and any node at the door of a peer that keeps no rule.

mod bytes;
mod certificates;
mod streams;

use super::Line;
use crate::intruder::{Intruder, TRANSPORTS, Tasks, expect_log, memory, trust};
use crate::network::{IDENTITY, Network, import};
use crate::process::Home;
use credentials::Code;
use node::network::Address;
use node::population::CITIZEN;
use std::sync::Arc;
use std::time::Duration;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line {
        kind: "oversize message",
        code: Code::TooLarge,
        test: "an_oversize_message_is_refused_before_it_is_held",
    },
    Line {
        kind: "garbage message",
        code: Code::Malformed,
        test: "garbage_gets_a_code_or_nothing_and_the_node_goes_on",
    },
    Line {
        kind: "deep nesting",
        code: Code::TooLarge,
        test: "nesting_is_refused_at_its_limit_in_cbor_and_in_json",
    },
    Line {
        kind: "compression bomb",
        code: Code::TooLarge,
        test: "a_list_that_inflates_without_end_is_refused_in_bounded_memory",
    },
    Line {
        kind: "a peer that stalls",
        code: Code::Unreachable,
        test: "a_peer_that_stalls_is_cut_off_at_its_named_time",
    },
    Line {
        kind: "a peer that disconnects half-way",
        code: Code::Unreachable,
        test: "what_a_peer_leaves_half_said_is_not_done",
    },
    Line {
        kind: "a peer that opens a thousand streams",
        code: Code::RateLimited,
        test: "a_thousand_streams_hold_sixteen_places_and_others_are_served",
    },
    Line {
        kind: "an organisation without a certificate that holds",
        code: Code::CertificateInvalid,
        test: "an_organisation_is_greeted_by_its_newest_certificate_only_and_never_without_one",
    },
    Line {
        kind: "an organisation with an earlier certificate",
        code: Code::CertificateSuperseded,
        test: "an_organisation_is_greeted_by_its_newest_certificate_only_and_never_without_one",
    },
];

/// Copies of a person-identification credential, as its type says.
const PID_COPIES: usize = 16;
/// What a busy machine may add to a time limit before a test calls it broken.
const MARGIN: Duration = Duration::from_secs(25);
/// What a node may grow by under one of these attacks: some times what its limits add up to for one peer.
const GROWTH_MAX: u64 = 48 << 20;

/// The issuer of identities, attacked, and what an attacker can know of it.
struct Door {
    network: Network,
    identity: Home,
    trust: Arc<credentials::trust::Trust>,
    pid: u32,
    memory: u64,
    tasks: Tasks,
}

impl Door {
    fn new() -> Door {
        let network = Network::new();
        let mut identity = network.init(&IDENTITY, &[]);
        network.begin(&mut [(&IDENTITY, &mut identity)], &[], &["--log", "debug"]);
        let registers = network.population(40, 12);
        import(&identity, "C01", &registers);
        let trust = trust(&network, &network.folder().join("trust.json"));
        let pid = identity.pid();
        let door = Door {
            network,
            identity,
            trust,
            pid,
            memory: 0,
            tasks: Tasks::new(),
        };
        // What the first exchange takes for good is not the attack's.
        door.honest();
        let memory = memory(pid).0;
        Door { memory, ..door }
    }

    /// Somebody collects who keeps the rules.
    fn honest(&self) {
        let wallet = Intruder::new(&self.trust);
        assert_eq!(
            wallet.identify(&self.network, &self.identity, CITIZEN).len(),
            PID_COPIES
        );
    }

    /// The addresses by transport.
    fn addresses(&self) -> Vec<Address> {
        let dialler = Intruder::new(&self.trust);
        TRANSPORTS
            .map(|transport| dialler.address(IDENTITY.did, transport))
            .into()
    }

    /// The acceptance beside every refusal here: the same process, of bounded size, serves an honest wallet.
    fn expect_open(&self, code: Code) {
        self.honest();
        let now = memory(self.pid).0;
        assert!(now < self.memory + GROWTH_MAX, "{} -> {now} bytes", self.memory);
        assert_eq!(self.identity.pid(), self.pid);
        expect_log(&self.identity, code, &[CITIZEN]);
    }

    fn run<T>(&self, attack: impl Future<Output = T>) -> T {
        let bounded = async { tokio::time::timeout(Duration::from_secs(120), attack).await };
        self.tasks.get().block_on(bounded).expect("the attack ends")
    }
}

/// The length of a body, as it stands before it.
fn announced(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("fits").to_be_bytes()
}

/// Where an address leads, without libp2p's spelling.
fn socket(address: &Address) -> std::net::SocketAddr {
    let text = address.to_string();
    let mut parts = text.split('/').filter(|part| part.parse::<u16>().is_ok());
    let port = parts.next().and_then(|port| port.parse().ok()).expect("a port");
    std::net::SocketAddr::from(([127, 0, 0, 1], port))
}
