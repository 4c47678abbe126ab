//! What a page makes of the wallet: lines, where the history tells of a decision, the history some at a time, and what is forgotten.

use super::presenting::{income_only, loan};
use super::world::*;
use crate::tables::{DecisionRow, ReceiptRow};
use crate::*;

#[test]
fn the_lines_of_a_text_make_it_to_the_byte_and_each_says_what_it_is() {
    let mut home = citizen();
    let wallet = home.wallet();
    let id = bring(wallet, &loan());
    for language in ["nb", "nn", "en"] {
        let read = wallet.read(now(), &id, language).unwrap();
        let mut text = String::new();
        for line in &read.lines {
            text.push_str(&"  ".repeat(line.level));
            text.push_str(&line.text);
            text.push('\n');
            assert_eq!(line.key.is_empty(), line.text.is_empty(), "{language}: {line:?}");
            assert!(!line.text.contains('\n'), "{language}: {line:?}");
        }
        assert_eq!(text, wallet.text(now(), &id, language).unwrap(), "{language}");
        assert_eq!((read.text, read.language), (text, language));
        let count = |key: &str| read.lines.iter().filter(|line| line.key == key).count();
        assert_eq!(
            (count("title-present"), count("asker"), count("privacy-missing")),
            (1, 1, 1),
            "{language}"
        );
        assert!(count("credential") >= 2, "{language}");
        assert!(count("claim") > 5, "{language}");
    }
}

#[test]
fn what_is_missing_is_named_with_who_issues_it() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let id = bring(wallet, &income_only());
    let read = wallet.read(now(), &id, "nb").unwrap();
    assert_eq!(read.lacking.len(), 1);
    assert_eq!(read.lacking[0].vct, INCOME);
    assert_eq!(read.lacking[0].issuers, [(Org::Tax.did(), Org::Tax.name().to_owned())]);
}

#[test]
fn a_decided_request_is_found_in_the_history_by_the_name_under_which_it_waited() {
    let mut home = citizen();
    let id = bring(home.wallet(), &income_only());
    assert_eq!(home.wallet().decided(&id).unwrap(), None);
    answer(home.wallet(), &id, "nb");
    let event = home.restart().decided(&id).unwrap().expect("it was decided");
    assert_eq!(event.what, What::Shared);
    let no = bring(home.wallet(), &loan());
    home.wallet().refuse(now(), &no);
    assert_eq!(home.wallet().decided(&no).unwrap().unwrap().what, What::Refused);
}

#[test]
fn the_history_is_given_newest_first_some_at_a_time() {
    let mut home = citizen();
    let wallet = home.wallet();
    let mut all = wallet.history().unwrap();
    all.reverse();
    assert!(all.len() >= 3);
    assert_eq!(wallet.entries(None, 2).unwrap(), all[..2]);
    assert_eq!(wallet.entries(Some(all[1].id), 10).unwrap(), all[2..]);
    assert_eq!(wallet.entries(Some(u64::MAX), 1).unwrap(), all[..1]);
    assert_eq!(wallet.entries(Some(1), 10).unwrap(), []);
    assert_eq!(wallet.entries(Some(0), 10).unwrap(), []);
}

#[test]
fn a_forgotten_decision_leaves_no_papers_but_is_not_decided_twice_and_its_number_stays_its_own() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    let (thread, sent) = answer(home.wallet(), &id, "nb");
    home.wallet()
        .receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&sent));
    let hash = tables::text(&session.hash());
    let entry = home.wallet().decided(&id).unwrap().unwrap().id;
    home.wallet().forget(now(), entry).unwrap();
    let wallet = home.restart();
    assert!(wallet.history().unwrap().iter().all(|event| event.id != entry));
    assert!(wallet.tables.get::<ReceiptRow>(&hash).unwrap().is_none());
    let row = wallet.tables.get::<DecisionRow>(&hash).unwrap().unwrap();
    assert!(row.signed.is_empty() && row.given.is_none() && row.asked.is_empty() && row.decision.claims.is_empty());
    assert_eq!(wallet.decided(&id).unwrap(), None);
    let (_, steps) = wallet.receive_link(now(), &session.link(), None);
    assert_eq!(code(&steps), Code::Replay, "answered once is answered");
    let other = bring(wallet, &loan());
    wallet.refuse(now(), &other);
    assert!(wallet.decided(&other).unwrap().unwrap().id > entry);
    assert!(matches!(wallet.forget(now(), entry), Err(Error::NotFound)));
    assert!(matches!(wallet.forget(now(), 0), Err(Error::NotFound)));
}

#[test]
fn a_decision_whose_answer_is_on_its_way_keeps_its_papers_when_its_line_is_forgotten() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    answer(home.wallet(), &id, "nb");
    let entry = home.wallet().decided(&id).unwrap().unwrap().id;
    home.wallet().forget(now(), entry).unwrap();
    let row = home
        .wallet()
        .tables
        .get::<DecisionRow>(&tables::text(&session.hash()))
        .unwrap()
        .unwrap();
    assert!(row.given.is_some() && !row.asked.is_empty());
}

#[test]
fn a_report_is_kept_with_its_line_and_goes_with_it() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    answer(home.wallet(), &id, "nb");
    let entry = home.wallet().decided(&id).unwrap().unwrap().id;
    let written = home.wallet().report(now(), entry, "For mye", "nb").unwrap();
    assert!(home.restart().reported(written.entry).unwrap() == written);
    assert!(matches!(home.wallet().reported(entry), Err(Error::NotFound)));
    home.wallet().forget(now(), written.entry).unwrap();
    assert!(matches!(home.wallet().reported(written.entry), Err(Error::NotFound)));
}
