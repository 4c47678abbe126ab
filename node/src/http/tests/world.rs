//! A home with pages, and browsers that visit them without a socket.

mod people;

use crate::config::{self, Config, Http};
use crate::home::Home;
use crate::http::App;
use crate::http::door::{Face, Guest, HOLDER};
use crate::service::{Service, create_keys, entropy};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use credentials::Did;
use credentials::identifier::OrganisationNumber;
use std::sync::Arc;
use store::{Params, Passphrase, Store};
use tower::ServiceExt;

/// The passphrase of every home here.
pub(crate) const PASSPHRASE: &str = "a synthetic passphrase";
const PORT: u16 = 8471;

/// A home with pages.
pub(crate) struct World {
    pub(crate) service: Arc<Service>,
    pub(crate) app: Arc<App>,
    router: Router,
    /// The account of who visits.
    handle: String,
    faces: Vec<Face>,
    _folder: tempfile::TempDir,
}

impl World {
    /// A person's wallet.
    pub(crate) fn wallet() -> World {
        let mut config = config::defaults();
        config.wallet = Some(config::Wallet {
            holder: config::Holder::Person,
            mailboxes: Vec::new(),
        });
        World::of(config, vec![Face::Wallet])
    }

    /// A company's wallet.
    pub(crate) fn company(number: &str) -> World {
        let mut config = config::defaults();
        config.wallet = Some(config::Wallet {
            holder: config::Holder::Company,
            mailboxes: Vec::new(),
        });
        let number = OrganisationNumber::parse(number).expect("a number");
        World::of_company(config, vec![Face::Wallet], Some(&number))
    }

    /// An organisation that issues and asks.
    pub(crate) fn organisation(issues: &[&str]) -> World {
        let mut config = config::defaults();
        config.organisation = Some(config::Organisation {
            did: Did::parse("did:web:skatteetaten.example").expect("a DID"),
            number: "974761076".to_owned(),
            name: "Skatteetaten".to_owned(),
        });
        config.issuer = Some(config::Issuer {
            issues: issues.iter().map(|name| (*name).to_owned()).collect(),
            ..config::Issuer::default()
        });
        config.verifier = Some(config::Section::default());
        World::of(config, vec![Face::Desk, Face::Console])
    }

    /// Of this configuration, with these faces.
    pub(crate) fn of(config: Config, faces: Vec<Face>) -> World {
        World::of_company(config, faces, None)
    }

    fn of_company(mut config: Config, faces: Vec<Face>, company: Option<&OrganisationNumber>) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        config.http.get_or_insert_with(|| Http::at("127.0.0.1:0"));
        let passphrase = Passphrase::new(PASSPHRASE);
        let store = Store::create(&home.store(), &passphrase, Params::quick(), entropy()).expect("made");
        create_keys(&store, &config, company).expect("keys");
        drop(store);
        crate::home::write(&home.config(), config::text(&config).expect("text").as_bytes()).expect("writes");
        let loaded = config::load(&home, &[]).expect("loads");
        let settings = loaded.config.http.clone().expect("pages");
        let service = Service::open(&home, loaded, &passphrase).expect("opens");
        let app = App::new(service.clone(), settings, PORT);
        let router = app.router();
        World {
            service,
            app,
            router,
            handle: HOLDER.to_owned(),
            faces,
            _folder: folder,
        }
    }

    /// The host that its pages go by.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{PORT}")
    }

    /// Whom its links let in.
    pub(crate) fn guest(&self) -> Guest {
        Guest {
            handle: self.handle.clone(),
            name: "Kari Test".to_owned(),
            faces: self.faces.clone(),
        }
    }

    /// Path of a login link.
    pub(crate) fn ticket(&self) -> String {
        format!("/login/{}", self.app.door().ticket(self.guest()))
    }

    /// A browser that is let in nowhere.
    pub(crate) fn stranger(&self) -> Browser<'_> {
        Browser {
            world: self,
            session: String::new(),
        }
    }

    /// A browser with a session.
    pub(crate) fn visitor(&self) -> Browser<'_> {
        Browser {
            world: self,
            session: self.app.door().begin(self.guest()),
        }
    }
}

/// A browser.
pub(crate) struct Browser<'a> {
    world: &'a World,
    session: String,
}

