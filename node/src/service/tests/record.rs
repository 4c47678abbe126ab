//! The log of who did what.

use super::*;
use crate::service::record::{About, Act, Record, Scope};
use crate::service::{RECORD_PAGE_MAX, Target};
use credentials::status::State;
use sha2::{Digest, Sha256};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::create(&folder.path().join("s"), &passphrase(), Params::quick(), entropy()).expect("made");
    (folder, store)
}

fn noted(record: &Record, count: u64) {
    for number in 0..count {
        let about = About {
            number: Some(number),
            scope: Some(Scope::File),
            ..About::default()
        };
        record.note(&Actor::Cli, Act::BackupMade, about).expect("written");
    }
}

fn numbers(page: &Value) -> Vec<u64> {
    let entries = page.at("entries").as_array().expect("a list");
    entries.iter().filter_map(|entry| entry.at("number").as_u64()).collect()
}

#[test]
fn entries_form_a_chain_that_anybody_can_check_and_pages_go_both_ways() {
    let (_folder, store) = store();
    let record = Record::open(&store, true).expect("opens");
    assert_eq!(record.verify().expect("walks").at("whole"), &json!(true));
    assert!(numbers(&record.page(None, 10, false).expect("reads")).is_empty());
    noted(&record, 7);
    let page = record.page(None, 3, false).expect("reads");
    assert_eq!((numbers(&page), page.at("next").as_u64()), (vec![7, 6, 5], Some(4)));
    let page = record.page(Some(4), 10, false).expect("reads");
    assert_eq!((numbers(&page), page.at("next").as_u64()), (vec![4, 3, 2, 1], None));
    let page = record.page(None, 3, true).expect("reads");
    assert_eq!((numbers(&page), page.at("next").as_u64()), (vec![1, 2, 3], Some(4)));
    let page = record.page(Some(6), u32::MAX, true).expect("reads");
    assert_eq!((numbers(&page), page.at("next").as_u64()), (vec![6, 7], None));
    for odd in [Some(0), Some(8), Some(u64::MAX)] {
        record.page(odd, 0, true).expect("reads");
        record.page(odd, 0, false).expect("reads");
    }
    // By what the module's page says, with nothing of ours but the canonical form.
    let mut before = "0".repeat(64);
    let all = record.page(None, RECORD_PAGE_MAX, true).expect("reads");
    for entry in all.at("entries").as_array().expect("a list") {
        let mut plain = entry.clone();
        let hash = plain
            .as_object_mut()
            .and_then(|members| members.remove("hash"))
            .expect("a hash");
        assert_eq!(plain.at("before"), &json!(before));
        let canonical = credentials::canonical::canonicalize(&plain).expect("JSON");
        let digest = Sha256::digest([b"bevis-record/1\n".as_slice(), &canonical].concat());
        assert_eq!(hash, json!(crate::output::hex(&digest)));
        before = hash.as_str().expect("text").to_owned();
    }
    let whole = record.verify().expect("walks");
    assert_eq!((whole.at("whole"), whole.at("hash")), (&json!(true), &json!(before)));
}

#[test]
fn an_entry_that_was_changed_taken_out_or_cut_off_is_named() {
    let broken = |change: &dyn Fn(&Store)| {
        let (_folder, store) = store();
        let record = Record::open(&store, true).expect("opens");
        noted(&record, 5);
        change(&store);
        record.verify().expect("walks").at("broken_at").as_u64()
    };
    let put = |store: &Store, number: u64, bytes: Option<Vec<u8>>| {
        let mut transaction = store.transaction();
        let table = store.table("record");
        match bytes {
            Some(bytes) => transaction.put(&table, &number.to_be_bytes(), &bytes),
            None => transaction.delete(&table, &number.to_be_bytes()),
        };
        transaction.commit().expect("written");
    };
    let read = |store: &Store, number: u64| {
        store
            .table("record")
            .get(&number.to_be_bytes())
            .expect("reads")
            .expect("there")
    };
    assert_eq!(broken(&|_| ()), None);
    let changed = |store: &Store| {
        let text = String::from_utf8(read(store, 3)).expect("text");
        put(store, 3, Some(text.replace("backup_made", "login").into_bytes()));
    };
    assert_eq!(broken(&changed), Some(4), "the next one does not fit any more");
    assert_eq!(broken(&|store| put(store, 2, None)), Some(2));
    assert_eq!(broken(&|store| put(store, 4, Some(b"no entry".to_vec()))), Some(4));
    let last = |store: &Store| {
        let text = String::from_utf8(read(store, 5)).expect("text");
        put(store, 5, Some(text.replace("\"cli\"", "\"ola\"").into_bytes()));
    };
    assert_eq!(broken(&last), Some(5), "the newest too");
    assert_eq!(
        broken(&|store| put(store, 3, Some(read(store, 2)))),
        Some(3),
        "one twice"
    );
}

