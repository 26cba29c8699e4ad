//! The worker pools of Parlance: the folds, and what carries their events on.
//!
//! | pool | reads | writes |
//! |---|---|---|
//! | `persist` | `chat.commands` | conversations, members, messages, reactions, pins; `chat.events`, `chat.users`, replies |
//! | `feed` | `chat.users` | users, their settings, blocks and feeds; feed frames, `chat.commands` (blocks), replies |
//! | `receipts` | `chat.receipts` | markers; `chat.signals`, replies |
//! | `saga` | `chat.users` | `chat.commands`: one for each conversation of a request about several |
//! | `fanout` | `chat.events` | `chat.outbound`: one record per interested node, or one for all |
//! | `signals` | `chat.signals` | the same, for frames without a number |
//! | `presence` | `chat.presence` | boards of who is here, when users were last here; `chat.outbound`: one record for all nodes |
//!
//! A pool is stateless: what it knows it has loaded, and another process may take over at any
//! record. A folding pool is a pure core ([`fold::Fold`]: needs, decide, evolve) in one shell
//! ([`fold::round`]); every pool runs in the partition driver of `platform`.

#![deny(clippy::indexing_slicing, clippy::as_conversions)]

pub mod fanout;
pub mod feed;
pub mod fold;
pub mod persist;
mod pools;
pub mod presence;
pub mod receipts;
mod routing;
pub mod saga;
pub mod signals;

pub use pools::{NAMES, UnknownPool, groups, start};
