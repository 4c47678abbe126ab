//! Standing grants at the holder: terms, yes, deposit, answer, uses, end; restarted in between; and whatever is not in order.

use super::world::*;
use crate::tables::{DecisionRow, GrantRow, GrantStage};
use crate::*;
use credentials::grant::{
    Deposit, Erasure, GrantAsked, OpenedGrant, Proof, Subject, Usage, Withdrawal, Withdrawn as Ended,
};
use credentials::protocol::consent::{Ask, Reply};
use credentials::query::Query;
use credentials::request::{IssuePurpose, StandingPurpose};
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::time::DAY;
use credentials::verify::Verdict;
use serde_json::Value;

const LIFE: i64 = 30 * DAY;
/// Somebody else.
const OTHER: &str = "52849448080";

fn who() -> Query {
    query(&[("who", PID, &["personal_administrative_number"])])
}

/// A bank that asks for a grant, and the issuer that would release.
struct Talk {
    bank: Session,
    issuer: Session,
}

impl Talk {
    fn new() -> Talk {
        Talk::bent(|_| {})
    }

    /// The issuer's request for an identification, bent.
    fn bent(bend: impl Fn(&mut credentials::request::Request)) -> Talk {
        let wanted = query(&[("laan", LOAN, &["personidentifikator", "TotalAmount"])]);
        let bank = Session::bent(Org::Bank, "S15", wanted, None, |request| {
            request.grant = Some(GrantAsked {
                issuer: Org::LoanFund.did(),
                until: now().plus(LIFE),
                uses_per_day: 3,
            });
        });
        let purpose = IssuePurpose {
            vct: LOAN.to_owned(),
            organisation: None,
            standing: Some(StandingPurpose {
                asker: Some(Org::Bank.did()),
            }),
        };
        Talk {
            bank,
            issuer: Session::bent(Org::LoanFund, "K02", who(), Some(purpose), bend),
        }
    }

    fn terms(&self) -> Incoming {
        Incoming::Consent(Reply::Terms {
            nonce: self.issuer.request.nonce.clone(),
            request: self.issuer.jws.clone(),
        })
    }

    /// Link, request, terms: up to where the person reads.
    fn begun(&self, wallet: &mut Wallet) -> String {
        let (thread, _) = self.begins(wallet);
        waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), self.terms()))
    }

    fn begins(&self, wallet: &mut Wallet) -> (Thread, Ask) {
        let steps = fetch(wallet, &self.bank, &Org::Bank.peer(), self.bank.reply());
        let (thread, ask) = consented(&steps);
        let expected = Ask::Begin {
            vct: LOAN.to_owned(),
            asker: Some(Org::Bank.did().to_string()),
            organisation: None,
        };
        assert_eq!(ask, expected);
        (thread, ask)
    }

    /// The yes, and what leaves then.
    fn yes(&self, wallet: &mut Wallet, id: &str) -> (Thread, Sent) {
        wallet.text(now(), id, "nb").unwrap();
        let (_, steps) = wallet.present(now(), id, "nb");
        let (thread, ask) = consented(&steps);
        (thread, Sent::of(ask))
    }

    fn deposit(&self, grant: &OpenedGrant, number: &str) -> Deposit {
        Deposit {
            grant: grant.name(),
            issuer: Org::LoanFund.did(),
            asker: Org::Bank.did(),
            subject: Subject::of(number, [7; 16]),
            at: now(),
        }
    }

    fn deposited(&self, grant: &OpenedGrant) -> Incoming {
        deposited(self.deposit(grant, ROLIG))
    }

    /// What the bank reads in an answer.
    fn opened(&self, answer: &str) -> Value {
        self.bank.open_json(answer)
    }

    /// All of it: a grant that stands.
    fn granted(&self, wallet: &mut Wallet) -> Given {
        let id = self.begun(wallet);
        let (thread, sent) = self.yes(wallet, &id);
        let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), self.deposited(&sent.grant));
        let (thread, answer) = answered(&steps);
        let steps = wallet.receive(now(), thread, &Org::Bank.peer(), self.bank.receipt_reply(&answer));
        match outcome(&steps) {
            Ok(Outcome::Granted { grant, receipt }) => {
                assert_eq!(receipt.verdict, Verdict::Valid);
                Given {
                    id: grant,
                    grant: sent.grant,
                }
            }
            other => panic!("not granted: {other:?}"),
        }
    }
}

/// A grant with its name in the wallet.
struct Given {
    id: String,
    grant: OpenedGrant,
}

/// A deposit that left.
#[derive(Debug)]
struct Sent {
    nonce: String,
    grant: OpenedGrant,
    proof: String,
    answer: String,
}

impl Sent {
    fn of(ask: Ask) -> Sent {
        match ask {
            Ask::Deposit {
                nonce,
                grant,
                proof,
                answer,
            } => Sent {
                nonce,
                grant: OpenedGrant::open(&grant).unwrap(),
                proof,
                answer,
            },
            other => panic!("no deposit: {other:?}"),
        }
    }
}

fn deposited(deposit: Deposit) -> Incoming {
    let deposit = deposit.sign(&Org::LoanFund.kid(), &Org::LoanFund.key()).unwrap();
    Incoming::Consent(Reply::Deposited { deposit })
}

fn consented(steps: &[Step]) -> (Thread, Ask) {
    match sent(steps) {
        (thread, Outgoing::Consent(ask)) => (thread, ask),
        (_, other) => panic!("expected consent, got {other:?}"),
    }
}

