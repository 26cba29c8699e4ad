//! One conversation as its viewer sees it: what all see of it, and what he alone has set and read.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use futures_util::future::try_join_all;
use http::StatusCode;
use platform::Store;
use platform::port::store::scan;
use schemas::conversation::head::{Head, Kind};
use schemas::conversation::table::HeadRow;
use schemas::conversation::view::{Conversation, Own, Participant};
use schemas::member::table::{Member, MembershipByUser, SentMark};
use schemas::member::{Membership, Role};
use schemas::receipt::table::ReadMarker;
use schemas::user::head::Head as UserHead;
use schemas::user::table::ConversationSettings;
use schemas::{Code, ConversationId, Timestamp, UserId};
use serde::Serialize;

use super::unread::{Mark, marker, unread};
use crate::access::{Entry, entry_of};
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::presence::Sight;
use crate::profiles::heads;
use crate::rows::Rows;
use crate::state::Ingest;

/// Participants that a view of one conversation has at most.
pub(super) const SHOWN: usize = 100;
/// What a conversation with oneself is called.
pub(super) const NOTES: &str = "Notes (You)";

/// The view, and what only its viewer sees of it.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ConversationViewed"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Viewed<'a> {
    #[serde(flatten)]
    conversation: Conversation<'a>,
    /// What the viewer has set and read.
    user_participant: Own,
    /// Countable messages that the viewer has not read.
    unread_count: i64,
}

/// A conversation as its viewer has it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) id: ConversationId,
    pub(crate) head: Head,
    pub(crate) membership: Membership,
    pub(crate) settings: ConversationSettings,
}

/// How far he has come in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) marker: Mark,
    pub(super) read: Option<ReadMarker>,
}

impl Progress {
    pub(super) fn of(
        membership: &Membership,
        sent: Option<&SentMark>,
        read: Option<ReadMarker>,
    ) -> Self {
        Self { marker: marker(membership, sent, read.as_ref()), read }
    }
}

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
) -> Result<Response, Failure> {
    answer(&ingest, who.user, id, StatusCode::OK).await
}

/// Answers with a conversation; 404 for strangers.
pub(super) async fn answer(
    ingest: &Ingest,
    viewer: UserId,
    id: ConversationId,
    status: StatusCode,
) -> Result<Response, Failure> {
    let store = &*ingest.platform.store;
    let (held, progress) = held(store, viewer, id).await?.ok_or_else(not_found)?;
    let people = People::of(ingest, viewer, std::slice::from_ref(&held), SHOWN).await?;
    Ok(envelope::encoded(status, &people.view(&held, &progress), ingest.now()))
}

/// The answer of routes whose predecessor says 404 to strangers; the same for what does not exist.
pub(crate) fn not_found() -> Failure {
    Failure::new(Code::NotFound, "conversation not found")
}

/// The conversation of a member, with one request; none for everybody else.
pub(crate) async fn held(
    store: &dyn Store,
    viewer: UserId,
    id: ConversationId,
) -> Result<Option<(Held, Progress)>, Failure> {
    let gets = [
        MembershipByUser::get(viewer, id),
        HeadRow::get(id),
        ConversationSettings::get(viewer, id),
        SentMark::get(viewer, id),
        ReadMarker::get(id, viewer),
    ];
    let mut rows = Rows::read(store, &gets).await?;
    let Some(Entry { membership, head }) = entry_of(rows.next()?, rows.next()?)? else {
        return Ok(None);
    };
    let settings = rows.next()?.unwrap_or_else(|| ConversationSettings::none(viewer, id));
    let sent = rows.next::<SentMark>()?;
    let progress = Progress::of(&membership, sent.as_ref(), rows.next::<ReadMarker>()?);
    Ok(Some((Held { id, head, membership, settings }, progress)))
}

/// Who is in some conversations, each cut at a number of members, and how they look.
#[derive(Debug)]
pub(super) struct People {
    members: HashMap<ConversationId, Vec<Person>>,
    users: HashMap<UserId, UserHead>,
    sight: Sight,
}

#[derive(Debug)]
struct Person {
    user: UserId,
    role: String,
    joined_at: Timestamp,
}

impl People {
    /// Direct conversations have theirs in the head; of others the rows are read, a scan for each.
    pub(super) async fn of(
        ingest: &Ingest,
        viewer: UserId,
        shown: &[Held],
        cut: usize,
    ) -> Result<Self, Failure> {
        let store = &*ingest.platform.store;
        let members = shown.iter().map(async |held| {
            let people = match held.head.kind {
                Kind::Direct => pair(&held.head),
                Kind::Group | Kind::Channel => {
                    let rows = scan(store, Member::of_conversation(held.id, cut)).await?;
                    rows.into_iter().map(Person::of).collect()
                }
            };
            Ok::<_, Failure>((held.id, people))
        });
        let members: HashMap<_, Vec<Person>> = try_join_all(members).await?.into_iter().collect();
        let mut ids: Vec<UserId> = members.values().flatten().map(|person| person.user).collect();
        ids.sort_unstable();
        ids.dedup();
        let heads = heads(store, &ids).await?;
        let people: Vec<_> = ids.iter().copied().zip(heads.iter().map(Option::as_ref)).collect();
        let sight = Sight::of(ingest, viewer, &people).await?;
        let users = ids.into_iter().zip(heads);
        let users = users.filter_map(|(id, head)| Some((id, head?))).collect();
        Ok(Self { members, users, sight })
    }

    /// The view of a conversation for its viewer.
    pub(super) fn view(&self, held: &Held, progress: &Progress) -> Viewed<'_> {
        let Held { id, head, membership, settings } = held;
        let Progress { marker, read } = progress;
        let people = self.members.get(id).map(Vec::as_slice).unwrap_or_default();
        let participants = people
            .iter()
            .map(|person| Participant {
                id: person.user,
                user_id: person.user,
                role: person.role.clone(),
                joined_at: person.joined_at,
                user: self.sight.user(person.user, self.users.get(&person.user)),
            })
            .collect();
        let unread_count = unread(head, *marker);
        let mut conversation = Conversation::of(*id, head, participants);
        if is_notes(head) {
            conversation.name = Some(NOTES.to_owned());
        }
        let notifications = settings.notifications.as_deref();
        Viewed {
            conversation,
            user_participant: Own {
                role: membership.role.text().to_owned(),
                unread_count,
                is_muted: settings.is_muted,
                is_archived: settings.is_archived,
                is_pinned: settings.is_pinned,
                last_read_message_id: read.as_ref().and_then(|read| read.read_message),
                last_read_at: read.as_ref().and_then(ReadMarker::read_at),
                // Written by the fold, which has it from a checked request.
                notification_settings: notifications.and_then(|j| serde_json::from_str(j).ok()),
            },
            unread_count,
        }
    }
}

/// Whether it is a conversation with oneself.
pub(super) fn is_notes(head: &Head) -> bool {
    head.kind == Kind::Direct && head.members.0.len() == 1
}

/// In a direct conversation both have the same role, since the same moment.
fn pair(head: &Head) -> Vec<Person> {
    let role = Role::Member.text();
    let one =
        |user: &UserId| Person { user: *user, role: role.to_owned(), joined_at: head.created_at };
    head.members.0.iter().map(one).collect()
}

impl Person {
    fn of(row: Member) -> Self {
        Self { user: row.user, role: row.role, joined_at: row.joined_at }
    }
}
