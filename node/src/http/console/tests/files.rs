//! Files that are brought: what good ones do, and what bad ones get.

use super::{MUNTER, ROLIG, income, lines};
use crate::http::tests::world::{Browser, World, require_well_made, text};
use crate::service::Command;
use axum::http::StatusCode;

const REGISTER: &str = "/console/registers/C02";
const FILE: &str = "/console/registers/C02/file";

/// The value of the hidden field that names the file, on the page that shows what was found.
fn named(page: &str) -> String {
    let rest = page
        .split("name=\"file\" value=\"")
        .nth(1)
        .expect("a form about the file");
    rest.split('"').next().expect("ends").to_owned()
}

async fn rows(world: &World) -> u64 {
    let status = world.told(Command::IssuerStatus).await;
    status["types"][0]["rows"].as_u64().expect("a number")
}

async fn jobs(world: &World) -> usize {
    let jobs = world.told(Command::Jobs).await;
    let jobs = jobs["jobs"].as_array().expect("a list").iter();
    jobs.filter(|job| job["dry_run"] != true).count()
}

/// Name and bytes of a file that a form brings.
type Uploaded = Option<(&'static str, &'static [u8])>;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_looked_at_first_then_imported_by_a_yes_and_its_bad_lines_are_there_to_be_corrected() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let mut wrong = income(MUNTER, "10.00");
    wrong["personidentifikator"] = "03919043164".into();
    let file = lines(&[income(ROLIG, "48500.00"), wrong, income(MUNTER, "31000.00")]);
    let sent = kari
        .send_file(&kari.sending(FILE, &[], Some(("inntekt.jsonl", &file))))
        .await;
    let check = Browser::led(&sent);
    assert!(!check.contains(ROLIG) && !check.contains("inntekt"), "{check}");
    let page = text(kari.get(&check).await).await;
    require_well_made(&page);
    for must in [
        "Rader som kan importeres: 2. Linjer som blir avvist: 1.",
        "Kontrollsifferet stemmer ikke.",
        "Ja, importer",
    ] {
        assert!(page.contains(must), "lacks {must}: {page}");
    }
    assert_eq!(
        (rows(&world).await, jobs(&world).await),
        (0, 0),
        "nothing is imported by looking"
    );

    let yes = kari.form(&format!("{REGISTER}/import"), &[("file", &named(&page))]);
    let import = Browser::led(&kari.submit(&yes).await);
    assert_eq!(
        Browser::led(&kari.submit(&yes).await),
        import,
        "sent twice, the second leads to the same"
    );
    assert_eq!((rows(&world).await, jobs(&world).await), (2, 1));
    let page = text(kari.get(&import).await).await;
    require_well_made(&page);
    assert!(
        page.contains("Importen er ferdig") && page.contains("Kontrollsifferet stemmer ikke."),
        "{page}"
    );

    let job = import.rsplit('/').next().expect("a name");
    let table = text(kari.get(&format!("/console/registers/rejected/{job}")).await).await;
    require_well_made(&table);
    assert!(table.contains("Kontrollsifferet stemmer ikke."), "{table}");
    let answer = kari.get(&format!("/console/registers/rejected/{job}/file")).await;
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .expect("text")
            .starts_with("text/csv")
    );
    let csv = text(answer).await;
    assert!(csv.starts_with("line,field,reason,text\r\n2,"), "{csv}");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains("03919043164"), "the line itself: {csv}");

    let register = text(kari.get(REGISTER).await).await;
    assert!(
        register.contains("Importen er ferdig") && !register.contains(">aldri<"),
        "{register}"
    );
    for turn in ["pause", "resume"] {
        let late = kari.form(&format!("{import}/{turn}"), &[]);
        assert_eq!(
            Browser::led(&kari.submit(&late).await),
            import,
            "it is over, and the page says so"
        );
    }
    let record = text(kari.get("/console/record").await).await;
    assert!(
        record.contains("begynte en import") && record.contains("ble ferdig med en import"),
        "{record}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_again_changes_nothing_and_a_no_erases_it() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let file = lines(&[income(ROLIG, "48500.00")]);
    for _ in 0..2 {
        let check = Browser::led(&kari.send_file(&kari.sending(FILE, &[], Some(("a.jsonl", &file)))).await);
        let page = text(kari.get(&check).await).await;
        let yes = kari.form(&format!("{REGISTER}/import"), &[("file", &named(&page))]);
        let import = Browser::led(&kari.submit(&yes).await);
        assert!(text(kari.get(&import).await).await.contains("Importen er ferdig"));
    }
    assert_eq!((rows(&world).await, jobs(&world).await), (1, 1));
    // More noes than files that may lie there at a time: each is erased.
    for _ in 0..issuer::UPLOADS_MAX + 2 {
        let check = Browser::led(&kari.send_file(&kari.sending(FILE, &[], Some(("a.jsonl", &file)))).await);
        let page = text(kari.get(&check).await).await;
        let no = kari.form(&format!("{REGISTER}/discard"), &[("file", &named(&page))]);
        assert_eq!(Browser::led(&kari.submit(&no).await), REGISTER);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_answers_are_shown_and_can_be_erased_when_there_is_no_more_room() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let file = lines(&[income(ROLIG, "48500.00")]);
    let send = || kari.sending(FILE, &[], Some(("a.jsonl", &file)));
    for _ in 0..issuer::UPLOADS_MAX {
        Browser::led(&kari.send_file(&send()).await);
    }
    let answer = kari.send_file(&send()).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(answer).await;
    require_well_made(&page);
    assert!(page.contains("Slett en av dem først."), "{page}");
    assert_eq!(page.matches("Slett filen").count(), issuer::UPLOADS_MAX, "{page}");
    let no = kari.form(&format!("{REGISTER}/discard"), &[("file", &named(&page))]);
    assert_eq!(Browser::led(&kari.submit(&no).await), REGISTER);
    Browser::led(&kari.send_file(&send()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_a_file_that_is_sent_twice_is_taken_once() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let sending = kari.sending(FILE, &[], Some(("a.jsonl", &lines(&[income(ROLIG, "1.00")]))));
    let first = Browser::led(&kari.send_file(&sending).await);
    assert_eq!(Browser::led(&kari.send_file(&sending).await), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_taken_is_told_beside_its_field_and_leaves_nothing() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let bad: [(Uploaded, &str); 6] = [
        (None, "Velg en fil."),
        (Some(("tom.csv", b"")), "Filen er tom."),
        (Some(("blank.csv", b" \r\n\r\n")), "Filen er tom."),
        (Some(("bilde.png", b"\x89PNG\r\n\x1a\n\0\0")), "Filen er ikke tekst."),
        (Some(("liste.json", b"[{\"a\":1}]")), "Filen er én JSON-liste."),
        (
            Some(("to.csv", b"a,a\n1,2\n")),
            "Den første linjen er ikke en overskrift.",
        ),
    ];
    // More often than files may lie there at a time: each is gone.
    for (file, told) in bad {
        let answer = kari.send_file(&kari.sending(FILE, &[], file)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(
            page.contains(told) && page.contains("aria-invalid=\"true\""),
            "{told}: {page}"
        );
        assert!(page.contains("Ingenting ble gjort."), "{page}");
    }
    let good = lines(&[income(ROLIG, "48500.00")]);
    let broken = kari.sending(FILE, &[], Some(("a.jsonl", &good)));
    for _ in 0..issuer::UPLOADS_MAX + 1 {
        let answer = kari.upload_part(&broken, 700).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(answer).await.contains("Filen kom ikke fram i sin helhet."));
    }
    let check = Browser::led(&kari.send_file(&broken).await);
    assert!(
        text(kari.get(&check).await)
            .await
            .contains("Alt kan importeres. Rader: 1.")
    );
    assert_eq!(jobs(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_the_type_does_not_have_is_told_line_by_line_and_there_is_no_yes() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let file = b"navn;adresse\nKari;Storgata 1\n";
    let check = Browser::led(&kari.send_file(&kari.sending(FILE, &[], Some(("a.csv", file)))).await);
    let page = text(kari.get(&check).await).await;
    require_well_made(&page);
    assert!(
        page.contains("Ingen rad kan importeres.") && page.contains("Typen har ikke denne kolonnen."),
        "{page}"
    );
    assert!(!page.contains("Ja, importer"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_expired_or_a_locked_page_is_not_taken() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let file = lines(&[income(ROLIG, "48500.00")]);
    let sending = || kari.sending(FILE, &[], Some(("a.jsonl", &file)));
    let expired = kari.send_file(&sending().with_token("made up")).await;
    assert_eq!(expired.status(), StatusCode::CONFLICT);
    assert!(text(expired).await.contains("page_expired"));
    let before = sending();
    kari.lock();
    let locked = kari.send_file(&before).await;
    assert_eq!(locked.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(jobs(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_in_a_file_can_be_looked_for_again_when_it_is_forgotten() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let file = lines(&[income(ROLIG, "48500.00")]);
    let check = Browser::led(&kari.send_file(&kari.sending(FILE, &[], Some(("a.jsonl", &file)))).await);
    let (path, job) = check.rsplit_once('/').expect("a job");
    let other: String = job.chars().rev().collect();
    let page = text(kari.get(&format!("{path}/{other}")).await).await;
    require_well_made(&page);
    assert!(page.contains("Resultatet av kontrollen er borte"), "{page}");
    let again = kari.form(&format!("{REGISTER}/again"), &[("file", &named(&page))]);
    let found = Browser::led(&kari.submit(&again).await);
    assert!(
        text(kari.get(&found).await)
            .await
            .contains("Alt kan importeres. Rader: 1.")
    );
    for step in ["again", "import", "discard"] {
        for wrong in ["", "../../keys", "0123456789abcdef-xml"] {
            let form = kari.form(&format!("{REGISTER}/{step}"), &[("file", wrong)]);
            let answer = kari.submit(&form).await;
            let is_refused = [StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY].contains(&answer.status());
            assert!(is_refused, "{step} {wrong:?}: {}", answer.status());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_under_way_is_stopped_and_gone_on_with_from_its_page() {
    let world = World::organisation(&["C02"]);
    let kari = world.colleague("kari").await;
    let start = Command::ImportStart {
        credential_type: "C02".to_owned(),
        file: [7; 32],
        header: None,
        dry_run: false,
    };
    let job = world.told(start).await["job"].as_str().expect("a name").to_owned();
    let lines = || Command::ImportLines {
        job: job.clone(),
        lines: vec![(1, income(ROLIG, "48500.00").to_string())],
    };
    world.told(lines()).await;
    let import = format!("/console/registers/imports/{job}");
    let page = text(kari.get(&import).await).await;
    require_well_made(&page);
    assert!(
        page.contains("Importen går") && page.contains("Stopp en stund"),
        "{page}"
    );
    assert!(
        text(kari.get("/console").await)
            .await
            .contains("blir importert. Rader så langt: 1.")
    );
    for (turn, stage, button) in [
        ("pause", "Importen er stoppet", "Fortsett"),
        ("resume", "Importen går", "Stopp en stund"),
    ] {
        let form = kari.form(&format!("{import}/{turn}"), &[]);
        assert_eq!(Browser::led(&kari.submit(&form).await), import);
        let page = text(kari.get(&import).await).await;
        assert!(page.contains(stage) && page.contains(button), "{turn}: {page}");
        if turn == "pause" {
            assert_eq!(world.told(lines()).await["paused"], true, "whoever feeds it is told");
        }
    }
}
