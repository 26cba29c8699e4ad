//! Receipts: how far somebody has received or read a conversation, whichever request tells it
//! (`POST /conversations/:id/read`, `POST /messages/:id/read`, the frames `message.read`,
//! `conversation.read` and `delivered`).
//!
//! A request names a message, a number, or nothing (the newest message). It becomes one watermark,
//! resolved from fresh rows, never beyond the head (HAZARDS 13). A watermark that stands already is
//! not published again: clients repeat themselves at every look at a conversation.
//!
//! | | |
//! |---|---|
//! | `POST /conversations/:id/read` | messageId? → `{message}`; 404 for strangers |
//! | `GET /conversations/:id/unread` | what is unread by arithmetic and by count |

#[cfg(test)]
pub(crate) mod document;
mod read;
mod unread;

use axum::Router;
use axum::routing::{get, post};

use platform::Store;
use platform::port::store::get_one;
use schemas::conversation::head::{Head, Kind as ConversationKind};
use schemas::conversation::table::HeadRow;
use schemas::envelope::ReceiptCommand;
use schemas::member::table::MembershipByUser;
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::receipt::Kind;
use schemas::receipt::command::Mark;
use schemas::receipt::table::ReadMarker;
use schemas::user::head::{Audience, Head as UserHead};
use schemas::user::table::UserHead as UserHeadRow;
use schemas::{ConversationId, MessageId, Seq, UserId, topic};

use crate::access::{Entry, entry_of};
use crate::error::Failure;
use crate::publish::Pending;
use crate::rows::Rows;
use crate::state::{Ingest, api};
use crate::user::gone;

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/conversations/{id}/read"), post(read::read))
        .route(&api("/conversations/{id}/unread"), get(unread::audit))
}

/// Up to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpTo {
    /// The newest message.
    Newest,
    /// This message.
    Message(MessageId),
    /// The message with this number.
    Seq(Seq),
}

/// An accepted watermark: it stands already, or has its place in the log.
pub(crate) struct Marking {
    seq: Seq,
    pending: Option<Pending>,
}

impl Marking {
    /// Where the watermark is, once it is stored.
    pub(crate) async fn outcome(self) -> Result<Seq, Failure> {
        if let Some(pending) = self.pending {
            pending.outcome().await?;
        }
        Ok(self.seq)
    }
}

/// A watermark, and the command that moves it; none where it stands already.
type Resolved = (Seq, Option<Mark>);

/// Resolves a watermark and publishes it. None: this is no conversation of the user's, or no message
/// of it that he sees; a route answers all of these alike.
pub(crate) async fn accept(
    ingest: &Ingest,
    user: UserId,
    conversation: ConversationId,
    kind: Kind,
    up_to: UpTo,
) -> Result<Option<Marking>, Failure> {
    let Some((seq, mark)) = resolve(ingest, user, conversation, kind, up_to).await? else {
        return Ok(None);
    };
    let publish = |mark| {
        let command = ReceiptCommand::Mark(mark);
        ingest.publisher.publish(&topic::RECEIPTS, conversation.0, user, &command)
    };
    let pending = mark.map(publish).transpose()?;
    Ok(Some(Marking { seq, pending }))
}

/// The same for whoever waits for no outcome; nothing if it is not the user's to tell.
pub(crate) async fn tell(
    ingest: &Ingest,
    user: UserId,
    conversation: ConversationId,
    kind: Kind,
    up_to: UpTo,
) -> Result<(), Failure> {
    let resolved = resolve(ingest, user, conversation, kind, up_to).await?;
    let Some((_, Some(mark))) = resolved else { return Ok(()) };
    let command = ReceiptCommand::Mark(mark);
    ingest.publisher.tell(&topic::RECEIPTS, conversation.0, user, &command).await
}

