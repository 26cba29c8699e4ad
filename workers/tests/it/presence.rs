//! The pool `presence` as it runs: on the memory adapters, on a clock that stands still unless everybody
//! waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::Platform;
use platform::embedded::LocalEphemeral;
use platform::lifecycle::Lifecycle;
use platform::memory::{Fault, Faults, MemoryLog, MemoryStore, Operation};
use platform::partition::progress::Progress;
use platform::port::clock::Clock;
use platform::port::ephemeral::{Ephemeral, Note, Quota, Route, Unavailable, Verdict};
use platform::port::log::{Append, Budget, PartitionState, Start, Tail};
use platform::port::store::get_one;
use platform::telemetry::Metrics;
use schemas::envelope::{self, Meta, PresenceCommand};
use schemas::outbound::{self, Outbound, PresenceWanted, Relation};
use schemas::presence::entry::Entry;
use schemas::presence::record::{Changed, Device, Heartbeat, Related, Snapshot};
use schemas::presence::table::LastSeen;
use schemas::presence::{DeviceKind, Status, board};
use schemas::topic::{OUTBOUND, PRESENCE};
use schemas::{CommandId, InstanceId, Timestamp, UserId, partition};
use tokio::time::{Instant, advance};
use uuid::Uuid;

const NODE: InstanceId = InstanceId(Uuid::from_u128(0xf1));

/// The clock of the runtime, which moves when everybody waits.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000).plus_ms(self.monotonic_ms())
    }
    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

/// Boards that can be away, and count what is asked of them.
struct Boards {
    inner: LocalEphemeral,
    away: AtomicBool,
    calls: AtomicUsize,
    notes: AtomicUsize,
    /// Notes of the largest call.
    largest: AtomicUsize,
    /// Of so many calls one fails; none: 0.
    fails: AtomicUsize,
}

