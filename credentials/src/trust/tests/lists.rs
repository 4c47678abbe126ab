//! What a client refuses of a list, each beside what it takes.

use super::play::{Play, TWO, draft, refused, signed};
use crate::trust::cast::{self, now, seeded};
use crate::trust::{Bundle, Class, Hand, LIST_DAYS_MAX, List, Role, SIGNATURES_MAX, TRUST_MAX, VERSION_MAX};
use crate::{Code, key::Signer, time::DAY};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a list signed by these keys comes to, with a head that is right.
fn by(play: &mut Play, keys: &[&dyn Signer]) -> Result<u64, (Code, String)> {
    let text = signed(&draft(8).to_value(), keys);
    let bundle = play.with_list(text, 8);
    play.take(&bundle).map(|taken| taken.version.list)
}

/// The list keys of the anchors in their places.
fn keys(play: &Play, places: &[usize]) -> Vec<crate::SigningKey> {
    let secret = |at: &usize| crate::SigningKey::from_bytes(&play.key(*at, Role::List).to_bytes());
    places.iter().map(secret).collect()
}

fn signers(keys: &[crate::SigningKey]) -> Vec<&dyn Signer> {
    keys.iter().map(|key| key as &dyn Signer).collect()
}

#[test]
fn two_anchors_of_two_classes_sign_a_list_and_fewer_do_not() {
    let mut play = Play::new();
    let keys = keys(&play, &[0, 1, 2]);
    let keys = signers(&keys);
    assert_eq!(by(&mut play, &keys[..1]), refused(Code::TrustThreshold, "list"), "one");
    assert_eq!(by(&mut play, &[]), refused(Code::TrustThreshold, "list"), "none");
    assert_eq!(by(&mut play, &keys[1..]), Ok(8));
}

#[test]
fn two_keys_of_one_anchor_count_once_and_one_key_twice_is_refused() {
    let mut play = Play::new();
    let mut hands = play.ceremony.hands().to_vec();
    hands[0].add(Role::List, cast::key(150));
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = play.ceremony.renew(now()).expect("renews");
    play.take(&bundle).expect("root 2");
    let keys = [keys(&play, &[0, 1]), vec![cast::key(150)]].concat_keys();
    let keys = signers(&keys);
    assert_eq!(
        by(&mut play, &[keys[0], keys[2]]),
        refused(Code::TrustThreshold, "list"),
        "two keys of one anchor"
    );
    let mut twice: Value = serde_json::from_str(&signed(&draft(8).to_value(), &keys[..2])).expect("JSON");
    let proof = twice["proof"][1].clone();
    twice["proof"].as_array_mut().expect("a set").push(proof);
    let bundle = play.with_list(twice.to_string(), 8);
    assert_eq!(play.take(&bundle), refused(Code::TrustThreshold, "list: one key twice"));
    assert_eq!(
        by(&mut play, &[keys[0], keys[2], keys[1]]),
        Ok(8),
        "another anchor beside the two keys"
    );
}

