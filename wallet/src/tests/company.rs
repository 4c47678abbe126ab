//! A company's wallet: opened by a person with a role, by texts carried between two wallets; and the two kinds kept apart.

use super::world::*;
use crate::*;
use credentials::link::Authorise;
use credentials::protocol;
use credentials::status::State;

/// The company's wallet up to the text for its manager, and the issuer that waits.
fn opened(company: &mut Wallet) -> (Issuer, String, String) {
    let mut issuer = Issuer::for_company(Org::Register, COMPANY);
    let (_, steps) = company.receive_link(now(), &issuer.link(), None);
    let (thread, ask) = asked(&steps);
    assert!(matches!(ask, issue::Ask::Begin { organisation: Some(number), .. } if number == TREG));
    let terms = issuer.terms_reply();
    let steps = company.receive(now(), thread, &Org::Register.peer(), terms);
    let (text, words) = carried(&steps);
    (issuer, text, words)
}

fn carried(steps: &[Step]) -> (String, String) {
    match outcome(steps) {
        Ok(Outcome::Carry { text, words }) => (text, words),
        other => panic!("{other:?}"),
    }
}

fn manager() -> Home {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(DRIFTIG));
    home
}

#[test]
fn a_manager_opens_the_companys_wallet_and_both_show_the_same_words() {
    let mut company = Home::company();
    let mut person = manager();
    let (mut issuer, text, words) = opened(company.wallet());

    let link = Link::parse(&text).unwrap();
    let id = waiting(&person.wallet().receive_link(now(), &link, None).1);
    let pending = person.wallet().pending(now()).unwrap();
    assert_eq!((pending[0].kind, pending[0].can_answer), (Kind::Authorise, true));
    let shown = person.wallet().text(now(), &id, "nb").unwrap();
    for expected in [
        "BRØNNØYSUNDREGISTRENE ber deg vise hvem du er, for å åpne lommeboken til en virksomhet",
        &format!("organisasjonsnummer {TREG}"),
        &format!("Kontrollord: {words}"),
        "Virksomheten henter beviset «Registrering i Enhetsregisteret»",
        DRIFTIG,
    ] {
        assert!(shown.contains(expected), "{expected} is missing in:\n{shown}");
    }
    // The same texts after the two programs were ended.
    assert_eq!(
        carried(&company.restart().receive_link(now(), &issuer.link(), None).1),
        (text.clone(), words.clone())
    );
    assert_eq!(waiting(&person.restart().receive_link(now(), &link, None).1), id);

    let (back, same_words) = carried(&person.wallet().present(now(), &id, "nb").1);
    assert_eq!(same_words, words);
    assert_eq!(
        carried(&person.restart().present(now(), &id, "nb").1).0,
        back,
        "the same text again"
    );
    assert_eq!(
        person.wallet().history().unwrap().last().unwrap().what,
        What::Authorised
    );
    assert_eq!(person.wallet().credentials(now(), &Silent).unwrap()[0].copies_left, 15);
    assert!(
        person.wallet().resume(now()).is_empty(),
        "nothing is sent by the person's wallet"
    );

    let answer = Link::parse(&back).unwrap();
    let (_, steps) = company.wallet().receive_link(now(), &answer, None);
    let (thread, ask) = asked(&steps);
    let issue::Ask::Request(request) = &ask else {
        panic!("a request")
    };
    issuer.identify(request, DRIFTIG);
    let again = company.restart().receive_link(now(), &answer, None).1;
    assert_eq!(
        protocol::encode(&asked(&again).1),
        protocol::encode(&ask),
        "the same request again"
    );
    assert_ne!(thread, 0);
    let credentials = issuer.deliver(request, &[company_row(TREG)]);
    let reply = issuer.delivery(request, credentials);
    let steps = company
        .wallet()
        .receive(now(), asked(&again).0, &Org::Register.peer(), reply);
    asked(&steps);
    let held = company.wallet().credentials(now(), &Says(State::Valid)).unwrap();
    assert_eq!((held.len(), held[0].copies_left), (1, 8));
    let detail = company.wallet().credential(now(), &Silent, &held[0].id, "en").unwrap();
    assert!(detail.claims.iter().any(|claim| claim.value == "TREG LASTEBIL AS"));
    assert!(
        !detail.claims.iter().any(|claim| claim.value == DRIFTIG),
        "class X stays at the register"
    );
}

