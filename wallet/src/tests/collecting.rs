//! Collecting: begun, identified, requested, delivered, acknowledged; across restarts; and deliveries that are refused.

use super::world::*;
use crate::tables::IssuingRow;
use crate::*;
use credentials::protocol;
use credentials::protocol::issuance::Identification;
use credentials::status::State;

const CODE: &str = "ABCD-EFGH-JKMN-PQRS";

/// From the link to the request that the wallet sends, saying yes where a person must.
fn up_to_request(issuer: &mut Issuer, wallet: &mut Wallet) -> (Thread, Box<issue::Request>) {
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), Some(CODE));
    let (thread, _) = asked(&steps);
    let terms = issuer.terms_reply();
    let mut steps = wallet.receive(now(), thread, &issuer.org.peer(), terms);
    if issuer.session.is_some() {
        steps = wallet.present(now(), &waiting(&steps), "nb").1;
    }
    match asked(&steps) {
        (thread, issue::Ask::Request(request)) => (thread, request),
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn the_first_identification_is_collected_with_an_activation_code() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let mut issuer = Issuer::new(Org::Identity, PID);
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), Some(CODE));
    let (thread, ask) = asked(&steps);
    assert_eq!(
        ask,
        issue::Ask::Begin {
            vct: PID.to_owned(),
            offer: Some(vec![7; 16]),
            organisation: None
        }
    );
    let terms = issuer.terms_reply();
    let steps = wallet.receive(now(), thread, &issuer.org.peer(), terms);
    let (thread, ask) = asked(&steps);
    let issue::Ask::Request(request) = ask else {
        panic!("a request")
    };
    assert_eq!(
        request.identification,
        Identification::Code {
            offer: vec![7; 16],
            code: CODE.to_owned()
        }
    );
    assert_eq!(issuer.keys(&request).len(), 17, "of the copies, and the refresh key");
    let credentials = issuer.deliver(&request, &[pid_row(ROLIG)]);
    let reply = issuer.delivery(&request, credentials);
    let steps = wallet.receive(now(), thread, &issuer.org.peer(), reply);
    let (thread, _) = asked(&steps);
    let held = wallet.credentials(now(), &Says(State::Valid)).unwrap();
    assert_eq!(held.len(), 1, "durable before it is acknowledged");
    assert_eq!((held[0].copies_left, held[0].state), (16, HeldState::Valid));
    assert_eq!(held[0].issuer_name, Org::Identity.name());
    let reply = Incoming::Issue(issue::Reply::Acknowledged);
    let names = collected(&wallet.receive(now(), thread, &issuer.org.peer(), reply));
    assert_eq!(names, [held[0].id.clone()]);
    assert!(wallet.unfinished().unwrap().is_empty());
    assert_eq!(wallet.history().unwrap().last().unwrap().what, What::Collected);
}

#[test]
fn an_identification_covers_the_new_keys_and_has_a_decision_and_takes_a_copy() {
    let mut home = Home::person();
    let wallet = home.wallet();
    Issuer::new(Org::Identity, PID).collect(wallet, &pid_row(ROLIG));
    let mut issuer = Issuer::new(Org::Tax, INCOME);
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), None);
    let (thread, _) = asked(&steps);
    let terms = issuer.terms_reply();
    let id = waiting(&wallet.receive(now(), thread, &issuer.org.peer(), terms));
    let pending = wallet.pending(now()).unwrap();
    assert_eq!((pending[0].kind, pending[0].can_answer), (Kind::Identify, true));
    let text = wallet.text(now(), &id, "nb").unwrap();
    for expected in [
        "SKATTEETATEN ber deg vise hvem du er",
        "Du henter beviset «Månedsinntekt» fra utstederen SKATTEETATEN",
        ROLIG,
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("Fiskebåt"), "the name is held back: {text}");
    let (_, steps) = wallet.present(now(), &id, "nb");
    let (_, ask) = asked(&steps);
    let issue::Ask::Request(request) = ask else {
        panic!("a request")
    };
    issuer.identify(&request, ROLIG);
    let hash = tables::text(&issuer.session.as_ref().unwrap().hash());
    let row = wallet.tables.get::<tables::DecisionRow>(&hash).unwrap().unwrap();
    assert_eq!((row.kind, row.signed.len()), (Kind::Identify, 1));
    let held = wallet.credentials(now(), &Silent).unwrap();
    assert_eq!(held[0].copies_left, 15);
    assert_eq!(wallet.history().unwrap().last().unwrap().what, What::Identified);
}

