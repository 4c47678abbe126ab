//! `bevis demo` as a whole: the story it tells, that it tells the same again, where it stops when something is missing,
//! and that it leaves nothing behind.

use crate::telling::{Demo, Ended, NODES, first};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const STORY: &[&str] = &[
    "1 anchor anchor",
    "1 anchor-bank anchor",
    "1 anchor-other anchor",
    "1 anchor founded",
    "1 identity ready",
    "1 tax ready",
    "1 loans ready",
    "1 guarantor ready",
    "1 registry ready",
    "1 bank ready",
    "1 roads ready",
    "1 citizen ready",
    "1 company ready",
    "1 demo processes",
    "1 identity listed",
    "1 tax listed",
    "1 loans listed",
    "1 guarantor listed",
    "1 registry listed",
    "1 bank listed",
    "1 roads listed",
    "1 lender listed",
    "1 anchor signed",
    "1 demo trusted",
    "1 demo population",
    "1 identity imported C01",
    "1 tax imported C02",
    "1 tax imported C03",
    "1 loans imported C04",
    "1 registry imported C06",
    "1 guarantor imported C05",
    "1 demo lists",
    "2 citizen collected C01",
    "2 citizen collected C02",
    "2 citizen collected C03",
    "2 citizen collected C04",
    "2 company words",
    "2 company collected C06",
    "2 company collected C05",
    "3 bank asked S01",
    "3 bank verdict S01",
    "3 bank asked S15",
    "3 bank verdict S15",
    "3 bank asked K01",
    "3 bank verdict K01",
    "3 roads asked S09",
    "3 roads verdict S09",
    "4 bank refused over_ask_own",
    "4 citizen refused over_ask",
    "4 citizen accepted over_ask",
    "4 citizen refused unlisted",
    "4 citizen accepted unlisted",
    "4 stranger stranger_collected",
    "4 bank accepted answer",
    "4 bank refused replay",
    "4 bank refused digit",
    "4 bank refused stolen",
    "4 roads accepted guarantee",
    "4 guarantor register_changed",
    "4 roads mirrored",
    "4 roads refused guarantee_ended",
    "4 company collected C05",
    "4 roads asked S09",
    "4 roads verdict S09",
    "4 roads pending",
    "4 demo end",
];

/// Every check that is made of one credential in an answer.
const CHECKS: &[&str] = &[
    "trust",
    "form",
    "issuer",
    "type",
    "key",
    "signature",
    "validity",
    "schema",
    "status",
    "holder_binding",
    "audience",
    "nonce",
    "freshness",
    "sd_hash",
    "request",
    "query",
];

/// The checks of a verdict: of each credential, then of the answer as a whole.
fn all_ok(credentials: &[&str], whole: &[&str]) -> Value {
    let mut checks = Vec::new();
    for credential in credentials {
        checks.extend(CHECKS.iter().map(|check| json!([credential, check, "ok"])));
    }
    checks.extend(whole.iter().map(|check| json!([null, check, "ok"])));
    Value::Array(checks)
}

