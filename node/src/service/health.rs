//! What `doctor` looks at beside the roles' own affairs: files, ports, peers, keys and backups.

use super::Service;
use super::views::{Finding, finding, report};
use crate::error::Failure;
use crate::home::Home;
use crate::home::rights;
use credentials::time::DAY;
use credentials::{Code, Timestamp};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Least free space, in bytes, before `doctor` warns: room for a day of an agency's journal.
pub(super) const FREE_WARN: u64 = 1 << 30;
/// Least free space before it fails: room for one more segment of the journal.
const FREE_FAIL: u64 = store::SEGMENT_BYTES;
/// Days without a backup before `doctor` warns: what a week holds can be done again, by an agency and by a person.
const BACKUP_WARN_DAYS: i64 = 7;
/// Days that a new home may have none at all: its first day.
const BACKUP_NONE_DAYS: i64 = 1;
/// Days left of the key that signs at which `doctor` begins to warn: a new one has to get through the anchors' own dates.
const KEY_WARN_DAYS: i64 = 90;
/// Days left at which it says so with more weight.
const KEY_SOON_DAYS: i64 = 30;
/// Days left at which it fails.
const KEY_FAIL_DAYS: i64 = 7;
/// Most of our own addresses that are tried.
const ADDRESSES_MAX: usize = 16;
/// How long one may take to answer; it is this machine.
const ANSWER: Duration = Duration::from_secs(2);
/// Most names of files in a finding.
const NAMES_MAX: usize = 3;

/// Where we listen, as the operating system knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    /// A TCP port, which takes connections.
    Tcp(SocketAddr),
    /// A UDP port, which nobody else can have.
    Udp(SocketAddr),
}

impl Listening {
    /// Of a multiaddress; nothing for one that leads through a relay, or of another form.
    fn parse(address: &str) -> Option<Listening> {
        let mut parts = address.strip_prefix('/')?.split('/');
        let ip: IpAddr = match (parts.next()?, parts.next()?) {
            ("ip4", ip) => IpAddr::V4(ip.parse().ok()?),
            ("ip6", ip) => IpAddr::V6(ip.parse().ok()?),
            _ => return None,
        };
        let (transport, port) = (parts.next()?, parts.next()?.parse().ok()?);
        if parts.any(|part| part == "p2p-circuit") {
            return None;
        }
        match transport {
            "tcp" => Some(Listening::Tcp(SocketAddr::new(ip, port))),
            "udp" => Some(Listening::Udp(SocketAddr::new(ip, port))),
            _ => None,
        }
    }

    fn address(self) -> SocketAddr {
        match self {
            Listening::Tcp(address) | Listening::Udp(address) => address,
        }
    }

    /// Whether somebody on this machine listens there. QUIC answers nobody who cannot greet, so of UDP only this much can be said:
    /// the port is taken.
    async fn is_there(self) -> bool {
        match self {
            Listening::Tcp(address) => {
                let connected = tokio::net::TcpStream::connect(address);
                matches!(tokio::time::timeout(ANSWER, connected).await, Ok(Ok(_)))
            }
            Listening::Udp(address) => {
                let bound = tokio::net::UdpSocket::bind(address).await;
                bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
            }
        }
    }
}

impl Service {
    /// The ports at which we say that we listen: whether they can be reached from this machine. Nothing for who does not listen.
    pub(super) async fn ports_found(&self) -> Option<Finding> {
        let addresses = self.network.get()?.addresses();
        let ports: Vec<Listening> = addresses
            .iter()
            .filter_map(|address| Listening::parse(&address.to_string()))
            .take(ADDRESSES_MAX)
            .collect();
        found_of_ports(&ports).await
    }

    /// Listed organisations that are connected, of those that are listed with a node. One that has nobody for a minute has a
    /// finding of its own.
    pub(super) fn peers_found(&self) -> Option<Finding> {
        let own = self.keys.organisation()?;
        let (network, trust) = (self.network.get()?, self.trust()?);
        let others = trust.document().organisations.iter().filter(|o| o.did != own.did);
        let others = others.filter(|other| !other.nodes.is_empty()).count();
        let peers = network.peers();
        let connected = peers.iter().filter(|peer| peer.connected);
        let connected = connected.filter(|peer| trust.organisation_of_peer(peer.peer.as_str()).is_some());
        Some(finding("peers", "ok", format!("{}/{others}", connected.count())))
    }

