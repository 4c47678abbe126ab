//! Many of one person: more grants and more uses than go into a message, more uses than there can have been, two wallets.

use super::*;
use credentials::protocol::consent::{LIMIT, Standing};
use credentials::protocol::encode;
use std::collections::BTreeSet;

fn size(reply: &Reply) -> usize {
    encode(reply).unwrap().len()
}

/// Everything that is shown to a person, page by page; each page goes into a message.
fn pages(stage: &mut Stage, pid: &Held, end: &[&Holder]) -> Vec<Vec<Standing>> {
    let (nonce, request) = stage.begin(None);
    let names: Vec<[u8; 32]> = end.iter().map(|holder| *holder.opened().hash()).collect();
    let (transaction, covered) = standing_covers(&nonce, &names);
    let covers = Covers {
        transaction,
        keys_hash: keys_hash(&[]),
        organisation: None,
        grant: Some(covered),
    };
    let answer = stage.world.answer(&request, pid, &covers);
    let end: Vec<String> = names.iter().map(hash_text).collect();
    let (mut pages, mut from) = (Vec::new(), None);
    loop {
        let reply = stage.ask(Ask::Standing {
            nonce: nonce.clone(),
            answer: answer.clone(),
            end: end.clone(),
            from,
        });
        assert!(size(&reply) <= LIMIT, "{}", size(&reply));
        let Reply::Standing { grants, next } = reply else {
            panic!("{reply:?}")
        };
        assert!(!grants.is_empty());
        pages.push(grants);
        from = next;
        if from.is_none() {
            break;
        }
    }
    // All of it was shown: the answer counts no more.
    let again = Ask::Standing {
        nonce,
        answer,
        end,
        from: None,
    };
    assert_eq!(code(stage.ask(again)).0, Code::WrongNonce);
    pages
}

#[test]
fn what_stands_is_shown_whole_in_as_many_messages_as_it_takes_and_first_what_stands() {
    let mut stage = Stage::new();
    let holders: Vec<Holder> = (0..28).map(|_| stage.holder(ROLIG)).collect();
    for holder in &holders {
        stage.deposited(holder);
    }
    let pid = stage.world.pid(ROLIG);
    let ended: Vec<&Holder> = holders.iter().take(24).collect();
    // Taken back by the very look that shows it.
    let pages = pages(&mut stage, &pid, &ended);
    assert!(pages.len() > 1);
    let all: Vec<&Standing> = pages.iter().flatten().collect();
    let names: BTreeSet<&str> = all.iter().map(|one| one.grant.as_str()).collect();
    assert_eq!((all.len(), names.len()), (28, 28), "each once");
    let is_withdrawn: Vec<bool> = all.iter().map(|one| one.withdrawn.is_some()).collect();
    let expected: Vec<bool> = (0..28).map(|at| at >= 4).collect();
    assert_eq!(is_withdrawn, expected);

    let (nonce, request) = stage.begin(None);
    let (transaction, covered) = standing_covers(&nonce, &[]);
    let covers = Covers {
        transaction,
        keys_hash: keys_hash(&[]),
        organisation: None,
        grant: Some(covered),
    };
    let answer = stage.world.answer(&request, &pid, &covers);
    let nowhere = Ask::Standing {
        nonce,
        answer,
        end: Vec::new(),
        from: Some("nowhere".to_owned()),
    };
    assert_eq!(code(stage.ask(nowhere)), (Code::Malformed, "from".to_owned()));
}

/// So many claims below one that is granted, each with a long name.
fn long_claims(count: usize) -> Vec<Path> {
    (0..count)
        .map(|number| Path::of(&["TotalAmount", &format!("{number:050}")]))
        .collect()
}

fn released(stage: &mut Stage, holder: &Holder, claims: Vec<Path>) -> Reply {
    let bank = stage.bank();
    let ask = Ask::Refresh {
        grant: holder.opened().text().to_owned(),
        nonce: NONCE.to_owned(),
        claims,
    };
    stage.ask_by(Some(&bank), ask)
}

