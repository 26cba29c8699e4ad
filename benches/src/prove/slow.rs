//! G-17: sockets that do not read hurt nobody else. The same load runs twice beside each other's figures:
//! once everybody reads, once a hundred of a thousand sockets do not. Those are told to resync, cost the
//! server no more than their queues, and are closed with a code that says: come back.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::{join_all, try_join_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Wire;
use uuid::Uuid;

use super::Say;
use crate::history::Outcome;
use crate::lean;
use crate::remote::{Connection, Remote, narrow};
use crate::server::Server;
use crate::target::{Message, Target as _, User};
use crate::task::spawn;

/// Number of the first of these users.
const FIRST: usize = 2_000_000;
/// Sockets of each user.
const EACH: usize = 20;
/// Users whose sockets are measured, and users whose sockets stall.
const USERS: [usize; 2] = [45, 5];
/// The same in a short run.
const SHORT: [usize; 2] = [9, 1];
/// Messages a second to those who are measured, and to the others.
const RATES: [f64; 2] = [10.0, 40.0];
/// Code points of a message that fills queues; each is three bytes.
const LARGE: usize = 9_900;
/// How long a run is measured; that with stalled sockets goes on until the last of them is closed.
const MEASURED: Duration = Duration::from_secs(6);
/// So that both see as much of what the machine does anyway.
const AS_LONG: Duration = Duration::from_secs(12);
/// When half of them read again, behind what is measured.
const RETURN: Duration = Duration::from_secs(2);
/// From the first frame that does not leave: what fills the kernel's buffers, 15 s, and a busy machine.
const CLOSED_IN: Duration = Duration::from_secs(30);
/// How much slower the others may be, in the median of all seconds.
const SLOWER: f64 = 2.0;
/// What the p99 of the whole run may be at most: whatever else the machine does, nobody stands still.
const STILL: u64 = 500_000;
/// What a stalled socket may cost: its queue, and what a socket and an allocator take anyway.
const COSTS: u64 = 256 << 10;
const SLACK: u64 = 48 << 20;
/// Users registered at a time.
const AT_ONCE: usize = 4;

/// Who takes part.
struct Cast {
    remote: Remote,
    sender: User,
    /// Those who are measured, and those who stall; each list in one group.
    users: [Vec<User>; 2],
    groups: [Uuid; 2],
}

impl Cast {
    async fn make(remote: &Remote, users: [usize; 2]) -> anyhow::Result<Self> {
        let [measured, stalled] = users;
        let users: Vec<User> =
            stream::iter((0..=measured + stalled).map(|n| remote.register(FIRST + n)))
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
        let (sender, rest) = users.split_first().context("a sender")?;
        let (good, slow) = rest.split_at(measured);
        let mut groups = [Uuid::nil(); 2];
        for (place, list) in groups.iter_mut().zip([good, slow]) {
            let ids: Vec<Uuid> = list.iter().map(|user| user.id).collect();
            match remote.group(0, sender, &ids).await {
                Outcome::Ok(id) => *place = id,
                other => anyhow::bail!("opening a group: {other:?}"),
            }
        }
        let users = [good.to_vec(), slow.to_vec()];
        Ok(Self { remote: remote.clone(), sender: sender.clone(), users, groups })
    }

