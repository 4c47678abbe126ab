//! The lines of the checklist for the page on which a person decides (interfaces §7.1), one test or more each.

use super::town::{BANK, PRIVACY, Person, Town, characters, element, hidden, leads_to};
use crate::error::Failure;
use crate::http::tests::world::{Browser, PASSPHRASE, require_well_made, text};
use crate::output::At;
use crate::service::Command;
use axum::http::StatusCode;
use credentials::link::Link;
use credentials::{Code, Did};
use serde_json::Value;

/// A customer with income and tax, asked for a loan.
async fn applicant(town: &Town, case: &str) -> (Person, String) {
    let person = town.person().await;
    person.identify(town).await;
    person.collect(town, "C02").await;
    person.collect(town, "C03").await;
    let asked = town.ask(&person, "S01", case).await;
    let id = person.take(&asked.link).await;
    (person, id)
}

async fn read(person: &Person, browser: &Browser<'_>, id: &str) -> String {
    person.page(browser, &format!("/wallet/requests/{id}")).await
}

#[test]
fn line_00_the_characters_of_the_region_are_the_text_whose_hash_is_signed() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-00").await;
        let browser = person.world.visitor();
        for language in ["nb", "nn", "en"] {
            let spoken = browser.form("/language", &[("language", language), ("back", "/wallet")]);
            leads_to(&browser.submit(&spoken).await);
            let page = read(&person, &browser, &id).await;
            let asked = Command::WalletText {
                id: id.clone(),
                language: language.to_owned(),
            };
            let said = person.service().execute(asked).await.unwrap();
            let shown = characters(element(&page, "shown"));
            assert_eq!(shown, said["text"].as_str().unwrap(), "{language}");
            assert!(shown.lines().count() > 30, "{language}: {shown}");
            let hash = crate::output::hex(&crate::output::sha256(shown.as_bytes()));
            assert_eq!(hidden(&page, "shown"), hash, "what the form signs for");
        }
    });
}

#[test]
fn line_01_name_number_and_service_of_the_asker_and_who_vouches_for_it_are_shown() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-01").await;
        let page = read(&person, &person.world.visitor(), &id).await;
        let shown = characters(element(&page, "shown"));
        for must in [BANK, "213579045", "Samtykkebasert lånesøknad", "Testnett går god for"] {
            assert!(shown.contains(must), "{must}: {shown}");
        }
    });
}

#[test]
fn line_01_an_asker_that_nobody_knows_gets_a_danger_alert_no_yes_and_nothing_that_waits() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        let browser = person.world.visitor();
        let link = Link::Request {
            asker: Did::parse("did:web:ukjent.example").unwrap(),
            session: "en-okt".to_owned(),
            hash: vec![7; 32],
            expires: crate::clock::now().plus(600),
        };
        let link = link.to_text().unwrap();
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("link", &link)
            .finish();
        let opened = browser.get(&format!("/wallet/open?{query}")).await;
        let taken = browser
            .submit(&browser.form("/wallet/receive", &[("link", &link)]))
            .await;
        for answer in [opened, taken] {
            assert!(!answer.status().is_success());
            let page = text(answer).await;
            require_well_made(&page);
            assert!(
                page.contains("<div class=\"alert danger\" role=\"alert\"><h1>Dette er ikke til å stole på"),
                "{page}"
            );
            assert!(
                page.contains("unknown_verifier") && page.contains("Ingenting er delt"),
                "{page}"
            );
            assert!(!page.contains(">Ja"), "{page}");
        }
        let waiting = person.service().execute(Command::WalletRequests).await.unwrap();
        assert_eq!(waiting["requests"], serde_json::json!([]));
    });
}

#[test]
fn line_01_a_request_that_waits_when_its_asker_leaves_the_list_can_only_be_refused() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-01b").await;
        town.teach_without_bank(person.service()).await;
        let browser = person.world.visitor();
        let page = read(&person, &browser, &id).await;
        assert!(
            page.contains("role=\"alert\"><h1>Dette er ikke til å stole på"),
            "{page}"
        );
        assert!(
            !page.contains("value=\"yes\"") && page.contains("value=\"no\""),
            "{page}"
        );
        let path = format!("/wallet/requests/{id}");
        let no = browser.form(&path, &[("decision", "no"), ("passphrase", PASSPHRASE)]);
        let page = person.page(&browser, &leads_to(&browser.submit(&no).await)).await;
        assert!(page.contains("Du sa nei til"), "{page}");
    });
}