#[test]
fn a_company_shows_its_registration_in_its_own_wording_and_collects_with_it() {
    let mut company = Home::company();
    let mut person = manager();
    let (mut issuer, text, _) = opened(company.wallet());
    let id = waiting(
        &person
            .wallet()
            .receive_link(now(), &Link::parse(&text).unwrap(), None)
            .1,
    );
    let (back, _) = carried(&person.wallet().present(now(), &id, "nb").1);
    let (_, steps) = company.wallet().receive_link(now(), &Link::parse(&back).unwrap(), None);
    let (thread, ask) = asked(&steps);
    let issue::Ask::Request(request) = ask else {
        panic!("a request")
    };
    let credentials = issuer.deliver(&request, &[company_row(TREG)]);
    let reply = issuer.delivery(&request, credentials);
    let steps = company.wallet().receive(now(), thread, &Org::Register.peer(), reply);
    let done = Incoming::Issue(issue::Reply::Acknowledged);
    collected(
        &company
            .wallet()
            .receive(now(), asked(&steps).0, &Org::Register.peer(), done),
    );

    let check = query(&[("firma", COMPANY, &["organisasjonsnummer", "navn"])]);
    let session = Session::new(Org::Bank, "K01", check, None);
    let id = bring(company.wallet(), &session);
    let text = company.wallet().text(now(), &id, "nb").unwrap();
    assert!(text.contains("Dette deler virksomheten:"), "{text}");
    assert!(text.contains("kan beholde opplysningene i 5 år"), "{text}");
    assert!(!text.contains("Elvebredd"), "{text}");
    let (_, sent) = answer(company.wallet(), &id, "nb");
    assert!(session.check(&sent, Some(TREG), None).1.is_some());

    // The guarantor asks for the company's own credential, which needs no text to a person.
    let mut guarantor = Issuer::for_company(Org::Guarantor, GUARANTEE);
    let (_, steps) = company.wallet().receive_link(now(), &guarantor.link(), None);
    let terms = guarantor.terms_reply();
    let id = waiting(
        &company
            .wallet()
            .receive(now(), asked(&steps).0, &Org::Guarantor.peer(), terms),
    );
    let text = company.wallet().text(now(), &id, "nb").unwrap();
    assert!(text.contains("Virksomheten henter beviset"), "{text}");
    let (_, steps) = company.wallet().present(now(), &id, "nb");
    let (thread, ask) = asked(&steps);
    let issue::Ask::Request(request) = ask else {
        panic!("a request")
    };
    guarantor.identify(&request, TREG);
    let guarantee = |reference: &str| {
        serde_json::json!({
            "loeyvehaver": { "organisasjonsnummer": TREG, "navn": "TREG LASTEBIL AS" },
            "garantist": { "organisasjonsnummer": "315902738", "navn": "SOLID GARANTI ASA", "konsesjon": "finansforetaksloven § 2-7" },
            "loeyvemyndighet": { "organisasjonsnummer": "971032081", "navn": "Statens vegvesen" },
            "garantireferanse": reference, "loeyvetype": "godstransport", "antallLoeyver": 3, "satsaar": 2022,
            "garantisum": { "valuta": "NOK", "beloep": "190000.00" }, "gyldigFra": "2022-04-01", "status": "aktiv"
        })
    };
    // Two rows of the four that there is room for.
    let credentials = guarantor.deliver(&request, &[guarantee("SG-2022-004711"), guarantee("SG-2024-000815")]);
    let reply = guarantor.delivery(&request, credentials);
    let steps = company.wallet().receive(now(), thread, &Org::Guarantor.peer(), reply);
    asked(&steps);
    let held = company.wallet().credentials(now(), &Says(State::Valid)).unwrap();
    assert_eq!(held.iter().filter(|held| held.vct == GUARANTEE).count(), 2);
    assert!(
        held.iter().all(|held| held.state != HeldState::Superseded),
        "two guarantees, not one replaced"
    );
    // Of sixteen new keys, those of the rows that did not come are gone.
    let keys = guarantor.keys(&request);
    let kept: Vec<bool> = keys
        .iter()
        .map(|key| company.wallet().tables.key(key).is_ok())
        .collect();
    // The last is the refresh key.
    assert_eq!(kept, [&[true; 8][..], &[false; 8], &[true]].concat());
}

#[test]
fn a_person_and_a_company_are_kept_apart() {
    let mut company = Home::company();
    let mut person = manager();
    let wrong = |wallet: &mut Wallet, link: &Link| code(&wallet.receive_link(now(), link, None).1);
    assert_eq!(
        wrong(company.wallet(), &Issuer::new(Org::Tax, INCOME).link()),
        Code::WrongWallet
    );
    assert_eq!(
        wrong(person.wallet(), &Issuer::new(Org::Register, COMPANY).link()),
        Code::WrongWallet
    );
    let (_, text, _) = opened(company.wallet());
    let link = Link::parse(&text).unwrap();
    assert_eq!(wrong(company.wallet(), &link), Code::WrongWallet);
    let id = waiting(&person.wallet().receive_link(now(), &link, None).1);
    let (back, _) = carried(&person.wallet().present(now(), &id, "nb").1);
    assert_eq!(wrong(person.wallet(), &Link::parse(&back).unwrap()), Code::WrongWallet);

    let check = query(&[("firma", COMPANY, &["organisasjonsnummer"])]);
    let session = Session::new(Org::Bank, "K01", check, None);
    let steps = fetch(person.wallet(), &session, &Org::Bank.peer(), session.reply());
    assert_eq!(code(&steps), Code::WrongWallet);
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let steps = fetch(company.wallet(), &session, &Org::Bank.peer(), session.reply());
    assert_eq!(code(&steps), Code::WrongWallet);
}

