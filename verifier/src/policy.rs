//! From the gate's report to what we make of it. A [`Decision`] is built here only, and *valid* needs the gate's
//! [`VerifiedPresentation`]: nothing else can say so.
//!
//! # Whose answer is it
//!
//! An answer that cannot be decrypted, or is no answer at all, says nothing about anybody: `malformed`, and the session stays
//! open. Whoever does not know the session's name does not get that far. Of an answer that could be read:
//!
//! - It is **another person's** when it shows a number that is not the customer's and was made for this very session: every key
//!   binding is by the credential's holder key and names our audience, this nonce, this request and exactly what was sent, and
//!   nothing contradicts that the number is an issuer's word (form, issuer, type, key, signature, one person). It is discarded
//!   whole (`wrong_subject`): nothing is written, the session shows nothing and stays open for the customer, and
//!   whatever else is wrong with it is nobody's business here.
//! - Every other answer gets a **verdict**, which ends the session. One that was altered, replayed or stolen is not bound to this
//!   session by its holder, so it is *invalid*, with the code of the check it failed; its number is nobody's word and discards
//!   nothing. One that shows no number although it was asked is *invalid* too: a wallet never sends less than was asked.
//!
//! So somebody who has the link can end the session with an *invalid* verdict, and can never make it *valid* or make it
//! show a claim.

use credentials::verify::{Check, Line, Outcome, Report, Verdict, VerifiedPresentation};
use credentials::{Code, Problem};
use std::collections::BTreeSet;

/// What we make of an answer.
pub(crate) enum Ruling {
    /// Another person's genuine answer.
    Discard,
    /// A verdict.
    Decided(Decision),
}

/// A verdict with its grounds.
pub(crate) struct Decision {
    grounds: Grounds,
    report: Report,
    notes: Vec<Code>,
}

enum Grounds {
    Valid(VerifiedPresentation),
    Invalid(Code),
    Undecided(Code),
}

impl Decision {
    /// Valid, invalid or undecided.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.grounds {
            Grounds::Valid(_) => Verdict::Valid,
            Grounds::Invalid(_) => Verdict::Invalid,
            Grounds::Undecided(_) => Verdict::Undecided,
        }
    }

    /// Why not valid, or the first note of a valid one.
    pub(crate) fn code(&self) -> Option<Code> {
        match self.grounds {
            Grounds::Valid(_) => self.notes.first().copied(),
            Grounds::Invalid(code) | Grounds::Undecided(code) => Some(code),
        }
    }

    /// The answer, if it is valid.
    pub(crate) fn answer(&self) -> Option<&VerifiedPresentation> {
        match &self.grounds {
            Grounds::Valid(answer) => Some(answer),
            Grounds::Invalid(_) | Grounds::Undecided(_) => None,
        }
    }

    /// Remarks on a valid answer, each once.
    pub(crate) fn notes(&self) -> &[Code] {
        &self.notes
    }

    /// Every check.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }
}

/// What we know of an answer that the gate does not say.
#[derive(Default)]
pub(crate) struct Seen {
    /// Credentials whose key binding bears a nonce that we gave out for another session.
    pub(crate) replayed: BTreeSet<String>,
    /// Some credential shows a holder's number, and it is not the customer's.
    pub(crate) is_number_another: bool,
}

/// Rules on an answer.
pub(crate) fn rule(mut report: Report, answer: Option<VerifiedPresentation>, seen: &Seen) -> Ruling {
    if seen.is_number_another && is_of_another_person(&report) {
        return Ruling::Discard;
    }
    name_replays(&mut report, &seen.replayed);
    let code = |report: &Report| report.problem().map_or(Code::Internal, |p| p.code);
    let grounds = match (report.verdict(), answer) {
        (Verdict::Valid, Some(answer)) => Grounds::Valid(answer),
        // The gate gives an answer exactly when it says valid; were it ever otherwise, nothing is valid.
        (Verdict::Valid, None) => Grounds::Undecided(Code::Internal),
        (Verdict::Invalid, _) => Grounds::Invalid(code(&report)),
        (Verdict::Undecided, _) => Grounds::Undecided(code(&report)),
    };
    let notes = match &grounds {
        Grounds::Valid(answer) => answer
            .credentials()
            .values()
            .flat_map(|credential| credential.notes().iter().copied())
            .collect::<BTreeSet<Code>>()
            .into_iter()
            .collect(),
        Grounds::Invalid(_) | Grounds::Undecided(_) => Vec::new(),
    };
    Ruling::Decided(Decision { grounds, report, notes })
}

/// The gate knows only its own session's nonce; that another one was ours is our knowledge.
fn name_replays(report: &mut Report, replayed: &BTreeSet<String>) {
    for line in &mut report.lines {
        let is_replayed = line.credential.as_ref().is_some_and(|id| replayed.contains(id));
        if let (true, Check::Nonce, Outcome::Failed { problem }) = (is_replayed, line.check, &mut line.outcome) {
            *problem = Problem::from(Code::Replay);
        }
    }
}

