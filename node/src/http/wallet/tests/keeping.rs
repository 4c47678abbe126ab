//! Grants, what is kept of the history, and what the holder takes along.

use super::town::{Town, leads_to};
use crate::http::tests::world::{PASSPHRASE, text};
use crate::output::At;
use crate::service::Command;
use axum::http::StatusCode;
use store::{Passphrase, Store};

/// How often somebody presses something on the way.
struct Steps(u32);

#[test]
fn taking_a_grant_back_takes_no_more_steps_than_giving_it_and_two_from_the_first_page() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let browser = person.world.visitor();
        let mut giving = Steps(0);
        let link = town.ask_grant(&person, "GRANT-1").await;
        // Opening the link, going on, saying yes; typing the passphrase is not even counted.
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("link", &link)
            .finish();
        person.page(&browser, &format!("/wallet/open?{query}")).await;
        giving.0 += 1;
        let request = leads_to(
            &browser
                .submit(&browser.form("/wallet/receive", &[("link", &link)]))
                .await,
        );
        giving.0 += 1;
        let id = request.rsplit('/').next().unwrap().to_owned();
        let page = person.page(&browser, &request).await;
        assert!(page.contains("Ja, gi samtykke til FJORDBANK"), "{page}");
        let receipt = leads_to(&person.decide(&browser, &id, "yes").await);
        giving.0 += 1;
        let page = person.page(&browser, &receipt).await;
        assert!(page.contains("Du ga samtykke til FJORDBANK"), "{page}");

        let mut ending = Steps(0);
        let home = person.page(&browser, "/wallet").await;
        let action = home
            .split("action=\"/wallet/grants/")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let action = format!("/wallet/grants/{}", action.expect("a button on the first page"));
        let form = home
            .split(&format!("action=\"{action}\">"))
            .nth(1)
            .and_then(|rest| rest.split("</form>").next());
        let form = form.expect("its form");
        assert!(form.contains("Trekk tilbake samtykket til FJORDBANK"), "{form}");
        assert!(
            !form.contains("type=\"password\"") && form.matches("<button").count() == 1,
            "{form}"
        );
        let ended = leads_to(&browser.submit(&browser.form(&action, &[])).await);
        ending.0 += 1;
        let page = person.page(&browser, &ended).await;
        assert!(
            page.contains("trukket tilbake") && page.contains("Samtykket gjelder ikke lenger."),
            "{page}"
        );
        assert!(page.contains("LÅNEKASSEN har bekreftet det."), "{page}");
        assert!(
            ending.0 <= giving.0 && ending.0 <= 2,
            "{} steps to give, {} to end",
            giving.0,
            ending.0
        );
        assert!(
            !person
                .page(&browser, "/wallet")
                .await
                .contains("action=\"/wallet/grants/"),
            "nothing stands any more"
        );
        let twice = browser.submit(&browser.form(&action, &[])).await;
        assert_eq!(leads_to(&twice), ended, "said again it is the same");
    });
}

#[test]
fn what_is_granted_by_a_lost_wallet_is_asked_for_at_its_source_and_ended_there() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let browser = person.world.visitor();
        let id = person.take(&town.ask_grant(&person, "GRANT-2").await).await;
        leads_to(&person.decide(&browser, &id, "yes").await);
        // The same person with another wallet.
        let mut found_again = town.person().await;
        found_again.number.clone_from(&person.number);
        found_again.identify(&town).await;
        let browser = found_again.world.visitor();
        let list = found_again.page(&browser, "/wallet/grants").await;
        let source = "did:web:lanekassen.example urn:bevis:StudentLoanBalance:1";
        assert!(list.contains(source), "{list}");
        let review = browser.form("/wallet/grants/review", &[("source", source)]);
        let asked = leads_to(&browser.submit(&review).await);
        let id = asked.rsplit('/').next().unwrap().to_owned();
        let found = leads_to(&found_again.decide(&browser, &id, "yes").await);
        assert_eq!(found, "/wallet/grants/found");
        let page = found_again.page(&browser, &found).await;
        assert!(
            page.contains("FJORDBANK") && page.contains("Trekk tilbake samtykket til FJORDBANK"),
            "{page}"
        );
        let name = super::town::hidden(&page, "end");
        let end = browser.form("/wallet/grants/review", &[("source", source), ("end", &name)]);
        let asked = leads_to(&browser.submit(&end).await);
        let id = asked.rsplit('/').next().unwrap().to_owned();
        leads_to(&found_again.decide(&browser, &id, "yes").await);
        let page = found_again.page(&browser, "/wallet/grants/found").await;
        assert!(
            page.contains("trukket tilbake") && !page.contains("name=\"end\""),
            "{page}"
        );
    });
}

