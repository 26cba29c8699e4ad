//! Words of the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::scenario::{Scenario, Way};
use super::slo::Slo;
use crate::load::schedule;

/// Longest that is measured: tokens of the load's users live 15 minutes.
const LONGEST: u64 = 600;

/// Measure this machine, or a running deployment, and judge what it did.
///
/// Starts a server of its own (this binary, every role in one process, everything durable) over a folder
/// that is thrown away, makes users, loads it, and reads everything back: figures, and a verdict of the
/// checker on them.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub struct Arguments {
    /// What to measure.
    #[arg(value_enum, default_value = "all", value_name = "SCENARIO")]
    pub scenario: Scenario,

    /// Seconds that are measured, of each scenario [15; of a tour 6].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=LONGEST), value_name = "N")]
    pub seconds: Option<u64>,

    /// Messages a second [direct: 500, fanout: 50, reconnect: 300].
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,

    /// Gaps between messages of an open loop.
    #[arg(long, value_enum, default_value = "poisson")]
    pub arrivals: Arrivals,

    /// Everything random follows from it; else one is drawn and told.
    #[arg(long)]
    pub seed: Option<u64>,

    /// direct: pairs that the messages go round.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub pairs: u32,

    /// saturate: users, each with one message in flight.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    pub users: u32,

    /// saturate: by which way; `all` takes both, one after the other.
    #[arg(long, value_enum, default_value = "ws")]
    pub over: Way,

    /// fanout: groups.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub groups: u32,

    /// fanout: members of each group, all with a socket.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    pub members: u32,

    /// fanout: members of each group that send, in turn.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=9_999))]
    pub senders: u32,

    /// idle, reconnect: sockets, each of another user.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub sockets: u32,

    /// reconnect: milliseconds without a network.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub away: u64,

    /// An objective, like recv.p99<=8ms or fanout:deliveries>=5000; may be given again.
    #[arg(long, value_name = "SLO")]
    pub slo: Vec<Slo>,

    /// Leave the default objectives out.
    #[arg(long)]
    pub no_default_slos: bool,

    /// Milliseconds that the generator may be late (p99); beyond, a run is void.
    #[arg(long, value_name = "MS", default_value_t = 5.0)]
    pub max_lag: f64,

    /// Share of its time that the generator's reading thread may be busy; beyond, a run is void.
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub max_busy: f64,

    /// JSON lines instead of the table: the machine, every second, results, verdict.
    #[arg(long)]
    pub json: bool,

    /// A deployment that runs already, instead of a server of one's own.
    #[arg(long, value_name = "http://HOST:PORT")]
    pub url: Option<Authority>,

    /// With --url: where its sockets are served, if not there.
    #[arg(long, value_name = "http://HOST:PORT", requires = "url")]
    pub socket_url: Option<Authority>,

    /// With --url: metrics of one process, for its CPU and memory; again for each of them.
    #[arg(long, value_name = "[ROLE=]URL", requires = "url")]
    pub metrics: Vec<Named>,

    /// With --url: a process of this machine, for its CPU and memory; again for each of them.
    #[arg(long, value_name = "[ROLE=]PID", requires = "url")]
    pub pid: Vec<Named>,

    /// Where the server of one's own keeps its data: the disk that is measured. Else a folder made in the
    /// working folder, and taken away again.
    #[arg(long, conflicts_with = "url")]
    pub folder: Option<PathBuf>,
}

/// How gaps are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arrivals {
    /// Independent of each other, as people are.
    Poisson,
    /// All alike.
    Uniform,
}

impl From<Arrivals> for schedule::Arrivals {
    fn from(arrivals: Arrivals) -> Self {
        match arrivals {
            Arrivals::Poisson => Self::Poisson,
            Arrivals::Uniform => Self::Uniform,
        }
    }
}

/// `host:port` of a plain HTTP URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority(pub String);

