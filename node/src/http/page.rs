//! How a page looks: head, who is logged in where, the way around, the body, and what is the same everywhere.

use super::door::{Face, form_name};
use super::server::App;
use super::visit::Visit;
use super::words::{SPOKEN, Words};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::sync::Arc;

/// Header by which an open page asks for its own newest state: it does not count as something that a person did.
pub const PART: HeaderName = HeaderName::from_static("x-bevis-part");

/// The pages of each face: where, and the key of the link's text. The first is its home.
pub fn ways(face: Face) -> &'static [(&'static str, &'static str)] {
    match face {
        Face::Wallet => &[
            ("/wallet", "way-wallet-home"),
            ("/wallet/receive", "way-wallet-receive"),
            ("/wallet/grants", "way-wallet-grants"),
            ("/wallet/history", "way-wallet-history"),
            ("/wallet/settings", "way-wallet-settings"),
        ],
        Face::Desk => &[
            ("/desk", "way-desk-home"),
            ("/desk/new", "way-desk-new"),
            ("/desk/grants", "way-desk-grants"),
        ],
        Face::Console => &[
            ("/console", "way-console-home"),
            ("/console/registers", "way-console-registers"),
            ("/console/credentials", "way-console-credentials"),
            ("/console/lists", "way-console-lists"),
            ("/console/trust", "way-console-trust"),
            ("/console/record", "way-console-record"),
            ("/console/health", "way-console-health"),
        ],
    }
}

/// The hidden fields of every form: whose page it is on, and its own name.
pub fn hidden(visit: &Visit) -> Markup {
    html! {
        input type="hidden" name="token" value=(visit.visitor.token);
        input type="hidden" name="form" value=(form_name());
    }
}

/// A page of somebody who is let in.
pub fn of_visit(visit: &Visit, status: StatusCode, title: &str, body: Markup) -> Response {
    let words = &visit.words;
    let path = visit.path.split('?').next().unwrap_or_default();
    let face = [Face::Wallet, Face::Desk, Face::Console]
        .into_iter()
        .find(|face| path.starts_with(face.path()))
        .or_else(|| visit.visitor.faces.first().copied());
    // The way that is the longest beginning of the path is where the person is.
    let ways = face.map(ways).unwrap_or_default();
    let here = ways
        .iter()
        .map(|(way, _)| *way)
        .filter(|way| path == *way || path.strip_prefix(way).is_some_and(|rest| rest.starts_with('/')))
        .max_by_key(|way| way.len());
    let around = html! {
        @if !visit.visitor.is_locked && !ways.is_empty() {
            nav.ways aria-label=(words.plain("page-ways")) {
                ul {
                    @for (way, key) in ways {
                        li { a href=(way) aria-current=[(here == Some(*way)).then_some("page")] { (words.t(key)) } }
                    }
                }
            }
        }
    };
    let tools = html! {
        @if !visit.visitor.is_locked {
            @for other in visit.visitor.faces.iter().filter(|other| Some(**other) != face) {
                a.tool href=(other.path()) { (words.t(&format!("page-to-{}", other.name()))) }
            }
            form.tool method="post" action="/lock" {
                (hidden(visit))
                button.quiet type="submit" { (words.t("page-lock")) }
            }
        }
    };
    let who = html! { span.who { (visit.visitor.name) } };
    let languages = html! {
        form.languages method="post" action="/language" {
            (hidden(visit))
            input type="hidden" name="back" value=(visit.path);
            span.fine { (words.t("page-language")) }
            @for (code, name) in SPOKEN {
                button.quiet type="submit" name="language" value=(code) lang=(code)
                    aria-pressed=(if *code == words.language() { "true" } else { "false" }) { (name) }
            }
        }
    };
    let frame = Frame {
        app: &visit.app,
        words,
        title,
        // What went wrong stays on the page until the person has read it: it does not follow what is new.
        revision: (status == StatusCode::OK).then_some(visit.revision),
    };
    frame.respond(status, html! { (who) (tools) }, around, body, languages)
}

/// A page of somebody who is not let in.
pub fn outside(app: &Arc<App>, words: &Words, status: StatusCode, title: &str, body: Markup) -> Response {
    let frame = Frame {
        app,
        words,
        title,
        revision: None,
    };
    frame.respond(status, html! {}, html! {}, body, html! {})
}

struct Frame<'a> {
    app: &'a App,
    words: &'a Words,
    title: &'a str,
    revision: Option<u64>,
}

impl Frame<'_> {
    fn respond(&self, status: StatusCode, tools: Markup, around: Markup, body: Markup, languages: Markup) -> Response {
        let (app, words) = (self.app, self.words);
        let whose = app.name();
        let page = html! {
            (DOCTYPE)
            html lang=(words.language()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " – " (whose) }
                    link rel="stylesheet" href="/assets/bevis.css";
                    link rel="icon" type="image/svg+xml" href=(format!("/assets/icon-{}.svg", app.colour()));
                    script src="/assets/live.js" defer {}
                }
                body class=(format!("colour-{}", app.colour())) {
                    a.skip href="#main" { (words.t("page-skip")) }
                    header.top {
                        p.brand { a href="/" { (PreEscaped(MARK)) span.whose { (whose) } } }
                        div.tools { (tools) }
                    }
                    (around)
                    main #main tabindex="-1" data-live=[self.revision] { (body) }
                    footer.bottom {
                        (languages)
                        p.fine { (words.t("page-test-network")) }
                    }
                }
            }
        };
        let mut response = (status, page.into_string()).into_response();
        let kind = axum::http::HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Our own mark: a seal.
const MARK: &str = r#"<svg class="mark" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true" focusable="false"><circle cx="12" cy="12" r="10"/><path d="m7.5 12.5 3 3 6-7"/></svg>"#;
