//! `signals`: frames that are only worth something now, to the nodes that have sockets of their
//! audience. Like `fanout` it keeps no state; a frame that is lost here is lost.

use async_trait::async_trait;
use platform::Platform;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::ephemeral::Route;
use platform::port::log::{Budget, Record};
use schemas::event;
use schemas::outbound::Outbound;
use schemas::topic::{header, header_of};

use crate::fold::shell::of_log;
use crate::routing::Routing;

/// The pool's handler.
#[derive(Debug)]
pub struct Signals {
    platform: Platform,
}

impl Signals {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        Self { platform }
    }
}

#[async_trait]
impl Handler for Signals {
    type Lane = ();

    fn pool(&self) -> &'static str {
        "signals"
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        Ok(record.position.partition.into())
    }

    fn open(&self, _key: LaneKey, _partition: u32) {}

    async fn handle(&self, (): &mut (), batch: &[Record]) -> Result<(), Failure> {
        let mut frames = Vec::with_capacity(batch.len());
        for record in batch {
            let audience = header_of(&record.headers, header::AUDIENCE);
            let audience = audience.ok_or_else(|| Failure::Poison {
                offset: record.position.offset,
                reason: "a signal without an audience".to_owned(),
            })?;
            let routes: Vec<Route> = event::unpack(audience).map(Route::User).collect();
            frames.push((audience.clone(), routes, record.value.clone()));
        }
        let routes = frames.iter().flat_map(|(_, routes, _)| routes.iter().copied()).collect();
        let routing = Routing::of(&self.platform, routes).await;
        let mut records = Vec::new();
        for (audience, routes, frame) in frames {
            let outbound = || Outbound::Notice { audience, frame };
            routing.send(&self.platform, &routes, outbound, &mut records);
        }
        if records.is_empty() {
            return Ok(());
        }
        let appended = self.platform.log.append(Budget::Worker, records).await;
        appended.map(drop).map_err(|error| of_log(&error))
    }
}
