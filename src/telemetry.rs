//! Logging of the process, to standard error.

use anyhow::Context;
use platform::config::Logging;
use tracing_subscriber::EnvFilter;

/// Installs the subscriber.
pub(crate) fn init(logging: &Logging) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&logging.filter).context("logging.filter")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if logging.json {
        builder.json().init();
    } else {
        builder.init();
    }
    Ok(())
}
