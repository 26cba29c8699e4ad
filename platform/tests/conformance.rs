//! The conformance suites on every adapter of this crate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use platform::embedded::{
    EmbeddedLog, JournalConfig, LocalEphemeral, LogConfig, LsmConfig, LsmStore, QueueLimits,
    TailLimits,
};
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::port::clock::{SimClock, SystemClock};
use platform::testing::FaultFs;
use platform::testing::conformance::{ephemeral, log, store};
use platform::{Clock, Ephemeral, Log, Store};
use schemas::Timestamp;
use tempfile::TempDir;

fn sim_clock() -> Arc<SimClock> {
    Arc::new(SimClock::at(Timestamp(1_800_000_000_000)))
}

fn small_store(dir: &Path) -> LsmStore {
    let config = LsmConfig { cache_bytes: 1 << 20, memtable_bytes: 1 << 20, threads: 1 };
    LsmStore::open(dir, config).expect("the store opens")
}

struct EmbeddedStores(TempDir);

#[async_trait]
impl store::Factory for EmbeddedStores {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(small_store(&self.0.path().join("store")))
    }
}

struct MemoryStores(MemoryStore);

#[async_trait]
impl store::Factory for MemoryStores {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

/// The embedded log on a disk in memory: small segments, tails and queues.
struct EmbeddedLogs {
    dir: TempDir,
    fs: FaultFs,
    clock: Arc<SimClock>,
}

#[async_trait]
impl log::Factory for EmbeddedLogs {
    async fn open(&self) -> Arc<dyn Log> {
        let config = LogConfig {
            journal: JournalConfig {
                segment_bytes: 64 << 10,
                ingest: QueueLimits { records: 50, bytes: 1 << 20 },
                ..JournalConfig::default()
            },
            tail: TailLimits { records: 1_000, bytes: 1 << 20 },
            ring: TailLimits { records: 1_000, bytes: 2 << 20 },
            ..LogConfig::default()
        };
        let store = small_store(&self.dir.path().join("store"));
        let clock: Arc<dyn Clock> = self.clock.clone();
        let log = EmbeddedLog::open_on(Arc::new(self.fs.clone()), store, clock, config);
        Arc::new(log.expect("the log opens"))
    }

    fn clock(&self) -> Option<Arc<SimClock>> {
        Some(self.clock.clone())
    }

    fn hold(&self, held: bool) -> bool {
        self.fs.hold_syncs(held);
        true
    }

    fn ring(&self) -> Option<usize> {
        Some(1_000)
    }
}

/// The embedded log as it runs: files, default settings.
struct RealLogs(TempDir);

#[async_trait]
impl log::Factory for RealLogs {
    async fn open(&self) -> Arc<dyn Log> {
        let store = small_store(&self.0.path().join("store"));
        let clock = Arc::new(SystemClock);
        let dir = self.0.path().join("log");
        let log = EmbeddedLog::open(&dir, store, clock, LogConfig::default());
        Arc::new(log.expect("the log opens"))
    }

    fn ring(&self) -> Option<usize> {
        Some(32_768)
    }
}

struct MemoryLogs {
    log: Mutex<MemoryLog>,
    clock: Arc<SimClock>,
}

#[async_trait]
impl log::Factory for MemoryLogs {
    async fn open(&self) -> Arc<dyn Log> {
        let mut log = self.log.lock();
        *log = log.reopen();
        Arc::new(log.clone())
    }

    fn clock(&self) -> Option<Arc<SimClock>> {
        Some(self.clock.clone())
    }

    fn hold(&self, held: bool) -> bool {
        self.log.lock().hold(held);
        true
    }

    fn ring(&self) -> Option<usize> {
        Some(4_096)
    }
}

struct LocalFacts {
    engine: LocalEphemeral,
    clock: Arc<SimClock>,
}

#[async_trait]
impl ephemeral::Factory for LocalFacts {
    async fn open(&self) -> Arc<dyn Ephemeral> {
        Arc::new(self.engine.clone())
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance_ms(i64::try_from(time.as_millis()).expect("short"));
    }
}

fn local_facts() -> LocalFacts {
    let clock = sim_clock();
    LocalFacts { engine: LocalEphemeral::new(clock.clone()), clock }
}

fn temp() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

fn memory_logs() -> MemoryLogs {
    let clock = sim_clock();
    let log = Mutex::new(MemoryLog::new(clock.clone(), Faults::default()));
    MemoryLogs { log, clock }
}

fn embedded_logs() -> EmbeddedLogs {
    EmbeddedLogs { dir: temp(), fs: FaultFs::new(), clock: sim_clock() }
}

macro_rules! suite {
    ($module:ident, $suite:ident, $factory:expr, [$($case:ident),+ $(,)?]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$suite::$case(&$factory).await;
                }
            )+
        }
    };
}

macro_rules! stores {
    ($module:ident, $factory:expr) => {
        suite!(
            $module,
            store,
            $factory,
            [
                rows_are_inserted_replaced_and_deleted,
                null_is_not_empty_and_replace_clears,
                a_fenced_batch_writes_nothing,
                the_same_stamp_again_changes_nothing,
                scans_keep_to_their_bounds,
                a_descending_table_starts_with_the_newest,
                gets_answer_in_their_order,
                a_claim_has_one_winner,
                a_replace_compares_every_cell,
                puts_write_and_delete,
                a_dump_gives_every_row_once,
                rows_are_there_after_reopening,
                tables_are_written_as_their_class_says,
            ]
        );
    };
}

macro_rules! logs {
    ($module:ident, $factory:expr) => {
        suite!(
            $module,
            log,
            $factory,
            [
                the_order_of_calls_is_the_order_of_records,
                offsets_are_dense_from_zero,
                records_come_back_whole,
                large_records_pass_and_larger_ones_are_refused,
                a_group_goes_on_where_it_committed,
                groups_are_independent,
                no_partition_has_two_owners,
                a_tail_starts_where_it_is_told,
                a_tail_starts_at_a_time,
                polls_may_be_dropped,
                a_paused_partition_waits,
                append_times_never_go_back,
                a_reader_learns_what_it_lost,
                a_slow_disk_sheds_clients_and_not_workers,
                a_reader_far_behind_gets_everything,
                a_closed_log_says_so,
            ]
        );
    };
}

stores!(embedded_store, super::EmbeddedStores(super::temp()));
stores!(memory_store, super::MemoryStores(super::MemoryStore::new(super::Faults::default())));
logs!(embedded_log, super::embedded_logs());
logs!(real_log, super::RealLogs(super::temp()));
logs!(memory_log, super::memory_logs());
suite!(
    local_ephemeral,
    ephemeral,
    super::local_facts(),
    [
        routes_last_until_withdrawn_or_over,
        routes_are_sets,
        limits_refill_at_their_rate,
        a_board_says_what_was_last_written,
        notes_last_for_their_life,
        boards_are_read_whole,
    ]
);
