//! Users as commands carry them: a small cache of snapshots. A snapshot may be up to ten seconds
//! old; it decorates a message and decides nothing.

use std::sync::Arc;

use parking_lot::Mutex;
use platform::Store;
use platform::cache::Generations;
use platform::port::store::{self, get_many};
use schemas::user::head::Head;
use schemas::user::table::UserHead;
use schemas::user::view::Snapshot;
use schemas::{Timestamp, UserId};

use crate::error::Failure;

/// Snapshots kept: about 10 MB.
const KEPT: usize = 32_768;
/// Life of a snapshot.
const LIFE_MS: i64 = 10_000;

/// The cache of a node.
#[derive(Debug)]
pub(crate) struct Profiles(Mutex<Generations<UserId, (Timestamp, Arc<Snapshot>)>>);

impl Profiles {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Generations::new(KEPT)))
    }

    /// A user's snapshot; none if there is no such user, or not any more.
    pub(crate) async fn snapshot(
        &self,
        store: &dyn Store,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<Arc<Snapshot>>, Failure> {
        if let Some((at, snapshot)) = self.0.lock().get(&user)
            && now.since(*at) < LIFE_MS
        {
            return Ok(Some(snapshot.clone()));
        }
        let head = head(store, user).await?.filter(|head| head.deleted_at.is_none());
        let Some(head) = head else { return Ok(None) };
        let snapshot = Arc::new(Snapshot::of(user, &head));
        self.0.lock().insert(user, (now, snapshot.clone()));
        Ok(Some(snapshot))
    }

    /// The user has changed: read him again.
    pub(crate) fn forget(&self, user: UserId) {
        self.0.lock().remove(&user);
    }
}

/// A user's head, fresh.
pub(crate) async fn head(store: &dyn Store, user: UserId) -> Result<Option<Head>, Failure> {
    let row = store::get_one::<UserHead>(store, UserHead::get(user)).await?;
    Ok(row.map(|row| row.head()).transpose()?)
}

/// The heads of several users, in the order asked.
pub(crate) async fn heads(
    store: &dyn Store,
    users: &[UserId],
) -> Result<Vec<Option<Head>>, Failure> {
    let gets: Vec<_> = users.iter().map(|user| UserHead::get(*user)).collect();
    let rows = get_many::<UserHead>(store, &gets).await?;
    rows.into_iter()
        .map(|row| row.map(|row| row.head()).transpose().map_err(Failure::from))
        .collect()
}
