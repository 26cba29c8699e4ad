//! To which nodes a frame goes: those that have sockets of its audience, or all of them.
//!
//! Routes are never cached (HAZARDS 10): one look-up per batch. Where the store of routes does not
//! answer, or may have forgotten some, the frame goes once to the partition that every node reads.
//! That costs each node a look into its registry, and nobody an event: the audience in the record
//! stays the wall, and a node pushes each rev and each feed entry once, whichever way it came (G-20).

use std::collections::BTreeMap;

use bytes::Bytes;
use platform::Platform;
use platform::port::ephemeral::Route;
use platform::port::log::Append;
use schemas::outbound::{self, Outbound};
use schemas::{InstanceId, topic};

/// Where the frames of one batch go.
#[derive(Debug)]
pub(crate) enum Routing {
    /// To these nodes.
    Known(BTreeMap<Route, Vec<InstanceId>>),
    /// To all, because it can not be known.
    Everyone,
}

impl Routing {
    /// Looks all routes up at once.
    pub(crate) async fn of(platform: &Platform, mut routes: Vec<Route>) -> Self {
        routes.sort_unstable();
        routes.dedup();
        if routes.is_empty() {
            return Self::Known(BTreeMap::new());
        }
        match platform.ephemeral.routes(&routes).await {
            // In this order: what was lost before the answer is known by now.
            Ok(_) if platform.ephemeral.suspect() => Self::Everyone,
            Ok(found) => Self::Known(routes.into_iter().zip(found).collect()),
            Err(error) => {
                tracing::debug!(%error, "routes can not be read: every node is told");
                Self::Everyone
            }
        }
    }

    /// Adds the records that carry a frame to the nodes of `routes`, one for each. Nobody there: it
    /// is not made.
    pub(crate) fn send(
        &self,
        platform: &Platform,
        routes: &[Route],
        outbound: impl FnOnce() -> Outbound,
        records: &mut Vec<Append>,
    ) {
        match self {
            Self::Everyone => {
                platform.metrics.broadcasts.inc();
                let (headers, value) = outbound().write(None);
                records.push(append(outbound::EVERYONE, headers, value));
            }
            Self::Known(nodes) => {
                let nodes = routes.iter().filter_map(|route| nodes.get(route)).flatten();
                let mut nodes: Vec<InstanceId> = nodes.copied().collect();
                nodes.sort_unstable();
                nodes.dedup();
                if !nodes.is_empty() {
                    let outbound = outbound();
                    records.extend(nodes.into_iter().map(|node| to(platform, node, &outbound)));
                }
            }
        }
    }
}

/// The record that carries `outbound` to one node.
pub(crate) fn to(platform: &Platform, node: InstanceId, outbound: &Outbound) -> Append {
    let count = platform.log.partitions(&topic::OUTBOUND);
    let (headers, value) = outbound.write(Some(node));
    append(outbound::partition_of(node, count), headers, value)
}

fn append(partition: u32, headers: topic::Headers, value: Bytes) -> Append {
    Append { topic: &topic::OUTBOUND, partition, key: Bytes::new(), headers, value }
}
