//! Digests: what is applied, what is fetched, what is refused.

use super::*;
use crate::protocol::status::{Ask, Reply};

fn give(mirror: &mut Mirror, uri: &str, states: &States) {
    let packed = states.pack().expect("packs");
    mirror.states(&did(TAX), uri, &packed).expect("taken");
}

/// A mirror that holds one list, version 5 of now, in which nothing is set.
fn holding() -> Mirror {
    let mut mirror = Mirror::default();
    hear_head(&mut mirror, &head(0, &[(URI, 5, "text")]));
    give(&mut mirror, URI, &States::new());
    mirror
}

fn hear_head(mirror: &mut Mirror, head: &Head) {
    mirror.head(&sign(head), &trust(), now()).expect("taken");
}

/// What is said of a list whose content goes from one to another, with all that changes.
fn news(number: u64, from: &States, to: &States) -> News {
    News {
        list: version(URI, number, "another text", to),
        from: from.hash(),
        changes: Changes::between(from, to),
    }
}

fn digest(issued: i64, lists: Vec<News>) -> Digest {
    Digest {
        issuer: did(TAX),
        issued: now().plus(issued),
        expires: now().plus(issued + 900),
        lists,
    }
}

fn text(digest: &Digest) -> String {
    digest.sign(&kid(TAX), &cast::key(1)).expect("signs")
}

fn hear(mirror: &mut Mirror, issued: i64, news: News) -> Result<Heard, Code> {
    let heard = mirror.digest(&text(&digest(issued, vec![news])), &trust(), now());
    heard.map_err(|problem| problem.code)
}

fn state(mirror: &Mirror) -> Option<(State, Timestamp)> {
    mirror.state(&did(TAX), URI, 7)
}

fn revoked() -> States {
    with(&[(7, State::Revoked)])
}

#[test]
fn a_digest_is_applied_at_once_and_its_time_is_the_as_of_time() {
    let mut mirror = holding();
    let changed = with(&[(7, State::Revoked), (1_000_000, State::Suspended)]);
    let heard = hear(&mut mirror, 10, news(6, &States::new(), &changed)).expect("taken");
    assert!(heard.is_news && heard.wanted.is_empty() && !heard.has_more);
    assert_eq!(state(&mirror), Some((State::Revoked, now().plus(10))));
    let again = hear(&mut mirror, 10, news(6, &States::new(), &changed)).expect("known");
    assert!(!again.is_news, "gossip stops here");
    let lists = mirror.lists();
    assert_eq!((lists[0].version, lists[0].newest), (Some(6), 6));
    // Whoever asks gets the digest with the head, and comes to the same.
    let Reply::News { head, digests } = mirror.answer(&Ask::HeadOf { issuer: did(TAX) }) else {
        panic!("no head");
    };
    let mut other = holding();
    other.head(&head, &trust(), now()).expect("taken");
    for text in &digests {
        other.digest(text, &trust(), now()).expect("taken");
    }
    assert_eq!((digests.len(), state(&other)), (1, state(&mirror)));
    // And from the cache.
    let mut read = Mirror::default();
    let cached = mirror.cached(&did(TAX)).expect("mirrored");
    read.restore(&cached, &trust(), now()).expect("restored");
    assert_eq!(state(&read), state(&mirror));
}

#[test]
fn a_digest_without_changes_confirms_or_is_fetched() {
    let mut mirror = holding();
    let bare = |number, to: &States| News {
        changes: None,
        ..news(number, &States::new(), to)
    };
    let heard = hear(&mut mirror, 10, bare(6, &States::new())).expect("taken");
    assert!(heard.is_news && heard.wanted.is_empty());
    assert_eq!(state(&mirror), Some((State::Valid, now().plus(10))));
    let heard = hear(&mut mirror, 20, bare(7, &revoked())).expect("taken");
    assert_eq!(heard.wanted[0].list.states, revoked().hash());
}

#[test]
fn a_digest_older_than_the_head_is_no_news_and_goes_back_to_nothing() {
    let mut mirror = holding();
    hear_head(&mut mirror, &head(100, &[(URI, 7, "text")]));
    let heard = hear(&mut mirror, 50, news(6, &States::new(), &revoked())).expect("known better");
    assert!(!heard.is_news && heard.wanted.is_empty());
    assert_eq!(state(&mirror), Some((State::Valid, now().plus(100))));
    // A lower version later is the issuer going back.
    let back = hear(&mut mirror, 150, news(6, &States::new(), &revoked()));
    assert_eq!(back, Err(Code::Stale));
    assert_eq!(state(&mirror), Some((State::Valid, now().plus(100))));
}

