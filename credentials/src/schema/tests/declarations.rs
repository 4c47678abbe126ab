//! What a declaration may not be.

use super::*;

fn parse(change: impl FnOnce(&mut Value)) -> Result<(), (Code, Option<String>)> {
    let mut declared = read(SEVENTH);
    change(&mut declared);
    CredentialType::parse(declared.to_string().as_bytes())
        .map(|_| ())
        .map_err(|problem| (problem.code, problem.detail))
}

fn refused(member: &str, change: impl FnOnce(&mut Value)) {
    assert_eq!(
        parse(change),
        Err((Code::Malformed, Some(member.to_owned()))),
        "{member}"
    );
}

#[test]
fn each_member_out_of_bounds_is_named() {
    assert_eq!(parse(|_| ()), Ok(()));
    refused("id", |d| d["id"] = json!("T 07"));
    refused("name", |d| d["name"] = json!(""));
    refused("vct", |d| d["vct"] = json!("urn test"));
    refused("label", |d| d["label"]["nn"] = json!("a\u{1b}"));
    refused("copies", |d| d["copies"] = json!(0));
    refused("copies", |d| d["copies"] = json!(65));
    refused("rows", |d| d["rows"] = json!(9));
    refused("copies", |d| {
        d["rows"] = json!(8);
        d["copies"] = json!(9);
    });
    refused("validity", |d| d["validity"] = json!({"days": 0}));
    refused("row_key", |d| d["row_key"] = json!([]));
    refused("row_key", |d| d["row_key"] = json!([["mangler"]]));
    refused("row_key", |d| d["row_key"] = json!([["baater", null, "navn"]]));
    refused("holder.number", |d| d["holder"]["number"] = json!(["mangler"]));
    refused("as_of", |d| d["as_of"] = json!(["fnr"]));
    refused("names", |d| d["names"] = json!({"nummer": "bevisstatus"}));
    refused("names", |d| d["names"] = json!({"status": "mangler"}));
    assert_eq!(
        parse(|d| d["schema"] = json!("credential-type/v2")),
        Err((Code::Unsupported, Some("schema".to_owned())))
    );
    assert!(parse(|d| d["annet"] = json!(1)).is_err());
    assert!(parse(|d| d["holder"]["annet"] = json!(1)).is_err());
    assert!(parse(|d| d["fields"][0]["annet"] = json!(1)).is_err());
    assert!(parse(|d| d["label"]["se"] = json!("x")).is_err());
}

#[test]
fn a_field_must_exist_and_be_listed_once() {
    refused("fields: mangler", |d| d["fields"][0]["path"] = json!(["mangler"]));
    refused("fields: fri.x", |d| d["fields"][0]["path"] = json!(["fri", "x"]));
    refused("fields: fnr", |d| d["fields"][1] = d["fields"][0].clone());
    assert_eq!(parse(|d| d["fields"][0]["path"] = json!(["helse", "syn"])), Ok(()));
}

#[test]
fn a_schema_reaches_nothing_outside_itself_and_takes_no_reserved_name() {
    refused("claims", |d| {
        d["claims"]["properties"]["helse"]["$ref"] = json!("https://example.com/a.json")
    });
    refused("claims", |d| d["claims"]["properties"]["helse"]["$ref"] = json!("#"));
    refused("claims", |d| d["claims"]["$id"] = json!("https://example.com/"));
    refused("claims", |d| {
        d["claims"]["$schema"] = json!("http://json-schema.org/draft-07/schema#")
    });
    refused("claims", |d| {
        d["claims"]["patternProperties"] = json!({"^_": {"type": "string"}})
    });
    refused("claims", |d| d["claims"] = json!(true));
    for name in ["iss", "status", "cnf", "exp", "_sd", "vct"] {
        refused("claims", |d| {
            d["claims"]["properties"][name] = json!({"type": "string"})
        });
    }
    let compiled = |change: &dyn Fn(&mut Value)| parse(change).map_err(|(code, _)| code);
    assert_eq!(
        compiled(&|d| d["claims"]["properties"]["helse"]["$ref"] = json!("#/$defs/mangler")),
        Err(Code::Malformed)
    );
    assert_eq!(
        compiled(&|d| d["claims"]["properties"]["konto"]["format"] = json!("kontonumer")),
        Err(Code::Malformed)
    );
    assert_eq!(
        compiled(&|d| d["claims"]["properties"]["merke"]["pattern"] = json!("(a{1,1000}){1,1000}")),
        Err(Code::Malformed)
    );
    assert_eq!(
        compiled(&|d| d["claims"]["properties"]["merke"]["pattern"] = json!("^a+$")),
        Ok(())
    );
}

