//! What the nodes' processes hold in memory, as the kernel counts it.

use super::spread::rank;

/// Resident and proportional memory of processes, in KiB: shared pages count in full in the first, and by their share in the
/// second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Resident, of the process in the middle.
    pub(super) resident_kib: u64,
    /// Proportional, of the process in the middle.
    pub(super) proportional_kib: u64,
    /// Proportional, of all together.
    pub(super) all_kib: u64,
}

/// Of these processes. Those that have gone, and systems that do not tell, count nothing.
pub(super) fn of(pids: &[u32]) -> Memory {
    let texts = pids
        .iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok());
    let (mut resident, mut proportional): (Vec<u64>, Vec<u64>) =
        texts.map(|text| (field(&text, "Rss:"), field(&text, "Pss:"))).unzip();
    resident.sort_unstable();
    proportional.sort_unstable();
    let middle = |sorted: &[u64]| {
        rank(sorted.len(), 50)
            .and_then(|at| sorted.get(at).copied())
            .unwrap_or(0)
    };
    Memory {
        resident_kib: middle(&resident),
        proportional_kib: middle(&proportional),
        all_kib: proportional.iter().sum(),
    }
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_has_memory_and_one_that_does_not_has_none() {
        let own = of(&[std::process::id()]);
        assert!(own.resident_kib > 1000 && own.proportional_kib > 0, "{own:?}");
        assert_eq!(own.all_kib, own.proportional_kib);
        assert_eq!(of(&[u32::MAX]), Memory::default());
    }
}
