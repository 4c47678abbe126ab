//! Standing grants at their holder: given, reminded of, asked to be erased, and seen and ended by a wallet that did not make them.

use super::world::*;
use crate::*;
use credentials::decision::{self, Deletion};
use credentials::grant::{Deposit, Erasure, GrantAsked, OpenedGrant, Subject, Withdrawn, hash_of, standing_covers};
use credentials::protocol::consent::{Ask, Reply, Standing};
use credentials::request::{IssuePurpose, StandingPurpose};
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::time::DAY;

/// How often S15 has its grants brought to mind, in seconds.
const REMIND: i64 = 15_724_800;
const WHO: &str = "personal_administrative_number";

fn consents(steps: &[Step]) -> (Thread, Ask) {
    match sent(steps) {
        (thread, Outgoing::Consent(ask)) => (thread, ask),
        (_, other) => panic!("expected consent, got {other:?}"),
    }
}

/// The loan fund's request for who the person is.
fn identification(asker: Option<Org>) -> Session {
    identification_for(LOAN, asker)
}

fn identification_for(vct: &str, asker: Option<Org>) -> Session {
    let issue = IssuePurpose {
        vct: vct.to_owned(),
        organisation: None,
        standing: Some(StandingPurpose {
            asker: asker.map(Org::did),
        }),
    };
    Session::new(Org::LoanFund, "K02", query(&[("who", PID, &[WHO])]), Some(issue))
}

fn terms(of: &Session) -> Incoming {
    Incoming::Consent(Reply::Terms {
        nonce: of.request.nonce.clone(),
        request: of.jws.clone(),
    })
}

/// A person who has granted the bank the student loan: the wallet, the grant's name in it, and the grant.
fn granted() -> (Home, String, OpenedGrant, Session) {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let asked = query(&[("laan", LOAN, &["personidentifikator", "TotalAmount"])]);
    let session = Session::bent(Org::Bank, "S15", asked, None, |request| {
        request.grant = Some(GrantAsked {
            issuer: Org::LoanFund.did(),
            until: now().plus(360 * DAY),
            uses_per_day: 24,
        });
    });
    let wallet = home.wallet();
    let (thread, ask) = consents(&fetch(wallet, &session, &Org::Bank.peer(), session.reply()));
    assert!(matches!(ask, Ask::Begin { asker: Some(_), .. }));
    let who = identification(Some(Org::Bank));
    let id = waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), terms(&who)));
    let (thread, ask) = consents(&wallet.present(now(), &id, "nb").1);
    let Ask::Deposit { grant, .. } = ask else { panic!() };
    let opened = OpenedGrant::open(&grant).unwrap();
    let deposit = Deposit {
        grant: opened.name(),
        issuer: Org::LoanFund.did(),
        asker: Org::Bank.did(),
        subject: Subject::of(ROLIG, [5; 16]),
        at: now(),
    };
    let deposit = deposit.sign(&Org::LoanFund.kid(), &Org::LoanFund.key()).unwrap();
    let deposited = Incoming::Consent(Reply::Deposited { deposit });
    let (thread, ask) = told(&wallet.receive(now(), thread, &Org::LoanFund.peer(), deposited));
    let present::Ask::Answer { answer, .. } = ask else {
        panic!()
    };
    let receipt = Receipt {
        decision: Some(opened.name()),
        ..session.receipt(&answer)
    };
    let receipt = receipt.sign(&Org::Bank.kid(), &Org::Bank.key()).unwrap();
    let receipted = Incoming::Present(present::Reply::Receipt { receipt });
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), receipted);
    let Ok(Outcome::Granted { grant: name, .. }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    (home, name, opened, session)
}

fn whats(wallet: &Wallet) -> Vec<What> {
    wallet.history().unwrap().into_iter().map(|event| event.what).collect()
}

fn withdrawn(grant: &OpenedGrant) -> String {
    let withdrawn = Withdrawn {
        grant: grant.name(),
        issuer: Org::LoanFund.did(),
        at: now().plus(9),
        uses: 3,
    };
    withdrawn.sign(&Org::LoanFund.kid(), &Org::LoanFund.key()).unwrap()
}

