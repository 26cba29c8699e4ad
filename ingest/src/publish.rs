//! A command into its topic, and its outcome back.
//!
//! Order matters twice. The place for the reply is taken before the append, so that no reply is
//! missed; and the append takes its place in the log at the call, so that requests accepted one
//! after another are folded in that order.
//!
//! What a client may conclude (PROTOCOL, Errors): `overloaded` means that nothing was written;
//! `outcome_unknown` means that the command has had one effect or none, and a retry with the same
//! client id tells. No other answer of this module leaves that open.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use platform::Platform;
use platform::node::{NoReply, Node, Waiter};
use platform::port::clock::uuid_v7;
use platform::port::log::{self, Append, Budget};
use schemas::envelope::{self, Commands, Meta, Once};
use schemas::id::request_hash;
use schemas::outbound::{Outbound, Reply};
use schemas::topic::Topic;
use schemas::{
    ApiError, Code, CommandId, ConversationId, InstanceId, MessageId, Position, UserId, limits,
    partition,
};
use uuid::Uuid;

use crate::error::{Failure, OVERLOAD_RETRY_MS};

/// Publishes commands for a node.
#[derive(Debug)]
pub(crate) struct Publisher {
    platform: Platform,
    node: Arc<Node>,
}

/// On whose behalf a command is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By {
    /// Who asks.
    pub(crate) actor: UserId,
    /// The name that the client gave the request (`Idempotency-Key`), if it did.
    pub(crate) once: Option<Once>,
}

impl From<UserId> for By {
    fn from(actor: UserId) -> Self {
        Self { actor, once: None }
    }
}

/// An append on its way.
type Appending = BoxFuture<'static, Result<Vec<Position>, log::Error>>;

/// A signal on its way.
pub(crate) type Signalling = BoxFuture<'static, Result<(), Failure>>;

/// The name of a request that the client named, within a scope (the conversation it is about), with a
/// hash of what it asks for: the same name for something else is a mistake of the client's.
pub(crate) fn once<P: AsRef<[u8]>>(
    actor: UserId,
    scope: Uuid,
    key: Option<&str>,
    parts: &[P],
) -> Option<Once> {
    let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    key.map(|key| Once { id: MessageId::once(actor, scope, key), hash: request_hash(&parts) })
}

/// A command on its way.
pub(crate) struct Pending {
    append: Appending,
    waiter: Waiter,
}

/// An intent on its way.
pub(crate) struct Gathering {
    append: Appending,
    waiters: Vec<Waiter>,
}

/// What became of a command that was not refused.
#[derive(Debug)]
pub(crate) enum Done {
    /// Done now; the payload of its change.
    Now(Bytes),
    /// Done before, by the same request.
    Before(schemas::outbound::Before),
}

impl Publisher {
    pub(crate) fn new(platform: Platform, node: Arc<Node>) -> Self {
        Self { platform, node }
    }

    /// Gives a command its place in the partition of `key`.
    pub(crate) fn publish<C: Commands>(
        &self,
        topic: &'static Topic,
        key: Uuid,
        by: impl Into<By>,
        command: &C,
    ) -> Result<Pending, Failure> {
        let meta = self.meta(by.into(), Some(self.node.instance));
        let record = self.record(&meta, topic, key, command)?;
        let waiter = self.expect(meta.id, topic, record.partition)?;
        let append = self.append(record)?;
        Ok(Pending { append, waiter })
    }

    /// Gives an intent its place, of which a pool makes commands of its own, here named with the
    /// conversations they go to: theirs are the outcomes.
    pub(crate) fn publish_intent<C: Commands>(
        &self,
        topic: &'static Topic,
        key: Uuid,
        actor: UserId,
        command: &C,
        parts: impl IntoIterator<Item = (CommandId, ConversationId)>,
    ) -> Result<Gathering, Failure> {
        let meta = self.meta(actor.into(), Some(self.node.instance));
        let record = self.record(&meta, topic, key, command)?;
        let partitions = self.platform.log.partitions(&schemas::topic::COMMANDS);
        let expect = |(id, conversation): (CommandId, ConversationId)| {
            let key = conversation.to_string();
            self.expect(id, &schemas::topic::COMMANDS, partition::of(key.as_bytes(), partitions))
        };
        let waiters = parts.into_iter().map(expect).collect::<Result<_, _>>()?;
        let append = self.append(record)?;
        Ok(Gathering { append, waiters })
    }

    /// Publishes a command whose outcome nobody waits for; it is in the log when this returns.
    pub(crate) async fn tell<C: Commands>(
        &self,
        topic: &'static Topic,
        key: Uuid,
        actor: UserId,
        command: &C,
    ) -> Result<(), Failure> {
        let record = self.record(&self.meta(actor.into(), None), topic, key, command)?;
        let append = self.append(record)?;
        append.await.map(drop).map_err(|error| refused(&error))
    }

