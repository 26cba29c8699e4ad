//! What clients asked and saw, with times: the only evidence the checker gets.
//!
//! One entry is one operation with the time it was invoked and the time it returned, both from one
//! monotonic clock. An operation whose outcome the client does not know is `unknown`, never absent:
//! an abandoned future logs itself as such. Entries are kept in memory while a run lasts and can be
//! written to a file of JSON lines, so that a failing history is kept and judged again.

mod entry;
mod fault;
mod file;
mod recorder;

pub use entry::{
    Attempt, Entry, Gotten, Live, Loss, Op, Opened, Outcome, Page, Process, Request, Seen,
    SocketId, UNREACHABLE, Via, Why, body_of,
};
pub use fault::{Audit, Class, Exit, Fault, Look};
pub use file::{read, write};
pub use recorder::{Pending, Recorder};
