//! What a client refuses of a head, each beside what it takes.

use super::play::{Play, TWO, draft, refused};
use crate::trust::cast::{self, now};
use crate::trust::{
    Bundle, HEAD_MAX, HEAD_SECONDS_MAX, HEAD_TYP, Head, Role, SIGNATURES_MAX, TRUST_MAX, Thresholds, VERSION_MAX,
};
use crate::{Code, Did, SigningKey, Timestamp, jws, time::DAY};
use serde_json::{Map, Value, json};

/// A head as the client gets it alone, for the list that it holds.
fn alone(head: Vec<String>) -> Bundle {
    Bundle {
        head,
        ..Bundle::default()
    }
}

/// The next head of the list held.
fn next(play: &Play) -> Head {
    let trust = play.known.trust().expect("in force");
    play.next_head(trust.text(), trust.sequence())
}

fn sign(play: &Play, head: &Head, keys: &[&SigningKey]) -> Vec<String> {
    let root = play.ceremony.newest().expect("a root").root();
    keys.iter().map(|key| head.sign(root, *key).expect("signs")).collect()
}

/// Signs any payload under any label as a key of any role.
fn forged(payload: &Value, label: &str, key: &SigningKey) -> String {
    let kid = Did::Key(key.verifying_key()).verification_method();
    jws::sign(label, kid.as_deref(), Map::new(), payload, key).expect("signs")
}

fn payload(text: &str) -> Value {
    let jws = jws::Jws::parse(text, HEAD_TYP, HEAD_MAX).expect("parses");
    Value::Object(jws.payload)
}

/// Three of three must sign heads; the client has taken that root and a head of it.
fn strict() -> Play {
    let mut play = Play::new();
    let thresholds = Thresholds { head: 2, ..TWO };
    let mut hands = play.ceremony.hands().to_vec();
    hands[0].add(Role::Head, cast::key(150));
    play.ceremony.change(hands, thresholds, now()).expect("changes");
    let bundle = play.ceremony.renew(now()).expect("renews");
    play.take(&bundle).expect("takes");
    play
}

#[test]
fn a_head_says_what_is_in_force_and_for_how_long() {
    let play = Play::new();
    let trust = play.known.trust().expect("in force");
    assert_eq!(trust.version(), play.known.version());
    assert_eq!(trust.version().to_string(), "1.7.1");
    assert_eq!((trust.head_issued(), trust.head_expires()), (now(), now().plus(DAY)));
    let current = |at: Timestamp| trust.current(at).map_err(|problem| problem.code);
    assert_eq!(current(now().plus(-301)), Err(Code::ClockSuspect));
    assert_eq!(current(now().plus(-300)), Ok(()));
    assert_eq!(current(now().plus(DAY)), Ok(()));
    assert_eq!(current(now().plus(DAY + 1)), Err(Code::TrustStale), "frozen");
}

#[test]
fn as_many_anchors_as_the_threshold_says_sign_a_head() {
    let mut play = strict();
    let head = next(&play);
    let a = SigningKey::from_bytes(&play.key(0, Role::Head).to_bytes());
    let b = SigningKey::from_bytes(&play.key(1, Role::Head).to_bytes());
    let texts = sign(&play, &head, &[&a, &b]);
    assert_eq!(
        play.take(&alone(texts[..1].to_vec())),
        refused(Code::TrustThreshold, "head"),
        "too few"
    );
    let second = sign(&play, &head, &[&a, &cast::key(150)]);
    assert_eq!(
        play.take(&alone(second)),
        refused(Code::TrustThreshold, "head"),
        "two keys of one anchor"
    );
    let twice = vec![texts[0].clone(), texts[0].clone(), texts[1].clone()];
    assert_eq!(
        play.take(&alone(twice)),
        refused(Code::TrustThreshold, "head: one key twice")
    );
    let mut other = head.clone();
    other.expires = other.expires.plus(-1);
    let mixed = vec![texts[0].clone(), sign(&play, &other, &[&b])[0].clone()];
    assert_eq!(
        play.take(&alone(mixed)),
        refused(Code::TrustMismatch, "head: texts differ")
    );
    let list_only = Bundle {
        list: play.known.bundle().list,
        ..Bundle::default()
    };
    assert_eq!(play.take(&list_only), refused(Code::TrustThreshold, "head"), "none");
    assert_eq!(play.take(&alone(texts)).map(|taken| taken.version), Ok(head.number()));
}

