//! Accounts, and who may come in.

use super::*;
use crate::service::NAME_MAX;
use std::collections::BTreeSet;

fn add(handle: &str, name: &str, passphrase: &str) -> Command {
    Command::PersonAdd {
        handle: handle.to_owned(),
        name: name.to_owned(),
        faces: BTreeSet::from([Face::Console]),
        passphrase: Confided::new(passphrase),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_opens_to_its_passphrase_until_it_is_taken_away_and_its_handle_stays_taken() {
    let agency = Agency::new();
    agency.person("kari", &[Face::Console]).await;
    let agency = agency.reopened();
    let service = &agency.service;
    let kari = service.identify("kari", &said("kari")).expect("it is her");
    assert_eq!((kari.handle.as_str(), kari.name.as_str()), ("kari", "kari Test"));
    assert_eq!(kari.faces, BTreeSet::from([Face::Console]));
    let wrong = service.identify("kari", &said("ola"));
    assert_eq!(code(wrong), refused(Code::WrongPassphrase, "person"));
    let again = service.execute(add("kari", "Another", "another passphrase")).await;
    assert_eq!(code(again), refused(Code::NotPermitted, "handle"));
    let changed = Command::PersonPassphrase {
        handle: "kari".to_owned(),
        passphrase: Confided::new("a new passphrase"),
    };
    agency.done(changed).await;
    assert_eq!(code(service.identify("kari", &said("kari"))).0, Code::WrongPassphrase);
    service
        .identify("kari", &Confided::new("a new passphrase"))
        .expect("the new one");
    let remove = || Command::PersonRemove {
        handle: "kari".to_owned(),
    };
    agency.done(remove()).await;
    assert_eq!(service.person("kari").expect("reads"), None);
    let gone = service.identify("kari", &Confided::new("a new passphrase"));
    assert_eq!(code(gone), refused(Code::WrongPassphrase, "person"));
    assert_eq!(code(service.execute(remove()).await).0, Code::NotFound);
    let again = service.execute(add("kari", "Another", "another passphrase")).await;
    assert_eq!(code(again), refused(Code::NotPermitted, "handle"));
    let people = agency.done(Command::People).await;
    assert!(people.at("people")[0].at("removed_at").is_string());
    assert!(!people.to_string().contains("proof"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_handle_name_or_passphrase_is_refused_and_nothing_is_kept() {
    let agency = Agency::new();
    let service = &agency.service;
    let long = "x".repeat(33);
    for handle in ["", "Kari", "kari test", "kåri", "cli", "node", "api", "unknown", &long] {
        let refusal = service.execute(add(handle, "Kari", "a good passphrase")).await;
        assert_eq!(code(refusal), refused(Code::Malformed, "handle"), "{handle}");
    }
    for name in ["", "  ", "a\nb", &"x".repeat(NAME_MAX + 1)] {
        let refusal = service.execute(add("kari", name, "a good passphrase")).await;
        assert_eq!(code(refusal), refused(Code::Malformed, "name"), "{name:?}");
    }
    for passphrase in ["", "eleven char", "with\ncontrol char", &"x".repeat(1_025)] {
        let refusal = service.execute(add("kari", "Kari", passphrase)).await;
        assert_eq!(code(refusal), refused(Code::Malformed, "person passphrase"));
    }
    let faceless = Command::PersonAdd {
        handle: "kari".to_owned(),
        name: "Kari".to_owned(),
        faces: BTreeSet::new(),
        passphrase: said("kari"),
    };
    assert_eq!(code(service.execute(faceless).await), refused(Code::Malformed, "face"));
    assert!(
        agency
            .done(Command::People)
            .await
            .at("people")
            .as_array()
            .expect("a list")
            .is_empty()
    );
    agency.done(add("kari", &"å".repeat(NAME_MAX), "twelve chars")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_attempts_lock_a_known_and_an_unknown_handle_alike_also_across_restarts() {
    let agency = Agency::new().staffed().await;
    for handle in ["kari", "nobody", "what somebody typed into the wrong field"] {
        for attempt in 0..5 {
            assert_eq!(
                agency.service.locked_until(handle).expect("reads"),
                None,
                "{handle} {attempt}"
            );
            let wrong = agency.service.identify(handle, &said("wrong"));
            assert_eq!(
                code(wrong),
                refused(Code::WrongPassphrase, "person"),
                "{handle} {attempt}"
            );
        }
    }
    let agency = agency.reopened();
    let now = crate::clock::now();
    for handle in ["kari", "nobody", "what somebody typed into the wrong field"] {
        let locked = agency.service.identify(handle, &said(handle));
        assert_eq!(
            code(locked),
            refused(Code::RateLimited, "login"),
            "{handle}, also with the right one"
        );
        let until = agency.service.locked_until(handle).expect("reads").expect("locked");
        assert!((1..=60).contains(&until.since(now)), "{handle}: {}", until.since(now));
    }
    agency
        .service
        .identify("ola", &said("ola"))
        .expect("others are not locked");
    // Whoever runs the node lets her in again.
    let changed = Command::PersonPassphrase {
        handle: "kari".to_owned(),
        passphrase: said("kari"),
    };
    agency.done(changed).await;
    agency.service.identify("kari", &said("kari")).expect("unlocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_passphrase_forgets_wrong_ones_and_nothing_typed_is_in_the_log() {
    let agency = Agency::new().staffed().await;
    for _ in 0..2 {
        for _ in 0..4 {
            assert_eq!(
                code(agency.service.identify("kari", &said("wrong"))).0,
                Code::WrongPassphrase
            );
        }
        agency.service.identify("kari", &said("kari")).expect("in time");
    }
    assert_eq!(
        code(agency.service.identify("hemmelig-ord", &said("x"))).0,
        Code::WrongPassphrase
    );
    let log = agency.log().await;
    let of = |what: &str| {
        log.iter()
            .filter(|(_, done, _)| done == what)
            .map(|(who, _, _)| who.as_str())
            .collect()
    };
    let (logins, refusals): (Vec<&str>, Vec<&str>) = (of("login"), of("login_refused"));
    assert_eq!(logins, ["kari", "kari"]);
    assert_eq!((refusals.len(), refusals.last()), (9, Some(&"unknown")));
    assert!(!format!("{log:?}").contains("hemmelig"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_homes_own_passphrase_is_checked_while_it_is_open_and_locked_like_an_accounts() {
    let agency = Agency::new();
    agency.service.unlocks(&Confided::new(PASSPHRASE)).expect("it is");
    for _ in 0..5 {
        let wrong = agency.service.unlocks(&said("wrong"));
        assert_eq!(code(wrong), (Code::WrongPassphrase, None));
    }
    let agency = agency.reopened();
    let locked = agency.service.unlocks(&Confided::new(PASSPHRASE));
    assert_eq!(code(locked), refused(Code::RateLimited, "login"));
    assert!(agency.service.home_locked_until().expect("reads").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_does_what_its_face_allows_and_nothing_when_it_is_gone() {
    let agency = Agency::new().staffed().await;
    let allowed = |handle: &'static str, command: Command| agency.done_as(handle, command);
    allowed("kari", Command::IssuerStatus).await.expect("at the console");
    allowed("ola", Command::VerifierSessions)
        .await
        .expect_err("it is no bank");
    assert_eq!(code(allowed("ola", Command::VerifierSessions).await).0, Code::WrongRole);
    assert_eq!(
        code(allowed("kari", Command::VerifierSessions).await),
        refused(Code::NotPermitted, "desk")
    );
    assert_eq!(
        code(allowed("per", Command::IssuerStatus).await),
        refused(Code::NotPermitted, "console")
    );
    assert_eq!(
        code(
            allowed(
                "per",
                Command::Record {
                    from: None,
                    limit: 1,
                    forward: false
                }
            )
            .await
        )
        .0,
        Code::NotPermitted
    );
    allowed("per", Command::Doctor).await.expect("anybody");
    let path = agency.path("copy");
    let backup = allowed("kari", Command::Backup { path: path.clone() }).await;
    assert_eq!(code(backup), refused(Code::NotPermitted, "command line"));
    assert!(!path.exists());
    let promote = allowed("kari", add("kari2", "Kari", "a good passphrase")).await;
    assert_eq!(code(promote), refused(Code::NotPermitted, "command line"));
    let api = Actor::Api("core".to_owned());
    let api = agency
        .service
        .execute_as(add("kari2", "Kari", "a good passphrase"), api)
        .await;
    assert_eq!(code(api), refused(Code::NotPermitted, "command line"));
    agency
        .done(Command::PersonRemove {
            handle: "kari".to_owned(),
        })
        .await;
    assert_eq!(
        code(allowed("kari", Command::Doctor).await),
        refused(Code::NotPermitted, "account")
    );
    assert_eq!(
        code(allowed("nobody", Command::Doctor).await),
        refused(Code::NotPermitted, "account")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn speaking_for_somebody_takes_their_passphrase_and_no_more_than_they_may() {
    let agency = Agency::new().staffed().await;
    let spoken = |handle: &str, by: &str, what: Command| Command::As {
        handle: handle.to_owned(),
        passphrase: said(by),
        what: Box::new(what),
    };
    agency.done(spoken("kari", "kari", Command::IssuerStatus)).await;
    let wrong = agency
        .service
        .execute(spoken("kari", "ola", Command::IssuerStatus))
        .await;
    assert_eq!(code(wrong), refused(Code::WrongPassphrase, "person"));
    let beyond = agency
        .service
        .execute(spoken("per", "per", Command::IssuerStatus))
        .await;
    assert_eq!(code(beyond), refused(Code::NotPermitted, "console"));
    let within = spoken("ola", "ola", Command::IssuerStatus);
    let within = agency.service.execute(spoken("kari", "kari", within)).await;
    assert_eq!(code(within), refused(Code::NotPermitted, "command line"));
    let by_person = agency
        .done_as("kari", spoken("ola", "ola", Command::IssuerStatus))
        .await;
    assert_eq!(code(by_person).0, Code::NotPermitted);
}
