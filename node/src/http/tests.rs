//! What holds for every page: who gets in, and what the router turns away.

mod bounds;
pub(crate) mod world;

use axum::http::StatusCode;
use world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_link_lets_in_once_and_a_replayed_one_is_told_so() {
    let world = World::wallet();
    let link = world.ticket();
    let entered = world.stranger().get(&link).await;
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    let cookie = entered.headers()["set-cookie"].to_str().expect("text").to_owned();
    for must in ["bevis-", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(must), "{cookie} lacks {must}");
    }
    let again = world.stranger().get(&link).await;
    assert_eq!(again.status(), StatusCode::GONE);
    assert!(again.headers().get("set-cookie").is_none());
    assert!(text(again).await.contains("link_spent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_a_page_without_a_session() {
    let world = World::wallet();
    for path in ["/", "/wallet", "/events", "/nowhere"] {
        let answer = world.stranger().get(path).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(text(answer).await.contains("bevis login"), "{path}");
    }
    let known = world.visitor();
    assert_eq!(known.get("/").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(known.get("/nowhere").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_or_origin_another_port_and_a_frame_are_turned_away() {
    let world = World::wallet();
    let known = world.visitor();
    let good = known.get_with("/", &[]).await;
    assert_eq!(good.status(), StatusCode::SEE_OTHER);
    for host in [
        "bank.example:8471",
        "127.0.0.1:9",
        "127.0.0.1",
        "evil.localhost:8471",
        "",
    ] {
        let answer = known.get_with("/", &[("host", host)]).await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    for framed in ["iframe", "frame", "embed", "object"] {
        let answer = known.get_with("/", &[("sec-fetch-dest", framed)]).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{framed}");
    }
    let read = [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")];
    assert_eq!(known.get_with("/", &read).await.status(), StatusCode::FORBIDDEN);
    let followed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(known.get_with("/", &followed).await.status(), StatusCode::SEE_OTHER);
    let own = format!("http://{}", world.host());
    let lock = known.form("/lock", &[]);
    let sent = |headers: Vec<(&'static str, String)>| known.send(&lock, headers);
    for foreign in ["http://bank.example", "http://127.0.0.1:9", "null", "http://127.0.0.1"] {
        let answer = sent(vec![("origin", foreign.to_owned())]).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{foreign}");
    }
    let same_site = sent(vec![
        ("origin", own.clone()),
        ("sec-fetch-site", "same-site".to_owned()),
    ])
    .await;
    assert_eq!(same_site.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        sent(Vec::new()).await.status(),
        StatusCode::FORBIDDEN,
        "it names no origin"
    );
    assert_eq!(
        known.get("/").await.status(),
        StatusCode::SEE_OTHER,
        "nothing was locked"
    );
    assert_eq!(sent(vec![("origin", own)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(known.get("/").await.status(), StatusCode::UNAUTHORIZED, "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_sessions_token_does_nothing() {
    let world = World::wallet();
    let known = world.visitor();
    for token in ["", "made up"] {
        let answer = known.post("/lock", &[("token", token), ("form", "a")]).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{token:?}");
        assert!(text(answer).await.contains("page_expired"));
    }
    let other = world.visitor();
    let stolen = other.token();
    let answer = known.post("/lock", &[("token", &stolen), ("form", "a")]).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "the token of another session");
    assert_eq!(known.get("/").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_the_browser_to_keep_nothing_and_to_frame_nothing() {
    let world = World::wallet();
    for answer in [
        world.stranger().get("/").await,
        world.visitor().get("/nowhere").await,
        world.visitor().get_with("/", &[("host", "x:1")]).await,
    ] {
        let headers = answer.headers();
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(
            headers["content-security-policy"],
            super::guard::CONTENT_SECURITY_POLICY
        );
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
    let style = world.stranger().get("/assets/bevis.css").await;
    assert_eq!(style.status(), StatusCode::OK);
    assert_ne!(style.headers()["cache-control"], "no-store");
    let nothing = world.stranger().get("/assets/../Cargo.toml").await;
    assert_ne!(nothing.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_is_chosen_in_place_and_what_is_missing_in_it_is_marked() {
    let world = World::wallet();
    let known = world.visitor();
    assert!(text(known.get("/nowhere").await).await.contains("<html lang=\"nb\""));
    let chosen = known.form("/language", &[("language", "nn"), ("back", "/nowhere?from=50")]);
    let answer = known.submit(&chosen).await;
    assert_eq!(answer.headers()["location"], "/nowhere?from=50");
    assert!(text(known.get("/nowhere").await).await.contains("<html lang=\"nn\""));
    for (language, back, to) in [("en", "//bank.example", "/"), ("se", "https://bank.example", "/")] {
        let chosen = known.form("/language", &[("language", language), ("back", back)]);
        assert_eq!(known.submit(&chosen).await.headers()["location"], to);
    }
    let page = text(known.get("/nowhere").await).await;
    assert!(
        page.contains("<html lang=\"se\"") && page.contains("<span lang=\"nb\">"),
        "{page}"
    );
    let unknown = known.form("/language", &[("language", "xx")]);
    assert_eq!(known.submit(&unknown).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_answered_by_a_page() {
    let world = World::wallet();
    let known = world.visitor();
    let long = "a".repeat(super::form::FORM_MAX);
    let form = known.form("/language", &[("language", "nn"), ("back", &long)]);
    let answer = known.submit(&form).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(answer).await.contains("too_large"));
    let path = format!("/nowhere?x={}", "a".repeat(9_000));
    assert_eq!(known.get(&path).await.status(), StatusCode::URI_TOO_LONG);
}
