//! Readers without a group: one thread each, one client, partitions assigned by hand.
//!
//! The thread knows the next offset of every partition. What the brokers no longer have is told once,
//! and reading goes on at the oldest kept; every other trouble is waited out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use platform::port::log::{Error, Polled, Record, Tail};
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use schemas::Timestamp;

use super::context::Plain;
use super::drain_events;
use super::inbox::Inbox;
use super::member::{Fault, fault};
use super::offsets;
use super::record::{record_of, size_of};
use super::topics::Known;

/// Longest sleep without anything to do.
const REST: Duration = Duration::from_secs(5);
/// Pause after a question that no broker answered.
const AGAIN: Duration = Duration::from_millis(200);

type Client = BaseConsumer<Plain>;

struct Place {
    next: u64,
    last_at: Timestamp,
}

struct Reader {
    topic: Known,
    inbox: Arc<Inbox>,
    client: Client,
    /// `host:port`, with commas between.
    brokers: String,
    places: BTreeMap<u32, Place>,
    /// Offsets that are not there; asked for again until they are told.
    missing: Vec<u32>,
}

/// The task's end of a tail.
pub(super) struct KafkaTail(pub(super) Arc<Inbox>);

#[async_trait]
impl Tail for KafkaTail {
    async fn next(&mut self) -> Result<Vec<Record>, Error> {
        loop {
            if let Polled::Records(records) = self.0.next().await? {
                return Ok(records);
            }
        }
    }
}

impl Drop for KafkaTail {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

struct Ended(Arc<Inbox>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Starts the thread of a tail that reads each partition from its offset on.
pub(super) fn start(
    config: ClientConfig,
    brokers: String,
    topic: Known,
    from: BTreeMap<u32, u64>,
    inbox: Arc<Inbox>,
) -> Result<(), Error> {
    let thread = std::thread::Builder::new().name("kafka-tail".to_owned()).spawn(move || {
        let _ended = Ended(inbox.clone());
        inbox.attach();
        let client = match connect(&config) {
            Ok(client) => client,
            Err(error) => return inbox.fail(Error::Failed(error.to_string())),
        };
        let place = |next| Place { next, last_at: Timestamp::default() };
        let places = from.into_iter().map(|(partition, next)| (partition, place(next))).collect();
        let mut reader = Reader { topic, inbox, client, brokers, places, missing: Vec::new() };
        if let Err(error) = reader.assign() {
            return reader.inbox.fail(Error::Failed(error.to_string()));
        }
        while !reader.inbox.is_closing() {
            reader.turn();
        }
    });
    thread.map(drop).map_err(|e| Error::Failed(e.to_string()))
}

fn connect(config: &ClientConfig) -> KafkaResult<Client> {
    let mut client = Client::from_config_and_context(config, Plain::new("tail"))?;
    let thread = std::thread::current();
    client.set_nonempty_callback(move || thread.unpark());
    Ok(client)
}

impl Reader {
    /// Reads every partition from its place. What librdkafka had fetched is dropped.
    fn assign(&self) -> KafkaResult<()> {
        let places = self.places.iter();
        let places = places.map(|(partition, place)| (*partition, offsets::offset(place.next)));
        self.client.assign(&offsets::at(&self.topic.name, places)?)
    }

    fn turn(&mut self) {
        self.inbox.heard();
        self.client.context().pulse().check(self.client.client(), "tail", &self.brokers);
        if !self.missing.is_empty() && !self.reposition() {
            // Nothing is lost by it: reading goes on at the places, whatever was fetched. But a client
            // that has no broker left says so only to those who poll.
            drain_events(&self.client);
            std::thread::park_timeout(AGAIN);
            return;
        }
        let Some(room) = self.inbox.room() else {
            std::thread::park_timeout(REST);
            return;
        };
        if !self.read(room) && self.missing.is_empty() {
            std::thread::park_timeout(REST);
        }
    }

    /// Hands over what was fetched. True: there is more.
    fn read(&mut self, (mut records_left, mut bytes_left): (usize, usize)) -> bool {
        let mut out: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let more = loop {
            if records_left == 0 || bytes_left == 0 {
                break true;
            }
            match self.client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    let partition = offsets::ours(message.partition());
                    let Some(place) = self.places.get_mut(&partition) else { continue };
                    let (topic, epoch) = (self.topic.topic, self.topic.epoch);
                    let record = record_of(topic, epoch, &message, &mut place.last_at);
                    place.next = record.position.offset + 1;
                    let size = size_of(&record.key, &record.headers, &record.value);
                    bytes += size;
                    bytes_left = bytes_left.saturating_sub(size);
                    records_left -= 1;
                    out.push(record);
                }
                Some(Err(error)) => match fault(&error) {
                    Fault::Passing => self.client.context().voice().warn(&error.to_string()),
                    Fault::OutOfRange => {
                        self.missing = self.places.keys().copied().collect();
                        break false;
                    }
                    Fault::Fatal => self.inbox.fail(Error::Failed(error.to_string())),
                },
                None if self.client.context().served() => {}
                None => break false,
            }
        };
        if !out.is_empty() {
            self.inbox.deliver(out, bytes);
        }
        more
    }

    /// Goes on at the oldest offset kept, where the place is not there any more. False: nobody knew.
    fn reposition(&mut self) -> bool {
        let name = &self.topic.name;
        let asked = offsets::first(&self.client, name, &self.missing)
            .and_then(|first| Ok((first, offsets::end(&self.client, name, &self.missing)?)));
        let (first, end) = match asked {
            Ok(asked) => asked,
            Err(error) => {
                self.client.context().voice().warn(&format!("where to go on: {error}"));
                return false;
            }
        };
        let mut gap = None;
        for (partition, place) in &mut self.places {
            let (Some(first), Some(end)) = (first.get(partition), end.get(partition)) else {
                continue;
            };
            if place.next < *first || place.next > *end {
                place.next = *first;
                gap = Some(Error::OutOfRange(*first));
            }
        }
        if let Err(error) = self.assign() {
            self.inbox.fail(Error::Failed(error.to_string()));
        }
        self.missing.clear();
        if let Some(gap) = gap {
            self.inbox.skip(gap);
        }
        true
    }
}