#[test]
fn every_step_goes_on_after_a_restart_with_the_same_transaction_and_the_same_bytes() {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let mut issuer = Issuer::new(Org::Tax, INCOME);
    let peer = issuer.org.peer();
    let encoded = |steps: &[Step]| protocol::encode(&asked(steps).1).unwrap();
    let resumed = |home: &mut Home| {
        let mut threads = home.restart().resume(now());
        assert_eq!(threads.len(), 1);
        threads.remove(0).1
    };
    // Begun.
    let (_, steps) = home.wallet().receive_link(now(), &issuer.link(), None);
    let begin = encoded(&steps);
    let steps = resumed(&mut home);
    assert_eq!(encoded(&steps), begin);
    assert_eq!(home.wallet().unfinished().unwrap()[0].state, "begun");
    // Waiting for the person.
    let terms = issuer.terms_reply();
    let id = waiting(&home.wallet().receive(now(), asked(&steps).0, &peer, terms));
    assert!(home.restart().resume(now()).is_empty());
    assert_eq!(waiting(&home.wallet().receive_link(now(), &issuer.link(), None).1), id);
    // Requested.
    let (_, steps) = home.wallet().present(now(), &id, "nb");
    let request = encoded(&steps);
    let steps = resumed(&mut home);
    assert_eq!(encoded(&steps), request);
    home.restart();
    assert_eq!(encoded(&home.wallet().present(now(), &id, "nb").1), request);
    assert_eq!(
        encoded(&home.wallet().receive_link(now(), &issuer.link(), None).1),
        request
    );
    // Delivered, not acknowledged.
    let (thread, ask) = asked(&steps);
    let issue::Ask::Request(message) = ask else {
        panic!("a request")
    };
    let credentials = issuer.deliver(&message, &[income_row(ROLIG)]);
    let delivery = issuer.delivery(&message, credentials);
    // The first process has ended: its thread is unknown to the second one, which sends again and gets the same delivery.
    let steps = home.restart().receive(now(), thread, &peer, delivery.clone());
    assert_eq!(code(&steps), Code::UnexpectedMessage);
    let steps = home.wallet().resume(now()).remove(0).1;
    let steps = home.wallet().receive(now(), asked(&steps).0, &peer, delivery.clone());
    let acknowledge = encoded(&steps);
    let held = home.wallet().credentials(now(), &Silent).unwrap().len();
    let steps = resumed(&mut home);
    assert_eq!(encoded(&steps), acknowledge);
    // Not reached: the credentials are held all the same.
    let steps = home.wallet().failed(now(), asked(&steps).0, Code::Unreachable.into());
    let names = collected(&steps);
    assert_eq!(home.wallet().credentials(now(), &Silent).unwrap().len(), held);
    let steps = home.wallet().resume(now()).remove(0).1;
    let done = Incoming::Issue(issue::Reply::Acknowledged);
    assert_eq!(
        collected(&home.wallet().receive(now(), asked(&steps).0, &peer, done)),
        names
    );
    assert!(home.restart().resume(now()).is_empty());
    assert!(home.wallet().pending(now()).unwrap().is_empty());
    assert!(home.wallet().unfinished().unwrap().is_empty());
}

