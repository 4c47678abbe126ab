//! Presenting: fetched, decided, answered, receipted; and everything that must not happen.

use super::world::*;
use crate::tables::{DecisionRow, RequestRow};
use crate::*;
use credentials::decision::Decision;
use credentials::protocol;
use credentials::request::{self, IssuePurpose};
use credentials::sd_jwt::SdJwt;
use credentials::status::State;
use credentials::verify::Verdict;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

fn loan() -> Session {
    Session::new(Org::Bank, "S01", loan_query(), None)
}

fn income_only() -> Session {
    let asked = query(&[("inntekt", INCOME, &["personidentifikator", "derived.sumKontantytelse"])]);
    Session::new(Org::Bank, "S01", asked, None)
}

#[test]
fn two_credentials_of_one_person_are_shown_with_just_what_was_asked_and_the_asker_accepts_them() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = loan();
    let id = bring(wallet, &session);
    let pending = wallet.pending(now()).unwrap();
    assert_eq!(pending.len(), 1);
    assert!(pending[0].can_answer && pending[0].code.is_none());
    assert_eq!(pending[0].asker_name, Org::Bank.name());
    assert_eq!(pending[0].case, "Sak 2026/17");

    let (thread, answer) = answer(wallet, &id, "nb");
    let (report, verified) = session.check(&answer, Some(ROLIG), None);
    let verified = verified.unwrap_or_else(|| panic!("{:?}", report.problem()));
    let income = verified.credentials()["inntekt"].claims();
    assert_eq!(income["personidentifikator"], ROLIG);
    assert_eq!(income["oppgaveInntektsmottaker"][1]["inntekt"][0]["beloep"], "61293.75");
    for (id, presentations) in session.open(&answer) {
        let shown = SdJwt::parse(&presentations[0]).unwrap();
        let asked = session.request.query.paths(&id);
        for path in shown.disclosed_paths() {
            assert!(asked.iter().any(|asked| asked.covers(&path)), "{path} was not asked");
        }
        let text = shown.claims().to_string();
        assert!(!text.contains("HEMMELIG") && !text.contains("fastloenn"), "{id}");
    }

    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&answer));
    match outcome(&steps) {
        Ok(Outcome::Shared { receipt }) => assert_eq!(receipt, session.receipt(&answer)),
        other => panic!("{other:?}"),
    }
    assert!(wallet.pending(now()).unwrap().is_empty());
    let history = wallet.history().unwrap();
    let last = history.last().unwrap();
    assert_eq!(last.what, What::Shared);
    assert_eq!(last.receipt.unwrap().verdict, Verdict::Valid);
    assert_eq!(last.service.as_deref(), Some("S01"));
    assert_eq!(last.claims["skatt"].len(), 4);
}

/// Invariant 1.
#[test]
fn a_decision_by_every_shown_copy_is_durable_before_the_answer_is_given_out_for_sending() {
    let mut home = citizen();
    let session = loan();
    let id = bring(home.wallet(), &session);
    let text = home.wallet().text(now(), &id, "nb").unwrap();
    let (_, answer) = answer(home.wallet(), &id, "nb");

    // The process ends before anything is sent: what is on disk must justify the answer already.
    let wallet = home.restart();
    let hash = tables::text(&session.hash());
    let row = wallet.tables.get::<DecisionRow>(&hash).unwrap().unwrap();
    assert_eq!(row.signed.len(), 2);
    let shown_keys: BTreeSet<_> = session
        .open(&answer)
        .values()
        .map(|presentations| SdJwt::parse(&presentations[0]).unwrap().holder_key().unwrap())
        .collect();
    let mut signers = BTreeSet::new();
    for signed in &row.signed {
        let (decision, key) = Decision::open(signed).unwrap();
        assert_eq!(decision, row.decision);
        signers.insert(key);
    }
    assert_eq!(signers, shown_keys);
    assert_eq!(row.decision.text, tables::text(&Sha256::digest(&text)));
    assert_eq!(row.decision.request, hash);
    assert_eq!(row.decision.recipient, Org::Bank.did());
    assert_eq!(row.decision.purpose, "loan_application");
    assert_eq!(row.decision.outcome, "shared");
    assert_eq!(row.decision.claims["inntekt"], session.request.query.paths("inntekt"));
    let left: Vec<_> = wallet
        .credentials(now(), &Silent)
        .unwrap()
        .iter()
        .map(|held| (held.vct.clone(), held.copies_left))
        .collect();
    assert!(
        left.contains(&(INCOME.to_owned(), 7)) && left.contains(&(TAX.to_owned(), 7)),
        "{left:?}"
    );
}

