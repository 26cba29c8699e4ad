//! Presence over sockets: what devices do is told once, and what comes of it reaches those who may see it.

mod hidden;
mod said;

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use platform::inbound::{Permission, Seen};
use schemas::conversation::head::{Head, Kind, Members, Routing, Settings};
use schemas::conversation::table::HeadRow;
use schemas::envelope::{Content, PresenceCommand, decode};
use schemas::member::table::MembershipByUser;
use schemas::member::{Membership, Role};
use schemas::outbound::{self, Outbound, PresenceWanted, Relation};
use schemas::presence::Status;
use schemas::presence::entry::Entry;
use schemas::user::head::Audience;
use schemas::{Position, Timestamp, UserId, limits, partition};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, Server, conversation, server, user, wait_for};

pub(crate) fn entry_of(user_id: UserId, version: i64, status: Status) -> Entry {
    Entry {
        user_id,
        version,
        status,
        custom_status: None,
        custom_status_expires_at: None,
        last_seen_at: Some(Timestamp(version)),
        since: Timestamp(version),
        devices: Vec::new(),
        online: true,
        last_seen: Audience::Contacts,
        hides: false,
        again: false,
        otherwise: None,
        at: Timestamp(version),
    }
}

fn entry(of: u128, version: i64, status: Status) -> Entry {
    entry_of(user(of), version, status)
}

fn published(entries: impl IntoIterator<Item = Entry>) -> Outbound {
    Outbound::Presence { entries: entries.into_iter().collect() }
}

/// What a socket hears of presence before the answer to a ping.
async fn heard(client: &mut Client) -> Vec<(UserId, String)> {
    client.request("mark", "ping", "null").await;
    let mut heard = Vec::new();
    loop {
        let frame = client.frame().await;
        if frame["id"] == "mark" {
            return heard;
        }
        assert_eq!(frame["type"], "presence", "{frame}");
        let data = &frame["data"];
        let user = data["userId"].as_str().unwrap().parse().unwrap();
        heard.push((user, data["status"].as_str().unwrap().to_owned()));
    }
}

fn is(of: u128, status: Status) -> (UserId, String) {
    (user(of), status.text().to_owned())
}

async fn ask(client: &mut Client, kind: &str, data: Value) -> Value {
    client.request("a", kind, &data.to_string()).await;
    let answer = client.frame().await;
    assert_eq!(answer["id"], "a", "{answer}");
    answer
}

fn ids(users: impl IntoIterator<Item = u128>) -> Value {
    let users: Vec<_> = users.into_iter().map(|of| user(of).to_string()).collect();
    json!({ "userIds": users })
}

impl Server {
    /// Every command about presence that was told, in order.
    fn told(&self) -> Vec<PresenceCommand> {
        let appends = self.log.appends.lock();
        let read = |value: &Bytes| match decode::<PresenceCommand>(value).unwrap().1 {
            Content::Known(command) => command,
            Content::Unsupported(kind) => panic!("{kind}"),
        };
        appends.iter().flatten().map(|record| read(&record.value)).collect()
    }

    /// What was told of a user's devices.
    fn devices(&self, of: u128) -> Vec<Status> {
        let of = user(of);
        let told = self.told().into_iter();
        told.filter_map(|command| match command {
            PresenceCommand::Device(changed) if changed.device.user_id == of => {
                Some(changed.device.status)
            }
            _ => None,
        })
        .collect()
    }

