//! `parlance-bench`: commands and exit codes. What they do is in the library.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bench::backup;
use bench::checker::{Needs, State, judge};
use bench::disk_full;
use bench::history;
use bench::prove::{self, Prove};
use bench::scenarios::cluster::{self, Deployment};
use bench::scenarios::saturate::Over;
use bench::scenarios::{
    Bench, Measured, beside, direct, idle, presence, report, saturate, sync_floor,
};
use bench::storm::{self, Storm};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
#[command(version, about = "Loads, breaks, judges and measures Parlance", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prove the guarantees on the real binary: a storm with kill -9, hostile input, a refold.
    Prove {
        #[command(flatten)]
        place: Place,
        /// Everything random follows from it; else one is drawn and printed.
        #[arg(long)]
        seed: Option<u64>,
        /// A tenth of everything.
        #[arg(long)]
        short: bool,
    },
    /// Break everything once: a deployment of many processes over the real engines, under load, with
    /// kills, zombies, outages, scaling and a rolling restart, judged from one history.
    Storm {
        #[command(flatten)]
        weather: Weather,
    },
    /// Fill the disk of a server under load and empty it again. Needs the right to mount.
    DiskFull {
        #[command(flatten)]
        place: Place,
        /// Everything random follows from it; else one is drawn and printed.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Back up a server under load, put the backup into its place, and judge what it then is.
    Backup {
        #[command(flatten)]
        place: Place,
        /// Everything random follows from it; else one is drawn and printed.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Judge a kept history again.
    Judge {
        /// A file of JSON lines.
        file: PathBuf,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// As many messages as go: users in pairs, closed loop.
    Saturate {
        #[command(flatten)]
        place: Place,
        /// By which way.
        #[arg(long, default_value = "ws")]
        over: Way,
        /// Users that send.
        #[arg(long, default_value_t = 256)]
        users: usize,
    },
    /// Send → receive latency at a steady rate, open loop.
    Direct {
        #[command(flatten)]
        place: Place,
        /// Messages a second.
        #[arg(long, default_value_t = 500.0)]
        rate: f64,
    },
    /// Memory of idle connections.
    Idle {
        #[command(flatten)]
        place: Place,
        /// Connections, each of another user.
        #[arg(long, default_value_t = 2_000)]
        sockets: usize,
    },
    /// Memory of idle connections and CPU of deliveries of Socket.IO beside those of /ws, in one run.
    Beside {
        #[command(flatten)]
        place: Place,
        /// Idle connections of each.
        #[arg(long, default_value_t = 2_000)]
        sockets: usize,
    },
    /// Everybody comes, drops, is back at once, goes and comes back: what presence costs each of a quarter
    /// of so many users, and of all.
    Presence {
        #[command(flatten)]
        place: Place,
        /// Users.
        #[arg(long, default_value_t = 10_000)]
        users: usize,
    },
    /// A deployment over the real engines: latency at a steady rate, the largest rate, and CPU by role.
    Cluster {
        #[command(flatten)]
        place: Place,
        /// The script that runs the engines.
        #[arg(long, default_value = "deploy/engines")]
        engines: PathBuf,
        /// Processes of each role.
        #[arg(long, default_value_t = 1)]
        each: usize,
        /// Messages a second.
        #[arg(long, default_value_t = 200.0)]
        rate: f64,
        /// Seconds of full load before anything is measured: the engines are compiled as they run.
        #[arg(long, default_value_t = 60)]
        warm_up: u64,
    },
    /// What `parlance bench` does, with the server of another binary: one of another version, say.
    Bench {
        /// The server's binary.
        #[arg(long, env = "PARLANCE_BIN")]
        binary: PathBuf,
        #[command(flatten)]
        arguments: Box<bench::command::Arguments>,
    },
    /// Bare append and fdatasync: what the disk can do.
    SyncFloor {
        /// A folder on the disk in question.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// All measurements, as JSON lines and a Markdown table.
    Report {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Args)]
struct Place {
    /// The server's binary.
    #[arg(long, env = "PARLANCE_BIN")]
    binary: PathBuf,
    /// Where data and logs go; else a folder for temporary files.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
}

#[derive(Args)]
struct Weather {
    /// The binary.
    #[arg(long, env = "PARLANCE_BIN")]
    binary: PathBuf,
    /// Start with this binary; the rolling restart brings the other one (G-23).
    #[arg(long)]
    previous: Option<PathBuf>,
    /// The script that runs the engines.
    #[arg(long, default_value = "deploy/engines")]
    engines: PathBuf,
    /// No engines: one process on the embedded ones.
    #[arg(long)]
    embedded: bool,
    /// About how long.
    #[arg(long, default_value_t = 6.0)]
    minutes: f64,
    /// Everything random follows from it; else one is drawn and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Where settings, logs and the history go; else a folder for temporary files.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Prefix of topics, keyspace and keys; else one that no other run has.
    #[arg(long, default_value = "")]
    namespace: String,
    /// One process that accepts and one that folds live an hour off, to either side (G-28).
    #[arg(long)]
    skew: bool,
    /// Tell limits of time that are not met, and do not fail for them: for machines that are shared.
    #[arg(long)]
    times_told: bool,
    /// Break nothing.
    #[arg(long)]
    calm: bool,
    /// Only faults whose name has this in it ("stop kafka"), again and again; the rest is not shown.
    #[arg(long)]
    only: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// Sockets.
    Ws,
    /// Requests.
    Rest,
}

impl Place {
    fn bench(self) -> anyhow::Result<Bench> {
        let binary = self.binary.canonicalize().context("the server's binary")?;
        Ok(Bench { binary, folder: folder(self.folder), seconds: self.seconds.max(1) })
    }
}

/// A folder that no other run has.
fn folder(given: Option<PathBuf>) -> PathBuf {
    let own = || std::env::temp_dir().join(format!("parlance-bench-{}", std::process::id()));
    given.unwrap_or_else(own)
}

fn main() -> anyhow::Result<ExitCode> {
    let measured = match Arguments::parse().command {
        Command::Prove { place, seed, short } => return proven(place, seed, short),
        Command::Storm { weather } => return stormed(weather),
        Command::DiskFull { place, seed } => return filled(place, seed),
        Command::Backup { place, seed } => return backed_up(place, seed),
        Command::Judge { file, json } => {
            let report = judge(&history::read(&file)?, &Needs::default());
            say(&if json { serde_json::to_string(&report)? } else { report.table() });
            return Ok(code(report.state == State::Pass));
        }
        Command::Report { place } => {
            let bench = place.bench()?;
            let tell = |measured: &Measured| say(&measured.json());
            let all = lean()?.block_on(report::run(&bench, &tell))?;
            say(&format!("\n{}", report::table(&all)));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Saturate { place, over, users } => {
            let over = match over {
                Way::Ws => Over::Sockets,
                Way::Rest => Over::Rest,
            };
            let bench = place.bench()?;
            lean()?.block_on(saturate::run(&bench, over, users))?
        }
        Command::Direct { place, rate } => lean()?.block_on(direct::run(&place.bench()?, rate))?,
        Command::Idle { place, sockets } => {
            lean()?.block_on(idle::run(&place.bench()?, sockets))?
        }
        Command::Beside { place, sockets } => {
            lean()?.block_on(beside::run(&place.bench()?, sockets))?
        }
        Command::Presence { place, users } => {
            lean()?.block_on(presence::run(&place.bench()?, users))?
        }
        Command::Cluster { place, engines, each, rate, warm_up } => {
            let deployment = Deployment { engines, each, rate, warm_up };
            let all = lean()?.block_on(cluster::run(&place.bench()?, &deployment))?;
            say(&report::table(&all));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Bench { binary, arguments } => {
            let binary = binary.canonicalize().context("the server's binary")?;
            return Ok(ExitCode::from(bench::command::run(&arguments, &binary).code()));
        }
        Command::SyncFloor { folder: given } => sync_floor::run(&folder(given))?,
    };
    say(&measured.lines());
    Ok(ExitCode::SUCCESS)
}

fn proven(place: Place, seed: Option<u64>, short: bool) -> anyhow::Result<ExitCode> {
    let Bench { binary, folder, .. } = place.bench()?;
    let seed = seed.unwrap_or_else(|| rand::random::<u64>() >> 12);
    let prove = Prove { binary, seed, short, folder };
    let good =
        Builder::new_multi_thread().enable_all().build()?.block_on(prove::run(&prove, &say))?;
    Ok(code(good))
}

fn stormed(weather: Weather) -> anyhow::Result<ExitCode> {
    let storm = Storm {
        binary: weather.binary.canonicalize().context("the binary")?,
        previous: weather.previous.map(|binary| binary.canonicalize()).transpose()?,
        engines: (!weather.embedded).then_some(weather.engines),
        length: Duration::try_from_secs_f64(weather.minutes * 60.0)?,
        seed: weather.seed.unwrap_or_else(|| rand::random::<u64>() >> 12),
        folder: folder(weather.folder),
        namespace: weather.namespace,
        skew: weather.skew,
        times_told: weather.times_told,
        calm: weather.calm,
        only: weather.only,
    };
    let good =
        Builder::new_multi_thread().enable_all().build()?.block_on(storm::run(&storm, &say))?;
    Ok(code(good))
}

fn filled(place: Place, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let Bench { binary, folder, .. } = place.bench()?;
    let seed = seed.unwrap_or_else(|| rand::random::<u64>() >> 12);
    say(&format!("seed {seed}, data and logs in {}", folder.display()));
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let held = runtime.block_on(disk_full::run(&binary, &folder, seed, &say))?;
    let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
    if held.is_none() {
        say(
            "\n!!! SKIPPED: no file system may be mounted here; nothing is shown of a full disk !!!",
        );
    }
    Ok(code(held.unwrap_or(!must)))
}

fn backed_up(place: Place, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let Bench { binary, folder, .. } = place.bench()?;
    let seed = seed.unwrap_or_else(|| rand::random::<u64>() >> 12);
    say(&format!("seed {seed}, data and logs in {}", folder.display()));
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    Ok(code(runtime.block_on(backup::run(&binary, &folder, seed, &say))?))
}

/// One thread: the other core is the server's.
fn lean() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a command's output")]
fn say(text: &str) {
    println!("{text}");
}
