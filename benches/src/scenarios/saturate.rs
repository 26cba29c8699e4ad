//! As much as goes: users in pairs, each sending the next message when the last one is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures_util::future::join_all;
use tokio::time::sleep_until;
use uuid::Uuid;

use super::setup::{Pair, Stage};
use super::{Bench, CONTENT_BYTES, Latencies, Measured};
use crate::lean::{Conn, find, mask_free, open};
use crate::target::User;
use crate::task::spawn;

/// Time before measuring: caches warm, files grow.
const WARM: Duration = Duration::from_secs(3);
/// Digits of a running number in a request.
const DIGITS: usize = 10;

/// By which way messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Frames on a socket that also gets all events.
    Sockets,
    /// Requests on a connection that is kept.
    Rest,
}

/// What all clients share.
struct Load {
    from: Instant,
    until: Instant,
    acks: Latencies,
    events: AtomicU64,
}

impl Load {
    /// Whether a moment is measured.
    fn counts(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }

    fn acked(&self, sent: Instant) {
        let now = Instant::now();
        if self.counts(now) {
            self.acks.record(now - sent);
        }
    }
}

/// Runs it with so many users.
pub async fn run(bench: &Bench, over: Over, users: usize) -> anyhow::Result<Measured> {
    let name = over.name();
    let stage = Stage::set(bench, name).await?;
    let pairs = stage.pairs(users).await?;
    let authority = stage.authority();
    let driven =
        drive(&pairs, over, bench.seconds, |_| authority.clone(), async || stage.reading().await)
            .await?;
    let mut measured = Measured::new(format!("{name}, {} users", pairs.len() * 2));
    driven.tell(&mut measured);
    driven.before.costs(&driven.after, driven.messages, &mut measured);
    if over == Over::Sockets {
        measured.add("events received per second", driven.events as f64 / bench.seconds as f64);
    }
    stage.strike().await?;
    Ok(measured)
}

/// What came of it, with readings at the begin and the end of what was measured.
pub(super) struct Driven<R> {
    pub(super) before: R,
    pub(super) after: R,
    pub(super) messages: u64,
    events: u64,
    seconds: u64,
    load: Arc<Load>,
}

/// Every user of the pairs sends as fast as acks come; `authority` says where, by number of the user.
pub(super) async fn drive<R>(
    pairs: &[Pair],
    over: Over,
    seconds: u64,
    authority: impl Fn(usize) -> String,
    reading: impl AsyncFn() -> anyhow::Result<R>,
) -> anyhow::Result<Driven<R>> {
    let from = Instant::now() + WARM;
    let load = Arc::new(Load {
        from,
        until: from + Duration::from_secs(seconds),
        acks: Latencies::default(),
        events: AtomicU64::new(0),
    });
    let users = pairs.iter().flat_map(|pair| pair.members.iter().map(move |user| (pair, user)));
    let mut clients = Vec::new();
    for (number, (pair, user)) in users.enumerate() {
        let (load, user, to) = (load.clone(), user.clone(), pair.conversation);
        let at = authority(number);
        clients.push(match over {
            Over::Sockets => spawn(async move { over_sockets(&load, &at, &user, to).await }),
            Over::Rest => spawn(async move { over_rest(&load, &at, &user, to).await }),
        });
    }
    sleep_until(load.from.into()).await;
    let before = reading().await?;
    sleep_until(load.until.into()).await;
    let after = reading().await?;
    for client in join_all(clients).await {
        client??;
    }
    let (messages, events) = (load.acks.count(), load.events.load(Ordering::Relaxed));
    Ok(Driven { before, after, messages, events, seconds, load })
}

impl<R> Driven<R> {
    /// The rate and the latency of acks at it.
    pub(super) fn tell(&self, measured: &mut Measured) {
        let rate = self.messages as f64 / self.seconds as f64;
        measured.add("durable messages per second", rate);
        self.load.acks.tell("ack", measured);
    }
}