#[test]
fn the_decision_has_the_hash_of_exactly_the_text_shown_in_each_language() {
    let mut hashes = BTreeSet::new();
    for language in ["nb", "nn", "en"] {
        let mut home = citizen();
        let wallet = home.wallet();
        let session = loan();
        let id = bring(wallet, &session);
        let text = wallet.text(now(), &id, language).unwrap();
        answer(wallet, &id, language);
        let hash = tables::text(&session.hash());
        let row = wallet.tables.get::<DecisionRow>(&hash).unwrap().unwrap();
        assert_eq!(row.decision.language, language);
        assert_eq!(row.decision.text, tables::text(&Sha256::digest(&text)), "{language}");
        assert!(hashes.insert(row.decision.text), "the languages differ");
    }
}

#[test]
fn the_text_says_who_asks_and_why_and_each_claim_with_its_value_and_what_is_held_back() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = loan();
    let id = bring(wallet, &session);
    let nb = wallet.text(now(), &id, "nb").unwrap();
    for expected in [
        "SYNTETISK SPAREBANK, organisasjonsnummer 213579045",
        "Syntetisk tillitsanker går god for",
        "Tjeneste: Samtykkebasert lånesøknad",
        "Formål: Behandle søknad om finansiering",
        "Rettslig grunnlag: Du samtykker",
        "«Ved å samtykke, gir du Skatteetaten rett til å utlevere opplysninger om deg direkte til SYNTETISK SPAREBANK.",
        "Månedsinntekt, utsteder SKATTEETATEN",
        ROLIG,
        "48517.25",
        "61293.75",
        "Dette får SYNTETISK SPAREBANK vite",
        "109811.00",
        "særlig følsomme",
        "97531",
        "Dette deler du ikke: ",
        "Du deler én gang",
        "kan beholde opplysningene",
        "Saksreferanse: Sak 2026/17",
        "Svar før: 10.07.2026 kl. 14:02",
        "Sier du nei, får SYNTETISK SPAREBANK ikke vite hvorfor.",
    ] {
        assert!(nb.contains(expected), "{expected} is missing in:\n{nb}");
    }
    for held_back in ["HEMMELIG", "fastloenn", "lonn"] {
        assert!(!nb.contains(held_back), "{held_back}");
    }
    let held_back = nb.lines().find(|line| line.starts_with("Dette deler du ikke: "));
    let held_back = held_back.unwrap();
    assert!(
        held_back.contains("Lønn") || held_back.contains("Type lønn"),
        "{held_back}"
    );
    assert!(!held_back.contains("Beløp"), "amounts are shared: {held_back}");
    let (_, sensitive) = nb.split_once("særlig følsomme").unwrap();
    assert!(sensitive.contains("97531"), "the disability line is set apart");
    assert!(!sensitive.contains("1840337"), "the debt is not");
    let en = wallet.text(now(), &id, "en").unwrap();
    assert!(en.contains("Monthly income, issuer SKATTEETATEN"), "{en}");
    assert!(en.contains("Answer before: 10.07.2026 at 14:02"), "{en}");
    let nn = wallet.text(now(), &id, "nn").unwrap();
    assert!(nn.contains("Teneste: Samtykkebasert lånesøknad"), "{nn}");
    assert_eq!(wallet.text(now(), &id, "se").unwrap(), nb);
}