#[test]
fn line_02_the_purpose_is_shown_with_a_secure_link_to_the_privacy_statement_and_a_missing_one_is_warned_of() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-02").await;
        let browser = person.world.visitor();
        let page = read(&person, &browser, &id).await;
        assert!(characters(element(&page, "shown")).contains("Formål: Behandle søknad om finansiering"));
        assert!(
            page.contains(&format!("<a href=\"{PRIVACY}\" rel=\"noreferrer noopener\">")),
            "{page}"
        );
        person.collect(&town, "C04").await;
        let asked = town.ask(&person, "S15", "SAK-02b").await;
        let page = read(&person, &browser, &person.take(&asked.link).await).await;
        assert!(
            page.contains("Pass på: FJORDBANK har ikke oppgitt noen personvernerklæring."),
            "{page}"
        );
        assert!(!element(&page, "shown").contains("<a "), "{page}");
    });
}

#[test]
fn line_03_every_claim_stands_with_its_value_under_its_credential_and_issuer_and_derived_answers_as_what_is_learned() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-03").await;
        let page = read(&person, &person.world.visitor(), &id).await;
        let shown = element(&page, "shown");
        for heading in [
            "<h3>Månedsinntekt, utsteder SKATTEETATEN</h3>",
            "<h3>Skattegrunnlag, utsteder SKATTEETATEN</h3>",
        ] {
            assert!(shown.contains(heading), "{heading}: {shown}");
        }
        let number = format!(": <strong>{}</strong>", person.number);
        assert!(shown.contains(&number), "each value is set beside its name: {shown}");
        let claims: &[&[&str]] = &[&["personidentifikator"], &["derived", "sumKontantytelse"]];
        let asked = town.ask_for(&person, "S01", "SAK-03b", &["C02"], claims).await;
        let page = read(&person, &person.world.visitor(), &person.take(&asked.link).await).await;
        let shown = element(&page, "shown");
        let learned = shown
            .split("<h2>Dette får FJORDBANK vite som et utregnet svar:</h2>")
            .nth(1)
            .expect("a section");
        let answer = learned
            .split("<h3>Månedsinntekt, utsteder SKATTEETATEN</h3>")
            .nth(1)
            .expect("its credential");
        assert!(
            answer.contains("<strong>") && !answer.contains("Beløp:"),
            "the answer and not what it is made of: {answer}"
        );
    });
}

#[test]
fn line_04_what_is_not_shared_is_said_in_one_sentence() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let (link, _) = town.invitation("C04", &person).await;
        let id = person.take(&link).await;
        let page = read(&person, &person.world.visitor(), &id).await;
        let shown = characters(element(&page, "shown"));
        let lines: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("Dette deler du ikke: "))
            .collect();
        assert_eq!(lines.len(), 1, "{shown}");
        assert!(lines[0].contains("Fødselsdato"), "{lines:?}");
    });
}

#[test]
fn line_05_it_says_once_or_until_when_and_how_long_it_is_kept() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-05").await;
        let browser = person.world.visitor();
        let shown = characters(element(&read(&person, &browser, &id).await, "shown"));
        for must in [
            "Du deler én gang, og bare i denne saken.",
            "FJORDBANK kan beholde opplysningene i ",
            "Svar før: ",
        ] {
            assert!(shown.contains(must), "{must}: {shown}");
        }
        let standing = person.take(&town.ask_grant(&person, "SAK-05b").await).await;
        let shown = characters(element(&read(&person, &browser, &standing).await, "shown"));
        for must in ["Samtykket slutter: ", "Høyst ", "uten å spørre deg hver gang"] {
            assert!(shown.contains(must), "{must}: {shown}");
        }
    });
}

#[test]
fn line_06_all_or_nothing_is_said_and_nothing_is_ticked_beforehand() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-06").await;
        let page = read(&person, &person.world.visitor(), &id).await;
        assert!(
            element(&page, "decision").contains("Det er alt eller ingenting"),
            "{page}"
        );
        assert!(
            !page.contains("checkbox") && !page.contains(" checked") && !page.contains("type=\"radio\""),
            "{page}"
        );
    });
}

