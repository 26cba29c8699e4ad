//! Backups of an engine that works meanwhile, and what damage does to them.

mod journal;

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use parking_lot::Mutex;
use proptest::prelude::*;
use schemas::table::{Batch, Get, Value, Write};
use schemas::topic::{self, Headers};
use schemas::{Stamp, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use super::manifest::Wrong;
use super::*;
use crate::data_dir::DataDir;
use crate::embedded::{EmbeddedLog, JournalConfig, LogConfig, LsmConfig, LsmStore, TailLimits};
use crate::port::clock::SimClock;
use crate::port::log::{Append, Budget, Log, Member, Polled, Start};
use crate::port::store::{Store, get_one};
use crate::testing::conformance::store::{Name, Newest};

const GROUP: &str = "backup";
const WRITERS: u32 = 4;

fn clock() -> Arc<SimClock> {
    Arc::new(SimClock::at(Timestamp(1_800_000_000_000)))
}

/// An open data folder.
struct Server {
    data: DataDir,
    store: LsmStore,
    log: EmbeddedLog,
}

impl Server {
    fn open(dir: &Path) -> Self {
        let data = DataDir::open(dir).unwrap();
        let lsm = LsmConfig { cache_bytes: 1 << 20, memtable_bytes: 64 << 10, threads: 1 };
        let store = LsmStore::open(&data.store(), lsm).unwrap();
        let config = LogConfig {
            journal: JournalConfig {
                segment_bytes: 8_192,
                max_bytes: 16_384,
                ..JournalConfig::default()
            },
            tail: TailLimits { records: 8, bytes: 1 << 20 },
            checkpoint_every: Duration::from_hours(1),
            ..LogConfig::default()
        };
        let log = EmbeddedLog::open(&data.log(), store.clone(), clock(), config).unwrap();
        Self { data, store, log }
    }

    fn source(&self) -> Source<'_> {
        Source {
            log: &self.log,
            data: self.data.path(),
            now: Timestamp(1_800_000_000_000),
            program: "test",
            bytes_per_second: None,
            memory: None,
        }
    }

    fn back_up(&self, to: &Path) -> Result<Manifest, Error> {
        create(self.source(), to, &mut |_| ControlFlow::Continue(()))
    }

    /// What a registration does: a direct row, the record that relies on it, a direct row that relies on
    /// the record.
    async fn register(&self, partition: u32, name: &str) {
        self.mark(&format!("claimed {name}")).await;
        let value = Bytes::from(name.to_owned());
        let key = Bytes::new();
        let record =
            Append { topic: &topic::COMMANDS, partition, key, headers: Headers::new(), value };
        self.log.append(Budget::Ingest, vec![record]).await.unwrap();
        self.mark(&format!("confirmed {name}")).await;
    }

    async fn mark(&self, name: &str) {
        let row = Name { name: name.to_owned(), owner: Uuid::nil(), state: None };
        self.store.put(vec![Write::replace(&row, Stamp(0))]).await.unwrap();
    }

    async fn is_marked(&self, name: &str) -> bool {
        let get = Get::of::<Name>(vec![Value::Text(name.to_owned())]);
        get_one::<Name>(&self.store, get).await.unwrap().is_some()
    }

    async fn fold(&self, member: &mut dyn Member) -> bool {
        let polled = tokio::time::timeout(Duration::from_millis(20), member.poll()).await;
        let Ok(Ok(Polled::Records(records))) = polled else { return polled.is_ok() };
        for record in records {
            let at = record.position;
            let (owner, seq) =
                (Uuid::from_u128(at.partition.into()), at.offset.try_into().unwrap());
            let row = Newest { owner, seq, body: record.value.clone() };
            let writes = vec![Write::replace(&row, at.stamp())];
            self.store.write(Batch { fence: None, writes }).await.unwrap();
            member.commit(vec![(at.partition, at.offset + 1)]).await.unwrap();
        }
        true
    }

    async fn names(&self) -> BTreeSet<String> {
        let all = (0..topic::COMMANDS.partitions_embedded).collect();
        let mut tail = self.log.tail(&topic::COMMANDS, all, Start::Earliest).await.unwrap();
        let mut names = BTreeSet::new();
        while let Ok(records) = tokio::time::timeout(Duration::from_millis(50), tail.next()).await {
            names.extend(
                records.unwrap().iter().map(|r| String::from_utf8(r.value.to_vec()).unwrap()),
            );
        }
        names
    }

    /// Names of rows: what is folded.
    async fn folded(&self) -> BTreeSet<String> {
        let rows = self
            .store
            .dump(<Newest as schemas::table::Table>::DEF, None, usize::MAX)
            .await
            .unwrap();
        let body = |row: schemas::table::Stored| match row.cells.into_iter().last() {
            Some(Some(Value::Blob(body))) => String::from_utf8(body.to_vec()).unwrap(),
            other => panic!("no body: {other:?}"),
        };
        rows.into_iter().map(body).collect()
    }
}

