//! `parlance dlq`: what became a dead letter, and what is done about it.
//!
//! What is done is `platform::dead_letters`; here is how it is asked for and shown. A letter is never
//! deleted: what was retried or dropped is marked, and no longer listed.

mod answer;
mod print;

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use axum::routing::post;
use axum::{Json, Router};
use clap::{Args, Subcommand};
use platform::Log;
use platform::config::Config;
use platform::dead_letters::Action;
use platform::embedded::EmbeddedLog;
use schemas::{ApiError, Code};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use self::answer::{Ids, LISTED, Letters, Listing, Settle, Settled, Whole};
use crate::control::client::Client;
use crate::control::server::Refused;
use crate::engines::Engines;
use crate::reach::{self, Reach};
use crate::tail::note;

/// `--help` of the command, behind its verbs.
pub(crate) const HELP: &str = "\
A record that cannot be decoded, or that makes a pool fail again and again, is put on chat.dead-letters \
with its bytes and the reason, and its partition goes on. When the cause is gone (a new version, a \
mended row), `retry` appends the record again, to its topic and by its key. If it fails again it is a new \
letter with a new number. Only its own time has passed: what was sent later stands before it, and it is \
judged by what holds now, as a request that comes late.

A second retry of the same record, after a crash or by another person, changes nothing in \
conversations: the copy carries `retry-of`, and a command is folded once. For users' commands (profile, \
settings, blocks) a second retry is like asking for the same again.

Examples:
  parlance dlq list
  parlance dlq show 17
  parlance dlq retry 17 18
  parlance dlq retry --all
  parlance dlq drop 19

Letters hold what the records held, texts of messages too, for 30 days.
Exit status: 0 if all was done, 1 if a letter was refused or something failed.";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the letters that nobody has retried or dropped
    List {
        /// The newest, at most so many (10,000 at most)
        #[arg(long, value_name = "N", default_value_t = 1_000,
            value_parser = clap::value_parser!(u32).range(1..=i64::from(LISTED)))]
        limit: u32,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one letter: where it lay, why, its headers, key and value
    Show {
        /// Its number, as `list` prints it
        id: u64,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Append the records of letters to their topics again
    Retry(Which),
    /// Take letters off the list without doing anything else about them
    Drop {
        /// Their numbers
        #[arg(required = true, value_name = "ID")]
        ids: Vec<u64>,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Their numbers
    #[arg(value_name = "ID")]
    ids: Vec<u64>,
    /// Every letter that waits, oldest first; 100,000 at most by one call
    #[arg(long)]
    all: bool,
}

/// Paths on the control socket.
const LIST: &str = "/dlq/list";
const SHOW: &str = "/dlq/show";
const SETTLE: &str = "/dlq/settle";

/// What the server answers with. Letters are settled by one caller at a time, and what was settled
/// outlives a power cut: the topic alone would lose its last second (`Durability::Derived`).
pub(crate) fn routes(engines: &Engines) -> Router {
    let log = &engines.platform.log;
    let (list, show, settle) = (log.clone(), log.clone(), log.clone());
    let disk = engines.embedded.as_ref().map(|embedded| embedded.log.clone());
    let turn = Arc::new(Mutex::new(()));
    Router::new()
        .route(
            LIST,
            post(move |Json(ask): Json<Listing>| async move {
                answer::list(&*list, ask).await.map(Json).map_err(Refused)
            }),
        )
        .route(
            SHOW,
            post(move |Json(id): Json<u64>| async move {
                answer::show(&*show, id).await.map(Json).map_err(Refused)
            }),
        )
        .route(
            SETTLE,
            post(move |Json(ask): Json<Settle>| async move {
                let _mine = turn.lock().await;
                let settled = answer::settle(&*settle, &ask).await?;
                if let Some(disk) = disk {
                    sync(disk).await?;
                }
                Ok::<_, Refused>(Json(settled))
            }),
        )
}

async fn sync(log: EmbeddedLog) -> Result<(), ApiError> {
    let failed = |error: &dyn std::fmt::Display| ApiError::new(Code::Internal, error.to_string());
    let synced = tokio::task::spawn_blocking(move || log.checkpoint()).await;
    synced.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

/// How many letters wait, as the server of this folder says; none: no server runs on it.
pub(crate) async fn waiting(dir: &Path) -> anyhow::Result<Option<u64>> {
    let Some(mut server) = Client::connect(dir).await? else { return Ok(None) };
    let listed: Letters = server.call(LIST, &Listing { limit: 0 }).await?;
    Ok(Some(u64::try_from(listed.letters.len())?.saturating_add(listed.more)))
}

pub(crate) fn run(config: &Config, verb: Verb) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut reach = Reach::open(config).await?;
        let done = act(&mut reach, verb).await;
        if let Reach::Here(engines) = &reach {
            reach::close(&engines.platform).await;
        }
        // Printed when the folder is free again: a reader who reads nothing keeps no server from its start.
        let (lines, refused) = done?;
        print::say(lines)?;
        refused.map_or(Ok(()), |refused| bail!(refused))
    })
}

/// What is to be printed, and why not all was done.
type Done = (Vec<String>, Option<String>);

async fn act(reach: &mut Reach, verb: Verb) -> anyhow::Result<Done> {
    match verb {
        Verb::List { limit, json } => {
            let what = Listing { limit };
            let letters: Letters = ask(reach, LIST, &what, |log| answer::list(log, what)).await?;
            if json && letters.more > 0 {
                note(&print::older(letters.more));
            }
            Ok((print::list(&letters, json), None))
        }
        Verb::Show { id, json } => {
            let whole: Whole = ask(reach, SHOW, &id, |log| answer::show(log, id)).await?;
            Ok((print::whole(&whole, json), None))
        }
        Verb::Retry(Which { ids, all }) => {
            let ids = if all { Ids::All } else { Ids::These(ids) };
            settle(reach, Settle { retry: true, ids }).await
        }
        Verb::Drop { ids } => settle(reach, Settle { retry: false, ids: Ids::These(ids) }).await,
    }
}

async fn settle(reach: &mut Reach, what: Settle) -> anyhow::Result<Done> {
    let settled: Vec<Settled> = ask(reach, SETTLE, &what, |log| answer::settle(log, &what)).await?;
    let action = if what.retry { Action::Retry } else { Action::Drop };
    let refused = settled.iter().filter(|one| one.refused.is_some()).count();
    let why = format!("{refused} of {} letters were refused", settled.len());
    Ok((print::settled(&settled, action), (refused > 0).then_some(why)))
}

/// Asks the server, or does the same here.
async fn ask<'a, T, F>(
    reach: &'a mut Reach,
    path: &str,
    what: &impl Serialize,
    here: impl FnOnce(&'a dyn Log) -> F,
) -> anyhow::Result<T>
where
    T: DeserializeOwned,
    F: Future<Output = Result<T, ApiError>>,
{
    match reach {
        Reach::Server(server) => server.call(path, what).await,
        Reach::Here(engines) => {
            here(&*engines.platform.log).await.map_err(|error| anyhow::Error::msg(error.message))
        }
    }
}
