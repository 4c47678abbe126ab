//! Standing grants at the issuer: deposited, used, told of, taken back; and whatever is not in order.

use super::fixture::*;
use credentials::grant::{
    Asked, Deposit, Erasure, Grant, Kind, OpenedGrant, Proof, Usage, VerifiedRelease, Withdrawal, Withdrawn, hash_text,
    standing_covers,
};
use credentials::protocol::consent::{Ask, Reply};
use credentials::schema::{Path, Types};
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::{Code, Did, Problem, SigningKey, time::DAY};
use serde_json::{Value, json};

use crate::Ground;

mod many;

const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn loan(number: &str, amount: &str) -> Value {
    json!({
        "personidentifikator": number,
        "Accounts": [{
            "Name": "Lån",
            "Bban": number,
            "Balances": [{ "BalanceType": "closingBooked", "BalanceAmount": { "currency": "NOK", "amount": amount } }]
        }],
        "TotalAmount": { "currency": "NOK", "amount": amount },
        "ajourholdstidspunkt": "2026-07-14T04:00:00Z",
        "formaal": "visning-i-nettbank",
        "ikkeTilKredittvurdering": true,
        "slettVedUtlogging": true
    })
}

fn claims() -> Vec<Path> {
    vec![Path::of(&["personidentifikator"]), Path::of(&["TotalAmount"])]
}

/// A holder's wallet with a PID and a grant.
struct Holder {
    pid: Held,
    key: SigningKey,
    grant: Grant,
}

struct Stage {
    world: World,
}

impl Stage {
    fn new() -> Stage {
        let mut world = World::new();
        let now = world.now;
        world
            .agency
            .import(now, LOAN, &[loan(ROLIG, "313654.00"), loan(MUNTER, "1.00")]);
        Stage { world }
    }

    fn holder(&mut self, number: &str) -> Holder {
        let now = self.world.now;
        Holder {
            pid: self.world.pid(number),
            key: keys(1).remove(0),
            grant: Grant {
                id: base64(&credentials::random::bytes::<16>(random().as_mut())),
                issuer: self.world.agency.settings.did.clone(),
                asker: self.bank(),
                service: "S15".to_owned(),
                purpose: "student_loan_overview".to_owned(),
                kind: Kind::Login,
                vct: LOAN.to_owned(),
                claims: claims(),
                nbf: now,
                exp: now.plus(200 * DAY),
                uses_per_day: 3,
                request: hash_text(&[1; 32]),
                text: hash_text(&[2; 32]),
                language: "nb".to_owned(),
            },
        }
    }

    fn bank(&self) -> Did {
        self.world.bank.settings.did.clone()
    }

    /// From a wallet, or from the bank's node.
    fn ask_by(&mut self, asker: Option<&Did>, ask: Ask) -> Reply {
        let now = self.world.now;
        let issuer = self.world.agency.issuer();
        issuer.receive_consent(now, &self.world.mirror, "a peer", asker, ask)
    }

    fn ask(&mut self, ask: Ask) -> Reply {
        self.ask_by(None, ask)
    }

    fn begin(&mut self, asker: Option<&Did>) -> (String, String) {
        let ask = Ask::Begin {
            vct: LOAN.to_owned(),
            asker: asker.map(Did::to_string),
            organisation: None,
        };
        match self.ask(ask) {
            Reply::Terms { nonce, request } => (nonce, request),
            other => panic!("{other:?}"),
        }
    }

    fn deposit_of(&mut self, holder: &Holder) -> Ask {
        let bank = self.bank();
        let (nonce, request) = self.begin(Some(&bank));
        let opened = holder.opened();
        Ask::Deposit {
            nonce,
            grant: opened.text().to_owned(),
            proof: self.proof(holder),
            answer: self.world.answer(&request, &holder.pid, &holder.covers()),
        }
    }

    fn proof(&self, holder: &Holder) -> String {
        self.proof_that(holder, true)
    }