/// A form as a page has it, filled in.
pub(crate) struct Filled {
    path: String,
    body: String,
}

impl Browser<'_> {
    /// The token that forms of its pages bring.
    pub(crate) fn token(&self) -> String {
        let visitor = self.world.app.door().visitor(&self.session, false);
        visitor.map_or(String::new(), |visitor| visitor.token)
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<Body>, headers: Vec<(&str, String)>) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        let own = [
            ("host", self.world.host()),
            ("cookie", format!("{}={}", self.world.app.cookie(), self.session)),
        ];
        for (name, value) in own
            .iter()
            .filter(|(name, _)| !headers.iter().any(|(given, _)| given == name))
        {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body.into()).expect("a request");
        self.world.router.clone().oneshot(request).await.expect("an answer")
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.get_with(path, &[]).await
    }

    /// Opens a page with headers of the test's own.
    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.ask("GET", path, String::new(), headers.collect()).await
    }

    /// A form of a page that is open now, with these values.
    pub(crate) fn form(&self, path: &str, values: &[(&str, &str)]) -> Filled {
        let (token, form) = (self.token(), crate::http::door::form_name());
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("token", &token).append_pair("form", &form);
        body.extend_pairs(values);
        Filled {
            path: path.to_owned(),
            body: body.finish(),
        }
    }

    /// Sends a form as a browser does.
    pub(crate) async fn submit(&self, form: &Filled) -> Response {
        self.send(form, vec![("origin", format!("http://{}", self.world.host()))])
            .await
    }

    /// Sends a form with headers of the test's own.
    pub(crate) async fn send(&self, form: &Filled, headers: Vec<(&'static str, String)>) -> Response {
        let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
        let headers = std::iter::once(kind).chain(headers).collect();
        self.ask("POST", &form.path, form.body.clone(), headers).await
    }

    /// Sends a form with a file in it as a browser does.
    pub(crate) async fn upload(&self, path: &str, name: &str, file: &[u8]) -> Response {
        let boundary = "a-boundary-of-this-test";
        let mut body = Vec::new();
        for (field, value) in [("token", self.token()), ("form", crate::http::door::form_name())] {
            let part = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"file\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let headers = vec![
            ("content-type", format!("multipart/form-data; boundary={boundary}")),
            ("origin", format!("http://{}", self.world.host())),
        ];
        self.ask("POST", path, body, headers).await
    }

    /// Sends values as they are, without token or name of a form.
    pub(crate) async fn post(&self, path: &str, values: &[(&str, &str)]) -> Response {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(values)
            .finish();
        let form = Filled {
            path: path.to_owned(),
            body,
        };
        self.submit(&form).await
    }
}

/// The text of an answer.
pub(crate) async fn text(answer: Response) -> String {
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Requires what every page must have: a language, a title, one heading of the first rank, a label for each thing to fill in, no
/// script or style in the page, at most 60 kB.
pub(crate) fn require_well_made(page: &str) {
    assert!(page.len() <= 60_000, "{} bytes", page.len());
    assert!(page.starts_with("<!DOCTYPE html><html lang=\""), "{page}");
    assert_eq!(page.matches("<h1").count(), 1, "one heading of the first rank: {page}");
    let title = page
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    assert!(title.is_some_and(|title| title.contains(" – ")), "a title: {page}");
    assert!(
        !page.contains("<style") && !page.contains(" style=\""),
        "a style in the page: {page}"
    );
    assert!(
        !page.contains(" onclick=") && !page.contains("javascript:"),
        "a script in the page: {page}"
    );
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/assets/"), "a script in the page: {script}");
    }
    let named = |tag: &str, name: &str| {
        let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
        rest.split('"').next().map(ToOwned::to_owned)
    };
    let fields = ["<input", "<textarea", "<select"];
    for field in fields.iter().flat_map(|field| page.split(*field).skip(1)) {
        let tag = field.split('>').next().unwrap_or_default();
        if named(tag, "type").as_deref() == Some("hidden") {
            continue;
        }
        let label = named(tag, "id").is_some_and(|id| page.contains(&format!("for=\"{id}\"")));
        assert!(
            label || named(tag, "aria-label").is_some(),
            "a field without a label: {tag}"
        );
    }
}
