//! The one block that a person reads at a start: where to look, what was found, how to end it.

use std::net::SocketAddr;
use std::time::Duration;

use platform::Clock as _;
use platform::config::Config;
use platform::port::clock::SystemClock;
use schemas::Timestamp;

use super::last_run::LastRun;
use super::{Role, node};
use crate::engines::{self, Embedded, Engines};

/// What a start has come to know.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// From the first instruction to readiness.
    pub(super) took: Duration,
    /// What the process before noted in the data folder.
    pub(super) before: Option<LastRun>,
    /// Records that were in the log and not folded yet.
    pub(super) behind: u64,
    /// How long it took to fold them.
    pub(super) folding: Duration,
    /// Where metrics are; none: the port was taken.
    pub(super) operations: Option<SocketAddr>,
}

#[expect(clippy::print_stderr, reason = "for people, whatever the log filter")]
pub(super) fn greet(config: &Config, role: &Role, engines: &Engines, start: &Start) {
    eprintln!("\n{}", block(config, role, engines.embedded.as_ref(), start));
}

fn block(config: &Config, role: &Role, embedded: Option<&Embedded>, start: &Start) -> String {
    let mut lines = vec![
        format!(
            "Parlance {} is ready after {:.1?}: {}",
            env!("CARGO_PKG_VERSION"),
            start.took,
            described(role)
        ),
        String::new(),
    ];
    let mut say = |label: &str, text: &str| lines.push(format!("{label:<10}{text}"));
    let addresses = node::addresses(config, role);
    if !role.has_node() {
        say("Pools", &role.pools.join(", "));
    }
    for (at, listen) in addresses.iter().enumerate().filter(|_| role.has_node()) {
        let host = host(*listen);
        match (role.ingest, role.delivery, at) {
            (true, _, 0) => {
                say("Page", &format!("http://{host}/"));
                say("API", &format!("http://{host}/api/docs"));
            }
            (true, _, _) => say("", &format!("and http://{host}/")),
            (false, ..) => {}
        }
        if role.delivery && (at == 0 || !role.ingest) {
            say("Sockets", &format!("ws://{host}/ws"));
        }
    }
    match embedded {
        Some(embedded) => {
            let other = start.before.as_ref().map(|before| &before.version);
            let other = other.filter(|version| *version != env!("CARGO_PKG_VERSION"));
            let other = other.map(|version| format!(" (last used by version {version})"));
            let dir = embedded.data.path().display();
            say("Data", &format!("{dir}{}", other.unwrap_or_default()));
            say("", &found(embedded.data.is_fresh(), start, SystemClock.now()));
        }
        None => say("Engines", &engines::describe(config)),
    }
    let metrics = start.operations.map_or_else(
        || format!("none: {} is taken (operations.listen)", config.operations.listen),
        |listen| format!("http://{listen}/metrics"),
    );
    say("Metrics", &metrics);
    say("Logs", "here, on standard error (PARLANCE_LOGGING__FILTER=debug: more)");
    say("Look", "parlance tail events, parlance dlq list, parlance doctor");
    say("Stop", "Ctrl-C, or SIGTERM: what was accepted is finished first");
    if role.has_node() {
        lines.push(String::new());
        lines.push(warning(&addresses));
    }
    lines.iter().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

fn described(role: &Role) -> String {
    match role.name {
        "all" => "every role in this process".to_owned(),
        "worker" => "worker pools".to_owned(),
        name => format!("role {name}"),
    }
}

/// How the address is called from this machine.
fn host(listen: SocketAddr) -> String {
    let ip = listen.ip();
    if ip.is_unspecified() || ip.is_loopback() {
        format!("localhost:{}", listen.port())
    } else {
        listen.to_string()
    }
}

/// What is not for the open internet, which the addresses may let in.
fn warning(addresses: &[SocketAddr]) -> String {
    let whom = if addresses.iter().all(|listen| listen.ip().is_loopback()) {
        "for this machine alone"
    } else {
        "open to other machines"
    };
    format!("Plain HTTP, {whom}; not for the open internet: SECURITY.md")
}

fn found(fresh: bool, start: &Start, now: Timestamp) -> String {
    if fresh {
        return "new, made just now".to_owned();
    }
    let folded = match start.behind {
        0 => "nothing to fold again".to_owned(),
        1 => format!("1 record folded again in {:.1?}", start.folding),
        some => format!("{some} records folded again in {:.1?}", start.folding),
    };
    let Some(before) = &start.before else {
        return format!("found, {folded}");
    };
    let since: String = before.since.to_string().chars().take(10).collect();
    let stopped = before.stopped.map_or_else(
        || "no clean stop".to_owned(),
        |at| {
            let ms = now.since(at).max(0).unsigned_abs();
            format!("clean stop {} ago", ago(Duration::from_millis(ms)))
        },
    );
    format!("since {since}, {stopped}, {folded}")
}

fn ago(since: Duration) -> String {
    match since.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Start {
        Start {
            took: Duration::from_millis(412),
            operations: Some("127.0.0.1:9464".parse().unwrap()),
            ..Start::default()
        }
    }

    fn fits(block: &str) {
        assert!(block.lines().count() <= 14, "{block}");
        assert!(block.lines().all(|line| line.chars().count() <= 80), "{block}");
        assert!(!block.contains('\x1b'));
    }

    #[test]
    fn every_role_has_a_block_that_fits_a_terminal() {
        let config = Config::default();
        let workers = Role::worker(&workers::NAMES.map(str::to_owned)).unwrap();
        for role in [Role::all(), Role::ingest(), Role::delivery(), workers] {
            let block = block(&config, &role, None, &start());
            fits(&block);
            assert_eq!(block.contains("http://localhost:3000/\n"), role.ingest, "{block}");
            let port = if role.ingest { 3000 } else { 3001 };
            assert_eq!(
                block.contains(&format!("ws://localhost:{port}/ws")),
                role.delivery,
                "{block}"
            );
            assert_eq!(block.contains("SECURITY.md"), role.has_node(), "{block}");
        }
        let taken = Start { operations: None, ..start() };
        assert!(
            block(&config, &Role::all(), None, &taken).contains("none: 127.0.0.1:9464 is taken")
        );
    }

    #[test]
    fn a_start_says_what_it_found() {
        let (since, now) = (Timestamp(1_800_000_000_000), Timestamp(1_800_090_000_000));
        assert_eq!(found(true, &start(), now), "new, made just now");
        assert_eq!(found(false, &start(), now), "found, nothing to fold again");
        let before = |stopped| Start {
            before: serde_json::from_value(serde_json::json!({
                "v": 1, "since": since, "version": "0.1.0", "started": since, "stopped": stopped,
            }))
            .ok(),
            ..start()
        };
        assert_eq!(
            found(false, &before(Some(since)), now),
            "since 2027-01-15, clean stop 25 h ago, nothing to fold again"
        );
        let killed = Start { behind: 1_204, folding: Duration::from_millis(300), ..before(None) };
        assert_eq!(
            found(false, &killed, now),
            "since 2027-01-15, no clean stop, 1204 records folded again in 300.0ms"
        );
    }
}
