//! The one table of problem codes, used on the wire, in `--json`, in text and in the log.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why something was refused. The text form is stable; sentences for people are in the catalogues under `problem-<code>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code of the table, in its order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable text of this code.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The code with this text, if the table has it.
            pub fn parse(text: &str) -> Option<Code> {
                match text { $($text => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    // --- data and persons (domain §1.2) ---
    /// The subject of the data is not the person the asker knows, or not the person who proved who they are.
    WrongSubject = "wrong_subject",
    /// The message is meant for somebody else.
    WrongRecipient = "wrong_recipient",
    /// Another person's wallet is open than the one the request is for.
    WrongSession = "wrong_session",
    /// Outside its validity: too early.
    NotYetValid = "not_yet_valid",
    /// Outside its validity: too late.
    Expired = "expired",
    /// A claim, type, purpose or time beyond the asker's registration.
    OverAsk = "over_ask",
    /// The legal ground named does not hold for this service.
    NoLegalGround = "no_legal_ground",
    /// The status list says revoked.
    Revoked = "revoked",
    /// The status list says suspended.
    Suspended = "suspended",
    /// The status list says that a newer credential replaced this one.
    Superseded = "superseded",
    /// Terminated with notice; still valid until the notice has run out.
    TerminatedPending = "terminated_pending",
    /// The person has no role in the register that allows this.
    RoleMissing = "role_missing",
    /// The person is shielded; the data is withheld.
    Shielded = "shielded",
    /// The access log could not be written, so nothing is given out.
    TraceUnavailable = "trace_unavailable",
    /// The consent was taken back.
    Withdrawn = "withdrawn",
    /// No grant of this name is deposited here.
    UnknownGrant = "unknown_grant",
    /// The customer's wallet has not said where it can be written to.
    NotPaired = "not_paired",
    /// The organisation lacks the registration it needs.
    NotLicensed = "not_licensed",
    /// A nonce or answer that was used before.
    Replay = "replay",
    /// Older than the limit of whoever relies on it.
    Stale = "stale",
    // --- credentials and keys ---
    /// Not of the form that the standard prescribes.
    Malformed = "malformed",
    /// Larger, deeper or more than its limit.
    TooLarge = "too_large",
    /// The same name twice in one JSON object.
    DuplicateKey = "duplicate_key",
    /// A version or algorithm that this build does not know.
    Unsupported = "unsupported",
    /// The issuer is not in the trust list.
    UnknownIssuer = "unknown_issuer",
    /// The issuer is listed, but not for this credential type.
    TypeNotAllowed = "type_not_allowed",
    /// The credential type is not known here.
    UnknownType = "unknown_type",
    /// No key of this name belongs to the organisation.
    UnknownKey = "unknown_key",
    /// The key was not valid when the signature says it was made.
    KeyOutsideWindow = "key_outside_window",
    /// The key was compromised before it was used or checked.
    KeyCompromised = "key_compromised",
    /// A signature does not verify.
    SignatureInvalid = "signature_invalid",
    /// A disclosure is altered, doubled, added or does not belong.
    DisclosureInvalid = "disclosure_invalid",
    /// The claims do not follow the type's schema.
    SchemaInvalid = "schema_invalid",
    // --- holder binding ---
    /// There is no key binding where one is needed.
    HolderBindingMissing = "holder_binding_missing",
    /// The key binding is not by the key the credential names.
    HolderBindingInvalid = "holder_binding_invalid",
    /// The key binding is for another audience.
    WrongAudience = "wrong_audience",
    /// The key binding is for another nonce.
    WrongNonce = "wrong_nonce",
    /// The key binding does not cover what was sent.
    WrongSdHash = "wrong_sd_hash",
    /// The answer is to another request.
    WrongRequest = "wrong_request",
    /// Credentials of different persons in one answer.
    DifferentPersons = "different_persons",
    /// The answer lacks something that was asked.
    ClaimsMissing = "claims_missing",
    /// The answer shows something that was not asked.
    ClaimsUnrequested = "claims_unrequested",
    // --- asking ---
    /// The request is not signed.
    UnsignedRequest = "unsigned_request",
    /// The asker is not in the trust list.
    UnknownVerifier = "unknown_verifier",
    /// The request came from a peer that its signer does not name.
    WrongOrigin = "wrong_origin",
    /// A part of DCQL that we do not support; the detail names it.
    UnsupportedQuery = "unsupported_query",
    /// Declined or not held: the two look alike.
    NotPresented = "not_presented",
    /// All copies of this credential have been shown.
    CopiesSpent = "copies_spent",
    /// All copies of this credential count as used, because the wallet was restored or copied.
    CopiesVoid = "copies_void",
    /// No session or request of this name is open.
    UnknownSession = "unknown_session",
    // --- issuing ---
    /// No offer of this name.
    UnknownOffer = "unknown_offer",
    /// The offer was used or withdrawn.
    OfferClosed = "offer_closed",
    /// The activation code is wrong.
    WrongCode = "wrong_code",
    /// Too many wrong activation codes; the offer is dead.
    AttemptsExhausted = "attempts_exhausted",
    /// A new key did not prove that its holder has it.
    PossessionInvalid = "possession_invalid",
    /// The proof of who the holder is does not cover these keys.
    KeysNotCovered = "keys_not_covered",
    /// A redelivery was asked to other keys than the first time.
    KeysChanged = "keys_changed",
    /// The register has no row for this person or organisation.
    NoData = "no_data",
    /// A person's wallet was used for a company, or the other way round.
    WrongWallet = "wrong_wallet",
    // --- trust and status ---
    /// This node has no trust document yet.
    TrustMissing = "trust_missing",
    /// No anchor is configured or named, so no trust document can be checked.
    AnchorMissing = "anchor_missing",
    /// The trust document is too old to decide by.
    TrustStale = "trust_stale",
    /// The trust document has a lower version than one already seen.
    TrustRollback = "trust_rollback",
    /// Root, head and list do not belong together.
    TrustMismatch = "trust_mismatch",
    /// Too few anchors, or classes of anchor, signed; or one key twice.
    TrustThreshold = "trust_threshold",
    /// Two validly signed trust documents of one version say different things.
    TrustConflict = "trust_conflict",
    /// No status list for this credential is at hand.
    StatusMissing = "status_missing",
    /// The status list is too old to decide by.
    StatusStale = "status_stale",
    /// The home was restored, and heads of enough organisations have not been taken yet.
    CatchingUp = "catching_up",
    /// An issuer signed two things about one status list that cannot both be true.
    StatusConflict = "status_conflict",
    // --- notices ---
    /// The document is not signed by two different keys of the register.
    SecondKeyMissing = "second_key_missing",
    /// Two different notices of a register have the same number, or do not follow one another: the stream stands still.
    NoticeConflict = "notice_conflict",
    /// Notices before this one are missing; it waits and acts on nothing.
    NoticeGap = "notice_gap",
    /// The notice does not fit what was published before it; the detail names the field.
    NoticeInvalid = "notice_invalid",
    /// Another notice is drafted and neither published nor discarded.
    DraftOpen = "draft_open",
    /// The home was restored, and two organisations have not yet told which number was published last.
    NumberUnsettled = "number_unsettled",
    /// The answer was not computed with the key that the register published.
    EvaluationInvalid = "evaluation_invalid",
    // --- peers ---
    /// An organisation that no trust document binds to this peer.
    NotListed = "not_listed",
    /// The node certificate does not hold; the detail names the member.
    CertificateInvalid = "certificate_invalid",
    /// A newer node certificate took the place of this one.
    CertificateSuperseded = "certificate_superseded",
    /// Two clocks are too far apart: ours, and that of a peer or of a signer whose documents we hold.
    ClockSuspect = "clock_suspect",
    /// A message before `hello`, or one that does not fit the conversation.
    UnexpectedMessage = "unexpected_message",
    /// Too many messages in too short a time.
    RateLimited = "rate_limited",
    /// The peer could not be reached or did not answer in time.
    Unreachable = "unreachable",
    /// There is no room for it: in this queue of a mailbox, or at its operator.
    MailboxFull = "mailbox_full",
    /// The text of a link or QR code is cut or altered.
    LinkInvalid = "link_invalid",
    // --- pages and the API ---
    /// A login link that was used, or is too old.
    LinkSpent = "link_spent",
    /// Nobody is logged in here, or they have been away too long.
    LoginNeeded = "login_needed",
    /// The account may not use this part.
    NoAccess = "no_access",
    /// The form is of a page that was opened before the login that holds now.
    PageExpired = "page_expired",
    /// The request comes from another site or through a name that is not this node's.
    ForeignOrigin = "foreign_origin",
    /// The same form is being worked on already.
    UnderWay = "under_way",
    /// No token, or one that is unknown or has run out.
    TokenInvalid = "token_invalid",
    /// Something else was asked under this idempotency key.
    IdempotencyConflict = "idempotency_conflict",
    // --- the program and its home ---
    /// The command line was not understood.
    Usage = "usage",
    /// The passphrase does not open the store.
    WrongPassphrase = "wrong_passphrase",
    /// A passphrase is needed and none was given.
    PassphraseMissing = "passphrase_missing",
    /// Another process has this home open and does not answer.
    HomeLocked = "home_locked",
    /// There is no home here.
    HomeMissing = "home_missing",
    /// There is a home here already.
    HomeExists = "home_exists",
    /// The home was written by a newer version.
    NewerFormat = "newer_format",
    /// The configuration is not valid; the detail names the key.
    ConfigInvalid = "config_invalid",
    /// Stored data is damaged; the detail names the place.
    Damaged = "damaged",
    /// A file could not be read or written; the detail names the path.
    FileFailed = "file_failed",
    /// The disk has no room; nothing of the command was written.
    DiskFull = "disk_full",
    /// The disk can only be read; nothing of the command was written.
    DiskReadOnly = "disk_read_only",
    /// Nothing of this name.
    NotFound = "not_found",
    /// This node does not have the role that the command needs.
    WrongRole = "wrong_role",
    /// Some rows were refused; the rest was done.
    PartlyDone = "partly_done",
    /// Whoever asks for it may not do it: an account without the right, or none.
    NotPermitted = "not_permitted",
    /// Two different persons have to agree, and one has.
    SecondPersonMissing = "second_person_missing",
    /// The person did not confirm.
    NotConfirmed = "not_confirmed",
    /// This status cannot follow the present one (a revoked credential stays revoked).
    StateFinal = "state_final",
    /// Something failed on our side; the log has the cause.
    Internal = "internal",
}

impl Code {
    /// Whether the same message may fare better later: the reason lies in the state of a machine, not in what was asked. Every other
    /// refusal stays.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Code::RateLimited
                | Code::MailboxFull
                | Code::Unreachable
                | Code::Internal
                | Code::TraceUnavailable
                | Code::TrustMissing
                | Code::TrustStale
                | Code::ClockSuspect
                | Code::CatchingUp
                | Code::DiskFull
                | Code::DiskReadOnly
                | Code::StatusMissing
                | Code::StatusStale
                | Code::NoticeGap
                | Code::NumberUnsettled
                | Code::NotListed
        )
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        // A peer of a later version may know codes that we do not: they are all "something went wrong over there".
        Ok(Code::parse(&text).unwrap_or(Code::Internal))
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest detail of a problem, in bytes: a claim path or the name of a field.
pub const DETAIL_MAX: usize = 200;

/// A refusal that is safe to tell a peer or a person: a code and, where it helps, *what* was refused (a claim path, a
/// field name), never a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}{}", detail.as_deref().map(|d| format!(": {d}")).unwrap_or_default())]
pub struct Problem {
    /// The code of the table.
    pub code: Code,
    /// What it is about: a claim path, a field or a check; at most [`DETAIL_MAX`] bytes; never a claim value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Problem {
    /// A problem with a detail, cut at [`DETAIL_MAX`] bytes.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        let mut detail: String = detail.into();
        if detail.len() > DETAIL_MAX {
            let mut end = DETAIL_MAX;
            while !detail.is_char_boundary(end) {
                end -= 1;
            }
            detail.truncate(end);
        }
        Problem {
            code,
            detail: Some(detail),
        }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Problem {
        Problem { code, detail: None }
    }
}
