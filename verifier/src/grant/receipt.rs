//! What a statement of erasure lists: what each release brought and, where that is more than a statement holds, several as one.
//! Nothing that is gone or kept is left out by that.

use super::tables::GrantRow;
use credentials::grant::{Erased, Erasure, Kept};
use credentials::schema::Path;
use std::collections::BTreeMap;

/// Most entries of each kind.
pub(super) const LISTED_MAX: usize = 64;
/// Bytes of what a statement says, before it is signed: with header and signature, in base64url, it goes into a message of 32 KiB.
const ROOM: usize = 22 * 1024;

/// What is kept, release by release; where that is too long a list, one entry for all that has the same claims and ground, from the
/// first that came until the last that goes.
pub(super) fn kept_of(row: &GrantRow) -> Vec<Kept> {
    let kept = row.held.iter().filter_map(|held| {
        Some(Kept {
            claims: held.claims.clone(),
            received: held.received,
            ground: held.ground.clone(),
            until: held.until?,
        })
    });
    let kept: Vec<Kept> = kept.collect();
    if kept.len() < LISTED_MAX {
        return kept;
    }
    let mut together: BTreeMap<(Vec<Path>, String), Kept> = BTreeMap::new();
    for one in kept {
        let all = together
            .entry((one.claims.clone(), one.ground.clone()))
            .or_insert_with(|| one.clone());
        all.received = all.received.min(one.received);
        all.until = all.until.max(one.until);
    }
    together.into_values().collect()
}

/// The same statement in few enough bytes: the oldest of what is gone become one entry, then what is kept on the same ground. `granted`
/// is everything that the grant covers.
pub(super) fn fitted(mut erasure: Erasure, granted: &[Path]) -> Erasure {
    loop {
        let is_long = erasure.kept.len() > LISTED_MAX;
        let is_fitting = size(&erasure) <= ROOM;
        let is_shorter = match (is_long, is_fitting) {
            (false, true) => false,
            (true, _) => fold_kept(&mut erasure.kept, granted),
            (false, false) => fold_erased(&mut erasure.erased, granted) || fold_kept(&mut erasure.kept, granted),
        };
        if !is_shorter {
            return erasure;
        }
    }
}

/// The newest come first.
fn fold_erased(erased: &mut Vec<Erased>, granted: &[Path]) -> bool {
    let Some((oldest, [.., next])) = erased.split_last_mut() else {
        return false;
    };
    next.claims = both(&next.claims, &oldest.claims, granted);
    next.received = next.received.min(oldest.received);
    next.at = next.at.max(oldest.at);
    erased.pop();
    true
}

fn fold_kept(kept: &mut Vec<Kept>, granted: &[Path]) -> bool {
    let mut all = kept.iter().enumerate();
    // The record of the consent itself has no claims and stands by itself.
    let pair = all.find_map(|(at, one)| {
        let is_alike = |other: &Kept| other.ground == one.ground && !other.claims.is_empty();
        let behind = kept.iter().skip(at.saturating_add(1)).position(is_alike)?;
        (!one.claims.is_empty()).then(|| (at, at.saturating_add(1).saturating_add(behind)))
    });
    let Some((at, behind)) = pair else { return false };
    let one = kept.remove(at);
    let Some(other) = kept.get_mut(behind.saturating_sub(1)) else {
        return false;
    };
    other.claims = both(&other.claims, &one.claims, granted);
    other.received = other.received.min(one.received);
    other.until = other.until.max(one.until);
    true
}

/// The claims of both, in no more words than the grant has for all of them.
fn both(one: &[Path], other: &[Path], granted: &[Path]) -> Vec<Path> {
    let mut claims: Vec<Path> = one.iter().chain(other).cloned().collect();
    claims.sort_unstable();
    claims.dedup();
    match claims.len() > granted.len() {
        true => granted.to_vec(),
        false => claims,
    }
}

fn size(erasure: &Erasure) -> usize {
    serde_json::to_vec(erasure).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use credentials::protocol::consent::{LIMIT, Reply};
    use credentials::protocol::encode;
    use credentials::{Did, SigningKey, Timestamp};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    /// So many claims with names of so many bytes.
    fn claims(count: usize, bytes: usize) -> Vec<Path> {
        (0..count)
            .map(|number| Path::of(&[&format!("{number:0bytes$}")]))
            .collect()
    }

    fn kept(claims: &[Path], ground: &str, seconds: i64) -> Kept {
        Kept {
            claims: claims.to_vec(),
            received: at(seconds),
            ground: ground.to_owned(),
            until: at(seconds + 10_000),
        }
    }

    /// As many releases as are listed at most, each of these claims.
    fn erasure(claims: &[Path]) -> Erasure {
        let gone = |number: i64| Erased {
            claims: claims.to_vec(),
            received: at(number),
            at: at(number + 1_000),
        };
        let record = kept(&[], "consent_record", 0);
        Erasure {
            grant: credentials::grant::hash_text(&[1; 32]),
            asker: Did::parse("did:web:bank.example").unwrap(),
            erased: (0..64).rev().map(gone).collect(),
            kept: std::iter::once(record)
                .chain((0..63).map(|number| kept(claims, "case", number)))
                .collect(),
            at: at(5_000),
        }
    }

    fn message(erasure: &Erasure) -> usize {
        let key = SigningKey::from_bytes(&[7; 32]);
        let erasure = erasure
            .sign("did:web:bank.example#a-key-with-a-long-name-2026", &key)
            .unwrap();
        encode(&Reply::Erased { erasure }).unwrap().len()
    }

    #[test]
    fn whatever_was_granted_its_end_can_be_acknowledged_and_nothing_is_left_out() {
        for (count, bytes) in [(2, 10), (8, 30), (16, 30), (64, 60), (64, 64)] {
            let granted = claims(count, bytes);
            let said = fitted(erasure(&granted), &granted);
            assert!(message(&said) <= LIMIT, "{count} claims: {}", message(&said));
            assert!(said.erased.len() <= LISTED_MAX && said.kept.len() <= LISTED_MAX);
            let first = said.erased.iter().map(|one| one.received).min();
            let last = said.kept.iter().map(|one| one.until).max();
            assert_eq!((first, last), (Some(at(0)), Some(at(10_062))));
            assert!(said.erased.iter().all(|one| one.claims == granted));
            assert!(said.kept[0].claims.is_empty(), "the record of the consent itself");
        }
        let few = erasure(&claims(2, 10));
        assert_eq!(
            fitted(few.clone(), &claims(2, 10)),
            few,
            "one line for each release where they fit"
        );
    }

    #[test]
    fn releases_of_other_claims_become_one_with_all_of_them_and_grounds_stay_apart() {
        let granted = claims(64, 60);
        let mut long = erasure(&granted);
        for (number, one) in long.erased.iter_mut().enumerate() {
            one.claims = vec![granted[number].clone()];
        }
        for (number, one) in long.kept.iter_mut().enumerate().skip(1) {
            one.ground = if number % 2 == 0 { "case" } else { "law" }.to_owned();
        }
        let said = fitted(long, &granted);
        assert!(message(&said) <= LIMIT);
        let mut all: Vec<Path> = said.erased.iter().flat_map(|one| one.claims.clone()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, granted);
        let grounds: std::collections::BTreeSet<&str> = said.kept.iter().map(|one| one.ground.as_str()).collect();
        assert_eq!(
            grounds.into_iter().collect::<Vec<_>>(),
            ["case", "consent_record", "law"]
        );
    }
}
