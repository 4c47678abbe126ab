//! From terms to delivery: who gets what, and who does not.

use credentials::protocol::issuance::{Ask, Identification, Reply};
use credentials::schema::Types;
use credentials::sd_jwt::{SdJwt, keys_hash};
use credentials::status::Mirror;
use credentials::verify::{self, Context, Verdict};
use credentials::{Code, Timestamp};
use serde_json::json;

use super::fixture::*;
use crate::{Ground, Target};

#[test]
fn a_holder_who_proves_who_they_are_gets_their_own_rows_in_every_copy() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let held = world.collect(INCOME, None, &pid).unwrap();
    assert_eq!(held.texts.len(), 1);
    assert_eq!(held.texts[0].len(), 8);
    let mut positions = std::collections::BTreeSet::new();
    for (text, key) in held.texts[0].iter().zip(&held.keys) {
        let context = Context {
            now: world.now,
            trust: Some(&world.trust),
            status: &world.mirror,
            types: &Types::builtin(),
            status_age_max: 3_600,
        };
        let (report, verified) = verify::credential(text, &context);
        assert_eq!(report.verdict(), Verdict::Valid, "{report:?}");
        let verified = verified.unwrap();
        assert_eq!(verified.claims()["personidentifikator"], ROLIG);
        let copy = SdJwt::parse(text).unwrap();
        assert_eq!(copy.holder_key(), Some(key.verifying_key()));
        let (issued, _, expires) = copy.times();
        assert_eq!(issued, Some(world.now.day()), "times are rounded to the day");
        assert_eq!(expires, Timestamp::parse("2026-08-10T23:59:59Z"));
        let status = copy.status().unwrap();
        assert!(positions.insert((status.uri, status.index)), "an entry twice");
    }
    let lists: std::collections::BTreeSet<_> = positions.iter().map(|(uri, _)| uri).collect();
    assert!(lists.len() <= 2);
}

#[test]
fn salts_differ_between_copies_although_the_claims_are_the_same() {
    let mut world = World::new();
    let held = world.pid(ROLIG);
    let mut disclosures = std::collections::BTreeSet::new();
    for text in &held.texts[0] {
        for disclosure in text.split('~').skip(1).filter(|part| !part.is_empty()) {
            assert!(disclosures.insert(disclosure.to_owned()), "a disclosure twice");
        }
    }
    assert!(disclosures.len() > 16);
}

#[test]
fn nobody_gets_the_rows_of_another() {
    let mut world = World::new();
    let pid = world.pid(MUNTER);
    let held = world.collect(INCOME, None, &pid).unwrap();
    assert_eq!(held.claims()["personidentifikator"], MUNTER);
}

#[test]
fn who_has_no_row_is_told_so_after_the_proof_and_not_before() {
    let mut world = World::new();
    let pid = world.pid(DRIFTIG);
    let collecting = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    let answer = collecting.answer(&mut world, &pid);
    let refused = collecting.send(&mut world, Identification::Presentation { answer });
    assert_eq!(refused.unwrap_err(), Code::NoData);
}

#[test]
fn the_same_transaction_and_keys_get_the_same_bytes_also_after_a_restart_and_a_changed_row() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let collecting = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    let answer = collecting.answer(&mut world, &pid);
    let request = collecting.request(&mut world, Identification::Presentation { answer });
    let ask = Ask::Request(Box::new(request));
    let first = world.ask(INCOME, ask.clone());
    assert!(matches!(first, Reply::Delivery { .. }), "{first:?}");
    assert_eq!(world.ask(INCOME, ask.clone()), first);
    world.agency.reopen();
    let now = world.now;
    world.agency.import(now, INCOME, &[income(ROLIG, "1.00")]);
    world.pass(3 * 86_400);
    assert_eq!(world.ask(INCOME, ask.clone()), first);
    // One delivery is one credential, but every handing out is in the log.
    assert_eq!(world.agency.issuer().issued(Some(INCOME), None).unwrap().len(), 1);
    let log = world.agency.issuer().access_log(Some(ROLIG)).unwrap();
    assert_eq!(
        log.iter().map(|entry| entry.again).collect::<Vec<_>>(),
        [false, true, true]
    );
    // Seven days are all: what was not acknowledged by then is revoked, and nothing is given out any more.
    world.pass(4 * 86_400);
    assert_eq!(refusal(world.ask(INCOME, ask.clone())), Code::Expired);
    world.tick();
    assert_eq!(refusal(world.ask(INCOME, ask)), Code::WrongNonce);
}

