//! What is kept and shown to the holder: states, details, history, export, deletion; and what is never in it.

use super::world::*;
use crate::*;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::status::State;
use std::fmt::Write as _;

/// A wallet in which everything happened that makes history.
fn lived_in() -> Home {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let id = bring(wallet, &session);
    let (thread, sent) = answer(wallet, &id, "nb");
    wallet.receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&sent));
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let id = bring(wallet, &session);
    wallet.refuse(now(), &id);
    let over = query(&[("skatt", TAX, &["grunnlag[].spesifisering"])]);
    let session = Session::new(Org::Bank, "S01", over, None);
    fetch(wallet, &session, &Org::Bank.peer(), session.reply());
    wallet.note_status(now(), &Says(State::Suspended)).unwrap();
    let held = wallet.credentials(now(), &Silent).unwrap();
    let tax = held.iter().find(|held| held.vct == TAX).unwrap();
    wallet.delete(now(), &tax.id).unwrap();
    home
}

#[test]
fn history_and_decisions_and_receipts_hold_no_claim_value() {
    let mut home = lived_in();
    let wallet = home.wallet();
    let export = wallet.export().unwrap();
    assert_eq!(export["schema"], "wallet-export/v1");
    let history = serde_json::to_string(&wallet.history().unwrap()).unwrap();
    let kinds: std::collections::BTreeSet<_> = wallet
        .history()
        .unwrap()
        .iter()
        .map(|event| format!("{:?}", event.what))
        .collect();
    let all = [
        "Collected",
        "Deleted",
        "Failed",
        "Identified",
        "Refused",
        "Shared",
        "StatusChanged",
    ];
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        all,
        "the search below sees every kind"
    );
    let rows = [pid_row(ROLIG), income_row(ROLIG), tax_row(ROLIG)];
    let searched: Vec<String> = rows.iter().flat_map(values).collect();
    assert!(searched.len() > 30, "{}", searched.len());
    for part in [
        &history,
        &export["history"].to_string(),
        &export["decisions"].to_string(),
        &export["receipts"].to_string(),
    ] {
        assert!(part.len() > 2);
        for value in &searched {
            assert!(!part.contains(value.as_str()), "{value} stands in {part}");
        }
    }
    // Values inside the signed texts would be base64url.
    let signed = |name: &str| -> Vec<String> {
        let all = export[name].as_array().unwrap().iter();
        all.flat_map(|entry| values(&entry["signed"])).collect()
    };
    for jws in signed("decisions").iter().chain(&signed("receipts")) {
        let payload = jws.split('.').nth(1).unwrap();
        let payload = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        for value in &searched {
            assert!(!payload.contains(value.as_str()), "{value} stands in {payload}");
        }
    }
}

#[test]
fn an_export_has_what_is_the_holders_and_no_private_key() {
    let mut home = lived_in();
    let wallet = home.wallet();
    let export = wallet.export().unwrap();
    assert_eq!(export["credentials"].as_array().unwrap().len(), 2);
    assert_eq!(export["decisions"].as_array().unwrap().len(), 4);
    assert_eq!(export["receipts"].as_array().unwrap().len(), 1);
    let text = export.to_string();
    assert!(text.contains(ROLIG) && text.contains("Fiskebåt"));
    let mut keys = 0;
    for held in wallet.holdings().unwrap() {
        for (_, copy) in wallet.tables.copies(&held.id).unwrap() {
            let public = credentials::sd_jwt::SdJwt::parse(&copy.text)
                .unwrap()
                .holder_key()
                .unwrap();
            let secret = wallet.tables.key(&public).unwrap().to_bytes();
            let mut hex = String::new();
            for byte in secret.iter() {
                write!(hex, "{byte:02x}").unwrap();
            }
            for form in [
                BASE64_URL_SAFE_NO_PAD.encode(secret.as_slice()),
                hex,
                format!("{:?}", secret.as_slice()),
            ] {
                assert!(!text.contains(&form));
            }
            keys += 1;
        }
    }
    assert_eq!(keys, 24);
}

