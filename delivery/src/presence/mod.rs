//! Presence, as far as the node with the sockets is concerned: what its devices are up to is told to the
//! pool `presence`, and what that publishes is pushed to those here who may see it.
//!
//! ```text
//! session task ─▶ devices ─▶ publish ─▶ chat.presence ─▶ the pool
//!   acts, looks    changes?   newest,     (key: user)        │
//!   at the clock              batches                        ▼
//! session queues ◀─ push ◀─ interest ◀───────────── chat.outbound, partition 0
//!                  one text  who sees it,
//!                  per view  what is new
//! ```
//!
//! A push that is worked out is queued before the lock is released under which it was, so that of two
//! about one user the newer is queued last. Nothing is pushed at the beginning: a client asks
//! (`presence.subscribe`, or REST) for what it shows, and is told of changes. What a client with a full
//! queue loses it asks for again, as the `resync` frame says.

mod devices;
mod fields;
mod interest;
mod load;
mod publish;
mod request;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use platform::inbound::Inbound;
use platform::lifecycle::Lifecycle;
use platform::{Clock, Platform};
use schemas::outbound::Outbound;
use schemas::presence::entry::Entry;
use schemas::presence::view::{self, Shown, Viewer};
use schemas::{ConversationId, InstanceId, Timestamp, UserId, frame};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

pub(crate) use devices::{Device, Facts};
pub(crate) use interest::Ticket;
use interest::{Interest, Push, Stay};
pub(crate) use request::{OF_DEVICE, OF_DEVICE_BYTES, repeats, request};

use crate::frame::Frame;
use crate::hub::Hub;
use crate::session::Session;

/// Viewers for whom something is read at once.
const LOADS: usize = 16;
/// Sockets that wait for what is read at once.
const READS: usize = 64;
/// Time in which a socket that was told to resync has read that.
const SETTLE: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Presence {
    interest: Mutex<Interest>,
    line: publish::Line,
    loads: Semaphore,
    reads: Semaphore,
    clock: Arc<dyn Clock>,
    hub: Weak<Hub>,
    inbound: OnceLock<Arc<dyn Inbound>>,
}

/// What one push says, and what it looks like.
struct Rendered {
    role: Viewer,
    shown: Shown,
    frame: Frame,
}

impl Presence {
    /// Of a node without sockets, that tells nobody yet.
    pub(crate) fn new(platform: &Platform, hub: Weak<Hub>) -> Arc<Self> {
        Arc::new(Self {
            interest: Mutex::default(),
            line: publish::Line::default(),
            loads: Semaphore::new(LOADS),
            reads: Semaphore::new(READS),
            clock: platform.clock.clone(),
            hub,
            inbound: OnceLock::new(),
        })
    }

    /// Tells the pool from now on, and reads what sockets may see.
    pub(crate) fn start(
        self: &Arc<Self>,
        platform: &Platform,
        node: InstanceId,
        inbound: Arc<dyn Inbound>,
        life: &Lifecycle,
    ) {
        if self.inbound.set(inbound).is_err() {
            tracing::error!("presence starts once");
            return;
        }
        let publisher = publish::Publisher::new(self.clone(), platform, node);
        life.component("presence", publisher.run(life.stopping()));
    }

    /// A socket has come.
    pub(crate) fn came(&self, session: &Session) {
        let device = &session.device;
        self.interest.lock().came(device.user, device.socket);
        device.come(Instant::now());
        self.line.mark(device);
    }

    /// A socket that came has gone.
    pub(crate) fn gone(&self, session: &Session) {
        let device = &session.device;
        if device.go() {
            self.interest.lock().gone(device.user, device.socket);
            self.line.mark(device);
        }
    }

    /// The user of a socket does something: he asks for anything but a sign of life.
    pub(crate) fn active(&self, session: &Session) {
        if session.device.act(Instant::now()) {
            self.line.mark(&session.device);
        }
    }

    /// Looks at a socket's clock, `heard` being its last sign of life; when to look again.
    pub(crate) fn look(&self, session: &Session, heard: Instant, now: Instant) -> Option<Instant> {
        let (changed, again) = session.device.look(heard, now);
        if changed {
            self.line.mark(&session.device);
        }
        again
    }

    /// A reading of memberships begins.
    pub(crate) fn ticket(&self) -> Ticket {
        self.interest.lock().ticket()
    }