    fn proof_that(&self, holder: &Holder, stands: bool) -> String {
        let proof = Proof {
            grant: holder.opened().name(),
            issuer: holder.grant.issuer.clone(),
            at: self.world.now,
            stands,
        };
        proof.sign(&holder.key).unwrap()
    }

    fn deposited(&mut self, holder: &Holder) -> Deposit {
        let ask = self.deposit_of(holder);
        match self.ask(ask) {
            Reply::Deposited { deposit } => Deposit::open(&deposit, &holder.opened(), &self.world.trust).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn refresh(&mut self, holder: &Holder) -> Result<VerifiedRelease, Problem> {
        let bank = self.bank();
        let ask = Ask::Refresh {
            grant: holder.opened().text().to_owned(),
            nonce: NONCE.to_owned(),
            claims: claims(),
        };
        match self.ask_by(Some(&bank), ask) {
            Reply::Released { release } => {
                let types = Types::builtin();
                let asked = Asked {
                    grant: &holder.opened(),
                    nonce: NONCE,
                    claims: &claims(),
                    number: ROLIG,
                };
                VerifiedRelease::open(
                    &release,
                    &asked,
                    types.get(LOAN).unwrap(),
                    &self.world.trust,
                    self.world.now,
                )
            }
            Reply::Problem(problem) => Err(problem),
            other => panic!("{other:?}"),
        }
    }

    fn withdrawal(&self, holder: &Holder, key: &SigningKey) -> Ask {
        let withdrawal = Withdrawal {
            grant: holder.opened().name(),
            issuer: holder.grant.issuer.clone(),
            at: self.world.now,
        };
        Ask::Withdraw {
            grant: holder.opened().text().to_owned(),
            withdrawal: withdrawal.sign(key).unwrap(),
        }
    }

    fn withdraw(&mut self, holder: &Holder) -> Result<Withdrawn, Code> {
        let ask = self.withdrawal(holder, &holder.key);
        match self.ask(ask) {
            Reply::Withdrawn { withdrawn } => {
                Ok(Withdrawn::open(&withdrawn, &holder.opened(), &self.world.trust).unwrap())
            }
            Reply::Problem(problem) => Err(problem.code),
            other => panic!("{other:?}"),
        }
    }

    fn uses(&mut self, holder: &Holder, after: u32) -> (Vec<Usage>, bool) {
        let ask = Ask::Uses {
            grant: holder.opened().name(),
            proof: self.proof(holder),
            after,
        };
        match self.ask(ask) {
            Reply::Uses { uses, withdrawn, .. } => {
                let open = |text: &String| Usage::open(text, &holder.opened(), &self.world.trust).unwrap();
                (uses.iter().map(open).collect(), withdrawn.is_some())
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Holder {
    fn opened(&self) -> OpenedGrant {
        OpenedGrant::open(&self.grant.sign(&self.key).unwrap()).unwrap()
    }

    fn covers(&self) -> Covers {
        Covers {
            transaction: bytes(&self.grant.id),
            keys_hash: keys_hash(&[self.key.verifying_key()]),
            organisation: None,
            grant: Some(*self.opened().hash()),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &str) -> [u8; 16] {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
}

fn code(reply: Reply) -> (Code, String) {
    match reply {
        Reply::Problem(problem) => (problem.code, problem.detail.unwrap_or_default()),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_grant_is_deposited_used_told_of_and_taken_back() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    assert_eq!(
        stage.refresh(&holder).unwrap_err().code,
        Code::UnknownGrant,
        "not deposited yet"
    );
    let deposit = stage.deposited(&holder);
    assert!(deposit.subject.is(ROLIG) && !deposit.subject.is(MUNTER));

    for number in 1..=2 {
        let release = stage.refresh(&holder).unwrap();
        assert_eq!(release.release().number, number);
        assert_eq!(release.release().claims["TotalAmount"]["amount"], "313654.00");
        assert_eq!(release.release().claims.len(), 2, "what was asked and nothing else");
    }
    // What the register says now is what is released.
    let now = stage.world.now;
    stage.world.agency.import(now, LOAN, &[loan(ROLIG, "300000.00")]);
    let third = stage.refresh(&holder).unwrap();
    assert_eq!(third.release().claims["TotalAmount"]["amount"], "300000.00");

    let (uses, is_withdrawn) = stage.uses(&holder, 0);
    assert_eq!(uses.iter().map(|usage| usage.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(
        !is_withdrawn
            && uses
                .iter()
                .all(|usage| usage.claims == claims() && usage.asker == stage.bank())
    );
    assert_eq!(stage.uses(&holder, 2).0.len(), 1, "those after a number");

    let log = stage.world.agency.issuer().access_log(Some(ROLIG)).unwrap();
    assert_eq!(log.len(), 3);
    for entry in &log {
        assert_eq!(
            (entry.ground, entry.recipient.clone()),
            (Ground::Grant, Some(stage.bank()))
        );
        assert_eq!(entry.grant.as_deref(), Some(holder.opened().name().as_str()));
        assert_eq!(entry.categories, ["TotalAmount", "personidentifikator"]);
    }

    assert_eq!(stage.withdraw(&holder).unwrap().uses, 3);
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::Withdrawn);
    assert!(stage.uses(&holder, 3).1, "the holder sees that it is taken back");
    assert_eq!(
        stage.withdraw(&holder).unwrap().uses,
        3,
        "said again, answered the same"
    );
    let again = stage.deposit_of(&holder);
    assert_eq!(code(stage.ask(again)).0, Code::Withdrawn, "it does not come back");
}

#[test]
fn only_who_made_a_grant_deposits_it_and_for_their_own_data() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    let stranger = stage.holder(MUNTER);
    let bank = stage.bank();

    type Bend = fn(&mut Covers);
    let bends: [(&str, Bend); 4] = [
        ("another grant", |covers| covers.grant = Some([9; 32])),
        ("no grant", |covers| covers.grant = None),
        ("another key", |covers| covers.keys_hash = [9; 32]),
        ("another id", |covers| covers.transaction = [9; 16]),
    ];
    for (what, bend) in bends {
        let (nonce, request) = stage.begin(Some(&bank));
        let mut covers = holder.covers();
        bend(&mut covers);
        let ask = Ask::Deposit {
            nonce,
            grant: holder.opened().text().to_owned(),
            proof: stage.proof(&holder),
            answer: stage.world.answer(&request, &holder.pid, &covers),
        };
        assert_eq!(code(stage.ask(ask)).0, Code::KeysNotCovered, "{what}");
    }

    // Somebody who has seen a grant cannot deposit it: they have not its key.
    let Ask::Deposit {
        nonce, grant, answer, ..
    } = stage.deposit_of(&holder)
    else {
        unreachable!()
    };
    let with = |proof: String| Ask::Deposit {
        nonce: nonce.clone(),
        grant: grant.clone(),
        proof,
        answer: answer.clone(),
    };
    let strangers = Proof {
        grant: holder.opened().name(),
        issuer: holder.grant.issuer.clone(),
        at: stage.world.now,
        stands: true,
    };
    let strangers = strangers.sign(&stranger.key).unwrap();
    assert_eq!(code(stage.ask(with(strangers))).0, Code::SignatureInvalid);
    let proof = stage.proof(&stranger);
    assert_eq!(
        code(stage.ask(with(proof))).0,
        Code::SignatureInvalid,
        "a proof of another grant"
    );

    // Of another person's deposit nothing can be used: the answer is bound to its terms, and the terms to one grant.
    let ask = stage.deposit_of(&stranger);
    let Ask::Deposit { answer: anothers, .. } = ask else {
        unreachable!()
    };
    let mixed = Ask::Deposit {
        nonce: nonce.clone(),
        grant: grant.clone(),
        proof: stage.proof(&holder),
        answer: anothers,
    };
    assert!(matches!(stage.ask(mixed), Reply::Problem(_)));
    assert!(
        matches!(stage.ask(with(stage.proof(&holder))), Reply::Deposited { .. }),
        "the right one goes"
    );
    // A lost answer is asked for again.
    let again = with(stage.proof(&holder));
    assert!(matches!(stage.ask(again), Reply::Deposited { .. }));

    // The nonce is used up.
    let other = Holder {
        grant: Grant {
            id: base64(&[8; 16]),
            ..holder.grant.clone()
        },
        key: keys(1).remove(0),
        pid: stage.world.pid(ROLIG),
    };
    let ask = Ask::Deposit {
        nonce,
        grant: other.opened().text().to_owned(),
        proof: stage.proof(&other),
        answer,
    };
    assert_eq!(code(stage.ask(ask)).0, Code::WrongNonce);
}

#[test]
fn a_grant_beyond_the_law_of_asking_is_not_taken_in() {
    let mut stage = Stage::new();
    let good = stage.holder(ROLIG);
    type Bend = fn(&mut Grant, &World);
    let bends: [(Code, &str, Bend); 9] = [
        (Code::WrongRecipient, "issuer", |grant, world| {
            grant.issuer = world.identity.settings.did.clone()
        }),
        (Code::WrongRequest, "", |grant, world| {
            grant.asker = world.identity.settings.did.clone()
        }),
        (Code::OverAsk, "S14", |grant, _| grant.service = "S14".to_owned()),
        (Code::OverAsk, "purpose", |grant, _| {
            grant.purpose = "loan_application".to_owned()
        }),
        (Code::OverAsk, "kind", |grant, _| grant.kind = Kind::Business),
        (Code::OverAsk, "time", |grant, _| grant.exp = grant.nbf.plus(366 * DAY)),
        (Code::OverAsk, "uses_per_day", |grant, _| grant.uses_per_day = 1_000),
        (Code::OverAsk, "Accounts", |grant, _| {
            grant.claims.push(Path::of(&["Accounts"]))
        }),
        (Code::Expired, "", |grant, _| {
            grant.nbf = grant.nbf.plus(-20 * DAY);
            grant.exp = grant.nbf.plus(10 * DAY);
        }),
    ];
    for (expected, detail, bend) in bends {
        let mut grant = good.grant.clone();
        bend(&mut grant, &stage.world);
        let bent = Holder {
            grant,
            key: keys(1).remove(0),
            pid: stage.world.pid(ROLIG),
        };
        let ask = stage.deposit_of(&bent);
        assert_eq!(code(stage.ask(ask)), (expected, detail.to_owned()));
    }
    let nobody = stage.holder(DRIFTIG);
    let ask = stage.deposit_of(&nobody);
    assert_eq!(
        code(stage.ask(ask)).0,
        Code::NoData,
        "who has no data has none to grant"
    );
    // Terms for one purpose serve no other.
    let (nonce, request) = stage.begin(None);
    let ask = Ask::Deposit {
        nonce,
        grant: good.opened().text().to_owned(),
        proof: stage.proof(&good),
        answer: stage.world.answer(&request, &good.pid, &good.covers()),
    };
    assert_eq!(code(stage.ask(ask)).0, Code::WrongRequest);
    assert!(
        stage
            .world
            .agency
            .issuer()
            .access_log(None)
            .unwrap()
            .iter()
            .all(|entry| entry.vct != LOAN)
    );
}

#[test]
fn a_refresh_that_is_not_granted_is_refused_and_nothing_is_written() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    stage.deposited(&holder);
    let (bank, other) = (stage.bank(), stage.world.identity.settings.did.clone());
    let question = |grant: &str, nonce: &str, claims: Vec<Path>| Ask::Refresh {
        grant: grant.to_owned(),
        nonce: nonce.to_owned(),
        claims,
    };
    let text = holder.opened().text().to_owned();
    let mut altered = text.clone();
    altered.replace_range(altered.len() - 4.., "AAAA");
    let cases = [
        (Code::SignatureInvalid, Some(&bank), question(&altered, NONCE, claims())),
        (Code::WrongRecipient, None, question(&text, NONCE, claims())),
        (Code::WrongRecipient, Some(&other), question(&text, NONCE, claims())),
        (Code::Malformed, Some(&bank), question(&text, "short", claims())),
        (Code::Malformed, Some(&bank), question(&text, NONCE, Vec::new())),
        (
            Code::OverAsk,
            Some(&bank),
            question(&text, NONCE, vec![Path::of(&["formaal"])]),
        ),
        (
            Code::OverAsk,
            Some(&bank),
            question(&text, NONCE, vec![Path::of(&["Accounts"])]),
        ),
        (
            Code::TooLarge,
            Some(&bank),
            question(&"A".repeat(20_000), NONCE, claims()),
        ),
    ];
    for (expected, asker, ask) in cases {
        assert_eq!(code(stage.ask_by(asker, ask)).0, expected);
    }
    // Who widens a grant has no signature under it, and who signs anew has not deposited it.
    let wider = Holder {
        grant: Grant {
            claims: vec![Path::of(&["Accounts"]), Path::of(&["personidentifikator"])],
            ..holder.grant.clone()
        },
        key: keys(1).remove(0),
        pid: stage.world.pid(MUNTER),
    };
    assert_eq!(stage.refresh(&wider).unwrap_err().code, Code::UnknownGrant);
    assert!(stage.world.agency.issuer().access_log(Some(ROLIG)).unwrap().is_empty());
    assert!(stage.uses(&holder, 0).0.is_empty());

    stage.world.pass(DAY);
    for _ in 0..3 {
        stage.refresh(&holder).unwrap();
    }
    let refused = stage.refresh(&holder).unwrap_err();
    assert_eq!(
        (refused.code, refused.detail.as_deref()),
        (Code::OverAsk, Some("uses_per_day"))
    );
    // A clock that is set back begins no new day, and the next day does.
    stage.world.pass(-DAY);
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::OverAsk);
    stage.world.pass(DAY);
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::OverAsk);
    stage.world.pass(DAY);
    stage.refresh(&holder).unwrap();
    stage.world.pass(199 * DAY);
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::Expired);
}

#[test]
fn invariant_9_of_a_release_that_cannot_be_logged_nothing_is_given_out() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    stage.deposited(&holder);
    let next = stage.world.agency.issuer().access_log(None).unwrap().len() as u64;
    stage.world.agency.with_store(|store| {
        let mut transaction = store.transaction();
        transaction.put(&store.table("issuer.access"), &(next + 1).to_be_bytes(), b"");
        transaction.commit().unwrap();
    });
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::TraceUnavailable);
    stage.world.agency.with_store(|store| {
        let mut transaction = store.transaction();
        transaction.delete(&store.table("issuer.access"), &(next + 1).to_be_bytes());
        transaction.commit().unwrap();
    });
    assert_eq!(
        stage.refresh(&holder).unwrap().release().number,
        1,
        "no use was counted"
    );
}

#[test]
fn a_withdrawal_is_the_holders_and_counts_whenever_it_comes() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    let other = stage.holder(ROLIG);
    stage.deposited(&holder);
    stage.deposited(&other);
    let forged = stage.withdrawal(&holder, &other.key);
    assert_eq!(code(stage.ask(forged)).0, Code::SignatureInvalid);
    // That of one grant does not end another.
    let (Ask::Withdraw { withdrawal, .. }, Ask::Withdraw { grant, .. }) = (
        stage.withdrawal(&holder, &holder.key),
        stage.withdrawal(&other, &other.key),
    ) else {
        unreachable!()
    };
    assert_eq!(
        code(stage.ask(Ask::Withdraw { grant, withdrawal })).0,
        Code::SignatureInvalid
    );
    stage.refresh(&holder).unwrap();
    stage.withdraw(&holder).unwrap();
    stage.refresh(&other).unwrap();

    // One that overtakes its grant.
    let early = stage.holder(ROLIG);
    assert_eq!(stage.withdraw(&early).unwrap_err(), Code::UnknownGrant);
    assert_eq!(stage.withdraw(&early).unwrap_err(), Code::UnknownGrant, "said again");
    let ask = stage.deposit_of(&early);
    assert_eq!(code(stage.ask(ask)).0, Code::Withdrawn);
    assert_eq!(stage.refresh(&early).unwrap_err().code, Code::UnknownGrant);
    stage.world.agency.reopen();
    let ask = stage.deposit_of(&early);
    assert_eq!(code(stage.ask(ask)).0, Code::Withdrawn, "also after a restart");
}

#[test]
fn all_of_it_is_there_after_a_restart_and_the_asker_is_told_until_it_answers() {
    let mut stage = Stage::new();
    let (holder, stays) = (stage.holder(ROLIG), stage.holder(ROLIG));
    stage.deposited(&holder);
    stage.deposited(&stays);
    stage.refresh(&holder).unwrap();
    stage.withdraw(&holder).unwrap();
    stage.world.agency.reopen();
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::Withdrawn);
    assert_eq!(stage.refresh(&stays).unwrap().release().number, 1);
    assert_eq!(stage.uses(&holder, 0).0.len(), 1);

    let name = holder.opened().name();
    for _ in 0..2 {
        let told = stage.world.agency.issuer().withdrawals_to_tell(&mut |_| true).unwrap();
        let [(grant, asker, Ask::Withdraw { withdrawal, .. })] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!((grant, asker), (&name, &stage.bank()));
        Withdrawal::open(withdrawal, &holder.opened(), &stage.world.trust).unwrap();
    }
    let erasure = Erasure {
        grant: name.clone(),
        asker: stage.bank(),
        erased: Vec::new(),
        kept: Vec::new(),
        at: stage.world.now,
    };
    let (kid, key) = (stage.world.bank.settings.kid.clone(), stage.world.bank.key.clone());
    let forged = erasure.sign(&kid, &*holder_key(&stage)).unwrap();
    let right = erasure.sign(&kid, &*key).unwrap();
    let issuer = stage.world.agency.issuer();
    let tell = |issuer: &mut crate::Issuer, reply| issuer.consent_told(&name, reply).map_err(|problem| problem.code);
    assert_eq!(
        tell(issuer, Reply::Erased { erasure: forged }),
        Err(Code::SignatureInvalid)
    );
    let busy = Reply::Problem(Code::RateLimited.into());
    assert_eq!(tell(issuer, busy), Err(Code::UnexpectedMessage));
    assert_eq!(
        issuer.withdrawals_to_tell(&mut |_| true).unwrap().len(),
        1,
        "told again"
    );
    assert_eq!(tell(issuer, Reply::Erased { erasure: right }), Ok(()));
    assert!(issuer.withdrawals_to_tell(&mut |_| true).unwrap().is_empty());
    stage.world.agency.reopen();
    assert!(
        stage
            .world
            .agency
            .issuer()
            .withdrawals_to_tell(&mut |_| true)
            .unwrap()
            .is_empty()
    );
}

fn holder_key(stage: &Stage) -> std::sync::Arc<SigningKey> {
    stage.world.identity.key.clone()
}

#[test]
fn in_a_restored_home_a_grant_rests_until_its_holder_says_that_it_stands() {
    let mut stage = Stage::new();
    let (holder, ended) = (stage.holder(ROLIG), stage.holder(ROLIG));
    stage.deposited(&holder);
    stage.deposited(&ended);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agency.copy");
    stage.world.agency.backup(&file);
    stage.withdraw(&ended).unwrap();
    stage.world.agency.restore(&file);
    for grant in [&holder, &ended] {
        let refused = stage.refresh(grant).unwrap_err();
        assert_eq!(
            (refused.code, refused.detail.as_deref()),
            (Code::CatchingUp, Some("grant"))
        );
    }
    stage.uses(&holder, 0);
    stage.refresh(&holder).unwrap();
    assert_eq!(
        stage.refresh(&ended).unwrap_err().code,
        Code::CatchingUp,
        "whose holder says nothing"
    );
    let asks = Ask::Uses {
        grant: ended.opened().name(),
        proof: stage.proof_that(&ended, false),
        after: 0,
    };
    assert!(matches!(stage.ask(asks), Reply::Uses { withdrawn: None, .. }));
    assert_eq!(
        stage.refresh(&ended).unwrap_err().code,
        Code::CatchingUp,
        "whose holder asks, and says that it does not stand"
    );
    stage.withdraw(&ended).unwrap();
    assert_eq!(stage.refresh(&ended).unwrap_err().code, Code::Withdrawn);
}

#[test]
fn a_person_with_a_new_wallet_sees_what_stands_and_takes_it_back() {
    let mut stage = Stage::new();
    let (first, second, anothers) = (stage.holder(ROLIG), stage.holder(ROLIG), stage.holder(MUNTER));
    for holder in [&first, &second, &anothers] {
        stage.deposited(holder);
    }
    stage.refresh(&first).unwrap();
    let pid = stage.world.pid(ROLIG);
    let list = |stage: &mut Stage, end: &[&Holder]| {
        let (nonce, request) = stage.begin(None);
        let names: Vec<[u8; 32]> = end.iter().map(|holder| *holder.opened().hash()).collect();
        let (transaction, covered) = standing_covers(&nonce, &names);
        let covers = Covers {
            transaction,
            keys_hash: keys_hash(&[]),
            organisation: None,
            grant: Some(covered),
        };
        let answer = stage.world.answer(&request, &pid, &covers);
        let end = names.iter().map(hash_text).collect();
        stage.ask(Ask::Standing {
            nonce,
            answer,
            end,
            from: None,
        })
    };
    let Reply::Standing { grants, next: None } = list(&mut stage, &[]) else {
        panic!("refused")
    };
    let mut seen: Vec<(String, u32, bool)> = grants
        .into_iter()
        .map(|standing| (standing.grant, standing.uses, standing.withdrawn.is_some()))
        .collect();
    seen.sort();
    let mut expected = vec![
        (first.opened().text().to_owned(), 1, false),
        (second.opened().text().to_owned(), 0, false),
    ];
    expected.sort();
    assert_eq!(seen, expected, "their own and nobody else's");

    let Reply::Standing { grants, next: None } = list(&mut stage, &[&first, &anothers]) else {
        panic!("refused")
    };
    let ended = grants
        .iter()
        .find(|standing| standing.grant == first.opened().text())
        .unwrap();
    let withdrawn = ended.withdrawn.as_ref().unwrap();
    assert_eq!(
        Withdrawn::open(withdrawn, &first.opened(), &stage.world.trust)
            .unwrap()
            .uses,
        1
    );
    assert_eq!(stage.refresh(&first).unwrap_err().code, Code::Withdrawn);
    stage.refresh(&second).unwrap();
    // The other person's is not touched: their data would be released still.
    let bank = stage.bank();
    let ask = Ask::Refresh {
        grant: anothers.opened().text().to_owned(),
        nonce: NONCE.to_owned(),
        claims: claims(),
    };
    assert!(matches!(stage.ask_by(Some(&bank), ask), Reply::Released { .. }));
    // The asker is told by the issuer's own word.
    let told = stage.world.agency.issuer().withdrawals_to_tell(&mut |_| true).unwrap();
    let [(_, _, Ask::Withdraw { withdrawal, .. })] = told.as_slice() else {
        panic!("{told:?}")
    };
    Withdrawal::open(withdrawal, &first.opened(), &stage.world.trust).unwrap();
}

#[test]
fn a_grant_is_forgotten_a_month_after_its_end_with_its_uses() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    stage.deposited(&holder);
    stage.refresh(&holder).unwrap();
    stage.world.pass(200 * DAY + 30 * DAY - 1);
    stage.world.tick();
    assert_eq!(stage.uses(&holder, 0).0.len(), 1);
    stage.world.pass(1);
    stage.world.tick();
    let ask = Ask::Uses {
        grant: holder.opened().name(),
        proof: stage.proof(&holder),
        after: 0,
    };
    assert_eq!(code(stage.ask(ask)).0, Code::UnknownGrant);
    stage.world.agency.reopen();
    assert_eq!(stage.refresh(&holder).unwrap_err().code, Code::UnknownGrant);
}