#[test]
fn deleting_takes_copies_and_keys_and_leaves_the_fact() {
    let mut home = citizen();
    let wallet = home.wallet();
    let held = wallet.credentials(now(), &Silent).unwrap();
    let income = held.iter().find(|held| held.vct == INCOME).unwrap();
    let keys: Vec<_> = wallet
        .tables
        .copies(&income.id)
        .unwrap()
        .iter()
        .map(|(_, copy)| {
            credentials::sd_jwt::SdJwt::parse(&copy.text)
                .unwrap()
                .holder_key()
                .unwrap()
        })
        .collect();
    assert_eq!(keys.len(), 8);
    wallet.delete(now(), &income.id).unwrap();
    let wallet = home.restart();
    assert!(keys.iter().all(|key| wallet.tables.key(key).is_err()));
    assert!(wallet.tables.copies(&income.id).unwrap().is_empty());
    assert_eq!(wallet.credentials(now(), &Silent).unwrap().len(), 2);
    let last = wallet.history().unwrap().pop().unwrap();
    assert_eq!((last.what, last.types), (What::Deleted, vec![INCOME.to_owned()]));
    assert!(matches!(wallet.delete(now(), &income.id), Err(Error::NotFound)));
    assert!(matches!(
        wallet.credential(now(), &Silent, &income.id, "nb"),
        Err(Error::NotFound)
    ));
}

#[test]
fn a_credential_is_listed_in_the_state_it_is_in() {
    let mut home = citizen();
    let wallet = home.wallet();
    let held = wallet.credentials(now(), &Silent).unwrap();
    let income = held.iter().find(|held| held.vct == INCOME).unwrap().clone();
    assert_eq!(income.valid_until.date(), "2026-08-10");
    assert_eq!(income.as_of.as_deref(), Some("2026-07-10T00:00:00Z"));
    assert_eq!(income.label.nb, "Månedsinntekt");
    let state = |wallet: &Wallet, at: Timestamp, source: &dyn credentials::status::Source| {
        wallet.credential(at, source, &income.id, "nb").unwrap().held.state
    };
    let says = |state| Says(state);
    assert_eq!(state(wallet, now(), &says(State::Valid)), HeldState::Valid);
    assert_eq!(state(wallet, now(), &Silent), HeldState::Unknown);
    assert_eq!(
        state(wallet, now().plus(2 * 86_400), &says(State::Valid)),
        HeldState::Unknown,
        "said too long ago"
    );
    assert_eq!(state(wallet, now(), &says(State::Revoked)), HeldState::Revoked);
    assert_eq!(state(wallet, now(), &says(State::Suspended)), HeldState::Suspended);
    assert_eq!(state(wallet, now(), &says(State::Superseded)), HeldState::Superseded);
    assert_eq!(
        state(wallet, income.valid_until, &says(State::Valid)),
        HeldState::Expired
    );
    struct Fresh(Timestamp);
    impl credentials::status::Source for Fresh {
        fn state(&self, _: &Did, _: &str, _: u32) -> Option<(State, Timestamp)> {
            Some((State::Valid, self.0))
        }
    }
    let soon = income.valid_until.plus(-3 * 86_400);
    assert_eq!(state(wallet, soon, &Fresh(soon)), HeldState::ExpiresSoon);
    for _ in 0..8 {
        let asked = query(&[("inntekt", INCOME, &["personidentifikator"])]);
        let id = bring(wallet, &Session::new(Org::Bank, "S01", asked, None));
        answer(wallet, &id, "nb");
    }
    assert_eq!(state(wallet, now(), &says(State::Valid)), HeldState::UsedUp);
    let detail = wallet.credential(now(), &Silent, &income.id, "en").unwrap();
    assert_eq!((detail.copies.total, detail.copies.used, detail.copies.left), (8, 8, 0));
    let amount = detail.claims.iter().find(|claim| claim.value == "61293.75").unwrap();
    assert_eq!(amount.path, "oppgaveInntektsmottaker[1].inntekt[0].beloep");
    assert_eq!(amount.label, "Amount");
}

