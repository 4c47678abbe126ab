//! The places that our listening identity keeps at relays: asked for, held, lost and asked for again.

use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;
use tokio::time::Instant;

use super::Counts;
use crate::network::{Address, PeerName};

/// First wait after a place was lost or not given, and the longest: it doubles.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

enum State {
    /// To be asked for at this time.
    Due(Instant),
    Asked(ListenerId),
    Held(ListenerId),
}

/// One relay, with the addresses at which it is asked, one after the other.
struct Place {
    relay: PeerName,
    addresses: Vec<Multiaddr>,
    tries: usize,
    state: State,
}

/// All places that are wanted.
pub(in crate::network) struct Places(Vec<Place>);

impl Places {
    /// Of addresses that lead through relays; others are passed over.
    pub(in crate::network) fn new(addresses: &[Address], now: Instant) -> Self {
        let mut places: Vec<Place> = Vec::new();
        for address in addresses {
            let Some(relay) = address.relay() else { continue };
            match places.iter_mut().find(|place| place.relay == *relay) {
                Some(place) => place.addresses.push(address.multiaddr()),
                None => places.push(Place {
                    relay: relay.clone(),
                    addresses: vec![address.multiaddr()],
                    tries: 0,
                    state: State::Due(now),
                }),
            }
        }
        Self(places)
    }

    /// When the next is to be asked for.
    pub(in crate::network) fn due(&self) -> Option<Instant> {
        let due = self.0.iter().filter_map(|place| match place.state {
            State::Due(at) => Some(at),
            State::Asked(_) | State::Held(_) => None,
        });
        due.min()
    }

    /// Asks for those that are due: `listen` begins to listen at an address, where it can.
    pub(in crate::network) fn ask(&mut self, now: Instant, mut listen: impl FnMut(Multiaddr) -> Option<ListenerId>) {
        for place in &mut self.0 {
            if !matches!(place.state, State::Due(at) if at <= now) {
                continue;
            }
            let at = place.tries.checked_rem(place.addresses.len()).unwrap_or_default();
            let address = place.addresses.get(at).cloned();
            match address.and_then(&mut listen) {
                Some(listener) => place.state = State::Asked(listener),
                None => place.wait(now),
            }
        }
    }

    /// A relay has given a place.
    pub(in crate::network) fn given(&mut self, listener: ListenerId) {
        for place in &mut self.0 {
            if matches!(place.state, State::Asked(asked) if asked == listener) {
                place.state = State::Held(listener);
                place.tries = 0;
                tracing::info!(relay = %place.relay, "place at a relay");
            }
        }
    }

    /// A place was not given, or is no more.
    pub(in crate::network) fn lost(&mut self, listener: ListenerId, now: Instant) {
        for place in &mut self.0 {
            let is_it = matches!(place.state, State::Asked(id) | State::Held(id) if id == listener);
            if is_it {
                tracing::debug!(relay = %place.relay, "no place at the relay");
                place.wait(now);
            }
        }
    }

    /// Asks at once for all that are missing: whom a new list names may have one now.
    pub(in crate::network) fn hurry(&mut self, now: Instant) {
        for place in &mut self.0 {
            if let State::Due(at) = &mut place.state {
                *at = now;
            }
        }
    }

    pub(in crate::network) fn count(&self, counts: &Counts) {
        use std::sync::atomic::Ordering::Relaxed;
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let held = self.0.iter().filter(|place| matches!(place.state, State::Held(_)));
        counts.held.store(number(held.count()), Relaxed);
        counts.wanted.store(number(self.0.len()), Relaxed);
    }
}

impl Place {
    fn wait(&mut self, now: Instant) {
        let (first, longest) = WAIT;
        let doubled = u32::try_from(self.tries)
            .ok()
            .and_then(|tries| 2_u32.checked_pow(tries));
        let wait = doubled
            .and_then(|times| first.checked_mul(times))
            .map_or(longest, |wait| wait.min(longest));
        self.tries = self.tries.saturating_add(1);
        self.state = State::Due(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Secret32, peer_name};

    fn through(text: &str, seed: u8) -> Address {
        let address = Address::parse(text).expect("well-formed");
        address.through(&peer_name(&Secret32::new([seed; 32]))).expect("direct")
    }

    #[test]
    fn a_relay_is_asked_at_one_address_after_the_other_with_longer_and_longer_waits() {
        let start = Instant::now();
        let addresses = [
            through("/ip4/192.0.2.1/udp/1/quic-v1", 1),
            through("/ip4/192.0.2.1/tcp/1", 1),
            Address::parse("/ip4/192.0.2.9/tcp/1").expect("well-formed"),
        ];
        let mut places = Places::new(&addresses, start);
        let (mut now, mut asked) = (start, Vec::new());
        let mut waits = Vec::new();
        for _ in 0..9 {
            let listener = ListenerId::next();
            places.ask(now, |address| {
                asked.push(address);
                Some(listener)
            });
            assert_eq!(places.due(), None, "one asking at a time");
            places.lost(listener, now);
            let due = places.due().expect("again");
            waits.push((due - now).as_secs());
            now = due;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        let expected: Vec<_> = addresses[..2].iter().cycle().take(9).map(Address::multiaddr).collect();
        assert_eq!(asked, expected);
    }

    #[test]
    fn a_place_that_is_lost_is_asked_for_anew_soon_and_a_listener_of_others_changes_nothing() {
        let start = Instant::now();
        let counts = Counts::default();
        let mut places = Places::new(
            &[through("/ip4/192.0.2.1/tcp/1", 1), through("/ip4/192.0.2.2/tcp/1", 2)],
            start,
        );
        let mut listeners = Vec::new();
        places.ask(start, |_| {
            listeners.push(ListenerId::next());
            listeners.last().copied()
        });
        places.given(listeners[0]);
        places.count(&counts);
        assert_eq!((counts.read().wanted, counts.read().held), (2, 1));
        places.lost(ListenerId::next(), start);
        assert_eq!(places.due(), None);
        places.lost(listeners[0], start);
        places.count(&counts);
        assert_eq!(counts.read().held, 0);
        assert_eq!(places.due(), Some(start + Duration::from_secs(1)));
        places.hurry(start);
        assert_eq!(places.due(), Some(start));
    }
}
