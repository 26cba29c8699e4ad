//! What a viewer sees, by every setting that there is, and what is refused: on rows that the tests write.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use platform::inbound::{Identity, Inbound, Permission};
use platform::memory::{Fault, Operation};
use platform::port::ephemeral::Note;
use schemas::envelope::{Content, UserCommand, decode};
use schemas::member::table::MembershipByUser;
use schemas::member::{Membership, Role};
use schemas::patch::Patch;
use schemas::presence::entry::{Device, Entry};
use schemas::presence::table::LastSeen;
use schemas::presence::{DeviceKind, Status, board};
use schemas::table::{Batch, Table, Write};
use schemas::user::head::{Audience, Head, Preference, Privacy};
use schemas::user::table::{Block, UserHead};
use schemas::{
    Code, ConversationId, Position, SessionId, Timestamp, UserId, limits, partition, topic,
};
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::ServiceExt;
use uuid::Uuid;

use crate::conversation::tests::ME;
use crate::testing::{World, world};
use crate::user::tests::head;

mod since;

const OTHER: UserId = UserId(Uuid::from_u128(2));
const NOBODY: UserId = UserId(Uuid::from_u128(3));
/// Before the test's clock.
const SEEN: Timestamp = Timestamp(1_799_999_000_000);

async fn write(world: &World, writes: Vec<Write>) {
    let store = &world.ingest.platform.store;
    store.write(Batch { fence: None, writes }).await.unwrap();
}

fn row<T: Table>(row: &T) -> Write {
    Write::replace(row, Position { epoch: 1, partition: 0, offset: 1 }.stamp())
}

async fn publish(world: &World, entry: &Entry) {
    let partitions = world.ingest.platform.log.partitions(&topic::PRESENCE);
    let partition = partition::of(entry.user_id.to_string().as_bytes(), partitions);
    let note = Note::new(entry.user_id.0, Bytes::from(serde_json::to_vec(entry).unwrap()));
    world.ingest.platform.ephemeral.note(&board(partition), &[note]).await.unwrap();
}

fn entry(user: UserId, status: Status) -> Entry {
    let device =
        Device { device_id: "phone".to_owned(), kind: DeviceKind::Mobile, last_active: SEEN };
    Entry {
        user_id: user,
        version: 7,
        status,
        custom_status: None,
        custom_status_expires_at: None,
        last_seen_at: Some(SEEN),
        since: SEEN,
        devices: vec![device],
        online: true,
        last_seen: Audience::Everyone,
        hides: false,
        again: false,
        otherwise: None,
        at: SEEN,
    }
}

fn said(text: &str) -> Preference {
    Preference { custom_status: Some(text.to_owned()), ..Preference::default() }
}

async fn call(world: &World, method: Method, path: &str, body: Option<Value>) -> Response {
    let token = world.ingest.keys.access_token(ME, SessionId(Uuid::nil()), world.ingest.now());
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {token}"))
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
    world.ingest.router().oneshot(request.unwrap()).await.unwrap()
}

async fn data(response: Response, status: u16) -> Value {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(parts.status, status, "{value}");
    if status < 400 { value["data"].take() } else { value }
}

async fn get(world: &World, path: &str) -> Value {
    data(call(world, Method::GET, path, None).await, 200).await
}

async fn refused(world: &World, method: Method, path: &str, body: Option<Value>) -> Value {
    let answer = data(call(world, method, path, body).await, 400).await;
    answer["code"].clone()
}

/// Two who are there.
async fn stage() -> World {
    let world = world().await;
    let heads = [ME, OTHER].map(|user| row(&UserHead::of(user, &head())));
    write(&world, heads.into()).await;
    world
}

/// What stands between the two.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Between {
    Nothing,
    Contacts,
    /// Contacts, of whom the viewer has blocked the other.
    Blocked,
    /// The other way round.
    BlockedBy,
}

