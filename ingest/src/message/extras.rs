//! What is read to show messages, and no more of it than they have: reactions of messages that
//! someone reacted to, messages that are quoted, markers if the viewer sees one of his own.
//!
//! A page costs its own size: one scan of counts beside the timeline's, then at most one multi-get each
//! of markers, quoted messages (and of places that are not known yet) and users, and one scan for each
//! message with reactions.

use std::collections::HashMap;

use futures_util::future::{try_join_all, try_join3};
use platform::Store;
use platform::port::store::{get_many, scan};
use schemas::conversation::head::Routing;
use schemas::member::Membership;
use schemas::message::table::MessageBySeq;
use schemas::message::view::answers;
use schemas::reaction::table::{Reaction, ReactionCount};
use schemas::receipt::table::ReadMarker;
use schemas::user::head::Head as UserHead;
use schemas::{ConversationId, MessageId, Seq, UserId, limits};

use super::find::{self, Seen};
use super::shown::{Extras, Marks, Reactions};
use crate::access::Entry;
use crate::error::Failure;
use crate::profiles;
use crate::state::Ingest;

/// Who looks at what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) ingest: &'a Ingest,
    pub(crate) entry: &'a Entry,
}

impl<'a> View<'a> {
    fn store(self) -> &'a dyn Store {
        &*self.ingest.platform.store
    }

    /// For messages that lie anywhere in the conversation.
    pub(crate) async fn scattered(self, rows: &[MessageBySeq]) -> Result<Extras, Failure> {
        let conversation = self.entry.membership.conversation;
        let gets: Vec<_> =
            rows.iter().map(|row| ReactionCount::get(conversation, row.seq)).collect();
        let counts = get_many::<ReactionCount>(self.store(), &gets).await?;
        self.extras(rows, counts.into_iter().flatten().collect()).await
    }

    /// For messages whose counts of reactions were read with them.
    pub(super) async fn extras(
        self,
        rows: &[MessageBySeq],
        mut counts: Vec<ReactionCount>,
    ) -> Result<Extras, Failure> {
        let Membership { user: viewer, conversation, .. } = self.entry.membership;
        let quotes: Vec<(Seq, MessageId)> =
            rows.iter().filter_map(|row| Some((row.seq, answers(&row.body)?))).collect();
        // Of a message that was deleted between two reads nothing is left.
        counts.retain(|count| {
            rows.iter().any(|row| row.seq == count.seq && row.deleted != Some(true))
        });
        // A quoted message may be his own too.
        let own = !quotes.is_empty() || rows.iter().any(|row| row.sender == viewer);
        let (marks, quoted, reactions) = try_join3(
            self.marks(own),
            self.quoted(&quotes),
            reactions(self.store(), conversation, counts),
        )
        .await?;
        let mut users: Vec<UserId> =
            reactions.values().flat_map(|r| r.newest.iter().map(|r| r.user)).collect();
        let users = heads(self.store(), &mut users).await?;
        Ok(Extras { viewer: Some(viewer), marks, reactions, users, quoted })
    }

    /// How far the others have come, where their number is bounded.
    async fn marks(self, wanted: bool) -> Result<Marks, Failure> {
        let Entry { head, membership: Membership { user, conversation, .. } } = self.entry;
        if !wanted || head.routing == Routing::Conversation {
            return Ok(Marks::default());
        }
        let others = head.members.0.iter().filter(|member| *member != user);
        let gets: Vec<_> = others.map(|member| ReadMarker::get(*conversation, *member)).collect();
        if gets.is_empty() {
            return Ok(Marks::default());
        }
        let markers = get_many::<ReadMarker>(self.store(), &gets).await?;
        Ok(Marks::of(markers.iter().flatten()))
    }

    /// The messages that are answered, by the number of the answer.
    async fn quoted(
        self,
        quotes: &[(Seq, MessageId)],
    ) -> Result<HashMap<Seq, MessageBySeq>, Failure> {
        if quotes.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<_> = quotes.iter().map(|(_, id)| *id).collect();
        let rows = find::named(self.ingest, &self.entry.membership, &ids).await?;
        let quoted = quotes.iter().zip(rows).filter_map(|((answer, _), row)| Some((*answer, row?)));
        Ok(quoted.collect())
    }
}

impl Seen {
    /// The message as its viewer sees it.
    pub(crate) async fn shown(&self, ingest: &Ingest) -> Result<bytes::Bytes, Failure> {
        let Self { entry, row, count } = self;
        let view = View { ingest, entry };
        let counts = count.iter().cloned().collect();
        Ok(view.extras(std::slice::from_ref(row), counts).await?.one(row))
    }
}

/// The newest reactions of messages that have some.
async fn reactions(
    store: &dyn Store,
    conversation: ConversationId,
    counts: Vec<ReactionCount>,
) -> Result<HashMap<Seq, Reactions>, Failure> {
    // One that has none any more keeps an empty row.
    let some = counts.into_iter().filter(|row| row.counts.as_ref() != b"{}");
    let reads = some.map(async |row| {
        let newest = Reaction::newest(conversation, row.seq, None, limits::REACTIONS_SHOWN);
        let newest = scan(store, newest).await?;
        Ok::<_, Failure>((row.seq, Reactions { counts: row.counts, newest }))
    });
    Ok(try_join_all(reads).await?.into_iter().collect())
}

/// The heads of some users, each asked for once.
pub(crate) async fn heads(
    store: &dyn Store,
    users: &mut Vec<UserId>,
) -> Result<HashMap<UserId, UserHead>, Failure> {
    users.sort_unstable();
    users.dedup();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let heads = profiles::heads(store, users).await?;
    Ok(users.iter().zip(heads).filter_map(|(user, head)| Some((*user, head?))).collect())
}
