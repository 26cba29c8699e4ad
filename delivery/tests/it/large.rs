//! Conversations that are routed as a whole, and frames without a number.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::Mutex;
use platform::port::ephemeral::Route;
use schemas::conversation::head::Routing;
use schemas::event;
use schemas::outbound::Outbound;

use crate::harness::{Server, conversation, cursors, numbers, server, user, wait_for};

fn routed(server: &Server, talk: u128) -> bool {
    let routes = server.ephemeral.routes.lock();
    routes.get(&Route::Conversation(conversation(talk))).is_some_and(|nodes| !nodes.is_empty())
}

#[tokio::test]
async fn events_go_to_members_who_are_here_and_the_route_goes_with_the_last_of_them() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2, 3], Routing::Conversation);
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(1, 12).await);
    assert!(routed(&server, 5), "before the answer");
    let mut three = server.enter(3, 31).await;
    let mut stranger = server.enter(4, 41).await;
    server.deliver(vec![world.message(5), world.message(5)]);
    for client in [&mut one, &mut two, &mut three] {
        assert_eq!(client.revs().await, [2, 3]);
    }
    assert!(stranger.revs().await.is_empty());
    drop((one, three));
    wait_for("two have left", || server.sockets() == 2).await;
    server.deliver(vec![world.message(5)]);
    assert_eq!(two.revs().await, [4]);
    assert!(routed(&server, 5));
    drop(two);
    wait_for("the route is withdrawn", || !routed(&server, 5)).await;
}

#[tokio::test]
async fn one_who_is_removed_gets_that_and_nothing_after_it() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Conversation);
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(2, 21).await);
    server.deliver(vec![world.message(5)]);
    let [removed, entry] = world.remove(5, 1);
    let (fourth, fifth) = (world.message(5), world.message(5));
    // Out of order: what came too early waits for the removal.
    server.deliver(vec![fourth, fifth, removed]);
    server.deliver(vec![entry, world.message(5)]);
    assert_eq!(two.revs().await, [2, 3, 4, 5, 6]);
    assert_eq!(one.revs().await, [2, 3, -1]);
}

#[tokio::test]
async fn a_removal_that_is_fetched_is_a_wall_too() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Conversation);
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(2, 21).await);
    server.deliver(vec![world.message(5)]);
    drop(world.remove(5, 1));
    server.deliver(vec![world.message(5)]);
    for rev in 2..=4 {
        assert_eq!(two.frame().await["rev"], rev);
    }
    server.deliver(vec![world.message(5)]);
    assert_eq!(one.revs().await, [2, 3]);
    assert_eq!(two.revs().await, [5]);
}

#[tokio::test]
async fn the_first_event_since_he_entered_is_not_pushed_over_his_removal() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Conversation);
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(2, 21).await);
    drop(world.remove(5, 1));
    server.deliver(vec![world.message(5)]);
    for rev in 2..=3 {
        assert_eq!(two.frame().await["rev"], rev);
    }
    assert_eq!(one.revs().await, [2]);
}

#[tokio::test]
async fn nor_is_the_first_one_since_he_joined() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[2], Routing::Conversation);
    let mut one = server.enter(1, 11).await;
    let [_, entry] = world.add(5, 1);
    drop(world.message(5));
    server.deliver(vec![entry]);
    assert_eq!(one.frame().await["type"], "conversation.added");
    assert_eq!(one.frame().await["rev"], 3);
    drop(world.remove(5, 1));
    server.deliver(vec![world.message(5)]);
    assert_eq!(one.frame().await["rev"], 4);
    assert!(one.revs().await.is_empty());
}

#[tokio::test]
async fn nothing_is_lost_where_a_conversation_grows_too_large_to_be_routed_by_member() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Member);
    let mut one = server.enter(1, 11).await;
    assert!(!routed(&server, 5));
    server.deliver(vec![world.message(5)]);
    let flip = world.flip(5);
    // Fan-out finds no route for these: it was not announced yet.
    drop((world.message(5), world.message(5)));
    server.deliver(vec![flip]);
    for rev in 2..=5 {
        assert_eq!(one.frame().await["rev"], rev);
    }
    assert!(routed(&server, 5));
    server.deliver(vec![world.message(5)]);
    assert_eq!(one.revs().await, [6]);
    // Once more, by another path: he is not in twice, and one who has left does not come back.
    let [removed, _] = world.remove(5, 1);
    server.deliver(vec![removed]);
    assert_eq!(one.revs().await, [7]);
    let members = event::pack(&[user(1), user(2)]);
    let again = Outbound::Event {
        conversation: conversation(5),
        rev: 3,
        audience: members,
        left: Bytes::new(),
        flip: true,
        frame: world.frame(5, 3),
    };
    server.deliver(vec![again, world.message(5)]);
    assert!(one.revs().await.is_empty());
}