fn answered(steps: &[Step]) -> (Thread, String) {
    match told(steps) {
        (thread, credentials::protocol::presentation::Ask::Answer { answer, .. }) => (thread, answer),
        (_, other) => panic!("expected an answer, got {other:?}"),
    }
}

fn refused(code: Code) -> Incoming {
    Incoming::Consent(Reply::Problem(code.into()))
}

/// The one command of several.
fn only(threads: Vec<(Thread, Vec<Step>)>) -> Vec<Step> {
    match <[_; 1]>::try_from(threads) {
        Ok([(_, steps)]) => steps,
        Err(threads) => panic!("expected one command, got {threads:?}"),
    }
}

fn view(wallet: &Wallet, at: Timestamp, id: &str) -> GrantView {
    let views = wallet.grants(at).unwrap();
    views.into_iter().find(|view| view.id == id).expect("is there")
}

fn whats(wallet: &Wallet) -> Vec<What> {
    let history = wallet.history().unwrap();
    let is_of_grants = |what: &What| !matches!(what, What::Collected | What::Identified);
    history.iter().map(|event| event.what).filter(is_of_grants).collect()
}

/// Messages that tell of a withdrawal: to the issuer and to the bank.
fn withdrawals(threads: Vec<(Thread, Vec<Step>)>) -> Vec<(Thread, Did, String, String)> {
    // Other things go on beside it.
    let is_refresh = |steps: &[Step]| {
        matches!(
            steps,
            [Step::Send {
                message: Outgoing::Issue(credentials::protocol::issuance::Ask::Refresh(_)),
                ..
            }]
        )
    };
    let mut told: Vec<_> = threads
        .into_iter()
        .filter(|(_, steps)| !is_refresh(steps))
        .map(|(_, steps)| match steps.as_slice() {
            [
                Step::Send {
                    thread,
                    to,
                    message: Outgoing::Consent(Ask::Withdraw { grant, withdrawal }),
                    ..
                },
            ] => (*thread, to.clone(), grant.clone(), withdrawal.clone()),
            other => panic!("no withdrawal: {other:?}"),
        })
        .collect();
    told.sort_by_key(|(_, to, ..)| *to != Org::LoanFund.did());
    told
}

fn ended(grant: &OpenedGrant, uses: u32) -> Ended {
    Ended {
        grant: grant.name(),
        issuer: Org::LoanFund.did(),
        at: now(),
        uses,
    }
}

fn withdrawn(grant: &OpenedGrant, uses: u32) -> Incoming {
    let withdrawn = ended(grant, uses)
        .sign(&Org::LoanFund.kid(), &Org::LoanFund.key())
        .unwrap();
    Incoming::Consent(Reply::Withdrawn { withdrawn })
}

fn erasure(grant: &OpenedGrant) -> Erasure {
    Erasure {
        grant: grant.name(),
        asker: Org::Bank.did(),
        erased: Vec::new(),
        kept: Vec::new(),
        at: now(),
    }
}

fn erased(grant: &OpenedGrant) -> Incoming {
    let erasure = erasure(grant).sign(&Org::Bank.kid(), &Org::Bank.key()).unwrap();
    Incoming::Consent(Reply::Erased { erasure })
}

fn usage(grant: &OpenedGrant, number: u32) -> Usage {
    Usage {
        grant: grant.name(),
        issuer: Org::LoanFund.did(),
        asker: Org::Bank.did(),
        number,
        claims: grant.grant().claims.clone(),
        at: now(),
    }
}

fn uses(grant: &OpenedGrant, numbers: &[u32], withdrawn: Option<Ended>) -> Incoming {
    let (kid, key) = (Org::LoanFund.kid(), Org::LoanFund.key());
    let uses = numbers
        .iter()
        .map(|number| usage(grant, *number).sign(&kid, &key).unwrap());
    Incoming::Consent(Reply::Uses {
        uses: uses.collect(),
        withdrawn: withdrawn.map(|withdrawn| withdrawn.sign(&kid, &key).unwrap()),
        more: false,
    })
}

