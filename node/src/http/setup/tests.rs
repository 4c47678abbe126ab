//! The first pages: where a wallet is made, or restored, in a browser.

use super::*;
use crate::config::Loaded;
use crate::http::tests::world::{PASSPHRASE, World, require_well_made, text};
use crate::service::{Command, Service};
use axum::body::Body;
use tower::ServiceExt;

const PORT: u16 = 8_499;

/// A home to be, and the page that makes it.
struct Place {
    setup: Arc<Setup>,
    secret: String,
    heard: mpsc::Receiver<Passphrase>,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("new")).unwrap();
        let (setup, secret, heard) = Setup::new(home, PORT);
        Place {
            setup,
            secret,
            heard,
            folder,
        }
    }

    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        let usual = [("host", "127.0.0.1:8499"), ("origin", "http://127.0.0.1:8499")];
        for (name, value) in usual
            .iter()
            .filter(|(name, _)| !headers.iter().any(|(given, _)| given == name))
        {
            request = request.header(*name, *value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.setup
            .router()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap()
    }

    async fn send(&self, copy: &[u8], passphrase: &str) -> Response {
        let mut body = b"--b\r\ncontent-disposition: form-data; name=\"copy\"; filename=\"f\"\r\n\r\n".to_vec();
        body.extend_from_slice(copy);
        let rest =
            format!("\r\n--b\r\ncontent-disposition: form-data; name=\"passphrase\"\r\n\r\n{passphrase}\r\n--b--\r\n");
        body.extend_from_slice(rest.as_bytes());
        let kind = [("content-type", "multipart/form-data; boundary=b")];
        self.ask("POST", &format!("/setup/{}", self.secret), &kind, body).await
    }
}

async fn backup(world: &World) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.bevis");
    world
        .service
        .execute(Command::Backup { path: path.clone() })
        .await
        .unwrap();
    std::fs::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_brought_back_into_another_home_and_opens_there() {
    let world = World::wallet();
    let copy = backup(&world).await;
    let mut place = Place::new();
    let shown = text(
        place
            .ask("GET", &format!("/setup/{}", place.secret), &[], Vec::new())
            .await,
    )
    .await;
    require_well_made(&shown);
    let answer = place.send(&copy, PASSPHRASE).await;
    assert_eq!(answer.status(), StatusCode::OK);
    require_well_made(&text(answer).await);
    let passphrase = place.heard.recv().await.expect("the passphrase that opens it");
    let home = Home::at(&place.folder.path().join("new")).unwrap();
    let loaded: Loaded = config::load(&home, &[]).unwrap();
    let service = Service::open(&home, loaded, &passphrase).unwrap();
    let before = world.service.execute(Command::WalletExport).await.unwrap();
    let after = service.execute(Command::WalletExport).await.unwrap();
    assert_eq!(after["holder"], before["holder"]);
    assert_eq!(place.left(), ["new"], "nothing is left beside the home");
    let again = place.send(&copy, PASSPHRASE).await;
    assert_eq!(again.status(), StatusCode::OK, "sent twice it is the same home");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_a_wrong_passphrase_and_a_missing_field_make_no_home() {
    let world = World::wallet();
    let copy = backup(&world).await;
    let place = Place::new();
    let cut = &copy[..copy.len() / 2];
    for (copy, passphrase, sentence) in [
        (&copy[..], "wrong", "Passordfrasen hører ikke til denne kopien."),
        (&copy[..], "", "Skriv passordfrasen til kopien."),
        (&b""[..], PASSPHRASE, "Velg filen med sikkerhetskopien."),
        (
            &b"not a backup"[..],
            PASSPHRASE,
            "Filen er ingen hel sikkerhetskopi av en lommebok.",
        ),
        (cut, PASSPHRASE, "Filen er ingen hel sikkerhetskopi av en lommebok."),
        (&copy[..], &"x".repeat(5_000), "Passordfrasen er for lang."),
    ] {
        let answer = place.send(copy, passphrase).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{sentence}");
        let page = text(answer).await;
        require_well_made(&page);
        assert!(
            page.contains(sentence) && page.contains("Ingenting ble gjort."),
            "{sentence}: {page}"
        );
        assert!(place.left().is_empty(), "{sentence}: {:?}", place.left());
    }
    let desk = World::organisation(&["C04"]);
    let page = text(place.send(&backup(&desk).await, PASSPHRASE).await).await;
    assert!(
        page.contains("Filen er ingen hel sikkerhetskopi av en lommebok."),
        "{page}"
    );
    assert!(place.left().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whoever_has_the_link_from_a_page_of_this_machine_makes_a_home() {
    let place = Place::new();
    let path = format!("/setup/{}", place.secret);
    assert_eq!(place.ask("GET", &path, &[], Vec::new()).await.status(), StatusCode::OK);
    assert_eq!(
        place.ask("GET", "/setup/guessed", &[], Vec::new()).await.status(),
        StatusCode::GONE
    );
    assert_eq!(
        place.ask("GET", "/wallet", &[], Vec::new()).await.status(),
        StatusCode::NOT_FOUND
    );
    let foreign = [("host", "bank.example:8499")];
    assert_eq!(
        place.ask("GET", &path, &foreign, Vec::new()).await.status(),
        StatusCode::MISDIRECTED_REQUEST
    );
    let foreign = [
        ("origin", "http://bank.example"),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let answer = place.ask("POST", &path, &foreign, Vec::new()).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let no_form = place.ask("POST", &path, &[], Vec::new()).await;
    assert_eq!(no_form.status(), StatusCode::UNPROCESSABLE_ENTITY);
    require_well_made(&text(no_form).await);
}
