//! What issuers tell of credentials in letters.

use super::world::*;
use crate::*;
use credentials::letter::{Change, Letter};
use credentials::status::State;

/// Takes a letter of an issuer's.
fn take(wallet: &mut Wallet, from: Org, vct: &str, change: Change) -> Vec<Step> {
    let letter = Letter::Changed {
        vct: vct.to_owned(),
        change,
        at: now(),
    };
    wallet.receive_letter(now(), &from.did(), letter).1
}

/// What the history says of a type since it had this many lines.
fn lines(wallet: &Wallet, since: usize, vct: &str) -> Vec<(What, Option<Code>)> {
    let history = wallet.history().unwrap();
    let lines = history.iter().skip(since);
    let about = lines.filter(|line| line.types == [vct]);
    about.map(|line| (line.what, line.code)).collect()
}

#[test]
fn each_change_that_a_letter_tells_is_a_line_of_the_history_and_its_issuer_is_asked() {
    let mut home = citizen();
    let wallet = home.wallet();
    let before = wallet.history().unwrap().len();
    use Change::{Reinstated, Renewed, Revoked, Suspended};
    for change in [Renewed, Renewed, Suspended, Reinstated, Suspended, Revoked] {
        let steps = take(wallet, Org::Tax, INCOME, change);
        assert!(matches!(outcome(&steps), Ok(Outcome::Noted)), "{change:?}");
    }
    let suspended = (What::StatusChanged, Some(Code::Suspended));
    let expected = [
        (What::Renewed, None),
        (What::Renewed, None),
        suspended,
        (What::StatusChanged, None),
        suspended,
        (What::StatusChanged, Some(Code::Revoked)),
    ];
    assert_eq!(lines(wallet, before, INCOME), expected);
    // Of what this wallet has not got from them nothing is told.
    for (from, vct) in [(Org::LoanFund, INCOME), (Org::Tax, GUARANTEE)] {
        assert_eq!(code(&take(wallet, from, vct, Revoked)), Code::NotFound);
    }
    assert_eq!(lines(wallet, before, INCOME), expected);
}

#[test]
fn what_a_letter_and_the_status_list_tell_alike_is_one_line() {
    let mut home = citizen();
    let wallet = home.wallet();
    let before = wallet.history().unwrap().len();
    let suspended = (What::StatusChanged, Some(Code::Suspended));
    take(wallet, Org::Tax, INCOME, Change::Suspended);
    assert!(!wallet.note_status(now(), &Says(State::Suspended)).unwrap().is_empty());
    assert_eq!(lines(wallet, before, INCOME), [suspended], "the letter came first");
    assert_eq!(lines(wallet, before, PID), [suspended], "of this there was no letter");
    take(wallet, Org::Identity, PID, Change::Suspended);
    assert_eq!(lines(wallet, before, PID), [suspended], "the list came first");
    take(wallet, Org::Identity, PID, Change::Reinstated);
    assert_eq!(lines(wallet, before, PID), [suspended, (What::StatusChanged, None)]);
}

#[test]
fn an_answer_that_is_refused_by_letter_is_noted_and_waits_no_longer() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let id = bring(wallet, &session);
    let (thread, _) = answer(wallet, &id, "nb");
    wallet.posted(thread);
    let refused = |about: &str, code: Code| Letter::Refused {
        about: about.to_owned(),
        problem: code.into(),
    };
    let before = wallet.history().unwrap().len();
    let mut take = |from: Org, about: &str, code| wallet.receive_letter(now(), &from.did(), refused(about, code)).1;
    let about = session.request.session.clone();
    assert_eq!(
        code(&take(Org::Tax, &about, Code::Expired)),
        Code::UnknownSession,
        "another's"
    );
    assert_eq!(code(&take(Org::Bank, "unknown", Code::Expired)), Code::UnknownSession);
    assert_eq!(
        code(&take(Org::Bank, &about, Code::TrustStale)),
        Code::UnexpectedMessage,
        "it passes"
    );
    assert!(matches!(
        outcome(&take(Org::Bank, &about, Code::Expired)),
        Ok(Outcome::Noted)
    ));
    assert_eq!(
        code(&take(Org::Bank, &about, Code::Expired)),
        Code::UnknownSession,
        "once"
    );
    let history = wallet.history().unwrap();
    let lines: Vec<_> = history.iter().skip(before).map(|line| (line.what, line.code)).collect();
    assert_eq!(lines, [(What::Failed, Some(Code::Expired))]);
}
