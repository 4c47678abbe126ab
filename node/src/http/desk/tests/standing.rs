//! Standing grants at the desk: given, fetched from a source that is away, taken back.

use super::bank::{Bank, CUSTOMER};
use super::{page, part};
use crate::http::tests::world::{require_well_made, text};
use axum::http::StatusCode;

async fn asked(bank: &Bank) -> String {
    let worker = bank.worker();
    let values = [
        ("case", "N-1"),
        ("subject", CUSTOMER),
        ("kind", "grant"),
        ("days", "30"),
        ("uses", "3"),
    ];
    let answer = worker.submit(&worker.form("/desk/new/S15", &values)).await;
    let to = answer.headers()["location"].to_str().expect("text").to_owned();
    to.strip_prefix("/desk/sessions/").expect("a session").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_shown_with_its_terms_and_as_taken_back_when_it_is() {
    let bank = Bank::new().await;
    let session = asked(&bank).await;
    let given = bank.grant(&session);
    let told = page(&bank, &format!("/desk/sessions/{session}")).await;
    let state = part(&told, "desk-state");
    assert!(
        state.contains("Kunden har gitt samtykket") && state.contains(&format!("/desk/grants/{}", given.name)),
        "{state}"
    );

    let path = format!("/desk/grants/{}", given.name);
    let active = page(&bank, &path).await;
    assert!(part(&active, "desk-grant").contains("Dere kan hente til"), "{active}");
    for words in ["ETATEN", "Studielån", "Saldo på studielån", "N-1", "Hent nå"] {
        assert!(active.contains(words), "{words}: {active}");
    }
    assert!(!active.contains(CUSTOMER), "{active}");
    let listed = page(&bank, "/desk/grants?state=active").await;
    assert!(listed.contains(&path) && listed.contains("Gjelder"), "{listed}");

    // Its source is away: nothing was fetched, and that is said.
    let worker = bank.worker();
    let fetched = worker.submit(&worker.form(&format!("{path}/refresh"), &[])).await;
    assert_eq!(fetched.status(), StatusCode::BAD_GATEWAY);
    let away = text(fetched).await;
    require_well_made(&away);
    assert!(away.contains("Vi fikk ikke svar i tide"), "{away}");
    let logout = worker.submit(&worker.form(&format!("{path}/logout"), &[])).await;
    assert_eq!(logout.headers()["location"], path.as_str());
    let file = worker.get(&format!("{path}/receipt.jsonld")).await;
    assert_eq!(
        (file.status(), &file.headers()["content-type"]),
        (StatusCode::OK, &"application/ld+json".parse().expect("a value"))
    );

    let before = bank.world.service.state_of_things();
    bank.withdraw(&given);
    assert_ne!(bank.world.service.state_of_things(), before, "an open page hears of it");
    let ended = page(&bank, &path).await;
    let state = part(&ended, "desk-grant");
    assert!(
        state.contains("Trukket tilbake av kunden") && state.contains("Ingenting mer kan hentes"),
        "{state}"
    );
    assert!(!ended.contains("Hent nå"), "{ended}");
    let erased = part(&ended, "desk-grant-erased");
    assert!(
        erased.contains("Beholdes til") && erased.contains("at samtykket ble gitt og brukt"),
        "{erased}"
    );
    // Whoever has an older page open is led to what is so now.
    let late = worker.submit(&worker.form(&format!("{path}/refresh"), &[])).await;
    assert_eq!(
        (late.status(), &late.headers()["location"]),
        (StatusCode::SEE_OTHER, &path.parse().expect("a value"))
    );
    assert!(
        page(&bank, "/desk/grants?state=active")
            .await
            .contains("Det er ingen stående samtykker å vise")
    );
    assert!(page(&bank, "/desk/grants?state=withdrawn").await.contains(&path));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_refused_is_no_grant_and_the_request_says_so() {
    let bank = Bank::new().await;
    let session = asked(&bank).await;
    bank.decline(&session);
    let told = page(&bank, &format!("/desk/sessions/{session}")).await;
    assert!(
        part(&told, "desk-state").contains("Kunden sa nei, eller hadde ikke det som trengs"),
        "{told}"
    );
    assert!(
        page(&bank, "/desk/grants")
            .await
            .contains("Det er ingen stående samtykker å vise")
    );
}
