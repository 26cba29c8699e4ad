//! Generates load and faults from a seed and logs everything in a history.
//!
//! Writers send over requests and sockets, lose acks on purpose and retry on other nodes; every user
//! watches over several sockets on all nodes; readers page through history; a nemesis breaks the
//! system while sends are in flight. In the end everything heals, sockets settle, and every
//! conversation is read whole by both of its members.
//!
//! What a process will do is drawn from the seed and its own number, never from what came back, so
//! two runs of a seed ask for the same things however they interleave.

mod finale;
mod hub;
mod observer;
mod pace;
mod plan;
mod reader;
mod setup;
mod storm;
mod writer;

pub use pace::{Pace, Schedule, Ticket};
pub use plan::{Act, Fate, Plan, Step};
pub use setup::retryable;
pub use storm::{NEMESIS, in_flight, run, run_while};
