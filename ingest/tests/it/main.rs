//! The routes on the real pipeline: embedded engines, all pools, two ingest nodes.

mod accounts;
mod conversations;
mod frame;
mod messages;
mod refusals;
mod sessions;
mod sockets;
mod users;
mod world;
