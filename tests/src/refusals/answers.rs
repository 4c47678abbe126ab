//! Answers at the verifier's door.
//!
//! A bank that runs, and a holder without a wallet who answers it. What the peer gets is the bank's signed receipt, whose code
//! is that of the session; where an answer is not judged at all, it gets a refusal and the session shows nothing of it.

mod altered;
mod ended;
mod issued;
mod others;

use super::Line;
use credentials::Code;

/// Tests that show several kinds each.
const ALTERED: &str = "an_answer_bent_on_its_way_is_refused_and_its_twin_taken";
const ISSUED: &str = "what_an_issuer_may_not_say_is_refused_and_its_twin_taken";
const ENDED: &str = "what_its_issuer_has_ended_is_refused";
const SPENT: &str = "a_nonce_is_spent_also_after_a_restart";

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line::new("altered disclosure", Code::DisclosureInvalid, ALTERED),
    Line::new("removed disclosure", Code::WrongSdHash, ALTERED),
    Line::new("added disclosure", Code::DisclosureInvalid, ALTERED),
    Line::new("reordered disclosure", Code::WrongSdHash, ALTERED),
    Line::new("wrong audience", Code::WrongAudience, ALTERED),
    Line::new("wrong nonce", Code::WrongNonce, ALTERED),
    Line::new("wrong sd_hash", Code::WrongSdHash, ALTERED),
    Line::new("answer to another request", Code::WrongRequest, ALTERED),
    Line::new("nonce used before a restart", Code::Replay, SPENT),
    Line::new("a peer that answers twice", Code::Replay, SPENT),
    Line::new("duplicate JSON keys", Code::DuplicateKey, ISSUED),
    Line::new("floats where money is", Code::SchemaInvalid, ISSUED),
    Line::new("unknown issuer", Code::UnknownIssuer, ISSUED),
    Line::new("right issuer, wrong type", Code::TypeNotAllowed, ISSUED),
    Line::new("key outside its window", Code::KeyOutsideWindow, ISSUED),
    Line::new("key with a compromise date", Code::KeyCompromised, ISSUED),
    Line::new("expired", Code::Expired, ISSUED),
    Line::new("not yet valid", Code::NotYetValid, ISSUED),
    Line::new("no holder key", Code::HolderBindingInvalid, ISSUED),
    Line::new("suspended", Code::Suspended, ENDED),
    Line::new("superseded", Code::Superseded, ENDED),
    Line::new("revoked", Code::Revoked, ENDED),
    Line::new(
        "two persons' credentials in one answer",
        Code::DifferentPersons,
        "credentials_of_two_persons_are_no_answer",
    ),
    Line::new(
        "another person's wallet answering",
        Code::WrongSubject,
        "of_another_persons_answer_the_session_shows_nothing",
    ),
];
