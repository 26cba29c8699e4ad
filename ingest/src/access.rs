//! Who may do what in a conversation, as far as ingest decides it (HAZARDS 14).
//!
//! For commands a remembered *yes* is a hint that saves a read, since the fold decides; a *no* is
//! always read from the store before it is answered. Reads never ask the memory: they read the
//! membership together with what they show.

use parking_lot::Mutex;
use platform::Store;
use platform::cache::Generations;
use platform::port::store::get_one;
use schemas::member::Membership;
use schemas::member::table::MembershipByUser;
use schemas::message::table::IdIndex;
use schemas::{Code, ConversationId, MessageId, UserId};

use crate::error::Failure;

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

/// The answer to strangers: the same whether or not the conversation exists.
pub(crate) fn not_member() -> Failure {
    Failure::new(Code::NotMember, "you are not a participant of this conversation")
}
