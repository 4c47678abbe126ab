//! Presenting: fetched, decided, answered, receipted.

use super::world::*;
use crate::tables::DecisionRow;
use crate::*;
use credentials::decision::Decision;
use credentials::sd_jwt::SdJwt;
use credentials::verify::Verdict;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

pub(super) fn loan() -> Session {
    Session::new(Org::Bank, "S01", loan_query(), None)
}

pub(super) fn income_only() -> Session {
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
