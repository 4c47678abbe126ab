//! What is amiss in the desk's forms: said in the person's language, beside the field, and nothing done.

use super::bank::{Bank, COMPANY, CUSTOMER};
use super::page;
use crate::http::tests::world::{require_well_made, text};
use axum::http::StatusCode;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_amiss_is_said_beside_its_field_and_nothing_is_asked() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    let long = "L".repeat(65);
    for (service, values, field, words) in [
        (
            "S01",
            vec![("case", ""), ("subject", CUSTOMER)],
            "case",
            "Skriv saksnummeret.",
        ),
        (
            "S01",
            vec![("case", long.as_str()), ("subject", CUSTOMER)],
            "case",
            "Teksten er for lang.",
        ),
        (
            "S01",
            vec![("case", "sak 14858834016"), ("subject", CUSTOMER)],
            "case",
            "har et fødselsnummer i seg",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", "")],
            "subject",
            "Skriv nummeret til kunden.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", "14858834017")],
            "subject",
            "Nummeret stemmer ikke.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", "12345678901234567890123")],
            "subject",
            "Teksten er for lang.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", "kunden")],
            "subject",
            "Nummeret stemmer ikke.",
        ),
        // A number of FREG's own published examples: it is nobody's, but not of the synthetic series.
        (
            "S01",
            vec![("case", "L-1"), ("subject", "02013299997")],
            "subject",
            "Dette er et testnett.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", COMPANY)],
            "subject",
            "Tjenesten gjelder personer.",
        ),
        (
            "S09",
            vec![("case", "L-1"), ("subject", CUSTOMER)],
            "subject",
            "Tjenesten gjelder virksomheter.",
        ),
        (
            "S09",
            vec![("case", "L-1"), ("subject", "219840366")],
            "subject",
            "Nummeret stemmer ikke.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("seconds", "604801")],
            "seconds",
            "Verdien passer ikke her.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("seconds", "ti")],
            "seconds",
            "Verdien passer ikke her.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("claim", "0:999")],
            "claim",
            "Verdien passer ikke her.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("claim", "personidentifikator")],
            "claim",
            "Verdien passer ikke her.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("rung", "1:0")],
            "rung",
            "Verdien passer ikke her.",
        ),
        (
            "S01",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("kind", "grant")],
            "kind",
            "Verdien passer ikke her.",
        ),
        (
            "S15",
            vec![("case", "L-1"), ("subject", CUSTOMER)],
            "kind",
            "Velg om det gjelder én gang",
        ),
        (
            "S15",
            vec![
                ("case", "L-1"),
                ("subject", CUSTOMER),
                ("kind", "grant"),
                ("days", "3650"),
            ],
            "days",
            "Tallet er større",
        ),
        (
            "S15",
            vec![
                ("case", "L-1"),
                ("subject", CUSTOMER),
                ("kind", "grant"),
                ("days", "-1"),
            ],
            "days",
            "Tallet er større",
        ),
        (
            "S15",
            vec![("case", "L-1"), ("subject", CUSTOMER), ("kind", "grant"), ("uses", "x")],
            "uses",
            "Tallet er større",
        ),
        (
            "S15",
            vec![
                ("case", "L-1"),
                ("subject", CUSTOMER),
                ("kind", "grant"),
                ("mailbox", "yes"),
            ],
            "mailbox",
            "gis bare med lenke",
        ),
    ] {
        let form = worker.form(&format!("/desk/new/{service}"), &values);
        let answer = worker.submit(&form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field}: {words}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(
            page.contains("role=\"alert\"") && page.contains("Forespørselen er ikke laget"),
            "{page}"
        );
        let beside = page
            .split(&format!("id=\"{field}-error\""))
            .nth(1)
            .map(|rest| &rest[..rest.len().min(200)]);
        // A choice between two has its word in the alert alone where the form has no choice.
        let is_told = match beside {
            Some(beside) => beside.contains(words),
            None => field == "kind" && page.contains(words),
        };
        assert!(is_told, "{field}: {words}: {page}");
        assert_eq!(bank.sessions().await, 0, "{field}: {words}");
    }
    // The acceptance beside them, spaces and all.
    let values = [
        ("case", "L-1"),
        ("subject", "148588 34016"),
        ("rung", "0:0"),
        ("seconds", "604800"),
    ];
    let answer = worker.submit(&worker.form("/desk/new/S01", &values)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(bank.sessions().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_makes_one_request_and_the_same_case_leads_to_the_open_one() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    let values = [("case", "L-1"), ("subject", CUSTOMER)];
    let form = worker.form("/desk/new/S01", &values);
    let first = worker.submit(&form).await.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let second = worker.submit(&form).await.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    assert_eq!((&first, bank.sessions().await), (&second, 1));
    // From another page, and by a colleague.
    let colleague = bank.worker();
    let again = colleague.submit(&colleague.form("/desk/new/S01", &values)).await;
    let again = again.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(again, format!("{first}?already=1"));
    assert_eq!(bank.sessions().await, 1);
    assert!(
        page(&bank, &again)
            .await
            .contains("Saken har alt en åpen forespørsel til denne kunden")
    );
    // Another case, customer or service is another request; and so is the same once the first has ended.
    for (service, case, number) in [
        ("S01", "L-2", CUSTOMER),
        ("S01", "L-1", super::OTHER),
        ("S15", "L-1", CUSTOMER),
    ] {
        bank.ask(&worker, case, service, number).await;
    }
    assert_eq!(bank.sessions().await, 4);
    let id = first.strip_prefix("/desk/sessions/").expect("a session").to_owned();
    bank.decline(&id);
    assert_ne!(bank.ask(&worker, "L-1", "S01", CUSTOMER).await, id);
    assert_eq!(bank.sessions().await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_colleagues_at_the_same_moment_make_one_request() {
    let bank = Bank::new().await;
    let (one, other) = (bank.worker(), bank.worker());
    let values = [("case", "L-1"), ("subject", CUSTOMER)];
    let forms = (one.form("/desk/new/S01", &values), other.form("/desk/new/S01", &values));
    let answers = futures::future::join(one.submit(&forms.0), other.submit(&forms.1)).await;
    for answer in [answers.0, answers.1] {
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }
    assert_eq!(bank.sessions().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_service_session_or_grant_an_expired_page_and_a_locked_one_do_nothing() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    for (path, status) in [
        ("/desk/new/S99", StatusCode::FORBIDDEN),
        ("/desk/new/K03", StatusCode::FORBIDDEN),
        ("/desk/new/S01?again=of-another-node", StatusCode::NOT_FOUND),
        ("/desk/sessions/of-another-node", StatusCode::NOT_FOUND),
        ("/desk/sessions/no%20name%20at%20all", StatusCode::NOT_FOUND),
        ("/desk/sessions/of-another-node/receipt", StatusCode::NOT_FOUND),
        ("/desk/sessions/of-another-node/receipt.jsonld", StatusCode::NOT_FOUND),
        ("/desk/grants/of-another-node", StatusCode::NOT_FOUND),
        ("/desk/grants/of-another-node/receipt.jsonld", StatusCode::NOT_FOUND),
        ("/desk?like=of-another-node", StatusCode::NOT_FOUND),
    ] {
        let answer = worker.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(page.contains("Hva du kan gjøre:"), "{path}: {page}");
    }
    for path in [
        "/desk/new/S99",
        "/desk/sessions/of-another-node/close",
        "/desk/grants/of-another-node/refresh",
        "/desk/grants/of-another-node/logout",
    ] {
        let answer = worker
            .submit(&worker.form(path, &[("case", "L-1"), ("subject", CUSTOMER)]))
            .await;
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
    let values = [("case", "L-1"), ("subject", CUSTOMER)];
    let expired = worker.post(
        "/desk/new/S01",
        &[
            ("token", "made up"),
            ("form", "a"),
            ("case", "L-1"),
            ("subject", CUSTOMER),
        ],
    );
    let expired = expired.await;
    assert_eq!(expired.status(), StatusCode::CONFLICT);
    assert!(text(expired).await.contains("Siden er for gammel"));
    let form = worker.form("/desk/new/S01", &values);
    let lock = worker.form("/lock", &[]);
    assert_eq!(worker.submit(&lock).await.status(), StatusCode::SEE_OTHER);
    let locked = worker.submit(&form).await;
    assert_eq!(locked.status(), StatusCode::UNAUTHORIZED);
    assert!(text(locked).await.contains("Ingenting ble gjort"));
    assert_eq!(bank.sessions().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whose_wallet_cannot_be_reached_is_asked_by_link_and_the_page_says_so() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    let values = [("case", "L-1"), ("subject", CUSTOMER), ("mailbox", "yes")];
    let answer = worker.submit(&worker.form("/desk/new/S01", &values)).await;
    let to = answer.headers()["location"].to_str().expect("text").to_owned();
    assert!(to.ends_with("?unsent=1"), "{to}");
    let told = page(&bank, &to).await;
    assert!(
        told.contains("ikke lagt i noen postkasse") && told.contains(">bevis:"),
        "{told}"
    );
    assert_eq!(bank.sessions().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_grant_is_asked_within_the_services_terms() {
    let bank = Bank::new().await;
    let worker = bank.worker();
    let values = [
        ("case", "N-1"),
        ("subject", CUSTOMER),
        ("kind", "grant"),
        ("days", "30"),
        ("uses", "2"),
    ];
    let answer = worker.submit(&worker.form("/desk/new/S15", &values)).await;
    let to = answer.headers()["location"].to_str().expect("text").to_owned();
    let told = page(&bank, &to).await;
    assert!(
        told.contains("stående samtykke til å hente fra ETATEN, høyst 2 ganger om dagen"),
        "{told}"
    );
    // A request for one answer in the same case is another thing, and does not stand in its way.
    bank.ask(&worker, "N-1", "S15", CUSTOMER).await;
    assert_eq!(bank.sessions().await, 2);
    assert!(
        page(&bank, "/desk/grants")
            .await
            .contains("Det er ingen stående samtykker å vise")
    );
}
