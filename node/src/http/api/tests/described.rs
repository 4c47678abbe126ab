//! The description against what is served.

use super::bench::Bench;
use crate::http::api::{openapi, routes};
use crate::http::tests::world::require_well_made;
use crate::tokens::Scope;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(&openapi::text()).expect("JSON")
}

/// Path, method and scopes of every operation, the alternatives of one together.
fn operations() -> Vec<(String, String, Vec<String>)> {
    let document = document();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let alternatives = operation["security"].as_array().into_iter().flatten();
            let scopes = alternatives.flat_map(|one| one["token"].as_array().cloned().unwrap_or_default());
            let scopes = scopes.filter_map(|scope| scope.as_str().map(ToOwned::to_owned));
            all.push((path.clone(), method.to_uppercase(), scopes.collect()));
        }
    }
    all
}

/// A path with something in the place of each name.
fn filled(path: &str) -> String {
    path.replace("{session}", "none")
        .replace("{name}", "none")
        .replace("{id}", "none")
        .replace("{did}", "did:web:none.example")
}

#[test]
fn what_is_served_is_described_and_what_is_described_is_served() {
    let described: BTreeSet<(String, String)> = operations()
        .into_iter()
        .map(|(path, method, _)| (path, method))
        .collect();
    let served: BTreeSet<(String, String)> = routes()
        .iter()
        .flat_map(|route| {
            route
                .methods
                .iter()
                .map(|method| (route.path.to_owned(), (*method).to_owned()))
        })
        .collect();
    assert_eq!(described, served);
    assert!(served.len() >= 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_methods_that_a_route_names_are_those_that_it_has() {
    let bench = Bench::new().await;
    let token = bench.any();
    for route in routes() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            // The stream of events would not end.
            if (route.path, method) == ("/api/v1/events", "GET") {
                continue;
            }
            let said = bench.call(&token, method, &filled(route.path), &json!({})).await;
            let is_known = said.status.as_u16() != 405;
            assert_eq!(is_known, route.methods.contains(&method), "{method} {}", route.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_needs_one_of_the_scopes_that_the_description_names_and_no_other() {
    let bench = Bench::new().await;
    for scope in Scope::ALL {
        let name = scope.as_str().replace(':', "-");
        let only = bench.token(&format!("only-{name}"), &[scope]);
        for (path, method, scopes) in operations() {
            let is_enough = scopes.is_empty() || scopes.iter().any(|one| one == scope.as_str());
            if path == "/api/v1/events" && is_enough {
                continue;
            }
            let said = bench.call(&only, &method, &filled(&path), &json!({})).await;
            let is_refused = said.status.as_u16() == 403 && said.body["code"] == "no_access";
            assert_eq!(is_refused, !is_enough, "{method} {path} with {scope:?}: {said:?}");
            if is_refused {
                let challenge = said.header("www-authenticate");
                assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
                assert!(
                    scopes.iter().any(|one| challenge.contains(&format!("scope=\"{one}\""))),
                    "{challenge}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_but_the_description_needs_a_token() {
    let bench = Bench::new().await;
    for (path, method, scopes) in operations() {
        let said = bench.call_with(&method, &filled(&path), &[], "").await;
        let is_open = ["/api/v1", "/api/v1/openapi.json"].contains(&path.as_str());
        assert_eq!(is_open, scopes.is_empty(), "{path}");
        // Guesses are slowed down together.
        let is_let_in = ![401, 429].contains(&said.status.as_u16());
        assert_eq!(is_let_in, is_open, "{method} {path}");
    }
}

#[test]
fn the_description_is_ours_and_of_version_3_1() {
    let document = document();
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    assert_eq!(document["info"]["title"], "Bevis API");
    assert_eq!(document["info"]["contact"], Value::Null);
    assert_eq!(document["info"]["license"]["name"], "Apache-2.0");
    let text = openapi::text();
    assert!(
        !text.contains('@') && !text.contains("utoipa"),
        "somebody else's name is in it"
    );
    let mut names = BTreeSet::new();
    for (path, method, _) in operations() {
        let pointer = format!("/paths/{}/{}", path.replace('/', "~1"), method.to_lowercase());
        let operation = document.pointer(&pointer).expect("an operation");
        assert!(
            names.insert(operation["operationId"].to_string()),
            "{path}: its name is another's"
        );
        assert!(
            operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{method} {path}"
        );
        assert!(
            operation["responses"]
                .as_object()
                .is_some_and(|all| all.keys().any(|status| status.starts_with('2')))
        );
    }
    let codes = document.pointer("/components/schemas/Problem/properties/code/enum");
    assert_eq!(
        codes.and_then(Value::as_array).map(Vec::len),
        Some(credentials::Code::ALL.len())
    );
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    fn look(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref") {
                    assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
                }
                members.values().for_each(|member| look(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, document)),
            _ => {}
        }
    }
    let document = document();
    look(&document, &document);
}

#[test]
fn nothing_personal_can_stand_in_an_address() {
    let document = document();
    let known = [
        "session", "name", "did", "id", "state", "verdict", "service", "limit", "after", "wait",
    ];
    for operation in document["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(_, all)| all.as_object())
    {
        for parameter in operation
            .values()
            .flat_map(|one| one["parameters"].as_array().into_iter().flatten())
        {
            let name = parameter["name"].as_str().expect("a name");
            if parameter["in"] != "header" {
                assert!(known.contains(&name), "{name} stands in an address");
            }
        }
    }
}

/// `BEVIS_WRITE_REFERENCE=1` writes it anew.
#[test]
fn the_committed_description_is_the_one_that_is_served() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/openapi.json");
    let text = openapi::text();
    if crate::clock::environment("BEVIS_WRITE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &text).expect("writes");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/reference/openapi.json is not what is served: write it by `bevis openapi > docs/reference/openapi.json`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_to_programs_and_to_people() {
    let bench = Bench::new().await;
    let served = bench.call_with("GET", "/api/v1/openapi.json", &[], "").await.ok(200);
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.text, openapi::text());
    for language in ["nb", "nn", "en"] {
        let page = bench
            .call_with("GET", "/api/v1", &[("accept-language", language)], "")
            .await
            .ok(200);
        require_well_made(&page.text);
        for (path, method, _) in operations() {
            assert!(
                page.text.contains(&format!("<code>{method} {path}</code>")),
                "{method} {path}"
            );
        }
    }
}