#[test]
fn a_command_given_again_beside_what_goes_on_by_itself_takes_no_step_twice_and_ends_nothing() {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let mut issuer = Issuer::new(Org::Tax, INCOME);
    let peer = issuer.org.peer();
    let wallet = home.wallet();
    let [one, other] = [(); 2].map(|()| wallet.receive_link(now(), &issuer.link(), None).1);
    let terms = issuer.terms_reply();
    let id = waiting(&wallet.receive(now(), asked(&one).0, &peer, terms.clone()));
    assert_eq!(waiting(&wallet.receive(now(), asked(&other).0, &peer, terms)), id);
    let [one, refused, late] = [(); 3].map(|()| wallet.present(now(), &id, "nb").1);
    let issue::Ask::Request(message) = asked(&one).1 else {
        panic!("a request")
    };
    let credentials = issuer.deliver(&message, &[income_row(ROLIG)]);
    let delivery = issuer.delivery(&message, credentials);
    let acknowledge = wallet.receive(now(), asked(&one).0, &peer, delivery.clone());
    // What another thread is told of terms that are over takes nothing away from what was delivered.
    let problem = Incoming::Issue(issue::Reply::Problem(Code::Expired.into()));
    let again = wallet.receive(now(), asked(&refused).0, &peer, problem);
    let ask = |steps: &[Step]| protocol::encode(&asked(steps).1).unwrap();
    assert_eq!(ask(&again), ask(&acknowledge));
    let acknowledged = Incoming::Issue(issue::Reply::Acknowledged);
    let names = collected(&wallet.receive(now(), asked(&acknowledge).0, &peer, acknowledged));
    // And the same delivery once more, when all is over, is what is held.
    assert_eq!(
        collected(&wallet.receive(now(), asked(&late).0, &peer, delivery)),
        names
    );
    assert_eq!(wallet.credentials(now(), &Silent).unwrap().len(), 2);
    assert!(wallet.unfinished().unwrap().is_empty());
}

#[test]
fn a_delivery_that_fails_any_check_is_refused_whole_and_leaves_nothing_behind() {
    type Bend = fn(&mut Issuer, &issue::Request, &mut Vec<Vec<String>>);
    let check = |name: &str, bend: Bend, expected: Option<Code>| {
        let mut home = Home::person();
        let wallet = home.wallet();
        Issuer::new(Org::Identity, PID).collect(wallet, &pid_row(ROLIG));
        let mut issuer = Issuer::new(Org::Tax, INCOME);
        let (thread, request) = up_to_request(&mut issuer, wallet);
        let mut credentials = issuer.deliver(&request, &[income_row(ROLIG)]);
        bend(&mut issuer, &request, &mut credentials);
        let reply = issuer.delivery(&request, credentials);
        let steps = wallet.receive(now(), thread, &Org::Tax.peer(), reply);
        let held = wallet.credentials(now(), &Silent).unwrap();
        let Some(expected) = expected else {
            asked(&steps);
            assert_eq!(held.len(), 2, "{name}");
            return;
        };
        assert_eq!(code(&steps), expected, "{name}");
        assert!(held.iter().all(|held| held.vct == PID), "{name}");
        assert!(wallet.unfinished().unwrap().is_empty(), "{name}");
        assert!(wallet.pending(now()).unwrap().is_empty(), "{name}");
        let last = wallet.history().unwrap().pop().unwrap();
        assert_eq!((last.what, last.code), (What::Failed, Some(expected)), "{name}");
        for key in issuer.keys(&request) {
            assert!(wallet.tables.key(&key).is_err(), "{name}: a new key was left behind");
        }
        assert!(wallet.resume(now()).is_empty(), "{name}");
    };
    check("as it should be", |_, _, _| {}, None);
    check(
        "a key that is not ours",
        |issuer, _, credentials| {
            let foreign = credentials::SigningKey::from_bytes(&[99; 32]).verifying_key();
            credentials[0][3] = issuer.sign(&income_row(ROLIG), &foreign);
        },
        Some(Code::HolderBindingInvalid),
    );
    check(
        "one key for two copies",
        |_, _, credentials| credentials[0][3] = credentials[0][2].clone(),
        Some(Code::HolderBindingInvalid),
    );
    check(
        "another listed issuer of another type",
        |issuer, request, credentials| {
            let mut other = Issuer::new(Org::LoanFund, INCOME);
            *credentials = other.deliver_to(&issuer.keys(request), &[income_row(ROLIG)]);
        },
        Some(Code::TypeNotAllowed),
    );
    check(
        "an issuer that nobody lists",
        |issuer, request, credentials| {
            let mut other = Issuer::new(Org::Stranger, INCOME);
            *credentials = other.deliver_to(&issuer.keys(request), &[income_row(ROLIG)]);
        },
        Some(Code::UnknownIssuer),
    );
    check(
        "another type of the same issuer",
        |issuer, request, credentials| {
            let mut other = Issuer::new(Org::Tax, TAX);
            *credentials = other.deliver_to(&issuer.keys(request), &[tax_row(ROLIG)]);
        },
        Some(Code::TypeNotAllowed),
    );
    check(
        "one letter of the signature",
        |_, _, credentials| {
            let (jwt, disclosures) = credentials[0][5].split_once('~').unwrap();
            let (signed, signature) = jwt.rsplit_once('.').unwrap();
            let first = if signature.starts_with('A') { "B" } else { "A" };
            credentials[0][5] = format!("{signed}.{first}{}~{disclosures}", &signature[1..]);
        },
        Some(Code::SignatureInvalid),
    );
    check(
        "one disclosure",
        |_, _, credentials| {
            let parts: Vec<&str> = credentials[0][5].split('~').collect();
            credentials[0][5] = [&parts[..1], &[parts[2]], &parts[2..]].concat().join("~");
        },
        Some(Code::DisclosureInvalid),
    );
    check(
        "another person's data",
        |issuer, request, credentials| *credentials = issuer.deliver(request, &[income_row(DRIFTIG)]),
        Some(Code::WrongSubject),
    );
    check(
        "copies that differ",
        |issuer, request, credentials| {
            let mut row = income_row(ROLIG);
            row["derived"]["sumKontantytelse"] = "1.00".into();
            credentials[0][7] = issuer.deliver(request, &[row])[0][7].clone();
        },
        Some(Code::SchemaInvalid),
    );
    check(
        "a copy too few",
        |_, _, credentials| {
            credentials[0].pop();
        },
        Some(Code::Malformed),
    );
    check(
        "nothing",
        |_, _, credentials| credentials.clear(),
        Some(Code::Malformed),
    );
    check(
        "a credential too many",
        |_, _, credentials| credentials.push(credentials[0].clone()),
        Some(Code::Malformed),
    );
}

