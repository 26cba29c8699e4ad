//! This machine: limits, folder, secrets.

use platform::config::{Config, LogEngine, without_effect};
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::Finding::{Broken, Doubtful, Good};
use super::{Check, Finding};

/// Sockets and connections a node should be able to hold.
const FILES: u64 = 65_536;
/// Room on the disk below which one should act, and below which little is left, bytes.
const ROOM: u64 = 10 << 30;
const LITTLE_ROOM: u64 = 1 << 30;

pub(super) fn checks(config: &Config) -> Vec<Check> {
    let mut checks = vec![
        Check { what: "settings", finding: Good("can be read, and fit together".to_owned()) },
        Check { what: "open files", finding: open_files() },
        Check { what: "secrets", finding: secrets(config) },
    ];
    let idle = without_effect(|name| std::env::var(name).ok());
    if !idle.is_empty() {
        let found = format!("set, without effect: {}", idle.join("; "));
        let advice = "docs/CONFIGURATION.md has the settings that there are".to_owned();
        checks.push(Check { what: "environment", finding: Doubtful(found, advice) });
    }
    if config.engines.log == LogEngine::Embedded {
        checks.push(Check { what: "data folder", finding: data(config) });
    }
    checks
}

fn open_files() -> Finding {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < FILES => Doubtful(
            format!("this process may open {limit}"),
            format!("a socket takes one: raise it to {FILES} or more (ulimit -n, LimitNOFILE)"),
        ),
        Some(limit) => Good(format!("this process may open {limit}")),
        None => Good("no limit".to_owned()),
    }
}

fn secrets(config: &Config) -> Finding {
    if !config.auth.jwt_secret.is_empty() {
        return Good("auth.jwt_secret is given".to_owned());
    }
    match config.engines.log {
        LogEngine::Embedded => {
            let keys = config.data.dir.join("keys");
            Good(format!("made at the first start, in {}", keys.display()))
        }
        LogEngine::Kafka => Broken(
            "auth.jwt_secret is not given".to_owned(),
            "every node needs the same: openssl rand -base64 48, then PARLANCE_AUTH__JWT_SECRET or \
             auth.jwt_secret_file. Workers do without"
                .to_owned(),
        ),
    }
}

fn data(config: &Config) -> Finding {
    let dir = &config.data.dir;
    // The folder may not be there yet: then its nearest parent tells.
    let there = dir.ancestors().find(|path| path.is_dir());
    let there = there.unwrap_or_else(|| std::path::Path::new("."));
    let shown = dir.display();
    let room = match statvfs(there) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            return Broken(format!("{shown}: {error}"), "choose another with data.dir".to_owned());
        }
    };
    let gib = room >> 30;
    let found = format!("{shown}: {gib} GiB free");
    if tempfile_in(there).is_err() {
        return Broken(
            format!("{shown} can not be written"),
            "give it to the user of this process, or choose another with data.dir".to_owned(),
        );
    }
    match room {
        room if room < LITTLE_ROOM => {
            Broken(found, "make room: a full disk stops sends".to_owned())
        }
        room if room < ROOM => Doubtful(
            found,
            format!(
                "the journal alone may take {} GiB (journal.max_mib)",
                config.journal.max_mib >> 10
            ),
        ),
        _ => Good(found),
    }
}

fn tempfile_in(folder: &std::path::Path) -> std::io::Result<()> {
    let path = folder.join(format!(".parlance-doctor-{}", std::process::id()));
    std::fs::write(&path, b"x")?;
    std::fs::remove_file(&path)
}