/// See the module's rule.
fn is_of_another_person(report: &Report) -> bool {
    /// The binding is to this session, by the holder.
    const BOUND: [Check; 5] = [
        Check::HolderBinding,
        Check::Audience,
        Check::Nonce,
        Check::SdHash,
        Check::Request,
    ];
    /// The number is the issuer's word.
    const SAID: [Check; 6] = [
        Check::Form,
        Check::Issuer,
        Check::Type,
        Check::Key,
        Check::Signature,
        Check::SamePerson,
    ];
    let mut other = false;
    let mut bound: BTreeSet<Check> = BTreeSet::new();
    for Line { check, outcome, .. } in &report.lines {
        match outcome {
            Outcome::Failed { .. } if *check == Check::Subject => other = true,
            Outcome::Failed { .. } if SAID.contains(check) => return false,
            Outcome::Ok if BOUND.contains(check) => {
                bound.insert(*check);
            }
            _ if BOUND.contains(check) => return false,
            _ => {}
        }
    }
    other && BOUND.iter().all(|check| bound.contains(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(check: Check, outcome: Outcome) -> Line {
        let whole = matches!(check, Check::SamePerson | Check::Subject);
        Line {
            credential: (!whole).then(|| "q".to_owned()),
            check,
            outcome,
        }
    }

    fn failed(code: Code) -> Outcome {
        Outcome::Failed { problem: code.into() }
    }

    /// All checks hold but those named.
    fn report(but: &[(Check, Outcome)]) -> Report {
        let lines = Check::ALL
            .iter()
            .map(|check| {
                let outcome = but
                    .iter()
                    .find(|(named, _)| named == check)
                    .map_or(Outcome::Ok, |(_, outcome)| outcome.clone());
                line(*check, outcome)
            })
            .collect();
        Report {
            lines,
            status_at: None,
            trust_at: None,
        }
    }

    fn check_seen(but: &[(Check, Outcome)], seen: &Seen) -> Option<(Verdict, Option<Code>)> {
        match rule(report(but), None, seen) {
            Ruling::Discard => None,
            Ruling::Decided(decision) => Some((decision.verdict(), decision.code())),
        }
    }

    fn check(but: &[(Check, Outcome)], replayed: bool) -> Option<(Verdict, Option<Code>)> {
        let seen = Seen {
            replayed: BTreeSet::from_iter(replayed.then(|| "q".to_owned())),
            is_number_another: true,
        };
        check_seen(but, &seen)
    }

    #[test]
    fn without_the_gates_answer_nothing_is_valid() {
        assert_eq!(check(&[], false), Some((Verdict::Undecided, Some(Code::Internal))));
    }

    #[test]
    fn another_persons_answer_is_discarded_only_when_it_was_made_for_this_session() {
        let other = (Check::Subject, failed(Code::WrongSubject));
        assert_eq!(check(std::slice::from_ref(&other), false), None);
        // What else is wrong with that person's credentials is nobody's business here.
        for (check_, code) in [
            (Check::Validity, Code::Expired),
            (Check::Status, Code::Revoked),
            (Check::Query, Code::ClaimsMissing),
            (Check::Schema, Code::SchemaInvalid),
            (Check::Freshness, Code::Stale),
        ] {
            assert_eq!(check(&[(check_, failed(code)), other.clone()], false), None);
        }
        for (check_, code) in [
            (Check::Form, Code::DisclosureInvalid),
            (Check::Issuer, Code::UnknownIssuer),
            (Check::Type, Code::TypeNotAllowed),
            (Check::Key, Code::KeyOutsideWindow),
            (Check::Signature, Code::SignatureInvalid),
            (Check::HolderBinding, Code::HolderBindingInvalid),
            (Check::Audience, Code::WrongAudience),
            (Check::Nonce, Code::WrongNonce),
            (Check::SdHash, Code::WrongSdHash),
            (Check::Request, Code::WrongRequest),
            (Check::SamePerson, Code::DifferentPersons),
        ] {
            assert_eq!(
                check(&[(check_, failed(code)), other.clone()], false),
                Some((Verdict::Invalid, Some(code))),
                "{check_:?}"
            );
        }
        // A binding that could not be tried binds nothing.
        let unbound = (Check::HolderBinding, Outcome::NotReached);
        assert!(check(&[unbound, other.clone()], false).is_some());
        let seen = Seen {
            is_number_another: true,
            ..Seen::default()
        };
        let nothing = rule(Report::default(), None, &seen);
        assert!(matches!(nothing, Ruling::Decided(_)));
        // A number that was held back is nobody else's.
        assert_eq!(
            check_seen(&[other], &Seen::default()),
            Some((Verdict::Invalid, Some(Code::WrongSubject)))
        );
    }

    #[test]
    fn a_nonce_of_ours_from_another_session_is_a_replay_and_a_foreign_one_is_wrong() {
        let nonce = [(Check::Nonce, failed(Code::WrongNonce))];
        assert_eq!(check(&nonce, true), Some((Verdict::Invalid, Some(Code::Replay))));
        assert_eq!(check(&nonce, false), Some((Verdict::Invalid, Some(Code::WrongNonce))));
    }

    #[test]
    fn a_failure_outweighs_what_cannot_be_said() {
        let missing = Outcome::Undecided {
            problem: Code::StatusMissing.into(),
        };
        let undecided = [(Check::Status, missing.clone())];
        assert_eq!(
            check(&undecided, false),
            Some((Verdict::Undecided, Some(Code::StatusMissing)))
        );
        let both = [(Check::Status, missing), (Check::Query, failed(Code::ClaimsMissing))];
        assert_eq!(check(&both, false), Some((Verdict::Invalid, Some(Code::ClaimsMissing))));
    }
}
