//! What the trust list of a whole network costs: `cargo bench -p credentials --bench trust`. Asserts no figure.
//!
//! 150 organisations (6 anchors' own, 30 agencies with two types each, 114 banks with three registrations each), a chain of three
//! roots, three signatures under the list, one head. Verified from scratch as a fresh client does it, from the bytes of the bundle:
//! every signature, every hash, every member. CPU time of this one thread, the median of the rounds.
//!
//! Output, one figure a line, separated by tabs: name, measured, unit, limit.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]

use credentials::identifier::OrganisationNumber;
use credentials::service::Registration;
use credentials::trust::{
    Bundle, Ceremony, Class, Draft, Hand, Known, NodeEntry, Organisation, OrganisationKey, Role, Thresholds,
};
use credentials::{Did, SigningKey, Timestamp};
use std::hint::black_box;
use std::sync::Arc;

const ANCHORS: usize = 6;
const AGENCIES: usize = 30;
const ORGANISATIONS: usize = 150;
const ROUNDS: usize = 21;
const TYPES: [&str; 6] = [
    "urn:bevis:MonthlyIncome:1",
    "urn:bevis:TaxAssessmentSummary:1",
    "urn:bevis:StudentLoanBalance:1",
    "urn:bevis:CompanyRegistration:1",
    "urn:bevis:TransportLicenceGuarantee:1",
    "urn:eudi:pid:1",
];

fn main() {
    let now = Timestamp::parse("2026-07-14T12:00:00Z").unwrap();
    let classes = [Class::Agency, Class::Bank, Class::Other];
    let hands: Vec<Hand> = (0..ANCHORS)
        .map(|at| {
            Hand::new(
                &format!("anchor-{at}"),
                &format!("Anker {at}"),
                classes[at % 3],
                &mut random(),
            )
        })
        .collect();
    let thresholds = Thresholds {
        root: 3,
        list: 3,
        head: 1,
    };
    let mut ceremony = Ceremony::found(hands, thresholds, now).unwrap();
    for at in 0..2 {
        let mut hands = ceremony.hands().to_vec();
        hands[at].replace(Role::List, &mut random());
        ceremony.change(hands, thresholds, now).unwrap();
    }
    let draft = Draft {
        sequence: 12,
        operator: "Syntetisk tillitsliste".to_owned(),
        issued: now,
        next_update: now.plus(90 * 86_400),
        organisations: (0..ORGANISATIONS).map(|at| organisation(at, now)).collect(),
    };
    let bundle = ceremony.publish(&draft, now).unwrap();
    let list = bundle.list.as_ref().unwrap();
    println!(
        "trust list of 150 organisations\t{:.1}\tKB\t300",
        list.len() as f64 / 1_000.0
    );

    let text = bundle.to_text().unwrap();
    let fingerprint = ceremony.fingerprint().unwrap();
    let mut spent: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let begun = cpu();
            let bundle = Bundle::parse(black_box(text.as_bytes())).unwrap();
            let (mut known, _) = Known::first(&bundle.roots[0], &fingerprint, now).unwrap();
            known.take(&bundle, now).unwrap();
            assert_eq!(
                black_box(known.trust()).unwrap().document().organisations.len(),
                ORGANISATIONS
            );
            cpu() - begun
        })
        .collect();
    spent.sort_unstable();
    println!(
        "trust list verified from scratch, 3 roots\t{:.1}\tms\t50",
        spent[ROUNDS / 2] as f64 / 1_000_000.0
    );
    let head = Bundle {
        roots: Vec::new(),
        list: None,
        ..ceremony.renew(now.plus(60)).unwrap()
    };
    let known = ceremony.client(&bundle, now).unwrap();
    let mut spent: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let mut known = known.clone();
            let begun = cpu();
            assert!(known.take(black_box(&head), now.plus(60)).unwrap().is_changed);
            cpu() - begun
        })
        .collect();
    spent.sort_unstable();
    println!("newer head taken\t{:.1}\tus\t-", spent[ROUNDS / 2] as f64 / 1_000.0);

    // One organisation more: what a running node does when a change is told.
    let mut more = draft.clone();
    more.sequence += 1;
    more.organisations.push(organisation(ORGANISATIONS, now));
    let next = Bundle {
        roots: Vec::new(),
        ..ceremony.publish(&more, now.plus(60)).unwrap()
    };
    let mut spent: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let mut known = known.clone();
            let begun = cpu();
            assert!(known.take(black_box(&next), now.plus(60)).unwrap().is_changed);
            cpu() - begun
        })
        .collect();
    spent.sort_unstable();
    println!(
        "list of one organisation more taken\t{:.2}\tms\t-",
        spent[ROUNDS / 2] as f64 / 1_000_000.0
    );
}

fn organisation(at: usize, now: Timestamp) -> Organisation {
    let did = Did::parse(&format!("did:web:virksomhet-{at:03}.example")).unwrap();
    let key = |name: &str, from: i64| OrganisationKey {
        id: format!("{did}#{name}"),
        key: SigningKey::generate(&mut random()).verifying_key(),
        valid_from: now.plus(from * 86_400),
        valid_until: now.plus((from + 400) * 86_400),
        compromised: None,
    };
    let mut peer = [0; 32];
    getrandom::fill(&mut peer).unwrap();
    let peer = bs58::encode([[0, 36, 8, 1, 18, 32].as_slice(), &peer].concat()).into_string();
    let is_agency = (ANCHORS..ANCHORS + AGENCIES).contains(&at);
    let is_bank = at >= ANCHORS + AGENCIES;
    let asks = |registration: &Registration| match registration.id.as_str() {
        "S01" | "K01" => is_bank,
        "S09" => is_bank && at.is_multiple_of(2),
        "S15" => is_bank && at % 2 == 1,
        _ => is_agency,
    };
    Organisation {
        number: number(at),
        name: format!("SYNTETISK VIRKSOMHET NUMMER {at:03} AS"),
        // One in ten is between two keys.
        keys: match at % 10 {
            0 => vec![key("key-1", -300), key("key-2", 0)],
            _ => vec![key("key-1", -30)],
        },
        nodes: vec![NodeEntry {
            peer,
            addresses: vec![
                format!("/dns4/bevis.virksomhet-{at:03}.example/udp/4001/quic-v1"),
                format!("/dns4/bevis.virksomhet-{at:03}.example/tcp/4001"),
            ],
        }],
        issues: match is_agency {
            true => (0..2).map(|more| TYPES[(at + more) % TYPES.len()].to_owned()).collect(),
            false => Vec::new(),
        },
        services: Registration::builtin().into_iter().filter(asks).map(Arc::new).collect(),
        did,
    }
}

fn number(at: usize) -> String {
    let mut valid = (20_000_000..).filter_map(OrganisationNumber::synthetic);
    valid.nth(at).unwrap().to_string()
}

fn random() -> impl credentials::Random {
    |bytes: &mut [u8]| getrandom::fill(bytes).unwrap()
}

/// CPU time of this thread, in nanoseconds.
fn cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
