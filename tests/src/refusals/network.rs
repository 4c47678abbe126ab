//! What comes from the anchors, and what issuers and registers say to everybody: trust documents, status, notices. Each is judged
//! by who signed it, so that it does not matter who brings it.

mod documents;
mod forged;
mod frozen;
mod notices;
mod states;

use super::Line;
use credentials::Code;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line::new(
        "an older trust document in a file",
        Code::TrustRollback,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "trust documents in a file that do not belong together",
        Code::TrustMismatch,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a trust document in a file with too few signatures",
        Code::TrustThreshold,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a trust document in a file that one key signed twice",
        Code::TrustThreshold,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a trust document in a file by an unknown key",
        Code::UnknownKey,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "an expired trust document in a file",
        Code::TrustStale,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a list in a file that its head does not name",
        Code::TrustMismatch,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "an oversize trust document in a file",
        Code::TooLarge,
        "no_file_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "an older trust document from a peer",
        Code::TrustRollback,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "trust documents from a peer that do not belong together",
        Code::TrustMismatch,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a trust document from a peer with too few signatures",
        Code::TrustThreshold,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a trust document from a peer that one key signed twice",
        Code::TrustThreshold,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a trust document from a peer by an unknown key",
        Code::UnknownKey,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "an expired trust document from a peer",
        Code::TrustStale,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a list from a peer that its head does not name",
        Code::TrustMismatch,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "an oversize trust document from a peer",
        Code::TooLarge,
        "no_peer_brings_a_trust_document_that_does_not_hold",
    ),
    Line::new(
        "a credential beyond the end of its list",
        Code::StatusMissing,
        "what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict",
    ),
    Line::new(
        "a status head signed by the wrong key",
        Code::SignatureInvalid,
        "what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict",
    ),
    Line::new(
        "a status head that another organisation signed",
        Code::UnknownKey,
        "what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict",
    ),
    Line::new(
        "a status head of another issuer",
        Code::UnknownIssuer,
        "what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict",
    ),
    Line::new(
        "states of too few entries",
        Code::Malformed,
        "what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict",
    ),
    Line::new(
        "a digest of content that nobody has",
        Code::NotFound,
        "what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict",
    ),
    Line::new(
        "a trust list that nobody confirms any more",
        Code::TrustStale,
        "without_a_fresh_head_nothing_is_decided_shown_or_asked_until_one_comes",
    ),
    Line::new(
        "a root that a peer offers to a home without one",
        Code::AnchorMissing,
        "a_home_without_a_root_takes_none_from_a_peer",
    ),
    Line::new(
        "a notice before the one that it follows",
        Code::NoticeGap,
        "notices_out_of_order_twice_or_by_one_key_act_once_and_in_order_and_rivals_stop_the_log",
    ),
    Line::new(
        "a notice by one key",
        Code::SecondKeyMissing,
        "notices_out_of_order_twice_or_by_one_key_act_once_and_in_order_and_rivals_stop_the_log",
    ),
    Line::new(
        "two notices under one number",
        Code::NoticeConflict,
        "notices_out_of_order_twice_or_by_one_key_act_once_and_in_order_and_rivals_stop_the_log",
    ),
];
