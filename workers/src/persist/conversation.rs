//! Opening a conversation.

use schemas::conversation::change::{Change, Effect};
use schemas::conversation::command::Create;
use schemas::conversation::head::{Head, Members, Routing};
use schemas::conversation::view::{Conversation as View, Participant};
use schemas::envelope::{self, ConversationCommand, UserCommand};
use schemas::frame;
use schemas::limits::ROUTE_BY_MEMBER;
use schemas::member::table::{Member, MembershipByUser};
use schemas::member::view::Added;
use schemas::member::{Membership, Role};
use schemas::outbound::Before;
use schemas::table::Write;
use schemas::topic::USERS;
use schemas::user::command::ConversationAdded;
use schemas::user::view::Public;
use schemas::{ApiError, Code, CommandId, ConversationId};

use super::state::Conversation;
use crate::fold::{Decision, Emit, Item};

pub(super) fn decide(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    create: &Create,
) -> Decision<Change> {
    if state.head.is_some() {
        return Decision::Before(Before { conversation: key, seq: None });
    }
    let actor = item.meta.actor;
    let valid = create.conversation_id == key
        && match create.members.as_slice() {
            [creator] => creator.id == actor,
            [creator, other] => creator.id == actor && other.id != actor,
            _ => false,
        };
    if !valid {
        return Decision::Rejected(ApiError::new(
            Code::ValidationFailed,
            "a direct conversation has its creator and at most one other",
        ));
    }
    let (rev, at) = state.next(item.appended_at);
    let members: Vec<Membership> = create
        .members
        .iter()
        .map(|member| Membership {
            conversation: key,
            user: member.id,
            role: Role::Member,
            joined_at: at,
            visible_from: 1,
            visible_to: None,
            sent_seq: 0,
            sent_n: 0,
        })
        .collect();
    let effect = Effect::Created { kind: create.kind, created_by: actor, members };
    let mut change = Change {
        conversation: key,
        rev,
        position: item.position,
        command: item.meta.id,
        at,
        frame: frame::event("", key, rev, None, at, b""),
        effect,
    };
    change.frame = frame_of(&change, create);
    Decision::Change(Box::new(change))
}

fn frame_of(change: &Change, create: &Create) -> frame::EventFrame {
    let participants: Vec<Participant<'_>> = memberships(change)
        .iter()
        .zip(&create.members)
        .map(|(membership, user)| Participant::of(membership, Public::of(user)))
        .collect();
    let view =
        head_of(change).map(|head| View::of(change.conversation, &head, participants.clone()));
    let conversation = serde_json::value::to_raw_value(&view).expect("plain data serialises");
    let payload = Added {
        members: participants,
        actor_id: create.members.first().map_or(schemas::UserId(uuid::Uuid::nil()), |m| m.id),
        conversation: std::borrow::Cow::Owned(conversation),
    };
    let bytes = serde_json::to_vec(&payload).expect("plain data serialises");
    let kind = change.effect.kind();
    frame::event(kind, change.conversation, change.rev, None, change.at, &bytes)
}

fn memberships(change: &Change) -> &[Membership] {
    match &change.effect {
        Effect::Created { members, .. } => members,
        Effect::Message { .. } => &[],
    }
}

fn head_of(change: &Change) -> Option<Head> {
    let Effect::Created { kind, created_by, members } = &change.effect else { return None };
    Some(Head {
        v: 1,
        kind: *kind,
        created_by: *created_by,
        created_at: change.at,
        seq: 0,
        rev: change.rev,
        n: 0,
        last_at: change.at,
        member_count: i64::try_from(members.len()).unwrap_or(i64::MAX),
        members: Members(members.iter().map(|m| m.user).take(ROUTE_BY_MEMBER).collect()),
        routing: Routing::Member,
        applied: change.position,
        preview: None,
    })
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    state.head = head_of(change);
    for membership in memberships(change) {
        state.members.insert(membership.user, Some(membership.clone()));
    }
}

pub(super) fn rows(change: &Change, members: &[Membership]) -> Vec<Write> {
    let stamp = change.position.stamp();
    members
        .iter()
        .flat_map(|membership| {
            [
                Write::replace(&Member::of(membership), stamp),
                Write::replace(&MembershipByUser::of(membership), stamp),
            ]
        })
        .collect()
}

/// Tells each member's feed. The command ids follow from the change, so that a second emit makes no
/// second entry.
pub(super) fn feed(change: &Change, members: &[Membership]) -> Vec<Emit> {
    let payload = change.frame.payload();
    let payload: Added<'_> =
        serde_json::from_slice(&payload).expect("the payload that this module wrote");
    members
        .iter()
        .map(|membership| {
            let user = membership.user;
            let meta = envelope::Meta {
                id: CommandId::derived("added", change.conversation.0, change.rev, user.0),
                actor: payload.actor_id,
                at: change.at,
                reply_to: None,
                trace: None,
            };
            let command = UserCommand::ConversationAdded(ConversationAdded {
                user_id: user,
                conversation_id: change.conversation,
                rev: change.rev,
                conversation: payload.conversation.clone().into_owned(),
            });
            Emit::Record {
                topic: &USERS,
                key: user.to_string().into(),
                headers: Vec::new(),
                value: envelope::encode(&meta, &command)
                    .expect("a view of two members is far below the largest record"),
            }
        })
        .collect()
}
