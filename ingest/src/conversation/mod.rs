//! Conversations.
//!
//! | | |
//! |---|---|
//! | `POST /conversations` | type `direct`, one participantId → 201, the conversation, new or not |
//! | `GET /conversations` | `type`, `page`, `limit`, `cursor` → `{items, page, limit, total, totalPages, nextCursor}` |
//! | `GET /conversations/self` | notes to oneself; made on first use |
//! | `GET /conversations/:id` | 404 for strangers |
//! | `GET /conversations/:id/messages` | see `message` |

mod dto;
mod list;
mod read;
mod write;

use axum::Router;
use axum::routing::get;

use crate::message;
use crate::state::{Ingest, api};

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route(&api("/conversations"), get(list::list).post(write::create))
        .route(&api("/conversations/self"), get(write::notes))
        .route(&api("/conversations/{id}"), get(read::one))
        .route(&api("/conversations/{id}/messages"), get(message::page::of_conversation))
}
