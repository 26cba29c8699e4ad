//! The storm: load on two nodes with the process killed again and again.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::Mutex;

use super::{Prove, Say};
use crate::checker::{Guarantee, Needs, State, judge};
use crate::history::{Recorder, write};
use crate::remote::Remote;
use crate::server::Server;
use crate::target::Nemesis;
use crate::workload::{self, Back, Pace, Plan};

/// Sends, and messages that must be found again.
const SENDS: usize = 25_000;
/// Kills with a send in flight.
const KILLS: usize = 20;
/// Reads at push, and reads after ack.
const READS: u64 = 5_000;

/// Sockets that come back with cursors.
const RESUMES: u64 = 2_000;
/// Removals of members while they write; a few hit nothing.
const RACES: usize = 2_200;

/// Runs it and judges its history; gives the server back, running.
pub(super) async fn run(
    prove: &Prove,
    remote: Remote,
    server: Server,
    say: Say<'_>,
) -> anyhow::Result<(bool, Server)> {
    let part = if prove.short { 10 } else { 1 };
    let plan = plan(prove.seed, part);
    let recorder = Arc::new(Recorder::default());
    let shared = Arc::new(Mutex::new(server));
    let began = Instant::now();
    let ran = workload::run(Arc::new(remote), &plan, Kill(shared.clone()), recorder.clone()).await;
    let history = recorder.take();
    say(&format!("storm: {} entries in {:.0?}", history.len(), began.elapsed()));

    let report = judge(&history, &needs(u64::try_from(part)?));
    say(&report.table());
    if ran.is_err() || report.state != State::Pass {
        let path = prove.folder.join("history.jsonl");
        write(&path, &history)?;
        say(&format!("the history is in {}", path.display()));
    }
    ran.context("the storm")?;
    let server = Arc::into_inner(shared).context("nobody else has the server")?.into_inner();
    Ok((report.state == State::Pass, server))
}

fn plan(seed: u64, part: usize) -> Plan {
    Plan {
        users: 64,
        conversations: 440 / part,
        groups: 60 / part,
        group_size: 5,
        // One of each user's is that of a stock client: rooms are mixed, and all see one order.
        sockets: 4,
        stock: 1,
        back: Back::Resumes,
        cut_after: 250,
        changes: 0.15,
        wardens: 40 / part,
        races: RACES / 40,
        erasers: 4,
        erasures: 60 / part,
        walkers: 4,
        walk: 250 / part,
        writers: 48,
        readers: 4,
        sends: SENDS / part,
        pace: Pace::Closed,
        faults: KILLS.div_ceil(part),
        get_after_ack: 0.4,
        get_on_push: 0.06,
        ..Plan::small(seed)
    }
}

fn needs(part: u64) -> Needs {
    let sends = u64::try_from(SENDS).unwrap_or(u64::MAX) / part;
    let checks = [
        (Guarantee::DurableAck, sends),
        (Guarantee::HonestRefusal, sends / 100),
        (Guarantee::OneEffect, sends / 5),
        (Guarantee::DenseOrder, sends),
        (Guarantee::OneOrder, sends * 5),
        (Guarantee::PersistBeforePush, READS / part),
        (Guarantee::ReadYourWrites, READS / part),
        (Guarantee::GapFreeResume, RESUMES / part),
        (Guarantee::ExactUnread, 2_000 / part),
        (Guarantee::RemovalIsAWall, 2_000 / part),
        (Guarantee::DeletedIsGone, 2_000 / part),
    ];
    let faults = u64::try_from(KILLS).unwrap_or(u64::MAX).div_ceil(part);
    let checks = checks.into_iter().collect();
    Needs { faults, checks, stock: sends, ..Needs::default() }
}

/// Kills the process and starts it again over the same folder.
struct Kill(Arc<Mutex<Server>>);

impl Nemesis for Kill {
    fn kind(&self) -> &'static str {
        "kill -9"
    }

    async fn strike(&mut self) -> anyhow::Result<()> {
        self.0.lock().await.kill()
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        self.0.lock().await.start().await
    }
}