    /// A direct conversation of two.
    fn direct(&self, talk: u128, two: [u128; 2], blocked_by: &[u128], offset: u64) {
        let stamp = Position { epoch: 1, partition: 0, offset }.stamp();
        let head = Head {
            v: 1,
            kind: Kind::Direct,
            created_by: user(two[0]),
            created_at: Timestamp(0),
            seq: 0,
            rev: 1,
            n: 0,
            last_at: Timestamp(0),
            member_count: 2,
            members: Members(two.map(user).to_vec()),
            routing: Routing::Member,
            applied: Position { epoch: 1, partition: 0, offset },
            preview: None,
            settings: Settings::default(),
            owner: None,
            admins: Members::default(),
            blocked_by: Members(blocked_by.iter().map(|by| user(*by)).collect()),
            unopened: false,
            blocks_told: Vec::new(),
            pins: 0,
            deleted_at: None,
        };
        self.store.put(&HeadRow::of(conversation(talk), &head), stamp);
        for member in two {
            let membership = Membership {
                conversation: conversation(talk),
                user: user(member),
                role: Role::Member,
                joined_at: Timestamp(0),
                visible_from: 1,
                visible_to: None,
                sent_seq: 0,
                sent_n: 0,
                by_conversation: false,
            };
            self.store.put(&MembershipByUser::of(&membership), stamp);
        }
    }

    /// What acceptance knows of a user.
    fn known(&self, of: u128, blocked: bool, entry: Entry) {
        let permission = Permission { blocked, contact: false };
        let seen = Seen { user: user(of), permission, entry: Some(entry) };
        self.inbound.seen.lock().insert(user(of), seen);
    }

