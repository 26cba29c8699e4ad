//! What a packet shows that its frame only names: the message that an answer quotes, whoever pinned.
//!
//! It is read when the first socket is about to write the packet, once for the node and the frame, and
//! is as REST shows it at that moment: of a message that was deleted meanwhile nothing is told. Nothing in
//! it depends on who looks: a member sees all of his conversation, `status` is as it is stored, presence is
//! null.
//!
//! Other sockets that write the same frame meanwhile wait for the same read; nobody else does. It takes
//! [`LIMIT`] at most: then the packet goes without, and so does what comes within [`PAUSE`], so that a
//! store that is away costs a socket that moment and not its connection.

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use platform::Store;
use platform::port::store::{Error, get_one};
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::table::{Stored, Table};
use schemas::user::head::Head;
use schemas::user::table::UserHead;
use schemas::user::view::Public;
use schemas::{ConversationId, MessageId, UserId};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use super::events::{self, Packets};
use crate::hub::Hub;

/// Longest wait for what a packet lacks.
const LIMIT: Duration = Duration::from_secs(1);
/// For how long nothing is read after that.
const PAUSE: Duration = Duration::from_secs(5);

/// What packets lack, and the packets that have it.
#[derive(Debug)]
pub(crate) struct Owed {
    conversation: ConversationId,
    /// The message that is answered.
    pub(super) answered: Option<MessageId>,
    /// Whose pin it is.
    pub(super) pinned_by: Option<UserId>,
    /// None: they go without.
    whole: OnceCell<Option<Packets>>,
}

/// What was read for a frame.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(super) answered: Option<Bytes>,
    pub(super) pinned_by: Option<(UserId, Head)>,
}

/// Until when nothing is read, as the store did not answer.
#[derive(Debug, Default)]
pub(crate) struct Brake(Mutex<Option<Instant>>);

impl Brake {
    fn holds(&self) -> bool {
        self.0.lock().is_some_and(|until| Instant::now() < until)
    }

    fn pull(&self) {
        *self.0.lock() = Some(Instant::now() + PAUSE);
    }
}

impl Beside {
    /// The message that is answered.
    pub(super) fn answered(&self) -> Option<&str> {
        std::str::from_utf8(self.answered.as_ref()?).ok()
    }

    /// Whoever pinned; none if he is gone.
    pub(super) fn pinned_by(&self) -> Option<Public<'_>> {
        let by = self.pinned_by.as_ref().filter(|(_, head)| head.deleted_at.is_none());
        by.map(|(user, head)| Public::of_head(*user, head))
    }
}

impl Owed {
    /// Of a frame of this conversation, which lacks nothing yet.
    pub(super) fn of(conversation: ConversationId) -> Self {
        Self { conversation, answered: None, pinned_by: None, whole: OnceCell::new() }
    }

    /// The packets of a frame with what they lacked; none: it can not be read now.
    pub(crate) async fn whole(&self, text: &str, to: UserId, hub: &Hub) -> Option<&Packets> {
        let whole = self.whole.get_or_init(async || {
            let beside = self.read(hub).await?;
            Some(events::whole(text, to, &beside))
        });
        whole.await.as_ref()
    }

    async fn read(&self, hub: &Hub) -> Option<Beside> {
        if hub.brake.holds() {
            return None;
        }
        let why = match timeout(LIMIT, hub.read(|| self.found(hub.store()))).await {
            Ok(Ok(beside)) => return Some(beside),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "too slow".to_owned(),
        };
        hub.brake.pull();
        tracing::warn!(why, "answers and pins go to sockets without what they quote for a while");
        None
    }

    async fn found(&self, store: &dyn Store) -> Result<Beside, Error> {
        let index = self.answered.map(IdIndex::get);
        let gets: Vec<_> = index.into_iter().chain(self.pinned_by.map(UserHead::get)).collect();
        let mut rows = store.get(&gets).await?.into_iter();
        let mut beside = Beside::default();
        if let Some(answered) = self.answered
            && let Some(place) = row::<IdIndex>(rows.next().flatten())?
            // Number 0: a request that was not about a message.
            && place.conversation == self.conversation
            && place.seq > 0
        {
            let get = MessageBySeq::get(place.conversation, place.seq);
            let message = get_one::<MessageBySeq>(store, get).await?;
            // A row of the index may be that of another request that named itself.
            beside.answered =
                message.filter(|row| row.message == answered).map(|message| message.body);
        }
        if let Some(user) = self.pinned_by {
            let head = row::<UserHead>(rows.next().flatten())?.map(|row| row.head()).transpose()?;
            beside.pinned_by = head.map(|head| (user, head));
        }
        Ok(beside)
    }
}

fn row<T: Table>(stored: Option<Stored>) -> Result<Option<T>, Error> {
    Ok(stored.map(|row| T::from_cells(row.cells)).transpose()?)
}
