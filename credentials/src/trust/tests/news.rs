//! A list is read by what is other than in the one before it, with the result that reading all of it has.

use super::play::Play;
use crate::Code;
use crate::protocol::{self, trust as messages};
use crate::trust::{Draft, Edit, List, Root, Step, apply, cast};
use std::sync::Arc;

fn signed(play: &Play, draft: &Draft) -> String {
    let mut ceremony = play.ceremony.clone();
    let bundle = ceremony.publish(draft, cast::now()).expect("publishes");
    bundle.list.expect("a list")
}

/// Both ways say the same, of a good list and of a bad one.
fn read(text: &str, root: &Root, before: &List) -> Result<List, Code> {
    let (by_news, whole) = (List::open_after(text, root, before), List::open(text, root));
    match (by_news, whole) {
        (Ok(by_news), Ok(whole)) => {
            assert_eq!(by_news.draft(), whole.draft());
            assert_eq!((by_news.hash(), by_news.text_hash()), (whole.hash(), whole.text_hash()));
            Ok(by_news)
        }
        (by_news, whole) => {
            let (by_news, whole) = (by_news.map(|_| ()), whole.map(|_| ()));
            assert_eq!(by_news, whole);
            Err(whole.expect_err("one way takes what the other refuses").code)
        }
    }
}

/// A change, by name.
type Change = (&'static str, fn(&mut Draft));

fn changes() -> Vec<Change> {
    vec![
        ("nothing but its number", |_| {}),
        ("a key more", |draft| {
            let mut key = draft.organisations[1].keys[0].clone();
            key.id = key.id.replace("key-1", "key-2");
            key.key = cast::key(40).verifying_key();
            draft.organisations[1].keys.push(key);
        }),
        ("the first leaves", |draft| drop(draft.organisations.remove(0))),
        ("the last leaves", |draft| drop(draft.organisations.pop())),
        ("one comes in the middle", |draft| {
            let mut new = draft.organisations[0].clone();
            new.did = crate::Did::parse("did:web:ny.example").expect("a DID");
            new.number = "910000004".to_owned();
            new.keys[0].id = "did:web:ny.example#key-1".to_owned();
            new.keys[0].key = cast::key(41).verifying_key();
            new.nodes[0].peer = cast::peer(41);
            draft.organisations.insert(2, new);
        }),
        ("two change places", |draft| draft.organisations.swap(0, 2)),
        ("another operator", |draft| {
            draft.operator = "Ein \"annan\" {operatør}".to_owned()
        }),
        ("a registration changes", |draft| {
            Arc::make_mut(&mut draft.organisations[3].services[0]).keep_seconds -= 1;
        }),
        ("one organisation's rights", |draft| {
            drop(draft.organisations[3].services.pop())
        }),
    ]
}

#[test]
fn what_is_other_in_a_list_is_enough_to_read_it() {
    let play = Play::new();
    let root = play.known.root();
    for (what, change) in changes() {
        let before = List::open(&signed(&play, &cast::draft()), root).expect("opens");
        let mut draft = cast::draft();
        draft.sequence += 1;
        change(&mut draft);
        let text = signed(&play, &draft);
        let after = read(&text, root, &before).unwrap_or_else(|code| panic!("{what}: {code:?}"));
        assert_eq!(after.draft(), &draft, "{what}");
        // Registrations stand in one table for all: when it changes, everything is read.
        let is_short = List::open_news(&text, root, &before).is_some();
        assert_eq!(
            is_short,
            !["the last leaves", "a registration changes", "one organisation's rights"].contains(&what),
            "{what}"
        );

        let step = Step::between(&before, &after).unwrap_or_else(|| panic!("{what}: no step"));
        assert_eq!((step.from, step.to), (before.text_hash(), after.text_hash()));
        assert_eq!(
            apply(before.text(), &step.edits).as_deref(),
            Some(text.as_str()),
            "{what}"
        );
        // What came by edits is again something that the next can be read by.
        let again = read(before.text(), root, &after).expect("opens");
        assert!(Step::between(&after, &again).is_some(), "{what}");
    }
}

#[test]
fn a_bent_list_is_refused_by_both_ways_alike() {
    let play = Play::new();
    let root = play.known.root();
    let before = List::open(&signed(&play, &cast::draft()), root).expect("opens");
    let mut draft = cast::draft();
    draft.sequence += 1;
    let good = signed(&play, &draft);
    assert!(read(&good, root, &before).is_ok());
    let bend = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        read(&good.replacen(from, to, 1), root, &before).err()
    };
    for (from, to, code) in [
        // In a part that stays, in one that does not, in a proof.
        ("974761076", "974761077", Code::SignatureInvalid),
        (
            "LoTESequenceNumber\":8",
            "LoTESequenceNumber\":9",
            Code::SignatureInvalid,
        ),
        ("assertionMethod", "authentication", Code::SignatureInvalid),
        (
            "\"TrustedEntitiesList\":[{",
            "\"TrustedEntitiesList\":[{},{",
            Code::SignatureInvalid,
        ),
        (
            "\"NextUpdate\":",
            "\"NextUpdate\":\"x\",\"NextUpdate\":",
            Code::DuplicateKey,
        ),
        ("]},\"proof\"", "}},\"proof\"", Code::Malformed),
    ] {
        assert_eq!(bend(from, to), Some(code), "{from}");
    }
    // Signed, but said otherwise: white space changes nothing that is signed.
    assert_eq!(bend("{\"LoTE\"", "{ \"LoTE\""), None);
    // A part that stays and is listed twice.
    let entity = serde_json::to_string(&draft.to_value()["LoTE"]["TrustedEntitiesList"][0]).expect("JSON");
    assert_eq!(
        bend(&entity, &format!("{entity},{entity}")),
        Some(Code::SignatureInvalid)
    );
}