#[test]
fn an_offer_that_does_not_fit_is_refused_before_anybody_is_contacted() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let offer = |issuer: Org, vct: &str, offer: Option<Vec<u8>>, expires| Link::Offer {
        issuer: issuer.did(),
        vct: vct.to_owned(),
        offer,
        expires,
    };
    let personal = Some(vec![7; 16]);
    for (link, code_typed, expected) in [
        (offer(Org::Stranger, INCOME, None, None), None, Code::UnknownIssuer),
        (offer(Org::Tax, LOAN, None, None), None, Code::TypeNotAllowed),
        (offer(Org::Register, COMPANY, None, None), None, Code::WrongWallet),
        (offer(Org::Guarantor, GUARANTEE, None, None), None, Code::WrongWallet),
        (offer(Org::Identity, PID, None, None), Some(CODE), Code::UnknownOffer),
        (offer(Org::Identity, PID, personal.clone(), None), None, Code::WrongCode),
        (
            offer(Org::Identity, PID, personal.clone(), Some(now())),
            Some(CODE),
            Code::Expired,
        ),
        (
            offer(Org::Identity, PID, Some(vec![7; 4096]), None),
            Some(CODE),
            Code::TooLarge,
        ),
    ] {
        let (_, steps) = wallet.receive_link(now(), &link, code_typed);
        assert_eq!(code(&steps), expected);
    }
    assert!(wallet.unfinished().unwrap().is_empty());
    let (_, steps) = wallet.receive_link(now(), &offer(Org::Identity, PID, personal, None), Some(CODE));
    asked(&steps);
}

