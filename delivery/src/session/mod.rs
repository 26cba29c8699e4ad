//! A session here: one authenticated socket, as the rest of the node sees it.
//!
//! Others push frames and wake its task; only the task (`task`) touches the socket. A push takes a
//! short lock and never waits. Memory per idle session is this struct, the task and the transport's
//! read buffer.

pub(crate) mod calls;
pub(crate) mod device;
pub(crate) mod entry;
mod gates;
mod handshake;
mod interest;
mod queue;
mod rate;
mod running;
pub(crate) mod task;
pub(crate) mod wire;
mod ws;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use parking_lot::Mutex;
use platform::inbound::Identity;
use schemas::{ConversationId, Rev, Timestamp, limits};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use calls::Calls;
use gates::Gates;
pub(crate) use gates::{Live, Part, Turn};
pub(crate) use handshake::serve;
use queue::Queue;
pub(crate) use queue::{Lost, Next, Pushed};
pub(crate) use wire::Speaks;

use crate::frame::Frame;
use crate::presence::Device;
use crate::protocol::close::Close;

/// One socket.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its number on this node.
    pub(crate) number: u64,
    /// Whose it is.
    pub(crate) who: Identity,
    /// What it is as a device of his.
    pub(crate) device: Arc<Device>,
    /// When the user's session ends unless it is refreshed, ms, as the newest token shown tells.
    ends: AtomicI64,
    /// [`Speaks`].
    speaks: AtomicU8,
    calls: Calls,
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Session {
    /// A socket with nothing queued.
    pub(crate) fn new(number: u64, who: Identity) -> Self {
        let ends = AtomicI64::new(end_of_session(&who).0);
        let speaks = AtomicU8::new(Speaks::Ws as u8);
        let device = Arc::new(Device::new(number, &who));
        let (calls, queue) = (Calls::default(), Mutex::default());
        Self { number, who, device, ends, speaks, calls, queue, wake: Notify::new() }
    }

    /// What it speaks is known, or is something else now.
    pub(crate) fn begins_to(&self, speak: Speaks) {
        self.speaks.store(speak as u8, Ordering::Relaxed);
    }

    /// What it speaks.
    pub(crate) fn speaks(&self) -> Speaks {
        let byte = self.speaks.load(Ordering::Relaxed);
        Speaks::ALL.into_iter().find(|speaks| *speaks as u8 == byte).unwrap_or(Speaks::Ws)
    }

    /// A token of the same session was shown: if it is a newer one, the session was refreshed.
    pub(crate) fn renewed(&self, shown: &Identity) {
        self.ends.fetch_max(end_of_session(shown).0, Ordering::Relaxed);
    }

    /// Time that the user's session still has, if it is not refreshed; none: it is over.
    pub(crate) fn left(&self, now: Timestamp) -> Option<Duration> {
        let ms = self.ends.load(Ordering::Relaxed).saturating_sub(now.0);
        u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
    }

    /// Queues a frame of delivery `mark` (0: of none). On [`Pushed::Wake`] the caller must call
    /// [`Self::wake`], once for all frames of its batch.
    pub(crate) fn push(&self, live: Live, frame: &Frame, mark: u64) -> Pushed {
        self.queue.lock().push(live, frame, mark)
    }

    /// A sync of these begins: their live frames wait ([`gates`]).
    pub(crate) fn close_gates(
        &self,
        conversations: impl IntoIterator<Item = ConversationId>,
        feed: bool,
    ) {
        self.queue.lock().close_gates(conversations, feed);
    }

    /// The sync whose gates were closed last.
    pub(crate) fn turn(&self) -> Turn {
        self.queue.lock().turn()
    }

    /// The sync that goes on; none if more came than may wait.
    pub(crate) fn syncing(&self) -> Option<Turn> {
        self.queue.lock().syncing()
    }

    /// A part is out up to `upto`: what waited for it leaves. `late`: the node may still push what is
    /// in it. The error: changes up to this one are missing in between.
    pub(crate) fn settle(&self, turn: Turn, part: Part, upto: Rev, late: bool) -> Result<(), Rev> {
        let settled = self.queue.lock().settle(turn, part, upto, late);
        settled.map(|pushed| self.wake_for(pushed))
    }

    /// The feed's part is out: from now on only these conversations wait.
    pub(crate) fn narrow(
        &self,
        turn: Turn,
        conversations: impl IntoIterator<Item = ConversationId>,
    ) {
        let pushed = self.queue.lock().with_gates(turn, |gates| gates.narrow(conversations));
        self.wake_for(pushed);
    }

    /// A sync is over.
    pub(crate) fn finish_sync(&self, turn: Turn) {
        let pushed = self.queue.lock().with_gates(turn, Gates::finish);
        self.wake_for(pushed);
    }

    /// Events up to this one are out, and may still come.
    pub(crate) fn floor(&self, conversation: ConversationId, upto: Rev) {
        self.queue.lock().floor(conversation, upto);
    }

    /// A ping is due.
    fn ping(&self) {
        self.queue.lock().ping();
    }

    /// Drops what is queued for one resync frame; the caller wakes as after a push.
    pub(crate) fn resync(&self) -> Pushed {
        self.queue.lock().resync()
    }

    /// Closes the socket at once.
    pub(crate) fn close(&self, close: Close) {
        // Woken even if it was told before: it may be stuck in a write.
        let pushed = self.queue.lock().close(close);
        if pushed != Pushed::Dropped {
            self.wake();
        }
    }

    fn wake_for(&self, pushed: Pushed) {
        if pushed == Pushed::Wake {
            self.wake();
        }
    }

    /// Lets the task look at its queue.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Takes what comes next. For the socket's task.
    pub(crate) fn next(&self) -> Next {
        self.queue.lock().next()
    }

    /// What waits, bytes, and what was lost since the last look.
    pub(crate) fn look(&self) -> (usize, Lost) {
        self.queue.lock().look()
    }

    fn flushed(&self) -> bool {
        self.queue.lock().flushed()
    }

    /// When a write that begins now must be over.
    fn deadline(&self, now: Instant, limit: Duration) -> Instant {
        self.queue.lock().overflowed().unwrap_or(now) + limit
    }

    /// Waits until there is something in the queue. Cancel-safe.
    async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits until the socket is to be closed. It eats wake-ups: look at the queue afterwards.
    async fn ended(&self) -> Close {
        loop {
            if let Some(close) = self.queue.lock().ended() {
                return close;
            }
            self.wake.notified().await;
        }
    }
}

