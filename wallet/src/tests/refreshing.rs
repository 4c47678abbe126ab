//! Copies are replaced at times of their own: whatever is shown, wherever the process ends, and never at the cost of those there are.

use super::presenting::income_only;
use super::world::*;
use crate::tables::{BatchRow, BatchStage};
use crate::*;
use credentials::refresh::Order;
use credentials::schema::Refresh;
use credentials::sd_jwt::{SdJwt, keys_hash};
use credentials::status::State;
use serde_json::json;
use std::collections::BTreeSet;

fn terms() -> Refresh {
    Types::builtin().get(INCOME).unwrap().refresh.unwrap()
}

/// A person's wallet with identification and income, its issuer, and the credential's name.
fn holder() -> (Home, Issuer, String) {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let mut tax = Issuer::new(Org::Tax, INCOME);
    let id = tax.collect(home.wallet(), &income_row(ROLIG));
    (home, tax, id)
}

/// The batch of income.
fn batch(wallet: &Wallet) -> Option<(String, BatchRow)> {
    let all = wallet.tables.named::<BatchRow>().unwrap();
    all.into_iter().find(|(_, row)| row.vct == INCOME)
}

fn drawn(wallet: &Wallet) -> Timestamp {
    match batch(wallet).unwrap().1.stage {
        BatchStage::Resting { until } => until,
        BatchStage::Asked { .. } => panic!("asked already"),
    }
}

/// What the wallet sends by the clock.
fn by_the_clock(wallet: &mut Wallet, at: Timestamp) -> Vec<(Thread, issue::Refresh)> {
    wallet.set_trust(trust_at(at, Timestamp::parse("2027-01-01T00:00:00Z").unwrap()));
    let sent = wallet.resume(at).into_iter().map(|(_, steps)| asked(&steps));
    let orders = sent.filter_map(|(thread, ask)| match ask {
        issue::Ask::Refresh(refresh) if refresh.proofs.len() == 9 => Some((thread, *refresh)),
        issue::Ask::Refresh(_) => None,
        other => panic!("{:?}", Outgoing::Issue(other)),
    });
    orders.collect()
}

/// The keys of an order, which is checked as the issuer checks it.
fn keys_of(tax: &Issuer, order: &issue::Refresh, committed: &str, at: Timestamp) -> Vec<credentials::VerifyingKey> {
    let keys = tax.keys(&issue::Request {
        transaction: order.transaction.clone(),
        vct: INCOME.to_owned(),
        nonce: tables::text(&order.batch),
        proofs: order.proofs.clone(),
        identification: issue::Identification::Presentation { answer: String::new() },
    });
    let (batch, transaction) = (
        order.batch.as_slice().try_into().unwrap(),
        order.transaction.as_slice().try_into().unwrap(),
    );
    let expected = Order::new(&Org::Tax.did(), batch, transaction, &keys_hash(&keys), at);
    Order::check(&order.order, &tables::public_key(committed).unwrap(), &expected).unwrap();
    keys
}

fn delivery(order: &issue::Refresh, credentials: Vec<Vec<String>>) -> Incoming {
    Incoming::Issue(issue::Reply::Delivery {
        transaction: order.transaction.clone(),
        credentials,
    })
}

fn refusal(code: Code) -> Incoming {
    Incoming::Issue(issue::Reply::Problem(code.into()))
}

fn copies(wallet: &Wallet, id: &str) -> Vec<String> {
    let copies = wallet.tables.copies(id).unwrap();
    copies.into_iter().map(|(_, copy)| copy.text).collect()
}

fn left(wallet: &Wallet, id: &str) -> u32 {
    let held = wallet.credentials(now(), &Says(State::Valid)).unwrap();
    held.iter().find(|held| held.id == id).unwrap().copies_left
}

#[test]
fn the_time_is_drawn_when_copies_come_and_showing_them_neither_hastens_nor_delays_it() {
    let terms = terms();
    let mut times = BTreeSet::new();
    for shown in [0, 1, 8] {
        let (mut home, _, id) = holder();
        let until = drawn(home.wallet());
        let window = i64::from(terms.after_seconds)..i64::from(terms.after_seconds + terms.within_seconds);
        assert!(window.contains(&until.since(now())));
        times.insert(until);
        for _ in 0..shown {
            let session = income_only();
            let request = bring(home.wallet(), &session);
            let (thread, answer) = answer(home.wallet(), &request, "nb");
            home.wallet()
                .receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&answer));
        }
        assert_eq!(left(home.wallet(), &id), 8 - shown);
        // Across a restart it stays what it was.
        assert_eq!(drawn(home.restart()), until);
        assert_eq!(by_the_clock(home.wallet(), until.plus(-1)).len(), 0, "{shown} shown");
        assert_eq!(by_the_clock(home.wallet(), until).len(), 1, "{shown} shown");
        // What is on its way is not sent twice.
        assert_eq!(by_the_clock(home.wallet(), until.plus(60)).len(), 0);
    }
    assert_eq!(times.len(), 3, "each wallet draws its own");
}

