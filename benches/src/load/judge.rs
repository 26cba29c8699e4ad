//! The end of a run: what was asked for is asked again, every conversation is read whole, and the
//! checker reads its verdict from that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::Run;
use super::book::Number;
use super::history::{Pieces, again};
use crate::checker::{Guarantee, Needs, State, Verdict, judge};
use crate::history::{Attempt, Entry, Op, Outcome, Page, Via, write};
use crate::remote::Remote;
use crate::target::Target as _;
use crate::workload::{pages, retryable};

/// Sends that are asked once more under their client id, spread over the run; and all whose outcome is
/// not known.
const AGAIN: usize = 400;
/// How long one of them is asked, and how long a conversation is read.
const PATIENCE: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(200);
/// Requests at a time.
const AT_ONCE: usize = 16;
/// Witnesses kept per kind of anomaly.
const WITNESSES: usize = 3;
/// Up to so many sends each conversation is read by two of its members.
const BOTH: usize = 50_000;

/// What the checker says about a run.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Broken, proven, or neither.
    pub state: State,
    /// By guarantee, of those that the run exercised.
    pub verdicts: Vec<Verdict>,
    /// Why nothing is proven.
    pub void: Vec<String>,
    /// Sends, and those of them that were acknowledged, refused, and neither.
    pub sends: u64,
    /// Acknowledged in the end.
    pub acked: u64,
    /// Refused for good.
    pub refused: u64,
    /// Not known, and not to be learned by asking again.
    pub unknown: u64,
    /// Where the history of what is broken was put.
    pub kept: Vec<PathBuf>,
}

/// Judges a run; `needs` says how often which guarantee must have been exercised, `kept` how files begin
/// that hold what is broken.
pub async fn run(
    run: &Run,
    remote: &Remote,
    kept: &Path,
    needs: &[(Guarantee, u64)],
) -> anyhow::Result<Judged> {
    let sends = run.book.len();
    let unknown = ask_again(run, remote).await;
    run.gauges.phase(&format!("reading {} conversations whole", run.world.rooms.len()));
    let mut judged = Judged {
        state: State::Pass,
        verdicts: Vec::new(),
        void: Vec::new(),
        sends: sends as u64,
        acked: 0,
        refused: run.book.odd.lock().values().filter(|o| matches!(o, Outcome::Fail(_))).count()
            as u64,
        unknown,
        kept: Vec::new(),
    };
    let mut merged: BTreeMap<Guarantee, Verdict> = BTreeMap::new();
    let needless = Needs { ok_share: 0.0, faults: 0, ..Needs::default() };
    let mut pieces = Pieces::of(run);
    let readers = if sends <= BOTH { 2 } else { 1 };
    for (number, range) in pieces.ranges().into_iter().enumerate() {
        let wholes: Vec<Entry> = stream::iter(
            range.clone().flat_map(|room| (0..readers).map(move |reader| (room, reader))),
        )
        .map(|(room, reader)| whole(run, remote, room, reader))
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
        let mut entries = pieces.entries(range);
        entries.extend(wholes);
        let needs = needless.clone();
        // The clients' thread shows the run meanwhile.
        let (report, entries) =
            tokio::task::spawn_blocking(move || (judge(&entries, &needs), entries)).await?;
        if report.hygiene.unread > 0 {
            judged
                .void
                .push(format!("{} conversations could not be read whole", report.hygiene.unread));
        }
        if report.verdicts.iter().any(|judged| judged.verdict.total() > 0) {
            let path = PathBuf::from(format!("{}-{}.jsonl", kept.display(), number + 1));
            match write(&path, &entries) {
                Ok(()) => judged.kept.push(path),
                // What was found counts, kept or not.
                Err(error) => judged.void.push(format!("{}: {error:#}", path.display())),
            }
        }
        for one in report.verdicts {
            merge(&mut merged, one.verdict);
        }
    }
    if unknown > 0 {
        let why = "sends of which it is not known what became of them, not even by asking again";
        judged.void.push(format!("{unknown} {why}"));
    }
    judged.acked = judged.sends.saturating_sub(judged.refused + judged.unknown);
    for (guarantee, needed) in needs {
        let checked = merged.get(guarantee).map_or(0, |verdict| verdict.checked);
        if checked < *needed {
            let (title, unit) = guarantee.title();
            judged.void.push(format!("{title}: {checked} {unit}, {needed} are needed"));
        }
    }
    judged.verdicts = merged.into_values().filter(|v| v.checked > 0 || v.total() > 0).collect();
    judged.state = if judged.verdicts.iter().any(|verdict| verdict.total() > 0) {
        State::Fail
    } else if judged.void.is_empty() {
        State::Pass
    } else {
        State::Void
    };
    Ok(judged)
}

