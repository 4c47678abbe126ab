//! What status lists cost: `cargo bench -p credentials --bench status`. Asserts no figure.
//!
//! Output, one figure a line, separated by tabs: name, value, unit, limit. Times are the best of nine rounds, so that what else the machine does
//! falls out; sizes and bytes are exact.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

use credentials::protocol::status::{Ask, Purpose};
use credentials::status::{
    Changes, Digest, ENTRIES, Head, ListVersion, Mirror, News, Signing, Source, State, States, list_hash,
};
use credentials::trust::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey};
use credentials::{Did, SigningKey, Timestamp};
use std::hint::black_box;
use std::time::Instant;

/// Rounds of each figure.
const ROUNDS: usize = 9;
/// Lists that a bank mirrors.
const LISTS: usize = 200;
/// Look-ups of one round.
const LOOKS: u32 = 1 << 20;

/// A number that looks random, for entries.
fn scattered(n: u32) -> u32 {
    let mut x = u64::from(n).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) % u64::from(ENTRIES)) as u32
}

/// A list of which a hundredth is set, each entry by the given state of its number.
fn hundredth(salt: u32, state: impl Fn(u32) -> State) -> States {
    let (mut states, mut set, mut n) = (States::new(), 0, 0_u32);
    while set < ENTRIES / 100 {
        let index = scattered(n.wrapping_mul(31).wrapping_add(salt.wrapping_mul(7_919)));
        if states.get(index) == Some(State::Valid) {
            states.set(index, state(n));
            set += 1;
        }
        n += 1;
    }
    states
}

