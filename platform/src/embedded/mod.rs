//! The engines that need nothing beside them: a journal of synced topics, an LSM store, a log over
//! both, and ephemeral facts in memory. They are durable and real: one process without configuration
//! runs on them (G-01 to G-03 hold for it as for Kafka and ScyllaDB).

mod boards;
pub(crate) mod channel;
mod ephemeral;
pub mod journal;
pub mod log;
pub mod lsm;
pub(crate) mod rows;

pub use channel::TailLimits;
pub use ephemeral::LocalEphemeral;
pub use journal::{JournalConfig, QueueLimits};
pub use log::{EmbeddedLog, LogConfig};
pub use lsm::{LsmConfig, LsmStore};
