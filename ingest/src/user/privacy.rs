//! Who may see and do what about a user: his settings, and blocks in either direction, read fresh.
//! The fold knows the block of a direct conversation; everything else is decided here.

use platform::Store;
use schemas::member::table::MembershipByUser;
use schemas::table::Get;
use schemas::user::head::{Audience, Head};
use schemas::user::table::{Block, UserHead};
use schemas::{ConversationId, UserId};

use crate::error::Failure;
use crate::rows::Rows;

/// A user who is there, and what stands between him and the viewer.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) id: UserId,
    pub(crate) head: Head,
    /// One of the two has blocked the other.
    pub(crate) blocked: bool,
    /// They have a direct conversation.
    pub(crate) contacts: bool,
}

/// What the viewer's relation to these users is, with one request; none for who does not exist, or
/// not any more.
pub(crate) async fn relations(
    store: &dyn Store,
    viewer: UserId,
    users: &[UserId],
) -> Result<Vec<Option<Relation>>, Failure> {
    let of_one = |user: &UserId| -> [Get; 4] {
        [
            UserHead::get(*user),
            Block::get(viewer, *user),
            Block::get(*user, viewer),
            MembershipByUser::get(viewer, ConversationId::direct(viewer, *user)),
        ]
    };
    let gets: Vec<Get> = users.iter().flat_map(of_one).collect();
    let mut rows = Rows::read(store, &gets).await?;
    let mut relations = Vec::with_capacity(users.len());
    for id in users {
        let head = rows.next::<UserHead>()?.map(|row| row.head()).transpose()?;
        let (mine, his) = (rows.next::<Block>()?, rows.next::<Block>()?);
        let direct = rows.next::<MembershipByUser>()?;
        relations.push(head.filter(|head| head.deleted_at.is_none()).map(|head| Relation {
            id: *id,
            head,
            blocked: mine.is_some() || his.is_some(),
            contacts: direct.is_some_and(|row| row.visible_to.is_none()),
        }));
    }
    Ok(relations)
}

/// The viewer's relation to one user.
pub(crate) async fn relation(
    store: &dyn Store,
    viewer: UserId,
    user: UserId,
) -> Result<Option<Relation>, Failure> {
    Ok(relations(store, viewer, &[user]).await?.pop().flatten())
}

impl Relation {
    /// Whether the viewer may see the profile: everyone may see his own.
    pub(crate) fn shows_profile(&self, viewer: UserId) -> bool {
        self.id == viewer || (!self.blocked && self.admits(self.head.privacy.profile))
    }

    /// Whether the viewer may open a direct conversation, as far as settings go.
    pub(crate) fn takes_messages(&self) -> bool {
        self.admits(self.head.privacy.messages)
    }

    /// Whether the viewer may add him to a group.
    pub(crate) fn takes_invites(&self) -> bool {
        !self.blocked && self.head.privacy.group_invites
    }

    fn admits(&self, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Contacts => self.contacts,
            Audience::Nobody => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::user::head::Privacy;
    use uuid::Uuid;

    use super::*;
    use crate::user::tests::head;

    fn relation(privacy: Privacy, blocked: bool, contacts: bool) -> Relation {
        let head = Head { privacy, ..head() };
        Relation { id: UserId(Uuid::from_u128(1)), head, blocked, contacts }
    }

    #[test]
    fn settings_have_the_effect_that_they_name() {
        let viewer = UserId(Uuid::from_u128(2));
        for (audience, contacts, sees) in [
            (Audience::Everyone, false, true),
            (Audience::Contacts, false, false),
            (Audience::Contacts, true, true),
            (Audience::Nobody, true, false),
        ] {
            let privacy = Privacy { profile: audience, messages: audience, ..Privacy::default() };
            let one = relation(privacy, false, contacts);
            assert_eq!(one.shows_profile(viewer), sees, "{audience:?} {contacts}");
            assert_eq!(one.takes_messages(), sees, "{audience:?} {contacts}");
            assert!(one.shows_profile(one.id), "everyone sees his own");
            assert!(!relation(privacy, true, contacts).shows_profile(viewer), "blocked");
        }
        let shy = Privacy { group_invites: false, ..Privacy::default() };
        assert!(!relation(shy, false, true).takes_invites());
        assert!(!relation(Privacy::default(), true, true).takes_invites());
        assert!(relation(Privacy::default(), false, false).takes_invites());
    }
}
