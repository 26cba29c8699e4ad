//! Frames to sockets: each once, in order, to whom it is for.

use std::time::Duration;

use bytes::Bytes;
use delivery::Timing;
use schemas::outbound::{Outbound, SessionEnded};
use schemas::{SessionId, Timestamp};
use uuid::Uuid;

use crate::harness::{conversation, event, server, server_in, user, wait_for};

#[tokio::test]
async fn every_socket_of_every_member_gets_a_frame_once_and_nobody_else_does() {
    let server = server().await;
    let mut members = vec![server.enter(1, 11).await, server.enter(1, 12).await];
    members.push(server.enter(2, 21).await);
    let mut stranger = server.enter(3, 31).await;
    // A user twice in an audience, a member who is not here, a batch of several conversations.
    server.deliver(vec![
        event(5, 1, &[1, 2, 1, 9]),
        event(6, 4, &[2, 1]),
        event(5, 2, &[1, 2]),
        event(5, 2, &[1, 2]),
    ]);
    for member in &mut members {
        assert_eq!(member.revs().await, [1, 4, 2]);
    }
    assert!(stranger.revs().await.is_empty());
    assert_eq!(server.metrics.deliveries.get(), 9);
    assert_eq!(server.metrics.wakeups.with_label_values(&["socket"]).get(), 3);
}

#[tokio::test]
async fn duplicates_and_reorders_heal() {
    let server = server().await;
    server.journal(5, 12);
    let (mut a, mut b) = (server.enter(1, 11).await, server.enter(2, 21).await);
    for rev in [3, 3, 5, 4, 2, 5, 6, 8, 7, 6] {
        server.deliver(vec![event(5, rev, &[1, 2])]);
    }
    for client in [&mut a, &mut b] {
        assert_eq!(client.revs().await, [3, 4, 5, 6, 7, 8]);
    }
}

#[tokio::test]
async fn a_jump_is_fetched_once_for_the_node_while_later_events_wait() {
    let server = server().await;
    server.journal(5, 12);
    let (mut a, mut b) = (server.enter(1, 11).await, server.enter(2, 21).await);
    server.deliver(vec![event(5, 2, &[1, 2])]);
    server.deliver(vec![event(5, 9, &[1, 2]), event(5, 10, &[1, 2]), event(6, 1, &[1])]);
    assert_eq!(server.scans(), 0, "the reader does not fetch");
    // Another conversation does not wait.
    assert_eq!(a.revs().await, [2, 1]);
    for expected in 3..=10 {
        assert_eq!(a.frame().await["rev"], expected);
    }
    assert_eq!(b.frame().await["rev"], 2);
    for expected in 3..=10 {
        assert_eq!(b.frame().await["rev"], expected);
    }
    assert_eq!(server.scans(), 1);
    server.deliver(vec![event(5, 11, &[1, 2])]);
    assert_eq!(b.revs().await, [11]);
}

#[tokio::test]
async fn a_jump_over_the_end_of_a_bucket_is_fetched_from_both() {
    let server = server().await;
    server.journal(5, 1_030);
    let mut client = server.enter(1, 11).await;
    server.deliver(vec![event(5, 1_020, &[1]), event(5, 1_027, &[1])]);
    for expected in 1_020..=1_027 {
        assert_eq!(client.frame().await["rev"], expected);
    }
    assert_eq!(server.scans(), 2);
    assert_eq!(server.metrics.invariant_violations.with_label_values(&["G-11"]).get(), 0);
}

#[tokio::test]
async fn another_event_under_a_rev_that_was_told_is_counted_and_not_pushed() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    let violations = server.metrics.invariant_violations.with_label_values(&["G-08"]);
    server.deliver(vec![event(5, 1, &[1]), event(5, 1, &[1])]);
    assert_eq!((client.revs().await, violations.get()), (vec![1], 0));
    let Outbound::Event { conversation, rev, audience, left, flip, .. } = event(5, 1, &[1]) else {
        unreachable!("it is an event")
    };
    let frame = Bytes::from_static(br#"{"type":"message.created","rev":1}"#);
    server.deliver(vec![Outbound::Event { conversation, rev, audience, left, flip, frame }]);
    server.deliver(vec![event(5, 2, &[1])]);
    assert_eq!((client.revs().await, violations.get()), (vec![2], 1));
}

#[tokio::test]
async fn what_is_not_in_the_store_is_a_resync_for_those_it_is_missing_to() {
    let server = server().await;
    let (mut a, mut b) = (server.enter(1, 11).await, server.enter(2, 21).await);
    server.deliver(vec![event(5, 1, &[1]), event(5, 3, &[1])]);
    assert_eq!(a.frame().await["rev"], 1);
    assert_eq!(a.frame().await["type"], "resync");
    server.deliver(vec![event(5, 4, &[1])]);
    assert_eq!(a.revs().await, [4]);
    assert!(b.revs().await.is_empty());
    // An event was told whose change is not in the journal (G-29), and the gap was given up.
    assert_eq!(server.metrics.invariant_violations.with_label_values(&["G-11"]).get(), 1);
    assert_eq!((server.metrics.gaps.get(), server.metrics.gaps_given_up.get()), (1, 1));
}

