//! Every page in every state that is easily reached: well made, in three languages.

use super::town::{Town, element, leads_to};
use crate::http::Visit;
use crate::http::tests::world::{World, text};
use crate::http::words::Words;
use qrcode::{Color, QrCode};

/// A visit as a handler gets it.
pub(super) fn visit_of(world: &World, path: &str) -> Visit {
    let session = world.app.door().begin(world.guest());
    Visit {
        app: world.app.clone(),
        visitor: world.app.door().visitor(&session, true).unwrap(),
        words: Words::new("nb"),
        path: path.to_owned(),
        revision: world.app.revision(),
        session,
    }
}

/// A picture of a text as a QR code.
pub(super) fn picture(content: &str) -> Vec<u8> {
    let code = QrCode::new(content).unwrap();
    let (scale, width) = (5, code.width());
    let side = (width + 8) * scale;
    let mut image = image::GrayImage::from_pixel(side as u32, side as u32, image::Luma([255]));
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (x, y) = (
            (x as usize / scale).wrapping_sub(4),
            (y as usize / scale).wrapping_sub(4),
        );
        if x < width && y < width && code[(x, y)] == Color::Dark {
            *pixel = image::Luma([0]);
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

#[test]
fn every_page_is_well_made_in_three_languages() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        let held = person.collect(&town, "C04").await;
        let browser = person.world.visitor();
        let id = person.take(&town.ask_grant(&person, "PAGES-1").await).await;
        leads_to(&person.decide(&browser, &id, "yes").await);
        let waiting = person.take(&town.ask(&person, "S15", "PAGES-2").await.link).await;
        let grants = person.page(&browser, "/wallet").await;
        let grant = grants
            .split("href=\"/wallet/grants/")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        let paths = [
            "/wallet".to_owned(),
            "/wallet/receive".to_owned(),
            "/wallet/receive?type=urn:bevis:MonthlyIncome:1".to_owned(),
            format!("/wallet/requests/{waiting}"),
            format!("/wallet/requests/{id}"),
            format!("/wallet/credentials/{held}"),
            format!("/wallet/credentials/{held}?new=1"),
            format!("/wallet/credentials/{held}/delete"),
            "/wallet/grants".to_owned(),
            format!("/wallet/grants/{grant}"),
            "/wallet/grants/found".to_owned(),
            "/wallet/history".to_owned(),
            "/wallet/history/1".to_owned(),
            "/wallet/history/1/forget".to_owned(),
            "/wallet/settings".to_owned(),
        ];
        for language in ["nb", "nn", "en"] {
            let spoken = browser.form("/language", &[("language", language), ("back", "/wallet")]);
            leads_to(&browser.submit(&spoken).await);
            for path in &paths {
                let page = person.page(&browser, path).await;
                assert!(page.contains(&format!("<html lang=\"{language}\"")), "{path}");
                for beginning in [">wallet-", ">event-", ">held-", ">grant-state-", ">page-"] {
                    assert!(!page.contains(beginning), "{path}: a key without its text: {page}");
                }
                let parts: Vec<&str> = page
                    .split("data-part=\"")
                    .skip(1)
                    .map(|rest| rest.split('"').next().unwrap())
                    .collect();
                let once: std::collections::BTreeSet<_> = parts.iter().collect();
                assert_eq!(once.len(), parts.len(), "{path}: a part twice");
            }
        }
    });
}

#[test]
fn a_credential_is_collected_from_a_picture_with_its_code_and_shown_at_once() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        let browser = person.world.visitor();
        let (link, code) = town.invitation("C01", &person).await;
        let answer = browser
            .upload("/wallet/receive/picture", "picture", &picture(&link))
            .await;
        let page = text(answer).await;
        assert!(
            page.contains("DIGITALISERINGSDIREKTORATET tilbyr deg beviset"),
            "{page}"
        );
        assert!(page.contains("name=\"code\"") && page.contains(&link), "{page}");
        assert!(
            person
                .page(&browser, "/wallet")
                .await
                .contains("Du har ingen bevis ennå."),
            "nothing is done yet"
        );
        let slip = [("link", link.as_str()), ("code", "WRONG-CODE")];
        let answer = browser.submit(&browser.form("/wallet/receive", &slip)).await;
        let page = text(answer).await;
        assert!(
            page.contains("Aktiveringskoden er feil.") && page.contains(&link),
            "what was typed stays: {page}"
        );
        let code = code.unwrap();
        let right = [("link", link.as_str()), ("code", &code)];
        let to = leads_to(&browser.submit(&browser.form("/wallet/receive", &right)).await);
        let page = person.page(&browser, &to).await;
        assert!(
            page.contains("ligger nå i lommeboken") && page.contains(&person.number),
            "{page}"
        );
    });
}