#[test]
fn a_yes_is_to_what_was_read_last() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = income_only();
    let id = bring(wallet, &session);
    wallet.text(now(), &id, "nb").unwrap();
    // In the meantime a newer income comes in.
    let mut newer = income_row(ROLIG);
    newer["derived"]["sumKontantytelse"] = "1.00".into();
    Issuer::new(Org::Tax, INCOME).collect(wallet, &newer);
    let (_, steps) = wallet.present(now(), &id, "nb");
    assert_eq!(code(&steps), Code::Stale);
    let text = wallet.text(now(), &id, "nb").unwrap();
    assert!(text.contains("1.00"));
    let (_, sent) = answer(wallet, &id, "nb");
    assert!(session.check(&sent, Some(ROLIG), None).1.is_some());
}

#[test]
fn sending_again_sends_the_same_bytes_and_no_second_copy_also_after_a_restart() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    let (thread, first) = answer(home.wallet(), &id, "nb");
    let steps = home.wallet().failed(now(), thread, Code::Unreachable.into());
    assert_eq!(code(&steps), Code::Unreachable);
    let (_, second) = answer(home.wallet(), &id, "en");
    assert_eq!(first, second);
    let resumed = home.restart().resume(now());
    assert_eq!(resumed.len(), 1);
    match told(&resumed[0].1) {
        (_, present::Ask::Answer { answer, .. }) => assert_eq!(answer, first),
        (_, other) => panic!("{other:?}"),
    }
    assert!(home.wallet().resume(now()).is_empty(), "it is on its way already");
    let left = home.wallet().credentials(now(), &Silent).unwrap();
    let income = left.iter().find(|held| held.vct == INCOME).unwrap();
    assert_eq!(income.copies_left, 7);
    // Only the first of the two decisions' languages counts.
    let row = home
        .wallet()
        .tables
        .get::<DecisionRow>(&tables::text(&session.hash()))
        .unwrap()
        .unwrap();
    assert_eq!(row.decision.language, "nb");
}

#[test]
fn a_copy_is_never_shown_to_a_second_request() {
    let mut home = citizen();
    let wallet = home.wallet();
    let mut keys = BTreeSet::new();
    for _ in 0..8 {
        let session = income_only();
        let id = bring(wallet, &session);
        let (_, answer) = answer(wallet, &id, "nb");
        let token = session.open(&answer);
        let shown = SdJwt::parse(&token["inntekt"][0]).unwrap();
        assert!(keys.insert(shown.holder_key().unwrap()), "a copy was shown twice");
    }
    let session = income_only();
    let id = bring(wallet, &session);
    assert!(!wallet.pending(now()).unwrap().last().unwrap().can_answer);
    let (_, steps) = wallet.present(now(), &id, "nb");
    assert_eq!(outcome(&steps), Err(Problem::new(Code::CopiesSpent, INCOME)));
    let text = wallet.text(now(), &id, "nb").unwrap();
    assert!(
        text.contains("Alle kopiene av beviset «Månedsinntekt» er brukt."),
        "{text}"
    );
    assert!(text.contains("Du kan hente et nytt hos SKATTEETATEN."), "{text}");
}