#[test]
fn line_07_two_equal_buttons_say_whole_sentences_and_nothing_counts_down() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-07").await;
        let page = read(&person, &person.world.visitor(), &id).await;
        let choices = page
            .split("<div class=\"choices\">")
            .nth(1)
            .and_then(|rest| rest.split("</div>").next());
        let choices = choices.expect("the two buttons");
        assert_eq!(
            choices,
            "<button type=\"submit\" name=\"decision\" value=\"yes\">Ja, del med FJORDBANK</button>\
             <button type=\"submit\" name=\"decision\" value=\"no\">Nei, ikke del</button>",
            "the same but for the words"
        );
        // Enter in the field presses the first button of the form, which decides nothing.
        let decision = element(&page, "decision");
        let first = decision.find("<button").expect("a button");
        assert!(
            decision[first..].starts_with("<button type=\"submit\" name=\"decision\" value=\"\" hidden>"),
            "{decision}"
        );
        assert!(!page.contains("primary") && !page.contains("http-equiv"), "{page}");
    });
}

#[test]
fn line_08_yes_and_no_both_ask_who_decides() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-08").await;
        let browser = person.world.visitor();
        let page = read(&person, &browser, &id).await;
        let (path, shown) = (format!("/wallet/requests/{id}"), hidden(&page, "shown"));
        for decision in ["yes", "no"] {
            for (passphrase, status) in [("", StatusCode::UNPROCESSABLE_ENTITY), ("wrong", StatusCode::FORBIDDEN)] {
                let values = [
                    ("decision", decision),
                    ("passphrase", passphrase),
                    ("language", "nb"),
                    ("shown", &shown),
                ];
                let answer = browser.submit(&browser.form(&path, &values)).await;
                assert_eq!(answer.status(), status, "{decision} {passphrase}");
                let page = text(answer).await;
                require_well_made(&page);
                assert!(
                    page.contains("aria-invalid=\"true\"") && page.contains("Ingenting ble gjort."),
                    "{page}"
                );
            }
        }
        let waiting = person.service().execute(Command::WalletRequests).await.unwrap();
        assert_eq!(waiting["requests"][0]["state"], "waiting");
        let yes = person.decide(&browser, &id, "yes").await;
        let receipt = person.page(&browser, &leads_to(&yes)).await;
        assert!(receipt.contains("Du delte opplysninger med FJORDBANK"), "{receipt}");
    });
}

#[test]
fn line_08_a_form_sent_twice_decides_once_and_two_tabs_decide_once() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-08b").await;
        let (one, two) = (person.world.visitor(), person.world.visitor());
        let path = format!("/wallet/requests/{id}");
        let page = read(&person, &one, &id).await;
        let shown = hidden(&page, "shown");
        let values = |decision| {
            [
                ("decision", decision),
                ("passphrase", PASSPHRASE),
                ("language", "nb"),
                ("shown", shown.as_str()),
            ]
        };
        let (yes, late) = (one.form(&path, &values("yes")), two.form(&path, &values("no")));
        let (first, second) = tokio::join!(one.submit(&yes), one.submit(&yes));
        let statuses = [first.status(), second.status()];
        assert!(statuses.contains(&StatusCode::SEE_OTHER), "{statuses:?}");
        assert_eq!(
            leads_to(&one.submit(&yes).await),
            path,
            "sent again it leads to the same"
        );
        let again = leads_to(&two.submit(&late).await);
        let page = person.page(&two, &again).await;
        assert!(
            page.contains("Du hadde alt svart på denne.") && page.contains("Du delte opplysninger"),
            "{page}"
        );
        let history = person.service().execute(Command::WalletHistory).await.unwrap();
        let decided = |what: &str| {
            history["events"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|e| e["what"] == what)
                .count()
        };
        assert_eq!((decided("shared"), decided("refused")), (1, 0));
    });
}

