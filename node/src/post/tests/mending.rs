//! Operators lose queues, leave the list, or are no longer chosen.

use super::*;

impl World {
    /// An operator forgets everything, as one that was restored from before.
    fn forget(&mut self, operator: usize, name: &str) {
        let store = store(&self.home, name);
        let (did, mailbox) = &mut self.operators[operator];
        *mailbox = Mailbox::open(&store, did.clone(), Limits::default()).expect("opens");
    }

    /// One more operator.
    fn found(&mut self, name: &str) -> Did {
        let did = did(name);
        let store = store(&self.home, &format!("store-{}", self.operators.len()));
        let mailbox = Mailbox::open(&store, did.clone(), Limits::default()).expect("opens");
        self.operators.push((did.clone(), mailbox));
        did
    }

    /// The wallet makes what queues are missing at these operators, and writes where they are.
    fn remake(&mut self, at: &[Did]) {
        let id = with_organisation(&bank());
        for errand in self.wallet.to_create(&id, at, now(), &mut random()).expect("errands") {
            let operator = errand.operator.clone();
            let Reply::Created { queue, token } = self.ask(errand) else {
                panic!("not created")
            };
            let made = self.wallet.created(&id, &operator, (queue, token), now());
            made.expect("noted");
        }
        assert!(self.wallet.is_telling(&id).expect("reads"));
        assert!(self.wallet.tell_reach(&id, now()).expect("written"));
        assert!(!self.wallet.is_telling(&id).expect("reads"));
    }

    /// Puts a letter of the bank's, and notes that it was kept if it was.
    fn try_put(&mut self, delivery: Delivery) -> Option<Code> {
        let (at_bank, number) = (self.at_bank(), delivery.number);
        let operator = delivery.errand.operator.clone();
        match self.ask(delivery.errand) {
            Reply::Kept => self.bank.delivered(&at_bank, number, &operator).expect("noted"),
            Reply::Problem(problem) => return Some(problem.code),
            other => panic!("{other:?}"),
        }
        None
    }

    /// The two know where each other is reached, and nothing is on its way.
    fn met(&mut self) {
        let (id, at_bank) = (with_organisation(&bank()), self.at_bank());
        for delivery in self.bank_delivers() {
            assert_eq!(self.try_put(delivery), None);
        }
        let theirs = self.bank.reach(&at_bank).expect("reads").expect("is reached");
        self.wallet.set_theirs(&id, theirs, now()).expect("noted");
        self.wallet.taken(&id, 1).expect("noted");
    }

    /// What the bank reads of the wallet's letters.
    fn bank_reads(&mut self) -> Vec<Letter> {
        let at_bank = self.at_bank();
        for delivery in self.wallet_delivers() {
            self.put(delivery);
        }
        let mut letters = Vec::new();
        for operator in self.bank.keepers(&at_bank).expect("reads") {
            let errand = self.bank.fetch(&at_bank, &operator, now());
            let Reply::Waiting { envelopes, .. } = self.ask(errand.expect("reads").expect("an errand")) else {
                panic!("not answered")
            };
            for waiting in envelopes {
                let read = self.bank.read(&at_bank, &operator, &waiting.envelope, &self.trust);
                if let Arrived::New(number, letter) = read.expect("opens") {
                    self.bank.taken(&at_bank, number).expect("noted");
                    letters.push(letter);
                }
            }
        }
        letters
    }
}

#[test]
fn a_letter_for_a_queue_that_is_gone_is_not_delivered_and_comes_when_the_wallet_has_another() {
    let mut world = World::new();
    world.met();
    let (id, at_bank) = (with_organisation(&bank()), world.at_bank());
    world.forget(0, "en-again");
    world.bank.write(&at_bank, &letter("one"), now()).expect("written");
    let mut deliveries = world.bank_delivers().into_iter();
    let (at_lost, at_other) = (deliveries.next().expect("one"), deliveries.next().expect("another"));
    let (number, lost) = (at_lost.number, at_lost.errand.operator.clone());
    assert_eq!(world.try_put(at_lost), Some(Code::NotFound));
    assert!(
        !world.bank.gone(&at_bank, number, &lost).expect("reads"),
        "nobody has kept it"
    );
    assert_eq!(world.bank.waiting_of(&at_bank).expect("reads"), 1);
    assert_eq!(world.try_put(at_other), None);
    assert!(
        world.bank.gone(&at_bank, number, &lost).expect("noted"),
        "the other has"
    );
    assert_eq!(world.bank.waiting_of(&at_bank).expect("reads"), 0);

    // Both are lost.
    world.forget(1, "to-again");
    world.bank.write(&at_bank, &letter("two"), now()).expect("written");
    for delivery in world.bank_delivers() {
        assert_eq!(world.try_put(delivery), Some(Code::NotFound));
    }
    for operator in operators() {
        let errand = world.wallet.fetch(&id, &operator, now());
        let reply = world.ask(errand.expect("reads").expect("an errand"));
        assert!(matches!(reply, Reply::Problem(problem) if problem.code == Code::NotFound));
        assert!(!world.wallet.lost(&id, &operator, now()).expect("reads"), "just made");
        let later = now().plus(MADE_SECONDS);
        assert!(world.wallet.lost(&id, &operator, later).expect("noted"));
        assert!(!world.wallet.lost(&id, &operator, later).expect("reads"), "once");
    }
    world.remake(&operators());
    let reach = world.wallet.reach(&id).expect("reads").expect("is reached");
    world.bank.take_reach(&at_bank, reach, now()).expect("of the same hand");
    let deliveries = world.bank_delivers();
    assert_eq!(deliveries.len(), 2);
    for delivery in deliveries {
        assert_eq!(world.try_put(delivery), None);
    }
    for (operator, envelopes) in world.waiting_for_wallet() {
        let read = world.read(&operator, &envelopes[0].envelope).expect("opens");
        assert!(matches!(read, Arrived::New(_, Letter::Request { request }) if request == "two"));
    }
}

