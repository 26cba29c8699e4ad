//! Nested users of an answer, with what the viewer sees of their presence. Bytes that are pushed or
//! kept have null there; an answer is for one viewer, and of one moment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use platform::inbound::Seen;
use schemas::presence::view::{Presence, Viewer, show};
use schemas::user::head::Head;
use schemas::user::view::Public;
use schemas::{Timestamp, UserId};

use super::seen::with_heads;
use crate::error::Failure;
use crate::state::State;
use crate::user::public;

/// What a viewer sees of the users of one answer; who is not in it is not seen to be here.
#[derive(Debug)]
pub(crate) struct Sight(BTreeMap<UserId, Presence>);

/// What he sees of those whom he has blocked.
pub(crate) const BLIND: Sight = Sight(BTreeMap::new());

impl Sight {
    /// Of users, each once, and their heads; none: there is no such user.
    pub(crate) async fn of(
        ingest: &State,
        viewer: UserId,
        users: &[(UserId, Option<&Head>)],
    ) -> Result<Self, Failure> {
        let seen = with_heads(ingest, viewer, users).await?;
        let now = ingest.now();
        Ok(Self(seen.iter().map(|seen| (seen.user, shown(seen, viewer, now))).collect()))
    }

    /// A nested user.
    pub(crate) fn user<'a>(&self, id: UserId, head: Option<&'a Head>) -> Public<'a> {
        let mut user = public(id, head);
        match self.0.get(&id) {
            Some(presence) => nest(&mut user, presence),
            None => nest(&mut user, &show(None, id, Viewer::Himself, Timestamp::default())),
        }
        user
    }
}

/// Whether somebody is here: one who looks at himself may be something while he is not.
pub(crate) fn is_here(presence: &Presence) -> bool {
    let devices = presence.devices.as_ref();
    presence.shown.status.is_here() && devices.is_none_or(|devices| !devices.is_empty())
}

/// A nested user with his presence.
pub(super) fn nest(user: &mut Public<'_>, presence: &Presence) {
    user.is_online = Some(is_here(presence));
    user.last_seen = presence.shown.last_seen_at;
    user.presence_status = Some(Cow::Borrowed(presence.shown.status.text()));
}

/// What a viewer sees of somebody.
pub(super) fn shown(seen: &Seen, viewer: UserId, now: Timestamp) -> Presence {
    let viewer = if seen.user == viewer { Viewer::Himself } else { Viewer::Other(seen.permission) };
    show(seen.entry.as_ref(), seen.user, viewer, now)
}