/// Asks how it was used; the thread, and after which number.
fn asks_uses(wallet: &mut Wallet, at: Timestamp, grant: &OpenedGrant) -> (Thread, u32) {
    let steps = only(wallet.ask_uses(at));
    match consented(&steps) {
        (
            thread,
            Ask::Uses {
                grant: name,
                proof,
                after,
            },
        ) => {
            assert_eq!(name, grant.name());
            Proof::check(&proof, grant, at).unwrap();
            (thread, after)
        }
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn one_yes_gives_a_grant_that_is_decided_deposited_answered_used_seen_and_taken_back() {
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let id = talk.begun(wallet);
    let pending = wallet.pending(now()).unwrap();
    assert!(pending[0].can_answer, "{:?}", pending[0].code);
    let text = wallet.text(now(), &id, "nb").unwrap();
    for said in [Org::Bank.name(), Org::LoanFund.name(), ROLIG] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let (thread, sent) = talk.yes(wallet, &id);
    let of = sent.grant.grant();
    assert_eq!((of.exp, of.uses_per_day, of.claims.len()), (now().plus(LIFE), 3, 2));
    assert_eq!(sent.nonce, talk.issuer.request.nonce);
    Proof::check(&sent.proof, &sent.grant, now()).unwrap();
    let covers = Covers {
        transaction: tables::bytes(&of.id).unwrap(),
        keys_hash: keys_hash(&[*sent.grant.key()]),
        organisation: None,
        grant: Some(*sent.grant.hash()),
    };
    let (report, verified) = talk.issuer.check(&sent.answer, Some(ROLIG), Some(&covers));
    assert!(verified.is_some(), "{:?}", report.problem());
    // Both decisions are there before anything left.
    for (request, outcome) in [(&talk.bank, "granted"), (&talk.issuer, "shared")] {
        let row = wallet
            .tables
            .get::<DecisionRow>(&tables::text(&request.hash()))
            .unwrap();
        assert_eq!(row.unwrap().decision.outcome, outcome);
    }
    assert_eq!(wallet.grants(now()).unwrap()[0].state, GrantState::UnderWay);

    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.deposited(&sent.grant));
    let (thread, answer) = answered(&steps);
    let body = talk.opened(&answer);
    assert_eq!(body["grant"], sent.grant.text());
    Deposit::open(body["deposit"].as_str().unwrap(), &sent.grant, &trust()).unwrap();
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), talk.bank.receipt_reply(&answer));
    let Ok(Outcome::Granted { grant: id, .. }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    assert_eq!(view(wallet, now(), &id).state, GrantState::Active);
    assert!(wallet.pending(now()).unwrap().is_empty());

    let (thread, after) = asks_uses(wallet, now(), &sent.grant);
    assert_eq!(after, 0);
    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), uses(&sent.grant, &[1, 2], None));
    assert!(matches!(outcome(&steps), Ok(Outcome::Told { uses: 2, .. })));
    let told = withdrawals(wallet.withdraw(now(), &id));
    assert_eq!(
        view(wallet, now(), &id).state,
        GrantState::Withdrawn,
        "at once, whoever has heard"
    );
    let [(to_issuer, issuer, grant, word), (to_bank, bank, ..)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((issuer, bank), (&Org::LoanFund.did(), &Org::Bank.did()));
    assert_eq!(grant, sent.grant.text());
    Withdrawal::open(word, &sent.grant, &trust()).unwrap();
    assert!(wallet.withdraw(now(), &id).is_empty(), "both are being told");
    wallet.receive(now(), *to_issuer, &Org::LoanFund.peer(), withdrawn(&sent.grant, 2));
    let steps = wallet.receive(now(), *to_bank, &Org::Bank.peer(), erased(&sent.grant));
    let Ok(Outcome::Withdrawn {
        issuer_told: true,
        asker_told: true,
        ..
    }) = outcome(&steps)
    else {
        panic!("{steps:?}")
    };
    assert!(view(wallet, now(), &id).erasure.is_some());
    assert!(
        wallet.withdraw(now(), &id).is_empty() && wallet.resume(now()).is_empty(),
        "nobody is left to tell"
    );
    let expected = [What::Granted, What::Used, What::Used, What::Withdrawn];
    assert_eq!(whats(wallet), expected);
    let wallet = home.restart();
    assert_eq!(whats(wallet), expected);
    let history = wallet.history().unwrap();
    let granted = history.iter().find(|event| event.what == What::Granted).unwrap();
    assert_eq!(
        granted.receipt.unwrap().verdict,
        Verdict::Valid,
        "the receipt stands with it"
    );
    let shown: Vec<_> = history.iter().filter(|event| event.what == What::Identified).collect();
    assert!(
        shown
            .iter()
            .any(|event| event.with == Org::LoanFund.did() && event.types == [PID] && event.service.is_some()),
        "the history says that the issuer was shown who grants: {shown:?}"
    );
    let taken_back = history.iter().find(|event| event.what == What::Withdrawn).unwrap();
    let view = view(wallet, now(), &id);
    assert_eq!(
        taken_back.erasure, view.erasure,
        "and what the asker says it erased and keeps"
    );
}

#[test]
fn a_grant_that_there_is_not_cannot_be_taken_back_and_one_of_a_type_by_code_cannot_be_looked_for() {
    let mut home = citizen();
    let given = Talk::new().granted(home.wallet());
    assert_eq!(
        code(&only(home.wallet().withdraw(now(), "nosuchname"))),
        Code::UnknownGrant
    );
    assert_eq!(withdrawals(home.wallet().withdraw(now(), &given.id)).len(), 2);
    let wallet = home.wallet();
    assert_eq!(
        outcome(&wallet.review(now(), &Org::Identity.did(), PID, &[]).1),
        Err(Problem::new(Code::UnknownGrant, PID))
    );
    consented(&wallet.review(now(), &Org::LoanFund.did(), LOAN, &[]).1);
}