    /// Sends at a steady rate until told to stop.
    async fn talk(&self, which: usize, run: &str, mut stop: watch::Receiver<bool>) {
        let [group, rate] = [0, 1].map(|_| which);
        let (Some(group), Some(rate)) = (self.groups.get(group), RATES.get(rate)) else { return };
        let large = "\u{4e00}".repeat(if which == 0 { 0 } else { LARGE });
        let mut every = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        let talk = async {
            for number in 0_u64.. {
                every.tick().await;
                let content = format!("t{} {large}", nanos());
                let client = format!("{run}-{which}-{number}");
                let message = Message::new(*group, self.sender.id, &client, content);
                drop(self.remote.send(0, &self.sender, &message).await);
            }
        };
        tokio::select! {
            () = talk => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Of the monotonic clock.
fn nanos() -> u64 {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let began = BEGAN.get_or_init(std::time::Instant::now);
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Reads a socket until it ends; the second of each arrival, and microseconds from its send.
async fn listen(
    authority: String,
    token: std::sync::Arc<str>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Vec<(u64, u64)>> {
    let (_writer, mut reader) = lean::open(&authority, &token).await?;
    let mut stop = stop;
    let mut took = Vec::new();
    loop {
        let text = tokio::select! {
            text = reader.next() => text?,
            _ = stop.wait_for(|stop| *stop) => return Ok(took),
        };
        let sent = lean::text_after(text, br#""content":"t"#).and_then(lean::number);
        if let Some(sent) = sent {
            let now = nanos();
            took.push((now / 1_000_000_000, now.saturating_sub(sent) / 1_000));
        }
    }
}

/// How long pushes took, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Took {
    /// The p99 of each second, of these the median: what one stall of the disk does not move.
    typical: u64,
    /// The p99 of all.
    whole: u64,
}

/// One run, of those who are measured.
async fn measured(
    cast: &Cast,
    run: &str,
    more: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Took> {
    let (stop, stopped) = watch::channel(false);
    let mut readers = Vec::new();
    for user in &cast.users[0] {
        for place in 0..EACH {
            let authority = cast.remote.socket_authority(place).to_owned();
            readers.push(spawn(listen(authority, user.token.clone(), stopped.clone())));
        }
    }
    // All are in before anything is said.
    sleep(Duration::from_secs(1)).await;
    let talking = async {
        tokio::join!(cast.talk(0, run, stopped.clone()), cast.talk(1, run, stopped.clone()));
    };
    let ending = async {
        sleep(MEASURED).await;
        let outcome = more.await;
        stop.send_replace(true);
        outcome
    };
    let ((), outcome) = tokio::join!(talking, ending);
    outcome?;
    let mut all = Histogram::<u64>::new(3)?;
    let mut seconds: BTreeMap<u64, Histogram<u64>> = BTreeMap::new();
    for reader in readers {
        for (second, took) in reader.await.context("a reader panicked")?? {
            all.record(took.max(1))?;
            let second = match seconds.entry(second) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => place.insert(Histogram::new(3)?),
            };
            second.record(took.max(1))?;
        }
    }
    let mut each: Vec<u64> = seconds.values().map(|one| one.value_at_quantile(0.99)).collect();
    each.sort_unstable();
    let typical = each.get(each.len() / 2).copied().context("nothing was pushed")?;
    Ok(Took { typical, whole: all.value_at_quantile(0.99) })
}

/// Reads what is left for a socket that was stalled until it is told to resync; whether it was. It goes
/// then: with its narrow buffers every large frame more would cost this machine, and not the server, what
/// is measured.
async fn told(mut connection: Connection) -> bool {
    let reading = async {
        while let Some(Ok(message)) = connection.next().await {
            if matches!(message, Wire::Text(text) if text.starts_with(r#"{"type":"resync""#)) {
                return true;
            }
        }
        false
    };
    timeout(Duration::from_secs(10), reading).await.unwrap_or(false)
}

/// Reads what is left for a socket that was closed: the close code.
async fn left(mut connection: Connection) -> Option<u16> {
    let reading = async {
        while let Some(Ok(message)) = connection.next().await {
            if let Wire::Close(close) = message {
                return close.map(|close| close.code.into());
            }
        }
        None
    };
    timeout(Duration::from_secs(10), reading).await.ok().flatten()
}

/// Whether it held.
pub(super) async fn run(
    remote: &Remote,
    server: &Server,
    short: bool,
    say: Say<'_>,
) -> anyhow::Result<bool> {
    let users = if short { SHORT } else { USERS };
    let cast = Cast::make(remote, users).await.context("the cast of the slow readers")?;
    // Everybody reads.
    let (quit, quitting) = watch::channel(false);
    let mut others = Vec::new();
    for user in &cast.users[1] {
        for place in 0..EACH {
            let authority = cast.remote.socket_authority(place).to_owned();
            others.push(spawn(listen(authority, user.token.clone(), quitting.clone())));
        }
    }
    let usual = measured(&cast, "all", async {
        sleep(AS_LONG).await;
        Ok(())
    })
    .await?;
    quit.send_replace(true);
    join_all(others).await;
    // A hundred do not.
    let stalled = cast.users[1].iter().flat_map(|user| (0..EACH).map(move |place| (user, place)));
    let stalled: Vec<Connection> = try_join_all(
        stalled.map(|(user, place)| narrow(cast.remote.socket_authority(place), user)),
    )
    .await?;
    let (count, before) = (stalled.len(), server.usage()?.resident_bytes);
    let all = users.iter().sum::<usize>() * EACH;
    // Half of them read again in time.
    let (back, gone): (Vec<_>, Vec<_>) =
        stalled.into_iter().enumerate().partition(|(place, _)| place % 2 == 0);
    let returns = back.len();
    let (reading, ends) = (Mutex::new(Vec::new()), gone.len());
    let closed_in = async {
        sleep(RETURN).await;
        reading.lock().extend(back.into_iter().map(|(_, connection)| spawn(told(connection))));
        let began = Instant::now();
        loop {
            let open = server.metrics().await?.get("parlance_sockets");
            if open <= (all - count) as f64 + 0.5 {
                return Ok(());
            }
            ensure!(
                began.elapsed() < CLOSED_IN,
                "{open} sockets are open, {count} of {all} should be gone"
            );
            sleep(Duration::from_millis(200)).await;
        }
    };
    let began = Instant::now();
    let with = measured(&cast, "most", closed_in).await?;
    let took = began.elapsed();
    let grown = server.usage()?.resident_bytes.saturating_sub(before);
    let mut resyncs = 0;
    for reader in reading.into_inner() {
        resyncs += usize::from(reader.await.context("a reader panicked")?);
    }
    let codes = join_all(gone.into_iter().map(|(_, connection)| left(connection))).await;
    // Where the kernel takes not even the close frame, the connection ends without one.
    let wrong = codes.iter().flatten().filter(|code| **code != 4508).count();
    let coded = codes.iter().flatten().filter(|code| **code == 4508).count();
    let most = COSTS * u64::try_from(count)? + SLACK;
    let slower = with.typical as f64 / usual.typical.max(1) as f64;
    let held = resyncs == returns && wrong == 0 && coded * 2 > ends;
    let good = held && grown <= most && slower <= SLOWER && with.whole <= STILL;
    let verdict = if good { "held" } else { "FAIL" };
    say(&format!(
        "\nG-17 slow reader: {count} of {all} sockets stalled; of {returns} that read again {resyncs} were \
         told to resync; {ends} that did not were closed within {took:.0?}, {coded} with 4508; resident \
         memory {} KiB more; p99 of the others in the median second {:.1} ms, {:.1} ms when all read \
         ({slower:.2} x), of the whole run {:.1} and {:.1} ms: {verdict}",
        grown >> 10,
        with.typical as f64 / 1e3,
        usual.typical as f64 / 1e3,
        with.whole as f64 / 1e3,
        usual.whole as f64 / 1e3
    ));
    Ok(good)
}
