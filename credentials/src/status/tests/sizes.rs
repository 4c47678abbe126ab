//! How large a list is when it travels.

use super::*;
use std::collections::BTreeSet;

/// Most bytes of a list of 2^20 entries of which a hundredth is set to one state, as a JWT.
const JWT_MAX: usize = 30_000;

/// A list of which exactly a hundredth (rounded down) is set: as many entries as that, anywhere, each to one of these in turn.
fn hundredth(set_to: &[State]) -> States {
    let mut random = seeded("a hundredth");
    let mut indices = BTreeSet::new();
    while indices.len() < usize::try_from(ENTRIES / 100).expect("small") {
        indices.insert(u32::from_be_bytes(random::bytes::<4>(&mut random)) % ENTRIES);
    }
    let mut states = States::new();
    for (index, state) in indices.into_iter().zip(set_to.iter().cycle()) {
        states.set(index, *state);
    }
    states
}

#[test]
fn a_list_of_2_to_the_20_of_which_a_hundredth_is_set_travels_in_30_kb() {
    assert_eq!(ENTRIES, 1 << 20);
    // Half of the hundredth set to another state is a bit more to say of each entry.
    for set_to in [
        &[State::Revoked][..],
        &[State::Superseded],
        &[State::Suspended],
        &[State::Revoked, State::Superseded],
    ] {
        let states = hundredth(set_to);
        let text = signed(&states);
        assert!(text.len() <= JWT_MAX, "{} bytes with {set_to:?}", text.len());
        let opened = List::open(&text, &did(TAX), &trust(), now()).expect("opens");
        assert_eq!(opened.states.hash(), states.hash());
    }
}
