//! What must be read for those who look: who their peers are, what they may see, and entries whose push
//! may have been lost. One task for each viewer who needs it, [`super::LOADS`] of them at once, each as
//! often as it takes; no socket waits for it. What can not be read at all is hidden.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use platform::inbound::{Permission, Seen};
use platform::port::store;
use schemas::conversation::head::{Head, Kind};
use schemas::conversation::table::HeadRow;
use schemas::member::table::MembershipByUser;
use schemas::presence::entry::Entry;
use schemas::user::table::Block;
use schemas::{ApiError, Code, ConversationId, Timestamp, UserId, limits};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::Presence;
use super::interest::{Interest, Job, Peer, Stay, Ticket};
use crate::hub::Hub;

/// Heads read at once.
const HEADS: usize = 64;
/// Conversations of a user in which direct ones are looked for.
const CONVERSATIONS: usize = limits::LIST_CONVERSATIONS;
/// Pause before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Tries to read what a new owner of a partition may not have told.
const TRIES: u32 = 10;
/// Longest wait for what a viewer sees.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// One who looks and is nobody.
const NOBODY: UserId = UserId(Uuid::nil());

/// Why something was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("{}", .0.message)]
    Api(ApiError),
    #[error("the node ends")]
    Ends,
}

impl Failed {
    fn retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.retryable(),
            Self::Api(error) => error.code.retryable(),
            Self::Ends => false,
        }
    }
}

/// The direct conversation that a head is of: whose peer `user` is by it, and since when it is still.
fn peer(user: UserId, conversation: ConversationId, head: &Head) -> Option<(Timestamp, Peer)> {
    if head.kind != Kind::Direct || !head.is_open() || !head.members.0.contains(&user) {
        return None;
    }
    let other = head.members.0.iter().find(|member| **member != user)?;
    let blocked = !head.blocked_by.is_empty();
    Some((head.last_at, Peer { user: *other, conversation, blocked }))
}

/// Blocks between a user and those that he has to do with. What a head says of them is as late as the
/// fold of its conversation, and the news of a block may have come before it.
async fn blocks(hub: &Hub, user: UserId, peers: &mut [Peer]) -> Result<(), Failed> {
    for peers in peers.chunks_mut(HEADS) {
        let both = |peer: &Peer| [Block::get(user, peer.user), Block::get(peer.user, user)];
        let gets: Vec<_> = peers.iter().flat_map(both).collect();
        let rows: Vec<Option<Block>> = hub.read(|| store::get_many(hub.store(), &gets)).await?;
        for (peer, rows) in peers.iter_mut().zip(rows.chunks(2)) {
            peer.blocked |= rows.iter().any(Option::is_some);
        }
    }
    Ok(())
}

fn late() -> ApiError {
    ApiError::new(Code::Overloaded, "presence could not be read in time")
}

