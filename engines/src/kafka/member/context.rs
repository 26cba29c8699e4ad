//! librdkafka's callbacks of one member. They only note what happened: the member's thread acts on it
//! between two polls.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::kafka::commits::Outcome;
use crate::kafka::context::Voice;
use crate::kafka::offsets;
use crate::kafka::pulse::Pulse;

/// A decision of the group.
pub(super) enum Rebalance {
    Assign(Vec<u32>),
    Revoke { partitions: Vec<u32>, lost: bool },
}

/// librdkafka's callbacks of one member: they only note what happened.
pub(super) struct Context {
    pub(super) voice: Voice,
    pub(super) pulse: Pulse,
    pub(super) served: AtomicBool,
    pub(super) closing: AtomicBool,
    pub(super) rebalances: Mutex<VecDeque<Rebalance>>,
    pub(super) commits: Mutex<VecDeque<Outcome>>,
}

impl Context {
    pub(super) fn new() -> Self {
        Self {
            voice: Voice::new("member"),
            pulse: Pulse::default(),
            served: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            rebalances: Mutex::default(),
            commits: Mutex::default(),
        }
    }
}

fn numbers(list: &TopicPartitionList) -> Vec<u32> {
    list.elements().iter().map(|element| offsets::ours(element.partition())).collect()
}

impl ClientContext for Context {
    fn stats_raw(&self, statistics: &[u8]) {
        self.served.store(true, Ordering::Relaxed);
        self.pulse.read(statistics);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.served.store(true, Ordering::Relaxed);
        self.voice.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.warn(&format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        client: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        self.served.store(true, Ordering::Relaxed);
        let assign = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            // Nobody reads any more; librdkafka waits for this answer before it leaves the group.
            if let Err(error) = client.unassign() {
                self.voice.warn(&format!("unassign: {error}"));
            }
            return;
        }
        let rebalance = if assign {
            Rebalance::Assign(numbers(list))
        } else {
            Rebalance::Revoke { partitions: numbers(list), lost: client.assignment_lost() }
        };
        self.rebalances.lock().push_back(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, list: &TopicPartitionList) {
        self.served.store(true, Ordering::Relaxed);
        let all = result.err().and_then(|error| error.rdkafka_error_code());
        let outcome = list.elements();
        let outcome = outcome.iter().map(|element| {
            let own = element.error().err().and_then(|error| error.rdkafka_error_code());
            (offsets::ours(element.partition()), own.or(all))
        });
        self.commits.lock().push_back(outcome.collect());
    }
}