    /// The key that signs: days left, in three steps.
    pub(super) fn key_finding(&self, now: Timestamp) -> Option<Finding> {
        let ends = match self.key_found(now)? {
            Ok(ends) => ends,
            Err(detail) => return Some(finding("key", "fail", detail)),
        };
        Some(found_of_key(ends.since(now) / DAY))
    }

    /// How old the newest backup is.
    pub(super) fn backup_found(&self, now: Timestamp) -> Result<Finding, Failure> {
        let made = self.backup_made()?;
        Ok(found_of_backup(made, born(&self.home), now))
    }
}

async fn found_of_ports(ports: &[Listening]) -> Option<Finding> {
    if ports.is_empty() {
        return None;
    }
    let mut silent = Vec::new();
    for port in ports {
        if !port.is_there().await {
            silent.push(port.address().to_string());
        }
    }
    let reached = ports.len().saturating_sub(silent.len());
    let counted = format!("{reached}/{}", ports.len());
    Some(match reached {
        _ if silent.is_empty() => finding("ports", "ok", counted),
        0 => finding("ports", "fail", counted),
        _ => finding("ports", "warn", format!("{counted}: {}", silent.join(", "))),
    })
}

fn found_of_key(days: i64) -> Finding {
    let left = days.to_string();
    if days <= KEY_FAIL_DAYS {
        finding("key-soon", "fail", left)
    } else if days <= KEY_SOON_DAYS {
        finding("key-soon", "warn", left)
    } else if days <= KEY_WARN_DAYS {
        finding("key", "warn", left)
    } else {
        finding("key", "ok", left)
    }
}

fn found_of_backup(made: Option<Timestamp>, born: Option<Timestamp>, now: Timestamp) -> Finding {
    let days = |since: Timestamp| now.since(since) / DAY;
    match made {
        Some(made) if days(made) >= BACKUP_WARN_DAYS => finding("backup", "warn", days(made).to_string()),
        Some(made) => finding("backup", "ok", days(made).to_string()),
        None if born.is_some_and(|born| days(born) < BACKUP_NONE_DAYS) => finding("backup", "ok", "-"),
        None => finding("backup", "warn", "-"),
    }
}

/// When the home's keys were written, which is when it was made: nothing writes them again but a changed passphrase.
fn born(home: &Home) -> Option<Timestamp> {
    let modified = std::fs::metadata(home.store().join("keys")).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix(i64::try_from(since.as_secs()).ok()?))
}

/// Who may open the home itself.
pub(super) fn home_found(home: &Home) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(home.path()) {
        Ok(meta) if meta.permissions().mode() & 0o077 == 0 => finding("home", "ok", "0700"),
        Ok(meta) => finding("home", "fail", format!("{:o}", meta.permissions().mode() & 0o777)),
        Err(error) => finding("home", "unknown", error.to_string()),
    }
}

/// Who may open what lies in it.
pub(super) fn rights_found(home: &Home) -> Finding {
    match (rights::is_ours(home), rights::open_to_others(home)) {
        (Ok(false), _) => finding("permissions", "fail", "uid"),
        (Ok(true), Ok(open)) => {
            let inside = open.iter().filter(|one| one.place.as_os_str() != ".");
            let names: Vec<String> = inside.map(|one| one.place.display().to_string()).collect();
            match names.len() {
                0 => finding("permissions", "ok", "0600"),
                count => {
                    let some = names.into_iter().take(NAMES_MAX).collect::<Vec<_>>().join(", ");
                    let more = if count > NAMES_MAX { " …" } else { "" };
                    finding("permissions", "warn", format!("{count}: {some}{more}"))
                }
            }
        }
        (Err(failure), _) | (_, Err(failure)) => finding("permissions", "unknown", failure.problem.code.as_str()),
    }
}