#[test]
fn a_head_that_was_on_its_way_while_a_digest_came_takes_nothing_back() {
    let mut mirror = holding();
    hear(&mut mirror, 10, news(6, &States::new(), &revoked())).expect("taken");
    // Within one second the versions decide.
    for issued in [5, 10] {
        hear_head(&mut mirror, &head(issued, &[(URI, 5, "text")]));
        assert_eq!(state(&mirror), Some((State::Revoked, now().plus(10))));
    }
}

#[test]
fn a_digest_after_a_gap_names_what_to_fetch() {
    let mut mirror = holding();
    let (missed, newest) = (
        with(&[(3, State::Revoked)]),
        with(&[(3, State::Revoked), (7, State::Revoked)]),
    );
    let heard = hear(&mut mirror, 20, news(7, &missed, &newest)).expect("taken");
    assert!(heard.is_news);
    assert_eq!(heard.wanted.len(), 1);
    assert_eq!(heard.wanted[0].list.states, newest.hash());
    assert_eq!(heard.wanted[0].held, Some(States::new().hash()));
    assert_eq!(
        state(&mirror),
        Some((State::Valid, now())),
        "it ages until that is there"
    );
    assert_eq!(mirror.conflicts(), [], "a gap is nobody's fault");
    give(&mut mirror, URI, &newest);
    assert_eq!(state(&mirror), Some((State::Revoked, now().plus(20))));
}

#[test]
fn a_digest_from_before_what_is_held_leads_to_the_same_content() {
    // The head between was heard; the digest tells both changes at once.
    let mut mirror = holding();
    let (between, newest) = (
        with(&[(3, State::Revoked)]),
        with(&[(3, State::Revoked), (7, State::Revoked)]),
    );
    hear_head(&mut mirror, &head_of(5, vec![version(URI, 6, "text", &between)]));
    give(&mut mirror, URI, &between);
    let heard = hear(&mut mirror, 20, news(7, &States::new(), &newest)).expect("taken");
    assert_eq!(heard.wanted, []);
    assert_eq!(state(&mirror), Some((State::Revoked, now().plus(20))));
}

#[test]
fn changes_that_do_not_lead_to_the_content_named_are_refused_and_mark_the_issuer() {
    let mut mirror = holding();
    let lie = News {
        changes: Changes::new([(8, State::Revoked)]),
        ..news(6, &States::new(), &revoked())
    };
    assert_eq!(hear(&mut mirror, 10, lie), Err(Code::StatusConflict));
    assert_eq!(state(&mirror), Some((State::Valid, now())), "nothing changed");
    assert_eq!(mirror.state(&did(TAX), URI, 8), Some((State::Valid, now())));
    let conflicts = mirror.conflicts();
    assert_eq!((conflicts.len(), conflicts[0].evidence.len()), (1, 2));
    // From now on its changes are not believed without the whole list.
    let heard = hear(&mut mirror, 20, news(7, &States::new(), &revoked())).expect("taken");
    assert_eq!(heard.wanted.len(), 1);
    give(&mut mirror, URI, &revoked());
    assert_eq!(state(&mirror), Some((State::Revoked, now().plus(20))));
}

#[test]
fn one_false_list_of_a_digest_leaves_the_others_as_they_were() {
    let other = "https://skatteetaten.example/status/2";
    let mut mirror = Mirror::default();
    hear_head(&mut mirror, &head(0, &[(URI, 5, "text"), (other, 5, "text")]));
    give(&mut mirror, URI, &States::new());
    give(&mut mirror, other, &States::new());
    let mut lie = news(6, &States::new(), &revoked());
    lie.list.uri = other.to_owned();
    lie.changes = Changes::new([(9, State::Revoked)]);
    let both = text(&digest(10, vec![news(6, &States::new(), &revoked()), lie]));
    let heard = mirror.digest(&both, &trust(), now()).map_err(|problem| problem.code);
    assert_eq!(heard, Err(Code::StatusConflict));
    assert_eq!(state(&mirror), Some((State::Valid, now())));
}

