//! Whatever a client is offered, in whatever order: its version never falls, and what it goes by was signed by the threshold.

use super::play::{TWO, draft};
use crate::trust::cast::{self, now, seeded};
use crate::trust::{Bundle, Known, Role, history};
use proptest::prelude::*;
use std::sync::OnceLock;

/// What the anchors published in their time: lists up and down, heads, new roots with and without other keys.
fn published() -> &'static (Vec<Bundle>, Known) {
    static MADE: OnceLock<(Vec<Bundle>, Known)> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut ceremony = cast::ceremony();
        let first = ceremony.first().expect("a root").text().to_owned();
        let (known, _) = Known::first(&first, &ceremony.fingerprint().expect("hashes"), now()).expect("begins");
        let mut bundles = Vec::new();
        for round in 0..3_u64 {
            for sequence in [7, 9, 8] {
                bundles.push(ceremony.publish(&draft(sequence + round), now()).expect("publishes"));
                bundles.push(ceremony.renew(now().plus(60)).expect("renews"));
            }
            let mut hands = ceremony.hands().to_vec();
            let (role, count) = [(Role::Root, 1), (Role::List, 2), (Role::Head, 1)][round as usize];
            for hand in &mut hands[..count] {
                hand.replace(role, &mut seeded(&format!("{round} {}", hand.anchor.id)));
            }
            ceremony.change(hands, TWO, now()).expect("changes");
        }
        bundles.push(ceremony.publish(&draft(30), now()).expect("publishes"));
        (bundles, known)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_version_never_falls_and_the_history_always_holds(
        steps in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..5_u8, -90_i64..90_000), 1..12),
    ) {
        let (bundles, known) = published();
        let mut known = known.clone();
        let mut entries = vec![known_first(&known)];
        for (one, other, part, at) in steps {
            let (one, other) = (one.get(bundles), other.get(bundles));
            let mut offered = one.clone();
            match part {
                0 => offered.list.clone_from(&other.list),
                1 => offered.head.clone_from(&other.head),
                2 => offered.roots.clone_from(&other.roots),
                3 => offered.list = None,
                _ => {}
            }
            let before = known.version();
            let state = known.to_bytes().expect("writes");
            match known.take(&offered, now().plus(at)) {
                Ok(taken) => entries.extend(taken.entries),
                Err(_) => prop_assert_eq!(&known.to_bytes().expect("writes"), &state),
            }
            prop_assert!(known.version() >= before, "{} after {}", known.version(), before);
            if let Some(trust) = known.trust() {
                prop_assert_eq!(trust.version(), known.version());
                prop_assert!(crate::trust::List::open(trust.text(), known.root()).is_ok());
            }
            known = Known::from_bytes(&known.to_bytes().expect("writes")).expect("reads");
        }
        let text = history::export(&entries).expect("writes");
        let verified = history::verify(text.lines(), &known.fingerprint()).map_err(|problem| problem.to_string());
        prop_assert_eq!(verified.map(|verified| verified.tip), Ok(known.tip()));
    }
}

fn known_first(known: &Known) -> history::Entry {
    Known::first(known.root_text(1).expect("held"), &known.fingerprint(), now())
        .expect("begins")
        .1
}
