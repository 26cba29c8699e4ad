//! Between the thread that polls Kafka and the task that handles records: a bounded buffer in one
//! direction, orders in the other, under one lock.
//!
//! The thread never waits for the task, so a slow task can not make a member silent. The task is
//! woken once for all that came since it last looked. News of partitions goes before records, and
//! records of a partition that was taken away are dropped before that is told, so nothing of another
//! owner's time is ever handed out. If the thread has not been heard of for too long (the process
//! was suspended), nothing at all is handed out until it has looked at its membership again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::OnceLock;
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use platform::port::log::{Assignment, Error, Polled, Record};
use tokio::sync::{Notify, oneshot, watch};

use super::record::size_of;

/// Bounds of what waits for the task.
const RECORDS: usize = 4_096;
const BYTES: usize = 4 << 20;

/// Which of the assignments of a partition is meant: grows with every one.
pub(super) type Life = u64;

/// What a member is to be told.
#[derive(Debug)]
enum News {
    Assigned(Vec<Assignment>, Life),
    Revoking(Vec<u32>),
    Lost(Vec<u32>),
}

/// What the task wants of the thread.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Next offset and life, by partition.
    pub(super) commits: BTreeMap<u32, (u64, Life)>,
    pub(super) released: BTreeMap<u32, Life>,
    /// Answered when all commits have an outcome.
    pub(super) flushed: Vec<oneshot::Sender<()>>,
    pub(super) close: bool,
}

#[derive(Debug)]
struct State {
    news: VecDeque<News>,
    records: Vec<Record>,
    bytes: usize,
    /// Records of paused partitions that had been handed over before the pause.
    held: BTreeMap<u32, Vec<Record>>,
    paused: BTreeSet<u32>,
    /// Partitions that the task has been told are its own.
    owned: BTreeMap<u32, Life>,
    failed: Option<Error>,
    gap: Option<Error>,
    orders: Orders,
    wants_room: bool,
    /// The thread sleeps no longer than until its next commit is due: more to commit need not wake it.
    commits_by_itself: bool,
    heard: Instant,
}

/// The buffer of one member or tail.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    news: Notify,
    thread: OnceLock<Thread>,
    ended: watch::Sender<bool>,
    /// Silence of the thread after which nothing is handed out.
    patience: Duration,
}

impl Inbox {
    pub(super) fn new(patience: Duration) -> Self {
        let state = State {
            news: VecDeque::new(),
            records: Vec::new(),
            bytes: 0,
            held: BTreeMap::new(),
            paused: BTreeSet::new(),
            owned: BTreeMap::new(),
            failed: None,
            gap: None,
            orders: Orders::default(),
            wants_room: false,
            commits_by_itself: false,
            heard: Instant::now(),
        };
        let (news, thread, ended) = (Notify::new(), OnceLock::new(), watch::Sender::new(false));
        Self { state: Mutex::new(state), news, thread, ended, patience }
    }

    // ---- the task's side

