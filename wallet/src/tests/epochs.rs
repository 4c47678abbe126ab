//! A home that was restored or copied: copies count as used, what was under way is void, and collecting works.

use super::world::*;
use crate::*;
use credentials::status::State;

/// Begins the next epoch of the closed store and starts the wallet in it.
fn copied(home: &mut Home) -> &mut Wallet {
    home.store().begin_epoch().unwrap();
    home.restart()
}

fn income() -> Session {
    Session::new(
        Org::Bank,
        "S01",
        query(&[("inntekt", INCOME, &["personidentifikator"])]),
        None,
    )
}

#[test]
fn in_a_new_epoch_all_copies_count_as_used_and_new_ones_can_be_collected() {
    let mut home = citizen();
    let before = home.wallet().credentials(now(), &Says(State::Valid)).unwrap();
    assert!(before.iter().all(|held| held.state == HeldState::Valid));
    let wallet = home.restart();
    let id = bring(wallet, &income());
    answer(wallet, &id, "nb");

    let wallet = copied(&mut home);
    let held = wallet.credentials(now(), &Says(State::Valid)).unwrap();
    assert_eq!(held.len(), before.len());
    for held in &held {
        assert_eq!((held.state, held.copies_left), (HeldState::CopiesVoid, 0), "{held:?}");
    }
    let asked = income();
    let id = bring(wallet, &asked);
    for (language, wanted) in [
        ("nb", "teller som brukt, for lommeboken er hentet tilbake eller kopiert"),
        ("nn", "tel som brukte, for lommeboka er henta tilbake eller kopiert"),
        ("en", "count as used, because the wallet has been restored or copied"),
    ] {
        let text = wallet.text(now(), &id, language).unwrap();
        assert!(text.contains(wanted), "{text}");
    }
    let (_, steps) = wallet.present(now(), &id, "nb");
    assert_eq!(code(&steps), Code::CopiesVoid, "and nothing is sent to the asker");

    // The holder is told once, with a line for each credential, also when the process ended before.
    let wallet = home.restart();
    assert_eq!(wallet.tell_void(now()).unwrap(), before.len());
    assert_eq!(wallet.tell_void(now()).unwrap(), 0);
    let told = wallet.history().unwrap();
    let told: Vec<_> = told.iter().filter(|event| event.what == What::CopiesVoid).collect();
    assert_eq!(told.len(), before.len());
    assert!(
        told.iter()
            .all(|event| event.code == Some(Code::CopiesVoid) && event.credentials.len() == 1)
    );

    // First the identification again, by a code, as the first time; then what it opens.
    let mut identity = Issuer::new(Org::Identity, PID);
    identity.collect(wallet, &pid_row(ROLIG));
    let mut tax = Issuer::new(Org::Tax, INCOME);
    tax.collect(wallet, &income_row(ROLIG));
    answer(wallet, &id, "nb");

    // New copies stay usable at the next start of the same epoch.
    let wallet = home.restart();
    let id = bring(wallet, &income());
    answer(wallet, &id, "nb");
    assert_eq!(wallet.tell_void(now()).unwrap(), 0);
}

#[test]
fn requests_and_answers_of_an_earlier_epoch_are_void() {
    let mut home = citizen();
    let wallet = home.wallet();
    let (open, answered) = (income(), income());
    let waits = bring(wallet, &open);
    let id = bring(wallet, &answered);
    answer(wallet, &id, "nb");
    // At the next start of the same epoch both are there, and the answer is sent again.
    let wallet = home.restart();
    assert_eq!(wallet.pending(now()).unwrap().len(), 2);
    assert_eq!(wallet.resume(now()).len(), 1);

    let wallet = copied(&mut home);
    assert!(wallet.pending(now()).unwrap().is_empty());
    assert!(wallet.resume(now()).is_empty(), "nothing is sent again");
    let (_, steps) = wallet.present(now(), &waits, "nb");
    assert_eq!(code(&steps), Code::UnknownSession);
    // What was decided is decided for good: the same request is not answered twice.
    let (_, steps) = wallet.receive_link(now(), &answered.link(), None);
    assert_eq!(code(&steps), Code::Replay);
    assert!(wallet.history().unwrap().iter().any(|event| event.what == What::Shared));
}

#[test]
fn collecting_of_an_earlier_epoch_is_void_and_begins_anew_with_other_keys() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let mut identity = Issuer::new(Org::Identity, PID);
    let begin = |wallet: &mut Wallet, identity: &mut Issuer| {
        let (_, steps) = wallet.receive_link(now(), &identity.link(), Some("0410-6105-0R3G-G28A"));
        let (thread, _) = asked(&steps);
        let steps = wallet.receive(now(), thread, &Org::Identity.peer(), identity.terms_reply());
        match asked(&steps) {
            (_, issue::Ask::Request(request)) => request,
            (_, other) => panic!("{other:?}"),
        }
    };
    let first = begin(wallet, &mut identity);
    // Within an epoch the same request is sent again.
    let wallet = home.restart();
    let resumed = wallet.resume(now());
    let [(_, steps)] = resumed.as_slice() else {
        panic!("{resumed:?}");
    };
    let (_, issue::Ask::Request(again)) = asked(steps) else {
        panic!("{steps:?}");
    };
    assert_eq!(again.transaction, first.transaction);

    let wallet = copied(&mut home);
    assert!(wallet.unfinished().unwrap().is_empty() && wallet.resume(now()).is_empty());
    let second = begin(wallet, &mut identity);
    assert_ne!(second.transaction, first.transaction);
    let keys = |request: &issue::Request| identity.keys(request);
    assert!(keys(&second).iter().all(|key| !keys(&first).contains(key)));
}