fn best(mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        work();
        begun.elapsed().as_secs_f64()
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn main() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let issuer = Did::parse("did:web:issuer.example").unwrap();
    let kid = format!("{issuer}#key-1");
    let now = Timestamp::parse("2026-07-10T12:00:00Z").unwrap();
    let draft = Draft {
        sequence: 1,
        operator: "Synthetic anchor".to_owned(),
        issued: now.plus(-3_600),
        next_update: now.plus(30 * 86_400),
        organisations: vec![Organisation {
            did: issuer.clone(),
            number: "974761076".to_owned(),
            name: "Synthetic issuer".to_owned(),
            keys: vec![OrganisationKey {
                id: kid.clone(),
                key: key.verifying_key(),
                valid_from: now.plus(-86_400),
                valid_until: now.plus(300 * 86_400),
                compromised: None,
            }],
            nodes: vec![NodeEntry {
                peer: bs58::encode([[0, 36, 8, 1, 18, 32].as_slice(), &[1; 32]].concat()).into_string(),
                addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".to_owned()],
            }],
            issues: vec!["urn:eudi:pid:1".to_owned()],
            services: Vec::new(),
        }],
    };
    let mut seed = 1;
    let mut random = move |bytes: &mut [u8]| {
        seed += 1;
        bytes.fill(seed);
    };
    let mut anchors = Ceremony::of_three(&mut random, draft.issued).unwrap();
    let trust = anchors.trust(&draft, now).unwrap();
    let uri = |number: usize| format!("https://issuer.example/status/{number}");
    let signing = Signing {
        issuer: &issuer,
        kid: &kid,
        signer: &key,
        now,
        lifetime: 86_400,
    };
    let sign = |states: &States, number: usize| states.sign(&uri(number), &signing).unwrap();

    let one = hundredth(1, |_| State::Revoked);
    let mixed = hundredth(1, |n| if n % 2 == 0 { State::Revoked } else { State::Superseded });
    println!("list of 2^20, 1 % revoked, as JWT\t{}\tB\t30000", sign(&one, 0).len());
    println!(
        "list of 2^20, 1 % revoked or superseded, as JWT\t{}\tB\t30000",
        sign(&mixed, 0).len()
    );
    println!(
        "its states, as mirrors give them on\t{}\tB\t-",
        mixed.pack().unwrap().len()
    );
    println!(
        "Bitstring list, 1 % revoked\t{}\tB\t-",
        one.bitstring(Purpose::Revocation).unwrap().len()
    );
    println!(
        "signing a list\t{:.1}\tms\t-",
        best(|| drop(black_box(sign(&mixed, 0)))) * 1e3
    );

    let before = resident_kib();
    let mut mirror = Mirror::default();
    let all: Vec<States> = (0..LISTS)
        .map(|n| {
            hundredth(
                n as u32,
                |n| if n % 2 == 0 { State::Revoked } else { State::Superseded },
            )
        })
        .collect();
    let texts: Vec<String> = all.iter().enumerate().map(|(n, states)| sign(states, n)).collect();
    let lists = texts
        .iter()
        .zip(&all)
        .enumerate()
        .map(|(n, (text, states))| ListVersion {
            uri: uri(n),
            version: 1,
            hash: list_hash(text),
            size: text.len() as u32,
            states: states.hash(),
        });
    let head = Head {
        issuer: issuer.clone(),
        issued: now,
        expires: now.plus(86_400),
        lists: lists.collect(),
    };
    mirror.head(&head.sign(&kid, &key).unwrap(), &trust, now).unwrap();
    drop(all);
    let opened = best(|| {
        drop(black_box(
            credentials::status::List::open(&texts[0], &issuer, &trust, now).unwrap(),
        ))
    });
    println!("opening a list: signature, inflation\t{:.2}\tms\t-", opened * 1e3);
    for text in &texts {
        mirror.list(text, &trust, now).unwrap();
    }
    drop(texts);
    println!(
        "{LISTS} mirrored lists, counted\t{:.1}\tMiB\t-",
        mirror.bytes() as f64 / f64::from(1 << 20)
    );
    for list in &head.lists {
        let ask = Ask::Chunk {
            hash: list.states.clone(),
            offset: 0,
        };
        black_box(mirror.answer(&ask));
    }
    println!(
        "{LISTS} lists, each asked for once, counted\t{:.1}\tMiB\t150",
        mirror.bytes() as f64 / f64::from(1 << 20)
    );
    if let (Some(before), Some(after)) = (before, resident_kib()) {
        println!(
            "{LISTS} lists, each asked for once, resident\t{:.1}\tMiB\t150",
            (after.saturating_sub(before)) as f64 / 1024.0
        );
    }

    let indices: Vec<u32> = (0..LOOKS).map(scattered).collect();
    let looked = best(|| {
        let set = indices
            .iter()
            .filter(|index| one.get(**index) != Some(State::Valid))
            .count();
        black_box(set);
    });
    println!(
        "one status in memory, at random\t{:.2}\tns\t10",
        looked * 1e9 / f64::from(LOOKS)
    );
    let name = uri(17);
    let looked = best(|| {
        let set = indices
            .iter()
            .filter(|index| mirror.state(&issuer, &name, **index).is_some())
            .count();
        black_box(set);
    });
    println!(
        "one status through the mirror, by issuer and URI\t{:.2}\tns\t-",
        looked * 1e9 / f64::from(LOOKS)
    );

    let held = &head.lists[0];
    let mut after = hundredth(0, |n| if n % 2 == 0 { State::Revoked } else { State::Superseded });
    let from = after.hash();
    let changes = Changes::new((0..16).map(|n| (scattered(n + 5_000_000), State::Suspended))).unwrap();
    changes.apply(&mut after);
    let digest = Digest {
        issuer: issuer.clone(),
        issued: now.plus(1),
        expires: now.plus(900),
        lists: vec![News {
            list: ListVersion {
                version: 2,
                states: after.hash(),
                ..held.clone()
            },
            from,
            changes: Some(changes),
        }],
    };
    let text = digest.sign(&kid, &key).unwrap();
    println!("digest of one list and 16 changes\t{}\tB\t4096", text.len());
    let begun = Instant::now();
    assert!(mirror.digest(&text, &trust, now).unwrap().wanted.is_empty());
    println!("taking that digest\t{:.2}\tms\t-", begun.elapsed().as_secs_f64() * 1e3);
}
