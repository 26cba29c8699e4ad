//! Members of groups and channels: added, removed, leaving, with another role.
//!
//! Up to 64 members the head lists them and events are routed to each; the change that adds the 65th
//! turns the conversation, for ever, to being routed as a whole. It is itself routed by member, and
//! writes into every membership that a node has to look out for the conversation.

use std::collections::HashSet;

use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Members, Routing};
use schemas::conversation::view::{Conversation as View, Deleted, Participant};
use schemas::envelope::ConversationCommand;
use schemas::limits::{GROUP_MEMBERS, HEAD_ADMINS, MEMBERS_PER_COMMAND, ROUTE_BY_MEMBER};
use schemas::member::command::{Add, Leave, Remove, SetRole};
use schemas::member::table::{Member, MembershipByUser};
use schemas::member::view::{Added, Affected, Changed};
use schemas::member::{Membership, Role};
use schemas::position::Stamp;
use schemas::table::{Get, Write};
use schemas::user::view::Public;
use schemas::{ApiError, Code, ConversationId, UserId};
use serde_json::value::RawValue;

use super::state::Conversation;
use super::{Outcome, Verdict, changed, json, refused};
use crate::fold::Item;

/// Wait that is asked for where an owner's leaving met another change of members.
const SUCCESSOR_RETRY_MS: u64 = 50;

pub(super) fn needs_of_add(state: &Conversation, key: ConversationId, add: &Add) -> Vec<Get> {
    // All of them: this command, or one before it in the batch, may add the 65th.
    let listed = state.head.iter().flat_map(|head| head.members.0.iter().copied());
    let added = add.members.iter().map(|member| member.id);
    listed.chain(added).map(|user| MembershipByUser::get(user, key)).collect()
}

pub(super) fn add(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    add: &Add,
) -> Verdict {
    let (head, actor) = state.actor_of_group(item.meta.actor)?;
    if actor.role < Role::Admin {
        return refused(Code::Forbidden, "only its owner and admins add members");
    }
    if add.role >= actor.role {
        return refused(Code::Forbidden, "a role below one's own can be given");
    }
    if add.members.is_empty() || add.members.len() > MEMBERS_PER_COMMAND {
        return refused(Code::TooManyEffects, "1 to 256 members are added at once");
    }
    let mut seen = HashSet::new();
    for member in &add.members {
        if state.member(member.id).is_some() {
            let why = format!("{} is a member already", member.id);
            return Err(ApiError::new(Code::AlreadyMember, why));
        }
        if !seen.insert(member.id) {
            return Err(ApiError::invalid(vec![format!("{} is named twice", member.id)]));
        }
    }
    let count = head.member_count + i64::try_from(add.members.len()).unwrap_or(i64::MAX);
    if count > GROUP_MEMBERS {
        return refused(Code::Conflict, "a conversation has at most 10000 members");
    }
    let turns = head.routing == Routing::Member && turns(head, add.members.len());
    let by_conversation = turns || head.routing == Routing::Conversation;
    let (_, at) = state.next(item.appended_at);
    let members: Vec<Membership> = add
        .members
        .iter()
        .map(|member| Membership {
            conversation: key,
            user: member.id,
            role: add.role,
            joined_at: at,
            // Who is to see less: what `delivery` shows of a message that is answered (`owed`) is the same
            // for all members, and must then look at this.
            visible_from: 1,
            visible_to: None,
            // What was said before is there to be read, and not unread.
            sent_seq: head.seq,
            sent_n: head.n,
            by_conversation,
        })
        .collect();
    let flipped = if turns { turned(state, head) } else { Vec::new() };
    let payload = Added {
        members: members
            .iter()
            .zip(&add.members)
            .map(|(membership, user)| Participant::of(membership, Public::of(user)))
            .collect(),
        actor_id: actor.user,
        conversation: std::borrow::Cow::Owned(RawValue::NULL.to_owned()),
    };
    let payload = json(&payload);
    let view = slim(state, item, key, head, count);
    Ok(changed(Effect::Added { members, view, flipped }, payload))
}

