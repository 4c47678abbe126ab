//! Offers and activation codes.

use credentials::Code;
use credentials::link::Link;
use credentials::protocol::issuance::{Ask, Reply};

use super::fixture::*;

fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

#[test]
fn a_person_collects_with_a_code_however_it_is_typed() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let code = code(&offer);
    assert_eq!(code.len(), 19, "XXXX-XXXX-XXXX-XXXX");
    let typed = code
        .to_lowercase()
        .replace('-', " ")
        .replace('0', "o")
        .replace('1', "l");
    let held = Collecting::begin_offer(&mut world, &offer)
        .with_code(&mut world, &typed)
        .unwrap();
    assert_eq!(held.claims()["personal_administrative_number"], ROLIG);
    assert_eq!(held.texts[0].len(), 16);
}

#[test]
fn five_wrong_codes_kill_the_offer_also_across_restarts() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let right = code(&offer);
    for attempt in 0..5 {
        let refused = Collecting::begin_offer(&mut world, &offer)
            .with_code(&mut world, &wrong(&right))
            .unwrap_err();
        assert_eq!(refused, Code::WrongCode, "attempt {attempt}");
        world.identity.reopen();
    }
    let begun = Collecting::begin(&mut world, PID, Some(offer_id(&offer)), None);
    assert_eq!(begun.err(), Some(Code::AttemptsExhausted));
}

#[test]
fn the_right_code_comes_too_late_after_five_wrong_ones_and_in_time_after_four() {
    let mut world = World::new();
    for (attempts, outcome) in [(5, Err(Code::AttemptsExhausted)), (4, Ok(()))] {
        let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
        let right = code(&offer);
        let collecting = Collecting::begin_offer(&mut world, &offer);
        for _ in 0..attempts {
            let request = collecting.request(&mut world, collecting.by_code(&wrong(&right)));
            let reply = world.ask(PID, Ask::Request(Box::new(request)));
            assert_eq!(refusal(reply), Code::WrongCode);
        }
        let got = collecting.with_code(&mut world, &right);
        assert_eq!(got.map(|_| ()), outcome);
    }
}

#[test]
fn an_offer_serves_one_wallet() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let (one, other) = (
        Collecting::begin_offer(&mut world, &offer),
        Collecting::begin_offer(&mut world, &offer),
    );
    one.with_code(&mut world, &code(&offer)).unwrap();
    let refused = other.with_code(&mut world, &code(&offer)).unwrap_err();
    assert_eq!(refused, Code::OfferClosed);
    let begun = Collecting::begin(&mut world, PID, Some(offer_id(&offer)), None);
    assert_eq!(begun.err(), Some(Code::OfferClosed));
}

#[test]
fn an_offer_that_was_used_still_delivers_again_to_the_same_wallet() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let request = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    let ask = Ask::Request(Box::new(request));
    let first = world.ask(PID, ask.clone());
    assert!(matches!(first, Reply::Delivery { .. }));
    assert_eq!(world.ask(PID, ask), first);
}

#[test]
fn a_new_offer_withdraws_the_one_before() {
    let mut world = World::new();
    let old = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let other = world.identity.issuer().offer(noon(), PID, Some(MUNTER)).unwrap();
    let new = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let begin = |world: &mut World, offer| Collecting::begin(world, PID, Some(offer_id(offer)), None).map(|_| ());
    assert_eq!(begin(&mut world, &old), Err(Code::OfferClosed));
    assert_eq!(begin(&mut world, &other), Ok(()));
    assert_eq!(begin(&mut world, &new), Ok(()));
}

#[test]
fn an_offer_ends_after_fourteen_days_and_is_forgotten_later() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    world.pass(14 * 86_400 - 1);
    let collecting = Collecting::begin_offer(&mut world, &offer);
    world.pass(1);
    let refused = collecting.with_code(&mut world, &code(&offer)).unwrap_err();
    assert_eq!(refused, Code::Expired);
    let begin = |world: &mut World| Collecting::begin(world, PID, Some(offer_id(&offer)), None).map(|_| ());
    assert_eq!(begin(&mut world), Err(Code::Expired));
    world.pass(30 * 86_400);
    world.tick();
    assert_eq!(begin(&mut world), Err(Code::UnknownOffer));
}

#[test]
fn a_code_opens_only_its_own_offer() {
    let mut world = World::new();
    let one = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let other = world.identity.issuer().offer(noon(), PID, Some(MUNTER)).unwrap();
    let refused = Collecting::begin_offer(&mut world, &one).with_code(&mut world, &code(&other));
    assert_eq!(refused.unwrap_err(), Code::WrongCode);
    // Terms for one offer are not terms for another.
    let mut crossed = Collecting::begin_offer(&mut world, &one);
    crossed.offer = Some(offer_id(&other));
    let refused = crossed.with_code(&mut world, &code(&other));
    assert_eq!(refused.unwrap_err(), Code::UnknownOffer);
    let unknown = Collecting::begin(&mut world, PID, Some(vec![7; 16]), None);
    assert_eq!(unknown.err(), Some(Code::UnknownOffer));
    assert_eq!(
        Collecting::begin(&mut world, PID, None, None).err(),
        Some(Code::UnknownOffer)
    );
}

#[test]
fn offers_fit_their_type() {
    let mut world = World::new();
    let now = world.now;
    let code = |result: Result<crate::NewOffer, crate::Error>| result.unwrap_err().code();
    assert_eq!(code(world.identity.issuer().offer(now, PID, None)), Code::NoData);
    assert_eq!(
        code(world.identity.issuer().offer(now, PID, Some("22824141278"))),
        Code::NoData
    );
    assert_eq!(
        code(world.identity.issuer().offer(now, INCOME, None)),
        Code::TypeNotAllowed
    );
    assert_eq!(code(world.identity.issuer().offer(now, "C99", None)), Code::UnknownType);
    assert_eq!(
        code(world.agency.issuer().offer(now, INCOME, Some(ROLIG))),
        Code::WrongRecipient
    );
    let open = world.agency.issuer().offer(now, "C02", None).unwrap();
    assert!(open.code.is_none());
    assert!(matches!(open.link, Link::Offer { offer: None, ref vct, .. } if vct == INCOME));
    let text = open.link.to_text().unwrap();
    assert!(Link::parse(&text).is_ok());
}
