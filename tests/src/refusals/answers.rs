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

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    altered("altered disclosure", Code::DisclosureInvalid),
    altered("removed disclosure", Code::WrongSdHash),
    altered("added disclosure", Code::DisclosureInvalid),
    altered("reordered disclosure", Code::WrongSdHash),
    altered("wrong audience", Code::WrongAudience),
    altered("wrong nonce", Code::WrongNonce),
    altered("wrong sd_hash", Code::WrongSdHash),
    altered("answer to another request", Code::WrongRequest),
    Line {
        kind: "nonce used before a restart",
        code: Code::Replay,
        test: "a_nonce_is_spent_also_after_a_restart",
    },
    Line {
        kind: "a peer that answers twice",
        code: Code::Replay,
        test: "a_nonce_is_spent_also_after_a_restart",
    },
    issued("duplicate JSON keys", Code::DuplicateKey),
    issued("floats where money is", Code::SchemaInvalid),
    issued("unknown issuer", Code::UnknownIssuer),
    issued("right issuer, wrong type", Code::TypeNotAllowed),
    issued("key outside its window", Code::KeyOutsideWindow),
    issued("key with a compromise date", Code::KeyCompromised),
    issued("expired", Code::Expired),
    issued("not yet valid", Code::NotYetValid),
    issued("no holder key", Code::HolderBindingInvalid),
    ended("suspended", Code::Suspended),
    ended("superseded", Code::Superseded),
    ended("revoked", Code::Revoked),
    Line {
        kind: "two persons' credentials in one answer",
        code: Code::DifferentPersons,
        test: "credentials_of_two_persons_are_no_answer",
    },
    Line {
        kind: "another person's wallet answering",
        code: Code::WrongSubject,
        test: "of_another_persons_answer_the_session_shows_nothing",
    },
];

const fn altered(kind: &'static str, code: Code) -> Line {
    Line {
        kind,
        code,
        test: "an_answer_bent_on_its_way_is_refused_and_its_twin_taken",
    }
}

const fn issued(kind: &'static str, code: Code) -> Line {
    Line {
        kind,
        code,
        test: "what_an_issuer_may_not_say_is_refused_and_its_twin_taken",
    }
}

const fn ended(kind: &'static str, code: Code) -> Line {
    Line {
        kind,
        code,
        test: "what_its_issuer_has_ended_is_refused",
    }
}
