//! Changes of a user.

use std::collections::BTreeSet;

use schemas::envelope::UserCommand;
use schemas::frame;
use schemas::outbound::Before;
use schemas::table::Write;
use schemas::user::change::{Change, Effect};
use schemas::user::command::{ConversationAdded, Create};
use schemas::user::head::{Head, Profile};
use schemas::user::table::{FeedSource, UserByTerm};
use schemas::user::view::{Public, Snapshot};
use schemas::{ApiError, Code, ConversationId, UserId};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::User;
use crate::fold::{Decision, Item};

/// Wait that a registration which came too late is asked for.
const LATE_RETRY_MS: u64 = 1_000;

/// The answer to a command that has nothing left to do.
pub(super) fn done_before() -> Decision<Change> {
    Decision::Before(Before { conversation: ConversationId(Uuid::nil()), seq: None })
}

pub(super) fn create(
    state: &User,
    key: UserId,
    item: &Item<UserCommand>,
    create: &Create,
) -> Decision<Change> {
    match &state.head {
        // A registration that is sent again with its Idempotency-Key.
        Some(head) if head.profile == create.profile => done_before(),
        Some(_) => Decision::Rejected(ApiError::new(Code::IdempotencyMismatch, "this user exists")),
        None if create.user_id != key => {
            Decision::Rejected(ApiError::new(Code::ValidationFailed, "the key is not the user"))
        }
        // His names may be someone else's by now. Judged by the log's clock alone, as who takes them
        // over asks the log what came before (`user.void`).
        None if create.valid_until.is_some_and(|until| until < item.appended_at) => {
            let late = "the registration came too late: try again";
            Decision::Rejected(ApiError::new(Code::Overloaded, late).retry_after(LATE_RETRY_MS))
        }
        None => {
            let effect = Effect::Created { profile: create.profile.clone() };
            let user = own_view(key, &create.profile);
            changed(state, key, item, effect, &user)
        }
    }
}

/// What others see of a fresh user.
fn own_view(key: UserId, profile: &Profile) -> Box<RawValue> {
    let snapshot = Snapshot {
        id: key,
        username: profile.username.clone(),
        first_name: profile.first_name.clone(),
        last_name: profile.last_name.clone(),
        avatar_url: profile.avatar_url.clone(),
    };
    serde_json::value::to_raw_value(&Public::of(&snapshot)).expect("plain data serialises")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added<'a> {
    conversation_id: ConversationId,
    rev: i64,
    conversation: &'a RawValue,
}

pub(super) fn conversation_added(
    state: &User,
    key: UserId,
    item: &Item<UserCommand>,
    added: &ConversationAdded,
) -> Decision<Change> {
    let source = state.sources.get(&added.conversation_id).copied().flatten();
    // A record that persist emitted again, or one for a user that was never made.
    if source.is_some_and(|rev| rev >= added.rev) || state.head.is_none() {
        return Decision::Nothing;
    }
    let effect = Effect::ConversationAdded { conversation: added.conversation_id, rev: added.rev };
    let payload = Added {
        conversation_id: added.conversation_id,
        rev: added.rev,
        conversation: &added.conversation,
    };
    let payload = serde_json::value::to_raw_value(&payload).expect("plain data serialises");
    changed(state, key, item, effect, &payload)
}

fn changed(
    state: &User,
    key: UserId,
    item: &Item<UserCommand>,
    effect: Effect,
    payload: &RawValue,
) -> Decision<Change> {
    let head = state.head.as_ref();
    let rev = head.map_or(1, |head| head.rev + 1);
    let at = head.map_or(item.appended_at, |head| head.last_at.max(item.appended_at));
    Decision::Change(Box::new(Change {
        user: key,
        rev,
        position: item.position,
        command: item.meta.id,
        at,
        frame: frame::feed(effect.kind(), rev, at, payload.get().as_bytes()),
        effect,
    }))
}

pub(super) fn evolve(state: &mut User, change: &Change) {
    match &change.effect {
        Effect::Created { profile } => {
            state.head = Some(Head {
                v: 1,
                profile: profile.clone(),
                created_at: change.at,
                updated_at: change.at,
                rev: change.rev,
                last_at: change.at,
                applied: change.position,
            });
        }
        Effect::ConversationAdded { conversation, rev } => {
            state.sources.insert(*conversation, Some(*rev));
        }
    }
    if let Some(head) = &mut state.head {
        head.rev = change.rev;
        head.last_at = change.at;
        head.applied = change.position;
    }
}

pub(super) fn rows(change: &Change) -> Vec<Write> {
    let stamp = change.position.stamp();
    match &change.effect {
        Effect::Created { profile } => terms(profile)
            .into_iter()
            .map(|term| {
                let row = UserByTerm {
                    initial: term.chars().take(1).collect(),
                    term,
                    user: change.user,
                    created_at: change.at,
                };
                Write::replace(&row, stamp)
            })
            .collect(),
        Effect::ConversationAdded { conversation, rev } => {
            let row = FeedSource { user: change.user, conversation: *conversation, rev: *rev };
            vec![Write::replace(&row, stamp)]
        }
    }
}

/// The words that a search finds a user by: the username, and every word of his names.
fn terms(profile: &Profile) -> BTreeSet<String> {
    let names = [&profile.first_name, &profile.last_name];
    let words = names.into_iter().flatten().flat_map(|name| name.split_whitespace());
    std::iter::once(profile.username.as_str())
        .chain(words)
        .map(str::to_lowercase)
        .filter(|term| !term.is_empty())
        .collect()
}
