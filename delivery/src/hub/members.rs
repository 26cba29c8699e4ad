//! Who of the users here is in which conversation that is routed as a whole: how the index is filled.
//!
//! Each way in follows one pattern, so that nobody misses what comes and nobody gets what is not his:
//! *entering → the conversation's route acknowledged → head read → membership read → in*. What happened
//! before the route was acknowledged is in the rows; what happens afterwards is told to this node, and a
//! removal that is told while he enters stands. The order of events knows the head: if the record of a
//! removal above it is lost, that is a hole, which is filled before anything is pushed over it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use platform::port::ephemeral::Route;
use platform::port::store;
use schemas::conversation::head::Head;
use schemas::conversation::table::HeadRow;
use schemas::member::table::MembershipByUser;
use schemas::{ConversationId, Rev, UserId, limits};
use serde::Deserialize;

use super::{Done, Hub, Join, LOADS, PAUSE, heal};
use crate::frame::Frame;
use crate::order::{Event, Missed, WAITING};
use crate::session::Live;

/// Slices of memberships read, of [`limits::LIST_CONVERSATIONS`] each: those of deleted conversations are
/// among them.
const SLICES: usize = 5;
/// Heads read at once.
const HEADS: usize = 64;
/// Tries of one who joins, each for what has come since the one before.
const JOIN_TRIES: u32 = 8;

/// The change of a conversation that an entry of a feed tells of; 0: it tells of none.
pub(super) fn rev_of(frame: &Frame) -> Rev {
    #[derive(Deserialize)]
    struct Brief {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        rev: Rev,
    }
    serde_json::from_str::<Brief>(frame.text()).map_or(0, |brief| brief.data.rev)
}

/// What has become of one who joins.
enum Joined {
    Over,
    Again { after: Rev },
}

/// What somebody lacks up to the head.
struct Lack {
    head: Rev,
    /// None: too much.
    rows: Option<Vec<Missed>>,
}

impl Hub {
    /// Fills the index for a user whose route is acknowledged.
    pub(crate) async fn load(&self, user: UserId) -> Result<(), store::Error> {
        let since = self.registry.since(user);
        let ticket = self.presence.ticket();
        let (mut found, small) = self.memberships(user).await?;
        self.presence.found(user, small, ticket);
        if !found.is_empty() {
            let ticket = {
                let mut line = self.line.lock();
                let ticket = line.index.ticket();
                if self.registry.since(user) != since {
                    return Ok(());
                }
                for id in &found {
                    line.index.begin(*id, user, ticket);
                }
                ticket
            };
            let routes: Vec<_> = found.iter().copied().map(Route::Conversation).collect();
            self.wanted.announced(&routes).await;
            let current = self.current(user, &found).await;
            let mut done = Done::default();
            {
                let line = &mut *self.line.lock();
                let current = current.as_ref().ok();
                for id in found.drain() {
                    match current.and_then(|current| current.get(&id)) {
                        Some(head) if line.index.enter(id, user, ticket) => {
                            self.known(line, id, &[], *head);
                        }
                        _ => line.index.cancel(id, user, ticket),
                    }
                    if !line.index.has(id) {
                        done.empty.push(id);
                    }
                }
            }
            self.finish(done);
            current?;
        }
        self.registry.set_indexed(user, since);
        Ok(())
    }

    /// Those of the conversations that a user is still in, with a head that was read before.
    async fn current(
        &self,
        user: UserId,
        found: &HashSet<ConversationId>,
    ) -> Result<HashMap<ConversationId, Rev>, store::Error> {
        let ids: Vec<_> = found.iter().copied().collect();
        let mut heads = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(HEADS) {
            let gets: Vec<_> = ids.iter().map(|id| HeadRow::get(*id)).collect();
            let rows: Vec<Option<HeadRow>> =
                self.read(|| store::get_many(self.store(), &gets)).await?;
            for row in rows.into_iter().flatten() {
                heads.insert(row.conversation, row.head()?.rev);
            }
        }
        let (current, _) = self.memberships(user).await?;
        heads.retain(|id, _| current.contains(id));
        Ok(heads)
    }

