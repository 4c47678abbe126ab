//! Fast-forward: whoever had the keys signed the highest number there is. A client cannot see it; a new root heals it.

use super::play::{Play, TWO, draft, refused};
use crate::Code;
use crate::trust::cast::{now, seeded};
use crate::trust::{Head, Known, Role, VERSION_MAX, Version};

/// The anchors with fresh keys of a role at these places.
fn replaced(play: &Play, role: Role, places: &[usize]) -> Vec<crate::trust::Hand> {
    let mut hands = play.ceremony.hands().to_vec();
    for at in places {
        hands[*at].replace(role, &mut seeded(&format!("new {role} {at}")));
    }
    hands
}

#[test]
fn stolen_list_keys_that_signed_the_highest_number_are_healed_by_a_root_without_them() {
    let mut play = Play::new();
    // Two anchors' list keys and a head key are stolen; the thief's list is taken, for no client can know.
    let mut stolen = play.ceremony.clone();
    let bundle = stolen.publish(&draft(VERSION_MAX), now()).expect("publishes");
    assert_eq!(play.take(&bundle).map(|taken| taken.version.list), Ok(VERSION_MAX));
    let honest = play.ceremony.publish(&draft(8), now()).expect("publishes");
    assert_eq!(
        play.take(&honest),
        refused(Code::TrustRollback, "list"),
        "nothing newer can come"
    );

    // One anchor alone changing its keys does not reset: the other stolen key could not have signed by itself.
    let mut partly = Play {
        ceremony: play.ceremony.clone(),
        known: play.known.clone(),
    };
    let hands = replaced(&partly, Role::List, &[0]);
    partly.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = partly.ceremony.publish(&draft(8), now()).expect("publishes");
    assert_eq!(partly.take(&bundle), refused(Code::TrustRollback, "list"));

    // The recovery: both anchors make new list keys, the root takes the old ones away, list 8 is signed anew.
    let hands = replaced(&play, Role::List, &[0, 1]);
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = play.ceremony.publish(&draft(8), now()).expect("publishes");
    let taken = play.take(&bundle).expect("takes");
    assert_eq!(taken.reset, [Role::List, Role::Head]);
    assert_eq!((taken.version.root, taken.version.list), (2, 8));
    assert!(taken.version > taken.before);
    assert_eq!(play.known.trust().map(|trust| trust.sequence()), Some(8));
    // What the thief signed counts no more, also when it is shown again.
    let thief = stolen.renew(now()).expect("renews");
    assert_eq!(play.take(&thief), refused(Code::TrustRollback, "head"));
    // A client that slept through all of it, and one that begins today, come to the same.
    let mut sleeper = Play::new();
    assert_eq!(
        sleeper.take(&bundle).map(|taken| taken.version),
        Ok(play.known.version())
    );
    let fresh = play.ceremony.client(&bundle, now()).expect("takes");
    assert_eq!(fresh.version(), play.known.version());
    let again = Known::from_bytes(&play.known.to_bytes().expect("writes")).expect("reads");
    assert_eq!(again.version(), play.known.version(), "and after a restart");
}

#[test]
fn a_stolen_head_key_that_signed_the_highest_number_is_healed_by_a_root_without_it() {
    let mut play = Play::new();
    let root = play.ceremony.newest().expect("a root").root().clone();
    let trust = play.known.trust().expect("in force");
    let highest = Head {
        version: VERSION_MAX,
        ..play.next_head(trust.text(), 7)
    };
    let stolen = highest.sign(&root, play.key(0, Role::Head)).expect("signs");
    let bundle = crate::trust::Bundle {
        head: vec![stolen],
        ..Default::default()
    };
    assert_eq!(play.take(&bundle).map(|taken| taken.version.head), Ok(VERSION_MAX));
    let honest = play.ceremony.renew(now()).expect("renews");
    assert_eq!(play.take(&honest), refused(Code::TrustRollback, "head"));
    let hands = replaced(&play, Role::Head, &[0]);
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = play.ceremony.renew(now()).expect("renews");
    let taken = play.take(&bundle).expect("takes");
    assert_eq!(taken.reset, [Role::Head]);
    let expected = Version {
        root: 2,
        list: 7,
        head: 3,
    };
    assert_eq!(
        (taken.version, play.known.trust().map(|trust| trust.version())),
        (expected, Some(expected))
    );
    assert_eq!(taken.entries.len(), 1, "the list is the same");
}

#[test]
fn a_root_that_takes_no_threshold_away_leaves_the_counters() {
    let mut play = Play::new();
    for _ in 0..3 {
        let bundle = play.ceremony.renew(now()).expect("renews");
        play.take(&bundle).expect("takes");
    }
    let hands = replaced(&play, Role::Root, &[0, 1]);
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let roots = super::play::roots(&[play.ceremony.newest().expect("a root").text()]);
    let taken = play.take(&roots).expect("takes");
    assert!(taken.reset.is_empty());
    assert_eq!(
        play.known.version(),
        Version {
            root: 2,
            list: 7,
            head: 4
        }
    );
    assert!(play.known.trust().is_none(), "until a head of the new root is there");
    let again = Known::from_bytes(&play.known.to_bytes().expect("writes")).expect("reads");
    assert_eq!((again.version(), again.trust().is_none()), (play.known.version(), true));
    let root = play.ceremony.newest().expect("a root").root().clone();
    let list = play.ceremony.renew(now()).expect("renews").list.expect("a list");
    let low = Head {
        version: 3,
        ..play.next_head(&list, 7)
    };
    let low = crate::trust::Bundle {
        head: vec![low.sign(&root, play.key(0, Role::Head)).expect("signs")],
        ..Default::default()
    };
    assert_eq!(play.take(&low), refused(Code::TrustRollback, "head"));
    let bundle = play.ceremony.renew(now()).expect("renews");
    assert!(play.take(&bundle).is_ok());
}

#[test]
fn what_was_seen_is_remembered_across_restarts_and_damage_is_named() {
    let mut play = Play::new();
    let bundle = play.ceremony.publish(&draft(9), now()).expect("publishes");
    play.take(&bundle).expect("takes");
    let bytes = play.known.to_bytes().expect("writes");
    let mut again = Known::from_bytes(&bytes).expect("reads");
    assert_eq!(
        (again.version(), again.tip(), again.fingerprint()),
        (play.known.version(), play.known.tip(), play.known.fingerprint())
    );
    assert_eq!(again.bundle(), play.known.bundle());
    assert_eq!(
        again.trust().map(|trust| trust.version()),
        play.known.trust().map(|trust| trust.version())
    );
    assert_eq!(again.to_bytes().expect("writes"), bytes);
    let lower = play.ceremony.publish(&draft(8), now()).expect("publishes");
    let refused = again.take(&lower, now()).map_err(|refused| refused.problem.code);
    assert_eq!(refused.err(), Some(Code::TrustRollback), "remembered");
    let code = |bytes: &[u8]| Known::from_bytes(bytes).map_err(|problem| problem.code).err();
    assert_eq!(code(&[]), Some(Code::Damaged));
    assert_eq!(code(&bytes[..bytes.len() - 1]), Some(Code::Damaged));
    let mut flips = 0;
    for at in (0..bytes.len()).step_by(97) {
        let mut bent = bytes.clone();
        bent[at] ^= 1;
        // A flip in what no signature covers (a counter without a head, the tip) reads, and a store's seal finds it.
        if Known::from_bytes(&bent).is_err() {
            flips += 1;
        }
    }
    assert!(
        flips * 97 * 10 > bytes.len() * 9,
        "{flips} of {} found",
        bytes.len() / 97
    );
}
