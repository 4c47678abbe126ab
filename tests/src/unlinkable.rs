//! Invariant 7: an issuer cannot see whether its credentials are shown, and two banks cannot join their records.

mod joiner;
mod world;

use credentials::identifier::PersonNumber;
use credentials::protocol::issuance::{self, Ask};
use credentials::schema::Types;
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::status::State;
use credentials::time::DAY;
use credentials::{Did, SigningKey};
use joiner::{Record, best, right};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use world::granting::{Everything, Leak as Planted, MEETINGS, later, opened_at, reaches};
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
    assert_eq!((none, all), (0, 8), "as many as the first collection has copies");
    for (agency, least) in unshown.iter().zip([12, 15]) {
        assert!(agency.len() >= least, "there is something to compare: {}", agency.len());
    }
    assert!(unshown == shown, "an agency can tell");
    // Both had their copies replaced meanwhile, at the instants drawn when they came.
    let is_refresh = |(protocol, _, body): &&(&str, String, Vec<u8>)| {
        let ask = credentials::protocol::decode::<Ask>(body, issuance::LIMIT);
        *protocol == "issue" && matches!(ask, Ok(Ask::Refresh(_)))
    };
    let [_, tax] = &unshown;
    assert!(tax.iter().filter(is_refresh).count() > 0, "no batch was replaced");
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

/// Persons who give both banks everything that they can come to have.
const GIVING: usize = 300;

/// All that two banks have of each: an answer with the signed decision and where the wallet is reached, a grant with its deposit, two
/// releases and the withdrawal.
fn everything_of(leak: Planted) -> BTreeMap<String, usize> {
    let numbers = numbers(GIVING);
    let mut world = World::new("everything", &numbers);
    world.lend(&numbers);
    let mut random = Seeded::new("everything");
    let (mut events, mut holders) = (Vec::new(), Vec::new());
    for (at, number) in numbers.iter().enumerate() {
        let mut holder = world.holder(&format!("giving-{at}"));
        let collected = morning().plus(at as i64 * 60);
        if at % 5 == 0 {
            world.pull(collected);
        }
        world.identify(collected, &mut holder, number);
        world.collect(collected.plus(20), &mut holder, "income");
        for bank in [0, 1] {
            let first = collected.plus(later(&mut random));
            events.extend(MEETINGS.map(|(after, meeting)| (first.plus(after), at, bank, meeting)));
        }
        let reaches = reaches(&world, &holder, leak);
        holders.push((holder, reaches, [Everything::default(), Everything::default()]));
    }
    events.sort_unstable();
    let mut today = morning().day();
    for (now, at, bank, meeting) in events {
        if now.day() > today {
            today = now.day();
            world.end_day(now);
        }
        let (holder, reaches, has) = &mut holders[at];
        world.meet(now, holder, (bank, &reaches[bank]), meeting, &mut has[bank]);
    }
    let records = holders.iter_mut().zip(&numbers).map(|((holder, _, has), number)| {
        has.each_mut().map(|has| {
            if leak == Planted::Opened {
                has.came["opened"] = opened_at(holder);
            }
            Record::of_everything(&has.sender, &has.came, &[number])
        })
    });
    let (a, b): (Vec<_>, Vec<_>) = records.map(|[a, b]| (a, b)).unzip();
    right(&a, &b)
}

#[test]
fn decisions_mailboxes_grants_and_releases_join_two_banks_records_no_better_than_chance() {
    let found = everything_of(Planted::None);
    let (most, way) = best(&found);
    println!(
        "unlinkable: {GIVING} persons with everything, {} ways of joining, the best ({way}) links {most}",
        found.len()
    );
    assert!(found.len() > 60, "{found:?}");
    assert!(most <= BY_CHANCE, "{way}: {most} of {GIVING}; {found:?}");
}

#[test]
fn a_queue_or_hand_or_time_that_two_banks_see_is_found() {
    for leak in [Planted::Queue, Planted::Writer, Planted::Opened] {
        let found = everything_of(leak);
        let (most, way) = best(&found);
        println!("unlinkable: planted {leak:?}: the best way ({way}) links {most} of {GIVING}");
        // Many times what chance links.
        assert!(most > GIVING / 3, "{leak:?}: the best way ({way}) links {most}");
    }
}

/// Persons whose wallets live on: each is open all the while.
const LIVING: usize = 240;

/// How many right links chance brings among records that say the same day of issue: it is on every copy, and is all that they tell.
fn by_chance(days: &[(String, String)]) -> f64 {
    let of_day = |day: &String| days.iter().filter(|(_, b)| b == day).count() as f64;
    days.iter()
        .filter(|(a, b)| a == b)
        .map(|(a, _)| 1.0 / of_day(a))
        .sum::<f64>()
        .max(1.0)
}

/// The day on which a shown copy says that it was issued.
fn issued_on(presentation: &str) -> String {
    let (issued, _, _) = SdJwt::parse(presentation).expect("a copy").times();
    issued.expect("a time").to_string()
}