#[test]
fn a_forgotten_line_is_gone_and_its_number_stays_its_own() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let browser = person.world.visitor();
        let history = person.service().execute(Command::WalletHistory).await.unwrap();
        let last = history["events"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .at("id")
            .as_u64()
            .unwrap();
        leads_to(
            &browser
                .submit(&browser.form(&format!("/wallet/history/{last}/forget"), &[]))
                .await,
        );
        assert_eq!(
            browser.get(&format!("/wallet/history/{last}")).await.status(),
            StatusCode::NOT_FOUND
        );
        person.collect(&town, "C04").await;
        let history = person.service().execute(Command::WalletHistory).await.unwrap();
        let ids: Vec<u64> = history["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["id"].as_u64().unwrap())
            .collect();
        assert!(
            !ids.contains(&last) && ids.iter().all(|id| *id > last),
            "{ids:?} without {last}"
        );
        let twice = browser
            .submit(&browser.form(&format!("/wallet/history/{last}/forget"), &[]))
            .await;
        assert_eq!(twice.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn everything_is_given_as_a_file_to_whoever_knows_the_passphrase() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let browser = person.world.visitor();
        let refused = browser
            .submit(&browser.form("/wallet/settings/export", &[("passphrase", "wrong")]))
            .await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(!text(refused).await.contains(&person.number));
        let form = browser.form("/wallet/settings/export", &[("passphrase", PASSPHRASE)]);
        let answer = browser.submit(&form).await;
        assert_eq!(
            answer.headers()["content-disposition"],
            "attachment; filename=\"bevis-export.json\""
        );
        assert!(text(answer).await.contains(&person.number));
    });
}

#[test]
fn a_backup_from_the_page_is_restored_into_another_home_and_leaves_nothing_behind() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let browser = person.world.visitor();
        let form = browser.form("/wallet/settings/backup", &[("passphrase", PASSPHRASE)]);
        let answer = browser.submit(&form).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let backup = axum::body::to_bytes(answer.into_body(), 64 << 20).await.unwrap();
        let left: Vec<_> = std::fs::read_dir(person.service().home_path())
            .unwrap()
            .filter_map(Result::ok)
            .collect();
        assert!(
            left.iter()
                .all(|entry| !entry.file_name().to_string_lossy().starts_with("backup-")),
            "{left:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.bevis");
        std::fs::write(&file, &backup).unwrap();
        let passphrase = Passphrase::new(PASSPHRASE);
        let entropy = crate::service::entropy;
        drop(Store::restore(&file, &folder.path().join("store"), &passphrase, entropy()).unwrap());
        let store = Store::open(&folder.path().join("store"), &passphrase, entropy()).unwrap();
        assert!(crate::service::stored_config(&store).unwrap().contains("[wallet]"));
        let wrong = Passphrase::new("wrong");
        assert!(Store::restore(&file, &folder.path().join("other"), &wrong, entropy()).is_err());
    });
}

#[test]
fn the_passphrase_is_changed_by_whoever_knows_it_and_the_old_one_is_then_wrong() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        let browser = person.world.visitor();
        let new = "quite another passphrase";
        for (old, one, two) in [
            ("wrong", new, new),
            (PASSPHRASE, "short", "short"),
            (PASSPHRASE, new, "differs a lot"),
        ] {
            let values = [("passphrase", old), ("new", one), ("again", two)];
            let answer = browser
                .submit(&browser.form("/wallet/settings/passphrase", &values))
                .await;
            assert!(answer.status().is_client_error(), "{old} {one} {two}");
            assert!(text(answer).await.contains("Ingenting ble gjort."));
        }
        let values = [("passphrase", PASSPHRASE), ("new", new), ("again", new)];
        let to = leads_to(
            &browser
                .submit(&browser.form("/wallet/settings/passphrase", &values))
                .await,
        );
        assert!(person.page(&browser, &to).await.contains("Passordfrasen er byttet."));
        let old = browser
            .submit(&browser.form("/wallet/settings/export", &[("passphrase", PASSPHRASE)]))
            .await;
        assert_eq!(old.status(), StatusCode::FORBIDDEN);
        let new = browser
            .submit(&browser.form("/wallet/settings/export", &[("passphrase", new)]))
            .await;
        assert_eq!(new.status(), StatusCode::OK);
    });
}
