//! Standing grants, brought to their source and their asker by whoever has no right to them.

mod volume;

use super::stage::{Stage, expect_logged, mark};
use super::{Line, line};
use crate::network::{BANK, IDENTITY, LOANS, import, until};
use crate::process::Home;
use crate::stranger::{Copy, Holder, Played, Window, proof};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::grant::{Grant, Kind, OpenedGrant, Proof, Withdrawal, hash_text};
use credentials::protocol::consent::{Ask, Reply};
use credentials::schema::Path;
use credentials::time::DAY;
use credentials::{Code, Did, SigningKey, random};
use node::clock;
use node::population::{CITIZEN, STRANGER};

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line::new("a grant altered", Code::SignatureInvalid, REFRESHES),
    Line::new("a grant widened", Code::UnknownGrant, REFRESHES),
    Line::new("a grant for another asker", Code::WrongRecipient, REFRESHES),
    Line::new("a refresh beyond its claims", Code::OverAsk, REFRESHES),
    Line::new("a refresh too often", Code::OverAsk, REFRESHES),
    Line::new("a grant past its end", Code::Expired, DEPOSITS),
    Line::new("a grant signed by another person", Code::SignatureInvalid, DEPOSITS),
    Line::new("a grant taken back before it came", Code::Withdrawn, WITHDRAWALS),
    Line::new("a grant replayed after its withdrawal", Code::Withdrawn, WITHDRAWALS),
    Line::new("a withdrawal forged", Code::SignatureInvalid, WITHDRAWALS),
    Line::new("a withdrawal replayed", Code::Withdrawn, WITHDRAWALS),
    Line::new("a withdrawal of another grant", Code::WrongRequest, WITHDRAWALS),
    Line::new("a withdrawal before its grant", Code::UnknownGrant, WITHDRAWALS),
    Line::new("a withdrawal of a grant unknown", Code::UnknownGrant, WITHDRAWALS),
    Line::new("a refresh after the withdrawal", Code::Withdrawn, WITHDRAWALS),
    Line::new("a refresh that cannot be logged", Code::TraceUnavailable, volume::FULL),
];

const REFRESHES: &str = "a_refresh_is_what_was_granted_to_whoever_it_was_granted_to_and_nothing_else";
const DEPOSITS: &str = "a_grant_is_taken_in_from_whoever_made_it_while_it_lasts";
const WITHDRAWALS: &str = "a_withdrawal_is_whose_the_grant_is_and_nothing_brings_the_grant_back";

const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn claims() -> Vec<Path> {
    vec![Path::of(&["personidentifikator"]), Path::of(&["TotalAmount"])]
}

/// A grant with its key.
struct Made {
    grant: Grant,
    key: SigningKey,
}

impl Made {
    fn opened(&self) -> OpenedGrant {
        OpenedGrant::open(&self.grant.sign(&self.key).expect("signs")).expect("opens")
    }

    fn refresh(&self) -> Ask {
        refresh(self.opened().text(), claims())
    }

    fn withdrawal(&self, key: &SigningKey) -> Ask {
        self.withdrawal_of(&self.opened().name(), key)
    }

    fn withdrawal_of(&self, name: &str, key: &SigningKey) -> Ask {
        let withdrawal = Withdrawal {
            grant: name.to_owned(),
            issuer: self.grant.issuer.clone(),
            at: clock::now(),
        };
        Ask::Withdraw {
            grant: self.opened().text().to_owned(),
            withdrawal: withdrawal.sign(key).expect("signs"),
        }
    }
}

fn refresh(grant: &str, claims: Vec<Path>) -> Ask {
    Ask::Refresh {
        grant: grant.to_owned(),
        nonce: NONCE.to_owned(),
        claims,
    }
}

fn fresh_key() -> SigningKey {
    SigningKey::generate(&mut clock::System)
}

/// The student-loan fund at work, two listed banks that the test plays, and two persons with PIDs.
struct Door {
    /// Goes on as long as the door.
    _stage: Stage,
    _identity: Home,
    loans: Home,
    bank: Home,
    asker: Played,
    other: Played,
    holder: Holder,
    pid: Copy,
    strangers: Copy,
}