/// Room where the home lies.
pub(super) fn disk_found(home: &Home) -> Finding {
    match rustix::fs::statvfs(home.path()) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let state = if free < FREE_FAIL {
                "fail"
            } else if free < FREE_WARN {
                "warn"
            } else {
                "ok"
            };
            finding("disk", state, format!("{} MiB", free >> 20))
        }
        Err(error) => finding("disk", "unknown", error.to_string()),
    }
}

/// The report about a home that could not be opened or whose node did not answer: what can be seen from outside, and why the rest
/// is not known.
pub fn seen_from_outside(home: &Home, why: Code) -> Value {
    let sealed = Finding {
        code: Some(why),
        ..finding("sealed", "unknown", "")
    };
    report(&[home_found(home), disk_found(home), rights_found(home), sealed])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_of_at_ninety_thirty_and_seven_days() {
        for (days, expected) in [
            (366, ("key", "ok")),
            (91, ("key", "ok")),
            (90, ("key", "warn")),
            (31, ("key", "warn")),
            (30, ("key-soon", "warn")),
            (8, ("key-soon", "warn")),
            (7, ("key-soon", "fail")),
            (-1, ("key-soon", "fail")),
        ] {
            let found = found_of_key(days);
            assert_eq!((found.check, found.state), expected, "{days} days");
        }
    }

    #[test]
    fn a_backup_older_than_a_week_and_a_home_without_any_after_its_first_day_are_told_of() {
        let now = Timestamp::from_unix(1_800_000_000);
        let ago = |days: i64| Some(now.plus(-days * DAY));
        for (made, born, expected) in [
            (ago(0), ago(400), "ok"),
            (ago(6), ago(400), "ok"),
            (ago(7), ago(400), "warn"),
            (None, ago(0), "ok"),
            (None, ago(1), "warn"),
            (None, None, "warn"),
        ] {
            assert_eq!(found_of_backup(made, born, now).state, expected, "{made:?} {born:?}");
        }
    }

    #[test]
    fn an_address_is_a_port_of_this_machine_or_none() {
        let tcp = Listening::parse("/ip4/127.0.0.1/tcp/7001");
        assert_eq!(tcp, Some(Listening::Tcp("127.0.0.1:7001".parse().expect("an address"))));
        let udp = Listening::parse("/ip6/::1/udp/7002/quic-v1");
        assert_eq!(udp, Some(Listening::Udp("[::1]:7002".parse().expect("an address"))));
        for other in [
            "",
            "/dns4/a.example/tcp/1",
            "/ip4/127.0.0.1/tcp/65536",
            "/ip4/192.0.2.1/udp/1/quic-v1/p2p/12D3KooW/p2p-circuit",
        ] {
            assert_eq!(Listening::parse(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_port_that_somebody_listens_at_is_found_and_a_free_one_is_not() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
        let ports = [
            Listening::Tcp(tcp.local_addr().expect("bound")),
            Listening::Udp(udp.local_addr().expect("bound")),
        ];
        let found = found_of_ports(&ports).await.expect("two");
        assert_eq!((found.state, found.detail.as_str()), ("ok", "2/2"));
        drop(tcp);
        let found = found_of_ports(&ports).await.expect("two");
        assert_eq!(found.state, "warn");
        assert!(found.detail.starts_with("1/2: 127.0.0.1:"), "{}", found.detail);
        drop(udp);
        assert_eq!(found_of_ports(&ports).await.expect("two").state, "fail");
        assert!(found_of_ports(&[]).await.is_none());
    }

    #[test]
    fn a_home_that_cannot_be_opened_is_looked_at_from_outside() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let report = seen_from_outside(&home, Code::PassphraseMissing);
        assert_eq!(report["state"], "unknown", "{report}");
        std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
        let report = seen_from_outside(&home, Code::PassphraseMissing);
        assert_eq!(
            report["state"], "fail",
            "what is wrong is worse than what is not known: {report}"
        );
    }
}