#[test]
fn only_a_head_key_signs_heads_and_it_signs_nothing_else() {
    let mut play = Play::new();
    let head = next(&play);
    let root = play.ceremony.newest().expect("a root").root().clone();
    let right = sign(&play, &head, &[play.key(1, Role::Head)]);
    let said = payload(&right[0]);
    for key in [&cast::key(99), play.key(0, Role::Root), play.key(0, Role::List)] {
        assert_eq!(
            head.sign(&root, key).map_err(|problem| problem.code),
            Err(Code::UnknownKey)
        );
        let text = forged(&said, HEAD_TYP, key);
        let mut play = Play::new();
        assert_eq!(play.take(&alone(vec![text])), refused(Code::UnknownKey, "head"));
    }
    let also = vec![right[0].clone(), forged(&said, HEAD_TYP, &cast::key(99))];
    assert_eq!(
        play.take(&alone(also)),
        refused(Code::UnknownKey, "head"),
        "a stranger beside it"
    );
    let labelled = forged(&said, "bevis-status-head+jwt", play.key(1, Role::Head));
    assert_eq!(play.take(&alone(vec![labelled])), refused(Code::Malformed, "head: typ"));
    let other = sign(&play, &Head { version: 9, ..head }, &[play.key(1, Role::Head)]);
    let (payload_of, signature_of) = (
        other[0].rsplit_once('.').expect("parts").0,
        right[0].rsplit_once('.').expect("parts").1,
    );
    let grafted = format!("{payload_of}.{signature_of}");
    assert_eq!(
        play.take(&alone(vec![grafted])),
        refused(Code::SignatureInvalid, "head")
    );
    assert!(play.take(&alone(right)).is_ok());
}

#[test]
fn a_lower_head_is_a_rollback_and_another_of_the_same_version_a_conflict() {
    let mut play = Play::new();
    let first = play.known.bundle();
    let bundle = play.ceremony.renew(now()).expect("renews");
    play.take(&bundle).expect("takes");
    let (code, evidence) = play.evidence(&first);
    let evidence = evidence.expect("validly signed");
    assert_eq!((code, evidence.role), (Code::TrustRollback, Role::Head));
    assert_eq!((evidence.held_version.head, evidence.offered_version.head), (2, 1));

    let mut rival = next(&play);
    rival.version = 2;
    rival.list_hash = [9; 32];
    let rival = sign(&play, &rival, &[play.key(0, Role::Head)]);
    let (code, evidence) = play.evidence(&alone(rival.clone()));
    let evidence = evidence.expect("both are validly signed");
    assert_eq!(
        (code, evidence.role, &evidence.offered),
        (Code::TrustConflict, Role::Head, &rival[0])
    );
    assert_eq!(evidence.held, bundle.head[0]);
    // Two anchors may renew at the same time: the same numbers and hashes, and another time.
    let later = Head {
        version: 2,
        issued: now().plus(1),
        expires: now().plus(1 + DAY),
        ..next(&play)
    };
    let later = sign(&play, &later, &[play.key(1, Role::Head)]);
    assert!(play.take(&alone(later)).expect("takes").is_changed, "lasts longer");
    assert!(!play.take(&bundle).expect("takes").is_changed, "lasts shorter");
}

#[test]
fn a_head_past_its_time_and_one_of_the_future_are_refused() {
    let mut play = Play::new();
    let head = sign(&play, &next(&play), &[play.key(0, Role::Head)]);
    assert_eq!(
        play.take_at(&alone(head.clone()), now().plus(DAY + 1)),
        refused(Code::TrustStale, "head")
    );
    let held = play.known.bundle();
    assert_eq!(
        play.take_at(&held, now().plus(DAY + 1)),
        refused(Code::TrustStale, "head"),
        "freeze"
    );
    assert_eq!(
        play.take_at(&alone(head.clone()), now().plus(-301)),
        refused(Code::ClockSuspect, "head")
    );
    assert!(play.take_at(&alone(head), now().plus(-300)).is_ok());
}

