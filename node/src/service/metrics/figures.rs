//! Every figure that this program tells: name, kind, labels and what it says. The reference, the dashboard and the alert rules
//! are held against this table.

/// What a figure is, in the words of OpenMetrics 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only rises, but for a new start or a restored home. Its name ends in `_total`.
    Counter,
    /// How many took how long. Its samples end in `_bucket`, `_sum` and `_count`.
    Histogram,
    /// A constant 1 whose labels say something. Its name ends in `_info`.
    Info,
}

impl Kind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        }
    }
}

/// One figure.
#[derive(Debug, PartialEq, Eq)]
pub struct Figure {
    /// Name without `bevis_`, as it is asked for.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Labels of its samples, in their order.
    pub labels: &'static [&'static str],
    /// What it says: one line without quotes and backslashes.
    pub help: &'static str,
}

/// Every label there is, with where its values come from. None comes from a person, a case, a peer or an address.
pub const LABELS: &[(&str, &str)] = &[
    ("code", "a code of the table of problems, `any` or `none`"),
    ("direction", "`in` or `out`"),
    ("issuer", "DID of a listed organisation"),
    ("kind", "`listed` or `other`"),
    ("of", "what was refused: a protocol, or a word of this program"),
    ("part", "`root`, `list` or `head`"),
    ("protocol", "a protocol of the network"),
    ("register", "DID of a listed organisation"),
    ("role", "a role of this home, or a part of the trust list"),
    ("state", "a state of a credential"),
    ("topic", "a topic of gossip"),
    (
        "type",
        "id of a credential type (C02), or its `vct` where the operator declared it",
    ),
    ("verdict", "`valid`, `invalid` or `undecided`"),
    ("version", "version of this program"),
    ("what", "a word of this program"),
];

