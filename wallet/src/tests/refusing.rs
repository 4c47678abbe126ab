//! What a wallet does not present, and what it tells whom then.

use super::presenting::{income_only, loan};
use super::world::*;
use crate::tables::{DecisionRow, RequestRow};
use crate::*;
use credentials::decision::Decision;
use credentials::protocol;
use credentials::request::{self, IssuePurpose};
use credentials::status::State;

#[test]
fn refusing_and_having_none_are_the_same_message_at_the_same_time_and_only_a_person_sends_it() {
    let mut has = citizen();
    let mut has_none = Home::person();
    let session = income_only();
    let mut messages = Vec::new();
    // One reads what would be shared, the other sees at once that there is nothing: the first is slower.
    for (home, thinks) in [(&mut has, 4), (&mut has_none, 1)] {
        let wallet = home.wallet();
        let id = bring(wallet, &session);
        assert!(
            wallet.resume(now().plus(60)).is_empty(),
            "nobody but the person says anything"
        );
        let (_, steps) = wallet.refuse(now().plus(thinks), &id);
        assert!(matches!(outcome(&steps), Ok(Outcome::Refused)));
        let leaves = wallet.next_refusal().unwrap().unwrap();
        assert!(wallet.resume(leaves.plus(-1)).is_empty());
        let (thread, ask) = told(&wallet.resume(leaves)[0].1);
        messages.push((leaves, protocol::encode(&ask).unwrap()));
        let closed = Incoming::Present(present::Reply::Closed);
        let steps = wallet.receive(now(), thread, &Org::Bank.peer(), closed);
        assert!(matches!(outcome(&steps), Ok(Outcome::Refused)));
        assert!(wallet.pending(now()).unwrap().is_empty());
        assert_eq!(wallet.history().unwrap().last().unwrap().what, What::Refused);
        let row = wallet
            .tables
            .get::<DecisionRow>(&tables::text(&session.hash()))
            .unwrap()
            .unwrap();
        assert_eq!((row.decision.outcome.as_str(), row.signed.len()), ("refused", 0));
        let (refused, _) = Decision::open(&row.given.unwrap()).unwrap();
        assert_eq!((&refused, refused.until), (&row.decision, None));
        assert!(row.decision.claims.is_empty());
        let (_, steps) = wallet.receive_link(now(), &session.link(), None);
        assert_eq!(code(&steps), Code::Replay);
    }
    assert_eq!(messages[0], messages[1]);
    assert_eq!(messages[0].0, now().plus(5));
}

#[test]
fn a_refusal_leaves_at_the_end_of_its_part_of_the_requests_life_and_in_the_last_part_not_at_all() {
    let mut home = citizen();
    for (thinks, leaves) in [(0, Some(5)), (5, Some(10)), (114, Some(115)), (115, None), (119, None)] {
        let session = income_only();
        let id = bring(home.wallet(), &session);
        let (_, steps) = home.wallet().refuse(now().plus(thinks), &id);
        assert!(matches!(outcome(&steps), Ok(Outcome::Refused)), "{thinks}");
        let next = home.wallet().next_refusal().unwrap();
        assert_eq!(next, leaves.map(|after| now().plus(after)), "{thinks}");
        // Until then the same again says nothing either, also to the next process.
        let wallet = home.restart();
        if let Some(leaves) = next {
            assert!(matches!(outcome(&wallet.refuse(now(), &id).1), Ok(Outcome::Refused)));
            let (thread, _) = told(&wallet.resume(leaves)[0].1);
            wallet.receive(
                leaves,
                thread,
                &Org::Bank.peer(),
                Incoming::Present(present::Reply::Closed),
            );
        }
        assert!(wallet.pending(now()).unwrap().is_empty());
        assert!(wallet.resume(now().plus(119)).is_empty());
    }
}

