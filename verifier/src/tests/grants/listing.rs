//! Pages of grants.

use super::*;
use crate::Page;

fn page(world: &World, state: Option<GrantState>, from: usize, limit: usize) -> (Vec<String>, usize) {
    let page: Page<crate::GrantView> = world.verifier.grants_page(world.now, state, (from, limit)).unwrap();
    (page.rows.into_iter().map(|row| row.name).collect(), page.total)
}

#[test]
fn a_page_of_grants_has_the_newest_first_and_those_of_one_state() {
    let mut world = World::new();
    let mut names = Vec::new();
    let mut withdrawn = String::new();
    for number in 0..4 {
        let grant = granted(&mut world);
        if number == 1 {
            let withdraw = grant.withdraw_with(&grant.key, world.now);
            erased(&mut world, &grant, withdraw);
            withdrawn = grant.name();
        }
        names.insert(0, grant.name());
        world.pass(60);
    }
    assert_eq!(page(&world, None, 0, 3), (names[..3].to_vec(), 4));
    assert_eq!(page(&world, None, 3, 3), (names[3..].to_vec(), 4));
    assert_eq!(
        page(&world, Some(GrantState::Withdrawn), 0, 50),
        (vec![withdrawn.clone()], 1)
    );
    let mut world = world.reopen();
    assert_eq!(page(&world, None, 0, 50), (names.clone(), 4));
    // What has run out is told so before the next tick, and is gone with its record.
    world.now = world.now.plus(LIFE);
    assert_eq!(page(&world, Some(GrantState::Expired), 0, 50).1, 3);
    assert_eq!(page(&world, Some(GrantState::Active), 0, 50).1, 0);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(page(&world, Some(GrantState::Expired), 0, 50).1, 3);
    assert_eq!(page(&world, Some(GrantState::Withdrawn), 0, 50), (vec![withdrawn], 1));
    world.now = world.now.plus(RECORD_SECONDS + 60);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(page(&world, None, 0, 50), (Vec::new(), 0));
}
