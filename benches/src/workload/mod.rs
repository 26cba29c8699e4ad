//! Generates load and faults from a seed and logs everything in a history.
//!
//! Writers send over requests and sockets, lose acks on purpose and retry on other nodes; every user
//! watches over several sockets on all nodes; readers page through history; a nemesis breaks the
//! system while sends are in flight. Where a plan says so, people also do what they do in conversations:
//! they edit, delete, react and read, sockets come back with cursors on other nodes, guests are removed
//! while they write, deleted texts are looked for, and what is unread is asked for. In the end everything
//! heals, sockets settle, and every conversation is read whole by all of its members.
//!
//! What a process will do is drawn from the seed and its own number, never from what came back, so
//! two runs of a seed ask for the same things however they interleave.

mod again;
mod eraser;
mod finale;
mod hand;
mod hub;
mod observer;
mod pace;
mod plan;
mod reader;
mod setup;
mod storm;
mod walker;
mod warden;
mod writer;

pub(crate) use finale::pages;
pub use pace::{Pace, Schedule, Ticket};
pub use plan::{Act, Back, Change, Fate, Plan, Step};
pub use setup::retryable;
pub use storm::{NEMESIS, in_flight, run, run_then_again, run_while};
