//! The `parlance` binary: wiring only. What a role does lives in its tier's crate; what the world
//! gives lives in `platform`, the real engines in `engines`.

mod doctor;
mod engines;
mod migrate;
mod operations;
mod roles;
mod store;
mod telemetry;
mod topics;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use platform::config::Config;

use crate::roles::Role;

/// A message is some sixty short-lived allocations on several threads: the system's allocator took a
/// seventh of the processor time of a saturated server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A chat backend built as a message-broker pipeline with stateless workers.
///
/// Without a command it runs every role in one process on embedded, durable engines: no services
/// and no configuration are needed. With Kafka, ScyllaDB (or Cassandra) and Redis configured, each
/// role can be a process of its own, as many as one likes.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Settings file (TOML). Else $PARLANCE_CONFIG, else ./parlance.toml, else defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every role in one process (the default).
    All,
    /// Take REST requests: stateless, as many as one likes behind a balancer.
    Ingest,
    /// Hold sockets and push to them.
    Delivery,
    /// Run worker pools; each is a consumer group, scaled by starting more processes.
    Worker {
        /// persist, feed, receipts, saga, fanout, signals
        #[arg(required = true, value_name = "POOL")]
        pools: Vec<String>,
    },
    /// Bring the tables of the CQL store up to this version. Forward only; may be stopped and run
    /// again, also while older processes run.
    Migrate {
        /// Only say what is missing; the exit status is 1 if something is.
        #[arg(long)]
        check: bool,
    },
    /// Create and compare Kafka topics.
    Topics {
        #[command(subcommand)]
        action: topics::Action,
    },
    /// Check every dependency, setting and clock, and say what to do.
    Doctor,
    /// Look at or rebuild the folded tables while no worker runs.
    Store {
        #[command(subcommand)]
        action: store::Action,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = cli.config.as_deref();
    let outcome = Config::load(config).map_err(anyhow::Error::from).and_then(|config| {
        telemetry::init(&config.logging)?;
        match cli.command.unwrap_or(Command::All) {
            Command::All => roles::run(&config, &Role::all()),
            Command::Ingest => roles::run(&config, &Role::ingest()),
            Command::Delivery => roles::run(&config, &Role::delivery()),
            Command::Worker { pools } => roles::run(&config, &Role::worker(&pools)?),
            Command::Migrate { check } => migrate::run(&config, check),
            Command::Topics { action } => topics::run(&config, action),
            Command::Doctor => doctor::run(&config),
            Command::Store { action } => store::run(&config, action),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word, whatever the log filter")]
            {
                eprintln!("parlance: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
