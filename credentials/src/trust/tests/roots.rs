//! What a client refuses of a root, each beside what it takes.

use super::play::{Play, TWO, refused, roots, signed};
use crate::trust::cast::{self, now, seeded};
use crate::trust::{
    ANCHOR_KEYS_MAX, Anchor, Class, Fingerprint, Hand, Known, ROOT_DAYS, ROOT_MAX, ROOTS_MAX, Role, Root,
    SIGNATURES_MAX, SignedRoot, Thresholds, VERSION_MAX,
};
use crate::{Code, SigningKey, key::Signer, time::DAY};
use serde_json::{Value, json};

/// What a root of the three anchors becomes when these keys sign it.
fn by(play: &Play, root: &Root, keys: &[&dyn Signer]) -> Result<u64, (Code, String)> {
    let before = play.known.clone();
    let text = signed(&root.to_value(), keys);
    let mut play = Play {
        ceremony: play.ceremony.clone(),
        known: before,
    };
    play.take(&roots(&[&text])).map(|taken| taken.version.root)
}

/// The code of a root that bends a rule of its form.
fn bent(bend: impl Fn(&mut Root)) -> Result<(), (Code, String)> {
    let mut root = cast::ceremony().newest().expect("a root").root().clone();
    bend(&mut root);
    root.check()
        .map_err(|problem| (problem.code, problem.detail.unwrap_or_default()))
}

#[test]
fn a_root_is_read_back_as_it_was_built_and_is_compared_by_its_fingerprint() {
    let ceremony = cast::ceremony();
    let first = ceremony.first().expect("a root");
    let value: Value = serde_json::from_str(first.text()).expect("JSON");
    assert_eq!(&Root::from_value(&value).expect("reads"), first.root());
    assert_eq!(
        Root::from_value(&first.root().to_value()).as_ref(),
        Ok(first.root()),
        "unsigned"
    );
    let fingerprint = first.root().fingerprint().expect("hashes");
    assert_eq!(fingerprint.0, first.hash());
    let text = fingerprint.to_string();
    assert_eq!(text.split(' ').map(str::len).collect::<Vec<_>>(), [4; 16], "{text}");
    for typed in [
        &text,
        &text.to_uppercase(),
        &text.replace(' ', ""),
        &text.replace(' ', "-"),
        &text.replace(' ', "\n"),
    ] {
        assert_eq!(Fingerprint::parse(typed), Some(fingerprint), "{typed}");
    }
    for wrong in [
        "",
        &text[1..],
        &format!("{text} 0"),
        &text.replace('a', "g"),
        &"0".repeat(1_000),
    ] {
        let typed = Fingerprint::parse(wrong);
        assert!(typed.is_none() || (wrong == text && !text.contains('a')), "{wrong}");
    }
    assert!(Known::first(first.text(), &fingerprint, now()).is_ok());
    let other = Known::first(first.text(), &Fingerprint([7; 32]), now()).map_err(|problem| problem.code);
    assert_eq!(other.err(), Some(Code::TrustMismatch), "another fingerprint");
    let unsigned = first.root().to_value().to_string();
    assert_eq!(
        Known::first(&unsigned, &fingerprint, now())
            .map_err(|problem| problem.code)
            .err(),
        Some(Code::TrustThreshold),
        "the right fingerprint is not enough"
    );
}

#[test]
fn the_next_root_needs_the_threshold_of_the_old_and_of_the_new() {
    let play = Play::new();
    let mut root = play.next_root();
    // Two of three anchors give their places to others.
    let newcomers: Vec<_> = [("x", Class::Bank), ("y", Class::Other)]
        .map(|(id, class)| Hand::new(id, id, class, &mut seeded(id)))
        .into();
    root.anchors.truncate(1);
    root.anchors.extend(newcomers.iter().map(|hand| hand.anchor.clone()));
    let old: Vec<&dyn Signer> = (0..3).map(|at| play.key(at, Role::Root) as &dyn Signer).collect();
    let new: Vec<&dyn Signer> = newcomers
        .iter()
        .map(|hand| hand.key(Role::Root).expect("a key") as &dyn Signer)
        .collect();
    assert_eq!(by(&play, &root, &[old[0], old[1], new[0]]), Ok(2), "one signs as both");
    assert_eq!(by(&play, &root, &[old[1], old[2], new[0], new[1]]), Ok(2));
    assert_eq!(
        by(&play, &root, &[old[0], new[0], new[1]]),
        refused(Code::TrustThreshold, "root"),
        "too few of the old"
    );
    assert_eq!(
        by(&play, &root, &[old[0], old[1], old[2]]),
        refused(Code::TrustThreshold, "root"),
        "too few of the new"
    );
    assert_eq!(by(&play, &root, &[]), refused(Code::TrustThreshold, "root"), "none");
}