impl FromStr for Authority {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = "a URL is like http://127.0.0.1:3000, without a path; TLS is not spoken here";
        let authority = url.strip_prefix("http://").ok_or(wrong)?.trim_end_matches('/');
        let parsed: http::uri::Authority = authority.parse().map_err(|_| wrong)?;
        if parsed.host().is_empty() || authority.contains('@') {
            return Err(wrong.to_owned());
        }
        let port = match authority.strip_prefix(parsed.host()) {
            Some("") => 80,
            Some(port) => port.strip_prefix(':').and_then(|port| port.parse().ok()).unwrap_or(0),
            None => 0_u16,
        };
        if port == 0 {
            return Err(wrong.to_owned());
        }
        Ok(Self(format!("{}:{port}", parsed.host())))
    }
}

/// Something with a name before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name; `server` if none was given.
    pub name: String,
    /// What it names.
    pub what: String,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, what) = match text.split_once('=') {
            Some((name, what)) if !name.contains(['/', ':']) => (name, what),
            _ => ("server", text),
        };
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if name.is_empty() || !plain || what.is_empty() {
            return Err("a role is of letters, digits, - and _, like persist=http://…".to_owned());
        }
        Ok(Self { name: name.to_owned(), what: what.to_owned() })
    }
}

const HELP: &str = "\
Scenarios:
  direct     pairs at a steady rate over sockets: open loop, send → ack and send → receive
  saturate   as much as goes: every user sends the next message when the last one is acknowledged
             (CLOSED loop: its latencies say little; its rate is the figure)
  fanout     groups whose members all have a socket: open loop, until the first, 99 of 100, and the last
             member has it
  idle       memory of quiet connections, connects per second, then one message to each
  reconnect  everybody is cut at once and comes back with cursors while messages go on: open loop, time
             until each has caught up
  all        a short tour of all of them

Latency of an open loop is counted from the time at which a message was due, not from when it could be
sent. A generator that was late by more than --max-lag (p99), or busy for more than --max-busy of the time,
was the bottleneck: the run is void, never a pass.

After each scenario every acknowledged send is judged: some are asked again under the same client id, every
conversation is read whole, and the checker of the test suite looks for what is lost, doubled, out of order
or missing.

Objectives without --slo:
  all of them  unacked<=0 undelivered<=0 incomplete<=0 doubled<=0 unreadable<=0
               blinded<=0 behind<=0 absent<=0 resets<=0 cut<=0, where there is such a figure
  direct       recv.p50<=5ms recv.p99<=50ms
  saturate     rate>=2000
  fanout       last.p99<=250ms
  idle         connection.bytes<=16KB
  reconnect    caughtup.p99<=10s
Figures are named as in the table; --slo names one, and takes the place of the default about it. One that
no scenario could be compared with is an error.

Exit status: 0 pass · 1 an objective was missed · 2 wrong use, or it could not be run · 3 void: the generator
was the bottleneck, or nothing was proven · 4 a guarantee was broken (witnesses are printed, the history
is kept). After anything but a pass the data and the log of the server stay where they are.

A deployment given by --url must let users register, and its rate limits must be raised (section [limits] of
the configuration), or it is its limits that are measured.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_plain_http_without_a_path() {
        let of = |url: &str| url.parse::<Authority>().map(|authority| authority.0);
        assert_eq!(of("http://127.0.0.1:3000").as_deref(), Ok("127.0.0.1:3000"));
        assert_eq!(of("http://chat.example/").as_deref(), Ok("chat.example:80"));
        for url in ["https://x", "x:1", "http://", "http://x/api", "http://a@b:1", "http://x:y"] {
            assert!(of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_role_may_stand_before_a_url_or_a_process() {
        let of = |text: &str| text.parse::<Named>().map(|named| (named.name, named.what));
        let named = |name: &str, what: &str| Ok((name.to_owned(), what.to_owned()));
        assert_eq!(of("http://x:1/metrics?a=b"), named("server", "http://x:1/metrics?a=b"));
        assert_eq!(of("persist=http://x:1/metrics"), named("persist", "http://x:1/metrics"));
        assert_eq!(of("ingest=12"), named("ingest", "12"));
        assert!(of("=12").is_err() && of("a b=12").is_err() && of("").is_err());
    }
}