#[test]
fn terms_for_anything_else_than_this_grant_are_refused_and_the_request_is_dropped() {
    type Bend = fn(&mut credentials::request::Request);
    fn standing(request: &mut credentials::request::Request) -> &mut IssuePurpose {
        request.issue.as_mut().unwrap()
    }
    let bends: [(&str, Bend); 6] = [
        ("another asker", |request| {
            standing(request).standing = Some(StandingPurpose {
                asker: Some(Org::Roads.did()),
            });
        }),
        ("to see what stands", |request| {
            standing(request).standing = Some(StandingPurpose { asker: None })
        }),
        ("to collect a credential", |request| standing(request).standing = None),
        ("another type", |request| standing(request).vct = INCOME.to_owned()),
        ("for a company", |request| {
            standing(request).organisation = Some(TREG.to_owned())
        }),
        ("more than who the person is", |request| {
            request.query = query(&[("who", PID, &["personal_administrative_number", "birth_date"])]);
        }),
    ];
    for (what, bend) in bends {
        let mut home = citizen();
        let talk = Talk::bent(bend);
        let wallet = home.wallet();
        let (thread, _) = talk.begins(wallet);
        let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.terms());
        let refused = outcome(&steps).expect_err(what);
        assert!(
            matches!(refused.code, Code::WrongRequest | Code::OverAsk),
            "{what}: {refused}"
        );
        assert!(wallet.grants(now()).unwrap().is_empty());
        assert_eq!(whats(wallet), [What::Failed], "{what}");
        assert!(
            wallet
                .pending(now())
                .unwrap()
                .iter()
                .all(|pending| pending.state != PendingState::Waiting),
            "{what}"
        );
    }
    // Terms with another nonce, of another organisation, and from another node.
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let (thread, _) = talk.begins(wallet);
    let steps = wallet.receive(now(), thread, &Org::Tax.peer(), talk.terms());
    assert_eq!(code(&steps), Code::WrongOrigin);
    let steps = only(wallet.resume(now()));
    let (thread, _) = consented(&steps);
    let id = waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.terms()));
    assert!(
        wallet.text(now(), &id, "nb").is_ok(),
        "the right terms from the right node go"
    );
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let (thread, _) = talk.begins(wallet);
    let other = Incoming::Consent(Reply::Terms {
        nonce: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        request: talk.issuer.jws.clone(),
    });
    assert_eq!(
        code(&wallet.receive(now(), thread, &Org::LoanFund.peer(), other)),
        Code::WrongRequest
    );
}

#[test]
fn restarted_between_every_two_steps_the_same_bytes_are_sent_again() {
    let mut home = citizen();
    let talk = Talk::new();
    talk.begins(home.wallet());
    // The terms were on their way.
    let steps = only(home.restart().resume(now()));
    let (thread, ask) = consented(&steps);
    assert!(matches!(ask, Ask::Begin { .. }));
    let wallet = home.wallet();
    let id = waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.terms()));
    // The person had not decided.
    assert!(home.restart().resume(now()).is_empty());
    let (_, first) = talk.yes(home.wallet(), &id);
    // The deposit was on its way, twice.
    for _ in 0..2 {
        let steps = only(home.restart().resume(now()));
        let (_, ask) = consented(&steps);
        let again = Sent::of(ask);
        assert_eq!(
            (again.grant.text(), &again.answer, &again.nonce),
            (first.grant.text(), &first.answer, &first.nonce)
        );
        assert_eq!(home.wallet().grants(now()).unwrap()[0].state, GrantState::UnderWay);
    }
    let steps = only(home.restart().resume(now()));
    let (thread, _) = consented(&steps);
    let wallet = home.wallet();
    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.deposited(&first.grant));
    let (_, answer) = answered(&steps);
    // The answer was on its way, twice.
    for _ in 0..2 {
        let steps = only(home.restart().resume(now()));
        assert_eq!(answered(&steps).1, answer);
    }
    let steps = only(home.restart().resume(now()));
    let (thread, _) = answered(&steps);
    let steps = home
        .wallet()
        .receive(now(), thread, &Org::Bank.peer(), talk.bank.receipt_reply(&answer));
    let Ok(Outcome::Granted { grant: id, .. }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    assert!(home.restart().resume(now()).is_empty());
    assert_eq!(view(home.wallet(), now(), &id).state, GrantState::Active);
    // The withdrawal was on its way, twice; one of the two has heard.
    let first = withdrawals(home.wallet().withdraw(now(), &id));
    let again = withdrawals(home.restart().resume(now()));
    let texts = |told: &[(Thread, Did, String, String)]| -> Vec<_> {
        told.iter()
            .map(|(_, to, grant, word)| (to.clone(), grant.clone(), word.clone()))
            .collect()
    };
    assert_eq!(texts(&first), texts(&again));
    let grant = OpenedGrant::open(&again[0].2).unwrap();
    home.wallet()
        .receive(now(), again[0].0, &Org::LoanFund.peer(), withdrawn(&grant, 0));
    let left = withdrawals(home.restart().resume(now()));
    assert_eq!(texts(&left), texts(&first[1..]));
    home.wallet()
        .receive(now(), left[0].0, &Org::Bank.peer(), erased(&grant));
    assert!(home.restart().resume(now()).is_empty());
    assert_eq!(whats(home.wallet()), [What::Granted, What::Withdrawn]);
}