#[test]
fn terms_that_do_not_fit_are_refused() {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let mut check = |name: &str, expected: Option<Code>, bend: &dyn Fn(&mut issue::Terms)| {
        let wallet = home.wallet();
        let mut issuer = Issuer::new(Org::Tax, INCOME);
        let (_, steps) = wallet.receive_link(now(), &issuer.link(), None);
        let (thread, _) = asked(&steps);
        let mut terms = issuer.terms();
        bend(&mut terms);
        let reply = Incoming::Issue(issue::Reply::Terms(terms));
        let steps = wallet.receive(now(), thread, &Org::Tax.peer(), reply);
        match expected {
            None => drop(waiting(&steps)),
            Some(expected) => {
                assert_eq!(code(&steps), expected, "{name}");
                assert!(wallet.pending(now()).unwrap().is_empty(), "{name}");
                assert!(wallet.unfinished().unwrap().is_empty(), "{name}");
            }
        }
    };
    let other = |org: Org, vct: &'static str| move |terms: &mut issue::Terms| *terms = Issuer::new(org, vct).terms();
    check("too many copies", Some(Code::Malformed), &|terms| terms.copies = 65);
    check("no copies", Some(Code::Malformed), &|terms| terms.copies = 0);
    check("too many rows", Some(Code::Malformed), &|terms| terms.rows = 9);
    check("no identification", Some(Code::WrongRequest), &|terms| {
        terms.request = None
    });
    check("another nonce", Some(Code::WrongRequest), &|terms| {
        terms.nonce = "another".to_owned()
    });
    check("for another type", Some(Code::WrongRequest), &other(Org::Tax, TAX));
    check(
        "another issuer's request",
        Some(Code::WrongOrigin),
        &other(Org::LoanFund, LOAN),
    );
    check("for a company", Some(Code::WrongRequest), &|terms| {
        *terms = Issuer::for_company(Org::Tax, INCOME).terms();
    });
    check("as they should be", None, &|_| {});
}

#[test]
fn an_identification_asks_for_nothing_but_the_number() {
    let mut home = Home::company();
    let wallet = home.wallet();
    let mut issuer = Issuer::for_company(Org::Guarantor, GUARANTEE);
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), None);
    let (thread, _) = asked(&steps);
    // Registered under K02, but not what this type's proof is.
    let issue = credentials::request::IssuePurpose {
        vct: GUARANTEE.to_owned(),
        organisation: Some(TREG.to_owned()),
        standing: None,
    };
    let asked_for = query(&[("who", PID, &["personal_administrative_number"])]);
    let session = Session::new(Org::Guarantor, "K02", asked_for, Some(issue));
    let terms = issue::Terms {
        nonce: session.request.nonce.clone(),
        request: Some(session.jws.clone()),
        ..issuer.terms()
    };
    let reply = Incoming::Issue(issue::Reply::Terms(terms));
    let steps = wallet.receive(now(), thread, &Org::Guarantor.peer(), reply);
    assert_eq!(outcome(&steps), Err(Problem::new(Code::OverAsk, PID)));
}

#[test]
fn a_wrong_code_ends_the_attempt_and_a_passing_trouble_does_not() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let mut issuer = Issuer::new(Org::Identity, PID);
    let problem = |code: Code| Incoming::Issue(issue::Reply::Problem(code.into()));
    let (thread, first) = up_to_request(&mut issuer, wallet);
    let steps = wallet.receive(now(), thread, &Org::Identity.peer(), problem(Code::RateLimited));
    assert_eq!(code(&steps), Code::RateLimited);
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), Some(CODE));
    let (thread, again) = asked(&steps);
    assert_eq!(again, issue::Ask::Request(first.clone()));
    let steps = wallet.receive(now(), thread, &Org::Identity.peer(), problem(Code::WrongCode));
    assert_eq!(code(&steps), Code::WrongCode);
    assert_eq!(wallet.history().unwrap().last().unwrap().code, Some(Code::WrongCode));
    let (_, next) = up_to_request(&mut issuer, wallet);
    assert_ne!(next.transaction, first.transaction);
    assert_ne!(issuer.keys(&next), issuer.keys(&first));
}