impl Presence {
    /// Does what is to be done for a viewer, until there is nothing or he has gone.
    pub(super) async fn work(self: Arc<Self>, user: UserId, stay: Stay) {
        loop {
            let permit = self.loads.acquire().await;
            let Some(job) = self.next_job(user, stay) else { return };
            let done = self.job(user, stay, &job).await;
            drop(permit);
            match done {
                Ok(()) => {}
                Err(error) if error.retryable() => {
                    tracing::warn!(%error, "what somebody sees of others could not be read");
                    self.interest.lock().again(user, stay, job);
                    sleep(PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(%error, "what somebody sees of others can not be read");
                    self.hide(user, job);
                }
            }
        }
    }

    /// What a viewer may see of users can not be read: it may be nothing.
    fn hide(&self, viewer: UserId, job: Job) {
        let Job::Read(users) = job else { return };
        let now = self.clock.now();
        let mut interest = self.interest.lock();
        let ticket = interest.ticket();
        for user in users {
            let hidden = Permission { blocked: true, contact: false };
            let push = interest.permit((viewer, user), ticket, hidden, now);
            self.push(push, now);
        }
    }

    fn next_job(&self, user: UserId, stay: Stay) -> Option<Job> {
        self.interest.lock().next(user, stay)
    }

    async fn job(&self, user: UserId, stay: Stay, job: &Job) -> Result<(), Failed> {
        let hub = self.hub.upgrade().ok_or(Failed::Ends)?;
        match job {
            Job::Scan => {
                let ticket = self.ticket();
                let (_, small) = hub.memberships(user).await?;
                self.load(&hub, (user, stay), &small, ticket).await
            }
            Job::Load(conversations, ticket) => {
                self.load(&hub, (user, stay), conversations, *ticket).await
            }
            Job::Check(conversation) => self.check(&hub, (user, stay), *conversation).await,
            Job::Read(users) => self.read(user, users).await.map_err(Failed::Api),
        }
    }

    /// Finds the direct ones among conversations.
    async fn load(
        &self,
        hub: &Hub,
        (user, stay): (UserId, Stay),
        conversations: &[ConversationId],
        ticket: Ticket,
    ) -> Result<(), Failed> {
        let mut found = Vec::new();
        let looked_at = conversations.get(..CONVERSATIONS).unwrap_or(conversations);
        for ids in looked_at.chunks(HEADS) {
            let gets: Vec<_> = ids.iter().map(|id| HeadRow::get(*id)).collect();
            let rows: Vec<Option<HeadRow>> =
                hub.read(|| store::get_many(hub.store(), &gets)).await?;
            for row in rows.into_iter().flatten() {
                match row.head() {
                    Ok(head) => found.extend(peer(user, row.conversation, &head)),
                    // A newer version's: of one conversation less he is told.
                    Err(error) => tracing::error!(%error, "a head can not be read"),
                }
            }
        }
        // If there are too many, those of whom he heard last.
        found.sort_unstable_by_key(|(last_at, _)| Reverse(*last_at));
        found.truncate(limits::PRESENCE_PEERS);
        let mut found: Vec<_> = found.into_iter().map(|(_, peer)| peer).collect();
        blocks(hub, user, &mut found).await?;
        let now = self.clock.now();
        let mut interest = self.interest.lock();
        let pushes = interest.peers(user, stay, ticket, &found, now);
        self.push(pushes, now);
        Ok(())
    }

    /// Looks whether a conversation is a direct one of a user.
    async fn check(
        &self,
        hub: &Hub,
        (user, stay): (UserId, Stay),
        conversation: ConversationId,
    ) -> Result<(), Failed> {
        let ticket = self.ticket();
        let get = MembershipByUser::get(user, conversation);
        let row: Option<MembershipByUser> =
            hub.read(|| store::get_one(hub.store(), get.clone())).await?;
        let is_his = row.is_some_and(|row| row.visible_to.is_none());
        let get = HeadRow::get(conversation);
        let row: Option<HeadRow> = hub.read(|| store::get_one(hub.store(), get.clone())).await?;
        let head = row.map(|row| row.head()).transpose().map_err(store::Error::from)?;
        let found = head.filter(|_| is_his).and_then(|head| peer(user, conversation, &head));
        let mut found: Vec<_> = found.into_iter().map(|(_, peer)| peer).collect();
        blocks(hub, user, &mut found).await?;
        let now = self.clock.now();
        let mut interest = self.interest.lock();
        if found.is_empty() {
            interest.part(user, conversation);
        }
        for peer in found {
            let push = interest.peer(user, stay, ticket, peer, now);
            self.push(push, now);
        }
        Ok(())
    }

    /// Reads what a viewer sees of users, and pushes what is new in it.
    pub(super) async fn read(&self, viewer: UserId, users: &[UserId]) -> Result<(), ApiError> {
        let ticket = self.ticket();
        self.read_with(viewer, users, ticket).await
    }

    /// The same with a ticket that was taken before.
    pub(super) async fn read_with(
        &self,
        viewer: UserId,
        users: &[UserId],
        ticket: Ticket,
    ) -> Result<(), ApiError> {
        for seen in self.seen(viewer, users).await? {
            // What he may see first: a new entry is not shown to one who may not see it any more.
            if seen.user != viewer {
                let now = self.clock.now();
                let mut interest = self.interest.lock();
                let pair = (viewer, seen.user);
                let push = interest.permit(pair, ticket, seen.permission, now);
                self.push(push, now);
            }
            self.found_out(viewer, seen, ticket);
        }
        Ok(())
    }

    /// Takes what a reading found of a user.
    fn found_out(&self, viewer: UserId, Seen { user, entry, .. }: Seen, ticket: Ticket) {
        match entry {
            Some(entry) => {
                let read =
                    |interest: &mut Interest, entry: &_, now| interest.read(entry, ticket, now);
                self.tell(&Arc::new(entry), read);
            }
            None if user != viewer => {
                let now = self.clock.now();
                let mut interest = self.interest.lock();
                let pushes = interest.hidden(user, ticket, now);
                self.push(pushes, now);
            }
            None => {}
        }
    }

    /// Reads for a socket that waits for it; [`super::READS`] of them at once.
    pub(super) async fn read_for_socket(
        &self,
        viewer: UserId,
        users: &[UserId],
        ticket: Ticket,
    ) -> Result<(), ApiError> {
        let Ok(permit) = timeout(READ_LIMIT, self.reads.acquire()).await else {
            return Err(late());
        };
        let read = self.read_with(viewer, users, ticket).await;
        drop(permit);
        read
    }

    /// A user's own entry as it is now, if it can be read.
    pub(super) async fn read_own(&self, user: UserId) -> Option<Entry> {
        let permit = timeout(READ_LIMIT, self.reads.acquire()).await.ok()?;
        let seen = self.seen(user, &[user]).await;
        drop(permit);
        seen.ok()?.into_iter().find_map(|seen| seen.entry)
    }

    async fn seen(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<Seen>, ApiError> {
        let Some(inbound) = self.inbound.get() else { return Ok(Vec::new()) };
        timeout(READ_LIMIT, inbound.presence(viewer, users)).await.map_err(|_| late())?
    }

    /// A new owner of partitions has begun: what an old one may have noted without telling it is read.
    pub(super) async fn converge(self: Arc<Self>, users: Vec<UserId>) {
        for users in users.chunks(limits::PRESENCE_CHUNK) {
            for _ in 0..TRIES {
                let permit = self.loads.acquire().await;
                let ticket = self.ticket();
                let read = self.seen(NOBODY, users).await;
                drop(permit);
                match read {
                    Ok(seen) => {
                        for seen in seen {
                            // What nobody else sees he may see himself.
                            let hides = seen.entry.is_none().then_some(seen.user);
                            self.found_out(NOBODY, seen, ticket);
                            if let Some(user) = hides {
                                let stay = self.interest.lock().reread_own(user);
                                self.work_for(user, stay);
                            }
                        }
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(error = %error.message, "entries could not be read again");
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// Users of whom an entry is kept and that are of these partitions.
    pub(super) fn kept_in(&self, partitions: &HashSet<u32>, count: u32) -> Vec<UserId> {
        let of = |user| partitions.contains(&super::publish::partition(user, count));
        self.interest.lock().kept(of)
    }
}