#[test]
fn a_yes_without_the_credential_contacts_nobody_and_says_where_to_get_it() {
    let mut home = Home::person();
    let wallet = home.wallet();
    let session = income_only();
    let id = bring(wallet, &session);
    let (_, steps) = wallet.present(now(), &id, "nb");
    assert_eq!(outcome(&steps), Err(Problem::new(Code::NotPresented, INCOME)));
    let text = wallet.text(now(), &id, "nb").unwrap();
    assert!(
        text.contains("Beviset «Månedsinntekt» finnes ikke i lommeboken."),
        "{text}"
    );
    assert!(text.contains("SKATTEETATEN"), "{text}");
    assert!(
        wallet
            .tables
            .get::<DecisionRow>(&tables::text(&session.hash()))
            .unwrap()
            .is_none()
    );
    assert_eq!(
        wallet.pending(now()).unwrap().len(),
        1,
        "it can still be refused, or answered later"
    );
}

#[test]
fn a_request_beyond_its_registration_is_refused_and_the_claim_is_named() {
    let mut home = citizen();
    let wallet = home.wallet();
    let name_of_over_ask = |wallet: &mut Wallet, asked| {
        let session = Session::new(Org::Bank, "S01", asked, None);
        let steps = fetch(wallet, &session, &Org::Bank.peer(), session.reply());
        let problem = outcome(&steps).expect_err("refused");
        assert_eq!(problem.code, Code::OverAsk);
        problem.detail.unwrap()
    };
    let too_much = query(&[("skatt", TAX, &["inntektsaar", "grunnlag[].spesifisering"])]);
    assert_eq!(name_of_over_ask(wallet, too_much), "grunnlag[].spesifisering");
    let forbidden = query(&[("laan", LOAN, &["TotalAmount"])]);
    assert!(name_of_over_ask(wallet, forbidden).contains("StudentLoanBalance"));
    let mut stated = |bend: fn(&mut request::Request)| {
        let session = Session::bent(
            Org::Bank,
            "S01",
            query(&[("inntekt", INCOME, &["fraOgMed"])]),
            None,
            bend,
        );
        let steps = fetch(wallet, &session, &Org::Bank.peer(), session.reply());
        outcome(&steps).map_err(|problem| (problem.code, problem.detail.unwrap_or_default()))
    };
    let over = |what: &str| Some((Code::OverAsk, what.to_owned()));
    assert_eq!(
        stated(|request| request.stated.keep_seconds += 1).err(),
        over("keep_seconds")
    );
    assert_eq!(
        stated(|request| request.stated.purpose = "marketing".to_owned()).err(),
        over("purpose")
    );
    assert_eq!(
        stated(|request| request.stated.status_age_max += 1).err(),
        over("status_age_max")
    );
    assert_eq!(
        stated(|request| request.expires = request.issued.plus(8 * credentials::time::DAY)).err(),
        over("time")
    );
    assert!(wallet.pending(now()).unwrap().is_empty());
    let last = wallet.history().unwrap().pop().unwrap();
    assert_eq!(
        (last.what, last.code, last.with),
        (What::Failed, Some(Code::OverAsk), Org::Bank.did())
    );
}

