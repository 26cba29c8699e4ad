//! The loop of a member's thread, and what it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use platform::port::log::Error;
use prometheus::IntCounter;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Message};
use schemas::Timestamp;
use tokio::sync::oneshot;

use super::context::Context;
use crate::kafka::commits::Commits;
use crate::kafka::inbox::{Inbox, Life};
use crate::kafka::notes::Notes;
use crate::kafka::offsets;
use crate::kafka::record::{record_of, size_of};
use crate::kafka::topics::Known;

/// How long the last commits may take when the member leaves.
const LEAVE: Duration = Duration::from_secs(2);

type Client = BaseConsumer<Context>;

/// One partition that is this member's.
pub(super) struct Owned {
    pub(super) queue: PartitionQueue<Context>,
    pub(super) last_at: Timestamp,
}

pub(super) enum Phase {
    /// Reads.
    Steady,
    /// Asks where to start.
    Starting { partitions: Vec<u32>, at: Instant },
    /// Waits for the task to let go.
    Releasing { partitions: Vec<u32>, waits: BTreeSet<u32>, until: Instant },
    /// Waits for the last commits.
    Flushing { partitions: Vec<u32>, until: Instant },
}

/// What a member is.
pub(in crate::kafka) struct Membership {
    pub(in crate::kafka) config: ClientConfig,
    /// `host:port`, with commas between.
    pub(in crate::kafka) brokers: String,
    pub(in crate::kafka) group: &'static str,
    pub(in crate::kafka) topic: Known,
    pub(in crate::kafka) session: Duration,
    pub(in crate::kafka) refusals: IntCounter,
    pub(in crate::kafka) notes: Arc<Notes>,
}

pub(super) struct Reader {
    pub(super) what: Membership,
    pub(super) inbox: Arc<Inbox>,
    pub(super) client: Arc<Client>,
    pub(super) ready: Arc<Mutex<BTreeSet<u32>>>,
    pub(super) owned: BTreeMap<u32, Owned>,
    pub(super) paused: BTreeSet<u32>,
    pub(super) life: Life,
    pub(super) phase: Phase,
    pub(super) commits: Commits,
    pub(super) flushed: Vec<oneshot::Sender<()>>,
}

/// Says that the thread has ended, however it ended.
struct Ended(Arc<Inbox>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Starts the thread of a member.
pub(in crate::kafka) fn start(what: Membership, inbox: Arc<Inbox>) -> Result<(), Error> {
    let name = format!("kafka-{}", what.group);
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        let _ended = Ended(inbox.clone());
        inbox.attach();
        let client = match connect(&what) {
            Ok(client) => client,
            Err(error) => return inbox.fail(Error::Failed(error.to_string())),
        };
        let mut reader = Reader {
            what,
            inbox,
            client,
            ready: Arc::default(),
            owned: BTreeMap::new(),
            paused: BTreeSet::new(),
            life: 0,
            phase: Phase::Steady,
            commits: Commits::new(),
            flushed: Vec::new(),
        };
        while reader.turn() {}
        reader.leave();
    });
    thread.map(drop).map_err(|e| Error::Failed(e.to_string()))
}

/// A client that is to join the group.
fn connect(what: &Membership) -> KafkaResult<Arc<Client>> {
    let mut client = Client::from_config_and_context(&what.config, Context::new())?;
    let thread = std::thread::current();
    client.set_nonempty_callback(move || thread.unpark());
    client.subscribe(&[&what.topic.name])?;
    Ok(Arc::new(client))
}

impl Reader {
    /// One turn of the loop. False: the member is to leave.
    fn turn(&mut self) -> bool {
        let silence = self.inbox.heard();
        if silence > self.what.session / 2 && !matches!(self.phase, Phase::Starting { .. }) {
            self.suspended(silence);
        }
        self.serve();
        let pulse = &self.client.context().pulse;
        pulse.check(self.client.client(), self.what.group, &self.what.brokers);
        let close = self.obey();
        self.rebalance();
        self.settle();
        let urgent = close || !self.flushed.is_empty() || !matches!(self.phase, Phase::Steady);
        self.commits.send(&self.client, &self.what.topic.name, urgent);
        if close {
            return false;
        }
        let more = self.read();
        if !more && self.inbox.may_rest(self.commits.due().is_some()) {
            std::thread::park_timeout(self.rest());
        }
        true
    }

    /// How long nothing is due.
    fn rest(&self) -> Duration {
        let phase = match &self.phase {
            Phase::Steady => None,
            Phase::Starting { at, .. } => Some(*at),
            Phase::Releasing { until, .. } | Phase::Flushing { until, .. } => Some(*until),
        };
        let due = [phase, self.commits.due()].into_iter().flatten().min();
        let longest = self.what.session / 8;
        due.map_or(longest, |due| due.saturating_duration_since(Instant::now()).min(longest))
    }

