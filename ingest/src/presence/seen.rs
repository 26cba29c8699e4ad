//! The presence of users and what a viewer is to them: whatever reads presence reads it here.
//!
//! A page costs one look at the boards of its users' partitions, one read of when those who are not
//! there were last seen, and one of what is between them and the viewer, of those alone of whom there
//! is something to see, and no more than their settings ask for; the viewer's own blocks are one list. The board tells what was published: what a head says of its user is newer, so
//! it is laid over it. Without the board everybody is offline, and nothing fails (G-20).

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use futures_util::future::join_all;
use platform::Store;
use platform::inbound::{Permission, Seen};
use platform::port::store::{get_many, scan};
use schemas::member::table::MembershipByUser;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::table::Get;
use schemas::user::head::{Audience, Head};
use schemas::user::table::Block;
use schemas::{ConversationId, Timestamp, UserId, limits, partition, presence, topic};
use uuid::Uuid;

use crate::error::Failure;
use crate::profiles::heads;
use crate::rows::Rows;
use crate::state::State;

/// Users about whom the viewer's blocks are asked one by one.
const FEW: usize = 4;

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
        // Heads last: one is never older than the entry over which it is laid, which would show for
        // good what its user has hidden meanwhile.
        let found = published(ingest, ids.iter().copied()).await;
        let missing = ids.iter().copied().filter(|user| !found.contains_key(user));
        let rows = last_seen(store, missing).await?;
        let heads = heads(store, ids).await?;
        let users: Vec<_> = ids.iter().copied().zip(heads.iter().map(Option::as_ref)).collect();
        let entries = laid(found, &rows, &users, ingest.now());
        let between = ids.iter().map(|user| Between { user: *user, contact: true, mine: true });
        let permissions = permissions(store, viewer, between).await?;
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
    let store = &*ingest.platform.store;
    let mut all = Vec::with_capacity(users.len());
    let mut blocked: Option<HashSet<UserId>> = None;
    for users in users.chunks(limits::PRESENCE_CHUNK) {
        let entries = entries(ingest, viewer, users).await?;
        let told: Vec<&Entry> = entries.values().filter(|entry| tells(entry)).collect();
        if blocked.is_none() && told.len() > FEW {
            let mine = scan(store, Block::of_user(viewer, limits::BLOCKS)).await?;
            blocked = Some(mine.into_iter().map(|block| block.other).collect());
        }
        let between = told.into_iter().map(|entry| Between {
            user: entry.user_id,
            contact: entry.last_seen == Audience::Contacts,
            mine: blocked.is_none(),
        });
        let mut permissions = permissions(store, viewer, between).await?;
        for user in blocked.iter().flatten() {
            if let Some(permission) = permissions.get_mut(user) {
                permission.blocked = true;
            }
        }
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
    let here = entry.status.is_here() || entry.custom_status.is_some();
    let was = entry.last_seen != Audience::Nobody && entry.last_seen_at.is_some();
    entry.online && (here || was)
}

/// The newest entry of each user who is there.
async fn entries(
    ingest: &State,
    viewer: UserId,
    users: &[(UserId, Option<&Head>)],
) -> Result<HashMap<UserId, Entry>, Failure> {
    let there = |(user, head): &(UserId, Option<&Head>)| {
        head.filter(|head| head.deleted_at.is_none()).map(|_| *user)
    };
    let found = published(ingest, users.iter().filter_map(there)).await;
    let missing = users.iter().filter_map(|(user, head)| {
        // Nobody is told of it else.
        let asked = *user == viewer || head.as_ref()?.privacy.last_seen != Audience::Nobody;
        there(&(*user, *head)).filter(|user| asked && !found.contains_key(user))
    });
    let store = &*ingest.platform.store;
    let rows = last_seen(store, missing).await?;
    // These heads were read before the boards: what was decided since is published already.
    let now = ingest.now();
    let other = |(user, head): &(UserId, Option<&Head>)| {
        (!found.get(user)?.agrees((*head)?, now)).then_some(*user)
    };
    let changed: Vec<UserId> = users.iter().filter_map(other).collect();
    if changed.is_empty() {
        return Ok(laid(found, &rows, users, now));
    }
    let read = heads(store, &changed).await?;
    let read: HashMap<UserId, Option<Head>> = changed.into_iter().zip(read).collect();
    let mut users: Vec<(UserId, Option<&Head>)> = users.to_vec();
    for (user, head) in &mut users {
        *head = read.get(user).map_or(*head, Option::as_ref);
    }
    Ok(laid(found, &rows, &users, now))
}

/// When users were last seen.
async fn last_seen(
    store: &dyn Store,
    users: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, LastSeen>, Failure> {
    let gets: Vec<Get> = users.map(LastSeen::get).collect();
    let rows = match gets.as_slice() {
        [] => Vec::new(),
        gets => get_many::<LastSeen>(store, gets).await?,
    };
    Ok(rows.into_iter().flatten().map(|row| (row.user, row)).collect())
}

/// The entry of each user who is there: what his head says is laid over what was found.
fn laid(
    mut found: HashMap<UserId, Entry>,
    rows: &HashMap<UserId, LastSeen>,
    users: &[(UserId, Option<&Head>)],
    now: Timestamp,
) -> HashMap<UserId, Entry> {
    let mut entries = HashMap::with_capacity(users.len());
    for (user, head) in users {
        let Some(head) = head.filter(|head| head.deleted_at.is_none()) else { continue };
        let entry = match found.remove(user) {
            Some(published) => fresh(published, head, now),
            None if entries.contains_key(user) => continue,
            None => Entry::away(*user, head, rows.get(user)),
        };
        entries.insert(*user, entry);
    }
    entries
}

/// What was published, and what the user has decided since: the pool hears of that later than he does.
fn fresh(mut entry: Entry, head: &Head, now: Timestamp) -> Entry {
    entry.decided(&head.presence.at(now), &head.privacy);
    entry.overrule(head);
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

/// What is asked about a user and the viewer.
struct Between {
    user: UserId,
    /// Whether they have a conversation.
    contact: bool,
    /// Whether the viewer has blocked him; the other way about is asked in any case.
    mine: bool,
}

/// What the viewer is to each of these users, as far as is asked, with one request.
async fn permissions(
    store: &dyn Store,
    viewer: UserId,
    between: impl Iterator<Item = Between>,
) -> Result<HashMap<UserId, Permission>, Failure> {
    let between: Vec<Between> = between.filter(|between| between.user != viewer).collect();
    if between.is_empty() {
        return Ok(HashMap::new());
    }
    let mut gets: Vec<Get> = Vec::with_capacity(3 * between.len());
    for Between { user, contact, mine } in &between {
        gets.push(Block::get(*user, viewer));
        gets.extend(mine.then(|| Block::get(viewer, *user)));
        let direct = || MembershipByUser::get(viewer, ConversationId::direct(viewer, *user));
        gets.extend(contact.then(direct));
    }
    let mut rows = Rows::read(store, &gets).await?;
    let mut permissions = HashMap::with_capacity(between.len());
    for Between { user, contact, mine } in between {
        let his = rows.next::<Block>()?;
        let mine = if mine { rows.next::<Block>()? } else { None };
        let direct = if contact { rows.next::<MembershipByUser>()? } else { None };
        let permission = Permission {
            blocked: mine.is_some() || his.is_some(),
            contact: direct.is_some_and(|row| row.visible_to.is_none()),
        };
        permissions.insert(user, permission);
    }
    Ok(permissions)
}
