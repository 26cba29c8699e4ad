//! The two producers: one for clients' requests, one for workers, with bounds of their own.
//!
//! A record takes its place in order while the call holds the lock. Clients are refused at once when
//! the bound is met, or while the brokers are known to be away; their records time out after
//! [`limits::APPEND_MS`], and a time-out means that nobody knows. Workers' records never time out:
//! one that did would be skipped and later ones sent, so events would be lost (HAZARDS 6). What does
//! not fit waits before the producer, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use platform::port::log::{Append, Budget, Error};
use platform::telemetry::Metrics;
use prometheus::{Histogram, IntCounter, IntGauge};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig,
};
use rdkafka::{ClientContext, Message};
use schemas::{Position, limits};
use tokio::sync::oneshot;

use super::batch::{Answer, Batch, Ticket};
use super::context::Voice;
use super::pulse::Pulse;
use super::record::{headers_of, size_of};
use super::settings::Settings;
use super::topics::Topics;

/// Bounds of what librdkafka holds of one budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Records.
    pub(super) records: usize,
    /// Their bytes.
    pub(super) bytes: usize,
}

/// Clients: about a second of a saturated broker.
const INGEST: Bounds = Bounds { records: 65_536, bytes: 64 << 20 };
/// Workers: what they have in work is bounded by their pools.
const WORKER: Bounds = Bounds { records: 131_072, bytes: 128 << 20 };
/// Workers, before the producer. Beyond it nothing is taken: the pool tries again.
const OVERFLOW: Bounds = Bounds { records: 1 << 20, bytes: 256 << 20 };
/// Clients' records that may try their luck while the brokers are away: the first that is
/// acknowledged opens the door again.
const PROBES: usize = 16;
/// Length of one poll. Each ends with a millisecond of spinning in the wrapper: so not a short one.
const POLL: Duration = Duration::from_secs(1);

/// A call whose records have not all been given to librdkafka.
struct Waiting {
    records: VecDeque<(usize, Append)>,
    batch: Arc<Batch>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Open,
    Failed(String),
    Closed,
}

struct Order {
    status: Status,
    waiting: VecDeque<Waiting>,
    waiting_records: usize,
    waiting_bytes: usize,
}

type Client = BaseProducer<Context>;

/// What callbacks and callers share.
struct Shared {
    budget: Budget,
    bounds: Bounds,
    topics: Arc<Topics>,
    order: Mutex<Order>,
    /// Records and bytes that librdkafka holds.
    records: AtomicUsize,
    bytes: AtomicUsize,
    /// Whether something waits before the producer.
    overflows: AtomicBool,
    /// Acknowledged records so far: a time-out is news only if nothing came meanwhile.
    acknowledged: AtomicU64,
    away: AtomicBool,
    client: OnceLock<Weak<Client>>,
    voice: Voice,
    pulse: Pulse,
    queue: IntGauge,
    up: IntGauge,
    seconds: Histogram,
    appended: IntCounter,
}

/// librdkafka's callbacks of one producer.
pub(super) struct Context(Arc<Shared>);

/// One producer.
pub(super) struct Lane {
    client: Arc<Client>,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
}

impl Shared {
    fn set_away(&self, away: bool) {
        if self.away.swap(away, Ordering::Relaxed) != away {
            self.up.set(i64::from(!away));
            let budget = self.budget;
            if away {
                tracing::warn!(target: "rdkafka", ?budget, "no broker answers");
            } else {
                tracing::info!(target: "rdkafka", ?budget, "the brokers answer again");
            }
        }
    }

    fn has_room(&self, records: usize, bytes: usize) -> bool {
        let (held, held_bytes) =
            (self.records.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        // A call larger than the whole bound passes alone: it could never pass otherwise.
        held == 0
            || (held + records <= self.bounds.records && held_bytes + bytes <= self.bounds.bytes)
    }

    fn take(&self, bytes: usize) {
        self.records.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.records.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Gives one record to librdkafka; returns it if librdkafka is full.
    fn send(
        &self,
        client: &Client,
        batch: &Arc<Batch>,
        at: usize,
        append: Append,
    ) -> Option<Append> {
        let bytes = size_of(&append.key, &append.headers, &append.value);
        let topic = match self.topics.find(append.topic) {
            Ok(topic) => topic,
            Err(error) => {
                batch.settle(at, Err(error));
                return None;
            }
        };
        let (epoch, partition) = (topic.epoch, append.partition);
        let ticket = Ticket { batch: batch.clone(), at, bytes, epoch, partition };
        let mut record = BaseRecord::with_opaque_to(&topic.name, Box::new(ticket))
            .partition(super::offsets::native(partition))
            .key(&append.key[..])
            .payload(&append.value[..]);
        record.headers = headers_of(&append);
        self.take(bytes);
        let Err((error, _)) = client.send(record) else { return None };
        self.give_back(bytes);
        match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => return Some(append),
            KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge) => {
                batch.settle(at, Err(Error::TooLarge(bytes)));
            }
            error => batch.settle(at, Err(Error::Failed(error.to_string()))),
        }
        None
    }