#[test]
fn a_batch_is_replaced_whole_under_the_same_name_and_rests_again_with_the_next_key() {
    let (mut home, mut tax, id) = holder();
    let (_, before) = batch(home.wallet()).unwrap();
    let old = copies(home.wallet(), &id);
    let session = income_only();
    let request = bring(home.wallet(), &session);
    answer(home.wallet(), &request, "nb");
    let at = drawn(home.wallet());
    let (thread, order) = by_the_clock(home.wallet(), at).remove(0);
    let keys = keys_of(&tax, &order, &before.key, at);
    let mut row = income_row(ROLIG);
    row["derived"]["sumKontantytelse"] = json!("120000.00");
    let credentials = tax.deliver_to(&keys[..8], &[row]);
    let steps = home
        .wallet()
        .receive(at, thread, &Org::Tax.peer(), delivery(&order, credentials.clone()));
    let (thread, ask) = asked(&steps);
    assert!(matches!(ask, issue::Ask::Acknowledge { transaction } if transaction == order.transaction));
    assert_eq!(copies(home.wallet(), &id), credentials[0]);
    assert_eq!(left(home.wallet(), &id), 8);
    for text in &old {
        let key = SdJwt::parse(text).unwrap().holder_key().unwrap();
        assert!(home.wallet().tables.key(&key).is_err(), "the old copies' keys are gone");
    }
    let acknowledged = Incoming::Issue(issue::Reply::Acknowledged);
    let named = collected(&home.wallet().receive(at, thread, &Org::Tax.peer(), acknowledged));
    assert_eq!(named, std::slice::from_ref(&id));
    let (name, after) = batch(home.wallet()).unwrap();
    assert_eq!(name, tables::text(&order.transaction));
    assert_eq!(after.key, tables::text(&keys[8].to_bytes()), "the next refresh key");
    assert!(drawn(home.wallet()) > at);
    // What is shown next is of the new batch.
    home.wallet().set_trust(trust());
    let session = income_only();
    let request = bring(home.wallet(), &session);
    let (_, answer) = answer(home.wallet(), &request, "nb");
    let shown = session.open(&answer)["inntekt"][0].clone();
    assert_eq!(
        SdJwt::parse(&shown).unwrap().claims()["derived"]["sumKontantytelse"],
        "120000.00"
    );
}

#[test]
fn wherever_it_is_cut_off_the_wallet_has_copies_and_goes_on_with_the_same_keys() {
    let (mut home, mut tax, id) = holder();
    let (_, row) = batch(home.wallet()).unwrap();
    let old = copies(home.wallet(), &id);
    let at = drawn(home.wallet());
    let (_, first) = by_the_clock(home.wallet(), at).remove(0);
    // The process ends before the order is sent, and after.
    for later in [1, 3_600] {
        home.restart();
        let (thread, again) = by_the_clock(home.wallet(), at.plus(later)).remove(0);
        assert_eq!((&again.transaction, &again.proofs), (&first.transaction, &first.proofs));
        keys_of(&tax, &again, &row.key, at.plus(later));
        assert_eq!(copies(home.wallet(), &id), old);
        home.wallet().failed(at, thread, Code::Unreachable.into());
    }
    let (thread, order) = by_the_clock(home.wallet(), at.plus(7_200)).remove(0);
    let keys = keys_of(&tax, &order, &row.key, at.plus(7_200));
    let credentials = tax.deliver_to(&keys[..8], &[income_row(ROLIG)]);
    home.wallet().receive(
        at.plus(7_200),
        thread,
        &Org::Tax.peer(),
        delivery(&order, credentials.clone()),
    );
    // It ends before the acknowledgement is sent.
    home.restart();
    assert_eq!(copies(home.wallet(), &id), credentials[0]);
    let sent: Vec<_> = home
        .wallet()
        .resume(at.plus(7_300))
        .iter()
        .map(|(_, steps)| asked(steps).1)
        .collect();
    let is_told =
        |ask: &issue::Ask| matches!(ask, issue::Ask::Acknowledge { transaction } if *transaction == order.transaction);
    assert!(sent.iter().any(is_told), "{}", sent.len());
}