    /// Publishes something about `of` until a socket hears of it: what it depends on is being read.
    async fn until_heard(&self, client: &mut Client, of: u128) -> i64 {
        for version in 1..1_000 {
            let status = if version % 2 == 0 { Status::Away } else { Status::Online };
            self.deliver(vec![published([entry(of, version, status)])]);
            if !heard(client).await.is_empty() {
                return version;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("nothing is heard of {of}");
    }
}

#[tokio::test]
async fn a_subscriber_gets_what_is_and_then_what_changes_and_a_stranger_gets_nothing() {
    let server = server().await;
    server.known(7, false, entry(7, 5, Status::Away));
    let (mut one, mut other) = (server.enter(1, 11).await, server.enter(1, 12).await);
    let mut stranger = server.enter(2, 21).await;
    let answer = ask(&mut one, "presence.subscribe", ids([7, 8, 7])).await;
    assert_eq!(answer["data"]["subscribedCount"], 2, "{answer}");
    let view = json!({
        "userId": user(7).to_string(), "status": "away", "customStatus": null,
        "customStatusExpiresAt": null, "lastSeenAt": null,
    });
    assert_eq!(answer["data"]["presence"][0], view, "last seen is for contacts");
    assert_eq!(answer["data"]["presence"][1]["status"], "offline", "unknown is hidden");
    server.deliver(vec![published([entry(7, 6, Status::Online), entry(9, 6, Status::Online)])]);
    server.deliver(vec![published([entry(7, 6, Status::Online)])]);
    server.deliver(vec![published([entry(7, 4, Status::Offline)])]);
    assert_eq!(heard(&mut one).await, [is(7, Status::Online)]);
    assert_eq!(heard(&mut other).await, []);
    assert_eq!(heard(&mut stranger).await, []);
    let answer = ask(&mut one, "presence.unsubscribe", ids([7])).await;
    assert_eq!(answer["data"], json!({ "unsubscribedCount": 1 }));
    server.deliver(vec![published([entry(7, 7, Status::Away)])]);
    assert_eq!(heard(&mut one).await, []);
}

#[tokio::test]
async fn peers_are_told_and_one_who_blocks_is_not() {
    let server = server().await;
    server.direct(50, [1, 2], &[], 1);
    server.direct(51, [1, 3], &[3], 1);
    server.direct(52, [1, 1], &[], 1);
    let mut one = server.enter(1, 11).await;
    let version = server.until_heard(&mut one, 2).await;
    server.deliver(vec![published([
        entry(2, version + 1, Status::Offline),
        entry(3, 1, Status::Online),
        entry(1, 1, Status::Online),
        entry(4, 1, Status::Online),
    ])]);
    let expected = [is(2, Status::Offline), is(1, Status::Online)];
    assert_eq!(heard(&mut one).await, expected, "himself, and nothing of 3");

    // A conversation begins: its other side is a peer from now on; it ends, and he is none.
    server.direct(54, [1, 4], &[], 2);
    let feed = |number, membership| Outbound::Feed {
        user: user(1),
        number,
        membership: Some((conversation(54), membership)),
        frame: Bytes::from_static(br#"{"type":"conversation.added","data":{"rev":1}}"#),
    };
    server.deliver(vec![feed(1, outbound::Membership::Begins)]);
    assert_eq!(one.frame().await["type"], "conversation.added");
    server.until_heard(&mut one, 4).await;
}

#[tokio::test]
async fn a_block_hides_at_once_and_its_end_shows_again() {
    let server = server().await;
    server.direct(50, [1, 2], &[], 1);
    let mut one = server.enter(1, 11).await;
    let version = server.until_heard(&mut one, 2).await;
    let online = entry(2, version, Status::Online);
    server.known(2, true, online.clone());
    let relation = Relation { user: user(2), other: user(1) };
    server.deliver(vec![Outbound::Relation(relation)]);
    assert_eq!(one.frame().await["data"]["status"], "offline");
    server.deliver(vec![published([entry(2, version + 1, Status::Away)])]);
    assert_eq!(heard(&mut one).await, [], "he sees offline as before");
    server.known(2, false, entry(2, version + 1, Status::Away));
    server.deliver(vec![Outbound::Relation(Relation { user: user(1), other: user(2) })]);
    assert_eq!(one.frame().await["data"]["status"], "away");
}

#[tokio::test]
async fn the_two_hundred_and_first_subscription_is_refused() {
    let server = server().await;
    let mut one = server.enter(1, 11).await;
    let most = u128::try_from(limits::PRESENCE_SUBSCRIPTIONS).unwrap();
    let answer = ask(&mut one, "presence.subscribe", ids(100..100 + most)).await;
    assert_eq!(answer["data"]["subscribedCount"], limits::PRESENCE_SUBSCRIPTIONS);
    let answer = ask(&mut one, "presence.subscribe", ids([99])).await;
    assert_eq!(answer["error"]["code"], "validation_failed", "{answer}");
    let mut two = server.enter(1, 12).await;
    let answer = ask(&mut two, "presence.subscribe", ids([99])).await;
    assert_eq!(answer["data"]["subscribedCount"], 1, "each socket for itself");
    let bad = [
        ("presence.subscribe", json!({}), "validation_failed"),
        ("presence.subscribe", json!({ "userIds": [], "all": true }), "unknown_field"),
        ("presence.subscribe", json!({ "userIds": ["x"] }), "malformed_id"),
        ("presence.unsubscribe", json!({ "userIds": ["x"] }), "malformed_id"),
        ("presence.update", json!({ "status": "busy" }), "validation_failed"),
        ("presence.update", json!({ "status": 5 }), "validation_failed"),
        ("presence.update", json!({ "customStatus": "x".repeat(201) }), "validation_failed"),
        ("activity", json!({ "x": 1 }), "unknown_field"),
    ];
    for (kind, data, code) in bad {
        let answer = ask(&mut two, kind, data).await;
        assert_eq!(answer["error"]["code"], code, "{kind}: {answer}");
    }
}

#[tokio::test]
async fn what_is_said_at_every_key_stroke_is_told_once() {
    let server = server().await;
    let mut one = server.enter(1, 11).await;
    wait_for("the first is told", || server.devices(1) == [Status::Online]).await;
    for _ in 0..80 {
        let answer = ask(&mut one, "presence.update", json!({ "status": "online" })).await;
        assert_eq!(answer["data"], json!({}), "{answer}");
    }
    ask(&mut one, "presence.update", json!({ "status": "do_not_disturb" })).await;
    let told = [Status::Online, Status::DoNotDisturb];
    wait_for("the change is told", || server.devices(1) == told).await;
    assert!(server.inbound.accepted.lock().is_empty(), "nothing of it is kept");

    // A text is kept, once as long as it stands.
    let text = json!({ "customStatus": "lunch" });
    for _ in 0..5 {
        assert_eq!(ask(&mut one, "presence.update", text.clone()).await["ok"], true);
    }
    let mut own = entry(1, 1, Status::DoNotDisturb);
    own.custom_status = Some("lunch".to_owned());
    server.deliver(vec![published([own])]);
    assert_eq!(heard(&mut one).await.len(), 1);
    let mut two = server.enter(1, 12).await;
    assert_eq!(ask(&mut two, "presence.update", text.clone()).await["ok"], true);
    assert_eq!(*server.inbound.accepted.lock(), [text.to_string()]);
    let mut own = entry(1, 2, Status::DoNotDisturb);
    own.custom_status = Some("dinner".to_owned());
    server.inbound.fold(user(1), r#"{"customStatus":"dinner"}"#);
    server.deliver(vec![published([own])]);
    assert_eq!(heard(&mut one).await.len(), 1);
    assert_eq!(ask(&mut one, "presence.update", text.clone()).await["ok"], true);
    assert_eq!(server.inbound.accepted.lock().len(), 2, "it was another one meanwhile");
    ask(&mut one, "presence.update", json!({ "customStatus": null })).await;
    assert_eq!(server.inbound.accepted.lock().last().unwrap(), r#"{"customStatus":null}"#);
    drop((one, two));
}

#[tokio::test]
async fn a_socket_that_ends_is_told_and_a_log_that_is_away_is_told_later() {
    let server = server().await;
    let one = server.enter(1, 11).await;
    wait_for("he is told", || server.devices(1) == [Status::Online]).await;
    server.log.away.store(true, Ordering::SeqCst);
    let two = server.enter(2, 21).await;
    let brief = server.enter(3, 31).await;
    drop((one, brief));
    wait_for("they are gone", || server.sockets() == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.log.away.store(false, Ordering::SeqCst);
    wait_for("what was", || server.devices(1).len() == 2 && !server.devices(2).is_empty()).await;
    assert_eq!(server.devices(1), [Status::Online, Status::Offline]);
    assert_eq!((server.devices(2), server.devices(3)), (vec![Status::Online], vec![]));
    drop(two);
}

fn partition_of(of: u128) -> u32 {
    partition::of(user(of).to_string().as_bytes(), 8)
}

#[tokio::test]
async fn a_question_is_answered_with_every_device_of_the_partition() {
    let server = server().await;
    let mut open = Vec::new();
    for of in 1..30 {
        open.push(server.enter(of, of).await);
    }
    wait_for("all are told", || (1..30).all(|of| server.devices(of).len() == 1)).await;
    let (mine, ticket) = (partition_of(1), Uuid::from_u128(99));
    let wanted = PresenceWanted { partition: mine, ticket };
    server.deliver(vec![Outbound::PresenceWanted(wanted)]);
    let snapshots = || {
        let told = server.told().into_iter();
        told.filter_map(|command| match command {
            PresenceCommand::Snapshot(snapshot) => Some(snapshot),
            _ => None,
        })
        .collect::<Vec<_>>()
    };
    wait_for("an answer", || !snapshots().is_empty()).await;
    let [snapshot] = &snapshots()[..] else { panic!("one part") };
    assert_eq!((snapshot.ticket, snapshot.last), (ticket, true));
    let mut found: Vec<_> = snapshot.devices.iter().map(|device| device.user_id).collect();
    found.sort_unstable();
    let expected: Vec<_> = (1..30).filter(|of| partition_of(*of) == mine).map(user).collect();
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn a_node_says_every_five_seconds_where_it_has_devices_and_says_goodbye() {
    let server = server().await;
    let mut open = Vec::new();
    for of in 1..6 {
        open.push(server.enter(of, of).await);
    }
    wait_for("all are told", || (1..6).all(|of| server.devices(of).len() == 1)).await;
    server.log.appends.lock().clear();
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    let appends = server.log.appends.lock().clone();
    let [beats] = &appends[..] else { panic!("{} appends", appends.len()) };
    let mut partitions: Vec<_> = beats.iter().map(|record| record.partition).collect();
    partitions.sort_unstable();
    let mut expected: Vec<_> = (1..6).map(partition_of).collect();
    expected.sort_unstable();
    let devices: u32 = server
        .told()
        .iter()
        .map(|command| match command {
            PresenceCommand::Heartbeat(beat) => beat.devices,
            other => panic!("{other:?}"),
        })
        .sum();
    expected.dedup();
    assert_eq!((partitions, devices), (expected.clone(), 5));
    server.log.appends.lock().clear();
    server.life.stop();
    wait_for("goodbye", || !server.log.appends.lock().is_empty()).await;
    wait_for("all are closed", || server.sockets() == 0).await;
    let told = server.told();
    assert_eq!(told.len(), expected.len(), "and nothing of each socket");
    assert!(told.iter().all(|command| matches!(command, PresenceCommand::Left(_))));
}

#[tokio::test(start_paused = true)]
async fn one_who_does_nothing_is_away_after_five_minutes() {
    let server = server().await;
    let mut one = server.enter(1, 11).await;
    let start = tokio::time::Instant::now();
    let mut asked = 0;
    // Its library answers pings while it is polled.
    while server.devices(1) != [Status::Online, Status::Away] {
        let heard = tokio::time::timeout(Duration::from_secs(1), one.text()).await;
        if let Ok(frame) = heard {
            panic!("{frame}");
        }
        // Signs of life and what a client tells by itself are no activity.
        one.request("p", "ping", "null").await;
        one.frame().await;
        asked += 1;
        assert!(asked < 400, "he is not away: {:?}", server.devices(1));
    }
    let after = start.elapsed();
    assert!((295..=305).contains(&after.as_secs()), "{after:?}");
    ask(&mut one, "activity", json!({})).await;
    let told = [Status::Online, Status::Away, Status::Online];
    wait_for("activity lifts it", || server.devices(1) == told).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_one_is_told_as_gone_before_his_socket_is_closed() {
    let server = server().await;
    let start = tokio::time::Instant::now();
    // Its library answers nothing while it is not polled.
    let _silent = server.enter(1, 11).await;
    wait_for("he is told", || server.devices(1).len() == 1).await;
    while server.devices(1).len() == 1 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let after = start.elapsed();
    assert!((50..52).contains(&after.as_secs()), "{after:?}");
    assert_eq!((server.devices(1), server.sockets()), (vec![Status::Online, Status::Offline], 1));
    while server.sockets() == 1 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.devices(1).len(), 2, "once");
}

#[tokio::test]
async fn after_records_were_lost_what_was_missed_is_pushed() {
    let server = server().await;
    server.known(7, false, entry(7, 1, Status::Online));
    let mut one = server.enter(1, 11).await;
    ask(&mut one, "presence.subscribe", ids([7])).await;
    server.known(7, false, entry(7, 2, Status::Away));
    server.sink.lost();
    let (mut resynced, mut away) = (false, false);
    while !(resynced && away) {
        let frame = one.frame().await;
        resynced |= frame["type"] == "resync";
        away |= frame["data"]["status"] == "away";
    }
    // And what a former owner of the partition noted and did not tell.
    server.known(7, false, entry(7, 3, Status::Offline));
    let wanted = PresenceWanted { partition: partition_of(7), ticket: Uuid::nil() };
    server.deliver(vec![Outbound::PresenceWanted(wanted)]);
    assert_eq!(one.frame().await["data"]["status"], "offline");
}