#[test]
fn line_08_a_foreign_form_a_replayed_request_and_one_whose_time_is_out_have_their_own_sentences() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        person.collect(&town, "C04").await;
        let browser = person.world.visitor();
        let asked = town.ask(&person, "S15", "SAK-08c").await;
        let id = person.take(&asked.link).await;
        let path = format!("/wallet/requests/{id}");
        let stolen = [
            ("decision", "yes"),
            ("passphrase", PASSPHRASE),
            ("token", "made up"),
            ("form", "a"),
        ];
        let foreign = browser.post(&path, &stolen).await;
        assert_eq!(foreign.status(), StatusCode::CONFLICT);
        assert!(text(foreign).await.contains("page_expired"));
        leads_to(&person.decide(&browser, &id, "yes").await);
        let replayed = browser
            .submit(&browser.form("/wallet/receive", &[("link", &asked.link)]))
            .await;
        assert_eq!(replayed.status(), StatusCode::CONFLICT);
        let page = text(replayed).await;
        assert!(
            page.contains("Du har alt svart på denne.") && page.contains("replay"),
            "{page}"
        );
        let Ok(Link::Request {
            asker, session, hash, ..
        }) = Link::parse(&asked.link)
        else {
            panic!("a request");
        };
        let late = Link::Request {
            asker,
            session,
            hash,
            expires: crate::clock::now().plus(-60),
        };
        let late = late.to_text().unwrap();
        let late = text(
            browser
                .submit(&browser.form("/wallet/receive", &[("link", &late)]))
                .await,
        )
        .await;
        assert!(
            late.contains("Tiden er gått ut") && late.contains("Ingenting er delt"),
            "{late}"
        );
        let gone = text(browser.get("/wallet/requests/notherenot").await).await;
        require_well_made(&gone);
        assert!(gone.contains("Forespørselen er ikke her"), "{gone}");
        let visit = super::pages::visit_of(&person.world, &path);
        let expired = Failure::from(Code::Expired);
        let expired = super::super::request::unreadable(&visit, &id, &expired, None).unwrap();
        assert_eq!(expired.status(), StatusCode::GONE);
        let expired = text(expired).await;
        require_well_made(&expired);
        assert!(expired.contains("Tiden er ute"), "{expired}");
    });
}

#[test]
fn line_09_a_no_says_that_it_looks_as_if_nothing_were_held_and_tells_the_asker_nothing_more() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-09").await;
        let browser = person.world.visitor();
        let shown = characters(element(&read(&person, &browser, &id).await, "shown"));
        assert!(
            shown.contains("Svaret ser likt ut som om du ikke har beviset."),
            "{shown}"
        );
        let refused = person.decide(&browser, &id, "no").await;
        let page = person.page(&browser, &leads_to(&refused)).await;
        assert!(page.contains("Du sa nei til FJORDBANK"), "{page}");
        assert!(page.contains("FJORDBANK får ikke vite hvorfor."), "{page}");
    });
}

#[test]
fn line_10_the_receipt_begins_at_its_heading_and_the_history_has_no_values() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-10").await;
        let browser = person.world.visitor();
        let asked = read(&person, &browser, &id).await;
        let values: Vec<&str> = element(&asked, "shown").split("<strong>").skip(1).collect();
        let values: Vec<&str> = values.iter().map(|rest| rest.split('<').next().unwrap()).collect();
        let values: Vec<&str> = values.into_iter().filter(|value| value.len() > 5).collect();
        assert!(values.len() > 5, "{values:?}");
        let to = leads_to(&person.decide(&browser, &id, "yes").await);
        let page = person.page(&browser, &to).await;
        let heading = "<h1 id=\"receipt\" tabindex=\"-1\" autofocus>Du delte opplysninger med FJORDBANK</h1>";
        assert!(page.contains(heading), "{page}");
        for must in [
            "Samtykkebasert lånesøknad",
            "Månedsinntekt",
            "FJORDBANK har kvittert",
            "Be FJORDBANK slette",
        ] {
            assert!(page.contains(must), "{must}: {page}");
        }
        let export = text(browser.get("/wallet/history/export").await).await;
        let home = person.page(&browser, "/wallet").await;
        let list = person.page(&browser, "/wallet/history").await;
        for value in values {
            for shown in [&page, &export, &home, &list] {
                assert!(
                    !shown.contains(&format!(">{value}<")) && !shown.contains(&format!("\"{value}\"")),
                    "{value}"
                );
            }
        }
    });
}

