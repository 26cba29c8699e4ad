//! A user's profile: made, changed, deleted.

use std::collections::BTreeSet;

use schemas::envelope::UserCommand;
use schemas::table::Write;
use schemas::user::change::{Change, Effect};
use schemas::user::command::{Create, Update};
use schemas::user::head::Profile;
use schemas::user::table::UserByTerm;
use schemas::user::view::{Public, Snapshot};
use schemas::{ApiError, Code, Timestamp, UserId};

use super::state::User;
use super::{Outcome, Verdict, changed, standing, updated};
use crate::fold::Item;

/// Wait that a registration which came too late is asked for.
const LATE_RETRY_MS: u64 = 1_000;

pub(super) fn create(
    state: &User,
    key: UserId,
    item: &Item<UserCommand>,
    create: &Create,
) -> Verdict {
    match &state.head {
        // A registration that is sent again with its Idempotency-Key; what else was in it may have
        // changed since.
        Some(head)
            if (&head.profile.username, &head.profile.email)
                == (&create.profile.username, &create.profile.email) =>
        {
            Ok(Outcome::Before)
        }
        Some(_) => Err(ApiError::new(Code::IdempotencyMismatch, "this user exists")),
        None if create.user_id != key => {
            Err(ApiError::new(Code::ValidationFailed, "the key is not the user"))
        }
        // His names may be someone else's by now. Judged by the log's clock alone, as who takes them
        // over asks the log what came before (`user.void`).
        None if create.valid_until.is_some_and(|until| until < item.appended_at) => {
            let late = "the registration came too late: try again";
            Err(ApiError::new(Code::Overloaded, late).retry_after(LATE_RETRY_MS))
        }
        None => {
            let effect = Effect::Created { profile: create.profile.clone() };
            Ok(changed(effect, shown(key, &create.profile)))
        }
    }
}

/// The entry that shows his profile as others see it.
fn shown(key: UserId, profile: &Profile) -> Vec<u8> {
    let snapshot = Snapshot {
        id: key,
        username: profile.username.clone(),
        first_name: profile.first_name.clone(),
        last_name: profile.last_name.clone(),
        avatar_url: profile.avatar_url.clone(),
    };
    let mut public = Public::of(&snapshot);
    public.bio = profile.bio.as_deref().map(Into::into);
    public.status = profile.status.as_deref().map(Into::into);
    updated("user", &public)
}

pub(super) fn update(state: &User, key: UserId, update: &Update) -> Verdict {
    let head = standing(state)?;
    let mut profile = head.profile.clone();
    update.first_name.apply(&mut profile.first_name);
    update.last_name.apply(&mut profile.last_name);
    update.bio.apply(&mut profile.bio);
    update.status.apply(&mut profile.status);
    update.avatar_url.apply(&mut profile.avatar_url);
    update.phone.apply(&mut profile.phone);
    if profile == head.profile {
        return Ok(Outcome::Before);
    }
    let now = terms(&profile);
    let forgotten = terms(&head.profile).into_iter().filter(|term| !now.contains(term)).collect();
    let entry = shown(key, &profile);
    let effect = Effect::Updated { profile, since: head.created_at, forgotten };
    Ok(changed(effect, entry))
}

/// What is left is a name that cannot be signed in with: his messages stay, and are somebody's.
pub(super) fn delete(state: &User, key: UserId) -> Verdict {
    let head = standing(state)?;
    let forgotten = terms(&head.profile).into_iter().collect();
    let short: String = key.0.simple().to_string().chars().rev().take(12).collect();
    let profile = Profile {
        username: format!("deleted-{short}"),
        email: String::new(),
        first_name: None,
        last_name: None,
        avatar_url: None,
        bio: None,
        status: None,
        phone: None,
    };
    let entry = shown(key, &profile);
    Ok(changed(Effect::Deleted { profile, forgotten }, entry))
}

fn row(change: &Change, term: String, since: Timestamp) -> UserByTerm {
    UserByTerm {
        initial: term.chars().take(1).collect(),
        term,
        user: change.user,
        created_at: since,
    }
}

/// Rows that a search finds him by, and those that it does no more.
pub(super) fn rows(
    change: &Change,
    profile: &Profile,
    since: Timestamp,
    forgotten: &[String],
) -> Vec<Write> {
    let stamp = change.position.stamp();
    let now = terms(profile).into_iter();
    let mut rows: Vec<Write> =
        now.map(|term| Write::replace(&row(change, term, since), stamp)).collect();
    rows.extend(forget(change, forgotten));
    rows
}

/// The end of rows that a search found him by.
pub(super) fn forget(change: &Change, forgotten: &[String]) -> Vec<Write> {
    let stamp = change.position.stamp();
    let terms = forgotten.iter().cloned();
    terms.map(|term| Write::delete(&row(change, term, change.at), stamp)).collect()
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
