//! Status lists: bit order of both encodings, heads, mirrors.

use super::*;
use crate::trust::Trust;
use crate::trust::cast::{self, BANK, TAX, did, kid, now, seeded};
use crate::{Code, Problem, jws, random};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};
use std::sync::Arc;

mod digests;
mod mirrors;
mod sizes;
mod vectors;

const URI: &str = "https://skatteetaten.example/status/1";

fn trust() -> Arc<Trust> {
    cast::listed(&cast::draft())
}

fn signed(states: &States) -> String {
    sign_list(states, TAX, &kid(TAX), 86_400, 1).expect("signs")
}

/// By an issuer, under the name of a key and with the key of that number.
fn sign_list(states: &States, issuer: &str, kid: &str, lifetime: i64, key: u8) -> Result<String, Problem> {
    let signing = Signing {
        issuer: &did(issuer),
        kid,
        signer: &cast::key(key),
        now: now(),
        lifetime,
    };
    states.sign(URI, &signing)
}

/// What is said of a list with this text and these states.
fn version(uri: &str, version: u64, text: &str, states: &States) -> ListVersion {
    ListVersion {
        uri: uri.to_owned(),
        version,
        hash: list_hash(text),
        size: u32::try_from(text.len()).expect("short"),
        states: states.hash(),
    }
}

/// A head of lists in which nothing is set.
fn head(issued: i64, lists: &[(&str, u64, &str)]) -> Head {
    let lists = lists.iter();
    head_of(
        issued,
        lists
            .map(|(uri, number, text)| version(uri, *number, text, &States::new()))
            .collect(),
    )
}

fn head_of(issued: i64, lists: Vec<ListVersion>) -> Head {
    Head {
        issuer: did(TAX),
        issued: now().plus(issued),
        expires: now().plus(issued + 3_600),
        lists,
    }
}

fn sign(head: &Head) -> String {
    head.sign(&kid(TAX), &cast::key(1)).expect("signs")
}

fn with(entries: &[(u32, State)]) -> States {
    let mut states = States::new();
    for (index, state) in entries {
        assert!(states.set(*index, *state));
    }
    states
}

fn open(text: &str) -> Result<List, Code> {
    List::open(text, &did(TAX), &trust(), now()).map_err(|problem| problem.code)
}

/// A list with this payload, rightly signed whatever it says.
fn bent(bend: impl Fn(&mut Value)) -> String {
    let list = jws::Jws::parse(&signed(&States::new()), LIST_TYP, LIST_MAX).expect("parses");
    let mut payload = Value::Object(list.payload);
    bend(&mut payload);
    jws::sign(LIST_TYP, Some(&kid(TAX)), Map::new(), &payload, &cast::key(1)).expect("signs")
}

#[test]
fn a_state_that_is_set_is_read_and_no_other_changes() {
    let mut states = States::new();
    let mut random = seeded("states");
    for _ in 0..2_000 {
        let index = u32::from_le_bytes(random::bytes(&mut random)) % ENTRIES;
        let state = State::of(random::bytes::<1>(&mut random)[0]);
        let around = |states: &States| [index ^ 1, index ^ 2, index ^ 3].map(|near| states.get(near));
        let before = around(&states);
        assert!(states.set(index, state));
        assert_eq!(states.get(index), Some(state));
        assert_eq!(around(&states), before);
    }
    assert_eq!(states.get(ENTRIES), None);
    assert!(!states.set(ENTRIES, State::Revoked));
    assert!(states.set(ENTRIES - 1, State::Superseded));
    assert_eq!(
        States::from_bytes(states.as_bytes().to_vec())
            .as_ref()
            .map(States::as_bytes),
        Some(states.as_bytes())
    );
    assert!(States::from_bytes(vec![0; 262_143]).is_none());
    assert!(States::from_bytes(vec![0; 262_145]).is_none());
}

#[test]
fn a_signed_list_is_opened_with_the_states_it_was_signed_with() {
    let mut states = States::new();
    let mut random = seeded("worst case");
    for index in 0..ENTRIES {
        if index % 16 == 0 {
            states.set(index, State::of(random::bytes::<1>(&mut random)[0]));
        }
    }
    let text = signed(&states);
    let list = open(&text).expect("opens");
    assert!(list.states == states);
    assert_eq!((list.uri.as_str(), list.issuer, list.issued), (URI, did(TAX), now()));
    let empty = signed(&States::new());
    assert!(empty.len() < 1_000, "{} bytes", empty.len());
}

#[test]
fn a_list_is_its_issuers_own_and_in_its_time() {
    let text = signed(&States::new());
    assert!(open(&text).is_ok());
    let by = |issuer: &str, kid: &str, key: u8| {
        let text = sign_list(&States::new(), issuer, kid, 60, key).expect("signs");
        open(&text).err()
    };
    assert_eq!(by(TAX, &kid(TAX), 1), None);
    assert_eq!(by(TAX, &kid(TAX), 9), Some(Code::SignatureInvalid));
    assert_eq!(by(TAX, "did:web:skatteetaten.example#key-2", 1), Some(Code::UnknownKey));
    assert_eq!(
        by(BANK, &kid(BANK), 4),
        Some(Code::UnknownKey),
        "another organisation's list"
    );
    let at = |seconds| {
        List::open(&text, &did(TAX), &trust(), now().plus(seconds))
            .err()
            .map(|p| p.code)
    };
    assert_eq!(at(-301), Some(Code::NotYetValid));
    assert_eq!(at(-300), None);
    assert_eq!(at(86_399), None);
    assert_eq!(at(86_400), Some(Code::Expired));
    let stranger = did("annen.example");
    let unknown = List::open(&text, &stranger, &trust(), now()).err().map(|p| p.code);
    assert_eq!(unknown, Some(Code::UnknownIssuer));
    assert!(sign_list(&States::new(), TAX, &kid(BANK), 60, 4).is_err());
    assert!(sign_list(&States::new(), TAX, &kid(TAX), 0, 1).is_err());
}

