//! What Socket.IO costs beside `/ws`, in one run of one server: resident memory of an idle connection, and CPU
//! of a delivery. Turns alternate, so that both meet the same machine; what counts is the ratio.
//!
//! The first connection of a user also makes him present: what that costs is told apart from the connection
//! itself, as every role runs in this one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::setup::Stage;
use super::{Bench, CONTENT_BYTES, Measured};
use crate::lean::{Reader, Writer, find, open, stock};
use crate::load::{Gauges, users};
use crate::target::{Message, Target as _, User};
use crate::task::spawn;

/// Resident bytes of an idle connection of Socket.IO, and CPU of a delivery beside one to `/ws`: the aims.
const BYTES: f64 = 10_240.0;
const TIMES: f64 = 1.3;
/// How far a shared machine may be off them before the run fails.
const SLACK: f64 = 1.5;
/// Turns of each.
const TURNS: usize = 4;
/// Sockets of each that are opened first: what the first ones cost is not theirs.
const WARM: usize = 100;
/// Members of a group with a socket, without its sender.
const MEMBERS: usize = 250;
/// Messages of a turn.
const MESSAGES: u64 = 120;
/// Messages in flight.
const AT_ONCE: usize = 4;
/// Sockets opened at a time.
const DIALS: usize = 64;
/// Time for memory to settle.
const SETTLE: Duration = Duration::from_secs(2);
/// Longest wait until all have what was sent.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Frames,
    Packets,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Frames, Self::Packets];

    fn name(self) -> &'static str {
        match self {
            Self::Frames => "/ws",
            Self::Packets => "Socket.IO",
        }
    }

    async fn dial(self, authority: &str, token: &str) -> anyhow::Result<(Writer, Reader)> {
        match self {
            Self::Frames => open(authority, token).await,
            Self::Packets => stock(authority, token).await,
        }
    }

    /// By what a new message is known.
    fn mark(self) -> &'static [u8] {
        match self {
            Self::Frames => br#""type":"message.created""#,
            Self::Packets => br#"42["message:new""#,
        }
    }
}

/// What one way has cost so far.
#[derive(Debug, Default)]
struct Cost {
    sockets: u64,
    bytes: f64,
    /// The same of further sockets of users who are here.
    more: u64,
    more_bytes: f64,
    deliveries: u64,
    cpu: Duration,
    got: Arc<AtomicU64>,
}

/// Runs it with so many sockets of each; fails where it is far from the aims.
pub async fn run(bench: &Bench, sockets: usize) -> anyhow::Result<Measured> {
    let sockets = sockets.max(2 * MEMBERS);
    let stage = Stage::set(bench, "beside").await?;
    let all = users(&stage.remote, 2 * (sockets + WARM) + 1, &Gauges::default()).await?;
    let (sender, all) = all.split_first().context("a sender")?;
    let (warm, all) = all.split_at(2 * WARM);
    let (frames, packets) = all.split_at(sockets);
    let mut costs = [Cost::default(), Cost::default()];
    let mut groups = Vec::new();
    for list in [frames, packets] {
        let members: Vec<Uuid> = list.iter().take(MEMBERS).map(|user| user.id).collect();
        let group = stage.remote.group(0, sender, &members).await;
        groups.push(*group.ok().with_context(|| format!("opening a group: {group:?}"))?);
    }
    for (way, list) in Way::BOTH.into_iter().zip(warm.chunks(WARM)) {
        dialled(&stage, way, list, &Arc::default()).await?;
    }
    for (place, turn) in turns() {
        let Some(list) = [frames, packets].get(place).copied() else { continue };
        let Some(cost) = costs.get_mut(place) else { continue };
        let (opened, bytes) = memory(&stage, place, part(list, turn), cost).await?;
        cost.sockets += opened;
        cost.bytes += bytes;
    }
    for (place, _) in turns() {
        if let (Some(cost), Some(group)) = (costs.get_mut(place), groups.get(place)) {
            deliver(&stage, sender, *group, cost).await?;
        }
    }
    for (place, turn) in turns() {
        let Some(list) = [frames, packets].get(place).copied() else { continue };
        let Some(cost) = costs.get_mut(place) else { continue };
        let (opened, bytes) = memory(&stage, place, part(list, turn), cost).await?;
        cost.more += opened;
        cost.more_bytes += bytes;
    }
    let measured = told(sockets, &costs)?;
    stage.strike().await?;
    Ok(measured)
}

