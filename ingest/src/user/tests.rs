//! Values for the tests of this noun.

use schemas::user::head::{Head, Privacy, Profile};
use schemas::{Position, Timestamp};

/// The head of somebody who has set nothing.
pub(crate) fn head() -> Head {
    Head {
        v: 1,
        profile: Profile {
            username: "Alice".to_owned(),
            email: "Alice@example.org".to_owned(),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            phone: None,
        },
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        rev: 1,
        last_at: Timestamp(0),
        applied: Position::default(),
        privacy: Privacy::default(),
        presence: schemas::user::head::Preference::default(),
        deleted_at: None,
    }
}
