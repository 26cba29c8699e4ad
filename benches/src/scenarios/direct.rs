//! Send → receive at a steady rate: open loop, latency from the time a message was due to be sent
//! until the other member's socket has it.
//!
//! A thread of its own keeps the times: the runtime's timer is as coarse as what is to be measured.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::setup::{Pair, Stage};
use super::{Bench, CONTENT_BYTES, Latencies, Measured};
use crate::lean::{Reader, mask_free, number, open_apart, text_after};
use crate::task::spawn;

/// Time before measuring.
const WARM: Duration = Duration::from_secs(2);
/// Time that the last messages get.
const LAST: Duration = Duration::from_secs(3);
/// Conversations that the messages go round.
pub(super) const PAIRS: usize = 50;
/// Sleep ends this long before a message is due; the rest is spun.
const SPIN: Duration = Duration::from_micros(60);

/// When each message is due.
#[derive(Clone, Copy, Debug)]
struct Times {
    began: Instant,
    rate: f64,
    first: u64,
    end: u64,
}

impl Times {
    fn new(rate: f64, seconds: u64) -> Self {
        let count = |time: Duration| (time.as_secs_f64() * rate).ceil();
        let first = to_count(count(WARM));
        let end = first + to_count(count(Duration::from_secs(seconds)));
        Self { began: Instant::now() + Duration::from_millis(50), rate, first, end }
    }

    fn due(&self, number: u64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / self.rate)
    }

    fn measured(&self, number: u64) -> bool {
        (self.first..self.end).contains(&number)
    }
}

fn to_count(value: f64) -> u64 {
    // Rates and times of a scenario are far below where this would lose anything.
    format!("{value:.0}").parse().unwrap_or(u64::MAX)
}

/// Runs it at so many messages a second.
pub async fn run(bench: &Bench, rate: f64) -> anyhow::Result<Measured> {
    let stage = Stage::set(bench, "direct").await?;
    let pairs = stage.pairs(PAIRS * 2).await?;
    let authority = stage.authority();
    let load = Load::open(&pairs, |_| authority.clone()).await?;
    let driven = load.drive(rate, bench.seconds, async || stage.reading().await).await?;
    let mut measured = Measured::new(format!("direct, {rate:.0} messages/s over sockets"));
    driven.tell(&mut measured);
    driven.before.costs(&driven.after, driven.messages, &mut measured);
    stage.strike().await?;
    driven.end().await;
    Ok(measured)
}

/// Open sockets of pairs: one end sends, the other gets.
pub(super) struct Load {
    lines: Vec<(TcpStream, Pair)>,
    readers: Vec<(Reader, Reader)>,
    /// The receivers' writing halves are kept, or the connections would close.
    kept: Vec<TcpStream>,
}

/// What came of it, with readings at the begin and the end of what was measured.
pub(super) struct Driven<R> {
    pub(super) before: R,
    pub(super) after: R,
    /// Messages that were measured.
    pub(super) messages: u64,
    received: Arc<Latencies>,
    acked: Arc<Latencies>,
    late: Duration,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    kept: Vec<TcpStream>,
}

impl Load {
    /// Opens the sockets; `authority` says where, by number of the socket.
    pub(super) async fn open(
        pairs: &[Pair],
        authority: impl Fn(usize) -> String,
    ) -> anyhow::Result<Self> {
        let mut load = Self { lines: Vec::new(), readers: Vec::new(), kept: Vec::new() };
        for (number, pair) in pairs.iter().enumerate() {
            let [from, to] = &pair.members;
            let (write, own) = open_apart(&authority(number), &from.token).await?;
            let (kept, other) = open_apart(&authority(number + 1), &to.token).await?;
            load.lines.push((write, pair.clone()));
            load.kept.push(kept);
            load.readers.push((own, other));
        }
        Ok(load)
    }

