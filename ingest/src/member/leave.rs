//! Leaving. An owner is followed by somebody: whom the fold finds among the admins of the head, else
//! whom this route found among the members. It may have gone since; then the fold says so, and the
//! route looks again.

use axum::extract::State;
use axum::response::Response;
use platform::Store;
use platform::port::store::scan;
use schemas::envelope::ConversationCommand;
use schemas::member::Role;
use schemas::member::command::Leave;
use schemas::member::table::Member;
use schemas::{Code, ConversationId, UserId};

use super::write;
use crate::access::{Entry, gate};
use crate::conversation::not_found;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id, IdempotencyKey};
use crate::publish::{By, once};
use crate::state::Ingest;

/// Looks for a successor before it is given up.
const TRIES: usize = 3;
/// Members looked at for one.
const CANDIDATES: usize = 100;

pub(super) async fn leave(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    carry_out(&ingest, who.user, id, key.as_deref(), not_found).await?;
    Ok(envelope::said("Left conversation successfully", ingest.now()))
}

/// Leaves; strangers get `refusal`.
pub(super) async fn carry_out(
    ingest: &Ingest,
    user: UserId,
    id: ConversationId,
    key: Option<&str>,
    refusal: fn() -> Failure,
) -> Result<(), Failure> {
    let once = once(user, id.0, key, &[b"member.leave"]);
    let store = &*ingest.platform.store;
    let mut tries = 0;
    loop {
        let entry = gate(store, user, id, once.as_ref(), refusal).await?;
        let successor = match &entry {
            Some(entry) => {
                write::of_many(entry)?;
                successor(store, user, entry).await?
            }
            None => None,
        };
        let leave = ConversationCommand::Leave(Leave { conversation_id: id, successor });
        let done = write::carry_out(ingest, id, By { actor: user, once }, &leave).await;
        tries += 1;
        match done {
            Err(failure) if is_stale(&failure) && tries < TRIES => {}
            outcome => {
                ingest.access.forget(user, id);
                return outcome;
            }
        }
    }
}

/// Whether the fold asks for another look.
fn is_stale(failure: &Failure) -> bool {
    failure.api.code == Code::Conflict && failure.api.retry_after_ms.is_some()
}

/// Who is to follow an owner: the first admin of the head, else of some members one with the highest
/// role, who is here the longest. None: he is alone, or no owner.
async fn successor(
    store: &dyn Store,
    user: UserId,
    entry: &Entry,
) -> Result<Option<UserId>, Failure> {
    if entry.membership.role != Role::Owner {
        return Ok(None);
    }
    if let Some(admin) = entry.head.admins.0.iter().find(|admin| **admin != user) {
        return Ok(Some(*admin));
    }
    let rows =
        scan(store, Member::of_conversation(entry.membership.conversation, CANDIDATES)).await?;
    Ok(first_of(user, &rows))
}

fn first_of(leaving: UserId, members: &[Member]) -> Option<UserId> {
    let others = members.iter().filter(|row| row.user != leaving);
    let rank = |row: &&Member| {
        let role = Role::read(&row.role).unwrap_or(Role::Member);
        (std::cmp::Reverse(role), row.joined_at, row.user)
    };
    others.min_by_key(rank).map(|row| row.user)
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn an_admin_of_the_head_follows_wherever_he_stands_among_the_members() {
        let world = crate::testing::world().await;
        let store = &*world.ingest.platform.store;
        let mut held = crate::conversation::tests::held(9, 0);
        held.membership.role = Role::Owner;
        let owner = held.membership.user;
        held.head.admins.0 = vec![owner, UserId(Uuid::from_u128(7))];
        let mut entry = Entry { membership: held.membership, head: held.head };
        // None of the rows is there.
        let next = successor(store, owner, &entry).await.unwrap();
        assert_eq!(next, Some(UserId(Uuid::from_u128(7))));
        entry.membership.role = Role::Admin;
        assert_eq!(successor(store, owner, &entry).await.unwrap(), None, "he owns nothing");
    }

    #[test]
    fn an_owner_is_followed_by_the_highest_who_is_here_the_longest() {
        let id = |n| UserId(Uuid::from_u128(n));
        let row = |n, role: Role, at| Member {
            conversation: ConversationId(Uuid::from_u128(9)),
            user: id(n),
            role: role.text().to_owned(),
            joined_at: Timestamp(at),
            visible_to: None,
        };
        let owner = row(1, Role::Owner, 0);
        assert_eq!(first_of(id(1), std::slice::from_ref(&owner)), None);
        let members = [owner, row(2, Role::Member, 1), row(3, Role::Member, 0)];
        assert_eq!(first_of(id(1), &members), Some(id(3)));
        let [owner, a, b] = members;
        let members = [owner, a, b, row(4, Role::Moderator, 7)];
        assert_eq!(first_of(id(1), &members), Some(id(4)));
    }
}
