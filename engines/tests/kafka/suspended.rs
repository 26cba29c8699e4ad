//! A process that is suspended for longer than its session: its partitions go to another, and when it
//! wakes it hears that before anything else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use platform::Log;
use platform::port::log::{Append, Budget, Polled};
use schemas::topic::{COMMANDS, Headers};

use crate::mock::Cluster;

const BROKERS: &str = "PARLANCE_TEST_SUSPENDED";

/// The process that is suspended. A test of its own only in a process that the other one starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the other test"]
async fn the_suspended_process() {
    let Ok(brokers) = std::env::var(BROKERS) else { return };
    let log = Cluster::of(&brokers).await;
    let mut member = log.join("suspended", &COMMANDS).await.expect("joined");
    loop {
        match member.poll().await.expect("polled") {
            Polled::Assigned(given) => eprintln!("child: assigned {}", given.len()),
            Polled::Revoking(partitions) => {
                eprintln!("child: revoking {}", partitions.len());
                member.released(partitions).await.expect("released");
            }
            Polled::Lost(partitions) => eprintln!("child: lost {}", partitions.len()),
            Polled::Records(records) => eprintln!("child: records {}", records.len()),
        }
        // Long enough for more to be waiting when it is suspended.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

struct Suspended {
    child: Child,
    lines: Receiver<String>,
}

impl Suspended {
    fn start(brokers: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "suspended::the_suspended_process", "--ignored", "--nocapture"])
            .env(BROKERS, brokers)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let out = BufReader::new(child.stderr.take().expect("piped"));
        let (send, lines) = sync_channel(1_000);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let Some(at) = line.find("child: ") else { continue };
                if send.send(line[at + 7..].to_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(sent.success());
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("a line in time")
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_member_hears_that_it_lost() {
    let cluster = Cluster::start();
    let log = cluster.open().await;
    let add = async |partition| {
        let (key, headers) = (Bytes::from_static(b"key"), Headers::new());
        let value = Bytes::from_static(b"x");
        let record = Append { topic: &COMMANDS, partition, key, headers, value };
        log.append(Budget::Worker, vec![record]).await.expect("appended");
    };
    let suspended = Suspended::start(&cluster.config.brokers[0]);
    assert_eq!(suspended.line(), "assigned 8");
    add(0).await;
    assert_eq!(suspended.line(), "records 1");
    // These lie in its buffer while its task sleeps.
    add(1).await;
    add(2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    suspended.signal("-STOP");

    let mut member = log.join("suspended", &COMMANDS).await.expect("joined");
    let polled = tokio::time::timeout(Duration::from_secs(10), member.poll()).await;
    let polled = polled.expect("session and drain").expect("polled");
    let Polled::Assigned(given) = polled else { panic!("{polled:?}") };
    assert_eq!(given.len(), 8, "the suspended member has none");
    let mut read = 0;
    while read < 3 {
        match member.poll().await.expect("polled") {
            // Nothing was committed.
            Polled::Records(records) => read += records.len(),
            other => panic!("{other:?}"),
        }
    }
    suspended.signal("-CONT");
    assert_eq!(suspended.line(), "lost 8", "before any record");
    // And it comes back as a member of the group.
    let back = tokio::task::spawn_blocking(move || (suspended.line(), suspended));
    let back = async { back.await.expect("a line") };
    tokio::pin!(back);
    let (line, _suspended) = loop {
        tokio::select! {
            back = &mut back => break back,
            polled = member.poll() => if let Polled::Revoking(partitions) = polled.expect("polled") {
                member.released(partitions).await.expect("released");
            },
        }
    };
    assert!(line.starts_with("assigned"), "{line}");
    log.close().await;
}
