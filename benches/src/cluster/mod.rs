//! A deployment of one's own: every role as processes of the real binary over shared engines, on free
//! ports, under a supervisor that starts again what ends.
//!
//! Whoever breaks something says so to its member first; what ends without that has ended by itself,
//! and is counted. A run has a namespace of its own, so runs never meet in the engines.

mod engines;
mod member;
mod role;
mod settings;
mod supervisor;

pub use engines::{Engine, Engines};
pub use member::{Member, OwnExit};
pub use role::Role;
pub use supervisor::Supervisor;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;

use crate::remote::{Remote, Rest};
use crate::server::{FOREIGN, Metrics};
use settings::{config, free_ports};

/// Longest start of a process, on a machine where ten start at once.
pub const START: Duration = Duration::from_mins(2);

/// Which processes there are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Roles with the number of processes that run from the start.
    pub running: Vec<(Role, usize)>,
    /// Roles with the number of processes that can be added.
    pub spare: Vec<(Role, usize)>,
}

impl Layout {
    /// So many processes of each role, and one more that folds.
    pub fn split(each: usize) -> Self {
        let running = Role::SPLIT.into_iter().map(|role| (role, each)).collect();
        Self { running, spare: vec![(Role::Persist, 1)] }
    }

    /// Everything in one process of two nodes.
    pub fn together() -> Self {
        Self { running: vec![(Role::All, 1)], spare: Vec::new() }
    }
}

/// The deployment.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    members: Vec<Arc<Member>>,
    rest: Rest,
}

impl Cluster {
    /// Prepares a deployment; nothing runs yet. Without engines it is one process on embedded ones.
    pub fn prepare(
        binary: &Path,
        folder: &Path,
        layout: &Layout,
        engines: Option<&Engines>,
        namespace: &str,
    ) -> anyhow::Result<Self> {
        ensure!(binary.is_file(), "{} is not a file", binary.display());
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        // Processes run in it: a relative path would mean another place to them.
        let folder = &folder.canonicalize()?;
        let file = folder.join("parlance.toml");
        std::fs::write(&file, config(engines, namespace))
            .with_context(|| file.display().to_string())?;
        let count = |list: &[(Role, usize)]| list.iter().map(|(_, count)| count).sum::<usize>();
        let mut ports =
            free_ports(3 * (count(&layout.running) + count(&layout.spare)))?.into_iter();
        let mut members = Vec::new();
        for (list, wanted) in [(&layout.running, true), (&layout.spare, false)] {
            for (role, count) in list {
                for _ in 0..*count {
                    let number = members.iter().filter(|m: &&Arc<Member>| m.role == *role).count();
                    let operations = ports.next().context("a port")?;
                    let listen = ports.by_ref().take(role.listeners()).collect();
                    let member =
                        Member::new(*role, number, (operations, listen), folder, binary, wanted);
                    members.push(Arc::new(member));
                }
            }
        }
        Ok(Self { folder: folder.clone(), members, rest: Rest::new() })
    }

    /// All processes.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// Those of one role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Arc<Member>> {
        self.members.iter().filter(move |member| member.role == role)
    }

    /// Where clients go.
    pub fn remote(&self, tag: &str) -> Remote {
        let at = |of: fn(Role) -> bool| {
            let members = self.members.iter().filter(|member| of(member.role));
            members.flat_map(|member| member.listen.iter().map(ToString::to_string)).collect()
        };
        Remote::split(at(Role::serves_requests), at(Role::serves_sockets), tag)
    }

    /// The node whose sockets a process holds, as the workload numbers them.
    pub fn socket_node(&self, of: &Member) -> Option<usize> {
        let mut holders = self.members.iter().filter(|member| member.role.serves_sockets());
        (of.role == Role::Delivery)
            .then(|| holders.position(|member| member.name == of.name))
            .flatten()
    }

    /// Runs a command of a binary with the deployment's settings; its output.
    pub fn run(&self, binary: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(binary);
        for name in FOREIGN {
            command.env_remove(name);
        }
        let output = command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("parlance.toml"))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .with_context(|| binary.display().to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {}\n{text}{errors}", output.status);
        Ok(text)
    }

    /// Waits until every process that is wanted is ready.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let wanted = self.members.iter().filter(|member| member.is_wanted());
        try_join_all(wanted.map(|member| member.ready(&self.rest, START))).await?;
        Ok(())
    }

    /// The counters of all processes that are wanted, added up.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        let mut text = String::new();
        for member in self.members.iter().filter(|member| member.is_wanted()) {
            text.push_str(&member.metrics(&self.rest).await?);
        }
        Ok(Metrics::parse(&text))
    }

    /// The client for health and metrics.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &self.members {
            member.discard();
        }
    }
}
