//! `signals`: frames that are only worth something now, to the nodes that have sockets of their
//! audience. Like `fanout` it keeps no state; a frame that is lost here is lost.
//!
//! A record is what its nodes get, and its headers are theirs: who types, a notice of a call. Receipts
//! have only an audience; they are notices.

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
        let mut signals = Vec::with_capacity(batch.len());
        for record in batch {
            let offset = record.position.offset;
            let poison = |reason: &str| Failure::Poison { offset, reason: reason.to_owned() };
            let audience = header_of(&record.headers, header::AUDIENCE);
            let audience = audience.ok_or_else(|| poison("a signal without an audience"))?;
            let outbound = match header_of(&record.headers, header::KIND) {
                None => {
                    Outbound::Notice { audience: audience.clone(), frame: record.value.clone() }
                }
                Some(_) => Outbound::read(&record.headers, record.value.clone())
                    .filter(is_signal)
                    .ok_or_else(|| poison("a record that is no signal"))?,
            };
            signals.push((routes_of(audience, &outbound), outbound));
        }
        let routes = signals.iter().flat_map(|(routes, _)| routes.iter().copied()).collect();
        let routing = Routing::of(&self.platform, routes).await;
        let mut records = Vec::new();
        for (routes, outbound) in signals {
            routing.send(&self.platform, &routes, || outbound, &mut records);
        }
        if records.is_empty() {
            return Ok(());
        }
        let appended = self.platform.log.append(Budget::Worker, records).await;
        appended.map(drop).map_err(|error| of_log(&error))
    }
}

/// Where it goes: who types in a conversation that is routed as a whole, by its route.
fn routes_of(audience: &[u8], outbound: &Outbound) -> Vec<Route> {
    match outbound {
        Outbound::Typing { conversation, .. } if audience.is_empty() => {
            vec![Route::Conversation(*conversation)]
        }
        _ => event::unpack(audience).map(Route::User).collect(),
    }
}

/// Whether nodes may get it from here.
fn is_signal(outbound: &Outbound) -> bool {
    matches!(outbound, Outbound::Notice { .. } | Outbound::Typing { .. })
}
