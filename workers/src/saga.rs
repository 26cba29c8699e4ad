//! `saga`: carries out what one user's request does in several conversations. Today: forwarding.
//!
//! The request is durable on `chat.users` before anything is done. This pool turns it into one command
//! for each conversation, with ids that came with the request, and lets go of it when they are all
//! appended: done twice, the second time finds the first one's messages. Each conversation answers for
//! itself to the node that waits, which gathers the outcomes.

use async_trait::async_trait;
use bytes::Bytes;
use platform::Platform;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::log::{Append, Budget, Record};
use schemas::envelope::{self, Content, ConversationCommand, Meta, UserCommand};
use schemas::message::command::{Forward, ForwardTarget, Send};
use schemas::partition;
use schemas::topic::COMMANDS;

use crate::fold::shell::of_log;

/// The pool's handler.
#[derive(Debug)]
pub struct Saga {
    platform: Platform,
}

impl Saga {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        Self { platform }
    }

    fn send(
        &self,
        meta: &Meta,
        forward: &Forward,
        target: ForwardTarget,
    ) -> Result<Append, String> {
        let command = ConversationCommand::Send(Send {
            conversation_id: target.conversation_id,
            message_id: target.message_id,
            client_message_id: None,
            // Always: this record may be carried out twice.
            retryable: true,
            message_type: forward.message_type.clone(),
            content: forward.content.clone(),
            metadata: Some(forward.metadata.clone()),
            reply_to: None,
            sender: forward.sender.clone(),
        });
        let meta =
            Meta { id: target.command_id, actor: forward.user_id, once: None, ..meta.clone() };
        let key = Bytes::from(target.conversation_id.to_string());
        Ok(Append {
            topic: &COMMANDS,
            partition: partition::of(&key, self.platform.log.partitions(&COMMANDS)),
            key,
            headers: Vec::new(),
            value: envelope::encode(&meta, &command).map_err(|error| error.to_string())?,
        })
    }
}

#[async_trait]
impl Handler for Saga {
    type Lane = ();

    fn pool(&self) -> &'static str {
        "saga"
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        Ok(record.position.partition.into())
    }

    fn open(&self, _key: LaneKey, _partition: u32) {}

    async fn handle(&self, (): &mut (), batch: &[Record]) -> Result<(), Failure> {
        let mut records = Vec::new();
        for record in batch {
            // What cannot be read is a dead letter of `feed`, which reads the same topic.
            let Ok((meta, content)) = envelope::decode::<UserCommand>(&record.value) else {
                continue;
            };
            let Content::Known(UserCommand::Forward(forward)) = content else { continue };
            for target in &forward.targets {
                let offset = record.position.offset;
                let send = self.send(&meta, &forward, *target);
                records.push(send.map_err(|reason| Failure::Poison { offset, reason })?);
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        let appended = self.platform.log.append(Budget::Worker, records).await;
        appended.map(drop).map_err(|error| of_log(&error))
    }
}
