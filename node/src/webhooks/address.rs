//! Where events may be sent.
//!
//! Whoever may add an address can make this node open connections, so it opens none that it need not. Over `https` anywhere on the
//! internet; over `http` on this machine only, where nobody listens in. A bank's own systems mostly have private addresses: these are
//! allowed where the configuration says so (`api.private_webhooks`), since a node that stands among others' machines must not be a way
//! in to them. What no system of a bank has is never connected to: link-local addresses, at which clouds serve a machine's own
//! credentials, and those that are no single machine's.

use credentials::{Code, Problem};
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest address, in bytes.
pub const URL_MAX: usize = 512;

/// Which addresses there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of this machine.
    Own,
    /// Of a network that is not the internet.
    Private,
    /// Never.
    Never,
    /// Of the internet.
    Public,
}

fn kind(ip: IpAddr) -> Kind {
    match ip {
        IpAddr::V4(ip) => kind_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => kind_v4(ip),
            None => kind_v6(ip),
        },
    }
}

fn kind_v4(ip: Ipv4Addr) -> Kind {
    let [a, b, ..] = ip.octets();
    if ip.is_loopback() {
        Kind::Own
    } else if a == 0 || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || a >= 240 {
        Kind::Never
    } else if ip.is_private() || (a == 100 && (64..128).contains(&b)) {
        Kind::Private
    } else {
        Kind::Public
    }
}

fn kind_v6(ip: Ipv6Addr) -> Kind {
    let [first, second, ..] = ip.segments();
    // Ways to write or reach IPv4 addresses inside IPv6 ones (RFC 6052, RFC 3056) and the old site-local ones.
    let is_disguise = (first == 0x64 && second == 0xff9b) || first == 0x2002 || (first & 0xffc0) == 0xfec0;
    if ip.is_loopback() {
        Kind::Own
    } else if ip.is_unspecified() || ip.is_multicast() || (first & 0xffc0) == 0xfe80 || is_disguise || first == 0 {
        Kind::Never
    } else if (first & 0xfe00) == 0xfc00 {
        Kind::Private
    } else {
        Kind::Public
    }
}

/// Whether a name may be connected to at an address that it was resolved to.
pub fn is_allowed(host: &str, ip: IpAddr, is_private_allowed: bool) -> bool {
    match kind(ip) {
        Kind::Public => true,
        Kind::Private => is_private_allowed,
        // Another name that leads to this machine is one that somebody else may have pointed here.
        Kind::Own => host == "localhost" || is_private_allowed,
        Kind::Never => false,
    }
}

/// The host of an address, when it is written as numbers.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Refuses an address to which nothing may be sent.
///
/// # Errors
/// `malformed` (`url`), `too_large` (`url`).
pub fn check(text: &str, is_private_allowed: bool) -> Result<Url, Problem> {
    let wrong = || Problem::new(Code::Malformed, "url");
    if text.len() > URL_MAX {
        return Err(Problem::new(Code::TooLarge, "url"));
    }
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let is_own = host == "localhost" || literal(&url).is_some_and(|ip| kind(ip) == Kind::Own);
    let is_allowed = match literal(&url).map(kind) {
        None | Some(Kind::Public | Kind::Own) => true,
        Some(Kind::Private) => is_private_allowed,
        Some(Kind::Never) => false,
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_own);
    match is_plain && is_allowed && is_safe {
        true => Ok(url),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_goes_anywhere_on_the_internet_and_http_on_this_machine_only() {
        for good in [
            "https://bank.example/hooks?a=b",
            "https://192.0.2.1:8443/",
            "https://[2001:db8::1]/",
            "https://localhost:9000/hook",
            "http://localhost:9000/hook",
            "http://127.0.0.1:9000/hook",
            "http://[::1]:9000/",
        ] {
            assert!(check(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://bank.example/",
            "http://192.0.2.1/",
            "ftp://bank.example/",
            "https://user@bank.example/",
            "https://user:word@bank.example/",
            "https://bank.example/#part",
            "https://",
            "bank.example",
            "",
        ] {
            assert_eq!(check(bad, true), Err(Problem::new(Code::Malformed, "url")), "{bad}");
        }
        let long = format!("https://bank.example/{}", "a".repeat(URL_MAX));
        assert_eq!(check(&long, true), Err(Problem::new(Code::TooLarge, "url")));
    }

    #[test]
    fn private_addresses_need_the_configurations_word_and_link_local_ones_have_none() {
        for private in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
        ] {
            let url = format!("https://{private}/");
            assert!(check(&url, false).is_err(), "{private}");
            assert!(check(&url, true).is_ok(), "{private}");
        }
        for never in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "[fe80::1]",
            "[::]",
            "[ff02::1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]",
            "2852039166",
            "0xa9fea9fe",
        ] {
            for scheme in ["https", "http"] {
                assert!(
                    check(&format!("{scheme}://{never}/"), true).is_err(),
                    "{scheme} {never}"
                );
            }
        }
    }

    #[test]
    fn a_name_that_leads_to_a_private_or_own_address_is_not_followed_there_unasked() {
        let ip = |text: &str| text.parse().expect("an address");
        assert!(is_allowed("bank.example", ip("192.0.2.1"), false));
        assert!(is_allowed("localhost", ip("127.0.0.1"), false));
        for inside in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"] {
            assert!(!is_allowed("rebound.example", ip(inside), false), "{inside}");
            assert!(is_allowed("core.bank.internal", ip(inside), true), "{inside}");
        }
        assert!(!is_allowed("rebound.example", ip("169.254.169.254"), true));
    }
}