macro_rules! figures {
    ($($name:ident = $text:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(pub(super) const $name: Figure = Figure {
            name: $text, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// Every figure, in the order of this table.
        pub const FIGURES: &[Figure] = &[$($name),*];
    };
}

figures! {
    BUILD = "build_info", Info, ["version"], "The program.";
    READY = "ready", Gauge, [], "Whether this node can do its work, as /readyz says.";
    NOT_READY = "not_ready", Gauge, ["code"], "Whether this keeps the node from its work, for each reason of /readyz.";
    STOPPED = "role_stopped", Gauge, ["role"], "Roles that stopped after a failure: the node is to be restarted.";
    RESIDENT = "resident_bytes", Gauge, [], "Resident memory.";
    STORE_BYTES = "store_bytes", Gauge, [], "Bytes of the journal.";
    STORE_EPOCH = "store_epoch", Gauge, [], "Times that this home was restored or copied.";
    STORE_COMMITS = "store_commits_total", Counter, [], "Transactions that were made durable since the start.";
    STORE_SYNC = "store_sync_seconds", Histogram, [], "How long it took to make files of the store durable.";
    DISK_FREE = "disk_free_bytes", Gauge, [], "Bytes that are free where the home lies.";
    TRUST_CURRENT = "trust_current", Gauge, [], "Whether the trust list held can be decided by.";
    TRUST_VERSION = "trust_version", Gauge, ["part"], "Version of the trust list held.";
    TRUST_HEAD_AGE = "trust_head_age_seconds", Gauge, [], "Since the trust list's head was signed.";
    TRUST_HEAD_LEFT = "trust_head_left_seconds", Gauge, [], "Until the trust list's head runs out.";
    TRUST_LEFT = "trust_left_seconds", Gauge, ["part"], "Until root and list run out.";
    TRUST_ORGANISATIONS = "trust_organisations", Gauge, [], "Organisations of the trust list held.";
    TRUST_OLDER = "trust_older_total", Counter, ["role"], "Roots, lists and heads lower than ours that were shown.";
    CERTIFICATE_LEFT = "certificate_left_seconds", Gauge, [], "Until our node certificate ends.";
    KEY_LEFT = "key_left_seconds", Gauge, [], "Until the key that signs ends.";
    CAUGHT_UP = "caught_up", Gauge, [], "Whether heads of enough organisations were taken since a restore.";
    STATUS_AGE = "status_age_seconds", Gauge, ["issuer"], "Since an issuer last signed how its credentials stand.";
    STATUS_ACCEPTED = "status_age_accepted_seconds", Gauge, [], "Oldest status that the strictest of our services decides by.";
    STATUS_LISTS = "status_lists", Gauge, ["issuer"], "Status lists of an issuer.";
    STATUS_FAILING = "status_failing", Gauge, ["issuer", "code"], "Issuers whose status could not be had the last time.";
    REGISTER_ROWS = "register_rows", Gauge, ["type"], "Rows of our register.";
    ISSUED = "issued_total", Counter, ["type"], "Credentials that we issued, in whatever state they are now.";
    REVOKED = "revoked_total", Counter, ["type"], "Credentials that we revoked for good.";
    CREDENTIALS = "credentials", Gauge, ["type", "state"], "Credentials that we issued, by state.";
    ENDINGS_WAITING = "endings_waiting", Gauge, [], "Copies whose ending waits for the publication of the day.";
    ENDINGS_DUE = "endings_due_seconds", Gauge, [], "Until that publication; below 0 when it is late.";
    VERDICTS = "verdicts_total", Counter, ["verdict", "code"], "Verdicts on answers and checked credentials, by why.";
    NOTICE_NUMBER = "notice_number", Gauge, ["register"], "Newest notice of a register that is in effect.";
    NOTICE_MISSING = "notice_missing", Gauge, ["register"], "Notices that are missing before what is known.";
    LETTERS_WAITING = "letters_waiting", Gauge, [], "Letters that are on their way.";
    LETTERS_COUNTERPARTS = "letters_counterparts", Gauge, [], "Counterparts for whom letters are on their way.";
    MAILBOX_QUEUES = "mailbox_queues", Gauge, [], "Queues of mailboxes that this node runs.";
    MAILBOX_ITEMS = "mailbox_items", Gauge, [], "Envelopes that wait in them.";
    MAILBOX_BYTES = "mailbox_bytes", Gauge, [], "Their bytes.";
    PEERS = "peers", Gauge, ["kind"], "Peers that are connected.";
    GOSSIP_PEERS = "gossip_peers", Gauge, [], "Listed peers that can gossip with us.";
    GOSSIP_BANNED = "gossip_banned", Gauge, [], "Peers that are left out of gossip for now.";
    GOSSIP_MESSAGES = "gossip_messages_total", Counter, ["topic", "what"], "Gossiped messages, by topic.";
    RELAY_PLACES = "relay_places", Gauge, ["what"], "Places at relays: those we want, those we have, and those that others have with us.";
    RELAY_CIRCUITS = "relay_circuits", Gauge, [], "Circuits that we carry for others.";
    RELAY = "relay_total", Counter, ["what"], "What others asked of us as a relay, and tries for direct connections beside circuits.";
    REQUESTS = "requests_total", Counter, ["protocol", "direction"], "Requests of peers and to peers that are remembered.";
    REQUEST_BYTES = "request_bytes_total", Counter, ["protocol", "direction"], "Bytes of their bodies and answers.";
    REFUSALS = "refusals_total", Counter, ["of", "code"], "What was refused, by code.";
    ALARMS = "alarms", Gauge, ["code"], "Alarms that nobody has dismissed.";
    ALARMS_LOST = "alarms_lost_total", Counter, [], "Alarms that could not be kept.";
    BACKUP_AGE = "backup_age_seconds", Gauge, [], "Since the newest backup of this home was made.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_figure_is_named_once_as_its_kind_wants_it_and_labelled_by_no_person() {
        let mut names = BTreeSet::new();
        for figure in FIGURES {
            let name = figure.name;
            assert!(names.insert(name), "{name} stands twice");
            let is = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(is), "{name}");
            assert_eq!(name.ends_with("_total"), figure.kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), figure.kind == Kind::Info, "{name}");
            for reserved in ["_count", "_sum", "_bucket", "_created"] {
                assert!(!name.ends_with(reserved), "{name} would be read as part of a histogram");
            }
            assert!(
                !figure.help.contains(['"', '\\', '\n']) && figure.help.ends_with('.'),
                "{name}"
            );
            for label in figure.labels {
                let known = LABELS.iter().any(|(known, _)| known == label);
                assert!(known, "{name}: nobody has said where values of {label} come from");
            }
        }
        for (label, from) in LABELS {
            let is_used = FIGURES.iter().any(|figure| figure.labels.contains(label));
            assert!(is_used, "no figure has the label {label}");
            for word in ["person", "customer", "case", "peer", "address", "number", "name of"] {
                assert!(!from.contains(word), "{label}: {from}");
            }
        }
    }
}
