//! What a relay gives, and to whom: places to listed organisations alone, circuits to anybody, both within limits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId, relay};
use tokio::time::Instant;

use crate::network::context::Context;
use crate::network::crowd::network_of;
use crate::network::pace::{Bucket, Rate};
use crate::network::{PeerName, RelayLimits};

/// Addresses whose askings are remembered at one time.
const ADDRESSES_MAX: usize = 4096;
/// How often one node may ask for a place: at once, and one more in each interval. It needs one in three quarters of an hour,
/// and one more for each time that it comes back.
const PLACES: (NonZeroU32, Duration) = (NonZeroU32::new(8).expect("not zero"), Duration::from_secs(15));

/// Circuits asked for, by where from.
struct Askings {
    rate: Rate,
    buckets: HashMap<IpAddr, Bucket>,
}

impl Askings {
    fn take(&mut self, from: IpAddr, now: Instant) -> bool {
        let rate = self.rate;
        if self.buckets.len() >= ADDRESSES_MAX && !self.buckets.contains_key(&from) {
            self.buckets.retain(|_, bucket| !bucket.is_full(rate, now));
            if self.buckets.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let bucket = self.buckets.entry(from).or_insert_with(|| Bucket::full(rate, now));
        bucket.take(rate, now)
    }
}

/// The behaviour of a relay.
pub(in crate::network) fn behaviour(own: PeerId, context: &Arc<Context>, limits: &RelayLimits) -> relay::Behaviour {
    let list = Arc::clone(context);
    let is_listed = move |peer: PeerId, _: &Multiaddr, _: std::time::Instant| {
        PeerName::of(peer).is_ok_and(|name| list.shared.greeter.is_listed(&name))
    };
    let mut askings = Askings {
        rate: limits.circuits_per_address,
        buckets: HashMap::new(),
    };
    let is_within = move |_: PeerId, from: &Multiaddr, now: std::time::Instant| {
        askings.take(network_of(from), Instant::from_std(now))
    };
    let config = relay::Config {
        max_reservations: limits.reservations,
        // libp2p lets one more through than it is told, here and below.
        max_reservations_per_peer: limits.reservations_per_peer.saturating_sub(1),
        reservation_duration: limits.reservation,
        // Who is not listed is asked nothing more, and takes no room in what comes after.
        reservation_rate_limiters: vec![Box::new(is_listed)],
        max_circuits: limits.circuits,
        max_circuits_per_peer: limits.circuits_per_peer.saturating_sub(1),
        max_circuit_duration: limits.circuit,
        max_circuit_bytes: limits.circuit_bytes,
        circuit_src_rate_limiters: vec![Box::new(is_within)],
    };
    let (at_once, interval) = PLACES;
    let mut behaviour = relay::Behaviour::new(own, config.reservation_rate_per_peer(at_once, interval));
    // We are told to relay: nothing is guessed from what others say of our addresses.
    behaviour.set_status(Some(relay::Status::Enable));
    behaviour
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn one_address_that_asks_too_often_takes_nothing_from_others_and_a_full_table_frees_itself() {
        let start = Instant::now();
        let rate = Rate {
            burst: 2,
            per_second: 1,
        };
        let mut askings = Askings {
            rate,
            buckets: HashMap::new(),
        };
        let address = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).expect("small")));
        let first: Vec<bool> = (0..3).map(|_| askings.take(address(0), start)).collect();
        assert_eq!(first, [true, true, false]);
        for number in 1..ADDRESSES_MAX {
            assert!(askings.take(address(number), start), "{number}");
        }
        assert!(!askings.take(address(ADDRESSES_MAX), start), "no room is left");
        assert_eq!(askings.buckets.len(), ADDRESSES_MAX);
        let later = start + Duration::from_secs(2);
        assert!(askings.take(address(ADDRESSES_MAX), later));
        assert_eq!(askings.buckets.len(), 1, "those that asked nothing since are forgotten");
    }
}