/// Full records of two banks over the life of the credentials: batches are replaced at their times, each bank is shown that income is
/// at least so much, and keeps for each day what the status list says of the copy it saw. `planted` lets all copies of a batch end on
/// one day, as they would if they were superseded together.
fn full_records(planted: bool) -> (BTreeMap<String, usize>, f64, usize) {
    let numbers = numbers(LIVING);
    let mut world = World::new("living", &numbers);
    let mut random = ChaCha20Rng::seed_from_u64(11);
    let mut holders = Vec::new();
    /// What happens at a time.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Event {
        Resume,
        Show(usize),
    }
    let mut events = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        let mut holder = world.holder(&format!("living-{at}"));
        let collected = morning().plus(at as i64 * 60);
        if at % 5 == 0 {
            world.pull(collected);
        }
        world.identify(collected, &mut holder, number);
        world.collect(collected.plus(20), &mut holder, "income");
        // A wallet goes on by its own clock every few hours, whether it shows anything or not.
        let hour = i64::from(random.next_u32() % 21_600);
        events.extend((4..44).map(|quarter| (morning().plus(quarter * 21_600 + hour), at, Event::Resume)));
        for bank in [0, 1] {
            let later = DAY + i64::from(random.next_u32() % 860_000);
            events.push((morning().plus(later), at, Event::Show(bank)));
        }
        holders.push(holder);
    }
    events.sort_unstable();
    let mut seen: Vec<[Option<(String, String)>; 2]> = vec![[None, None]; LIVING];
    // On which day each bank saw its copy end, if it did.
    let mut ended: Vec<[Option<i64>; 2]> = vec![[None; 2]; LIVING];
    let look = |world: &World, seen: &[[Option<(String, String)>; 2]], ended: &mut [[Option<i64>; 2]], day: i64| {
        for (seen, ended) in seen.iter().zip(ended) {
            for (seen, ended) in seen.iter().zip(ended) {
                if let (Some((_, shown)), None) = (seen, &ended)
                    && world.state(shown) == Some(State::Superseded)
                {
                    *ended = Some(day);
                }
            }
        }
    };
    let mut today = morning().day();
    for (now, at, event) in events {
        if now.day() > today {
            today = now.day();
            world.end_day(now);
            look(&world, &seen, &mut ended, today.since(morning().day()) / DAY);
        }
        match event {
            Event::Resume => world.resume(now, &mut holders[at]),
            Event::Show(bank) => {
                world.show_rung(now, &mut holders[at], bank);
                seen[at][bank] = world.banks[bank].seen.pop();
            }
        }
    }
    let replaced = world.tax.received.iter().filter(|(protocol, _, body)| {
        let ask = credentials::protocol::decode::<Ask>(body, issuance::LIMIT);
        *protocol == "issue" && matches!(ask, Ok(Ask::Refresh(_)))
    });
    let replaced = replaced.count();
    for day in 12..40 {
        world.end_day(morning().plus(day * DAY));
        look(&world, &seen, &mut ended, day);
    }
    let shown: Vec<[(String, String); 2]> = seen
        .into_iter()
        .map(|pair| pair.map(|shown| shown.expect("shown")))
        .collect();
    let mut records: Vec<[Record; 2]> = shown
        .iter()
        .zip(&numbers)
        .map(|(pair, number)| [0, 1].map(|bank| Record::new(&pair[bank].0, &pair[bank].1, &[number])))
        .collect();
    for (at, (records, ended)) in records.iter_mut().zip(&ended).enumerate() {
        for (record, ended) in records.iter_mut().zip(ended) {
            if let Some(day) = ended {
                record.learns("ended on day", if planted { (at % 80) as f64 } else { *day as f64 });
            }
        }
    }
    let both = ended.iter().filter(|pair| pair.iter().all(Option::is_some)).count();
    let days: Vec<(String, String)> = shown.iter().map(|[a, b]| (issued_on(&a.1), issued_on(&b.1))).collect();
    let (a, b): (Vec<_>, Vec<_>) = records.into_iter().map(|[a, b]| (a, b)).unzip();
    println!("unlinkable: {LIVING} persons, {replaced} batches replaced, of {both} both banks saw the copy end");
    assert!(replaced > LIVING, "batches were replaced: {replaced}");
    (right(&a, &b), by_chance(&days), both)
}

#[test]
fn replaced_batches_rungs_and_status_history_join_two_banks_records_no_better_than_chance() {
    let (found, chance, _) = full_records(false);
    let (most, way) = best(&found);
    println!(
        "unlinkable: {} ways of joining, the best ({way}) links {most}; chance links {chance:.1}",
        found.len()
    );
    // So many and more come about once in ten thousand times with that mean, and there are some forty ways.
    let bound = chance + 6.0 * chance.sqrt() + 4.0;
    assert!(
        (most as f64) <= bound,
        "{way}: {most} of {LIVING}, by chance {chance:.1}; {found:?}"
    );
}

#[test]
fn copies_that_end_together_are_found() {
    let (found, chance, both) = full_records(true);
    let (most, way) = best(&found);
    println!("unlinkable: planted endings of {both} persons: the best way ({way}) links {most}");
    assert!(both > 40, "copies ended at both banks: {both}");
    assert!(
        most as f64 > chance + 6.0 * chance.sqrt() + 4.0,
        "{way}: {most}, by chance {chance:.1}"
    );
}