/// Names of all members that hold a value, as paths; the places of a list are one.
fn paths(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                let name = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                walk(value, &name, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{at}[]"), found)),
            _ => {
                found.insert(at.to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(value, "", &mut found);
    found
}

/// A verdict that is valid: its key, credentials, checks of the whole, claims.
type Valid = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

#[test]
fn the_demo_tells_the_whole_story_and_leaves_nothing_behind() {
    // That nothing is left, `end` has asserted.
    let told = first();
    assert_eq!(told.keys(), STORY);
    assert_eq!(told.stderr, "", "nothing to complain about");
    let processes = told.find("1 demo processes");
    let pids: BTreeSet<u64> = NODES
        .iter()
        .filter_map(|node| processes["run"]["pids"][node].as_u64())
        .collect();
    assert_eq!(pids.len(), 9, "nine processes: {processes}");
    assert_eq!(processes["facts"]["count"], 9);

    for (register, rows) in [
        ("identity imported C01", 60),
        ("tax imported C02", 60),
        ("tax imported C03", 60),
    ] {
        let facts = &told.find(&format!("1 {register}"))["facts"];
        assert_eq!(
            (&facts["rows"], &facts["rejected"]),
            (&json!(rows), &json!(0)),
            "{register}"
        );
    }

    // Step 3: valid, by every check, and only what was asked for.
    let verdicts: &[Valid] = &[
        (
            "3 bank verdict S01",
            &["MonthlyIncome", "TaxAssessmentSummary"],
            &["same_person", "subject"],
            &[
                "MonthlyIncome.ajourholdstidspunkt",
                "MonthlyIncome.fraOgMed",
                "MonthlyIncome.oppgaveInntektsmottaker[].inntekt[].beloep",
                "MonthlyIncome.oppgaveInntektsmottaker[].inntekt[].fordel",
                "MonthlyIncome.oppgaveInntektsmottaker[].kalendermaaned",
                "MonthlyIncome.oppgaveInntektsmottaker[].opplysningspliktigId",
                "MonthlyIncome.personidentifikator",
                "MonthlyIncome.tilOgMed",
                "TaxAssessmentSummary.ajourholdstidspunkt",
                "TaxAssessmentSummary.grunnlag[].beloep",
                "TaxAssessmentSummary.grunnlag[].tekniskNavn",
                "TaxAssessmentSummary.inntektsaar",
                "TaxAssessmentSummary.personidentifikator",
                "TaxAssessmentSummary.stadie",
            ],
        ),
        (
            "3 bank verdict S15",
            &["StudentLoanBalance"],
            &["subject"],
            &[
                "StudentLoanBalance.Accounts[].Balances[].BalanceAmount.amount",
                "StudentLoanBalance.Accounts[].Balances[].BalanceAmount.currency",
                "StudentLoanBalance.Accounts[].Balances[].BalanceType",
                "StudentLoanBalance.Accounts[].Name",
                "StudentLoanBalance.TotalAmount.amount",
                "StudentLoanBalance.TotalAmount.currency",
                "StudentLoanBalance.formaal",
                "StudentLoanBalance.ikkeTilKredittvurdering",
                "StudentLoanBalance.personidentifikator",
                "StudentLoanBalance.slettVedUtlogging",
            ],
        ),
        (
            "3 bank verdict K01",
            &["CompanyRegistration"],
            &["subject"],
            &[
                "CompanyRegistration.navn",
                "CompanyRegistration.organisasjonsform.beskrivelse",
                "CompanyRegistration.organisasjonsform.kode",
                "CompanyRegistration.organisasjonsnummer",
            ],
        ),
        (
            "3 roads verdict S09",
            &["TransportLicenceGuarantee"],
            &["subject"],
            GUARANTEE,
        ),
        (
            "4 roads verdict S09",
            &["TransportLicenceGuarantee"],
            &["subject"],
            GUARANTEE,
        ),
    ];
    for (verdict, credentials, whole, claims) in verdicts {
        let facts = &told.find(verdict)["facts"];
        assert_eq!(facts["verdict"], "valid", "{verdict}");
        assert_eq!(facts["checks"], all_ok(credentials, whole), "{verdict}");
        let claims: BTreeSet<String> = claims.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(paths(&facts["claims"]), claims, "{verdict}");
    }
    let guarantee = |verdict: &str| told.find(verdict)["facts"].clone();
    assert_eq!(guarantee("3 roads verdict S09")["code"], Value::Null);
    assert_eq!(guarantee("4 roads verdict S09")["code"], "terminated_pending");
    assert_eq!(guarantee("4 roads pending")["code"], "terminated_pending");
    let loan = &told.find("3 bank verdict S15")["facts"]["claims"]["StudentLoanBalance"];
    assert_eq!(loan["TotalAmount"], json!({ "amount": "313651.00", "currency": "NOK" }));

    // Step 4: the code of each, with a sentence of its own, beside the twin that is accepted.
    let refusals = [
        ("4 bank refused over_ask_own", "over_ask", "3 bank verdict S15"),
        ("4 citizen refused over_ask", "over_ask", "4 citizen accepted over_ask"),
        (
            "4 citizen refused unlisted",
            "unknown_verifier",
            "4 citizen accepted unlisted",
        ),
        ("4 bank refused replay", "replay", "4 bank accepted answer"),
        ("4 bank refused digit", "disclosure_invalid", "4 bank accepted answer"),
        (
            "4 bank refused stolen",
            "holder_binding_invalid",
            "4 bank accepted answer",
        ),
        (
            "4 roads refused guarantee_ended",
            "revoked",
            "4 roads accepted guarantee",
        ),
    ];
    let mut sentences = BTreeSet::new();
    for (refused, code, twin) in refusals {
        let facts = &told.find(refused)["facts"];
        assert_eq!(facts["code"], code, "{refused}");
        let sentence = facts["sentence"].as_str().expect("a sentence");
        assert!(sentence.contains(' ') && sentence.ends_with('.'), "{sentence:?}");
        sentences.insert(sentence.to_owned());
        told.find(twin);
    }
    assert_eq!(sentences.len(), 6, "one sentence for each code");
    let over_ask = told.find("4 citizen refused over_ask")["facts"]["detail"].to_string();
    assert!(
        over_ask.contains("StudentLoanBalance"),
        "it names what was too much: {over_ask}"
    );
    let changed = &told.find("4 guarantor register_changed")["facts"];
    assert_eq!(
        *changed,
        json!({ "type": "C05", "changed": 2, "revoked": 1, "superseded": 1 })
    );
}

const GUARANTEE: &[&str] = &[
    "TransportLicenceGuarantee.antallLoeyver",
    "TransportLicenceGuarantee.garantireferanse",
    "TransportLicenceGuarantee.garantist.konsesjon",
    "TransportLicenceGuarantee.garantist.navn",
    "TransportLicenceGuarantee.garantist.organisasjonsnummer",
    "TransportLicenceGuarantee.garantistatus",
    "TransportLicenceGuarantee.garantisum.beloep",
    "TransportLicenceGuarantee.garantisum.valuta",
    "TransportLicenceGuarantee.gyldigFra",
    "TransportLicenceGuarantee.loeyvehaver.navn",
    "TransportLicenceGuarantee.loeyvehaver.organisasjonsnummer",
    "TransportLicenceGuarantee.loeyvemyndighet.navn",
    "TransportLicenceGuarantee.loeyvemyndighet.organisasjonsnummer",
    "TransportLicenceGuarantee.loeyvetype",
    "TransportLicenceGuarantee.satsaar",
];

#[test]
fn two_runs_with_one_seed_tell_the_same() {
    let (one, again) = (first(), Demo::start(&[]).end().expect(0));
    for (one, again) in one.facts().iter().zip(again.facts()) {
        assert_eq!(*one, again);
    }
    assert_eq!(one.told.len(), again.told.len());
    // What must not come from the seed, does not.
    let root = |ended: &Ended| ended.find("1 anchor founded")["run"]["root"].clone();
    assert!(root(one).is_string());
    assert_ne!(root(one), root(&again), "a seed makes no key");

    // Another seed is other people, in the same story.
    let other = Demo::start(&["--seed", "2"]).end().expect(0);
    assert_eq!(one.keys(), other.keys());
    let income = |ended: &Ended| ended.find("3 bank verdict S01")["facts"]["claims"].clone();
    assert_eq!(paths(&income(one)), paths(&income(&other)));
    assert_ne!(income(one), income(&other), "another salary");
}

#[test]
fn it_holds_over_tcp() {
    let told = Demo::start(&["--tcp"]).end().expect(0);
    assert_eq!(told.facts(), first().facts(), "the same story over another transport");
    for (ended, quic) in [(&told, false), (first(), true)] {
        for node in NODES.iter().filter(|node| !["citizen", "company"].contains(node)) {
            let ready = ended.find(&format!("1 {node} ready"));
            let addresses = ready["run"]["addresses"].to_string();
            assert!(addresses.contains("/tcp/"), "{ready}");
            assert_eq!(addresses.contains("/quic-v1"), quic, "{ready}");
        }
    }
}

#[test]
fn it_holds_with_each_process_in_a_namespace_without_the_other_homes() {
    let tried = Command::new("unshare").args(["-Urnm", "true"]).output();
    assert!(
        tried.as_ref().is_ok_and(|tried| tried.status.success()),
        "this test needs a machine that lets its user make user, network and mount namespaces (`unshare -Urnm true`): {tried:?}"
    );
    let mut demo = Demo::start(&["--isolate"]);
    demo.until("1 demo trusted");
    let homes = demo.root().join("homes");
    let entries = |path: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        entries
            .map(|entry| entry.expect("reads").file_name().to_string_lossy().into_owned())
            .collect()
    };
    // From outside, all are there.
    let outside = entries(&homes);
    assert!(NODES.iter().all(|node| outside.contains(*node)), "{outside:?}");
    for node in NODES {
        let process = PathBuf::from(format!("/proc/{}", demo.pid(node)));
        let mounts = fs::read_to_string(process.join("mountinfo")).expect("reads");
        let covered = mounts.lines().find(|line| line.split(' ').nth(4) == homes.to_str());
        let covered = covered.unwrap_or_else(|| panic!("{node} sees the homes:\n{mounts}"));
        assert!(covered.contains(" - tmpfs "), "{covered}");
        // The way that the process itself would take.
        let within = |path: &Path| process.join("root").join(path.strip_prefix("/").expect("absolute"));
        let seen = entries(&within(&homes));
        assert!(NODES.iter().all(|node| !seen.contains(*node)), "{node} sees {seen:?}");
        for other in NODES {
            let own = demo.root().join("own").join(other);
            assert_eq!(
                within(&own).join("bevis.toml").exists(),
                other == node,
                "the home of {other}, from {node}"
            );
            assert!(!within(&homes.join(other)).exists(), "the home of {other}, from {node}");
            assert!(homes.join(other).join("bevis.toml").exists(), "{other} has a home");
        }
    }
    let told = demo.end().expect(0);
    assert_eq!(told.facts(), first().facts(), "the same story");
}