#[test]
fn a_request_that_is_not_what_its_link_promised_is_refused() {
    let check = |name: &str, session: &Session, peer: Org, reply: Incoming, expected: Code| {
        let mut home = citizen();
        let wallet = home.wallet();
        let steps = fetch(wallet, session, &peer.peer(), reply);
        assert_eq!(code(&steps), expected, "{name}");
        assert!(wallet.pending(now()).unwrap().is_empty(), "{name}");
    };
    let session = income_only();
    check(
        "another hash",
        &session,
        Org::Bank,
        income_only().reply(),
        Code::LinkInvalid,
    );
    check(
        "another organisation's node",
        &session,
        Org::Tax,
        session.reply(),
        Code::WrongOrigin,
    );
    let elsewhere = |request: &mut request::Request| request.origins = vec![Org::Tax.peer()];
    let bent = Session::bent(Org::Bank, "S01", loan_query(), None, elsewhere);
    check(
        "a node that the signer does not name",
        &bent,
        Org::Bank,
        bent.reply(),
        Code::WrongOrigin,
    );
    let closed = Incoming::Present(present::Reply::Closed);
    check("another message", &session, Org::Bank, closed, Code::UnexpectedMessage);
    let wrong_protocol = Incoming::Issue(issue::Reply::Acknowledged);
    check(
        "another protocol",
        &session,
        Org::Bank,
        wrong_protocol,
        Code::UnexpectedMessage,
    );
    let gone = Incoming::Present(present::Reply::Problem(Code::UnknownSession.into()));
    check(
        "a session that is gone",
        &session,
        Org::Bank,
        gone,
        Code::UnknownSession,
    );
    let issue = IssuePurpose {
        vct: INCOME.to_owned(),
        organisation: None,
        standing: None,
    };
    let identification = query(&[("who", PID, &["personal_administrative_number"])]);
    let relayed = Session::new(Org::Tax, "K02", identification, Some(issue));
    check(
        "an identification without keys",
        &relayed,
        Org::Tax,
        relayed.reply(),
        Code::WrongRequest,
    );
    let mut home = citizen();
    bring(home.wallet(), &session);
}

#[test]
fn an_asker_that_is_not_listed_is_not_even_contacted() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = Session::new(Org::Stranger, "S01", loan_query(), None);
    let (_, steps) = wallet.receive_link(now(), &session.link(), None);
    assert_eq!(code(&steps), Code::UnknownVerifier);
    wallet.set_trust(trust_until("2026-07-10T11:00:00Z"));
    let (_, steps) = wallet.receive_link(now(), &income_only().link(), None);
    assert_eq!(code(&steps), Code::TrustStale);
    wallet.trust = None;
    let (_, steps) = wallet.receive_link(now(), &income_only().link(), None);
    assert_eq!(code(&steps), Code::TrustMissing);
}

#[test]
fn nothing_is_presented_by_a_stale_list_or_after_the_request_has_expired() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = income_only();
    let id = bring(wallet, &session);
    wallet.set_trust(trust_until("2026-07-10T11:00:00Z"));
    assert_eq!(code(&wallet.present(now(), &id, "nb").1), Code::TrustStale);
    wallet.set_trust(trust());
    let late = session.request.expires;
    assert_eq!(code(&wallet.present(late, &id, "nb").1), Code::Expired);
    assert!(wallet.pending(late).unwrap().is_empty());
    assert_eq!(code(&wallet.receive_link(late, &session.link(), None).1), Code::Expired);
    assert!(wallet.resume(late).is_empty());
    assert!(wallet.tables.get::<RequestRow>(&id).unwrap().is_none(), "swept");
}

#[test]
fn credentials_of_two_persons_are_never_shown_together() {
    let mut home = Home::person();
    let wallet = home.wallet();
    Issuer::new(Org::Identity, PID).collect(wallet, &pid_row(ROLIG));
    Issuer::new(Org::Tax, INCOME).collect(wallet, &income_row(ROLIG));
    // Another person's identification moves in (a shared telephone), and with it that person's assessment.
    let rolig = wallet.credentials(now(), &Silent).unwrap();
    let rolig = rolig.iter().find(|held| held.vct == PID).unwrap().id.clone();
    wallet.delete(now(), &rolig).unwrap();
    Issuer::new(Org::Identity, PID).collect(wallet, &pid_row(DRIFTIG));
    Issuer::new(Org::Tax, TAX).collect(wallet, &tax_row(DRIFTIG));
    let session = loan();
    let id = bring(wallet, &session);
    assert_eq!(code(&wallet.present(now(), &id, "nb").1), Code::NotPresented);
    let text = wallet.text(now(), &id, "nb").unwrap();
    assert!(text.contains("gjelder en annen person"), "{text}");
    assert!(!text.contains(ROLIG) && !text.contains(DRIFTIG), "{text}");
    // Each alone is shown.
    for asked in [("a", INCOME), ("b", TAX)] {
        let asked = query(&[(asked.0, asked.1, &["personidentifikator"])]);
        let id = bring(wallet, &Session::new(Org::Bank, "S01", asked, None));
        answer(wallet, &id, "nb");
    }
    // With the whole set of the second person, that person's is shown.
    Issuer::new(Org::Tax, INCOME).collect(wallet, &income_row(DRIFTIG));
    let session = loan();
    let id = bring(wallet, &session);
    let (_, sent) = answer(wallet, &id, "nb");
    assert!(session.check(&sent, Some(DRIFTIG), None).1.is_some());
}

