//! The streets of the address translation tests: a public street, houses on it, and houses behind a door that translates.
//!
//! A door is a router as homes and small offices have it: everybody behind it goes out under its one public address, and
//! nobody comes in who was not spoken to. It is a network namespace of its own, with rules of nftables; all of it lies in a
//! user namespace, so that it needs no rights and goes with the process that made it.

use crate::field::ground::{Trial, is_inside, namespace, run};
use std::process::Child;

/// What such a process must be allowed.
const TRIAL: Trial = Trial {
    of: "nat",
    script: include_str!("trial.sh"),
    needs: "`ip`, `nft`, `nsenter` and `unshare -Urnm` with address translation (tests/src/nat/trial.sh)",
};
/// Most houses: their numbers are the last part of an address.
const HOUSES_MAX: usize = 200;

/// Whether this process stands on streets of its own: as [`is_inside`].
pub(crate) fn is_entered(test: &str) -> bool {
    is_inside(&TRIAL, test)
}

/// How a house stands to the street.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// On it, with an address of its own.
    None,
    /// Behind `masquerade`: a port is kept where it is free, so that others see one port whomever they are.
    Plain,
    /// Behind `masquerade fully-random`: each counterpart sees another port.
    Random,
}

impl Door {
    pub(crate) const ALL: [Door; 3] = [Door::None, Door::Plain, Door::Random];

    fn rule(self) -> Option<&'static str> {
        match self {
            Door::None => None,
            Door::Plain => Some("masquerade"),
            Door::Random => Some("masquerade fully-random"),
        }
    }
}

/// A house: the namespace in which its node runs, and that of its door where it has one.
struct House {
    home: Child,
    /// Kept for as long as the house stands.
    _door: Option<Child>,
    address: String,
}

/// Houses on one street. Dropping it leaves them to the nodes that still run there.
pub(crate) struct Streets(Vec<House>);

/// Runs lines of `ip` in the namespace of a process.
fn ip(holder: &Child, lines: &str) {
    let target = holder.id().to_string();
    run("nsenter", &["-n", "-t", &target, "ip", "-batch", "-"], lines);
}

impl Streets {
    /// Lays out a house for each door, numbered from 0. The addresses of the street are public ones of documentation (RFC 5737),
    /// those behind doors private.
    pub(crate) fn lay(doors: &[Door]) -> Streets {
        assert!(doors.len() <= HOUSES_MAX, "too many houses");
        run(
            "ip",
            &["-batch", "-"],
            "link set lo up\nlink add name street type bridge mcast_snooping 0\nlink set street addrgenmode none\n\
             link set street up\n",
        );
        let houses = doors.iter().enumerate().map(|(number, door)| {
            let (home, gate) = (namespace(), door.rule().map(|rule| (namespace(), rule)));
            let front = gate.as_ref().map_or(&home, |(gate, _)| gate);
            let public = format!("203.0.113.{}", number + 1);
            run(
                "ip",
                &["-batch", "-"],
                &format!(
                    "link add name house{number} type veth peer name uplink netns {}\n\
                     link set house{number} addrgenmode none\nlink set house{number} master street\n\
                     link set house{number} up\n",
                    front.id()
                ),
            );
            ip(
                front,
                &format!(
                    "link set lo up\nlink set uplink addrgenmode none\naddress add {public}/24 dev uplink\n\
                     link set uplink up\n"
                ),
            );
            let Some((gate, rule)) = gate else {
                return House {
                    home,
                    _door: None,
                    address: public,
                };
            };
            let private = format!("192.168.{}", number + 1);
            ip(
                &gate,
                &format!(
                    "link add name inside type veth peer name home netns {}\nlink set inside addrgenmode none\n\
                     address add {private}.1/24 dev inside\nlink set inside up\n",
                    home.id()
                ),
            );
            ip(
                &home,
                &format!(
                    "link set lo up\nlink set home addrgenmode none\naddress add {private}.2/24 dev home\n\
                     link set home up\nroute add default via {private}.1\n"
                ),
            );
            let target = gate.id().to_string();
            let inside = ["-n", "-t", &target];
            let forward = ["sh", "-c", "cat > /proc/sys/net/ipv4/ip_forward"];
            run("nsenter", &[&inside[..], &forward].concat(), "1\n");
            let rules = format!(
                "add table ip door\nadd chain ip door out {{ type nat hook postrouting priority 100; }}\n\
                 add rule ip door out oifname \"uplink\" {rule}\n\
                 add chain ip door in {{ type filter hook input priority 0; }}\n\
                 add rule ip door in iifname \"uplink\" ct state new drop\n\
                 add chain ip door through {{ type filter hook forward priority 0; }}\n\
                 add rule ip door through iifname \"uplink\" ct state new drop\n"
            );
            run("nsenter", &[&inside[..], &["nft", "-f", "-"]].concat(), &rules);
            House {
                home,
                _door: Some(gate),
                address: format!("{private}.2"),
            }
        });
        Streets(houses.collect())
    }

    /// The address that a house has of its own.
    pub(crate) fn address(&self, house: usize) -> &str {
        &self.0[house].address
    }

    /// The process that holds a house's namespace.
    pub(crate) fn holder(&self, house: usize) -> u32 {
        self.0[house].home.id()
    }
}
