//! What a packet shows that its frame only names: the message that an answer quotes, whoever pinned.
//!
//! It is read when the first socket is about to write the packet, and is as REST shows it at that moment: of
//! a message that was deleted meanwhile nothing is told. Nothing in it depends on who looks: a member sees
//! all of his conversation, `status` is as it is stored, presence is null.
//!
//! Other sockets that write the same frame meanwhile wait for the same read; nobody else does. The packets
//! made of it are kept by those who write them and by the node's [`Shelf`], not by the frame: it may wait in
//! the queue of a socket that does not read, which counts the frame and not what it quotes. Who comes when
//! they have left the shelf reads anew.
//!
//! It takes [`LIMIT`] at most: then the packet goes without. Slow reads pull the [`Brake`], and what comes
//! meanwhile goes without too, so that a store that is slow or away costs a socket a small part of its time
//! and not its connection.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
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
use tokio::sync::Mutex as Turns;
use tokio::time::{Instant, timeout};

use super::events::{self, Packets};
use crate::hub::Hub;
use crate::transport::Payload;

/// Longest wait for what a packet lacks.
const LIMIT: Duration = Duration::from_secs(1);
/// A read that takes so long is a slow one.
const SLOW: Duration = Duration::from_millis(100);
/// What a slow read costs, times what it took: they take one part in so many of the time that passes.
const COST: u32 = 10;
/// What slow reads may cost before nothing is read: a moment's hiccup is not the store's state.
const CREDIT: Duration = Duration::from_secs(5);
/// Longest time in which nothing is read.
const PAUSE: Duration = Duration::from_secs(10);
/// Bytes of packets that a node keeps for sockets that are a little behind.
const SHELF: usize = 2 << 20;
/// What packets cost beside their bytes.
const SLOT: usize = 512;

/// What packets lack, and the packets that have it.
#[derive(Debug)]
pub(crate) struct Owed {
    conversation: ConversationId,
    /// The message that is answered.
    pub(super) answered: Option<MessageId>,
    /// Whose pin it is.
    pub(super) pinned_by: Option<UserId>,
    whole: Mutex<Whole>,
    /// Who has it reads, the others wait. What is there is looked at without it.
    turn: Turns<()>,
}

/// What became of the packets.
#[derive(Debug, Default)]
enum Whole {
    #[default]
    Unread,
    /// They go without.
    Without,
    /// As long as somebody keeps them.
    Made(Weak<Packets>),
}

/// What was read for a frame.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(super) answered: Option<Bytes>,
    pub(super) pinned_by: Option<(UserId, Head)>,
}

/// What a node knows of these reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    brake: Brake,
    shelf: Shelf,
}

/// What slow reads cost.
#[derive(Debug, Default)]
struct Brake(Mutex<Paid>);

/// See [`Brake`].
#[derive(Debug, Default)]
struct Paid {
    /// When all are paid for: while that is further ahead than [`CREDIT`], nothing is read.
    by: Option<Instant>,
    /// When the last one ended: of reads that were slow at once the time counts once.
    last: Option<Instant>,
}

/// The packets made last, oldest first, and what they cost.
#[derive(Debug, Default)]
struct Shelf(Mutex<(VecDeque<Arc<Packets>>, usize)>);

impl Brake {
    fn holds(&self) -> bool {
        self.0.lock().by.is_some_and(|by| by > Instant::now() + CREDIT)
    }

    /// A slow read took so long.
    fn pull(&self, took: Duration) {
        let now = Instant::now();
        let mut paid = self.0.lock();
        let took = paid.last.map_or(took, |last| took.min(now.saturating_duration_since(last)));
        let due = paid.by.map_or(now, |by| by.max(now)) + took * COST;
        *paid = Paid { by: Some(due.min(now + CREDIT + PAUSE)), last: Some(now) };
    }
}

impl Shelf {
    fn keep(&self, packets: &Arc<Packets>) {
        let cost = |packets: &Packets| {
            SLOT + packets.root.iter().chain(&packets.presence).map(Payload::len).sum::<usize>()
        };
        let mut shelf = self.0.lock();
        let (kept, bytes) = &mut *shelf;
        *bytes += cost(packets);
        kept.push_back(packets.clone());
        while *bytes > SHELF
            && let Some(oldest) = kept.pop_front()
        {
            *bytes -= cost(&oldest);
        }
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
        Self {
            conversation,
            answered: None,
            pinned_by: None,
            whole: Mutex::default(),
            turn: Turns::default(),
        }
    }

