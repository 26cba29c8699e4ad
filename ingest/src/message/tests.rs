//! What a page costs, and what becomes of a forwarding that is overtaken: on rows that the tests write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use platform::memory::{Fault, Operation};
use platform::port::log::{Append, Budget};
use schemas::conversation::table::HeadRow;
use schemas::envelope::{Content, UserCommand, decode};
use schemas::member::table::MembershipByUser;
use schemas::member::{Membership, Role};
use schemas::message::command::{ForwardTarget, ReplyTo, Send};
use schemas::message::table::{IdIndex, MessageBySeq, bucket};
use schemas::message::view::Message;
use schemas::outbound::{self, Before, Outbound, Reply};
use schemas::reaction::table::{Counts, Reaction, ReactionCount};
use schemas::table::{Batch, Table, Write};
use schemas::user::head::{Head as UserHead, Privacy, Profile};
use schemas::user::table::UserHead as UserRow;
use schemas::user::view::Snapshot;
use schemas::{
    ApiError, Code, CommandId, ConversationId, MessageId, Position, Seq, SessionId, Timestamp,
    UserId, topic,
};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::conversation::tests::{ME, head};
use crate::testing::{World, world};

const OTHER: UserId = UserId(Uuid::from_u128(2));

pub(crate) fn conversation(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(0x100 + n))
}

fn message(conversation: ConversationId, seq: Seq) -> MessageId {
    MessageId(Uuid::from_u128(conversation.0.as_u128() << 32 | u128::try_from(seq).unwrap()))
}

async fn write(world: &World, rows: Vec<Write>) {
    let store = &world.ingest.platform.store;
    store.write(Batch { fence: None, writes: rows }).await.unwrap();
}

fn row<T: Table>(row: &T) -> Write {
    Write::insert(row, Position::default().stamp())
}

/// A conversation of [`ME`] and [`OTHER`] with so many messages, the odd ones mine.
pub(crate) async fn stage(world: &World, id: ConversationId, messages: Seq) {
    let membership = |user| Membership {
        conversation: id,
        user,
        role: Role::Member,
        joined_at: Timestamp(0),
        visible_from: 1,
        visible_to: None,
        sent_seq: 0,
        sent_n: 0,
        by_conversation: false,
    };
    let mut rows = vec![row(&HeadRow::of(id, &head(messages)))];
    rows.extend([ME, OTHER].map(|user| row(&MembershipByUser::of(&membership(user)))));
    rows.extend((1..=messages).flat_map(|seq| sent(id, seq, None)));
    write(world, rows).await;
    users(world).await;
}

async fn users(world: &World) {
    let rows = [ME, OTHER].map(|user| {
        let profile = Profile {
            username: "someone".into(),
            email: "x@example.org".into(),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            phone: None,
        };
        let at = Timestamp(0);
        let head = UserHead {
            v: 1,
            profile,
            created_at: at,
            updated_at: at,
            rev: 1,
            last_at: at,
            applied: Position::default(),
            privacy: Privacy::default(),
            presence: schemas::user::head::Preference::default(),
            deleted_at: None,
        };
        row(&UserRow::of(user, &head))
    });
    write(world, rows.into()).await;
}

