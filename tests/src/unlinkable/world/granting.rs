//! All that a bank can come to have of a customer: an answer with the signed decision and where the wallet is reached, then a standing
//! grant with its deposit, releases and withdrawal.

use super::{Holder, LOAN, Seeded, World, base64, morning, peer_of, sender};
use credentials::decision;
use credentials::decision::Receipt;
use credentials::grant::{GrantAsked, OpenedGrant};
use credentials::jwe::DecryptionKey;
use credentials::letter::Reach;
use credentials::link::Link;
use credentials::protocol::{consent, presentation};
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::request::{self, Request};
use credentials::schema::Path;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::verify::Verdict;
use credentials::{Did, Random, Timestamp, random};
use node::post::{self, Post};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use wallet::{Incoming, Outcome, Outgoing, Step, Thread};

/// How long a grant stands, in seconds.
const LIFE: i64 = 200 * DAY;

/// What a leak of ours would be in what grants and mailboxes bring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::unlinkable) enum Leak {
    None,
    /// A wallet has one queue for everybody.
    Queue,
    /// A wallet answers everybody by the same operators, which it made with its own name.
    Writer,
    /// Grants say the second at which the wallet was opened first.
    Opened,
}

fn loan(number: &str) -> Value {
    json!({
        "personidentifikator": number,
        "Accounts": [{
            "Name": "Lån",
            "Bban": number,
            "Balances": [{
                "BalanceType": "closingBooked", "BalanceAmount": { "currency": "NOK", "amount": "313654.00" }
            }]
        }],
        "TotalAmount": { "currency": "NOK", "amount": "313654.00" },
        "ajourholdstidspunkt": "2026-07-14T04:00:00Z",
        "formaal": "visning-i-nettbank",
        "ikkeTilKredittvurdering": true,
        "slettVedUtlogging": true
    })
}

fn claims() -> Vec<Path> {
    vec![Path::of(&["personidentifikator"]), Path::of(&["TotalAmount"])]
}

fn balance() -> Query {
    let claim = |path| ClaimQuery {
        path,
        values: Vec::new(),
    };
    Query {
        credentials: vec![CredentialQuery {
            id: "laan".to_owned(),
            vct: LOAN.to_owned(),
            claims: claims().into_iter().map(claim).collect(),
        }],
    }
}

/// What happens between a customer and a bank, so long after the first of it.
pub(in crate::unlinkable) const MEETINGS: [(i64, Meeting); 5] = [
    (0, Meeting::Shows),
    (DAY / 3, Meeting::Grants),
    (DAY, Meeting::Fetched),
    (2 * DAY, Meeting::Fetched),
    (4 * DAY, Meeting::Withdraws),
];

/// One of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::unlinkable) enum Meeting {
    Shows,
    Grants,
    Fetched,
    Withdraws,
}

/// All that a bank has of a customer: whom it saw, and everything that came, by what it is.
#[derive(Default)]
pub(in crate::unlinkable) struct Everything {
    pub(in crate::unlinkable) sender: String,
    pub(in crate::unlinkable) came: Value,
    /// The grant, and its name in the wallet.
    grant: Option<(OpenedGrant, String)>,
}

impl World {
    /// The same people owe the same to the student-loan fund.
    pub(in crate::unlinkable) fn lend(&mut self, numbers: &[String]) {
        let rows: Vec<Value> = numbers.iter().map(|number| loan(number)).collect();
        self.tax.import(LOAN, &rows);
        self.pull(morning());
    }

