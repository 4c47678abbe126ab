//! Askers of whom nobody knows who they are, or who may not ask.

use crate::http::visit::Visit;
use credentials::Code;
use maud::{Markup, html};

/// Whether a code says that the asker is not who it says, or may not ask what it asks.
pub(super) fn is_untrusted(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownVerifier
            | Code::UnknownIssuer
            | Code::TypeNotAllowed
            | Code::UnsignedRequest
            | Code::WrongOrigin
            | Code::SignatureInvalid
            | Code::UnknownKey
            | Code::KeyOutsideWindow
            | Code::KeyCompromised
            | Code::NotLicensed
            | Code::NoLegalGround
            | Code::OverAsk
    )
}

/// The warning above a request that waits and must not be answered.
pub(super) fn warning(visit: &Visit, code: Code, detail: &str) -> Markup {
    let words = &visit.words;
    html! {
        div.alert.danger role="alert" {
            h1 { (words.t("wallet-untrusted-title")) }
            p { (words.fill(&format!("problem-{code}"), &[("detail", detail)])) }
            @if code == Code::OverAsk && !detail.is_empty() {
                p { (words.t("wallet-too-much")) " " (words.catalogue().too_much(detail)) "." }
            }
            p { (words.t("wallet-untrusted-do")) }
            p.fine { (words.t("page-problem-code")) " " code { (code.as_str()) } }
        }
    }
}
