//! Records of the node's partitions, as they come: each is given to what it is for, and every socket
//! concerned is woken once for the whole batch.

use bytes::Bytes;
use platform::node::Sink;
use schemas::outbound::{Membership, Outbound};
use schemas::{ConversationId, Rev, UserId};

use super::typing::{Audience, Signal};
use super::{Done, Hub};
use crate::frame::Frame;
use crate::order::Event;
use crate::protocol::close;
use crate::session::Live;

/// An entry of a feed.
pub(super) struct Entry {
    pub(super) user: UserId,
    pub(super) number: Rev,
    pub(super) membership: Option<(ConversationId, Membership)>,
    pub(super) frame: Frame,
}

pub(super) fn text(frame: Bytes) -> Option<Frame> {
    let frame = Frame::new(frame);
    if frame.is_none() {
        tracing::error!("a frame that is not text was dropped");
    }
    frame
}

impl Sink for Hub {
    fn deliver(&self, batch: Vec<Outbound>) {
        let (mut done, mut news) = (Done::default(), Vec::new());
        {
            let line = &mut *self.line.lock();
            for outbound in batch {
                match outbound {
                    Outbound::Event { conversation, rev, audience, left, flip, frame } => {
                        if let Some(frame) = text(frame) {
                            let event = Event { conversation, rev, audience, left, flip, frame };
                            self.event(line, &mut done, event);
                        }
                    }
                    Outbound::Feed { user, number, membership, frame } => {
                        if let Some(frame) = text(frame) {
                            let entry = Entry { user, number, membership, frame };
                            self.entry(line, &mut done, entry);
                        }
                    }
                    Outbound::Notice { audience, frame } => {
                        if let Some(frame) = text(frame) {
                            self.notice(line, &mut done, &audience, &frame);
                        }
                    }
                    Outbound::Typing { conversation, user, until, audience, except, frame } => {
                        if let Some(frame) = text(frame) {
                            let key = (conversation, user);
                            let audience = Audience::of(audience, &except);
                            let signal = Signal { key, until, audience, frame };
                            self.typing(line, &mut done, signal);
                        }
                    }
                    Outbound::SessionEnded(ended) => {
                        self.registry.visit(ended.user, |session| {
                            if session.who.session == ended.session {
                                session.close(close::SESSION);
                            }
                        });
                    }
                    Outbound::Relation(relation) => {
                        self.related(line, &mut done, relation);
                        news.push(Outbound::Relation(relation));
                    }
                    of_presence @ (Outbound::Presence { .. } | Outbound::PresenceWanted(_)) => {
                        news.push(of_presence);
                    }
                    // The node gives replies to those who wait for them.
                    Outbound::Reply { .. } => {}
                }
            }
        }
        self.finish(done);
        self.presence.told(news);
    }

    fn lost(&self) {
        {
            let line = &mut *self.line.lock();
            line.order.clear();
            line.screens.lost();
        }
        let users = self.registry.users();
        tracing::warn!(users = users.len(), "records were lost: every socket resyncs");
        self.presence.lost();
        self.reload(users);
    }
}

impl Hub {
    /// Pushes frames without a number, each to these sockets of a user, or to all of them.
    pub(crate) fn notify(
        &self,
        frames: impl IntoIterator<Item = (UserId, Option<Vec<u64>>, Frame)>,
    ) {
        let mut done = Done::default();
        for (user, sockets, frame) in frames {
            self.registry.visit(user, |session| {
                if sockets.as_ref().is_none_or(|sockets| sockets.contains(&session.number)) {
                    done.push(session, session.push(Live::Notice, &frame, 0));
                }
            });
        }
        self.finish(done);
    }
}