    /// The process was suspended for so long that the partitions may be another's. What was fetched
    /// is dropped, and the group is joined anew.
    fn suspended(&mut self, silence: Duration) {
        if self.owned.is_empty() && matches!(self.phase, Phase::Steady) {
            return;
        }
        tracing::warn!(
            target: "rdkafka",
            group = self.what.group,
            silence_ms = silence.as_millis(),
            "suspended: the group is joined anew"
        );
        let partitions: Vec<u32> = self.owned.keys().copied().collect();
        let revoked = match &self.phase {
            Phase::Releasing { partitions, .. } | Phase::Flushing { partitions, .. } => {
                partitions.clone()
            }
            Phase::Steady | Phase::Starting { .. } => Vec::new(),
        };
        self.drop_partitions(&partitions);
        self.drop_partitions(&revoked);
        self.inbox.lose(&partitions);
        self.inbox.lose(&revoked);
        match connect(&self.what) {
            Ok(client) => {
                let old = std::mem::replace(&mut self.client, client);
                self.close_apart(old);
                self.phase = Phase::Steady;
                self.commits = Commits::new();
            }
            Err(error) => self.inbox.fail(Error::Failed(error.to_string())),
        }
        self.inbox.heard();
    }

    /// Closes a client where nobody waits for it. One whose session is over may take for ever, and the
    /// one that has joined in its place is a member that must be served: until it is, librdkafka holds
    /// its partitions without any limit of time.
    fn close_apart(&self, client: Arc<Client>) {
        let thread = std::thread::Builder::new().name("kafka-close".to_owned());
        if let Err(error) = thread.spawn(move || close(client)) {
            self.inbox.fail(Error::Failed(format!("a client could not be closed: {error}")));
        }
    }

    /// Serves the group's events.
    fn serve(&mut self) {
        let mut strays = Vec::new();
        loop {
            match self.client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    let partition = offsets::ours(message.partition());
                    if let Some(owned) = self.owned.get_mut(&partition) {
                        let known = &self.what.topic;
                        let at = &mut owned.last_at;
                        strays.push(record_of(known.topic, known.epoch, &message, at));
                    }
                }
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    self.inbox.fail(Error::Failed(format!("{}: {code}", self.what.group)));
                }
                Some(Err(error)) => self.client.context().voice.warn(&error.to_string()),
                None if self.client.context().served.swap(false, Ordering::Relaxed) => {}
                None => break,
            }
        }
        if !strays.is_empty() {
            let bytes = strays.iter().map(|r| size_of(&r.key, &r.headers, &r.value)).sum();
            self.inbox.deliver(strays, bytes);
        }
    }

    /// Takes the task's orders. True: it wants to leave.
    fn obey(&mut self) -> bool {
        let was = std::mem::take(&mut self.paused);
        let mut paused = BTreeSet::new();
        let orders = self.inbox.orders(&mut paused);
        self.ready.lock().extend(was.difference(&paused));
        self.paused = paused;
        for (partition, (next, life)) in orders.commits {
            // A commit of an earlier assignment must not undo what another owner has committed since.
            if life == self.life && self.holds(partition) {
                self.commits.want(partition, next);
            }
        }
        if let Phase::Releasing { waits, .. } = &mut self.phase {
            for (partition, life) in orders.released {
                if life == self.life {
                    waits.remove(&partition);
                }
            }
        }
        self.flushed.extend(orders.flushed);
        orders.close
    }

    fn holds(&self, partition: u32) -> bool {
        self.owned.contains_key(&partition)
            || match &self.phase {
                Phase::Releasing { partitions, .. } | Phase::Flushing { partitions, .. } => {
                    partitions.contains(&partition)
                }
                Phase::Steady | Phase::Starting { .. } => false,
            }
    }

    /// Looks at the results of commits.
    fn settle(&mut self) {
        loop {
            let Some(outcome) = self.client.context().commits.lock().pop_front() else { break };
            let settled = self.commits.settle(outcome);
            for code in settled.failed {
                self.what.refusals.inc();
                let group = self.what.group;
                self.client.context().voice.warn(&format!("{group}: a commit was refused: {code}"));
            }
            self.what.notes.note(&self.what.topic, &settled.done);
        }
        if self.commits.idle() {
            for flushed in self.flushed.drain(..) {
                // Whoever waited may have gone.
                flushed.send(()).ok();
            }
        }
    }

    /// Commits what is left, within a limit, and leaves the group.
    fn leave(mut self) {
        let until = Instant::now() + LEAVE;
        while !self.commits.idle() && Instant::now() < until {
            self.serve();
            self.settle();
            self.commits.send(&self.client, &self.what.topic.name, true);
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.owned.clear();
        close(self.client);
    }
}

/// Closes a client, which leaves its group. Blocks.
fn close(client: Arc<Client>) {
    client.context().closing.store(true, Ordering::Relaxed);
    // If a decision of the group waits for its answer, this is it.
    if let Err(error) = client.unassign() {
        client.context().voice.warn(&error.to_string());
    }
    // The last reference: dropping it closes.
    drop(client);
}
