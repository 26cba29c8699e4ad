//! Logging of the process, to standard error.

use std::io::IsTerminal as _;

use anyhow::Context;
use platform::config::Logging;
use tracing_subscriber::EnvFilter;

/// Installs the subscriber.
pub(crate) fn init(logging: &Logging) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&logging.filter).context("logging.filter")?;
    // Colours are for people who look: not for files, nor where they are not wanted (no-color.org).
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal() && !unwanted)
        .with_writer(std::io::stderr);
    if logging.json {
        builder.json().init();
    } else {
        builder.init();
    }
    Ok(())
}