#[test]
fn a_credential_that_is_known_to_be_revoked_or_suspended_or_out_of_date_is_not_shown() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = income_only();
    let id = bring(wallet, &session);
    for (state, said, refused) in [
        (State::Revoked, "trukket tilbake", Code::Revoked),
        (State::Suspended, "satt på pause", Code::Suspended),
        (State::Superseded, "erstattet", Code::Superseded),
    ] {
        assert_eq!(wallet.note_status(now(), &Says(state)).unwrap().len(), 3);
        assert_eq!(wallet.note_status(now(), &Says(state)).unwrap().len(), 0, "no news");
        assert_eq!(wallet.history().unwrap().last().unwrap().code, Some(refused));
        let text = wallet.text(now(), &id, "nb").unwrap();
        assert!(text.contains(said), "{text}");
        assert_eq!(code(&wallet.present(now(), &id, "nb").1), Code::NotPresented);
    }
    assert_eq!(
        wallet.note_status(now(), &Silent).unwrap().len(),
        0,
        "silence changes nothing"
    );
    assert!(!wallet.pending(now()).unwrap()[0].can_answer);
    assert_eq!(wallet.note_status(now(), &Says(State::Valid)).unwrap().len(), 3);
    wallet.text(now(), &id, "nb").unwrap();
    answer(wallet, &id, "nb");

    // Income is valid to the 10th of the next month.
    let later = Timestamp::parse("2026-08-11T00:00:00Z").unwrap();
    wallet.set_trust(trust_at(later, later.plus(86_400)));
    let at = |request: &mut request::Request| {
        request.issued = later;
        request.expires = later.plus(120);
    };
    let asked = query(&[("inntekt", INCOME, &["personidentifikator"])]);
    let session = Session::bent(Org::Bank, "S01", asked, None, at);
    let (_, steps) = wallet.receive_link(later, &session.link(), None);
    let (thread, _) = told(&steps);
    let id = waiting(&wallet.receive(later, thread, &Org::Bank.peer(), session.reply()));
    assert!(wallet.text(later, &id, "nb").unwrap().contains("har gått ut"));
    assert_eq!(code(&wallet.present(later, &id, "nb").1), Code::NotPresented);
}

#[test]
fn a_refusal_that_was_not_told_is_told_after_a_restart() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    home.wallet().refuse(now(), &id);
    let resumed = home.restart().resume(now().plus(5));
    let (thread, ask) = told(&resumed[0].1);
    assert_eq!(
        ask,
        present::Ask::Decline {
            session: session.request.session.clone()
        }
    );
    assert_eq!(code(&home.wallet().present(now(), &id, "nb").1), Code::NotPresented);
    let closed = Incoming::Present(present::Reply::Closed);
    home.wallet().receive(now(), thread, &Org::Bank.peer(), closed);
    assert!(home.wallet().resume(now()).is_empty());
    // What was answered cannot be refused any more.
    let session = income_only();
    let id = bring(home.wallet(), &session);
    answer(home.wallet(), &id, "nb");
    assert_eq!(code(&home.wallet().refuse(now(), &id).1), Code::UnexpectedMessage);
}