impl Door {
    fn new() -> Door {
        let stage = Stage::new();
        let [mut identity, mut loans, mut bank] = [IDENTITY, LOANS, BANK].map(|one| stage.network.init(&one, &[]));
        let played = |did: &str, number: &str| Played::start(&stage.world, did, number, "BANK", &[Window::Now]);
        let asker = played("did:web:asker.example", "315902738");
        let other = played("did:web:other.example", "310682950");
        let listed = vec![asker.entry(&[], &["S15"]), other.entry(&[], &["S15"])];
        let begun = &mut [(&IDENTITY, &mut identity), (&LOANS, &mut loans), (&BANK, &mut bank)];
        stage.begin(begun, &mut [], listed);
        let registers = stage.network.population(40, 12);
        import(&identity, "C01", &registers);
        import(&loans, "C04", &registers);
        let holder = Holder::new(&stage.world);
        let identified = |number: &str| {
            let (link, code) = stage.network.personal_offer(&identity, number);
            let code = std::fs::read_to_string(code).expect("reads");
            holder.collect(&link, Some(&code), None).remove(0)
        };
        let (pid, strangers) = (identified(CITIZEN), identified(STRANGER));
        let door = Door {
            loans,
            bank,
            asker,
            other,
            pid,
            strangers,
            holder,
            _identity: identity,
            _stage: stage,
        };
        // The fund takes an identification when it knows how its status stands.
        until("a deposit goes", || {
            let made = door.made(|_| {});
            matches!(door.deposit(&made), Reply::Deposited { .. })
        });
        door
    }

    fn source(&self) -> Did {
        Did::parse(LOANS.did).expect("a DID")
    }

    fn made(&self, bend: impl FnOnce(&mut Grant)) -> Made {
        let now = clock::now();
        let mut grant = Grant {
            id: BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>(&mut clock::System)),
            issuer: self.source(),
            asker: self.asker.did().clone(),
            service: "S15".to_owned(),
            purpose: "student_loan_overview".to_owned(),
            kind: Kind::Login,
            vct: LOAN.to_owned(),
            claims: claims(),
            nbf: now,
            exp: now.plus(30 * DAY),
            uses_per_day: 3,
            request: hash_text(&random::bytes::<32>(&mut clock::System)),
            text: hash_text(&[2; 32]),
            language: "nb".to_owned(),
        };
        bend(&mut grant);
        Made {
            grant,
            key: fresh_key(),
        }
    }

    fn deposit(&self, made: &Made) -> Reply {
        let ask = self.holder.deposit(&made.grant, &made.key, &self.pid);
        self.holder.consent(&self.source(), &ask)
    }

    /// A grant that its source keeps, and how it got it.
    fn granted(&self) -> (Made, Ask) {
        let made = self.made(|_| {});
        let ask = self.holder.deposit(&made.grant, &made.key, &self.pid);
        let reply = self.holder.consent(&self.source(), &ask);
        assert!(matches!(reply, Reply::Deposited { .. }), "{reply:?}");
        (made, ask)
    }

    /// The acceptance: this use is released.
    #[track_caller]
    fn releases(&self, made: &Made) {
        let reply = self.asker.consent(&self.source(), &made.refresh());
        assert!(matches!(reply, Reply::Released { .. }), "{reply:?}");
    }

    /// How often a grant was used, as its holder is told.
    fn uses(&self, made: &Made) -> usize {
        let ask = Ask::Uses {
            grant: made.opened().name(),
            proof: proof(&made.opened(), &made.key),
            after: 0,
        };
        match self.holder.consent(&self.source(), &ask) {
            Reply::Uses { uses, .. } => uses.len(),
            other => panic!("{other:?}"),
        }
    }

    /// The rejection: the line's code on the wire and in the log, and nothing beside it.
    #[track_caller]
    fn refuses(&self, kind: &str, asked: impl FnOnce(&Door) -> Reply) {
        self.refuses_at(&self.loans, kind, asked);
    }

    #[track_caller]
    fn refuses_at(&self, home: &Home, kind: &str, asked: impl FnOnce(&Door) -> Reply) {
        let (line, since) = (line(kind), mark(home));
        match asked(self) {
            Reply::Problem(problem) => assert_eq!(problem.code, line.code, "{kind}: {problem}"),
            other => panic!("{kind}: {other:?}"),
        }
        expect_logged(home, since, line);
    }
}

#[test]
fn a_refresh_is_what_was_granted_to_whoever_it_was_granted_to_and_nothing_else() {
    let door = Door::new();
    let source = door.source();
    let (made, _) = door.granted();
    door.releases(&made);
    let signed = made.opened().text().to_owned();

    door.refuses("a grant altered", |door| {
        let altered = format!("{}AAAA", &signed[..signed.len() - 4]);
        door.asker.consent(&source, &refresh(&altered, claims()))
    });
    // Who widens a grant has no signature under it, and who signs anew has not deposited it.
    door.refuses("a grant widened", |door| {
        let mut grant = made.grant.clone();
        grant.claims.push(Path::of(&["ajourholdstidspunkt"]));
        let wider = Made {
            grant,
            key: fresh_key(),
        };
        door.asker.consent(&source, &wider.refresh())
    });
    door.refuses("a grant for another asker", |door| {
        door.other.consent(&source, &made.refresh())
    });
    door.refuses("a grant for another asker", |door| {
        // Nor to somebody without a name, its own holder included.
        door.holder.consent(&source, &made.refresh())
    });
    door.refuses("a refresh beyond its claims", |door| {
        let more = [claims(), vec![Path::of(&["formaal"])]].concat();
        door.asker.consent(&source, &refresh(&signed, more))
    });
    assert_eq!(door.uses(&made), 1, "nothing of that was a use");
    door.releases(&made);
    door.releases(&made);
    door.refuses("a refresh too often", |door| {
        door.asker.consent(&source, &made.refresh())
    });
    assert_eq!(door.uses(&made), 3);
}

