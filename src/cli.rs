//! The command line: what there is, in which group, and how it is explained.
//!
//! Clap lists commands in one row; the groups are made here, of clap's own texts, and every command is in
//! one of them. `tests/terminal/help.txt` holds what is printed: a change of it is seen in a review.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::{backup, conformance, dlq, store, tail, topics};

/// A chat backend built as a message-broker pipeline with stateless workers.
///
/// Without a command it runs every role in one process on embedded, durable engines: no services
/// and no configuration are needed. With Kafka, ScyllaDB (or Cassandra) and Redis configured, each
/// role can be a process of its own, as many as one likes.
#[derive(Debug, Parser)]
#[command(name = "parlance", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Settings file (TOML). Else $PARLANCE_CONFIG, else ./parlance.toml, else defaults
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every role in one process (the default)
    #[command(after_help = RUN)]
    All,
    /// Take REST requests: stateless, as many as one likes behind a balancer
    #[command(after_help = ROLE)]
    Ingest,
    /// Hold sockets and push to them
    #[command(after_help = ROLE)]
    Delivery,
    /// Run worker pools; each is a consumer group, scaled by starting more processes
    #[command(after_help = ROLE)]
    Worker {
        /// persist, feed, receipts, saga, fanout, signals, presence
        #[arg(required = true, value_name = "POOL")]
        pools: Vec<String>,
    },
    /// Print the records of a topic as they come
    Tail(tail::Args),
    /// Look at dead letters, records that no pool could handle; retry or drop them
    #[command(after_help = dlq::HELP)]
    Dlq {
        #[command(subcommand)]
        verb: dlq::Verb,
    },
    /// Back up the data folder of the embedded engines, while a server uses it or not
    Backup(backup::Backup),
    /// Make a data folder of a backup, at data.dir, which must be empty or absent
    Restore(backup::Restore),
    /// Print the settings in effect and where each comes from, secrets only as set or not
    Config {
        /// As JSON, not as a settings file
        #[arg(long)]
        json: bool,
    },
    /// Check every dependency, setting and clock, and say what to do
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring the tables of the CQL store up to this version
    ///
    /// Forward only; may be stopped and run again, also while older processes run.
    Migrate {
        /// Only say what is missing; the exit status is 1 if something is
        #[arg(long)]
        check: bool,
    },
    /// Create and compare Kafka topics
    Topics {
        #[command(subcommand)]
        action: topics::Action,
    },
    /// Look at or rebuild the folded tables while no worker runs
    Store {
        #[command(subcommand)]
        action: store::Action,
    },
    /// Measure this machine, or a running deployment, and judge what it did
    Bench(Box<bench::command::Arguments>),
    /// Serve echoes for public test suites: Socket.IO, Engine.IO, WebSocket
    #[command(after_help = conformance::HELP)]
    Conformance(conformance::Options),
    /// Print the completion of commands and options for a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Which command belongs where, in order.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Run", &["all", "ingest", "delivery", "worker"]),
    (
        "Operate",
        &["tail", "dlq", "backup", "restore", "config", "doctor", "migrate", "topics", "store"],
    ),
    ("Develop", &["bench", "conformance", "completions"]),
];

/// Behind the commands.
const MORE: &str = "\
Settings come from the settings file and the environment: data.dir is PARLANCE_DATA__DIR.
  PORT=4000                       the port of server.listen
  PARLANCE_DATA__DIR=/srv/chat    the data folder of the embedded engines
  PARLANCE_LOGGING__FILTER=debug  what is logged, to standard error; NO_COLOR=1 without colours
`parlance config` prints all of them with their origin; docs/CONFIGURATION.md explains each.

Examples:
  parlance                        a server on http://localhost:3000, everything in ./data
  parlance tail events            in another shell: what happens, live
  parlance doctor                 what is wrong, and what to do about it

Exit status: 0 for success, 1 for a failure (said on standard error), 2 for a wrong command line.";

const RUN: &str = "\
Listens on server.listen (http://localhost:3000) and keeps everything in data.dir (./data). Ends at Ctrl-C \
or SIGTERM: what was accepted is finished first, within 20 s. On shared engines it is one more node that \
does everything.

Exit status: 0 after a stop that was asked for, 1 if it could not start or a part of it died.";

const ROLE: &str = "\
Needs the engines that processes share: engines.log = \"kafka\", engines.store = \"cql\", engines.ephemeral = \
\"redis\" (PARLANCE_ENGINES__LOG=kafka and so on). Each process has an operations.listen of its own. \
docs/OPERATIONS.md tells which role does what, and what scales it.

Exit status: 0 after a stop that was asked for, 1 if it could not start or a part of it died.";

const COMPLETIONS: &str = "\
Examples:
  parlance completions bash > ~/.local/share/bash-completion/completions/parlance
  parlance completions zsh > \"${fpath[1]}/_parlance\"
  parlance completions fish > ~/.config/fish/completions/parlance.fish";

impl Cli {
    /// What this process was called with. Ends it where help was asked for or something is wrong.
    pub(crate) fn read() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The command line with its groups.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let mut groups = String::new();
    for (group, names) in GROUPS {
        // Writing to a string does not fail.
        let _written = writeln!(groups, "{group}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _written = writeln!(groups, "  {name:<12} {about}");
        }
        groups.push('\n');
    }
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Options:\n{{options}}\n\n{MORE}\n"
    ))
}

/// Writes the completion for a shell.
pub(crate) fn completions(shell: Shell) {
    clap_complete::generate(shell, &mut command(), "parlance", &mut std::io::stdout());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_has_a_word_about_it() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let mut there: Vec<String> =
            command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        grouped.sort_unstable();
        there.sort_unstable();
        assert_eq!(grouped, there);
        command().debug_assert();
    }

    /// Every help text, by the words that ask for it.
    fn texts(command: &mut clap::Command, path: &str, out: &mut Vec<(String, String)>) {
        out.push((path.to_owned(), command.render_long_help().to_string()));
        for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            texts(sub, &path, out);
        }
    }

    #[test]
    fn help_is_what_was_reviewed() {
        let mut all = Vec::new();
        let mut command = command().term_width(100);
        command.build();
        texts(&mut command, "parlance", &mut all);
        let mut page = String::new();
        for (path, text) in all {
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{path}: {line}");
            }
            let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
            write!(page, "$ {path} --help\n{}\n\n", lines.join("\n").trim_end()).unwrap();
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terminal/help.txt");
        if std::env::var("HELP").is_ok_and(|value| value == "write") {
            fs::write(file, &page).unwrap();
        }
        let kept = fs::read_to_string(file).unwrap_or_default();
        assert!(
            kept == page,
            "--help has changed: HELP=write cargo test -p parlance help, and look at the diff"
        );
    }
}
