//! The queues of webhooks: nothing is lost, nothing is sent out of turn, and everything has an end.

use super::*;
use credentials::time::DAY;
use store::{Params, Passphrase};
use verifier::{Happened, News};

struct Fixed;

impl Random for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        use std::sync::atomic::{AtomicU8, Ordering};
        static NEXT: AtomicU8 = AtomicU8::new(1);
        bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    }
}

struct World {
    folder: tempfile::TempDir,
    store: Store,
    hooks: Hooks,
    news: Vec<News>,
    now: Timestamp,
}

fn passphrase() -> Passphrase {
    Passphrase::new("a synthetic passphrase")
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::create(
            &folder.path().join("store"),
            &passphrase(),
            Params::quick(),
            crate::service::entropy(),
        );
        let store = store.expect("made");
        let hooks = Hooks::open(&store).expect("opens");
        World {
            folder,
            store,
            hooks,
            news: Vec::new(),
            now: Timestamp::from_unix(1_800_000_000),
        }
    }

    /// Ends the process at this instant, and starts the next.
    fn restart(self) -> World {
        let World {
            folder,
            store,
            hooks,
            news,
            now,
        } = self;
        drop((hooks, store));
        let store = Store::open(&folder.path().join("store"), &passphrase(), crate::service::entropy()).expect("opens");
        let hooks = Hooks::open(&store).expect("opens");
        World {
            folder,
            store,
            hooks,
            news,
            now,
        }
    }

    fn add(&mut self, events: &[&str]) -> String {
        let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
        let newest = self.news.last().map(|news| news.place);
        let added = self.hooks.add(
            self.now,
            &mut Fixed,
            ("https://bank.example/hook", &events),
            false,
            newest,
        );
        added.expect("added").0
    }

    fn happen(&mut self, what: What, session: &str) {
        let number = self.news.last().map_or(1, |news| news.place.number + 1);
        let happened = Happened {
            what,
            session: Some(session.to_owned()),
            grant: None,
            verdict: None,
            code: None,
        };
        self.news.push(News {
            place: Place { epoch: 1, number },
            at: self.now,
            happened,
        });
    }

    fn fill(&mut self) {
        let news = self.news.clone();
        let page = move |after: Option<Place>, most: usize| {
            let known = after.is_none_or(|after| after.number == 0 || news.iter().any(|one| one.place == after));
            let from = after.filter(|_| known).map_or(0, |after| after.number);
            let some: Vec<News> = news
                .iter()
                .filter(|one| one.place.number > from)
                .take(most)
                .cloned()
                .collect();
            let last = some
                .last()
                .map(|one| one.place)
                .or(after)
                .unwrap_or(Place { epoch: 1, number: 0 });
            NewsPage {
                is_gap: !known,
                news: some,
                last,
            }
        };
        while self.hooks.fill(self.now, &page).expect("fills") {}
    }

    fn due(&mut self) -> Vec<Job> {
        self.fill();
        self.hooks.due(self.now)
    }

    fn settle(&mut self, job: &Job, answer: &Answer) {
        self.hooks.settle(self.now, &mut Fixed, job, answer).expect("settles");
    }

    fn kinds(jobs: &[Job]) -> Vec<String> {
        let of = |job: &Job| {
            let body: Value = serde_json::from_str(&job.body).expect("JSON");
            let about = body["data"]["session"].as_str().unwrap_or_default().to_owned();
            format!("{} {about}", body["type"].as_str().expect("a kind"))
        };
        jobs.iter().map(of).collect()
    }
}

#[test]
fn an_event_is_sent_until_it_is_taken_under_the_same_name_each_time() {
    let mut world = World::new();
    world.add(&[]);
    world.happen(What::SessionCompleted, "a");
    let [first] = &world.due()[..] else { panic!("one") };
    let body: Value = serde_json::from_str(&first.body).expect("JSON");
    assert_eq!(
        body,
        json!({ "type": "session.completed", "timestamp": world.now.to_string(),
        "data": { "id": "1-1", "session": "a", "state": "completed" } })
    );
    assert!(world.due().is_empty(), "it is on its way");
    // The process ends before it hears what came of it: sent again, by the same name.
    let name = first.delivery.clone();
    let mut world = world.restart();
    let [again] = &world.due()[..] else { panic!("one") };
    assert_eq!(again.delivery, name);
    let again = Job {
        which: again.which.clone(),
        url: String::new(),
        secret: Zeroizing::new(Vec::new()),
        delivery: name.clone(),
        body: String::new(),
    };
    world.settle(&again, &Answer::Refused(500, None));
    assert!(world.due().is_empty());
    world.now = world.now.plus(6);
    let later = world.due();
    assert_eq!(later[0].delivery, name);
    world.settle(&later[0], &Answer::Taken(204));
    let mut world = world.restart();
    world.now = world.now.plus(30 * DAY);
    assert!(world.due().is_empty(), "taken is taken");
    assert_eq!(world.hooks.counts(), (0, 0));
}

