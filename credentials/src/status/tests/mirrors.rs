//! Mirrors: what counts, how old it is, and what is refused.

use super::*;
use crate::protocol::status::{Ask, Reply};

fn take(mirror: &mut Mirror, head: &Head) -> Result<Heard, Code> {
    let taken = mirror.head(&sign(head), &trust(), now());
    taken.map_err(|problem| problem.code)
}

fn give(mirror: &mut Mirror, states: &States) -> Result<(), Code> {
    let given = mirror.states(&did(TAX), URI, &states.pack().expect("packs"));
    given.map_err(|problem| problem.code)
}

/// A mirror that holds one list in which these entries are set, by a head signed now.
fn holding(entries: &[(u32, State)]) -> Mirror {
    let states = with(entries);
    let mut mirror = Mirror::default();
    take(&mut mirror, &head_of(0, vec![version(URI, 1, "text", &states)])).expect("taken");
    give(&mut mirror, &states).expect("taken");
    mirror
}

#[test]
fn a_mirror_answers_from_the_list_that_the_newest_head_names_with_that_heads_time() {
    let states = with(&[(5, State::Revoked)]);
    let (first, second) = (signed(&States::new()), signed(&states));
    let mut mirror = Mirror::default();
    let state = |mirror: &Mirror| mirror.state(&did(TAX), URI, 5);
    assert_eq!(state(&mirror), None);

    let heard = take(&mut mirror, &head(0, &[(URI, 1, &first)])).expect("taken");
    assert!(heard.is_news && heard.issuer == did(TAX));
    assert_eq!(heard.wanted.len(), 1);
    assert_eq!(
        (heard.wanted[0].list.hash.clone(), &heard.wanted[0].held),
        (list_hash(&first), &None)
    );
    assert_eq!(state(&mirror), None, "named, not fetched");
    mirror.list(&first, &trust(), now()).expect("taken");
    assert_eq!(state(&mirror), Some((State::Valid, now())));
    assert_eq!(mirror.state(&did(TAX), URI, ENTRIES), None);
    assert_eq!(mirror.state(&did(BANK), URI, 5), None, "another issuer");

    assert_eq!(
        take(&mut mirror, &head(10, &[(URI, 1, &first)])).expect("taken").wanted,
        []
    );
    assert_eq!(state(&mirror), Some((State::Valid, now().plus(10))), "confirmed again");

    let newest = head_of(20, vec![version(URI, 2, &second, &states)]);
    let heard = take(&mut mirror, &newest).expect("taken");
    assert_eq!(
        heard.wanted[0].held,
        Some(States::new().hash()),
        "a delta may start there"
    );
    let last_good = Some((State::Valid, now().plus(10)));
    assert_eq!(state(&mirror), last_good, "the last good state stays and ages");
    mirror.list(&second, &trust(), now()).expect("taken");
    assert_eq!(state(&mirror), Some((State::Revoked, now().plus(20))));
    assert_eq!(mirror.heads(), [newest]);

    take(&mut mirror, &head(30, &[])).expect("taken");
    assert_eq!(state(&mirror), None, "a list that is no longer published");
}

#[test]
fn a_mirror_goes_back_to_no_earlier_head_or_list() {
    let text = signed(&States::new());
    let mut mirror = Mirror::default();
    take(&mut mirror, &head(10, &[(URI, 5, &text)])).expect("taken");
    mirror.list(&text, &trust(), now()).expect("taken");
    let mut refused = |head: Head| take(&mut mirror, &head).err();
    assert_eq!(refused(head(9, &[(URI, 5, &text)])), Some(Code::Stale));
    assert_eq!(refused(head(20, &[(URI, 4, "older")])), Some(Code::Stale));
    assert_eq!(refused(head(20, &[])), None);
    assert_eq!(
        refused(head(30, &[(URI, 4, "older")])),
        Some(Code::Stale),
        "closed in between"
    );
    assert_eq!(refused(head(30, &[(URI, 5, &text)])), None);
    assert_eq!(mirror.heads()[0].issued, now().plus(30));
}

