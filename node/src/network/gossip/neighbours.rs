//! Which listed peers we keep connected, and when they are dialled. Pure: the caller dials and tells what came of it.
//!
//! They are chosen at random, so that no peer can arrange to be all that a node hears of, and one goes each hour. A peer
//! that cannot be had makes room for another.

use std::collections::HashMap;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use tokio::time::Instant;

/// First wait after a dial that failed; it doubles up to the longest. With the jitter of a quarter no wait is over 15 s.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(12);
/// Time over which first dials are spread, after a list was set and after a connection was lost.
const SPREAD: Duration = Duration::from_secs(1);
/// Time after which a neighbour that cannot be had makes room for another.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Time between two neighbours that go so that others come.
const ROTATION: Duration = Duration::from_secs(60 * 60);

/// One that was chosen.
struct Neighbour {
    is_connected: bool,
    is_dialling: bool,
    /// When to dial next.
    due: Instant,
    wait: Duration,
    /// Since when it is or is not connected.
    since: Instant,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// To be dialled.
    pub(super) dial: Vec<(PeerId, Vec<Multiaddr>)>,
    /// No longer neighbours.
    pub(super) dropped: Vec<PeerId>,
    /// New ones.
    pub(super) chosen: Vec<PeerId>,
}

pub(super) struct Neighbours {
    wanted: usize,
    listed: HashMap<PeerId, Vec<Multiaddr>>,
    chosen: HashMap<PeerId, Neighbour>,
    /// Not chosen until then.
    avoided: HashMap<PeerId, Instant>,
    rotated: Instant,
    random: ChaCha8Rng,
}

impl Neighbours {
    pub(super) fn new(wanted: usize, random: ChaCha8Rng, now: Instant) -> Self {
        Self {
            wanted,
            listed: HashMap::new(),
            chosen: HashMap::new(),
            avoided: HashMap::new(),
            rotated: now,
            random,
        }
    }

    /// The peers to choose of. Those without an address cannot be dialled and are not chosen.
    pub(super) fn set(&mut self, listed: HashMap<PeerId, Vec<Multiaddr>>) {
        self.listed = listed;
        self.listed.retain(|_, addresses| !addresses.is_empty());
        self.avoided.retain(|peer, _| self.listed.contains_key(peer));
    }

    pub(super) fn is_chosen(&self, peer: &PeerId) -> bool {
        self.chosen.contains_key(peer)
    }

    /// How many of them are connected.
    pub(super) fn connected(&self) -> usize {
        self.chosen.values().filter(|neighbour| neighbour.is_connected).count()
    }

    /// A peer can be gossiped with from now on.
    pub(super) fn up(&mut self, peer: &PeerId, now: Instant) {
        if let Some(neighbour) = self.chosen.get_mut(peer) {
            neighbour.is_connected = true;
            neighbour.is_dialling = false;
            neighbour.wait = WAIT_MIN;
            neighbour.since = now;
        }
    }

    /// It no longer can.
    pub(super) fn down(&mut self, peer: &PeerId, now: Instant) {
        let due = now + self.spread(SPREAD);
        if let Some(neighbour) = self.chosen.get_mut(peer).filter(|neighbour| neighbour.is_connected) {
            neighbour.is_connected = false;
            neighbour.due = due;
            neighbour.since = now;
        }
    }

    /// A dial of ours, or a connection that came of it, led to nothing.
    pub(super) fn failed(&mut self, peer: &PeerId, now: Instant) {
        let quarter = WAIT_MAX / 4;
        let jitter = self.spread(quarter);
        if let Some(neighbour) = self.chosen.get_mut(peer).filter(|neighbour| !neighbour.is_connected) {
            neighbour.is_dialling = false;
            let jitter = jitter.min(neighbour.wait / 4);
            neighbour.due = now + neighbour.wait + jitter;
            neighbour.wait = neighbour.wait.saturating_mul(2).min(WAIT_MAX);
        }
    }

    /// Does without a peer for a time.
    pub(super) fn avoid(&mut self, peer: PeerId, until: Instant) {
        if self.listed.contains_key(&peer) {
            self.avoided.insert(peer, until);
        }
    }