#[test]
fn events_of_one_session_go_out_in_their_order_and_hold_up_no_other() {
    let mut world = World::new();
    world.add(&[]);
    world.happen(What::SessionFetched, "a");
    world.happen(What::SessionFetched, "b");
    world.happen(What::SessionCompleted, "a");
    let jobs = world.due();
    assert_eq!(World::kinds(&jobs), ["session.fetched a", "session.fetched b"]);
    world.settle(&jobs[0], &Answer::None("timeout"));
    world.settle(&jobs[1], &Answer::Taken(200));
    world.happen(What::SessionCompleted, "b");
    let jobs = world.due();
    assert_eq!(World::kinds(&jobs), ["session.completed b"], "a waits for its first");
    world.settle(&jobs[0], &Answer::Taken(200));
    world.now = world.now.plus(6);
    let jobs = world.due();
    assert_eq!(World::kinds(&jobs), ["session.fetched a"]);
    world.settle(&jobs[0], &Answer::Taken(200));
    assert_eq!(World::kinds(&world.due()), ["session.completed a"]);
}

#[test]
fn what_nobody_takes_is_given_up_after_three_days_kept_and_sent_again_when_asked() {
    let mut world = World::new();
    let id = world.add(&[]);
    world.happen(What::SessionCompleted, "a");
    world.happen(What::Erased, "a");
    let begun = world.now;
    let mut name = String::new();
    for attempt in 1..=10 {
        let jobs = world.due();
        assert_eq!(World::kinds(&jobs), ["session.completed a"], "attempt {attempt}");
        name = jobs[0].delivery.clone();
        world.settle(&jobs[0], &Answer::Refused(503, None));
        world.now = world.now.plus(27 * 3_600);
    }
    assert!(world.now.since(begun) > 3 * DAY);
    let dead = world.hooks.dead(Some(&id)).expect("known");
    assert_eq!(
        (dead.len(), &dead[0]["delivery"], &dead[0]["last"]),
        (1, &json!(name), &json!("503"))
    );
    assert_eq!(dead[0]["attempts"], 10);
    // The next of the same session is not held up any more.
    let jobs = world.due();
    assert_eq!(World::kinds(&jobs), ["erased a"]);
    world.settle(&jobs[0], &Answer::Taken(200));
    let mut world = world.restart();
    assert_eq!(world.hooks.counts(), (0, 1));
    let wrong = world
        .hooks
        .replay(world.now, &id, Some("msg_other"))
        .expect_err("unknown");
    assert_eq!(wrong.problem.code, Code::NotFound);
    assert_eq!(world.hooks.replay(world.now, &id, Some(&name)).expect("back"), 1);
    let mut world = world.restart();
    let jobs = world.due();
    assert_eq!(jobs[0].delivery, name, "its receiver knows it by its name");
    world.settle(&jobs[0], &Answer::Taken(200));
    assert_eq!(world.hooks.counts(), (0, 0));
    assert_eq!(world.hooks.replay(world.now, &id, None).expect("nothing"), 0);
}

#[test]
fn a_receiver_that_wants_nothing_more_is_sent_nothing_until_somebody_replays() {
    let mut world = World::new();
    let id = world.add(&[]);
    world.happen(What::SessionCompleted, "a");
    world.happen(What::SessionCompleted, "b");
    let jobs = world.due();
    world.settle(&jobs[0], &Answer::Gone);
    world.settle(&jobs[1], &Answer::Gone);
    assert_eq!(world.hooks.show(&id).expect("known")["state"], "gone");
    world.happen(What::SessionCompleted, "c");
    let mut world = world.restart();
    assert!(world.due().is_empty());
    assert_eq!(world.hooks.counts(), (0, 2));
    assert_eq!(world.hooks.replay(world.now, &id, None).expect("back"), 2);
    let jobs = world.due();
    assert_eq!(
        World::kinds(&jobs),
        ["session.completed a", "session.completed b", "session.completed c"]
    );
}