#[test]
fn a_role_proof_needs_withheld_numbers_beside_role_and_end() {
    let role = |person: Value, role: Value, ended: Value| json!({"role": {"vct": "urn:eudi:pid:1", "path": ["n"], "person": person, "role": role, "ended": ended, "roles": ["DAGL"]}});
    let person = json!(["baater", null, "hemmelig"]);
    let name = json!(["baater", null, "navn"]);
    let proof = |value: Value| parse(move |d| d["holder"]["proof"] = value);
    assert_eq!(proof(role(person.clone(), name.clone(), name.clone())), Ok(()));
    assert!(
        proof(role(name.clone(), name.clone(), name.clone())).is_err(),
        "shown number"
    );
    assert!(
        proof(role(person.clone(), json!(["merke"]), name.clone())).is_err(),
        "role elsewhere"
    );
    assert!(
        proof(role(person.clone(), name.clone(), json!(["gyldig"]))).is_err(),
        "end elsewhere"
    );
    let with_death = |deceased: Value| {
        let mut proof = role(person.clone(), name.clone(), name.clone());
        proof["role"]["deceased"] = deceased;
        proof
    };
    assert_eq!(proof(with_death(name.clone())), Ok(()));
    assert!(proof(with_death(json!(["gyldig"]))).is_err(), "death elsewhere");
}

#[test]
fn an_ending_needs_known_paths_and_dates() {
    let notice = |ends: Value| json!([{"when": [[["merke"], "x"]], "effect": {"notice": {"notice": ["helse", "syn"], "ends": ends, "months": 2}}}]);
    assert_eq!(parse(|d| d["endings"] = notice(json!(["helse", "syn"]))), Ok(()));
    refused("endings", |d| d["endings"] = notice(json!(["merke"])));
    refused("endings", |d| {
        d["endings"] = json!([{"when": [[["mangler"], "x"]], "effect": "revoke"}])
    });
    refused("endings", |d| d["endings"] = json!([{"when": [], "effect": "revoke"}]));
}

#[test]
fn the_size_of_a_declaration_and_names_twice_in_it_are_refused() {
    let padded = format!("{SEVENTH}{}", " ".repeat(DECLARATION_MAX));
    let code = |text: &str| {
        CredentialType::parse(text.as_bytes())
            .map_err(|problem| problem.code)
            .err()
    };
    assert_eq!(code(&padded), Some(Code::TooLarge));
    assert_eq!(
        code(&SEVENTH.replacen("\"id\"", "\"name\": \"B\", \"id\"", 1)),
        Some(Code::DuplicateKey)
    );
    assert_eq!(code("{}"), Some(Code::Malformed));
}

#[test]
fn a_seventh_type_is_found_like_the_others_and_only_once() {
    let mut types = Types::builtin();
    let added = types.add(SEVENTH.as_bytes()).expect("declaration");
    for name in ["T07", "t07", "BoatLicence", "urn:test:BoatLicence:1"] {
        assert!(Arc::ptr_eq(types.find(name).expect(name), &added), "{name}");
    }
    assert!(types.find("T08").is_none());
    assert_eq!(types.all().count(), 10);
    for (member, text) in [
        ("vct", SEVENTH.to_owned()),
        ("id", SEVENTH.replace("urn:test:BoatLicence:1", "urn:test:Other:1")),
        (
            "name",
            SEVENTH
                .replace("urn:test:BoatLicence:1", "urn:test:Other:1")
                .replace("T07", "T08"),
        ),
    ] {
        let problem = types.add(text.as_bytes()).expect_err(member);
        assert_eq!(
            (problem.code, problem.detail.as_deref()),
            (Code::DuplicateKey, Some(member))
        );
    }
    assert_eq!(types.all().count(), 10);
}
