//! Why something did not work: a code of §15 and a sentence. No value of a claim and no key stands in either.

/// A code and a sentence for people.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Code of §15; `file_failed`, `usage` and `internal` are our own side's.
    pub(crate) code: String,
    /// What happened, as a sentence without its final stop.
    pub(crate) sentence: String,
}

/// What can fail here.
pub(crate) type Outcome<T> = Result<T, Problem>;

impl Problem {
    /// A problem found here or told by the other side.
    pub(crate) fn new(code: impl Into<String>, sentence: impl Into<String>) -> Problem {
        Problem {
            code: code.into(),
            sentence: sentence.into(),
        }
    }

    /// Whether the same message may be sent again later (§4, *Errors that pass*). A lost connection is `unreachable`.
    pub(crate) fn passes(&self) -> bool {
        [
            "rate_limited",
            "mailbox_full",
            "unreachable",
            "internal",
            "trace_unavailable",
            "trust_missing",
            "trust_stale",
            "clock_suspect",
            "catching_up",
            "disk_full",
            "disk_read_only",
            "status_missing",
            "status_stale",
            "notice_gap",
            "number_unsettled",
            "not_listed",
        ]
        .contains(&self.code.as_str())
    }
}

/// A refusal as an `Err`.
pub(crate) fn refuse<T>(code: &str, sentence: impl Into<String>) -> Outcome<T> {
    Err(Problem::new(code, sentence))
}

/// Nothing when it holds, else the refusal.
pub(crate) fn require(holds: bool, code: &str, sentence: &str) -> Outcome<()> {
    if holds { Ok(()) } else { refuse(code, sentence) }
}