#[test]
fn a_redelivery_to_other_keys_is_refused_and_one_without_proofs_too() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let mut collecting = Collecting::begin_offer(&mut world, &offer);
    let request = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    let delivered = world.ask(PID, Ask::Request(Box::new(request.clone())));
    assert!(matches!(delivered, Reply::Delivery { .. }));

    let stranger = keys(1).remove(0);
    let own = std::mem::replace(&mut collecting.keys[3], stranger);
    let changed = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    assert_eq!(
        refusal(world.ask(PID, Ask::Request(Box::new(changed)))),
        Code::KeysChanged
    );
    collecting.keys[3] = own;

    // Knowing the keys is not having them.
    let mut unproven = request.clone();
    let (signed, _) = unproven.proofs[0].rsplit_once('.').unwrap();
    let (_, other) = unproven.proofs[1].rsplit_once('.').unwrap();
    unproven.proofs[0] = format!("{signed}.{other}");
    assert_eq!(
        refusal(world.ask(PID, Ask::Request(Box::new(unproven)))),
        Code::PossessionInvalid
    );

    assert_eq!(world.ask(PID, Ask::Request(Box::new(request))), delivered);
}

#[test]
fn a_revoked_credential_is_not_delivered_again() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let request = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    let ask = Ask::Request(Box::new(request));
    assert!(matches!(world.ask(PID, ask.clone()), Reply::Delivery { .. }));
    let target = Target::Subject {
        number: ROLIG.to_owned(),
    };
    let revoked = credentials::status::State::Revoked;
    world.identity.issuer().set_state(noon(), target, revoked, "").unwrap();
    assert_eq!(refusal(world.ask(PID, ask)), Code::Revoked);
}

#[test]
fn a_relayed_identification_does_not_cover_the_relays_keys() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let collecting = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    // The person signed for the keys of a wallet that somebody else runs.
    let mut covers = collecting.covers(&world);
    covers.keys_hash = keys_hash(&[keys(1)[0].verifying_key()]);
    let answer = collecting.answer_covering(&world, &pid, covers);
    let request = collecting.request(&mut world, Identification::Presentation { answer });
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(request)))),
        Code::KeysNotCovered
    );
    let mut covers = collecting.covers(&world);
    covers.transaction = [9; 16];
    let answer = collecting.answer_covering(&world, &pid, covers);
    let request = collecting.request(&mut world, Identification::Presentation { answer });
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(request)))),
        Code::KeysNotCovered
    );
    // The twin that covers them.
    let answer = collecting.answer(&mut world, &pid);
    collecting
        .send(&mut world, Identification::Presentation { answer })
        .unwrap();
}

#[test]
fn each_key_is_proven_for_this_issuer_nonce_and_transaction() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let request = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    let issuer = world.identity.settings.did.to_string();
    let key = &collecting.keys[0];
    let (nonce, transaction) = (&collecting.terms.nonce, &collecting.transaction);
    let bent = [
        (
            "another issuer",
            proof(key, "did:web:other.example", nonce, transaction),
        ),
        ("another nonce", proof(key, &issuer, "another", transaction)),
        ("another transaction", proof(key, &issuer, nonce, &[9; 16])),
        ("a key twice", request.proofs[1].clone()),
        ("no proof", "nonsense".to_owned()),
    ];
    for (what, proof) in bent {
        let mut request = request.clone();
        request.proofs[0] = proof;
        let reply = world.ask(PID, Ask::Request(Box::new(request)));
        assert_eq!(refusal(reply), Code::PossessionInvalid, "{what}");
    }
    for count in [0, 15, 17] {
        let mut request = request.clone();
        request.proofs.resize(count, request.proofs[0].clone());
        let reply = world.ask(PID, Ask::Request(Box::new(request)));
        assert_eq!(refusal(reply), Code::PossessionInvalid, "{count} keys");
    }
    let reply = world.ask(PID, Ask::Request(Box::new(request)));
    assert!(
        matches!(reply, Reply::Delivery { .. }),
        "no code was spent on them: {reply:?}"
    );
}