    /// What comes next. Cancel-safe: what is taken is returned without another wait.
    pub(super) async fn next(&self) -> Result<Polled, Error> {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.news.notified().await;
        }
    }

    fn take(&self) -> Option<Result<Polled, Error>> {
        let mut state = self.state.lock();
        if let Some(error) = &state.failed {
            return Some(Err(error.clone()));
        }
        if state.heard.elapsed() > self.patience {
            return None;
        }
        while let Some(news) = state.news.pop_front() {
            match news {
                News::Assigned(given, life) => {
                    let mut resumed = false;
                    for one in &given {
                        state.owned.insert(one.partition, life);
                        // Paused by the task when it was another's already, which it had not heard.
                        resumed |= state.paused.remove(&one.partition);
                    }
                    drop(state);
                    if resumed {
                        self.wake_thread();
                    }
                    return Some(Ok(Polled::Assigned(given)));
                }
                News::Revoking(partitions) => return Some(Ok(Polled::Revoking(partitions))),
                News::Lost(mut partitions) => {
                    // What was released meanwhile is not missed.
                    partitions.retain(|partition| state.owned.remove(partition).is_some());
                    if !partitions.is_empty() {
                        return Some(Ok(Polled::Lost(partitions)));
                    }
                }
            }
        }
        let found = if state.records.is_empty() {
            state.gap.take().map(Err)
        } else {
            state.bytes = 0;
            let records = std::mem::take(&mut state.records);
            let records = state.hold_paused(records);
            (!records.is_empty()).then_some(Ok(Polled::Records(records)))
        };
        let wants_room = std::mem::take(&mut state.wants_room);
        drop(state);
        if wants_room {
            self.wake_thread();
        }
        found
    }

    pub(super) fn pause(&self, partition: u32, paused: bool) {
        let mut state = self.state.lock();
        if paused {
            state.paused.insert(partition);
            return;
        }
        if !state.paused.remove(&partition) {
            return;
        }
        if let Some(mut held) = state.held.remove(&partition) {
            // They are older than what the thread has handed over since.
            held.append(&mut state.records);
            state.records = held;
            self.news.notify_one();
        }
        drop(state);
        self.wake_thread();
    }

    /// Takes commits of partitions that the task owns.
    pub(super) fn commit(&self, offsets: Vec<(u32, u64)>) -> Result<(), Error> {
        let mut state = self.state.lock();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        for (partition, next) in offsets {
            let Some(life) = state.owned.get(&partition).copied() else {
                return Err(Error::Failed(format!("partition {partition} is another's")));
            };
            state.orders.commits.insert(partition, (next, life));
        }
        let wake = !state.commits_by_itself;
        drop(state);
        if wake {
            self.wake_thread();
        }
        Ok(())
    }

    pub(super) fn release(&self, partitions: &[u32]) {
        let mut state = self.state.lock();
        for partition in partitions {
            state.paused.remove(partition);
            if let Some(life) = state.owned.remove(partition) {
                state.orders.released.insert(*partition, life);
            }
        }
        drop(state);
        self.wake_thread();
    }

    /// Resolves when all commits so far have an outcome.
    pub(super) fn flushed(&self) -> oneshot::Receiver<()> {
        let (done, flushed) = oneshot::channel();
        self.state.lock().orders.flushed.push(done);
        self.wake_thread();
        flushed
    }

    /// Tells the thread to commit what it has, leave and end.
    pub(super) fn close(&self, answer: Option<Error>) {
        let mut state = self.state.lock();
        state.orders.close = true;
        if state.failed.is_none() {
            state.failed = answer;
        }
        drop(state);
        self.news.notify_one();
        self.wake_thread();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.state.lock().orders.close
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Resolves when the thread has ended.
    pub(super) async fn ended(&self) {
        // The sender is this inbox's own: it lives as long as this call.
        self.ended.subscribe().wait_for(|ended| *ended).await.ok();
    }

    // ---- the thread's side

    /// The calling thread is the one that serves this inbox.
    pub(super) fn attach(&self) {
        // Once, at the thread's start.
        self.thread.set(std::thread::current()).ok();
    }

    pub(super) fn wake_thread(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// What the task asked for since the last call, and which partitions are paused.
    pub(super) fn orders(&self, paused: &mut BTreeSet<u32>) -> Orders {
        let mut state = self.state.lock();
        paused.clone_from(&state.paused);
        let close = state.orders.close;
        let orders = std::mem::take(&mut state.orders);
        state.orders.close = close;
        orders
    }

    /// Whether the thread may sleep; `commit_due`: it will wake by itself for a commit.
    pub(super) fn may_rest(&self, commit_due: bool) -> bool {
        let mut state = self.state.lock();
        state.commits_by_itself = commit_due;
        commit_due || state.orders.commits.is_empty()
    }

    /// How long the thread has been silent.
    pub(super) fn silence(&self) -> Duration {
        self.state.lock().heard.elapsed()
    }

    /// How long the thread was silent; notes that it is there.
    pub(super) fn heard(&self) -> Duration {
        let mut state = self.state.lock();
        let silence = state.heard.elapsed();
        state.heard = Instant::now();
        silence
    }

    /// Records and bytes that may be handed over now. None: the thread is woken when there is room.
    pub(super) fn room(&self) -> Option<(usize, usize)> {
        let mut state = self.state.lock();
        let room = (RECORDS.saturating_sub(state.records.len()), BYTES.saturating_sub(state.bytes));
        if room.0 == 0 || room.1 == 0 || state.gap.is_some() {
            state.wants_room = true;
            return None;
        }
        Some(room)
    }

    /// Hands records over.
    pub(super) fn deliver(&self, records: Vec<Record>, bytes: usize) {
        let mut state = self.state.lock();
        state.bytes += bytes;
        let idle = state.records.is_empty();
        if idle {
            state.records = records;
        } else {
            state.records.extend(records);
        }
        drop(state);
        if idle {
            self.news.notify_one();
        }
    }

    pub(super) fn assign(&self, given: Vec<Assignment>, life: Life) {
        self.state.lock().news.push_back(News::Assigned(given, life));
        self.news.notify_one();
    }

    /// Asks for partitions. Returns those that will be released; of the others nothing was told yet.
    pub(super) fn revoke(&self, partitions: &[u32]) -> Vec<u32> {
        let mut state = self.state.lock();
        let told = state.withdraw(partitions);
        if !told.is_empty() {
            state.news.push_back(News::Revoking(told.clone()));
        }
        drop(state);
        self.news.notify_one();
        told
    }

    /// Tells that partitions are gone.
    pub(super) fn lose(&self, partitions: &[u32]) {
        let mut state = self.state.lock();
        let told = state.withdraw(partitions);
        if !told.is_empty() {
            state.news.push_back(News::Lost(told));
        }
        drop(state);
        self.news.notify_one();
    }

    /// Ends the task's reading with an error.
    pub(super) fn fail(&self, error: Error) {
        let mut state = self.state.lock();
        state.failed.get_or_insert(error);
        drop(state);
        self.news.notify_one();
    }

    /// Records were lost to a tail. It is told behind what was handed over before, and there is no
    /// room until it was.
    pub(super) fn skip(&self, error: Error) {
        self.state.lock().gap = Some(error);
        self.news.notify_one();
    }

    /// The last call of the thread.
    pub(super) fn end(&self) {
        self.fail(Error::Closed);
        drop(std::mem::take(&mut self.state.lock().orders.flushed));
        self.ended.send_replace(true);
    }
}

impl State {
    /// Sets records of paused partitions aside.
    fn hold_paused(&mut self, records: Vec<Record>) -> Vec<Record> {
        if self.paused.is_empty() {
            return records;
        }
        let (aside, open): (Vec<Record>, Vec<Record>) =
            records.into_iter().partition(|r| self.paused.contains(&r.position.partition));
        for record in aside {
            self.held.entry(record.position.partition).or_default().push(record);
        }
        open
    }

    /// Drops records and untold news of partitions. Returns those the task has been told to own.
    fn withdraw(&mut self, partitions: &[u32]) -> Vec<u32> {
        self.records.retain(|record| !partitions.contains(&record.position.partition));
        self.bytes =
            self.records.iter().map(|r| size_of(&r.key, &r.headers, &r.value)).sum::<usize>();
        for partition in partitions {
            self.held.remove(partition);
            self.paused.remove(partition);
        }
        for news in &mut self.news {
            match news {
                News::Assigned(given, _) => {
                    given.retain(|one| !partitions.contains(&one.partition));
                }
                News::Revoking(told) => told.retain(|one| !partitions.contains(one)),
                News::Lost(_) => {}
            }
        }
        self.news.retain(|news| match news {
            News::Assigned(given, _) => !given.is_empty(),
            News::Revoking(told) | News::Lost(told) => !told.is_empty(),
        });
        let lost = |partition: &u32| {
            self.news
                .iter()
                .any(|news| matches!(news, News::Lost(lost) if lost.contains(partition)))
        };
        let told = partitions.iter().copied();
        told.filter(|partition| self.owned.contains_key(partition) && !lost(partition)).collect()
    }
}
