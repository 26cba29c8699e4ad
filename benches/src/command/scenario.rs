//! Which scenarios there are, what each is run with, and what is expected of it.

use std::time::Duration;

use clap::ValueEnum;

use super::arguments::Arguments;
use super::slo::Slo;
use crate::scenarios::course::{Course, Measurement};
use crate::scenarios::saturate::Over;
use crate::scenarios::{direct, fanout, idle, reconnect, saturate};

/// As they are named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Pairs at a steady rate.
    Direct,
    /// As much as goes.
    Saturate,
    /// Groups whose members all have a socket.
    Fanout,
    /// Quiet connections.
    Idle,
    /// Everybody is cut at once and comes back.
    Reconnect,
    /// A short tour of all of them.
    All,
}

/// By which way messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// Frames on a socket.
    Ws,
    /// Requests.
    Rest,
}

/// One scenario to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Direct,
    Saturate(Over),
    Fanout,
    Idle,
    Reconnect,
}

impl Scenario {
    /// What it is made of.
    pub(super) fn parts(self, over: Way) -> Vec<Part> {
        let over = match over {
            Way::Ws => Over::Sockets,
            Way::Rest => Over::Rest,
        };
        match self {
            Self::Direct => vec![Part::Direct],
            Self::Saturate => vec![Part::Saturate(over)],
            Self::Fanout => vec![Part::Fanout],
            Self::Idle => vec![Part::Idle],
            Self::Reconnect => vec![Part::Reconnect],
            Self::All => vec![
                Part::Direct,
                Part::Saturate(Over::Sockets),
                Part::Saturate(Over::Rest),
                Part::Fanout,
                Part::Idle,
                Part::Reconnect,
            ],
        }
    }
}

