//! Notices of a register whose two keys a test holds, in whatever order and number they come.

use crate::clocks::Passing;
use crate::network::{BANK, Network, Organisation, argument, until};
use crate::process::{Home, finish};
use crate::refusals::line;
use crate::refusals::stage::{entry, mark};
use crate::spread::{counted, found};
use crate::stranger::{Peer, World};
use credentials::notice::{self, NOTHING, Paper, Place, Proposal};
use credentials::protocol;
use credentials::protocol::notice::{Ask, Digest, LIMIT, Reply};
use credentials::random;
use node::clock;
use node::network::{Protocol, Topic};
use node::population::STRANGER_COMPANY;
use serde_json::{Value, json};

const HOLDS: Organisation = Organisation {
    services: &["S11"],
    ..BANK
};

/// How long a notice is missing, in seconds, until `doctor` says so, and a bit.
const MISSED_SECONDS: i64 = 130;
/// Looks at `doctor` before more time has to pass.
const LOOKS: usize = 100;

/// What the register has written so far.
struct Log<'a> {
    register: &'a Peer,
    previous: [u8; 32],
    number: u64,
}

impl Log<'_> {
    /// The next notice, not signed yet.
    fn next(&mut self, kind: &str, about: Option<&str>) -> Proposal {
        let written = self.rival(self.number + 1, kind, about);
        self.number = written.number();
        self.previous = *written.hash();
        written
    }

    /// A notice under any number, after the newest.
    fn rival(&self, number: u64, kind: &str, about: Option<&str>) -> Proposal {
        let uuid = notice::uuid(random::bytes(&mut clock::System));
        let place = Place {
            register: self.register.did(),
            uuid: &uuid,
            number,
            previous: self.previous,
            registered: clock::now(),
        };
        let subject = json!({
            "type": kind, "boType": "konkurs", "kjennelsesdato": "2026-08-31", "domstol": "Syntetisk tingrett",
            "debitor": {"organisasjonsnummer": STRANGER_COMPANY, "navn": "TOMT SKALL AS"}, "gjelderVarsel": about,
        });
        Proposal::write(&place, subject.as_object().expect("an object")).expect("writes")
    }

    /// Signed by so many of its keys, some seconds ago.
    fn signed(&self, written: &Proposal, keys: usize, ago: i64) -> String {
        let paper = Paper::parse(written.text()).expect("parses");
        let at = clock::now().plus(-ago);
        let signed = (0..keys).fold(paper, |paper, place| {
            let (kid, key) = self.register.key(place);
            paper.sign(&kid, key, at).expect("signs")
        });
        signed.text().to_owned()
    }

    fn tell(&self, text: String) {
        let digest = protocol::encode(&Digest::Notice { text }).expect("encodes");
        self.register.gossip(Topic::Notice, digest);
    }

    /// Answers whoever asks for a range with these notices.
    fn give(&self, notices: Vec<String>) {
        self.register.behave(move |protocol, body| {
            if protocol != Protocol::Notice {
                return None;
            }
            match protocol::decode(body, LIMIT).ok()? {
                Ask::Range { .. } => protocol::encode(&Reply::Range {
                    notices: notices.clone(),
                })
                .ok(),
                _ => None,
            }
        });
    }
}

/// Number and effect of what the bank was told to do.
fn events(bank: &Home) -> Vec<(u64, String)> {
    let said = bank.ok(&["verifier", "notices", "events"]);
    let events = said["events"].as_array().cloned().unwrap_or_default();
    let of = |event: &Value| {
        let effect = event["effect"].as_str().expect("a text").to_owned();
        (event["number"].as_u64().expect("a number"), effect)
    };
    events.iter().map(of).collect()
}

fn expected(effects: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(effects.iter().map(|effect| (*effect).to_owned())).collect()
}

/// `doctor` says in every language what a program reads as a code.
#[track_caller]
fn told(bank: &Home, kind: &str, check: &str) {
    let line = line(kind);
    until(kind, || {
        found(bank, check).is_some_and(|finding| finding["code"] == line.code.as_str())
    });
    for language in node::text::LANGUAGES {
        let said = finish(bank.typed(&["--lang", language, "doctor"]), "");
        assert!(
            said.stdout.contains(&line.sentence(language)),
            "{kind}: {}",
            said.stdout
        );
    }
}

