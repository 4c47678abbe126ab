//! A network at rest: how fast a change spreads is measured when the nodes have nothing else to do. A network that has just begun has:
//! everybody greets everybody, and fetches what it has not.

use super::crowd::Crowd;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// How long processes are looked at to say whether they rest.
const LOOK: Duration = Duration::from_secs(2);
/// Longest wait for it before the first change, and before each other.
const LONGEST: [Duration; 2] = [Duration::from_secs(90), Duration::from_secs(30)];
/// The same beside nodes that lie: they give nobody rest.
const BESIDE_LIARS: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(4)];
/// Processor time that nodes at rest take in a second, in microseconds: all together, and each.
const AT_REST: (u64, u64) = (50_000, 3_500);

/// Processor time that these processes have taken, in microseconds. Those that have gone, and systems that do not tell, count nothing.
fn spent(pids: &[u32]) -> u64 {
    let ticks = pids
        .iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok())
        .map(|text| ticks(&text))
        .fold(0, u64::saturating_add);
    let second = rustix::param::clock_ticks_per_second().max(1);
    ticks.saturating_mul(1_000_000) / second
}

/// `utime` and `stime` of `/proc/PID/stat`: the twelfth and thirteenth after the name, which may itself have spaces.
fn ticks(stat: &str) -> u64 {
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let numbers = fields.split_whitespace().skip(11).take(2);
    numbers
        .filter_map(|number| number.parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

impl Crowd<'_> {
    /// Waits until the nodes rest, or for the longest time; tells which, and what they take.
    pub(super) async fn rest(&mut self) {
        let pids: Vec<u32> = self.nodes.pids().into_iter().filter_map(|(_, pid)| pid).collect();
        let [first, later] = match self.liars {
            None => LONGEST,
            Some(_) => BESIDE_LIARS,
        };
        let longest = if self.table.is_empty() { first } else { later };
        let each = u64::try_from(pids.len()).unwrap_or(u64::MAX).saturating_mul(AT_REST.1);
        let limit = AT_REST.0.saturating_add(each);
        let began = Instant::now();
        let (mut taken, mut at) = (spent(&pids), began);
        let (is_at_rest, a_second) = loop {
            tokio::time::sleep(LOOK).await;
            let (now, then) = (spent(&pids), at);
            at = Instant::now();
            let milliseconds = u64::try_from(at.duration_since(then).as_millis()).unwrap_or(u64::MAX);
            let a_second = now.saturating_sub(taken).saturating_mul(1_000) / milliseconds.max(1);
            taken = now;
            if a_second <= limit {
                break (true, a_second);
            }
            if began.elapsed() >= longest {
                break (false, a_second);
            }
        };
        let run = json!({
            "rests": if is_at_rest { "yes" } else { "no" },
            "waited_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "processor_ms": a_second / 1_000,
        });
        self.teller.tell("rest", "demo", json!({}), run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_stand_behind_the_name_whatever_it_is() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 9 0 1";
        assert_eq!(ticks(&format!("42 (bevis) {rest}")), 300);
        assert_eq!(ticks(&format!("42 (a) b (c) {rest}")), 300);
        assert_eq!(ticks("42 (bevis"), 0);
    }

    #[test]
    fn a_process_that_works_has_taken_time_and_one_that_does_not_exist_none() {
        let watch = crate::clock::Stopwatch::start();
        let before = spent(&[std::process::id()]);
        while watch.milliseconds() < 10_000 && spent(&[std::process::id()]) == before {}
        assert!(spent(&[std::process::id()]) > before);
        assert_eq!(spent(&[u32::MAX]), 0);
    }
}