async fn resolve(
    ingest: &Ingest,
    user: UserId,
    conversation: ConversationId,
    kind: Kind,
    up_to: UpTo,
) -> Result<Option<Resolved>, Failure> {
    let store = &*ingest.platform.store;
    let mut gets = vec![
        MembershipByUser::get(user, conversation),
        HeadRow::get(conversation),
        UserHeadRow::get(user),
        ReadMarker::get(conversation, user),
    ];
    if let UpTo::Message(id) = up_to {
        gets.push(IdIndex::get(id));
    }
    let mut rows = Rows::read(store, &gets).await?;
    let entry = entry_of(rows.next()?, rows.next()?)?;
    let own = rows.next::<UserHeadRow>()?.ok_or_else(gone)?.head()?;
    let marker = rows.next()?.unwrap_or_else(|| ReadMarker::none(conversation, user));
    let place = rows.next::<IdIndex>()?.filter(|place| place.conversation == conversation);

    let Some(entry) = entry else { return Ok(None) };
    let seq = match up_to {
        UpTo::Newest => entry.head.seq,
        UpTo::Seq(seq) => seq.min(entry.head.seq),
        UpTo::Message(_) => match place {
            Some(place) => place.seq,
            None => return Ok(None),
        },
    };
    if let UpTo::Message(_) = up_to
        && seq < entry.membership.visible_from.max(1)
    {
        return Ok(None);
    }
    // A named message is looked at first: another's, or no message at all, is none that stands.
    let named = matches!(up_to, UpTo::Message(_));
    if !named && stands(&marker, kind, seq) {
        return Ok(Some((seq, None)));
    }
    let Some(n) = countable(store, conversation, &entry, seq, up_to).await? else {
        return Ok(None);
    };
    if stands(&marker, kind, seq) {
        return Ok(Some((seq, None)));
    }
    let message_id = match up_to {
        UpTo::Message(id) => Some(id),
        UpTo::Newest => entry.head.preview.as_ref().map(|preview| preview.id),
        UpTo::Seq(_) => None,
    };
    let private = is_private(&own, &entry.head);
    let mark = Mark { conversation_id: conversation, kind, seq, n, message_id, private };
    Ok(Some((seq, Some(mark))))
}

/// Whether a watermark says nothing new. What was read was received.
fn stands(marker: &ReadMarker, kind: Kind, seq: Seq) -> bool {
    let at = match kind {
        Kind::Read => marker.read_seq,
        Kind::Delivered => marker.delivered_seq.max(marker.read_seq),
    };
    seq <= at.max(0)
}

/// Countable messages up to a message; none if it is not there, or is not the one that was named: an
/// id may also be that of a request.
async fn countable(
    store: &dyn Store,
    conversation: ConversationId,
    entry: &Entry,
    seq: Seq,
    up_to: UpTo,
) -> Result<Option<i64>, Failure> {
    if seq == entry.head.seq && !matches!(up_to, UpTo::Message(_)) {
        return Ok(Some(entry.head.n));
    }
    let row = get_one::<MessageBySeq>(store, MessageBySeq::get(conversation, seq)).await?;
    Ok(row
        .filter(|row| up_to == UpTo::Message(row.message) || up_to == UpTo::Seq(seq))
        .map(|row| row.n))
}

/// Whether only his own devices are to see it: by his settings, and while one of two has blocked the
/// other. Contacts are whom he has a direct conversation with, so in a group it is nobody.
fn is_private(own: &UserHead, head: &Head) -> bool {
    let hidden = match own.privacy.read_receipts {
        Audience::Everyone => false,
        Audience::Contacts => head.kind != ConversationKind::Direct,
        Audience::Nobody => true,
    };
    hidden || !head.blocked_by.is_empty()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_hides_what_he_reads_is_seen_by_nobody_else() {
        use schemas::user::head::Privacy;

        let own = |read_receipts| UserHead {
            privacy: Privacy { read_receipts, ..Privacy::default() },
            ..crate::user::tests::head()
        };
        let group = crate::conversation::tests::head(1);
        let direct = Head { kind: ConversationKind::Direct, ..group.clone() };
        for (audience, in_group, in_direct) in [
            (Audience::Everyone, false, false),
            (Audience::Contacts, true, false),
            (Audience::Nobody, true, true),
        ] {
            assert_eq!(is_private(&own(audience), &group), in_group, "{audience:?}");
            assert_eq!(is_private(&own(audience), &direct), in_direct, "{audience:?}");
        }
        let mut blocked = direct;
        blocked.blocked_by.0.push(UserId(Uuid::from_u128(2)));
        assert!(is_private(&own(Audience::Everyone), &blocked));
    }

    #[test]
    fn what_was_read_was_received_and_nothing_is_told_twice() {
        let (id, user) = (ConversationId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let none = ReadMarker::none(id, user);
        assert!(stands(&none, Kind::Read, 0), "there is no message yet");
        assert!(!stands(&none, Kind::Read, 1) && !stands(&none, Kind::Delivered, 1));
        let marker = ReadMarker { read_seq: 5, delivered_seq: 3, ..none };
        assert!(stands(&marker, Kind::Read, 5) && !stands(&marker, Kind::Read, 6));
        assert!(stands(&marker, Kind::Delivered, 5) && !stands(&marker, Kind::Delivered, 6));
    }
}