#[tokio::test]
async fn one_who_is_added_is_in_by_his_feed_and_gets_what_came_between() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[2], Routing::Conversation);
    world.open(6, &[2], Routing::Member);
    let mut one = server.enter(1, 11).await;
    let [_, entry] = world.add(5, 1);
    // Nobody of this node was in it: these go elsewhere.
    drop((world.message(5), world.message(5)));
    server.deliver(vec![entry]);
    assert_eq!(one.frame().await["type"], "conversation.added");
    for rev in 3..=4 {
        assert_eq!(one.frame().await["rev"], rev);
    }
    assert!(routed(&server, 5));
    server.deliver(vec![world.message(5)]);
    assert_eq!(one.revs().await, [5]);
    // The end of the membership may be told by the feed first.
    let [removed, entry] = world.remove(5, 1);
    server.deliver(vec![entry]);
    assert_eq!(one.frame().await["type"], "conversation.removed");
    server.deliver(vec![removed, world.message(5)]);
    assert!(one.revs().await.is_empty());
    wait_for("the route is withdrawn", || !routed(&server, 5)).await;
    let [event, entry] = world.add(6, 1);
    server.deliver(vec![event, entry]);
    assert_eq!(one.revs().await.len(), 2);
    assert!(!routed(&server, 6), "routed by member");
}

#[tokio::test]
async fn one_who_is_removed_while_he_enters_does_not_get_in() {
    let server = server().await;
    let world = Arc::new(Mutex::new(server.world()));
    world.lock().open(5, &[1, 2], Routing::Conversation);
    let (inner, sink, mut reads) = (world.clone(), server.sink.clone(), 0);
    server.store.after_reads(move |table| {
        reads += usize::from(table == "membership_by_user");
        let mut world = inner.lock();
        // After the second read of his memberships, which still found him.
        if reads == 2 && world.is_member(5, 1) {
            let [removed, _] = world.remove(5, 1);
            sink.deliver(vec![removed]);
        }
    });
    let mut one = server.enter(1, 11).await;
    let later = world.lock().message(5);
    server.deliver(vec![later]);
    assert!(one.revs().await.is_empty());
    wait_for("the route is withdrawn", || !routed(&server, 5)).await;
}

#[tokio::test]
async fn after_records_were_lost_memberships_are_read_again_before_anything_is_pushed() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Conversation);
    world.open(6, &[1, 2], Routing::Member);
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(2, 21).await);
    drop((world.remove(5, 1), world.flip(6)));
    server.sink.lost();
    server.deliver(vec![world.message(5)]);
    for client in [&mut one, &mut two] {
        assert_eq!(client.frame().await["type"], "resync");
    }
    wait_for("both are routed again", || routed(&server, 5) && routed(&server, 6)).await;
    // His socket is told once more when it is known what he is in.
    server.deliver(vec![world.message(5), world.message(6)]);
    let heard = one.revs().await;
    assert!(!heard.contains(&4), "{heard:?}");
    assert!(heard.contains(&3), "{heard:?}");
}

#[tokio::test]
async fn a_conversation_whose_route_could_not_be_announced_resyncs_when_it_is() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1], Routing::Member);
    let mut one = server.enter(1, 11).await;
    server.ephemeral.away.store(true, Ordering::SeqCst);
    server.deliver(vec![world.flip(5)]);
    assert_eq!(one.frame().await["rev"], 2);
    server.ephemeral.away.store(false, Ordering::SeqCst);
    assert_eq!(one.frame().await["type"], "resync");
    wait_for("it is routed", || routed(&server, 5)).await;
}

#[tokio::test]
async fn a_large_conversation_is_caught_up_with_like_any_other() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Conversation);
    let mut two = server.enter(2, 21).await;
    server.deliver(vec![world.message(5)]);
    assert_eq!(two.revs().await, [2]);
    drop(world.message(5));
    let mut one = server.connect().await;
    one.resume("1/11", &cursors(&[(5, 1)], Some(0))).await;
    assert_eq!(numbers(&one.synced().await), [2, 3]);
    // The third was lost to those who were here.
    server.deliver(vec![world.message(5)]);
    for rev in [3, 4] {
        assert_eq!(two.frame().await["rev"], rev);
    }
    assert_eq!(one.frame().await["rev"], 4);
    assert!(one.revs().await.is_empty());
}

#[tokio::test]
async fn a_notice_goes_to_its_audience_once() {
    let server = server().await;
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(2, 21).await);
    server.deliver(vec![Outbound::Notice {
        audience: event::pack(&[user(1), user(1), user(7)]),
        frame: Bytes::from_static(br#"{"type":"receipt","data":{}}"#),
    }]);
    assert_eq!(one.revs().await, [-1]);
    assert!(two.revs().await.is_empty());
}