impl Over {
    fn name(self) -> &'static str {
        match self {
            Self::Sockets => "saturate-ws",
            Self::Rest => "saturate-rest",
        }
    }
}

/// A request with places for a running number, which are found once.
struct Template {
    bytes: Vec<u8>,
    places: Vec<usize>,
    number: u64,
}

impl Template {
    /// `text` holds `mark` wherever the number belongs.
    fn new(bytes: Vec<u8>, mark: &[u8]) -> Self {
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(place) = bytes.get(from..).and_then(|rest| find(rest, mark)) {
            places.push(from + place);
            from += place + mark.len();
        }
        Self { bytes, places, number: 0 }
    }

    /// The next request, and its number as it stands there.
    fn next(&mut self) -> (&[u8], [u8; DIGITS]) {
        self.number += 1;
        let mut digits = [b'0'; DIGITS];
        let mut rest = self.number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        for place in &self.places {
            if let Some(hole) = self.bytes.get_mut(*place..place + DIGITS) {
                hole.copy_from_slice(&digits);
            }
        }
        (&self.bytes, digits)
    }
}

/// Stands for the number until it is known.
const MARK: &str = "##########";

fn content() -> String {
    "The quick brown fox jumps over the lazy dog. ".chars().cycle().take(CONTENT_BYTES).collect()
}

async fn over_sockets(load: &Load, at: &str, user: &User, to: Uuid) -> anyhow::Result<()> {
    let (mut writer, mut reader) = open(at, &user.token).await?;
    let frame = format!(
        r#"{{"id":"{MARK}","type":"message.send","data":{{"conversationId":"{to}","clientMessageId":"{}-{MARK}","type":"text","content":"{}"}}}}"#,
        user.id.simple(),
        content(),
    );
    let mut template = Template::new(mask_free(frame.as_bytes()), MARK.as_bytes());
    while Instant::now() < load.until {
        let (frame, id) = template.next();
        let sent = Instant::now();
        writer.write(frame).await?;
        loop {
            let answer = reader.next().await?;
            if answer.starts_with(b"{\"type\":") {
                if load.counts(Instant::now()) {
                    load.events.fetch_add(1, Ordering::Relaxed);
                }
            } else if answer.get(7..7 + DIGITS) == Some(&id) {
                let good =
                    answer.get(7 + DIGITS..).is_some_and(|a| a.starts_with(b"\",\"ok\":true"));
                ensure!(good, "a send was refused: {}", String::from_utf8_lossy(answer));
                break;
            } else {
                bail!("an answer to nothing: {}", String::from_utf8_lossy(answer));
            }
        }
        load.acked(sent);
        if reader.pinged() {
            writer.pong(&mut reader).await?;
        }
    }
    Ok(())
}

async fn over_rest(load: &Load, at: &str, user: &User, to: Uuid) -> anyhow::Result<()> {
    let mut conn = Conn::open(at).await?;
    let body = format!(
        r#"{{"conversationId":"{to}","content":"{}","clientMessageId":"{}-{MARK}"}}"#,
        content(),
        user.id.simple(),
    );
    let request = format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        at,
        user.token,
        body.len(),
    );
    let mut template = Template::new(request.into_bytes(), MARK.as_bytes());
    let mut answer = Vec::new();
    while Instant::now() < load.until {
        let (request, _) = template.next();
        let sent = Instant::now();
        let status = conn.ask(request, &mut answer).await.context("sending over REST")?;
        ensure!(status == 201, "a send was answered with {status}");
        load.acked(sent);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_counts_in_every_place() {
        let mut template = Template::new(format!("a{MARK}b{MARK}").into_bytes(), MARK.as_bytes());
        template.next();
        let (bytes, number) = template.next();
        assert_eq!(bytes, b"a0000000002b0000000002");
        assert_eq!(&number, b"0000000002");
    }
}