#[test]
fn a_code_typed_anew_is_the_one_that_is_sent() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let mut issuer = Issuer::new(Org::Identity, PID);
    let (thread, _) = up_to_request(&mut issuer, wallet);
    wallet.failed(now(), thread, Code::Unreachable.into());
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), Some("2222-3333"));
    match asked(&steps).1 {
        issue::Ask::Request(request) => assert_eq!(
            request.identification,
            Identification::Code {
                offer: vec![7; 16],
                code: "2222-3333".to_owned()
            }
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusing_an_identification_tells_the_issuer_nothing_and_forgets_the_keys() {
    let mut home = Home::person();
    let wallet = home.wallet();
    Issuer::new(Org::Identity, PID).collect(wallet, &pid_row(ROLIG));
    let mut issuer = Issuer::new(Org::Tax, INCOME);
    let (_, steps) = wallet.receive_link(now(), &issuer.link(), None);
    let terms = issuer.terms_reply();
    let id = waiting(&wallet.receive(now(), asked(&steps).0, &Org::Tax.peer(), terms));
    let rows = wallet.tables.named::<IssuingRow>().unwrap();
    let keys = wallet.issuing_keys(&rows[0].0).unwrap();
    assert_eq!(keys.len(), 9, "of the copies, and the refresh key");
    assert!(keys.iter().all(|key| wallet.tables.key(key).is_ok()));
    assert!(matches!(outcome(&wallet.refuse(now(), &id).1), Ok(Outcome::Refused)));
    assert!(keys.iter().all(|key| wallet.tables.key(key).is_err()));
    assert!(wallet.unfinished().unwrap().is_empty());
    assert!(wallet.resume(now()).is_empty());
    assert_eq!(wallet.history().unwrap().last().unwrap().what, What::Refused);
    assert_eq!(wallet.credentials(now(), &Silent).unwrap()[0].copies_left, 16);
}

#[test]
fn a_newer_credential_of_the_same_row_takes_the_place_of_the_older_one() {
    let mut home = citizen();
    let wallet = home.wallet();
    let state = |wallet: &Wallet, id: &str| {
        let held = wallet.credentials(now(), &Says(State::Valid)).unwrap();
        held.iter().find(|held| held.id == id).unwrap().state
    };
    let older = wallet.credentials(now(), &Silent).unwrap();
    let older = older.iter().find(|held| held.vct == INCOME).unwrap().id.clone();
    let same = Issuer::new(Org::Tax, INCOME).collect(wallet, &income_row(ROLIG));
    assert_eq!(state(wallet, &older), HeldState::Valid, "more copies of the same");
    let mut changed = income_row(ROLIG);
    changed["derived"]["sumKontantytelse"] = "1.00".into();
    let newer = Issuer::new(Org::Tax, INCOME).collect(wallet, &changed);
    assert_eq!(state(wallet, &older), HeldState::Superseded);
    assert_eq!(state(wallet, &same), HeldState::Superseded);
    assert_eq!(state(wallet, &newer), HeldState::Valid);
}

#[test]
fn what_cannot_come_to_an_end_is_dropped_in_time() {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    let mut issuer = Issuer::new(Org::Tax, INCOME);
    let (_, steps) = home.wallet().receive_link(now(), &issuer.link(), None);
    let terms = issuer.terms_reply();
    waiting(&home.wallet().receive(now(), asked(&steps).0, &Org::Tax.peer(), terms));
    let (_, steps) = home
        .wallet()
        .receive_link(now(), &Issuer::new(Org::LoanFund, LOAN).link(), None);
    asked(&steps);
    let wallet = home.restart();
    assert_eq!(wallet.unfinished().unwrap().len(), 2);
    assert_eq!(wallet.resume(now().plus(120)).len(), 1, "the identification is over");
    assert_eq!(wallet.unfinished().unwrap().len(), 1);
    let wallet = home.restart();
    // The identification that is held may be renewed by then.
    let sent = wallet.resume(now().plus(8 * 86_400));
    let is_renewal = |(_, steps): &(Thread, Vec<Step>)| matches!(asked(steps).1, issue::Ask::Refresh(_));
    assert!(sent.iter().all(is_renewal));
    assert!(wallet.unfinished().unwrap().is_empty());
}
