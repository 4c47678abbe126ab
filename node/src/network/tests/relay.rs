//! A node that cannot be dialled, a relay at which it keeps a place, and wallets that reach it there.

use super::members::{List, Member, warm_up};
use super::*;

/// Identities that [`Words`] takes for organisations'.
const BANK: u16 = LISTED;
const RELAY: u16 = LISTED + 1;
/// One that no list names.
const UNLISTED: u16 = 7;

/// Waits until the counters of relaying are as wanted. They wake nobody: they are looked at again and again.
async fn until_relaying(handle: &Handle, wanted: impl Fn(&RelayCounters) -> bool) {
    let step = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while !wanted(&handle.relaying()) {
            look.tick().await;
        }
    };
    within(step).await;
}

fn relaying(transport: Transport, relay: RelayLimits) -> Settings {
    Settings {
        relay: Some(relay),
        ..settings(transport)
    }
}

/// The addresses of whoever has a place at a relay.
fn through(relay: &Handle) -> Vec<Address> {
    let name = relay.peer_name().expect("listens");
    let addresses = relay.addresses();
    let through = addresses.iter().map(|address| address.through(&name).expect("direct"));
    through.collect()
}

/// A node that keeps a place at the relay.
async fn behind(relay: &Handle, seed: u16) -> Echo {
    let settings = Settings {
        relays: through(relay),
        ..Settings::default()
    };
    Echo::start(settings, seed, b"server").await
}

/// Where a node is that is reached through the relay alone.
fn reached(node: &Handle, relay: &Handle, as_identity: u16) -> Target {
    Target {
        addresses: through(relay),
        ..target(node, Some(as_identity))
    }
}

async fn ask_through(
    wallet: &Handle,
    to: &Handle,
    relay: &Handle,
    seed: u16,
    protocol: Protocol,
    body: &[u8],
) -> Result<Vec<u8>, Error> {
    within(wallet.request(reached(to, relay, seed), protocol, body.to_vec())).await
}

fn row<'a>(peers: &'a [PeerCounters], peer: &PeerName) -> Option<&'a PeerCounters> {
    peers.iter().find(|row| row.peer == *peer)
}

#[tokio::test]
async fn a_wallet_presents_through_a_relay_that_sees_nothing_of_it() {
    for transport in BOTH {
        let relay = Echo::start(relaying(transport, RelayLimits::default()), RELAY, b"server").await;
        let bank = behind(&relay.handle, BANK).await;
        until_relaying(&bank.handle, |counters| counters.held == 1).await;
        let client = wallet(Settings::default(), b"client").await;
        let body: Vec<u8> = (0..=u8::MAX).cycle().take(Protocol::Present.bytes_max()).collect();
        for _ in 0..2 {
            let answer = ask_through(&client, &bank.handle, &relay.handle, 2, Protocol::Present, &body).await;
            assert!(answer.expect("answered") == body, "{transport:?}");
        }
        let (of_bank, of_relay) = (client_name(BANK), client_name(RELAY));
        let (at_client, at_bank) = (client.peers(), bank.handle.peers());
        assert!(row(&at_client, &of_bank).is_some_and(|row| row.relayed && row.dialled));
        assert!(row(&at_client, &of_relay).is_some_and(|row| !row.relayed));
        assert!(row(&at_bank, &client_name(2)).is_some_and(|row| row.relayed && !row.dialled));
        let told = traffic(&relay.handle, &client_name(2), Protocol::Hello);
        assert_eq!(told.requests_in, 1, "hello comes first at a relay, too");
        assert_eq!(
            traffic(&relay.handle, &client_name(2), Protocol::Present),
            Traffic::default()
        );
        let counters = relay.handle.relaying();
        assert_eq!((counters.places, counters.circuits, counters.carried), (1, 1, 1));
        within(client.shutdown()).await;
        until_relaying(&relay.handle, |counters| counters.circuits == 0).await;
        until(&relay.handle, |peers| {
            row(peers, &client_name(2)).is_some_and(|row| !row.connected)
        })
        .await;
        assert_eq!(relay.handle.relaying().places, 1, "the wallet had none");
        bank.stop().await;
        until_relaying(&relay.handle, |counters| counters.places == 0).await;
        relay.stop().await;
    }
}