fn erasure(grant: &OpenedGrant) -> String {
    let erasure = Erasure {
        grant: grant.name(),
        asker: Org::Bank.did(),
        erased: Vec::new(),
        kept: Vec::new(),
        at: now().plus(9),
    };
    erasure.sign(&Org::Bank.kid(), &Org::Bank.key()).unwrap()
}

#[test]
fn a_grant_that_stands_is_brought_to_mind_once_in_each_period_also_when_the_wallet_was_off() {
    let (mut home, name, _, _) = granted();
    let reminded = |wallet: &Wallet| whats(wallet).into_iter().filter(|what| *what == What::Reminded).count();
    home.wallet().resume(now().plus(REMIND - 1));
    assert_eq!(reminded(home.wallet()), 0);
    assert!(home.wallet().reminders(now().plus(REMIND - 1)).unwrap().is_empty());
    for _ in 0..3 {
        home.restart().resume(now().plus(REMIND));
    }
    assert_eq!(reminded(home.wallet()), 1, "once, over restarts too");
    let shown = home.wallet().reminders(now().plus(REMIND)).unwrap();
    assert_eq!((shown.len(), shown[0].id.as_str()), (1, name.as_str()));
    assert!(
        home.wallet()
            .reminders(now().plus(REMIND + 31 * DAY))
            .unwrap()
            .is_empty()
    );
    home.wallet().resume(now().plus(REMIND + 100 * DAY));
    assert_eq!(reminded(home.wallet()), 1);
    // The end comes before the next: that is another line, and another state.
    home.wallet().resume(now().plus(360 * DAY));
    assert_eq!(reminded(home.wallet()), 1);
    assert_eq!(whats(home.wallet()).pop(), Some(What::GrantExpired));
    assert_eq!(
        home.wallet().grants(now().plus(360 * DAY)).unwrap()[0].state,
        GrantState::Expired
    );
}

#[test]
fn a_grant_that_was_taken_back_is_not_brought_to_mind() {
    let (mut home, name, _, _) = granted();
    home.wallet().withdraw(now().plus(60), &name);
    home.wallet().resume(now().plus(REMIND));
    assert!(!whats(home.wallet()).contains(&What::Reminded));
    assert_eq!(
        home.wallet().grants(now().plus(60)).unwrap()[0].state,
        GrantState::Withdrawn
    );
}

#[test]
fn a_deletion_of_what_a_grant_brought_takes_it_back_first_and_is_the_grants_keys_word() {
    let (mut home, _, grant, session) = granted();
    let wallet = home.wallet();
    let entry = wallet.history().unwrap().last().unwrap().id;
    let begun = wallet.request_deletion(now(), entry);
    assert_eq!(begun.len(), 2, "issuer and asker hear that it is taken back");
    assert!(whats(wallet).ends_with(&[What::DeletionRequested, What::Withdrawn]));
    for (_, steps) in &begun {
        let [Step::Send { thread, to, .. }] = steps.as_slice() else {
            panic!()
        };
        let (reply, peer) = match *to == Org::Bank.did() {
            true => (
                Reply::Erased {
                    erasure: erasure(&grant),
                },
                Org::Bank.peer(),
            ),
            false => (
                Reply::Withdrawn {
                    withdrawn: withdrawn(&grant),
                },
                Org::LoanFund.peer(),
            ),
        };
        wallet.receive(now(), *thread, &peer, Incoming::Consent(reply));
    }
    // Then what it still keeps.
    let resumed = home.restart().resume(now());
    let (thread, ask) = consents(&resumed[0].1);
    let Ask::Erase { grant: name, deletion } = ask else {
        panic!()
    };
    assert_eq!(name, grant.name());
    let request = tables::text(&session.hash());
    assert!(Deletion::open(&deletion, &Org::Bank.did(), &request, grant.text(), grant.key()).is_ok());
    let wallet = home.wallet();
    let reply = Incoming::Consent(Reply::Erased {
        erasure: erasure(&grant),
    });
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), reply);
    assert!(matches!(outcome(&steps), Ok(Outcome::Erased { .. })));
    assert_eq!(whats(wallet).pop(), Some(What::DeletionAnswered));
    let document = wallet.receipt_document(now(), entry).unwrap();
    assert!(document.contains("dpv:ConsentWithdrawn") && document.contains(grant.text()));
    assert_eq!(decision::hash(grant.text()), grant.name());
}

