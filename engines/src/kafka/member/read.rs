//! From librdkafka's queues to the task.

use std::collections::BTreeSet;
use std::time::Duration;

use platform::port::log::{Error, Record};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::thread::{Membership, Owned, Reader};
use crate::kafka::record::{record_of, size_of};

/// Records taken from one partition before the next one's turn.
const TURN: usize = 512;

impl Reader {
    /// Hands over what was fetched, as far as there is room. True: there is more, and room.
    pub(super) fn read(&mut self) -> bool {
        let Some((mut records_left, mut bytes_left)) = self.next_room() else { return false };
        let ready = std::mem::take(&mut *self.ready.lock());
        let mut later = BTreeSet::new();
        let mut out: Vec<Record> = Vec::new();
        let (mut bytes, mut more) = (0, false);
        for partition in ready {
            if self.paused.contains(&partition) {
                // Comes back to `ready` when it is resumed.
                continue;
            }
            let Some(Owned { queue, last_at }) = self.owned.get_mut(&partition) else { continue };
            let known = &self.what.topic;
            let mut turn = TURN;
            loop {
                if turn == 0 || records_left == 0 || bytes_left == 0 {
                    later.insert(partition);
                    more = true;
                    break;
                }
                match queue.poll(Duration::ZERO) {
                    Some(Ok(message)) => {
                        let record = record_of(known.topic, known.epoch, &message, last_at);
                        let size = size_of(&record.key, &record.headers, &record.value);
                        bytes += size;
                        bytes_left = bytes_left.saturating_sub(size);
                        records_left -= 1;
                        turn -= 1;
                        out.push(record);
                    }
                    Some(Err(error)) => match fault(&error) {
                        Fault::Passing => self.client.context().voice.warn(&error.to_string()),
                        Fault::OutOfRange => self.inbox.fail(out_of_range(&self.what, partition)),
                        Fault::Fatal => self.inbox.fail(Error::Failed(error.to_string())),
                    },
                    None => break,
                }
            }
        }
        if !later.is_empty() {
            self.ready.lock().extend(later);
        }
        if !out.is_empty() {
            self.inbox.deliver(out, bytes);
        }
        more
    }

    fn next_room(&self) -> Option<(usize, usize)> {
        if self.ready.lock().is_empty() { None } else { self.inbox.room() }
    }
}

/// What an error of a partition means.
pub(in crate::kafka) enum Fault {
    /// librdkafka tries again.
    Passing,
    /// The offset is not there.
    OutOfRange,
    /// Nothing comes any more.
    Fatal,
}

pub(in crate::kafka) fn fault(error: &KafkaError) -> Fault {
    match error {
        KafkaError::MessageConsumption(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
            Fault::OutOfRange
        }
        KafkaError::MessageConsumptionFatal(_) => Fault::Fatal,
        _ => Fault::Passing,
    }
}

fn out_of_range(what: &Membership, partition: u32) -> Error {
    let (group, topic) = (what.group, &what.topic.name);
    tracing::error!(
        target: "rdkafka", group, topic, partition,
        "the group's next record is not there: records are lost; see `parlance topics new-epoch`"
    );
    Error::Failed(format!("{group}: the next record of {topic}/{partition} is not kept any more"))
}
