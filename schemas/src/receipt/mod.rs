//! Receipts: how far each member has received and read a conversation. Watermarks, merged by the
//! larger, without a rev, legal in any order (HAZARDS 29).

pub mod command;
pub mod table;
pub mod view;

use serde::{Deserialize, Serialize};

/// Which watermark.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A device of his has it.
    Delivered,
    /// He has read it.
    Read,
}