#[test]
fn terms_end_and_serve_one_type_and_one_delivery() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let collecting = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    let answer = collecting.answer(&mut world, &pid);
    let identification = Identification::Presentation { answer };

    let mut unknown = collecting.request(&mut world, identification.clone());
    unknown.nonce = "unknown".to_owned();
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(unknown)))),
        Code::WrongNonce
    );
    let mut other = collecting.request(&mut world, identification.clone());
    other.vct = COMPANY.to_owned();
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(other)))),
        Code::WrongRequest
    );

    let late = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    let answer = late.answer(&mut world, &pid);
    let request = collecting.request(&mut world, identification.clone());
    let nonce = request.nonce.clone();
    let reply = world.ask(INCOME, Ask::Request(Box::new(request)));
    assert!(matches!(reply, Reply::Delivery { .. }), "{reply:?}");
    // Used terms are gone, for another transaction too.
    let mut again = late.request(&mut world, identification);
    again.nonce = nonce;
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(again)))),
        Code::WrongNonce
    );

    world.pass(600);
    let request = late.request(&mut world, Identification::Presentation { answer });
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(request.clone())))),
        Code::Expired
    );
    world.tick();
    assert_eq!(
        refusal(world.ask(INCOME, Ask::Request(Box::new(request)))),
        Code::WrongNonce
    );
}

#[test]
fn without_trust_or_status_an_identification_is_undecided_and_refused() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let collecting = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    let answer = collecting.answer(&mut world, &pid);
    let request = collecting.request(&mut world, Identification::Presentation { answer });
    let ask = Ask::Request(Box::new(request));
    let mirror = std::mem::take(&mut world.mirror);
    assert_eq!(refusal(world.ask(INCOME, ask.clone())), Code::StatusMissing);
    world.mirror = mirror;
    world.agency.issuer().trust = None;
    assert_eq!(refusal(world.ask(INCOME, ask.clone())), Code::TrustMissing);
    world.agency.reopen();
    assert!(matches!(world.ask(INCOME, ask), Reply::Delivery { .. }));
}

#[test]
fn a_revoked_identification_is_refused() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let target = Target::Subject {
        number: ROLIG.to_owned(),
    };
    let revoked = credentials::status::State::Revoked;
    world
        .identity
        .issuer()
        .set_state(noon(), target, revoked, "mistet telefon")
        .unwrap();
    world.pull();
    assert_eq!(world.collect(INCOME, None, &pid).unwrap_err(), Code::Revoked);
}

#[test]
fn an_issuer_knows_the_status_of_its_own_credentials_without_a_mirror() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let registration = world.collect(COMPANY, Some(TREG), &pid).unwrap();
    world.mirror = Mirror::default();
    let collecting = Collecting::begin(&mut world, GUARANTEE, None, Some(TREG)).unwrap();
    let answer = collecting.answer(&mut world, &registration);
    collecting
        .send(&mut world, Identification::Presentation { answer })
        .unwrap();
}

#[test]
fn a_companys_wallet_is_opened_by_who_has_the_role() {
    let mut world = World::new();
    let manager = world.pid(ROLIG);
    let held = world.collect(COMPANY, Some(TREG), &manager).unwrap();
    let claims = held.claims();
    assert_eq!(claims["organisasjonsnummer"], TREG);
    assert!(!claims.to_string().contains(ROLIG), "class X never leaves the register");
    let log = world.agency.issuer().access_log(Some(TREG)).unwrap();
    assert_eq!(log[0].ground, Ground::Role);

    let stranger = world.pid(MUNTER);
    assert_eq!(
        world.collect(COMPANY, Some(TREG), &stranger).unwrap_err(),
        Code::RoleMissing
    );
    let other = world.pid(DRIFTIG);
    assert_eq!(
        world.collect(COMPANY, Some(TREG), &other).unwrap_err(),
        Code::RoleMissing
    );
    assert_eq!(
        world.collect(COMPANY, Some("315902738"), &manager).unwrap_err(),
        Code::NoData
    );
}