/// The conversation as the feeds of who was added show it: without members, and without any text of
/// messages, as feeds are kept.
fn slim(
    state: &Conversation,
    item: &Item<ConversationCommand>,
    key: ConversationId,
    head: &Head,
    member_count: i64,
) -> String {
    let (rev, last_at) = state.next(item.appended_at);
    let head = Head { preview: None, member_count, rev, last_at, ..head.clone() };
    let view = View::of(key, &head, Vec::new());
    serde_json::to_string(&view).expect("plain data serialises")
}

fn turns(head: &Head, added: usize) -> bool {
    head.members.0.len() + added > ROUTE_BY_MEMBER
}

/// The memberships of those who are in it, as they are when it is routed as a whole.
fn turned(state: &Conversation, head: &Head) -> Vec<Membership> {
    let members = head.members.0.iter().filter_map(|user| state.member(*user));
    members.map(|member| Membership { by_conversation: true, ..member.clone() }).collect()
}

pub(super) fn remove(
    state: &Conversation,
    item: &Item<ConversationCommand>,
    remove: &Remove,
) -> Verdict {
    let (head, actor) = state.actor_of_group(item.meta.actor)?;
    if remove.user_id == actor.user {
        return Err(ApiError::invalid(vec!["leave the conversation instead".to_owned()]));
    }
    let Some(member) = state.member(remove.user_id) else {
        return refused(Code::NotFound, "there is no such member");
    };
    if actor.role < Role::Admin || member.role >= actor.role {
        return refused(Code::Forbidden, "owner and admins remove those below them");
    }
    Ok(removed(head, member, actor.user, None))
}

/// The end of a membership, and who owns the conversation from then on.
fn removed(
    head: &Head,
    member: &Membership,
    actor_id: UserId,
    successor: Option<&Membership>,
) -> Outcome {
    let affected = |member: &Membership| Affected {
        id: member.user,
        user_id: member.user,
        role: member.role.text().to_owned(),
    };
    let payload =
        Changed { members: vec![affected(member)], actor_id, member_count: head.member_count - 1 };
    let payload = json(&payload);
    let member = Membership { visible_to: Some(head.seq), ..member.clone() };
    let successor = successor.map(|next| Membership { role: Role::Owner, ..next.clone() });
    changed(Effect::Removed { member, successor }, payload)
}

pub(super) fn leave(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    leave: &Leave,
) -> Verdict {
    let (head, actor) = state.actor_of_group(item.meta.actor)?;
    if head.member_count <= 1 {
        let payload = json(&Deleted { id: key, actor_id: actor.user });
        let last = Membership { visible_to: Some(head.seq), ..actor.clone() };
        let effect = Effect::Closed { last: Some(last), members: Members::default() };
        return Ok(changed(effect, payload));
    }
    if actor.role < Role::Owner {
        return Ok(removed(head, actor, actor.user, None));
    }
    // As ingest saw it; what has happened since is decided here.
    let hint = leave.successor.filter(|user| *user != actor.user);
    let fits = |user: &UserId| head.admins.is_empty() || head.admins.0.contains(user);
    let Some(next) = hint.filter(fits).and_then(|user| state.member(user)) else {
        let why = "the members have changed meanwhile: try again";
        return Err(ApiError::new(Code::Conflict, why).retry_after(SUCCESSOR_RETRY_MS));
    };
    Ok(removed(head, actor, actor.user, Some(next)))
}