#[test]
fn two_keys_of_one_anchor_count_once_and_one_key_twice_is_refused() {
    let mut play = Play::new();
    let mut hands = play.ceremony.hands().to_vec();
    hands[0].add(Role::Root, cast::key(150));
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = roots(&[play.ceremony.newest().expect("a root").text()]);
    assert_eq!(play.take(&bundle).map(|taken| taken.version.root), Ok(2));
    let root = play.next_root();
    let (a, b) = (play.key(0, Role::Root), play.key(1, Role::Root));
    let second = cast::key(150);
    assert_eq!(
        by(&play, &root, &[a, &second]),
        refused(Code::TrustThreshold, "root"),
        "two keys of one anchor"
    );
    assert_eq!(by(&play, &root, &[a, &second, b]), Ok(3), "a third anchor beside them");
    let mut twice: Value = serde_json::from_str(&signed(&root.to_value(), &[a, b])).expect("JSON");
    let proof = twice["proof"][0].clone();
    twice["proof"].as_array_mut().expect("a set").push(proof);
    let twice = roots(&[&twice.to_string()]);
    assert_eq!(play.take(&twice), refused(Code::TrustThreshold, "root: one key twice"));
}

#[test]
fn anchors_of_one_class_cannot_make_a_root_alone() {
    let mut play = Play::new();
    let mut hands = play.ceremony.hands().to_vec();
    hands[1].anchor.class = Class::Agency;
    play.ceremony.change(hands, TWO, now()).expect("changes");
    play.take(&roots(&[play.ceremony.newest().expect("a root").text()]))
        .expect("root 2");
    let keys: Vec<&dyn Signer> = (0..3).map(|at| play.key(at, Role::Root) as &dyn Signer).collect();
    let root = play.next_root();
    assert_eq!(
        by(&play, &root, &keys[..2]),
        refused(Code::TrustThreshold, "root"),
        "two agencies"
    );
    assert_eq!(by(&play, &root, &keys[1..]), Ok(3), "an agency and another");
}

#[test]
fn a_root_that_somebody_else_signed_too_or_that_is_altered_is_refused() {
    let mut play = Play::new();
    let root = play.next_root();
    let (a, b) = (play.key(0, Role::Root), play.key(1, Role::Root));
    assert_eq!(by(&play, &root, &[a, b]), Ok(2));
    assert_eq!(
        by(&play, &root, &[a, b, &cast::key(99)]),
        refused(Code::UnknownKey, "root"),
        "a stranger"
    );
    for role in [Role::List, Role::Head] {
        let other = play.key(2, role);
        assert_eq!(
            by(&play, &root, &[a, b, other]),
            refused(Code::UnknownKey, "root"),
            "a {role} key"
        );
    }
    let text = signed(&root.to_value(), &[a, b]);
    let altered = text.replace("Syntetisk bank", "Syntetisk Bank");
    assert_eq!(play.take(&roots(&[&altered])), refused(Code::SignatureInvalid, "root"));
    for (name, value) in [
        ("expires", json!("2030-01-01T00:00:00Z")),
        ("domain", json!("x")),
        ("previousProof", json!("y")),
    ] {
        let mut more: Value = serde_json::from_str(&text).expect("JSON");
        more["proof"][0][name] = value;
        let more = roots(&[&more.to_string()]);
        assert_eq!(play.take(&more), refused(Code::Unsupported, "root: proof"), "{name}");
    }
    let mut suite: Value = serde_json::from_str(&text).expect("JSON");
    suite["proof"][0]["cryptosuite"] = json!("eddsa-rdfc-2022");
    assert_eq!(
        play.take(&roots(&[&suite.to_string()])),
        refused(Code::Unsupported, "root: cryptosuite")
    );
}

