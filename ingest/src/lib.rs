//! HTTP in: routes that validate, publish and read.
//!
//! A write becomes one command on a topic and waits for the fold's answer; a read takes fresh rows
//! from the store. Ingest decides nothing that the fold decides: it refuses early what can not
//! succeed, and leaves the rest to it. Only claims on names, credentials and sessions are written
//! here directly (`session`).
//!
//! | module | |
//! |---|---|
//! | [`config`] | what an operator may set |
//! | `state` | [`Ingest`]: everything a handler needs |
//! | `frame` | what surrounds every request: id, headers, CORS, limits, panics, errors, metrics |
//! | `extract`, `query`, `envelope`, `error` | in and out of handlers |
//! | `publish` | a command into its topic, and its outcome back |
//! | `access`, `profiles` | what is remembered of memberships and users, and how little it counts |
//! | [`inbound`] | the same acceptance for sockets |
//! | `assets`, `page` | files that are linked in, and the chat page among them |
//! | `docs`, `document` | the OpenAPI document as it is sent, and how the tests make it |
//! | `rows` | several tables in one read |
//! | `receipt` | how far somebody has read, whichever route tells it |
//! | `presence` | who is here, as far as a viewer may see |
//! | `user`, `session`, `conversation`, `member`, `message` | the routes, one folder per noun |

pub mod config;
pub mod inbound;

mod access;
mod assets;
mod conversation;
mod docs;
#[cfg(test)]
mod document;
mod envelope;
mod error;
mod extract;
mod frame;
mod health;
mod limit;
mod member;
mod message;
mod page;
mod pin;
mod presence;
mod profiles;
mod publish;
mod query;
mod reaction;
mod receipt;
mod rows;
mod session;
mod state;
#[cfg(test)]
mod testing;
mod user;

pub use config::IngestConfig;
pub use state::{Ingest, Refused};