#[test]
fn line_11_from_the_history_one_can_erase_report_export_and_delete() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-11").await;
        let browser = person.world.visitor();
        let to = leads_to(&person.decide(&browser, &id, "yes").await);
        let page = person.page(&browser, &to).await;
        let entry = page
            .split("/wallet/history/")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let entry = format!("/wallet/history/{}", entry.expect("an entry"));
        for way in ["erase", "report", "receipt", "forget"] {
            assert!(page.contains(&format!("{entry}/{way}\"")), "{way}: {page}");
        }
        let receipt = browser.get(&format!("{entry}/receipt")).await;
        assert_eq!(receipt.headers()["content-type"], "application/ld+json");
        let receipt: Value = serde_json::from_str(&text(receipt).await).expect("JSON-LD");
        assert!(!receipt.at("@context").is_null(), "{receipt}");

        let complain = person.page(&browser, &format!("{entry}/report")).await;
        for must in ["Datatilsynet", "Postboks 458 Sentrum", "https://www.datatilsynet.no"] {
            assert!(complain.contains(must), "{must}: {complain}");
        }
        let form = browser.form(&format!("{entry}/report"), &[("complaint", "De spurte om for mye.")]);
        let reported = leads_to(&browser.submit(&form).await);
        let page = person.page(&browser, &reported).await;
        assert!(page.contains(&format!("{reported}/reported")), "{page}");
        let report = browser.get(&format!("{reported}/reported")).await;
        assert!(
            report.headers()["content-disposition"]
                .to_str()
                .unwrap()
                .starts_with("attachment")
        );
        let report = text(report).await;
        assert!(
            report.contains("De spurte om for mye.") && report.contains("FJORDBANK"),
            "{report}"
        );
        assert!(
            report
                .lines()
                .any(|line| line.split('.').count() == 3 && line.starts_with("ey")),
            "signed: {report}"
        );

        let erased = leads_to(&browser.submit(&browser.form(&format!("{entry}/erase"), &[])).await);
        let page = person.page(&browser, &erased).await;
        assert!(page.contains("FJORDBANK"), "{page}");

        let ask = person.page(&browser, &format!("{entry}/forget")).await;
        assert!(ask.contains("Du kan ikke angre."), "{ask}");
        let before = text(browser.get("/wallet/history/export").await).await;
        assert_eq!(
            leads_to(&browser.submit(&browser.form(&format!("{entry}/forget"), &[])).await),
            "/wallet/history"
        );
        assert_eq!(browser.get(&entry).await.status(), StatusCode::NOT_FOUND);
        let after = text(browser.get("/wallet/history/export").await).await;
        assert!(after.len() < before.len());
    });
}

#[test]
fn line_12_what_is_missing_revoked_or_expired_is_named_with_the_way_to_get_it_and_no_dead_button() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let browser = person.world.visitor();
        let asked = town.ask(&person, "S15", "SAK-12").await;
        let id = person.take(&asked.link).await;
        let page = read(&person, &browser, &id).await;
        let shown = characters(element(&page, "shown"));
        assert!(
            shown.contains("finnes ikke i lommeboken.") && shown.contains("hos LÅNEKASSEN"),
            "{shown}"
        );
        assert!(!page.contains("value=\"yes\"") && !page.contains("disabled"), "{page}");
        let way = "/wallet/receive?type=urn:bevis:StudentLoanBalance:1";
        assert!(page.contains(way), "{page}");
        let how = person.page(&browser, way).await;
        assert!(how.contains("Be LÅNEKASSEN om en lenke eller en QR-kode"), "{how}");
        // With the credential in the wallet the same request can be answered, until its issuer takes it back.
        let held = person.collect(&town, "C04").await;
        assert!(read(&person, &browser, &id).await.contains("value=\"yes\""));
        let revoke = Command::SetState {
            target: crate::service::Target::Subject {
                number: person.number.clone(),
            },
            state: credentials::status::State::Revoked,
            reason: "test".to_owned(),
        };
        town.loans.execute(revoke).await.unwrap();
        town.loans.execute(Command::PublishEndings).await.unwrap();
        person.service().refresh_mirror().await;
        let page = read(&person, &browser, &id).await;
        let shown = characters(element(&page, "shown"));
        assert!(shown.contains("er trukket tilbake av utstederen."), "{shown}");
        assert!(!page.contains("value=\"yes\"") && page.contains(way), "{page}");
        let credential = person.page(&browser, &format!("/wallet/credentials/{held}")).await;
        assert!(
            credential.contains("trukket tilbake") && credential.contains(way),
            "{credential}"
        );
    });
}

