//! The routes on the real pipeline: embedded engines, all pools, two ingest nodes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod accounts;
mod blocking;
mod changes;
mod conversations;
mod crowds;
mod edits;
mod effects;
mod endings;
mod failing;
mod forwards;
mod frame;
mod groups;
mod inbox;
mod members;
mod messages;
mod presence;
mod privacy;
mod profiles;
mod reactions;
mod reads;
mod refusals;
mod replies;
mod sessions;
mod sockets;
mod typing;
mod unread;
mod users;
mod walls;
mod watched;
mod world;