/// A server with some records, half of them folded, and a backup of it.
fn small(dir: &Path) -> PathBuf {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let server = Server::open(&dir.join("data"));
    fs::write(server.data.keys().join("access.key"), "a secret that no one may read").unwrap();
    runtime.block_on(async {
        for n in 0..40 {
            server.register(n % 3, &format!("{n}")).await;
        }
        let mut member = server.log.join(GROUP, &topic::COMMANDS).await.unwrap();
        server.fold(&mut *member).await;
    });
    let to = dir.join("backup");
    server.back_up(&to).unwrap();
    to
}

fn quiet() -> impl FnMut(Progress) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_in_the_middle_of_a_load_is_one_moment_and_goes_on_from_there() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("backup");
    let server = Arc::new(Server::open(&dir.path().join("data")));
    let acknowledged = Mutex::new(BTreeSet::new());
    let ended = AtomicBool::new(false);
    let writers = join_all((0..WRITERS).map(|writer| {
        let (server, acknowledged, ended) = (&server, &acknowledged, &ended);
        async move {
            for n in 0.. {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("{writer}-{n}");
                server.register(writer, &name).await;
                acknowledged.lock().insert(name);
            }
        }
    }));
    let pool = async {
        let mut member = server.log.join(GROUP, &topic::COMMANDS).await.unwrap();
        while !ended.load(Ordering::Relaxed) {
            server.fold(&mut *member).await;
            server.log.checkpoint().unwrap();
        }
    };
    let backup = async {
        let enough = async {
            while acknowledged.lock().len() < 300 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("a load");
        let before = acknowledged.lock().clone();
        let (source, into) = (server.clone(), to.clone());
        let backup = tokio::task::spawn_blocking(move || source.back_up(&into).unwrap());
        let manifest = backup.await.unwrap();
        ended.store(true, Ordering::Relaxed);
        (before, manifest)
    };
    let (_, (), (before, manifest)) = tokio::join!(writers, pool, backup);
    drop(server);

    let other = dir.path().join("other");
    let restored = restore(&to, &other, clock(), &mut quiet()).unwrap();
    assert_eq!(restored, manifest);
    let server = Server::open(&other);
    let folded = server.folded().await;
    let names = server.names().await;
    let known: BTreeSet<String> = folded.union(&names).cloned().collect();
    for name in &before {
        assert!(known.contains(name), "{name} was acknowledged before");
    }
    for name in &known {
        assert!(server.is_marked(&format!("claimed {name}")).await, "{name} lacks its claim");
    }
    let later = std::mem::take(&mut *acknowledged.lock());
    for name in later.difference(&known) {
        let confirmed = server.is_marked(&format!("confirmed {name}")).await;
        assert!(!confirmed, "{name} is confirmed, and its record is not there");
    }
    // It goes on: what was not folded is folded, and new records come behind.
    let mut member = server.log.join(GROUP, &topic::COMMANDS).await.unwrap();
    server.register(0, "new").await;
    while server.fold(&mut *member).await {}
    assert_eq!(server.folded().await, known.iter().cloned().chain(["new".to_owned()]).collect());
    assert!(server.is_marked("confirmed new").await);
    // And it opens again, with what was written over and behind what was restored.
    drop((member, server));
    assert_eq!(Server::open(&other).folded().await.len(), known.len() + 1);
}

