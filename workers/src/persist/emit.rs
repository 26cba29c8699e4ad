//! What a change tells the world: its event, to whom it is routed, and what goes to users' feeds.

use bytes::Bytes;
use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::Routing;
use schemas::envelope::{self, UserCommand};
use schemas::event::{self, Event};
use schemas::member::Membership;
use schemas::member::view::Added;
use schemas::topic::{EVENTS, USERS};
use schemas::user::command::{ConversationAdded, ConversationRemoved};
use schemas::{CommandId, UserId};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::state::Conversation;
use crate::fold::Emit;

pub(super) fn of(state: &Conversation, change: &Change) -> Vec<Emit> {
    // It was told before its content was taken away.
    if let Effect::Redacted { .. } = change.effect {
        return Vec::new();
    }
    let left = change.effect.left();
    let event = Event {
        kind: change.effect.kind().to_owned(),
        conversation: change.conversation,
        rev: change.rev,
        seq: change.effect.seq(),
        at: change.at,
        audience: audience(state, &change.effect),
        left: left.map(|user| event::pack(&[user])).unwrap_or_default(),
        flip: flips(&change.effect),
        payload: change.frame.payload(),
    };
    let mut emits = vec![Emit::Record {
        topic: &EVENTS,
        key: change.conversation.to_string().into(),
        headers: event.headers(),
        value: event.payload,
    }];
    feed(state, change, &mut emits);
    emits
}

/// Whether events are routed by conversation from the next one on, and by member up to this one.
fn flips(effect: &Effect) -> bool {
    match effect {
        Effect::Created { members, .. } => members.iter().any(|member| member.by_conversation),
        Effect::Added { flipped, .. } => !flipped.is_empty(),
        _ => false,
    }
}

/// Members to route an event to; empty: by conversation. Who is removed hears of it, and of nothing
/// after it (G-15).
fn audience(state: &Conversation, effect: &Effect) -> Bytes {
    let all = |members: &mut dyn Iterator<Item = &Membership>| {
        event::pack(&members.map(|member| member.user).collect::<Vec<_>>())
    };
    match effect {
        Effect::Created { members, .. } => all(&mut members.iter()),
        Effect::Added { members, flipped, .. } if !flipped.is_empty() => {
            all(&mut flipped.iter().chain(members))
        }
        _ => match &state.head {
            Some(head) if head.routing == Routing::Member => {
                let left = effect.left().filter(|user| !head.members.0.contains(user));
                event::pack(&head.members.0.iter().copied().chain(left).collect::<Vec<_>>())
            }
            _ => Bytes::new(),
        },
    }
}

/// Tells the feeds of those whose membership begins or ends. Each record names the change: a second
/// emit makes no second entry there (HAZARDS 26).
fn feed(state: &Conversation, change: &Change, emits: &mut Vec<Emit>) {
    match &change.effect {
        Effect::Created { members, .. } => {
            let payload = change.frame.payload();
            let payload: Added<'_> =
                serde_json::from_slice(&payload).expect("the payload that this crate wrote");
            let view = payload.conversation.into_owned();
            emits.extend(members.iter().map(|member| added(change, member.user, &view)));
        }
        Effect::Added { members, view, .. } => {
            let view = RawValue::from_string(view.clone()).expect("the view that this crate wrote");
            emits.extend(members.iter().map(|member| added(change, member.user, &view)));
        }
        Effect::Removed { member, .. } => emits.push(removed(change, member.user)),
        Effect::Closed { last, .. } => {
            // The members of a large one learn it from the event.
            let head = state.head.iter().flat_map(|head| head.members.0.iter().copied());
            let last = last.iter().map(|member| member.user);
            emits.extend(head.chain(last).map(|user| removed(change, user)));
        }
        _ => {}
    }
}

fn added(change: &Change, user: UserId, view: &RawValue) -> Emit {
    let command = UserCommand::ConversationAdded(ConversationAdded {
        user_id: user,
        conversation_id: change.conversation,
        rev: change.rev,
        conversation: view.to_owned(),
    });
    record("added", change, user, &command)
}

fn removed(change: &Change, user: UserId) -> Emit {
    let command = UserCommand::ConversationRemoved(ConversationRemoved {
        user_id: user,
        conversation_id: change.conversation,
        rev: change.rev,
    });
    record("removed", change, user, &command)
}

fn record(domain: &str, change: &Change, user: UserId, command: &UserCommand) -> Emit {
    let meta = envelope::Meta {
        id: CommandId::derived(domain, change.conversation.0, change.rev, user.0),
        actor: UserId(Uuid::nil()),
        at: change.at,
        reply_to: None,
        trace: None,
        once: None,
    };
    Emit::Record {
        topic: &USERS,
        key: user.to_string().into(),
        headers: Vec::new(),
        value: envelope::encode(&meta, command)
            .expect("a view without members is far below the largest record"),
    }
}