#[test]
fn a_mirror_takes_only_lists_that_a_head_named() {
    let (named, other) = (signed(&States::new()), bent(|payload| payload["ttl"] = json!(1)));
    let elsewhere = bent(|payload| payload["sub"] = json!("https://skatteetaten.example/status/2"));
    let mut mirror = Mirror::default();
    let list = |mirror: &mut Mirror, text: &str| mirror.list(text, &trust(), now()).map_err(|problem| problem.code);
    assert_eq!(list(&mut mirror, &named), Err(Code::UnexpectedMessage));
    take(&mut mirror, &head(0, &[(URI, 1, &named)])).expect("taken");
    assert_eq!(list(&mut mirror, &other), Err(Code::UnexpectedMessage));
    assert_eq!(list(&mut mirror, &named), Ok(()));
    take(&mut mirror, &head(1, &[(URI, 2, &elsewhere)])).expect("taken");
    assert_eq!(
        list(&mut mirror, &elsewhere),
        Err(Code::Malformed),
        "under another name"
    );
    take(&mut mirror, &head(2, &[(URI, 3, "not a list")])).expect("taken");
    assert_eq!(list(&mut mirror, "not a list"), Err(Code::Malformed));
    let mut sized = head(3, &[(URI, 4, &named)]);
    sized.lists[0].size += 1;
    take(&mut mirror, &sized).expect("taken");
    assert_eq!(
        list(&mut mirror, &named),
        Err(Code::UnexpectedMessage),
        "of another length"
    );
}

#[test]
fn an_issuer_that_names_anothers_list_takes_nothing_from_it() {
    let text = signed(&States::new());
    let mut mirror = Mirror::default();
    let mut copied = head(0, &[(URI, 1, &text)]);
    copied.issuer = did(BANK);
    mirror
        .head(&copied.sign(&kid(BANK), &cast::key(4)).expect("signs"), &trust(), now())
        .expect("taken");
    take(&mut mirror, &head(0, &[(URI, 1, &text)])).expect("taken");
    mirror.list(&text, &trust(), now()).expect("taken for its own issuer");
    assert!(mirror.state(&did(TAX), URI, 0).is_some());
    assert!(mirror.state(&did(BANK), URI, 0).is_none());
}

#[test]
fn a_list_that_was_signed_anew_without_a_change_is_held_by_the_head_alone() {
    let entries = [(5, State::Suspended)];
    let mut mirror = holding(&entries);
    let anew = head_of(300, vec![version(URI, 2, "another text", &with(&entries))]);
    let heard = take(&mut mirror, &anew).expect("taken");
    assert!(heard.is_news && heard.wanted.is_empty());
    assert_eq!(
        mirror.state(&did(TAX), URI, 5),
        Some((State::Suspended, now().plus(300)))
    );
}

#[test]
fn states_are_taken_by_their_hash_from_whomever_they_come() {
    let states = with(&[(5, State::Revoked)]);
    let packed = states.pack().expect("packs");
    let mut mirror = Mirror::default();
    let give = |mirror: &mut Mirror, issuer: &str, uri: &str, packed: &[u8]| {
        let given = mirror.states(&did(issuer), uri, packed);
        given.map_err(|problem| problem.code)
    };
    let unexpected = Err(Code::UnexpectedMessage);
    assert_eq!(give(&mut mirror, TAX, URI, &packed), unexpected, "nobody named them");
    take(&mut mirror, &head_of(0, vec![version(URI, 1, "text", &states)])).expect("taken");
    assert_eq!(give(&mut mirror, BANK, URI, &packed), unexpected);
    assert_eq!(
        give(&mut mirror, TAX, "https://elsewhere.example/1", &packed),
        unexpected
    );
    assert_eq!(
        give(&mut mirror, TAX, URI, &States::new().pack().expect("packs")),
        unexpected
    );
    assert_eq!(
        give(&mut mirror, TAX, URI, &packed[..packed.len() - 1]),
        Err(Code::Malformed)
    );
    assert_eq!(mirror.state(&did(TAX), URI, 5), None);
    assert_eq!(give(&mut mirror, TAX, URI, &packed), Ok(()));
    assert_eq!(mirror.state(&did(TAX), URI, 5), Some((State::Revoked, now())));
}

