//! What every page of the console must be.

use crate::http::tests::world::{Browser, World, require_well_made, text};
use axum::http::StatusCode;

const PAGES: &[&str] = &[
    "/console",
    "/console/registers",
    "/console/registers?from=50",
    "/console/registers?from=x",
    "/console/registers/C02",
    "/console/credentials",
    "/console/credentials/offers/new",
    "/console/credentials/offers/0123456789abcdef0123456789abcdef",
    "/console/credentials/bulk",
    "/console/credentials/bulk/new",
    "/console/lists",
    "/console/lists/publish",
    "/console/trust",
    "/console/trust/rotate",
    "/console/record",
    "/console/record?check=1",
    "/console/record?from=1",
    "/console/health",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_well_made_in_each_language() {
    let world = World::organisation(&["C02", "C04"]);
    let kari = world.colleague("kari").await;
    for language in ["nb", "nn", "en", "se"] {
        let chosen = kari.form("/language", &[("language", language), ("back", "/console")]);
        assert_eq!(Browser::led(&kari.submit(&chosen).await), "/console");
        for path in PAGES {
            let answer = kari.get(path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let page = text(answer).await;
            require_well_made(&page);
            assert!(page.contains(&format!("<html lang=\"{language}\"")), "{path}");
            // A text that no catalogue has shows its key.
            let shown = page.replace("href=\"/console", "").replace("action=\"/console", "");
            assert!(
                !shown.contains(">console-") && !shown.contains("\"console-"),
                "{path} in {language}: {page}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_by_a_page() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    for path in [
        "/console/registers/C04",
        "/console/registers/nothing",
        "/console/registers/imports/0123456789abcdef",
        "/console/registers/rejected/0123456789abcdef",
        "/console/registers/rejected/0123456789abcdef/file",
        "/console/registers/C02/check/nothing/0123456789abcdef",
        "/console/credentials/0123456789abcdef0123456789abcdef",
        "/console/credentials/14858834016",
        "/console/credentials/0123456789abcdef0123456789abcdef/revoke",
        "/console/credentials/bulk/0123456789abcdef",
        "/console/trust/alarms/1",
        "/console/nowhere",
    ] {
        let answer = kari.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        require_well_made(&text(answer).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_account_at_the_console_sees_none_of_it() {
    let world = World::organisation(&["C02"]);
    // A session without an account behind it: one that was taken away, say.
    let gone = world.visitor();
    for path in PAGES
        .iter()
        .filter(|path| !path.contains("offers") && !path.ends_with("credentials"))
    {
        let answer = gone.get(path).await;
        assert!(
            [StatusCode::FORBIDDEN, StatusCode::OK].contains(&answer.status()),
            "{path}"
        );
        if path.ends_with("rotate") || path.ends_with("publish") {
            continue;
        }
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(text(answer).await.contains("not_permitted"), "{path}");
    }
    let wallet = World::wallet();
    assert_eq!(wallet.visitor().get("/console").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_did_what_and_that_it_is_whole() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let publish = kari.form("/console/lists/publish", &[]);
    assert_eq!(Browser::led(&kari.submit(&publish).await), "/console/lists");
    let page = text(kari.get("/console/record").await).await;
    for must in [
        "Loggen er hel",
        "kunngjorde avslutninger",
        "kari Test (kari)",
        "laget en konto",
        "kommandolinjen",
    ] {
        assert!(page.contains(must), "lacks {must}: {page}");
    }
    let file = kari.get("/console/record/file").await;
    let disposition = file.headers()["content-disposition"].to_str().expect("text").to_owned();
    assert!(disposition.contains("who-did-what.ndjson"), "{disposition}");
    let file = text(file).await;
    let entries: Vec<serde_json::Value> = file
        .lines()
        .map(|line| serde_json::from_str(line).expect("an entry"))
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["number"], 1);
    assert_eq!(
        (&entries[1]["who"], &entries[1]["what"]),
        (&"kari".into(), &"endings_published".into())
    );
}