    /// These are conversations of a user in which there may be direct ones, as read with this ticket.
    pub(crate) fn found(
        self: &Arc<Self>,
        user: UserId,
        conversations: Vec<ConversationId>,
        ticket: Ticket,
    ) {
        let stay = self.interest.lock().found(user, conversations, ticket);
        self.work_for(user, stay);
    }

    /// A user's socket is served from now on: if nobody looks for his peers yet, that begins.
    pub(crate) fn served(self: &Arc<Self>, user: UserId) {
        let stay = self.interest.lock().served(user);
        self.work_for(user, stay);
    }

    /// A membership of a user here has begun or ended.
    pub(crate) fn moved(self: &Arc<Self>, user: UserId, conversation: ConversationId) {
        let stay = self.interest.lock().moved(user, conversation);
        self.work_for(user, stay);
    }

    /// Records were lost: what everybody sees is read again, once sockets were told to resync, which
    /// empties their queues.
    pub(crate) fn lost(self: &Arc<Self>) {
        let Some(hub) = self.hub.upgrade() else { return };
        let presence = self.clone();
        hub.aside(async move {
            sleep(SETTLE).await;
            let lost = presence.interest.lock().lost();
            for (user, stay) in lost {
                presence.work_for(user, Some(stay));
            }
        });
    }

    /// News of presence, in the order of the topic.
    pub(crate) fn told(self: &Arc<Self>, news: Vec<Outbound>) {
        for news in news {
            match news {
                Outbound::Presence { entries } => {
                    for entry in entries {
                        self.tell(&Arc::new(entry), Interest::published);
                    }
                }
                Outbound::Relation(relation) => {
                    let seen = self.interest.lock().related(relation.user, relation.other);
                    for (viewer, stay) in seen {
                        self.work_for(viewer, Some(stay));
                    }
                }
                Outbound::PresenceWanted(wanted) => self.line.want(wanted),
                _ => {}
            }
        }
    }

    /// Acceptance is to end what is shown of a user's typing.
    pub(crate) async fn hides_typing(self: Arc<Self>, user: UserId) {
        if let Some(inbound) = self.inbound.get() {
            inbound.hides_typing(user).await;
        }
    }

    fn work_for(self: &Arc<Self>, user: UserId, stay: Option<Stay>) {
        let Some((stay, hub)) = stay.zip(self.hub.upgrade()) else { return };
        hub.aside(self.clone().work(user, stay));
    }

    /// Takes an entry and pushes what is new in it.
    fn tell(
        &self,
        entry: &Arc<Entry>,
        take: impl FnOnce(&mut Interest, &Arc<Entry>, Timestamp) -> Vec<Push>,
    ) {
        let now = self.clock.now();
        let mut interest = self.interest.lock();
        let pushes = take(&mut interest, entry, now);
        self.push(pushes, now);
    }

    /// Queues what viewers are to be told. Called with the lock held: see the module.
    fn push(&self, pushes: impl IntoIterator<Item = Push>, now: Timestamp) {
        let Some(hub) = self.hub.upgrade() else { return };
        let mut rendered: Vec<Rendered> = Vec::new();
        let mut of = None;
        let mut render = |push: &Push| {
            // The next ones are about another user.
            if of.replace(push.entry.user_id) != Some(push.entry.user_id) {
                rendered.clear();
            }
            if let Some(known) = rendered.iter().find(|known| known.role == push.role) {
                return Some(known.frame.clone());
            }
            let entry = &*push.entry;
            let shown = view::show(Some(entry), entry.user_id, push.role, now).shown;
            let same = rendered.iter().find(|known| known.shown == shown);
            let frame = match same {
                Some(same) => same.frame.clone(),
                // As of now: when the entry was made is not everybody's to know.
                None => Frame::new(frame::presence(now, &shown))?,
            };
            rendered.push(Rendered { role: push.role, shown, frame: frame.clone() });
            Some(frame)
        };
        let frames = pushes.into_iter().filter_map(|push| {
            let frame = render(&push)?;
            Some((push.viewer, push.sockets, frame))
        });
        hub.notify(frames);
    }

    /// Pairs of viewer and target, and what waits to be published, each with its bound, by name
    /// (`telemetry::label::QUEUE`).
    pub(crate) fn depths(&self) -> [(&'static str, usize, usize); 1] {
        let (pairs, most) = self.interest.lock().depth();
        [("presence_pairs", pairs, most)]
    }
}

#[cfg(test)]
mod tests;