    /// Sends at so many messages a second for so long, behind a time for warming up.
    pub(super) async fn drive<R>(
        self,
        rate: f64,
        seconds: u64,
        reading: impl AsyncFn() -> anyhow::Result<R>,
    ) -> anyhow::Result<Driven<R>> {
        ensure!(rate >= 1.0, "at least one message a second");
        let Self { lines, readers, kept } = self;
        let (received, acked) = (Arc::new(Latencies::default()), Arc::new(Latencies::default()));
        let done = Arc::new(AtomicBool::new(false));
        let times = Times::new(rate, seconds);
        let tasks: Vec<_> = readers
            .into_iter()
            .flat_map(|(own, other)| {
                let acks = spawn(read(own, times, acked.clone(), Reads::Acks, done.clone()));
                let events =
                    spawn(read(other, times, received.clone(), Reads::Events, done.clone()));
                [acks, events]
            })
            .collect();
        let sender = std::thread::spawn(move || send(lines, times));
        tokio::time::sleep_until(times.due(times.first).into()).await;
        let before = reading().await?;
        tokio::time::sleep_until(times.due(times.end).into()).await;
        let after = reading().await?;
        let late = tokio::task::spawn_blocking(move || sender.join()).await?;
        let late = late.map_err(|_| anyhow::anyhow!("the sender panicked"))??;
        tokio::time::sleep(LAST).await;
        done.store(true, Ordering::SeqCst);
        let messages = times.end - times.first;
        Ok(Driven { before, after, messages, received, acked, late, tasks, kept })
    }
}

impl<R> Driven<R> {
    /// Latencies and what did not come.
    pub(super) fn tell(&self, measured: &mut Measured) {
        self.received.tell("send → receive", measured);
        self.acked.tell("send → ack", measured);
        let missing = |got: u64| self.messages.saturating_sub(got) as f64;
        measured.add("not received", missing(self.received.count()));
        measured.add("not acknowledged", missing(self.acked.count()));
        measured.add("latest send behind its time, ms", self.late.as_secs_f64() * 1e3);
    }

    /// Once the server is gone.
    pub(super) async fn end(self) {
        drop(self.kept);
        for task in join_all(self.tasks).await {
            // The server's end is the readers' end.
            drop(task);
        }
    }
}

/// Sends everything at its time; gives the sockets' sending halves back by dropping them last, and
/// says how far behind it ever was.
fn send(mut lines: Vec<(TcpStream, Pair)>, times: Times) -> anyhow::Result<Duration> {
    let content: String = "x".repeat(CONTENT_BYTES - 11);
    let mut late = Duration::ZERO;
    let count = u64::try_from(lines.len())?.max(1);
    for number in 0..times.end {
        let place = usize::try_from(number % count)?;
        let (line, pair) = lines.get_mut(place).context("a line for every number")?;
        let conversation = pair.conversation;
        let frame = mask_free(
            format!(
                r#"{{"id":"{number}","type":"message.send","data":{{"conversationId":"{conversation}","clientMessageId":"m{number}","type":"text","content":"{number:010} {content}"}}}}"#
            )
            .as_bytes(),
        );
        let due = times.due(number);
        if let Some(wait) = due.checked_duration_since(Instant::now() + SPIN) {
            std::thread::sleep(wait);
        }
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        late = late.max(due.elapsed());
        write(line, &frame)?;
    }
    std::thread::sleep(LAST);
    Ok(late)
}

/// The other half is read by the runtime, so the socket does not block.
fn write(line: &mut TcpStream, mut bytes: &[u8]) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        match line.write(bytes) {
            Ok(0) => anyhow::bail!("the connection ended"),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Acks,
    Events,
}

async fn read(
    mut reader: Reader,
    times: Times,
    latencies: Arc<Latencies>,
    reads: Reads,
    done: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    loop {
        let frame = match reader.next().await {
            Ok(frame) => frame,
            Err(_) if done.load(Ordering::SeqCst) => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        let is_event = frame.starts_with(b"{\"type\":\"message.created\"");
        let text = match reads {
            Reads::Events if is_event => text_after(frame, b"\"content\":\""),
            Reads::Acks if frame.starts_with(b"{\"id\":\"") => {
                let good = crate::lean::find(frame, b"\",\"ok\":true,").is_some();
                ensure!(good, "a send was refused: {}", String::from_utf8_lossy(frame));
                text_after(frame, b"{\"id\":\"")
            }
            _ => continue,
        };
        let number = text.and_then(number).context("a frame without its number")?;
        if times.measured(number) {
            latencies.record(now.saturating_duration_since(times.due(number)));
        }
    }
}
