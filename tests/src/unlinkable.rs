//! Invariant 7: an issuer cannot see whether its credentials are shown, and two banks cannot join their records.

mod joiner;
mod world;

use credentials::identifier::PersonNumber;
use credentials::schema::Types;
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::time::DAY;
use credentials::{Did, SigningKey};
use joiner::{Record, best, right};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use world::{INCOME, Seeded, World, income, morning};

/// As many as the invariant names.
const PERSONS: usize = 1_000;
/// Right links by chance are one in the mean, whatever the way of joining: more than this come about once in 10^9 times.
const BY_CHANCE: usize = 12;

fn numbers(count: usize) -> Vec<String> {
    let days = (1..=28).flat_map(|day| (1..=12).map(move |month| (day, month)));
    days.flat_map(|(day, month)| (0..100).filter_map(move |n| PersonNumber::synthetic(day, month, 1980, n)))
        .map(|number| number.as_str().to_owned())
        .step_by(7)
        .take(count)
        .collect()
}

/// What each agency receives in the history of one holder.
type Received = [Vec<(&'static str, String, Vec<u8>)>; 2];

/// One holder's weeks: collected, perhaps shown to two banks until no copy is left, collected again.
fn history(shows: bool, asks_after_showing: bool) -> (Received, usize) {
    let numbers = numbers(3);
    let mut world = World::new("history", &numbers);
    let mut holder = world.holder("rolig");
    let mut now = morning();
    world.identify(now, &mut holder, &numbers[0]);
    world.collect(now.plus(60), &mut holder, "first");
    for day in 0..8_i64 {
        now = morning().plus(DAY * (day + 1));
        if shows {
            world.show(now, &mut holder, (day % 2) as usize);
            if asks_after_showing {
                world.by_the_clock(now.plus(1), &mut holder);
            }
        }
        world.by_the_clock(now.plus(3_600), &mut holder);
    }
    world.collect(now.plus(7_200), &mut holder, "second");
    world.by_the_clock(now.plus(9_000), &mut holder);
    let shown = world.banks.iter().map(|bank| bank.seen.len()).sum();
    ([world.identity.received, world.tax.received], shown)
}

#[test]
fn an_issuer_receives_the_same_bytes_whether_its_credentials_are_shown_or_not() {
    let (unshown, none) = history(false, false);
    let (shown, all) = history(true, false);
    assert_eq!((none, all), (0, 8), "every copy of the first collection");
    for (agency, least) in unshown.iter().zip([12, 15]) {
        assert!(agency.len() >= least, "there is something to compare: {}", agency.len());
    }
    assert!(unshown == shown, "an agency can tell");
    // A wallet that looked up the status whenever it shows something would be seen: so the comparison can fail.
    let (asking, _) = history(true, true);
    assert!(unshown != asking, "the comparison sees nothing");
}

#[test]
fn two_banks_that_join_their_records_link_no_more_people_than_chance() {
    let numbers = numbers(PERSONS);
    let mut world = World::new("banks", &numbers);
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let mut pairs = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        let mut holder = world.holder(&format!("holder-{at}"));
        let collected = morning().plus(at as i64 * 60);
        if at % 5 == 0 {
            world.pull(collected);
        }
        world.identify(collected, &mut holder, number);
        world.collect(collected.plus(20), &mut holder, "income");
        let mut shows = |world: &mut World, bank: usize| {
            let later = DAY + i64::from(random.next_u32() % 1_000_000);
            world.show(collected.plus(later), &mut holder, bank);
            world.banks[bank].seen.pop().expect("seen")
        };
        // Some go to one bank first, some to the other.
        let (a, b) = if at % 2 == 0 {
            let a = shows(&mut world, 0);
            (a, shows(&mut world, 1))
        } else {
            let b = shows(&mut world, 1);
            (shows(&mut world, 0), b)
        };
        pairs.push([a, b].map(|(sender, shown)| Record::new(&sender, &shown, &[number])));
    }
    let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().map(|[a, b]| (a, b)).unzip();
    let found = right(&a, &b);
    let (most, way) = best(&found);
    println!(
        "unlinkable: {PERSONS} persons, {} ways of joining, the best ({way}) links {most}",
        found.len()
    );
    assert!(found.len() > 10, "{found:?}");
    assert!(most <= BY_CHANCE, "{way}: {most} of {PERSONS}; {found:?}");
}

/// What an issuer could get wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leak {
    None,
    /// The salts of a person's copies are the same.
    Salt,
    /// The copies' status entries lie side by side.
    Index,
    /// Copies say the second at which they were signed.
    Time,
    /// Something in the copies is as long as something about the person.
    Size,
}

