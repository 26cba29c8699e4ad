//! Search for users: by the start of a word of their names, or by an e-mail address that is exactly
//! theirs. An address is never shown, and never matched in part, so that none can be guessed letter
//! by letter.
//!
//! The result is one scan of at most [`limits::SEARCH_TOTAL`] terms from the start of the prefix, so
//! a page costs the same wherever it lies, and no user is shown twice. Who may not be seen (blocked in
//! either direction, hidden by his settings) is left out of the page, which then is shorter; a result
//! that fits into one page is counted without him, so that its number tells nothing either.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::Store;
use platform::port::store::{get_one, scan};
use schemas::user::table::{Claim, UserByTerm};
use schemas::user::view::Public;
use schemas::{UserId, limits};
use serde::Serialize;

use super::privacy::{Relation, relations};
use crate::envelope;
use crate::error::Failure;
use crate::extract::Caller;
use crate::presence::Sight;
use crate::query::{Page, Pagination, Params, cursor_text};
use crate::state::Ingest;

/// Results that are counted one by one: no more than a page may have.
const COUNTED: usize = 100;

/// Longest prefix that is looked for, in characters: no term is longer than a name.
const PREFIX_CHARS: usize = limits::NAME_CHARS;

/// Users that were found.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UsersFound"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found<'a> {
    /// The page.
    users: Vec<Public<'a>>,
    /// Where it lies.
    pagination: Pagination,
    /// Gives the next page; null at the end.
    next_cursor: Option<String>,
}

pub(super) async fn search(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_OTHER)?;
    let cursor = params.cursor::<16>("cursor")?.map(|id| UserId(uuid::Uuid::from_bytes(id)));
    let wanted = params.text("query").or_else(|| params.text("q")).unwrap_or_default().trim();
    let mut ids = if wanted.contains('@') {
        by_email(&ingest, wanted).await?
    } else {
        by_prefix(&ingest, wanted).await?
    };
    ids.retain(|id| *id != who.user);

    let store = &*ingest.platform.store;
    let few = ids.len() <= COUNTED;
    if few {
        let seen = visible(store, who.user, &ids).await?;
        ids = seen.iter().map(|one| one.id).collect();
    }
    let (shown, more) = part(&ids, page, cursor);
    let seen = visible(store, who.user, shown).await?;
    let heads: Vec<_> = seen.iter().map(|one| (one.id, Some(&one.head))).collect();
    let sight = Sight::of(&ingest, who.user, &heads).await?;
    let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let found = Found {
        users: seen.iter().map(|one| sight.user(one.id, Some(&one.head))).collect(),
        pagination: page.of(total),
        next_cursor: shown.last().filter(|_| more).map(|id| cursor_text(&id.bytes())),
    };
    Ok(envelope::encoded(StatusCode::OK, &found, ingest.now()))
}

/// Those whom the viewer may see.
async fn visible(
    store: &dyn Store,
    viewer: UserId,
    ids: &[UserId],
) -> Result<Vec<Relation>, Failure> {
    let found = relations(store, viewer, ids).await?;
    Ok(found.into_iter().flatten().filter(|one| one.shows_profile(viewer)).collect())
}

/// The users to show, and whether others follow. A cursor names the last user shown before; one
/// that is no longer among the results starts from the beginning.
fn part(ids: &[UserId], page: Page, cursor: Option<UserId>) -> (&[UserId], bool) {
    let shown = match cursor {
        None => page.slice(ids),
        Some(last) => {
            let after = ids.iter().position(|id| *id == last).map_or(0, |at| at + 1);
            Page { page: 1, ..page }.slice(ids.get(after..).unwrap_or_default())
        }
    };
    (shown, shown.last().is_some_and(|last| ids.last() != Some(last)))
}

async fn by_prefix(ingest: &Ingest, wanted: &str) -> Result<Vec<UserId>, Failure> {
    let word = wanted.split_whitespace().next().unwrap_or_default();
    let prefix: String = word.chars().take(PREFIX_CHARS).flat_map(char::to_lowercase).collect();
    if prefix.is_empty() {
        return Ok(Vec::new());
    }
    // One more than is counted: the caller himself is among them.
    let terms = UserByTerm::starting_with(&prefix, limits::SEARCH_TOTAL + 1);
    let rows = scan(&*ingest.platform.store, terms).await?;
    let mut seen = HashSet::new();
    let ids = rows.into_iter().map(|row| row.user).filter(|id| seen.insert(*id));
    Ok(ids.take(limits::SEARCH_TOTAL).collect())
}

async fn by_email(ingest: &Ingest, email: &str) -> Result<Vec<UserId>, Failure> {
    // As long as registration takes one, in bytes: a longer one is nobody's, and no key of the store.
    if email.len() > limits::EMAIL_CHARS {
        return Ok(Vec::new());
    }
    let claim = Claim::get("email", &email.to_lowercase());
    let claim = get_one::<Claim>(&*ingest.platform.store, claim).await?;
    // A claim whose registration was not finished has no user, and is not shown.
    Ok(claim.map(|claim| claim.owner).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn pages_and_cursors_walk_the_same_list() {
        let ids: Vec<_> = (0..5).map(|n| UserId(Uuid::from_u128(n))).collect();
        let page = |page| Page { page, limit: 2 };
        assert_eq!(part(&ids, page(1), None), (&ids[..2], true));
        assert_eq!(part(&ids, page(3), None), (&ids[4..], false));
        assert_eq!(part(&ids, page(4), None), (&ids[..0], false));
        assert_eq!(part(&ids, page(1), Some(ids[1])), (&ids[2..4], true));
        assert_eq!(part(&ids, page(1), Some(ids[3])), (&ids[4..], false));
        assert_eq!(part(&ids, page(1), Some(ids[4])), (&ids[..0], false));
    }
}