#[test]
fn ten_thousand_entries_are_paged_without_reading_all() {
    let (_folder, store) = store();
    let record = Record::open(&store, true).expect("opens");
    let number = 10_000_u64;
    // Only the head says how many there are: what is not looked at need not be there.
    let head = json!({ "number": number, "hash": "0".repeat(64) }).to_string();
    let mut transaction = store.transaction();
    transaction.put(&store.table("node"), "record-head", head.as_bytes());
    transaction.commit().expect("written");
    let page = record.page(None, u32::MAX, false).expect("reads");
    let entries = page.at("entries").as_array().expect("a list");
    assert_eq!(
        entries.len(),
        RECORD_PAGE_MAX as usize,
        "bounded, whatever is asked for"
    );
    assert!(entries.iter().all(|entry| entry.at("damaged") == &json!(true)));
}

#[test]
fn a_wallet_keeps_none() {
    let (_folder, store) = store();
    let record = Record::open(&store, false).expect("opens");
    noted(&record, 2);
    assert_eq!(
        record.page(None, 10, false).expect("reads").at("head").at("number"),
        &json!(0)
    );
    assert!(store.table("record").is_empty().expect("reads"));
}

#[test]
fn many_at_once_make_one_chain() {
    let (_folder, store) = store();
    let record = Record::open(&store, true).expect("opens");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| noted(&record, 5));
        }
    });
    let whole = record.verify().expect("walks");
    assert_eq!((whole.at("whole"), whole.at("entries")), (&json!(true), &json!(20)));
}