#[test]
fn a_deposit_that_is_not_this_persons_or_not_the_issuers_is_not_given_on_and_is_taken_back() {
    type Bend = fn(&Talk, &OpenedGrant) -> Incoming;
    let bends: [(&str, Code, Bend); 4] = [
        ("another person", Code::WrongSubject, |talk, grant| {
            deposited(talk.deposit(grant, OTHER))
        }),
        ("another grant", Code::WrongRequest, |talk, grant| {
            deposited(Deposit {
                grant: credentials::grant::hash_text(&[5; 32]),
                ..talk.deposit(grant, ROLIG)
            })
        }),
        ("another asker", Code::WrongRequest, |talk, grant| {
            deposited(Deposit {
                asker: Org::Roads.did(),
                ..talk.deposit(grant, ROLIG)
            })
        }),
        ("another's signature", Code::SignatureInvalid, |talk, grant| {
            let deposit = talk
                .deposit(grant, ROLIG)
                .sign(&Org::LoanFund.kid(), &Org::Tax.key())
                .unwrap();
            Incoming::Consent(Reply::Deposited { deposit })
        }),
    ];
    for (what, expected, bend) in bends {
        let mut home = citizen();
        let talk = Talk::new();
        let wallet = home.wallet();
        let id = talk.begun(wallet);
        let (thread, sent) = talk.yes(wallet, &id);
        let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), bend(&talk, &sent.grant));
        assert_eq!(code(&steps), expected, "{what}");
        // What the issuer may hold must not stand.
        let told = withdrawals(home.restart().resume(now()));
        assert_eq!(told.len(), 2, "{what}");
        assert_eq!(told[0].2, sent.grant.text());
        let wallet = home.wallet();
        let steps = wallet.receive(now(), told[0].0, &Org::LoanFund.peer(), refused(Code::UnknownGrant));
        assert!(outcome(&steps).is_ok(), "who never had it has nothing to stop");
        let steps = wallet.receive(now(), told[1].0, &Org::Bank.peer(), refused(Code::UnknownGrant));
        assert!(matches!(
            outcome(&steps),
            Ok(Outcome::Withdrawn {
                issuer_told: true,
                asker_told: true,
                ..
            })
        ));
        assert!(wallet.resume(now()).is_empty());
    }
}

#[test]
fn a_deposit_that_is_refused_leaves_nothing_to_take_back_and_one_that_cannot_be_told_is_tried_again() {
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let id = talk.begun(wallet);
    let (mut thread, _) = talk.yes(wallet, &id);
    for passing in [Code::RateLimited, Code::Stale, Code::CatchingUp, Code::StatusMissing] {
        let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), refused(passing));
        assert_eq!(code(&steps), passing);
        thread = consented(&only(wallet.resume(now()))).0;
    }
    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), refused(Code::NoData));
    assert_eq!(code(&steps), Code::NoData);
    assert!(wallet.grants(now()).unwrap().is_empty());
    assert_eq!(whats(wallet), [What::Granted, What::Failed]);
    // The bank hears that nothing comes, as of a no.
    let left = home.restart().resume(now());
    assert!(
        left.iter()
            .all(|(_, steps)| !matches!(sent(steps).1, Outgoing::Consent(_))),
        "{left:?}"
    );
}

#[test]
fn taken_back_on_its_way_nothing_is_given_to_the_asker_any_more() {
    // Before the issuer answered.
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let request = talk.begun(wallet);
    let (deposit, sent) = talk.yes(wallet, &request);
    let id = wallet.grants(now()).unwrap()[0].id.clone();
    assert_eq!(withdrawals(wallet.withdraw(now(), &id)).len(), 2);
    let late = wallet.receive(now(), deposit, &Org::LoanFund.peer(), talk.deposited(&sent.grant));
    assert!(
        matches!(late.as_slice(), [Step::Done { result: Err(_), .. }]),
        "{late:?}"
    );
    assert_eq!(view(wallet, now(), &id).state, GrantState::Withdrawn);
    // The issuer had heard of the withdrawal first: that the deposit is refused forgets nothing.
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let request = talk.begun(wallet);
    let (deposit, _) = talk.yes(wallet, &request);
    let id = wallet.grants(now()).unwrap()[0].id.clone();
    wallet.withdraw(now(), &id);
    wallet.receive(now(), deposit, &Org::LoanFund.peer(), refused(Code::Withdrawn));
    assert_eq!(
        withdrawals(home.restart().resume(now())).len(),
        2,
        "both are told still"
    );

    // While the answer was under way: it is not sent again, and a late receipt does not bring the grant back.
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let request = talk.begun(wallet);
    let (thread, sent) = talk.yes(wallet, &request);
    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.deposited(&sent.grant));
    let (thread, answer) = answered(&steps);
    let id = wallet.grants(now()).unwrap()[0].id.clone();
    wallet.withdraw(now(), &id);
    wallet.receive(now(), thread, &Org::Bank.peer(), talk.bank.receipt_reply(&answer));
    assert_eq!(view(wallet, now(), &id).state, GrantState::Withdrawn);
    assert_eq!(
        withdrawals(home.restart().resume(now())).len(),
        2,
        "no answer among them"
    );
}