#[test]
fn only_wanted_kinds_from_the_time_it_was_added_are_sent() {
    let mut world = World::new();
    world.happen(What::GrantWithdrawn, "before");
    world.add(&["grant.withdrawn", "grant.withdrawn"]);
    world.happen(What::SessionCompleted, "a");
    world.happen(What::GrantWithdrawn, "b");
    assert_eq!(World::kinds(&world.due()), ["grant.withdrawn b"]);
    for wrong in ["grant", "", "gap"] {
        let events = [wrong.to_owned()];
        let refused = world
            .hooks
            .add(world.now, &mut Fixed, ("https://bank.example/", &events), false, None);
        assert_eq!(
            refused.expect_err(wrong).problem,
            Problem::new(Code::Malformed, "events")
        );
    }
    let refused = world
        .hooks
        .add(world.now, &mut Fixed, ("http://bank.example/", &[]), true, None);
    assert_eq!(
        refused.expect_err("not safe").problem,
        Problem::new(Code::Malformed, "url")
    );
}

#[test]
fn a_queue_is_bounded_what_falls_out_before_its_turn_is_a_gap_and_few_are_on_their_way_at_once() {
    let mut world = World::new();
    world.add(&[]);
    for number in 0..QUEUE_MAX + 200 {
        world.happen(What::SessionFetched, &format!("s{number}"));
    }
    let jobs = world.due();
    assert_eq!(jobs.len(), AT_ONCE);
    assert_eq!(world.hooks.counts().0, QUEUE_MAX - 1);
    // The outbox forgets what did not find room meanwhile.
    world.news.drain(..QUEUE_MAX + 100);
    for job in &jobs {
        world.settle(job, &Answer::Taken(200));
    }
    world.fill();
    let waiting: Vec<&str> = world.hooks.waiting.values().map(|row| row.kind.as_str()).collect();
    assert_eq!(waiting.iter().filter(|kind| **kind == "gap").count(), 1);
    assert!(world.hooks.counts().0 <= QUEUE_MAX);
    let mut ids: Vec<String> = (1..ENDPOINTS_MAX).map(|_| world.add(&[])).collect();
    let refused = world
        .hooks
        .add(world.now, &mut Fixed, ("https://bank.example/", &[]), false, None);
    assert_eq!(refused.expect_err("too many").problem.code, Code::TooLarge);
    world.hooks.remove(&ids.remove(0)).expect("removed");
    world.add(&[]);
}

#[test]
fn what_was_given_up_makes_room_for_what_is_given_up_later() {
    let mut world = World::new();
    let id = world.add(&[]);
    world.happen(What::SessionFetched, "a");
    let rows: Vec<(Which, Delivery)> = (0..DEAD_MAX + 5)
        .map(|number| {
            let news = News {
                place: Place {
                    epoch: 2,
                    number: u64::try_from(number).expect("small"),
                },
                at: world.now,
                happened: world.news[0].happened.clone(),
            };
            world.hooks.row(&id, &news, world.now)
        })
        .collect();
    for chunk in rows.chunks(200) {
        world.hooks.give_up(chunk.to_vec(), None).expect("kept");
    }
    assert_eq!(world.hooks.counts().1, DEAD_MAX);
    let world = world.restart();
    assert_eq!(world.hooks.counts().1, DEAD_MAX);
    let first = &world.hooks.dead.keys().next().expect("some").1;
    assert_eq!(first[11], 5, "the oldest made room");
}

#[test]
fn an_address_that_is_removed_leaves_nothing_and_what_was_on_its_way_is_no_trouble() {
    let mut world = World::new();
    let id = world.add(&[]);
    world.happen(What::SessionFetched, "a");
    let jobs = world.due();
    world.hooks.remove(&id).expect("removed");
    world.settle(&jobs[0], &Answer::Refused(500, None));
    let world = world.restart();
    assert!(world.hooks.is_empty() && world.hooks.counts() == (0, 0));
    for table in [
        "webhook.endpoints",
        "webhook.secrets",
        "webhook.waiting",
        "webhook.dead",
    ] {
        assert_eq!(world.store.table(table).len().expect("reads"), 0, "{table}");
    }
    let gone = world.hooks.show(&id).expect_err("gone");
    assert_eq!(gone.code, Code::NotFound);
}