    /// A holder and a bank meet. `reached` is where the wallet says to this bank that it is reached.
    pub(in crate::unlinkable) fn meet(
        &mut self,
        now: Timestamp,
        holder: &mut Holder,
        (bank, reached): (usize, &Reach),
        meeting: Meeting,
        has: &mut Everything,
    ) {
        self.renew(now, holder);
        // A grant is deposited with a status of at most an hour, so that the mirrors look more often than once a day.
        for agency in [&mut self.identity, &mut self.tax] {
            agency.issuer.tick(now).expect("ticks");
        }
        self.pull(now);
        let did = self.banks[bank].did.clone();
        holder.wallet.set_reach(&did, Some(reached.clone()));
        match meeting {
            Meeting::Shows => {
                let (sender, shown) = self.show_what(now, holder, bank, super::asked(), true);
                self.banks[bank].seen.pop();
                assert!(shown["decision"].is_string() && shown["reach"].is_object(), "{shown}");
                has.sender = sender;
                has.came["shown"] = shown;
            }
            Meeting::Grants => {
                let (given, id) = self.grant(now, holder, bank);
                let grant = OpenedGrant::open(given["grant"].as_str().expect("a grant")).expect("opens");
                has.came["given"] = given;
                has.grant = Some((grant, id));
            }
            Meeting::Fetched => {
                let (grant, _) = has.grant.as_ref().expect("given");
                let release = self.release(now, bank, grant);
                match has.came["releases"].as_array_mut() {
                    Some(releases) => releases.push(release),
                    None => has.came["releases"] = json!([release]),
                }
            }
            Meeting::Withdraws => {
                let (_, id) = has.grant.as_ref().expect("given");
                has.came["withdrawal"] = withdrawn(holder, now, &did, id);
            }
        }
    }

    /// A grant from the request to the receipt: what the bank reads, and the wallet's own name of it.
    fn grant(&mut self, now: Timestamp, holder: &mut Holder, bank: usize) -> (Value, String) {
        self.renew(now, holder);
        let source = self.tax.did.clone();
        let (did, peer) = (self.banks[bank].did.clone(), peer_of(self.banks[bank].domain));
        let key = DecryptionKey::generate(&mut self.banks[bank].random);
        let mut name = || base64(random::bytes::<16>(&mut self.banks[bank].random));
        let request = Request {
            asker: did.clone(),
            nonce: name(),
            session: name(),
            issued: now,
            expires: now.plus(120),
            query: balance(),
            encryption: key.public_jwk(),
            origins: vec![peer.clone()],
            service: "S15".to_owned(),
            stated: Registration::known("S15").expect("built in").statement(),
            case: "NETTBANK-1".to_owned(),
            issue: None,
            grant: Some(GrantAsked {
                issuer: source,
                until: now.plus(LIFE),
                uses_per_day: 3,
            }),
            reach: true,
        };
        let kid = format!("{did}#key-1");
        let signed = request.sign(&kid, &self.banks[bank].key).expect("signs");
        let hash = request::hash(&signed);
        let link = Link::Request {
            asker: did.clone(),
            session: request.session.clone(),
            hash: hash.to_vec(),
            expires: request.expires,
        };
        let (thread, _) = holder.wallet.receive_link(now, &link, None);
        let fetched = Incoming::Present(presentation::Reply::Request { request: signed });
        let steps = holder.wallet.receive(now, thread, &peer, fetched);
        let (_, steps) = self.consents(now, holder, thread, steps);
        let Some(Step::Done {
            result: Ok(Outcome::Waiting { id }),
            ..
        }) = steps.first()
        else {
            panic!("{steps:?}")
        };
        holder.wallet.text(now, id, "nb").expect("a text");
        let (thread, steps) = holder.wallet.present(now, id, "nb");
        let (thread, steps) = self.consents(now, holder, thread, steps);
        let Some(Step::Send {
            message: Outgoing::Present(presentation::Ask::Answer { answer, .. }),
            ..
        }) = steps.first()
        else {
            panic!("{steps:?}")
        };
        let opened = key.open(answer, &hash, presentation::LIMIT).expect("opens");
        let given: Value = serde_json::from_slice(&opened).expect("JSON");
        let receipt = Receipt {
            request: base64(hash),
            answer: base64(Sha256::digest(answer)),
            decision: given["grant"].as_str().map(decision::hash),
            asker: did,
            verdict: Verdict::Valid,
            code: None,
            kept: BTreeMap::new(),
            until: None,
            ground: "session_only".to_owned(),
            at: now,
        };
        let receipt = receipt.sign(&kid, &self.banks[bank].key).expect("signs");
        let reply = Incoming::Present(presentation::Reply::Receipt { receipt });
        let steps = holder.wallet.receive(now, thread, &peer, reply);
        let Some(Step::Done {
            result: Ok(Outcome::Granted { grant, .. }),
            ..
        }) = steps.first()
        else {
            panic!("{steps:?}")
        };
        (given, grant.clone())
    }