#[test]
fn refusing_and_having_none_are_the_same_message_and_only_a_person_sends_it() {
    let mut has = citizen();
    let mut has_none = Home::person();
    let session = income_only();
    let mut messages = Vec::new();
    for home in [&mut has, &mut has_none] {
        let wallet = home.wallet();
        let id = bring(wallet, &session);
        let (_, steps) = wallet.refuse(now(), &id);
        let (thread, ask) = told(&steps);
        messages.push(protocol::encode(&ask).unwrap());
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
        assert!(row.decision.claims.is_empty());
        let (_, steps) = wallet.receive_link(now(), &session.link(), None);
        assert_eq!(code(&steps), Code::Replay);
    }
    assert_eq!(messages[0], messages[1]);
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
fn only_the_askers_own_receipt_for_this_answer_is_kept() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = income_only();
    let id = bring(wallet, &session);
    let (first, sent) = answer(wallet, &id, "nb");
    let other = income_only();
    let signed_by = |org: Org, receipt: &Receipt| {
        let receipt = receipt.sign(&org.kid(), &org.key());
        Incoming::Present(present::Reply::Receipt {
            receipt: receipt.unwrap(),
        })
    };
    let theirs = Receipt {
        asker: Org::Tax.did(),
        ..session.receipt(&sent)
    };
    for (thread, reply, expected) in [
        (Some(first), other.receipt_reply(&sent), Code::WrongRequest),
        (None, session.receipt_reply("another.answer"), Code::WrongRequest),
        (None, signed_by(Org::Tax, &theirs), Code::WrongOrigin),
    ] {
        let thread = thread.unwrap_or_else(|| answer(wallet, &id, "nb").0);
        let steps = wallet.receive(now(), thread, &Org::Bank.peer(), reply);
        assert_eq!(code(&steps), expected);
        assert_eq!(wallet.history().unwrap().last().unwrap().receipt, None);
    }
    let (thread, _) = answer(wallet, &id, "nb");
    let (twice, _) = answer(wallet, &id, "nb");
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&sent));
    assert!(matches!(outcome(&steps), Ok(Outcome::Shared { .. })));
    // The bytes went out twice: the refusal of the second is not news.
    let replay = Incoming::Present(present::Reply::Problem(Code::Replay.into()));
    let steps = wallet.receive(now(), twice, &Org::Bank.peer(), replay);
    assert!(matches!(outcome(&steps), Ok(Outcome::Shared { .. })));
    assert_eq!(
        wallet.receive(now(), twice, &Org::Bank.peer(), session.reply()).len(),
        1
    );
}

#[test]
fn an_answer_that_the_asker_refuses_is_finished_and_one_it_cannot_take_now_is_not() {
    let mut home = citizen();
    let wallet = home.wallet();
    let session = income_only();
    let id = bring(wallet, &session);
    let problem = |code: Code| Incoming::Present(present::Reply::Problem(code.into()));
    let (thread, sent) = answer(wallet, &id, "nb");
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), problem(Code::RateLimited));
    assert_eq!(code(&steps), Code::RateLimited);
    let (thread, again) = answer(wallet, &id, "nb");
    assert_eq!(sent, again);
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), problem(Code::WrongSubject));
    assert_eq!(code(&steps), Code::WrongSubject);
    assert!(wallet.pending(now()).unwrap().is_empty());
    assert_eq!(wallet.history().unwrap().last().unwrap().code, Some(Code::WrongSubject));
    assert_eq!(code(&wallet.present(now(), &id, "nb").1), Code::UnknownSession);
}

#[test]
fn a_refusal_that_was_not_told_is_told_after_a_restart() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    told(&home.wallet().refuse(now(), &id).1);
    let resumed = home.restart().resume(now());
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

#[test]
fn the_same_link_twice_is_one_waiting_request_also_after_a_restart() {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    assert_eq!(waiting(&home.wallet().receive_link(now(), &session.link(), None).1), id);
    assert_eq!(
        waiting(&home.restart().receive_link(now(), &session.link(), None).1),
        id
    );
    assert_eq!(home.wallet().pending(now()).unwrap().len(), 1);
}

#[test]
fn a_link_taken_twice_at_once_waits_once_and_is_decided_once() {
    let mut home = citizen();
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let take = |home: &mut Home| told(&home.wallet().receive_link(now(), &session.link(), None).1).0;
    let threads = [take(&mut home), take(&mut home), take(&mut home)];
    let reply = |home: &mut Home, thread| {
        let peer = Org::Bank.peer();
        home.wallet().receive(now(), thread, &peer, session.reply())
    };
    let id = waiting(&reply(&mut home, threads[0]));
    assert_eq!(waiting(&reply(&mut home, threads[1])), id, "the one that waits already");
    assert_eq!(home.wallet().pending(now()).unwrap().len(), 1);
    let (thread, text) = answer(home.wallet(), &id, "nb");
    let receipt = session.receipt_reply(&text);
    let steps = home.wallet().receive(now(), thread, &Org::Bank.peer(), receipt);
    assert!(matches!(outcome(&steps), Ok(Outcome::Shared { .. })));
    assert_eq!(
        code(&reply(&mut home, threads[2])),
        Code::Replay,
        "the third fetch came after the decision"
    );
    assert!(home.wallet().pending(now()).unwrap().is_empty());
}
