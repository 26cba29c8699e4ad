//! What this process reads: its members and tails, and whether their threads are alive.

use std::sync::Arc;
use std::time::Duration;

use platform::port::log::Error;

use super::inbox::Inbox;

/// A member or tail of this process.
pub(super) struct Reading {
    /// Group and topic of a member.
    pub(super) group: Option<(&'static str, u16)>,
    pub(super) inbox: Arc<Inbox>,
    /// Looks in a row at which its thread had been silent for too long.
    silent: u32,
}

/// Silence of a thread that reads after which something is wrong, and how many looks must find it: a
/// process that was suspended wakes to a long silence of all its threads.
const SILENCE: Duration = Duration::from_mins(1);
const SILENT_LOOKS: u32 = 3;

impl Reading {
    pub(super) fn new(group: Option<(&'static str, u16)>, inbox: Arc<Inbox>) -> Self {
        Self { group, inbox, silent: 0 }
    }

    /// Ends the task of a thread that hangs, so that the process ends and others take over.
    pub(super) fn look(&mut self) {
        self.silent = if self.inbox.silence() > SILENCE { self.silent + 1 } else { 0 };
        if self.silent == SILENT_LOOKS && !self.inbox.is_closing() {
            self.inbox.fail(Error::Failed("a thread that reads from Kafka hangs".to_owned()));
        }
    }
}