#[test]
fn a_digest_is_its_issuers_own_and_in_its_time() {
    let mut mirror = holding();
    let by = |mirror: &mut Mirror, issuer: &str, kid: &str, key: u8, seconds| {
        let said = Digest {
            issuer: did(issuer),
            ..digest(10, vec![news(6, &States::new(), &revoked())])
        };
        let text = said.sign(kid, &cast::key(key)).expect("signs");
        let heard = mirror.digest(&text, &trust(), now().plus(seconds));
        heard.map_err(|problem| problem.code)
    };
    assert_eq!(by(&mut mirror, TAX, &kid(TAX), 9, 0), Err(Code::SignatureInvalid));
    let second = format!("did:web:{TAX}#key-2");
    assert_eq!(by(&mut mirror, TAX, &second, 1, 0), Err(Code::UnknownKey));
    let stranger = "annen.example";
    assert_eq!(
        by(&mut mirror, stranger, &kid(stranger), 9, 0),
        Err(Code::UnknownIssuer)
    );
    assert_eq!(by(&mut mirror, TAX, &kid(TAX), 1, -300), Err(Code::NotYetValid));
    assert_eq!(by(&mut mirror, TAX, &kid(TAX), 1, 910), Err(Code::Expired));
    // Another issuer speaks of its own lists only, whatever it calls them.
    let heard = by(&mut mirror, BANK, &kid(BANK), 4, 0).expect("taken, as the bank's");
    assert_eq!(heard.wanted.len(), 1);
    assert_eq!(state(&mirror), Some((State::Valid, now())));
    assert_eq!(mirror.state(&did(BANK), URI, 7), None);
    assert!(by(&mut mirror, TAX, &kid(TAX), 1, 909).is_ok());
    assert_eq!(state(&mirror), Some((State::Revoked, now().plus(10))));
    assert!(digest(10, Vec::new()).sign(&kid(BANK), &cast::key(4)).is_err());
}

#[test]
fn content_that_nobody_has_leaves_the_last_good_state_to_age() {
    let mut mirror = holding();
    for at in 1..50 {
        let nowhere = News {
            changes: None,
            ..news(5 + at, &with(&[(1, State::Revoked)]), &with(&[(2, State::Revoked)]))
        };
        let heard = hear(&mut mirror, at.cast_signed(), nowhere).expect("taken");
        assert_eq!(heard.wanted.len(), 1);
        assert_eq!(
            state(&mirror),
            Some((State::Valid, now())),
            "no younger for being told again"
        );
    }
    assert!(mirror.bytes() < 400 * 1024, "{} bytes", mirror.bytes());
    assert_eq!(mirror.wanted().len(), 1);
}

#[test]
fn a_digest_is_no_longer_than_a_message_of_gossip() {
    let signed = |count: u32| {
        let states = with(&(0..count).map(|at| (at * 1_000, State::Revoked)).collect::<Vec<_>>());
        let digest = digest(10, vec![news(6, &States::new(), &states)]);
        digest.sign(&kid(TAX), &cast::key(1)).map_err(|problem| problem.code)
    };
    assert!(signed(600).expect("several hundred changes").len() <= DIGEST_MAX);
    assert_eq!(signed(800), Err(Code::TooLarge));
    let open = |text: &str| Digest::open(text, &trust(), now()).map_err(|problem| problem.code);
    assert_eq!(open(&"x".repeat(DIGEST_MAX + 1)), Err(Code::TooLarge));
    assert_eq!(open(&sign(&head(0, &[]))), Err(Code::Malformed), "another label");
}

#[test]
fn a_digest_without_lists_says_only_that_there_is_more() {
    let mut mirror = holding();
    for (issued, has_more) in [(10, true), (0, false)] {
        let heard = mirror
            .digest(&text(&digest(issued, Vec::new())), &trust(), now())
            .expect("taken");
        assert_eq!((heard.has_more, heard.is_news), (has_more, has_more));
        assert_eq!(heard.wanted, []);
    }
    assert_eq!(state(&mirror), Some((State::Valid, now())));
}

#[test]
fn changes_are_three_bytes_each_in_ascending_order() {
    let twice = [
        (ENTRIES - 1, State::Superseded),
        (0, State::Revoked),
        (0, State::Suspended),
    ];
    let changes = Changes::new(twice).expect("some");
    let bytes = changes.to_bytes();
    assert_eq!(
        bytes,
        [0, 0, 2, 0x3f, 0xff, 0xff],
        "the last word about an entry counts"
    );
    assert_eq!(Changes::parse(&bytes), Ok(changes));
    let code = |bytes: &[u8]| Changes::parse(bytes).err().map(|problem| problem.code);
    assert_eq!(code(&[]), None);
    assert_eq!(code(&[0, 0]), Some(Code::Malformed));
    assert_eq!(code(&[0, 0, 2, 0, 0, 1]), Some(Code::Malformed), "one entry twice");
    assert_eq!(code(&[0x40, 0, 0]), Some(Code::Malformed), "no entry");
    assert_eq!(code(&vec![0; 3 * CHANGES_MAX + 3]), Some(Code::TooLarge));
    assert_eq!(Changes::new([(ENTRIES, State::Valid)]), None);
    let too_many = (0..=16_384).map(|index| (index, State::Revoked));
    assert_eq!(Changes::new(too_many), None);
}