#[test]
fn a_backup_is_for_its_owner_alone_and_remembered() {
    let dir = TempDir::new().unwrap();
    let to = small(dir.path());
    for path in files(&to) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    for folder in [to.clone(), to.join("log"), to.join("store"), to.join("keys")] {
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700,
            "{folder:?}"
        );
    }
    let last = last(&dir.path().join("data")).unwrap();
    assert_eq!(last.folder, to.canonicalize().unwrap());
    let whole = verify(&to, &mut quiet()).unwrap();
    assert_eq!((last.at, last.bytes), (whole.at, whole.bytes()));
    let other = dir.path().join("other");
    restore(&to, &other, clock(), &mut quiet()).unwrap();
    let key = other.join("keys/access.key");
    assert_eq!(fs::read_to_string(&key).unwrap(), "a secret that no one may read");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn folders_that_have_something_in_them_are_not_touched() {
    let dir = TempDir::new().unwrap();
    let to = small(dir.path());
    let data = dir.path().join("data");
    let server = Server::open(&data);
    assert!(matches!(server.back_up(&to), Err(Error::NotEmpty(_))));
    assert!(verify(&to, &mut quiet()).is_ok());
    let inside = server.back_up(&data.join("a/b"));
    assert!(matches!(inside, Err(Error::Inside(_))) && !data.join("a").exists());
    let in_use = restore(&to, &data, clock(), &mut quiet()).unwrap_err().to_string();
    assert!(in_use.contains(&std::process::id().to_string()), "{in_use}");
    drop(server);
    let full = restore(&to, &data, clock(), &mut quiet()).unwrap_err();
    assert!(matches!(full, Error::Folder(data_dir::Error::NotEmpty(_))), "{full}");
}

#[test]
fn no_way_leads_into_the_data_folder_and_folders_that_were_made_go_with_a_failure() {
    let dir = TempDir::new().unwrap();
    small(dir.path());
    let data = dir.path().join("data");
    let server = Server::open(&data);
    let around = server.back_up(&dir.path().join("nowhere/../data/inner"));
    assert!(matches!(around, Err(Error::Roundabout(_))), "{around:?}");
    let known = dir.path().join("known");
    fs::create_dir(&known).unwrap();
    std::os::unix::fs::symlink(&data, dir.path().join("link")).unwrap();
    for inside in ["known/../data/inner", "link/inner", "link"] {
        let refused = server.back_up(&dir.path().join(inside));
        assert!(matches!(refused, Err(Error::Inside(_))), "{inside}: {refused:?}");
    }
    assert!(!data.join("inner").exists() && !dir.path().join("nowhere").exists());
    // A way back that is one is taken.
    let deep = dir.path().join("known/../known/a/b/c");
    let outcome = create(server.source(), &deep, &mut |_| ControlFlow::Break(()));
    assert!(matches!(outcome, Err(Error::Cancelled)));
    assert_eq!(fs::read_dir(&known).unwrap().count(), 0);
    server.back_up(&deep).unwrap();
    assert!(verify(&known.join("a/b/c"), &mut quiet()).is_ok());
}

#[test]
fn a_folder_without_keys_is_backed_up() {
    let dir = TempDir::new().unwrap();
    small(dir.path());
    let server = Server::open(&dir.path().join("data"));
    fs::remove_dir_all(server.data.keys()).unwrap();
    let to = dir.path().join("without");
    server.back_up(&to).unwrap();
    restore(&to, &dir.path().join("other"), clock(), &mut quiet()).unwrap();
}