#[test]
fn a_head_of_another_root_is_refused() {
    let mut play = Play::new();
    let mut head = next(&play);
    head.root_hash = [9; 32];
    let text = sign(&play, &head, &[play.key(0, Role::Head)]);
    assert_eq!(play.take(&alone(text)), refused(Code::TrustMismatch, "head: root_hash"));
    let mut head = next(&play);
    head.root = 2;
    let text = sign(&play, &head, &[play.key(0, Role::Head)]);
    assert_eq!(play.take(&alone(text)), refused(Code::TrustMismatch, "head: root"));
    let hands = play.ceremony.hands().to_vec();
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let new = play.ceremony.renew(now()).expect("renews");
    let mixed = Bundle {
        roots: new.roots.clone(),
        ..play.known.bundle()
    };
    assert_eq!(
        play.take(&mixed),
        refused(Code::TrustRollback, "head"),
        "the new root with the old head"
    );
    assert!(play.take(&new).is_ok());
}

#[test]
fn a_head_beyond_its_limits_is_too_large_before_it_is_read() {
    let mut play = Play::new();
    let texts = |count: usize| alone(vec![String::new(); count]);
    assert_eq!(play.take(&texts(10_000)), refused(Code::TooLarge, "head"));
    assert_eq!(play.take(&texts(SIGNATURES_MAX + 1)), refused(Code::TooLarge, "head"));
    assert_eq!(
        play.take(&alone(vec!["x".repeat(HEAD_MAX + 1)])),
        refused(Code::TooLarge, "head")
    );
    let said = payload(&sign(&play, &next(&play), &[play.key(0, Role::Head)])[0]);
    for (name, value, code, detail) in [
        ("list_size", json!(TRUST_MAX + 1), Code::TooLarge, "head: list_size"),
        ("list_size", json!(u64::MAX), Code::Malformed, "head: list_size"),
        ("list_size", json!(-1), Code::Malformed, "head: list_size"),
        ("version", json!(VERSION_MAX + 1), Code::Malformed, "head: version"),
        ("version", json!(0), Code::Malformed, "head: version"),
        ("version", json!(1.5), Code::Malformed, "head: version"),
        ("list", json!(0), Code::Malformed, "head: list"),
        ("root", json!("1"), Code::Malformed, "head: root"),
        ("list_hash", json!("x"), Code::Malformed, "head: list_hash"),
        ("iat", json!(-1), Code::Malformed, "head: iat"),
        (
            "exp",
            json!(now().plus(HEAD_SECONDS_MAX + 1)),
            Code::Malformed,
            "head: exp",
        ),
        ("exp", json!(now()), Code::Malformed, "head: exp"),
        ("more", json!(1), Code::Malformed, "head: member"),
    ] {
        let mut bent = said.clone();
        bent[name] = value;
        let text = forged(&bent, HEAD_TYP, play.key(0, Role::Head));
        assert_eq!(play.take(&alone(vec![text])), refused(code, detail), "{name}");
    }
    let text = forged(&said, HEAD_TYP, play.key(0, Role::Head));
    assert!(play.take(&alone(vec![text])).is_ok());
}

#[test]
fn a_bundle_is_read_back_and_a_bent_one_refused() {
    let play = Play::new();
    let bundle = play.known.bundle();
    let text = bundle.to_text().expect("writes");
    assert_eq!(Bundle::parse(text.as_bytes()).as_ref(), Ok(&bundle));
    let code = |text: &str| Bundle::parse(text.as_bytes()).map_err(|problem| problem.code).err();
    assert_eq!(
        code(&text.replacen("trust-bundle/v1", "trust-bundle/v2", 1)),
        Some(Code::Unsupported)
    );
    assert_eq!(code(&text.replacen('{', r#"{"more":1,"#, 1)), Some(Code::Malformed));
    assert_eq!(
        code(&text.replacen('{', r#"{"roots":[],"#, 1)),
        Some(Code::DuplicateKey)
    );
    assert_eq!(code("[]"), Some(Code::Unsupported));
    assert_eq!(code(&" ".repeat(crate::trust::BUNDLE_MAX + 1)), Some(Code::TooLarge));
    let many = Bundle {
        head: vec![String::new(); 10_000],
        ..bundle
    };
    assert_eq!(code(&many.to_text().expect("writes")), Some(Code::TooLarge));
    let mut fresh = Play::new();
    assert_eq!(
        fresh.take(&Bundle::default()),
        refused(Code::Malformed, "head"),
        "nothing at all"
    );
    assert_eq!(draft(7).sequence, fresh.known.version().list);
}