#[test]
fn the_printed_form_of_a_credential_is_a_contract() {
    let mut home = citizen();
    let wallet = home.wallet();
    let names = |value: serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let held = wallet.credentials(now(), &Silent).unwrap().remove(0);
    let mut expected = vec![
        "as_of",
        "collected",
        "copies_left",
        "id",
        "issuer",
        "issuer_name",
        "label",
        "state",
        "status_at",
        "type",
        "valid_until",
    ];
    let mut found = names(serde_json::to_value(&held).unwrap());
    found.sort();
    assert_eq!(found, expected);
    expected.extend(["claims", "copies"]);
    expected.sort();
    let detail = wallet.credential(now(), &Silent, &held.id, "nb").unwrap();
    let mut found = names(serde_json::to_value(&detail).unwrap());
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn each_counterpart_has_its_own_secret_that_stays() {
    let mut home = Home::person();
    let bank = home.wallet().relation(&Org::Bank.did()).unwrap();
    let tax = home.wallet().relation(&Org::Tax.did()).unwrap();
    assert_ne!(bank, tax);
    assert_eq!(home.restart().relation(&Org::Bank.did()).unwrap(), bank);
    let (_, steps) = home
        .wallet()
        .receive_link(now(), &Issuer::new(Org::Tax, INCOME).link(), None);
    match &steps[..] {
        [Step::Send { relation, to, .. }] => {
            assert_eq!(**relation, tax);
            assert_eq!(*to, Org::Tax.did());
        }
        other => panic!("{other:?}"),
    }
    let mut other = Home::person();
    assert_ne!(other.wallet().relation(&Org::Bank.did()).unwrap(), bank);
}

#[test]
fn a_wallet_stays_its_holders() {
    let person = Settings {
        kind: HolderKind::Person,
        organisation: None,
    };
    let company = |number: &str| Settings {
        kind: HolderKind::Company,
        organisation: Some(number.to_owned()),
    };
    let mut home = Home::company();
    let open = |home: &mut Home, settings: Settings| {
        Wallet::open(home.store(), Types::builtin(), settings, Box::new(system_random())).err()
    };
    assert!(open(&mut home, company(TREG)).is_none());
    assert!(matches!(open(&mut home, person.clone()), Some(Error::OtherHolder)));
    assert!(matches!(
        open(&mut home, company("312045877")),
        Some(Error::OtherHolder)
    ));
    let mut new = Home::person();
    for wrong in [
        Settings {
            organisation: Some(TREG.to_owned()),
            ..person.clone()
        },
        Settings {
            organisation: None,
            ..company(TREG)
        },
        company("219840366"),
    ] {
        assert!(matches!(open(&mut new, wrong), Some(Error::Settings)));
    }
    assert!(open(&mut new, person).is_none());
}

#[test]
fn nothing_personal_is_printed_by_debug() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let id = bring(wallet, &session);
    let (_, steps) = wallet.present(now(), &id, "nb");
    let held = wallet.credentials(now(), &Silent).unwrap();
    let detail = wallet.credential(now(), &Silent, &held[0].id, "nb").unwrap();
    let (_, offer) =
        Home::person()
            .wallet()
            .receive_link(now(), &Issuer::new(Org::Identity, PID).link(), Some("ABCD-EFGH"));
    let printed = format!(
        "{steps:?} {held:?} {detail:?} {:?} {offer:?} {:?}",
        detail.claims,
        session.reply()
    );
    for value in [pid_row(ROLIG), income_row(ROLIG), tax_row(ROLIG)]
        .iter()
        .flat_map(values)
    {
        assert!(!printed.contains(&value), "{value}: {printed}");
    }
    assert!(!printed.contains("ABCD-EFGH") && !printed.contains("eyJ"), "{printed}");
}
