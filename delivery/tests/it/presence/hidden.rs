//! What goes wrong on the way, or comes at a bad moment: nobody sees by it what he may not.

use schemas::user::table::Block;

use super::*;

#[tokio::test]
async fn a_subscription_counts_and_one_that_fails_takes_nothing_away() {
    let server = server().await;
    server.known(7, false, entry(7, 1, Status::Online));
    let mut one = server.enter(1, 11).await;
    ask(&mut one, "presence.subscribe", ids([7])).await;
    assert_eq!(*server.inbound.charged.lock(), ["presence.subscribe"]);
    server.inbound.poor.store(true, Ordering::SeqCst);
    let refused = ask(&mut one, "presence.subscribe", ids([7, 8])).await;
    assert_eq!(refused["error"]["code"], "rate_limited", "{refused}");
    server.inbound.poor.store(false, Ordering::SeqCst);
    server.deliver(vec![published([entry(7, 2, Status::Away), entry(8, 1, Status::Online)])]);
    assert_eq!(heard(&mut one).await, [is(7, Status::Away)], "and nothing of 8");
}

#[tokio::test]
async fn a_block_that_no_head_tells_of_yet_hides() {
    let server = server().await;
    server.direct(50, [1, 2], &[], 1);
    server.direct(51, [1, 3], &[], 1);
    server.direct(52, [1, 4], &[], 1);
    let stamp = Position { epoch: 1, partition: 0, offset: 1 }.stamp();
    for (user_of, other) in [(2, 1), (1, 3)] {
        let (user, other) = (user(user_of), user(other));
        let row = Block { user, other, reason: None, report: None, created_at: Timestamp(0) };
        server.store.put(&row, stamp);
    }
    let mut one = server.enter(1, 11).await;
    let version = server.until_heard(&mut one, 4).await;
    server.deliver(vec![published([
        entry(2, version + 1, Status::Online),
        entry(3, version + 1, Status::Online),
        entry(4, version + 1, Status::Offline),
    ])]);
    assert_eq!(heard(&mut one).await, [is(4, Status::Offline)]);
}

#[tokio::test]
async fn who_shows_nothing_any_more_is_offline_though_nobody_was_told() {
    let server = server().await;
    server.known(7, false, entry(7, 1, Status::Online));
    server.known(1, false, entry(1, 1, Status::Online));
    let mut one = server.enter(1, 11).await;
    ask(&mut one, "presence.subscribe", ids([7])).await;
    // His owner died before it told that he hides.
    server.inbound.seen.lock().remove(&user(7));
    let wanted = PresenceWanted { partition: partition_of(7), ticket: Uuid::nil() };
    server.deliver(vec![Outbound::PresenceWanted(wanted)]);
    assert_eq!(one.frame().await["data"]["status"], "offline");
    let answer = ask(&mut one, "presence.subscribe", ids([7])).await;
    assert_eq!(answer["data"]["presence"][0]["status"], "offline");
}

#[tokio::test]
async fn who_may_see_nothing_any_more_sees_nothing_newer_either() {
    let server = server().await;
    server.known(7, false, entry(7, 1, Status::Online));
    let mut one = server.enter(1, 11).await;
    ask(&mut one, "presence.subscribe", ids([7])).await;
    // What was published since is read with the block.
    server.known(7, true, entry(7, 2, Status::Away));
    let relation = Relation { user: user(7), other: user(1) };
    server.deliver(vec![Outbound::Relation(relation)]);
    assert_eq!(one.frame().await["data"]["status"], "offline", "and nothing before that");
}

#[tokio::test]
async fn what_can_not_be_read_at_all_is_hidden() {
    let server = server().await;
    server.known(7, false, entry(7, 1, Status::Online));
    let mut one = server.enter(1, 11).await;
    ask(&mut one, "presence.subscribe", ids([7])).await;
    server.inbound.broken.store(true, Ordering::SeqCst);
    let relation = Relation { user: user(7), other: user(1) };
    server.deliver(vec![Outbound::Relation(relation)]);
    assert_eq!(one.frame().await["data"]["status"], "offline");
    server.inbound.broken.store(false, Ordering::SeqCst);
    server.deliver(vec![Outbound::Relation(relation)]);
    assert_eq!(one.frame().await["data"]["status"], "online");
}

#[tokio::test]
async fn a_text_that_another_one_overtook_can_be_set_again() {
    let server = server().await;
    let own = |version, text: &str| {
        let custom_status = Some(text.to_owned());
        published([Entry { custom_status, ..entry(1, version, Status::Online) }])
    };
    let mut one = server.enter(1, 11).await;
    server.deliver(vec![own(1, "breakfast")]);
    assert_eq!(one.frame().await["data"]["customStatus"], "breakfast");
    let text = json!({ "customStatus": "held" });
    one.request("b", "presence.update", &text.to_string()).await;
    wait_for("it is accepted", || server.inbound.accepted.lock().len() == 1).await;
    // From another device, behind it.
    server.deliver(vec![own(2, "dinner")]);
    assert_eq!(one.frame().await["data"]["customStatus"], "dinner");
    server.inbound.release.add_permits(2);
    assert_eq!(one.frame().await["id"], "b");
    assert_eq!(ask(&mut one, "presence.update", text).await["ok"], true);
    assert_eq!(server.inbound.accepted.lock().len(), 2, "it is another one than his");
}