/// A new wallet of the same person, which has shown the loan fund who it is: what it is shown.
fn look(home: &mut Home, end: &[String], listed: Vec<Standing>) -> Vec<Step> {
    look_at(home, end, listed, None)
}

/// The same, where there is more behind it.
fn look_at(home: &mut Home, end: &[String], listed: Vec<Standing>, next: Option<String>) -> Vec<Step> {
    let wallet = home.wallet();
    let (thread, ask) = consents(&wallet.review(now(), &Org::LoanFund.did(), LOAN, end).1);
    assert!(matches!(ask, Ask::Begin { asker: None, .. }));
    let who = identification(None);
    let id = waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), terms(&who)));
    let text = wallet.text(now(), &id, "nb").unwrap();
    assert!(text.contains("LÅNEKASSEN") && text.contains(ROLIG), "{text}");
    assert_eq!(text.contains("SYNTETISK SPAREBANK"), !end.is_empty(), "{text}");
    let (thread, ask) = consents(&wallet.present(now(), &id, "nb").1);
    let Ask::Standing {
        nonce,
        answer,
        end: named,
        from: None,
    } = ask
    else {
        panic!()
    };
    assert_eq!(named, end);
    // The yes is durable before anything is shown, and the key binding covers what is ended and nothing else.
    assert_eq!(whats(wallet).pop(), Some(What::Reviewed));
    let names: Vec<_> = end.iter().map(|name| hash_of(name).unwrap()).collect();
    let (transaction, covered) = standing_covers(&nonce, &names);
    let covers = Covers {
        transaction,
        keys_hash: keys_hash(&[]),
        organisation: None,
        grant: Some(covered),
    };
    let (report, verified) = who.check(&answer, Some(ROLIG), Some(&covers));
    assert!(verified.is_some(), "{:?}", report.problem());
    let reply = Incoming::Consent(Reply::Standing { grants: listed, next });
    wallet.receive(now(), thread, &Org::LoanFund.peer(), reply)
}

fn new_wallet() -> Home {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    home
}

fn listed(grant: &OpenedGrant, withdrawn: Option<String>) -> Standing {
    Standing {
        grant: grant.text().to_owned(),
        uses: 3,
        withdrawn,
    }
}