#[test]
fn edits_that_do_not_fit_make_no_text() {
    let edit = |at: u32, gone: u32, put: &[u8]| Edit {
        at,
        gone,
        put: put.to_vec(),
    };
    assert_eq!(
        apply("abcdef", &[edit(1, 1, b"X"), edit(3, 0, b"YZ")]).as_deref(),
        Some("aXcYZdef")
    );
    assert_eq!(apply("abc", &[]).as_deref(), Some("abc"));
    for bad in [
        vec![edit(4, 0, b"")],
        vec![edit(2, 2, b"")],
        vec![edit(2, 0, b""), edit(1, 0, b"")],
        vec![edit(0, 2, b""), edit(1, 0, b"")],
        vec![edit(u32::MAX, u32::MAX, b"")],
        vec![edit(0, 0, &[0xff])],
        vec![edit(0, 0, &vec![b'a'; crate::trust::TRUST_MAX + 1])],
        vec![edit(0, 0, b""); crate::trust::EDITS_MAX + 1],
    ] {
        assert_eq!(apply("abc", &bad), None);
    }
}

#[test]
fn the_change_of_one_organisation_travels_with_its_head_in_one_message_of_gossip() {
    let mut play = Play::new();
    let (name, change) = changes().swap_remove(1);
    let mut draft = cast::draft();
    draft.sequence += 1;
    change(&mut draft);
    let bundle = play.ceremony.publish(&draft, cast::now()).expect("publishes");
    play.take(&bundle).expect("takes");
    let step = play.known.step().expect("a step");
    let data = messages::Announcement::encode(play.known.version(), play.known.head(), Some(&step)).expect("encodes");
    assert!(data.len() <= messages::ANNOUNCEMENT_MAX);
    let read: messages::Announcement = protocol::decode(&data, messages::ANNOUNCEMENT_MAX).expect("decodes");
    assert_eq!(read.head, bundle.head);
    assert_eq!(read.changes.expect(name).edits, step.edits);
    // One that does not fit is left out, and the head goes alone.
    let mut long = Step::clone(&step);
    long.edits[0].put = vec![b' '; messages::ANNOUNCEMENT_MAX];
    let data = messages::Announcement::encode(play.known.version(), play.known.head(), Some(&long)).expect("encodes");
    let read: messages::Announcement = protocol::decode(&data, messages::ANNOUNCEMENT_MAX).expect("decodes");
    assert_eq!((read.head, read.changes), (bundle.head, None));
}
