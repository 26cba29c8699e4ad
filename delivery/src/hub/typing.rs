//! Who types, as far as sockets here have been told: the node that tells a beginning tells the end.
//!
//! A record says when typing ends by itself; it comes again, with a later end, while somebody goes on,
//! and without one when he stops. Whatever is lost, an end is told: at the moment that the last record
//! named, and at most [`limits::TYPING_MS`] after that record came, for its writer's clock may be
//! another. An end is told once, and only of what was told.
//!
//! The table is bounded: a beginning for which it has no room is not told, since its end could not be.
//! A socket that comes while somebody types is told of his next beginning; until then
//! `GET /presence/conversations/:id/typing` knows.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::lifecycle::Stopping;
use schemas::{ConversationId, Timestamp, UserId, event, limits, typing};
use tokio::time::{Instant, sleep_until};

use super::{Done, Hub, Line};
use crate::frame::Frame;
use crate::session::Live;

/// Typers remembered: about 16 MB.
const KEPT: usize = 16_384;

/// Who types where.
pub(super) type Key = (ConversationId, UserId);

/// A record.
pub(super) struct Signal {
    pub(super) key: Key,
    /// When it ends by itself; none: it has ended.
    pub(super) until: Option<Timestamp>,
    /// Packed.
    pub(super) audience: Bytes,
    pub(super) frame: Frame,
}

/// What a socket may be told about a typer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Where he types.
    pub(crate) conversation: ConversationId,
    /// Who.
    pub(crate) typer: UserId,
    /// Whether he only goes on.
    pub(crate) again: bool,
}

/// What was told of a typer.
#[derive(Clone, Debug)]
struct Shown {
    ends: Instant,
    audience: Bytes,
    /// The frame that told it.
    frame: Frame,
}

/// Whom sockets here believe to be typing. Pure.
#[derive(Debug, Default)]
pub(super) struct Table {
    shown: HashMap<Key, Shown>,
    ends: BTreeSet<(Instant, Key)>,
}

/// What a record of somebody who types is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// He begins.
    Begins,
    /// He goes on.
    GoesOn,
    /// There is no room for him.
    TooMany,
}

impl Table {
    fn types(&mut self, key: Key, shown: Shown) -> News {
        let ends = shown.ends;
        if let Some(before) = self.shown.get_mut(&key) {
            self.ends.remove(&(before.ends, key));
            let audience = both(&before.audience, shown.audience);
            *before = Shown { ends: ends.max(before.ends), audience, ..shown };
            self.ends.insert((before.ends, key));
            return News::GoesOn;
        }
        if self.shown.len() >= KEPT {
            return News::TooMany;
        }
        self.shown.insert(key, shown);
        self.ends.insert((ends, key));
        News::Begins
    }

    /// He stops; none if nobody was told that he types.
    fn stops(&mut self, key: Key) -> Option<Shown> {
        let shown = self.shown.remove(&key)?;
        self.ends.remove(&(shown.ends, key));
        Some(shown)
    }

    /// Takes one out who types no more.
    fn due(&mut self, now: Instant) -> Option<(Key, Shown)> {
        let (_, key) = self.ends.first().filter(|(ends, _)| *ends <= now)?;
        let key = *key;
        self.stops(key).map(|shown| (key, shown))
    }

    /// When the first of them ends.
    fn next(&self) -> Option<Instant> {
        self.ends.first().map(|(ends, _)| *ends)
    }
}

/// Everybody of two audiences: that somebody types no more is told to whoever was told that he does.
fn both(before: &Bytes, now: Bytes) -> Bytes {
    if *before == now {
        return now;
    }
    let gone = |user: &UserId| !event::unpack(&now).any(|there| there == *user);
    let gone: Vec<UserId> = event::unpack(before).filter(gone).collect();
    if gone.is_empty() {
        return now;
    }
    [&now[..], &event::pack(&gone)].concat().into()
}

/// When an end that a record names is here.
fn end(until: Timestamp, wall: Timestamp, now: Instant) -> Option<Instant> {
    let left = u64::try_from(until.since(wall)).ok().filter(|left| *left > 0)?;
    Some(now + Duration::from_millis(left.min(limits::TYPING_MS)))
}

impl Hub {
    /// A record, at this moment.
    pub(super) fn typing(&self, line: &mut Line, done: &mut Done, signal: Signal) {
        let Signal { key, until, audience, frame } = signal;
        let Some(until) = until else {
            // Who was told that he types, though he may not be any more.
            if let Some(shown) = line.typing.stops(key) {
                self.tell(line, done, (key, false), &shown.audience, &frame);
            }
            return;
        };
        // One that was too long on its way tells nothing.
        let Some(ends) = end(until, self.clock.now(), Instant::now()) else { return };
        if !event::unpack(&audience).any(|user| self.registry.has(user)) {
            return;
        }
        let first = line.typing.next();
        let shown = Shown { ends, audience: audience.clone(), frame: frame.clone() };
        let again = match line.typing.types(key, shown) {
            News::Begins => false,
            News::GoesOn => true,
            News::TooMany => return,
        };
        if first.is_none_or(|first| ends < first) {
            self.typers.notify_one();
        }
        self.tell(line, done, (key, again), &audience, &frame);
    }

    fn tell(
        &self,
        line: &mut Line,
        done: &mut Done,
        ((conversation, typer), again): (Key, bool),
        audience: &Bytes,
        frame: &Frame,
    ) {
        line.mark += 1;
        let told = Told { conversation, typer, again };
        for user in event::unpack(audience) {
            self.registry.visit(user, |session| {
                if session.is_told(&told) {
                    done.push(session, session.push(Live::Notice, frame, line.mark));
                }
            });
        }
    }

    /// Tells the ends that are due.
    fn end_typing(&self, now: Instant) {
        let mut done = Done::default();
        {
            let line = &mut *self.line.lock();
            while let Some((key, shown)) = line.typing.due(now) {
                let over = typing::ended(shown.frame.text().as_bytes(), self.clock.now());
                if let Some(over) = over.and_then(Frame::new) {
                    self.tell(line, &mut done, (key, false), &shown.audience, &over);
                } else {
                    tracing::error!("a frame of somebody who types can not be read");
                }
            }
        }
        self.finish(done);
    }

    /// Tells the ends of what was told, each when it is due.
    pub(crate) async fn end_typers(self: Arc<Self>, mut stopping: Stopping) -> Result<(), String> {
        loop {
            let next = self.line.lock().typing.next();
            let due = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.end_typing(Instant::now()),
                () = self.typers.notified() => {}
                () = stopping.wait() => return Ok(()),
            }
        }
    }
}
