//! Which messages a client has received: Socket.IO clients do not say, so whatever comes from one after a
//! message was written says it (PROTOCOL, *Delivered*). Pure.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use schemas::{ConversationId, Seq, limits};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::events::Message;
use crate::session::wire::Receipt;

/// Between two reports.
const EVERY: Duration = Duration::from_secs(1);

/// See the module. What does not fit is told with a later message of its conversation.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The newest that was written to the client, who has not been heard since.
    written: HashMap<ConversationId, Seq>,
    /// The newest that he has.
    known: HashMap<ConversationId, Seq>,
    /// When that was last told.
    told: Option<Instant>,
}

fn raise(all: &mut HashMap<ConversationId, Seq>, conversation: ConversationId, seq: Seq) {
    if let Some(known) = all.get_mut(&conversation) {
        *known = seq.max(*known);
    } else if all.len() < limits::DELIVERED_CONVERSATIONS {
        all.insert(conversation, seq);
    }
}

impl Received {
    /// A message is written.
    pub(super) fn wrote(&mut self, message: &Message) {
        raise(&mut self.written, message.conversation, message.seq);
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        for (conversation, seq) in std::mem::take(&mut self.written) {
            raise(&mut self.known, conversation, seq);
        }
    }

    /// What is to be told now.
    pub(super) fn look(&mut self, now: Instant) -> Receipt {
        if self.known.is_empty() {
            return Receipt::Nothing;
        }
        if let Some(next) = self.told.map(|told| told + EVERY).filter(|next| *next > now) {
            return Receipt::At(next);
        }
        self.told = Some(now);
        let mut out = String::from(r#"{"conversations":{"#);
        for (at, (conversation, seq)) in std::mem::take(&mut self.known).into_iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(out, r#"{comma}"{conversation}":{seq}"#).expect("writing to memory");
        }
        out.push_str("}}");
        Receipt::Now(RawValue::from_string(out).expect("numbers by ids are JSON"))
    }
}

#[cfg(test)]
mod tests {
    use schemas::UserId;
    use uuid::Uuid;

    use super::*;

    fn message(conversation: u128, seq: Seq) -> Message {
        let conversation = ConversationId(Uuid::from_u128(conversation));
        Message { conversation, seq, sender: UserId(Uuid::from_u128(1)) }
    }

    fn told(receipt: &Receipt) -> Option<String> {
        match receipt {
            Receipt::Now(data) => Some(data.get().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn what_was_written_before_something_came_was_received_and_is_told_once() {
        let (mut received, now) = (Received::default(), Instant::now());
        received.wrote(&message(7, 3));
        received.wrote(&message(7, 2));
        assert!(matches!(received.look(now), Receipt::Nothing), "nothing came since");
        received.heard();
        let id = message(7, 0).conversation;
        assert_eq!(
            told(&received.look(now)).unwrap(),
            format!(r#"{{"conversations":{{"{id}":3}}}}"#)
        );
        assert!(matches!(received.look(now), Receipt::Nothing));
        received.wrote(&message(7, 4));
        received.heard();
        assert!(matches!(received.look(now), Receipt::At(at) if at == now + EVERY));
        assert!(told(&received.look(now + EVERY)).is_some());
    }

    #[test]
    fn more_conversations_than_one_report_has_are_told_later() {
        let (mut received, now) = (Received::default(), Instant::now());
        let most = u128::try_from(limits::DELIVERED_CONVERSATIONS).unwrap();
        for conversation in 0..=most {
            received.wrote(&message(conversation, 1));
        }
        received.heard();
        let data = told(&received.look(now)).unwrap();
        assert_eq!(data.matches(":1").count(), limits::DELIVERED_CONVERSATIONS);
    }
}
