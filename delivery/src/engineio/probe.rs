//! A WebSocket that wants to take over from polling: it shows that it gets through, then says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::line::Line;
use super::packet::{self, In};
use crate::protocol::close::Close;
use crate::transport::{Payload, Received, Socket};

/// Answers the probe.
const PROBED: Payload = Payload::fixed("3probe");
/// Between two looks for a poll that the client waits for before it changes over.
const NUDGE: Duration = Duration::from_millis(100);
/// It is not wanted, or does not do what it should.
const UNWANTED: Close = Close { code: 1000, reason: "" };
/// For the peer to take the goodbye.
const LINGER: Duration = Duration::from_secs(1);

/// The one WebSocket that may take over; dropping it leaves the connection with polling.
#[derive(Debug)]
pub(super) struct Probe(Arc<Line>);

impl Probe {
    /// None if there is one already, or the connection has changed over.
    pub(super) fn new(line: Arc<Line>) -> Option<Self> {
        // Made only where it may: a probe that is dropped ends the one that is under way.
        if line.probe() { Some(Self(line)) } else { None }
    }

    /// Lets the socket take over, if it says what it should by `until`.
    pub(super) async fn run(self, mut socket: Socket, until: Instant) {
        let unwanted = match timeout_at(until, self.asked(&mut socket)).await {
            Ok(true) => match self.0.upgrade(socket) {
                Ok(()) => return,
                Err(socket) => *socket,
            },
            Ok(false) | Err(_) => socket,
        };
        drop(self);
        refuse(unwanted).await;
    }

    /// Whether the socket asked to take over.
    async fn asked(&self, socket: &mut Socket) -> bool {
        let mut probed = false;
        loop {
            let Ok(received) = timeout(NUDGE, socket.recv()).await else {
                if self.0.is_over() {
                    return false;
                }
                if probed {
                    self.0.nudge();
                }
                continue;
            };
            let packet = match received {
                Received::Text(text) => packet::packet(text),
                Received::Control => continue,
                _ => return false,
            };
            match packet {
                Ok(In::Probe) => {
                    probed = true;
                    if socket.feed(PROBED).await.is_err() || socket.flush().await.is_err() {
                        return false;
                    }
                }
                Ok(In::Upgrade) => return true,
                _ => return false,
            }
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.unprobe();
    }
}

/// Ends a WebSocket that is not wanted.
pub(super) async fn refuse(socket: Socket) {
    socket.close(UNWANTED, LINGER).await;
}