async fn put_between(world: &World, between: Between) {
    let membership = Membership {
        conversation: ConversationId::direct(ME, OTHER),
        user: ME,
        role: Role::Member,
        joined_at: Timestamp(0),
        visible_from: 1,
        visible_to: None,
        sent_seq: 0,
        sent_n: 0,
        by_conversation: false,
    };
    let block = |user, other| {
        row(&Block { user, other, reason: None, report: None, created_at: Timestamp(0) })
    };
    let mut writes = Vec::new();
    if between != Between::Nothing {
        writes.push(row(&MembershipByUser::of(&membership)));
    }
    match between {
        Between::Blocked => writes.push(block(ME, OTHER)),
        Between::BlockedBy => writes.push(block(OTHER, ME)),
        Between::Nothing | Between::Contacts => {}
    }
    write(world, writes).await;
}

/// What is to be seen: status, last seen.
fn expected(between: Between, privacy: Privacy, status: Status) -> (Status, Option<Timestamp>) {
    if matches!(between, Between::Blocked | Between::BlockedBy) {
        return (Status::Offline, None);
    }
    let admitted = match privacy.last_seen {
        Audience::Everyone => true,
        Audience::Contacts => between == Between::Contacts,
        Audience::Nobody => false,
    };
    let shown = if privacy.online { status } else { Status::Offline };
    // Who hides that he is here does not tell it by when he was.
    (shown, (admitted && privacy.online).then_some(SEEN))
}

async fn looks(between: Between, privacy: Privacy, status: Status) {
    let world = stage().await;
    put_between(&world, between).await;
    let known = Head { privacy, presence: said("hello"), ..head() };
    write(&world, vec![row(&UserHead::of(OTHER, &known))]).await;
    // What was published knows nothing of the settings yet: the head does.
    publish(&world, &entry(OTHER, status)).await;

    let what = format!("{between:?} {privacy:?} {status:?}");
    let (status, last_seen) = expected(between, privacy, status);
    let one = get(&world, &format!("/presence/users/{OTHER}")).await;
    assert_eq!(one["status"], status.text(), "{what}");
    assert_eq!(one["lastSeenAt"], json!(last_seen), "{what}");
    assert_eq!(one["devices"], Value::Null, "{what}");
    assert_eq!(one["showAsAway"], status == Status::Away, "{what}");
    let hidden = matches!(between, Between::Blocked | Between::BlockedBy) || !privacy.online;
    let custom = if hidden { Value::Null } else { json!("hello") };
    assert_eq!(one["customStatus"], custom, "{what}");
    if hidden && last_seen.is_none() {
        let mut nobody = get(&world, &format!("/presence/users/{NOBODY}")).await;
        for field in ["id", "userId"] {
            nobody[field] = json!(OTHER);
        }
        assert_eq!(one, nobody, "{what}: like nobody");
    }
    let several = get(&world, &format!("/presence/users?userIds={NOBODY},{OTHER}")).await;
    assert_eq!(several[1], one, "{what}");

    // Who has blocked the other sees no profile either.
    if matches!(between, Between::Nothing | Between::Contacts) {
        let user = get(&world, &format!("/users/{OTHER}")).await;
        assert_eq!(user["presenceStatus"], status.text(), "{what}");
        assert_eq!(user["isOnline"], status.is_here(), "{what}");
        assert_eq!(user["lastSeen"], json!(last_seen), "{what}");
    }
    let seen = world.ingest.presence(ME, &[OTHER, NOBODY]).await.unwrap();
    let permission = Permission {
        blocked: matches!(between, Between::Blocked | Between::BlockedBy),
        contact: between != Between::Nothing,
    };
    assert_eq!(seen[0].permission, permission, "{what}");
    assert_eq!((seen[1].user, &seen[1].entry), (NOBODY, &None));
}

