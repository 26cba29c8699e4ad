//! How somebody who has shown who he is becomes a session, whatever he speaks; the order is the contract
//! (`handshake`).

use std::sync::Arc;

use platform::inbound::Identity;
use platform::port::ephemeral::Route;
use tokio::time::{Duration, Instant, timeout_at};

use super::{Session, calls};
use crate::Delivery;
use crate::protocol::close::{self, Close};

/// Longest wait of a socket for the conversations of its user, if its client can resync.
pub(crate) const LOAD: Duration = Duration::from_secs(2);

/// A registered session; dropping it takes it out of the registry, and its user out of its calls.
pub(crate) struct Here {
    delivery: Arc<Delivery>,
    pub(crate) session: Arc<Session>,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.delivery.hub.leave(&self.session);
        calls::leave(&self.delivery, &self.session);
    }
}

/// Registers a session, `prepared` before anything can be pushed to it: *registered → not ended
/// meanwhile → route acknowledged → in the index of large conversations*, the last by `until`.
pub(crate) async fn enter(
    delivery: &Arc<Delivery>,
    who: Identity,
    until: Instant,
    prepare: impl FnOnce(&Session),
) -> Result<Here, Close> {
    let session = delivery.hub.enter(who, prepare)?;
    let here = Here { delivery: delivery.clone(), session };
    // Looked at after the registration: a session that ends from now on closes it.
    if delivery.node.is_revoked(here.session.who.session) {
        return Err(close::SESSION);
    }
    delivery.hub.presence.came(&here.session);
    let (hub, user) = (&delivery.hub, here.session.who.user);
    hub.wanted.announced(&[Route::User(user)]).await;
    if !hub.registry.is_indexed(user) {
        let loaded = tokio::select! {
            biased;
            loaded = timeout_at(until, hub.load(user)) => matches!(loaded, Ok(Ok(()))),
            // Whoever waits for long may be sent away meanwhile.
            close = here.session.ended() => return Err(close),
        };
        if !loaded {
            // He is served all the same, and resyncs when it is known which conversations he is in.
            hub.load_late(user);
        }
    }
    hub.presence.served(user);
    Ok(here)
}