#[tokio::test]
async fn a_place_is_given_to_listed_organisations_alone() {
    let relay = Echo::start(relaying(Transport::default(), RelayLimits::default()), RELAY, b"server").await;
    let stranger = behind(&relay.handle, UNLISTED).await;
    until_relaying(&relay.handle, |counters| counters.places_refused > 0).await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    assert_eq!(stranger.handle.relaying().held, 0);
    assert_eq!(relay.handle.relaying().places, 1, "the bank's");
    let client = wallet(Settings::default(), b"client").await;
    let nobody = ask_through(&client, &stranger.handle, &relay.handle, 2, Protocol::Present, b"body").await;
    assert!(matches!(nobody, Err(Error::Unreachable)), "{nobody:?}");
    let answer = ask_through(&client, &bank.handle, &relay.handle, 3, Protocol::Present, b"body").await;
    assert_eq!(answer.expect("answered"), b"body");
    for node in [stranger, bank, relay] {
        node.stop().await;
    }
}

#[tokio::test]
async fn who_is_no_relay_gives_no_place_and_no_circuit() {
    let other = Echo::start(Settings::default(), RELAY, b"server").await;
    let bank = behind(&other.handle, BANK).await;
    let client = wallet(Settings::default(), b"client").await;
    let answer = ask_through(&client, &bank.handle, &other.handle, 2, Protocol::Present, b"body").await;
    assert!(matches!(answer, Err(Error::Unreachable)), "{answer:?}");
    let counters = bank.handle.relaying();
    assert_eq!((counters.wanted, counters.held), (1, 0));
    bank.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn circuits_are_limited_in_number_and_one_that_ends_makes_room() {
    let few = RelayLimits {
        circuits: 1,
        ..RelayLimits::default()
    };
    let relay = Echo::start(relaying(Transport::default(), few), RELAY, b"server").await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let present = Protocol::Present;
    let answer = ask_through(&client, &bank.handle, &relay.handle, 2, present, b"first").await;
    assert_eq!(answer.expect("answered"), b"first");
    let refused = ask_through(&client, &bank.handle, &relay.handle, 3, present, b"second").await;
    assert!(matches!(refused, Err(Error::Unreachable)), "{refused:?}");
    assert!(relay.handle.relaying().circuits_refused > 0);
    client.retire(&secret(2));
    until_relaying(&relay.handle, |counters| counters.circuits == 0).await;
    let answer = ask_through(&client, &bank.handle, &relay.handle, 3, present, b"second").await;
    assert_eq!(answer.expect("answered"), b"second");
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn an_address_that_asks_for_circuits_too_fast_is_refused() {
    let slow = RelayLimits {
        circuits_per_address: Rate {
            burst: 1,
            per_second: 0,
        },
        ..RelayLimits::default()
    };
    let relay = Echo::start(relaying(Transport::default(), slow), RELAY, b"server").await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let answer = ask_through(&client, &bank.handle, &relay.handle, 2, Protocol::Present, b"body").await;
    assert_eq!(answer.expect("answered"), b"body");
    let refused = ask_through(&client, &bank.handle, &relay.handle, 3, Protocol::Present, b"body").await;
    assert!(matches!(refused, Err(Error::Unreachable)), "{refused:?}");
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn a_circuit_over_its_bytes_is_cut_and_the_next_request_has_a_new_one() {
    let small = RelayLimits {
        circuit_bytes: 64 * 1024,
        ..RelayLimits::default()
    };
    let relay = Echo::start(relaying(Transport::default(), small), RELAY, b"server").await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let much = vec![7; Protocol::Present.bytes_max()];
    let cut = ask_through(&client, &bank.handle, &relay.handle, 2, Protocol::Present, &much).await;
    assert!(matches!(cut, Err(Error::Closed)), "{cut:?}");
    until(&client, |peers| {
        row(peers, &client_name(BANK)).is_some_and(|row| !row.connected)
    })
    .await;
    let answer = ask_through(&client, &bank.handle, &relay.handle, 2, Protocol::Present, b"little").await;
    assert_eq!(answer.expect("answered"), b"little");
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn a_circuit_over_its_time_is_cut() {
    let short = RelayLimits {
        circuit: Duration::from_secs(1),
        ..RelayLimits::default()
    };
    let relay = Echo::start(relaying(Transport::default(), short), RELAY, b"server").await;
    let settings = Settings {
        relays: through(&relay.handle),
        ..Settings::default()
    };
    let (bank, mut inbox) = organisation(settings, BANK, b"server").await;
    until_relaying(&bank, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let asking = ask_through(&client, &bank, &relay.handle, 2, Protocol::Present, b"body");
    let taking = async { inbox.next().await.expect("arrives") };
    let (cut, never_answered) = within(async { tokio::join!(asking, taking) }).await;
    assert!(matches!(cut, Err(Error::Closed)), "{cut:?}");
    drop(never_answered);
    within(bank.shutdown()).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_that_goes_cuts_the_request_under_way_and_once_it_is_back_the_next_arrives() {
    let relay = Echo::start(
        relaying(Transport::QuicThenTcp, RelayLimits::default()),
        RELAY,
        b"server",
    )
    .await;
    let port = |address: &Address| {
        let digits = address.as_str().split('/').find_map(|part| part.parse().ok());
        digits.expect("a port")
    };
    let (mut quic, mut tcp): (u16, u16) = (0, 0);
    for address in relay.handle.addresses() {
        *(if address.is_quic() { &mut quic } else { &mut tcp }) = port(&address);
    }
    let settings = Settings {
        relays: through(&relay.handle),
        ..Settings::default()
    };
    let (bank, mut inbox) = organisation(settings, BANK, b"server").await;
    until_relaying(&bank, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let to_bank = reached(&bank, &relay.handle, 2);
    let asking = within(client.request(to_bank.clone(), Protocol::Present, b"first".to_vec()));
    let going = async {
        let taken = inbox.next().await.expect("arrives");
        relay.stop().await;
        taken
    };
    let (cut, taken) = within(async { tokio::join!(asking, going) }).await;
    assert!(matches!(cut, Err(Error::Closed)), "{cut:?}");
    drop(taken);
    until_relaying(&bank, |counters| counters.held == 0).await;
    let without = within(client.request(to_bank.clone(), Protocol::Present, b"second".to_vec())).await;
    assert!(matches!(without, Err(Error::Unreachable)), "{without:?}");
    let back = Settings {
        listen: vec![ListenOn {
            quic,
            tcp,
            ..ListenOn::LOOPBACK
        }],
        ..relaying(Transport::QuicThenTcp, RelayLimits::default())
    };
    let relay = Echo::start(back, RELAY, b"server").await;
    until_relaying(&bank, |counters| counters.held == 1).await;
    let asking = within(client.request(to_bank, Protocol::Present, b"third".to_vec()));
    let answering = async { inbox.next().await.expect("arrives").reply(b"done".to_vec()) };
    let (answer, ()) = within(async { tokio::join!(asking, answering) }).await;
    assert_eq!(answer.expect("answered"), b"done");
    within(bank.shutdown()).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_direct_way_is_taken_where_there_is_one_and_none_but_that_where_relays_are_off() {
    let relay = Echo::start(relaying(Transport::default(), RelayLimits::default()), RELAY, b"server").await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let mut both = reached(&bank.handle, &relay.handle, 2);
    both.addresses.extend(bank.handle.addresses());
    let answer = within(client.request(both.clone(), Protocol::Present, b"body".to_vec())).await;
    assert_eq!(answer.expect("answered"), b"body");
    assert!(row(&client.peers(), &client_name(BANK)).is_some_and(|row| !row.relayed));
    assert_eq!(relay.handle.relaying().carried, 0);
    let direct = Settings {
        through_relays: false,
        ..Settings::default()
    };
    let client = wallet(direct, b"client").await;
    let answer = within(client.request(both, Protocol::Present, b"body".to_vec())).await;
    assert_eq!(answer.expect("answered"), b"body");
    let refused = ask_through(&client, &bank.handle, &relay.handle, 3, Protocol::Present, b"body").await;
    assert!(matches!(refused, Err(Error::BadAddress)), "{refused:?}");
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn another_node_with_a_place_at_the_relay_is_not_asked() {
    let relay = Echo::start(relaying(Transport::default(), RelayLimits::default()), RELAY, b"server").await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let client = wallet(Settings::default(), b"client").await;
    let wrong = Target {
        peer: client_name(77),
        ..reached(&bank.handle, &relay.handle, 2)
    };
    let answer = within(client.request(wrong, Protocol::Present, b"body".to_vec())).await;
    assert!(matches!(answer, Err(Error::Unreachable)), "{answer:?}");
    assert_eq!(row(&bank.handle.peers(), &client_name(2)), None);
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn hello_is_judged_at_the_end_of_a_circuit_as_everywhere() {
    // The relay takes every word, the bank all but one.
    let list = List::of([BANK, RELAY]);
    let relay = Member::start(relaying(Transport::default(), RelayLimits::default()), RELAY, &list).await;
    let bank = behind(&relay.handle, BANK).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let stranger = wallet(Settings::default(), STRANGER).await;
    let refused = ask_through(&stranger, &bank.handle, &relay.handle, 2, Protocol::Present, b"body").await;
    assert!(
        matches!(&refused, Err(Error::Refused(why)) if why == NOT_LISTED),
        "{refused:?}"
    );
    assert_eq!(traffic(&bank.handle, &client_name(2), Protocol::Present).requests_in, 0);
    let client = wallet(Settings::default(), b"client").await;
    let answer = ask_through(&client, &bank.handle, &relay.handle, 3, Protocol::Present, b"body").await;
    assert_eq!(answer.expect("answered"), b"body");
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn whom_a_new_list_leaves_out_loses_its_place_and_whom_it_names_gets_one() {
    let list = List::of([BANK, RELAY]);
    let relay = Member::start(relaying(Transport::default(), RelayLimits::default()), RELAY, &list).await;
    let settings = Settings {
        relays: through(&relay.handle),
        ..Settings::default()
    };
    let bank = Member::start(settings, BANK, &list).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    list.remove(&bank.name);
    within(relay.handle.list_changed()).await.expect("runs");
    until_relaying(&bank.handle, |counters| counters.held == 0).await;
    until_relaying(&relay.handle, |counters| {
        counters.places == 0 && counters.places_refused > 0
    })
    .await;
    list.add(&bank.name);
    within(bank.handle.list_changed()).await.expect("runs");
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    bank.stop().await;
    relay.stop().await;
}

#[tokio::test]
async fn gossip_takes_no_circuit_and_who_is_behind_a_relay_dials_its_neighbours() {
    let list = List::of([BANK, RELAY, LISTED + 2]);
    let relay = Member::start(relaying(Transport::default(), RelayLimits::default()), RELAY, &list).await;
    let settings = Settings {
        relays: through(&relay.handle),
        ..Settings::default()
    };
    let bank = Member::start(settings, BANK, &list).await;
    let other = Member::start(Settings::default(), LISTED + 2, &list).await;
    until_relaying(&bank.handle, |counters| counters.held == 1).await;
    let of_bank = (bank.name.clone(), through(&relay.handle));
    other.handle.set_neighbours(vec![of_bank.clone()]).await.expect("runs");
    relay.handle.set_neighbours(vec![of_bank]).await.expect("runs");
    // Also where a request has gone that way.
    let target = Target {
        as_identity: None,
        ..reached(&bank.handle, &relay.handle, 0)
    };
    let answer = within(other.handle.request(target, Protocol::Status, b"body".to_vec())).await;
    assert_eq!(answer.expect("answered"), b"body");
    bank.meet(&[&other]).await;
    warm_up(&[&bank, &other], Topic::Status).await;
    let way = row(&other.handle.peers(), &bank.name).map(|row| row.relayed);
    assert_eq!(way, Some(false), "gossip came with a connection of its own");
    for member in [bank, other, relay] {
        member.stop().await;
    }
}
