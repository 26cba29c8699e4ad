//! This machine: limits, folder, secrets.

use platform::config::{Config, LogEngine, without_effect};
use rustix::process::{Resource, getrlimit};

use super::Finding::{Broken, Doubtful, Good};
use super::{Check, Finding};

/// Sockets and connections a node should be able to hold.
const FILES: u64 = 65_536;

/// `holder`: the process that runs with the data folder, if one does.
pub(super) fn checks(config: &Config, holder: Option<&str>) -> Vec<Check> {
    let mut checks = vec![
        Check { what: "settings", finding: Good("can be read, and fit together".to_owned()) },
        Check { what: "open files", finding: open_files(holder) },
        Check { what: "secrets", finding: secrets(config) },
    ];
    let idle = without_effect(|name| std::env::var(name).ok());
    if !idle.is_empty() {
        let found = format!("set, without effect: {}", idle.join("; "));
        let advice = "docs/CONFIGURATION.md has the settings that there are".to_owned();
        checks.push(Check { what: "environment", finding: Doubtful(found, advice) });
    }
    checks
}

/// Of the process that runs, else of this one.
fn open_files(holder: Option<&str>) -> Finding {
    let path = holder.map(|pid| format!("/proc/{pid}/limits"));
    // That of another user is not shown.
    let text = path.and_then(|path| std::fs::read_to_string(path).ok());
    match (holder, text.as_deref().and_then(soft_limit)) {
        (Some(pid), Some(limit)) => judge_files(&format!("process {pid}"), Some(limit)),
        _ => judge_files("this process", getrlimit(Resource::Nofile).current),
    }
}

/// Of a process's limits as the kernel lists them; the soft one counts.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn judge_files(who: &str, limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < FILES => Doubtful(
            format!("{who} may open {limit}"),
            format!("a socket takes one: raise it to {FILES} or more (ulimit -n, LimitNOFILE)"),
        ),
        Some(limit) => Good(format!("{who} may open {limit}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_counts() {
        let limits = "Max processes             7                    9                    processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits), Some(1_024));
        assert!(matches!(judge_files("it", Some(1_024)), Doubtful(..)));
        assert!(matches!(judge_files("it", Some(FILES)), Good(_)));
    }
}
