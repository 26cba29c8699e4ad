//! How a command gets at the topics: through the server that has the data folder, or by itself where no
//! server runs, or where the topics are on Kafka.

use anyhow::bail;
use platform::Platform;
use platform::config::{Config, LogEngine};
use platform::lifecycle::Lifecycle;

use crate::control::client::Client;
use crate::engines::{self, Engines};

/// One of the two.
pub(crate) enum Reach {
    /// A server runs on the folder: it is asked.
    Server(Client),
    /// This process has the engines.
    Here(Box<Engines>),
}

impl Reach {
    /// Finds out. A folder without data is refused, and not made.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        if config.engines.log == LogEngine::Embedded {
            if let Some(server) = Client::connect(&config.data.dir).await? {
                return Ok(Self::Server(server));
            }
            if !config.data.dir.join("FORMAT").exists() {
                let dir = config.data.dir.display();
                bail!(
                    "there is no data in {dir}: go where the server was started, or set data.dir"
                );
            }
        }
        let engines = engines::open(config, &Lifecycle::new()).await?;
        Ok(Self::Here(Box::new(engines)))
    }
}

/// Lets go of engines in order: what was appended is durable, and a folder is left as a clean stop does.
pub(crate) async fn close(platform: &Platform) {
    platform.log.close().await;
}
