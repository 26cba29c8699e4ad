//! G-12: whoever comes back with cursors is told each change behind them once and in order, and then what
//! is live, with no seam; or is told plainly of which conversation he is not.

use schemas::Rev;
use uuid::Uuid;

use super::index::{At, Index, Socket};
use super::journal::Journal;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Resume, SocketId};

pub(super) fn check(index: &Index<'_>, journal: &Journal<'_>) -> Option<Verdict> {
    let mut verdict = Verdict::new(Guarantee::GapFreeResume);
    let mut any = false;
    for (id, socket) in &index.sockets {
        let Some(resume) = socket.resume else { continue };
        any = true;
        verdict.checked += 1;
        let from = &resume.what.from;
        for (conversation, cursor) in &from.conversations {
            if index.stays(resume.what.by, *conversation) {
                let seat = Seat { id: *id, socket, resume, conversation: *conversation };
                seat.check(*cursor, journal, &mut verdict);
            }
        }
        if let Some(cursor) = from.feed {
            let seat = Seat { id: *id, socket, resume, conversation: resume.what.by };
            seat.check(cursor, journal, &mut verdict);
        }
        if resume.what.done.is_none() && socket.closed.is_none() {
            verdict.found(Kind::ResumeGap, &[resume.line], || {
                format!("socket {id} stayed open and was never told that it has caught up")
            });
        }
    }
    any.then_some(verdict)
}

/// A conversation, or a feed, on a socket that came back.
struct Seat<'a, 'h> {
    id: SocketId,
    socket: &'a Socket<'h>,
    resume: At<'h, Resume>,
    conversation: Uuid,
}

impl Seat<'_, '_> {
    fn check(&self, cursor: Rev, journal: &Journal<'_>, verdict: &mut Verdict) {
        let Self { id, conversation, resume, .. } = self;
        // Behind what can not be told one by one it goes on from the state that came instead.
        let from = resume.what.reset.get(conversation).copied().unwrap_or(cursor);
        if from == Rev::MAX {
            verdict.found(Kind::ResumeGap, &[resume.line], || {
                format!("socket {id}: its user was told that {conversation} is not his")
            });
            return;
        }
        let events = self.socket.events.get(conversation).map_or(&[][..], Vec::as_slice);
        let (mut last, mut at_done) = (from, None);
        for event in events {
            if event.line > resume.line && at_done.is_none() {
                at_done = Some(last);
            }
            let rev = event.what.rev;
            if rev <= last {
                let kind = Kind::ResumeRepeat;
                verdict.found(kind, &[resume.line, event.line], || {
                    format!("socket {id} had rev {last} of {conversation} and got {rev}")
                });
            } else if rev > last + 1 {
                verdict.found(Kind::ResumeGap, &[resume.line, event.line], || {
                    format!("socket {id} had rev {last} of {conversation} and then got {rev}")
                });
            }
            last = last.max(rev);
        }
        let Some(done) = &resume.what.done else { return };
        let at_done = at_done.unwrap_or(last);
        let told = if *conversation == resume.what.by {
            done.feed
        } else {
            done.conversations.get(conversation).copied()
        };
        if let Some(told) = told.filter(|told| *told > at_done) {
            verdict.found(Kind::ResumeGap, &[resume.line], || {
                format!("socket {id} was told that it has rev {told} of {conversation}, and had {at_done}")
            });
        }
        // A socket that was cut is owed nothing behind the cut.
        let top = journal.top.get(conversation).copied().unwrap_or(0);
        if self.socket.closed.is_none() && last < top {
            verdict.found(Kind::Unseen, &[resume.line], || {
                format!(
                    "socket {id} stayed open with rev {last} of {conversation}, which has {top}"
                )
            });
        }
    }
}