#[test]
fn the_managers_proof_covers_the_company() {
    let mut world = World::new();
    let manager = world.pid(ROLIG);
    let collecting = Collecting::begin(&mut world, COMPANY, None, Some(TREG)).unwrap();
    let mut covers = collecting.covers(&world);
    covers.organisation = Some(FISKEBAAT.to_owned());
    let answer = collecting.answer_covering(&world, &manager, covers);
    let refused = collecting.send(&mut world, Identification::Presentation { answer });
    assert_eq!(refused.unwrap_err(), Code::KeysNotCovered);
}

#[test]
fn terms_for_a_text_that_is_carried_live_seven_days() {
    let mut world = World::new();
    let manager = world.pid(ROLIG);
    let collecting = Collecting::begin(&mut world, COMPANY, None, Some(TREG)).unwrap();
    world.pass(7 * 86_400 - 1);
    world.tick();
    let answer = collecting.answer(&mut world, &manager);
    collecting
        .send(&mut world, Identification::Presentation { answer })
        .unwrap();
}

#[test]
fn the_wrong_kind_of_wallet_is_turned_away() {
    let mut world = World::new();
    let begin = |world: &mut World, vct, organisation| Collecting::begin(world, vct, None, organisation).err();
    assert_eq!(begin(&mut world, INCOME, Some(TREG)), Some(Code::WrongWallet));
    assert_eq!(begin(&mut world, COMPANY, None), Some(Code::WrongWallet));
    assert_eq!(begin(&mut world, COMPANY, Some("112233445")), Some(Code::Malformed));
    assert_eq!(begin(&mut world, COMPANY, Some(TREG)), None);
    assert_eq!(begin(&mut world, "urn:bevis:Nothing:1", None), Some(Code::UnknownType));
    assert_eq!(
        begin(&mut world, "urn:bevis:TaxAssessmentSummary:1", None),
        Some(Code::TypeNotAllowed)
    );
}

#[test]
fn a_company_shows_its_own_registration_and_gets_all_its_guarantees() {
    let mut world = World::new();
    let now = world.now;
    world.agency.import(
        now,
        GUARANTEE,
        &[guarantee("SG-1", "aktiv", None), guarantee("SG-2", "aktiv", None)],
    );
    let manager = world.pid(ROLIG);
    let registration = world.collect(COMPANY, Some(TREG), &manager).unwrap();
    let held = world.collect(GUARANTEE, Some(TREG), &registration).unwrap();
    assert_eq!(held.texts.len(), 2);
    assert_eq!(held.texts[1].len(), 4);
    for (text, key) in held.texts.iter().flatten().zip(&held.keys) {
        let copy = SdJwt::parse(text).unwrap();
        assert_eq!(copy.holder_key(), Some(key.verifying_key()));
    }

    // A company's wallet that says it is another company's.
    assert_eq!(
        world.collect(GUARANTEE, Some(FISKEBAAT), &registration).unwrap_err(),
        Code::WrongSubject
    );
}