impl Boards {
    fn called(&self) -> Result<(), Unavailable> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            Err(Unavailable("planted".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Ephemeral for Boards {
    async fn announce(&self, _: InstanceId, _: &[Route], _: Duration) -> Result<(), Unavailable> {
        unreachable!("presence has no routes")
    }
    async fn withdraw(&self, _: InstanceId, _: &[Route]) -> Result<(), Unavailable> {
        unreachable!("presence has no routes")
    }
    async fn routes(&self, _: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        unreachable!("presence has no routes")
    }
    async fn take(&self, _: &str, _: Quota) -> Result<Verdict, Unavailable> {
        unreachable!("presence has no limits")
    }
    async fn note(&self, board: &str, notes: &[Note]) -> Result<(), Unavailable> {
        self.called()?;
        self.notes.fetch_add(notes.len(), Ordering::SeqCst);
        self.largest.fetch_max(notes.len(), Ordering::SeqCst);
        let fails = self.fails.load(Ordering::SeqCst);
        if fails > 0 && self.calls.load(Ordering::SeqCst).is_multiple_of(fails) {
            return Err(Unavailable("planted".to_owned()));
        }
        self.inner.note(board, notes).await
    }
    async fn noted(&self, board: &str, fields: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        self.inner.noted(board, fields).await
    }
    async fn board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        self.called()?;
        self.inner.board(board).await
    }
}

struct World {
    platform: Platform,
    boards: Arc<Boards>,
    store: MemoryStore,
    outbound: Box<dyn Tail>,
    life: Lifecycle,
    progress: Option<Progress>,
}

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn partition(n: u128) -> u32 {
    partition::of(user(n).to_string().as_bytes(), PRESENCE.partitions_embedded)
}

fn device(n: u128, status: Status) -> Device {
    Device {
        user_id: user(n),
        socket: Uuid::from_u128(n),
        device_id: "phone".to_owned(),
        kind: DeviceKind::Mobile,
        status,
        last_active: Timestamp(1_800_000_000_000),
    }
}

fn record(at: u32, command: &PresenceCommand) -> Append {
    let meta = Meta {
        id: CommandId(Uuid::nil()),
        actor: user(0),
        at: Timestamp(0),
        reply_to: None,
        trace: None,
        once: None,
    };
    let value = envelope::encode(&meta, command).unwrap();
    Append { topic: &PRESENCE, partition: at, key: Bytes::new(), headers: Vec::new(), value }
}

fn is(n: u128, status: Status) -> Append {
    let device = device(n, status);
    let (clean, text_follows) = (true, false);
    let changed = Changed { node_id: NODE, device, clean, heard: None, text_follows };
    record(partition(n), &PresenceCommand::Device(changed))
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(Paused(Instant::now()));
        let faults = Faults::default();
        let store = MemoryStore::new(faults.clone());
        let boards = Arc::new(Boards {
            inner: LocalEphemeral::new(clock.clone()),
            away: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            notes: AtomicUsize::new(0),
            largest: AtomicUsize::new(0),
            fails: AtomicUsize::new(0),
        });
        let platform = Platform {
            log: Arc::new(MemoryLog::new(clock.clone(), faults)),
            store: Arc::new(store.clone()),
            ephemeral: boards.clone(),
            clock,
            metrics: Metrics::new(),
        };
        let partitions = vec![outbound::EVERYONE];
        let outbound = platform.log.tail(&OUTBOUND, partitions, Start::Latest).await.unwrap();
        Self { platform, boards, store, outbound, life: Lifecycle::new(), progress: None }
    }

    fn start(&mut self) {
        let started = workers::start(&["presence"], &self.platform, &self.life).unwrap();
        self.progress = started.get("presence").cloned();
    }

    async fn started() -> Self {
        let mut world = Self::new().await;
        world.start();
        world.answers().await;
        world
    }

    async fn put(&self, records: Vec<Append>) {
        self.platform.log.append(Budget::Worker, records).await.unwrap();
    }

    /// Lets everything that was put be handled.
    async fn handled(&self) {
        let states = self.platform.log.describe(&PRESENCE).await.unwrap();
        let ends: Vec<(u32, u64)> = states.iter().map(|at| (at.partition, at.end)).collect();
        self.progress.as_ref().unwrap().reached(&ends).await;
    }

    async fn next(&mut self) -> Vec<Outbound> {
        let records = self.outbound.next().await.unwrap();
        records
            .into_iter()
            .map(|record| Outbound::read(&record.headers, record.value).unwrap())
            .collect()
    }

    /// All partitions ask; the node has nothing.
    async fn answers(&mut self) {
        let mut asked = BTreeMap::new();
        while asked.len() < usize::try_from(PRESENCE.partitions_embedded).unwrap() {
            for outbound in self.next().await {
                if let Outbound::PresenceWanted(PresenceWanted { partition, ticket }) = outbound {
                    asked.insert(partition, ticket);
                }
            }
        }
        let answer = |(at, ticket)| {
            let devices = Vec::new();
            let snapshot = Snapshot { node_id: NODE, ticket, devices, last: true };
            record(at, &PresenceCommand::Snapshot(snapshot))
        };
        self.put(asked.into_iter().map(answer).collect()).await;
    }

    /// The next entry that nodes are told of.
    async fn told(&mut self) -> Entry {
        loop {
            for outbound in self.next().await {
                if let Outbound::Presence { entries } = outbound {
                    assert_eq!(entries.len(), 1);
                    return entries.into_iter().next().unwrap();
                }
            }
        }
    }

    async fn on_board(&self, n: u128) -> Option<Entry> {
        let noted = self.boards.noted(&board(partition(n)), &[user(n).0]).await.unwrap();
        noted[0].as_ref().map(|value| serde_json::from_slice(value).unwrap())
    }

    async fn stop(&self) {
        self.life.stop();
        assert_eq!(self.life.drained(Duration::from_secs(5)).await, Vec::<&str>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_and_goes_is_told_of_and_remembered() {
    let mut world = World::started().await;
    world.put(vec![is(1, Status::Online)]).await;
    let entry = world.told().await;
    assert_eq!((entry.user_id, entry.status, entry.devices.len()), (user(1), Status::Online, 0));
    let noted = world.on_board(1).await.unwrap();
    assert_eq!((noted.version, noted.devices.len()), (entry.version, 1));
    let went = world.platform.clock.now();
    world.put(vec![is(1, Status::Offline)]).await;
    let entry = world.told().await;
    // Nothing else came: the pool woke by itself.
    let late = world.platform.clock.now().since(went);
    assert!((5_000..5_500).contains(&late), "{late} ms");
    assert_eq!((entry.status, entry.last_seen_at), (Status::Offline, Some(went)));
    world.handled().await;
    let row = get_one::<LastSeen>(&world.store, LastSeen::get(user(1))).await.unwrap().unwrap();
    assert_eq!((row.at, row.version), (went, entry.version));
    assert!(world.on_board(1).await.is_some_and(|entry| entry.status == Status::Offline));
    advance(Duration::from_secs(130)).await;
    assert_eq!(world.on_board(1).await, None, "readers find the row by now");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn blocks_are_told_to_every_node() {
    let mut world = World::started().await;
    let related = Related { user_id: user(1), other: user(2) };
    world.put(vec![record(partition(1), &PresenceCommand::Related(related))]).await;
    loop {
        let told = world.next().await;
        if told.contains(&Outbound::Relation(Relation { user: user(1), other: user(2) })) {
            break;
        }
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whom_a_board_shows_though_no_node_is_left_goes_without_a_record() {
    let mut world = World::new().await;
    let entry = Entry {
        user_id: user(1),
        // Of an owner before the first record.
        version: -1,
        status: Status::Online,
        custom_status: None,
        custom_status_expires_at: None,
        last_seen_at: None,
        since: Timestamp(0),
        devices: Vec::new(),
        // There is no such account.
        online: false,
        last_seen: schemas::user::head::Audience::Nobody,
        hides: false,
        again: false,
        otherwise: None,
        at: Timestamp(0),
    };
    let note = Note::new(user(1).0, Bytes::from(serde_json::to_vec(&entry).unwrap()));
    world.boards.note(&board(partition(1)), &[note]).await.unwrap();
    let began = world.platform.clock.now();
    world.start();
    assert_eq!(world.told().await.status, Status::Offline);
    let late = world.platform.clock.now().since(began);
    assert!((20_000..24_000).contains(&late), "{late} ms");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_away_stops_nobody_and_is_written_when_it_is_back() {
    let mut world = World::started().await;
    world.boards.away.store(true, Ordering::SeqCst);
    world.put(vec![is(1, Status::Online)]).await;
    assert_eq!(world.told().await.status, Status::Online);
    assert_eq!(world.on_board(1).await, None);
    world.boards.away.store(false, Ordering::SeqCst);
    let beat = Heartbeat { node_id: NODE, devices: 1 };
    for _ in 0..4 {
        advance(Duration::from_secs(5)).await;
        world.put(vec![record(partition(1), &PresenceCommand::Heartbeat(beat))]).await;
        world.handled().await;
    }
    assert!(world.on_board(1).await.is_some());
    world.stop().await;
}

/// Who goes while the board is away, and is forgotten before it is back as it was, does not stay on it.
#[tokio::test(start_paused = true)]
async fn a_board_that_comes_back_as_it_went_shows_nobody_who_has_gone_since() {
    let mut world = World::started().await;
    world.put(vec![is(1, Status::Online)]).await;
    assert_eq!(world.told().await.status, Status::Online);
    world.boards.away.store(true, Ordering::SeqCst);
    world.put(vec![is(1, Status::Offline)]).await;
    assert_eq!(world.told().await.status, Status::Offline);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(world.on_board(1).await.is_some_and(|entry| entry.status == Status::Online));
    world.boards.away.store(false, Ordering::SeqCst);
    // Nothing comes to the pool meanwhile.
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.on_board(1).await, None);
    world.stop().await;
}

/// A whole board is written in slices, and goes on where it was if one fails.
#[tokio::test(start_paused = true)]
async fn a_large_board_is_written_anew_piece_by_piece() {
    const USERS: u128 = 10_000;
    let world = World::started().await;
    world.handled().await;
    world.boards.away.store(true, Ordering::SeqCst);
    world.put((1..=USERS).map(|n| is(n, Status::Online)).collect()).await;
    world.handled().await;
    world.boards.away.store(false, Ordering::SeqCst);
    world.boards.fails.store(5, Ordering::SeqCst);
    let beats = async || {
        for _ in 0..14 {
            let heartbeat = |at| {
                let devices = u32::try_from((1..=USERS).filter(|n| partition(*n) == at).count());
                let beat = Heartbeat { node_id: NODE, devices: devices.unwrap() };
                record(at, &PresenceCommand::Heartbeat(beat))
            };
            world.put((0..PRESENCE.partitions_embedded).map(heartbeat).collect()).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    beats().await;
    for n in 1..=USERS {
        assert!(world.on_board(n).await.is_some(), "{n}");
    }
    let Boards { largest, notes, .. } = &*world.boards;
    assert!(largest.load(Ordering::SeqCst) <= 256);
    let written = notes.load(Ordering::SeqCst);
    assert!((10_000..16_000).contains(&written), "{written} notes");
    world.boards.fails.store(0, Ordering::SeqCst);
    beats().await;
    let calm = notes.load(Ordering::SeqCst);
    beats().await;
    assert_eq!(notes.load(Ordering::SeqCst), calm, "it is right");
    world.stop().await;
}

/// A store that is away for long costs no node a question at each try, and everybody is told once.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_waited_for_without_asking_nodes_again() {
    let mut world = World::started().await;
    world.handled().await;
    let ends = world.platform.log.describe(&OUTBOUND).await.unwrap();
    let told = |states: Vec<PartitionState>| states.iter().map(|at| at.end).sum::<u64>();
    let before = told(ends);
    for away in [Operation::Get, Operation::Write] {
        world.store.faults().on(
            move |operation| {
                if operation == away { Fault::Refuse } else { Fault::None }
            },
        );
        world.put(vec![is(1, Status::Online)]).await;
        tokio::time::sleep(Duration::from_secs(8)).await;
    }
    assert_eq!(world.told().await.status, Status::Online);
    world.store.faults().clear();
    world.handled().await;
    assert_eq!(told(world.platform.log.describe(&OUTBOUND).await.unwrap()) - before, 1);
    let row = get_one::<LastSeen>(&world.store, LastSeen::get(user(1))).await.unwrap();
    assert!(row.is_some());
    world.stop().await;
}

/// A record that can not be read costs no node a question, and takes nothing with it.
#[tokio::test(start_paused = true)]
async fn a_record_that_can_not_be_read_asks_nobody_what_is_known() {
    let mut world = World::started().await;
    world.put(vec![is(1, Status::Online)]).await;
    assert_eq!(world.told().await.status, Status::Online);
    world.handled().await;
    let ends = |states: Vec<PartitionState>| states.iter().map(|at| at.end).sum::<u64>();
    let before = ends(world.platform.log.describe(&OUTBOUND).await.unwrap());
    let bad = || Append { value: Bytes::from_static(b"{"), ..is(1, Status::Online) };
    world.put(vec![bad()]).await;
    world.handled().await;
    world.put(vec![bad(), is(1, Status::Away), bad()]).await;
    assert_eq!(world.told().await.status, Status::Away);
    world.handled().await;
    assert_eq!(ends(world.platform.log.describe(&OUTBOUND).await.unwrap()) - before, 1);
    world.stop().await;
}

/// The reconnect of 10,000 users costs O(users), and little for each.
#[tokio::test(start_paused = true)]
async fn ten_thousand_users_who_come_cost_a_row_each_and_a_record_for_a_batch() {
    const USERS: u128 = 10_000;
    let world = World::started().await;
    world.handled().await;
    let ends = |states: Vec<PartitionState>| -> u64 { states.iter().map(|state| state.end).sum() };
    let log = world.platform.log.clone();
    let (calls, notes) = (&world.boards.calls, &world.boards.notes);
    let told = ends(log.describe(&OUTBOUND).await.unwrap());
    let (calls_before, rows) = (calls.load(Ordering::SeqCst), world.store.writes());
    let own = ends(log.describe(&PRESENCE).await.unwrap());
    let records: Vec<Append> = (1..=USERS).map(|n| is(n, Status::Online)).collect();
    world.put(records).await;
    world.handled().await;
    let told = ends(log.describe(&OUTBOUND).await.unwrap()) - told;
    let calls = calls.load(Ordering::SeqCst) - calls_before;
    assert_eq!(notes.load(Ordering::SeqCst), 10_000);
    assert_eq!(world.store.writes() - rows, 10_000);
    // Batches have up to 256 records.
    assert!(told <= 80, "{told} records told");
    assert!(calls <= 80, "{calls} calls of the board");
    // Coming once more, from another socket of theirs, tells nothing and writes nothing.
    let (rows, before) = (world.store.writes(), ends(log.describe(&OUTBOUND).await.unwrap()));
    world.put((1..=USERS).map(|n| is(n, Status::Online)).collect()).await;
    world.handled().await;
    assert_eq!(world.store.writes(), rows);
    assert_eq!(ends(log.describe(&OUTBOUND).await.unwrap()), before);
    assert_eq!(notes.load(Ordering::SeqCst), 10_000);
    let own = ends(log.describe(&PRESENCE).await.unwrap()) - own;
    assert!(own <= 20_000 + 100, "{own} records of its own included");
    world.stop().await;
}
