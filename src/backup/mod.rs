//! `parlance backup` and `parlance restore`: an embedded data folder, while a server uses it or not.
//!
//! What a backup is, and that it is whole, is `platform::backup`. Here is who makes it: the server whose
//! folder it is, asked on its control socket, or this process if there is none. A command that ends early
//! ends the backup.

mod progress;
mod server;

use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use platform::backup::{self, Manifest};
use platform::config::{Config, LogEngine};
use platform::port::clock::SystemClock;
use schemas::Timestamp;
use serde::{Deserialize, Serialize};

use self::progress::Bar;
use crate::control::client::Client;
use crate::engines;

pub(crate) use server::routes;

const ROUTE: &str = "/backup";

/// What `parlance backup` is told.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where it goes: a folder that is empty or does not exist. It will hold every message and every
    /// secret: for its owner alone.
    folder: PathBuf,
    /// Check the backup that lies there, and make none.
    #[arg(long)]
    verify: bool,
    /// Write at most so many MiB a second; 0: as fast as it goes [16 beside a server, else 0]
    #[arg(long, value_name = "MIB")]
    limit: Option<u32>,
    /// End it when the server would keep more than so many MiB of memory for it; 0: no bound
    #[arg(long, value_name = "MIB", default_value_t = MEMORY)]
    memory: u32,
}

/// MiB of memory that a server keeps for a backup at most, if nothing is said.
const MEMORY: u32 = 1_024;

/// MiB a second beside a server, if nothing is said: its syncs wait for the same disk.
const BESIDE_A_SERVER: u32 = 16;

/// What is asked of a server.
#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    folder: PathBuf,
    limit: u32,
    memory: u32,
}

/// A line of its answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Progress { step: String, done: u64, total: u64 },
    Done { at: Timestamp, bytes: u64, files: usize },
}

/// What is told at the end.
struct Made {
    at: Timestamp,
    bytes: u64,
    files: usize,
}

impl From<&Manifest> for Made {
    fn from(manifest: &Manifest) -> Self {
        Self { at: manifest.at, bytes: manifest.bytes(), files: manifest.files.len() }
    }
}

/// Makes or checks a backup.
pub(crate) fn back_up(config: &Config, what: &Backup) -> anyhow::Result<()> {
    let folder = absolute(&what.folder).context("the folder")?;
    if what.verify {
        let mut bar = Bar::new();
        let manifest = backup::verify(&folder, &mut |now| bar.tell(now))?;
        bar.end();
        say("is whole", &folder, &(&manifest).into());
        return Ok(());
    }
    must_be_embedded(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let made = runtime.block_on(make(config, &folder, what))?;
    say("is made", &folder, &made);
    Ok(())
}

async fn make(config: &Config, folder: &Path, what: &Backup) -> anyhow::Result<Made> {
    let dir = &config.data.dir;
    let mut bar = Bar::new();
    if let Some(mut server) = Client::connect(dir).await? {
        let limit = what.limit.unwrap_or(BESIDE_A_SERVER);
        let ask = Ask { folder: folder.to_path_buf(), limit, memory: what.memory };
        let mut answers = server.stream(ROUTE, &ask).await?;
        let mut made = None;
        while let Some(answer) = answers.next::<Answer>().await? {
            match answer {
                Answer::Progress { step, done, total } => bar.show(&step, done, total),
                Answer::Done { at, bytes, files } => made = Some(Made { at, bytes, files }),
            }
        }
        bar.end();
        return made.context("the server ended its answer without a result");
    }
    if !dir.join("FORMAT").is_file() {
        bail!(
            "{} is no data folder: there is nothing to back up (data.dir names it)",
            dir.display()
        );
    }
    let (data, _, log) = engines::folder(config)?;
    let source = server::source(&log, data.path(), what.limit.unwrap_or(0), what.memory);
    let manifest = backup::create(source, folder, &mut |now| bar.tell(now));
    bar.end();
    Ok((&manifest?).into())
}

/// What `parlance restore` is told.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// A backup, as `parlance backup` made it.
    folder: PathBuf,
}

/// Makes the data folder of a backup.
pub(crate) fn restore(config: &Config, what: &Restore) -> anyhow::Result<()> {
    must_be_embedded(config)?;
    let dir = &config.data.dir;
    let mut bar = Bar::new();
    let manifest =
        backup::restore(&what.folder, dir, Arc::new(SystemClock), &mut |now| bar.tell(now));
    bar.end();
    let manifest = manifest?;
    say("is restored", dir, &(&manifest).into());
    hint("What happened after that moment is not there. Start the server as always.");
    Ok(())
}

fn must_be_embedded(config: &Config) -> anyhow::Result<()> {
    if config.engines.log != LogEngine::Embedded {
        bail!(
            "this is for the data folder of the embedded engines. On Kafka and CQL the store is backed up \
             by its own means (nodetool snapshot, Scylla Manager, Medusa), and the topics keep the log \
             behind it: docs/OPERATIONS.md, \"Backup and restore\""
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(what: &str, folder: &Path, made: &Made) {
    let Made { at, bytes, files } = made;
    let mib = bytes.div_ceil(1 << 20);
    println!("{} {what}: as of {at}, {mib} MiB in {files} files", folder.display());
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn hint(text: &str) {
    println!("{text}");
}