#[test]
fn acknowledgements_that_are_forged_or_anothers_acknowledge_nothing() {
    let mut home = citizen();
    let talk = Talk::new();
    let given = talk.granted(home.wallet());
    let other = Talk::new().granted(home.wallet());
    home.wallet().withdraw(now(), &given.id);
    let bank = |erasure: Erasure, org: Org, key: Org| {
        let erasure = erasure.sign(&org.kid(), &key.key()).unwrap();
        Incoming::Consent(Reply::Erased { erasure })
    };
    let issuer = |withdrawn: Ended, org: Org, key: Org| {
        let withdrawn = withdrawn.sign(&org.kid(), &key.key()).unwrap();
        Incoming::Consent(Reply::Withdrawn { withdrawn })
    };
    let roads = Erasure {
        asker: Org::Roads.did(),
        ..erasure(&given.grant)
    };
    let tax = Ended {
        issuer: Org::Tax.did(),
        ..ended(&given.grant, 0)
    };
    let cases = [
        (
            Org::LoanFund,
            issuer(ended(&given.grant, 0), Org::LoanFund, Org::Tax),
            Code::SignatureInvalid,
        ),
        (
            Org::LoanFund,
            issuer(ended(&other.grant, 0), Org::LoanFund, Org::LoanFund),
            Code::WrongRequest,
        ),
        (Org::LoanFund, issuer(tax, Org::Tax, Org::Tax), Code::WrongRequest),
        (Org::LoanFund, erased(&given.grant), Code::UnexpectedMessage),
        (Org::LoanFund, refused(Code::RateLimited), Code::RateLimited),
        (
            Org::Bank,
            bank(erasure(&given.grant), Org::Bank, Org::Roads),
            Code::SignatureInvalid,
        ),
        (
            Org::Bank,
            bank(erasure(&other.grant), Org::Bank, Org::Bank),
            Code::WrongRequest,
        ),
        (Org::Bank, bank(roads, Org::Roads, Org::Roads), Code::WrongRequest),
        (Org::Bank, withdrawn(&given.grant, 0), Code::UnexpectedMessage),
        (Org::Bank, refused(Code::TrustStale), Code::TrustStale),
    ];
    for (from, reply, expected) in cases {
        let told = withdrawals(home.restart().resume(now()));
        assert_eq!(told.len(), 2, "both are told until they acknowledge");
        let (thread, ..) = told.iter().find(|(_, to, ..)| *to == from.did()).unwrap();
        assert_eq!(
            code(&home.wallet().receive(now(), *thread, &from.peer(), reply)),
            expected
        );
        let view = view(home.wallet(), now(), &given.id);
        assert!(!view.issuer_told && !view.asker_told && view.erasure.is_none());
    }
    let told = withdrawals(home.restart().resume(now()));
    home.wallet()
        .receive(now(), told[0].0, &Org::LoanFund.peer(), withdrawn(&given.grant, 0));
    home.wallet()
        .receive(now(), told[1].0, &Org::Bank.peer(), erased(&given.grant));
    let view = view(home.wallet(), now(), &given.id);
    assert!(view.issuer_told && view.asker_told && view.erasure.is_some());
    assert_eq!(
        home.wallet()
            .grants(now())
            .unwrap()
            .iter()
            .filter(|view| view.state == GrantState::Active)
            .count(),
        1
    );
}

#[test]
fn uses_are_taken_each_once_in_order_and_only_from_the_issuer_of_that_grant() {
    let mut home = citizen();
    let talk = Talk::new();
    let given = talk.granted(home.wallet());
    let grant = &given.grant;
    let told = |usage: Usage, org: Org, key: Org| {
        let usage = usage.sign(&org.kid(), &key.key()).unwrap();
        Incoming::Consent(Reply::Uses {
            uses: vec![usage],
            withdrawn: None,
            more: false,
        })
    };
    let tax = Usage {
        issuer: Org::Tax.did(),
        ..usage(grant, 1)
    };
    let roads = Usage {
        asker: Org::Roads.did(),
        ..usage(grant, 1)
    };
    let other = Usage {
        grant: credentials::grant::hash_text(&[5; 32]),
        ..usage(grant, 1)
    };
    let many = Incoming::Consent(Reply::Uses {
        uses: vec![String::new(); 33],
        withdrawn: None,
        more: false,
    });
    for (reply, expected) in [
        (told(usage(grant, 1), Org::LoanFund, Org::Tax), Code::SignatureInvalid),
        (told(tax, Org::Tax, Org::Tax), Code::WrongRequest),
        (told(roads, Org::LoanFund, Org::LoanFund), Code::WrongRequest),
        (told(other, Org::LoanFund, Org::LoanFund), Code::WrongRequest),
        (many, Code::TooLarge),
        (withdrawn(grant, 0), Code::UnexpectedMessage),
    ] {
        let (thread, after) = asks_uses(home.wallet(), now(), grant);
        assert_eq!(after, 0);
        assert_eq!(
            code(&home.wallet().receive(now(), thread, &Org::LoanFund.peer(), reply)),
            expected
        );
        assert!(view(home.wallet(), now(), &given.id).uses.is_empty());
    }
    let numbers = |home: &mut Home| -> Vec<u32> {
        view(home.wallet(), now(), &given.id)
            .uses
            .iter()
            .map(|used| used.number)
            .collect()
    };
    let (thread, _) = asks_uses(home.wallet(), now(), grant);
    home.wallet()
        .receive(now(), thread, &Org::LoanFund.peer(), uses(grant, &[3, 1, 2, 1], None));
    assert_eq!(numbers(&mut home), [1, 2, 3], "out of order and doubled");
    home.restart();
    let (thread, after) = asks_uses(home.wallet(), now(), grant);
    assert_eq!(after, 3);
    home.wallet()
        .receive(now(), thread, &Org::LoanFund.peer(), uses(grant, &[2, 3, 4], None));
    assert_eq!(numbers(&mut home), [1, 2, 3, 4], "repeated");
    assert_eq!(
        whats(home.wallet()).iter().filter(|what| **what == What::Used).count(),
        4,
        "a line for each"
    );
    // No more go into a message, and there are more: until nothing is new, whatever is said.
    let with_more = |numbers: &[u32]| match uses(grant, numbers, None) {
        Incoming::Consent(Reply::Uses { uses, withdrawn, .. }) => Incoming::Consent(Reply::Uses {
            uses,
            withdrawn,
            more: true,
        }),
        _ => unreachable!(),
    };
    let (thread, _) = asks_uses(home.wallet(), now(), grant);
    let steps = home
        .wallet()
        .receive(now(), thread, &Org::LoanFund.peer(), with_more(&[5, 6]));
    let (thread, ask) = consented(&steps);
    assert!(matches!(ask, Ask::Uses { after: 6, .. }));
    let steps = home
        .wallet()
        .receive(now(), thread, &Org::LoanFund.peer(), with_more(&[5, 6]));
    assert!(matches!(outcome(&steps), Ok(Outcome::Told { uses: 0, .. })));
}

