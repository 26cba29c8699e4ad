//! The commands of the binary, with the settings of the server under test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::server::FOREIGN;
use anyhow::{Context as _, ensure};

/// The binary, for one data folder.
pub(super) struct Parlance {
    binary: PathBuf,
    folder: PathBuf,
    data: PathBuf,
}

impl Parlance {
    pub(super) fn new(binary: &Path, folder: &Path, data: &Path) -> anyhow::Result<Self> {
        let (folder, data) = (folder.to_path_buf(), data.to_path_buf());
        Ok(Self { binary: binary.canonicalize()?, folder, data })
    }

    /// The same for another data folder.
    pub(super) fn with_data(&self, data: PathBuf) -> Self {
        Self { binary: self.binary.clone(), folder: self.folder.clone(), data }
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("parlance.toml"))
            .env("PARLANCE_DATA__DIR", &self.data)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a command and leaves it running.
    pub(super) fn start(&self, arguments: &[&str]) -> anyhow::Result<Running> {
        let child = self.command(arguments).spawn();
        Ok(Running(Some(child.with_context(|| self.binary.display().to_string())?)))
    }

    async fn run(&self, arguments: &[&str]) -> anyhow::Result<(Output, String)> {
        let output = self.start(arguments)?.ended().await?;
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        Ok((output, String::from_utf8_lossy(&said).into_owned()))
    }

    /// It must succeed.
    pub(super) async fn must(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let (output, said) = self.run(arguments).await?;
        ensure!(output.status.success(), "{arguments:?}: {}\n{said}", output.status);
        Ok(())
    }

    /// It must be refused, and say this.
    pub(super) async fn must_not(&self, arguments: &[&str], why: &str) -> anyhow::Result<()> {
        let (output, said) = self.run(arguments).await?;
        ensure!(output.status.code() == Some(1), "{arguments:?}: {}\n{said}", output.status);
        ensure!(said.contains(why), "{arguments:?} does not say {why:?}:\n{said}");
        Ok(())
    }
}

/// A command that runs; killed when it is dropped.
pub(super) struct Running(Option<Child>);

impl Running {
    /// Whether it has not ended by itself.
    pub(super) fn runs(&mut self) -> anyhow::Result<bool> {
        let child = self.0.as_mut().context("a child")?;
        Ok(child.try_wait()?.is_none())
    }

    /// Waits for its end.
    pub(super) async fn ended(mut self) -> anyhow::Result<Output> {
        let child = self.0.take().context("a child")?;
        Ok(tokio::task::spawn_blocking(|| child.wait_with_output()).await??)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself; either way it is gone.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
