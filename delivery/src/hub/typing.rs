//! Who types, as far as sockets here have been told: the node that tells a beginning tells the end.
//!
//! A record says when typing ends by itself; it comes again, with a later end, while somebody goes on,
//! and without one when he stops. Whatever is lost, an end is told: at the moment that the last record
//! named, and at most [`limits::TYPING_MS`] after that record came, for its writer's clock may be
//! another. An end is told once, and only of what was told.
//!
//! In a conversation that is routed as a whole it is told to the sockets that have it on screen
//! (`screens`), of members who have not blocked the typer and whom he has not; and of the first
//! [`limits::TYPING_SHOWN`] typers alone, so that ten thousand who type there cost what ten do.
//!
//! Somebody who leaves types there no more; between two of whom one blocks the other it ends at once.
//!
//! The table is bounded: a beginning for which it has no room is not told, since its end could not be.
//! A socket that comes while somebody types is told of his next beginning; until then
//! `GET /presence/conversations/:id/typing` knows.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::lifecycle::Stopping;
use schemas::outbound::Relation;
use schemas::{ConversationId, Timestamp, UserId, event, limits, typing};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{Done, Hub, Line};
use crate::frame::Frame;
use crate::order::Event;
use crate::session::Live;

/// Typers remembered: about 16 MB, and 16 bytes for each user that one of them has blocked
/// ([`limits::BLOCKS`] at most) who types in a conversation that is routed as a whole.
const KEPT: usize = 16_384;

/// Who types where.
pub(super) type Key = (ConversationId, UserId);

/// A record.
pub(super) struct Signal {
    pub(super) key: Key,
    /// When it ends by itself; none: it has ended.
    pub(super) until: Option<Timestamp>,
    pub(super) audience: Audience,
    pub(super) frame: Frame,
}

/// To whom it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// These, packed.
    Users(Bytes),
    /// The members who have the conversation on screen, but for these, sorted.
    Room { except: Arc<[UserId]> },
}

impl Audience {
    /// As a record has it.
    pub(super) fn of(audience: Bytes, except: &[u8]) -> Self {
        if audience.is_empty() { Self::room(event::unpack(except)) } else { Self::Users(audience) }
    }

    fn room(except: impl Iterator<Item = UserId>) -> Self {
        let mut except: Vec<_> = except.collect();
        // As the rows of blocks, mostly: then it costs one look at each.
        except.sort_unstable();
        Self::Room { except: except.into() }
    }
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
    audience: Audience,
    /// The frame that told it.
    frame: Frame,
}