    /// Gives what waits to librdkafka as far as there is room.
    fn pump(&self, client: &Client, order: &mut Order) {
        while let Some(first) = order.waiting.front_mut() {
            let Some((at, append)) = first.records.pop_front() else {
                order.waiting.pop_front();
                continue;
            };
            let bytes = size_of(&append.key, &append.headers, &append.value);
            let refused = if self.has_room(1, bytes) {
                self.send(client, &first.batch, at, append)
            } else {
                Some(append)
            };
            if let Some(append) = refused {
                first.records.push_front((at, append));
                break;
            }
            order.waiting_records -= 1;
            order.waiting_bytes = order.waiting_bytes.saturating_sub(bytes);
        }
        self.overflows.store(!order.waiting.is_empty(), Ordering::Relaxed);
    }

    /// Nothing can be appended any more; what waits is answered.
    fn end(&self, order: &mut Order, status: Status) {
        let error = match &status {
            Status::Failed(why) => Error::Failed(why.clone()),
            Status::Open | Status::Closed => Error::Closed,
        };
        if order.status == Status::Open {
            order.status = status;
        }
        for waiting in order.waiting.drain(..) {
            for (at, _) in waiting.records {
                waiting.batch.settle(at, Err(error.clone()));
            }
        }
        (order.waiting_records, order.waiting_bytes) = (0, 0);
        self.overflows.store(false, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    fn stats_raw(&self, statistics: &[u8]) {
        self.0.pulse.read(statistics);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.voice.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.0.set_away(true),
            Some(RDKafkaErrorCode::Fatal) => {
                tracing::error!(target: "rdkafka", reason, "a producer has failed for good");
                let mut order = self.0.order.lock();
                self.0.end(&mut order, Status::Failed(reason.to_owned()));
                drop(order);
                self.0.set_away(true);
            }
            _ => self.0.voice.warn(&format!("{error}: {reason}")),
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let shared = &*self.0;
        shared.give_back(ticket.bytes);
        let outcome = match result {
            Ok(message) => {
                shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                shared.appended.inc();
                if shared.away.load(Ordering::Relaxed) {
                    shared.set_away(false);
                }
                let (epoch, partition) = (ticket.epoch, ticket.partition);
                match u64::try_from(message.offset()) {
                    Ok(offset) => Ok(Position { epoch, partition, offset }),
                    // A repeat that the broker had forgotten the place of.
                    Err(_) => Err(Error::Unknown("written, at an unknown offset".to_owned())),
                }
            }
            Err((error, _)) => Err(self.failed(error, ticket.bytes)),
        };
        ticket.batch.settle(ticket.at, outcome);
        if shared.overflows.load(Ordering::Relaxed)
            && let Some(client) = shared.client.get().and_then(Weak::upgrade)
        {
            shared.pump(&client, &mut shared.order.lock());
        }
    }
}

impl Context {
    fn failed(&self, error: &KafkaError, bytes: usize) -> Error {
        let closing = self.0.order.lock().status != Status::Open;
        match (error.rdkafka_error_code(), self.0.budget) {
            (Some(RDKafkaErrorCode::MessageSizeTooLarge), _) => Error::TooLarge(bytes),
            // Workers' records have no time-out: what else fails will fail again.
            (_, Budget::Worker) if !closing => Error::Failed(error.to_string()),
            _ => Error::Unknown(error.to_string()),
        }
    }
}

impl Lane {
    pub(super) fn open(
        settings: &Settings,
        budget: Budget,
        topics: Arc<Topics>,
        metrics: &Metrics,
    ) -> Result<Self, KafkaError> {
        let (label, bounds) = match budget {
            Budget::Ingest => ("ingest", INGEST),
            Budget::Worker => ("worker", WORKER),
        };
        let order = Order {
            status: Status::Open,
            waiting: VecDeque::new(),
            waiting_records: 0,
            waiting_bytes: 0,
        };
        let shared = Arc::new(Shared {
            budget,
            bounds,
            topics,
            order: Mutex::new(order),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            overflows: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            away: AtomicBool::new(false),
            client: OnceLock::new(),
            voice: Voice::new(label),
            pulse: Pulse::default(),
            queue: metrics.kafka_queue.with_label_values(&[label]),
            up: metrics.kafka_up.with_label_values(&[label]),
            seconds: metrics.append_seconds.with_label_values(&[label]),
            appended: metrics.append_records.with_label_values(&[label]),
        });
        shared.up.set(1);
        let config = settings.producer(budget);
        let client = Client::from_config_and_context(&config, Context(shared.clone()))?;
        let client = Arc::new(client);
        // Set once, here.
        shared.client.set(Arc::downgrade(&client)).ok();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(format!("kafka-{label}")).spawn({
            let (client, shared, stop) = (client.clone(), shared.clone(), stop.clone());
            let brokers = settings.brokers();
            move || {
                while !stop.load(Ordering::Relaxed) {
                    client.poll(POLL);
                    shared.pulse.check(client.client(), label, &brokers);
                    let mut order = shared.order.lock();
                    // A delivery that came while an append found no room may have been the last one.
                    if !order.waiting.is_empty() {
                        shared.pump(&client, &mut order);
                    }
                    let waiting = order.waiting_records;
                    drop(order);
                    let held = shared.records.load(Ordering::Relaxed) + waiting;
                    shared.queue.set(i64::try_from(held).unwrap_or(i64::MAX));
                }
                // What no broker has taken until now is answered.
                client.purge(PurgeConfig::default().queue().inflight());
                client.poll(Duration::ZERO);
            }
        });
        thread.map_err(|e| KafkaError::ClientCreation(e.to_string()))?;
        Ok(Self { client, shared, stop })
    }

    /// Takes the next place for these records. Their sizes and partitions have been checked.
    pub(super) fn append(&self, records: Vec<Append>) -> Result<oneshot::Receiver<Answer>, Error> {
        let shared = &*self.shared;
        let size = |r: &Append| size_of(&r.key, &r.headers, &r.value);
        let (count, bytes) = (records.len(), records.iter().map(size).sum::<usize>());
        let (batch, answer) = Batch::new(count, shared.seconds.clone());
        let mut order = shared.order.lock();
        match &order.status {
            Status::Open => {}
            Status::Failed(why) => return Err(Error::Failed(why.clone())),
            Status::Closed => return Err(Error::Closed),
        }
        let room = order.waiting.is_empty() && shared.has_room(count, bytes);
        if shared.budget == Budget::Ingest {
            let shy = shared.away.load(Ordering::Relaxed)
                && shared.records.load(Ordering::Relaxed) + count > PROBES;
            if !room || shy {
                return Err(Error::Overloaded);
            }
        } else if !room
            && (order.waiting_records + count > OVERFLOW.records
                || order.waiting_bytes + bytes > OVERFLOW.bytes)
        {
            return Err(Error::Overloaded);
        }
        let mut records: VecDeque<(usize, Append)> = records.into_iter().enumerate().collect();
        if room {
            while let Some((at, append)) = records.pop_front() {
                if let Some(append) = shared.send(&self.client, &batch, at, append) {
                    records.push_front((at, append));
                    break;
                }
            }
        }
        if !records.is_empty() {
            order.waiting_records += records.len();
            order.waiting_bytes += records.iter().map(|(_, append)| size(append)).sum::<usize>();
            order.waiting.push_back(Waiting { records, batch });
            shared.overflows.store(true, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// Why nothing can be appended any more, if it has failed for good.
    pub(super) fn failure(&self) -> Option<String> {
        match &self.shared.order.lock().status {
            Status::Failed(why) => Some(why.clone()),
            Status::Open | Status::Closed => None,
        }
    }

    /// Acknowledged records so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// A client waited in vain; `since` is what was acknowledged when it began.
    pub(super) fn timed_out(&self, since: u64) {
        if self.acknowledged() == since {
            self.shared.set_away(true);
        }
    }

    /// Takes nothing more and waits until what was taken is acknowledged. Blocks. The thread ends a
    /// little later.
    pub(super) fn close(&self, limit: Duration) {
        let deadline = std::time::Instant::now() + limit;
        let mut order = self.shared.order.lock();
        if order.status == Status::Open {
            order.status = Status::Closed;
        }
        drop(order);
        loop {
            let waits = !self.shared.order.lock().waiting.is_empty();
            if !waits && self.shared.records.load(Ordering::Relaxed) == 0 {
                break;
            }
            if std::time::Instant::now() >= deadline {
                tracing::warn!(target: "rdkafka", "closed with records that no broker has taken");
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.shared.end(&mut self.shared.order.lock(), Status::Closed);
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Longest wait of a client.
pub(super) const PATIENCE: Duration = Duration::from_millis(limits::APPEND_MS);