#[test]
fn roots_are_taken_one_by_one_and_a_gap_is_refused() {
    let mut play = Play::new();
    let hands = play.ceremony.hands().to_vec();
    for _ in 0..2 {
        play.ceremony.change(hands.clone(), TWO, now()).expect("changes");
    }
    let texts = play.ceremony.renew(now()).expect("renews").roots;
    assert_eq!(
        play.take(&roots(&[&texts[2]])),
        refused(Code::TrustMismatch, "root: version")
    );
    assert_eq!(
        play.take(&roots(&[&texts[2], &texts[1]])),
        refused(Code::TrustMismatch, "root: version")
    );
    let taken = play.take(&roots(&[&texts[1], &texts[2]])).expect("takes");
    assert_eq!((taken.version.root, taken.entries.len()), (3, 2));
    let again = play.take(&roots(&[&texts[0], &texts[1], &texts[2]])).expect("takes");
    assert!(!again.is_changed, "what is known already");
    assert!(play.known.trust().is_none(), "no head has confirmed the new root");
}

#[test]
fn a_lower_root_is_a_rollback_with_evidence_and_another_of_the_same_version_a_conflict() {
    let mut play = Play::new();
    let old = play.known.bundle();
    let hands = play.ceremony.hands().to_vec();
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let new = play.ceremony.renew(now()).expect("renews");
    play.take(&new).expect("takes");
    let (code, evidence) = play.evidence(&old);
    assert_eq!(code, Code::TrustRollback);
    let evidence = evidence.expect("validly signed once");
    assert_eq!((evidence.held_version.root, evidence.offered_version.root), (2, 1));
    assert_eq!(
        (evidence.held, evidence.offered),
        (new.head[0].clone(), old.head[0].clone())
    );

    // Root 2 once more, with another content and right signatures.
    let mut root = play.known.root().clone();
    root.expires = root.expires.plus(-1);
    let hands = play.ceremony.hands().to_vec();
    let [a, b] = [0, 1].map(|at: usize| hands[at].key(Role::Root).expect("a key"));
    let text = signed(&root.to_value(), &[a, b]);
    let (code, evidence) = play.evidence(&roots(&[&text]));
    assert_eq!(code, Code::TrustConflict);
    let evidence = evidence.expect("both are validly signed");
    assert_eq!((evidence.role, evidence.offered.as_str()), (Role::Root, text.as_str()));
    assert_eq!(Some(evidence.held.as_str()), play.known.root_text(2));
    let forged = signed(&root.to_value(), &[a, &cast::key(99)]);
    assert_eq!(
        play.evidence(&roots(&[&forged])),
        (Code::UnknownKey, None),
        "no alarm by whoever likes"
    );
    let same = signed(&play.known.root().to_value(), &[a, b]);
    assert!(
        play.take(&roots(&[&same])).is_ok(),
        "the same root by other signers is no conflict"
    );
}

#[test]
fn an_expired_root_lets_nothing_in_but_a_newer_root() {
    let mut play = Play::new();
    let late = now().plus(ROOT_DAYS * DAY + 1);
    let mut draft = super::play::draft(8);
    (draft.issued, draft.next_update) = (late, late.plus(DAY));
    let bundle = play.ceremony.publish(&draft, late).expect("publishes");
    assert_eq!(play.take_at(&bundle, late), refused(Code::TrustStale, "root"));
    let hands = play.ceremony.hands().to_vec();
    play.ceremony.change(hands, TWO, late).expect("changes");
    let root = roots(&[play.ceremony.newest().expect("a root").text()]);
    assert_eq!(
        play.take_at(&root, late).map(|taken| taken.version.root),
        Ok(2),
        "the newer root"
    );
    let bundle = play.ceremony.renew(late).expect("renews");
    assert_eq!(play.take_at(&bundle, late).map(|taken| taken.version.list), Ok(8));
}

