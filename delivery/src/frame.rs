//! A frame on its way to sockets: one text, shared by all that it goes to, whatever they speak.
//!
//! `/ws` writes the text as it is. What Socket.IO writes instead is made when the first of its sockets
//! takes the frame, and kept with it: it is encoded once for the node, so that a delivery costs the
//! same on both. Few of them show more than their frame holds; that is read when it is due (`owed`).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use schemas::UserId;
use tokio::time::Instant;

use crate::hub::Hub;
use crate::socketio::events::{self, Packets};
use crate::transport::Payload;

/// A wait that a socket's peer is not to pay for.
const LATE: Duration = Duration::from_millis(100);

/// See the module. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Frame(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    text: Payload,
    packets: OnceLock<Box<Packets>>,
}

impl Frame {
    /// A frame of bytes; none if they are not text.
    pub(crate) fn new(bytes: Bytes) -> Option<Self> {
        Payload::new(bytes).map(Self::from)
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        self.0.text.text()
    }

    /// Its text, as `/ws` writes it.
    pub(crate) fn payload(&self) -> &Payload {
        &self.0.text
    }

    /// The size of its text in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.text.len()
    }

    /// What Socket.IO writes instead. `to`: whose socket asks; the frames that it matters for, those of
    /// feeds, go to sockets of one user.
    pub(crate) fn packets(&self, to: UserId) -> &Packets {
        self.0.packets.get_or_init(|| Box::new(events::packets(self.text(), to)))
    }

    /// The same, with what they show that the text only names, unless it can not be read; and whether that
    /// took its time. They are the writer's and do not stay with the frame: they may be far larger.
    pub(crate) async fn whole(&self, to: UserId, hub: &Hub) -> (Option<Arc<Packets>>, bool) {
        let Some(owed) = &self.packets(to).owed else { return (None, false) };
        let began = Instant::now();
        let whole = owed.whole(self.text(), to, hub).await;
        (whole, began.elapsed() >= LATE)
    }
}

impl From<Payload> for Frame {
    fn from(text: Payload) -> Self {
        Self(Arc::new(Shared { text, packets: OnceLock::new() }))
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Payload::from(text).into()
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for Frame {}
