//! People who work at an organisation's pages, each with an account and a browser, and files that they send.

use super::{Browser, PASSPHRASE, World};
use crate::http::door::{Face, Guest, form_name};
use crate::service::{self, Actor, Command, Confided};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use serde_json::Value;
use tower::ServiceExt;

/// Marks the parts of a form with a file.
const BOUNDARY: &str = "a-synthetic-boundary";

impl World {
    /// An account for the desk and the console, and a browser with a session of its own.
    pub(crate) async fn colleague(&self, handle: &str) -> Browser<'_> {
        let add = Command::PersonAdd {
            handle: handle.to_owned(),
            name: format!("{handle} Test"),
            faces: [service::Face::Desk, service::Face::Console].into(),
            passphrase: Confided::new(PASSPHRASE),
        };
        self.service.execute(add).await.expect("an account");
        let guest = Guest {
            handle: handle.to_owned(),
            name: format!("{handle} Test"),
            faces: vec![Face::Desk, Face::Console],
        };
        Browser {
            world: self,
            session: self.app.door().begin(guest),
        }
    }

    /// Somebody collects their person credential, whose row the register has.
    pub(crate) fn collected(&self, number: &str) {
        service::tests::collect(&self.service, "did:web:skatteetaten.example", number);
    }

    /// From now on the visitor is somebody with this account.
    pub(crate) async fn employ(&mut self, handle: &str) {
        self.colleague(handle).await;
        handle.clone_into(&mut self.handle);
    }

    /// What the command line is answered.
    pub(crate) async fn told(&self, command: Command) -> Value {
        self.service.execute_as(command, Actor::Cli).await.expect("an answer")
    }
}

/// A form with a file, filled in.
pub(crate) struct Sending {
    path: String,
    token: String,
    form: String,
    fields: Vec<(String, String)>,
    file: Option<(String, Vec<u8>)>,
}

impl Sending {
    /// The same with another token.
    pub(crate) fn with_token(mut self, token: &str) -> Sending {
        token.clone_into(&mut self.token);
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let own = [("token", self.token.as_str()), ("form", self.form.as_str())];
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(fields) {
            let part = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        // A browser sends the field also when nothing was chosen.
        let (name, bytes) = self
            .file
            .as_ref()
            .map_or(("", &[][..]), |(name, bytes)| (name.as_str(), bytes));
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        body
    }
}

impl Browser<'_> {
    /// A form with a file, as a page that is open now has it.
    pub(crate) fn sending(&self, path: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Sending {
        Sending {
            path: path.to_owned(),
            token: self.token(),
            form: form_name(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            file: file.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())),
        }
    }

    /// Sends it as a browser does.
    pub(crate) async fn send_file(&self, sending: &Sending) -> Response {
        self.send_bytes(sending, sending.body()).await
    }

    /// Sends only so many bytes of it: the browser went away.
    pub(crate) async fn upload_part(&self, sending: &Sending, bytes: usize) -> Response {
        let mut body = sending.body();
        body.truncate(bytes);
        self.send_bytes(sending, body).await
    }

    async fn send_bytes(&self, sending: &Sending, body: Vec<u8>) -> Response {
        let request = Request::builder()
            .method("POST")
            .uri(&sending.path)
            .header("host", self.world.host())
            .header("origin", format!("http://{}", self.world.host()))
            .header("cookie", format!("{}={}", self.world.app.cookie(), self.session))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(Body::from(body))
            .expect("a request");
        self.world.router.clone().oneshot(request).await.expect("an answer")
    }

    /// Where an answer leads.
    pub(crate) fn led(answer: &Response) -> String {
        assert_eq!(answer.status(), axum::http::StatusCode::SEE_OTHER, "is led on");
        answer.headers()["location"].to_str().expect("text").to_owned()
    }

    /// Locks its pages.
    pub(crate) fn lock(&self) {
        self.world.app.door().lock(&self.session);
    }
}
