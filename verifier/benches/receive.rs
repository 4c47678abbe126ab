//! One answer through [`Verifier::receive`], the call that the node makes: `cargo bench -p verifier --bench receive`. Asserts no figure.
//!
//! From the encrypted answer to the signed receipt: session and key out of the sealed store, JWE opened, the whole gate, a look at
//! other sessions' nonces, the receipt signed, verdict, claims and spent nonce committed durably. 1,024 sessions, each with its own
//! request, nonce, one-time key, customer, copy and holder's key; each answer is received once. CPU time of the calling thread, and
//! time on the wall, which the disk's fdatasync is part of; the bare `verify_strict` is timed in turns with it.
//!
//! Output, one figure a line, separated by tabs: name, microseconds, ratio to raw, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measuring is what this is for"
)]

use credentials::key::Signer as _;
use credentials::protocol::presentation::{Ask, Reply};
use credentials::request;
use credentials::schema::{Path, Types};
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::service::Registration;
use credentials::trust::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey};
use credentials::verify::Verdict;
use credentials::{Did, SigningKey, Timestamp, jwe, status};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Params, Passphrase, Store};
use verifier::{NewRequest, Settings, Verifier};

const DISTINCT: usize = 1_024;
const TURN: usize = 64;
const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const URI: &str = "https://issuer.example/status/1";

struct AllValid(Timestamp);

impl status::Source for AllValid {
    fn state(&self, _: &Did, _: &str, _: u32) -> Option<(status::State, Timestamp)> {
        Some((status::State::Valid, self.0))
    }
}

fn random() -> impl FnMut(&mut [u8]) + Send {
    |bytes: &mut [u8]| getrandom::fill(bytes).unwrap()
}

/// CPU time of this thread in nanoseconds.
fn cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn organisation(name: &str, number: &str, now: Timestamp, key: &SigningKey) -> Organisation {
    let did = Did::parse(&format!("did:web:{name}.example")).unwrap();
    let mut peer = [0; 32];
    getrandom::fill(&mut peer).unwrap();
    let peer = bs58::encode([[0, 36, 8, 1, 18, 32].as_slice(), &peer].concat()).into_string();
    Organisation {
        number: number.to_owned(),
        name: name.to_owned(),
        keys: vec![OrganisationKey {
            id: format!("{did}#key-1"),
            key: key.verifying_key(),
            valid_from: now.plus(-86_400),
            valid_until: now.plus(86_400),
            compromised: None,
        }],
        nodes: vec![NodeEntry {
            peer,
            addresses: vec!["/ip4/127.0.0.1/udp/4000/quic-v1".to_owned()],
        }],
        issues: Vec::new(),
        services: Vec::new(),
        did,
    }
}

fn path(names: &[&str]) -> Path {
    Path(
        names
            .iter()
            .map(|name| (*name != "[]").then(|| (*name).to_owned()))
            .collect(),
    )
}

fn row(number: &str, at: usize) -> Value {
    let paid = |amount: usize| {
        json!({
            "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
            "beloep": format!("{amount}.00"), "loennsinntekt": { "beskrivelse": "fastloenn" },
        })
    };
    let month = |month: &str, paid: Value| json!({ "opplysningspliktigId": "312045877", "kalendermaaned": month, "inntekt": paid });
    json!({
        "personidentifikator": number, "fraOgMed": "2026-05", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [
            month("2026-05", json!([paid(40_000 + at), paid(3_120)])),
            month("2026-06", json!([paid(61_200 + at)])),
        ],
    })
}