#[test]
fn uses_with_many_claims_are_told_in_as_many_messages_as_they_take() {
    let mut stage = Stage::new();
    let mut holder = stage.holder(ROLIG);
    holder.grant.uses_per_day = 24;
    stage.deposited(&holder);
    for _ in 0..12 {
        let reply = released(&mut stage, &holder, long_claims(40));
        assert!(matches!(reply, Reply::Released { .. }), "{reply:?}");
    }
    let (mut numbers, mut messages) = (Vec::new(), 0);
    loop {
        let ask = Ask::Uses {
            grant: holder.opened().name(),
            proof: stage.proof(&holder),
            after: numbers.last().copied().unwrap_or(0),
        };
        let reply = stage.ask(ask);
        assert!(size(&reply) <= LIMIT, "{}", size(&reply));
        let Reply::Uses { uses, more, .. } = reply else {
            panic!("{reply:?}")
        };
        let open = |text: &String| Usage::open(text, &holder.opened(), &stage.world.trust).unwrap();
        numbers.extend(uses.iter().map(open).map(|usage| usage.number));
        messages += 1;
        if !more {
            break;
        }
    }
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    assert!(messages > 1);
}

#[test]
fn more_than_a_release_or_its_use_holds_is_too_large_and_fewer_claims_are_released() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    stage.deposited(&holder);
    let most: Vec<Path> = (0..64)
        .map(|number| {
            let name = format!("{number:060}");
            Path::of(&["TotalAmount", &name, &name, &name, &name])
        })
        .collect();
    let refused = released(&mut stage, &holder, most);
    assert_eq!(code(refused), (Code::TooLarge, "claims".to_owned()));
    assert!(stage.world.agency.issuer().access_log(Some(ROLIG)).unwrap().is_empty());
    assert_eq!(
        stage.refresh(&holder).unwrap().release().number,
        1,
        "no use was counted"
    );
}

#[test]
fn a_holder_who_claims_more_uses_than_there_can_have_been_costs_a_restored_home_nothing() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    stage.deposited(&holder);
    stage.refresh(&holder).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agency.copy");
    stage.world.agency.backup(&file);
    stage.refresh(&holder).unwrap();
    stage.world.agency.restore(&file);
    let (uses, _) = stage.uses(&holder, u32::MAX);
    assert!(uses.is_empty());
    // Three a day, on two days at most: numbers go on from there, and none of them is looked for one by one.
    let (uses, _) = stage.uses(&holder, 0);
    assert_eq!(uses.iter().map(|usage| usage.number).collect::<Vec<_>>(), [1]);
    assert_eq!(stage.refresh(&holder).unwrap().release().number, 7);
    let (uses, _) = stage.uses(&holder, 1);
    assert_eq!(uses.iter().map(|usage| usage.number).collect::<Vec<_>>(), [7]);
}

#[test]
fn what_a_holder_knows_of_is_not_counted_a_second_time_in_a_restored_home() {
    let mut stage = Stage::new();
    let holder = stage.holder(ROLIG);
    stage.deposited(&holder);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agency.copy");
    stage.world.agency.backup(&file);
    stage.refresh(&holder).unwrap();
    stage.refresh(&holder).unwrap();
    stage.world.agency.restore(&file);
    assert!(stage.uses(&holder, 2).0.is_empty());
    assert_eq!(stage.refresh(&holder).unwrap().release().number, 3);
    let (uses, _) = stage.uses(&holder, 0);
    assert_eq!(
        uses.iter().map(|usage| usage.number).collect::<Vec<_>>(),
        [3],
        "what was forgotten is passed over"
    );
}

#[test]
fn a_withdrawal_is_looked_for_where_the_wallet_that_made_the_grant_is_reached() {
    let mut stage = Stage::new();
    let (first, second, silent) = (stage.holder(ROLIG), stage.holder(ROLIG), stage.holder(ROLIG));
    for (holder, seed) in [(&first, 1), (&second, 2)] {
        stage.world.reach = Some(reach(seed));
        stage.deposited(holder);
    }
    stage.world.reach = None;
    stage.deposited(&silent);
    let mut where_is = |holder: &Holder| {
        let issuer = stage.world.agency.issuer();
        issuer.reach_of_grant(holder.opened().hash()).unwrap()
    };
    assert_eq!(where_is(&first), Some(reach(1)), "the older of two wallets");
    assert_eq!(where_is(&second), Some(reach(2)));
    assert_eq!(where_is(&silent), Some(reach(2)), "the newest word of who did not say");
}