    /// The packets of a frame with what they lacked; none: it can not be read now.
    pub(crate) async fn whole(&self, text: &str, to: UserId, hub: &Hub) -> Option<Arc<Packets>> {
        if let ControlFlow::Break(known) = self.known() {
            return known;
        }
        let _turn = self.turn.lock().await;
        if let ControlFlow::Break(known) = self.known() {
            return known;
        }
        let Some(beside) = self.read(hub).await else {
            *self.whole.lock() = Whole::Without;
            return None;
        };
        let made = Arc::new(events::whole(text, to, &beside));
        let before = std::mem::replace(&mut *self.whole.lock(), Whole::Made(Arc::downgrade(&made)));
        // What is read anew is for one who is far behind, and must not push out what the others need.
        if matches!(before, Whole::Unread) {
            hub.owed.shelf.keep(&made);
        }
        Some(made)
    }

    /// The packets, or that they go without; or go on and read.
    fn known(&self) -> ControlFlow<Option<Arc<Packets>>> {
        match &*self.whole.lock() {
            Whole::Unread => ControlFlow::Continue(()),
            Whole::Without => ControlFlow::Break(None),
            Whole::Made(made) => match made.upgrade() {
                Some(made) => ControlFlow::Break(Some(made)),
                None => ControlFlow::Continue(()),
            },
        }
    }

    async fn read(&self, hub: &Hub) -> Option<Beside> {
        let brake = &hub.owed.brake;
        if brake.holds() {
            return None;
        }
        let began = Instant::now();
        let found = timeout(LIMIT, hub.read(|| self.found(hub.store()))).await;
        let away = matches!(&found, Err(_) | Ok(Err(Error::Unavailable(_))));
        // One that is away is asked as seldom as the slowest.
        let took = if away { LIMIT } else { began.elapsed() };
        if took >= SLOW {
            brake.pull(took);
        }
        let why = match found {
            Ok(Ok(beside)) => return Some(beside),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "too slow".to_owned(),
        };
        tracing::warn!(why, away, "an answer or a pin goes to sockets without what it quotes");
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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_passes_and_slow_reads_take_a_small_part_of_the_time() {
        for took in [SLOW, Duration::from_millis(300), LIMIT] {
            let (brake, start) = (Brake::default(), Instant::now());
            let mut reading = Duration::ZERO;
            while start.elapsed() < Duration::from_mins(10) {
                if brake.holds() {
                    advance(Duration::from_millis(10)).await;
                } else {
                    advance(took).await;
                    brake.pull(took);
                    reading += took;
                    assert!(reading > took || took == LIMIT || !brake.holds(), "the first of all");
                }
            }
            assert!(reading < start.elapsed() / 9, "{took:?}: {reading:?}");
            assert!(reading > start.elapsed() / 12, "{took:?}: {reading:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_reads_that_are_slow_at_once_the_time_counts_once() {
        for (took, pauses) in [(SLOW, false), (LIMIT, true)] {
            let brake = Brake::default();
            for _ in 0..100 {
                brake.pull(took);
            }
            assert_eq!(brake.holds(), pauses, "{took:?}");
            advance(took * COST).await;
            assert!(!brake.holds());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_over_after_a_while() {
        let brake = Brake::default();
        for _ in 0..100 {
            advance(LIMIT).await;
            brake.pull(LIMIT);
        }
        advance(PAUSE / 10 * 9).await;
        assert!(brake.holds());
        advance(PAUSE / 10).await;
        assert!(!brake.holds());
    }

    #[test]
    fn packets_are_kept_up_to_a_bound() {
        let shelf = Shelf::default();
        let made = |size: usize| {
            let packets = Packets { root: vec!["x".repeat(size).into()], ..Packets::default() };
            let packets = Arc::new(packets);
            shelf.keep(&packets);
            Arc::downgrade(&packets)
        };
        let all: Vec<_> = (0..290).map(|_| made(50_000)).collect();
        let kept = all.iter().filter(|packets| packets.strong_count() > 0).count();
        assert_eq!(kept, SHELF / (50_000 + SLOT), "the newest, whoever waits for the frames");
        assert!(all.last().is_some_and(|packets| packets.strong_count() == 1));
        let small: Vec<_> = (0..SHELF / SLOT * 2).map(|_| made(0)).collect();
        let kept = small.iter().filter(|packets| packets.strong_count() > 0).count();
        assert_eq!(kept, SHELF / SLOT, "empty ones too");
        assert_eq!(made(SHELF).strong_count(), 0, "one that is too large goes with its writers");
    }
}
