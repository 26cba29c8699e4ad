//! The language of Parlance: what the tiers say to each other and to their clients.
//!
//! The path of a record, in the words of this crate:
//!
//! ```text
//! request ─▶ command ──(topic chat.commands)──▶ fold ─▶ change ─▶ rows (table) ─▶ event ──(chat.events)──▶ frame
//!            <noun>::command                           <noun>::change  <noun>::table        event
//! ```
//!
//! One folder per noun (`message`, `conversation`, `member`, `reaction`, `pin`, `receipt`, `presence`, `typing`, `user`, `session`), each with the same
//! file names: `command`, `change`, `table`, `view`. This crate is pure: serde only; no I/O, no
//! clock, no randomness, no async. Everything written by it is versioned and readable for ever
//! (`tests/golden`).

#![deny(clippy::indexing_slicing, clippy::as_conversions)]

pub mod conversation;
pub mod deployment;
#[cfg(feature = "json-schema")]
pub mod document;
pub mod envelope;
pub mod error;
pub mod event;
pub mod frame;
pub mod id;
pub mod key;
pub mod letter;
pub mod limits;
pub mod member;
pub mod message;
pub mod outbound;
pub mod partition;
pub mod patch;
pub mod pin;
pub mod position;
pub mod presence;
pub mod reaction;
pub mod receipt;
pub mod session;
pub mod table;
pub mod time;
pub mod topic;
pub mod typing;
pub mod user;

pub use error::{ApiError, Code};
pub use id::{CommandId, ConversationId, InstanceId, MessageId, Rev, Seq, SessionId, UserId};
pub use position::{Position, Stamp};
pub use time::Timestamp;
