//! The seam to the wire: a socket whose unit is the encoded payload.
//!
//! Everything above it deals in [`Payload`]s, bytes that are known to be text and are shared by
//! every socket they go to. Below it is axum's upgrade with tungstenite, which can be replaced by
//! our own framing (`[0x81, len, payload]` by `writev`) without a change above.
//!
//! What tungstenite does, and how it is kept small (each figure was measured):
//! - It zeroes up to `read_buffer_size` bytes at every poll of the reading side and keeps that much
//!   per socket: [`READ_BUFFER`] instead of its 128 KiB.
//! - It copies every payload into an out-buffer that never shrinks. The buffer is written whenever
//!   it passes [`WRITE_BUFFER`], so its peak is that plus one payload, not the whole burst; the
//!   price is a write call per 8 KiB of burst.
//! - A payload is taken even when the kernel's buffer is full; the next [`Socket::feed`] then waits.
//!   So at most one payload beyond the buffer is in flight, and what is queued stays in the queue.
//!
//! `TCP_NODELAY` must be set on the listener (`axum::serve::ListenerExt::tap_io`): an upgraded
//! stream can not be reached from here.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use bytes::Bytes;
use futures_util::SinkExt;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite;

use crate::protocol::close::Close;

/// Bytes read at once, and kept per socket.
const READ_BUFFER: usize = 512;
/// Bytes after which the out-buffer is written without waiting for a flush.
const WRITE_BUFFER: usize = 8_192;

/// An encoded payload. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload(Utf8Bytes);

impl Payload {
    /// A payload of bytes; none if they are not text. Checked once, however many sockets it goes to.
    pub(crate) fn new(bytes: Bytes) -> Option<Self> {
        Utf8Bytes::try_from(bytes).ok().map(Self)
    }

    /// A payload that is part of the program.
    pub(crate) const fn fixed(text: &'static str) -> Self {
        Self(Utf8Bytes::from_static(text))
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(Utf8Bytes::from(text))
    }
}

/// What comes in.
#[derive(Debug)]
pub(crate) enum Received {
    /// A request.
    Text(Payload),
    /// A binary frame.
    Binary(Bytes),
    /// A ping (answered below) or a pong: a sign of life.
    Control,
    /// A frame above the limit. Nothing more can be read.
    TooLarge,
    /// Not WebSocket, or not UTF-8: with the code for it of RFC 6455. Nothing more can be read.
    Broken(u16),
    /// The peer is gone or says goodbye.
    Closed,
}

/// The peer is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

impl From<axum::Error> for Gone {
    fn from(_: axum::Error) -> Self {
        Self
    }
}

/// One upgraded connection.
#[derive(Debug)]
pub(crate) struct Socket(WebSocket);

/// Buffer sizes and the longest message, before the upgrade.
pub(crate) fn tuned(upgrade: WebSocketUpgrade, longest: usize) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_frame_size(longest)
        .max_message_size(longest)
}

impl Socket {
    /// A socket of an upgraded connection.
    pub(crate) fn new(inner: WebSocket) -> Self {
        Self(inner)
    }

    /// What comes in next. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Received {
        match self.0.recv().await {
            Some(Ok(Message::Text(text))) => Received::Text(Payload(text)),
            Some(Ok(Message::Binary(bytes))) => Received::Binary(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Received::Control,
            Some(Ok(Message::Close(_))) | None => Received::Closed,
            Some(Err(error)) => failure(error),
        }
    }

    /// Hands over a payload; waits only while an earlier one is stuck. Call [`Self::flush`] after
    /// the last one.
    pub(crate) async fn feed(&mut self, payload: Payload) -> Result<(), Gone> {
        Ok(self.0.feed(Message::Text(payload.0)).await?)
    }

    /// Hands over bytes as a binary frame, as [`Self::feed`] does a payload.
    pub(crate) async fn feed_binary(&mut self, bytes: Bytes) -> Result<(), Gone> {
        Ok(self.0.feed(Message::Binary(bytes)).await?)
    }

    /// Hands over a ping.
    pub(crate) async fn ping(&mut self) -> Result<(), Gone> {
        Ok(self.0.feed(Message::Ping(Bytes::new())).await?)
    }

    /// Waits until everything handed over is with the kernel.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        Ok(self.0.flush().await?)
    }

    /// Says why, waits for the peer's goodbye for at most `linger`, and drops the connection. If the peer
    /// was first, its goodbye is answered as it came.
    ///
    /// The wait matters: a connection that is dropped with unread bytes is reset, and a reset may
    /// overtake the close frame, so that the peer would never learn the code.
    pub(crate) async fn close(mut self, close: Close, linger: Duration) {
        let until = Instant::now() + linger;
        let frame = CloseFrame { code: close.code, reason: Utf8Bytes::from_static(close.reason) };
        let goodbye = self.0.send(Message::Close(Some(frame)));
        match timeout_at(until, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                // What answers the peer's goodbye was made when that was read, and may not be written yet.
                drop(timeout_at(until, self.0.flush()).await);
                return;
            }
            Err(_) => return,
        }
        loop {
            match timeout_at(until, self.recv()).await {
                Ok(Received::TooLarge | Received::Broken(_)) => {
                    tokio::time::sleep_until(until).await;
                    return;
                }
                Ok(Received::Closed) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

fn failure(error: axum::Error) -> Received {
    use tungstenite::Error;
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => Received::TooLarge,
        Some(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
            Received::Closed
        }
        Some(Error::Protocol(_)) => Received::Broken(1002),
        Some(Error::Utf8(_)) => Received::Broken(1007),
        _ => Received::Closed,
    }
}
