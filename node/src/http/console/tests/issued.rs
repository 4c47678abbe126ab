//! Credentials that were issued: found, revoked, suspended, reinstated, singly and by two persons.

use super::{MUNTER, ROLIG, import, person};
use crate::http::tests::world::{Browser, PASSPHRASE, World, require_well_made, text};
use crate::service::Command;
use axum::http::StatusCode;

/// An issuer of person credentials with two persons, each of whom has collected.
async fn issuer() -> World {
    let world = World::organisation(&["C01"]);
    import(
        &world.colleague("setting-up").await,
        "C01",
        &[person(ROLIG), person(MUNTER)],
    )
    .await;
    world.collected(ROLIG);
    world.collected(MUNTER);
    world
}

/// Finds what somebody has, as a person at the console does: names of credentials.
async fn found(kari: &Browser<'_>, number: &str) -> Vec<String> {
    let find = kari.form("/console/credentials/find", &[("by", "subject"), ("value", number)]);
    let page = text(kari.submit(&find).await).await;
    require_well_made(&page);
    let links = page.split("href=\"/console/credentials/").skip(1);
    let names = links
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| name.len() == 32);
    names.map(ToOwned::to_owned).collect()
}

async fn states(world: &World) -> Vec<String> {
    let issued = Command::Issued {
        credential_type: None,
        target: None,
    };
    let issued = world.told(issued).await;
    let all = issued["issued"].as_array().expect("a list").iter();
    let mut states: Vec<String> = all.map(|one| one["state"].as_str().expect("text").to_owned()).collect();
    states.sort();
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_found_suspended_reinstated_and_revoked_with_a_reason_and_its_consequence_is_told_first() {
    let world = issuer().await;
    let kari = world.colleague("kari").await;
    let id = found(&kari, ROLIG).await.pop().expect("one credential");
    let home = format!("/console/credentials/{id}");
    let page = text(kari.get(&home).await).await;
    require_well_made(&page);
    assert!(page.contains(">gyldig<") && !page.contains(ROLIG), "{page}");
    for (step, consequence, state) in [
        (
            "suspend",
            "Beviset gjelder ikke så lenge det er på pause.",
            ">satt på pause<",
        ),
        ("reinstate", "Beviset gjelder igjen med en gang", ">gyldig<"),
        ("revoke", "Det kan ikke gjøres om.", ">trukket tilbake<"),
    ] {
        let path = format!("{home}/{step}");
        let asked = text(kari.get(&path).await).await;
        require_well_made(&asked);
        assert!(asked.contains(consequence), "{step}: {asked}");
        let empty = kari.submit(&kari.form(&path, &[("reason", " ")])).await;
        assert_eq!(
            empty.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{step} without a reason"
        );
        assert!(text(empty).await.contains("Skriv hvorfor."));
        let change = kari.form(&path, &[("reason", "feil i registeret")]);
        assert_eq!(Browser::led(&kari.submit(&change).await), home, "{step}");
        assert_eq!(Browser::led(&kari.submit(&change).await), home, "{step}, sent twice");
        let page = text(kari.get(&home).await).await;
        assert!(
            page.contains(state) && page.contains("feil i registeret"),
            "{step}: {page}"
        );
    }
    // Another window that was open meanwhile.
    let late = kari.form(&format!("{home}/suspend"), &[("reason", "for sent")]);
    let told = Browser::led(&kari.submit(&late).await);
    assert!(text(kari.get(&told).await).await.contains("ingenting ble gjort"));
    let again = kari.form(&format!("{home}/revoke"), &[("reason", "en gang til")]);
    assert_eq!(Browser::led(&kari.submit(&again).await), home, "it is so already");
    assert_eq!(states(&world).await, ["revoked", "valid"]);
    let log = text(kari.get("/console/record").await).await;
    for must in ["satte på pause", "lot gjelde igjen", "trakk tilbake", "ett bevis", &id] {
        assert!(log.contains(must), "the log lacks {must}: {log}");
    }
    assert_eq!(
        log.matches(">trakk tilbake<").count(),
        1,
        "what did nothing is not in the log: {log}"
    );
    let front = text(kari.get("/console").await).await;
    require_well_made(&front);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_one_person_are_changed_together() {
    let world = issuer().await;
    let kari = world.colleague("kari").await;
    world.collected(ROLIG);
    assert_eq!(found(&kari, ROLIG).await.len(), 2);
    let all = |reason: &str| {
        let fields = [
            ("by", "subject"),
            ("value", ROLIG),
            ("change", "suspend"),
            ("reason", reason),
        ];
        kari.form("/console/credentials/all", &fields)
    };
    assert_eq!(kari.submit(&all("")).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        !states(&world).await.contains(&"suspended".to_owned()),
        "nothing is done without a reason"
    );
    assert_eq!(
        Browser::led(&kari.submit(&all("mistet telefonen")).await),
        "/console/record"
    );
    let states = states(&world).await;
    assert!(
        states.contains(&"suspended".to_owned()) && states.contains(&"valid".to_owned()),
        "{states:?}"
    );
    let log = text(kari.get("/console/record").await).await;
    assert!(log.contains("alt som gjelder én") && !log.contains(ROLIG), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_revoked_by_two_persons_and_never_by_one() {
    let world = issuer().await;
    let (kari, ola) = (world.colleague("kari").await, world.colleague("ola").await);
    let id = found(&kari, ROLIG).await.pop().expect("one credential");
    let fields = [
        ("change", "revoke"),
        ("reason", "feil i registeret"),
        ("names", "credential"),
    ];
    let file = format!("credential\r\n{id}\r\n\r\n{id}\r\nikke et bevis\r\n");
    let sending = kari.sending(
        "/console/credentials/bulk/new",
        &fields,
        Some(("a.csv", file.as_bytes())),
    );
    let bulk = Browser::led(&kari.send_file(&sending).await);
    assert_eq!(
        Browser::led(&kari.send_file(&sending).await),
        bulk,
        "sent twice, one is proposed"
    );
    let own = text(kari.get(&bulk).await).await;
    require_well_made(&own);
    for must in [
        "Venter på en annen person",
        "Du foreslo dette.",
        "Linjen kan ikke leses.",
        "tidligere linje",
    ] {
        assert!(own.contains(must), "lacks {must}: {own}");
    }
    assert!(!own.contains("Ja, gjør det"), "{own}");
    assert!(
        text(ola.get("/console").await)
            .await
            .contains("kari foreslår en endring.")
    );

    let approve =
        |who: &Browser<'_>, passphrase: &str| who.form(&format!("{bulk}/approve"), &[("passphrase", passphrase)]);
    let alone = kari.submit(&approve(&kari, PASSPHRASE)).await;
    assert!(alone.status().is_client_error(), "{}", alone.status());
    assert!(text(alone).await.contains("second_person_missing"));
    let wrong = ola.submit(&approve(&ola, "a wrong passphrase")).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(wrong).await;
    require_well_made(&page);
    assert!(page.contains("Passordfrasen er feil."), "{page}");
    assert_eq!(states(&world).await, ["valid", "valid"], "nothing is changed yet");

    assert_eq!(Browser::led(&ola.submit(&approve(&ola, PASSPHRASE)).await), bulk);
    let again = Browser::led(&ola.submit(&approve(&ola, PASSPHRASE)).await);
    assert_eq!(again, bulk, "it is done, and the page says so");
    assert_eq!(states(&world).await, ["revoked", "valid"]);
    let done = text(kari.get(&bulk).await).await;
    require_well_made(&done);
    assert!(
        done.contains("Endringen er gjort") && done.contains("Godkjent av"),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_type_or_import_is_proposed_without_a_file_and_called_off_by_either() {
    let world = issuer().await;
    let (kari, ola) = (world.colleague("kari").await, world.colleague("ola").await);
    let form = text(kari.get("/console/credentials/bulk/new").await).await;
    require_well_made(&form);
    let import = form
        .split("value=\"import C01 ")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let import = format!("import C01 {}", import.expect("the import can be chosen"));
    for (names, who) in [("type C01", &kari), (import.as_str(), &ola)] {
        let fields = [("change", "suspend"), ("reason", "feil i registeret"), ("names", names)];
        let sending = kari.sending("/console/credentials/bulk/new", &fields, None);
        let bulk = Browser::led(&kari.send_file(&sending).await);
        let page = text(kari.get(&bulk).await).await;
        assert!(page.contains("Venter på en annen person"), "{names}: {page}");
        let off = who.form(&format!("{bulk}/cancel"), &[]);
        assert_eq!(Browser::led(&who.submit(&off).await), bulk);
        assert!(text(kari.get(&bulk).await).await.contains("Avlyst"), "{names}");
    }
    assert_eq!(states(&world).await, ["valid", "valid"]);
}
