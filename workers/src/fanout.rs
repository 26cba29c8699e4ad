//! `fanout`: turns an event into at most one record per node that has sockets of its audience, with
//! the client-ready frame inside.
//!
//! It keeps no state and caches no route (HAZARDS 10): one look-up per batch. Events of a partition
//! leave in offset order, because a partition is one lane.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use platform::Platform;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::ephemeral::Route;
use platform::port::log::{Append, Budget, Record};
use schemas::event::{self, Event};
use schemas::outbound::{self, Outbound};
use schemas::{InstanceId, topic};

use crate::fold::shell::of_log;

/// The pool's handler.
#[derive(Debug)]
pub struct Fanout {
    platform: Platform,
}

impl Fanout {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        Self { platform }
    }

    /// The nodes of each route, in one look-up.
    async fn nodes(&self, events: &[Event]) -> Result<BTreeMap<Route, Vec<InstanceId>>, Failure> {
        let mut routes: Vec<Route> = events.iter().flat_map(routes_of).collect();
        routes.sort_unstable();
        routes.dedup();
        let found = self
            .platform
            .ephemeral
            .routes(&routes)
            .await
            .map_err(|error| Failure::Retry(error.to_string()))?;
        Ok(routes.into_iter().zip(found).collect())
    }
}

fn routes_of(event: &Event) -> Vec<Route> {
    if event.audience.is_empty() {
        vec![Route::Conversation(event.conversation)]
    } else {
        event::unpack(&event.audience).map(Route::User).collect()
    }
}

#[async_trait]
impl Handler for Fanout {
    type Lane = ();

    fn pool(&self) -> &'static str {
        "fanout"
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        Ok(record.position.partition.into())
    }

    fn open(&self, _key: LaneKey, _partition: u32) {}

    async fn handle(&self, (): &mut (), batch: &[Record]) -> Result<(), Failure> {
        let first = batch.first().map_or(0, |record| record.position.offset);
        let mut events = Vec::with_capacity(batch.len());
        for record in batch {
            let event = Event::read(&record.headers, record.value.clone());
            events.push(event.ok_or_else(|| Failure::Poison {
                offset: record.position.offset,
                reason: "not an event".to_owned(),
            })?);
        }
        let nodes = self.nodes(&events).await?;
        let count = self.platform.log.partitions(&topic::OUTBOUND);
        let mut records = Vec::new();
        for event in &events {
            let mut to: Vec<InstanceId> = routes_of(event)
                .iter()
                .filter_map(|route| nodes.get(route))
                .flatten()
                .copied()
                .collect();
            to.sort_unstable();
            to.dedup();
            if to.is_empty() {
                continue;
            }
            let outbound = Outbound::Event {
                conversation: event.conversation,
                rev: event.rev,
                audience: event.audience.clone(),
                frame: event.frame(),
            };
            for node in to {
                let (headers, value) = outbound.write(Some(node));
                let partition = outbound::partition_of(node, count);
                let key = Bytes::new();
                records.push(Append { topic: &topic::OUTBOUND, partition, key, headers, value });
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        let appended = self.platform.log.append(Budget::Worker, records).await;
        appended.map(drop).map_err(|error| of_log(&error, first))
    }
}