#[test]
fn a_root_of_the_future_says_that_a_clock_is_wrong() {
    let mut play = Play::new();
    let hands = play.ceremony.hands().to_vec();
    play.ceremony.change(hands, TWO, now().plus(301)).expect("changes");
    let root = roots(&[play.ceremony.newest().expect("a root").text()]);
    assert_eq!(play.take(&root), refused(Code::ClockSuspect, "root"));
    assert!(play.take_at(&root, now().plus(1)).is_ok(), "within the skew");
}

#[test]
fn a_root_beyond_its_limits_is_too_large_before_it_is_read() {
    let mut play = Play::new();
    let padded = |text: &str, size: usize| format!("{text}{}", " ".repeat(size - text.len()));
    let (a, b) = (play.key(0, Role::Root), play.key(1, Role::Root));
    let text = signed(&play.next_root().to_value(), &[a, b]);
    assert_eq!(
        play.take(&roots(&[&padded(&text, ROOT_MAX + 1)])),
        refused(Code::TooLarge, "root")
    );
    assert_eq!(
        play.take(&roots(&vec!["{}"; ROOTS_MAX + 1])),
        refused(Code::TooLarge, "root")
    );
    let mut many: Value = serde_json::from_str(&text).expect("JSON");
    for count in [SIGNATURES_MAX + 1, 10_000] {
        many["proof"] = json!(vec![json!({}); count]);
        assert_eq!(
            play.take(&roots(&[&many.to_string()])),
            refused(Code::TooLarge, "root: proof"),
            "{count} proofs"
        );
    }
    many["proof"] = json!([]);
    assert_eq!(
        play.take(&roots(&[&many.to_string()])),
        refused(Code::TrustThreshold, "root")
    );
    assert!(play.take(&roots(&[&padded(&text, ROOT_MAX)])).is_ok());
}

