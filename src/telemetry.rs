//! Logging of the process, to standard error.

use platform::config::Logging;
use tracing_subscriber::EnvFilter;

/// Installs the subscriber. A filter that can not be read becomes `info`.
pub(crate) fn init(logging: &Logging) {
    let filter = EnvFilter::try_new(&logging.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if logging.json {
        builder.json().init();
    } else {
        builder.init();
    }
}