#[test]
fn a_grant_is_taken_in_from_whoever_made_it_while_it_lasts() {
    let door = Door::new();
    let source = door.source();
    door.refuses("a grant past its end", |door| {
        door.deposit(&door.made(|grant| {
            grant.nbf = grant.nbf.plus(-20 * DAY);
            grant.exp = grant.nbf.plus(10 * DAY);
        }))
    });
    // Somebody who has seen a grant brings it with their own PID, and has not its key.
    let made = door.made(|_| {});
    let Ask::Deposit {
        nonce, grant, answer, ..
    } = door.holder.deposit(&made.grant, &made.key, &door.strangers)
    else {
        panic!("no deposit");
    };
    door.refuses("a grant signed by another person", |door| {
        let proof = Proof {
            grant: made.opened().name(),
            issuer: source.clone(),
            at: clock::now(),
            stands: true,
        };
        let ask = Ask::Deposit {
            nonce,
            grant,
            proof: proof.sign(&fresh_key()).expect("signs"),
            answer,
        };
        door.holder.consent(&source, &ask)
    });
    door.refuses("a grant signed by another person", |door| {
        // The same signed anew is another grant, of which the one's proof says nothing.
        let mut ask = door.holder.deposit(&made.grant, &fresh_key(), &door.strangers);
        if let Ask::Deposit { proof: given, .. } = &mut ask {
            *given = proof(&made.opened(), &made.key);
        }
        door.holder.consent(&source, &ask)
    });
    let unknown = door.asker.consent(&source, &made.refresh());
    assert!(matches!(&unknown, Reply::Problem(problem) if problem.code == Code::UnknownGrant));
    assert!(
        matches!(door.deposit(&made), Reply::Deposited { .. }),
        "its maker's own goes"
    );
    door.releases(&made);
}

#[test]
fn a_withdrawal_is_whose_the_grant_is_and_nothing_brings_the_grant_back() {
    let mut door = Door::new();
    let source = door.source();
    let ((made, deposit), (stays, _)) = (door.granted(), door.granted());
    door.refuses("a withdrawal forged", |door| {
        door.holder.consent(&source, &made.withdrawal(&fresh_key()))
    });
    door.refuses("a withdrawal forged", |door| {
        // Nor is the asker's word the holder's.
        let (_, key) = door.asker.key(0);
        door.asker.consent(&source, &made.withdrawal(key))
    });
    door.refuses("a withdrawal of another grant", |door| {
        let ask = made.withdrawal_of(&stays.opened().name(), &made.key);
        door.holder.consent(&source, &ask)
    });
    door.releases(&made);

    // Taken back twice is once, whoever repeats it: the same answer, and what it ended stays ended.
    let withdraw = made.withdrawal(&made.key);
    let first = door.holder.consent(&source, &withdraw);
    assert!(matches!(first, Reply::Withdrawn { .. }), "{first:?}");
    let after = |door: &Door| door.asker.consent(&door.source(), &made.refresh());
    door.refuses("a withdrawal replayed", |door| {
        assert_eq!(door.holder.consent(&source, &withdraw), first);
        assert_eq!(door.other.consent(&source, &withdraw), first);
        after(door)
    });
    door.releases(&stays);
    door.refuses("a refresh after the withdrawal", after);
    door.refuses("a grant replayed after its withdrawal", |door| {
        door.holder.consent(&source, &deposit)
    });

    let early = door.made(|_| {});
    let overtaking = door.holder.deposit(&early.grant, &early.key, &door.pid);
    door.refuses("a withdrawal before its grant", |door| {
        door.holder.consent(&source, &early.withdrawal(&early.key))
    });
    door.refuses("a grant taken back before it came", |door| {
        door.holder.consent(&source, &overtaking)
    });
    // At an asker that never had it.
    let bank = Did::parse(BANK.did).expect("a DID");
    let unknown = door.made(|grant| grant.asker = bank.clone());
    door.refuses_at(&door.bank, "a withdrawal of a grant unknown", |door| {
        door.holder.consent(&bank, &unknown.withdrawal(&unknown.key))
    });

    assert_eq!(door.loans.terminate(), 0);
    door.loans.serve(&["--log", "debug"]);
    door.refuses("a refresh after the withdrawal", after);
    door.refuses("a grant taken back before it came", |door| {
        door.holder.consent(&source, &overtaking)
    });
    door.releases(&stays);
    assert_eq!((door.uses(&made), door.uses(&stays)), (1, 2));
}
