//! What the formats cost beside the bare signatures in them: `cargo bench -p credentials --bench speed`. Asserts no figure.
//!
//! Every figure is the CPU time of this one thread, and its ratio is to `ed25519-dalek` (`verify_strict`, `sign`) in the same
//! round: rounds of all figures alternate in short turns, and the median of the rounds is printed, so that what else the machine
//! does falls on both sides. 0.36 means: as many per second as 0.36 of the bare signatures.
//!
//! Nothing is memoised: each of the presentations has its own holder, key, salts, number, amounts, status entry, request, nonce and
//! binding, and each is checked once per round by the call that the verifier makes. What a node holds as state is held here too:
//! the trust document (150 organisations, keys read when it was loaded), the compiled types, a mirrored status list of 2^20 entries.
//!
//! Output, one figure a line, separated by tabs: name, microseconds, ratio to raw, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod raw;
mod rows;
mod world;

use credentials::Did;
use raw::Raw;
use rows::{all_of_person, incomes, one_payment, persons};
use world::{Copies, Signed, World};

/// Distinct presentations, credentials and documents of each kind.
const DISTINCT: usize = 1_024;
/// One turn of a figure before the next has its turn.
const TURN: usize = 64;
/// How often each is gone through.
const ROUNDS: usize = 5;

const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const PERSON: &str = "urn:eudi:pid:1";

fn main() {
    let world = World::new();
    let raw = Raw::new();
    let presented = [
        world.answers(INCOME, incomes, &world.registered("S01", INCOME), 12),
        world.answers(PERSON, persons, &all_of_person(), 12),
    ];
    let texts: Vec<[Signed; 2]> = presented[0].iter().map(|answer| world.signed(answer)).collect();
    let documents = world.documents();
    let copies = [
        Copies::new(&world, INCOME, one_payment),
        Copies::new(&world, PERSON, persons),
    ];

    let mut figures = [
        Figure::new("raw verify_strict", None),
        Figure::new("raw sign", None),
        Figure::new("present: income under S01, 12 of 25 disclosures", Some(0)),
        Figure::new("present: person, 12 of 12 disclosures", Some(0)),
        Figure::new("eddsa-jcs-2022 from bytes, listed key", Some(0)),
        Figure::new("eddsa-jcs-2022 from bytes, did:key", Some(0)),
        Figure::new("issue: income, 12 disclosures", Some(1)),
        Figure::new("issue: person, 12 disclosures", Some(1)),
        Figure::new("sign in the key module", Some(1)),
        Figure::new("raw verify_strict over an income presentation's texts", Some(0)),
    ];
    for _ in 0..ROUNDS {
        let mut spent = [0_u64; 10];
        for turn in 0..DISTINCT / TURN {
            let range = turn * TURN..(turn + 1) * TURN;
            let mut time = |figure: usize, work: &mut dyn FnMut(usize)| {
                let begun = cpu();
                range.clone().for_each(work);
                spent[figure] += cpu() - begun;
            };
            time(0, &mut |at| raw.verify(at));
            time(2, &mut |at| world.check(&presented[0][at]));
            time(3, &mut |at| world.check(&presented[1][at]));
            time(0, &mut |at| raw.verify(at));
            time(4, &mut |at| {
                world.prove(&documents.listed[at], &|_| Some(world.issuer_key()))
            });
            time(5, &mut |at| world.prove(&documents.named[at], &Did::key_of_method));
            time(1, &mut |at| raw.sign(at));
            time(6, &mut |at| copies[0].issue(&world, at));
            time(7, &mut |at| copies[1].issue(&world, at));
            time(1, &mut |at| raw.sign(at));
            time(8, &mut |at| raw.sign_here(at));
            time(9, &mut |at| texts[at].iter().for_each(Signed::verify));
        }
        // The raw ones had two turns each, and a presentation has two texts.
        for twice in [0, 1, 9] {
            spent[twice] /= 2;
        }
        for (figure, spent) in figures.iter_mut().zip(spent) {
            figure.rounds.push(spent as f64 / DISTINCT as f64 / 1_000.0);
        }
    }
    for figure in &figures {
        let ratios = match figure.raw {
            None => vec![1.0; ROUNDS],
            Some(raw) => {
                let pairs = figures[raw].rounds.iter().zip(&figure.rounds);
                pairs.map(|(raw, own)| raw / own).collect()
            }
        };
        println!(
            "{}\t{:.1}\t{:.3}\t{DISTINCT}",
            figure.name,
            median(&figure.rounds),
            median(&ratios)
        );
    }
}

struct Figure {
    name: &'static str,
    /// Which figure is its bare signature.
    raw: Option<usize>,
    /// Microseconds per operation.
    rounds: Vec<f64>,
}

impl Figure {
    fn new(name: &'static str, raw: Option<usize>) -> Figure {
        Figure {
            name,
            raw,
            rounds: Vec::new(),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of this thread in nanoseconds.
fn cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn random() -> impl FnMut(&mut [u8]) + Send {
    |bytes: &mut [u8]| getrandom::fill(bytes).unwrap()
}
