//! Values for the tests of this noun.

use schemas::conversation::head::{Head, Kind, Members, Preview, Routing, Settings};
use schemas::member::{Membership, Role};
use schemas::user::table::ConversationSettings;
use schemas::{ConversationId, MessageId, Timestamp, UserId};
use uuid::Uuid;

use super::read::Held;

pub(crate) const ME: UserId = UserId(Uuid::from_u128(1));

/// The head of a conversation with so many messages.
pub(crate) fn head(n: i64) -> Head {
    Head {
        v: 1,
        kind: Kind::Group,
        created_by: ME,
        created_at: Timestamp(0),
        seq: n,
        rev: n + 1,
        n,
        last_at: Timestamp(n),
        member_count: 2,
        members: Members(vec![ME, UserId(Uuid::from_u128(2))]),
        routing: Routing::Member,
        applied: schemas::Position::default(),
        preview: (n > 0).then(|| Preview {
            id: MessageId(Uuid::from_u128(9)),
            seq: n,
            sender_id: ME,
            kind: "text".to_owned(),
            content: "x".to_owned(),
            created_at: Timestamp(n),
            is_deleted: false,
        }),
        settings: Settings::default(),
        owner: Some(ME),
        admins: Members::default(),
        blocked_by: Members::default(),
        unopened: false,
        blocks_told: Vec::new(),
        pins: 0,
        deleted_at: None,
    }
}

/// A conversation of mine, last active at `at`.
pub(crate) fn held(id: u128, at: i64) -> Held {
    let id = ConversationId(Uuid::from_u128(id));
    let head = head(at);
    let membership = Membership {
        conversation: id,
        user: ME,
        role: Role::Member,
        joined_at: Timestamp(0),
        visible_from: 1,
        visible_to: None,
        sent_seq: 0,
        sent_n: 0,
        by_conversation: false,
    };
    Held { id, head, membership, settings: ConversationSettings::none(ME, id) }
}
