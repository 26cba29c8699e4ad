use platform::memory::Fault;
use schemas::envelope::{Content, ConversationCommand, decode};
use schemas::outbound::{self, Before, Outbound};
use schemas::user::view::Snapshot;
use schemas::{ConversationId, topic};

use super::*;
use crate::testing::{World, world};

pub(crate) fn user() -> UserId {
    UserId(Uuid::from_u128(1))
}

pub(crate) fn publish(world: &World) -> Result<Pending, Failure> {
    let me = Snapshot {
        id: user(),
        username: "me".into(),
        first_name: None,
        last_name: None,
        avatar_url: None,
    };
    let conversation_id = ConversationId::direct(me.id, me.id);
    let command = ConversationCommand::Create(schemas::conversation::command::Create {
        conversation_id,
        kind: schemas::conversation::head::Kind::Direct,
        members: vec![me],
        settings: schemas::conversation::head::Settings::default(),
    });
    world.ingest.publisher.publish(&topic::COMMANDS, conversation_id.0, user(), &command)
}

async fn code(world: &World) -> Code {
    match publish(world) {
        Err(failure) => failure.api.code,
        Ok(pending) => pending.outcome().await.unwrap_err().api.code,
    }
}

/// Answers the newest command as a pool would.
pub(crate) async fn answer(world: &World, reply: Reply) {
    let records = world.log.records(&topic::COMMANDS);
    let newest = records.iter().max_by_key(|record| record.position.offset).unwrap();
    let (meta, content) = decode::<ConversationCommand>(&newest.value).unwrap();
    assert!(matches!(content, Content::Known(_)));
    let to = meta.reply_to.unwrap();
    let (headers, value) = Outbound::Reply { command: meta.id, reply }.write(Some(to));
    let log = &world.ingest.platform.log;
    let partition = outbound::partition_of(to, log.partitions(&topic::OUTBOUND));
    let record = Append { topic: &topic::OUTBOUND, partition, key: Bytes::new(), headers, value };
    log.append(Budget::Worker, vec![record]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_the_fold_are_passed_on() {
    let world = world().await;
    let before = Before { conversation: ConversationId(Uuid::from_u128(3)), seq: Some(7) };
    for reply in [
        Reply::Done { payload: Bytes::from_static(b"{}") },
        Reply::Before(before.clone()),
        Reply::Rejected(ApiError::new(Code::Blocked, "no")),
    ] {
        let pending = publish(&world).unwrap();
        answer(&world, reply.clone()).await;
        match (reply, pending.outcome().await) {
            (Reply::Done { payload }, Ok(Done::Now(got))) => assert_eq!(got, payload),
            (Reply::Before(_), Ok(Done::Before(got))) => assert_eq!(got, before),
            (Reply::Rejected(error), Err(failure)) => assert_eq!(failure.api, error),
            (reply, got) => panic!("{reply:?} became {got:?}"),
        }
    }
    assert_eq!(world.ingest.node.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_append_is_overloaded_and_leaves_nothing() {
    let world = world().await;
    world.log_faults.on(|_| Fault::Refuse);
    let failure = publish(&world).err().unwrap();
    assert_eq!(failure.api.code, Code::Overloaded);
    assert!(failure.api.retry_after_ms.is_some());
    assert!(world.log.records(&topic::COMMANDS).is_empty());
    assert_eq!(world.ingest.node.waiting(), 0, "the place for the reply is given back");
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_not_durable_in_time_is_an_unknown_outcome() {
    let world = world().await;
    world.log.hold(true);
    let started = tokio::time::Instant::now();
    assert_eq!(code(&world).await, Code::OutcomeUnknown);
    assert_eq!(started.elapsed().as_millis(), u128::from(limits::APPEND_MS));
    assert_eq!(world.ingest.node.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_does_not_come_is_an_unknown_outcome() {
    let world = world().await;
    let started = tokio::time::Instant::now();
    assert_eq!(code(&world).await, Code::OutcomeUnknown);
    assert_eq!(started.elapsed().as_millis(), u128::from(limits::REPLY_MS));
    assert_eq!(world.log.records(&topic::COMMANDS).len(), 1, "the command is there");
}
