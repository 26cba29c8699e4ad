//! A session here: one authenticated socket, as the rest of the node sees it.
//!
//! Others push frames and wake its task; only the task (`task`) touches the socket. A push takes a
//! short lock and never waits. Memory per idle session is this struct, the task and the transport's
//! read buffer.

mod handshake;
mod queue;
mod rate;
mod task;

use parking_lot::Mutex;
use platform::inbound::Identity;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

pub(crate) use handshake::serve;
use queue::Queue;
pub(crate) use queue::{Next, Pushed};

use crate::protocol::close::Close;
use crate::transport::Payload;

/// One socket.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its number on this node.
    pub(crate) number: u64,
    /// Whose it is.
    pub(crate) who: Identity,
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Session {
    /// A socket with nothing queued.
    pub(crate) fn new(number: u64, who: Identity) -> Self {
        Self { number, who, queue: Mutex::default(), wake: Notify::new() }
    }

    /// Queues a frame of delivery `mark` (0: of none). On [`Pushed::Wake`] the caller must call
    /// [`Self::wake`], once for all frames of its batch.
    pub(crate) fn push(&self, frame: &Payload, mark: u64) -> Pushed {
        self.queue.lock().push(frame, mark)
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

    /// Lets the task look at its queue.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn next(&self) -> Next {
        self.queue.lock().next()
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