#[test]
fn a_link_that_is_followed_does_nothing_before_the_person_goes_on() {
    let town = Town::visit();
    town.run(async {
        let person = town.person().await;
        person.identify(&town).await;
        person.collect(&town, "C04").await;
        let browser = person.world.visitor();
        let asked = town.ask(&person, "S15", "PAGES-3").await;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("link", &asked.link)
            .finish();
        for _ in 0..2 {
            let page = person.page(&browser, &format!("/wallet/open?{query}")).await;
            assert!(page.contains("FJORDBANK vil spørre deg om opplysninger."), "{page}");
        }
        assert_eq!(
            town.session(&asked.session).await["state"],
            "active",
            "nobody has fetched it"
        );
        let to = leads_to(
            &browser
                .submit(&browser.form("/wallet/receive", &[("link", &asked.link)]))
                .await,
        );
        assert!(person.page(&browser, &to).await.contains("value=\"yes\""));
        let home = person.page(&browser, "/wallet").await;
        assert!(home.contains("Les hva FJORDBANK spør om"), "{home}");
        let to = leads_to(&person.decide(&browser, to.rsplit('/').next().unwrap(), "yes").await);
        person.page(&browser, &to).await;
        let session = town.session(&asked.session).await;
        assert_eq!(session["state"], "completed", "{session}");
    });
}

#[test]
fn a_companys_wallet_is_opened_by_two_texts_that_are_carried_with_the_same_words() {
    let town = Town::visit();
    town.run(async {
        let (company, manager) = town.company().await;
        manager.identify(&town).await;
        let (theirs, own) = (company.world.visitor(), manager.world.visitor());
        let (link, _) = town.invitation("C06", &company).await;
        let carry = leads_to(&theirs.submit(&theirs.form("/wallet/receive", &[("link", &link)])).await);
        assert!(carry.starts_with("/wallet/carry/"), "{carry}");
        let page = company.page(&theirs, &carry).await;
        let words = element(&page, "words").to_owned();
        assert_eq!(words.split(' ').count(), 4, "{words}");
        let carried = element(&page, "carried").to_owned();
        assert!(
            company.page(&theirs, "/wallet").await.contains(&carry),
            "it is found again from the first page"
        );
        let request = leads_to(&own.submit(&own.form("/wallet/receive", &[("link", &carried)])).await);
        let page = manager.page(&own, &request).await;
        assert!(
            page.contains(&format!("Kontrollord: {words}")) && page.contains(&company.number),
            "{page}"
        );
        assert!(page.contains("Ja, vis BRØNNØYSUNDREGISTRENE hvem jeg er"), "{page}");
        let back = leads_to(&manager.decide(&own, request.rsplit('/').next().unwrap(), "yes").await);
        let page = manager.page(&own, &back).await;
        assert_eq!(element(&page, "words"), words);
        let answer = element(&page, "carried").to_owned();
        let held = leads_to(
            &theirs
                .submit(&theirs.form("/wallet/receive", &[("link", &answer)]))
                .await,
        );
        let page = company.page(&theirs, &held).await;
        assert!(page.contains("TREG LASTEBIL AS"), "{page}");
        let id = company
            .take(&town.ask_for(&company, "K01", "KUNDE-1", &[], &[]).await.link)
            .await;
        let page = company.page(&theirs, &format!("/wallet/requests/{id}")).await;
        assert!(
            page.contains("ber virksomheten dele opplysninger") && page.contains("Dette deler virksomheten:"),
            "{page}"
        );
        let to = leads_to(&company.decide(&theirs, &id, "yes").await);
        assert!(
            company
                .page(&theirs, &to)
                .await
                .contains("Virksomheten delte opplysninger med FJORDBANK")
        );
    });
}
