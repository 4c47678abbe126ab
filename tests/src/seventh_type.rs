//! A seventh credential type, which no code knows, goes through the released binary from offer to verdict: a declaration in
//! each home's `types` folder and a registration in the trust document are all it takes.

use crate::network::{BANK, IDENTITY, Network, Organisation, argument, collect, import, offer, receive, share, text};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::{Value, json};

const VCT: &str = "urn:bevis:LibraryCard:1";
const LIBRARY: Organisation = Organisation::issuer(
    "library",
    "314159268",
    "DEICHMAN BIBLIOTEK",
    "did:web:deichman.example",
    &[VCT],
);

fn label(nb: &str, en: &str) -> Value {
    json!({ "nb": nb, "nn": nb, "en": en })
}

/// The type, as an operator declares it.
fn declaration() -> Value {
    let field =
        |path: Value, class: &str, nb: &str, en: &str| json!({ "path": path, "class": class, "label": label(nb, en) });
    json!({
        "schema": "credential-type/v1", "id": "C99", "name": "LibraryCard", "vct": VCT,
        "label": label("Lånekort", "Library card"),
        "holder": {
            "kind": "person", "number": ["borrower"],
            "proof": { "credential": { "vct": "urn:eudi:pid:1", "path": ["personal_administrative_number"] } },
        },
        "row_key": [["card"]], "rows": 2, "validity": { "days": 30 }, "copies": 3,
        "fields": [
            field(json!(["borrower"]), "S", "Låner", "Borrower"),
            field(json!(["card"]), "A", "Kortnummer", "Card number"),
            field(json!(["branch"]), "S", "Filial", "Branch"),
            field(json!(["fines"]), "S", "Gebyr", "Fines"),
        ],
        "claims": {
            "type": "object", "required": ["borrower", "card", "branch"], "additionalProperties": false,
            "properties": {
                "borrower": { "type": "string", "format": "fodselsnummer" },
                "card": { "type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$" },
                "branch": { "type": "string", "maxLength": 60 },
                "fines": { "type": "string", "format": "decimal" },
            },
        },
    })
}

/// The service that may ask for it: not for the fines.
fn registration() -> Value {
    let coded = |code: &str, nb: &str, en: &str| json!({ "code": code, "text": label(nb, en) });
    json!({
        "id": "X99", "name": label("Fjernlån", "Interlibrary loan"),
        "purpose": coded("interlibrary_loan", "Låne ut en bok", "Lend a book"),
        "ground": coded("consent", "Du samtykker", "You consent"),
        "may_ask": [{ "vct": VCT, "claims": [["borrower"], ["card"], ["branch"]] }],
        "request_seconds_max": 3600, "keep_seconds": 86400,
        "keep_ground": coded("loan_running", "Så lenge lånet varer", "While the loan runs"),
        "status_age_max": 3600,
    })
}

fn drop_type(home: &Home) {
    let folder = home.path().join("types");
    std::fs::create_dir(&folder).expect("made");
    std::fs::write(folder.join("LibraryCard.json"), declaration().to_string()).expect("writes");
}

#[test]
fn a_type_that_no_code_knows_goes_from_offer_to_verdict() {
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let mut library = network.init(&LIBRARY, &[]);
    let mut bank = network.init(&BANK, &[]);
    let citizen = network.wallet("citizen", &[]);

    // A name that no declaration explains yet is refused when it is typed; the type's own name is taken for what comes.
    let named = [
        "init",
        "--role",
        "issuer",
        "--profile",
        "test",
        "--issues",
        "C99",
        "--did",
        LIBRARY.did,
    ];
    let more = ["--number", LIBRARY.number, "--name", LIBRARY.name];
    let other = Home::new(network.folder(), "other");
    other.run(&[&named[..], &more].concat()).expect_problem(2, "usage");
    // Before the declaration is there, the node does not start to issue what it does not know.
    library.run(&["issuer", "status"]).expect_problem(9, "config_invalid");
    for home in [&library, &bank, &citizen] {
        drop_type(home);
    }
    let types = library.run(&["issuer", "types"]).expect(0).objects();
    assert!(
        types.iter().any(|known| known["vct"] == VCT && known["id"] == "C99"),
        "{types:?}"
    );

    let service = network.folder().join("X99.json");
    std::fs::write(&service, registration().to_string()).expect("writes");
    for home in [&mut identity, &mut library, &mut bank] {
        home.serve(&[]);
    }
    network.list(&identity, IDENTITY.issues, IDENTITY.services);
    network.list(&library, &[VCT], &["K02"]);
    network.list(&bank, &[], &[argument(&service)]);
    let document = network.sign();
    for home in [&identity, &library, &bank, &citizen] {
        home.ok(&["trust", "import", argument(&document)]);
    }

    import(&identity, "C01", &network.population(40, 12));
    let register = network.folder().join("cards.jsonl");
    let rows = [
        json!({ "borrower": CITIZEN, "card": "NO123456", "branch": "Bjørvika", "fines": "120.50" }),
        json!({ "borrower": CITIZEN, "card": "123456", "branch": "Bjørvika" }),
    ];
    std::fs::write(&register, rows.map(|row| format!("{row}\n")).concat()).expect("writes");
    let imported = library
        .run(&["issuer", "import", "--type", "C99", argument(&register)])
        .expect(8)
        .json();
    assert_eq!(
        (&imported["report"]["new"], &imported["report"]["rejected"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        library.ok(&["issuer", "prepare", "--type", "LibraryCard"])["prepared"],
        1
    );

    network.identify(&identity, &citizen, CITIZEN);
    let id = collect(&citizen, &library, "LibraryCard");
    let shown = citizen.ok(&["--lang", "en", "wallet", "show", &id])["credential"].clone();
    assert_eq!(shown["label"]["en"], "Library card");
    let fines = shown["claims"]
        .as_array()
        .expect("claims")
        .iter()
        .find(|claim| claim["path"] == "fines");
    assert_eq!(fines.expect("held")["value"], "120.50");
    assert_eq!(fines.expect("held")["label"], "Fines");

    let detail = share(&bank, &citizen, "X99", "LAAN-1", CITIZEN, &[]);
    let claims = json!({ "LibraryCard": { "borrower": CITIZEN, "card": "NO123456", "branch": "Bjørvika" } });
    assert_eq!(detail["claims"], claims);

    // What the registration does not have may not be asked, for this type as for any other.
    let more = [
        "verifier",
        "request",
        "--service",
        "X99",
        "--case",
        "LAAN-2",
        "--subject",
        CITIZEN,
        "--claim",
        "fines",
    ];
    bank.run(&more).expect_problem(7, "over_ask");
}

#[test]
fn a_wallet_without_the_declaration_refuses_the_type_by_name() {
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let mut library = network.init(&LIBRARY, &[]);
    let citizen = network.wallet("citizen", &[]);
    drop_type(&library);
    for home in [&mut identity, &mut library] {
        home.serve(&[]);
    }
    network.list(&identity, IDENTITY.issues, IDENTITY.services);
    network.list(&library, &[VCT], &["K02"]);
    let document = network.sign();
    for home in [&identity, &library, &citizen] {
        home.ok(&["trust", "import", argument(&document)]);
    }
    let link = offer(&library, "C99");
    let refused = citizen
        .run(&["wallet", "receive", &link])
        .expect_problem(3, "unknown_type");
    assert!(text(&refused.json()["detail"]).contains("LibraryCard"), "{refused:?}");
    drop_type(&citizen);
    import(&identity, "C01", &network.population(40, 12));
    network.identify(&identity, &citizen, CITIZEN);
    receive(&citizen, &link);
}