#[test]
fn a_new_wallet_of_the_same_person_sees_what_stands_and_takes_it_back() {
    let (_, _, grant, _) = granted();
    let mut home = new_wallet();
    let steps = look(&mut home, &[], vec![listed(&grant, None)]);
    let Ok(Outcome::Standing { grants }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    assert_eq!((grants.len(), grants[0].uses, grants[0].withdrawn), (1, 3, None));
    assert_eq!(
        (grants[0].name.clone(), grants[0].asker_name.as_str()),
        (grant.name(), Org::Bank.name())
    );
    assert_eq!(grants[0].id, None, "another wallet made it");
    assert!(home.wallet().pending(now()).unwrap().is_empty());
    home.restart();
    let steps = look(
        &mut home,
        &[grant.name()],
        vec![listed(&grant, Some(withdrawn(&grant)))],
    );
    let Ok(Outcome::Standing { grants }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    assert_eq!(grants[0].withdrawn, Some(now().plus(9)));
    assert_eq!(whats(home.wallet()).pop(), Some(What::Withdrawn));
}

#[test]
fn what_does_not_go_into_one_answer_is_asked_for_with_the_same_answer_also_after_a_restart() {
    let given: Vec<OpenedGrant> = (0..3).map(|_| granted().2).collect();
    let mut home = new_wallet();
    let first = vec![listed(&given[0], None)];
    let steps = look_at(&mut home, &[], first.clone(), Some("there".to_owned()));
    let Ask::Standing { nonce, answer, .. } = consents(&steps).1 else {
        panic!("{steps:?}")
    };
    home.restart();
    // The person says the same yes again.
    let id = home.wallet().pending(now()).unwrap().remove(0).id;
    let (thread, ask) = consents(&home.wallet().present(now(), &id, "nb").1);
    let again = Ask::Standing {
        nonce,
        answer,
        end: Vec::new(),
        from: Some("there".to_owned()),
    };
    assert_eq!(ask, again);
    // One that was taken back meanwhile comes a second time, and no page is empty.
    let second = |next: Option<&str>, grants: Vec<Standing>| {
        Incoming::Consent(Reply::Standing {
            grants,
            next: next.map(str::to_owned),
        })
    };
    let grants = vec![listed(&given[1], None), listed(&given[0], Some(withdrawn(&given[0])))];
    let wallet = home.wallet();
    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), second(Some("on"), grants));
    let (thread, ask) = consents(&steps);
    assert!(matches!(ask, Ask::Standing { from: Some(from), .. } if from == "on"));
    let last = second(None, vec![listed(&given[2], None)]);
    let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), last);
    let Ok(Outcome::Standing { grants }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    let mut seen: Vec<(String, bool)> = grants
        .into_iter()
        .map(|one| (one.name, one.withdrawn.is_some()))
        .collect();
    seen.sort();
    let mut expected: Vec<(String, bool)> = (0..).zip(&given).map(|(at, one)| (one.name(), at == 0)).collect();
    expected.sort();
    assert_eq!(seen, expected);
    assert!(wallet.pending(now()).unwrap().is_empty());

    let mut home = new_wallet();
    let steps = look_at(&mut home, &[], Vec::new(), Some("for ever".to_owned()));
    assert_eq!(code(&steps), Code::Malformed);
}

#[test]
fn the_wallet_that_made_a_grant_takes_it_as_ended_when_it_sees_so_at_the_issuer() {
    let (mut home, name, grant, _) = granted();
    let steps = look(&mut home, &[], vec![listed(&grant, Some(withdrawn(&grant)))]);
    let Ok(Outcome::Standing { grants }) = outcome(&steps) else {
        panic!("{steps:?}")
    };
    assert_eq!(grants[0].id.as_deref(), Some(name.as_str()));
    let view = home.wallet().grants(now()).unwrap().remove(0);
    assert_eq!((view.state, view.issuer_told), (GrantState::Withdrawn, true));
}

#[test]
fn what_was_not_seen_is_not_ended_and_an_issuer_that_did_not_end_it_or_asks_for_more_is_refused() {
    let (_, _, grant, _) = granted();
    let mut home = new_wallet();
    // A name out of nowhere, an organisation that does not issue it, and one that nobody lists.
    let wallet = home.wallet();
    let refused = |wallet: &mut Wallet, org: Org, end: &[String]| code(&wallet.review(now(), &org.did(), LOAN, end).1);
    assert_eq!(refused(wallet, Org::LoanFund, &[grant.name()]), Code::UnknownGrant);
    assert_eq!(refused(wallet, Org::Tax, &[]), Code::TypeNotAllowed);
    assert_eq!(refused(wallet, Org::Stranger, &[]), Code::UnknownIssuer);
    // Terms that are for a deposit, or ask for more than who the person is.
    let more = {
        let issue = identification(None).request.issue;
        Session::new(
            Org::LoanFund,
            "K02",
            query(&[("who", PID, &[WHO, "family_name"])]),
            issue,
        )
    };
    for bad in [identification(Some(Org::Bank)), more] {
        let (thread, _) = consents(&wallet.review(now(), &Org::LoanFund.did(), LOAN, &[]).1);
        let steps = wallet.receive(now(), thread, &Org::LoanFund.peer(), terms(&bad));
        assert!(matches!(code(&steps), Code::WrongRequest | Code::OverAsk), "{steps:?}");
        assert!(wallet.pending(now()).unwrap().is_empty());
    }
    // Seen, and then not ended although it says so; or another's word that it is.
    look(&mut home, &[], vec![listed(&grant, None)]);
    let steps = look(&mut home, &[grant.name()], vec![listed(&grant, None)]);
    assert_eq!(code(&steps), Code::UnknownGrant);
    let forged = Withdrawn::open(&withdrawn(&grant), &grant, &trust()).unwrap();
    let forged = Withdrawn {
        issuer: Org::LoanFund.did(),
        ..forged
    };
    let forged = forged.sign(&Org::LoanFund.kid(), &Org::Bank.key()).unwrap();
    let steps = look(&mut home, &[grant.name()], vec![listed(&grant, Some(forged))]);
    assert_eq!(code(&steps), Code::SignatureInvalid);
    assert!(!whats(home.wallet()).contains(&What::Withdrawn));
}

