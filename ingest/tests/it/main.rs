//! The routes on the real pipeline: embedded engines, all pools, two ingest nodes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod accounts;
mod conversations;
mod frame;
mod messages;
mod refusals;
mod sessions;
mod sockets;
mod users;
mod walls;
mod world;
