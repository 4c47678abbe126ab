//! What both sides hold of one presentation, and what the person does with it from the history.

use crate::network::{BANK, IDENTITY, Network, TAX, argument, ask, collect, import, receive, text};
use crate::process::Home;
use credentials::decision::Report;
use node::population::CITIZEN;
use serde_json::Value;

fn entry(home: &Home, what: &str) -> String {
    let history = home.ok(&["wallet", "history"]);
    let events = history["events"].as_array().expect("a list").clone();
    let found = events.iter().rfind(|event| event["what"] == what).expect("there");
    found["id"].as_u64().expect("a number").to_string()
}

#[test]
fn holder_and_bank_export_the_same_receipt_and_a_deletion_and_a_report_go_from_its_entry() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let citizen = network.wallet("citizen", &[]);
    let organisations = &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)];
    network.begin(organisations, &[&citizen], &[]);
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");

    let (link, session) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let id = receive(&citizen, &link);
    assert_eq!(citizen.ok(&["--yes", "wallet", "present", &id])["outcome"], "shared");
    let shared = entry(&citizen, "shared");
    let document = |home: &Home, arguments: &[&str]| home.run(arguments).expect(0).stdout;
    let holders = document(
        &citizen,
        &["wallet", "history", "export", &shared, "--format", "json-ld"],
    );
    let banks = document(&bank, &["verifier", "receipt", &session]);
    assert_eq!(holders, banks, "byte for byte");
    assert!(holders.contains("dpv:ConsentReceipt") && !holders.contains(CITIZEN));

    // The bank keeps it by law: it says so, and both have logged it. Asked again, it is the same word.
    let answer = citizen.ok(&["wallet", "history", "delete-request", &shared]);
    assert_eq!(answer["outcome"], "erased", "{answer}");
    let again = citizen.ok(&["wallet", "history", "delete-request", &shared]);
    assert_eq!(again["statement"], answer["statement"]);
    let noted = bank.ok(&["verifier", "sessions", &session])["session"]["deletion"].clone();
    assert_eq!(noted["answer"], answer["statement"], "{noted}");
    let answered = entry(&citizen, "deletion_answered");
    let holders = document(&citizen, &["wallet", "history", "export", &answered]);
    assert_eq!(holders, document(&bank, &["verifier", "receipt", &session]));
    assert!(holders.contains(answer["statement"].as_str().expect("text")));

    let file = network.folder().join("report.jws");
    let complaint = "Banken ringer meg hver dag";
    let reported = citizen.ok(&[
        "wallet",
        "history",
        "report",
        &shared,
        argument(&file),
        "--complaint",
        complaint,
    ]);
    let signed = std::fs::read_to_string(&file).expect("written");
    let (report, _) = Report::open(signed.trim()).expect("signed");
    assert_eq!(report.complaint, complaint);
    assert_eq!(
        report.papers.len(),
        5,
        "request, decision, receipt, request for deletion, statement"
    );
    let said = std::fs::read_to_string(text(&reported["text"])).expect("written");
    assert!(said.contains(complaint) && said.contains("Datatilsynet"), "{said}");
    entry(&citizen, "reported");
    // Neither file is written over.
    let twice = citizen.run(&["wallet", "history", "report", &shared, argument(&file)]);
    assert_ne!(twice.exit, 0);
    let statement: Value = answer["statement"].clone();
    assert!(
        report
            .papers
            .iter()
            .any(|paper| *paper == statement.as_str().expect("text"))
    );
}