#[tokio::test]
async fn a_viewer_sees_what_he_may_and_who_hides_is_like_nobody() {
    use Between::{Blocked, BlockedBy, Contacts, Nothing};
    for between in [Nothing, Contacts, Blocked, BlockedBy] {
        for last_seen in [Audience::Everyone, Audience::Contacts, Audience::Nobody] {
            for online in [true, false] {
                // Offline: not here, or he says so while he is.
                for status in [Status::Online, Status::Away, Status::DoNotDisturb, Status::Offline]
                {
                    let privacy = Privacy { last_seen, online, ..Privacy::default() };
                    looks(between, privacy, status).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn many_are_read_in_slices_and_answered_in_the_order_asked() {
    let world = stage().await;
    put_between(&world, Between::Contacts).await;
    publish(&world, &entry(OTHER, Status::Online)).await;
    let many = u128::try_from(limits::PRESENCE_CHUNK).unwrap() + 10;
    let mut users: Vec<_> = (100..100 + many).map(|n| UserId(Uuid::from_u128(n))).collect();
    users.extend([OTHER, ME]);
    let seen = world.ingest.presence(ME, &users).await.unwrap();
    assert_eq!(seen.iter().map(|seen| seen.user).collect::<Vec<_>>(), users);
    let here: Vec<_> = seen.iter().filter(|seen| seen.entry.is_some()).collect();
    assert_eq!(here.iter().map(|seen| seen.user).collect::<Vec<_>>(), [OTHER, ME]);
    assert_eq!(here[0].permission, Permission { blocked: false, contact: true });
}

#[tokio::test]
async fn who_is_not_here_was_last_seen_when_his_row_says() {
    let world = stage().await;
    let path = format!("/presence/users/{OTHER}");
    let never = get(&world, &path).await;
    assert_eq!((&never["status"], &never["lastSeenAt"]), (&json!("offline"), &Value::Null));
    assert_eq!(never["createdAt"], Value::Null, "nor since when he has an account");
    write(&world, vec![row(&LastSeen { user: OTHER, at: SEEN, version: 3 })]).await;
    let once = get(&world, &path).await;
    assert_eq!((&once["status"], &once["lastSeenAt"]), (&json!("offline"), &json!(SEEN)));
    let gone = Head { deleted_at: Some(SEEN), ..head() };
    write(&world, vec![row(&UserHead::of(OTHER, &gone))]).await;
    publish(&world, &entry(OTHER, Status::Online)).await;
    assert_eq!(get(&world, &path).await, never, "who is gone was never here");
}

#[tokio::test]
async fn a_custom_status_ends_at_its_moment_for_everybody() {
    let world = stage().await;
    let until = world.ingest.now().plus_ms(60_000);
    let presence = Preference { custom_until: Some(until), ..said("lunch") };
    let known = Head { presence, ..head() };
    let heads = [ME, OTHER].map(|user| row(&UserHead::of(user, &known)));
    write(&world, heads.into()).await;
    publish(&world, &entry(OTHER, Status::Online)).await;
    let of = format!("/presence/users/{OTHER}");
    world.clock.advance_ms(59_999);
    for path in [of.as_str(), "/presence/me"] {
        let before = get(&world, path).await;
        assert_eq!(before["customStatus"], "lunch", "{path}");
        assert_eq!(before["customStatusExpiresAt"], json!(until), "{path}");
    }
    world.clock.advance_ms(1);
    for path in [of.as_str(), "/presence/me"] {
        let after = get(&world, path).await;
        assert_eq!(after["customStatus"], Value::Null, "{path}");
        assert_eq!(after["customStatusExpiresAt"], Value::Null, "{path}");
    }
}

#[tokio::test]
async fn oneself_is_shown_whole_and_as_one_has_decided() {
    let world = stage().await;
    let mut fields: BTreeSet<String> =
        get(&world, "/presence/me").await.as_object().unwrap().keys().cloned().collect();
    for field in [
        "id",
        "createdAt",
        "updatedAt",
        "deletedAt",
        "userId",
        "status",
        "customStatus",
        "customStatusExpiresAt",
        "lastSeenAt",
        "devices",
        "showAsAway",
        "awayAt",
        "awayTimeoutSeconds",
    ] {
        assert!(fields.remove(field), "{field}");
    }
    assert!(fields.is_empty(), "{fields:?}");

    let presence = Preference { status: Some(Status::Away), ..Preference::default() };
    let privacy = Privacy { online: false, last_seen: Audience::Nobody, ..Privacy::default() };
    let last_at = SEEN.plus_ms(5_000);
    let known = Head { presence, privacy, last_at, ..head() };
    write(&world, vec![row(&UserHead::of(ME, &known))]).await;
    let decided = get(&world, "/presence/me").await;
    assert_eq!((&decided["status"], &decided["awayTimeoutSeconds"]), (&json!("away"), &json!(300)));
    assert_eq!(decided["devices"], json!([]));
    // Without a device he is away for nobody, and since never.
    assert_eq!((&decided["showAsAway"], &decided["awayAt"]), (&json!(false), &Value::Null));
    let me = get(&world, "/users/me").await;
    assert_eq!((&me["presenceStatus"], &me["isOnline"]), (&json!("away"), &json!(false)));

    publish(&world, &entry(ME, Status::Online)).await;
    let here = get(&world, "/presence/me").await;
    assert_eq!((&here["status"], &here["showAsAway"]), (&json!("away"), &json!(true)));
    assert_eq!(here["awayAt"], json!(last_at), "since he decided it");
    let device = json!({"deviceId": "phone", "type": "mobile", "lastActive": SEEN});
    assert_eq!(here["devices"], json!([device]));
    assert_eq!(get(&world, "/users/me").await["isOnline"], true);
    assert_eq!(get(&world, &format!("/presence/users/{ME}")).await["devices"], json!([device]));
}

#[tokio::test]
async fn requests_are_checked() {
    let world = stage().await;
    let put = async |body: Value| refused(&world, Method::PUT, "/presence/me", Some(body)).await;
    assert_eq!(put(json!({"status": "busy"})).await, "validation_failed");
    assert_eq!(put(json!({"status": 5})).await, "validation_failed");
    assert_eq!(put(json!({"customStatus": "x".repeat(201)})).await, "validation_failed");
    assert_eq!(put(json!({"customStatus": "a\u{0}b"})).await, "validation_failed");
    let stray = json!({"customStatus": "a\u{0}b"});
    let stray = data(call(&world, Method::PUT, "/presence/me", Some(stray)).await, 400).await;
    assert!(stray.to_string().contains("no control characters"), "{stray}");
    assert_eq!(put(json!({"mood": "good"})).await, "unknown_field");
    let now = world.ingest.now();
    for when in [json!(now), json!("tomorrow"), json!(1_900_000_000_000_i64)] {
        let body = json!({"customStatus": "x", "customStatusExpiresAt": when});
        assert_eq!(put(body).await, "validation_failed");
    }
    let get = async |path: &str| refused(&world, Method::GET, path, None).await;
    assert_eq!(get("/presence/users/5").await, "malformed_id");
    assert_eq!(get("/presence/users").await, "validation_failed");
    assert_eq!(get("/presence/users?userIds=").await, "validation_failed");
    assert_eq!(get(&format!("/presence/users?userIds={OTHER},5")).await, "malformed_id");
    let many: Vec<_> = (0..=limits::PRESENCE_SUBSCRIPTIONS)
        .map(|n| UserId(Uuid::from_u128(u128::try_from(n).unwrap())))
        .collect();
    let post = async |body| refused(&world, Method::POST, "/presence/batch", Some(body)).await;
    assert_eq!(post(json!({"userIds": many})).await, "validation_failed");
    assert_eq!(post(json!({})).await, "validation_failed");
    assert_eq!(post(json!({"userIds": ["x"]})).await, "malformed_id");
    let body = json!({"userIds": many[1..]});
    let all = data(call(&world, Method::POST, "/presence/batch", Some(body)).await, 200).await;
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|one| one["userId"].clone()).collect();
    assert_eq!(json!(ids), json!(many[1..]), "in the order asked");
    let twice = data(
        call(
            &world,
            Method::GET,
            &format!("/presence/users?userIds={NOBODY},{OTHER},{NOBODY}"),
            None,
        )
        .await,
        200,
    )
    .await;
    let ids: Vec<_> = twice.as_array().unwrap().iter().map(|one| one["userId"].clone()).collect();
    assert_eq!(json!(ids), json!([NOBODY, OTHER]), "each once");
    assert!(world.log.records(&topic::USERS).is_empty(), "nothing of it was published");
}

/// The decision in the newest record.
fn decision(world: &World) -> schemas::user::command::Presence {
    let records = world.log.records(&topic::USERS);
    let newest = records.last().unwrap();
    let (meta, content) = decode::<UserCommand>(&newest.value).unwrap();
    assert_eq!(meta.actor, ME);
    match content {
        Content::Known(UserCommand::Presence(presence)) => presence,
        other => panic!("{other:?}"),
    }
}

fn who() -> Identity {
    let session = SessionId(Uuid::nil());
    Identity { user: ME, session, expires_at: Timestamp(i64::MAX) }
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_answered_when_it_is_folded_and_not_before() {
    let world = stage().await;
    let body = json!({"status": "do_not_disturb", "customStatus": "  "});
    let answer = call(&world, Method::PUT, "/presence/me", Some(body)).await;
    // Nothing folds here: whoever can not know it does not say it.
    assert_eq!(data(answer, 503).await["code"], "outcome_unknown");
    let told = decision(&world);
    assert_eq!(told.status, Patch::Value(Status::DoNotDisturb));
    assert_eq!((told.custom_status, told.custom_until), (Patch::Null, Patch::Absent));

    world.log_faults.on(|_| Fault::Refuse);
    let body = json!({"status": "away"});
    let answer = call(&world, Method::PUT, "/presence/me", Some(body)).await;
    assert_eq!(data(answer, 503).await["code"], "overloaded");
}

#[tokio::test(start_paused = true)]
async fn a_socket_decides_by_the_same_rules() {
    let world = stage().await;
    let ask = async |kind: &str, data: Value| {
        let data = serde_json::value::to_raw_value(&data).unwrap();
        world.ingest.accept(&who(), kind, Some(&data)).await
    };
    let code = async |kind: &str, data: Value| ask(kind, data).await.err().map(|e| e.code);
    let busy = json!({"status": "busy"});
    assert_eq!(code("presence.set", busy).await, Some(Code::ValidationFailed));
    assert_eq!(code("presence.set", json!({"mood": 1})).await, Some(Code::UnknownField));
    assert!(ask("presence.set", json!({})).await.unwrap().await.is_ok(), "nothing to do");
    assert!(world.log.records(&topic::USERS).is_empty());
    let pending = ask("presence.set", json!({"status": "online"})).await.unwrap();
    assert_eq!(decision(&world).status, Patch::Null, "in the log when it is accepted");
    assert_eq!(pending.await.unwrap_err().code, Code::OutcomeUnknown);

    let stranger = json!({"conversationId": ConversationId(Uuid::from_u128(9))});
    assert_eq!(code("conversation.join", stranger).await, Some(Code::NotMember));
    assert_eq!(code("conversation.join", json!({})).await, Some(Code::ValidationFailed));
    let id = crate::message::tests::conversation(1);
    crate::message::tests::stage(&world, id, 1).await;
    let joined = ask("conversation.join", json!({ "conversationId": id })).await.unwrap().await;
    assert!(joined.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_head_is_not_older_than_the_entry_under_it() {
    let world = stage().await;
    publish(&world, &entry(OTHER, Status::Online)).await;
    let first = AtomicBool::new(true);
    world.store_faults.on(move |operation| {
        let slow = operation == Operation::Get && first.swap(false, Ordering::SeqCst);
        if slow { Fault::Delay(Duration::from_secs(1)) } else { Fault::None }
    });
    let hides = async {
        sleep(Duration::from_millis(500)).await;
        let privacy = Privacy { online: false, ..Privacy::default() };
        let known = Head { privacy, ..head() };
        write(&world, vec![row(&UserHead::of(OTHER, &known))]).await;
        let hidden = Entry { version: 8, online: false, ..entry(OTHER, Status::Online) };
        publish(&world, &hidden).await;
    };
    let (seen, ()) = tokio::join!(world.ingest.presence(ME, &[OTHER]), hides);
    let seen = seen.unwrap().remove(0).entry;
    assert!(seen.is_none_or(|entry| entry.version == 7 || !entry.online), "a new one is hidden");
}
