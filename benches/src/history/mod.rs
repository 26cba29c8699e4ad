//! What clients asked and saw, with times: the only evidence the checker gets.
//!
//! One entry is one operation with the time it was invoked and the time it returned, both from one
//! monotonic clock. An operation whose outcome the client does not know is `unknown`, never absent:
//! an abandoned future logs itself as such. Entries are kept in memory while a run lasts and can be
//! written to a file of JSON lines, so that a failing history is kept and judged again.

mod act;
mod as_of;
mod entry;
mod fault;
mod file;
mod recorder;

pub use act::{Act, Counted, Cursors, Members, Probe, Probing, Resume, Unread, What};
pub use as_of::as_of;
pub use entry::{
    Attempt, CUT, Entry, Form, Gotten, Live, Loss, Op, Opened, Outcome, Page, Process, Reacted,
    Request, Seen, SocketId, Tells, UNREACHABLE, Via, Why, body_of,
};
pub use fault::{Audit, Class, Exit, Fault, Look};
pub use file::{read, write};
pub use recorder::{Pending, Recorder};
