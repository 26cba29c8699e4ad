//! What a delivery node tells about itself beside what it counts: looked at when somebody scrapes.

use std::sync::Arc;

use platform::telemetry::{All, label};
use schemas::limits;

use crate::Delivery;
use crate::hub::Hub;
use crate::session::Speaks;

/// Tells the node's metrics from now on; what is counted is there at 0, so that the first one is seen.
pub(crate) fn watch(delivery: &Arc<Delivery>) {
    let metrics = &delivery.metrics;
    for code in label::CODE.values {
        metrics.sockets_closed.with_label_values(&[code]);
    }
    for outcome in label::SYNCED.values {
        metrics.syncs.with_label_values(&[outcome]);
    }
    for limit in ["frames", "sockets"] {
        metrics.rate_limited.with_label_values(&[limit]);
    }
    let weak = Arc::downgrade(delivery);
    metrics.watch(move |all| {
        let Some(delivery) = weak.upgrade() else { return };
        let authenticated = look(&delivery.hub, all);
        all.sockets_unauthenticated.add(delivery.open().saturating_sub(authenticated));
        all.sockets_limit.add(delivery.config.max_sockets);
        all.socket_queue_limit_bytes.at_least(limits::SOCKET_QUEUE_BYTES);
    });
}

/// Queues; how many sockets there are.
fn look(hub: &Hub, all: &All) -> usize {
    let (mut sockets, mut bytes, mut most) = (0, 0, 0);
    let mut spoken = [0_usize; Speaks::ALL.len()];
    hub.registry.each(|session| {
        if let Some(count) = spoken.get_mut(usize::from(session.speaks() as u8)) {
            *count += 1;
        }
        let (waiting, lost) = session.look();
        sockets += 1;
        bytes += waiting;
        most = most.max(waiting);
        all.frames_dropped.inc_by(lost.frames);
        all.resyncs.inc_by(lost.resyncs);
    });
    for (speaks, count) in Speaks::ALL.iter().zip(spoken) {
        all.sockets_by_protocol.add(&[speaks.text()], count);
    }
    all.socket_queue_bytes.add(bytes);
    all.socket_queue_max_bytes.at_least(most);
    for (name, depth, limit) in hub.depths().into_iter().chain(hub.presence.depths()) {
        all.queue.add(&[name], depth);
        all.queue_limit.add(&[name], limit);
    }
    sockets
}
