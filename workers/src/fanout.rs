//! `fanout`: turns an event into at most one record per node that has sockets of its audience, with
//! the client-ready frame inside.
//!
//! It keeps no state: `routing` says where to. Events of a partition leave in offset order, because
//! a partition is one lane.

use async_trait::async_trait;
use platform::Platform;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::ephemeral::Route;
use platform::port::log::{Budget, Record};
use schemas::event::{self, Event};
use schemas::outbound::Outbound;

use crate::fold::shell::of_log;
use crate::routing::Routing;

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
        let mut events = Vec::with_capacity(batch.len());
        for record in batch {
            let event = Event::read(&record.headers, record.value.clone());
            events.push(event.ok_or_else(|| Failure::Poison {
                offset: record.position.offset,
                reason: "not an event".to_owned(),
            })?);
        }
        let routes = events.iter().flat_map(routes_of).collect();
        let routing = Routing::of(&self.platform, routes).await;
        let mut records = Vec::new();
        for event in &events {
            let outbound = || Outbound::Event {
                conversation: event.conversation,
                rev: event.rev,
                audience: event.audience.clone(),
                left: event.left.clone(),
                flip: event.flip,
                frame: event.frame(),
            };
            routing.send(&self.platform, &routes_of(event), outbound, &mut records);
        }
        if records.is_empty() {
            return Ok(());
        }
        let appended = self.platform.log.append(Budget::Worker, records).await;
        appended.map(drop).map_err(|error| of_log(&error))
    }
}
