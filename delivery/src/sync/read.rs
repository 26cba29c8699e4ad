//! What a sync reads. Every read waits for one of a bounded number of places on this node, is bounded
//! in time, and is tried again a few times ([`Hub::read`]).

use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use platform::port::store;
use schemas::conversation::head::Head;
use schemas::conversation::table::{Change, HeadRow};
use schemas::member::table::MembershipByUser;
use schemas::receipt::Kind;
use schemas::receipt::table::ReadMarker;
use schemas::table::Get;
use schemas::user::table::{UserChange, UserHead};
use schemas::{ConversationId, Rev, UserId, limits};

use super::{Chunk, ROWS_MIN};
use crate::hub::Hub;
use crate::protocol::sync::Receipt;

/// Markers of a conversation read at once.
const MARKERS: usize = 256;

/// Which rows are wanted: those with `after < rev <= upto`, so many at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) after: Rev,
    pub(super) upto: Rev,
    pub(super) rows: usize,
}

impl Want {
    /// How many rows to ask a bucket for.
    fn limit(self) -> usize {
        let end = (self.after + 1).div_euclid(limits::BUCKET_ROWS) * limits::BUCKET_ROWS
            + limits::BUCKET_ROWS;
        let left = (end - 1).min(self.upto) - self.after;
        usize::try_from(left).unwrap_or(0).min(self.rows)
    }
}

/// The heads of those conversations that are the user's: open, and he a member after the head was read.
pub(super) async fn heads_of(
    hub: &Hub,
    user: UserId,
    conversations: &[ConversationId],
) -> Result<Vec<Option<Head>>, store::Error> {
    let gets: Vec<Get> = conversations.iter().map(|id| HeadRow::get(*id)).collect();
    let heads: Vec<Option<HeadRow>> = hub.read(|| store::get_many(hub.store(), &gets)).await?;
    let gets: Vec<Get> = conversations.iter().map(|id| MembershipByUser::get(user, *id)).collect();
    let memberships: Vec<Option<MembershipByUser>> =
        hub.read(|| store::get_many(hub.store(), &gets)).await?;
    let mut found = Vec::with_capacity(conversations.len());
    for (head, membership) in heads.into_iter().zip(memberships) {
        let current = membership.is_some_and(|row| row.visible_to.is_none());
        let head = head.map(|row| row.head()).transpose()?;
        found.push(head.filter(|head| current && head.is_open()));
    }
    Ok(found)
}

/// Changes up to a head that was read before; none: the user is not a member any more.
pub(super) async fn changes(
    hub: &Hub,
    user: UserId,
    conversation: ConversationId,
    want: Want,
) -> Result<Option<Vec<(Rev, Bytes)>>, store::Error> {
    let get = MembershipByUser::get(user, conversation);
    let scan =
        || store::scan(hub.store(), Change::from(conversation, want.after + 1, want.limit()));
    let membership = || store::get_one::<MembershipByUser>(hub.store(), get.clone());
    let (rows, membership) = hub.read(|| try_join(scan(), membership())).await?;
    let current = membership.is_some_and(|row| row.visible_to.is_none());
    Ok(current.then(|| rows.into_iter().map(|row| (row.rev, row.event)).collect()))
}

/// The number of the last entry of a user's feed.
pub(super) async fn feed(hub: &Hub, user: UserId) -> Result<Rev, store::Error> {
    let get = UserHead::get(user);
    let head: Option<UserHead> = hub.read(|| store::get_one(hub.store(), get.clone())).await?;
    Ok(head.map(|row| row.head()).transpose()?.map_or(0, |head| head.rev))
}

/// Entries of a user's feed.
pub(super) async fn entries(
    hub: &Hub,
    user: UserId,
    want: Want,
) -> Result<Vec<UserChange>, store::Error> {
    let scan = || store::scan(hub.store(), UserChange::from(user, want.after + 1, want.limit()));
    hub.read(scan).await
}

/// As many of the rows as one frame carries, the last of them, and how many to read next; none if the
/// first one is not there.
pub(super) fn chunk(rows: Vec<(Rev, Bytes)>, want: Want) -> Option<(Chunk, Rev, usize)> {
    let mut chunk = Vec::new();
    let (mut reached, mut size) = (want.after, 0);
    let mut rows_next = limits::SYNC_FRAME_CHANGES;
    for (rev, frame) in rows {
        if rev != reached + 1 {
            break;
        }
        if size + frame.len() > limits::SYNC_FRAME_BYTES - 256 && !chunk.is_empty() {
            // What was read in vain is read again: not much of it.
            rows_next = (2 * chunk.len()).clamp(ROWS_MIN, limits::SYNC_FRAME_CHANGES);
            break;
        }
        size += frame.len() + 1;
        reached = rev;
        chunk.push(frame);
    }
    (!chunk.is_empty()).then_some((chunk, reached, rows_next))
}

/// How far the members of conversations have come, as the user may know it.
pub(super) async fn receipts(
    hub: &Hub,
    user: UserId,
    conversations: Vec<(ConversationId, Vec<UserId>)>,
) -> Result<Vec<Receipt>, store::Error> {
    let gets: Vec<Get> =
        conversations.iter().map(|(id, _)| MembershipByUser::get(user, *id)).collect();
    let found = try_join_all(conversations.iter().map(|(id, members)| markers(hub, *id, members)));
    // Planned a while ago, perhaps: who was removed since is told nothing more.
    let memberships = hub.read(|| store::get_many::<MembershipByUser>(hub.store(), &gets));
    let (found, memberships) = try_join(found, memberships).await?;
    let mut receipts = Vec::new();
    for (((conversation, members), rows), membership) in
        conversations.into_iter().zip(found).zip(memberships)
    {
        if membership.is_none_or(|row| row.visible_to.is_some()) {
            continue;
        }
        let current = rows.into_iter().filter(|row| members.contains(&row.user));
        receipts.extend(current.flat_map(|row| of_row(conversation, user, &row)));
    }
    Ok(receipts)
}

async fn markers(
    hub: &Hub,
    conversation: ConversationId,
    members: &[UserId],
) -> Result<Vec<ReadMarker>, store::Error> {
    let scan = || ReadMarker::of_conversation(conversation, MARKERS);
    let rows = hub.read(|| store::scan(hub.store(), scan())).await?;
    if rows.len() < MARKERS {
        return Ok(rows);
    }
    // Former members have rows too, and here are many of them.
    let gets: Vec<Get> = members.iter().map(|user| ReadMarker::get(conversation, *user)).collect();
    let rows = hub.read(|| store::get_many(hub.store(), &gets)).await?;
    Ok(rows.into_iter().flatten().collect())
}

fn of_row(
    conversation_id: ConversationId,
    viewer: UserId,
    row: &ReadMarker,
) -> impl Iterator<Item = Receipt> + use<> {
    let user_id = row.user;
    let receipt = |kind, seq, at| Receipt { conversation_id, user_id, kind, seq, at };
    let delivered = receipt(Kind::Delivered, row.delivered_seq, row.delivered_at());
    let read = receipt(Kind::Read, row.read_seq, row.read_at());
    let hidden = row.private == Some(true) && viewer != user_id;
    [Some(delivered), (!hidden).then_some(read)].into_iter().flatten().filter(|one| one.seq > 0)
}
