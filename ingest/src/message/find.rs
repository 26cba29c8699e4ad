//! A message addressed by its id.
//!
//! Its place never changes, so that it may be remembered; who may see it is read each time (HAZARDS
//! 14). A row of `id_index` may be that of another request that named itself: the timeline's row says
//! which message it is.
//!
//! To whoever may not see it, a message is not there: the same nothing as for an id that was never
//! used.

use std::collections::HashMap;

use parking_lot::Mutex;
use platform::Store;
use platform::cache::Generations;
use platform::port::store::{get_many, get_one};
use schemas::conversation::table::HeadRow;
use schemas::member::Membership;
use schemas::member::table::MembershipByUser;
use schemas::message::command::Target;
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::reaction::table::ReactionCount;
use schemas::table::Get;
use schemas::{Code, ConversationId, MessageId, Seq, UserId};

use crate::access::{self, Entry};
use crate::error::Failure;
use crate::rows::Rows;
use crate::state::Ingest;

/// Places remembered: about 10 MB.
const KEPT: usize = 65_536;

/// Places of messages that were asked for lately.
#[derive(Debug)]
pub(crate) struct Places(Mutex<Generations<MessageId, Place>>);

/// What never changes about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The message and where it lies.
    pub(crate) target: Target,
    /// Who sent it.
    pub(crate) sender: UserId,
    /// Countable messages up to and with it.
    pub(crate) n: i64,
}

/// A message that its viewer may see.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) entry: Entry,
    pub(crate) row: MessageBySeq,
    /// Counts of reactions on it, if there are or were some.
    pub(crate) count: Option<ReactionCount>,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Generations::new(KEPT)))
    }
}

impl Place {
    fn of(row: &MessageBySeq) -> Self {
        let target =
            Target { conversation_id: row.conversation, message_id: row.message, seq: row.seq };
        Self { target, sender: row.sender, n: row.n }
    }
}

/// Where a message lies that `user` may see; for commands, whose fold decides the rest.
pub(crate) async fn place(
    ingest: &Ingest,
    user: UserId,
    id: MessageId,
) -> Result<Option<Place>, Failure> {
    let store = &*ingest.platform.store;
    let known = ingest.places.0.lock().get(&id).copied();
    let (place, membership) = if let Some(place) = known {
        (Some(place), access::current(store, user, place.target.conversation_id).await?)
    } else {
        let Some((conversation, seq)) = indexed(store, id).await? else { return Ok(None) };
        let gets =
            [MembershipByUser::get(user, conversation), MessageBySeq::get(conversation, seq)];
        let mut rows = Rows::read(store, &gets).await?;
        let membership =
            rows.next::<MembershipByUser>()?.map(|row| row.membership()).transpose()?;
        let row = rows.next::<MessageBySeq>()?.filter(|row| row.message == id);
        (row.as_ref().map(Place::of), membership.filter(Membership::is_current))
    };
    let Some(place) = place else { return Ok(None) };
    if known.is_none() {
        ingest.places.0.lock().insert(id, place);
    }
    Ok(membership.filter(|membership| sees(membership, place.target.seq)).map(|_| place))
}

/// A message with what an answer about it starts from, all of it fresh.
pub(crate) async fn seen(
    ingest: &Ingest,
    viewer: UserId,
    id: MessageId,
) -> Result<Option<Seen>, Failure> {
    let known = ingest.places.0.lock().get(&id).map(|place| place.target);
    let (conversation, seq) = match known {
        Some(target) => (target.conversation_id, target.seq),
        None => match indexed(&*ingest.platform.store, id).await? {
            Some(at) => at,
            None => return Ok(None),
        },
    };
    let seen = at(ingest, viewer, conversation, seq).await?;
    Ok(seen.filter(|seen| seen.row.message == id))
}

/// The same, by its number.
pub(crate) async fn at(
    ingest: &Ingest,
    viewer: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Option<Seen>, Failure> {
    let gets = [
        MembershipByUser::get(viewer, conversation),
        HeadRow::get(conversation),
        MessageBySeq::get(conversation, seq),
        ReactionCount::get(conversation, seq),
    ];
    let mut rows = Rows::read(&*ingest.platform.store, &gets).await?;
    let entry = access::entry_of(rows.next()?, rows.next()?)?;
    let entry = entry.filter(|entry| sees(&entry.membership, seq));
    let (row, count) = (rows.next::<MessageBySeq>()?, rows.next()?);
    Ok(entry.zip(row).map(|(entry, row)| Seen { entry, row, count }))
}

async fn indexed(
    store: &dyn Store,
    id: MessageId,
) -> Result<Option<(ConversationId, Seq)>, Failure> {
    let row = get_one::<IdIndex>(store, IdIndex::get(id)).await?;
    // Number 0: a request that was not about a message.
    Ok(row.filter(|row| row.seq > 0).map(|row| (row.conversation, row.seq)))
}

/// Several messages of a conversation by their ids, in the order asked; none for one that is not
/// among those that a member sees.
pub(crate) async fn named(
    ingest: &Ingest,
    membership: &Membership,
    ids: &[MessageId],
) -> Result<Vec<Option<MessageBySeq>>, Failure> {
    let store = &*ingest.platform.store;
    let conversation = membership.conversation;
    let mut known: HashMap<MessageId, (ConversationId, Seq)> = {
        let mut places = ingest.places.0.lock();
        let known = ids.iter().filter_map(|id| {
            let target = places.get(id)?.target;
            Some((*id, (target.conversation_id, target.seq)))
        });
        known.collect()
    };
    let unknown: Vec<_> = ids.iter().filter(|id| !known.contains_key(id)).copied().collect();
    if !unknown.is_empty() {
        let gets: Vec<_> = unknown.iter().map(|id| IdIndex::get(*id)).collect();
        let places = get_many::<IdIndex>(store, &gets).await?;
        let found = places.into_iter().flatten().map(|p| (p.message, (p.conversation, p.seq)));
        known.extend(found);
    }
    // What is elsewhere, or out of sight, is asked for at a number that no message has.
    let seq_of = |id: &MessageId| {
        let at =
            known.get(id).filter(|(place, seq)| *place == conversation && sees(membership, *seq));
        at.map_or(0, |(_, seq)| *seq)
    };
    let rows = rows(store, conversation, ids.iter().map(seq_of)).await?;
    let mut places = ingest.places.0.lock();
    let checked = ids.iter().zip(rows).map(|(id, row)| {
        let row = row.filter(|row| row.message == *id)?;
        places.insert(*id, Place::of(&row));
        Some(row)
    });
    Ok(checked.collect())
}

/// The rows of several messages of a conversation, in the order asked.
pub(crate) async fn rows(
    store: &dyn Store,
    conversation: ConversationId,
    seqs: impl IntoIterator<Item = Seq>,
) -> Result<Vec<Option<MessageBySeq>>, Failure> {
    let gets: Vec<Get> = seqs.into_iter().map(|seq| MessageBySeq::get(conversation, seq)).collect();
    Ok(get_many(store, &gets).await?)
}

/// Whether a message lies in what a member sees.
pub(crate) fn sees(membership: &Membership, seq: Seq) -> bool {
    seq >= membership.visible_from && membership.visible_to.is_none_or(|last| seq <= last)
}

/// The same for a message that does not exist and one that is not the caller's to see.
pub(crate) fn not_found() -> Failure {
    Failure::new(Code::NotFound, "message not found")
}

/// What the fold says to a stranger, in the words of a route about a message.
pub(crate) fn hidden(failure: Failure) -> Failure {
    if failure.api.code == Code::NotMember { not_found() } else { failure }
}