#[test]
fn an_issuer_that_has_forgotten_a_withdrawal_is_told_again_until_it_acknowledges_again() {
    let mut home = citizen();
    let given = Talk::new().granted(home.wallet());
    let (mut thread, proof) = home
        .wallet()
        .ask_uses(now())
        .iter()
        .find_map(|(_, steps)| match consented(steps) {
            (thread, Ask::Uses { proof, .. }) => Some((thread, proof)),
            _ => None,
        })
        .unwrap();
    assert!(Proof::check(&proof, &given.grant, now()).unwrap().stands);
    home.wallet().withdraw(now(), &given.id);
    // What was asked before proves nothing about what was acknowledged since.
    home.wallet()
        .receive(now(), thread, &Org::LoanFund.peer(), uses(&given.grant, &[], None));
    let told = withdrawals(home.restart().resume(now()));
    home.wallet()
        .receive(now(), told[0].0, &Org::LoanFund.peer(), withdrawn(&given.grant, 2));
    assert!(view(home.wallet(), now(), &given.id).issuer_told);

    for _ in 0..2 {
        let asked = home.wallet().ask_uses(now());
        let asked = asked.iter().find_map(|(_, steps)| match consented(steps) {
            (thread, Ask::Uses { proof, .. }) => Some((thread, proof)),
            _ => None,
        });
        let proof;
        (thread, proof) = asked.expect("two uses are not told yet");
        assert!(!Proof::check(&proof, &given.grant, now()).unwrap().stands);
        let steps = home
            .wallet()
            .receive(now(), thread, &Org::LoanFund.peer(), uses(&given.grant, &[], None));
        let again = consented(&steps).1;
        assert!(
            matches!(&again, Ask::Withdraw { withdrawal, .. } if *withdrawal == told[0].3),
            "{again:?}"
        );
        assert!(!view(home.wallet(), now(), &given.id).issuer_told);
        let told = withdrawals(home.restart().resume(now()));
        assert_eq!(told[0].1, Org::LoanFund.did());
        home.wallet()
            .receive(now(), told[0].0, &Org::LoanFund.peer(), withdrawn(&given.grant, 2));
        assert!(view(home.wallet(), now(), &given.id).issuer_told);
    }
}

#[test]
fn uses_before_the_end_are_told_after_it_too() {
    let mut home = citizen();
    let given = Talk::new().granted(home.wallet());
    let ran_out = Talk::new().granted(home.wallet());
    home.wallet().withdraw(now(), &given.id);
    let told = withdrawals(home.restart().resume(now()));
    home.wallet()
        .receive(now(), told[0].0, &Org::LoanFund.peer(), withdrawn(&given.grant, 2));
    let asks = |home: &mut Home, at: Timestamp, grant: &OpenedGrant| -> Option<Thread> {
        let threads = home.wallet().ask_uses(at);
        let of = |(_, steps): &(Thread, Vec<Step>)| match consented(steps) {
            (thread, Ask::Uses { grant: name, .. }) if name == grant.name() => Some(thread),
            _ => None,
        };
        threads.iter().find_map(of)
    };
    let thread = asks(&mut home, now(), &given.grant).expect("two uses are not told yet");
    home.wallet().receive(
        now(),
        thread,
        &Org::LoanFund.peer(),
        uses(&given.grant, &[1, 2], Some(ended(&given.grant, 2))),
    );
    assert_eq!(view(home.wallet(), now(), &given.id).uses.len(), 2);
    home.restart();
    assert!(asks(&mut home, now(), &given.grant).is_none(), "all is told");
    assert_eq!(
        whats(home.wallet())
            .iter()
            .filter(|what| **what == What::Withdrawn)
            .count(),
        1
    );

    let end = now().plus(LIFE);
    home.restart().set_trust(trust_at(end, end.plus(DAY)));
    for _ in 0..2 {
        home.wallet().resume(end);
    }
    let expired = whats(home.wallet())
        .iter()
        .filter(|what| **what == What::GrantExpired)
        .count();
    assert_eq!(expired, 1, "its end is told once");
    assert_eq!(view(home.wallet(), end, &ran_out.id).state, GrantState::Expired);
    assert_eq!(code(&only(home.wallet().withdraw(end, &ran_out.id))), Code::Expired);
    let thread = asks(&mut home, end, &ran_out.grant).expect("its last use may not be told");
    let steps = home
        .wallet()
        .receive(end, thread, &Org::LoanFund.peer(), uses(&ran_out.grant, &[1], None));
    assert!(matches!(outcome(&steps), Ok(Outcome::Told { uses: 1, .. })));
    // An issuer whose clock is behind releases still.
    let over = end.plus(600);
    let thread = asks(&mut home, end.plus(599), &ran_out.grant).expect("until all clocks are past it");
    home.wallet().receive(
        end.plus(599),
        thread,
        &Org::LoanFund.peer(),
        uses(&ran_out.grant, &[], None),
    );
    let thread = asks(&mut home, over, &ran_out.grant).expect("once after that");
    home.wallet()
        .receive(over, thread, &Org::LoanFund.peer(), uses(&ran_out.grant, &[2], None));
    assert_eq!(view(home.wallet(), over, &ran_out.id).uses.len(), 2);
    assert!(asks(&mut home, over, &ran_out.grant).is_none(), "and then no more");
}