#[test]
fn a_text_that_was_swapped_is_refused_or_shows_other_words() {
    let mut company = Home::company();
    let mut person = manager();
    let (_, text, words) = opened(company.wallet());
    let Link::Authorise(genuine) = Link::parse(&text).unwrap() else {
        panic!("an authorisation")
    };
    let refused = |person: &mut Home, swapped: Authorise| {
        code(&person.wallet().receive_link(now(), &Link::Authorise(swapped), None).1)
    };
    let other_company = Authorise {
        organisation: "312045877".to_owned(),
        ..genuine.clone()
    };
    assert_eq!(refused(&mut person, other_company), Code::WrongRequest);
    let short = Authorise {
        keys_hash: vec![1; 31],
        ..genuine.clone()
    };
    assert_eq!(refused(&mut person, short), Code::LinkInvalid);
    let mut plain = Issuer::new(Org::Tax, INCOME);
    let not_a_company = Authorise {
        request: plain.terms().request.unwrap(),
        ..genuine.clone()
    };
    assert_eq!(refused(&mut person, not_a_company), Code::WrongRequest);
    let stranger = Session::new(Org::Stranger, "S01", loan_query(), None);
    let unlisted = Authorise {
        request: stranger.jws,
        ..genuine.clone()
    };
    assert_eq!(refused(&mut person, unlisted), Code::UnknownVerifier);

    // Another wallet's keys: nothing tells the person but the words.
    let other_keys = Authorise {
        keys_hash: vec![1; 32],
        ..genuine.clone()
    };
    assert_ne!(other_keys.words(), words);
    let id = waiting(&person.wallet().receive_link(now(), &Link::Authorise(genuine), None).1);
    assert!(person.wallet().text(now(), &id, "en").unwrap().contains(&words));
    // For the same request, other keys are refused once one text is here.
    assert_eq!(refused(&mut person, other_keys), Code::KeysChanged);
}

#[test]
fn an_answer_for_another_transaction_is_refused() {
    let mut company = Home::company();
    opened(company.wallet());
    let link = Link::Authorised {
        transaction: vec![1; 16],
        answer: "a..b.c.d".to_owned(),
    };
    assert_eq!(
        code(&company.wallet().receive_link(now(), &link, None).1),
        Code::UnknownSession
    );
    let link = Link::Authorised {
        transaction: vec![1; 16],
        answer: "not one".to_owned(),
    };
    assert_eq!(
        code(&company.wallet().receive_link(now(), &link, None).1),
        Code::LinkInvalid
    );
}

#[test]
fn another_companys_registration_is_not_taken() {
    let mut company = Home::company();
    let mut person = manager();
    let (mut issuer, text, _) = opened(company.wallet());
    let id = waiting(
        &person
            .wallet()
            .receive_link(now(), &Link::parse(&text).unwrap(), None)
            .1,
    );
    let (back, _) = carried(&person.wallet().present(now(), &id, "nb").1);
    let (_, steps) = company.wallet().receive_link(now(), &Link::parse(&back).unwrap(), None);
    let (thread, ask) = asked(&steps);
    let issue::Ask::Request(request) = ask else {
        panic!("a request")
    };
    let credentials = issuer.deliver(&request, &[company_row("312045877")]);
    let reply = issuer.delivery(&request, credentials);
    let steps = company.wallet().receive(now(), thread, &Org::Register.peer(), reply);
    assert_eq!(code(&steps), Code::WrongSubject);
    assert!(company.wallet().credentials(now(), &Silent).unwrap().is_empty());
}

#[test]
fn a_refused_authorisation_gives_no_text() {
    let mut company = Home::company();
    let mut person = manager();
    let (_, text, _) = opened(company.wallet());
    let link = Link::parse(&text).unwrap();
    let id = waiting(&person.wallet().receive_link(now(), &link, None).1);
    assert!(matches!(
        outcome(&person.wallet().refuse(now(), &id).1),
        Ok(Outcome::Refused)
    ));
    assert_eq!(code(&person.wallet().present(now(), &id, "nb").1), Code::UnknownSession);
    assert_eq!(code(&person.wallet().receive_link(now(), &link, None).1), Code::Replay);
}
