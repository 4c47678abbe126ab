//! Collecting at the issuer's door.

mod codes;
mod companies;
mod persons;

use super::Line;
use crate::impostor::Lure;
use crate::intruder::trust;
use crate::network::{Network, import};
use crate::process::Home;
use credentials::Code;
use node::population::{CARRIER, CITIZEN, STRANGER, STRANGER_COMPANY};
use std::sync::Arc;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line {
        kind: "activation code wrong five times",
        code: Code::AttemptsExhausted,
        test: "an_activation_code_is_wrong_at_most_five_times",
    },
    Line {
        kind: "activation code wrong five times, and after a restart",
        code: Code::AttemptsExhausted,
        test: "wrong_activation_codes_are_counted_across_a_kill",
    },
    Line {
        kind: "a relayed PID presentation",
        code: Code::WrongAudience,
        test: "a_relayed_identification_is_for_another_audience",
    },
    Line {
        kind: "a relayed PID presentation, to other keys",
        code: Code::KeysNotCovered,
        test: "an_identification_does_not_cover_the_keys_of_whoever_took_it",
    },
    Line {
        kind: "redelivery to other keys",
        code: Code::KeysChanged,
        test: "a_delivery_is_repeated_to_the_same_keys_only",
    },
    Line {
        kind: "asking for another person's data",
        code: Code::WrongSubject,
        test: "nobody_collects_what_is_anothers",
    },
    Line {
        kind: "company opened by a person without a role",
        code: Code::RoleMissing,
        test: "a_companys_wallet_is_opened_by_who_has_a_role_in_it",
    },
    Line {
        kind: "company opened by a person whose role ended",
        code: Code::RoleMissing,
        test: "an_ended_role_and_a_dead_holder_open_no_companys_wallet",
    },
];

/// The register numbers that may stand in no log.
const NUMBERS: [&str; 4] = [CITIZEN, STRANGER, CARRIER, STRANGER_COMPANY];

/// Starts issuers with their registers; gives the signed document.
fn begin(network: &Network, issuers: &mut [(&crate::network::Organisation, &mut Home)], wallets: &[&Home]) -> Begun {
    network.begin(issuers, wallets, &["--log", "debug"]);
    let registers = network.population(40, 12);
    for (organisation, home) in issuers.iter() {
        for name in organisation.issues {
            import(home, name, &registers);
        }
    }
    let document = network.folder().join("trust.json");
    Begun {
        trust: trust(network, &document),
        registers,
    }
}

struct Begun {
    trust: Arc<credentials::trust::Trust>,
    registers: std::path::PathBuf,
}

/// What people read whom an issuer answers with what the thieves above were answered: an honest wallet never earns it, so it
/// comes from a listed peer that says it, to a command as it is typed.
fn expect_told(code: Code) {
    let lure = Lure::new("quic");
    lure.expect_polite();
    lure.expect_told(code);
}