#[test]
fn a_second_backup_waits_for_the_first_and_one_that_is_cancelled_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    small(dir.path());
    let server = Server::open(&dir.path().join("data"));
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let outcome = create(server.source(), &first, &mut |_| {
        assert!(matches!(server.back_up(&second), Err(Error::Busy)));
        ControlFlow::Break(())
    });
    assert!(matches!(outcome, Err(Error::Cancelled)));
    assert!(!first.exists() && !second.exists());
    server.back_up(&first).unwrap();
}

#[test]
fn what_broke_off_is_no_backup_and_no_data_folder() {
    let dir = TempDir::new().unwrap();
    let to = small(dir.path());
    let other = dir.path().join("other");
    fs::rename(to.join(MANIFEST), dir.path().join("kept")).unwrap();
    let error = restore(&to, &other, clock(), &mut quiet()).unwrap_err();
    assert!(matches!(error, Error::NoManifest(_)), "{error}");
    assert!(!other.exists());
    fs::rename(dir.path().join("kept"), to.join(MANIFEST)).unwrap();
    // A restore that was killed: what it built is there, out of sight.
    let half = data_dir::EmptyDir::claim(&other).unwrap();
    fs::write(half.building().join("FORMAT"), "x").unwrap();
    drop(half);
    let error = DataDir::open(&other).unwrap_err();
    assert!(matches!(error, data_dir::Error::HalfRestored(_)), "{error}");
    // Another try begins anew; one that was killed while it moved things is left to a person.
    restore(&to, &other, clock(), &mut quiet()).unwrap();
    fs::create_dir(other.join("restoring")).unwrap();
    let error = restore(&to, &other, clock(), &mut quiet()).unwrap_err();
    assert!(matches!(error, Error::Folder(data_dir::Error::HalfRestored(_))), "{error}");
}

#[test]
fn a_disk_without_room_is_refused_before_anything_is_written() {
    let disk = pace::Disk::of(Path::new("/"), None).unwrap();
    let error = disk.must_hold(u64::MAX).unwrap_err();
    assert!(matches!(error, Error::NoRoom { .. }), "{error}");
}

#[test]
fn a_manifest_leads_nowhere_but_into_the_folder_and_is_read_by_version() {
    let dir = TempDir::new().unwrap();
    let to = small(dir.path());
    let whole = Manifest::read(&to).unwrap();
    for path in ["../x", "/etc/passwd", "log/../../x", "keys/", "log/a/b", "other", "./FORMAT"] {
        let mut other = whole.clone();
        other.files[0].path = path.to_owned();
        assert!(matches!(Manifest::parse(&other.text()), Err(Wrong::Damaged(_))), "{path}");
    }
    let newer = Manifest { version: 2, ..whole };
    assert_eq!(Manifest::parse(&newer.text()), Err(Wrong::Version(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn one_wrong_byte_anywhere_is_found(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bits in 1_u8..) {
        // One backup for all cases: each puts back what it changed.
        static SHARED: std::sync::LazyLock<(TempDir, PathBuf)> = std::sync::LazyLock::new(|| {
            let dir = TempDir::new().unwrap();
            let to = small(dir.path());
            (dir, to)
        });
        let (dir, to) = &*SHARED;
        let files = files(to);
        let path = &files[file.index(files.len())];
        let whole = fs::read(path).unwrap();
        let mut wrong = whole.clone();
        let at = at.index(wrong.len());
        wrong[at] ^= bits;
        fs::write(path, &wrong).unwrap();
        let outcome = restore(to, &dir.path().join("other"), clock(), &mut quiet());
        fs::write(path, &whole).unwrap();
        prop_assert!(outcome.is_err(), "{} at {at}", path.display());
        prop_assert!(!dir.path().join("other").exists());
    }
}
