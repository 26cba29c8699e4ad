//! Everything that was sent is sent once more, as a client does that has lost every ack.

use futures_util::{StreamExt as _, stream};

use super::hand::{Hand, Way};
use super::hub::Hub;
use crate::history::{Op, Process, Request, body_of};
use crate::target::{Message, Target};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sends at a time.
const AT_ONCE: usize = 16;
/// More padding than a writer gives a message (`Plan::step`).
const PADDING: usize = 256;

/// Sends what writers have sent, each message once, with the client's own id of it.
pub(super) async fn all<T: Target>(hub: &Arc<Hub<T>>, process: Process) {
    let mut sent: BTreeMap<Arc<str>, Request> = BTreeMap::new();
    hub.recorder.peek(|entries| {
        for entry in entries {
            if let Op::Send(attempt) = &entry.op {
                // The first text under an id: a later one is there to be refused.
                let request = attempt.request.clone();
                sent.entry(request.client.clone()).or_insert(request);
            }
        }
    });
    let hand = &Hand { hub: hub.clone(), process };
    stream::iter(sent.into_values().enumerate())
        .for_each_concurrent(AT_ONCE, |(number, request)| async move {
            let user = hub.users.iter().position(|user| user.id == request.sender);
            if let Some((user, message)) = user.zip(message(&request)) {
                // Whatever comes stands in the history.
                drop(hand.send_through(user, &message, Way::rest(number)).await);
            }
        })
        .await;
}

/// The message of a request: its text is the client's id and some dots, and its hash says how many.
fn message(request: &Request) -> Option<Message> {
    let texts = (0..PADDING).map(|padding| format!("{} {}", request.client, ".".repeat(padding)));
    let content = texts.into_iter().find(|text| body_of(text) == request.body)?;
    Some(Message::new(request.conversation, request.sender, &request.client, content))
}
