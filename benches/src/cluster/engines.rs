//! The real engines, through the script that starts them: only it knows how they run here.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// A real engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    /// The log.
    Kafka,
    /// The store.
    Cql,
    /// The registry.
    Redis,
}

impl Engine {
    /// All.
    pub const ALL: [Self; 3] = [Self::Kafka, Self::Cql, Self::Redis];

    /// Its name, for the script too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Cql => "cql",
            Self::Redis => "redis",
        }
    }
}

/// All three, running.
#[derive(Clone, Debug)]
pub struct Engines {
    script: PathBuf,
    addresses: BTreeMap<Engine, String>,
}

impl Engines {
    /// Starts what does not run, and asks where they are.
    pub async fn up(script: &Path) -> anyhow::Result<Self> {
        let script = script.canonicalize().with_context(|| script.display().to_string())?;
        let mut engines = Self { script, addresses: BTreeMap::new() };
        engines.run(&["up"]).await?;
        let text = engines.run(&["env"]).await?;
        for engine in Engine::ALL {
            let variable = format!("PARLANCE_TEST_{}=", engine.name().to_uppercase());
            let found = text.lines().find_map(|line| line.split_once(&variable));
            let (_, address) = found.with_context(|| format!("no {variable} in\n{text}"))?;
            engines.addresses.insert(engine, address.trim().trim_matches('"').to_owned());
        }
        Ok(engines)
    }

    /// `host:port`.
    pub fn address(&self, engine: Engine) -> &str {
        self.addresses.get(&engine).map_or("", String::as_str)
    }

    /// `start`, `stop`, `kill`, `pause`, `resume` or `wait`.
    pub async fn tell(&self, verb: &str, engine: Engine) -> anyhow::Result<()> {
        self.run(&[verb, engine.name()]).await.map(drop)
    }

    /// Whether anybody takes connections there.
    pub fn listens(&self, engine: Engine) -> bool {
        let address = self.address(engine).parse::<SocketAddr>();
        address.is_ok_and(|at| TcpStream::connect_timeout(&at, Duration::from_millis(500)).is_ok())
    }

    /// Their processes, where they are processes of this machine.
    pub async fn pids(&self) -> anyhow::Result<BTreeMap<Engine, u32>> {
        let text = self.run(&["status"]).await?;
        let pid = |line: &str| line.split_once("pid ")?.1.split(',').next()?.trim().parse().ok();
        let of = |engine: Engine| {
            let line = text.lines().find(|line| line.starts_with(engine.name()))?;
            Some((engine, pid(line)?))
        };
        Ok(Engine::ALL.into_iter().filter_map(of).collect())
    }

    async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.script);
        command.args(arguments);
        let words = arguments.join(" ");
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "engines {words}: {}\n{text}{errors}", output.status);
        Ok(text)
    }
}