#[test]
fn a_small_blob_of_states_cannot_fill_memory() {
    let deflate = |length: usize| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![0; length]).expect("compresses");
        encoder.finish().expect("compresses")
    };
    let mut mirror = Mirror::default();
    take(&mut mirror, &head(0, &[(URI, 1, "text")])).expect("taken");
    let mut give = |length| {
        mirror
            .states(&did(TAX), URI, &deflate(length))
            .map_err(|problem| problem.code)
    };
    assert_eq!(give(BYTES * 1_000), Err(Code::TooLarge));
    assert_eq!(give(BYTES + 1), Err(Code::TooLarge));
    assert_eq!(give(BYTES - 1), Err(Code::Malformed), "shorter than an index may be");
    assert_eq!(give(BYTES), Ok(()));
}

#[test]
fn a_mirror_gives_on_what_it_holds_and_says_what_it_has_not() {
    let first = holding(&[(5, State::Revoked)]);
    let missing = Reply::Problem(Code::StatusMissing.into());
    let mut second = Mirror::default();
    let Reply::News { head, digests } = first.answer(&Ask::HeadOf { issuer: did(TAX) }) else {
        panic!("no head");
    };
    assert_eq!(digests, Vec::<String>::new());
    let heard = second.head(&head, &trust(), now()).expect("taken");
    let hash = heard.wanted[0].list.states.clone();
    let ask = |hash: &str, offset| Ask::Chunk {
        hash: hash.to_owned(),
        offset,
    };
    let Reply::Chunk { total, bytes } = first.answer(&ask(&hash, 0)) else {
        panic!("no states");
    };
    assert_eq!(total as usize, bytes.len(), "one piece");
    second.states(&did(TAX), URI, &bytes).expect("taken");
    assert_eq!(second.state(&did(TAX), URI, 5), Some((State::Revoked, now())));
    let Reply::Chunk { bytes: rest, .. } = second.answer(&ask(&hash, total - 1)) else {
        panic!("no states");
    };
    assert_eq!(rest, bytes[bytes.len() - 1..]);
    let beyond = Reply::Problem(crate::Problem::new(Code::Malformed, "offset"));
    assert_eq!(first.answer(&ask(&hash, total)), beyond);
    assert_eq!(
        first.answer(&ask(&list_hash("text"), 0)),
        missing,
        "texts are their issuer's"
    );
    assert_eq!(first.answer(&ask("", 0)), missing);
    assert_eq!(
        first.answer(&Ask::Head),
        missing,
        "only an issuer has a head of its own"
    );
    assert_eq!(first.answer(&Ask::HeadOf { issuer: did(BANK) }), missing);
}

#[test]
fn what_changed_since_any_content_that_was_held_is_given_on_as_a_delta() {
    let (mut first, mut second) = (holding(&[]), holding(&[]));
    let contents = [
        with(&[(1, State::Revoked)]),
        with(&[(1, State::Revoked), (2, State::Suspended)]),
        with(&[(1, State::Revoked), (9, State::Superseded)]),
    ];
    for (at, states) in (2..).zip(&contents) {
        take(
            &mut first,
            &head_of(at, vec![version(URI, at.unsigned_abs(), "text", states)]),
        )
        .expect("taken");
        give(&mut first, states).expect("taken");
    }
    let ask = |from: &States, to: &States| Ask::Delta {
        issuer: did(TAX),
        uri: URI.to_owned(),
        from: from.hash(),
        to: to.hash(),
    };
    let delta = |from: &States| match first.answer(&ask(from, &contents[2])) {
        Reply::Delta { changes } => changes,
        other => panic!("{other:?}"),
    };
    for begin in [&States::new(), &contents[0], &contents[1]] {
        let mut states = begin.clone();
        Changes::parse(&delta(begin)).expect("reads").apply(&mut states);
        assert!(states == contents[2]);
    }
    let missing = Reply::Problem(Code::StatusMissing.into());
    assert_eq!(first.answer(&ask(&contents[2], &contents[0])), missing, "no way back");
    assert_eq!(first.answer(&ask(&with(&[(7, State::Revoked)]), &contents[2])), missing);

    let heard = take(&mut second, &head_of(9, vec![version(URI, 9, "text", &contents[2])])).expect("taken");
    assert_eq!(heard.wanted[0].held, Some(States::new().hash()));
    let changes = delta(&States::new());
    let mut give = |changes: &[u8]| second.delta(&did(TAX), URI, changes).map_err(|problem| problem.code);
    let lie = Changes::new([(1, State::Valid)]).expect("one").to_bytes();
    assert_eq!(give(&lie), Err(Code::UnexpectedMessage), "they do not lead there");
    assert_eq!(give(&changes[..2]), Err(Code::Malformed));
    assert_eq!(give(&changes), Ok(()));
    assert_eq!(
        second.state(&did(TAX), URI, 9),
        Some((State::Superseded, now().plus(9)))
    );
    assert_eq!(second.conflicts(), [], "who lied was not the issuer");
}

