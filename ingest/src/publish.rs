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
use futures_util::future::BoxFuture;
use platform::Platform;
use platform::node::{NoReply, Node, Waiter};
use platform::port::clock::uuid_v7;
use platform::port::log::{self, Append, Budget};
use schemas::envelope::{self, Commands, Meta};
use schemas::outbound::Reply;
use schemas::topic::Topic;
use schemas::{ApiError, Code, CommandId, Position, UserId, limits, partition};
use uuid::Uuid;

use crate::error::{Failure, OVERLOAD_RETRY_MS};

/// Publishes commands for a node.
#[derive(Debug)]
pub(crate) struct Publisher {
    platform: Platform,
    node: Arc<Node>,
}

/// A command on its way.
pub(crate) struct Pending {
    append: BoxFuture<'static, Result<Vec<Position>, log::Error>>,
    waiter: Waiter,
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
        actor: UserId,
        command: &C,
    ) -> Result<Pending, Failure> {
        let clock = &*self.platform.clock;
        let meta = Meta {
            id: CommandId(uuid_v7(clock)),
            actor,
            at: clock.now(),
            reply_to: Some(self.node.instance),
            trace: None,
        };
        let value = envelope::encode(&meta, command)
            .map_err(|error| Failure { cause: Some(error.to_string()), ..too_large() })?;
        let mut text = [0; 36];
        let key = key.hyphenated().encode_lower(&mut text).as_bytes();
        let partition = partition::of(key, self.platform.log.partitions(topic));
        let record = Append {
            topic,
            partition,
            key: Bytes::copy_from_slice(key),
            headers: Vec::new(),
            value,
        };
        let waiter = self
            .node
            .expect(meta.id, topic, partition)
            .map_err(|error| Failure::overloaded(error.to_string()))?;
        let mut append = self.platform.log.append(Budget::Ingest, vec![record]);
        // A refusal is there at once; a success need not be waited for, as the reply implies it.
        match append.as_mut().now_or_never() {
            Some(Err(error)) => Err(refused(&error)),
            Some(Ok(positions)) => {
                let append = futures_util::future::ready(Ok(positions)).boxed();
                Ok(Pending { append, waiter })
            }
            None => Ok(Pending { append, waiter }),
        }
    }
}

impl Pending {
    /// Waits for the outcome: one wake-up where the append succeeds.
    pub(crate) async fn outcome(self) -> Result<Done, Failure> {
        let mut reply = pin!(self.waiter.outcome());
        let durable_by = Duration::from_millis(limits::APPEND_MS);
        let reply = match tokio::time::timeout(durable_by, reply.as_mut()).await {
            Ok(reply) => reply,
            Err(_) => match self.append.now_or_never() {
                Some(Ok(_)) => reply.await,
                Some(Err(error)) => return Err(refused(&error)),
                None => return Err(unknown("the append is not durable yet")),
            },
        };
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
mod tests;