#[test]
fn a_wallet_whose_operator_is_no_longer_chosen_tells_where_it_is_reached_and_still_looks_there() {
    let mut world = World::new();
    world.met();
    let (id, at_bank) = (with_organisation(&bank()), world.at_bank());
    let [en, to] = operators();
    let tre = world.found("did:web:tre.example");
    let suits = |did: &Did| *did != en;
    assert_eq!(world.wallet.settle(&id, &suits, now()).expect("noted"), 1);
    world.remake(&[to.clone(), tre.clone()]);
    let reach = world.wallet.reach(&id).expect("reads").expect("is reached");
    let at: Vec<&Did> = reach.places.iter().map(|place| &place.operator).collect();
    assert_eq!(at, [&to, &tre]);
    let keepers = world.wallet.keepers(&id).expect("reads");
    assert_eq!(keepers, [en.clone(), to.clone(), tre.clone()]);
    let letters = world.bank_reads();
    let [Letter::Reach(told)] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!(told, &reach);

    // The bank goes there too, and says so. What one of its roles still knows of before changes nothing.
    assert_eq!(world.bank.to_answer(&at_bank).expect("reads"), None);
    world
        .bank
        .take_reach(&at_bank, told.clone(), now())
        .expect("of the same hand");
    assert_eq!(world.bank.to_answer(&at_bank).expect("reads").as_ref(), Some(&reach));
    let both = [to.clone(), tre.clone()];
    let errands = world.bank.to_create(&at_bank, &both, now(), &mut random());
    let at: Vec<Did> = errands
        .expect("errands")
        .into_iter()
        .map(|errand| errand.operator)
        .collect();
    assert_eq!(at, std::slice::from_ref(&tre));
    let mut before = reach.clone();
    before.places.truncate(1);
    let begun = world.bank.begin(&at_bank, None, Some(&before), &mut random());
    begun.expect("goes on");
    assert_eq!(world.bank.theirs(&at_bank).expect("reads"), Some(reach));

    // What was put before is found for as long as it can be there.
    let later = now().plus(LETTER_SECONDS - 1);
    world.wallet.settle(&id, &suits, later).expect("reads");
    assert_eq!(world.wallet.keepers(&id).expect("reads").len(), 3);
    world.wallet.settle(&id, &suits, later.plus(1)).expect("noted");
    assert_eq!(world.wallet.keepers(&id).expect("reads"), both);
}

#[test]
fn a_choice_that_is_taken_back_makes_no_new_queue_and_few_are_left_behind() {
    let mut world = World::new();
    world.met();
    let id = with_organisation(&bank());
    let [en, to] = operators();
    let first = world.wallet.reach(&id).expect("reads").expect("is reached");
    let settled = world.wallet.settle(&id, &|did| *did == to, now());
    assert_eq!(settled.expect("noted"), 1);
    let settled = world.wallet.settle(&id, &|did| [&en, &to].contains(&did), now());
    assert_eq!(settled.expect("noted"), 2);
    assert_eq!(world.wallet.reach(&id).expect("reads"), Some(first));
    for (seconds, name) in (1..).zip(["tre", "fire", "fem"]) {
        let other = world.found(&format!("did:web:{name}.example"));
        let then = now().plus(seconds);
        world.wallet.settle(&id, &|did| *did == other, then).expect("noted");
        world.remake(std::slice::from_ref(&other));
        let keepers = world.wallet.keepers(&id).expect("reads");
        assert_eq!(keepers.last(), Some(&other));
        assert!(keepers.len() <= LEFT_MAX + 1, "{keepers:?}");
    }
}

#[test]
fn nobody_else_says_where_a_wallet_is_reached() {
    let mut world = World::new();
    let at_bank = world.at_bank();
    let reach = world.bank.theirs(&at_bank).expect("reads").expect("known");
    let mut moved = reach.clone();
    moved.places.truncate(1);
    let hand = SigningKey::from_bytes(&[3; 32]).verifying_key();
    let key = RecipientKey::from_bytes(&[3; 32]);
    let forged = [
        Reach {
            writer: Some(BASE64_URL_SAFE_NO_PAD.encode(hand.to_bytes())),
            ..moved.clone()
        },
        Reach {
            writer: None,
            ..moved.clone()
        },
        Reach {
            key: BASE64_URL_SAFE_NO_PAD.encode(key.recipient().as_bytes()),
            ..moved.clone()
        },
    ];
    for forged in forged {
        let taken = world.bank.take_reach(&at_bank, forged, now());
        assert_eq!(code(taken), Some(Code::WrongOrigin));
        assert_eq!(world.bank.theirs(&at_bank).expect("reads").as_ref(), Some(&reach));
    }
    let taken = world.bank.take_reach(&at_bank, moved.clone(), now());
    taken.expect("of the same hand");
    assert_eq!(world.bank.theirs(&at_bank).expect("reads"), Some(moved));
}