/// Whom sockets here believe to be typing. Pure.
#[derive(Debug, Default)]
pub(super) struct Table {
    shown: HashMap<Key, Shown>,
    /// Where each of them types.
    typers: BTreeSet<(UserId, ConversationId)>,
    ends: BTreeSet<(Instant, Key)>,
    /// How many are shown in each conversation that is routed as a whole.
    rooms: HashMap<ConversationId, usize>,
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
            let ends = ends.max(before.ends);
            let audience = match (&before.audience, shown.audience) {
                (Audience::Users(before), Audience::Users(now)) => {
                    Audience::Users(both(before, now))
                }
                (_, now) => now,
            };
            *before = Shown { ends, audience, ..shown };
            self.ends.insert((before.ends, key));
            return News::GoesOn;
        }
        if self.shown.len() >= KEPT {
            return News::TooMany;
        }
        if matches!(shown.audience, Audience::Room { .. }) {
            let room = self.rooms.entry(key.0).or_default();
            if *room >= limits::TYPING_SHOWN {
                return News::TooMany;
            }
            *room += 1;
        }
        self.shown.insert(key, shown);
        self.typers.insert((key.1, key.0));
        self.ends.insert((ends, key));
        News::Begins
    }

    /// He stops; none if nobody was told that he types.
    fn stops(&mut self, key: Key) -> Option<Shown> {
        let shown = self.shown.remove(&key)?;
        self.typers.remove(&(key.1, key.0));
        self.ends.remove(&(shown.ends, key));
        if matches!(shown.audience, Audience::Room { .. })
            && let Some(room) = self.rooms.get_mut(&key.0)
        {
            *room = room.saturating_sub(1);
            if *room == 0 {
                self.rooms.remove(&key.0);
            }
        }
        Some(shown)
    }

    /// Takes one out who was told to others than are told now: his conversation is routed as a whole
    /// since.
    fn turned(&mut self, key: Key, now: &Audience) -> Option<Shown> {
        let before = &self.shown.get(&key)?.audience;
        if std::mem::discriminant(before) == std::mem::discriminant(now) {
            return None;
        }
        self.stops(key)
    }

    /// Where somebody is told to be typing.
    fn of(&self, user: UserId) -> Vec<Key> {
        let from = (user, ConversationId(Uuid::nil()));
        let his = self.typers.range(from..).take_while(|(typer, _)| *typer == user);
        his.map(|(typer, conversation)| (*conversation, *typer)).collect()
    }

    /// Of those who are told no more of one who goes on those who may have been told of him, sorted.
    fn left_out(&self, key: Key, now: &Audience) -> Vec<UserId> {
        let before = self.shown.get(&key).map(|shown| &shown.audience);
        match (before, now) {
            (Some(Audience::Room { except: before }), Audience::Room { except: now }) => {
                let told = |user: &UserId| before.binary_search(user).is_err();
                now.iter().copied().filter(told).collect()
            }
            // Who was told by name is told of the end.
            _ => Vec::new(),
        }
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

/// Whether an entry of a feed tells that its user hides that he types.
pub(super) fn hides(entry: &Frame) -> bool {
    let text = entry.text();
    text.starts_with(r#"{"type":"user.updated""#) && text.contains(r#""showTypingIndicator":false"#)
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
                tell(self, line, done, &Telling::to(key, &shown.audience, &frame));
            }
            return;
        };
        // One that was too long on its way tells nothing.
        let Some(ends) = end(until, self.clock.now(), Instant::now()) else { return };
        let anybody = match &audience {
            Audience::Users(users) => event::unpack(users).any(|user| self.registry.has(user)),
            Audience::Room { .. } => line.screens.has(key.0),
        };
        if !anybody {
            return;
        }
        if let Some(shown) = line.typing.turned(key, &audience) {
            self.over(line, done, key, &shown);
        }
        let left_out = line.typing.left_out(key, &audience);
        if !left_out.is_empty() {
            self.part(line, done, key, &left_out);
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
        tell(self, line, done, &Telling { again, ..Telling::to(key, &audience, &frame) });
    }

    /// Tells the end of what was told.
    fn over(&self, line: &mut Line, done: &mut Done, key: Key, shown: &Shown) {
        if let Some(frame) = self.ended(shown) {
            tell(self, line, done, &Telling::to(key, &shown.audience, &frame));
        }
    }

    fn ended(&self, shown: &Shown) -> Option<Frame> {
        let over = typing::ended(shown.frame.text().as_bytes(), self.clock.now());
        let over = over.and_then(Frame::new);
        if over.is_none() {
            tracing::error!("a frame of somebody who types can not be read");
        }
        over
    }

    /// Who leaves by an event types there no more.
    pub(super) fn types_no_more(&self, line: &mut Line, done: &mut Done, event: &Event) {
        for user in event::unpack(&event.left) {
            let key = (event.conversation, user);
            if let Some(shown) = line.typing.stops(key) {
                self.over(line, done, key, &shown);
            }
        }
    }

    /// What two users may see of each other is another now: what they see of each other's typing ends.
    pub(super) fn related(&self, line: &mut Line, done: &mut Done, relation: Relation) {
        let Relation { user, other } = relation;
        for (typer, viewer) in [(user, other), (other, user)] {
            for key in line.typing.of(typer) {
                self.part(line, done, key, &[viewer]);
            }
        }
        for (viewer, other) in [(user, other), (other, user)] {
            let read = line.screens.related(viewer, other);
            done.blocks.extend(read.map(|ticket| (viewer, ticket)));
        }
    }

    /// The end of somebody's typing, as far as some others, sorted, are concerned.
    fn part(&self, line: &mut Line, done: &mut Done, key: Key, viewers: &[UserId]) {
        let Some(shown) = line.typing.shown.get_mut(&key) else { return };
        let before = shown.clone();
        let parts = |user: &UserId| viewers.binary_search(user).is_ok();
        match &mut shown.audience {
            Audience::Users(users) => {
                if !event::unpack(users).any(|user| parts(&user)) {
                    return;
                }
                let stay = event::unpack(users).filter(|user| !parts(user));
                *users = event::pack(&stay.collect::<Vec<_>>());
            }
            Audience::Room { except } => {
                let all = except.iter().copied().filter(|user| !parts(user));
                shown.audience = Audience::room(all.chain(viewers.iter().copied()));
            }
        }
        if let Some(frame) = self.ended(&before) {
            let telling = Telling::to(key, &before.audience, &frame);
            tell(self, line, done, &Telling { only: Some(viewers), ..telling });
        }
    }

    /// Tells the ends that are due.
    fn end_typing(&self, now: Instant) {
        let mut done = Done::default();
        {
            let line = &mut *self.line.lock();
            while let Some((key, shown)) = line.typing.due(now) {
                self.over(line, &mut done, key, &shown);
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

/// What is told of a typer, and to whom.
struct Telling<'a> {
    key: Key,
    again: bool,
    audience: &'a Audience,
    /// Of those only these, sorted.
    only: Option<&'a [UserId]>,
    frame: &'a Frame,
}

impl<'a> Telling<'a> {
    fn to(key: Key, audience: &'a Audience, frame: &'a Frame) -> Self {
        Self { key, again: false, audience, only: None, frame }
    }

    fn is_for(&self, user: UserId) -> bool {
        self.only.is_none_or(|only| only.binary_search(&user).is_ok())
    }
}

fn tell(hub: &Hub, line: &mut Line, done: &mut Done, telling: &Telling<'_>) {
    line.mark += 1;
    let (mark, frame) = (line.mark, telling.frame);
    let (conversation, typer) = telling.key;
    let told = Told { conversation, typer, again: telling.again };
    match telling.audience {
        Audience::Users(users) => {
            for user in event::unpack(users).filter(|user| telling.is_for(*user)) {
                hub.registry.visit(user, |session| {
                    if session.is_told(&told) {
                        done.push(session, session.push(Live::Notice, frame, mark));
                    }
                });
            }
        }
        Audience::Room { except } => {
            let mut unread = HashSet::new();
            for session in line.screens.of(conversation) {
                let user = session.who.user;
                // The index is the wall: who was a member when he joined may be none.
                let may = telling.is_for(user)
                    && except.binary_search(&user).is_err()
                    && line.index.contains(conversation, user);
                match may.then(|| line.screens.admits(user, typer)) {
                    Some(Some(true)) if session.is_told(&told) => {
                        done.push(session, session.push(Live::Notice, frame, mark));
                    }
                    // Not known, or perhaps blocked no more.
                    Some(None | Some(false)) => {
                        unread.insert(user);
                    }
                    _ => {}
                }
            }
            for user in unread {
                done.blocks.extend(line.screens.unread(user).map(|ticket| (user, ticket)));
            }
        }
    }
}