fn main() {
    let now = Timestamp::parse("2026-07-14T12:00:00Z").unwrap();
    let key = SigningKey::generate(&mut random());
    let bank_key = SigningKey::generate(&mut random());
    let mut issuer = organisation("issuer", "974761076", now, &key);
    issuer.issues = vec![INCOME.to_owned()];
    let mut bank = organisation("bank", "213579045", now, &bank_key);
    bank.services = Registration::builtin().into_iter().map(std::sync::Arc::new).collect();
    let settings = Settings {
        did: bank.did.clone(),
        kid: bank.keys[0].id.clone(),
        peers: vec![bank.nodes[0].peer.clone()],
    };
    let (issuer_did, kid) = (issuer.did.clone(), issuer.keys[0].id.clone());
    let draft = Draft {
        sequence: 1,
        operator: "Figures".to_owned(),
        issued: now.plus(-600),
        next_update: now.plus(86_400),
        organisations: vec![issuer, bank],
    };
    let mut anchors = Ceremony::of_three(&mut random(), draft.issued).unwrap();
    let trust = anchors.trust(&draft, now).unwrap();

    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let entropy: store::Entropy = Box::new(|bytes| getrandom::fill(bytes).unwrap());
    let store = Store::create(
        &home.path().join("store"),
        &Passphrase::new("synthetic"),
        Params::quick(),
        entropy,
    )
    .unwrap();
    let types = Types::builtin();
    let random_source = Box::new(random());
    let mut verifier = Verifier::open(store, types.clone(), settings, Arc::new(bank_key), random_source).unwrap();
    verifier.set_trust(Arc::clone(&trust));

    let list = "oppgaveInntektsmottaker";
    let claims = [
        path(&["personidentifikator"]),
        path(&[list, "[]", "opplysningspliktigId"]),
        path(&[list, "[]", "inntekt", "[]", "fordel"]),
        path(&[list, "[]", "inntekt", "[]", "beloep"]),
    ];
    let numbers = ["14858834016", "52849448080"];
    let credential_type = Arc::clone(types.get(INCOME).unwrap());
    let answers: Vec<(String, String)> = (0..DISTINCT)
        .map(|at| {
            let subject = numbers[at % numbers.len()];
            let case = format!("LAN-{at}");
            let new = NewRequest {
                service: "S01",
                case: &case,
                subject,
                types: &[INCOME.to_owned()],
                claims: &claims,
                valid_seconds: None,
                pair: false,
            };
            let asked = verifier.request(now, &new).unwrap();
            let opened = request::reopen(&asked.request, &trust, now).unwrap();
            let holder = SigningKey::generate(&mut random());
            let row = credential_type.row(row(subject, at)).unwrap();
            let issue = Issue {
                credential_type: &credential_type,
                claims: &credential_type.claims(&row),
                issuer: &issuer_did,
                kid: &kid,
                holder: &holder.verifying_key(),
                status: StatusRef {
                    uri: URI.to_owned(),
                    index: at as u32,
                },
                issued: now.day(),
                expires: now.day().plus(30 * 86_400),
            };
            let text = sd_jwt::issue(&issue, &mut random(), &key).unwrap();
            let asked_claims = &opened.request.query.credentials[0];
            let paths: Vec<Path> = asked_claims.claims.iter().map(|claim| claim.path.clone()).collect();
            let selected = SdJwt::parse(&text).map_err(|p| p.code).unwrap().select(&paths).unwrap();
            assert_eq!(selected.matches('~').count() - 1, 12, "disclosures");
            let bind = Bind {
                audience: &opened.request.client_id(),
                nonce: &opened.request.nonce,
                issued: now,
                request_hash: opened.hash,
                covers: None,
            };
            let bound = sd_jwt::bind(&selected, &bind, &holder).unwrap();
            let plain = json!({ "vp_token": { asked_claims.id.as_str(): [bound] } }).to_string();
            let answer = jwe::seal(
                &opened.request.encryption,
                b"",
                &opened.hash,
                plain.as_bytes(),
                &mut random(),
            );
            (asked.session, answer.unwrap())
        })
        .collect();

    let signature = key.sign(&[7; 64]).unwrap();
    let (mut raw, mut spent, mut wall) = (Vec::new(), Vec::new(), Vec::new());
    let status = AllValid(now);
    for turn in answers.chunks(TURN) {
        let begun = cpu();
        for _ in turn {
            assert!(key.verifying_key().verify(black_box(&[7; 64]), &signature));
        }
        raw.push((cpu() - begun) as f64 / turn.len() as f64 / 1_000.0);
        let (begun, started) = (cpu(), Instant::now());
        for (session, answer) in turn {
            let ask = Ask::Answer {
                session: session.clone(),
                answer: answer.clone(),
            };
            let reply = verifier.receive(now, &status, "12D3KooWSynthetic", ask);
            assert!(matches!(reply, Reply::Receipt { .. }));
        }
        let each = |time: Duration| time.as_secs_f64() * 1_000_000.0 / turn.len() as f64;
        wall.push(each(started.elapsed()));
        spent.push((cpu() - begun) as f64 / turn.len() as f64 / 1_000.0);
    }
    let sessions = verifier.sessions(now).unwrap();
    assert!(sessions.iter().all(|session| session.verdict == Some(Verdict::Valid)));
    let print = |name: &str, times: &[f64]| {
        let ratios: Vec<f64> = raw.iter().zip(times).map(|(raw, own)| raw / own).collect();
        println!("{name}\t{:.1}\t{:.3}\t{DISTINCT}", median(times), median(&ratios));
    };
    print("receive: encrypted answer to receipt, CPU", &spent);
    print("receive: the same on the wall, with fdatasync", &wall);
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