#[test]
fn a_grant_that_was_taken_back_elsewhere_ends_here_by_the_issuers_own_word_only() {
    let mut home = citizen();
    let given = Talk::new().granted(home.wallet());
    let forged = ended(&given.grant, 0)
        .sign(&Org::LoanFund.kid(), &Org::Tax.key())
        .unwrap();
    let (thread, _) = asks_uses(home.wallet(), now(), &given.grant);
    let reply = Incoming::Consent(Reply::Uses {
        uses: Vec::new(),
        withdrawn: Some(forged),
        more: false,
    });
    let steps = home.wallet().receive(now(), thread, &Org::LoanFund.peer(), reply);
    assert_eq!(code(&steps), Code::SignatureInvalid);
    assert_eq!(view(home.wallet(), now(), &given.id).state, GrantState::Active);
    let (thread, _) = asks_uses(home.wallet(), now(), &given.grant);
    let reply = uses(&given.grant, &[1], Some(ended(&given.grant, 1)));
    home.wallet().receive(now(), thread, &Org::LoanFund.peer(), reply);
    let view = view(home.restart(), now(), &given.id);
    assert_eq!((view.state, view.uses.len()), (GrantState::Withdrawn, 1));
    assert!(
        home.wallet().resume(now()).is_empty(),
        "whoever took it back tells the asker"
    );
    assert_eq!(whats(home.wallet()), [What::Granted, What::Used, What::Withdrawn]);
}

#[test]
fn a_grant_that_its_asker_does_not_take_is_taken_back() {
    for is_receipt in [true, false] {
        let mut home = citizen();
        let talk = Talk::new();
        let wallet = home.wallet();
        let id = talk.begun(wallet);
        let (thread, sent) = talk.yes(wallet, &id);
        let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), talk.deposited(&sent.grant));
        let (thread, answer) = answered(&steps);
        let reply = if is_receipt {
            let receipt = credentials::decision::Receipt {
                verdict: Verdict::Invalid,
                code: Some(Code::WrongRequest),
                ..talk.bank.receipt(&answer)
            };
            let receipt = receipt.sign(&Org::Bank.kid(), &Org::Bank.key()).unwrap();
            Incoming::Present(credentials::protocol::presentation::Reply::Receipt { receipt })
        } else {
            Incoming::Present(credentials::protocol::presentation::Reply::Problem(
                Code::UnknownSession.into(),
            ))
        };
        wallet.receive(now(), thread, &Org::Bank.peer(), reply);
        let views = wallet.grants(now()).unwrap();
        assert_eq!(views[0].state, GrantState::Withdrawn);
        assert_eq!(withdrawals(home.restart().resume(now())).len(), 2);
    }
}

#[test]
fn what_comes_to_no_end_is_taken_back_when_the_request_runs_out_and_stands_in_the_way_of_nothing() {
    let mut home = citizen();
    let (first, second) = (Talk::new(), Talk::new());
    let wallet = home.wallet();
    let id = first.begun(wallet);
    let (thread, sent) = first.yes(wallet, &id);
    wallet.receive(now(), thread, &Org::LoanFund.peer(), first.deposited(&sent.grant));
    second.begun(wallet);
    // The wallet was off until after the request's end, and the grant's.
    for at in [now().plus(3_601), now().plus(LIFE + DAY)] {
        home.restart().set_trust(trust_at(at, at.plus(DAY)));
        let told = home.wallet().resume(at);
        assert_eq!(withdrawals(told).len(), 2);
        let views = home.wallet().grants(at).unwrap();
        assert_eq!(views.len(), 1, "what was not decided is gone");
        assert_eq!(views[0].state, GrantState::Withdrawn);
    }
    // The same with a wallet that was off all the time.
    let mut home = citizen();
    let talk = Talk::new();
    let wallet = home.wallet();
    let id = talk.begun(wallet);
    talk.yes(wallet, &id);
    let at = now().plus(LIFE + DAY);
    home.restart().set_trust(trust_at(at, at.plus(DAY)));
    assert_eq!(withdrawals(home.wallet().resume(at)).len(), 2);
}

#[test]
fn a_grant_whose_receipt_was_kept_counts_although_the_process_ended_before_it_said_so() {
    let mut home = citizen();
    let given = Talk::new().granted(home.wallet());
    // As it lay on the disk between the two writes.
    let wallet = home.wallet();
    let row = wallet.grant_row(&given.id).unwrap();
    let row = GrantRow {
        stage: GrantStage::Answering,
        ..row
    };
    let mut change = wallet.tables.change();
    change.put(&given.id, &row).unwrap();
    change.commit().unwrap();
    assert_eq!(view(wallet, now(), &given.id).state, GrantState::UnderWay);
    assert!(home.restart().resume(now()).is_empty());
    assert_eq!(view(home.wallet(), now(), &given.id).state, GrantState::Active);
}