#[test]
fn what_is_delivered_otherwise_than_it_was_ordered_replaces_nothing() {
    type Deliver<'a> = &'a dyn Fn(&mut Issuer, &[credentials::VerifyingKey]) -> Vec<Vec<String>>;
    let check = |deliver: Deliver<'_>, expected: Code| {
        let (mut home, mut tax, id) = holder();
        let old = copies(home.wallet(), &id);
        let (_, row) = batch(home.wallet()).unwrap();
        let at = drawn(home.wallet());
        let (thread, order) = by_the_clock(home.wallet(), at).remove(0);
        let keys = keys_of(&tax, &order, &row.key, at);
        let credentials = deliver(&mut tax, &keys);
        let steps = home
            .wallet()
            .receive(at, thread, &Org::Tax.peer(), delivery(&order, credentials));
        assert_eq!(code(&steps), expected);
        assert_eq!(copies(home.wallet(), &id), old, "{expected:?}");
        // The order stands and is sent again.
        assert_eq!(by_the_clock(home.wallet(), at.plus(60)).len(), 1);
    };
    check(
        &|tax, keys| tax.deliver_to(&keys[..8], &[income_row(DRIFTIG)]),
        Code::WrongSubject,
    );
    check(
        &|tax, keys| tax.deliver_to(&keys[1..], &[income_row(ROLIG)]),
        Code::HolderBindingInvalid,
    );
    check(
        &|tax, keys| vec![tax.deliver_to(&keys[..8], &[income_row(ROLIG)]).remove(0)[..7].to_vec()],
        Code::Malformed,
    );
    check(&|_, _| Vec::new(), Code::Malformed);
    check(
        &|tax, keys| {
            let mut copies = tax.deliver_to(&keys[..8], &[income_row(ROLIG)]);
            let mut other = income_row(ROLIG);
            other["derived"]["sumKontantytelse"] = json!("1.00");
            copies[0][3] = tax.sign(&other, &keys[3]);
            copies
        },
        Code::SchemaInvalid,
    );
}

#[test]
fn a_refusal_that_stays_ends_the_renewing_and_one_that_passes_does_not() {
    for (refused, is_over) in [
        (Code::Revoked, true),
        (Code::NoData, true),
        (Code::UnknownSession, true),
        (Code::RateLimited, false),
        (Code::Stale, false),
        // The issuer holds what it delivered to an order of before for a week after that, so longer than this wallet waits for it.
        (Code::Superseded, false),
        (Code::Internal, false),
    ] {
        let (mut home, _, id) = holder();
        let at = drawn(home.wallet());
        let (thread, _) = by_the_clock(home.wallet(), at).remove(0);
        let steps = home.wallet().receive(at, thread, &Org::Tax.peer(), refusal(refused));
        assert_eq!(code(&steps), refused);
        assert_eq!(batch(home.wallet()).is_none(), is_over, "{refused:?}");
        assert_eq!(left(home.wallet(), &id), 8, "the copies stay");
        assert_eq!(by_the_clock(home.wallet(), at.plus(60)).len(), usize::from(!is_over));
    }
}

#[test]
fn what_was_deleted_or_has_run_out_is_not_renewed() {
    let (mut home, _, id) = holder();
    let at = drawn(home.wallet());
    home.wallet().delete(now(), &id).unwrap();
    assert_eq!(by_the_clock(home.wallet(), at).len(), 0);
    assert!(batch(home.wallet()).is_none());

    let (mut home, _, _) = holder();
    let late = Timestamp::parse("2026-08-11T00:00:00Z").unwrap();
    assert_eq!(by_the_clock(home.wallet(), late).len(), 0);
    assert!(batch(home.wallet()).is_none());
}

#[test]
fn a_replacement_that_nobody_answers_begins_anew_with_other_keys_after_a_week() {
    let (mut home, _, _) = holder();
    let at = drawn(home.wallet());
    let (thread, first) = by_the_clock(home.wallet(), at).remove(0);
    home.wallet().failed(at, thread, Code::Unreachable.into());
    let (thread, same) = by_the_clock(home.wallet(), at.plus(7 * 86_400)).remove(0);
    assert_eq!(same.transaction, first.transaction);
    home.wallet().failed(at, thread, Code::Unreachable.into());
    let (_, other) = by_the_clock(home.wallet(), at.plus(7 * 86_400 + 1)).remove(0);
    assert_ne!(other.transaction, first.transaction);
    assert_ne!(other.proofs, first.proofs);
    assert_eq!(other.batch, first.batch);
}