#[tokio::test]
async fn somebody_who_was_away_does_not_get_what_he_missed_as_news() {
    let server = server().await;
    server.journal(5, 60);
    let client = server.enter(1, 11).await;
    server.deliver(vec![event(5, 1, &[1])]);
    drop(client);
    wait_for("the socket has left", || server.sockets() == 0).await;
    let mut client = server.enter(1, 11).await;
    server.deliver(vec![event(5, 50, &[1])]);
    assert_eq!(client.revs().await, [50]);
    assert_eq!(server.scans(), 0);
}

#[tokio::test]
async fn what_waits_for_one_who_was_removed_and_added_again_is_not_lost_with_him() {
    let server = server().await;
    server.journal(5, 12);
    let mut client = server.enter(1, 11).await;
    server.deliver(vec![event(5, 1, &[1, 2])]);
    // The third is not for anybody here.
    server.deliver(vec![event(5, 3, &[2]), event(5, 4, &[1, 2]), event(5, 5, &[1, 2])]);
    assert_eq!(client.frame().await["rev"], 1);
    for expected in [4, 5] {
        assert_eq!(client.frame().await["rev"], expected);
    }
}

#[tokio::test]
async fn feed_entries_go_to_all_sockets_of_the_user_once() {
    let server = server().await;
    let (mut a, mut b) = (server.enter(1, 11).await, server.enter(1, 12).await);
    let mut other = server.enter(2, 21).await;
    let feed = |number| Outbound::Feed {
        user: user(1),
        number,
        membership: None,
        frame: Bytes::from(format!(r#"{{"type":"user.updated","rev":{number}}}"#)),
    };
    server.deliver(vec![feed(1), feed(2), feed(1), feed(2), feed(3)]);
    assert_eq!(a.revs().await, [1, 2, 3]);
    assert_eq!(b.revs().await, [1, 2, 3]);
    assert!(other.revs().await.is_empty());
}

#[tokio::test]
async fn the_end_of_a_session_closes_its_sockets_at_once_and_no_other() {
    // Longer than a close is waited for: no timer closes them.
    let long = Duration::from_mins(1);
    let timing = Timing { drain: long, linger: long, dead: long, ping: long, ..Timing::default() };
    let server = server_in(timing).await;
    let (mut ended, mut other) = (server.enter(1, 11).await, server.enter(1, 12).await);
    server.deliver(vec![
        Outbound::SessionEnded(SessionEnded {
            session: SessionId(Uuid::from_u128(11)),
            user: user(1),
            until: Timestamp(i64::MAX),
        }),
        event(5, 1, &[1]),
    ]);
    assert_eq!(ended.closed().await, 4403);
    assert_eq!(other.revs().await, [1]);
}

#[tokio::test]
async fn records_lost_to_the_node_are_a_resync_for_everyone() {
    let server = server().await;
    let (mut a, mut b) = (server.enter(1, 11).await, server.enter(2, 21).await);
    server.deliver(vec![event(5, 1, &[1, 2])]);
    assert_eq!(a.frame().await["rev"], 1);
    assert_eq!(b.frame().await["rev"], 1);
    server.sink.lost();
    assert_eq!(a.frame().await["type"], "resync");
    assert_eq!(b.frame().await["type"], "resync");
    server.deliver(vec![event(5, 40, &[1, 2])]);
    assert_eq!(a.revs().await, [40]);
}

#[tokio::test]
async fn a_frame_that_is_not_text_is_dropped_and_nobody_is_disturbed() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    server.deliver(vec![
        Outbound::Event {
            conversation: conversation(5),
            rev: 1,
            audience: Bytes::from_static(&[0; 17]),
            left: Bytes::new(),
            flip: false,
            frame: Bytes::from_static(&[0xff]),
        },
        event(5, 2, &[1]),
    ]);
    assert_eq!(client.revs().await, [2]);
}

#[tokio::test]
async fn what_is_told_to_every_node_reaches_its_audience_once_and_nobody_else() {
    let (one, two) = (server().await, server().await);
    let mut alice = [one.enter(1, 11).await, two.enter(1, 12).await];
    let mut bob = one.enter(2, 21).await;
    let mut carol = two.enter(3, 31).await;
    for server in [&one, &two] {
        server.deliver(vec![event(7, 1, &[1, 3])]);
        // Once more, by its route: what was on its way when the routes came back.
        server.deliver(vec![event(7, 1, &[1, 3]), event(7, 2, &[1, 2, 3])]);
    }
    for client in alice.iter_mut().chain([&mut carol]) {
        assert_eq!(client.revs().await, [1, 2]);
    }
    assert_eq!(bob.revs().await, [2]);
}