    /// Carries what a wallet says to the source of a grant, until it says something else.
    fn consents(
        &mut self,
        now: Timestamp,
        holder: &mut Holder,
        thread: Thread,
        mut steps: Vec<Step>,
    ) -> (Thread, Vec<Step>) {
        loop {
            let Some(Step::Send {
                relation,
                message: Outgoing::Consent(ask),
                ..
            }) = steps.first()
            else {
                return (thread, steps);
            };
            let sender = sender(relation);
            let reply = self
                .tax
                .issuer
                .receive_consent(now, &self.mirror, &sender, None, ask.clone());
            steps = holder
                .wallet
                .receive(now, thread, &self.tax.peer, Incoming::Consent(reply));
        }
    }

    /// The bank fetches.
    fn release(&mut self, now: Timestamp, bank: usize, grant: &OpenedGrant) -> Value {
        let ask = consent::Ask::Refresh {
            grant: grant.text().to_owned(),
            nonce: base64(random::bytes::<16>(&mut self.banks[bank].random)),
            claims: claims(),
        };
        let did = self.banks[bank].did.clone();
        let reply = self
            .tax
            .issuer
            .receive_consent(now, &self.mirror, "a bank", Some(&did), ask);
        match reply {
            consent::Reply::Released { release } => json!(release),
            other => panic!("{other:?}"),
        }
    }
}

/// The holder takes it back: what the bank is told.
fn withdrawn(holder: &mut Holder, now: Timestamp, bank: &Did, id: &str) -> Value {
    let told = holder.wallet.withdraw(now, id);
    let to_bank = told.iter().find_map(|(_, steps)| match steps.first() {
        Some(Step::Send {
            to,
            message: Outgoing::Consent(consent::Ask::Withdraw { withdrawal, .. }),
            ..
        }) if to == bank => Some(json!(withdrawal)),
        _ => None,
    });
    to_bank.unwrap_or_else(|| panic!("the bank is not told: {told:?}"))
}

/// Where a wallet is reached by two banks, as its node makes that: by operators that it draws, in queues of their own.
pub(in crate::unlinkable) fn reaches(world: &World, holder: &Holder, leak: Leak) -> [Reach; 2] {
    let mut chance = Seeded::new(&format!("{} mailboxes", holder.name));
    let home = world.folder.path().join(format!("{} post", holder.name));
    let mut post = Post::open(&super::store(&home, &holder.name)).expect("opens");
    let mut reach = |with: &Did| {
        let id = post::with_organisation(with);
        post.begin(&id, Some(with), None, &mut chance).expect("begins");
        let first = random::bytes::<1>(&mut chance)[0] % 4;
        let second = (first + 1 + random::bytes::<1>(&mut chance)[0] % 3) % 4;
        let operators = [first, second].map(|one| Did::parse(&format!("did:web:post-{one}.example")).expect("a DID"));
        let made = post.to_create(&id, &operators, morning(), &mut chance).expect("asks");
        for errand in made {
            // The operator draws both.
            let (queue, token) = (random::bytes(&mut chance), random::bytes(&mut chance));
            post.created(&id, &errand.operator, (queue, token), morning())
                .expect("notes");
        }
        post.reach(&id).expect("reads").expect("there is one")
    };
    let [mut a, mut b] = [0, 1].map(|bank: usize| reach(&world.banks[bank].did));
    match leak {
        Leak::Queue => b.places.clone_from(&a.places),
        Leak::Writer => b.writer.clone_from(&a.writer),
        Leak::None | Leak::Opened => {}
    }
    for reach in [&mut a, &mut b] {
        reach.check().expect("whole");
    }
    [a, b]
}

/// How long after collecting somebody meets a bank first.
pub(in crate::unlinkable) fn later(random: &mut dyn Random) -> i64 {
    DAY + i64::try_from(u64::from_be_bytes(random::bytes(random)) % 800_000).unwrap_or(0)
}

/// What a grant would say of its wallet.
pub(in crate::unlinkable) fn opened_at(holder: &Holder) -> Value {
    let seconds = u64::from_be_bytes(random::bytes(&mut Seeded::new(&holder.name))) >> 12;
    json!(seconds)
}