impl Part {
    /// The scenario's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Saturate(_) => "saturate",
            Self::Fanout => "fanout",
            Self::Idle => "idle",
            Self::Reconnect => "reconnect",
        }
    }

    /// A name that no other part of a tour has.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Saturate(Over::Rest) => "saturate-rest",
            _ => self.name(),
        }
    }

    /// What is expected of it if nothing else is said.
    pub(super) fn defaults(self) -> Vec<Slo> {
        let of = |texts: &[&str]| -> Vec<Slo> {
            let always = ["unacked<=0", "doubled<=0", "unreadable<=0", "blinded<=0", "cut<=0"];
            texts.iter().copied().chain(always).filter_map(|text| text.parse().ok()).collect()
        };
        match self {
            Self::Direct => of(&["recv.p50<=5ms", "recv.p99<=50ms", "undelivered<=0"]),
            Self::Saturate(Over::Sockets) => of(&["rate>=2000", "undelivered<=0"]),
            Self::Saturate(Over::Rest) => of(&["rate>=2000"]),
            Self::Fanout => of(&["last.p99<=250ms", "undelivered<=0", "incomplete<=0"]),
            Self::Idle => of(&["connection.bytes<=16KB", "undelivered<=0"]),
            Self::Reconnect => of(&["caughtup.p99<=10s", "behind<=0", "resets<=0", "absent<=0"]),
        }
    }

    /// Figures that it has beside those of the processes.
    pub(super) fn figures(self) -> Vec<String> {
        let latency = |key: &str| {
            crate::scenarios::figures::QUANTILES.map(|(_, name)| format!("{key}.{name}"))
        };
        let (latencies, plain): (&[&str], &[&str]) = match self {
            Self::Direct => {
                (&["recv", "ack"], &["rate", "unacked", "undelivered", "lag.p99", "lag.max"])
            }
            Self::Saturate(Over::Sockets) => {
                (&["ack", "recv"], &["rate", "events", "unacked", "undelivered"])
            }
            Self::Saturate(Over::Rest) => (&["ack"], &["rate", "unacked"]),
            Self::Fanout => (
                &["first", "most", "last", "recv", "ack"],
                &[
                    "deliveries",
                    "rate",
                    "unacked",
                    "undelivered",
                    "incomplete",
                    "lag.p99",
                    "lag.max",
                ],
            ),
            Self::Idle => (
                &["connect", "recv"],
                &[
                    "sockets",
                    "connection.bytes",
                    "connects",
                    "cpu.connect",
                    "cpu.idle",
                    "rss.all",
                    "unacked",
                    "undelivered",
                ],
            ),
            Self::Reconnect => (
                &["caughtup", "resume", "ack"],
                &[
                    "sockets",
                    "missed",
                    "resets",
                    "failed",
                    "absent",
                    "behind",
                    "rate",
                    "unacked",
                    "lag.p99",
                    "lag.max",
                    "cpu.reconnect",
                ],
            ),
        };
        let shared: &[&str] = match self {
            Self::Idle => &[],
            _ => &["generator.cpu", "generator.busy"],
        };
        let mut all: Vec<String> = latencies.iter().flat_map(|key| latency(key)).collect();
        all.extend(plain.iter().chain(shared).map(|key| (*key).to_owned()));
        let sockets = ["cut", "resynced", "doubled", "unreadable", "blinded", "witnessed"];
        all.extend(sockets.map(str::to_owned));
        if self != Self::Idle {
            all.push("sync.ratio".to_owned());
        }
        all
    }

    /// Whether an objective can be about it: figures of processes go by the names of those that are
    /// looked at, and what is held against the disk there is only beside a server of one's own.
    pub(super) fn has(self, figure: &str, arguments: &Arguments) -> bool {
        if figure == "sync.ratio" && arguments.url.is_some() {
            return false;
        }
        let named = arguments.metrics.iter().chain(&arguments.pid);
        let looked: Vec<&str> = if arguments.url.is_some() {
            named.map(|named| named.name.as_str()).collect()
        } else {
            vec!["server"]
        };
        let process = ["cpu.", "cores.", "rss."]
            .iter()
            .filter_map(|begin| figure.strip_prefix(begin))
            .any(|name| looked.contains(&name));
        let own = self.figures().iter().any(|known| known == figure);
        own || process && self != Self::Idle
    }

    /// Runs it.
    pub(super) async fn run(
        self,
        course: &Course<'_>,
        arguments: &Arguments,
    ) -> anyhow::Result<Measurement> {
        let many = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let rate = |default: f64| arguments.rate.unwrap_or(default);
        match self {
            Self::Direct => direct::measure(course, many(arguments.pairs), rate(500.0)).await,
            Self::Saturate(over) => saturate::measure(course, over, many(arguments.users)).await,
            Self::Fanout => {
                let size = fanout::Size {
                    groups: many(arguments.groups),
                    members: many(arguments.members),
                    senders: many(arguments.senders),
                    rate: rate(50.0),
                };
                fanout::measure(course, size).await
            }
            Self::Idle => idle::measure(course, many(arguments.sockets)).await,
            Self::Reconnect => {
                let size = reconnect::Size {
                    sockets: many(arguments.sockets),
                    rate: rate(300.0),
                    away: Duration::from_millis(arguments.away),
                };
                reconnect::measure(course, size).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn every_default_is_about_a_figure_that_the_scenario_has() {
        let Line { arguments } = Line::parse_from(["bench"]);
        for over in [Way::Ws, Way::Rest] {
            for part in [Scenario::All, Scenario::Saturate].iter().flat_map(|s| s.parts(over)) {
                let defaults = part.defaults();
                assert!(defaults.len() > 5, "{part:?}");
                for slo in defaults {
                    assert!(part.has(&slo.figure, &arguments), "{part:?} {slo}");
                }
            }
        }
    }

    #[test]
    fn a_figure_of_a_process_is_there_only_where_the_process_is_looked_at() {
        let has = |figure: &str, words: &[&str]| {
            let line = ["bench"].iter().chain(words);
            Part::Direct.has(figure, &Line::parse_from(line).arguments)
        };
        let url = ["--url=http://x:1"];
        let both = ["--url=http://x:1", "--metrics=persist=http://x:2/metrics", "--pid=9"];
        for (figure, own, running, looked) in [
            ("cpu.server", true, false, true),
            ("rss.server", true, false, true),
            ("rss.persist", false, false, true),
            ("cpu.nosuch", false, false, false),
            ("sync.ratio", true, false, false),
            ("recv.p99", true, true, true),
        ] {
            let found = (has(figure, &[]), has(figure, &url), has(figure, &both));
            assert_eq!(found, (own, running, looked), "{figure}");
        }
    }
}