fn merge(all: &mut BTreeMap<Guarantee, Verdict>, one: Verdict) {
    let Some(known) = all.get_mut(&one.guarantee) else {
        all.insert(one.guarantee, one);
        return;
    };
    known.checked += one.checked;
    for (kind, count) in one.anomalies {
        *known.anomalies.entry(kind).or_default() += count;
    }
    for witness in one.witnesses {
        let same = known.witnesses.iter().filter(|known| known.kind == witness.kind).count();
        if same < WITNESSES {
            known.witnesses.push(witness);
        }
    }
}

/// Sends once more what may or may not have been done, and some of what was: the same message each time.
/// How many outcomes are still not known.
async fn ask_again(run: &Run, remote: &Remote) -> u64 {
    let (unknown, acked) = endings(run);
    run.gauges.phase(&format!("asking {} sends again", unknown.len() + acked.len().min(AGAIN)));
    let step = acked.len().div_ceil(AGAIN).max(1);
    let spread = acked.into_iter().step_by(step);
    stream::iter(
        unknown.into_iter().map(|number| (number, 1)).chain(spread.map(|number| (number, 0))),
    )
    .map(|(number, counts)| async move {
        let known = repeat(run, remote, number).await;
        run.gauges.step();
        if known { 0 } else { counts }
    })
    .buffer_unordered(AT_ONCE)
    .fold(0, |sum, one| std::future::ready(sum + one))
    .await
}

/// Sends whose outcome is not known, and those that were acknowledged.
fn endings(run: &Run) -> (Vec<Number>, Vec<Number>) {
    let (odd, sends) = (run.book.odd.lock(), run.book.sends.lock());
    let (mut unknown, mut acked) = (Vec::new(), Vec::new());
    for (number, sent) in (0..).zip(sends.iter()) {
        match odd.get(&number) {
            Some(Outcome::Fail(_) | Outcome::Ok(_)) => {}
            Some(Outcome::Unknown(_)) => unknown.push(number),
            None if sent.end == 0 => unknown.push(number),
            None => acked.push(number),
        }
    }
    (unknown, acked)
}

/// Whether it came to an end that is known.
async fn repeat(run: &Run, remote: &Remote, number: Number) -> bool {
    let Some((user, message)) = again(run, number) else { return false };
    let Some(who) = run.world.user(user) else { return false };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = message.request.clone();
        let outcome = Outcome::Unknown("abandoned".to_owned());
        let attempt = Attempt { request, via: Via::Rest, outcome, loss: None };
        let pending = run.book.recorder().begin(user, 0, Op::Send(attempt));
        let outcome = remote.send(number as usize, who, &message).await;
        pending.sent(&outcome);
        match outcome {
            Outcome::Ok(_) => return true,
            Outcome::Fail(code) if !retryable(&code) => return true,
            _ if Instant::now() > deadline => return false,
            _ => sleep(WAIT).await,
        }
    }
}

/// A conversation from its newest message to its first, as one of its members reads it.
async fn whole(run: &Run, remote: &Remote, room: usize, reader: usize) -> Option<Entry> {
    let room = run.world.rooms.get(room)?;
    // The last one and the first one.
    let place = if reader == 0 { room.members.last() } else { room.members.first() };
    let who = run.world.user(*place?)?;
    let start = run.book.recorder().now();
    let deadline = Instant::now() + PATIENCE;
    let outcome = loop {
        match pages(remote, reader, room.id, who).await {
            Outcome::Unknown(_) if Instant::now() < deadline => sleep(WAIT).await,
            outcome => break outcome,
        }
    };
    if reader == 0 {
        run.gauges.step();
    }
    let op = Op::Full(Page { conversation: room.id, by: who.id, before: None, outcome });
    Some(Entry { process: *place?, node: 0, start, end: run.book.recorder().now(), op })
}
