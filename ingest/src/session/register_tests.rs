use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body as Bytes;
use http::Request;
use platform::memory::{Fault, Operation};
use platform::port::log::{Append, Budget};
use schemas::envelope::{Commands as _, Content, Meta, decode};
use schemas::outbound::{self, Before, Outbound, Reply};
use schemas::table::Batch;
use schemas::user::head::Head;
use schemas::user::table::{Claim, UserHead};
use schemas::{ConversationId, Position, Timestamp, limits};
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::testing::{World, world};

const OTHER: UserId = UserId(Uuid::from_u128(9));

async fn register(world: &World, key: Option<&str>) -> (u16, Option<Code>) {
    let form = serde_json::json!({
        "username": "alice",
        "email": "alice@example.org",
        "password": "correct horse battery",
    });
    let mut request = Request::post("/api/v1/auth/register");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(Bytes::from(form.to_string())).unwrap();
    let response = world.ingest.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let code = Code::ALL.iter().find(|code| body["code"] == code.text()).copied();
    (status, code)
}

/// Whether others must leave the name alone.
async fn is_held(world: &World, kind: &str, value: &str) -> bool {
    let store = &*world.ingest.platform.store;
    let claim = get_one::<Claim>(store, Claim::get(kind, value)).await.unwrap();
    claim.is_some_and(|claim| claim.confirmed || claim.deadline > world.ingest.now())
}

async fn both_held(world: &World) -> [bool; 2] {
    let username = is_held(world, "username", "alice").await;
    [username, is_held(world, "email", "alice@example.org").await]
}

/// Somebody else's claim on the username that has just run out.
async fn left_behind(world: &World) {
    let claim = Claim {
        kind: "username".into(),
        value: "alice".into(),
        owner: OTHER,
        confirmed: false,
        deadline: world.ingest.now(),
    };
    world.ingest.platform.store.claim(Write::insert(&claim, Stamp(0))).await.unwrap();
}

async fn becomes_a_user(world: &World, user: UserId) {
    let profile = Profile {
        username: "alice".into(),
        email: "other@example.org".into(),
        first_name: None,
        last_name: None,
        avatar_url: None,
        bio: None,
        status: None,
        phone: None,
    };
    let at = Timestamp(1);
    let applied = Position { epoch: 1, partition: 0, offset: 1 };
    let head = Head {
        v: 1,
        profile,
        created_at: at,
        updated_at: at,
        rev: 1,
        last_at: at,
        applied,
        privacy: schemas::user::head::Privacy::default(),
        presence: schemas::user::head::Preference::default(),
        deleted_at: None,
    };
    let writes = vec![Write::replace(&UserHead::of(user, &head), applied.stamp())];
    world.ingest.platform.store.write(Batch { fence: None, writes }).await.unwrap();
}

