//! The bank's own customers, by number.

use super::*;

#[test]
fn wrong_lines_are_named_and_right_ones_kept() {
    let mut bank = Bank::new();
    let now = bank.now;
    let lines = [
        "nummer",
        DEBTOR,
        "",
        "310682951",
        "14858834016",
        "14858834017",
        "TOMT SKALL AS",
        "  312045877\r",
        "12345678",
        DEBTOR,
        "1485883401",
        "nummer",
        "999999999999",
    ];
    let report = bank.verifier().customers_import(now, 1, &lines).unwrap();
    assert_eq!((report.added, report.known, report.matched), (3, 1, 0));
    assert_eq!(report.rejected, [4, 6, 7, 9, 11, 12, 13]);
    assert!(
        !serde_json::to_string(&report).unwrap().contains("310682951"),
        "places, never numbers"
    );
    bank.reopen();
    assert_eq!(bank.verifier().customers_count().unwrap(), 3);
    let later = bank.verifier().customers_import(now, 14, &["nummer", OTHER]).unwrap();
    assert_eq!((later.rejected, later.known), (vec![14], 1));
}

#[test]
fn too_many_lines_at_once_are_refused_whole() {
    let mut bank = Bank::new();
    let now = bank.now;
    let lines = vec![DEBTOR; crate::LINES_MAX + 1];
    let refused = bank.verifier().customers_import(now, 1, &lines).unwrap_err();
    assert_eq!(refused.code, Code::TooLarge);
    assert_eq!(bank.verifier().customers_count().unwrap(), 0);
}

#[test]
fn a_new_customer_is_matched_with_the_openings_that_stand() {
    let mut register = Publisher::new();
    let mut bank = Bank::new();
    let deleted = register.open(OTHER);
    register.say(&subject("sletting", OTHER, Some(&deleted)));
    register.open(DEBTOR);
    let closed = register.open(LINKED);
    register.say(&subject("avslutning", LINKED, Some(&closed)));
    for text in &register.texts {
        bank.take(text).unwrap();
    }
    assert_eq!(bank.events(), [], "nobody's bank");
    let now = bank.now;
    let report = bank
        .verifier()
        .customers_import(now, 1, &[OTHER, DEBTOR, LINKED])
        .unwrap();
    assert_eq!((report.added, report.matched), (3, 1));
    assert_eq!(bank.events(), [event(DEBTOR, Effect::Block, 3)]);
    let again = bank.verifier().customers_import(now, 1, &[DEBTOR]).unwrap();
    assert_eq!((again.known, again.matched), (1, 0));
}

#[test]
fn a_customer_who_left_is_forgotten_and_matched_no_more() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    register.open(DEBTOR);
    bank.take(&register.texts[0]).unwrap();
    let report = bank.verifier().customers_remove(1, &[DEBTOR, "x", LINKED]).unwrap();
    assert_eq!((report.removed, report.rejected), (1, vec![2]));
    assert_eq!(bank.matches(), []);
    register.open(DEBTOR);
    bank.take(&register.texts[1]).unwrap();
    assert_eq!(bank.matches(), []);
    assert_eq!(bank.verifier().customers_count().unwrap(), 1);
    let now = bank.now;
    let back = bank.verifier().customers_import(now, 1, &[DEBTOR]).unwrap();
    assert_eq!(back.matched, 2, "both openings stand");
}
