//! The thread of one group member: it polls always, so that neither a slow task nor a busy runtime can
//! cost the membership (HAZARDS 23).
//!
//! Each partition has a queue of its own in librdkafka, filled up to a bound and emptied only when the
//! task has room: a paused partition or a full buffer costs no fetched data. The queue of the group's
//! events is served at every turn. The thread sleeps until a queue gets its first entry, the task
//! wants something, or a time is due.
//!
//! A rebalance is not carried out inside librdkafka's callback: it is noted there and done in steps
//! of the same loop, so that commits and their results pass while the task finishes its work.

use std::sync::Arc;

use async_trait::async_trait;
use platform::port::log::{Error, Member, Polled};

use super::inbox::Inbox;

mod context;
mod read;
mod rebalance;
mod thread;

pub(super) use read::{Fault, fault};
pub(super) use thread::{Membership, start};

/// The task's end of a member. Dropping it commits what was asked for and leaves the group.
pub(super) struct KafkaMember(pub(super) Arc<Inbox>);

#[async_trait]
impl Member for KafkaMember {
    async fn poll(&mut self) -> Result<Polled, Error> {
        self.0.next().await
    }

    fn pause(&mut self, partition: u32, paused: bool) {
        self.0.pause(partition, paused);
    }

    async fn commit(&mut self, offsets: Vec<(u32, u64)>) -> Result<(), Error> {
        self.0.commit(offsets)
    }

    async fn released(&mut self, partitions: Vec<u32>) -> Result<(), Error> {
        self.0.release(&partitions);
        Ok(())
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.0.close(None);
    }
}