#[test]
fn notices_out_of_order_twice_or_by_one_key_act_once_and_in_order_and_rivals_stop_the_log() {
    let world = World::new();
    let network = Network::trusting(&world.root());
    let register = Peer::start(&world, "did:web:konkurs.example", "974760673", 2);
    let mut bank = network.init(&HOLDS, &[]);
    let time = Passing::begin(network.folder());
    bank.set_environment(time.environment());
    bank.serve(&["--log", "debug"]);
    let listed = vec![entry(&HOLDS, &bank), register.entry(&[notice::VCT])];
    let file = network.folder().join("trust.json");
    std::fs::write(&file, world.sign(1, listed)).expect("writes");
    bank.ok(&["trust", "import", argument(&file)]);
    bank.run_with(
        &["verifier", "customers", "import", "-"],
        &format!("{STRANGER_COMPANY}\n"),
    )
    .expect(0);
    register.join(&serde_json::from_value(bank.ok(&["whoami"])["card"].clone()).expect("a card"));
    until("the bank hears the register", || {
        counted(&bank, "bevis_gossip_peers") == 1
    });
    let mut log = Log {
        register: &register,
        previous: NOTHING,
        number: 0,
    };
    let first = log.next("aapning", None);
    log.tell(log.signed(&first, 2, 0));
    until("the first acts", || events(&bank) == expected(&["block"]));

    // The third before the second, which nobody gives: it waits, and somebody is told.
    let second = log.next("sletting", Some(first.uuid()));
    let third = log.next("aapning", None);
    log.tell(log.signed(&third, 2, 0));
    until("the second is missing", || {
        bank.ok(&["verifier", "notices", "list"])["streams"][0]["missing"] == json!([2, 2])
    });
    // The node looks every second; one look has to be before the time passes.
    let is_told = |times: i64| {
        time.pass(MISSED_SECONDS * times);
        (0..LOOKS).any(|_| found(&bank, "notices").is_some())
    };
    assert!((1..=3).any(is_told), "nobody is told");
    told(&bank, "a notice before the one that it follows", "notices");
    assert_eq!(events(&bank), expected(&["block"]));
    // One key of the two is not enough for the gap.
    let since = mark(&bank);
    log.give(vec![log.signed(&second, 1, 0)]);
    let wanted = format!("problem={}", line("a notice by one key").code);
    until(&wanted, || {
        assert_eq!(events(&bank), expected(&["block"]));
        let text = std::fs::read_to_string(bank.log()).expect("reads");
        let new = text.get(since..).unwrap_or_default();
        new.split_whitespace().any(|word| word.trim_end_matches(':') == wanted)
    });
    log.give(vec![log.signed(&second, 2, 0)]);
    let all = expected(&["block", "reopen", "block"]);
    until("both act, in their order", || events(&bank) == all);
    until("nothing is missing", || found(&bank, "notices").is_none());

    // Again, under other signatures, so that gossip takes it for another message. Gossip promises nobody that one message comes.
    let ignored = "bevis_gossip_messages_total{topic=\"/bevis/notice/1\",what=\"ignored\"}";
    let before = counted(&bank, ignored);
    let is_heard = |later: i64| {
        log.tell(log.signed(&second, 2, later));
        (0..LOOKS).any(|_| counted(&bank, ignored) > before)
    };
    assert!((1..=3).any(is_heard), "it was not heard again");
    assert_eq!(events(&bank), all);

    // Another under a number that has acted: nothing acts until somebody decides, and then the right one goes on.
    log.tell(log.signed(&log.rival(3, "sletting", Some(first.uuid())), 2, 0));
    told(&bank, "two notices under one number", "alarm");
    let fourth = log.next("sletting", Some(third.uuid()));
    let text = log.signed(&fourth, 2, 0);
    log.give(vec![text.clone()]);
    log.tell(text);
    let stream = || bank.ok(&["verifier", "notices", "list"])["streams"][0].clone();
    assert_eq!(stream()["frozen"]["number"], 3);
    assert_eq!(events(&bank), all);
    bank.ok(&["verifier", "notices", "decide", &register.did().to_string()]);
    log.tell(log.signed(&fourth, 2, 1));
    until("the fourth acts", || {
        events(&bank) == expected(&["block", "reopen", "block", "reopen"])
    });
}
