//! WebSocket: every message comes back as it came, text or bytes.

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use tokio::time::{Duration, sleep, timeout};

use super::{LINGER, PATIENCE};
use crate::protocol::close::{self, Close};
use crate::transport::{self, Gone, Received, Socket};

/// The longest message. Autobahn's are a quarter of it.
const LONGEST: usize = 64 << 20;
/// For a client that neither sends nor closes.
const IDLE: Duration = Duration::from_mins(10);
/// For the goodbye to arrive where the peer went on sending.
const PARTING: Duration = Duration::from_millis(50);
/// Above the longest message.
const TOO_LARGE: Close = Close { code: 1009, reason: "" };
/// For a client that is waited for no longer.
const AWAY: Close = Close { code: 1001, reason: "" };

/// `/echo`.
pub(super) async fn handler(upgrade: WebSocketUpgrade) -> Response {
    transport::tuned(upgrade, LONGEST).on_upgrade(|socket| serve(Socket::new(socket)))
}

async fn serve(mut socket: Socket) {
    let close = loop {
        let Ok(received) = timeout(IDLE, socket.recv()).await else { break AWAY };
        match timeout(PATIENCE, answer(&mut socket, received)).await {
            Ok(Ok(())) => {}
            Ok(Err(close)) => break close,
            Err(_) => break AWAY,
        }
    };
    if close == close::NORMAL {
        // The goodbye that answers the peer's.
        drop(timeout(LINGER, socket.flush()).await);
        // A connection that is dropped with unread bytes is reset, which must not overtake it.
        sleep(PARTING).await;
    } else {
        socket.close(close, LINGER).await;
    }
}

async fn answer(socket: &mut Socket, received: Received) -> Result<(), Close> {
    let gone = |_: Gone| close::NORMAL;
    match received {
        Received::Text(text) => socket.feed(text).await.map_err(gone)?,
        Received::Binary(bytes) => socket.feed_binary(bytes).await.map_err(gone)?,
        Received::Control => {}
        Received::TooLarge => return Err(TOO_LARGE),
        Received::Broken(code) => return Err(Close { code, reason: "" }),
        Received::Closed => return Err(close::NORMAL),
    }
    socket.flush().await.map_err(gone)
}