#[test]
fn two_contents_of_one_version_mark_the_issuer_and_change_nothing() {
    let mut mirror = holding(&[]);
    let other = with(&[(5, State::Revoked)]);
    let contradicts = head_of(10, vec![version(URI, 1, "text", &other)]);
    assert_eq!(take(&mut mirror, &contradicts), Err(Code::StatusConflict));
    assert_eq!(
        mirror.state(&did(TAX), URI, 5),
        Some((State::Valid, now())),
        "the last good one stays"
    );
    let conflicts = mirror.conflicts();
    assert_eq!((conflicts.len(), conflicts[0].uri.as_str()), (1, URI));
    assert_eq!(conflicts[0].evidence.len(), 2, "both signed words");
    assert!(
        conflicts[0]
            .evidence
            .iter()
            .all(|text| Head::open(text, &trust(), now()).is_ok())
    );
    // A text that is named and holds other states than those that are named is the same fault.
    let text = signed(&other);
    take(&mut mirror, &head(20, &[(URI, 2, &text)])).expect("taken");
    let listed = mirror.list(&text, &trust(), now()).map_err(|problem| problem.code);
    assert_eq!(listed, Err(Code::StatusConflict));
    assert_eq!(mirror.state(&did(TAX), URI, 5), Some((State::Valid, now().plus(20))));
}

#[test]
fn what_a_compromised_key_signed_is_forgotten_with_the_versions_it_set() {
    let mut mirror = holding(&[]);
    let high = head_of(200, vec![version(URI, u64::MAX, "text", &with(&[(5, State::Revoked)]))]);
    take(&mut mirror, &high).expect("taken");
    let true_again = head_of(300, vec![version(URI, 2, "text", &States::new())]);
    assert_eq!(
        take(&mut mirror, &true_again),
        Err(Code::Stale),
        "never reached by the true issuer"
    );
    assert_eq!(mirror.review(&trust()), [], "nothing is known of it yet");
    let second = format!("did:web:{TAX}#key-2");
    let compromised = {
        let mut draft = cast::draft();
        let old = draft.organisations[0].keys[0].clone();
        draft.organisations[0].keys[0].compromised = Some(now().plus(100));
        draft.organisations[0].keys.push(crate::trust::OrganisationKey {
            id: second.clone(),
            key: cast::key(21).verifying_key(),
            ..old
        });
        cast::listed(&draft)
    };
    assert_eq!(mirror.review(&compromised), [did(TAX)]);
    assert_eq!(mirror.state(&did(TAX), URI, 5), None);
    let text = true_again.sign(&second, &cast::key(21)).expect("signs");
    let heard = mirror.head(&text, &compromised, now()).expect("taken");
    assert_eq!(heard.wanted.len(), 1);
    assert_eq!(mirror.review(&compromised), []);
}