trait Concat {
    fn concat_keys(self) -> Vec<crate::SigningKey>;
}
impl Concat for [Vec<crate::SigningKey>; 2] {
    fn concat_keys(self) -> Vec<crate::SigningKey> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn anchors_of_one_class_cannot_sign_a_list_alone() {
    let mut play = Play::new();
    let mut hands = play.ceremony.hands().to_vec();
    hands.push(Hand::new("second", "Annen etat", Class::Agency, &mut seeded("second")));
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = play.ceremony.renew(now()).expect("renews");
    play.take(&bundle).expect("root 2");
    let keys = keys(&play, &[0, 3, 1]);
    let keys = signers(&keys);
    assert_eq!(
        by(&mut play, &keys[..2]),
        refused(Code::TrustThreshold, "list"),
        "two agencies"
    );
    assert_eq!(by(&mut play, &keys[1..]), Ok(8), "an agency and a bank");
}

#[test]
fn a_list_that_somebody_else_signed_too_or_that_is_altered_is_refused() {
    let mut play = Play::new();
    let own = keys(&play, &[0, 1]);
    let mut keys = signers(&own);
    let (stranger, root, head) = (
        cast::key(99),
        play.key(0, Role::Root).to_bytes(),
        play.key(0, Role::Head).to_bytes(),
    );
    let (root, head) = (
        crate::SigningKey::from_bytes(&root),
        crate::SigningKey::from_bytes(&head),
    );
    for other in [&stranger, &root, &head] {
        keys.push(other);
        assert_eq!(by(&mut play, &keys), refused(Code::UnknownKey, "list"));
        keys.pop();
    }
    let altered = signed(&draft(8).to_value(), &keys).replace("974761076", "974760673");
    let bundle = play.with_list(altered, 8);
    assert_eq!(play.take(&bundle), refused(Code::SignatureInvalid, "list"));
    assert_eq!(by(&mut play, &keys), Ok(8));
}

#[test]
fn a_lower_list_is_a_rollback_with_evidence() {
    let mut play = Play::new();
    let bundle = play.ceremony.publish(&draft(9), now()).expect("publishes");
    play.take(&bundle).expect("takes");
    let lower = play.ceremony.publish(&draft(8), now()).expect("publishes");
    let (code, evidence) = play.evidence(&lower);
    let evidence = evidence.expect("validly signed");
    assert_eq!((code, evidence.role), (Code::TrustRollback, Role::List));
    assert_eq!((evidence.held_version.list, evidence.offered_version.list), (9, 8));
    let higher = play.ceremony.publish(&draft(10), now()).expect("publishes");
    assert_eq!(play.take(&higher).map(|taken| taken.version.list), Ok(10));
}

#[test]
fn another_list_of_the_same_version_is_a_conflict_with_evidence() {
    let mut play = Play::new();
    let held = play.known.bundle();
    let mut other = draft(7);
    other.operator = "Et annet anker".to_owned();
    let rival = play.ceremony.publish(&other, now()).expect("publishes");
    let (code, evidence) = play.evidence(&rival);
    let evidence = evidence.expect("both are validly signed");
    assert_eq!((code, evidence.role), (Code::TrustConflict, Role::List));
    assert_eq!(
        (Some(evidence.held), Some(evidence.offered)),
        (held.list, rival.list.clone())
    );
    // Also where the head that comes with it names the right one.
    let mixed = Bundle {
        list: rival.list,
        ..play.known.bundle()
    };
    assert_eq!(play.evidence(&mixed).0, Code::TrustConflict);
    let keys = keys(&play, &[1, 2]);
    let again = signed(&draft(7).to_value(), &signers(&keys));
    let bundle = play.with_list(again, 7);
    assert!(play.take(&bundle).is_ok(), "the same list by other signers is none");
}

#[test]
fn a_list_that_its_head_does_not_name_is_refused() {
    let mut play = Play::new();
    let eight = play.ceremony.publish(&draft(8), now()).expect("publishes");
    let nine = play.ceremony.publish(&draft(9), now()).expect("publishes");
    let mixed = |list: &Bundle, head: &Bundle| Bundle {
        list: list.list.clone(),
        ..head.clone()
    };
    assert_eq!(
        play.take(&mixed(&eight, &nine)),
        refused(Code::TrustMismatch, "list"),
        "an older list"
    );
    assert_eq!(
        play.take(&mixed(&nine, &eight)),
        refused(Code::TrustMismatch, "list"),
        "a newer list"
    );
    let missing = Bundle {
        list: None,
        ..eight.clone()
    };
    assert_eq!(
        play.take(&missing),
        refused(Code::TrustMismatch, "list"),
        "the list is not at hand"
    );
    let text = eight.list.clone().expect("a list");
    let bundle = play.with_list(text.clone(), 10);
    assert_eq!(play.take(&bundle), refused(Code::TrustMismatch, "list: number"));
    let mut longer = play.next_head(&text, 8);
    longer.list_size += 1;
    let root = play.ceremony.newest().expect("a root").root();
    let longer = Bundle {
        head: vec![longer.sign(root, play.key(0, Role::Head)).expect("signs")],
        ..eight.clone()
    };
    assert_eq!(play.take(&longer), refused(Code::TrustMismatch, "list"), "another size");
    let spaced = Bundle {
        list: Some(format!("{text} ")),
        ..eight.clone()
    };
    assert_eq!(play.take(&spaced), refused(Code::TrustMismatch, "list"), "another hash");
    assert_eq!(play.take(&eight).map(|taken| taken.version.list), Ok(8));
    let held = Bundle {
        roots: Vec::new(),
        list: None,
        ..play.ceremony.renew(now()).expect("renews")
    };
    assert_eq!(
        play.take(&held),
        refused(Code::TrustMismatch, "list"),
        "list 9 is not held"
    );
}

#[test]
fn a_head_alone_confirms_the_list_that_is_held() {
    let mut play = Play::new();
    let later = now().plus(3_600);
    let head = Bundle {
        roots: Vec::new(),
        list: None,
        ..play.ceremony.renew(later).expect("renews")
    };
    let taken = play.take_at(&head, later).expect("takes");
    assert!(taken.is_changed && taken.entries.is_empty());
    assert_eq!(play.known.trust().map(|trust| trust.head_issued()), Some(later));
    assert!(!play.take_at(&head, later).expect("takes").is_changed, "twice");
}

#[test]
fn an_expired_list_and_one_of_the_future_are_refused() {
    let mut play = Play::new();
    let mut expired = draft(8);
    expired.next_update = now().plus(-1);
    let bundle = play.ceremony.publish(&expired, now()).expect("publishes");
    assert_eq!(play.take(&bundle), refused(Code::TrustStale, "list"));
    assert!(play.take_at(&bundle, now().plus(-1)).is_ok());
    let mut future = draft(9);
    (future.issued, future.next_update) = (now().plus(301), now().plus(DAY));
    let bundle = play.ceremony.publish(&future, now()).expect("publishes");
    assert_eq!(play.take(&bundle), refused(Code::ClockSuspect, "list"));
    assert!(play.take_at(&bundle, now().plus(1)).is_ok());
}

#[test]
fn a_list_beyond_its_limits_is_too_large_before_it_is_read() {
    let mut play = Play::new();
    let bundle = Bundle {
        list: Some(" ".repeat(TRUST_MAX + 1)),
        ..play.known.bundle()
    };
    assert_eq!(play.take(&bundle), refused(Code::TooLarge, "list"));
    let mut many = draft(8).to_value();
    for count in [SIGNATURES_MAX + 1, 10_000] {
        many["proof"] = json!(vec![json!({}); count]);
        let bundle = play.with_list(many.to_string(), 8);
        assert_eq!(
            play.take(&bundle),
            refused(Code::TooLarge, "list: proof"),
            "{count} proofs"
        );
    }
    let keys = keys(&play, &[0, 1]);
    let text = signed(&draft(8).to_value(), &signers(&keys));
    let text = format!("{text}{}", " ".repeat(TRUST_MAX - text.len()));
    let bundle = play.with_list(text, 8);
    assert!(play.take(&bundle).is_ok(), "as large as it may be");
}

#[test]
fn a_list_counts_for_a_year_at_most_and_its_number_is_one_that_json_keeps() {
    for (what, days, sequence, expected) in [
        ("a year", LIST_DAYS_MAX, 8, true),
        ("a day more", LIST_DAYS_MAX + 1, 8, false),
        ("the highest number", 1, VERSION_MAX, true),
        ("one more", 1, VERSION_MAX + 1, false),
        ("none", 1, 0, false),
    ] {
        let mut draft = draft(sequence);
        draft.next_update = draft.issued.plus(days * DAY);
        assert_eq!(draft.check().is_ok(), expected, "{what}");
    }
}

#[test]
fn a_list_with_a_registration_beyond_its_services_maximum_is_refused_whoever_signed_it() {
    // Ten days less an hour and a minute (E03).
    let longest = 860_340;
    let with = |seconds: i64| {
        let mut draft = draft(8);
        let bank = &mut draft.organisations[3];
        let loan = bank.services.iter_mut().find(|service| service.id == "S01");
        Arc::make_mut(loan.expect("S01")).request_seconds_max = seconds;
        draft
    };
    for (seconds, expected) in [
        (longest, Ok(8)),
        (
            longest + 1,
            refused(Code::Malformed, "list: S01 request_seconds_max: 860341 is over 860340"),
        ),
    ] {
        let mut play = Play::new();
        let own = keys(&play, &[0, 1]);
        let bundle = play.with_list(signed(&with(seconds).to_value(), &signers(&own)), 8);
        assert_eq!(play.take(&bundle).map(|taken| taken.version.list), expected);
        // Nor is it made.
        let made = play.ceremony.publish(&with(seconds), now());
        assert_eq!(made.is_ok(), seconds == longest);
    }
}

#[test]
fn no_key_of_an_anchor_is_a_key_of_an_organisation_too() {
    let mut play = Play::new();
    for role in Role::ALL {
        let mut draft = draft(8);
        draft.organisations[0].keys[0].key = play.key(1, role).verifying_key();
        let list = play
            .ceremony
            .publish(&draft, now())
            .map_err(|problem| (problem.code, problem.detail.unwrap_or_default()));
        assert_eq!(list, refused(Code::Malformed, "list: key of an anchor"), "{role}");
        let own = keys(&play, &[0, 1]);
        let bundle = play.with_list(signed(&draft.to_value(), &signers(&own)), 8);
        assert_eq!(
            play.take(&bundle),
            refused(Code::Malformed, "list: key of an anchor"),
            "{role}"
        );
    }
}

#[test]
fn a_signature_is_added_by_a_list_key_once_and_by_no_other() {
    let play = Play::new();
    let root = play.ceremony.newest().expect("a root").root();
    let text = draft(8).to_value().to_string();
    let sign = |text: &str, key: &crate::SigningKey| List::sign(text, root, now(), key).map_err(|problem| problem.code);
    let one = sign(&text, play.key(0, Role::List)).expect("signs");
    assert_eq!(sign(&one, play.key(0, Role::List)), Err(Code::TrustThreshold));
    assert_eq!(
        sign(&one, play.key(1, Role::Head)),
        Err(Code::UnknownKey),
        "a head key signs heads"
    );
    assert_eq!(sign(&one, play.key(1, Role::Root)), Err(Code::UnknownKey));
    assert_eq!(
        List::open(&one, root).map_err(|problem| problem.code).err(),
        Some(Code::TrustThreshold)
    );
    let two = sign(&one, play.key(1, Role::List)).expect("signs");
    assert_eq!(List::open(&two, root).expect("opens").draft(), &draft(8));
    assert_eq!(List::signers(&one, root).map(|keys| keys.len()), Ok(1));
    assert_eq!(List::signers(&text, root), Ok(Vec::new()));
}