#[test]
fn a_small_list_cannot_fill_memory() {
    let deflate = |length: usize| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![0; length]).expect("compresses");
        encoder.finish().expect("compresses")
    };
    let list = |compressed: &[u8]| {
        let lst = BASE64_URL_SAFE_NO_PAD.encode(compressed);
        open(&bent(|payload| payload["status_list"]["lst"] = json!(lst))).err()
    };
    assert_eq!(list(&deflate(BYTES)), None);
    assert_eq!(list(&deflate(BYTES + 1)), Some(Code::TooLarge));
    assert_eq!(list(&deflate(BYTES * 1_000)), Some(Code::TooLarge));
    assert_eq!(list(&deflate(BYTES - 1)), Some(Code::Malformed));
    assert_eq!(
        list(&[deflate(BYTES), vec![0]].concat()),
        Some(Code::Malformed),
        "something after it"
    );
    let mut cut = deflate(BYTES);
    cut.pop();
    assert_eq!(list(&cut), Some(Code::Malformed), "no sum");
    assert_eq!(list(b"nonsense"), Some(Code::Malformed));
    assert_eq!(open(&"x".repeat(LIST_MAX + 1)).err(), Some(Code::TooLarge));
}

#[test]
fn members_of_a_list_keep_their_form() {
    assert_eq!(open(&bent(|_| {})).err(), None);
    for (pointer, value, code) in [
        ("/sub", json!(1), Code::Malformed),
        ("/sub", json!(""), Code::Malformed),
        ("/iat", json!(0.5), Code::Malformed),
        ("/exp", Value::Null, Code::Malformed),
        ("/status_list", json!([]), Code::Unsupported),
        ("/status_list/bits", json!(1), Code::Unsupported),
        ("/status_list/lst", json!("="), Code::Malformed),
    ] {
        let text = bent(|payload| *payload.pointer_mut(pointer).expect("a member") = value.clone());
        assert_eq!(open(&text).err(), Some(code), "{pointer} {value}");
    }
}

#[test]
fn a_head_is_opened_as_it_was_signed_and_only_from_its_issuer() {
    let head = head(0, &[(URI, 3, "a list")]);
    let text = head.sign(&kid(TAX), &cast::key(1)).expect("signs");
    let at = |text: &str, seconds| Head::open(text, &trust(), now().plus(seconds)).map_err(|problem| problem.code);
    assert_eq!(at(&text, 0), Ok(head.clone()));
    assert_eq!(at(&text, -301), Err(Code::NotYetValid));
    assert_eq!(at(&text, 3_600), Err(Code::Expired));
    let forged = head.sign(&kid(TAX), &cast::key(9)).expect("signs");
    assert_eq!(at(&forged, 0), Err(Code::SignatureInvalid));
    let mut stranger = head.clone();
    stranger.issuer = did("annen.example");
    let text = stranger.sign(&kid("annen.example"), &cast::key(9)).expect("signs");
    assert_eq!(at(&text, 0), Err(Code::UnknownIssuer));
    assert!(head.sign(&kid(BANK), &cast::key(4)).is_err(), "another's name");
    let compromised = {
        let mut draft = cast::draft();
        draft.organisations[0].keys[0].compromised = Some(now());
        cast::listed(&draft)
    };
    let text = head.sign(&kid(TAX), &cast::key(1)).expect("signs");
    let code = Head::open(&text, &compromised, now()).err().map(|p| p.code);
    assert_eq!(code, Some(Code::KeyCompromised));
}

#[test]
fn a_head_names_each_list_once_and_no_more_than_the_limit() {
    let signs = |head: &Head| head.sign(&kid(TAX), &cast::key(1)).map(|_| ()).map_err(|p| p.code);
    let uris: Vec<String> = (0..=LISTS_MAX).map(|n| format!("{URI}{n}")).collect();
    let entries: Vec<_> = uris.iter().map(|uri| (uri.as_str(), 1, "x")).collect();
    assert_eq!(signs(&head(0, &entries[..LISTS_MAX])), Ok(()));
    assert_eq!(signs(&head(0, &entries)), Err(Code::TooLarge));
    assert_eq!(signs(&head(0, &[(URI, 1, "x"), (URI, 2, "y")])), Err(Code::Malformed));
    let mut wrong = head(0, &[(URI, 1, "x")]);
    wrong.lists[0].hash = "AAAA".to_owned();
    assert_eq!(signs(&wrong), Err(Code::Malformed));
    let mut large = head(0, &[(URI, 1, "x")]);
    large.lists[0].size = u32::MAX;
    assert_eq!(signs(&large), Err(Code::Malformed));
    let mut stateless = head(0, &[(URI, 1, "x")]);
    stateless.lists[0].states = "AAAA".to_owned();
    assert_eq!(signs(&stateless), Err(Code::Malformed));
}
