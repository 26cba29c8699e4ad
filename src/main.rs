//! The `parlance` binary: wiring only. What a role does lives in its tier's crate; what the world
//! gives lives in `platform`.

mod admin;
mod all;
mod engines;
mod operations;
mod telemetry;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use platform::config::Config;

/// A message is some sixty short-lived allocations on several threads: the system's allocator took a
/// seventh of the processor time of a saturated server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A chat backend built as a message-broker pipeline with stateless workers.
///
/// Without a command it runs every role in one process on embedded, durable engines: no services
/// and no configuration are needed.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    /// Settings file (TOML). Else $PARLANCE_CONFIG, else ./parlance.toml, else defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Run every role in one process (the default).
    All,
    /// Look at or rebuild the embedded store while no server runs.
    Store {
        #[command(subcommand)]
        action: StoreAction,
    },
}

#[derive(Debug, Subcommand)]
enum StoreAction {
    /// Print a line for every folded table: its name, number of rows, and SHA-256 over them.
    Hash,
    /// Forget every folded table and cursor: the next start folds them again from the log. Refused
    /// if the log no longer holds its first record.
    Refold,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome =
        Config::load(cli.config.as_deref()).map_err(anyhow::Error::from).and_then(|config| {
            telemetry::init(&config.logging)?;
            match cli.role.unwrap_or(Role::All) {
                Role::All => all::run(&config),
                Role::Store { action: StoreAction::Hash } => admin::hash(&config),
                Role::Store { action: StoreAction::Refold } => admin::refold(&config),
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
