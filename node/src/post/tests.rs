//! A wallet and an organisation that write to each other through two operators, which keep, lose, repeat and swap.

use super::*;
use crate::mailbox::{Limits, Mailbox, Peer};
use credentials::protocol::mailbox::{Reply, Waiting};
use credentials::trust::{Ceremony, Draft, Organisation, OrganisationKey};
use store::{Params, Passphrase};
use tempfile::TempDir;

const NAMES: [&str; 3] = ["did:web:bank.example", "did:web:en.example", "did:web:to.example"];

mod aside;
mod mending;

fn now() -> Timestamp {
    Timestamp::parse("2026-07-10T12:00:00Z").expect("an instant")
}

fn did(name: &str) -> Did {
    Did::parse(name).expect("a DID")
}

fn bank() -> Did {
    did(NAMES[0])
}

fn operators() -> [Did; 2] {
    [did(NAMES[1]), did(NAMES[2])]
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn random() -> impl Random {
    crate::clock::System
}

struct World {
    home: TempDir,
    wallet: Post,
    bank: Post,
    operators: Vec<(Did, Mailbox)>,
    trust: std::sync::Arc<Trust>,
    stores: Vec<Store>,
}

fn store(home: &TempDir, name: &str) -> Store {
    let passphrase = Passphrase::new("for tests only");
    Store::create(
        &home.path().join(name),
        &passphrase,
        Params::quick(),
        crate::service::entropy(),
    )
    .expect("a store")
}

impl World {
    fn new() -> World {
        let home = tempfile::tempdir().expect("a folder");
        let stores: Vec<Store> = ["wallet", "bank", "en", "to"]
            .iter()
            .map(|name| store(&home, name))
            .collect();
        let operators = operators().into_iter().zip(&stores[2..]);
        let operators = operators
            .map(|(did, store)| {
                (
                    did.clone(),
                    Mailbox::open(store, did, Limits::default()).expect("opens"),
                )
            })
            .collect();
        let draft = Draft {
            sequence: 1,
            operator: "Anker".to_owned(),
            issued: now(),
            next_update: now().plus(DAY),
            organisations: vec![Organisation {
                did: bank(),
                number: "213579045".to_owned(),
                name: "SYNTETISK SPAREBANK".to_owned(),
                keys: vec![OrganisationKey {
                    id: format!("{}#key-1", bank()),
                    key: signer().verifying_key(),
                    valid_from: now(),
                    valid_until: now().plus(365 * DAY),
                    compromised: None,
                }],
                nodes: Vec::new(),
                issues: Vec::new(),
                services: Vec::new(),
            }],
        };
        let mut anchors = Ceremony::of_three(&mut random(), now()).expect("anchors");
        let mut world = World {
            wallet: Post::open(&stores[0]).expect("opens"),
            bank: Post::open(&stores[1]).expect("opens"),
            operators,
            trust: anchors.trust(&draft, now()).expect("a list"),
            stores,
            home,
        };
        world.pair();
        world
    }

    fn ask(&mut self, errand: Errand) -> Reply {
        let (_, mailbox) = self
            .operators
            .iter_mut()
            .find(|(did, _)| *did == errand.operator)
            .expect("an operator");
        let answers = mailbox.answer(&[(Peer::Stranger(b"x"), errand.ask)], now(), &mut random());
        answers.replies.into_iter().next().expect("a reply")
    }

    /// The wallet makes queues and says where they are; the bank answers.
    fn pair(&mut self) {
        let id = with_organisation(&bank());
        self.wallet
            .begin(&id, Some(&bank()), None, &mut random())
            .expect("begins");
        for errand in self
            .wallet
            .to_create(&id, &operators(), now(), &mut random())
            .expect("errands")
        {
            let operator = errand.operator.clone();
            let Reply::Created { queue, token } = self.ask(errand) else {
                panic!("not created")
            };
            let made = self.wallet.created(&id, &operator, (queue, token), now());
            made.expect("noted");
        }
        let reach = self.wallet.reach(&id).expect("reads").expect("is reached");
        let at_bank = self.at_bank();
        self.bank
            .begin(&at_bank, None, Some(&reach), &mut random())
            .expect("begins");
        let theirs = self.bank.to_answer(&at_bank).expect("reads").expect("not told yet");
        let chosen: Vec<Did> = theirs.places.into_iter().map(|place| place.operator).collect();
        assert_eq!(chosen.iter().collect::<BTreeSet<_>>(), operators().iter().collect());
        for errand in self
            .bank
            .to_create(&at_bank, &chosen, now(), &mut random())
            .expect("errands")
        {
            let operator = errand.operator.clone();
            let Reply::Created { queue, token } = self.ask(errand) else {
                panic!("not created")
            };
            let made = self.bank.created(&at_bank, &operator, (queue, token), now());
            made.expect("noted");
        }
        assert!(self.bank.tell_reach(&at_bank, now()).expect("written"));
        assert_eq!(self.bank.to_answer(&at_bank).expect("reads"), None);
    }

    fn at_bank(&self) -> Id {
        let reach = self
            .wallet
            .reach(&with_organisation(&bank()))
            .expect("reads")
            .expect("is reached");
        with_wallet(&reach).expect("a key")
    }

    fn bank_delivers(&mut self) -> Vec<Delivery> {
        let (id, signer, kid) = (self.at_bank(), signer(), format!("{}#key-1", bank()));
        let me = Me::Organisation(Sender::Organisation {
            kid: &kid,
            signer: &signer,
        });
        self.bank.deliveries(&id, me, now(), &mut random()).expect("sealed")
    }

    fn wallet_delivers(&mut self) -> Vec<Delivery> {
        let id = with_organisation(&bank());
        self.wallet
            .deliveries(&id, Me::Wallet, now(), &mut random())
            .expect("sealed")
    }

    fn put(&mut self, delivery: Delivery) -> (u64, Did) {
        let (number, operator) = (delivery.number, delivery.errand.operator.clone());
        assert!(matches!(self.ask(delivery.errand), Reply::Kept));
        (number, operator)
    }

    /// Everything that waits for the wallet, by operator.
    fn waiting_for_wallet(&mut self) -> Vec<(Did, Vec<Waiting>)> {
        let id = with_organisation(&bank());
        let keepers = self.wallet.keepers(&id).expect("reads");
        let errands: Vec<Errand> = keepers
            .iter()
            .map(|operator| {
                self.wallet
                    .fetch(&id, operator, now())
                    .expect("reads")
                    .expect("an errand")
            })
            .collect();
        let fetch = |errand: Errand| {
            let operator = errand.operator.clone();
            match self.ask(errand) {
                Reply::Waiting { envelopes, .. } => (operator, envelopes),
                other => panic!("{other:?}"),
            }
        };
        errands.into_iter().map(fetch).collect()
    }

    fn read(&self, operator: &Did, envelope: &[u8]) -> Result<Arrived, Failure> {
        self.wallet
            .read(&with_organisation(&bank()), operator, envelope, &self.trust)
    }
}

fn letter(text: &str) -> Letter {
    Letter::Request {
        request: text.to_owned(),
    }
}

fn code<T>(result: Result<T, Failure>) -> Option<Code> {
    result.err().map(|failure| failure.problem.code)
}

#[test]
fn a_letter_comes_by_two_operators_and_is_taken_once() {
    let mut world = World::new();
    let at_bank = world.at_bank();
    world.bank.write(&at_bank, &letter("one"), now()).expect("written");
    world
        .bank
        .write(&at_bank, &letter("one"), now())
        .expect("the same letter");
    let deliveries = world.bank_delivers();
    assert_eq!(
        deliveries.len(),
        4,
        "where the bank is reached, and the letter, at both"
    );
    for delivery in deliveries {
        let (number, operator) = world.put(delivery);
        world.bank.delivered(&at_bank, number, &operator).expect("noted");
    }
    assert!(world.bank_delivers().is_empty());
    assert!(world.bank.pending().is_empty());

    let id = with_organisation(&bank());
    let mut taken = Vec::new();
    for (operator, envelopes) in world.waiting_for_wallet() {
        for waiting in &envelopes {
            if let Arrived::New(number, letter) = world.read(&operator, &waiting.envelope).expect("opens") {
                world.wallet.taken(&id, number).expect("noted");
                taken.push(letter);
            }
        }
        let last = envelopes.last().expect("two came");
        let name = envelope::id(&last.envelope);
        let errand = world
            .wallet
            .acknowledge(&id, &operator, (last.number, &name), now())
            .expect("reads");
        assert!(matches!(world.ask(errand.expect("a queue")), Reply::Acknowledged));
    }
    assert!(
        matches!(&taken[..], [Letter::Reach(_), Letter::Request { request }] if request == "one"),
        "{taken:?}"
    );
    assert!(
        world
            .waiting_for_wallet()
            .iter()
            .all(|(_, envelopes)| envelopes.is_empty())
    );
}

#[test]
fn the_wallet_answers_where_the_bank_said_and_the_bank_knows_the_hand() {
    let mut world = World::new();
    let id = with_organisation(&bank());
    world.wallet.write(&id, &letter("mine"), now()).expect("written");
    assert!(
        world.wallet_delivers().is_empty(),
        "the bank has not said where it is reached"
    );
    assert_eq!(world.wallet.pending(), [id], "and the letter waits");
    for delivery in world.bank_delivers() {
        world.put(delivery);
    }
    let (operator, envelopes) = world.waiting_for_wallet().remove(0);
    let Arrived::New(number, Letter::Reach(reach)) = world.read(&operator, &envelopes[0].envelope).expect("opens")
    else {
        panic!("where the bank is reached")
    };
    world.wallet.set_theirs(&id, reach, now()).expect("noted");
    world.wallet.taken(&id, number).expect("noted");
    let deliveries = world.wallet_delivers();
    assert_eq!(deliveries.len(), 2);
    for delivery in deliveries {
        world.put(delivery);
    }
    let at_bank = world.at_bank();
    for operator in world.bank.keepers(&at_bank).expect("reads") {
        let errand = world.bank.fetch(&at_bank, &operator, now());
        let errand = errand.expect("reads").expect("an errand");
        let Reply::Waiting { envelopes, .. } = world.ask(errand) else {
            panic!("not answered")
        };
        let arrived = world
            .bank
            .read(&at_bank, &operator, &envelopes[0].envelope, &world.trust)
            .expect("opens");
        assert!(matches!(arrived, Arrived::New(1, Letter::Request { .. })));
    }
}

#[test]
fn nobody_else_writes_and_an_envelope_opens_in_its_queue_only() {
    let world = World::new();
    let id = with_organisation(&bank());
    let reach = world.wallet.reach(&id).expect("reads").expect("is reached");
    let queue = reach.places[0].queue().expect("an id");
    let content = letter("forged").encode().expect("fits");
    let message = |kind| Message {
        queue: &queue,
        number: 1,
        at: now(),
        kind,
        content: &content,
    };
    let recipient = reach.recipient().expect("a key");
    let operator = reach.places[0].operator.clone();
    let by_bank = Sender::Organisation {
        kid: "did:web:bank.example#key-1",
        signer: &signer(),
    };
    let sound = envelope::seal(&message(KIND), by_bank, &recipient, &mut random()).expect("seals");
    assert!(matches!(world.read(&operator, &sound), Ok(Arrived::New(1, _))));

    let another = SigningKey::from_bytes(&[1; 32]);
    let by_holder = envelope::seal(&message(KIND), Sender::Holder(&another), &recipient, &mut random()).expect("seals");
    assert_eq!(code(world.read(&operator, &by_holder)), Some(Code::WrongOrigin));
    let forged = Sender::Organisation {
        kid: "did:web:bank.example#key-1",
        signer: &another,
    };
    let forged = envelope::seal(&message(KIND), forged, &recipient, &mut random()).expect("seals");
    assert_eq!(code(world.read(&operator, &forged)), Some(Code::SignatureInvalid));
    let unknown = envelope::seal(&message("news"), by_bank, &recipient, &mut random()).expect("seals");
    assert_eq!(code(world.read(&operator, &unknown)), Some(Code::Unsupported));
    // Swapped between the two queues of one wallet, and given to another relation.
    assert_eq!(
        code(world.read(&reach.places[1].operator, &sound)),
        Some(Code::Malformed)
    );
    let at_bank = world.at_bank();
    let other = world.bank.read(&at_bank, &operator, &sound, &world.trust);
    assert_eq!(code(other), Some(Code::Malformed), "opened by the wrong key");
    let mut cut = sound.clone();
    cut.pop();
    assert_eq!(code(world.read(&operator, &cut)), Some(Code::Malformed));
    let long = vec![0; envelope::BODY_MAX + 1];
    assert_eq!(code(world.read(&operator, &long)), Some(Code::TooLarge));
    assert_eq!(
        code(world.read(&bank(), &sound)),
        Some(Code::NotFound),
        "no queue of ours there"
    );
}

#[test]
fn letters_in_another_order_and_repeated_are_taken_once_each() {
    let mut world = World::new();
    let id = with_organisation(&bank());
    let reach = world.wallet.reach(&id).expect("reads").expect("is reached");
    let queue = reach.places[0].queue().expect("an id");
    let sealed = |number: u64| {
        let content = letter(&number.to_string()).encode().expect("fits");
        let message = Message {
            queue: &queue,
            number,
            at: now(),
            kind: KIND,
            content: &content,
        };
        let by_bank = Sender::Organisation {
            kid: "did:web:bank.example#key-1",
            signer: &signer(),
        };
        envelope::seal(&message, by_bank, &reach.recipient().expect("a key"), &mut random()).expect("seals")
    };
    for number in [3, 1, 3, 2, 1] {
        let is_new = match world.read(&reach.places[0].operator, &sealed(number)).expect("opens") {
            Arrived::New(found, _) => {
                assert_eq!(found, number);
                world.wallet.taken(&id, number).expect("noted");
                true
            }
            Arrived::Again => false,
        };
        let again = world.read(&reach.places[0].operator, &sealed(number)).expect("opens");
        assert!(matches!(again, Arrived::Again), "{number} {is_new}");
    }
    // What is missing for long is given up; what came stays taken.
    for number in 5..5 + AHEAD_MAX as u64 + 3 {
        world.wallet.taken(&id, number).expect("noted");
    }
    assert!(matches!(
        world.read(&reach.places[0].operator, &sealed(4)),
        Ok(Arrived::Again)
    ));
    assert!(matches!(
        world.read(&reach.places[0].operator, &sealed(400)),
        Ok(Arrived::New(400, _))
    ));
}

#[test]
fn what_is_written_goes_on_after_a_restart_and_old_letters_give_way() {
    let mut world = World::new();
    let at_bank = world.at_bank();
    for number in 0..LETTERS_MAX + 5 {
        world
            .bank
            .write(&at_bank, &letter(&number.to_string()), now())
            .expect("written");
    }
    world.bank = Post::open(&world.stores[1]).expect("opens");
    assert_eq!(world.bank.pending(), [at_bank]);
    let numbers: BTreeSet<u64> = world
        .bank_delivers()
        .into_iter()
        .map(|delivery| delivery.number)
        .collect();
    assert_eq!(numbers.len(), LETTERS_MAX);
    assert_eq!(numbers.last(), Some(&(LETTERS_MAX as u64 + 6)), "the newest are there");
    assert_eq!(world.bank.waiting().expect("reads")[&at_bank], LETTERS_MAX);
    let later = now().plus(LETTER_SECONDS);
    let (signer, kid) = (signer(), format!("{}#key-1", bank()));
    let me = Me::Organisation(Sender::Organisation {
        kid: &kid,
        signer: &signer,
    });
    assert!(
        world
            .bank
            .deliveries(&at_bank, me, later, &mut random())
            .expect("reads")
            .is_empty()
    );
}

#[test]
fn a_restored_home_writes_under_numbers_that_it_never_used() {
    let mut world = World::new();
    let (id, at_bank) = (with_organisation(&bank()), world.at_bank());
    let before = world.bank.row(&at_bank).expect("a row");
    let taken = |world: &mut World| {
        for delivery in world.bank_delivers() {
            world.put(delivery);
        }
        let mut taken = Vec::new();
        for (operator, envelopes) in world.waiting_for_wallet() {
            for waiting in envelopes {
                if let Arrived::New(number, letter) = world.read(&operator, &waiting.envelope).expect("opens") {
                    world.wallet.taken(&id, number).expect("noted");
                    taken.extend(matches!(letter, Letter::Request { .. }).then_some(number));
                }
            }
        }
        taken
    };
    world.bank.write(&at_bank, &letter("one"), now()).expect("written");
    assert_eq!(taken(&mut world), [2]);
    let forget = |world: &mut World| {
        world.bank.tables.put(&at_bank, &before).expect("as it was");
        world.bank = Post::open(&world.stores[1]).expect("opens");
    };
    forget(&mut world);
    world.bank.write(&at_bank, &letter("two"), now()).expect("written");
    assert!(taken(&mut world).is_empty(), "in the same epoch its number was used");
    forget(&mut world);
    world.stores[1].begin_epoch().expect("begins");
    for (text, number) in [("three", NUMBERS + 1), ("four", NUMBERS + 2)] {
        world.bank.write(&at_bank, &letter(text), now()).expect("written");
        assert_eq!(taken(&mut world), [number]);
    }
}
