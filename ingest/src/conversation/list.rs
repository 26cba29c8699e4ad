//! The list of a user's conversations: one slice of his memberships, one of what he has set about
//! them, one multi-get of their small heads, sorted in memory; marks, members and profiles of the page
//! alone (HAZARDS 17). Nothing is kept between requests, so the list is as fresh as the last message,
//! and its cost does not depend on how many messages there are.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use futures_util::future::try_join;
use http::StatusCode;
use platform::Store;
use platform::port::store::{get_many, scan};
use schemas::conversation::table::HeadRow;
use schemas::member::table::{MembershipByUser, SentMark};
use schemas::receipt::table::ReadMarker;
use schemas::table::Get;
use schemas::user::table::ConversationSettings;
use schemas::{ConversationId, UserId, limits};
use serde::Serialize;

use super::order::{CURSOR, Filters, others, place, read_cursor, sort, write_cursor};
use super::read::{Held, People, Progress, Viewed};
use crate::access::{Entry, entry_of};
use crate::envelope;
use crate::error::Failure;
use crate::extract::Caller;
use crate::profiles::heads;
use crate::query::{Pagination, Params};
use crate::rows::Rows;
use crate::state::Ingest;

/// Participants of a group or channel that a list shows; its own view shows more.
const SHOWN: usize = 10;
/// Rows of memberships read at once, and how often: those that ended are among them.
const SLICE: usize = limits::LIST_CONVERSATIONS;
const SLICES: usize = 5;

/// A page of one's conversations.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Conversations"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    /// The page.
    items: Vec<Viewed<'a>>,
    #[serde(flatten)]
    pagination: Pagination,
    /// Gives the next page; null at the end.
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_OTHER)?;
    let cursor = params.cursor::<CURSOR>("cursor")?.map(read_cursor);
    let filters = Filters::read(&params)?;
    let store = &*ingest.platform.store;
    let mut all = all(store, who.user).await?;
    all.retain(|held| filters.admits(held));
    if filters.searches() {
        all = found(store, who.user, &filters, all).await?;
    }
    sort(&mut all);
    let (shown, more) = page.part(&all, cursor, place);
    let (people, progress) =
        try_join(People::of(&ingest, who.user, shown, SHOWN), progress(store, shown)).await?;
    let items = shown.iter().zip(&progress);
    let list = List {
        items: items.map(|(held, progress)| people.view(held, progress)).collect(),
        pagination: page.of(i64::try_from(all.len()).unwrap_or(i64::MAX)),
        next_cursor: shown.last().filter(|_| more).map(|held| write_cursor(place(held))),
    };
    Ok(envelope::encoded(StatusCode::OK, &list, ingest.now()))
}

/// Every open conversation of a user.
async fn all(store: &dyn Store, user: UserId) -> Result<Vec<Held>, Failure> {
    let (entries, settings) = try_join(entries(store, user), async {
        let rows = ConversationSettings::of_user(user, SLICE * SLICES);
        Ok(scan(store, rows).await?)
    })
    .await?;
    let mut settings: HashMap<ConversationId, ConversationSettings> =
        settings.into_iter().map(|row| (row.conversation, row)).collect();
    let held = |(id, Entry { membership, head })| {
        let settings = settings.remove(&id);
        let settings = settings.unwrap_or_else(|| ConversationSettings::none(user, id));
        Held { id, head, membership, settings }
    };
    Ok(entries.into_iter().map(held).collect())
}

/// The open conversations that a user is in, at most [`limits::LIST_CONVERSATIONS`]. Rows of those that
/// were deleted when they were large are among his memberships, and take no place.
async fn entries(store: &dyn Store, user: UserId) -> Result<Vec<(ConversationId, Entry)>, Failure> {
    let mut entries = Vec::new();
    let mut after = None;
    for _ in 0..SLICES {
        let rows = scan(store, MembershipByUser::after(user, after, SLICE)).await?;
        let full = rows.len() == SLICE;
        after = rows.last().map(|row| row.conversation);
        let gets: Vec<_> = rows.iter().map(|row| HeadRow::get(row.conversation)).collect();
        let heads = get_many::<HeadRow>(store, &gets).await?;
        for (row, head) in rows.into_iter().zip(heads) {
            let id = row.conversation;
            entries.extend(entry_of(Some(row), head)?.map(|entry| (id, entry)));
        }
        if !full || entries.len() >= limits::LIST_CONVERSATIONS {
            break;
        }
    }
    entries.truncate(limits::LIST_CONVERSATIONS);
    Ok(entries)
}

/// Those with a name that is looked for: the profiles of all direct conversations are read for it.
async fn found(
    store: &dyn Store,
    viewer: UserId,
    filters: &Filters,
    all: Vec<Held>,
) -> Result<Vec<Held>, Failure> {
    let ids: Vec<UserId> = all.iter().flat_map(|held| others(held, viewer)).collect();
    let users = heads(store, &ids).await?;
    let users = ids.into_iter().zip(users).filter_map(|(id, head)| Some((id, head?))).collect();
    Ok(all.into_iter().filter(|held| filters.finds(held, viewer, &users)).collect())
}

/// How far the viewer has come in each.
async fn progress(store: &dyn Store, shown: &[Held]) -> Result<Vec<Progress>, Failure> {
    let gets: Vec<Get> = shown
        .iter()
        .flat_map(|held| {
            let user = held.membership.user;
            [SentMark::get(user, held.id), ReadMarker::get(held.id, user)]
        })
        .collect();
    let mut rows = Rows::read(store, &gets).await?;
    let one = |held: &Held| {
        let sent = rows.next::<SentMark>()?;
        Ok(Progress::of(&held.membership, sent.as_ref(), rows.next::<ReadMarker>()?))
    };
    shown.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use schemas::table::{Batch, Write};
    use schemas::{Stamp, Timestamp};
    use uuid::Uuid;

    use super::*;
    use schemas::conversation::head::Head;

    use crate::conversation::tests::{ME, head};
    use crate::testing::world;

    #[tokio::test]
    async fn conversations_behind_many_that_were_deleted_are_found_and_no_more_than_a_list_has() {
        let world = world().await;
        let store = &*world.ingest.platform.store;
        let rows = |from: usize, to: usize, deleted_at: Option<Timestamp>| {
            let write = |n: usize| {
                let conversation = ConversationId(Uuid::from_u128(u128::try_from(n).unwrap()));
                let row = MembershipByUser {
                    user: ME,
                    conversation,
                    role: "member".to_owned(),
                    joined_at: Timestamp(0),
                    visible_from: 1,
                    visible_to: None,
                    sent_seq: 0,
                    sent_n: 0,
                    by_conversation: None,
                };
                let head = Head { deleted_at, ..head(1) };
                [
                    Write::insert(&row, Stamp(1)),
                    Write::insert(&HeadRow::of(conversation, &head), Stamp(1)),
                ]
            };
            let writes = (from..to).flat_map(write).collect();
            store.write(Batch { fence: None, writes })
        };
        rows(0, 2 * SLICE + 10, Some(Timestamp(7))).await.unwrap();
        rows(2 * SLICE + 10, 2 * SLICE + 20, None).await.unwrap();
        assert_eq!(entries(store, ME).await.unwrap().len(), 10);
        rows(3 * SLICE, 5 * SLICE, None).await.unwrap();
        assert_eq!(entries(store, ME).await.unwrap().len(), limits::LIST_CONVERSATIONS);
    }
}