    /// The conversations that a user is in: those routed as a whole, and of the others as many as a list
    /// has.
    pub(crate) async fn memberships(
        &self,
        user: UserId,
    ) -> Result<(HashSet<ConversationId>, Vec<ConversationId>), store::Error> {
        let (mut large, mut small, mut after) = (HashSet::new(), Vec::new(), None);
        for _ in 0..SLICES {
            let scan = || MembershipByUser::after(user, after, limits::LIST_CONVERSATIONS);
            let rows = self.read(|| store::scan(self.store(), scan())).await?;
            let full = rows.len() == limits::LIST_CONVERSATIONS;
            after = rows.last().map(|row| row.conversation);
            for row in rows.into_iter().filter(|row| row.visible_to.is_none()) {
                if row.by_conversation == Some(true) {
                    large.insert(row.conversation);
                } else if small.len() < limits::LIST_CONVERSATIONS {
                    small.push(row.conversation);
                }
            }
            if !full {
                break;
            }
        }
        Ok((large, small))
    }

    /// Fills the index anew for users who may lack a change of membership: they are out of it at once,
    /// and resync when they are in again. For as long as it takes.
    pub(crate) fn reload(&self, mut users: Vec<UserId>) {
        users.sort_unstable();
        users.dedup();
        let mut done = Done::default();
        let (indexed, others): (Vec<_>, Vec<_>) = {
            let mut line = self.line.lock();
            users.into_iter().partition(|user| {
                self.registry.set_indexed(*user, None);
                let known = line.index.knows(*user);
                done.empty.extend(line.index.gone(*user));
                known
            })
        };
        self.finish(done);
        self.resync_users(others.iter().copied());
        let Some(hub) = self.me.upgrade() else { return };
        self.life.guest(async move {
            for users in indexed.chunks(LOADS) {
                join_all(users.iter().map(|user| hub.reload_one(*user))).await;
                hub.resync_users(users.iter().copied());
            }
            for users in others.chunks(LOADS) {
                join_all(users.iter().map(|user| hub.reload_one(*user))).await;
                // What is routed as a whole may have passed by those who are in something now.
                let mut late = users.to_vec();
                late.retain(|user| hub.line.lock().index.knows(*user));
                hub.resync_users(late);
            }
        });
    }

    /// Fills the index for a user who has entered without it. Before that nothing was sent to him that
    /// could be stale, so he resyncs only if he is in something: that may have passed him by. For as long
    /// as it takes.
    pub(crate) fn load_late(&self, user: UserId) {
        let mut done = Done::default();
        {
            let mut line = self.line.lock();
            if self.registry.is_indexed(user) {
                return;
            }
            // What a load that was given up has begun.
            done.empty.extend(line.index.gone(user));
        }
        self.finish(done);
        let Some(hub) = self.me.upgrade() else { return };
        self.life.guest(async move {
            hub.reload_one(user).await;
            if hub.line.lock().index.knows(user) {
                hub.resync_users([user]);
            }
        });
    }

