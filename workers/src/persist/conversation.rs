//! Opening a conversation, its name, its end.

use schemas::conversation::change::Change;
use schemas::conversation::command::{Create, Update};
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Kind, Members, Routing};
use schemas::conversation::view::{Conversation as View, Deleted, Participant, Updated};
use schemas::envelope::ConversationCommand;
use schemas::limits::{MEMBERS_PER_COMMAND, ROUTE_BY_MEMBER};
use schemas::member::view::Added;
use schemas::member::{Membership, Role};
use schemas::patch::Patch;
use schemas::user::view::Public;
use schemas::{ApiError, Code, ConversationId, Position, Rev, Timestamp, UserId};

use super::state::Conversation;
use super::{Outcome, Verdict, changed, json, refused};
use crate::fold::Item;

pub(super) fn create(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    create: &Create,
) -> Verdict {
    match &state.head {
        Some(head) if !head.unopened => return Ok(Outcome::Before(None)),
        Some(head) if !head.blocked_by.is_empty() => {
            return refused(Code::Blocked, "one of you has blocked the other");
        }
        _ => {}
    }
    let actor = item.meta.actor;
    check(key, actor, create)?;
    let (rev, at) = state.next(item.appended_at);
    let direct = create.kind == Kind::Direct;
    let routing = routing(create.members.len());
    let members: Vec<Membership> = create
        .members
        .iter()
        .map(|member| Membership {
            conversation: key,
            user: member.id,
            role: if !direct && member.id == actor { Role::Owner } else { Role::Member },
            joined_at: at,
            visible_from: 1,
            visible_to: None,
            sent_seq: 0,
            sent_n: 0,
            by_conversation: routing == Routing::Conversation,
        })
        .collect();
    let effect = Effect::Created {
        kind: create.kind,
        created_by: actor,
        members,
        settings: create.settings.clone(),
        owner: (!direct).then_some(actor),
    };
    let Some(head) = head_of(&effect, rev, at, item.position) else {
        return refused(Code::Internal, "a conversation has a head");
    };
    let participants: Vec<Participant<'_>> = memberships(&effect)
        .iter()
        .zip(&create.members)
        .map(|(membership, user)| Participant::of(membership, Public::of(user)))
        .collect();
    // Of a group `members` names them, once.
    let shown = if direct { participants.clone() } else { Vec::new() };
    let view = View::of(key, &head, shown);
    let conversation = serde_json::value::to_raw_value(&view).expect("plain data serialises");
    let payload = Added {
        members: participants,
        actor_id: actor,
        conversation: std::borrow::Cow::Owned(conversation),
    };
    let payload = json(&payload);
    Ok(changed(effect, payload))
}

fn check(key: ConversationId, actor: UserId, create: &Create) -> Result<(), ApiError> {
    let invalid = |why: &str| Err(ApiError::invalid(vec![why.to_owned()]));
    if create.conversation_id != key || create.members.first().is_none_or(|m| m.id != actor) {
        return invalid("the first member is who opens the conversation");
    }
    let mut ids: Vec<UserId> = create.members.iter().map(|member| member.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != create.members.len() {
        return invalid("a member is named twice");
    }
    if create.kind == Kind::Direct {
        return match ids.len() {
            1 | 2 => Ok(()),
            _ => invalid("a direct conversation has its creator and at most one other"),
        };
    }
    if create.settings.name.as_ref().is_none_or(|name| name.trim().is_empty()) {
        return invalid("a group or channel has a name");
    }
    if ids.len() > MEMBERS_PER_COMMAND + 1 {
        return refused(Code::TooManyEffects, "open it with at most 256 others, then add more");
    }
    Ok(())
}

fn routing(members: usize) -> Routing {
    if members > ROUTE_BY_MEMBER { Routing::Conversation } else { Routing::Member }
}

fn memberships(effect: &Effect) -> &[Membership] {
    match effect {
        Effect::Created { members, .. } => members,
        _ => &[],
    }
}

fn head_of(effect: &Effect, rev: Rev, at: Timestamp, applied: Position) -> Option<Head> {
    let Effect::Created { kind, created_by, members, settings, owner } = effect else {
        return None;
    };
    let routing = routing(members.len());
    let packed = match routing {
        Routing::Member => members.iter().map(|member| member.user).collect(),
        Routing::Conversation => Vec::new(),
    };
    Some(Head {
        v: 1,
        kind: *kind,
        created_by: *created_by,
        created_at: at,
        seq: 0,
        rev,
        n: 0,
        last_at: at,
        member_count: i64::try_from(members.len()).unwrap_or(i64::MAX),
        members: Members(packed),
        routing,
        applied,
        preview: None,
        settings: settings.clone(),
        owner: *owner,
        admins: Members::default(),
        blocked_by: Members::default(),
        unopened: false,
        pins: 0,
        deleted_at: None,
        blocks_told: Vec::new(),
    })
}

pub(super) fn update(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    update: &Update,
) -> Verdict {
    let (head, member) = state.actor_of_group(item.meta.actor)?;
    if member.role < Role::Admin {
        return refused(Code::Forbidden, "only its owner and admins change a conversation");
    }
    let nameless = |name: &Patch<String>| match name {
        Patch::Absent => false,
        Patch::Null => true,
        Patch::Value(name) => name.trim().is_empty(),
    };
    if nameless(&update.name) {
        return Err(ApiError::invalid(vec!["a group or channel has a name".to_owned()]));
    }
    let mut settings = head.settings.clone();
    update.name.apply(&mut settings.name);
    update.description.apply(&mut settings.description);
    update.avatar_url.apply(&mut settings.avatar_url);
    if settings == head.settings {
        return Ok(Outcome::Before(None));
    }
    let (_, at) = state.next(item.appended_at);
    let payload = Updated {
        id: key,
        kind: head.kind,
        name: settings.name.clone(),
        description: settings.description.clone(),
        avatar_url: settings.avatar_url.clone(),
        updated_at: at,
    };
    let payload = json(&payload);
    Ok(changed(Effect::Updated { settings }, payload))
}

pub(super) fn close(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
) -> Verdict {
    let (head, member) = state.actor(item.meta.actor)?;
    // Nobody owns a direct conversation.
    if head.kind == Kind::Direct || member.role < Role::Owner {
        return refused(Code::Forbidden, "only its owner deletes a conversation");
    }
    let payload = json(&Deleted { id: key, actor_id: item.meta.actor });
    let effect = Effect::Closed { last: None, members: head.members.clone() };
    Ok(changed(effect, payload))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    match &change.effect {
        Effect::Created { members, .. } => {
            let told = state.head.take().map_or_else(Vec::new, |head| head.blocks_told);
            state.head = head_of(&change.effect, change.rev, change.at, change.position);
            if let Some(head) = &mut state.head {
                head.blocks_told = told;
            }
            for membership in members {
                state.members.insert(membership.user, Some(membership.clone()));
            }
        }
        Effect::Updated { settings } => {
            if let Some(head) = &mut state.head {
                head.settings = settings.clone();
            }
        }
        Effect::Closed { last, members } => {
            if let Some(head) = &mut state.head {
                head.deleted_at = Some(change.at);
                head.member_count -= i64::from(last.is_some());
                // Whose it was is told with this change; afterwards it is nobody's.
                if let Some(last) = last {
                    head.members.0.retain(|user| *user != last.user);
                }
            }
            if let Some(last) = last {
                state.members.insert(last.user, Some(last.clone()));
            }
            for user in &members.0 {
                state.members.insert(*user, None);
            }
        }
        _ => {}
    }
}
