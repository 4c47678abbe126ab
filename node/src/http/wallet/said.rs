//! What a recipient signed of what it erased and what it keeps.

use crate::http::visit::Visit;
use crate::output::At;
use maud::{Markup, html};
use serde_json::Value;

/// The lines, where it has said something.
pub(super) fn lines(visit: &Visit, of: &Value) -> Markup {
    let said = of.at("said");
    html! {
        @if !said.is_null() {
            section.card {
                h2 { (visit.words.t("wallet-said-title")) }
                ul {
                    @for line in crate::command::said::lines(visit.words.catalogue(), said) {
                        li { (line.trim()) }
                    }
                }
            }
        }
    }
}
