//! Finding, inviting, changing one or many: what the forms take and what they refuse.

use super::{MUNTER, ROLIG, import, person};
use crate::http::tests::world::{Browser, PASSPHRASE, World, require_well_made, text};
use crate::service::{Command, Target};
use axum::http::StatusCode;

const NONE: &str = "0123456789abcdef0123456789abcdef";

/// Name and bytes of a file that a form brings.
type Uploaded = Option<(&'static str, &'static [u8])>;

#[tokio::test(flavor = "multi_thread")]
async fn a_search_answers_without_an_address_and_says_what_it_cannot_take() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let find = |by: &str, value: &str| kari.form("/console/credentials/find", &[("by", by), ("value", value)]);
    for (by, value) in [("subject", ROLIG), ("row C02", ROLIG), ("credential", NONE)] {
        let answer = kari.submit(&find(by, value)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{by}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(page.contains("Ingen bevis hører til dette."), "{by}: {page}");
        assert!(!page.contains(ROLIG), "what was typed is not shown again: {page}");
    }
    for (by, value, told) in [
        ("subject", "14858834017", "verken et fødselsnummer"),
        ("subject", "", "Skriv et nummer eller en nøkkel."),
        ("credential", "0123", "32 tegn"),
        ("anything", "x", "Skriv et nummer eller en nøkkel."),
    ] {
        let answer = kari.submit(&find(by, value)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{by} {value}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(page.contains(told), "{told}: {page}");
    }
    let long = "1".repeat(600);
    assert_eq!(
        kari.submit(&find("subject", &long)).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let elsewhere = kari.submit(&find("row C99", "x")).await;
    assert_ne!(elsewhere.status(), StatusCode::OK, "a type that is none");
    assert_eq!(
        Browser::led(&kari.get("/console/credentials/find").await),
        "/console/credentials"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_a_reason_that_names_nobody_and_a_credential_that_is_there() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    for step in ["revoke", "suspend", "reinstate", "destroy"] {
        let path = format!("/console/credentials/{NONE}/{step}");
        let answer = kari.submit(&kari.form(&path, &[("reason", "feil i registeret")])).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{step}");
    }
    let record = world
        .told(Command::Record {
            from: None,
            limit: 10,
            forward: false,
        })
        .await;
    assert_eq!(
        record["head"]["number"], 1,
        "nothing was done: only the account is in the log"
    );
    let issued = Command::Issued {
        credential_type: None,
        target: Some(Target::Subject {
            number: ROLIG.to_owned(),
        }),
    };
    assert_eq!(world.told(issued).await["issued"].as_array().map(Vec::len), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_shown_to_whoever_made_it_until_they_close_it() {
    let world = World::organisation(&["C01", "C02"]);
    let (kari, ola) = (world.colleague("kari").await, world.colleague("ola").await);
    import(&kari, "C01", &[person(ROLIG)]).await;
    let make = kari.form(
        "/console/credentials/offers/new",
        &[("kind", "C01"), ("subject", "148588 34016")],
    );
    let offer = Browser::led(&kari.submit(&make).await);
    assert_eq!(
        Browser::led(&kari.submit(&make).await),
        offer,
        "sent twice, one is made"
    );
    assert!(!offer.contains(ROLIG), "{offer}");
    for _ in 0..2 {
        let page = text(kari.get(&offer).await).await;
        require_well_made(&page);
        assert!(
            page.contains("Aktiveringskode") && page.contains("bevis:") && page.contains("class=\"qr\""),
            "{page}"
        );
        assert!(!page.contains(ROLIG), "{page}");
    }
    let other = text(ola.get(&offer).await).await;
    assert!(
        !other.contains("bevis:") && other.contains("Invitasjonen vises ikke lenger."),
        "{other}"
    );
    let close = format!("{offer}/close");
    assert_eq!(ola.submit(&ola.form(&close, &[])).await.status(), StatusCode::NOT_FOUND);
    Browser::led(&kari.submit(&kari.form(&close, &[])).await);
    let gone = text(kari.get(&offer).await).await;
    assert!(
        !gone.contains("bevis:") && gone.contains("Invitasjonen vises ikke lenger."),
        "{gone}"
    );

    let open = kari.form(
        "/console/credentials/offers/new",
        &[("kind", "C02"), ("subject", ROLIG)],
    );
    let page = text(kari.get(&Browser::led(&kari.submit(&open).await)).await).await;
    assert!(
        page.contains("bevis:") && !page.contains("Aktiveringskode"),
        "names nobody: {page}"
    );

    for subject in ["14858834017", "kari", ""] {
        let answer = kari
            .submit(&kari.form(
                "/console/credentials/offers/new",
                &[("kind", "C01"), ("subject", subject)],
            ))
            .await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{subject}");
        require_well_made(&text(answer).await);
    }
    let unknown = kari.form(
        "/console/credentials/offers/new",
        &[("kind", "C01"), ("subject", MUNTER)],
    );
    assert!(text(kari.submit(&unknown).await).await.contains("no_data"));
    for kind in ["C04", "", "nothing"] {
        let answer = kari
            .submit(&kari.form("/console/credentials/offers/new", &[("kind", kind)]))
            .await;
        assert!(answer.status().is_client_error(), "{kind}: {}", answer.status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_names_nothing_changes_nothing_and_says_line_by_line_why() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let fields = [
        ("change", "revoke"),
        ("reason", "feil i registeret"),
        ("names", "subject"),
    ];
    let file = format!("subject\n{ROLIG}\nikke et nummer\n");
    let sent = kari
        .send_file(&kari.sending(
            "/console/credentials/bulk/new",
            &fields,
            Some(("a.csv", file.as_bytes())),
        ))
        .await;
    let bulk = Browser::led(&sent);
    let page = text(kari.get(&bulk).await).await;
    require_well_made(&page);
    for must in ["Avlyst", "Ingen bevis hører til dette.", "Linjen kan ikke leses."] {
        assert!(page.contains(must), "lacks {must}: {page}");
    }
    let list = text(kari.get("/console/credentials/bulk").await).await;
    assert!(list.contains(&bulk) && list.contains("Trekk tilbake"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_without_reason_or_file_or_with_a_wrong_choice_is_told_and_not_begun() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let file: Uploaded = Some(("a.csv", b"subject\n"));
    let bad: [(&str, &str, &str, Uploaded, &str); 5] = [
        ("revoke", "", "subject", file, "Skriv hvorfor."),
        ("revoke", "gjelder 14858834016", "subject", file, "fødselsnummer i seg"),
        ("revoke", "feil", "subject", None, "Velg en fil."),
        ("revoke", "feil", "subject", Some(("a.csv", b"")), "Filen er tom."),
        (
            "revoke",
            "feil",
            "subject",
            Some(("a.xlsx", b"PK\x03\x04")),
            "Filen er ikke tekst.",
        ),
    ];
    for (change, reason, names, file, told) in bad {
        let fields = [("change", change), ("reason", reason), ("names", names)];
        let answer = kari
            .send_file(&kari.sending("/console/credentials/bulk/new", &fields, file))
            .await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(page.contains(told), "{told}: {page}");
    }
    for (change, names) in [("destroy", "subject"), ("revoke", "everything"), ("revoke", "type C99")] {
        let fields = [("change", change), ("reason", "feil"), ("names", names)];
        let answer = kari
            .send_file(&kari.sending("/console/credentials/bulk/new", &fields, file))
            .await;
        assert!(
            answer.status().is_client_error(),
            "{change} {names}: {}",
            answer.status()
        );
    }
    let bulks = world.told(Command::Bulks).await;
    let open = bulks["bulks"].as_array().expect("a list").iter();
    assert_eq!(open.filter(|bulk| bulk["stage"] != "cancelled").count(), 0, "{bulks}");
    for turn in ["approve", "cancel", "pause", "resume", "destroy"] {
        let form = kari.form(
            &format!("/console/credentials/bulk/0123456789abcdef/{turn}"),
            &[("passphrase", PASSPHRASE)],
        );
        assert_eq!(kari.submit(&form).await.status(), StatusCode::NOT_FOUND, "{turn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_made_by_whoever_shows_who_they_are() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let rotate = |passphrase: &str| kari.form("/console/trust/rotate", &[("passphrase", passphrase)]);
    for (passphrase, told) in [
        ("", "Skriv inn passordfrasen din."),
        ("a wrong one", "Passordfrasen er feil."),
    ] {
        let answer = kari.submit(&rotate(passphrase)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(page.contains(told), "{page}");
    }
    let keys = |answer: serde_json::Value| answer["keys"].as_array().expect("a list").len();
    assert_eq!(keys(world.told(Command::Keys).await), 1, "nothing was made");
    assert_eq!(Browser::led(&kari.submit(&rotate(PASSPHRASE)).await), "/console/trust");
    assert_eq!(keys(world.told(Command::Keys).await), 2);
    let page = text(kari.get("/console/trust").await).await;
    require_well_made(&page);
    assert!(
        page.contains("signerer, men står ikke på listen") && page.contains("Dager igjen: "),
        "{page}"
    );
}
