//! `parlance-bench`: commands and exit codes. What they do is in the library.

use std::path::PathBuf;
use std::process::ExitCode;

use bench::checker::{Needs, State, judge};
use bench::history;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about = "Loads, breaks, judges and measures Parlance")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a kept history again.
    Judge {
        /// A file of JSON lines.
        file: PathBuf,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Judge { file, json } => {
            let report = judge(&history::read(&file)?, &Needs::default());
            say(&if json { serde_json::to_string(&report)? } else { report.table() });
            Ok(code(report.state == State::Pass))
        }
    }
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a command's output")]
fn say(text: &str) {
    println!("{text}");
}
