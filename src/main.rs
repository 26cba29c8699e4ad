//! The `parlance` binary: wiring only. What a role does lives in its tier's crate; what the world
//! gives lives in `platform`, the real engines in `engines`.

mod backup;
mod cli;
mod conformance;
mod control;
mod dlq;
mod doctor;
mod engines;
mod migrate;
mod operations;
mod reach;
mod roles;
mod settings;
mod store;
mod tail;
mod telemetry;
mod topics;

use std::process::ExitCode;

use platform::config::Config;
use schemas::ApiError;

use crate::cli::{Cli, Command};
use crate::roles::Role;

/// A message is some sixty short-lived allocations on several threads: the system's allocator took a
/// seventh of the processor time of a saturated server. It asks for no huge pages (`no_thp`): with them
/// thousands of idle connections took up to 3 KB more each, as one page of 2 MiB that is used anywhere
/// is resident as a whole.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(Cli::read()).unwrap_or_else(|error| {
        #[expect(clippy::print_stderr, reason = "the last word, whatever the log filter")]
        {
            // A server's refusal: its code is for programs.
            match error.downcast_ref::<ApiError>() {
                Some(ApiError { message, .. }) => eprintln!("parlance: {message}"),
                None => eprintln!("parlance: {error:#}"),
            }
        }
        ExitCode::FAILURE
    })
}

fn run(Cli { config: file, command }: Cli) -> anyhow::Result<ExitCode> {
    let file = file.as_deref();
    let settings = || -> anyhow::Result<Config> {
        let config = Config::load(file)?;
        telemetry::init(&config.logging)?;
        Ok(config)
    };
    match command.unwrap_or(Command::All) {
        Command::All => roles::run(&settings()?, &Role::all())?,
        Command::Ingest => roles::run(&settings()?, &Role::ingest())?,
        Command::Delivery => roles::run(&settings()?, &Role::delivery())?,
        Command::Worker { pools } => roles::run(&settings()?, &Role::worker(&pools)?)?,
        Command::Tail(args) => tail::run(&settings()?, args)?,
        Command::Dlq { verb } => dlq::run(&settings()?, verb)?,
        Command::Backup(what) => backup::back_up(&settings()?, &what)?,
        Command::Restore(what) => backup::restore(&settings()?, &what)?,
        Command::Config { json } => {
            settings()?;
            settings::print(file, json)?;
        }
        Command::Doctor { json } => doctor::run(&settings()?, json)?,
        Command::Migrate { check } => migrate::run(&settings()?, check)?,
        Command::Topics { action } => topics::run(&settings()?, action)?,
        Command::Store { action } => store::run(&settings()?, action)?,
        // Its servers have settings of their own, and its status says more than good or bad.
        Command::Bench(arguments) => {
            let binary = std::env::current_exe()?;
            return Ok(ExitCode::from(bench::command::run(&arguments, &binary).code()));
        }
        Command::Conformance(options) => conformance::run(&options, file)?,
        Command::Completions { shell } => cli::completions(shell),
    }
    Ok(ExitCode::SUCCESS)
}
