//! The presence of users and what a viewer is to them: whatever reads presence reads it here.
//!
//! A page costs one look at the boards of its users' partitions, one read of when those who are not
//! there were last seen, and one of what is between them and the viewer, of those alone of whom there
//! is something to see. The board tells what was published: what a head says of its user is newer, so
//! it is laid over it. Without the board everybody is offline, and nothing fails (G-20).

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use futures_util::future::join_all;
use platform::Store;
use platform::inbound::{Permission, Seen};
use platform::port::store::get_many;
use schemas::member::table::MembershipByUser;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::table::Get;
use schemas::user::head::{Audience, Head};
use schemas::user::table::Block;
use schemas::{ConversationId, UserId, limits, partition, presence, topic};
use uuid::Uuid;

use crate::error::Failure;
use crate::profiles::heads;
use crate::rows::Rows;
use crate::state::State;

/// Of users whose heads are not known, in the order asked. What the viewer is to them is read of all:
/// who asks for sockets keeps it for what is published later.
pub(crate) async fn of(
    ingest: &State,
    viewer: UserId,
    users: &[UserId],
) -> Result<Vec<Seen>, Failure> {
    let store = &*ingest.platform.store;
    let mut all = Vec::with_capacity(users.len());
    for ids in users.chunks(limits::PRESENCE_CHUNK) {
        let heads = heads(store, ids).await?;
        let users: Vec<_> = ids.iter().copied().zip(heads.iter().map(Option::as_ref)).collect();
        let entries = entries(ingest, &users).await?;
        let permissions = permissions(store, viewer, ids.iter().copied()).await?;
        all.extend(ids.iter().map(|user| of_one(*user, viewer, &entries, &permissions)));
    }
    Ok(all)
}

/// The same of users whose heads were read (none: there is no such user), for an answer: what the viewer
/// is to those of whom there is nothing to see is not asked for.
pub(super) async fn with_heads(
    ingest: &State,
    viewer: UserId,
    users: &[(UserId, Option<&Head>)],
) -> Result<Vec<Seen>, Failure> {
    let mut all = Vec::with_capacity(users.len());
    for users in users.chunks(limits::PRESENCE_CHUNK) {
        let entries = entries(ingest, users).await?;
        let told = entries.iter().filter(|(_, entry)| tells(entry)).map(|(user, _)| *user);
        let permissions = permissions(&*ingest.platform.store, viewer, told).await?;
        all.extend(users.iter().map(|(user, _)| of_one(*user, viewer, &entries, &permissions)));
    }
    Ok(all)
}

fn of_one(
    user: UserId,
    viewer: UserId,
    entries: &HashMap<UserId, Entry>,
    permissions: &HashMap<UserId, Permission>,
) -> Seen {
    // That somebody has an account, and since when, is not told by his presence.
    let entry = entries.get(&user).filter(|entry| user == viewer || tells(entry));
    let permission = permissions.get(&user).copied().unwrap_or_default();
    Seen { user, permission, entry: entry.cloned() }
}

/// Whether there is something that somebody else may come to see.
fn tells(entry: &Entry) -> bool {
    let here = entry.online && (entry.status.is_here() || entry.custom_status.is_some());
    here || (entry.last_seen != Audience::Nobody && entry.last_seen_at.is_some())
}

/// The newest entry of each user who is there.
async fn entries(
    ingest: &State,
    users: &[(UserId, Option<&Head>)],
) -> Result<HashMap<UserId, Entry>, Failure> {
    let there = |(user, head): &(UserId, Option<&Head>)| {
        head.filter(|head| head.deleted_at.is_none()).map(|_| *user)
    };
    let mut found = published(ingest, users.iter().filter_map(there)).await;
    let missing: Vec<UserId> =
        users.iter().filter_map(there).filter(|user| !found.contains_key(user)).collect();
    let gets: Vec<Get> = missing.iter().map(|user| LastSeen::get(*user)).collect();
    let rows = match gets.as_slice() {
        [] => Vec::new(),
        gets => get_many::<LastSeen>(&*ingest.platform.store, gets).await?,
    };
    let rows: HashMap<UserId, LastSeen> =
        missing.into_iter().zip(rows).filter_map(|(user, row)| Some((user, row?))).collect();
    let mut entries = HashMap::with_capacity(users.len());
    for (user, head) in users {
        let Some(head) = head.filter(|head| head.deleted_at.is_none()) else { continue };
        let entry = match found.remove(user) {
            Some(published) => fresh(published, head),
            None if entries.contains_key(user) => continue,
            None => Entry::away(*user, head, rows.get(user)),
        };
        entries.insert(*user, entry);
    }
    Ok(entries)
}

/// What was published, and what the user has decided since: the pool hears of that later than he does.
fn fresh(mut entry: Entry, head: &Head) -> Entry {
    entry.decided(&head.presence, &head.privacy);
    if entry.status.is_here()
        && let Some(status) = head.presence.status
    {
        entry.status = status;
    }
    entry
}

/// What lies on the boards of these users' partitions.
async fn published(ingest: &State, users: impl Iterator<Item = UserId>) -> HashMap<UserId, Entry> {
    let partitions = ingest.platform.log.partitions(&topic::PRESENCE);
    let mut boards: BTreeMap<u32, Vec<Uuid>> = BTreeMap::new();
    for user in users {
        let partition = partition::of(user.to_string().as_bytes(), partitions);
        boards.entry(partition).or_default().push(user.0);
    }
    let read = boards.into_iter().map(async |(partition, users)| {
        let notes = ingest.platform.ephemeral.noted(&presence::board(partition), &users).await;
        // Away for a moment: it says so in its own metric, and nobody is online meanwhile.
        users.into_iter().zip(notes.unwrap_or_default()).collect::<Vec<_>>()
    });
    let notes = join_all(read).await.into_iter().flatten();
    notes.filter_map(|(user, note)| Some((UserId(user), entry_of(&note?)?))).collect()
}

/// None: a newer version's.
fn entry_of(note: &Bytes) -> Option<Entry> {
    serde_json::from_slice(note).ok()
}

/// What the viewer is to each of these users, with one request.
async fn permissions(
    store: &dyn Store,
    viewer: UserId,
    users: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, Permission>, Failure> {
    let users: Vec<UserId> = users.filter(|user| *user != viewer).collect();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let of_one = |user: &UserId| -> [Get; 3] {
        [
            Block::get(viewer, *user),
            Block::get(*user, viewer),
            MembershipByUser::get(viewer, ConversationId::direct(viewer, *user)),
        ]
    };
    let gets: Vec<Get> = users.iter().flat_map(of_one).collect();
    let mut rows = Rows::read(store, &gets).await?;
    let mut permissions = HashMap::with_capacity(users.len());
    for user in users {
        let (mine, his) = (rows.next::<Block>()?, rows.next::<Block>()?);
        let direct = rows.next::<MembershipByUser>()?;
        let permission = Permission {
            blocked: mine.is_some() || his.is_some(),
            contact: direct.is_some_and(|row| row.visible_to.is_none()),
        };
        permissions.insert(user, permission);
    }
    Ok(permissions)
}
