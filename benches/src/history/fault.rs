//! What was broken on purpose, and what operators saw: entries that come from the harness.

use serde::{Deserialize, Serialize};

/// What kind of thing was broken: what may be expected meanwhile depends on it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// A process of ours was killed.
    #[default]
    Kill,
    /// A process of ours was stopped for longer than its session, and went on.
    Zombie,
    /// Workers were added or taken away.
    Scale,
    /// A process of ours was asked to end and started again.
    Rolling,
    /// A process of ours ended by itself: nobody broke it.
    OwnExit,
    /// A process of ours had a wrong clock, all the time.
    Skew,
    /// The log was away.
    Broker,
    /// The registry was away.
    Registry,
    /// The store was away.
    Store,
}

impl Class {
    /// Whether an engine was away: then nobody can promise an ack.
    pub fn outage(self) -> bool {
        matches!(self, Self::Broker | Self::Registry | Self::Store)
    }
}

/// Something broken on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What was done, in words.
    pub kind: String,
    /// Sends that had been invoked and had not returned at that moment. None: it proves nothing.
    pub in_flight: u32,
    /// What kind of thing it was.
    #[serde(default)]
    pub class: Class,
    /// When it was surely broken, in nanoseconds since the history began: an engine that is asked to
    /// stop serves on for a moment.
    #[serde(default)]
    pub gone: Option<u64>,
    /// When mending began, in nanoseconds since the history began: until then it was surely broken.
    #[serde(default)]
    pub mending: Option<u64>,
    /// Why it did not happen, if it did not.
    #[serde(default)]
    pub missed: Option<String>,
    /// How a process that was asked to end ended.
    #[serde(default)]
    pub exit: Option<Exit>,
    /// The node whose sockets the process held.
    #[serde(default)]
    pub sockets: Option<usize>,
}

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// Milliseconds that it took.
    pub ms: u64,
    /// Its status; none: a signal ended it.
    pub code: Option<i32>,
}

/// What an audit looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Look {
    /// The counters of a process that must stay 0 (G-29).
    Counters,
    /// Rows before and after a zombie went on (G-08).
    Rows,
    /// The folded tables, and the same folded again from the log (G-09).
    Refold,
}

/// Something that operators can see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// What was looked at.
    pub look: Look,
    /// Where.
    pub part: String,
    /// Things compared.
    pub checked: u64,
    /// Those that were wrong, in words.
    pub broken: Vec<String>,
}
