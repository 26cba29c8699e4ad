//! The commands on a data folder with poison in it, which only code can put there: a record of
//! `chat.commands` that no version can read. The rest of the terminal is `run.py`, against the release.
#![expect(clippy::unwrap_used, reason = "a test binary")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use platform::data_dir::DataDir;
use platform::embedded::{EmbeddedLog, LogConfig, LsmConfig, LsmStore};
use platform::port::clock::SystemClock;
use platform::port::log::{Append, Budget, Log as _};
use schemas::{partition, topic};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(30);
const KEY: &str = "00000000-0000-7000-8000-0000000000c1";
const GARBAGE: &[u8] = b"\xff\x00 not a command";

fn parlance(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
    command.current_dir(dir).env_clear().env("PARLANCE_OPERATIONS__LISTEN", "127.0.0.1:0");
    command
}

fn answer(dir: &Path, arguments: &[&str]) -> Output {
    parlance(dir).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command that works prints.
fn printed(dir: &Path, arguments: &[&str]) -> String {
    let output = answer(dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    text(&output)
}

fn letters(dir: &Path) -> Vec<Value> {
    let list = printed(dir, &["dlq", "list", "--json"]);
    list.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(dir: &Path) -> Vec<u64> {
    letters(dir).iter().map(|letter| letter["id"].as_u64().unwrap()).collect()
}

/// Waits until the list is as it should be: a pool takes its time.
fn until(dir: &Path, what: &str, right: impl Fn(&[u64]) -> bool) -> Vec<u64> {
    let begun = Instant::now();
    loop {
        let ids = ids(dir);
        if right(&ids) {
            return ids;
        }
        assert!(begun.elapsed() < SOON, "{what}: {ids:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Puts records that can not be read on `chat.commands`.
fn poison(dir: &Path, count: usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let data = DataDir::open(&dir.join("data")).unwrap();
        let store = LsmStore::open(&data.store(), LsmConfig::default()).unwrap();
        let clock = Arc::new(SystemClock);
        let log = EmbeddedLog::open(&data.log(), store, clock, LogConfig::default()).unwrap();
        let record = Append {
            topic: &topic::COMMANDS,
            partition: partition::of(KEY.as_bytes(), log.partitions(&topic::COMMANDS)),
            key: Bytes::from(KEY),
            headers: Vec::new(),
            value: Bytes::from_static(GARBAGE),
        };
        log.append(Budget::Worker, vec![record; count]).await.unwrap();
        log.close().await;
    });
}

/// A server on the folder; killed when it is dropped.
struct Server {
    process: Child,
    lines: Receiver<String>,
}

impl Server {
    /// Starts one, and gives the block that it greets with.
    fn start(dir: &Path) -> (Self, String) {
        // Nobody asks it over HTTP: any port that is free.
        let mut process = parlance(dir)
            .env("PORT", "0")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (say, lines) = sync_channel(10_000);
        let errors = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || {
            errors.lines().map_while(Result::ok).try_for_each(|l| say.send(l))
        });
        let server = Self { process, lines };
        let mut block = String::new();
        while !block.contains("SECURITY.md") {
            let line = server.lines.recv_timeout(SOON);
            block += &line.unwrap_or_else(|_| panic!("no greeting: {block}"));
            block.push('\n');
        }
        (server, block)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn poison_is_listed_shown_retried_and_dropped_with_a_server_and_without() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    poison(dir, 2);
    let (server, block) = Server::start(dir);
    assert!(block.contains("2 records folded again"), "{block}");
    let found = until(dir, "two letters", |ids| ids.len() == 2);

    let letter = &letters(dir)[0];
    assert_eq!((&letter["pool"], &letter["topic"]), (&"persist".into(), &"chat.commands".into()));
    let table = printed(dir, &["dlq", "list"]);
    assert!(table.starts_with("ID ") && table.contains("undecodable command"), "{table}");
    let shown = printed(dir, &["dlq", "show", &found[0].to_string()]);
    for part in [
        "State     waits for a decision",
        "Key       00000000-0000-7000-8000-0000000000c1",
        "  00000000  ff 00 20 6e 6f 74 20 61 20 63 6f 6d 6d 61 6e 64  .. not a command",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }

    // The cause is not gone: the record is back under a number of its own.
    let said = printed(dir, &["dlq", "retry", &found[0].to_string()]);
    assert!(said.contains("appended again, at "), "{said}");
    let now = until(dir, "a new letter", |ids| ids.len() == 2 && !ids.contains(&found[0]));
    let shown = printed(dir, &["dlq", "show", &found[0].to_string()]);
    assert!(shown.contains("State     retried on "), "{shown}");
    let again = answer(dir, &["dlq", "retry", &found[0].to_string(), "999"]);
    assert_eq!(again.status.code(), Some(1));
    let said = text(&again);
    assert!(said.contains("was retried already") && said.contains("no letter 999"), "{said}");

    assert!(printed(dir, &["dlq", "drop", &now[0].to_string()]).contains("dropped"));
    assert_eq!(ids(dir), now[1..]);

    // Killed, and asked without a server: the same list. What is retried now is folded at the next start.
    drop(server);
    assert_eq!(ids(dir), now[1..]);
    let said = printed(dir, &["dlq", "retry", "--all"]);
    assert!(said.contains("appended again, at "), "{said}");
    assert_eq!(ids(dir), Vec::<u64>::new());
    assert_eq!(printed(dir, &["dlq", "list"]), "no dead letters\n");
    let copies = printed(dir, &["tail", "commands", "--json"]);
    let copies: Vec<Value> = copies.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let of: Vec<&Value> = copies.iter().map(|copy| &copy["headers"]["retry-of"]).collect();
    let (first, last) = (found[0].to_string(), now[1].to_string());
    assert_eq!(of[2..], [&Value::from(first), &Value::from(last)]);
    assert_eq!(copies[0]["base64"], "/wAgbm90IGEgY29tbWFuZA==");
    let (_server, block) = Server::start(dir);
    assert!(block.contains("1 record folded again"), "{block}");
    until(dir, "the letter of the retry", |ids| ids.len() == 1);
}
