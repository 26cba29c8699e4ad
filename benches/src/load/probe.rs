//! What the system under test uses, by process: from /proc where the process is on this machine, else
//! from the `process_` metrics of each role.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::remote::Rest;
use crate::server::{Metrics, Usage, usage};

/// Where one process can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A process of this machine.
    Pid(u32),
    /// The metrics of one anywhere.
    Metrics(String),
}

/// One process, by the name of its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its role, or another name for it.
    pub name: String,
    /// Where to look.
    pub source: Source,
}

/// All processes of a system, and whoever makes the load.
#[derive(Clone, Debug)]
pub struct Probe {
    processes: Vec<Process>,
    /// Where the system's own counters are, if anywhere.
    counters: Vec<String>,
    rest: Rest,
}

/// What was used and counted up to a moment.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// By name; processes of one name together.
    pub server: BTreeMap<String, Usage>,
    /// The generator's.
    pub own: Usage,
    /// CPU time of the generator's thread that reads answers and events.
    pub reader: Duration,
    /// The system's counters.
    pub metrics: Metrics,
}

impl Probe {
    /// Looks at these processes.
    pub fn of(processes: Vec<Process>, counters: Vec<String>) -> Self {
        Self { processes, counters, rest: Rest::new() }
    }

    /// Whether it can see any process.
    pub fn sees(&self) -> bool {
        !self.processes.is_empty()
    }

    /// What the processes have used.
    pub async fn usage(&self) -> anyhow::Result<BTreeMap<String, Usage>> {
        let mut all: BTreeMap<String, Usage> = BTreeMap::new();
        for Process { name, source } in &self.processes {
            let used = match source {
                Source::Pid(pid) => usage(*pid).with_context(|| format!("process {pid}"))?,
                Source::Metrics(url) => used(&self.metrics(url).await?),
            };
            let sum = all.entry(name.clone()).or_default();
            sum.cpu += used.cpu;
            sum.resident_bytes += used.resident_bytes;
        }
        Ok(all)
    }

    /// What the processes and the generator have used; nothing is asked for its counters.
    pub async fn used(&self) -> anyhow::Result<Reading> {
        let own = usage(std::process::id())?;
        let reader = crate::server::thread_cpu()?;
        Ok(Reading { server: self.usage().await?, own, reader, metrics: Metrics::default() })
    }

    /// Everything.
    pub async fn reading(&self) -> anyhow::Result<Reading> {
        let mut metrics = Metrics::default();
        for url in &self.counters {
            metrics.add(&self.metrics(url).await?);
        }
        Ok(Reading { metrics, ..self.used().await? })
    }

    async fn metrics(&self, url: &str) -> anyhow::Result<Metrics> {
        let answer = self.rest.get(url, None).await;
        ensure!(answer.status == 200, "{url}: {answer}");
        Ok(Metrics::parse(&String::from_utf8_lossy(&answer.body)))
    }
}

fn used(metrics: &Metrics) -> Usage {
    let bytes = metrics.get("process_resident_memory_bytes");
    Usage {
        cpu: Duration::try_from_secs_f64(metrics.get("process_cpu_seconds_total"))
            .unwrap_or_default(),
        resident_bytes: format!("{bytes:.0}").parse().unwrap_or_default(),
    }
}

impl Reading {
    /// CPU time of all processes.
    pub fn cpu(&self) -> Duration {
        self.server.values().map(|used| used.cpu).sum()
    }

    /// Their resident memory.
    pub fn resident_bytes(&self) -> u64 {
        self.server.values().map(|used| used.resident_bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_metrics() {
        let text = "process_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 4.096e+06\n";
        let expected = Usage { cpu: Duration::from_millis(12_500), resident_bytes: 4_096_000 };
        assert_eq!(used(&Metrics::parse(text)), expected);
    }
}
