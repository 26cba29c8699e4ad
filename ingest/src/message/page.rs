//! Pages of a conversation's messages. Numbers are dense, so that a page is a range, its place is
//! arithmetic, and no page costs more than its own size, however old the conversation.
//!
//! The newest page comes first; within a page the oldest message does. What a member sees is cut by
//! his membership, read together with the page and never remembered (HAZARDS 14).

use std::io::Write as _;

use axum::extract::State;
use axum::response::Response;
use futures_util::future::try_join;
use http::StatusCode;
use platform::Store;
use platform::port::store::{get_one, scan};
use schemas::conversation::table::HeadRow;
use schemas::member::Membership;
use schemas::message::table::{IdIndex, MessageBySeq, bucket};
use schemas::{ApiError, ConversationId, MessageId, Seq, UserId, limits};

use crate::error::Failure;
use crate::extract::{Caller, Id, id_of};
use crate::query::{Page, Params};
use crate::state::Ingest;
use crate::{access, envelope};

pub(crate) async fn of_conversation(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(conversation): Id<ConversationId>,
    params: Params,
) -> Result<Response, Failure> {
    answer(&ingest, who.user, conversation, &params).await
}

pub(super) async fn by_query(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let Some(text) = params.text("conversationId") else {
        return Err(ApiError::invalid(vec!["conversationId is required".to_owned()]).into());
    };
    let conversation = id_of("conversationId", text)?;
    answer(&ingest, who.user, conversation, &params).await
}

/// Where a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Page number, from the newest.
    Newest,
    /// Down from below this seq.
    Before(Seq),
    /// Up from above this seq.
    After(Seq),
}

async fn answer(
    ingest: &Ingest,
    viewer: UserId,
    conversation: ConversationId,
    params: &Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_MESSAGES)?;
    let store = &*ingest.platform.store;
    let (membership, head) = try_join(access::current(store, viewer, conversation), async {
        Ok(get_one::<HeadRow>(store, HeadRow::get(conversation)).await?)
    })
    .await?;
    let (Some(membership), Some(head)) = (membership, head) else {
        return Err(access::not_member());
    };
    let from = from(store, conversation, params).await?;
    let seen = Range::seen(&membership, head.head()?.seq);
    let range = seen.page(page, from);
    let rows = range.read(store, conversation).await?;
    Ok(envelope::spliced(StatusCode::OK, &write(&rows, seen, range, page), ingest.now()))
}

async fn from(
    store: &dyn Store,
    conversation: ConversationId,
    params: &Params,
) -> Result<From, Failure> {
    let before = params.number("before", 1)?;
    let after = params.number("after", 0)?;
    let before = match params.text("beforeMessageId") {
        None => before,
        Some(text) => {
            let id = id_of::<MessageId>("beforeMessageId", text)?;
            let place = get_one::<IdIndex>(store, IdIndex::get(id)).await?;
            // The same whether it does not exist or is elsewhere.
            let place = place.filter(|place| place.conversation == conversation);
            let why = || invalid("beforeMessageId is not a message of this conversation");
            Some(place.ok_or_else(why)?.seq)
        }
    };
    match (before, after) {
        (Some(_), Some(_)) => Err(invalid("give before or after, not both")),
        (Some(seq), None) => Ok(From::Before(seq)),
        (None, Some(seq)) => Ok(From::After(seq)),
        (None, None) => Ok(From::Newest),
    }
}

fn invalid(why: &str) -> Failure {
    ApiError::invalid(vec![why.to_owned()]).into()
}

/// Messages `first..=last`; empty if `first > last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: Seq,
    last: Seq,
}

impl Range {
    /// What a member sees of a conversation whose newest message is `newest`.
    fn seen(membership: &Membership, newest: Seq) -> Self {
        Self {
            first: membership.visible_from.max(1),
            last: membership.visible_to.unwrap_or(newest).min(newest),
        }
    }

    fn count(self) -> i64 {
        (self.last - self.first + 1).max(0)
    }

    /// The part of it that a page shows.
    fn page(self, page: Page, from: From) -> Self {
        let below = |last: Seq| {
            let last = last.saturating_sub(page.offset());
            Self { first: last.saturating_sub(page.limit - 1).max(self.first), last }
        };
        match from {
            From::Newest => below(self.last),
            From::Before(seq) => below(seq.saturating_sub(1).min(self.last)),
            From::After(seq) => {
                let first = seq.saturating_add(1).saturating_add(page.offset()).max(self.first);
                Self { first, last: first.saturating_add(page.limit - 1).min(self.last) }
            }
        }
    }

