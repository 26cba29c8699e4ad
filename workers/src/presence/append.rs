//! Records that the pool writes: to nodes, and to itself.

use bytes::Bytes;
use platform::Platform;
use platform::port::clock::uuid_v7;
use platform::port::log::Append;
use schemas::envelope::{self, Meta, PresenceCommand};
use schemas::outbound::{self, Outbound, PresenceWanted};
use schemas::presence::record::Due;
use schemas::topic::{OUTBOUND, PRESENCE};
use schemas::{CommandId, InstanceId, UserId, limits};
use uuid::Uuid;

use super::state::Effects;
use crate::routing;

/// A moment of a partition has come.
pub(super) fn due(platform: &Platform, partition: u32, ticket: Option<Uuid>) -> Append {
    let meta = Meta {
        id: CommandId(uuid_v7(&*platform.clock)),
        actor: UserId(Uuid::nil()),
        at: platform.clock.now(),
        reply_to: None,
        trace: None,
        once: None,
    };
    let command = PresenceCommand::Due(Due { ticket });
    let value = envelope::encode(&meta, &command).expect("a few fields fit a record");
    Append { topic: &PRESENCE, partition, key: Bytes::new(), headers: Vec::new(), value }
}

/// For all nodes.
pub(super) fn everyone(outbound: &Outbound) -> Append {
    let (headers, value) = outbound.write(None);
    Append { topic: &OUTBOUND, partition: outbound::EVERYONE, key: Bytes::new(), headers, value }
}

/// What nodes are to hear of a batch.
pub(super) fn told(platform: &Platform, partition: u32, effects: &Effects) -> Vec<Append> {
    let mut records = Vec::new();
    for entries in effects.pushes.chunks(limits::PRESENCE_CHUNK) {
        records.push(everyone(&Outbound::Presence { entries: entries.to_vec() }));
    }
    let relations = effects.relations.iter();
    records.extend(relations.map(|pair| everyone(&Outbound::Relation(*pair))));
    records.extend(effects.asks.iter().map(|node| ask(platform, partition, *node)));
    records
}

fn ask(platform: &Platform, partition: u32, node: InstanceId) -> Append {
    let ticket = super::timers::ticket(platform);
    routing::to(platform, node, &Outbound::PresenceWanted(PresenceWanted { partition, ticket }))
}