/// Two copies of each person's credential as an issuer with this leak signs them, shown to two banks.
fn signed_with(leak: Leak) -> (Vec<Record>, Vec<Record>) {
    let types = Types::builtin();
    let credential_type = types.get(INCOME).expect("is built in");
    let issuer = Did::parse("did:web:tax.example").expect("a DID");
    let (kid, key) = (format!("{issuer}#key-1"), SigningKey::generate(&mut Seeded::new("tax")));
    let mut random = ChaCha20Rng::seed_from_u64(3);
    let mut salts = Seeded::new("salts");
    let mut records = (Vec::new(), Vec::new());
    for (at, number) in numbers(PERSONS).iter().enumerate() {
        let row = credential_type.row(income(number)).expect("a row");
        let claims = credential_type.claims(&row);
        let start = random.next_u32() % (1 << 20);
        let signed_at = morning().plus(i64::from(random.next_u32() % 60_000));
        let [a, b] = [0, 1].map(|copy: u32| {
            let holder = SigningKey::generate(&mut Seeded::new(&format!("{number} {copy}")));
            let index = match leak {
                Leak::Index => (start + copy) % (1 << 20),
                _ => random.next_u32() % (1 << 20),
            };
            let issued = if leak == Leak::Time { signed_at } else { signed_at.day() };
            let uri = match leak {
                Leak::Size => format!("https://tax.example/status/{}", "1".repeat(1 + at % 60)),
                _ => "https://tax.example/status/1".to_owned(),
            };
            let issue = Issue {
                credential_type,
                claims: &claims,
                issuer: &issuer,
                kid: &kid,
                holder: &holder.verifying_key(),
                status: StatusRef { uri, index },
                issued,
                expires: credential_type.valid_until(issued, &row),
            };
            let mut of_the_person = Seeded::new(number);
            let text = match leak {
                Leak::Salt => sd_jwt::issue(&issue, &mut of_the_person, &key),
                _ => sd_jwt::issue(&issue, &mut salts, &key),
            };
            let copy = SdJwt::parse(&text.expect("signs")).expect("parses");
            let selected = copy.select(&copy.disclosed_paths()).expect("selects");
            let bind = Bind {
                audience: "decentralized_identifier:did:web:bank.example",
                nonce: "n",
                issued: morning().plus(DAY + i64::from(random.next_u32() % 1_000_000)),
                request_hash: [0; 32],
                covers: None,
            };
            let sender = format!("{:?}", holder.verifying_key().to_bytes());
            Record::new(
                &sender,
                &sd_jwt::bind(&selected, &bind, &holder).expect("binds"),
                &[number],
            )
        });
        records.0.push(a);
        records.1.push(b);
    }
    records
}

#[test]
fn the_joiner_finds_each_planted_leak() {
    let ways: BTreeMap<&str, (usize, String)> = [Leak::None, Leak::Salt, Leak::Index, Leak::Time, Leak::Size]
        .into_iter()
        .map(|leak| {
            let (a, b) = signed_with(leak);
            let found = right(&a, &b);
            let (most, way) = best(&found);
            println!("unlinkable: planted {leak:?}: the best way ({way}) links {most} of {PERSONS}");
            let name = match leak {
                Leak::None => "none",
                Leak::Salt => "salt",
                Leak::Index => "index",
                Leak::Time => "time",
                Leak::Size => "size",
            };
            (name, (most, way.to_owned()))
        })
        .collect();
    for (name, (most, way)) in &ways {
        if *name == "none" {
            assert!(*most <= BY_CHANCE, "{way} links {most} where nothing leaks");
        } else {
            assert!(*most > 2 * BY_CHANCE, "{name}: the best way ({way}) links {most}");
        }
    }
}