    /// Its rows, oldest first. At most [`limits::PAGE_MAX`] of them, so at most two buckets.
    async fn read(
        self,
        store: &dyn Store,
        conversation: ConversationId,
    ) -> Result<Vec<MessageBySeq>, Failure> {
        let Ok(limit @ 1..) = usize::try_from(self.count()) else { return Ok(Vec::new()) };
        let part = |from, to| scan(store, MessageBySeq::page_up(conversation, from, to, limit));
        if bucket(self.first) == bucket(self.last) {
            return Ok(part(self.first, self.last).await?);
        }
        let border = bucket(self.last) * limits::BUCKET_ROWS;
        let (mut rows, newer) =
            try_join(part(self.first, border - 1), part(border, self.last)).await?;
        rows.extend(newer);
        Ok(rows)
    }
}

/// The page as JSON, with the messages as they are stored.
fn write(rows: &[MessageBySeq], seen: Range, shown: Range, page: Page) -> Vec<u8> {
    let size: usize = rows.iter().map(|row| row.body.len() + 1).sum();
    let mut out = Vec::with_capacity(size + 256);
    out.extend_from_slice(br#"{"messages":["#);
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&row.body);
    }
    let older = shown.count() > 0 && shown.first > seen.first;
    let newer = shown.count() > 0 && shown.last < seen.last;
    let pagination = page.of(seen.count());
    let infallible = "writing to memory does not fail";
    out.extend_from_slice(br#"],"pagination":"#);
    serde_json::to_writer(&mut out, &pagination).expect(infallible);
    write!(out, r#","hasMore":{older},"nextBefore":"#).expect(infallible);
    number(&mut out, older.then_some(shown.first));
    out.extend_from_slice(br#","nextAfter":"#);
    number(&mut out, newer.then_some(shown.last));
    out.push(b'}');
    out
}

fn number(out: &mut Vec<u8>, number: Option<Seq>) {
    match number {
        Some(number) => write!(out, "{number}").expect("writing to memory does not fail"),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Range = Range { first: 11, last: 2_060 };

    fn page(page: i64, limit: i64, from: From) -> (Seq, Seq) {
        let range = SEEN.page(Page { page, limit }, from);
        (range.first, range.last)
    }

    #[test]
    fn pages_count_down_from_the_newest() {
        assert_eq!(page(1, 50, From::Newest), (2_011, 2_060));
        assert_eq!(page(2, 50, From::Newest), (1_961, 2_010));
        assert_eq!(page(41, 50, From::Newest), (11, 60));
        assert_eq!(SEEN.page(Page { page: 42, limit: 50 }, From::Newest).count(), 0);
        assert_eq!(SEEN.page(Page { page: i64::MAX, limit: 100 }, From::Newest).count(), 0);
    }

    #[test]
    fn cursors_stay_within_what_is_seen() {
        assert_eq!(page(1, 10, From::Before(2_000)), (1_990, 1_999));
        assert_eq!(page(1, 10, From::Before(15)), (11, 14));
        assert_eq!(page(1, 10, From::Before(i64::MAX)), (2_051, 2_060));
        assert_eq!(SEEN.page(Page { page: 1, limit: 10 }, From::Before(11)).count(), 0);
        assert_eq!(page(1, 10, From::After(0)), (11, 20));
        assert_eq!(page(1, 10, From::After(2_055)), (2_056, 2_060));
        assert_eq!(SEEN.page(Page { page: 1, limit: 10 }, From::After(2_060)).count(), 0);
        assert_eq!(SEEN.page(Page { page: 1, limit: 10 }, From::After(i64::MAX)).count(), 0);
    }

    #[test]
    fn walking_before_shows_each_message_once() {
        let (mut before, mut seen) = (i64::MAX, Vec::new());
        loop {
            let range = SEEN.page(Page { page: 1, limit: 7 }, From::Before(before));
            if range.count() == 0 {
                break;
            }
            seen.extend((range.first..=range.last).rev());
            before = range.first;
        }
        assert_eq!(seen, (11..=2_060).rev().collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_conversation_has_an_empty_page() {
        let none = Range { first: 1, last: 0 };
        let page = Page { page: 1, limit: 50 };
        let json = write(&[], none, none.page(page, From::Newest), page);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"messages":[],"pagination":{"page":1,"limit":50,"total":0,"totalPages":0},"hasMore":false,"nextBefore":null,"nextAfter":null}"#
        );
    }
}
