//! `parlance doctor`: checks every dependency, setting and clock, changes nothing, and says what to
//! do. The exit status is 1 if something is broken; warnings alone leave it 0.

mod folder;
mod local;
pub(crate) mod ports;
mod running;
mod shared;

use std::fmt;

use anyhow::bail;
use platform::config::{Config, LogEngine};
use platform::data_dir;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

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

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, found, advice) = match &self.finding {
            Good(found) => ("ok", found, None),
            Doubtful(found, advice) => ("doubtful", found, Some(advice)),
            Broken(found, advice) => ("broken", found, Some(advice)),
        };
        let mut fields = serializer.serialize_struct("Check", 4)?;
        fields.serialize_field("what", self.what)?;
        fields.serialize_field("state", state)?;
        fields.serialize_field("found", found)?;
        fields.serialize_field("advice", &advice)?;
        fields.end()
    }
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
pub(crate) fn run(config: &Config, json: bool) -> anyhow::Result<()> {
    let embedded = config.engines.log == LogEngine::Embedded;
    let holder = if embedded { data_dir::holder(&config.data.dir) } else { None };
    let holder = holder.as_deref();
    let mut checks = local::checks(config, holder);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if embedded {
        folder::checks(config, &mut checks);
        for listen in &config.server.listen {
            checks.push(ports::check("address", *listen, holder));
        }
        checks.push(ports::check("operations", config.operations.listen, holder));
        if holder.is_some() {
            runtime.block_on(running::checks(config, &mut checks));
        }
    }
    runtime.block_on(shared::checks(config, &mut checks));
    if json {
        say(&serde_json::to_string_pretty(&checks)?);
    } else {
        tell(config, &checks);
    }
    let broken = checks.iter().filter(|check| matches!(check.finding, Broken(..))).count();
    if broken > 0 {
        bail!("{broken} checks failed");
    }
    Ok(())
}

fn tell(config: &Config, checks: &[Check]) {
    for check in checks {
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
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(line: &str) {
    println!("{line}");
}