/// Waits for a command of this type.
async fn command(world: &World, kind: &str) -> (Meta, UserCommand) {
    for _ in 0..10_000 {
        for record in world.log.records(&topic::USERS) {
            let (meta, content) = decode::<UserCommand>(&record.value).unwrap();
            let Content::Known(command) = content else { panic!("{content:?}") };
            if command.kind() == kind {
                return (meta, command);
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("no {kind} came");
}

/// Answers a command as the pool would.
async fn answer(world: &World, meta: &Meta) {
    let reply = Reply::Before(Before { conversation: ConversationId(Uuid::nil()), seq: None });
    let to = meta.reply_to.unwrap();
    let (headers, value) = Outbound::Reply { command: meta.id, reply }.write(Some(to));
    let log = &world.ingest.platform.log;
    let partition = outbound::partition_of(to, log.partitions(&topic::OUTBOUND));
    let key = bytes::Bytes::new();
    let record = Append { topic: &topic::OUTBOUND, partition, key, headers, value };
    log.append(Budget::Worker, vec![record]).await.unwrap();
}

fn refuse_appends(world: &World) {
    world.log_faults.on(|operation| match operation {
        Operation::Append => Fault::Refuse,
        _ => Fault::None,
    });
}

#[tokio::test]
async fn claims_are_kept_while_another_try_of_the_same_key_may_lie_in_the_log() {
    let world = world().await;
    let first = register(&world, Some("k"));
    let second = async {
        command(&world, "user.create").await;
        refuse_appends(&world);
        let refused = register(&world, Some("k")).await;
        assert_eq!(refused, (503, Some(Code::Overloaded)));
        assert_eq!(both_held(&world).await, [true, true]);
        world.log_faults.clear();
        answer(&world, &command(&world, "user.create").await.0).await;
    };
    assert_eq!(tokio::join!(first, second).0, (201, None));
}

#[tokio::test]
async fn a_registration_without_a_key_that_could_not_be_published_gives_its_names_back() {
    let world = world().await;
    refuse_appends(&world);
    assert_eq!(register(&world, None).await, (503, Some(Code::Overloaded)));
    assert_eq!(both_held(&world).await, [false, false]);
}

#[tokio::test]
async fn a_failure_before_the_command_gives_the_names_back() {
    // The claim on the address, and the credential.
    for failing in [1, 2] {
        let world = world().await;
        let writes = Arc::new(AtomicUsize::new(0));
        world.store_faults.on(move |operation| match operation {
            Operation::Direct if writes.fetch_add(1, Ordering::Relaxed) == failing => Fault::Refuse,
            _ => Fault::None,
        });
        assert_eq!(register(&world, None).await, (503, Some(Code::Overloaded)), "{failing}");
        assert_eq!(both_held(&world).await, [false, false], "{failing}");
    }
}

#[tokio::test]
async fn a_name_whose_owner_lies_in_the_log_is_not_taken_over() {
    let world = world().await;
    left_behind(&world).await;
    let pool = async {
        let (meta, command) = command(&world, "user.void").await;
        assert!(matches!(command, UserCommand::Void(void) if void.user_id == OTHER));
        becomes_a_user(&world, OTHER).await;
        answer(&world, &meta).await;
    };
    let (answered, ()) = tokio::join!(register(&world, None), pool);
    assert_eq!(answered, (409, Some(Code::UsernameTaken)));
    assert_eq!(world.log.records(&topic::USERS).len(), 1);
}

#[tokio::test]
async fn a_name_that_was_left_behind_is_taken_over_once_the_log_has_told() {
    let world = world().await;
    left_behind(&world).await;
    let pool = async {
        let (meta, _) = command(&world, "user.void").await;
        answer(&world, &meta).await;
        let (meta, command) = command(&world, "user.create").await;
        let UserCommand::Create(create) = command else { panic!("{command:?}") };
        let now = world.ingest.now();
        let until = create.valid_until.unwrap();
        assert!(now < until && until < now.plus_ms(limits::CLAIM_PENDING_MS));
        answer(&world, &meta).await;
    };
    let (answered, ()) = tokio::join!(register(&world, None), pool);
    assert_eq!(answered, (201, None));
    assert_eq!(both_held(&world).await, [true, true]);
}

#[tokio::test]
async fn a_registration_whose_name_is_someone_elses_by_the_end_is_refused() {
    let world = world().await;
    let pool = async {
        let (meta, _) = command(&world, "user.create").await;
        let claim = Claim {
            kind: "username".into(),
            value: "alice".into(),
            owner: OTHER,
            confirmed: false,
            deadline: world.ingest.now().plus_ms(limits::CLAIM_PENDING_MS),
        };
        world.ingest.platform.store.put(vec![Write::insert(&claim, Stamp(0))]).await.unwrap();
        answer(&world, &meta).await;
    };
    let (answered, ()) = tokio::join!(register(&world, None), pool);
    assert_eq!(answered, (409, Some(Code::UsernameTaken)));
}
