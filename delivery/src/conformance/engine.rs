//! Engine.IO: every message comes back. How a connection is driven is here, as Socket.IO's echo needs it
//! too.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use futures_util::FutureExt;
use http::HeaderMap;
use http::request::Parts;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::{LINGER, PATIENCE, PING_INTERVAL, PING_TIMEOUT};
use crate::engineio::{Application, Beat, Connection, Cors, Heart, Packet, Received};
use crate::protocol::close::{self, Close};

/// The connection ends, and a code says no more. Where the peer said goodbye, this answers it.
pub(super) const BYE: Close = Close { code: 1000, reason: "" };
/// What a frame that is too long is answered with.
const TOO_LARGE: Close = Close { code: 1009, reason: "" };
/// For the pong: a little less than is said, as a suite's timer that comes early must find the
/// connection closed.
const PONG: Duration = PING_TIMEOUT.saturating_sub(Duration::from_millis(15));
/// Packets that are answered before one flush.
const AT_ONCE: usize = 256;

/// Engine.IO's.
#[derive(Debug)]
pub(super) struct Echo;

impl Application for Echo {
    type Place = ();

    fn cors(&self, _: &HeaderMap) -> Cors {
        Cors::Anyone
    }

    fn admit(&self, _: &Parts) -> Result<(), Box<Response>> {
        Ok(())
    }

    fn serve(
        self: Arc<Self>,
        connection: Connection,
        (): (),
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(drive(connection, Messages))
    }
}

/// What is answered to messages.
pub(super) trait Answers {
    /// A pause behind a packet: a suite may look for one message at a time, and would never see the
    /// second of two that come together.
    fn pause(&self, packet: &Packet) -> Option<Duration>;

    /// Answers one; an error ends the connection.
    fn answer(&mut self, received: Received, out: &mut VecDeque<Packet>) -> Result<(), Close>;
}

struct Messages;

impl Answers for Messages {
    fn pause(&self, _: &Packet) -> Option<Duration> {
        None
    }

    fn answer(&mut self, received: Received, out: &mut VecDeque<Packet>) -> Result<(), Close> {
        match received {
            Received::Text(text) => out.push_back(Packet::Text(text.packet())),
            Received::Binary(bytes) => out.push_back(Packet::Binary(bytes)),
            _ => {}
        }
        Ok(())
    }
}

/// Serves a connection to its end.
pub(super) async fn drive(mut connection: Connection, mut answers: impl Answers) {
    let close = match serve(&mut connection, &mut answers).await {
        Ok(never) => match never {},
        Err(close) => close,
    };
    // Nobody waits for one who is silent, and a poll that comes late finds nothing.
    let linger = if close == close::SILENT { Duration::ZERO } else { LINGER };
    connection.close(close, linger).await;
}

async fn serve(
    connection: &mut Connection,
    answers: &mut impl Answers,
) -> Result<std::convert::Infallible, Close> {
    let mut heart = Heart::new(PING_INTERVAL, PONG, Instant::now());
    let mut out = VecDeque::new();
    loop {
        tokio::select! {
            received = connection.recv() => {
                heart.heard();
                take(answers, received, &mut out)?;
                // What came together is answered together.
                while out.len() < AT_ONCE
                    && let Some(received) = connection.recv().now_or_never()
                {
                    if let Err(close) = take(answers, received, &mut out) {
                        write(connection, answers, &mut out).await?;
                        return Err(close);
                    }
                }
            }
            () = sleep_until(heart.due()) => match heart.beat(Instant::now()) {
                Beat::Wait(_) => {}
                Beat::Ping => connection.ping().await.map_err(|_| BYE)?,
                Beat::Dead => return Err(close::SILENT),
            },
        }
        write(connection, answers, &mut out).await?;
    }
}

fn take(
    answers: &mut impl Answers,
    received: Received,
    out: &mut VecDeque<Packet>,
) -> Result<(), Close> {
    match received {
        Received::Alive => Ok(()),
        Received::Closed | Received::Broken(None) => Err(BYE),
        Received::TooLarge => Err(TOO_LARGE),
        Received::Broken(Some(code)) => Err(Close { code, reason: "" }),
        message => answers.answer(message, out),
    }
}

/// Writes what there is; a client that does not read in time has had its chance.
async fn write(
    connection: &mut Connection,
    answers: &impl Answers,
    out: &mut VecDeque<Packet>,
) -> Result<(), Close> {
    let writing = async {
        for packet in out.drain(..) {
            let pause = answers.pause(&packet);
            connection.feed(packet).await?;
            if let Some(pause) = pause {
                connection.flush().await?;
                sleep(pause).await;
            }
        }
        connection.flush().await
    };
    match timeout(PATIENCE, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(BYE),
    }
}