#[test]
fn a_root_is_ill_formed_when_its_parts_are() {
    assert_eq!(bent(|_| {}), Ok(()));
    type Bend = (&'static str, fn(&mut Root));
    let bends: [Bend; 15] = [
        ("root: version", |root| root.version = 0),
        ("root: version", |root| root.version = VERSION_MAX + 1),
        ("root: expires", |root| root.expires = root.issued),
        ("root: expires", |root| {
            root.expires = root.issued.plus((crate::trust::ROOT_DAYS_MAX + 1) * DAY)
        }),
        ("root: anchor twice", |root| {
            root.anchors[1].id = root.anchors[0].id.clone()
        }),
        ("root: anchor twice", |root| {
            for anchor in &mut root.anchors[..2] {
                anchor.number = Some("974761076".to_owned());
            }
        }),
        ("root: key twice", |root| {
            root.anchors[1].keys.root = root.anchors[0].keys.root.clone()
        }),
        ("root: key twice", |root| {
            root.anchors[0].keys.list = root.anchors[0].keys.root.clone()
        }),
        ("root: key twice", |root| {
            root.anchors[0].keys.head = root.anchors[1].keys.list.clone()
        }),
        ("root: keys", |root| {
            root.anchors[0].keys.root = (0..=ANCHOR_KEYS_MAX as u8)
                .map(|n| cast::key(100 + n).verifying_key())
                .collect();
        }),
        ("root: id", |root| root.anchors[0].id = "Agency".to_owned()),
        ("root: number", |root| {
            root.anchors[0].number = Some("112233445".to_owned())
        }),
        ("root: thresholds", |root| root.thresholds.root = 1),
        ("root: thresholds", |root| root.thresholds.list = 4),
        ("root: thresholds", |root| {
            for anchor in &mut root.anchors {
                anchor.class = Class::Agency;
            }
        }),
    ];
    for (detail, bend) in bends {
        assert_eq!(bent(bend), refused(Code::Malformed, detail));
    }
    assert_eq!(
        bent(|root| root.thresholds.head = 0),
        refused(Code::Malformed, "root: thresholds")
    );
    let many = |root: &mut Root| root.anchors = vec![root.anchors[0].clone(); crate::trust::ANCHORS_MAX + 1];
    assert_eq!(bent(many), refused(Code::TooLarge, "root: anchors"));
}

#[test]
fn hostile_texts_of_a_root_get_a_code() {
    let mut play = Play::new();
    let good = play.next_root().to_value().to_string();
    // A point of small order, as a did:key that no parser may take.
    let mut small = vec![0xed, 0x01, 1];
    small.extend([0; 31]);
    let small = format!("did:key:z{}", bs58::encode(small).into_string());
    let key = crate::Did::Key(play.key(0, Role::Root).verifying_key()).to_string();
    for (what, text, code) in [
        ("nothing", String::new(), Code::Malformed),
        ("no object", "[]".to_owned(), Code::Malformed),
        (
            "a name twice",
            good.replacen('{', r#"{"version":2,"#, 1),
            Code::DuplicateKey,
        ),
        (
            "a giant number",
            good.replace(r#""version":2"#, r#""version":1e400"#),
            Code::Malformed,
        ),
        (
            "lost digits",
            good.replace(r#""version":2"#, r#""version":9007199254740993"#),
            Code::Malformed,
        ),
        (
            "a negative version",
            good.replace(r#""version":2"#, r#""version":-2"#),
            Code::Malformed,
        ),
        ("a key of small order", good.replace(&key, &small), Code::Malformed),
        (
            "a key that is none",
            good.replace(&key, "did:web:skatteetaten.example"),
            Code::Malformed,
        ),
        (
            "another type",
            good.replace("trust-root/1", "trust-root/2"),
            Code::Unsupported,
        ),
        (
            "another member",
            good.replacen('{', r#"{"more":1,"#, 1),
            Code::Malformed,
        ),
        ("depth", "[".repeat(60_000), Code::TooLarge),
    ] {
        assert_eq!(
            play.take(&roots(&[&text])).map_err(|(code, _)| code).err(),
            Some(code),
            "{what}"
        );
    }
}

#[test]
fn a_signature_is_added_by_a_root_key_once_and_by_no_other() {
    let play = Play::new();
    let newest = play.ceremony.newest().expect("a root").root();
    let text = play.next_root().to_value().to_string();
    let sign = |text: &str, key: &SigningKey| {
        Root::sign(text, Some(newest), now(), key).map_err(|problem| (problem.code, problem.detail.unwrap_or_default()))
    };
    let (a, b) = (play.key(0, Role::Root), play.key(1, Role::Root));
    let one = sign(&text, a).expect("signs");
    assert_eq!(Root::signers(&one, Some(newest)), Ok(vec![a.verifying_key()]));
    assert_eq!(sign(&one, a), refused(Code::TrustThreshold, "root: one key twice"));
    assert_eq!(
        sign(&text, play.key(0, Role::Head)),
        refused(Code::UnknownKey, "root"),
        "a head key signs heads"
    );
    assert_eq!(sign(&text, play.key(0, Role::List)), refused(Code::UnknownKey, "root"));
    assert_eq!(sign(&text, &cast::key(9)), refused(Code::UnknownKey, "root"));
    let signed = play.ceremony.newest().expect("a root");
    assert!(signed.next(&one).is_err(), "one is too few");
    let two = sign(&one, b).expect("signs");
    assert_eq!(signed.next(&two).map(|root| root.root().version), Ok(2));
    assert!(SignedRoot::of_itself(&two).is_ok());
    assert_eq!(Root::signers(&text, Some(newest)), Ok(Vec::new()), "nobody yet");
}

#[test]
fn an_anchors_card_is_read_back_and_a_bent_one_refused() {
    let anchor = cast::ceremony().hands()[0].anchor.clone();
    assert_eq!(Anchor::from_value(&anchor.to_value()).as_ref(), Ok(&anchor));
    let mut more = anchor.to_value();
    more["secret"] = json!("x");
    assert!(Anchor::from_value(&more).is_err());
    let thresholds = Thresholds { root: 3, ..TWO };
    let hands = cast::ceremony().hands().to_vec();
    assert!(crate::trust::Ceremony::found(hands.clone(), thresholds, now()).is_ok());
    assert!(
        crate::trust::Ceremony::found(hands[..2].to_vec(), thresholds, now()).is_err(),
        "out of reach"
    );
}
