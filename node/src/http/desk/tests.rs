//! The desk's pages over a real bank: each page well made, each form with what is amiss, and the story from the request to a
//! credential that is taken back after the verdict.

mod bank;
mod forms;
mod standing;

use crate::http::tests::world::{require_well_made, text};
use axum::http::StatusCode;
use bank::{Bank, CUSTOMER, OTHER};
use credentials::protocol::presentation::Reply;
use credentials::status::State;

/// The text of one part of a page.
fn part<'a>(page: &'a str, name: &str) -> &'a str {
    let begin = page
        .find(&format!("data-part=\"{name}\""))
        .unwrap_or_else(|| panic!("no {name}: {page}"));
    let rest = &page[begin..];
    let end = rest[1..].find("data-part=\"").map_or(rest.len(), |end| end + 1);
    &rest[..end]
}

async fn page(bank: &Bank, path: &str) -> String {
    let worker = bank.worker();
    let answer = worker.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let page = text(answer).await;
    require_well_made(&page);
    page
}

async fn session(bank: &Bank, id: &str) -> String {
    page(bank, &format!("/desk/sessions/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_given_by_code_and_link_followed_to_its_verdict_and_told_when_it_is_taken_back() {
    let mut bank = Bank::new().await;
    let copy = bank.income(CUSTOMER);
    let worker = bank.worker();
    let id = bank.ask(&worker, "L-2026-17", "S01", CUSTOMER).await;
    drop(worker);

    let open = session(&bank, &id).await;
    assert!(
        part(&open, "desk-state").contains("Venter på at kunden åpner lenken"),
        "{open}"
    );
    let give = part(&open, "desk-give");
    assert!(
        give.contains("<svg class=\"qr\"") && give.contains("role=\"img\" aria-label=\""),
        "{give}"
    );
    assert!(
        give.contains(" id=\"link\" readonly") && give.contains(">bevis:"),
        "{give}"
    );
    assert!(
        give.contains("href=\"http://127.0.0.1:8472/wallet/open?link=bevis%3A"),
        "{give}"
    );
    assert!(!open.contains(CUSTOMER), "the customer's number comes out nowhere");
    assert!(open.contains("L-2026-17") && !open.contains("<title>L-2026"), "{open}");

    bank.open(&id);
    let fetched = session(&bank, &id).await;
    assert!(part(&fetched, "desk-state").contains("Åpnet av kunden"), "{fetched}");

    let before = bank.world.service.state_of_things();
    assert!(matches!(bank.answer(&id, &copy), Reply::Receipt { .. }));
    assert_ne!(bank.world.service.state_of_things(), before, "an open page hears of it");
    let valid = session(&bank, &id).await;
    let state = part(&valid, "desk-state");
    assert!(state.contains("✓") && state.contains("Gyldig"), "{state}");
    assert!(
        part(&valid, "desk-now").contains("Månedsinntekt: Gjelder fortsatt"),
        "{valid}"
    );
    assert!(
        !part(&valid, "desk-give").contains("bevis:"),
        "what cannot be answered any more is not given out"
    );
    let found = part(&valid, "desk-found");
    for words in [
        "Fra og med måned",
        "2026-07",
        "48500.00",
        "signaturen til utstederen stemmer",
        "ETATEN",
        "Statusen var så gammel",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
    let keep = part(&valid, "desk-keep");
    assert!(
        keep.contains("Beholdes til") && keep.contains("Banken har plikt"),
        "{keep}"
    );

    let before = bank.world.service.state_of_things();
    bank.set(&copy, State::Revoked);
    assert_ne!(bank.world.service.state_of_things(), before, "an open page hears of it");
    let fallen = session(&bank, &id).await;
    let state = part(&fallen, "desk-state");
    assert!(
        state.contains("✓") && state.contains("Gyldig"),
        "the verdict is of its own time: {state}"
    );
    assert!(
        state.contains("✗") && state.contains("Trukket tilbake etter at dere fikk svaret"),
        "{state}"
    );
    assert!(state.contains("Sett her første gang <time datetime=\"20"), "{state}");
    let listed = page(&bank, "/desk").await;
    assert!(part(&listed, "desk-cases").contains("Trukket tilbake"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_valid_and_could_not_decide_are_told_apart_with_their_reasons_and_lead_to_a_new_request() {
    let mut bank = Bank::new().await;
    let copy = bank.income(CUSTOMER);
    bank.set(&copy, State::Revoked);
    let worker = bank.worker();
    let id = bank.ask(&worker, "L-1", "S01", CUSTOMER).await;
    drop(worker);
    assert!(matches!(bank.answer(&id, &copy), Reply::Receipt { .. }));
    let invalid = session(&bank, &id).await;
    let state = part(&invalid, "desk-state");
    assert!(
        state.contains("✗") && state.contains("Ikke gyldig") && state.contains("trukket tilbake av utstederen"),
        "{state}"
    );
    assert!(!invalid.contains("48500.00"), "what is not valid is not shown");
    let again = format!("/desk/new/S01?again={id}");
    assert!(part(&invalid, "desk-next").contains(&again), "{invalid}");
    let form = page(&bank, &again).await;
    assert!(
        form.contains("value=\"L-1\"") && !form.contains(CUSTOMER),
        "the case is kept, the number is not: {form}"
    );

    let mut unsure = Bank::without_status().await;
    let copy = unsure.income(CUSTOMER);
    let worker = unsure.worker();
    let id = unsure.ask(&worker, "L-2", "S01", CUSTOMER).await;
    drop(worker);
    assert!(matches!(unsure.answer(&id, &copy), Reply::Receipt { .. }));
    let undecided = session(&unsure, &id).await;
    let state = part(&undecided, "desk-state");
    assert!(
        state.contains("Kunne ikke avgjøres") && state.contains("Det er ikke et nei"),
        "{state}"
    );
    assert!(part(&undecided, "desk-found").contains("Ikke avgjort:"), "{undecided}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_answer_shows_nothing_and_the_request_stays_open() {
    let mut bank = Bank::new().await;
    let copy = bank.income(OTHER);
    let worker = bank.worker();
    let id = bank.ask(&worker, "L-1", "S01", CUSTOMER).await;
    drop(worker);
    assert!(matches!(bank.answer(&id, &copy), Reply::Problem(_)));
    let open = session(&bank, &id).await;
    assert!(
        part(&open, "desk-state").contains("Åpnet av kunden") && !open.contains(OTHER),
        "{open}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_and_an_ended_request_say_so_and_offer_a_new_one_with_the_case_kept() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    let declined = bank.ask(&worker, "L-1", "S01", CUSTOMER).await;
    bank.decline(&declined);
    let told = session(&bank, &declined).await;
    assert!(
        part(&told, "desk-state").contains("Kunden sa nei, eller hadde ikke det som trengs"),
        "{told}"
    );
    assert!(
        part(&told, "desk-next").contains(&format!("/desk/new/S01?again={declined}")),
        "{told}"
    );

    let ended = bank.ask(&worker, "L-2", "S01", CUSTOMER).await;
    let close = worker.form(&format!("/desk/sessions/{ended}/close"), &[]);
    let answer = worker.submit(&close).await;
    assert_eq!(answer.headers()["location"], format!("/desk/sessions/{ended}"));
    let told = session(&bank, &ended).await;
    assert!(part(&told, "desk-state").contains("Fristen gikk ut"), "{told}");
    assert!(
        part(&told, "desk-next").contains(&format!("/desk/new/S01?again={ended}")),
        "{told}"
    );
    assert!(!part(&told, "desk-give").contains("bevis:"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_kept_is_read_and_erased_and_only_the_outcome_and_the_statement_are_left() {
    let mut bank = Bank::new().await;
    let copy = bank.loan(CUSTOMER);
    let worker = bank.worker();
    let id = bank.ask(&worker, "N-1", "S15", CUSTOMER).await;
    drop(worker);
    assert!(matches!(bank.answer(&id, &copy), Reply::Receipt { .. }));
    let read = session(&bank, &id).await;
    let found = part(&read, "desk-found");
    assert!(
        found.contains("313654.00") && found.contains("ikke brukes til å vurdere kreditt"),
        "{found}"
    );
    assert!(part(&read, "desk-keep").contains("Bare til å lese nå"), "{read}");

    let worker = bank.worker();
    let forget = worker.form(&format!("/desk/sessions/{id}/close"), &[]);
    assert_eq!(worker.submit(&forget).await.status(), StatusCode::SEE_OTHER);
    bank.set(&copy, State::Revoked);
    let gone = session(&bank, &id).await;
    for claim in ["313654.00", "312450.00", CUSTOMER, "Trukket tilbake"] {
        assert!(!gone.contains(claim), "{claim} is told after it was erased: {gone}");
    }
    assert!(
        part(&gone, "desk-state").contains("Gyldig"),
        "the outcome is left: {gone}"
    );
    let keep = part(&gone, "desk-keep");
    assert!(
        keep.contains("Opplysningene ble slettet") && keep.contains("Slettet <time"),
        "{keep}"
    );
    assert!(keep.contains("Se den signerte erklæringen"), "{keep}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_has_names_and_no_values_and_the_signed_one_comes_as_a_file_that_names_nobody() {
    let mut bank = Bank::new().await;
    let copy = bank.income(CUSTOMER);
    let worker = bank.worker();
    let id = bank.ask(&worker, "L-1", "S01", CUSTOMER).await;
    let none = worker.get(&format!("/desk/sessions/{id}/receipt")).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND, "there is none before an answer");
    drop(worker);
    assert!(matches!(bank.answer(&id, &copy), Reply::Receipt { .. }));
    let receipt = page(&bank, &format!("/desk/sessions/{id}/receipt")).await;
    for words in [
        "SYNTETISK SPAREBANK",
        "213579045",
        "L-1",
        "Fra og med måned",
        "Behandle søknad om finansiering",
        "Gyldig",
        "SHA-256",
    ] {
        assert!(receipt.contains(words), "{words}: {receipt}");
    }
    assert!(
        !receipt.contains("48500.00") && !receipt.contains(CUSTOMER),
        "{receipt}"
    );

    let worker = bank.worker();
    let file = worker.get(&format!("/desk/sessions/{id}/receipt.jsonld")).await;
    assert_eq!(file.status(), StatusCode::OK);
    assert_eq!(file.headers()["content-type"], "application/ld+json");
    assert_eq!(
        file.headers()["content-disposition"],
        "attachment; filename=\"receipt.jsonld\""
    );
    let document: serde_json::Value = serde_json::from_str(&text(file).await).expect("JSON");
    assert!(document.get("@context").is_some(), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_narrowed_paged_and_finds_a_case_without_naming_it_in_the_address() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    let mut first = String::new();
    for number in 0..53 {
        let id = bank.ask(&worker, &format!("L-{number:03}"), "S01", CUSTOMER).await;
        if number == 0 {
            first = id;
        }
    }
    bank.decline(&first);
    let newest = page(&bank, "/desk").await;
    assert_eq!(newest.matches("href=\"/desk/sessions/").count(), 50);
    assert!(
        newest.contains("L-052") && !newest.contains("L-002") && newest.contains("Viser 1 til 50 av 53"),
        "{newest}"
    );
    let older = page(&bank, "/desk?from=50").await;
    assert_eq!(older.matches("href=\"/desk/sessions/").count(), 3);
    let failed = page(&bank, "/desk?state=failed&service=S01").await;
    assert_eq!(failed.matches("href=\"/desk/sessions/").count(), 1);
    assert!(
        page(&bank, "/desk?service=S15")
            .await
            .contains("Det er ingen forespørsler å vise")
    );
    // What nobody offers narrows to nothing, and what is no number is the first page.
    page(&bank, "/desk?state=made-up&from=-7&service=x%00y").await;

    let find = worker.form("/desk/find", &[("case", " L-000 ")]);
    let answer = worker.submit(&find).await;
    let to = answer.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(to, format!("/desk?like={first}"));
    let found = page(&bank, &to).await;
    assert!(
        found.contains("Viser bare sak L-000") && found.matches("href=\"/desk/sessions/").count() == 1,
        "{found}"
    );
    let nowhere = worker.form("/desk/find", &[("case", "L-999")]);
    let to = worker.submit(&nowhere).await.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    assert_eq!(to, "/desk?like=-");
    let nothing = page(&bank, &to).await;
    assert!(nothing.contains("Ingen forespørsel har det saksnummeret"), "{nothing}");
    assert_eq!(nothing.matches("href=\"/desk/sessions/").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_desk_is_well_made_in_every_language_with_nothing_in_it() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    for language in ["nb", "nn", "en", "se"] {
        let chosen = worker.form("/language", &[("language", language)]);
        assert_eq!(worker.submit(&chosen).await.status(), StatusCode::SEE_OTHER);
        for path in [
            "/desk",
            "/desk/new",
            "/desk/new/S01",
            "/desk/new/S15",
            "/desk/grants",
            "/desk/notices",
        ] {
            let answer = worker.get(path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let page = text(answer).await;
            require_well_made(&page);
            assert!(page.contains(&format!("<html lang=\"{language}\"")));
            // A key that nobody has a text for is shown as it stands.
            let is_key = |text: &&str| text.starts_with("desk-") && !text.contains(' ');
            let shown = page.split('>').filter_map(|rest| rest.split('<').next()).map(str::trim);
            let gaps: Vec<&str> = shown.filter(|text| is_key(text)).collect();
            assert!(gaps.is_empty(), "{path} {language}: {gaps:?}");
        }
    }
}
