//! `parlance migrate`: the tables of the CQL store. Forward only and additive, so that processes of
//! this version and the one before run side by side on what it leaves.

use std::sync::Arc;

use anyhow::{Context, bail};
use engines::cql::migrate;
use platform::config::{Config, StoreEngine};
use platform::port::clock::SystemClock;

/// Does what is missing, or (`check`) only says it.
pub(crate) fn run(config: &Config, check: bool) -> anyhow::Result<()> {
    if config.engines.store != StoreEngine::Cql {
        bail!("engines.store is \"embedded\": it needs no migration");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let defs = schemas::table::all();
    let clock = Arc::new(SystemClock);
    let context = || format!("the CQL store at {}", config.cql.contact_points.join(", "));
    if check {
        let status =
            runtime.block_on(migrate::status(&config.cql, &config.namespace, &defs, clock));
        let status = status.with_context(context)?;
        for step in &status.missing {
            say(&format!("missing: {step}"));
        }
        if !status.missing.is_empty() {
            bail!("{} is {} steps behind", status.keyspace, status.missing.len());
        }
        say(&format!("{} is up to date: {} steps are done", status.keyspace, status.done.len()));
        return Ok(());
    }
    let done = runtime.block_on(migrate::migrate(&config.cql, &config.namespace, &defs, clock));
    let done = done.with_context(context)?;
    for step in &done {
        say(step);
    }
    say(if done.is_empty() { "nothing to do" } else { "done" });
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(line: &str) {
    println!("{line}");
}
