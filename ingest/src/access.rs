//! Who may do what in a conversation, as far as ingest decides it (HAZARDS 14).
//!
//! For commands a remembered *yes* is a hint that saves a read, since the fold decides; a *no* is
//! always read from the store before it is answered. Reads never ask the memory: they read the
//! membership together with what they show.

use parking_lot::Mutex;
use platform::Store;
use platform::cache::Generations;
use platform::port::store::get_one;
use schemas::conversation::head::Head;
use schemas::conversation::table::HeadRow;
use schemas::envelope::Once;
use schemas::member::Membership;
use schemas::member::table::MembershipByUser;
use schemas::message::table::IdIndex;
use schemas::table::Decode;
use schemas::{Code, ConversationId, MessageId, UserId};

use crate::error::Failure;
use crate::rows::Rows;

/// Memberships remembered: about 8 MB.
const KEPT: usize = 65_536;

/// Memberships seen lately.
#[derive(Debug)]
pub(crate) struct Access(Mutex<Generations<(UserId, ConversationId), ()>>);

impl Access {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Generations::new(KEPT)))
    }

    /// Refuses a send that the fold would refuse. `retry` is the id of a message that may have been
    /// sent before: whoever left in the meantime still gets the answer of the first request.
    pub(crate) async fn may_send(
        &self,
        store: &dyn Store,
        user: UserId,
        conversation: ConversationId,
        retry: Option<MessageId>,
    ) -> Result<(), Failure> {
        if self.0.lock().get(&(user, conversation)).is_some() {
            return Ok(());
        }
        if current(store, user, conversation).await?.is_some() {
            self.0.lock().insert((user, conversation), ());
            return Ok(());
        }
        if let Some(message) = retry
            && get_one::<IdIndex>(store, IdIndex::get(message)).await?.is_some()
        {
            return Ok(());
        }
        Err(not_member())
    }

    /// The fold said no: ask the store next time.
    pub(crate) fn forget(&self, user: UserId, conversation: ConversationId) {
        self.0.lock().remove(&(user, conversation));
    }
}

/// The caller's membership now, from the store; none for strangers and former members.
pub(crate) async fn current(
    store: &dyn Store,
    user: UserId,
    conversation: ConversationId,
) -> Result<Option<Membership>, Failure> {
    let row = get_one::<MembershipByUser>(store, MembershipByUser::get(user, conversation)).await?;
    let membership = row.map(|row| row.membership()).transpose()?;
    Ok(membership.filter(Membership::is_current))
}

/// A conversation that is open, and the caller's membership in it: only a look at both makes one.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) membership: Membership,
    pub(crate) head: Head,
}

/// The conversation of a member as it is now, from the store; none for strangers and former members,
/// and none of one that is not open.
pub(crate) async fn entry(
    store: &dyn Store,
    user: UserId,
    conversation: ConversationId,
) -> Result<Option<Entry>, Failure> {
    let gets = [MembershipByUser::get(user, conversation), HeadRow::get(conversation)];
    let mut rows = Rows::read(store, &gets).await?;
    let (membership, head) = (rows.next()?, rows.next()?);
    Ok(entry_of(membership, head)?)
}

/// The same of rows that were read.
pub(crate) fn entry_of(
    membership: Option<MembershipByUser>,
    head: Option<HeadRow>,
) -> Result<Option<Entry>, Decode> {
    let membership = membership.map(|row| row.membership()).transpose()?;
    let head = head.map(|row| row.head()).transpose()?;
    let entry = membership.filter(Membership::is_current).zip(head.filter(Head::is_open));
    Ok(entry.map(|(membership, head)| Entry { membership, head }))
}

/// The same for a write; strangers are refused. None: a request of this name was made before, and the
/// fold has its answer, whatever the caller may do now.
pub(crate) async fn gate(
    store: &dyn Store,
    user: UserId,
    conversation: ConversationId,
    once: Option<&Once>,
    refusal: fn() -> Failure,
) -> Result<Option<Entry>, Failure> {
    if is_repetition(store, once).await? {
        return Ok(None);
    }
    let entry = entry(store, user, conversation).await?;
    entry.map(Some).ok_or_else(refusal)
}

/// Whether a request that names itself was made before.
pub(crate) async fn is_repetition(store: &dyn Store, once: Option<&Once>) -> Result<bool, Failure> {
    match once {
        None => Ok(false),
        Some(once) => Ok(get_one::<IdIndex>(store, IdIndex::get(once.id)).await?.is_some()),
    }
}

/// The answer to strangers: the same whether or not the conversation exists.
pub(crate) fn not_member() -> Failure {
    Failure::new(Code::NotMember, "you are not a participant of this conversation")
}
