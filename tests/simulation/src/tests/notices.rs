//! A register and two banks by their machines: a wrong notice, its compensation, a person, and a restored register.

use self::parties::{Bank, Register, told};
use credentials::protocol::notice::{Ask, Reply};
use issuer::{Seen, Settling};
use verifier::{Effect, MatchState};

mod parties;

const DEBTOR: &str = "310682950";
const PERSON: &str = "14858834016";

#[test]
fn a_wrong_notice_is_followed_by_a_compensating_one_at_every_bank() {
    let mut register = Register::new();
    let mut banks = [Bank::new(&[DEBTOR]), Bank::new(&["312045877"])];
    let wrong = register.say(&told("aapning", DEBTOR, None));
    for bank in &mut banks {
        bank.gossip(&mut register);
    }
    assert_eq!(banks[0].matches(), [(DEBTOR.to_owned(), MatchState::Blocked)]);
    register.say(&told("sletting", DEBTOR, Some(&wrong)));
    // One bank hears it, the other was away and pulls.
    banks[0].gossip(&mut register);
    for bank in &mut banks {
        bank.pull(&mut register);
    }
    assert_eq!(banks[0].matches(), [(DEBTOR.to_owned(), MatchState::Reopened)]);
    assert_eq!(banks[0].effects(), [Effect::Block, Effect::Reopen]);
    assert_eq!(banks[1].effects(), []);
}

#[test]
fn a_person_is_found_by_the_bank_that_has_the_customer_and_named_to_nobody() {
    let mut register = Register::new();
    register.key("2026");
    let mut banks = [Bank::new(&[PERSON]), Bank::new(&["03919043163"])];
    for bank in &mut banks {
        bank.pull(&mut register);
    }
    let subject = serde_json::json!({"type": "aapning", "debitor": {"fodselsnummer": PERSON}});
    register.say(subject.as_object().expect("an object"));
    for bank in &mut banks {
        bank.pull(&mut register);
    }
    assert_eq!(banks[0].effects(), [Effect::Block]);
    assert_eq!(banks[1].effects(), []);
    let wire = format!("{:?}", register.asked);
    assert!(!wire.contains(PERSON) && wire.contains("Evaluate"), "asked blindly");
}

#[test]
fn a_restored_register_learns_its_number_from_the_banks_and_goes_on_without_a_conflict() {
    let mut register = Register::new();
    let mut banks = [Bank::new(&[DEBTOR]), Bank::new(&["312045877"])];
    register.say(&told("aapning", "312045877", None));
    register.backup();
    register.say(&told("aapning", DEBTOR, None));
    for bank in &mut banks {
        bank.pull(&mut register);
    }
    register.restore();
    let name = register.name();
    let ask = Ask::Newest { register: name.clone() };
    let seen: Vec<Seen> = banks
        .iter()
        .zip(["bank.example", "annen.example"])
        .map(|(bank, domain)| {
            let Reply::Newest { notice, .. } = bank.answer(&ask) else {
                panic!("newest")
            };
            Seen {
                organisation: credentials::Did::parse(&format!("did:web:{domain}")).expect("a DID"),
                newest: notice,
            }
        })
        .collect();
    let Settling::Fetch { from, to, .. } = register.settle(&seen) else {
        panic!("there is something to fetch")
    };
    assert_eq!((from, to), (2, 2));
    let Reply::Range { notices } = banks[0].answer(&Ask::Range {
        register: name,
        from,
        count: 32,
    }) else {
        panic!("range")
    };
    register.recover(&notices);
    assert_eq!(register.settle(&seen), Settling::Done);
    register.say(&told("aapning", DEBTOR, None));
    for bank in &mut banks {
        bank.pull(&mut register);
        assert_eq!(bank.next(), 4, "no number came twice");
    }
}
