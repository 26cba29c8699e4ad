//! `parlance tail`: the records of a topic, as they come.
//!
//! [`follow`] reads a log, whoever asks: the running server over its control socket, or this process on a
//! folder without a server or on Kafka. It is pulled: what nobody takes is not read, and what the log
//! forgets meanwhile is told as skipped. [`shown`] is the form of a record as JSON, [`pretty`] that for
//! people, [`source`] chooses where the records come from.

mod ask;
mod follow;
mod pretty;
mod print;
mod shown;
mod source;

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::Args as ClapArgs;
use platform::config::Config;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use ask::topic;
pub(crate) use pretty::{inert, plain};
pub(crate) use source::routes;

use self::ask::{Ask, From};
use self::follow::Line;
use self::print::Printer;
use self::source::Source;

/// `--help` of the command, behind its options.
const HELP: &str = "\
Examples:
  parlance tail events                          what happens from now on, a line a record
  parlance tail events --from 10m --key ID      one conversation, the last ten minutes, then live
  parlance tail commands --from earliest --until-end --json | jq .value.type
  parlance tail dead-letters --from earliest    see `parlance dlq` too

On the embedded engines the running server is asked, over the control socket in the data folder; without \
a server the folder is read and the command ends at the end. On Kafka the brokers are asked.

Records hold the texts of messages and e-mail addresses, and private topics hold what was deleted until \
their retention ends: show this to nobody who may not read everything.

Exit status: 0 at the end, at Ctrl-C and when the reader of the output goes; 1 for an error.";

#[derive(Debug, ClapArgs)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Name of the topic, with or without `chat.`: commands, users, receipts, events, signals, presence,
    /// outbound, dead-letters
    topic: String,
    /// Where to begin: earliest, latest, an offset, a time (2026-11-26T12:00:00Z), or how long ago (30s,
    /// 10m, 2h, 1d). Default: latest, and earliest where no server runs
    #[arg(long, value_name = "WHERE", value_parser = From::parse)]
    from: Option<From>,
    /// End after so many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only records of this key: the id of a conversation or a user
    #[arg(long)]
    key: Option<String>,
    /// Only this partition
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    /// End at the end of the topic as it is now
    #[arg(long)]
    until_end: bool,
    /// One JSON object a line: topic, partition, offset, epoch, at, key, headers, value
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    let Args { topic: name, from, limit, key, partition, until_end, json } = args;
    let topic = topic(&name)?.name.to_owned();
    let ask = Ask { topic, from, limit, key, partition, until_end };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let mut source = tokio::select! {
            source = Source::open(config, ask) => source?,
            _ = interrupted.recv() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
        };
        let ended = tokio::select! {
            ended = print(&mut source, json) => ended,
            _ = interrupted.recv() => Ok(()),
            _ = terminated.recv() => Ok(()),
        };
        source.close().await;
        ended
    });
    // The thread that prints may wait for a reader for ever.
    runtime.shutdown_background();
    ended
}

async fn print(source: &mut Source, json: bool) -> anyhow::Result<()> {
    let printer = Printer::start()?;
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let style = pretty::Style::new(io::stdout().is_terminal() && !unwanted);
    let read = loop {
        let next = tokio::select! {
            next = source.next() => next,
            () = printer.gone() => break Ok(()),
        };
        let line = match next {
            Ok(Some(Line::Record(record))) if json => record.json(),
            Ok(Some(Line::Record(record))) => pretty::line(&record, &style),
            Ok(Some(Line::Skipped { partition, from, to })) => {
                let gone = to - from;
                note(&format!(
                    "partition {partition}: {gone} records from {from} on are not kept any more"
                ));
                continue;
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        if !printer.line(line).await {
            break Ok(());
        }
    };
    printer.end().await.context("standard output")?;
    read
}

/// A word beside the records.
#[expect(clippy::print_stderr, reason = "for people, and never in between the records")]
pub(crate) fn note(text: &str) {
    eprintln!("parlance: {text}");
}
