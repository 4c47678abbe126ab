//! Connections that gossip keeps: lists that change, cuts that heal, nodes that start anew.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::members::{List, Member, warm_up};
use super::*;

/// Within this time after a cut or a restart neighbours have each other again.
const BACK: Duration = Duration::from_secs(15);

#[tokio::test]
async fn who_leaves_the_list_is_out_at_once_and_comes_back_with_it() {
    for transport in BOTH {
        let list = List::of(1..=3);
        let [stays, other, leaves] = [1, 2, 3].map(|seed| Member::start(settings(transport), seed, &list));
        let (stays, other, leaves) = (stays.await, other.await, leaves.await);
        stays.meet(&[&other, &leaves]).await;
        stays.until(|state| state.peers.len() == 2).await;
        leaves.until(|state| state.peers.len() == 1).await;
        warm_up(&[&leaves, &stays, &other], Topic::Trust).await;
        leaves.publish(Topic::Trust, b"while listed").await;
        other.hears(b"while listed").await;

        list.remove(&leaves.name);
        stays.handle.list_changed().await.expect("runs");
        stays.until(|state| !state.peers.contains(&leaves.name)).await;
        stays.until_counted(|counters| counters.peers == 1).await;
        leaves.until(|state| state.peers.is_empty()).await;
        // It may still connect and ask, as anybody may; it hears and tells nothing.
        let asked = leaves
            .handle
            .request(target(&stays.handle, None), Protocol::Trust, b"body".to_vec());
        assert_eq!(within(asked).await.expect("answered"), b"body");
        leaves.publish(Topic::Trust, b"while not listed").await;
        stays.publish(Topic::Trust, b"not for all").await;
        other.hears(b"not for all").await;
        assert!(stays.look(|state| !state.has(b"while not listed")));
        assert!(leaves.look(|state| !state.has(b"not for all")));

        list.add(&leaves.name);
        for member in [&stays, &leaves] {
            member.handle.list_changed().await.expect("runs");
        }
        leaves.until(|state| state.peers.contains(&stays.name)).await;
        stays.hears(b"while not listed").await;
        for member in [stays, other, leaves] {
            member.stop().await;
        }
    }
}

#[tokio::test]
async fn a_connection_for_gossip_outlives_idleness_and_one_without_does_not() {
    for transport in BOTH {
        let list = List::of(1..=3);
        let mut short = settings(transport);
        short.idle = Duration::from_millis(200);
        let [one, other, third] = [1, 2, 3].map(|seed| Member::start(short.clone(), seed, &list));
        let (one, other, third) = (one.await, other.await, third.await);
        one.meet(&[&other]).await;
        one.until(|state| state.peers.contains(&other.name)).await;
        let asked = one
            .handle
            .request(target(&third.handle, None), Protocol::Trust, b"body".to_vec());
        assert_eq!(within(asked).await.expect("answered"), b"body");
        // The connection for the request is younger, and closes by itself.
        until(&one.handle, |peers| {
            peers.iter().any(|peer| peer.peer == third.name && !peer.connected)
        })
        .await;
        assert!(one.look(|state| state.peers.contains(&other.name)));
        assert!(
            third.look(|state| state.peers.is_empty()),
            "a listed peer that asks is no neighbour"
        );
        one.publish(Topic::Trust, b"still there").await;
        other.hears(b"still there").await;
        for member in [one, other, third] {
            member.stop().await;
        }
    }
}