    /// What is to be done now. `is_usable` says of whom we expect nothing for now.
    pub(super) fn step(&mut self, is_usable: impl Fn(&PeerId) -> bool, now: Instant) -> Steps {
        let mut steps = Steps::default();
        self.avoided.retain(|_, until| *until > now);
        let may = |listed: &HashMap<PeerId, _>, avoided: &HashMap<PeerId, _>, peer: &PeerId| {
            listed.contains_key(peer) && !avoided.contains_key(peer) && is_usable(peer)
        };
        let mut gone: Vec<PeerId> = self.chosen.keys().copied().collect();
        gone.retain(|peer| !may(&self.listed, &self.avoided, peer));
        for peer in gone {
            self.chosen.remove(&peer);
            steps.dropped.push(peer);
        }
        let lost = |known: &Neighbour| !known.is_connected && now.saturating_duration_since(known.since) >= GIVE_UP;
        let is_rotation = now.saturating_duration_since(self.rotated) >= ROTATION;
        // Looked for only when there may be a place: it is asked for each listed peer.
        let mut spare = Vec::new();
        if is_rotation || self.chosen.len() < self.wanted || self.chosen.values().any(lost) {
            spare.extend(self.listed.keys().copied());
            spare.retain(|peer| !self.chosen.contains_key(peer) && may(&self.listed, &self.avoided, peer));
            spare.sort_unstable();
        }
        if !spare.is_empty() {
            self.make_room(&mut steps, now);
        }
        while self.chosen.len() < self.wanted && !spare.is_empty() {
            let peer = spare.swap_remove(self.index(spare.len()));
            let due = now + self.spread(SPREAD);
            self.chosen.insert(
                peer,
                Neighbour {
                    is_connected: false,
                    is_dialling: false,
                    due,
                    wait: WAIT_MIN,
                    since: now,
                },
            );
            steps.chosen.push(peer);
        }
        for (peer, neighbour) in &mut self.chosen {
            if !neighbour.is_connected && !neighbour.is_dialling && neighbour.due <= now {
                neighbour.is_dialling = true;
                let addresses = self.listed.get(peer).cloned().unwrap_or_default();
                steps.dial.push((*peer, addresses));
            }
        }
        steps
    }

    /// Lets those go that cannot be had, and one of the others each hour.
    fn make_room(&mut self, steps: &mut Steps, now: Instant) {
        let is_lost = |neighbour: &Neighbour| {
            !neighbour.is_connected && now.saturating_duration_since(neighbour.since) >= GIVE_UP
        };
        let lost = self.chosen.iter().filter(|(_, neighbour)| is_lost(neighbour));
        let mut goes: Vec<PeerId> = lost.map(|(peer, _)| *peer).collect();
        if now.saturating_duration_since(self.rotated) >= ROTATION {
            self.rotated = now;
            let mut connected: Vec<_> = self
                .chosen
                .iter()
                .filter(|(_, neighbour)| neighbour.is_connected)
                .collect();
            connected.sort_unstable_by_key(|(_, neighbour)| neighbour.since);
            goes.extend(connected.first().map(|(peer, _)| **peer));
        }
        for peer in goes {
            self.chosen.remove(&peer);
            steps.dropped.push(peer);
        }
    }

    fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.random.next_u64() % length).unwrap_or(0)
    }

    /// A random time below `most`.
    fn spread(&mut self, most: Duration) -> Duration {
        most.mul_f64(f64::from(self.random.next_u32()) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn peers(count: usize) -> Vec<PeerId> {
        (0..count).map(|_| PeerId::random()).collect()
    }

    fn of(wanted: usize, peers: &[PeerId], now: Instant) -> Neighbours {
        let mut neighbours = Neighbours::new(wanted, ChaCha8Rng::seed_from_u64(7), now);
        neighbours.set(listed(peers));
        neighbours
    }

    fn listed(peers: &[PeerId]) -> HashMap<PeerId, Vec<Multiaddr>> {
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/9".parse().expect("an address");
        peers.iter().map(|peer| (*peer, vec![address.clone()])).collect()
    }

    fn seconds(count: f64) -> Duration {
        Duration::from_secs_f64(count)
    }

    #[test]
    fn so_many_are_chosen_and_dialled_within_a_second_and_not_at_once() {
        let now = Instant::now();
        let mut neighbours = of(8, &peers(143), now);
        let first = neighbours.step(|_| true, now);
        assert_eq!((first.chosen.len(), first.dropped.len()), (8, 0));
        let mut dialled = first.dial.len();
        assert!(dialled < 8, "not all at once");
        for tenth in 1..=10 {
            dialled += neighbours
                .step(|_| true, now + seconds(f64::from(tenth) / 10.0))
                .dial
                .len();
        }
        assert_eq!(dialled, 8);
        assert!(
            neighbours.step(|_| true, now + seconds(59.0)).dial.is_empty(),
            "each once"
        );
    }

    #[test]
    fn a_neighbour_that_is_down_is_dialled_again_within_15_seconds_each_time() {
        let now = Instant::now();
        let only = peers(1);
        let mut neighbours = of(8, &only, now);
        let mut at = now;
        let mut last = now;
        for attempt in 0..40 {
            while neighbours.step(|_| true, at).dial.is_empty() {
                at += seconds(0.1);
            }
            assert!(at - last <= seconds(15.1), "attempt {attempt} after {:?}", at - last);
            last = at;
            neighbours.failed(&only[0], at);
        }
        assert!(at - now > seconds(300.0), "and not much more often");
        neighbours.up(&only[0], at);
        assert!(neighbours.step(|_| true, at + seconds(30.0)).dial.is_empty());
        neighbours.down(&only[0], at + seconds(30.0));
        let again = neighbours.step(|_| true, at + seconds(31.1));
        assert_eq!(again.dial.len(), 1, "within a second of being lost");
    }

    #[test]
    fn one_that_cannot_be_had_makes_room_only_when_there_is_another() {
        let now = Instant::now();
        let three = peers(3);
        let mut neighbours = of(2, &three, now);
        let chosen = neighbours.step(|_| true, now).chosen;
        neighbours.up(&chosen[0], now);
        let later = now + seconds(61.0);
        let steps = neighbours.step(|_| true, later);
        assert_eq!(steps.dropped, [chosen[1]]);
        assert_eq!(steps.chosen.len(), 1);
        assert!(!chosen.contains(&steps.chosen[0]));

        let mut alone = of(2, &three[..2], now);
        alone.step(|_| true, now);
        let steps = alone.step(|_| true, later);
        assert!(steps.dropped.is_empty(), "there is nobody else");
    }

    #[test]
    fn the_longest_connected_goes_each_hour() {
        let now = Instant::now();
        let mut neighbours = of(2, &peers(4), now);
        let chosen = neighbours.step(|_| true, now).chosen;
        neighbours.up(&chosen[1], now + seconds(1.0));
        neighbours.up(&chosen[0], now + seconds(2.0));
        assert!(neighbours.step(|_| true, now + seconds(3_599.0)).dropped.is_empty());
        let steps = neighbours.step(|_| true, now + seconds(3_600.0));
        assert_eq!(steps.dropped, [chosen[1]]);
        assert!(
            neighbours.step(|_| true, now + seconds(3_650.0)).dropped.is_empty(),
            "one"
        );
    }

    #[test]
    fn who_is_unlisted_or_unusable_or_avoided_is_not_kept_and_not_chosen() {
        let now = Instant::now();
        let four = peers(4);
        let mut neighbours = of(4, &four, now);
        assert_eq!(neighbours.step(|_| true, now).chosen.len(), 4);
        neighbours.avoid(four[0], now + seconds(30.0));
        neighbours.set(listed(&four[..3]));
        let mut dropped = neighbours.step(|peer| *peer != four[1], now).dropped;
        dropped.sort_unstable();
        let mut expected = vec![four[0], four[1], four[3]];
        expected.sort_unstable();
        assert_eq!(dropped, expected);
        assert!(neighbours.is_chosen(&four[2]));
        let mut back = neighbours.step(|_| true, now + seconds(30.0)).chosen;
        back.sort_unstable();
        let mut expected = vec![four[0], four[1]];
        expected.sort_unstable();
        assert_eq!(back, expected, "in time");
    }
}
