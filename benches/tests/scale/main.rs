//! What may not grow: the cost of a page or a list with the age of a conversation, and the records of
//! a message with the size of a group.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the whole file is tests; they say what they measured"
)]

mod cost;
mod group;
mod world;
