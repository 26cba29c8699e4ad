//! Conversations. PATCH means what PUT means.
//!
//! | | |
//! |---|---|
//! | `POST /conversations` | type, participantIds, name?, description?, avatarUrl? → 201, the conversation, new or not |
//! | `GET /conversations` | `type`, `archived`, `pinned`, `search`, `page`, `limit`, `cursor` → `{items, page, limit, total, totalPages, nextCursor}` |
//! | `GET /conversations/self` | notes to oneself; made on first use |
//! | `GET /conversations/:id` | 404 for strangers |
//! | `PUT /conversations/:id` | name?, description?, avatarUrl?, isMuted?, isArchived?, isPinned? → the conversation |
//! | `DELETE /conversations/:id` | its owner → `{message}` |
//! | `PUT /conversations/:id/settings` | isMuted?, isArchived?, isPinned?, notificationSettings? → `{message}` |
//! | `GET /conversations/:id/messages` | see `message` |
//!
//! Participants are in `member`, what was read in `receipt`.

mod change;
#[cfg(test)]
pub(crate) mod document;
mod dto;
mod list;
mod order;
mod read;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod unread;
mod write;

use axum::Router;
use axum::routing::{get, put};

use crate::message;
use crate::state::{Ingest, api};

pub(crate) use dto::users_of;
pub(crate) use read::{Held, Progress, held, not_found};
pub(crate) use write::{invitable, present};

pub(crate) fn routes() -> Router<Ingest> {
    let one = get(read::one).put(change::update).patch(change::update).delete(change::delete);
    let settings = put(change::settings).patch(change::settings);
    Router::new()
        .route(&api("/conversations"), get(list::list).post(write::create))
        .route(&api("/conversations/self"), get(write::notes))
        .route(&api("/conversations/{id}"), one)
        .route(&api("/conversations/{id}/settings"), settings)
        .route(&api("/conversations/{id}/messages"), get(message::page::of_conversation))
}
