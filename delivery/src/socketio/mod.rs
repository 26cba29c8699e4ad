//! Socket.IO: the predecessor's protocol, on the same sessions, routes, queues and frames as `/ws`.
//!
//! ```text
//! engineio::Connection ─▶ packet ─▶ requests ─▶ session::wire::ask (acceptance, presence) ─▶ acks
//! session queue ─▶ Frame::packets (events, once for the node) ─▶ chat ─▶ engineio::Connection
//! ```
//!
//! `packet` is the protocol and knows nothing of chat; `connect` decides who joins a namespace; `serve`
//! makes a connection a session; `owed` reads what a packet shows beside its frame. What is said is acceptance's, as everywhere.

mod acks;
mod chat;
mod connect;
pub(crate) mod events;
pub(crate) mod namespace;
pub(crate) mod owed;
pub(crate) mod packet;
mod received;
mod requests;
mod rooms;
mod serve;

pub(crate) use serve::Server;
