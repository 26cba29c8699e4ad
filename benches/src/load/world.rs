//! Users and conversations of a run.

use anyhow::bail;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::gauges::Gauges;
use crate::history::Outcome;
use crate::remote::Remote;
use crate::target::{Target as _, User};

/// Requests at a time.
const AT_ONCE: usize = 16;
/// Members that one request may name.
const NAMED: usize = schemas::limits::MEMBERS_PER_COMMAND;

/// Who is there, and where they talk. Places in these lists are what the rest of a run goes by.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Users.
    pub users: Vec<User>,
    /// Conversations.
    pub rooms: Vec<Room>,
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Room {
    /// Id.
    pub id: Uuid,
    /// Places of its members; the first one opened it.
    pub members: Vec<u32>,
}

impl World {
    /// A user by place.
    pub fn user(&self, place: u32) -> Option<&User> {
        self.users.get(place as usize)
    }

    /// A conversation by place.
    pub fn room(&self, place: u32) -> Option<&Room> {
        self.rooms.get(place as usize)
    }
}

/// Registers so many users and signs them in.
pub async fn users(remote: &Remote, count: usize, gauges: &Gauges) -> anyhow::Result<Vec<User>> {
    gauges.phase(&format!("making {count} users"));
    let register = |number| {
        let remote = remote.clone();
        async move {
            let user = remote.register(number).await;
            gauges.step();
            user
        }
    };
    stream::iter((0..count).map(register)).buffered(AT_ONCE).try_collect().await
}

/// Opens conversations of these members (places of users).
pub async fn conversations(
    remote: &Remote,
    users: Vec<User>,
    members: Vec<Vec<u32>>,
    gauges: &Gauges,
) -> anyhow::Result<World> {
    gauges.phase(&format!("opening {} conversations", members.len()));
    let all = &users;
    let open = |members: Vec<u32>| async move {
        let room = opened(remote, all, members).await;
        gauges.step();
        room
    };
    let rooms = stream::iter(members.into_iter().map(open)).buffered(AT_ONCE).try_collect().await?;
    Ok(World { users, rooms })
}

async fn opened(remote: &Remote, users: &[User], members: Vec<u32>) -> anyhow::Result<Room> {
    let who: Vec<&User> = members.iter().filter_map(|place| users.get(*place as usize)).collect();
    let Some((owner, others)) = who.split_first() else { bail!("a conversation of nobody") };
    let ids: Vec<Uuid> = others.iter().map(|user| user.id).collect();
    let outcome = match others {
        [other] => remote.open(0, owner, other).await,
        _ => remote.group(0, owner, ids.get(..NAMED.min(ids.len())).unwrap_or_default()).await,
    };
    let Outcome::Ok(id) = outcome else { bail!("opening a conversation: {outcome:?}") };
    for more in ids.get(NAMED..).unwrap_or_default().chunks(NAMED) {
        remote.add(0, owner, id, more).await?;
    }
    Ok(Room { id, members })
}

/// Users in pairs, each pair in a conversation of its own.
pub fn pairs(users: usize) -> Vec<Vec<u32>> {
    groups(users / 2, 2)
}

/// So many groups of so many, nobody in two.
pub fn groups(count: usize, size: usize) -> Vec<Vec<u32>> {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    (0..count).map(|group| (group * size..(group + 1) * size).collect()).collect()
}