#[test]
fn line_14_three_languages_have_every_sentence_and_the_fourth_is_marked_where_it_falls_back() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-14").await;
        let browser = person.world.visitor();
        for (language, yes, region) in [
            ("nb", "Ja, del med FJORDBANK", "nb"),
            ("nn", "Ja, del med FJORDBANK", "nn"),
            ("en", "Yes, share with FJORDBANK", "en"),
            ("se", "Ja, del med FJORDBANK", "nb"),
        ] {
            let spoken = browser.form("/language", &[("language", language), ("back", "/wallet")]);
            leads_to(&browser.submit(&spoken).await);
            let page = read(&person, &browser, &id).await;
            assert!(
                page.contains(&format!("<html lang=\"{language}\"")) && page.contains(yes),
                "{language}: {page}"
            );
            assert!(
                page.contains(&format!("<div id=\"shown\" lang=\"{region}\">")),
                "{language}: {page}"
            );
            assert!(!page.contains("wallet-"), "{language}: a key without its text: {page}");
        }
        let page = read(&person, &browser, &id).await;
        assert!(page.contains("<span lang=\"nb\">Nei, ikke del</span>"), "{page}");
    });
}

#[test]
fn line_14_a_companys_wallet_speaks_of_the_company() {
    let town = Town::visit();
    town.run(async {
        let (company, person) = town.company().await;
        let own = person.page(&person.world.visitor(), "/wallet").await;
        let theirs = company.page(&company.world.visitor(), "/wallet").await;
        assert!(
            own.contains("Lommeboken din") && own.contains("Du har ingen bevis ennå."),
            "{own}"
        );
        assert!(theirs.contains("Lommeboken til virksomheten"), "{theirs}");
        assert!(
            theirs.contains("Virksomheten har ingen bevis ennå.") && !theirs.contains("Lommeboken din"),
            "{theirs}"
        );
    });
}

#[test]
fn line_15_the_page_needs_no_script_and_its_headings_are_in_order() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-15").await;
        let page = read(&person, &person.world.visitor(), &id).await;
        let levels: Vec<u32> = page
            .split("<h")
            .skip(1)
            .filter_map(|rest| rest.chars().next()?.to_digit(10))
            .collect();
        assert_eq!(levels.first(), Some(&1));
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "a heading is left out: {levels:?}");
        }
        assert!(page.contains("<form id=\"decision\" method=\"post\""), "{page}");
    });
}

#[test]
fn line_16_nothing_personal_stands_in_an_address_or_a_title_and_nothing_is_kept_by_the_browser() {
    let town = Town::visit();
    town.run(async {
        let (person, id) = applicant(&town, "SAK-16-HEMMELIG").await;
        let browser = person.world.visitor();
        let answer = browser.get(&format!("/wallet/requests/{id}")).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let page = text(answer).await;
        let title = page
            .split("<title>")
            .nth(1)
            .and_then(|rest| rest.split("</title>").next())
            .unwrap();
        assert!(title.starts_with("Forespørsel – "), "{title}");
        let addresses = page.split(" href=\"").chain(page.split(" action=\"")).skip(1);
        for address in addresses.map(|rest| rest.split('"').next().unwrap()) {
            assert!(
                !address.contains(&person.number) && !address.contains("HEMMELIG"),
                "{address}"
            );
        }
        let to = leads_to(&person.decide(&browser, &id, "yes").await);
        assert!(!to.contains(&person.number) && !to.contains("HEMMELIG"), "{to}");
        let receipt = person.page(&browser, &to).await;
        assert!(!receipt.contains(&person.number), "the receipt has no values");
    });
}