#[tokio::test]
async fn two_that_choose_each_other_end_with_one_way_to_gossip() {
    for transport in BOTH {
        for _ in 0..3 {
            let (_, members) = Member::group(&settings(transport), 2).await;
            let [one, other] = [&members[0], &members[1]];
            warm_up(&[one, other], Topic::Trust).await;
            warm_up(&[other, one], Topic::Trust).await;
            for (round, (from, to)) in [(one, other), (other, one), (one, other)].into_iter().enumerate() {
                let data = format!("round {round}").into_bytes();
                from.publish(Topic::Trust, &data).await;
                to.hears(&data).await;
            }
            for member in &members {
                assert_eq!(member.look(|state| state.peers.len()), 1);
                member
                    .until_counted(|counters| (counters.peers, counters.neighbours) == (1, 1))
                    .await;
            }
            for member in members {
                member.stop().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_anew_has_its_neighbours_back_within_15_seconds() {
    for transport in BOTH {
        let list = List::of(1..=6);
        let mut members = Vec::new();
        for seed in 1..=6 {
            members.push(Member::start(settings(transport), seed, &list).await);
        }
        let stops = members.pop().expect("six");
        // It has no neighbours of its own: the others must find it again.
        for member in &members {
            let others: Vec<&Member> = members.iter().chain([&stops]).collect();
            member.meet(&others).await;
        }
        stops.until(|state| state.peers.len() == 5).await;
        let listen = stops.handle.addresses();
        stops.stop().await;
        for member in &members {
            member.until(|state| state.peers.len() == 4).await;
        }
        let mut same = settings(transport);
        same.listen = vec![listen_on(&listen)];
        let began = Instant::now();
        let starting = async {
            // The system gives the ports back when the last connection on them has died away.
            let mut look = tokio::time::interval(Duration::from_millis(50));
            loop {
                look.tick().await;
                if let Ok(again) = Member::try_start(same.clone(), 6, &list).await {
                    return again;
                }
            }
        };
        let again = within(starting).await;
        again.until(|state| state.peers.len() == 5).await;
        let took = began.elapsed();
        println!("{transport:?}: 5 neighbours back after {took:?}");
        assert!(took <= BACK, "{took:?}");
        members.push(again);
        warm_up(&members.iter().collect::<Vec<_>>(), Topic::Status).await;
        for member in members {
            member.stop().await;
        }
    }
}

/// The same ports again.
fn listen_on(addresses: &[Address]) -> ListenOn {
    let mut listen = ListenOn::LOOPBACK;
    for address in addresses {
        let port = address.as_str().split('/').nth(4).and_then(|port| port.parse().ok());
        let port = port.expect("a port");
        if address.is_quic() {
            listen.quic = port;
        } else {
            listen.tcp = port;
        }
    }
    listen
}

/// A wire between one port and another that can be cut.
struct Wire {
    address: Address,
    is_whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Wire {
    async fn to(address: &Address) -> Self {
        let port = listen_on(std::slice::from_ref(address)).tcp;
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let port = listener.local_addr().expect("bound").port();
        let (is_whole, whole) = watch::channel(true);
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut whole = whole.clone();
                if !*whole.borrow() {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(to).await else {
                        return;
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = whole.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        let address = Address::parse(&format!("/ip4/127.0.0.1/tcp/{port}")).expect("well-formed");
        Self {
            address,
            is_whole,
            task,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_cut_all_find_each_other_again_and_say_so() {
    const COUNT: u16 = 6;
    let list = List::of(1..=COUNT);
    let (mut members, mut wires) = (Vec::new(), Vec::new());
    for seed in 1..=COUNT {
        let member = Member::start(settings(Transport::TcpOnly), seed, &list).await;
        wires.push(Wire::to(&member.handle.addresses()[0]).await);
        members.push(member);
    }
    let listed: Vec<_> = members
        .iter()
        .zip(&wires)
        .map(|(member, wire)| (member.name.clone(), vec![wire.address.clone()]))
        .collect();
    for member in &members {
        member.handle.set_neighbours(listed.clone()).await.expect("runs");
    }
    for member in &members {
        member.until(|state| state.peers.len() == 5).await;
    }
    warm_up(&members.iter().collect::<Vec<_>>(), Topic::Status).await;

    for wire in &wires {
        wire.is_whole.send_replace(false);
    }
    for member in &members {
        member.until(|state| state.peers.is_empty()).await;
    }
    members[0].publish(Topic::Status, b"during").await;
    assert!(members.iter().all(|member| member.look(|state| !state.has(b"during"))));

    for wire in &wires {
        wire.is_whole.send_replace(true);
    }
    let healed = Instant::now();
    for member in &members {
        member.until(|state| state.peers.len() == 5).await;
    }
    let took = healed.elapsed();
    println!("6 members all together again after {took:?}");
    assert!(took <= BACK, "{took:?}");
    // What was said meanwhile reaches who is there first; the rest pulls.
    let somebody = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while !members.iter().any(|member| member.look(|state| state.has(b"during"))) {
            look.tick().await;
        }
    };
    within(somebody).await;
    warm_up(&members.iter().rev().collect::<Vec<_>>(), Topic::Status).await;
    for wire in wires {
        wire.task.abort();
    }
    for member in members {
        member.stop().await;
    }
}