/// Opens sockets that read until they are cut.
async fn dialled(
    stage: &Stage,
    way: Way,
    list: &[User],
    got: &Arc<AtomicU64>,
) -> anyhow::Result<()> {
    let authority = stage.remote.socket_authority(0).to_owned();
    let dial = |user: &User| {
        let (authority, token) = (authority.clone(), user.token.clone());
        async move { way.dial(&authority, &token).await }
    };
    let opened: Vec<_> = stream::iter(list.iter().map(dial)).buffered(DIALS).try_collect().await?;
    for (mut writer, mut reader) in opened {
        let got = got.clone();
        // They end with the process: whoever is cut before that is missed where it is counted.
        drop(spawn(async move {
            loop {
                let Ok(text) = reader.next().await else { return };
                got.fetch_add(u64::from(find(text, way.mark()).is_some()), Ordering::Relaxed);
                if reader.pinged() && writer.pong(&mut reader).await.is_err() {
                    return;
                }
            }
        }));
    }
    Ok(())
}

/// Ways by place, and their turns: whoever comes first in a turn comes second in the next.
fn turns() -> impl Iterator<Item = (usize, usize)> {
    (0..TURNS).flat_map(|turn| [(turn % 2, turn), (1 - turn % 2, turn)])
}

/// What is opened in a turn.
fn part(list: &[User], turn: usize) -> &[User] {
    list.chunks(list.len().div_ceil(TURNS)).nth(turn).unwrap_or_default()
}

/// Opens a socket for each; how many there are then, and by how much the server has grown.
async fn memory(
    stage: &Stage,
    place: usize,
    list: &[User],
    cost: &Cost,
) -> anyhow::Result<(u64, f64)> {
    let way = *Way::BOTH.get(place).context("one of two ways")?;
    sleep(SETTLE).await;
    let before = stage.reading().await?.resident_bytes();
    dialled(stage, way, list, &cost.got).await?;
    sleep(SETTLE).await;
    let after = stage.reading().await?.resident_bytes();
    Ok((list.len() as u64, after as f64 - before as f64))
}

async fn deliver(stage: &Stage, sender: &User, group: Uuid, cost: &mut Cost) -> anyhow::Result<()> {
    let due = cost.got.load(Ordering::Relaxed) + MESSAGES * MEMBERS as u64;
    let before = stage.reading().await?;
    let text = "x".repeat(CONTENT_BYTES);
    let send = |number: u64| {
        let client = format!("{group}-{due}-{number}");
        let message = Message::new(group, sender.id, &client, text.clone());
        async move {
            let outcome = stage.remote.send(0, sender, &message).await;
            outcome.ok().map(drop).with_context(|| format!("a send: {outcome:?}"))
        }
    };
    let mut sends = stream::iter((0..MESSAGES).map(send)).buffer_unordered(AT_ONCE);
    while let Some(sent) = sends.next().await {
        sent?;
    }
    let deadline = Instant::now() + PATIENCE;
    while cost.got.load(Ordering::Relaxed) < due {
        let got = cost.got.load(Ordering::Relaxed);
        ensure!(Instant::now() < deadline, "{got} of {due} deliveries came");
        sleep(Duration::from_millis(5)).await;
    }
    let after = stage.reading().await?;
    cost.cpu += after.cpu().saturating_sub(before.cpu());
    cost.deliveries += MESSAGES * MEMBERS as u64;
    // Once each, to every socket.
    sleep(Duration::from_millis(200)).await;
    let got = cost.got.load(Ordering::Relaxed);
    ensure!(got == due, "{got} deliveries instead of {due}");
    Ok(())
}

fn told(sockets: usize, costs: &[Cost; 2]) -> anyhow::Result<Measured> {
    let mut measured = Measured::new(format!(
        "Socket.IO beside /ws: {sockets} idle sockets of each, {MEMBERS} of each in a group, {TURNS} turns"
    ));
    let mut each = Vec::new();
    for (way, cost) in Way::BOTH.into_iter().zip(costs) {
        let bytes = cost.bytes / cost.sockets.max(1) as f64;
        let micros = cost.cpu.as_secs_f64() * 1e6 / cost.deliveries.max(1) as f64;
        let name = way.name();
        measured.add(format!("resident bytes per user with a connection, {name}"), bytes);
        let more = cost.more_bytes / cost.more.max(1) as f64;
        measured.add(format!("resident bytes per further connection, {name}"), more);
        measured.add(format!("server CPU, µs per delivery, {name}"), micros);
        each.push((more, micros));
    }
    let [(frames_bytes, frames_micros), (bytes, micros)] = each.as_slice() else {
        anyhow::bail!("two ways were measured");
    };
    let times = micros / frames_micros;
    measured.add("memory of a further connection, times that of /ws", bytes / frames_bytes);
    measured.add("CPU of a delivery, times that of /ws", times);
    ensure!(
        *bytes <= BYTES * SLACK && times <= TIMES * SLACK,
        "far from the aims of {BYTES} bytes and {TIMES} times:\n{}",
        measured.lines()
    );
    Ok(measured)
}