    /// Gives a signal its place in the partition of `key`: what is only worth something now.
    pub(crate) fn signal(&self, key: &str, signal: &Outbound) -> Result<Signalling, Failure> {
        let (headers, value) = signal.write(None);
        let topic = &schemas::topic::SIGNALS;
        let partition = partition::of(key.as_bytes(), self.platform.log.partitions(topic));
        let key = Bytes::copy_from_slice(key.as_bytes());
        let append = self.append(Append { topic, partition, key, headers, value })?;
        Ok(append.map(|appended| appended.map(drop).map_err(|error| refused(&error))).boxed())
    }

    fn meta(&self, by: By, reply_to: Option<InstanceId>) -> Meta {
        let clock = &*self.platform.clock;
        Meta {
            id: CommandId(uuid_v7(clock)),
            actor: by.actor,
            at: clock.now(),
            reply_to,
            trace: None,
            once: by.once,
        }
    }

    fn record<C: Commands>(
        &self,
        meta: &Meta,
        topic: &'static Topic,
        key: Uuid,
        command: &C,
    ) -> Result<Append, Failure> {
        let value = envelope::encode(meta, command)
            .map_err(|error| Failure { cause: Some(error.to_string()), ..too_large() })?;
        let mut text = [0; 36];
        let key = key.hyphenated().encode_lower(&mut text).as_bytes();
        let partition = partition::of(key, self.platform.log.partitions(topic));
        let key = Bytes::copy_from_slice(key);
        Ok(Append { topic, partition, key, headers: Vec::new(), value })
    }

    fn expect(
        &self,
        id: CommandId,
        topic: &'static Topic,
        partition: u32,
    ) -> Result<Waiter, Failure> {
        let waiter = self.node.expect(id, topic, partition);
        waiter.map_err(|error| {
            let cause = match error {
                NoReply::Silent => "partition",
                NoReply::Full | NoReply::Late => "replies",
            };
            self.platform.metrics.overloaded.with_label_values(&[cause]).inc();
            Failure::overloaded(error.to_string())
        })
    }

    /// A refusal is there at once; a success need not be waited for, as the reply implies it.
    fn append(&self, record: Append) -> Result<Appending, Failure> {
        let mut append = self.platform.log.append(Budget::Ingest, vec![record]);
        match append.as_mut().now_or_never() {
            Some(Err(error)) => {
                if error == log::Error::Overloaded {
                    self.platform.metrics.overloaded.with_label_values(&["log"]).inc();
                }
                Err(refused(&error))
            }
            Some(Ok(positions)) => Ok(futures_util::future::ready(Ok(positions)).boxed()),
            None => Ok(append),
        }
    }
}

impl Pending {
    /// Waits for the outcome: one wake-up where the append succeeds.
    pub(crate) async fn outcome(self) -> Result<Done, Failure> {
        done(within(self.append, self.waiter.outcome()).await?)
    }
}

impl Gathering {
    /// Waits for the outcomes, in the order of the parts.
    pub(crate) async fn outcomes(self) -> Result<Vec<Result<Done, Failure>>, Failure> {
        let replies = join_all(self.waiters.into_iter().map(Waiter::outcome));
        Ok(within(self.append, replies).await?.into_iter().map(done).collect())
    }
}

/// What comes of a record, unless it is not durable in time.
async fn within<T>(append: Appending, reply: impl Future<Output = T>) -> Result<T, Failure> {
    let mut reply = pin!(reply);
    let durable_by = Duration::from_millis(limits::APPEND_MS);
    match tokio::time::timeout(durable_by, reply.as_mut()).await {
        Ok(reply) => Ok(reply),
        Err(_) => match append.now_or_never() {
            Some(Ok(_)) => Ok(reply.await),
            Some(Err(error)) => Err(refused(&error)),
            None => Err(unknown("the append is not durable yet")),
        },
    }
}

fn done(reply: Result<Reply, NoReply>) -> Result<Done, Failure> {
    match reply {
        Ok(Reply::Done { payload }) => Ok(Done::Now(payload)),
        Ok(Reply::Before(before)) => Ok(Done::Before(before)),
        Ok(Reply::Rejected(error)) => Err(error.into()),
        Err(NoReply::Late) => Err(unknown("no reply within the limit")),
        Err(error @ (NoReply::Full | NoReply::Silent)) => {
            Err(Failure::overloaded(error.to_string()))
        }
    }
}

fn refused(error: &log::Error) -> Failure {
    match error {
        log::Error::Overloaded | log::Error::Closed => Failure::overloaded(error.to_string()),
        log::Error::TooLarge(_) => too_large(),
        log::Error::Unknown(_) | log::Error::OutOfRange(_) | log::Error::Failed(_) => {
            unknown(error.to_string())
        }
    }
}

fn too_large() -> Failure {
    Failure::new(Code::TooLarge, "the request is larger than a record may be")
}

pub(crate) fn unknown(cause: impl Into<String>) -> Failure {
    let api = ApiError::new(
        Code::OutcomeUnknown,
        "the outcome is not known yet: try again with the same clientMessageId or Idempotency-Key",
    )
    .retry_after(OVERLOAD_RETRY_MS);
    Failure { api, cause: Some(cause.into()) }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
pub(crate) mod tests;