#[test]
fn a_restored_home_says_so_and_goes_on_with_the_chain() {
    let (folder, store) = store();
    noted(&Record::open(&store, true).expect("opens"), 2);
    let copy = folder.path().join("copy");
    store.backup(&copy, None).expect("copied");
    let store = Store::restore(&copy, &folder.path().join("again"), &passphrase(), entropy());
    drop(store.expect("restored"));
    let store = Store::open(&folder.path().join("again"), &passphrase(), entropy()).expect("opens");
    let record = Record::open(&store, true).expect("opens");
    let page = record.page(None, 10, false).expect("reads");
    let newest = &page.at("entries")[0];
    assert_eq!(
        (newest.at("what"), newest.at("who")),
        (&json!("epoch_began"), &json!("node"))
    );
    assert_eq!(record.verify().expect("walks").at("whole"), &json!(true));
    let again = Record::open(&store, true).expect("opens");
    assert_eq!(
        again.page(None, 10, false).expect("reads").at("head"),
        page.at("head"),
        "once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_stand_in_the_log_with_who_and_how_many_and_nothing_personal() {
    let agency = Agency::new().staffed().await.issued().await;
    let ids = agency.ids().await;
    let change = |target: Target, state: State| Command::SetState {
        target,
        state,
        reason: "meldt av Rolig Fiskebåt".to_owned(),
    };
    let one = || Target::Credential { id: ids[0].clone() };
    agency
        .done_as("kari", change(one(), State::Suspended))
        .await
        .expect("suspended");
    agency
        .done_as("kari", change(one(), State::Suspended))
        .await
        .expect("so already");
    agency.done(change(one(), State::Valid)).await;
    for number in &PEOPLE[..2] {
        let all = Target::Subject {
            number: (*number).to_owned(),
        };
        agency
            .done_as("ola", change(all, State::Revoked))
            .await
            .expect("revoked");
    }
    let row = Target::Row {
        credential_type: PID.to_owned(),
        key: PEOPLE[2].to_owned(),
    };
    agency.done(change(row, State::Suspended)).await;
    let offer = Command::Offer {
        credential_type: PID.to_owned(),
        subject: Some(PEOPLE[3].to_owned()),
    };
    agency.done(offer).await;
    let log = agency.log().await;
    let told: Vec<(&str, &str)> = log.iter().map(|(who, what, _)| (who.as_str(), what.as_str())).collect();
    assert_eq!(
        told,
        [
            ("cli", "person_added"),
            ("cli", "person_added"),
            ("cli", "person_added"),
            ("cli", "import_started"),
            ("cli", "import_finished"),
            ("kari", "suspended"),
            ("cli", "reinstated"),
            ("ola", "revoked"),
            ("ola", "revoked"),
            ("cli", "suspended"),
            ("cli", "offered"),
        ]
    );
    assert_eq!(
        log[5].2,
        json!({ "credential": ids[0], "scope": "one", "credentials": 1, "copies": 16 })
    );
    assert_eq!(log[7].2, json!({ "scope": "person", "credentials": 1, "copies": 16 }));
    assert_eq!(log[9].2.at("scope"), &json!("row"));
    let all = format!("{log:?}");
    for personal in PEOPLE.iter().chain(&["Rolig", "Fiskebåt", "meldt"]) {
        assert!(!all.contains(personal), "{personal}");
    }
    let whole = agency.done(Command::RecordVerify).await;
    assert_eq!(whole.at("whole"), &json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_before_it_is_begun_leaves_no_entry_and_what_fails_on_its_way_says_so() {
    let agency = Agency::new().issued().await;
    let before = agency.log().await.len();
    let nobody = Command::SetState {
        target: Target::Credential { id: "0".repeat(32) },
        state: State::Revoked,
        reason: String::new(),
    };
    assert_eq!(code(agency.service.execute(nobody).await).0, Code::NoData);
    assert_eq!(agency.log().await.len(), before);
    let act = || Err::<(), Failure>(Code::DiskFull.into());
    let failed = agency
        .service
        .record
        .act(&Actor::Cli, Act::KeyRotated, About::default(), act);
    assert_eq!(code(failed).0, Code::DiskFull);
    let log = agency.log().await;
    assert_eq!(log[before].1, "key_rotated");
    assert_eq!(log[before + 1].2, json!({ "entry": before + 1, "code": "disk_full" }));
}

/// No log, no act: the store refuses the number of the next entry, as if somebody had written it.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_done() {
    let agency = Agency::new().staffed().await.issued().await;
    let ids = agency.ids().await;
    let next = agency.log().await.len() as u64 + 1;
    let store = &agency.service.store;
    let mut transaction = store.transaction();
    transaction.put(&store.table("record"), &next.to_be_bytes(), b"in the way");
    transaction.commit().expect("written");
    let revoke = Command::SetState {
        target: Target::Credential { id: ids[0].clone() },
        state: State::Revoked,
        reason: String::new(),
    };
    let rotate = Command::KeysRotate { from: None };
    let offer = Command::Offer {
        credential_type: PID.to_owned(),
        subject: Some(PEOPLE[0].to_owned()),
    };
    let add = Command::PersonRemove {
        handle: "kari".to_owned(),
    };
    for command in [revoke, rotate, offer, add] {
        assert_eq!(code(agency.service.execute(command).await).0, Code::TraceUnavailable);
    }
    let counts = agency.done(Command::IssuerStatus).await;
    assert_eq!(counts.at("types")[0].at("revoked"), &json!(0));
    let keys = agency.done(Command::Keys).await;
    assert_eq!(keys.at("keys").as_array().map(Vec::len), Some(1));
    assert!(agency.service.person("kari").expect("reads").is_some());
}
