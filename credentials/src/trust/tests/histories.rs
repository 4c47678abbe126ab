//! The history: exported by one, checked by another who knows the fingerprint only.

use super::play::{Play, TWO, draft};
use crate::Code;
use crate::trust::cast::{self, now, seeded};
use crate::trust::history::{self, Entry};
use crate::trust::{Known, Role};

/// Root 1, list 7, list 8, root 2 with other list keys, list 3.
fn entries() -> (Play, Vec<Entry>) {
    let mut play = Play::new();
    let (known, first) = Known::first(
        play.ceremony.first().expect("a root").text(),
        &play.ceremony.fingerprint().expect("hashes"),
        cast::begin(),
    )
    .expect("begins");
    play.known = known;
    let mut entries = vec![first];
    for sequence in [7, 8] {
        let bundle = play.ceremony.publish(&draft(sequence), now()).expect("publishes");
        entries.extend(play.take(&bundle).expect("takes").entries);
    }
    let mut hands = play.ceremony.hands().to_vec();
    for hand in &mut hands[..2] {
        hand.replace(Role::List, &mut seeded(&hand.anchor.id));
    }
    play.ceremony.change(hands, TWO, now()).expect("changes");
    let bundle = play.ceremony.publish(&draft(3), now()).expect("publishes");
    entries.extend(play.take(&bundle).expect("takes").entries);
    (play, entries)
}

fn verify(play: &Play, entries: &[Entry]) -> Result<history::Verified, Code> {
    let text = history::export(entries).expect("writes");
    let fingerprint = play.ceremony.fingerprint().expect("hashes");
    history::verify(text.lines(), &fingerprint).map_err(|problem| problem.code)
}

/// The same entries with numbers and hashes made to fit, as a forger would.
fn rechained(entries: Vec<Entry>) -> Vec<Entry> {
    let mut tip = history::Tip::default();
    let mut out = Vec::new();
    for entry in entries {
        let entry = Entry::after(tip, entry.taken, entry.kind, entry.version, &entry.text);
        tip = entry.tip();
        out.push(entry);
    }
    out
}

#[test]
fn a_history_is_checked_from_the_root_of_first_use() {
    let (play, entries) = entries();
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.version)).collect();
    assert_eq!(
        kinds,
        [
            (Role::Root, 1),
            (Role::List, 7),
            (Role::List, 8),
            (Role::Root, 2),
            (Role::List, 3)
        ]
    );
    let verified = verify(&play, &entries).expect("holds");
    assert_eq!(
        (verified.tip, verified.root, verified.list),
        (play.known.tip(), 2, Some(3))
    );
    assert_eq!(
        verify(&play, &entries[..2]).map(|verified| verified.list),
        Ok(Some(7)),
        "the beginning of it too"
    );
    let other = history::verify(
        history::export(&entries).expect("writes").lines(),
        &crate::trust::Fingerprint([1; 32]),
    );
    assert_eq!(
        other.map_err(|problem| problem.code).err(),
        Some(Code::TrustMismatch),
        "another first root"
    );
    assert_eq!(verify(&play, &[]), Err(Code::Malformed));
}

#[test]
fn a_history_with_a_gap_a_swap_or_another_word_is_refused() {
    let (play, entries) = entries();
    let without = |at: usize| {
        let mut entries = entries.clone();
        entries.remove(at);
        entries
    };
    for at in 1..4 {
        assert_eq!(verify(&play, &without(at)), Err(Code::TrustMismatch), "without {at}");
    }
    let mut swapped = entries.clone();
    swapped.swap(1, 2);
    assert_eq!(verify(&play, &swapped), Err(Code::TrustMismatch));
    let mut altered = entries.clone();
    altered[2].text = altered[2].text.replace("974761076", "974760673");
    assert_eq!(verify(&play, &altered), Err(Code::TrustMismatch));
    let mut later = entries.clone();
    later[1].taken = later[1].taken.plus(1);
    assert_eq!(
        verify(&play, &later),
        Err(Code::TrustMismatch),
        "the time is covered too"
    );

    assert!(
        verify(&play, &rechained(entries.clone())).is_ok(),
        "the forger's tool makes right chains"
    );
    assert_eq!(verify(&play, &rechained(altered)), Err(Code::SignatureInvalid));
    assert_eq!(
        verify(&play, &rechained(swapped)),
        Err(Code::TrustRollback),
        "list 8, then 7"
    );
    assert_eq!(
        verify(&play, &rechained(without(0))),
        Err(Code::Malformed),
        "no first root"
    );
    assert_eq!(
        verify(&play, &rechained(without(3))),
        Err(Code::UnknownKey),
        "a list of keys that no root named"
    );
    let mut misnumbered = entries.clone();
    misnumbered[1].version = 9;
    assert_eq!(verify(&play, &rechained(misnumbered)), Err(Code::Malformed));
    let twice = rechained([&entries[..3], &entries[2..]].concat());
    assert!(verify(&play, &twice).is_ok(), "the same list again says nothing new");
    let mut head = entries;
    head[1].kind = Role::Head;
    assert_eq!(
        verify(&play, &rechained(head)),
        Err(Code::Malformed),
        "heads are not kept"
    );
}

#[test]
fn a_line_that_is_none_is_refused() {
    let (_, entries) = entries();
    let line = entries[0].to_line().expect("writes");
    assert_eq!(Entry::parse(&line).as_ref(), Ok(&entries[0]));
    for (wrong, code) in [
        (String::new(), Code::Malformed),
        (line.replacen('{', r#"{"number":1,"#, 1), Code::DuplicateKey),
        (line.replacen('{', r#"{"more":1,"#, 1), Code::Malformed),
        (" ".repeat(history::LINE_MAX + 1), Code::TooLarge),
    ] {
        assert_eq!(Entry::parse(&wrong).map_err(|problem| problem.code).err(), Some(code));
    }
}