pub(super) fn set_role(
    state: &Conversation,
    item: &Item<ConversationCommand>,
    set: &SetRole,
) -> Verdict {
    let (head, actor) = state.actor_of_group(item.meta.actor)?;
    let Some(member) = state.member(set.user_id) else {
        return refused(Code::NotFound, "there is no such member");
    };
    let hands_over = set.role == Role::Owner && actor.role == Role::Owner;
    if member.user == actor.user
        || actor.role < Role::Admin
        || member.role >= actor.role
        || (set.role >= actor.role && !hands_over)
    {
        return refused(Code::Forbidden, "owner and admins give roles below their own");
    }
    if member.role == set.role {
        return Ok(Outcome::Before(None));
    }
    let mut members = vec![Membership { role: set.role, ..member.clone() }];
    if hands_over {
        members.push(Membership { role: Role::Admin, ..actor.clone() });
    }
    let affected = |member: &Membership| Affected {
        id: member.user,
        user_id: member.user,
        role: member.role.text().to_owned(),
    };
    let payload = Changed {
        members: members.iter().map(affected).collect(),
        actor_id: actor.user,
        member_count: head.member_count,
    };
    let payload = json(&payload);
    Ok(changed(Effect::Roles { members }, payload))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    let mut now: Vec<&Membership> = Vec::new();
    if let Some(head) = &mut state.head {
        match &change.effect {
            Effect::Added { members, flipped, .. } => {
                head.member_count += i64::try_from(members.len()).unwrap_or(i64::MAX);
                if members.iter().any(|member| member.by_conversation) {
                    head.routing = Routing::Conversation;
                    head.members.0.clear();
                } else {
                    head.members.0.extend(members.iter().map(|member| member.user));
                }
                for member in members {
                    note_role(head, member);
                }
                now.extend(members.iter().chain(flipped));
            }
            Effect::Removed { member, successor } => {
                head.member_count -= 1;
                head.members.0.retain(|user| *user != member.user);
                head.admins.0.retain(|user| *user != member.user);
                if let Some(next) = successor {
                    note_role(head, next);
                }
                now.extend(std::iter::once(member).chain(successor));
            }
            Effect::Roles { members } => {
                for member in members {
                    note_role(head, member);
                }
                now.extend(members);
            }
            _ => {}
        }
    }
    for member in now {
        state.members.insert(member.user, Some(member.clone()));
    }
}

/// Keeps owner and some admins of the head up to date.
fn note_role(head: &mut Head, member: &Membership) {
    head.admins.0.retain(|user| *user != member.user);
    match member.role {
        Role::Owner => head.owner = Some(member.user),
        Role::Admin if head.admins.0.len() < HEAD_ADMINS => head.admins.0.push(member.user),
        Role::Admin | Role::Moderator | Role::Member => {}
    }
}

/// Both rows of memberships that stand.
pub(super) fn rows(members: &[Membership], stamp: Stamp) -> Vec<Write> {
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

/// Of those who were added, and of those whose events are routed in another way from now on.
pub(super) fn rows_of_added(
    members: &[Membership],
    flipped: &[Membership],
    stamp: Stamp,
) -> Vec<Write> {
    let flipped = flipped.iter().map(|one| Write::replace(&MembershipByUser::of(one), stamp));
    let mut rows = rows(members, stamp);
    rows.extend(flipped);
    rows
}

/// Of one who is no member any more: both rows go, so that who joins and leaves much has no dearer
/// list than others.
pub(super) fn rows_of_removed(
    member: &Membership,
    successor: Option<&Membership>,
    stamp: Stamp,
) -> Vec<Write> {
    let mut rows = vec![
        Write::delete(&Member::of(member), stamp),
        Write::delete(&MembershipByUser::of(member), stamp),
    ];
    if let Some(next) = successor {
        rows.extend(self::rows(std::slice::from_ref(next), stamp));
    }
    rows
}

/// Of everyone whom the head of a deleted conversation lists.
pub(super) fn rows_of_closed(
    conversation: ConversationId,
    members: &Members,
    stamp: Stamp,
) -> Vec<Write> {
    members
        .0
        .iter()
        .flat_map(|user| {
            let gone = Membership::gone(conversation, *user);
            [
                Write::delete(&Member::of(&gone), stamp),
                Write::delete(&MembershipByUser::of(&gone), stamp),
            ]
        })
        .collect()
}