    async fn reload_one(&self, user: UserId) {
        while self.registry.has(user) {
            match self.load(user).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(%error, "memberships could not be loaded");
                    tokio::time::sleep(PAUSE * 10).await;
                }
            }
        }
    }

    /// A conversation is routed as a whole from the change after `rev` on: what came between that and
    /// the acknowledgement of its route was not told to this node.
    pub(super) async fn flipped(self: Arc<Self>, conversation: ConversationId, rev: Rev) {
        self.wanted.announced(&[Route::Conversation(conversation)]).await;
        let after = rev.max(self.line.lock().order.last(conversation).unwrap_or(0));
        let mut done = Done::default();
        match self.lack(conversation, after).await {
            Ok(Lack { rows: Some(rows), .. }) => {
                let line = &mut *self.line.lock();
                for Missed { rev, frame, left, .. } in rows {
                    let audience = Bytes::new();
                    let event = Event { conversation, rev, audience, left, flip: false, frame };
                    self.event(line, &mut done, event);
                }
            }
            Ok(Lack { rows: None, .. }) => {
                done.reload.extend(self.line.lock().index.members(conversation));
            }
            Err(error) => {
                tracing::warn!(%error, "what follows a flip could not be read");
                done.reload.extend(self.line.lock().index.members(conversation));
            }
        }
        self.finish(done);
    }

    /// What lies between `after` and the head.
    async fn lack(&self, conversation: ConversationId, after: Rev) -> Result<Lack, store::Error> {
        let get = HeadRow::get(conversation);
        let row: Option<HeadRow> = self.read(|| store::get_one(self.store(), get.clone())).await?;
        let head: Option<Head> = row.map(|row| row.head()).transpose()?;
        let head = head.map_or(0, |head| head.rev);
        let wide = usize::try_from(head - after).is_ok_and(|missing| missing > WAITING);
        let rows = if wide {
            None
        } else {
            let changes =
                || async { Ok(heal::changes(self.store(), conversation, after, head).await?.0) };
            Some(self.read(changes).await?)
        };
        Ok(Lack { head, rows })
    }

    /// Somebody may have become a member of a conversation that is routed as a whole.
    pub(super) async fn join(self: Arc<Self>, join: Join) {
        let Join { conversation, user, mut after } = join;
        match self.is_member(conversation, user).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => return self.reload(vec![user]),
        }
        let ticket = {
            let mut line = self.line.lock();
            if !self.registry.has(user) || line.index.contains(conversation, user) {
                return;
            }
            let ticket = line.index.ticket();
            line.index.begin(conversation, user, ticket);
            ticket
        };
        self.wanted.announced(&[Route::Conversation(conversation)]).await;
        for _ in 0..JOIN_TRIES {
            match self.try_join(Join { after, ..join }, ticket).await {
                Ok(Joined::Over) => return,
                Ok(Joined::Again { after: reached }) => after = reached,
                Err(error) => {
                    tracing::warn!(%error, "somebody could not join");
                    break;
                }
            }
        }
        self.reload(vec![user]);
    }

    async fn is_member(
        &self,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<bool, store::Error> {
        let get = MembershipByUser::get(user, conversation);
        let row: Option<MembershipByUser> =
            self.read(|| store::get_one(self.store(), get.clone())).await?;
        Ok(row.is_some_and(|row| row.visible_to.is_none() && row.by_conversation == Some(true)))
    }

    /// He gets what he lacks, up to a head after which his membership is read, and is in if nothing was
    /// pushed to the others beyond it.
    async fn try_join(&self, join: Join, ticket: u64) -> Result<Joined, store::Error> {
        let Join { conversation, user, after } = join;
        let lack = self.lack(conversation, after).await?;
        let member = self.is_member(conversation, user).await?;
        let mut done = Done::default();
        let joined = {
            let line = &mut *self.line.lock();
            if !member {
                line.index.cancel(conversation, user, ticket);
                if !line.index.has(conversation) {
                    done.empty.push(conversation);
                }
                Joined::Over
            } else if line.index.contains(conversation, user) {
                // He got in another way meanwhile, and nothing was pushed past him since.
                line.index.cancel(conversation, user, ticket);
                Joined::Over
            } else {
                let wide = lack.rows.is_none();
                for row in lack.rows.into_iter().flatten() {
                    let live = Live::Event(conversation, row.rev);
                    self.registry.visit(user, |session| {
                        done.push(session, session.push(live, &row.frame, 0));
                    });
                }
                let last = line.order.last(conversation).unwrap_or(0);
                if last > lack.head {
                    Joined::Again { after: lack.head.max(after) }
                } else {
                    let entered = line.index.enter(conversation, user, ticket);
                    self.known(line, conversation, &[], lack.head);
                    self.registry.visit(user, |session| {
                        session.floor(conversation, lack.head);
                        if entered && wide {
                            done.push(session, session.resync());
                        }
                    });
                    Joined::Over
                }
            }
        };
        self.finish(done);
        Ok(joined)
    }
}