#[test]
fn a_guarantee_under_the_guarantors_notice_is_given_out_and_valid_to_its_end() {
    let mut world = World::new();
    let now = world.now;
    let notice = json!({
        "oppsagtAv": "garantist",
        "varselDato": "2026-07-01",
        "opphoersdato": "2026-09-01"
    });
    world
        .agency
        .import(now, GUARANTEE, &[guarantee("SG-1", "oppsagt", Some(notice))]);
    let manager = world.pid(ROLIG);
    let registration = world.collect(COMPANY, Some(TREG), &manager).unwrap();
    let held = world.collect(GUARANTEE, Some(TREG), &registration).unwrap();
    let context = Context {
        now,
        trust: Some(&world.trust),
        status: &world.mirror,
        types: &Types::builtin(),
        status_age_max: 3_600,
    };
    let (report, verified) = verify::credential(&held.texts[0][0], &context);
    assert_eq!(report.verdict(), Verdict::Valid, "{report:?}");
    assert_eq!(verified.unwrap().notes(), [Code::TerminatedPending]);
    let (_, _, expires) = SdJwt::parse(&held.texts[0][0]).unwrap().times();
    assert_eq!(expires, Timestamp::parse("2026-09-01T23:59:59Z"));
    // After the end there is nothing to collect.
    world.pass(60 * 86_400);
    world.tick();
    let manager = world.pid(ROLIG);
    let registration = world.collect(COMPANY, Some(TREG), &manager).unwrap();
    assert_eq!(
        world.collect(GUARANTEE, Some(TREG), &registration).unwrap_err(),
        Code::NoData
    );
}

#[test]
fn invariant_9_if_the_access_log_cannot_be_written_nothing_is_given_out() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    // Somebody wrote where the next entry belongs: an entry is never overwritten.
    world.identity.with_store(|store| {
        let mut transaction = store.transaction();
        transaction.put(&store.table("issuer.access"), &1u64.to_be_bytes(), b"");
        transaction.commit().unwrap();
    });
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let request = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    let ask = Ask::Request(Box::new(request));
    assert_eq!(refusal(world.ask(PID, ask.clone())), Code::TraceUnavailable);
    assert!(
        world.identity.issuer().take_failure().is_some(),
        "the operator learns the cause"
    );
    assert!(world.identity.issuer().issued(None, None).unwrap().is_empty());
    world.identity.with_store(|store| {
        let mut transaction = store.transaction();
        transaction.delete(&store.table("issuer.access"), &1u64.to_be_bytes());
        transaction.commit().unwrap();
    });
    assert!(matches!(world.ask(PID, ask), Reply::Delivery { .. }));
}

#[test]
fn the_access_log_names_categories_and_no_values() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    world.collect(INCOME, None, &pid).unwrap();
    let log = world.agency.issuer().access_log(Some(ROLIG)).unwrap();
    let [entry] = log.as_slice() else {
        panic!("{log:?}");
    };
    assert_eq!(entry.ground, Ground::OwnRequest);
    assert_eq!(entry.vct, INCOME);
    assert!(entry.categories.contains(&"oppgaveInntektsmottaker".to_owned()));
    let text = format!("{entry:?}");
    assert!(!text.contains(ROLIG) && !text.contains("48500"), "{text}");
    assert!(world.agency.issuer().access_log(Some(MUNTER)).unwrap().is_empty());
}

#[test]
fn a_row_is_delivered_a_bounded_number_of_times_a_day() {
    let mut world = World::new();
    for _ in 0..32 {
        world.pid(ROLIG);
    }
    let now = world.now;
    let offer = world.identity.issuer().offer(now, PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let refused = collecting.with_code(&mut world, &code(&offer));
    assert_eq!(refused.unwrap_err(), Code::RateLimited);
    world.pass(86_400);
    world.tick();
    world.pid(ROLIG);
}

#[test]
fn open_terms_are_bounded_and_the_oldest_make_room() {
    let mut world = World::new();
    let first = Collecting::begin(&mut world, COMPANY, None, Some(TREG)).unwrap();
    let mut last = None;
    for _ in 0..8 {
        last = Some(Collecting::begin(&mut world, COMPANY, None, Some(TREG)).unwrap());
    }
    assert_eq!(world.agency.issuer().terms.len(), 8);
    let pid = world.pid(ROLIG);
    let answer = first.answer(&mut world, &pid);
    let refused = first.send(&mut world, Identification::Presentation { answer });
    assert_eq!(refused.unwrap_err(), Code::WrongNonce);
    let last = last.unwrap();
    let answer = last.answer(&mut world, &pid);
    last.send(&mut world, Identification::Presentation { answer }).unwrap();
    assert_eq!(world.agency.issuer().terms.len(), 7);
    world.agency.reopen();
    assert_eq!(world.agency.issuer().terms.len(), 7);
}
