//! `GET /presence/conversations/:id/typing`: who types there now, as the conversation's board has it.
//!
//! Members alone may ask. They do not see whom they have blocked, who has blocked them, who hides it
//! (`showTypingIndicator`), and who is no member any more. Without a board nobody is seen.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::member::table::MembershipByUser;
use schemas::table::Get;
use schemas::typing::view::Indicator;
use schemas::typing::{self, Note};
use schemas::user::head::Head;
use schemas::user::table::{Block, UserHead, UserSettings};
use schemas::{ConversationId, UserId};

use super::Sight;
use crate::access::entry;
use crate::conversation::not_found;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::inbound::typing::hides;
use crate::rows::Rows;
use crate::state::Ingest;

/// Typers that one answer names at most.
const SHOWN: usize = 100;

pub(super) async fn list(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
) -> Result<Response, Failure> {
    let store = &*ingest.platform.store;
    entry(store, who.user, id).await?.ok_or_else(not_found)?;
    let typers = visible(&ingest, who.user, id, noted(&ingest, id).await).await?;
    let people: Vec<_> = typers.iter().map(|typer| (typer.user, Some(&typer.head))).collect();
    let sight = Sight::of(&ingest, who.user, &people).await?;
    let all: Vec<_> = typers
        .iter()
        .map(|Typer { user, note, head }| Indicator {
            id: typing::id(id, note, user.0),
            user_id: *user,
            conversation_id: id,
            started_at: note.started_at,
            expires_at: note.expires_at,
            is_typing: true,
            user: sight.user(*user, Some(head)),
        })
        .collect();
    Ok(envelope::encoded(StatusCode::OK, &all, ingest.now()))
}

/// Somebody who is seen to type.
struct Typer {
    user: UserId,
    note: Note,
    head: Head,
}

/// What the board says, who began first first.
async fn noted(ingest: &Ingest, id: ConversationId) -> Vec<(UserId, Note)> {
    let board = ingest.platform.ephemeral.board(&typing::board(id)).await;
    let board = board.unwrap_or_else(|error| {
        tracing::debug!(%error, "who types can not be read");
        Vec::new()
    });
    let now = ingest.now();
    let notes = board.into_iter();
    let mut notes: Vec<_> =
        notes.filter_map(|(user, note)| Some((UserId(user), Note::read(&note, now)?))).collect();
    notes.sort_unstable_by_key(|(user, note)| (note.started_at, *user));
    notes.truncate(SHOWN);
    notes
}

/// Those whom the viewer may see, with one request.
async fn visible(
    ingest: &Ingest,
    viewer: UserId,
    id: ConversationId,
    notes: Vec<(UserId, Note)>,
) -> Result<Vec<Typer>, Failure> {
    let of_one = |(user, _): &(UserId, Note)| -> [Get; 5] {
        [
            MembershipByUser::get(*user, id),
            Block::get(viewer, *user),
            Block::get(*user, viewer),
            UserHead::get(*user),
            UserSettings::get(*user),
        ]
    };
    let gets: Vec<Get> = notes.iter().flat_map(of_one).collect();
    let mut rows = Rows::read(&*ingest.platform.store, &gets).await?;
    let mut visible = Vec::with_capacity(notes.len());
    for (user, note) in notes {
        let member = rows.next::<MembershipByUser>()?.is_some_and(|row| row.visible_to.is_none());
        let (mine, his) = (rows.next::<Block>()?, rows.next::<Block>()?);
        let head = rows.next::<UserHead>()?.map(|row| row.head()).transpose()?;
        let settings = rows.next::<UserSettings>()?.map(|row| row.read()).transpose()?;
        let Some(head) = head.filter(|head| head.deleted_at.is_none()) else { continue };
        let hidden = settings.is_some_and(|settings| hides(&settings));
        if member && !hidden && mine.is_none() && his.is_none() {
            visible.push(Typer { user, note, head });
        }
    }
    Ok(visible)
}

#[cfg(test)]
pub(super) fn operation() -> crate::document::Operation {
    crate::document::get("/presence/conversations/{id}/typing", "typing", "Who types there now.")
        .id::<ConversationId>("id", "Of the conversation.")
        .answers::<Vec<Indicator<'static>>>(200)
        .refuses(&[schemas::Code::NotFound])
}