#[test]
fn a_no_to_showing_who_one_is_tells_nobody_and_leaves_nothing() {
    let mut home = new_wallet();
    let wallet = home.wallet();
    let (thread, _) = consents(&wallet.review(now(), &Org::LoanFund.did(), LOAN, &[]).1);
    let who = identification(None);
    let id = waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), terms(&who)));
    assert!(matches!(outcome(&wallet.refuse(now(), &id).1), Ok(Outcome::Refused)));
    assert!(wallet.resume(now().plus(30)).is_empty());
    assert!(wallet.pending(now()).unwrap().is_empty());
    assert_eq!(whats(wallet).pop(), Some(What::Refused));
}

/// The page of a grant that is asked for.
fn page(service: &str, vct: &str, claims: &[&str], language: &str) -> Vec<String> {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let session = Session::bent(Org::Bank, service, query(&[("claims", vct, claims)]), None, |request| {
        request.grant = Some(GrantAsked {
            issuer: Org::LoanFund.did(),
            until: now().plus(90 * DAY),
            uses_per_day: 1,
        });
    });
    let wallet = home.wallet();
    let (thread, _) = consents(&fetch(wallet, &session, &Org::Bank.peer(), session.reply()));
    let who = identification_for(vct, Some(Org::Bank));
    let id = waiting(&wallet.receive(now(), thread, &Org::LoanFund.peer(), terms(&who)));
    let text = wallet.text(now(), &id, language).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn what_is_of_a_special_category_stands_apart_on_the_page_of_a_grant_and_a_yes_is_explicit() {
    for (language, title, yes) in [
        ("nb", "særlig følsomt", "samtykker du uttrykkelig"),
        ("nn", "særleg kjenslevart", "samtykkjer du uttrykkeleg"),
        ("en", "especially sensitive", "explicitly consent"),
    ] {
        let both = page("S10", ALLOWANCE, &["personidentifikator", "vedtak"], language);
        let at = |wanted: &str| both.iter().position(|line| line.contains(wanted));
        let apart = at(title).unwrap_or_else(|| panic!("{language}: {both:#?}"));
        assert_eq!(both[apart - 1], "", "{language}");
        assert!(both[apart].contains(Org::Bank.name()), "{language}");
        let claims = |line: &str| line.split_once(": ").map(|(_, labels)| labels.to_owned());
        let (before, after) = (claims(&both[apart - 2]).unwrap(), claims(&both[apart + 1]).unwrap());
        assert_ne!(before, after, "{language}");
        assert!(both[apart + 2].contains(yes), "{language}");
        // Only what is of it.
        let alone = page("S10", ALLOWANCE, &["vedtak"], language);
        assert!(alone.iter().any(|line| claims(line).as_ref() == Some(&after)));
        assert!(!alone.iter().any(|line| claims(line).as_ref() == Some(&before)));
        let none = page("S15", LOAN, &["personidentifikator", "TotalAmount"], language);
        assert!(none.iter().all(|line| !line.contains(title) && !line.contains(yes)));
    }
}
