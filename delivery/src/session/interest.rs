//! Which frames without a number a socket wants.

use super::{Session, Speaks};
use crate::hub::Told;

impl Session {
    /// Whether it is told that somebody types, or does so no more.
    ///
    /// On `/ws`: a beginning and an end of others; its client waits for the end. A client of Socket.IO
    /// waits for five seconds and is told again; where the conversation is on screen its task knows.
    pub(crate) fn is_told(&self, told: &Told) -> bool {
        self.speaks() != Speaks::Ws || (told.typer != self.who.user && !told.again)
    }

    /// Whether it takes part in calls, which `/ws` does not.
    pub(crate) fn takes_calls(&self) -> bool {
        self.speaks() != Speaks::Ws
    }
}
