//! `parlance doctor`: checks every dependency, setting and clock, changes nothing, and says what to
//! do. The exit status is 1 if something is broken; warnings alone leave it 0.

mod local;
mod shared;

use std::fmt;

use anyhow::bail;
use platform::config::{Config, LogEngine};

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// As it should be.
    Good(String),
    /// It works, and may not for long: what to do.
    Doubtful(String, String),
    /// It does not work: what to do.
    Broken(String, String),
}

use Finding::{Broken, Doubtful, Good};

/// One line of the report.
#[derive(Debug)]
struct Check {
    what: &'static str,
    finding: Finding,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, finding } = self;
        match finding {
            Good(found) => write!(f, "ok    {what:<12} {found}"),
            Doubtful(found, advice) => write!(f, "WARN  {what:<12} {found}\n      → {advice}"),
            Broken(found, advice) => write!(f, "FAIL  {what:<12} {found}\n      → {advice}"),
        }
    }
}

/// Checks everything that the configuration names.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let mut checks = local::checks(config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(shared::checks(config, &mut checks));
    for check in &checks {
        say(&check.to_string());
    }
    let count = |of: fn(&Finding) -> bool| checks.iter().filter(|c| of(&c.finding)).count();
    let broken = count(|finding| matches!(finding, Broken(..)));
    let doubtful = count(|finding| matches!(finding, Doubtful(..)));
    let engines = match config.engines.log {
        LogEngine::Embedded => "embedded engines",
        LogEngine::Kafka => "shared engines",
    };
    say(&format!("{} checks on {engines}: {broken} broken, {doubtful} doubtful", checks.len()));
    if broken > 0 {
        bail!("{broken} checks failed");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(line: &str) {
    println!("{line}");
}
