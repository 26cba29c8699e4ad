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
use platform::port::store::scan;
use schemas::member::Membership;
use schemas::message::table::{MessageBySeq, bucket};
use schemas::reaction::table::ReactionCount;
use schemas::{ApiError, ConversationId, MessageId, Seq, UserId, limits};

use super::extras::View;
use super::find;
use super::shown::Extras;
use crate::error::Failure;
use crate::extract::{Caller, Id, id_of};
use crate::query::{Page, Pagination, Params};
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
    let entry = access::entry(store, viewer, conversation).await?;
    let entry = entry.ok_or_else(access::not_member)?;
    let from = from(ingest, viewer, conversation, params).await?;
    let seen = Range::seen(&entry.membership, entry.head.seq);
    let range = seen.page(page, from);
    let (rows, counts) = range.read(store, conversation).await?;
    let view = View { ingest, entry: &entry };
    let extras = view.extras(&rows, counts).await?;
    let json = write(&rows, &extras, seen.around(range, page));
    Ok(envelope::spliced(StatusCode::OK, &json, ingest.now()))
}

async fn from(
    ingest: &Ingest,
    viewer: UserId,
    conversation: ConversationId,
    params: &Params,
) -> Result<From, Failure> {
    let before = params.number("before", 1)?;
    let after = params.number("after", 0)?;
    let before = match params.text("beforeMessageId") {
        None => before,
        Some(text) => {
            let id = id_of::<MessageId>("beforeMessageId", text)?;
            let target = find::place(ingest, viewer, id).await?.map(|place| place.target);
            // The same whether it does not exist or is elsewhere.
            let target = target.filter(|target| target.conversation_id == conversation);
            let why = || invalid("beforeMessageId is not a message of this conversation");
            Some(target.ok_or_else(why)?.seq)
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

    /// Its rows, oldest first, and the counts of reactions that lie beside them. At most
    /// [`limits::PAGE_MAX`] rows, so at most two buckets.
    async fn read(
        self,
        store: &dyn Store,
        conversation: ConversationId,
    ) -> Result<(Vec<MessageBySeq>, Vec<ReactionCount>), Failure> {
        let Ok(limit @ 1..) = usize::try_from(self.count()) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let part = |from, to| {
            let messages = MessageBySeq::page_up(conversation, from, to, limit);
            let counts = ReactionCount::page_up(conversation, from, to, limit);
            try_join(scan(store, messages), scan(store, counts))
        };
        if bucket(self.first) == bucket(self.last) {
            return Ok(part(self.first, self.last).await?);
        }
        let border = bucket(self.last) * limits::BUCKET_ROWS;
        let ((mut rows, mut counts), (newer, newer_counts)) =
            try_join(part(self.first, border - 1), part(border, self.last)).await?;
        rows.extend(newer);
        counts.extend(newer_counts);
        Ok((rows, counts))
    }

    /// What a page that shows `shown` of it tells of the rest.
    fn around(self, shown: Self, page: Page) -> Around {
        let some = shown.count() > 0;
        let before = (some && shown.first > self.first).then_some(shown.first);
        Around {
            pagination: page.of(self.count()),
            more: before.is_some(),
            before,
            after: (some && shown.last < self.last).then_some(shown.last),
        }
    }
}

/// Where a page lies in its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) pagination: Pagination,
    /// Whether there are more the way the list is read.
    pub(super) more: bool,
    /// What gives the page before it.
    pub(super) before: Option<Seq>,
    /// What gives the page after it.
    pub(super) after: Option<Seq>,
}

/// The page as JSON.
pub(super) fn write(rows: &[MessageBySeq], extras: &Extras, around: Around) -> Vec<u8> {
    let size: usize = rows.iter().map(|row| row.body.len() + 64).sum();
    let mut out = Vec::with_capacity(size + 256);
    out.extend_from_slice(br#"{"messages":["#);
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        extras.write(row, &mut out);
    }
    let Around { pagination, more, before, after } = around;
    let infallible = "writing to memory does not fail";
    out.extend_from_slice(br#"],"pagination":"#);
    serde_json::to_writer(&mut out, &pagination).expect(infallible);
    write!(out, r#","hasMore":{more},"nextBefore":"#).expect(infallible);
    number(&mut out, before);
    out.extend_from_slice(br#","nextAfter":"#);
    number(&mut out, after);
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
        let around = none.around(none.page(page, From::Newest), page);
        let json = write(&[], &Extras::default(), around);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"messages":[],"pagination":{"page":1,"limit":50,"total":0,"totalPages":0},"hasMore":false,"nextBefore":null,"nextAfter":null}"#
        );
    }
}