fn sent(id: ConversationId, seq: Seq, answers: Option<Seq>) -> Vec<Write> {
    let sender = if seq % 2 == 1 { ME } else { OTHER };
    let send = Send {
        conversation_id: id,
        message_id: message(id, seq),
        client_message_id: None,
        retryable: false,
        message_type: "text".into(),
        content: seq.to_string(),
        metadata: None,
        reply_to: answers.map(|seq| ReplyTo { id: message(id, seq), seq }),
        sender: Snapshot {
            id: sender,
            username: "someone".into(),
            first_name: None,
            last_name: None,
            avatar_url: None,
        },
    };
    let timeline = MessageBySeq {
        conversation: id,
        bucket: bucket(seq),
        seq,
        message: send.message_id,
        sender,
        n: seq,
        body: Message::sent(&send, seq, seq + 1, Timestamp(seq)).encode(),
        revs: None,
        deleted: None,
        pinned: None,
    };
    let index = IdIndex {
        message: send.message_id,
        conversation: id,
        seq,
        rev: seq + 1,
        position: 0,
        body_hash: Bytes::new(),
    };
    vec![row(&timeline), row(&index)]
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

/// Gets and scans of one request.
async fn cost(world: &World, path: &str) -> (usize, usize) {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let seen = counts.clone();
    world.store_faults.on(move |operation| {
        match operation {
            Operation::Get => seen.0.fetch_add(1, Ordering::Relaxed),
            Operation::Scan => seen.1.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        Fault::None
    });
    data(call(world, Method::GET, path, None).await, 200).await;
    world.store_faults.clear();
    (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_page_costs_what_its_messages_have() {
    let world = world().await;
    let id = conversation(1);
    stage(&world, id, 60).await;
    let page = |from: i64| format!("/conversations/{id}/messages?limit=10&after={from}");
    // Membership with head, markers of the others; messages, counts.
    assert_eq!(cost(&world, &page(0)).await, (2, 2));
    let one = format!("/conversations/{id}/messages?limit=1&after=1");
    assert_eq!(cost(&world, &one).await, (1, 2), "nothing of his own");

    let reacted = |seq: Seq| {
        let counts = ReactionCount::of(id, seq, &Counts::from([("x".to_owned(), 1)]));
        let (user, emoji, created_at) = (OTHER, "x".to_owned(), Timestamp(1));
        let reaction = Reaction { conversation: id, seq, rev: 100 + seq, user, emoji, created_at };
        [row(&counts), row(&reaction)]
    };
    let emptied = row(&ReactionCount::of(id, 4, &Counts::new()));
    write(&world, [1, 2, 3].into_iter().flat_map(reacted).chain([emptied]).collect()).await;
    // Three messages have reactions, and all their users are one read.
    assert_eq!(cost(&world, &page(0)).await, (3, 5));

    write(&world, (61..=70).flat_map(|seq| sent(id, seq, Some(seq - 60))).collect()).await;
    write(&world, vec![Write::replace(&HeadRow::of(id, &head(70)), Position::default().stamp())])
        .await;
    // Ten answers: their places once, and the messages.
    assert_eq!(cost(&world, &page(60)).await, (4, 2));
    assert_eq!(cost(&world, &page(60)).await, (3, 2));
}

/// Answers a command as a pool would.
async fn reply(world: &World, command: CommandId, reply: Reply) {
    let to = world.ingest.node.instance;
    let (headers, value) = Outbound::Reply { command, reply }.write(Some(to));
    let log = &world.ingest.platform.log;
    let partition = outbound::partition_of(to, log.partitions(&topic::OUTBOUND));
    let record = Append { topic: &topic::OUTBOUND, partition, key: Bytes::new(), headers, value };
    log.append(Budget::Worker, vec![record]).await.unwrap();
}

/// Forwards the first message of one conversation to two others; `outcomes` say what becomes of it.
async fn forward(world: &World, outcomes: [Option<Reply>; 2]) -> Response {
    for n in 1..=3 {
        stage(world, conversation(n), 1).await;
    }
    let path = format!("/messages/{}/forward", message(conversation(1), 1));
    let body = json!({"conversationIds": [conversation(2), conversation(3)]});
    let answers = async {
        let targets = intent(world).await;
        for (target, outcome) in targets.iter().zip(outcomes) {
            if let Some(outcome) = outcome {
                reply(world, target.command_id, outcome).await;
            }
        }
    };
    tokio::join!(call(world, Method::POST, &path, Some(body)), answers).0
}

/// The sends of the intent, once it is there.
async fn intent(world: &World) -> Vec<ForwardTarget> {
    loop {
        if let Some(record) = world.log.records(&topic::USERS).first() {
            let (_, content) = decode::<UserCommand>(&record.value).unwrap();
            let Content::Known(UserCommand::Forward(forward)) = content else { panic!() };
            return forward.targets;
        }
        tokio::task::yield_now().await;
    }
}

fn done() -> Reply {
    Reply::Done { payload: Bytes::from_static(br#"{"id":"new"}"#) }
}

fn lost(code: Code) -> Reply {
    Reply::Rejected(ApiError::new(code, "too late"))
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_was_lost_in_between_is_named() {
    let world = world().await;
    let outcomes = [Some(done()), Some(lost(Code::NotMember))];
    let data = data(forward(&world, outcomes).await, 200).await;
    assert_eq!(data["forwardedMessages"][0]["id"], "new");
    assert_eq!(data["forwardedMessages"].as_array().unwrap().len(), 1);
    assert_eq!(data["failed"], json!([{"conversationId": conversation(3), "code": "not_member"}]));
}

#[tokio::test(start_paused = true)]
async fn if_all_were_lost_the_first_refusal_is_the_answer() {
    let world = world().await;
    let outcomes = [Some(lost(Code::Blocked)), Some(lost(Code::NotMember))];
    assert_eq!(data(forward(&world, outcomes).await, 403).await["code"], "blocked");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_does_not_come_is_said_to_be_unknown() {
    let world = world().await;
    let answer = data(forward(&world, [None, Some(done())]).await, 200).await;
    let unknown = json!([{"conversationId": conversation(2), "code": "outcome_unknown"}]);
    assert_eq!(answer["failed"], unknown);
    assert_eq!(world.ingest.node.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_forwarded_before_and_can_not_be_read_is_an_unknown_outcome() {
    let world = world().await;
    stage(&world, conversation(1), 1).await;
    stage(&world, conversation(2), 1).await;
    let path = format!("/messages/{}/forward", message(conversation(1), 1));
    let body = json!({"conversationIds": [conversation(2)]});
    let answers = async {
        let target = intent(&world).await[0];
        world.store_faults.on(|operation| match operation {
            Operation::Get => Fault::Refuse,
            _ => Fault::None,
        });
        let before = Before { conversation: conversation(2), seq: Some(1) };
        reply(&world, target.command_id, Reply::Before(before)).await;
    };
    let answer = tokio::join!(call(&world, Method::POST, &path, Some(body)), answers).0;
    assert_eq!(data(answer, 503).await["code"], "outcome_unknown");
}

#[tokio::test(start_paused = true)]
async fn a_forwarding_that_the_log_refuses_has_no_effect() {
    let world = world().await;
    stage(&world, conversation(1), 1).await;
    stage(&world, conversation(2), 1).await;
    world.log_faults.on(|_| Fault::Refuse);
    let path = format!("/messages/{}/forward", message(conversation(1), 1));
    let body = json!({"conversationIds": [conversation(2)]});
    let answer = call(&world, Method::POST, &path, Some(body)).await;
    assert_eq!(data(answer, 503).await["code"], "overloaded");
    assert!(world.log.records(&topic::USERS).is_empty());
    assert_eq!(world.ingest.node.waiting(), 0, "the places for the replies are given back");
}
