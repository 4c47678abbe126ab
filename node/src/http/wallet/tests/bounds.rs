//! What bad input gets: a page that says what happened, what was not done, and what to do next.

use super::town::{Town, leads_to};
use crate::http::tests::world::{PASSPHRASE, World, require_well_made, text};
use crate::service::Command;
use axum::http::StatusCode;

/// A page that a form gets which was not right.
async fn refused(answer: axum::response::Response, status: StatusCode, sentence: &str) {
    assert_eq!(answer.status(), status, "{sentence}");
    let page = text(answer).await;
    require_well_made(&page);
    assert!(
        page.contains(sentence) && page.contains("role=\"alert\""),
        "{sentence}: {page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_missing_too_long_cut_or_without_its_code_is_told_beside_the_field() {
    let world = World::wallet();
    let known = world.visitor();
    let form = |link: &str| known.form("/wallet/receive", &[("link", link)]);
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    refused(known.submit(&form("")).await, unfit, "Lim inn en lenke først.").await;
    refused(
        known.submit(&form(&"x".repeat(140_000))).await,
        unfit,
        "Teksten er for lang",
    )
    .await;
    for cut in [
        "hei",
        "bevis:offer/abc",
        "https://bank.example",
        "bevis:",
        "<script>alert(1)</script>",
    ] {
        refused(known.submit(&form(cut)).await, unfit, "Dette er ingen hel bevis-lenke.").await;
    }
    let nothing = known.submit(&known.form("/wallet/receive", &[])).await;
    refused(nothing, unfit, "Ingenting ble gjort.").await;
    let invitation = credentials::link::Link::Offer {
        issuer: credentials::Did::parse("did:web:digdir.example").unwrap(),
        vct: "urn:eudi:pid:1".to_owned(),
        offer: Some(vec![7; 16]),
        expires: None,
    };
    let invitation = invitation.to_text().unwrap();
    refused(
        known.submit(&form(&invitation)).await,
        unfit,
        "Denne invitasjonen trenger aktiveringskoden.",
    )
    .await;
    let long = known.form("/wallet/receive", &[("link", &invitation), ("code", &"9".repeat(600))]);
    refused(known.submit(&long).await, unfit, "Aktiveringskoden er feil.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_picture_too_large_without_a_code_or_with_another_text_is_told_so() {
    let world = World::wallet();
    let known = world.visitor();
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let picture = |content: &[u8]| content.to_vec();
    for (file, sentence) in [
        (picture(b""), "Velg et bilde først."),
        (picture(b"not a picture at all"), "Filen er ikke et bilde vi kan lese."),
        (vec![0; super::super::picture::PICTURE_MAX + 1], "Bildet er for stort."),
    ] {
        refused(
            known.upload("/wallet/receive/picture", "picture", &file).await,
            unfit,
            sentence,
        )
        .await;
    }
    let empty = image::GrayImage::from_pixel(200, 200, image::Luma([255]));
    let mut png = std::io::Cursor::new(Vec::new());
    empty.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let answer = known.upload("/wallet/receive/picture", "picture", png.get_ref()).await;
    refused(answer, unfit, "Vi fant ingen QR-kode i bildet.").await;
    let answer = known
        .upload(
            "/wallet/receive/picture",
            "picture",
            &super::pages::picture("https://bank.example"),
        )
        .await;
    refused(answer, unfit, "QR-koden i bildet er ingen bevis-lenke.").await;
    let answer = known.upload("/wallet/receive/picture", "other", b"x").await;
    refused(answer, unfit, "Velg et bilde først.").await;
    let huge = vec![0; super::super::picture::UPLOAD_MAX + 1];
    let answer = known.upload("/wallet/receive/picture", "picture", &huge).await;
    assert!(answer.status().is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn bent_addresses_show_a_page_in_the_persons_language() {
    let world = World::wallet();
    let known = world.visitor();
    for path in [
        "/wallet/history?from=abc",
        "/wallet/history?from=99999999999999999999999",
        "/wallet/history?from=1&from=2",
        "/wallet/history?from=0",
        "/wallet/grants?from=-1",
        "/wallet/receive?type=%3Cscript%3E",
        "/wallet/settings?changed=no&changed",
    ] {
        let answer = known.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(!page.contains("<script>"), "{path}");
    }
    for path in [
        "/wallet/history/abc",
        "/wallet/history/0",
        "/wallet/history/18446744073709551615",
        "/wallet/history/1/receipt",
        "/wallet/history/x/reported",
        "/wallet/history/1/forget",
        "/wallet/history/1/report",
        "/wallet/credentials/none",
        "/wallet/credentials/none/delete",
        "/wallet/grants/none",
        "/wallet/carry/none",
        "/wallet/requests/none",
    ] {
        let answer = known.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(
            page.contains("<html lang=\"nb\"") && page.contains("Ingenting er delt."),
            "{path}: {page}"
        );
    }
    let answer = known.get("/wallet/open?link=bevis%3Aoffer").await;
    refused(
        answer,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Dette er ingen hel bevis-lenke.",
    )
    .await;
    let answer = known.get("/wallet/open").await;
    refused(
        answer,
        StatusCode::UNPROCESSABLE_ENTITY,
        "Dette er ingen hel bevis-lenke.",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_is_refused_without_its_token_and_while_the_pages_are_locked() {
    let world = World::wallet();
    let known = world.visitor();
    let locked = world.visitor();
    let paths = [
        "/wallet/receive",
        "/wallet/requests/abc",
        "/wallet/credentials/abc/delete",
        "/wallet/grants/review",
        "/wallet/grants/abc/withdraw",
        "/wallet/history/1/erase",
        "/wallet/history/1/report",
        "/wallet/history/1/forget",
        "/wallet/settings/export",
        "/wallet/settings/backup",
        "/wallet/settings/passphrase",
    ];
    let forms: Vec<_> = paths
        .iter()
        .map(|path| locked.form(path, &[("decision", "yes"), ("passphrase", PASSPHRASE)]))
        .collect();
    leads_to(&locked.submit(&locked.form("/lock", &[])).await);
    for (path, form) in paths.iter().zip(forms) {
        let expired = known.post(path, &[("token", "of yesterday"), ("form", "a")]).await;
        assert_eq!(expired.status(), StatusCode::CONFLICT, "{path}");
        assert!(text(expired).await.contains("page_expired"), "{path}");
        let answer = locked.submit(&form).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(text(answer).await.contains("Ingenting ble gjort."), "{path}");
    }
    let history = world.service.execute(Command::WalletHistory).await.unwrap();
    assert_eq!(history["events"], serde_json::json!([]));
}

#[test]
fn a_decision_without_a_choice_with_an_odd_one_or_on_another_text_shares_nothing() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        person.collect(&town, "C04").await;
        let asked = town.ask(&person, "S15", "BOUNDS-1").await;
        let id = person.take(&asked.link).await;
        let browser = person.world.visitor();
        let path = format!("/wallet/requests/{id}");
        let page = person.page(&browser, &path).await;
        let shown = super::town::hidden(&page, "shown");
        let right = [
            ("language", "nb"),
            ("shown", shown.as_str()),
            ("passphrase", PASSPHRASE),
        ];
        for odd in ["", "maybe", "yes please and thank you"] {
            let values = [&right[..], &[("decision", odd)]].concat();
            let answer = browser.submit(&browser.form(&path, &values)).await;
            refused(answer, StatusCode::UNPROCESSABLE_ENTITY, "Velg ja eller nei.").await;
        }
        let long = "x".repeat(2_000);
        let answer = browser
            .submit(&browser.form(&path, &[("decision", "yes"), ("passphrase", &long)]))
            .await;
        refused(answer, StatusCode::PAYLOAD_TOO_LARGE, "Passordfrasen er for lang.").await;
        for (name, value) in [("shown", ""), ("language", ""), ("shown", &long)] {
            let others = right.iter().filter(|(known, _)| *known != name).copied();
            let values: Vec<_> = others.chain([(name, value), ("decision", "yes")]).collect();
            let answer = browser.submit(&browser.form(&path, &values)).await;
            assert!(answer.status().is_client_error(), "{name}");
            require_well_made(&text(answer).await);
        }
        let other = "0".repeat(64);
        let values = [
            ("language", "nb"),
            ("shown", other.as_str()),
            ("passphrase", PASSPHRASE),
            ("decision", "yes"),
        ];
        let answer = browser.submit(&browser.form(&path, &values)).await;
        refused(answer, StatusCode::CONFLICT, "Noe er endret siden du leste").await;
        let waiting = person.service().execute(Command::WalletRequests).await.unwrap();
        assert_eq!(waiting["requests"][0]["state"], "waiting");
        assert_eq!(town.session(&asked.session).await["state"], "fetched");
        let long = browser.form("/wallet/history/1/report", &[("complaint", &"x".repeat(4_001))]);
        refused(
            browser.submit(&long).await,
            StatusCode::PAYLOAD_TOO_LARGE,
            "Teksten er for lang.",
        )
        .await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fullest_first_page_stays_within_sixty_kilobytes() {
    let world = World::wallet();
    let visit = super::pages::visit_of(&world, "/wallet");
    let name = "EN VIRKSOMHET MED ET NAVN SOM ER SÅ LANGT SOM NAVN PLEIER Å BLI I REGISTERET AS";
    let at = "2026-11-23T18:14:02Z";
    let label = serde_json::json!({ "nb": "Et bevis med et ganske langt navn", "en": "x" });
    let many = |one: serde_json::Value| serde_json::Value::Array(vec![one; 500]);
    let requests = many(serde_json::json!({
        "id": "abcdefghij", "asker_name": name, "state": "waiting", "service_name": label, "case": "SAK-2026-000000000001",
        "expires": at,
    }));
    let grants = many(serde_json::json!({
        "id": "abcdefghij", "asker_name": name, "issuer_name": name, "state": "active", "until": at, "uses": [],
    }));
    let held = many(serde_json::json!({
        "id": "abcdefghij", "type": "urn:bevis:TransportLicenceGuarantee:1", "label": label, "issuer_name": name,
        "state": "revoked", "valid_until": at,
    }));
    let events = many(serde_json::json!({ "id": 123_456, "at": at, "what": "status_changed", "with_name": name }));
    let parts = super::super::home::Parts {
        requests: serde_json::json!({ "requests": requests, "reminders": grants }),
        unfinished: serde_json::json!({ "unfinished": [] }),
        held: serde_json::json!({ "credentials": held }),
        grants: serde_json::json!({ "grants": grants }),
        latest: serde_json::json!({ "events": events.as_array().unwrap()[..5] }),
    };
    let page = text(super::super::home::laid_out(&visit, &parts)).await;
    require_well_made(&page);
    for way in ["/wallet/requests\"", "/wallet/credentials\"", "/wallet/grants\""] {
        assert!(page.contains(way), "{way}");
    }
}