/// An access token is issued when the session's life begins anew, at the sign-in and at each refresh;
/// so its expiry tells when the session ends if it is not refreshed, without a look at the store.
fn end_of_session(shown: &Identity) -> Timestamp {
    shown.expires_at.plus_ms(limits::SESSION_MS - limits::ACCESS_TOKEN_MS)
}

#[cfg(test)]
mod tests {
    use schemas::{SessionId, UserId};
    use uuid::Uuid;

    use super::*;

    fn shown(expires_at: i64) -> Identity {
        Identity {
            user: UserId(Uuid::nil()),
            session: SessionId(Uuid::nil()),
            expires_at: Timestamp(expires_at),
        }
    }

    #[test]
    fn a_session_ends_when_its_newest_token_says() {
        let issued = Timestamp(1_000_000);
        let first = shown(issued.0 + limits::ACCESS_TOKEN_MS);
        let session = Session::new(1, first.clone());
        let end = issued.plus_ms(limits::SESSION_MS);
        assert_eq!(session.left(end.plus_ms(-5)), Some(Duration::from_millis(5)));
        assert_eq!(session.left(end), None);
        assert_eq!(session.left(end.plus_ms(1)), None);
        session.renewed(&shown(first.expires_at.0 + 7));
        session.renewed(&first);
        assert_eq!(
            session.left(end),
            Some(Duration::from_millis(7)),
            "an older token takes nothing"
        );
    }
}