#[test]
fn a_key_that_has_ended_and_left_the_list_takes_nothing_with_it_unless_it_said_the_newest_word() {
    let second = format!("did:web:{TAX}#key-2");
    let listing = |names: &[&str]| {
        let mut draft = cast::draft();
        let old = draft.organisations[0].keys[0].clone();
        draft.organisations[0].keys.push(crate::trust::OrganisationKey {
            id: second.clone(),
            key: cast::key(21).verifying_key(),
            ..old
        });
        draft.organisations[0]
            .keys
            .retain(|key| names.iter().any(|name| key.id.ends_with(name)));
        cast::listed(&draft)
    };
    let mut mirror = holding(&[(5, State::Revoked)]);
    let (both, later) = (listing(&["#key-1", "#key-2"]), listing(&["#key-2"]));
    let again = head_of(10, vec![version(URI, 1, "text", &with(&[(5, State::Revoked)]))]);
    let text = again.sign(&second, &cast::key(21)).expect("signs");
    // While the newest word is the old key's, the issuer's key that left takes it along.
    assert_eq!(holding(&[]).review(&later), [did(TAX)]);
    mirror.head(&text, &both, now()).expect("taken");
    assert_eq!(mirror.review(&later), []);
    assert_eq!(mirror.state(&did(TAX), URI, 5), Some((State::Revoked, now().plus(10))));
    assert_eq!(
        mirror.review(&listing(&["#key-1"])),
        [did(TAX)],
        "now the other one said the newest word"
    );
}

#[test]
fn every_contradiction_of_an_issuer_is_evidence_and_the_same_one_counts_once() {
    let mut mirror = holding(&[]);
    for entry in [1, 2, 1] {
        let other = head_of(10, vec![version(URI, 1, "text", &with(&[(entry, State::Revoked)]))]);
        assert_eq!(take(&mut mirror, &other), Err(Code::StatusConflict));
    }
    let told: Vec<usize> = mirror
        .conflicts()
        .iter()
        .map(|conflict| conflict.evidence.len())
        .collect();
    assert_eq!(told, [2, 2]);
    for entry in 3..20 {
        let other = head_of(10, vec![version(URI, 1, "text", &with(&[(entry, State::Revoked)]))]);
        assert_eq!(take(&mut mirror, &other), Err(Code::StatusConflict));
    }
    assert_eq!(mirror.conflicts().len(), 8);
}

#[test]
fn a_mirror_is_kept_and_read_again_with_every_signature_and_hash() {
    let mirror = holding(&[(5, State::Revoked)]);
    let cached = mirror.cached(&did(TAX)).expect("mirrored");
    assert_eq!(mirror.cached(&did(BANK)), None);
    let restore = |cached: &Cached, seconds| {
        let mut mirror = Mirror::default();
        let result = mirror.restore(cached, &trust(), now().plus(seconds));
        result.map(|()| mirror).map_err(|problem| problem.code)
    };
    // Long after the head expired: it is as old as it is.
    let Ok(mut read) = restore(&cached, 20 * 3_600) else {
        panic!("not restored");
    };
    assert_eq!(read.state(&did(TAX), URI, 5), Some((State::Revoked, now())));
    assert_eq!(restore(&cached, -301).err(), Some(Code::NotYetValid));
    let mut bent = cached.clone();
    bent.lists[0].states = States::new().pack().expect("packs");
    assert_eq!(
        restore(&bent, 0).err(),
        Some(Code::UnexpectedMessage),
        "other states than those named"
    );
    let mut forged = cached.clone();
    forged.head = head(0, &[(URI, 1, "text")])
        .sign(&kid(TAX), &cast::key(9))
        .expect("signs");
    assert_eq!(restore(&forged, 0).err(), Some(Code::SignatureInvalid));
    let mut renamed = cached.clone();
    renamed.issuer = did(BANK);
    assert_eq!(restore(&renamed, 0).err(), Some(Code::UnexpectedMessage));
    let twice = read.restore(&cached, &trust(), now()).map_err(|problem| problem.code);
    assert_eq!(twice, Err(Code::UnexpectedMessage), "nothing newer is written over");
}
